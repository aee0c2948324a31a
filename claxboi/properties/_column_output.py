# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Helpers for reading and writing property columns.
"""

import numpy as np

from claxboi.catalog import make_column
from claxboi.utils import float_values

__all__ = ["masked_column", "optional_values"]


def masked_column(name, values):
    """
    Make a column of the vocabulary, masked where the value is NaN.

    Parameters
    ----------
    name : str
        Its name.
    values : `~numpy.ndarray` of float64
        In the unit of the vocabulary.

    Returns
    -------
    column : `~astropy.table.MaskedColumn`
    """
    return make_column(name, values, mask=np.isnan(values))


def optional_values(table, column, unit=None):
    """
    Return a column as float64, all NaN if the table does not have it.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    column : str
        Name of the column.
    unit : unit-like, optional
        Unit wanted.

    Returns
    -------
    values : `~numpy.ndarray` of shape (n_rows,)
    """
    if column not in table.colnames:
        return np.full(len(table), np.nan)
    return float_values(table, column, unit=unit)
