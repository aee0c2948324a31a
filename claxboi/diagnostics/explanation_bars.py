# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Bar chart of the contributions to one class against another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.classification import Explanation
from claxboi.classification.contributions import state_of_value
from claxboi.utils import check_choice, checked
from claxboi.utils.style import DARK, GREY, PALE, category_colors, new_axes

from ._axis_labels import literal, short_symbol
from ._checks import check_returned
from ._layout import (
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

__all__ = ["plot_explanation"]

#: Kinds of parts that are about missing and known values.
PRESENCE = ("missing", "detection", "presence")

#: Parts that change little are drawn as one bar.
SMALLEST_SHARE = 0.02


@checked
def plot_explanation(
    explanation: Explanation,
    *,
    class_name: str | None = None,
    against: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """
    Plot the contributions of all properties to one class against another.

    There is one bar per property, coloured by category, from the strongest in favour of the class
    to the strongest against it. The bars add up to the logarithm of the ratio of the two
    posteriors. Bars for the presence or absence of a value are hatched.

    Parameters
    ----------
    explanation : `~claxboi.classification.Explanation`
        The parts of a posterior.
    class_name : str, optional
        The class; the prediction by default.
    against : str, optional
        The other class; by default the most probable of the others.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    TypeError, ValueError
        If it is not an explanation, or a class does not exist.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.diagnostics import plot_explanation
    >>> from claxboi.simulation import make_labelled_sample
    >>> result, model = classify(make_labelled_sample(2000, rng=1), "training", return_model=True)
    >>> ax = plot_explanation(model.explain(result[7]))
    >>> ax.get_xlabel()
    'Contribution [nats]'
    """
    from matplotlib.patches import Patch

    check_returned(explanation, "explanation", Explanation, "explain")
    first = explanation.prediction if class_name is None else class_name
    check_choice(first, explanation.classes, "class_name")
    second = explanation.runner_up(first) if against is None else against
    check_choice(second, explanation.classes, "against")
    nats = explanation.contrast(first, second)
    labels, values, kinds, categories = _bars(explanation.parts, nats)
    colors = category_colors(str(name) for name in explanation.parts["category"] if name)

    ax = new_axes(ax, 6.0, 1.2 + 0.27 * len(values))
    places = np.arange(len(values))[::-1]
    for place, value, kind, category in zip(places, values, kinds, categories, strict=True):
        ax.barh(
            place,
            value,
            height=0.72,
            color=colors.get(category, GREY),
            alpha=0.45 if kind in PRESENCE else 1.0,
            hatch="////" if kind in PRESENCE else None,
            edgecolor="white" if kind in PRESENCE else "none",
        )
    ax.axvline(0, color=DARK, linewidth=0.8)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.8, len(values) - 0.2)
    ax.margins(x=0.05)
    ax.set_xlabel("Contribution [nats]")
    fit_font_sizes(ax)
    total = nats.sum()
    who = f"{explanation.identifier}: " if explanation.identifier else ""
    title = literal(f"{who}{first} rather than {second}, {total:+.1f} nats")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.grid(axis="x", color=PALE, linewidth=0.8)
    ax.set_axisbelow(True)
    patches = [Patch(color=color, label=literal(name)) for name, color in colors.items()]
    distance, largest = space_inches(ax)[1] - 1.2, 7.5 if is_narrow(ax) else 9.0
    left = 0.1 + label_inches(labels, min(line_font_size(distance / len(values), labels), largest))
    above = legend_above(ax, patches, left_inches=left)
    above += title_above(ax, title, above, left_inches=left)
    # Many bars in a low figure have small names.
    distance = space_inches(ax)[1] - 0.55 - above / 72
    size = min(line_font_size(distance / len(values), labels), largest)
    ax.set_yticks(places, labels, size=size)
    return ax


def _bars(parts, nats):
    """Sort the parts and merge the small ones."""
    kinds = np.array(parts["kind"], str)
    small = np.abs(nats) < SMALLEST_SHARE * np.abs(nats).max(initial=0)
    rows = [row for row in np.argsort(-nats) if not small[row]]
    labels = [_label(parts[row]) for row in rows]
    values = [nats[row] for row in rows]
    kinds_shown = [kinds[row] for row in rows]
    categories = [str(parts["category"][row]) for row in rows]
    if small.any():
        place = int(np.searchsorted(-np.array(values), -nats[small].sum()))
        labels.insert(place, f"{np.count_nonzero(small)} smaller parts")
        values.insert(place, nats[small].sum())
        kinds_shown.insert(place, "rest")
        categories.insert(place, "")
    return labels, values, kinds_shown, categories


def _label(part):
    kind, name, value = str(part["kind"]), str(part["name"]), float(part["value"])
    if kind == "property":
        return f"{short_symbol(name)} = {value:.4g}"
    if state := state_of_value(kind, name, value):
        return f"{', '.join(map(short_symbol, name.split(', ')))} {state}"
    if kind == "pair":
        return " with ".join(map(short_symbol, name.split(" with ")))
    return kind
