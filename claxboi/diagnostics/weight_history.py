# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of a search for the weights of the categories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.classification import WeightSearch
from claxboi.utils.style import (
    DARK,
    GREY,
    LINESTYLES,
    category_colors,
    hide_spines,
    new_axes,
    split_below,
)

from ._axis_labels import literal
from ._checks import check_returned
from ._layout import fit_font_sizes, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_weight_search"]


def plot_weight_search(search: WeightSearch, *, ax: Axes | None = None) -> Axes:
    """
    Plot the score of a search for weights at each step, and the weights below.

    Parameters
    ----------
    search : `~claxboi.classification.WeightSearch`
        Result of `~claxboi.classification.NaiveBayesClassifier.optimize`.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; the lower panel is cut off from it. A new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        The upper panel: the score of each step as points, and the best one so far as a line.

    Raises
    ------
    TypeError
        If it is not a search.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.diagnostics import plot_weight_search
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> _, model = classify(table, "training", return_model=True)
    >>> search = model.optimize(table, "training", show_progress=False)
    >>> ax = plot_weight_search(search)
    >>> ax.get_ylabel()
    'Log-loss [nats]'
    """
    check_returned(search, "search", WeightSearch, "optimize")
    steps = np.asarray(search.history["step"])
    score = np.asarray(search.history[search.objective], float)
    is_loss = search.objective == "log_loss"
    best = (np.minimum if is_loss else np.maximum).accumulate(score)

    ax = new_axes(ax, 5.8, 5.0)
    panel = split_below(ax, 0.55)
    ax.plot(steps, score, ".", color=GREY, markersize=5, label="step")
    ax.step(steps, best, where="post", color=DARK, linewidth=1.3, label="best so far")
    ax.set_ylabel("Log-loss [nats]" if is_loss else _f1_label(search))
    for k, (name, color) in enumerate(category_colors(search.weights).items()):
        panel.plot(
            steps,
            search.history[name],
            color=color,
            linestyle=LINESTYLES[k % len(LINESTYLES)],
            linewidth=1.5,
            label=f"{literal(name)} ({search.weights[name]:.3g})",
        )
    panel.set_ylim(0, None)
    panel.set_xlabel("Step")
    panel.set_ylabel("Weight")
    panel.xaxis.get_major_locator().set_params(integer=True)
    ended = ", ended by the user" if search.interrupted else ""
    title = f"{search.score:.4f} on {search.n_sources} held-out sources{ended}"
    handles = [line for one in (panel, ax) for line in one.get_legend_handles_labels()[0]]
    legend_above(ax, handles, title=title)
    fit_font_sizes(ax, panel)
    for one in (ax, panel):
        hide_spines(one, "top", "right")
    return ax


def _f1_label(search):
    return "Mean F1" if search.target is None else f"F1 of {literal(search.target)}"
