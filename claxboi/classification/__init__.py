# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Step 6, what it is: densities, naive Bayes, priors, weights, evaluation, explanation.
"""

from claxboi.utils import moved_names

from ._identity import IdentityWarning
from ._scores import SCORES, count_confusion
from ._training import SmallClassWarning, label_codes
from .class_numbers import ClassNumbers, estimate_class_numbers
from .classifier import NaiveBayesClassifier, NotFittedError
from .estimation import PriorEstimate
from .evaluation import Evaluation
from .explanation import Explanation
from .fitting import fit_classifier
from .guessed_properties import GuessedPropertyWarning, property_columns
from .held_out import score_held_out
from .kernel_naive_bayes import KernelNaiveBayes
from .partitions import classify_partitions
from .priors import PriorWarning, check_priors
from .properties import Component, Property
from .sensitivity import PriorSensitivity, priors_sensitivity
from .weights import WeightSearch

__all__ = [
    "SCORES",
    "ClassNumbers",
    "Component",
    "Evaluation",
    "Explanation",
    "GuessedPropertyWarning",
    "IdentityWarning",
    "KernelNaiveBayes",
    "NaiveBayesClassifier",
    "NotFittedError",
    "PriorEstimate",
    "PriorSensitivity",
    "PriorWarning",
    "Property",
    "SmallClassWarning",
    "WeightSearch",
    "check_priors",
    "classify_partitions",
    "count_confusion",
    "estimate_class_numbers",
    "fit_classifier",
    "label_codes",
    "priors_sensitivity",
    "property_columns",
    "score_held_out",
]

__getattr__ = moved_names(__name__, {"classify": "claxboi._classify"})
