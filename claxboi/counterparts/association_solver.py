# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Solution of an association: pairs, combinations, weights, probabilities.
"""

from typing import NamedTuple

import numpy as np
from astropy.table import Table

from claxboi.utils import ClaxboiWarning, InputValueError, shown, warn

from .catalogue_positions import find_neighbours
from .magnitude_priors import FIELD, SECURE
from .match_probability import (
    Combinations,
    Posterior,
    combine,
    estimate_completeness,
    match_flags,
    posterior,
    prior_terms,
    secondary_rows,
)
from .source_density import local_density

__all__ = []

# A source claims its most probable counterpart if that it has one is more probable than not.
CLAIM = 0.5


class Solution(NamedTuple):
    """
    Solved association; arrays of shape (n_rows,) in the order of ``rows``.
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
    Solve an association.

    Parameters
    ----------
    problem : Problem
        What is asked.

    Returns
    -------
    solution : Solution
    """
    n, convention = len(problem.primaries.ra), problem.convention
    for label, table in zip(problem.labels, problem.tables, strict=True):
        if len(table) == 0:
            warn(f"{label} is empty: it has no counterpart for any source", ClaxboiWarning)
    neighbours = [
        find_neighbours(problem.primaries, table, problem.radius) for table in problem.secondaries
    ]
    rows = combine(neighbours, n, problem.radius)
    starts = rows.starts(n)
    is_empty = rows.is_empty
    log_b = convention.log_bayes(rows, problem, neighbours)
    densities = _densities(problem, neighbours)
    shared = convention.field_association(problem, neighbours, densities)
    log_rest = log_b + convention.log_field(problem, rows, neighbours, densities, shared)
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
    for label, density, table, near in zip(
        problem.labels, problem.densities, problem.secondaries, neighbours, strict=True
    ):
        if density is None and len(table.ra) == 0:
            measured = 0.0
        elif density is None:
            inside = np.bincount(near.primary, minlength=len(problem.radius))
            measured = local_density(problem.primaries, table, problem.radius, inside, label)
        else:
            measured = density
        result.append(measured)
    return result


class _Weights:
    """
    Weights of the combinations, as a function of completeness and priors.
    """

    def __init__(self, problem, rows, *, log_b, log_rest):
        self._problem, self._rows = problem, rows
        self._starts = rows.starts(len(problem.primaries.ra))
        self._is_empty, self._log_b, self._log_rest = rows.is_empty, log_b, log_rest
        self._fractions = problem.convention.fractions_inside(problem)
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
        p_single = self._problem.convention.p_single(
            result.p_single, log_v, log_rest, self._log_b, self._is_empty
        )
        return result._replace(p_single=p_single)


def _learn(problem, rows, neighbours, by_position):
    """
    Learn each prior from the objects that are secure by position alone.
    """
    result = []
    for c, (label, table, priors) in enumerate(
        zip(problem.labels, problem.tables, problem.priors, strict=True)
    ):
        if not any(prior.needs_learning for prior in priors):
            result.append(priors)
            continue
        p = problem.convention.secure_probability(rows, neighbours, c, len(table), by_position)
        secure = np.flatnonzero(p > SECURE)
        result.append(
            [
                prior.learned(table, secure, p[secure], p <= FIELD, label)
                if prior.needs_learning
                else prior
                for prior in priors
            ]
        )
    return result


def _prior_columns(problem, priors, rows, neighbours):
    result = []
    for c, (name, table) in enumerate(zip(problem.names, problem.tables, strict=True)):
        near, member = neighbours[c], rows.members[c]
        objects, inverse = np.unique(near.secondary, return_inverse=True)
        for prior in priors[c]:
            of_object = prior.log_factor(table, objects, problem.labels[c])
            log_factor = np.zeros(len(member))
            here = member >= 0
            log_factor[here] = of_object[inverse][member[here]]
            result.append((name, prior.name, log_factor))
    if problem.prior is not None:
        result.append((None, "", _prior_of_rows(problem, rows, neighbours)))
    return result


def _prior_of_rows(problem, rows, neighbours):
    """
    Return the natural-log factor of each combination from the caller's function.
    """
    joined = problem.xray[rows.primary]
    for c, (name, table) in enumerate(zip(problem.names, problem.tables, strict=True)):
        if not len(table):
            continue
        row = secondary_rows(neighbours[c], rows.members[c])
        part = Table(table, masked=True, copy=False)[np.maximum(row, 0)]
        for column in part.colnames:
            part[column][row < 0] = np.ma.masked
            joined[f"{name or 'secondary'}_{column}"] = part[column]
    factor = np.asarray(problem.prior(joined), float)
    if factor.shape != rows.primary.shape or not np.all((factor >= 0) & np.isfinite(factor)):
        raise InputValueError(
            f"prior must return one number for each of {len(rows.primary)} combinations, finite "
            f"and not negative, got {shown(factor)}"
        )
    total = np.bincount(rows.primary, factor)
    if not np.all(total > 0):
        raise InputValueError(
            "prior must be positive for some combination of each source, or for none, got 0 for "
            f"all of row {np.argmin(total > 0)}"
        )
    return np.log(np.maximum(factor, np.finfo(float).tiny))


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
    keys = [secondary_rows(near, m) for near, m in zip(neighbours, rows.members, strict=True)]
    return np.lexsort((*keys[::-1], -p_i, is_empty, rows.primary))
