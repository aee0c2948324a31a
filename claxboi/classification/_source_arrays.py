# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Arrays of a training sample, and of the sources to classify.
"""

import copy
import weakref
from dataclasses import dataclass

import numpy as np
from astropy.table import Table

from claxboi.utils import InputValueError, float_values

from ._identity import Identity

__all__ = ["KnownTables", "Sample", "Sources", "TrainingRows", "sample_weights"]


class TrainingRows:
    """
    The rows that trained a model. Rows of one source are held out together.

    Parameters
    ----------
    values : `~numpy.ndarray` of shape (n_properties, n)
        Raw values.
    errors : dict of int to `~numpy.ndarray` of shape (n,)
        Their errors.
    codes : `~numpy.ndarray` of int, shape (n,)
        Classes.
    weights : `~numpy.ndarray` of shape (n,)
        Weights.
    flux : `~numpy.ndarray` of shape (n,), optional
        X-ray fluxes: not used to classify.
    identity : `Identity`, optional
        Identifiers and positions. Default: each row is a source.
    source : `~numpy.ndarray` of int, shape (n,), optional
        Number of the source of each row. Default: by its identity.
    keys : `~numpy.ndarray` of uint64, shape (n,), optional
        Keys of the sources, by which they are dealt to folds. Default: by their identity.
    limits : dict of int to `~numpy.ndarray` of shape (n,), optional
        Limits of the values by number of the property.
    """

    def __init__(
        self,
        values,
        errors,
        codes,
        weights,
        flux=None,
        identity=None,
        source=None,
        keys=None,
        limits=None,
    ):
        self.limits = limits or {}
        self.values, self.errors, self.codes, self.weights = values, errors, codes, weights
        self.flux = flux
        self.identity = Identity(len(codes)) if identity is None else identity
        self.source = self.identity.sources() if source is None else source
        self.keys = self.identity.keys(self.source) if keys is None else keys
        # Rows source by source; most sources have one.
        self._order = np.argsort(self.source, kind="stable")
        self._count = np.bincount(self.source)
        self._first = np.cumsum(self._count) - self._count

    def __len__(self):
        return len(self.codes)

    def with_weights(self, weights):
        """Return the same rows with other weights."""
        other = copy.copy(self)
        other.weights = weights
        return other

    def sources(self):
        """Return the rows as sources that are held out."""
        return Sources(self.values, self.errors, np.arange(len(self)), self, limits=self.limits)

    def all_rows(self, rows):
        """
        List all rows of the source of each row.

        Parameters
        ----------
        rows : `~numpy.ndarray` of int, shape (n,)
            Training rows, -1 for none.

        Returns
        -------
        rows : `~numpy.ndarray` of int, shape (n,) or (n_most, n)
            The row itself first, then the others of its source; -1 where there are no more.
        """
        known = np.flatnonzero(rows >= 0)
        source = self.source[rows[known]]
        most = self._count[source].max(initial=1)
        if most == 1:
            return rows
        members = np.full((most, len(rows)), -1)
        for k in range(most):
            has = self._count[source] > k
            members[k, known[has]] = self._order[self._first[source[has]] + k]
        own = np.argmax(members == rows, axis=0)
        members[own, np.arange(len(rows))] = members[0]
        members[0] = rows
        return members

    def choose_rows(self, rows, labels):
        """
        Choose the first training row of each source that has its label.

        Parameters
        ----------
        rows : `~numpy.ndarray` of int, shape (n,)
            A training row of each source, -1 for none.
        labels : `~numpy.ndarray` of int, shape (n,)
            Classes, -1 where unknown.

        Returns
        -------
        rows : `~numpy.ndarray` of int, shape (n,)
        """
        candidates = np.atleast_2d(self.all_rows(rows))
        if len(candidates) == 1:
            return rows
        fits = (candidates >= 0) & (self.codes[candidates] == labels) & (labels >= 0)
        best = np.where(fits.any(axis=0), fits.argmax(axis=0), 0)
        return candidates[best, np.arange(len(rows))]


@dataclass
class Sample:
    """
    A training sample that was read and checked.
    """

    records: tuple
    names: list
    training: TrainingRows
    table: Table
    rows: np.ndarray
    units: list
    label: str
    id: str | None
    dropped: list

    def proportions(self):
        """Return the share of each class."""
        counts = np.bincount(self.training.codes, self.training.weights, len(self.names))
        return counts / counts.sum()


class KnownTables:
    """
    Record of the tables whose training rows are known, so that they need no matching.
    """

    def __init__(self):
        self._tables = []

    def add(self, table, rows):
        """
        Add a table.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The table, which is not kept alive.
        rows : `~numpy.ndarray` of int, shape (n,)
            Training row of each of its rows, -1 for new ones.
        """
        self._tables = [(ref, old) for ref, old in self._tables if ref() is not None]
        self._tables.append((weakref.ref(table), rows))

    def find(self, table, values, training_values, part=slice(None)):
        """
        Find a table.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The table.
        values : `~numpy.ndarray` of shape (n_properties, n)
            Its values.
        training_values : `~numpy.ndarray` of shape (n_properties, n_rows)
            Those that trained the model.
        part : slice, optional
            The rows that the values are from. Default: all.

        Returns
        -------
        rows : `~numpy.ndarray` of int, shape (n,), or None
            None if it is not known, or was changed since.
        """
        for ref, all_rows in self._tables:
            if ref() is table and len(all_rows) == len(table):
                rows = all_rows[part]
                known = rows >= 0
                same = np.array_equal(
                    values[:, known], training_values[:, rows[known]], equal_nan=True
                )
                return rows if same else None
        return None


class Sources:
    """
    The values of some sources, and which of them trained the model.

    Parameters
    ----------
    values : `~numpy.ndarray` of shape (n_properties, n)
        Raw values, NaN where missing.
    errors : dict of int to `~numpy.ndarray` of shape (n,)
        Errors by number of the property.
    rows : `~numpy.ndarray` of int, shape (n,), optional
        Training row of each source, -1 for new ones. Default: all are new.
    training : `TrainingRows`, optional
        The training rows.
    compared : tuple of str, optional
        By what the sources that trained the model were found; empty if there is nothing.
    limits : dict of int to `~numpy.ndarray` of shape (n,), optional
        Limits of the values by number of the property.

    Attributes
    ----------
    codes : `~numpy.ndarray` of int, shape (n,)
        Class of the training row of each source, -1 for new ones.
    weights : `~numpy.ndarray` of shape (n,)
        Its weight, 0 for new ones.
    """

    def __init__(self, values, errors, rows=None, training=None, *, compared=(), limits=None):
        self.limits = limits or {}
        n = values.shape[1]
        self.compared = compared
        self.values, self.errors, self.training = values, errors, training
        self.rows = np.full(n, -1) if rows is None else rows
        self.codes, self.weights = np.full(n, -1), np.zeros(n)
        if training is not None:
            known = self.rows >= 0
            self.codes[known] = training.codes[self.rows[known]]
            self.weights[known] = training.weights[self.rows[known]]

    def __len__(self):
        return self.values.shape[1]

    def __getitem__(self, part):
        errors, limits = (
            {p: each[part] for p, each in arrays.items()} for arrays in (self.errors, self.limits)
        )
        return Sources(
            self.values[:, part],
            errors,
            self.rows[part],
            self.training,
            compared=self.compared,
            limits=limits,
        )

    @property
    def is_assumed(self):
        """
        Return whether it is only assumed that the sources are new.
        """
        if self.training is None or (self.rows >= 0).any():
            return False
        return not {"rows", "positions"} & set(self.compared)

    @property
    def held(self):
        """
        Class, weight and number of every training row to hold out, as `LikelihoodModel.terms`.
        """
        if self.training is None or not (self.rows >= 0).any():
            return None, None, None
        rows = self.training.all_rows(self.rows)
        known = rows >= 0
        codes = np.where(known, self.training.codes[rows], -1)
        return codes, np.where(known, self.training.weights[rows], 0.0), rows

    def of(self, training, rows=None):
        """Return the same sources, of other training rows: with other weights, or as numbered."""
        return Sources(
            self.values,
            self.errors,
            self.rows if rows is None else rows,
            training,
            compared=self.compared if rows is None else ("rows",),
            limits=self.limits,
        )

    def as_new(self):
        """Return the same values as if they had not trained the model."""
        return Sources(self.values, self.errors, limits=self.limits)


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
        raise InputValueError(
            f"sample_weight must be {n} positive numbers, got shape {weights.shape}{got}"
        )
    return weights
