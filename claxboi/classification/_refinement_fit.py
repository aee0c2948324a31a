# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fit the refinement of the published formula; see `_refinement` for the formula.
"""

import logging
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from claxboi.utils import Progress

from ._parallel import in_parallel
from ._refinement import Refinement
from ._terms import Positions, Term
from .posterior import log_normalize
from .weights import LARGEST_WEIGHT, OFFSET_PULL, PULL

__all__ = ["Parameters", "fit_parameters", "fit_refinement", "pair_gain"]

log = logging.getLogger(__name__)

#: Strength of the shrinkage, in nats for half a squared unit of W, per number of terms: so many
#: terms as there are, together they are expected to add the same.
STRENGTH = 1.0

#: Pairs of properties that become terms, those of the largest expected gain.
N_PAIRS = 40

#: Factors of all strengths among which shrinkage="cv" chooses.
FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0, 100.0)

#: A fit to more sources takes so many, drawn by class.
MOST_SOURCES = 20_000

#: Relative change of the log-loss at which a fit ends, and its largest number of steps.
TOLERANCE = 1e-6
MOST_STEPS = 500

#: The Hessian that shapes the steps of a fit is of no more than so many sources.
HESSIAN_SOURCES = 2500

#: What is added to its diagonal, relative to it.
ROUNDING = 1e-9


@dataclass
class Parameters:
    """
    Parameters of the refined formula.

    Attributes
    ----------
    exponents : `~numpy.ndarray` of shape (n_categories + 1,)
        Exponents of the categories and of the missing-value term.
    offsets : `~numpy.ndarray` of shape (n_classes,)
        Offsets in nats.
    matrix : `~numpy.ndarray` of shape (n_terms * n_classes, n_classes)
        W: what a nat of term m for class k adds to the log posterior of class c, by rows (m, k).
    """

    exponents: np.ndarray
    offsets: np.ndarray
    matrix: np.ndarray

    def joint(self, features, design):
        """
        Return the log posterior without the prior, before its normalisation.

        Parameters
        ----------
        features : `~numpy.ndarray` of shape (n_categories + 1, n_classes, n)
            Log-likelihoods of the published formula.
        design : `~numpy.ndarray` of shape (n_terms * n_classes, n)
            The terms.

        Returns
        -------
        log_joint : `~numpy.ndarray` of shape (n_classes, n)
        """
        joint = self.exponents @ features.reshape(len(features), -1)
        joint = joint.reshape(features.shape[1:]) + self.offsets[:, np.newaxis]
        if len(self.matrix):
            joint += self.matrix.T @ design
        return joint


def fit_parameters(
    features,
    design,
    codes,
    log_prior,
    row_weights,
    strengths,
    start=None,
    *,
    tolerance=TOLERANCE,
):
    """
    Fit exponents, offsets and matrices to the held-out log-loss.

    Parameters
    ----------
    features : `~numpy.ndarray` of shape (n_categories + 1, n_classes, n)
        Held-out log-likelihoods of the published formula.
    design : `~numpy.ndarray` of shape (n_terms * n_classes, n)
        Held-out terms.
    codes : `~numpy.ndarray` of int, shape (n,)
        True classes.
    log_prior : `~numpy.ndarray` of shape (n_classes, n) or (n_classes, 1)
        Logarithm of the priors.
    row_weights : `~numpy.ndarray` of shape (n,)
        Weights of the sources; 0 leaves one out.
    strengths : `~numpy.ndarray` of shape (n_terms * n_classes,)
        Shrinkage of each row of the matrix.
    start : `Parameters`, optional
        Where to begin; its matrix may have fewer rows.
    tolerance : float, optional
        Relative change of the log-loss at which the fit ends.

    Returns
    -------
    parameters : `Parameters`
    """
    n_features, n_classes, n = features.shape
    rows = np.arange(n)
    flat = features.reshape(n_features, -1)
    used = np.array([np.ptp(term, axis=0).any() for term in features])
    if start is None:
        exponents = np.where(used, 1 / n_features, 1.0)
        start = Parameters(exponents, np.zeros(n_classes), np.zeros((0, n_classes)))
    matrix = np.zeros((len(design), n_classes))
    matrix[: len(start.matrix)] = start.matrix
    posterior = np.exp(
        log_normalize(start.joint(features, design[: len(start.matrix)]) + log_prior)
    )
    curvature = row_weights * posterior * (1 - posterior)
    # Coordinates in which the problem is nearly round: few steps are then enough.
    root = _hessian_root(design, curvature.mean(axis=0), strengths)
    to_matrix = np.linalg.inv(root).T
    offset_scale = 1 / np.sqrt(curvature.sum(axis=1) + 2 * OFFSET_PULL)
    feature_scale = np.array(
        [
            1 / np.sqrt((curvature * (term - term.mean(axis=0)) ** 2).sum() + 2 * PULL)
            for term in features
        ]
    )
    scales = np.concatenate([feature_scale, offset_scale])

    def unpack(parameters):
        exponents, offsets = np.split(parameters[: len(scales)] * scales, [n_features])
        whole = to_matrix @ parameters[len(scales) :].reshape(-1, n_classes)
        return Parameters(exponents, offsets, whole)

    def loss(parameters):
        now = unpack(parameters)
        log_posterior = log_normalize(now.joint(features, design) + log_prior)
        value = -np.sum(row_weights * log_posterior[codes, rows])
        slope = np.exp(log_posterior)
        slope[codes, rows] -= 1
        slope *= row_weights
        spread = (
            np.where(used, now.exponents - now.exponents[used].mean(), 0.0) if used.any() else 0
        )
        value += PULL * np.sum(spread**2) + OFFSET_PULL * np.sum(now.offsets**2)
        value += 0.5 * np.sum(strengths[:, np.newaxis] * now.matrix**2)
        gradient = np.concatenate(
            [
                flat @ slope.ravel() + 2 * PULL * spread,
                slope.sum(axis=1) + 2 * OFFSET_PULL * now.offsets,
            ]
        )
        of_matrix = design @ slope.T + strengths[:, np.newaxis] * now.matrix
        return value, np.concatenate([gradient * scales, (to_matrix.T @ of_matrix).ravel()])

    begin = np.concatenate(
        [
            np.concatenate([start.exponents, start.offsets]) / scales,
            (root.T @ matrix).ravel(),
        ]
    )
    limits = np.full((len(begin), 2), [-np.inf, np.inf])
    limits[:n_features] = [0.0, LARGEST_WEIGHT]
    limits[:n_features] /= feature_scale[:, np.newaxis]
    found = minimize(
        loss,
        begin,
        jac=True,
        method="L-BFGS-B",
        bounds=limits,
        options={"ftol": tolerance, "gtol": 1e-9, "maxiter": MOST_STEPS, "maxcor": 20},
    )
    return unpack(found.x)


def _hessian_root(design, curvature, strengths):
    """Return the Cholesky factor of the Hessian of a matrix column, the mean over the classes."""
    step = -(-design.shape[1] // HESSIAN_SOURCES)
    part = design[:, ::step] * np.sqrt(curvature[::step])
    hessian = step * part @ part.T
    # Where terms are the same, shrinkage alone may be less than rounding.
    hessian += np.diag(strengths + ROUNDING * np.diagonal(hessian))
    return np.linalg.cholesky(hessian)


def pair_gain(term, residual, curvature, strength):
    """
    Return the expected gain of held-out log-likelihood of a term, by a score test.

    Parameters
    ----------
    term : `~numpy.ndarray` of shape (n_classes, n)
        The held-out term.
    residual : `~numpy.ndarray` of shape (n_classes, n)
        Weighted indicator of the true class minus the posterior.
    curvature : `~numpy.ndarray` of shape (n_classes, n)
        Weighted posterior times its complement.
    strength : float
        Its shrinkage.

    Returns
    -------
    gain : float
        In nats, for the diagonal of the Hessian.
    """
    slope = term @ residual.T
    return 0.5 * np.sum(slope**2 / (term**2 @ curvature.T + strength))


def fit_refinement(
    terms,
    sources,
    densities,
    features,
    codes,
    log_prior,
    row_weights,
    counts,
    fold,
    n_folds,
    *,
    n_pairs=N_PAIRS,
    shrinkage=1.0,
    show_progress=False,
):
    """
    Fit the refinement of a model.

    Parameters
    ----------
    terms : `RefinementTerms`
        The terms.
    sources : object
        Labelled sources: ``values``, ``errors``, and ``held``, the training rows to hold out.
    densities : `~numpy.ndarray` of shape (n_properties, n_classes, n)
        Their held-out log-likelihood of each property.
    features : `~numpy.ndarray` of shape (n_categories + 1, n_classes, n)
        Their held-out log-likelihoods of the published formula.
    codes : `~numpy.ndarray` of int, shape (n,)
        True classes.
    log_prior : `~numpy.ndarray` of shape (n_classes, n) or (n_classes, 1)
        Logarithm of the priors.
    row_weights : `~numpy.ndarray` of shape (n,)
        Weight of each source in the log-loss.
    counts : `~numpy.ndarray` of shape (n,)
        How many sources each one counts for.
    fold : `~numpy.ndarray` of int, shape (n,)
        Fold of each source.
    n_folds : int
        Number of folds.
    n_pairs : int, optional
        Number of pairs that become terms.
    shrinkage : float or "cv", optional
        Factor of the strengths, or the one of lowest cross-validated log-loss.
    show_progress : bool, optional
        Show progress.

    Returns
    -------
    refinement : `Refinement`
    parameters : `Parameters`
        Of all sources.
    fold_parameters : list of `Parameters`
        Without each fold.
    """
    n_classes = features.shape[1]
    chosen = _draw_sources(codes, row_weights, fold)
    if chosen is not None:
        rows, factor = chosen
        sources, densities, features = sources[rows], densities[..., rows], features[..., rows]
        codes, row_weights, fold = codes[rows], row_weights[rows] * factor, fold[rows]
        counts = counts[rows] * factor
        log_prior = log_prior if log_prior.shape[1] == 1 else log_prior[:, rows]
    # Sources of unequal weight say less than as many of equal weight (Kish 1965).
    uneven = np.sum(row_weights**2 / counts) / np.sum(row_weights)
    n_pairs = min(n_pairs, len(terms.candidates))
    strength = STRENGTH * (len(terms.main) + n_pairs) * uneven
    factor = 1.0 if shrinkage == "cv" else shrinkage
    positions = Positions(terms, sources.values, sources.errors)
    held = sources.held
    with Progress(n_folds + 3, "refining", show=show_progress) as progress:
        design = np.concatenate(
            [terms.evaluate(term, positions, held, densities) for term in terms.main]
        )
        problem = features, design, codes, log_prior, row_weights
        start = fit_parameters(features, design[:0], *problem[2:], np.zeros(0))
        progress.update(1)
        start = fit_parameters(*problem, np.full(len(design), strength * factor), start)
        progress.update(1)
        pairs, gains, blocks = _choose_pairs(
            terms, positions, held, problem, start, n_pairs, strength * factor
        )
        design = np.concatenate([design, *blocks])
        problem = features, design, codes, log_prior, row_weights
        strengths = np.full(len(design), strength)
        if shrinkage == "cv":
            factor = _choose_factor(problem, strengths, start, fold, n_folds)
        found = fit_parameters(*problem, strengths * factor, start)
        progress.update(1)
        fold_parameters = []
        for k in range(n_folds):
            weights = np.where(fold == k, 0.0, row_weights)
            without = found
            if 0 < weights.sum() < row_weights.sum():
                weights *= row_weights.sum() / weights.sum()
                without = fit_parameters(*problem[:4], weights, strengths * factor, found)
            fold_parameters.append(without)
            progress.update(1)
    terms.keep(pairs)
    shape = (-1, n_classes, n_classes)
    refinement = Refinement(
        terms,
        pairs,
        gains,
        found.matrix.reshape(shape),
        np.array([each.matrix.reshape(shape) for each in fold_parameters]),
        float(factor),
    )
    log.info(
        "refined by %d terms, %d of them pairs of properties (shrinkage %g)",
        len(refinement.matrix),
        len(pairs),
        factor,
    )
    return refinement, found, fold_parameters


def _choose_pairs(terms, positions, held, problem, start, n_pairs, strength):
    """Return the pairs of largest expected gain, their gains, and their held-out terms."""
    features, design, codes, log_prior, row_weights = problem
    posterior = np.exp(log_normalize(start.joint(features, design) + log_prior))
    curvature = row_weights * posterior * (1 - posterior)
    residual = -row_weights * posterior
    residual[codes, np.arange(len(codes))] += row_weights

    def evaluate(pair):
        return terms.evaluate(Term("pair", pair), positions, held)

    best, candidates = [], terms.candidates if n_pairs else ()
    blocks = in_parallel(evaluate, candidates)
    for number, (pair, block) in enumerate(zip(candidates, blocks, strict=True)):
        gain = pair_gain(block, residual, curvature, strength)
        best.append((gain, -number, pair, block))
        # The blocks of those that are out are not kept.
        best = sorted(best, key=lambda item: item[:2], reverse=True)[:n_pairs]
    return (
        [pair for _, _, pair, _ in best],
        np.array([gain for gain, *_ in best]),
        [block for *_, block in best],
    )


def _choose_factor(problem, strengths, start, fold, n_folds):
    """Return the factor of the strengths of lowest cross-validated log-loss."""
    features, design, codes, log_prior, row_weights = problem
    losses = []
    for factor in FACTORS[::-1]:
        total, now = 0.0, start
        for k in range(n_folds):
            test = fold == k
            now = fit_parameters(
                *problem[:4], np.where(test, 0.0, row_weights), strengths * factor, now
            )
            prior = log_prior if log_prior.shape[1] == 1 else log_prior[:, test]
            joint = now.joint(features[..., test], design[:, test]) + prior
            log_posterior = log_normalize(joint)[codes[test], np.arange(test.sum())]
            total -= np.sum(row_weights[test] * log_posterior)
        losses.append(total)
    return FACTORS[::-1][int(np.argmin(losses))]


def _draw_sources(codes, row_weights, fold):
    """
    Draw sources for the fit where there are too many: no more than a share of each class.

    Returns their rows, and the factor of their weights; None where all are taken.
    """
    n = len(codes)
    if n <= MOST_SOURCES:
        return None
    count = np.bincount(codes)
    # Rare classes are taken whole: the largest number per class with which the sum fits.
    limit, left, classes = MOST_SOURCES, MOST_SOURCES, len(count)
    for size in np.sort(count):
        limit = left / classes
        if size > limit:
            break
        left, classes = left - size, classes - 1
    rows, factor = [], np.ones(n)
    for c in np.flatnonzero(count):
        members = np.flatnonzero(codes == c)
        take = min(len(members), int(limit))
        # Evenly along the folds, whatever the order of the rows in each.
        members = members[np.argsort(fold[members], kind="stable")]
        chosen = members[(np.arange(take) * len(members)) // take]
        factor[chosen] = row_weights[members].sum() / row_weights[chosen].sum()
        rows.append(chosen)
    rows = np.sort(np.concatenate(rows))
    return rows, factor[rows]
