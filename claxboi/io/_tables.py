# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Tables in files, with what astropy alone would lose on the way.
"""

from pathlib import Path

import numpy as np
from astropy.io.ascii import convert_numpy
from astropy.io.registry import IORegistryError
from astropy.table import Column, MaskedColumn
from astropy.utils.exceptions import AstropyUserWarning

from claxboi.utils._files import replacing
from claxboi.utils._validation import check_choice, check_table

from ._formats import READERS, WRITERS, read_other, votable_document

__all__ = ["as_votable", "output_format", "read_table", "write_table"]

#: Formats by suffix. Others, such as ``.hdf5``, are left to astropy.
FORMATS = {
    ".fits": "fits",
    ".fit": "fits",
    ".ecsv": "ascii.ecsv",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "ascii.csv",
    ".tsv": "ascii.tab",
    ".txt": "ascii",
    ".dat": "ascii",
}

_NOT_OF_THE_FORMAT = (OSError, EOFError, ValueError, KeyError, IndexError, TypeError)


def read_table(path, format=None, *, as_text=False):
    """
    Read a table, with the units, descriptions, UCDs and meta that `write_table` kept.

    Parameters
    ----------
    path : str or path
        The file: FITS, VOTable, ECSV, Parquet (needs pyarrow), CSV, or what else astropy reads.
    format : str, optional
        Name of the format in astropy. Default: by the suffix, or what astropy makes of the file.
    as_text : bool, optional
        Leave the values of a CSV file as they are written: "007" is no number then.

    Returns
    -------
    table : `~astropy.table.Table`
        Text is str, and empty text is masked: few formats tell the two apart. A column is masked
        only where a value is missing. UCDs are in ``meta["ucd"]`` of the columns.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If a Parquet file is to be read without pyarrow.
    ValueError
        If the format cannot be told, or the file is not of it.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.io import read_table
    >>> Table({"source_id": [1, 2], "note": ["bright", ""]}).write("sources.fits")
    >>> read_table("sources.fits")["note"].tolist()
    ['bright', None]
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    format = format or _format_of(path)
    settings = {}
    if as_text and format == "ascii.csv":
        settings["converters"] = {"*": [convert_numpy(str)]}
    try:
        table = READERS.get(format, read_other)(path, format, **settings)
    except IORegistryError as err:
        raise ValueError(
            f"cannot tell the format of {path}: its suffix should be one of {', '.join(FORMATS)}"
        ) from err
    except (*_NOT_OF_THE_FORMAT, AstropyUserWarning) as err:
        # Each format says in its own way that a file is not of it.
        what = "as a table" if format is None else f"as {format.removeprefix('ascii.').upper()}"
        reason = " ".join(str(err).split())[:300] or type(err).__name__
        raise ValueError(f"cannot read {path} {what}: {reason}") from err
    return _tidy(table)


def write_table(table, path, format=None, *, overwrite=False):
    """
    Write a table with its units, descriptions, UCDs and meta.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table; it is not changed.
    path : str or path
        The file. It is written whole or not at all.
    format : {"fits", "ascii.ecsv", "votable", "parquet", "ascii.csv"}, optional
        Default: by the suffix.
    overwrite : bool, optional
        Replace an existing file.

    Raises
    ------
    ImportError
        If a Parquet file is to be written without pyarrow.
    OSError
        If the file exists, or cannot be written.
    ValueError
        If the suffix says no format, or the format cannot hold a column.

    Notes
    -----
    FITS has the UCDs as TUCDn, the descriptions as TCOMMn, and the meta that no card can hold as
    JSON in the card CLAXBOI; VOTable and Parquet have the meta as JSON too. CSV has
    the values alone. Missing text becomes empty text.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.io import read_table, write_table
    >>> table = Table({"ra": [10.0]}, meta={"claxboi": {"step": {"radius": 5}}})
    >>> write_table(table, "sources.fits")
    >>> read_table("sources.fits").meta["claxboi"]["step"]["radius"]
    5
    """
    check_table(table, allow_empty=True)
    format = output_format(path) if format is None else check_choice(format, WRITERS, "format")
    with replacing(path, overwrite=overwrite) as temporary:
        WRITERS[format](_plain_text(table), temporary)


def as_votable(table):
    """
    Turn a table into a VOTable as `write_table` writes it.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table; it is not changed.

    Returns
    -------
    document : `~astropy.io.votable.tree.VOTableFile`

    Raises
    ------
    TypeError, ValueError
        If it is no table, or a VOTable cannot hold a column.
    """
    check_table(table, allow_empty=True)
    return votable_document(_plain_text(table))


def output_format(path):
    """
    Tell the format of a table to be written by the suffix of its file.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    format : str
        Name of the format in astropy.

    Raises
    ------
    ValueError
        If the suffix is that of no format that `write_table` writes.
    """
    path = Path(path)
    format = _format_of(path)
    if format not in WRITERS or (path.suffix.lower() == ".gz" and format != "fits"):
        suffixes = ", ".join(suffix for suffix, name in FORMATS.items() if name in WRITERS)
        raise ValueError(
            f"cannot tell the format to write {path} in: its suffix must be one of {suffixes} "
            f"(or .fits.gz), got {''.join(path.suffixes[-2:])!r}"
        )
    return format


def _format_of(path):
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None


def _tidy(table):
    # Masked only where a value is missing, and text as str: what the formats do differently.
    for name, column in table.columns.items():
        if not isinstance(column, Column):
            continue
        values, missing = np.asarray(column), np.zeros(column.shape, bool)
        if isinstance(column, MaskedColumn):
            missing |= column.mask
        if values.dtype.kind == "O":
            # Text of any length, as VOTables have it.
            texts = column.tolist()
            if all(isinstance(text, (str, type(None))) for text in texts):
                values = np.array([text or "" for text in texts], dtype=str)
        if column.dtype.kind == "S":
            values = np.char.decode(values, "utf-8")
        if values.dtype.kind == "U":
            missing |= values == ""
        if isinstance(column, MaskedColumn) or missing.any() or values.dtype != column.dtype:
            kind, mask = (MaskedColumn, {"mask": missing}) if missing.any() else (Column, {})
            own = {key: getattr(column, key) for key in ("unit", "format", "description", "meta")}
            table.replace_column(name, kind(values, name=name, **own, **mask))
    return table


def _plain_text(table):
    # Missing text is empty text, and a missing integer is a number that no source has.
    result = table.copy(copy_data=False)
    # Where astropy keeps attributes of a class of tables, such as a model.
    result.meta = {key: value for key, value in table.meta.items() if key != "__attributes__"}
    for name, column in table.columns.items():
        if not isinstance(column, MaskedColumn):
            continue
        if column.dtype.kind == "U":
            result.replace_column(name, Column(column.filled("")))
        elif column.dtype.kind in "iu":
            marked = column.copy()
            marked.fill_value = _unused(np.asarray(column)[~column.mask], column.fill_value)
            result.replace_column(name, marked)
    return result


def _unused(values, default):
    limits = np.iinfo(values.dtype)
    return next((value for value in (limits.min, limits.max) if value not in values), default)
