# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy.table import Table

from claxboi.properties import known_properties, property_definition, published_properties

SCALES = {"0": "sigmoid", "1": "linear", "2": "log10"}
CATEGORIES = ["location", "spectrum", "counterparts", "variability"]


class TestDefinitions:
    def test_known(self):
        definition = property_definition("pm")
        assert definition["category"] == "location"
        assert definition["scale"] == "log10"
        assert definition["unit"] == "mas / yr"
        assert definition["function"] == "add_proper_motion"
        assert definition["needs"] == (("pmra",), ("pmdec",))
        assert property_definition("log_lx")["needs"] == (
            ("flux",),
            ("distance", "galaxy_distance"),
        )

    def test_brought_along(self):
        definition = property_definition("hr12")
        assert definition["column"] == "hr12"
        assert definition["function"] is None
        assert definition["needs"] == ()
        assert definition["unit"] is None
        assert (definition["lower"], definition["upper"]) == (-1, 1)

    def test_unknown(self):
        assert property_definition("hr") is None
        assert known_properties(["hr", "hr1", "B", "b"]) == ["hr1", "b"]


class TestPublishedProperties:
    def test_is_the_file_of_the_original(self, shared_path):
        lines = (shared_path / "golden" / "claxboi_original" / "cat.in").read_text().splitlines()
        rows = [line.split() for line in lines[1:]]
        used = [(CATEGORIES[int(row[3]) - 1], SCALES[row[5]]) for row in rows if row[1] == "1"]
        found = published_properties()
        assert [(record["category"], record["scale"]) for record in found] == used

    def test_talk(self):
        found = [record["column"] for record in published_properties("talk")]
        assert set(found) < {record["column"] for record in published_properties()}
        assert {"hr4", "extent", "fvar", "log_fx_ratio_longterm"}.isdisjoint(found)

    def test_all_are_known(self):
        for record in published_properties():
            assert property_definition(record["column"])["category"] == record["category"]

    def test_only_what_is_there(self):
        assert published_properties(columns=[]) == []
        found = published_properties("talk", columns=("hr4", "pm", "ra"))
        assert found == [{"column": "pm", "category": "location", "scale": "log10"}]

    def test_classifies(self):
        from claxboi import classify

        rng = np.random.default_rng(3)
        table = Table({"hr1": rng.normal(0, 0.2, 60), "gamma": rng.normal(2, 0.2, 60)})
        table["class"] = np.repeat(["AGN", "star"], 30)
        properties = published_properties(columns=table.colnames)
        priors = {"AGN": 0.5, "star": 0.5}
        _, model = classify(
            table, priors, properties=properties, weights="published", return_model=True
        )
        assert [record.scale for record in model.properties] == ["linear", "sigmoid"]

    def test_errors(self):
        with pytest.raises(ValueError, match="name must be one of 'original', 'talk', got '2022'"):
            published_properties("2022")
