# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The mock sky: it is what its truth says, can be had again, and looks like a sky.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from numpy.testing import assert_allclose

from claxboi.counterparts import find_hosts_in
from claxboi.references import get_reference, load_records
from claxboi.references.tests.loopback import LoopbackCDS
from claxboi.simulation import MockSky, make_mock_sky
from claxboi.simulation._mock_records import class_names, sky_records

N = 3000


@pytest.fixture(scope="module")
def sky():
    return make_mock_sky(N, rng=11)


def rows_of(table, ids):
    """Row of each identifier."""
    known = np.asarray(table["id"])
    order = np.argsort(known)
    return order[np.searchsorted(known[order], ids)]


def test_one_row_of_truth_for_each_source(sky):
    assert len(sky.xray) == len(sky.truth) == N
    assert list(sky.truth["source_id"]) == list(sky.xray["IAUNAME"])
    assert len(set(sky.xray["SRCID"])) == N


def test_classes_have_their_proportions(sky):
    counts = {name: np.sum(sky.truth["true_class"] == name) for name in class_names()}
    assert counts["spurious"] == round(0.04 * N)
    assert counts["star"] == pytest.approx(0.20 * 0.96 * N, abs=2)
    # AGN that lie behind galaxies by chance are AGN_2.
    assert counts["AGN"] + counts["AGN_2"] == pytest.approx(0.60 * 0.96 * N, abs=2)
    assert 0.03 * 0.96 * N <= counts["AGN_2"] < 0.09 * N
    assert np.array_equal(sky.truth["is_spurious"], sky.truth["true_class"] == "spurious")


def test_same_seed_same_sky(sky):
    again = make_mock_sky(N, rng=11)
    other = make_mock_sky(N, rng=12)
    assert np.array_equal(again.xray["SC_RA"], sky.xray["SC_RA"])
    assert np.array_equal(again.references["gaia"]["Gmag"], sky.references["gaia"]["Gmag"])
    assert not np.array_equal(other.xray["SC_RA"], sky.xray["SC_RA"])


def test_positions_scatter_by_their_errors(sky):
    seen = SkyCoord(sky.xray["SC_RA"], sky.xray["SC_DEC"])
    true = SkyCoord(sky.truth["true_ra"], sky.truth["true_dec"])
    inside = seen.separation(true) < sky.xray["SC_POSERR"].quantity
    # 63.2 % of them, to within 4 sigma of the binomial.
    assert np.mean(inside) == pytest.approx(0.6321, abs=4 * np.sqrt(0.6321 * 0.3679 / N))


def test_counterparts_lie_where_the_truth_says(sky):
    true = SkyCoord(sky.truth["true_ra"], sky.truth["true_dec"])
    for name, limit in (("gaia", 3.0), ("allwise", 6.0)):
        ids = sky.truth[f"{name}_id"]
        has = ~np.ma.getmaskarray(ids)
        assert 0.2 < has.mean() < 0.9
        survey = sky.references[name]
        found = survey[rows_of(survey, np.asarray(ids[has]))]
        assert np.array_equal(found["id"], np.asarray(ids[has]))
        separation = SkyCoord(found["ra"], found["dec"]).separation(true[has]).arcsec
        # Errors, and motion over up to 16 years of fast stars.
        assert np.percentile(separation, 90) < limit / 3
    spurious = sky.truth["is_spurious"]
    assert np.ma.getmaskarray(sky.truth["gaia_id"])[spurious].all()


def test_field_objects_have_the_density_of_their_latitude(sky):
    gaia = sky.references["gaia"]
    ids = sky.truth["gaia_id"]
    is_field = ~np.isin(np.asarray(gaia["id"]), np.asarray(ids[~np.ma.getmaskarray(ids)]))
    field = gaia[is_field]
    b = SkyCoord(field["ra"], field["dec"]).galactic.b.deg
    xray = SkyCoord(sky.xray["SC_RA"], sky.xray["SC_DEC"])
    in_plane = np.abs(xray.galactic.b.deg) < 5
    density = sky_records()["field"]
    # Few circles overlap, so the area is nearly that of all circles.
    area = in_plane.sum() * np.pi * (20 / 3600) ** 2
    expected = np.interp(
        np.abs(xray.galactic.b.deg[in_plane]), density["latitude"], density["gaia"]
    ).mean()
    found = np.sum(np.abs(b) < 5) / area
    assert 0.75 * expected < found < expected * 1.02


def test_sources_of_galaxies_lie_in_them(sky):
    members = sky.truth[sky.truth["true_class"] == "ex_XRB"]
    leda = sky.references["hyperleda"]
    host = leda[rows_of(leda, np.asarray(members["host_id"]))]
    center = SkyCoord(host["ra"], host["dec"])
    distance = center.separation(SkyCoord(members["true_ra"], members["true_dec"])).arcsec
    assert np.all(distance < 1.2 * 3 * 10 ** np.asarray(host["log_d25"]) * 1.001)


def test_hardness_ratios_follow_from_fluxes(sky):
    bright = sky.xray[np.asarray(sky.xray["SC_EP_2_FLUX"]) > 0]
    ecf = sky_records()["telescope"]["ecf"]
    soft, hard = (np.asarray(bright[f"SC_EP_{k}_FLUX"]) * ecf[k - 1] for k in (2, 3))
    assert_allclose(bright["SC_HR2"], (hard - soft) / (hard + soft), atol=1e-9)
    total = sum(np.asarray(bright[f"SC_EP_{k}_FLUX"]) for k in range(1, 6))
    assert np.median(np.abs(total / bright["SC_EP_8_FLUX"] - 1)) < 1e-9


def test_references_have_canonical_columns(sky):
    records = load_records()
    for name, table in sky.references.items():
        known = records[name].columns
        assert set(table.colnames) <= set(known), name
        for column in table.colnames:
            unit = known[column].unit
            assert (table[column].unit or u.one) == (u.Unit(unit) if unit else u.one), column


def test_references_are_the_content_of_the_services(sky):
    near = SkyCoord(sky.xray["SC_RA"], sky.xray["SC_DEC"])[:40]
    with LoopbackCDS(sky.references):
        for name in ("gaia", "allwise", "ritter_kolb_lmxb", "simbad"):
            local = get_reference(sky.references[name], name=name)
            remote = get_reference(name).query(near, radius=10 * u.arcsec)
            here = local.query(near, radius=10 * u.arcsec)
            assert list(remote["query_index"]) == list(here["query_index"])
            assert_allclose(remote["ra"], here["ra"])


def test_written_and_read(sky, tmp_path):
    small = MockSky(sky.xray[:50], {"CSC2": sky.others["CSC2"]}, {}, sky.truth[:50])
    small.write(tmp_path / "sky")
    back = MockSky.read(tmp_path / "sky")
    assert back.xray.colnames == sky.xray.colnames
    assert_allclose(back.xray["SC_EP_8_FLUX"], sky.xray["SC_EP_8_FLUX"][:50])
    assert back.xray["SC_POSERR"].unit == u.arcsec
    assert list(back.others) == ["CSC2"]
    assert back.truth["gaia_id"].mask.tolist() == sky.truth["gaia_id"][:50].mask.tolist()
    with pytest.raises(OSError, match="exists"):
        small.write(tmp_path / "sky")
    small.write(tmp_path / "sky", overwrite=True)


def test_no_sky_to_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"xray\.fits"):
        MockSky.read(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"n_sources": 99}, ValueError, "n_sources"),
        ({"n_sources": 1000.5}, TypeError, "n_sources"),
        ({"field_radius": 20}, TypeError, "field_radius"),
    ],
)
def test_bad_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        make_mock_sky(**arguments)


def test_tables_are_tables(sky):
    assert set(sky.others) == {"2SXPS", "CSC2"}
    assert all(type(t) is Table for t in (*sky.others.values(), *sky.references.values()))
    assert "3000 X-ray sources" in repr(sky)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_smallest_sky_is_whole(seed):
    small = make_mock_sky(100, rng=seed, field_radius=10 * u.arcsec)
    assert len(small.xray) == 100
    assert all(
        table["id"].dtype.kind in "iU"
        for table in small.references.values()
        if "id" in table.colnames
    )


def test_agn_in_galaxies_are_agn_2(sky):
    sources = Table({"ra": sky.truth["true_ra"], "dec": sky.truth["true_dec"]})
    is_inside = ~find_hosts_in(sources, references=sky.references)["galaxy_id"].mask
    assert not np.any(is_inside & (sky.truth["true_class"] == "AGN"))
    assert np.all(is_inside[sky.truth["true_class"] == "AGN_2"])
