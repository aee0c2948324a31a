# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Combinations of an optical and an infrared candidate, from associations with each domain alone.

Associations with one survey at a time are calibrated whatever the other surveys are. Here the
counterpart is also one object: it tends to be in both surveys or in none, and its
positions agree, also with the motion between their epochs. That two field objects agree is no
evidence, since many field objects are in both surveys too.
"""

import logging
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.table import Table

from claxboi.utils import InputValueError, by_name, float_values, shown, year_values

from .best_match import Objects, Surveys, choose_surveys, most_probable
from .catalogue_positions import ELLIPSE

__all__ = []

log = logging.getLogger(__name__)

#: An object is of the field if its probability by position is below this.
FIELD = 0.01
#: Fraction of pairs that are farther apart than their errors say (unknown motion, blends), and how
#: far in arcsec.
STRAY, STRAY_ARCSEC = 0.02, 2.0
#: Sources that are added to the observed patterns of detection, as independent detections.
PSEUDO_COUNT = 10
#: Some field objects are in one domain alone, however few: real surveys are never that alike.
MOST_SHARED = 0.99
STEPS = 200
TOLERANCE = 1e-7
ARCSEC2_PER_DEG2 = 3600.0**2


def check_domains(domains, names, keep):
    """
    Check the domains of surveys whose candidates are to be combined.

    Parameters
    ----------
    domains : mapping of str to str
        Domain of each survey.
    names : list of str
        The surveys.
    keep : str or object
        The argument of that name.
    """
    by_name(domains, names, "domain")
    is_all = isinstance(keep, str) and keep == "all"
    if not is_all or set(domains) != set(names) or len(set(domains.values())) != 2:
        raise InputValueError(
            "domain must be one name, or with keep='all' a mapping of each survey to one of two, "
            f"got {shown(domains)} with keep={shown(keep)}"
        )


def combine_domains(table, candidates, tables, *, domains, rule, cutoff, density_deg2):
    r"""
    Combine the candidates of two domains.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The X-ray sources.
    candidates : mapping of str to `~astropy.table.Table`
        Results of `associate` for each survey alone.
    tables : mapping of str to `~astropy.table.Table`
        The surveys.
    domains : mapping of str to str
        Domain of each survey, two in all.
    rule, cutoff
        As for `best_matches`: the survey of each domain.
    density_deg2 : mapping of str to float or `~numpy.ndarray` of shape (n_sources,)
        Objects of each survey per square degree; NaN where a survey does not cover the source.

    Returns
    -------
    candidates : `~astropy.table.Table`
        One row for each combination, as from `associate` with all surveys.
    summary : dict
        Fractions of detection in "neither", "both" and each domain alone, and of the field objects
        that are in both.

    Notes
    -----
    Let :math:`o_i, o_j` be the odds of candidates against none in each domain. The combination has
    the weight

    .. math:: w_{ij} = \frac{\pi_{ij}}{\pi_i \pi_j} o_i o_j \frac{R_{ij}}{G_{ij}}

    with the probability :math:`\pi` of the pattern of detection over that of independent ones;
    R, the density of the position of j for the object at i over that for any object of the X-ray
    source; and G, the weight of all ways in which the objects i and j are field objects instead:
    each in its domain alone, or both one object.
    """
    n = len(table)
    names = list(dict.fromkeys(domains[name] for name in tables))
    sides = [
        _side(
            table,
            {name: one for name, one in tables.items() if domains[name] == domain},
            candidates,
            density_deg2,
            rule=rule,
            cutoff=cutoff,
        )
        for domain in names
    ]
    a, b = (_counts(side.objects.primary, n) for side in sides)
    first, second, source = _product(a, b)
    pair = (first >= 0) & (second >= 0)
    i, j = first[pair], second[pair]
    agree, chance = _agreement(table, *sides, i, j)
    shared = _shared_fraction(*sides, i, j, chance)
    # The fractions of the field objects of each domain that are in it alone.
    alone = 1 - np.array(shared)
    linked = max(shared) * chance / np.prod(alone)
    log_w = _log_odds(sides[0], first, source) + _log_odds(sides[1], second, source)
    log_w[pair] += np.log(agree)
    log_w -= _log_groups(sides, first, second, i, j, linked, pair)
    compared = (sides[0].covered & sides[1].covered)[source]
    log_w -= compared * ((first >= 0) * np.log(alone[0]) + (second >= 0) * np.log(alone[1]))
    pattern = (first >= 0) + 2 * (second >= 0)
    p, patterns = _fit_patterns(log_w, pattern, source, sides, n)
    result = Table({"primary": source})
    for side, rows in zip(sides, (first, second), strict=True):
        for k, name in enumerate(side.names):
            here = (rows >= 0) & (side.survey[rows] == k) if len(side.survey) else rows >= 0
            for column, values in ((name, side.objects.row), ("", side.objects.separation)):
                data = np.full(len(rows), np.nan)
                data[here] = values[rows[here]]
                result[column or f"separation_{name}"] = data
    is_none = pattern == 0
    none = np.zeros(n)
    none[source[is_none]] = p[is_none]
    p_any = (1 - none)[source]
    result["p_any"] = p_any
    result["p_i"] = np.where(
        is_none, 0.0, np.divide(p, p_any, out=np.zeros(len(p)), where=p_any > 0)
    )
    labels = ["neither", *names, "both"]
    summary = {
        "detected": dict(zip(labels, patterns.tolist(), strict=True)),
        "field_in_both": float(max(shared)),
    }
    log.info(
        "%d combinations of %d sources: counterparts in both domains %.2f, in %s alone %.2f, in %s "
        "alone %.2f; %.2f of the field objects are in both",
        len(p), n, patterns[3], names[0], patterns[1], names[1], patterns[2], max(shared),
    )  # fmt: skip
    return result, summary


class _Side(NamedTuple):
    # The candidates of one domain, each source in one survey.
    names: list  # of the surveys
    objects: Objects
    survey: np.ndarray  # of each object, the number of its name
    p_none: np.ndarray  # that a source has no counterpart
    covered: np.ndarray  # whether a survey covers the source
    density: np.ndarray  # of the survey of each source, per arcsec2
    variance: np.ndarray  # of the position of each object, arcsec2
    offsets: np.ndarray  # of each object from its source, east and north in arcsec
    motion: np.ndarray  # of each object, arcsec / yr
    epoch: np.ndarray  # of each object, yr; NaN where unknown


def _side(table, own, candidates, density_deg2, *, rule, cutoff):
    n, names = len(table), list(own)
    surveys = Surveys(table, own, "one", cutoff, names=list(candidates))
    each = surveys.read(candidates, n)
    found = [most_probable(one, n) for one in each]
    chosen, _ = choose_surveys(found, surveys.above([one.p_any for one in found]), rule)
    parts = [one[chosen[one.primary] == k] for k, one in enumerate(each)]
    survey = np.concatenate([np.full(len(one.row), k) for k, one in enumerate(parts)])
    objects = Objects(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    order = np.argsort(objects.primary, kind="stable")
    objects, survey = objects[order], survey[order].astype(np.int64)
    p_any = np.choose(chosen, [one.p_any for one in found])
    densities = np.stack([np.broadcast_to(density_deg2[name], n) for name in names])
    densities = densities / ARCSEC2_PER_DEG2
    covered = np.isfinite(densities).any(axis=0)
    density = densities[chosen, np.arange(n)]
    columns = {
        name: np.full(len(survey), fill)
        for name, fill in (("variance", 1.0), ("epoch", np.nan), ("pmra", 0.0), ("pmdec", 0.0))
    }
    offsets = np.zeros((2, len(survey)))
    for k, (name, one) in enumerate(own.items()):
        here = np.flatnonzero(survey == k)
        rows = objects.row[here]
        columns["variance"][here] = _variance(one, name)[rows]
        if "ref_epoch" in one.colnames:
            columns["epoch"][here] = year_values(one, "ref_epoch", name=name)[rows]
        for axis in ("pmra", "pmdec"):
            if axis in one.colnames:
                motion = float_values(one, axis, unit=u.mas / u.yr)[rows]
                columns[axis][here] = np.nan_to_num(motion) / 1000
        offsets[:, here] = _offsets(candidates[name], here, objects, len(one))
    return _Side(
        names,
        objects,
        survey,
        np.maximum(1 - p_any, np.finfo(float).tiny),
        covered,
        density,
        columns["variance"],
        offsets,
        np.stack([columns["pmra"], columns["pmdec"]]),
        columns["epoch"],
    )


def _offsets(candidates, here, objects, n_rows):
    """
    Return the offsets of objects from their X-ray sources, east and north in arcsec.
    """
    if not len(here):
        return np.empty((2, 0))
    member = float_values(candidates, "secondary")
    known = np.isfinite(member)
    key = np.asarray(candidates["primary"])[known] * n_rows + member[known].astype(np.int64)
    order = np.argsort(key)
    wanted = objects.primary[here] * n_rows + objects.row[here]
    at = order[np.searchsorted(key, wanted, sorter=order)]
    return np.array(
        [
            float_values(candidates, name, unit=u.arcsec)[known][at]
            for name in ("offset_east", "offset_north")
        ]
    )


def _counts(primary, n):
    counts = np.bincount(primary, minlength=n)
    return counts, np.cumsum(counts) - counts


def _product(a, b):
    """
    Return the objects of each combination in both domains, -1 for none, and its source.
    """
    (n_first, start_first), (n_second, start_second) = a, b
    size = (n_first + 1) * (n_second + 1)
    source = np.repeat(np.arange(len(size)), size)
    rank = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    width = n_second[source] + 1
    one, other = rank // width - 1, rank % width - 1
    first = np.where(one >= 0, start_first[source] + one, -1)
    second = np.where(other >= 0, start_second[source] + other, -1)
    return first, second, source


def _normal(offset, variance):
    return np.exp(-np.sum(offset**2, axis=0) / (2 * variance)) / (2 * np.pi * variance)


def _with_strays(offset, variance):
    near, far = _normal(offset, variance), _normal(offset, variance + STRAY_ARCSEC**2)
    return (1 - STRAY) * near + STRAY * far


def _agreement(table, first, second, i, j):
    """
    Return R, and the density of j around i over that of the denser survey.
    """
    primary = first.objects.primary[i]
    v_x = _variance(table, "table")[primary]
    v_i, v_j = first.variance[i], second.variance[j]
    # Each is where it was at the epoch of the X-ray source, if known, else of its own survey.
    years = first.epoch[i], second.epoch[j]
    now = years
    if "epoch" in table.colnames:
        now = (year_values(table, "epoch", name="table")[primary],) * 2
    moved = np.nan_to_num(first.motion[:, i] * (years[1] - now[0]))
    moved -= np.nan_to_num(second.motion[:, j] * (years[0] - now[1]))
    at_i, at_j = first.offsets[:, i] + moved, second.offsets[:, j]
    middle = first.offsets[:, i] * (v_x / (v_x + v_i)) + moved
    with_both = _with_strays(at_j - middle, v_j + v_x * v_i / (v_x + v_i))
    tiny = np.finfo(float).tiny
    alone = np.maximum(_normal(at_j, v_x + v_j), tiny)
    density = np.maximum(first.density[primary], second.density[primary])
    return np.maximum(with_both / alone, tiny), _with_strays(at_j - at_i, v_i + v_j) / density


def _variance(table, name):
    """
    Return the variance along each axis, the mean one of an ellipse, in arcsec2.
    """
    if "pos_error" in table.colnames:
        return float_values(table, "pos_error", unit=u.arcsec, name=name) ** 2
    axes = [float_values(table, column, unit=u.arcsec, name=name) for column in ELLIPSE[:2]]
    return axes[0] * axes[1]


def _shared_fraction(first, second, i, j, chance):
    """
    Return the fraction of the field objects of each domain that are in the other one too (EM).
    """
    sides = [first, second]
    total = [float(np.nanmean(side.density)) if len(side.objects.p) else 0.0 for side in sides]
    few, rows, other_rows = (first, i, j) if total[0] <= total[1] else (second, j, i)
    other = second if few is first else first
    is_field = few.objects.p < FIELD
    use = is_field[rows] & (other.objects.p[other_rows] < FIELD)
    sum_chance = np.bincount(rows[use], chance[use], len(few.objects.p))[is_field]
    ratio = min(total) / max(total) if max(total) > 0 else 0.0
    shared = 0.5 if len(sum_chance) else 0.0
    for _ in range(STEPS):
        yes = shared * sum_chance / (1 - shared * ratio)
        new = min(float(np.mean(yes / (1 - shared + yes))), MOST_SHARED) if len(yes) else 0.0
        done = abs(new - shared) < TOLERANCE
        shared = new
        if done:
            break
    return (shared, shared * ratio) if few is first else (shared * ratio, shared)


def _log_odds(side, rows, source):
    """
    Return the log odds of the object of each combination against none in its domain.
    """
    has = rows >= 0
    p = side.objects.p[rows[has]] / side.p_none[source[has]]
    result = np.zeros(len(rows))
    result[has] = np.log(np.maximum(p, np.finfo(float).tiny))
    return result


def _log_groups(sides, first, second, i, j, linked, pair):
    """
    Return log G, the ways in which the objects of each combination are in pairs of field objects.
    """
    sums = [
        np.bincount(rows, linked, len(side.objects.p))
        for side, rows in zip(sides, (i, j), strict=True)
    ]
    own = np.zeros(len(first))
    own[pair] = linked
    a, b = (
        np.where(rows >= 0, one[rows], 0.0) if len(one) else np.zeros(len(rows))
        for one, rows in zip(sums, (first, second), strict=True)
    )
    # The pair itself, or each of both alone or with another one.
    return np.log(own + (1 + np.maximum(a - own, 0)) * (1 + np.maximum(b - own, 0)))


def _fit_patterns(log_w, pattern, source, sides, n):
    """
    Fit the probabilities of being detected in both domains, in one or in neither (EM).

    Returns the probability of each combination, and those of the patterns.
    """
    starts = np.searchsorted(source, np.arange(n))
    counts = np.diff(np.append(starts, len(log_w)))
    share = [
        np.clip(np.mean(1 - side.p_none[side.covered]), 0.5 / (n + 1), 1 - 0.5 / (n + 1))
        if side.covered.any()
        else 0.5
        for side in sides
    ]
    one, two = share
    independent = np.array([(1 - one) * (1 - two), one * (1 - two), (1 - one) * two, one * two])
    # Outside the footprint of a survey, its patterns with and without a detection are summed.
    hidden = 3 - (sides[0].covered + 2 * sides[1].covered)[source]
    member = [[k & ~h == p for k in range(4)] for h in range(4) for p in range(4)]
    member = np.array(member, float).reshape(4, 4, 4)
    largest = np.repeat(np.maximum.reduceat(log_w, starts), counts)
    weight = np.exp(log_w - largest) / independent[pattern]
    cell = hidden * 4 + pattern
    current = independent
    for _ in range(STEPS):
        seen = member @ current
        p = weight * seen.ravel()[cell]
        p /= np.repeat(np.add.reduceat(p, starts), counts)
        total = np.bincount(cell, p, 16).reshape(4, 4)
        parts = member * current / np.where(seen > 0, seen, 1)[..., np.newaxis]
        new = np.einsum("hp,hpk->k", total, parts) + PSEUDO_COUNT * independent
        new /= new.sum()
        done = np.max(np.abs(new - current)) < TOLERANCE
        current = new
        if done:
            break
    return p, current
