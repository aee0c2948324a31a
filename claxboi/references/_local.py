# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Match positions to local tables, and to HATS catalogues through LSDB.
"""

import numpy as np
from astropy import units as u

from claxboi.config import conf
from claxboi.io import table_from_frame
from claxboi.utils import InputValueError, float_values, pairs_within

from ._service import DEC, INDEX, RA, Matches, Service
from .exceptions import CacheError

__all__ = ["HatsService", "LocalService", "hats_columns", "match_table"]


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
        Search radius.

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
    if not (np.abs(dec[good]) <= 90).all():
        raise InputValueError(f"declinations in {names[1]} must be from -90 to 90 deg")
    index, rows, separation = pairs_within(ra_deg, dec_deg, ra[good], dec[good], radius_arcsec)
    return index, good[rows], separation


class LocalService(Service):
    """
    A table in memory.
    """

    name = "local"

    def __init__(self, table, columns, conf, *, data):
        super().__init__(table, columns, conf)
        self._data = data

    def available(self, ra_deg, dec_deg):  # noqa: ARG002  the position is not needed
        return self._data.colnames

    def match(self, ra_deg, dec_deg, radius_arcsec):
        names = [self.columns[name].names[self.name] for name in ("ra", "dec")]
        index, rows, separation = match_table(self._data, names, ra_deg, dec_deg, radius_arcsec)
        return Matches(index, separation, self._data[rows])

    def __str__(self):
        return f"{self.table} (local)"


def open_hats(path, columns=None):
    """
    Open a HATS catalogue with LSDB.

    Parameters
    ----------
    path : str
        Folder or address.
    columns : list of str, optional
        Columns to read; None for all.

    Returns
    -------
    catalog : `lsdb.catalog.Catalog`
        Nothing is read yet but its description.

    Raises
    ------
    CacheError
        If it is at an address, and ``claxboi.conf.offline`` is set.
    ImportError
        If LSDB is not installed.
    """
    if conf.offline and "://" in path:
        raise CacheError(
            f"{path} (HATS): it is not kept on this machine, and no service may be asked "
            "(fetch=False or claxboi.conf.offline)"
        )
    try:
        import lsdb
    except ImportError as err:
        raise ImportError(
            "HATS catalogues need the package lsdb: pip install claxboi[lsdb]"
        ) from err
    return lsdb.open_catalog(path, columns="all" if columns is None else columns)


def hats_columns(path):
    """
    List the columns of a HATS catalogue.

    Parameters
    ----------
    path : str
        Folder or address.

    Returns
    -------
    names : list of str
        All columns.
    position : pair of str
        Columns of its positions.
    """
    catalog = open_hats(path)
    info = catalog.hc_structure.catalog_info
    return list(catalog.columns), (info.ra_column, info.dec_column)


class HatsService(Service):
    """
    A catalogue in HATS format, which LSDB reads, partition by partition, through Dask.
    """

    name = "hats"

    def available(self, ra_deg, dec_deg):  # noqa: ARG002  the position is not needed
        return hats_columns(self.table)[0]

    def match(self, ra_deg, dec_deg, radius_arcsec):
        import lsdb
        import pandas as pd

        # LSDB gives each left row its nearest right ones, and only right rows near the border of
        # a partition need a margin. With the positions on the right the margin is ours to
        # choose, and no object can have more neighbours than positions that are this close.
        near, _, _ = match_table(
            {"ra": ra_deg, "dec": dec_deg}, ("ra", "dec"), ra_deg, dec_deg, 2 * radius_arcsec
        )
        positions = lsdb.from_dataframe(
            pd.DataFrame({INDEX: np.arange(len(ra_deg)), RA: ra_deg, DEC: dec_deg}),
            ra_column=RA,
            dec_column=DEC,
            margin_threshold=1.01 * radius_arcsec + 0.01,
        )
        position = [self.columns[name].names[self.name] for name in ("ra", "dec")]
        found = (
            open_hats(self.table, list(dict.fromkeys([*self.wanted, *position])))
            .crossmatch(
                positions,
                n_neighbors=int(np.bincount(near).max()),
                radius_arcsec=radius_arcsec,
                suffixes=("", "_cxb"),
            )
            .compute(progress_bar=False)
        )
        # The suffix is given to all columns by some versions, to colliding ones by others.
        index = next(found[name] for name in (INDEX, f"{INDEX}_cxb") if name in found)
        return Matches(
            index.to_numpy(dtype=np.int64),
            found["_dist_arcsec"].to_numpy(dtype=float),
            table_from_frame(found, dict.fromkeys(self.wanted)),
        )

    def __str__(self):
        return f"{self.table} (HATS)"
