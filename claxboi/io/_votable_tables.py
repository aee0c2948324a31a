# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tables in VOTables.
"""

import base64
import binascii
import io
import math
import re
import warnings
from contextlib import contextmanager

import numpy as np
from astropy.io import votable
from astropy.io.votable.converters import get_converter
from astropy.io.votable.exceptions import E01, W03, W51, VOWarning
from astropy.io.votable.tree import Info, VOTableFile
from astropy.units import UnitsWarning
from astropy.utils.data import get_readable_fileobj

from claxboi.utils import InputValueError
from claxboi.utils.exceptions import ClaxboiWarning, warn

from ._meta import META_KEY, meta_as_json, restore_meta
from ._selection import choose_table

__all__ = [
    "check_streams",
    "find_note",
    "read_document",
    "read_votable",
    "votable_document",
    "write_votable",
]

#: Marks of astropy on columns that held text, or that have a width.
COLUMN_MARKS = ("_votable_string_dtype", "_votable_arraysize", "width", "precision")

#: The control characters that XML has, and what numpy fills text up with.
XML_CONTROLS = (0, 9, 10, 13)

#: A PARAM element with its attributes.
PARAM = re.compile(rb"""<PARAM\b((?:[^>"']|"[^"]*"|'[^']*')*?)(?:/>|>.*?</PARAM>)""", re.DOTALL)


#: Versions in which a missing integer is read as 0.
OLD_VERSION = re.compile(rb"(<VOTABLE\b[^>]*?\bversion\s*=\s*[\"'])1\.[012]([\"'])")

#: A field of text and its width.
TEXT_FIELD = re.compile(
    rb"""<FIELD\b(?=[^>]*\bdatatype\s*=\s*["'](?:char|unicodeChar)["'])[^>]*?(?=/?>)"""
)
WIDTH = re.compile(rb"""\s(arraysize\s*=\s*["'])([^"']*)(["'])""")

#: The rows of a table in one of the binary encodings.
STREAM = re.compile(
    rb"""<(?P<kind>BINARY2?)\b[^>]*>\s*<STREAM\b[^>]*\bencoding\s*=\s*["']base64["'][^>]*>"""
    rb"""(?P<text>[^<]*)</STREAM>"""
)
TABLE_TAG = re.compile(rb"<TABLE\b")

#: Bits of one value.
BITS = {"bit": 1, "boolean": 8, "unsignedByte": 8, "short": 16, "int": 32, "long": 64, "char": 8}
BITS |= {"unicodeChar": 16, "float": 32, "double": 64, "floatComplex": 64, "doubleComplex": 128}

#: Where astropy found an error.
PLACE = re.compile(r"^(?:\S*:\d+:\d+: )+")


def repair(content):
    """
    Repair what services and programs write so that values would be lost.

    Missing integers are read as 0 in versions before 1.3, and text is cut to the width that its
    field declares, or to one character where it declares none.

    Parameters
    ----------
    content : bytes
        A VOTable.

    Returns
    -------
    content : bytes
    """
    content = OLD_VERSION.sub(rb"\g<1>1.3\g<2>", content, count=1)
    if b"<TABLEDATA" not in content:
        # In binary data the widths define the rows.
        return content
    return TEXT_FIELD.sub(_widen, content)


def _widen(match):
    width = WIDTH.search(match[0])
    if width is None:
        return match[0] + b' arraysize="*"'
    if b"x" in width[2]:
        # A list of texts.
        return match[0]
    return WIDTH.sub(rb" \g<1>*\g<3>", match[0])


@contextmanager
def overlooking_erg():
    """
    Ignore the warning about erg, which the VOUnit standard deprecates and X-ray astronomers use.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*has been deprecated in the VOUnit", UnitsWarning)
        yield


class Document(VOTableFile):
    """
    A VOTable that is written without a warning about the unit of each flux.
    """

    def to_xml(self, *args, **settings):
        """
        Write the document as XML, as its base class does.

        Parameters
        ----------
        *args, **settings
            The arguments of `~astropy.io.votable.tree.VOTableFile`.
        """
        with overlooking_erg():
            super().to_xml(*args, **settings)


def read_document(content):
    """
    Read a VOTable, also one with lists of text among its parameters, which astropy cannot read.

    TOPCAT makes such a list of the comments that astropy leaves in a FITS file.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    document : `~astropy.io.votable.tree.VOTableFile`
    """
    content = repair(content)
    with overlooking_erg():
        # Deviations from the standard are harmless, except for an integer out of range, which is
        # read as another one.
        warnings.simplefilter("ignore", VOWarning)
        warnings.simplefilter("error", W51)
        try:
            return votable.parse(io.BytesIO(content), verify="warn")
        except E01:
            head, mark, data = content.partition(b"<DATA>")
            head = PARAM.sub(lambda match: b"" if _is_list(match[1]) else match[0], head)
            return votable.parse(io.BytesIO(head + mark + data), verify="warn")


def check_streams(content, document):
    """
    Check that the binary rows of a VOTable are whole: astropy drops what it cannot decode.

    Parameters
    ----------
    content : bytes
        The VOTable.
    document : `~astropy.io.votable.tree.VOTableFile`
        The same, read.

    Raises
    ------
    ValueError
        If the encoding is damaged, or a part of a row is left over.
    """
    elements = list(document.iter_tables())
    for match in STREAM.finditer(content):
        number = len(TABLE_TAG.findall(content, 0, match.start()))
        what = f"the binary rows of table {number}"
        try:
            data = base64.b64decode(b"".join(match["text"].split()), validate=True)
        except binascii.Error as err:
            raise InputValueError(f"{what} are damaged: {err}") from err
        fields = elements[number - 1].fields
        if fields and _rest(data, fields, match["kind"] == b"BINARY2"):
            raise InputValueError(f"{what} are damaged: they end within a row")


def _rest(data, fields, has_flags):
    """
    Return whether bytes remain, or lack, after the last whole row.
    """
    flags = (len(fields) + 7) // 8 if has_flags else 0
    sizes = []
    for field in fields:
        *fixed, last = str(field.arraysize or "1").split("x")
        is_variable = "*" in last
        n_values = math.prod(map(int, fixed)) * (1 if is_variable else int(last))
        sizes.append((n_values * BITS[field.datatype], is_variable))
    if not any(is_variable for _, is_variable in sizes):
        return len(data) % (flags + sum((bits + 7) // 8 for bits, _ in sizes)) != 0
    place = 0
    while place < len(data):
        place += flags
        for bits, is_variable in sizes:
            count = 1
            if is_variable:
                count = int.from_bytes(data[place : place + 4], "big")
                place += 4
            place += (count * bits + 7) // 8
    return place != len(data)


def _is_list(attributes):
    return re.search(rb"""arraysize=["']\d+x""", attributes) is not None


def find_note(document, name):
    """
    Find the text of an INFO or a PARAM element.

    Parameters
    ----------
    document : `~astropy.io.votable.tree.VOTableFile`
        The VOTable.
    name : str
        The name of the element in lower case; TOPCAT keeps upper case of FITS files.

    Returns
    -------
    text : str or None
        None if there is none.
    """
    infos = [info for resource in document.resources for info in resource.infos]
    params = [param for table in document.iter_tables() for param in table.params]
    for note in (*infos, *document.infos, *params):
        if note.name.lower() == name and isinstance(note.value, str):
            return note.value
    return None


def read_votable(path, *, table=None):
    """
    Read a table of a VOTable file.

    Parameters
    ----------
    path : path
        The file.
    table : str or int, optional
        Name, ID or number (from 1) of the table. Default: the only table with rows.

    Returns
    -------
    table : `~astropy.table.Table`
    """
    with get_readable_fileobj(str(path), encoding="binary") as stream:
        content = stream.read()
    try:
        document = read_document(content)
        check_streams(content, document)
    except (ValueError, W51) as err:
        raise InputValueError(PLACE.sub("", str(err))) from err
    _check_status(document)
    elements = list(document.iter_tables())
    names = [(str(e.name or e.ID or ""), k, len(e.array)) for k, e in enumerate(elements, start=1)]
    number = choose_table(names, path, table)
    chosen = elements[number]
    _check_length(content, number, len(chosen.array))
    _check_frames(document, chosen)
    result = chosen.to_table(use_names_over_ids=True)
    for column in result.columns.values():
        for mark in COLUMN_MARKS:
            column.info.meta.pop(mark, None)
        # The precision of a field tells how to show it, not how many digits it has.
        column.info.format = None
        if column.info.description:
            column.info.description = " ".join(column.info.description.split())
    restore_meta(result, find_note(document, META_KEY))
    return result


def _check_status(document):
    """
    Refuse the error message of a service, and warn about a table that it cut.
    """
    infos = [info for resource in document.resources for info in resource.infos]
    for info in (*document.infos, *infos):
        is_error = info.name == "QUERY_STATUS" and info.value.upper() == "ERROR"
        if is_error or info.name.lower() == "error":
            raise InputValueError(f"the service that made it says: {info.content or info.value}")
        if info.name == "QUERY_STATUS" and info.value.upper() == "OVERFLOW":
            warn(
                "the table is incomplete: the service that made it had more rows than it sends "
                "(QUERY_STATUS is OVERFLOW)",
                ClaxboiWarning,
            )


def _check_length(content, number, n_rows):
    """
    Check that a table has as many rows as it declares.
    """
    # With fewer tags than tables, the tags are in another namespace.
    tags = re.findall(rb"<TABLE\b[^>]*>", content)
    declared = re.search(rb"\bnrows\s*=\s*[\"'](\d+)", tags[number]) if len(tags) > number else None
    if declared and int(declared[1]) != n_rows:
        raise InputValueError(
            f"the table has {n_rows} rows but declares {int(declared[1])}: the file is incomplete"
        )


def _check_frames(document, element):
    """
    Warn about positions of another equinox, which look like any others.
    """
    systems = [*document.coordinate_systems]
    systems += [one for resource in document.resources for one in resource.coordinate_systems]
    for system in systems:
        equinox = float(re.sub(r"[^\d.]", "", str(system.equinox or "")) or 2000)
        if not str(system.system).startswith("eq_") or equinox == 2000:
            continue
        names = [field.name for field in element.fields if field.ref == system.ID]
        if names:
            warn(
                f"columns {', '.join(map(repr, names))} are positions of equinox {system.equinox} "
                f"({system.system}), not ICRS: convert them with SkyCoord before they are used",
                ClaxboiWarning,
            )


def write_votable(table, path):
    """
    Write a table whose columns are `holdable`.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    path : path
        The new file.
    """
    votable_document(table).to_xml(str(path))


def votable_document(table):
    """
    Turn a table whose columns are `holdable` into a VOTable, with its meta as INFO element.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.

    Returns
    -------
    document : Document

    Raises
    ------
    ValueError
        If text has characters that XML has not.
    """
    for name, column in table.columns.items():
        if column.dtype.kind == "U" and column.dtype.itemsize and column.size:
            _check_text(name, np.asarray(column))
    with overlooking_erg(), warnings.catch_warnings():
        # An ID is made of a name such as S/N, which stays what it is.
        warnings.simplefilter("ignore", W03)
        document = Document.from_table(table)
    names, taken = set(table.colnames), set()
    for field in document.get_first_table().fields:
        if field.datatype == "bit" and table[field.name].ndim == 1:
            # astropy makes bits of logical values, and a bit cannot be missing.
            field.datatype = "boolean"
            field.converter = get_converter(field)
        elif field.datatype == "unicodeChar" and field.arraysize == "1":
            # A single character cannot be missing, and the standard deprecates this.
            field.arraysize = "*"
            field.converter = get_converter(field)
        elif field.precision or field.width:
            # They cut digits.
            field.precision = field.width = None
            field.converter = get_converter(field)
        # S/N makes the ID S_N, which may be the name of another.
        while field.ID in taken or (field.ID in names and field.name != field.ID):
            field.ID += "_"
        taken.add(field.ID)
    if text := meta_as_json(table.meta):
        document.resources[0].infos.append(Info(name=META_KEY, value=text))
    return document


def _check_text(name, values):
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("=")).ravel()
    codes = values.view(np.uint32).reshape(len(values), -1)
    is_control = (codes < ord(" ")) & ~np.isin(codes, XML_CONTROLS)
    if is_control.any():
        row = np.flatnonzero(is_control.any(axis=1))[0]
        raise InputValueError(
            f"VOTable cannot hold control characters, got {str(values[row])!r} in column {name!r}"
        )
