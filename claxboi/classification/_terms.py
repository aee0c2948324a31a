# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The terms of the refinement: what each property, survey and pair of properties says of a class.

Arrays have the sources on the last axis.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ._grid_densities import (
    SIZES,
    CellPositions,
    GridTerm,
    NormalScores,
    Smoother,
    class_spreads,
)

__all__ = ["Positions", "RefinementTerms", "Term"]

#: Sources by whose weight the presence of a class is shrunk to that of all classes.
PSEUDO_WEIGHT = 1.0


@dataclass(frozen=True)
class Term:
    """
    What a term is about.

    Attributes
    ----------
    kind : {"density", "wide", "presence", "pair"}
        A property at the bandwidth of its published density, or at a wide one; the presence of
        values that are always missing together; or a pair of properties.
    properties : tuple of int
        Numbers of its properties.
    """

    kind: str
    properties: tuple


class Positions:
    """
    Some sources on the grids of all properties.

    Parameters
    ----------
    terms : `RefinementTerms`
        Has the maps to normal scores.
    values : `~numpy.ndarray` of shape (n_properties, n)
        Raw values, NaN where missing.
    errors : dict of int to `~numpy.ndarray` of shape (n,)
        Errors by number of the property.
    """

    def __init__(self, terms, values, errors):
        self._terms = terms
        self.values, self.errors = values, errors
        self.present = ~np.isnan(values)
        self._found = {}

    def __getitem__(self, rows):
        """Select sources."""
        return Positions(
            self._terms, self.values[:, rows], {p: e[rows] for p, e in self.errors.items()}
        )

    def home(self, p, dimension):
        """
        Return where the values of a property are on its grid.

        Parameters
        ----------
        p : int
            The property.
        dimension : {1, 2}
            Grid of single properties, or of pairs.

        Returns
        -------
        position : `CellPositions`
        """
        return self._get("home", p, dimension, lambda: [(1.0, self._terms.scaled(p, self.values))])[
            0
        ][1]

    def spread(self, p, dimension):
        """
        Return the points over which the error of a property spreads its values.

        Parameters
        ----------
        p, dimension : int
            As for `home`.

        Returns
        -------
        points : list of (float, `CellPositions`)
            Shares and positions; one point where it has no errors.
        """
        if p not in self.errors:
            return [(1.0, self.home(p, dimension))]
        return self._get(
            "spread", p, dimension, lambda: self._terms.points(p, self.values, self.errors)
        )

    def _get(self, kind, p, dimension, make):
        key = kind, p, dimension
        if key not in self._found:
            scores = self._terms.scores[p]
            self._found[key] = [
                (share, CellPositions(scores(points), SIZES[dimension])) for share, points in make()
            ]
        return self._found[key]


class RefinementTerms:
    """
    All terms, learned from a training sample, and exact without the source itself.

    Parameters
    ----------
    likelihood : `LikelihoodModel`
        The published densities of the same sample.
    values : `~numpy.ndarray` of shape (n_properties, n)
        Raw training values, NaN where missing.
    codes : `~numpy.ndarray` of int, shape (n,)
        Classes.
    weights : `~numpy.ndarray` of shape (n,)
        Training weights.
    presence : bool
        Whether there are terms of presence.

    Attributes
    ----------
    main : list of `Term`
        Those of single properties and of presence.
    candidates : list of (int, int)
        Pairs of properties that may be a term.
    """

    def __init__(self, likelihood, values, codes, weights, *, presence=True):
        self._likelihood = likelihood
        self._codes, self._weights = codes, weights
        self.n_classes = len(likelihood.class_weight)
        used = [p for p, record in enumerate(likelihood.records) if record.weight != 0]
        scaled = {p: self.scaled(p, values) for p in used}
        self.scores = {p: NormalScores(scaled[p], weights) for p in used}
        size = np.maximum(np.bincount(codes, weights, self.n_classes), 2.0)
        self._training = Positions(self, values, {})
        self._wide, self._pair_smoothers = {}, {}
        for p in used:
            spreads = class_spreads(self.scores[p](scaled[p]), codes, weights, self.n_classes)
            self._pair_smoothers[p] = Smoother(spreads * size ** (-1 / 6), SIZES[2])
            smoother = Smoother(spreads * size ** (-1 / 5), SIZES[1])
            self._wide[p] = self._learn([p], [smoother])
        self._presence = self._presence_groups(used) if presence else []
        here = self._training.present[[group[0] for group in self._presence]].astype(float)
        member = weights * (codes == np.arange(self.n_classes)[:, np.newaxis])
        self._present_weight, self._class_weight = here @ member.T, member.sum(axis=1)
        self.main = [
            *(Term("density", (p,)) for p in used),
            *(Term("wide", (p,)) for p in used),
            *(Term("presence", group) for group in self._presence),
        ]
        self.candidates = list(combinations(used, 2))
        self._pairs = {}

    def scaled(self, p, values):
        """
        Return values of a property on its scale.

        Parameters
        ----------
        p : int
            The property.
        values : `~numpy.ndarray` of shape (n_properties, n)
            Raw values.

        Returns
        -------
        scaled : `~numpy.ndarray` of shape (n,)
        """
        return self._likelihood.records[p].apply_scale(values[p])

    def points(self, p, values, errors):
        """
        Return the points over which an error spreads a value.

        Parameters
        ----------
        p : int
            The property.
        values, errors
            As for `Positions`.

        Returns
        -------
        points : list of (float, `~numpy.ndarray` of shape (n,))
            Shares and scaled values.
        """
        return self._likelihood.error_points(p, values[p], errors[p])

    def _presence_groups(self, used):
        """Group the properties that are missing in the same training sources."""
        groups = {}
        for p in used:
            here = self._training.present[p]
            if not here.all():
                groups.setdefault(here.tobytes(), []).append(p)
        return [tuple(group) for group in groups.values()]

    def _learn(self, properties, smoothers):
        rows = np.flatnonzero(self._training.present[list(properties)].all(axis=0))
        positions = [self._training.home(p, len(properties))[rows] for p in properties]
        return GridTerm(positions, self._codes[rows], self._weights[rows], smoothers)

    def evaluate_main(self, positions, codes=None, weights=None):
        """
        Evaluate all terms but those of pairs.

        Parameters
        ----------
        positions : `Positions`
            The sources.
        codes, weights : `~numpy.ndarray` of shape (n,) or (n_labels, n), optional
            Classes that the sources trained, -1 for none, and their weights there: they are held
            out.

        Returns
        -------
        terms : `~numpy.ndarray` of shape (n_main, n_classes, n)
            With a mean of zero over the classes; 0 where a value is missing.
        """
        result = np.zeros((len(self.main), self.n_classes, positions.values.shape[1]))
        density = self._likelihood.property_terms(
            positions.values, positions.errors, codes, weights
        )
        for row, term in enumerate(self.main):
            p = term.properties[0]
            if term.kind == "density":
                result[row] = density[p]
            elif term.kind == "wide":
                result[row] = self._evaluate(self._wide[p], (p,), positions, codes, weights)
            else:
                k = self._presence.index(term.properties)
                result[row] = self._evaluate_presence(k, positions.present[p], codes, weights)
        return _centred(result, axis=1)

    def evaluate_pair(self, pair, positions, codes=None, weights=None):
        """
        Evaluate the term of a pair.

        Parameters
        ----------
        pair : tuple of int
            The two properties.
        positions, codes, weights
            As for `evaluate_main`.

        Returns
        -------
        term : `~numpy.ndarray` of shape (n_classes, n)
            With a mean of zero over the classes; 0 where one of the values is missing.
        """
        return _centred(self._evaluate(self._pair(pair), pair, positions, codes, weights))

    def pair_table(self, pair):
        """
        Return the term of a pair at all grid points; see `GridTerm.table`.
        """
        return _centred(self._pair(pair).table())

    def _pair(self, pair):
        if pair not in self._pairs:
            self._pairs[pair] = self._learn(pair, [self._pair_smoothers[p] for p in pair])
        return self._pairs[pair]

    def keep(self, pairs):
        """
        Forget the densities of other pairs.

        Parameters
        ----------
        pairs : sequence of tuple of int
            Those that are terms.
        """
        self._pairs = {pair: self._pair(pair) for pair in pairs}

    @staticmethod
    def _evaluate(term, properties, positions, codes, weights):
        result = np.zeros((len(term.totals), positions.values.shape[1]))
        rows = np.flatnonzero(positions.present[list(properties)].all(axis=0))
        dimension = len(properties)
        at = [
            [(share, place[rows]) for share, place in positions.spread(p, dimension)]
            for p in properties
        ]
        if codes is None:
            result[:, rows] = term.evaluate(at)
            return result
        home = [positions.home(p, dimension)[rows] for p in properties]
        codes, weights = np.atleast_2d(codes), np.atleast_2d(weights)
        result[:, rows] = term.evaluate(at, codes[:, rows], weights[:, rows], home)
        return result

    def _evaluate_presence(self, k, here, codes, weights):
        """Return log P(present or absent | class) over that of all classes."""
        n = len(here)
        present = np.repeat(self._present_weight[k][:, np.newaxis], n, axis=1)
        total = np.repeat(self._class_weight[:, np.newaxis], n, axis=1)
        if codes is not None:
            for own_codes, own_weights in zip(
                np.atleast_2d(codes), np.atleast_2d(weights), strict=True
            ):
                rows = np.flatnonzero(own_codes >= 0)
                present[own_codes[rows], rows] -= own_weights[rows] * here[rows]
                total[own_codes[rows], rows] -= own_weights[rows]
        present, total = np.maximum(present, 0.0), np.maximum(total, 0.0)
        pool = (present.sum(axis=0) + 0.5) / (total.sum(axis=0) + 1)
        fraction = (present + PSEUDO_WEIGHT * pool) / (total + PSEUDO_WEIGHT)
        return np.where(
            here, np.log(fraction) - np.log(pool), np.log1p(-fraction) - np.log1p(-pool)
        )


def _centred(terms, axis=0):
    """Subtract the mean over the classes, which says nothing of them."""
    return terms - terms.mean(axis=axis, keepdims=True)
