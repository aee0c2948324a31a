# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Match probabilities from Bayes factors, in natural-log space.
"""

from typing import NamedTuple

import numpy as np

__all__ = []

_EM_STEPS = 500
_EM_TOLERANCE = 1e-7
# Gauss quadrature over angles: the trapezoidal rule converges geometrically for a periodic
# function.
_ANGLES = 64


class Posterior(NamedTuple):
    """
    Probabilities of each combination.
    """

    p_single: np.ndarray
    """Against no counterpart alone, of shape (n_rows,)."""

    p_any: np.ndarray
    """That the primary has a counterpart, of shape (n_primaries,)."""

    p_i: np.ndarray
    """That it is this one if there is one, of shape (n_rows,); 0 without counterpart."""


def fraction_inside(primaries, typical_variance, radius_arcsec):
    r"""
    Compute the probability that a counterpart lies within the search radius.

    Circular errors: :math:`F = 1 - e^{-R^2 / 2\sigma^2}` (Rayleigh); elliptical ones: its mean over
    the directions, weighted by the probability of each.

    Parameters
    ----------
    primaries : Positions
        The X-ray sources.
    typical_variance : float
        Variance of the position of a secondary along each axis, in arcsec^2.
    radius_arcsec : `~numpy.ndarray` of shape (n_primaries,)
        The search radius.

    Returns
    -------
    fraction : `~numpy.ndarray` of shape (n_primaries,)
    """
    cov = primaries.covariances
    ee, nn = cov.ee + typical_variance, cov.nn + typical_variance
    if cov.is_circular:
        return -np.expm1(-(radius_arcsec**2) / (2 * ee))
    det = ee * nn - cov.en**2
    outside = np.zeros(len(ee))
    for angle in np.arange(_ANGLES) * np.pi / _ANGLES:
        sin, cos = np.sin(angle), np.cos(angle)
        form = (nn * sin**2 - 2 * cov.en * sin * cos + ee * cos**2) / det
        outside += np.exp(-form * radius_arcsec**2 / 2) / (form * np.sqrt(det))
    return 1 - outside / _ANGLES


def prior_terms(present, fractions, row_primary):
    """
    Return the logarithm of the weight of presence and absence, as a function of the completeness.

    Parameters
    ----------
    present : list of `~numpy.ndarray` of bool, shape (n_rows,)
        Which catalogues take part.
    fractions : list of `~numpy.ndarray` of shape (n_primaries,)
        Probability that a counterpart lies within the radius.
    row_primary : `~numpy.ndarray` of int, shape (n_rows,)
        The primary of each row.

    Returns
    -------
    log_weight : callable
        Of the completenesses; gives an array of shape (n_rows,).
    """

    def log_weight(completeness):
        result = np.zeros(len(row_primary))
        for here, fraction, c in zip(present, fractions, completeness, strict=True):
            # A counterpart beyond the radius is absent from the rows, but it exists.
            absent = np.log1p(-c * fraction)
            result += np.where(here, np.log(c), absent[row_primary])
        return result

    return log_weight


def sum_by_primary(log_values, starts):
    """
    Add up the rows of each primary in log space.

    Parameters
    ----------
    log_values : `~numpy.ndarray` of shape (n_rows,)
        Natural logarithms, -inf allowed.
    starts : `~numpy.ndarray` of int, shape (n_primaries,)
        First row of each primary; each has at least one.

    Returns
    -------
    log_sum : `~numpy.ndarray` of shape (n_primaries,)
    """
    largest = np.maximum.reduceat(log_values, starts)
    safe = np.where(np.isfinite(largest), largest, 0.0)
    counts = np.diff(np.append(starts, len(log_values)))
    total = np.add.reduceat(np.exp(log_values - np.repeat(safe, counts)), starts)
    with np.errstate(divide="ignore"):
        return safe + np.log(total)


def posterior(log_v, is_empty, starts):
    """
    Compute the probabilities of the combinations from their weights.

    Parameters
    ----------
    log_v : `~numpy.ndarray` of shape (n_rows,)
        Natural logarithm of prior times Bayes factor times magnitude priors.
    is_empty : `~numpy.ndarray` of bool, shape (n_rows,)
        Rows without counterpart, one for each primary.
    starts : `~numpy.ndarray` of int, shape (n_primaries,)
        First row of each primary.

    Returns
    -------
    probabilities : Posterior
    """
    counts = np.diff(np.append(starts, len(log_v)))
    log_some = sum_by_primary(np.where(is_empty, -np.inf, log_v), starts)
    log_all = np.logaddexp(log_some, log_v[is_empty])
    p_any = np.exp(log_some - log_all)
    some = np.repeat(np.where(np.isfinite(log_some), log_some, 0.0), counts)
    p_i = np.exp(np.where(is_empty, -np.inf, log_v - some))
    none = np.repeat(log_v[is_empty], counts)
    p_single = np.exp(-np.logaddexp(0.0, none - log_v))
    return Posterior(p_single, p_any, p_i)


def estimate_completeness(log_rest, present, fractions, starts, row_primary):
    """
    Find the completeness of each catalogue that makes the rows most probable (EM).

    In each step the completeness becomes the mean probability that the source has a counterpart in
    the catalogue, within the radius or beyond it.

    Parameters
    ----------
    log_rest : `~numpy.ndarray` of shape (n_rows,)
        Natural logarithm of all of the weight that does not depend on the completeness.
    present, fractions, row_primary
        As in `prior_terms`.
    starts : `~numpy.ndarray` of int, shape (n_primaries,)
        First row of each primary.

    Returns
    -------
    completeness : list of float
        One for each catalogue. Neither 0 nor 1 can be known from n sources: the answer stays half a
        source from both ends.
    """
    n, n_rows = len(starts), len(log_rest)
    lowest, highest = 0.5 / (n + 1), 1 - 0.5 / (n + 1)
    counts = np.diff(np.append(starts, n_rows))
    log_weight = prior_terms(present, fractions, row_primary)
    current = np.full(len(present), 0.5)
    for _ in range(_EM_STEPS):
        log_v = log_rest + log_weight(current)
        p = np.exp(log_v - np.repeat(sum_by_primary(log_v, starts), counts))
        new = current.copy()
        for c, (here, fraction) in enumerate(zip(present, fractions, strict=True)):
            inside = np.add.reduceat(np.where(here, p, 0.0), starts)
            beyond = current[c] * (1 - fraction) / (1 - current[c] * fraction)
            new[c] = np.clip(np.mean(inside + (1 - inside) * beyond), lowest, highest)
        done = np.max(np.abs(new - current)) < _EM_TOLERANCE
        current = new
        if done:
            break
    return [float(c) for c in current]


def match_flags(p_i, starts, *, ratio=0.5):
    """
    Flag the most probable combination of each primary and those nearly as probable.

    Parameters
    ----------
    p_i : `~numpy.ndarray` of shape (n_rows,)
        Probabilities, 0 in the rows without counterpart.
    starts : `~numpy.ndarray` of int, shape (n_primaries,)
        First row of each primary.
    ratio : float, optional
        Nearly as probable: above this fraction of the largest.

    Returns
    -------
    flags : `~numpy.ndarray` of int64, shape (n_rows,)
        1, 2 or 0. Of equal ones the first is the best.
    """
    counts = np.diff(np.append(starts, len(p_i)))
    largest = np.repeat(np.maximum.reduceat(p_i, starts), counts)
    flags = np.where(p_i > ratio * largest, 2, 0)
    best = np.flatnonzero((p_i == largest) & (p_i > 0))
    primary = np.repeat(np.arange(len(starts)), counts)[best]
    flags[best[np.unique(primary, return_index=True)[1]]] = 1
    return flags.astype(np.int64)
