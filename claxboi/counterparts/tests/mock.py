# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulated fields in which the true counterpart of each X-ray source is known.
"""

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

CENTRE = SkyCoord(359.9, 62.0, unit="deg")


def scattered(rng, coords, major, minor=None, angle=None):
    """Draw positions around others, from ellipses of 1 sigma (arcsec, deg East of North)."""
    minor = major if minor is None else minor
    angle = np.zeros(len(coords)) if angle is None else np.radians(angle)
    along, across = rng.normal(0, major, len(coords)), rng.normal(0, minor, len(coords))
    east = along * np.sin(angle) + across * np.cos(angle)
    north = along * np.cos(angle) - across * np.sin(angle)
    moved = coords.directional_offset_by(
        np.arctan2(east, north) * u.rad, np.hypot(east, north) * u.arcsec
    )
    return moved


def uniform(rng, n, radius_deg):
    """Draw positions in a circle on the sky."""
    radius = np.degrees(2 * np.arcsin(np.sqrt(rng.random(n)) * np.sin(np.radians(radius_deg) / 2)))
    return CENTRE.directional_offset_by(rng.uniform(0, 360, n) * u.deg, radius * u.deg)


def circle_deg2(radius_deg):
    return 2 * np.pi * (1 - np.cos(np.radians(radius_deg))) * np.degrees(1) ** 2


def to_table(coords, **columns):
    return Table({"ra": coords.ra.deg, "dec": coords.dec.deg, **columns})


def simulate(
    rng, n, density_deg2, *, completeness=0.7, sigma=(0.5, 2.0), ratio=1.0, error=0.1, n_field=50
):
    """
    X-ray sources, a catalogue with field objects, and the row of each true counterpart (-1: none).

    Counterparts are brighter (mag 19 +- 1) than field objects (22 +- 1.5). Returns ``(xray,
    catalogue, truth, area)``.
    """
    # So many field objects for each source that counterparts of other sources hardly matter.
    radius = np.degrees(
        2 * np.arcsin(np.sqrt(n_field * n / density_deg2 / 4 / np.pi) * np.radians(1))
    )
    area = circle_deg2(radius)
    true = uniform(rng, n, radius - 0.02)
    major = rng.uniform(*sigma, n)
    minor, angle = major / ratio, rng.uniform(0, 180, n)
    seen = scattered(rng, true, major, minor, angle)
    xray = to_table(seen)
    if ratio == 1:
        xray["pos_error"] = major
    else:
        xray["pos_error_major"], xray["pos_error_minor"] = major, minor
        xray["pos_error_angle"] = angle
    has = rng.random(n) < completeness
    n_field = rng.poisson(density_deg2 * area)
    field = uniform(rng, n_field, radius)
    counterparts = scattered(rng, true[has], np.full(has.sum(), error))
    coords = SkyCoord(
        np.concatenate([counterparts.ra.deg, field.ra.deg]),
        np.concatenate([counterparts.dec.deg, field.dec.deg]),
        unit="deg",
    )
    mag = np.concatenate([rng.normal(19, 1, has.sum()), rng.normal(22, 1.5, n_field)])
    order = rng.permutation(len(coords))
    catalogue = to_table(coords[order], pos_error=np.full(len(coords), error), mag=mag[order])
    truth = np.full(n, -1)
    truth[has] = np.argsort(order)[: has.sum()]
    return xray, catalogue, truth, area * u.deg**2
