# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the priors that are estimated from the unlabelled sources.
"""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table, vstack
from numpy.testing import assert_allclose, assert_array_equal

from claxboi import classify
from claxboi.classification import NaiveBayesClassifier, PriorWarning

TRUTH = np.array([0.75, 0.05, 0.2])


def draw(n, proportions, rng, *, labelled=True, flux=1e-14):
    codes = rng.choice(3, n, p=proportions)
    names = np.array(["A", "B", "C"])[codes]
    return Table(
        {
            "source_id": [f"{labelled}-{k}" for k in range(n)],
            "x": rng.normal(1.5 * codes),
            "y": np.where(rng.random(n) < 0.1 + 0.2 * codes, np.nan, rng.normal(-1.0 * codes)),
            "flux": flux * 10 ** rng.normal(0, 0.4, n),
            "class": MaskedColumn(names, mask=not labelled),
        }
    )


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(1)
    return draw(3000, [1 / 3] * 3, rng), draw(3000, TRUTH, rng, labelled=False)


@pytest.fixture(scope="module")
def model(sample):
    return NaiveBayesClassifier(["x", "y"]).fit(sample[0])


class TestEstimate:
    def test_recovers_truth_within_errors(self, sample, model):
        found = model.estimate_priors(sample[1], n_resamples=30, rng=1)
        assert_allclose(found.proportions.sum(), 1)
        assert np.all(found.errors > 0.002)
        assert np.all(found.errors < 0.05)
        assert np.all(np.abs(found.proportions - TRUTH) < 3.5 * found.errors)
        assert found.samples.shape == (30, 3)
        assert found.n_sources == 3000

    def test_errors_are_of_both_samples(self, sample):
        # With few labelled sources the densities, not the catalogue, limit the estimate.
        labelled, unlabelled = sample
        few, many = (
            NaiveBayesClassifier(["x", "y"])
            .fit(labelled[:n])
            .estimate_priors(unlabelled, n_resamples=15, rng=2)
            for n in (150, 3000)
        )
        assert few.errors.sum() > 1.5 * many.errors.sum()

    def test_errors_are_honest(self):
        # Spread of estimates over many simulated pairs of samples, against the errors told.
        rng = np.random.default_rng(3)
        found, told = [], []
        for _ in range(10):
            model = NaiveBayesClassifier(["x", "y"]).fit(draw(250, [1 / 3] * 3, rng))
            estimate = model.estimate_priors(
                draw(250, TRUTH, rng, labelled=False), n_resamples=8, rng=rng
            )
            found.append(estimate.proportions)
            told.append(estimate.errors)
        spread = np.std(found, axis=0, ddof=1)
        # Ten and eight draws know a standard deviation to some 25 % each.
        ratio = np.sqrt(np.mean(np.square(told), axis=0)) / spread
        assert np.all((ratio > 0.5) & (ratio < 2.0))

    def test_training_rows_do_not_count(self, sample, model):
        labelled, unlabelled = sample
        alone = model.estimate_priors(unlabelled, n_resamples=0)
        both = model.estimate_priors(vstack([labelled, unlabelled]), n_resamples=0)
        assert_array_equal(both.proportions, alone.proportions)
        assert both.n_sources == 3000
        assert np.all(np.isnan(alone.errors))

    def test_tables(self, sample, model):
        found = model.estimate_priors(sample[1], n_resamples=3, rng=1)
        table = found.to_table()
        assert table.colnames == ["class", "proportion", "error", "n", "n_error"]
        assert_allclose(table["n"], found.proportions * 3000)
        assert found.as_dict() == dict(zip("ABC", found.proportions.tolist(), strict=True))

    def test_seeded(self, sample, model):
        few = sample[1][:300]
        one, other = (model.estimate_priors(few, n_resamples=3, rng=5) for _ in range(2))
        assert_array_equal(one.errors, other.errors)

    def test_small_classes_and_rare_properties_bear_resampling(self):
        # Three sources of a class, two values of a property: no resampling may lose them.
        rng = np.random.default_rng(4)
        table = draw(60, [0.5, 0.5, 0.0], rng)
        table["class"][:3] = "C"
        table["rare"] = np.nan
        table["rare"][:2] = [1.0, 2.0]
        with pytest.warns(UserWarning, match=r"C \(3\)"):
            model = NaiveBayesClassifier(["x", "rare"]).fit(table)
        new = draw(100, TRUTH, rng, labelled=False)
        new["rare"] = np.nan
        found = model.estimate_priors(new, n_resamples=20, rng=6)
        assert np.all(np.isfinite(found.errors))

    def test_fitted_exponents_are_fitted_again(self, sample):
        labelled, unlabelled = sample[0][:300], sample[1][:300]
        model = NaiveBayesClassifier(["x", "y"]).fit(labelled)
        model.optimize(labelled, "training", offsets=True)
        found = model.estimate_priors(unlabelled, n_resamples=3, rng=7)
        assert np.all(np.isfinite(found.errors))

    def test_errors(self, sample, model):
        with pytest.raises(ValueError, match="needs unlabelled sources"):
            model.estimate_priors(sample[0])
        with pytest.raises(ValueError, match="n_resamples must be at least 0, got -1"):
            model.estimate_priors(sample[1], n_resamples=-1)

    def test_table_is_not_changed(self, sample, model):
        before = sample[1].copy()
        model.estimate_priors(sample[1], n_resamples=0)
        assert_array_equal(sample[1]["x"], before["x"])
        assert sample[1].colnames == before.colnames


class TestFlux:
    def test_warns_where_fluxes_differ(self, model):
        faint = draw(500, TRUTH, np.random.default_rng(8), labelled=False, flux=3e-15)
        with pytest.warns(PriorWarning, match=r"differ in flux \(medians 9.7e-15 and 2.8e-15"):
            model.estimate_priors(faint, n_resamples=0)

    def test_few_sources_differ_by_chance(self, model):
        few = draw(5, TRUTH, np.random.default_rng(9), labelled=False, flux=2e-14)
        model.estimate_priors(few, n_resamples=0)

    def test_no_flux(self, sample, model):
        unlabelled = sample[1]["x", "y"]
        model.estimate_priors(unlabelled, n_resamples=0)


class TestClassify:
    def test_at_the_estimate(self, sample, model):
        unlabelled = sample[1]
        proportions = model.estimate_priors(unlabelled, n_resamples=0).proportions
        result = model.classify(unlabelled, "estimate")
        stored = result.meta["claxboi"]["classification"]["priors"]
        assert_allclose(list(stored.values()), proportions)
        again = model.classify(unlabelled, proportions)
        # Given priors are divided by their sum, which is 1 but for rounding.
        assert_allclose(result["P_A"], again["P_A"], rtol=1e-12)

    def test_in_one_call(self, sample):
        labelled, unlabelled = sample
        result, model = classify(
            vstack([labelled, unlabelled]), "estimate", properties=["x", "y"], return_model=True
        )
        stored = result.meta["claxboi"]["classification"]["priors"]
        assert_allclose(list(stored.values()), TRUTH, atol=0.05)
        assert set(model.offsets) == set("ABC")
