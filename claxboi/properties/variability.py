# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
X-ray flux variability within one mission and across missions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u

from claxboi.catalog import masked_column
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    add_columns,
    check_columns,
    check_number,
    check_table,
    checked,
    float_values,
    quantity_value,
    record,
)

from ._fluxes import Converter, log_ratio, range_columns, read_fluxes
from .spectra import GAMMA, GAMMA_RANGE, NH, format_band, parse_band

if TYPE_CHECKING:
    from astropy.table import Table


__all__ = ["add_flux_range", "add_variability"]


@checked
def add_flux_range(table: Table, *, overwrite: bool = False) -> Table:
    """
    Add the ratio of the largest to the smallest flux that one mission measured.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``flux_min`` and ``flux_max``, in one unit or none, and perhaps ``flux_min_error`` and
        ``flux_max_error``; it is not changed.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with ``log_fmax_fmin``: log10 of the ratio, 0 for one observation; masked where
        a flux is missing or not above 0. With both errors, also ``log_fmax_fmin_low``: log10 of
        the largest flux less its error over the smallest plus its error, below 0 where the source
        may be constant; masked where the former is not above 0.

    Raises
    ------
    KeyError
        If a column is absent.
    ValueError
        If the largest flux is below the smallest, or the new column is there already.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_flux_range
    >>> print(add_flux_range(Table({"flux_min": [1e-14], "flux_max": [1e-13]}))["log_fmax_fmin"])
    log_fmax_fmin
    -------------
              1.0
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["flux_min", "flux_max"])
    return add_columns(table, flux_range(table), overwrite=overwrite)


def flux_range(table):
    """
    Make the columns of `add_flux_range`.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With the columns that it needs.

    Returns
    -------
    columns : dict of str to column
    """
    unit = table["flux_min"].unit or table["flux_max"].unit or u.dimensionless_unscaled
    low, high = (float_values(table, name, unit=unit) for name in ("flux_min", "flux_max"))
    wrong = high < low
    if wrong.any():
        raise InputValueError(
            f"column 'flux_max' of table must be at least 'flux_min', got {high[wrong][0]:g} "
            f"against {low[wrong][0]:g} in row {np.argmax(wrong)}"
        )
    columns = {"log_fmax_fmin": masked_column("log_fmax_fmin", log_ratio(high, low))}
    if {"flux_min_error", "flux_max_error"} <= set(table.colnames):
        low += float_values(table, "flux_min_error", unit=unit)
        high -= float_values(table, "flux_max_error", unit=unit)
        columns["log_fmax_fmin_low"] = masked_column("log_fmax_fmin_low", log_ratio(high, low))
    return columns


@checked
def add_variability(
    table: Table,
    links: tuple | Table,
    catalogues: Mapping[str, Table],
    *,
    name: str = "primary",
    limits: Mapping[str, Table] | None = None,
    band: str | tuple = "0.5-2",
    gamma: Any = GAMMA,
    nh: Any = NH,
    gamma_range: tuple = GAMMA_RANGE,
    overwrite: bool = False,
) -> Table:
    r"""
    Add the ratio of the largest to the smallest flux that any mission measured.

    It assumes that a source has one and the same power law at all times.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources. Used if there: ``flux`` with ``flux_error``, ``flux_min`` and ``flux_max`` with
        their errors, ``flux_limit`` (all erg/s/cm2 without a unit), ``epoch``; and ``flux_band``,
        which must be there for fluxes to be used. It is not changed.
    links : `~claxboi.counterparts.XrayLinks` or `~astropy.table.Table`
        Result of `~claxboi.counterparts.link_xray`, or its ``sources``. Ambiguous links join
        nothing, and are left out.
    catalogues : mapping of str to `~astropy.table.Table`
        The other catalogues that were linked, by the same names and with the columns of ``table``.
    name : str, optional
        Name of ``table`` among the linked catalogues.
    limits : mapping of str to `~astropy.table.Table`, optional
        Upper limits where a mission looked and saw nothing, by name of the mission: one row per row
        of ``table``, with ``flux_limit`` and ``flux_band``, and perhaps ``epoch``.
    band : str or pair of `~astropy.units.Quantity` ['energy'], optional
        The common band, see `convert_flux`. Default: 0.5 to 2 keV, which all missions see.
    gamma, nh : float and `~astropy.units.Quantity` ['column density'], optional
        The spectrum.
    gamma_range : (float, float), optional
        Photon indices that sources have, see `conversion_uncertainty`.
    overwrite : bool, optional
        Replace columns of the same name, such as those of `add_flux_range`.

    Returns
    -------
    table : same class as the input
        A new table, masked where there are not two fluxes, with

        - ``log_fmax_fmin``: log10 of the largest flux over the smallest flux or upper limit;
        - ``log_fmax_fmin_low``: log10 of the largest lower bound over the smallest upper bound:
          below 0 where the source may be constant; masked where no error is known;
        - ``n_fluxes``: how many fluxes and limits these are of, 0 or more;
        - ``catalogue_fmax``, ``catalogue_fmin``, ``epoch_fmax``, ``epoch_fmin`` (yr; masked where
          not known) and ``is_fmin_limit``: where the two fluxes are from.

    Raises
    ------
    TypeError
        If ``catalogues`` or ``limits`` is not a mapping of tables.
    KeyError
        If a catalogue has no ``flux_band``, or the links have no catalogue of that name.
    ValueError
        If the links are not of these tables, a limit table has another number of rows, or the
        new columns are there already.

    See Also
    --------
    add_flux_range : The same from one mission alone.

    Notes
    -----
    A bound is the flux :math:`F` plus or minus :math:`\sqrt{\sigma^2 + (F\,u \ln 10)^2}` with
    :math:`u` the uncertainty of its conversion; an upper limit is multiplied by
    :math:`1 + u \ln 10`. Between two fluxes of one catalogue and band the conversion cancels, so
    their bounds are compared without it, and the larger ratio counts. Fluxes not above 0 are
    missing. Of a catalogue with ``flux_min`` and ``flux_max``, ``flux`` is their mean and not
    counted; where the two are equal they are one.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import link_xray
    >>> from claxboi.properties import add_variability
    >>> place = {"ra": [10.0, 20.0], "dec": [0.0, 0.0], "pos_error": [1.0, 1.0]}
    >>> xmm = Table(place | {"flux": [1e-13, 1e-14], "flux_error": [1e-14, 1e-15],
    ...                      "flux_band": ["0.2-12", "0.2-12"]})
    >>> chandra = Table(place | {"flux": [7e-15, 7e-15], "flux_error": [1e-15, 1e-15],
    ...                          "flux_band": ["0.5-7", "0.5-7"]})
    >>> links = link_xray({"primary": xmm, "CSC2": chandra})
    >>> xmm = add_variability(xmm, links, {"CSC2": chandra})
    >>> for column in ("log_fmax_fmin", "log_fmax_fmin_low"):
    ...     xmm[column].format = ".2f"
    >>> print(xmm["log_fmax_fmin", "log_fmax_fmin_low", "catalogue_fmax"])
    log_fmax_fmin log_fmax_fmin_low catalogue_fmax
    ------------- ----------------- --------------
             1.00              0.74        primary
             0.00             -0.24           CSC2
    """
    settings = {"band": band, "gamma": gamma, "nh": nh, "gamma_range": gamma_range}
    groups, convert = collect_fluxes(table, links, catalogues, name=name, limits=limits, **settings)
    result = add_columns(table, range_columns(groups, len(table)), overwrite=overwrite)
    result.meta = record(
        result.meta,
        "variability",
        catalogues=[name, *(key for key in catalogues if key != name)],
        limits=list({} if limits is None else limits),
        band=format_band(parse_band(band, "band")),
        gamma=float(gamma),
        nh_cm2=quantity_value(nh, u.cm**-2, "nh"),
        gamma_range=[float(edge) for edge in gamma_range],
        uncertainty_dex=convert.uncertainty_dex,
    )
    return result


def collect_fluxes(table, links, catalogues, *, name, limits, band, gamma, nh, gamma_range):
    """
    Read all fluxes of each source, in one band.

    Parameters
    ----------
    table, links, catalogues, name, limits, band, gamma, nh, gamma_range
        As for `add_variability`.

    Returns
    -------
    groups : list of list of `Fluxes`
        The fluxes of each catalogue, and then the limits of each mission.
    convert : `Converter`
        The conversion to the common band.
    """
    check_table(table, allow_empty=True)
    others = _check_tables(catalogues, "catalogues", name)
    limits = _check_tables({} if limits is None else limits, "limits")
    for key, own in limits.items():
        check_columns(own, ["flux_limit", "flux_band"], f"limits[{key!r}]")
        if len(own) != len(table):
            raise InputValueError(
                f"limits[{key!r}] must have one row per row of table, {len(table)}, got {len(own)}"
            )
    gamma = check_number(gamma, "gamma")
    check_number(quantity_value(nh, u.cm**-2, "nh"), "nh", minimum=0)
    partners = _find_partners(links, table, others, name)
    common = parse_band(band, "band")
    convert = Converter(common, gamma, nh, gamma_range)

    here = np.arange(len(table))
    groups = [read_fluxes(table, "table", name, here, convert)]
    for key, other in others.items():
        groups.append(read_fluxes(other, f"catalogues[{key!r}]", key, partners[key], convert))
    for key, own in limits.items():
        groups.append(read_fluxes(own, f"limits[{key!r}]", key, here, convert))
    return groups, convert


def _check_tables(tables, argument, own_name=None):
    if not isinstance(tables, Mapping):
        raise InputTypeError(
            f"{argument} must be a mapping of names to tables, got {type(tables).__name__}"
        )
    for key, other in tables.items():
        check_table(other, f"{argument}[{key!r}]", allow_empty=True)
    return {key: other for key, other in tables.items() if key != own_name}


def _find_partners(links, table, others, name):
    """
    Find the row of each source in each other catalogue, -1 where there is none.

    Parameters
    ----------
    links : `~claxboi.counterparts.XrayLinks` or `~astropy.table.Table`
        The links, or their sources.
    table : `~astropy.table.Table`
        The caller's table.
    others : dict of str to `~astropy.table.Table`
        The other catalogues.
    name : str
        Name of the caller's table among the links.

    Returns
    -------
    partners : dict of str to `~numpy.ndarray` of int
        By name of the other catalogue, of shape (n_rows,).
    """
    sources = check_table(getattr(links, "sources", links), "links.sources", allow_empty=True)
    check_columns(sources, [name, *others], "links.sources")
    own = float_values(sources, name)
    _check_rows(own, len(table), name, "table")
    partners = {}
    for key, other in others.items():
        row = float_values(sources, key)
        _check_rows(row, len(other), key, f"catalogues[{key!r}]")
        both = np.isfinite(own) & np.isfinite(row)
        partners[key] = np.full(len(table), -1)
        partners[key][own[both].astype(int)] = row[both].astype(int)
    return partners


def _check_rows(rows, n_rows, column, argument):
    if np.any((rows < 0) | (rows >= n_rows)):
        raise InputValueError(
            f"links must be of these catalogues: {column!r} names row {np.nanmax(rows):.0f}, but "
            f"{argument} has {n_rows} rows"
        )
