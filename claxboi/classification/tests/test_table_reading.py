# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the labels and units of a training sample.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification import NaiveBayesClassifier, Property, SmallClassWarning
from claxboi.classification._table_reading import label_codes, read_labels


def read(labels, **options):
    return read_labels(Table({"class": labels}), "class", **options)


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    n = 120
    table = Table(
        {
            "x": rng.normal(size=n),
            "y": MaskedColumn(rng.normal(size=n).astype("f4"), mask=rng.random(n) < 0.3),
            "z": np.round(rng.normal(size=n), 1),
            "source_id": np.arange(n),
            "class": np.array(["A", "B", "C"])[np.arange(n) % 3],
        }
    )
    table["x"].unit = "deg"
    return table


@pytest.fixture
def model(table):
    return NaiveBayesClassifier(["x", "y", "z"], weights=[1, 1]).fit(table)


def is_training(model, table):
    return np.array(model.classify(table, "training")["is_training"])


class TestUnits:
    def test_converted(self, model, table):
        new = table["x", "y", "z"][:40]
        new["x"] = Column(new["x"].data + 0.01, unit="deg")
        expected = model.predict_proba(new, "training")
        new["x"] = new["x"].to("arcmin")
        assert_allclose(model.predict_proba(new, "training"), expected, rtol=1e-9)
        assert_allclose(model.predict_proba(QTable(new), "training"), expected, rtol=1e-9)

    def test_without_unit_is_in_that_of_the_training(self, model, table):
        table["x"].unit = None
        assert is_training(model, table).all()

    def test_does_not_convert(self, model, table):
        table["x"].unit = "keV"
        with pytest.raises(
            u.UnitConversionError, match="column 'x' of table must have a unit that"
        ):
            model.classify(table, "training")

    def test_known_property_in_its_own_unit(self, table):
        # Bounds of the latitude are in degrees.
        b = np.random.default_rng(4).uniform(-90, 90, 120)
        points = np.linspace(-100, 100, 21)
        plain = NaiveBayesClassifier(["b"]).fit(Table({"b": b, "class": table["class"]}))
        column = Column(np.radians(b), unit="rad")
        other = NaiveBayesClassifier(["b"]).fit(Table({"b": column, "class": table["class"]}))
        assert_allclose(other.density("b", points), plain.density("b", points), rtol=1e-9)

    def test_known_property_does_not_convert(self, table):
        table["b"] = table["x"].data
        table["b"].unit = "km"
        with pytest.raises(u.UnitConversionError, match=r"'b' of table must .* deg, got km"):
            NaiveBayesClassifier(["b"]).fit(table)

    def test_error_column(self, table):
        table["e"] = 0.2
        plain = NaiveBayesClassifier([Property("x", error="e")]).fit(table)
        table["e"] = Column(np.full(120, 12.0), unit="arcmin")
        other = NaiveBayesClassifier([Property("x", error="e")]).fit(table)
        assert_allclose(
            other.predict_proba(table[:20], "training"),
            plain.predict_proba(
                Table({"x": table["x"], "e": np.full(120, 0.2), "source_id": np.arange(120)})[:20],
                "training",
            ),
        )

    def test_unknown_unit_is_taken_as_it_is(self, table):
        table["x"].unit = u.Unit("furlongs", parse_strict="silent")
        model = NaiveBayesClassifier(["x", "z"], weights=[1, 1]).fit(table)
        assert is_training(model, table).all()

    def test_are_kept_in_the_file(self, model, table, tmp_path):
        model.write(tmp_path / "model.ecsv")
        again = NaiveBayesClassifier.read(tmp_path / "model.ecsv")
        table["x"].unit = "keV"
        with pytest.raises(u.UnitConversionError):
            again.classify(table, "training")


class TestLabels:
    @pytest.mark.parametrize(
        "labels",
        [
            ["a b", "c", "c", "", "a b", "a b", "c"],
            [b"a b", b"c ", b"c", b"", b" a b", b"a b", b"c"],
            np.array(["a b", "c", "c", None, "a b", "a b", "c"], object),
            np.array([b"a b", "c", "c", np.nan, "a b", "a b", "c"], object),
            MaskedColumn(["a b", "c", "c", "c", "a b", "a b", "c"], mask=np.arange(7) == 3),
        ],
    )
    def test_strings(self, labels):
        with pytest.warns(SmallClassWarning, match=r"fewer than 10 .*: a b \(3\), c \(3\)"):
            names, codes, dropped = read(labels)
        assert (names, dropped) == (["a b", "c"], [])
        assert_array_equal(codes, [0, 1, 1, -1, 0, 0, 1])

    @pytest.mark.parametrize(
        "labels",
        [
            [10, 2, 2, 2, 10, 10],
            np.array([10, 2, 2, 2, 10, 10], np.uint8),
            [10.0, 2, 2, 2, 10, 10],
            ["10", "2", "2", "2", "10", "10"],
        ],
    )
    def test_numbers_are_in_order(self, labels):
        with pytest.warns(SmallClassWarning):
            names, codes, _ = read(labels)
        assert names == ["2", "10"]
        assert_array_equal(codes, [1, 0, 0, 0, 1, 1])

    def test_masked_integers(self):
        with pytest.warns(SmallClassWarning):
            _, codes, _ = read(MaskedColumn([1, 1, 1, 2, 2, 2, 1], mask=[0] * 6 + [1]))
        assert codes[-1] == -1

    def test_small_classes_are_left_out(self):
        labels = ["A"] * 20 + ["B"] * 12 + ["C"] * 2
        with pytest.warns(SmallClassWarning, match=r"fewer than 3 .*left out: C \(2\); merge them"):
            names, codes, dropped = read(labels)
        assert (names, dropped) == (["A", "B"], ["C"])
        assert_array_equal(codes[-2:], -1)

    def test_given_classes(self):
        labels = ["A"] * 12 + ["B"] * 12 + ["C"] * 12
        names, codes, _ = read(labels, classes=["C", "A"])
        assert names == ["C", "A"]
        assert_array_equal(codes, np.repeat([1, -1, 0], 12))
        with pytest.raises(ValueError, match=r"none is labelled D .labels there are: A, B, C."):
            read(labels, classes=["A", "D"])

    def test_merge(self):
        labels = ["LMXB"] * 6 + ["HMXB"] * 7 + ["AGN"] * 10
        names, codes, _ = read(labels, merge={"XRB": ["LMXB", "HMXB"]})
        assert names == ["AGN", "XRB"]
        assert_array_equal(codes, np.repeat([1, 1, 0], [6, 7, 10]))

    def test_merge_looks_at_the_labels_as_they_are(self):
        # Not at what another merge has made of them, in the training as well as later.
        labels, merge = ["A"] * 10 + ["B"] * 12, {"B": ["A"], "A": "B"}
        names, codes, _ = read(labels, merge=merge)
        assert_array_equal(codes, np.repeat([1, 0], [10, 12]))
        assert_array_equal(label_codes(Table({"class": labels}), "class", names, merge), codes)

    @pytest.mark.parametrize(
        ("labels", "options", "error", "message"),
        [
            (["", "", ""], {}, ValueError, "label column 'class' of table is empty"),
            (MaskedColumn(["A", "B"], mask=True), {}, ValueError, "no source has a label"),
            ([np.nan, np.nan], {}, ValueError, "no source has a label"),
            (["A"] * 20, {}, ValueError, r"two or more classes .* 'class' of table has A \(20\)"),
            ([1.5, 2.0], {}, TypeError, "strings or integers, got float64 with fractions such as"),
            (np.ones((4, 2)), {}, TypeError, r"strings or integers, got dtype .*shape \(4, 2\)"),
            (["A", "B"], {"merge": ["A"]}, TypeError, "merge must map classes to lists"),
            (
                ["A", "B"],
                {"merge": {"C": ["Z"]}},
                ValueError,
                "merge names label 'Z', which column",
            ),
            (
                ["A", "B"],
                {"merge": {"C": ["A"], "D": ["A"]}},
                ValueError,
                "merge puts label 'A' in two classes",
            ),
            (["A", "B"] * 9, {"merge": {"C": ["A", "B"]}}, ValueError, "two or more classes"),
        ],
    )
    def test_errors(self, labels, options, error, message):
        with pytest.raises(error, match=message):
            read(labels, **options)

    def test_one_class_left(self):
        with (
            pytest.warns(SmallClassWarning, match="left out: B"),
            pytest.raises(ValueError, match=r"at least 3 labelled .*A \(20\), B \(2\)"),
        ):
            read(["A"] * 20 + ["B"] * 2)

    def test_absent(self):
        with pytest.raises(KeyError, match="table has no column 'label'; its columns are class"):
            read_labels(Table({"class": ["A"]}), "label")
