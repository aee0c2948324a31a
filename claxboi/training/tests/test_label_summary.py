# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy.table import Table

from claxboi.io import read_table, write_table
from claxboi.references.tests.loopback import LoopbackCDS
from claxboi.training import DependentLabelWarning, add_labels, label_report
from claxboi.training.tests.sky import CASES, EXPECTED, make_sky

# The catalogues of these tests are smaller than the real ones, which the references notice.
pytestmark = pytest.mark.filterwarnings("ignore:.*rows came, but")

N_EACH = 3


@pytest.fixture(scope="module")
def labelled():
    xray, catalogues = make_sky(N_EACH)
    xray["galaxy_radius"] = np.nan
    xray["extent"] = np.where(xray["case"] == "no object", 5.0, 0.0)
    with LoopbackCDS(catalogues):
        return add_labels(xray, list(catalogues), min_quality=0, show_progress=False)


@pytest.fixture(scope="module")
def report(labelled):
    # The extent is a property, but so known that it takes no warning.
    bare = labelled.copy()
    bare.remove_column("extent")
    return label_report(bare)


def rows(table, **which):
    keep = np.ones(len(table), bool)
    for name, value in which.items():
        keep &= table[name] == value
    return table[keep]


class TestCounts:
    def test_labels_by_class(self, report):
        expected = [*EXPECTED.values(), "extended"]
        for row in report.classes:
            assert row["n_labelled"] == N_EACH * expected.count(row["class"]), row["class"]

    def test_labels_by_catalogue(self, report):
        (row,) = rows(report.catalogues, **{"class": "AGN", "catalogue": "secrest"})
        # Two labelled cases and a conflict; one of them has no other catalogue.
        assert row["n_sources"] == 3 * N_EACH
        assert row["n_labelled"] == 2 * N_EACH
        assert row["n_alone"] == N_EACH
        assert row["selected_in"] == "infrared"

    def test_simbad_contributes_nothing_alone(self, report):
        simbad = rows(report.catalogues, catalogue="simbad")
        assert simbad["n_sources"].sum() == 3 * N_EACH
        assert simbad["n_labelled"].sum() == N_EACH
        assert simbad["n_alone"].sum() == 0
        # A catalogue with SIMBAD beside it still is what gave the label.
        (veron,) = rows(report.catalogues, **{"class": "AGN", "catalogue": "veron"})
        assert veron["n_alone"] == N_EACH

    def test_overlaps(self, report):
        pairs = {
            (row["catalogue_1"], row["catalogue_2"]): row["n_sources"] for row in report.overlaps
        }
        assert {frozenset(pair): n for pair, n in pairs.items()} == {
            frozenset(("secrest", "veron")): N_EACH,
            frozenset(("veron", "simbad")): N_EACH,
        }

    def test_every_source_without_a_class_is_listed(self, labelled, report):
        known = [case for case in CASES if case.startswith(("conflict", "SIMBAD alone"))]
        expected = labelled[np.isin(labelled["case"], known)]
        assert set(report.unlabelled["source_id"]) == set(expected["source_id"])
        assert np.array_equal(
            labelled["source_id"][report.unlabelled["row"]], report.unlabelled["source_id"]
        )


class TestDependence:
    def test_none_without_properties(self, report):
        assert len(report.dependent) == 0

    def test_infrared_labels_and_properties(self, labelled):
        table = labelled.copy()
        table.remove_column("extent")
        table["log_fx_fw1"] = 1.0
        with pytest.warns(DependentLabelWarning, match="3 labels AGN .* infrared .* log_fx_fw1"):
            report = label_report(table)
        (row,) = report.dependent
        # Sources that Veron lists too are not from the infrared alone.
        assert row["n_labelled"] == N_EACH

    def test_xray_labels_and_properties(self, labelled):
        table = labelled.copy()
        table.remove_column("extent")
        table["hr2"] = 0.1
        with pytest.warns(DependentLabelWarning, match="gal_XRB"):
            report = label_report(table)
        assert dict(
            zip(report.dependent["class"], report.dependent["n_labelled"], strict=True)
        ) == {
            "AGN": N_EACH,
            "gal_XRB": 2 * N_EACH,
        }


class TestTables:
    def test_subset_of_rows(self, labelled):
        part = labelled[labelled["case"] == "star"]
        part.remove_column("extent")
        report = label_report(part)
        assert report.classes["n_labelled"].sum() == N_EACH
        assert len(report.unlabelled) == 0

    def test_empty(self, labelled):
        part = labelled[:0]
        part.remove_column("extent")
        report = label_report(part)
        assert report.classes["n_labelled"].sum() == 0
        assert str(report).startswith("Labels by class")

    @pytest.mark.parametrize("suffix", ["ecsv", "fits"])
    def test_from_a_file(self, labelled, report, tmp_path, suffix):
        bare = labelled.copy()
        bare.remove_column("extent")
        write_table(bare, tmp_path / f"labelled.{suffix}")
        again = label_report(read_table(tmp_path / f"labelled.{suffix}"))
        for name in ("classes", "catalogues", "unlabelled"):
            first, second = getattr(report, name), getattr(again, name)
            assert sorted(map(str, first)) == sorted(map(str, second))

    def test_text_and_repr(self, report):
        text = str(report)
        assert "Known, but without a class" in text
        assert "conflict: AGN (secrest) and star (ascc)" in text
        n_labelled, n_left = N_EACH * (len(EXPECTED) + 1), len(report.unlabelled)
        assert repr(report) == f"<LabelReport: {n_labelled} labelled sources, {n_left} left out>"

    def test_table_without_labels(self):
        with pytest.raises(KeyError, match="no columns 'class', 'label_reason'"):
            label_report(Table({"ra": [1.0]}))
        with pytest.raises(KeyError, match="no record of its labels"):
            label_report(Table({"class": ["AGN"], "label_reason": [""]}))


class TestCombinations:
    def test_each_source_is_counted_once(self, report):
        for row in report.classes:
            own = rows(report.combinations, **{"class": row["class"]})
            assert own["n_sources"].sum() == row["n_known"]
            assert own["n_labelled"].sum() == row["n_labelled"]
            assert list(own["n_sources"]) == sorted(own["n_sources"], reverse=True)

    def test_bits_are_those_of_the_catalogues(self, report):
        for row in report.catalogues:
            own = rows(report.combinations, **{"class": row["class"]})
            has_bit = np.asarray(own["bits"]) & row["bit"] > 0
            assert own["n_sources"][has_bit].sum() == row["n_sources"]
            assert own["n_labelled"][has_bit].sum() == row["n_labelled"]
