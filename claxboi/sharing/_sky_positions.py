# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Read the positions of sources.
"""

import numpy as np
from astropy import units as u

from claxboi.catalog.checks import check_positions
from claxboi.utils import check_columns, check_table, float_values

__all__ = ["read_positions"]


def read_positions(table):
    """
    Return the positions of sources in degrees, and which of them are known.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With ``ra`` and ``dec``.

    Returns
    -------
    ra, dec : `~numpy.ndarray` of float64
    known : `~numpy.ndarray` of bool

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is not a table, lacks these columns, or a position is not on the sky.
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["ra", "dec"])
    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    known = np.isfinite(ra) & np.isfinite(dec)
    check_positions(np.where(known, ra, 0), np.where(known, dec, 0))
    return ra, dec, known
