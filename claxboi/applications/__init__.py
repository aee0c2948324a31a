# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Applications: counts of classes, ULX candidates, novelties, inspection lists, model comparison.
"""

from claxboi.utils import moved_names

from .class_counts import count_classes
from .comparison import compare_models
from .inspection import inspection_list
from .novelties import find_novelties
from .ulx import find_ulx, galaxy_priors

__all__ = [
    "compare_models",
    "count_classes",
    "find_novelties",
    "find_ulx",
    "galaxy_priors",
    "inspection_list",
]

_COUNTS = ("cumulative_counts", "differential_counts", "list_counts")
__getattr__ = moved_names(
    __name__,
    {"draw_for_votes": "claxboi.votes"} | dict.fromkeys(_COUNTS, "claxboi.classification"),
)
