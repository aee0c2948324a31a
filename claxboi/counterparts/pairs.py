# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
All pairs of two catalogues within a radius, on the whole sphere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi.utils import (
    InputTypeError,
    coordinate_values,
    pairs_within,
    quantity_value,
)

from .catalogue_positions import check_radius

__all__ = ["SkyPairs", "sky_pairs"]


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


def sky_pairs(coords1: SkyCoord, coords2: SkyCoord, radius: Any) -> SkyPairs:
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
    ra1, dec1 = coordinate_values(coords1, "coords1")
    coords2 = _same_frame(coords2, coords1)
    ra2, dec2 = coordinate_values(coords2, "coords2")
    radius_arcsec = quantity_value(radius, u.arcsec, "radius")
    check_radius(radius_arcsec, len(ra1), "coords1")
    i, j, sep = pairs_within(ra1, dec1, ra2, dec2, radius_arcsec)
    return SkyPairs(i, j, u.Quantity(sep, u.arcsec, copy=False))


def _same_frame(coords, other):
    if not isinstance(coords, SkyCoord):
        raise InputTypeError(f"coords2 must be a SkyCoord, got {type(coords).__name__}")
    return coords if coords.is_equivalent_frame(other.frame) else coords.transform_to(other.frame)
