# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Step 3, who is who: probabilistic counterparts, host galaxies, and links between X-ray catalogues.
"""

from .hosts import best_hosts, find_hosts, host_regions
from .magnitudes import homogenize_magnitudes, magnitude_relations
from .pairs import SkyPairs, sky_pairs

__all__ = [
    "SkyPairs",
    "best_hosts",
    "find_hosts",
    "homogenize_magnitudes",
    "host_regions",
    "magnitude_relations",
    "sky_pairs",
]
