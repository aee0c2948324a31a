# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the priors: what may be given, and expectation-maximisation.
"""

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import softmax
from scipy.stats import norm

from claxboi.classification.priors import PriorWarning, estimate_priors, parse_priors

CLASSES = ["AGN", "star", "CV"]
TRAINING = np.array([0.5, 0.3, 0.2])


def parse(priors, n_sources=2, **options):
    return parse_priors(priors, CLASSES, TRAINING, n_sources, **options)


class TestParse:
    @pytest.mark.parametrize(
        "priors",
        [
            {"star": 0.25, "AGN": 0.7, "CV": 0.05},
            [0.7, 0.25, 0.05],
            (0.7, 0.25, 0.05),
            np.array([0.7, 0.25, 0.05]),
            [np.float32(0.7), 0.25, 0.05],
        ],
    )
    def test_proportions(self, priors):
        found = parse(priors)
        assert_allclose(found, [0.7, 0.25, 0.05], atol=1e-7)
        assert_allclose(found.sum(), 1, rtol=1e-15)

    def test_integer_classes(self):
        found = parse_priors({1: 0.4, 2: 0.6}, ["1", "2"], TRAINING[:2], 5)
        assert_array_equal(found, [0.4, 0.6])

    def test_zero(self):
        assert_array_equal(parse([1, 0, 0]), [1, 0, 0])

    def test_training(self):
        assert_array_equal(parse("training"), TRAINING)
        with pytest.warns(PriorWarning, match=r"no priors were given.*AGN 0.5, star 0.3, CV 0.2"):
            assert_array_equal(parse(None), TRAINING)

    def test_per_source(self):
        priors = [[0.7, 0.2, 0.1], [0, 0, 1]]
        assert_allclose(parse(priors), np.transpose(priors), rtol=1e-15)

    def test_callable(self):
        table = Table({"b": [1.0, 80.0]})
        found = parse(
            lambda t: np.where(
                np.abs(t["b"])[:, np.newaxis] > 10, [0.8, 0.1, 0.1], [0.1, 0.8, 0.1]
            ),
            table=table,
        )
        assert_allclose(found, [[0.1, 0.8], [0.8, 0.1], [0.1, 0.1]])

    def test_callable_that_returns_proportions(self):
        assert_allclose(parse(lambda t: [0.2, 0.3, 0.5], table=Table()), [0.2, 0.3, 0.5])

    def test_input_is_not_changed(self):
        priors = np.array([0.7, 0.25, 0.05 + 5e-7])
        before = priors.copy()
        parse(priors)[0] = 9
        assert_array_equal(priors, before)
        mapping = {"star": 0.25, "AGN": 0.7, "CV": 0.05}
        parse(mapping)
        assert list(mapping) == ["star", "AGN", "CV"]

    def test_left_out_class(self):
        with pytest.warns(PriorWarning, match="priors of XRB, left out of the model, are shared"):
            found = parse({"AGN": 0.4, "star": 0.3, "CV": 0.1, "XRB": 0.2}, dropped=["XRB"])
        assert_allclose(found, [0.5, 0.375, 0.125])

    def test_left_out_class_has_all(self):
        with pytest.raises(ValueError, match="priors must be above 0 for one of AGN, star, CV"):
            parse({"AGN": 0, "star": 0, "CV": 0, "XRB": 1}, dropped=["XRB"])

    @pytest.mark.parametrize(
        ("priors", "error", "message"),
        [
            ({"AGN": 0.7, "star": 0.3}, ValueError, "priors: missing 'CV' .classes: AGN, star, CV"),
            ({"AGN": 1, "star": 0, "CV": 0, "GRB": 0}, ValueError, "unknown class 'GRB'"),
            (
                {"AGN": 0.5, "stars": 0.5},
                ValueError,
                "missing 'star', 'CV'; unknown class 'stars'",
            ),
            ({"AGN": 1.2, "star": -0.2, "CV": 0}, ValueError, "finite and not negative"),
            ({"AGN": np.nan, "star": 1, "CV": 0}, ValueError, "finite and not negative"),
            ({"AGN": np.inf, "star": 1, "CV": 0}, ValueError, "finite and not negative"),
            ({"AGN": 0.5, "star": 0.3, "CV": 0.1}, ValueError, "sum to 1, got a sum of 0.9"),
            ({"AGN": "lots", "star": 0.3, "CV": 0.1}, TypeError, "priors must be numbers"),
            ([0.5, 0.5], ValueError, r"one number for each of the 3 classes .*got shape \(2,\)"),
            (0.5, ValueError, r"got shape \(\)"),
            ([[0.5, 0.3, 0.2]], ValueError, r"or shape \(2, 3\); got shape \(1, 3\)"),
            ([[0.5, 0.3, 0.2], [0.5, 0.3, 0.1]], ValueError, "sum to 1, got a sum of 0.9"),
            ("guess", ValueError, "priors must be 'training', 'estimate'.* got 'guess'"),
            (lambda table: [1, 1, 1], TypeError, "plain proportions here, got a function"),
        ],
    )
    def test_errors(self, priors, error, message):
        with pytest.raises(error, match=message):
            parse(priors)

    def test_error_in_left_out(self):
        with pytest.raises(TypeError, match="priors must be numbers"):
            parse({"AGN": 0.4, "star": 0.3, "CV": 0.1, "XRB": "few"}, dropped=["XRB"])
        with pytest.raises(ValueError, match=r"sum to 1, got a sum of 0\.9"):
            parse({"AGN": 0.4, "star": 0.3, "CV": 0.1, "XRB": 0.1}, dropped=["XRB"])


class TestEstimate:
    @pytest.fixture
    def sample(self):
        rng = np.random.default_rng(1)
        truth = np.array([0.85, 0.05, 0.1])
        centers = np.array([0.0, 2.0, 3.0])
        code = rng.choice(3, size=4000, p=truth)
        x = rng.normal(centers[code])
        return truth, norm.logpdf(x, centers[:, np.newaxis])

    def test_optimum(self, sample):
        _, log_likelihood = sample
        weights = np.random.default_rng(2).uniform(0, 2, 4000)

        def loss(free):
            return -np.sum(weights * np.log(softmax([*free, 0]) @ np.exp(log_likelihood)))

        best = softmax([*minimize(loss, [0.0, 0.0], tol=1e-10).x, 0])
        found = estimate_priors(log_likelihood, np.full(3, 1 / 3), weights=weights)
        assert_allclose(found, best, atol=1e-4)
        assert_allclose(found.sum(), 1)

    def test_recovers_truth(self, sample):
        truth, log_likelihood = sample
        found = estimate_priors(log_likelihood, np.full(3, 1 / 3))
        # Errors from the Fisher information of the proportions on the simplex.
        score = np.exp(log_likelihood) / (truth @ np.exp(log_likelihood))
        tangent = np.array([[1, 0], [0, 1], [-1, -1]])
        covariance = tangent @ np.linalg.inv(tangent.T @ (score @ score.T) @ tangent) @ tangent.T
        assert np.all(np.abs(found - truth) < 3.5 * np.sqrt(np.diag(covariance)))

    def test_start_does_not_matter(self, sample):
        _, log_likelihood = sample
        one, other = (
            estimate_priors(log_likelihood, np.array(start))
            for start in ([0.98, 0.01, 0.01], [0.01, 0.01, 0.98])
        )
        assert_allclose(one, other, atol=1e-4)

    def test_class_at_zero_stays(self, sample):
        found = estimate_priors(sample[1], np.array([0.5, 0.0, 0.5]))
        assert found[1] == 0

    def test_weight_two_is_two_sources(self, sample):
        log_likelihood = sample[1][:, :300]
        copies = 1 + np.arange(300) % 2
        start = np.full(3, 1 / 3)
        assert_allclose(
            estimate_priors(log_likelihood, start, weights=copies),
            estimate_priors(np.repeat(log_likelihood, copies, axis=1), start),
            atol=1e-9,
        )

    def test_huge_likelihoods(self, sample):
        _, log_likelihood = sample
        shift = np.random.default_rng(3).normal(scale=1e4, size=4000)
        start = np.full(3, 1 / 3)
        assert_allclose(
            estimate_priors(log_likelihood + shift, start),
            estimate_priors(log_likelihood, start),
            atol=1e-6,
        )

    def test_one_source(self):
        found = estimate_priors(np.log([[0.2], [0.8]]), np.array([0.5, 0.5]))
        assert_allclose(found, [0, 1], atol=1e-5)
