# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulated skies and samples of known truth, for the demo, the documentation and the tests.
"""

from claxboi.utils import moved_names

from .labelled import make_labelled_sample
from .sky import MockSky, make_mock_sky

__all__ = ["MockSky", "make_labelled_sample", "make_mock_sky"]

__getattr__ = moved_names(__name__, {"make_votes": "claxboi.votes"})
