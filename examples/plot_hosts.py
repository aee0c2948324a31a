"""
Which galaxy does a source belong to?
=====================================

A black hole in Andromeda and a background quasar look alike in X-rays, but a source within the
ellipse of a nearby galaxy, and near its centre, is more likely to belong to it. This example finds
the hosts of simulated X-ray sources around M31 and two of its satellites, which are in front of its
disc.
"""

# %%
# The galaxies need a position and an ellipse: the semi-major axis (half of D25), the axis ratio and
# the position angle of the major axis, East of North. The values are rounded.

import matplotlib.pyplot as plt
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.counterparts import best_hosts, find_hosts, host_regions
from claxboi.diagnostics import plot_hosts

galaxies = Table(
    {
        "galaxy_id": ["M31", "M32", "M110"],
        "ra": [10.685, 10.674, 10.092] * u.deg,
        "dec": [41.269, 40.865, 41.685] * u.deg,
        "r25_major": [95.0, 4.3, 11.0] * u.arcmin,
        "r25_ratio": [0.32, 0.74, 0.50],
        "r25_angle": [35.0, 170.0, 170.0] * u.deg,
        "galaxy_distance": [0.78, 0.79, 0.82] * u.Mpc,
    }
)

# %%
# The sources: members are concentrated towards the centre of each galaxy, the background is
# uniform.

rng = np.random.default_rng(31)


def members(galaxy, number):
    """Draw sources in the disc of a galaxy."""
    turn = rng.uniform(0, 2 * np.pi, number)
    radius = rng.exponential(0.35, number) * galaxy["r25_major"] * u.arcmin
    along, across = radius * np.cos(turn), radius * galaxy["r25_ratio"] * np.sin(turn)
    return SkyCoord(galaxy["ra"], galaxy["dec"], unit="deg").directional_offset_by(
        np.arctan2(across, along) + galaxy["r25_angle"] * u.deg, np.hypot(along, across)
    )


coords = [members(galaxy, number) for galaxy, number in zip(galaxies, [250, 6, 12], strict=True)]
coords.append(SkyCoord(rng.uniform(7, 14.5, 250), rng.uniform(38.6, 44, 250), unit="deg"))
xray = Table(
    {
        "ra": np.concatenate([c.ra.deg for c in coords]),
        "dec": np.concatenate([c.dec.deg for c in coords]),
    }
)

# %%
# All hosts of all sources: a source in front of two galaxies has two rows. ``galaxy_radius`` is the
# separation in units of the ellipse's radius in that direction.

hosts = find_hosts(xray, galaxies)
hosts["separation"].format = ".0f"
hosts["galaxy_radius"].format = ".2f"
in_front = np.isin(hosts["primary"], hosts["primary"][hosts["galaxy_id"] == "M32"])
print(hosts["primary", "galaxy_id", "separation", "galaxy_radius"][in_front])

# %%
# The best host is the galaxy with the smallest ``galaxy_radius``.

xray = best_hosts(xray, hosts)
for name in galaxies["galaxy_id"]:
    print(name, np.count_nonzero((xray["galaxy_id"] == name).filled(False)))

# %%
# Sources inside the dashed line, 1.5 times the ellipse, have a host. Some of them are background
# objects, with the same density as outside; a host alone does not make a source a member.

plot_hosts(xray, galaxies, "M31")
plt.show()

# %%
# The ellipses can be written as regions for DS9:
# ``host_regions(galaxies).write("galaxies.reg")``.

print(host_regions(galaxies).serialize(format="ds9"))
