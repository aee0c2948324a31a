# Licensed under a 3-clause BSD style license - see LICENSE.rst
import hypothesis.strategies as st
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.counterparts import sky_pairs
from claxboi.utils import sphere


def cloud(rng, n, centre, size_deg):
    """Positions scattered around a centre by a spherical offset."""
    centre = SkyCoord(*centre, unit="deg")
    points = centre.directional_offset_by(
        rng.uniform(0, 360, n) * u.deg, size_deg * np.sqrt(rng.random(n)) * u.deg
    )
    return points.ra.deg, points.dec.deg


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    lon=st.floats(0, 360),
    lat=st.floats(-90, 90),
    log_size=st.floats(-6, 1.5),
)
def test_rotating_the_sky_changes_nothing(seed, lon, lat, log_size):
    rng = np.random.default_rng(seed)
    size = 10**log_size
    first = SkyCoord(*cloud(rng, 20, (lon, lat), size), unit="deg")
    second = SkyCoord(*cloud(rng, 20, (lon, lat), size), unit="deg")
    radius = size / 2 * u.deg
    here = sky_pairs(first, second, radius)
    there = sky_pairs(
        SkyCoord(first.galactic.l, first.galactic.b, frame="icrs"),
        SkyCoord(second.galactic.l, second.galactic.b, frame="icrs"),
        radius,
    )
    assert_array_equal(here.index1, there.index1)
    assert_array_equal(here.index2, there.index2)
    assert_allclose(here.separation.value, there.separation.value, rtol=1e-6, atol=2e-9)


def test_frames_are_brought_together():
    first = SkyCoord([10, 20], [30, 40], unit="deg")
    pairs = sky_pairs(first, first.galactic, [1, 0.5] * u.mas)
    assert_array_equal(pairs.index1, [0, 1])
    assert_array_equal(pairs.index2, [0, 1])
    assert pairs.separation.unit == u.arcsec


def test_ties_are_in_the_order_of_the_rows():
    first = SkyCoord([0, 0], [0, 0], unit="deg")
    second = SkyCoord([0, 0, 0], [0.001, -0.001, 0], unit="deg")
    pairs = sky_pairs(first, second, 4 * u.arcsec)
    assert_array_equal(pairs.index1, [0, 0, 0, 1, 1, 1])
    assert_array_equal(pairs.index2, [2, 0, 1, 2, 0, 1])


def test_zero_radius_finds_the_same_place():
    place = SkyCoord([12.3456789], [-45.678901], unit="deg")
    assert len(sky_pairs(place, place, 0 * u.arcsec).index1) == 1


@pytest.mark.parametrize(("n1", "n2"), [(0, 3), (3, 0), (0, 0)])
def test_empty(n1, n2):
    pairs = sky_pairs(
        SkyCoord(np.zeros(n1), np.zeros(n1), unit="deg"),
        SkyCoord(np.zeros(n2), np.zeros(n2), unit="deg"),
        1 * u.deg,
    )
    assert [len(column) for column in pairs] == [0, 0, 0]
    assert pairs.index1.dtype == np.int64
    assert pairs.separation.unit == u.arcsec


def test_nothing_near():
    pairs = sky_pairs(SkyCoord([0], [0], unit="deg"), SkyCoord([9], [0], unit="deg"), 1 * u.deg)
    assert len(pairs.index1) == 0


class TestBadInput:
    one = SkyCoord([1.0], [2.0], unit="deg")

    def test_not_coordinates(self):
        with pytest.raises(TypeError, match="coords1 must be a SkyCoord, got list"):
            sky_pairs([1, 2], self.one, 1 * u.arcsec)
        with pytest.raises(TypeError, match="coords2 must be a SkyCoord, got int"):
            sky_pairs(self.one, 3, 1 * u.arcsec)

    def test_scalar(self):
        with pytest.raises(ValueError, match=r"coords1 must have one dimension, got shape \(\)"):
            sky_pairs(self.one[0], self.one, 1 * u.arcsec)

    def test_missing_position(self):
        bad = SkyCoord([1.0, np.nan], [2.0, 3.0], unit="deg")
        with pytest.raises(
            ValueError, match=r"coords2 must have no missing .* 1, the first in row 1"
        ):
            sky_pairs(self.one, bad, 1 * u.arcsec)

    @pytest.mark.parametrize("radius", [-1, np.nan, 181 * 3600])
    def test_radius_out_of_range(self, radius):
        with pytest.raises(ValueError, match="radius must be from 0 to 180 deg, got"):
            sky_pairs(self.one, self.one, radius * u.arcsec)

    def test_radius_of_another_length(self):
        with pytest.raises(ValueError, match="one for each of the 1 rows of coords1"):
            sky_pairs(self.one, self.one, [1, 2] * u.arcsec)

    def test_radius_without_unit(self):
        with pytest.raises(TypeError, match="radius must be a Quantity"):
            sky_pairs(self.one, self.one, 3)

    def test_too_many_pairs(self, monkeypatch):
        monkeypatch.setattr(sphere, "_MAX_PAIRS", 10)
        many = SkyCoord(np.zeros(4), np.zeros(4), unit="deg")
        with pytest.raises(ValueError, match="radius is too large for memory"):
            sky_pairs(many, many, 1 * u.arcsec)


def test_input_is_not_modified():
    coords = SkyCoord([1.0, 2.0], [3.0, 4.0], unit="deg")
    before = coords.copy()
    radius = [1.0, 2.0] * u.arcmin
    sky_pairs(coords, coords, radius)
    assert np.all(coords.ra == before.ra)
    assert np.all(radius == [1.0, 2.0] * u.arcmin)
