# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of purity and completeness of a class by the smallest accepted probability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Table

from claxboi.classification import Evaluation
from claxboi.classification.results import read_classified
from claxboi.utils import InputTypeError, check_choice, checked, float_values
from claxboi.utils.style import COLORS, GREY, PALE, hide_spines, new_axes

from ._axis_labels import literal
from ._layout import fit_font_sizes, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_thresholds"]

#: Maximum number of thresholds that are drawn.
_N_DRAWN = 1000


@checked
def plot_thresholds(scores: Evaluation | Table, class_name: str, *, ax: Axes | None = None) -> Axes:
    """
    Plot purity and completeness of a class against the smallest probability that is accepted.

    Parameters
    ----------
    scores : `~claxboi.classification.Evaluation` or `~astropy.table.Table`
        An evaluation made from probabilities: purity and completeness are those of its sources,
        whose classes are known. Or a table that `claxboi.classify` returned: purity and
        completeness are those expected from its probabilities.
    class_name : str
        The class.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        With the raw purity and its 68 % interval, the prior-corrected purity where priors were
        given, and the threshold of the largest F1. For weighted sources, purity and completeness
        are those of the population.

    Raises
    ------
    TypeError, ValueError
        If it is neither, has no probabilities, or the class does not exist.

    Examples
    --------
    >>> from claxboi.classification import Evaluation
    >>> from claxboi.diagnostics import plot_thresholds
    >>> evaluation = Evaluation.from_probabilities(
    ...     ["AGN", "AGN", "star"], [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]], ["AGN", "star"]
    ... )
    >>> ax = plot_thresholds(evaluation, "AGN")
    >>> ax.get_xlabel()
    'Smallest $P$(AGN)'
    """
    if isinstance(scores, Evaluation):
        curve = scores.thresholds(class_name)
        if scores.is_weighted:
            # Raw scores of sources that were not drawn evenly do not hold for others.
            curve.remove_columns(["purity_lower", "purity_upper"])
            lines = [
                ("completeness_corrected", "completeness", COLORS[3], "--"),
                ("purity_corrected", "purity", COLORS[0], "-"),
            ]
        else:
            lines = [
                ("completeness", "completeness", COLORS[3], "--"),
                ("purity", "purity, raw", COLORS[0], "-"),
            ]
            if scores.has_priors:
                lines.append(("purity_corrected", "purity, prior-corrected", COLORS[2], "-."))
        title = f"{scores.confusion.sum()} sources, {scores.method}"
    elif isinstance(scores, Table):
        curve = _promised(scores, class_name)
        lines = [
            ("completeness", "expected completeness", COLORS[3], "--"),
            ("purity", "expected purity", COLORS[0], "-"),
        ]
        title = f"{len(scores)} sources, expected from their probabilities"
    else:
        raise InputTypeError(
            f"scores must be an Evaluation or a classified table, got {type(scores).__name__}"
        )
    best = _best(curve)
    shown = np.unique(np.linspace(0, len(curve) - 1, _N_DRAWN).astype(int)) if len(curve) else []
    curve = curve[shown]
    ax = new_axes(ax, 5.6, 4.0)
    if "purity_lower" in curve.colnames:
        ax.fill_between(
            curve["threshold"],
            curve["purity_lower"],
            curve["purity_upper"],
            color=COLORS[0],
            alpha=0.15,
            linewidth=0,
            step="post",
        )
    for column, label, color, linestyle in lines:
        # Between two thresholds the sample is that of the higher one.
        ax.step(
            curve["threshold"],
            curve[column],
            where="post",
            color=color,
            linestyle=linestyle,
            label=label,
            linewidth=1.6,
        )
    if best is not None:
        ax.axvline(
            best["threshold"],
            color=GREY,
            linestyle=":",
            linewidth=1.2,
            label=f"largest F1, {best['f1_corrected']:.2f}",
        )
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel(f"Smallest $P$({literal(class_name)})")
    ax.set_ylabel("Fraction")
    ax.grid(color=PALE, linewidth=0.8)
    hide_spines(ax, "top", "right")
    fit_font_sizes(ax)
    legend_above(ax, title=title)
    return ax


def _best(curve):
    """Return the row of the largest F1, or None if it is unknown."""
    if "f1_corrected" not in curve.colnames or not np.isfinite(curve["f1_corrected"]).any():
        return None
    return curve[np.nanargmax(curve["f1_corrected"])]


def _promised(result, class_name):
    """
    Compute the purity and completeness expected from the probabilities of a table.
    """
    classes, _ = read_classified(result, ["P_{class}"])
    check_choice(class_name, classes, "class_name")
    values = float_values(result, f"P_{class_name}", name="result")
    values = np.sort(values[np.isfinite(values)])[::-1]
    last = np.flatnonzero(np.append(np.diff(values) != 0, len(values) > 0))
    total = np.cumsum(values)[last]
    return Table(
        {
            "threshold": values[last],
            "completeness": total / total[-1] if len(last) and total[-1] > 0 else total * np.nan,
            "purity": total / (last + 1),
        }
    )
