# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Geometry on the sphere, for arrays in degrees and arcseconds: separations, offsets and close pairs.
"""

import numpy as np

from .exceptions import InputValueError

__all__ = [
    "ARCSEC",
    "chord_length",
    "nearest_within",
    "pairs_within",
    "sky_offsets",
    "sky_separation",
    "unit_vectors",
]

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


def pairs_within(ra1_deg, dec1_deg, ra2_deg, dec2_deg, radius_arcsec, *, chunk=_ROWS_AT_ONCE):
    """
    Find all pairs of two catalogues within a radius, on the whole sphere.

    Parameters
    ----------
    ra1_deg, dec1_deg : `~numpy.ndarray` of float64, shape (n1,)
        Finite positions.
    ra2_deg, dec2_deg : `~numpy.ndarray` of float64, shape (n2,)
        Finite positions.
    radius_arcsec : float or `~numpy.ndarray` of shape (n1,)
        Largest separation, included.
    chunk : int, optional
        Rows processed at once.

    Returns
    -------
    i, j : `~numpy.ndarray` of int64
        Rows of the first and the second catalogue.
    sep_arcsec : `~numpy.ndarray` of float64
        Separations; sorted by (i, sep_arcsec, j).

    Raises
    ------
    ValueError
        If there are more than 200 million pairs.
    """
    from scipy.spatial import cKDTree

    radius = np.broadcast_to(np.asarray(radius_arcsec, float), ra1_deg.shape)
    if not len(ra1_deg) or not len(ra2_deg):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    vectors1 = unit_vectors(ra1_deg, dec1_deg)
    rows2, vectors2 = _neighbourhood(
        vectors1, ra2_deg, dec2_deg, _search_chord(radius.max()), chunk
    )
    # An unbalanced tree is built in less than half the time, and searched in about the same.
    tree2 = cKDTree(vectors2, balanced_tree=False, compact_nodes=False)
    # Sources of like radius are searched together, so a single large one does not slow down all.
    size = np.ceil(np.log2(np.maximum(radius, 1e-6)))
    parts, total = [], 0
    for value in np.unique(size):
        rows = np.flatnonzero(size == value)
        chord = _search_chord(radius[rows].max())
        todo = [rows[k : k + chunk] for k in range(0, len(rows), chunk)]
        while todo:
            rows = todo.pop()
            tree1 = cKDTree(vectors1[rows])
            count = int(tree1.count_neighbors(tree2, chord))
            if total + count > _MAX_PAIRS:
                raise InputValueError(
                    f"radius is too large for memory: more than {_MAX_PAIRS:,} pairs lie within "
                    f"{radius.max() / 3600:g} deg; ask for a smaller radius or for fewer sources"
                )
            if count > _PAIRS_AT_ONCE and len(rows) > 1:
                todo += np.array_split(rows, min(len(rows), 1 + count // _PAIRS_AT_ONCE))
                continue
            found = tree1.sparse_distance_matrix(tree2, chord, output_type="ndarray")
            i, j = rows[found["i"]], rows2[found["j"]]
            sep = sky_separation(ra1_deg[i], dec1_deg[i], ra2_deg[j], dec2_deg[j])
            near = sep <= radius[i]
            total += np.count_nonzero(near)
            parts.append((i[near], j[near], sep[near]))
    i, j, sep = (np.concatenate(column) for column in zip(*parts, strict=True))
    del parts
    order = np.lexsort((j, sep, i))
    return i[order], j[order], sep[order]


def nearest_within(ra1_deg, dec1_deg, ra2_deg, dec2_deg, radius_arcsec):
    """
    Find the nearest row of the second catalogue for each row of the first.

    Parameters
    ----------
    ra1_deg, dec1_deg, ra2_deg, dec2_deg, radius_arcsec
        As for `pairs_within`.

    Returns
    -------
    row : `~numpy.ndarray` of int64, shape (n1,)
        Row of the second catalogue; -1 where none is within the radius.
    sep_arcsec : `~numpy.ndarray` of float64, shape (n1,)
        Separation from it; infinite where there is none.
    """
    row = np.full(len(ra1_deg), -1)
    sep_arcsec = np.full(len(ra1_deg), np.inf)
    i, j, sep = pairs_within(ra1_deg, dec1_deg, ra2_deg, dec2_deg, radius_arcsec)
    i, first = np.unique(i, return_index=True)
    row[i], sep_arcsec[i] = j[first], sep[first]
    return row, sep_arcsec


def unit_vectors(ra_deg, dec_deg):
    """
    Convert positions to unit vectors.

    Parameters
    ----------
    ra_deg, dec_deg : `~numpy.ndarray` of shape (n,)
        Positions.

    Returns
    -------
    vectors : `~numpy.ndarray` of shape (n, 3)
    """
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    vectors = np.empty((len(ra), 3))
    cos_dec = np.cos(dec)
    vectors[:, 0] = cos_dec * np.cos(ra)
    vectors[:, 1] = cos_dec * np.sin(ra)
    vectors[:, 2] = np.sin(dec)
    return vectors


def chord_length(angle_arcsec):
    """
    Convert an angle to the distance between the ends of two unit vectors.

    Parameters
    ----------
    angle_arcsec : float or `~numpy.ndarray`
        Angle, up to 180 degrees.

    Returns
    -------
    chord : same type as ``angle_arcsec``
    """
    return 2 * np.sin(angle_arcsec * ARCSEC / 2)


def _search_chord(radius_arcsec):
    return chord_length(radius_arcsec) * (1 + 1e-12) + _CHORD_SLACK


def _neighbourhood(vectors1, ra2_deg, dec2_deg, chord, chunk):
    """
    Keep the rows of the second catalogue that may be near any row of the first.

    Space is cut into cubes of twice the chord, so each ball around a source touches at most eight;
    their hashes are marked in a table. Hashes that collide keep a row too many, never one too few.
    Most catalogues have far more objects than X-ray sources have neighbours, so that a tree of the
    kept rows alone is built fast.
    """
    n1, n2 = len(vectors1), len(ra2_deg)
    if n2 < 20_000 or 8 * n1 > _SLOTS // 2 or chord > 0.1:
        return np.arange(n2), unit_vectors(ra2_deg, dec2_deg)
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
        here = unit_vectors(ra2_deg[part], dec2_deg[part])
        keep = np.flatnonzero(occupied[_slot(*np.floor(here.T / cell).astype(np.int64))])
        rows.append(keep + start)
        vectors.append(here[keep])
    return np.concatenate(rows), np.concatenate(vectors)


def _slot(x, y, z):
    return ((x * _PRIMES[0]) ^ (y * _PRIMES[1]) ^ (z * _PRIMES[2])) & (_SLOTS - 1)


def sky_separation(ra1_deg, dec1_deg, ra2_deg, dec2_deg):
    """
    Compute great-circle separations from the differences of the coordinates.

    Parameters
    ----------
    ra1_deg, dec1_deg, ra2_deg, dec2_deg : `~numpy.ndarray`
        Positions of both ends.

    Returns
    -------
    sep_arcsec : `~numpy.ndarray`

    Notes
    -----
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


def sky_offsets(ra1_deg, dec1_deg, ra2_deg, dec2_deg):
    """
    Compute offsets to the East and North from the first position to the second.

    Parameters
    ----------
    ra1_deg, dec1_deg, ra2_deg, dec2_deg : `~numpy.ndarray`
        Positions of both ends.

    Returns
    -------
    east_arcsec, north_arcsec : `~numpy.ndarray`
        The separation, projected by the position angle from the first to the second.
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
    sep = sky_separation(ra1_deg, dec1_deg, ra2_deg, dec2_deg)
    return sep * np.sin(angle), sep * np.cos(angle)
