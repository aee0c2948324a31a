# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Step 5: label sources from published catalogues, and build training samples.
"""

from claxboi.utils import moved_names

from .choose_sample import find_training, mission_of
from .label_summary import DependentLabelWarning, LabelReport, label_report
from .labels import add_labels
from .samples import TrainingSample, build
from .schemes import ClassRule, class_schemes

__all__ = [
    "ClassRule",
    "DependentLabelWarning",
    "LabelReport",
    "TrainingSample",
    "add_labels",
    "build",
    "class_schemes",
    "find_training",
    "label_report",
    "mission_of",
]

__getattr__ = moved_names(
    __name__,
    {
        "CombinedVotes": "claxboi.votes",
        "apply_votes": "claxboi.votes",
        "combine_votes": "claxboi.votes",
        "read_votes": "claxboi.votes",
    },
)
