# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Step 1: the column vocabulary, and catalogues with its columns.
"""

from .checks import BadValueWarning, validate
from .columns import describe, make_column, masked_column, vocabulary
from .crowding import flag_blended, flag_crowded
from .designations import designations
from .identifiers import identifier_columns
from .missions import Mission, missions
from .standardize import ConfidenceLevelWarning, find_columns, standardize

__all__ = [
    "BadValueWarning",
    "ConfidenceLevelWarning",
    "Mission",
    "describe",
    "designations",
    "find_columns",
    "flag_blended",
    "flag_crowded",
    "identifier_columns",
    "make_column",
    "masked_column",
    "missions",
    "standardize",
    "validate",
    "vocabulary",
]
