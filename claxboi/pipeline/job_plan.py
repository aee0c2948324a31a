# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
What a job would fetch.
"""

from pathlib import Path

from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.catalog import missions
from claxboi.references import load_records
from claxboi.utils import float_values

from .steps import mission_of, reference_names

__all__ = ["plan_lines"]


def plan_lines(table, job, keys):
    """
    Say for each catalogue what would be asked of whom.

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
    return [
        f"{mission_of(table) or 'A catalogue of no known mission'}: {len(table):,} sources",
        *(
            f"{step}: {_line(step, name, coords, job)}"
            for step in keys
            for name in reference_names(step, job)
            if name != mission_of(table)
        ),
    ]


def _line(step, name, coords, job):
    source = job.references.own.get(name)
    if isinstance(source, Table) or Path(source or name).exists():
        return f"{name}: {job.references.describe(name)['source']}, nothing is fetched"
    if name in missions():
        record = load_records()[missions()[name].reference]
        return f"{name} ({record.table}): the whole table from vizier, {record.rows:,} rows"
    reference = job.references.get(name)
    if name == job.settings.hosts.sizes:
        record = reference.record
        return f"{name} ({record.table}): the whole table from vizier, {record.rows:,} rows"
    if name == job.settings.hosts.distances:
        return f"{name} ({reference.record.table}): around the galaxies that host a source"
    if step == "properties":
        return f"{name} ({reference.record.table}): around the counterparts in gaia"
    if step == "labels":
        return reference.plan(coords, radius=job.settings.labels.radius * u.arcsec)
    radius = max(own.radius for own in job.settings.counterparts.values() if name in own.surveys)
    return reference.plan(coords, radius=1.5 * radius * u.arcsec)
