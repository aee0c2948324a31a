# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The meta of a table as text, for formats that have one place for it.
"""

import json

import numpy as np

from claxboi.utils import InputTypeError
from claxboi.utils.exceptions import ClaxboiWarning, warn

__all__ = ["META_KEY", "meta_as_json", "restore_meta"]

#: Where the meta of a table is kept: a card of a FITS header, an INFO element of a VOTable, a key
#: of a Parquet schema.
META_KEY = "claxboi"


def meta_as_json(meta):
    """
    Write as JSON what can be written so; warn about the rest.

    Parameters
    ----------
    meta : mapping
        The meta of a table.

    Returns
    -------
    text : str or None
        None if there is nothing to write.
    """
    kept = {}
    for key, value in meta.items():
        try:
            kept[str(key)] = json.loads(json.dumps(value, default=_plain_value))
        except TypeError:
            warn(
                f"meta[{key!r}] is left out of the file: it holds a {type(value).__name__}, which "
                "is not a number, text, list or mapping",
                ClaxboiWarning,
            )
    return json.dumps(kept) if kept else None


def _plain_value(value):
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise InputTypeError(f"{type(value).__name__} has no plain form")


def restore_meta(table, text):
    """
    Add what `meta_as_json` wrote to the meta of a table.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table, which is changed.
    text : str, bytes or None
        The text; None does nothing.
    """
    if text is not None:
        table.meta.update(json.loads(text))
