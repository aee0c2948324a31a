# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Optical and infrared colours of the counterparts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u

from claxboi.catalog import masked_column
from claxboi.utils import (
    InputValueError,
    add_columns,
    check_columns,
    check_table,
    checked,
    float_values,
    optional_values,
    shown,
)

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["add_colors"]


@checked
def add_colors(table: Table, pairs: Sequence, *, overwrite: bool = False) -> Table:
    """
    Add colours: differences of two magnitudes of the counterpart.

    The original CLAXBOI has no colours, and no other function adds them: choose those that separate
    your classes.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With the columns of the magnitudes (mag without a unit), missing ones masked or NaN, and
        perhaps ``<magnitude>_error`` and ``<magnitude>_is_limit``; it is not changed.
    pairs : sequence of (str, str)
        The columns of the bluer and of the redder magnitude of each colour.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with, for each pair, ``color_<blue>_<red>`` (mag), masked where a magnitude is
        missing or only a limit, and ``color_<blue>_<red>_error``, masked where an error is unknown
        too. The names are those of the columns without "mag": ``color_bp_rp`` of ``BPmag`` and
        ``RPmag``, or of ``bp_mag`` and ``rp_mag``.

    Raises
    ------
    KeyError
        If a column is absent.
    ValueError
        If a pair is not two columns, or two colours get one name, or the new columns are there
        already.

    Notes
    -----
    Magnitudes are not corrected for extinction. Magnitudes that
    `~claxboi.counterparts.homogenize_magnitudes` derived from one another have a constant colour.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_colors
    >>> x = Table({"W1mag": [15.5, 12.1], "W2mag": [14.5, 12.1]})
    >>> print(add_colors(x, [("W1mag", "W2mag")])["color_w1_w2"])
    color_w1_w2
        mag
    -----------
            1.0
            0.0
    """
    check_table(table, allow_empty=True)
    if isinstance(pairs, str) or not isinstance(pairs, Sequence) or not pairs:
        raise InputValueError(f"pairs must be pairs of magnitudes, got {shown(pairs)}")
    columns = {}
    for pair in pairs:
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise InputValueError(f"a pair in pairs must be two columns, got {shown(pair)}")
        check_columns(table, pair)
        parts = dict(zip(("blue", "red"), map(_short_name, pair), strict=True))
        name = f"color_{parts['blue']}_{parts['red']}"
        if name in columns:
            raise InputValueError(f"pairs must give colours of different names, got {name} twice")
        blue, red = (_measured(table, column) for column in pair)
        error = np.hypot(*(optional_values(table, f"{column}_error", u.mag) for column in pair))
        color = blue - red
        error[np.isnan(color)] = np.nan
        columns[name] = masked_column("color_<blue>_<red>", color, **parts)
        columns[f"{name}_error"] = masked_column("color_<blue>_<red>_error", error, **parts)
    return add_columns(table, columns, overwrite=overwrite)


def _short_name(column):
    return re.sub(r"[\W_]|mag$", "", column.lower())


def _measured(table, column):
    values = float_values(table, column, unit=u.mag)
    values[optional_values(table, f"{column}_is_limit") == 1] = np.nan
    return values
