# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tables of the log-densities of a property, for many sources.

A table has straight lines between nodes. The density of the exponential kernel has a kink at each
training value, so a cell that is too coarse is cut at the training value in its middle, and at its
own middle where it has none.
"""

import numpy as np

from ._knot_search import KnotSearch

__all__ = ["DensityTable", "make_table"]

#: Largest error of a table in nats, at all training values and in the middle of all cells.
TOLERANCE = 5e-6

#: Cells to start with, most cells, and most rounds in which they are cut.
FIRST_CELLS = 512
MOST_CELLS = 100_000
MOST_ROUNDS = 40


class DensityTable:
    """
    Log-densities of one property for all classes, in straight lines between nodes.

    Parameters
    ----------
    density : `KernelDensities`
        Gives the exact values at atoms and beyond the training range.
    nodes : `~numpy.ndarray` of shape (n_cells + 1,)
        From one end of the training range to the other.
    values : `~numpy.ndarray` of shape (n_classes, n_cells + 1)
        Log-densities there.
    """

    def __init__(self, density, nodes, values):
        self._density = density
        self._nodes, self._find = nodes, KnotSearch(nodes[1:-1])
        n_classes, self._missing = len(values), len(nodes) - 1
        # What is missing adds nothing; each atom has an entry of its own.
        at_atoms = np.empty((n_classes, len(density.atoms)))
        density.likelihood(density.atoms, at_atoms)
        self._base = np.hstack([values[:, :-1], np.zeros((n_classes, 1)), np.log(at_atoms)])
        self._slope = np.zeros_like(self._base)
        self._slope[:, : self._missing] = np.diff(values) / np.diff(nodes)

    def __len__(self):
        return self._missing

    def log_likelihood(self, points, out):
        """
        Look up log-likelihoods, as `KernelDensities.likelihood` evaluates them.

        Parameters
        ----------
        points : `~numpy.ndarray` of shape (n,)
            Scaled values, in any order; NaN where missing.
        out : `~numpy.ndarray` of shape (n_classes, n)
            Is overwritten; 0 where missing.
        """
        density, nodes = self._density, self._nodes
        inside = points >= nodes[0]
        inside &= points <= nodes[-1]
        here = np.where(inside, points, nodes[0])
        cell = self._find(here)
        here -= nodes.take(cell)
        np.copyto(cell, self._missing, where=~inside)
        for k, atom in enumerate(density.atoms):
            cell[points == atom] = self._missing + 1 + k
        rest = np.empty(len(points))
        for c, (base, slope) in enumerate(zip(self._base, self._slope, strict=True)):
            np.take(base, cell, out=out[c], mode="clip")
            np.take(slope, cell, out=rest, mode="clip")
            rest *= here
            out[c] += rest
        beyond = np.flatnonzero(cell == self._missing)
        beyond = beyond[~np.isnan(points[beyond])]
        if len(beyond):
            exact = np.empty((len(out), len(beyond)))
            density.likelihood(points[beyond], exact)
            out[:, beyond] = np.log(exact)


def make_table(density, tolerance=TOLERANCE):
    """
    Tabulate the densities of a property.

    Parameters
    ----------
    density : object
        The densities of all classes.
    tolerance : float, optional
        Largest error in nats.

    Returns
    -------
    table : `DensityTable` or None
        None where a table is of no use: the densities are one already, or have parts of unknown
        shape, or it would need too many cells.
    """
    kinks = density.kinks()
    if kinks is None:
        return None
    ends = np.array([density.lower, density.upper])
    kinks = np.unique(kinks[(kinks > ends[0]) & (kinks < ends[1])])

    def evaluate(points):
        out = np.empty((density.n_classes, len(points)))
        density.likelihood(points, out, atoms=False)
        return np.log(out)

    at_kinks = evaluate(kinks)
    # As many cells in the middle as in the tails.
    start = np.concatenate([ends, np.linspace(*ends, FIRST_CELLS // 2)])
    if len(kinks):
        chosen = np.linspace(0, len(kinks) - 1, min(FIRST_CELLS // 2, len(kinks))).astype(int)
        start = np.concatenate([start, kinks[chosen]])
    edges = np.unique(start)
    values = evaluate(edges)
    left, right, at_left, at_right = edges[:-1], edges[1:], values[:, :-1], values[:, 1:]
    nodes, at_nodes = [ends[1:]], [values[:, -1:]]
    n_nodes = 1
    for _ in range(MOST_ROUNDS):
        middle = 0.5 * (left + right)
        at_middle = evaluate(middle)
        error = np.abs(at_middle - 0.5 * (at_left + at_right)).max(axis=0)
        first = np.searchsorted(kinks, left, side="right")
        count = np.searchsorted(kinks, right, side="left") - first
        _add_errors(error, kinks, at_kinks, first, count, left, right, at_left, at_right)
        done = error <= tolerance
        if density.is_smooth and done.any():
            # At an inflection the error vanishes in the middle, and not beside it.
            for share in (0.25, 0.75):
                low, high = at_left[:, done], at_right[:, done]
                line = low + share * (high - low)
                exact = evaluate(left[done] + share * (right - left)[done])
                done[done] = np.abs(exact - line).max(axis=0) <= tolerance
        done |= (middle <= left) | (middle >= right)
        nodes.append(left[done])
        at_nodes.append(at_left[:, done])
        n_nodes += np.count_nonzero(done)
        rest = ~done
        if n_nodes + 2 * np.count_nonzero(rest) > MOST_CELLS:
            return None
        if not rest.any():
            break
        left, right, at_left, at_right = (
            left[rest],
            right[rest],
            at_left[:, rest],
            at_right[:, rest],
        )
        cut, at_cut = middle[rest], at_middle[:, rest]
        first, count = first[rest], count[rest]
        has = np.flatnonzero(count)
        central = first[has] + count[has] // 2
        cut[has], at_cut[:, has] = kinks[central], at_kinks[:, central]
        # In increasing order, which is evaluated fastest.
        left, right = _interleave(left, cut), _interleave(cut, right)
        at_left, at_right = _interleave(at_left, at_cut), _interleave(at_cut, at_right)
    else:
        return None
    nodes, at_nodes = np.concatenate(nodes), np.hstack(at_nodes)
    order = np.argsort(nodes)
    return DensityTable(density, nodes[order], at_nodes[:, order])


def _interleave(first, second):
    """Return the first of each, the second of each, and so on along the last axis."""
    return np.stack([first, second], axis=-1).reshape(*first.shape[:-1], -1)


def _add_errors(error, kinks, at_kinks, first, count, left, right, at_left, at_right):
    """Raise the error of each cell to the largest one at its kinks, in place."""
    has = np.flatnonzero(count)
    if not len(has):
        return
    start = np.cumsum(count[has]) - count[has]
    cell = np.repeat(has, count[has])
    number = np.arange(len(cell)) + np.repeat(first[has] - start, count[has])
    share = (kinks[number] - left[cell]) / (right - left)[cell]
    largest = np.zeros(len(cell))
    for low, high, exact in zip(at_left, at_right, at_kinks, strict=True):
        line = low[cell] + share * (high - low)[cell]
        np.maximum(largest, np.abs(line - exact[number]), out=largest)
    error[has] = np.maximum(error[has], np.maximum.reduceat(largest, start))
