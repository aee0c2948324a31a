# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Validators for the arguments of public functions.

Each takes the name of the argument; every message names the argument, the rule and the value.
"""

import numbers
import os
from collections.abc import Iterable, Mapping

import numpy as np
from astropy import units as u
from astropy.table import Row, Table

from .exceptions import InputKeyError, InputTypeError, InputUnitError, InputValueError

__all__ = [
    "check_choice",
    "check_classes",
    "check_columns",
    "check_count",
    "check_flag",
    "check_label_values",
    "check_mapping",
    "check_merge",
    "check_names",
    "check_number",
    "check_path",
    "check_rng",
    "check_table",
    "check_text",
    "quantity_value",
    "shown",
]

#: A column with more different values is hardly one of classes: of identifiers, perhaps.
MOST_CLASSES = 100


def shown(value, most=60):
    """
    Format a value for an error message, on one short line.

    Parameters
    ----------
    value : object
        The value.
    most : int, optional
        The number of characters to write.

    Returns
    -------
    text : str

    Examples
    --------
    >>> from claxboi.utils import shown
    >>> shown(["yes"])
    "['yes']"
    """
    if isinstance(value, Table):
        return f"a {type(value).__name__} of {len(value)} rows"
    text = " ".join(repr(value).split())
    return text if len(text) <= most else f"{text[:most]}..."


def check_flag(value, name):
    """
    Check that an argument is True or False.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        Its name.

    Returns
    -------
    value : bool

    Raises
    ------
    TypeError
        If it is anything else; 1 and "yes" are.

    Examples
    --------
    >>> from claxboi.utils import check_flag
    >>> check_flag(True, "overwrite")
    True
    """
    if not isinstance(value, (bool, np.bool_)):
        raise InputTypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def check_text(value, name):
    """
    Check that an argument is text, such as the name of a column.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        Its name.

    Returns
    -------
    value : str

    Raises
    ------
    TypeError
        If it is not.

    Examples
    --------
    >>> from claxboi.utils import check_text
    >>> check_text("class", "label")
    'class'
    """
    if not isinstance(value, str):
        raise InputTypeError(f"{name} must be text, got {shown(value)}")
    return value


def check_names(value, name):
    """
    Check that an argument is a sequence of names.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        Its name.

    Returns
    -------
    names : list of str

    Raises
    ------
    TypeError
        If it is one text, or not a sequence, or has something else in it.

    Examples
    --------
    >>> from claxboi.utils import check_names
    >>> check_names(("AGN", "star"), "classes")
    ['AGN', 'star']
    """
    names = None
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        names = [str(one) if isinstance(one, np.str_) else one for one in value]
    if names is None or not all(isinstance(one, str) for one in names):
        kind = "the string " if isinstance(value, str) else ""
        raise InputTypeError(f"{name} must be a sequence of names, got {kind}{shown(value)}")
    return names


def check_classes(value, name="classes"):
    """
    Check that an argument is a sequence of classes.

    Parameters
    ----------
    value : object
        The argument. Labels that are numbers are classes too.
    name : str, optional
        Its name.

    Returns
    -------
    names : list of str

    Raises
    ------
    TypeError
        If it is one text, or not a sequence.

    Examples
    --------
    >>> from claxboi.utils import check_classes
    >>> check_classes(("AGN", 1))
    ['AGN', '1']
    """
    is_sequence = isinstance(value, Iterable) and not isinstance(value, (str, bytes))
    return check_names([str(one) for one in value] if is_sequence else value, name)


def check_label_values(values, label, name):
    """
    Check that the values of a column of labels may be classes, and not identifiers.

    Parameters
    ----------
    values : collection of str
        The different values.
    label : str
        Name of the column.
    name : str
        Name of the table.

    Raises
    ------
    ValueError
        If there are more than 100; ten are listed.

    Examples
    --------
    >>> from claxboi.utils import check_label_values
    >>> check_label_values(["AGN", "CV"], "class", "table")
    """
    if len(values) > MOST_CLASSES:
        raise InputValueError(
            f"label column {label!r} of {name} has {len(values)} different values, such as "
            f"{', '.join(list(values)[:10])}: at most {MOST_CLASSES} may be classes; name another "
            "column, or merge them into fewer classes"
        )


def check_mapping(value, name, what="names to values"):
    """
    Check that an argument is a mapping with names as keys.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        Its name.
    what : str, optional
        Content of the mapping, for the message.

    Returns
    -------
    value : mapping

    Raises
    ------
    TypeError
        If it is not.

    Examples
    --------
    >>> from claxboi.utils import check_mapping
    >>> check_mapping({"flux": "Fx"}, "columns")
    {'flux': 'Fx'}
    """
    if not isinstance(value, Mapping):
        raise InputTypeError(f"{name} must map {what}, got {shown(value)}")
    for key in value:
        if not isinstance(key, str):
            raise InputTypeError(f"{name} must map {what}, got the key {shown(key)}")
    return value


def check_merge(value, name="merge"):
    """
    Check that an argument maps a new class to the labels that it takes in.

    Parameters
    ----------
    value : object
        The argument.
    name : str, optional
        Its name.

    Returns
    -------
    merge : dict of str to list

    Raises
    ------
    TypeError
        If it is not.

    Examples
    --------
    >>> from claxboi.utils import check_merge
    >>> check_merge({"XRB": ("LMXB", "HMXB")})
    {'XRB': ['LMXB', 'HMXB']}
    """
    check_mapping(value, name, "classes to lists of labels")
    for key, labels in value.items():
        if not isinstance(labels, Iterable):
            raise InputTypeError(f"{name}[{key!r}] must be a list of labels, got {shown(labels)}")
    return {key: [one] if isinstance(one, str) else list(one) for key, one in value.items()}


def check_path(value, name):
    """
    Check that an argument can be the name of a file.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        Its name.

    Returns
    -------
    value : str or path

    Raises
    ------
    TypeError
        If it is neither text nor a path.

    Examples
    --------
    >>> from claxboi.utils import check_path
    >>> check_path("a.fits", "path")
    'a.fits'
    """
    if not isinstance(value, (str, os.PathLike)):
        raise InputTypeError(f"{name} must be the name of a file, got {shown(value)}")
    return value


def check_rng(value, name="rng"):
    """
    Make a random generator from an argument.

    Parameters
    ----------
    value : None, int, sequence of int or `~numpy.random.Generator`
        The argument: a seed, a generator, or None for another one each time.
    name : str, optional
        Its name.

    Returns
    -------
    rng : `~numpy.random.Generator`

    Raises
    ------
    TypeError, ValueError
        If it is anything else, or a negative seed.

    Examples
    --------
    >>> from claxboi.utils import check_rng
    >>> int(check_rng(1).integers(10))
    4
    """
    try:
        return np.random.default_rng(value)
    except (TypeError, ValueError) as err:
        kind = InputTypeError if isinstance(err, TypeError) else InputValueError
        raise kind(
            f"{name} must be a seed (an integer of at least 0) or a numpy Generator, got "
            f"{shown(value)}"
        ) from err


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
        raise InputTypeError(
            f"{name} must be an astropy Table, got {type(table).__name__}; {_way_to_table(table)}"
        )
    if not allow_empty and len(table) == 0:
        raise InputValueError(f"{name} is empty: it must have at least one row")
    return table


def _way_to_table(value):
    """
    Return advice on how to make a table of something else.
    """
    if isinstance(value, (str, os.PathLike)):
        return "claxboi.io.read_table(...) reads one from a file"
    if isinstance(value, Row):
        return "table[k:k+1] is a table of row k"
    # By names, so that nothing is imported for a message.
    module, kind = type(value).__module__, type(value).__name__
    ways = {
        "pandas": "Table.from_pandas(...) converts it",
        "polars": "Table(df.to_dict(as_series=False)) converts it",
        "pyarrow": "claxboi.io.table_from_arrow(...) converts it",
    }
    if kind.endswith("HDU"):
        return "Table.read(...) converts it"
    if kind == "HDUList":
        return "Table.read(hdus[1]) reads one from its first extension"
    if kind == "TableElement":
        return "its method to_table() converts it"
    return ways.get(
        module.partition(".")[0],
        "Table(...) makes one of a mapping of columns or a structured array",
    )


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
        If any is absent; the message lists the missing columns and the existing ones.
    TypeError
        If a name is not a string.
    """
    columns = list(columns)
    for column in columns:
        if not isinstance(column, str):
            raise InputTypeError(
                f"columns of {name} must be given by their names, got {type(column).__name__}"
            )
    missing = [column for column in columns if column not in table.colnames]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise InputKeyError(
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
        The allowed values.
    name : str
        Its name.

    Returns
    -------
    value : object
        The same object.

    Raises
    ------
    ValueError
        If it is not one of them.
    """
    choices = tuple(choices)

    def is_it(choice):
        # True equals 1 and is an int, but it is not the number 1.
        same_kind = isinstance(value, bool) == isinstance(choice, bool)
        return same_kind and isinstance(value, type(choice)) and value == choice

    if not any(map(is_it, choices)):
        options = ", ".join(repr(choice) for choice in choices)
        raise InputValueError(f"{name} must be one of {options}, got {shown(value)}")
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
        If it is not a real number (a bool is not).
    ValueError
        If it is not finite or out of the limits.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise InputTypeError(f"{name} must be a number, got {shown(value)}")
    value = float(value)
    inside = minimum < value < maximum if exclusive else minimum <= value <= maximum
    if not np.isfinite(value) or not inside:
        raise InputValueError(
            f"{name} must be {_range(minimum, maximum, exclusive)}, got {value!r}"
        )
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
        If it is not an integer (a bool is not).
    ValueError
        If it is too small.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise InputTypeError(f"{name} must be an integer, got {shown(value)}")
    if value < minimum:
        raise InputValueError(f"{name} must be at least {minimum}, got {value!r}")
    return int(value)


def quantity_value(value, unit, name, *, minimum=None):
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
    minimum : float, optional
        Smallest value allowed, in that unit; with it, NaN is refused too.

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
    ValueError
        If it is below the minimum.
    """
    unit = u.Unit(unit)
    if not isinstance(value, u.Quantity):
        raise InputTypeError(
            f"{name} must be a Quantity with a unit of {unit.physical_type}, such as "
            f"{value if isinstance(value, numbers.Real) else 1!r} * u.{unit}; got {shown(value)}"
        )
    try:
        result = value.to_value(unit).astype(float) if value.shape else float(value.to_value(unit))
    except u.UnitConversionError as err:
        raise InputUnitError(
            f"{name} must have a unit that converts to {unit}, got {value.unit}"
        ) from err
    if minimum is not None and not np.all(result >= minimum):
        raise InputValueError(f"{name} must be at least {minimum:g} {unit}, got {shown(value)}")
    return result
