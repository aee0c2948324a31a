# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Reliability diagram.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.classification.results import check_evaluation
from claxboi.utils import InputValueError, check_text, checked
from claxboi.utils.style import DARK, GREY, SHADE, class_styles, hide_spines, new_axes, split_below

from ._axis_labels import literal
from ._layout import fit_font_sizes, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from claxboi.classification import Evaluation

__all__ = ["plot_reliability", "plot_reliability_by"]

#: Bins of fewer sources are not drawn: their intervals would cover the others.
FEWEST = 5


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


@checked
def plot_reliability_by(
    evaluation: Evaluation,
    values: ArrayLike | None = None,
    *,
    name: str = "value",
    ax: Axes | None = None,
) -> Axes:
    """
    Plot the reliability of probabilities by class, or in groups of another quantity.

    By class, a point compares the probability of a class with the fraction of the sources that
    belong to it. By values, it compares the probability of the prediction with the fraction that
    is correct. Bins of fewer than five sources are not drawn.

    Parameters
    ----------
    evaluation : `~claxboi.classification.Evaluation`
        The scores, made from probabilities.
    values : array-like of shape (n_sources,), optional
        One number for each source, such as its flux. Default: by class.
    name : str, optional
        What the values are, for the legend.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    TypeError, ValueError
        If it is not an evaluation made from probabilities, or the values are not one per source.

    Examples
    --------
    >>> from claxboi.classification import Evaluation
    >>> from claxboi.diagnostics import plot_reliability_by
    >>> evaluation = Evaluation.from_probabilities(
    ...     ["AGN", "star"], [[0.9, 0.1], [0.3, 0.7]], ["AGN", "star"]
    ... )
    >>> ax = plot_reliability_by(evaluation)
    >>> ax.get_xlabel()
    'Probability of the class'
    """
    check_evaluation(evaluation)
    check_text(name, "name")
    table = evaluation.reliability_by(values)
    groups = list(dict.fromkeys(table["group"]))
    styles = class_styles(evaluation.classes if values is None else groups)
    ax = new_axes(ax, 5.0, 4.6)
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    for k, group in enumerate(groups):
        rows = table[(table["group"] == group) & (table["n"] >= FEWEST)]
        fraction = np.asarray(rows["fraction"])
        ends = [fraction - rows["fraction_lower"], rows["fraction_upper"] - fraction]
        # Side by side, so that no group hides another.
        shift = 0.007 * (k - (len(groups) - 1) / 2)
        ax.errorbar(
            np.asarray(rows["mean_probability"]) + shift,
            fraction,
            yerr=np.maximum(ends, 0.0),
            color=styles[group]["color"],
            marker=styles[group]["marker"],
            markersize=5,
            linestyle="none",
            elinewidth=1,
            label=literal(group if values is None else f"{name} {group}"),
        )
    ax.set_xlim(-0.05, 1.05)
    ax.set_ylim(-0.02, 1.03)
    ax.set_xlabel("Probability of the class" if values is None else "Probability of the prediction")
    ax.set_ylabel("Fraction of the class" if values is None else "Fraction classified correctly")
    hide_spines(ax, "top", "right")
    fit_font_sizes(ax)
    legend_above(ax, title=f"{evaluation.confusion.sum()} sources, {literal(evaluation.method)}")
    return ax
