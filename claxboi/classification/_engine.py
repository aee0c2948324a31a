# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
What the classifier does, without its public face: it learns rows and combines likelihoods.
"""

import copy
import logging

import numpy as np

from claxboi.utils import Progress, check_number, check_table, warn

from ._identity import IdentityWarning, read_identity
from ._likelihood import LikelihoodModel
from ._outliers import OutlierScale
from ._parallel import check_n_jobs, in_chunks, in_parallel, threads
from ._population import find_differences
from ._posterior import combine, log_normalize, log_proportions
from ._search import collect_terms, deal_folds, fit_exponents
from ._source_arrays import KnownTables, Sample, Sources, TrainingRows, sample_weights
from ._terms import RefinementTerms
from ._training import label_codes, property_units, read_labels, read_values
from .densities import KernelDensities
from .estimation import estimate_model_priors, read_fluxes
from .original import ORIGINAL_KERNEL, original_densities, warn_in_sample
from .priors import parse_priors
from .properties import parse_properties
from .weights import parse_weights

__all__ = ["Engine", "NotFittedError"]


log = logging.getLogger(__name__)


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
            raise ValueError(
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

    def _read_sample(self, table, label, sample_weight=None, id=None, *, name="table"):
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
        rows = np.flatnonzero(codes >= 0)
        weights = sample_weights(sample_weight, len(table))
        identity = read_identity(table, id, name=name)[rows]
        part = table[rows]
        values, errors = read_values(part, records, units=units, name=name)
        training = TrainingRows(
            values, errors, codes[rows], weights[rows], read_fluxes(part), identity
        )
        return Sample(records, names, training, table, rows, units, label, id, dropped)

    def _learn(self, sample, others=None):
        """Learn a sample; ``others`` is the table to be classified, if it is another one."""
        self._units, self.id = sample.units, sample.id
        self._fit_rows(
            sample.records,
            sample.names,
            sample.training,
            label=sample.label,
            dropped=sample.dropped,
        )
        known = np.full(len(sample.table), -1)
        known[sample.rows] = np.arange(len(sample.rows))
        self._known_tables.add(sample.table, known)
        if others is None or others is sample.table:
            others = sample.table[known < 0]
        self._compare_with(others)

    def _compare_with(self, table):
        """Compare the training sample with other sources: is presence the same fact in both?"""
        rows = self._training
        self._population_differences = []
        if not self.refine or rows is None or len(table) == 0:
            return
        fluxes = rows.flux, read_fluxes(table)
        self._population_differences = find_differences(
            rows.values,
            read_values(table, self.properties, units=self._units)[0],
            [record.column for record in self.properties],
            None if fluxes[0] is None or fluxes[1] is None else fluxes,
        )
        if self._population_differences:
            shown, more = self._population_differences[:3], self._population_differences[3:]
            log.info(
                "no terms of presence in the refinement, and stronger shrinkage: %s%s",
                "; ".join(shown),
                f"; and {len(more)} more" if more else "",
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

    def _property_index(self, column):
        self._check_fitted()
        names = [item.column for item in self.properties]
        if column not in names:
            raise KeyError(
                f"column must be a property of the model, got {column!r}; it has {', '.join(names)}"
            )
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
            self._refine(combination, chunk)
            return combination, offsets
        # Folds belong to free exponents, in which the contributions are linear.
        each = self._fold_weights_of(chunk)
        combination = combine(terms, np.ones(len(weights)), 1.0, self.normalization, self.missing)
        n_terms = len(weights) + 1
        combination.contributions *= each[:n_terms, np.newaxis]
        self._refine(combination, chunk)
        return combination, each[n_terms:]

    def _refine(self, combination, chunk):
        """Add the refinement to combined terms, in place."""
        if self._refinement is not None:
            category = self._likelihood.category
            combination.refine(
                (
                    () if term.kind == "presence" else tuple({*category[list(term.properties)]}),
                    part,
                )
                for term, part in self._refinement_parts(chunk)
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

    def _read(self, table, *, label=None, is_checked=True, parent=None):
        """
        Read a table and find the rows that trained the model.

        With ``is_checked``, warn where labelled rows might have trained it. ``parent`` is the table
        and the slice of it that the rows are from, if they are a part of another one.
        """
        self._check_fitted()
        check_table(table)
        values, errors = read_values(table, self.properties, units=self._units)
        if self._training is None:
            return Sources(values, errors)
        identity = read_identity(table, self._id_of(table))
        whole = (table, slice(None)) if parent is None else parent
        rows = self._known_tables.find(whole[0], values, self._training.values, whole[1])
        compared = ("rows",)
        if rows is None:
            match = identity.match(self._training.identity)
            rows, compared = match.rows, match.compared
            self._report(match, len(table))
        elif (rows < 0).any():
            # A source may have another row, without a label.
            others = np.flatnonzero(rows < 0)
            rows = rows.copy()
            rows[others] = identity[others].match(self._training.identity).rows
        label = self.label if label is None else label
        if label in table.colnames:
            codes = label_codes(table, label, self.classes_, self.merge)
            rows = self._training.choose_rows(rows, codes)
            if is_checked and not compared and (codes >= 0).any():
                warn(
                    "the table has labels, and no identifiers or positions in common with the "
                    "training sample: all of its rows are taken for new sources; if some of them "
                    "trained the model, their probabilities are not held out: add source_id or ra "
                    "and dec to both",
                    IdentityWarning,
                )
        return Sources(values, errors, rows, self._training, compared=compared)

    def _id_of(self, table):
        """Return the column with the identifiers of a table, where it is not the usual one."""
        return self.id if self.id in table.colnames else None

    @staticmethod
    def _report(match, n):
        """Warn where it is uncertain which rows trained the model."""
        found = int(np.count_nonzero(match.rows >= 0))
        parts = []
        if match.n_near:
            parts.append(f"{match.n_near} others lie within 2 arcsec of a training source")
        if match.n_far:
            parts.append(
                f"{match.n_far} others have the identifier of a training source more than 1 arcmin "
                "away, and are taken for new sources"
            )
        if match.n_moved:
            parts.append(
                f"{match.n_moved} of them are 2 arcsec to 1 arcmin away from the training source "
                "of their identifier"
            )
        if parts:
            warn(
                f"{found} of {n} rows are training sources (by identifier, or by position within "
                f"0.2 arcsec) and are held out. {'; '.join(parts)}. The probabilities of rows that "
                "are taken for new sources are not held out; id= of the fit names another column "
                "of identifiers",
                IdentityWarning,
            )

    def _chunks(self, sources, work, *, show_progress=False, what="classifying"):
        """Call work(chunk, terms) for each chunk of sources, on all cores."""

        def each(rows):
            chunk = sources[rows]
            work(rows.start, chunk, self._terms(chunk))

        with Progress(len(sources), what, show=show_progress) as progress, threads(self.n_jobs):
            in_chunks(each, len(sources), progress)

    def _terms(self, sources):
        return self._likelihood.terms(sources.values, sources.errors, *sources.held)

    def _log_evidence(self, sources, *, show_progress=False):
        """Return the log-likelihood of all classes with exponents and offsets, without priors."""
        result = np.empty((len(self.classes_), sources.values.shape[1]))

        def work(start, chunk, terms):
            combination, offsets = self._combination(terms, chunk)
            part = combination.total() + offsets
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
        """Fit a model of the same settings to other rows, fitted exponents included."""
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
            n_folds=len(self._fold_weights),
        )
        return other

    def _resampled(self, rng):
        """
        Fit a model of the same settings to a bootstrap sample of the training rows.

        The Bayesian bootstrap (Rubin 1981, Ann. Stat. 9, 130) weighs all rows, where
        the common one leaves out some: small classes could vanish, and rare properties with them.
        """
        weights = self._training.weights * rng.exponential(size=len(self._training))
        return self._refit(self._training.with_weights(weights), self._training_proportions())

    def __getstate__(self):
        # Tables that are at hand now are not so for another process.
        return self.__dict__ | {"_known_tables": KnownTables()}

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
