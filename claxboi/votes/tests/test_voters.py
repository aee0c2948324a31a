# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy.table import MaskedColumn
from numpy.testing import assert_array_equal

from claxboi.votes import combine_votes, make_votes

SKILLS = {"Ann": 0.95, "Bob": 0.7, "Eve": 0.2}
CLASSES = ["AGN", "CV", "star"]


def draw(n, seed=1):
    rng = np.random.default_rng(seed)
    return np.array([f"x{k}" for k in range(n)]), rng.choice(CLASSES, n, p=[0.6, 0.1, 0.3])


def test_votes_are_as_skilled_as_asked():
    ids, truth = draw(4000)
    votes = make_votes(ids, truth, SKILLS, seen=0.8, unsure=0.15, rng=2)
    known = dict(zip(ids.tolist(), truth.tolist(), strict=True))
    for voter, skill in SKILLS.items():
        own = votes[votes["voter"] == voter]
        assert len(own) == pytest.approx(3200, abs=5 * np.sqrt(4000 * 0.8 * 0.2))
        cast = own[own["vote"] != "unsure"]
        assert len(cast) / len(own) == pytest.approx(0.85, abs=5 * 0.4 / np.sqrt(3200))
        true = np.array([known[name] for name in cast["source_id"]])
        right = cast["vote"] == true
        assert np.mean(right) == pytest.approx(skill, abs=5 * 0.5 / np.sqrt(2700))
        # Mistakes go to the others evenly.
        wrong = cast["vote"][(true == "AGN") & ~right]
        assert np.mean(wrong == "CV") == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(len(wrong)))


def test_nobody_knows_what_no_class_is():
    ids, truth = draw(3000)
    truth = np.where(np.arange(3000) < 1500, "spurious", truth)
    votes = make_votes(ids, truth, {"Ann": 1.0}, classes=CLASSES, unsure=0, rng=3)
    first = votes["vote"][:1500]
    assert np.mean(first == "unsure") == pytest.approx(0.5, abs=0.07)
    for name in CLASSES:
        assert np.mean(first == name) == pytest.approx(1 / 6, abs=0.05)
    assert_array_equal(votes["vote"][1500:], truth[1500:])


def test_votes_are_what_combine_votes_takes_and_made_again_by_their_seed():
    ids, truth = draw(300)
    votes = make_votes(ids, truth, {"Ann": 0.9, "Bob": 0.9}, rng=4)
    again = make_votes(ids, truth, {"Ann": 0.9, "Bob": 0.9}, rng=4)
    assert_array_equal(votes["vote"], again["vote"])
    assert set(combine_votes(votes).classes) == set(CLASSES)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"true_class": ["AGN"]}, ValueError, "the same length"),
        ({"skills": {}}, TypeError, "skills must be a mapping"),
        ({"skills": {"Ann": 1.5}}, ValueError, "skill of 'Ann' must be"),
        ({"classes": ["AGN"]}, ValueError, "classes must be two or more, got AGN"),
        ({"unsure": -0.1}, ValueError, "unsure must be"),
        ({"seen": 2}, ValueError, "seen must be"),
        ({"classes": "AGN"}, TypeError, "classes must be a sequence of names, got the string"),
        ({"source_id": ["a", ""]}, ValueError, "must name each source; row 1 has none"),
        (
            {"source_id": MaskedColumn(["a", "b"], mask=[1, 0])},
            ValueError,
            "must name each source; row 0 has none",
        ),
    ],
)
def test_errors(change, error, message):
    arguments = {"source_id": ["a", "b"], "true_class": ["AGN", "CV"], "skills": {"Ann": 0.9}}
    with pytest.raises(error, match=message):
        make_votes(**(arguments | change))


def test_masked_truth_is_no_class():
    """What a mask hides is not voted for more often than anything else."""
    n = 400
    truth = MaskedColumn(["CV"] * n + ["AGN"], mask=[True] * n + [False])
    ids = np.arange(n + 1)
    votes = make_votes(ids, truth, {"Ann": 1.0}, classes=["AGN", "CV", "star"], rng=1)
    assert votes["source_id"][1] == "1"
    found = dict(zip(*np.unique(votes["vote"], return_counts=True), strict=True))
    assert found["unsure"] == pytest.approx(n / 2, abs=50)
    assert found["CV"] == pytest.approx(n / 6, abs=35)
