# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Weights of the categories: given, or fitted to held-out likelihoods.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from astropy.table import Table
from scipy.optimize import differential_evolution, minimize

from claxboi.utils import InputTypeError, InputValueError, Progress, check_number

from ._scores import count_confusion
from .posterior import combine, log_normalize

__all__ = ["PUBLISHED_WEIGHTS", "WeightSearch", "parse_weights"]

log = logging.getLogger(__name__)

#: Optimum for 4XMM (Tranin et al. 2022).
PUBLISHED_WEIGHTS = {
    "missing": 0.75,
    "location": 9.0,
    "spectrum": 8.58,
    "counterparts": 7.43,
    "variability": 5.33,
}

#: Limits of the search: those of the published one.
LARGEST_WEIGHT = 10.0
LARGEST_MISSING_WEIGHT = 1.0

#: The pull towards equal exponents, in nats per unit of squared difference: as
#: much as a few sources say.
PULL = 1.0

#: The pull of the offsets towards zero, likewise.
OFFSET_PULL = 1.0


@dataclass
class WeightSearch:
    """
    Result of a search for weights.

    Attributes
    ----------
    objective : str
        "log_loss", "f1" of a class, or mean "f1".
    target : str or None
        The class of an f1.
    weights : dict
        Best weight of each category and of "missing".
    offsets : dict
        Best offset of each class in nats; empty where they were not asked for.
    score : float
        Held-out score of the best weights: the log-loss, or the f1.
    history : `~astropy.table.Table`
        One row per step: the score and the weights.
    n_sources : int
        Number of sources that scored.
    interrupted : bool
        Whether the user ended the search.
    fold_weights : `~numpy.ndarray` of shape (n_folds, n_terms) or None
        The weights found without each fold of the training sample, which are those that score it.

    Examples
    --------
    >>> from claxboi.classification import NaiveBayesClassifier
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> model = NaiveBayesClassifier(["hr2", "log_fx_fw1"], missing="ignore").fit(table)
    >>> search = model.optimize(table, "training")
    >>> search.objective, sorted(search.weights), len(search.history) > 1
    ('log_loss', ['counterparts', 'missing', 'spectrum'], True)
    """

    objective: str
    target: str | None
    weights: dict
    offsets: dict
    score: float
    history: Table = field(repr=False)
    n_sources: int
    interrupted: bool = False
    fold_weights: np.ndarray | None = field(default=None, repr=False)

    def __str__(self):
        what = self.objective if self.target is None else f"{self.objective} of {self.target}"
        weights = ", ".join(f"{name} {value:.3g}" for name, value in self.weights.items())
        ended = ", ended by the user" if self.interrupted else ""
        return (
            f"{what} {self.score:.4f} on {self.n_sources} held-out sources "
            f"after {len(self.history)} steps{ended}: {weights}"
        )


def parse_weights(weights, categories):
    """
    Convert weights, in any of their forms, to one per term.

    Parameters
    ----------
    weights : None, "published", mapping or sequence
        None: 1 each. A mapping from category (and "missing") to weight, those not named being
        1; or the weights in order, that of "missing" first.
    categories : sequence of str
        Names of the categories.

    Returns
    -------
    weights : dict
        The weight of each category, then of "missing".

    Raises
    ------
    TypeError, ValueError
        If a weight is negative or no number, or a name is unknown, or the number is wrong.
    """
    names = [*categories, "missing"]
    if weights is None:
        return dict.fromkeys(names, 1.0)
    if isinstance(weights, str):
        if weights != "published":
            raise InputValueError(
                f"weights must be 'published', a mapping or numbers, got {weights!r}"
            )
        unknown = [name for name in categories if name not in PUBLISHED_WEIGHTS]
        if unknown:
            raise InputValueError(
                "weights='published' needs the published categories (location, spectrum, "
                f"counterparts, variability), but the model has {', '.join(unknown)}"
            )
        weights = {name: PUBLISHED_WEIGHTS[name] for name in names}
    if not isinstance(weights, Mapping):
        if np.ndim(weights) != 1:
            raise InputTypeError(
                f"weights must be 'published', a mapping or numbers, got {weights!r}"
            )
        weights = list(weights)
        if len(weights) != len(names):
            raise InputValueError(
                f"weights must be {len(names)} numbers (missing, {', '.join(categories)}), "
                f"got {len(weights)}"
            )
        weights = dict(zip(["missing", *categories], weights, strict=True))
    weights = {("counterparts" if k == "multiwavelength" else k): v for k, v in weights.items()}
    unknown = [str(name) for name in weights if name not in names]
    if unknown:
        raise InputValueError(
            f"weights must name categories of the model ({', '.join(names)}); "
            f"got {', '.join(unknown)}"
        )
    return {
        name: check_number(weights.get(name, 1.0), f"weight of {name!r}", minimum=0)
        for name in names
    }


def fit_log_loss(features, codes, log_prior, row_weights, *, offsets=False, start=None):
    """
    Find the exponents of lowest log-loss, a convex problem.

    Parameters
    ----------
    features : `~numpy.ndarray` of shape (n_terms, n_classes, n)
        Held-out log-likelihood of each category and of the missing-value term.
    codes : `~numpy.ndarray` of int, shape (n,)
        True classes.
    log_prior : `~numpy.ndarray` of shape (n_classes, n) or (n_classes, 1)
        Logarithm of the priors.
    row_weights : `~numpy.ndarray` of shape (n,)
        Weight of each source; they sum to the number of sources.
    offsets : bool, optional
        Fit one offset per class as well.
    start : `~numpy.ndarray`, optional
        Where to begin.

    Returns
    -------
    parameters : `~numpy.ndarray` of shape (n_terms,) or (n_terms + n_classes,)
        Exponents, then offsets.
    history : list of (float, `~numpy.ndarray`)
        Mean log-loss without the pull, and parameters, of each step; the last is the best.
    interrupted : bool
        Whether the user ended the search.
    """
    n_terms, n_classes, n = features.shape
    rows = np.arange(n)
    flat = features.reshape(n_terms, -1)
    used = np.array([np.ptp(term, axis=0).any() for term in features])

    def loss(parameters):
        exponents = parameters[:n_terms]
        joint = (exponents @ flat).reshape(n_classes, n) + log_prior
        if offsets:
            joint += parameters[n_terms:, np.newaxis]
        log_posterior = log_normalize(joint)
        value = -np.sum(row_weights * log_posterior[codes, rows])
        slope = np.exp(log_posterior)
        slope[codes, rows] -= 1
        slope *= row_weights
        gradient = flat @ slope.ravel()
        spread = exponents - exponents[used].mean() if used.any() else exponents * 0
        spread[~used] = 0
        penalty = PULL * np.sum(spread**2)
        gradient += 2 * PULL * spread
        if offsets:
            shift = parameters[n_terms:]
            penalty += OFFSET_PULL * np.sum(shift**2)
            gradient = np.concatenate([gradient, slope.sum(axis=1) + 2 * OFFSET_PULL * shift])
        seen.append((value / n, (value + penalty) / n, parameters.copy()))
        return (value + penalty) / n, gradient / n

    seen = []
    if start is None:
        start = np.concatenate([np.full(n_terms, 1 / n_terms), np.zeros(n_classes * offsets)])
    limits = [(0, LARGEST_WEIGHT)] * n_terms + [(None, None)] * (n_classes * offsets)
    interrupted = False
    try:
        minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options={"ftol": 1e-10})
    except KeyboardInterrupt:
        if not seen:
            raise
        interrupted = True
        log.warning("the search was interrupted: keeping the best weights so far")
    best = min(range(len(seen)), key=lambda step: seen[step][1])
    history = [(value, parameters) for value, _, parameters in [*seen[:best], *seen[best + 1 :]]]
    history.append((seen[best][0], seen[best][2]))
    return seen[best][2], history, interrupted


class F1Objective:
    r"""
    The f1 of held-out predictions as a function of the weights.

    Precision is prior-corrected, as published: :math:`\pi_j r_{jj} / \sum_i \pi_i r_{ij}`.

    Parameters
    ----------
    terms : `Terms`
        Held-out terms of the sources.
    codes : `~numpy.ndarray` of int, shape (n,)
        True classes.
    log_prior : `~numpy.ndarray` of shape (n_classes, n) or (n_classes, 1)
        Logarithm of the priors.
    proportions : `~numpy.ndarray` of shape (n_classes,)
        Mean priors, for the precision.
    normalization, missing : str
        Settings of the classifier.
    target : int or None
        Class; None takes the mean over the classes.
    """

    def __init__(self, terms, codes, log_prior, proportions, normalization, missing, target):
        self.terms, self.codes, self.log_prior = terms, codes, log_prior
        self.proportions, self.target = proportions, target
        self.normalization, self.missing = normalization, missing
        self._features = None
        if normalization == "none":
            # Linear in the weights: one matrix product per evaluation.
            ones = np.ones(len(terms.log_likelihood))
            parts = combine(terms, ones, 1.0, normalization, missing).contributions
            self._features = parts.reshape(len(parts), -1)

    def joint(self, weights):
        """
        Return the log joint density at some weights.

        Parameters
        ----------
        weights : `~numpy.ndarray` of shape (n_categories + 1,)
            Weights, that of the missing-value term last.

        Returns
        -------
        log_joint : `~numpy.ndarray` of shape (n_classes, n)
        """
        if self._features is not None:
            total = (weights @ self._features).reshape(-1, len(self.codes))
        elif not weights[:-1].any():
            return self.log_prior + np.zeros((len(self.proportions), len(self.codes)))
        else:
            total = combine(
                self.terms, weights[:-1], weights[-1], self.normalization, self.missing
            ).contributions.sum(axis=0)
        total += self.log_prior
        return total

    def __call__(self, weights):
        """
        Return the f1.

        Parameters
        ----------
        weights : `~numpy.ndarray` of shape (n_categories + 1,)
            Weights, that of the missing-value term last.

        Returns
        -------
        f1 : float
        """
        n_classes = len(self.proportions)
        predicted = largest(self.joint(np.asarray(weights, float)))
        confusion = count_confusion(self.codes, predicted, n_classes)
        recall = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
        true = self.proportions * np.diag(recall)
        chosen = self.proportions @ recall
        # f1 = 2 p r/(p + r), written so that an empty column is 0 and no division fails.
        f1 = 2 * true / np.maximum(chosen + self.proportions, np.finfo(float).tiny)
        return float(f1.mean() if self.target is None else f1[self.target])


def largest(values):
    """
    Return the class of the largest value, the first of equals.

    Parameters
    ----------
    values : `~numpy.ndarray` of shape (n_classes, n)
        Values by class.

    Returns
    -------
    codes : `~numpy.ndarray` of int, shape (n,)
    """
    # argmax over a short first axis jumps through memory; row by row it does not.
    best, code = values[0].copy(), np.zeros(values.shape[1], np.intp)
    for c, row in enumerate(values[1:], start=1):
        better = row > best
        np.copyto(best, row, where=better)
        code[better] = c
    return code


def search_f1(objective, n_terms, *, rng, max_iterations, show_progress):
    """
    Find the weights of highest f1 by differential evolution.

    Parameters
    ----------
    objective : callable
        The f1 of the weights.
    n_terms : int
        Number of weights, that of the missing-value term last.
    rng : `~numpy.random.Generator`
        Random numbers.
    max_iterations : int
        Largest number of generations.
    show_progress : bool
        Whether to show progress.

    Returns
    -------
    weights : `~numpy.ndarray` of shape (n_terms,)
        The best that were seen.
    history : list of (float, `~numpy.ndarray`)
        Best f1 and weights of each generation.
    interrupted : bool
        Whether the user ended the search.
    """
    bounds = [(0, LARGEST_WEIGHT)] * (n_terms - 1) + [(0, LARGEST_MISSING_WEIGHT)]
    best = [-np.inf, None]
    history = []
    interrupted = False

    def loss(weights):
        value = objective(weights)
        if value > best[0]:
            best[:] = value, weights.copy()
        return 1 - value

    with Progress(max_iterations, "searching weights", show=show_progress) as progress:

        def each_generation(intermediate_result):  # noqa: ARG001 - scipy calls it by name
            history.append((best[0], best[1].copy()))
            progress.update(1)

        try:
            differential_evolution(
                loss,
                bounds,
                maxiter=max_iterations,
                rng=rng,
                callback=each_generation,
                polish=False,
                tol=1e-3,
            )
        except KeyboardInterrupt:
            if best[1] is None:
                raise
            interrupted = True
            log.warning("the search was interrupted: keeping the best weights so far")
    if not history or history[-1][0] < best[0]:
        history.append((best[0], best[1].copy()))
    return best[1], history, interrupted
