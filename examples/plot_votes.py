"""
Can people's votes teach the classifier?
========================================

A few hundred sources have a label, thousands have none, and five colleagues have a free afternoon
each. They look at images and spectra, disagree, and are not equally good at it. This example
combines their votes, finds who is worth listening to, and asks whether a model that learns from
them is better. Sources and colleagues are simulated.
"""

# %%
# A model that knows few labels, and the sources to look at: some of each predicted class, drawn
# at random. Only odd or doubtful ones would be more fun, but a classifier that learns what a
# class looks like must not be shown its oddest members alone.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from astropy.table import Table

from claxboi import classify
from claxboi.classification import Evaluation, SmallClassWarning
from claxboi.simulation import make_labelled_sample
from claxboi.training import apply_votes, combine_votes

priors = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}
properties = ["hr1", "hr2", "hr3", "hr4", "pm", "b", "extent", "galaxy_radius", "log_fmax_fmin"]
properties += ["log_fx_fr", "log_fx_fw1"]
sources = make_labelled_sample(6000, labelled_fraction=0.05, rng=2)
truth = np.asarray(sources["true_class"])
with warnings.catch_warnings():
    # That there are few labels is the point.
    warnings.simplefilter("ignore", SmallClassWarning)
    before = classify(sources, priors, properties=properties)

rng = np.random.default_rng(2)
shown = []
for name in priors:
    rows = np.flatnonzero(sources["class"].mask & (before["prediction"] == name))
    shown.extend(rng.permutation(rows)[:60])

# %%
# Each colleague is right so often, and says nothing one time in ten.

skills = {"Ann": 0.95, "Ben": 0.9, "Cleo": 0.85, "Dan": 0.8, "Eve": 0.5}
rows = []
for row in shown:
    others = [name for name in priors if name != truth[row]]
    for voter, skill in skills.items():
        vote = truth[row] if rng.random() < skill else rng.choice(others)
        vote = "unsure" if rng.random() < 0.1 else vote
        rows.append((sources["source_id"][row], voter, vote))
votes = Table(rows=rows, names=["source_id", "voter", "vote"])
print(votes[:5])

# %%
# Nobody knows the truth, but who often agrees with the others is probably right. Skills and
# labels are found together.

combined = combine_votes(votes)
by_count = combine_votes(votes, method="majority")
order = np.searchsorted(sources["source_id"], combined.labels["source_id"])
for name, one in (("majority", by_count), ("weighted by skill", combined)):
    print(f"{name}: {np.mean(one.labels['consensus'] == truth[order]):.0%} of the labels are right")

# %%
# The labels are soft: a source on which people disagree is a bit of each class.

sample = apply_votes(sources, combined)
after = classify(
    sources,
    priors,
    properties=properties,
    training=sample[~sample["class"].mask],
    weight="label_weight",
)

# %%
# Is it better? Of the sources that nobody looked at and no catalogue lists, the simulation knows
# the truth.

is_new = sources["class"].mask.copy()
is_new[shown] = False
classes = sorted(priors)
scores = [
    Evaluation.from_probabilities(
        truth[is_new], [[row[f"P_{name}"] for name in classes] for row in table[is_new]], classes
    )
    for table in (before, after)
]
for when, score in zip(("before", "after"), scores, strict=True):
    print(f"{when:6} macro F1 {score.macro_f1:.3f}, log-loss {score.log_loss:.3f}")

y = np.arange(len(classes))
fig, axes = plt.subplots(1, 2, figsize=(8.5, 4.2), layout="constrained")
axes[0].barh(list(skills), combined.voters["skill"], color="#56B4E9", label="found")
axes[0].plot(list(skills.values()), list(skills), "|k", markersize=20, label="true")
axes[0].set(xlabel="Skill", xlim=(0, 1))
axes[0].legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, markerscale=0.7)
f1 = [score.per_class["f1"] for score in scores]
axes[1].hlines(y, *f1, color="0.8", linewidth=4, zorder=0)
axes[1].plot(f1[0], y, "o", color="0.5", label="before")
axes[1].plot(f1[1], y, "D", color="#D55E00", label="after the votes")
axes[1].set(
    yticks=y, yticklabels=classes, xlabel="F1 of sources that nobody looked at", xlim=(0, 1.02)
)
axes[1].legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
for ax in axes:
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The rare classes, of which few sources had a label, gain most. A class can lose, too: each
# mistake of a voter makes it a bit more like another one. With twice the labels from catalogues
# to begin with, the same votes would add little.
