# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Share results: SAMP, DS9 regions, MOC, VOTable and BibTeX.
"""

from claxboi.references import acknowledgements, bibtex

from .coverage import coverage_moc, is_covered
from .ds9 import error_axes, error_regions, write_ds9
from .mixin import SharingMixin
from .samp import point_at, receive_selection, send_to
from .votable import to_votable

__all__ = [
    "SharingMixin",
    "acknowledgements",
    "bibtex",
    "coverage_moc",
    "error_axes",
    "error_regions",
    "is_covered",
    "point_at",
    "receive_selection",
    "send_to",
    "to_votable",
    "write_ds9",
]
