# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Membership of positions in sky regions, MOCs and masks.
"""

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from claxboi.utils import InputTypeError

__all__ = ["inside", "inside_rows"]

#: A region in the plane is projected on the plane that touches the sphere at its middle; farther
#: away than this (deg) nothing is inside.
FARTHEST_DEG = 80.0


def inside_rows(region, coords, *, name="region"):
    """
    Find the rows of a table that lie inside a region, or that a mask selects.

    Parameters
    ----------
    region : None, array-like of bool, or as for `inside`
        The region; None is everywhere.
    coords : callable
        Returns the positions of the rows; not called where none are needed.
    name : str, optional
        Name of the argument.

    Returns
    -------
    mask : `~numpy.ndarray` of bool, shape (n_rows,), or None for everywhere
    """
    if region is None:
        return None
    if isinstance(region, np.ndarray) and region.dtype == bool:
        return region
    return inside(region, coords(), name=name)


def inside(region, coords, *, name="region"):
    """
    Find the positions that lie inside a region.

    Parameters
    ----------
    region : region, MOC, callable, or sequence of them
        A region on the sphere (`~regions.SphericalSkyRegion`) is exact, and so is a circle. Other
        sky regions (ellipse, rectangle, polygon, ...) are taken in the tangential plane at their
        middle, where great circles are straight: a polygon is exact, an ellipse of radius r is to
        r^2/3 (0.1 % at 3 deg). An object with ``contains_skycoords`` (a MOC of mocpy), and
        a function of the positions that returns bools, are asked. A sequence is the union of its
        regions, without those that are excluded ("-circle" of DS9).
    coords : `~astropy.coordinates.SkyCoord` of shape (n,)
        The positions.
    name : str, optional
        Name of the argument.

    Returns
    -------
    mask : `~numpy.ndarray` of bool, shape (n,)

    Raises
    ------
    TypeError
        If it is none of these.
    """
    # regions imports matplotlib.
    import regions

    spherical = getattr(regions, "SphericalSkyRegion", ())
    if isinstance(region, (list, tuple, regions.Regions)):
        excluded = [_is_excluded(part) for part in region]
        # Excluded regions alone are taken out of the whole sky.
        mask = np.full(len(coords), len(excluded) > 0 and all(excluded))
        for part, is_out in zip(region, excluded, strict=True):
            if not is_out:
                mask |= inside(part, coords, name=name)
        for part, is_out in zip(region, excluded, strict=True):
            if is_out:
                mask &= inside(part, coords, name=name)
        return mask
    if _is_excluded(region):
        included = region.copy()
        included.meta.pop("include")
        return ~inside(included, coords, name=name)
    if isinstance(region, spherical):
        return np.asarray(region.contains(coords), bool)
    if isinstance(region, regions.CompoundSkyRegion):
        return region.operator(
            inside(region.region1, coords, name=name), inside(region.region2, coords, name=name)
        )
    if isinstance(region, regions.SkyRegion):
        return _inside_plane(region, coords)
    if hasattr(region, "contains_skycoords"):
        return np.asarray(region.contains_skycoords(coords), bool)
    if callable(region):
        return np.asarray(region(coords), bool)
    raise InputTypeError(
        f"{name} must be a region of the package regions, a MOC, a function of positions, or a "
        f"list of them, got {type(region).__name__}"
    )


def _is_excluded(region):
    meta = getattr(region, "meta", None) or {}
    return meta.get("include", True) in (False, "-", "0")


def _inside_plane(region, coords):
    middle = getattr(region, "center", None)
    if middle is None:
        vertices = region.vertices.icrs.cartesian
        middle = SkyCoord(vertices.mean(), frame="icrs")
    separation = middle.separation(coords).deg
    if hasattr(region, "radius"):
        return separation <= region.radius.to_value("deg")
    galactic = middle.frame.name == "galactic"
    if not galactic:
        middle = middle.icrs
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"] if galactic else ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = middle.spherical.lon.deg, middle.spherical.lat.deg
    # Pixels of an arcsecond: regions measures the scale of the plane over one.
    wcs.wcs.cdelt = -1 / 3600, 1 / 3600
    mask = np.zeros(len(coords), bool)
    near = np.flatnonzero(separation < FARTHEST_DEG)
    mask[near] = region.contains(coords[near], wcs)
    return mask
