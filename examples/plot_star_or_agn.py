"""
Star or AGN?
============

The method with two classes, one property and a prior. Stars are bright in the infrared and faint in
X-rays, and active galaxies are bright in both, so the flux ratio separates them well. The sources
are simulated.
"""

# %%
# The labelled sources, and the one property that is used: the logarithm of the ratio of the X-ray
# flux to that in WISE W1.

import matplotlib.pyplot as plt
import numpy as np
from astropy.table import Table

from claxboi.classification import NaiveBayesClassifier
from claxboi.diagnostics import plot_densities
from claxboi.simulation import make_labelled_sample

sources = make_labelled_sample(4000, rng=1)
sources = sources[np.isin(sources["class"].filled(""), ["AGN", "star"])]
model = NaiveBayesClassifier(["log_fx_fw1"], missing="ignore").fit(sources)

# %%
# Each class has a density of that property, a sum of kernels around its labelled sources. A new
# source with a ratio of -0.5 is in the range of active galaxies:

value = -0.5
fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
plot_densities(model, "log_fx_fw1", value=value, ax=ax)
plt.show()

# %%
# The densities alone do not decide. The proportions of the classes in a survey, the **prior**,
# matter as much. With three AGN for each star, the posterior of one source follows from Bayes'
# rule.

source = Table({"log_fx_fw1": [value]})
result = model.classify(source, {"AGN": 0.75, "star": 0.25})
print(f"P(AGN) = {result['P_AGN'][0]:.3f}, P(star) = {result['P_star'][0]:.3f}")

# %%
# The ratio at which the class changes depends on the prior. In a field of young stars, where three
# of four sources are stars, an active galaxy needs a higher ratio. The prior decides where the
# classes overlap; elsewhere it hardly matters.

grid = Table({"log_fx_fw1": np.linspace(-2.5, 1, 400)})
fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for prior, style in ((0.75, "-"), (0.5, "--"), (0.25, ":")):
    curve = model.classify(grid, {"AGN": prior, "star": 1 - prior})
    ax.plot(grid["log_fx_fw1"], curve["P_AGN"], style, color="C0", label=f"{prior:.0%} AGN")
    tip = grid["log_fx_fw1"][np.argmax(curve["P_AGN"] > 0.5)]
    print(f"prior {prior:.2f}: AGN above {tip:.2f}")
ax.axhline(0.5, color="0.6", linewidth=0.8)
ax.set(xlabel=r"$\log_{10}(F_X / F_{W1})$", ylabel="P(AGN)", xlim=(-2.5, 1), ylim=(0, 1))
ax.legend(title="prior", frameon=False)
plt.show()
