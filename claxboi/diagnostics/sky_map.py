# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Sky map of the sources, by class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from claxboi.classification.results import read_classes
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    check_choice,
    check_columns,
    check_count,
    check_number,
    check_table,
    checked,
    float_values,
    quantity_value,
)
from claxboi.utils.style import (
    DARK,
    GREY,
    SHADE,
    check_axes,
    marker_size,
    marker_style,
    place_styles,
)

from ._axis_labels import literal
from ._layout import axis_font_sizes, is_narrow, legend_above, space_inches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from astropy.units import Quantity
    from astropy.visualization.wcsaxes import WCSAxes
    from matplotlib.axes import Axes

__all__ = ["plot_sky"]

#: Prefixes of the axes in a FITS header, their names, and the name of both.
_FRAMES = {
    "galactic": (
        ("GLON", "GLAT"),
        ("Galactic longitude", "Galactic latitude"),
        "Galactic coordinates",
    ),
    "icrs": (
        ("RA--", "DEC-"),
        ("Right ascension (ICRS)", "Declination (ICRS)"),
        "ICRS coordinates",
    ),
}
#: The gnomonic projection distorts the edge of a wider field too much.
_WIDEST_DEG = 100.0
#: Half width of a field, in pixels of its coordinates.
_HALF_FIELD = 50
#: Sources in a bin of a density, and how many bins a map is wide.
_PER_BIN, _FEWEST_BINS, _MOST_BINS = 8, 12, 180
#: Fraction of the bins that may be below the lightest shade.
_TAIL = 0.02
#: Half axes of the all-sky ellipse, in degrees of the projection: 2 sqrt(2) and sqrt(2) radian.
_HALF_SKY_DEG = np.degrees([2 * np.sqrt(2), np.sqrt(2)])


@checked
def plot_sky(
    table: Table,
    *,
    frame: Literal["galactic", "icrs"] = "galactic",
    center: SkyCoord | None = None,
    width: Quantity | None = None,
    class_column: str | None = None,
    classes: Sequence[str] | None = None,
    density_above: int = 2000,
    ax: Axes | None = None,
) -> WCSAxes:
    """
    Plot the positions of the sources of each class.

    The whole sky is drawn in the equal-area Hammer-Aitoff projection, a field around a position in
    the gnomonic projection. Classes with few sources are drawn as points, those with many together
    as the number of their sources per square degree.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, with ``ra`` and ``dec``.
    frame : {"galactic", "icrs"}, optional
        Coordinates of the map.
    center : `~astropy.coordinates.SkyCoord`, optional
        Centre of a field. Default: the whole sky.
    width : `~astropy.units.Quantity` ['angle'], optional
        Width of the field, at most 100 deg. Default 1 deg.
    class_column : str, optional
        Column with the classes. Default: ``prediction``, else ``class``, else no classes.
    classes : sequence of str, optional
        The classes to draw. Default: all, and sources without a class as grey points.
    density_above : int, optional
        A class with more sources than this in the map is drawn as a density.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default. An Axes without sky coordinates is replaced by a
        `~astropy.visualization.wcsaxes.WCSAxes` at the same place of the figure.

    Returns
    -------
    ax : `~astropy.visualization.wcsaxes.WCSAxes`
        To draw on it, pass ``transform=ax.get_transform("icrs")``.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the table has no positions or no such column, or an argument breaks its rule.

    Examples
    --------
    >>> from claxboi.diagnostics import plot_sky
    >>> from claxboi.simulation import make_labelled_sample
    >>> ax = plot_sky(make_labelled_sample(500, rng=1), class_column="true_class")
    >>> ax.get_legend().get_texts()[0].get_text()
    'AGN (275)'
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["ra", "dec"])
    check_choice(frame, _FRAMES, "frame")
    density_above = check_count(density_above, "density_above", minimum=0)
    places, values = read_classes(table, class_column, classes)
    center, width_deg = _check_field(center, width)

    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    known = np.isfinite(ra) & np.isfinite(dec)
    coords = SkyCoord(ra[known], dec[known], unit="deg").transform_to(frame)
    values = values[known]
    if center is not None:
        # Beyond 90 degrees the projection would mirror the sky.
        near = coords.separation(center) < width_deg * u.deg
        coords, values = coords[near], values[near]
    wcs = _make_wcs(frame, center, width_deg)
    is_own = ax is None
    ax = _sky_axes(ax, wcs, is_all_sky=center is None)
    spherical = coords.represent_as("unitspherical")
    x, y = wcs.world_to_pixel_values(spherical.lon.deg, spherical.lat.deg)
    _set_limits(ax, wcs, width_deg)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    inside = (x >= left) & (x <= right) & (y >= low) & (y <= high)
    x, y, values = x[inside], y[inside], values[inside]

    styles = place_styles(places)
    handles = _draw_classes(ax, x, y, values, styles, density_above, with_nameless=classes is None)
    above = _finish(ax, frame, handles, is_all_sky=center is None, is_own=is_own)
    if is_own:
        # The map keeps its shape, so the layout does not shrink it for a high legend.
        width, height = ax.figure.get_size_inches()
        ax.figure.set_size_inches(width, height + above / 72)
    return ax


def _check_field(center, width):
    if center is None:
        if width is not None:
            raise InputValueError("width needs a center, got none")
        return None, None
    if not isinstance(center, SkyCoord) or not center.isscalar:
        raise InputTypeError(f"center must be a SkyCoord of one position, got {center!r}")
    width_deg = 1.0 if width is None else quantity_value(width, u.deg, "width")
    if not 0 < check_number(width_deg, "width") <= _WIDEST_DEG:
        raise InputValueError(f"width must be above 0 and at most {_WIDEST_DEG:g} deg, got {width}")
    return center, width_deg


def _make_wcs(frame, center, width_deg):
    """
    Make the WCS of a map, with East to the left.
    """
    prefixes, *_ = _FRAMES[frame]
    wcs = WCS(naxis=2)
    if center is None:
        projection, lon, lat = "AIT", 0.0, 0.0
        step = 1.0
    else:
        own = center.transform_to(frame).represent_as("unitspherical")
        projection, lon, lat = "TAN", own.lon.deg, own.lat.deg
        # The width is measured along the equator of the field.
        step = np.degrees(np.tan(np.radians(width_deg / 2))) / _HALF_FIELD
    wcs.wcs.ctype = [f"{prefix}-{projection}" for prefix in prefixes]
    if frame == "icrs":
        wcs.wcs.radesys = "ICRS"
    wcs.wcs.crval = [lon, lat]
    wcs.wcs.crpix = [1, 1]  # the first pixel of a FITS image: 0 in those of Python
    wcs.wcs.cdelt = [-step, step]
    return wcs


def _sky_axes(ax, wcs, *, is_all_sky):
    import matplotlib.pyplot as plt
    from astropy.visualization.wcsaxes import WCSAxes
    from astropy.visualization.wcsaxes.frame import EllipticalFrame, RectangularFrame

    settings = {
        "projection": wcs,
        "frame_class": EllipticalFrame if is_all_sky else RectangularFrame,
    }
    if ax is None:
        figure = plt.figure(figsize=(7.4, 3.9) if is_all_sky else (5.8, 5.0), layout="constrained")
        return figure.add_subplot(**settings)
    if isinstance(check_axes(ax), WCSAxes):
        ax.reset_wcs(wcs)
        return ax
    figure, spec = ax.figure, ax.get_subplotspec()
    place = ax.get_position() if spec is None else spec
    ax.remove()
    if spec is None:
        return figure.add_axes(place, **settings)
    return figure.add_subplot(place, **settings)


def _set_limits(ax, wcs, width_deg):
    step = wcs.wcs.cdelt[1]
    half_x, half_y = _HALF_SKY_DEG / step if width_deg is None else [_HALF_FIELD] * 2
    ax.set_xlim(-half_x, half_x)
    ax.set_ylim(-half_y, half_y)
    ax.set_aspect("equal")


def _draw_classes(ax, x, y, values, styles, density_above, *, with_nameless):
    """
    Draw the classes, and make their legend.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shown = {"": {"color": GREY, "marker": "o"}} if with_nameless else {}
    shown |= styles
    rows = {name: np.flatnonzero(values == name) for name in shown}
    rows = {name: own for name, own in rows.items() if len(own)}
    dense = [name for name, own in rows.items() if len(own) > density_above]
    if dense:
        together = np.concatenate([rows[name] for name in dense])
        _draw_density(ax, x[together], y[together])
    handles = []
    for name, own in rows.items():
        label = literal(name) if name else ("no class" if styles else "sources")
        label = f"{label} ({len(own)})"
        if name in dense:
            handles.append(Patch(facecolor=SHADE, edgecolor="none", label=label))
            continue
        # Rare classes on top, where they are visible.
        order = 3 - len(own) / (len(values) + 1)
        look = marker_style(shown[name], marker_size(ax, len(own)))
        ax.plot(x[own], y[own], label=label, zorder=order, **look)
        # Markers of thousands of sources are too small for shapes.
        handles.append(Line2D([], [], label=label, **marker_style(shown[name], 5.0)))
    return handles


def _draw_density(ax, x, y):
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap, LogNorm
    from matplotlib.ticker import LogLocator, NullFormatter

    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    # Square bins of a few sources each.
    area = (right - left) * (high - low)
    size = np.sqrt(area * _PER_BIN / len(x))
    size = np.clip(size, (right - left) / _MOST_BINS, (right - left) / _FEWEST_BINS)
    edges = [
        np.linspace(start, end, round((end - start) / size) + 1)
        for start, end in ((left, right), (low, high))
    ]
    counts, *_ = np.histogram2d(x, y, edges)
    step = ax.wcs.wcs.cdelt[1]
    area = np.full(counts.shape, step**2 * np.diff(edges[0])[0] * np.diff(edges[1])[0])
    if ax.wcs.wcs.ctype[0].endswith("TAN"):
        # Bins of the tangential plane cover less of the sky away from the centre.
        middles = [np.radians(step) * (edge[:-1] + edge[1:]) / 2 for edge in edges]
        area /= (1 + middles[0][:, None] ** 2 + middles[1][None, :] ** 2) ** 1.5
    density = np.ma.masked_where(counts == 0, counts / area)
    # Bins at the edge of the sky are cut by it and do not set the scale.
    lowest, highest = np.quantile(density.compressed(), [_TAIL, 1.0])
    norm = LogNorm(lowest, max(highest, 3 * lowest))
    # Greys that are visible on white, and on which colours are visible.
    shades = LinearSegmentedColormap.from_list("shades", colormaps["Greys"]([0.15, 0.6]))
    mesh = ax.pcolormesh(*edges, density.T, cmap=shades, norm=norm, rasterized=True, zorder=1)
    bar = ax.figure.colorbar(mesh, ax=ax, shrink=0.8, pad=0.03, aspect=25, extend="min")
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    bar.ax.yaxis.set_major_formatter("{x:g}")
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    bar.ax.tick_params(labelsize=_font_size(ax))
    bar.set_label("Sources per square degree", size=_font_size(ax) + 0.5)


def _font_size(ax):
    return 7.0 if is_narrow(ax) else 8.5


def _finish(ax, frame, handles, *, is_all_sky, is_own):
    _, names, _ = _FRAMES[frame]
    lon, lat = ax.coords[0], ax.coords[1]
    ax.coords.grid(color=GREY, linewidth=0.5, alpha=0.5)
    for coord, name in zip((lon, lat), names, strict=True):
        coord.set_ticklabel(size=_font_size(ax), color=DARK, exclude_overlapping=True)
        if is_all_sky:
            coord.set_axislabel("")
        else:
            coord.set_axislabel(name, minpad=0.6, size=axis_font_sizes(ax)[0])
    if is_all_sky:
        _label_all_sky(ax, frame)
    ax.coords.frame.set_color(DARK)
    ax.coords.frame.set_linewidth(0.8)
    # The space above the map is for the legend.
    ax.set_anchor("S")
    # Labels of latitudes stand above the upper edge of the ellipse.
    if not is_all_sky:
        return legend_above(ax, handles)
    width, height = space_inches(ax)
    room = 72 * (height - width / 2)
    return legend_above(ax, handles, lift=_font_size(ax), most_points=None if is_own else room)


def _label_all_sky(ax, frame):
    lon, lat = ax.coords[0], ax.coords[1]
    lat.set_ticks(spacing=30 * u.deg)
    lat.set_major_formatter("d")
    lon.set_ticks(spacing=60 * u.deg)
    # Those of astropy would be on the equator, below the sources.
    lon.set_ticklabel_visible(False)
    for lon_deg in (120, 60, 0, 300, 240):
        ax.text(
            lon_deg,
            0,
            f"{lon_deg}°" if frame == "galactic" else f"{lon_deg // 15}ʰ",
            transform=ax.get_transform("world"),
            ha="center",
            va="center",
            size=_font_size(ax),
            color=DARK,
            # Legible between the sources.
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.9, "linewidth": 0},
            zorder=4,
        )
    ax.text(
        0.5,
        -0.02 if is_narrow(ax) else -0.01,
        _FRAMES[frame][2],
        transform=ax.transAxes,
        ha="center",
        va="top",
        size=_font_size(ax) + 0.5,
        color=DARK,
    )
