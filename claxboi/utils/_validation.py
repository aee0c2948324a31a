# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Checks of arguments at the public border.

Each takes the *name* of the argument, so that every message names the
argument, the rule and what was received, and is written once.
"""

import numbers

import numpy as np
from astropy import units as u
from astropy.table import Table

__all__ = [
    "check_choice",
    "check_columns",
    "check_count",
    "check_number",
    "check_table",
    "quantity_value",
]


def check_table(table, name="table", *, allow_empty=False):
    """
    Check that an argument is a table with rows.

    Parameters
    ----------
    table : object
        The argument.
    name : str, optional
        Its name.
    allow_empty : bool, optional
        Accept a table without rows.

    Returns
    -------
    table : `~astropy.table.Table`
        The same object.

    Raises
    ------
    TypeError
        If it is not a `~astropy.table.Table`.
    ValueError
        If it has no rows.
    """
    if not isinstance(table, Table):
        library = type(table).__module__.partition(".")[0]
        way = {
            "pandas": "Table.from_pandas(...) converts it",
            "polars": "Table(df.to_dict(as_series=False)) converts it",
            "pyarrow": "claxboi.io.table_from_arrow(...) converts it",
        }.get(library, "Table(...) makes one of a mapping of columns or a structured array")
        raise TypeError(f"{name} must be an astropy Table, got {type(table).__name__}; {way}")
    if not allow_empty and len(table) == 0:
        raise ValueError(f"{name} is empty: it must have at least one row")
    return table


def check_columns(table, columns, name="table"):
    """
    Check that a table has the columns that are needed.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    columns : iterable of str
        Names of the needed columns.
    name : str, optional
        Name of the argument.

    Raises
    ------
    KeyError
        If any is absent: all missing ones are named, and what is there is listed.
    TypeError
        If a name is no string, but a column perhaps.
    """
    columns = list(columns)
    for column in columns:
        if not isinstance(column, str):
            raise TypeError(
                f"columns of {name} must be given by their names, got {type(column).__name__}"
            )
    missing = [column for column in columns if column not in table.colnames]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise KeyError(
            f"{name} has no column{plural} {', '.join(map(repr, missing))}; "
            f"its columns are {_shorten(table.colnames)}"
        )


def _shorten(names, most=30):
    names = [str(name) for name in names]
    tail = f", ... ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(names[:most]) + tail


def check_choice(value, choices, name):
    """
    Check that an argument is one of the known options.

    Parameters
    ----------
    value : object
        The argument.
    choices : iterable
        What it may be.
    name : str
        Its name.

    Returns
    -------
    value : object
        The same object.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    choices = tuple(choices)
    if not any(isinstance(value, type(choice)) and value == choice for choice in choices):
        options = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {options}, got {value!r}")
    return value


def check_number(value, name, *, minimum=-np.inf, maximum=np.inf, exclusive=False):
    """
    Check that an argument is a finite real number within limits.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        Its name.
    minimum, maximum : float, optional
        The limits.
    exclusive : bool, optional
        Whether the limits themselves are excluded.

    Returns
    -------
    value : float
        The number.

    Raises
    ------
    TypeError
        If it is not a real number (a bool is none).
    ValueError
        If it is not finite or out of the limits.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    value = float(value)
    inside = minimum < value < maximum if exclusive else minimum <= value <= maximum
    if not np.isfinite(value) or not inside:
        raise ValueError(f"{name} must be {_range(minimum, maximum, exclusive)}, got {value!r}")
    return value


def _range(minimum, maximum, exclusive):
    above, below = ("above", "below") if exclusive else ("at least", "at most")
    parts = []
    if np.isfinite(minimum):
        parts.append(f"{above} {minimum:g}")
    if np.isfinite(maximum):
        parts.append(f"{below} {maximum:g}")
    return " and ".join(parts) or "finite"


def check_count(value, name, *, minimum=1):
    """
    Check that an argument is a whole number.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        Its name.
    minimum : int, optional
        The smallest number allowed.

    Returns
    -------
    value : int
        The number.

    Raises
    ------
    TypeError
        If it is not an integer (a bool is none).
    ValueError
        If it is too small.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value!r}")
    return int(value)


def quantity_value(value, unit, name):
    """
    Turn a Quantity argument into plain float64 in a unit.

    Parameters
    ----------
    value : `~astropy.units.Quantity`
        The argument, scalar or array.
    unit : unit-like
        The unit wanted.
    name : str
        Name of the argument.

    Returns
    -------
    value : float or `~numpy.ndarray`
        The value in that unit.

    Raises
    ------
    TypeError
        If it has no unit.
    `~astropy.units.UnitsError`
        If its unit does not convert.
    """
    unit = u.Unit(unit)
    if not isinstance(value, u.Quantity):
        raise TypeError(
            f"{name} must be a Quantity with a unit of {unit.physical_type}, "
            f"such as {value!r} * u.{unit}; got {type(value).__name__}"
        )
    try:
        return value.to_value(unit).astype(float) if value.shape else float(value.to_value(unit))
    except u.UnitConversionError as err:
        raise u.UnitConversionError(
            f"{name} must have a unit that converts to {unit}, got {value.unit}"
        ) from err
