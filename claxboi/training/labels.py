# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Labels of sources from catalogues of known objects, and the classes that follow.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from astropy import units as u

from claxboi.catalog import make_column
from claxboi.config import HOST_RADIUS
from claxboi.utils import (
    InputKeyError,
    add_columns,
    check_columns,
    check_count,
    check_number,
    check_table,
    checked,
    float_values,
    quantity_value,
    record,
    warn,
)

from .label_catalogues import EXTENT_NAME, find_evidence, match_settings, parse_catalogues
from .schemes import parse_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from astropy.table import Table
    from astropy.units import Quantity

__all__ = ["add_labels", "extended_sources", "label_table", "limit_settings"]

#: The bit of SIMBAD is always 1024, as in the published tables.
SIMBAD_BIT = 10

#: Columns that give one quality point each, for a value or for one above a limit.
QUALITY_COLUMNS = ("log_fx_fr", "log_fx_fw1", "log_fmax_fmin", "snr")


@checked
def add_labels(
    table: Table,
    references: Literal["published"] | Literal["all"] | Sequence | Mapping | None = None,
    scheme: str | Mapping = "7 classes",
    *,
    radius: Quantity = 3 * u.arcsec,
    n_sigma: float = 3.0,
    slack: Quantity | Mapping[str, Any] | None = None,
    host_radius: float = HOST_RADIUS,
    min_extent: Quantity = 0 * u.arcsec,
    min_quality: int = 2,
    min_snr: float = 10.0,
    simbad_disagrees: bool = True,
    cache: Any = True,
    max_age: Any = None,
    overwrite: bool = False,
    show_progress: Any = True,
) -> Table:
    """
    Label X-ray sources by the catalogues that have an object at their position.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources: ``ra``, ``dec`` (deg) and ``pos_error`` (arcsec, 1 sigma per axis; a
        source without it gets no label). ``galaxy_radius`` if the scheme asks for the host,
        ``extent`` (arcsec, or else the flag ``is_extended``) if it asks for extended sources, and
        what ``min_quality`` needs.
    references : "published", "all", list or mapping, optional
        Label catalogues: the sixteen published ones (default), these and newer ones, or a list of
        names (`~claxboi.references.list_references`); or a mapping from the kind of object
        ("AGN", "star", "XRB", "CV", or your own) to catalogues, which may be your own tables
        with ``ra`` and ``dec``. SIMBAD may be listed under any kind. Of a catalogue with objects of
        several kinds ("sdss", "desi", "lamost", "vsx"), those of the kind count.
    scheme : str or mapping, optional
        "7 classes", "9 classes", "4 classes", "nearby galaxies"; or class -> kinds of objects, see
        `class_schemes` and `ClassRule`. Catalogues of other kinds are not queried.
    radius : `~astropy.units.Quantity` ['angle'], optional
        Search radius. Of each catalogue, the nearest object within it is considered.
    n_sigma : float, optional
        An object matches if it is closer than this many ``pos_error`` plus the slack.
    slack : `~astropy.units.Quantity` ['angle'] or mapping of str to that, optional
        Distance added to that limit, for all kinds or by kind. Default: 0.1 arcsec, and 1 arcsec
        for XRB and CV.
    host_radius : float, optional
        A source is inside a galaxy where ``galaxy_radius`` is below it.
    min_extent : `~astropy.units.Quantity` ['angle'], optional
        A source is extended where ``extent`` is above it.
    min_quality : int, optional
        Sources with fewer quality points get no class. One point each for: ``log_fx_fr`` known,
        ``log_fx_fw1`` known, ``log_fmax_fmin`` above 0, ``snr`` above ``min_snr``. 0: no cut.
    min_snr : float, optional
        See ``min_quality``.
    simbad_disagrees : bool, optional
        Whether SIMBAD, which alone never labels a source, can conflict with a label.
    cache, max_age, show_progress
        As for `claxboi.references.Reference.query`.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with ``label_<class>`` for each class of the scheme, one bit per catalogue (see
        the column's description); ``class``, masked for unlabelled sources; and
        ``label_reason``, the reason why a source in some catalogue has no class.
        ``meta["claxboi"]["labels"]`` has all settings, and the catalogues with their dates.

    Raises
    ------
    KeyError
        If a column is absent.
    TypeError, ValueError
        If an argument is wrong, or a position is missing.
    `~claxboi.references.FetchError`
        If a catalogue cannot be fetched. In the sets "published" and "all", a catalogue whose
        record is marked as unconfirmed is left out instead, with a warning.

    See Also
    --------
    label_report : Labels by class and catalogue, overlaps and conflicts.

    Notes
    -----
    The scheme of Tranin et al. (2022). A source has a class if a catalogue other than SIMBAD gives
    it that class, and none gives it another. Sources with an extent are always extended.

    The original scripts took 3 times the radius of 63 %, that is 4.23 ``pos_error``. Three
    ``pos_error`` hold 98.9 % of true counterparts.

    References
    ----------
    Tranin et al. 2022, A&A 657, A138.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.training import add_labels
    >>> xray = Table({"ra": [10.0, 20.0, 30.0], "dec": [5.0, 5.0, 5.0], "pos_error": [1.0] * 3})
    >>> quasars = Table({"ra": [10.0, 20.0], "dec": [5.0002, 5.0]})
    >>> stars = Table({"ra": [20.0, 30.0], "dec": [5.0, 5.0]})
    >>> labelled = add_labels(
    ...     xray, {"AGN": quasars, "star": stars}, "4 classes", min_quality=0
    ... )
    >>> print(labelled["ra", "label_AGN", "label_star", "class", "label_reason"])
     ra  label_AGN label_star class               label_reason
    ---- --------- ---------- ----- ---------------------------------------
    10.0         1          0   AGN                                      --
    20.0         1          1    -- conflict: AGN (AGN_1) and star (star_1)
    30.0         0          1  star                                      --
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["ra", "dec", "pos_error"])
    scheme_name, rules = parse_scheme(scheme)
    catalogues = parse_catalogues(references)
    match = match_settings(radius, n_sigma, slack)
    limits = limit_settings(
        host_radius=host_radius,
        min_extent=min_extent,
        min_quality=min_quality,
        min_snr=min_snr,
        simbad_disagrees=simbad_disagrees,
    )
    # Missing columns are reported before anything is fetched.
    is_inside, _ = _places(table, rules, limits)
    if is_inside is not None:
        _check_hosts(table, limits["host_radius"])
    _quality(table, limits)
    fetch = {"cache": cache, "max_age": max_age, "show_progress": show_progress}
    kinds = {kind for rule in rules for kind in rule.kinds}
    findings = find_evidence(table, catalogues, kinds, match=match, fetch=fetch)
    return label_table(table, scheme_name, rules, findings, limits=limits, overwrite=overwrite)


def limit_settings(*, host_radius, min_extent, min_quality, min_snr, simbad_disagrees):
    """
    Check the limits that turn labels into classes.

    Parameters
    ----------
    host_radius, min_extent, min_quality, min_snr, simbad_disagrees
        As for `add_labels`.

    Returns
    -------
    limits : dict
        The same, with ``min_extent_arcsec``.
    """
    return {
        "host_radius": check_number(host_radius, "host_radius", minimum=0),
        "min_extent_arcsec": quantity_value(min_extent, u.arcsec, "min_extent", minimum=0),
        "min_quality": check_count(min_quality, "min_quality", minimum=0),
        "min_snr": check_number(min_snr, "min_snr", minimum=0),
        "simbad_disagrees": bool(simbad_disagrees),
    }


def label_table(table, scheme_name, rules, findings, *, limits, overwrite=False):
    """
    Label sources by the evidence of the catalogues.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    scheme_name : str
        Name of the scheme.
    rules : list of `ClassRule`
        Its classes.
    findings : `Findings`
        The evidence.
    limits : mapping
        The other settings of `add_labels`.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        As from `add_labels`.
    """
    is_inside, is_extended = _places(table, rules, limits)
    bits, strong, meaning = {}, {}, {}
    for rule in rules:
        place = _place(rule, is_inside, len(table))
        own = meaning[rule.name] = _meaning(rule, findings)
        bits[rule.name] = np.zeros(len(table), np.int64)
        strong[rule.name] = np.zeros(len(table), bool)
        for e in findings.evidence:
            if e.kind in rule.kinds:
                is_member = e.is_member & place
                bits[rule.name][is_member] |= 1 << own[e.catalogue.reference.name]
                strong[rule.name] |= is_member & (not e.catalogue.is_supporting)
        if rule.extent:
            bits[rule.name][is_extended] = 1
            strong[rule.name] |= is_extended
    quality = _quality(table, limits)
    names, reasons = _decide(rules, bits, strong, meaning, quality=quality, limits=limits)

    columns = {}
    for rule in rules:
        column = make_column("label_<class>", bits[rule.name], **{"class": rule.name})
        said = ", ".join(f"{1 << bit} {name}" for name, bit in meaning[rule.name].items())
        column.description += f": {said or 'none'}"
        columns[column.name] = column
    columns["class"] = make_column("class", names, mask=names == "")
    columns["label_reason"] = make_column("label_reason", reasons, mask=reasons == "")
    result = add_columns(table, columns, overwrite=overwrite)
    asked = [c.reference for c in findings.catalogues if c.reference.name in findings.asked]
    result.meta = record(
        result.meta,
        "labels",
        scheme=scheme_name,
        classes={
            rule.name: {"kinds": list(rule.kinds), "host": rule.host, "extent": rule.extent}
            for rule in rules
        },
        bits=meaning,
        selected_in={r.name: list(r.record.selected_in) for r in asked if r.record.selected_in},
        catalogues={r.name: findings.asked[r.name] | {"cite": r.citation} for r in asked},
        left_out=findings.left_out,
        **findings.match,
        **limits,
    )
    return result


def _places(table, rules, limits):
    """Find the sources inside a galaxy (None if no class asks for it) and the extended ones."""
    is_inside = None
    if any(rule.host is not None for rule in rules):
        _need(table, "galaxy_radius", "tells sources inside galaxies from others", "find_hosts")
        is_inside = float_values(table, "galaxy_radius") < limits["host_radius"]
    return is_inside, extended_sources(table, rules, limits)


def extended_sources(table, rules, limits):
    """
    Find the extended sources, if the scheme has a class for them.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    rules : list of `ClassRule`
        The classes.
    limits : mapping
        As from `limit_settings`.

    Returns
    -------
    is_extended : `~numpy.ndarray` of bool
    """
    if not any(rule.extent for rule in rules):
        return np.zeros(len(table), bool)
    if "is_extended" in table.colnames and "extent" not in table.colnames:
        return float_values(table, "is_extended") == 1
    _need(table, "extent", "has a class of extended sources", "rename the mission's column")
    return float_values(table, "extent", unit=u.arcsec) > limits["min_extent_arcsec"]


def _check_hosts(table, host_radius):
    factor = table.meta.get("claxboi", {}).get("hosts", {}).get("factor")
    if factor is not None and factor < host_radius:
        warn(
            f"host galaxies were searched within {factor:g} times their ellipses, but host_radius "
            f"is {host_radius:g}; pass factor={host_radius:g} to find_hosts"
        )


def _need(table, column, why, remedy):
    if column not in table.colnames:
        raise InputKeyError(
            f"table has no column {column!r}, but the scheme {why}: add it ({remedy}), or choose "
            "another scheme such as '4 classes'"
        )


def _place(rule, is_inside, n_rows):
    if rule.host is None:
        return np.ones(n_rows, bool)
    return is_inside if rule.host else ~is_inside


def _quality(table, limits):
    """Count the quality points of each source."""
    there = [name for name in QUALITY_COLUMNS if name in table.colnames]
    if len(there) < limits["min_quality"]:
        raise InputKeyError(
            f"min_quality={limits['min_quality']} needs at least as many of the columns "
            f"{', '.join(QUALITY_COLUMNS)}, and table has {', '.join(there) or 'none'}; "
            "add properties first, or pass min_quality=0 to label sources of any quality"
        )
    points = np.zeros(len(table), int)
    for name in there:
        values = float_values(table, name)
        if name == "log_fmax_fmin":
            points += values > 0
        elif name == "snr":
            points += values > limits["min_snr"]
        else:
            points += np.isfinite(values)
    return points


def _meaning(rule, findings):
    """Assign the bits of a class to its catalogues; those left out keep their bit free."""
    if rule.extent:
        return {EXTENT_NAME: 0}
    meaning, free = {}, (bit for bit in count() if bit != SIMBAD_BIT)
    for c in findings.catalogues:
        if c.is_supporting:
            meaning[c.reference.name] = SIMBAD_BIT
        elif c.kinds & set(rule.kinds):
            meaning[c.reference.name] = next(free)
    return {name: bit for name, bit in meaning.items() if name not in findings.left_out}


def _decide(rules, bits, strong, meaning, *, quality, limits):
    """
    Decide the class of each source, or the reason why it has none.

    Parameters
    ----------
    rules : list of `ClassRule`
        The classes.
    bits : dict of str to `~numpy.ndarray` of int64
        Bits of the catalogues by class.
    strong : dict of str to `~numpy.ndarray` of bool
        Whether a catalogue other than SIMBAD gives the class.
    meaning : dict of str to dict of str to int
        Catalogues and their bits, by class.
    quality : `~numpy.ndarray` of int
        Points of quality.
    limits : mapping
        The settings ``min_quality`` and ``simbad_disagrees``.

    Returns
    -------
    names, reasons : `~numpy.ndarray` of str
        Empty where there is none.
    """
    names = np.array([rule.name for rule in rules])
    is_strong = np.array([strong[name] for name in names])
    is_said = np.array([bits[name] != 0 for name in names])
    counts = is_said if limits["simbad_disagrees"] else is_strong
    is_extent = np.array([rule.extent for rule in rules])
    wins = is_strong & is_extent[:, np.newaxis]
    # Extended sources are extended even if catalogues say otherwise.
    settled = wins.any(axis=0)
    is_class = np.where(settled, wins, is_strong)
    is_conflict = ~settled & is_strong.any(axis=0) & (counts.sum(axis=0) > 1)
    is_weak = is_said.any(axis=0) & ~is_strong.any(axis=0)
    is_poor = (quality < limits["min_quality"]) & is_class.any(axis=0) & ~is_conflict
    good = is_class.any(axis=0) & ~is_conflict & ~is_poor
    chosen = np.where(good, names[np.argmax(is_class, axis=0)], "")

    reasons = np.full(len(quality), "", object)
    for row in np.flatnonzero(is_conflict):
        said = [
            f"{name} ({', '.join(_set_bits(bits[name][row], meaning[name]))})"
            for name in names[counts[:, row]]
        ]
        reasons[row] = f"conflict: {' and '.join(said)}"
    reasons[is_weak] = "SIMBAD alone"
    for row in np.flatnonzero(is_poor):
        reasons[row] = f"quality {quality[row]}, below {limits['min_quality']}"
    return chosen, reasons.astype(str)


def _set_bits(value, meaning):
    return [name for name, bit in meaning.items() if int(value) >> bit & 1]
