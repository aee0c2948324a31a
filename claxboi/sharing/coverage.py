# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Coverage maps (MOC) of a table of sources.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.coordinates import Latitude, Longitude

from claxboi.utils import InputTypeError, InputValueError, check_count, quantity_value

from ._sky_positions import read_positions

if TYPE_CHECKING:
    from os import PathLike

    from astropy.table import Table
    from astropy.units import Quantity
    from mocpy import MOC

__all__ = ["coverage_moc", "is_covered"]


def coverage_moc(table: Table, *, radius: Quantity = 15 * u.arcmin, order: int = 12) -> MOC:
    """
    Make a coverage map (MOC) of the regions around sources.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, with ``ra`` and ``dec``; those without a position are ignored.
    radius : `~astropy.units.Quantity` ['angle'], optional
        Radius around each source that is covered. Default: 15 arcmin, the half width of the field
        of view of XMM-Newton.
    order : int, optional
        Finest order of the cells (order 12: 52 arcsec). At the default the sky fraction is accurate
        to 1 %; it gets worse with larger cells.

    Returns
    -------
    moc : `~mocpy.MOC`
        Its method ``save`` writes it as FITS, which Aladin, TOPCAT and ESASky read.

    Raises
    ------
    ImportError
        If mocpy is not installed.
    KeyError, TypeError, ValueError
        If the table has no positions, or the radius or the order is invalid.

    Notes
    -----
    The map equals the observed region only if there are sources everywhere in it. If the footprints
    of the observations are known, use them instead.

    A MOC has whole cells, so a disc of cells is larger than the disc itself: on average by the area
    of a cell and its perimeter times the radius. The discs are made smaller to compensate, so that
    areas are correct on average. The cell of each source is always covered.

    Examples
    --------
    >>> from claxboi.sharing import coverage_moc
    >>> moc = coverage_moc(table)  # doctest: +SKIP
    >>> moc.save("coverage.fits", format="fits")  # doctest: +SKIP
    """
    ra, dec, known = read_positions(table)
    order = check_count(order, "order", minimum=0)
    if order > _FINEST:
        raise InputValueError(f"order must be at most {_FINEST}, got {order}")
    radius_deg = quantity_value(radius, u.deg, "radius")
    if not np.ndim(radius_deg) == 0 or not 0 < radius_deg <= 180:
        raise InputValueError(
            f"radius must be a single angle above 0 and at most 180 deg, got {radius}"
        )
    moc_type = _mocpy().MOC
    if not known.any():
        return moc_type.new_empty(max_depth=order)
    return moc_type.from_cones(
        lon=Longitude(ra[known], u.deg),
        lat=Latitude(dec[known], u.deg),
        radius=_smaller(radius_deg, order) * u.deg,
        max_depth=order,
        union_strategy="small_cones",
    )


def is_covered(table: Table, coverage: MOC | str | PathLike[str]) -> np.ndarray:
    """
    Find the sources inside the footprint of a survey.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, with ``ra`` and ``dec``.
    coverage : `~mocpy.MOC` or str or path
        The footprint, or its FITS file; CDS provides one for each survey.

    Returns
    -------
    is_covered : `~numpy.ndarray` of bool, shape (n_rows,)
        False where there is no position. Accurate to one cell of the map.

    Raises
    ------
    ImportError
        If mocpy is not installed.
    FileNotFoundError
        If there is no such file.
    KeyError, TypeError, ValueError
        If the table has no positions, or the file is not a coverage map.

    Examples
    --------
    >>> from claxboi.sharing import is_covered
    >>> covered = is_covered(table, "sdss.moc.fits")  # doctest: +SKIP
    """
    moc_type = _mocpy().MOC
    if isinstance(coverage, (str, os.PathLike)):
        path = os.fspath(coverage)
        if not os.path.isfile(path):
            raise FileNotFoundError(f"there is no coverage map {path}")
        try:
            coverage = moc_type.from_fits(path)
        except Exception as err:  # mocpy raises errors of many classes
            raise InputValueError(f"{path} is not a coverage map (MOC) in FITS: {err}") from err
    elif not isinstance(coverage, moc_type):
        raise InputTypeError(f"coverage must be a MOC or its file, got {type(coverage).__name__}")
    ra, dec, known = read_positions(table)
    covered = np.zeros(len(ra), bool)
    covered[known] = coverage.contains_lonlat(ra[known] * u.deg, dec[known] * u.deg)
    return covered


#: Of the standard: cells of 0.4 milliarcsec.
_FINEST = 29

#: Perimeter of a cell in units of the root of its area, on average over the sky: a square has 4.
_PERIMETER = 4.35

#: The radius of a disc in degrees that touches no cell but its own.
_POINT = 1e-7


def _smaller(radius_deg, order):
    """
    Return the radius of the discs whose cells have, on average, the area of discs of `radius_deg`.
    """
    cell = np.degrees(np.sqrt(4 * np.pi / (12 * 4**order)))
    # Steiner's formula: the mean area of the cells that a disc of radius r touches is
    # pi r^2 + perimeter r + cell^2.
    half = _PERIMETER * cell / (2 * np.pi)
    square = half**2 - cell**2 / np.pi + radius_deg**2
    return max(np.sqrt(max(square, 0)) - half, _POINT)


def _mocpy():
    try:
        import mocpy
    except ImportError as err:
        raise ImportError("coverage maps need mocpy: pip install 'claxboi[moc]'") from err
    return mocpy
