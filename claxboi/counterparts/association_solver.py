# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The order in which an association is worked out: pairs, combinations, weights, probabilities.
"""

from typing import NamedTuple

import numpy as np

from claxboi.utils import ClaxboiWarning, warn

from .association import label
from .combinations import Combinations, combine, log_bayes
from .errors import chi_square
from .field_sources import field_densities, log_unrelated, log_unrelated_nway
from .magnitude_priors import FIELD, SECURE
from .match_probability import (
    Posterior,
    estimate_completeness,
    fraction_inside,
    match_flags,
    posterior,
    prior_terms,
)
from .motion import Positions, find_neighbours
from .source_density import WHOLE_SKY_DEG2, local_density

__all__ = []

# An object within so many sigma of an X-ray source may be its counterpart.
_FIELD_SIGMA = 5.0
# Field objects looked at for each pair of catalogues: the fraction is known to 0.7 %.
_FIELD_SAMPLE = 5_000
# A source claims its most probable counterpart if that it has one is more probable than not.
CLAIM = 0.5


class Solution(NamedTuple):
    """
    The answer; arrays of shape (n_rows,) in the order of ``rows``.
    """

    neighbours: list
    """The pairs of each catalogue."""
    rows: Combinations
    """The combinations."""
    is_empty: np.ndarray
    """Rows without counterpart."""
    log_b: np.ndarray
    """Natural-log Bayes factors."""
    posterior: Posterior
    """The probabilities."""
    flags: np.ndarray
    """Match flags."""
    is_shared: np.ndarray
    """Whether another source claims the same object."""
    prior_columns: list
    """Catalogue, label and natural-log factor of each prior."""
    order: np.ndarray
    """The order in which the rows are shown."""
    completeness: list
    """Used or estimated, one per catalogue."""
    densities: list
    """Used or measured, objects per square degree."""
    shared: dict
    """Field association used, by pair of catalogues."""
    priors: list
    """The priors of each catalogue, with what they learned."""


def solve(problem):
    """
    Work out an association.

    Parameters
    ----------
    problem : Problem
        What is asked.

    Returns
    -------
    solution : Solution
    """
    n = len(problem.primaries.ra)
    for name, table in zip(problem.names, problem.tables, strict=True):
        if len(table) == 0:
            warn(f"{label(name)} is empty: it has no counterpart for any source", ClaxboiWarning)
    neighbours = [
        find_neighbours(problem.primaries, table, problem.radius) for table in problem.secondaries
    ]
    rows = combine(neighbours, n, problem.radius)
    starts = rows.starts(n)
    is_empty = rows.is_empty
    log_b = log_bayes(rows, problem.primaries, neighbours, nway=problem.is_nway)
    densities = _densities(problem, neighbours)
    shared = _shared(problem, neighbours, densities)
    log_rest = log_b + _log_field(problem, rows, neighbours, densities, shared)
    weigh = _Weights(problem, rows, log_b=log_b, log_rest=log_rest)

    completeness = weigh.completeness(0.0)
    by_position = weigh.posterior(completeness, 0.0)
    priors = _learn(problem, rows, neighbours, by_position)
    prior_columns = _prior_columns(problem, priors, rows, neighbours)
    log_prior = sum((log_factor for _, _, log_factor in prior_columns), np.zeros(len(log_b)))
    result = by_position
    if prior_columns:
        completeness = weigh.completeness(log_prior)
        result = weigh.posterior(completeness, log_prior)
    flags = match_flags(result.p_i, starts)
    return Solution(
        neighbours=neighbours,
        rows=rows,
        is_empty=is_empty,
        log_b=log_b,
        posterior=result,
        flags=flags,
        is_shared=_is_shared(problem, rows, neighbours, flags, result.p_any),
        prior_columns=prior_columns,
        order=_order(rows, neighbours, is_empty, result.p_i),
        completeness=completeness,
        densities=densities,
        shared=shared,
        priors=priors,
    )


def _densities(problem, neighbours):
    result = []
    for name, density, table, near in zip(
        problem.names, problem.densities, problem.secondaries, neighbours, strict=True
    ):
        if density is None and len(table.ra) == 0:
            measured = 0.0
        elif density is None:
            inside = np.bincount(near.primary, minlength=len(problem.radius))
            measured = local_density(problem.primaries, table, problem.radius, inside, label(name))
        else:
            measured = density
        result.append(measured)
    return result


def _shared(problem, neighbours, densities):
    """
    Find for each pair of catalogues how many field objects they have in common.
    """
    n = len(problem.names)
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    if problem.is_nway:
        return {}
    if isinstance(problem.field_association, dict):
        return problem.field_association
    if problem.field_association is not None:
        return dict.fromkeys(pairs, problem.field_association)
    result = {}
    for pair in pairs:
        # Chances are those of an object of the sparser catalogue.
        few, many = sorted(pair, key=lambda c: float(np.mean(densities[c])))
        result[pair] = _common_fraction(problem, neighbours[few], few, many, densities[many])
    return result


def _common_fraction(problem, near, few, many, density):
    first, second = problem.secondaries[few], problem.secondaries[many]
    if len(first.ra) == 0 or len(second.ra) == 0:
        return 0.0
    cov = problem.primaries.covariances[near.primary]
    chi2 = chi_square(cov, near.covariances, near.east, near.north)
    is_field = np.ones(len(first.ra), bool)
    is_field[near.secondary[chi2 < _FIELD_SIGMA**2]] = False
    sample = np.flatnonzero(is_field)
    if len(sample) == 0:
        return 0.0
    # Every so many in order of declination: the same ones whatever the order of the rows.
    sample = sample[np.argsort(first.dec[sample], kind="stable")]
    sample = sample[:: int(np.ceil(len(sample) / _FIELD_SAMPLE))]
    some = Positions(first.ra[sample], first.dec[sample], first.covariances[sample])
    variance = _typical(some) + _typical(second)
    radius = np.full(len(sample), _FIELD_SIGMA * np.sqrt(variance))
    pairs = [find_neighbours(some, second, radius)]
    rows = combine(pairs, len(sample), radius)
    log_rest = log_bayes(rows, some, pairs)
    log_rest -= np.where(rows.present[0], np.log(np.mean(density) * WHOLE_SKY_DEG2), 0.0)
    fractions = [fraction_inside(some, _typical(second), radius)]
    starts = rows.starts(len(sample))
    return estimate_completeness(log_rest, rows.present, fractions, starts, rows.primary)[0]


def _typical(positions):
    """
    Return the median variance of a catalogue along one axis, in arcsec^2.
    """
    if len(positions.ra) == 0:
        return 0.0
    return float(np.median((positions.covariances.ee + positions.covariances.nn) / 2))


def _log_field(problem, rows, neighbours, densities, shared):
    """
    Return what the members of each row weigh as field objects: minus their log densities, and the
    other ways to group the objects nearby.
    """
    present = rows.present
    whole_sky = [np.asarray(d) * WHOLE_SKY_DEG2 for d in densities]
    several = len(present) > 1
    grouped = (
        log_bayes(rows, problem.primaries, neighbours, with_primary=False, nway=problem.is_nway)
        if several
        else None
    )
    if problem.is_nway or not several:
        result = np.zeros(len(rows.primary))
        for here, density in zip(present, whole_sky, strict=True):
            result -= _at_rows(density, rows, here, np.log)
        if several and problem.field_association != 0:
            log_plus = [float(np.mean(np.log(density))) for density in whole_sky]
            # NWAY takes the first catalogue of a group without the object added: n, not n + 1.
            log_plain = [
                plus + np.log(max(len(table), 1) / (len(table) + 1))
                for plus, table in zip(log_plus, problem.tables, strict=True)
            ]
            log_densities = list(zip(log_plain, log_plus, strict=True))
            result += log_unrelated_nway(rows.members, rows.primary, grouped, log_densities)
        return result
    log_density = field_densities(whole_sky, shared)
    result = np.zeros(len(rows.primary))
    for c, here in enumerate(present):
        if here.any():
            result -= _at_rows(log_density((c,)), rows, here)
    odds = np.full(len(rows.primary), -np.inf)
    pattern = sum(here.astype(np.int64) << c for c, here in enumerate(present))
    for code in np.unique(pattern):
        group = tuple(c for c in range(len(present)) if code >> c & 1)
        if len(group) > 1:
            here = pattern == code
            odds[here] = (result + grouped + _at_rows(log_density(group), rows, here))[here]
    return result + log_unrelated(rows.members, rows.primary, odds)


def _at_rows(values, rows, here, function=None):
    """
    Spread one value, or one per primary, over the rows where it counts; 0 elsewhere.
    """
    values = np.broadcast_to(values, rows.primary.max() + 1) if np.ndim(values) == 0 else values
    result = np.zeros(len(rows.primary))
    at = values[rows.primary[here]]
    result[here] = at if function is None else function(at)
    return result


class _Weights:
    """
    The two ways to turn weights into probabilities, as a function of completeness and priors.
    """

    def __init__(self, problem, rows, *, log_b, log_rest):
        self._problem, self._rows = problem, rows
        self._starts = starts = rows.starts(len(problem.primaries.ra))
        self._is_empty, self._log_b, self._log_rest = rows.is_empty, log_b, log_rest
        if problem.is_nway:
            # Nothing for absences.
            self._fractions = [np.zeros(len(starts)) for _ in rows.present]
        else:
            self._fractions = [
                fraction_inside(problem.primaries, _typical(table), problem.radius)
                for table in problem.secondaries
            ]
        self._log_weight = prior_terms(rows.present, self._fractions, rows.primary)

    def completeness(self, log_prior):
        """
        Return the completeness that was given, or estimate it with these priors.
        """
        if self._problem.completeness is not None:
            return self._problem.completeness
        rows = self._rows
        log_rest = self._log_rest + log_prior
        return estimate_completeness(
            log_rest, rows.present, self._fractions, self._starts, rows.primary
        )

    def posterior(self, completeness, log_prior):
        """
        Return the probabilities.
        """
        log_rest = self._log_rest + self._log_weight(completeness)
        log_v = log_rest + log_prior
        result = posterior(log_v, self._is_empty, self._starts)
        if not self._problem.is_nway:
            return result
        # NWAY compares with chance at the same prior: odds P B / (1 - P).
        log_p = log_rest - self._log_b
        with np.errstate(divide="ignore"):
            odds = log_v - np.log1p(-np.exp(np.minimum(log_p, 0.0)))
        p_single = np.exp(-np.logaddexp(0.0, -odds))
        return result._replace(p_single=np.where(self._is_empty, 1.0, p_single))


def _learn(problem, rows, neighbours, by_position):
    """
    Let each prior learn from the objects that positions alone make secure.
    """
    result = []
    weight = None
    for c, (name, table, priors) in enumerate(
        zip(problem.names, problem.tables, problem.priors, strict=True)
    ):
        if not any(prior.needs_learning for prior in priors):
            result.append(priors)
            continue
        if weight is None:
            weight = by_position.p_any[rows.primary] * by_position.p_i
        near, member = neighbours[c], rows.members[c]
        here = member >= 0
        p = np.zeros(len(table))
        if problem.is_nway:
            p = _first_secure(rows, neighbours, c, by_position.p_single, p)
        else:
            # Of the object, over all combinations that hold it.
            of_pair = np.bincount(member[here], weights=weight[here], minlength=len(near.primary))
            np.maximum.at(p, near.secondary, of_pair)
        secure = np.flatnonzero(p > SECURE)
        result.append(
            [
                prior.learned(table, secure, p[secure], p <= FIELD, label(name))
                if prior.needs_learning
                else prior
                for prior in priors
            ]
        )
    return result


def _first_secure(rows, neighbours, c, p_single, p):
    """
    Return for each object its largest probability, or the first above `SECURE` as NWAY takes it.

    "First" is by the row numbers of the primary and of each catalogue.
    """
    keys = [_secondary_rows(near, m) for near, m in zip(neighbours, rows.members, strict=True)]
    order = np.lexsort((*keys[::-1], rows.primary))
    order = order[rows.members[c][order] >= 0]
    np.maximum.at(p, keys[c][order], p_single[order])
    secure = order[p_single[order] > SECURE]
    objects, first = np.unique(keys[c][secure], return_index=True)
    p[objects] = p_single[secure[first]]
    return p


def _secondary_rows(near, member):
    # Row of the catalogue, -1 where absent.
    result = np.full(len(member), -1)
    result[member >= 0] = near.secondary[member[member >= 0]]
    return result


def _prior_columns(problem, priors, rows, neighbours):
    result = []
    for c, (name, table) in enumerate(zip(problem.names, problem.tables, strict=True)):
        near, member = neighbours[c], rows.members[c]
        objects, inverse = np.unique(near.secondary, return_inverse=True)
        for prior in priors[c]:
            of_object = prior.log_factor(table, objects, label(name))
            log_factor = np.zeros(len(member))
            here = member >= 0
            log_factor[here] = of_object[inverse][member[here]]
            result.append((name, prior.name, log_factor))
    return result


def _is_shared(problem, rows, neighbours, flags, p_any):
    """
    Find the objects that are the most probable counterpart of two sources, each likely to have one.
    """
    claims = np.flatnonzero((flags == 1) & (p_any[rows.primary] > CLAIM))
    result = np.zeros(len(flags), bool)
    for table, near, member in zip(problem.tables, neighbours, rows.members, strict=True):
        here = claims[member[claims] >= 0]
        claimed = near.secondary[member[here]]
        counts = np.bincount(claimed, minlength=len(table)) if len(claimed) else np.zeros(0, int)
        result[here] |= counts[claimed] > 1
    return result


def _order(rows, neighbours, is_empty, p_i):
    keys = [_secondary_rows(near, m) for near, m in zip(neighbours, rows.members, strict=True)]
    return np.lexsort((*keys[::-1], -p_i, is_empty, rows.primary))
