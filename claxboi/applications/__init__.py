# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Questions that people ask of a classified catalogue.
"""

from .number_counts import cumulative_counts, differential_counts, list_counts
from .ulx import find_ulx, galaxy_priors

__all__ = [
    "cumulative_counts",
    "differential_counts",
    "find_ulx",
    "galaxy_priors",
    "list_counts",
]
