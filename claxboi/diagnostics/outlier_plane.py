# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of the outlier measure of each predicted class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.classification.results import read_classified
from claxboi.utils import InputValueError, float_values, text_values
from claxboi.utils.style import DARK, class_styles, hide_spines, new_axes

from ._layout import broken, fit_font_sizes, is_narrow

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes

__all__ = ["plot_outliers"]

N_BINS = 60

# The largest outliers of a class are drawn one by one: this fraction of its sources, up to this
# number.
OUTLIER_SHARE = 0.02
N_OUTLIERS = 20


def plot_outliers(result: Table, ax: Axes | None = None) -> Axes:
    """
    Plot the distribution of the outlier measure for each predicted class.

    Each class has a normalized histogram, a bar at its median, and a tick for each of its largest
    outliers (2 % of the sources, at most 20).

    Parameters
    ----------
    result : `~astropy.table.Table`
        Table as `claxboi.classify` returns it, with its columns ``prediction`` and ``outlier``.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    ValueError
        If the table was not classified, or no source has an outlier measure.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.diagnostics import plot_outliers
    >>> from claxboi.simulation import make_labelled_sample
    >>> result, model = classify(make_labelled_sample(2000, rng=1), "training", return_model=True)
    >>> ax = plot_outliers(result)
    >>> ax.get_ylabel()
    'Predicted class'
    """
    classes, _ = read_classified(result, ["prediction", "outlier"])
    outlier = float_values(result, "outlier", name="result")
    prediction, _ = text_values(result, "prediction", name="result")
    known = np.isfinite(outlier)
    if not known.any():
        raise InputValueError(
            "column 'outlier' of result must have a value for at least one source"
        )
    edges = np.histogram_bin_edges(outlier[known], N_BINS)

    ax = new_axes(ax, 6.4, 1.2 + 0.55 * len(classes))
    beside: dict = {"xycoords": ("axes fraction", "data"), "va": "bottom", "color": DARK}
    beside["size"] = 7.5 if is_narrow(ax) else 9.0
    ax.annotate("sources", (1.01, -0.7), **beside)
    for place, (name, style) in enumerate(class_styles(classes).items()):
        values = np.sort(outlier[known & (prediction == name)])
        _draw(ax, place, values, edges, style["color"])
        ax.annotate(f"{len(values)}", (1.01, place), **beside)
    ax.set_yticks(range(len(classes)), [broken(name) for name in classes], va="bottom")
    ax.set_ylim(len(classes) - 0.6, -0.95)
    ax.tick_params(axis="y", length=0)
    hide_spines(ax, "left", "right", "top")
    line = "\n" if is_narrow(ax) else " "
    ax.set_xlabel(f"Outlier measure,{line}" + r"$-\log_{10}$(largest prior $\times$ likelihood)")
    ax.set_ylabel("Predicted class")
    fit_font_sizes(ax)
    return ax


def _draw(ax, place, values, edges, color):
    ax.axhline(place, color=color, linewidth=0.8)
    if len(values) == 0:
        return
    counts, _ = np.histogram(values, edges)
    # The axis is inverted: the first class is at the top.
    heights = place - 0.8 * counts / counts.max()
    ax.stairs(heights, edges, baseline=place, fill=True, color=color, alpha=0.45)
    ax.stairs(heights, edges, baseline=place, color=color, linewidth=1)
    median = np.median(values)
    ax.plot([median, median], [place, place - 0.8], color=DARK, linewidth=1.5)
    largest = values[-min(N_OUTLIERS, int(np.ceil(OUTLIER_SHARE * len(values)))) :]
    ax.plot(largest, np.full(len(largest), place + 0.12), "|", color=color, markersize=6)
