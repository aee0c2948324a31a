# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Convert the fluxes of several catalogues to a common band and find their range.
"""

from typing import NamedTuple

import numpy as np
from astropy import units as u

from claxboi.catalog import make_column, masked_column
from claxboi.utils import check_columns, optional_values, text_values, year_values

from .ratios import FLUX_UNIT
from .spectra import conversion_uncertainty, flux_fraction, parse_band

__all__ = ["Converter", "Fluxes", "log_ratio", "range_columns", "read_fluxes"]


class Fluxes(NamedTuple):
    """
    One flux of each source in one catalogue, in the common band; NaN where there is none.
    """

    catalogue: str
    """Name of the catalogue."""

    value: np.ndarray
    """Flux or upper limit; NaN also where it is the mean of other fluxes listed here."""

    bounds: np.ndarray
    """Value less and plus its error, of shape (2, n); NaN where the error is not known."""

    converted: np.ndarray
    """The same with the error of the conversion."""

    epoch: np.ndarray
    """Epoch, NaN where not known."""

    is_limit: bool
    """Whether these are upper limits."""

    is_repeated: np.ndarray
    """Whether it repeats another flux listed here."""


class Converter:
    """
    Factors and uncertainties from other bands to the common one.

    Parameters
    ----------
    common : tuple of float
        The common band, keV.
    gamma, nh, gamma_range
        As for `add_variability`.
    """

    def __init__(self, common, gamma, nh, gamma_range):
        self._common = tuple(edge * u.keV for edge in common)
        self._spectrum = {"gamma": gamma, "nh": nh}
        self._range = {"gamma_range": gamma_range, "nh": nh}
        #: Error of log10 of the conversion factor, by band.
        self.uncertainty_dex = {}

    def __call__(self, table, argument):
        """
        Work out the conversion of the flux in each row.

        Parameters
        ----------
        table : `~astropy.table.Table`
            A catalogue with ``flux_band``.
        argument : str
            Its name, for messages.

        Returns
        -------
        factor, error : `~numpy.ndarray`
            The factor, and the error of its natural logarithm; NaN where the band is not known.
        """
        bands, inverse = np.unique(
            text_values(table, "flux_band", name=argument)[0], return_inverse=True
        )
        factors, errors = np.full((2, len(bands)), np.nan)
        for k, band in enumerate(bands):
            if band:
                parse_band(str(band), f"column 'flux_band' of {argument}")
                factors[k] = flux_fraction(self._common, str(band), **self._spectrum)
                dex = conversion_uncertainty(str(band), self._common, **self._range)
                self.uncertainty_dex[str(band)] = dex
                errors[k] = dex * np.log(10)
        return factors[inverse], errors[inverse]


def read_fluxes(table, argument, name, rows, convert):
    """
    Read all fluxes of one catalogue.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The catalogue.
    argument : str
        Its name, for messages.
    name : str
        Its name.
    rows : `~numpy.ndarray` of int
        The row of each source in it, -1 where there is none.
    convert : `Converter`
        Converts to the common band.

    Returns
    -------
    fluxes : list of `Fluxes`
    """
    columns = [c for c in ("flux_min", "flux_max", "flux", "flux_limit") if c in table.colnames]
    if not columns:
        return []
    check_columns(table, ["flux_band"], argument)
    found = rows >= 0
    known = rows[found]
    factor, conversion = (_spread(values[known], found) for values in convert(table, argument))

    def read(column):
        return _spread(optional_values(table, column, FLUX_UNIT)[known], found)

    values = {column: read(column) * factor for column in columns}
    for value in values.values():
        value[~(value > 0)] = np.nan
    low, high = (values.get(f"flux_{end}", np.full(len(rows), np.nan)) for end in ("min", "max"))
    epoch = np.full(len(rows), np.nan)
    if "epoch" in table.colnames:
        epoch = _spread(year_values(table, "epoch", name=argument)[known], found)
    has_extremes = np.isfinite(low) & np.isfinite(high)
    fluxes = []
    for column, value in values.items():
        is_limit, is_extreme = column == "flux_limit", column in {"flux_min", "flux_max"}
        error = 0.0 if is_limit else read(f"{column}_error") * factor
        bounds, converted = (
            np.array([np.full(len(rows), np.nan) if is_limit else value - width, value + width])
            for width in (error, np.hypot(error, value * conversion))
        )
        fluxes.append(
            Fluxes(
                name,
                np.where(has_extremes & (column == "flux"), np.nan, value),
                bounds,
                converted,
                # Catalogues do not list the epochs of the extremes.
                np.full(len(rows), np.nan) if is_extreme else epoch,
                is_limit,
                (low == high) & (column == "flux_min"),
            )
        )
    return fluxes


def _spread(values, found):
    full = np.full(len(found), np.nan)
    full[found] = values
    return full


def range_columns(groups, n_rows):
    """
    Make the columns of `add_variability`.

    Parameters
    ----------
    groups : list of list of `Fluxes`
        The fluxes of each catalogue.
    n_rows : int
        Number of sources.

    Returns
    -------
    columns : dict of str to column
    """
    # Limits last, so that the numbers of the fluxes are the same with them and without.
    fluxes = sorted((one for group in groups for one in group), key=lambda one: one.is_limit)
    measured = [-one.value for one in fluxes if not one.is_limit]
    high, of_high = _smallest(measured, n_rows)
    low, of_low = _smallest([one.value for one in fluxes], n_rows)
    n_values = _count(fluxes, n_rows)
    n_repeated = sum((one.is_repeated for one in fluxes), np.zeros(n_rows, np.int64))
    good = (n_values > 1) & (of_high >= 0)

    # Between fluxes of one catalogue and band the conversion cancels.
    safe = _safe_ratio([one.converted for one in fluxes], n_rows)
    for group in groups:
        inside = _safe_ratio([one.bounds for one in group], n_rows)
        safe = np.fmax(safe, np.where(_count(group, n_rows) > 1, inside, np.nan))

    columns = {
        "log_fmax_fmin": masked_column(
            "log_fmax_fmin", np.where(good, log_ratio(-high, low), np.nan)
        ),
        "log_fmax_fmin_low": masked_column("log_fmax_fmin_low", np.where(good, safe, np.nan)),
        "n_fluxes": make_column("n_fluxes", n_values - n_repeated),
    }
    names = np.array([*(one.catalogue for one in fluxes), ""])
    for end, number in (("fmax", of_high), ("fmin", of_low)):
        columns[f"catalogue_{end}"] = make_column(f"catalogue_{end}", names[number], mask=~good)
        epoch = np.full(n_rows, np.nan)
        for k, one in enumerate(fluxes):
            epoch = np.where(good & (number == k), one.epoch, epoch)
        columns[f"epoch_{end}"] = masked_column(f"epoch_{end}", epoch)
    is_limit = np.array([*(one.is_limit for one in fluxes), False])
    columns["is_fmin_limit"] = make_column("is_fmin_limit", is_limit[of_low], mask=~good)
    return columns


def _count(fluxes, n_rows):
    """Count the values of each source."""
    return sum((np.isfinite(one.value) for one in fluxes), np.zeros(n_rows, np.int64))


def _smallest(values, n_rows):
    """
    Return the smallest of several values of each source, and the number of the one that it is.

    Parameters
    ----------
    values : list of `~numpy.ndarray`
        The values, NaN where missing.
    n_rows : int
        Number of sources.

    Returns
    -------
    smallest : `~numpy.ndarray`
        NaN where there is none.
    number : `~numpy.ndarray` of int
        -1 where there is none.
    """
    smallest, number = np.full(n_rows, np.nan), np.full(n_rows, -1)
    for k, value in enumerate(values):
        less = (value < smallest) | (np.isnan(smallest) & np.isfinite(value))
        smallest[less], number[less] = value[less], k
    return smallest, number


def _safe_ratio(bounds, n_rows):
    """
    Return log10 of the largest lower bound over the smallest upper bound, NaN where there is none.

    Parameters
    ----------
    bounds : list of `~numpy.ndarray` of shape (2, n_rows)
        Lower and upper bounds.
    n_rows : int
        Number of sources.

    Returns
    -------
    ratio : `~numpy.ndarray`
    """
    lower = upper = np.full(n_rows, np.nan)
    for below, above in bounds:
        lower, upper = np.fmax(lower, below), np.fmin(upper, above)
    return log_ratio(lower, upper)


def log_ratio(high, low):
    """
    Return log10 of a ratio, NaN where one of its parts is not above 0.

    Parameters
    ----------
    high, low : `~numpy.ndarray` of float64
        The parts.

    Returns
    -------
    ratio : `~numpy.ndarray` of float64
    """
    good = (low > 0) & (high > 0)
    ratio = np.full(len(low), np.nan)
    ratio[good] = np.log10(high[good] / low[good])
    return ratio
