# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of positions inside regions.
"""

import numpy as np
import pytest
import regions
from astropy import units as u
from astropy.coordinates import SkyCoord
from numpy.testing import assert_array_equal

from claxboi.applications._regions import inside


@pytest.fixture(scope="module")
def sky():
    rng = np.random.default_rng(4)
    dec = np.degrees(np.arcsin(rng.uniform(-1, 1, 4000)))
    return SkyCoord(rng.uniform(0, 360, 4000), dec, unit="deg")


def test_circle_of_any_size_and_at_the_pole(sky):
    for center, radius in ((SkyCoord(10, 89, unit="deg"), 20), (SkyCoord(0, 0, unit="deg"), 130)):
        region = regions.CircleSkyRegion(center, radius * u.deg)
        assert_array_equal(inside(region, sky), center.separation(sky).deg <= radius)


def test_excluded_circle(sky):
    region = regions.CircleSkyRegion(SkyCoord(10, 5, unit="deg"), 30 * u.deg)
    opposite = region.copy()
    opposite.meta["include"] = False
    assert_array_equal(inside(opposite, sky), ~inside(region, sky))


def shapes():
    center = SkyCoord(10, 5, unit="deg")
    corners = SkyCoord([0, 20, 20, 0], [0, 0, 10, 10], unit="deg")
    return [
        regions.CircleSkyRegion(center, 20 * u.deg),
        regions.EllipseSkyRegion(center, 40 * u.deg, 25 * u.deg, angle=20 * u.deg),
        regions.RectangleSkyRegion(center, 40 * u.deg, 25 * u.deg),
        regions.CircleAnnulusSkyRegion(center, 10 * u.deg, 25 * u.deg),
        regions.PolygonSkyRegion(corners),
    ]


@pytest.mark.parametrize("shape", shapes(), ids=lambda shape: type(shape).__name__)
def test_excluded_shapes(sky, shape):
    """Excluded is the complement; in a list, what is taken out of the others or of the whole."""
    opposite = shape.copy()
    opposite.meta["include"] = False
    mask = inside(shape, sky)
    assert mask.any()
    assert_array_equal(inside(opposite, sky), ~mask)
    assert opposite.meta["include"] is False
    wide = regions.CircleSkyRegion(SkyCoord(10, 5, unit="deg"), 30 * u.deg)
    for parts in ([wide, opposite], [opposite, wide], regions.Regions([wide, opposite])):
        assert_array_equal(inside(parts, sky), inside(wide, sky) & ~mask)
    assert_array_equal(inside([opposite], sky), ~mask)
    assert not inside([], sky).any()


def test_ellipse_at_high_declination():
    """The great-circle offsets of the positions, turned to the axes of the ellipse."""
    rng = np.random.default_rng(1)
    center = SkyCoord(350, 80, unit="deg")
    angle, distance = rng.uniform(0, 360, 3000) * u.deg, rng.uniform(0, 1, 3000) * u.deg
    points = center.directional_offset_by(angle, distance)
    pa = 30 * u.deg
    region = regions.EllipseSkyRegion(center, 1.6 * u.deg, 0.6 * u.deg, angle=pa + 90 * u.deg)
    along = (distance * np.cos(angle - pa)).value / 0.8
    across = (distance * np.sin(angle - pa)).value / 0.3
    radius = np.hypot(along, across)
    # Curvature over a degree, and 0.1 % of the ellipse, decide on its edge.
    sure = np.abs(radius - 1) > 0.002
    assert_array_equal(inside(region, points)[sure], (radius < 1)[sure])


def test_galactic_polygon(sky):
    """Sides along great circles: each cuts the sphere in two."""
    corners = SkyCoord(l=[-20, 25, 30, -15], b=[-10, -15, 20, 25], unit="deg", frame="galactic")
    xyz = corners.icrs.cartesian.xyz.value.T
    points = sky.cartesian.xyz.value.T
    expected = np.ones(len(sky), bool)
    for k in range(4):
        expected &= points @ np.cross(xyz[k], xyz[(k + 1) % 4]) > 0
    found = inside(regions.PolygonSkyRegion(corners), sky)
    assert expected.sum() > 50
    # regions draws straight lines in pixels, which projects great circles to rounding.
    assert_array_equal(found, expected)


def test_far_side_is_outside(sky):
    region = regions.RectangleSkyRegion(SkyCoord(0, 0, unit="deg"), 20 * u.deg, 20 * u.deg)
    found = inside(region, sky)
    assert found.any()
    assert np.all(SkyCoord(0, 0, unit="deg").separation(sky[found]).deg < 20)


@pytest.mark.skipif(not hasattr(regions, "SphericalSkyRegion"), reason="needs regions 0.11")
def test_region_on_the_sphere(sky):
    center = SkyCoord(100, -60, unit="deg")
    region = regions.CircleSphericalSkyRegion(center, 40 * u.deg)
    assert_array_equal(inside(region, sky), center.separation(sky).deg < 40)


def test_unions_and_combinations(sky):
    first = regions.CircleSkyRegion(SkyCoord(10, 0, unit="deg"), 30 * u.deg)
    second = regions.CircleSkyRegion(SkyCoord(40, 0, unit="deg"), 30 * u.deg)
    one, two = inside(first, sky), inside(second, sky)
    assert_array_equal(inside([first, second], sky), one | two)
    assert_array_equal(inside(regions.Regions([first, second]), sky), one | two)
    assert_array_equal(inside(first & second, sky), one & two)


def test_what_can_be_asked(sky):
    class Coverage:
        def contains_skycoords(self, coords):
            return coords.dec.deg > 0

    assert_array_equal(inside(Coverage(), sky), sky.dec.deg > 0)
    assert_array_equal(inside(lambda coords: coords.ra.deg < 10, sky), sky.ra.deg < 10)


def test_error(sky):
    with pytest.raises(TypeError, match=r"footprint must be a region .* got str"):
        inside("M31", sky, name="footprint")
