# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
From a catalogue to people and back: what votes do, measured by the truth of a mock sky.
"""

import numpy as np
import pytest

from claxboi import classify
from claxboi.applications import compare_models
from claxboi.classification import Evaluation
from claxboi.pipeline import find_references, run
from claxboi.simulation import make_mock_sky
from claxboi.votes import apply_votes, combine_votes, draw_for_votes, make_votes

RARE = ["gal_XRB", "CV", "AGN_2", "ex_XRB"]
SKILLS = {"Ann": 0.95, "Ben": 0.9, "Cleo": 0.85, "Dan": 0.8, "Eve": 0.6}


@pytest.fixture(scope="module")
def voted(tmp_path_factory):
    """
    A mock sky before and after five people of known skill looked at 500 of its sources.
    """
    folder = tmp_path_factory.mktemp("votes")
    sky = make_mock_sky(4000, rng=11)
    sky.write(folder)
    done = run(
        folder / "xray.fits",
        folder / "out.fits",
        settings="whole-catalogue",
        mission="4XMM",
        references=find_references(folder / "references") | find_references(folder / "others"),
        show_progress=False,
    )
    table, model = done.table, done.model
    priors = table.meta["claxboi"]["classification"]["priors"]
    truth = np.asarray(sky.truth["true_class"], str)
    drawn = draw_for_votes(table, 500, rng=1)
    votes = make_votes(
        drawn["source_id"], truth[drawn["row"]], SKILLS, classes=model.classes_, rng=1
    )
    combined = combine_votes(votes, priors=table, classes=model.classes_)
    sample = apply_votes(table, combined, drawn=drawn)
    again, retrained = classify(
        table,
        priors,
        training=sample[~sample["class"].mask],
        weight="label_weight",
        properties=model.properties,
        missing=model.missing,
        overwrite=True,
        return_model=True,
        show_progress=False,
    )
    is_blind = np.isin(truth, model.classes_) & ~np.asarray(table["is_training"], bool)
    return {
        "before": (table, model, done.evaluation),
        "after": (again, retrained, None),
        "priors": priors,
        "truth": truth,
        "is_blind": is_blind,
        "combined": combined,
        "votes": sample[sample["label_origin"] == "votes"],
    }


def probabilities(table, classes):
    return np.column_stack([table[f"P_{name}"] for name in classes])


def f1(truth, chosen):
    return 2 * np.sum(truth & chosen) / (truth.sum() + chosen.sum())


def test_votes_find_the_skills_and_the_classes(voted):
    combined = voted["combined"]
    assert combined.voters["voter"].tolist() == sorted(SKILLS)
    # Some 400 votes each, and a belief of 0.7 that counts like 3 votes in each of 7 classes.
    assert np.allclose(
        combined.voters["skill"], [SKILLS[name] for name in sorted(SKILLS)], atol=0.06
    )
    table, _, _ = voted["before"]
    known = dict(zip(table["source_id"].tolist(), voted["truth"].tolist(), strict=True))
    labels = combined.labels[~combined.labels["consensus"].mask]
    truth = np.array([known[name] for name in labels["source_id"]])
    real = np.isin(truth, combined.classes)
    assert np.mean(labels["consensus"][real] == truth[real]) > 0.95


def test_retraining_makes_better_probabilities_for_sources_without_a_label(voted):
    blind, truth = voted["is_blind"], voted["truth"]
    scores = []
    for when in ("before", "after"):
        table, model, _ = voted[when]
        own = probabilities(table, model.classes_)[blind]
        scores.append(Evaluation.from_probabilities(truth[blind], own, model.classes_, clip=1e-4))
    assert scores[1].log_loss < scores[0].log_loss - 0.05
    assert scores[1].macro_f1 > scores[0].macro_f1


def test_retraining_raises_the_f1_of_samples_of_rare_classes(voted):
    """
    Thresholds are found without the truth: before, on labelled sources; after, on the votes.
    """
    blind, truth = voted["is_blind"], voted["truth"]
    _, retrained, _ = voted["after"]
    sheets = {
        "before": voted["before"][2],
        "after": retrained.evaluate(voted["votes"], voted["priors"], weight="population_weight"),
    }
    change = []
    for name in RARE:
        found = []
        for when, sheet in sheets.items():
            curve = sheet.thresholds(name)
            threshold = curve["threshold"][np.nanargmax(curve["f1_corrected"])]
            chosen = np.asarray(voted[when][0][f"P_{name}"]) >= threshold
            found.append(f1(truth[blind] == name, chosen[blind]))
        change.append(found[1] - found[0])
    assert np.mean(change) > 0.03


def test_votes_raise_the_f1_of_rare_classes_of_the_catalogue(voted):
    blind, truth = voted["is_blind"], voted["truth"]
    labels = voted["combined"].labels
    verdict = dict(zip(labels["source_id"], labels["consensus"].filled(""), strict=True))
    table, _, _ = voted["before"]
    again, _, _ = voted["after"]
    stands = np.array([verdict.get(name, "") for name in table["source_id"]])
    final = np.where(stands == "", np.asarray(again["prediction"]), stands)
    for name in RARE:
        before = f1(truth[blind] == name, table["prediction"][blind] == name)
        after = f1(truth[blind] == name, final[blind] == name)
        assert after > before + 0.05


def test_votes_say_how_good_the_catalogue_is(voted):
    """
    The weighted scores of voted sources are those of all sources, which only the truth knows.
    """
    blind, truth = voted["is_blind"], voted["truth"]
    table, model, labelled = voted["before"]
    sheet = model.evaluate(voted["votes"], voted["priors"], weight="population_weight")
    own = probabilities(table, model.classes_)[blind]
    whole = Evaluation.from_probabilities(truth[blind], own, model.classes_)
    assert sheet.corrected["accuracy"] == pytest.approx(whole.accuracy, abs=0.06)
    # What the labelled sources promised is farther off: they are bright.
    for name in ("accuracy", "macro_f1", "brier"):
        promised = abs(labelled.corrected[name] - getattr(whole, name))
        assert abs(sheet.corrected[name] - getattr(whole, name)) < promised / 2


def test_models_are_compared_on_votes_as_on_the_truth(voted):
    table, model, _ = voted["before"]
    _, retrained, _ = voted["after"]
    by_votes = compare_models(
        model, retrained, voted["votes"], voted["priors"], weight="population_weight", rng=1
    )
    known = table[voted["is_blind"]]
    known["true_class"] = voted["truth"][voted["is_blind"]]
    by_truth = compare_models(model, retrained, known, voted["priors"], label="true_class", rng=1)
    error = np.hypot(by_votes["f1_change_error"], by_truth["f1_change_error"])
    difference = by_votes["f1_change"] - by_truth["f1_change"]
    assert np.all(np.abs(difference) < 4 * error)
    assert by_votes.meta["claxboi"]["comparison"]["weight"] == "population_weight"
