# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.utils.masked import Masked
from numpy.testing import assert_allclose, assert_array_equal

from claxboi import conf
from claxboi.references import AnswerError, ServiceError, UnknownTableError, get_reference
from claxboi.references.tests.conftest import make_sky, same_tables
from claxboi.references.tests.loopback import FAULTS, LoopbackCDS, LoopbackTable

RADIUS = 5 * u.arcsec
MASKED = SkyCoord(Masked([1, 2] * u.deg, mask=[True, False]), [1, 2] * u.deg)


def slow_match(coords, stars, radius):
    """Every pair, by astropy's separation."""
    sep = coords[:, None].separation(SkyCoord(stars["ra"], stars["dec"], unit="deg")[None])
    index, rows = np.nonzero(sep <= radius)
    order = np.lexsort((sep[index, rows], index))
    return index[order], rows[order], sep[index, rows][order].arcsec


@pytest.mark.parametrize("service", ["xmatch", "vizier"])
def test_agrees_with_every_pair(cds, sky, service):
    coords, stars = sky
    near = get_reference("gaia").query(coords, radius=RADIUS, service=service)
    index, rows, separation = slow_match(coords, stars, RADIUS)
    assert len(index) > 300
    assert_array_equal(near["query_index"], index)
    assert_array_equal(near["id"], stars["id"][rows])
    assert_allclose(near["separation"], separation, atol=1e-4)
    assert_array_equal(near["parallax"].mask, stars["parallax"].mask[rows])
    assert_allclose(near["Gmag"], stars["Gmag"][rows])
    assert near["parallax"].unit == u.mas
    assert near["separation"].unit == u.arcsec
    # 1 sigma per axis: the two errors, in mas, averaged in quadrature.
    error = np.hypot(stars["ra_error"][rows], stars["dec_error"][rows]) / np.sqrt(2) / 1000
    assert_allclose(near["pos_error"], error)
    assert near["pos_error"].unit == u.arcsec


def test_chunks_are_put_together(cds, sky):
    coords, _ = sky
    whole = get_reference("gaia").query(coords, radius=RADIUS, cache=False)
    with conf.set_temp("chunk_size", 37):
        chunked = get_reference("gaia").query(coords, radius=RADIUS, cache=False)
    assert same_tables(whole, chunked)
    sizes = [request.n_positions for request in cds.requests if request.kind == "match"]
    # Both ask for one position first, to see the columns.
    assert sizes == [1, 400, 1, *[37] * 10, 30]


def test_any_frame_and_a_single_position(cds, sky):
    coords, _ = sky
    reference = get_reference("gaia")
    plain = reference.query(coords[:20], radius=RADIUS)
    galactic = reference.query(coords[:20].galactic, radius=RADIUS)
    assert same_tables(plain["query_index", "id"], galactic["query_index", "id"])
    k = plain["query_index"][0]
    alone = reference.query(coords[k], radius=RADIUS)
    assert_array_equal(alone["id"], plain["id"][plain["query_index"] == k])
    assert set(alone["query_index"]) == {0}


def test_no_match_and_no_positions_have_all_columns(cds):
    nowhere = SkyCoord([0.0], [89.99], unit="deg")
    expected = ["query_index", "separation", "id", "ra", "dec"]
    for coords in (nowhere, nowhere[:0]):
        for service in ("xmatch", "vizier"):
            near = get_reference("gaia").query(coords, radius=RADIUS, service=service)
            assert len(near) == 0
            assert near.colnames[:5] == expected
            assert "Gmag" in near.colnames
            assert near["Gmag"].unit == u.mag
            assert near["id"].dtype == np.int64


@pytest.mark.parametrize("service", ["xmatch", "vizier"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_may_pass_is_asked_again(cds, sky, service, fault):
    coords = sky[0][:50]
    with conf.set_temp("timeout", 1.0 if fault == "hang" else 10.0):
        expected = get_reference("gaia").query(coords, radius=RADIUS, service=service, cache=False)
        n_before = len(cds.requests)
        # The check fails, and after it the chunk, twice.
        cds.fail(fault, "", fault, fault)
        near = get_reference("gaia").query(coords, radius=RADIUS, service=service, cache=False)
    assert same_tables(near, expected)
    assert sum(bool(request.fault) for request in cds.requests[n_before:]) == 3


@pytest.mark.parametrize("service", ["xmatch", "vizier"])
@pytest.mark.parametrize("status", [400, 403])
def test_what_may_not_pass_is_not_asked_again(cds, sky, service, status):
    coords = sky[0][:50]
    cds.fail("", str(status))
    with pytest.raises(ServiceError, match=rf"positions 0 to 49 of 50.*{status}") as info:
        get_reference("gaia").query(coords, radius=RADIUS, service=service)
    assert info.value.status == status
    assert not info.value.is_transient
    assert sum(bool(request.fault) for request in cds.requests) == 1
    advice = {400: "names of the table", 403: "too many parallel"}[status]
    assert advice in str(info.value)
    if service == "xmatch" and status == 400:
        assert "Unknown parameter" in str(info.value)


def test_gives_up_after_the_retries(cds, sky):
    cds.fail("", *["503"] * 20)
    with (
        conf.set_temp("retries", 3),
        pytest.raises(ServiceError, match=r"try later!.*\(4 attempts\)") as info,
    ):
        get_reference("gaia").query(sky[0], radius=RADIUS)
    assert info.value.status == 503
    assert info.value.is_transient


def test_waits_are_doubled(cds, sky, monkeypatch):
    waits = []
    monkeypatch.setattr("claxboi.references._fetch.time.sleep", waits.append)
    cds.fail("", *["503"] * 5)
    with conf.set_temp("retry_wait", 8.0):
        get_reference("gaia").query(sky[0], radius=RADIUS)
    assert len(waits) == 5
    ratio = np.array(waits) / waits[0]
    # 8, 16, 32, 64, and not 128 but 120 s, times a factor that depends on the chunk.
    assert_allclose(ratio, [1, 2, 4, 8, 15])
    assert 4 <= waits[0] <= 8


def test_a_chunk_too_heavy_for_the_gateway_is_split(sky, tmp_path):
    coords, stars = sky
    with LoopbackCDS({"gaia": stars}, cache_dir=str(tmp_path), retries=0) as cds:
        expected = get_reference("gaia").query(coords, radius=RADIUS, cache=False)
        # Not exactly the same positions: what is sent twice counts once.
        many = SkyCoord(np.tile(coords.ra, 3), np.tile(coords.dec, 3))
        many = many.directional_offset_by(0 * u.deg, np.arange(1200) * 1e-6 * u.arcsec)
        cds.fail("", "504", "hang")
        # A busy machine takes its time for an answer that is not cut.
        with conf.set_temp("timeout", 3.0):
            near = get_reference("gaia").query(many, radius=RADIUS)
        sizes = [request.n_positions for request in cds.requests if request.n_positions > 1]
    assert sizes == [400, 1200, 600, 300, 300, 600]
    assert len(near) == 3 * len(expected)


@pytest.mark.parametrize("service", ["xmatch", "vizier"])
def test_an_answer_as_long_as_the_limit_is_split(sky, tmp_path, service):
    coords, stars = sky[0][:120], sky[1]
    with LoopbackCDS({"gaia": stars}, cache_dir=str(tmp_path), max_rows=40, hard_limit=40) as cds:
        near = get_reference("gaia").query(coords, radius=RADIUS, service=service)
        n_requests = len(cds.requests)
        again = get_reference("gaia").query(coords, radius=RADIUS, service=service)
        # Where the answer was cut before is known: nothing is asked again.
        assert len(cds.requests) == n_requests
        plan = get_reference("gaia").plan(coords, radius=RADIUS, service=service)
    meta = again.meta["claxboi"]["references"]
    assert meta["n_chunks"] == meta["n_cached"] == plan.n_chunks == plan.n_cached > 2
    assert plan.n_requests == 0
    assert len(near) == len(slow_match(coords, stars, RADIUS)[0])
    assert same_tables(near, again)


def test_a_limit_that_was_lowered_is_noticed(tmp_path):
    coords, stars = make_sky(10_400, seed=9)
    assert len(stars) > 10_000
    # Nothing says that the answer is cut, and it is far from the limit that is documented.
    with LoopbackCDS({"gaia": stars}, hard_limit=10_000, cache_dir=str(tmp_path)) as cds:
        near = get_reference("gaia").query(coords, radius=RADIUS, columns=["Gmag"])
        sizes = [request.n_positions for request in cds.requests]
    assert sizes == [1, 10_400, 5_200, 5_200]
    assert len(near) == len(stars)
    # One match for each of a round number of positions is no sign of a limit.
    own = SkyCoord(stars["ra"], stars["dec"], unit="deg")[:10_000]
    sparse = stars[:10_000].copy()
    with LoopbackCDS({"gaia": sparse}, cache_dir=str(tmp_path)) as cds:
        near = get_reference("gaia").query(own, radius=0.001 * u.arcsec, columns=["Gmag"])
        assert [request.n_positions for request in cds.requests] == [1, 10_000]
    assert len(near) == 10_000


def test_too_many_around_one_position(tmp_path):
    crowd = Table({"id": np.arange(50), "ra": np.full(50, 10.0), "dec": np.full(50, 5.0)})
    with (
        LoopbackCDS({"gaia": crowd}, hard_limit=20, max_rows=20, cache_dir=str(tmp_path)),
        pytest.raises(AnswerError, match="around this one position"),
    ):
        get_reference("gaia").query(SkyCoord([10.0, 10.0], [5.0, 5.0], unit="deg"), radius=RADIUS)


@pytest.mark.parametrize("service", ["xmatch", "vizier"])
def test_unknown_table(cds, sky, service):
    with pytest.raises(UnknownTableError, match="IX/99/nothing"):
        get_reference("IX/99/nothing").query(sky[0], radius=RADIUS, service=service)


@pytest.mark.parametrize("service", ["xmatch", "vizier"])
def test_changed_column_names(sky, tmp_path, service):
    coords, stars = sky
    table = LoopbackTable.from_record("gaia", stars)
    for columns in table.columns.values():
        columns["parallax"] = columns.pop("Plx")
    with LoopbackCDS({"I/355/gaiadr3": table}, cache_dir=str(tmp_path)):
        reference = get_reference("gaia")
        with pytest.raises(AnswerError, match=r"no column 'Plx' there; .*parallax.*columns="):
            reference.query(coords, radius=RADIUS, service=service)
        near = reference.query(
            coords, radius=RADIUS, service=service, columns={"parallax": "parallax"}
        )
    rows = slow_match(coords, stars, RADIUS)[1]
    assert_array_equal(near["parallax"].mask, stars["parallax"].mask[rows])
    assert near["parallax"].unit == u.mas


def test_selected_columns(cds, sky):
    near = get_reference("gaia").query(sky[0], radius=RADIUS, columns=["Gmag"])
    assert near.colnames == ["query_index", "separation", "id", "ra", "dec", "Gmag"]
    with pytest.raises(KeyError, match=r"no column 'gmag' on xmatch; its columns are id, ra, dec"):
        get_reference("gaia").query(sky[0], radius=RADIUS, columns=["gmag"])


@pytest.mark.parametrize("service", ["xmatch", "vizier"])
def test_a_vizier_id_is_a_reference(sky, tmp_path, service):
    coords, stars = sky
    record_table = LoopbackTable.from_record("gaia", stars)
    columns = {}
    for name in record_table.columns:
        # Names that are ours must not collide with the catalogue's own.
        fields = dict(record_table.columns[name])
        fields["separation"] = fields.pop("Gmag")
        fields["_RAJ2000"] = fields[next(n for n in fields if n.startswith("RA"))]
        fields["_DEJ2000"] = fields[next(n for n in fields if n.startswith("DE"))]
        columns[name] = fields
    table = LoopbackTable(stars["ra"], stars["dec"], columns)
    with LoopbackCDS({"J/A+A/1/1/stars": table}, cache_dir=str(tmp_path)):
        near = get_reference("J/A+A/1/1/stars").query(coords, radius=RADIUS, service=service)
    index, rows, separation = slow_match(coords, stars, RADIUS)
    assert_array_equal(near["query_index"], index)
    assert_allclose(near["separation"], separation, atol=1e-4)
    assert_allclose(near["separation_reference"], stars["Gmag"][rows])
    assert_array_equal(near["Source"], stars["id"][rows])
    assert_allclose(near["ra"], stars["ra"][rows])


def test_meta_says_what_was_asked(cds, sky):
    near = get_reference("gaia").query(sky[0], radius=RADIUS)
    meta = near.meta["claxboi"]["references"]
    assert meta["reference"] == "gaia"
    assert meta["table"] == "I/355/gaiadr3"
    assert meta["service"] == "xmatch"
    assert meta["server"] == cds.addresses["xmatch_url"]
    assert meta["radius_arcsec"] == 5.0
    assert meta["n_positions"] == 400
    assert meta["n_chunks"] == 1
    assert meta["n_cached"] == 0
    assert meta["epoch"] == 2016.0
    assert meta["citation"] == ["2016A&A...595A...1G", "2023A&A...674A...1G"]
    assert meta["oldest"][:4].isdigit()
    again = get_reference("gaia").query(sky[0], radius=RADIUS)
    assert again.meta["claxboi"]["references"]["n_cached"] == 1


def test_settings_are_read_when_they_are_used(cds, sky):
    reference = get_reference("gaia")
    with LoopbackCDS({"gaia": sky[1][:0]}) as other:
        assert len(reference.query(sky[0], radius=RADIUS)) == 0
        # One for the columns; what is empty is asked for twice.
        assert len(other.requests) == 3
    assert len(cds.requests) == 0


def test_only_positions_are_sent_and_in_full(cds):
    coords = SkyCoord([1 / 3], [-1 / 7], unit="deg")
    get_reference("gaia").query(coords, radius=RADIUS)
    from claxboi.references.tests.loopback import _digest

    assert cds.requests[-1].digest == _digest([1 / 3], [-1 / 7])


@pytest.mark.parametrize(
    ("kwargs", "error", "match"),
    [
        ({"coords": [1, 2]}, TypeError, "coords must be a SkyCoord, got list"),
        ({"coords": SkyCoord([[1]], [[1]], unit="deg")}, ValueError, "one dimension"),
        ({"coords": SkyCoord([1, np.nan], [1, 1], unit="deg")}, ValueError, "first in row 1"),
        ({"coords": MASKED}, ValueError, "got 1, the first in row 0"),
        ({"radius": 5}, TypeError, "radius must be a Quantity"),
        ({"radius": 0 * u.arcsec}, ValueError, "radius must be above 0"),
        ({"radius": [1, 2] * u.arcsec}, ValueError, "radius must be a single value"),
        ({"radius": 1 * u.kg}, u.UnitsError, "radius must have a unit that converts"),
        ({"radius": 200 * u.arcsec, "service": "xmatch"}, ValueError, "180 arcsec for XMatch"),
        ({"service": "ned"}, ValueError, "service must be one of"),
        ({"service": "simbad"}, ValueError, "service of gaia must be one of 'xmatch', 'vizier'"),
        ({"cache": "yes"}, ValueError, "cache must be one of True, False, 'only'"),
        ({"max_age": 3}, TypeError, "max_age must be a Quantity"),
        ({"columns": "Gmag"}, TypeError, "columns must be a list or a mapping"),
    ],
)
def test_errors_come_before_any_request(cds, kwargs, error, match):
    kwargs = {"coords": SkyCoord([1], [1], unit="deg"), "radius": RADIUS, **kwargs}
    with pytest.raises(error, match=match):
        get_reference("gaia").query(kwargs.pop("coords"), **kwargs)
    assert cds.requests == []


def test_large_radii_go_to_vizier(cds, sky):
    with pytest.warns(UserWarning, match="gives 4 objects near 5 positions, where about 2129"):
        near = get_reference("gaia").query(sky[0][:5], radius=200 * u.arcsec)
    assert near.meta["claxboi"]["references"]["service"] == "vizier"
