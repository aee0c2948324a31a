# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Positional errors: conversion to 1 sigma per axis, completion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from astropy import units as u

from claxboi.catalog import make_column
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    add_columns,
    check_choice,
    check_columns,
    check_count,
    check_number,
    check_table,
    float_values,
    quantity_value,
    shown,
)

from .catalogue_positions import ELLIPSE

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.units import Quantity
    from numpy.typing import ArrayLike

__all__ = ["complete_pos_errors", "radius_from_sigma", "sigma_from_radius"]


def sigma_from_radius(
    radius: float | ArrayLike | Quantity, level: float, *, dimensions: Literal[2, 1] = 2
) -> Any:
    r"""
    Convert the radius that holds the true position with some probability to 1 sigma per axis.

    Parameters
    ----------
    radius : float, array-like or `~astropy.units.Quantity`
        The radius (``dimensions=2``), or the half width of an interval on one axis
        (``dimensions=1``).
    level : float
        The probability that it holds, between 0 and 1: 0.90 for a 90 % radius.
    dimensions : {2, 1}, optional
        Whether the probability is that of a circle on the sky or of an interval on one axis.

    Returns
    -------
    sigma : same type as ``radius``
        Standard deviation along each axis, which is what ``pos_error`` means in claxboi.

    Raises
    ------
    ValueError
        If the level is not between 0 and 1, or ``dimensions`` is neither 1 nor 2.

    Notes
    -----
    For a circular Gaussian on the sky :math:`P(<r) = 1 - e^{-r^2 / 2\sigma^2}`, so 1 sigma per axis
    is the radius of 39.35 %. Radii in sigma:

    ======= ====== ====== ====== ====== ====== ======
    level   39.35% 63.21% 68.27% 90%    95%    99%
    radius  1      1.4142 1.5152 2.1460 2.4477 3.0349
    ======= ====== ====== ====== ====== ====== ======

    Examples
    --------
    >>> from astropy import units as u
    >>> from claxboi.counterparts import sigma_from_radius
    >>> sigma_from_radius(4.3 * u.arcsec, 0.90).round(3)
    <Quantity 2.004 arcsec>
    >>> round(sigma_from_radius(1.0, 0.6827, dimensions=1), 3)
    1.0
    """
    _check_sizes(radius, "radius")
    return radius / _radius_in_sigma(level, dimensions)


def radius_from_sigma(
    sigma: float | ArrayLike | Quantity, level: float, *, dimensions: Literal[2, 1] = 2
) -> Any:
    """
    Convert 1 sigma per axis to the radius that holds the true position with some probability.

    The inverse of `sigma_from_radius`.

    Parameters
    ----------
    sigma : float, array-like or `~astropy.units.Quantity`
        Standard deviation along each axis.
    level : float
        The probability, between 0 and 1.
    dimensions : {2, 1}, optional
        Whether of a circle on the sky or of an interval on one axis.

    Returns
    -------
    radius : same type as ``sigma``

    Raises
    ------
    ValueError
        If the level is not between 0 and 1, or ``dimensions`` is neither 1 nor 2.

    Examples
    --------
    >>> from claxboi.counterparts import radius_from_sigma
    >>> round(radius_from_sigma(1.0, 0.95), 4)
    2.4477
    """
    _check_sizes(sigma, "sigma")
    return sigma * _radius_in_sigma(level, dimensions)


def _check_sizes(values, name):
    numbers = np.asarray(getattr(values, "value", values))
    if numbers.dtype.kind not in "iuf":
        raise InputTypeError(
            f"{name} must be a number, an array or a Quantity, got {shown(values)}"
        )
    if np.any(numbers < 0):
        raise InputValueError(f"{name} must not be negative, got {shown(values)}")


def _radius_in_sigma(level, dimensions):
    from scipy.stats import chi

    level = check_number(level, "level", minimum=0, maximum=1, exclusive=True)
    dimensions = check_choice(dimensions, (2, 1), "dimensions")
    # The norm of a standard normal vector follows the chi distribution.
    return float(chi.ppf(level, dimensions))


def complete_pos_errors(
    table: Table,
    *,
    floor: Quantity | None = None,
    fill: Quantity | Literal["median", "flux"] | None = None,
    flux_bins: int = 10,
) -> Table:
    """
    Fill in missing and zero positional errors.

    `associate` accepts neither missing nor zero errors. This function fills them in and flags them.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``pos_error`` (arcsec, 1 sigma per axis), or the axes of an error ellipse, from whose
        root mean square it is made; with ``flux`` for ``fill="flux"``.
    floor : `~astropy.units.Quantity` ['angle'], optional
        Errors below it, zero included, are raised to it.
    fill : `~astropy.units.Quantity` ['angle'] or {"median", "flux"}, optional
        Replacement of missing and zero errors: a value; the median of all; or the median of
        the sources in the same bin of flux, since faint sources have larger errors (sources
        without a flux take the median of all).
    flux_bins : int, optional
        Number of bins of equal count.

    Returns
    -------
    table : same class as the input
        A new table with ``pos_error`` completed and ``is_pos_error_estimated`` added, True in the
        rows that were changed. An ellipse with a missing or zero axis is masked, so that the circle
        stands in; the axes of the others are raised to the floor.

    Raises
    ------
    KeyError
        If a needed column is absent.
    ValueError
        If an error is negative, or if one is still missing or zero.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import complete_pos_errors
    >>> table = Table({"pos_error": [0.5, np.nan, 0.0, 1.5] * u.arcsec})
    >>> print(complete_pos_errors(table, fill="median"))
    pos_error is_pos_error_estimated
      arcsec
    --------- ----------------------
          0.5                  False
          1.0                   True
          1.0                   True
          1.5                  False
    """
    check_table(table, allow_empty=True)
    axes = None
    if all(column in table.colnames for column in ELLIPSE):
        axes = np.array([float_values(table, column, unit=u.arcsec) for column in ELLIPSE[:2]])
    needed = ["pos_error"] if axes is None else []
    check_columns(table, needed + (["flux"] if _is_word(fill, "flux") else []))
    flux_bins = check_count(flux_bins, "flux_bins")
    if "pos_error" in table.colnames:
        sigma = float_values(table, "pos_error", unit=u.arcsec)
    else:
        sigma = np.sqrt(np.mean(axes**2, axis=0))
    if np.any(sigma < 0):
        raise InputValueError(f"pos_error must not be negative, got {sigma[sigma < 0][0]} arcsec")
    given = np.where(sigma == 0, np.nan, sigma)
    missing = np.isnan(given)
    filled = given.copy()
    if isinstance(fill, str):
        check_choice(fill, ("median", "flux"), "fill")
        if missing.all() and len(table):
            raise InputValueError(f"fill={fill!r} needs at least one positive pos_error, got none")
        filled[missing] = np.median(given[~missing]) if missing.any() else np.nan
        if fill == "flux" and missing.any():
            filled = _fill_by_flux(filled, missing, float_values(table, "flux"), flux_bins)
    elif fill is not None:
        value = quantity_value(fill, u.arcsec, "fill")
        filled[missing] = check_number(value, "fill", minimum=0, exclusive=True)
    if floor is not None:
        value = quantity_value(floor, u.arcsec, "floor")
        value = check_number(value, "floor", minimum=0, exclusive=True)
        filled[sigma == 0] = np.fmax(filled[sigma == 0], value)
        filled = np.maximum(filled, value)
    if np.isnan(filled).any():
        raise InputValueError(
            f"pos_error is missing or zero in {np.isnan(filled).sum()} rows, the first is row "
            f"{np.argmax(np.isnan(filled))}; give fill= or floor= to complete them"
        )
    changed = filled != sigma
    ellipse, is_raised = _complete_ellipse(table, axes, value if floor is not None else 0.0)
    flag = make_column("is_pos_error_estimated", changed | is_raised)
    result = add_columns(table, {"is_pos_error_estimated": flag}, overwrite=True)
    result["pos_error"] = make_column("pos_error", filled)
    for name, column in ellipse.items():
        result[name] = column
    return result


def _complete_ellipse(table, axes, floor):
    """
    Mask invalid error ellipses, and raise the axes of the others to the floor.
    """
    if axes is None:
        return {}, False
    if np.any(axes < 0):
        raise InputValueError(
            f"axes of error ellipses must not be negative, got {axes[axes < 0][0]}"
        )
    gone = ~np.all(axes > 0, axis=0)
    raised = np.maximum(axes, floor)
    mask = gone if gone.any() else None
    values = [*raised, float_values(table, ELLIPSE[2], unit=u.deg)]
    ellipse = {
        name: make_column(name, np.where(gone, np.nan, own), mask=mask)
        for name, own in zip(ELLIPSE, values, strict=True)
    }
    return ellipse, gone | np.any(raised != axes, axis=0)


def _is_word(value, word):
    return isinstance(value, str) and value == word


def _fill_by_flux(sigma, missing, flux, n_bins):
    # Medians of bins of equal count of the sources that have both.
    both = ~missing & np.isfinite(flux)
    if not both.any():
        return sigma
    edges = np.quantile(flux[both], np.linspace(0, 1, min(n_bins, both.sum()) + 1)[1:-1])
    where = np.digitize(flux, edges)
    result = sigma.copy()
    for k in np.unique(where[missing & np.isfinite(flux)]):
        like = sigma[both & (where == k)]
        if len(like):
            result[missing & np.isfinite(flux) & (where == k)] = np.median(like)
    return result
