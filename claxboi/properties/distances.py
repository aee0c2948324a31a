# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Distances of stars and of galaxies, and the luminosities that follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy import units as u

from claxboi.catalog import masked_column
from claxboi.utils import (
    InputKeyError,
    InputValueError,
    add_columns,
    check_choice,
    check_columns,
    check_number,
    check_table,
    checked,
    find_rows,
    float_values,
    optional_values,
    take_rows,
    text_values,
)

from .ratios import log_flux_values

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = [
    "add_luminosities",
    "add_parallax_distances",
    "add_star_distances",
]


@checked
def add_star_distances(
    table: Table,
    distances: Table,
    *,
    id_column: str = "opt_id",
    estimate: Literal["rgeo", "rpgeo"] = "rgeo",
    overwrite: bool = False,
) -> Table:
    """
    Add the distances of stars, joined on the identifier of the counterpart.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, with the Gaia identifier of the counterpart; it is not changed.
    distances : `~astropy.table.Table`
        Distances of Bailer-Jones et al. (2021) as from ``get_reference("bailer_jones")``: ``id``,
        and ``rgeo, b_rgeo, B_rgeo`` or ``rpgeo, b_rpgeo, B_rpgeo`` (pc without a unit).
    id_column : str, optional
        Column of the identifiers in ``table``.
    estimate : {"rgeo", "rpgeo"}, optional
        Geometric distances, or photogeometric ones, which use colours too.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with ``distance`` and ``distance_error`` (pc; half of the interval from the 16th
        to the 84th percentile), masked where the identifier is missing or has no distance.

    Raises
    ------
    KeyError
        If a column is absent.
    ValueError
        If ``estimate`` is unknown, or the new columns are there already.

    Notes
    -----
    Neighbours on the sky are not used: the identifiers of Gaia EDR3 and DR3 are the same.

    References
    ----------
    Bailer-Jones et al. 2021, AJ 161, 147.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_star_distances
    >>> x = Table({"opt_id": ["42", ""]})
    >>> gaia = Table({"id": [42], "rgeo": [100.0], "b_rgeo": [95.0], "B_rgeo": [107.0]})
    >>> print(add_star_distances(x, gaia)["distance", "distance_error"])
    distance distance_error
       pc          pc
    -------- --------------
       100.0            6.0
          --             --
    """
    check_table(table, allow_empty=True)
    check_table(distances, "distances", allow_empty=True)
    check_choice(estimate, ("rgeo", "rpgeo"), "estimate")
    names = [estimate, f"b_{estimate}", f"B_{estimate}"]
    check_columns(table, [id_column])
    check_columns(distances, ["id", *names], "distances")
    row = find_rows(*text_values(table, id_column), *text_values(distances, "id"))
    value, low, high = (take_rows(float_values(distances, name, unit=u.pc), row) for name in names)
    columns = {
        "distance": masked_column("distance", value),
        "distance_error": masked_column("distance_error", (high - low) / 2),
    }
    return add_columns(table, columns, overwrite=overwrite)


@checked
def add_parallax_distances(
    table: Table, *, min_significance: float = 5, overwrite: bool = False
) -> Table:
    r"""
    Add the distances of stars with a good parallax, where there is no catalogue of distances.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``parallax`` and ``parallax_error`` (mas without a unit); it is not changed.
    min_significance : float, optional
        Least parallax in units of its error. Default 5: below it, the inverse of a parallax is no
        estimate of a distance (Bailer-Jones 2015).
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with ``distance`` and ``distance_error`` (pc), masked where the parallax is
        missing or not significant.

    Raises
    ------
    KeyError
        If a column is absent.
    TypeError, ValueError
        If ``min_significance`` is not a number of 0 or more, or the new columns are there already.

    See Also
    --------
    add_star_distances : Take them from Bailer-Jones et al. (2021), for fainter stars too.

    Notes
    -----
    :math:`d = 1 / \varpi` and, to first order, :math:`\sigma_d = d \, \sigma_\varpi / \varpi`.

    References
    ----------
    Bailer-Jones 2015, PASP 127, 994.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_parallax_distances
    >>> x = Table({"parallax": [10.0, 0.1], "parallax_error": [0.1, 0.1]})
    >>> print(add_parallax_distances(x)["distance", "distance_error"])
    distance distance_error
       pc          pc
    -------- --------------
       100.0            1.0
          --             --
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["parallax", "parallax_error"])
    least = check_number(min_significance, "min_significance", minimum=0)
    return add_columns(table, parallax_distances(table, least), overwrite=overwrite)


def parallax_distances(table, min_significance=5.0):
    """
    Make the columns of `add_parallax_distances`.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With the columns that it needs.
    min_significance : float, optional
        Least parallax in units of its error.

    Returns
    -------
    columns : dict of str to column
    """
    parallax, error = (
        float_values(table, name, unit=u.mas) for name in ("parallax", "parallax_error")
    )
    good = (parallax > 0) & (error > 0) & (parallax >= min_significance * error)
    distance = np.divide(1000, parallax, out=np.full(len(table), np.nan), where=good)
    return {
        "distance": masked_column("distance", distance),
        "distance_error": masked_column("distance_error", distance * error / parallax),
    }


@checked
def add_luminosities(table: Table, *, overwrite: bool = False) -> Table:
    r"""
    Add X-ray luminosities: as a star, as a member of the host galaxy, and the published property.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``flux`` (erg/s/cm2), and ``distance`` (pc) or ``galaxy_distance`` (Mpc) or both. Used
        if there: ``flux_error``, ``distance_error``, ``galaxy_distance_error``. It is not changed.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with ``log_lx_star``, ``log_lx_galaxy`` and ``log_lx`` (that of the galaxy where
        there is a host, else that of the star), log10 of erg/s in the band of the flux, each with
        ``_error``. Where all sources have one ``flux_band``, the description of the columns names
        it, and their ``meta["band"]`` does. Masked where the flux or the distance is not above 0 or
        unknown; an error where a part of it is unknown.

    Raises
    ------
    KeyError
        If there is no flux or no distance.
    ValueError
        If the new columns are there already.

    Notes
    -----
    :math:`L = 4 \pi d^2 F`, with no correction for absorption or redshift, so
    :math:`\sigma(\log_{10} L) = \sqrt{(\sigma_F/F)^2 + (2 \sigma_d/d)^2} / \ln 10`.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_luminosities
    >>> x = Table({"flux": [1e-13, 1e-13], "distance": [100.0, 100.0],
    ...            "galaxy_distance": [float("nan"), 10.0]})
    >>> x = add_luminosities(x)
    >>> x["log_lx"].format = ".2f"
    >>> print(x["log_lx"])
    log_lx
    ------
     29.08
     39.08
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["flux"])
    if not {"distance", "galaxy_distance"} & set(table.colnames):
        raise InputKeyError(
            "table must have a column 'distance' or 'galaxy_distance'; its columns are "
            f"{', '.join(table.colnames)}"
        )
    return add_columns(table, luminosities(table), overwrite=overwrite)


def luminosities(table):
    """
    Make the columns of `add_luminosities`.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With the columns that it needs.

    Returns
    -------
    columns : dict of str to column
    """
    log_flux, flux_error = log_flux_values(table)
    found = {}
    for name, column, unit in (("star", "distance", u.pc), ("galaxy", "galaxy_distance", u.Mpc)):
        distance = optional_values(table, column, unit)
        if np.any(distance < 0):
            raise InputValueError(
                f"column {column!r} of table must not be negative, got {np.nanmin(distance):g} "
                f"{unit} in row {np.nanargmin(distance)}"
            )
        distance[distance == 0] = np.nan
        log_lx = np.log10(4 * np.pi) + log_flux + 2 * np.log10(distance * unit.to(u.cm))
        relative = optional_values(table, f"{column}_error", unit) / distance
        found[name] = log_lx, np.hypot(flux_error, 2 * relative / np.log(10))
    has_host = np.isfinite(optional_values(table, "galaxy_distance"))
    found[""] = [
        np.where(has_host, galaxy, star)
        for star, galaxy in zip(found["star"], found["galaxy"], strict=True)
    ]
    band = _band(table)
    columns = {}
    for name, (value, error) in found.items():
        full = f"log_lx_{name}" if name else "log_lx"
        columns[full] = masked_column(full, value)
        columns[f"{full}_error"] = masked_column(f"{full}_error", error)
        if band:
            columns[full].description += f"; {band} keV"
            columns[full].meta["band"] = band
    return columns


def _band(table):
    """
    Return the energy band of the fluxes, None if there are several or it is not known.
    """
    if "flux_band" not in table.colnames:
        return None
    bands, missing = text_values(table, "flux_band")
    known = np.unique(bands[~missing])
    return str(known[0]).removesuffix("keV").strip() if len(known) == 1 else None
