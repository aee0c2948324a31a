# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tables in text files, as archives, TOPCAT, spreadsheets and people write them.
"""

import codecs
import csv
import io
import logging
import re
import warnings
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.io import ascii as astropy_ascii
from astropy.table import Column, MaskedColumn, Table
from astropy.utils.data import get_readable_fileobj
from astropy.utils.exceptions import AstropyWarning

from claxboi.utils import InputValueError, read_unit, warn

from ._meta import META_KEY, restore_meta
from ._selection import choose_table

__all__ = ["ecsv_text", "read_ecsv", "read_text", "write_csv", "write_ecsv"]

log = logging.getLogger(__name__)

#: A row of dashes below the names, as VizieR writes it.
DASHES = re.compile(r"\s*\|?\s*:?-+:?(\s*[\t;|,+]\s*:?-+:?)*\s*\|?\s*")

#: A frame around a table of a database client.
FRAME = re.compile(r"\s*\+[-=+]+\+\s*")

#: A column in the header of a VizieR table: name, format, description, UCD.
VIZIER_COLUMN = re.compile(r"#Column\t(?P<name>[^\t]+)\t\((?P<format>[^)]*)\)\t(?P<text>.*)")

#: The line after the last row of a VizieR or psql table.
_END = re.compile(r"#|\(\d+ rows?\)")

#: Words for a missing value in a column of numbers.
NULL_WORDS = ("null", "none", "n/a", "na", "nan", "--", "-", "...", "\\n", "indef", "*", "?", "nil")

#: Those of them that are no text either, such as the name of a class.
TEXT_NULLS = ("null", "none", "nan", "n/a", "<na>", "--")

#: Placeholders for no unit in a row of units.
NO_UNIT = ("", "-", "--", "---", "none", "None", "null", "text", "string")

#: Name of the labels of rows that pandas writes without one.
INDEX = "index"

#: The first of these that cuts the names and the first rows into the same number of cells, of two
#: or more, is the delimiter.
DELIMITERS = ("\t", ";", "|", ",")

_FEWEST_DASHES = 3

#: The second line of an IPAC table, whose rows have no pipes.
_IPAC_TYPES = re.compile(r"int|long|float|double|real|char|date|[ilfdrc]", re.IGNORECASE)

#: Stands for a tab.
_NO_SPACE = "\x01"

#: The beginning of files that a service may send, or a browser save, in place of a table.
_OTHER_FILE = re.compile(r"\s*(<(!doctype|html|head|body|\?xml)\b|\{\s*\"|\[\s*\{)", re.IGNORECASE)

#: The message of VizieR in place of a table.
_ERROR = re.compile(r"#INFO\s+Error=(.+)")

#: A line of the header of SExtractor: number, name, description.
_SEXTRACTOR = re.compile(r"#\s+\d+\s+[A-Z]\w*(\s|$)")

_BYTE_BY_BYTE = "Byte-by-byte Description of file"
_TRUE, _FALSE = ("True", "true", "TRUE"), ("False", "false", "FALSE")
_NUMBER = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?|[+-]?(inf|nan|infinity)", re.IGNORECASE
)
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?|[+-]?\d+")


class Block(NamedTuple):
    """
    One table of a text file, before its cells are read.
    """

    name: str
    names: list
    units: list
    delimiter: str
    rows: list
    """Lines of text."""

    facts: dict
    """Description, UCD and format of columns, by name."""


def read_text(path, *, delimiter=None, table=None, as_text=False):
    """
    Read a text table of any layout.

    Parameters
    ----------
    path : path
        The file.
    delimiter : str, optional
        What separates the cells. Default: found by the names and the first rows.
    table : str or int, optional
        Name or number (from 1) of a table of VizieR output. Default: the only one.
    as_text : bool, optional
        Leave the cells of a delimited table as they are written.

    Returns
    -------
    table : `~astropy.table.Table`
    """
    text = _decode(path)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise InputValueError("the file is empty")
    if match := _OTHER_FILE.match(text):
        what = "a web page" if match[0].startswith("<") else "JSON"
        raise InputValueError(f"the file is {what}, not a table: {' '.join(text.split())[:80]!r}")
    if error := next(filter(None, map(_ERROR.match, lines[:1000])), None):
        raise InputValueError(f"the service that made it says: {error[1].strip()}")
    if lines[0].startswith("# %ECSV"):
        return read_ecsv(path)
    if all(map(_SEXTRACTOR.match, [line for line in lines if line.startswith("#")] or [""])):
        return Table.read(lines, format="ascii.sextractor")
    if any(_BYTE_BY_BYTE in line for line in lines[:1000]):
        return Table.read(
            lines, format="ascii.mrt" if lines[0].startswith("Title") else "ascii.cds"
        )
    if layout := _readme_layout(path):
        return Table.read(layout + lines, format="ascii.cds")
    blocks = _vizier_blocks(lines)
    if blocks:
        found = [(block.name, k, len(block.rows)) for k, block in enumerate(blocks, start=1)]
        return _read_block(blocks[choose_table(found, path, table)], as_text)
    if _is_ipac(lines):
        return Table.read(lines, format="ascii.ipac")
    block = _piped_block(lines) or _delimited_block(lines, delimiter, path)
    if block is not None:
        return _read_block(block, as_text)
    try:
        # Columns of fixed width, IPAC, SExtractor and what else astropy knows.
        return Table.read(lines, format="ascii")
    except astropy_ascii.InconsistentTableError as err:
        raise InputValueError(
            "its lines have no common layout: the names and the rows should have the same number "
            "of cells"
        ) from err


def read_ecsv(path):
    """
    Read an ECSV file.
    """
    table = Table.read(_decode(path).splitlines(), format="ascii.ecsv")
    # TOPCAT writes its own ECSV.
    if isinstance(table.meta.get(META_KEY.upper()), str):
        restore_meta(table, table.meta.pop(META_KEY.upper()))
    return table


def _decode(path):
    with get_readable_fileobj(str(path), encoding="binary") as stream:
        content = stream.read()
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(encoding)
    if b"\0" in content[:4096]:
        raise InputValueError("the file is binary, not text")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        log.info("%s is not UTF-8: read as Latin-1", path)
        return content.decode("latin-1")


def _readme_layout(path):
    """
    Find the description of a file in the ReadMe of its folder, as the CDS has it.
    """
    readme, name = path.with_name("ReadMe"), path.name.removesuffix(".gz")
    if not readme.is_file():
        return []
    lines = readme.read_text(encoding="utf-8", errors="replace").splitlines()
    for start, line in enumerate(lines):
        if _BYTE_BY_BYTE in line and name in re.split(r"[\s,]+", line.partition(":")[2]):
            rules = [k for k in range(start, len(lines)) if re.fullmatch(r"-{4,}\s*", lines[k])]
            # One below the title, one below the heads of the columns, and one at the end.
            return [line, *lines[start + 1 : rules[2] + 1]] if len(rules) > 2 else []
    return []


# Layouts


def _vizier_blocks(lines):
    """
    Find the tables that have a row of dashes below their names, and perhaps one of units between.
    """
    blocks, start = [], 0
    number = 0
    while number < len(lines):
        line = lines[number]
        if not line.startswith("-") or not DASHES.fullmatch(line):
            number += 1
            continue
        # The plus of psql stands between pipes.
        line = line.replace("+", "|")
        delimiter = next((mark for mark in DELIMITERS if mark in line), "\t")
        n_cells = line.count(delimiter) + 1
        above = [
            own.split(delimiter)
            for own in lines[start:number]
            if own.strip(" ") and not own.startswith("#")
        ]
        # A single column needs more than a cell of two hyphens.
        if (
            len(above) not in (1, 2)
            or any(len(cells) != n_cells for cells in above)
            or (n_cells == 1 and len(line.strip()) < _FEWEST_DASHES)
        ):
            number += 1
            continue
        names = [name.strip() for name in above[0]]
        units = [unit.strip() for unit in above[1]] if len(above) == 2 else [""] * n_cells
        end = number + 1
        while end < len(lines) and lines[end].strip(" ") and not _END.match(lines[end]):
            end += 1
        rows = lines[number + 1 : end]
        comments = [own for own in lines[start:number] if own.startswith("#")]
        blocks.append(
            Block(_vizier_name(comments), names, units, delimiter, rows, _vizier_facts(comments))
        )
        number = start = end
    return blocks


def _vizier_name(comments):
    names = [line.split(":", 1)[1].strip() for line in comments if line.startswith("#Name:")]
    return names[-1] if names else ""


def _vizier_facts(comments):
    facts = {}
    for line in comments:
        match = VIZIER_COLUMN.match(line)
        if match:
            text, _, ucd = match["text"].partition("[ucd=")
            facts[match["name"].strip()] = {
                "format": match["format"].strip(),
                "description": " ".join(text.split()),
                "ucd": ucd.strip().rstrip("]"),
            }
    return facts


def _is_ipac(lines):
    heads = [line.strip() for line in lines if not line.startswith("\\")][:2]
    if len(heads) < 2 or not all(line.startswith("|") for line in heads):
        return False
    cells = heads[1].strip("|").split("|")
    return all(_IPAC_TYPES.fullmatch(cell.strip()) for cell in cells)


def _piped_block(lines):
    """
    Find a table with a pipe at both ends of each line, as HEASARC and databases write it.
    """
    filled = [
        line.strip()
        for line in lines
        if line.strip() and not line.startswith("#") and not FRAME.fullmatch(line)
    ]
    piped = [line for line in filled if line[0] == line[-1] == "|" and len(line) > 1]
    if len(piped) <= len(filled) / 2:
        return None
    rows = [line[1:-1] for line in piped if not DASHES.fullmatch(line)]
    names = [name.strip() for name in rows[0].split("|")]
    return Block("", names, [""] * len(names), "|", rows[1:], {})


def _delimited_block(lines, delimiter, path):
    start = 0
    while start < len(lines) and (not lines[start].strip() or lines[start].startswith("#")):
        start += 1
    comments, rows = [line for line in lines[:start] if line.strip()], lines[start:]
    if rows and (match := re.fullmatch(r"sep=(.)", rows[0].strip(), re.IGNORECASE)):
        # The first line of a spreadsheet's file may name its delimiter.
        delimiter, rows = match[1], rows[1:]
    commented = comments[-1].lstrip("#").strip() if comments else ""
    heads = [rows[0]] if rows else []
    if commented:
        heads.insert(0, commented)
    for head in heads:
        body = rows if head is commented else rows[1:]
        if head is commented and rows and not _is_data(rows[0]):
            continue
        mark = delimiter or _delimiter_of(head, body[:20])
        if mark is None:
            continue
        names = [name.strip() for name in _cells(head, mark)]
        n_first = len(_cells(body[0], mark)) if body else len(names)
        if head is commented and n_first != len(names):
            continue
        body = _without_blank_lines(body)
        return _checked(Block("", names, [""] * len(names), mark, body, {}))
    is_single = len(rows[0].split()) == 1 if rows else False
    if rows and not commented and (is_single or ".csv" in path.suffixes):
        names = _cells(rows[0], ",")
        return _checked(Block("", names, [""], ",", _without_blank_lines(rows[1:]), {}))
    return None


def _is_data(line):
    cells = [cell for mark in (*DELIMITERS, None) for cell in line.split(mark)]
    return any(_NUMBER.fullmatch(cell.strip()) for cell in cells)


def _delimiter_of(head, body):
    body = [line for line in body if line.strip()]
    best, most = None, 1
    for mark in DELIMITERS:
        n_names = len(_cells(head, mark))
        if n_names > most and all(len(_cells(line, mark)) == n_names for line in body[:1]):
            best, most = mark, n_names
    if best is not None:
        return best
    counts = [len(_cells(head, mark)) for mark in DELIMITERS]
    if max(counts) > 1:
        # The names determine it. The reader reports a first row with too many or too few cells.
        return DELIMITERS[int(np.argmax(counts))]
    n_names = len(_cells(head, " "))
    same = [len(_cells(line, " ")) == n_names for line in body]
    return " " if n_names > 1 and all(same) else None


def _cells(line, delimiter):
    if delimiter == " ":
        line = " ".join(line.split())
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


def _without_blank_lines(rows):
    return [row for row in rows if row.strip()]


def _checked(block):
    numbers = [name for name in block.names if _NUMBER.fullmatch(name)]
    if 2 * len(numbers) >= len(block.names):
        raise InputValueError(
            f"its first line has numbers, {', '.join(numbers[:5])}, where the names of the "
            "columns should be: add a line of names"
        )
    if not any(map(str.isalnum, "".join(block.names))):
        raise InputValueError(
            f"its first line, {block.delimiter.join(block.names)[:80]!r}, has no names of columns"
        )
    names, rows = block.names, block.rows
    has_open_end = all(row.rstrip(" ").endswith(block.delimiter) for row in rows)
    if len(names) > 1 and not names[-1] and has_open_end:
        # A delimiter at the end of each line.
        rows = [row.rstrip(" ")[:-1] for row in rows]
        block = block._replace(names=names[:-1], units=block.units[:-1], rows=rows)
    if not names[0] and len(names) > 1 and INDEX not in names:
        # pandas gives no name to the labels of its rows.
        block = block._replace(names=[INDEX, *block.names[1:]])
    return _with_units(block)


def _with_units(block):
    """
    Take a row of units from below the names: units or nothing, above numbers.
    """
    if len(block.rows) < 2:
        return block
    first, second = (_cells(row, block.delimiter) for row in block.rows[:2])
    if len(first) != len(block.names) or len(second) != len(block.names):
        return block
    units = [cell.strip() for cell in first]
    stated = [
        is_number
        for unit, is_number in zip(units, map(_is_number_cell, second), strict=True)
        if _is_unit(unit)
    ]
    if not any(stated) or not all(not unit or _is_unit(unit) or unit in NO_UNIT for unit in units):
        return block
    units = ["" if unit in NO_UNIT else unit for unit in units]
    return block._replace(units=units, rows=block.rows[1:])


def _is_unit(text):
    if not text or _is_number_cell(text):
        return False
    try:
        return read_unit(text) is not None
    except ValueError:
        return False


def _is_number_cell(text):
    return _NUMBER.fullmatch(text.strip()) is not None


# Cells


def _read_block(block, as_text):
    names = block.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputValueError(
            f"columns must have different names, got {', '.join(map(repr, twice))} twice"
        )
    if "" in names:
        raise InputValueError(f"column {names.index('') + 1} has no name")
    if not block.rows:
        table = Table({name: np.array([], str if as_text else float) for name in names})
    else:
        table = _parse(block, as_text)
    for name, unit in zip(names, block.units, strict=True):
        if unit and unit not in ("---", "-"):
            table[name].unit = _unit(unit)
        fact = block.facts.get(name, {})
        table[name].description = fact.get("description") or None
        if fact.get("ucd"):
            table[name].meta["ucd"] = fact["ucd"]
    return table


def _unit(text):
    own = u.Unit(text, format="cds", parse_strict="silent")
    if isinstance(own, u.UnrecognizedUnit) and _is_unit(text):
        return read_unit(text)
    return own


def _parse(block, as_text):
    keep = {
        name
        for name in block.names
        if as_text or block.facts.get(name, {}).get("format", "").startswith(("A", "a"))
    }
    table = _parse_rows(block, keep)
    # An identifier such as 0012345678 is not the number 12345678, nor is 12_3 the number 123.
    mark = re.escape(block.delimiter)
    identifier = rf'(^|{mark})\s*"?[+-]?(0\d|[\d.]+_\d)'
    if not as_text and any(re.search(identifier, row) for row in block.rows):
        numbers = [name for name in table.colnames if table[name].dtype.kind in "iuf"]
        texts = _parse_rows(block, {*keep, *numbers})
        for name in numbers:
            written = np.char.lstrip(np.asarray(texts[name]).astype(str), "+- ")
            is_padded = np.char.startswith(written, "0") & (np.char.str_len(written) > 1)
            is_padded &= table[name].dtype.kind != "f"
            if np.any(is_padded | (np.char.find(written, "_") >= 0)):
                table[name] = texts[name]
                keep.add(name)
    if not as_text:
        for name in table.colnames:
            if table[name].dtype.kind == "U" and name not in keep:
                table[name] = _from_words(name, table[name], block.delimiter)
    return table


def _parse_rows(block, keep):
    converters = {name: [astropy_ascii.convert_numpy(str)] for name in keep}
    # The cells at the ends of a line may be empty, which astropy takes for spaces around it.
    delimiter = _NO_SPACE if block.delimiter == "\t" else block.delimiter
    text = "\n".join(block.rows).replace(block.delimiter, delimiter) + "\n"
    try:
        with warnings.catch_warnings():
            # Integers above 64 bits stay text.
            warnings.filterwarnings("ignore", "OverflowError converting", AstropyWarning)
            return astropy_ascii.read(
                text,
                format="no_header",
                delimiter=delimiter,
                names=block.names,
                guess=False,
                converters=converters,
                # A cell may begin with a number sign.
                comment="\0",
            )
    except astropy_ascii.InconsistentTableError as err:
        rows = csv.reader(block.rows, delimiter=block.delimiter, skipinitialspace=True)
        number, cells = next(
            (k, cells) for k, cells in enumerate(rows, start=1) if len(cells) != len(block.names)
        )
        raise InputValueError(
            f"row {number} has {len(cells)} cells, {block.delimiter.join(cells)[:80]!r}, but there "
            f"are {len(block.names)} columns"
        ) from err


def _from_words(name, column, delimiter):
    """
    Turn words into bools, or numbers beside words for missing values; else leave them as text.
    """
    missing = np.array(getattr(column, "mask", np.zeros(len(column), bool)))
    texts = np.char.strip(np.asarray(column).astype(str))
    words = {word for word in np.unique(texts[~missing]).tolist() if word}
    if words and words <= {*_TRUE, *_FALSE}:
        return _masked(np.isin(texts, _TRUE), missing | (texts == ""))
    empty = {word for word in words if word.lower() in NULL_WORDS}
    numbers = words - empty
    no_number = missing | np.isin(texts, sorted(empty)) | (texts == "")
    are_numbers = numbers and all(map(_NUMBER.fullmatch, numbers))
    if are_numbers and empty:
        log.info("column %r: %s is read as missing", name, ", ".join(sorted(empty)))
        filled = np.where(no_number, "0", texts)
        whole = all(re.fullmatch(r"[+-]?\d{1,18}", number) for number in numbers)
        return _masked(filled.astype(np.int64 if whole else float), no_number)
    if are_numbers:
        # The exponent of Fortran.
        plain = np.char.replace(np.char.replace(np.where(missing, "0", texts), "D", "E"), "d", "e")
        if not all(map(str.isdecimal, numbers)):
            return _masked(plain.astype(float), missing)

        # Integers too large for 64 bits with a sign.
        is_large = max(map(int, numbers)) > np.iinfo(np.uint64).max
        return column if is_large else _masked(plain.astype(np.uint64), missing)
    if delimiter != "," and numbers and all(map(_COMMA_NUMBER.fullmatch, numbers)):
        log.info("column %r: a comma is read as the decimal point", name)
        filled = np.char.replace(np.where(no_number, "0", texts), ",", ".")
        return _masked(filled.astype(float), no_number)
    if empty := {word for word in words if word.lower() in TEXT_NULLS}:
        log.info("column %r: %s is read as missing", name, ", ".join(sorted(empty)))
        return MaskedColumn(column, mask=missing | np.isin(texts, sorted(empty)))
    return column


def _masked(values, missing):
    return MaskedColumn(values, mask=missing) if missing.any() else Column(values)


# Writing


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
    columns = table.columns.values()
    is_plain = all(
        isinstance(c, Column) and c.ndim == 1 and c.dtype.kind in "biufU" for c in columns
    )
    part = table[:0] if is_plain else table
    part.write(text, format="ascii.ecsv", delimiter=",")
    if is_plain:
        _write_rows(table, text)
    return text.getvalue()


def _write_rows(table, stream):
    # A masked value is None, which is written as nothing; a float is written by repr, exactly.
    rows = zip(*(column.tolist() for column in table.columns.values()), strict=True)
    csv.writer(stream, lineterminator="\n").writerows(rows)


def write_ecsv(table, path):
    """
    Write a table whose columns are `holdable` as ECSV.
    """
    path.write_text(ecsv_text(table), encoding="utf-8", newline="\n")


def write_csv(table, path):
    """
    Write the values of a table whose columns are `holdable` as CSV.
    """
    units = [f"{name} ({table[name].unit})" for name in table.colnames if table[name].unit]
    if units:
        listed = ", ".join(units[:5]) + (f" and {len(units) - 5} more" if len(units) > 5 else "")
        warn(f"CSV has no units: those of {listed} are lost; FITS, ECSV or VOTable keep them")
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerow(table.colnames)
        _write_rows(table, stream)
