# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Step 6, what it is: densities, naive Bayes, priors, weights, evaluation, explanation.
"""

from .classifier import NaiveBayesClassifier, NotFittedError
from .properties import Component, Property

__all__ = ["Component", "NaiveBayesClassifier", "NotFittedError", "Property"]
