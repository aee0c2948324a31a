# Licensed under a 3-clause BSD style license - see LICENSE.rst
r"""
The additive refinement of the published formula.

.. math::

    \log P(c|x) = \log \pi_c + b_c + \sum_t a_t \log L_t(x|c)
                  + \sum_m \sum_k W_{mkc} l_m(x|k) - \log Z(x)

The exponents :math:`a_t`, the offsets :math:`b_c` and the matrices :math:`W_m` have the lowest
held-out log-loss, to which is added half the sum of :math:`\lambda_m W_{mkc}^2`: a prior belief
that the published formula, W = 0, is right. The problem is convex.
"""

from dataclasses import dataclass, replace

import numpy as np

from ._grid_densities import SIZES
from ._parallel import multiply
from ._terms import Positions, RefinementTerms, Term

__all__ = ["Refinement", "term_categories"]


@dataclass
class Refinement:
    """
    The refinement of a fitted model.

    Attributes
    ----------
    terms : `RefinementTerms`
        The terms, as learned.
    pairs : list of tuple of int
        Pairs of properties that are terms, by decreasing expected gain.
    gains : `~numpy.ndarray` of shape (n_pairs,)
        Expected gain of each in nats, when it was chosen.
    matrix : `~numpy.ndarray` of shape (n_terms, n_classes, n_classes)
        W by term, class k of the term, and class c of the posterior.
    fold_matrices : `~numpy.ndarray` of shape (n_folds, n_terms, n_classes, n_classes)
        W found without each fold of the training sample.
    factor : float
        Factor of the strengths of the shrinkage.
    """

    terms: RefinementTerms
    pairs: list
    gains: np.ndarray
    matrix: np.ndarray
    fold_matrices: np.ndarray
    factor: float = 1.0

    def __post_init__(self):
        # A model file has them in single precision, and answers as the model that was written.
        self.matrix = self.matrix.astype(np.float32).astype(float)
        self.fold_matrices = self.fold_matrices.astype(np.float32).astype(float)
        self._tables = None

    def reweighted(self, likelihood, weights, fold_shares):
        """
        Make the refinement of the same training sources with other weights.

        Parameters
        ----------
        likelihood : `LikelihoodModel`
            Their published densities.
        weights : `~numpy.ndarray` of shape (n,)
            The new weights.
        fold_shares : `~numpy.ndarray` of shape (n_folds,)
            The matrices are moved by the differences that each fold makes, times these.

        Returns
        -------
        refinement : `Refinement`
        """
        moved = np.tensordot(fold_shares, self.fold_matrices - self.fold_matrices.mean(axis=0), 1)
        return replace(
            self,
            terms=self.terms.reweighted(likelihood, weights),
            matrix=self.matrix + moved,
            fold_matrices=self.fold_matrices + moved,
        )

    @property
    def listed(self):
        """
        All terms, as `Term`, in the order of the matrix.
        """
        return [*self.terms.main, *(Term("pair", pair) for pair in self.pairs)]

    def contributions(self, values, errors, densities, held, fold):
        """
        Evaluate what each term adds to the log posteriors of sources.

        Parameters
        ----------
        values : `~numpy.ndarray` of shape (n_properties, n)
            Raw values, NaN where missing.
        errors : dict of int to `~numpy.ndarray` of shape (n,)
            Errors by number of the property.
        densities : `~numpy.ndarray` of shape (n_properties, n_classes, n)
            Log-likelihood of each property, from `LikelihoodModel.property_terms`.
        held : tuple of `~numpy.ndarray`
            Codes, weights and numbers of the training rows to hold out.
        fold : `~numpy.ndarray` of int, shape (n,)
            Fold of each training source; -1 for new ones.

        Yields
        ------
        term : `Term`
            The term.
        part : `~numpy.ndarray` of shape (n_classes, n)
            What it adds.
        """
        known = np.flatnonzero(fold >= 0)
        new = Positions(self.terms, values, errors)
        own = new[known] if len(known) < len(fold) else new
        held = tuple(part[..., known] for part in held) if len(known) else ()
        for row, term in enumerate(self.listed):
            part = np.zeros((self.matrix.shape[1], len(fold)))
            if len(known) < len(fold):
                self._add_new([row], new, densities, part)
            if len(known):
                own_densities = densities[:, :, known] if term.kind == "density" else None
                exact = self.terms.evaluate(term, own, held, own_densities)
                for k, matrix in enumerate(self.fold_matrices[:, row]):
                    chosen = fold[known] == k
                    part[:, known[chosen]] = matrix.T @ exact[:, chosen]
            yield term, part

    @property
    def n_folds(self):
        """
        Number of folds.
        """
        return len(self.fold_matrices)

    def groups(self, category):
        """
        Group the terms by their categories.

        Parameters
        ----------
        category : `~numpy.ndarray` of int, shape (n_properties,)
            Category of each property.

        Returns
        -------
        groups : dict of tuple of int to list of int
            Rows of the matrix by categories: one or two; none for terms of presence.
        """
        groups = {}
        for row, term in enumerate(self.listed):
            groups.setdefault(term_categories(term, category), []).append(row)
        return groups

    def held_out_sums(self, values, errors, densities, category, held, fold):
        """
        Evaluate what the terms of the same categories add in all, for training sources.

        Parameters
        ----------
        values, errors, densities, category
            As for `sums`.
        held, fold
            As for `contributions`, of training sources only.

        Yields
        ------
        categories, part
            As from `sums`.
        """
        # Fold by fold, so that each is one block.
        order = np.argsort(fold, kind="stable")
        edges = np.searchsorted(fold[order], np.arange(self.n_folds + 1))
        own = Positions(self.terms, values, errors)[order]
        held = tuple(part[..., order] for part in held)
        listed, back = self.listed, np.argsort(order)
        for categories, rows in self.groups(category).items():
            part = np.zeros((self.matrix.shape[1], len(fold)))
            for row in rows:
                term = listed[row]
                given = densities
                if term.kind == "density":
                    given = {p: densities[p][:, order] for p in term.properties}
                exact = self.terms.evaluate(term, own, held, given)
                for k, here in enumerate(map(slice, edges, edges[1:])):
                    part[:, here] += multiply(self.fold_matrices[k, row].T, exact[:, here])
            yield categories, part[:, back]

    def sums(self, values, errors, densities, category):
        """
        Evaluate what the terms of the same categories add in all, for new sources.

        Parameters
        ----------
        values, errors, densities
            As for `contributions`.
        category : `~numpy.ndarray` of int, shape (n_properties,)
            Category of each property.

        Yields
        ------
        categories : tuple of int
            One or two; none for terms of presence.
        part : `~numpy.ndarray` of shape (n_classes, n)
            What they add.
        """
        new = Positions(self.terms, values, errors)
        for categories, rows in self.groups(category).items():
            part = np.zeros((self.matrix.shape[1], values.shape[1]))
            self._add_new(rows, new, densities, part)
            yield categories, part

    def _contract(self):
        """
        Multiply the tables of the terms by their matrices, cell by cell.

        In a cell of the grid a term is a + b x for a single property, and a + b x + c y + d x y for
        a pair, with the distances x and y from the lower corner.
        """
        contracted = []
        for term, matrix in zip(self.listed, self.matrix, strict=True):
            table = self.terms.table(term)
            if table is not None:
                parts = [np.tensordot(matrix.T, table, axes=1)]
                for axis in range(1, table.ndim if term.kind != "presence" else 1):
                    low = [np.delete(part, -1, axis) for part in parts]
                    parts = low + [np.diff(part, axis=axis) for part in parts]
                table = [np.ascontiguousarray(part.reshape(len(part), -1)) for part in parts]
            contracted.append(table)
        return contracted

    def _add_new(self, rows, positions, densities, out):
        """Add terms for sources that did not train them."""
        if self._tables is None:
            self._tables = self._contract()
        listed = self.listed
        of_density = [row for row in rows if listed[row].kind == "density"]
        if of_density:
            chosen = densities[[listed[row].properties[0] for row in of_density]]
            # The mean over the classes, which a term is without, is taken from the matrices.
            centred = self.matrix[of_density] - self.matrix[of_density].mean(axis=1, keepdims=True)
            stacked = centred.reshape(-1, centred.shape[2]).T
            out += multiply(stacked, chosen.reshape(-1, chosen.shape[2]))
        part, total = np.empty(out.shape), np.empty(out.shape)
        for row in rows:
            term, table = listed[row], self._tables[row]
            if table is None:
                continue
            if any(p in positions.errors for p in term.properties) and term.kind != "presence":
                out += multiply(self.matrix[row].T, self.terms.evaluate(term, positions))
                continue
            here = positions.present[list(term.properties)].all(axis=0)
            cell, factors = self._place(term, positions, here)
            np.take(table[0], cell, axis=1, out=total, mode="clip")
            for coefficients, factor in zip(table[1:], factors, strict=True):
                np.take(coefficients, cell, axis=1, out=part, mode="clip")
                part *= factor
                total += part
            if factors:
                total *= here
            out += total

    @staticmethod
    def _place(term, positions, here):
        """Return the cell of each source in the table of a term, and the coefficients' factors."""
        if term.kind == "presence":
            return here.astype(np.intp), []
        first, *second = (positions.home(p, len(term.properties)) for p in term.properties)
        if not second:
            return first.index, [first.fraction]
        x, y = first.fraction, second[0].fraction
        return first.index * (SIZES[2] - 1) + second[0].index, [x, y, x * y]


def term_categories(term, category):
    """
    Return the categories of a term.

    Parameters
    ----------
    term : `Term`
        The term.
    category : `~numpy.ndarray` of int, shape (n_properties,)
        Category of each property.

    Returns
    -------
    categories : tuple of int
        One or two; none for a term of presence, which belongs to the missing values.
    """
    return () if term.kind == "presence" else tuple({*category[list(term.properties)].tolist()})
