# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Plan a fetch before anything is sent: requests, rows, minutes and megabytes.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["FetchPlan", "make_plan"]

# Rules of thumb, not promises: seconds for a request, for a position and for a row of an answer,
# and bytes that one value takes in the cache.
_S_PER_REQUEST = 3.0
_S_PER_POSITION = 2e-4
_S_PER_ROW = 1e-4
_BYTES_PER_VALUE = 6


@dataclass(frozen=True)
class FetchPlan:
    """
    Size and duration of a query.

    Printing it gives a line of text. The numbers of rows, minutes and megabytes are estimates: the
    density of a catalogue varies over the sky, and so does the speed of a service.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.coordinates import SkyCoord
    >>> from claxboi.references import get_reference
    >>> m31 = SkyCoord([10.68, 10.70], [41.27, 41.30], unit="deg")
    >>> plan = get_reference("gaia").plan(m31, radius=5 * u.arcsec)
    >>> plan.service, plan.n_positions, plan.n_requests
    ('xmatch', 2, 2)
    """

    reference: str
    """Name of the catalogue."""

    table: str
    """Its id."""

    service: str
    """Name of the service."""

    server: str
    """Its address."""

    n_positions: int
    """Positions."""

    n_chunks: int
    """Chunks of them, one request each."""

    n_cached: int
    """Chunks that are in the cache."""

    oldest: str
    """Date of the oldest one of those, UTC; empty if there is none."""

    n_requests: int
    """Requests, one more to check the table and its columns."""

    n_rows: int | None
    """Rows expected; None where the number of objects is unknown."""

    minutes: float
    """Expected duration."""

    megabytes: float
    """Expected size in the cache."""

    def __str__(self):
        rows = "an unknown number of" if self.n_rows is None else f"about {self.n_rows:,}"
        chunks = "1 chunk" if self.n_chunks == 1 else f"{self.n_chunks:,} chunks"
        cached = f", {self.n_cached} of them cached since {self.oldest}" if self.n_cached else ""
        asked = f"{self.n_positions:,} positions in {chunks}"
        if not self.n_positions:
            asked = "the whole table"
        return (
            f"{self.reference} ({self.table}) from {self.service}: {asked}{cached}; "
            f"{self.n_requests} requests to {self.server}, {rows} rows, about "
            f"{self.minutes:.1f} min and {self.megabytes:.1f} MB"
        )


def make_plan(record, job, ra_deg, dec_deg, *, radius_arcsec, length):
    """
    Plan a query.

    Parameters
    ----------
    record : `Record`
        The catalogue.
    job : `Job`
        The request.
    ra_deg, dec_deg : `~numpy.ndarray` of float64
        The positions.
    radius_arcsec : float
        Search radius.
    length : int or None
        Positions in a chunk; None where the table is fetched whole.

    Returns
    -------
    plan : `FetchPlan`
    """
    from ._cache import question_key

    n = len(ra_deg)
    if length is None:
        dates = [_date(job.cache.load(question_key(job.question(rows="all"))))]
        expected = record.rows
    else:
        question = job.question(radius_arcsec=radius_arcsec)
        todo = [(start, min(start + length, n)) for start in range(0, n, length)]
        dates = []
        while todo:
            start, stop = todo.pop()
            part = slice(start, stop)
            entry = job.cache.load(question_key(question, ra_deg[part], dec_deg[part]))
            if entry is not None and entry.meta["is_cut"]:
                # Its halves are asked for instead.
                middle = (start + stop) // 2
                todo += [(start, middle), (middle, stop)]
            else:
                dates.append(_date(entry))
        density = record.density_deg2
        area = np.pi * (radius_arcsec / 3600) ** 2
        expected = None if density is None else round(n * density * area)
    kept = [date for date in dates if date]
    n_missing = len(dates) - len(kept)
    share = n_missing / max(len(dates), 1)
    n_requests = 0
    if n_missing and job.service.server:
        # One more to check the columns; a table of unknown length is asked for in halves, too.
        n_requests = n_missing + 1 if length is not None else 3 - 2 * _is_known(record)
    rows = share * (expected or 0)
    seconds = n_requests * _S_PER_REQUEST
    if n_requests:
        seconds += share * n * _S_PER_POSITION + rows * _S_PER_ROW
    n_columns = 2 + len(job.service.columns or ())
    return FetchPlan(
        reference=record.name,
        table=job.service.table,
        service=job.service.name,
        server=job.service.server,
        n_positions=n,
        n_chunks=len(dates),
        n_cached=len(kept),
        oldest=min(kept, default=""),
        n_requests=n_requests,
        n_rows=expected,
        minutes=seconds / 60,
        megabytes=rows * n_columns * _BYTES_PER_VALUE / 1e6 if n_requests else 0.0,
    )


def _is_known(record):
    return record.rows is not None and "rows" not in record.unconfirmed


def _date(entry):
    return "" if entry is None else entry.meta["date"]
