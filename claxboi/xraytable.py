# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
A table of X-ray sources, with the steps as methods.
"""

from astropy.table import Table

from claxboi.counterparts import CounterpartMixin
from claxboi.diagnostics import DiagnosticsMixin

__all__ = ["XrayTable"]


class XrayTable(CounterpartMixin, DiagnosticsMixin, Table):
    """
    A table of X-ray sources whose methods are the steps of claxboi.

    It is an `~astropy.table.Table` in every way: it is made, read, written, sliced, stacked, copied
    and pickled as one, and stays what it is. A method never changes it, but returns a
    new table with columns added.

    Parameters
    ----------
    *args, **kwargs
        As for `~astropy.table.Table`.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.xraytable import XrayTable
    >>> x = XrayTable({"ra": [10.68, 15.0], "dec": [41.27, 41.2]})
    >>> galaxies = Table({"galaxy_id": ["M31"], "ra": [10.6847], "dec": [41.2688],
    ...                   "r25_major": [5340.0], "r25_ratio": [0.39], "r25_angle": [35.0]})
    >>> print(x.find_hosts(galaxies)["ra", "galaxy_id"])
      ra  galaxy_id
    ----- ---------
    10.68       M31
     15.0        --
    """
