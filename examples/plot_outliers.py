"""
Which of my sources are outliers?
=================================

A classifier assigns each source to one of its classes, even if the source resembles none of them.
Such outliers may be discoveries. This example adds six of them to simulated sources, finds them,
and shows which properties are unusual.
"""

# %%
# Three sources become isolated neutron stars: thermal, soft and optically faint. Three become tidal
# disruption events in galactic nuclei: soft, and a thousand times brighter than before.

from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np

from claxboi.applications import find_novelties
from claxboi.classification import NaiveBayesClassifier
from claxboi.diagnostics import plot_plane
from claxboi.simulation import make_labelled_sample

sources = make_labelled_sample(5000, labelled_fraction=0.6, rng=8)
hidden = {
    "neutron star": {"hr1": -0.8, "hr2": -0.95, "log_fx_fr": 3.6, "log_fx_fw1": 3.0},
    "disruption": {"hr1": -0.7, "hr2": -0.9, "hr3": -0.9, "log_fmax_fmin": 3.0},
}
rng = np.random.default_rng(8)
candidates = np.flatnonzero(sources["class"].mask & (sources["true_class"] == "AGN"))
truth = np.asarray(sources["true_class"]).astype("U12")
for kind, values in hidden.items():
    rows = rng.choice(candidates, 3, replace=False)
    truth[rows] = kind
    for name, value in values.items():
        sources[name][rows] = value + rng.normal(0, 0.05, 3)
sources["true_class"] = truth

# %%
# The p-value of a source is the fraction of members of a class that are at least as unusual; the
# largest of all classes counts. It cannot be smaller than one over the size of the smallest class,
# so rare classes are merged here.

model = NaiveBayesClassifier(
    ["hr1", "hr2", "hr3", "log_fx_fr", "log_fx_fw1", "log_fmax_fmin"],
    merge={"binary": ["gal_XRB", "CV", "ex_XRB"], "AGN": ["AGN", "AGN_2"]},
).fit(sources)
result = model.classify(sources, "training", show_progress=False)
new = result[~result["is_training"]]

# %%
# Of 2000 ordinary sources, at most twenty have a p-value below 0.01 by chance; here the list is
# much shorter. The list is sorted by p-value, with the most unusual property of each source.

odd = find_novelties(new, model, alpha=0.01)
odd["outlier_pvalue"].info.format = ".4f"
odd["odd_nats"].info.format = ".1f"
print(odd["true_class", "prediction", "outlier_pvalue", "odd_property", "odd_nats"])
print()
print(fill(odd["odd_reason"][0], 80))

# %%
# Some outliers cannot be found: a source that is unusual for an AGN but normal for a star is not an
# outlier. A wrong counterpart often has only this effect.
#
# The list (circles) in two planes, one for each kind of outlier.

fig, axes = plt.subplots(1, 2, figsize=(8.5, 4.6), layout="constrained", sharey=True)
for ax, column in zip(axes, ("log_fx_fr", "log_fmax_fmin"), strict=True):
    plot_plane(new, column, "hr2", ax=ax)
    ax.plot(odd[column], odd["hr2"], "o", color="k", fillstyle="none", markersize=11)
    ax.set_ylim(-1.08, 1.08)
axes[0].set_xlim(-5, 4.5)
axes[1].set(xlim=(-0.1, 3.3), ylabel="")
plt.show()
