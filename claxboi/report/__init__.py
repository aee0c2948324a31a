# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The report: one HTML page of a classified table that needs no network.
"""

from .mixin import ReportMixin
from .write import write_report

__all__ = ["ReportMixin", "write_report"]
