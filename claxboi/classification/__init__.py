# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Step 6, what it is: densities, naive Bayes, priors, weights, evaluation, explanation.
"""

from ._identity import IdentityWarning
from ._training import SmallClassWarning
from .classifier import NaiveBayesClassifier, NotFittedError
from .estimation import PriorEstimate
from .evaluation import Evaluation
from .explanation import Explanation
from .partitions import classify_partitions
from .priors import PriorWarning
from .properties import Component, Property
from .sensitivity import PriorSensitivity, priors_sensitivity
from .weights import WeightSearch

__all__ = [
    "Component",
    "Evaluation",
    "Explanation",
    "IdentityWarning",
    "NaiveBayesClassifier",
    "NotFittedError",
    "PriorEstimate",
    "PriorSensitivity",
    "PriorWarning",
    "Property",
    "SmallClassWarning",
    "WeightSearch",
    "classify_partitions",
    "priors_sensitivity",
]
