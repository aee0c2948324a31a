# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulated XMM-Newton catalogue, with the column names of the 4XMM FITS file.
"""

import numpy as np
from astropy.table import Table
from scipy.spatial import cKDTree

from claxboi.catalog import designations
from claxboi.utils import hardness_ratio, unit_vectors

from ._mock_fields import move
from ._mock_records import draw_normal, put, sky_records
from ._mock_spectra import band_shares

__all__ = [
    "FLUX",
    "RESOLUTION",
    "julian_year",
    "observe_shares",
    "observe_xmm",
    "resolved",
]

#: Days, and the Modified Julian Date of J2000.
_JULIAN_YEAR, _MJD_2000 = 365.25, 51544.5
#: Exposure (s) for the background of the records.
_BACKGROUND_EXPOSURE = 20_000.0
#: Radius in which a brighter source hides another, and in which sources are confused, arcsec.
RESOLUTION, _CONFUSED = 6.0, 12.0
#: Smallest and largest extent, arcsec, as in 4XMM.
_EXTENTS = (6.0, 80.0)
#: Smallest detection likelihood in 4XMM.
_LEAST_ML = 6.0
_LARGEST_FVAR = 3.0

FLUX = "erg / (s cm2)"


def julian_year(mjd):
    """
    Convert a Modified Julian Date to a Julian year.

    Parameters
    ----------
    mjd : `~numpy.ndarray`
        Days.

    Returns
    -------
    year : `~numpy.ndarray`
    """
    return 2000.0 + (mjd - _MJD_2000) / _JULIAN_YEAR


def observe_xmm(rng, sources, fields):
    """
    Draw counts in five bands, and derive the 4XMM columns.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    sources : dict of str to `~numpy.ndarray`
        The sources; ``ra, dec`` at the time of the observations.
    fields : Fields
        Pointings.

    Returns
    -------
    table : `~astropy.table.Table`
    """
    telescope = sky_records()["telescope"]
    field, n = sources["field"], len(sources["flux"])
    vignetting = 1 / (1 + (sources["off_axis"] / telescope["vignetting_arcmin"]) ** 2)
    exposure = fields.exposure[field] * vignetting
    ecf = np.array(telescope["ecf"]) * 1e11
    background = np.outer(exposure / _BACKGROUND_EXPOSURE, telescope["background"])
    expected = sources["flux"][:, np.newaxis] * sources["shares"] * ecf * exposure[:, np.newaxis]
    # The mean flux of the observations differs from the mean over all times.
    observations = _observations(rng, sources, fields.n_observations[field])
    expected *= observations.mean[:, np.newaxis]
    # Large numbers need no Poisson statistics, and could exceed its 64 bits.
    counts = rng.poisson(np.minimum(expected + background, 1e12)).astype(float)
    net = np.maximum(counts - background, 0.0)
    error = np.sqrt(counts + 0.75) + 1.0  # Gehrels (1986), eq. 7
    error = np.where(counts > 10, np.sqrt(counts), error)

    table = Table()
    table["SRCID"] = 200_000_000_000_001 + 10 * np.arange(n, dtype=np.int64)
    radius = _position_errors(rng, telescope, sources["off_axis"], net.sum(axis=1))
    sigma = radius / np.sqrt(2)
    ra, dec = move(
        sources["ra"], sources["dec"], sigma * rng.normal(size=n), sigma * rng.normal(size=n)
    )
    table["IAUNAME"] = designations(ra, dec, prefix="4XMM J")
    put(table, "SC_RA", ra, "deg")
    put(table, "SC_DEC", dec, "deg")
    put(table, "SC_POSERR", radius, "arcsec")
    total, total_background = counts.sum(axis=1), background.sum(axis=1)
    likelihood = total * np.log(np.maximum(total, 1) / total_background) - total + total_background
    likelihood = np.where(total > total_background, likelihood, 0)
    weakest = _LEAST_ML + rng.exponential(2.0, n)
    put(table, "SC_DET_ML", np.maximum(likelihood, weakest))

    rate_to_flux = 1 / (ecf * exposure[:, np.newaxis])
    calibration = 1 + telescope["systematic_flux"] * rng.normal(size=n)
    fluxes = net * rate_to_flux * np.maximum(calibration, 0.5)[:, np.newaxis]
    errors = error * rate_to_flux
    # The total of 4XMM is the sum of its bands, and above 0 for detections.
    flux = np.maximum(fluxes.sum(axis=1), 0.3 * sources["flux"])
    flux_error = np.sqrt((errors**2).sum(axis=1))
    for band in range(5):
        put(table, f"SC_EP_{band + 1}_FLUX", fluxes[:, band], FLUX)
        put(table, f"SC_EP_{band + 1}_FLUX_ERR", errors[:, band], FLUX)
    put(table, "SC_EP_8_FLUX", flux, FLUX)
    put(table, "SC_EP_8_FLUX_ERR", flux_error, FLUX)
    for band in range(4):
        pair = slice(band, band + 2)
        ratio, ratio_error = hardness_ratio(*net[:, pair].T, *error[:, pair].T)
        put(table, f"SC_HR{band + 1}", ratio)
        put(table, f"SC_HR{band + 1}_ERR", np.minimum(ratio_error, 2.0))
    _extents(rng, table, sources)
    _variability(rng, table, sources, observations, flux, flux_error, net.sum(axis=1))
    _flags(rng, table, sources, ra, dec)
    put(table, "MJD_FIRST", fields.mjd_first[field], "d")
    put(table, "MJD_LAST", fields.mjd_last[field], "d")
    table["N_DETECTIONS"] = observations.n.astype(np.int32)
    return table


class _Observations:
    """
    Relative fluxes of each source in its observations.
    """

    def __init__(self, factors, n):
        self.n = n
        self.is_there = np.arange(factors.shape[1]) < n[:, np.newaxis]
        self.factors = factors
        self.mean = (factors * self.is_there).sum(axis=1) / n


def _observations(rng, sources, n):
    most = sky_records()["telescope"]["most_observations"]
    rms = np.minimum(10 ** sources["log_variability"], 1.5)
    change = rms[:, np.newaxis] * rng.normal(size=(len(n), most))
    return _Observations(10 ** np.clip(change, -3, 3), n)


def _position_errors(rng, telescope, off_axis, counts):
    psf = telescope["psf_arcsec"] * (1 + (off_axis / telescope["off_axis_arcmin"]) ** 2)
    radius = psf / np.sqrt(np.maximum(counts, 10)) * 10 ** draw_normal(rng, (0, 0.06), len(counts))
    return np.clip(np.hypot(radius, telescope["systematic_arcsec"]), 0.2, 6.0)


def _extents(rng, table, sources):
    n = len(table)
    log_extent = sky_records()["classes"]["extended"]["log_extent"]
    extent = np.clip(10 ** draw_normal(rng, log_extent, n), *_EXTENTS)
    is_extended = sources["is_extended"]
    error = extent * np.clip(rng.lognormal(-2.3, 0.6, n), 0.01, 0.5)
    likelihood = np.where(is_extended, 4 + rng.lognormal(2.5, 1.3, n), -rng.exponential(2.0, n))
    put(table, "SC_EXTENT", np.where(is_extended, extent, 0.0), "arcsec")
    put(table, "SC_EXT_ERR", np.where(is_extended, error, np.nan), "arcsec")
    put(table, "SC_EXT_ML", likelihood)


def _variability(rng, table, sources, observations, flux, flux_error, counts):
    n = len(flux)
    relative = np.minimum(flux_error / flux * np.sqrt(observations.n), 1.0)
    noise = 1 + relative[:, np.newaxis] * rng.normal(size=observations.factors.shape)
    measured = observations.factors / observations.mean[:, np.newaxis] * np.maximum(noise, 0.05)
    single = observations.n == 1
    least = np.where(observations.is_there, measured, np.inf).min(axis=1)
    most = np.where(observations.is_there, measured, -np.inf).max(axis=1)
    put(table, "SC_EP_8_FMIN", np.where(single, 1.0, least) * flux, FLUX)
    put(table, "SC_EP_8_FMAX", np.where(single, 1.0, most) * flux, FLUX)
    # The excess variance of a light curve is slightly smaller than over years.
    has_curve = counts > sky_records()["telescope"]["fvar_counts"]
    true = 10 ** (sources["log_variability"] + draw_normal(rng, (-0.15, 0.25), n)) * np.log(10)
    scatter = 3.0 / np.sqrt(np.maximum(counts, 1))
    excess = true**2 + scatter**2 * rng.normal(size=n)
    fvar = np.minimum(np.sqrt(np.maximum(excess, 0)), _LARGEST_FVAR)
    fvar_error = scatter**2 / (2 * np.maximum(fvar, scatter))
    put(table, "SC_FVAR", np.where(has_curve, fvar, np.nan))
    put(table, "SC_FVARERR", np.where(has_curve, fvar_error, np.nan))
    table["SC_VAR_FLAG"] = has_curve & (excess > 5 * scatter**2)


def _flags(rng, table, sources, ra, dec):
    n = len(table)
    confused = _nearest_arcsec(ra, dec) < _CONFUSED
    bad = np.where(sources["is_spurious"], rng.random(n) < 0.7, rng.random(n) < 0.02)
    mild = rng.random(n) < 0.12
    flag = np.where(bad, rng.integers(2, 5, n), np.where(mild, 1, 0))
    table["SC_SUM_FLAG"] = flag.astype(np.int16)
    table["CONFUSED"] = confused


def _nearest_arcsec(ra, dec):
    if len(ra) < 2:
        return np.full(len(ra), np.inf)
    vectors = unit_vectors(ra, dec)
    chord = cKDTree(vectors).query(vectors, k=[2])[0][:, 0]
    return np.degrees(chord) * 3600


def resolved(ra, dec, flux, radius_arcsec):
    """
    Find the sources without a brighter one nearby.

    Parameters
    ----------
    ra, dec : `~numpy.ndarray`
        Positions in deg.
    flux : `~numpy.ndarray`
        Fluxes.
    radius_arcsec : float
        Radius.

    Returns
    -------
    is_resolved : `~numpy.ndarray` of bool
    """
    pairs = cKDTree(unit_vectors(ra, dec)).query_pairs(
        np.radians(radius_arcsec / 3600), output_type="ndarray"
    )
    first, second = pairs.T
    is_resolved = np.ones(len(ra), bool)
    is_resolved[np.where(flux[first] < flux[second], first, second)] = False
    return is_resolved


def observe_shares(sources, rows, edges):
    """
    Compute the band fractions of the flux for sources with different kinds of spectra.

    Parameters
    ----------
    sources : dict of str to `~numpy.ndarray`
        The sources.
    rows : `~numpy.ndarray` of int
        Rows of the sources.
    edges : tuple of float
        keV.

    Returns
    -------
    shares : `~numpy.ndarray` of shape (n_bands, n_rows)
    """
    thermal = sources["is_thermal"][rows]
    value, log_nh = sources["value"][rows], sources["log_nh"][rows]
    shares = band_shares("powerlaw", value, log_nh, edges)
    shares[:, thermal] = band_shares("thermal", value[thermal], log_nh[thermal], edges)
    return shares
