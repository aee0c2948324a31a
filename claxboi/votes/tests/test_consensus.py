# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of labels by votes.
"""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.utils import ClaxboiWarning
from claxboi.votes import apply_votes, combine_votes, read_votes

CLASSES = ["AGN", "CV", "star"]


def simulate(rng, skills, n=300, share=(0.6, 0.1, 0.3), votes_each=None, unsure=0.1):
    """Votes of people who are right with their skill, else any other class."""
    truth = rng.choice(3, n, p=share)
    rows = []
    for v, skill in enumerate(skills):
        seen = rng.random(n) < 0.7 if votes_each is None else rng.permutation(n) < votes_each[v]
        right = rng.random(n) < skill
        answer = np.where(right, truth, (truth + rng.integers(1, 3, n)) % 3)
        said = np.where(rng.random(n) < unsure, "Unsure", np.array(CLASSES)[answer])
        rows += [(f"s{i:04d}", f"v{v}", said[i]) for i in np.flatnonzero(seen)]
    table = Table(rows=rows, names=["source_id", "voter", "vote"])
    return table, {f"s{i:04d}": CLASSES[k] for i, k in enumerate(truth)}


def slow_dawid_skene(votes, skill, strength):
    """The same in plain loops, to convergence."""
    votes = [tuple(row) for row in votes if row["vote"].lower() != "unsure"]
    sources = sorted({row[0] for row in votes})
    voters = sorted({row[1] for row in votes})
    n = len(CLASSES)
    prior = [[skill if c == k else (1 - skill) / (n - 1) for k in range(n)] for c in range(n)]
    chance = {}
    for s in sources:
        own = [CLASSES.index(row[2]) for row in votes if row[0] == s]
        chance[s] = [own.count(c) / len(own) for c in range(n)]
    for _ in range(300):
        pi = [sum(chance[s][c] for s in sources) + 1 / n for c in range(n)]
        pi = [value / sum(pi) for value in pi]
        theta = {}
        for v in voters:
            for c in range(n):
                line = [strength * prior[c][k] for k in range(n)]
                for s, who, vote in votes:
                    if who == v:
                        line[CLASSES.index(vote)] += chance[s][c]
                theta[v, c] = [value / sum(line) for value in line]
        for s in sources:
            joint = list(pi)
            for source, v, vote in votes:
                if source == s:
                    joint = [joint[c] * theta[v, c][CLASSES.index(vote)] for c in range(n)]
            chance[s] = [value / sum(joint) for value in joint]
    return chance, theta, pi


def test_equals_the_slow_reference():
    votes, _ = simulate(np.random.default_rng(1), [0.9, 0.6, 0.7], n=20)
    combined = combine_votes(votes, classes=CLASSES, skill=0.8, strength=2)
    chance, theta, pi = slow_dawid_skene(votes, 0.8, 2)
    for row, probability in zip(combined.labels, combined.probabilities(), strict=True):
        if row["n_votes"]:
            assert_allclose(probability, chance[row["source_id"]], atol=1e-6)
    for v in range(3):
        for c in range(3):
            assert_allclose(combined.confusion[v, c], theta[f"v{v}", c], atol=1e-6)
    assert_allclose(combined.proportions, pi, atol=1e-6)


def test_each_step_raises_the_posterior():
    votes, _ = simulate(np.random.default_rng(2), [0.9, 0.5, 0.6, 0.8])
    history = combine_votes(votes).history
    assert len(history) > 3
    assert np.all(np.diff(history) > -1e-8)


def test_known_skills_are_found():
    """1400 votes each of five voters: a skill is known to 0.02 by counting, were truth known."""
    skills = [0.95, 0.85, 0.75, 0.65, 0.5]
    votes, truth = simulate(np.random.default_rng(3), skills, n=2000)
    combined = combine_votes(votes)
    assert_allclose(combined.voters["skill"], skills, atol=0.06)
    majority = combine_votes(votes, method="majority")
    right, simple = (
        np.mean([row["consensus"] == truth[row["source_id"]] for row in labels if row["n_votes"]])
        for labels in (combined.labels, majority.labels)
    )
    assert right > simple + 0.02


def test_soft_labels_are_calibrated():
    votes, truth = simulate(np.random.default_rng(4), [0.9, 0.8, 0.7, 0.6], n=3000)
    labels = combine_votes(votes).labels
    labels = labels[labels["n_votes"] > 0]
    right = np.array([row["consensus"] == truth[row["source_id"]] for row in labels])
    p = np.asarray(labels["consensus_probability"])
    for low, high in ((0.4, 0.7), (0.7, 0.9), (0.9, 1.01)):
        rows = (p >= low) & (p < high)
        assert rows.sum() > 50
        error = np.sqrt(p[rows].mean() * (1 - p[rows].mean()) / rows.sum())
        assert abs(right[rows].mean() - p[rows].mean()) < 4 * error + 0.02


def test_few_votes_stay_near_what_is_believed():
    rng = np.random.default_rng(5)
    votes, _ = simulate(rng, [0.9, 0.9, 0.1], votes_each=[300, 300, 3], unsure=0)
    combined = combine_votes(votes, skill=0.7, strength=20)
    assert combined.voters["n_votes"].tolist() == [300, 300, 3]
    assert abs(combined.voters["skill"][2] - 0.7) < 0.12
    assert_allclose(combined.confusion.sum(axis=2), 1)


def test_priors_of_the_sources():
    """One vote at skill 0.8 of three classes: odds of 8 to 1, times those of the prior."""
    votes = Table(rows=[("a", "1", "CV"), ("b", "1", "CV")], names=["source_id", "voter", "vote"])
    priors = Table(
        {
            "source_id": ["x", "b", "a"],
            "P_AGN": [1.0, 0.9, 1 / 3],
            "P_CV": [0.0, 0.05, 1 / 3],
            "P_star": [0.0, 0.05, 1 / 3],
        }
    )
    settings = {"classes": CLASSES, "skill": 0.8, "strength": 1e6}
    combined = combine_votes(votes, priors=priors, **settings)
    assert_allclose(combined.probabilities()[0], [0.1, 0.8, 0.1], atol=1e-4)
    expected = np.array([0.9 * 0.1, 0.05 * 0.8, 0.05 * 0.1])
    assert_allclose(combined.probabilities()[1], expected / expected.sum(), atol=1e-4)
    assert np.all(np.diff(combined.history) > -1e-6)
    with pytest.raises(ValueError, match="all sources with votes: a is missing"):
        combine_votes(votes, priors=priors[:2], **settings)
    with pytest.raises(ValueError, match="priors need method 'dawid-skene'"):
        combine_votes(votes, priors=priors, classes=CLASSES, method="majority")


def test_priors_have_each_source_once():
    votes = Table({"source_id": ["a", "b"], "voter": ["1", "1"], "vote": ["AGN", "CV"]})
    priors = Table({"source_id": ["b", "a", "b"], "P_AGN": [0.5] * 3, "P_CV": [0.5] * 3})
    with pytest.raises(ValueError, match="each source with votes once: b is repeated"):
        combine_votes(votes, priors=priors)
    priors["source_id"][2] = "c"
    assert combine_votes(votes, priors=priors).classes == ["AGN", "CV"]


def test_majority_by_hand():
    votes = Table(
        rows=[("a", "1", "CV"), ("a", "2", "CV"), ("a", "3", "AGN"), ("b", "1", "unsure")],
        names=["source_id", "voter", "vote"],
    )
    labels = combine_votes(votes, method="majority").labels
    assert labels["consensus"].tolist() == ["CV", None]
    assert_allclose(labels["vote_CV"], [2 / 3, np.nan])
    assert_allclose(labels["disagreement"], [2 / 3, np.nan])
    assert labels["n_unsure"].tolist() == [0, 1]


def test_the_last_vote_counts(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text(
        "source_id,voter,vote,comment,date\n"
        "a,Ann,CV,,2024-03-01\n"
        "a,Ann,AGN,changed my mind,2024-05-01\n"
        "a,Ann,star,first look,2024-01-01\n"
        "a,Bob, UNSURE ,,2024-01-01\n"
        "b,Bob,,later,2024-01-02\n"
    )
    votes = read_votes(path)
    assert votes["vote"].tolist() == ["AGN", "unsure"]
    assert votes["comment"][0] == "changed my mind"


def test_identifiers_are_no_numbers(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("source_id,voter,vote\n007,1,AGN\n1e5,01,CV\n2.50,1,\nTrue,1,AGN\n")
    votes = read_votes(path)
    assert votes["source_id"].tolist() == ["007", "1e5", "True"]
    assert votes["voter"].tolist() == ["1", "01", "1"]


def test_files_of_spreadsheets(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("source_id,voter,vote\nx1,Zo\u00eb,CV\n", encoding="utf-8-sig")
    votes = read_votes(path)
    assert votes.colnames == ["source_id", "voter", "vote"]
    assert votes["voter"].tolist() == ["Zo\u00eb"]


@pytest.mark.parametrize("method", ["dawid-skene", "majority"])
def test_nobody_is_sure(method):
    votes = Table({"source_id": ["a", "b"], "voter": ["1", "2"], "vote": ["unsure", "Unsure"]})
    for classes in (None, ["AGN", "CV"]):
        with pytest.raises(ValueError, match="name a class at least once, but all are 'unsure'"):
            combine_votes(votes, classes=classes, method=method)


@pytest.mark.parametrize(
    ("classes", "error", "message"),
    [
        ("AGN", TypeError, "classes must be a sequence of names, got the string 'AGN'"),
        (["AGN", "CV", "AGN"], ValueError, "classes must be unique"),
        (["AGN", "CV", "Unsure"], ValueError, "not include 'unsure', got AGN, CV, Unsure"),
        ([0, 1], ValueError, "votes must be for the classes 0, 1 or 'unsure', got AGN"),
    ],
)
def test_wrong_classes(classes, error, message):
    votes = Table({"source_id": ["a", "b"], "voter": ["1", "1"], "vote": ["AGN", "CV"]})
    with pytest.raises(error, match=message):
        combine_votes(votes, classes=classes)


def test_classes_that_are_numbers():
    votes = Table({"source_id": ["a", "b"], "voter": ["1", "1"], "vote": ["0", "1"]})
    assert combine_votes(votes, classes=[1, 0]).classes == ["1", "0"]


@pytest.fixture
def voted():
    votes = Table(
        rows=[
            ("a", "1", "CV"), ("a", "2", "CV"), ("a", "3", "AGN"), ("b", "1", "AGN"),
            ("c", "1", "CV"), ("d", "1", "unsure"), ("elsewhere", "1", "CV"),
        ],
        names=["source_id", "voter", "vote"],
    )  # fmt: skip
    table = Table(
        {
            "source_id": ["d", "c", "b", "a"],
            "hr1": [0.1, 0.2, 0.3, 0.4],
            "class": MaskedColumn(["star", "star", "", ""], mask=[0, 0, 1, 1]),
        },
        meta={"own": 1},
    )
    return table, combine_votes(votes, method="majority")


def test_labels_in_a_table(voted):
    table, combined = voted
    before = table.copy()
    sample = apply_votes(table, combined)
    assert sample["source_id"].tolist() == ["d", "c", "b", "a", "a"]
    assert sample["class"].tolist() == ["star", "star", "AGN", "AGN", "CV"]
    assert_allclose(sample["label_weight"], [1, 1, 1, 1 / 3, 2 / 3])
    assert sample["label_origin"].tolist() == ["catalogue"] * 2 + ["votes"] * 3
    assert sample["hr1"].tolist() == [0.1, 0.2, 0.3, 0.4, 0.4]
    assert sample.meta["own"] == 1
    assert sample.meta["claxboi"]["votes"]["n_sources"] == 2
    assert sample.meta["claxboi"]["votes"]["method"] == "majority"
    assert table.colnames == before.colnames
    assert_array_equal(table["class"].mask, before["class"].mask)


def test_votes_replace_labels(voted):
    table, combined = voted
    sample = apply_votes(table, combined, known="replace")
    # Nobody voted for a class of d.
    assert sample["class"].tolist() == ["star", "CV", "AGN", "AGN", "CV"]


def test_hard_labels(voted):
    table, combined = voted
    sample = apply_votes(table, combined, soft=False)
    assert len(sample) == 4
    assert sample["class"].tolist() == ["star", "star", "AGN", "CV"]
    assert_allclose(sample["label_weight"], [1, 1, 1, 2 / 3])


def test_improbable_classes_are_left_out(voted):
    table, combined = voted
    sample = apply_votes(table, combined, min_probability=0.4)
    assert sample["class"].tolist()[-1] == "CV"
    assert_allclose(sample["label_weight"], 1)


def test_table_without_labels(voted):
    table, combined = voted
    sample = apply_votes(table["source_id", "hr1"], combined, label="kind")
    assert sample["kind"].tolist() == [None, "CV", "AGN", "AGN", "CV"]


def test_what_drawn_sources_stand_for(voted):
    table, combined = voted
    drawn = Table({"source_id": ["b", "a"], "selection_probability": [0.5, 0.1]})
    before = drawn.copy()
    sample = apply_votes(table, combined, drawn=drawn)
    weight = sample["population_weight"]
    assert weight.mask.tolist() == [True, True, False, False, False]
    assert_allclose(weight[2:], [2, 10 / 3, 20 / 3])
    assert_allclose(sample["label_weight"], [1, 1, 1, 1 / 3, 2 / 3])
    assert drawn.colnames == before.colnames
    # A source with votes that was not drawn stands for nothing known.
    sample = apply_votes(table, combined, drawn=drawn[:1])
    assert sample["population_weight"].mask.tolist() == [True, True, False, True, True]


@pytest.mark.parametrize(
    ("drawn", "error", "message"),
    [
        ([1, 2], TypeError, "drawn must be"),
        (Table({"source_id": ["a"]}), KeyError, "selection_probability"),
        (Table({"selection_probability": [0.5]}), KeyError, "source_id"),
        (Table({"source_id": ["a"], "selection_probability": [1.5]}), ValueError, "got 1.5 for a"),
        (Table({"source_id": ["a"], "selection_probability": [0.0]}), ValueError, "got 0.0 for a"),
        (
            Table({"source_id": ["a", "a"], "selection_probability": [0.5, 0.5]}),
            ValueError,
            "of drawn must have unique identifiers",
        ),
    ],
)
def test_wrong_draws(voted, drawn, error, message):
    table, combined = voted
    with pytest.raises(error, match=message):
        apply_votes(table, combined, drawn=drawn)


def test_draws_of_other_sources(voted):
    table, combined = voted
    drawn = Table({"source_id": ["w", "x"], "selection_probability": [0.5, 0.5]})
    with pytest.raises(ValueError, match="drawn must have the sources with votes"):
        apply_votes(table, combined, drawn=drawn)


def test_who_has_no_answer_is_stood_for():
    """Half of the predicted CVs and all AGN have votes: the sums are all that was drawn from."""
    n = 12
    names = [f"x{k}" for k in range(n)]
    prediction = ["AGN"] * 6 + ["CV"] * 6
    votes = Table(
        {"source_id": [*names[:3], *names[6:8]], "voter": ["1"] * 5, "vote": ["AGN"] * 4 + ["CV"]}
    )
    rows = [0, 1, 2, 6, 7, 8, 9]
    drawn = Table(
        {
            "source_id": np.array(names)[rows],
            "prediction": np.array(prediction)[rows],
            "selection_probability": [0.5] * 3 + [4 / 6] * 4,
        }
    )
    table = Table({"source_id": names, "hr1": np.zeros(n)})
    combined = combine_votes(votes, method="majority")
    weight = apply_votes(table, combined, drawn=drawn)["population_weight"]
    assert_allclose(weight.compressed(), [2, 2, 2, 3, 3])
    # Without predictions nobody stands for others.
    drawn.remove_column("prediction")
    weight = apply_votes(table, combined, drawn=drawn)["population_weight"]
    assert_allclose(weight.compressed(), [2, 2, 2, 1.5, 1.5])
    # A label that is kept is an answer.
    table["class"] = MaskedColumn(["star"] * n, mask=[name not in ("x6", "x8") for name in names])
    drawn["prediction"] = np.array(prediction)[rows]
    weight = apply_votes(table, combined, drawn=drawn)["population_weight"]
    assert_allclose(weight.compressed(), [2, 2, 2, 3])


def test_a_class_without_any_answer():
    votes = Table({"source_id": ["a", "b"], "voter": ["1", "1"], "vote": ["AGN", "CV"]})
    table = Table({"source_id": ["a", "b", "c"], "hr1": [0.1, 0.2, 0.3]})
    drawn = Table({"source_id": ["a", "b", "c"], "prediction": ["AGN", "AGN", "star"]})
    drawn["selection_probability"] = 1.0
    with pytest.warns(ClaxboiWarning, match="no drawn source predicted as star has a vote"):
        sample = apply_votes(table, combine_votes(votes, method="majority"), drawn=drawn)
    assert sample["population_weight"].tolist() == [1, 1, None]


def test_votes_that_would_be_of_no_use(voted):
    table, combined = voted
    known = table[:2]
    with pytest.raises(ValueError, match="on a source without a label, because known='keep'"):
        apply_votes(known, combined)
    assert apply_votes(known, combined, known="replace")["class"].tolist() == ["star", "CV"]
    with pytest.raises(ValueError, match=r"label must not be one of .*, got 'label_weight'"):
        apply_votes(table, combined, label="label_weight")


def test_sources_without_identifiers(voted):
    """They have no votes; they are not twice the same source."""
    table, combined = voted
    table["source_id"] = MaskedColumn(table["source_id"], mask=[1, 1, 0, 0])
    drawn = Table({"source_id": ["b", "a"], "selection_probability": [0.5, 0.1]})
    sample = apply_votes(table, combined, drawn=drawn)
    assert sample["label_origin"].tolist() == ["catalogue"] * 2 + ["votes"] * 3
    assert sample["population_weight"].mask.tolist() == [True, True, False, False, False]


def test_errors(voted):
    table, combined = voted
    votes = Table(rows=[("a", "1", "CV")], names=["source_id", "voter", "vote"])
    with pytest.raises(ValueError, match="two or more classes, got CV"):
        combine_votes(votes)
    with pytest.raises(ValueError, match="classes AGN, star or 'unsure', got CV"):
        combine_votes(votes, classes=["AGN", "star"])
    with pytest.raises(ValueError, match="method must be one of"):
        combine_votes(votes, method="mean")
    with pytest.raises(KeyError, match="'voter'"):
        combine_votes(votes["source_id", "vote"])
    with pytest.raises(ValueError, match="skill must be above 0 and below 1"):
        combine_votes(votes, skill=1)
    with pytest.raises(ValueError, match="all are empty"):
        combine_votes(Table({"source_id": ["a"], "voter": ["1"], "vote": [""]}))
    with pytest.raises(ValueError, match="a voter for each vote; row 0 has none"):
        combine_votes(Table({"source_id": ["a"], "voter": [""], "vote": ["CV"]}))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_votes("nowhere.csv")
    with pytest.raises(TypeError, match="combined must be CombinedVotes, got Table"):
        apply_votes(table, combined.labels)
    other = table.copy()
    other["source_id"] = ["w", "x", "y", "z"]
    with pytest.raises(ValueError, match="none has a source_id of the table"):
        apply_votes(other, combined)
    other["source_id"] = ["a", "a", "y", "z"]
    with pytest.raises(ValueError, match="must have unique identifiers"):
        apply_votes(other, combined)
    with pytest.raises(ValueError, match="already has columns 'label_weight'"):
        apply_votes(apply_votes(table, combined, soft=False), combined, known="replace")
