"""
Which labels can I learn from?
==============================

A classifier is only as good as its labels. These come from catalogues that overlap, disagree, and
were sometimes made from the same data as the properties. This example labels 3000 simulated X-ray
sources with five catalogues, and evaluates each of them.
"""

# %%
# The catalogues are tables with positions. Two of them list AGN: one by infrared colours, which
# includes a few stars, and one by optical spectra. All of them are incomplete, like real ones.

import matplotlib.pyplot as plt
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.references import get_reference
from claxboi.simulation import make_labelled_sample
from claxboi.training import add_labels, label_report

rng = np.random.default_rng(4)
sources = make_labelled_sample(3000, rng=4)
truth = np.array(sources["true_class"])
sources = sources["source_id", "ra", "dec", "flux", "galaxy_radius", "extent"]
sources["pos_error"] = rng.uniform(0.3, 1.5, len(sources)) * u.arcsec
objects = SkyCoord(sources["ra"], sources["dec"]).directional_offset_by(
    rng.uniform(0, 360, len(sources)) * u.deg,
    rng.rayleigh(sources["pos_error"].quantity.value) * u.arcsec,
)


def catalogue(name, classes, share, mistaken=()):
    """List a share of the objects of some classes, and a few of others."""
    listed = np.isin(truth, classes) & (rng.random(len(truth)) < share)
    listed |= np.isin(truth, mistaken) & (rng.random(len(truth)) < 0.08)
    table = Table({"ra": objects.ra[listed].deg, "dec": objects.dec[listed].deg})
    return get_reference(table, name=name)


references = {
    "AGN": [
        catalogue("infrared AGN", ["AGN", "AGN_2"], 0.5, mistaken=["star"]),
        catalogue("quasars", ["AGN", "AGN_2"], 0.3),
    ],
    "star": catalogue("bright stars", ["star"], 0.6),
    "XRB": catalogue("binaries", ["gal_XRB", "ex_XRB"], 0.7, mistaken=["CV"]),
    "CV": catalogue("variables", ["CV"], 0.7),
}

# %%
# Label the sources by the published rules. The table has no properties yet, so there is no quality
# cut.

labelled = add_labels(sources, references, min_quality=0)
report = label_report(labelled)
print(report)

# %%
# The fraction of correct labels. Stars that one catalogue lists as AGN are detected only if another
# one lists them as stars.

has_class = ~labelled["class"].mask
right = np.asarray(labelled["class"])[has_class] == truth[has_class]
print(f"{np.count_nonzero(has_class)} labels, {100 * np.mean(right):.1f} % correct")
conflict = np.char.startswith(np.asarray(labelled["label_reason"].filled("")), "conflict")
print(f"{np.count_nonzero(conflict)} sources in conflict")

# %%
# The figure shows the labels that come from one catalogue only, those that several agree on, and
# those left out because catalogues disagree.

rows = report.catalogues[report.catalogues["n_sources"] > 0][::-1]
parts = {
    "labelled by this catalogue only": (rows["n_alone"], "#0072B2"),
    "labelled by several catalogues": (rows["n_labelled"] - rows["n_alone"], "#56B4E9"),
    "no label: catalogues disagree": (rows["n_sources"] - rows["n_labelled"], "#8C8C8C"),
}
fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
left = np.zeros(len(rows))
for label, (number, color) in parts.items():
    ax.barh(np.arange(len(rows)), number, left=left, color=color, label=label)
    left += number
ax.set_yticks(np.arange(len(rows)), [f"{r['class']}: {r['catalogue']}" for r in rows])
ax.set_xlabel("Number of sources in the catalogue")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="lower right")
plt.show()

# %%
# The infrared catalogue gives most AGN labels alone. If infrared fluxes are among the properties,
# this is circular: scores on these labels are too optimistic, and the quasars are the fairer test.
