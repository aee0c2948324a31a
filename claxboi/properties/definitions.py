# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Definitions of the known properties.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Literal

from astropy.table import Table
from astropy.utils.data import get_pkg_data_filename

from claxboi.catalog import describe
from claxboi.utils import check_choice, check_names, check_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["known_properties", "property_definition", "published_properties"]

_SETS = ("original", "talk")


@functools.cache
def _records():
    path = get_pkg_data_filename("data/properties.csv", package="claxboi.properties")
    table = Table.read(path, format="ascii.csv", comment="#", fill_values=[])
    records = []
    for row in table:
        record = {name: str(row[name]) for name in table.colnames}
        record["lower"] = float(record["lower"]) if record["lower"] else None
        record["upper"] = float(record["upper"]) if record["upper"] else None
        record["error"] = record["error"] or None
        record["function"] = record["function"] or None
        record["needs"] = tuple(tuple(need.split("|")) for need in record["needs"].split())
        pattern = re.escape(record["column"]).replace("<n>", r"\d+")
        pattern = re.sub("<blue>|<red>", "[a-z0-9]+", pattern)
        records.append((re.compile(pattern), record))
    return records


def property_definition(column: str) -> dict | None:
    """
    Look up the definition of a property.

    Parameters
    ----------
    column : str
        Name of the column, such as ``"hr1"``. Case is ignored, but for names of one letter: a
        column ``B`` is seldom the Galactic latitude.

    Returns
    -------
    record : dict or None
        Keys ``column, category, scale, error, lower, upper`` (the bounds None where
        there is none), ``unit`` (None where it has none), ``function`` (the name of the function of
        this step that makes it, None where it is brought along) and ``needs`` (what that
        takes: tuples of columns of which one is enough); None for a column that is not known.

    Examples
    --------
    >>> from claxboi.properties import property_definition
    >>> property_definition("hr2")["category"]
    'spectrum'
    """
    check_text(column, "column")
    own = column.lower() if len(column) > 1 else column
    for pattern, record in _records():
        if pattern.fullmatch(own):
            return record | {"column": column, "unit": describe(own)["unit"] or None}
    return None


def measurable_properties():
    """
    List the properties that a function of this step makes.

    Returns
    -------
    records : list of dict
        As of `property_definition`, in the order of making.
    """
    return [record for _, record in _records() if record["function"] is not None]


def known_properties(columns: Iterable[str]) -> Sequence[str]:
    """
    Select the columns that are known properties.

    Parameters
    ----------
    columns : iterable of str
        Names of columns.

    Returns
    -------
    columns : list of str
        The known properties, in the order given.

    Examples
    --------
    >>> from claxboi.properties import known_properties
    >>> known_properties(["ra", "b", "hr1", "comment"])
    ['b', 'hr1']
    """
    names = check_names(columns, "columns")
    return [column for column in names if property_definition(column) is not None]


def published_properties(
    name: Literal["original", "talk"] = "original", *, columns: Iterable[str] | None = None
) -> Sequence[dict]:
    """
    Return the properties by which the original CLAXBOI classified.

    Parameters
    ----------
    name : {"original", "talk"}, optional
        The properties of the scripts, or the shorter list from the talk of February 2024.
    columns : iterable of str, optional
        Return only properties among these columns, such as ``table.colnames``.

    Returns
    -------
    properties : list of dict
        Keys ``column, category, scale``: what `~claxboi.classify` takes as ``properties``.

    Raises
    ------
    ValueError
        If there is no such set.

    References
    ----------
    Tranin et al. 2022, A&A 657, A138.

    Examples
    --------
    >>> from claxboi.properties import published_properties
    >>> len(published_properties()), len(published_properties("talk"))
    (18, 14)
    >>> published_properties(columns=["source_id", "gamma"])
    [{'column': 'gamma', 'category': 'spectrum', 'scale': 'sigmoid'}]
    """
    check_choice(name, _SETS, "name")
    kept = None if columns is None else set(check_names(columns, "columns"))
    path = get_pkg_data_filename("data/published.csv", package="claxboi.properties")
    table = Table.read(path, format="ascii.csv", comment="#")
    return [
        {key: str(row[key]) for key in ("column", "category", "scale")}
        for row in table
        if (name == "original" or row["talk"] == "yes") and (kept is None or row["column"] in kept)
    ]
