# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Mission catalogues for training samples, fetched from VizieR.
"""

import logging

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi import catalog
from claxboi.catalog import standardize
from claxboi.references import get_reference, load_records
from claxboi.utils import InputValueError, check_choice, is_missing, text_values

__all__ = ["missions", "parse_mission"]

log = logging.getLogger(__name__)

#: Radius around the position of a row to find it again.
_SAME_ARCSEC = 1.0


def missions():
    """
    List the missions that `build` supports: those with a catalogue on VizieR.

    Returns
    -------
    missions : dict of str to `~claxboi.catalog.Mission`
        By name.

    Examples
    --------
    >>> from claxboi.training.mission_catalogues import missions
    >>> for mission in missions().values():
    ...     print(mission.name, mission.flux_band)
    4XMM 0.2-12
    2SXPS 0.3-10
    CSC2 0.5-7
    CSC2.1 0.5-7
    eRASS1 0.2-2.3
    """
    return {
        name: mission
        for name, mission in catalog.missions().items()
        if mission.reference is not None
    }


def parse_mission(name):
    """
    Find a mission by one of its names, such as that of a release.

    Parameters
    ----------
    name : str
        The name, without regard to case and punctuation.

    Returns
    -------
    mission : `~claxboi.catalog.Mission`
    """
    found = [
        mission
        for mission in missions().values()
        if isinstance(name, str) and mission.is_named(name)
    ]
    if not found:
        check_choice(name, missions(), "mission")
    return found[0]


def fetch_positions(mission, fetch):
    """
    Fetch the positions of all sources of a mission.

    Parameters
    ----------
    mission : `~claxboi.catalog.Mission`
        The mission.
    fetch : mapping
        ``cache`` and ``max_age`` of the references.

    Returns
    -------
    table : `~astropy.table.Table`
        ``source_id, ra, dec, pos_error``, and ``extent`` or ``is_extended`` if there is one.
        Sources with a shared name are left out, as it identifies none of them.
    """
    reference = get_reference(mission.reference)
    names = service_names(mission, ("source_id", "ra", "dec", *_ERRORS, *_EXTENTS))
    raw = reference.fetch_all(columns=list(names), cache=fetch["cache"], max_age=fetch["max_age"])
    raw = raw[~is_missing(raw, "ra") & ~is_missing(raw, "dec")]
    ids, missing = text_values(raw, "id")
    _, group, count = np.unique(ids, return_inverse=True, return_counts=True)
    alone = (count[group] == 1) & ~missing
    if not alone.all():
        log.info(
            "%d sources of %s have no unique name and are left out", np.sum(~alone), mission.name
        )
    return _standard(mission, raw[alone], names)


def fetch_sources(mission, table, fetch):
    """
    Fetch all measurements of some sources of a mission.

    Parameters
    ----------
    mission : `~claxboi.catalog.Mission`
        The mission.
    table : `~astropy.table.Table`
        Sources as from `fetch_positions`.
    fetch : mapping
        ``cache``, ``max_age`` and ``show_progress`` of the references.

    Returns
    -------
    table : `~astropy.table.Table`
        The same rows, with all columns of the mission in the column vocabulary.
    """
    reference = get_reference(mission.reference)
    names = service_names(mission)
    coords = SkyCoord(table["ra"], table["dec"], unit="deg")
    near = reference.query(coords, radius=_SAME_ARCSEC * u.arcsec, columns=list(names), **fetch)
    ids, _ = text_values(near, "id")
    own, _ = text_values(table, "source_id")
    near = near[ids == own[np.asarray(near["query_index"])]]
    rows, first = np.unique(np.asarray(near["query_index"]), return_index=True)
    if len(rows) < len(table):
        raise InputValueError(
            f"{len(table) - len(rows)} of {len(table)} sources of {reference.record.title} were "
            "not found again at their own positions: pass refresh=True to fetch the catalogue again"
        )
    return _standard(mission, near[first], names)


_ERRORS = ("pos_error", "pos_error_major", "pos_error_minor")
_EXTENTS = ("extent", "is_extended")


def service_names(mission, columns=None):
    """
    Find the names of a mission's columns on VizieR and in the record of the catalogue.

    Parameters
    ----------
    mission : `~claxboi.catalog.Mission`
        The mission.
    columns : collection of str, optional
        Names in the column vocabulary. Default: all of the record.

    Returns
    -------
    names : dict of str to str
        Name in the record -> name on VizieR.
    """
    record = load_records()[mission.reference]
    known = {column.names["vizier"]: own for own, column in record.columns_on("vizier").items()}
    names = {}
    for column, rule in mission.columns.items():
        if columns is not None and column not in columns:
            continue
        wanted = rule.names_in("vizier")
        there = {known[name]: name for name in wanted if name in known}
        # One identifier is enough.
        if len(there) == len(wanted) or rule.rule == "identifier":
            names |= there
    return names


def _standard(mission, raw, names):
    """Rename the columns of the record to the column vocabulary, through their VizieR names."""
    table = Table({name: raw[own] for own, name in names.items()})
    result = standardize(table, mission, columns={"source_id": names["id"]})
    result.remove_columns([name for name in table.colnames if name in result.colnames])
    return result
