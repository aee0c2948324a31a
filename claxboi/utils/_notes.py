# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The level of log records that the command line shows by default.
"""

__all__ = ["NOTE"]

#: Between INFO and WARNING: one line per step of a long job, not each of its details.
NOTE = 25
