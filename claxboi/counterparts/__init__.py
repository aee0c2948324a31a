# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Step 3, counterpart identification: probabilistic counterparts, host galaxies, X-ray links.
"""

from .all_matches import all_matches
from .associate import associate
from .best_match import best_matches
from .calibrate import CutoffCalibration, calibrate_cutoffs, shift_positions
from .error_audit import ErrorAudit, audit_errors
from .errors import complete_pos_errors, radius_from_sigma, sigma_from_radius
from .find_counterparts import find_counterparts
from .host_search import find_hosts_in, nearby_galaxies
from .hosts import best_hosts, find_hosts, host_regions
from .magnitude_priors import MagnitudePrior, ProbabilityPrior
from .magnitudes import homogenize_magnitudes, magnitude_relations
from .mixin import CounterpartMixin
from .pairs import SkyPairs, sky_pairs
from .partitioned_surveys import associate_partitions
from .surveys import find_in_surveys
from .xraylinks import XrayLinks, link_xray

__all__ = [
    "CounterpartMixin",
    "CutoffCalibration",
    "ErrorAudit",
    "MagnitudePrior",
    "ProbabilityPrior",
    "SkyPairs",
    "XrayLinks",
    "all_matches",
    "associate",
    "associate_partitions",
    "audit_errors",
    "best_hosts",
    "best_matches",
    "calibrate_cutoffs",
    "complete_pos_errors",
    "find_counterparts",
    "find_hosts",
    "find_hosts_in",
    "find_in_surveys",
    "homogenize_magnitudes",
    "host_regions",
    "link_xray",
    "magnitude_relations",
    "nearby_galaxies",
    "radius_from_sigma",
    "shift_positions",
    "sigma_from_radius",
    "sky_pairs",
]
