"""
How much do the priors matter?
==============================

Priors for the whole sky may be wrong in a field in the Galactic plane. This example measures how
much the results depend on the priors, and estimates better ones from the sources themselves. The
sources are simulated.
"""

# %%
# A model, and a field with more stars than the average sky.

import matplotlib.pyplot as plt
import numpy as np

from claxboi import classify
from claxboi.classification import priors_sensitivity
from claxboi.diagnostics import plot_priors_sensitivity
from claxboi.simulation import make_labelled_sample

priors = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}
known = make_labelled_sample(1500, labelled_fraction=1, rng=1)
field = make_labelled_sample(4000, labelled_fraction=0, rng=2)
# Both tables use the same names; rename one, as equal names mean the same source.
field["source_id"] = np.char.replace(np.array(field["source_id"]), "SIM", "FIELD")
is_kept = (field["true_class"] == "star") | (np.arange(len(field)) % 4 == 0)
field = field[is_kept]
properties = ["hr1", "hr2", "hr3", "b", "extent", "galaxy_radius", "log_fx_fr", "log_fx_fw1"]
result, model = classify(
    field, priors, training=known, properties=properties, offsets=True, return_model=True
)

# %%
# Each prior is doubled and halved in turn. Only sources with weak evidence change their class; most
# do not.

sensitivity = priors_sensitivity(model, result)
changes = sensitivity.changes
changes["expected_CV"].info.format = ".1f"
changes["fraction_changed"].info.format = ".3f"
print(changes["change", "fraction_changed", "n_CV", "expected_CV"])
print(f"{np.mean(sensitivity.sources['is_sensitive']):.1%} of the sources ever change")

# %%
# One row for each class, with its expected number. Common classes are stable, and so are rare
# classes that the properties separate well. CVs follow their prior, so any result about them must
# state it.

fig, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
plot_priors_sensitivity(sensitivity, ax=ax)
plt.show()

# %%
# The priors can be estimated from the sources themselves. Their likelihoods constrain the
# proportions of the classes without labels; the errors are from resampling.

estimate = model.estimate_priors(field, n_resamples=4, rng=1, show_progress=False)
true = [np.mean(field["true_class"] == name) for name in model.classes_]
given = [priors[name] for name in model.classes_]
for name, one, value, error, right in zip(
    model.classes_, given, estimate.proportions, estimate.errors, true, strict=True
):
    print(f"{name:9} given {one:.2f}  estimated {value:.3f} ± {error:.3f}  true {right:.3f}")

# %%
# The estimate is close to the truth, unlike the first prior. The class of most sources is the same
# with both, but numbers and purity differ.

better = model.classify(field, dict(zip(model.classes_, estimate.proportions, strict=True)))
print(f"{np.mean(better['prediction'] != result['prediction']):.1%} of the classes differ")

y = np.arange(len(model.classes_))
fig, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
ax.plot(given, y, "x", color="0.5", markersize=8, label="given")
ax.errorbar(
    estimate.proportions, y, xerr=estimate.errors, fmt="o", color="#0072B2", label="estimated"
)
ax.plot(true, y, "|", color="k", markersize=22, label="true")
ax.set(yticks=y, yticklabels=model.classes_, xscale="log", xlabel="Proportion of the sources")
ax.invert_yaxis()
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, markerscale=0.7)
plt.show()
