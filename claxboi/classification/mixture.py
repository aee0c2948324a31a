# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Classification summed over all candidate counterparts of a source, and over none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from claxboi.catalog import make_column
from claxboi.utils import check_columns, check_table, float_values, record

from ._likelihood import LikelihoodModel
from ._posterior import log_normalize, log_proportions
from .densities import KernelDensities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from astropy.table import Table
    from numpy.typing import ArrayLike

    from .classifier import NaiveBayesClassifier

__all__ = ["classify_candidates"]

#: Candidates less probable than this are field objects.
FIELD = 0.01
#: Fewest field objects from which their densities are learned.
FEWEST_FIELD = 30
#: Probabilities of the candidates of a source sum to 1 within this.
SUM_TOLERANCE = 1e-6


class Mixture(NamedTuple):
    """
    Result of `mix_candidates`.
    """

    log_posterior: np.ndarray
    """Natural-log posterior of each class, of shape (n_classes, n_sources)."""

    match: np.ndarray
    """Posterior of each candidate of its source, summed over the classes, of shape (n_rows,)."""

    entropy: np.ndarray
    """Entropy of the candidates of each source in nats, of shape (n_sources,)."""


def classify_candidates(
    model: NaiveBayesClassifier,
    table: Table,
    candidates: Table,
    priors: Mapping
    | Sequence
    | Literal["training"]
    | Literal["estimate"]
    | ArrayLike
    | Callable[..., Any]
    | None = None,
    *,
    overwrite: bool = False,
    return_candidates: bool = False,
) -> tuple:
    r"""
    Classify sources with several candidate counterparts, or perhaps none.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        A fitted classifier with free exponents (``normalization="none"``).
    table : `~astropy.table.Table`
        The sources with their best counterparts, as for `NaiveBayesClassifier.classify`.
    candidates : `~astropy.table.Table`
        One row for each candidate of each source, and one for none: ``primary``, the row of the
        source in ``table``; ``match_probability``, which sums to 1 for each source; and the columns
        of all properties, as they are if this is the counterpart. See ``keep="all"`` of
        `~claxboi.counterparts.find_in_surveys`.
    priors : mapping, sequence, "training", "estimate", array or callable, optional
        As for `NaiveBayesClassifier.classify`.
    overwrite : bool, optional
        Replace columns of the same name.
    return_candidates : bool, optional
        Return the candidates too.

    Returns
    -------
    result : same class as the table
        As from `NaiveBayesClassifier.classify`, where ``prediction``, ``P_<class>``, ``margin`` are
        those of the sum over all candidates, and the other columns those of the best counterpart.
        Then ``match_entropy``, the entropy of the candidates and none in nats, and
        ``match_posterior``, the posterior of the candidate that is most probable by position.
    candidates : same class as the candidates
        With ``match_posterior`` of each; only if it was asked for.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a column is absent, a probability is not one, or a source has no candidate row; if
        the model's exponents are not free; or if fewer than 30 candidates are field objects.

    Notes
    -----
    With the probability :math:`q_i` of candidate i by position, and :math:`q_0` of none,

    .. math:: P(c, i | x) \propto \pi_c\, q_i\, \frac{L(x_i | c)}{L_{field}(x_i)},

    where :math:`L(x_i|c)` is the likelihood with which the model classifies: densities to the
    power of their exponents, and what is missing. Its denominator are the densities of the same
    properties for field objects, to the same powers, learned from the candidates with
    :math:`q_i < 0.01`; and for what is missing the mean of the classes, weighted with the priors,
    since :math:`q_i` knows how many sources have a counterpart. Properties that are the same for
    all candidates of a source cancel. :math:`q_i` must not have used the magnitudes that classify:
    they would count twice.

    A source with a single candidate, certain or not in doubt, has the posterior that
    `NaiveBayesClassifier.classify` gives it.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import Table, vstack
    >>> from claxboi.classification import NaiveBayesClassifier, classify_candidates
    >>> rng = np.random.default_rng(1)
    >>> labels = np.repeat(["AGN", "star"], 200)
    >>> known = Table({"colour": rng.normal(np.where(labels == "AGN", 0.0, 3.0)), "class": labels})
    >>> model = NaiveBayesClassifier(["colour"]).fit(known)

    Each source has one good candidate, one that is not much worse, and many in the field:

    >>> n = 50
    >>> table = Table({"colour": rng.normal(0, 1, n)})
    >>> parts = [table.copy(), Table({"colour": rng.normal(3, 1, n)}),
    ...          Table({"colour": rng.normal(3, 1, n)}), Table({"colour": np.full(n, np.nan)})]
    >>> for part, q in zip(parts, (0.6, 0.299, 0.001, 0.1)):
    ...     part["primary"], part["match_probability"] = np.arange(n), q
    >>> result = classify_candidates(model, table, vstack(parts), {"AGN": 0.5, "star": 0.5})
    >>> bool(np.mean(result["P_AGN"] > 0.5) > 0.8)
    True
    """
    model._check_fitted()
    if model.normalization != "none":
        raise ValueError(
            "model must have free exponents (normalization='none') to weigh candidates, got "
            f"normalization={model.normalization!r}"
        )
    check_table(table)
    check_table(candidates, "candidates")
    primary, log_q = _read_candidates(candidates, len(table))
    order = np.argsort(primary, kind="stable")
    sorted_rows = candidates[order]
    primary, log_q = primary[order], log_q[order]
    starts = np.searchsorted(primary, np.arange(len(table)))

    result = model.classify(table, priors, overwrite=overwrite)
    proportions = model._priors(priors, table, model._read(table))
    log_prior = log_proportions(proportions)
    sources = model._read(sorted_rows, is_checked=False)
    evidence, presence = _evidence(model, sources)
    at_rows = log_prior if log_prior.shape[1] == 1 else log_prior[:, primary]
    log_field = _field_density(model, sources, np.exp(log_q), starts)
    log_field += np.logaddexp.reduce(presence + at_rows, axis=0)
    mixture = mix_candidates(evidence, log_field, log_q, starts, log_prior)

    posterior = np.exp(mixture.log_posterior)
    best = posterior.argmax(axis=0)
    result["prediction"] = make_column("prediction", np.array(model.classes_)[best])
    for name, values in zip(model.classes_, posterior, strict=True):
        result[f"P_{name}"][:] = values
    result["margin"][:] = 2 * posterior.max(axis=0) - 1
    result["match_entropy"] = make_column("match_entropy", mixture.entropy)
    is_best = _first_largest(np.where(_is_none(sources, starts), -np.inf, log_q), starts)
    result["match_posterior"] = make_column("match_posterior", mixture.match[is_best])
    result.meta = record(result.meta, "candidates", n_candidates=len(candidates))
    if not return_candidates:
        return result
    match = np.empty(len(order))
    match[order] = mixture.match
    answer = candidates.copy()
    answer["match_posterior"] = make_column("match_posterior", match)
    return result, answer


def mix_candidates(evidence, log_field, log_q, starts, log_prior):
    """
    Sum the posterior over the candidates of each source.

    Parameters
    ----------
    evidence : `~numpy.ndarray` of shape (n_classes, n_rows)
        Log-likelihood of each class for each candidate.
    log_field : `~numpy.ndarray` of shape (n_rows,)
        That of a field object.
    log_q : `~numpy.ndarray` of shape (n_rows,)
        Natural-log probability of each candidate by position, -inf allowed.
    starts : `~numpy.ndarray` of int, shape (n_sources,)
        First row of each source; the rows of a source follow each other.
    log_prior : `~numpy.ndarray` of shape (n_classes, 1) or (n_classes, n_sources)
        Natural-log priors.

    Returns
    -------
    mixture : Mixture
    """
    counts = np.diff(np.append(starts, evidence.shape[1]))
    joint = evidence + (log_q - log_field)
    log_class = log_normalize(np.logaddexp.reduceat(joint, starts, axis=1) + log_prior)
    prior = log_prior if log_prior.shape[1] == 1 else np.repeat(log_prior, counts, axis=1)
    each = np.logaddexp.reduce(joint + prior, axis=0)
    total = np.logaddexp.reduceat(each, starts)
    log_match = each - np.repeat(total, counts)
    match = np.exp(log_match)
    information = np.where(match > 0, match * np.where(match > 0, log_match, 0.0), 0.0)
    entropy = np.maximum(-np.add.reduceat(information, starts), 0.0)
    return Mixture(log_class, match, entropy)


def _read_candidates(candidates, n_sources):
    check_columns(candidates, ["primary", "match_probability"], "candidates")
    values = float_values(candidates, "primary", name="candidates")
    if not np.all((values >= 0) & (values < n_sources) & (values == np.floor(values))):
        raise ValueError(f"primary of candidates must be rows of table, from 0 to {n_sources - 1}")
    primary = values.astype(np.int64)
    q = float_values(candidates, "match_probability", name="candidates")
    bad = ~((q >= 0) & (q <= 1))
    if bad.any():
        raise ValueError(
            "match_probability of candidates must be probabilities from 0 to 1, got "
            f"{q[bad][0]:g} in row {np.argmax(bad)}"
        )
    total = np.bincount(primary, q, n_sources)
    wrong = np.abs(total - 1) > SUM_TOLERANCE
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            "match_probability of candidates must sum to 1 for each source, with a row for no "
            f"counterpart; for row {row} of table it sums to {total[row]:g}"
        )
    with np.errstate(divide="ignore"):
        return primary, np.log(q)


def _evidence(model, sources):
    """
    Return the log-likelihoods of all classes, and the part of it that presence has.
    """
    n_classes, n = len(model.classes_), len(sources)
    evidence, presence = np.empty((n_classes, n)), np.empty((n_classes, n))

    def work(start, chunk, terms):
        combination, offsets = model._combination(terms, chunk)
        here = slice(start, start + len(chunk))
        evidence[:, here] = combination.total() + offsets
        presence[:, here] = combination.contributions[-1]

    model._chunks(sources, work)
    return evidence, presence


def _field_density(model, sources, q, starts):
    """
    Compute the log-likelihood of a field object, in the properties that depend on the candidate.
    """
    values, n = sources.values, len(sources)
    varies = np.flatnonzero([_varies(row, starts) for row in values])
    if len(varies) == 0:
        return np.zeros(n)
    is_field = (q < FIELD) & ~_is_none(sources, starts)
    if np.count_nonzero(is_field) < FEWEST_FIELD:
        raise ValueError(
            f"candidates must have {FEWEST_FIELD} field objects or more (match_probability below "
            f"{FIELD:g}), got {np.count_nonzero(is_field)}: ask for candidates in a larger radius"
        )
    densities, shift, used = [], [], []
    for p in varies:
        item = model.properties[p]
        scaled = item.apply_scale(values[p, is_field])
        known = scaled[np.isfinite(scaled)]
        if len(known) < 2 or known.min() == known.max():
            # Nothing is known about field objects: uniform over the training range.
            continue
        own = model._likelihood.densities[p]
        density = KernelDensities(
            item,
            scaled,
            np.zeros(len(scaled), int),
            np.ones(len(scaled)),
            ["field"],
            kernel=model.kernel,
            bandwidth=model.bandwidth,
            floor=model.floor,
        )
        densities.append(density)
        # Each likelihood is in units of its own range.
        shift.append(np.log(own.span / density.span))
        used.append(p)
    if not used:
        return np.zeros(n)
    errors = {k: sources.errors[p] for k, p in enumerate(used) if p in sources.errors}
    likelihood = LikelihoodModel(densities, model.categories, np.ones((len(used), 1)), np.ones(1))
    weights, _ = model._weight_arrays()
    by_property = likelihood.property_terms(values[used], errors)[:, 0]
    result = np.zeros(n)
    for k, p in enumerate(used):
        here = ~np.isnan(values[p])
        exponent = weights[likelihood.category[k]]
        power = exponent * likelihood._exponent(k, errors.get(k))
        result += np.where(here, exponent * by_property[k] + power * shift[k], 0.0)
    return result


def _varies(values, starts):
    """
    Check for each property if the candidates of any source differ in it.
    """
    low = np.minimum.reduceat(np.where(np.isnan(values), np.inf, values), starts)
    high = np.maximum.reduceat(np.where(np.isnan(values), -np.inf, values), starts)
    missing = np.isnan(values)
    some = np.logical_or.reduceat(missing, starts) & ~np.logical_and.reduceat(missing, starts)
    return bool(np.any(some | (low < high)))


def _is_none(sources, starts):
    """
    Find the rows without counterpart: all that depends on the candidate is missing.
    """
    rows = [row for row in sources.values if _varies(row, starts)]
    return np.all(np.isnan(rows), axis=0) if rows else np.zeros(len(sources), bool)


def _first_largest(values, starts):
    counts = np.diff(np.append(starts, len(values)))
    largest = np.repeat(np.maximum.reduceat(values, starts), counts)
    at = np.flatnonzero(values == largest)
    owner = np.repeat(np.arange(len(starts)), counts)[at]
    return at[np.unique(owner, return_index=True)[1]]
