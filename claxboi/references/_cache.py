# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Cache of fetched answers: one file of a content store for each checked chunk.
"""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.config import get_cache_dir
from astropy.table import MaskedColumn, Table

from claxboi.config import conf
from claxboi.io import table_from_arrow
from claxboi.utils import ContentStore, check_names

from .exceptions import CacheError

if TYPE_CHECKING:
    from collections.abc import Iterable

try:
    import pyarrow as pa
    from pyarrow import parquet
except ImportError:  # ECSV, which needs nothing, is slower
    pa = None

__all__ = [
    "Cache",
    "answers_are_kept",
    "cache_folder",
    "now",
    "question_key",
    "recorded_answers",
]

_FORMAT = 1
_HAS_TEXT = "columns without masked text"
_META = b"claxboi"
DOUBTFUL = "doubtful"
# Dicts that `recorded_answers` fills.
_recorders = []


def now():
    """
    Return the date and time.

    Returns
    -------
    date : str
        UTC, to the second.
    """
    return datetime.now(UTC).isoformat(timespec="seconds")


def question_key(question, ra_deg=None, dec_deg=None):
    """
    Return the hash of a question, which names its cache entry.

    Parameters
    ----------
    question : dict
        Service, server, table, columns, radius: anything that JSON can hold.
    ra_deg, dec_deg : `~numpy.ndarray` of float64, optional
        The positions.

    Returns
    -------
    key : str
        32 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps([_FORMAT, question], sort_keys=True).encode())
    for values in (ra_deg, dec_deg):
        if values is not None:
            digest.update(np.ascontiguousarray(values, "<f8").tobytes())
    return digest.hexdigest()[:32]


def cache_folder(conf):
    """
    Find the folder of the cache.

    Parameters
    ----------
    conf : `~claxboi.config.Conf`
        Settings.

    Returns
    -------
    folder : `~pathlib.Path`
        It need not exist.
    """
    if conf.cache_dir:
        return Path(conf.cache_dir).expanduser()
    return Path(get_cache_dir()) / "claxboi" / "references"


@contextmanager
def recorded_answers() -> Any:
    """
    Record which cache entries are used inside a ``with`` block.

    Yields
    ------
    answers : dict of str to None
        Their names, in the order of use.

    Examples
    --------
    >>> from claxboi.references import answers_are_kept, recorded_answers
    >>> with recorded_answers() as answers:
    ...     pass
    >>> list(answers), answers_are_kept(answers)
    ([], True)
    """
    answers = {}
    _recorders.append(answers)
    try:
        yield answers
    finally:
        _recorders[:] = [other for other in _recorders if other is not answers]


def answers_are_kept(answers: Iterable[str]) -> bool:
    """
    Check that the cache still holds the answers from which a result was made.

    Parameters
    ----------
    answers : iterable of str
        Their names, from `recorded_answers`.

    Returns
    -------
    are_kept : bool
        False if one was replaced, deleted or doubtful.

    Examples
    --------
    >>> from claxboi.references import answers_are_kept
    >>> answers_are_kept(["0123-of-another-machine.fits"])
    False
    """
    answers = check_names(answers, "answers")
    folder = cache_folder(conf)
    return all((folder / name).is_file() for name in answers)


class Cache:
    """
    The entries of one catalogue.

    Parameters
    ----------
    folder : `~pathlib.Path`
        Folder of the entries.
    mode : {True, False, "only"}
        True uses the cache, False only replaces its entries, "only" uses nothing else.
    max_age_s : float, optional
        Entries older than this, in seconds, do not count.
    """

    def __init__(self, folder, mode, max_age_s=None):
        self.mode = mode
        self._store = ContentStore(folder)
        self._max_age_s = max_age_s

    @property
    def folder(self):
        """
        Folder of the entries.
        """
        return self._store.folder

    def prepare(self):
        """
        Check that entries can be written, before anything is asked for.

        Raises
        ------
        CacheError
            If they cannot.
        """
        if not self.mode:
            return
        try:
            self._store.prepare()
        except OSError as err:
            raise CacheError(self._not_writable(err)) from err

    def load(self, key):
        """
        Read an entry.

        Parameters
        ----------
        key : str
            Hash of the question, see `question_key`.

        Returns
        -------
        table : `~astropy.table.Table` or None
            With ``meta["date"]``; None if there is no entry, or only damaged or old ones.
        """
        if not self.mode:
            return None
        found = []
        for path in self._store.paths(key):
            table = self._read(path)
            if table is not None:
                found.append((path, table))
        path, newest = max(found, key=lambda pair: pair[1].meta["date"], default=(None, None))
        if newest is not None and self._max_age_s is not None:
            age = datetime.now(UTC) - datetime.fromisoformat(newest.meta["date"])
            if age.total_seconds() > self._max_age_s:
                return None
        if newest is not None:
            self._remember(path.name)
        return newest

    def store(self, key, table):
        """
        Keep an entry.

        Parameters
        ----------
        key : str
            Hash of the question.
        table : `~astropy.table.Table`
            The checked answer, with its meta.

        Raises
        ------
        CacheError
            If the disk is full or the folder is read-only.
        """
        # A fresh answer takes the place of one that was kept, whatever the mode.
        if not (self.mode is True or (self.mode is False and self._store.paths(key))):
            return
        ending, content = _encode(table)
        try:
            path = self._store.keep(key, ending, lambda file: file.write_bytes(content))
        except OSError as err:
            raise CacheError(self._not_writable(err)) from err
        self._remember(path.name)

    def mark_doubtful(self):
        """
        Record that a doubtful answer was used, so that results made from it are not kept.
        """
        self._remember(DOUBTFUL)

    def _remember(self, name):
        for answers in _recorders:
            answers[f"{self.folder.name}/{name}"] = None

    def _read(self, path):
        decode = _DECODERS.get(path.suffix[1:])
        try:
            if decode is None or not self._store.is_intact(path):
                return None
            return decode(path.read_bytes())
        except FileNotFoundError:
            # Another process has just replaced it.
            return None
        except OSError as err:
            raise CacheError(f"the cache entry {path} cannot be read: {err}") from err

    def _not_writable(self, err):
        return (
            f"the cache folder {self.folder} cannot be written ({err}); what had arrived before "
            "is kept. Make room, set claxboi.conf.cache_dir to another folder, or pass cache=False"
        )


def _encode(table):
    stream = io.BytesIO()
    if pa is not None:
        parquet.write_table(_to_arrow(table), stream)
        return "parquet", stream.getvalue()
    # ECSV has one way to write nothing: it says which columns have empty text, and not masked text.
    has_text = [
        name
        for name in table.colnames
        if table[name].dtype.kind == "U" and not np.any(MaskedColumn(table[name]).mask)
    ]
    table = Table(table, copy=False)
    table.meta = {**table.meta, _HAS_TEXT: has_text}
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    return "ecsv", text.getvalue().encode()


def _to_arrow(table):
    arrays = {
        name: pa.array(np.asarray(column.data), mask=np.asarray(column.mask))
        for name, column in ((name, MaskedColumn(table[name])) for name in table.colnames)
    }
    described = {
        name: {
            "unit": "" if table[name].unit is None else table[name].unit.to_string(),
            "description": table[name].description or "",
            "meta": dict(table[name].meta),
        }
        for name in table.colnames
    }
    meta = json.dumps({"meta": dict(table.meta), "columns": described})
    return pa.table(arrays).replace_schema_metadata({_META: meta})


def _from_parquet(content):
    arrow = parquet.read_table(pa.BufferReader(content))
    head = json.loads(arrow.schema.metadata[_META])
    table = Table(meta=head["meta"])
    for name, column in table_from_arrow(arrow).columns.items():
        own = head["columns"][name]
        table[name] = MaskedColumn(
            column,
            unit=own["unit"] or None,
            description=own["description"] or None,
            meta=own["meta"],
        )
    return table


def _from_ecsv(content):
    table = Table.read(io.BytesIO(content), format="ascii.ecsv")
    for name in table.meta.pop(_HAS_TEXT, ()):
        column = MaskedColumn(table[name])
        column[column.mask] = ""
        table[name] = column
    return table


_DECODERS = {"ecsv": _from_ecsv}
if pa is not None:
    _DECODERS["parquet"] = _from_parquet
