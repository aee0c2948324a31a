# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulated X-ray sources: class, position, spectrum, flux and counterpart.
"""

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from ._mock_fields import column_density, disc, move
from ._mock_records import draw_mixture, draw_normal, sky_records
from ._mock_spectra import XMM_EDGES, band_shares

__all__ = [
    "agn_per_field",
    "cumulative_counts",
    "draw_class",
    "draw_flux",
    "g_minus_rp",
    "main_sequence",
]

#: Candidates drawn per source, of which the detectable ones are kept.
_CANDIDATES = 5
_BRIGHTEST = 3e-10
_MPC_CM = u.Mpc.to(u.cm)


def draw_class(rng, name, n, fields, galaxies):
    """
    Draw detected sources of a class.

    The detection probability grows with the expected counts, so deep fields and field centres have
    more and fainter sources.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    name : str
        The class.
    n : int
        Number of sources.
    fields : Fields
        Pointings.
    galaxies : Galaxies
        Galaxies.

    Returns
    -------
    sources : dict of str to `~numpy.ndarray`
        ``field, host`` (row of the galaxy, -1: none), ``is_nuclear, ra, dec, off_axis`` (arcmin),
        ``value, log_nh`` (spectrum), ``column`` (of dust in front, cm-2), ``flux`` (0.2-12 keV,
        erg/s/cm2), ``shares`` of shape (n, 5), and of the counterpart (which is missing where
        ``rp`` is NaN) ``rp, bp_rp, rp_w1, w1_w2, distance`` (pc).
    """
    record = sky_records()["classes"][name]
    n_sized = np.count_nonzero(np.isfinite(galaxies.major_arcmin))
    n_nuclear = min(round(record.get("nuclear", 0) * n), n_sized)
    parts = [_candidates(rng, record, n - n_nuclear, fields, galaxies)]
    if n_nuclear:
        parts.append(_candidates(rng, record, n_nuclear, fields, galaxies, is_nuclear=True))
    sources = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    sources.update(_counterparts(rng, record, sources))
    return sources


def _candidates(rng, record, n, fields, galaxies, *, is_nuclear=False):
    # Nuclei are all used; of other positions more are drawn than needed.
    m = n if is_nuclear else n * _CANDIDATES
    if is_nuclear:
        sized = np.flatnonzero(np.isfinite(galaxies.major_arcmin))
        host = rng.permutation(sized)[:m]
        m = n = len(host)
        field = galaxies.field[host]
        ra, dec = galaxies.ra[host], galaxies.dec[host]
    else:
        field = _choose_fields(rng, record, m, fields)
        ra, dec, host = _places(rng, record, field, fields, galaxies)
    off_axis = _separation_arcmin(ra, dec, fields.ra[field], fields.dec[field])
    column = record["spectrum"]["foreground"] * column_density(rng, fields.b[field])
    value, log_nh, shares = _spectra(rng, record["spectrum"], column)
    threshold = _threshold(rng, fields.exposure[field], off_axis, shares)
    break_flux = _break(record["counts"], host, galaxies)
    density = cumulative_counts(threshold, record["counts"], break_flux)
    # The n largest of log weight plus Gumbel noise are a weighted draw without replacement.
    order = np.argpartition(-(np.log(density) + rng.gumbel(size=m)), min(n, m - 1))[:n]
    flux = draw_flux(rng, threshold[order], record["counts"], break_flux[order])
    arrays = {
        "field": field,
        "host": host,
        "ra": ra,
        "dec": dec,
        "off_axis": off_axis,
        "value": value,
        "log_nh": log_nh,
        "column": column,
    }
    sources = {key: array[order] for key, array in arrays.items()}
    sources["flux"] = np.minimum(flux, _BRIGHTEST)
    sources["shares"] = shares.T[order]
    sources["is_nuclear"] = np.full(n, is_nuclear)
    return sources


def _spectra(rng, spectrum, column):
    n = len(column)
    value = draw_normal(rng, spectrum["value"], n)
    log_nh = np.log10(10 ** draw_mixture(rng, spectrum["log_nh"], n) + column)
    return value, log_nh, band_shares(spectrum["kind"], value, log_nh, XMM_EDGES)


def _threshold(rng, exposure, off_axis, shares):
    """Draw the detection thresholds in flux."""
    telescope = sky_records()["telescope"]
    counts_per_flux = np.array(telescope["ecf"]) * 1e11 @ shares
    exposure = exposure / (1 + (off_axis / telescope["vignetting_arcmin"]) ** 2)
    background = np.sqrt(1 + exposure / telescope["threshold_exposure"])
    scatter = 10 ** draw_normal(rng, (0, telescope["threshold_scatter"]), len(exposure))
    return telescope["counts_threshold"] * background * scatter / (counts_per_flux * exposure)


def agn_per_field(rng, fields):
    """
    Estimate how many AGN are detected in a pointing.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    fields : Fields
        Pointings.

    Returns
    -------
    number : float
        Mean number per pointing.
    """
    record, radius = sky_records()["classes"]["AGN"], sky_records()["telescope"]["radius_arcmin"]
    field = np.repeat(np.arange(len(fields.ra)), _CANDIDATES)
    off_axis = np.hypot(*disc(rng, radius, len(field)))
    column = column_density(rng, fields.b[field])
    *_, shares = _spectra(rng, record["spectrum"], column)
    threshold = _threshold(rng, fields.exposure[field], off_axis, shares)
    counts = record["counts"]
    number = cumulative_counts(threshold, counts, counts["break_flux"])
    return counts["density_deg2"] * np.mean(number) * np.pi * (radius / 60) ** 2


def _choose_fields(rng, record, m, fields):
    kinds = list(sky_records()["fields"])
    weight = np.array([record["fields"][kind] for kind in kinds])[fields.kind]
    return rng.choice(len(weight), m, p=weight / weight.sum())


def _places(rng, record, field, fields, galaxies):
    """Draw positions in the field or, for classes of nearby galaxies, in the target."""
    m = len(field)
    if record["fields"]["high"] > 0:
        east, north = disc(rng, sky_records()["telescope"]["radius_arcmin"], m)
        host = np.full(m, -1)
    else:
        host = fields.target[field]
        major = sky_records()["galaxies"]["factor"] * galaxies.major_arcmin[host]
        across, along = disc(rng, major, m)
        if "break_luminosity" in record["counts"]:
            # X-ray binaries follow the light, which is concentrated in the centre.
            shrink = np.sqrt(rng.random(m))
            across, along = shrink * across, shrink * along
        across = across * galaxies.ratio[host]
        angle = np.radians(galaxies.angle_deg[host])
        east = along * np.sin(angle) + across * np.cos(angle)
        north = along * np.cos(angle) - across * np.sin(angle)
    return *move(fields.ra[field], fields.dec[field], 60 * east, 60 * north), host


def _separation_arcmin(ra1, dec1, ra2, dec2):
    first = SkyCoord(ra1, dec1, unit="deg")
    return first.separation(SkyCoord(ra2, dec2, unit="deg")).arcmin


def _break(counts, host, galaxies):
    if "break_flux" in counts:
        return np.full(len(host), counts["break_flux"])
    distance_cm = galaxies.distance_mpc[host] * _MPC_CM
    return counts["break_luminosity"] / (4 * np.pi * distance_cm**2)


def cumulative_counts(flux, counts, break_flux):
    """
    Count sources brighter than a flux, for a broken power law.

    Parameters
    ----------
    flux, break_flux : `~numpy.ndarray`
        Fluxes.
    counts : mapping
        ``faint`` and ``bright``: the differential slopes, above 1.

    Returns
    -------
    number : `~numpy.ndarray`
        In units of dN/dS at the break times the flux of the break.
    """
    x = flux / break_flux
    faint, bright = counts["faint"] - 1, counts["bright"] - 1
    below = (np.minimum(x, 1) ** -faint - 1) / faint
    return below + np.maximum(x, 1) ** -bright / bright


def draw_flux(rng, threshold, counts, break_flux):
    """
    Draw fluxes above thresholds from a broken power law.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    threshold, break_flux : `~numpy.ndarray`
        Fluxes.
    counts : mapping
        As for `cumulative_counts`.

    Returns
    -------
    flux : `~numpy.ndarray`
    """
    faint, bright = counts["faint"] - 1, counts["bright"] - 1
    number = cumulative_counts(threshold, counts, break_flux) * rng.uniform(size=len(threshold))
    above = (bright * np.minimum(number, 1 / bright)) ** (-1 / bright)
    below = (1 + faint * np.maximum(number - 1 / bright, 0)) ** (-1 / faint)
    return break_flux * np.where(number > 1 / bright, below, above)


def _counterparts(rng, record, sources):
    """Draw magnitude, colours and distance of the counterpart, with extinction."""
    n = len(sources["flux"])
    optical = record.get("optical")
    if optical is None:
        return {key: np.full(n, np.nan) for key in ("rp", "bp_rp", "rp_w1", "w1_w2", "distance")}
    log_flux = np.log10(sources["flux"])
    if "sequence" in optical:
        bp_rp = np.clip(draw_mixture(rng, optical["sequence"], n), 0.25, 3.5)
        absolute, rp_w1, log_ratio = main_sequence(bp_rp)
        log_ratio = log_ratio + sky_records()["main_sequence"]["fx_fr_spread"] * rng.normal(size=n)
        rp_w1 = rp_w1 + 0.08 * rng.normal(size=n)
        w1_w2 = -0.03 + 0.06 * np.maximum(bp_rp - 1.5, 0) + 0.03 * rng.normal(size=n)
        absolute = absolute + 0.5 * rng.normal(size=n)
    else:
        bp_rp, rp_w1, w1_w2 = (draw_normal(rng, optical[k], n) for k in ("bp_rp", "rp_w1", "w1_w2"))
        if "log_fx_fr_mixture" in optical:
            log_ratio = draw_mixture(rng, optical["log_fx_fr_mixture"], n)
        else:
            log_ratio = draw_normal(rng, optical["log_fx_fr"], n)
        absolute = draw_normal(rng, optical.get("absolute_rp", (np.nan, 0)), n)
    nuclear = sources["is_nuclear"]
    if nuclear.any():
        log_ratio[nuclear] = draw_normal(rng, record["nuclear_log_fx_fr"], nuclear.sum())
    # log10 Fx/F = log10 Fx + m/2.5 + 5.43 for RP.
    rp = 2.5 * (log_ratio - log_flux - 5.43)
    if optical.get("obscured"):
        # Absorption of the X-rays of an AGN also reddens it.
        hidden = np.clip(sources["log_nh"] - 21.5, 0, 1.5)
        bp_rp, rp, rp_w1 = bp_rp + 0.5 * hidden, rp + 1.2 * hidden, rp_w1 + 0.6 * hidden
    if "distance_pc" in record:
        distance = 10 ** draw_normal(rng, record["distance_pc"], n)
    else:
        distance = 10 ** ((rp - absolute) / 5 + 1)
    a_v = sources["column"] / sky_records()["dust"]["nh_per_av"]
    bands = sky_records()["dust"]["bands"]
    if "share" in optical:
        rp = np.where(rng.random(n) < optical["share"], rp, np.nan)
    return {
        "rp": rp + bands["rp"] * a_v,
        "bp_rp": bp_rp + (bands["bp"] - bands["rp"]) * a_v,
        "rp_w1": rp_w1 + (bands["rp"] - bands["w1"]) * a_v,
        "w1_w2": w1_w2 + (bands["w1"] - bands["w2"]) * a_v,
        "distance": distance,
    }


def main_sequence(bp_rp):
    """
    Return properties of main-sequence stars by colour.

    Parameters
    ----------
    bp_rp : `~numpy.ndarray`
        Intrinsic BP-RP.

    Returns
    -------
    absolute_rp, rp_w1, log_fx_fr : `~numpy.ndarray`
    """
    record = sky_records()["main_sequence"]
    columns = ("absolute_rp", "rp_w1", "log_fx_fr")
    return tuple(np.interp(bp_rp, record["bp_rp"], record[column]) for column in columns)


def g_minus_rp(bp_rp):
    """
    Compute G - RP from the colour: about 0.35 at BP-RP of 0.5, 1.2 at 3.

    Parameters
    ----------
    bp_rp : `~numpy.ndarray`
        BP-RP.

    Returns
    -------
    g_minus_rp : `~numpy.ndarray`
    """
    return 0.15 + 0.40 * bp_rp - 0.015 * bp_rp**2
