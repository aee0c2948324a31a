# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Host galaxies: X-ray sources inside the isophotal ellipse of a galaxy.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.catalog import make_column, masked_column
from claxboi.config import HOST_RADIUS
from claxboi.utils import (
    InputValueError,
    add_columns,
    check_choice,
    check_columns,
    check_number,
    check_table,
    checked,
    float_values,
    is_missing,
    optional_values,
    pairs_within,
    record,
    sky_offsets,
    text_values,
    warn,
)

from .catalogue_positions import read_positions

if TYPE_CHECKING:
    from regions import Regions

__all__ = ["best_hosts", "find_hosts", "host_regions"]

log = logging.getLogger(__name__)

# Axes that went through single precision may be equal to within their rounding.
_ROUNDING = 1e-6
_PAIRS_AT_ONCE = 4_000_000
_DISTANCES = ("galaxy_distance", "galaxy_distance_error")


def find_hosts(
    xray: Table,
    galaxies: Table,
    *,
    factor: float = HOST_RADIUS,
    missing_angle: Literal["mean", "major", "skip"] = "mean",
) -> Table:
    r"""
    Find the galaxies in whose isophotal ellipse each X-ray source lies.

    Exact for galaxies of any size, at the poles and across RA 0. It says where a source lies on the
    sky; whether it belongs to the galaxy is for the classification to say.

    Parameters
    ----------
    xray : `~astropy.table.Table`
        The X-ray sources, with columns ``ra``, ``dec`` (deg).
    galaxies : `~astropy.table.Table`
        The galaxies, with columns ``galaxy_id`` (unique where given), ``ra``, ``dec`` (deg) and
        ``r25_major`` (the semi-major axis, half of D25; arcsec if it has no unit). Optional:
        ``r25_minor`` or ``r25_ratio`` (minor over major; used where ``r25_minor`` is missing),
        ``r25_angle`` (position angle of the major axis in deg, East of North) and
        ``galaxy_distance`` with ``galaxy_distance_error`` (Mpc).
    factor : float, optional
        How far out a source may lie, in units of the ellipse. Default: the published
        1.5 (Tranin et al. 2022); 1 is D25 itself, and 1.26 about the Holmberg radius.
    missing_angle : {"mean", "major", "skip"}, optional
        Treatment of an ellipse without a position angle: a circle of the same area (radius
        the geometric mean of the axes; default), a circle of the major axis, or nothing.

    Returns
    -------
    hosts : `~astropy.table.Table`
        One row for each source and galaxy, sorted by source, then by ``galaxy_radius``:
        ``primary`` and ``secondary`` (rows of the source and of the galaxy), ``separation``
        (arcsec), ``galaxy_radius`` (that over the radius of the ellipse in that direction),
        ``galaxy_id``, and ``galaxy_distance`` and ``galaxy_distance_error`` (Mpc) if the galaxies
        have them. With no row, and a warning, if no source lies in a galaxy.

    Raises
    ------
    KeyError
        If a needed column is absent.
    ValueError
        If a position is missing or impossible, an axis is not above 0, a minor axis is
        larger than the major one, or a galaxy_id stands twice.

    See Also
    --------
    best_hosts : Keep the best host of each source.
    host_regions : The ellipses as regions, for display.

    Notes
    -----
    With separation :math:`d` and position angle :math:`\theta` of the source as seen from the
    centre of the galaxy, both along the great circle,

    .. math::

        r^2 = d^2 \left[\frac{\cos^2(\theta - PA)}{a^2} + \frac{\sin^2(\theta - PA)}{b^2}\right] .

    A galaxy without a size has no ellipse and hosts nothing; one without a minor axis is a circle.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import find_hosts
    >>> galaxies = Table({"galaxy_id": ["edge-on"], "ra": [10.0], "dec": [0.0],
    ...                   "r25_major": [100.0], "r25_ratio": [0.5], "r25_angle": [90.0]})
    >>> xray = Table({"ra": [10.02, 10.0, 10.0], "dec": [0.0, 0.0125, 0.025]})
    >>> hosts = find_hosts(xray, galaxies)
    >>> hosts["galaxy_radius"].format = ".2f"
    >>> print(hosts["primary", "secondary", "galaxy_radius"])
    primary secondary galaxy_radius
    ------- --------- -------------
          0         0          0.72
          1         0          0.90
    """
    check_table(xray, "xray", allow_empty=True)
    check_table(galaxies, "galaxies", allow_empty=True)
    factor = check_number(factor, "factor", minimum=0, exclusive=True)
    ra, dec = read_positions(xray, "xray")
    ellipses = read_ellipses(galaxies, missing_angle)
    ids, missing = read_galaxy_ids(galaxies)

    primary, galaxy, separation, radius = _inside(ra, dec, ellipses, factor)
    secondary = ellipses.rows[galaxy]
    hosts = Table(
        [
            make_column("primary", primary),
            make_column("secondary", secondary),
            make_column("separation", separation),
            make_column("galaxy_radius", radius),
        ],
        meta=record({}, "hosts", factor=factor, missing_angle=missing_angle),
    )
    hosts["galaxy_id"] = make_column("galaxy_id", ids[secondary], mask=missing[secondary])
    for name in _DISTANCES:
        if name in galaxies.colnames:
            values = float_values(galaxies, name, unit=u.Mpc, name="galaxies")[secondary]
            hosts[name] = masked_column(name, values)
    if not len(hosts):
        warn(
            f"none of {len(xray)} X-ray sources lies within {factor:g} x the ellipses of "
            f"{len(ellipses.rows)} galaxies with a size (of {len(galaxies)})"
        )
    return hosts


@checked
def best_hosts(xray: Table, hosts: Table, *, overwrite: bool = False) -> Table:
    """
    Give each X-ray source its best host: the galaxy in which it lies deepest.

    Parameters
    ----------
    xray : `~astropy.table.Table`
        The X-ray sources that `find_hosts` was given; the table is not changed.
    hosts : `~astropy.table.Table`
        All hosts, as `find_hosts` returns them; rows may have been taken out, or put in any order.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as ``xray``
        A new table with the masked columns ``galaxy_id``, ``galaxy_distance``,
        ``galaxy_distance_error`` (Mpc; if ``hosts`` has them) and ``galaxy_radius``: those of the
        host of smallest ``galaxy_radius``. Of equal ones the nearest centre is taken, then the
        first galaxy. Masked where there is no host.

    Raises
    ------
    KeyError
        If ``hosts`` lacks a column.
    ValueError
        If it names a row that ``xray`` does not have, or the new columns would replace old ones.

    See Also
    --------
    find_hosts : Find all hosts.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import best_hosts, find_hosts
    >>> galaxies = Table({"galaxy_id": ["big", "satellite"], "ra": [10.0, 10.1], "dec": [0.0, 0.0],
    ...                   "r25_major": [600.0, 60.0]})
    >>> xray = Table({"source_id": ["x1", "x2"], "ra": [10.095, 15.0], "dec": [0.0, 0.0]})
    >>> print(best_hosts(xray, find_hosts(xray, galaxies))["source_id", "galaxy_id"])
    source_id galaxy_id
    --------- ---------
           x1 satellite
           x2        --
    """
    check_table(xray, "xray", allow_empty=True)
    check_table(hosts, "hosts", allow_empty=True)
    check_columns(hosts, ["primary", "secondary", "separation", "galaxy_radius"], "hosts")
    primary = np.asarray(hosts["primary"])
    if len(hosts) and not 0 <= primary.min() <= primary.max() < len(xray):
        raise InputValueError(
            f"hosts must be of the {len(xray)} rows of xray, got primary from {primary.min()} to "
            f"{primary.max()}"
        )
    order = np.lexsort(
        (hosts["secondary"], hosts["separation"], hosts["galaxy_radius"], hosts["primary"])
    )
    rows, first = np.unique(primary[order], return_index=True)
    best = order[first]
    columns = {}
    for name in ("galaxy_id", *_DISTANCES, "galaxy_radius"):
        if name in hosts.colnames:
            values = np.zeros(len(xray), hosts[name].dtype)
            missing = np.ones(len(xray), bool)
            values[rows] = np.ma.getdata(hosts[name])[best]
            missing[rows] = is_missing(hosts, name)[best]
            columns[name] = make_column(name, values, mask=missing)
    table = add_columns(xray, columns, overwrite=overwrite)
    table.meta = record(table.meta, "hosts", **_settings(hosts))
    return table


def _settings(hosts):
    kept = hosts.meta.get("claxboi", {}).get("hosts", {})
    return {name: value for name, value in kept.items() if name not in {"version", "date"}}


def host_regions(
    galaxies: Table,
    *,
    factor: float = 1.0,
    missing_angle: Literal["mean", "major", "skip"] = "mean",
) -> Regions:
    """
    Make sky regions from the isophotal ellipses, to draw over an image or write for DS9.

    Parameters
    ----------
    galaxies : `~astropy.table.Table`
        The galaxies, as for `find_hosts`. Those without a size have no region.
    factor : float, optional
        Size of the regions in units of the ellipse. Default 1, D25 itself.
    missing_angle : {"mean", "major", "skip"}, optional
        Treatment of an ellipse without a position angle, as for `find_hosts`.

    Returns
    -------
    regions : `~regions.Regions`
        One `~regions.EllipseSkyRegion` per galaxy, its text the ``galaxy_id``.

    Raises
    ------
    KeyError, ValueError
        As for `find_hosts`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import host_regions
    >>> galaxies = Table({"galaxy_id": ["M31"], "ra": [10.6847], "dec": [41.2688],
    ...                   "r25_major": [5340.0], "r25_ratio": [0.39], "r25_angle": [35.0]})
    >>> host_regions(galaxies).write("galaxies.reg", format="ds9")
    >>> print(Path("galaxies.reg").read_text())
    # Region file format: DS9 astropy/regions
    global text={M31}
    icrs
    ellipse(10.68470000,41.26880000,1.48333333,0.57850000,125.00000000)
    <BLANKLINE>
    """
    # regions imports matplotlib.
    from regions import EllipseSkyRegion, RegionMeta, Regions

    check_table(galaxies, "galaxies", allow_empty=True)
    factor = check_number(factor, "factor", minimum=0, exclusive=True)
    ellipses = read_ellipses(galaxies, missing_angle)
    ids, _ = read_galaxy_ids(galaxies)
    shapes = []
    for row, ra, dec, major, minor, angle in zip(*ellipses, strict=True):
        shapes.append(
            EllipseSkyRegion(
                SkyCoord(ra, dec, unit="deg"),
                width=2 * factor * major * u.arcsec,
                height=2 * factor * minor * u.arcsec,
                # regions turns the width away from the East-West line.
                angle=(angle + 90) % 180 * u.deg,
                meta=RegionMeta({"text": str(ids[row])}) if ids[row] else None,
            )
        )
    return Regions(shapes)


class Ellipses(NamedTuple):
    """
    Isophotal ellipses of the galaxies that have one, as float64 arrays of the same shape.
    """

    rows: np.ndarray
    """Row of the galaxy in its table."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray

    major_arcsec: np.ndarray
    """Semi-major axis."""

    minor_arcsec: np.ndarray

    angle_deg: np.ndarray
    """Position angle of the major axis, East of North; 0 for a circle."""


def read_ellipses(galaxies, missing_angle):
    """
    Read the ellipses of a table of galaxies and check them.

    Parameters
    ----------
    galaxies : `~astropy.table.Table`
        The galaxies.
    missing_angle : str
        Treatment of an ellipse without an angle.

    Returns
    -------
    ellipses : `Ellipses`
        Ellipses of the galaxies with a size.
    """
    check_choice(missing_angle, ("mean", "major", "skip"), "missing_angle")
    check_columns(galaxies, ["galaxy_id", "ra", "dec", "r25_major"], "galaxies")
    ra, dec = read_positions(galaxies, "galaxies")
    major = _size(galaxies, "r25_major", u.arcsec)
    ratio = _size(galaxies, "r25_ratio", u.dimensionless_unscaled)
    minor = _size(galaxies, "r25_minor", u.arcsec)
    minor = np.where(np.isnan(minor), major * ratio, minor)
    wrong = minor > major * (1 + _ROUNDING)
    if wrong.any():
        raise InputValueError(
            f"galaxies must have minor axes no larger than the major ones, got {minor[wrong][0]:g} "
            f"against {major[wrong][0]:g} arcsec in row {np.argmax(wrong)}"
        )
    minor = np.where(np.isnan(minor), major, np.minimum(minor, major))
    angle = optional_values(galaxies, "r25_angle", u.deg, name="galaxies")
    untold = np.isnan(angle) & (minor < major)
    angle = np.nan_to_num(angle)
    if missing_angle == "mean":
        major = np.where(untold, np.sqrt(major * minor), major)
    minor = np.where(untold, major, minor)
    keep = np.isfinite(major)
    if missing_angle == "skip":
        keep &= ~untold
    log.info("%d of %d galaxies have an ellipse", np.count_nonzero(keep), len(galaxies))
    return Ellipses(np.flatnonzero(keep), *(x[keep] for x in (ra, dec, major, minor, angle)))


def _size(galaxies, column, unit):
    size = optional_values(galaxies, column, unit, name="galaxies")
    wrong = size <= 0
    if wrong.any():
        raise InputValueError(
            f"column {column!r} of galaxies must be above 0, got {size[wrong][0]:g} in row "
            f"{np.argmax(wrong)}; mask the rows that have none"
        )
    return size


def read_galaxy_ids(galaxies):
    """
    Read the identifiers of galaxies, which are unique where they are given.

    Parameters
    ----------
    galaxies : `~astropy.table.Table`
        The galaxies.

    Returns
    -------
    ids : `~numpy.ndarray` of str
        Empty where missing.
    missing : `~numpy.ndarray` of bool
    """
    ids, missing = text_values(galaxies, "galaxy_id", name="galaxies")
    unique, count = np.unique(ids[~missing], return_counts=True)
    if np.any(count > 1):
        raise InputValueError(
            f"column 'galaxy_id' of galaxies must be unique, got {str(unique[count > 1][0])!r} "
            f"{count[count > 1][0]} times"
        )
    return ids, missing


def _inside(ra_deg, dec_deg, ellipses, factor):
    """
    Find all sources inside the ellipses.

    Parameters
    ----------
    ra_deg, dec_deg : `~numpy.ndarray`
        The sources.
    ellipses : `Ellipses`
        The ellipses.
    factor : float
        Largest normalised radius.

    Returns
    -------
    source, galaxy : `~numpy.ndarray` of int64
        Source and ellipse, sorted by source, then by radius, separation and ellipse.
    separation_arcsec, radius : `~numpy.ndarray`
        Separation, and the same in units of the ellipse.
    """
    _, gra, gdec, major, minor, angle = ellipses
    # The galaxies lead, for their radii differ: the search treats those of like size together.
    reach = np.minimum(factor * major, 180 * 3600.0)
    galaxy, source, separation = pairs_within(gra, gdec, ra_deg, dec_deg, reach)
    radius = np.empty(len(galaxy))
    for start in range(0, len(galaxy), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        i, j = galaxy[part], source[part]
        east, north = sky_offsets(gra[i], gdec[i], ra_deg[j], dec_deg[j])
        sin, cos = np.sin(np.radians(angle[i])), np.cos(np.radians(angle[i]))
        radius[part] = np.hypot(
            (east * sin + north * cos) / major[i], (east * cos - north * sin) / minor[i]
        )
    keep = np.flatnonzero(radius <= factor)
    order = keep[np.lexsort((galaxy[keep], separation[keep], radius[keep], source[keep]))]
    return source[order], galaxy[order], separation[order], radius[order]
