# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of the sensitivity of class numbers to the priors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.classification import PriorSensitivity
from claxboi.utils.style import DARK, GREY, PALE, class_styles, hide_spines, marker_style, new_axes

from ._axis_labels import literal
from ._checks import check_returned
from ._layout import (
    axis_font_sizes,
    broken,
    fit_font_sizes,
    label_inches,
    legend_above,
    line_font_size,
    space_inches,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_priors_sensitivity"]


def plot_priors_sensitivity(sensitivity: PriorSensitivity, *, ax: Axes | None = None) -> Axes:
    """
    Plot the expected number of each class for different priors.

    Parameters
    ----------
    sensitivity : `~claxboi.classification.PriorSensitivity`
        Result of `claxboi.classification.priors_sensitivity`.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        One row for each class: its expected number with each set of priors, divided by that with
        the given priors. Triangles are changes of the prior of the class itself, points those of
        other priors. Named sets of priors have a marker each.

    Raises
    ------
    TypeError
        If it is not a `~claxboi.classification.PriorSensitivity`.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.classification import priors_sensitivity
    >>> from claxboi.diagnostics import plot_priors_sensitivity
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> result, model = classify(table, "training", return_model=True)
    >>> ax = plot_priors_sensitivity(priors_sensitivity(model, result))
    >>> ax.get_xlabel()
    'Expected number / as given'
    """
    check_returned(sensitivity, "sensitivity", PriorSensitivity, "priors_sensitivity")
    changes = sensitivity.changes
    classes = [
        name.removeprefix("expected_") for name in changes.colnames if name.startswith("expected_")
    ]
    names = [str(name) for name in changes["change"][1:]]
    # "AGN x 2": the class, and whether its prior increases.
    owners = [_owner(name, classes) for name in names]
    is_named = not all(owner for owner, _ in owners)
    looks = class_styles(names if is_named else classes)

    ax = new_axes(ax, 6.4, 1.5 + 0.42 * len(classes))
    for place, name in enumerate(classes):
        expected = np.asarray(changes[f"expected_{name}"], float)
        if expected[0] <= 0:
            continue
        ratios = expected[1:] / expected[0]
        ax.plot([ratios.min(), ratios.max()], [place, place], color=PALE, linewidth=5, zorder=1)
        for change, (owner, grows), ratio in zip(names, owners, ratios, strict=True):
            if is_named:
                look = marker_style(looks[change], 6.5)
            elif owner == name:
                look = marker_style({**looks[name], "marker": ">" if grows else "<"}, 8)
            else:
                look = marker_style({"color": GREY, "marker": "."}, 4)
            ax.plot(ratio, place, zorder=2 + (owner == name), **look)
    ax.axvline(1, color=DARK, linewidth=0.8, zorder=0)
    rows = [f"{broken(name)} ({changes[f'expected_{name}'][0]:.1f})" for name in classes]
    ax.set_yticks(range(len(classes)), rows)
    ax.set_ylim(len(classes) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("Expected number / as given")
    hide_spines(ax, "left", "top", "right")
    sources = sensitivity.sources
    n = np.count_nonzero(sources["is_sensitive"])
    fit_font_sizes(ax)
    distance = (space_inches(ax)[1] - 1.0) / len(classes)
    size = min(line_font_size(distance, rows), axis_font_sizes(ax)[1])
    ax.tick_params(axis="y", labelsize=size)
    title = f"{n} of {len(sources)} sources change their class"
    _legend(ax, names, looks, is_named, title, 0.2 + label_inches(rows, 8.0))
    return ax


def _owner(change, classes):
    for name in classes:
        for sign in (" x ", " / "):
            if change.startswith(name + sign):
                return name, sign == " x "
    return None, False


def _legend(ax, names, looks, is_named, title, left_inches):
    from matplotlib.lines import Line2D

    if is_named:
        entries = [(literal(name), marker_style(looks[name], 6.5)) for name in names]
    else:
        factor = names[0].rsplit(" ", 1)[-1]
        entries = [
            (f"its prior x {factor}", marker_style({"color": DARK, "marker": ">"}, 8)),
            (f"its prior / {factor}", marker_style({"color": DARK, "marker": "<"}, 8)),
            ("another prior", marker_style({"color": GREY, "marker": "."}, 4)),
        ]
    handles = [Line2D([], [], label=label, **look) for label, look in entries]
    legend_above(ax, handles, title=title, left_inches=left_inches)
