"""
What lies around my sources?
============================

X-ray positions are uncertain by arcseconds; the optical sky has thousands of stars per square
degree. The first step of an association is to find all objects nearby. This example fetches them
for 3000 sources from a survey, plots the separations, and then makes the service fail to show that
nothing is lost. The services are simulated on this machine, so it runs without a network; without
the lines with ``LoopbackCDS`` it queries CDS.
"""

# %%
# The sky: 3000 X-ray sources, half of which have an optical counterpart whose X-ray position is off
# by 1.5 arcsec per axis, and unrelated field stars.

import matplotlib.pyplot as plt
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi import conf
from claxboi.references import get_reference
from claxboi.references.tests.loopback import FAULTS, LoopbackCDS

rng = np.random.default_rng(1)
n, sigma, radius = 3000, 1.5, 8.0
side = 5.0
ra, dec = rng.uniform(150, 150 + side, n), rng.uniform(-side / 2, side / 2, n)
xray = SkyCoord(ra, dec, unit="deg")
n_field = 400_000
found = rng.random(n) < 0.5
offsets = rng.normal(0, sigma / 3600, (2, found.sum()))
stars = Table(
    {
        "id": np.arange(n_field + found.sum()),
        "ra": np.append(rng.uniform(150, 150 + side, n_field), ra[found] + offsets[0]),
        "dec": np.append(rng.uniform(-side / 2, side / 2, n_field), dec[found] + offsets[1]),
        "Gmag": rng.normal(19, 1.5, n_field + found.sum()),
    }
)

# %%
# Fetch the objects within 8 arcsec. There is one row per pair: the row of the X-ray source, the
# separation, then the columns of the survey.

cds = LoopbackCDS({"gaia": stars}).start()
gaia = get_reference("gaia")
near = gaia.query(xray, radius=radius * u.arcsec)
near["separation"].info.format = near["Gmag"].info.format = ".2f"
print(near["query_index", "separation", "id", "Gmag"][:5])
print(f"{len(near)} objects around {len(set(near['query_index']))} of {n} sources")

# %%
# Chance neighbours fill the area of the circle evenly, so their number grows with the separation;
# true counterparts are near the centre, with the Rayleigh distribution of the positional error. The
# excess over chance is the signal for :ref:`counterparts <counterparts>`.

edges = np.linspace(0, radius, 33)
middle, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
chance = n * n_field / side**2 * 2 * np.pi * middle * width / 3600**2
true = found.sum() * middle / sigma**2 * np.exp(-(middle**2) / (2 * sigma**2)) * width

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
ax.stairs(np.histogram(near["separation"], edges)[0], edges, fill=True, color="0.85", label="found")
ax.plot(middle, chance, color="C1", label="expected by chance")
ax.plot(middle, chance + true, color="C0", label="expected with counterparts")
ax.set(xlabel="Separation (arcsec)", ylabel=f"Objects per {width:g} arcsec", xlim=(0, radius))
ax.legend(frameon=False)

# %%
# Now every third request fails, because of an overloaded server, a lost connection or a truncated
# answer. The positions are sent in small chunks, each of which is checked and sent again until its
# answer is complete. The result is the same.

cds.fail_randomly(0.33, [fault for fault in FAULTS if fault != "hang"], seed=2)
cds.requests.clear()
with conf.set_temp("chunk_size", 100), conf.set_temp("retries", 12):
    again = gaia.query(xray, radius=radius * u.arcsec)
same = all(np.array_equal(again[name], near[name]) for name in ("query_index", "id"))
failed = sum(bool(request.fault) for request in cds.requests)
print(f"{len(cds.requests)} requests, {failed} of them failed; same result: {same}")

# %%
# All chunks are cached on disk: the same query sends no request, and the result has the date of the
# data.

cds.requests.clear()
with conf.set_temp("chunk_size", 100):
    plan = gaia.plan(xray, radius=radius * u.arcsec)
    gaia.query(xray, radius=radius * u.arcsec)
print(f"{plan.n_cached} of {plan.n_chunks} chunks in the cache; {len(cds.requests)} requests")
cds.stop()

plt.show()
