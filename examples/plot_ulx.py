r"""
Which sources in nearby galaxies are ULX?
=========================================

An X-ray source in the arm of a galaxy, at 10\ :sup:`39` erg/s and more: a black hole or a neutron
star that swallows more than it should, or a quasar far behind. This example takes the galaxies of
a simulated sky, classifies what lies in them, and asks how many quasars are to be expected.
"""

# %%
# The mock sky has an X-ray catalogue, and galaxies with ellipses and distances. Sources inside of
# a galaxy matter here, all of them: the faint ones too tell how dense sources are.

import matplotlib.pyplot as plt
import numpy as np

from claxboi import classify
from claxboi.applications import find_ulx
from claxboi.catalog import standardize
from claxboi.counterparts import find_hosts, nearby_galaxies
from claxboi.diagnostics import plot_ulx
from claxboi.pipeline import prepare
from claxboi.simulation import make_mock_sky

sky = make_mock_sky(5000, rng=3)
galaxies = nearby_galaxies(sky.references["glade"], sky.references["hyperleda"])
inside = np.unique(find_hosts(standardize(sky.xray, "4XMM"), galaxies)["primary"])
print(f"{len(inside)} of {len(sky.xray)} sources lie in front of, in or behind a galaxy")

# %%
# Counterparts, hosts, properties and labels, by the settings that are made for galaxies.

table = prepare(
    sky.xray[inside],
    settings="nearby-galaxies",
    references=sky.references,
    skip=["variability"],
    show_progress=False,
)

# %%
# Hardly any star in front of a galaxy has a label, so two classes have to do: AGN, in the galaxy
# or behind it, and X-ray binaries.

is_known = np.isin(table["class"].filled(""), ["AGN", "XRB"])
result = classify(
    table,
    {"AGN": 0.55, "XRB": 0.45},
    training=table[is_known],
    properties={
        "location": ["galaxy_radius"],
        "spectrum": ["hr1", "hr2", "hr3", "hr4"],
        "counterparts": ["log_fx_fb", "log_fx_fr", "log_fx_fw1", "log_fx_fw2"],
    },
)

# %%
# A candidate is luminous, not the nucleus, and more probably an X-ray binary than the background
# says: what number counts of AGN expect on the area of all galaxies, at its flux and radius.

ulx = find_ulx(result, galaxies)
fig, ax = plt.subplots(figsize=(7, 5), layout="constrained")
plot_ulx(ulx, ax=ax)
plt.show()

# %%
# How many of them are right? There are two answers, and the truth, which the simulation knows.

sums = ulx.meta["claxboi"]["ulx"]
truth = np.asarray(sky.truth["true_class"])[inside]
is_xrb = truth == "ex_XRB"
is_luminous = (ulx["p_ulx"].filled(0) >= 0.5) & ~ulx["is_nuclear"]
print(f"{sums['n_luminous']} luminous sources outside of nuclei:")
print(
    f"  {sums['n_background']:.0f} ± {sums['n_background_error']:.0f} in the background, by counts"
)
print(f"  {np.sum(~is_xrb[is_luminous])} are no X-ray binaries, in truth")
print(f"{sums['n_ulx']} candidates:")
print(f"  {sums['n_contaminants']:.0f} contaminants, by the probabilities")
print(f"  {np.sum(~is_xrb[ulx['is_ulx']])} in truth")
print(f"  {np.sum(is_xrb & ulx['is_ulx'])} of all {np.sum(is_xrb & is_luminous)} ULX")

# %%
# The probabilities promise too much: they were learned from bright sources with labels, which
# faint ones are not like. The counts, which need no labels, come nearer, though they know of AGN
# alone, and not of stars and spurious detections. The list needs another look.
