# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fetch objects around positions chunk by chunk, or whole tables; check, keep and join the answers.

A service may lose rows without an error. Four checks find that. Some positions of each chunk are
sent twice, and must have as many objects both times. An answer of a round number of rows may have
met a limit. An answer without rows is asked for once more. An answer far below the mean density of
the catalogue is doubtful. A doubtful chunk is asked again in halves; if that does not help, there
is a warning, and the answer is not kept. Objects must lie where they were asked for, which finds
columns and units that were mixed up.
"""

import copy
import logging
import time
from collections import deque
from typing import NamedTuple

import numpy as np
from astropy.coordinates import angular_separation
from astropy.table import Column, MaskedColumn, Table, vstack

from claxboi.utils import Progress, distinct_rows, warn

from ._cache import now, question_key
from ._canonical import canonical_table, empty_table
from ._service import CutAnswerError, Matches
from .exceptions import AnswerError, CacheError, ServiceError

__all__ = ["Job", "Summary", "chunk_length", "fetch_chunks", "fetch_whole"]

log = logging.getLogger(__name__)

# Rows expected in one answer: a factor of 20 below the services' limit, for the sky is not even.
_TARGET_ROWS = 100_000
# A chunk that a gateway gave up on is split, down to this.
_SMALLEST_SPLIT = 500
# A chunk with doubtful numbers is split, down to this; then it is asked again as it is.
_SMALLEST_DOUBT = 20
_LONGEST_WAIT_S = 120.0
# One in `_TWICE` positions of a chunk is sent twice, but at least `_ALL_TWICE`.
_TWICE, _ALL_TWICE = 20, 50
# The limits of services are multiples of this.
_ROUND = 1000
# The sky is not even: near the poles of the Galaxy Gaia has a tenth of its mean density.
_EMPTIEST = 0.1
_IMPOSSIBLE = 1e-6
# An answer without rows is kept only where fewer than this are expected.
_FEW = 3.0
_SKY_DEG2 = 41_253
# Stars move between the epoch of the search and that of the position in the table: Barnard's star
# 3 arcmin in 16 years. Positions that were mixed up are off by far more.
_MOTION_ARCSEC = 300.0
# A catalogue whose number of rows is known about has at least this part of it.
_SHORT = 0.9


class Summary(NamedTuple):
    """
    Origin of the rows of a fetch.
    """

    n_chunks: int
    """Chunks in all."""

    n_cached: int
    """Chunks that were in the cache."""

    oldest: str
    """Date of the oldest one, UTC; empty if there was none."""


class Job(NamedTuple):
    """
    A request: the service, the positions, and how failures are handled.
    """

    service: object
    """A `Service`."""

    cache: object
    """A `Cache`."""

    record: object
    """The `Record` of the catalogue."""

    retries: int
    """Repetitions after a failure that may pass."""

    retry_wait_s: float
    """Seconds before the first one."""

    show_progress: bool = False
    """Whether to show a progress bar."""

    @property
    def label(self):
        """
        Title of the catalogue, for messages.
        """
        return self.record.title

    def expected(self, n, radius_arcsec):
        """
        Estimate how many objects lie near positions by chance.

        Parameters
        ----------
        n : int
            Number of positions, anywhere in the sky.
        radius_arcsec : float
            Search radius.

        Returns
        -------
        expected : float
            0 where the number of objects is not known, and of a table at hand.
        """
        density = (self.record.rows or 0) / _SKY_DEG2 if self.service.server else 0.0
        return n * density * np.pi * (radius_arcsec / 3600) ** 2

    def question(self, **more):
        """
        Describe the request, for the key of its cache entry.

        Parameters
        ----------
        **more
            Further parts of the question.

        Returns
        -------
        question : dict
        """
        columns = self.service.columns
        return {
            "service": self.service.name,
            "server": self.service.server,
            "table": self.service.table,
            "own": dict(self.service.own),
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
        The service.
    density_deg2 : float or None
        Objects per square degree.
    radius_arcsec : float
        Search radius.
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
        The request.
    ra_deg, dec_deg : `~numpy.ndarray` of float64
        The positions.
    radius_arcsec : float
        Search radius.
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
    todo = deque((start, min(start + length, n), False) for start in range(0, n, length))
    parts, dates, doubtful = [], [], []
    n_chunks = n_cached = 0
    is_checked = False
    with Progress(n, f"{job.label} from {job.service.name}", show=job.show_progress) as progress:
        while todo:
            start, stop, is_half = todo.popleft()
            ra, dec = ra_deg[start:stop], dec_deg[start:stop]
            key = question_key(question, ra, dec)
            part = job.cache.load(key)
            where = f"{job.label}, positions {start} to {stop - 1} of {n}"
            is_cached = part is not None
            if not is_cached:
                _refuse_offline(job, where)
                if not is_checked:
                    job.cache.prepare()
                    _persist(job, where, key, lambda: job.service.check(ra_deg[0], dec_deg[0]))
                    is_checked = True
                part = _ask(job, where, key, ra, dec, radius_arcsec=radius_arcsec)
            expected = job.expected(stop - start, radius_arcsec)
            is_short = not is_cached and _is_short(len(part), expected)
            is_doubt = is_short and not (part.meta["is_cut"] or is_half or stop - start == 1)
            if is_doubt:
                part = _cut(job, key, is_doubt=True)
            if part.meta["is_cut"]:
                is_doubt = part.meta.get("is_doubt", False)
                todo.extendleft((*half, is_doubt) for half in _halves(start, stop, where))
                continue
            if is_short:
                doubtful.append((len(part), stop - start))
            elif not is_cached and (len(part) or expected < _FEW):
                job.cache.store(key, part)
            n_chunks += 1
            n_cached += is_cached
            dates.append(part.meta["date"])
            part["query_index"] += start
            parts.append(part)
            progress.update(stop - start)
    _report(job, parts, doubtful, radius_arcsec)
    table = _assemble(parts, job.service)
    log.info("%s: %d objects near %d positions", job.label, len(table), n)
    return table, Summary(n_chunks, n_cached, min(dates, default=""))


def _is_short(n_rows, expected):
    """Whether an answer is too short to be true, even in the emptiest part of the sky."""
    least = _EMPTIEST * expected
    # scipy takes half a second to import.
    from scipy.special import pdtr

    return n_rows < least and pdtr(n_rows, least) < _IMPOSSIBLE


def _report(job, parts, doubtful, radius_arcsec):
    """Warn of rows that came twice, and of answers that are too short."""
    n_equal = sum(part.meta.get("n_equal", 0) for part in parts)
    if n_equal:
        _warn_equal(job, n_equal)
    if not doubtful:
        return
    job.cache.mark_doubtful()
    n_rows, n = (sum(values) for values in zip(*doubtful, strict=True))
    expected = job.expected(n, radius_arcsec)
    message = (
        f"{job.label}: {job.service.name} gives {n_rows} objects near {n} positions, where about "
        f"{expected:.0f} are expected at the mean density"
    )
    if not n_rows and job.record.area_deg2 >= _SKY_DEG2:
        raise AnswerError(
            f"{message} of a catalogue of the whole sky: the service has lost them. Try again "
            "later, or choose another service"
        )
    warn(
        f"{message}: these positions may lie outside its footprint ({job.record.coverage or '?'}), "
        "or the service has lost rows. The answer is not kept: the next call asks again"
    )


def _warn_equal(job, n_equal):
    warn(f"{job.label}: {n_equal} rows that repeat another one exactly were dropped")


def _refuse_offline(job, where):
    if job.cache.mode == "only":
        raise CacheError(
            f"{where}: not in the cache {job.cache.folder} (or too old), and no service may be "
            "asked (cache='only', fetch=False or claxboi.conf.offline)"
        )


def fetch_whole(job):
    """
    Fetch all rows of a table.

    A table that is shorter than its record says, or of unknown length, is asked for again in two
    halves of the sky.

    Parameters
    ----------
    job : `Job`
        The request.

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
        _refuse_offline(job, job.label)
        job.cache.prepare()
        table = _ask_whole(job, key)
        n_rows = len(table)
        rows = job.record.rows
        is_known = rows is not None and "rows" not in job.record.unconfirmed
        if not is_known or n_rows < rows:
            # Half a sky has no rows without a position.
            n_placed = np.isfinite(np.ma.filled(table["ra"], np.nan)).sum()
            halves = [_ask_whole(job, key, pole) for pole in (90.0, -90.0)]
            halves = vstack(halves, metadata_conflicts="silent")
            is_other = len(distinct_rows(halves)) != n_placed
            table = vstack([table, halves], metadata_conflicts="silent")
            # The halves repeat rows of the whole.
            table = table[distinct_rows(table)]
            is_other |= len(table) != n_rows
        least = rows if is_known else _SHORT * (rows or 0)
        is_doubtful = len(table) < least or (not is_known and is_other)
        table.meta = {"date": now(), "is_cut": False}
        if is_doubtful:
            job.cache.mark_doubtful()
            known = f"{rows} are expected" if len(table) < least else f"{n_rows} at first"
            warn(
                f"{job.label}: {len(table)} rows came, but {known}; the service may have cut "
                "the table. It is not kept: the next call asks again"
            )
        else:
            job.cache.store(key, table)
    date = table.meta["date"]
    table.meta = {}
    return table, Summary(1, int(is_cached), date)


def _ask_whole(job, key, pole_deg=None):
    """Ask for all rows, or for those of one hemisphere."""
    try:
        raw = _persist(job, job.label, key, lambda: job.service.whole(pole_deg))
    except CutAnswerError as err:
        raise AnswerError(f"{job.label}: {job.service} gives only a part of the table") from err
    # VizieR leaves out tables without rows.
    table = canonical_table(raw, job.service) if raw.colnames else empty_table(job.service.columns)
    if pole_deg is None and not len(table):
        raise AnswerError(f"{job.label}: {job.service} gives no rows of the whole table")
    rows = distinct_rows(table)
    if pole_deg is None and len(rows) < len(table):
        _warn_equal(job, len(table) - len(rows))
    return table[rows]


def _ask(job, where, key, ra, dec, *, radius_arcsec):
    """
    Ask for one chunk and check it; where the answer is cut, keep that.
    """
    try:
        part = _persist(job, where, key, lambda: _match(job.service, ra, dec, radius_arcsec))
        if not len(part) and len(ra) > 1 and job.service.server:
            part = _persist(job, where, key, lambda: _match(job.service, ra, dec, radius_arcsec))
    except CutAnswerError:
        return _cut(job, key)
    except ServiceError as err:
        # A gateway gives up after some minutes, however long the client would wait.
        if err.status != 504 or len(ra) <= _SMALLEST_SPLIT:
            raise
        log.warning("%s: the service takes too long, so the chunk is split", where)
        return Table(meta={"is_cut": True})
    rows = distinct_rows(part)
    part.meta = {"date": now(), "is_cut": False, "n_equal": len(part) - len(rows)}
    return part[rows]


def _cut(job, key, *, is_doubt=False):
    """
    Keep that an answer lacks rows, or may lack some: its halves are asked for instead.
    """
    part = Table({"query_index": MaskedColumn([], dtype=np.int64)})
    part.meta = {"date": now(), "is_cut": True, "is_doubt": is_doubt}
    job.cache.store(key, part)
    return part


def _match(service, ra, dec, radius_arcsec):
    """
    Find the objects near positions, some of which are sent twice.
    """
    if not service.server:
        return _part(service.match(ra, dec, radius_arcsec), service, ra, dec, radius_arcsec)
    n = len(ra)
    twice = np.unique(np.linspace(0, n - 1, min(n, max(_ALL_TWICE, n // _TWICE))).astype(int))
    sent = np.concatenate([np.arange(n), twice])
    again = dec[twice] - np.copysign(service.repeat_offset_deg, dec[twice])
    matches = service.match(ra[sent], np.concatenate([dec, again]), radius_arcsec)
    is_first = matches.index < n
    counts = np.bincount(matches.index, minlength=len(sent))
    n_rows = len(matches.index)
    # One match for each of a round number of positions is not rare.
    is_round = n > 1 and n_rows > 0 and n_rows % _ROUND == 0 and n_rows != len(sent)
    if not np.array_equal(counts[twice], counts[n:]) or is_round:
        if n > _SMALLEST_DOUBT:
            raise CutAnswerError
        if not is_round:
            raise AnswerError(
                f"{service}: repeated positions have different objects", is_transient=True
            )
    matches = Matches(*(values[is_first] for values in matches))
    return _part(matches, service, ra, dec, radius_arcsec)


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


def _part(matches, service, ra_deg, dec_deg, radius_arcsec):
    if len(matches.index):
        table = canonical_table(matches.table, service)
    else:
        table = empty_table(service.columns)
    separation = matches.separation
    if service.server:
        positions = ra_deg[matches.index], dec_deg[matches.index], table["ra"], table["dec"]
        true = 3600 * np.degrees(
            angular_separation(*(np.radians(np.asarray(x, float)) for x in positions))
        )
        separation = np.where(np.isnan(separation), true, separation)
        _check_separation(separation, true, service, radius_arcsec)
    table.add_column(MaskedColumn(matches.index), name="query_index", index=0)
    table.add_column(MaskedColumn(separation, unit="arcsec"), name="separation", index=1)
    return table


def _check_separation(separation, true, service, radius_arcsec):
    """Refuse objects far from the positions that were sent, and separations in another unit."""
    # Objects without a position fail this, too.
    if not np.all(true <= radius_arcsec + _MOTION_ARCSEC):
        raise AnswerError(
            f"{service}: the answer has objects far from the positions that were sent",
            is_transient=True,
        )
    is_apart = true > 0.1
    if np.count_nonzero(is_apart) < 3:
        return
    # Motion makes some larger and others smaller, a wrong unit all by one factor.
    low, middle, high = np.quantile(separation[is_apart] / true[is_apart], [0.1, 0.5, 0.9])
    if high - low < 0.05 * middle and not 0.5 < middle < 2:
        raise AnswerError(
            f"{service}: the separations in the answer are {middle:.3g} times those of its "
            "positions",
            is_transient=True,
        )


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
