# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Likelihood of each class by whether a survey of known depth sees a source.

Arrays have the sources on the last axis.
"""

import numpy as np

from ._likelihood import PRESENCE_SMOOTHING

__all__ = ["DetectionTerms"]

#: Sources by whose weight the fraction of a class beyond a limit is shrunk to that of all classes.
PSEUDO_WEIGHT = 1.0


class DetectionTerms:
    r"""
    Probability by class that a value is beyond the limit to which it could be measured.

    The value of a source is measured if it is not beyond the limit of this source. Of class c, as
    many are beyond a limit l as of those training sources whose own limit reaches l (the reduced
    sample: Kaplan & Meier 1958, JASA 53, 457, section 3):

    .. math::

        S_c(l) = \frac{\#\{i \in c: L_i \ge l, x_i \ge l\}}{\#\{i \in c: L_i \ge l\}}

    where the value of a source that was not measured is beyond its own limit. So bright sources
    tell of faint ones, where a fraction of missing values does not.

    Parameters
    ----------
    records : sequence of `Property`
        The properties; those with a limit count.
    training : `TrainingRows`
        The training rows.
    n_classes : int
        Number of classes.

    Attributes
    ----------
    properties : list of int
        Numbers of the properties with a limit.
    """

    def __init__(self, records, training, n_classes):
        self.properties = [p for p, record in enumerate(records) if record.limit is not None]
        self._sign = {p: -1 if records[p].upper_limit else 1 for p in self.properties}
        self._weight = {
            p: 1.0 if isinstance(records[p].weight, str) else records[p].weight
            for p in self.properties
        }
        self._category = {p: records[p].category for p in self.properties}
        self._n_classes = n_classes
        self._training = {}
        for p in self.properties:
            reach, faintest = self._reach(p, training.values[p], training.limits[p])
            known = ~np.isnan(faintest)
            counts = [
                [
                    _Counts(edges[chosen], training.weights[chosen])
                    for chosen in (known & (training.codes == c) for c in range(n_classes))
                ]
                for edges in (reach, faintest)
            ]
            self._training[p] = reach, faintest, counts

    def _reach(self, p, values, limits):
        """Return the limit of each source, and the smaller of limit and measured value."""
        values, limits = self._sign[p] * values, self._sign[p] * limits
        measured = ~np.isnan(values)
        # What was measured would have been, whatever the limit, where that is not known.
        reach = np.where(measured & np.isnan(limits), np.inf, limits)
        return reach, np.where(measured, np.minimum(reach, values), reach)

    def each(self, sources):
        """
        Evaluate the terms of some sources, without the training rows that are held out.

        Parameters
        ----------
        sources : `Sources`
            The sources.

        Returns
        -------
        log_probability : `~numpy.ndarray` of shape (n_limited, n_classes, n)
            log S where a value is missing, log(1 - S) where it is measured, 0 where there is no
            limit; divided by the number of limits that the source has in the category, which tell
            of one and the same object.
        """
        codes, weights, rows = (
            None if part is None else np.atleast_2d(part) for part in sources.held
        )
        n = len(sources)
        result = np.zeros((len(self.properties), self._n_classes, n))
        n_limits = {category: np.zeros(n) for category in self._category.values()}
        for k, p in enumerate(self.properties):
            limit = self._sign[p] * sources.limits[p]
            has = np.flatnonzero(~np.isnan(limit))
            n_limits[self._category[p]][has] += 1
            limit = limit[has]
            reach, faintest, counts = self._training[p]
            total, beyond = (
                np.array([count.at_least(limit) for count in by_class]) for by_class in counts
            )
            if codes is not None:
                for layer in range(len(codes)):
                    own = np.flatnonzero(codes[layer, has] >= 0)
                    source = has[own]
                    c, row = codes[layer, source], rows[layer, source]
                    for left, edges in ((total, reach), (beyond, faintest)):
                        left[c, own] -= weights[layer, source] * (edges[row] >= limit[own])
            fraction = _fraction(beyond, total)
            is_missing = np.isnan(sources.values[p, has])
            fraction = np.where(is_missing, fraction, 1 - fraction)
            result[k][:, has] = self._weight[p] * np.log(fraction)
        for k, p in enumerate(self.properties):
            result[k] /= np.maximum(n_limits[self._category[p]], 1)
        return result


class _Counts:
    # Weight of the values that are at least as large as some limits.

    def __init__(self, values, weights):
        order = np.argsort(values)
        self._values = values[order]
        self._above = np.append(np.cumsum(weights[order][::-1])[::-1], 0.0)

    def at_least(self, limits):
        return self._above[np.searchsorted(self._values, limits)]


def _fraction(beyond, total):
    # What remains of the last source is rounding.
    beyond, total = np.maximum(beyond, 0.0), np.maximum(total, 0.0)
    pool = (beyond.sum(axis=0) + 0.5) / (total.sum(axis=0) + 1)
    fraction = (beyond + PSEUDO_WEIGHT * pool) / (total + PSEUDO_WEIGHT)
    return (fraction + PRESENCE_SMOOTHING) / (1 + 2 * PRESENCE_SMOOTHING)
