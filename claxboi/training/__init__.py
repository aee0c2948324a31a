# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Step 5, what is known: labels from the literature's catalogues, and training samples.
"""

from .labels import add_labels
from .report import DependentLabelWarning, LabelReport, label_report
from .samples import TrainingSample, build
from .schemes import ClassRule, class_schemes
from .votedlabels import apply_votes
from .votes import CombinedVotes, combine_votes, read_votes

__all__ = [
    "ClassRule",
    "CombinedVotes",
    "DependentLabelWarning",
    "LabelReport",
    "TrainingSample",
    "add_labels",
    "apply_votes",
    "build",
    "class_schemes",
    "combine_votes",
    "label_report",
    "read_votes",
]
