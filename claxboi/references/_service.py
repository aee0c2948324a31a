# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Base class of the services, limits of their answers, and translation of their errors.
"""

import io
import socket
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from typing import NamedTuple

import numpy as np
import requests
from astropy.table import Table
from astroquery.exceptions import InvalidQueryError
from pyvo.dal.exceptions import DALAccessError, DALFormatError, DALQueryError
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from .exceptions import AnswerError, FetchError, ServiceError

__all__ = [
    "DEC",
    "INDEX",
    "RA",
    "SENT",
    "CutAnswerError",
    "Matches",
    "Service",
    "limit_answers",
    "plain_errors",
    "sent_table",
]

# Columns of the positions that are sent: no catalogue has such names, so nothing can collide.
INDEX, RA, DEC = SENT = ("cxb_idx", "cxb_ra", "cxb_dec")
# 4 micro-arcsec: a position that comes back is the one that was sent, however it was printed.
_SAME_DEG = 1e-9

# Status codes of failures that may pass: overload, gateways and restarts.
_TRANSIENT = (429, 500, 502, 503, 504)
# The whole of an answer may take so many times as long as a service may be silent.
_TOTAL = 4
# Bytes of an answer that are read at once.
_PART = 2**16
_ADVICE = {
    400: "the request is at fault: check the names of the table and its columns",
    403: "the service has locked out this address, as it does after too many parallel requests: "
    "wait, run one job at a time, and write to the service if it lasts",
}


class CutAnswerError(Exception):
    """
    The answer lacks rows: ask for fewer positions. Never reaches the caller.
    """


class Matches(NamedTuple):
    """
    The objects near a chunk of positions.
    """

    index: np.ndarray  # type: ignore[assignment]
    """Row of the position in the chunk, int64."""

    separation: np.ndarray
    """Arcsec; NaN where the service gives none."""

    table: Table
    """The objects, under the service's names."""


class _TooSlow(requests.Timeout):
    """
    An answer that trickles in.
    """


class _TooLarge(requests.RequestException):
    """
    An answer that is longer than any that was asked for.
    """


class LimitedAdapter(HTTPAdapter):
    """
    A transport with limits on time and size, which remembers the status of the last answer.

    It reads the whole answer and closes the connection before it returns.

    Parameters
    ----------
    seconds : float
        Longest wait for the next part of an answer.
    total_s : float
        Longest time for the whole of it.
    most_bytes : float
        Its largest size, decompressed.
    """

    last_status = None
    """HTTP status of the last answer."""

    last_reason = ""
    """Reason phrase of that status."""

    last_error = None
    """Error of the last request; pyvo tells no more than its text."""

    def __init__(self, seconds, total_s, most_bytes):
        self._seconds = seconds
        self._total_s = total_s
        self._most_bytes = most_bytes
        super().__init__()

    def send(self, request, **kwargs):
        """
        Send a request, as `requests` does.

        Parameters
        ----------
        request : `requests.PreparedRequest`
            The request.
        **kwargs
            As for `requests`.

        Returns
        -------
        response : `requests.Response`
        """
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._seconds
        self.last_status = self.last_error = None
        found = {}
        # A time-out is for each read: only a second thread can end one that drips.
        worker = threading.Thread(target=self._receive, args=(request, kwargs, found), daemon=True)
        worker.start()
        worker.join(self._total_s)
        self.close()
        if worker.is_alive():
            found["is_abandoned"] = True
            response = found.get("response")
            # Since urllib3 2.3; before, the thread ends with the connection.
            if hasattr(getattr(response, "raw", None), "shutdown"):
                with suppress(Exception):
                    response.raw.shutdown()
            found["error"] = _TooSlow(f"no complete answer within {self._total_s:g} s")
        if "error" in found:
            self.last_error = found["error"]
            raise self.last_error
        response = found["response"]
        self.last_status = response.status_code
        self.last_reason = response.reason
        return response

    def _read(self, response, found):
        content = io.BytesIO()
        for part in response.iter_content(_PART):
            content.write(part)
            if content.tell() > self._most_bytes or "is_abandoned" in found:
                response.raw.close()
                raise _TooLarge(f"the answer is longer than {self._most_bytes / 1e6:g} MB")
        content.seek(0)
        return content

    def _receive(self, request, kwargs, found):
        try:
            response = found["response"] = super().send(request, **kwargs)
            content = self._read(response, found)
            # pyvo reads the raw answer, the other clients its content.
            response.raw = HTTPResponse(content, status=response.status_code, preload_content=False)
            response._content_consumed = False
        except BaseException as err:  # noqa: BLE001  raised again by the thread that waits
            found["error"] = err


class Service(ABC):
    """
    One table on one service.

    Parameters
    ----------
    table : str
        Id of the table.
    columns : dict of str to `ColumnRecord`, optional
        Columns to ask for, by canonical name; None for all that the service has.
    conf : `~claxboi.config.Conf`
        Settings, read now.
    """

    name: str | None = None
    """Name of the service, one of `records.SERVICES`."""

    server = ""
    """Its address."""

    max_radius_arcsec = np.inf
    """The largest radius it takes."""

    most_positions: int | None = None
    """Most positions that it takes in one request."""

    repeat_offset_deg = 0.0
    """How far from a position it is sent again, where equal ones may be taken as one."""

    own = {}  # noqa: RUF012  never changed
    """Names on the service of id, ra, dec and pos_error, where the caller says which they are."""

    unconfirmed = ()
    """Wanted names that were never seen on the service."""

    transport = LimitedAdapter
    """What knows the status and the error of the last request; the class where there was none."""

    def __init__(self, table, columns, conf):
        self.table = table
        self.columns = columns
        self.timeout = conf.timeout
        self.max_rows = conf.max_rows
        self.most_bytes = 1e6 * conf.max_megabytes

    @property
    def wanted(self):
        """
        Names that the service must have, None if whatever it has is right.
        """
        if self.columns is None:
            return None
        return [column.names[self.name] for column in self.columns.values()]

    def check(self, ra_deg, dec_deg):
        """
        Ask the service whether it has the table and its columns.

        Parameters
        ----------
        ra_deg, dec_deg : float
            A position, for services that only answer to one.

        Raises
        ------
        UnknownTableError, AnswerError
            If it has not.
        """
        self.check_names(self.available(ra_deg, dec_deg))

    @abstractmethod
    def available(self, ra_deg, dec_deg):
        """
        List the names of the table's columns on the service.

        Parameters
        ----------
        ra_deg, dec_deg : float
            A position, for services that only answer to one.

        Returns
        -------
        names : list of str
        """

    @abstractmethod
    def match(self, ra_deg, dec_deg, radius_arcsec):
        """
        Find the objects near positions.

        Parameters
        ----------
        ra_deg, dec_deg : `~numpy.ndarray` of float64
            The positions, ICRS.
        radius_arcsec : float
            Search radius.

        Returns
        -------
        matches : `Matches`
            In any order.

        Raises
        ------
        CutAnswerError
            If there are more than the service gives.
        """

    def check_names(self, names):
        """
        Check that the wanted columns are among those of the service.

        Parameters
        ----------
        names : list of str
            Names that are there.

        Raises
        ------
        AnswerError
            If any is missing; the message names it, and lists those of the service.
        """
        missing = [name for name in self.wanted or () if name not in names]
        if missing:
            guesses = [name for name in missing if name in self.unconfirmed]
            doubt = f" ({', '.join(guesses)}: never confirmed, see its record)" if guesses else ""
            raise AnswerError(
                f"{self}: no column {', '.join(map(repr, missing))} there{doubt}; the columns are "
                f"{', '.join(names)}. Give the right name by "
                "columns={canonical name: name on the service}"
            )

    def check_index(self, index, n_positions):
        """
        Check that an answer refers to positions that were sent.

        Parameters
        ----------
        index : `~numpy.ndarray` of int64
            Rows of positions.
        n_positions : int
            Number of positions that were sent.
        """
        if len(index) and not (index.min() >= 0 and index.max() < n_positions):
            raise AnswerError(f"{self}: the answer refers to positions that were not sent")

    def read_index(self, table, ra_deg, dec_deg):
        """
        Read which position each row of an answer belongs to, and check that it was sent.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The answer, with the columns of `sent_table`.
        ra_deg, dec_deg : `~numpy.ndarray` of float64
            The positions that were sent.

        Returns
        -------
        index : `~numpy.ndarray` of int64
            Rows of positions.

        Raises
        ------
        AnswerError
            If they are others.
        """
        index = np.asarray(table[INDEX], np.int64)
        self.check_index(index, len(ra_deg))
        for name, sent in ((RA, ra_deg), (DEC, dec_deg)):
            if not np.allclose(table[name], sent[index], rtol=0, atol=_SAME_DEG):
                raise AnswerError(
                    f"{self}: the positions in the answer are not those that were sent"
                )
        return index

    def __str__(self):
        return f"{self.table} on {self.name} ({self.server})"


def sent_table(ra_deg, dec_deg):
    """
    Make the table of positions that is sent to a service.

    Parameters
    ----------
    ra_deg, dec_deg : `~numpy.ndarray` of float64
        The positions, ICRS.

    Returns
    -------
    table : `~astropy.table.Table`
        Their numbers and values.
    """
    return Table({INDEX: np.arange(len(ra_deg)), RA: ra_deg, DEC: dec_deg})


def limit_answers(session, service):
    """
    Limit the time and the size of all answers that a session gets.

    Parameters
    ----------
    session : `~requests.Session`
        The session of one client of our own.
    service : `Service`
        Its ``timeout`` and ``most_bytes`` count.

    Returns
    -------
    adapter : `LimitedAdapter`
    """
    adapter = LimitedAdapter(service.timeout, _TOTAL * service.timeout, service.most_bytes)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return adapter


@contextmanager
def plain_errors(service):
    """
    Translate errors of astroquery, pyvo and requests into those of claxboi.

    Parameters
    ----------
    service : `Service`
        The service.
    """
    try:
        yield
    except (FetchError, CutAnswerError):
        raise
    # Astroquery passes on the XML errors of a wrong page as ValueErrors.
    except (requests.RequestException, InvalidQueryError, DALAccessError, ValueError) as err:
        raise _explain(err, service) from err


def _chain(err, last):
    links = [err] if last is None else [err, last]
    for link in links:
        # pyvo keeps the cause in an attribute of its own.
        causes = link.__cause__, link.__context__, getattr(link, "cause", None)
        links += [c for c in causes if isinstance(c, BaseException) and c not in links]
    return links


_LOST = (
    requests.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


def _explain(err, service):
    chain = _chain(err, service.transport.last_error)
    words = " ".join(str(err).split())[:300]
    # None of the clients' errors tells the status in the same way as another.
    status, phrase = service.transport.last_status, service.transport.last_reason
    if status is not None and status != 200:
        is_transient = status in _TRANSIENT
        advice = "the service is overloaded or down: try again later"
        if not is_transient:
            advice = _ADVICE.get(status, "check the address of the service in claxboi.conf")
        return ServiceError(
            f"{service}: HTTP status {status} ({phrase}): {words!r}; {advice}",
            status=status,
            is_transient=is_transient,
        )
    if any(isinstance(e, socket.gaierror) for e in chain):
        return ServiceError(
            f"{service}: there is no such host, or no network. Nothing is lost: run the same "
            "again later, or use files of your own in place of the catalogues (references=, or "
            "--references FOLDER on the command line)"
        )
    if any(isinstance(e, _TooLarge) for e in chain):
        return AnswerError(
            f"{service}: the answer is longer than {service.most_bytes / 1e6:g} MB; ask for fewer "
            "positions at once (claxboi.conf.chunk_size), or raise claxboi.conf.max_megabytes"
        )
    if any(isinstance(e, _TooSlow) for e in chain):
        return ServiceError(
            f"{service}: the answer was not complete within {_TOTAL * service.timeout:g} s; try "
            "again later, or with a larger claxboi.conf.timeout",
            status=504,
            is_transient=True,
        )
    if any(isinstance(e, requests.Timeout) for e in chain):
        return ServiceError(
            f"{service}: no answer within {service.timeout:g} s; try again later, or with "
            "a larger claxboi.conf.timeout or a smaller claxboi.conf.chunk_size",
            status=504,
            is_transient=True,
        )
    if any(isinstance(e, requests.exceptions.SSLError) for e in chain):
        return ServiceError(f"{service}: its certificate is not trusted: {words}")
    if any(isinstance(e, _LOST) for e in chain):
        return ServiceError(
            f"{service}: the connection was lost or refused: {words}", is_transient=True
        )
    if isinstance(err, DALFormatError):
        return AnswerError(f"{service}: the answer is broken: {words}", is_transient=True)
    if isinstance(err, DALQueryError):
        return ServiceError(f"{service}: the service says {words!r}", is_transient=True)
    return ServiceError(f"{service}: the request failed: {words}")
