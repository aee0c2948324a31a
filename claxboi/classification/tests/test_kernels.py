# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the sums of kernels, against slow sums over all samples and images.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification._kernels import (
    BLOCK_SPAN,
    ExponentialSums,
    GaussianSums,
    block_edges,
    decayed_sums,
    share_bandwidths,
)

BOUNDS = [(None, None), (0.0, None), (None, 1.0), (0.0, 1.0)]
BOTH = pytest.mark.parametrize("kernel", [ExponentialSums, GaussianSums])

#: Images on each side in the slow sum: enough for bandwidths up to the distance of the bounds.
N_IMAGES = 60


def shape(kernel, distance, h):
    if kernel is ExponentialSums:
        return np.exp(-np.abs(distance) / h) / (2 * h)
    return np.exp(-0.5 * (distance / h) ** 2) / (np.sqrt(2 * np.pi) * h)


def images(x, lower, upper):
    """List a sample and its mirror images."""
    if lower is None and upper is None:
        return [x]
    if upper is None:
        return [x, 2 * lower - x]
    if lower is None:
        return [x, 2 * upper - x]
    period = 2 * (upper - lower)
    shifts = period * np.arange(-N_IMAGES, N_IMAGES + 1)
    return [*(x + shifts), *(2 * lower - x + shifts)]


def slow_sums(kernel, x, codes, weights, bandwidths, lower, upper, points):
    total = np.zeros((len(bandwidths), len(points)))
    for value, code, weight in zip(x, codes, weights, strict=True):
        for image in images(value, lower, upper):
            total[code] += weight * shape(kernel, points - image, bandwidths[code])
    return total


def evaluate(sums, points):
    out = np.full((len(sums.bandwidths), len(points)), np.nan)
    sums.evaluate(np.asarray(points, float), out)
    return out


@pytest.fixture
def sample():
    rng = np.random.default_rng(1)
    x = np.sort(np.round(rng.beta(2, 2, 60), 2))  # rounding makes ties
    return x, rng.integers(0, 3, 60), rng.uniform(0.2, 3, 60)


class TestDecayedSums:
    @staticmethod
    def sums(values, amounts, h):
        edges = block_edges(values, h)
        starts = np.repeat(values[edges[:-1]], np.diff(edges))
        return decayed_sums(values, amounts, np.exp((values - starts) / h), edges, h)

    def test_hand_computed(self):
        e = np.exp(-0.5)
        left, right = self.sums(np.array([0.0, 1, 2]), np.ones(3), 2.0)
        assert_allclose(left, [1, 1 + e, 1 + e + e**2])
        assert_allclose(right, left[::-1])

    def test_blocks(self):
        # Positions that span many pieces, gaps that span several, and ties at their edges.
        rng = np.random.default_rng(2)
        h = 0.3
        x = h * np.sort(
            np.concatenate(
                [rng.uniform(0, 5 * BLOCK_SPAN, 300), [BLOCK_SPAN] * 3, [20.5 * BLOCK_SPAN] * 2]
            )
        )
        a = rng.random(len(x))
        assert len(block_edges(x, h)) > 5
        left, right = self.sums(x, a, h)
        slow = [np.sum(a[: k + 1] * np.exp((x[: k + 1] - x[k]) / h)) for k in range(len(x))]
        assert_allclose(left, slow, rtol=1e-12)
        slow = [np.sum(a[k:] * np.exp((x[k] - x[k:]) / h)) for k in range(len(x))]
        assert_allclose(right, slow, rtol=1e-12)

    def test_one(self):
        left, right = self.sums(np.array([-1e12]), np.array([2.0]), 1e-3)
        assert_array_equal([left[0], right[0]], [2.0, 2.0])


class TestShareBandwidths:
    def test_by_hand(self):
        # The base is 2: shared ones are 1, 2/3, 1/2, 1/3, 1/4, 1/6 ...
        found = share_bandwidths(np.array([1.0, 0.9, 0.7, 0.5, 0.32, 0.17, 0.01]))
        assert_allclose(found, [1, 1, 2 / 3, 1 / 2, 1 / 3, 1 / 6, 2 / 192])

    def test_close_to_what_they_were(self):
        h = 10.0 ** np.random.default_rng(3).uniform(-12, 0, 1000)
        assert np.all(np.abs(np.log(share_bandwidths(h) / h)) <= np.log(1.5) / 2 + 1e-12)


@BOTH
class TestSums:
    @pytest.mark.parametrize(("lower", "upper"), BOUNDS)
    @pytest.mark.parametrize("h", [0.003, 0.05, 0.4])
    def test_brute_force(self, kernel, sample, lower, upper, h):
        x, codes, weights = sample
        bandwidths = h * np.array([1.0, 1.0, 0.7])
        points = np.sort(np.concatenate([np.linspace(0, 1, 83), x]))
        sums = kernel(x, codes, weights, bandwidths, lower, upper)
        slow = slow_sums(kernel, x, codes, weights, bandwidths, lower, upper, points)
        assert_allclose(evaluate(sums, points), slow, rtol=1e-10, atol=1e-11 / h)

    @pytest.mark.parametrize(("lower", "upper"), BOUNDS)
    @pytest.mark.parametrize("h", [0.003, 0.05, 0.4])
    def test_own(self, kernel, sample, lower, upper, h):
        x, codes, _ = sample
        bandwidths = h * np.array([1.0, 1.0, 0.7])
        sums = kernel(x, codes, np.ones(len(x)), bandwidths, lower, upper)
        points = np.sort(np.random.default_rng(3).random(len(x)))
        slow = [
            slow_sums(kernel, [v], [0], [1], [bandwidths[c]], lower, upper, np.array([p]))[0, 0]
            for v, c, p in zip(x, codes, points, strict=True)
        ]
        assert_allclose(sums.own(points, x, codes), slow, rtol=1e-10, atol=1e-11 / h)

    @pytest.mark.parametrize(("lower", "upper"), BOUNDS)
    @pytest.mark.parametrize("h", [0.02, 0.4])
    def test_mass(self, kernel, sample, lower, upper, h):
        x, codes, weights = sample
        ends = (
            -60 * h if lower is None else lower,
            1 + 60 * h if upper is None else upper,
        )
        grid = np.linspace(*ends, 200_001)
        sums = kernel(x, codes, weights, np.full(3, h), lower, upper)
        mass = np.trapezoid(evaluate(sums, grid), grid, axis=1)
        assert_allclose(mass, np.bincount(codes, weights), rtol=1e-4)

    def test_reflection_is_flat_at_the_bound(self, kernel, sample):
        x, codes, weights = sample
        sums = kernel(x, codes, weights, np.full(3, 0.1), 0.0, 1.0)
        near = evaluate(sums, [0.0, 1e-6, 1 - 1e-6, 1.0])
        assert_allclose(near[:, 0], near[:, 1], rtol=1e-5)
        assert_allclose(near[:, 2], near[:, 3], rtol=1e-5)

    @pytest.mark.parametrize(("lower", "upper"), BOUNDS)
    def test_decays_beyond_the_bounds(self, kernel, sample, lower, upper):
        x, codes, weights = sample
        sums = kernel(x, codes, weights, np.full(3, 0.05), lower, upper)
        above = evaluate(sums, 1 + np.linspace(0, 2, 50))
        below = evaluate(sums, -np.linspace(2, 0, 50))
        assert np.all(np.diff(above, axis=1) <= 0)
        assert np.all(np.diff(below, axis=1) >= 0)
        assert np.all(above[:, -1] < 1e-12)
        assert np.all(below[:, 0] < 1e-12)

    @pytest.mark.parametrize(("lower", "upper"), BOUNDS)
    def test_infinite_and_absurd_points(self, kernel, sample, lower, upper):
        x, codes, weights = sample
        sums = kernel(x, codes, weights, np.full(3, 0.05), lower, upper)
        points = np.array([-np.inf, -1.7e308, -1e300, 1e300, 1.7e308, np.inf])
        assert_array_equal(evaluate(sums, points), np.zeros((3, 6)))
        some = np.arange(6)
        assert_array_equal(sums.own(points, x[some], codes[some]), np.zeros(6))

    @pytest.mark.parametrize("ratio", [3, 1e3, 1e6, 1e9, 1e15])
    def test_bandwidths_far_apart(self, kernel, sample, ratio):
        x, codes, weights = sample
        h = share_bandwidths(0.3 / np.array([1.0, ratio, ratio**0.5]))
        points = np.sort(np.concatenate([x + 0.3 * h[1], x - 0.8 * h[2], np.linspace(-1, 2, 31)]))
        slow = slow_sums(kernel, x, codes, weights, h, None, None, points)
        found = evaluate(kernel(x, codes, weights, h), points)
        # x + h is rounded to 1e-16.
        assert_allclose(found, slow, rtol=1e-8 + 1e-14 / h.min(), atol=1e-11)

    def test_outliers_far_away(self, kernel):
        rng = np.random.default_rng(4)
        x = np.sort(np.concatenate([rng.normal(size=40), [-1e12, 1e12, 1e12]]))
        codes = rng.integers(0, 2, len(x))
        weights = rng.uniform(0.5, 2, len(x))
        h = np.array([0.25, 0.5])  # whole numbers of bandwidths: 1e12/h is exact
        points = np.concatenate([[-1e12], np.linspace(-5, 5, 50), [1e11, 1e12]])
        slow = slow_sums(kernel, x, codes, weights, h, None, None, points)
        sums = kernel(x, codes, weights, h)
        assert_allclose(evaluate(sums, points), slow, rtol=1e-10, atol=1e-12)

    def test_one_sample(self, kernel):
        sums = kernel(np.array([2.0]), np.array([1]), np.ones(1), np.array([0.5, 0.5]))
        out = evaluate(sums, [1.0, 2.0, 3.5])
        assert_array_equal(out[0], 0.0)
        assert_allclose(out[1], shape(kernel, np.array([-1, 0, 1.5]), 0.5))

    def test_no_sample(self, kernel):
        nothing = np.empty(0)
        sums = kernel(nothing, np.empty(0, int), nothing, np.array([0.5, 0.5]))
        assert_array_equal(evaluate(sums, [0.0, 1.0]), np.zeros((2, 2)))

    def test_no_point(self, kernel):
        sums = kernel(np.array([2.0]), np.array([0]), np.ones(1), np.array([0.5]))
        assert evaluate(sums, []).shape == (1, 0)

    def test_all_tied(self, kernel):
        sums = kernel(np.full(7, 0.3), np.zeros(7, int), np.full(7, 2.0), np.array([0.1]))
        assert_allclose(evaluate(sums, [0.3, 0.4])[0], 14 * shape(kernel, np.array([0, 0.1]), 0.1))

    def test_weight_two_is_two_rows(self, kernel, sample):
        x, codes, _ = sample
        h = np.full(3, 0.05)
        weights = np.where(np.arange(60) % 3 == 0, 2.0, 1.0)
        copies = weights.astype(int)
        once = kernel(x, codes, weights, h, 0.0, 1.0)
        twice = kernel(np.repeat(x, copies), np.repeat(codes, copies), np.ones(80), h, 0.0, 1.0)
        points = np.linspace(-0.2, 1.2, 91)
        assert_allclose(evaluate(once, points), evaluate(twice, points), rtol=1e-10, atol=1e-11)

    def test_inputs_are_not_changed(self, kernel, sample):
        copies = [part.copy() for part in sample]
        evaluate(kernel(*sample, np.full(3, 0.1), 0.0, 1.0), np.linspace(0, 1, 9))
        for part, copy in zip(sample, copies, strict=True):
            assert_array_equal(part, copy)


def test_gaussian_narrower_than_the_cells_can_count():
    # 1e12 is 1e20 bandwidths away, more than an integer of 64 bits holds.
    x = np.array([-0.5, 0.0, 1e12])
    sums = GaussianSums(x, np.zeros(3, int), np.ones(3), np.array([1e-8]))
    near = evaluate(sums, [-0.5, -0.25, 0.0])[0]
    assert_allclose(near * 1e-8 * np.sqrt(2 * np.pi), [1, 0, 1], rtol=1e-6)
