# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
import hypothesis.strategies as st
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.counterparts import pairs as pairs_module
from claxboi.counterparts import sky_pairs
from claxboi.counterparts.pairs import _offsets, _pairs, _separation

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
    i, j, sep = _pairs(*first, *second, radius)
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
    i, j, _ = _pairs(*first, *second, radius_deg * 3600.0)
    expected = slow_pairs(*first, *second, radius_deg * 3600.0)
    assert_array_equal(np.sort(i * 50 + j), np.sort(expected[0] * 50 + expected[1]))
    if radius_deg == 180:
        assert len(i) == 40 * 50


def test_many_objects_go_through_the_table_of_cells():
    """The neighbourhood keeps all that is near, also at the edge of the radius and at a pole."""
    rng = np.random.default_rng(7)
    second = cloud(rng, 30_000, (10, 89.9), 0.5)
    first = cloud(rng, 60, (10, 89.9), 0.5)
    vectors = pairs_module._unit_vectors(*first)
    kept, _ = pairs_module._neighbourhood(vectors, *second, pairs_module._chord(20.0), 1000)
    assert 0 < len(kept) < 30_000
    i, j, _ = _pairs(*first, *second, 20.0)
    expected = slow_pairs(*first, *second, 20.0)
    assert_array_equal(i, expected[0])
    assert_array_equal(j, expected[1])


def test_chunks_do_not_matter(monkeypatch):
    rng = np.random.default_rng(8)
    first, second = cloud(rng, 400, (0, 45), 0.1), cloud(rng, 25_000, (0, 45), 0.1)
    whole = _pairs(*first, *second, 15.0)
    monkeypatch.setattr(pairs_module, "_PAIRS_AT_ONCE", 50)
    for some, all_ in zip(_pairs(*first, *second, 15.0, chunk=37), whole, strict=True):
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
    sep = _separation(np.array([77.0]), np.array([float(dec)]), np.array([ra2]), np.array([there]))
    assert_allclose(sep, true * 3600, rtol=1e-12, atol=5e-10)


def test_microarcseconds_across_ra_zero():
    ra = np.array([1e-10])
    sep = _separation(360 - ra, np.array([0.0]), ra, np.array([0.0]))
    assert_allclose(sep, 2e-10 * 3600, rtol=3e-4)


def test_offsets_are_east_and_north():
    ra, dec, step = np.full(4, 10.0), np.full(4, 60.0), np.array([1e-3, 0, -1e-3, 0])
    east, north = _offsets(ra, dec, ra + step, dec + np.roll(step, 1))
    assert_allclose(east, [1.8, 0, -1.8, 0], atol=1e-7)
    assert_allclose(north, [0, 3.6, 0, -3.6], atol=3e-5)
    angle = SkyCoord(10, 60, unit="deg").position_angle(SkyCoord(11, 61.5, unit="deg"))
    east, north = _offsets(*(np.array([x]) for x in (10.0, 60.0, 11.0, 61.5)))
    assert_allclose(np.arctan2(east, north), angle.rad, rtol=1e-12)


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
        monkeypatch.setattr(pairs_module, "_MAX_PAIRS", 10)
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
