# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Classify X-ray sources: counterparts, properties, and a naive Bayes classifier that explains itself.
"""

try:
    from .version import version as __version__
except ImportError:  # a source tree that was never installed
    __version__ = ""

from .classification import NaiveBayesClassifier, Property, classify
from .config import conf

__all__ = ["NaiveBayesClassifier", "Property", "__version__", "classify", "conf"]
