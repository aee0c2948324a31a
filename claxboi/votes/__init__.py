# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Human votes: draw sources, read and combine votes, turn them into soft labels, simulate voters.
"""

from .consensus import CombinedVotes, combine_votes, read_votes
from .draw import draw_for_votes
from .soft_labels import apply_votes
from .voters import make_votes

__all__ = [
    "CombinedVotes",
    "apply_votes",
    "combine_votes",
    "draw_for_votes",
    "make_votes",
    "read_votes",
]
