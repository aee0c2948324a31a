# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Query VizieR for cones around positions and for whole tables.
"""

import numpy as np
from astropy import units as u
from astropy.coordinates import Angle, SkyCoord
from astropy.table import Table
from astroquery import cache_conf
from astroquery.vizier import VizierClass

from claxboi.io import read_answer

from ._service import CutAnswerError, Matches, Service, limit_answers, plain_errors
from .exceptions import AnswerError, UnknownTableError

__all__ = ["VizierService"]

_COMPUTED = ("_RAJ2000", "_DEJ2000")


class VizierService(Service):
    """
    One table on VizieR.
    """

    name = "vizier"
    # Thousands are known to work, a limit is not.
    most_positions = 1_000
    # Positions are sent with 8 decimals: 0.1 mas.
    repeat_offset_deg = 3e-8

    def __init__(self, table, columns, conf):
        super().__init__(table, columns, conf)
        self.server = conf.vizier_server

    def available(self, ra_deg=None, dec_deg=None):  # noqa: ARG002  the position is not needed
        # The form of one row is known.
        client = self._client(["**", *_COMPUTED], row_limit=1)
        return self._not_empty(self._ask(client.get_catalogs_async, self.table)).colnames

    def match(self, ra_deg, dec_deg, radius_arcsec):
        client = self._client([*(self.wanted or ["*"]), *_COMPUTED])
        table = self._ask(
            client.query_region_async,
            SkyCoord(ra_deg, dec_deg, unit="deg"),
            radius=Angle(radius_arcsec, u.arcsec),
            catalog=self.table,
            # The default rotates the positions to FK5, by some 20 mas.
            frame="icrs",
        )
        if len(table.columns) == 0:
            # VizieR leaves out tables without rows: check() has seen that this one exists.
            return Matches(np.empty(0, np.int64), np.empty(0), table)
        if "_q" not in table.colnames:
            raise AnswerError(f"{self}: the answer does not say which position a row belongs to")
        index = np.asarray(table["_q"], np.int64) - 1
        self.check_index(index, len(ra_deg))
        self.check_names(table.colnames)
        table.remove_column("_q")
        return Matches(index, np.full(len(index), np.nan), table)

    def whole(self, pole_deg=None):
        """
        Fetch all rows, or those of a hemisphere.

        Parameters
        ----------
        pole_deg : float, optional
            Declination of its middle, 90 or -90.

        Returns
        -------
        table : `~astropy.table.Table`
            Under VizieR's names.
        """
        client = self._client([*(self.wanted or ["*"]), *_COMPUTED])
        if pole_deg is None:
            table = self._not_empty(self._ask(client.get_catalogs_async, self.table))
        else:
            table = self._ask(
                client.query_region_async,
                SkyCoord(0.0, pole_deg, unit="deg"),
                # A bit more than half, so that nothing falls between.
                radius=Angle(90.01, u.deg),
                catalog=self.table,
                frame="icrs",
            )
            if not table.colnames:
                return table
        self.check_names(table.colnames)
        return table

    def _not_empty(self, table):
        # An unknown table and a table without rows look the same; neither is of use.
        if not table.colnames:
            raise UnknownTableError(f"{self}: VizieR has no such table, or it has no rows")
        return table

    def _client(self, columns, row_limit=-1):
        client = VizierClass(
            columns=list(dict.fromkeys(columns)),
            row_limit=row_limit,
            timeout=self.timeout,
            vizier_server=self.server,
        )
        self.transport = limit_answers(client._session, self)
        return client

    def _ask(self, method, *args, **kwargs):
        # get_catalogs has no argument for it, and would keep a broken answer for a week.
        with plain_errors(self), cache_conf.set_temp("cache_active", False):
            if "catalog" in kwargs:
                kwargs["cache"] = False
            response = method(*args, **kwargs)
            response.raise_for_status()
        answer = read_answer(response.content, str(self))
        tables = {name: t for name, t in answer.tables.items() if t.colnames}
        if answer.is_cut or sum(map(len, tables.values())) >= self.max_rows:
            raise CutAnswerError
        if len(tables) > 1:
            raise UnknownTableError(
                f"{self}: the catalogue has several tables; name one of {', '.join(tables)}"
            )
        return next(iter(tables.values()), Table())
