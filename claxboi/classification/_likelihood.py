# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Log-likelihoods by category, for a chunk of sources at a time.

Arrays have the sources on the last axis: each class then is one contiguous row.
"""

import copy
import functools
from dataclasses import dataclass

import numpy as np

from ._parallel import multiply
from .properties import INVERSE_ERROR

__all__ = ["LikelihoodModel", "Terms"]

#: Published smoothing of the fraction of a class that has a property (METHODS:
#: (r + 0.001)/1.002), which keeps its logarithm finite.
PRESENCE_SMOOTHING = 0.001

#: Nodes and weights that average over a Gaussian error.
_NODES, _NODE_WEIGHTS = np.polynomial.hermite.hermgauss(5)
ERROR_NODES = np.sqrt(2) * _NODES
ERROR_WEIGHTS = _NODE_WEIGHTS / np.sqrt(np.pi)

#: Decades that a product of likelihoods may span before a logarithm is taken.
PRODUCT_DECADES = 300

#: What is left of a class without its last source, in units of its weight.
ROUNDING = 1e-9

#: Points that are evaluated at a time: all of their arrays stay in the nearest cache.
BLOCK_SIZE = 8192


@dataclass
class Terms:
    """
    Log-likelihoods of some sources in each class.

    Attributes
    ----------
    log_likelihood : `~numpy.ndarray` of shape (n_categories, n_classes, n)
        Sum over the present properties of each category.
    case_present : `~numpy.ndarray` of shape (n_categories, n_classes, n_cases)
        Sum of log P(present | class) over the present properties of each category, for each
        case of missing values.
    case_absent : `~numpy.ndarray` of shape (n_categories, n_classes, n_cases)
        Sum of log P(absent | class) over the missing properties of each category.
    case : `~numpy.ndarray` of int, shape (n,)
        Case of each source.
    n_present : `~numpy.ndarray` of int, shape (n,)
        Number of properties with a value.
    pattern : `~numpy.ndarray` of int, shape (n,)
        Row of ``patterns`` for each source.
    patterns : `~numpy.ndarray` of bool, shape (n_patterns, n_properties)
        Which properties are present.
    densities : `~numpy.ndarray` of shape (n_properties, n_classes, n) or None
        Log-likelihood of each property, where they were asked for.
    detection : `~numpy.ndarray` of shape (n_classes, n) or None
        What the limits say (`DetectionTerms`), where there are any.
    """

    log_likelihood: np.ndarray
    case_present: np.ndarray
    case_absent: np.ndarray
    case: np.ndarray
    n_present: np.ndarray
    pattern: np.ndarray
    patterns: np.ndarray
    densities: np.ndarray | None = None
    detection: np.ndarray | None = None

    @property
    def present(self):
        """
        Log-probability of the properties that each source has.
        """
        return self.case_present[..., self.case]

    @property
    def absent(self):
        """
        Log-probability of the properties that each source lacks.
        """
        return self.case_absent[..., self.case]

    @functools.cached_property
    def case_total(self):
        """
        Sum of both over the categories, of shape (n_classes, n_cases).
        """
        return (self.case_present + self.case_absent).sum(axis=0)

    def part(self, rows):
        """
        Select sources.

        Parameters
        ----------
        rows : slice or `~numpy.ndarray` of int
            Which.

        Returns
        -------
        terms : `Terms`
            It shares what is the same for all sources.
        """
        part = Terms(
            self.log_likelihood[..., rows],
            self.case_present,
            self.case_absent,
            self.case[rows],
            self.n_present[rows],
            self.pattern[rows],
            self.patterns,
            None if self.densities is None else self.densities[..., rows],
            None if self.detection is None else self.detection[..., rows],
        )
        part.case_total = self.case_total
        return part


class LikelihoodModel:
    """
    The densities and presence fractions of all properties.

    Parameters
    ----------
    densities : list
        One per property, as `KernelDensities`.
    categories : tuple of str
        Names of the categories, in order.
    present_weight : `~numpy.ndarray` of shape (n_properties, n_classes)
        Weight of the training sources that have the property.
    class_weight : `~numpy.ndarray` of shape (n_classes,)
        Weight of the training sources.
    training_values : `~numpy.ndarray` of shape (n_properties, n_rows), optional
        Raw values of the training rows, which `terms` takes out by their number.
    """

    def __init__(self, densities, categories, present_weight, class_weight, training_values=None):
        self.training_values = training_values
        self.densities = densities
        self.records = [density.record for density in densities]
        self.category = np.array([categories.index(r.category) for r in self.records])
        self.n_categories = len(categories)
        # What the presence of a value with a limit says is a matter of the limit.
        self._has_presence = np.array([record.limit is None for record in self.records])
        self.n_classes = len(class_weight)
        self.present_weight, self.class_weight = present_weight, class_weight
        decades = max(density.decades() for density in densities)
        self._products_per_log = max(int(PRODUCT_DECADES / decades), 1)

    def reweighted(self, codes, weights):
        """
        Make the model of the same training sources with other weights.

        Parameters
        ----------
        codes : `~numpy.ndarray` of int, shape (n_rows,)
            Classes of the training rows.
        weights : `~numpy.ndarray` of shape (n_rows,)
            Their new weights.

        Returns
        -------
        model : `LikelihoodModel`
            With the same atoms and bandwidths.
        """
        other = copy.copy(self)
        other.densities = [
            density.reweighted(density.record.apply_scale(values), codes, weights)
            for density, values in zip(self.densities, self.training_values, strict=True)
        ]
        member = weights * (codes == np.arange(self.n_classes)[:, np.newaxis])
        other.present_weight = ~np.isnan(self.training_values) @ member.T
        other.class_weight = member.sum(axis=1)
        return other

    def presence(self):
        """
        Return P(present | class), of shape (n_properties, n_classes).
        """
        return _smooth(self.present_weight, self.class_weight)

    def terms(self, values, errors, codes=None, weights=None, rows=None, *, each=False):
        """
        Evaluate all densities for some sources.

        Parameters
        ----------
        values : `~numpy.ndarray` of shape (n_properties, n)
            Raw values, NaN where missing.
        errors : dict of int to `~numpy.ndarray` of shape (n,)
            Errors by number of the property; NaN counts as zero.
        codes : `~numpy.ndarray` of int, shape (n,) or (n_most, n), optional
            Class of each training row to hold out, -1 for none: one for each source, or
            several for sources that have several rows.
        weights : `~numpy.ndarray` of the same shape, optional
            Their training weights.
        rows : `~numpy.ndarray` of int, of the same shape, optional
            Their numbers among the training rows, whose values are taken out. Default: the values
            of the sources themselves.
        each : bool, optional
            Keep the log-likelihood of each property, too.

        Returns
        -------
        terms : `Terms`
        """
        held = self._held(values, codes, weights, rows)
        pattern, patterns = _patterns(~np.isnan(values))
        shape = (self.n_classes, values.shape[1])
        densities = None
        if each:
            densities = np.empty((len(self.records), *shape))
            self._each(values, errors, held, densities)
            log_likelihood = np.zeros((self.n_categories, *shape))
            for t, part in zip(self.category, densities, strict=True):
                log_likelihood[t] += part
        else:
            log_likelihood = self._by_category(values, errors, held)
        return Terms(
            log_likelihood,
            *self._existence(pattern, patterns, held),
            patterns.sum(axis=1)[pattern],
            pattern,
            patterns,
            densities,
        )

    def _by_category(self, values, errors, held):
        """Return the log-likelihood of each category: one logarithm for many properties."""
        n = values.shape[1]
        log_likelihood = np.zeros((self.n_categories, self.n_classes, n))
        product = np.empty((self.n_classes, n))
        for t in range(self.n_categories):
            product.fill(1.0)
            pending = 0
            for p in np.flatnonzero(self.category == t):
                exponent = self.exponent(p, errors.get(p))
                if np.any(exponent != 1):
                    # A large exponent could overflow a product, not a sum.
                    factor = self._factor(p, values[p], errors.get(p), held)
                    log_likelihood[t] += exponent * np.log(factor)
                    continue
                if pending == self._products_per_log:
                    log_likelihood[t] += np.log(product)
                    product.fill(1.0)
                    pending = 0
                if p in errors:
                    product *= self._factor(p, values[p], errors[p], held)
                else:
                    scaled = self.records[p].apply_scale(values[p])
                    self._multiply(p, scaled, held, product)
                pending += 1
            if pending:
                log_likelihood[t] += np.log(product)
        return log_likelihood

    def property_terms(self, values, errors, codes=None, weights=None, rows=None):
        """
        Evaluate the log-likelihood of each property apart.

        Parameters
        ----------
        values, errors, codes, weights, rows
            As for `terms`.

        Returns
        -------
        log_likelihood : `~numpy.ndarray` of shape (n_properties, n_classes, n)
            With the weights of the properties; 0 where missing.
        """
        result = np.empty((len(self.records), self.n_classes, values.shape[1]))
        self._each(values, errors, self._held(values, codes, weights, rows), result)
        return result

    def _each(self, values, errors, held, out):
        for p, row in enumerate(out):
            np.log(self._factor(p, values[p], errors.get(p), held), out=row)
            exponent = self.exponent(p, errors.get(p))
            if np.any(exponent != 1):
                np.multiply(row, exponent, out=row)

    def own_terms(self, values, errors, codes, weights, rows=None):
        """
        Evaluate the held-out log-likelihood of each property for the own class.

        Parameters
        ----------
        values, errors, codes, weights, rows
            As for `terms`, of training sources only; the own class is the first.

        Returns
        -------
        log_likelihood : `~numpy.ndarray` of shape (n_properties, n)
            With the weights of the properties; 0 where missing.
        """
        held = self._held(values, codes, weights, rows)
        held = held.take(np.flatnonzero(held.codes == np.atleast_2d(codes)[0][held.sources]))
        result = np.zeros(values.shape)
        for p in range(len(self.records)):
            factor = self._averaged(
                p, values[p], errors.get(p), lambda at, p=p: self._own_at(p, at, held)
            )
            result[p] = self.exponent(p, errors.get(p)) * np.log(factor)
        return result

    def _held(self, values, codes, weights, rows):
        if codes is None or not (codes >= 0).any():
            return None
        return _HeldOut(codes, weights, values, rows, self.training_values, self.n_classes)

    def exponent(self, p, errors):
        """
        Return the weight of a property: the power of its density.

        Parameters
        ----------
        p : int
            The property.
        errors : `~numpy.ndarray` of shape (n,) or None
            Errors of its values.

        Returns
        -------
        exponent : float or `~numpy.ndarray` of shape (n,)
            One for each source where the weight is one over the error.
        """
        weight = self.records[p].weight
        if weight != INVERSE_ERROR:
            return weight
        known = np.nan_to_num(np.abs(errors)) > 0
        return np.divide(1.0, np.abs(errors), out=np.ones(len(errors)), where=known)

    def _factor(self, p, raw, errors, held):
        return self._averaged(p, raw, errors, lambda at: self._at(p, at, held))

    def _averaged(self, p, raw, errors, evaluate):
        """Average evaluate(points) over the errors."""
        return sum(share * evaluate(points) for share, points in self.error_points(p, raw, errors))

    def error_points(self, p, raw, errors):
        """
        Return the points over which errors spread the values of a property.

        Parameters
        ----------
        p : int
            The property.
        raw : `~numpy.ndarray` of shape (n,)
            Values.
        errors : `~numpy.ndarray` of shape (n,) or None
            Their errors.

        Returns
        -------
        points : list of (float, `~numpy.ndarray` of shape (n,))
            Shares, which sum to 1, and scaled values.
        """
        density, record = self.densities[p], self.records[p]
        scaled = record.apply_scale(raw)
        if errors is None or record.weight == INVERSE_ERROR:
            return [(1.0, scaled)]
        # An atom is exact: its error does not spread it over its surroundings.
        errors = np.where(np.isnan(errors) | np.isin(scaled, density.atoms), 0.0, np.abs(errors))
        lower, upper = record.bounds
        # What has a logarithm is positive, whatever its error.
        bounds = (0.0 if lower is None and record.scale == "log10" else lower), upper
        return [
            (share, record.apply_scale(_fold(raw, raw + node * errors, *bounds)))
            for node, share in zip(ERROR_NODES, ERROR_WEIGHTS, strict=True)
        ]

    def _at(self, p, points, held):
        factor = np.ones((self.n_classes, len(points)))
        self._multiply(p, points, held, factor)
        return factor

    def _multiply(self, p, points, held, product):
        """Multiply the likelihood of the present points into a product, in place."""
        density = self.densities[p]
        order = _sorted_present(points)
        ordered = points[order]
        # One column more: what is missing looks up a likelihood of 1 there.
        likelihood = np.empty((self.n_classes, len(order) + 1))
        likelihood[:, -1] = 1.0
        for start in range(0, len(order), BLOCK_SIZE):
            part = slice(start, min(start + BLOCK_SIZE, len(order)))
            block = np.empty((self.n_classes, part.stop - start))
            density.likelihood(ordered[part], block)
            likelihood[:, part] = block
        place = np.full(len(points), len(order))
        place[order] = np.arange(len(order))
        if held is not None:
            column = place[held.sources]
            pairs = np.flatnonzero(column < len(order))
            pairs = pairs[np.argsort(column[pairs], kind="stable")]
            own = self._own_likelihood(p, points, held.take(pairs))
            likelihood[held.codes[pairs], column[pairs]] = own
        # Looking values up is three times as fast as putting them in their places.
        product *= np.take(likelihood, place, axis=1, mode="clip")

    def _own_likelihood(self, p, points, held):
        """Return the likelihood of each pair of source and class, without what is held out."""
        density = self.densities[p]
        values = self.records[p].apply_scale(held.values[p])
        own = np.empty(len(held.sources))
        for start in range(0, len(own), BLOCK_SIZE):
            part = slice(start, start + BLOCK_SIZE)
            pairs, kernels = held.sources[part], held.kernels_of(part)
            own[part] = density.own_likelihood(
                points[pairs],
                values[kernels],
                held.codes[part],
                held.weights[kernels],
                held.pairs[kernels] - start,
            )
        return own

    def _own_at(self, p, points, held):
        """Return the likelihood of each source without what is held out, 1 where it is missing."""
        here = np.flatnonzero(~np.isnan(points[held.sources]))
        here = here[np.argsort(points[held.sources[here]], kind="stable")]
        factor = np.ones(len(points))
        factor[held.sources[here]] = self._own_likelihood(p, points, held.take(here))
        return factor

    def presence_terms(self, values, codes=None, weights=None, rows=None):
        """
        Evaluate what the presence or absence of each property says, apart.

        Parameters
        ----------
        values, codes, weights, rows
            As for `terms`.

        Returns
        -------
        log_presence : `~numpy.ndarray` of shape (n_properties, n_classes, n)
            log P(present | class) or its complement; 0 for properties with limits.
        """
        here = ~np.isnan(values)
        fraction = np.repeat(self.presence()[..., np.newaxis], values.shape[1], axis=2)
        held = self._held(values, codes, weights, rows)
        if held is not None:
            fraction[:, held.codes, held.sources] = self._own_presence(held)
        result = np.where(here[:, np.newaxis], np.log(fraction), np.log1p(-fraction))
        result[~self._has_presence] = 0.0
        return result

    def _own_presence(self, held):
        """Return P(present | class) for each pair without what is held out, (n_properties, m)."""
        n = len(held.sources)
        present = self.present_weight[:, held.codes]
        for p, here in enumerate(~np.isnan(held.values)):
            present[p] -= np.bincount(held.pairs, held.weights * here, n)
        taken = np.bincount(held.pairs, held.weights, n)
        total = self.class_weight[held.codes] - taken
        # What remains of the last source of a class is rounding.
        total[total < ROUNDING * taken] = 0.0
        return _smooth(present, total)

    def _existence(self, pattern, patterns, held):
        """Return what presence and absence say, case by case, and the case of each source."""
        fraction = self.presence()
        # Sums over the properties of each category, pattern by pattern.
        member = self.category == np.arange(self.n_categories)[:, np.newaxis]
        member &= self._has_presence
        has = patterns.T.astype(float)
        shape = (self.n_categories, self.n_classes, len(patterns))
        present, absent = np.empty(shape), np.empty(shape)
        for t, rows in enumerate(member):
            multiply(np.log(fraction[rows]).T, has[rows], present[t])
            multiply(np.log1p(-fraction[rows]).T, 1 - has[rows], absent[t])
        if held is None:
            return present, absent, pattern
        # A training source is a case of its own: it does not count itself.
        present, absent = present[..., pattern], absent[..., pattern]
        held_out = self._own_presence(held)
        here = patterns[pattern[held.sources]].T
        yes = np.where(here, np.log(held_out), 0.0)
        no = np.where(here, 0.0, np.log1p(-held_out))
        for t, properties in enumerate(member):
            present[t, held.codes, held.sources] = yes[properties].sum(axis=0)
            absent[t, held.codes, held.sources] = no[properties].sum(axis=0)
        return present, absent, np.arange(len(pattern))


class _HeldOut:
    # Pairs of a source and a class that it trained, and the training rows ("kernels") that are
    # taken out of each pair: one as a rule, several of a source with several rows of one class.

    def __init__(self, codes, weights, values, rows, training_values, n_classes):
        codes, weights = np.atleast_2d(codes), np.atleast_2d(weights)
        layers, sources = np.nonzero(codes >= 0)
        self.weights = weights[layers, sources]
        if rows is None:
            self.values = values[:, sources]
        else:
            self.values = training_values[:, np.atleast_2d(rows)[layers, sources]]
        self.sources, self.codes = sources, codes[layers, sources]
        self.pairs = np.arange(len(sources))
        if len(codes) > 1:
            pair, first, self.pairs = np.unique(
                sources * n_classes + self.codes, return_index=True, return_inverse=True
            )
            self.sources, self.codes = sources[first], self.codes[first]
            self._sort(len(pair))

    def _sort(self, n_pairs):
        order = np.argsort(self.pairs, kind="stable")
        self.pairs, self.weights = self.pairs[order], self.weights[order]
        self.values = self.values[:, order]
        self._edges = np.searchsorted(self.pairs, np.arange(n_pairs + 1))

    @property
    def _is_simple(self):
        return len(self.pairs) == len(self.sources)

    def kernels_of(self, part):
        """Return the kernels of a slice of pairs."""
        if self._is_simple:
            return part
        return slice(self._edges[part.start], self._edges[min(part.stop, len(self.sources))])

    def take(self, pairs):
        """Select pairs, in the order of their numbers."""
        other = object.__new__(_HeldOut)
        other.sources, other.codes = self.sources[pairs], self.codes[pairs]
        if self._is_simple:
            other.pairs, other.weights = np.arange(len(pairs)), self.weights[pairs]
            other.values = self.values[:, pairs]
            return other
        place = np.full(len(self.sources), -1)
        place[pairs] = np.arange(len(pairs))
        kept = np.flatnonzero(place[self.pairs] >= 0)
        other.pairs, other.weights = place[self.pairs[kept]], self.weights[kept]
        other.values = self.values[:, kept]
        other._sort(len(pairs))
        return other


def _sorted_present(points):
    """Return the rows that have a value, in the order of the values, nearly."""
    n, missing = len(points), np.isnan(points)
    # Sorting whole numbers is three times as fast as an argsort: the row takes the place of the
    # last bits, so that values equal to 1e-11 may come in any order, which no look-up minds.
    bits = points.view(np.int64)
    shift = max(int(n - 1).bit_length(), 1)
    key = bits ^ ((bits >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))
    key[missing] = np.iinfo(np.int64).max
    key &= np.int64(-1 << shift)
    key |= np.arange(n)
    key.sort()
    return (key & np.int64((1 << shift) - 1))[: n - np.count_nonzero(missing)]


def _smooth(present, total):
    # A class without any source left is as likely to have the property as not.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(total > 0, np.clip(present / total, 0, 1), 0.5)
    return (ratio + PRESENCE_SMOOTHING) / (1 + 2 * PRESENCE_SMOOTHING)


def _fold(raw, points, lower, upper):
    """Reflect points that an error carries over a bound, unless the value is beyond it itself."""
    if lower is None and upper is None:
        return points
    if upper is None:
        return np.where((points < lower) & (raw >= lower), 2 * lower - points, points)
    if lower is None:
        return np.where((points > upper) & (raw <= upper), 2 * upper - points, points)
    width = upper - lower
    folded = lower + width - np.abs((points - lower) % (2 * width) - width)
    crossed = ((points < lower) | (points > upper)) & (raw >= lower) & (raw <= upper)
    return np.where(crossed, folded, points)


def _patterns(present):
    n_properties = len(present)
    if n_properties <= 64:
        key = np.zeros(present.shape[1], np.uint64)
        for p, row in enumerate(present):
            key |= row.astype(np.uint64) << np.uint64(p)
        _, first, pattern = np.unique(key, return_index=True, return_inverse=True)
    else:
        packed = np.ascontiguousarray(np.packbits(present, axis=0).T)
        key = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
        _, first, pattern = np.unique(key, return_index=True, return_inverse=True)
    return pattern, present[:, first].T
