# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Reliability diagram.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.classification.results import check_evaluation
from claxboi.utils import InputValueError, checked
from claxboi.utils.style import DARK, GREY, SHADE, hide_spines, new_axes, split_below

from ._axis_labels import literal
from ._layout import fit_font_sizes, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from claxboi.classification import Evaluation

__all__ = ["plot_reliability"]


@checked
def plot_reliability(
    evaluation: Evaluation, *, corrected: bool = False, ax: Axes | None = None
) -> Axes:
    """
    Plot how often the most probable class is correct against its probability.

    Predictions below the diagonal are overconfident, those above underconfident. The lower panel
    counts the sources of each bin.

    Parameters
    ----------
    evaluation : `~claxboi.classification.Evaluation`
        The scores, made from probabilities.
    corrected : bool, optional
        Correct the sample to the population of the priors. Use this if the priors of the
        probabilities differ from the proportions in the sample.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; the lower panel is cut off from it. A new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        The upper panel.

    Raises
    ------
    TypeError, ValueError
        If it is not an evaluation, or was made from a confusion matrix, which has no probabilities.

    Examples
    --------
    >>> from claxboi.classification import Evaluation
    >>> from claxboi.diagnostics import plot_reliability
    >>> evaluation = Evaluation.from_probabilities(
    ...     ["AGN", "star"], [[0.9, 0.1], [0.3, 0.7]], ["AGN", "star"]
    ... )
    >>> ax = plot_reliability(evaluation)
    >>> ax.get_ylabel()
    'Fraction classified correctly'
    """
    check_evaluation(evaluation)
    table = evaluation.reliability
    if table is None:
        raise InputValueError(
            "evaluation must be made from probabilities, not from a confusion matrix"
        )
    edges = np.append(table["lower"], table["upper"][-1])
    # The largest of C probabilities is at least 1 / C.
    start = edges[edges <= 1 / len(evaluation.classes)][-1]

    ax = new_axes(ax, 4.6, 5.2)
    counts_ax = split_below(ax, 0.24)
    ax.plot([start, 1], [start, 1], color=GREY, linestyle="--", linewidth=1, label="perfect")
    ending = "_corrected" if corrected else ""
    filled = table[np.isfinite(table[f"fraction_correct{ending}"])]
    promised, right, lower, upper = (
        np.asarray(filled[f"{name}{ending}"])
        for name in (
            "mean_probability",
            "fraction_correct",
            "fraction_correct_lower",
            "fraction_correct_upper",
        )
    )
    ax.errorbar(
        promised,
        right,
        yerr=[right - lower, upper - right],
        color=DARK,
        marker="_",
        markersize=8,
        linestyle="none",
        capsize=2,
        label="sources, with 68 % interval",
    )
    ece = evaluation.corrected["ece"] if corrected else evaluation.ece
    ax.set_xlim(start, 1)
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("Fraction classified correctly")
    counts_ax.stairs(table["n"], edges, fill=True, color=SHADE)
    # The last bin often has a thousand times the sources of the first.
    counts_ax.set_yscale("log")
    counts_ax.set_ylim(0.7, 2 * max(table["n"]))
    counts_ax.set_ylabel("Sources")
    counts_ax.set_xlabel("Probability of the most probable class")
    for one in (ax, counts_ax):
        hide_spines(one, "top", "right")
    fit_font_sizes(ax, counts_ax)
    method = literal(evaluation.method)
    title = f"{evaluation.confusion.sum()} sources, {method}; ECE = {ece:.3f}"
    legend_above(ax, title=title + (", prior-corrected" if corrected else ""))
    return ax
