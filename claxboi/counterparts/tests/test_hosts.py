# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table, vstack
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from regions import Regions

from claxboi.config import HOST_RADIUS
from claxboi.counterparts.hosts import best_hosts, find_hosts, host_regions
from claxboi.utils import ClaxboiWarning


def make_galaxies(rng, n_galaxies, largest=3 * 3600.0):
    major = 10 ** rng.uniform(0.5, np.log10(largest), n_galaxies)
    return Table(
        {
            "galaxy_id": [f"G{k}" for k in range(n_galaxies)],
            "ra": rng.uniform(0, 360, n_galaxies),
            "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, n_galaxies))),
            "r25_major": major,
            "r25_minor": major * rng.uniform(0.1, 1, n_galaxies),
            "r25_angle": rng.uniform(0, 180, n_galaxies),
            "galaxy_distance": rng.uniform(1, 100, n_galaxies),
        }
    )


def make_sources(rng, galaxies, n_each):
    """Sources at known normalised radii around each galaxy, by spherical trigonometry."""
    centre = SkyCoord(galaxies["ra"], galaxies["dec"], unit="deg")
    parts, radii = [], []
    for _ in range(n_each):
        radius = rng.uniform(0, 2, len(galaxies))
        turn = rng.uniform(0, 2 * np.pi, len(galaxies))
        a, b = galaxies["r25_major"], galaxies["r25_minor"]
        in_that_direction = a * b / np.sqrt((b * np.cos(turn)) ** 2 + (a * np.sin(turn)) ** 2)
        place = centre.directional_offset_by(
            turn * u.rad + np.array(galaxies["r25_angle"]) * u.deg,
            np.array(radius * in_that_direction) * u.arcsec,
        )
        parts.append(Table({"ra": place.ra.deg, "dec": place.dec.deg}))
        radii.append(radius)
    return vstack(parts), np.concatenate(radii)


def slow_hosts(xray, galaxies, factor):
    """Every source with every galaxy: the ellipse's radius in that direction."""
    found = {}
    for g, galaxy in enumerate(galaxies):
        centre = SkyCoord(galaxy["ra"], galaxy["dec"], unit="deg")
        place = SkyCoord(xray["ra"], xray["dec"], unit="deg")
        separation = centre.separation(place).arcsec
        turn = (centre.position_angle(place) - galaxy["r25_angle"] * u.deg).rad
        a, b = galaxy["r25_major"], galaxy["r25_minor"]
        radius = separation / (a * b / np.hypot(b * np.cos(turn), a * np.sin(turn)))
        found |= {(int(x), g): radius[x] for x in np.flatnonzero(radius <= factor)}
    return found


def as_dict(hosts):
    keys = zip(hosts["primary"].tolist(), hosts["secondary"].tolist(), strict=True)
    return dict(zip(keys, hosts["galaxy_radius"], strict=True))


def one_galaxy(**columns):
    return Table({"galaxy_id": ["g"], "ra": [0.0], "dec": [0.0]} | columns)


def around(east_arcsec, north_arcsec):
    return Table({"ra": np.divide(east_arcsec, 3600) % 360, "dec": np.divide(north_arcsec, 3600)})


def test_by_hand_and_the_right_way_round():
    # Long axis towards North-East, where both coordinates grow.
    galaxies = one_galaxy(r25_major=[100.0], r25_ratio=[0.25], r25_angle=[45.0])
    xray = around([50.0, -50.0, 0.0], [50.0, 50.0, 20.0])
    hosts = find_hosts(xray, galaxies, factor=5)
    diagonal = 50 * np.sqrt(2)
    upwards = 20 * np.hypot(np.sqrt(0.5) / 100, np.sqrt(0.5) / 25)
    expected = [diagonal / 100, diagonal / 25, upwards]
    assert_allclose(hosts["galaxy_radius"], expected, rtol=1e-6)
    assert_allclose(hosts["separation"], [diagonal, diagonal, 20], rtol=1e-6)
    assert hosts["galaxy_id"].tolist() == ["g"] * 3
    assert "galaxy_distance" not in hosts.colnames


@pytest.mark.parametrize("seed", range(3))
def test_slow_reference(seed):
    rng = np.random.default_rng(seed)
    galaxies = make_galaxies(rng, 60, largest=20 * 3600)
    # At the poles and on both sides of RA 0.
    galaxies["dec"][:4] = [90, -90, 89.5, 0]
    galaxies["ra"][3] = 359.999
    xray, _ = make_sources(rng, galaxies, 4)
    hosts = find_hosts(xray, galaxies)
    expected = slow_hosts(xray, galaxies, HOST_RADIUS)
    assert len(expected) > 150
    found = as_dict(hosts)
    assert set(found) == set(expected)
    assert_allclose([found[key] for key in expected], list(expected.values()), rtol=1e-9)


def test_known_radii():
    rng = np.random.default_rng(1)
    galaxies = make_galaxies(rng, 500, largest=10 * 3600)
    xray, radius = make_sources(rng, galaxies, 1)
    found = as_dict(find_hosts(xray, galaxies, factor=1.5))
    own = {k: value for (k, g), value in found.items() if k == g}
    inside = np.flatnonzero(radius <= 1.5)
    assert_array_equal(sorted(own), inside)
    assert_allclose([own[k] for k in inside], radius[inside], rtol=1e-7)


def test_flat_sky_is_not_enough():
    # The LMC: at 5 degrees from its centre a tangent plane puts sources off by per cents.
    lmc = Table(
        {
            "galaxy_id": ["LMC"],
            "ra": [80.894],
            "dec": [-69.756],
            "r25_major": [5.38 * 3600],
            "r25_minor": [4.58 * 3600],
            "r25_angle": [170.0],
        }
    )
    rng = np.random.default_rng(2)
    xray, radius = make_sources(rng, lmc, 300)
    hosts = find_hosts(xray, lmc)
    assert_array_equal(hosts["primary"], np.flatnonzero(radius <= HOST_RADIUS))
    flat = np.hypot(
        (xray["ra"] - lmc["ra"]) * np.cos(np.radians(lmc["dec"])), xray["dec"] - lmc["dec"]
    )[hosts["primary"]]
    assert np.max(np.abs(flat * 3600 / hosts["separation"] - 1)) > 0.05


def test_extragalactic_binaries(shared_path):
    table = Table.read(shared_path / "data" / "exrb_5757.csv")
    galaxies = table[np.unique(table["host"], return_index=True)[1]]
    galaxies = Table(
        {
            "galaxy_id": galaxies["host"],
            "ra": galaxies["ra_host"],
            "dec": galaxies["dec_host"],
            "r25_major": galaxies["d25_arcmin"] / 2 * u.arcmin,
            "r25_ratio": galaxies["axis_ratio"],
            "r25_angle": galaxies["pa"],
            "galaxy_distance": galaxies["distance_mpc"],
        }
    )
    xray = table["name", "ra", "dec"]
    hosts = find_hosts(xray, galaxies, factor=1)
    own = hosts["galaxy_id"] == table["host"][hosts["primary"]]
    fraction = len(np.unique(hosts["primary"][own])) / len(table)
    assert round(100 * fraction, 1) == 99.6
    best = best_hosts(xray, hosts)
    agree = best["galaxy_id"] == table["host"]
    assert np.count_nonzero(agree.filled(False)) / len(table) > 0.98


def test_missing_angle_and_axes():
    xray = around(np.arange(5.0, 150, 10), np.zeros(15))

    def reach(columns, **options):
        hosts = find_hosts(xray, one_galaxy(**columns), factor=1, **options)
        return xray["ra"][hosts["primary"]].max() * 3600 if len(hosts) else 0

    tilted = {"r25_major": [100.0], "r25_minor": [25.0]}
    assert_allclose(reach(tilted), 45)
    assert_allclose(reach(tilted, missing_angle="major"), 95)
    with pytest.warns(ClaxboiWarning, match="none of 15 .* 0 galaxies with a size \\(of 1"):
        assert reach(tilted, missing_angle="skip") == 0
    assert_allclose(reach(tilted | {"r25_angle": [np.nan]}), 45)
    assert_allclose(reach(tilted | {"r25_angle": [90.0]}), 95)
    assert_allclose(reach(tilted | {"r25_angle": [0.0]}), 25)
    # A circle needs no angle, and no minor axis is a circle.
    for circle in ({}, {"r25_ratio": [1.0]}, {"r25_minor": [np.nan], "r25_ratio": [np.nan]}):
        for choice in ("mean", "major", "skip"):
            assert_allclose(reach({"r25_major": [100.0]} | circle, missing_angle=choice), 95)
    # The ratio stands in for a missing minor axis only.
    both = {"r25_major": [100.0], "r25_minor": [25.0], "r25_ratio": [0.9], "r25_angle": [0.0]}
    assert_allclose(reach(both), 25)
    assert_allclose(reach(both | {"r25_minor": [np.nan]}), 85)


def test_units():
    xray = QTable({"ra": [0.0] * u.hourangle, "dec": [36.0] * u.arcsec})
    galaxies = one_galaxy(r25_major=[1.0] * u.arcmin, galaxy_distance=[700.0] * u.kpc)
    galaxies["galaxy_distance_error"] = [70.0] * u.kpc
    best = best_hosts(xray, find_hosts(xray, galaxies))
    assert isinstance(best, QTable)
    assert_allclose(best["galaxy_radius"], 0.6)
    assert_allclose(best["galaxy_distance"].to_value(u.Mpc), 0.7)
    assert_allclose(best["galaxy_distance_error"].to_value(u.Mpc), 0.07)
    assert best.meta["claxboi"]["hosts"]["factor"] == HOST_RADIUS


def test_best_host():
    galaxies = Table(
        {
            "galaxy_id": ["big", "small", "far"],
            "ra": [0.0, 0.1, 50.0],
            "dec": [0.0, 0.0, 0.0],
            "r25_major": [3600.0, 36.0, 100.0],
            "galaxy_distance": [0.8, np.nan, 3.0],
            "galaxy_distance_error": [0.1, np.nan, np.nan],
        }
    )
    # Inside both but nearer the centre of the small one; inside the big one alone; outside.
    xray = Table({"name": ["a", "b", "c"], "ra": [0.1005, 0.2, 20.0], "dec": [0.0, 0, 0]})
    before = xray.copy()
    hosts = find_hosts(xray, galaxies)
    assert list(as_dict(hosts)) == [(0, 1), (0, 0), (1, 0)]
    for order in ([0, 1, 2], [2, 1, 0]):
        best = best_hosts(xray, hosts[order])
        assert best["galaxy_id"].tolist() == ["small", "big", None]
        assert best["galaxy_distance"].tolist() == [None, 0.8, None]
        assert best["galaxy_distance_error"].tolist() == [None, 0.1, None]
        assert_allclose(best["galaxy_radius"][:2], [0.05, 0.2], rtol=1e-6)
        assert best["galaxy_radius"].mask.tolist() == [False, False, True]
    assert xray.colnames == before.colnames
    assert xray.meta == {}
    with pytest.raises(ValueError, match="already has columns 'galaxy_id'"):
        best_hosts(best, hosts)
    # A caller may refuse a host.
    without = best_hosts(best, hosts[hosts["galaxy_id"] != "small"], overwrite=True)
    assert without["galaxy_id"].tolist() == ["big", "big", None]


def test_empty():
    galaxies = one_galaxy(r25_major=[1.0])
    for xray, others in ((around([], []), galaxies), (around([0], [0]), galaxies[:0])):
        with pytest.warns(ClaxboiWarning, match="none of"):
            hosts = find_hosts(xray, others)
        assert hosts.colnames == [
            "primary",
            "secondary",
            "separation",
            "galaxy_radius",
            "galaxy_id",
        ]
        best = best_hosts(xray, hosts)
        assert len(best) == len(xray)
        assert best["galaxy_id"].tolist() == [None] * len(xray)
    assert len(host_regions(galaxies[:0])) == 0


@given(
    seed=st.integers(0, 2**32 - 1),
    turns=st.integers(-2, 2),
    flip=st.sampled_from([0.0, 180.0, -180.0]),
)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_laws(seed, turns, flip):
    rng = np.random.default_rng(seed)
    galaxies = make_galaxies(rng, 12, largest=30 * 3600)
    xray, radius = make_sources(rng, galaxies, 2)
    # No source so near the rim that rounding decides.
    xray = xray[np.abs(radius - HOST_RADIUS) > 1e-6]
    expected = as_dict(find_hosts(xray, galaxies))

    moved = xray.copy()
    moved["ra"] += 360 * turns
    turned = galaxies.copy()
    turned["r25_angle"] += flip
    found = as_dict(find_hosts(moved, turned))
    assert set(found) == set(expected)
    # Near a centre the rounding of 360 deg more shows.
    assert_allclose([found[k] for k in expected], list(expected.values()), rtol=1e-9, atol=1e-9)

    x_order, g_order = rng.permutation(len(xray)), rng.permutation(len(galaxies))
    found = as_dict(find_hosts(xray[x_order], galaxies[g_order]))
    named = {(x_order[i], g_order[j]): value for (i, j), value in found.items()}
    assert named == expected

    # The sky turned about the pole, then mirrored: the answer is the same.
    mirrored = [t.copy() for t in (xray, galaxies)]
    for table in mirrored:
        table["ra"] = (100 - table["ra"]) % 360
    mirrored[1]["r25_angle"] *= -1
    found = as_dict(find_hosts(*mirrored))
    assert set(found) == set(expected)

    half = len(xray) // 2
    parts = [as_dict(find_hosts(xray[:half], galaxies)), as_dict(find_hosts(xray[half:], galaxies))]
    joined = parts[0] | {(i + half, j): value for (i, j), value in parts[1].items()}
    assert joined == expected


@pytest.mark.parametrize("angle", [0.0, 30.0, 110.0])
def test_regions_contain_what_we_find(angle, tmp_path):
    galaxies = Table(
        {
            "galaxy_id": ["M31"],
            "ra": [10.6847],
            "dec": [41.2688],
            "r25_major": [5340.0],
            "r25_minor": [2000.0],
            "r25_angle": [angle],
        }
    )
    xray, radius = make_sources(np.random.default_rng(3), galaxies, 400)
    # In this projection directions and distances from the centre are true.
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---ARC", "DEC--ARC"]
    wcs.wcs.crval = [10.6847, 41.2688]
    wcs.wcs.crpix = [500, 500]
    wcs.wcs.cdelt = [-0.01, 0.01]
    path = tmp_path / "ellipses.reg"
    host_regions(galaxies, factor=1.26).write(path, format="ds9")
    (region,) = Regions.read(path, format="ds9")
    assert region.meta["text"] == "M31"
    inside = region.contains(SkyCoord(xray["ra"], xray["dec"], unit="deg"), wcs)
    clear = np.abs(radius - 1.26) > 1e-4
    assert 100 < np.count_nonzero(inside) < 300
    assert_array_equal(inside[clear], (radius <= 1.26)[clear])


def test_regions_of_galaxies_without_size():
    galaxies = Table(
        {
            "galaxy_id": ["a", "b", ""],
            "ra": [1.0, 2, 3],
            "dec": [0.0, 0, 0],
            "r25_major": [np.nan, 60, 60],
            "r25_ratio": [0.5, np.nan, 0.25],
        }
    )
    regions = host_regions(galaxies)
    assert [region.center.ra.deg for region in regions] == [2, 3]
    assert_allclose([region.width.to_value("arcsec") for region in regions], [120, 60])
    assert len(host_regions(galaxies, missing_angle="skip")) == 1
    assert "text" not in regions[1].meta


GOOD = {"r25_major": [1.0]}


@pytest.mark.parametrize(
    ("kind", "match", "columns", "options"),
    [
        (KeyError, "galaxies has no column 'r25_major'", {}, {}),
        (
            ValueError,
            "'r25_major' of galaxies must be above 0, got 0 in row 0",
            {"r25_major": [0]},
            {},
        ),
        (ValueError, "'r25_ratio' of galaxies must be above 0", GOOD | {"r25_ratio": [-1.0]}, {}),
        (ValueError, "minor axes no larger .* got 2 against 1", GOOD | {"r25_minor": [2.0]}, {}),
        (ValueError, "minor axes no larger", GOOD | {"r25_ratio": [1.1]}, {}),
        (ValueError, "galaxies must have no missing positions, got 1", GOOD | {"ra": [np.nan]}, {}),
        (ValueError, "'dec' of galaxies must be from -90 to 90", GOOD | {"dec": [91.0]}, {}),
        (u.UnitsError, "r25_major.* converts to arcsec, got Mpc", {"r25_major": [1] * u.Mpc}, {}),
        (ValueError, "factor must be above 0, got 0", GOOD, {"factor": 0}),
        (TypeError, "factor must be a number, got '1'", GOOD, {"factor": "1"}),
        (ValueError, "missing_angle must be one of 'mean'", GOOD, {"missing_angle": "zero"}),
    ],
)
def test_bad_input(kind, match, columns, options):
    with pytest.raises(kind, match=match):
        find_hosts(around([0], [0]), one_galaxy(**columns), **options)
    with pytest.raises(kind, match=match):
        host_regions(one_galaxy(**columns), **options)


def test_more_bad_input():
    galaxies = one_galaxy(r25_major=[1.0])
    with pytest.raises(ValueError, match="'galaxy_id' of galaxies must be unique, got 'g' 2 times"):
        find_hosts(around([0], [0]), vstack([galaxies, galaxies]))
    masked = Table({"ra": [1.0, 2.0], "dec": [0.0, 0.0]}, masked=True)
    masked["dec"].mask[1] = True
    with pytest.raises(ValueError, match=r"xray must have no missing positions, got 1.*row 1"):
        find_hosts(masked, galaxies)
    with pytest.raises(KeyError, match="xray has no column 'dec'"):
        find_hosts(masked["ra",], galaxies)
    with pytest.raises(TypeError, match="xray must be an astropy Table"):
        find_hosts([1], galaxies)
    hosts = find_hosts(around([0], [0]), galaxies)
    with pytest.raises(ValueError, match="of the 0 rows of xray, got primary from 0 to 0"):
        best_hosts(around([], []), hosts)
    with pytest.raises(KeyError, match="hosts has no column 'secondary'"):
        best_hosts(around([0], [0]), hosts["primary", "separation", "galaxy_radius"])
