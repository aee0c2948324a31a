# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The ways in which CDS and its client lose data without a word: each is shown on astroquery as people
use it, then claxboi is asked the same.
"""

import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table
from astroquery import cache_conf
from astroquery.vizier import VizierClass
from astroquery.xmatch import XMatchClass
from numpy.testing import assert_allclose, assert_array_equal

from claxboi import conf
from claxboi.references import (
    AnswerError,
    FetchError,
    ServiceError,
    UnknownTableError,
    get_reference,
)
from claxboi.references.tests.conftest import needs_direct_tap
from claxboi.references.tests.loopback import Field, LoopbackCDS, LoopbackTable

N = 120
COORDS = SkyCoord(np.linspace(1, 300, N), np.linspace(-60, 60, N), unit="deg")
RADIUS = 3 * u.arcsec


def naive_xmatch(cds, table, **fields):
    client = XMatchClass()
    client.URL = cds.addresses["xmatch_url"]
    upload = Table({"ra": COORDS.ra.deg, "dec": COORDS.dec.deg})
    return client.query(
        upload, table, RADIUS, colRA1="ra", colDec1="dec", colRA2="", colDec2="", **fields
    )


def naive_vizier(cds):
    return VizierClass(vizier_server=cds.addresses["vizier_server"])


def naive_cones(cds, table, coords=COORDS, radius=RADIUS):
    return naive_vizier(cds).query_region(coords, radius=radius, catalog=table)


def stars(**columns):
    table = Table({"ra": COORDS.ra.deg, "dec": COORDS.dec.deg})
    for name, values in columns.items():
        table[name] = values
    return table


@pytest.fixture
def loopback(tmp_path):
    with cache_conf.set_temp("cache_active", False):

        def start(tables, **settings):
            return LoopbackCDS(tables, cache_dir=str(tmp_path), **settings)

        yield start


def test_default_row_limit_of_vizier(loopback):
    cvs = stars(id=np.arange(N).astype(str))
    with loopback({"ritter_kolb_lmxb": cvs}) as cds:
        naive = naive_vizier(cds).get_catalogs("B/cb/lmxbdata")[0]
        whole = get_reference("ritter_kolb_lmxb").fetch_all()
        assert len(naive) == 50
        assert len(whole) == N
        naive = naive_cones(cds, "B/cb/lmxbdata")[0]
        near = get_reference("B/cb/lmxbdata").query(COORDS, radius=RADIUS)
        assert len(naive) == 50
        assert_array_equal(near["query_index"], np.arange(N))


def test_unknown_table_of_vizier(loopback):
    with loopback({"gaia": stars()}) as cds:
        nothing = naive_cones(cds, "I/355/gaiadr4")
        no_match = naive_cones(cds, "I/355/gaiadr3", SkyCoord([0.0], [89.0], unit="deg"))
        # The same answer to two different questions.
        assert len(nothing) == len(no_match) == 0
        with pytest.raises(UnknownTableError, match="Table or Catalog not found"):
            get_reference("I/355/gaiadr4").query(COORDS, radius=RADIUS, service="vizier")
        with pytest.raises(UnknownTableError, match="Table or Catalog not found"):
            get_reference("I/355/gaiadr4").fetch_all()
        north = SkyCoord([0.0], [89.0], unit="deg")
        assert len(get_reference("gaia").query(north, radius=RADIUS, service="vizier")) == 0


def test_web_page_with_status_200(loopback):
    with loopback({"gaia": stars()}, retries=1) as cds:
        cds.fail("html")
        assert naive_cones(cds, "I/355/gaiadr3") is None
        cds.fail("", "html", "html")
        with pytest.raises(AnswerError, match="not a VOTable but '502 Bad Gateway"):
            get_reference("gaia").query(COORDS, radius=RADIUS, service="vizier")


def test_server_error_with_status_200(loopback):
    with loopback({"gaia": stars()}, retries=1) as cds:
        cds.fail("error200")
        assert len(naive_cones(cds, "I/355/gaiadr3")) == 0
        cds.fail("", "error200", "error200")
        with pytest.raises(ServiceError, match="The database is down"):
            get_reference("gaia").query(COORDS, radius=RADIUS, service="vizier")


def test_cut_at_the_limit_of_xmatch(loopback):
    with loopback({"gaia": stars()}, hard_limit=40, max_rows=40) as cds:
        assert len(naive_xmatch(cds, "I/355/gaiadr3")) == 40
        near = get_reference("gaia").query(COORDS, radius=RADIUS)
    assert_array_equal(near["query_index"], np.arange(N))


def test_missing_integers_of_xmatch(loopback):
    motion = MaskedColumn(np.arange(N), mask=np.arange(N) % 3 == 0)
    table = LoopbackTable.from_record("allwise", stars(id=np.arange(N).astype(str)))
    table.columns["xmatch"]["pmRA"] = Field(motion, "int", "mas/yr")
    with loopback({"II/328/allwise": table}) as cds:
        naive = naive_xmatch(cds, "II/328/allwise")
        near = get_reference("allwise").query(COORDS, radius=RADIUS)
    # A star that was not measured seems to stand still.
    naive.sort("ra")
    assert not getattr(naive["pmRA"], "mask", np.array(False)).any()
    assert (naive["pmRA"][motion.mask] == 0).all()
    assert_array_equal(near["pmra"].mask, motion.mask)
    assert_array_equal(near["pmra"][~motion.mask], motion[~motion.mask])


def test_strings_declared_too_short(loopback):
    names = np.array([f"1234-{k:08d}" for k in range(N)])
    table = LoopbackTable.from_record("usnob", stars(id=names))
    field = table.columns["xmatch"]["USNO-B1.0"]
    table.columns["xmatch"]["USNO-B1.0"] = field._replace(width=12)
    with loopback({"I/284/out": table}) as cds:
        naive = naive_xmatch(cds, "I/284/out")
        near = get_reference("usnob").query(COORDS, radius=RADIUS)
    # Ten objects share a name.
    assert len(set(naive["USNO-B1.0"])) == N // 10
    assert_array_equal(near["id"], names)


def test_names_that_collide(loopback):
    with loopback({"simbad": stars(id=[f"S{k}" for k in range(N)])}) as cds:
        naive = naive_xmatch(cds, "simbad")
        near = get_reference("simbad").query(COORDS, radius=RADIUS)
    # Whose position is "ra"? The first one's; which is first is the service's choice.
    assert {"ra", "ra2"} <= set(naive.colnames)
    assert_allclose(near["ra"], COORDS.ra.deg)
    assert "ra2" not in near.colnames


def test_row_order_of_xmatch(loopback):
    with loopback({"gaia": stars(id=np.arange(N))}) as cds:
        naive = naive_xmatch(cds, "I/355/gaiadr3")
        near = get_reference("gaia").query(COORDS, radius=RADIUS)
    assert not np.array_equal(naive["Source"], np.arange(N))
    assert_array_equal(near["id"], np.arange(N))


def test_frame_of_vizier(loopback):
    # A radius of 10 mas is less than the rotation from ICRS to FK5.
    radius = 0.01 * u.arcsec
    with loopback({"gaia": stars()}) as cds:
        naive = naive_cones(cds, "I/355/gaiadr3", radius=radius)
        near = get_reference("gaia").query(COORDS, radius=radius, service="vizier")
    assert sum(len(table) for table in naive) < N / 2
    assert_array_equal(near["query_index"], np.arange(N))


def test_broken_answers_that_astroquery_keeps(loopback, tmp_path):
    client = VizierClass(vizier_server="")
    client.cache_location = tmp_path
    kwargs = {"radius": RADIUS, "catalog": "I/355/gaiadr3", "cache": True}
    with loopback({"gaia": stars()}, retries=0) as cds, cache_conf.set_temp("cache_active", True):
        client.VIZIER_SERVER = cds.addresses["vizier_server"]
        cds.fail("error200")
        assert len(client.query_region(COORDS, **kwargs)) == 0
        # The service is well again, but the failure is served from the cache for a week.
        assert len(client.query_region(COORDS, **kwargs)) == 0
        cds.fail("", "error200")
        reference = get_reference("gaia")
        with pytest.raises(ServiceError):
            reference.query(COORDS, radius=RADIUS, service="vizier")
        assert len(reference.query(COORDS, radius=RADIUS, service="vizier")) == N


def test_body_cut_without_a_word(loopback):
    # Cut between two tables, XML stays well-formed only by its end, which is looked for.
    with loopback({"gaia": stars()}, retries=0) as cds:
        for fault in ("cut", "short"):
            cds.fail("", fault)
            with pytest.raises(FetchError, match=r"cut on its way|connection was lost"):
                get_reference("gaia").query(COORDS, radius=RADIUS)


def test_sexagesimal_positions(loopback):
    cvs = stars(id=np.arange(N).astype(str))
    table = LoopbackTable.from_record("ritter_kolb_cv", cvs)
    text = COORDS.to_string("hmsdms", sep=" ")
    for name, part in (("RAJ2000", slice(None, 11)), ("DEJ2000", slice(-11, None))):
        values = MaskedColumn([position[part] for position in text])
        table.columns["vizier"][name] = Field(values, "char", '"h:m:s"')
    with loopback({"B/cb/cbdata": table}) as cds:
        naive = naive_vizier(cds).get_catalogs("B/cb/cbdata")[0]
        with pytest.warns(UserWarning, match="120 rows came, but 1429 are expected"):
            whole = get_reference("ritter_kolb_cv").fetch_all()
    assert naive["RAJ2000"].dtype.kind == "U"
    assert_allclose(whole["ra"], COORDS.ra.deg, atol=1e-8)
    assert whole["ra"].unit == u.deg


@needs_direct_tap
def test_default_row_limit_of_simbad(loopback, monkeypatch):
    from astroquery.simbad import SimbadClass
    from astroquery.simbad import conf as simbad_conf

    many = SkyCoord(np.repeat(COORDS.ra, 100), np.repeat(COORDS.dec, 100))
    upload = Table(
        {"cxb_idx": np.arange(len(many)), "cxb_ra": many.ra.deg, "cxb_dec": many.dec.deg}
    )
    adql = (
        "SELECT sent.cxb_idx, t.main_id FROM basic AS t JOIN TAP_UPLOAD.claxboi AS sent ON "
        "CONTAINS(POINT('ICRS', t.ra, t.dec), "
        "CIRCLE('ICRS', sent.cxb_ra, sent.cxb_dec, 0.0008333)) = 1"
    )
    objects = stars(id=[f"S{k}" for k in range(N)], otype=["LXB"] * N)
    with loopback({"simbad": objects}) as cds:
        client = SimbadClass()
        monkeypatch.setattr(simbad_conf, "servers_list", [cds.addresses["simbad_server"]])
        client.server = cds.addresses["simbad_server"]
        with warnings.catch_warnings():
            # Newer versions of pyvo may warn of it.
            warnings.simplefilter("ignore")
            naive = client.query_tap(adql, claxboi=upload)
        near = get_reference("simbad").query(many, radius=RADIUS, service="simbad")
    assert len(naive) == 10_000
    assert_array_equal(near["query_index"], np.arange(100 * N))


def test_simbad_changed_its_labels(loopback):
    objects = stars(id=[f"S{k}" for k in range(N)], otype=["LXB"] * N)
    table = LoopbackTable.from_record("simbad", objects)
    labels = MaskedColumn(["LowMassXBin"] * N)
    table.columns["xmatch"]["main_type"] = Field(labels, "char")
    with loopback({"simbad": table}) as cds:
        naive = naive_xmatch(cds, "simbad")
        near = get_reference("simbad").query(COORDS, radius=RADIUS)
    # Lists of labels made before 2023 match nothing.
    assert np.sum(naive["main_type"] == "LMXB") == 0
    assert np.sum(near["otype"] == "LXB") == N


def test_units_that_differ_from_the_record(loopback):
    table = LoopbackTable.from_record("gaia", stars(parallax=np.full(N, 2.0)))
    field = table.columns["xmatch"]["Plx"]
    table.columns["xmatch"]["Plx"] = field._replace(unit="arcsec")
    with loopback({"I/355/gaiadr3": table}):
        near = get_reference("gaia").query(COORDS, radius=RADIUS)
    assert near["parallax"].unit == u.mas
    assert_allclose(near["parallax"], 2000)


def test_positions_that_are_not_those_sent(loopback, monkeypatch):
    # An answer whose index is wrong by one is refused, whatever else is right.
    from claxboi.references import _xmatch

    read = _xmatch.read_answer

    def wrong(content, asked):
        answer = read(content, asked)
        (table,) = answer.tables.values()
        table["cxb_idx"] = (np.asarray(table["cxb_idx"]) + 1) % N
        return answer

    with loopback({"gaia": stars()}):
        monkeypatch.setattr(_xmatch, "read_answer", wrong)
        with pytest.raises(AnswerError, match="not those that were sent"):
            get_reference("gaia").query(COORDS, radius=RADIUS)


def test_settings_of_others_are_left_alone(loopback):
    from astroquery.vizier import Vizier
    from astroquery.xmatch import XMatch

    before = XMatch.URL, XMatch.TIMEOUT, Vizier.ROW_LIMIT, Vizier.VIZIER_SERVER, Vizier.columns
    with loopback({"gaia": stars(), "simbad": stars()}):
        get_reference("gaia").query(COORDS, radius=RADIUS)
        get_reference("gaia").query(COORDS, radius=RADIUS, service="vizier")
        get_reference("simbad").query(COORDS, radius=RADIUS, service="simbad")
        assert conf.retry_wait == 0
    after = XMatch.URL, XMatch.TIMEOUT, Vizier.ROW_LIMIT, Vizier.VIZIER_SERVER, Vizier.columns
    assert before == after
