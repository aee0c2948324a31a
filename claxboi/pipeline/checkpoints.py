# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Checkpoints: the table of each step, kept until its input, settings or references change.
"""

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from astropy.table import Column, MaskedColumn, Table

from claxboi.io import read_table, write_table
from claxboi.references import answers_are_kept
from claxboi.utils import ContentStore, digest, file_hash, remove_abandoned, replacing

__all__ = ["Checkpoints"]

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"


def _is_same(one, other):
    """Return whether two columns are identical, with their metadata."""
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
    Folder with the table after each step of a job, and a manifest.

    The file of a step has the columns that it added or changed; the table of a step is all files
    up to its own. The manifest has for each step: a key, which is a hash of the catalogue and the
    settings so far; the hashes of its file and of the file of the step before; the columns of its
    table in order; the answers of services that it used; and its warnings. A table is valid only if
    all of them match.

    Parameters
    ----------
    folder : path or None
        The folder, which is made when the first table is written. None keeps nothing.
    """

    def __init__(self, folder):
        self.folder = None if folder is None else Path(folder)
        self._entries = self._read_manifest()
        if self.folder is not None and self.folder.is_dir():
            remove_abandoned(self.folder)

    def find(self, keys):
        """
        Find the last step that is valid, together with all steps before it.

        Parameters
        ----------
        keys : dict of str to str
            The steps in order, each with its key.

        Returns
        -------
        step : str or None
            None if there is none.
        table : `~astropy.table.Table` or None
            Its table.
        """
        done, columns, meta = None, {}, {}
        for step in self.valid_steps(keys):
            part = read_table(self.folder / self._entries[step]["file"])
            columns.update(part.columns)
            if not set(self._entries[step]["columns"]) <= set(columns):
                break
            done, meta = step, part.meta
        if done is None:
            return None, None
        names = self._entries[done]["columns"]
        return done, Table({name: columns[name] for name in names}, meta=meta, copy=False)

    def valid_steps(self, keys):
        """
        List the valid steps, up to the first that is not.

        Parameters
        ----------
        keys : dict of str to str
            The steps in order, each with its key.

        Returns
        -------
        steps : list of str
        """
        steps = []
        for step, key in keys.items():
            if self.file_of(step, key) is None or not self._entries[step].get("columns"):
                break
            steps.append(step)
        return steps

    def warnings_of(self, steps):
        """
        List the warnings of completed steps.

        Parameters
        ----------
        steps : iterable of str
            The steps.

        Returns
        -------
        warnings : list of str
        """
        return [text for step in steps for text in self._entries[step].get("warnings", [])]

    def file_of(self, step, key):
        """
        Find the file of a step, if it is valid.

        Parameters
        ----------
        step : str
            The step.
        key : str
            The expected key.

        Returns
        -------
        path : `~pathlib.Path` or None
        """
        entry = self._entries.get(step)
        if entry is None:
            return None
        previous, content = entry.get("after") or (None, None)
        if entry["key"] != key or self.content_of(previous) != content:
            log.info("%s: repeated, because its input or settings changed", step)
            return None
        if not answers_are_kept(entry.get("answers", [])):
            log.info("%s: repeated, because the answers of services that it used changed", step)
            return None
        path = self.folder / entry["file"]
        if not path.is_file():
            return None
        for name, content in {**entry.get("files", {}), entry["file"]: entry["sha256"]}.items():
            other = self.folder / name
            if not other.is_file() or file_hash(other) != content:
                log.info(
                    "%s: repeated, because its file %s is missing or damaged", step, other.name
                )
                return None
        return path

    def keep(self, step, key, table, number, before=None, after=None, answers=(), warnings=()):
        """
        Write the columns that a step added or changed.

        Parameters
        ----------
        step, key : str
            The step and its key.
        table : `~astropy.table.Table`
            Its table.
        number : int
            Number of the step, for the name of the file.
        before : `~astropy.table.Table`, optional
            The table of the step before, which is kept. Default: this is the first one.
        after : str, optional
            The step before.
        answers : iterable of str, optional
            The answers of services that it used.
        warnings : iterable of str, optional
            Its warnings.
        """
        if self.folder is None:
            return
        old = {} if before is None else before.columns
        new = [
            name
            for name in table.colnames
            if name not in old or not _is_same(table.columns[name], old[name])
        ]
        # A file needs a column, even if only the metadata changed.
        part = {name: table.columns[name] for name in new or table.colnames[:1]}
        # The file is whole before the manifest names it.
        part = Table(part, meta=table.meta, copy=False)
        path = _keep(ContentStore(self.folder), f"{number}-{step}", part)
        self.note(
            step,
            key,
            path,
            columns=table.colnames,
            after=after and [after, self.content_of(after)],
            answers=list(answers),
            warnings=list(warnings),
        )

    def announce(self, step, key, path, **more):
        """
        Enter a file in the manifest that is about to be written.

        Parameters
        ----------
        step, key : str
            The step and its key.
        path : path
            The file, in the folder or beside it.
        **more
            More entries.
        """
        self._enter(step, {"key": key, "file": self._name(path), "sha256": "", **more})

    def is_announced(self, step, key):
        """
        Check if the file of a step belongs to this job, complete or not.

        Parameters
        ----------
        step, key : str
            The step and its key.

        Returns
        -------
        is_announced : bool
        """
        return self._entries.get(step, {}).get("key") == key

    def is_own(self, step, key, path):
        """
        Check if a file beside the folder is unchanged since this job wrote or found it.

        Parameters
        ----------
        step : str
            The step.
        key : str or None
            Its key; None accepts any.
        path : path
            The file.

        Returns
        -------
        is_own : bool
        """
        if key is not None and not self.is_announced(step, key):
            return False
        entry, name = self._entries.get(step, {}), self._name(path)
        known = [entry.get(kind, {}).get(name) for kind in ("files", "before")]
        return file_hash(path) in known

    def note(self, step, key, path, **more):
        """
        Add the complete file of a step to the manifest.

        Parameters
        ----------
        step, key, path
            As for `announce`.
        **more
            More entries.
        """
        date = datetime.now(UTC).isoformat(timespec="seconds")
        content = {"file": self._name(path), "sha256": file_hash(path)}
        self._enter(step, {"key": key, **content, "date": date, **more})

    def hashes(self, paths, named=None):
        """
        Hash files, under the names that the manifest has for them.

        Parameters
        ----------
        paths : iterable of path
            The files; those that are not there are left out.
        named : iterable of path, optional
            Their final names. Default: their own names.

        Returns
        -------
        hashes : dict of str to str
        """
        pairs = zip(paths, named or paths, strict=True)
        return {self._name(name): file_hash(path) for path, name in pairs if path.is_file()}

    def content_of(self, step):
        """
        Return the hash of the file of a step.

        Parameters
        ----------
        step : str or None
            The step.

        Returns
        -------
        content : str or None
            None if it has no file.
        """
        return None if step is None else self._entries.get(step, {}).get("sha256")

    def _name(self, path):
        return os.path.relpath(path, self.folder)

    def _enter(self, step, entry):
        self.folder.mkdir(exist_ok=True)
        self._entries[step] = {**entry, "seal": digest(entry)}
        with replacing(self.folder / MANIFEST, overwrite=True) as temporary:
            temporary.write_text(json.dumps(self._entries, indent=1), encoding="utf-8")

    def _read_manifest(self):
        path = None if self.folder is None else self.folder / MANIFEST
        if path is None or not path.is_file():
            return {}
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
            good = {step: entry for step, entry in entries.items() if _is_sealed(entry)}
        except (ValueError, AttributeError):
            good, entries = {}, None
        if good != entries:
            log.info("%s is damaged: the steps are repeated", path)
        return good


def _is_sealed(entry):
    content = {name: value for name, value in entry.items() if name != "seal"}
    return entry.get("seal") == digest(content)


def _keep(store, key, table):
    """Keep a table as FITS, or as ECSV where FITS cannot hold it; return the file."""

    def write(path):
        write_table(table, path)

    try:
        return store.keep(key, "fits", write)
    except (KeyError, TypeError, ValueError):
        return store.keep(key, "ecsv", write)
