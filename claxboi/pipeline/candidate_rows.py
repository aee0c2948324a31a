# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
All candidate counterparts of the sources of a job, with their properties.
"""

import numpy as np
from astropy import units as u
from astropy.table import Table

from claxboi import counterparts, properties
from claxboi.counterparts.catalogue_positions import XRAY_COLUMNS
from claxboi.utils import InputValueError

from .steps import add_distances

__all__ = ["check_candidates_settings", "make_candidates"]

#: Columns of the source that the properties of a candidate depend on.
_INPUTS = ("flux", "flux_error", "flux_band", "galaxy_id", "galaxy_distance")
#: Columns from the catalogue of distances.
_DISTANCES = {"distance", "distance_error"}


def check_candidates_settings(settings):
    """
    Check the settings of a job that classifies over all candidates.

    Parameters
    ----------
    settings : `PipelineSettings`
        The settings.
    """
    if settings.classification.candidates != "all":
        return
    for step in ("counterparts", "properties"):
        if step in settings.skip:
            raise InputValueError(
                f"classification.candidates must be 'best' where the step {step} is skipped"
            )
    domains = settings.domains
    names = [name for own in domains.values() for name in own.surveys]
    if not 1 <= len(domains) <= 2 or len(set(names)) < len(names):
        raise InputValueError(
            "classification.candidates must be 'best', or counterparts must have one or two "
            f"domains without a common survey, got {', '.join(domains)} with {', '.join(names)}"
        )
    if len({own.rule for own in domains.values()}) > 1:
        raise InputValueError(
            "classification.candidates must be 'best', or rule must be the same in all domains of "
            "counterparts"
        )


def make_candidates(table, is_gated, job, columns):
    """
    Find all candidates of each source and compute their properties.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources after all steps.
    is_gated : `~numpy.ndarray` of bool
        Sources to leave out.
    job : `Job`
        The job.
    columns : iterable of str
        Columns by which sources are classified, and their errors.

    Returns
    -------
    rows : `~astropy.table.Table`
        As ``keep="all"`` of `~claxboi.counterparts.find_in_surveys`, with these columns.
        ``primary`` numbers the sources that are not left out.
    """
    domains = job.settings.domains
    of_survey = {name: domain for domain, own in domains.items() for name in own.surveys}
    position = [name for name in XRAY_COLUMNS if name in table.colnames]
    # The answers to the counterparts step are in the cache, whatever their age.
    fetch = job.fetch | {"max_age": None}
    rows = counterparts.find_in_surveys(
        Table(table[position], copy=False),
        list(of_survey),
        domain=of_survey if len(domains) > 1 else next(iter(domains)),
        keep="all",
        radius=max(own.radius for own in domains.values()) * u.arcsec,
        rule=next(iter(domains.values())).rule,
        cutoff={name: domains[domain].cutoff for name, domain in of_survey.items()},
        references={name: job.references.get(name) for name in of_survey},
        # Those of the counterparts step, unless it was done before.
        associations=job.associations,
        **fetch,
    )
    job.associations.clear()
    if is_gated.any():
        rows = rows[~is_gated[rows["primary"]]]
        rows["primary"] = (np.cumsum(~is_gated) - 1)[rows["primary"]]
        table = table[~is_gated]
    found, primary = set(rows.colnames), rows["primary"]
    prefixes = tuple(f"{domain}_" for domain in domains)
    own = job.settings.properties
    made = set(table.meta["claxboi"].get("properties", {}).get("made", ()))
    if own.distances and "opt_id" in rows.colnames:
        made |= _DISTANCES
    # Variability is that of the source, over all missions.
    made = {name for name in made if not _is_of_source(name)}
    for name in _INPUTS:
        if name in table.colnames and name not in rows.colnames:
            rows[name] = table[name][primary]
    if own.distances and "opt_id" in rows.colnames:
        rows = add_distances(rows, job, own.distances)
    rows = properties.add_properties(rows, constants=own.constants)
    kept = [
        name
        for name in rows.colnames
        if name in (*position, "primary", "match_probability") or name.startswith(prefixes)
    ]
    result = rows[kept]
    for name in columns:
        if name not in result.colnames:
            is_own = name in rows.colnames and (name in made or name in found)
            result[name] = rows[name] if is_own else table[name][primary]
    return result


def _is_of_source(name):
    record = properties.property_definition(name)
    return record is not None and record["category"] == "variability"
