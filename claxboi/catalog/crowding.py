# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Flags for crowded fields and blended sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from scipy.spatial import cKDTree

from claxboi.utils import (
    InputKeyError,
    InputValueError,
    add_columns,
    check_columns,
    check_count,
    check_number,
    check_table,
    checked,
    chord_length,
    float_values,
    quantity_value,
    record,
    shown,
    unit_vectors,
)

from .columns import make_column

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.units import Quantity

__all__ = ["flag_blended", "flag_crowded"]


@checked
def flag_crowded(
    table: Table,
    objects: Table | SkyCoord | None = None,
    *,
    density: Quantity | None = None,
    radius: Quantity = 60 * u.arcsec,
    max_objects: float = 3,
    overwrite: bool = False,
) -> Table:
    """
    Flag the sources that lie in a crowded field.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``ra`` and ``dec``. It is not changed.
    objects : `~astropy.table.Table` or `~astropy.coordinates.SkyCoord`, optional
        Objects to be counted around each source, such as those of an optical survey (a table with
        ``ra`` and ``dec``). Default: the other sources of the table.
    density : `~astropy.units.Quantity` ['1 / angle**2'], optional
        Density of objects, one or one for each row, instead of counting.
    radius : `~astropy.units.Quantity` ['angle'], optional
        Radius around the source within which they are counted.
    max_objects : float, optional
        A field with more is crowded. Within 1 arcmin 4XMM has 0.4 sources on average; for optical
        objects, choose a radius near that of the search for counterparts.
    overwrite : bool, optional
        Replace an existing ``is_crowded``.

    Returns
    -------
    table : same class as the input
        With ``is_crowded``.

    Raises
    ------
    KeyError
        If a position is absent.
    TypeError
        If an argument is of another type.
    ValueError
        If a position is missing or a value impossible; if both ``objects`` and ``density`` are
        given.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.catalog import flag_crowded
    >>> table = Table({"ra": [10.0, 10.001, 10.002, 20.0], "dec": [0.0, 0.0, 0.0, 0.0]})
    >>> flag_crowded(table, max_objects=1)["is_crowded"].tolist()
    [True, True, True, False]
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["ra", "dec"])
    arcsec = quantity_value(radius, u.arcsec, "radius")
    check_number(arcsec, "radius", minimum=0, maximum=180 * 3600, exclusive=True)
    max_objects = check_number(max_objects, "max_objects", minimum=0)
    if density is not None and objects is not None:
        raise InputValueError("give either objects or density, got both")
    settings = {"radius_arcsec": arcsec, "max_objects": max_objects}
    if density is not None:
        per_arcsec2 = quantity_value(density, u.arcsec**-2, "density")
        if np.any(per_arcsec2 < 0):
            raise InputValueError(f"density must be at least 0, got {shown(density)}")
        per_arcsec2 = np.broadcast_to(per_arcsec2, (len(table),))
        number = per_arcsec2 * np.pi * arcsec**2
        settings["counted"] = "density"
    else:
        other = table if objects is None else objects
        number = _count_within(table, other, np.full(len(table), arcsec), "objects")
        # Each source finds itself.
        number = number - 1 if objects is None else number
        settings["counted"] = "sources" if objects is None else "objects"
    column = make_column("is_crowded", number > max_objects)
    result = add_columns(table, {"is_crowded": column}, overwrite=overwrite)
    result.meta = record(table.meta, "crowding", **settings)
    return result


@checked
def flag_blended(
    table: Table,
    sharper: Table | SkyCoord,
    *,
    n_sigma: float = 3.0,
    min_radius: Quantity = 0 * u.arcsec,
    min_sources: int = 2,
    overwrite: bool = False,
) -> Table:
    """
    Flag the sources that a sharper mission sees as several.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``ra``, ``dec`` and ``pos_error`` (1 sigma per axis) or ``extent``, or both. It is not
        changed.
    sharper : `~astropy.table.Table` or `~astropy.coordinates.SkyCoord`
        The sources of a mission with a sharper point spread function.
    n_sigma : float, optional
        Its sources are counted within so many positional errors, or within the extent if that is
        larger.
    min_radius : `~astropy.units.Quantity` ['angle'], optional
        And at least within this, such as the half width of the point spread function.
    min_sources : int, optional
        Smallest number that makes a blend.
    overwrite : bool, optional
        Replace an existing ``is_blended``.

    Returns
    -------
    table : same class as the input
        With ``is_blended``: masked where a source has neither error nor extent. Where the sharper
        mission did not look, no blend is seen, and the flag is False.

    Raises
    ------
    KeyError
        If a needed column is absent.
    TypeError
        If an argument is of another type.
    ValueError
        If a position is missing or a value impossible.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.catalog import flag_blended
    >>> xmm = Table({"ra": [10.0, 20.0], "dec": [0.0, 0.0], "pos_error": [1.5, 1.5]})
    >>> chandra = Table({"ra": [9.9995, 10.0005, 20.0], "dec": [0.0, 0.0, 0.0]})
    >>> flag_blended(xmm, chandra)["is_blended"].tolist()
    [True, False]
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["ra", "dec"])
    n_sigma = check_number(n_sigma, "n_sigma", minimum=0, exclusive=True)
    least = check_number(
        quantity_value(min_radius, u.arcsec, "min_radius"), "min_radius", minimum=0
    )
    min_sources = check_count(min_sources, "min_sources")
    sizes = [name for name in ("pos_error", "extent") if name in table.colnames]
    if not sizes:
        raise InputKeyError("table has neither 'pos_error' nor 'extent' within which to count")
    radii = [
        float_values(table, name, unit=u.arcsec) * (n_sigma if name == "pos_error" else 1)
        for name in sizes
    ]
    radius = np.fmax.reduce(radii)
    unknown = np.isnan(radius)
    radius = np.maximum(np.where(unknown, 0.0, radius), least)
    number = _count_within(table, sharper, radius, "sharper")
    mask = unknown if unknown.any() else None
    column = make_column("is_blended", number >= min_sources, mask=mask)
    result = add_columns(table, {"is_blended": column}, overwrite=overwrite)
    result.meta = record(
        table.meta,
        "blending",
        n_sigma=n_sigma,
        min_radius_arcsec=least,
        min_sources=min_sources,
    )
    return result


def _count_within(table, others, radius_arcsec, name):
    """
    Count the others within a radius of each source.
    """
    centres = unit_vectors(*_coords(table, "table"))
    around = unit_vectors(*_coords(others, name))
    if len(around) == 0 or len(centres) == 0:
        return np.zeros(len(centres), int)
    chord = chord_length(radius_arcsec)
    return cKDTree(around).query_ball_point(centres, chord, return_length=True)


def _coords(of, name):
    if isinstance(of, SkyCoord):
        icrs = of.icrs
        ra, dec = np.atleast_1d(icrs.ra.deg), np.atleast_1d(icrs.dec.deg)
    else:
        check_table(of, name, allow_empty=True)
        check_columns(of, ["ra", "dec"], name)
        ra, dec = (float_values(of, column, unit=u.deg, name=name) for column in ("ra", "dec"))
    missing = np.isnan(ra) | np.isnan(dec)
    if missing.any():
        raise InputValueError(
            f"{name} has {missing.sum()} rows without a position, the first is row "
            f"{np.argmax(missing)}: remove these rows"
        )
    return ra, dec
