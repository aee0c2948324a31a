# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Query tables of TAP services, SIMBAD among them, with uploaded positions.
"""

import re
import warnings

import numpy as np
import requests
from pyvo.dal import TAPService as TAPClient
from pyvo.dal.exceptions import DALOverflowWarning, DALServiceError

from ._service import (
    DEC,
    RA,
    SENT,
    CutAnswerError,
    Matches,
    Service,
    limit_answers,
    plain_errors,
    sent_table,
)
from .exceptions import AnswerError

__all__ = ["SimbadService", "TapService"]

_UPLOAD = "claxboi"
_PLAIN = re.compile(r'"[^"]+"|[A-Za-z][A-Za-z0-9_]*')
_PLAIN_TABLE = re.compile(rf"({_PLAIN.pattern})(\.({_PLAIN.pattern}))*")
# Words of ADQL that catalogues have as columns.
_RESERVED = re.compile(
    "area|class|count|date|distance|key|level|mode|size|time|type|year", re.IGNORECASE
)


class TapService(Service):
    """
    One table of a TAP service.

    Parameters
    ----------
    table, columns, conf
        As for `Service`.
    server : str
        Address of the service.
    own : dict of str to str
        Names on the service of "ra", "dec" and, where known, "id" and "pos_error".
    """

    name = "tap"
    most_positions = 50_000

    def __init__(self, table, columns, conf, *, server, own):
        super().__init__(table, columns, conf)
        self.server, self.own = server, own
        session = requests.Session()
        self.transport = limit_answers(session, self)
        self._client = TAPClient(self._address, session=session)
        self._has_limits = False

    @property
    def _address(self):
        return self.server

    @property
    def _relation(self):
        """Name of the table in queries."""
        is_plain = _PLAIN_TABLE.fullmatch(self.table)
        return self.table if is_plain else _quoted(self.table)

    def available(self, ra_deg, dec_deg):
        table = self._ask(np.array([ra_deg]), np.array([dec_deg]), 1.0, "t.*")
        return [name for name in table.colnames if name not in SENT]

    def match(self, ra_deg, dec_deg, radius_arcsec):
        wanted = self.wanted
        names = "t.*" if wanted is None else ", ".join(f"t.{_quoted(name)}" for name in wanted)
        table = self._ask(ra_deg, dec_deg, radius_arcsec, names)
        if len(table) >= self.max_rows:
            raise CutAnswerError
        index = self.read_index(table, ra_deg, dec_deg)
        table.remove_columns(SENT)
        self.check_names(table.colnames)
        return Matches(index, np.full(len(index), np.nan), table)

    def _ask(self, ra_deg, dec_deg, radius_arcsec, names):
        self._ask_limits()
        if len(ra_deg) > self.most_positions:
            raise CutAnswerError
        upload = sent_table(ra_deg, dec_deg)
        ra, dec = (_quoted(self.own[name]) for name in ("ra", "dec"))
        adql = (
            f"SELECT {', '.join(f'sent.{name}' for name in SENT)}, {names} "
            f"FROM {self._relation} AS t JOIN TAP_UPLOAD.{_UPLOAD} AS sent "
            f"ON CONTAINS(POINT('ICRS', t.{ra}, t.{dec}), "
            f"CIRCLE('ICRS', sent.{RA}, sent.{DEC}, {radius_arcsec / 3600!r})) = 1"
        )
        with plain_errors(self), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", DALOverflowWarning)
            try:
                # Services give few rows where nothing is asked for: SIMBAD 50,000.
                table = self._client.run_sync(
                    adql, maxrec=self.max_rows, uploads={_UPLOAD: upload}
                ).to_table()
            except DALOverflowWarning as err:
                raise CutAnswerError from err
        return self._as_asked(table)

    def _ask_limits(self):
        """Ask once how much the service takes and gives."""
        if self._has_limits:
            return
        with plain_errors(self), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                limits = self._client.get_tap_capability()
            except DALServiceError as err:
                if self.transport.last_status != 200:
                    raise
                raise AnswerError(f"{self}: this is not a TAP service: {err}") from err
        hard = _rows(limits.outputlimit)
        if hard is not None:
            self.max_rows = min(self.max_rows, hard)
        most = _rows(limits.uploadlimit)
        if most is not None:
            self.most_positions = min(self.most_positions, most)
        self._has_limits = True

    def _as_asked(self, table):
        """Give columns the names by which they were asked for: some services change the case."""
        by_lower = {name.lower(): name for name in table.colnames}
        for name in (*SENT, *(self.wanted or ()), *self.own.values()):
            plain = name.strip('"')
            found = by_lower.get(plain.lower(), plain)
            if plain not in table.colnames and found in table.colnames:
                table.rename_column(found, plain)
        missing = [name for name in SENT if name not in table.colnames]
        if missing:
            raise AnswerError(f"{self}: the answer has no column {', '.join(missing)}")
        return table


class SimbadService(TapService):
    """
    SIMBAD.
    """

    name = "simbad"

    def __init__(self, table, columns, conf):
        own = {"ra": "ra", "dec": "dec"}
        super().__init__(table, columns, conf, server=conf.simbad_server, own=own)

    @property
    def _address(self):
        return f"https://{self.server}/simbad/sim-tap"

    @property
    def _relation(self):
        return "basic"


def _quoted(name):
    is_plain = _PLAIN.fullmatch(name) and not _RESERVED.fullmatch(name)
    return name if is_plain else '"' + name.replace('"', '""') + '"'


def _rows(limit):
    """Return the hard limit in rows, None where there is none."""
    hard = getattr(limit, "hard", None)
    if hard is None or getattr(hard, "unit", "row") not in (None, "row"):
        return None
    return int(hard.content)
