# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Query SIMBAD through TAP, with uploaded positions.
"""

import warnings

import numpy as np
from astropy.table import Table
from astroquery.simbad import SimbadClass
from astroquery.simbad import conf as simbad_conf
from pyvo.dal.exceptions import DALOverflowWarning

from ._service import CutAnswerError, Matches, Service, limit_answers, plain_errors
from .exceptions import AnswerError

__all__ = ["SimbadService"]

_INDEX, _RA, _DEC = "cxb_idx", "cxb_ra", "cxb_dec"
_UPLOAD = "claxboi"
_SAME_DEG = 1e-9


class SimbadService(Service):
    """
    SIMBAD.
    """

    name = "simbad"
    # The upload limit is 200,000 rows.
    most_positions = 50_000

    def __init__(self, table, columns, conf):
        super().__init__(table, columns, conf)
        self.server = conf.simbad_server
        self._client = SimbadClass()
        # The client takes no server that is not in its list, such as a new mirror.
        known = simbad_conf.servers_list
        known.append(self.server)
        self._client.server = self.server
        known.pop()
        self._transport = limit_answers(self._client._session, self)

    def available(self, ra_deg, dec_deg):
        """
        List the columns of SIMBAD's table ``basic``: of the answer to one position.

        Parameters
        ----------
        ra_deg, dec_deg : float
            The position.

        Returns
        -------
        names : list of str
        """
        table = self._ask(np.array([ra_deg]), np.array([dec_deg]), 1.0, "basic.*")
        return [name for name in table.colnames if name not in (_INDEX, _RA, _DEC)]

    def match(self, ra_deg, dec_deg, radius_arcsec):
        """
        Find the objects near positions.

        Parameters
        ----------
        ra_deg, dec_deg : `~numpy.ndarray` of float64
            The positions, ICRS.
        radius_arcsec : float
            How near.

        Returns
        -------
        matches : `Matches`
        """
        names = "basic.*" if self.wanted is None else ", ".join(f"basic.{n}" for n in self.wanted)
        table = self._ask(ra_deg, dec_deg, radius_arcsec, names)
        if len(table) >= self.max_rows:
            raise CutAnswerError
        index = np.asarray(table[_INDEX], np.int64)
        self.check_index(index, len(ra_deg))
        for name, sent in ((_RA, ra_deg), (_DEC, dec_deg)):
            if not np.allclose(table[name], sent[index], rtol=0, atol=_SAME_DEG):
                raise AnswerError(
                    f"{self}: the positions in the answer are not those that were sent"
                )
        table.remove_columns([_INDEX, _RA, _DEC])
        self.check_names(table.colnames)
        return Matches(index, np.full(len(index), np.nan), table)

    def _ask(self, ra_deg, dec_deg, radius_arcsec, names):
        upload = Table({_INDEX: np.arange(len(ra_deg)), _RA: ra_deg, _DEC: dec_deg})
        adql = (
            f"SELECT sent.{_INDEX}, sent.{_RA}, sent.{_DEC}, {names} "
            f"FROM basic JOIN TAP_UPLOAD.{_UPLOAD} AS sent "
            "ON CONTAINS(POINT('ICRS', basic.ra, basic.dec), "
            f"CIRCLE('ICRS', sent.{_RA}, sent.{_DEC}, {radius_arcsec / 3600!r})) = 1"
        )
        with plain_errors(self):
            self.max_rows = min(self.max_rows, self._client.hardlimit)
        with plain_errors(self), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", DALOverflowWarning)
            try:
                # The client's own default is 10,000 rows.
                return self._client.query_tap(adql, maxrec=self.max_rows, **{_UPLOAD: upload})
            except DALOverflowWarning as err:
                raise CutAnswerError from err
