# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
What the classifier does, without its public face: it learns rows and combines likelihoods.
"""

import copy

import numpy as np

from claxboi.utils import Progress, check_table

from ._likelihood import LikelihoodModel
from ._outliers import OutlierScale
from ._parallel import in_chunks, in_parallel
from ._posterior import combine, log_normalize, log_proportions
from ._search import collect_terms, fit_exponents
from ._source_arrays import Sample, Sources, sample_weights
from ._training import (
    TrainingRows,
    label_codes,
    property_units,
    read_labels,
    read_positions,
    read_values,
    row_folds,
    row_keys,
)
from .densities import KernelDensities
from .estimation import estimate_model_priors, read_fluxes
from .original import ORIGINAL_KERNEL, original_densities, warn_in_sample
from .priors import parse_priors
from .properties import parse_properties

__all__ = ["Engine", "NotFittedError"]


class NotFittedError(ValueError):
    """
    The classifier was used before it was fitted.
    """


class Engine:
    """
    The private part of `NaiveBayesClassifier`, which documents the attributes.
    """

    def _set_properties(self, records):
        self.properties = records
        self.categories = tuple(dict.fromkeys(item.category for item in records))
        self.set_weights(self._given_weights)

    def _read_sample(self, table, label, sample_weight=None, *, name="table"):
        """Read and check a training sample, before any work."""
        check_table(table, name)
        records = parse_properties(self._given_properties, table.colnames)
        names, codes, dropped = read_labels(
            table,
            label,
            merge=self.merge,
            min_class_size=self.min_class_size,
            classes=self.classes,
            name=name,
        )
        # Before the table is cut: it names the columns that there are not.
        read_values(table[:1], records, name=name)
        units = property_units(table, records)
        rows = codes >= 0
        weights = sample_weights(sample_weight, len(table))
        table = table[rows]
        values, errors = read_values(table, records, units=units, name=name)
        training = TrainingRows(
            values,
            errors,
            codes[rows],
            weights[rows],
            read_fluxes(table),
            read_positions(table),
        )
        return Sample(records, names, training, units, label, dropped)

    def _learn(self, sample):
        self._units = sample.units
        self._fit_rows(
            sample.records,
            sample.names,
            sample.training,
            label=sample.label,
            dropped=sample.dropped,
        )

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

        learned = list(in_parallel(densities, range(len(records))))
        present = ~np.isnan(training.values)
        member = weights * (codes == np.arange(len(names))[:, np.newaxis])
        self._set_properties(records)
        self.classes_ = list(names)
        self.class_counts_ = member.sum(axis=1)
        self.label = label
        self._dropped = list(dropped)
        self._training = training
        if self.kernel == ORIGINAL_KERNEL:
            warn_in_sample()
            self._training = None
        self._likelihood = LikelihoodModel(
            learned, self.categories, present @ member.T, self.class_counts_
        )
        self._outlier_scale = None

    def _check_fitted(self):
        if self._likelihood is None:
            raise NotFittedError(
                f"this {type(self).__name__} is not fitted yet: call fit(table, label=...) first"
            )

    def _property_index(self, column):
        self._check_fitted()
        names = [item.column for item in self.properties]
        if column not in names:
            raise KeyError(f"the model has no property {column!r}; it has {', '.join(names)}")
        return names.index(column)

    def _weight_arrays(self):
        weights = np.array([self.weights[name] for name in self.categories])
        return weights, self.weights["missing"]

    def _combination(self, terms, chunk):
        """Combine terms, with the weights found without its fold for each training source."""
        weights, missing_weight = self._weight_arrays()
        offsets = np.array([self.offsets.get(name, 0.0) for name in self.classes_])[:, np.newaxis]
        if self._fold_weights is None or not (chunk.codes >= 0).any():
            combination = combine(terms, weights, missing_weight, self.normalization, self.missing)
            return combination, offsets
        # Folds belong to free exponents, in which the contributions are linear.
        each = self._fold_weights_of(chunk)
        combination = combine(terms, np.ones(len(weights)), 1.0, self.normalization, self.missing)
        n_terms = len(weights) + 1
        combination.contributions *= each[:n_terms, np.newaxis]
        return combination, each[n_terms:]

    def _fold_weights_of(self, chunk):
        """Return weights and offsets of each source, found without it, (n_terms + n_classes, n)."""
        weights, missing_weight = self._weight_arrays()
        offsets = [self.offsets.get(name, 0.0) for name in self.classes_]
        everywhere = np.concatenate([weights, [missing_weight], offsets])
        fold = row_folds(chunk.keys, len(self._fold_weights))
        return np.where(chunk.codes >= 0, self._fold_weights[fold].T, everywhere[:, np.newaxis])

    def _read(self, table, *, label=None):
        """Read a table and recognise the rows that trained the model."""
        self._check_fitted()
        check_table(table)
        values, errors = read_values(table, self.properties, units=self._units)
        sources = Sources(values, errors)
        if self._training is not None:
            label = self.label if label is None else label
            labels = None
            if label in table.colnames:
                labels = label_codes(table, label, self.classes_, self.merge)
            positions = read_positions(table)

            def recognise(rows):
                sources.keys[rows] = row_keys(values[:, rows])
                sources.codes[rows], sources.weights[rows] = self._training.recognise(
                    sources.keys[rows],
                    None if labels is None else labels[rows],
                    None if positions is None else positions[:, rows],
                )

            in_chunks(recognise, len(table))
            sources.also = self._training.other_classes(sources.keys, positions, sources.codes)
        return sources

    def _chunks(self, sources, work, *, show_progress=False, what="classifying"):
        """Call work(chunk, terms) for each chunk of sources, on all cores."""

        def each(rows):
            chunk = sources[rows]
            work(rows.start, chunk, self._terms(chunk))

        with Progress(len(sources), what, show=show_progress) as progress:
            in_chunks(each, len(sources), progress)

    def _terms(self, sources):
        codes, weights = sources.held
        training = (sources.codes >= 0).any()
        return self._likelihood.terms(
            sources.values, sources.errors, codes if training else None, weights
        )

    def _log_evidence(self, sources, *, show_progress=False):
        """Return the log-likelihood of all classes with exponents and offsets, without priors."""
        result = np.empty((len(self.classes_), sources.values.shape[1]))

        def work(start, chunk, terms):
            combination, offsets = self._combination(terms, chunk)
            part = combination.contributions.sum(axis=0) + offsets
            result[:, start : start + part.shape[1]] = part

        self._chunks(sources, work, show_progress=show_progress)
        return result

    def _priors(self, priors, table, sources, *, show_progress=False):
        """Parse priors, or estimate them from the rows that did not train."""
        if isinstance(priors, str) and priors == "estimate":
            return estimate_model_priors(
                self, sources, table=table, n_resamples=0, show_progress=show_progress
            ).proportions
        if priors is None:
            priors = self.default_priors
        return parse_priors(
            priors,
            self.classes_,
            self._training_proportions(),
            len(table),
            table=table,
            dropped=self._dropped,
        )

    def _training_proportions(self):
        return self.class_counts_ / self.class_counts_.sum()

    def _log_posterior(self, sources, proportions, *, show_progress=False):
        evidence = self._log_evidence(sources, show_progress=show_progress)
        return log_normalize(evidence + log_proportions(proportions))

    def _get_outlier_scale(self):
        if self._outlier_scale is None and self._training is not None:
            rows = self._training
            sources = Sources(rows.values, rows.errors, rows.codes, rows.weights)
            own = np.empty(rows.values.shape)

            def each(rows):
                chunk = sources[rows]
                own[:, rows] = self._likelihood.own_terms(
                    chunk.values, chunk.errors, chunk.codes, chunk.weights
                )

            in_chunks(each, len(sources))
            self._outlier_scale = OutlierScale(
                own, ~np.isnan(rows.values), rows.codes, len(self.classes_)
            )
        return self._outlier_scale

    def _refit(self, codes, sources, proportions):
        """Fit a model of the same settings to other rows, fitted exponents included."""
        other = copy.copy(self)
        weights = np.where(sources.codes >= 0, sources.weights, 1.0)
        training = TrainingRows(sources.values, sources.errors, codes, weights)
        other._fit_rows(self.properties, self.classes_, training, label=self.label)
        if self._fold_weights is None:
            other.weights, other.offsets = self.weights, self.offsets
            return other
        # Soft labels belong to the labels that the sources trained with.
        also = sources.also if np.array_equal(codes, sources.codes) else None
        sources = Sources(sources.values, sources.errors, codes, weights, sources.keys, also)
        fit_exponents(
            other,
            collect_terms(other, sources),
            codes,
            proportions,
            sources,
            offsets=bool(self.offsets),
            n_folds=len(self._fold_weights),
        )
        return other

    def _resampled(self, rng):
        """
        Fit a model of the same settings to a bootstrap sample of the training rows.

        The Bayesian bootstrap (Rubin 1981, Ann. Stat. 9, 130) weighs all rows, where
        the common one leaves out some: small classes could vanish, and rare properties with them.
        """
        rows = self._training
        weights = rows.weights * rng.exponential(size=len(rows.codes))
        sources = Sources(rows.values, rows.errors, rows.codes, weights, row_keys(rows.values))
        return self._refit(rows.codes, sources, self._training_proportions())

    def _settings(self, proportions):
        return {
            "classes": list(self.classes_),
            "class_counts": [float(count) for count in self.class_counts_],
            "categories": list(self.categories),
            "properties": [item.column for item in self.properties],
            "priors": (
                dict(zip(self.classes_, map(float, proportions), strict=True))
                if proportions.ndim == 1
                else "one row per source"
            ),
            "weights": dict(self.weights),
            "offsets": dict(self.offsets),
            "normalization": self.normalization,
            "missing": self.missing,
            "kernel": self.kernel,
            "bandwidth": self.bandwidth,
            "floor": self.floor,
            "label": self.label,
        }
