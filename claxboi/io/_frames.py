# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tables from pandas data frames, and columns of tables in data frames.
"""

import numpy as np
from astropy.table import MaskedColumn, Table

__all__ = ["add_to_frame", "table_from_frame"]


def table_from_frame(frame, names=None):
    """
    Convert columns of a data frame to a table.

    Parameters
    ----------
    frame : `pandas.DataFrame`
        Columns of numbers, text or true and false, also in the types of pyarrow.
    names : sequence of str, optional
        The columns to convert; None for all.

    Returns
    -------
    table : `~astropy.table.Table`
        Masked where values are missing. Without units, as data frames have none.

    Examples
    --------
    >>> import pandas as pd  # doctest: +SKIP
    >>> from claxboi.io import table_from_frame
    >>> table_from_frame(pd.DataFrame({"id": [1, 2]}))["id"].tolist()  # doctest: +SKIP
    [1, 2]
    """
    return Table({name: _column(frame[name]) for name in (frame if names is None else names)})


def _column(series):
    missing = series.isna().to_numpy(dtype=bool)
    kind = series.dtype.kind
    if kind == "f":
        values = series.to_numpy(dtype=float, na_value=np.nan)
    elif kind in "iu":
        values = series.to_numpy(dtype=np.int64, na_value=0)
    elif kind == "b":
        values = series.to_numpy(dtype=bool, na_value=False)
    else:
        values = np.where(missing, "", series.astype(object)).astype(str)
    return MaskedColumn(values, mask=missing)


def add_to_frame(frame, table, names):
    """
    Add columns of a table to the data frame of the same rows.

    Parameters
    ----------
    frame : `pandas.DataFrame`
        The data frame; it is not changed.
    table : `~astropy.table.Table`
        A table with as many rows.
    names : sequence of str
        The columns to add, or to replace.

    Returns
    -------
    frame : same class as the input
        A new data frame. Missing numbers are NaN, missing texts, whole numbers and truth values
        are null.

    Examples
    --------
    >>> import pandas as pd  # doctest: +SKIP
    >>> from astropy.table import Table
    >>> from claxboi.io import add_to_frame
    >>> frame = pd.DataFrame({"id": [1, 2]})  # doctest: +SKIP
    >>> add_to_frame(frame, Table({"P_AGN": [0.1, 0.9]}), ["P_AGN"]).columns  # doctest: +SKIP
    Index(['id', 'P_AGN'], dtype='object')
    """
    import pandas as pd

    return frame.assign(**{name: pd.Series(_array(table[name]), frame.index) for name in names})


def _array(values):
    import pandas as pd

    if values.dtype.kind == "U":
        return pd.array(values.tolist(), dtype="string[pyarrow]")
    if not isinstance(values, MaskedColumn):
        return np.asarray(values)
    if values.dtype.kind == "f":
        return np.asarray(values.filled(np.nan))
    result = pd.array(np.asarray(values.filled(values.dtype.type(0))))
    kind = "boolean" if values.dtype.kind == "b" else f"Int{8 * values.dtype.itemsize}"
    result = result.astype(kind if values.dtype.kind != "u" else f"U{kind}")
    result[np.ma.getmaskarray(values)] = pd.NA
    return result
