# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Sharing as methods of a table.
"""

from claxboi.references import bibtex
from claxboi.utils import as_method

from .ds9 import write_ds9
from .samp import receive_selection, send_to

__all__ = ["SharingMixin"]


class SharingMixin:
    """
    Methods that send a table to other programs or write files for them.

    Examples
    --------
    >>> from claxboi import XrayTable
    >>> x = XrayTable({"source_id": ["J1"], "ra": [10.68], "dec": [41.27], "pos_error": [0.6],
    ...                "prediction": ["AGN"], "P_AGN": [0.98]})
    >>> x.write_ds9("sources.reg")
    >>> "2022A&A...657A.138T" in x.bibtex()
    True

    With TOPCAT open on the same machine:

    >>> x.send_to("topcat")  # doctest: +SKIP
    ['TOPCAT']
    """

    bibtex = as_method(bibtex)
    receive_selection = as_method(receive_selection)
    send_to = as_method(send_to)
    write_ds9 = as_method(write_ds9)
