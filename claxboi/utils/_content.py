# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Hashes of settings, files and tables.
"""

import hashlib
import json

import numpy as np
from astropy.table import MaskedColumn
from astropy.table.serialize import represent_mixins_as_columns

__all__ = ["digest", "file_hash", "table_hash"]


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
