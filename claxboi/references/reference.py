# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Catalogues that can be searched around positions.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, Table

from claxboi.config import conf
from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    check_choice,
    check_names,
    checked,
    coordinate_values,
    digest,
    quantity_value,
    record,
    table_hash,
)

from .fetch_plan import make_plan
from .records import SERVICES, ColumnRecord, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.units import Quantity

    from .fetch_plan import FetchPlan

__all__ = ["Reference"]

# Around fewer positions than this, only a catalogue with fewer rows than that is fetched whole.
_FEW, _SMALL_WHOLE = 1_000, 20_000
# Beyond this a catalogue is matched by the service rather than fetched whole.
_MOST_WHOLE_ROWS = 5_000_000
# Imported when asked: astroquery takes half a second.
_SERVICE_CLASSES = {
    "xmatch": ("_xmatch", "XMatchService"),
    "vizier": ("_vizier", "VizierService"),
    "simbad": ("_tap", "SimbadService"),
    "tap": ("_tap", "TapService"),
    "hats": ("_local", "HatsService"),
    "local": ("_local", "LocalService"),
}


class Reference:
    """
    A catalogue that can be searched around positions.

    Get one from `get_reference`.

    Parameters
    ----------
    record : `Record`
        Its metadata.
    data : `~astropy.table.Table`, optional
        Its rows, where they are at hand.

    Attributes
    ----------
    record : `Record`
        Its metadata.

    Examples
    --------
    >>> from claxboi.references import get_reference
    >>> gaia = get_reference("gaia")
    >>> gaia.name, gaia.record.table
    ('gaia', 'I/355/gaiadr3')
    """

    def __init__(self, record: Record, *, data: Table | None = None) -> None:
        self.record = record
        self._data = data

    def __repr__(self):
        own = self.record
        return f"<Reference {own.name}: {own.title}, {own.table} on {', '.join(own.services)}>"

    @property
    def name(self):
        """
        Short name.
        """
        return self.record.name

    @property
    def citation(self):
        """
        Citation: title, table and bibcodes, as a string.
        """
        papers = ", ".join(self.record.citation) or "no paper known"
        return f"{self.record.title} ({self.record.table}): {papers}"

    @property
    def content(self):
        """
        Hash of the catalogue's record, and of its rows or the addresses of its services.
        """
        if self._data is not None:
            return digest([repr(self.record), table_hash(self._data)])
        servers = [conf.xmatch_url, conf.vizier_server, conf.simbad_server]
        return digest([repr(self.record), servers])

    @checked
    def query(
        self,
        coords: SkyCoord | tuple,
        *,
        radius: Quantity,
        service: Literal["xmatch", "vizier", "simbad", "tap", "local", "hats"] | None = None,
        columns: Sequence[str] | Mapping[str, str] | None = None,
        cache: Literal[True, False, "only"] = True,
        max_age: Quantity | None = None,
        show_progress: bool = True,
    ) -> Table:
        """
        Find the catalogue's objects around positions.

        Parameters
        ----------
        coords : `~astropy.coordinates.SkyCoord` of shape (n,) or ()
            The positions, in any frame; none missing.
        radius : `~astropy.units.Quantity` ['angle'], scalar
            Search radius. XMatch takes up to 180 arcsec.
        service : {"xmatch", "vizier", "simbad", "tap", "local", "hats"}, optional
            The service to ask. Default: the first of ``record.services`` that takes the radius. On
            VizieR small catalogues are fetched whole and matched here, others by cones.
        columns : list of str, or mapping of str to str, optional
            Canonical names wanted (id, ra and dec come anyway); or, where the service has another
            name for a column than the record, canonical name -> name on the service.
        cache : {True, False, "only"}, optional
            True: keep answers, and use those that were kept. False: ask again, and replace
            answers that were kept. "only": use kept answers only.
        max_age : `~astropy.units.Quantity` ['time'], optional
            Do not use older answers.
        show_progress : bool, optional
            Show a progress bar once it lasts.

        Returns
        -------
        near : `~astropy.table.Table`
            One row per pair, sorted by ``query_index`` (row in ``coords``) and ``separation``
            (arcsec, as the service matched), then the columns of the catalogue under canonical
            names, missing values masked, and ``pos_error`` (1 sigma per axis, arcsec) where the
            record says how. ``meta["claxboi"]["references"]`` has the query, its date and its
            service. No matches: no rows, all columns.

        Raises
        ------
        UnknownTableError
            If the service does not have the catalogue.
        ServiceError
            If it refused, or did not answer although asked again and again.
        AnswerError
            If its answer is wrong: a column is missing or has another unit, rows
            are damaged, or a survey of the whole sky has nothing at all.
        CacheError
            If the cache cannot be written, or lacks what ``cache="only"`` needs.

        Notes
        -----
        Each chunk of positions is kept as soon as it was checked: a job that was interrupted
        goes on where it stopped. Only the positions are sent, none of the table's other columns.

        Examples
        --------
        >>> from astropy import units as u
        >>> from astropy.coordinates import SkyCoord
        >>> from astropy.table import Table
        >>> from claxboi.references import get_reference
        >>> stars = get_reference(Table({"ra": [10.0, 20.0], "dec": [5.0, 5.0]}))
        >>> near = stars.query(SkyCoord(10, 5.001, unit="deg"), radius=8 * u.arcsec)
        >>> for row in near:
        ...     print(f"{row['query_index']} {row['separation']:.2f} {row['ra']}")
        0 3.60 10.0
        """
        ra, dec = _positions(coords)
        radius_arcsec = _check_radius(radius)
        name = self._choose(service, radius_arcsec)
        job = self._job(name, columns, cache, max_age, show_progress)
        if job.service.name == "vizier" and self._is_whole(len(ra)):
            table, summary = self._match_whole(job, ra, dec, radius_arcsec)
        else:
            table, summary = self._fetch(job, ra, dec, radius_arcsec)
        return self._finish(table, job, summary, radius_arcsec=radius_arcsec, n_positions=len(ra))

    @checked
    def fetch_all(self, *, columns: Any = None, cache: Any = True, max_age: Any = None) -> Table:
        """
        Fetch the whole catalogue, from VizieR or from the table that it is.

        Parameters
        ----------
        columns, cache, max_age
            As for `query`.

        Returns
        -------
        table : `~astropy.table.Table`
            All rows, under canonical names.

        Raises
        ------
        ValueError
            If it has too many rows (5 million), or VizieR does not hold it.
        UnknownTableError, ServiceError, AnswerError, CacheError
            As for `query`.

        Examples
        --------
        >>> from astropy.table import Table
        >>> from claxboi.references import get_reference
        >>> binaries = get_reference(Table({"ra": [244.979], "dec": [-15.640]}))
        >>> len(binaries.fetch_all())
        1
        """
        from ._canonical import canonical_table
        from ._fetch import Summary, fetch_whole

        name = "local" if self._data is not None else "vizier"
        check_choice(name, self.record.services, "the service of a whole catalogue")
        rows = self.record.rows
        if rows is not None and rows > _MOST_WHOLE_ROWS:
            raise InputValueError(
                f"{self.record.title} has {rows:,} rows: too many to fetch whole; use query"
            )
        job = self._job(name, columns, cache, max_age, False)
        if self._data is not None:
            table, summary = canonical_table(self._data, job.service), Summary(1, 0, "")
        else:
            table, summary = fetch_whole(job)
        return self._finish(table, job, summary)

    @checked
    def plan(
        self,
        coords: Any,
        *,
        radius: Any,
        service: Any = None,
        columns: Any = None,
        max_age: Any = None,
    ) -> FetchPlan:
        """
        Plan what `query` would do, without sending anything.

        Parameters
        ----------
        coords, radius, service, columns, max_age
            As for `query`.

        Returns
        -------
        plan : `FetchPlan`
            Print it for a summary.

        Examples
        --------
        >>> from astropy import units as u
        >>> from astropy.coordinates import SkyCoord
        >>> from claxboi.references import get_reference
        >>> m31 = SkyCoord([10.68, 10.70], [41.27, 41.30], unit="deg")
        >>> plan = get_reference("allwise").plan(m31, radius=8 * u.arcsec)
        >>> plan.service, plan.n_positions, plan.n_chunks, plan.n_cached
        ('xmatch', 2, 1, 0)
        """
        ra, dec = _positions(coords)
        radius_arcsec = _check_radius(radius)
        name = self._choose(service, radius_arcsec)
        job = self._job(name, columns, True, max_age, False)
        is_whole = name == "vizier" and self._is_whole(len(ra))
        length = None if is_whole else self._length(job, radius_arcsec)
        return make_plan(self.record, job, ra, dec, radius_arcsec=radius_arcsec, length=length)

    def plan_all(self, *, columns: Any = None, max_age: Any = None) -> FetchPlan:
        """
        Plan what `fetch_all` would do, without sending anything.

        Parameters
        ----------
        columns, max_age
            As for `fetch_all`.

        Returns
        -------
        plan : `FetchPlan`
            Print it for a summary.

        Examples
        --------
        >>> from claxboi.references import get_reference
        >>> plan = get_reference("veron").plan_all()
        >>> plan.service, plan.n_positions, plan.n_rows
        ('vizier', 0, 168941)
        """
        name = "local" if self._data is not None else "vizier"
        job = self._job(name, columns, True, max_age, False)
        return make_plan(self.record, job, [], [], radius_arcsec=0.0, length=None)

    def _is_whole(self, n_positions):
        """Whether the catalogue is fetched whole and matched here, rather than asked by cones."""
        is_small = (self.record.rows or 0) <= _SMALL_WHOLE
        return self.record.whole and (is_small or n_positions > _FEW)

    def _choose(self, service, radius_arcsec):
        services = self.record.services
        if service is not None:
            check_choice(service, SERVICES, "service")
            check_choice(service, services, f"service of {self.name}")
            if service == "xmatch" and radius_arcsec > 180:
                raise InputValueError(
                    f"radius must be at most 180 arcsec for XMatch, got {radius_arcsec:g} arcsec; "
                    "use service='vizier', or fetch_all and match the table"
                )
            return service
        return next((s for s in services if s != "xmatch" or radius_arcsec <= 180), services[0])

    def _job(self, name, columns, cache, max_age, show_progress):
        from ._cache import Cache, cache_folder
        from ._fetch import Job

        age_s = None if max_age is None else quantity_value(max_age, u.s, "max_age", minimum=0)
        service = self._service(name, self._columns(name, columns))
        service.unconfirmed = [
            column.names[name]
            for canonical, column in (service.columns or {}).items()
            if self.record.is_unconfirmed(name, canonical)
        ]
        keeps = False
        if name in ("xmatch", "vizier", "simbad", "tap"):
            keeps = "only" if conf.offline else cache
        folder = cache_folder(conf) / re.sub(r"[^\w+-]+", "_", self.record.table)
        return Job(
            service,
            Cache(folder, keeps, age_s),
            self.record,
            conf.retries,
            conf.retry_wait,
            show_progress,
        )

    def _service(self, name, columns):
        module, kind = _SERVICE_CLASSES[name]
        service = getattr(importlib.import_module(f"claxboi.references.{module}"), kind)
        more = {}
        if name == "tap":
            more = {"server": self.record.server, "own": self.record.own}
        elif name == "local":
            more = {"data": self._data}
        return service(self.record.table, columns, conf, **more)

    def _columns(self, service, wanted):
        if self.record.columns is None and not isinstance(wanted, Mapping):
            if wanted is not None:
                raise InputValueError(
                    f"columns must map canonical names to those of {service} for "
                    f"{self.record.table}, whose columns claxboi does not know; got {wanted!r}"
                )
            return None
        columns = self.record.columns_on(service)
        if wanted is None:
            return columns
        if isinstance(wanted, str):
            raise InputTypeError(f"columns must be a list or a mapping, got the string {wanted!r}")
        if isinstance(wanted, Mapping):
            for canonical, own in wanted.items():
                known = (self.record.columns or {}).get(canonical)
                kind = "float64" if canonical in ("ra", "dec") else ""
                column = known or ColumnRecord(canonical, {}, type=kind)
                columns[canonical] = dataclasses.replace(column, names={service: own})
            missing = {"ra", "dec"} - set(columns)
            if missing:
                raise InputValueError(
                    f"columns must name {' and '.join(sorted(missing))}, got {', '.join(columns)}"
                )
            return columns
        wanted = check_names(wanted, "columns")
        unknown = [name for name in wanted if name not in columns]
        if unknown:
            raise InputKeyError(
                f"{self.name} has no column {', '.join(map(repr, unknown))} on {service}; "
                f"its columns are {', '.join(columns)}"
            )
        always = [name for name in ("id", "ra", "dec") if name in columns]
        return {name: columns[name] for name in dict.fromkeys([*always, *wanted])}

    def _length(self, job, radius_arcsec):
        from ._fetch import chunk_length

        return chunk_length(job.service, self.record.density_deg2, radius_arcsec, conf.chunk_size)

    def _fetch(self, job, ra, dec, radius_arcsec):
        from ._fetch import fetch_chunks

        length = self._length(job, radius_arcsec)
        if not job.cache.mode:
            # A table at hand needs no chunks.
            length = length if job.service.most_positions else max(len(ra), 1)
        return fetch_chunks(job, ra, dec, radius_arcsec, length)

    def _match_whole(self, job, ra, dec, radius_arcsec):
        from ._fetch import fetch_whole
        from ._local import match_table

        table, summary = fetch_whole(job)
        index, rows, separation = match_table(table, ("ra", "dec"), ra, dec, radius_arcsec)
        order = np.lexsort([rows, separation, index])
        near = table[rows[order]]
        near.add_column(Column(index[order]), name="query_index", index=0)
        near.add_column(Column(separation[order], unit="arcsec"), name="separation", index=1)
        return near, summary

    def _finish(self, table, job, summary, **settings):
        if "pos_error" not in table.colnames:
            error = self.record.pos_error(table)
            if error is not None:
                table["pos_error"] = MaskedColumn(
                    error,
                    mask=np.isnan(error),
                    unit=u.arcsec,
                    description="Positional error, 1 sigma per axis",
                    meta={"ucd": "stat.error;pos.eq"},
                )
        service = job.service
        epoch = self.record.epoch.get(service.name)
        table.meta = record(
            {},
            "references",
            reference=self.name,
            title=self.record.title,
            table=service.table,
            service=service.name,
            server=service.server,
            columns=list(service.columns or table.colnames),
            **({} if epoch is None else {"epoch": epoch}),
            **settings,
            **summary._asdict(),
            citation=list(self.record.citation),
        )
        return table


def _positions(coords):
    if isinstance(coords, SkyCoord):
        coords = coords.icrs.reshape(1) if coords.isscalar else coords.icrs
    return coordinate_values(coords, "coords")


def _check_radius(radius):
    radius_arcsec = quantity_value(radius, u.arcsec, "radius")
    if np.ndim(radius_arcsec):
        raise InputValueError(f"radius must be a single value, got shape {np.shape(radius_arcsec)}")
    if not 0 < radius_arcsec <= 180 * 3600:
        raise InputValueError(f"radius must be above 0 and at most 180 deg, got {radius}")
    return radius_arcsec
