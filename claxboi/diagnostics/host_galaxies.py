# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of the X-ray sources around a galaxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi.config import HOST_RADIUS
from claxboi.counterparts import best_hosts, find_hosts
from claxboi.counterparts.catalogue_positions import read_positions
from claxboi.counterparts.hosts import read_ellipses, read_galaxy_ids
from claxboi.utils import InputValueError, check_number, check_table, text_values
from claxboi.utils.style import COLORS, DARK, GREY, new_axes

from ._axis_labels import literal
from ._layout import fit_font_sizes, legend_above, title_above

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes

__all__ = ["plot_hosts"]

# Half width of the figure, in units of the largest ellipse.
_MARGIN = 1.25
# Minimum width of a field in its unit.
_UNITS = ((3, u.deg), (3, u.arcmin), (0, u.arcsec))


def plot_hosts(
    xray: Table,
    galaxies: Table,
    galaxy_id: str | int,
    *,
    factor: float = HOST_RADIUS,
    missing_angle: Literal["mean", "major", "skip"] = "mean",
    ax: Axes | None = None,
) -> Axes:
    """
    Plot the X-ray sources around a galaxy over its isophotal ellipse.

    North is up and East is left; directions and distances from the centre of the galaxy are
    true, however large it is. The full line is the ellipse itself, the dashed line is
    ``factor`` times as large. Other galaxies in the field are drawn thin.

    Parameters
    ----------
    xray : `~astropy.table.Table`
        The X-ray sources, as for `~claxboi.counterparts.find_hosts`.
    galaxies : `~astropy.table.Table`
        The galaxies, as for `~claxboi.counterparts.find_hosts`.
    galaxy_id : str or int
        The galaxy at the centre.
    factor : float, optional
        Largest radius of a member, in units of the isophotal ellipse.
    missing_angle : {"mean", "major", "skip"}, optional
        How an ellipse without position angle is treated.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    KeyError, TypeError, ValueError
        As for `~claxboi.counterparts.find_hosts`.
    ValueError
        If no galaxy has that identifier and a size.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.diagnostics import plot_hosts
    >>> galaxies = Table({"galaxy_id": ["M31"], "ra": [10.685], "dec": [41.269],
    ...                   "r25_major": [95.0] * u.arcmin, "r25_ratio": [0.32], "r25_angle": [35.0]})
    >>> xray = Table({"ra": [10.67, 11.0], "dec": [40.87, 41.6]})
    >>> ax = plot_hosts(xray, galaxies, "M31")
    >>> ax.get_xlabel()
    'Offset to the East [deg]'
    """
    check_table(xray, "xray")
    check_table(galaxies, "galaxies")
    factor = check_number(factor, "factor", minimum=0, exclusive=True)
    ellipses = read_ellipses(galaxies, missing_angle)
    ids = read_galaxy_ids(galaxies)[0][ellipses.rows]
    (which,) = np.nonzero(ids == str(galaxy_id))
    if not len(which):
        raise InputValueError(
            f"galaxy_id must be that of a galaxy with a size, got {galaxy_id!r}; there are "
            f"{len(ids)}, such as {', '.join(ids[:5])}"
        )
    which = which[0]
    centre = SkyCoord(ellipses.ra_deg[which], ellipses.dec_deg[which], unit="deg")
    reach = _MARGIN * max(factor, 1) * ellipses.major_arcsec[which]
    unit = next(unit for least, unit in _UNITS if (2 * reach * u.arcsec).to_value(unit) >= least)
    reach = (reach * u.arcsec).to_value(unit)

    x, y = _offsets(centre, SkyCoord(*read_positions(xray, "xray"), unit="deg"), unit)
    near = np.flatnonzero(np.hypot(x, y) < np.sqrt(2) * reach)
    hosts = find_hosts(xray[near], galaxies, factor=factor, missing_angle=missing_angle)
    host, nowhere = text_values(best_hosts(xray[near], hosts, overwrite=True), "galaxy_id")
    own = host == str(galaxy_id)

    ax = new_axes(ax, 6.0, 5.6)
    for k in _others(ellipses, which, centre, reach * unit):
        x_edge, y_edge = _offsets(centre, _edge(ellipses, k, 1.0), unit)
        _draw_other(ax, x_edge, y_edge, ids[k])
    for size, linestyle in ((1.0, "-"), (factor, "--")):
        edge = _offsets(centre, _edge(ellipses, which, size), unit)
        ax.plot(*edge, color=DARK, linewidth=1.3, linestyle=linestyle)
    for chosen, label, style in (
        (nowhere, "no host", {"facecolor": "none", "edgecolor": GREY, "linewidth": 0.8}),
        (~own & ~nowhere, "another host", {"color": COLORS[2], "marker": "^"}),
        (own, f"host {galaxy_id}", {"color": COLORS[0]}),
    ):
        if chosen.any():
            ax.scatter(
                x[near][chosen], y[near][chosen], s=12, label=literal(label), zorder=3, **style
            )
    ax.set_xlim(reach, -reach)
    ax.set_ylim(-reach, reach)
    ax.set_aspect("equal")
    ax.set_xlabel(f"Offset to the East [{unit}]")
    ax.set_ylabel(f"Offset to the North [{unit}]")
    fit_font_sizes(ax)
    title_above(ax, literal(galaxy_id), legend_above(ax))
    return ax


def _others(ellipses, which, centre, reach):
    """
    Find other ellipses in the field.
    """
    distance = centre.separation(SkyCoord(ellipses.ra_deg, ellipses.dec_deg, unit="deg"))
    seen = distance < np.sqrt(2) * reach + ellipses.major_arcsec * u.arcsec
    seen[which] = False
    return np.flatnonzero(seen)


def _draw_other(ax, x, y, name):
    from matplotlib.patheffects import withStroke

    ax.plot(x, y, color=GREY, linewidth=1.0)
    top = np.argmax(y)
    ax.annotate(
        name,
        (x[top], y[top]),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        size=9,
        color=DARK,
        clip_on=True,
        # Legible between the sources.
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
        zorder=4,
    )


def _offsets(centre, coords, unit):
    """
    Offsets East and North along great circles from the centre.
    """
    angle = centre.position_angle(coords)
    separation = centre.separation(coords).to_value(unit)
    return separation * np.sin(angle.rad), separation * np.cos(angle.rad)


def _edge(ellipses, k, factor):
    phase = np.linspace(0, 2 * np.pi, 181)
    along = factor * ellipses.major_arcsec[k] * np.cos(phase)
    across = factor * ellipses.minor_arcsec[k] * np.sin(phase)
    return SkyCoord(ellipses.ra_deg[k], ellipses.dec_deg[k], unit="deg").directional_offset_by(
        np.arctan2(across, along) * u.rad + ellipses.angle_deg[k] * u.deg,
        np.hypot(along, across) * u.arcsec,
    )
