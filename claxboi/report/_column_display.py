# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Choice and format of the columns in the table of sources.
"""

import re
from collections.abc import Iterable

import numpy as np
from astropy import units as u

from claxboi.catalog import describe, identifier_columns
from claxboi.utils import InputTypeError, check_columns, float_values, is_missing, text_values

__all__ = ["check_shown", "choose_columns", "identifiers", "pack_columns", "unit_text"]

#: Resolution of the positions of sources and counterparts, in degrees (3.6 mas).
POSITION_STEP = 1e-6
POSITION = re.compile("(?:.*_)?(ra|dec)")
FULL_CIRCLE = 360

#: Text columns with at most so many different values are stored as categories.
MOST_VALUES = 1000

#: Columns with a format of their own; others are fixed or scientific by their values.
STYLES = {"outlier_pvalue": "pvalue"}

#: Percentiles of the absolute values that decide between fixed and scientific.
SMALL, LARGE = 5, 95

#: Significant digits of a column's typical value.
DIGITS = 4


def identifiers(table):
    """
    Find the names of the sources.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.

    Returns
    -------
    column : str or None
        The column of the names.
    names : `~numpy.ndarray` of str
        The names; ``row 17`` where there is none.
    """
    rows = np.array([f"row {row}" for row in range(len(table))])
    columns = identifier_columns(table)
    if not columns:
        return None, rows
    names, missing = text_values(table, columns[0])
    return columns[0], np.where(missing, rows, names)


def check_shown(table, columns):
    """
    Check the columns to show.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    columns : sequence of str
        Names of its columns.

    Raises
    ------
    TypeError
        If they are not a list of names, or a column does not have one number or text per row.
    KeyError
        If the table does not have a column.
    """
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise InputTypeError(f"columns must be a list of names, got {columns!r}")
    columns = list(columns)
    check_columns(table, columns, "result")
    for name in columns:
        if not _is_plain(table[name]):
            raise InputTypeError(
                f"columns must have one number or text a row, got {name!r}, "
                f"{type(table[name]).__name__} of shape {np.shape(table[name])}"
            )


def _is_plain(column):
    # Times, coordinates and the like have no dtype.
    return getattr(column, "ndim", 1) == 1 and (
        getattr(column, "dtype", np.dtype("V")).kind in "biufSUO"
    )


def choose_columns(table, record, columns=()):
    """
    Choose the columns to show.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The classified table.
    record : dict
        The record of the classification in its meta.
    columns : sequence of str, optional
        More columns.

    Returns
    -------
    names : list of str
        Columns of the column vocabulary, properties and label with one value per row, and the
        requested ones, in the order of the table. Probabilities from single categories are left
        out: only the cards show them.
    """
    marginal = {f"P_{c}_{t}" for t in record["categories"] for c in record["classes"]}
    wanted = {*columns, *record.get("properties", ()), record.get("label", "class")}
    identifier, _ = identifiers(table)
    return [
        name
        for name in table.colnames
        if name not in marginal
        and name != identifier
        and (name in wanted or describe(name) is not None)
        and _is_plain(table[name])
    ]


def pack_columns(table, names, blocks):
    """
    Write columns into blocks.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    names : sequence of str
        The columns.
    blocks : `Blocks`
        The blocks of the page, to which they are added.

    Returns
    -------
    columns : list of dict
        Metadata that the page needs to read and show each column.
    """
    columns = []
    for name in names:
        described = describe(name) or {}
        column = {
            "name": name,
            "unit": unit_text(table[name].unit or described.get("unit")),
            "ascii_unit": _ascii_unit(table[name].unit or described.get("unit")),
            "about": table[name].info.description or described.get("description", ""),
        }
        if f"{name}_error" in names:
            column["error"] = f"{name}_error"
        columns.append(column | _pack(table, name, blocks))
    return columns


def unit_text(unit):
    """
    Format a unit as in print.

    Parameters
    ----------
    unit : unit-like or None
        The unit; a unit unknown to astropy is not changed.

    Returns
    -------
    text : str
        For example "erg s⁻¹ cm⁻²"; empty without a unit.
    """
    try:
        return u.Unit(unit or "").to_string("unicode")
    except ValueError:
        return str(unit)


def _ascii_unit(unit):
    try:
        return u.Unit(unit or "").to_string("fits")
    except ValueError:
        return str(unit)


def _pack(table, name, blocks):
    kind = table[name].dtype.kind
    if kind in "iu" and not _is_small(table, name):
        kind = "U"  # such as an identifier: no number of 32 bits
    if kind == "f":
        values = float_values(table, name)
        # Positions need more than five digits.
        position = POSITION.fullmatch(name)
        known = np.isfinite(values)
        if position and np.all(np.abs(values[known]) <= FULL_CIRCLE):
            whole = np.round(np.where(known, values, 0) / POSITION_STEP)
            packed = blocks.add_integers(whole, ~known)
            return packed | {"kind": "number", "step": POSITION_STEP, "style": position[1]}
        return blocks.add_floats(values) | {"kind": "number"} | _style(name, values)
    if kind in "iu":
        missing = is_missing(table, name)
        values = np.where(missing, 0, np.ma.filled(table[name], 0))
        return blocks.add_integers(values, missing) | {"kind": "number", "style": "integer"}
    if kind == "b":
        missing = is_missing(table, name)
        codes = np.where(missing, 0, 1 + np.ma.filled(table[name], False))
        return blocks.add_codes(codes) | {
            "kind": "category",
            "boolean": True,
            "values": ["no", "yes"],
        }
    texts, missing = text_values(table, name)
    values, codes = np.unique(texts[~missing], return_inverse=True)
    if len(values) > MOST_VALUES:
        return blocks.add_texts(texts) | {"kind": "text"}
    whole = np.zeros(len(texts), int)
    whole[~missing] = codes + 1
    return blocks.add_codes(whole) | {"kind": "category", "values": values.tolist()}


def _is_small(table, name):
    values = np.asarray(np.ma.filled(table[name], 0))
    return bool(np.all(np.abs(values.astype(float)) < np.iinfo(np.int32).max))


def _style(name, values):
    if name in STYLES:
        return {"style": STYLES[name]}
    if name.startswith("P_") or name.endswith(("_p_any", "_p_i")):
        return {"style": "probability"}
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    if len(sizes) == 0:
        return {"style": "fixed", "decimals": 0}
    small, large = np.percentile(sizes, [SMALL, LARGE])
    if large < 1e-3 or large >= 1e6 or large / small > 1e5:
        return {"style": "scientific"}
    decimals = DIGITS - 1 - int(np.floor(np.log10(large)))
    return {"style": "fixed", "decimals": max(decimals, 0)}
