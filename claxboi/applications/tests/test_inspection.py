# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the list of sources that are worth a look.
"""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose

from claxboi.applications import inspection_list


def make_result(**columns):
    """A classified table by hand: P of AGN, star and CV, whose prior is small."""
    meta = {
        "claxboi": {
            "classification": {
                "classes": ["AGN", "star", "CV"],
                "categories": ["location", "spectrum"],
                "priors": {"AGN": 0.6, "star": 0.38, "CV": 0.02},
            }
        }
    }
    table = Table(columns, meta=meta)
    p = np.array([table[f"P_{name}"] for name in ("AGN", "star", "CV")])
    table["prediction"] = np.array(["AGN", "star", "CV"])[p.argmax(axis=0)]
    return table


@pytest.fixture
def result():
    return make_result(
        source_id=["plain", "rare", "odd", "other", "border", "training", "all"],
        P_AGN=[0.98, 0.1, 0.98, 0.9, 0.5, 0.1, 0.25],
        P_star=[0.01, 0.1, 0.01, 0.05, 0.45, 0.1, 0.15],
        P_CV=[0.01, 0.8, 0.01, 0.05, 0.05, 0.8, 0.6],
        outlier_pvalue=[0.5, 0.5, 0.002, 0.5, 0.5, 0.001, 0.01],
        alternative=["", "", "", "spectrum:star", "", "", "location:AGN spectrum:star"],
        is_training=[False, False, False, False, False, True, False],
    )


def test_scores_by_hand(result):
    table = inspection_list(result)
    got = {row["source_id"]: row for row in table}
    assert set(got) == {"rare", "odd", "other", "border", "all"}
    assert_allclose(got["rare"]["score_rare"], 0.8)
    assert_allclose(got["odd"]["score_odd"], 0.8)
    assert_allclose(got["other"]["score_alternative"], 0.5)
    assert_allclose(got["border"]["score_border"], 0.75)
    assert got["all"]["score_alternative"] == 1
    assert table["source_id"][0] == "all"
    assert_allclose(got["border"]["inspection_score"], 0.75)
    assert np.all(np.diff(table["inspection_score"]) <= 0)
    assert table["row"][0] == 6


def test_reasons_in_words(result):
    table = inspection_list(result)
    reason = dict(zip(table["source_id"], table["inspection_reason"], strict=True))
    assert reason["rare"] == "likely CV (P = 0.80)"
    assert reason["odd"] == "outlier of every class (p = 0.002)"
    assert reason["other"] == "star without spectrum"
    assert reason["border"] == "between AGN and star (0.50, 0.45)"
    assert reason["all"] == (
        "likely CV (P = 0.60); outlier of every class (p = 0.01); "
        "AGN without location, star without spectrum"
    )


def test_classes_with_spaces():
    result = make_result(
        P_AGN=[0.9], P_star=[0.05], P_CV=[0.05], outlier_pvalue=[0.5], is_training=[False],
        alternative=["location:cool star spectrum:CV"],
    )  # fmt: skip
    table = inspection_list(result)
    assert table["inspection_reason"][0] == "cool star without location, CV without spectrum"
    assert table["score_alternative"][0] == 1


def test_several_reasons_raise_the_score(result):
    result["P_AGN"][4], result["P_star"][4] = 0.55, 0.40
    result["alternative"][4] = "spectrum:star"
    row = inspection_list(result)
    row = row[row["source_id"] == "border"][0]
    assert_allclose(row["inspection_score"], 1 - (1 - 0.25) * (1 - 0.5))


def test_numbers_and_limit(result):
    table = inspection_list(result, limit=2)
    assert len(table) == 2
    numbers = table.meta["claxboi"]["inspection"]["numbers"]
    assert numbers == {"rare": 2, "odd": 2, "alternative": 2, "border": 1, "any": 5}


def test_options(result):
    assert "training" in inspection_list(result, training=True)["source_id"]
    named = inspection_list(result, rare="star", min_rare=0.4)
    assert named["score_rare"][named["source_id"] == "border"] == 0.45
    none = inspection_list(result, rare=[])
    assert not none["score_rare"].any()


def test_missing_values(result):
    result["outlier_pvalue"] = MaskedColumn(result["outlier_pvalue"], mask=[0, 0, 1, 0, 0, 0, 0])
    assert "odd" not in inspection_list(result)["source_id"]
    result["P_CV"][1] = np.nan
    assert "rare" not in inspection_list(result)["source_id"]


def test_nothing_to_see(result):
    table = inspection_list(result[:1])
    assert len(table) == 0
    assert "inspection_reason" in table.colnames


def test_many_rows_are_those_of_few(result):
    """A large table gives each row the same score and words as alone."""
    rng = np.random.default_rng(1)
    rows = rng.integers(len(result), size=20_000)
    table = inspection_list(result[rows])
    alone = {row["source_id"]: row for row in inspection_list(result)}
    for name, row in alone.items():
        part = table[table["source_id"] == name]
        assert len(part) == np.count_nonzero(result["source_id"][rows] == name)
        assert np.all(part["inspection_score"] == row["inspection_score"])
        assert np.all(part["inspection_reason"] == row["inspection_reason"])


def test_input_is_not_changed(result):
    before = result.copy()
    inspection_list(result)
    assert result.colnames == before.colnames
    assert np.all(result["P_CV"] == before["P_CV"])


def test_errors(result):
    with pytest.raises(ValueError, match="rare must be of the classes AGN, star, CV, got XRB"):
        inspection_list(result, rare=["XRB"])
    with pytest.raises(ValueError, match="border must be above 0"):
        inspection_list(result, border=0)
    with pytest.raises(ValueError, match="limit must be at least 1"):
        inspection_list(result, limit=0)
    with pytest.raises(KeyError, match="'alternative'"):
        inspection_list(result[[name for name in result.colnames if name != "alternative"]])
    result.meta["claxboi"]["classification"]["priors"] = "one row per source"
    with pytest.raises(ValueError, match="rare must name the rare classes"):
        inspection_list(result)
