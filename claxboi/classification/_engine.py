# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Numerical core of the classifier: learn the rows of a sample and combine likelihoods.
"""

import copy
import logging

import numpy as np

from claxboi.utils import InputValueError, Progress, check_number

from ._likelihood import BLOCK_SIZE, LikelihoodModel
from ._outliers import OutlierScale
from ._parallel import check_n_jobs, in_chunks, in_parallel, threads
from ._refinement import term_categories
from ._search import collect_terms, deal_folds, fit_exponents
from ._source_arrays import KnownTables
from ._terms import RefinementTerms
from .decisions import fit_decision
from .densities import KernelDensities
from .original import ORIGINAL_KERNEL, original_densities, warn_in_sample
from .posterior import combine, log_normalize, log_proportions
from .weights import parse_weights

__all__ = ["Engine", "NotFittedError"]


log = logging.getLogger(__name__)


#: From so many sources on, and so many for each training row, densities are looked up in tables:
#: to make these for fewer would take longer.
TABULATED_FROM = 20_000
TABULATED_PER_ROW = 2


class NotFittedError(ValueError, AttributeError):
    """
    The classifier was used before it was fitted.
    """


class Engine:
    """
    The private part of `NaiveBayesClassifier`, which documents the attributes.
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
        self._given_properties, self._given_weights = properties, weights
        self.offsets = {}
        self.default_priors = None
        self.search = None
        self._dropped = []
        self._training = None
        self._known_tables = KnownTables()
        self._outlier_scale = None
        self._likelihood = None
        self._refinement = None
        self._population_differences = []
        # Tests and comparisons ask for it; tables agree with it to 1e-4 nats.
        self._is_exact = False

    def set_weights(self, weights):
        """
        Set the weights of the categories.

        Parameters
        ----------
        weights : None, "published", mapping or sequence
            As for the class.
        """
        self._given_weights = weights
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
        self.search = None
        # Weights that were found without each fold of the training sample.
        self._fold_weights = None
        self._refinement = None

    def _set_properties(self, records):
        self.properties = records
        self.categories = tuple(dict.fromkeys(item.category for item in records))
        self.set_weights(self._given_weights)

    def _fit_rows(self, records, names, training, *, label, dropped=()):
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
        self._set_properties(records)
        self.classes_ = list(names)
        self.class_counts_ = member.sum(axis=1)
        self.label = label
        self._dropped = list(dropped)
        self._training = training
        self._known_tables = KnownTables()
        if self.kernel == ORIGINAL_KERNEL:
            warn_in_sample()
            self._training = None
        self._likelihood = LikelihoodModel(
            learned, self.categories, present @ member.T, self.class_counts_, training.values
        )
        self._outlier_scale = None
        self._refinement = None

    def _check_fitted(self):
        if self._likelihood is None:
            raise NotFittedError(
                f"this {type(self).__name__} is not fitted yet: call fit(table, label=...) first"
            )

    def _weight_arrays(self):
        weights = np.array([self.weights[name] for name in self.categories])
        return weights, self.weights["missing"]

    def _combination(self, terms, chunk):
        """Combine terms, with the weights found without its fold for each training source."""
        weights, missing_weight = self._weight_arrays()
        offsets = np.array([self.offsets.get(name, 0.0) for name in self.classes_])[:, np.newaxis]
        if self._fold_weights is None or not (chunk.codes >= 0).any():
            combination = combine(terms, weights, missing_weight, self.normalization, self.missing)
            self._refine(combination, chunk, terms.densities)
            return combination, offsets
        # Folds belong to free exponents, in which the contributions are linear.
        each = self._fold_weights_of(chunk)
        combination = combine(terms, np.ones(len(weights)), 1.0, self.normalization, self.missing)
        n_terms = len(weights) + 1
        combination.contributions *= each[:n_terms, np.newaxis]
        self._refine(combination, chunk, terms.densities)
        return combination, each[n_terms:]

    def _refine(self, combination, chunk, densities):
        """Add the refinement to combined terms, in place."""
        if self._refinement is None:
            return
        category = self._likelihood.category
        if (chunk.rows >= 0).any():
            combination.refine(
                (term_categories(term, category), part)
                for term, part in self._refinement_parts(chunk, densities)
            )
        else:
            combination.refine(
                self._refinement.sums(chunk.values, chunk.errors, densities, category)
            )

    def _make_terms(self, *, presence):
        """Learn the terms of a refinement from the training rows."""
        rows = self._training
        return RefinementTerms(
            self._likelihood, rows.values, rows.codes, rows.weights, presence=presence
        )

    def _refinement_parts(self, sources, densities=None):
        """Yield each term of the refinement, and what it adds; see `Refinement.contributions`."""
        if densities is None:
            densities = self._likelihood.property_terms(
                sources.values, sources.errors, *sources.held
            )
        fold = np.full(len(sources), -1)
        known = sources.rows >= 0
        n_folds = len(self._refinement.fold_matrices)
        if known.any():
            fold[known] = deal_folds(self._training.keys[sources.rows[known]], n_folds)
        return self._refinement.contributions(
            sources.values, sources.errors, densities, sources.held, fold
        )

    def _fold_weights_of(self, chunk):
        """Return weights and offsets of each source, found without it, (n_terms + n_classes, n)."""
        weights, missing_weight = self._weight_arrays()
        offsets = [self.offsets.get(name, 0.0) for name in self.classes_]
        everywhere = np.concatenate([weights, [missing_weight], offsets])
        fold = deal_folds(self._training.keys[chunk.rows], len(self._fold_weights))
        return np.where(chunk.codes >= 0, self._fold_weights[fold].T, everywhere[:, np.newaxis])

    def _chunks(self, sources, work, *, show_progress=False, what="classifying"):
        """Call work(chunk, terms) for each chunk of sources, on all cores."""
        n_training = 0 if self._training is None else len(self._training)
        least = max(TABULATED_FROM, TABULATED_PER_ROW * n_training)
        tabulated = len(sources) >= least and not self._is_exact

        def each(rows):
            # Each property apart takes much room: less than a cache holds at a time.
            step = len(sources) if self._refinement is None else BLOCK_SIZE
            for first in range(rows.start, rows.stop, step):
                chunk = sources[first : min(first + step, rows.stop)]
                work(first, chunk, self._terms(chunk, tabulated=tabulated))

        with Progress(len(sources), what, show=show_progress) as progress, threads(self.n_jobs):
            if tabulated:
                self._likelihood.tabulate()
            in_chunks(each, len(sources), progress)

    def _terms(self, sources, *, tabulated=False):
        return self._likelihood.terms(
            sources.values,
            sources.errors,
            *sources.held,
            each=self._refinement is not None,
            tabulated=tabulated,
        )

    def _log_evidence(self, sources, *, show_progress=False):
        """Return the log-likelihood of all classes with exponents and offsets, without priors."""
        result = np.empty((len(self.classes_), sources.values.shape[1]))

        def work(start, chunk, terms):
            combination, offsets = self._combination(terms, chunk)
            part = combination.total() + offsets
            result[:, start : start + part.shape[1]] = part

        self._chunks(sources, work, show_progress=show_progress)
        return result

    def _training_proportions(self):
        return self.class_counts_ / self.class_counts_.sum()

    def _log_posterior(self, sources, proportions, *, show_progress=False):
        evidence = self._log_evidence(sources, show_progress=show_progress)
        return log_normalize(evidence + log_proportions(proportions))

    def _decide(self, decision, proportions):
        """Fit a decision rule to the held-out training sources; see `fit_decision`."""
        if decision == "probable" or (isinstance(decision, dict) and len(decision) > 1):
            return fit_decision(decision, self.classes_, None, None, None, proportions)
        if self._training is None:
            raise InputValueError(
                f"decision={decision!r} needs a training sample that can be held out, which "
                f"kernel={ORIGINAL_KERNEL!r} does not have"
            )
        mean = proportions if proportions.ndim == 1 else proportions.mean(axis=1)
        posterior = np.exp(self._log_posterior(self._training.sources(), mean))
        rows = self._training
        return fit_decision(decision, self.classes_, posterior, rows.codes, rows.weights, mean)

    def _get_outlier_scale(self):
        if self._outlier_scale is None and self._training is not None:
            rows = self._training
            sources = rows.sources()
            own = np.empty(rows.values.shape)

            def each(part):
                chunk = sources[part]
                own[:, part] = self._likelihood.own_terms(chunk.values, chunk.errors, *chunk.held)

            with threads(self.n_jobs):
                in_chunks(each, len(sources))
            self._outlier_scale = OutlierScale(
                own, ~np.isnan(rows.values), rows.codes, len(self.classes_)
            )
        return self._outlier_scale

    def _refit(self, training, proportions):
        """
        Fit a model of the same settings to other rows, fitted exponents included.

        It is for new sources: nothing is found without folds of the rows, unless it is asked for.
        """
        other = copy.copy(self)
        other._fit_rows(self.properties, self.classes_, training, label=self.label)
        if self._fold_weights is None:
            other.weights, other.offsets = self.weights, self.offsets
            return other
        sources = training.sources()
        fit_exponents(
            other,
            collect_terms(other, sources),
            training.codes,
            proportions,
            training.weights,
            training.keys,
            sources,
            offsets=bool(self.offsets),
            n_folds=len(self._fold_weights) if self.shrinkage == "cv" else 1,
        )
        return other

    def _reweighted(self, weights, fold_shares):
        """
        Return a model of the same bandwidths whose training rows have other weights.

        What was fitted is moved by the differences that each fold makes to it, times the shares.
        """
        other = copy.copy(self)
        if self._fold_weights is not None:
            moved = fold_shares @ (self._fold_weights - self._fold_weights.mean(axis=0))
            n_terms = len(self.categories) + 1
            # Exponents are not negative.
            limit = np.where(np.arange(len(moved)) < n_terms, 0.0, -np.inf)
            other._fold_weights = np.maximum(self._fold_weights + moved, limit)
            names = (*self.categories, "missing")
            other.weights = {
                name: max(self.weights[name] + step, 0.0)
                for name, step in zip(names, moved[:n_terms], strict=True)
            }
            other.offsets = {
                name: self.offsets.get(name, 0.0) + step
                for name, step in zip(self.classes_, moved[n_terms:], strict=True)
            }
        other._training = self._training.with_weights(weights)
        other._likelihood = self._likelihood.reweighted(self._training.codes, weights)
        other._outlier_scale = None
        other._is_exact = True
        if self._refinement is not None:
            other._refinement = self._refinement.reweighted(other._likelihood, weights, fold_shares)
        return other

    def _resampled(self, rng):
        """
        Fit a model of the same settings to a bootstrap sample of the training rows.

        The Bayesian bootstrap (Rubin 1981, Ann. Stat. 9, 130) weighs all rows, where
        the common one leaves out some: small classes could vanish, and rare properties with them.
        """
        weights = self._training.weights * rng.exponential(size=len(self._training))
        return self._refit(self._training.with_weights(weights), self._training_proportions())
