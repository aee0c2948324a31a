# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of the probabilities of one source: final ones, and those from each category alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.classification.results import expand_columns, find_source, read_classified
from claxboi.utils import float_values
from claxboi.utils.style import GREY, PALE, class_styles, hide_spines, new_axes

from ._axis_labels import literal
from ._layout import TURNED, fit_font_sizes, is_narrow, legend_above, title_above

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes

__all__ = ["plot_track"]

_COLUMNS = ("P_{class}", "P_{class}_{category}")

# Smallest probability on the axis: smaller ones are not reliable.
LOWEST = 1e-6

# Width over which the markers of one column are spread.
WIDTH = 0.44


def plot_track(result: Table, source: int | str, ax: Axes | None = None) -> Axes:
    """
    Plot the final probabilities of one source, and those from each category alone.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Table as `claxboi.classify` returns it, with its columns ``P_<class>`` and
        ``P_<class>_<category>``.
    source : int or str
        Row number, or identifier in any of the usual spellings; a numeric identifier is given as
        text.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        Probabilities below 1e-6 are drawn as small hollow markers at the lower edge.

    Raises
    ------
    IndexError, KeyError
        If the row or identifier does not exist.
    ValueError
        If the table was not classified, or the identifier is not unique.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.diagnostics import plot_track
    >>> from claxboi.simulation import make_labelled_sample
    >>> result, model = classify(make_labelled_sample(2000, rng=1), "training", return_model=True)
    >>> ax = plot_track(result, result["source_id"][7])
    >>> ax.get_ylabel()
    'Probability'
    """
    names = read_classified(result, _COLUMNS)
    classes, categories = names
    row, title = find_source(result, source)
    one = result[expand_columns(_COLUMNS, names)][row : row + 1]
    track = np.array([float_values(one, name)[0] for name in one.colnames])
    track = track.reshape(1 + len(categories), len(classes))

    ax = new_axes(ax, 1.6 + 1.0 * len(track), 4.4)
    small = 0.65 if is_narrow(ax) else 1.0
    ax.axvspan(-0.5, 0.5, color=PALE, zorder=0)
    shifts = np.linspace(-WIDTH / 2, WIDTH / 2, len(classes))
    places = np.arange(len(track))
    styles = class_styles(classes)
    for (name, style), shift, values in zip(styles.items(), shifts, track.T, strict=True):
        seen = np.where(values >= LOWEST, values, np.nan)
        ax.plot(places + shift, seen, label=literal(name), **_points(style, small))
        hidden = np.where(values < LOWEST, LOWEST, np.nan)
        hollow = {"markerfacecolor": "none", "markeredgecolor": style["color"]}
        ax.plot(places + shift, hidden, **_points(style, 0.7 * small) | hollow)
    ax.set_yscale("log")
    ax.set_ylim(0.4 * max(LOWEST, np.nanmin(track, initial=1.0)), 1.6)
    ax.axhline(1, color=GREY, linewidth=0.8, zorder=0)
    ax.set_xlim(-0.5, len(track) - 0.5)
    turned = TURNED if small < 1 else {}
    ax.set_xticks(places, ["final", *map(literal, categories)], **turned)
    ax.get_xticklabels()[0].set_weight("bold")
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("Probability")
    fit_font_sizes(ax)
    best = int(np.nanargmax(track[0]))
    title = f"{title}: {classes[best]} ({track[0, best]:.3g})"
    title_above(ax, literal(title), legend_above(ax))
    hide_spines(ax, "top", "right")
    return ax


def _points(style, small):
    return {
        "color": style["color"],
        "marker": style["marker"],
        "markersize": small * (12 if style["marker"] == "*" else 8),
        "linestyle": "none",
        "markeredgecolor": "white",
        "markeredgewidth": 0.5,
        "zorder": 3,
    }
