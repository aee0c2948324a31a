# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
References that are tables of the user's, and HATS catalogues through LSDB.
"""

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord, search_around_sky
from astropy.table import MaskedColumn, Table

from claxboi.utils import float_values

from ._service import Matches, Service

__all__ = ["HatsService", "LocalService", "match_table"]


def match_table(table, names, ra_deg, dec_deg, radius_arcsec):
    """
    Find the rows of a table near positions.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table. Rows without a position match nothing.
    names : pair of str
        Its columns of positions.
    ra_deg, dec_deg : `~numpy.ndarray` of float64
        The positions.
    radius_arcsec : float
        How near.

    Returns
    -------
    index, rows : `~numpy.ndarray` of int64
        Rows of the positions and of the table.
    separation : `~numpy.ndarray` of float64
        Arcsec.
    """
    ra, dec = (float_values(table, name, unit=u.deg) for name in names)
    good = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if not len(good) or not len(ra_deg):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    index, rows, separation, _ = search_around_sky(
        SkyCoord(ra_deg, dec_deg, unit="deg"),
        SkyCoord(ra[good], dec[good], unit="deg"),
        radius_arcsec * u.arcsec,
    )
    return np.asarray(index, np.int64), good[rows], separation.arcsec


class LocalService(Service):
    """
    A table in memory.
    """

    name = "local"

    def __init__(self, table, columns, conf, *, data):
        super().__init__(table, columns, conf)
        self._data = data

    def available(self, ra_deg, dec_deg):  # noqa: ARG002  the position is not needed
        """
        List the columns.

        Parameters
        ----------
        ra_deg, dec_deg : float
            Not used.

        Returns
        -------
        names : list of str
        """
        return self._data.colnames

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
        names = [self.columns[name].names[self.name] for name in ("ra", "dec")]
        index, rows, separation = match_table(self._data, names, ra_deg, dec_deg, radius_arcsec)
        return Matches(index, separation, self._data[rows])

    def __str__(self):
        return f"{self.table} (local)"


class HatsService(Service):
    """
    A catalogue in HATS format, which LSDB reads, partition by partition, through Dask.
    """

    name = "hats"

    def __init__(self, table, columns, conf):
        super().__init__(table, columns, conf)
        try:
            import lsdb
        except ImportError as err:
            raise ImportError(
                "HATS catalogues need the package lsdb: pip install claxboi[lsdb]"
            ) from err
        self._lsdb = lsdb
        self._names = None

    def available(self, ra_deg, dec_deg):  # noqa: ARG002  the position is not needed
        """
        List the columns.

        Parameters
        ----------
        ra_deg, dec_deg : float
            Not used.

        Returns
        -------
        names : list of str
        """
        if self._names is None:
            catalog = self._lsdb.open_catalog(self.table, columns="all")
            info = catalog.hc_structure.catalog_info
            self._position = info.ra_column, info.dec_column
            self._names = list(catalog.columns)
        return self._names

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
        import pandas as pd

        self.available(None, None)
        wanted = self.wanted or self._names
        catalog = self._lsdb.open_catalog(
            self.table, columns=list(dict.fromkeys([*wanted, *self._position]))
        )
        # LSDB gives each left row its nearest right ones, and only right rows near the border of
        # a partition need a margin. With the positions on the right the margin is ours to
        # choose, and no object can have more neighbours than positions that are this close.
        near, _, _ = match_table(
            {"ra": ra_deg, "dec": dec_deg}, ("ra", "dec"), ra_deg, dec_deg, 2 * radius_arcsec
        )
        positions = self._lsdb.from_dataframe(
            pd.DataFrame({"cxb_idx": np.arange(len(ra_deg)), "cxb_ra": ra_deg, "cxb_dec": dec_deg}),
            ra_column="cxb_ra",
            dec_column="cxb_dec",
            margin_threshold=1.01 * radius_arcsec + 0.01,
        )
        found = catalog.crossmatch(
            positions,
            n_neighbors=int(np.bincount(near).max()),
            radius_arcsec=radius_arcsec,
            suffixes=("", "_cxb"),
        ).compute()
        table = Table({name: _column(found[name]) for name in dict.fromkeys(wanted)})
        index = found[next(n for n in found.columns if n.startswith("cxb_idx"))]
        separation = found["_dist_arcsec"].to_numpy(dtype=float)
        return Matches(index.to_numpy(dtype=np.int64), separation, table)

    def __str__(self):
        return f"{self.table} (HATS)"


def _column(series):
    missing = series.isna().to_numpy(dtype=bool)
    kind = series.dtype.kind
    if kind == "f":
        values = series.to_numpy(dtype=float, na_value=np.nan)
    elif kind in "iu":
        values = series.to_numpy(dtype=np.int64, na_value=0)
    elif kind == "b":
        values = series.to_numpy(dtype=bool, na_value=False)
    else:
        values = np.where(missing, "", series.astype(object)).astype(str)
    return MaskedColumn(values, mask=missing)
