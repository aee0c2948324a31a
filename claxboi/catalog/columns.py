# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The column vocabulary: every column that claxboi reads or writes.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Column, MaskedColumn, Table
from astropy.utils.data import get_pkg_data_filename

from claxboi.utils import InputKeyError, InputTypeError, InputValueError, check_text, shown

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["describe", "make_column", "masked_column", "vocabulary"]


def vocabulary() -> Table:
    """
    List every column that claxboi reads or writes.

    Returns
    -------
    table : `~astropy.table.Table`
        Columns ``step, name, dtype, unit, ucd, description``; ``<n>``, ``<class>``,
        ``<category>``, ``<domain>``, ``<name>``, ``<blue>`` and ``<red>`` in a name stand for what
        varies.

    Examples
    --------
    >>> from claxboi.catalog import vocabulary
    >>> columns = vocabulary()
    >>> print(columns["step", "name", "unit"][:3])
    step    name   unit
    ---- --------- ----
       1 source_id
       1        ra  deg
       1       dec  deg
    """
    path = get_pkg_data_filename("data/columns.csv", package="claxboi.catalog")
    return Table.read(path, format="ascii.csv", comment="#", fill_values=[])


@functools.cache
def _records():
    table = vocabulary()
    return [{name: str(row[name]) for name in table.colnames} for row in table]


# A class may hold an underscore (``gal_XRB``), so only known categories end its name.
_PLACEHOLDERS = {
    "n": r"\d+",
    "category": "location|spectrum|counterparts|variability",
    "blue": "[a-z0-9]+",
    "red": "[a-z0-9]+",
}


@functools.cache
def _patterns():
    patterns = []
    for record in _records():
        parts = re.split(r"<(\w+)>", record["name"])
        # Odd parts are placeholders.
        regex = "".join(
            f"(?P<{part}>{_PLACEHOLDERS.get(part, '.+')})" if i % 2 else re.escape(part)
            for i, part in enumerate(parts)
        )
        patterns.append((re.compile(regex), record))
    # Plain names first, as ``galaxy_id`` is not a counterpart column; then the longest pattern.
    return sorted(patterns, key=lambda item: ("<" in item[1]["name"], -len(item[1]["name"])))


def describe(name: str, **parts: Any) -> dict | None:
    """
    Look up a column name in the vocabulary.

    Parameters
    ----------
    name : str
        Name as in the vocabulary, placeholders included: ``"P_<class>"``, or
        a name in use: ``"P_AGN"``.
    **parts : str
        Values of the placeholders, such as ``category="location"``.

    Returns
    -------
    record : dict or None
        The record (keys ``step, name, dtype, unit, ucd, description``) with the placeholders
        filled, None for a column that is not in the vocabulary.

    Examples
    --------
    >>> from claxboi.catalog import describe
    >>> describe("P_<class>", **{"class": "AGN"})["description"]
    'Posterior probability of class AGN'
    """
    check_text(name, "name")
    # A template first: ``P_<class>`` would match ``P_<class>_<category>`` as a name in use.
    record = next((record for record in _records() if record["name"] == name), None)
    found = parts
    if record is None:
        for pattern, candidate in _patterns():
            if match := pattern.fullmatch(name):
                record, found = candidate, match.groupdict() | parts
                break
        else:
            return None
    filled = dict(record)
    for part, value in found.items():
        filled["name"] = filled["name"].replace(f"<{part}>", str(value))
        filled["description"] = filled["description"].replace(f"<{part}>", str(value))
    return filled


def make_column(
    name: str, values: ArrayLike, *, mask: ArrayLike | None = None, **parts: Any
) -> Column | MaskedColumn:
    """
    Make a column of the vocabulary, with its unit, UCD and description.

    Parameters
    ----------
    name : str
        Name in the vocabulary, placeholders included.
    values : array-like
        The values, in the unit of the vocabulary; a Quantity is converted, an array not copied.
    mask : array-like of bool, optional
        True where there is no value; makes the column a masked one.
    **parts : str
        Values of the placeholders, such as ``category="location"``.

    Returns
    -------
    column : `~astropy.table.Column` or `~astropy.table.MaskedColumn`

    Raises
    ------
    KeyError
        If the vocabulary has no such column.

    Examples
    --------
    >>> from astropy import units as u
    >>> from claxboi.catalog import make_column
    >>> error = make_column("pos_error", [0.02, 0.03] * u.arcmin)
    >>> error.unit, error.description
    (Unit("arcsec"), 'Positional error, 1 sigma per axis')
    >>> make_column("P_<class>", [0.9], **{"class": "AGN"}).name
    'P_AGN'
    """
    record = describe(name, **parts)
    if record is None:
        raise InputKeyError(f"the vocabulary has no column {name!r}")
    if np.ndim(values) == 0:
        raise InputTypeError(f"values of {name} must be array-like, got {shown(values)}")
    if mask is not None and np.shape(mask) != np.shape(values):
        raise InputValueError(
            f"mask of {name} must have the shape of its values, {np.shape(values)}, got "
            f"{shown(mask)}"
        )
    kind = Column if mask is None else MaskedColumn
    extra = {} if mask is None else {"mask": mask}
    return kind(
        values,
        name=record["name"],
        unit=record["unit"] or None,
        description=record["description"],
        meta={"ucd": record["ucd"]} if record["ucd"] else {},
        **extra,
    )


def masked_column(name: str, values: ArrayLike, **parts: Any) -> MaskedColumn:
    """
    Make a column of the vocabulary, masked where the value is NaN.

    Parameters
    ----------
    name : str
        Name in the vocabulary, placeholders included.
    values : array-like of float
        The values, in the unit of the vocabulary.
    **parts : str
        Values of the placeholders, such as ``category="location"``.

    Returns
    -------
    column : `~astropy.table.MaskedColumn`

    Raises
    ------
    KeyError
        If the vocabulary has no such column.

    Examples
    --------
    >>> from claxboi.catalog import masked_column
    >>> masked_column("distance", [100.0, float("nan")]).tolist()
    [100.0, None]
    """
    column = make_column(name, values, **parts)
    return MaskedColumn(column, mask=np.isnan(column))
