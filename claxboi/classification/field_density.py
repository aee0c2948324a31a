# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Densities of the properties of field objects, learned from unrelated candidates.
"""

import numpy as np
from scipy.stats import ks_2samp

from claxboi.utils import InputValueError

from .densities import KernelDensities

__all__ = ["FieldDensity"]

#: Candidates less probable than this are field objects.
FIELD = 0.01
#: Fewest field objects from which their densities are learned.
FEWEST = 30
#: Most sources whose candidates are looked at.
MOST_SOURCES = 20_000
#: A density is split where both halves have so many objects, and differ with this p-value.
FEWEST_IN_PART = 200
SPLIT_PVALUE = 1e-4
MOST_SPLITS = 3


class FieldDensity:
    """
    Densities of the properties that depend on the candidate, for field objects.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        The fitted classifier, whose kernels and scales it shares.
    sources : `Sources`
        The candidates, source by source.
    q : `~numpy.ndarray` of shape (n_rows,)
        Their probabilities by position.
    starts : `~numpy.ndarray` of int, shape (n_sources,)
        First row of each source.
    covariates : dict of str to `~numpy.ndarray` of shape (n_sources,)
        Quantities by which densities may be split, such as latitude; NaN where unknown.

    Notes
    -----
    An object is of the field if the probabilities of its combinations sum to less than 0.01. The
    density of a property is split at the median of a quantity, or of the number of candidates,
    where the two halves differ (Kolmogorov-Smirnov test); and the halves again.
    """

    def __init__(self, model, sources, q, starts, covariates):
        self._model, self.varies = model, _varying(sources.values, starts)
        n_sources = len(starts)
        self._source = np.repeat(np.arange(n_sources), np.diff(np.append(starts, len(sources))))
        crowding = np.bincount(self._source, minlength=n_sources).astype(float)
        self._by = {**covariates, "crowding": crowding}
        self._parts = {}
        rows = self._sample(n_sources)
        self.n_objects = 0
        for p in self.varies:
            here = self._field_objects(sources.values[p], q, rows)
            self.n_objects = max(self.n_objects, len(here))
            self._learn(p, sources.values[p], here)
        if len(self.varies) and self.n_objects < FEWEST:
            raise InputValueError(
                f"candidates must have {FEWEST} field objects or more (match_probability below "
                f"{FIELD:g}), got {self.n_objects}: ask for candidates in a larger radius"
            )

    def _sample(self, n_sources):
        """
        Return the rows of a part of the sources, evenly spread.
        """
        if n_sources <= MOST_SOURCES:
            return np.arange(len(self._source))
        chosen = np.zeros(n_sources, bool)
        chosen[np.arange(MOST_SOURCES) * n_sources // MOST_SOURCES] = True
        return np.flatnonzero(chosen[self._source])

    def _field_objects(self, values, q, rows):
        """
        Return a row of each field object: objects of one source are told apart by the value.
        """
        rows = rows[~np.isnan(values[rows])]
        if len(rows) == 0:
            return rows
        rows = rows[np.lexsort((values[rows], self._source[rows]))]
        is_new = np.append(True, (np.diff(self._source[rows]) != 0) | (np.diff(values[rows]) != 0))
        first = np.flatnonzero(is_new)
        return rows[first][np.add.reduceat(q[rows], first) < FIELD]

    def _learn(self, p, values, rows):
        record = self._model.properties[p]
        scaled = record.apply_scale(values[rows])
        rows, scaled = rows[np.isfinite(scaled)], scaled[np.isfinite(scaled)]
        if len(scaled) < 2 or scaled.min() == scaled.max():
            # Nothing is known of field objects: uniform over the training range.
            return
        tree = self._split(scaled, self._source[rows], MOST_SPLITS)
        densities = _each_leaf(tree, lambda part: self._density(record, part))
        self._parts[p] = tree, densities

    def _density(self, record, scaled):
        model = self._model
        return KernelDensities(
            record,
            scaled,
            np.zeros(len(scaled), int),
            np.ones(len(scaled)),
            ["field"],
            kernel=model.kernel,
            bandwidth=model.bandwidth,
            floor=model.floor,
        )

    def _split(self, scaled, source, depth):
        """
        Split objects where their distributions differ: a leaf is an array of values.
        """
        best = None
        if depth and len(scaled) >= 2 * FEWEST_IN_PART:
            for name, values in self._by.items():
                x = values[source]
                known = np.isfinite(x)
                if not known.any():
                    continue
                cut = float(np.median(x[known]))
                low = ~(x > cut)
                if min(np.count_nonzero(low), np.count_nonzero(~low)) < FEWEST_IN_PART:
                    continue
                pvalue = ks_2samp(scaled[low], scaled[~low], method="asymp").pvalue
                if pvalue < SPLIT_PVALUE and (best is None or pvalue < best[0]):
                    best = pvalue, name, cut, low
        if best is None:
            return scaled
        _, name, cut, low = best
        return (
            name,
            cut,
            self._split(scaled[low], source[low], depth - 1),
            self._split(scaled[~low], source[~low], depth - 1),
        )

    def log_density(self, sources, owner):
        """
        Compute the log-likelihood of a field object, to the powers of the model.

        Parameters
        ----------
        sources : `Sources`
            Candidates.
        owner : `~numpy.ndarray` of int, shape (n,)
            The source of each.

        Returns
        -------
        log_density : `~numpy.ndarray` of shape (n,)
            In units of the training ranges of the model, 0 where all is missing.
        """
        weights, _ = self._model._core.weight_arrays()
        likelihood = self._model._core.likelihood
        result = np.zeros(len(owner))
        for p, (tree, densities) in self._parts.items():
            values = sources.values[p]
            here = np.flatnonzero(~np.isnan(values))
            errors = sources.errors[p][here] if p in sources.errors else None
            points = likelihood.error_points(p, values[here], errors)
            leaf = _leaf_of(tree, densities, self._by, owner[here])
            total = np.zeros(len(here))
            for share, at in points:
                total += share * self._evaluate(leaf, at, likelihood.densities[p].span)
            exponent = weights[likelihood.category[p]] * likelihood.exponent(p, errors)
            result[here] += exponent * np.log(total)
        return result

    @staticmethod
    def _evaluate(leaf, points, span):
        result = np.ones(len(points))
        for density, places in leaf:
            rows = places[np.argsort(points[places])]
            out = np.empty((1, len(rows)))
            density.likelihood(points[rows], out)
            # Each likelihood is in units of its own range.
            result[rows] = out[0] * (span / density.span)
        return result


def _varying(values, starts):
    """
    Find the properties in which the candidates of a source differ.
    """
    found = []
    for p, row in enumerate(values):
        missing = np.isnan(row)
        low = np.minimum.reduceat(np.where(missing, np.inf, row), starts)
        high = np.maximum.reduceat(np.where(missing, -np.inf, row), starts)
        some = np.logical_or.reduceat(missing, starts) & ~np.logical_and.reduceat(missing, starts)
        if np.any(some | (low < high)):
            found.append(p)
    return found


def _each_leaf(tree, function):
    if isinstance(tree, tuple):
        return [*_each_leaf(tree[2], function), *_each_leaf(tree[3], function)]
    return [function(tree)]


def _leaf_of(tree, densities, by, source):
    """
    Return the density of each leaf, and the places in ``source`` for which it holds.
    """
    leaves = []

    def descend(tree, places):
        if not isinstance(tree, tuple):
            leaves.append(places)
            return
        name, cut, low, high = tree
        is_high = by[name][source[places]] > cut
        descend(low, places[~is_high])
        descend(high, places[is_high])

    descend(tree, np.arange(len(source)))
    return list(zip(densities, leaves, strict=True))
