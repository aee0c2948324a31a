# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Conversion of survey magnitudes to one system: Gaia BP, RP and WISE W1, W2.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.table import Table
from astropy.utils.data import get_pkg_data_filename

from claxboi.catalog import describe, make_column
from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    add_columns,
    check_choice,
    check_columns,
    check_mapping,
    check_table,
    checked,
    float_values,
    quantity_value,
    record,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from astropy.units import Quantity

__all__ = ["homogenize_magnitudes", "magnitude_relations"]

# A flux below this many sigma is given as a limit at flux + 2 sigma (2 sigma if the flux is
# negative), as the WISE catalogues do: Cutri et al. 2012, WISE Explanatory Supplement II.2.a.
_LIMIT_SNR = 2.0
# No object of these surveys is as faint or as bright: 99, -99 and 999 stand for missing values.
_PLAUSIBLE_MAG = 50.0
_MAG_PER_LN = 2.5 / np.log(10)


def magnitude_relations() -> Table:
    """
    List the relations with which `homogenize_magnitudes` converts bands.

    Returns
    -------
    relations : `~astropy.table.Table`
        One row per relation, the better ones first for each survey and target. Columns ``survey,
        band, target``; ``column, error`` (names in a table of the survey, alternatives separated by
        spaces); ``scale`` ("mag", or "flux" for a magnitude of -2.5 log10(flux)); ``offset`` (mag,
        added); ``limit`` (what marks an upper limit, see `homogenize_magnitudes`); ``proxy``
        (whether the relation holds on average only).

    Examples
    --------
    >>> from claxboi.counterparts import magnitude_relations
    >>> relations = magnitude_relations()
    >>> print(relations[relations["survey"] == "gaia"]["band", "target", "offset", "proxy"])
    band target offset proxy
                 mag
    ---- ------ ------ -----
      BP bp_mag    0.0 False
       G bp_mag    0.3  True
      RP bp_mag    0.8  True
      RP rp_mag    0.0 False
       G rp_mag   -0.5  True
      BP rp_mag   -0.8  True
    """
    path = get_pkg_data_filename("data/magnitudes.csv", package="claxboi.counterparts")
    relations = Table.read(path, format="ascii.csv", comment="#", fill_values=[])
    relations["proxy"] = relations["proxy"] == "true"
    relations["offset"] = relations["offset"].astype(float)
    relations["offset"].unit = u.mag
    return relations


@functools.cache
def _relations():
    table = magnitude_relations()
    return [{name: row[name] for name in table.colnames} for row in table]


@checked
def homogenize_magnitudes(
    table: Table,
    survey: str | Sequence[str],
    *,
    columns: Mapping[str, str] | tuple | None = None,
    proxy_scatter: Quantity = 0 * u.mag,
    overwrite: bool = False,
) -> Table:
    """
    Convert the magnitudes of a survey to one system: Gaia BP and RP, or WISE W1 and W2.

    It assumes that the survey's missing values are masked or NaN. No extinction is corrected.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Objects of the survey; it is not changed.
    survey : str or list of str
        Whose columns the table has: "gaia", "panstarrs", "des", "delve", "legacy", "usnob",
        "2mass", "ukidss", "vhs", "virac", "allwise", "unwise" or "catwise". Several: where the
        first has no value, the next one fills in.
    columns : mapping of str to str or (str, str), optional
        Where the table's names are not the survey's own: band (as in `magnitude_relations`) ->
        column, or -> (column, column of the error).
    proxy_scatter : `~astropy.units.Quantity` ['mag'], optional
        Scatter of the objects about the relations, added in quadrature to the errors of proxies.
        Default 0: an error is that of the measurement alone.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with, for each target magnitude ``<mag>`` that the surveys feed (``bp_mag`` and
        ``rp_mag``, or ``w1_mag`` and ``w2_mag``), the masked columns

        - ``<mag>``: the magnitude (Vega). Its description names the proxies in it;
        - ``<mag>_error``: its 1 sigma error, masked where there is none;
        - ``<mag>_is_limit``: whether the object is fainter than ``<mag>``;
        - ``<mag>_origin``: survey and band of the value, such as ``gaia:G``.

    Raises
    ------
    KeyError
        If the table has none of a survey's columns, or not the one named in ``columns``.
    ValueError
        If a survey or band is unknown, a magnitude stands for a missing value (beyond +-50),
        an error is negative, or a new column has the name of an old one.

    Notes
    -----
    The relations are those of the original CLAXBOI, kept as data (`magnitude_relations`). Surveys
    that it did not use take those of the nearest bands: DES for DELVE and the Legacy Surveys, 2MASS
    for UKIDSS, VHS and VIRAC. For each target the relations are tried in order, and one fills in
    only where those before it gave no measurement. A limit counts as no measurement: it is used
    where no relation gives one.

    An offset is right for an average colour only: a proxy tells a bright object from a faint one,
    not a blue one from a red one. Note that 2MASS Ks gives W1 and W2 the same value.

    Limits, by survey: a magnitude without an error in 2MASS, AllWISE and CatWISE (as these
    catalogues define it; without a column of errors all are taken as measured), and a flux below
    2 sigma in unWISE, whose limit is then flux + 2 sigma, or 2 sigma if the flux is negative.

    References
    ----------
    Tranin et al. 2022, A&A 657, A138.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import homogenize_magnitudes
    >>> stars = Table({"Gmag": [15.0, 18.0], "BPmag": [15.4, np.nan], "e_Gmag": [0.01, 0.02]})
    >>> print(homogenize_magnitudes(stars, "gaia")["bp_mag", "bp_mag_error", "bp_mag_origin"])
    bp_mag bp_mag_error bp_mag_origin
     mag       mag
    ------ ------------ -------------
      15.4           --       gaia:BP
      18.3         0.02        gaia:G
    """
    check_table(table, allow_empty=True)
    surveys = _check_surveys(survey)
    scatter = quantity_value(proxy_scatter, u.mag, "proxy_scatter")
    if not 0 <= scatter < np.inf:
        raise InputValueError(f"proxy_scatter must be at least 0 mag, got {proxy_scatter}")
    if columns is not None:
        check_mapping(columns, "columns", "bands to columns")
    found = _find_columns(table, surveys, columns or {})

    new, used = {}, []
    for target in dict.fromkeys(relation["target"] for relation, *_ in found):
        parts = [part for part in found if part[0]["target"] == target]
        applied = [_apply(table, *part, scatter) for part in parts]  # type: ignore[call-arg]
        merged = _merge(applied, len(table))
        relations = [relation for relation, *_ in parts]
        new |= _columns(target, merged, relations)
        used += [f"{target} = {_formula(relation)}" for relation in relations]
    result = add_columns(table, new, overwrite=overwrite)
    result.meta = record(
        result.meta,
        "magnitudes",
        survey=surveys,
        relations=used,
        columns={band: np.atleast_1d(names).tolist() for band, names in (columns or {}).items()},
        proxy_scatter_mag=scatter,
    )
    return result


def _check_surveys(survey):
    known = list(dict.fromkeys(str(relation["survey"]) for relation in _relations()))
    if not isinstance(survey, str) and not isinstance(survey, Iterable):
        raise InputTypeError(f"survey must be a name or a list of names, got {survey!r}")
    surveys = [survey] if isinstance(survey, str) else list(survey)
    if not surveys:
        raise InputValueError("survey must name at least one survey, got an empty list")
    return [check_choice(name, known, "survey") for name in surveys]


def _find_columns(table, surveys, columns):
    """
    Choose the relations whose columns the table has.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    surveys : list of str
        Surveys in order of preference.
    columns : mapping
        The caller's names by band.

    Returns
    -------
    found : list of (relation, column, error column or None)
    """
    wanted = [r for name in surveys for r in _relations() if r["survey"] == name]
    for band in columns:
        check_choice(band, dict.fromkeys(str(r["band"]) for r in wanted), "a band in columns")
    own = {band: _own_columns(table, band, names) for band, names in columns.items()}
    found = []
    for relation in wanted:
        usual = (_first_present(table, relation[key]) for key in ("column", "error"))
        column, error = own.get(relation["band"]) or usual
        if column is not None:
            found.append((relation, column, error))
    fed = {relation["survey"] for relation, *_ in found}
    for name in surveys:
        if name not in fed:
            names = dict.fromkeys(str(r["column"]) for r in wanted if r["survey"] == name)
            raise InputKeyError(
                f"table has no magnitude of {name}: it must have one of the columns "
                f"{', '.join(' or '.join(n.split()) for n in names)}, or columns must name them; "
                f"its columns are {', '.join(table.colnames)}"
            )
    return found


def _own_columns(table, band, names):
    if not isinstance(names, str | tuple | list):
        raise InputTypeError(f"columns[{band!r}] must be a column or two, got {shown(names)}")
    pair = (names, None) if isinstance(names, str) else tuple(names)
    if len(pair) != 2:
        raise InputValueError(
            f"columns[{band!r}] must be a column, or a column and that of its error, got {names!r}"
        )
    check_columns(table, [name for name in pair if name is not None])
    return pair


def _first_present(table, names):
    return next((name for name in str(names).split() if name in table.colnames), None)


def _apply(table, relation, column, error_column, scatter):
    """
    Compute one relation: magnitude, error (both NaN where missing) and whether it is a limit.
    """
    is_flux = relation["scale"] == "flux"
    value = float_values(table, column, unit=None if is_flux else u.mag)
    if error_column is None:
        error = np.full(len(value), np.nan)
    else:
        error = float_values(table, error_column, unit=None if is_flux else u.mag)
        if np.any(error < 0):
            raise InputValueError(
                f"column {error_column!r} of table must have no negative errors, "
                f"got {error[error < 0][0]:g}; mask the rows that have none"
            )
    limit = np.zeros(len(value), bool)
    if is_flux:
        value, error, limit = _magnitude(value, error, relation["limit"] == "snr")
    else:
        wrong = np.abs(value) > _PLAUSIBLE_MAG
        if wrong.any():
            raise InputValueError(
                f"column {column!r} of table must have magnitudes within +-{_PLAUSIBLE_MAG:g}, "
                f"got {value[wrong][0]:g}; mask the rows that have none"
            )
        if relation["limit"] == "no_error" and error_column is not None:
            limit = np.isfinite(value) & np.isnan(error)
    if relation["proxy"] and scatter:
        # The error is then at least the scatter, but a limit stays a limit.
        error = np.where(limit, np.nan, np.hypot(np.nan_to_num(error), scatter))
    return value + relation["offset"], error, limit


def _magnitude(flux, error, has_limits):
    limit = (flux < _LIMIT_SNR * error) & has_limits
    flux = np.where(limit, np.maximum(flux, 0) + _LIMIT_SNR * error, flux)
    # A flux of zero or less whose error is unknown has no magnitude.
    flux = np.where(flux > 0, flux, np.nan)
    return -2.5 * np.log10(flux), np.where(limit, np.nan, _MAG_PER_LN * error / flux), limit


def _merge(parts, n_rows):
    """
    Take for each row the first measurement, else the first limit; say from which part.
    """
    value, error = np.full((2, n_rows), np.nan)
    limit = np.zeros(n_rows, bool)
    origin = np.full(n_rows, -1)
    for k, (new_value, new_error, new_limit) in enumerate(parts):
        present = np.isfinite(new_value)
        take = present & np.where(new_limit, origin < 0, (origin < 0) | limit)
        value[take], error[take], limit[take] = new_value[take], new_error[take], new_limit[take]
        origin[take] = k
    return value, error, limit, origin


def _columns(target, merged, relations):
    value, error, limit, origin = merged
    missing = origin < 0
    origins = [f"{relation['survey']}:{relation['band']}" for relation in relations]
    proxies = [
        f"{name} ({_formula(relation)})"
        for k, (name, relation) in enumerate(zip(origins, relations, strict=True))
        if relation["proxy"] and np.any(origin == k)
    ]
    names = np.array([*origins, ""])[origin]
    new = {
        target: make_column(target, value, mask=missing),
        f"{target}_error": make_column(
            f"{target}_error", error, mask=missing | ~np.isfinite(error)
        ),
        f"{target}_is_limit": make_column(f"{target}_is_limit", limit, mask=missing),
        f"{target}_origin": make_column(f"{target}_origin", names, mask=missing),
    }
    if proxies:
        base = describe(target)["description"]
        new[target].description = f"{base}; PROXY where the origin is {', '.join(proxies)}"
    return new


def _formula(relation):
    band, offset = relation["band"], relation["offset"]
    if relation["scale"] == "flux":
        return f"{offset:g} - 2.5 log10({band} flux)"
    return f"{band} {'-' if offset < 0 else '+'} {abs(offset):g}" if offset else str(band)
