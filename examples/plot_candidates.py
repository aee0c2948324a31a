"""
How do I classify sources in a crowded field?
=============================================

In the Galactic plane several stars lie within the error of an X-ray position, and the class of the
source depends on which of them is the counterpart. This example classifies the sources of a crowded
field with the best counterpart only, and then with all candidates and none.
"""

# %%
# The field is simulated, so that the truth is known: 1000 X-ray sources with positional errors of
# 1.5 arcsec, and 150,000 field stars per square degree. 70 % of the sources are active galactic
# nuclei (AGN), whose counterparts are faint; stars are bright for their X-ray flux. Half of the
# sources have a label.

import matplotlib.pyplot as plt
import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn, Table

from claxboi import classify
from claxboi.counterparts import find_counterparts

rng = np.random.default_rng(4)
n, density, side = 1000, 150_000, 0.4
truth = np.where(rng.random(n) < 0.7, "AGN", "star")
is_star = truth == "star"
log_flux = rng.normal(-13.5, 0.4, n)
log_ratio = rng.normal(np.where(is_star, -2.5, 0.0), 0.6)
hardness = rng.normal(np.where(is_star, -0.5, 0.1), 0.3)

n_field = rng.poisson(density * side**2)
magnitude = np.append(-2.5 * (log_flux - log_ratio + 5.5), rng.normal(20.5, 1.5, n_field))
place = side * rng.random((2, n + n_field))
has = np.append(rng.random(n) < 0.85, np.full(n_field, True))
gaia = Table({"id": np.arange(n + n_field), "ra": place[0], "dec": place[1], "g_mag": magnitude})
gaia["pos_error"] = 0.1
gaia = gaia[has]

xray = Table({"source_id": [f"X{k:03d}" for k in range(n)]})
xray["ra"], xray["dec"] = place[:, :n] + rng.normal(0, 1.5 / 3600, (2, n))
xray["pos_error"] = 1.5
xray["flux"], xray["hardness"] = 10**log_flux, hardness
xray["class"] = MaskedColumn(truth, mask=rng.random(n) < 0.5)

# %%
# ``keep="all"`` returns one row for each candidate and one for none, with their probabilities by
# position. The flux ratio is computed for each row.

settings = {"radius": 8 * u.arcsec, "area": side**2 * u.deg**2}
best = find_counterparts(xray, {"gaia": gaia}, keep=["g_mag"], cutoff=0.5, **settings)
rows = find_counterparts(xray, {"gaia": gaia}, keep="all", **settings)
for table in (best, rows):
    table["log_fx_fg"] = np.log10(table["flux"]) + table["g_mag"] / 2.5 + 5.5
print(f"{len(rows) - n} candidates of {n} sources")

# %%
# The same classifier is applied to the best counterparts, and to all candidates.

properties = {"spectrum": ["hardness"], "counterparts": ["log_fx_fg"]}
priors = {"AGN": 0.7, "star": 0.3}
options = {"properties": properties, "show_progress": False, "return_model": True}
by_best, model = classify(best, priors, **options)
by_all, _ = classify(best, priors, candidates=rows, **options)


def log_loss(result, chosen):
    """Return the mean of minus the logarithm of the probability of the true class."""
    p = np.where(is_star, result["P_star"], result["P_AGN"])
    return -np.log(np.maximum(p, 1e-4))[chosen].mean()


new = best["class"].mask
doubtful = new & (best["opt_p_any"] * best["opt_p_i"] < 0.8).filled(True)
for label, chosen in (("all new sources", new), ("doubtful counterparts", doubtful)):
    losses = [log_loss(result, chosen) for result in (by_best, by_all)]
    print(
        f"{label} ({chosen.sum()}): log-loss {losses[0]:.3f}, over all candidates {losses[1]:.3f}"
    )

# %%
# The class of this source depends on its counterpart: with one candidate it is a star, with another
# one an AGN. `~claxboi.classification.NaiveBayesClassifier.explain` lists the candidates and the
# contribution of each property.

change = np.abs(by_all["P_star"] - by_best["P_star"])
torn = new & (by_all["match_entropy"] > 0.7) & (by_all["prediction"] == truth)
row = int(np.argmax(np.where(torn & (by_best["prediction"] != truth), change, -1)))
explanation = model.explain(by_all[row], candidates=rows)
print(f"True class {truth[row]}, true counterpart {row if has[row] else 'none'}\n")
print(explanation)

# %%
# The same as a figure. Brighter stars have larger disks, and the colour is the class of the source
# if this star is its counterpart. The rings are 1, 2 and 3 sigma of the X-ray position.

listed = explanation.candidates
names = listed["opt_id"].filled("none")
near = gaia[np.isin(gaia["id"].astype(str), names)]
colors = {"AGN": "#0072B2", "star": "#D55E00"}

fig, (chart, bars) = plt.subplots(1, 2, figsize=(8.5, 3.9), layout="constrained")
for angle_radius, style in ((1.5, "-"), (3.0, "--"), (4.5, ":")):
    chart.add_patch(plt.Circle((0, 0), angle_radius, fill=False, ls=style, color="0.5"))
for star in near:
    east = (star["ra"] - xray["ra"][row]) * 3600 * np.cos(np.radians(xray["dec"][row]))
    north = (star["dec"] - xray["dec"][row]) * 3600
    this = listed[names == str(star["id"])][0]
    is_agn = this["P_AGN"] > 0.5
    size = 12 * max(24 - star["g_mag"], 1)
    chart.scatter(east, north, s=size, color=colors["AGN" if is_agn else "star"], zorder=3)
    if this["match_posterior"] > 0.02 or this["match_probability"] > 0.02:
        text = f"{100 * this['match_probability']:.0f} → {100 * this['match_posterior']:.0f} %"
        chart.annotate(text, (east, north), xytext=(8, 8), textcoords="offset points", fontsize=9)
chart.set(xlim=(6, -6), ylim=(-6, 6), xlabel="East (arcsec)", ylabel="North (arcsec)")
chart.set(aspect="equal", title="Counterpart by position → with properties")
for name, color in colors.items():
    chart.scatter([], [], color=color, label=f"{name}, if this is the counterpart")
chart.legend(loc="lower left", fontsize=8)

height = np.arange(2)
for k, name in enumerate(colors):
    values = [by_all[f"P_{name}"][row], by_best[f"P_{name}"][row]]
    bars.barh(height + 0.19 - 0.38 * k, values, 0.36, color=colors[name], label=name)
bars.set(
    yticks=height, xlim=(0, 1), xlabel="Probability", title=f"Classes of {xray['source_id'][row]}"
)
bars.set_yticklabels(["all candidates\nand none", "best\ncounterpart"])
bars.legend(loc="center right", fontsize=8)
plt.show()

# %%
# For certain counterparts both results are the same. For uncertain ones the sum over all candidates
# is better.
