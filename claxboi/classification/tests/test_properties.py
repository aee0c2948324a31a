# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the records that say what classifies.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification import Component, Property
from claxboi.classification.properties import parse_properties, with_limits


class TestScales:
    def test_linear(self):
        x = np.array([-1.5, np.nan, 2])
        scaled = Property("x").apply_scale(x)
        assert_array_equal(scaled, x)
        scaled[0] = 9
        assert x[0] == -1.5

    def test_log10(self):
        x = np.array([100.0, 1e-300, 0.0, -0.0, -5.0, np.nan])
        scaled = Property("x", scale="log10").apply_scale(x)
        assert_array_equal(scaled, [2, -300, -np.inf, -np.inf, -np.inf, np.nan])

    def test_sigmoid(self):
        scaled = Property("x", scale="sigmoid").apply_scale(np.array([0, 1, -3, 1e300, np.nan]))
        assert_allclose(scaled, [0, 0.5, -0.75, 1, np.nan])


class TestProperty:
    def test_known(self):
        record = Property("hr3")
        assert (record.category, record.scale, record.bounds) == ("spectrum", "linear", (-1.0, 1.0))
        assert Property("pm").scale == "log10"
        assert Property("extent").bounds == (0.0, None)

    def test_unknown(self):
        record = Property("my_column")
        assert (record.category, record.scale, record.bounds) == ("other", "linear", (None, None))

    def test_what_is_said_wins(self):
        record = Property("hr1", "mine", "sigmoid", bounds=(None, None))
        assert (record.category, record.scale, record.bounds) == ("mine", "sigmoid", (None, None))

    def test_alias(self):
        assert Property("x", "multiwavelength").category == "counterparts"

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"column": 3}, TypeError, "column must be the name of a column, got 3"),
            ({"column": ""}, TypeError, "column must be the name of a column, got ''"),
            ({"category": 2}, TypeError, "category of 'x' must be a name, got 2"),
            ({"category": "missing"}, ValueError, "'missing' is the name of the missing-value"),
            ({"scale": "ln"}, ValueError, "scale of 'x' must be one of 'linear', 'log10', 'sig"),
            ({"weight": -1}, ValueError, "weight of 'x' must be at least 0, got -1"),
            ({"weight": [2]}, TypeError, r"weight of 'x' must be a number, got \[2\]"),
            ({"weight": np.nan}, ValueError, "weight of 'x' must be at least 0, got nan"),
            ({"bandwidth": 0}, ValueError, "bandwidth of 'x' must be above 0, got 0"),
            ({"bounds": (1, 1)}, ValueError, r"bounds of 'x' must increase, got \(1, 1\)"),
            ({"atoms": "none"}, ValueError, "atoms of 'x' must be one of 'auto'"),
            (
                {"scale": "log10", "components": [Component("A", 1)]},
                ValueError,
                "components of 'x' need a linear scale, got scale 'log10'",
            ),
        ],
    )
    def test_errors(self, arguments, error, message):
        with pytest.raises(error, match=message):
            Property(**({"column": "x"} | arguments))


class TestComponent:
    def test_cos_b(self):
        b = np.linspace(-90, 90, 10001)
        density = Component("A", 0.5).evaluate(b)
        assert_allclose(np.trapezoid(density, b), 1, rtol=1e-6)
        assert_allclose(
            Component("A", 0.5).evaluate(np.array([0.0, 60])), np.pi / np.array([360, 720])
        )
        assert_array_equal(Component("A", 0.5).evaluate(np.array([-91.0, 200])), 0)

    def test_table_is_normalised(self):
        component = Component("A", 0.5, ([0, 1, 3], [0, 4, 0]))
        assert_allclose(
            component.evaluate(np.array([-1, 0.5, 1, 2, 4])), [0, 1 / 3, 2 / 3, 1 / 3, 0]
        )

    @pytest.mark.parametrize(
        ("fraction", "density", "message"),
        [
            (1.5, "cos_b", "fraction must be at least 0 and at most 1, got 1.5"),
            (0.5, "sin_b", "density must be one of 'cos_b', got 'sin_b'"),
            (0.5, ([0, 0], [1, 1]), "increasing values"),
            (0.5, ([0, 1], [1, -1]), "non-negative densities"),
            (0.5, ([0, 1], [0, 0]), "not all zero"),
            (0.5, ([0, 1], [1, 1, 1]), "sequences of one length"),
            (0.5, ([0], [1]), "sequences of one length"),
        ],
    )
    def test_errors(self, fraction, density, message):
        with pytest.raises(ValueError, match=message):
            Component("A", fraction, density)


class TestParse:
    def test_default_is_what_is_known(self):
        records = parse_properties(None, ["ra", "b", "hr2", "comment", "pm", "hr2_error"])
        assert [record.column for record in records] == ["b", "hr2", "pm"]

    def test_mapping(self):
        given = {"one": ["x", Property("y", "two", "log10", weight=3)], "three": "z"}
        records = parse_properties(given, ())
        assert [(r.column, r.category) for r in records] == [
            ("x", "one"),
            ("y", "one"),
            ("z", "three"),
        ]
        assert (records[1].scale, records[1].weight) == ("log10", 3.0)
        assert given["one"][1].category == "two"

    def test_list(self):
        records = parse_properties(["hr1", Property("x", "mine")], ())
        assert [(r.column, r.category) for r in records] == [("hr1", "spectrum"), ("x", "mine")]

    def test_records_as_mappings(self):
        given = {"column": "x", "category": "mine", "scale": "sigmoid"}
        (record,) = parse_properties([given], ())
        assert record == Property("x", "mine", "sigmoid")
        (record,) = parse_properties({"yours": given}, ())
        assert record == Property("x", "yours", "sigmoid")

    @pytest.mark.parametrize(
        ("properties", "error", "message"),
        [
            ([{"columns": "x"}], ValueError, "a key of a property must be one of 'column'"),
            ([{"scale": "linear"}], ValueError, "a property must have a column, got {'scale'"),
            (
                None,
                ValueError,
                r"none of the table's columns is a known .*\(its columns are u, v\)",
            ),
            ("hr1", TypeError, "properties must be a list of names or Property records"),
            (Property("hr1"), TypeError, "properties must be a list"),
            (3, TypeError, "properties must be a list .*got 3"),
            (["hr1", 3], TypeError, "column must be the name of a column, got 3"),
            ([], ValueError, "properties must name at least one column"),
            ({}, ValueError, "properties must name at least one column"),
            (["x", "y", "x"], ValueError, "must name each column once; named twice: x"),
            ({"a": ["x"], "b": ["x"]}, ValueError, "named twice: x"),
        ],
    )
    def test_errors(self, properties, error, message):
        with pytest.raises(error, match=message):
            parse_properties(properties, ["u", "v"])


def test_own_lower_limits_count_where_no_survey_has_a_depth():
    records = [Property("log_fx_fr"), Property("log_fx_fw1"), Property("hr2"), Property("colour")]
    others = ["hr2_lower", "colour_lower", "hr2", "log_fx_fr_lower"]
    limits = [one.limit for one in with_limits(records[::3], ["log_fx_fr_lower", "colour_lower"])]
    assert limits == ["log_fx_fr_lower", None]
    limits = [one.limit for one in with_limits(records[:2], [*others, "log_fx_fw1_limit"])]
    assert limits == [None, "log_fx_fw1_limit"]
    assert with_limits(records, ["class"]) == records
    # Limits of another category are of another object.
    both = [Property("galaxy_radius"), Property("log_fx_fr")]
    limits = [one.limit for one in with_limits(both, ["galaxy_radius_limit", "log_fx_fr_lower"])]
    assert limits == ["galaxy_radius_limit", "log_fx_fr_lower"]
