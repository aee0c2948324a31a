# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulated pointings and the galaxies in them.
"""

from dataclasses import dataclass

import numpy as np
from astropy.coordinates import SkyCoord

from ._mock_records import draw_normal, sky_records

__all__ = ["Fields", "Galaxies", "column_density", "disc", "move", "tile"]

#: Minimum number of pointings of a kind, and the largest galaxy in units of the field.
_FEWEST, _LARGEST_GALAXY = 3, 0.5
_ARCMIN_PER_KPC_MPC = np.degrees(1e-3) * 60


@dataclass(frozen=True)
class Fields:
    """
    Pointings: arrays of shape (n_fields,).
    """

    kind: np.ndarray
    """Row of the kind in the records."""

    ra: np.ndarray
    dec: np.ndarray
    b: np.ndarray
    """Galactic latitude, deg."""

    exposure: np.ndarray
    """Of all observations together, s."""

    n_observations: np.ndarray
    mjd_first: np.ndarray
    mjd_last: np.ndarray

    target: np.ndarray
    """Row of the galaxy in the middle; -1 for none."""


@dataclass(frozen=True)
class Galaxies:
    """
    Galaxies: arrays of shape (n_galaxies,), targets first.
    """

    ra: np.ndarray
    dec: np.ndarray
    field: np.ndarray
    distance_mpc: np.ndarray
    major_arcmin: np.ndarray
    """Semi-major axis of the isophotal ellipse; NaN for galaxies without one."""

    ratio: np.ndarray
    """Minor over major axis."""

    angle_deg: np.ndarray
    """Position angle, East of North."""

    n_targets: int


def tile(rng, n_fields):
    """
    Draw pointings, and the galaxies in them.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    n_fields : float
        Approximate number; there are a few of each kind.

    Returns
    -------
    fields : `Fields`
    galaxies : `Galaxies`
    """
    records = sky_records()
    telescope, kinds = records["telescope"], records["fields"]
    area_deg2 = np.pi * (telescope["radius_arcmin"] / 60) ** 2
    counts = [max(_FEWEST, round(kind["share"] * n_fields)) for kind in kinds.values()]
    kind = np.repeat(np.arange(len(kinds)), counts)
    n_fields = len(kind)

    b = np.concatenate(
        [_latitudes(rng, kind, n) for kind, n in zip(kinds.values(), counts, strict=True)]
    )
    l = rng.uniform(0, 360, n_fields)
    sky = SkyCoord(l, b, unit="deg", frame="galactic").icrs
    extra = rng.poisson(telescope["extra_observations"], n_fields)
    n_observations = np.minimum(1 + extra, telescope["most_observations"])
    first = rng.uniform(*telescope["mjd"], n_fields)
    later = rng.uniform(first, telescope["mjd"][1])
    exposure = 10 ** draw_normal(rng, telescope["log_exposure"], n_fields)
    is_galaxy = kind == list(kinds).index("galaxy")
    target = np.where(is_galaxy, np.cumsum(is_galaxy) - 1, -1)
    fields = Fields(
        kind,
        sky.ra.deg,
        sky.dec.deg,
        b,
        exposure * n_observations,
        n_observations,
        first,
        np.where(n_observations > 1, later, first + exposure / 86400),
        target,
    )
    return fields, _galaxies(rng, fields, area_deg2)


def _latitudes(rng, kind, n):
    sign = rng.choice([-1, 1], n)
    if "scale_deg" in kind:
        return sign * np.minimum(rng.exponential(kind["scale_deg"], n), 15.0)
    return sign * np.degrees(np.arcsin(rng.uniform(np.sin(np.radians(kind["minimum_deg"])), 1, n)))


def _galaxies(rng, fields, area_deg2):
    record = sky_records()["galaxies"]
    radius = sky_records()["telescope"]["radius_arcmin"]
    targets = np.flatnonzero(fields.target >= 0)
    densities = record["background_density"], record["small_density"]
    n_background, n_small = (rng.poisson(x * area_deg2 * len(fields.ra)) for x in densities)
    n_targets, n_others = len(targets), n_background + n_small
    field = np.concatenate([targets, rng.integers(0, len(fields.ra), n_others)])
    east, north = disc(rng, radius, n_others)
    zero = np.zeros(n_targets)
    ra, dec = move(
        fields.ra[field],
        fields.dec[field],
        60 * np.concatenate([zero, east]),
        60 * np.concatenate([zero, north]),
    )
    distance = 10 ** np.concatenate(
        [
            draw_normal(rng, record["target_log_distance"], n_targets),
            draw_normal(rng, record["background_log_distance"], n_others),
        ]
    )
    size_kpc = 10 ** np.concatenate(
        [
            draw_normal(rng, record["target_log_size_kpc"], n_targets),
            draw_normal(rng, record["background_log_size_kpc"], n_others),
        ]
    )
    major = np.minimum(size_kpc / distance * _ARCMIN_PER_KPC_MPC, _LARGEST_GALAXY * radius)
    major[n_targets + n_background :] = np.nan
    n = n_targets + n_others
    return Galaxies(
        ra,
        dec,
        field,
        distance,
        major,
        rng.uniform(0.3, 1, n),
        rng.uniform(0, 180, n),
        n_targets,
    )


def disc(rng, radius, n):
    """
    Draw points that are uniform in a circle.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    radius : float or `~numpy.ndarray`
        Its radius.
    n : int
        Number of points.

    Returns
    -------
    east, north : `~numpy.ndarray`
    """
    r, angle = radius * np.sqrt(rng.random(n)), rng.uniform(0, 2 * np.pi, n)
    return r * np.sin(angle), r * np.cos(angle)


def move(ra_deg, dec_deg, east_arcsec, north_arcsec):
    """
    Move positions along the tangent plane.

    Parameters
    ----------
    ra_deg, dec_deg : `~numpy.ndarray`
        Positions.
    east_arcsec, north_arcsec : `~numpy.ndarray`
        Offsets to the East and North.

    Returns
    -------
    ra_deg, dec_deg : `~numpy.ndarray`
    """
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    east, north = (np.radians(np.asarray(x) / 3600) for x in (east_arcsec, north_arcsec))
    cos_dec, sin_dec = np.cos(dec), np.sin(dec)
    toward = cos_dec - north * sin_dec
    new_ra = ra + np.arctan2(east, toward)
    new_dec = np.arctan2(sin_dec + north * cos_dec, np.hypot(east, toward))
    return np.degrees(new_ra) % 360, np.degrees(new_dec)


def column_density(rng, b_deg):
    """
    Draw the hydrogen column density through the whole Galaxy.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    b_deg : `~numpy.ndarray`
        Galactic latitude.

    Returns
    -------
    column : `~numpy.ndarray`
        cm-2.
    """
    dust = sky_records()["dust"]
    smooth = dust["column"] / (np.sin(np.radians(np.abs(b_deg))) + dust["floor"])
    return smooth * 10 ** draw_normal(rng, (0, dust["scatter"]), len(smooth))
