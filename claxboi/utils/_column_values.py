# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Read columns as numbers or text, and add columns to tables.
"""

from collections import Counter

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn
from astropy.time import Time
from astropy.utils.masked import Masked

from ._units import check_magnitude_system, convert_values, read_unit
from ._validation import check_mapping
from .exceptions import InputKeyError, InputTypeError, InputValueError

__all__ = [
    "add_columns",
    "coordinate_values",
    "distinct_rows",
    "find_rows",
    "float_values",
    "is_missing",
    "masked_rows",
    "optional_values",
    "plain_data",
    "take_rows",
    "text_values",
    "with_units",
]


#: How programs write that a text is missing, which is neither an identifier nor a class.
_NULLS = ("nan", "NaN", "NAN", "NaT", "None", "NULL", "null", "<NA>", "N/A", "n/a", "--")
_LONGEST_NULL = max(map(len, _NULLS))


def float_values(table, column, *, unit=None, name="table", system=None):
    """
    Return a column as float64, NaN where the value is missing.

    Masked, NaN and infinite are missing; nothing else is.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table (never changed).
    column : str
        Name of the column: of numbers, bools count as numbers.
    unit : unit-like, optional
        Unit wanted; "" for a pure number. A column without a unit is taken to be in it. Default:
        the numbers as they are. Dates are read by `year_values`.
    name : str, optional
        Name of the table argument, for messages.
    system : {"Vega", "AB"}, optional
        System that magnitudes must be on, if their unit says one.

    Returns
    -------
    values : `~numpy.ndarray` of shape (n_rows,), float64
        A fresh array.

    Raises
    ------
    TypeError
        If the column is not numeric or not one number a row.
    `~astropy.units.UnitsError`
        If its unit cannot be read (see `read_unit`) or does not convert, or if the magnitudes are
        on another system.

    Examples
    --------
    >>> from astropy.table import Column, Table
    >>> from claxboi.utils import float_values
    >>> table = Table({"error": Column([300.0], unit="mas")})
    >>> float_values(table, "error", unit="arcsec")
    array([0.3])
    """
    data = table[column]
    mask = masked_rows(data)
    raw = plain_data(data)
    if raw.dtype.kind not in "biuf" or raw.ndim != 1:
        raise InputTypeError(
            f"column {column!r} of {name} must hold one number a row, "
            f"got dtype {raw.dtype} of shape {raw.shape}"
        )
    values = raw.astype(float)
    if mask is not None:
        values[mask] = np.nan
    values[~np.isfinite(values)] = np.nan
    what = f"column {column!r} of {name}"
    own = getattr(data, "unit", None)
    if system is not None:
        check_magnitude_system(own, system, what)
    return convert_values(values, own, unit, what, column=column)


def coordinate_values(coords, name):
    """
    Return the longitudes and latitudes of coordinates in degrees, and check that none is missing.

    Parameters
    ----------
    coords : `~astropy.coordinates.SkyCoord` of shape (n,)
        The coordinates.
    name : str
        Name of the argument, for messages.

    Returns
    -------
    lon_deg, lat_deg : `~numpy.ndarray` of shape (n,), float64
        In the frame of ``coords``.

    Raises
    ------
    TypeError, ValueError
        If it is not a SkyCoord, does not have one dimension, or lacks a position.

    Examples
    --------
    >>> from astropy.coordinates import SkyCoord
    >>> from claxboi.utils import coordinate_values
    >>> coordinate_values(SkyCoord([10], [20], unit="deg"), "coords")
    (array([10.]), array([20.]))
    """
    if not isinstance(coords, SkyCoord):
        raise InputTypeError(f"{name} must be a SkyCoord, got {type(coords).__name__}")
    if coords.ndim != 1:
        raise InputValueError(f"{name} must have one dimension, got shape {coords.shape}")
    values = []
    for angle in (coords.spherical.lon, coords.spherical.lat):
        mask = np.broadcast_to(getattr(angle, "mask", False), coords.shape)
        value = np.asarray(getattr(angle, "unmasked", angle).to_value(u.deg), float)
        values.append(np.where(mask, np.nan, value))
    missing = ~np.isfinite(values).all(axis=0)
    if missing.any():
        raise InputValueError(
            f"{name} must have no missing positions, got {missing.sum()}, the first in row "
            f"{np.argmax(missing)}"
        )
    return tuple(values)


def optional_values(table, column, unit=None, *, name="table"):
    """
    Return a column as float64, all NaN if the table does not have it.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table (never changed).
    column : str
        Name of the column.
    unit : unit-like, optional
        Unit wanted, as for `float_values`.
    name : str, optional
        Name of the table argument, for messages.

    Returns
    -------
    values : `~numpy.ndarray` of shape (n_rows,), float64

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.utils import optional_values
    >>> optional_values(Table({"flux": [1.0]}), "flux_error")
    array([nan])
    """
    if column not in table.colnames:
        return np.full(len(table), np.nan)
    return float_values(table, column, unit=unit, name=name)


def take_rows(values, rows):
    """
    Select values by row, NaN where the row is -1.

    Parameters
    ----------
    values : `~numpy.ndarray` of float64
        The values, perhaps none.
    rows : `~numpy.ndarray` of int
        Row of each value wanted, as from `find_rows`.

    Returns
    -------
    values : `~numpy.ndarray` of float64, the shape of ``rows``

    Examples
    --------
    >>> import numpy as np
    >>> from claxboi.utils import take_rows
    >>> take_rows(np.array([5.0, 6.0]), np.array([1, -1]))
    array([ 6., nan])
    """
    return np.append(values, np.nan)[rows]


def text_values(table, column, *, name="table"):
    """
    Return a column of strings or integers as strings, with its missing rows.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table (never changed).
    column : str
        Name of the column: strings, bytes, integers or objects. Spaces around
        a string do not count.
    name : str, optional
        Name of the table argument, for messages.

    Returns
    -------
    values : `~numpy.ndarray` of str, shape (n_rows,)
        Empty where missing.
    missing : `~numpy.ndarray` of bool, shape (n_rows,)
        Masked, None, NaN or empty, or a word that stands for that: ``nan``, ``None``, ``NULL``,
        ``N/A``, ``--``.

    Raises
    ------
    TypeError
        If the column holds floats that are not whole numbers or too large to be exact, or more
        than one value a row.
    """
    data = table[column]
    mask = masked_rows(data)
    raw = plain_data(data)
    if raw.ndim != 1 or raw.dtype.kind not in "biufSUO":
        raise InputTypeError(
            f"column {column!r} of {name} must hold strings or integers, "
            f"got dtype {raw.dtype} of shape {raw.shape}"
        )
    missing = np.zeros(len(raw), bool) if mask is None else mask.copy()
    if raw.dtype.kind == "f":
        missing |= ~np.isfinite(raw)
        whole = np.where(missing, 0, raw)
        if np.any(whole != np.round(whole)):
            raise InputTypeError(
                f"column {column!r} of {name} must hold strings or integers, got {raw.dtype} "
                f"with fractions such as {whole[whole != np.round(whole)][0]!r}"
            )
        n_bits = np.finfo(raw.dtype).nmant + 1
        if np.any(np.abs(whole) > 2.0**n_bits):
            raise InputTypeError(
                f"column {column!r} of {name} must hold strings or integers, got {raw.dtype} "
                f"above 2**{n_bits}, such as {np.abs(whole).max():.17g}, whose last digits are lost"
            )
        raw = whole.astype(np.int64)
    elif raw.dtype.kind == "O":
        missing |= np.array([_is_nothing(value) for value in raw], bool)
        raw = np.where(missing, "", raw)
        raw = np.array([_decode(v) if isinstance(v, bytes) else str(v) for v in raw], str)
    elif raw.dtype.kind == "S":
        raw = np.char.decode(raw, "utf-8", "replace")
    values = np.char.strip(raw.astype(str))
    missing |= values == ""
    short = np.flatnonzero(np.char.str_len(values) <= _LONGEST_NULL)
    missing[short] |= np.isin(values[short], _NULLS)
    return np.where(missing, "", values), missing


def _is_nothing(value):
    # NaN, of whatever type, differs from itself.
    return value is None or value is np.ma.masked or value != value


def _decode(value):
    return value.decode("utf-8", "replace")


def is_missing(table, column):
    """
    Find the rows where a column has no value: masked, NaN, infinite or empty text.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    column : str
        Name of the column.

    Returns
    -------
    missing : `~numpy.ndarray` of bool, shape (n_rows,)
    """
    kind = plain_data(table[column]).dtype.kind
    if kind in "biuf":
        return np.isnan(float_values(table, column))
    return text_values(table, column)[1]


def masked_rows(data):
    """
    Return the mask of a column.

    Parameters
    ----------
    data : column
        Any column of a table.

    Returns
    -------
    mask : `~numpy.ndarray` of bool or None
        None where the column has none.
    """
    # np.asarray(MaskedColumn) drops the mask without a word, so it is taken first.
    mask = getattr(data, "mask", None)
    if mask is None:
        return None
    mask = np.asarray(mask, bool)
    return np.broadcast_to(mask, (len(data),)).copy() if mask.ndim == 0 else mask


def plain_data(data):
    """
    Return the array under a column, without mask and unit.

    Parameters
    ----------
    data : column
        Any column of a table.

    Returns
    -------
    values : `~numpy.ndarray`
        Not a copy.
    """
    if isinstance(data, MaskedColumn):
        return np.asarray(data.data.data)
    if isinstance(data, Masked):
        data = data.unmasked
    return np.asarray(data.value if isinstance(data, u.Quantity) else data)


def add_columns(table, columns, *, overwrite=False):
    """
    Return a copy of a table with columns added at its end.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table; it is not changed. Its class, rows, columns, units, masks and meta survive.
    columns : mapping of str to column
        The new columns.
    overwrite : bool, optional
        Replace columns of the same name. Names are compared without case, as FITS does.

    Returns
    -------
    table : same class as the input
        A new table. The caller's columns are copied.

    Raises
    ------
    ValueError
        If names collide and ``overwrite`` is False; all of them are named. If the columns to
        add collide with each other.
    """
    twins = [name for name, n in Counter(name.lower() for name in columns).items() if n > 1]
    if twins:
        names = [name for name in columns if name.lower() in twins]
        raise InputValueError(
            f"columns {', '.join(map(repr, names))} would collide (names are compared without "
            "case, as FITS does)"
        )
    taken = {}
    for name in table.colnames:
        taken.setdefault(name.lower(), []).append(name)
    hits = [old for name in columns for old in taken.get(name.lower(), [])]
    if hits and not overwrite:
        raise InputValueError(
            f"the table already has columns {', '.join(map(repr, hits))} (names are compared "
            "without case, as FITS does); pass overwrite=True to replace them"
        )
    result = table.copy()
    if hits:
        result.remove_columns(hits)
    for name, data in columns.items():
        result.add_column(data, name=name, copy=False)
    return result


def with_units(table, units, *, name="table"):
    """
    Correct the units of columns without changing their numbers.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table; it is not changed.
    units : mapping of str to unit-like, or None
        The right unit of each column whose own is absent, wrong or cannot be read.
    name : str, optional
        Name of the table argument, for messages.

    Returns
    -------
    table : same class as the input
        The columns that are not named are those of the input, not copies.

    Raises
    ------
    KeyError
        If the table lacks a column.
    TypeError
        If ``units`` is not a mapping, or a column takes no unit.
    ValueError
        If a unit cannot be read.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.utils import with_units
    >>> with_units(Table({"RA": [2.0]}), {"RA": "radians"})["RA"].unit
    Unit("rad")
    """
    if units is None:
        return table
    check_mapping(units, "units", "columns to units")
    missing = [column for column in units if column not in table.colnames]
    if missing:
        raise InputKeyError(f"units: {name} has no column {missing[0]!r}")
    result = table.copy(copy_data=False)
    for column, text in units.items():
        try:
            unit = read_unit(text)
        except (TypeError, ValueError) as err:
            raise type(err)(f"units[{column!r}]: {err}") from err
        data = table[column]
        if isinstance(data, u.Quantity):
            result[column] = data.value * (unit or u.dimensionless_unscaled)
        elif isinstance(data, Column):
            # Its data may be shared with the caller's column, its unit must not be.
            result.replace_column(column, data.copy(copy_data=False))
            result[column].unit = unit
        else:
            raise InputTypeError(
                f"units[{column!r}]: a column of {type(data).__name__} takes no unit"
            )
    return result


def find_rows(wanted, wanted_missing, known, known_missing):
    """
    Find the row of each identifier among the known ones.

    Parameters
    ----------
    wanted, known : `~numpy.ndarray` of str
        Identifiers, as `text_values` returns them.
    wanted_missing, known_missing : `~numpy.ndarray` of bool
        Where they are missing.

    Returns
    -------
    rows : `~numpy.ndarray` of int64, shape (n_wanted,)
        The first row among ``known``, -1 where there is none.
    """
    rows = np.flatnonzero(~known_missing)
    unique, first = np.unique(known[rows], return_index=True)
    if not len(unique):
        return np.full(len(wanted), -1)
    place = np.minimum(np.searchsorted(unique, wanted), len(unique) - 1)
    found = (unique[place] == wanted) & ~wanted_missing
    return np.where(found, rows[first[place]], -1)


def distinct_rows(table):
    """
    Find the rows of a table without those that repeat an earlier one exactly.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.

    Returns
    -------
    rows : `~numpy.ndarray` of int64
        In their order. Equal rows agree in every column, to the last bit; missing values are
        equal.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.utils import distinct_rows
    >>> distinct_rows(Table({"id": [7, 8, 7], "mag": [1.5, 1.5, 1.5]})).tolist()
    [0, 1]
    """
    codes = np.zeros(len(table), np.uint64)
    parts = []
    for column in _arrays(table):
        values, mask = plain_data(column), masked_rows(column)
        mask = np.zeros(values.shape, bool) if mask is None else mask
        if values.dtype.kind == "f" and values.dtype.itemsize <= 8:
            # Bits, so that NaN is equal to itself.
            values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
            values = values.view(f"u{values.dtype.itemsize}")
        parts += [np.where(mask, np.zeros((), values.dtype), values), mask]
        if values.dtype.kind in "iub" and values.ndim == 1:
            codes = codes * np.uint64(0x9E3779B97F4A7C15) + parts[-2].astype(np.uint64)
    _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    # Few share a code, so that few need to be compared as a whole.
    suspects = np.flatnonzero(counts[inverse] > 1)
    keep = np.ones(len(table), bool)
    seen = set()
    columns = [part[suspects].tolist() for part in parts]
    for k, values in zip(suspects.tolist(), zip(*columns, strict=True), strict=True):
        row = repr(values)
        keep[k] = row not in seen
        seen.add(row)
    return np.flatnonzero(keep)


def _arrays(table):
    """
    List the columns of a table, and the parts of its coordinates and times.
    """
    for column in table.columns.values():
        if isinstance(column, SkyCoord):
            yield from (column.spherical.lon.deg, column.spherical.lat.deg)
        elif isinstance(column, Time):
            yield from (column.jd1, column.jd2)
        else:
            yield column
