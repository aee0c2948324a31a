# Licensed under a 3-clause BSD style license - see LICENSE.rst
r"""
Kernel densities of one property or of a pair of properties, on a grid of normal scores.

A property is first mapped to the normal scores of the training sample, so that outliers and units
do not matter. There the density of class k is shrunk towards that of all classes with the weight
of one source,

.. math:: f_k = (S_k + f) / (N_k + 1), \qquad f = \sum_k S_k / \sum_k N_k,

with the kernel sums :math:`S_k` and the weights :math:`N_k` of the classes. The term of class k is
:math:`l_k = \log f_k - \log f`. Sums take O(n + cells). Training sources are held out exactly at
fixed bandwidth: their own kernel is subtracted from the sums, and their weight from :math:`N_k`.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import ndtri

from ._knot_search import KnotSearch

__all__ = ["CellPositions", "GridTerm", "HeldOut", "NormalScores", "Smoother", "class_spreads"]

#: The grid covers normal scores from minus to plus this.
LIMIT = 3.7

#: Grid points in each dimension, for one property and for a pair.
SIZES = {1: 257, 2: 49}

#: Bandwidth in normal scores: spread of the class times n_c to the power of -1/(4 + dimension).
#: The spread of a class is shrunk to 1 with the weight of some sources, and kept within limits.
SPREAD_WEIGHT = 5.0
SPREAD_LIMITS = (0.1, 1.5)

#: A term is at most so many nats.
CLIP = 8.0

#: Sources by whose weight the density of a class is shrunk towards that of all classes.
PSEUDO_WEIGHT = 1.0

#: Density per cell below which there is no evidence: all classes are equal there.
SMALLEST = 1e-12

#: What is left of less than this of a kernel that was subtracted is rounding.
ROUNDING = 1e-10

#: The map to normal scores needs no more knots than this.
MOST_KNOTS = 4096


class NormalScores:
    """
    Monotone map from the values of a property to normal scores of the training sample.

    Parameters
    ----------
    values : `~numpy.ndarray` of shape (n,)
        Training values, NaN where missing; may be infinite.
    weights : `~numpy.ndarray` of shape (n,)
        Their weights.
    """

    def __init__(self, values, weights):
        present = ~np.isnan(values)
        values, weights = values[present], weights[present]
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
        # Infinite values (the logarithm of zero) lie beyond all others.
        reach = high - low if high > low else 1.0
        self._limits = low - reach, high + reach
        knots, place = np.unique(np.clip(values, *self._limits), return_inverse=True)
        amount = np.bincount(place, weights)
        scores = ndtri((np.cumsum(amount) - 0.5 * amount) / amount.sum())
        if len(knots) > MOST_KNOTS:
            chosen = np.unique(np.linspace(0, len(knots) - 1, MOST_KNOTS).astype(int))
            knots, scores = knots[chosen], scores[chosen]
        self._knots, self._scores = knots, np.clip(scores, -LIMIT, LIMIT)
        self._search = KnotSearch(knots)
        steps = np.diff(knots)
        self._slopes = np.concatenate([[0.0], np.diff(self._scores) / steps, [0.0]])

    def inverse(self, scores):
        """
        Map normal scores to values.

        Parameters
        ----------
        scores : `~numpy.ndarray`
            Scores; beyond those of the training sample its outermost finite values are returned.

        Returns
        -------
        values : `~numpy.ndarray` of the same shape
        """
        inside = (self._knots > self._limits[0]) & (self._knots < self._limits[1])
        # Where the map is flat, at its limits, the value nearest to the middle is taken.
        return np.interp(scores, self._scores[inside], self._knots[inside])

    def __call__(self, values):
        """
        Map values to normal scores.

        Parameters
        ----------
        values : `~numpy.ndarray`
            Values, NaN where missing.

        Returns
        -------
        scores : `~numpy.ndarray` of the same shape
            Within the limits of the grid; NaN where missing.
        """
        values = np.asarray(values, float)
        clipped = np.clip(np.where(np.isnan(values), self._knots[0], values), *self._limits)
        below = self._search(clipped.ravel()).reshape(values.shape)
        # Beyond the outermost knots the slope is zero.
        nearest = np.clip(below - 1, 0, len(self._knots) - 1)
        scores = self._scores[nearest] + self._slopes[below] * (clipped - self._knots[nearest])
        return np.where(np.isnan(values), np.nan, scores)


def class_spreads(scores, codes, weights, n_classes):
    """
    Compute the spread of each class about its median, shrunk to that of all classes.

    Parameters
    ----------
    scores : `~numpy.ndarray` of shape (n,)
        Normal scores, NaN where missing.
    codes : `~numpy.ndarray` of int, shape (n,)
        Classes.
    weights : `~numpy.ndarray` of shape (n,)
        Weights.
    n_classes : int
        Number of classes.

    Returns
    -------
    spreads : `~numpy.ndarray` of shape (n_classes,)
        1 for a class with one source or none.
    """
    spreads = np.ones(n_classes)
    for c in range(n_classes):
        members = (codes == c) & ~np.isnan(scores)
        z, w = scores[members], weights[members]
        if len(z) < 2:
            continue
        order = np.argsort(z)
        share = np.cumsum(w[order])
        # From both ends, so that mirrored values have the same median.
        low = z[order][np.searchsorted(share, 0.5 * share[-1])]
        share = np.cumsum(w[order[::-1]])
        high = z[order[::-1]][np.searchsorted(share, 0.5 * share[-1])]
        square = np.sum(w * (z - 0.5 * (low + high)) ** 2)
        spreads[c] = np.sqrt((square + SPREAD_WEIGHT) / (w.sum() + SPREAD_WEIGHT))
    return np.clip(spreads, *SPREAD_LIMITS)


class CellPositions:
    """
    Positions of normal scores among the points of a grid.

    Parameters
    ----------
    scores : `~numpy.ndarray` of shape (n,)
        Normal scores, NaN where missing.
    size : int
        Points of the grid.

    Attributes
    ----------
    index : `~numpy.ndarray` of int, shape (n,)
        The point below; the first for a missing score.
    fraction : `~numpy.ndarray` of shape (n,)
        Distance from it in steps of the grid.
    """

    def __init__(self, scores, size):
        steps = (np.nan_to_num(scores) + LIMIT) * ((size - 1) / (2 * LIMIT))
        self.index = np.minimum(steps.astype(int), size - 2)
        self.fraction = steps - self.index

    def __getitem__(self, rows):
        part = object.__new__(CellPositions)
        part.index, part.fraction = self.index[rows], self.fraction[rows]
        return part


class Smoother:
    """
    Gaussian kernels on a grid, one bandwidth per class.

    Parameters
    ----------
    bandwidths : `~numpy.ndarray` of shape (n_classes,)
        In normal scores; at least half a step of the grid is taken.
    size : int
        Points of the grid.

    Attributes
    ----------
    kernel : `~numpy.ndarray` of shape (n_classes, size)
        Kernel by distance in steps; each sums to 1 over an infinite grid.
    matrix : `~numpy.ndarray` of shape (n_classes, size, size)
        It smooths a histogram.
    """

    def __init__(self, bandwidths, size):
        step = 2 * LIMIT / (size - 1)
        steps = np.arange(size) * step / np.maximum(bandwidths, 0.5 * step)[:, np.newaxis]
        kernel = np.exp(-0.5 * steps**2)
        self.kernel = kernel / (kernel[:, :1] + 2 * kernel[:, 1:].sum(axis=1, keepdims=True))
        points = np.arange(size)
        self.matrix = self.kernel[:, np.abs(points[:, np.newaxis] - points)]

    def own(self, codes, at, home):
        """
        Evaluate the kernel of each source at the two grid points next to a position.

        Parameters
        ----------
        codes : `~numpy.ndarray` of int, shape (n,)
            Classes.
        at, home : `CellPositions`
            Where it is evaluated, and where the source is.

        Returns
        -------
        kernel : `~numpy.ndarray` of shape (2, n)
        """
        steps = at.index - home.index + np.array([[0], [1]])
        return (
            self.kernel[codes, np.abs(steps)] * (1 - home.fraction)
            + self.kernel[codes, np.abs(steps - 1)] * home.fraction
        )


@dataclass
class HeldOut:
    """
    Training rows that are left out of the terms of sources.

    Attributes
    ----------
    sources : `~numpy.ndarray` of int, shape (m,)
        Sources, each once.
    codes : `~numpy.ndarray` of int, shape (m,)
        Classes of the rows.
    weights : `~numpy.ndarray` of shape (m,)
        Their training weights.
    home : sequence of `CellPositions`
        Where the rows are, for each property.
    """

    sources: np.ndarray
    codes: np.ndarray
    weights: np.ndarray
    home: list


class GridTerm:
    """
    Term of one property, or of a pair of properties beyond its two single terms.

    Parameters
    ----------
    positions : sequence of `CellPositions`
        Those of the training sources that have a value, for each property of the term.
    codes : `~numpy.ndarray` of int, shape (n,)
        Their classes.
    weights : `~numpy.ndarray` of shape (n,)
        Their weights.
    smoothers : sequence of `Smoother`
        One for each property of the term.
    """

    def __init__(self, positions, codes, weights, smoothers):
        self._smoothers = list(smoothers)
        n_classes, self._size = self._smoothers[0].kernel.shape
        shape = (n_classes,) + (self._size,) * len(positions)
        histogram = np.zeros(shape)
        for corner in product((0, 1), repeat=len(positions)):
            index, share = codes, weights
            for position, step in zip(positions, corner, strict=True):
                index = index * self._size + position.index + step
                share = share * (position.fraction if step else 1 - position.fraction)
            histogram += np.bincount(index, share, histogram.size).reshape(shape)
        self.totals = np.bincount(codes, weights, n_classes)
        if len(positions) == 1:
            self._sums = [_smooth(histogram, self._smoothers)]
        else:
            self._sums = [
                _smooth(histogram, self._smoothers),
                _smooth(histogram.sum(axis=2), self._smoothers[:1]),
                _smooth(histogram.sum(axis=1), self._smoothers[1:]),
            ]

    def densities(self):
        """
        Return the density of each class at all grid points, shrunk towards that of all classes.

        Returns
        -------
        densities : `~numpy.ndarray` of shape (n_classes, size) or (n_classes, size, size)
            Per cell: each sums to 1 over an infinite grid.
        """
        sums = self._sums[0]
        totals = self.totals.reshape((-1,) + (1,) * (sums.ndim - 1))
        ratio, log_pool = _log_ratio(sums, totals)
        return np.exp(ratio + log_pool)

    def table(self):
        """
        Return the term at all grid points, for sources that did not train it.

        Returns
        -------
        table : `~numpy.ndarray` of shape (n_classes, size) or (n_classes, size, size)
        """
        joint, *single = (
            _log_ratio(sums, self.totals.reshape((-1,) + (1,) * (sums.ndim - 1)))[0]
            for sums in self._sums
        )
        if single:
            joint = joint - single[0][:, :, np.newaxis] - single[1][:, np.newaxis, :]
        return joint

    def evaluate(self, at, held=()):
        """
        Evaluate the term.

        Parameters
        ----------
        at : sequence of list of (float, `CellPositions`)
            For each property, the points over which an error spreads its value, and their shares.
        held : sequence of `HeldOut`, optional
            Training rows to leave out, no more than one per source in each.

        Returns
        -------
        term : `~numpy.ndarray` of shape (n_classes, n)
        """
        n = len(at[0][0][1].index)
        totals = np.repeat(self.totals[:, np.newaxis], n, axis=1)
        for own in held:
            totals[own.codes, own.sources] -= own.weights
        if held:
            totals[totals < ROUNDING * self.totals[:, np.newaxis]] = 0.0
        axes = range(len(at))
        term = self._ratio(self._sums[0], axes, at, totals, held)
        if len(at) > 1:
            for axis in axes:
                term -= self._ratio(self._sums[1 + axis], [axis], at, totals, held)
        return term

    def _ratio(self, sums, axes, at, totals, held):
        """Interpolate the ratio of one density, or the ratio of averages over the errors."""
        if all(len(at[axis]) == 1 for axis in axes):
            positions = [at[axis][0][1] for axis in axes]
            return self._interpolate(sums, axes, positions, totals, held)[0]
        density = pool = 0.0
        for points in product(*(at[axis] for axis in axes)):
            share = np.prod([part for part, _ in points])
            positions = [position for _, position in points]
            ratio, log_pool = self._interpolate(sums, axes, positions, totals, held)
            density += share * np.exp(ratio + log_pool)
            pool += share * np.exp(log_pool)
        return np.log(density) - np.log(pool)

    def _interpolate(self, sums, axes, positions, totals, held):
        flat = sums.reshape(len(sums), -1)
        own = [
            [
                self._smoothers[axis].own(row.codes, position[row.sources], row.home[axis])
                for axis, position in zip(axes, positions, strict=True)
            ]
            for row in held
        ]
        ratio = log_pool = 0.0
        for corner in product((0, 1), repeat=len(positions)):
            index, share = 0, 1.0
            for position, step in zip(positions, corner, strict=True):
                index = index * self._size + position.index + step
                share = share * (position.fraction if step else 1 - position.fraction)
            here = flat[:, index]
            for row, kernels in zip(held, own, strict=True):
                kernel = row.weights
                for one, step in zip(kernels, corner, strict=True):
                    kernel = kernel * one[step]
                left = here[row.codes, row.sources] - kernel
                here[row.codes, row.sources] = np.where(left > ROUNDING * kernel, left, 0.0)
            corner_ratio, corner_pool = _log_ratio(here, totals)
            ratio = ratio + share * corner_ratio
            log_pool = log_pool + share * corner_pool
        return ratio, log_pool


def _smooth(histogram, smoothers):
    if len(smoothers) == 1:
        return (smoothers[0].matrix @ histogram[:, :, np.newaxis])[:, :, 0]
    return smoothers[0].matrix @ histogram @ smoothers[1].matrix


def _log_ratio(sums, totals):
    """Return log(f_k/f), clipped, and log f."""
    pool = sums.sum(axis=0) / np.maximum(totals.sum(axis=0), SMALLEST)
    density = (sums + PSEUDO_WEIGHT * pool) / (totals + PSEUDO_WEIGHT) + SMALLEST
    log_pool = np.log(pool + SMALLEST)
    return np.clip(np.log(density) - log_pool, -CLIP, CLIP), log_pool
