# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from numpy.testing import assert_allclose

from claxboi.classification._grid_densities import (
    CLIP,
    LIMIT,
    PSEUDO_WEIGHT,
    SIZES,
    SMALLEST,
    CellPositions,
    GridTerm,
    HeldOut,
    NormalScores,
    Smoother,
    class_spreads,
)

N_CLASSES = 3


def make_scores(seed, n=60):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, N_CLASSES, n)
    x = rng.normal(codes - 1, 0.5)
    y = 0.8 * x + rng.normal(0, 0.5, n)
    return x, y, codes, rng.uniform(0.5, 2, n)


def slow_ratio(points, homes, codes, weights, kernels, target):
    """Ratio of class to pool at one point, every kernel and grid point on its own."""
    size = len(kernels[0][0])
    step = 2 * LIMIT / (size - 1)

    def cell(z):
        t = (z + LIMIT) / step
        i = min(int(t), size - 2)
        return i, t - i

    def kernel(d, c, node, home):
        i, f = cell(home)
        return (1 - f) * kernels[d][c][abs(node - i)] + f * kernels[d][c][abs(node - i - 1)]

    total = 0.0
    corners = [[]]
    for z in points:
        i, f = cell(z)
        corners = [[*old, new] for old in corners for new in ((i, 1 - f), (i + 1, f))]
    for corner in corners:
        share = np.prod([part for _, part in corner])
        sums, amounts = np.zeros(N_CLASSES), np.zeros(N_CLASSES)
        for k, (code, weight) in enumerate(zip(codes, weights, strict=True)):
            amounts[code] += weight
            sums[code] += weight * np.prod(
                [kernel(d, code, corner[d][0], homes[d][k]) for d in range(len(points))]
            )
        pool = sums.sum() / amounts.sum()
        density = (sums + PSEUDO_WEIGHT * pool) / (amounts + PSEUDO_WEIGHT)
        ratio = np.log((density + SMALLEST) / (pool + SMALLEST))
        total = total + share * np.clip(ratio, -CLIP, CLIP)
    return total[target]


def learn(scores, codes, weights, bandwidth=0.3):
    size = SIZES[len(scores)]
    smoothers = [
        Smoother(bandwidth * class_spreads(z, codes, weights, N_CLASSES), size) for z in scores
    ]
    homes = [CellPositions(z, size) for z in scores]
    return GridTerm(homes, codes, weights, smoothers), homes, smoothers


@pytest.mark.parametrize("seed", range(3))
def test_single_term_agrees_with_the_slow_sum(seed):
    x, _, codes, weights = make_scores(seed)
    term, homes, smoothers = learn([x], codes, weights)
    kernels = [smoothers[0].kernel]
    new = term.evaluate([[(1.0, homes[0])]])
    held = term.evaluate([[(1.0, homes[0])]], [HeldOut(np.arange(60), codes, weights, homes)])
    for k in range(0, 60, 13):
        rest = np.arange(60) != k
        for c in range(N_CLASSES):
            assert_allclose(
                new[c, k], slow_ratio([x[k]], [x], codes, weights, kernels, c), atol=1e-9
            )
            assert_allclose(
                held[c, k],
                slow_ratio([x[k]], [x[rest]], codes[rest], weights[rest], kernels, c),
                atol=1e-7,
            )


@pytest.mark.parametrize("seed", range(2))
def test_pair_beyond_its_marginals_agrees_with_the_slow_sum(seed):
    x, y, codes, weights = make_scores(seed)
    term, homes, smoothers = learn([x, y], codes, weights)
    at = [[(1.0, home)] for home in homes]
    new = term.evaluate(at)
    held = term.evaluate(at, [HeldOut(np.arange(60), codes, weights, homes)])
    kernels = [smoother.kernel for smoother in smoothers]
    for k in range(0, 60, 17):
        for found, rest in ((new, np.ones(60, bool)), (held, np.arange(60) != k)):
            z, own, w = [x[rest], y[rest]], codes[rest], weights[rest]
            for c in range(N_CLASSES):
                expected = slow_ratio([x[k], y[k]], z, own, w, kernels, c) - sum(
                    slow_ratio([z0], [z1], own, w, [kernel], c)
                    for z0, z1, kernel in zip((x[k], y[k]), z, kernels, strict=True)
                )
                assert_allclose(found[c, k], expected, atol=1e-6)


def test_table_is_the_term_at_the_grid_points():
    x, y, codes, weights = make_scores(5)
    term, homes, _ = learn([x, y], codes, weights)
    new = term.evaluate([[(1.0, home)] for home in homes])
    i, f, j, g = homes[0].index, homes[0].fraction, homes[1].index, homes[1].fraction
    table = term.table()
    expected = (
        table[:, i, j] * (1 - f) * (1 - g)
        + table[:, i + 1, j] * f * (1 - g)
        + table[:, i, j + 1] * (1 - f) * g
        + table[:, i + 1, j + 1] * f * g
    )
    assert_allclose(new, expected, atol=1e-12)


def test_soft_labels_are_held_out_of_all_their_classes():
    x, _, codes, weights = make_scores(6)
    # The first source trains the classes 0 and 1 with two rows.
    x[1], codes[:2], weights[:2] = x[0], (0, 1), (0.3, 0.7)
    term, homes, smoothers = learn([x], codes, weights)
    held = [
        HeldOut(np.arange(2), np.full(2, c), np.full(2, (0.3, 0.7)[c]), [homes[0][[c, c]]])
        for c in (0, 1)
    ]
    held = term.evaluate([[(1.0, homes[0])]], held)
    for c in range(N_CLASSES):
        expected = slow_ratio([x[0]], [x[2:]], codes[2:], weights[2:], [smoothers[0].kernel], c)
        assert_allclose(held[c, :2], expected, atol=1e-7)


def test_an_error_averages_the_densities():
    x, y, codes, weights = make_scores(7)
    term, homes, _ = learn([x, y], codes, weights)
    single = term.evaluate([[(1.0, home)] for home in homes])
    # Points that coincide are one point.
    same = term.evaluate([[(0.4, homes[0]), (0.6, homes[0])], [(1.0, homes[1])]])
    assert_allclose(same, single, atol=1e-12)
    # Points far apart bring the classes together.
    far = CellPositions(np.clip(x + 2, -LIMIT, LIMIT), SIZES[2])
    spread = term.evaluate([[(0.5, homes[0]), (0.5, far)], [(1.0, homes[1])]])
    assert not np.allclose(spread, single, atol=0.1)


def test_where_nothing_is_all_classes_are_equal():
    codes = np.repeat(np.arange(N_CLASSES), 20)
    x = np.linspace(-0.5, 0.5, 60)
    term, _, _ = learn([x], codes, np.ones(60), bandwidth=0.1)
    assert_allclose(term.table()[:, [0, -1]], 0, atol=1e-3)


def test_normal_scores_are_monotone_in_any_unit_and_bounded():
    rng = np.random.default_rng(1)
    values = np.append(rng.lognormal(size=500), [np.nan, np.inf, -np.inf, 1.0, 1.0])
    weights = np.ones(len(values))
    scores = NormalScores(values, weights)
    points = np.array([-np.inf, -1e9, 0.5, 1.0, 2.0, 1e9, np.inf])
    z = scores(points)
    assert np.all(np.diff(z) >= 0)
    assert np.abs(z).max() <= LIMIT
    assert_allclose(NormalScores(1e-15 * values, weights)(1e-15 * points), z, atol=1e-8)
    assert np.isnan(scores(np.array([np.nan]))).all()
    # A row of weight 2 counts as two equal rows.
    finite = values[:500]
    twice = NormalScores(np.append(finite, finite[:9]), np.ones(509))
    heavy = NormalScores(finite, 1.0 + (np.arange(500) < 9))
    assert_allclose(twice(points), heavy(points), atol=1e-12)


def test_the_spread_of_a_class_is_shrunk():
    z = np.array([0.0, 0.01, -0.01, 0.3, np.nan, -2.0, 2.0])
    codes = np.array([0, 0, 0, 1, 1, 2, 2])
    spread = class_spreads(z, codes, np.ones(7), 4)
    assert spread[0] == pytest.approx(np.sqrt(5 / 8), abs=1e-3)
    assert spread[1] == spread[3] == 1
    assert spread[2] == pytest.approx(np.sqrt(13 / 7))
