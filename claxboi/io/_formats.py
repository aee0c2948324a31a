# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
A reader and a writer for each format of tables.

The readers leave it to `~claxboi.io.read_table` to make their tables alike, and the writers
get tables without masked text.
"""

import csv
import io
import json
import re
import warnings
from pathlib import Path

import numpy as np
from astropy.io import registry
from astropy.table import Column, MaskedColumn, Table
from astropy.utils.exceptions import AstropyUserWarning

from claxboi.utils.exceptions import ClaxboiWarning, warn

__all__ = ["READERS", "WRITERS", "ecsv_text", "read_other", "votable_document"]

#: Where the meta of a table is kept, as JSON: a card of a FITS header, an INFO element of a
#: VOTable, a key of a Parquet schema.
META_KEY = "claxboi"

#: Numbers that a card of a FITS header can hold, if they are finite.
CARD_TYPES = (bool, int, float)

#: Types of columns that FITS has as they are.
STREAMABLE = ("b1", "u1", "i2", "i4", "i8", "f4", "f8")

#: So many characters fit in the card of a FITS header that names a column.
LONGEST_NAME = 68

#: So many rows of a FITS table are written at a time.
BLOCK_ROWS = 65_536

#: The cards of a FITS table with the UCDs and the descriptions of its columns.
COLUMN_CARD = re.compile(r"T(UCD|COMM)\d+")

#: Marks of astropy on the columns of a VOTable that held text.
VOTABLE_MARKS = ("_votable_string_dtype", "_votable_arraysize")


def ecsv_text(table):
    """
    Write a table of plain columns as ECSV.

    The same as astropy's writer, many times faster: the header is astropy's own.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.

    Returns
    -------
    text : str
    """
    text = io.StringIO()
    part = table
    if all(isinstance(c, Column) and c.ndim == 1 and c.dtype.kind in "biufU" for c in _each(table)):
        part = table[:0]
    part.write(text, format="ascii.ecsv", delimiter=",")
    if part is not table:
        # A masked value is None, which is written as nothing; a float is written by repr, exactly.
        rows = zip(*(column.tolist() for column in _each(table)), strict=True)
        csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _each(table):
    return table.columns.values()


def _kind(column):
    # Columns of coordinates or times have none.
    return column.dtype.kind if isinstance(column, Column) else ""


# Reading


def read_other(path, format):
    table = Table.read(path, format=format)
    # TOPCAT writes its own ECSV.
    if isinstance(table.meta.get(META_KEY.upper()), str):
        _restore_meta(table, table.meta.pop(META_KEY.upper()))
    return table


def _read_fits(path, format):
    from astropy.io import fits

    with warnings.catch_warnings():
        # Logical values without a value are masked below.
        warnings.filterwarnings("ignore", ".*contains NULL", AstropyUserWarning)
        # What was cut off is an error, and not half a table.
        warnings.filterwarnings("error", ".*truncated", AstropyUserWarning)
        warnings.filterwarnings("error", "Error validating header", AstropyUserWarning)
        table = Table.read(path, format=format)
    text = table.meta.pop(META_KEY.upper(), None)
    cards = {key: table.meta.pop(key) for key in list(table.meta) if COLUMN_CARD.fullmatch(key)}
    if not any(column.info.description or column.info.meta for column in _each(table)):
        # astropy keeps these in its own way; files of others have the cards alone.
        for number, column in enumerate(_each(table), start=1):
            column.info.description = _unwrapped(cards.get(f"TCOMM{number}"))
            if f"TUCD{number}" in cards:
                column.info.meta = {"ucd": cards[f"TUCD{number}"]}
    with fits.open(path) as hdus:
        hdu = next(hdu for hdu in hdus if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)))
        # A table of ASCII text has no logical values, and no columns without room.
        if isinstance(hdu, fits.BinTableHDU):
            _mask_fits(table, hdu)
        _restore_meta(table, text or _note_of_topcat(hdus[0]))
    return table


def _mask_fits(table, hdu):
    """
    Mask what astropy reads as values.
    """
    for column in hdu.columns:
        own = table.columns.get(column.name)
        if column.format == "0A" and own is not None:
            # TOPCAT gives no room to a column without any text, and astropy reads its neighbour.
            facts = {"description": own.description, "meta": own.meta}
            table[column.name] = Column(np.full(len(table), ""), **facts)
        elif _kind(own) == "b":
            missing = np.rec.recarray.field(hdu.data, column.name) == 0
            if missing.any():
                table[column.name] = MaskedColumn(own, mask=missing)


def _note_of_topcat(hdu):
    """
    Find the meta in what a FITS file of TOPCAT says of its table, which is a VOTable.
    """
    if not hdu.header.get("VOTMETA") or hdu.data is None:
        return None
    from ._documents import find_note, read_document

    return find_note(read_document(hdu.data.tobytes()), META_KEY)


def _unwrapped(text):
    # TOPCAT makes a question mark of the end of a line in a description of a VOTable.
    if text is None or not re.match(r"\?\s{2,}", text):
        return text
    return re.sub(r"\?\s{2,}", " ", text.removesuffix("?")).strip()


def _read_votable(path, _format):
    from ._documents import find_note, read_document

    document = read_document(Path(path).read_bytes())
    table = document.get_first_table().to_table(use_names_over_ids=True)
    for column in _each(table):
        for mark in VOTABLE_MARKS:
            column.info.meta.pop(mark, None)
        if column.info.description:
            column.info.description = " ".join(column.info.description.split())
    _restore_meta(table, find_note(document, META_KEY))
    return table


def _read_csv(path, format, **settings):
    # Spreadsheets put a mark of the byte order before the first name.
    table = Table.read(path, format=format, encoding="utf-8-sig", **settings)
    for name, column in table.columns.items():
        if column.dtype.kind == "U":
            masked = getattr(column, "mask", np.zeros(len(table), bool))
            found = set(np.unique(np.asarray(column)[~masked]))
            # TOPCAT writes them small.
            if found <= {"True", "False"} or found <= {"true", "false"}:
                values = np.isin(column, ["True", "true"])
                if not masked.all():
                    table[name] = MaskedColumn(values, mask=masked)
    return table


def _read_parquet(path, format):
    parquet = _pyarrow().parquet
    schema = parquet.read_schema(path)
    metadata = schema.metadata or {}
    if b"table_meta_yaml" in metadata:
        return Table.read(path, format=format)
    data = parquet.read_table(path)
    table = Table()
    for field, values in zip(schema, data.columns, strict=True):
        facts = {key.decode(): text.decode() for key, text in (field.metadata or {}).items()}
        array, missing = _arrow_values(values.combine_chunks())
        table[field.name] = MaskedColumn(
            array,
            mask=missing,
            unit=facts.get("unit"),
            description=facts.get("description"),
            meta={"ucd": facts["ucd"]} if "ucd" in facts else {},
        )
    _restore_meta(table, metadata.get(META_KEY.encode()))
    return table


def _arrow_values(values):
    missing = values.is_null().to_numpy(zero_copy_only=False)
    if values.null_count:
        kind = values.type.to_pandas_dtype()
        values = values.fill_null("" if kind in (str, np.object_) else kind(0))
    array = values.to_numpy(zero_copy_only=False)
    return (array.astype(str) if array.dtype.kind == "O" else array), missing


def _restore_meta(table, text):
    if text is not None:
        table.meta.update(json.loads(text))


# Writing


def _as_json(meta):
    kept = {}
    for key, value in meta.items():
        try:
            kept[str(key)] = json.loads(json.dumps(value, default=_plain_value))
        except TypeError:
            warn(
                f"meta[{key!r}] is left out of the file: it holds a {type(value).__name__}, which "
                "is no number, text, list or mapping",
                ClaxboiWarning,
            )
    return json.dumps(kept) if kept else None


def _plain_value(value):
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no plain form")


def _write_fits(table, path):
    cards, rest = {}, {}
    for key, value in table.meta.items():
        (cards if _is_card(key, value) else rest)[key] = value
    table.meta = cards
    if text := _as_json(rest):
        table.meta[META_KEY.upper()] = text
    for name in table.colnames:
        if not (name.isascii() and name.isprintable()) or len(name) > LONGEST_NAME:
            raise ValueError(
                f"FITS has names of columns of at most {LONGEST_NAME} ASCII characters, got "
                f"{name!r}; .ecsv or .vot hold it"
            )
    is_plain = all(map(_is_streamable, _each(table)))
    try:
        if is_plain and table.colnames and path.suffix != ".gz":
            _stream_fits(table, path)
        else:
            _write_fits_whole(table, path)
    except UnicodeEncodeError as err:
        raise ValueError(
            f"FITS holds ASCII text only, got {str(err.object)!r}; .ecsv or .vot hold it"
        ) from err


def _is_streamable(column):
    if not isinstance(column, Column) or column.ndim != 1:
        return False
    is_text = column.dtype.kind == "U" and column.dtype.itemsize > 0
    return is_text or column.dtype.str[1:] in STREAMABLE


def _stream_fits(table, path):
    """
    Write the rows block by block: astropy makes several copies of a whole table.

    The header is astropy's own, of the table without rows.
    """
    from astropy.io import fits

    registry.write(table[:0], path, format="fits")
    with fits.open(path) as hdus:
        header, columns = hdus[1].header.copy(), hdus[1].columns
    path.unlink()
    header["NAXIS2"] = len(table)
    dtype = columns.dtype.newbyteorder(">")
    _describe_fits(header, columns.names, table)
    nulls = {column.name: column.null for column in columns}
    stream = fits.StreamingHDU(path, header)
    try:
        for start in range(0, len(table), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            block = np.empty(len(range(len(table))[part]), dtype)
            for name in columns.names:
                block[name] = _fits_values(table[name], part, nulls[name])
            stream.write(block.view(np.uint8))
    finally:
        stream.close()


def _fits_values(column, part, null):
    """
    Return a part of a column as FITS has it, with its missing values.
    """
    values = np.asarray(column)[part]
    kind = values.dtype.kind
    if kind == "b":
        values = np.where(values, np.uint8(ord("T")), np.uint8(ord("F")))
    elif kind == "U":
        values = values.astype("S")
    if isinstance(column, MaskedColumn):
        missing = {"f": np.nan, "b": 0, "U": b""}.get(kind, null)
        values = np.where(np.asarray(column.mask)[part], missing, values)
    return values


def _write_fits_whole(table, path):
    from astropy.io import fits

    # The method write of a subclass may lead here.
    registry.write(table, path, format="fits")
    with fits.open(path, mode="update") as hdus:
        hdu = hdus[1]
        _describe_fits(hdu.header, hdu.columns.names, table)
        for name in hdu.columns.names:
            column = table[name] if name in table.colnames else None
            if isinstance(column, MaskedColumn) and column.dtype.kind == "b" and column.mask.any():
                # astropy writes what is under the mask; the standard has a byte of zero.
                np.rec.recarray.field(hdu.data, name)[column.mask] = 0


def _describe_fits(header, names, table):
    for number, name in enumerate(names, start=1):
        info = table[name].info if name in table.colnames else None
        if info is None:
            continue
        if (info.meta or {}).get("ucd"):
            header.set(f"TUCD{number}", info.meta["ucd"], after=f"TFORM{number}")
        if info.description:
            # A header takes plain characters only; astropy's own copy has all of them.
            text = info.description.encode("ascii", "replace").decode()
            header.set(f"TCOMM{number}", text, after=f"TFORM{number}")


def _is_card(key, value):
    if key in ("comments", "HISTORY"):
        return isinstance(value, list) and all(map(_is_card_text, value))
    if not isinstance(key, str) or not re.fullmatch(r"[A-Z0-9_-]{1,8}", key):
        return False
    if isinstance(value, str):
        return _is_card_text(value)
    return isinstance(value, CARD_TYPES) and bool(np.isfinite(value))


def _is_card_text(value):
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _write_ecsv(table, path):
    path.write_text(ecsv_text(table), encoding="utf-8", newline="\n")


def _write_csv(table, path):
    values = Table(table.columns, copy=False)
    values.meta.clear()
    values.write(path, format="ascii.csv")


def _write_votable(table, path):
    votable_document(table).to_xml(str(path))


def votable_document(table):
    """
    Turn a table whose missing text is empty into a VOTable, with its meta as INFO element.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.

    Returns
    -------
    document : `~astropy.io.votable.tree.VOTableFile`
    """
    from astropy.io.votable.tree import Info

    from ._documents import make_document

    for name, column in table.columns.items():
        _check_column(name, column, "VOTable", None)
    document = make_document(table)
    if text := _as_json(table.meta):
        document.resources[0].infos.append(Info(name=META_KEY, value=text))
    return document


def _check_column(name, column, what, ndim):
    is_shape = isinstance(column, Column) and (ndim is None or column.ndim == ndim)
    if not is_shape or column.dtype.kind not in "biufU":
        kind = f" of {column.dtype}" if isinstance(column, Column) else ""
        needed = "one number or text" if ndim else "numbers or text"
        raise ValueError(
            f"{what} cannot hold column {name!r}: it must have {needed} a row, got "
            f"{type(column).__name__}{kind} of shape {column.shape}"
        )


def _write_parquet(table, path):
    pyarrow = _pyarrow()
    arrays, fields = [], []
    for name, column in table.columns.items():
        _check_column(name, column, "Parquet", 1)
        mask = column.mask if isinstance(column, MaskedColumn) else None
        values = np.asarray(column)
        if column.dtype.kind == "U":
            values = values.astype(object)
        # A big-endian array, as of FITS, is none of Arrow's.
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        arrays.append(pyarrow.array(values, mask=mask))
        facts = {
            "unit": None if column.unit is None else column.unit.to_string(),
            "description": column.description,
            "ucd": column.meta.get("ucd"),
        }
        facts = {key: text for key, text in facts.items() if text}
        fields.append(pyarrow.field(name, arrays[-1].type, metadata=facts))
    text = _as_json(table.meta)
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


#: By the name of the format in astropy.
READERS = {
    "fits": _read_fits,
    "votable": _read_votable,
    "ascii.csv": _read_csv,
    "parquet": _read_parquet,
}

WRITERS = {
    "fits": _write_fits,
    "ascii.ecsv": _write_ecsv,
    "ascii.csv": _write_csv,
    "votable": _write_votable,
    "parquet": _write_parquet,
}
