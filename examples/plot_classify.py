"""
What are my X-ray sources, and how certain is that?
===================================================

A survey has found 2000 X-ray sources. Half of them are known from reference catalogues: active
galaxies, stars, X-ray binaries, cataclysmic variables, clusters of galaxies. This example
classifies the other half, checks how reliable the result is, and looks at an ambiguous source. The
sources are simulated, so the truth is known.
"""

# %%
# The table has one row per source, and a column ``class`` that is masked where the class is
# unknown.

import matplotlib.pyplot as plt
import numpy as np

from claxboi import classify
from claxboi.diagnostics import plot_confusion, plot_densities, plot_reliability, plot_track
from claxboi.simulation import make_labelled_sample

sources = make_labelled_sample(2000, rng=1)
for name, digits in {"flux": ".2e", "hr2": ".2f", "log_fx_fb": ".2f"}.items():
    sources[name].info.format = digits
print(sources["source_id", "flux", "hr2", "log_fx_fb", "class"][:5])

# %%
# One call learns the densities of each class, fits the exponents of the categories, and adds the
# probabilities. The priors are the proportions that the survey is expected to have.

priors = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}
result, model = classify(sources, priors, return_model=True)

# %%
# What the classes look like
# --------------------------
# The ratio of X-ray to optical flux separates stars from active galaxies. X-ray binaries have a
# wide range of ratios, so this property alone cannot identify them.

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
plot_densities(model, "log_fx_fb", ax=ax)
plt.show()

# %%
# How good is it?
# ---------------
# Every labelled source is left out of the training sample when it is classified. Rows are the true
# classes. Binaries in other galaxies (ex_XRB) and active galaxies behind them (AGN_2) are the most
# difficult.

evaluation = model.evaluate(sources, priors)
fig, ax = plt.subplots(figsize=(7, 5.5), layout="constrained")
plot_confusion(evaluation, ax=ax)
plt.show()

# %%
# A probability of 0.8 should be right in 80 % of cases, so the points should lie on the line.

fig, ax = plt.subplots(figsize=(5, 5), layout="constrained")
plot_reliability(evaluation, ax=ax)
plt.show()

# %%
# The unlabelled sources were not used in training. Their true classes are known here:

new = result[~result["is_training"]]
right = new["prediction"] == new["true_class"]
print(f"{np.mean(right):.1%} of {len(new)} unlabelled sources are classified correctly;")
print(f"for a margin above 0.9, {np.mean(right[new['margin'] > 0.9]):.1%} are.")

# %%
# A source in doubt
# -----------------
# The source with the smallest margin has evidence on both sides. The figure shows the final
# probabilities, and those from each category alone.

doubtful = new[np.argmin(new["margin"])]
fig, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
plot_track(result, doubtful["source_id"], ax=ax)
plt.show()

# %%
# The same in words, with the most important properties:

print(model.explain(doubtful))
