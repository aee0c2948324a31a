"""
A million sources
=================

This example classifies a million simulated sources on your machine, and plots the result.
"""

# %%
# The model is trained once on a labelled sample, in seconds.

import time

import matplotlib.pyplot as plt
import numpy as np

from claxboi import classify
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
sample = make_labelled_sample(4000, rng=1)
_, model = classify(sample, priors, return_model=True)

# %%
# Classify a million other sources with 16 properties each, many of them missing.

catalogue = make_labelled_sample(1_000_000, labelled_fraction=0, rng=2)
start = time.perf_counter()
result = model.classify(catalogue, priors, show_progress=False)
seconds = time.perf_counter() - start
print(
    f"{len(result):,} sources in {seconds:.1f} s: {seconds / len(result) * 1e6:.1f} s per million"
)

# %%
# With so many sources, points would hide each other, so the figure shows a density. The
# colour is the mean probability of being a star, in cells of hardness and flux ratio.

hr2, ratio = result["hr2"], result["log_fx_fr"]
ok = ~(hr2.mask | ratio.mask)
edges = np.linspace(-1, 1, 90), np.linspace(-4.5, 2, 90)
n, *_ = np.histogram2d(hr2[ok], ratio[ok], edges)
stars, *_ = np.histogram2d(hr2[ok], ratio[ok], edges, weights=result["P_star"][ok])
mean = np.divide(stars, n, out=np.full_like(n, np.nan), where=n >= 3)

fig, ax = plt.subplots(figsize=(7, 5), layout="constrained")
image = ax.pcolormesh(*edges, mean.T, cmap="cividis", vmin=0, vmax=1, rasterized=True)
ax.contour(
    *[(edge[1:] + edge[:-1]) / 2 for edge in edges], n.T, [30, 300], colors="white", linewidths=0.8
)
ax.set(xlabel="Hardness ratio HR2", ylabel=r"$\log_{10}(F_X / F_{RP})$")
fig.colorbar(image, label="Mean P(star); contours: 30 and 300 sources per cell")
plt.show()
