# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tables in Parquet files.
"""

import json

import numpy as np
from astropy.table import Column, MaskedColumn, Table

from claxboi.utils import InputValueError

from ._meta import META_KEY, meta_as_json, restore_meta

__all__ = ["read_parquet", "table_from_arrow", "write_parquet"]

#: Types of pyarrow by the name of their test, and their filler for missing values.
_NULLS = {"is_boolean": False, "is_integer": 0, "is_floating": np.nan, "is_text": ""}


def read_parquet(path):
    """
    Read a Parquet file of claxboi, astropy, pandas, polars or another program.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    table : `~astropy.table.Table`
    """
    data = _pyarrow().parquet.read_table(path)
    metadata = data.schema.metadata or {}
    if b"table_meta_yaml" in metadata:
        return Table.read(path, format="parquet")
    # The row numbers of pandas are not a column of the user's.
    names = [
        field.name
        for field in data.schema
        if not (field.name.startswith("__index_level_") and str(field.type).startswith("int"))
    ]
    result = table_from_arrow(data.select(names))
    for name, values in _named_ranges(metadata):
        if name not in result.colnames and len(values) == len(result):
            result.add_column(Column(values), name=name, index=0)
    restore_meta(result, metadata.get(META_KEY.encode()))
    return result


def _named_ranges(metadata):
    """
    Find the row labels with a name, such as identifiers, of which pandas keeps the ends alone.
    """
    facts = json.loads(metadata.get(b"pandas") or b"{}")
    for index in facts.get("index_columns", []):
        if isinstance(index, dict) and index.get("kind") == "range" and index.get("name"):
            yield str(index["name"]), np.arange(index["start"], index["stop"], index["step"])


def table_from_arrow(data):
    """
    Turn an Arrow table into a table.

    Parameters
    ----------
    data : `pyarrow.Table`
        Categoricals become text, as dates and times do (ISO 8601); decimals become floats.

    Returns
    -------
    table : `~astropy.table.Table`
        Masked where Arrow has a null. The metadata ``unit``, ``description`` and ``ucd`` of the
        fields are those of the columns.

    Raises
    ------
    ValueError
        If a column has another type; it is named.
    """
    result = Table()
    for field, values in zip(data.schema, data.columns, strict=True):
        facts = {key.decode(): text.decode() for key, text in (field.metadata or {}).items()}
        array, missing = _values(field.name, values)
        kind, mask = (MaskedColumn, {"mask": missing}) if missing.any() else (Column, {})
        result[field.name] = kind(
            array,
            unit=facts.get("unit"),
            description=facts.get("description"),
            meta={"ucd": facts["ucd"]} if "ucd" in facts else {},
            **mask,
        )
    return result


def _values(name, column):
    import pyarrow as pa

    types = pa.types
    kind = column.type
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    missing = column.is_null().to_numpy().astype(bool)
    if types.is_null(kind):
        return np.full(len(column), ""), missing
    if types.is_decimal(kind):
        column = column.cast(pa.float64())
        kind = column.type
    if types.is_binary(kind) or types.is_large_binary(kind):
        try:
            column = column.cast(pa.large_string())
        except pa.ArrowInvalid as err:
            raise InputValueError(f"column {name!r} must have UTF-8 text, got other bytes") from err
        kind = column.type
    if types.is_timestamp(kind) or types.is_date(kind):
        values = column.to_numpy()
        if values.dtype.kind != "M":
            values = values.astype("datetime64[D]")
        texts = np.datetime_as_string(np.where(missing, np.datetime64("2000"), values))
        return np.where(missing, "", texts), missing
    for test, null in _NULLS.items():
        is_text = types.is_string(kind) or types.is_large_string(kind)
        is_text |= getattr(types, "is_string_view", lambda _: False)(kind)
        if is_text if test == "is_text" else getattr(types, test)(kind):
            if is_text:
                column = column.cast(pa.large_string())
            array = column.fill_null(null).to_numpy() if missing.any() else column.to_numpy()
            return (array.astype(str) if is_text else array), missing
    raise InputValueError(
        f"column {name!r} must have one number, text or date a row, got Arrow's {kind}"
    )


def write_parquet(table, path):
    """
    Write a table whose columns are `holdable`.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    path : path
        The new file.
    """
    pyarrow = _pyarrow()
    arrays, fields = [], []
    for name, column in table.columns.items():
        mask = column.mask if isinstance(column, MaskedColumn) else None
        values = np.asarray(column)
        if column.dtype.kind == "U":
            # Missing text is empty text here.
            values = np.where(values == "", None, values.astype(object))
        # Arrow has no big-endian arrays, as FITS has.
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        arrays.append(pyarrow.array(values, mask=mask))
        facts = {
            "unit": None if column.unit is None else column.unit.to_string(),
            "description": column.description,
            "ucd": column.meta.get("ucd"),
        }
        facts = {key: text for key, text in facts.items() if text}
        fields.append(pyarrow.field(name, arrays[-1].type, metadata=facts))
    text = meta_as_json(table.meta)
    schema = pyarrow.schema(fields, metadata={META_KEY: text} if text else None)
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), path)


def _pyarrow():
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as err:
        raise ImportError(
            "Parquet files need pyarrow: pip install 'claxboi[parquet]', or use .fits or .ecsv"
        ) from err
    return pyarrow
