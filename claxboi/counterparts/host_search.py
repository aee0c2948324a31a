# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Host galaxies from catalogues by name.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.catalog import make_column, masked_column
from claxboi.config import HOST_RADIUS
from claxboi.utils import (
    ClaxboiWarning,
    add_columns,
    check_columns,
    check_number,
    check_table,
    checked,
    find_rows,
    float_values,
    is_missing,
    optional_values,
    quantity_value,
    record,
    take_rows,
    text_values,
)

from .hosts import best_hosts, find_hosts
from .surveys import find_references

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.units import Quantity

    from claxboi.references import Reference

__all__ = ["find_hosts_in", "nearby_galaxies"]

# HyperLEDA lists log10 of the isophotal diameter in 0.1 arcmin; half of that unit in arcsec.
_R25_UNIT_ARCSEC = 3.0
# Catalogues of distances have the positions of HyperLEDA: what differs is rounding.
_SAME_GALAXY = 10 * u.arcsec


@checked
def find_hosts_in(
    table: Table,
    distances: str | Reference = "glade",
    *,
    sizes: str | Reference = "hyperleda",
    references: Mapping | None = None,
    factor: Any = HOST_RADIUS,
    max_distance: Quantity = 500 * u.Mpc,
    missing_angle: Any = "mean",
    cache: Any = True,
    max_age: Any = None,
    show_progress: Any = True,
    overwrite: bool = False,
) -> Table:
    """
    Find the host galaxies of X-ray sources in catalogues by name: fetch, match, join.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The X-ray sources: ``ra``, ``dec``.
    distances : str or `~claxboi.references.Reference`, optional
        The catalogue of distances, with the columns of GLADE+: ``pgc``, ``distance`` and perhaps
        ``distance_error``.
    sizes : str or `~claxboi.references.Reference`, optional
        The catalogue of ellipses, with the columns of HyperLEDA. It is fetched whole, for galaxies
        are larger than any radius that services take.
    references : mapping, optional
        Tables that replace the catalogues, as for `find_in_surveys`.
    factor, missing_angle
        As for `find_hosts`.
    max_distance : `~astropy.units.Quantity` ['length'], optional
        Galaxies at this distance or farther, or without one, are no hosts. Default: the published
        500 Mpc.
    cache, max_age, show_progress
        As for `Reference.query <claxboi.references.Reference.query>`.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with the columns of `best_hosts`, and ``galaxy_radius_limit``, the ``factor``:
        a lower limit for sources outside all galaxies, which the classifier takes as one
        (`~claxboi.classification.Property`). ``meta["claxboi"]["hosts"]`` says what was asked.

    Raises
    ------
    TypeError, ValueError, KeyError
        If an argument is wrong, or a catalogue unknown.
    `~claxboi.references.FetchError`
        If a service does not answer, or its answer is wrong.

    See Also
    --------
    find_hosts : The same with a table of galaxies.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import find_hosts_in
    >>> leda = Table({"id": [2557], "ra": [10.685], "dec": [41.269], "log_d25": [3.25],
    ...               "log_r25": [0.46], "position_angle": [35.0]})
    >>> glade = Table({"pgc": [2557], "ra": [10.685], "dec": [41.269], "distance": [0.78]})
    >>> xray = Table({"ra": [10.7, 12.0], "dec": [41.3, 41.3]})
    >>> result = find_hosts_in(xray, references={"hyperleda": leda, "glade": glade})
    >>> print(result["galaxy_id", "galaxy_distance"])
    galaxy_id galaxy_distance
                    Mpc
    --------- ---------------
     PGC 2557            0.78
           --              --
    """
    check_table(table, allow_empty=True)
    factor = check_number(factor, "factor", minimum=0, exclusive=True)
    quantity_value(max_distance, u.Mpc, "max_distance", minimum=0)
    found = [
        *find_references([sizes], references, "sizes"),
        *find_references([distances], references, "distances"),
    ]
    age = {"cache": cache, "max_age": max_age}
    axes = found[0].fetch_all(**age)
    every = axes["id", "ra", "dec"][~is_missing(axes, "id")]
    every.rename_column("id", "pgc")
    # Only those that host a source are worth asking for their distance.
    every["distance"] = 0.0
    shape = {"factor": factor, "missing_angle": missing_angle}
    hosts = _hosts(table, nearby_galaxies(every, axes), shape)
    numbers = [name.removeprefix("PGC ") for name in np.unique(text_values(hosts, "galaxy_id")[0])]
    near_axes = axes[np.isin(text_values(axes, "id")[0], numbers)]
    settings = {"sizes": axes.meta["claxboi"]["references"]}
    galaxies = every[:0]
    if len(near_axes):
        coords = SkyCoord(near_axes["ra"], near_axes["dec"], unit="deg")
        there = found[1].record.columns_on(found[1].record.services[0])
        wanted = [name for name in ("pgc", "distance", "distance_error") if name in there]
        galaxies = found[1].query(
            coords, radius=_SAME_GALAXY, columns=wanted, show_progress=show_progress, **age
        )
        settings["distances"] = galaxies.meta["claxboi"]["references"]
    galaxies = nearby_galaxies(galaxies, near_axes, max_distance=max_distance)
    result = best_hosts(table, _hosts(table, galaxies, shape), overwrite=overwrite)
    # All galaxies were searched, so no host is a fact about the source.
    limit = masked_column("galaxy_radius_limit", np.full(len(table), factor))
    result = add_columns(result, {"galaxy_radius_limit": limit}, overwrite=overwrite)
    result.meta = record(result.meta, "hosts", **shape, **settings)
    return result


def _hosts(table, galaxies, shape):
    with warnings.catch_warnings():
        # A few sources may well have no host.
        warnings.filterwarnings("ignore", "none of ", ClaxboiWarning)
        return find_hosts(table, galaxies, **shape)


def nearby_galaxies(galaxies: Table, axes: Table, *, max_distance: Quantity = 500 * u.Mpc) -> Table:
    """
    Join distances and sizes of galaxies into a table for `~claxboi.counterparts.find_hosts`.

    Parameters
    ----------
    galaxies : `~astropy.table.Table`
        Galaxies with distances, as from ``get_reference("glade")``: ``pgc``, ``distance`` (Mpc
        without a unit), and perhaps ``distance_error``.
    axes : `~astropy.table.Table`
        Their sizes, as from ``get_reference("hyperleda")``: ``id`` (the PGC number), ``ra``,
        ``dec``, ``log_d25``, ``log_r25`` and ``position_angle``.
    max_distance : `~astropy.units.Quantity` ['length'], optional
        Galaxies at this distance or farther are left out, and so are those without a distance.
        Default: the published 500 Mpc.

    Returns
    -------
    hosts : `~astropy.table.Table`
        One row per galaxy with a size, in the order of ``axes``: ``galaxy_id`` ("PGC 2557"),
        ``ra``, ``dec``, ``r25_major`` (arcsec), ``r25_ratio``, ``r25_angle``, ``galaxy_distance``
        (Mpc) and ``galaxy_distance_error``.

    Raises
    ------
    KeyError
        If a column is absent.

    Notes
    -----
    The first of several galaxies with one PGC number counts.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import nearby_galaxies
    >>> glade = Table({"pgc": [2557, 5], "distance": [0.78, 900.0]})
    >>> leda = Table({"id": [2557, 5], "ra": [10.685, 0.01], "dec": [41.269, 4.5],
    ...               "log_d25": [3.25, 0.9], "log_r25": [0.46, 0.1],
    ...               "position_angle": [35.0, 10.0]})
    >>> hosts = nearby_galaxies(glade, leda)
    >>> hosts["r25_major"].format = ".0f"
    >>> print(hosts["galaxy_id", "r25_major", "galaxy_distance"])
    galaxy_id r25_major galaxy_distance
                arcsec        Mpc
    --------- --------- ---------------
     PGC 2557      5335            0.78
    """
    check_table(galaxies, "galaxies", allow_empty=True)
    check_table(axes, "axes", allow_empty=True)
    check_columns(galaxies, ["pgc", "distance"], "galaxies")
    check_columns(axes, ["id", "ra", "dec", "log_d25", "log_r25", "position_angle"], "axes")
    limit = quantity_value(max_distance, u.Mpc, "max_distance", minimum=0)
    ids, missing = text_values(axes, "id", name="axes")
    row = find_rows(ids, missing, *text_values(galaxies, "pgc", name="galaxies"))
    known = float_values(galaxies, "distance", unit=u.Mpc, name="galaxies")
    known_error = optional_values(galaxies, "distance_error", u.Mpc, name="galaxies")
    distance, error = take_rows(known, row), take_rows(known_error, row)
    major = _R25_UNIT_ARCSEC * 10 ** float_values(axes, "log_d25", name="axes")
    ra, dec = (float_values(axes, name, unit=u.deg, name="axes") for name in ("ra", "dec"))
    keep = (distance < limit) & np.isfinite(major) & np.isfinite(ra) & np.isfinite(dec)
    first = np.zeros(len(axes), bool)
    kept = np.flatnonzero(keep)
    first[kept[np.unique(ids[kept], return_index=True)[1]]] = True
    # A rounded log_r25 may be a trifle below 0, which would be longer across than along.
    ratio = np.minimum(10.0 ** -float_values(axes, "log_r25", name="axes"), 1)
    angle = float_values(axes, "position_angle", unit=u.deg, name="axes")
    return Table(
        [
            make_column("galaxy_id", np.char.add("PGC ", ids[first])),
            make_column("ra", ra[first]),
            make_column("dec", dec[first]),
            masked_column("r25_major", major[first]),
            masked_column("r25_ratio", ratio[first]),
            masked_column("r25_angle", angle[first]),
            masked_column("galaxy_distance", distance[first]),
            masked_column("galaxy_distance_error", error[first]),
        ]
    )
