# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
r"""
The additive refinement of the published formula.

.. math::

    \log P(c|x) = \log \pi_c + b_c + \sum_t a_t \log L_t(x|c)
                  + \sum_m \sum_k W_{mkc} l_m(x|k) - \log Z(x)

The exponents :math:`a_t`, the offsets :math:`b_c` and the matrices :math:`W_m` have the lowest
held-out log-loss, to which is added half the sum of :math:`\lambda_m W_{mkc}^2`: a prior belief
that the published formula, W = 0, is right. The problem is convex.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ._posterior import log_normalize
from .weights import LARGEST_WEIGHT, OFFSET_PULL, PULL

__all__ = ["Parameters", "choose_pairs", "fit_parameters", "pair_gains"]

#: Strength of the shrinkage by kind of term, in nats for half a squared unit of W.
STRENGTHS = {"density": 80.0, "wide": 80.0, "presence": 80.0, "pair": 100.0}

#: Pairs of properties that become terms, those of the largest expected gain.
N_PAIRS = 40

#: Relative change of the log-loss at which a fit ends, and its largest number of steps.
TOLERANCE = 1e-7
MOST_STEPS = 500

#: Sources per block when pairs are compared: their arrays stay in the cache.
BLOCK_SIZE = 4096


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
        joint = np.tensordot(self.exponents, features, 1) + self.offsets[:, np.newaxis]
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
    # The scale of each parameter makes the problem round: few steps are then enough.
    posterior = np.exp(
        log_normalize(start.joint(features, design[: len(start.matrix)]) + log_prior)
    )
    curvature = row_weights * posterior * (1 - posterior)
    scale = 1 / np.sqrt(_square_sums(design, curvature) + strengths[:, np.newaxis])
    offset_scale = 1 / np.sqrt(curvature.sum(axis=1) + 2 * OFFSET_PULL)
    feature_scale = np.array(
        [
            1 / np.sqrt((curvature * (term - term.mean(axis=0)) ** 2).sum() + 2 * PULL)
            for term in features
        ]
    )
    scales = np.concatenate([feature_scale, offset_scale, scale.ravel()])

    def unpack(parameters):
        parameters = parameters * scales
        return Parameters(
            parameters[:n_features],
            parameters[n_features : n_features + n_classes],
            parameters[n_features + n_classes :].reshape(-1, n_classes),
        )

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
                (design @ slope.T + strengths[:, np.newaxis] * now.matrix).ravel(),
            ]
        )
        return value, gradient * scales

    begin = np.concatenate([start.exponents, start.offsets, matrix.ravel()]) / scales
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
    fit_parameters.last = found
    return unpack(found.x)


def _square_sums(design, curvature):
    """Return the sums of squared terms times curvature, (n_terms * n_classes, n_classes)."""
    total = np.zeros((len(design), len(curvature)))
    for first in range(0, design.shape[1], BLOCK_SIZE):
        block = slice(first, first + BLOCK_SIZE)
        total += design[:, block] ** 2 @ curvature[:, block].T
    return total


def pair_gains(term, residual, curvature, strength):
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
