# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Observed areas of galaxies, and the background expected in them.
"""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi.counterparts import sky_pairs
from claxboi.counterparts.hosts import read_ellipses, read_galaxy_ids
from claxboi.utils import InputValueError, float_values, text_values

from ._regions import inside

__all__ = ["Stack", "local_limits", "observed_hosts"]

#: Positions that sample the ellipse of a galaxy where a region says what was observed: the part
#: that was is good to about 1 %.
SAMPLE_SIZE = 1000

#: Of the turn from one of them to the next: the golden angle (Vogel 1979, Math. Biosci. 44, 179).
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))

#: Sources in a window of the stack, the least on either side of the source, and most annuli.
WINDOW = 25
SMALLEST_HALF = 4
MOST_ANNULI = 4

#: The flux limit of a galaxy is this quantile of the fluxes of the sources so near to it, if there
#: are so many. The detection probability rises over a range of fluxes; this replaces it by a step.
LIMIT_QUANTILE = 0.1
LIMIT_RADIUS_ARCMIN = 10
LIMIT_SOURCES = 10

#: Fluxes at which the background of all galaxies is summed, and the least number of it.
GRID = 1000
TINY = 1e-300


@dataclass
class Hosts:
    """
    Observed galaxies, as arrays with one value per galaxy.
    """

    row: np.ndarray
    """Host of each source, -1 where it has none (shape n_sources)."""

    area_deg2: np.ndarray
    """Area of the isophotal ellipse itself."""

    observed: np.ndarray
    """Squared radii of the observed positions of each galaxy (n_hosts, n_samples), NaN where
    not observed; they sample the ellipse evenly out to ``factor``."""

    flux_limit: np.ndarray
    """Flux (erg/s/cm2) above which sources are seen."""

    coords: SkyCoord
    """Centres."""

    factor: float
    """How far out, in units of the isophotal radius."""

    def area(self, inner, outer):
        """Return the observed area between two radii, in deg2, of each galaxy."""
        here = (self.observed > inner**2) & (self.observed <= outer**2)
        return self.area_deg2 * self.factor**2 * here.mean(axis=1)


def observed_hosts(table, galaxies, *, factor, region, flux_limit):
    """
    Find the galaxies that were observed, and how much of each.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, with ``galaxy_id``.
    galaxies : `~astropy.table.Table`
        The galaxies, as for `~claxboi.counterparts.find_hosts`.
    factor : float
        How far out the sources of a galaxy lie.
    region : object or None
        What was observed; None: the galaxies that have a source, or all where the table says
        which part in ``observed_fraction``.
    flux_limit : float or str
        Flux limit, or the column of the galaxies that has it.

    Returns
    -------
    hosts : `Hosts`
    """
    ellipses = read_ellipses(galaxies, "mean")
    ids, missing = read_galaxy_ids(galaxies)
    ids = ids[ellipses.rows]
    wanted, absent = text_values(table, "galaxy_id")
    known = np.flatnonzero(~missing[ellipses.rows])
    order = known[np.argsort(ids[known], kind="stable")]
    place = np.searchsorted(ids[order], wanted)
    place = np.minimum(place, max(len(order) - 1, 0))
    host = order[place] if len(order) else np.full(len(wanted), -1)
    unknown = ~absent & (ids[host] != wanted if len(order) else True)
    if unknown.any():
        raise InputValueError(
            f"galaxies must have every host with its size; {str(wanted[unknown][0])!r} is missing "
            f"({np.count_nonzero(unknown)} sources without their host)"
        )
    host = np.where(absent, -1, host)

    n = len(ellipses.rows)
    fraction = np.ones(n)
    if "observed_fraction" in galaxies.colnames:
        fraction = float_values(galaxies, "observed_fraction", name="galaxies")[ellipses.rows]
        if not np.all((fraction >= 0) & (fraction <= 1)):
            raise InputValueError("column 'observed_fraction' of galaxies must be from 0 to 1")
    elif region is None:
        # A list of galaxies has many that nobody looked at.
        fraction = np.isin(np.arange(n), host).astype(float)
    if isinstance(flux_limit, str):
        limits = float_values(galaxies, flux_limit, unit="erg / (s cm2)", name="galaxies")
        limits = limits[ellipses.rows]
    else:
        limits = np.full(n, float(flux_limit))

    used = np.flatnonzero(fraction > 0)
    area = np.pi * ellipses.major_arcsec * ellipses.minor_arcsec / 3600**2
    squared = factor**2 * (np.arange(SAMPLE_SIZE) + 0.5) / SAMPLE_SIZE
    observed = np.tile(squared, (len(used), 1))
    coords = SkyCoord(ellipses.ra_deg[used], ellipses.dec_deg[used], unit="deg")
    if region is not None:
        for k, galaxy in enumerate(used):
            points = _points(coords[k], ellipses, galaxy, np.sqrt(squared))
            observed[k, ~inside(region, points)] = np.nan
    new = np.full(n + 1, -1)
    new[used] = np.arange(len(used))
    return Hosts(new[host], (area * fraction)[used], observed, limits[used], coords, factor)


def local_limits(coords, flux, hosts):
    """
    Estimate the flux limit of each galaxy from the sources around it.

    Parameters
    ----------
    coords : `~astropy.coordinates.SkyCoord`
        Positions of all sources.
    flux : `~numpy.ndarray`
        Their fluxes, NaN where unknown.
    hosts : `Hosts`
        The galaxies; those with too few sources around them get the median limit of the others, or
        keep their own if there are no others.

    Returns
    -------
    limits : `~numpy.ndarray` of shape (n_hosts,)
    """
    known = np.flatnonzero(np.isfinite(flux) & np.isfinite(coords.ra) & np.isfinite(coords.dec))
    galaxy, source, _ = sky_pairs(hosts.coords, coords[known], LIMIT_RADIUS_ARCMIN * u.arcmin)
    limits = np.full(len(hosts.flux_limit), np.nan)
    for k in np.flatnonzero(np.bincount(galaxy, minlength=len(limits)) >= LIMIT_SOURCES):
        limits[k] = np.quantile(flux[known[source[galaxy == k]]], LIMIT_QUANTILE)
    missing = np.isnan(limits)
    limits[missing] = hosts.flux_limit[missing] if missing.all() else np.nanmedian(limits)
    return limits


def _points(center, ellipses, galaxy, radius):
    turn = GOLDEN_ANGLE * np.arange(len(radius))
    along = radius * np.cos(turn) * ellipses.major_arcsec[galaxy]
    across = radius * np.sin(turn) * ellipses.minor_arcsec[galaxy]
    angle = np.radians(ellipses.angle_deg[galaxy]) + np.arctan2(across, along)
    return center.directional_offset_by(angle * u.rad, np.hypot(along, across) * u.arcsec)


class Stack:
    """
    Stack of all galaxies, to compare the observed sources with the expected background.

    The stack is cut in annuli of equal numbers of sources. Around each flux, a window holds the
    sources of the annulus that are nearest in rank; its background, expected over the fluxes
    that it spans, over the number of its sources is the frequency of contaminants.

    Parameters
    ----------
    hosts : `Hosts`
        The galaxies.
    flux : `~numpy.ndarray`
        Fluxes of the sources of the stack, at or above the limit of their host.
    radius : `~numpy.ndarray`
        Their radii in units of the isophotal radius.
    inner : float
        Radius below which there is no source of the stack.
    counts : callable
        Sources of the background per deg2 above a flux.
    """

    def __init__(self, hosts, flux, radius, inner, counts):
        n_annuli = int(np.clip(len(flux) // (4 * WINDOW), 1, MOST_ANNULI))
        self._radii = _edges(radius, n_annuli, inner, hosts.factor)
        annulus = _bin(radius, self._radii)
        grid = np.geomspace(hosts.flux_limit.min(), flux.max(initial=hosts.flux_limit.max()), GRID)
        above = counts(np.maximum(grid[:, np.newaxis], hosts.flux_limit))
        self._annuli = []
        for j in range(n_annuli):
            area = hosts.area(self._radii[j], self._radii[j + 1])
            ordered = np.sort(flux[annulus == j])
            edges = _edges(ordered, len(ordered), grid[0], np.inf)
            # The counts are close to power laws, so lines in logarithms.
            log_above = np.log(np.maximum(above @ area, TINY))
            brighter = np.exp(np.interp(np.log(edges[:-1]), np.log(grid), log_above))
            self._annuli.append((ordered, np.append(brighter, 0.0)))

    def look_up(self, flux, radius):
        """
        Find the window of each source.

        Parameters
        ----------
        flux, radius : `~numpy.ndarray`
            Without NaN.

        Returns
        -------
        expected, observed : `~numpy.ndarray`
            Numbers of background sources expected, and of sources observed, in its window.
        """
        annulus = _bin(radius, self._radii)
        expected, observed = np.empty(len(flux)), np.empty(len(flux))
        for j, (ordered, brighter) in enumerate(self._annuli):
            rows = np.flatnonzero(annulus == j)
            n = len(ordered)
            rank = np.minimum(np.searchsorted(ordered, flux[rows]), max(n - 1, 0))
            # Towards the ends the window narrows, so as to stay around the source.
            half = np.clip(np.minimum(rank, n - 1 - rank), SMALLEST_HALF, WINDOW // 2)
            first = np.clip(rank - half, 0, None)
            last = np.clip(rank + half + 1, None, n)
            expected[rows] = brighter[first] - brighter[last]
            observed[rows] = last - first
        return expected, observed


def _edges(values, n_bins, lower, upper):
    """Return the edges of bins with equal numbers of values, halfway between values."""
    ordered = np.sort(values)
    cut = np.arange(1, n_bins) * len(ordered) // max(n_bins, 1)
    middle = (ordered[cut - 1] + ordered[cut]) / 2 if n_bins > 1 else np.empty(0)
    return np.concatenate([[lower], middle, [upper]])


def _bin(values, edges):
    return np.clip(np.searchsorted(edges, values, "right") - 1, 0, len(edges) - 2)
