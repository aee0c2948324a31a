# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Numerical core of the classifier: learn the rows of a sample and combine likelihoods.
"""

from __future__ import annotations

import copy
import logging
from typing import Any

import numpy as np

from claxboi.utils import InputTypeError, InputValueError, Progress, check_number, shown

from ._detection import DetectionTerms
from ._likelihood import BLOCK_SIZE, LikelihoodModel
from ._outliers import OutlierScale
from ._parallel import check_n_jobs, in_chunks, in_parallel, threads
from ._search import deal_folds, fit_exponents
from ._terms import RefinementTerms
from .decisions import fit_decision
from .densities import KernelDensities
from .original import ORIGINAL_KERNEL, original_densities, warn_in_sample
from .posterior import combine, log_normalize, log_proportions
from .weights import parse_weights

__all__ = ["Engine", "NotFittedError", "check_model"]


log = logging.getLogger(__name__)


class NotFittedError(ValueError, AttributeError):
    """
    The classifier was used before it was fitted.
    """


def check_model(model: Any, name: str = "model") -> None:
    """
    Check that an argument is a fitted classifier of tables.

    Parameters
    ----------
    model : object
        The argument.
    name : str, optional
        Its name, for the message.

    Raises
    ------
    TypeError
        If it is not a `NaiveBayesClassifier`.
    NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> from claxboi.classification import NaiveBayesClassifier, check_model
    >>> check_model(NaiveBayesClassifier(["hr1", "hr2"]), "before")
    Traceback (most recent call last):
    ...
    claxboi.classification._engine.NotFittedError: before is not fitted yet: call fit(table) first
    """
    if not isinstance(getattr(model, "_core", None), Engine) or not hasattr(model, "explain"):
        raise InputTypeError(f"{name} must be a NaiveBayesClassifier, got {shown(model)}")
    if model._core.likelihood is None:
        raise NotFittedError(f"{name} is not fitted yet: call fit(table) first")


class Engine:
    """
    The classifier on arrays, which `NaiveBayesClassifier` and `KernelNaiveBayes` hold.

    Parameters
    ----------
    properties : sequence of `Property` or None
        The properties; None if they come with the training rows.
    kernel, normalization, missing, bandwidth, floor, refine, shrinkage, weights, n_jobs
        As for `NaiveBayesClassifier`, without a recipe.

    Attributes
    ----------
    classes_ : list of str
        Names of the classes.
    class_counts_ : `~numpy.ndarray` of shape (n_classes,)
        Training weight of each class.
    categories : tuple of str
        Names of the categories.
    weights, offsets : dict
        Weight of each category and of "missing", and offset of each class if they were fitted.
    fold_weights : `~numpy.ndarray` of shape (n_folds, n_categories + 1 + n_classes) or None
        Fitted weights and offsets, found without each fold of the training rows.
    given_weights : None, "published", mapping or sequence
        The weights as they were given, which each fit starts with.
    training : `TrainingRows` or None
        The training rows, None where they cannot be held out.
    likelihood : `LikelihoodModel` or None
        What was learned from them, None before that.
    detection : `DetectionTerms` or None
        What limits say, where properties have any.
    refinement : `Refinement` or None
        The refinement, where one was fitted.
    is_shifted : bool
        Whether the sources to classify are known to differ from the training rows, so that
        presence is not the same fact for both.
    """

    def __init__(
        self,
        properties=None,
        *,
        kernel,
        normalization,
        missing,
        bandwidth,
        floor,
        refine,
        shrinkage,
        weights=None,
        n_jobs=None,
    ):
        self.kernel, self.normalization = kernel, normalization
        self.missing, self.bandwidth = missing, bandwidth
        self.floor = check_number(floor, "floor", minimum=0, maximum=1, exclusive=True)
        self.refine = refine
        if shrinkage != "cv":
            check_number(shrinkage, "shrinkage", minimum=0, exclusive=True)
        self.shrinkage = shrinkage
        self.n_jobs = check_n_jobs(n_jobs)
        self.properties = properties
        self.given_weights = weights
        self.offsets = {}
        self.training = self.likelihood = self.detection = None
        self.refinement = self._outlier_scale = self._held_out = None
        self.is_shifted = False
        if properties is not None:
            self.set_properties(properties)

    def set_weights(self, weights):
        """
        Set the weights of the categories; see `NaiveBayesClassifier`.
        """
        self.given_weights = weights
        if self.properties is None:
            return  # the categories come with the first table
        parsed = parse_weights(weights, self.categories)
        if self.normalization != "none" and not any(parsed[name] for name in self.categories):
            raise InputValueError(
                f"weights must have a positive one among {', '.join(self.categories)} with "
                f"normalization={self.normalization!r}"
            )
        self.weights = parsed
        self.offsets = {}
        self.fold_weights = self.refinement = None

    @property
    def takes_limits(self):
        """
        Return whether properties may have limits: with free exponents and a training sample.
        """
        return self.normalization == "none" and self.kernel != ORIGINAL_KERNEL

    def set_properties(self, records):
        """
        Set the properties, and the weights that were given.
        """
        limited = [record.column for record in records if record.limit]
        if limited and not self.takes_limits:
            raise InputValueError(
                f"properties with limits ({', '.join(limited)}) need normalization='none' and a "
                f"kernel other than {ORIGINAL_KERNEL!r}, got normalization="
                f"{self.normalization!r} and kernel={self.kernel!r}"
            )
        self.properties = records
        self.categories = tuple(dict.fromkeys(item.category for item in records))
        self.set_weights(self.given_weights)

    def fit_rows(self, records, names, training):
        """
        Learn densities and presence.

        Parameters
        ----------
        records : sequence of `Property`
            The properties.
        names : list of str
            Names of the classes.
        training : `TrainingRows`
            The training rows.
        """
        codes, weights = training.codes, training.weights

        def densities(p):
            scaled = records[p].apply_scale(training.values[p])
            if self.kernel == ORIGINAL_KERNEL:
                return original_densities(records[p], scaled, codes, names)
            return KernelDensities(
                records[p],
                scaled,
                codes,
                weights,
                names,
                kernel=self.kernel,
                bandwidth=self.bandwidth,
                floor=self.floor,
            )

        with threads(self.n_jobs):
            learned = list(in_parallel(densities, range(len(records))))
        present = ~np.isnan(training.values)
        member = weights * (codes == np.arange(len(names))[:, np.newaxis])
        self.set_properties(records)
        self.classes_ = list(names)
        self.class_counts_ = member.sum(axis=1)
        self.training = training
        if self.kernel == ORIGINAL_KERNEL:
            warn_in_sample()
            self.training = None
        self.likelihood = LikelihoodModel(
            learned, self.categories, present @ member.T, self.class_counts_, training.values
        )
        self.detection = None
        if any(record.limit for record in records):
            self.detection = DetectionTerms(records, training, len(names))
        self._outlier_scale = None

    def weight_arrays(self):
        """Return the weights of the categories, and that of the missing-value term."""
        weights = np.array([self.weights[name] for name in self.categories])
        return weights, self.weights["missing"]

    def combination(self, terms, chunk):
        """Combine terms, with the weights found without its fold for each training source."""
        weights, missing_weight = self.weight_arrays()
        offsets = np.array([self.offsets.get(name, 0.0) for name in self.classes_])[:, np.newaxis]
        if self.fold_weights is None or not (chunk.codes >= 0).any():
            combination = combine(terms, weights, missing_weight, self.normalization, self.missing)
            self._complete(combination, chunk, terms)
            return combination, offsets
        # Folds belong to free exponents, in which the contributions are linear.
        each = self.fold_weights_of(chunk)
        combination = combine(terms, np.ones(len(weights)), 1.0, self.normalization, self.missing)
        n_terms = len(weights) + 1
        combination.contributions *= each[:n_terms, np.newaxis]
        self._complete(combination, chunk, terms)
        return combination, each[n_terms:]

    def _complete(self, combination, chunk, terms):
        """Add what the limits say, and the refinement, to combined terms, in place."""
        if terms.detection is not None:
            combination.contributions[-1] += terms.detection
        if self.refinement is None:
            return
        combination.refine(self.refinement_sums(chunk, terms.densities))

    def refinement_sums(self, sources, densities=None):
        """
        Return what the refinement adds to sources, without the rows that they trained.

        Parameters
        ----------
        sources : `Sources`
            The sources.
        densities : `~numpy.ndarray` of shape (n_properties, n_classes, n), optional
            Log-likelihood of each of their properties. Default: they are evaluated.

        Returns
        -------
        sums : iterable of (tuple of int, `~numpy.ndarray` of shape (n_classes, n))
            Categories, as from `Refinement.sums`, and what is added.
        """
        if densities is None:
            densities = self.likelihood.property_terms(
                sources.values, sources.errors, *sources.held
            )
        category = self.likelihood.category
        is_known = sources.rows >= 0
        if not is_known.any():
            return self.refinement.sums(sources.values, sources.errors, densities, category)
        groups = self.refinement.groups(category)
        parts = np.empty((len(groups), self.refinement.matrix.shape[1], len(sources)))
        is_kept = self._is_kept(sources)
        for chosen in (~is_known, is_known & ~is_kept):
            rows = np.flatnonzero(chosen)
            if not len(rows):
                continue
            part = sources[rows]
            arguments = part.values, part.errors, densities[..., rows], category
            if part.rows[0] >= 0:
                folds = deal_folds(self.training.keys[part.rows], self.refinement.n_folds)
                found = self.refinement.held_out_sums(*arguments, part.held, folds)
            else:
                found = self.refinement.sums(*arguments)
            for here, (_, added) in zip(parts, found, strict=True):
                here[:, rows] = added
        if is_kept.any():
            parts[..., is_kept] = self._held_out[1][..., sources.rows[is_kept]]
        return zip(groups, parts, strict=True)

    def _is_kept(self, sources):
        """Return which sources are a training row, with its values, that was held out before."""
        is_kept = sources.rows >= 0
        if self._held_out is None or self._held_out[0] is not self.refinement:
            return np.zeros(len(sources), bool)
        known = np.flatnonzero(is_kept)
        rows, training = sources.rows[known], self.training
        pairs = list(zip(sources.values, training.values, strict=True))
        pairs += [(each, training.errors[p]) for p, each in sources.errors.items()]
        for here, there in pairs:
            now, then = here[known], there[rows]
            is_kept[known] &= (now == then) | (np.isnan(now) & np.isnan(then))
        return is_kept

    def hold_out(self, sources):
        """
        Keep what the refinement adds to training rows, if most of them are among some sources.

        Parameters
        ----------
        sources : `Sources`
            The sources.
        """
        is_known = sources.rows >= 0
        if self.refinement is None or 2 * np.count_nonzero(is_known) < len(self.training or ()):
            return
        if sources.training is not self.training or self._is_kept(sources).any():
            return
        own = self.training.sources()
        n_groups = len(self.refinement.groups(self.likelihood.category))
        parts = np.empty((n_groups, self.refinement.matrix.shape[1], len(own)))

        def each(first):
            here = slice(first, first + BLOCK_SIZE)
            for part, (_, added) in zip(parts, self.refinement_sums(own[here]), strict=True):
                part[:, here] = added

        for _ in in_parallel(each, range(0, len(own), BLOCK_SIZE)):
            pass
        self._held_out = self.refinement, parts

    def make_terms(self, *, presence):
        """Learn the terms of a refinement from the training rows."""
        rows = self.training
        return RefinementTerms(
            self.likelihood, rows.values, rows.codes, rows.weights, presence=presence
        )

    def refinement_parts(self, sources, densities=None):
        """Yield each term of the refinement, and what it adds; see `Refinement.contributions`."""
        if densities is None:
            densities = self.likelihood.property_terms(
                sources.values, sources.errors, *sources.held
            )
        fold = np.full(len(sources), -1)
        known = sources.rows >= 0
        n_folds = len(self.refinement.fold_matrices)
        if known.any():
            fold[known] = deal_folds(self.training.keys[sources.rows[known]], n_folds)
        return self.refinement.contributions(
            sources.values, sources.errors, densities, sources.held, fold
        )

    def fold_weights_of(self, chunk):
        """Return weights and offsets of each source, found without it, (n_terms + n_classes, n)."""
        weights, missing_weight = self.weight_arrays()
        offsets = [self.offsets.get(name, 0.0) for name in self.classes_]
        everywhere = np.concatenate([weights, [missing_weight], offsets])
        fold = deal_folds(self.training.keys[chunk.rows], len(self.fold_weights))
        return np.where(chunk.codes >= 0, self.fold_weights[fold].T, everywhere[:, np.newaxis])

    def chunks(self, sources, work, *, show_progress=False, what="classifying"):
        """Call work(chunk, terms) for each chunk of sources, on all cores."""

        def each(rows):
            # Each property apart takes much room: less than a cache holds at a time.
            step = len(sources) if self.refinement is None else BLOCK_SIZE
            for first in range(rows.start, rows.stop, step):
                chunk = sources[first : min(first + step, rows.stop)]
                work(first, chunk, self.terms(chunk))

        with Progress(len(sources), what, show=show_progress) as progress, threads(self.n_jobs):
            self.hold_out(sources)
            in_chunks(each, len(sources), progress)

    def terms(self, sources):
        """Evaluate the terms of some sources; see `LikelihoodModel.terms`."""
        terms = self.likelihood.terms(
            sources.values,
            sources.errors,
            *sources.held,
            each=self.refinement is not None,
        )
        if self.detection is not None:
            terms.detection = self.detection.each(sources).sum(axis=0)
        return terms

    def log_evidence(self, sources, *, show_progress=False):
        """Return the log-likelihood of all classes with exponents and offsets, without priors."""
        result = np.empty((len(self.classes_), sources.values.shape[1]))

        def work(start, chunk, terms):
            combination, offsets = self.combination(terms, chunk)
            part = combination.total() + offsets
            result[:, start : start + part.shape[1]] = part

        self.chunks(sources, work, show_progress=show_progress)
        return result

    def training_proportions(self):
        """Return the share of each class among the training rows."""
        return self.class_counts_ / self.class_counts_.sum()

    def log_posterior(self, sources, proportions, *, show_progress=False):
        """Return the log posterior, (n_classes, n); held out for training sources."""
        evidence = self.log_evidence(sources, show_progress=show_progress)
        return log_normalize(evidence + log_proportions(proportions))

    def decide(self, decision, proportions):
        """Fit a decision rule to the held-out training sources; see `fit_decision`."""
        if decision == "probable" or (isinstance(decision, dict) and len(decision) > 1):
            return fit_decision(decision, self.classes_, None, None, None, proportions)
        if self.training is None:
            raise InputValueError(
                f"decision={decision!r} needs a training sample that can be held out, which "
                f"kernel={ORIGINAL_KERNEL!r} does not have"
            )
        mean = proportions if proportions.ndim == 1 else proportions.mean(axis=1)
        posterior = np.exp(self.log_posterior(self.training.sources(), mean))
        rows = self.training
        return fit_decision(decision, self.classes_, posterior, rows.codes, rows.weights, mean)

    def outlier_scale(self):
        """Return the outlier scores of the training sample, None without one."""
        if self._outlier_scale is None and self.training is not None:
            rows = self.training
            sources = rows.sources()
            own = np.empty(rows.values.shape)

            def each(part):
                chunk = sources[part]
                own[:, part] = self.likelihood.own_terms(chunk.values, chunk.errors, *chunk.held)

            with threads(self.n_jobs):
                in_chunks(each, len(sources))
            self._outlier_scale = OutlierScale(
                own, ~np.isnan(rows.values), rows.codes, len(self.classes_), rows.weights
            )
        return self._outlier_scale

    def refit(self, training, proportions):
        """
        Fit a model of the same settings to other rows, fitted exponents included.

        It is for new sources: nothing is found without folds of the rows, unless it is asked for.
        """
        other = copy.copy(self)
        other.fit_rows(self.properties, self.classes_, training)
        if self.fold_weights is None:
            other.weights, other.offsets = self.weights, self.offsets
            return other
        fit_exponents(
            other,
            training,
            training.sources(),
            proportions,
            offsets=bool(self.offsets),
            n_folds=len(self.fold_weights) if self.shrinkage == "cv" else 1,
        )
        return other

    def reweighted(self, weights, fold_shares):
        """
        Return an engine of the same bandwidths whose training rows have other weights.

        Parameters
        ----------
        weights : `~numpy.ndarray` of shape (n,)
            The new weights.
        fold_shares : `~numpy.ndarray` of shape (n_folds,)
            What was fitted is moved by the differences that each fold makes, times these.

        Returns
        -------
        engine : `Engine`
        """
        other = copy.copy(self)
        if self.fold_weights is not None:
            moved = fold_shares @ (self.fold_weights - self.fold_weights.mean(axis=0))
            n_terms = len(self.categories) + 1
            # Exponents are not negative.
            limit = np.where(np.arange(len(moved)) < n_terms, 0.0, -np.inf)
            other.fold_weights = np.maximum(self.fold_weights + moved, limit)
            names = (*self.categories, "missing")
            other.weights = {
                name: max(self.weights[name] + step, 0.0)
                for name, step in zip(names, moved[:n_terms], strict=True)
            }
            other.offsets = {
                name: self.offsets.get(name, 0.0) + step
                for name, step in zip(self.classes_, moved[n_terms:], strict=True)
            }
        other.training = self.training.with_weights(weights)
        other.likelihood = self.likelihood.reweighted(self.training.codes, weights)
        if self.detection is not None:
            other.detection = DetectionTerms(self.properties, other.training, len(self.classes_))
        other._outlier_scale = None
        if self.refinement is not None:
            other.refinement = self.refinement.reweighted(other.likelihood, weights, fold_shares)
        return other

    def resampled(self, rng):
        """
        Fit a model of the same settings to a bootstrap sample of the training rows.

        The Bayesian bootstrap (Rubin 1981, Ann. Stat. 9, 130) weighs all rows, where
        the common one leaves out some: small classes could vanish, and rare properties with them.
        """
        weights = self.training.weights * rng.exponential(size=len(self.training))
        return self.refit(self.training.with_weights(weights), self.training_proportions())
