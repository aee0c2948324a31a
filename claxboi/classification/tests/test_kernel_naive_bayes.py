# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the classifier on arrays: its answers, and the contract of scikit-learn.
"""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification import KernelNaiveBayes, NaiveBayesClassifier, NotFittedError, Property

PRIORS = {"A": 0.6, "B": 0.3, "C": 0.1}


def make_data(n=150, seed=1):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 3
    X = rng.normal(codes[:, np.newaxis] * [1.0, -1.0, 0.3], size=(n, 3))
    X[rng.random(X.shape) < 0.2] = np.nan
    return X, np.array(list("ABC"))[codes]


class TestAnswers:
    @pytest.mark.parametrize("kernel", ["exponential", "gaussian", "original"])
    @pytest.mark.filterwarnings("ignore:densities of the original")
    def test_same_as_on_a_table(self, kernel):
        X, y = make_data()
        new = make_data(seed=2)[0]
        names = ["x0", "x1", "x2"]
        table = Table(X, names=names)
        table["class"] = y
        model = KernelNaiveBayes(weights=None, kernel=kernel, priors=PRIORS).fit(X, y)
        other = NaiveBayesClassifier(names, kernel=kernel).fit(table)
        expected = other.predict_log_proba(Table(new, names=names), PRIORS)
        assert_array_equal(model.predict_log_proba(new), expected)
        if kernel != "original":
            held_out = other.predict_log_proba(table, PRIORS)
            assert_array_equal(model.leave_one_out_log_proba(), held_out)

    def test_fitted_weights(self):
        X, y = make_data()
        table = Table(X, names=["x0", "x1", "x2"])
        table["class"] = y
        properties = {"one": ["x0", "x1"], "two": ["x2"]}
        model = KernelNaiveBayes(properties, priors=PRIORS, offsets=True).fit(X, y)
        other = NaiveBayesClassifier(properties).fit(table)
        other.optimize(table, PRIORS, offsets=True)
        assert model.weights_ == other.weights
        assert model.offsets_ == other.offsets
        assert_allclose(
            model.leave_one_out_log_proba(), other.predict_log_proba(table, PRIORS), rtol=1e-12
        )

    def test_true_refits(self):
        X, y = make_data(60)
        # The range, which is the unit of the densities, does not depend on one row.
        X[:6] = np.repeat([[-6.0], [6.0]], 3, axis=0)
        model = KernelNaiveBayes(bandwidth=0.3, weights=None, priors=[0.5, 0.2, 0.3]).fit(X, y)
        found = model.leave_one_out_log_proba()
        for row in (7, 20, 58):
            rest = np.arange(60) != row
            other = KernelNaiveBayes(bandwidth=0.3, weights=None, priors=[0.5, 0.2, 0.3])
            expected = other.fit(X[rest], y[rest]).predict_log_proba(X[row : row + 1])
            assert_allclose(found[row], expected[0], atol=1e-9)

    def test_groups_are_held_out_together(self):
        X, y = make_data(60)
        heavy, twice = (KernelNaiveBayes(bandwidth=0.3, weights=None) for _ in range(2))
        heavy.fit(X, y, sample_weight=np.full(60, 2.0))
        rows = np.tile(np.arange(60), 2)
        twice.fit(X[rows], y[rows], groups=rows)
        assert_allclose(
            twice.leave_one_out_log_proba()[:60], heavy.leave_one_out_log_proba(), atol=1e-9
        )

    def test_zero_weight_is_no_row(self):
        X, y = make_data()
        weight = np.where(np.arange(150) < 100, 1.0, 0.0)
        one = KernelNaiveBayes().fit(X, y, sample_weight=weight)
        other = KernelNaiveBayes().fit(X[:100], y[:100])
        assert_array_equal(one.predict_proba(X), other.predict_proba(X))

    def test_properties_by_order_and_by_name(self):
        pandas = pytest.importorskip("pandas")
        X, y = make_data()
        records = [Property("flux", scale="log10"), Property("b"), Property("c")]
        X[:, 0] = 10 ** X[:, 0]
        by_order = KernelNaiveBayes(records).fit(X, y)
        frame = pandas.DataFrame(X, columns=["flux", "b", "c"])[["c", "flux", "b"]]
        by_name = KernelNaiveBayes(records).fit(frame, y)
        assert by_name.feature_names_in_.tolist() == ["c", "flux", "b"]
        assert [record.column for record in by_name.properties_] == ["c", "flux", "b"]
        assert_allclose(by_name.predict_proba(frame), by_order.predict_proba(X), rtol=1e-6)
        with pytest.raises(ValueError, match="must be in the same order"):
            by_name.predict(frame[["b", "c", "flux"]])

    def test_number_of_threads_does_not_matter(self):
        X, y = make_data()
        found = [KernelNaiveBayes(n_jobs=n).fit(X, y).predict_proba(X) for n in (None, 1, 2, -1)]
        for other in found[1:]:
            assert_array_equal(other, found[0])

    def test_pickled(self):
        X, y = make_data()
        model = KernelNaiveBayes().fit(X, y)
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert_array_equal(again.leave_one_out_log_proba(), model.leave_one_out_log_proba())


class TestChecks:
    def test_attributes_before_the_fit(self):
        model = KernelNaiveBayes()
        for name in ("classes_", "weights_", "n_features_in_"):
            assert not hasattr(model, name)
            with pytest.raises(NotFittedError, match="not fitted yet"):
                getattr(model, name)
        with pytest.raises(NotFittedError):
            model.predict(make_data()[0])
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            _ = model.nonsense

    @pytest.mark.parametrize(
        ("parameters", "error", "message"),
        [
            ({"recipe": "best"}, ValueError, "recipe"),
            ({"kernel": "square"}, ValueError, "kernel"),
            ({"missing": "mean"}, ValueError, "missing"),
            ({"normalization": 3}, (TypeError, ValueError), "normalization"),
            ({"bandwidth": -1.0}, ValueError, "bandwidth"),
            ({"floor": 0}, ValueError, "floor"),
            ({"weights": {"other": -1}}, ValueError, "weight of 'other'"),
            ({"weights": "best"}, ValueError, "weights"),
            ({"n_folds": 1}, ValueError, "n_folds"),
            ({"n_jobs": 0}, ValueError, "n_jobs"),
            ({"offsets": "yes"}, TypeError, "offsets"),
            ({"offsets": True, "weights": None}, ValueError, "offsets=True needs"),
            ({"priors": {"A": 1.0}}, ValueError, "priors"),
            ({"priors": [0.5, 0.6, 0.1]}, ValueError, "priors must sum to 1"),
            ({"properties": ["a", "b"]}, ValueError, "properties must name each feature"),
            ({"properties": [Property("x0", error="e"), "x1", "x2"]}, ValueError, "errors"),
        ],
    )
    def test_parameters_are_checked_in_fit(self, parameters, error, message):
        model = KernelNaiveBayes(**parameters)
        for name, value in parameters.items():
            assert getattr(model, name) is value
        with pytest.raises(error, match=message):
            model.fit(*make_data())

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"X": np.ones(150)}, "Expected 2D array"),
            ({"X": np.full((150, 3), np.inf)}, "infinity"),
            ({"X": np.ones((150, 3), complex)}, "Complex data"),
            ({"X": np.full((150, 3), "a")}, "X must hold numbers"),
            ({"X": np.ones((0, 3))}, "0 sample"),
            ({"y": np.ones(150)}, "only one class"),
            ({"y": np.ones(149)}, "inconsistent numbers"),
            ({"y": np.linspace(0, 1, 150)}, "Unknown label type"),
            ({"y": np.full(150, np.nan)}, "NaN"),
            ({"y": None}, "requires y"),
            ({"sample_weight": np.full(150, -1.0)}, "not negative; 150 are not, such as -1"),
            ({"sample_weight": np.ones(3)}, r"expected \(150,\)"),
            ({"groups": np.ones(3)}, "groups must have one value for each of the 150 rows"),
        ],
    )
    def test_data(self, change, message):
        X, y = make_data()
        with pytest.raises(ValueError, match=message):
            KernelNaiveBayes().fit(**({"X": X, "y": y} | change))

    def test_unknown_parameter(self):
        with pytest.raises(ValueError, match="Invalid parameter 'width'"):
            KernelNaiveBayes().set_params(width=1)

    def test_recipes(self):
        X, y = make_data()
        published = KernelNaiveBayes(recipe="published").fit(X, y)
        spelled = KernelNaiveBayes(
            kernel="exponential", normalization="published", bandwidth="published", weights=None
        )
        assert_array_equal(published.predict_proba(X), spelled.fit(X, y).predict_proba(X))
        # A switch wins over the recipe.
        gaussian = KernelNaiveBayes(recipe="published", kernel="gaussian").fit(X, y)
        assert not np.array_equal(gaussian.predict_proba(X), published.predict_proba(X))


#: Checks of scikit-learn that cannot hold, and why.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a repeated row is another source unless groups say otherwise: held-out weights and atoms "
        "differ from those of one row of weight 2"
    ),
}


class TestScikitLearn:
    def test_not_imported(self):
        code = (
            "import sys; from claxboi.classification import KernelNaiveBayes; "
            "KernelNaiveBayes().fit([[0.0], [1], [2], [3], [4], [5]], [0, 0, 0, 1, 1, 1]); "
            "sys.exit('sklearn' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

    @pytest.mark.filterwarnings("ignore")
    def test_check_estimator(self):
        checks = pytest.importorskip("sklearn.utils.estimator_checks")
        found = checks.check_estimator(
            KernelNaiveBayes(),
            expected_failed_checks=EXPECTED_FAILURES,
            on_fail=None,
            on_skip=None,
        )
        failed = [f"{c['check_name']}: {c['exception']}" for c in found if c["status"] == "failed"]
        assert not failed
        assert sum(c["status"] == "passed" for c in found) > 50

    def test_tools(self):
        pytest.importorskip("sklearn")
        from sklearn.base import clone
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        X, y = make_data(300)
        model = KernelNaiveBayes([Property("x0"), "x1", "x2"], bandwidth="silverman")
        copied = clone(model)
        assert copied.get_params() == model.get_params()
        scores = cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=3)
        assert scores.mean() > 0.5
        groups = np.arange(300) // 10
        scores = cross_val_score(model, X, y, groups=groups, cv=GroupKFold(3))
        assert scores.mean() > 0.5
        search = GridSearchCV(model, {"bandwidth": [0.001, 0.3]}, scoring="neg_log_loss", cv=3).fit(
            X, y
        )
        assert search.best_params_ == {"bandwidth": 0.3}
        calibrated = CalibratedClassifierCV(model, cv=3).fit(X, y)
        assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
