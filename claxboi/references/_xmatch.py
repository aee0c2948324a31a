# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Query the CDS cross-match service for lists of positions.
"""

import numpy as np
from astropy import units as u
from astroquery.xmatch import XMatchClass

from claxboi.io import read_answer

from ._canonical import convert_unit
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
from .exceptions import AnswerError, ServiceError, UnknownTableError

__all__ = ["XMatchService"]


class _Client(XMatchClass):
    """
    Astroquery's client, which does not ask for the list of all tables before each query.

    That list is asked for without a time-out, and kept for a week even where it is broken. The
    service itself says whether it has a table.
    """

    def __init__(self, table):
        super().__init__()
        self._table = table

    def get_available_tables(self, *, cache=True):  # noqa: ARG002  the signature of the original
        return [self._table]


class XMatchService(Service):
    """
    One table on the CDS cross-match service.
    """

    name = "xmatch"
    max_radius_arcsec = 180.0
    most_positions = 50_000

    def __init__(self, table, columns, conf):
        super().__init__(table, columns, conf)
        self.server = conf.xmatch_url
        self._client = _Client(table)
        self._client.URL = self.server
        self._client.TIMEOUT = self.timeout
        self.transport = limit_answers(self._client._session, self)

    def available(self, ra_deg, dec_deg):
        try:
            names = self._ask(np.array([ra_deg]), np.array([dec_deg]), 1.0, None).colnames
        except ServiceError as err:
            if err.status != 400:
                raise
            # Only the name of the table can be wrong in this question.
            raise UnknownTableError(
                f"{err}. The cross-match service seems not to have this table; VizieR may "
                "(service='vizier')"
            ) from err
        return [name for name in names if name not in ("angDist", *SENT)]

    def match(self, ra_deg, dec_deg, radius_arcsec):
        table = self._ask(ra_deg, dec_deg, radius_arcsec, self.wanted)
        if len(table) >= self.max_rows:
            raise CutAnswerError
        index = self.read_index(table, ra_deg, dec_deg)
        separation = convert_unit(
            np.asarray(table["angDist"], float), table["angDist"].unit, "angDist", "arcsec", self
        )
        if len(table) and not np.all(separation <= radius_arcsec + 1e-3):
            raise AnswerError(f"{self}: the answer has objects outside the radius")
        table.remove_columns([*SENT, "angDist"])
        self.check_names(table.colnames)
        return Matches(index, separation, table)

    def _ask(self, ra_deg, dec_deg, radius_arcsec, names):
        upload = sent_table(ra_deg, dec_deg)
        # MAXREC is said, so that the limit does not depend on the service's default.
        fields = {"MAXREC": self.max_rows}
        if names is not None:
            fields["cols2"] = ",".join(names)
        with plain_errors(self):
            response = self._client.query_async(
                upload,
                self.table,
                radius_arcsec * u.arcsec,
                colRA1=RA,
                colDec1=DEC,
                cache=False,
                **fields,
            )
        answer = read_answer(response.content, str(self))
        if answer.is_cut:
            raise CutAnswerError
        if len(answer.tables) != 1:
            raise AnswerError(f"{self}: the answer has {len(answer.tables)} tables, not 1")
        (table,) = answer.tables.values()
        missing = {"angDist", *SENT} - set(table.colnames)
        if missing:
            raise AnswerError(f"{self}: the answer lacks the columns {sorted(missing)}")
        return table
