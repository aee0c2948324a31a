# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Densities of one property for all classes.
"""

import copy

import numpy as np

from claxboi.utils import InputValueError

from ._bandwidths import bandwidths
from ._kernels import KERNELS

__all__ = ["KernelDensities", "TabulatedDensities"]

#: A property with fewer distinct values is a histogram (the published rule),
#: if each has been seen this often on average.
DISCRETE_VALUES = 10
DISCRETE_MULTIPLICITY = 5

#: A value is an atom if this share of a class or of all sources has it, by at least so
#: many sources, and this many times as many as have a typical distinct value.
ATOM_SHARE = 0.05
ATOM_COUNT = 5
ATOM_EXCESS = 10

#: Sources added to each atom and to the continuous part of a class (Jeffreys' prior).
PSEUDO_COUNT = 0.5

#: Beyond the training range the floor itself falls by e with each range's length, down to
#: e to the power of this: an absurd value is an outlier of every class and favours none.
LOWEST_LOG_FLOOR = -23.0

#: Accuracy of the sums of kernels: what is left of a source that is taken out is less.
ROUNDING = 1e-12


class KernelDensities:
    r"""
    The densities of one property for all classes, from training samples.

    Each class has a probability for each atom (a value that many sources have) and for the
    rest, whose density is a sum of kernels. All is in units of the training range R of the
    property: :math:`L = (1 - f) p R \hat f(x) + f`, with the floor f. A class without any
    sample is uniform over the range.

    Parameters
    ----------
    record : `Property`
        The property.
    values : `~numpy.ndarray` of shape (n,)
        Scaled values of the training sources; NaN where missing; may be infinite.
    codes : `~numpy.ndarray` of int, shape (n,)
        Their classes.
    weights : `~numpy.ndarray` of shape (n,)
        Their weights.
    class_names : list of str
        Names of the classes.
    kernel : {"exponential", "gaussian"}
        The kernel.
    bandwidth : str or float
        The rule, where the property gives no bandwidth.
    floor : float
        Share of the floor.

    Attributes
    ----------
    atoms : `~numpy.ndarray` of shape (n_atoms,)
        The scaled values with a probability of their own.
    atom_masses : `~numpy.ndarray` of shape (n_atoms, n_classes)
        Their probabilities, before the floor.
    bandwidths : `~numpy.ndarray` of shape (n_classes,)
        The bandwidths (NaN where all values are atoms).
    lower, upper : float
        The training range.
    """

    def __init__(self, record, values, codes, weights, class_names, *, kernel, bandwidth, floor):
        self.record, self.floor, self._kernel = record, floor, kernel
        self.n_classes = len(class_names)
        x, codes, weights = _in_order(values, codes, weights)
        finite = x[np.isfinite(x)]
        if len(finite) == 0 or finite[0] == finite[-1]:
            raise InputValueError(
                f"property {record.column!r} has {_constant(x, finite, record.scale)} among the "
                "training sources: it cannot classify; leave it out"
            )
        self.lower, self.upper = finite[0], finite[-1]
        self.span = self.upper - self.lower
        self.atoms = self._find_atoms(x, codes, weights)
        self._set_bounds(record)
        self._components = [
            (class_names.index(part.class_name), part)
            for part in record.components
            if part.class_name in class_names
        ]
        x, codes, weights = self._count(x, codes, weights)
        self.bandwidths = np.full(self.n_classes, np.nan)
        if len(x):
            rule = bandwidth if record.bandwidth is None else record.bandwidth
            if x[0] == x[-1] and isinstance(rule, str):
                # Beside the atoms there is but one value: its place is known no better than this.
                rule = self.span / DISCRETE_VALUES
            self.bandwidths = bandwidths(rule, x, codes, weights, self.n_classes, kernel)
        self._sum(x, codes, weights)

    def _count(self, x, codes, weights):
        """Count the atoms and the rest, and return the values that have a kernel."""
        member = codes == np.arange(self.n_classes)[:, np.newaxis]
        self._weight_atoms = np.array(
            [[weights[row & (x == atom)].sum() for row in member] for atom in self.atoms]
        ).reshape(len(self.atoms), self.n_classes)
        rest = ~np.isin(x, self.atoms)
        self.has_continuum = bool(rest.any())
        # What lies at infinity (the logarithm of zero) is counted, but has no kernel.
        self._weight_rest = np.array([weights[row & rest].sum() for row in member])
        rest &= np.isfinite(x)
        lower, upper = self._bounds
        x = np.clip(
            x[rest], -np.inf if lower is None else lower, np.inf if upper is None else upper
        )
        return x, codes[rest], weights[rest]

    def _sum(self, x, codes, weights):
        self._sums = None
        if len(x):
            self._sums = KERNELS[self._kernel](x, codes, weights, self.bandwidths, *self._bounds)
        self._own_masses = self._masses(self._weight_atoms, self._weight_rest)

    def reweighted(self, values, codes, weights):
        """
        Make the densities of the same training sources with other weights.

        Parameters
        ----------
        values, codes : `~numpy.ndarray` of shape (n,)
            The training sources, as they were given.
        weights : `~numpy.ndarray` of shape (n,)
            Their new weights.

        Returns
        -------
        densities : `KernelDensities`
            With the same atoms, bandwidths and range.
        """
        other = copy.copy(self)
        other._sum(*other._count(*_in_order(values, codes, weights)))
        return other

    def _find_atoms(self, x, codes, weights):
        distinct, start = np.unique(x, return_index=True)
        if self.record.atoms != "auto":
            return np.unique(self.record.apply_scale(np.array(self.record.atoms, float)))
        multiplicity = np.diff(np.append(start, len(x)))
        if len(distinct) < DISCRETE_VALUES and len(x) >= DISCRETE_MULTIPLICITY * len(distinct):
            return distinct
        # Few values can be candidates, so the shares per class are counted for those alone.
        candidates = distinct[
            (multiplicity >= ATOM_COUNT) & (multiplicity >= ATOM_EXCESS * np.median(multiplicity))
        ]
        total = np.bincount(codes, weights, minlength=self.n_classes)
        atoms = []
        for value in candidates:
            here = np.bincount(codes[x == value], weights[x == value], minlength=self.n_classes)
            shares = np.append(here[here >= ATOM_COUNT] / total[here >= ATOM_COUNT], 0.0)
            if max(shares.max(), here.sum() / total.sum()) >= ATOM_SHARE:
                atoms.append(value)
        return np.array(atoms, float)

    def _set_bounds(self, record):
        edges = np.array([np.nan if edge is None else edge for edge in record.bounds])
        lower, upper = (None if np.isnan(e) else e for e in record.apply_scale(edges))
        # Many sources exactly at an end of the range: values pile up at a bound.
        if lower is None and self.lower in self.atoms:
            lower = self.lower
        if upper is None and self.upper in self.atoms:
            upper = self.upper
        self._bounds = tuple(
            None if edge is None or np.isinf(edge) else float(edge) for edge in (lower, upper)
        )

    @property
    def atom_masses(self):
        """
        Probability of each atom per class, of shape (n_atoms, n_classes).
        """
        return self._own_masses[0]

    def decades(self):
        """
        Bound the decimal logarithm of every likelihood, on either side of 1.
        """
        narrowest = np.fmin.reduce(self.bandwidths, initial=self.span)
        lowest = np.log10(self.floor) + LOWEST_LOG_FLOOR / np.log(10)
        # A kernel is highest where it is reflected, at twice 1/(2 h).
        return max(-lowest, np.log10(2 * self.span / narrowest))

    def _masses(self, at_atoms, at_rest):
        if not len(self.atoms):
            return at_atoms, np.ones_like(at_rest)
        pseudo_rest = PSEUDO_COUNT if self.has_continuum else 0.0
        total = at_atoms.sum(axis=0) + at_rest + PSEUDO_COUNT * len(self.atoms) + pseudo_rest
        return (at_atoms + PSEUDO_COUNT) / total, (at_rest + pseudo_rest) / total

    def likelihood(self, points, out):
        """
        Evaluate the likelihood of values, in units of the training range.

        Parameters
        ----------
        points : `~numpy.ndarray` of shape (m,)
            Scaled values without NaN; fastest when they increase.
        out : `~numpy.ndarray` of shape (n_classes, m)
            Is overwritten.
        """
        masses, rest = self._own_masses
        if self._sums is None:
            out[:] = 0.0
        else:
            self._sums.evaluate(points, out)
        if self._components or not np.all(self._weight_rest > 0):
            for c in range(self.n_classes):
                self._finish(c, out[c], points, self._weight_rest[c], rest[c])
        else:
            out *= ((1 - self.floor) * rest * self.span / self._weight_rest)[:, np.newaxis]
        out += self._floors(points)
        for atom, mass in zip(self.atoms, masses, strict=True):
            out[:, points == atom] = ((1 - self.floor) * mass + self.floor)[:, np.newaxis]

    def _finish(self, c, density, points, weight, rest):
        # In place: from the sum of kernels to the likelihood without its floor.
        share = (1 - self.floor) * rest
        with np.errstate(divide="ignore", invalid="ignore"):
            density *= share * self.span / weight
        empty = np.broadcast_to(weight <= 0, density.shape)
        if empty.any():
            uniform = (points >= self.lower) & (points <= self.upper)
            density[empty] = (share * uniform)[empty]
        for owner, part in self._components:
            if owner == c:
                density *= 1 - part.fraction
                density += part.fraction * share * self.span * part.evaluate(points)

    def _floors(self, points):
        # Within the range, as nearly always, the floor is one number.
        if len(points) == 0 or (points.min() >= self.lower and points.max() <= self.upper):
            return self.floor
        beyond = np.maximum(np.maximum(self.lower - points, points - self.upper), 0.0)
        return self.floor * np.exp(np.maximum(-beyond / self.span, LOWEST_LOG_FLOOR))

    def own_likelihood(self, points, values, codes, weights, pairs=None):
        """
        Evaluate the likelihood for one class each, without some of its training rows.

        Exact at fixed bandwidth: kernels are taken out of the density, and counts out of the
        atoms.

        Parameters
        ----------
        points : `~numpy.ndarray` of shape (m,)
            Scaled values at which to evaluate.
        values : `~numpy.ndarray` of shape (k,)
            Scaled values of the training rows that are taken out; NaN where missing.
        codes : `~numpy.ndarray` of int, shape (m,)
            Class for each point.
        weights : `~numpy.ndarray` of shape (k,)
            Weights of the training rows.
        pairs : `~numpy.ndarray` of int, shape (k,), optional
            Point for which each row is taken out. Default: one row for each point.

        Returns
        -------
        likelihood : `~numpy.ndarray` of shape (m,)
        """
        n = len(points)
        pairs = np.arange(n) if pairs is None else pairs
        at_atoms, at_rest = self._weight_atoms[:, codes], self._weight_rest[codes].copy()
        in_rest = ~np.isnan(values)
        for k, atom in enumerate(self.atoms):
            hit = values == atom
            at_atoms[k] -= np.bincount(pairs[hit], weights[hit], n)
            in_rest &= ~hit
        taken = np.bincount(pairs[in_rest], weights[in_rest], n)
        at_rest -= taken
        # What remains of the last source of a class is rounding.
        at_rest[at_rest < 1e-9 * taken] = 0.0
        masses, rest = self._masses(np.maximum(at_atoms, 0.0), at_rest)
        density = np.zeros(n)
        if self._sums is not None:
            density = self._sums.evaluate_class(points, codes)
            kernel = np.flatnonzero(in_rest & np.isfinite(values))
            inside = np.clip(
                values[kernel],
                -np.inf if self._bounds[0] is None else self._bounds[0],
                np.inf if self._bounds[1] is None else self._bounds[1],
            )
            owner = pairs[kernel]
            own = weights[kernel] * self._sums.own(points[owner], inside, codes[owner])
            own = np.bincount(owner, own, n)
            left = density - own
            # An isolated source leaves nothing but rounding behind.
            density = np.where(left > ROUNDING * own, left, 0.0)
        for c in np.unique(codes):
            members = codes == c
            part = density[members]
            self._finish(c, part, points[members], at_rest[members], rest[members])
            density[members] = part
        density += self._floors(points)
        for atom, mass in zip(self.atoms, masses, strict=True):
            hit = points == atom
            density[hit] = (1 - self.floor) * mass[hit] + self.floor
        return density


def _in_order(values, codes, weights):
    """Return the sources that have a value, in the order of their values."""
    present = ~np.isnan(values)
    order = np.argsort(values[present], kind="stable")
    return values[present][order], codes[present][order], weights[present][order]


def _constant(x, finite, scale):
    if len(x) == 0:
        return "no value"
    if len(finite) == 0:
        return "no positive value"
    return f"only one value ({finite[0]:g}{'' if scale == 'linear' else f' on its {scale} scale'})"


class TabulatedDensities:
    """
    The densities of one property for all classes, as a table of probabilities per bin.

    They are what the original scripts use: straight lines between the middles of the bins,
    1 outside them.

    Parameters
    ----------
    record : `Property`
        The property.
    middles : `~numpy.ndarray` of shape (n_bins,)
        Increasing middles of the bins, scaled.
    probabilities : `~numpy.ndarray` of shape (n_classes, n_bins)
        Probability per bin.
    """

    def __init__(self, record, middles, probabilities):
        self.record, self.middles, self.probabilities = record, middles, probabilities
        self.n_classes = len(probabilities)
        self.lower, self.upper = middles[0], middles[-1]
        self.span = self.upper - self.lower
        self.atoms = np.empty(0)
        self.atom_masses = np.empty((0, self.n_classes))

    def decades(self):
        """
        Bound the decimal logarithm of every likelihood; see `KernelDensities.decades`.
        """
        return max(-np.log10(self.probabilities.min()), 1.0)

    def likelihood(self, points, out):
        """
        Evaluate the likelihood of values.

        Parameters
        ----------
        points, out
            As for `KernelDensities.likelihood`.
        """
        for c, table in enumerate(self.probabilities):
            out[c] = np.interp(points, self.middles, table, left=1.0, right=1.0)

    def own_likelihood(self, points, values, codes, weights, pairs=None):  # noqa: ARG002
        """
        Evaluate the likelihood for the own class.

        A table remembers no source, so nothing can be taken out: the caller is to say so.

        Parameters
        ----------
        points, values, codes, weights, pairs
            As for `KernelDensities.own_likelihood`.

        Returns
        -------
        likelihood : `~numpy.ndarray` of shape (m,)
            That of the class of each source.
        """
        out = np.empty((self.n_classes, len(points)))
        self.likelihood(points, out)
        return out[codes, np.arange(len(points))]
