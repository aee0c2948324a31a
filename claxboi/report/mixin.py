# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The report as a method of a table.
"""

from claxboi.utils import as_method

from .write import write_report

__all__ = ["ReportMixin"]


class ReportMixin:
    """
    Write the HTML report of a classified table.

    Examples
    --------
    >>> from claxboi import XrayTable
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = XrayTable(make_labelled_sample(1000, rng=1))
    >>> table.classify("training", show_progress=False).report("report.html")
    """

    report = as_method(write_report)
