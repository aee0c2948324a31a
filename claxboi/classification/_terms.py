# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Terms of the refinement: one for each property, survey, and pair of properties.

Arrays have the sources on the last axis.
"""

import copy
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ._grid_densities import (
    LIMIT,
    SIZES,
    CellPositions,
    GridTerm,
    HeldOut,
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
    Description of a term: its kind and its properties.

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
        self._found, self._scores = {}, {}

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
        ((_, place),) = self._get(
            "home", p, dimension, lambda: [(1.0, self._terms.scaled(p, self.values))]
        )
        return place

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
            if (kind, p) not in self._scores:
                scores = self._terms.scores[p]
                self._scores[kind, p] = [(share, scores(points)) for share, points in make()]
            self._found[key] = [
                (share, CellPositions(scores, SIZES[dimension]))
                for share, scores in self._scores[kind, p]
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
        self._smoothers, self._pair_smoothers = {}, {}
        for p in used:
            spreads = class_spreads(self.scores[p](scaled[p]), codes, weights, self.n_classes)
            self._pair_smoothers[p] = Smoother(spreads * size ** (-1 / 6), SIZES[2])
            self._smoothers[p] = Smoother(spreads * size ** (-1 / 5), SIZES[1])
        self._presence = self._presence_groups(used) if presence else []
        self._learn_single()
        self.main = [
            *(Term("density", (p,)) for p in used),
            *(Term("wide", (p,)) for p in used),
            *(Term("presence", group) for group in self._presence),
        ]
        self.candidates = list(combinations(used, 2))
        self._pairs = {}

    def _learn_single(self):
        """Learn all terms but the pairs."""
        self._wide = {p: self._learn([p], [smoother]) for p, smoother in self._smoothers.items()}
        here = self._training.present[[group[0] for group in self._presence]].astype(float)
        member = self._weights * (self._codes == np.arange(self.n_classes)[:, np.newaxis])
        self._present_weight, self._class_weight = here @ member.T, member.sum(axis=1)

    def reweighted(self, likelihood, weights):
        """
        Make the terms of the same training sources with other weights.

        Parameters
        ----------
        likelihood : `LikelihoodModel`
            Their published densities.
        weights : `~numpy.ndarray` of shape (n,)
            The new weights.

        Returns
        -------
        terms : `RefinementTerms`
            With the same grids, bandwidths and pairs.
        """
        other = copy.copy(self)
        other._likelihood, other._weights = likelihood, weights
        other._learn_single()
        other._pairs = {}
        other.keep(self._pairs)
        return other

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
            # For a property with a limit, presence depends on the limit, not on the class.
            if not here.all() and self._likelihood.records[p].limit is None:
                groups.setdefault(here.tobytes(), []).append(p)
        return [tuple(group) for group in groups.values()]

    def _learn(self, properties, smoothers):
        rows = np.flatnonzero(self._training.present[list(properties)].all(axis=0))
        positions = [self._training.home(p, len(properties))[rows] for p in properties]
        return GridTerm(positions, self._codes[rows], self._weights[rows], smoothers)

    def evaluate(self, term, positions, held=(), densities=None):
        """
        Evaluate a term.

        Parameters
        ----------
        term : `Term`
            The term.
        positions : `Positions`
            The sources.
        held : tuple of `~numpy.ndarray`, optional
            Training rows to hold out, of shape (n,) or (n_most, n): their classes, -1 for none,
            their weights, and their numbers. Default: none.
        densities : `~numpy.ndarray` of shape (n_properties, n_classes, n), optional
            Log-likelihood of each property, which terms of the kind "density" are.

        Returns
        -------
        values : `~numpy.ndarray` of shape (n_classes, n)
            With a mean of zero over the classes; 0 where a value is missing.
        """
        held = [np.atleast_2d(part) for part in held if part is not None]
        if term.kind == "density":
            values = densities[term.properties[0]]
        elif term.kind == "presence":
            values = self._evaluate_presence(term.properties, positions, held)
        else:
            values = self._evaluate_grid(term.properties, positions, held)
        return values - values.mean(axis=0)

    def table(self, term):
        """
        Return a term at all points of its grid, for sources that did not train it.

        Parameters
        ----------
        term : `Term`
            The term.

        Returns
        -------
        table : `~numpy.ndarray` of shape (n_classes, size) or (n_classes, size, size), or None
            Of a term of presence: without the values, and with them. None for a density.
        """
        if term.kind == "density":
            return None
        if term.kind == "presence":
            table = self._presence_table(term.properties)
        else:
            table = self._grid(term.properties).table()
        return table - table.mean(axis=0)

    def _presence_table(self, properties):
        k = self._presence.index(properties)
        return np.stack(_presence_ratios(self._present_weight[k], self._class_weight), axis=1)

    def _grid(self, properties):
        return self._wide[properties[0]] if len(properties) == 1 else self._pair(properties)

    def _pair(self, pair):
        if pair not in self._pairs:
            self._pairs[pair] = self._learn(pair, [self._pair_smoothers[p] for p in pair])
        return self._pairs[pair]

    def pair_densities(self, pair):
        """
        Return the joint density of a pair of properties for each class.

        Parameters
        ----------
        pair : (int, int)
            The properties.

        Returns
        -------
        values : list of `~numpy.ndarray` of shape (size,)
            Values of both properties at the points of the grid, on their scales.
        densities : `~numpy.ndarray` of shape (n_classes, size, size)
            Per cell of the grid.
        """
        grid = self._learn(pair, [self._pair_smoothers[p] for p in pair])
        points = np.linspace(-LIMIT, LIMIT, SIZES[2])
        return [self.scores[p].inverse(points) for p in pair], grid.densities()

    def keep(self, pairs):
        """
        Forget the densities of other pairs.

        Parameters
        ----------
        pairs : sequence of tuple of int
            Those that are terms.
        """
        self._pairs = {pair: self._pair(pair) for pair in pairs}

    def _evaluate_grid(self, properties, positions, held):
        grid, dimension = self._grid(properties), len(properties)
        result = np.zeros((self.n_classes, positions.values.shape[1]))
        present = np.flatnonzero(positions.present[list(properties)].all(axis=0))
        at = [
            [(share, place[present]) for share, place in positions.spread(p, dimension)]
            for p in properties
        ]
        trained = self._training.present[list(properties)].all(axis=0)
        left_out = []
        for codes, weights, rows in zip(*held, strict=True):
            chosen = np.flatnonzero((codes[present] >= 0) & trained[rows[present]])
            place = present[chosen]
            home = [self._training.home(p, dimension)[rows[place]] for p in properties]
            left_out.append(HeldOut(chosen, codes[place], weights[place], home))
        result[:, present] = grid.evaluate(at, left_out)
        return result

    def _evaluate_presence(self, properties, positions, held):
        """Return log P(present or absent | class) over that of all classes."""
        k, here = self._presence.index(properties), positions.present[properties[0]]
        present = np.repeat(self._present_weight[k][:, np.newaxis], len(here), axis=1)
        total = np.repeat(self._class_weight[:, np.newaxis], len(here), axis=1)
        trained = self._training.present[properties[0]]
        for codes, weights, rows in zip(*held, strict=True):
            own = np.flatnonzero(codes >= 0)
            present[codes[own], own] -= weights[own] * trained[rows[own]]
            total[codes[own], own] -= weights[own]
        absent, present = _presence_ratios(present, total)
        return np.where(here, present, absent)


def _presence_ratios(present, total):
    """Return log P(absent | class) and log P(present | class), over those of all classes."""
    present, total = np.maximum(present, 0.0), np.maximum(total, 0.0)
    pool = (present.sum(axis=0) + 0.5) / (total.sum(axis=0) + 1)
    fraction = (present + PSEUDO_WEIGHT * pool) / (total + PSEUDO_WEIGHT)
    return np.log1p(-fraction) - np.log1p(-pool), np.log(fraction) - np.log(pool)
