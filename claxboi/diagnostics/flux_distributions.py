# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of the fluxes of one source by date and mission.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u

from claxboi.catalog import describe
from claxboi.classification.results import find_source
from claxboi.properties.spectra import GAMMA, GAMMA_RANGE, NH, format_band, parse_band
from claxboi.properties.variability import collect_fluxes
from claxboi.utils import InputValueError, check_table
from claxboi.utils.style import (
    DARK,
    PALE,
    arrow_marker,
    class_styles,
    hide_spines,
    marker_style,
    new_axes,
)

from ._axis_labels import literal, unit_text
from ._layout import TURNED, fit_font_sizes, is_narrow, legend_above, title_above

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table
    from matplotlib.axes import Axes

    from claxboi.counterparts import XrayLinks

__all__ = ["plot_fluxes"]

#: Fluxes of the same date are spread over this fraction of the span of dates.
_STEP = 0.05
#: Distance between catalogues whose fluxes have no date, as a fraction of the span.
_STRIP = 0.2
#: Minimum span of the axis of dates, in years.
_SHORTEST = 1.0


def plot_fluxes(
    table: Table,
    source: int | str,
    links: XrayLinks | Table,
    catalogues: Mapping[str, Table],
    *,
    name: str = "primary",
    limits: Mapping[str, Table] | None = None,
    band: str | tuple = "0.5-2",
    gamma: Any = GAMMA,
    nh: Any = NH,
    gamma_range: tuple = GAMMA_RANGE,
    ax: Axes | None = None,
) -> Axes:
    r"""
    Plot all fluxes and upper limits of one source against the date, in one band.

    These are the fluxes that `~claxboi.properties.add_variability` compares, converted to the same
    band.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, as for `~claxboi.properties.add_variability`.
    source : int or str
        Row number or identifier of the source.
    links : `~claxboi.counterparts.XrayLinks` or `~astropy.table.Table`
        What `~claxboi.counterparts.link_xray` returned, or its ``sources``.
    catalogues : mapping of str to `~astropy.table.Table`
        The other catalogues that were linked.
    name : str, optional
        Name of ``table`` among the linked catalogues.
    limits : mapping of str to `~astropy.table.Table`, optional
        Upper limits of missions that did not detect the source, by name of the mission.
    band : str or pair of `~astropy.units.Quantity` ['energy'], optional
        The common band. Default: 0.5 to 2 keV.
    gamma, nh : float and `~astropy.units.Quantity` ['column density'], optional
        The spectrum.
    gamma_range : (float, float), optional
        Range of photon indices of the sources.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        Thick bars are 1 sigma errors. Thin bars include the uncertainty of the conversion, with
        which fluxes in different bands are compared. Upper limits are arrows. Fluxes without a
        date, such as the smallest and largest flux of a mission, are at the right, above the name
        of their catalogue.

    Raises
    ------
    IndexError, KeyError, TypeError, ValueError
        As for `~claxboi.properties.add_variability`; or if the source does not exist or has no flux
        above 0.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import link_xray
    >>> from claxboi.diagnostics import plot_fluxes
    >>> place = {"ra": [10.0, 20.0], "dec": [0.0, 0.0], "pos_error": [1.0, 1.0]}
    >>> xmm = Table(place | {"flux": [1e-13, 1e-14], "flux_error": [1e-14, 1e-15],
    ...                      "flux_band": ["0.2-12", "0.2-12"], "epoch": [2004.5, 2004.5]})
    >>> chandra = Table(place | {"flux": [7e-15, 7e-15], "flux_error": [1e-15, 1e-15],
    ...                          "flux_band": ["0.5-7", "0.5-7"], "epoch": [2012.0, 2012.0]})
    >>> links = link_xray({"primary": xmm, "CSC2": chandra})
    >>> ax = plot_fluxes(xmm, 0, links, {"CSC2": chandra})
    >>> ax.get_title(loc="left")
    'row 0: $F_\\mathrm{max}/F_\\mathrm{min}$ = 10'
    """
    check_table(table)
    row, title = find_source(table, source, "table")
    settings = {"band": band, "gamma": gamma, "nh": nh, "gamma_range": gamma_range}
    groups, _ = collect_fluxes(table, links, catalogues, name=name, limits=limits, **settings)
    every = [one for group in groups for one in group]
    fluxes = [one for one in every if np.isfinite(one.value[row]) and not one.is_repeated[row]]
    if not fluxes:
        raise InputValueError(f"source must have a flux above 0, but {title} has none")
    epochs = np.array([one.epoch[row] for one in fluxes])
    places, strip = _places(epochs, [one.catalogue for one in fluxes])

    ax = new_axes(ax, 6.2, 4.2)
    ax.set_yscale("log")
    styles = class_styles(dict.fromkeys(one.catalogue for one in every))
    for place, one in zip(places, fluxes, strict=True):
        _draw(ax, place, one, row, styles[one.catalogue])
    _set_dates(ax, epochs, places, strip)
    _set_fluxes(ax, fluxes, row)
    unit = unit_text("flux", u.Unit(describe("flux")["unit"]))
    ax.set_ylabel(f"X-ray flux, {format_band(parse_band(band, 'band'))} keV [{unit}]")
    hide_spines(ax, "top", "right")
    fit_font_sizes(ax)
    shown = [key for key in styles if any(one.catalogue == key for one in fluxes)]
    title = literal(title) + _ratio(fluxes, row)
    title_above(ax, title, legend_above(ax, _handles(shown, styles, fluxes)))
    return ax


def _places(epochs, names):
    """
    Place fluxes at their dates, and those without a date behind them, by catalogue.
    """
    known = np.isfinite(epochs)
    places = epochs.copy()
    dates = epochs[known]
    last, span = (dates.max(), max(np.ptp(dates), _SHORTEST)) if len(dates) else (-0.3, 1.0)
    undated = dict.fromkeys(name for name, date in zip(names, known, strict=True) if not date)
    strip = {name: last + span * (0.3 + _STRIP * k) for k, name in enumerate(undated)}
    for k in np.flatnonzero(~known):
        places[k] = strip[names[k]]
    # Fluxes of the same date would hide each other.
    for date in np.unique(dates):
        (same,) = np.nonzero(epochs == date)
        places[same] += span * _STEP * (np.arange(len(same)) - (len(same) - 1) / 2)
    return places, strip


def _draw(ax, place, flux, row, style):
    value, look = flux.value[row], marker_style(style, 6.5)
    if flux.is_limit:
        ax.plot(place, value, "_", color=style["color"], markersize=9, markeredgewidth=1.6)
        arrow = {"markersize": 18, "markeredgewidth": 1.2, "markerfacecolor": "none"}
        arrow |= {"marker": arrow_marker(0, -1), "markeredgecolor": style["color"]}
        ax.plot(place, value, linestyle="none", **arrow)
        return
    for bounds, width in ((flux.converted, 0.8), (flux.bounds, 2.2)):
        low, high = bounds[:, row]
        if np.isfinite(low):
            # The lower end of a very uncertain flux is below the axis.
            ax.vlines(place, max(low, 1e-3 * value), high, color=style["color"], linewidth=width)
    ax.plot(place, value, **look, zorder=3)


def _set_dates(ax, epochs, places, strip):
    from matplotlib.ticker import MaxNLocator

    dates = epochs[np.isfinite(epochs)]
    ticks, labels = list(strip.values()), [literal(name) for name in strip]
    right = max([places.max(), *ticks])
    if not len(dates):
        ax.set_xlim(min(ticks) - 0.5 * _STRIP, right + 0.5 * _STRIP)
        ax.set_xticks(ticks, labels)
        ax.set_xlabel("Catalogue (dates not known)")
        return
    first, last, span = dates.min(), dates.max(), max(np.ptp(dates), _SHORTEST)
    margin = 0.12 * span
    right += margin
    ax.set_xlim(first - margin, right)
    years = MaxNLocator(4 if is_narrow(ax) else 6).tick_values(first - margin, last + margin)
    years = [year for year in years if first - margin <= year <= last + margin]
    years = [first] if first == last else years
    if ticks:
        start = min(ticks) - 0.12 * span
        ax.axvspan(start, right, color=PALE, zorder=0)
        inside = {"transform": ax.get_xaxis_transform(), "ha": "center", "va": "top"}
        size = 7.0 if is_narrow(ax) else 8.5
        ax.text((start + right) / 2, 0.98, "date not\nknown", size=size, color=DARK, **inside)
    turned = TURNED if ticks else {}
    ax.set_xticks([*years, *ticks], [*(f"{year:.6g}" for year in years), *labels], **turned)
    ax.set_xlabel("Date [yr]")


def _set_fluxes(ax, fluxes, row):
    from matplotlib.ticker import LogLocator, NullFormatter

    values = np.array([one.value[row] for one in fluxes])
    lows = np.array([one.converted[0, row] for one in fluxes])
    highs = np.array([one.converted[1, row] for one in fluxes])
    # Space for the arrows.
    below = np.where([one.is_limit for one in fluxes], values / 3, np.fmax(lows, values / 3))
    low, high = np.nanmin(np.fmin(below, values)), np.nanmax(np.fmax(highs, values))
    # At least a decade, so that small changes look small.
    half = max(1.3 * np.sqrt(high / low), np.sqrt(10.0))
    middle = np.sqrt(low * high)
    ax.set_ylim(middle / half, middle * half)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _ratio(fluxes, row):
    measured = [one.value[row] for one in fluxes if not one.is_limit]
    every = [one.value[row] for one in fluxes]
    if not measured or len(every) < 2:
        return ""
    lowest = min(every)
    is_limit = all(one.is_limit for one in fluxes if one.value[row] == lowest)
    sign = ">" if is_limit else "="
    return rf": $F_\mathrm{{max}}/F_\mathrm{{min}}$ {sign} {max(measured) / lowest:.2g}"


def _handles(names, styles, fluxes):
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], label=literal(name), **marker_style(styles[name], 6.5)) for name in names
    ]
    if any(one.is_limit for one in fluxes):
        arrow = {"marker": arrow_marker(0, -1), "markersize": 12, "markerfacecolor": "none"}
        handles.append(Line2D([], [], linestyle="none", color=DARK, label="upper limit", **arrow))
    return handles
