"""
Which object is the counterpart?
================================

X-ray positions are accurate to a few arcseconds, and within these there may be several faint
objects, one bright object, or none. This example finds the counterparts in a simulated field, in
which the truth is known.
"""

# %%
# The field: 800 X-ray sources with error ellipses, of which 70 % have a counterpart, and 100,000
# field objects per square degree. Counterparts are brighter than field objects.

import matplotlib.pyplot as plt
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.counterparts import calibrate_cutoffs
from claxboi.diagnostics import (
    plot_cutoffs,
    plot_finding_chart,
    plot_magnitude_prior,
    plot_separations,
)

rng = np.random.default_rng(5)
n, density = 800, 100_000
true = SkyCoord(150 + 0.9 * rng.random(n), 2 + 0.9 * rng.random(n), unit="deg")
major, angle = rng.uniform(0.8, 2.5, n), rng.uniform(0, 180, n)
minor = major / 2
along, across = rng.normal(0, major), rng.normal(0, minor)
seen = true.directional_offset_by(
    angle * u.deg + np.arctan2(across, along) * u.rad, np.hypot(along, across) * u.arcsec
)
xray = Table({"source_id": [f"X{k:03d}" for k in range(n)], "ra": seen.ra, "dec": seen.dec})
xray["pos_error_major"] = major * u.arcsec
xray["pos_error_minor"] = minor * u.arcsec
xray["pos_error_angle"] = angle * u.deg

has = rng.random(n) < 0.7
n_field = rng.poisson(density)
optical = Table(
    {
        "ra": np.append(true.ra.deg[has], 149.95 + rng.random(n_field)),
        "dec": np.append(true.dec.deg[has], 1.95 + rng.random(n_field)),
        "pos_error": np.full(has.sum() + n_field, 0.1),
        "mag": np.append(rng.normal(19, 1, has.sum()), rng.normal(22, 1.5, n_field)),
    }
)

# %%
# One call associates the sources, learns the magnitudes of counterparts, and repeats the
# association at shifted positions to measure the rate of chance matches.

calibration = calibrate_cutoffs(
    xray,
    optical,
    radius=12 * u.arcsec,
    density=density / u.deg**2,
    priors="mag",
    false_rates=[0.05],
    rng=1,
)
candidates = calibration.candidates
for name in ("cutoff", "selected", "purity", "completeness"):
    calibration.cutoffs[name].info.format = ".3f"
print(calibration.cutoffs)

# %%
# If the positional errors are right, the separations in units of their errors follow a Rayleigh
# distribution, as they do here.

plot_separations(candidates, xray, optical)

# %%
# The magnitude prior has learned that counterparts are bright: a faint candidate is less probable
# than one of average brightness.

plot_magnitude_prior(candidates)

# %%
# The cutoff in p_any: 5 % of the shifted positions are above the dotted line.

plot_cutoffs(calibration)

# %%
# The least certain source that has a probable counterpart: the ring is the best candidate, the
# numbers are p_i, the ellipses are the X-ray error at 1 sigma and at 95 %.

best = candidates[(candidates["match_flag"] == 1) & (candidates["p_any"] > 0.9)]
row = best["primary"][np.argmin(best["p_i"])]
plot_finding_chart(candidates, xray, optical, int(row))
plt.show()

# %%
# Compare with the truth: the number of sources above the cutoff with the right counterpart.

chosen = candidates[candidates["match_flag"] == 1]
chosen = chosen[chosen["p_any"] > calibration.cutoffs["cutoff"][0]]
truth = np.full(n, -1)
truth[has] = np.arange(has.sum())
right = chosen["secondary"] == truth[chosen["primary"]]
expected = np.sum(chosen["p_any"] * chosen["p_i"])
print(f"{right.sum()} of {len(chosen)} are correct ({expected:.0f} expected)")
