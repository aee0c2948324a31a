# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Sources in DS9 region files.
"""

import numpy as np
from astropy import units as u
from astropy.table import Column, MaskedColumn, Table

from claxboi.utils import InputValueError, warn

__all__ = ["read_regions"]

#: The attribute of a region that is its size in the longest direction, and whether it is a radius.
_SIZES = {
    "radius": 1,
    "outer_radius": 1,
    "width": 0.5,
    "height": 0.5,
    "outer_width": 0.5,
    "outer_height": 0.5,
}


def read_regions(path):
    """
    Read the centres of regions as sources.

    Parameters
    ----------
    path : path
        The file, with circles, ellipses, boxes, annuli and points on the sky.

    Returns
    -------
    table : `~astropy.table.Table`
        ``name`` (the text of the region), ``ra``, ``dec``, ``shape`` and ``region_radius`` (half
        the longest side; masked for points). The radius of a region is not an error: say so by
        ``columns={"pos_error": "region_radius"}`` where it is one.

    Raises
    ------
    ValueError
        If the file has no regions but excluded ones, or the centre of one is not on the sky.
    """
    from regions import Regions

    found = Regions.read(str(path), format="ds9")
    excluded = (False, "-", "0")
    regions = [region for region in found if region.meta.get("include", True) not in excluded]
    if not regions:
        raise InputValueError("the file has no regions")
    if len(regions) < len(found):
        warn(f"{len(found) - len(regions)} excluded regions are not read as sources")
    names, ra, dec, shapes, radii = [], [], [], [], []
    for region in regions:
        shape = type(region).__name__.removesuffix("SkyRegion").lower()
        centre = getattr(region, "center", None)
        if not hasattr(centre, "icrs"):
            raise InputValueError(
                f"regions must have a centre on the sky, got {type(region).__name__}: save them in "
                "DS9 as wcs, icrs"
            )
        names.append(str(region.meta.get("text") or region.meta.get("label") or ""))
        ra.append(float(centre.icrs.ra.deg))
        dec.append(float(centre.icrs.dec.deg))
        shapes.append("point" if shape == "point" else shape)
        sizes = [
            getattr(region, name).to_value(u.arcsec) * factor
            for name, factor in _SIZES.items()
            if hasattr(region, name)
        ]
        radii.append(max(sizes, default=np.nan))
    radii = np.array(radii)
    return Table(
        {
            "name": np.array(names, str),
            "ra": Column(ra, unit="deg"),
            "dec": Column(dec, unit="deg"),
            "shape": np.array(shapes, str),
            "region_radius": MaskedColumn(radii, unit="arcsec", mask=np.isnan(radii)),
        }
    )
