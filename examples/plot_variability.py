"""
Has this source varied between missions?
========================================

The catalogues of XMM-Newton, Swift and Chandra have different bands, errors and column names. This
example standardizes them, links the detections of each source, and compares the fluxes. The sky is
simulated, and its classes are known.
"""

# %%
# Three raw catalogues, with the columns of their missions. `~claxboi.catalog.standardize`
# recognises them and returns positions, 1-sigma errors, and fluxes with their band.

import matplotlib.pyplot as plt
import numpy as np

from claxboi.catalog import standardize
from claxboi.counterparts import link_xray
from claxboi.properties import add_variability, convert_flux
from claxboi.simulation import make_mock_sky

sky = make_mock_sky(4000, rng=6)
xmm = standardize(sky.xray, "4XMM")
others = {name: standardize(table, name) for name, table in sky.others.items()}
for name, table in {"4XMM": xmm, **others}.items():
    print(f"{name:6} {len(table):5} sources, {table['flux_band'][0]} keV")

# %%
# Detections by two missions are linked if they are within three sigma and unambiguous.

links = link_xray({"4XMM": xmm, **others})
print("sources in 1, 2, 3 catalogues:", *np.bincount(links.sources["n_catalogues"])[1:])

# %%
# ``log_fmax_fmin`` is the largest ratio of all fluxes, brought to one band. It grows with the
# errors of the fluxes, so ``log_fmax_fmin_low`` is better for selections: the largest lower bound
# over the smallest upper bound, which include the uncertainty of the conversion between bands.

xmm = add_variability(xmm, links, others, name="4XMM")
ratio = xmm["log_fmax_fmin_low"].filled(np.nan)
print(f"{np.sum(np.isfinite(ratio))} sources have two fluxes,")
print(f"{np.sum(ratio > 0.3)} of them vary by at least a factor of 2")

# %%
# The fluxes of the most variable source that Swift or Chandra also detected. XMM-Newton lists its
# faintest and its brightest observation, which are the same for a single observation.

looks = {"4XMM": ("#0072B2", "o"), "2SXPS": ("#D55E00", "s"), "CSC2": ("#009E73", "^")}
rows = links.sources[~links.sources["4XMM"].mask & (links.sources["n_catalogues"] > 1)]
rows = rows[np.argsort(-ratio[rows["4XMM"]])[:12]]
names = sky.truth["true_class"][rows["4XMM"]]
fig, ax = plt.subplots(figsize=(7.5, 5), layout="constrained")
for y, row in enumerate(rows):
    fluxes = []
    for name, table in {"4XMM": xmm, **others}.items():
        if row[name] is np.ma.masked:
            continue
        source = table[row[name]]
        for column in ("flux_min", "flux_max") if name == "4XMM" else ("flux",):
            flux = source[column] * table[column].unit
            fluxes.append(convert_flux(flux, source["flux_band"], "0.5-2").value)
            color, marker = looks[name]
            ax.plot(fluxes[-1], y, marker, color=color, markersize=7)
    ax.plot([min(fluxes), max(fluxes)], [y, y], color="0.87", linewidth=5, zorder=0)
for name, (color, marker) in looks.items():
    ax.plot([], [], marker, color=color, label=name)
ax.set(xscale="log", xlabel=r"Flux, 0.5-2 keV (erg s$^{-1}$ cm$^{-2}$)")
labels = [f"{i} ({c})" for i, c in zip(rows["master_id"], names, strict=True)]
ax.set_yticks(range(len(rows)), labels)
ax.invert_yaxis()
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
plt.show()

# %%
# Most sources are AGN, which vary little; binaries vary most. Below 0 a source may be constant.

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
shown = ["gal_XRB", "CV", "ex_XRB", "AGN", "star"]
colors = ["#D55E00", "#009E73", "#CC79A7", "#0072B2", "#E69F00"]
for name, color in zip(shown, colors, strict=True):
    values = np.sort(ratio[(sky.truth["true_class"] == name) & np.isfinite(ratio)])
    above = np.arange(len(values), 0, -1) / len(values)
    ax.step(values, above, color=color, linewidth=1.6, label=f"{name} ({len(values)})")
ax.axvline(0, color="0.6", linewidth=0.8)
ax.set(
    xlim=(-0.5, 1.5),
    ylim=(0, 1),
    xlabel=r"$\log_{10}(F_\mathrm{max}/F_\mathrm{min})$, lower bound",
    ylabel="Fraction of sources above",
)
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()
