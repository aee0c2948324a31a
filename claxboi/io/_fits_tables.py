# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tables in FITS files, with what astropy alone would lose.
"""

import json
import re
import warnings

import numpy as np
from astropy import units as u
from astropy.io import fits, registry
from astropy.table import Column, MaskedColumn, Table
from astropy.utils.exceptions import AstropyUserWarning

from claxboi.utils import ClaxboiWarning, InputValueError, warn

from ._meta import META_KEY, meta_as_json, restore_meta
from ._selection import choose_table
from ._votable_tables import find_note, read_document

__all__ = ["read_fits", "write_fits"]

#: Numbers that a card of a FITS header can hold, if they are finite.
CARD_TYPES = (bool, int, float)

#: Types of columns that are written block by block.
STREAMABLE = ("b1", "u1", "i2", "i4", "i8", "f4", "f8")

#: The longest column name that fits in a card.
LONGEST_NAME = 68

#: Rows that are written at a time.
BLOCK_ROWS = 65_536

#: The card that has, as JSON, the column names that no card can hold, and the columns whose text is
#: written with the escapes of Python (``\u03a9``), because FITS holds ASCII only.
ASCII_KEY = "CLAXTEXT"

#: The cards of a FITS table with the UCDs and the descriptions of its columns.
COLUMN_CARD = re.compile(r"T(UCD|COMM)\d+")


def read_fits(path, *, table=None):
    """
    Read a table of a FITS file.

    Parameters
    ----------
    path : path
        The file.
    table : str or int, optional
        Name or number of the extension. Default: the only table with rows.

    Returns
    -------
    table : `~astropy.table.Table`
    """
    with warnings.catch_warnings():
        # Logical values without a value are masked below.
        warnings.filterwarnings("ignore", ".*contains NULL", AstropyUserWarning)
        # Nulls that the standard does not allow are masked there, too.
        warnings.filterwarnings("ignore", "Invalid keyword for column", AstropyUserWarning)
        # Units are read where they are needed, by more than the standard.
        warnings.filterwarnings("ignore", ".*did not parse as fits unit", u.UnitsWarning)
        # A truncated file is an error, not half a table.
        warnings.filterwarnings("error", ".*truncated", AstropyUserWarning)
        warnings.filterwarnings("error", "Error validating header", AstropyUserWarning)
        with fits.open(path, memmap=False, character_as_bytes=True) as hdus:
            hdu = _choose(hdus, path, table)
            missing = _missing_values(hdu)
            _drop_wrong_formats(hdu)
            result = Table.read(hdu, format="fits")
            if isinstance(hdu, fits.TableHDU):
                _drop_trailing_blanks(result)
            note = _note_of_topcat(hdus[0])
    for name, mask in missing.items():
        if name in result.colnames and isinstance(result[name], Column):
            own = result[name]
            whole = mask | getattr(own, "mask", False)
            result[name] = MaskedColumn(own, mask=whole) if np.any(whole) else Column(own)
    _read_units(result)
    _check_equinox(result.meta)
    text = result.meta.pop(META_KEY.upper(), None)
    _describe(result)
    _restore_text(result, result.meta.pop(ASCII_KEY, None))
    restore_meta(result, text or note)
    return result


def _check_equinox(header):
    """
    Warn if the header says that positions are of another equinox, which look like any others.
    """
    equinox, frame = header.get("EQUINOX", 2000), header.get("RADESYS", header.get("RADECSYS"))
    if equinox not in (2000, "2000", "J2000") or str(frame).strip().upper().startswith("FK4"):
        warn(
            f"the header says equinox {equinox}, frame {frame or 'unknown'}: positions that are "
            "not ICRS must be converted with SkyCoord before they are used",
            ClaxboiWarning,
        )


def _read_units(table):
    """
    Read units of logarithms and magnitudes, which FITS has not.
    """
    for column in table.columns.values():
        unit = getattr(column, "unit", None)
        if isinstance(unit, u.UnrecognizedUnit):
            own = u.Unit(unit.to_string(), parse_strict="silent")
            column.unit = unit if isinstance(own, u.StructuredUnit) else own


def _drop_trailing_blanks(table):
    """
    Take the blanks that fill a field from text, which some versions of astropy keep.
    """
    for column in table.itercols():
        if isinstance(column, Column) and column.dtype.kind in "SU":
            column[:] = np.char.rstrip(np.asarray(column))


def _choose(hdus, path, table):
    found = [
        (number, hdu)
        for number, hdu in enumerate(hdus)
        if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)) and "ZIMAGE" not in hdu.header
    ]
    names = [(hdu.name, number, hdu.header["NAXIS2"]) for number, hdu in found]
    return found[choose_table(names, path, table)][1]


def _missing_values(hdu):
    """
    Find the missing values as they are stored, and take the marks off the columns.

    TNULL is of the stored integers, before scaling (FITS 4.0, section 7.3.2); a blank field of a
    text table holds no number.
    """
    missing = {}
    is_text_table = isinstance(hdu, fits.TableHDU)
    raw = _raw_data(hdu)
    for number, column in enumerate(hdu.columns, start=1):
        name, kind, null = column.name, _kind(column), hdu.header.get(f"TNULL{number}")
        stored = np.rec.recarray.field(raw, name) if raw is not None else None
        if stored is None or not len(stored):
            continue
        if is_text_table:
            if kind != "A":
                words = np.char.strip(stored.astype("S"))
                null = str(column.null if column.null is not None else "").strip().encode()
                missing[name] = (words == null) | (words == b"")
                column.null = None
        elif column.format == "0A":
            # TOPCAT gives no room to a column without any text, and astropy reads its neighbour.
            missing[name] = np.ones(len(stored), bool)
        elif kind == "L":
            missing[name] = stored == 0
        elif kind in "BIJKED" and null not in (None, ""):
            # Some write it as text, or for floats, whose null is NaN.
            missing[name] = stored == type(stored.ravel().tolist()[0])(null)
            # Compared with scaled values it finds others, or nothing.
            column.null = None
    return missing


def _raw_data(hdu):
    try:
        return hdu.data
    except ValueError as err:
        # The message of astropy does not name the table.
        raise InputValueError(f"table {hdu.name or 1}: {err}") from err


def _drop_wrong_formats(hdu):
    """
    Remove display formats of the wrong type, which archives write.
    """
    for column in hdu.columns:
        kind = _kind(column)
        letters = kind if kind in "AL" else "IBOZ" if kind in "BIJK" else "FEDG"
        if column.disp and column.disp[0] not in letters:
            column.disp = None


def _kind(column):
    return str(column.format).lstrip("0123456789")[:1]


def _describe(table):
    """
    Read the descriptions and the UCDs from their cards.
    """
    cards = {key: table.meta.pop(key) for key in list(table.meta) if COLUMN_CARD.fullmatch(key)}
    if any(column.info.description or column.info.meta for column in table.columns.values()):
        # astropy keeps these in its own way; files of others have the cards alone.
        return
    for number, column in enumerate(table.columns.values(), start=1):
        column.info.description = _unwrapped(cards.get(f"TCOMM{number}"))
        if f"TUCD{number}" in cards:
            column.info.meta = {"ucd": cards[f"TUCD{number}"]}


def _unwrapped(text):
    # TOPCAT makes a question mark of the end of a line in a description of a VOTable.
    if text is None or not re.match(r"\?\s{2,}", text):
        return text
    return re.sub(r"\?\s{2,}", " ", text.removesuffix("?")).strip()


def _note_of_topcat(hdu):
    """
    Find the meta in the VOTable header of a TOPCAT FITS file.
    """
    if not hdu.header.get("VOTMETA") or hdu.data is None:
        return None
    return find_note(read_document(hdu.data.tobytes()), META_KEY)


def write_fits(table, path):
    """
    Write a table whose columns are `holdable`.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table, which may be changed.
    path : path
        The new file.
    """
    cards, rest = {}, {}
    for key, value in table.meta.items():
        (cards if _is_card(key, value) else rest)[key] = value
    table.meta = cards
    if text := meta_as_json(rest):
        table.meta[META_KEY.upper()] = text
    if text := _make_ascii(table):
        table.meta[ASCII_KEY] = text
    units = _take_units(table)
    is_plain = all(map(_is_streamable, table.columns.values()))
    if is_plain and table.colnames and path.suffix != ".gz":
        _stream(table, path, units)
    else:
        _write_whole(table, path, units)


def _take_units(table):
    """
    Take the units from a table that astropy would refuse or leave out, such as mag(AB).
    """
    units = {}
    for name, column in table.columns.items():
        unit = getattr(column, "unit", None)
        if unit is None or not isinstance(column, Column):
            continue
        try:
            is_held = u.Unit(unit.to_string("fits"), format="fits") == unit
        except ValueError:
            is_held = False
        if not is_held and _is_card_text(text := unit.to_string()):
            units[name] = text
            column.unit = None
    return units


def _make_ascii(table):
    """
    Escape text and shorten names that FITS does not hold; return the record of it.
    """
    escaped, renamed = [], {}
    for name in table.colnames:
        column = table[name]
        if isinstance(column, Column) and column.dtype.kind == "U" and not _is_ascii(column):
            texts = [text.encode("unicode_escape").decode() for text in column.ravel().tolist()]
            _replace_text(table, name, texts)
            escaped.append(name)
    taken = {name.lower() for name in table.colnames}
    for name in table.colnames:
        if _is_card_text(name) and len(name) <= LONGEST_NAME:
            continue
        stem = re.sub(r"[^ -~]", "_", name)[: LONGEST_NAME - 4]
        new = next(
            own
            for own in (stem, *(f"{stem}_{k}" for k in range(2, 1000)))
            if own and own.lower() not in taken
        )
        taken.add(new.lower())
        renamed[new] = name
        table.rename_column(name, new)
    record = {"names": renamed, "escaped": [_key_of(renamed, name) for name in escaped]}
    return json.dumps(record) if escaped or renamed else None


def _replace_text(table, name, texts):
    column = table[name]
    new = Column(np.array(texts, str).reshape(column.shape))
    if isinstance(column, MaskedColumn):
        new = MaskedColumn(new, mask=column.mask)
    for key in ("unit", "description", "meta"):
        setattr(new, key, getattr(column, key))
    table.replace_column(name, new)


def _key_of(renamed, name):
    return next((new for new, old in renamed.items() if old == name), name)


def _is_ascii(column):
    values = np.ascontiguousarray(column, column.dtype.newbyteorder("="))
    if not values.size or not values.dtype.itemsize:
        return True
    codes = values.ravel().view(np.uint32)
    # numpy fills text up with 0.
    return not np.any((codes > ord("~")) | ((codes < ord(" ")) & (codes != 0)))


def _restore_text(table, text):
    if text is None:
        return
    record = json.loads(text)
    for name in record["escaped"]:
        column = table[name]
        texts = np.asarray(column).astype(str).ravel().tolist()
        texts = [text.encode("ascii").decode("unicode_escape") for text in texts]
        _replace_text(table, name, texts)
    for new, old in record["names"].items():
        table.rename_column(new, old)


def _is_streamable(column):
    if not isinstance(column, Column) or column.ndim != 1:
        return False
    is_text = column.dtype.kind == "U" and column.dtype.itemsize > 0
    return is_text or column.dtype.str[1:] in STREAMABLE


def _stream(table, path, units):
    """
    Write the rows block by block: astropy makes several copies of a whole table.

    The header is astropy's own, of the table without rows.
    """
    registry.write(table[:0], path, format="fits")
    with fits.open(path) as hdus:
        header, columns = hdus[1].header.copy(), hdus[1].columns
    path.unlink()
    header["NAXIS2"] = len(table)
    dtype = columns.dtype.newbyteorder(">")
    _write_descriptions(header, columns.names, table, units)
    nulls = {column.name: column.null for column in columns}
    stream = fits.StreamingHDU(path, header)
    try:
        for start in range(0, len(table), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            block = np.empty(len(range(len(table))[part]), dtype)
            for name in columns.names:
                block[name] = _stored(table[name], part, nulls[name])
            stream.write(block.view(np.uint8))
    finally:
        stream.close()


def _stored(column, part, null):
    """
    Return a part of a column as FITS has it, with its missing values.
    """
    values = np.asarray(column)[part]
    kind = values.dtype.kind
    if kind == "b":
        values = np.where(values, np.uint8(ord("T")), np.uint8(ord("F")))
    elif kind == "U":
        # The text is ASCII: one number for each character, cut to a byte, which is ten times as
        # fast as encoding it.
        width = values.dtype.itemsize // 4
        native = values.astype(f"=U{width}", copy=False)
        codes = np.ascontiguousarray(native).view(np.uint32)
        values = codes.astype(np.uint8).view(f"S{width}")
    if isinstance(column, MaskedColumn):
        missing = {"f": np.nan, "b": 0, "U": b""}.get(kind, null)
        values = np.where(np.asarray(column.mask)[part], missing, values)
    return values


def _write_whole(table, path, units):
    # The method write of a subclass may lead here.
    registry.write(table, path, format="fits")
    with fits.open(path, mode="update") as hdus:
        hdu = hdus[1]
        _write_descriptions(hdu.header, hdu.columns.names, table, units)
        for name in hdu.columns.names:
            column = table[name] if name in table.colnames else None
            if isinstance(column, MaskedColumn) and column.dtype.kind == "b" and column.mask.any():
                # astropy writes what is under the mask; the standard has a byte of zero.
                np.rec.recarray.field(hdu.data, name)[column.mask] = 0


def _write_descriptions(header, names, table, units):
    for number, name in enumerate(names, start=1):
        info = table[name].info if name in table.colnames else None
        if info is None:
            continue
        if name in units:
            header.set(f"TUNIT{number}", units[name], after=f"TFORM{number}")
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
