r"""
Which sources in nearby galaxies are ULX?
=========================================

An off-nuclear X-ray source in a galaxy above 10\ :sup:`39` erg/s may be a black hole or neutron
star accreting above its Eddington limit, or a background quasar. This example classifies the
sources in the galaxies of a simulated sky, and estimates the number of background quasars.
"""

# %%
# The mock sky has an X-ray catalogue, and galaxies with ellipses and distances. All sources inside
# galaxies are used; faint ones contribute to the source density.

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
# Counterparts, hosts, properties and labels, with the settings for nearby galaxies.

table = prepare(
    sky.xray[inside],
    settings="nearby-galaxies",
    references=sky.references,
    skip=["variability"],
    show_progress=False,
)

# %%
# Few stars in front of a galaxy have a label, so there are two classes: AGN, in the galaxy or
# behind it, and X-ray binaries.

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
# A candidate is luminous, not the nucleus, and more probably an X-ray binary than a background AGN,
# according to the number counts of AGN in the area of all galaxies at its flux and radius.

ulx = find_ulx(result, galaxies)
fig, ax = plt.subplots(figsize=(7, 5), layout="constrained")
plot_ulx(ulx, ax=ax)
plt.show()

# %%
# Compare two estimates of the number of contaminants with the truth from the simulation.

sums = ulx.meta["claxboi"]["ulx"]
truth = np.asarray(sky.truth["true_class"])[inside]
is_xrb = truth == "ex_XRB"
is_luminous = (ulx["p_ulx"].filled(0) >= 0.5) & ~ulx["is_nuclear"]
print(f"{sums['n_luminous']} luminous sources outside of nuclei:")
print(
    f"  {sums['n_background']:.0f} ± {sums['n_background_error']:.0f} background sources expected "
    f"from number counts"
)
print(f"  {np.sum(~is_xrb[is_luminous])} are not X-ray binaries (truth)")
print(f"{sums['n_ulx']} candidates:")
print(
    f"  {sums['n_contaminants']:.0f} ± {sums['n_contaminants_error']:.0f} contaminants expected "
    f"({sums['n_contaminants_by_probability']:.0f} from probabilities alone)"
)
print(f"  {np.sum(~is_xrb[ulx['is_ulx']])} contaminants (truth)")
print(f"  {np.sum(is_xrb & ulx['is_ulx'])} of all {np.sum(is_xrb & is_luminous)} ULX (truth)")

# %%
# The probabilities alone are too optimistic: the model was trained on bright labelled sources,
# which differ from faint ones. `~claxboi.applications.find_ulx` brings the number of AGN to the
# number counts, which need no labels. With two classes, stars, extended sources and spurious
# detections are not expected at all, and this sky has more AGN in galaxies than the counts, so that
# contaminants remain uncounted. The list needs inspection.
