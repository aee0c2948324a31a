# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of the joint densities of two properties, with a source in their plane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.utils import InputValueError, check_choice, check_names, checked
from claxboi.utils.style import DARK, class_styles, hide_spines, new_axes

from ._axis_labels import literal, short_symbol
from ._checks import check_fitted
from ._layout import fit_font_sizes, legend_above
from .density_curves import scaled_axis_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Row, Table
    from matplotlib.axes import Axes

    from claxboi.classification import NaiveBayesClassifier

__all__ = ["plot_pair"]

#: Shares of a class that the contours hold, from the outermost to the innermost.
SHARES = (0.95, 0.68, 0.3)


@checked
def plot_pair(
    model: NaiveBayesClassifier,
    source: Row | Table,
    pair: Sequence[str] | None = None,
    *,
    class_name: str | None = None,
    against: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """
    Plot the joint densities of two properties for two classes, and mark a source.

    The contours hold 30, 68 and 95 % of the members of a class. The title gives the
    contribution of the pair to the log ratio of the posteriors of the two classes, in addition to
    those of the single properties (see :ref:`refinement`).

    Parameters
    ----------
    model : `~claxboi.classification.NaiveBayesClassifier`
        The fitted classifier, with a refinement.
    source : `~astropy.table.Row` or `~astropy.table.Table` of one row
        The source: a row of a table that the model classified.
    pair : sequence of two str, optional
        Names of the properties. Default: the pair with the largest contribution.
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
    TypeError, KeyError, ValueError
        If it is not a fitted classifier with a refinement, or the pair or a class does not exist.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.diagnostics import plot_pair
    >>> from claxboi.simulation import make_labelled_sample
    >>> result, model = classify(make_labelled_sample(2000, rng=1), "training", return_model=True)
    >>> ax = plot_pair(model, result[7], ["hr1", "hr2"])
    >>> ax.get_xlabel()
    'Hardness ratio $HR_{1}$'
    """
    check_fitted(model, "pair_density")
    explanation = model.explain(source)
    first = explanation.prediction if class_name is None else class_name
    check_choice(first, explanation.classes, "class_name")
    second = explanation.runner_up(first) if against is None else against
    check_choice(second, explanation.classes, "against")
    parts, nats = explanation.parts, explanation.contrast(first, second)
    names, amount = _choose(parts, nats, pair)
    x, y, density = model.pair_density(*names)
    records = [next(r for r in model.properties if r.column == name) for name in names]
    # The logarithm of zero has no place in the plane.
    values = [
        float(record.apply_scale(np.array([_value_of(parts, record.column)]))[0])
        for record in records
    ]
    values = [value if np.isfinite(value) else np.nan for value in values]

    ax = new_axes(ax, 5.4, 4.8)
    styles = class_styles(list(model.classes_))
    handles, ranges = [], [[value] for value in values]
    for name in (second, first):
        own = density[list(model.classes_).index(name)]
        handle, covered = _draw(ax, x, y, own, styles[name])
        handle.set_label(literal(name))
        handles.append(handle)
        ranges = [np.append(old, new) for old, new in zip(ranges, covered, strict=True)]
    if np.isfinite(values).all():
        label = explanation.identifier or "this source"
        marker = {"marker": "*", "markersize": 15, "markeredgecolor": "white"}
        handles += ax.plot(
            *values, linestyle="none", color=DARK, label=literal(label), zorder=5, **marker
        )
    for set_limits, seen in ((ax.set_xlim, ranges[0]), (ax.set_ylim, ranges[1])):
        low, high = np.nanmin(seen), np.nanmax(seen)
        margin = 0.04 * (high - low)
        set_limits(low - margin, high + margin)
    ax.set_xlabel(scaled_axis_label(records[0]))
    ax.set_ylabel(scaled_axis_label(records[1]))
    hide_spines(ax, "top", "right")
    fit_font_sizes(ax)
    both = " with ".join(map(short_symbol, names))
    if not np.isfinite(values).all():
        title = f"{both}: a value is missing"
    elif amount is None:
        title = f"{both}: not a term of the model"
    else:
        winner, other = (first, second) if amount > 0 else (second, first)
        title = f"{both}: {abs(amount):.1f} nats for {literal(winner)} over {literal(other)}"
    legend_above(ax, handles, title=title)
    return ax


def _choose(parts, nats, pair):
    """Return the names of the two properties, and what they say together, None if nothing."""
    rows = {
        tuple(str(part["name"]).split(" with ")): row
        for row, part in enumerate(parts)
        if part["kind"] == "pair"
    }
    if pair is None:
        if not rows:
            raise InputValueError(
                "pair must be given: the model has no pair for which the source has both values"
            )
        names = max(rows, key=lambda names: abs(nats[rows[names]]))
        return names, float(nats[rows[names]])
    names = tuple(check_names(pair, "pair"))
    if len(names) != 2:
        raise InputValueError(f"pair must be the names of two properties, got {pair!r}")
    row = rows.get(names, rows.get(names[::-1]))
    return names, None if row is None else float(nats[row])


def _value_of(parts, column):
    for part in parts:
        if part["kind"] == "property" and part["name"] == column:
            return float(part["value"])
    return np.nan


def _draw(ax, x, y, density, style):
    """Draw the contours of a class, and return a handle for the legend and their range."""
    from matplotlib.patches import Patch

    ordered = np.sort(density.ravel())[::-1]
    held = np.cumsum(ordered) / ordered.sum()
    levels = [ordered[np.searchsorted(held, share)] for share in SHARES]
    # The outermost points share the outermost values of the sample, where contours are closed.
    chosen = [np.flatnonzero(np.append(np.diff(values) > 0, True)) for values in (x, y)]
    x, y = (_wider(values[rows]) for values, rows in zip((x, y), chosen, strict=True))
    density = np.pad(density[np.ix_(*chosen)], 1)
    color = style["color"]
    for k, level in enumerate(levels):
        top = max(density.max(), level) * 1.001
        ax.contourf(x, y, density.T, [level, top], colors=[color], alpha=0.15 + 0.05 * k)
    ax.contour(x, y, density.T, np.unique(levels), colors=[color], linewidths=1.0)
    within = density >= levels[0]
    ranges = [
        values[np.flatnonzero(within.any(axis=1 - axis))[[0, -1]]]
        for axis, values in enumerate((x, y))
    ]
    return Patch(facecolor=color, alpha=0.5, edgecolor=color), ranges


def _wider(values):
    """Add a value just beyond each end."""
    step = 1e-3 * (values[-1] - values[0])
    return np.concatenate([[values[0] - step], values, [values[-1] + step]])
