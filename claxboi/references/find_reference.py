# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Find a catalogue by name, or make one from a table, a file, a HATS folder or a TAP service.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from pathlib import Path

from astropy.table import Table

from claxboi.io import read_table
from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    check_choice,
    check_columns,
    check_table,
    check_text,
    shown,
)

from .records import OWN_UNITS, RESERVED, ColumnRecord, Record, load_records
from .reference import Reference

__all__ = ["get_reference"]

_VIZIER_ID = re.compile(r"(vizier:)?([IVX]+|B|J)/\S+")
# Columns that tables made by claxboi have beyond those of their catalogue.
_MAY_HAVE = {
    "pos_error": ColumnRecord("pos_error", {}, "arcsec"),
    "ref_epoch": ColumnRecord("ref_epoch", {}, "yr"),
}


def get_reference(
    source: str | Path | Table | Reference,
    *,
    name: str | None = None,
    like: str | None = None,
    ra: str = "ra",
    dec: str = "dec",
    id: str | None = None,
    pos_error: str | None = None,
    tap: str | None = None,
) -> Reference:
    """
    Find a catalogue by its name, or make one from a table.

    Parameters
    ----------
    source : str, `~pathlib.Path`, `~astropy.table.Table` or `Reference`
        The short name of a known catalogue (see `list_references`), the id of a VizieR table, a
        table, a file in any format that astropy reads, or the folder or address of a HATS
        catalogue (needs ``lsdb``).
    name : str, optional
        A short name for a table of your own.
    like : str, optional
        The short name of the known catalogue that a table or file is a part of: its columns are
        found by the names that claxboi or a service gives them, and its errors, epoch and citation
        are those of that catalogue. Excludes the names of columns below.
    ra, dec : str, optional
        In a table of your own: columns of the positions (ICRS; degrees unless they have a unit).
        A HATS catalogue knows its own.
    id : str, optional
        In a table or HATS catalogue of your own, or with ``tap``: column of the identifiers.
    pos_error : str, optional
        In a table or HATS catalogue of your own, or with ``tap``: column of the positional errors,
        1 sigma per axis (arcsec unless it has a unit).
    tap : str, optional
        Address of a TAP service that takes uploads, such as those of HEASARC, the Gaia archive and
        VizieR (``http://tapvizier.cds.unistra.fr/TAPVizieR/tap``); ``source`` is then the name of
        a table there, and ``ra, dec, id, pos_error`` are columns of it. Nothing is sent until it is
        searched.

    Returns
    -------
    reference : `Reference`

    Raises
    ------
    ValueError
        If there is no such catalogue; the nearest names are listed.
    KeyError
        If a table lacks a column.
    ImportError
        If it is a HATS catalogue and LSDB is not installed.

    Examples
    --------
    >>> from claxboi.references import get_reference
    >>> get_reference("allwise")
    <Reference allwise: AllWISE, II/328/allwise on xmatch, vizier>
    """
    if isinstance(source, Reference):
        if tap is not None:
            raise InputValueError("tap must not be given with a Reference, which knows its service")
        return source
    own = {"ra": ra, "dec": dec, "id": id, "pos_error": pos_error}
    for argument, value in {"name": name, **own}.items():
        if value is not None or argument in ("ra", "dec"):
            check_text(value, argument)
    if like is not None:
        check_choice(like, load_records(), "like")
    if tap is not None:
        return _from_tap(source, tap, name, own, like)
    if isinstance(source, Table):
        return _from_table(source, name or "table", own, like)
    if not isinstance(source, (str, os.PathLike)):
        raise InputTypeError(
            "source must be one name, path, Table or Reference (one call for each catalogue), got "
            f"{type(source).__name__}"
        )
    text = os.fspath(source)
    known = load_records()
    if text in known:
        return Reference(known[text])
    path = Path(text)
    if "://" in text or (text and path.is_dir()):
        return _from_hats(text, name or path.stem, own)
    if path.is_file():
        return _from_table(read_table(path), name or path.stem, own, like)
    if _VIZIER_ID.fullmatch(text):
        table = text.removeprefix("vizier:")
        found = next((r for r in known.values() if r.table == table), None)
        return Reference(found or _bare_record(name or table, table, ("xmatch", "vizier")))
    near = difflib.get_close_matches(text.lower(), known, n=3, cutoff=0.4) or list(known)
    raise InputValueError(
        "source must be a known catalogue, the id of a VizieR table or a file that is there, got "
        f"{text!r}; known ones are {', '.join(near)}"
        f"{', ... (list_references() shows all)' if len(near) < len(known) else ''}"
    )


def _bare_record(name, table, services, columns=None, **more):
    return Record(name, table, "survey", table, services, columns, **more)


def _own_columns(own, names, service):
    """
    Make records of the columns of a user's catalogue: the chosen ones, then all others.
    """
    columns = {}
    for new, name in own.items():
        if name is not None:
            kind = "float64" if new in OWN_UNITS else ""
            columns[new] = ColumnRecord(new, {service: name}, OWN_UNITS.get(new, ""), kind)
    used = {column.names[service] for column in columns.values()}
    for name in names:
        if name not in used:
            new = name
            while new in columns or new in RESERVED:
                new += "_reference"
            columns[new] = ColumnRecord(new, {service: name}, type="")
    return columns


def _from_table(table, name, own, like):
    check_table(table, "source", allow_empty=True)
    if like is not None:
        return _from_part(table, load_records()[like])
    check_columns(table, [column for column in own.values() if column is not None], "source")
    columns = _own_columns(own, table.colnames, "local")
    entry = _bare_record(name, name, ("local",), columns, rows=len(table))
    return Reference(entry, data=table)


def _from_part(table, known):
    """
    Make a reference of some rows of a known catalogue, whatever service they once came from.
    """
    columns = {}
    for canonical, column in (*known.columns.items(), *_MAY_HAVE.items()):
        names = (canonical, *column.names.values())
        own = next((name for name in names if name in table.colnames), None)
        if own is not None:
            columns[canonical] = dataclasses.replace(column, names={"local": own})
    for name in ("ra", "dec"):
        if name not in columns:
            names = dict.fromkeys([name, *known.columns[name].names.values()])
            raise InputKeyError(
                f"source has no column {' or '.join(map(repr, names))} of {known.title}; its "
                f"columns are {', '.join(table.colnames)}"
            )
    epochs = set(known.epoch.values())
    epoch = {"local": epochs.pop()} if len(epochs) == 1 else {}
    part = dataclasses.replace(
        known, services=("local",), columns=columns, epoch=epoch, whole=False
    )
    return Reference(part, data=table)


def _from_hats(path, name, own):
    from ._local import hats_columns

    names, (ra, dec) = hats_columns(path)
    own = {**own, "ra": ra, "dec": dec}
    unknown = [column for column in own.values() if column is not None and column not in names]
    if unknown:
        raise InputKeyError(
            f"source has no column {', '.join(map(repr, unknown))}; "
            f"its columns are {', '.join(names)}"
        )
    return Reference(_bare_record(name, path, ("hats",), _own_columns(own, names, "hats")))


def _from_tap(source, server, name, own, like):
    check_text(server, "tap")
    if not isinstance(source, str):
        raise InputTypeError(
            f"source must be the name of a table of the service tap={server!r}, got {shown(source)}"
        )
    if like is not None:
        raise InputValueError("like must not be given with tap: it is for tables and files")
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", server):
        raise InputValueError(
            f"tap must be the address of a TAP service, https://..., got {server!r}"
        )
    own = {new: column for new, column in own.items() if column is not None}
    server = server.rstrip("/")
    return Reference(_bare_record(name or source, source, ("tap",), server=server, own=own))
