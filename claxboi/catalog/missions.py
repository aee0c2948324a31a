# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
X-ray catalogues whose columns are known.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from claxboi.utils import InputValueError, check_choice, check_number, check_text

from .columns import describe

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Mission", "missions", "parse_mission"]

#: How many columns each rule takes; None: any number.
RULES = {
    "column": 1,
    "identifier": None,
    "rms": None,
    "sexagesimal": None,
    "limits": 2,
    "errors": 2,
    "ratio": 2,
    "ratio_error": 4,
    "relative": 3,
    "complement": 1,
    "mjd": None,
    "met": None,
    "flags": None,
}


@dataclass(frozen=True)
class ColumnRule:
    """
    Rule that makes a column of the vocabulary from those of a catalogue.
    """

    names: Mapping[str, tuple[str, ...]]
    """Names in each kind of file; in files of any kind under "file"."""

    rule: str = "column"
    """One of `RULES`."""

    at_least: float = 1
    """For flags: the smallest number that raises it."""

    texts: tuple[str, ...] = ()
    """For flags: texts that raise it, in lower case."""

    unit: str = ""
    """Unit of columns without one, if not that of the vocabulary."""

    def names_in(self, kind):
        """
        List the names in a kind of file.

        Parameters
        ----------
        kind : str
            The kind.

        Returns
        -------
        names : tuple of str
        """
        return self.names.get(kind) or self.names.get("file", ())


@dataclass(frozen=True)
class Mission:
    """
    Column names and metadata of an X-ray catalogue.

    Examples
    --------
    >>> from claxboi.catalog import missions
    >>> xmm = missions()["4XMM"]
    >>> xmm.flux_band, xmm.hardness, round(xmm.density_deg2)
    ('0.2-12', 'count rates', 495)
    """

    name: str
    """Name of the catalogue."""

    title: str = ""
    """Name in words."""

    flux_band: str = ""
    """Band of the flux, in keV."""

    bands: tuple[str, ...] = ()
    """Bands of ``flux1``, ``flux2`` and so on, in keV."""

    hardness: str = ""
    """Kind of the hardness ratios: count rates, photon fluxes or energy fluxes."""

    hardness_bands: tuple[tuple[str, str], ...] = ()
    """Soft and hard band of ``hr1``, ``hr2`` and so on, in keV."""

    pos_error_level: float | None = None
    """Probability within the positional error; None: 1 sigma per axis."""

    columns: Mapping[str, ColumnRule] = field(default_factory=dict, repr=False)
    """Name in the vocabulary -> how the column is made."""

    signature: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """For each kind of file, the names that tell it from others."""

    aliases: tuple[str, ...] = ()
    """Other names."""

    reference: str | None = None
    """Record of the catalogue on VizieR, see `~claxboi.references.list_references`."""

    start: int | None = None
    """Year of the first observation."""

    end: int | None = None
    """Year of the last observation."""

    area_deg2: float | None = None
    """Area in square degrees."""

    psf_arcsec: float | None = None
    """Width of the point spread function, about, in arcsec."""

    median_flux: float | None = None
    """Median flux in erg/s/cm2, in ``flux_band``."""

    n_sources: int | None = None
    """Number of sources."""

    citation: tuple[str, ...] = ()
    """Bibcodes of the papers to cite."""

    note: str = ""
    """What its user must know."""

    rename: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Columns whose names are those of the vocabulary, for something else -> other names."""

    documents: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Where the meaning of the columns is written: of one, or of all under "columns"."""

    unconfirmed: tuple[str, ...] = ()
    """Parts not confirmed by any document: fields, or columns as ``columns.vizier.hr1_error``."""

    @property
    def density_deg2(self):
        """
        Mean number of sources per square degree; None where it is not known.
        """
        if self.n_sources is None or self.area_deg2 is None:
            return None
        return self.n_sources / self.area_deg2

    @property
    def has_extent(self):
        """
        True if the catalogue distinguishes extended sources.
        """
        return bool({"extent", "is_extended"} & set(self.columns))

    def is_named(self, name: str) -> bool:
        """
        Check whether this is a name of the catalogue or of one of its releases.

        Parameters
        ----------
        name : str
            The name, without regard to case and punctuation.

        Returns
        -------
        is_named : bool

        Examples
        --------
        >>> from claxboi.catalog import missions
        >>> missions()["4XMM"].is_named("4xmm dr13")
        True
        """
        return _plain(name) in map(_plain, (self.name, *self.aliases))

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Mission:
        """
        Read a catalogue of your own from a small TOML file.

        Parameters
        ----------
        path : str or path
            The file, with the fields of this class; a column is ``flux = "MyFlux"``. ``like`` names
            the mission whose other facts hold too.

        Returns
        -------
        mission : `Mission`

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is not TOML, has unknown fields or columns, or does not name the position.

        Examples
        --------
        >>> from pathlib import Path
        >>> from claxboi.catalog import Mission
        >>> _ = Path("mine.toml").write_text('''
        ... name = "mine"
        ... flux_band = "0.5-2"
        ... pos_error_level = 0.9
        ... [columns]
        ... source_id = "Src"
        ... ra = "RAJ"
        ... dec = "DEJ"
        ... pos_error = "r90"
        ... flux = "Fsoft"
        ... ''')
        >>> Mission.from_file("mine.toml").columns["flux"].names
        {'file': ('Fsoft',)}
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path} with a mission")
        try:
            entry = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
            raise InputValueError(f"mission file {path} must be TOML: {err}") from err
        try:
            return _mission(entry.pop("name", path.stem), entry)
        except (TypeError, ValueError) as err:
            raise InputValueError(f"mission file {path}: {err}") from err


def _rule(name, entry):
    entry = {"file": entry} if isinstance(entry, str) else dict(entry)
    rule = check_choice(entry.pop("from", "column"), RULES, f"rule of column {name}")
    settings = {
        "at_least": float(entry.pop("at_least", 1)),
        "texts": tuple(entry.pop("texts", ())),
        "unit": entry.pop("unit", ""),
    }
    if describe(name) is None:
        raise InputValueError(
            f"column {name!r} is not in the vocabulary, see claxboi.catalog.vocabulary"
        )
    names = {}
    for kind, own in entry.items():
        names[kind] = (own,) if isinstance(own, str) else tuple(own)
        if RULES[rule] not in (None, len(names[kind])):
            raise InputValueError(
                f"column {name!r} must be made of {RULES[rule]} columns by rule {rule!r}, "
                f"got {own!r}"
            )
    return ColumnRule(names, rule, **settings)


def _mission(name, entry):
    entry = dict(entry)
    like = entry.pop("like", None)
    columns = {key: _rule(key, value) for key, value in entry.pop("columns", {}).items()}
    known = set(Mission.__dataclass_fields__) - {"name", "columns"}
    if unknown := sorted(set(entry) - known):
        raise InputValueError(
            f"unknown fields {', '.join(map(repr, unknown))}; known are {', '.join(sorted(known))}"
        )
    for key in ("bands", "aliases", "citation", "unconfirmed"):
        if key in entry:
            entry[key] = tuple(entry[key])
    if "hardness_bands" in entry:
        entry["hardness_bands"] = tuple(tuple(pair) for pair in entry["hardness_bands"])
    if "signature" in entry:
        entry["signature"] = {kind: tuple(names) for kind, names in entry["signature"].items()}
    if entry.get("pos_error_level") is not None:
        level = entry["pos_error_level"]
        check_number(level, "pos_error_level", minimum=0, maximum=1, exclusive=True)
    if like is not None:
        base = parse_mission(like) if isinstance(like, str) else like
        # Names of its own tell it apart no more by those of the other.
        other = {"aliases"} | ({"signature"} if columns else set())
        entry = {key: getattr(base, key) for key in known - other} | entry
        columns = {**base.columns, **columns}
    if not {"ra", "dec"} <= set(columns):
        raise InputValueError("columns must have ra and dec")
    return Mission(name, columns=columns, **entry)


@functools.cache
def missions():
    """
    List the X-ray catalogues whose columns are known.

    Returns
    -------
    missions : dict of str to `Mission`
        By name.

    Examples
    --------
    >>> from claxboi.catalog import missions
    >>> for name in ("4XMM", "2SXPS", "CSC2", "eRASS1", "eRASS1 Hard"):
    ...     mission = missions()[name]
    ...     print(mission.name, mission.flux_band, mission.hardness)
    4XMM 0.2-12 count rates
    2SXPS 0.3-10 count rates
    CSC2 0.5-7 photon fluxes
    eRASS1 0.2-2.3 energy fluxes
    eRASS1 Hard 2.3-5 energy fluxes
    """
    path = resources.files("claxboi.catalog") / "data" / "missions.toml"
    found = {}
    for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        if "like" in entry:
            # By name it would be looked for in the mapping that is being made.
            entry["like"] = found[entry["like"]]
        found[name] = _mission(name, entry)
    return found


def parse_mission(mission):
    """
    Find a mission.

    Parameters
    ----------
    mission : str, path or `Mission`
        A name, without regard to case and punctuation; the path of a TOML file, see
        `Mission.from_file`; or the record.

    Returns
    -------
    mission : `Mission`

    Raises
    ------
    ValueError
        If it is neither a known name nor a file.
    """
    if isinstance(mission, Mission):
        return mission
    if isinstance(mission, Path) or (isinstance(mission, str) and mission.endswith(".toml")):
        return Mission.from_file(mission)
    check_text(mission, "mission")
    found = [record for record in missions().values() if record.is_named(mission)]
    if not found:
        check_choice(mission, missions(), "mission")
    return found[0]


def _plain(name):
    # 4XMM-DR13, 4xmm_dr13 and 4XMM DR13 are one.
    return re.sub(r"[\s_.\-]", "", name).lower()
