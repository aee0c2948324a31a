# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Reading and writing of tables, whatever their format.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from astropy.io.registry import IORegistryError
from astropy.table import Table
from astropy.utils.data import get_readable_fileobj
from astropy.utils.exceptions import AstropyUserWarning

from claxboi.utils import InputValueError, check_choice, check_table, checked, replacing

from ._column_types import holdable, tidy
from ._ds9_regions import read_regions
from ._fits_tables import read_fits, write_fits
from ._parquet_tables import read_parquet, write_parquet
from ._selection import table_file
from ._text_tables import read_ecsv, read_text, write_csv, write_ecsv
from ._votable_tables import read_votable, votable_document, write_votable

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["as_votable", "output_format", "read_table", "write_table"]

#: Formats by suffix. Others, such as ``.hdf5``, are left to astropy.
FORMATS = {
    ".fits": "fits",
    ".fit": "fits",
    ".fts": "fits",
    ".ecsv": "ascii.ecsv",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "ascii.csv",
    ".tsv": "ascii.tab",
    ".tab": "ascii.tab",
    ".txt": "ascii",
    ".dat": "ascii",
    ".tbl": "ascii",
    ".mrt": "ascii",
    ".asc": "ascii",
    ".cat": "ascii",
    ".reg": "ds9",
}

#: How files begin, whatever their suffix.
BEGINNINGS = {b"SIMPLE  =": "fits", b"PAR1": "parquet"}

#: Readers of whole files, and of files that may hold several tables.
READERS = {"parquet": read_parquet, "ds9": read_regions, "ascii.ecsv": read_ecsv}
TABLE_READERS = {"fits": read_fits, "votable": read_votable}
TEXT_FORMATS = ("ascii", "ascii.csv", "ascii.tab")

WRITERS = {
    "fits": write_fits,
    "ascii.ecsv": write_ecsv,
    "ascii.csv": write_csv,
    "votable": write_votable,
    "parquet": write_parquet,
}

_WRONG_FORMAT = (OSError, EOFError, ValueError, KeyError, IndexError, TypeError)


@checked
def read_table(
    path: str | PathLike[str],
    format: str | None = None,
    *,
    table: str | int | None = None,
    as_text: bool = False,
) -> Table:
    """
    Read a table from a file, with the units, descriptions, UCDs and meta that `write_table` kept.

    Parameters
    ----------
    path : str or path
        The file: FITS, VOTable, ECSV, Parquet (needs pyarrow), text, or another format of astropy.
        Text is CSV, TSV, VizieR's TSV and CSV, a table of the CDS (with its ReadMe in the same
        folder) or the AAS, a HEASARC table with pipes, or columns separated by spaces; the names
        may stand in a comment. A DS9 region file gives the centres of its regions.
    format : str, optional
        Name of the format in astropy, or "ds9". Default: by the suffix, else by the content.
    table : str or int, optional
        Name or number of the table where a FITS file, a VOTable or VizieR output has several, which
        may also follow the path: ``sources.fits#2``. Default: the only one that has rows.
    as_text : bool, optional
        Leave the values of delimited text as they are written.

    Returns
    -------
    table : `~astropy.table.Table`
        Text is str, and empty text is masked: few formats tell the two apart. A column is masked
        only where a value is missing. Dates of Parquet files are ISO text. In text files, an
        integer with leading zeros stays text, and NULL, N/A, nan or (among numbers) ... is
        missing; a row of units below the names gives those of the columns. UCDs are in
        ``meta["ucd"]`` of the columns.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If a Parquet file is to be read without pyarrow.
    ValueError
        If the format is not known, the file does not have it, or it has several tables: they are
        listed.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.io import read_table
    >>> Table({"source_id": [1, 2], "note": ["bright", ""]}).write("sources.fits")
    >>> read_table("sources.fits")["note"].tolist()
    ['bright', None]
    """
    path, named = table_file(path)
    table = named if table is None else table
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if format is None:
        format = _format_of(path)
        if format is None or format in TEXT_FORMATS:
            format = _format_by_content(path) or format
    try:
        return tidy(_read(path, format, table, as_text))
    except IORegistryError as err:
        raise InputValueError(
            f"cannot tell the format of {path}: its suffix should be one of {', '.join(FORMATS)}"
        ) from err
    except (*_WRONG_FORMAT, AstropyUserWarning) as err:
        # Each format says in its own way that a file does not have it.
        what = "as a table" if format is None else f"as {format.removeprefix('ascii.').upper()}"
        reason = " ".join(str(err).split())[:600] or type(err).__name__
        raise InputValueError(f"cannot read {path} {what}: {reason}") from err


def _read(path, format, table, as_text):
    if format in TABLE_READERS:
        return TABLE_READERS[format](path, table=table)
    if format in TEXT_FORMATS:
        return read_text(path, table=table, as_text=as_text)
    if table is not None:
        raise InputValueError(
            f"table must be None for a format with one table a file, got {table!r}"
        )
    if format in READERS:
        return READERS[format](path)
    return Table.read(path, format=format)


@checked
def write_table(
    table: Table,
    path: str | PathLike[str],
    format: Literal["fits", "ascii.ecsv", "votable", "parquet", "ascii.csv"] | None = None,
    *,
    overwrite: bool = False,
) -> None:
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
        If the suffix is not that of a format, or the format cannot hold a column.

    Warns
    -----
    ClaxboiWarning
        If the units of columns are lost, in CSV.

    Notes
    -----
    All digits are written, whatever the display format of a column. FITS has the UCDs as TUCDn, the
    descriptions as TCOMMn, and the meta that no card can hold as JSON in the card CLAXBOI; text
    beyond ASCII is escaped as in Python, and names that are too long are shortened, which the card
    CLAXTEXT records for `read_table`. VOTable and Parquet have the meta as JSON too. CSV has the
    values alone, without units. Missing text becomes empty text, a type that the format lacks a
    wider one: 8-bit integers are 16-bit in FITS and VOTable, unsigned ones of a VOTable are twice
    as wide. Dates and times are written as ISO text where a format has no times.

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
        WRITERS[format](holdable(table, format), temporary)


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
        If it is not a table, or a VOTable cannot hold a column.
    """
    check_table(table, allow_empty=True)
    return votable_document(holdable(table, "votable"))


@checked
def output_format(path):
    """
    Return the format in which a file is written, from its suffix.

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
        If `write_table` writes no format with this suffix.
    """
    path = Path(path)
    format = _format_of(path)
    if format not in WRITERS or (path.suffix.lower() == ".gz" and format != "fits"):
        suffixes = ", ".join(suffix for suffix, name in FORMATS.items() if name in WRITERS)
        raise InputValueError(
            f"cannot tell the format to write {path} in: its suffix must be one of {suffixes} "
            f"(or .fits.gz), got {''.join(path.suffixes[-2:])!r}"
        )
    return format


def _format_of(path):
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None


def _format_by_content(path):
    with get_readable_fileobj(str(path), encoding="binary") as stream:
        start = stream.read(4096)
    found = [name for mark, name in BEGINNINGS.items() if start.startswith(mark)]
    if start.lstrip().startswith(b"<") and b"<VOTABLE" in start:
        found = ["votable"]
    return found[0] if found else None
