# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Classify X-ray sources: counterparts, properties, and a naive Bayes classifier that explains itself.
"""

import importlib

try:
    from .version import version as __version__
except ImportError:  # a source tree that was never installed
    __version__ = ""

__all__ = ["NaiveBayesClassifier", "Property", "XrayTable", "__version__", "classify", "conf"]

# Where each name is defined: it is imported when it is asked for (PEP 562), so that
# what needs one step does not wait for all of them.
_HOMES = {
    "NaiveBayesClassifier": "claxboi.classification",
    "Property": "claxboi.classification",
    "XrayTable": "claxboi.xraytable",
    "classify": "claxboi._classify",
    "conf": "claxboi.config",
}


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
