# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulated Swift and Chandra catalogues of the same sources, with the column names of the 2SXPS and
CSC 2 FITS files.
"""

import numpy as np
from astropy.table import Table

from claxboi.catalog import designations
from claxboi.utils import hardness_ratio

from ._mock_fields import move
from ._mock_records import draw_normal, put, sky_records
from ._xmm import FLUX, observe_shares

__all__ = ["observe_chandra", "observe_swift"]

#: MJD of 2001-01-01, the zero point of Swift times.
_MJD_2001 = 51910.0
_DAY_S = 86400.0
#: Signal-to-noise ratio at the detection threshold.
_SNR_AT_THRESHOLD = 4.0
#: Mean energy of a band (keV), which converts energy fluxes to photon fluxes.
_PHOTON_KEV = (0.8, 1.55, 3.8)
_ERG_PER_KEV = 1.602176634e-9


def observe_swift(rng, sources, fields):
    """
    Draw the detections of the Swift X-ray telescope.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    sources : dict of str to `~numpy.ndarray`
        The sources; ``ra, dec``.
    fields : Fields
        Pointings; Swift observed a fraction of them.

    Returns
    -------
    table : `~astropy.table.Table`
    rows : `~numpy.ndarray` of int
        The source of each row.
    """
    record = sky_records()["missions"]["2SXPS"]
    rows, flux, relative, mjd = _detect(rng, record, sources, fields)
    n = len(rows)
    radius = np.hypot(
        record["error_90"] * np.sqrt(relative * _SNR_AT_THRESHOLD), record["floor_90"]
    )
    ra, dec = _place(rng, sources, rows, radius / 2.1460)
    bands = (
        observe_shares(sources, rows, record["edges"]) * np.array(record["relative_rate"])[:, None]
    )
    rates = bands / bands.sum(axis=0) * flux / record["rate_to_flux"]
    errors = relative * np.sqrt(rates * rates.sum(axis=0))
    rates = np.maximum(rates + errors * rng.normal(size=rates.shape), 0)

    table = Table()
    table["2SXPS_ID"] = np.arange(1, n + 1, dtype=np.int64)
    table["IAUName"] = designations(ra, dec, prefix="2SXPS J")
    put(table, "RA", ra, "deg")
    put(table, "Decl", dec, "deg")
    put(table, "Err90", radius, "arcsec")
    flag = np.where(sources["is_spurious"][rows], 2, np.where(relative > 0.22, 1, 0))
    table["DetFlag"] = flag.astype(np.int16)
    table["FieldFlag"] = np.zeros(n, np.int16)
    total = flux / record["rate_to_flux"]
    for name, rate, error in [
        ("Rate_band0", total, relative * total),
        *((f"Rate_band{k + 1}", rates[k], errors[k]) for k in range(3)),
    ]:
        put(table, name, rate, "ct / s")
        put(table, f"{name}_pos", error, "ct / s")
        put(table, f"{name}_neg", -error, "ct / s")
    for number, (soft, hard) in enumerate([(0, 1), (1, 2)], start=1):
        ratio, error = hardness_ratio(rates[soft], rates[hard], errors[soft], errors[hard])
        error = np.minimum(error, 2.0)
        put(table, f"HR{number}", ratio)
        put(table, f"HR{number}_pos", error)
        put(table, f"HR{number}_neg", -error)
    put(table, "FixedPowFlux", flux, FLUX)
    seconds = (mjd - _MJD_2001) * _DAY_S
    put(table, "FirstObsMET", seconds, "s")
    put(table, "LastObsMET", seconds + 2e4, "s")
    return table, rows


def observe_chandra(rng, sources, fields):
    """
    Draw the detections of Chandra.

    Parameters
    ----------
    rng, sources, fields
        As for `observe_swift`.

    Returns
    -------
    table, rows
        As for `observe_swift`.
    """
    record = sky_records()["missions"]["CSC2"]
    rows, flux, relative, _ = _detect(rng, record, sources, fields)
    n = len(rows)
    major = np.hypot(record["error_95"] * relative * _SNR_AT_THRESHOLD, record["floor_95"])
    major, minor = major * rng.uniform(1, 1.3, n), major
    angle = rng.uniform(0, 180, n)
    ra, dec = _place(rng, sources, rows, major / 2.4477, minor / 2.4477, angle)
    shares = observe_shares(sources, rows, record["edges"])
    bands = flux * shares / shares.sum(axis=0)
    errors = relative * np.sqrt(bands * flux)
    bands = np.maximum(bands + errors * rng.normal(size=bands.shape), 0)

    table = Table()
    table["name"] = designations(ra, dec, prefix="2CXO J")
    put(table, "ra", ra, "deg")
    put(table, "dec", dec, "deg")
    put(table, "err_ellipse_r0", major, "arcsec")
    put(table, "err_ellipse_r1", minor, "arcsec")
    put(table, "err_ellipse_ang", angle, "deg")
    put(table, "significance", 1 / relative)
    put(table, "likelihood", 0.5 / relative**2)
    table["likelihood_class"] = np.where(relative > 0.3, "MARGINAL", "TRUE")
    table["conf_flag"] = np.zeros(n, bool)
    table["extent_flag"] = sources["is_extended"][rows]
    table["sat_src_flag"] = np.zeros(n, bool)
    table["streak_src_flag"] = np.zeros(n, bool)
    table["var_flag"] = rng.random(n) < np.minimum(10 ** sources["log_variability"][rows], 1)
    for band, value, error in [
        ("b", flux, relative * flux),
        *(zip("smh", bands, errors, strict=True)),
    ]:
        put(table, f"flux_aper_{band}", value, FLUX)
        put(table, f"flux_aper_lolim_{band}", np.maximum(value - error, 0), FLUX)
        put(table, f"flux_aper_hilim_{band}", value + error, FLUX)
    photons, photon_errors = (
        x / (np.array(_PHOTON_KEV)[:, None] * _ERG_PER_KEV) for x in (bands, errors)
    )
    # Chandra hardness ratios are (x - y) / (x + y) with the harder band x.
    for name, (soft, hard) in {"ms": (0, 1), "hm": (1, 2), "hs": (0, 2)}.items():
        ratio, error = hardness_ratio(
            photons[soft], photons[hard], photon_errors[soft], photon_errors[hard]
        )
        error = np.minimum(error, 2.0)
        put(table, f"hard_{name}", ratio)
        put(table, f"hard_{name}_lolim", np.maximum(ratio - error, -1))
        put(table, f"hard_{name}_hilim", np.minimum(ratio + error, 1))
    return table, rows


def _detect(rng, record, sources, fields):
    """Choose fields, dates and fluxes, and the sources above the detection threshold."""
    n_fields = len(fields.ra)
    is_seen = rng.random(n_fields) < record["coverage"]
    # Each mission observes at least one field.
    is_seen[rng.integers(n_fields)] = True
    threshold = 10 ** draw_normal(rng, record["log_threshold"], n_fields)
    mjd = rng.uniform(*record["mjd"], n_fields)
    rows = np.flatnonzero(is_seen[sources["field"]])
    share = observe_shares(sources, rows, record["band"])[0]
    rms = np.minimum(10 ** sources["log_variability"][rows], 1.5)
    flux = sources["flux"][rows] * share * 10 ** (rms * rng.normal(size=len(rows)))
    field = sources["field"][rows]
    relative = np.sqrt(threshold[field] / flux) / _SNR_AT_THRESHOLD
    relative = np.hypot(relative, 0.03)
    flux = flux * (1 + relative * rng.normal(size=len(rows)))
    # Spurious detections are not detected again.
    good = (flux > threshold[field]) & ~sources["is_spurious"][rows]
    rows = rows[good]
    return rows, flux[good], np.clip(relative[good], 0.03, 0.5), mjd[field[good]]


def _place(rng, sources, rows, major, minor=None, angle_deg=0.0):
    minor = major if minor is None else minor
    along, across = (sigma * rng.normal(size=len(rows)) for sigma in (major, minor))
    angle = np.radians(angle_deg)
    east = along * np.sin(angle) + across * np.cos(angle)
    north = along * np.cos(angle) - across * np.sin(angle)
    return move(sources["ra"][rows], sources["dec"][rows], east, north)
