# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of two properties of the sources, by class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from scipy.ndimage import gaussian_filter

from claxboi.classification.results import find_source, read_classes
from claxboi.utils import (
    InputTypeError,
    check_choice,
    check_columns,
    check_count,
    check_table,
    check_text,
    checked,
    float_values,
)
from claxboi.utils.style import (
    DARK,
    GREY,
    arrow_marker,
    hide_spines,
    marker_size,
    marker_style,
    new_axes,
    place_styles,
)

from ._axis_labels import axis_label, literal
from ._layout import fit_font_sizes, legend_above

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from matplotlib.axes import Axes

__all__ = ["plot_plane"]

#: Fractions of a class inside its contours.
ENCLOSED = (0.9, 0.5)
#: By default an axis is logarithmic if its values span more than this factor.
LOG_SPAN = 1000.0

_N_CELLS = 128
#: Fraction of the values at each end that does not set the range of the axis.
_TAIL = 0.002
_MARGIN = 0.06
#: Maximum number of points outside the contours, and of limits, per class.
_N_POINTS, _N_LIMITS = 300, 60


@checked
def plot_plane(
    table: Table,
    x: str,
    y: str,
    *,
    class_column: str | None = None,
    classes: Sequence[str] | None = None,
    source: int | str | None = None,
    log_x: bool | None = None,
    log_y: bool | None = None,
    upper_limits: Mapping[str, str] | None = None,
    lower_limits: Mapping[str, str] | None = None,
    contours_above: int = 100,
    ax: Axes | None = None,
) -> Axes:
    r"""
    Plot two properties of the sources: each class as contours and points, limits as arrows.

    The contours of a class contain 50 and 90 % of its sources. Sources outside are points, at most
    300 per class. Classes with few sources have points only. At most 60 limits per class are drawn.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    x, y : str
        Columns of the two properties.
    class_column : str, optional
        Column with the classes. Default: ``prediction``, else ``class``, else no classes.
    classes : sequence of str, optional
        The classes to draw. Default: all, and sources without a class in grey below them.
    source : int or str, optional
        Row number or identifier of a source to mark, with its errors if the table has columns
        ``<x>_error`` and ``<y>_error``.
    log_x, log_y : bool, optional
        Whether an axis is logarithmic, which leaves out values of 0 and below. Default: if all
        values are above 0 and span more than a factor of 1000.
    upper_limits, lower_limits : mapping of str to str, optional
        For ``x`` or ``y`` the boolean column of the rows whose value is a limit. By default,
        ``<x>_is_limit`` marks lower limits of a magnitude.
    contours_above : int, optional
        Smallest number of sources of a class with contours.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    IndexError, KeyError, TypeError, ValueError
        If a column, class or source does not exist, or a column of limits is for neither property.

    Notes
    -----
    A contour is at the level of the smoothed density above which that fraction of the sources lies.
    The density is a histogram smoothed by a Gaussian of Scott's width, n^(-1/6) standard deviations
    (Scott 1992, Multivariate Density Estimation, equation 6.42). Limits are left out of it.

    Examples
    --------
    >>> from claxboi.diagnostics import plot_plane
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> ax = plot_plane(table, "log_fx_fw1", "hr3", class_column="true_class", source=7)
    >>> ax.get_xlabel()
    '$\\log_{10}(F_\\mathrm{X}/F_{W1})$'
    """
    check_table(table, allow_empty=True)
    check_columns(table, [check_text(x, "x"), check_text(y, "y")])
    contours_above = check_count(contours_above, "contours_above", minimum=1)
    places, values = read_classes(table, class_column, classes)
    limits = _read_limits(table, (x, y), upper_limits, lower_limits)
    marked = None if source is None else find_source(table, source, "table")

    points = np.array([float_values(table, x), float_values(table, y)])
    is_log = [
        _is_log(column, table[column], one) if log is None else bool(log)
        for column, one, log in zip((x, y), points, (log_x, log_y), strict=True)
    ]
    for one, log in zip(points, is_log, strict=True):
        one[one <= 0] = np.nan if log else one[one <= 0]
    is_shown = np.isfinite(points).all(axis=0) & (np.isin(values, list(places)) | (classes is None))
    is_limit = (limits != 0).any(axis=0)

    ax = new_axes(ax, 6.0, 5.0)
    _set_axes(ax, table, (x, y), points[:, is_shown], is_log, marked and points[:, marked[0]])
    styles = {"": {"color": GREY, "marker": "o", "linestyle": "-"}} if classes is None else {}
    for name, style in (styles | place_styles(places)).items():
        own = is_shown & (values == name)
        if own.any():
            label = literal(name) if name else ("no class" if places else "sources")
            _draw_class(ax, points[:, own & ~is_limit], style, contours_above, is_log)
            _draw_limits(ax, points[:, own & is_limit], limits[:, own & is_limit], style)
            ax.plot([], [], label=f"{label} ({np.count_nonzero(own)})", **_handle(style))
    if marked is not None:
        _mark(ax, table, (x, y), points[:, marked[0]], *marked)
    _finish(ax, np.count_nonzero(is_shown), len(table))
    return ax


def _read_limits(table, columns, upper_limits, lower_limits):
    """
    Return -1 for an upper limit, 1 for a lower limit and 0 for a value, shape (2, n_rows).
    """
    if lower_limits is None:
        # "Fainter than" is a larger magnitude.
        flags = {column: f"{column}_is_limit" for column in columns}
        lower_limits = {c: flag for c, flag in flags.items() if flag in table.colnames}
    limits = np.zeros((2, len(table)), int)
    for argument, asked, sign in (
        ("upper_limits", {} if upper_limits is None else upper_limits, -1),
        ("lower_limits", lower_limits, 1),
    ):
        if not isinstance(asked, Mapping):
            raise InputTypeError(f"{argument} must be a mapping of column to column, got {asked!r}")
        for column, flag in asked.items():
            check_choice(column, columns, f"each column of {argument}")
            check_columns(table, [flag])
            flagged = np.nan_to_num(float_values(table, flag)) != 0
            limits[columns.index(column), flagged] = sign
    return limits


def _is_log(name, column, values):
    unit = getattr(column, "unit", None)
    # Angles do not span decades, and a logarithm does not need another.
    if name.startswith("log_") or (unit is not None and unit.is_equivalent(u.rad)):
        return False
    values = values[np.isfinite(values)]
    return len(values) > 0 and values.min() > 0 and values.max() > LOG_SPAN * values.min()


def _set_axes(ax, table, columns, points, is_log, marked):
    for k, (which, column) in enumerate(zip("xy", columns, strict=True)):
        unit = table[column].unit if hasattr(table[column], "unit") else None
        if is_log[k]:
            getattr(ax, f"set_{which}scale")("log")
        getattr(ax, f"set_{which}label")(axis_label(column, unit))
        values = np.log10(points[k]) if is_log[k] else points[k]
        if len(values) == 0:
            continue
        low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
        if marked is not None and np.isfinite(marked[k]):
            own = np.log10(marked[k]) if is_log[k] else marked[k]
            low, high = min(low, own), max(high, own)
        margin = _MARGIN * (high - low) or 0.5
        limits = np.array([low - margin, high + margin])
        getattr(ax, f"set_{which}lim")(*(10**limits if is_log[k] else limits))


def _draw_class(ax, points, style, contours_above, is_log):
    scaled = np.array(
        [np.log10(one) if log else one for one, log in zip(points, is_log, strict=True)]
    )
    outside = np.ones(points.shape[1], bool)
    if points.shape[1] > contours_above and np.all(scaled.std(axis=1) > 0):
        middles, density, levels = _contours(scaled)
        middles = [10**m if log else m for m, log in zip(middles, is_log, strict=True)]
        ax.contour(
            *middles,
            density.T,
            levels=levels,
            colors=[style["color"]],
            linestyles=[style["linestyle"]],
            linewidths=[1.0, 1.8],
            zorder=3,
        )
        ax.contourf(
            *middles,
            density.T,
            levels=[levels[0], np.inf],
            colors=[style["color"]],
            alpha=0.08,
            zorder=1.5,
        )
        outside = _density_at(scaled, middles, density, is_log) < levels[0]
    shown = _thin(points[:, outside], _N_POINTS)
    size = marker_size(ax, 4 * shown.shape[1])
    ax.plot(*shown, zorder=2.5, alpha=0.8, **marker_style(style, size))


def _thin(points, most):
    if points.shape[1] <= most:
        return points
    return points[:, np.linspace(0, points.shape[1] - 1, most).astype(int)]


def _contours(scaled):
    """
    Smooth the density of a class, and find the levels of its contours.
    """
    n = scaled.shape[1]
    width = scaled.std(axis=1) * n ** (-1 / 6)
    # If most values are equal, the standard deviation is that of the others.
    low, high = scaled.min(axis=1) - 4 * width, scaled.max(axis=1) + 4 * width
    edges = [np.linspace(a, b, _N_CELLS + 1) for a, b in zip(low, high, strict=True)]
    counts, *_ = np.histogram2d(*scaled, edges)
    cells = [edge[1] - edge[0] for edge in edges]
    density = gaussian_filter(counts, width / cells, mode="constant")
    middles = [(edge[:-1] + edge[1:]) / 2 for edge in edges]
    ordered = np.sort(density, axis=None)[::-1]
    held = np.cumsum(ordered) / ordered.sum()
    levels = [ordered[np.searchsorted(held, part)] for part in ENCLOSED]
    return middles, density, levels if levels[1] > levels[0] else [levels[0], 2 * levels[0]]


def _density_at(scaled, middles, density, is_log):
    places = []
    for values, middle, log in zip(scaled, middles, is_log, strict=True):
        grid = np.log10(middle) if log else middle
        step = grid[1] - grid[0]
        places.append(np.clip(np.round((values - grid[0]) / step), 0, _N_CELLS - 1).astype(int))
    return density[tuple(places)]


def _draw_limits(ax, points, limits, style):
    both = _thin(np.vstack([points, limits]), _N_LIMITS)
    points, limits = both[:2], both[2:].astype(int)
    for east, north in {tuple(pair) for pair in limits.T.tolist()}:
        own = (limits[0] == east) & (limits[1] == north)
        ax.plot(
            *points[:, own],
            marker=arrow_marker(
                -east if ax.xaxis_inverted() else east, -north if ax.yaxis_inverted() else north
            ),
            markersize=16,
            markeredgewidth=0.9,
            markeredgecolor=style["color"],
            markerfacecolor="none",
            linestyle="none",
            alpha=0.7,
            zorder=2.6,
        )


def _mark(ax, table, columns, place, row, title):
    title = literal(title)
    if not np.isfinite(place).all():
        ax.plot([], [], linestyle="none", label=f"{title}: not in this plane")
        return
    errors = []
    for column in columns:
        name = f"{column}_error"
        value = float_values(table, name)[row] if name in table.colnames else np.nan
        errors.append([[value], [value]] if np.isfinite(value) else None)
    ax.errorbar(
        *place[:, np.newaxis],
        xerr=errors[0],
        yerr=errors[1],
        fmt="o",
        markersize=11,
        markerfacecolor="none",
        markeredgecolor=DARK,
        markeredgewidth=1.6,
        ecolor=DARK,
        elinewidth=1.2,
        zorder=5,
        label=title,
    )


def _handle(style):
    return {
        "color": style["color"],
        "linestyle": style["linestyle"],
        "marker": style["marker"],
        "markersize": 7.5 if style["marker"] == "*" else 5,
        "linewidth": 1.4,
        "markeredgecolor": "none",
    }


def _finish(ax, n_shown, n_all):
    hide_spines(ax, "top", "right")
    fit_font_sizes(ax)
    handles, _ = ax.get_legend_handles_labels()
    legend_above(ax, handles, title=f"{n_shown} of {n_all} sources")
