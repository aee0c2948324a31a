# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulated table of X-ray sources of known classes.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.utils.data import get_pkg_data_filename

from claxboi.catalog import make_column
from claxboi.utils import check_count, check_number, checked, hardness_ratio, record

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["make_labelled_sample"]

# A 20 ks XMM-Newton observation: counts per erg/s/cm2 in 0.2-12 keV, their scatter from exposure
# and off-axis angle (dex), and the minimum counts of a detection.
COUNTS_PER_FLUX = 6e15
EXPOSURE_SCATTER = 0.3
FEWEST_COUNTS = 15
#: Counts below which neither a spectrum nor a light curve is fitted.
FIT_COUNTS = 100
#: Smallest extent of an extended source, in arcsec (as in the 4XMM catalogues).
SMALLEST_EXTENT = 6.0
#: Correlation of the hardness ratios of a source: absorption hardens all of them.
HARDNESS_CORRELATION = 0.4
#: Observations of a source: maximum, mean number beyond the first, fraction by the same mission,
#: and scatter of their errors (dex).
MOST_OBSERVATIONS, MEAN_REVISITS, OWN_SHARE, ERROR_SCATTER = 6, 0.8, 0.7, 0.15
#: Counts in a bin of a light curve.
BIN_COUNTS = 20
#: log10 flux (erg/s/cm2) of the faintest counterparts: BP 22.5 and RP 22 (of Gaia or of deeper
#: surveys brought to its bands), W1 17.5 and W2 16.5 mag (Vega), with zero points of 5.06, 5.43,
#: 7.27, 7.60 in -log10. Proper motions are of Gaia alone, to RP 20.5.
FAINTEST_COUNTERPART = {"fb": -14.06, "fr": -14.23, "fw1": -14.27, "fw2": -14.20}
FAINTEST_MOTION = -13.63
#: Error of a proper motion (mas/yr) at RP = 20, the log10 flux of that, its slope with log10 flux,
#: and its floor.
PM_ERROR, PM_ERROR_FLUX, PM_ERROR_SLOPE, PM_ERROR_FLOOR = 0.5, -13.43, -0.75, 0.02


@checked
def make_labelled_sample(
    n_sources: int = 2000,
    *,
    labelled_fraction: float = 0.5,
    missing: bool = True,
    rng: int | Generator | None = None,
) -> Table:
    """
    Simulate a table of X-ray sources of the seven published classes.

    **The sources are simulated.** Their classes, proportions and columns are the published ones
    (Tranin et al. 2022) and their values resemble those of XMM-Newton sources, but no catalogue was
    used. They test a program where the truth is known; nothing about the sky can be learned from
    them.

    Parameters
    ----------
    n_sources : int, optional
        Number of sources. Each class gets its proportion of them, to the nearest source.
    labelled_fraction : float, optional
        Fraction of the sources, chosen at random, whose class is given in column ``class``.
    missing : bool, optional
        Leave out values that would be missing in reality: of counterparts too faint for their
        survey, of sources too faint for a spectrum or light curve, observed once, or outside
        galaxies. False gives all values to all sources.
    rng : int, `~numpy.random.Generator` or None, optional
        Seed of the random numbers.

    Returns
    -------
    table : `~astropy.table.Table`
        Canonical columns ``source_id, ra, dec, l, b, flux, flux_error, hr1`` to ``hr4``,
        ``gamma`` and ``pm`` with errors, ``extent, galaxy_radius, log_lx, log_fx_fb, log_fx_fr,
        log_fx_fw1, log_fx_fw2, log_fmax_fmin, log_fmax_fmin_low, log_fx_ratio_longterm, fvar``,
        and ``class`` (masked where unlabelled) and ``true_class``.

    Raises
    ------
    TypeError, ValueError
        If a parameter is invalid.

    Notes
    -----
    The distributions are in a data file, one per class and quantity. Counts in five bands are drawn
    from each spectrum, so hardness ratios have realistic scatter and correlations, and are exactly
    -1 or 1 if a faint source has no counts in one band. Point sources have an extent of exactly 0.
    Counterparts below the flux limit of their survey are missing, so the presence of a value
    depends on the class.

    References
    ----------
    Tranin H., Godet O., Webb N., Primorac D., 2022, A&A 657, A138,
    `doi:10.1051/0004-6361/202141259 <https://doi.org/10.1051/0004-6361/202141259>`_

    Examples
    --------
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> int((table["true_class"] == "AGN").sum())
    550
    >>> int(table["class"].mask.sum())
    500
    """
    n_sources = check_count(n_sources, "n_sources")
    labelled_fraction = check_number(labelled_fraction, "labelled_fraction", minimum=0, maximum=1)
    seed = int(rng) if isinstance(rng, (int, np.integer)) else None
    rng = np.random.default_rng(rng)

    classes, quantities = _definitions()
    member = rng.permutation(_apportion(quantities["proportion"]["center"], n_sources))
    draw = _Draw(quantities, member, rng)
    flux, flux_error, counts = _fluxes(draw)
    host = draw.has("log_radius")
    # By name: values, and where they are present (None: everywhere).
    values = {
        **_positions(draw),
        "flux": (flux, None),
        "flux_error": (flux_error, None),
        **_spectra(draw, counts),
        **_counterparts(draw, flux),
        "galaxy_radius": (10 ** draw.normal("log_radius"), host),
        **_variability(draw, flux, flux_error, counts),
    }
    seen = values["pm"][1]  # no parallax without a proper motion
    values["log_lx"] = _luminosities(draw, flux, host, seen)

    meta = record(
        {},
        "simulation",
        n_sources=n_sources,
        labelled_fraction=labelled_fraction,
        missing=bool(missing),
        rng=seed,
    )
    width = len(str(n_sources))
    table = Table(meta=meta)
    table["source_id"] = make_column(
        "source_id", [f"SIM-{number:0{width}d}" for number in range(1, n_sources + 1)]
    )
    for name, (data, present) in values.items():
        if missing and present is not None:
            table[name] = make_column(name, np.where(present, data, np.nan), mask=~present)
        else:
            table[name] = make_column(name, data)
    truth = np.array(classes)[member]
    unlabelled = rng.permutation(n_sources) >= round(labelled_fraction * n_sources)
    table["class"] = make_column("class", np.where(unlabelled, "", truth), mask=unlabelled)
    table["true_class"] = make_column("true_class", truth)
    return table


@functools.cache
def _definitions():
    path = get_pkg_data_filename("data/classes.csv", package="claxboi.simulation")
    rows = Table.read(path, format="ascii.csv", comment="#")
    classes = list(dict.fromkeys(rows["class"].tolist()))
    quantities = {}
    for row in rows:
        numbers = quantities.setdefault(
            row["quantity"],
            {name: np.full(len(classes), np.nan) for name in ("center", "spread", "share")},
        )
        for name, array in numbers.items():
            if row[name] is not np.ma.masked:
                array[classes.index(row["class"])] = row[name]
    return classes, quantities


def _apportion(proportions, n_sources):
    # Integers closest to the proportions, by the largest remainders.
    exact = proportions / proportions.sum() * n_sources
    counts = np.floor(exact).astype(int)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: n_sources - counts.sum()]] += 1
    return np.repeat(np.arange(len(counts)), counts)


class _Draw:
    """
    Draws of the quantities of all sources at once.
    """

    def __init__(self, quantities, member, rng):
        self.quantities = quantities
        self.member = member
        self.rng = rng
        self.size = len(member)

    def of(self, quantity, number):
        """
        Return a number from the records for each source.
        """
        return self.quantities[quantity][number][self.member]

    def noise(self, *more):
        """
        Draw standard normal numbers, one or ``more`` per source.
        """
        return self.rng.standard_normal((self.size, *more))

    def normal(self, quantity):
        """
        Draw a quantity.
        """
        return self.of(quantity, "center") + self.of(quantity, "spread") * self.noise()

    def has(self, quantity):
        """
        Draw the sources that have a value of a quantity.
        """
        return self.rng.random(self.size) < self.of(quantity, "share")

    def angle(self, quantity, limit):
        """
        Draw an exponentially distributed angle in degrees of either sign, NaN without a scale.
        """
        scale = self.of(quantity, "center")
        share = self.rng.uniform(-1, 1, self.size)
        reach = -np.expm1(-limit / scale)
        return -np.sign(share) * scale * np.log1p(-np.abs(share) * reach)


def _positions(draw):
    b = draw.angle("latitude", 90)
    b = np.where(np.isnan(b), np.degrees(np.arcsin(draw.rng.uniform(-1, 1, draw.size))), b)
    l = draw.angle("longitude", 180)
    l = np.where(np.isnan(l), draw.rng.uniform(0, 360, draw.size), l) % 360
    sky = SkyCoord(l, b, unit="deg", frame="galactic").icrs
    return {"ra": (sky.ra.deg, None), "dec": (sky.dec.deg, None), "l": (l, None), "b": (b, None)}


def _fluxes(draw):
    # The measured flux has the scatter of the counts.
    flux = 10 ** draw.normal("log_flux")
    expected = flux * COUNTS_PER_FLUX * 10 ** (EXPOSURE_SCATTER * draw.noise())
    expected = np.maximum(expected, FEWEST_COUNTS)
    counts = np.maximum(draw.rng.poisson(expected), 1)
    flux = flux * counts / expected
    return flux, flux / np.sqrt(counts), counts


def _spectra(draw, counts):
    common = draw.noise()
    steps = []
    for n in range(1, 5):
        scatter = np.sqrt(HARDNESS_CORRELATION) * common
        scatter += np.sqrt(1 - HARDNESS_CORRELATION) * draw.noise()
        # hr = (r2 - r1)/(r2 + r1) of two bands, so ln(r2/r1) = 2 atanh(hr).
        median = np.arctanh(draw.of(f"hr{n}", "center"))
        steps.append(2 * (median + draw.of(f"hr{n}", "spread") * scatter))
    rates = np.exp(np.cumsum([np.zeros(draw.size), *steps], axis=0))
    bands = draw.rng.multinomial(counts, (rates / rates.sum(axis=0)).T).T
    values = {}
    for n in range(1, 5):
        low, high = bands[n - 1], bands[n]
        seen = low + high > 0
        expected = np.tanh(steps[n - 1] / 2)
        # Gehrels (1986), eq. 7: a band without counts still has an error.
        low_error, high_error = (1 + np.sqrt(band + 0.75) for band in (low, high))
        hr, error = hardness_ratio(low, high, low_error, high_error)
        values[f"hr{n}"] = (np.where(seen, hr, expected), seen)
        values[f"hr{n}_error"] = (np.where(seen, np.minimum(error, 1), 1), seen)
    fitted = counts >= FIT_COUNTS
    error = 3 / np.sqrt(counts)
    values["gamma"] = (draw.normal("gamma") + error * draw.noise(), fitted)
    values["gamma_error"] = (error, fitted)
    extent = SMALLEST_EXTENT + 10 ** draw.normal("log_extent")
    values["extent"] = (np.where(draw.has("log_extent"), extent, 0.0), None)
    return values


def _counterparts(draw, flux):
    log_flux = np.log10(flux)
    ratio = draw.normal("log_fx_fb")
    ratios = {"fb": ratio}
    for colour in ("fb_fr", "fr_fw1", "fw1_fw2"):
        ratio = ratio + draw.normal(colour)
        ratios[colour.split("_")[1]] = ratio
    values = {
        f"log_fx_{band}": (ratio, log_flux - ratio > FAINTEST_COUNTERPART[band])
        for band, ratio in ratios.items()
    }
    red = log_flux - ratios["fr"]
    error = PM_ERROR * 10 ** (PM_ERROR_SLOPE * (red - PM_ERROR_FLUX))
    error = np.clip(error, PM_ERROR_FLOOR, 2.0)
    pm = np.hypot(10 ** draw.normal("log_pm") + error * draw.noise(), error * draw.noise())
    values["pm"] = (pm, red > FAINTEST_MOTION)
    values["pm_error"] = (error, red > FAINTEST_MOTION)
    return values


def _luminosities(draw, flux, host, seen):
    star, galaxy = draw.normal("log_distance"), draw.normal("log_host")
    distance = np.where(host, galaxy, star) + np.log10(u.pc.to(u.cm))
    return np.log10(4 * np.pi * flux) + 2 * distance, host | seen


def _variability(draw, flux, flux_error, counts):
    n_observations = 1 + draw.rng.poisson(MEAN_REVISITS, draw.size)
    # At least two observations, so that there is always a value.
    shape = (draw.size, MOST_OBSERVATIONS)
    observed = np.arange(MOST_OBSERVATIONS) < np.maximum(n_observations, 2)[:, np.newaxis]
    error = (flux_error / flux)[:, np.newaxis] * 10 ** (ERROR_SCATTER * draw.noise(shape[1]))
    error = np.minimum(error, 0.9)
    change = 10 ** draw.normal("log_variability")[:, np.newaxis] * draw.noise(shape[1])
    log_flux = change + np.log10(np.e) * error * draw.noise(shape[1])

    def largest_ratio(upper, lower, rows):
        top = np.where(rows, upper, -np.inf).max(axis=1)
        return top - np.where(rows, lower, np.inf).min(axis=1)

    own = observed & (draw.rng.random(shape) < OWN_SHARE)
    own_pair = own.sum(axis=1) >= 2
    pair = n_observations >= 2
    flicker = 10 ** draw.normal("log_flicker")
    # Error of the excess variance of a light curve (Vaughan et al. 2003, eq. 11, first term).
    scatter = np.sqrt(2 * BIN_COUNTS / counts) / BIN_COUNTS
    excess = flicker**2 + scatter * draw.noise()
    return {
        "log_fmax_fmin": (largest_ratio(log_flux, log_flux, observed), pair),
        "log_fmax_fmin_low": (
            largest_ratio(log_flux + np.log10(1 - error), log_flux + np.log10(1 + error), observed),
            pair,
        ),
        "log_fx_ratio_longterm": (
            largest_ratio(log_flux, log_flux, np.where(own_pair[:, np.newaxis], own, observed)),
            pair & own_pair,
        ),
        "fvar": (np.sqrt(np.maximum(excess, 0)), counts >= FIT_COUNTS),
    }
