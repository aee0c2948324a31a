# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
VOTables with columns in groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from claxboi.catalog import describe
from claxboi.io import as_votable

if TYPE_CHECKING:
    from astropy.io.votable.tree import VOTableFile
    from astropy.table import Table

__all__ = ["to_votable"]

#: The steps of the vocabulary, in words.
STEPS = {
    "1": ("catalogue", "The X-ray source"),
    "2": ("references", "Reference catalogues"),
    "3": ("counterparts", "Counterparts and host galaxies"),
    "4": ("properties", "Properties"),
    "5": ("training", "Known classes"),
    "6": ("classification", "Classification"),
}


def to_votable(table: Table) -> VOTableFile:
    """
    Convert a table to a VOTable with UCDs, and with columns grouped by step.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table; it is not changed.

    Returns
    -------
    document : `~astropy.io.votable.tree.VOTableFile`
        Its method ``to_xml`` writes it. The groups are ``catalogue``, ``counterparts``,
        ``properties``, ``training`` and ``classification``; a column that claxboi does not know
        is in none.

    Raises
    ------
    TypeError, ValueError
        If it is not a table, or a VOTable cannot hold a column.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.sharing import to_votable
    >>> document = to_votable(Table({"ra": [1.0], "hr1": [0.1], "prediction": ["AGN"]}))
    >>> [group.name for group in document.get_first_table().groups]
    ['catalogue', 'classification']
    """
    from astropy.io.votable.tree import FieldRef, Group

    document = as_votable(table)
    tree = document.get_first_table()
    members = {}
    for field in tree.fields:
        record = describe(field.name)
        if record is not None and record["step"] in STEPS:
            members.setdefault(record["step"], []).append(field)
    for step in sorted(members):
        name, text = STEPS[step]
        group = Group(tree, name=name, ID=f"group_{name}")
        group.description = text
        group.entries.extend(FieldRef(tree, ref=field.ID) for field in members[step])
        tree.groups.append(group)
    return document
