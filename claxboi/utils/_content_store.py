# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Hashes of content, and a store of files named by a key and by the hash of their content.
"""

import contextlib
import glob
import hashlib
import json
import logging
import os
import re
import tempfile
from pathlib import Path

import numpy as np
from astropy.table import MaskedColumn
from astropy.table.serialize import represent_mixins_as_columns

from ._files import remove_abandoned, temporary_names

__all__ = ["ContentStore", "digest", "file_hash", "table_hash"]

log = logging.getLogger(__name__)

_DIGITS = 32
# A process on another machine cannot be asked whether it still writes.
_ABANDONED_S = 86_400.0


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
            # Values under a mask do not count.
            mask = np.asarray(column.mask)
            parts = [np.where(mask, np.zeros(1, parts[0].dtype), parts[0]), mask]
        for values in parts:
            total.update(f"{column.name} {column.unit} {values.dtype} {values.shape} ".encode())
            if values.dtype.kind == "O":
                total.update(repr(values.tolist()).encode())
            elif values.size:
                total.update(np.ascontiguousarray(values).view(np.uint8).data)
    return total.hexdigest()


class ContentStore:
    """
    A folder of files ``<key>-<checksum>.<ending>``, each written completely or not at all.

    Nothing is changed in place, so processes and machines that share the folder need no locks:
    each writes under a name of its own and moves the complete file to its final name, which states
    the checksum of the content.

    Parameters
    ----------
    folder : str or path
        The folder. It is made once there is something to keep.
    """

    def __init__(self, folder):
        self.folder = Path(folder)

    def prepare(self):
        """
        Check that files can be written, and remove what killed processes left a day ago.

        Raises
        ------
        OSError
            If they cannot.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.folder) as file:
            file.write(b"x")
        remove_abandoned(self.folder, min_age_s=_ABANDONED_S)

    def paths(self, key):
        """
        List the files of a key, damaged ones included.

        Parameters
        ----------
        key : str
            Hash of the question.

        Returns
        -------
        paths : list of `~pathlib.Path`
            In the order of their names.
        """
        name = re.compile(re.escape(key) + rf"-[0-9a-f]{{{_DIGITS}}}\.\w+")
        found = self.folder.glob(f"{glob.escape(key)}-*")
        return sorted(path for path in found if name.fullmatch(path.name))

    def is_intact(self, path):
        """
        Check that a file still has the content that its name states.

        Parameters
        ----------
        path : `~pathlib.Path`
            The file.

        Returns
        -------
        is_intact : bool
            False if another process has just replaced it, or if it is damaged, which is logged.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        try:
            is_intact = file_hash(path)[:_DIGITS] == path.stem.rpartition("-")[2]
        except FileNotFoundError:
            return False
        if not is_intact:
            log.warning("%s is damaged, so it is not used", path)
        return is_intact

    def keep(self, key, ending, write):
        """
        Keep a file, in place of the others of its key.

        Parameters
        ----------
        key : str
            Hash of the question, the first part of the file name.
        ending : str
            The last part.
        write : callable
            Writes the file whose name it is given.

        Returns
        -------
        path : `~pathlib.Path`
            The file.

        Raises
        ------
        OSError
            If the disk is full or the folder is read-only. The others are kept then.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        older = self.paths(key)
        with temporary_names([self.folder / f"{key}.{ending}"]) as (temporary,):
            write(temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            path = self.folder / f"{key}-{file_hash(temporary)[:_DIGITS]}.{ending}"
            os.replace(temporary, path)
        for other in older:
            if other != path:
                # Another process may have removed it, or read it now.
                with contextlib.suppress(OSError):
                    other.unlink()
        return path
