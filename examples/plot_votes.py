"""
Can human votes improve the classifier?
=======================================

Catalogues label a few hundred bright sources, while thousands of faint ones have no label. Five
colleagues of different skill inspect some of these. This example selects the sources to inspect,
combines the votes, estimates the skill of each colleague, and measures the improvement. The sky and
the votes are simulated, so the truth is known.
"""

# %%
# A raw catalogue goes through all steps; :ref:`sphx_glr_gallery_plot_field.py`
# shows each of them.

import matplotlib.pyplot as plt
import numpy as np

from claxboi import classify
from claxboi.pipeline import prepare
from claxboi.properties import published_properties
from claxboi.simulation import make_mock_sky
from claxboi.votes import apply_votes, combine_votes, draw_for_votes, make_votes

priors = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}
rare = ["gal_XRB", "CV", "AGN_2", "ex_XRB"]

sky = make_mock_sky(4000, rng=2)
table = prepare(
    sky.xray,
    mission="4XMM",
    references=sky.references,
    skip=["variability"],
    show_progress=False,
)
settings = {
    "properties": published_properties(columns=table.colnames),
    "missing": "ignore",
    "return_model": True,
    "show_progress": False,
}
before, model = classify(table, priors, **settings)

# %%
# Draw the same number of sources of each predicted class at random. Outliers and ambiguous sources
# would be more interesting, but a training sample must not consist of unusual members only.

drawn = draw_for_votes(before, 500, rng=2)
drawn["selection_probability"].info.format = ".3f"
print(drawn["source_id", "prediction", "selection_probability"][:5])

# %%
# The accuracy of each colleague, who abstains one time in ten.

skills = {"Ann": 0.95, "Ben": 0.9, "Cleo": 0.85, "Dan": 0.8, "Eve": 0.5}
truth = np.asarray(sky.truth["true_class"], str)
seen = truth[drawn["row"]]
votes = make_votes(drawn["source_id"], seen, skills, classes=list(priors), rng=2)
print(votes[:5])

# %%
# The truth is unknown, but a voter who often agrees with the others is probably right. Skills and
# labels are estimated together, with the properties of the sources as additional evidence.

combined = combine_votes(votes, priors=before, classes=list(priors))
combined.voters["skill"].info.format = ".2f"
print(combined.voters)

# %%
# The labels are soft: a source on which people disagree belongs partly to each class. The model is
# trained on them and on the catalogues, and classifies all sources again, each held out.

sample = apply_votes(table, combined, drawn=drawn)
training = sample[~sample["class"].mask]
settings |= {"training": training, "weight": "label_weight"}
after, retrained = classify(table, priors, **settings)

# %%
# The scores on the voted sources show the improvement. Each source has the inverse of its selection
# probability as weight, so the scores hold for all faint sources.

voted = sample[sample["label_origin"] == "votes"]
print("mean F1 of the classes, from the votes")
for when, one in (("before", model), ("after", retrained)):
    evaluation = one.evaluate(voted, priors, weight="population_weight")
    print(f"{when:6} {evaluation.corrected['macro_f1']:.3f}")

# %%
# Compare with the true classes, for all sources without a catalogue label. In a published
# catalogue, votes would replace the predictions.

labels = combined.labels[~combined.labels["consensus"].mask]
row_of = {name: row for row, name in enumerate(table["source_id"])}
final = np.array(after["prediction"], str)
final[[row_of[name] for name in labels["source_id"]]] = labels["consensus"]
catalogues = {
    "before": np.asarray(before["prediction"], str),
    "retrained": np.asarray(after["prediction"], str),
    "with the votes": final,
}
classes = [*rare, "AGN", "star", "extended"]
blind = before["class"].mask & np.isin(truth, classes)


def f1(found, name):
    """Return the F1 of a class in a catalogue."""
    found, true = (found == name) & blind, (truth == name) & blind
    return 2 * np.sum(found & true) / (found.sum() + true.sum())


scores = {}
for when, found in catalogues.items():
    scores[when] = [f1(found, name) for name in classes]
print("mean F1, from the true classes")
for when, values in scores.items():
    mean, of_rare = np.mean(values), np.mean(values[: len(rare)])
    print(f"{when:14} {mean:.3f}, rare classes {of_rare:.3f}")

figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
names = combined.voters["voter"].tolist()
axes[0].barh(names, combined.voters["skill"], color="#56B4E9", label="estimated")
true = [skills[name] for name in names]
axes[0].plot(true, names, "|k", markersize=20, label="true")
axes[0].set(xlabel="Skill", xlim=(0, 1))
y = np.arange(len(classes))
ends = np.array(list(scores.values()))
low, high = ends.min(axis=0), ends.max(axis=0)
axes[1].hlines(y, low, high, color="0.85", linewidth=4, zorder=0)
styles = {"color": ("0.5", "#0072B2", "#D55E00"), "marker": "osD"}
for k, (when, values) in enumerate(scores.items()):
    style = {name: each[k] for name, each in styles.items()}
    axes[1].plot(values, y, linestyle="", label=when, **style)
axes[1].set(yticks=y, yticklabels=classes, xlim=(0, 1.02))
axes[1].set_xlabel("F1 of sources without catalogue label")
above = {"frameon": False, "loc": "lower left", "columnspacing": 1}
axes[0].legend(ncols=2, bbox_to_anchor=(0, 1), markerscale=0.7, **above)
axes[1].legend(ncols=3, bbox_to_anchor=(-0.1, 1), **above)
for ax in axes:
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Every rare class improves through the votes themselves. The retrained model also improves the
# sources without votes, most of all X-ray binaries and AGN in galaxies, of which the catalogues
# list only bright ones. A class can also lose: faint CVs resemble AGN, and the retrained model
# assigns fewer sources to the rarer class. For a sample of CVs, take all above a threshold of their
# probability, as in :ref:`sphx_glr_gallery_plot_purity.py`.
