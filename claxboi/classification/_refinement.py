# Licensed under a 3-clause BSD style license - see LICENSE.rst
r"""
The additive refinement of the published formula.

.. math::

    \log P(c|x) = \log \pi_c + b_c + \sum_t a_t \log L_t(x|c)
                  + \sum_m \sum_k W_{mkc} l_m(x|k) - \log Z(x)

The exponents :math:`a_t`, the offsets :math:`b_c` and the matrices :math:`W_m` have the lowest
held-out log-loss, to which is added half the sum of :math:`\lambda_m W_{mkc}^2`: a prior belief
that the published formula, W = 0, is right. The problem is convex.
"""

import logging
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from claxboi.utils import Progress

from ._grid_densities import SIZES
from ._parallel import multiply
from ._terms import Positions, RefinementTerms, Term
from .posterior import log_normalize
from .weights import LARGEST_WEIGHT, OFFSET_PULL, PULL

__all__ = [
    "Parameters",
    "Refinement",
    "fit_parameters",
    "fit_refinement",
    "pair_gain",
    "term_categories",
]

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


@dataclass
class Refinement:
    """
    The refinement of a fitted model.

    Attributes
    ----------
    terms : `RefinementTerms`
        The terms, as learned.
    pairs : list of tuple of int
        Pairs of properties that are terms, by decreasing expected gain.
    gains : `~numpy.ndarray` of shape (n_pairs,)
        Expected gain of each in nats, when it was chosen.
    matrix : `~numpy.ndarray` of shape (n_terms, n_classes, n_classes)
        W by term, class k of the term, and class c of the posterior.
    fold_matrices : `~numpy.ndarray` of shape (n_folds, n_terms, n_classes, n_classes)
        W found without each fold of the training sample.
    factor : float
        Factor of the strengths of the shrinkage.
    """

    terms: RefinementTerms
    pairs: list
    gains: np.ndarray
    matrix: np.ndarray
    fold_matrices: np.ndarray
    factor: float = 1.0

    def __post_init__(self):
        # A model file has them in single precision, and answers as the model that was written.
        self.matrix = self.matrix.astype(np.float32).astype(float)
        self.fold_matrices = self.fold_matrices.astype(np.float32).astype(float)
        self._tables = None

    def reweighted(self, likelihood, weights, fold_shares):
        """
        Make the refinement of the same training sources with other weights.

        Parameters
        ----------
        likelihood : `LikelihoodModel`
            Their published densities.
        weights : `~numpy.ndarray` of shape (n,)
            The new weights.
        fold_shares : `~numpy.ndarray` of shape (n_folds,)
            The matrices are moved by the differences that each fold makes, times these.

        Returns
        -------
        refinement : `Refinement`
        """
        moved = np.tensordot(fold_shares, self.fold_matrices - self.fold_matrices.mean(axis=0), 1)
        return replace(
            self,
            terms=self.terms.reweighted(likelihood, weights),
            matrix=self.matrix + moved,
            fold_matrices=self.fold_matrices + moved,
        )

    @property
    def listed(self):
        """
        All terms, as `Term`, in the order of the matrix.
        """
        return [*self.terms.main, *(Term("pair", pair) for pair in self.pairs)]

    def contributions(self, values, errors, densities, held, fold):
        """
        Evaluate what each term adds to the log posteriors of sources.

        Parameters
        ----------
        values : `~numpy.ndarray` of shape (n_properties, n)
            Raw values, NaN where missing.
        errors : dict of int to `~numpy.ndarray` of shape (n,)
            Errors by number of the property.
        densities : `~numpy.ndarray` of shape (n_properties, n_classes, n)
            Log-likelihood of each property, from `LikelihoodModel.property_terms`.
        held : tuple of `~numpy.ndarray`
            Codes, weights and numbers of the training rows to hold out.
        fold : `~numpy.ndarray` of int, shape (n,)
            Fold of each training source; -1 for new ones.

        Yields
        ------
        term : `Term`
            The term.
        part : `~numpy.ndarray` of shape (n_classes, n)
            What it adds.
        """
        known = np.flatnonzero(fold >= 0)
        new = Positions(self.terms, values, errors)
        own = new[known] if len(known) < len(fold) else new
        held = tuple(part[..., known] for part in held) if len(known) else ()
        for row, term in enumerate(self.listed):
            part = np.zeros((self.matrix.shape[1], len(fold)))
            if len(known) < len(fold):
                self._add_new([row], new, densities, part)
            if len(known):
                own_densities = densities[:, :, known] if term.kind == "density" else None
                exact = self.terms.evaluate(term, own, held, own_densities)
                for k, matrix in enumerate(self.fold_matrices[:, row]):
                    chosen = fold[known] == k
                    part[:, known[chosen]] = matrix.T @ exact[:, chosen]
            yield term, part

    def sums(self, values, errors, densities, category):
        """
        Evaluate what the terms of the same categories add in all, for new sources.

        Parameters
        ----------
        values, errors, densities
            As for `contributions`.
        category : `~numpy.ndarray` of int, shape (n_properties,)
            Category of each property.

        Yields
        ------
        categories : tuple of int
            One or two; none for terms of presence.
        part : `~numpy.ndarray` of shape (n_classes, n)
            What they add.
        """
        groups = {}
        for row, term in enumerate(self.listed):
            groups.setdefault(term_categories(term, category), []).append(row)
        new = Positions(self.terms, values, errors)
        for categories, rows in groups.items():
            part = np.zeros((self.matrix.shape[1], values.shape[1]))
            self._add_new(rows, new, densities, part)
            yield categories, part

    def _contract(self):
        """
        Multiply the tables of the terms by their matrices, cell by cell.

        In a cell of the grid a term is a + b x for a single property, and a + b x + c y + d x y for
        a pair, with the distances x and y from the lower corner.
        """
        contracted = []
        for term, matrix in zip(self.listed, self.matrix, strict=True):
            table = self.terms.table(term)
            if table is not None:
                parts = [np.tensordot(matrix.T, table, axes=1)]
                for axis in range(1, table.ndim if term.kind != "presence" else 1):
                    low = [np.delete(part, -1, axis) for part in parts]
                    parts = low + [np.diff(part, axis=axis) for part in parts]
                table = [np.ascontiguousarray(part.reshape(len(part), -1)) for part in parts]
            contracted.append(table)
        return contracted

    def _add_new(self, rows, positions, densities, out):
        """Add terms for sources that did not train them."""
        if self._tables is None:
            self._tables = self._contract()
        listed = self.listed
        of_density = [row for row in rows if listed[row].kind == "density"]
        if of_density:
            chosen = densities[[listed[row].properties[0] for row in of_density]]
            # The mean over the classes, which a term is without, is taken from the matrices.
            centred = self.matrix[of_density] - self.matrix[of_density].mean(axis=1, keepdims=True)
            stacked = centred.reshape(-1, centred.shape[2]).T
            out += multiply(stacked, chosen.reshape(-1, chosen.shape[2]))
        part, total = np.empty(out.shape), np.empty(out.shape)
        for row in rows:
            term, table = listed[row], self._tables[row]
            if table is None:
                continue
            if any(p in positions.errors for p in term.properties) and term.kind != "presence":
                out += multiply(self.matrix[row].T, self.terms.evaluate(term, positions))
                continue
            here = positions.present[list(term.properties)].all(axis=0)
            cell, factors = self._place(term, positions, here)
            np.take(table[0], cell, axis=1, out=total, mode="clip")
            for coefficients, factor in zip(table[1:], factors, strict=True):
                np.take(coefficients, cell, axis=1, out=part, mode="clip")
                part *= factor
                total += part
            if factors:
                total *= here
            out += total

    @staticmethod
    def _place(term, positions, here):
        """Return the cell of each source in the table of a term, and the coefficients' factors."""
        if term.kind == "presence":
            return here.astype(np.intp), []
        first, *second = (positions.home(p, len(term.properties)) for p in term.properties)
        if not second:
            return first.index, [first.fraction]
        x, y = first.fraction, second[0].fraction
        return first.index * (SIZES[2] - 1) + second[0].index, [x, y, x * y]


def term_categories(term, category):
    """
    Return the categories of a term.

    Parameters
    ----------
    term : `Term`
        The term.
    category : `~numpy.ndarray` of int, shape (n_properties,)
        Category of each property.

    Returns
    -------
    categories : tuple of int
        One or two; none for a term of presence, which belongs to the missing values.
    """
    return () if term.kind == "presence" else tuple({*category[list(term.properties)].tolist()})


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
    best = []
    for number, pair in enumerate(terms.candidates if n_pairs else ()):
        block = terms.evaluate(Term("pair", pair), positions, held)
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
