# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The report: a classified table as one page that needs no network.
"""

from .write import write_report

__all__ = ["write_report"]
