# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
All pairs of two catalogues within a radius, on the whole sphere.
"""

from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from scipy.spatial import cKDTree

from claxboi.utils import quantity_value

__all__ = ["SkyPairs", "sky_pairs"]

ARCSEC = np.pi / (180 * 3600)
"""One arcsecond in radians."""

# Unit vectors carry rounding errors of a few 1e-16: the tree is asked for a little more than the
# radius, and the exact separation decides.
_CHORD_SLACK = 2e-15
# Beyond this the three arrays of the answer alone take 4.8 GB.
_MAX_PAIRS = 200_000_000
# Pairs that the tree hands over at once: 24 bytes each, and as much again to sort them.
_PAIRS_AT_ONCE = 4_000_000
_ROWS_AT_ONCE = 262_144
# Slots of the table of occupied cells; 16 MB of bools, in which 100,000 sources fill a few percent.
_SLOTS = 1 << 24
# Large primes that spread neighbouring cells over the table (Teschner et al. 2003, VMV 47).
_PRIMES = (73856093, 19349663, 83492791)


class SkyPairs(NamedTuple):
    """
    The pairs found by `sky_pairs`, sorted by row of the first catalogue, then by separation.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.coordinates import SkyCoord
    >>> from claxboi.counterparts import sky_pairs
    >>> xray = SkyCoord([10.0, 20.0], [0.0, 0.0], unit="deg")
    >>> stars = SkyCoord([20.0005, 30.0], [0.0, 0.0], unit="deg")
    >>> rows, star_rows, separation = sky_pairs(xray, stars, 5 * u.arcsec)
    >>> rows.tolist(), star_rows.tolist(), separation.round(2)
    ([1], [0], <Quantity [1.8] arcsec>)
    """

    index1: np.ndarray
    """Row in the first catalogue, int64 of shape (n_pairs,)."""

    index2: np.ndarray
    """Row in the second catalogue, int64 of shape (n_pairs,)."""

    separation: u.Quantity
    """Great-circle separation in arcsec, float64 of shape (n_pairs,)."""


def sky_pairs(coords1, coords2, radius):
    """
    Find all pairs of two catalogues that are no farther apart than a radius.

    Exact on the whole sphere: at the poles, across RA 0 and for any radius.

    Parameters
    ----------
    coords1, coords2 : `~astropy.coordinates.SkyCoord` of shape (n1,) and (n2,)
        The positions, in any frame; the frame of ``coords1`` is where separations are measured.
    radius : `~astropy.units.Quantity` ['angle'], scalar or of shape (n1,)
        The largest separation, which still counts; one for all or one for each row of
        ``coords1``. From 0 to 180 degrees.

    Returns
    -------
    pairs : `SkyPairs`
        A named tuple ``index1, index2, separation``, sorted by ``index1``, then by
        ``separation``, then by ``index2``. Empty arrays where nothing is near.

    Raises
    ------
    TypeError
        If a catalogue is not a `~astropy.coordinates.SkyCoord`, or the radius has no unit.
    ValueError
        If a position is missing, the radius is out of range or of another length, or the
        pairs would not fit into memory (more than 200 million).

    Notes
    -----
    A k-d tree on unit vectors finds the pairs. Separations are then computed from differences of
    the coordinates by the haversine formula, with its complement for the far side, so they
    keep their digits from micro-arcseconds to 180 degrees.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.coordinates import SkyCoord
    >>> from claxboi.counterparts import sky_pairs
    >>> stars = SkyCoord([359.9999, 0.0, 180.0] * u.deg, [0.0, 89.9999, -89.9999] * u.deg)
    >>> others = SkyCoord([0.0001, 180.0] * u.deg, [0.0, 89.9999] * u.deg)
    >>> pairs = sky_pairs(stars, others, 1 * u.arcsec)
    >>> for i, j, separation in zip(*pairs, strict=True):
    ...     print(f"{i} {j} {separation:.3f}")
    0 0 0.720 arcsec
    1 1 0.720 arcsec
    """
    ra1, dec1 = _degrees(coords1, "coords1")
    coords2 = _same_frame(coords2, coords1)
    ra2, dec2 = _degrees(coords2, "coords2")
    radius_arcsec = quantity_value(radius, u.arcsec, "radius")
    check_radius(radius_arcsec, len(ra1), "coords1")
    i, j, sep = _pairs(ra1, dec1, ra2, dec2, radius_arcsec)
    return SkyPairs(i, j, u.Quantity(sep, u.arcsec, copy=False))


def _same_frame(coords, other):
    if not isinstance(coords, SkyCoord):
        raise TypeError(f"coords2 must be a SkyCoord, got {type(coords).__name__}")
    return coords if coords.is_equivalent_frame(other.frame) else coords.transform_to(other.frame)


def _degrees(coords, name):
    if not isinstance(coords, SkyCoord):
        raise TypeError(f"{name} must be a SkyCoord, got {type(coords).__name__}")
    if coords.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got shape {coords.shape}")
    sphere = coords.spherical
    masked = np.broadcast_to(np.asarray(getattr(sphere.lon, "mask", False)), coords.shape)
    lon, lat = (
        np.asarray(getattr(x, "unmasked", x).to_value(u.deg)) for x in (sphere.lon, sphere.lat)
    )
    bad = masked | ~np.isfinite(lon) | ~np.isfinite(lat)
    if bad.any():
        raise ValueError(
            f"{name} must have no missing positions, got {bad.sum()}, the first in row "
            f"{np.argmax(bad)}"
        )
    return lon.astype(float), lat.astype(float)


def check_radius(radius_arcsec, n_rows, name):
    """
    Check a search radius: finite, from 0 to 180 degrees, one or one for each row.

    Parameters
    ----------
    radius_arcsec : float or `~numpy.ndarray`
        The radius.
    n_rows : int
        Rows of the first catalogue.
    name : str
        Name of the first catalogue.

    Raises
    ------
    ValueError
        If it is not.
    """
    if np.ndim(radius_arcsec) and np.shape(radius_arcsec) != (n_rows,):
        raise ValueError(
            f"radius must be one value or one for each of the {n_rows} rows of {name}, "
            f"got shape {np.shape(radius_arcsec)}"
        )
    values = np.atleast_1d(radius_arcsec)
    good = (values >= 0) & (values <= 180 * 3600)
    if not good.all():
        raise ValueError(f"radius must be from 0 to 180 deg, got {values[~good][0] / 3600:g} deg")


def _pairs(ra1_deg, dec1_deg, ra2_deg, dec2_deg, radius_arcsec, *, chunk=_ROWS_AT_ONCE):
    """
    Find all pairs within a radius; the private core of `sky_pairs`.

    Parameters
    ----------
    ra1_deg, dec1_deg, ra2_deg, dec2_deg : `~numpy.ndarray` of float64
        Finite positions.
    radius_arcsec : float or `~numpy.ndarray` of shape (n1,)
        Largest separation.
    chunk : int, optional
        Rows worked on at once.

    Returns
    -------
    i, j : `~numpy.ndarray` of int64
        Rows.
    sep_arcsec : `~numpy.ndarray` of float64
        Separations; sorted by (i, sep_arcsec, j).
    """
    radius = np.broadcast_to(np.asarray(radius_arcsec, float), ra1_deg.shape)
    if not len(ra1_deg) or not len(ra2_deg):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    vectors1 = _unit_vectors(ra1_deg, dec1_deg)
    rows2, vectors2 = _neighbourhood(vectors1, ra2_deg, dec2_deg, _chord(radius.max()), chunk)
    # An unbalanced tree is built in less than half the time, and searched in about the same.
    tree2 = cKDTree(vectors2, balanced_tree=False, compact_nodes=False)
    # Sources of like radius are searched together, so a single large one does not slow down all.
    size = np.ceil(np.log2(np.maximum(radius, 1e-6)))
    parts, total = [], 0
    for value in np.unique(size):
        rows = np.flatnonzero(size == value)
        chord = _chord(radius[rows].max())
        todo = [rows[k : k + chunk] for k in range(0, len(rows), chunk)]
        while todo:
            rows = todo.pop()
            tree1 = cKDTree(vectors1[rows])
            count = int(tree1.count_neighbors(tree2, chord))
            if total + count > _MAX_PAIRS:
                raise ValueError(
                    f"radius is too large for memory: more than {_MAX_PAIRS:,} pairs lie within "
                    f"{radius.max() / 3600:g} deg; ask for a smaller radius or for fewer sources"
                )
            if count > _PAIRS_AT_ONCE and len(rows) > 1:
                todo += np.array_split(rows, min(len(rows), 1 + count // _PAIRS_AT_ONCE))
                continue
            found = tree1.sparse_distance_matrix(tree2, chord, output_type="ndarray")
            i, j = rows[found["i"]], rows2[found["j"]]
            sep = _separation(ra1_deg[i], dec1_deg[i], ra2_deg[j], dec2_deg[j])
            near = sep <= radius[i]
            total += np.count_nonzero(near)
            parts.append((i[near], j[near], sep[near]))
    i, j, sep = (np.concatenate(column) for column in zip(*parts, strict=True))
    del parts
    order = np.lexsort((j, sep, i))
    return i[order], j[order], sep[order]


def _unit_vectors(ra_deg, dec_deg):
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    vectors = np.empty((len(ra), 3))
    cos_dec = np.cos(dec)
    vectors[:, 0] = cos_dec * np.cos(ra)
    vectors[:, 1] = cos_dec * np.sin(ra)
    vectors[:, 2] = np.sin(dec)
    return vectors


def _chord(radius_arcsec):
    return 2 * np.sin(radius_arcsec * ARCSEC / 2) * (1 + 1e-12) + _CHORD_SLACK


def _neighbourhood(vectors1, ra2_deg, dec2_deg, chord, chunk):
    """
    Keep the rows of the second catalogue that may be near any row of the first.

    Space is cut into cubes of twice the chord, so each ball around a source touches at most eight;
    their hashes are marked in a table. Hashes that collide keep a row too many, never one too few.
    Most catalogues have far more objects than X-ray sources have neighbours: building the tree of
    what is kept alone is what makes the search fast.
    """
    n1, n2 = len(vectors1), len(ra2_deg)
    if n2 < 20_000 or 8 * n1 > _SLOTS // 2 or chord > 0.1:
        return np.arange(n2), _unit_vectors(ra2_deg, dec2_deg)
    # Rounding of a coordinate must not carry a row over the wall of a cell that was not marked.
    reach = chord + 1e-14
    cell = 2 * reach
    occupied = np.zeros(_SLOTS, bool)
    ends = [np.floor((vectors1 + side) / cell).astype(np.int64) for side in (-reach, reach)]
    for corner in range(8):
        x, y, z = (ends[corner >> axis & 1][:, axis] for axis in range(3))
        occupied[_slot(x, y, z)] = True
    rows, vectors = [], []
    for start in range(0, n2, chunk):
        part = slice(start, start + chunk)
        here = _unit_vectors(ra2_deg[part], dec2_deg[part])
        keep = np.flatnonzero(occupied[_slot(*np.floor(here.T / cell).astype(np.int64))])
        rows.append(keep + start)
        vectors.append(here[keep])
    return np.concatenate(rows), np.concatenate(vectors)


def _slot(x, y, z):
    return ((x * _PRIMES[0]) ^ (y * _PRIMES[1]) ^ (z * _PRIMES[2])) & (_SLOTS - 1)


def _separation(ra1_deg, dec1_deg, ra2_deg, dec2_deg):
    """
    Great-circle separation in arcsec, from the differences of the coordinates.

    The haversine and its complement are both sums of squares: nothing cancels at either end.
    """
    half_ra = np.radians(_ra_difference(ra1_deg, ra2_deg)) / 2
    half_dec = np.radians(dec2_deg - dec1_deg) / 2
    half_sum = np.radians(dec2_deg + dec1_deg) / 2
    cosines = np.cos(np.radians(dec1_deg)) * np.cos(np.radians(dec2_deg))
    haversine = np.sin(half_dec) ** 2 + cosines * np.sin(half_ra) ** 2
    complement = np.sin(half_sum) ** 2 + cosines * np.cos(half_ra) ** 2
    return 2 * np.arctan2(np.sqrt(haversine), np.sqrt(complement)) / ARCSEC


def _ra_difference(ra1_deg, ra2_deg):
    # Exact for neighbours on both sides of RA 0, where a remainder would lose digits.
    difference = ra2_deg - ra1_deg
    return difference - 360 * np.round(difference / 360)


def _offsets(ra1_deg, dec1_deg, ra2_deg, dec2_deg):
    """
    Offsets East and North in arcsec: the separation, turned by the position angle from 1 to 2.
    """
    d_ra = np.radians(_ra_difference(ra1_deg, ra2_deg))
    dec1, dec2 = np.radians(dec1_deg), np.radians(dec2_deg)
    east = np.cos(dec2) * np.sin(d_ra)
    # sin(dec2 - dec1) + ... instead of a difference of two products, which cancels.
    north = (
        np.sin(np.radians(dec2_deg - dec1_deg))
        + 2 * np.sin(dec1) * np.cos(dec2) * np.sin(d_ra / 2) ** 2
    )
    angle = np.arctan2(east, north)
    sep = _separation(ra1_deg, dec1_deg, ra2_deg, dec2_deg)
    return sep * np.sin(angle), sep * np.cos(angle)
