# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The job: chunks asked one after the other, checked, kept, and put together.
"""

import copy
import logging
import time
from collections import deque
from typing import NamedTuple

import numpy as np
from astropy.coordinates import angular_separation
from astropy.table import Column, MaskedColumn, Table, vstack

from claxboi.utils import Progress

from ._cache import now, question_key
from ._canonical import canonical_table, empty_table
from ._service import CutAnswerError
from .exceptions import AnswerError, CacheError, ServiceError

__all__ = ["Job", "Summary", "chunk_length", "fetch_chunks", "fetch_whole"]

log = logging.getLogger(__name__)

# Rows expected in one answer: a factor of 20 below the services' limit, for the sky is not even.
_TARGET_ROWS = 100_000
# A chunk that a gateway gave up on is split, down to this.
_SMALLEST_SPLIT = 500
_LONGEST_WAIT_S = 120.0


class Summary(NamedTuple):
    """
    How the rows of a fetch came about.
    """

    n_chunks: int
    """Chunks in all."""

    n_cached: int
    """Chunks that were in the cache."""

    oldest: str
    """Date of the oldest one, UTC; empty if there was none."""


class Job(NamedTuple):
    """
    What to ask, of whom, and how to deal with failures.
    """

    service: object
    """A `Service`."""

    cache: object
    """A `Cache`."""

    label: str
    """Title of the catalogue, for messages."""

    retries: int
    """Repetitions after a failure that may pass."""

    retry_wait_s: float
    """Seconds before the first one."""

    show_progress: bool = False
    """Whether to show a progress bar."""

    def question(self, **more):
        """
        Describe what is asked, for the key of its cache entry.

        Parameters
        ----------
        **more
            What else identifies it.

        Returns
        -------
        question : dict
        """
        columns = self.service.columns
        return {
            "service": self.service.name,
            "server": self.service.server,
            "table": self.service.table,
            "columns": columns
            and {k: [c.names[self.service.name], c.type, c.unit] for k, c in columns.items()},
            **more,
        }


def chunk_length(service, density_deg2, radius_arcsec, chunk_size):
    """
    Choose how many positions to send at once.

    Parameters
    ----------
    service : `Service`
        Who is asked.
    density_deg2 : float or None
        Objects per square degree.
    radius_arcsec : float
        How near.
    chunk_size : int
        The most that is wanted.

    Returns
    -------
    length : int
        At least 1.
    """
    length = chunk_size
    if service.most_positions is not None:
        length = min(length, service.most_positions)
    if density_deg2:
        expected = density_deg2 * np.pi * (radius_arcsec / 3600) ** 2
        length = min(length, int(_TARGET_ROWS / expected) if expected > 0 else length)
    return max(length, 1)


def fetch_chunks(job, ra_deg, dec_deg, radius_arcsec, length):
    """
    Find the objects near positions, chunk by chunk.

    Parameters
    ----------
    job : `Job`
        What to ask.
    ra_deg, dec_deg : `~numpy.ndarray` of float64
        The positions.
    radius_arcsec : float
        How near.
    length : int
        Positions in a chunk.

    Returns
    -------
    table : `~astropy.table.Table`
        ``query_index, separation`` and the canonical columns, sorted.
    summary : `Summary`
    """
    n = len(ra_deg)
    question = job.question(radius_arcsec=radius_arcsec)
    todo = deque((start, min(start + length, n)) for start in range(0, n, length))
    parts, dates = [], []
    n_chunks = n_cached = 0
    is_checked = False
    with Progress(n, f"{job.label} from {job.service.name}", show=job.show_progress) as progress:
        while todo:
            start, stop = todo.popleft()
            ra, dec = ra_deg[start:stop], dec_deg[start:stop]
            key = question_key(question, ra, dec)
            part = job.cache.load(key)
            where = f"{job.label}, positions {start} to {stop - 1} of {n}"
            is_cached = part is not None
            if not is_cached:
                if job.cache.mode == "only":
                    raise _not_kept(job, where)
                if not is_checked:
                    job.cache.prepare()
                    _persist(job, where, key, lambda: job.service.check(ra_deg[0], dec_deg[0]))
                    is_checked = True
                part = _ask(job, where, key, ra, dec, radius_arcsec=radius_arcsec)
            if part.meta["is_cut"]:
                todo.extendleft(_halves(start, stop, where))
                continue
            n_chunks += 1
            n_cached += is_cached
            dates.append(part.meta["date"])
            part["query_index"] += start
            parts.append(part)
            progress.update(stop - start)
    table = _assemble(parts, job.service)
    log.info("%s: %d objects near %d positions", job.label, len(table), n)
    return table, Summary(n_chunks, n_cached, min(dates, default=""))


def fetch_whole(job):
    """
    Fetch all rows of a table.

    Parameters
    ----------
    job : `Job`
        What to ask.

    Returns
    -------
    table : `~astropy.table.Table`
        Under canonical names.
    summary : `Summary`
    """
    key = question_key(job.question(rows="all"))
    table = job.cache.load(key)
    is_cached = table is not None
    if not is_cached:
        if job.cache.mode == "only":
            raise _not_kept(job, job.label)
        job.cache.prepare()
        try:
            raw = _persist(job, job.label, key, job.service.whole)
        except CutAnswerError as err:
            raise AnswerError(f"{job.label}: {job.service} gives only a part of the table") from err
        table = canonical_table(raw, job.service)
        table.meta = {"date": now(), "is_cut": False}
        job.cache.store(key, table)
    date = table.meta["date"]
    table.meta = {}
    return table, Summary(1, int(is_cached), date)


def _not_kept(job, where):
    return CacheError(
        f"{where}: not in the cache {job.cache.folder} (or too old), and no service may be asked "
        "(cache='only', fetch=False or claxboi.conf.offline)"
    )


def _ask(job, where, key, ra, dec, *, radius_arcsec):
    """
    Ask for one chunk, check it, and keep it; where the answer is cut, keep that.
    """
    service = job.service
    try:
        matches = _persist(job, where, key, lambda: service.match(ra, dec, radius_arcsec))
    except CutAnswerError:
        part = Table({"query_index": MaskedColumn([], dtype=np.int64)})
        part.meta = {"date": now(), "is_cut": True}
    except ServiceError as err:
        # A gateway gives up after some minutes, however long the client would wait.
        if err.status != 504 or len(ra) <= _SMALLEST_SPLIT:
            raise
        log.warning("%s: it takes the service too long, so the chunk is split", where)
        return Table(meta={"is_cut": True})
    else:
        part = _part(matches, service, ra, dec)
        part.meta = {"date": now(), "is_cut": False}
    job.cache.store(key, part)
    return part


def _halves(start, stop, where):
    """
    Split a chunk, the second half first, as a queue is filled from its head.
    """
    if stop - start == 1:
        raise AnswerError(
            f"{where}: there are more objects around this one position than the service gives; "
            "ask for a smaller radius"
        )
    middle = (start + stop) // 2
    return (middle, stop), (start, middle)


def _part(matches, service, ra_deg, dec_deg):
    if len(matches.index):
        table = canonical_table(matches.table, service)
    else:
        table = empty_table(service.columns)
    separation = matches.separation
    if np.isnan(separation).any():
        positions = ra_deg[matches.index], dec_deg[matches.index], table["ra"], table["dec"]
        separation = 3600 * np.degrees(
            angular_separation(*(np.radians(np.asarray(x, float)) for x in positions))
        )
    table.add_column(MaskedColumn(matches.index), name="query_index", index=0)
    table.add_column(MaskedColumn(separation, unit="arcsec"), name="separation", index=1)
    return table


def _assemble(parts, service):
    filled = [part for part in parts if len(part)]
    if not filled:
        table = empty_table(service.columns)
        table.add_column(Column([], dtype=np.int64), name="query_index", index=0)
        table.add_column(Column([], dtype=float, unit="arcsec"), name="separation", index=1)
        return table
    table = filled[0] if len(filled) == 1 else vstack(filled, metadata_conflicts="silent")
    table.meta = {}
    # The services promise no order.
    order = np.lexsort([np.asarray(table[n]) for n in ("dec", "ra", "separation", "query_index")])
    table = table[order]
    for name in ("query_index", "separation"):
        table[name] = Column(np.asarray(table[name]), unit=table[name].unit)
    return table


def _persist(job, where, key, ask):
    """
    Ask again, after longer and longer waits, while the failure is one that may pass.
    """
    attempt = 0
    while True:
        try:
            return ask()
        except (ServiceError, AnswerError) as err:
            if not err.is_transient or attempt >= job.retries:
                tries = f" ({attempt + 1} attempts)" if attempt else ""
                failure = copy.copy(err)
                failure.args = (f"{where}: {err}{tries}",)
                raise failure from err
            # Jobs that failed together shall not come back together: the key spreads them.
            spread = 0.5 + int(key[:8], 16) / 2**33
            wait = min(job.retry_wait_s * 2**attempt, _LONGEST_WAIT_S) * spread
            log.info("%s: %s; asking again in %.0f s", where, err, wait)
            time.sleep(wait)
            attempt += 1
