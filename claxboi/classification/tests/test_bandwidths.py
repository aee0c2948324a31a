# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the rules for the bandwidth.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification._bandwidths import RULES, bandwidths
from claxboi.classification._kernels import share_bandwidths

#: Bandwidths are rounded: at most by half of their largest step.
ROUNDING = 1.5**0.5 * (1 + 1e-12)

#: Exponential over Gaussian bandwidth of the same smoothness (Marron & Nolan 1988).
EXPONENTIAL = ((1 / 16) / (0.5 / np.sqrt(np.pi))) ** 0.2


def choose(rule, values, codes=None, weights=None, kernel="gaussian", n_classes=None):
    values = np.asarray(values, float)
    codes = np.zeros(len(values), int) if codes is None else np.asarray(codes)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, float)
    n_classes = codes.max() + 1 if n_classes is None else n_classes
    return RULES[rule](values, codes, weights, n_classes, kernel)


class TestPublished:
    def test_hand_computed(self):
        # range/(5 n^(1/5)) over all classes: 32 values from 0 to 10.
        found = choose("published", np.linspace(0, 10, 32), np.arange(32) % 3)
        assert_allclose(found, 1.0)

    def test_is_left_as_it_is(self):
        x = np.linspace(0, 10, 32)
        found = bandwidths("published", x, np.arange(32) % 3, np.ones(32), 3, "exponential")
        assert_allclose(found, 1.0)


class TestSilverman:
    def test_hand_computed(self):
        # Standard deviation sqrt(2); quartiles 2 and 4, robust spread 2/1.349.
        found = choose("silverman", [1, 2, 3, 4, 5])
        assert_allclose(found, 0.9 * np.sqrt(2) * 5**-0.2)

    def test_robust(self):
        x = np.append(np.arange(101.0), 1e6)
        low, high = 25, 76
        assert_allclose(choose("silverman", x), 0.9 * (high - low) / 1.349 * 102**-0.2)

    def test_most_values_equal(self):
        # No interquartile range: the standard deviation.
        x = np.sort(np.append(np.full(9, 2.0), 12.0))
        assert_allclose(choose("silverman", x), 0.9 * 3 * 10**-0.2)

    def test_kernel(self):
        x = np.arange(20.0)
        ratio = choose("silverman", x, kernel="exponential") / choose("silverman", x)
        assert_allclose(ratio, EXPONENTIAL)

    @pytest.mark.parametrize("few", [[5.0], [5.0, 5.0, 5.0]])
    def test_no_spread_takes_that_of_all(self, few):
        x = np.concatenate([np.arange(5.0), few])
        codes = np.repeat([0, 1], [5, len(few)])
        order = np.argsort(x, kind="stable")
        sigma = min(
            x.std(),
            np.subtract(
                *np.sort(x)[[int(np.ceil(0.75 * len(x))) - 1, int(np.ceil(0.25 * len(x))) - 1]]
            )
            / 1.349,
        )
        found = choose("silverman", x[order], codes[order])
        assert_allclose(found[1], 0.9 * sigma * len(few) ** -0.2)

    def test_each_class_has_its_own(self):
        # Bandwidths of a search are rounded to share their exponentials, those of a rule are not.
        rng = np.random.default_rng(6)
        x, codes = np.sort(rng.normal(size=90)), rng.integers(0, 3, 90)
        found = choose("silverman", x, codes)
        for c in range(3):
            assert_allclose(found[c], choose("silverman", x[codes == c])[0])

    def test_no_member(self):
        found = choose("silverman", [1, 2, 3, 4, 5], n_classes=2)
        assert_allclose(found[1], 0.9 * np.sqrt(2))

    def test_very_far_outliers(self):
        # Squares of 1e200 overflow, the rule does not.
        x = np.concatenate([[-1e200], np.arange(100.0), [1e200]])
        assert_allclose(choose("silverman", x), 0.9 * 51 / 1.349 * 102**-0.2)


class TestLikelihood:
    @pytest.mark.parametrize("kernel", ["exponential", "gaussian"])
    def test_slow_search(self, kernel):
        x = np.sort(np.random.default_rng(1).normal(size=80))
        found = choose("likelihood", x, kernel=kernel)[0]

        def loss(h):
            distance = (x[:, np.newaxis] - x) / h
            shape = (
                np.exp(-np.abs(distance)) / 2
                if kernel == "exponential"
                else np.exp(-0.5 * distance**2) / np.sqrt(2 * np.pi)
            )
            np.fill_diagonal(shape, 0)
            density = shape.sum(axis=1) / (79 * h) * np.ptp(x)
            return -np.log(density + 0.01).sum()

        thumb = choose("silverman", x, kernel=kernel)[0]
        grid = thumb * 2 ** (np.arange(-12, 13) / 4)
        assert_allclose(found, min(grid, key=loss), rtol=1e-12)
        best = min(map(loss, found * np.exp(np.linspace(-1, 1, 201))))
        assert loss(found) < best + 0.05  # nats of the whole sample: what the grid costs

    def test_close_to_the_optimum_of_a_gaussian(self):
        x = np.sort(np.random.default_rng(2).normal(size=2000))
        # The mean integrated squared error is least at 1.06 n^(-1/5).
        assert 0.5 < choose("likelihood", x)[0] / (1.06 * 2000**-0.2) < 1.6

    def test_weights_are_relative(self):
        x, weights = np.sort(np.random.default_rng(4).normal(size=50)), np.arange(1.0, 51)
        start, found = (choose(rule, x, weights=weights) for rule in ("silverman", "likelihood"))
        again, scaled = (
            choose(rule, x, weights=7 * weights) for rule in ("silverman", "likelihood")
        )
        # The search starts elsewhere and ends in the same place.
        assert abs(np.log(again / start)) > 0.1
        assert_allclose(scaled, found, rtol=0.05)

    def test_fewer_than_three_values(self):
        x, codes = np.array([0.0, 1, 2, 3, 4, 4]), [0, 0, 0, 0, 1, 1]
        assert choose("likelihood", x, codes)[1] == choose("silverman", x, codes)[1]

    def test_rounded_values(self):
        # Ties must not draw the bandwidth to zero: it stays that of the values before rounding.
        x = np.sort(np.random.default_rng(3).normal(size=300))
        exact, rounded = choose("likelihood", x)[0], choose("likelihood", np.round(x, 1))[0]
        assert 0.5 < rounded / exact < 2.5


@pytest.mark.parametrize("rule", RULES)
class TestLaws:
    @pytest.fixture
    def sample(self):
        rng = np.random.default_rng(5)
        return np.sort(rng.normal(size=60)), rng.integers(0, 3, 60)

    def test_scale(self, rule, sample):
        x, codes = sample
        once, scaled = choose(rule, x, codes), choose(rule, 1e-15 * x + 3e-14, codes)
        assert_allclose(scaled, 1e-15 * once, rtol=1e-3)

    def test_scale_of_a_large_sample(self, rule):
        x = np.sort(np.random.default_rng(7).normal(size=3000))
        assert_allclose(choose(rule, 1e-15 * x), 1e-15 * choose(rule, x), rtol=1e-9)

    def test_mirror(self, rule, sample):
        x, codes = sample
        assert_allclose(choose(rule, -x[::-1], codes[::-1]), choose(rule, x, codes), rtol=1e-9)

    def test_weight_two_is_two_rows(self, rule, sample):
        x, codes = sample
        copies = np.where(np.arange(60) % 2 == 0, 2, 1)
        weighted = choose(rule, x, codes, copies)
        repeated = choose(rule, np.repeat(x, copies), np.repeat(codes, copies))
        assert_allclose(weighted, repeated, rtol=1e-9)

    @pytest.mark.parametrize("kernel", ["exponential", "gaussian"])
    def test_never_narrower_than_a_step(self, rule, sample, kernel):
        x, codes = np.round(sample[0] / 3, 0) * 3, sample[1]
        found = bandwidths(rule, np.sort(x), codes, np.ones(60), 3, kernel)
        if rule != "published":
            assert np.all(found >= 3 / ROUNDING)
        assert np.all(found > 0)


class TestBandwidths:
    def test_given(self):
        found = bandwidths(0.7, np.arange(5.0), np.zeros(5, int), np.ones(5), 2, "gaussian")
        assert_array_equal(found, [0.7, 0.7])

    @pytest.mark.parametrize("rule", ["likelihood"])
    def test_rounded_so_that_classes_share_them(self, rule):
        rng = np.random.default_rng(6)
        codes = np.arange(700) % 7
        x = rng.normal(scale=1.0 + codes)
        order = np.argsort(x)
        arguments = x[order], codes[order], np.ones(700), 7, "exponential"
        exact, found = RULES["likelihood"](*arguments), bandwidths("likelihood", *arguments)
        assert_allclose(found, share_bandwidths(exact), rtol=1e-12)
        assert len(np.unique(found)) < 7
