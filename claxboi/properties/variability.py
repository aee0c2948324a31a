# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
How much the X-ray flux of a source varies.
"""

import numpy as np
from astropy import units as u

from claxboi.utils import add_columns, check_columns, check_table, float_values

from ._output import masked_column

__all__ = ["add_flux_range"]


def add_flux_range(table, *, overwrite=False):
    """
    Add the ratio of the largest to the smallest flux that one mission measured.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``flux_min`` and ``flux_max``, in one unit or none, and perhaps ``flux_min_error`` and
        ``flux_max_error``; it is not changed.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with ``log_fmax_fmin``: log10 of the ratio, 0 for one observation; masked where
        a flux is missing or not above 0. With both errors, also ``log_fmax_fmin_low``: log10 of
        the largest flux less its error over the smallest plus its error, below 0 where the source
        may be constant; masked where the former is not above 0.

    Raises
    ------
    KeyError
        If a column is absent.
    ValueError
        If the largest flux is below the smallest, or the new column is there already.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_flux_range
    >>> print(add_flux_range(Table({"flux_min": [1e-14], "flux_max": [1e-13]}))["log_fmax_fmin"])
    log_fmax_fmin
    -------------
              1.0
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["flux_min", "flux_max"])
    return add_columns(table, flux_range(table), overwrite=overwrite)


def flux_range(table):
    """
    Make the columns of `add_flux_range`.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With the columns that it needs.

    Returns
    -------
    columns : dict of str to column
    """
    unit = table["flux_min"].unit or table["flux_max"].unit or u.dimensionless_unscaled
    low, high = (float_values(table, name, unit=unit) for name in ("flux_min", "flux_max"))
    wrong = high < low
    if wrong.any():
        raise ValueError(
            f"column 'flux_max' of table must be at least 'flux_min', got {high[wrong][0]:g} "
            f"against {low[wrong][0]:g} in row {np.argmax(wrong)}"
        )
    columns = {"log_fmax_fmin": masked_column("log_fmax_fmin", log_ratio(high, low))}
    if {"flux_min_error", "flux_max_error"} <= set(table.colnames):
        low += float_values(table, "flux_min_error", unit=unit)
        high -= float_values(table, "flux_max_error", unit=unit)
        columns["log_fmax_fmin_low"] = masked_column("log_fmax_fmin_low", log_ratio(high, low))
    return columns


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
