# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The choice of a table in a file that holds several.
"""

import logging
from pathlib import Path

from claxboi.utils import InputValueError

__all__ = ["choose_table", "table_file"]

log = logging.getLogger(__name__)


def table_file(path):
    """
    Split the name of a table from that of its file.

    Parameters
    ----------
    path : str or path
        The file, or the file and a table of it, ``sources.vot#xray`` or ``sources.fits#2``, which
        serves where there is no argument for the table, as on the command line.

    Returns
    -------
    path : `~pathlib.Path`
        The file.
    table : str, int or None
        None if no table is named, or if a file has the whole name.

    Examples
    --------
    >>> from claxboi.io import table_file
    >>> path, table = table_file("sources.vot#xray")
    >>> path.name, table
    ('sources.vot', 'xray')
    """
    path = Path(path)
    name, mark, table = path.name.rpartition("#")
    if not mark or not name or path.exists():
        return path, None
    return path.with_name(name), int(table) if table.isdecimal() else table


def choose_table(found, path, table):
    """
    Find the table that is asked for, or the only one that has rows.

    Parameters
    ----------
    found : list of (str, int, int)
        Name, number and number of rows of each table of the file.
    path : path
        The file, for messages.
    table : str, int or None
        Name (compared without case) or number.

    Returns
    -------
    index : int
        Index in ``found``.

    Raises
    ------
    ValueError
        If there is no table, none of that name or number, or a choice is needed.
    """
    if not found:
        raise InputValueError("the file has no table")
    listed = ", ".join(
        f"{name or 'unnamed'!r} (number {number}, {rows} rows)" for name, number, rows in found
    )
    if table is not None:
        same = [
            index
            for index, (name, number, _) in enumerate(found)
            if table == number or (isinstance(table, str) and table.lower() == name.lower())
        ]
        if len(same) == 1:
            return same[0]
        reason = "several tables" if same else "no table"
        raise InputValueError(f"the file has {reason} {table!r}; its tables are {listed}")
    filled = [index for index, (_, _, rows) in enumerate(found) if rows]
    if len(found) == 1 or len(filled) == 1:
        index = filled[0] if filled else 0
        if len(found) > 1:
            log.info("%s: took the only table with rows, %r", path, found[index][0])
        return index
    name, number, _ = found[filled[0] if filled else 0]
    raise InputValueError(
        f"the file has several tables: {listed}. Choose one, such as table={name or number!r}, or "
        f"{Path(path).name}#{name or number} on the command line"
    )
