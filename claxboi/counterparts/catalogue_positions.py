# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Positions of catalogue objects, their errors and proper motions, and the pairs of near ones.
"""

from typing import NamedTuple

import numpy as np
from astropy import units as u

from claxboi.utils import (
    ARCSEC,
    InputKeyError,
    InputTypeError,
    InputValueError,
    check_columns,
    float_values,
    pairs_within,
    sky_offsets,
    sky_separation,
    year_values,
)

__all__ = ["XRAY_COLUMNS"]

ELLIPSE = ("pos_error_major", "pos_error_minor", "pos_error_angle")
# Columns of the X-ray sources that an association reads.
XRAY_COLUMNS = ("source_id", "ra", "dec", "epoch", "pos_error", *ELLIPSE)
_MAS_PER_YEAR = u.mas / u.yr
# Names of the Gaia archive; pmra is that on the sky, with cos(dec).
_MOTION = ("pmra", "pmdec")
_MOTION_ERRORS = ("pmra_error", "pmdec_error")
_EPOCHS = ("epoch", "ref_epoch")


def read_positions(table, name):
    """
    Read the positions of a table and check them.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    name : str
        Name of the argument.

    Returns
    -------
    ra_deg, dec_deg : `~numpy.ndarray`
        Finite, and the declinations possible.
    """
    check_columns(table, ["ra", "dec"], name)
    ra, dec = (float_values(table, column, unit=u.deg, name=name) for column in ("ra", "dec"))
    missing = np.isnan(ra) | np.isnan(dec)
    if missing.any():
        raise InputValueError(
            f"{name} must have no missing positions, got {np.count_nonzero(missing)}, the first in "
            f"row {np.argmax(missing)}"
        )
    wrong = np.abs(dec) > 90
    if wrong.any():
        raise InputValueError(
            f"column 'dec' of {name} must be from -90 to 90 deg, got {dec[wrong][0]:g} in row "
            f"{np.argmax(wrong)}"
        )
    return ra, dec


def check_catalogue_names(names, taken, argument):
    """
    Check that the names of catalogues can be names of columns of the result.

    Parameters
    ----------
    names : iterable of str
        The catalogues.
    taken : iterable of str
        Other columns of the result, in lower case.
    argument : str
        Name of the argument.

    Raises
    ------
    TypeError, ValueError
        If a name is not a string, or occurs twice.
    """
    taken = set(taken)
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise InputTypeError(f"names of {argument} must be strings, got {name!r}")
        if name.lower() in taken:
            raise InputValueError(
                f"{argument} must not be called {name!r}: the result has a column of that name "
                "(names are compared without case, as FITS does)"
            )
        taken.add(name.lower())


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
        raise InputValueError(
            f"radius must be one value or one for each of the {n_rows} rows of {name}, "
            f"got shape {np.shape(radius_arcsec)}"
        )
    values = np.atleast_1d(radius_arcsec)
    good = (values >= 0) & (values <= 180 * 3600)
    if not good.all():
        raise InputValueError(
            f"radius must be from 0 to 180 deg, got {values[~good][0] / 3600:g} deg"
        )


class Covariances(NamedTuple):
    """
    Positional covariances in arcsec^2, each of shape (n,): East-East, East-North, North-North.
    """

    ee: np.ndarray
    """Variance along East."""

    en: np.ndarray | None
    """Covariance; None where every error of the catalogue is circular, and then ``nn`` is
    ``ee``."""

    nn: np.ndarray
    """Variance along North."""

    @property
    def is_circular(self):
        """Whether all errors are circles."""
        return self.en is None

    def __getitem__(self, rows):
        if self.is_circular:
            ee = self.ee[rows]
            return Covariances(ee, None, ee)
        return Covariances(self.ee[rows], self.en[rows], self.nn[rows])

    def general(self):
        """
        Return the three arrays, zeros for the covariance of circles.

        Returns
        -------
        ee, en, nn : `~numpy.ndarray`
        """
        en = np.zeros_like(self.ee) if self.is_circular else self.en
        return self.ee, en, self.nn


def chi_square(first, second, east, north):
    """
    Compute the square of separations in units of their errors.

    Parameters
    ----------
    first, second : Covariances
        Positional errors of both ends, in arcsec^2.
    east, north : `~numpy.ndarray`
        Offsets from one to the other, in arcsec.

    Returns
    -------
    chi2 : `~numpy.ndarray`
        With two degrees of freedom.
    """
    ee, en, nn = (a + b for a, b in zip(first.general(), second.general(), strict=True))
    return (nn * east**2 - 2 * en * east * north + ee * north**2) / (ee * nn - en**2)


def read_covariances(table, name):
    """
    Read the positional errors of a table.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``pos_error``, or with ``pos_error_major``, ``_minor`` and ``_angle``; the ellipse is
        taken where both are there and it is complete, the circle in the other rows.
    name : str
        Name of the table, for messages.

    Returns
    -------
    covariances : Covariances

    Raises
    ------
    KeyError, ValueError
        If there are no errors, or one is missing, zero or negative.
    """
    has_ellipse = all(column in table.colnames for column in ELLIPSE)
    has_circle = "pos_error" in table.colnames
    if not has_ellipse and not has_circle:
        raise InputKeyError(
            f"{name} has no column 'pos_error' (1 sigma per axis, in arcsec), nor the ellipse "
            f"{', '.join(ELLIPSE)}; sigma_from_radius() converts 68, 90 or 95 % radii"
        )
    circle = float_values(table, "pos_error", unit=u.arcsec, name=name) if has_circle else None
    if not has_ellipse:
        _check_positive(circle, "pos_error", name)
        variance = circle**2
        return Covariances(variance, None, variance)
    major, minor = (float_values(table, c, unit=u.arcsec, name=name) for c in ELLIPSE[:2])
    angle = np.radians(float_values(table, ELLIPSE[2], unit=u.deg, name=name))
    # A circle has no angle.
    angle[np.isnan(angle) & (major == minor)] = 0.0
    whole = ~(np.isnan(major) | np.isnan(minor) | np.isnan(angle))
    if has_circle:
        major, minor = np.where(whole, major, circle), np.where(whole, minor, circle)
        angle[~whole] = 0.0
    elif not whole.all():
        raise InputValueError(
            f"the error ellipse of {name} is incomplete in {np.sum(~whole)} rows, the first is row "
            f"{np.argmin(whole)}; add a column 'pos_error' for these rows"
        )
    _check_positive(major, "pos_error_major", name)
    _check_positive(minor, "pos_error_minor", name)
    if np.all(major == minor):
        variance = major**2
        return Covariances(variance, None, variance)
    # Position angle from North through East: the major axis points to (sin, cos) = (East, North).
    sin, cos = np.sin(angle), np.cos(angle)
    return Covariances(
        (major * sin) ** 2 + (minor * cos) ** 2,
        (major**2 - minor**2) * sin * cos,
        (major * cos) ** 2 + (minor * sin) ** 2,
    )


def _check_positive(values, column, name):
    bad = ~(values > 0)
    if bad.any():
        row = int(np.argmax(bad))
        what = "missing" if np.isnan(values[row]) else f"{values[row]:g} arcsec"
        raise InputValueError(
            f"{column} of {name} must be positive (1 sigma per axis), got {bad.sum()} bad rows, "
            f"the first is row {row}: {what}; complete_pos_errors() fills or floors what is "
            "missing or zero"
        )


class Motion(NamedTuple):
    """
    Proper motions, each array of shape (n,); zero where there is none.
    """

    east: np.ndarray
    """Proper motion along East in arcsec / yr, with cos(dec)."""

    north: np.ndarray
    """Proper motion along North in arcsec / yr."""

    east_error: np.ndarray
    """Its 1 sigma error along East in arcsec / yr."""

    north_error: np.ndarray
    """Its 1 sigma error along North in arcsec / yr."""

    epoch: np.ndarray
    """Julian year at which the object was where the catalogue says."""


class Positions(NamedTuple):
    """
    Positions of a catalogue for `associate`.
    """

    ra: np.ndarray
    """Right ascension in deg."""

    dec: np.ndarray
    """Declination in deg."""

    covariances: Covariances
    """Positional errors."""

    motion: Motion | None = None
    """Proper motion of secondaries."""

    epoch: np.ndarray | None = None
    """Epoch of primaries in Julian years, NaN where unknown."""


class Neighbours(NamedTuple):
    """
    Secondaries near primaries, sorted by primary and separation; all of shape (n_pairs,).
    """

    primary: np.ndarray
    """Row of the primary."""

    secondary: np.ndarray
    """Row of the secondary."""

    separation: np.ndarray
    """Separation in arcsec at the epoch of the primary."""

    ra: np.ndarray
    """Right ascension of the secondary at that epoch, in deg."""

    dec: np.ndarray
    """Declination of the secondary at that epoch, in deg."""

    east: np.ndarray
    """Offset of the secondary from the primary in arcsec."""

    north: np.ndarray
    """Offset of the secondary from the primary in arcsec."""

    covariances: Covariances
    """Positional errors of the secondary at that epoch."""


def read_motion(table, name):
    """
    Read proper motions, where a table has them.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``pmra`` (cos(dec) included), ``pmdec``, and ``epoch`` or ``ref_epoch``; the errors
        ``pmra_error`` and ``pmdec_error`` are used where they are there.
    name : str
        Its name, for messages.

    Returns
    -------
    motion : Motion or None
        None without the columns.

    Raises
    ------
    KeyError
        If there are proper motions and no epoch.
    """
    if not all(column in table.colnames for column in _MOTION):
        return None
    epochs = [column for column in _EPOCHS if column in table.colnames]
    if not epochs:
        raise InputKeyError(
            f"{name} has proper motions (pmra, pmdec) and no column 'epoch' or 'ref_epoch', the "
            "year of its positions; add it, or pass epoch=False to ignore proper motions"
        )
    values = [float_values(table, c, unit=_MAS_PER_YEAR, name=name) / 1000 for c in _MOTION]
    for column in _MOTION_ERRORS:
        has = column in table.colnames
        error = float_values(table, column, unit=_MAS_PER_YEAR, name=name) if has else 0.0
        values.append(np.broadcast_to(np.nan_to_num(error) / 1000, len(table)))
    epoch = year_values(table, epochs[0], name=name)
    known = np.isfinite(values[0]) & np.isfinite(values[1]) & np.isfinite(epoch)
    return Motion(*(np.where(known, value, 0.0) for value in (*values, epoch)))


def _moved(ra_deg, dec_deg, motion, years):
    """
    Move positions along straight lines in space, as a star without a known distance moves.
    """
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    east, north = motion.east * years * ARCSEC, motion.north * years * ARCSEC
    sin_ra, cos_ra, sin_dec, cos_dec = np.sin(ra), np.cos(ra), np.sin(dec), np.cos(dec)
    x = cos_dec * cos_ra - east * sin_ra - north * sin_dec * cos_ra
    y = cos_dec * sin_ra + east * cos_ra - north * sin_dec * sin_ra
    z = sin_dec + north * cos_dec
    there = np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))
    # Objects without motion keep their last digit.
    still = (east == 0) & (north == 0)
    return np.where(still, ra_deg, there[0]), np.where(still, dec_deg, there[1])


def _years(motion, epoch):
    # A primary without an epoch sees the secondaries where their catalogue has them.
    return np.where(np.isfinite(epoch) & (motion.epoch != 0), epoch - motion.epoch, 0.0)


def find_neighbours(primaries, secondaries, radius_arcsec):
    """
    Find the secondaries near each primary, at the epoch of the primary.

    Parameters
    ----------
    primaries, secondaries : Positions
        The catalogues.
    radius_arcsec : float or `~numpy.ndarray` of shape (n_primaries,)
        Largest separation.

    Returns
    -------
    neighbours : Neighbours
    """
    moves = secondaries.motion is not None and primaries.epoch is not None
    if moves and np.isfinite(primaries.epoch).any():
        return _find_moving(primaries, secondaries, radius_arcsec)
    i, j, sep = pairs_within(
        primaries.ra, primaries.dec, secondaries.ra, secondaries.dec, radius_arcsec
    )
    ra, dec = secondaries.ra[j], secondaries.dec[j]
    east, north = sky_offsets(primaries.ra[i], primaries.dec[i], ra, dec)
    return Neighbours(i, j, sep, ra, dec, east, north, secondaries.covariances[j])


def _find_moving(primaries, secondaries, radius_arcsec):
    motion = secondaries.motion
    radius = np.broadcast_to(np.asarray(radius_arcsec, float), primaries.ra.shape)
    known = primaries.epoch[np.isfinite(primaries.epoch)]
    middle = (known.min() + known.max()) / 2
    ra, dec = _moved(secondaries.ra, secondaries.dec, motion, _years(motion, middle))
    # How far an object can be from its place at the middle epoch, for any primary.
    reach = np.hypot(motion.east, motion.north) * (known.max() - known.min()) / 2
    if not np.isfinite(primaries.epoch).all():
        reach = np.maximum(reach, sky_separation(ra, dec, secondaries.ra, secondaries.dec))
    # A few fast stars must not widen the search for all: like ones are searched together.
    size = np.ceil(np.log2(np.maximum(reach, 0.1)))
    found = []
    for value in np.unique(size):
        rows = np.flatnonzero(size == value)
        slack = reach[rows].max() * (1 + 1e-9) + 1e-6
        wide = np.minimum(radius + slack, 180 * 3600.0)
        i, j, _ = pairs_within(primaries.ra, primaries.dec, ra[rows], dec[rows], wide)
        found.append((i, rows[j]))
    i, j = (np.concatenate(column) for column in zip(*found, strict=True))
    here = Motion(*(value[j] for value in motion))
    years = _years(here, primaries.epoch[i])
    ra, dec = _moved(secondaries.ra[j], secondaries.dec[j], here, years)
    sep = sky_separation(primaries.ra[i], primaries.dec[i], ra, dec)
    near = np.flatnonzero(sep <= radius[i])
    near = near[np.lexsort((j[near], sep[near], i[near]))]
    i, j, sep, ra, dec, years = (value[near] for value in (i, j, sep, ra, dec, years))
    ee, en, nn = secondaries.covariances[j].general()
    grown = Covariances(
        ee + (motion.east_error[j] * years) ** 2, en, nn + (motion.north_error[j] * years) ** 2
    )
    east, north = sky_offsets(primaries.ra[i], primaries.dec[i], ra, dec)
    return Neighbours(i, j, sep, ra, dec, east, north, grown)
