# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of the number of sources of each class, by flux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.classification.results import read_classified
from claxboi.utils import (
    check_choice,
    check_columns,
    check_count,
    checked,
    float_values,
    text_values,
)
from claxboi.utils.style import DARK, hide_spines, new_axes, place_styles

from ._axis_labels import axis_label, literal
from ._layout import fit_font_sizes, legend_above

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from matplotlib.axes import Axes

__all__ = ["plot_class_counts"]

#: Points of the classes stand side by side over this part of a bin.
_SPREAD = 0.5
#: Half the span of the narrowest axis of fluxes, as a factor.
_HALF_DECADE = 3.5


@checked
def plot_class_counts(
    result: Table,
    column: str = "flux",
    *,
    classes: Sequence[str] | None = None,
    n_bins: int = 12,
    cumulative: bool = False,
    ax: Axes | None = None,
) -> Axes:
    r"""
    Plot the number of sources of each class in bins of flux.

    Points are the expected numbers, the sums of the probabilities of the class; stairs are the
    numbers of sources predicted as the class. A contaminated rare class has fewer expected than
    predicted sources; a class whose members are mistaken for others has more.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Table as `claxboi.classify` returns it.
    column : str, optional
        The column of the bins, of values above 0; those at 0 and below are left out.
    classes : sequence of str, optional
        The classes to draw; all by default.
    n_bins : int, optional
        Number of bins, of equal width in the logarithm.
    cumulative : bool, optional
        Count all sources above the lower edge of each bin, as in a log N - log S diagram.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    KeyError, TypeError, ValueError
        If the table was not classified, or lacks the column, or there is no such class.

    Notes
    -----
    The expected number is :math:`\sum_i P_i`. It has no error bar: its scatter for perfect
    probabilities, :math:`\sqrt{\sum_i P_i (1 - P_i)}`, is much smaller than the error of
    probabilities whose priors differ from the proportions in the sample.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.diagnostics import plot_class_counts
    >>> from claxboi.simulation import make_labelled_sample
    >>> result = classify(make_labelled_sample(2000, rng=1), "training")
    >>> ax = plot_class_counts(result, classes=["AGN", "star"])
    >>> ax.get_ylabel()
    'Sources per bin'
    """
    from matplotlib.ticker import NullFormatter

    names, _ = read_classified(result)
    check_columns(result, [column], "result")
    n_bins = check_count(n_bins, "n_bins")
    chosen = list(names) if classes is None else list(classes)
    for name in chosen:
        check_choice(name, names, "each of classes")
    flux = float_values(result, column, name="result")
    prediction, _ = text_values(result, "prediction", name="result")
    known = flux > 0
    ax = new_axes(ax, 6.4, 4.6)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_autoscale_on(False)  # which would complain where all counts are 0
    edges = _edges(flux[known], n_bins)
    styles = place_styles({name: names.index(name) for name in chosen})
    shifts = (np.arange(len(chosen)) - (len(chosen) - 1) / 2) / max(len(chosen), 2) * _SPREAD
    highest = 1.0
    for (name, style), shift in zip(styles.items(), shifts, strict=True):
        p = float_values(result, f"P_{name}", name="result")
        use = known & np.isfinite(p)
        raw, expected = _count(flux[use], p[use], prediction[use] == name, edges, cumulative)
        highest = max(highest, raw.max(initial=0), expected.max(initial=0))
        ax.stairs(raw, edges, color=style["color"], linewidth=1.0, alpha=0.55, zorder=2)
        middle = np.sqrt(edges[:-1] * edges[1:]) * (edges[1:] / edges[:-1]) ** shift
        ax.plot(
            middle,
            expected,
            color=style["color"],
            marker=style["marker"],
            markersize=7 if style["marker"] == "*" else 5,
            markeredgecolor="none",
            linestyle="none",
            zorder=3,
            label=f"{literal(name)} ({expected[0] if cumulative else expected.sum():.0f})",
        )
    # Less than a third of a source is not drawn.
    ax.set_ylim(0.3, 2 * highest)
    # At least a decade, which has a labelled tick.
    middle, half = np.sqrt(edges[0] * edges[-1]), max(np.sqrt(edges[-1] / edges[0]), _HALF_DECADE)
    ax.set_xlim(middle / half, middle * half)
    ax.yaxis.set_major_formatter("{x:g}")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(axis_label(column, getattr(result[column], "unit", None)))
    ax.set_ylabel("Sources above" if cumulative else "Sources per bin")
    hide_spines(ax, "top", "right")
    ax.plot([], [], color=DARK, linewidth=1.0, alpha=0.55, label="as predicted")
    title = f"{np.count_nonzero(known)} of {len(result)} sources; points: expected numbers"
    fit_font_sizes(ax)
    legend_above(ax, title=title)
    return ax


def _edges(flux, n_bins):
    if len(flux) == 0:
        return np.geomspace(0.1, 10, n_bins + 1)
    low, high = np.log10([flux.min(), flux.max()])
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.logspace(low, high, n_bins + 1)
    # Rounding must not exclude the faintest and the brightest source.
    edges[0], edges[-1] = min(edges[0], flux.min()), max(edges[-1], flux.max())
    return edges


def _count(flux, p, is_predicted, edges, cumulative):
    raw, _ = np.histogram(flux[is_predicted], edges)
    expected, _ = np.histogram(flux, edges, weights=p)
    if cumulative:
        raw, expected = (np.cumsum(one[::-1])[::-1] for one in (raw, expected))
    return raw, expected
