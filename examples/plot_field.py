"""
What is in this field?
======================

An X-ray telescope observed a nearby galaxy and found a hundred sources around it. Which belong to
the galaxy, which are foreground stars, which are background quasars? This example takes a raw
catalogue through all steps and looks at one field. The sky is simulated.
"""

# %%
# The catalogue has the columns of 4XMM. The reference catalogues, from Gaia to lists of known X-ray
# binaries, are local tables: with ``references`` nothing is fetched.

import matplotlib.pyplot as plt
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi import classify
from claxboi.counterparts import host_regions, nearby_galaxies
from claxboi.diagnostics import plot_sky
from claxboi.pipeline import prepare
from claxboi.simulation import make_mock_sky

sky = make_mock_sky(3000, rng=4)
for name in ("SC_RA", "SC_DEC", "SC_POSERR"):
    sky.xray[name].info.format = ".4f"
sky.xray["SC_EP_8_FLUX"].info.format = ".2e"
print(sky.xray["IAUNAME", "SC_RA", "SC_DEC", "SC_POSERR", "SC_EP_8_FLUX"][:4])

# %%
# Steps 1 to 5: columns, counterparts in Gaia and AllWISE, host galaxies, properties, and the
# labels of known sources.

table = prepare(
    sky.xray,
    mission="4XMM",
    references=sky.references,
    skip=["variability"],
    show_progress=False,
)
for name in ("opt_id", "galaxy_id", "class"):
    print(f"{name:9} known for {table[name].count():4} sources")

# %%
# Step 6: train on the labels and classify all sources. Labelled sources have counterparts, because
# they were identified by them. A missing counterpart of a faint source is therefore no evidence,
# and missing values are ignored.

priors = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}
result, model = classify(table, priors, missing="ignore", return_model=True)

# %%
# The field is that of the galaxy with the most sources.

hosts, numbers = np.unique(table["galaxy_id"].compressed(), return_counts=True)
host = hosts[np.argmax(numbers)]
galaxies = nearby_galaxies(sky.references["glade"], sky.references["hyperleda"])
galaxy = galaxies[galaxies["galaxy_id"] == host][0]
center = SkyCoord(galaxy["ra"], galaxy["dec"], unit="deg")

# %%
# The number of unlabelled sources in each class can be estimated by counting predictions, or by the
# sum of the probabilities, which includes uncertain sources. The truth is known from the
# simulation, and includes a few spurious detections.

is_here = SkyCoord(table["ra"], table["dec"]).separation(center) < 15 * u.arcmin
is_new = is_here & ~result["is_training"]
truth = sky.truth["true_class"][is_new]
print("          predicted      expected   true")
for name in priors:
    p = result[f"P_{name}"][is_new]
    error = np.sqrt(np.sum(p * (1 - p)))
    predicted = np.sum(result["prediction"][is_new] == name)
    print(f"{name:9} {predicted:9} {p.sum():7.1f} ± {error:3.1f} {np.sum(truth == name):6}")

# %%
# The errors are statistical, and do not include differences between labelled and unlabelled
# sources. Sources on the disc are the most difficult: a faint AGN behind it (AGN_2) resembles an
# X-ray binary or any other AGN, and the labelled ones are bright. Spurious detections are
# classified too.
#
# On the sky, the dashed ellipse is the galaxy.

fig = plt.figure(figsize=(7, 7), layout="constrained")
ax = plot_sky(result, frame="icrs", center=center, width=20 * u.arcmin, ax=fig.add_subplot())
[ellipse] = host_regions(galaxies[galaxies["galaxy_id"] == host])
ellipse.to_pixel(ax.wcs).plot(ax=ax, edgecolor="0.3", linestyle="--")
plt.show()
