# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Step 6, what it is: densities, naive Bayes, priors, weights, evaluation, explanation.
"""

from claxboi.utils import moved_names

from ._engine import check_model
from ._identity import IdentityWarning
from ._scores import SCORES, count_confusion
from ._table_reading import SmallClassWarning, label_codes
from .class_numbers import ClassNumbers, estimate_class_numbers
from .class_sets import class_sets
from .classifier import NaiveBayesClassifier, NotFittedError
from .decisions import parse_decision
from .estimation import PriorEstimate
from .evaluation import Evaluation
from .explanation import Explanation
from .extinction import classify_behind_dust
from .fitting import fit_classifier, open_model
from .guessed_properties import GuessedPropertyWarning, property_columns
from .kernel_naive_bayes import KernelNaiveBayes
from .mixture import classify_candidates
from .modelfile import model_fingerprint
from .number_counts import cumulative_counts, differential_counts, list_counts
from .partitions import classify_partitions
from .priors import PriorWarning, check_priors
from .properties import Component, Property
from .result_scores import evaluate_result
from .sensitivity import PriorSensitivity, priors_sensitivity
from .sky_priors import SKY_COLUMNS, sky_priors
from .unlabelled_scores import UnlabelledScores
from .weights import WeightSearch

__all__ = [
    "SCORES",
    "SKY_COLUMNS",
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
    "UnlabelledScores",
    "WeightSearch",
    "check_model",
    "check_priors",
    "class_sets",
    "classify_behind_dust",
    "classify_candidates",
    "classify_partitions",
    "count_confusion",
    "cumulative_counts",
    "differential_counts",
    "estimate_class_numbers",
    "evaluate_result",
    "fit_classifier",
    "label_codes",
    "list_counts",
    "model_fingerprint",
    "open_model",
    "parse_decision",
    "priors_sensitivity",
    "property_columns",
    "sky_priors",
]

__getattr__ = moved_names(__name__, {"classify": "claxboi._classify"})
