# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Number of sources of each class among unlabelled sources, with an interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from astropy.table import Table
from scipy.stats import kstwobign, norm

from claxboi.catalog import describe
from claxboi.utils import InputValueError, check_number, check_table, float_values, shown, warn

from ._engine import check_model
from ._table_reading import FLUX_COLUMN, read_sources
from .posterior import log_normalize
from .priors import PriorWarning, estimate_priors
from .unlabelled_scores import LEAST_COVERAGE, compare_sources, effective_size

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .classifier import NaiveBayesClassifier

__all__ = ["ClassNumbers", "estimate_class_numbers"]

# Of all labelled sources of a class, so many more may have scores like any source (Jeffreys).
_UNSEEN = 0.5
# A difference between labelled and other sources counts if it is both large and not by chance.
_LARGEST_DISTANCE = 0.1
_CHANCE = 0.01
# The weights of labelled sources are estimates: this part of what they change adds to the error.
_WEIGHT_ERROR = 0.4
# What helps in simulations; bright sources alone do not.
_ADVICE = (
    "to count them, label a part of them drawn at random (by votes, say), and train on that alone"
)


class ClassNumbers(NamedTuple):
    """
    Result of `estimate_class_numbers`; arrays of shape (n_classes,).

    Examples
    --------
    >>> from claxboi.classification import ClassNumbers
    >>> numbers = ClassNumbers(["AGN", "star"], [70.0, 30.0], [64.0, 25.0], [75.0, 36.0], "")
    >>> numbers.classes
    ['AGN', 'star']
    """

    classes: list
    """Names of the classes."""

    n: np.ndarray
    """Estimated numbers, NaN without intervals; otherwise they sum to the number of sources."""

    low: np.ndarray
    """Lower end of the interval, NaN where there is none."""

    high: np.ndarray
    """Upper end of the interval, NaN where there is none."""

    reason: str
    """Why there is no interval; empty if there is one."""


def estimate_class_numbers(
    model: NaiveBayesClassifier,
    table: Table,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.683,
) -> Any:
    r"""
    Estimate how many sources of each class are among sources that did not train the model.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        A fitted classifier with its training sample.
    table : `~astropy.table.Table`
        Sources that did not train the model, with the columns of its properties.
    groups : array-like of shape (n_rows,), optional
        Group of each source, to count each group separately.
    level : float, optional
        Probability that an interval holds the true number.

    Returns
    -------
    numbers : `ClassNumbers`, or dict of them by group
        Numbers and intervals. All are NaN, and a warning says why, where the labelled sources do
        not stand for the others: where labelled sources, weighted to the estimated numbers and the
        fluxes of the others, still differ from them in flux, in a property, or in how often it is
        missing, or where too few labelled sources are like the others. Then a model that is trained
        on labels of some of these sources alone, drawn at random, can count the rest.

    Raises
    ------
    TypeError, ValueError
        If ``level`` is not between 0 and 1, or the model has no training sample.

    Notes
    -----
    The score :math:`f_k` of a source is its probability of class k, at the proportions that make
    the sources most probable (Saerens et al. 2002). Held-out scores of the labelled sources of
    class c have a mean :math:`M_{ck}` and a covariance :math:`C_c`. Whether the probabilities are
    calibrated or not, N members of the classes are expected to have the sum of scores

    .. math:: \sum_i f_{ik} = \sum_c N_c M_{ck},

    which is solved for N (adjusted counts: Bella et al. 2010, ICDM, 737). Its variance about the
    true numbers is that of :math:`\sum_c N_c (1 + N_c / n_c)\, M^{-T} C_c M^{-1}`: the scatter of
    the scores of N members, and of the mean of :math:`n_c` labelled ones. To each :math:`C_c`
    belongs a chance of :math:`0.5 / (n_c + 0.5)` to look like any source, for errors too rare to be
    seen among the labelled sources. The interval holds all numbers :math:`N_c` from which the
    estimate is no farther than their own error.

    If the labelled sources, weighted to these numbers, differ from the others (labels of bright
    sources, say), they get the weights of `UnlabelledScores`, which make them alike in flux,
    latitude, counterparts and missing values, and all is done again. The weights are estimates, so
    0.4 of the change of each number is added to its error in quadrature: with this, intervals of
    68 % held 60 to 71 % of the true numbers in simulations.

    It includes other proportions of classes than in the training sample, probabilities that are not
    calibrated, the finite training sample, and counterparts that are as often wrong as those of
    the labelled sources.

    Examples
    --------
    >>> import numpy as np
    >>> from claxboi.classification import NaiveBayesClassifier, estimate_class_numbers
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(2000, rng=1)
    >>> model = NaiveBayesClassifier(["b", "hr2", "hr3", "log_fx_fr", "log_lx", "extent"])
    >>> model = model.fit(table)
    >>> new = table[table["class"].mask]
    >>> numbers = estimate_class_numbers(model, new)
    >>> bool(np.all((numbers.low <= numbers.n) & (numbers.n <= numbers.high)))
    True
    >>> bool(np.isclose(numbers.n.sum(), len(new)))
    True
    """
    check_model(model)
    check_table(table)
    check_number(level, "level", minimum=0, maximum=1, exclusive=True)
    if groups is not None and np.shape(groups) != (len(table),):
        raise InputValueError(
            f"groups must have one value for each of the {len(table)} rows, got {shown(groups)}"
        )
    training = model._core.training
    if training is None:
        raise InputValueError("model must have its training sample, for held-out labelled sources")
    new = read_sources(model, table)
    held_out = model._core.log_evidence(training.sources())
    evidence = model._core.log_evidence(new)

    def difference(rows, weights, n):
        total = np.bincount(training.codes, weights, len(n))
        weights = weights * (n / np.maximum(total, 1e-300))[training.codes]
        return _difference(model, table[rows], new[rows], weights)

    def count(rows):
        n, low, high = count_members(
            evidence[:, rows], held_out, training.codes, training.weights, level=level
        )
        reason = difference(rows, training.weights, n)
        if reason:
            weights = _depth_weights(model, table[rows], new[rows], held_out, evidence[:, rows], n)
            if weights is not None:
                weights *= training.weights
                before = n
                n, low, high = count_members(
                    evidence[:, rows], held_out, training.codes, weights, level=level
                )
                change = norm.isf((1 - level) / 2) * _WEIGHT_ERROR * np.abs(n - before)
                low = np.maximum(n - np.hypot(n - low, change), 0)
                high = np.minimum(n + np.hypot(high - n, change), len(rows))
                reason = difference(rows, weights, n)
        if reason:
            warn(
                f"the numbers of the classes cannot be estimated: {reason}; {_ADVICE}", PriorWarning
            )
            n, low, high = np.full((3, len(n)), np.nan)
        return ClassNumbers(list(model.classes_), n, low, high, reason)

    if groups is None:
        return count(np.arange(len(table)))
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    return {name: count(np.flatnonzero(group == k)) for k, name in enumerate(names.tolist())}


def count_members(new, held_out, codes, weights, *, level=0.683):
    """
    Estimate the members of each class from log-likelihoods.

    Parameters
    ----------
    new : `~numpy.ndarray` of shape (n_classes, n)
        Log-likelihoods of the sources to count.
    held_out : `~numpy.ndarray` of shape (n_classes, n_labelled)
        Those of labelled sources, each without itself.
    codes : `~numpy.ndarray` of int, shape (n_labelled,)
        Their classes.
    weights : `~numpy.ndarray` of shape (n_labelled,)
        Their weights.
    level : float, optional
        Probability of the intervals.

    Returns
    -------
    n, low, high : `~numpy.ndarray` of shape (n_classes,)
        Numbers, which sum to that of the sources and are not negative, and intervals.
    """
    n_classes, n_new = new.shape
    if n_new == 0:
        return np.zeros((3, n_classes))
    proportions = estimate_priors(new, np.full(n_classes, 1 / n_classes))
    # A class that seems to be absent keeps a score.
    proportions = np.maximum(proportions, 0.5 / n_new)
    proportions /= proportions.sum()
    log_prior = np.log(proportions)[:, np.newaxis]
    scores, known = (np.exp(log_normalize(one + log_prior)) for one in (new, held_out))
    mean, covariance, size = _moments(known, codes, weights, proportions)
    inverse = np.linalg.pinv(mean.T)
    n = inverse @ scores.sum(axis=1)
    # Variance that one member of a class (first index) adds to each number (second index).
    each = np.einsum("ij,cjk,ik->ci", inverse, covariance, inverse)
    low, high = _intervals(n, each, size, norm.isf((1 - level) / 2))
    n = np.maximum(n, 0)
    return n * n_new / n.sum(), np.clip(low, 0, n_new), np.clip(high, 0, n_new)


def _moments(scores, codes, weights, proportions):
    """
    Return the mean and covariance of the scores of each class, and its effective size.
    """
    n_classes = len(scores)
    mean, covariance = np.empty((n_classes,) * 2), np.empty((n_classes,) * 3)
    size = np.empty(n_classes)
    for c in range(n_classes):
        w = weights[codes == c]
        here = scores[:, codes == c]
        size[c] = effective_size(w)
        mean[c] = here @ w / w.sum()
        apart = here - mean[c][:, np.newaxis]
        covariance[c] = (apart * w) @ apart.T / w.sum() * size[c] / max(size[c] - 1, 0.5)
    away = proportions @ mean - mean
    unseen = (_UNSEEN / (size + _UNSEEN))[:, np.newaxis, np.newaxis]
    return mean, covariance + unseen * away[:, :, np.newaxis] * away[:, np.newaxis], size


def _intervals(n, each, size, z):
    """
    Return the numbers from which each estimate is z of their own errors away.

    (n - x)^2 = z^2 (others + each x + each x^2 / size) is quadratic in x.
    """
    others = np.maximum(n, 0)[:, np.newaxis] * (1 + np.maximum(n, 0) / size)[:, np.newaxis] * each
    own = np.diag(each)
    others = others.sum(axis=0) - np.diag(others)
    square = 1 - z**2 * own / size
    middle = n + z**2 * own / 2
    root = np.sqrt(np.maximum(middle**2 - square * (n**2 - z**2 * others), 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (middle - root) / square, (middle + root) / square
    # So few labelled members that no number is excluded.
    return np.where(square > 0, low, 0.0), np.where(square > 0, high, np.inf)


def _depth_weights(model, table, new, held_out, evidence, n):
    """
    Return weights with which the labelled sources are like the others; None if they cannot be.
    """
    training = model._core.training
    if training.flux is None or FLUX_COLUMN not in table.colnames:
        return None
    columns = [item.column for item in model.properties]
    labelled, others = (
        Table(dict(zip(columns, sources.values, strict=True))) for sources in (training, new)
    )
    labelled[FLUX_COLUMN] = training.flux
    others[FLUX_COLUMN] = float_values(table, FLUX_COLUMN, unit=describe(FLUX_COLUMN)["unit"])
    log_prior = np.log(np.maximum(n, 0.5) / len(table))[:, np.newaxis]
    known, posterior = (np.exp(log_normalize(one + log_prior)).T for one in (held_out, evidence))
    found = compare_sources(labelled, others, training.codes, known, posterior, columns)
    if isinstance(found, str) or found.is_reached[len(labelled) :].mean() < LEAST_COVERAGE:
        return None
    return found.weights


def _difference(model, table, new, weights):
    """
    Describe how the other sources differ from the labelled ones; empty where they do not.
    """
    training = model._core.training
    pairs = [
        (item.column, old, values)
        for item, old, values in zip(model.properties, training.values, new.values, strict=True)
    ]
    if training.flux is not None and FLUX_COLUMN in table.colnames:
        fluxes = training.flux, float_values(table, FLUX_COLUMN)
        pairs.append((FLUX_COLUMN, *fluxes))
    chance = _CHANCE / (2 * len(pairs))
    for column, old, values in pairs:
        seen, known = np.isfinite(old), np.isfinite(values)
        gap, p = _distance(seen.astype(float), weights, known.astype(float))
        if gap > _LARGEST_DISTANCE and p < chance:
            shares = np.average(seen, weights=weights), known.mean()
            return (
                f"{column} is known for {shares[1]:.0%} of the sources, but {shares[0]:.0%} are "
                "expected from the labelled sources"
            )
        gap, p = _distance(old[seen], weights[seen], values[known])
        if gap > _LARGEST_DISTANCE and p < chance:
            return (
                f"{column} is distributed unlike that of labelled sources of the same classes "
                f"(Kolmogorov-Smirnov distance {gap:.2f})"
            )
    return ""


def _distance(first, weights, second):
    """
    Return the Kolmogorov-Smirnov distance of a weighted and another sample, and its p-value.
    """
    if len(second) == 0 or not weights.sum() > 0:
        return 0.0, 1.0
    order = np.argsort(first)
    first, weights = first[order], weights[order]
    grid = np.unique(np.concatenate([first, second]))
    total = np.append(0.0, np.cumsum(weights)) / weights.sum()
    one = total[np.searchsorted(first, grid, side="right")]
    two = np.searchsorted(np.sort(second), grid, side="right") / len(second)
    gap = float(np.max(np.abs(one - two)))
    size = effective_size(weights)
    root = np.sqrt(size * len(second) / (size + len(second)))
    return gap, float(kstwobign.sf(gap * root))
