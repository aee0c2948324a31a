# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.utils import (
    nearest_within,
    pairs_within,
    sky_offsets,
    sky_separation,
    sphere,
    unit_vectors,
)

MICROARCSEC = 1e-6 / 3600


def slow_pairs(ra1, dec1, ra2, dec2, radius):
    """Every pair, one after the other, by astropy's separation."""
    first = SkyCoord(ra1, dec1, unit="deg")
    second = SkyCoord(ra2, dec2, unit="deg")
    sep = first[:, None].separation(second[None, :]).arcsec
    i, j = np.nonzero(sep <= np.broadcast_to(radius, len(ra1))[:, None])
    order = np.lexsort((j, sep[i, j], i))
    return i[order], j[order], sep[i, j][order]


def cloud(rng, n, centre, size_deg):
    """Positions scattered around a centre by a spherical offset."""
    centre = SkyCoord(*centre, unit="deg")
    points = centre.directional_offset_by(
        rng.uniform(0, 360, n) * u.deg, size_deg * np.sqrt(rng.random(n)) * u.deg
    )
    return points.ra.deg, points.dec.deg


@pytest.mark.parametrize("centre", [(0, 0), (0, 90), (123, -90), (359.999, 60), (200, -89.99)])
@pytest.mark.parametrize("size_deg", [0.01, 3, 80])
def test_agrees_with_every_pair(centre, size_deg):
    rng = np.random.default_rng(5)
    first = cloud(rng, 120, centre, size_deg)
    second = cloud(rng, 150, centre, size_deg)
    radius = size_deg * 3600 * rng.uniform(0, 0.5, 120)
    i, j, sep = pairs_within(*first, *second, radius)
    expected = slow_pairs(*first, *second, radius)
    assert len(i) > 100
    assert_array_equal(i, expected[0])
    assert_array_equal(j, expected[1])
    assert_allclose(sep, expected[2], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("radius_deg", [90, 179.9999, 180])
def test_any_radius(radius_deg):
    rng = np.random.default_rng(6)
    first = rng.uniform(0, 360, 40), np.degrees(np.arcsin(rng.uniform(-1, 1, 40)))
    second = rng.uniform(0, 360, 50), np.degrees(np.arcsin(rng.uniform(-1, 1, 50)))
    i, j, _ = pairs_within(*first, *second, radius_deg * 3600.0)
    expected = slow_pairs(*first, *second, radius_deg * 3600.0)
    assert_array_equal(np.sort(i * 50 + j), np.sort(expected[0] * 50 + expected[1]))
    if radius_deg == 180:
        assert len(i) == 40 * 50


def test_many_objects_go_through_the_table_of_cells():
    """The neighbourhood keeps all that is near, also at the edge of the radius and at a pole."""
    rng = np.random.default_rng(7)
    second = cloud(rng, 30_000, (10, 89.9), 0.5)
    first = cloud(rng, 60, (10, 89.9), 0.5)
    vectors = unit_vectors(*first)
    kept, _ = sphere._neighbourhood(vectors, *second, sphere._search_chord(20.0), 1000)
    assert 0 < len(kept) < 30_000
    i, j, _ = pairs_within(*first, *second, 20.0)
    expected = slow_pairs(*first, *second, 20.0)
    assert_array_equal(i, expected[0])
    assert_array_equal(j, expected[1])


def test_chunks_do_not_matter(monkeypatch):
    rng = np.random.default_rng(8)
    first, second = cloud(rng, 400, (0, 45), 0.1), cloud(rng, 25_000, (0, 45), 0.1)
    whole = pairs_within(*first, *second, 15.0)
    monkeypatch.setattr(sphere, "_PAIRS_AT_ONCE", 50)
    for some, all_ in zip(pairs_within(*first, *second, 15.0, chunk=37), whole, strict=True):
        assert_array_equal(some, all_)


@pytest.mark.parametrize("sep_deg", [MICROARCSEC, 1 / 3600, 1, 90, 179, 180 - 1e-9])
@pytest.mark.parametrize("dec", [-90, -60, 0, 45.5, 89.9999])
def test_separations_keep_their_digits(sep_deg, dec):
    """Along a meridian the separation is the difference of declination, over the pole and back."""
    there = dec + sep_deg * (1 if dec < 0 else -1)
    ra2 = 77.0
    if there < -90:
        there, ra2 = -180 - there, 257.0
    elif there > 90:
        there, ra2 = 180 - there, 257.0
    # What the two doubles really are, not what was meant.
    true = abs(there - dec) if ra2 == 77 else 180 - abs(there + dec)
    sep = sky_separation(
        np.array([77.0]), np.array([float(dec)]), np.array([ra2]), np.array([there])
    )
    assert_allclose(sep, true * 3600, rtol=1e-12, atol=5e-10)


def test_microarcseconds_across_ra_zero():
    ra = np.array([1e-10])
    sep = sky_separation(360 - ra, np.array([0.0]), ra, np.array([0.0]))
    assert_allclose(sep, 2e-10 * 3600, rtol=3e-4)


def test_offsets_are_east_and_north():
    ra, dec, step = np.full(4, 10.0), np.full(4, 60.0), np.array([1e-3, 0, -1e-3, 0])
    east, north = sky_offsets(ra, dec, ra + step, dec + np.roll(step, 1))
    assert_allclose(east, [1.8, 0, -1.8, 0], atol=1e-7)
    assert_allclose(north, [0, 3.6, 0, -3.6], atol=3e-5)
    angle = SkyCoord(10, 60, unit="deg").position_angle(SkyCoord(11, 61.5, unit="deg"))
    east, north = sky_offsets(*(np.array([x]) for x in (10.0, 60.0, 11.0, 61.5)))
    assert_allclose(np.arctan2(east, north), angle.rad, rtol=1e-12)


def test_nearest_row_or_none():
    ra, dec = np.array([10.0, 20.0, 359.99999]), np.zeros(3)
    others = np.array([20.0002, 0.0, 19.9999]), np.zeros(3)
    row, sep = nearest_within(ra, dec, *others, 1.0)
    assert_array_equal(row, [-1, 2, 1])
    assert_allclose(sep, [np.inf, 0.36, 0.036], rtol=1e-6)
