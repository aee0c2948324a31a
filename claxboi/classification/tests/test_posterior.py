# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the three normalizations, against their formulas in slow loops.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification._likelihood import Terms
from claxboi.classification._output import Answer
from claxboi.classification.posterior import MISSING_MODES, combine, log_normalize

N_CLASSES, N = 3, 25
#: Categories of the six properties.
CATEGORY = np.array([0, 0, 1, 2, 2, 2])
WEIGHTS = np.array([2.0, 0.5, 4.0])
ALPHA = 0.75
PRIOR = np.array([0.5, 0.3, 0.2])


@pytest.fixture
def parts():
    """Likelihoods, presence probabilities, and what is present, per property."""
    rng = np.random.default_rng(1)
    likelihood = rng.uniform(0.05, 3, (6, N_CLASSES, N))
    presence = rng.uniform(0.1, 0.9, (6, N_CLASSES))
    here = rng.random((6, N)) < 0.7
    here[:, 0], here[:, 1] = True, False
    return likelihood, presence, here


@pytest.fixture
def terms(parts):
    likelihood, presence, here = parts
    shape = (3, N_CLASSES, N)
    log_likelihood, present, absent = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for p, t in enumerate(CATEGORY):
        log_likelihood[t] += np.where(here[p], np.log(likelihood[p]), 0)
        present[t] += np.where(here[p], np.log(presence[p])[:, np.newaxis], 0)
        absent[t] += np.where(here[p], 0, np.log(1 - presence[p])[:, np.newaxis])
    each = np.arange(N)
    return Terms(log_likelihood, present, absent, each, here.sum(axis=0), each, here.T)


def of_category(parts, s, c, t, missing, alpha):
    """Multiply what category t says of class c: values, and presence or absence."""
    likelihood, presence, here = parts
    product = 1.0
    for p in np.flatnonzero(t == CATEGORY):
        if here[p, s]:
            product *= likelihood[p, c, s]
            if missing != "ignore":
                product *= presence[p, c]
        elif missing == "existence":
            product *= (1 - presence[p, c]) ** alpha
        elif missing == "sentinel":
            product *= 1 - presence[p, c]
    return product


def fill(terms, normalization, missing):
    combination = combine(terms, WEIGHTS, ALPHA, normalization, missing)
    answer = Answer(N, N_CLASSES, 3)
    log_prior = np.log(PRIOR)[:, np.newaxis]
    answer.fill(0, terms, combination, log_prior)
    return answer


class TestNone:
    @pytest.mark.parametrize("missing", MISSING_MODES)
    def test_formula(self, parts, terms, missing):
        _, presence, here = parts
        answer = fill(terms, "none", missing)
        for s in range(N):
            joint = PRIOR.copy()
            for c in range(N_CLASSES):
                for t in range(3):
                    mode = "sentinel" if missing == "sentinel" else "ignore"
                    joint[c] *= of_category(parts, s, c, t, mode, None) ** WEIGHTS[t]
                if missing == "existence":
                    for p in range(6):
                        share = presence[p, c] if here[p, s] else 1 - presence[p, c]
                        joint[c] *= share**ALPHA
            assert_allclose(answer.posterior[:, s], joint / joint.sum(), rtol=1e-10)
            assert_allclose(answer.outlier[s], -np.log10(joint.max()), rtol=1e-10, atol=1e-10)
            assert answer.best[s] == np.argmax(joint)
            assert_allclose(answer.margin[s], 2 * joint.max() / joint.sum() - 1, atol=1e-12)
            assert answer.n_missing[s] == 6 - here[:, s].sum()


class TestPublished:
    @pytest.mark.parametrize("missing", MISSING_MODES)
    def test_formula(self, parts, terms, missing):
        answer = fill(terms, "published", missing)
        for s in range(N):
            each = np.array(
                [
                    [of_category(parts, s, c, t, missing, ALPHA) for c in range(N_CLASSES)]
                    for t in range(3)
                ]
            )
            joint = PRIOR * np.prod(each ** WEIGHTS[:, np.newaxis], axis=0) ** (1 / WEIGHTS.sum())
            assert_allclose(answer.posterior[:, s], joint / joint.sum(), rtol=1e-10)
            assert_allclose(answer.outlier[s], -np.log10(joint.max()), rtol=1e-10, atol=1e-10)
            for t in range(3):
                powered = each[t] ** (WEIGHTS[t] / WEIGHTS.sum())
                assert_allclose(answer.marginal[t, :, s], powered / powered.sum(), rtol=1e-10)
                others = np.arange(3) != t
                rest = PRIOR * np.prod(
                    each[others] ** (WEIGHTS[others] / WEIGHTS[others].sum())[:, np.newaxis],
                    axis=0,
                )
                changed = np.argmax(rest) != np.argmax(joint)
                expected = np.argmax(rest) + 1 if changed else 0
                assert answer.alternative[t, s] == expected


class TestOriginal:
    def test_formula(self, parts, terms):
        # golden/claxboi_original/README.md, with weights of the properties of 1.
        likelihood, presence, here = parts
        answer = fill(terms, "original", "existence")
        total = WEIGHTS.sum()
        for s in range(N):
            n_plus, n_minus = here[:, s].sum(), (~here[:, s]).sum()
            category = np.empty((3, N_CLASSES))
            for t in range(3):
                for c in range(N_CLASSES):
                    values, absent = 1.0, 1.0
                    for p in np.flatnonzero(t == CATEGORY):
                        if here[p, s]:
                            values *= likelihood[p, c, s] * presence[p, c]
                        else:
                            absent *= 1 - presence[p, c]
                    power = 5 * WEIGHTS[t] / (2 * n_plus + ALPHA * n_minus)
                    category[t, c] = (values * absent**ALPHA) ** power
            marginal = category / category.sum(axis=1, keepdims=True)
            joint = PRIOR * np.prod(category, axis=0) ** (8 / total)
            assert_allclose(answer.posterior[:, s], joint / joint.sum(), rtol=1e-10)
            assert_allclose(answer.outlier[s], -np.log10(joint.max()), rtol=1e-10, atol=1e-9)
            assert_allclose(answer.margin[s], 2 * joint.max() / joint.sum() - 1, atol=1e-12)
            assert_allclose(answer.marginal[..., s], marginal, rtol=1e-10)
            for t in range(3):
                others = np.arange(3) != t
                rest = PRIOR * np.prod(marginal[others], axis=0) ** (8 / WEIGHTS[others].sum())
                changed = np.argmax(rest) != np.argmax(joint)
                assert answer.alternative[t, s] == (np.argmax(rest) + 1 if changed else 0)

    def test_no_value_and_missing_weight_of_zero(self, terms):
        # The exponent would be infinite, of a likelihood that is 1.
        combination = combine(terms, WEIGHTS, 0.0, "original", "existence")
        assert_array_equal(combination.contributions[..., 1], 0)


class TestAlternatives:
    def test_none_leaves_a_category_out(self, parts, terms):
        answer = fill(terms, "none", "ignore")
        found = 0
        for s in range(N):
            each = np.array(
                [
                    [of_category(parts, s, c, t, "ignore", None) for c in range(N_CLASSES)]
                    for t in range(3)
                ]
            )
            powered = each ** WEIGHTS[:, np.newaxis]
            for t in range(3):
                share = powered[t] / powered[t].sum()
                assert_allclose(answer.marginal[t, :, s], share, rtol=1e-10)
                rest = PRIOR * np.prod(np.delete(powered, t, axis=0), axis=0)
                best = np.argmax(PRIOR * np.prod(powered, axis=0))
                changed = np.argmax(rest) != best
                found += changed
                assert answer.alternative[t, s] == (np.argmax(rest) + 1 if changed else 0)
        assert found > 5

    @pytest.mark.parametrize("normalization", ["published", "original"])
    def test_the_only_category_leaves_the_prior(self, normalization):
        likelihood = np.log(np.array([[[0.1], [5.0]]]))
        nothing = np.zeros((1, 2, 1))
        first = np.zeros(1, int)
        terms = Terms(
            likelihood, nothing, nothing, first, np.ones(1, int), first, np.ones((1, 1), bool)
        )
        combination = combine(terms, np.array([3.0]), 1.0, normalization, "ignore")
        assert_array_equal(combination.rest_scale, [0.0])


class TestLogNormalize:
    def test_sums_to_one(self):
        values = np.random.default_rng(2).normal(scale=300, size=(7, 100))
        assert_allclose(np.exp(log_normalize(values)).sum(axis=0), 1, rtol=1e-12)

    def test_extremes(self):
        values = np.array([[-1e5, 1e5, -np.inf], [-1e5 - 1, -1e5, 0.0]])
        expected = [[-np.log1p(np.exp(-1)), 0, -np.inf], [-1 - np.log1p(np.exp(-1)), -2e5, 0]]
        assert_allclose(log_normalize(values), expected)
