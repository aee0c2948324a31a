# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Types of columns: alike after reading, and such as a format can hold before writing.
"""

import numpy as np
from astropy.table import Column, MaskedColumn, Table
from astropy.time import Time

from claxboi.utils import InputValueError

__all__ = ["HELD_TYPES", "holdable", "tidy"]

#: Types of numbers that each format holds as they are; all of them hold text.
HELD_TYPES = {
    "fits": ("b1", "u1", "u2", "u4", "u8", "i2", "i4", "i8", "f4", "f8", "c8", "c16"),
    "votable": ("b1", "u1", "i2", "i4", "i8", "f4", "f8", "c8", "c16"),
    "parquet": ("b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"),
    "ascii.csv": ("b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "f16"),
    "ascii.ecsv": ("b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "f16"),
}

#: Formats that have columns of several values a row, and of times and coordinates.
_OF_SHAPE, _OF_OBJECTS = ("fits", "votable", "ascii.ecsv"), ("fits", "ascii.ecsv")

#: Times closer than a nanosecond are the same.
_EXACT_DAYS = 1e-9 / 86400

_TIME_UNITS = {"jyear": "yr", "byear": "yr", "decimalyear": "yr", "mjd": "d", "jd": "d"}

#: Types to which others are widened, the narrowest first.
_WIDER = ("i2", "i4", "i8", "f4", "f8")
_LARGEST = 8


def tidy(table):
    """
    Make a table that was just read the same whatever its format, in place.

    Text is str, columns of one value a row have one dimension, and a column is masked only where
    a value is missing.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table, which is changed.

    Returns
    -------
    table : `~astropy.table.Table`
        The same object.
    """
    for name, column in table.columns.items():
        if not isinstance(column, Column):
            continue
        values, missing = _plain_values(
            column, lambda values: np.char.decode(values, "utf-8", "replace")
        )
        if values.ndim == 2 and values.shape[1] == 1:
            values, missing = values[:, 0], missing[:, 0]
        if values.dtype.kind == "U":
            missing = missing | (values == "")
        if isinstance(column, MaskedColumn) or missing.any() or _differ(values, column):
            table.replace_column(name, _column_like(column, values, missing))
    return table


def holdable(table, format):
    """
    Convert the columns that a format does not hold to a type that it does, without loss.

    Integers and floats are widened. Quantities become columns with a unit, bytes and dates become
    text, missing text becomes empty text.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table; it is not changed.
    format : str
        One of `HELD_TYPES`.

    Returns
    -------
    table : `~astropy.table.Table`

    Raises
    ------
    ValueError
        If the values of a column would not survive; it is named.
    """
    # Quantities become columns of a plain table.
    result = Table(table, copy=False)
    # Astropy keeps attributes of subclasses of Table, such as a model, in ``__attributes__``.
    result.meta = {key: value for key, value in table.meta.items() if key != "__attributes__"}
    for name in table.colnames:
        column = _as_column(name, result[name], format)
        if column is None:
            result[name] = table[name].copy()
            if isinstance(result[name], Time):
                # The text that astropy writes by default has milliseconds only.
                result[name].info.serialize_method["ecsv"] = "jd1_jd2"
            continue
        values, missing = _plain_values(
            column, lambda values, name=name: _decoded(name, values, format)
        )
        if values.ndim == 2 and values.shape[1] == 1 and format not in _OF_SHAPE:
            values, missing = values[:, 0], missing[:, 0]
        if values.ndim != 1 and format not in _OF_SHAPE:
            raise InputValueError(_refusal(name, column, format))
        if values.dtype.kind == "U":
            values = np.where(missing, "", values) if missing.any() else values
            missing = np.zeros(values.shape, bool)
        elif values.dtype.kind == "O" and format == "ascii.ecsv":
            continue
        else:
            values = _held(name, values, missing, format, column)
        keep_format = format in _OF_OBJECTS and values.dtype.kind == column.dtype.kind
        new = _column_like(column, values, missing, keep_format=keep_format)
        if isinstance(new, MaskedColumn) and new.dtype.kind in "iu":
            new.fill_value = _unused(values[~missing], new.fill_value)
        result.replace_column(name, new)
    return result


def _as_column(name, column, format):
    """
    Turn a time into a column; None if the format has its own way to write it.
    """
    if isinstance(column, Column):
        return column
    if isinstance(column, Time) and column.ndim == 1 and format != "ascii.ecsv":
        exact = _exact_time(column)
        if exact is not None:
            exact.description = column.info.description
            exact.meta = dict(column.info.meta or {})
            return exact
    if format in _OF_OBJECTS:
        return None
    raise InputValueError(_refusal(name, column, format))


def _exact_time(column):
    """
    Write times as numbers or as ISO text, whichever is exact; None if neither is.
    """
    missing = np.asarray(column.mask)
    there = column[~missing]
    for style in dict.fromkeys((column.format, "isot")):
        try:
            written = Time(there, format=style, precision=9).value
            again = Time(written, format=style, scale=column.scale)
        except ValueError:
            continue
        days = np.abs((again.jd1 - there.jd1) + (again.jd2 - there.jd2))
        if written.dtype.kind in "Uf" and days.max(initial=0) < _EXACT_DAYS:
            values = np.zeros(len(column), written.dtype)
            values[~missing] = written
            return MaskedColumn(values, mask=missing, unit=_TIME_UNITS.get(style))
    return None


def _plain_values(column, decode):
    """
    Return the values of a column, with objects, bytes and dates as text or numbers, and a mask.
    """
    values, missing = np.asarray(column), np.zeros(column.shape, bool)
    if isinstance(column, MaskedColumn):
        missing |= column.mask
    if values.dtype.kind == "O":
        return _from_objects(values, missing)
    if values.dtype.kind == "M":
        return _iso_text(values, missing)
    return (decode(values) if values.dtype.kind == "S" else values), missing


def _from_objects(values, missing):
    """
    Turn objects into text or numbers if they are all of one kind, beside None.
    """
    flat = _single_values(values.ravel().tolist())
    missing = missing | np.array([_is_nothing(value) for value in flat], bool).reshape(values.shape)
    there = [value for value, gone in zip(flat, missing.ravel(), strict=True) if not gone]
    # A bool is an int too.
    kinds = {
        next((k for k in (bool, int, float, str, bytes) if isinstance(v, k)), None)
        if not isinstance(v, (np.generic, np.ndarray))
        else _kind_of_array(v)
        for v in there
    }
    if kinds in ({str}, {bytes}, set()):
        texts = [
            "" if gone else _text(value) for value, gone in zip(flat, missing.ravel(), strict=True)
        ]
        return np.array(texts, dtype=str).reshape(values.shape), missing
    if kinds in ({bool}, {int}, {float}, {int, float}):
        filled = [
            0 if gone else value for value, gone in zip(flat, missing.ravel().tolist(), strict=True)
        ]
        kind = bool if kinds == {bool} else float if float in kinds else None
        numbers = np.array(filled, dtype=kind)
        if numbers.dtype.kind in "biuf" and numbers.size == values.size:
            return numbers.reshape(values.shape), missing
    return values, missing


def _single_values(values):
    """
    Take the numbers out of arrays of any length if none has more than one.
    """
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    if not arrays or any(value.size > 1 or value.dtype.kind not in "biuf" for value in arrays):
        return values
    return [
        (value.ravel()[0] if value.size else None) if isinstance(value, np.ndarray) else value
        for value in values
    ]


def _kind_of_array(value):
    # Text of any length, as FITS files have it, is an array of characters.
    names = {"b": bool, "i": int, "u": int, "f": float, "U": str, "S": bytes}
    kind = names.get(value.dtype.kind)
    return kind if value.ndim == 0 or kind in (str, bytes) else None


def _text(value):
    if isinstance(value, np.ndarray):
        value = b"".join(value.tolist()) if value.dtype.kind == "S" else "".join(value.tolist())
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.rstrip(" \0")


def _is_nothing(value):
    return value is None or value is np.ma.masked or (isinstance(value, float) and value != value)


def _iso_text(values, missing):
    missing = missing | np.isnat(values)
    texts = np.datetime_as_string(np.where(missing, np.datetime64("2000"), values))
    return np.where(missing, "", texts), missing


def _decoded(name, values, format):
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError as err:
        raise InputValueError(
            f"{_label(format)} cannot hold column {name!r}: its bytes are not UTF-8 text"
        ) from err


def _held(name, values, missing, format, column):
    """
    Widen numbers to the narrowest type that the format holds and that keeps their values.
    """
    # A missing unsigned integer has no number of its own in FITS.
    is_held = values.dtype.str[1:] in HELD_TYPES[format] and not (
        format == "fits" and values.dtype.str[1:] in ("u2", "u4", "u8") and missing.any()
    )
    if is_held:
        return values
    for wider in map(np.dtype, _WIDER):
        suits = wider.kind == values.dtype.kind or (wider.kind == "i" and values.dtype.kind == "u")
        suits &= wider.itemsize > values.dtype.itemsize or wider.itemsize == _LARGEST
        if not suits or wider.str[1:] not in HELD_TYPES[format]:
            continue
        with np.errstate(all="ignore"):
            new = values.astype(wider)
            same = (new.astype(values.dtype) == values) | (values != values) | missing
        # A large unsigned integer is a negative one as a signed.
        if same.all() and not np.any((new < 0) & (values > 0) & ~missing):
            return new
    raise InputValueError(_refusal(name, column, format))


def _refusal(name, column, format):
    kind = f" of {column.dtype}" if isinstance(column, Column) else ""
    needed = "numbers or text" if format in _OF_SHAPE else "one number or text"
    return (
        f"{_label(format)} cannot hold column {name!r}: it must have {needed} a row, got "
        f"{type(column).__name__}{kind} of shape {column.shape}"
    )


def _label(format):
    return {"votable": "VOTable", "parquet": "Parquet"}.get(
        format, format.removeprefix("ascii.").upper()
    )


def _differ(values, column):
    return values.dtype != column.dtype or values.shape != column.shape


def _column_like(column, values, missing, *, keep_format=True):
    own = {key: getattr(column, key) for key in ("unit", "description", "meta")}
    if keep_format and values.dtype.kind == column.dtype.kind:
        own["format"] = column.format
    kind, mask = (MaskedColumn, {"mask": missing}) if missing.any() else (Column, {})
    return kind(values, name=column.name, **own, **mask)


def _unused(values, default):
    limits = np.iinfo(values.dtype)
    return next((value for value in (limits.min, limits.max) if value not in values), default)
