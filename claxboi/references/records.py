# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Definitions of the catalogues that X-ray sources are compared with, as data.

One TOML table per catalogue in ``data/*.toml``, whose keys are the fields of `Record`. Each column
is a table of its own below ``columns``, under its canonical name: either ``name`` (the same on
all services) or one name per service, with the fields of `ColumnRecord`.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy import units as u
from astropy.table import Table

from claxboi.utils import InputValueError, check_choice, float_values

if TYPE_CHECKING:
    from numpy import ndarray

__all__ = ["ColumnRecord", "Record", "list_references", "load_records"]

KINDS = ("survey", "galaxies", "labels", "x-ray")
SERVICES = ("xmatch", "vizier", "simbad", "tap", "local", "hats")
RESERVED = ("query_index", "separation", "pos_error")
"""Columns of ours: those of a catalogue that are called so are renamed."""

#: Units of the columns that the owner of a catalogue names, where the columns have none.
OWN_UNITS = {"ra": "deg", "dec": "deg", "pos_error": "arcsec"}

_TYPES = ("float64", "int64", "str", "bool")


@dataclass(frozen=True)
class ColumnRecord:
    """
    One column of a catalogue: its canonical name, and what each service calls it.

    Examples
    --------
    >>> from claxboi.references import get_reference
    >>> column = get_reference("gaia").record.columns["parallax"]
    >>> column.unit, dict(column.names)
    ('mas', {'xmatch': 'Plx', 'vizier': 'Plx'})
    """

    canonical: str
    """Name in the tables of claxboi."""

    names: Mapping[str, str]
    """Name on each service that has the column; names are case-sensitive."""

    unit: str = ""
    """Unit, in astropy's syntax: set after reading, whatever the service says."""

    type: str = "float64"
    """One of float64, int64, str, bool."""

    missing: float | None = None
    """Number that the catalogue writes where there is no value."""

    ucd: str = ""
    """UCD1+ of the column."""


@dataclass(frozen=True)
class Record:
    """
    Metadata of a catalogue: columns, size, coverage, errors and citation.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.references import get_reference
    >>> record = get_reference("gaia").record
    >>> record.title, record.table, record.services
    ('Gaia DR3', 'I/355/gaiadr3', ('xmatch', 'vizier'))
    >>> record.columns_on("xmatch")["parallax"].unit
    'mas'
    >>> record.is_unconfirmed("xmatch", "parallax")
    False
    >>> rows = Table({"ra_error": [30.0] * u.mas, "dec_error": [40.0] * u.mas})
    >>> record.pos_error(rows).round(4).tolist()
    [0.0354]
    """

    name: str
    """Short name, by which `get_reference` finds it."""

    title: str
    """Name in words."""

    kind: str
    """One of survey, galaxies, labels, x-ray."""

    table: str
    """Id of the table on VizieR ("simbad" for SIMBAD)."""

    services: tuple[str, ...]
    """Services that hold it, the preferred one first."""

    columns: Mapping[str, ColumnRecord] | None = None
    """Columns by canonical name; None where only the service knows them."""

    rows: int | None = None
    """Number of rows."""

    server: str = ""
    """Address of its TAP service."""

    own: Mapping[str, str] = field(default_factory=dict)
    """Names on its TAP service of ra, dec, id and pos_error."""

    coverage: str = ""
    """The part of the sky, in words."""

    area_deg2: float = 41_253
    """Its area in square degrees."""

    epoch: Mapping[str, float] = field(default_factory=dict)
    """Epoch of the positions on each service, Julian year; empty: near 2000, or as observed."""

    error: tuple[tuple[str, ...], ...] = ()
    """Columns of positional errors: one radius, errors in RA and Dec, or two axes of an
    ellipse. The first group whose columns are there is used."""

    error_level: float | None = None
    """Probability within such a radius or ellipse; None: they are 1 sigma per axis."""

    typical_error: float | None = None
    """1 sigma per axis in arcsec of a row without errors; None: the median of the others."""

    has_motion: bool = False
    """Whether its proper motions are good enough to propagate positions over years."""

    system: str = ""
    """System of the magnitudes: Vega or AB."""

    limits: str = ""
    """What marks an upper limit."""

    labels: str = ""
    """Class that a catalogue of labels stands for; empty where each object has its own."""

    selected_in: tuple[str, ...] = ()
    """Wavelengths in which its objects were selected, so that labels are not independent."""

    whole: bool = False
    """Whether it is small enough to be fetched whole and matched here."""

    note: str = ""
    """Remarks for its users."""

    citation: tuple[str, ...] = ()
    """Bibcodes of the papers to cite."""

    unconfirmed: tuple[str, ...] = ()
    """Parts never confirmed on the service: fields of this record, "columns.xmatch.otype" for a
    column and "columns" for all. Names are checked with the service before each fetch."""

    @property
    def density_deg2(self):
        """
        Mean number of objects per square degree; None where the number of rows is unknown.
        """
        return None if self.rows is None else self.rows / self.area_deg2

    def covers(self, dec: ndarray) -> ndarray:
        """
        Return where the catalogue has surely observed.

        Parameters
        ----------
        dec : `~numpy.ndarray` of shape (n,)
            Declinations in degrees.

        Returns
        -------
        covers : `~numpy.ndarray` of bool, shape (n,)
            False where its coverage is not known by declination.

        Examples
        --------
        >>> import numpy as np
        >>> from claxboi.references import get_reference
        >>> get_reference("panstarrs").record.covers(np.array([-60.0, 0.0])).tolist()
        [False, True]
        """
        if self.coverage == "all sky":
            return np.ones(len(dec), bool)
        limit = re.fullmatch(r"Dec > (-?\d+) deg", self.coverage)
        return dec > float(limit[1]) if limit else np.zeros(len(dec), bool)

    def columns_on(self, service: str) -> Mapping[str, ColumnRecord]:
        """
        List the columns that a service has.

        Parameters
        ----------
        service : str
            "xmatch", "vizier", "simbad", "tap", "local" or "hats".

        Returns
        -------
        columns : dict of str to `ColumnRecord`
            By canonical name.
        """
        return {k: c for k, c in (self.columns or {}).items() if service in c.names}

    def is_unconfirmed(self, service: str, canonical: str) -> bool:
        """
        Return whether the name of a column on a service is unconfirmed.

        Parameters
        ----------
        service : str
            The service.
        canonical : str
            Canonical name of the column.

        Returns
        -------
        is_unconfirmed : bool
        """
        marks = (f"columns.{service}.{canonical}", f"columns.{service}", "columns")
        return any(m in self.unconfirmed for m in (*marks, f"columns.{canonical}", "table"))

    def pos_error(self, table: Table) -> ndarray | None:
        """
        Compute the positional error of each row of a table under canonical names.

        Parameters
        ----------
        table : `~astropy.table.Table`
            Rows of the catalogue.

        Returns
        -------
        pos_error : `~numpy.ndarray` of float64 or None
            1 sigma per axis in arcsec, NaN where unknown; None without columns of errors. Two
            errors are averaged in quadrature.
        """
        group = next((g for g in self.error if set(g) <= set(table.colnames)), None)
        if group is None:
            return None
        errors = np.array([float_values(table, name, unit=u.arcsec) for name in group])
        sigma = np.sqrt(np.mean(errors**2, axis=0))
        if self.error_level is not None:
            # A circular normal distribution has the fraction 1 - exp(-r^2 / 2 sigma^2) within r.
            sigma /= np.sqrt(-2 * np.log1p(-self.error_level))
        return sigma


def _column(canonical, entry, services):
    entry = dict(entry)
    fixed = {key: entry.pop(key) for key in ("unit", "type", "missing", "ucd") if key in entry}
    same = entry.pop("name", None)
    names = dict.fromkeys(services, same) if same is not None else entry
    check_choice(fixed.get("type", "float64"), _TYPES, f"type of column {canonical}")
    unknown = set(names) - set(SERVICES)
    if unknown or not names:
        raise InputValueError(
            f"column {canonical} must have names on services, got {sorted(entry)}"
        )
    # A wrong unit fails here, not after an hour of fetching.
    u.Unit(fixed.get("unit", ""))
    return ColumnRecord(canonical, names, **fixed)


def _record(name, entry):
    entry = dict(entry)
    check_choice(entry["kind"], KINDS, f"kind of {name}")
    services = tuple(entry["services"])
    entry["services"] = services
    entry["columns"] = {k: _column(k, v, services) for k, v in entry["columns"].items()}
    epoch = entry.pop("epoch", {})
    entry["epoch"] = epoch if isinstance(epoch, dict) else dict.fromkeys(services, epoch)
    level = entry.pop("error_level", "sigma")
    entry["error_level"] = None if level == "sigma" else float(level)
    entry["error"] = tuple(tuple(group) for group in entry.get("error", ()))
    for key in ("citation", "unconfirmed", "selected_in"):
        entry[key] = tuple(entry.get(key, ()))
    return Record(name=name, **entry)


@functools.cache
def load_records():
    """
    Read the definitions of all catalogues that claxboi knows.

    Returns
    -------
    records : dict of str to `Record`
        By short name.
    """
    records = {}
    folder = resources.files("claxboi.references") / "data"
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.endswith(".toml"):
            for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
                records[name] = _record(name, entry)
    return records


def list_references(kind: Literal["survey", "galaxies", "labels", "x-ray"] | None = None) -> Table:
    """
    List the catalogues that `get_reference` knows by name.

    Parameters
    ----------
    kind : {"survey", "galaxies", "labels", "x-ray"}, optional
        Only those of one kind.

    Returns
    -------
    references : `~astropy.table.Table`
        Columns ``name, title, kind, table`` (id on VizieR), ``services, rows`` (masked where
        unknown), ``coverage, citation, unconfirmed``.

    Examples
    --------
    >>> from claxboi.references import list_references
    >>> print(list_references("x-ray")["name", "table", "rows"])
     name          table           rows
    ------ ---------------------- ------
      4xmm         IX/69/xmm4d13s 656997
     2sxps            IX/58/2sxps 206335
      csc2         IX/70/csc21mas 407806
    erass1 J/A+A/682/A34/erass1-m 930203
    """
    if kind is not None:
        check_choice(kind, KINDS, "kind")
    records = [r for r in load_records().values() if kind in (None, r.kind)]
    table = Table(
        {
            "name": [r.name for r in records],
            "title": [r.title for r in records],
            "kind": [r.kind for r in records],
            "table": [r.table for r in records],
            "services": [" ".join(r.services) for r in records],
            "rows": np.ma.masked_equal([r.rows or 0 for r in records], 0),
            "coverage": [r.coverage for r in records],
            "citation": [" ".join(r.citation) for r in records],
            "unconfirmed": [" ".join(r.unconfirmed) for r in records],
        }
    )
    return table
