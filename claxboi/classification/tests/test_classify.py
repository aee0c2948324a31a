# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the one call: what it takes, what it refuses, and what it leaves alone.
"""

import copy
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.utils.masked import Masked
from numpy.testing import assert_allclose, assert_array_equal

from claxboi import classify
from claxboi.classification import NaiveBayesClassifier, PriorWarning, Property, SmallClassWarning
from claxboi.classification._engine import Engine

PRIORS = {"A": 0.6, "B": 0.3, "C": 0.1}
PROPERTIES = {"one": ["x"], "two": ["y"]}


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    n = 150
    codes = np.arange(n) % 3
    return Table(
        {
            "source_id": np.arange(n),
            "x": MaskedColumn(rng.normal(codes), mask=rng.random(n) < 0.2, unit="keV"),
            "y": rng.normal(-1.0 * codes).astype("f4"),
            "class": MaskedColumn(np.array(list("ABC"))[codes], mask=np.arange(n) % 5 == 0),
            "note": MaskedColumn(["n"] * n, mask=np.arange(n) % 2 == 0),
        },
        meta={"who": {"deep": [1, 2]}},
    )


@pytest.fixture
def no_work(monkeypatch):
    """Let the test fail if densities are learned."""

    def learn(*args, **kwargs):
        raise AssertionError("work began before the check")

    monkeypatch.setattr(Engine, "fit_rows", learn)


def run(table, priors=PRIORS, **options):
    return classify(table, priors, **({"properties": PROPERTIES} | options))


@pytest.mark.usefixtures("no_work")
class TestBadInput:
    def test_no_table(self):
        with pytest.raises(TypeError, match="table must be an astropy Table, got list"):
            run([1, 2])

    def test_empty(self, table):
        with pytest.raises(ValueError, match="table is empty"):
            run(table[:0])

    def test_label_is_absent(self, table):
        with pytest.raises(
            KeyError, match="table has no column 'type'; its columns are source_id, x, y"
        ):
            run(table, label="type")

    def test_label_is_all_masked(self, table):
        table["class"].mask = True
        with pytest.raises(ValueError, match="label column 'class' of table is empty"):
            run(table)

    def test_one_class(self, table):
        table["class"] = "A"
        with pytest.raises(ValueError, match="two or more classes with at least 3"):
            run(table, {"A": 1})

    def test_fewer_than_two_left(self, table):
        table["class"] = np.where(np.arange(150) < 2, "B", "A")
        with (
            pytest.warns(SmallClassWarning, match=r"left out: B \(2\)"),
            pytest.raises(ValueError, match=r"two or more classes .* has A \(148\), B \(2\)"),
        ):
            run(table, {"A": 0.5, "B": 0.5})

    def test_property_is_absent(self, table):
        with pytest.raises(KeyError, match="table has no columns 'u', 'v'; its columns are"):
            run(table, properties=["x", "u", "v"])

    def test_property_is_text(self, table):
        with pytest.raises(TypeError, match="column 'note' of table must hold one number a row"):
            run(table, properties=["x", "note"])

    def test_property_has_two_numbers_a_row(self, table):
        table["y"] = np.ones((150, 2))
        with pytest.raises(TypeError, match=r"'y' of table must hold one number .*\(\d+, 2\)"):
            run(table)

    def test_no_known_property(self, table):
        with pytest.raises(ValueError, match="properties must be given: none of the table's"):
            run(table, properties=None)

    @pytest.mark.parametrize(
        ("priors", "message"),
        [
            ({"A": 0.7, "B": 0.3}, "missing 'C'"),
            ({"A": 0.5, "B": 0.3, "C": 0.1, "D": 0.1}, "unknown class 'D'"),
            ({"A": 1.2, "B": -0.3, "C": 0.1}, "finite and not negative"),
            ({"A": 0.5, "B": 0.3, "C": 0.1}, "sum to 1, got a sum of 0.9"),
            ([0.5, 0.5], r"one number for each of the 3 classes \(A, B, C\)"),
            (np.ones((7, 3)) / 3, r"or shape \(150, 3\); got shape \(7, 3\)"),
            (lambda table: np.ones((len(table), 3)), "sum to 1, got a sum of 3"),
            ("guess", "priors must be 'training', 'estimate'"),
        ],
    )
    def test_priors(self, table, priors, message):
        with pytest.raises(ValueError, match=message):
            run(table, priors)

    def test_nothing_to_estimate_from(self, table):
        table["class"] = np.array(list("ABC"))[np.arange(150) % 3]
        with pytest.raises(ValueError, match="priors='estimate' needs unlabelled sources"):
            run(table, "estimate")

    @pytest.mark.parametrize("name", ["P_A", "p_a", "PREDICTION", "Margin", "P_C_two"])
    def test_columns_collide(self, table, name):
        table[name] = 1.0
        with pytest.raises(ValueError, match=f"already has columns {name} .*overwrite=True"):
            run(table)

    def test_classes_collide(self, table):
        table["class"] = np.array(["star", "Star", "CV"])[np.arange(150) % 3]
        with pytest.raises(ValueError, match="make columns of the same name"):
            run(table, "training")

    def test_class_and_category_collide(self, table):
        table["class"] = np.array(["A", "A_one", "CV"])[np.arange(150) % 3]
        with pytest.raises(ValueError, match=r"make columns of the same name \(P_A_one;"):
            run(table, "training")

    def test_training_is_no_table(self, table):
        with pytest.raises(TypeError, match="or the name of a mission, got dict"):
            run(table, training={})
        with pytest.raises(ValueError, match="training is empty"):
            run(table, training=table[:0])

    def test_table_lacks_what_was_trained(self, table):
        with pytest.raises(KeyError, match="table has no column 'y'; its columns are x"):
            run(table["x",], training=table)

    def test_training_lacks_the_label(self, table):
        with pytest.raises(KeyError, match="training has no column 'class'"):
            run(table, training=table["x", "y"])

    def test_units_of_table_and_training(self, table):
        other = table.copy()
        other["x"].unit = "km"
        with pytest.raises(u.UnitConversionError, match=r"column 'x' of table .* keV, got km"):
            run(other, training=table)

    def test_unit_of_a_known_property(self, table):
        table["pm"] = Column(np.arange(150.0), unit="mag")
        with pytest.raises(u.UnitConversionError, match=r"'pm' of table must .* mas / yr, got mag"):
            run(table, properties=["pm"])

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"weights": [1, 2]}, ValueError, "weights must be 3 numbers"),
            ({"weights": {"one": -1}}, ValueError, "weight of 'one' must be at least 0"),
            ({"normalization": "slide"}, ValueError, "normalization must be one of"),
            ({"kernel": "box"}, ValueError, "kernel must be one of"),
            ({"min_class_size": 0}, ValueError, "min_class_size must be at least 1"),
            ({"merge": {"D": ["Z"]}}, ValueError, "merge names label 'Z'"),
        ],
    )
    def test_settings(self, table, options, error, message):
        with pytest.raises(error, match=message):
            run(table, **options)


class TestBadProperties:
    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (np.full(150, 3.0), r"property 'y' has only one value \(3\) among the training"),
            (np.full(150, np.nan), "property 'y' has no value among the training sources"),
            (MaskedColumn(np.arange(150.0), mask=True), "property 'y' has no value"),
            (np.full(150, np.inf), "property 'y' has no value"),
        ],
    )
    def test_cannot_classify(self, table, values, message):
        table["y"] = values
        with pytest.raises(ValueError, match=message):
            run(table)

    def test_constant_among_the_labelled(self, table):
        table["y"] = np.where(table["class"].mask, np.arange(150), 7)
        with pytest.raises(ValueError, match="property 'y' has only one value"):
            run(table)


class TestWithModel:
    @pytest.fixture
    def model(self, table):
        return NaiveBayesClassifier(PROPERTIES, weights=[1, 1, 1]).fit(table)

    def test_one_row(self, table, model):
        result = classify(table[7:8], PRIORS, model=model)
        assert_array_equal(result["P_A"], model.classify(table, PRIORS)["P_A"][7:8])

    def test_from_file(self, table, model, tmp_path):
        model.write(tmp_path / "model.ecsv")
        for path in (tmp_path / "model.ecsv", str(tmp_path / "model.ecsv")):
            result, again = classify(table, PRIORS, model=path, return_model=True)
            assert_array_equal(result["P_A"], model.classify(table, PRIORS)["P_A"])
            assert again.classes_ == ["A", "B", "C"]

    @pytest.mark.parametrize(
        "option",
        [
            {"training": Table()},
            {"properties": ["x"]},
            {"weights": "published"},
            {"offsets": True},
            {"normalization": "none"},
            {"merge": {"D": ["A"]}},
            {"missing": "ignore"},
            {"kernel": "gaussian"},
            {"bandwidth": "published"},
            {"min_class_size": 5},
        ],
        ids=lambda option: next(iter(option)),
    )
    def test_excludes_a_fit(self, table, model, option):
        with pytest.raises(ValueError, match="with model=, which is already fitted"):
            classify(table, PRIORS, model=model, **option)

    def test_is_none(self, table):
        with pytest.raises(TypeError, match="model must be a NaiveBayesClassifier or the file of"):
            classify(table, PRIORS, model=3)

    def test_class_left_out_of_the_model(self, table):
        table["class"][1] = "D"
        with pytest.warns(SmallClassWarning):
            model = NaiveBayesClassifier(PROPERTIES, weights=[1, 1, 1]).fit(table)
        with pytest.warns(PriorWarning, match="priors of D, left out of the model"):
            result = classify(table, {"A": 0.5, "B": 0.25, "C": 0.05, "D": 0.2}, model=model)
        assert_allclose(result.meta["claxboi"]["classification"]["priors"]["A"], 0.625)


class TestTable:
    def test_is_not_changed(self, table):
        before, meta = table.copy(), copy.deepcopy(table.meta)
        result = run(table)
        assert table.colnames == before.colnames
        assert table.meta == meta
        for name in table.colnames:
            assert table[name].dtype == before[name].dtype
            assert table[name].unit == before[name].unit
            assert_array_equal(np.array(table[name]), np.array(before[name]))
            if hasattr(before[name], "mask"):
                assert_array_equal(table[name].mask, before[name].mask)
        # Nor by a change of the result.
        result["y"][0] = 99
        result["x"].mask[:] = True
        result.meta["who"]["deep"].append(3)
        assert table["y"][0] == before["y"][0]
        assert not table["x"].mask.all()
        assert table.meta == meta

    def test_comes_back(self, table):
        result = run(table)
        assert result.colnames[:5] == table.colnames
        assert_array_equal(result["source_id"], np.arange(150))
        assert result["x"].unit == u.keV
        assert result["y"].dtype == np.float32
        assert_array_equal(result["x"].mask, table["x"].mask)
        assert_array_equal(result["note"].mask, table["note"].mask)
        assert result.meta["who"] == {"deep": [1, 2]}
        assert_array_equal(result["is_training"], ~table["class"].mask)

    @pytest.mark.parametrize("kind", ["qtable", "masked quantity", "masked table", "subclass"])
    def test_kinds(self, table, kind):
        expected = run(table)
        if kind == "qtable":
            other = QTable(table)
        elif kind == "masked quantity":
            other = QTable(table)
            other["x"] = Masked(table["x"].data.data, table["x"].mask) * u.keV
        elif kind == "masked table":
            other = Table(table, masked=True)
        else:
            other = type("MyTable", (Table,), {})(table)
        result = run(other)
        assert type(result) is type(other)
        for name in ("P_A", "outlier", "outlier_pvalue", "P_B_one"):
            assert_allclose(result[name], expected[name], rtol=1e-12)

    def test_settings_are_kept(self, table):
        stored = run(table).meta["claxboi"]["classification"]
        assert stored["priors"] == pytest.approx(PRIORS)
        assert stored["classes"] == ["A", "B", "C"]
        assert stored["class_counts"] == [40, 40, 40]
        assert set(stored["weights"]) == {"one", "two", "missing"}
        assert stored["properties"] == ["x", "y"]

    def test_overwrite(self, table):
        once = run(table)
        twice = run(once, overwrite=True)
        assert twice.colnames == once.colnames
        assert_array_equal(twice["P_A"], once["P_A"])
        # Names in other case go too.
        table["p_A"] = 5.0
        assert "p_A" not in run(table, overwrite=True).colnames

    def test_again_is_an_error(self, table):
        with pytest.raises(ValueError, match="already has columns prediction, P_A"):
            run(run(table))


class TestTraining:
    def test_another_table(self, table):
        new = table["x", "y"].copy()
        new["y"] += 0.01
        result, model = run(new, training=table, return_model=True)
        assert not result["is_training"].any()
        assert_allclose(result["P_A"], model.classify(new, PRIORS)["P_A"], rtol=1e-12)

    def test_another_table_that_holds_the_same_sources(self, table):
        result = run(table["source_id", "x", "y"], training=table)
        assert_array_equal(result["is_training"], ~table["class"].mask)
        assert_allclose(result["P_A"], run(table)["P_A"], rtol=1e-12)

    def test_default_properties_are_in_both(self, table):
        table.rename_columns(["x", "y"], ["hr1", "hr2"])
        table["hr1"].unit = table["hr2"].unit = None
        new = table["hr1",].copy()
        _, model = classify(new, PRIORS, training=table, return_model=True)
        assert [record.column for record in model.properties] == ["hr1"]

    def test_default_properties_are_those_that_differ(self, table):
        known = table.copy()
        known.rename_columns(["x", "y"], ["hr1", "hr2"])
        known["hr1"], known["hr2"] = np.tanh(known["hr1"]), np.tanh(known["hr2"])
        known["hr1"].unit = known["hr2"].unit = None
        known["extent"] = 0.0
        # What differs among unlabelled sources alone cannot be learned.
        known["gamma"] = np.where(known["class"].mask, np.arange(len(known)), 2.0)
        _, model = classify(known, PRIORS, return_model=True)
        assert [record.column for record in model.properties] == ["hr1", "hr2"]
        with pytest.raises(ValueError, match="'extent' has"):
            classify(known, PRIORS, properties=["hr1", "extent"])

    def test_units_convert(self, table):
        new = table["x", "y"].copy()
        new["y"] += 0.01
        expected = run(new, training=table)
        new["x"] = MaskedColumn(1000 * table["x"].data, unit="eV")
        assert_allclose(run(new, training=table)["P_A"], expected["P_A"], rtol=1e-9)


class TestLabels:
    def test_integers(self, table):
        table["class"] = MaskedColumn(np.arange(150) % 3, mask=table["class"].mask)
        result = run(table, {0: 0.6, 1: 0.3, 2: 0.1})
        assert {"P_0", "P_1", "P_2"} <= set(result.colnames)
        assert set(result["prediction"]) == {"0", "1", "2"}
        assert result["prediction"].dtype.kind == "U"

    def test_bytes(self, table):
        expected = run(table)
        table["class"] = MaskedColumn(table["class"].astype("S1"), mask=table["class"].mask)
        assert_array_equal(run(table)["P_A"], expected["P_A"])

    def test_spaces(self, table):
        table["class"] = np.array(["a star", "b", "c d e"])[np.arange(150) % 3]
        result = run(table, {"a star": 0.5, "b": 0.3, "c d e": 0.2})
        assert "P_a star" in result.colnames
        assert "P_c d e_one" in result.colnames

    def test_order_of_the_priors_is_that_of_the_classes(self, table):
        _, model = run(table, {"C": 0.1, "A": 0.6, "B": 0.3}, return_model=True)
        assert model.classes_ == ["C", "A", "B"]

    def test_merge(self, table):
        result = run(table, {"A": 0.6, "X": 0.4}, merge={"X": ["B", "C"]})
        assert set(result["prediction"]) == {"A", "X"}
        relabelled = table.copy()
        relabelled["class"] = MaskedColumn(
            np.where(np.isin(table["class"], ["B", "C"]), "X", "A"), mask=table["class"].mask
        )
        assert_allclose(run(relabelled, {"A": 0.6, "X": 0.4})["P_X"], result["P_X"], rtol=1e-9)

    def test_class_of_three(self, table):
        table["class"][:] = np.where(np.arange(150) % 2, "A", "B")
        table["class"][[3, 7, 11]] = "C"
        with pytest.warns(SmallClassWarning, match=r"fewer than 10 labelled sources: C \(3\)"):
            result = run(table, PRIORS)
        assert np.all(np.isfinite(result["P_C"]))

    def test_left_out_class(self, table):
        table["class"][[1, 2]] = "D"
        priors = {"A": 0.4, "B": 0.3, "C": 0.1, "D": 0.2}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = run(table, priors)
        texts = [str(w.message) for w in caught]
        assert sum("left out: D (2)" in text for text in texts) == 1
        assert sum("priors of D, left out" in text for text in texts) == 1
        assert len(texts) == 2
        assert "P_D" not in result.colnames
        assert not result["is_training"][1]
        with pytest.warns(SmallClassWarning, match="left out"):
            expected = run(table, [0.5, 0.375, 0.125])
        assert_allclose(result["P_A"], expected["P_A"], rtol=1e-9)

    def test_min_class_size(self, table):
        table["class"][[1, 2]] = "D"
        with pytest.warns(SmallClassWarning, match=r"rough"):
            result = run(table, PRIORS | {"C": 0.05, "D": 0.05}, min_class_size=1)
        assert "P_D" in result.colnames


class TestPriors:
    def test_none_warns_once(self, table):
        with pytest.warns(PriorWarning, match="no priors were given") as caught:
            result = run(table, None)
        assert len(caught) == 1
        assert_array_equal(result["P_A"], run(table, "training")["P_A"])

    def test_estimate(self, table):
        result = run(table, "estimate")
        stored = result.meta["claxboi"]["classification"]["priors"]
        assert_allclose(sum(stored.values()), 1)

    def test_per_source(self, table):
        priors = np.tile([0.6, 0.3, 0.1], (150, 1))
        each = run(table, priors)
        # Weights are fitted for their mean.
        assert_allclose(each["P_A"], run(table, [0.6, 0.3, 0.1])["P_A"], rtol=1e-6)
        assert_array_equal(run(table, lambda t: priors)["P_A"], each["P_A"])
        assert each.meta["claxboi"]["classification"]["priors"] == "one row per source"

    def test_weights_are_fitted_at_the_priors(self, table):
        result, model = run(table, return_model=True)
        other = NaiveBayesClassifier(PROPERTIES, classes=list("ABC")).fit(table)
        other.optimize(table, PRIORS)
        assert model.weights == pytest.approx(other.weights)
        assert_allclose(other.classify(table, PRIORS)["P_A"], result["P_A"], rtol=1e-6)

    def test_given_weights_are_taken(self, table):
        _, model = run(table, weights={"one": 2, "two": 0.5}, return_model=True)
        assert model.weights == {"one": 2, "two": 0.5, "missing": 1}

    def test_records(self, table):
        records = [Property("x", "one", atoms=[]), Property("y", "two", weight=2)]
        assert "P_A_two" in run(table, properties=records).colnames


def test_a_column_of_identifiers_is_no_column_of_classes():
    table = Table({"x": np.arange(600.0), "class": [f"id{k // 3}" for k in range(600)]})
    with pytest.raises(
        ValueError, match=r"label column 'class' of table has 200 different values, such as id0,"
    ) as error:
        NaiveBayesClassifier(["x"]).fit(table)
    assert len(str(error.value)) < 300
