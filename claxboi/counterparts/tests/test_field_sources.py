# Licensed under a 3-clause BSD style license - see LICENSE.rst
import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.counterparts.field_sources import field_densities, log_unrelated


def slow_sum(groups, taken):
    """The sum over all choices of disjoint groups that leave the taken detections alone."""
    total = 0.0
    for size in range(len(groups) + 1):
        for choice in itertools.combinations(groups, size):
            used = [detection for members, _ in choice for detection in members]
            if len(set(used)) == len(used) and not set(used) & taken:
                total += np.prod([odds for _, odds in choice])
    return total


def random_rows(rng, n_primaries, n_catalogues, n_objects):
    """All combinations of a few detections of each catalogue, with random odds."""
    members = [[] for _ in range(n_catalogues)]
    primary, log_odds, offset = [], [], np.zeros(n_catalogues, int)
    for p in range(n_primaries):
        counts = rng.integers(0, n_objects + 1, n_catalogues)
        for combination in itertools.product(*(range(-1, n) for n in counts)):
            for c, k in enumerate(combination):
                members[c].append(k + offset[c] if k >= 0 else -1)
            primary.append(p)
            many = sum(k >= 0 for k in combination) >= 2
            log_odds.append(rng.normal(0, 3) if many else -np.inf)
        offset += counts
    return [np.array(m) for m in members], np.array(primary), np.array(log_odds)


@pytest.mark.parametrize(("n_catalogues", "n_objects"), [(2, 3), (3, 1), (3, 2)])
def test_is_the_sum_over_all_groupings(n_catalogues, n_objects):
    rng = np.random.default_rng(n_catalogues)
    members, primary, log_odds = random_rows(rng, 40, n_catalogues, n_objects)
    # So many groups that each choice can still be listed, and none is left out as too weak.
    keep = np.isneginf(log_odds) | (rng.random(len(primary)) < 0.4)
    members = [m[keep] for m in members]
    primary, log_odds = primary[keep], np.maximum(log_odds[keep], -8)
    single = np.sum([m >= 0 for m in members], axis=0) < 2
    log_odds[single] = -np.inf
    result = log_unrelated(members, primary, log_odds)
    compared = 0
    for p in np.unique(primary):
        rows = np.flatnonzero(primary == p)
        sets = {r: {(c, m[r]) for c, m in enumerate(members) if m[r] >= 0} for r in rows}
        groups = [(sets[r], np.exp(log_odds[r])) for r in rows if np.isfinite(log_odds[r])]
        if len(groups) > 10:
            continue
        whole = slow_sum(groups, set())
        for r in rows:
            assert_allclose(result[r], np.log(slow_sum(groups, sets[r]) / whole), atol=1e-10)
            compared += np.isfinite(log_odds[r])
    assert compared > 10


def test_one_pair_by_hand():
    """Taking either of two detections costs the odds that they belong together."""
    members = [np.array([-1, 0, -1, 0]), np.array([-1, -1, 0, 0])]
    odds = np.array([-np.inf, -np.inf, -np.inf, np.log(9.0)])
    result = log_unrelated(members, np.zeros(4, int), odds)
    assert_allclose(result, [0, -np.log(10), -np.log(10), -np.log(10)])


def test_overwhelming_odds_do_not_overflow():
    members = [np.array([-1, 0, 0]), np.array([-1, -1, 0])]
    result = log_unrelated(members, np.zeros(3, int), np.array([-np.inf, -np.inf, 2000.0]))
    assert_allclose(result, [0, -2000, -2000])


def test_without_groups_nothing_changes():
    members = [np.array([-1, 0]), np.array([-1, -1])]
    result = log_unrelated(members, np.zeros(2, int), np.full(2, -np.inf))
    assert_array_equal(result, 0)


def test_densities_add_up():
    """The objects of a catalogue are those alone, and those shared with each set of others."""
    densities = [1000.0, 5000.0]
    log_density = field_densities(densities, {(0, 1): 0.3})
    both = np.exp(log_density((0, 1)))
    assert_allclose(both, 300)
    assert_allclose(np.exp(log_density((0,))) + both, 1000)
    assert_allclose(np.exp(log_density((1,))) + both, 5000)
