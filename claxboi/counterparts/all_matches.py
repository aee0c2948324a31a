# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
All candidate counterparts of each X-ray source, in one domain or in combinations of several.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.table import Table

from claxboi.catalog import make_column
from claxboi.config import CUTOFF
from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    add_columns,
    by_name,
    check_choice,
    check_columns,
    checked,
    float_values,
)

from .best_match import (
    RULES,
    Best,
    Objects,
    Surveys,
    choose_surveys,
    kept_columns,
    most_probable,
)
from .joint_association import combine_domains

__all__ = ["all_matches"]


@checked
def all_matches(
    candidates: Any,
    xray: Any,
    secondaries: Any,
    *,
    domain: Any = "opt",
    rule: Any = "first",
    cutoff: Any = CUTOFF,
    id_column: Any = None,
    keep: Any = (),
    overwrite: Any = False,
) -> Table:
    """
    List all candidates of each X-ray source, and the case that it has no counterpart.

    Parameters
    ----------
    candidates, xray, secondaries, id_column, keep, overwrite
        As for `best_matches`.
    domain : str or mapping of str to str, optional
        First part of the names of the new columns; or that of each survey, for one `associate` of
        all of them: a row is then a combination of at most one object in each domain.
    rule, cutoff
        As for `best_matches`. With several surveys of one domain, the candidates of a source are
        those in the survey from which its best match is; without a best match, in that with the
        largest ``p_any``. Without meaning for combinations.

    Returns
    -------
    table : same class as ``xray``
        One row for each candidate or combination, and after those of each source one for none,
        with the columns of ``xray``, then ``primary``, the row of the source in ``xray``;
        ``match_probability``, ``p_any * p_i`` of a candidate and ``1 - p_any`` of none, which sum
        to 1 for each source; and for each domain the columns of `best_matches` but
        ``<domain>_is_shared``, masked in the rows without an object of the domain.

    Raises
    ------
    TypeError, ValueError, KeyError
        If an argument is wrong, or the candidates are not of these surveys.

    See Also
    --------
    claxboi.classification.classify_candidates : Classify sources with all candidates.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import all_matches, associate
    >>> xray = Table({"ra": [10.0], "dec": [30.0], "pos_error": [1.0]})
    >>> gaia = Table({"id": [77, 78], "ra": [10.0, 10.0005], "dec": [30.0003, 30.0]})
    >>> gaia["pos_error"] = 0.1
    >>> settings = {"radius": 10 * u.arcsec, "completeness": 0.5, "density": 20000 / u.deg**2}
    >>> candidates = associate(xray, gaia, **settings)
    >>> table = all_matches(candidates, xray, {"gaia": gaia})
    >>> table["match_probability"].info.format = ".3f"
    >>> print(table["primary", "opt_id", "match_probability"])
    primary opt_id match_probability
    ------- ------ -----------------
          0     77             0.644
          0     78             0.345
          0     --             0.011

    Combinations of an optical and an infrared survey:

    >>> wise = Table({"id": [5], "ra": [10.0], "dec": [30.0003], "pos_error": [0.3]})
    >>> surveys = {"gaia": gaia, "wise": wise}
    >>> both = associate(xray, surveys, field_association=0.5, **settings)
    >>> table = all_matches(both, xray, surveys, domain={"gaia": "opt", "wise": "ir"})
    >>> table["match_probability"].info.format = ".3f"
    >>> print(table["opt_id", "ir_id", "match_probability"][:2])
    opt_id ir_id match_probability
    ------ ----- -----------------
        77     5             0.647
        78    --             0.346
    """
    check_choice(rule, RULES, "rule")
    if isinstance(domain, Mapping):
        domains = _domains(domain, secondaries)
    else:
        domains = {domain: secondaries}
    groups = {
        name: Surveys(xray, surveys, name, cutoff, id_column, names=secondaries)
        for name, surveys in domains.items()
    }
    _share_columns(groups, keep)
    if isinstance(domain, Mapping):
        source, p, parts = _combinations(groups, candidates, len(xray))
    else:
        source, p, parts = _one_domain(groups[domain], candidates, len(xray), rule)
    columns = {
        "primary": make_column("primary", source),
        "match_probability": make_column("match_probability", p),
    }
    for (name, survey), (each, chosen, best) in zip(groups.items(), parts, strict=True):
        columns |= survey.columns(
            [each] * len(survey.names), has=each.row >= 0, chosen=chosen, best=best
        )
        del columns[f"{name}_is_shared"]
    result = add_columns(xray[source], columns, overwrite=overwrite)
    for survey in groups.values():
        survey.record(result, rule=rule)
    return result


def list_matches(candidates, xray, secondaries, density_deg2, *, domain, rule, cutoff, **options):
    """
    List all candidates, and combine those of two domains.

    Parameters
    ----------
    candidates : mapping of str to `~astropy.table.Table`
        Results of `associate` for each survey alone.
    xray, secondaries, domain, rule, cutoff
        As for `all_matches`.
    density_deg2 : mapping of str to float or `~numpy.ndarray`
        As for `combine_domains`.
    **options
        The other arguments of `all_matches`.

    Returns
    -------
    table : same class as ``xray``
        As from `all_matches`.
    summary : dict
        As from `combine_domains`; empty for one domain.
    """
    summary = {}
    choice = {"rule": rule, "cutoff": cutoff}
    if isinstance(domain, Mapping):
        candidates, summary = combine_domains(
            xray, candidates, secondaries, domains=domain, density_deg2=density_deg2, **choice
        )
    table = all_matches(candidates, xray, secondaries, domain=domain, **choice, **options)
    return table, summary


def _domains(domain, secondaries):
    """
    Return the surveys of each domain.
    """
    groups = {}
    for name, one in by_name(domain, secondaries, "domain").items():
        if not isinstance(one, str) or not one:
            raise InputValueError(f"domain must name the domain of {name!r}, such as 'opt'")
        groups.setdefault(one, {})[name] = secondaries[name]
    return groups


def _share_columns(groups, keep):
    """
    Give each column to keep to the first domain that has it.
    """
    left = kept_columns(keep)
    for survey in groups.values():
        survey.kept = {
            new: column
            for new, column in left.items()
            if any(column in table.colnames for table in survey.secondaries.values())
        }
        left = {new: column for new, column in left.items() if new not in survey.kept}
    if left:
        names = [name for survey in groups.values() for name in survey.names]
        raise InputKeyError(f"keep: no column {next(iter(left.values()))!r} in {', '.join(names)}")


def _one_domain(survey, candidates, n, rule):
    """
    Return the source of each row, its probability, and its object.
    """
    objects = survey.read(candidates, n)
    found = [most_probable(one, n) for one in objects]
    p_any = np.array([one.p_any for one in found])
    chosen, best = choose_surveys(found, survey.above(p_any), rule)
    parts = [Objects(np.arange(n), np.full(n, -1), np.zeros(n), np.full(n, np.nan))]
    parts += [one[chosen[one.primary] == k] for k, one in enumerate(objects)]
    rows = Objects(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    is_none = rows.row < 0
    order = np.lexsort((rows.row, -rows.p, is_none, rows.primary))
    rows, is_none = rows[order], is_none[order]
    has_any = p_any[chosen, np.arange(n)][rows.primary]
    p = np.where(is_none, 1 - has_any, rows.p)
    each = Best(rows.row, has_any, _share(rows.p, has_any), rows.separation)
    return rows.primary, p, [(each, chosen[rows.primary], best[rows.primary])]


def _combinations(groups, candidates, n):
    """
    Return the source of each combination, its probability, and its object in each domain.
    """
    if not isinstance(candidates, Table):
        raise InputTypeError(
            "candidates must be one Table of all surveys where domain is a mapping, got "
            f"{type(candidates).__name__}"
        )
    names = [name for survey in groups.values() for name in survey.names]
    check_columns(candidates, ["primary", *names, "p_any", "p_i"], "candidates")
    primary = np.asarray(candidates["primary"])
    members = {name: float_values(candidates, name) for name in names}
    is_none = np.all(np.isnan(list(members.values())), axis=0)
    p_any, p_i = (float_values(candidates, name) for name in ("p_any", "p_i"))
    p = np.where(is_none, 1 - p_any, p_any * p_i)
    if np.any((primary < 0) | (primary >= n)) or np.bincount(primary, is_none, n).min() < 1:
        raise InputValueError(
            f"candidates must come from xray, with at least one row for each of its {n} rows"
        )
    order = np.lexsort((-p, is_none, primary))
    primary, p = primary[order], p[order]
    parts = []
    for survey in groups.values():
        row, chosen = np.full(len(order), -1), np.zeros(len(order), int)
        separation = np.full(len(order), np.nan)
        for k, (name, table) in reversed(list(enumerate(survey.secondaries.items()))):
            member = members[name][order]
            here = np.isfinite(member)
            if member[here].max(initial=-1) >= len(table):
                raise InputValueError(
                    f"candidates must come from {name!r}, got row numbers beyond its {len(table)} "
                    "rows"
                )
            row[here], chosen[here] = member[here], k
            separation[here] = float_values(candidates, f"separation_{name}")[order][here]
        has = row >= 0
        has_any = np.minimum(np.bincount(primary, np.where(has, p, 0.0), n), 1.0)[primary]
        # An object may be in several combinations of its source.
        key = np.where(has, row * len(survey.names) + chosen + 1, 0)
        _, number = np.unique(primary * (key.max() + 1) + key, return_inverse=True)
        of_object = np.bincount(number, p)[number]
        each = Best(row, has_any, np.where(has, _share(of_object, has_any), 0.0), separation)
        parts.append((each, chosen, chosen))
    return primary, p, parts


def _share(p, total):
    return np.divide(p, total, out=np.zeros(len(p)), where=total > 0)
