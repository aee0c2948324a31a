# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The part of the sky that a table of sources covers.
"""

import numpy as np
from astropy import units as u
from astropy.coordinates import Latitude, Longitude

from claxboi.utils import check_columns, check_count, check_table, float_values, quantity_value

__all__ = ["coverage_moc"]


def coverage_moc(table, *, radius=15 * u.arcmin, order=10):
    """
    Make the coverage map (MOC) of the fields that sources were found in.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, with ``ra`` and ``dec``; those without a position have no part.
    radius : `~astropy.units.Quantity` ['angle'], optional
        Everything within this of a source counts as covered. Default 15 arcmin, the half width of
        a field of XMM-Newton.
    order : int, optional
        Finest order of the cells, of 3.4 arcmin at 10. Cells that touch a disc are covered whole.

    Returns
    -------
    moc : `~mocpy.MOC`
        Its method ``save`` writes it as FITS, which Aladin, TOPCAT and ESASky read.

    Raises
    ------
    ImportError
        If mocpy is not installed.
    KeyError, TypeError, ValueError
        If the table has no positions, or the radius or the order cannot be.

    Notes
    -----
    It says where sources are, which is where the telescope looked only if it saw some
    everywhere. Where the footprints of the observations are known, take those.

    Examples
    --------
    >>> from claxboi.sharing import coverage_moc
    >>> moc = coverage_moc(table)  # doctest: +SKIP
    >>> moc.save("coverage.fits", format="fits")  # doctest: +SKIP
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["ra", "dec"])
    order = check_count(order, "order", minimum=0)
    if order > _FINEST:
        raise ValueError(f"order must be at most {_FINEST}, got {order}")
    radius_deg = quantity_value(radius, u.deg, "radius")
    if not np.ndim(radius_deg) == 0 or not 0 < radius_deg <= 180:
        raise ValueError(f"radius must be a single angle above 0 and at most 180 deg, got {radius}")
    moc_type = _mocpy().MOC
    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    known = np.isfinite(ra) & np.isfinite(dec)
    if not known.any():
        return moc_type.new_empty(max_depth=order)
    return moc_type.from_cones(
        lon=Longitude(ra[known], u.deg),
        lat=Latitude(dec[known], u.deg),
        radius=radius_deg * u.deg,
        max_depth=order,
        union_strategy="small_cones",
    )


#: Of the standard: cells of 0.4 milliarcsec.
_FINEST = 29


def _mocpy():
    try:
        import mocpy
    except ImportError as err:
        raise ImportError("coverage maps need mocpy: pip install 'claxboi[moc]'") from err
    return mocpy
