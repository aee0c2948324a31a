# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the runs of the original scripts: the reference outputs, number by number.
"""

import shutil

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification import NaiveBayesClassifier, Property
from claxboi.classification.original import original_densities, read_original
from claxboi.utils import ClaxboiWarning

pytestmark = pytest.mark.filterwarnings("ignore:densities of the original scripts")

CATEGORY_CODES = {"location": "loc", "spectrum": "spe", "counterparts": "mul", "variability": "var"}


@pytest.fixture(scope="module")
def golden(shared_path):
    folder = shared_path / "golden" / "claxboi_original"
    if not folder.is_dir():
        pytest.skip("the reference outputs of the original scripts are not there")
    return folder


@pytest.fixture(scope="module")
def reference(golden):
    return np.load(golden / "reference.npz")


@pytest.fixture(scope="module")
def catalogue(golden):
    return Table.read(golden / "cat.csv", format="ascii.csv")


@pytest.fixture(scope="module")
def from_files(golden):
    with pytest.warns(ClaxboiWarning, match="cannot hold a source out"):
        return NaiveBayesClassifier.from_original(
            golden / "cat.in", golden / "configfile.ini", golden / "distrib"
        )


@pytest.fixture(scope="module")
def from_table(from_files, catalogue):
    model = NaiveBayesClassifier(
        from_files.properties,
        weights=from_files.weights,
        normalization="original",
        kernel="original",
    )
    with pytest.warns(ClaxboiWarning, match="cannot hold a source out"):
        return model.fit(catalogue)


@pytest.fixture(params=["from_files", "from_table"], scope="module")
def answer(request, from_files, catalogue):
    model = request.getfixturevalue(request.param)
    priors = dict(zip(model.classes_, from_files.default_priors.values(), strict=True))
    return model, model.classify(catalogue, priors)


class TestParity:
    def test_posteriors(self, answer, reference):
        model, result = answer
        posterior = np.array([result[f"P_{name}"] for name in model.classes_])
        assert_allclose(posterior, reference["post"], rtol=1e-10, atol=1e-300)

    def test_marginals(self, answer, reference):
        model, result = answer
        marginal = [
            [result[f"P_{name}_{category}"] for name in model.classes_]
            for category in model.categories
        ]
        assert_allclose(marginal, reference["marginal"], rtol=1e-10, atol=1e-300)

    def test_scores_of_each_source(self, answer, reference):
        model, result = answer
        codes = [model.classes_.index(str(name)) for name in result["prediction"]]
        assert_array_equal(codes, reference["prediction"])
        assert_allclose(result["margin"], reference["ClMargin"], atol=1e-10)
        assert_allclose(result["outlier"], reference["outlier"], atol=1e-10)
        assert_array_equal(result["n_missing"], reference["N_missing"])

    def test_alternatives(self, answer, reference):
        model, result = answer
        number = {name: k for k, name in enumerate(model.classes_)}
        for text, expected in zip(result["alternative"], reference["alt"], strict=True):
            pairs = [part.split(":") for part in str(text).split()]
            ours = "".join(f"{CATEGORY_CODES[t]}{number[name]} " for t, name in pairs)
            assert ours == str(expected)

    def test_densities(self, from_files, from_table, reference):
        for model in (from_files, from_table):
            for density in model._core.likelihood.densities:
                expected = reference[f"density_{density.record.column}"]
                assert_allclose(density.probabilities, expected, rtol=1e-12)

    def test_explanation_adds_up(self, answer, catalogue):
        model, result = answer
        priors = result.meta["claxboi"]["classification"]["priors"]
        for row in (0, 17, 3999):
            parts = model.explain(result[row]).log_posterior
            for name in model.classes_:
                assert_allclose(parts[name], np.log(result[f"P_{name}"][row]), atol=1e-9)
        assert_allclose(sum(priors.values()), 1)

    def test_nothing_is_held_out_and_it_says_so(self, answer, catalogue):
        model, result = answer
        assert not result["is_training"].any()
        assert np.ma.getmaskarray(result["outlier_pvalue"]).all()
        assert "no source of the table trained" in model.evaluate(catalogue, "training").method


def test_default_priors_are_those_of_the_run(from_files, catalogue):
    given = from_files.classify(catalogue[:50], from_files.default_priors)
    default = from_files.classify(catalogue[:50])
    assert_array_equal(given["P_AGN"], default["P_AGN"])


def test_inverse_errors_are_exponents(golden, catalogue, tmp_path):
    for name in ("cat.in", "configfile.ini"):
        shutil.copy(golden / name, tmp_path)
    text = (tmp_path / "cat.in").read_text().replace("HR1 1 1.0", "HR1 1 auto")
    (tmp_path / "cat.in").write_text(text)
    run = read_original(
        tmp_path / "cat.in", golden / "configfile.ini", golden / "distrib", table=catalogue
    )
    record = next(record for record in run.records if record.column == "HR1")
    assert (record.weight, record.error) == ("1/error", "e_HR1")
    model = NaiveBayesClassifier([record, Property("HR2", category="spectrum")], kernel="original")
    model.fit(catalogue)
    plain = NaiveBayesClassifier(
        [Property("HR1", category="spectrum"), Property("HR2", category="spectrum")],
        kernel="original",
    ).fit(catalogue)
    row = catalogue[2:3]
    parts = model.explain(row, "training").parts
    whole = plain.explain(row, "training").parts
    for name in model.classes_:
        weighted = parts[name][parts["name"] == "HR1"][0]
        unweighted = whole[name][whole["name"] == "HR1"][0]
        assert_allclose(weighted, unweighted / row["e_HR1"][0], rtol=1e-12)


class TestFiles:
    @pytest.fixture
    def run(self, tmp_path):
        """A small run, made here: two classes, one property."""
        rng = np.random.default_rng(3)
        table = Table({"x": rng.normal(size=40), "class": np.repeat(["0", "1"], 20)})
        table.write(tmp_path / "cat.csv", format="ascii.csv")
        (tmp_path / "cat.in").write_text("# comment\nclass 0 0 0 0 1\nx 1 1.0 1 1 1\n")
        (tmp_path / "configfile.ini").write_text(
            "filename: 'cat.csv'\ncategories: ['location']\nglobal_coeffs: [0.5, 2.0]\n"
            "classnames: ['a', 'b']\ntrueprop: [0.3, 0.7]\n"
        )
        folder = tmp_path / "distrib"
        folder.mkdir()
        np.savetxt(
            folder / "x.dat",
            np.column_stack([np.arange(-5, 5), np.arange(-4, 6), np.ones(10), np.arange(10)]),
            header="LOW HIGH Cl0_COUNT Cl1_COUNT",
        )
        return tmp_path

    def read(self, run, **options):
        return read_original(run / "cat.in", run / "configfile.ini", run / "distrib", **options)

    def test_small_run(self, run):
        found = self.read(run)
        assert found.classes == ["a", "b"]
        assert found.priors == {"a": 0.3, "b": 0.7}
        assert found.weights == [0.5, 2.0]
        assert_array_equal(np.bincount(found.codes), [20, 20])
        q = (np.arange(10) / 45 + 0.001) / 1.002
        assert_allclose(found.densities[0].probabilities[1], q / q.sum())
        assert_allclose(found.densities[0].middles, np.arange(-4.5, 5))

    def test_densities_that_are_not_numbers(self, run):
        """The scripts write NaN for the weight "auto" where an error is missing."""
        path = run / "distrib" / "x.dat"
        table = np.loadtxt(path)
        table[:, 2], table[3, 3] = np.nan, np.nan
        np.savetxt(path, table)
        (run / "cat.in").write_text("x 1 auto 1 1 1\n")
        with pytest.warns(ClaxboiWarning, match=r"11 of 20 .* \(Cl0_COUNT, Cl1_COUNT\)"):
            probabilities = self.read(run).densities[0].probabilities
        assert_allclose(probabilities[0], 0.1)
        assert np.argmin(probabilities[1]) == 0
        assert_allclose(probabilities.sum(axis=1), 1)
        with pytest.warns(ClaxboiWarning):
            model = NaiveBayesClassifier.from_original(
                run / "cat.in", run / "configfile.ini", run / "distrib"
            )
        assert np.isfinite(model.predict_proba(Table({"x": [0.0, 1.0]}))).all()

    def test_missing_files(self, run):
        (run / "distrib" / "x.dat").rename(run / "y.dat")
        with pytest.raises(FileNotFoundError, match=r"density of 'x' is missing.*x\.dat"):
            self.read(run)
        (run / "cat.csv").unlink()
        with pytest.raises(FileNotFoundError, match=r"'cat\.csv'.*pass it as table="):
            self.read(run)

    @pytest.mark.parametrize(
        ("name", "old", "new", "message"),
        [
            ("cat.in", "x 1 1.0 1 1 1", "x 1 1.0 2 1 1", "category must be a number from 1 to 1"),
            ("cat.in", "x 1 1.0 1 1 1", "x 1 1.0 1 1 7", "expected name, to_use"),
            ("cat.in", "x 1 1.0", "x 0 1.0", "uses no property"),
            ("configfile.ini", "trueprop", "truepop", "has no trueprop"),
            ("configfile.ini", "[0.3, 0.7]", "[0.3, 0.3, 0.4]", "one number for each of the 2"),
            ("configfile.ini", "[0.5, 2.0]", "[0.5]", "global_coeffs must have 2 numbers"),
            ("configfile.ini", "[0.5, 2.0]", "[0.5, 2.0", "line 3: cannot read"),
            ("distrib/x.dat", "1.0", "one", "must be a table of numbers"),
        ],
    )
    def test_bad_files(self, run, name, old, new, message):
        path = run / name
        text = path.read_text()
        path.write_text(text.replace("1.000000000000000000e+00", "1.0").replace(old, new))
        with pytest.raises(ValueError, match=message):
            self.read(run)


def test_a_class_of_few_values_has_a_histogram():
    values = np.r_[np.repeat([1.0, 2.0], 8), np.linspace(0, 3, 30)]
    codes = np.r_[np.zeros(16, int), np.ones(30, int)]
    densities = original_densities(Property("x"), values, codes, ["few", "many"])
    table = densities.probabilities[0]
    assert np.count_nonzero(table > 10 * table.min()) == 2
    assert_allclose(densities.probabilities.sum(axis=1), 1)
