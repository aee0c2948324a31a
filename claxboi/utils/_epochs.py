# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Convert times of any kind to Julian years.
"""

import numpy as np
from astropy import units as u
from astropy.time import Time

from ._column_values import masked_rows, plain_data, text_values
from ._units import check_plausible, read_unit
from .exceptions import InputTypeError, InputUnitError, InputValueError

__all__ = ["to_years", "year_values"]

# Days that can only be a Modified Julian Date, or a Julian Date: of the years 1900 to 2100. Years
# are far below both.
_DATES = {"mjd": (15020.0, 88069.0), "jd": (2415020.0, 2488070.0)}


def year_values(table, column, *, name="table"):
    """
    Read a column of times as Julian years.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table (never changed).
    column : str
        Name of the column: a `~astropy.time.Time`, dates (ISO text, ``J2016.0``, datetime64),
        Modified Julian or Julian Dates in days, or years. Without a unit they are years.
    name : str, optional
        Name of the table argument, for messages.

    Returns
    -------
    years : `~numpy.ndarray` of shape (n_rows,), float64
        NaN where missing.

    Raises
    ------
    TypeError
        If the column holds no times.
    ValueError
        If it has another unit, or none and is a number of days; if a date cannot be read.

    Warns
    -----
    ImplausibleValueWarning
        If the median is not within 1850 and 2100.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.utils import year_values
    >>> year_values(Table({"MJD": [57388.0] * u.d}), "MJD").round(2)
    array([2016.])
    """
    data = table[column]
    what = f"column {column!r} of {name}"
    if isinstance(data, Time):
        years = _years_of(data)
    elif getattr(data, "dtype", np.dtype(object)).kind in "SUOM":
        years = _years_of_text(table, column, name, what)
    else:
        values = plain_data(data)
        if values.dtype.kind not in "iuf" or values.ndim != 1:
            raise InputTypeError(f"{what} must hold times, got dtype {values.dtype} {values.shape}")
        years = values.astype(float)
        mask = masked_rows(data)
        if mask is not None:
            years[mask] = np.nan
        years[~np.isfinite(years)] = np.nan
        years = _years_of_numbers(years, data.unit, what, column)
    check_plausible(years, "epoch", what, column=column)
    return years


def to_years(value, name):
    """
    Turn an argument that is a time into Julian years.

    Parameters
    ----------
    value : `~astropy.time.Time` or `~astropy.units.Quantity` ['time']
        The argument, a scalar or an array: years, or Modified Julian or Julian Dates in days.
    name : str
        Its name.

    Returns
    -------
    years : float or `~numpy.ndarray`

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If the numbers are neither years nor dates.

    Examples
    --------
    >>> from astropy import units as u
    >>> from claxboi.utils import to_years
    >>> to_years(2016 * u.yr, "epoch")
    2016.0
    """
    if isinstance(value, Time):
        years = _years_of(value)
    elif isinstance(value, u.Quantity):
        numbers = np.asarray(getattr(value, "unmasked", value).value, float).copy()
        numbers[np.broadcast_to(np.asarray(getattr(value, "mask", False)), numbers.shape)] = np.nan
        years = _years_of_numbers(np.atleast_1d(numbers), value.unit, name, None)
        years = years.reshape(numbers.shape)
    else:
        raise InputTypeError(
            f"{name} must be a Time or a Quantity with a unit of time, such as 2016 * u.yr, "
            f"got {value!r}"
        )
    check_plausible(np.atleast_1d(years), "epoch", name)
    return years if np.ndim(years) else float(years)


def _years_of(time):
    years = np.ma.filled(np.ma.asarray(time.jyear, float), np.nan)
    mask = np.broadcast_to(np.asarray(getattr(time, "mask", False)), np.shape(years))
    return np.where(mask, np.nan, years)


def _years_of_text(table, column, name, what):
    data = table[column]
    years = np.full(len(table), np.nan)
    if data.dtype.kind == "M":
        dates = np.asarray(plain_data(data), "datetime64[us]")
        known = ~np.isnat(dates)
        mask = masked_rows(data)
        if mask is not None:
            known &= ~mask
        years[known] = Time(dates[known]).jyear
        return years
    texts, missing = text_values(table, column, name=name)
    known = np.flatnonzero(~missing & (np.char.lower(texts) != "nan"))
    try:
        years[known] = texts[known].astype(float)
    except ValueError:
        years[known] = [
            _year_of_date(text, row, what)
            for text, row in zip(texts[known].tolist(), known.tolist(), strict=True)
        ]
        return years
    return _years_of_numbers(years, getattr(data, "unit", None), what, column)


def _year_of_date(text, row, what):
    for form in (None, "jyear_str", "byear_str"):
        try:
            return float(Time(text.removesuffix("Z"), format=form).jyear)
        except ValueError:
            continue
    raise InputValueError(
        f"{what} must hold times such as 2016-05-03 or J2016.0, got {text!r} in row {row}"
    )


def _years_of_numbers(values, unit, what, column):
    """
    Turn numbers in a unit of time into years; a new array.
    """
    try:
        own = u.yr if unit is None else read_unit(unit) or u.yr
    except ValueError:
        own = u.dimensionless_unscaled
    if own.physical_type != "time":
        raise InputUnitError(
            f"{what} must have a unit of time (yr, or d for a Modified Julian Date), got "
            f"{str(unit)!r}"
        )
    known = values[np.isfinite(values)]
    if not len(known):
        return values.copy()
    middle = np.median(known)
    kind = next((k for k, (low, high) in _DATES.items() if low <= middle <= high), None)
    if own.to(u.yr) > 0.9:
        if kind is None:
            return values * own.to(u.yr)
        remedy = f"; if so, set table[{column!r}].unit = 'd'" if column else ""
        raise InputValueError(
            f"{what} must be a Julian year, 1850 to 2100, got {known[0]:g}, which looks like a "
            f"{kind.upper()} in days{remedy}"
        )
    if own != u.d or kind is None:
        raise InputValueError(
            f"{what} must be a date: years, or Modified Julian or Julian Dates in days, got "
            f"{known[0]:g} {unit}, whose zero point is unknown; use a column of Time"
        )
    low, high = _DATES[kind]
    bad = known[(known < low) | (known > high)]
    if len(bad):
        raise InputValueError(
            f"{what} must be a {kind.upper()}, {low:.0f} to {high:.0f}, got {bad[0]:g} in "
            f"{len(bad)} rows; mask those that stand for a missing value"
        )
    # Time takes no NaN.
    filled = np.where(np.isfinite(values), values, known[0])
    return np.where(np.isfinite(values), Time(filled, format=kind).jyear, np.nan)
