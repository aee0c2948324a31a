# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of limits: what it says of a class that a value could have been measured, or not.
"""

import pickle

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification import NaiveBayesClassifier, Property, fit_classifier
from claxboi.classification._detection import DetectionTerms
from claxboi.classification._source_arrays import Sources, TrainingRows
from claxboi.utils import ClaxboiWarning

CLASSES = ["A", "B", "C"]
LIMITED = [
    Property("x", "spectrum"),
    Property("r", "counterparts", lower_limit="r_limit"),
    Property("s", "counterparts", lower_limit="s_limit"),
]


def make_sky(n, rng, *, mean_flux):
    """Make sources of three classes, of which two surveys see those that are bright enough."""
    rng = np.random.default_rng(rng)
    code = rng.choice(3, n, p=[0.5, 0.35, 0.15])
    flux = rng.normal(mean_flux, 0.5, n)
    ratio = rng.normal(np.array([-1.0, 0.3, 1.2])[code], 0.7)
    table = Table({"x": rng.normal(0.8 * code), "class": np.array(CLASSES)[code]})
    for name, depth, offset in (("r", 1.0, 0.0), ("s", 0.7, 0.2)):
        value = ratio + offset + rng.normal(0, 0.3, n)
        limit = flux + depth
        limit[rng.random(n) < 0.4] = np.nan
        table[name] = np.where(value < limit, value, np.nan)
        table[f"{name}_limit"] = limit
    table["source_id"] = [f"{mean_flux}-{k}" for k in range(n)]
    return table


@pytest.fixture
def table():
    return make_sky(300, 1, mean_flux=0.0)


def brute_force(records, training, sources, n_classes):
    """Count source by source."""
    used = [p for p, record in enumerate(records) if record.limit]
    result = np.zeros((len(used), n_classes, len(sources)))
    for i in range(len(sources)):
        held = (
            []
            if sources.rows[i] < 0
            else np.flatnonzero(training.source == training.source[sources.rows[i]])
        )
        for k, p in enumerate(used):
            n_limits = sum(
                np.isfinite(sources.limits[q][i])
                for q in used
                if records[q].category == records[p].category
            )
            sign = -1 if records[p].upper_limit else 1
            limit = sign * sources.limits[p][i]
            if np.isnan(limit):
                continue
            total, beyond = np.zeros(n_classes), np.zeros(n_classes)
            for j in range(len(training)):
                value, own = sign * training.values[p][j], sign * training.limits[p][j]
                if j in held or (np.isnan(value) and np.isnan(own)) or own < limit:
                    continue
                total[training.codes[j]] += training.weights[j]
                if np.isnan(value) or value >= limit:
                    beyond[training.codes[j]] += training.weights[j]
            pool = (beyond.sum() + 0.5) / (total.sum() + 1)
            fraction = ((beyond + pool) / (total + 1) + 0.001) / 1.002
            seen = np.isfinite(sources.values[p][i])
            result[k, :, i] = np.log(1 - fraction if seen else fraction) / n_limits
    return result


class TestTerms:
    @pytest.mark.parametrize("is_upper", [False, True])
    @pytest.mark.parametrize("category", ["other", "location"])
    def test_counts(self, is_upper, category):
        rng = np.random.default_rng(2)
        n, sign = 60, -1 if is_upper else 1
        side = "upper_limit" if is_upper else "lower_limit"
        records = [
            Property("r", **{side: "l"}),
            Property("x"),
            Property("s", category, **{side: "m"}),
        ]
        values = rng.normal(size=(3, n))
        limits = {p: rng.normal(0.5, 1, n) for p in (0, 2)}
        for p in (0, 2):
            values[p, values[p] > limits[p]] = np.nan
            limits[p][rng.random(n) < 0.3] = np.nan
        values[[0, 2]] *= sign
        limits = {p: sign * limit for p, limit in limits.items()}
        training = TrainingRows(
            values[:, :40],
            {},
            np.arange(40) % 3,
            rng.uniform(0.5, 2, 40),
            source=np.arange(40) // 2,
            keys=np.arange(40, dtype=np.uint64),
            limits={p: limit[:40] for p, limit in limits.items()},
        )
        rows = np.append(np.arange(40), np.full(20, -1))
        sources = Sources(values, {}, rows, training, limits=limits)
        terms = DetectionTerms(records, training, 3)
        assert terms.properties == [0, 2]
        found = terms.each(sources)
        assert_allclose(found, brute_force(records, training, sources, 3), atol=1e-12)
        assert np.abs(found).max() > 0.5

    def test_only_one_class_left(self):
        training = TrainingRows(
            np.array([[0.0, 1.0, np.nan]]), {}, np.array([0, 0, 1]), np.ones(3),
            limits={0: np.array([2.0, 2.0, 2.0])},
        )  # fmt: skip
        terms = DetectionTerms([Property("r", lower_limit="l")], training, 2)
        found = terms.each(training.sources())
        assert np.isfinite(found).all()


class TestClassifier:
    def test_leave_one_out_is_a_refit(self, table):
        model = NaiveBayesClassifier(LIMITED, missing="ignore", bandwidth=0.4).fit(table)
        held = model.predict_proba(table, "training")
        for row in (0, 7, 123):
            others = table[np.arange(len(table)) != row]
            refit = NaiveBayesClassifier(LIMITED, missing="ignore", bandwidth=0.4).fit(others)
            again = refit.predict_proba(table[row : row + 1], dict_of(model))
            # The unit of the densities is the training range, which the row may have set.
            assert_allclose(held[row], again[0], rtol=0.02, atol=1e-4)

    @pytest.mark.parametrize("missing", ["existence", "ignore"])
    def test_without_coverage_nothing_is_said(self, table, missing):
        model = NaiveBayesClassifier(LIMITED, missing=missing).fit(table)
        model.set_weights({"missing": 0.5})
        new = make_sky(50, 3, mean_flux=-1.0)
        without = NaiveBayesClassifier(LIMITED[:2], missing=missing).fit(table)
        without.set_weights({"missing": 0.5})
        new["s"], new["s_limit"] = np.nan, np.nan
        assert_allclose(
            model.predict_proba(new, dict_of(model)),
            without.predict_proba(new, dict_of(model)),
            atol=1e-12,
        )

    def test_a_deeper_limit_says_more(self, table):
        model = NaiveBayesClassifier(LIMITED, missing="ignore").fit(table)
        one = Table({name: [np.nan] * 3 for name in ("x", "r", "s", "s_limit")})
        one["r_limit"] = [-2.0, 0.0, 1.5]
        p = model.predict_proba(one, "training")
        assert p[0, 0] > p[1, 0] > p[2, 0]
        assert p[0, 2] < p[1, 2] < p[2, 2]

    def test_values_matter_little_where_all_are_seen(self, table):
        """With limits that nothing passes, measured values are as without limits."""
        part = make_sky(1000, 8, mean_flux=1.0)
        part = part[np.isfinite(part["r"]) & np.isfinite(part["s"])]
        part["r_limit"], part["s_limit"] = 50.0, 50.0
        with_limits = NaiveBayesClassifier(LIMITED, missing="ignore").fit(part)
        plain = NaiveBayesClassifier(["x", *"rs"], missing="ignore").fit(part)
        difference = with_limits.predict_log_proba(part, "training") - plain.predict_log_proba(
            part, "training"
        )
        assert np.abs(difference).max() < 0.02

    def test_explanation_adds_up(self, table):
        model, _ = fit_classifier(table, "training", properties=LIMITED, show_progress=False)
        result = model.classify(make_sky(30, 4, mean_flux=-1.0), "training", show_progress=False)
        row = int(np.flatnonzero(np.isnan(result["r"]) & np.isfinite(result["r_limit"]))[0])
        explanation = model.explain(result[row])
        for name in CLASSES:
            assert_allclose(
                explanation.log_posterior[name], np.log(result[f"P_{name}"][row]), atol=1e-9
            )
        parts = explanation.parts
        assert "r" in parts["name"][parts["kind"] == "detection"]
        assert "missing" in explanation.to_table("category")["category"]
        assert "r" not in parts["name"][parts["kind"] == "missing"]

    def test_sentence(self, table):
        model = NaiveBayesClassifier(LIMITED[:2], missing="ignore").fit(table)
        one = Table({"x": [np.nan], "r": [np.nan], "r_limit": [1.5]})
        assert "hat r is beyond its limit" in model.explain(one, "training").sentence

    def test_model_file_and_pickle(self, table, tmp_path):
        model, _ = fit_classifier(table, "training", properties=LIMITED, show_progress=False)
        model.write(tmp_path / "model.ecsv")
        new = make_sky(100, 5, mean_flux=-1.0)
        expected = model.predict_log_proba(new, "training")
        for other in (
            NaiveBayesClassifier.read(tmp_path / "model.ecsv"),
            pickle.loads(pickle.dumps(model)),
        ):
            assert_array_equal(other.predict_log_proba(new, "training"), expected)
            assert_array_equal(
                other.predict_log_proba(table, "training"),
                model.predict_log_proba(table, "training"),
            )

    def test_folds_and_resamples(self, table):
        model, _ = fit_classifier(table, "training", properties=LIMITED, show_progress=False)
        scores = [
            model.evaluate(table, "training", method=method, rng=1, show_progress=False).log_loss
            for method in ("leave-one-out", "k-fold")
        ]
        assert abs(scores[0] - scores[1]) < 0.1
        estimate = model.estimate_priors(
            make_sky(300, 6, mean_flux=0.1), n_resamples=2, rng=1, show_progress=False
        )
        assert np.isfinite(estimate.errors).all()

    @pytest.mark.parametrize("options", [{"normalization": "published"}, {"kernel": "original"}])
    def test_needs_free_exponents(self, table, options):
        with pytest.raises(ValueError, match=r"limits \(r, s\) need normalization='none'"):
            NaiveBayesClassifier(LIMITED, **options).fit(table)

    def test_wrong_input(self, table):
        with pytest.raises(ValueError, match="not both"):
            Property("r", lower_limit="a", upper_limit="b")
        with pytest.raises(KeyError, match="r_limit"):
            NaiveBayesClassifier(LIMITED).fit(table["x", "r", "s", "s_limit", "class"])
        model = NaiveBayesClassifier(LIMITED).fit(table)
        with pytest.raises(KeyError, match="s_limit"):
            model.classify(table["x", "r", "r_limit", "s"], "training", show_progress=False)

    def test_default_limits_may_be_absent_later(self, table):
        """A model of a sample with host galaxies classifies a table of another search."""
        own = table["x", "class", "source_id"]
        own["galaxy_radius"], own["galaxy_radius_limit"] = table["r"], 1.5
        properties = [Property("x", "spectrum"), "galaxy_radius"]
        model, _ = fit_classifier(own, "training", properties=properties, show_progress=False)
        new = make_sky(50, 3, mean_flux=0.0)
        new["galaxy_radius"], new["galaxy_radius_limit"] = new["r"], np.nan
        expected = model.predict_proba(new, "training")
        new.remove_column("galaxy_radius_limit")
        with pytest.warns(ClaxboiWarning, match="no column galaxy_radius_limit"):
            found = model.predict_proba(new, "training")
        assert_array_equal(found, expected)

    def test_units_convert(self, table):
        own = table.copy()
        own["r"].unit = own["r_limit"].unit = "mag"
        model = NaiveBayesClassifier(LIMITED, missing="ignore").fit(own)
        other = own.copy()
        other["r_limit"] = other["r_limit"] * 1000
        other["r_limit"].unit = "mmag"
        assert_allclose(
            model.predict_proba(other, "training"), model.predict_proba(own, "training"), atol=1e-12
        )


def dict_of(model):
    return dict(zip(model.classes_, model.class_counts_ / model.class_counts_.sum(), strict=True))


class TestBrightAndFaint:
    """Bright labelled sources tell of faint ones, in surveys of different footprints."""

    @staticmethod
    def log_losses(seed):
        sample = make_sky(500, seed, mean_flux=0.8)
        faint = make_sky(2000, 1000 + seed, mean_flux=-1.0)
        losses = []
        for properties, missing in (
            (LIMITED, "ignore"),
            (["x", "r", "s"], "ignore"),
            (["x", "r", "s"], "existence"),
        ):
            model, priors = fit_classifier(
                sample, "training", table=faint, properties=properties, missing=missing,
                show_progress=False,
            )  # fmt: skip
            p = model.predict_proba(faint, priors)
            code = np.searchsorted(CLASSES, faint["class"])
            losses.append(-np.log(np.maximum(p[np.arange(len(p)), code], 1e-4)).mean())
        return losses

    @pytest.mark.filterwarnings("ignore::claxboi.utils.ClaxboiWarning")
    def test_beats_ignorance_and_existence(self):
        losses = np.array([self.log_losses(seed) for seed in range(6)])
        for other in (1, 2):
            gain = losses[:, other] - losses[:, 0]
            assert gain.mean() > 3 * gain.std(ddof=1) / np.sqrt(len(gain))
            assert gain.mean() > 0.02, losses.mean(axis=0)
