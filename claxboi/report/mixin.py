# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The report as a method of a classified table.
"""

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

    def report(self, path, **settings):
        """
        Write the HTML report: `~claxboi.report.write_report`.

        Parameters
        ----------
        path : str or path
            The HTML file.
        **settings
            The other arguments of `~claxboi.report.write_report`.
        """
        write_report(self, path, **settings)
