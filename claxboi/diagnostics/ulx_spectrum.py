# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Candidate ultra-luminous X-ray sources against the background.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.utils import InputValueError, check_columns, check_table, float_values
from claxboi.utils.style import COLORS, DARK, GREY, PALE, hide_spines, new_axes

from ._layout import fit_font_sizes, legend_above

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes

__all__ = ["plot_ulx"]

_COLUMNS = ("xrb_probability", "f_contaminant", "is_nuclear", "is_ulx", "is_hlx")


def plot_ulx(table: Table, ax: Axes | None = None) -> Axes:
    """
    Plot the probability of being an X-ray binary against the frequency of contaminants.

    Sources above the diagonal are more probable X-ray binaries than expected from the background.
    Candidates are those that are luminous enough and not nuclear.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Table as `claxboi.applications.find_ulx` returns it.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    KeyError
        If a column of `~claxboi.applications.find_ulx` is absent.
    ValueError
        If no source has a frequency of contaminants.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.applications import find_ulx
    >>> from claxboi.diagnostics import plot_ulx
    >>> galaxies = Table({"galaxy_id": ["NGC 1"], "ra": [10.0], "dec": [20.0],
    ...                   "r25_major": [120.0]})
    >>> table = Table({"ra": [10.01, 9.98], "dec": [20.01, 20.0], "flux": [2e-13, 8e-14],
    ...                "galaxy_id": ["NGC 1"] * 2, "galaxy_distance": [10.0, 10.0],
    ...                "galaxy_radius": [0.41, 0.56], "P_ex_XRB": [0.97, 0.6]})
    >>> ax = plot_ulx(find_ulx(table, galaxies, flux_ratio=0.75))
    >>> ax.get_xscale()
    'log'
    """
    check_table(table)
    check_columns(table, _COLUMNS)
    probability, contaminant = (float_values(table, name) for name in _COLUMNS[:2])
    nuclear, ulx, hlx = (float_values(table, name) == 1 for name in _COLUMNS[2:])
    known = np.isfinite(probability) & np.isfinite(contaminant)
    if not known.any():
        raise InputValueError("column 'f_contaminant' of table must have a value for some source")

    ax = new_axes(ax, 5.6, 4.6)
    positive = contaminant[known & (contaminant > 0)]
    lowest = max(10 ** np.floor(np.log10(positive.min(initial=0.1))), 1e-6)
    line = np.geomspace(lowest, 1, 200)
    ax.fill_between(line, line, 0, color=PALE, linewidth=0)
    ax.plot(line, line, color=DARK, linewidth=1)
    groups = {
        "other source": (known & ~ulx & ~nuclear, GREY, ".", 14),
        "nuclear": (known & nuclear, COLORS[1], "x", 24),
        "ULX candidate": (known & ulx & ~hlx, COLORS[0], "o", 20),
        "HLX candidate": (known & hlx, COLORS[2], "D", 34),
    }
    for name, (rows, color, marker, size) in groups.items():
        if not rows.any():
            continue
        ax.scatter(
            np.maximum(contaminant[rows], lowest),
            probability[rows],
            s=size,
            c=color,
            marker=marker,
            linewidth=1.2 if marker == "x" else 0,
            alpha=0.6 if marker == "." else 0.9,
            label=f"{name} ({np.count_nonzero(rows)})",
            clip_on=False,
            zorder=3,
            # Thousands of points are drawn as an image, which keeps the file small.
            rasterized=np.count_nonzero(rows) > 2000,
        )
    ax.set_xscale("log")
    ax.set_xlim(lowest, 1)
    ax.set_ylim(0, 1)
    hide_spines(ax, "right", "top")
    ax.set_xlabel(r"Frequency of contaminants, $f_\mathrm{contaminant}$")
    ax.set_ylabel(r"$P_\mathrm{XRB}$")
    fit_font_sizes(ax)
    legend_above(ax, lift=4.0)  # sources of a probability of 1 stand over the edge
    return ax
