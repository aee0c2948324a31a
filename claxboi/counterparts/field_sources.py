# Licensed under a 3-clause BSD style license - see LICENSE.rst
r"""
Secondaries that belong together, but not to the X-ray source.

A star in front of the X-ray source is in the optical and in the infrared catalogue. That its two
positions agree says nothing of the X-ray source, yet the Bayes factor of the three is large because
of it. The right comparison is with all ways in which the secondaries near a primary can be grouped
into objects. With the density :math:`\rho_T` of field objects that are in just the catalogues T, a
group weighs

.. math:: u_T = \frac{\rho_T}{\prod_{i \in T} \rho_{\{i\}}} B_T

relative to the same detections taken as different objects; a grouping weighs the product over its
groups, and Z(N), the sum over all groupings of the detections N near the primary, is the weight of
"none of them is the counterpart". If the counterpart is the set S, the others can still be grouped
at will:

.. math:: V_S = \pi_S \frac{B_{X S}}{\prod_{i \in S} \rho_{\{i\}}} Z(N \setminus S), \qquad
          V_\emptyset = \pi_\emptyset Z(N).

Groups that share no detection do not matter to each other, so Z is a product over connected sets of
groups, and each is small enough to be summed exactly.
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = []

# A group with smaller odds changes no probability by more than this.
_LOG_LOWEST_ODDS = np.log(1e-5)
# Groups of a connected set that are summed exactly; beyond, those of the smallest odds are left
# out. Fifteen groups of four detections fit into the bits of an integer.
_MOST_GROUPS = 15
_ROWS_AT_ONCE = 2_000_000


def field_densities(densities, shared):
    """
    Split the density of each catalogue by the other catalogues in which its objects are.

    Parameters
    ----------
    densities : list of float or `~numpy.ndarray`
        Objects of each catalogue over the whole sky.
    shared : mapping of (int, int) to float
        For each pair of catalogues, the fraction of the objects of the sparser one that are also
        in the other one; keys (a, b) with a < b.

    Returns
    -------
    log_density : callable
        Function of a tuple of catalogues that returns the natural logarithm of the density of field
        objects in exactly those.

    Notes
    -----
    Being in one further catalogue is taken as independent of being in another one.
    """
    mean = [float(np.mean(density)) for density in densities]

    def chance(a, b):
        # Probability that an object of a is also in b.
        low, high = min(mean[a], mean[b]), mean[a]
        return shared[min(a, b), max(a, b)] * (low / high if high > 0 else 0.0)

    def log_density(group):
        base = min(group, key=lambda c: (mean[c], c))
        result = np.log(densities[base])
        for other in range(len(densities)):
            if other != base:
                p = chance(base, other)
                with np.errstate(divide="ignore"):
                    result = result + (np.log(p) if other in group else np.log1p(-p))
        return result

    return log_density


def log_unrelated(members, row_primary, log_odds):
    r"""
    Compute :math:`\ln Z(N \setminus S) - \ln Z(N)` for each combination.

    Parameters
    ----------
    members : list of `~numpy.ndarray` of int, shape (n_rows,)
        For each catalogue the detection, -1 where absent. Each detection belongs to one primary.
    row_primary : `~numpy.ndarray` of int, shape (n_rows,)
        The primary of each row.
    log_odds : `~numpy.ndarray` of shape (n_rows,)
        The ln u of the group of the members of the row; -inf where there are fewer than two.

    Returns
    -------
    log_factor : `~numpy.ndarray` of shape (n_rows,)
        Never above 0; 0 for the combination without counterpart.
    """
    n_rows = len(row_primary)
    nodes, n_nodes = _number(members)
    groups = np.flatnonzero(log_odds > _LOG_LOWEST_ODDS)
    if len(groups) == 0:
        return np.zeros(n_rows)
    component = _components([node[groups] for node in nodes], n_nodes)
    # The strongest groups of each connected set.
    of_group = component[np.max([node[groups] for node in nodes], axis=0)]
    order = np.lexsort((groups, -log_odds[groups], of_group))
    groups, of_group = groups[order], of_group[order]
    first = np.searchsorted(of_group, of_group)
    rank = np.arange(len(groups)) - first
    kept = rank < _MOST_GROUPS
    groups, of_group, rank = groups[kept], of_group[kept], rank[kept]

    bit = _bits([node[groups] for node in nodes], of_group, n_nodes)
    group_mask = _mask([node[groups] for node in nodes], bit)
    packings = _packings(of_group, rank, group_mask, log_odds[groups])
    return _exclude(nodes, component, bit, packings)


def _number(members):
    # One number for each detection of each catalogue; -1 stays.
    nodes, offset = [], 0
    for member in members:
        nodes.append(np.where(member >= 0, member + offset, -1))
        offset += int(member.max(initial=-1)) + 1
    return nodes, offset


def _components(nodes, n_nodes):
    """
    Give the connected sets of detections numbers; groups connect their members.
    """
    ends = []
    for a in range(len(nodes)):
        for b in range(a + 1, len(nodes)):
            both = (nodes[a] >= 0) & (nodes[b] >= 0)
            ends.append(np.stack([nodes[a][both], nodes[b][both]]))
    start, stop = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(len(start), np.int8), (start, stop)), shape=(n_nodes, n_nodes))
    return connected_components(graph, directed=False)[1]


def _bits(nodes, of_group, n_nodes):
    """
    Give each detection of the kept groups a bit, from 0 in each connected set; others none.
    """
    used = np.concatenate([node[node >= 0] for node in nodes])
    component = np.concatenate([of_group[node >= 0] for node in nodes])
    used, where = np.unique(used, return_index=True)
    component = component[where]
    order = np.lexsort((used, component))
    used, component = used[order], component[order]
    local = np.arange(len(used)) - np.searchsorted(component, component)
    bit = np.zeros(n_nodes + 1, np.int64)  # the last one stands for -1
    bit[used] = np.int64(1) << local
    return bit


def _mask(nodes, bit):
    mask = np.zeros(len(nodes[0]), np.int64)
    for node in nodes:
        mask |= bit[node]
    return mask


def _packings(of_group, rank, group_mask, log_odds):
    """
    List every choice of disjoint groups of each connected set, with its log weight.

    Returns
    -------
    component, mask, log_weight : `~numpy.ndarray`
        Sorted by component.
    """
    component = np.unique(of_group)
    mask, log_weight = np.zeros(len(component), np.int64), np.zeros(len(component))
    for k in range(int(rank.max()) + 1):
        which = np.flatnonzero(rank == k)
        # Groups are sorted by component, so the k-th of a component is found by bisection.
        at = np.minimum(np.searchsorted(of_group[which], component), len(which) - 1)
        has = of_group[which][at] == component
        free = has & ((mask & group_mask[which][at]) == 0)
        component = np.concatenate([component, component[free]])
        mask = np.concatenate([mask, mask[free] | group_mask[which][at][free]])
        log_weight = np.concatenate([log_weight, log_weight[free] + log_odds[which][at][free]])
    order = np.argsort(component, kind="stable")
    return component[order], mask[order], log_weight[order]


def _exclude(nodes, component, bit, packings):
    """
    Sum, for each row, the choices of groups that leave its members alone, against all choices.
    """
    pack_component, pack_mask, pack_log = packings
    n_rows = len(nodes[0])
    row, of_row, mask = [], [], []
    for node in nodes:
        here = np.flatnonzero(bit[node] > 0)
        row.append(here)
        of_row.append(component[node[here]])
        mask.append(bit[node[here]])
    row, of_row, mask = (np.concatenate(x) for x in (row, of_row, mask))
    result = np.zeros(n_rows)
    if len(row) == 0:
        return result
    # Members of one connected set are taken out together.
    order = np.lexsort((of_row, row))
    row, of_row, mask = row[order], of_row[order], mask[order]
    new = np.flatnonzero(np.append(True, (np.diff(row) != 0) | (np.diff(of_row) != 0)))
    mask, row, of_row = np.bitwise_or.reduceat(mask, new), row[new], of_row[new]
    begin = np.searchsorted(pack_component, of_row)
    size = np.searchsorted(pack_component, of_row, side="right") - begin
    steps = np.cumsum(size)
    start = 0
    while start < len(row):
        stop = max(start + 1, int(np.searchsorted(steps, steps[start] + _ROWS_AT_ONCE)))
        part = slice(start, stop)
        counts = size[part]
        first = np.cumsum(counts) - counts
        take = np.arange(counts.sum()) + np.repeat(begin[part] - first, counts)
        log_weight = pack_log[take]
        clear = (pack_mask[take] & np.repeat(mask[part], counts)) == 0
        largest = np.repeat(np.maximum.reduceat(log_weight, first), counts)
        weight = np.exp(log_weight - largest)
        rest = np.add.reduceat(np.where(clear, weight, 0.0), first)
        # The empty choice is always clear, and weighs 1: what underflows here is real.
        with np.errstate(divide="ignore"):
            part_log = np.log(rest) - np.log(np.add.reduceat(weight, first))
        tiny = ~np.isfinite(part_log)
        if tiny.any():
            part_log[tiny] = -largest[first[tiny]]
        result += np.bincount(row[part], weights=part_log, minlength=n_rows)
        start = stop
    return result
