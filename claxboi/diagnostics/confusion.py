# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of a confusion matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from claxboi.classification.results import check_evaluation
from claxboi.utils import check_choice, checked
from claxboi.utils.style import DARK, GREY, PALE, hide_spines, new_axes

from ._layout import (
    axis_font_sizes,
    broken,
    cell_font_size,
    label_inches,
    label_matrix,
    line_font_size,
    title_above,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from claxboi.classification import Evaluation

__all__ = ["plot_confusion"]

# Space between the matrix and its margins, in cells.
GAP = 0.12
#: In a narrower cell, in inches, a percentage has no decimals.
_NARROW_CELL = 0.38


@checked
def plot_confusion(
    evaluation: Evaluation,
    *,
    normalize: Literal["truth", "predicted", None] = "truth",
    corrected: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """
    Plot a confusion matrix with recall and precision at its margins.

    Parameters
    ----------
    evaluation : `~claxboi.classification.Evaluation`
        The scores.
    normalize : {"truth", "predicted", None}, optional
        Denominator of percentages and shades: the sources of a class (row; the default) or those
        predicted as a class (column). None shows counts without percentages.
    corrected : bool, optional
        Show prior-corrected instead of raw values: precision, percentages by prediction and,
        without percentages, the counts. The small counts below a percentage are always those of the
        sample.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    TypeError, ValueError
        If it is not an evaluation, or ``normalize`` is not one of the options.

    Examples
    --------
    >>> from claxboi.classification import Evaluation
    >>> from claxboi.diagnostics import plot_confusion
    >>> evaluation = Evaluation([[90, 10], [5, 15]], ["AGN", "star"])
    >>> ax = plot_confusion(evaluation)
    >>> ax.get_ylabel()
    'True class'
    """
    check_evaluation(evaluation)
    check_choice(normalize, ("truth", "predicted", None), "normalize")
    n = len(evaluation.classes)
    counts = evaluation.confusion_corrected if corrected else evaluation.confusion
    fractions = _normalized(counts, normalize)

    # Long names need more space.
    wide = max(label_inches([broken(name) for name in evaluation.classes], 10.0) - 0.7, 0.0)
    ax = new_axes(ax, 1.9 + wide + 0.72 * (n + 1), 1.3 + 0.64 * wide + 0.62 * (n + 1))
    cell = _label(ax, evaluation, corrected)
    size = cell_font_size(cell, 5, 2)
    small = 0.8 * size
    ax.imshow(_shade(fractions), cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    for (i, j), fraction in np.ndenumerate(fractions):
        color = "white" if _shade(fraction) > 0.7 else DARK
        if normalize is None:
            _write(ax, j, i, f"{counts[i, j]:.0f}", color, size, bold=i == j)
        elif evaluation.confusion[i, j]:
            _write(ax, j, i - 0.16, _percent(fraction, cell), color, size, bold=i == j)
            _write(ax, j, i + 0.23, f"{evaluation.confusion[i, j]:d}", color, small)
        else:
            _write(ax, j, i, "0", GREY, small)

    table = evaluation.per_class
    ending = "_corrected" if corrected else ""
    recall, precision = table[f"recall{ending}"], table[f"precision{ending}"]
    for k in range(n):
        _margin(ax, n + GAP, k, _percent(recall[k], cell), size)
        _margin(ax, k, n + GAP, _percent(precision[k], cell), size)
    _finish(ax, evaluation)
    return ax


def _normalized(counts, normalize):
    sums = {
        "truth": counts.sum(axis=1, keepdims=True),
        "predicted": counts.sum(axis=0, keepdims=True),
        None: counts.max(keepdims=True),
    }[normalize]
    return np.divide(counts, sums, out=np.zeros(counts.shape), where=sums > 0)


def _shade(fraction):
    # A leak of 1 % would be invisible on a linear shade.
    return np.sqrt(fraction)


def _percent(fraction, cell_inches):
    if np.isnan(fraction):
        return "-"
    if cell_inches[0] < _NARROW_CELL:
        return f"{100 * fraction:.0f}%" if fraction >= 0.005 else "<1%"
    return f"{100 * fraction:.1f}%" if fraction >= 0.0005 else "<0.1%"


def _write(ax, x, y, text, color, size, *, bold=False):
    weight = "bold" if bold else "normal"
    ax.text(x, y, text, color=color, size=size, weight=weight, ha="center", va="center")


def _margin(ax, x, y, text, size):
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=PALE, edgecolor="white"))
    _write(ax, x, y, text, DARK, size)


def _label(ax, evaluation, corrected):
    n = len(evaluation.classes)
    classes = [broken(name) for name in evaluation.classes]
    ax.set_xlabel("Predicted class")
    ax.set_ylabel("True class")
    cell = label_matrix(ax, classes, classes, n_rows=n + 1 + GAP, n_columns=n + 1 + GAP)
    precision = "precision,\nprior-corrected" if corrected else "precision"
    rows = [*classes, precision]
    size = min(axis_font_sizes(ax)[1], line_font_size(cell[1], rows))
    ax.set_yticks([*range(n), n + GAP], rows, size=size)
    ax.get_yticklabels()[-1].set_style("italic")
    ax.text(n + GAP, n - 0.42, "recall", ha="center", va="top", style="italic", size=size)
    return cell


def _finish(ax, evaluation):
    n = len(evaluation.classes)
    ax.set_xlim(-0.5, n + 0.5 + GAP)
    ax.set_ylim(n + 0.5 + GAP, -0.5)
    hide_spines(ax, "left", "right", "top", "bottom")
    title = f"{evaluation.confusion.sum()} sources, {evaluation.method}"
    title_above(ax, title, left_inches=0.4 + label_inches(map(broken, evaluation.classes), 8.0))
