# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Training samples of missions, built from VizieR catalogues and kept as files.
"""

from __future__ import annotations

import hashlib
import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from astropy import units as u
from astropy.config import get_cache_dir
from astropy.table import Table

from claxboi.config import HOST_RADIUS, MIN_CLASS_SIZE, conf
from claxboi.counterparts import find_hosts_in
from claxboi.io import read_table, write_table
from claxboi.properties import add_properties, known_properties
from claxboi.utils import (
    ContentStore,
    InputValueError,
    check_count,
    check_path,
    checked,
    digest,
    float_values,
    quantity_value,
    record,
    text_values,
)

from ._prepare import add_counterparts
from .label_catalogues import find_evidence, match_settings, parse_catalogues
from .labels import extended_sources, label_table, limit_settings
from .mission_catalogues import fetch_positions, fetch_sources, parse_mission
from .schemes import parse_scheme

if TYPE_CHECKING:
    from os import PathLike

    from astropy.units import Quantity
    from numpy.random import Generator

__all__ = ["TrainingSample", "build"]

log = logging.getLogger(__name__)

#: Published priors (Tranin et al. 2022).
PRIORS = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}


#: How the date is written in the names of files.
DATE = "%Y%m%dT%H%M%S"


class TrainingSample(NamedTuple):
    """
    Labelled sources of a mission, with priors and the path of their file.

    Examples
    --------
    With small test services instead of the CDS:

    >>> from claxboi.references.tests.loopback import LoopbackCDS
    >>> from claxboi.training import build
    >>> from claxboi.training.tests.mission_sky import make_mission_sky
    >>> with LoopbackCDS(make_mission_sky(25)[0]):
    ...     sample = build(
    ...         "4XMM", references=["secrest", "ascc", "avakyan", "downes", "simbad"], rng=1
    ...     )  # doctest: +IGNORE_WARNINGS
    >>> len(sample.table), list(sample.priors)[:2], sample.path.suffix
    (174, ['AGN', 'star'], '.ecsv')
    """

    table: Table
    """The sources with their properties and ``class``."""

    priors: dict | str
    """
    Published priors of its classes, which sum to 1; "training" where a class has none.
    """

    path: Path
    """File of the table, to be shared: ``classify(..., training=Table.read(path))``."""


@checked
def build(
    mission: Literal["4XMM", "2SXPS", "CSC2", "eRASS1"],
    *,
    references: Any = None,
    scheme: Any = "7 classes",
    radius: Any = 3 * u.arcsec,
    n_sigma: Any = 3.0,
    slack: Any = None,
    counterpart_radius: Quantity = 10 * u.arcsec,
    host_radius: Any = HOST_RADIUS,
    max_distance: Quantity = 500 * u.Mpc,
    min_extent: Any = 0 * u.arcsec,
    min_quality: Any = 2,
    min_snr: Any = 10.0,
    simbad_disagrees: bool = True,
    max_per_class: int = 5000,
    min_class_size: int = MIN_CLASS_SIZE,
    folder: str | PathLike[str] | None = None,
    max_age: Quantity | None = None,
    refresh: bool = False,
    rng: int | Generator | None = None,
    show_progress: bool = True,
) -> TrainingSample:
    """
    Build a training sample of a mission, or read an existing one.

    The label catalogues are matched to the mission's catalogue on VizieR, and the properties of
    the labelled sources are computed. The table is kept on disk with its date, and the same call
    then returns the same sample without any query.

    Parameters
    ----------
    mission : {"4XMM", "2SXPS", "CSC2", "eRASS1"}
        The mission's catalogue, in any case of letters; see `~claxboi.catalog.missions`.
    references, scheme, radius, n_sigma, slack, host_radius, min_extent, min_quality, min_snr
        As for `add_labels`. A mission without extents has no class of extended sources.
    counterpart_radius : `~astropy.units.Quantity` ['angle'], optional
        Maximum distance of the nearest Gaia and AllWISE object, which must also be within
        ``n_sigma`` positional errors plus the slack of stars.
    max_distance : `~astropy.units.Quantity` ['length'], optional
        Maximum distance of host galaxies. Default: the published 500 Mpc.
    simbad_disagrees : bool, optional
        As for `add_labels`.
    max_per_class : int, optional
        Maximum number of sources of each class, drawn at random.
    min_class_size : int, optional
        Smaller classes have no prior; they stay in the table. Two classes must be larger.
    folder : str or path, optional
        Folder of the samples. Default: the folder ``training`` in ``claxboi.conf.cache_dir``, or
        in that of claxboi in astropy's cache folder.
    max_age : `~astropy.units.Quantity` ['time'], optional
        Build a new sample if the newest one is older.
    refresh : bool, optional
        Build a new sample and fetch all catalogues again. Old samples are kept.
    rng : int or `~numpy.random.Generator`, optional
        For the draw from large classes.
    show_progress : bool, optional
        Show progress when it takes longer than two seconds.

    Returns
    -------
    sample : `TrainingSample`
        A named tuple ``table, priors, path``. ``table.meta["claxboi"]`` has the catalogues with
        dates, limits and versions.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, the mission is unknown, or fewer than two classes have
        ``min_class_size`` sources.
    `~claxboi.references.FetchError`
        If a catalogue cannot be fetched. The parts that arrived are kept for the next call.

    Notes
    -----
    The counterpart is the nearest object at the epoch of its catalogue, not the most probable one,
    because labelled sources are bright and have good positions.

    The file is ``<mission>-<settings>-<date>-<checksum>.ecsv``. The name has a hash of the
    settings, so samples with other settings do not replace each other, and one of the content, so a
    damaged sample is built anew.

    Examples
    --------
    The catalogues are fetched once, and the sample is kept:

    >>> from claxboi.training import build
    >>> from claxboi import classify
    >>> sample = build("4XMM")  # doctest: +SKIP
    >>> classify(my_sources, sample.priors, training=sample.table)  # doctest: +SKIP
    """
    mission = parse_mission(mission)
    scheme_name, rules = parse_scheme(scheme)
    if not mission.has_extent:
        rules = [rule for rule in rules if not rule.extent]
    catalogues = parse_catalogues(references)
    match = match_settings(radius, n_sigma, slack)
    limits = limit_settings(
        host_radius=host_radius,
        min_extent=min_extent,
        min_quality=min_quality,
        min_snr=min_snr,
        simbad_disagrees=simbad_disagrees,
    )
    settings = {
        "mission": mission.name,
        "scheme": [scheme_name, *map(repr, rules)],
        "references": [[c.kind, c.reference.name, _content(c.reference)] for c in catalogues],
        "counterpart_radius_arcsec": quantity_value(
            counterpart_radius, u.arcsec, "counterpart_radius", minimum=0
        ),
        "max_distance_mpc": quantity_value(max_distance, u.Mpc, "max_distance", minimum=0),
        "max_per_class": check_count(max_per_class, "max_per_class"),
        "min_class_size": check_count(min_class_size, "min_class_size", minimum=2),
        **match,
        **limits,
    }
    max_age_s = None if max_age is None else quantity_value(max_age, u.s, "max_age")
    store, stem = ContentStore(_folder(folder)), f"{mission.name}-{digest(settings)[:8]}"
    if not refresh:
        kept = _newest(store, stem, max_age_s)
        if kept is not None:
            return _read(kept)

    rng = np.random.default_rng(rng)
    fetch = {
        "cache": True,
        "max_age": 0 * u.s if refresh else max_age,
        "show_progress": show_progress,
    }
    table = fetch_positions(mission, fetch)
    kinds = {kind for rule in rules for kind in rule.kinds}
    findings = find_evidence(table, catalogues, kinds, match=match, fetch=fetch)
    rows = np.flatnonzero(_is_known(table, findings, rules, limits))
    log.info("%d of %d sources of %s are labelled", len(rows), len(table), mission.name)
    table, findings = table[rows], findings.take(rows)
    if len(table):
        table = fetch_sources(mission, table, fetch)
        table = add_counterparts(table, radius=counterpart_radius, match=match, fetch=fetch)
        table = find_hosts_in(
            table, factor=limits["host_radius"], max_distance=max_distance, **fetch
        )
        table = label_table(add_properties(table), scheme_name, rules, findings, limits=limits)
        table = _draw(table, max_per_class, rng)
    return _keep(table, settings, store, stem)


def _is_known(table, findings, rules, limits):
    """Find the sources that may have a class (SIMBAD alone does not give one)."""
    known = extended_sources(table, rules, limits)
    for e in findings.evidence:
        if not e.catalogue.is_supporting:
            known = known | e.is_member
    return known


def _draw(table, max_per_class, rng):
    """Draw labelled sources, at most max_per_class of each class."""
    names, missing = text_values(table, "class")
    rows = [
        rng.permutation(np.flatnonzero((names == name) & ~missing))[:max_per_class]
        for name in np.unique(names[~missing])
    ]
    return table[np.sort(np.concatenate(rows))] if rows else table[:0]


def _keep(table, settings, store, stem):
    """Check that there are enough classes, and write the table."""
    counts = {}
    if len(table):
        names, count = np.unique(text_values(table, "class")[0], return_counts=True)
        counts = {str(k): int(n) for k, n in zip(names, count, strict=True)}
    if len(_large_classes(counts, settings["min_class_size"])) < 2:
        said = ", ".join(f"{k} ({n})" for k, n in counts.items()) or "none"
        raise InputValueError(
            f"the sample of {settings['mission']} must have two or more classes with "
            f"{settings['min_class_size']} sources; the label catalogues give {said}"
        )
    table = _without_constant_properties(table)
    table.meta = record(table.meta, "training", **settings, counts=counts)
    key = f"{stem}-{datetime.now(UTC).strftime(DATE)}"
    return _read(store.keep(key, "ecsv", lambda path: write_table(table, path)))


def _large_classes(counts, min_class_size):
    return [name for name, n in counts.items() if n >= min_class_size]


def _priors(counts, min_class_size):
    """Return the published priors of the classes, scaled to sum to 1."""
    classes = _large_classes(counts, min_class_size)
    if not set(classes) <= set(PRIORS):
        return "training"
    total = sum(PRIORS[name] for name in classes)
    return {name: PRIORS[name] / total for name in PRIORS if name in classes}


def _without_constant_properties(table):
    empty = []
    for name in known_properties(table.colnames):
        values = float_values(table, name)
        if len(np.unique(values[np.isfinite(values)])) < 2:
            empty.append(name)
    table = table.copy()
    table.remove_columns(empty)
    return table


def _folder(folder):
    if folder is not None:
        return Path(check_path(folder, "folder"))
    if conf.cache_dir:
        return Path(conf.cache_dir).expanduser() / "training"
    return Path(get_cache_dir()) / "claxboi" / "training"


def _content(reference):
    """Return the VizieR identifier of a catalogue, or the hash of the positions of a table."""
    if "local" not in reference.record.services:
        return reference.record.table
    table = reference.fetch_all()
    values = [float_values(table, name, unit=u.deg).tobytes() for name in ("ra", "dec")]
    return hashlib.sha256(b"".join(values)).hexdigest()


def _newest(store, stem, max_age_s):
    """Find the newest intact sample that is not too old; None if there is none."""
    name = re.compile(re.escape(stem) + r"-(\d{8}T\d{6})-\w+\.ecsv")
    found = (name.fullmatch(path.name) for path in store.folder.glob(f"{stem}-*"))
    for date in sorted({match[1] for match in found if match}, reverse=True):
        age = datetime.now(UTC) - datetime.strptime(date, DATE).replace(tzinfo=UTC)
        if max_age_s is not None and age > timedelta(seconds=max_age_s):
            return None
        for path in store.paths(f"{stem}-{date}"):
            if store.is_intact(path):
                return path
    return None


def _read(path):
    log.info("training sample %s", path)
    table = read_table(path)
    made = table.meta["claxboi"]["training"]
    return TrainingSample(table, _priors(made["counts"], made["min_class_size"]), path)
