# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Steps of the job: what each depends on, and what it does to the table.

Each function takes the table and the `Job`, and returns a new table.
"""

import logging
import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi import catalog, counterparts, properties, training
from claxboi.sharing import is_covered
from claxboi.training.label_catalogues import parse_catalogues
from claxboi.training.schemes import parse_scheme
from claxboi.utils import InputValueError, file_hash, float_values, is_missing, text_values

from .reference_step import References
from .settings import PipelineSettings

__all__ = ["PREPARATION", "Job", "add_distances", "depends_on", "mission_of", "reference_names"]

log = logging.getLogger(__name__)

#: The catalogue of distances has the positions of Gaia, up to rounding.
_SAME_STAR = 1 * u.arcsec

#: Magnitudes by domain.
_MAGNITUDES = {"opt": ("bp_mag", "rp_mag"), "ir": ("w1_mag", "w2_mag")}

#: The survey whose identifiers the catalogue of distances uses.
_GAIA = "gaia"


@dataclass(frozen=True)
class Job:
    """
    Context shared by all steps.
    """

    settings: PipelineSettings
    references: References
    show_progress: bool
    refresh: bool = False
    associations: dict = field(default_factory=dict)
    """Associations of the step counterparts, for all candidates."""

    @property
    def fetch(self):
        """
        Return the options of requests to reference services.
        """
        max_age = 0 * u.s if self.refresh else None
        return {"cache": True, "max_age": max_age, "show_progress": self.show_progress}


def reference_names(step, job):
    """
    List the catalogues that a step uses.

    Parameters
    ----------
    step : str
        The step.
    job : `Job`
        The job.

    Returns
    -------
    names : list of str
    """
    settings = job.settings
    if step == "labels":
        names = _label_names(settings.labels.references)
    else:
        names = {
            "catalogue": [settings.catalogue.sharper],
            "counterparts": [n for own in settings.counterparts.values() for n in own.surveys],
            "hosts": [settings.hosts.sizes, settings.hosts.distances],
            "properties": [settings.properties.distances],
            "variability": [m for m in settings.variability.missions if job.references.has(m)],
            "classes": [],
        }[step]
    return [name for name in names if name]


def depends_on(step, job):
    """
    List the settings and catalogues that the table of a step depends on.

    Parameters
    ----------
    step : str
        The step.
    job : `Job`
        The job.

    Returns
    -------
    content : dict
        ``settings``, and ``references``: the hash of each catalogue.
    """
    settings = job.settings
    if step == "counterparts":
        own = {name: asdict(domain) for name, domain in settings.counterparts.items()}
    elif step == "classes":
        own = {"gating": asdict(settings.gating)} | asdict(settings.classification)
        training = Path(settings.classification.training)
        own["training file"] = file_hash(training) if training.is_file() else ""
    else:
        own = asdict(getattr(settings, step))
        if step == "properties":
            own["footprints"] = {k: file_hash(path) for k, path in own["footprints"].items()}
    names = reference_names(step, job)
    return {"settings": own, "references": {name: job.references.content(name) for name in names}}


def _label_names(references):
    """List the names of catalogues of labels, as they stand in the settings."""
    if isinstance(references, Mapping):
        return [
            one
            for many in references.values()
            for one in ([many] if isinstance(many, str) else many)
        ]
    return [c.reference.name for c in parse_catalogues(references)]


def mission_of(table):
    """
    Return the mission of a catalogue that was read by its preset.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The catalogue.

    Returns
    -------
    mission : str
        Empty if it is unknown.
    """
    return table.meta.get("claxboi", {}).get("catalog", {}).get("mission") or ""


# The steps

#: The steps that compare positions within their errors.
_NEED_POS_ERROR = ("counterparts", "variability", "labels")


def _catalogue(table, job):
    own = job.settings.catalogue
    if "class" in table.colnames and "labels" not in job.settings.skip:
        raise InputValueError(
            "the catalogue has a column 'class': skip the step 'labels' to train on it, or "
            "rename it to use labels from catalogues"
        )
    table, columns = _with_pos_error(table, own.pos_error)
    columns = {**own.columns, **columns}
    with warnings.catch_warnings():
        if own.pos_error:
            # A column named by the user is 1 sigma, unless its name has the level.
            warnings.simplefilter("ignore", catalog.ConfidenceLevelWarning)
        table = catalog.standardize(
            table,
            own.mission or None,
            columns=columns or None,
            units=dict(own.units) or None,
            pos_error_level=own.pos_error_level or None,
        )
    if "pos_error" not in table.colnames:
        if needing := [step for step in _NEED_POS_ERROR if step not in job.settings.skip]:
            raise InputValueError(
                "table has no positional error, which is needed to find "
                f"{', '.join(needing)}: pass pos_error='COLUMN', or pos_error='2 arcsec' for one "
                f"value (1 sigma per axis). Its columns are {', '.join(table.colnames)}"
            )
        return table
    if not (float_values(table, "pos_error", unit=u.arcsec) > 0).all():
        fill = "flux" if "flux" in table.colnames else "median"
        table = counterparts.complete_pos_errors(table, fill=fill)
    table = catalog.flag_crowded(table)
    if own.sharper:
        table = catalog.flag_blended(
            table, job.references.xray(own.sharper, _coords(table), job.fetch)
        )
    return table


def _with_pos_error(table, pos_error):
    """Return the table and the column of its positional error; one value becomes a column."""
    if not pos_error:
        return table, {}
    if pos_error in table.colnames:
        return table, {"pos_error": pos_error}
    try:
        value = u.Quantity(pos_error).to_value(u.arcsec)
    except (TypeError, ValueError):
        value = 0.0
    if not 0 < value < math.inf:
        raise InputValueError(
            "pos_error must be a column of the table or a positive angle such as '2 arcsec', got "
            f"{pos_error!r}; the columns are {', '.join(table.colnames)}"
        )
    table = table.copy()
    table.remove_columns([name for name in table.colnames if name.lower() == "pos_error"])
    table["pos_error"] = catalog.make_column("pos_error", np.full(len(table), value))
    return table, {"pos_error": "pos_error"}


def _coords(table):
    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    return SkyCoord(ra, dec, unit="deg")


def _counterparts(table, job):
    needs_all = job.settings.classification.candidates == "all"
    for domain, own in job.settings.domains.items():
        table = counterparts.find_in_surveys(
            table,
            list(own.surveys),
            domain=domain,
            radius=own.radius * u.arcsec,
            cutoff=own.cutoff,
            rule=own.rule,
            references={name: job.references.get(name) for name in own.surveys},
            associations=job.associations if needs_all else None,
            **job.fetch,
        )
    return table


def _hosts(table, job):
    own = job.settings.hosts
    return counterparts.find_hosts_in(
        table,
        job.references.get(own.distances),
        sizes=job.references.get(own.sizes),
        factor=own.radius,
        max_distance=own.max_distance * u.Mpc,
        **job.fetch,
    )


def _properties(table, job):
    own = job.settings.properties
    if own.distances and "opt_id" in table.colnames:
        table = add_distances(table, job, own.distances)
    table = properties.add_properties(table, constants=own.constants)
    if not own.depths or "flux" not in table.colnames or "counterparts" in job.settings.skip:
        return table
    depths = None
    if own.depths != "measured":
        depths = {name: depth for name, depth in own.depths.items() if name in table.colnames}
    return properties.add_ratio_limits(
        table,
        depths,
        covered=_covered(table, job),
        constants=own.constants,
        overwrite=True,
    )


def _covered(table, job):
    """Return where each magnitude is measured for objects that are bright enough."""
    dec = float_values(table, "dec", unit=u.deg)
    footprints = job.settings.properties.footprints
    covered = {}
    for domain, own in job.settings.domains.items():
        here = np.zeros(len(table), bool)
        for name in own.surveys:
            if name in footprints:
                here |= is_covered(table, footprints[name])
            else:
                here |= job.references.get(name).record.covers(dec)
        for name in _MAGNITUDES.get(domain, ()):
            if name in table.colnames:
                # A counterpart without this magnitude is not fainter than the survey sees.
                is_found = ~is_missing(table, f"{domain}_id")
                covered[name] = here & ~(is_found & is_missing(table, name))
    return covered


def add_distances(table, job, name):
    """
    Add the distances of the counterparts in Gaia.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Sources with their counterparts, or candidates.
    job : `Job`
        The job.
    name : str
        The catalogue of distances.

    Returns
    -------
    table : `~astropy.table.Table`
    """
    survey, _ = text_values(table, "opt_reference")
    known = ~is_missing(table, "opt_id") & (survey == _GAIA)
    ra, dec = (float_values(table, f"opt_{axis}", unit=u.deg)[known] for axis in ("ra", "dec"))
    near = job.references.get(name).query(
        SkyCoord(ra, dec, unit="deg"),
        radius=_SAME_STAR,
        columns=["rgeo", "b_rgeo", "B_rgeo"],
        **job.fetch,
    )
    return properties.add_star_distances(table, near)


def _variability(table, job):
    if "flux_band" not in table.colnames:
        log.info("no variability over missions: the band of the flux is not known (flux_band)")
        return table
    name = mission_of(table) or "primary"
    others = {
        mission: job.references.xray(mission, _coords(table), job.fetch)
        for mission in job.settings.variability.missions
        if mission != name and job.references.has(mission)
    }
    if not others:
        return table
    links = counterparts.link_xray({name: table, **others})
    return properties.add_variability(table, links, others, name=name, overwrite=True)


def _labels(table, job):
    own = job.settings.labels
    return training.add_labels(
        table,
        _label_references(own.references, job.references),
        _scheme_for(table, own.scheme),
        radius=own.radius * u.arcsec,
        n_sigma=own.n_sigma,
        host_radius=own.host_radius,
        min_extent=own.min_extent * u.arcsec,
        min_quality=own.min_quality,
        min_snr=own.min_snr,
        simbad_disagrees=own.simbad_disagrees,
        **job.fetch,
    )


def _scheme_for(table, scheme):
    """Leave out the class of extended sources if the catalogue has no extents."""
    if {"extent", "is_extended"} & set(table.colnames):
        return scheme
    name, rules = parse_scheme(scheme)
    kept = {rule.name: rule for rule in rules if not rule.extent}
    if len(kept) == len(rules):
        return scheme
    log.info("no class of extended sources in the scheme %s: the catalogue has no extents", name)
    return kept


def _label_references(names, references):
    """Replace label catalogues on services by those of the user."""
    if isinstance(names, Mapping):
        return {
            kind: [references.get(one) for one in ([many] if isinstance(many, str) else many)]
            for kind, many in names.items()
        }
    every = _label_names(names)
    if not set(every) & set(references.own):
        return names if isinstance(names, str) else list(names)
    return [references.get(name) for name in every]


#: Function of each step before the classification.
PREPARATION = {
    "catalogue": _catalogue,
    "counterparts": _counterparts,
    "hosts": _hosts,
    "properties": _properties,
    "variability": _variability,
    "labels": _labels,
}
