# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of the densities that the classifier learned, over the training values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.utils import InputKeyError, check_number, checked
from claxboi.utils.style import DARK, class_styles, hide_spines, new_axes, split_below

from ._axis_labels import axis_label, literal, short_symbol, unit_text
from ._checks import check_fitted
from ._layout import fit_font_sizes, is_narrow, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from claxboi.classification import NaiveBayesClassifier, Property

__all__ = ["plot_densities"]

# Values on a property's scale -> values of its column.
INVERSE_SCALES = {
    "linear": lambda scaled: scaled,
    "log10": lambda scaled: 10.0**scaled,
    "sigmoid": lambda scaled: scaled / (1 - np.abs(scaled)),
}

N_GRID = 1000
N_BINS = 40

# The density of a class with fewer different values is a spike, which does not set the scale.
FEW_VALUES = 10

# Maximum number of ticks per class; others are thinned by rank.
N_RUG = 200


@checked
def plot_densities(
    model: NaiveBayesClassifier,
    column: str | Property,
    ax: Axes | None = None,
    value: float | None = None,
    *,
    source_name: str = "this source",
) -> Axes:
    """
    Plot the density of one property for each class, over the histogram of training values.

    Parameters
    ----------
    model : `~claxboi.classification.NaiveBayesClassifier`
        The fitted classifier.
    column : str or `~claxboi.classification.Property`
        The property, or the name of its column.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; the panel of ticks below is cut off from it. A new figure by default.
    value : float, optional
        Value to mark, in the unit of the column; the legend says if it is missing.
    source_name : str, optional
        Name of the source in the legend.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        The upper panel: densities as lines, training values as pale histograms, and a point
        mass as a stem with its own scale at the right. Densities are drawn within the bounds of the
        column, for example -1 to 1 for hardness ratios. The peak of a class with fewer than ten
        different values may exceed the axis; its height is then written at the top. The lower panel
        has a tick for each training value (at most 200 per class, spread by rank).

    Raises
    ------
    KeyError, TypeError
        If it is not a fitted classifier, or does not have the property.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.diagnostics import plot_densities
    >>> from claxboi.simulation import make_labelled_sample
    >>> result, model = classify(make_labelled_sample(2000, rng=1), "training", return_model=True)
    >>> ax = plot_densities(model, "log_fx_fr", value=result["log_fx_fr"][0])
    >>> ax.get_ylabel()
    'Density'
    """
    check_fitted(model)
    record = _find(model, column)
    column = record.column
    classes = list(model.classes_)
    styles = class_styles(classes)
    values, codes = model.training_values(column)
    inside = np.isfinite(values)  # zero on a log scale is present, but at no place
    values, codes = values[inside], codes[inside]
    atoms, masses = model.atoms(column)
    is_unknown = value is not None and (np.ma.is_masked(value) or value != value)
    if is_unknown:
        value = None
    elif value is not None:
        value = float(record.apply_scale(np.array([check_number(value, "value")]))[0])
    low, high = axis_limits(values, value, record)

    ax = new_axes(ax, 6.8, 4.6)
    rug_ax = split_below(ax, 0.05 + 0.025 * len(classes))
    tick = 3.5 if is_narrow(ax) else 5.0
    grid = np.unique(np.append(np.linspace(low, high, N_GRID), _thin(values, N_GRID)))
    grid = grid[(grid >= low) & (grid <= high)]
    density = model.density(column, INVERSE_SCALES[record.scale](grid))
    edges = np.linspace(low, high, N_BINS + 1)
    for k, (name, style) in enumerate(styles.items()):
        own = values[codes == k]
        ax.plot(
            grid,
            density[:, k],
            label=f"{literal(name)} ({len(own)})",
            color=style["color"],
            linestyle=style["linestyle"],
            linewidth=1.6,
            zorder=3,
        )
        counts, _ = np.histogram(own[~np.isin(own, atoms)], edges)
        heights = counts / (max(len(own), 1) * np.diff(edges))
        ax.stairs(heights, edges, fill=True, color=style["color"], alpha=0.13, zorder=1)
        ticks = _thin(own, N_RUG)
        row = np.full(len(ticks), k)
        rug_ax.plot(ticks, row, "|", color=style["color"], markersize=tick, alpha=0.5)
    hide_spines(ax, "top", "right")
    if len(atoms):
        _draw_atoms(ax, atoms, masses, styles, (high - low) / 150)
    if value is not None:
        for panel in (ax, rug_ax):
            panel.axvline(
                value, color=DARK, linewidth=1, linestyle="--", label=literal(source_name)
            )
    elif is_unknown:
        ax.plot([], [], linestyle="none", label=f"{literal(source_name)}: no value")
    ax.set_xlim(low, high)
    # By the densities: the histogram of a few sources may be much higher.
    peaks = density.max(axis=0)
    top = 1.08 * highest_peak(peaks, count_values(values, codes, len(classes)))
    ax.set_ylim(0, top)
    for k, style in enumerate(styles.values()):
        if peaks[k] > top:
            place = min(max(grid[np.argmax(density[:, k])], low), high)
            text = f"to {peaks[k]:.2g}"
            ax.annotate(
                *(text, (place, top)),
                xytext=(3, -9),
                textcoords="offset points",
                size=7.5,
                color=style["color"],
            )
    ax.set_ylabel("Density")
    rug_ax.set_ylim(len(classes) - 0.3, -0.7)
    rug_ax.set_yticks([])
    rug_ax.set_xlabel(scaled_axis_label(record))
    fit_font_sizes(ax, rug_ax)
    legend_above(ax, left_inches=1.2 if len(atoms) else 0.62)
    return ax


def _find(model, column):
    name = getattr(column, "column", column)
    for record in model.properties:
        if record.column == name:
            return record
    known = ", ".join(record.column for record in model.properties)
    raise InputKeyError(f"column must be one of the model's properties ({known}), got {name!r}")


def count_values(values, codes, n_classes):
    """
    Count the different training values of each class.

    Parameters
    ----------
    values, codes : `~numpy.ndarray`
        Values on the scale of the property, and the class of each.
    n_classes : int
        Number of classes.

    Returns
    -------
    counts : list of int
    """
    return [len(np.unique(values[codes == k])) for k in range(n_classes)]


def highest_peak(peaks, counts):
    """
    Return the density at which the axis ends.

    Parameters
    ----------
    peaks : `~numpy.ndarray`
        Maximum of the density of each class.
    counts : sequence of int
        Number of different values of each class.

    Returns
    -------
    peak : float
        The highest one of the classes with at least ten values, or of all where none has as many.
    """
    has_many = np.asarray(counts) >= FEW_VALUES
    return float(np.max(peaks[has_many] if has_many.any() else peaks))


def axis_limits(values, value, record):
    """
    Choose the range of a property in which densities are drawn.

    Parameters
    ----------
    values : `~numpy.ndarray`
        Training values on the scale of the property.
    value : float or None
        Value to mark, on the same scale.
    record : `~claxboi.classification.Property`
        The property.

    Returns
    -------
    low, high : float
        Around 99 % of the values, within the bounds of the column.
    """
    # A single extreme value would squeeze all others into a line.
    low, high = np.quantile(values, [0.005, 0.995]) if len(values) else (0.0, 1.0)
    margin = 0.12 * (high - low) or 0.5
    low, high = low - margin, high + margin
    if value is not None and np.isfinite(value):
        low, high = min(low, value - margin / 2), max(high, value + margin / 2)
    # Beyond its bounds a density is not used, whatever its formula gives there.
    bounds = np.array([np.nan if bound is None else bound for bound in record.bounds], float)
    least, most = record.apply_scale(bounds)
    low = max(low, least) if np.isfinite(least) else low
    high = min(high, most) if np.isfinite(most) else high
    if record.scale == "sigmoid":
        edge = np.nextafter(1.0, 0.0)
        low, high = max(low, -edge), min(high, edge)
    return low, high


def _thin(values, most):
    if len(values) <= most:
        return values
    return np.sort(values)[np.linspace(0, len(values) - 1, most).astype(int)]


def _draw_atoms(ax, atoms, masses, styles, step):
    mass_ax = ax.twinx()
    for k, style in enumerate(styles.values()):
        # Side by side, so that no class hides another.
        places = atoms + (k - (len(styles) - 1) / 2) * step
        mass_ax.vlines(places, 0, masses[:, k], color=style["color"], linewidth=1.2)
        mass_ax.plot(
            places,
            masses[:, k],
            color=style["color"],
            marker=style["marker"],
            linestyle="none",
            markersize=5,
        )
    mass_ax.set_ylim(0, 1.05 * max(masses.max(), 0.01))
    mass_ax.set_ylabel("Probability of exactly this value")
    hide_spines(mass_ax, "top")
    if is_narrow(ax):
        mass_ax.yaxis.label.set_size(7.5)
        mass_ax.tick_params(labelsize=7.5)


def scaled_axis_label(record):
    """
    Return the axis label of the values of a property on its scale.

    Parameters
    ----------
    record : `~claxboi.classification.Property`
        The property.

    Returns
    -------
    label : str
    """
    if record.scale == "log10":
        unit = unit_text(record.column)
        return rf"$\log_{{10}}$({short_symbol(record.column)}{f' / {unit}' if unit else ''})"
    label = axis_label(record.column)
    return f"$x / (1 + |x|)$ with $x$ = {label}" if record.scale == "sigmoid" else label
