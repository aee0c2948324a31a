# Licensed under a 3-clause BSD style license - see LICENSE.rst
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


#: Skies that are drawn: one is not enough, since the gains scatter by half of their mean.
SEEDS = (11, 12, 13, 14, 15)


@pytest.fixture(scope="module")
def skies(tmp_path_factory):
    """
    Measure, on each mock sky, what votes on 500 of its sources change.
    """
    return [_measure(seed, tmp_path_factory.mktemp("votes")) for seed in SEEDS]


def _measure(seed, folder):
    """Classify a sky before and after five people of known skill looked at 500 sources."""
    sky = make_mock_sky(4000, rng=seed)
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
    drawn = draw_for_votes(table, 500, rng=seed)
    votes = make_votes(
        drawn["source_id"], truth[drawn["row"]], SKILLS, classes=model.classes_, rng=seed
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
    blind = np.isin(truth, model.classes_) & ~np.asarray(table["is_training"], bool)
    sky = {
        "before": table,
        "after": again,
        "model": model,
        "retrained": retrained,
        "labelled": done.evaluation,
        "priors": priors,
        "truth": truth,
        "blind": blind,
        "combined": combined,
        "votes": sample[sample["label_origin"] == "votes"],
    }
    return _skills(sky) | _probabilities(sky) | _samples(sky) | _catalogue(sky) | _promises(sky)


def _f1(truth, chosen):
    return 2 * np.sum(truth & chosen) / (truth.sum() + chosen.sum())


def _score(sky, when):
    classes = (sky["model"] if when == "before" else sky["retrained"]).classes_
    blind = sky["blind"]
    values = np.column_stack([sky[when][f"P_{name}"] for name in classes])[blind]
    return Evaluation.from_probabilities(sky["truth"][blind], values, classes, clip=1e-4)


def _skills(sky):
    """Errors of the skills found, and the purity of the consensus."""
    combined = sky["combined"]
    assert combined.voters["voter"].tolist() == sorted(SKILLS)
    known = dict(zip(sky["before"]["source_id"].tolist(), sky["truth"].tolist(), strict=True))
    labels = combined.labels[~combined.labels["consensus"].mask]
    truth = np.array([known[name] for name in labels["source_id"]])
    real = np.isin(truth, combined.classes)
    skill = np.asarray(combined.voters["skill"])
    return {
        "skill_error": skill - [SKILLS[name] for name in sorted(SKILLS)],
        "purity": np.mean(labels["consensus"][real] == truth[real]),
    }


def _probabilities(sky):
    """Gains of retraining for the sources without a label."""
    before, after = _score(sky, "before"), _score(sky, "after")
    return {
        "log_loss_gain": before.log_loss - after.log_loss,
        "macro_f1_gain": after.macro_f1 - before.macro_f1,
    }


def _samples(sky):
    """
    Change of the F1 of samples above a threshold that is found without the truth.

    Before, it is found on the labelled sources; after, on the votes.
    """
    sheets = {
        "before": sky["labelled"],
        "after": sky["retrained"].evaluate(sky["votes"], sky["priors"], weight="population_weight"),
    }
    blind, truth = sky["blind"], sky["truth"]
    changes = []
    for name in RARE:
        found = []
        for when, sheet in sheets.items():
            curve = sheet.thresholds(name)
            threshold = curve["threshold"][np.nanargmax(curve["f1_corrected"])]
            chosen = np.asarray(sky[when][f"P_{name}"]) >= threshold
            found.append(_f1(truth[blind] == name, chosen[blind]))
        changes.append(found[1] - found[0])
    return {"sample_gain": np.mean(changes)}


def _catalogue(sky):
    """Gains of each rare class in the catalogue in which votes stand."""
    labels, blind, truth = sky["combined"].labels, sky["blind"], sky["truth"]
    verdict = dict(zip(labels["source_id"], labels["consensus"].filled(""), strict=True))
    stands = np.array([verdict.get(name, "") for name in sky["before"]["source_id"]])
    final = np.where(stands == "", np.asarray(sky["after"]["prediction"]), stands)
    before = np.asarray(sky["before"]["prediction"])
    gains = [
        _f1(truth[blind] == name, final[blind] == name)
        - _f1(truth[blind] == name, before[blind] == name)
        for name in RARE
    ]
    return {"catalogue_gain": gains}


def _promises(sky):
    """Errors of scores from weighted votes, and from labelled sources, which are bright."""
    whole = _score(sky, "before")
    sheet = sky["model"].evaluate(sky["votes"], sky["priors"], weight="population_weight")
    names = ("accuracy", "macro_f1", "brier")
    known = sky["before"][sky["blind"]]
    known["true_class"] = sky["truth"][sky["blind"]]
    pair = sky["model"], sky["retrained"]
    by_votes = compare_models(*pair, sky["votes"], sky["priors"], weight="population_weight", rng=1)
    by_truth = compare_models(*pair, known, sky["priors"], label="true_class", rng=1)
    assert by_votes.meta["claxboi"]["comparison"]["weight"] == "population_weight"
    error = np.hypot(by_votes["f1_change_error"], by_truth["f1_change_error"])
    return {
        "votes_error": [sheet.corrected[name] - getattr(whole, name) for name in names],
        "labels_error": [sky["labelled"].corrected[name] - getattr(whole, name) for name in names],
        "comparison_pull": np.asarray((by_votes["f1_change"] - by_truth["f1_change"]) / error),
    }


def _all(skies, name):
    return np.array([sky[name] for sky in skies], float)


def _is_positive(values):
    """Check that the mean of draws is above 0 by more than three of its errors."""
    values = np.asarray(values, float)
    return np.mean(values) > 3 * np.std(values, ddof=1) / np.sqrt(len(values))


def test_votes_find_the_skills_and_the_classes(skies):
    # Some 400 votes each, and a belief of 0.7 that counts like 3 votes in each of 7 classes.
    assert np.abs(_all(skies, "skill_error").mean(axis=0)).max() < 0.05
    assert _all(skies, "purity").mean() > 0.95


def test_retraining_makes_better_probabilities_for_sources_without_a_label(skies):
    assert _is_positive(_all(skies, "log_loss_gain"))
    assert _is_positive(_all(skies, "macro_f1_gain"))


def test_retraining_raises_the_f1_of_samples_of_rare_classes(skies):
    assert _is_positive(_all(skies, "sample_gain"))


def test_votes_raise_the_f1_of_rare_classes_of_the_catalogue(skies):
    assert all(_is_positive(gains) for gains in _all(skies, "catalogue_gain").T)


def test_votes_say_how_good_the_catalogue_is(skies):
    """
    The weighted scores of voted sources are those of all sources, which only the truth knows.
    """
    errors, promised = _all(skies, "votes_error"), _all(skies, "labels_error")
    rms, rms_promised = (np.sqrt(np.mean(e**2, axis=0)) for e in (errors, promised))
    assert np.all(rms < rms_promised / 2)


def test_models_are_compared_on_votes_as_on_the_truth(skies):
    """
    The comparison on votes is careful: the new model is scored without the fold of each vote.
    """
    pull = np.array([sky["comparison_pull"].mean() for sky in skies])
    error = np.std(pull, ddof=1) / np.sqrt(len(pull))
    # A gain on votes is at most the one by truth, and less than 1.5 of its errors below it.
    assert pull.mean() < 3 * error
    assert pull.mean() > -1.5
    assert np.sqrt(np.mean(np.square([sky["comparison_pull"] for sky in skies]))) < 2
