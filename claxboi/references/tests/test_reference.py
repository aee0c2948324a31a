# Licensed under a 3-clause BSD style license - see LICENSE.rst
import dataclasses
import sys

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi import conf
from claxboi.references import (
    AnswerError,
    CacheError,
    ColumnRecord,
    CrossmatchMixin,
    Reference,
    UnknownTableError,
    get_reference,
    load_records,
)
from claxboi.references.tests.conftest import same_tables
from claxboi.references.tests.loopback import Field, LoopbackCDS, LoopbackTable

RADIUS = 5 * u.arcsec


def test_by_name_by_id_and_itself():
    gaia = get_reference("gaia")
    assert gaia.record is load_records()["gaia"]
    assert get_reference("I/355/gaiadr3").record is gaia.record
    assert get_reference("vizier:II/328/allwise").name == "allwise"
    assert get_reference(gaia) is gaia
    bare = get_reference("J/A+A/1/1/stars", name="mine")
    assert (bare.name, bare.record.table) == ("mine", "J/A+A/1/1/stars")
    assert "II/328/allwise on xmatch, vizier" in repr(get_reference("allwise"))


def test_unknown_name():
    with pytest.raises(ValueError, match=r"got 'allwize'; known ones are .*allwise"):
        get_reference("allwize")
    with pytest.raises(TypeError, match="source must be one name"):
        get_reference(3)


def test_citation():
    text = get_reference("catwise").citation
    assert text == "CatWISE2020 (II/365/catwise): 2021ApJS..253....8M"
    assert "no paper known" in get_reference("J/A+A/1/1/stars").citation


@pytest.mark.parametrize("cls", [Table, QTable])
def test_a_table_of_the_users_own(sky, cls):
    coords, stars = sky
    own = cls(
        {
            "RA": stars["ra"] * u.deg.to(u.rad) * u.rad,
            "DE": stars["dec"] * u.deg,
            "Name": [f"S{k}" for k in stars["id"]],
            "err": np.full(len(stars), 500.0) * u.mas,
            "separation": np.arange(len(stars)),
            "spectrum": np.ones((len(stars), 3)),
            "coords": SkyCoord(stars["ra"], stars["dec"], unit="deg"),
        }
    )
    before = own.copy()
    reference = get_reference(own, name="mine", ra="RA", dec="DE", id="Name", pos_error="err")
    near = reference.query(coords, radius=RADIUS)
    with LoopbackCDS({"gaia": stars}):
        expected = get_reference("gaia").query(coords, radius=RADIUS)
    assert_array_equal(near["query_index"], expected["query_index"])
    assert_allclose(near["separation"], expected["separation"], atol=1e-5)
    assert near["id"].tolist() == [f"S{k}" for k in expected["id"]]
    assert_allclose(near["ra"], expected["ra"])
    assert near["ra"].unit == u.deg
    assert_allclose(near["pos_error"], 0.5)
    assert near["separation_reference"].dtype.kind == "i"
    assert near.meta["claxboi"]["references"]["service"] == "local"
    assert own.colnames == before.colnames
    assert all(np.all(own[name] == before[name]) for name in own.colnames)
    assert near["spectrum"].shape == (len(near), 3)
    assert_allclose(near["coords"].ra.deg, near["ra"])


def test_a_file_of_the_users_own(sky, tmp_path):
    coords, stars = sky
    path = tmp_path / "stars.ecsv"
    stars.write(path)
    near = get_reference(path, id="id").query(coords, radius=RADIUS)
    same = get_reference(stars, name="stars", id="id").query(coords, radius=RADIUS)
    assert same_tables(near, same)
    assert get_reference(path).name == "stars"
    assert len(get_reference(str(path)).fetch_all()) == len(stars)


def test_rows_without_a_position_match_nothing():
    own = Table(
        {"ra": MaskedColumn([1.0, 1.0, np.nan], mask=[False, True, False]), "dec": [2.0] * 3}
    )
    near = get_reference(own).query(SkyCoord([1, 0], [2, 0], unit="deg"), radius=RADIUS)
    assert near["query_index"].tolist() == [0]


def test_wrong_tables():
    with pytest.raises(KeyError, match="source has no columns 'ra', 'dec'; its columns are RA"):
        get_reference(Table({"RA": [1.0]}))
    with pytest.raises(KeyError, match="source has no column 'name'"):
        get_reference(Table({"ra": [1.0], "dec": [1.0]}), id="name")


def test_small_catalogues_are_fetched_whole_and_matched_here(sky, tmp_path):
    coords, stars = sky
    cvs = Table({"id": stars["id"].astype(str), "ra": stars["ra"], "dec": stars["dec"]})
    with LoopbackCDS({"ritter_kolb_lmxb": cvs}, cache_dir=str(tmp_path)) as cds:
        reference = get_reference("ritter_kolb_lmxb")
        near = reference.query(coords, radius=RADIUS)
        wide = reference.query(coords[:50], radius=1 * u.deg)
        assert [request.kind for request in cds.requests] == ["whole"]
        cones = reference.query(coords, radius=RADIUS, service="xmatch")
        assert_array_equal(near["query_index"], cones["query_index"])
        assert_array_equal(near["id"], cones["id"])
        assert_allclose(near["separation"], cones["separation"], atol=1e-4)
        assert wide["separation"].max() > 100
        n_before = len(cds.requests)
        offline = reference.query(coords, radius=RADIUS, cache="only")
        assert same_tables(near, offline)
        assert len(cds.requests) == n_before
        assert reference.plan(coords, radius=RADIUS).n_requests == 0


def test_whole_catalogues_have_limits(sky, tmp_path):
    with pytest.raises(ValueError, match="too many to fetch whole"):
        get_reference("gaia").fetch_all()
    with pytest.raises(ValueError, match="service of a whole catalogue"):
        get_reference("simbad").fetch_all()
    few = Table({"id": ["a"], "ra": [1.0], "dec": [1.0]})
    with (
        LoopbackCDS({"ritter_kolb_cv": few}, cache_dir=str(tmp_path)),
        pytest.warns(UserWarning, match="1 rows came, but 1429 are expected"),
    ):
        get_reference("ritter_kolb_cv").fetch_all()
    many = Table({"id": ["a"] * 200, "ra": np.arange(200.0), "dec": np.zeros(200)})
    with (
        LoopbackCDS(
            {"ritter_kolb_lmxb": many}, hard_limit=150, max_rows=150, cache_dir=str(tmp_path)
        ),
        pytest.raises(AnswerError, match="gives only a part of the table"),
    ):
        get_reference("ritter_kolb_lmxb").fetch_all()


def test_a_catalogue_of_several_tables(tmp_path):
    table = LoopbackTable.from_record("downes", Table({"id": ["a"], "ra": [1.0], "dec": [1.0]}))
    with (
        LoopbackCDS({"J/ApJS/222/15/table1": table, "J/ApJS/222/15/table12": table}),
        pytest.raises(UnknownTableError, match="J/ApJS/222/15/table1, J/ApJS/222/15/table12"),
    ):
        get_reference("J/ApJS/222/15").fetch_all()


def test_numbers_that_come_as_strings_and_flags_that_come_as_words(tmp_path):
    sources = Table({"ra": [1.0, 2.0], "dec": [1.0, 2.0]})
    table = LoopbackTable.from_record("csc2", sources)
    columns = table.columns["vizier"]
    columns["Fluxb"] = Field(MaskedColumn(["1.5e-14", ""], mask=[False, True]), "char")
    columns["fc"] = Field(MaskedColumn(["True", "False"]), "char")
    columns["fe"] = Field(MaskedColumn(["maybe", "False"]), "char")
    with LoopbackCDS({"IX/70/csc21mas": table}, cache_dir=str(tmp_path)):
        coords = SkyCoord([1, 2], [1, 2], unit="deg")
        near = get_reference("csc2").query(coords, radius=RADIUS, columns=["flux", "is_confused"])
        assert near["flux"].tolist() == [1.5e-14, None]
        assert near["flux"].unit == u.Unit("erg / (s cm2)")
        assert near["is_confused"].tolist() == [True, False]
        with pytest.raises(AnswerError, match="'fe' must hold values of type bool: 'maybe'"):
            get_reference("csc2").query(coords, radius=RADIUS, columns=["is_extended"])


def test_sentinels_are_missing(tmp_path):
    objects = Table({"id": [1, 2], "ra": [1.0, 2.0], "dec": [1.0, 2.0], "gmag": [20.0, 99.0]})
    with LoopbackCDS({"des": objects}, cache_dir=str(tmp_path)):
        near = get_reference("des").query(SkyCoord([1, 2], [1, 2], unit="deg"), radius=RADIUS)
    assert near["gmag"].tolist() == [20.0, None]


def test_names_that_differ_in_case_only(tmp_path):
    galaxies = Table({"ra": [1.0], "dec": [1.0], "Bmag": [14.0], "BMAG": [-20.0], "id": ["NGC1"]})
    with LoopbackCDS({"glade2": galaxies}, cache_dir=str(tmp_path)):
        for service in ("xmatch", "vizier"):
            near = get_reference("glade2").query(
                SkyCoord([1], [1], unit="deg"), radius=RADIUS, service=service
            )
            assert (near["Bmag"][0], near["BMAG"][0]) == (14.0, -20.0)


def test_plan_sends_nothing(cds, sky):
    coords, _ = sky
    reference = get_reference("gaia")
    with conf.set_temp("chunk_size", 150):
        plan = reference.plan(coords, radius=RADIUS)
        assert cds.requests == []
        assert (plan.n_positions, plan.n_chunks, plan.n_cached) == (400, 3, 0)
        assert plan.n_requests == 4
        # 400 circles of 5 arcsec at the mean density of Gaia.
        area = np.pi * (5 / 3600) ** 2
        assert plan.n_rows == round(400 * area * 1_811_709_771 / 41_253)
        assert plan.minutes > 0
        assert plan.megabytes > 0
        assert "400 positions in 3 chunks" in str(plan)
        reference.query(coords, radius=RADIUS)
        assert len(cds.requests) == plan.n_requests
        plan = reference.plan(coords, radius=RADIUS)
        assert (plan.n_cached, plan.n_requests, plan.minutes) == (3, 0, 0)
        assert "3 of them cached since 20" in str(plan)
    assert "unknown number" in str(get_reference("J/A+A/1/1/x").plan(coords, radius=RADIUS))


def test_dense_catalogues_are_asked_in_smaller_chunks():
    coords = SkyCoord(np.linspace(0, 300, 50_000), np.zeros(50_000), unit="deg")
    sparse = get_reference("gaia").plan(coords, radius=3 * u.arcsec)
    dense = get_reference("gaia").plan(coords, radius=60 * u.arcsec)
    assert sparse.n_chunks == 1
    # 38 objects around each position: chunks of 2,600.
    assert dense.n_chunks == 20


def test_simbad_by_both_services(tmp_path):
    rng = np.random.default_rng(1)
    coords = SkyCoord(rng.uniform(0, 360, 200), rng.uniform(-80, 80, 200), unit="deg")
    objects = Table(
        {
            "id": [f"[X2] {k} & co" for k in range(200)],
            "ra": coords.ra.deg,
            "dec": coords.dec.deg,
            "otype": np.where(np.arange(200) % 2, "AGN", "LXB"),
            "pos_error_major": np.full(200, 30.0),
            "pos_error_minor": np.full(200, 40.0),
        }
    )
    with LoopbackCDS({"simbad": objects}, cache_dir=str(tmp_path)) as cds:
        tables = [
            get_reference("simbad").query(coords, radius=RADIUS, service=service)
            for service in ("xmatch", "simbad")
        ]
        cds.hard_limit = 2_000_000
        with conf.set_temp("max_rows", 70):
            split = get_reference("simbad").query(
                coords, radius=RADIUS, service="simbad", cache=False
            )
        for fault in ("503", "504", "cut", "hang", "lost", "500"):
            cds.fail("", "", fault)
            with conf.set_temp("timeout", 1.0 if fault == "hang" else 10.0):
                again = get_reference("simbad").query(
                    coords, radius=RADIUS, service="simbad", cache=False
                )
            assert same_tables(again, tables[1])
        with pytest.raises(AnswerError, match="no column 'otypes' there; the columns are main_id"):
            get_reference("simbad").query(
                coords, radius=RADIUS, service="simbad", columns={"otype": "otypes"}
            )
    for table in tables:
        assert table["id"].tolist() == objects["id"].tolist()
        assert table["otype"].tolist() == objects["otype"].tolist()
        assert_allclose(table["pos_error"], 0.05 / np.sqrt(2))
        assert_allclose(table["separation"], 0, atol=1e-5)
    assert same_tables(split, tables[1])


def test_mixin(cds, sky):
    class Sources(CrossmatchMixin, Table):
        pass

    coords, _ = sky
    sources = Sources({"ra": coords.ra.rad * u.rad, "dec": coords.dec.deg})
    near = sources.crossmatch("gaia", RADIUS)
    expected = get_reference("gaia").query(coords, radius=RADIUS)
    assert near.colnames == expected.colnames
    assert_array_equal(near["query_index"], expected["query_index"])
    assert_array_equal(near["id"], expected["id"])
    found = sources.fetch(["gaia", get_reference(sky[1], name="mine")], RADIUS)
    assert list(found) == ["gaia", "mine"]
    assert_array_equal(found["mine"]["query_index"], near["query_index"])
    with pytest.raises(KeyError, match="the table of X-ray sources has no columns 'ra', 'dec'"):
        Sources({"x": [1]}).crossmatch("gaia", RADIUS)


def test_a_reference_can_be_made_of_a_record():
    record = dataclasses.replace(load_records()["gaia"], table="I/345/gaia2", name="gaia_dr2")
    assert Reference(record).citation.startswith("Gaia DR3 (I/345/gaia2)")


def test_each_survey_is_read_from_its_services(tmp_path):
    services = {"vizier", "xmatch"}
    records = [r for r in load_records().values() if r.kind == "survey"]
    records = [r for r in records if services & set(r.services)]
    one = Table({"ra": [10.0], "dec": [5.0]})
    coords = SkyCoord([10.0], [5.0], unit="deg")
    with LoopbackCDS({r.name: one for r in records}, cache_dir=str(tmp_path)):
        for record in records:
            for service in services & set(record.services):
                near = get_reference(record.name).query(coords, radius=RADIUS, service=service)
                columns = set(record.columns_on(service))
                assert len(near) == 1
                assert columns <= set(near.colnames)
                has_errors = any(set(group) <= columns for group in record.error)
                assert ("pos_error" in near.colnames) == has_errors


def test_hats_at_an_address_is_not_opened_offline():
    legacy = get_reference("legacy")
    assert legacy.record.services == ("hats",)
    with conf.set_temp("offline", True), pytest.raises(CacheError, match=r"legacysurvey.*offline"):
        legacy.query(SkyCoord([10.0], [5.0], unit="deg"), radius=RADIUS)


def test_hats_without_lsdb(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lsdb", None)
    (tmp_path / "catalogue").mkdir()
    with pytest.raises(ImportError, match=r"pip install claxboi\[lsdb\]"):
        get_reference(tmp_path / "catalogue")


# LSDB itself uses what newer versions of pandas and Dask are about to drop.
@pytest.mark.filterwarnings("ignore")
def test_hats_gives_the_same_as_a_table(sky, tmp_path):
    lsdb = pytest.importorskip("lsdb")
    coords, stars = sky
    # Crowded positions: an object may be near several of them.
    coords = SkyCoord(
        np.tile(coords.ra, 2), np.tile(coords.dec, 2) + np.repeat([0, 1], 400) * u.arcsec
    )
    frame = stars.to_pandas()
    lsdb.from_dataframe(
        frame, ra_column="ra", dec_column="dec", lowest_order=1, highest_order=2, partition_rows=50
    ).write_catalog(tmp_path / "stars", progress_bar=False)
    expected = get_reference(stars, name="stars", id="id").query(coords, radius=RADIUS)
    near = get_reference(tmp_path / "stars", id="id").query(coords, radius=RADIUS)
    assert len(near) > 600
    assert near.colnames == expected.colnames
    assert_array_equal(near["query_index"], expected["query_index"])
    assert_array_equal(near["id"], expected["id"])
    assert_allclose(near["separation"], expected["separation"], atol=1e-4)
    assert_array_equal(near["parallax"].mask, expected["parallax"].mask)
    # A known catalogue in this format: its names, units and numbers for missing values.
    columns = {
        "ra": ColumnRecord("ra", {"hats": "ra"}, "deg"),
        "dec": ColumnRecord("dec", {"hats": "dec"}, "deg"),
        "number": ColumnRecord("number", {"hats": "id"}, type="int64"),
        "magnitude": ColumnRecord("magnitude", {"hats": "Gmag"}, "mag", missing=stars["Gmag"][0]),
    }
    known = dataclasses.replace(
        load_records()["delve"], table=str(tmp_path / "stars"), columns=columns
    )
    named = Reference(known).query(coords, radius=RADIUS)
    assert_array_equal(named["number"], near["id"])
    assert named["magnitude"].unit == u.mag
    assert_array_equal(named["magnitude"].mask, near["Gmag"] == stars["Gmag"][0])
    with pytest.raises(KeyError, match="source has no column 'name'; its columns are id, ra, dec"):
        get_reference(tmp_path / "stars", id="name")


def test_unconfirmed_names_are_said_to_be(tmp_path):
    table = LoopbackTable.from_record("secrest", Table({"ra": [1.0], "dec": [1.0]}))
    table.columns["xmatch"]["redshift"] = table.columns["xmatch"].pop("z")
    with (
        LoopbackCDS({"J/ApJS/221/12/table1": table}, cache_dir=str(tmp_path)),
        pytest.raises(AnswerError, match=r"'z' there \(z: never confirmed, .*_RAJ2000.*redshift"),
    ):
        get_reference("secrest").query(SkyCoord([1], [1], unit="deg"), radius=RADIUS)
