"""
Is this source an AGN?
======================

Before you apply for telescope time, check why a source is classified as AGN: the contribution of
each property, in nats, and how often such probabilities are right. The sources are simulated.
"""

# %%
# A classified table, and the model that classified it.

from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np

from claxboi import classify
from claxboi.diagnostics import plot_densities, plot_explanation
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
sources = make_labelled_sample(3000, rng=4)
result, model = classify(sources, priors, return_model=True)

# %%
# The unlabelled source with the smallest margin among those classified as AGN.

is_candidate = ~result["is_training"] & (result["prediction"] == "AGN")
row = np.argmin(np.where(is_candidate, result["margin"], 1))
explanation = model.explain(result[row])
print(fill(explanation.sentence, 80))

# %%
# Each property contributes the logarithm of its density in a class, with the exponent of its
# category. The difference of two classes is evidence, in nats: 1 nat multiplies the odds by
# 2.7. The sum of all bars, with the prior, is the result.

fig, ax = plt.subplots(figsize=(8, 5.5), layout="constrained")
plot_explanation(explanation, ax=ax)
plt.show()

# %%
# The strongest contribution comes from these densities:

parts = explanation.to_table()
is_property = (parts["kind"] == "property") & np.isfinite(parts["value"])
parts = parts[is_property]
evidence = parts[explanation.prediction] - parts[explanation.runner_up()]
strongest = parts[np.argmax(np.abs(evidence))]
print(f"{strongest['name']}: {np.abs(evidence).max():.1f} nats")

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
plot_densities(model, strongest["name"], value=strongest["value"], ax=ax)
plt.show()

# %%
# Are these probabilities reliable? Count the true AGN among the held-out sources classified as AGN
# with 50 to 95 %.

labelled = result[result["is_training"]]
alike = labelled[(labelled["P_AGN"] > 0.5) & (labelled["P_AGN"] < 0.95)]
print(
    f"{np.mean(alike['class'] == 'AGN'):.0%} of {len(alike)} such sources are AGN; "
    f"{np.mean(alike['P_AGN']):.0%} were expected"
)
