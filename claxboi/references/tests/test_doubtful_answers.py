# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Answers that seem right and are not: short, doubled, endless, slow, or in other units.
"""

import re
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table, vstack
from numpy.testing import assert_allclose, assert_array_equal

from claxboi import conf
from claxboi.references import AnswerError, ServiceError, get_reference
from claxboi.references._cache import answers_are_kept, recorded_answers
from claxboi.references.tests.conftest import make_sky, same_tables
from claxboi.references.tests.loopback import SILENT, LoopbackCDS, LoopbackTable

RADIUS = 10 * u.arcsec
COORDS, STARS = make_sky(300, seed=8)
SERVICES = ["xmatch", "vizier", "simbad"]


def ask(service="xmatch", **settings):
    name = "simbad" if service == "simbad" else "gaia"
    return get_reference(name).query(COORDS, radius=RADIUS, service=service, **settings)


def tables():
    objects = STARS["ra", "dec"]
    objects["id"] = STARS["id"].astype(str)
    return {"gaia": STARS, "simbad": objects}


@pytest.fixture
def cds(tmp_path):
    with LoopbackCDS(tables(), cache_dir=str(tmp_path), timeout=10.0) as server:
        yield server


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("fault", SILENT[1:])
def test_a_part_is_asked_again_in_halves(cds, service, fault):
    expected = ask(service, cache=False)
    assert len(expected) == len(STARS)
    cds.fail("" if service != "simbad" else fault, fault)
    assert same_tables(ask(service), expected)
    assert sum(bool(request.fault) for request in cds.requests) >= 1
    # What is kept is whole, too.
    assert same_tables(ask(service, cache="only"), expected)


@pytest.mark.parametrize("seed", range(5))
def test_no_silent_loss_passes(tmp_path, seed):
    with LoopbackCDS(tables(), cache_dir=str(tmp_path), seed=seed, retries=2) as cds:
        cds.fail_randomly(0.3, SILENT[1:], seed)
        assert len(ask()) == len(STARS)


def test_an_empty_answer_is_asked_again(cds):
    cds.fail("", "empty")
    assert len(ask()) == len(STARS)
    assert [request.n_positions for request in cds.requests] == [1, 300, 300]
    # SIMBAD has so few objects that none would be believed.
    cds.fail("", "", "empty")
    assert len(ask("simbad")) == len(STARS)


def test_a_service_that_lost_everything(cds):
    cds.fail(*[""] * 1, *["empty"] * 6)
    with pytest.raises(AnswerError, match=r"gives 0 objects near 300 positions, where about 319"):
        ask()
    # Nothing of it is kept.
    assert len(ask()) == len(STARS)


def test_a_short_answer_of_a_survey_of_some_sky_is_a_warning(tmp_path):
    far = Table({"ra": [1.0], "dec": [80.0], "objID": [1]})
    with LoopbackCDS({"panstarrs": far}, cache_dir=str(tmp_path)) as cds:
        for n_more in (4, 3):
            n = len(cds.requests)
            with (
                recorded_answers() as answers,
                pytest.warns(UserWarning, match=r"outside its footprint \(.*lost rows"),
            ):
                near = get_reference("panstarrs").query(COORDS, radius=RADIUS)
            assert len(near) == 0
            # It is not kept: the halves are asked for each time.
            assert len(cds.requests) - n >= n_more
            assert not answers_are_kept(answers)


def test_cache_false_replaces_what_is_kept(cds):
    first = ask()
    shifted = STARS.copy()
    shifted["Gmag"] += 1
    cds.tables["I/355/gaiadr3"] = LoopbackTable.from_record("gaia", shifted)
    assert same_tables(ask(), first)
    fresh = ask(cache=False)
    assert_allclose(fresh["Gmag"], first["Gmag"] + 1)
    assert same_tables(ask(), fresh)


@pytest.mark.parametrize("limit", [1300, 1000, 100])
def test_a_short_whole_table_is_not_kept(tmp_path, limit):
    rng = np.random.default_rng(limit)
    cvs = Table({"ra": rng.uniform(0, 360, 1429), "dec": rng.uniform(-60, 60, 1429)})
    cvs["id"] = np.arange(1429).astype(str)
    with LoopbackCDS({"ritter_kolb_cv": cvs}, hard_limit=limit, cache_dir=str(tmp_path)) as cds:
        reference = get_reference("ritter_kolb_cv")
        # The two hemispheres together may have all.
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            n_rows = len(reference.fetch_all())
        assert (n_rows == 1429) == (limit >= 1000) == (not caught)
        if caught:
            assert "rows came, but 1429 are expected" in str(caught[0].message)
        cds.hard_limit = 10**6
        assert len(reference.fetch_all()) == 1429


def test_a_whole_table_of_unknown_length_is_checked(tmp_path):
    cvs = Table({"ra": np.linspace(0, 350, 400), "dec": np.linspace(-60, 60, 400)})
    with LoopbackCDS({"mineo": cvs}, hard_limit=150, cache_dir=str(tmp_path)) as cds:
        reference = get_reference("mineo")
        with pytest.warns(UserWarning, match="300 rows came, but 150 at first"):
            reference.fetch_all()
        cds.hard_limit = 10**6
        assert len(reference.fetch_all()) == 400
        n = len(cds.requests)
        reference.fetch_all()
        assert len(cds.requests) == n


def test_rows_that_came_twice_are_dropped(tmp_path):
    table = vstack([STARS, STARS])
    with LoopbackCDS({"gaia": table}, cache_dir=str(tmp_path)):
        for _ in range(2):
            with pytest.warns(UserWarning, match=f"Gaia DR3: {len(STARS)} rows that repeat"):
                near = ask()
            assert len(near) == len(STARS)
    with (
        LoopbackCDS({"mineo": table["ra", "dec"]}, cache_dir=str(tmp_path)),
        pytest.warns(UserWarning, match="rows that repeat"),
    ):
        assert len(get_reference("mineo").fetch_all()) == len(STARS)


def test_a_unit_that_does_not_convert(tmp_path):
    table = LoopbackTable.from_record("gaia", STARS)
    field = table.columns["xmatch"]["Gmag"]
    table.columns["xmatch"]["Gmag"] = field._replace(unit="Jy")
    with (
        LoopbackCDS({"I/355/gaiadr3": table}, cache_dir=str(tmp_path)),
        pytest.raises(AnswerError, match=r"'Gmag' .* mag, got Jy"),
    ):
        ask()


def test_a_unit_that_nobody_knows(tmp_path):
    table = LoopbackTable.from_record("gaia", STARS)
    field = table.columns["xmatch"]["Plx"]
    table.columns["xmatch"]["Plx"] = field._replace(unit="milli-things")
    with (
        LoopbackCDS({"I/355/gaiadr3": table}, cache_dir=str(tmp_path)),
        pytest.raises(AnswerError, match=r"'Plx' .* got .*milli-things.*, which cannot be read"),
    ):
        ask()


@pytest.mark.parametrize(("unit", "factor"), [("arcmin", 60.0), ("mas", 1e-3)])
def test_distances_are_converted(cds, monkeypatch, unit, factor):
    from claxboi.references import _xmatch

    expected = ask(cache=False)
    read = _xmatch.read_answer

    def convert(content, asked):
        answer = read(content, asked)
        (table,) = answer.tables.values()
        table["angDist"] = table["angDist"].quantity.to(unit)
        return answer

    monkeypatch.setattr(_xmatch, "read_answer", convert)
    near = ask(cache=False)
    assert_allclose(near["separation"], expected["separation"], rtol=1e-6)
    assert_array_equal(near["id"], expected["id"])


@pytest.mark.parametrize("service", SERVICES)
def test_columns_that_were_mixed_up(cds, service):
    def exchange(request, content):
        pairs = ("RA_ICRS", "DE_ICRS"), ("RAdeg", "DEdeg"), ("ra", "dec")
        for one, other in ([f'name="{name}"'.encode() for name in pair] for pair in pairs):
            content = other.join(part.replace(other, one) for part in content.split(one))
        return content

    cds.alter = exchange
    with pytest.raises(AnswerError, match=r"dec must be from -90 to 90 deg, got .*\(7 attempts\)"):
        ask(service)
    cds.alter = lambda _, content: content.replace(b'unit="deg"', b'unit="arcmin"')
    with pytest.raises(AnswerError, match="objects far from the positions that were sent"):
        ask(service)


def test_distances_in_another_unit_than_declared(cds):
    def alter(request, content):
        return content.replace(b'unit="arcsec"', b'unit="mas"', 1)

    cds.alter = alter
    with pytest.raises(AnswerError, match=r"separations .* are 0\.001 times those of its posit"):
        ask()


def test_a_whole_table_without_rows_and_one_of_parts(tmp_path):
    cvs = Table({"ra": np.linspace(0, 350, 400), "dec": np.linspace(-60, 60, 400)})
    with LoopbackCDS({"mineo": cvs}, cache_dir=str(tmp_path)) as cds:
        reference = get_reference("mineo")
        cds.alter = lambda _, content: re.sub(b"<TR>.*</TR>", b"", content, flags=re.DOTALL)
        with pytest.raises(AnswerError, match="gives no rows of the whole table"):
            reference.fetch_all()
        cds.alter = None
        # Two thirds are lost of the whole and of both halves; the south is first.
        cds.fail(*["first"] * 3)
        with pytest.warns(UserWarning, match="may have cut the table"):
            reference.fetch_all()
        assert len(reference.fetch_all()) == 400


@pytest.mark.parametrize("service", SERVICES)
def test_an_answer_that_drips_has_a_total_time(cds, service):
    cds.fail(*["drip"] * 3)
    with (
        conf.set_temp("timeout", 0.3),
        conf.set_temp("retries", 0),
        pytest.raises(ServiceError, match=r"not complete within 1\.2 s") as info,
    ):
        ask(service)
    assert info.value.is_transient


@pytest.mark.parametrize("service", SERVICES)
def test_an_endless_answer_is_not_read_to_its_end(cds, service):
    cds.fail(*["flood"] * 3)
    with (
        conf.set_temp("max_megabytes", 5.0),
        conf.set_temp("retries", 0),
        pytest.raises(AnswerError, match="the answer is longer than 5 MB") as info,
    ):
        ask(service)
    assert not info.value.is_transient


@pytest.mark.parametrize("service", SERVICES)
def test_an_unknown_host_is_asked_once(monkeypatch, tmp_path, service):
    monkeypatch.setattr("claxboi.references._fetch.time.sleep", pytest.fail)
    settings = {"xmatch_url": "http://nowhere.invalid/sync"}
    settings |= dict.fromkeys(["vizier_server", "simbad_server"], "nowhere.invalid")
    with (
        LoopbackCDS({}, cache_dir=str(tmp_path), **settings),
        pytest.raises(
            ServiceError, match=r"nowhere\.invalid.*no such host.*Nothing is lost"
        ) as info,
    ):
        ask(service)
    assert "--references FOLDER" in str(info.value)
    assert "\n" not in str(info.value)
    assert not info.value.is_transient
