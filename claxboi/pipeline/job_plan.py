# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Queries that a job would send.
"""

from pathlib import Path

from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.catalog import missions
from claxboi.references import FetchPlan, Reference, get_reference
from claxboi.utils import float_values

from .reference_step import AROUND_SOURCES, FEW_SOURCES
from .steps import mission_of, reference_names

__all__ = ["plan_lines"]

#: First words of a query that depends on the results of other steps.
AROUND = "around the"


def plan_lines(table, job, keys):
    """
    List the queries to each service, with a total.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    job : `Job`
        The job.
    keys : iterable of str
        The steps to be done.

    Returns
    -------
    lines : list of str
    """
    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    coords = SkyCoord(ra, dec, unit="deg")
    plans = [
        (step, _plan(step, name, coords, job))
        for step in keys
        for name in reference_names(step, job)
        if name != mission_of(table)
    ]
    return [
        f"{mission_of(table) or 'Catalogue of an unknown mission'}: {len(table):,} sources",
        *(f"{step}: {one}{_why_whole(step, one)}" for step, one in plans),
        *_total([one for _, one in plans]),
    ]


def _why_whole(step, one):
    """Explain why all galaxies are fetched, even for a few sources."""
    if step != "hosts" or not isinstance(one, FetchPlan) or not one.n_requests:
        return ""
    return (
        " (once, and kept for later jobs: galaxies are larger than any radius that services take; "
        "without the step hosts it is not needed)"
    )


def _total(plans):
    """Sum up the plans; empty if nothing is fetched."""
    known = [one for one in plans if isinstance(one, FetchPlan)]
    if not known:
        return []
    n_unknown = sum(AROUND in str(one) for one in plans)
    more = f", and {n_unknown} more around what is found" if n_unknown else ""
    n_requests = sum(one.n_requests for one in known)
    n_rows = sum(one.n_rows or 0 for one in known)
    megabytes, minutes = (sum(getattr(p, x) for p in known) for x in ("megabytes", "minutes"))
    total = f"{n_requests} requests, about {n_rows:,} rows, {megabytes:.1f} MB, {minutes:.1f} min"
    return [f"total: {total}{more}"]


def _plan(step, name, coords, job):
    """Return the `FetchPlan` of a step for a catalogue, or a text if it is not known yet."""
    source = job.references.own.get(name)
    if isinstance(source, Table) or (
        not isinstance(source, Reference) and Path(source or name).exists()
    ):
        return f"{name}: {job.references.describe(name)['source']}, nothing is fetched"
    if name in missions():
        reference = get_reference(missions()[name].reference)
        if len(coords) < FEW_SOURCES:
            return reference.plan(coords, radius=AROUND_SOURCES)
        return reference.plan_all()
    reference = job.references.get(name)
    if not {"xmatch", "vizier", "simbad"} & set(reference.record.services):
        return f"{name}: {', '.join(reference.record.services)}, nothing is fetched"
    if name == job.settings.hosts.sizes:
        return reference.plan_all()
    if name == job.settings.hosts.distances:
        return f"{name} ({reference.record.table}): {AROUND} galaxies that host a source"
    if step == "properties":
        return f"{name} ({reference.record.table}): {AROUND} counterparts in gaia"
    if step == "labels":
        return reference.plan(coords, radius=job.settings.labels.radius * u.arcsec)
    radius = max(own.radius for own in job.settings.counterparts.values() if name in own.surveys)
    return reference.plan(coords, radius=1.5 * radius * u.arcsec)
