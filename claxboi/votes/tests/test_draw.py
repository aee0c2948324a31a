# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the draw of sources to vote on.
"""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.utils import ClaxboiWarning
from claxboi.votes import draw_for_votes

NUMBERS = {"AGN": 600, "star": 240, "CV": 12}


@pytest.fixture
def result():
    """What classify returns, as far as a draw reads it; every tenth source trained the model."""
    names = np.repeat(list(NUMBERS), list(NUMBERS.values()))
    n = len(names)
    table = Table({"source_id": [f"x{k:03d}" for k in range(n)], "flux": np.arange(n) * 1e-15})
    table["prediction"] = MaskedColumn(names, mask=np.arange(n) == 5)
    for name in NUMBERS:
        table[f"P_{name}"] = np.where(names == name, 0.8, 0.1)
    table["is_training"] = np.arange(n) % 10 == 0
    table.meta["claxboi"] = {"classification": {"classes": list(NUMBERS), "categories": []}}
    return table


def usable(result):
    return ~result["prediction"].mask & ~np.asarray(result["is_training"])


def test_as_many_of_each_class(result):
    drawn = draw_for_votes(result, 90, rng=1)
    kind, number = np.unique(drawn["prediction"], return_counts=True)
    rare = np.count_nonzero(usable(result) & (result["prediction"] == "CV"))
    # All of the rare class; its part goes to the others.
    expected = {"AGN": (90 - rare) // 2, "star": (90 - rare) // 2, "CV": rare}
    got = dict(zip(kind.tolist(), number.tolist(), strict=True))
    assert sum(got.values()) == 90
    assert all(abs(got[name] - expected[name]) <= 1 for name in NUMBERS)
    for name in NUMBERS:
        own = drawn["prediction"] == name
        there = np.count_nonzero(usable(result) & (result["prediction"] == name))
        assert_allclose(drawn["selection_probability"][own], got[name] / there)
    # Sums of one over it are exact for the numbers of each stratum.
    assert np.sum(1 / drawn["selection_probability"]) == pytest.approx(usable(result).sum())


def test_fewer_sources_than_classes(result):
    with pytest.warns(ClaxboiWarning, match="size 2 is less than .*, 3: no source is drawn for CV"):
        drawn = draw_for_votes(result, 2, rng=1)
    assert sorted(drawn["prediction"]) == ["AGN", "star"]


def test_rows_are_those_of_the_result_each_once(result):
    drawn = draw_for_votes(result, 200, rng=2)
    rows = np.asarray(drawn["row"])
    assert len(np.unique(rows)) == 200
    assert_array_equal(drawn["source_id"], result["source_id"][rows])
    assert_array_equal(drawn["flux"], result["flux"][rows])
    assert usable(result)[rows].all()
    assert drawn.meta["claxboi"]["voting"]["size"] == 200


def test_the_first_ones_are_a_smaller_draw(result):
    """In random order: the classes are mixed from the beginning."""
    first = draw_for_votes(result, 90, rng=3)["prediction"][:30]
    assert {"AGN", "star", "CV"} == set(first.tolist())


def test_each_source_comes_as_often_as_its_probability_says(result):
    times, repeats = np.zeros(len(result)), 400
    for seed in range(repeats):
        drawn = draw_for_votes(result, 60, rng=seed)
        times[drawn["row"]] += 1
    probability = np.full(len(result), 0.0)
    for name in NUMBERS:
        own = usable(result) & (result["prediction"] == name)
        probability[own] = times[own].mean() / repeats
    error = np.sqrt(probability * (1 - probability) / repeats)
    assert np.all(np.abs(times / repeats - probability) <= 5 * error)


def test_all_where_there_are_fewer_and_training_sources_when_asked(result):
    everything = draw_for_votes(result, 10_000, rng=1)
    assert len(everything) == usable(result).sum()
    assert_allclose(everything["selection_probability"], 1)
    with_training = draw_for_votes(result, 10_000, training=True, rng=1)
    assert len(with_training) == len(result) - 1


def test_the_seed_decides_and_the_result_stays(result):
    before = result.copy()
    first, again = (draw_for_votes(result, 50, rng=7) for _ in range(2))
    assert_array_equal(first["row"], again["row"])
    assert not np.array_equal(first["row"], draw_for_votes(result, 50, rng=8)["row"])
    assert result.colnames == before.colnames
    assert result.meta == before.meta


def test_errors(result):
    with pytest.raises(ValueError, match="size must be"):
        draw_for_votes(result, 0)
    with pytest.raises(KeyError, match="source_id"):
        draw_for_votes(result[[name for name in result.colnames if name != "source_id"]], 5)
    with pytest.raises(KeyError, match="is_training"):
        draw_for_votes(result[[name for name in result.colnames if name != "is_training"]], 5)
    with pytest.raises(ValueError, match="table that classify returned"):
        draw_for_votes(Table({"prediction": ["AGN"]}), 5)
    result["is_training"] = True
    with pytest.raises(ValueError, match=r"did not train the model, got none of 852"):
        draw_for_votes(result, 5)
