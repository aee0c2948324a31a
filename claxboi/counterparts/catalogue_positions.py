# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Reading and checking of catalogue positions.
"""

import numpy as np
from astropy import units as u

from claxboi.utils import InputValueError, check_columns, float_values

__all__ = ["read_positions"]


def read_positions(table, name):
    """
    Read the positions of a table and check them.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    name : str
        Name of the argument.

    Returns
    -------
    ra_deg, dec_deg : `~numpy.ndarray`
        Finite, and the declinations possible.
    """
    check_columns(table, ["ra", "dec"], name)
    ra, dec = (float_values(table, column, unit=u.deg, name=name) for column in ("ra", "dec"))
    missing = np.isnan(ra) | np.isnan(dec)
    if missing.any():
        raise InputValueError(
            f"{name} must have no missing positions, got {np.count_nonzero(missing)}, the first in "
            f"row {np.argmax(missing)}"
        )
    wrong = np.abs(dec) > 90
    if wrong.any():
        raise InputValueError(
            f"column 'dec' of {name} must be from -90 to 90 deg, got {dec[wrong][0]:g} in row "
            f"{np.argmax(wrong)}"
        )
    return ra, dec
