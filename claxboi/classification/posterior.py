# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Combine likelihoods, exponents and priors into posteriors.
"""

from dataclasses import dataclass

import numpy as np

__all__ = [
    "MISSING_MODES",
    "NORMALIZATIONS",
    "Combination",
    "combine",
    "log_normalize",
    "log_proportions",
]

NORMALIZATIONS = ("none", "published", "original")
MISSING_MODES = ("existence", "ignore", "sentinel")

#: Numbers in the original script: a category's likelihood has the power
#: 5 W_t/(2 n+ + alpha n-), their product the power 8/sum W.
ORIGINAL_CATEGORY = 5.0
ORIGINAL_PRESENT = 2.0
ORIGINAL_PRODUCT = 8.0


@dataclass
class Combination:
    """
    The parts of the log posterior, before its normalisation.

    Attributes
    ----------
    contributions : `~numpy.ndarray` of shape (n_categories + 1, n_classes, n)
        What each category adds to the log posterior; the last row is the missing-value
        term where it stands on its own, else zero.
    marginal_scale : float
        The log marginal of a category is its contribution times this.
    rest_scale : `~numpy.ndarray` of shape (n_categories,)
        Without category t the other contributions count this many times.
    refinement : `~numpy.ndarray` of shape (n_classes, n) or None
        What the refinement adds in all; within categories it is part of ``contributions``.
    shared : `~numpy.ndarray` of shape (n_categories, n_classes, n) or None
        What the pairs of a property of a category with one of another category add.
    """

    contributions: np.ndarray
    marginal_scale: float
    rest_scale: np.ndarray
    refinement: np.ndarray | None = None
    shared: np.ndarray | None = None

    def refine(self, parts):
        """
        Add a refinement, in place.

        Parameters
        ----------
        parts : iterable of (tuple of int, `~numpy.ndarray` of shape (n_classes, n))
            Categories of each term, one or two, or none for a term of presence; and what it adds.
        """
        self.refinement = np.zeros(self.contributions.shape[1:])
        self.shared = np.zeros((len(self.rest_scale), *self.refinement.shape))
        for categories, part in parts:
            self.refinement += part
            if len(categories) == 2:
                for t in categories:
                    self.shared[t] += part
            else:
                self.contributions[categories[0] if categories else -1] += part

    def total(self):
        """
        Return the log posterior without the prior, before its normalisation.

        Returns
        -------
        log_joint : `~numpy.ndarray` of shape (n_classes, n)
        """
        total = self.contributions.sum(axis=0)
        if self.shared is not None:
            # Each pair is shared by two categories.
            total += 0.5 * self.shared.sum(axis=0)
        return total

    def published(self, total):
        """
        Return the part of the log posterior that is the published formula.

        Parameters
        ----------
        total : `~numpy.ndarray` of shape (n_classes, n)
            The log posterior.

        Returns
        -------
        log_joint : `~numpy.ndarray` of shape (n_classes, n)
        """
        return total if self.refinement is None else total - self.refinement

    def without(self, t, total, log_prior):
        """
        Return the log posterior without category t, before its normalisation.

        Parameters
        ----------
        t : int
            The category.
        total : `~numpy.ndarray` of shape (n_classes, n)
            From `total`.
        log_prior : `~numpy.ndarray` of shape (n_classes, 1) or (n_classes, n)
            Logarithm of the priors, and offsets.

        Returns
        -------
        log_joint : `~numpy.ndarray` of shape (n_classes, n)
        """
        rest = total - self.contributions[t]
        if self.shared is not None:
            rest -= self.shared[t]
        return rest * self.rest_scale[t] + log_prior


def combine(terms, weights, missing_weight, normalization, missing):
    """
    Raise the likelihoods to their exponents.

    Parameters
    ----------
    terms : `Terms`
        Log-likelihoods and presence by category.
    weights : `~numpy.ndarray` of shape (n_categories,)
        Weights of the categories.
    missing_weight : float
        Weight of the missing-value term.
    normalization : {"none", "published", "original"}
        See `NaiveBayesClassifier`.
    missing : {"existence", "ignore", "sentinel"}
        See `NaiveBayesClassifier`.

    Returns
    -------
    combination : `Combination`
    """
    n_categories, n_classes, n = terms.log_likelihood.shape
    exponents = category_exponents(terms, weights, missing_weight, normalization)
    contributions = np.empty((n_categories + 1, n_classes, n))
    for t in range(n_categories):
        total = terms.log_likelihood[t]
        if missing == "sentinel" or (missing == "existence" and normalization != "none"):
            power = 1.0 if missing == "sentinel" else missing_weight
            total = total + (terms.case_present[t] + power * terms.case_absent[t])[:, terms.case]
        np.multiply(total, exponents[t], out=contributions[t])
    if missing == "existence" and normalization == "none":
        np.multiply(terms.case_total[:, terms.case], missing_weight, out=contributions[-1])
    else:
        contributions[-1] = 0.0
    scale, rest = 1.0, np.ones(n_categories)
    if normalization != "none":
        others = weights.sum() - weights
        rest = np.divide(weights.sum(), others, out=np.zeros(n_categories), where=others > 0)
    if normalization == "original":
        scale = weights.sum() / ORIGINAL_PRODUCT
    return Combination(contributions, scale, rest)


def category_exponents(terms, weights, missing_weight, normalization):
    """
    Return the exponent of each category's likelihood.

    Parameters
    ----------
    terms, weights, missing_weight, normalization
        As for `combine`.

    Returns
    -------
    exponents : `~numpy.ndarray` of shape (n_categories,), or (n_categories, n) for "original"
    """
    if normalization == "none":
        return weights
    if normalization == "published":
        return weights / weights.sum()
    n_missing = terms.patterns.shape[1] - terms.n_present
    counted = ORIGINAL_PRESENT * terms.n_present + missing_weight * n_missing
    # A source without any value has no likelihood either: any exponent will do.
    counted = np.where(counted > 0, counted, 1.0)
    total = ORIGINAL_CATEGORY * ORIGINAL_PRODUCT / weights.sum()
    return total * weights[:, np.newaxis] / counted


def log_normalize(values):
    """
    Subtract the logarithm of the sum of exponentials over the first axis.

    Parameters
    ----------
    values : `~numpy.ndarray` of shape (n_classes, n)
        Natural logarithms.

    Returns
    -------
    log_probability : `~numpy.ndarray` of shape (n_classes, n)
    """
    shifted = values - values.max(axis=0)
    return shifted - np.log(np.exp(shifted).sum(axis=0))


def log_proportions(proportions):
    """
    Return the logarithm of priors, of shape (n_classes, 1) or (n_classes, n).

    Parameters
    ----------
    proportions : `~numpy.ndarray` of shape (n_classes,) or (n_classes, n)
        The priors.

    Returns
    -------
    log_prior : `~numpy.ndarray`
    """
    # A class that is excluded has a posterior of zero, not an error.
    with np.errstate(divide="ignore"):
        logs = np.log(proportions)
    return logs.reshape(len(proportions), -1)
