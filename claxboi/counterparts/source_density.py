# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Source densities around each X-ray source, in a catalogue at hand or in circles that were fetched.

A large survey is fetched around the X-ray sources only, where the counterparts are. So field
objects are counted in rings, farther from any X-ray source than its counterpart may be. Rings of
neighbours on the sky are merged until they have enough objects.
"""

import logging
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from claxboi.utils import ARCSEC, InputValueError, pairs_within, sky_offsets, unit_vectors

__all__ = ["WHOLE_SKY_DEG2", "Circles", "SkyDensity", "local_density", "sky_density"]

log = logging.getLogger(__name__)

WHOLE_SKY_DEG2 = 4 * np.pi * np.degrees(1) ** 2
"""The area of the sky in square degrees, 41252.96."""

NEIGHBOURS = 30
"""Objects counted by a local density: 19 % error."""

_ENOUGH = 100
"""Objects counted by a density: 10 % error."""

# Sources farther apart than this (about 2 deg) see different skies.
_WIDEST = 0.035
# Larger circles are drawn for so many objects, up to what XMatch takes.
_WANTED = 2 * _ENOUGH
_LARGEST_ARCSEC = 180.0
# A place without any object, where the mean density predicts so many, is outside the footprint: the
# density is nowhere ten times below the mean, so there would be at least ten.
_EXPECTED = 100
# Points for the area of a ring that overlaps with others: 2 % error for one ring.
_POINTS = 512
# The arrays of so many pairs stay in a cache.
_PAIRS_AT_ONCE = 2_000
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
_ARCSEC2_PER_DEG2 = 3600.0**2


def local_density(primaries, secondaries, inner_arcsec, n_inside, name):
    """
    Measure the density of secondaries around each primary.

    The nearest objects beyond an inner radius are counted, from that radius to the last of
    them. So the counterpart, which lies inside, is not counted, nor the hole around it.

    Parameters
    ----------
    primaries, secondaries : Positions
        The catalogues.
    inner_arcsec : `~numpy.ndarray` of shape (n_primaries,)
        The inner radius.
    n_inside : `~numpy.ndarray` of int, shape (n_primaries,)
        Secondaries within it.
    name : str
        Name of the secondary catalogue, for messages.

    Returns
    -------
    density_deg2 : `~numpy.ndarray` of shape (n_primaries,)
        Objects per square degree.

    Raises
    ------
    ValueError
        If the catalogue is too small.

    Notes
    -----
    With k objects beyond the inner radius, the last at the border, the estimate (k - 1) / area has
    no bias for a uniform field (the border itself is drawn by the k-th).
    """
    n = len(secondaries.ra)
    most = int(n_inside.max(initial=0)) + NEIGHBOURS
    if n < most:
        raise InputValueError(
            f"density='local' counts {NEIGHBOURS} objects beyond the search radius: {name} must "
            f"have at least {most} rows, got {n}; give area= or density="
        )
    vectors = unit_vectors(primaries.ra, primaries.dec)
    tree = cKDTree(
        unit_vectors(secondaries.ra, secondaries.dec), balanced_tree=False, compact_nodes=False
    )
    chord = np.empty(len(vectors))
    for inside in np.unique(n_inside):
        rows = np.flatnonzero(n_inside == inside)
        chord[rows] = tree.query(vectors[rows], k=[int(inside) + NEIGHBOURS])[0][:, 0]
    # The area of a cap is pi chord^2, exactly.
    inner = 2 * np.sin(inner_arcsec * ARCSEC / 2)
    area = np.pi * (chord**2 - inner**2) * np.degrees(1) ** 2
    return (NEIGHBOURS - 1) / area


class Circles(NamedTuple):
    """
    The objects of a survey in circles around X-ray sources.
    """

    source: np.ndarray
    """Row of the X-ray source of each pair."""

    object: np.ndarray
    """Number of the object of each pair, below ``n_objects``."""

    separation: np.ndarray
    """Separation of each pair in arcsec."""

    ra: np.ndarray
    """Position of each object in deg, of shape (n_objects,)."""

    dec: np.ndarray

    radius: float
    """Radius of the circles in arcsec."""


class SkyDensity(NamedTuple):
    """
    Densities measured in the circles; arrays of shape (n_sources,).
    """

    density_deg2: np.ndarray
    """Field objects per square degree, always above 0."""

    n_counted: np.ndarray
    """Objects that each density counts."""

    is_covered: np.ndarray
    """Whether the survey looked there."""


def sky_density(ra_deg, dec_deg, reach_arcsec, circles, mean_deg2, draw, label):
    """
    Measure the density of field objects around each X-ray source.

    Parameters
    ----------
    ra_deg, dec_deg : `~numpy.ndarray` of shape (n_sources,)
        The X-ray sources.
    reach_arcsec : `~numpy.ndarray` of shape (n_sources,)
        Largest separation of a counterpart of each.
    circles : `Circles`
        The objects around all of them.
    mean_deg2 : float or None
        Mean density of the survey, the value where nothing else is known; None takes that of all
        circles.
    draw : callable
        Function of rows of sources and a radius in arcsec that returns `Circles` around them.
    label : str
        Name of the survey, for the log.

    Returns
    -------
    density : `SkyDensity`

    Notes
    -----
    N objects on the area A (deg2) give (N + 1) / (A + 1 / mean): one object of the mean density
    more, which keeps the density above 0 and is all that is left where nothing could be counted.
    """
    vectors = unit_vectors(ra_deg, dec_deg)
    circles = _filled(circles)
    reach = np.minimum(reach_arcsec, circles.radius)
    counts = _ring_counts(circles, reach)
    areas = _ring_areas(ra_deg, dec_deg, reach, circles.radius)
    group = _groups(vectors, counts)
    n_groups = int(group.max()) + 1
    number = np.bincount(group, weights=counts, minlength=n_groups)
    area = np.bincount(group, weights=areas, minlength=n_groups)
    if not mean_deg2:
        # One object more than there are, for a survey in which nothing was found.
        mean_deg2 = (number.sum() + 1) / max(area.sum(), 1 / WHOLE_SKY_DEG2)

    sparse = np.flatnonzero(number < _ENOUGH)
    if len(sparse):
        rows = _middles(vectors, group, n_groups)[sparse]
        lowest = np.min((number[sparse] + 1) / (area[sparse] + 1 / mean_deg2))
        radius = 3600 * np.sqrt(_WANTED / np.pi / lowest)
        radius = float(np.clip(radius, circles.radius, _LARGEST_ARCSEC))
        wide = _wide_counts(ra_deg, dec_deg, reach_arcsec, rows, draw(rows, radius))
        if _is_trimmed((number[sparse], area[sparse]), wide):
            log.info(
                "%s: only objects near the sources; density from their rings",
                label,
            )
        else:
            # A circle holds the ring of its own source, and stands for those of its neighbours.
            better = wide[1] > area[sparse]
            number[sparse[better]], area[sparse[better]] = wide[0][better], wide[1][better]
            log.info(
                "%s: density measured in circles of %.0f arcsec around %d sources (fewer than %d "
                "objects in the rings of their neighbours)",
                label,
                radius,
                len(rows),
                _ENOUGH,
            )
    n_poor = np.count_nonzero((number < _ENOUGH)[group])
    if n_poor:
        log.info(
            "%s: source density around %d of %d sources is uncertain (fewer than %d objects "
            "nearby); it is shrunk towards the survey mean of %.0f per square degree",
            label,
            n_poor,
            len(ra_deg),
            _ENOUGH,
            mean_deg2,
        )
    density = (number + 1) / (area + 1 / mean_deg2)
    n_near = np.bincount(group[circles.source], minlength=n_groups)
    is_covered = (number + n_near > 0) | (area * mean_deg2 < _EXPECTED)
    return SkyDensity(density[group], number[group].astype(np.int64), is_covered[group])


def _filled(circles):
    """
    Shrink the circles to the farthest object, as a user's table may reach less far.
    """
    n_objects = len(circles.ra)
    if n_objects < _ENOUGH:
        return circles
    nearest = np.full(n_objects, np.inf)
    np.minimum.at(nearest, circles.object, circles.separation)
    return circles._replace(radius=min(circles.radius, float(nearest.max())))


def _is_trimmed(rings, wide):
    """
    Check for far fewer objects in the larger circles than in the rings within them.

    The rings may have twice as many, and three sigma more.
    """
    # A circle that counterparts may fill has no area.
    seen = wide[1] > 0
    expected = np.sum(rings[1][seen] * wide[0][seen] / wide[1][seen])
    return rings[0][seen].sum() > 2 * expected + 3 * np.sqrt(expected + 1)


def _ring_counts(circles, reach):
    """
    Count the objects in each source's ring, without those near another source.
    """
    n_objects = len(circles.ra)
    order = np.lexsort((circles.source, circles.separation, circles.object))
    first = order[np.append(True, np.diff(circles.object[order]) != 0)] if len(order) else order
    taken = np.zeros(n_objects, bool)
    taken[circles.object[circles.separation <= reach[circles.source]]] = True
    owner = circles.source[first]
    return np.bincount(owner[~taken[circles.object[first]]], minlength=len(reach))


def _ring_areas(ra_deg, dec_deg, reach, radius):
    """
    Measure the areas in which `_ring_counts` counts, in deg2.
    """
    area = np.pi * (radius**2 - reach**2)
    i, j, _ = pairs_within(ra_deg, dec_deg, ra_deg, dec_deg, 2 * radius)
    i, j = i[i != j], j[i != j]
    crowded = np.unique(i)
    if len(crowded):
        free = _free_share(ra_deg, dec_deg, reach, (i, j), radius=radius, is_nearest=True)
        area[crowded] = np.pi * radius**2 * free[crowded]
    return area / _ARCSEC2_PER_DEG2


def _free_share(ra_deg, dec_deg, reach, pairs, *, radius, is_nearest):
    """
    Measure the fraction of each circle that is outside the reach of all sources.

    Parameters
    ----------
    ra_deg, dec_deg, reach : `~numpy.ndarray` of shape (n_sources,)
        The sources, and how far their counterparts may lie, in arcsec.
    pairs : tuple of `~numpy.ndarray` of int
        Source of a circle and another source near it, sorted by the former.
    radius : float
        Radius of the circles in arcsec.
    is_nearest : bool
        Whether to leave out parts that are nearer to another source, too.

    Returns
    -------
    share : `~numpy.ndarray` of shape (n_sources,)
        For sources with pairs.
    """
    k = np.arange(_POINTS) + 0.5
    distance = radius * np.sqrt(k / _POINTS)
    east, north = distance * np.sin(k * _GOLDEN_ANGLE), distance * np.cos(k * _GOLDEN_ANGLE)
    i, j = pairs
    share = np.zeros(len(ra_deg))
    starts = np.flatnonzero(np.append(True, np.diff(i) != 0))
    ends = np.append(starts[1:], len(i))
    # Blocks of whole circles.
    block = np.cumsum(ends - starts) // _PAIRS_AT_ONCE
    for number in np.unique(block):
        here = np.flatnonzero(block == number)
        part = slice(starts[here[0]], ends[here[-1]])
        a, b = i[part], j[part]
        off_east, off_north = sky_offsets(ra_deg[a], dec_deg[a], ra_deg[b], dec_deg[b])
        limit = np.maximum(reach[b, None], distance) if is_nearest else reach[b, None]
        d2 = (east - off_east[:, None]) ** 2 + (north - off_north[:, None]) ** 2
        # Bits in whole numbers: many times as fast as the same for bools.
        free = np.packbits(d2 > limit**2, axis=1).view(np.uint64)
        free = np.bitwise_and.reduceat(free, starts[here] - starts[here[0]], axis=0)
        free = np.unpackbits(free.view(np.uint8), axis=1).astype(bool)
        own = i[starts[here]]
        share[own] = np.mean(free & (distance > reach[own, None]), axis=1)
    return share


def _wide_counts(ra_deg, dec_deg, reach, rows, circles):
    """
    Count the field objects in larger circles around some sources, and measure their areas.
    """
    _, found, _ = pairs_within(ra_deg, dec_deg, circles.ra, circles.dec, reach)
    taken = np.zeros(len(circles.ra), bool)
    taken[found] = True
    number = np.bincount(circles.source[~taken[circles.object]], minlength=len(ra_deg))[rows]
    reach = np.minimum(reach, circles.radius)
    area = np.pi * (circles.radius**2 - reach[rows] ** 2)
    widest = circles.radius + reach.max()
    i, j, _ = pairs_within(ra_deg[rows], dec_deg[rows], ra_deg, dec_deg, widest)
    i = rows[i]
    i, j = i[i != j], j[i != j]
    if len(i):
        order = np.argsort(i, kind="stable")
        pairs = i[order], j[order]
        free = _free_share(ra_deg, dec_deg, reach, pairs, radius=circles.radius, is_nearest=False)
        crowded = np.isin(rows, i)
        area[crowded] = np.pi * circles.radius**2 * free[rows[crowded]]
    return number, area / _ARCSEC2_PER_DEG2


def _groups(vectors, counts):
    """
    Divide sources into groups of neighbours, each with enough objects but none too wide.

    The sky is cut along its widest axis, where it is too wide in the middle, else where it halves
    the objects, as long as both halves have enough.
    """
    group = np.empty(len(vectors), np.int64)
    todo, n_groups = [np.arange(len(vectors))], 0
    while todo:
        rows = todo.pop()
        here = vectors[rows]
        low, high = here.min(axis=0), here.max(axis=0)
        axis = int(np.argmax(high - low))
        is_wide = high[axis] - low[axis] > _WIDEST
        if is_wide:
            left = here[:, axis] < (low[axis] + high[axis]) / 2
            todo += [rows[left], rows[~left]]
            continue
        if counts[rows].sum() >= 2 * _ENOUGH and len(rows) > 1:
            order = rows[np.argsort(here[:, axis], kind="stable")]
            total = np.cumsum(counts[order])
            cut = int(np.clip(np.searchsorted(total, total[-1] / 2) + 1, 1, len(rows) - 1))
            if min(total[cut - 1], total[-1] - total[cut - 1]) >= _ENOUGH:
                todo += [order[:cut], order[cut:]]
                continue
        group[rows] = n_groups
        n_groups += 1
    return group


def _middles(vectors, group, n_groups):
    """
    Find the source nearest to the middle of each group.
    """
    size = np.bincount(group, minlength=n_groups)
    middle = np.stack(
        [np.bincount(group, weights=v, minlength=n_groups) / size for v in vectors.T], axis=1
    )
    distance = np.sum((vectors - middle[group]) ** 2, axis=1)
    order = np.lexsort((distance, group))
    return order[np.unique(group[order], return_index=True)[1]]
