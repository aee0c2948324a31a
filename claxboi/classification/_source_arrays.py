# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
A training sample, and the sources that are to be classified, as the private functions take them.
"""

from dataclasses import dataclass

import numpy as np

from claxboi.utils import float_values

from ._training import TrainingRows

__all__ = ["Sample", "Sources", "sample_weights"]


@dataclass
class Sample:
    """
    A training sample that was read and checked.
    """

    records: tuple
    names: list
    training: TrainingRows
    units: list
    label: str
    dropped: list

    def proportions(self):
        """Return the share of each class."""
        counts = np.bincount(self.training.codes, self.training.weights, len(self.names))
        return counts / counts.sum()


class Sources:
    """
    The values of some sources, as the private functions take them.

    Those that trained the model have their class in ``codes`` (-1 for others), their weight,
    and the key of their row. With soft labels, a source trains several classes: ``also`` then has
    the others of them and its weights there, each of shape (n_others, n).
    """

    def __init__(self, values, errors, codes=None, weights=None, keys=None, also=None):
        n = values.shape[1]
        self.values, self.errors = values, errors
        self.codes = np.full(n, -1) if codes is None else codes
        self.weights = np.zeros(n) if weights is None else weights
        self.keys = np.zeros(n, np.uint64) if keys is None else keys
        self.also = also

    def __len__(self):
        return self.values.shape[1]

    def __getitem__(self, part):
        return Sources(
            self.values[:, part],
            {p: error[part] for p, error in self.errors.items()},
            self.codes[part],
            self.weights[part],
            self.keys[part],
            None if self.also is None else tuple(other[:, part] for other in self.also),
        )

    @property
    def held(self):
        """
        All classes that each source trained and its weights there: what is to be held out.
        """
        if self.also is None:
            return self.codes, self.weights
        codes, weights = self.also
        return np.vstack([self.codes, codes]), np.vstack([self.weights, weights])

    def as_new(self):
        """Return the same values as if they had not trained the model."""
        return Sources(self.values, self.errors)


def sample_weights(sample_weight, n):
    """
    Check the weights of a training sample.

    Parameters
    ----------
    sample_weight : array-like or None
        Weight of each row; None for 1 each.
    n : int
        Number of rows.

    Returns
    -------
    weights : `~numpy.ndarray` of shape (n,)
    """
    if sample_weight is None:
        return np.ones(n)
    # An array has no mask to lose; a column keeps its own.
    column = sample_weight if hasattr(sample_weight, "dtype") else np.asarray(sample_weight)
    weights = float_values({"sample_weight": column}, "sample_weight")
    if weights.shape != (n,) or not np.all(weights > 0):
        wrong = weights[~(weights > 0)]
        got = f", {len(wrong)} of them not positive such as {wrong[0]:g}" if len(wrong) else ""
        raise ValueError(
            f"sample_weight must be {n} positive numbers, got shape {weights.shape}{got}"
        )
    return weights
