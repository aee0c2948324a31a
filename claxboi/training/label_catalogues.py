# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Label catalogues, and the matches of their objects with X-ray sources.
"""

import functools
import logging
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.counterparts import sky_pairs
from claxboi.references import AnswerError, UnknownTableError, get_reference
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    check_number,
    float_values,
    quantity_value,
    shown,
    text_values,
    warn,
)

from .schemes import GENERAL

__all__ = [
    "Evidence",
    "Findings",
    "LabelCatalogue",
    "find_evidence",
    "match_settings",
    "parse_catalogues",
]

log = logging.getLogger(__name__)

#: The catalogue that supports labels but never gives one alone.
SIMBAD = "simbad"

#: Name used instead of a catalogue for the class of extended sources.
EXTENT_NAME = "extent"


@dataclass(frozen=True)
class LabelCatalogue:
    """
    A catalogue of objects of known kind.
    """

    reference: object
    """The `~claxboi.references.Reference`."""

    kind: str
    """Kind of its objects that counts; empty where each object has its own."""

    kinds: frozenset
    """Kinds of objects that it may give."""

    is_optional: bool
    """Whether it may be left out if it differs from its record."""

    @property
    def is_supporting(self):
        """
        Return whether it never labels a source alone.
        """
        return self.reference.name == SIMBAD


@dataclass(frozen=True)
class Evidence:
    """
    The sources that match an object of one kind in one catalogue.
    """

    catalogue: LabelCatalogue
    kind: str
    is_member: np.ndarray
    """Bool of shape (n_sources,)."""


@dataclass(frozen=True)
class Findings:
    """
    The evidence from all catalogues.
    """

    catalogues: list
    """Each requested `LabelCatalogue`."""

    evidence: list
    """Each `Evidence`, in their order."""

    asked: dict
    """By catalogue: its table, the service that was queried, and the date of the answer."""

    left_out: dict
    """Catalogues that could not be fetched, with the reason."""

    match: dict
    """The matching rule: ``radius_arcsec``, ``n_sigma`` and ``slack_arcsec`` by kind."""

    def take(self, rows):
        """
        Select sources.

        Parameters
        ----------
        rows : `~numpy.ndarray`
            Their rows.

        Returns
        -------
        findings : `Findings`
            Of these alone.
        """
        evidence = [replace(e, is_member=e.is_member[rows]) for e in self.evidence]
        return replace(self, evidence=evidence)


@functools.cache
def _data():
    path = resources.files("claxboi.training") / "data" / "catalogues.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@functools.cache
def _beginnings():
    """Return, by catalogue with objects of several kinds, the kind for each beginning of a type."""
    groups = _data()["kinds"].values()
    return {name: group["begins"] for group in groups for name in group["catalogues"]}


@functools.cache
def _simbad_kinds():
    path = resources.files("claxboi.training") / "data" / "simbad_types.csv"
    table = Table.read(str(path), format="ascii.csv", comment="#")
    return {
        str(row[column]): str(row["kind"])
        for row in table
        for column in ("otype", "label", "old_label")
    }


def match_settings(radius, n_sigma, slack):
    """
    Check the rule that matches objects with sources.

    Parameters
    ----------
    radius, n_sigma, slack
        As for `add_labels`.

    Returns
    -------
    match : dict
        ``radius_arcsec``, ``n_sigma`` and ``slack_arcsec`` by kind of object.
    """
    published = dict(_data()["slack"])
    if slack is None:
        slack = {}
    elif not isinstance(slack, Mapping):
        slack = dict.fromkeys(published, slack)
    own = {
        str(kind): quantity_value(value, u.arcsec, f"slack of {kind}", minimum=0)
        for kind, value in slack.items()
    }
    return {
        "radius_arcsec": quantity_value(radius, u.arcsec, "radius", minimum=0),
        "n_sigma": check_number(n_sigma, "n_sigma", minimum=0),
        "slack_arcsec": published | own,
    }


def parse_catalogues(references):
    """
    Find the requested label catalogues.

    Parameters
    ----------
    references : None, str, list or mapping
        As for `add_labels`.

    Returns
    -------
    catalogues : list of `LabelCatalogue`
        In the order given.
    """
    sets = _data()["sets"]
    is_optional = references is None or (isinstance(references, str) and references in sets)
    if is_optional:
        references = sets[references or "published"]
    if isinstance(references, Mapping):
        pairs = [
            (kind, one)
            for kind, many in references.items()
            for one in (many if isinstance(many, (list, tuple)) else [many])
        ]
    else:
        if isinstance(references, (str, Table)):
            references = [references]
        if not isinstance(references, Iterable):
            raise InputTypeError(f"references must be a list or a mapping, got {shown(references)}")
        pairs = [(None, one) for one in references]
    if not pairs:
        raise InputValueError("references must name at least one catalogue, got none")
    catalogues, names = [], set()
    for kind, one in pairs:
        count = sum(c.kind == kind for c in catalogues)
        name = f"{kind or 'table'}_{count + 1}" if isinstance(one, Table) else None
        try:
            reference = get_reference(one, name=name)
        except (InputTypeError, InputValueError) as err:
            raise type(err)(f"references: {err}") from err
        own = "" if reference.name == SIMBAD else kind or reference.record.labels
        several = _several_kinds(reference.name)
        if not own and not several:
            raise InputValueError(
                f"references must give the kind of the objects in {reference.name}: pass a mapping "
                f"from the kind to its catalogues, such as {{'AGN': [...]}}"
            )
        if reference.name in names:
            raise InputValueError(
                f"references must name each catalogue once, got {reference.name} twice"
            )
        names.add(reference.name)
        given = {kind for kind in several if own in ("", kind, GENERAL.get(kind))}
        if several and not given:
            raise InputValueError(
                f"references: {reference.name} has objects of the kinds "
                f"{', '.join(sorted(several))}, and none of the kind {shown(own)}"
            )
        given = given or {own}
        catalogues.append(LabelCatalogue(reference, own, frozenset(given), is_optional))
    return catalogues


def _several_kinds(name):
    """List the kinds of objects in a catalogue that has several; none for others."""
    found = _simbad_kinds() if name == SIMBAD else _beginnings().get(name, {})
    return set(found.values()) - {""}


def find_evidence(table, catalogues, kinds, *, match, fetch):
    """
    Find the sources that match objects of the catalogues.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    catalogues : list of `LabelCatalogue`
        The catalogues; those of other kinds are not queried.
    kinds : set of str
        Kinds of objects that count.
    match : mapping
        As from `match_settings`.
    fetch : mapping
        ``cache``, ``max_age`` and ``show_progress`` of the references.

    Returns
    -------
    findings : `Findings`
    """
    coords = _coords(table)
    pos_error_arcsec = float_values(table, "pos_error", unit=u.arcsec)
    evidence, asked, left_out = [], {}, {}
    for catalogue in catalogues if len(table) else []:
        if not catalogue.kinds & kinds:
            continue
        name = catalogue.reference.name
        try:
            near = _near(catalogue.reference, coords, match["radius_arcsec"], fetch)
        except (UnknownTableError, AnswerError) as err:
            if not (catalogue.is_optional and _is_unconfirmed(catalogue.reference.record, err)):
                raise
            left_out[name] = str(err)
            warn(
                f"{catalogue.reference.record.title} is left out: the service does not have it as "
                f"expected ({err}). Remove it from references to silence this"
            )
            continue
        asked[name] = _origin(near)
        near = near[_counts(near, name)]
        object_kinds = _kinds(near, catalogue)
        known = object_kinds != ""
        index, first = np.unique(np.asarray(near["query_index"])[known], return_index=True)
        separation = np.asarray(near["separation"], float)[known][first]
        object_kinds = object_kinds[known][first]
        log.info("%s: %d sources have an object nearby", name, len(index))
        for kind in sorted(catalogue.kinds & kinds):
            slack = _slack_arcsec(match["slack_arcsec"], kind)
            reach = match["n_sigma"] * pos_error_arcsec[index] + slack
            good = (separation < reach) & (object_kinds == kind)
            is_member = np.zeros(len(coords), bool)
            is_member[index[good]] = True
            evidence.append(Evidence(catalogue, kind, is_member))
    return Findings(catalogues, evidence, asked, left_out, match)


def _slack_arcsec(slack_arcsec, kind):
    for name in (kind, GENERAL.get(kind)):
        if name in slack_arcsec:
            return slack_arcsec[name]
    return slack_arcsec["default"]


def _is_unconfirmed(record, err):
    """Return whether an error concerns what the record marks as unconfirmed."""
    if isinstance(err, UnknownTableError):
        return "table" in record.unconfirmed
    # A transient failure is no reason to leave the catalogue out.
    return not err.is_transient and any(mark.startswith("columns") for mark in record.unconfirmed)


def _coords(table):
    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    missing = np.isnan(ra) | np.isnan(dec)
    if missing.any():
        raise InputValueError(
            f"table must have no missing positions, got {np.count_nonzero(missing)}, the first in "
            f"row {np.argmax(missing)}"
        )
    return SkyCoord(ra, dec, unit="deg")


def _origin(near):
    settings = near.meta["claxboi"]["references"]
    date = settings["oldest"] or settings["date"]
    return {"table": settings["table"], "service": settings["service"], "date": date}


def _near(reference, coords, radius_arcsec, fetch):
    """List the objects near sources, by source and separation."""
    radius = radius_arcsec * u.arcsec
    if reference.name == SIMBAD:
        return _near_in_simbad(reference, coords, radius, fetch)
    columns = _columns(reference)
    if not reference.record.whole:
        return reference.query(coords, radius=radius, columns=columns, **fetch)
    # Small: fetched whole, so that wrong positions are corrected before the match.
    table = reference.fetch_all(columns=columns, cache=fetch["cache"], max_age=fetch["max_age"])
    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    for name, (right_ra, right_dec) in _data()["positions"].get(reference.name, {}).items():
        row = text_values(table, "id")[0] == name
        ra[row], dec[row] = right_ra, right_dec
    rows = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    pairs = sky_pairs(coords, SkyCoord(ra[rows], dec[rows], unit="deg"), radius)
    near = table[rows[pairs.index2]]
    near["query_index"], near["separation"] = pairs.index1, pairs.separation
    return near


def _near_in_simbad(reference, coords, radius, fetch):
    try:
        return reference.query(coords, radius=radius, columns=["otype"], **fetch)
    except AnswerError as err:
        if err.is_transient:
            raise
        # XMatch lacks the object types at times; SIMBAD itself has them.
        log.info("%s; querying SIMBAD instead", err)
        return reference.query(coords, radius=radius, columns=["otype"], service="simbad", **fetch)


def _columns(reference):
    """Choose the columns to fetch: positions, and types where they select objects."""
    name, known = reference.name, reference.record.columns
    if known is None or "local" in reference.record.services:
        return None
    if name in _beginnings():
        return [column for column in ("type", "subtype", "z_warning") if column in known]
    return ["type"] if name in _data()["types"] else ["ra", "dec"]


def _counts(near, name):
    """Select the objects of the kind that the catalogue labels."""
    counts = np.ones(len(near), bool)
    if "z_warning" in near.colnames:
        # The spectral class is that of a fit: 0 where it gave no warning.
        counts &= np.ma.filled(near["z_warning"], -1) == 0
    rule = _data()["types"].get(name)
    if rule is None or "type" not in near.colnames:
        return counts
    types, _ = text_values(near, "type")
    if "begins" in rule:
        return counts & np.char.startswith(types[:, np.newaxis], rule["begins"]).any(axis=1)
    return counts & ~np.isin(types, rule["excludes"])


def _kinds(near, catalogue):
    """Return the kind of each object, empty where it is unknown."""
    name = catalogue.reference.name
    if name in _beginnings():
        return _kinds_by_type(near, _beginnings()[name])
    if not catalogue.is_supporting:
        return np.full(len(near), catalogue.kind)
    types, _ = text_values(near, "otype")
    kinds = _simbad_kinds()
    return np.array([kinds.get(str(name), "") for name in types], str)


def _kinds_by_type(near, beginnings):
    types, _ = text_values(near, "type")
    is_certain = (np.char.find(types, ":") < 0) & (np.char.find(types, "|") < 0)
    if "subtype" in near.colnames:
        types = np.char.add(np.char.add(types, " "), text_values(near, "subtype")[0])
    kinds = np.full(len(near), "", object)
    for beginning in sorted(beginnings, key=len):
        kinds[is_certain & np.char.startswith(types, beginning)] = beginnings[beginning]
    return kinds.astype(str)
