# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
How much the X-ray flux of a source varies: within a mission, and over several.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from astropy import units as u

from claxboi.catalog import make_column
from claxboi.utils import (
    add_columns,
    check_columns,
    check_number,
    check_table,
    float_values,
    quantity_value,
    record,
    text_values,
)

from ._output import masked_column, optional_values
from .ratios import FLUX_UNIT
from .spectra import (
    GAMMA,
    GAMMA_RANGE,
    NH,
    conversion_uncertainty,
    flux_fraction,
    format_band,
    parse_band,
)

__all__ = ["add_flux_range", "add_variability"]


def add_flux_range(table, *, overwrite=False):
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
        raise ValueError(
            f"column 'flux_max' of table must be at least 'flux_min', got {high[wrong][0]:g} "
            f"against {low[wrong][0]:g} in row {np.argmax(wrong)}"
        )
    columns = {"log_fmax_fmin": masked_column("log_fmax_fmin", log_ratio(high, low))}
    if {"flux_min_error", "flux_max_error"} <= set(table.colnames):
        low += float_values(table, "flux_min_error", unit=unit)
        high -= float_values(table, "flux_max_error", unit=unit)
        columns["log_fmax_fmin_low"] = masked_column("log_fmax_fmin_low", log_ratio(high, low))
    return columns


def log_ratio(high, low):
    """
    Return log10 of a ratio, NaN where one of its parts is not above 0.

    Parameters
    ----------
    high, low : `~numpy.ndarray` of float64
        The parts.

    Returns
    -------
    ratio : `~numpy.ndarray` of float64
    """
    good = (low > 0) & (high > 0)
    ratio = np.full(len(low), np.nan)
    ratio[good] = np.log10(high[good] / low[good])
    return ratio


class _Fluxes(NamedTuple):
    """
    One flux of each source in one catalogue, in the common band; NaN where there is none.
    """

    catalogue: str
    """Name of the catalogue."""

    value: np.ndarray
    """Flux, or upper limit of it; NaN too for the mean of others of these."""

    bounds: np.ndarray
    """Value less and plus its error, of shape (2, n); NaN where the error is not known."""

    converted: np.ndarray
    """The same with the error of the conversion."""

    epoch: np.ndarray
    """Epoch, NaN where not known."""

    is_limit: bool
    """Whether these are upper limits."""

    is_repeated: np.ndarray
    """Whether it is the same observation as another of these."""


def add_variability(
    table,
    links,
    catalogues,
    *,
    name="primary",
    limits=None,
    band="0.5-2",
    gamma=GAMMA,
    nh=NH,
    gamma_range=GAMMA_RANGE,
    overwrite=False,
):
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
        What `~claxboi.counterparts.link_xray` returned, or its ``sources``. Ambiguous links join
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
    check_table(table, allow_empty=True)
    others = _check_tables(catalogues, "catalogues", name)
    limits = _check_tables({} if limits is None else limits, "limits")
    for key, own in limits.items():
        check_columns(own, ["flux_limit", "flux_band"], f"limits[{key!r}]")
        if len(own) != len(table):
            raise ValueError(
                f"limits[{key!r}] must have one row per row of table, {len(table)}, got {len(own)}"
            )
    gamma = check_number(gamma, "gamma")
    check_number(quantity_value(nh, u.cm**-2, "nh"), "nh", minimum=0)
    partners = _find_partners(links, table, others, name)
    common = parse_band(band, "band")
    convert = _Converter(common, gamma, nh, gamma_range)

    here = np.arange(len(table))
    groups = [_read_fluxes(table, "table", name, here, convert)]
    for key, other in others.items():
        groups.append(_read_fluxes(other, f"catalogues[{key!r}]", key, partners[key], convert))
    for key, own in limits.items():
        groups.append(_read_fluxes(own, f"limits[{key!r}]", key, here, convert))

    result = add_columns(table, _range_columns(groups, len(table)), overwrite=overwrite)
    result.meta = record(
        result.meta,
        "variability",
        catalogues=[name, *others],
        limits=list(limits),
        band=format_band(common),
        gamma=gamma,
        nh_cm2=quantity_value(nh, u.cm**-2, "nh"),
        gamma_range=[float(edge) for edge in gamma_range],
        uncertainty_dex=convert.uncertainty_dex,
    )
    return result


def _check_tables(tables, argument, own_name=None):
    if not isinstance(tables, Mapping):
        raise TypeError(
            f"{argument} must be a mapping of names to tables, got {type(tables).__name__}"
        )
    for key, other in tables.items():
        check_table(other, f"{argument}[{key!r}]", allow_empty=True)
    return {key: other for key, other in tables.items() if key != own_name}


def _find_partners(links, table, others, name):
    """
    Find the row of each source in each other catalogue, -1 where there is none.
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
        raise ValueError(
            f"links must be of these catalogues: {column!r} names row {np.nanmax(rows):.0f}, but "
            f"{argument} has {n_rows} rows"
        )


class _Converter:
    """
    Factors and uncertainties from other bands to the common one.
    """

    def __init__(self, common, gamma, nh, gamma_range):
        self._common = tuple(edge * u.keV for edge in common)
        self._spectrum = {"gamma": gamma, "nh": nh}
        self._range = {"gamma_range": gamma_range, "nh": nh}
        self.uncertainty_dex = {}

    def __call__(self, table, argument):
        """
        Return for each row the factor, NaN where the band is not known, and the error of its log.
        """
        bands, inverse = np.unique(
            text_values(table, "flux_band", name=argument)[0], return_inverse=True
        )
        factors, errors = np.full((2, len(bands)), np.nan)
        for k, band in enumerate(bands):
            if band:
                parse_band(str(band), f"column 'flux_band' of {argument}")
                factors[k] = flux_fraction(self._common, str(band), **self._spectrum)
                dex = conversion_uncertainty(str(band), self._common, **self._range)
                self.uncertainty_dex[str(band)] = dex
                errors[k] = dex * np.log(10)
        return factors[inverse], errors[inverse]


def _read_fluxes(table, argument, name, rows, convert):
    """
    Read all fluxes of one catalogue.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The catalogue.
    argument : str
        What to call it in messages.
    name : str
        Its name.
    rows : `~numpy.ndarray` of int
        The row of each source in it, -1 where there is none.
    convert : `_Converter`
        Converts to the common band.

    Returns
    -------
    fluxes : list of `_Fluxes`
    """
    columns = [c for c in ("flux_min", "flux_max", "flux", "flux_limit") if c in table.colnames]
    if not columns:
        return []
    check_columns(table, ["flux_band"], argument)
    found = rows >= 0
    known = rows[found]
    factor, conversion = (_spread(values[known], found) for values in convert(table, argument))

    def read(column, unit=None):
        return _spread(optional_values(table, column, unit)[known], found)

    values = {column: read(column, FLUX_UNIT) * factor for column in columns}
    for value in values.values():
        value[~(value > 0)] = np.nan
    low, high = (values.get(f"flux_{end}", np.full(len(rows), np.nan)) for end in ("min", "max"))
    has_extremes = np.isfinite(low) & np.isfinite(high)
    fluxes = []
    for column, value in values.items():
        is_limit, is_extreme = column == "flux_limit", column in {"flux_min", "flux_max"}
        error = 0.0 if is_limit else read(f"{column}_error", FLUX_UNIT) * factor
        bounds, converted = (
            np.array([np.full(len(rows), np.nan) if is_limit else value - width, value + width])
            for width in (error, np.hypot(error, value * conversion))
        )
        fluxes.append(
            _Fluxes(
                name,
                np.where(has_extremes & (column == "flux"), np.nan, value),
                bounds,
                converted,
                # Those of the extremes are not in the catalogues.
                np.full(len(rows), np.nan) if is_extreme else read("epoch", u.yr),
                is_limit,
                (low == high) & (column == "flux_min"),
            )
        )
    return fluxes


def _spread(values, found):
    full = np.full(len(found), np.nan)
    full[found] = values
    return full


def _range_columns(groups, n_rows):
    """
    Make the columns of `add_variability`.

    Parameters
    ----------
    groups : list of list of `_Fluxes`
        The fluxes of each catalogue.
    n_rows : int
        Number of sources.

    Returns
    -------
    columns : dict of str to column
    """
    # Limits last, so that the numbers of the fluxes are the same with them and without.
    fluxes = sorted((one for group in groups for one in group), key=lambda one: one.is_limit)
    measured = [-one.value for one in fluxes if not one.is_limit]
    high, of_high = _smallest(measured, n_rows)
    low, of_low = _smallest([one.value for one in fluxes], n_rows)
    n_values = _count(fluxes, n_rows)
    n_repeated = sum((one.is_repeated for one in fluxes), np.zeros(n_rows, np.int64))
    good = (n_values > 1) & (of_high >= 0)

    # Between fluxes of one catalogue and band the conversion cancels.
    safe = _safe_ratio([one.converted for one in fluxes], n_rows)
    for group in groups:
        inside = _safe_ratio([one.bounds for one in group], n_rows)
        safe = np.fmax(safe, np.where(_count(group, n_rows) > 1, inside, np.nan))

    columns = {
        "log_fmax_fmin": masked_column(
            "log_fmax_fmin", np.where(good, log_ratio(-high, low), np.nan)
        ),
        "log_fmax_fmin_low": masked_column("log_fmax_fmin_low", np.where(good, safe, np.nan)),
        "n_fluxes": make_column("n_fluxes", n_values - n_repeated),
    }
    names = np.array([*(one.catalogue for one in fluxes), ""])
    for end, number in (("fmax", of_high), ("fmin", of_low)):
        columns[f"catalogue_{end}"] = make_column(f"catalogue_{end}", names[number], mask=~good)
        epoch = np.full(n_rows, np.nan)
        for k, one in enumerate(fluxes):
            epoch = np.where(good & (number == k), one.epoch, epoch)
        columns[f"epoch_{end}"] = masked_column(f"epoch_{end}", epoch)
    is_limit = np.array([*(one.is_limit for one in fluxes), False])
    columns["is_fmin_limit"] = make_column("is_fmin_limit", is_limit[of_low], mask=~good)
    return columns


def _count(fluxes, n_rows):
    return sum((np.isfinite(one.value) for one in fluxes), np.zeros(n_rows, np.int64))


def _smallest(values, n_rows):
    """
    Return the smallest of several values of each source, and the number of the one that it is.

    Parameters
    ----------
    values : list of `~numpy.ndarray`
        The values, NaN where there is none.
    n_rows : int
        Number of sources.

    Returns
    -------
    smallest : `~numpy.ndarray`
        NaN where there is none.
    number : `~numpy.ndarray` of int
        -1 where there is none.
    """
    smallest, number = np.full(n_rows, np.nan), np.full(n_rows, -1)
    for k, value in enumerate(values):
        less = (value < smallest) | (np.isnan(smallest) & np.isfinite(value))
        smallest[less], number[less] = value[less], k
    return smallest, number


def _safe_ratio(bounds, n_rows):
    """
    Return log10 of the largest lower bound over the smallest upper bound.
    """
    lower = upper = np.full(n_rows, np.nan)
    for below, above in bounds:
        lower, upper = np.fmax(lower, below), np.fmin(upper, above)
    return log_ratio(lower, upper)
