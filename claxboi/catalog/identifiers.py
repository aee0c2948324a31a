# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Find the identifier columns of a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from claxboi.utils import check_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

__all__ = ["identifier_columns"]

#: Without regard to case; the first of them counts.
IDENTIFIERS = ("source_id", "iauname", "name", "srcid")


def identifier_columns(table: Table) -> Sequence[str]:
    """
    List the columns that identify sources.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.

    Returns
    -------
    columns : list of str
        ``source_id`` and the names and numbers of missions that the table has; the first one
        identifies a source.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.catalog import identifier_columns
    >>> identifier_columns(Table({"SRCID": [7], "IAUNAME": ["4XMM J1"], "SC_RA": [1.0]}))
    ['IAUNAME', 'SRCID']
    """
    check_table(table, allow_empty=True)
    found = [name for name in table.colnames if name.lower() in IDENTIFIERS]
    return sorted(found, key=lambda name: IDENTIFIERS.index(name.lower()))
