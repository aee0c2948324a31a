# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Galactic coordinates and proper motions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi.catalog import masked_column
from claxboi.utils import (
    add_columns,
    check_columns,
    check_table,
    checked,
    float_values,
    optional_values,
)

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["add_galactic", "add_proper_motion"]

_MOTION = u.mas / u.yr


@checked
def add_galactic(table: Table, *, overwrite: bool = False) -> Table:
    """
    Add the Galactic coordinates.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``ra``, ``dec`` (deg, ICRS); it is not changed.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with ``l`` (0 to 360 deg) and ``b`` (signed), masked without a position.

    Raises
    ------
    KeyError
        If a position column is absent.
    ValueError
        If the new columns are there already, or a declination is impossible.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_galactic
    >>> pole = add_galactic(Table({"ra": [192.8595], "dec": [27.1283]}))
    >>> print(f"{pole['b'][0]:.3f}")
    90.000
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["ra", "dec"])
    return add_columns(table, galactic(table), overwrite=overwrite)


def galactic(table):
    """
    Make the columns of `add_galactic`.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With the columns that it needs.

    Returns
    -------
    columns : dict of str to column
    """
    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    missing = np.isnan(ra) | np.isnan(dec)
    sky = SkyCoord(np.where(missing, 0, ra), np.where(missing, 0, dec), unit="deg").galactic
    return {
        name: masked_column(name, np.where(missing, np.nan, angle.deg))
        for name, angle in (("l", sky.l), ("b", sky.b))
    }


@checked
def add_proper_motion(table: Table, *, overwrite: bool = False) -> Table:
    r"""
    Add the total proper motion of the counterpart, with its error.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``pmra`` (cos(dec) included) and ``pmdec`` (mas/yr without a unit), and perhaps
        ``pmra_error`` and ``pmdec_error``; it is not changed.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with ``pm`` and ``pm_error`` (mas/yr), and ``pm_significance``, the one over the
        other; masked where unknown.

    Raises
    ------
    KeyError
        If a component is absent.
    ValueError
        If the new columns are there already.

    Notes
    -----
    The components are taken as independent: :math:`\sigma^2 = (\mu_\alpha^2 \sigma_\alpha^2 +
    \mu_\delta^2 \sigma_\delta^2) / \mu^2`, and for no motion at all the larger one of the errors.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_proper_motion
    >>> star = Table({"pmra": [3.0], "pmdec": [-4.0], "pmra_error": [0.1], "pmdec_error": [0.1]})
    >>> print(add_proper_motion(star)["pm", "pm_error"])
       pm    pm_error
    mas / yr mas / yr
    -------- --------
         5.0      0.1
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["pmra", "pmdec"])
    return add_columns(table, proper_motion(table), overwrite=overwrite)


def proper_motion(table):
    """
    Make the columns of `add_proper_motion`.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With the columns that it needs.

    Returns
    -------
    columns : dict of str to column
    """
    east, north = (float_values(table, name, unit=_MOTION) for name in ("pmra", "pmdec"))
    east_error, north_error = (
        optional_values(table, f"{name}_error", _MOTION) for name in ("pmra", "pmdec")
    )
    pm = np.hypot(east, north)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.hypot(east * east_error, north * north_error) / pm
    error = np.where(pm == 0, np.maximum(east_error, north_error), error)
    significance = np.divide(pm, error, out=np.full(len(pm), np.nan), where=error > 0)
    found = {"pm": pm, "pm_error": error, "pm_significance": significance}
    return {name: masked_column(name, values) for name, values in found.items()}
