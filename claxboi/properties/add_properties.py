# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Add all properties that the columns of a table allow.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u

from claxboi.utils import add_columns, check_table, checked, float_values, record, warn

from .definitions import measurable_properties
from .distances import luminosities, parallax_distances
from .positions import galactic, proper_motion
from .ratios import flux_ratios, parse_constants
from .variability import flux_range

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table

__all__ = ["add_properties"]

log = logging.getLogger(__name__)

#: Functions named in data/properties.csv, which make columns.
_MEASURES = {
    "add_flux_range": flux_range,
    "add_flux_ratios": flux_ratios,
    "add_galactic": galactic,
    "add_luminosities": luminosities,
    "add_parallax_distances": parallax_distances,
    "add_proper_motion": proper_motion,
}

#: A latitude that differs by more is that of another position, or something else.
_SAME_DEG = 0.5

#: Made only if absent: an existing column is better, even with ``overwrite=True``.
_STOPGAPS = frozenset({"distance"})

_SUFFIXES = ("_error", "_lower", "_significance")


@checked
def add_properties(
    table: Table, *, constants: str | Mapping[str, float] = "zero points", overwrite: bool = False
) -> Table:
    """
    Add all properties that the columns of a table allow.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Sources, with any columns of the vocabulary; it is not changed. What each property needs is
        listed in the user guide, and in `property_definition`.
    constants : str or mapping of str to float, optional
        Constants of the flux ratios, see `add_flux_ratios`.
    overwrite : bool, optional
        Replace existing properties. By default an existing property is kept, with its errors
        and limits. A ``distance`` is always kept: this function derives it from parallaxes only.

    Returns
    -------
    table : same class as the input
        A new table. The properties that were made, and those skipped with the reason, are logged at
        the level INFO and recorded in ``meta["claxboi"]["properties"]``.

    Raises
    ------
    TypeError
        If a required column is not numeric.
    `~astropy.units.UnitsError`
        If the unit of one does not convert.
    ValueError
        If the constants are wrong, or a value is impossible.

    Warns
    -----
    `~claxboi.utils.exceptions.ClaxboiWarning`
        If a column ``b`` is not the galactic latitude of most positions.

    See Also
    --------
    add_star_distances : Distances of fainter stars; call it before.
    add_variability : Variability over several missions; call it after, with ``overwrite=True``.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_properties
    >>> x = Table({"ra": [10.0], "dec": [20.0], "flux": [1e-13], "rp_mag": [15.0]})
    >>> x = add_properties(x)
    >>> x.colnames[4:]
    ['l', 'b', 'log_fx_fr', 'log_fx_fr_error']
    >>> x.meta["claxboi"]["properties"]["skipped"]["log_lx"]
    'no column distance or galaxy_distance'
    """
    check_table(table, allow_empty=True)
    constants = parse_constants(constants, table)
    there = {name.lower(): name for name in table.colnames}
    # Shares the data, so that later properties can use earlier ones.
    work = table.copy(copy_data=False)
    columns, made, skipped = {}, [], {}
    for name, members in _functions().items():
        reasons = {
            column: _reason_to_skip(column, needs, there, work.colnames, overwrite)
            for column, needs in members.items()
        }
        skipped |= {column: reason for column, reason in reasons.items() if reason}
        if all(reasons.values()):
            continue
        extra = {"constants": constants} if name == "add_flux_ratios" else {}
        for column, values in _MEASURES[name](work, **extra).items():
            if overwrite or not {column.lower(), _owner(column)} & set(there):
                columns[column] = work[column] = values
                made.append(column)
    if "b" not in made:
        _check_latitude(table)
    log.info("properties made: %s", ", ".join(made) or "none")
    for column, reason in skipped.items():
        log.info("property %s skipped: %s", column, reason)
    result = add_columns(table, columns, overwrite=True)
    result.meta = record(result.meta, "properties", made=made, skipped=skipped, constants=constants)
    return result


def _check_latitude(table):
    """
    Warn if a column ``b`` is something else than the galactic latitude of the positions.
    """
    if not {"ra", "dec", "b"} <= set(table.colnames):
        return
    expected = np.abs(np.ma.filled(galactic(table)["b"], np.nan))
    try:
        # Some give the latitude without its sign.
        differs = np.abs(np.abs(float_values(table, "b", unit="deg")) - expected) > _SAME_DEG
    except u.UnitsError:
        differs = np.ones(len(table), bool)
    if np.mean(differs[np.isfinite(expected)] if np.isfinite(expected).any() else False) > 0.5:
        warn(
            "column 'b' is not the galactic latitude of the positions, which it is taken for; "
            "rename it if it is something else, such as a magnitude, or pass overwrite=True"
        )


def _functions():
    """
    Return the properties of each function with what they need, in the order of making.
    """
    functions = {}
    for definition in measurable_properties():
        members = functions.setdefault(definition["function"], {})
        members[definition["column"]] = definition["needs"]
    return functions


def _reason_to_skip(column, needs, there, colnames, overwrite):
    """
    Return the reason why a property is not computed, None if it is.

    Parameters
    ----------
    column : str
        The property.
    needs : tuple of tuple of str
        Columns that it needs.
    there : dict of str to str
        The columns of the caller's table by name in lower case.
    colnames : list of str
        Its columns, and those made so far.
    overwrite : bool
        Whether to replace it.

    Returns
    -------
    reason : str or None
    """
    if column.lower() in there and (column in _STOPGAPS or not overwrite):
        # Not of the same case: perhaps something else, such as the magnitude B.
        return f"there is a column {there[column.lower()]}"
    lacking = [" or ".join(need) for need in needs if not set(need) & set(colnames)]
    return f"no column {', '.join(lacking)}" if lacking else None


def _owner(column):
    """
    Return the property, in lower case, that a column of errors or limits belongs to.
    """
    for suffix in _SUFFIXES:
        column = column.removesuffix(suffix)
    return column.lower()
