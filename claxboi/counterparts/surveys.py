# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Counterparts from surveys by name, fetched around the X-ray sources.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.catalog import make_column
from claxboi.config import CUTOFF
from claxboi.references import Reference, get_reference, load_records
from claxboi.references.records import SERVICES
from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    by_name,
    check_choice,
    check_table,
    checked,
    digest,
    float_values,
    is_missing,
    quantity_value,
    record,
    shown,
    table_hash,
)

from .all_matches import list_matches
from .associate import associate
from .best_match import best_matches
from .catalogue_positions import (
    ELLIPSE,
    XRAY_COLUMNS,
    check_radius,
    read_covariances,
    read_positions,
)
from .error_audit import audit_errors
from .errors import complete_pos_errors
from .joint_association import check_domains
from .magnitudes import homogenize_magnitudes, magnitude_relations
from .source_density import Circles, sky_density

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["find_in_surveys"]

log = logging.getLogger(__name__)

_MAX_SURVEYS = 10
# Objects are fetched beyond the search radius, to count field objects there.
_OUTER = 1.5
# Within so many sigma of an X-ray source an object may be its counterpart.
_REACH_SIGMA = 5.0
_MOTION = ("pmra", "pmra_error", "pmdec", "pmdec_error")
_PARALLAX = ("parallax", "parallax_error")


@checked
def find_in_surveys(
    table: Table,
    surveys: str | Sequence[str],
    *,
    domain: str | Mapping[str, str] = "opt",
    radius: Any = 10 * u.arcsec,
    references: Mapping | None = None,
    magnitudes: bool = True,
    rule: Any = "first",
    cutoff: Any = CUTOFF,
    priors: Any = None,
    completeness: Literal["estimate"] | float | Mapping = "estimate",
    keep: Literal["best", "all"] = "best",
    associations: dict | None = None,
    service: Any = None,
    cache: Any = True,
    max_age: Any = None,
    show_progress: Any = True,
    overwrite: bool = False,
) -> Table:
    r"""
    Find the counterparts of X-ray sources in surveys by name: fetch, associate, choose, join.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The X-ray sources, as for `associate`: ``ra``, ``dec``, ``pos_error``; and ``epoch``, if
        stars are to be looked for where they were then.
    surveys : str or list of str
        Short names of surveys (see `~claxboi.references.list_references`), or of ``references``, in
        order of preference.
    domain : str or mapping of str to str, optional
        First part of the names of the new columns: "opt" or "ir"; or, with ``keep="all"``, that of
        each survey, which gives the combinations of an object in each domain.
    radius : `~astropy.units.Quantity` ['angle'], scalar or of shape (n_sources,)
        Search radius of `associate`. Objects up to 1.5 times as far are fetched.
    references : mapping, optional
        Catalogues that replace a survey: short name -> Table, path of one, or
        `~claxboi.references.Reference`. Tables of a known survey hold a part of it, under the names
        of its record or of a service; other tables have ``ra``, ``dec``, ``pos_error`` and perhaps
        ``id``, ``pmra``, ``pmdec`` and ``ref_epoch``. Surveys that are not named come from their
        services.
    magnitudes : bool, optional
        Add the magnitudes of the counterparts on one system: `homogenize_magnitudes`.
    rule, cutoff
        As for `best_matches`.
    priors : prior, list or mapping by survey, optional
        As for `associate`; the columns are those of the survey, and its homogenised magnitudes.
    completeness : "estimate", float or mapping by survey, optional
        As for `associate`.
    keep : {"best", "all"}, optional
        The best counterpart of each source; or all candidates, as from `all_matches`.
    associations : dict, optional
        Keeps the association with each survey for later calls with this dictionary, which use it
        where the sources, the radius and ``completeness`` are the same: to have the best
        counterparts and all candidates at the price of one association. Not with ``priors``. A
        local table must be the same `~claxboi.references.Reference`.
    service, cache, max_age, show_progress
        As for `Reference.query <claxboi.references.Reference.query>`. A table that stands for a
        survey is asked whatever the service.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    table : same class as the input
        A new table with the columns of `best_matches` (or `all_matches`) and, from the
        counterpart, those among ``pmra, pmra_error, pmdec, pmdec_error, parallax, parallax_error``
        that a survey with good motions has, and its magnitudes (``bp_mag``, ``rp_mag`` or
        ``w1_mag``, ``w2_mag`` with ``_error``, ``_is_limit`` and ``_origin``). Masked where there
        is none.
        ``meta["claxboi"]["surveys_<domain>"]`` (``surveys_all`` of combinations) holds for each
        survey the query, and the densities and the completeness that were measured.

    Raises
    ------
    TypeError, ValueError, KeyError
        If an argument is wrong, or a survey unknown.
    `~claxboi.references.FetchError`
        If a service does not answer, or its answer is wrong.

    See Also
    --------
    associate : The probabilities.
    best_matches : The choice among surveys.

    Notes
    -----
    The density of field objects is counted around the X-ray sources themselves, in the rings
    between the reach of their counterparts (5 sigma) and 1.5 times the radius. What is within the
    reach of another source does not count either, and each object counts once, at the source
    nearest to it. Rings of neighbours on the sky, at most 2 degrees apart, are put together until
    they have 100 objects. Where they have fewer, a circle of up to 180 arcsec is fetched around one
    source of them; the mean density of the survey counts for one object more.

    A source without any object around it, where the mean density predicts 100 or more, is outside
    the survey footprint: it has no counterpart there, and does not lower the completeness.

    Combinations have an object, or none, of one survey in each of two domains: the survey in which
    `all_matches` looks for the candidates of a source. Each domain is associated alone. A
    combination weighs the product of the odds of its objects, times how much more often
    counterparts are detected in both domains (or in neither) than by chance, times how well the
    two positions agree, compared with pairs of field objects that agree.

    If the table has epochs, the objects of surveys with good motions (Gaia) are looked for where
    they were then. A star that moved out of the circle that is fetched is not found.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import find_in_surveys
    >>> rng = np.random.default_rng(1)
    >>> gaia = Table({"id": np.arange(5000), "ra": rng.uniform(10, 10.5, 5000),
    ...               "dec": rng.uniform(0, 0.5, 5000), "Gmag": rng.uniform(15, 20, 5000)})
    >>> gaia["pos_error"] = 0.01
    >>> xray = Table({"ra": gaia["ra"][:300] + rng.normal(0, 1 / 3600, 300),
    ...               "dec": gaia["dec"][:300] + rng.normal(0, 1 / 3600, 300)})
    >>> xray["pos_error"] = 1.0
    >>> result = find_in_surveys(xray, ["gaia"], references={"gaia": gaia})
    >>> print((result["opt_id"] == np.arange(300).astype(str)).sum(), "of 300")
    297 of 300
    """
    check_table(table)
    ra, dec = read_positions(table, "table")
    names = _check_surveys(surveys)
    check_choice(keep, ("best", "all"), "keep")
    if associations is not None and not isinstance(associations, dict):
        raise InputTypeError(f"associations must be a dict or None, got {shown(associations)}")
    if service is not None:
        check_choice(service, SERVICES, "service")
    if isinstance(domain, Mapping):
        check_domains(domain, names, keep)
    radius_arcsec = quantity_value(radius, u.arcsec, "radius")
    check_radius(radius_arcsec, len(table), "table")
    if not np.all(radius_arcsec > 0):
        raise InputValueError("radius must be positive, got 0")
    covariances = read_covariances(table, "table")
    priors = by_name(priors, names, "priors")
    completeness = by_name(completeness, names, "completeness", "estimate")
    found = dict(zip(names, find_references(names, references, "surveys"), strict=True))

    sigma = np.sqrt(np.maximum(covariances.ee, covariances.nn))
    outer = _OUTER * float(np.max(radius_arcsec))
    coords = SkyCoord(ra, dec, unit="deg")
    names_of_positions = [name for name in XRAY_COLUMNS if name in table.colnames]
    positions = Table(table[names_of_positions], copy=False)
    fetch = {"service": service, "cache": cache, "max_age": max_age, "show_progress": show_progress}
    matches = {}
    for name, reference in found.items():
        own = priors[name], completeness[name]
        key = None
        if associations is not None and own[0] is None:
            settings = np.asarray(radius_arcsec).tolist(), magnitudes, repr(own[1])
            # Tables of the same name may differ; a service gives one answer.
            is_table = reference.record.services == ("local",)
            key = reference if is_table else name, table_hash(positions), digest(settings)
        if key in (associations or ()):
            matches[name] = associations[key]
            continue
        matches[name] = _match(
            positions, reference, coords, sigma, radius_arcsec, outer, own, magnitudes, fetch
        )
        if key is not None:
            matches[name] = associations[key] = _without_others(matches[name])
    candidates, tables, densities, settings = (
        {name: one[k] for name, one in matches.items()} for k in range(4)
    )
    choice = {
        "domain": domain,
        "rule": rule,
        "cutoff": cutoff,
        "id_column": {name: "id" for name in tables if "id" in tables[name].colnames},
        "keep": _kept(found, tables),
        "overwrite": overwrite,
    }
    if keep == "best":
        result = best_matches(candidates, table, tables, **choice)
    else:
        result, summary = list_matches(candidates, table, tables, densities, **choice)
        if summary:
            result.meta = record(result.meta, "surveys_all", **settings, **summary)
            return result
    audit = audit_errors(result, domain=domain, radius=float(np.max(radius_arcsec)) * u.arcsec)
    log.info("%s", audit)
    settings["pos_error_factor"] = [audit.factor, audit.factor_error]
    result.meta = record(result.meta, f"surveys_{domain}", **settings)
    return result


class _Matches(NamedTuple):
    # The association of all sources with one survey.
    candidates: Table
    objects: Table
    density_deg2: np.ndarray  # around each source; NaN outside the footprint
    settings: dict


def _match(table, reference, coords, sigma, radius_arcsec, outer, own, magnitudes, fetch):
    """
    Fetch the objects of one survey, measure their density, and associate them.
    """
    own_service = None if reference.record.services == ("local",) else fetch["service"]
    fetch = fetch | {"service": own_service, "columns": _wanted(reference, magnitudes)}
    near = reference.query(coords, radius=outer * u.arcsec, **fetch)
    survey, circles = _survey(reference, near, outer, magnitudes)
    # The pairs themselves are large, and the circles have what is needed of them.
    described = near.meta["claxboi"]["references"]
    del near

    def draw(rows, radius):
        return _draw(reference, coords[rows], rows, radius, fetch)

    typical = float(np.median(survey["pos_error"])) if len(survey) else 0.0
    reach = _REACH_SIGMA * np.hypot(sigma, typical)
    # A table of the user's own says how many rows it has, but not on which area.
    mean = reference.record.density_deg2 if reference.record.name in load_records() else None
    ra, dec = coords.ra.deg, coords.dec.deg
    sky = sky_density(ra, dec, reach, circles, mean, draw, reference.record.title)
    here = np.flatnonzero(sky.is_covered)
    priors, completeness = own
    candidates, completeness_here = _associate(
        table,
        here,
        survey,
        radius=np.broadcast_to(radius_arcsec, len(table))[here] * u.arcsec,
        density=sky.density_deg2[here] / u.deg**2,
        priors=priors,
        completeness=completeness,
    )
    log.info("%s: %d objects near %d sources", reference.record.title, len(survey), len(table))
    settings = described | {
        "completeness": completeness_here,
        "n_covered": len(here),
        "density_deg2": np.percentile(sky.density_deg2, [5, 50, 95]).tolist(),
    }
    density = np.where(sky.is_covered, sky.density_deg2, np.nan)
    return _Matches(candidates, survey, density, settings)


def _without_others(matches):
    """
    Leave out the objects that are not candidates.
    """
    rows = matches.candidates["secondary"]
    has = ~is_missing(matches.candidates, "secondary")
    used, number = np.unique(np.ma.getdata(rows)[has], return_inverse=True)
    rows[has] = number
    return matches._replace(objects=matches.objects[used])


def _check_surveys(surveys):
    names = [surveys] if isinstance(surveys, str) else surveys
    if isinstance(names, Mapping) or not isinstance(names, Iterable):
        raise InputTypeError(f"surveys must be a list of names, got {type(surveys).__name__}")
    names = list(names)
    if not 1 <= len(names) <= _MAX_SURVEYS:
        raise InputValueError(f"surveys must be 1 to {_MAX_SURVEYS} names, got {len(names)}")
    for name in names:
        if not isinstance(name, str):
            raise InputTypeError(
                f"surveys must be a list of names, got {type(name).__name__} in it; pass tables in "
                "references={name: table}"
            )
        if names.count(name) > 1:
            raise InputValueError(f"surveys must have different names, got {name!r} twice")
    return names


def find_references(names, references, argument):
    """
    Find catalogues by name, or the tables that replace them.

    Parameters
    ----------
    names : list of str or `~claxboi.references.Reference`
        The catalogues.
    references : mapping or None
        Replacements by short name.
    argument : str
        Name of the argument that has the names.

    Returns
    -------
    found : list of `~claxboi.references.Reference`
    """
    if references is None:
        references = {}
    if not isinstance(references, Mapping):
        raise InputTypeError(
            "references must be a mapping of short names to tables, paths or references, got "
            f"{type(references).__name__}"
        )
    for name, source in references.items():
        if not isinstance(source, (Table, Reference, str, os.PathLike)):
            raise InputTypeError(
                f"references[{name!r}] must be a table, a path or a Reference, got {shown(source)}"
            )
    for name in names:
        if not isinstance(name, (str, Reference)):
            raise InputTypeError(
                f"{argument} must be the name of a catalogue or a Reference, got {shown(name)}"
            )
    return [
        name if isinstance(name, Reference) else _reference(name, references.get(name), argument)
        for name in names
    ]


def _reference(name, source, argument):
    if source is None:
        try:
            return get_reference(name)
        except InputValueError as err:
            raise InputValueError(f"{argument}: {err}") from None
    if isinstance(source, Reference):
        return source
    if name in load_records():
        return get_reference(source, like=name)
    reference = get_reference(source, name=name)
    if reference.record.services != ("local",):
        return reference
    own = {c.names["local"]: c for c in reference.record.columns.values()}
    named = {key: key for key in ("id", "pos_error") if key in own}
    return get_reference(source, name=name, **named)


def _wanted(reference, magnitudes):
    """
    List the columns to request; None for all columns of a user's own catalogue.
    """
    known = reference.record
    if known.columns is None or known.name not in load_records():
        return None
    wanted = ["pos_error", "ref_epoch", *(name for group in known.error for name in group)]
    wanted += [*_MOTION, *_PARALLAX] if known.has_motion else []
    if magnitudes:
        for names in _magnitude_columns(_magnitude_survey(reference)):
            wanted += names
    # All services that a survey's circles fit into have the columns of the first.
    there = known.columns_on(known.services[0])
    return [name for name in dict.fromkeys(wanted) if name in there]


def _magnitude_survey(reference):
    # Releases of a survey have the same bands: gaia_edr3 those of gaia.
    return reference.record.name.partition("_")[0]


def _magnitude_columns(survey):
    relations = magnitude_relations()
    rows = relations[relations["survey"] == survey]
    return [f"{row['column']} {row['error']}".split() for row in rows]


def _survey(reference, near, radius, magnitudes):
    """
    Make a table of the objects in pairs, each once, for `associate`.
    """
    first, circles = _circles(near, radius)
    survey = near[first]
    survey.remove_columns(["query_index", "separation"])
    survey = _with_errors(reference, survey)
    known = reference.record
    if not known.has_motion and known.name in load_records():
        survey.remove_columns([name for name in ("pmra", "pmdec") if name in survey.colnames])
    epoch = near.meta["claxboi"]["references"].get("epoch")
    if epoch is not None and not {"epoch", "ref_epoch"} & set(survey.colnames):
        survey["ref_epoch"] = np.full(len(survey), float(epoch)) * u.yr
    relations = _magnitude_columns(_magnitude_survey(reference))
    if magnitudes and {name for names in relations for name in names} & set(survey.colnames):
        survey = homogenize_magnitudes(survey, _magnitude_survey(reference))
    return survey, circles


def _circles(near, radius):
    """
    Find the distinct objects of pairs from `~claxboi.references.Reference.query`.

    Returns a row of ``near`` for each object, and the circles around the sources.
    """
    columns = [np.asarray(near[name], float) for name in ("dec", "ra")]
    if "id" in near.colnames and near["id"].dtype.kind in "iu":
        columns.insert(0, np.ma.getdata(near["id"]))
    order = np.lexsort(columns)
    new = np.zeros(len(order), bool)
    new[:1] = True
    for column in columns:
        new[1:] |= np.diff(column[order]) != 0
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(new) - 1
    first = order[new]
    return first, Circles(
        source=np.asarray(near["query_index"], np.int64),
        object=number,
        separation=np.asarray(near["separation"], float),
        ra=float_values(near, "ra", unit=u.deg)[first],
        dec=float_values(near, "dec", unit=u.deg)[first],
        radius=radius,
    )


def _with_errors(reference, survey):
    known = reference.record
    # Ellipses of surveys are nearly round, and far smaller than the errors of X-ray positions.
    survey.remove_columns([name for name in ELLIPSE if name in survey.colnames])
    typical = known.typical_error
    if "pos_error" not in survey.colnames:
        if typical is None:
            raise InputKeyError(
                f"{known.title} has no column 'pos_error' (1 sigma per axis, in arcsec), and no "
                "columns from which it can be computed"
            )
        survey["pos_error"] = make_column("pos_error", np.full(len(survey), np.nan))
    if not len(survey):
        return survey
    fill = "median" if typical is None else typical * u.arcsec
    survey = complete_pos_errors(survey, fill=fill)
    survey.remove_column("is_pos_error_estimated")
    return survey


def _draw(reference, coords, rows, radius, fetch):
    columns = None if fetch["columns"] is None else []
    fetch = fetch | {"columns": columns, "show_progress": False}
    near = reference.query(coords, radius=radius * u.arcsec, **fetch)
    _, circles = _circles(near, radius)
    return circles._replace(source=rows[circles.source])


def _associate(table, rows, survey, **settings):
    """
    Associate the sources that a survey covers, and number the candidates by rows of the table.
    """
    if not len(rows) or not len(survey):
        names = ("primary", "secondary", "separation", "p_any", "p_i")
        return Table(
            {name: np.empty(0, np.int64 if "ary" in name else float) for name in names}
        ), None
    candidates = associate(table[rows], survey, **settings)
    candidates["primary"] = rows[np.asarray(candidates["primary"])]
    completeness = candidates.meta["claxboi"]["counterparts"]["completeness"]["secondary"]
    return candidates, float(completeness)


def _kept(found, tables):
    """
    List the columns of the counterparts to keep, besides those of `best_matches`.
    """
    kept = []
    for name, reference in found.items():
        there = tables[name].colnames
        if reference.record.has_motion:
            kept += [column for column in (*_MOTION, *_PARALLAX) if column in there]
        for target in ("bp_mag", "rp_mag", "w1_mag", "w2_mag"):
            kept += [
                target + end
                for end in ("", "_error", "_is_limit", "_origin")
                if target + end in there
            ]
    return list(dict.fromkeys(kept))
