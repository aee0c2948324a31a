# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Galaxies as ellipses on the sky.
"""

import logging
from typing import NamedTuple

import numpy as np
from astropy import units as u

from claxboi.utils import InputValueError, check_choice, check_columns, float_values, text_values

from .catalogue_positions import read_positions

__all__ = ["Ellipses", "read_ellipses", "read_galaxy_ids"]

log = logging.getLogger(__name__)

# Axes that went through single precision may be equal to within their rounding.
_ROUNDING = 1e-6


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
        What stands for an ellipse without an angle.

    Returns
    -------
    ellipses : `Ellipses`
        Those of the galaxies that have a size.
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
    if "r25_angle" in galaxies.colnames:
        angle = float_values(galaxies, "r25_angle", unit=u.deg, name="galaxies")
    else:
        angle = np.full(len(galaxies), np.nan)

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
    if column not in galaxies.colnames:
        return np.full(len(galaxies), np.nan)
    size = float_values(galaxies, column, unit=unit, name="galaxies")
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
