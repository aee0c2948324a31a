# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Checkpoints: what each step made, kept until what it was made of changes.
"""

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from astropy.table import Column, MaskedColumn, Table

from claxboi.io import read_table, write_table
from claxboi.utils import file_hash, replacing

__all__ = ["Checkpoints"]

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"


def _is_same(one, other):
    """Say whether two columns are alike to the last bit, with all that is said of them."""
    if type(one) is not type(other) or not isinstance(one, Column):
        return one is other
    values = [np.ma.getdata(column) for column in (one, other)]
    said = [(c.unit, c.description, c.format, c.meta) for c in (one, other)]
    if said[0] != said[1] or values[0].dtype != values[1].dtype:
        return False
    if isinstance(one, MaskedColumn) and not np.array_equal(one.mask, other.mask):
        return False
    return np.array_equal(*values, equal_nan=values[0].dtype.kind == "f")


class Checkpoints:
    """
    The tables that the steps of a job made, in a folder, with a manifest.

    The file of a step has the columns that it added or changed; the table of a step is all files
    up to its own. The manifest has a key for each step, which stands for all that the step's table
    depends on, the hash of its file, and the columns of its table in their order. A table counts
    only if all of that fits.

    Parameters
    ----------
    folder : path or None
        The folder; it is made once there is something to keep. None keeps nothing.
    """

    def __init__(self, folder):
        self.folder = None if folder is None else Path(folder)
        self._entries = self._read_manifest()

    def find(self, keys):
        """
        Find the last step whose table is there as it should be, and so are all before it.

        Parameters
        ----------
        keys : dict of str to str
            The steps in order, each with its key.

        Returns
        -------
        step : str or None
            None: no step is done.
        table : `~astropy.table.Table` or None
            Its table.
        """
        done, columns, meta = None, {}, {}
        for step, key in keys.items():
            path = self.file_of(step, key)
            if path is None:
                break
            part = read_table(path)
            done, meta = step, part.meta
            columns.update(part.columns)
        if done is None:
            return None, None
        names = self._entries[done]["columns"]
        return done, Table({name: columns[name] for name in names}, meta=meta, copy=False)

    def file_of(self, step, key):
        """
        Find the file of a step, if it is the right one and whole.

        Parameters
        ----------
        step : str
            The step.
        key : str
            What its table should have been made of.

        Returns
        -------
        path : `~pathlib.Path` or None
        """
        entry = self._entries.get(step)
        if entry is None:
            return None
        if entry["key"] != key:
            log.info("%s: its input or settings changed, so it is done again", step)
            return None
        path = self.folder / entry["file"]
        if not path.is_file():
            return None
        if file_hash(path) != entry["sha256"]:
            log.info("%s: its file %s is damaged, so it is done again", step, path.name)
            return None
        return path

    def keep(self, step, key, table, number, before=None):
        """
        Keep what a step added to the table, or changed.

        Parameters
        ----------
        step, key : str
            The step, and what its table was made of.
        table : `~astropy.table.Table`
            Its table.
        number : int
            Which of the steps it is, for the name of the file.
        before : `~astropy.table.Table`, optional
            The table of the step before, which is kept. Default: this is the first one.
        """
        if self.folder is None:
            return
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"{number}-{step}.fits"
        old = {} if before is None else before.columns
        new = [
            name
            for name in table.colnames
            if name not in old or not _is_same(table.columns[name], old[name])
        ]
        # A step that changes the meta alone keeps some column: a file needs one.
        part = {name: table.columns[name] for name in new or table.colnames[:1]}
        # The file is whole before the manifest names it.
        write_table(Table(part, meta=table.meta, copy=False), path, overwrite=True)
        self.note(step, key, path, columns=table.colnames)

    def announce(self, step, key, path):
        """
        Say that the file of a step is about to be written, so that what a kill leaves is known.

        Parameters
        ----------
        step, key : str
            The step, and what its file will be made of.
        path : path
            The file, in the folder or beside it.
        """
        self._enter(step, {"key": key, "file": self._name(path), "sha256": ""})

    def is_announced(self, step, key):
        """
        Say whether the file of a step is one of this job, whole or not.

        Parameters
        ----------
        step, key : str
            The step, and what its file is made of.

        Returns
        -------
        is_announced : bool
        """
        return self._entries.get(step, {}).get("key") == key

    def note(self, step, key, path, **more):
        """
        Put the file of a step, which is whole now, into the manifest.

        Parameters
        ----------
        step, key, path
            As for `announce`.
        **more
            What else is to be known of it.
        """
        self._enter(
            step,
            {
                "key": key,
                "file": self._name(path),
                "sha256": file_hash(path),
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
                **more,
            },
        )

    def _name(self, path):
        return os.path.relpath(path, self.folder)

    def _enter(self, step, entry):
        self.folder.mkdir(exist_ok=True)
        self._entries[step] = entry
        with replacing(self.folder / MANIFEST, overwrite=True) as temporary:
            temporary.write_text(json.dumps(self._entries, indent=1), encoding="utf-8")

    def _read_manifest(self):
        path = None if self.folder is None else self.folder / MANIFEST
        if path is None or not path.is_file():
            return {}
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
            whole = all({"key", "file", "sha256"} <= entry.keys() for entry in entries.values())
        except (ValueError, AttributeError):
            whole = False
        if not whole:
            log.info("%s is damaged, so all steps are done again", path)
            return {}
        return entries
