# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Convert answers of services to the names, types and units of claxboi.
"""

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn, Table

from claxboi.utils import InputValueError, convert_values

from .exceptions import AnswerError
from .records import OWN_UNITS, RESERVED, ColumnRecord

__all__ = ["canonical_table", "convert_unit", "empty_table"]

# CDS writes so in Tycho-2: milli-years per year.
_MISTYPED = {"ma / yr": "mas/yr", "ma/yr": "mas/yr"}

_DTYPES = {"float64": np.float64, "int64": np.int64, "str": str, "bool": bool}
_TRUE, _FALSE = ("true", "t", "1", "yes", "y"), ("false", "f", "0", "no", "n")


def canonical_table(raw, service):
    """
    Give the columns of an answer their canonical names, types and units.

    Parameters
    ----------
    raw : `~astropy.table.Table`
        The answer, under the service's names.
    service : `Service`
        The service that gave it.

    Returns
    -------
    table : `~astropy.table.Table`
        New columns; masked ones, but for those of the caller's own table.
    """
    if service.columns is None:
        return _as_it_comes(raw, service)
    table = Table()
    for name, column in service.columns.items():
        data = raw[column.names[service.name]]
        table[name] = _column(data, column, service) if column.type else data
    if service.server:
        _check_positions(table, service)
    return table


def _check_positions(table, service):
    """Refuse impossible positions, such as those from mixed-up columns."""
    for name, limits in (("ra", (-360, 360)), ("dec", (-90, 90))):
        values = np.ma.filled(table[name], np.nan) if name in table.colnames else np.empty(0)
        with np.errstate(invalid="ignore"):
            is_wrong = ~((values >= limits[0]) & (values <= limits[1])) & ~np.isnan(values)
        if is_wrong.any():
            raise AnswerError(
                f"{service}: {name} must be from {limits[0]} to {limits[1]} deg, got "
                f"{values[is_wrong][0]:g}",
                is_transient=True,
            )


def empty_table(columns):
    """
    Make a table without rows, for an answer without matches.

    Parameters
    ----------
    columns : dict of str to `ColumnRecord` or None
        Its columns; None for those that any catalogue has.

    Returns
    -------
    table : `~astropy.table.Table`
    """
    if columns is None:
        return Table({name: MaskedColumn(np.empty(0), unit=u.deg) for name in ("ra", "dec")})
    return Table(
        {
            name: MaskedColumn(
                np.empty(0, _DTYPES.get(column.type, float)), unit=column.unit or None
            )
            for name, column in columns.items()
        }
    )


def _as_it_comes(raw, service):
    own = {new: name.strip('"') for new, name in service.own.items()}
    others = [name for name in raw.colnames if name not in own.values()]
    if not own:
        own = dict(zip(("ra", "dec"), _position(raw), strict=True))
    missing = [name for name in own.values() if name not in raw.colnames]
    if missing:
        raise AnswerError(
            f"{service}: no column {', '.join(map(repr, missing))} there; the columns are "
            f"{', '.join(raw.colnames)}"
        )
    table = Table()
    for new, name in own.items():
        if new in OWN_UNITS:
            column = ColumnRecord(new, {service.name: name}, OWN_UNITS[new])
            table[new] = _column(raw[name], column, service)
        else:
            table[new] = MaskedColumn(raw[name], copy=False)
    for name in others:
        new = name
        while new in (*RESERVED, *own, "ra", "dec"):
            new += "_reference"
        table[new] = MaskedColumn(raw[name], copy=False)
    return table


def _position(raw):
    for pair in (("_RAJ2000", "_DEJ2000"), ("RA_ICRS", "DE_ICRS"), ("RAJ2000", "DEJ2000")):
        if set(pair) <= set(raw.colnames) and raw[pair[0]].dtype.kind == "f":
            return pair
    found = [
        next((n for n in raw.colnames if raw[n].meta.get("ucd", "").startswith(ucd)), None)
        for ucd in ("pos.eq.ra;meta.main", "pos.eq.dec;meta.main")
    ]
    if None in found or any(raw[name].dtype.kind != "f" for name in found):
        raise AnswerError(
            "the table has no position in decimal degrees that claxboi knows; its columns are "
            f"{', '.join(raw.colnames)}. Name them with columns={{'ra': ..., 'dec': ...}}"
        )
    return found


def _column(data, column, service):
    data = MaskedColumn(data)
    mask = np.array(data.mask, bool)
    values = np.asarray(data.data.data)
    values, mask = _convert(values, mask, column, service)
    if column.missing is not None and values.dtype.kind in "if":
        mask |= values == column.missing
    if values.dtype.kind == "f":
        values = convert_unit(values, data.unit, column.names[service.name], column.unit, service)
        mask |= ~np.isfinite(values)
        values[mask] = np.nan
    name = column.names[service.name]
    return MaskedColumn(
        values,
        mask=mask,
        unit=column.unit or None,
        description=f"{name} of {service.table}",
        meta={"ucd": column.ucd} if column.ucd else {},
    )


def convert_unit(values, unit, name, wanted, service):
    """
    Convert values of an answer to the unit of the record.

    Parameters
    ----------
    values : `~numpy.ndarray` of float64
        The values.
    unit : unit-like or None
        Their unit; None: the wanted one.
    name : str
        Name of the column on the service.
    wanted : str
        The wanted unit; empty: whatever it is.
    service : `Service`
        The service that gave them.

    Returns
    -------
    values : `~numpy.ndarray` of float64

    Raises
    ------
    AnswerError
        If the unit cannot be read or converted.
    """
    is_local = service.name == "local"
    try:
        return convert_values(
            values,
            _MISTYPED.get(str(unit), unit),
            wanted or None,
            f"column {name!r} of {service}",
            column=name if is_local else None,
        )
    except u.UnitConversionError as err:
        if is_local:
            raise
        raise AnswerError(str(err)) from err


def _convert(values, mask, column, service):
    kind = values.dtype.kind
    if kind in "US":
        values = np.char.strip(values.astype(str))
        mask = mask | (values == "")
    try:
        if column.type == "str":
            return _to_text(values, mask), mask
        if column.type == "bool":
            return _to_bool(values, mask), mask
        if kind in "USO":
            values = np.where(mask, "0" if column.type == "int64" else "nan", values)
        elif column.type == "int64":
            mask = mask | ~np.isfinite(values)
            values = np.where(mask, 0, values)
        return _to_number(values, _DTYPES[column.type]), mask
    except ValueError as err:
        raise AnswerError(
            f"{service}: column {column.names[service.name]!r} must hold values of type "
            f"{column.type}: {err}",
            is_transient=True,
        ) from err


def _to_number(values, dtype):
    new = values.astype(dtype)
    if values.dtype.kind == "f" and not np.array_equal(new, values, equal_nan=True):
        raise InputValueError("there are fractions")
    return new


def _to_text(values, mask):
    if values.dtype.kind == "f":
        whole = np.where(mask | ~np.isfinite(values), 0, values)
        if np.array_equal(whole, np.round(whole)):
            values = whole.astype(np.int64)
    return np.where(mask, "", values.astype(str))


def _to_bool(values, mask):
    if values.dtype.kind in "biuf":
        return np.where(mask, False, values).astype(bool)
    lower = np.char.lower(values.astype(str))
    known = mask | np.isin(lower, _TRUE + _FALSE)
    if not known.all():
        raise InputValueError(f"{str(lower[~known][0])!r} is neither true nor false")
    return np.isin(lower, _TRUE) & ~mask
