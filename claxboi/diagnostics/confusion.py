# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The confusion matrix as a figure.
"""

import numpy as np

from claxboi.utils import check_choice

from ._style import DARK, GREY, PALE, hide_spines, new_axes

__all__ = ["plot_confusion"]

# Room between the matrix and its margins, in cells.
GAP = 0.12


def plot_confusion(evaluation, *, normalize="truth", corrected=False, ax=None):
    """
    Plot a confusion matrix with recall and precision at its margins.

    Parameters
    ----------
    evaluation : `~claxboi.classification.evaluation.Evaluation`
        The score sheet.
    normalize : {"truth", "predicted", None}, optional
        What the percentages, and the shades, are of: the sources of a class (its row; the
        default), those predicted as a class (its column), or counts without percentages.
    corrected : bool, optional
        Show the population of the priors instead of the sample: precision, percentages by
        prediction and, without percentages, the counts. The small counts below a percentage
        are always those of the sample, on which it rests.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    ValueError
        If ``normalize`` is none of the options.

    Examples
    --------
    >>> from claxboi.classification.evaluation import Evaluation
    >>> from claxboi.diagnostics import plot_confusion
    >>> evaluation = Evaluation.from_confusion([[90, 10], [5, 15]], ["AGN", "star"])
    >>> ax = plot_confusion(evaluation)
    >>> ax.get_ylabel()
    'True class'
    """
    check_choice(normalize, ("truth", "predicted", None), "normalize")
    n = len(evaluation.classes)
    counts = evaluation.confusion_corrected if corrected else evaluation.confusion
    fractions = _normalized(counts, normalize)

    ax = new_axes(ax, 1.9 + 0.72 * (n + 1), 1.3 + 0.62 * (n + 1))
    ax.imshow(_shade(fractions), cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    for (i, j), fraction in np.ndenumerate(fractions):
        color = "white" if _shade(fraction) > 0.7 else DARK
        if normalize is None:
            _write(ax, j, i, f"{counts[i, j]:.0f}", color, bold=i == j)
        elif evaluation.confusion[i, j]:
            _write(ax, j, i - 0.14, _percent(fraction), color, bold=i == j)
            _write(ax, j, i + 0.22, f"{evaluation.confusion[i, j]:d}", color, size=7.5)
        else:
            _write(ax, j, i, "0", GREY, size=7.5)

    table = evaluation.per_class
    ending = "_corrected" if corrected else ""
    recall, precision = table[f"recall{ending}"], table[f"precision{ending}"]
    for k in range(n):
        _margin(ax, n + GAP, k, recall[k])
        _margin(ax, k, n + GAP, precision[k])
    _finish(ax, evaluation, corrected)
    return ax


def _normalized(counts, normalize):
    sums = {
        "truth": counts.sum(axis=1, keepdims=True),
        "predicted": counts.sum(axis=0, keepdims=True),
        None: counts.max(keepdims=True),
    }[normalize]
    return np.divide(counts, sums, out=np.zeros(counts.shape), where=sums > 0)


def _shade(fraction):
    # A leak of 1 % is what one looks for; on a linear shade it would not be seen.
    return np.sqrt(fraction)


def _percent(fraction):
    if np.isnan(fraction):
        return "-"
    return f"{100 * fraction:.1f}%" if fraction >= 0.0005 else "<0.1%"


def _write(ax, x, y, text, color, *, bold=False, size=9.5):
    weight = "bold" if bold else "normal"
    ax.text(x, y, text, color=color, size=size, weight=weight, ha="center", va="center")


def _margin(ax, x, y, fraction):
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=PALE, edgecolor="white"))
    _write(ax, x, y, _percent(fraction), DARK)


def _finish(ax, evaluation, corrected):
    n = len(evaluation.classes)
    ax.set_xlim(-0.5, n + 0.5 + GAP)
    ax.set_ylim(n + 0.5 + GAP, -0.5)
    turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    is_long = max(map(len, evaluation.classes)) > 7
    ax.set_xticks(range(n), evaluation.classes, **(turned if is_long else {}))
    precision = "precision\nat priors" if corrected else "precision"
    ax.set_yticks([*range(n), n + GAP], [*evaluation.classes, precision])
    ax.get_yticklabels()[-1].set_style("italic")
    ax.text(n + GAP, n - 0.42, "recall", ha="center", va="top", style="italic")
    ax.tick_params(length=0)
    hide_spines(ax, "left", "right", "top", "bottom")
    ax.set_xlabel("Predicted class")
    ax.set_ylabel("True class")
    ax.set_title(f"{evaluation.confusion.sum()} sources, {evaluation.method}", size=10, loc="left")
