# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What people's votes do to a catalogue, measured by the truth of a simulated sky.

Usage: python benchmarks/votes.py [--skies 4] [--n-sources 8000] [--n-drawn 800] [--seed 1]

On each mock sky the whole job is done once. Some sources without a label are drawn, as many of each
predicted class, five simulated people of known skill vote on them, and the model learns from
the votes. All scores are of sources without a label from a catalogue, each held out, against the
truth; spurious detections are left out. The F1 of a class is given for

- the most probable class of each source;
- the best sample: sources with a probability of the class above a threshold, which is found
  without the truth: before on the sources with labels, after on those with votes;
- the catalogue in which the votes stand where there are any.
"""

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
from astropy.table import Table

from claxboi import classify
from claxboi.classification import Evaluation
from claxboi.pipeline import find_references, run
from claxboi.simulation import make_mock_sky
from claxboi.votes import apply_votes, combine_votes, draw_for_votes, make_votes

PRIORS = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}
RARE = ("gal_XRB", "CV", "AGN_2", "ex_XRB")
SKILLS = {"Ann": 0.95, "Ben": 0.9, "Cleo": 0.85, "Dan": 0.8, "Eve": 0.6}
SCORES = ("most probable", "best sample", "votes stand")


def main():
    """
    Simulate, vote, learn and print.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--skies", type=int, default=4)
    parser.add_argument("--n-sources", type=int, default=8000)
    parser.add_argument("--n-drawn", type=int, default=800)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    skies = [
        one_sky(args.seed + k, args.n_sources, args.n_drawn, show=k == 0) for k in range(args.skies)
    ]
    print(f"\n{args.skies} skies of {args.n_sources} sources, {args.n_drawn} drawn on each")
    classes = skies[0]["classes"]
    table = Table({"class": classes})
    for name in ("labels", "votes", "right"):
        table[name] = np.mean([sky[name] for sky in skies], axis=0)
        table[name].info.format = ".2f" if name == "right" else ".0f"
    for name in SCORES:
        for when in ("before", "after"):
            key = f"{name}, {when}"
            if key in skies[0]:
                table[key] = np.mean([sky[key] for sky in skies], axis=0)
                table[key].info.format = ".3f"
    print("\n".join(table.pformat(max_width=-1, max_lines=-1)))
    rare = np.isin(classes, RARE)
    print("\nMean F1 of the rare classes (mean and standard error over the skies)")
    for name in SCORES:
        before = [sky.get(f"{name}, before", sky["most probable, before"])[rare] for sky in skies]
        after = [sky[f"{name}, after"][rare] for sky in skies]
        change = np.mean(after, axis=1) - np.mean(before, axis=1)
        error = np.std(change, ddof=1) / np.sqrt(len(change)) if len(change) > 1 else np.nan
        print(
            f"  {name:14} {np.mean(before):.3f} -> {np.mean(after):.3f}, "
            f"change {change.mean():+.3f} +- {error:.3f}, "
            f"of each sky {' '.join(f'{value:+.3f}' for value in change)}"
        )
    for name in ("log-loss", "macro F1", "macro F1 by votes"):
        values = np.mean([sky[name] for sky in skies], axis=0)
        print(f"  {name}: {values[0]:.3f} -> {values[1]:.3f}")
    found = np.mean([sky["skills"] for sky in skies], axis=0)
    pairs = zip(SKILLS.items(), found, strict=True)
    skills = ", ".join(f"{who} {true:g} (found {own:.2f})" for (who, true), own in pairs)
    print(f"  skills: {skills}")


def one_sky(seed, n_sources, n_drawn, *, show):
    """
    Do the job on one sky, let people vote, learn, and score all by the truth.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sky = make_mock_sky(n_sources, rng=seed)
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
    classes = list(model.classes_)
    truth = np.asarray(sky.truth["true_class"], str)
    is_real = np.isin(truth, classes)

    drawn = draw_for_votes(table, n_drawn, rng=seed)
    rows = np.asarray(drawn["row"])
    votes = make_votes(drawn["source_id"], truth[rows], SKILLS, classes=classes, rng=seed)
    combined = combine_votes(votes, classes=classes, priors=table)
    sample = apply_votes(table, combined, drawn=drawn)
    settings = {"properties": model.properties, "missing": model.missing, "show_progress": False}
    again, retrained = classify(
        table,
        PRIORS,
        training=sample[~sample["class"].mask],
        weight="label_weight",
        overwrite=True,
        return_model=True,
        **settings,
    )
    voted = sample[sample["label_origin"] == "votes"]
    by_votes = [
        one.evaluate(voted, PRIORS, weight="population_weight") for one in (model, retrained)
    ]
    sheets = (done.evaluation, by_votes[1])

    blind = is_real & ~np.asarray(table["is_training"], bool)
    consensus = dict(
        zip(combined.labels["source_id"], combined.labels["consensus"].filled(""), strict=True)
    )
    stands = np.array([consensus.get(name, "") for name in table["source_id"]])
    answer = {
        "classes": classes,
        "labels": counts(table["class"].filled(""), classes),
        "votes": counts(stands[rows][is_real[rows]], classes),
        "right": [
            np.mean(truth[is_real & (stands == name)] == name) if np.any(stands == name) else np.nan
            for name in classes
        ],
        "skills": combined.voters["skill"],
        "log-loss": [],
        "macro F1": [],
        "macro F1 by votes": [sheet.corrected["macro_f1"] for sheet in by_votes],
    }
    for when, one, sheet in zip(("before", "after"), (table, again), sheets, strict=True):
        probability = np.column_stack([one[f"P_{name}"] for name in classes])
        by_truth = Evaluation.from_probabilities(
            truth[blind], probability[blind], classes, clip=1e-4
        )
        answer[f"most probable, {when}"] = np.array(by_truth.per_class["f1"])
        answer["log-loss"].append(by_truth.log_loss)
        answer["macro F1"].append(by_truth.macro_f1)
        chosen = probability >= [best(sheet, name) for name in classes]
        answer[f"best sample, {when}"] = f1_of_samples(truth[blind], chosen[blind], classes)
        if when == "after":
            final = np.where(stands == "", np.asarray(one["prediction"], str), stands)
            chosen = final[:, np.newaxis] == np.array(classes)
            answer["votes stand, after"] = f1_of_samples(truth[blind], chosen[blind], classes)
        if show:
            print(f"The first sky, {when}, against the truth\n\n{by_truth}\n")
    return answer


def counts(labels, classes):
    """
    Count the members of each class.
    """
    return [np.count_nonzero(np.asarray(labels) == name) for name in classes]


def best(sheet, name):
    """
    Find the threshold of the sample of best F1.
    """
    curve = sheet.thresholds(name)
    return curve["threshold"][np.nanargmax(curve["f1_corrected"])]


def f1_of_samples(truth, chosen, classes):
    """
    Score a sample of each class.
    """
    is_class = truth[:, np.newaxis] == np.array(classes)
    right = np.sum(is_class & chosen, axis=0)
    return 2 * right / (is_class.sum(axis=0) + chosen.sum(axis=0))


if __name__ == "__main__":
    main()
