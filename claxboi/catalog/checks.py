# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Check a table of X-ray sources.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Column

from claxboi.utils import (
    ClaxboiWarning,
    InputValueError,
    check_columns,
    check_plausible,
    check_table,
    float_values,
    text_values,
    warn,
)

from .columns import describe, make_column

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["BadValueWarning", "check_positions", "clean", "validate"]

_POSITIVE = re.compile(
    r"flux|flux_min|flux_max|pos_error(_major|_minor)?|(flux\d*|hr\d+|gamma|fvar)_error"
)
_HARDNESS = re.compile(r"hr\d+")
_ROUNDING = 1e-3
_NOT_NEGATIVE = re.compile(r"flux\d+|extent")


class BadValueWarning(ClaxboiWarning):
    """
    Impossible values were masked.
    """


def validate(table: Table) -> Table:
    """
    Check a table of X-ray sources under the names of the vocabulary.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``ra`` and ``dec``; other columns are checked if they are there. It is not changed.

    Returns
    -------
    table : same class as the input
        A copy in which fluxes and errors that are zero or negative are masked; fluxes of single
        bands and extents may be zero. Right ascensions are within 0 and 360 degrees.

    Raises
    ------
    KeyError
        If there is no position.
    ValueError
        If a position is missing or impossible, or an identifier is missing or not unique.
    TypeError, `~astropy.units.UnitsError`
        If a column does not hold numbers, or its unit does not convert.

    Warns
    -----
    BadValueWarning
        Once, with the number of masked values of each column.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.catalog import validate
    >>> table = Table({"source_id": ["a", "b"], "ra": [10.0, -10.0], "dec": [0.0, 1.0]})
    >>> print(validate(table))
    source_id   ra  dec
               deg
    --------- ----- ---
            a  10.0 0.0
            b 350.0 1.0
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["ra", "dec"])
    result = table.copy()
    clean(result)
    return result


def clean(table, sources=None):
    """
    Check a table as `validate` does, and mask its bad values in place.

    Parameters
    ----------
    table : `~astropy.table.Table`
        A table of our own.
    sources : mapping of str to str, optional
        Sources of the columns to be checked, for messages. Default: all columns
        are checked.
    """
    ra, dec = (float_values(table, name, unit="deg") for name in ("ra", "dec"))
    check_positions(ra, dec)
    outside = (ra < 0) | (ra >= 360)
    if outside.any():
        ra[outside] %= 360
        table["ra"] = _like(table["ra"], "ra", ra, None)
    if "source_id" in table.colnames:
        _check_names(table)
    masked = {}
    for name in table.colnames:
        positive = _POSITIVE.fullmatch(name)
        if not positive and not _NOT_NEGATIVE.fullmatch(name):
            continue
        if sources is not None and name not in sources:
            continue
        values = float_values(table, name, unit=describe(name)["unit"] or None)
        bad = values <= 0 if positive else values < 0
        if bad.any():
            masked[name] = int(bad.sum())
            values[bad] = np.nan
            table[name] = _like(table[name], name, values, np.isnan(values))
        own = name if sources is None else sources[name]
        check_plausible(values, name, f"column {own!r} of table", column=own)
    _mask_impossible_ratios(table, sources)
    if masked:
        counts = ", ".join(f"{count} of {name}" for name, count in masked.items())
        warn(
            f"masked values that are zero or negative: {counts}. Give upper limits as missing "
            "values; complete_pos_errors() fills in positional errors",
            BadValueWarning,
        )


def _mask_impossible_ratios(table, sources):
    """Mask hardness ratios that are not within -1 and 1."""
    masked = {}
    for name in table.colnames:
        if not _HARDNESS.fullmatch(name) or (sources is not None and name not in sources):
            continue
        values = float_values(table, name, unit="")
        bad = np.abs(values) > 1 + _ROUNDING
        if bad.any():
            masked[name] = int(bad.sum())
            values[bad] = np.nan
            table[name] = _like(table[name], name, values, np.isnan(values))
    if masked:
        counts = ", ".join(f"{count} of {name}" for name, count in masked.items())
        warn(
            f"masked hardness ratios that are not within -1 and 1: {counts}. Ratios of another "
            "kind need another name, and no place in the vocabulary",
            BadValueWarning,
        )


def _like(old, name, values, mask):
    new = make_column(name, values, mask=mask)
    if isinstance(old, Column):
        new.description = old.description or new.description
        new.meta = dict(old.meta) or new.meta
    return new


def check_positions(ra, dec):
    """
    Check that positions are there, and on the sky.

    Parameters
    ----------
    ra, dec : `~numpy.ndarray` of float64
        In degrees.

    Raises
    ------
    ValueError
        If one is missing or impossible.
    """
    for name, values, low, high in (("ra", ra, -180, 360), ("dec", dec, -90, 90)):
        missing = np.isnan(values)
        if missing.any():
            raise InputValueError(
                f"{name} is missing in {missing.sum()} rows, the first is row "
                f"{np.argmax(missing)}; every source needs a position: remove these rows"
            )
        bad = (values < low) | (values > high)
        if bad.any():
            raise InputValueError(
                f"{name} must be within {low} and {high} degrees, got {bad.sum()} bad rows, the "
                f"first is row {np.argmax(bad)}: {values[bad][0]:g}"
            )


def _check_names(table):
    names, missing = text_values(table, "source_id")
    if missing.any():
        raise InputValueError(
            f"source_id is missing in {missing.sum()} rows, the first is row {np.argmax(missing)}"
        )
    if len(set(names.tolist())) < len(names):
        unique, counts = np.unique(names, return_counts=True)
        twice = unique[counts > 1]
        raise InputValueError(
            f"source_id must be unique, got {len(twice)} that occur more than once, such as "
            f"{', '.join(map(repr, twice[:3].tolist()))}; use the source list of a catalogue of "
            "detections, or choose another column with columns={'source_id': ...}"
        )
