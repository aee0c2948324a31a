# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Best match of each X-ray source in one survey or several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn, Table
from astropy.time import Time

from claxboi.catalog import describe, make_column
from claxboi.config import CUTOFF
from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    add_columns,
    by_name,
    check_choice,
    check_columns,
    check_number,
    check_table,
    checked,
    float_values,
    is_missing,
    record,
    text_values,
)

from .associate import CLAIM
from .catalogue_positions import ELLIPSE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["best_matches"]

RULES = ("first", "best")


class Best(NamedTuple):
    # The most probable object of one survey for each X-ray source, arrays of shape (n_sources,).
    row: np.ndarray  # of the survey, -1 where there is none
    p_any: np.ndarray  # probability of a counterpart in this survey
    p_i: np.ndarray  # probability of this object, if there is a counterpart
    separation: np.ndarray


@checked
def best_matches(
    candidates: Table | Mapping[str, Table],
    xray: Table,
    secondaries: Mapping[str, Table],
    *,
    domain: str = "opt",
    rule: Literal["first", "best"] = "first",
    cutoff: float | Mapping[str, float] = CUTOFF,
    id_column: str | Mapping[str, str] | None = None,
    keep: Sequence[str] | Mapping[str, str] = (),
    overwrite: bool = False,
) -> Table:
    """
    Choose one counterpart for each X-ray source.

    Parameters
    ----------
    candidates : `~astropy.table.Table` or mapping of str to `~astropy.table.Table`
        Results of `associate`: one Table for all surveys together, or one for each survey by
        name.
    xray : `~astropy.table.Table`
        The X-ray sources that were associated.
    secondaries : mapping of str to `~astropy.table.Table`
        The surveys of this domain in order of preference.
    domain : str, optional
        First part of the names of the new columns: "opt" or "ir".
    rule : {"first", "best"}, optional
        How the survey is chosen: the first in the order of ``secondaries`` with ``p_any`` above its
        cutoff (the published rule), or that with the largest probability ``p_any * p_i`` among
        those above theirs. The survey that the second rule would take is recorded either way.
    cutoff : float or mapping of str to float, optional
        Smallest ``p_any``, for all surveys or by survey (default 0.5): see `calibrate_cutoffs`.
    id_column : str or mapping of str to str, optional
        Column of the identifier in each survey; None takes ``source_id`` or ``id``, or else the row
        number.
    keep : list of str, or mapping of str to str, optional
        Further columns of the surveys to keep, or new name -> column. They are in the units of the
        vocabulary where it has the new name.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as ``xray``
        A copy of ``xray`` with, masked where no survey has a counterpart above its cutoff:
        ``<domain>_id``, ``<domain>_ra``, ``<domain>_dec`` (deg, as in the survey),
        ``<domain>_pos_error`` and ``<domain>_separation`` (arcsec; the former where a survey has
        errors), ``<domain>_p_any``, ``<domain>_p_i``,
        ``<domain>_reference`` (name of the survey), ``<domain>_reference_best``, and
        ``<domain>_is_shared``: whether another source, likely to have a counterpart too, has the
        same object. Then the columns to keep, masked too where the survey of the counterpart has no
        such column.

    Raises
    ------
    TypeError, ValueError, KeyError
        If an argument is wrong, or the candidates are not of these surveys.

    Notes
    -----
    If several catalogues were associated at once, the probability of an object is the sum over all
    combinations with it, and the p_any of a survey is the sum over all of its objects. For one
    catalogue these are p_any and p_i of `associate`. The nearer one of two equally probable objects
    is taken.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import associate, best_matches
    >>> xray = Table({"ra": [10.0, 20.0], "dec": [30.0, 40.0], "pos_error": [1.0, 2.0]})
    >>> gaia = Table({"source_id": [77], "ra": [10.0], "dec": [30.0003], "pos_error": [0.1]})
    >>> candidates = associate(
    ...     xray, gaia, radius=10 * u.arcsec, completeness=0.5, density=20000 / u.deg**2
    ... )
    >>> best = best_matches(candidates, xray, {"gaia": gaia}, cutoff=0.5)
    >>> best["opt_p_any"].info.format = ".3f"
    >>> print(best["opt_id", "opt_p_any", "opt_reference"])
    opt_id opt_p_any opt_reference
    ------ --------- -------------
        77     0.983          gaia
        --        --            --
    """
    check_choice(rule, RULES, "rule")
    survey = Surveys(xray, secondaries, domain, cutoff, id_column, keep)
    objects = survey.read(candidates, len(xray))
    found = [most_probable(one, len(xray)) for one in objects]
    above = survey.above([one.p_any for one in found])
    chosen, best = choose_surveys(found, above, rule)
    result = add_columns(
        xray,
        survey.columns(found, has=above.any(axis=0), chosen=chosen, best=best),
        overwrite=overwrite,
    )
    return survey.record(result, rule=rule)


class Objects(NamedTuple):
    # Each object of one survey near each X-ray source once; arrays of shape (n_pairs,).
    primary: np.ndarray
    row: np.ndarray  # of the survey
    p: np.ndarray  # probability of being the counterpart
    separation: np.ndarray

    def __getitem__(self, rows: Any) -> Objects:  # type: ignore[override]
        return Objects(*(column[rows] for column in tuple(self)))


class Surveys:
    """
    The checked arguments of `best_matches`.

    Parameters
    ----------
    xray, secondaries, domain, cutoff, id_column, keep
        As for `best_matches`.
    names : list of str, optional
        Surveys that ``cutoff`` and ``id_column`` may name, if these are not all.
    """

    def __init__(self, xray, secondaries, domain, cutoff, id_column=None, keep=(), names=None):
        check_table(xray, "xray")
        is_table = isinstance(secondaries, Table)
        if not hasattr(secondaries, "items") or len(secondaries) == 0 or is_table:
            raise InputTypeError(
                f"secondaries must be a mapping of survey names to Tables, got {secondaries!r:.80}"
            )
        if not isinstance(domain, str) or not domain:
            raise InputTypeError(f"domain must be a name such as 'opt', got {domain!r}")
        self.secondaries, self.domain, self.names = secondaries, domain, list(secondaries)
        for name, survey in secondaries.items():
            check_table(survey, f"secondary {name!r}", allow_empty=True)
            check_columns(survey, ["ra", "dec"], f"secondary {name!r}")
        names = self.names if names is None else names
        cutoffs = by_name(cutoff, names, "cutoff", CUTOFF)
        ids = by_name(id_column, names, "id_column")
        self.ids = [ids[name] for name in self.names]
        self.cutoffs = [
            check_number(cutoffs[name], "cutoff", minimum=0, maximum=1) for name in self.names
        ]
        self.kept = kept_columns(keep)
        for column in self.kept.values():
            if not any(column in survey.colnames for survey in secondaries.values()):
                raise InputKeyError(f"keep: no column {column!r} in {', '.join(self.names)}")

    def read(self, candidates, n_sources):
        """
        Read the objects of each survey from the candidates.

        Parameters
        ----------
        candidates : `~astropy.table.Table` or mapping of str to `~astropy.table.Table`
            As for `best_matches`.
        n_sources : int
            Number of X-ray sources.

        Returns
        -------
        objects : list of Objects
        """
        return [
            _read_objects(candidates, name, self.names, survey, n_sources)
            for name, survey in self.secondaries.items()
        ]

    def above(self, p_any):
        """
        Find the sources that have a counterpart above the cutoff.

        Parameters
        ----------
        p_any : sequence of `~numpy.ndarray` of shape (n_sources,)
            The p_any in each survey.

        Returns
        -------
        is_above : `~numpy.ndarray` of bool, shape (n_surveys, n_sources)
        """
        return np.array([(p > 0) & (p >= c) for p, c in zip(p_any, self.cutoffs, strict=True)])

    def columns(self, found, *, has, chosen, best):
        """
        Make the counterpart columns, masked in rows without a counterpart.

        Parameters
        ----------
        found : list of Best
            For each survey its object in each row.
        has : `~numpy.ndarray` of bool, shape (n_rows,)
            Which rows have one.
        chosen, best : `~numpy.ndarray` of int, shape (n_rows,)
            The survey that is taken, and the one of the most probable object.

        Returns
        -------
        columns : dict of str to `~astropy.table.Column`
        """
        columns = _columns(
            self.domain, self.secondaries, self.ids, found, has=has, chosen=chosen, best=best
        )
        row = np.choose(chosen, [b.row for b in found])
        for new, column in self.kept.items():
            columns[new] = _kept(new, column, self.secondaries, np.where(has, chosen, -1), row)
        return columns

    def record(self, result, *, rule):
        """
        Record how the counterparts were chosen.

        Parameters
        ----------
        result : `~astropy.table.Table`
            The table with the counterparts.
        rule : str
            As for `best_matches`.

        Returns
        -------
        result : `~astropy.table.Table`
            The same.
        """
        result.meta = record(
            result.meta,
            f"counterparts_{self.domain}",
            surveys=self.names,
            rule=rule,
            cutoff=dict(zip(self.names, self.cutoffs, strict=True)),
        )
        return result


def choose_surveys(found, above, rule):
    """
    Choose the survey that supplies the counterpart of each source.

    Parameters
    ----------
    found : list of Best
        The best object in each survey.
    above : `~numpy.ndarray` of bool, shape (n_surveys, n_sources)
        Whether it is above the cutoff.
    rule : {"first", "best"}
        As for `best_matches`.

    Returns
    -------
    chosen, best : `~numpy.ndarray` of int, shape (n_sources,)
        The survey by the rule, and by "best"; where none is above, that of the largest p_any.
    """
    probability = np.where(
        above, [b.p_any * b.p_i for b in found], np.array([b.p_any for b in found]) - 2
    )
    best = np.argmax(probability, axis=0)
    if rule == "best":
        return best, best
    return np.where(above.any(axis=0), np.argmax(above, axis=0), best), best


def kept_columns(keep):
    """
    Return the columns of the surveys that are kept.

    Parameters
    ----------
    keep : sequence of str, or mapping of str to str
        As for `best_matches`.

    Returns
    -------
    columns : dict of str to str
        Name in the surveys by new name.
    """
    return dict(keep.items() if hasattr(keep, "items") else zip(keep, keep, strict=True))


def _read_objects(candidates, name, names, survey, n_sources):
    """
    Read the objects of one survey from the candidates.
    """
    if isinstance(candidates, Table):
        table = candidates
    elif hasattr(candidates, "keys"):
        if name not in candidates:
            raise InputKeyError(
                f"candidates has no table {name!r}; its tables are {', '.join(candidates)}"
            )
        table = candidates[name]
    else:
        raise InputTypeError(
            "candidates must be a Table or a mapping of names to Tables, got "
            f"{type(candidates).__name__}"
        )
    single = "secondary" in table.colnames and (len(names) == 1 or table is not candidates)
    member, separation = ("secondary", "separation") if single else (name, f"separation_{name}")
    check_columns(table, ["primary", member, separation, "p_any", "p_i"], "candidates")
    primary = np.asarray(table["primary"])
    row = float_values(table, member)
    if np.any((primary < 0) | (primary >= n_sources)) or np.nanmax(row, initial=-1) >= len(survey):
        raise InputValueError(
            f"candidates must come from xray and {name!r}, got row numbers beyond their "
            f"{n_sources} and {len(survey)} rows"
        )
    here = np.isfinite(row)
    order = np.flatnonzero(here)
    order = order[np.lexsort((row[order], primary[order]))]
    p = float_values(table, "p_any") * float_values(table, "p_i")
    separations = float_values(table, separation)
    rows = Objects(primary[order], row[order].astype(np.int64), p[order], separations[order])
    if len(order) == 0:
        return rows
    # An object may be in several combinations.
    new = np.flatnonzero(np.append(True, (np.diff(rows.primary) != 0) | (np.diff(rows.row) != 0)))
    return rows[new]._replace(p=np.add.reduceat(rows.p, new))


def most_probable(objects, n_sources):
    """
    Find the most probable object of one survey for each source.

    Parameters
    ----------
    objects : Objects
        The objects near each source.
    n_sources : int
        Number of sources.

    Returns
    -------
    best : Best
    """
    best = Best(
        np.full(n_sources, -1), np.zeros(n_sources), np.zeros(n_sources), np.full(n_sources, np.nan)
    )
    primary, row, p, separation = objects
    best.p_any[:] = np.minimum(np.bincount(primary, weights=p, minlength=n_sources), 1.0)
    order = np.lexsort((row, separation, -p, primary))
    top = order[np.unique(primary[order], return_index=True)[1]]
    top = top[p[top] > 0]
    at = primary[top]
    best.row[at], best.separation[at] = row[top], separation[top]
    best.p_i[at] = p[top] / best.p_any[at]
    return best


def _columns(domain, secondaries, ids, found, *, has, chosen, best):
    n, names = len(has), list(secondaries)
    numbers = ("ra", "dec", "pos_error", "separation", "p_any", "p_i")
    values = {name: np.full(n, np.nan) for name in numbers}
    identifier = np.full(n, "", dtype=object)
    shared = np.zeros(n, bool)
    for k, name in enumerate(names):
        rows = np.flatnonzero(has & (chosen == k))
        at = found[k].row[rows]
        survey = secondaries[name]
        for column in ("ra", "dec"):
            values[column][rows] = float_values(survey, column, unit=u.deg, name=name)[at]
        values["pos_error"][rows] = _errors(survey, name)[at]
        for column in ("separation", "p_any", "p_i"):
            values[column][rows] = getattr(found[k], column)[rows]
        identifier[rows] = _identifiers(survey, ids[k], name)[at]
        claims = found[k].p_any[rows] > CLAIM
        counts = np.bincount(at[claims], minlength=len(survey))
        shared[rows] = claims & (counts[at] > 1)
    names = np.array(names)
    texts = {
        "id": identifier.astype(str),
        "reference": names[chosen],
        "reference_best": names[best],
    }
    columns = {}
    for part in ("id", *numbers, "reference", "reference_best"):
        if part == "pos_error" and not any(map(_has_errors, secondaries.values())):
            continue
        data = texts[part] if part in texts else values[part]
        data = np.where(has, data, "") if part in texts else data
        mask = ~has | np.isnan(data) if part == "pos_error" else ~has
        columns[f"{domain}_{part}"] = make_column(
            f"<domain>_{part}", data, mask=mask, domain=domain
        )
    columns[f"{domain}_is_shared"] = make_column(
        "<domain>_is_shared", shared, mask=~has, domain=domain
    )
    return columns


def _has_errors(survey):
    names = survey.colnames
    return "pos_error" in names or all(column in names for column in ELLIPSE[:2])


def _errors(survey, name):
    """
    Return the positional error of each object as a circle, NaN where it is not known.
    """
    if not _has_errors(survey):
        return np.full(len(survey), np.nan)
    if "pos_error" in survey.colnames:
        return float_values(survey, "pos_error", unit=u.arcsec, name=name)
    axes = [float_values(survey, column, unit=u.arcsec, name=name) for column in ELLIPSE[:2]]
    return np.hypot(*axes) / np.sqrt(2)


def _kept(new, column, secondaries, chosen, row):
    """
    Copy a column of the surveys to the counterparts.
    """
    if any(
        isinstance(survey[column], Time)
        for survey in secondaries.values()
        if column in survey.colnames
    ):
        return _kept_times(column, secondaries, chosen, row)
    unit = (describe(new) or {}).get("unit") or _common_unit(column, secondaries)
    parts, first = [], None
    for k, (name, survey) in enumerate(secondaries.items()):
        rows = np.flatnonzero(chosen == k)
        if column not in survey.colnames:
            continue
        first = survey[column] if first is None else first
        if getattr(survey[column], "dtype", None) is None:
            raise InputTypeError(
                f"keep: column {column!r} of {name} must hold numbers, text or times, got "
                f"{type(survey[column]).__name__}"
            )
        if survey[column].dtype.kind in "fiu" and unit is not None:
            values = float_values(survey, column, unit=unit, name=name)
            missing = np.isnan(values)
        else:
            values = np.ma.getdata(np.asanyarray(survey[column]))
            missing = is_missing(survey, column)
        parts.append((rows, values[row[rows]], missing[row[rows]]))
    data = np.zeros(len(chosen), np.result_type(*(values for _, values, _ in parts)))
    mask = np.ones(len(chosen), bool)
    for rows, values, missing in parts:
        data[rows], mask[rows] = values, missing
    if describe(new) is not None:
        return make_column(new, data, mask=mask)
    return MaskedColumn(data, name=new, mask=mask, unit=unit, description=first.info.description)


def _kept_times(column, secondaries, chosen, row):
    """
    Take a column of times from the survey of each counterpart, in the scale of the first.
    """
    days, mask, first = np.zeros((2, len(chosen))), np.ones(len(chosen), bool), None
    for k, (name, survey) in enumerate(secondaries.items()):
        if column not in survey.colnames:
            continue
        own = survey[column]
        if not isinstance(own, Time):
            raise InputTypeError(
                f"keep: column {column!r} of {name} must hold times, as in the other surveys"
            )
        first = own if first is None else first
        own, rows = getattr(own, first.scale), np.flatnonzero(chosen == k)
        days[:, rows] = own.jd1[row[rows]], own.jd2[row[rows]]
        mask[rows] = np.asarray(own.mask)[row[rows]]
    # Time accepts no gaps: they are filled, and masked afterwards.
    days[0, mask] = first.jd1[0] if len(first) else 0.0
    result = Time(*days, format="jd", scale=first.scale)
    result.format = first.format
    if mask.any():
        result[mask] = np.ma.masked
    result.info.description = first.info.description
    return result


def _common_unit(column, secondaries):
    """
    Return the unit of a column in the first survey; None where no survey has one.
    """
    units = {
        name: getattr(survey[column], "unit", None) or None
        for name, survey in secondaries.items()
        if column in survey.colnames
    }
    unit = next((unit for unit in units.values() if unit is not None), None)
    systems = {str(own) for own in units.values() if isinstance(own, u.MagUnit) or own == u.mag}
    if len(systems) > 1:
        raise u.UnitConversionError(
            f"keep: column {column!r} must have magnitudes of one system, got "
            f"{' and '.join(sorted(systems))}; convert them, which depends on the band"
        )
    bare = [name for name, own in units.items() if own is None]
    if unit is not None and bare:
        raise u.UnitConversionError(
            f"keep: column {column!r} is in {unit} in one survey and has no unit in "
            f"{', '.join(bare)}; set it, table[{column!r}].unit = '{unit}' if that is right"
        )
    return unit


def _identifiers(survey, column, name):
    if column is None:
        column = next((c for c in ("source_id", "id") if c in survey.colnames), None)
        if column is None:
            return np.arange(len(survey)).astype(str)
    check_columns(survey, [column], f"secondary {name!r}")
    return text_values(survey, column, name=name)[0]
