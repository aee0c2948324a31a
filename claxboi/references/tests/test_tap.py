# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn
from numpy.testing import assert_allclose

from claxboi.references import AnswerError, FetchError, ServiceError, get_reference
from claxboi.references._tap import _quoted
from claxboi.references.tests.conftest import make_sky, same_tables
from claxboi.references.tests.loopback import Field, LoopbackCDS, LoopbackTable

RADIUS = 5 * u.arcsec


def _table(stars):
    columns = {
        "RAdeg": Field(np.ma.array(stars["ra"]), "double", "deg"),
        "DEdeg": Field(np.ma.array(stars["dec"]), "double", "deg"),
        "Source": Field(np.ma.array(stars["id"]), "long"),
        "PosErr": Field(np.ma.array(stars["ra_error"]), "double", "mas"),
        "date": Field(np.ma.array(stars["Gmag"]), "double", "yr"),
        "e_M 1": Field(np.ma.array(stars["parallax"]), "double", "mas"),
    }
    return LoopbackTable(stars["ra"], stars["dec"], {"tap": columns})


@pytest.fixture(scope="module")
def sky():
    return make_sky(300, seed=8)


@pytest.fixture
def cds(sky, tmp_path):
    cache = str(tmp_path / "cache")
    tables = {"I/1/stars": _table(sky[1])}
    with LoopbackCDS(tables, timeout=10.0, cache_dir=cache, chunk_size=100) as server:
        yield server


def _reference(cds, **more):
    names = {"ra": "RAdeg", "dec": "DEdeg", "id": "Source", "pos_error": "PosErr", **more}
    return get_reference("I/1/stars", tap=cds.tap_address + "/", **names)


def _expected(sky):
    coords, stars = sky
    return get_reference(stars, id="id").query(coords, radius=RADIUS, show_progress=False)


def test_objects_around_positions(cds, sky):
    near = _reference(cds).query(sky[0], radius=RADIUS, show_progress=False)
    expected = _expected(sky)
    names = ["query_index", "separation", "ra", "dec", "id", "pos_error", "date", "e_M 1"]
    assert set(near.colnames) == set(names)
    assert near["query_index"].tolist() == expected["query_index"].tolist()
    assert near["id"].tolist() == expected["id"].tolist()
    assert_allclose(near["separation"], expected["separation"], atol=1e-6)
    assert near["pos_error"].unit == "arcsec"
    assert_allclose(near["pos_error"], expected["ra_error"] / 1000)
    assert MaskedColumn(near["e_M 1"]).mask.tolist() == expected["parallax"].mask.tolist()
    used = near.meta["claxboi"]["references"]
    assert (used["service"], used["server"]) == ("tap", cds.tap_address)


def test_answers_are_kept_and_interrupted_ones_resumed(cds, sky):
    reference = _reference(cds)
    cds.fail("", "", "", "400")
    with pytest.raises(ServiceError, match="HTTP status 400"):
        reference.query(sky[0], radius=RADIUS, show_progress=False)
    first = reference.query(sky[0], radius=RADIUS, show_progress=False)
    n_requests = len(cds.requests)
    assert n_requests > 3
    again = reference.query(sky[0], radius=RADIUS, cache="only", show_progress=False)
    assert len(cds.requests) == n_requests
    assert same_tables(first, again)


@pytest.mark.parametrize("fault", ["502", "504", "lost", "html", "500", "503", "error200", "cut"])
def test_faults_that_pass_lose_nothing(cds, sky, fault):
    cds.fail("", "", fault, "", fault)
    near = _reference(cds).query(sky[0], radius=RADIUS, show_progress=False)
    assert near["id"].tolist() == _expected(sky)["id"].tolist()


@pytest.mark.parametrize("limits", [{"hard_limit": 60}, {"upload_limit": 30}, {"max_rows": 50}])
def test_limits_of_the_service_cut_nothing(sky, tmp_path, limits):
    tables = {"I/1/stars": _table(sky[1])}
    with LoopbackCDS(tables, timeout=10.0, cache_dir=str(tmp_path), **limits) as cds:
        near = _reference(cds).query(sky[0], radius=RADIUS, show_progress=False)
        most = max(request.n_positions for request in cds.requests)
    assert near["id"].tolist() == _expected(sky)["id"].tolist()
    assert most <= limits.get("upload_limit", 300)


def test_columns_by_name_have_types_and_units(cds, sky):
    columns = {"ra": "RAdeg", "dec": "DEdeg", "epoch": "date"}
    near = _reference(cds).query(sky[0], radius=RADIUS, columns=columns, show_progress=False)
    assert near.colnames == ["query_index", "separation", "ra", "dec", "epoch"]


def test_wrong_tables_and_columns(cds, sky):
    unknown = get_reference("I/2/none", tap=cds.tap_address, ra="RAdeg", dec="DEdeg")
    with pytest.raises(FetchError, match="Unknown table"):
        unknown.query(sky[0], radius=RADIUS, show_progress=False)
    with pytest.raises(FetchError, match="Unknown column RA"):
        _reference(cds, ra="RA").query(sky[0], radius=RADIUS, show_progress=False)
    with pytest.raises(AnswerError, match=r"no column 'Name' there; the columns are RAdeg"):
        _reference(cds, id="Name").query(sky[0], radius=RADIUS, show_progress=False)


def test_nothing_is_sent_until_it_is_searched(cds, sky):
    plan = _reference(cds).plan(sky[0], radius=RADIUS)
    assert (plan.service, plan.n_positions, plan.n_chunks) == ("tap", 300, 3)
    assert not cds.requests


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tap": "tapvizier"}, "tap must be the address of a TAP service"),
        ({"tap": 5}, "tap must be"),
        ({"tap": "https://x.org/tap", "like": "gaia"}, "like must not be given with tap"),
    ],
)
def test_wrong_addresses(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        get_reference("t", **arguments)


def test_names_that_need_quotes():
    assert [_quoted(name) for name in ("ra", "date", 'e_M"1', '"x y"', "_RA")] == [
        "ra", '"date"', '"e_M""1"', '"x y"', '"_RA"',
    ]  # fmt: skip


@pytest.mark.remote_data
@pytest.mark.parametrize(
    ("server", "table", "names"),
    [
        ("http://tapvizier.cds.unistra.fr/TAPVizieR/tap", "I/355/gaiadr3",
         {"ra": "RA_ICRS", "dec": "DE_ICRS", "id": "Source"}),
        ("https://gea.esac.esa.int/tap-server/tap", "gaiadr3.gaia_source", {"id": "source_id"}),
    ],
)  # fmt: skip
def test_services_that_exist(server, table, names, tmp_path):
    from astropy.coordinates import SkyCoord

    from claxboi import conf

    reference = get_reference(table, tap=server, **names)
    with conf.set_temp("cache_dir", str(tmp_path)):
        near = reference.query(SkyCoord(83.633, 22.0145, unit="deg"), radius=RADIUS)
    assert len(near) > 0
