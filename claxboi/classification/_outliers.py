# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Outlier p-values and support: whether a source looks like a member of a class.
"""

import numpy as np

from ._identity import mix
from ._knot_search import KnotSearch
from ._parallel import multiply

__all__ = ["OutlierScale"]

#: Smallest variance of a sum of surprises, so that a class without spread divides by no zero.
SMALLEST_VARIANCE = 1e-6

#: So many members of a class with the same missing values are ranked among themselves. It is
#: the price of an exact p-value that none can be smaller than one over their number.
COMMON_PATTERN = 1000

#: Sources of each class that have a value, and that have none, besides those seen (Jeffreys).
_UNSEEN = 0.5

#: Keeps the size of an empty class from being zero.
_SMALLEST = 1e-300

#: Scores closer than this are equal.
ROUNDING = 1e-9


class OutlierScale:
    """
    Distribution of the outlier score of the members of each class.

    The surprise of a value is how far its log-likelihood lies below the highest of the class.
    The sum over the properties that a source has depends on which they are; so its mean and
    variance are put together from those of each property and of each pair, the sum is brought
    to a normal scale by the cube root (Wilson & Hilferty 1931, PNAS 17, 684), and its rank
    among the held-out training sources of the class is the p-value (a conformal p-value, Vovk
    et al. 2005): among those with the same values missing, where they are many.

    Parameters
    ----------
    own : `~numpy.ndarray` of shape (n_properties, n)
        Held-out log-likelihood of each property of the training sources, for their own class.
    present : `~numpy.ndarray` of bool, shape (n_properties, n)
        Where there is a value.
    codes : `~numpy.ndarray` of int, shape (n,)
        Classes of the training sources.
    n_classes : int
        Number of classes.
    weights : `~numpy.ndarray` of shape (n,), optional
        Weights of the training sources, for the support. Default: 1 each.
    """

    def __init__(self, own, present, codes, n_classes, weights=None):
        n_properties = len(own)
        self._peak = np.zeros((n_properties, n_classes))
        self._mean = np.zeros((n_properties, n_classes))
        self._covariance = np.zeros((n_classes, n_properties, n_properties))
        self._ranks, self._common = [], []
        # How much rarer than the other of the two it is that a value is there, or missing.
        self._log_present, self._log_missing = np.zeros((2, n_properties, n_classes))
        self._log_size = np.empty(n_classes)
        weights = np.ones(len(codes)) if weights is None else weights
        for c in range(n_classes):
            members = codes == c
            here = present[:, members].astype(float)
            value = np.where(present[:, members], own[:, members], -np.inf)
            peak = value.max(axis=1, initial=-np.inf)
            peak = np.where(np.isfinite(peak), peak, 0.0)
            surprise = np.where(here > 0, peak[:, np.newaxis] - own[:, members], 0.0)
            count = np.maximum(here.sum(axis=1), 1)
            mean = surprise.sum(axis=1) / count
            centred = (surprise - mean[:, np.newaxis]) * here
            self._peak[:, c], self._mean[:, c] = peak, mean
            self._covariance[c] = (centred @ centred.T) / np.maximum(here @ here.T, 1)
            own_weights = weights[members]
            total = own_weights.sum()
            known = (here @ own_weights + _UNSEEN) / (total + 2 * _UNSEEN)
            common = np.log(np.maximum(known, 1 - known))
            self._log_present[:, c] = np.log(known) - common
            self._log_missing[:, c] = np.log1p(-known) - common
            size = total**2 / max(np.sum(own_weights**2), _SMALLEST)
            self._log_size[c] = np.log(max(size, _SMALLEST))
        for c in range(n_classes):
            members = np.flatnonzero(codes == c)
            patterns, pattern = np.unique(present[:, members].T, axis=0, return_inverse=True)
            total = np.where(present[:, members], own[:, members], 0.0).sum(axis=0)
            score = self._score(
                np.broadcast_to(total, (n_classes, len(total))), pattern.ravel(), patterns, [c]
            )
            self._ranks.append(_Ranks(score[0]))
            self._common.append(_rank_within(score[0], pattern.ravel(), patterns))

    def _score(self, total, pattern, patterns, classes):
        has = np.ascontiguousarray(patterns.T, float)
        mean = np.maximum(multiply(self._mean[:, classes].T, has), SMALLEST_VARIANCE)
        variance = np.empty_like(mean)
        for row, covariance in zip(variance, self._covariance[classes], strict=True):
            # One product of matrices, where einsum would take its time pair by pair.
            np.sum(multiply(covariance, has) * has, axis=0, out=row)
        np.maximum(variance, SMALLEST_VARIANCE, out=variance)
        root_shape = mean / np.sqrt(variance)
        # Wilson-Hilferty: the cube root of a gamma variable is nearly normal.
        factor = 3 * root_shape / np.cbrt(mean)
        shift = 3 * root_shape - 1 / (3 * root_shape)
        score = multiply(self._peak[:, classes].T, has).take(pattern, axis=1)
        score -= total[classes]
        np.maximum(score, 0.0, out=score)
        np.cbrt(score, out=score)
        score *= factor.take(pattern, axis=1)
        score -= shift.take(pattern, axis=1)
        return score

    def pvalue(self, total, pattern, patterns, codes=None):
        """
        Return the largest p-value over the classes.

        Parameters
        ----------
        total : `~numpy.ndarray` of shape (n_classes, n)
            Log-likelihood of all properties, with exponent 1.
        pattern : `~numpy.ndarray` of int, shape (n,)
            Row of ``patterns`` for each source.
        patterns : `~numpy.ndarray` of bool, shape (n_patterns, n_properties)
            Which properties are present.
        codes : `~numpy.ndarray` of int, shape (n,) or (n_labels, n), optional
            Class of training sources, -1 for others: they do not count for themselves. Of soft
            labels, one row for each class that a source trained.

        Returns
        -------
        pvalue : `~numpy.ndarray` of shape (n,)
            1 for a source without any value.
        """
        n_classes = len(total)
        score = self._score(total, pattern, patterns, np.arange(n_classes))
        result = np.zeros(total.shape[1])
        keys = _pattern_keys(patterns)
        # Few patterns are common; only their sources are put in order.
        known = np.concatenate([common for common, _ in self._common])
        # By sorting, for the tables of NumPy 2.0 do not hold keys of 64 bits.
        is_common = np.isin(keys, known, kind="sort")
        order = np.flatnonzero(is_common[pattern])
        order = order[np.argsort(pattern[order], kind="stable")]
        edges = np.searchsorted(pattern[order], np.arange(len(patterns) + 1))
        numbers = np.flatnonzero(is_common)
        for c, ranks in enumerate(self._ranks):
            member = np.zeros(len(pattern), bool)
            if codes is not None:
                member = (np.atleast_2d(codes) == c).any(axis=0)
            p = ranks(score[c], member)
            common, groups = self._common[c]
            for k in numbers[np.isin(keys[numbers], common, kind="sort")]:
                rows = order[edges[k] : edges[k + 1]]
                group = groups[int(np.searchsorted(common, keys[k]))]
                p[rows] = group(score[c, rows], member[rows])
            np.maximum(result, p, out=result)
        result[~patterns.any(axis=1)[pattern]] = 1.0
        return result

    def support(self, total, pattern, patterns, classes):
        r"""
        Return how many labelled sources of a class are like each source.

        It is :math:`n_c (\prod_p r_p)^{1/d}` with the effective number :math:`n_c` of labelled
        sources of the class (Kish 1965), and for each of all d properties the density of the class
        at the value over its highest one, or where the value is missing (present) the share of the
        class without (with) a value over the larger of the two shares.

        Parameters
        ----------
        total, pattern, patterns
            As for `pvalue`.
        classes : `~numpy.ndarray` of int, shape (n,)
            Class of each source that is asked for.

        Returns
        -------
        support : `~numpy.ndarray` of shape (n,)
        """
        has = np.ascontiguousarray(patterns.T, float)
        n_properties = len(has)
        fixed = multiply((self._log_present - self._peak).T, has)
        fixed += multiply(self._log_missing.T, 1 - has)
        mean = fixed[classes, pattern] + total[classes, np.arange(len(classes))]
        return np.exp(self._log_size[classes] + np.minimum(mean / n_properties, 0.0))


class _Ranks:
    """Fraction of a class that is at least as outlying; a member does not count for itself."""

    def __init__(self, scores):
        # To rounding: the source itself may be among them.
        self._search, self._n = KnotSearch(np.sort(scores) + ROUNDING), len(scores)

    def __call__(self, score, member):
        odder = self._n - self._search(score)
        return np.minimum((odder + 1 - member) / (self._n + 1 - member), 1.0)


def _rank_within(score, pattern, patterns):
    """Collect the scores of each pattern of missing values that is common in a class."""
    common = np.flatnonzero(np.bincount(pattern, minlength=len(patterns)) >= COMMON_PATTERN)
    keys = _pattern_keys(patterns[common])
    order = np.argsort(keys)
    return keys[order], [_Ranks(score[pattern == k]) for k in common[order]]


def _pattern_keys(patterns):
    keys = np.zeros(len(patterns), np.uint64)
    for row in patterns.T:
        keys = mix(keys, row.astype(np.uint64))
    return keys
