# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Step 1, what comes in: the vocabulary of columns, and catalogues that get them.
"""

from .checks import BadValueWarning, validate
from .columns import describe, make_column, vocabulary
from .crowding import flag_blended, flag_crowded
from .identifiers import identifier_columns
from .missions import Mission, missions
from .standardize import ConfidenceLevelWarning, find_columns, standardize

__all__ = [
    "BadValueWarning",
    "ConfidenceLevelWarning",
    "Mission",
    "describe",
    "find_columns",
    "flag_blended",
    "flag_crowded",
    "identifier_columns",
    "make_column",
    "missions",
    "standardize",
    "validate",
    "vocabulary",
]
