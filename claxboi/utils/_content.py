# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Identify settings, files and tables by their content.
"""

import hashlib
import json

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn
from astropy.table.serialize import represent_mixins_as_columns
from astropy.time import Time

from ._column_values import masked_rows, plain_data

__all__ = ["digest", "distinct_rows", "file_hash", "table_hash"]


def digest(content):
    """
    Compute a hash of plain content.

    Parameters
    ----------
    content : object
        Mappings, lists, texts and numbers.

    Returns
    -------
    digest : str
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def file_hash(path):
    """
    Hash the content of a file.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    digest : str
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def table_hash(table):
    """
    Hash the content of a table: names, units, values and masks of its columns.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.

    Returns
    -------
    digest : str
    """
    total = hashlib.sha256()
    # Coordinates, times and quantities become columns of numbers.
    for column in represent_mixins_as_columns(table).columns.values():
        parts = [np.ma.getdata(column)]
        if isinstance(column, MaskedColumn):
            # What is under a mask does not count.
            mask = np.asarray(column.mask)
            parts = [np.where(mask, np.zeros(1, parts[0].dtype), parts[0]), mask]
        for values in parts:
            total.update(f"{column.name} {column.unit} {values.dtype} {values.shape} ".encode())
            if values.dtype.kind == "O":
                total.update(repr(values.tolist()).encode())
            elif values.size:
                total.update(np.ascontiguousarray(values).view(np.uint8).data)
    return total.hexdigest()


def distinct_rows(table):
    """
    Find the rows of a table without those that repeat an earlier one exactly.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.

    Returns
    -------
    rows : `~numpy.ndarray` of int64
        In their order. Equal rows agree in every column, to the last bit; missing values are
        equal.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.utils import distinct_rows
    >>> distinct_rows(Table({"id": [7, 8, 7], "mag": [1.5, 1.5, 1.5]})).tolist()
    [0, 1]
    """
    codes = np.zeros(len(table), np.uint64)
    parts = []
    for column in _arrays(table):
        values, mask = plain_data(column), masked_rows(column)
        mask = np.zeros(values.shape, bool) if mask is None else mask
        if values.dtype.kind == "f" and values.dtype.itemsize <= 8:
            # Bits, so that NaN is equal to itself.
            values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
            values = values.view(f"u{values.dtype.itemsize}")
        parts += [np.where(mask, np.zeros((), values.dtype), values), mask]
        if values.dtype.kind in "iub" and values.ndim == 1:
            codes = codes * np.uint64(0x9E3779B97F4A7C15) + parts[-2].astype(np.uint64)
    _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    # Few share a code, so that few need to be compared as a whole.
    suspects = np.flatnonzero(counts[inverse] > 1)
    keep = np.ones(len(table), bool)
    seen = set()
    columns = [part[suspects].tolist() for part in parts]
    for k, values in zip(suspects.tolist(), zip(*columns, strict=True), strict=True):
        row = repr(values)
        keep[k] = row not in seen
        seen.add(row)
    return np.flatnonzero(keep)


def _arrays(table):
    """
    List the columns of a table, and the parts of its coordinates and times.
    """
    for column in table.columns.values():
        if isinstance(column, SkyCoord):
            yield from (column.spherical.lon.deg, column.spherical.lat.deg)
        elif isinstance(column, Time):
            yield from (column.jd1, column.jd2)
        else:
            yield column
