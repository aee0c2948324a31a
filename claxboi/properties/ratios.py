# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Ratios of fluxes: X-ray to optical and infrared, and hard to soft X-rays.
"""

from __future__ import annotations

import csv
import itertools
import logging
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from astropy import units as u
from astropy.table import Column, Table

from claxboi.catalog import masked_column
from claxboi.utils import (
    ImplausibleValueWarning,
    InputKeyError,
    InputValueError,
    add_columns,
    check_choice,
    check_columns,
    check_mapping,
    check_number,
    check_table,
    checked,
    float_values,
    hardness_ratio,
    optional_values,
    record,
    shown,
    warn,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["MAGNITUDES", "add_flux_ratios", "add_hardness_ratios", "add_ratio_limits"]

log = logging.getLogger(__name__)

FLUX_UNIT = u.erg / u.s / u.cm**2

#: Fainter and brighter magnitudes are marks for a missing value, such as 99 and -999.
_MAGNITUDE_RANGE = (-10, 40)

#: As in the records of missions.
_HARDNESS_KINDS = ("count rates", "photon fluxes", "energy fluxes")

_CONSTANTS = {"zero points": "constant", "original": "original"}

_LINES = resources.files("claxboi.properties").joinpath("data/flux_ratios.csv").read_text("utf-8")
#: Flux ratios: name, magnitude and constants.
_RATIOS = list(csv.DictReader(line for line in _LINES.splitlines() if line[0] != "#"))
#: The flux ratio of each magnitude.
MAGNITUDES = {ratio["magnitude"]: ratio["ratio"] for ratio in _RATIOS}
#: Those whose ratios have limits: one of each survey, since another says the same again.
_DEEPEST = ("rp_mag", "w1_mag")
#: Fraction of the measured magnitudes that are brighter than the depth of the survey.
_DEPTH_FRACTION = 0.97
#: Fewer magnitudes do not show a depth.
_FEWEST_MAGNITUDES = 100


@checked
def add_flux_ratios(
    table: Table,
    *,
    constants: Literal["zero points", "original"] | Mapping[str, float] = "zero points",
    overwrite: bool = False,
) -> Table:
    r"""
    Add the ratios of X-ray to optical and infrared flux, with errors.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``flux`` (erg/s/cm2 without a unit) and at least one of the Vega magnitudes ``bp_mag``,
        ``rp_mag``, ``w1_mag`` and ``w2_mag`` (`~claxboi.counterparts.homogenize_magnitudes`).
        Used if there: ``flux_error``, ``<mag>_error``, ``<mag>_is_limit``. It is not changed.
    constants : {"zero points", "original"} or mapping of str to float, optional
        From photometric zero points, the ones that the original CLAXBOI took, or your own by
        magnitude.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with, for each magnitude that it has, of ``log_fx_fb``, ``log_fx_fr``,
        ``log_fx_fw1`` and ``log_fx_fw2``:

        - ``<ratio>``: log10 of the ratio, masked where the flux is not above 0, or there is no
          magnitude, or only a limit;
        - ``<ratio>_error``: 1 sigma, masked where one of the two errors is unknown;
        - ``<ratio>_lower``: lower limit of the ratio where the object is fainter than the
          magnitude; only if there is a column ``<mag>_is_limit``.

    Raises
    ------
    KeyError
        If there is no flux or no magnitude.
    ValueError
        If the constants are wrong, or the new columns are there already.

    Notes
    -----
    .. math:: \log_{10} F_X / F_m = \log_{10} F_X + m / 2.5 + C

    with C the negative logarithm of the band-integrated flux of zero magnitude: 5.06 for Gaia BP,
    5.43 for RP, 7.27 for W1, 7.60 for W2. The original took 5.37, the constant of V (Maccacaro et
    al. 1988), for BP and RP, and 6.95, that of 2MASS Ks, for W1 and W2. For classification a
    constant makes no difference, as long as it is one.

    References
    ----------
    Maccacaro et al. 1988, ApJ 326, 680.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_flux_ratios
    >>> quasar = Table({"flux": [1e-14], "flux_error": [1e-15], "rp_mag": [20.0],
    ...                 "rp_mag_error": [0.05]})
    >>> quasar = add_flux_ratios(quasar)
    >>> print(f"{quasar['log_fx_fr'][0]:.2f} +- {quasar['log_fx_fr_error'][0]:.2f}")
    -0.57 +- 0.05
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["flux"])
    if not _present(table):
        raise InputKeyError(
            f"table must have at least one of the magnitudes {', '.join(MAGNITUDES)}; its columns "
            f"are {', '.join(table.colnames)}"
        )
    zero = parse_constants(constants, table)
    result = add_columns(table, flux_ratios(table, zero), overwrite=overwrite)
    result.meta = record(result.meta, "flux_ratios", constants=zero)
    return result


def flux_ratios(table, constants):
    """
    Make the columns of `add_flux_ratios`.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With the columns that it needs.
    constants : dict of str to float
        The constant of each magnitude.

    Returns
    -------
    columns : dict of str to column
    """
    log_flux, flux_error = log_flux_values(table)
    columns = {}
    for ratio in _present(table):
        name, magnitude = ratio["ratio"], ratio["magnitude"]
        vega = float_values(table, magnitude, unit=u.mag, system="Vega")
        _check_magnitudes(vega, magnitude)
        value = log_flux + vega / 2.5 + constants[magnitude]
        error = np.hypot(flux_error, optional_values(table, f"{magnitude}_error", u.mag) / 2.5)
        limit = optional_values(table, f"{magnitude}_is_limit") == 1
        measured = np.where(limit, np.nan, value)
        columns[name] = masked_column(name, measured)
        error = np.where(np.isnan(measured), np.nan, error)
        columns[f"{name}_error"] = masked_column(f"{name}_error", error)
        if f"{magnitude}_is_limit" in table.colnames:
            lower = np.where(limit, value, np.nan)
            columns[f"{name}_lower"] = masked_column(f"{name}_lower", lower)
    return columns


def _present(table):
    return [ratio for ratio in _RATIOS if ratio["magnitude"] in table.colnames]


def parse_constants(constants, table):
    """
    Read the argument ``constants`` of `add_flux_ratios`.

    Parameters
    ----------
    constants : str or mapping of str to float
        The argument.
    table : `~astropy.table.Table`
        The table, for its magnitudes.

    Returns
    -------
    constants : dict of str to float
        The constant of each magnitude that the table has.
    """
    there = _present(table)
    if isinstance(constants, Mapping):
        for name in constants:
            check_choice(name, MAGNITUDES, "a magnitude in constants")
        names = [r["magnitude"] for r in there]
        lacking = [name for name in names if name not in constants]
        if lacking:
            raise InputValueError(f"constants must have one for {', '.join(lacking)} too")
        return {name: check_number(constants[name], f"constant of {name}") for name in names}
    key = _CONSTANTS[check_choice(constants, _CONSTANTS, "constants")]
    return {r["magnitude"]: float(r[key]) for r in there}


def log_flux_values(table):
    """
    Return log10 of the flux in erg/s/cm2, and its error.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``flux``, and perhaps ``flux_error``.

    Returns
    -------
    log_flux, error : `~numpy.ndarray`
        NaN where the flux is not above 0.
    """
    flux = float_values(table, "flux", unit=FLUX_UNIT)
    flux[~(flux > 0)] = np.nan
    error = optional_values(table, "flux_error", FLUX_UNIT)
    return np.log10(flux), error / (flux * np.log(10))


@checked
def add_ratio_limits(
    table: Table,
    depths: Mapping[str, float | ArrayLike] | None = None,
    *,
    covered: Mapping[str, Any] | None = None,
    constants: Literal["zero points", "original"] | Mapping[str, float] = "zero points",
    overwrite: bool = False,
) -> Table:
    r"""
    Add limits of the flux ratios of undetected counterparts, from the depth of the survey.

    A source without a counterpart in a survey of known depth has a ratio of at least this. The
    classifier takes the columns for limits (`~claxboi.classification.Property`).

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``flux`` (erg/s/cm2 without a unit) and at least one of the Vega magnitudes of
        ``depths``. Used if there: ``<mag>_is_limit``. It is not changed.
    depths : mapping of str to float, array-like or Quantity of shape (n_rows,), optional
        Vega magnitude that the survey just sees, by ``bp_mag``, ``rp_mag``, ``w1_mag`` or
        ``w2_mag``; of each source, from a map of depths, NaN where it has not observed. Default: of
        ``rp_mag`` and ``w1_mag`` the one that 97 % of those in the table are brighter than, where
        there are 100 or more. Give one magnitude of each survey: several tell of the same object.
    covered : mapping of str to array-like of bool, shape (n_rows,), optional
        Where the survey has observed, by magnitude; with a map of its coverage (MOC),
        ``moc.contains_skycoords(coords)``; False where masked. Default: everywhere.
    constants : {"zero points", "original"} or mapping of str to float, optional
        As for `add_flux_ratios`.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with ``<ratio>_limit`` for each magnitude that has a depth, such as
        ``log_fx_fr_limit``: for sources whose counterpart is measured, too. Masked where the flux
        is not above 0, and where the survey has not observed. Where ``<mag>_is_limit``, the limit
        is that of the object.

    Raises
    ------
    KeyError
        If there is no flux, or not a magnitude that is named.
    ValueError
        If a depth is no number, ``covered`` has another shape, or the new columns are there.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_ratio_limits
    >>> x = Table({"flux": [1e-13, 1e-15], "rp_mag": [15.0, float("nan")]})
    >>> x = add_ratio_limits(x, {"rp_mag": 20.5})
    >>> x["log_fx_fr_limit"].round(2).tolist()
    [0.63, -1.37]
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["flux"])
    if depths is None:
        depths = _measured_depths(table)
    else:
        for name in check_mapping(depths, "depths"):
            check_choice(name, MAGNITUDES, "a magnitude in depths")
        check_columns(table, list(depths))
        depths = {name: _check_depth(depths[name], name, len(table)) for name in depths}
    covered = {} if covered is None else dict(check_mapping(covered, "covered"))
    for name, where in covered.items():
        check_choice(name, MAGNITUDES, "a magnitude in covered")
        covered[name] = np.ma.filled(np.ma.asanyarray(where), False)
        if covered[name].shape != (len(table),) or covered[name].dtype != bool:
            raise InputValueError(
                f"covered of {name} must be True or False for each of the {len(table)} rows, got "
                f"{shown(where)}"
            )
    zero = parse_constants(constants, table)
    log_flux, _ = log_flux_values(table)
    columns = {}
    for name, depth in depths.items():
        vega = float_values(table, name, unit=u.mag, system="Vega")
        is_limit = optional_values(table, f"{name}_is_limit") == 1
        limit = log_flux + np.where(is_limit, vega, depth) / 2.5 + zero[name]
        limit[~covered.get(name, np.ones(len(table), bool))] = np.nan
        columns[f"{MAGNITUDES[name]}_limit"] = masked_column(f"{MAGNITUDES[name]}_limit", limit)
    result = add_columns(table, columns, overwrite=overwrite)
    said = {k: "one per source" if np.ndim(depth) else depth for k, depth in depths.items()}
    result.meta = record(result.meta, "ratio_limits", depths=said, constants=zero)
    return result


def _check_depth(depth, name, n):
    """Check the depth of a magnitude: one number, or one of each source."""
    if np.ndim(depth) == 0 and not isinstance(depth, u.Quantity):
        return check_number(depth, f"depth of {name}")
    values = depth if isinstance(depth, (u.Quantity, Column)) else np.ma.asanyarray(depth)
    values = values.reshape(1) if np.ndim(depth) == 0 else values
    values = float_values({name: values}, name, unit=u.mag, system="Vega", name="depths")
    if np.ndim(depth) == 0:
        return check_number(values[0], f"depth of {name}")
    if values.shape != (n,):
        raise InputValueError(
            f"depths of {name} must be one number, or one for each of the {n} rows, got "
            f"{shown(depth)}"
        )
    return values


def _check_magnitudes(vega, name):
    """Warn of magnitudes that no object has, such as 99 for a missing value."""
    bad = vega[(vega < _MAGNITUDE_RANGE[0]) | (vega > _MAGNITUDE_RANGE[1])]
    if len(bad):
        warn(
            f"column {name!r} of table has {len(bad)} implausible magnitudes such as {bad[0]:g}, "
            f"expected {_MAGNITUDE_RANGE[0]} to {_MAGNITUDE_RANGE[1]}; mask those that stand for a "
            "missing value",
            ImplausibleValueWarning,
        )


def _measured_depths(table):
    """Return the faint end of the magnitudes of a table, where it has enough of them."""
    depths = {}
    for name in _DEEPEST:
        if name not in table.colnames:
            continue
        vega = float_values(table, name, unit=u.mag, system="Vega")
        _check_magnitudes(vega, name)
        vega = vega[
            (vega >= _MAGNITUDE_RANGE[0])
            & (vega <= _MAGNITUDE_RANGE[1])
            & ~(optional_values(table, f"{name}_is_limit") == 1)
        ]
        if len(vega) < _FEWEST_MAGNITUDES:
            log.info(
                "no limits from %s: %d magnitudes are too few to measure the depth", name, len(vega)
            )
            continue
        depths[name] = float(np.round(np.quantile(vega, _DEPTH_FRACTION), 2))
        log.info("depth in %s: %.2f mag", name, depths[name])
    return depths


@checked
def add_hardness_ratios(
    table: Table,
    bands: Any,
    *,
    kind: Literal["count rates", "photon fluxes", "energy fluxes"] | None = None,
    overwrite: bool = False,
) -> Table:
    r"""
    Add hardness ratios, of neighbouring bands or of the pairs asked for.

    Ratios of counts, of photon fluxes and of energy fluxes differ, and so do those of different
    bands: never put those of two missions into one column.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With the columns of the bands, and perhaps ``<band>_error``; it is not changed.
    bands : sequence of str, or of pairs
        Columns of the bands from soft to hard, two or more, all in one unit or none. Or pairs of a
        soft and a hard band, each of one column or a tuple of columns that are added up.
    kind : {"count rates", "photon fluxes", "energy fluxes"}, optional
        Kind of values in the bands, for the record.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with ``hr<n>`` of band n and n + 1, or of pair n, and ``hr<n>_error``; masked
        where a band is missing or neither is above 0. Negative values count as 0. The description
        of a column says what it is of, in keV where the bands are those of a mission
        (`~claxboi.catalog.standardize`), and its ``meta`` does as ``bands`` and ``kind``.

    Raises
    ------
    KeyError
        If a band is absent.
    ValueError
        If there are fewer than two bands, a pair is none, the kind is unknown, or the new columns
        are there already.

    Notes
    -----
    :math:`HR = (H - S)/(H + S)`, with the error to first order,
    :math:`2 \sqrt{H^2 \sigma_S^2 + S^2 \sigma_H^2} / (H + S)^2`.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.properties import add_hardness_ratios
    >>> x = Table({"soft": [3.0, 1.0], "medium": [1.0, 1.0], "hard": [1.0, -0.5]})
    >>> print(add_hardness_ratios(x, ["soft", "medium", "hard"])["hr1", "hr2"])
    hr1  hr2
    ---- ----
    -0.5  0.0
     0.0 -1.0
    >>> print(add_hardness_ratios(x, [(("soft", "medium"), "hard")])["hr1"])
    hr1
    ----
    -0.6
    -1.0
    """
    check_table(table, allow_empty=True)
    pairs = _pairs_of_bands(bands)
    names = list(dict.fromkeys(name for pair in pairs for band in pair for name in band))
    check_columns(table, names)
    if kind is not None:
        check_choice(kind, _HARDNESS_KINDS, "kind")
    unit = next((table[name].unit for name in names if table[name].unit is not None), None)
    values = {name: np.maximum(float_values(table, name, unit=unit), 0) for name in names}
    errors = {name: optional_values(table, f"{name}_error", unit) for name in names}
    columns = {}
    for n, pair in enumerate(pairs, start=1):
        soft, hard = (sum(values[name] for name in band) for band in pair)
        # Errors of the columns of one band are independent.
        soft_error, hard_error = (np.sqrt(sum(errors[k] ** 2 for k in band)) for band in pair)
        ratio, error = hardness_ratio(soft, hard, soft_error, hard_error)
        name = f"hr{n}"
        columns[name] = masked_column(name, ratio)
        _say_bands(columns[name], table, pair, kind)
        columns[f"{name}_error"] = masked_column(f"{name}_error", error)
    return add_columns(table, columns, overwrite=overwrite)


def _pairs_of_bands(bands):
    """
    Read the argument ``bands`` of `add_hardness_ratios`.

    Parameters
    ----------
    bands : sequence
        The argument.

    Returns
    -------
    pairs : list of pairs of tuple of str
        Soft and hard band of each ratio, each the columns that are added up.
    """
    if isinstance(bands, str) or not isinstance(bands, Sequence) or not bands:
        raise InputValueError(
            "bands must be two or more columns from soft to hard, or pairs of a soft and a hard "
            f"band, got {shown(bands)}"
        )
    if all(isinstance(band, str) for band in bands):
        if len(bands) < 2:
            raise InputValueError(
                f"bands must be two or more columns from soft to hard, got {bands!r}"
            )
        bands = itertools.pairwise(bands)
    pairs = []
    for pair in bands:
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise InputValueError(
                f"a pair in bands must be a soft and a hard band, got {shown(pair)}"
            )
        pairs.append(tuple((band,) if isinstance(band, str) else tuple(band) for band in pair))
    return pairs


def _say_bands(column, table, pair, kind):
    """
    Describe a hardness ratio by its bands in keV, or by its columns where these are unknown.
    """
    known = [[(table[name].info.meta or {}).get("band") for name in band] for band in pair]
    is_known = all(map(all, known))
    soft, hard = (" + ".join(band) for band in (known if is_known else pair))
    column.meta["bands"] = [soft, hard]
    if is_known:
        column.description = f"Hardness ratio of {kind or 'X-rays'} in {soft} and {hard} keV"
    else:
        soft, hard = (f"({text})" if "+" in text else text for text in (soft, hard))
        of_kind = f", of {kind}" if kind else ""
        column.description += f": ({hard} - {soft}) / sum{of_kind}"
    if kind:
        column.meta["kind"] = kind
