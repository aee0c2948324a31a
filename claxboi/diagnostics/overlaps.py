# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of the catalogues that the labels come from, and of their overlaps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.training import LabelReport
from claxboi.utils import InputValueError, check_choice, check_count, checked
from claxboi.utils.style import COLORS, DARK, SHADE, hide_spines, new_axes, split_below

from ._axis_labels import literal
from ._checks import check_returned
from ._layout import (
    axis_font_sizes,
    broken,
    fit_font_sizes,
    is_narrow,
    label_inches,
    legend_above,
    line_font_size,
    space_inches,
    title_above,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_training_overlap"]


@checked
def plot_training_overlap(
    report: LabelReport,
    *,
    class_name: str | None = None,
    n_combinations: int = 20,
    ax: Axes | None = None,
) -> Axes:
    """
    Plot the number of sources of a class in each combination of catalogues.

    Each column is a set of catalogues, marked by dots. Its bar counts the sources that are in all
    of these and in no other, so that the bars add up to all sources of the class.

    Parameters
    ----------
    report : `~claxboi.training.LabelReport`
        Result of `claxboi.training.label_report`.
    class_name : str, optional
        The class. Default: the one with most catalogues.
    n_combinations : int, optional
        Maximum number of combinations, of which the largest are drawn; the title counts the rest.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; the lower panel is cut off from it. A new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        The upper panel has the number of sources of each combination: dark if the class is their
        label, pale if a conflict or low quality left them without. The lower panel has a row for
        each catalogue with the number of its sources.

    Raises
    ------
    TypeError, ValueError
        If it is not a report, no class has a source, or the class does not exist.

    Notes
    -----
    The figure is an UpSet plot (Lex et al. 2014, IEEE Trans. Vis. Comput. Graph. 20, 1983), which
    shows the intersections of many sets better than a Venn diagram.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.diagnostics import plot_training_overlap
    >>> from claxboi.training import add_labels, label_report
    >>> xray = Table({"ra": [10.0, 20.0], "dec": [5.0, 5.0], "pos_error": [1.0, 1.0]})
    >>> quasars = Table({"ra": [10.0, 20.0], "dec": [5.0, 5.0]})
    >>> own = {"optical": quasars, "radio": quasars[:1]}
    >>> labelled = add_labels(xray, own, {"AGN": ["optical", "radio"]}, min_quality=0)
    >>> report = label_report(labelled)
    >>> ax = plot_training_overlap(report)
    >>> [int(bar.get_height()) for bar in ax.containers[0]]
    [1, 1]
    """
    check_returned(report, "report", LabelReport, "label_report")
    n_combinations = check_count(n_combinations, "n_combinations")
    rows = report.catalogues[report.catalogues["n_sources"] > 0]
    names = [str(name) for name in dict.fromkeys(rows["class"])]
    if not names:
        raise InputValueError("report must have a catalogue with a source, got none")
    if class_name is None:
        class_name = max(names, key=lambda name: np.count_nonzero(rows["class"] == name))
    check_choice(class_name, names, "class_name")
    rows = rows[rows["class"] == class_name]
    rows = rows[np.argsort(-np.asarray(rows["n_sources"]), kind="stable")]
    every = report.combinations[report.combinations["class"] == class_name]
    shown, rest = every[:n_combinations], every[n_combinations:]
    bits = np.asarray(rows["bit"])
    is_member = (np.asarray(shown["bits"])[:, None] & bits) != 0

    ax = new_axes(ax, 3.0 + 0.3 * max(len(shown), 6), 2.6 + 0.26 * len(rows))
    labels = [f"{broken(name, 22)} ({n})" for name, n in rows["catalogue", "n_sources"].iterrows()]
    panel = split_below(ax, np.clip(0.08 + 0.065 * len(rows), 0.2, 0.62))
    _draw_bars(ax, shown)
    _draw_members(panel, is_member)
    ax.set_xlim(-0.6, len(shown) - 0.4)
    ax.set_ylabel("Sources")
    panel.set_yticks(range(len(rows)), labels)
    for one in (ax, panel):
        one.tick_params(axis="x", length=0, labelbottom=False)
    fit_font_sizes(ax, panel)
    distance = 0.5 * space_inches(ax)[1] / len(rows)
    size = min(line_font_size(distance, labels), axis_font_sizes(ax)[1])
    panel.tick_params(axis="y", length=0, labelsize=size)
    hide_spines(ax, "top", "right")
    hide_spines(panel, "left", "right", "top", "bottom")
    n_labelled = report.classes["n_labelled"][report.classes["class"] == class_name][0]
    title = f"{literal(class_name)}: {n_labelled} labelled sources"
    if len(rest):
        title += f"; {len(rest)} smaller combinations ({rest['n_sources'].sum()} sources) not shown"
    left = label_inches(labels, size)
    title_above(ax, title, legend_above(ax, left_inches=left), left_inches=left)
    return ax


def _draw_bars(ax, shown):
    places = np.arange(len(shown))
    n_sources, n_labelled = (np.asarray(shown[name]) for name in ("n_sources", "n_labelled"))
    is_pale = np.any(n_sources > n_labelled)
    ax.bar(places, n_labelled, 0.66, color=COLORS[0], label="with this label" if is_pale else None)
    if is_pale:
        left = n_sources - n_labelled
        ax.bar(places, left, 0.66, bottom=n_labelled, color=SHADE, label="left out")
    size = 6.0 if is_narrow(ax) else 8.0
    for place, number in zip(places, n_sources, strict=True):
        ax.annotate(
            f"{number}",
            (place, number),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            size=size if len(shown) <= 20 else 0.75 * size,
            color=DARK,
        )
    # Not a margin: the foot of a pale bar of no height would hold the limit at the top of its bar.
    ax.set_ylim(0, 1.12 * n_sources.max())


def _draw_members(panel, is_member):
    n_columns, n_rows = is_member.shape
    size = 4.0 if is_narrow(panel) else 6.0
    for row in range(0, n_rows, 2):
        panel.axhspan(row - 0.5, row + 0.5, color="#F5F5F5", zorder=0)
    x, y = np.nonzero(~is_member)
    panel.plot(x, y, "o", color="#D9D9D9", markersize=size, zorder=1)
    x, y = np.nonzero(is_member)
    panel.plot(x, y, "o", color=DARK, markersize=size, zorder=3)
    for column in range(n_columns):
        (own,) = np.nonzero(is_member[column])
        if len(own) > 1:
            panel.plot([column] * 2, own[[0, -1]], color=DARK, linewidth=size / 4, zorder=2)
    panel.set_ylim(n_rows - 0.5, -0.5)
