# Licensed under a 3-clause BSD style license - see LICENSE.rst
import errno
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from astropy import units as u
from astropy.config import set_temp_cache
from astropy.table import MaskedColumn, Table

from claxboi import conf
from claxboi.references import AnswerError, CacheError, _cache, get_reference
from claxboi.references._cache import Cache, cache_folder, question_key
from claxboi.references.tests.conftest import same_tables
from claxboi.references.tests.loopback import LoopbackCDS

RADIUS = 5 * u.arcsec


@pytest.fixture(params=["parquet", "ecsv"])
def encoding(request, monkeypatch):
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    else:
        monkeypatch.setattr(_cache, "pa", None)
    return request.param


def an_entry():
    return Table(
        {
            "query_index": MaskedColumn([0, 5, 5]),
            "separation": MaskedColumn([0.1, 1 / 3, 2.0], unit="arcsec"),
            "id": MaskedColumn([2**62 + 1, 0, 3], mask=[False, True, False]),
            "name": MaskedColumn(["Nova Cyg", "", "é, 'b' \"c\""], mask=[False, True, False]),
            "flux": MaskedColumn(
                [1e-15, np.nan, 3.0], mask=[False, True, False], unit="erg / (s cm2)"
            ),
            "is_extended": MaskedColumn([True, False, False], mask=[False, False, True]),
        },
        meta={"date": _cache.now(), "is_cut": False},
    )


def files(folder, ending="*"):
    return sorted(folder.glob(f"*.{ending}"))


def test_round_trip(tmp_path, encoding):
    cache = Cache(tmp_path, True)
    table = an_entry()
    table["flux"].description = "X-ray flux"
    table["flux"].meta["ucd"] = "phot.flux"
    cache.store("a" * 32, table)
    assert len(files(tmp_path, encoding)) == 1
    read = cache.load("a" * 32)
    assert same_tables(read, table)
    assert dict(read.meta) == dict(table.meta)
    assert read["flux"].description == "X-ray flux"
    assert read["flux"].meta["ucd"] == "phot.flux"
    assert cache.load("b" * 32) is None


def test_no_rows(tmp_path, encoding):
    cache = Cache(tmp_path, True)
    cache.store("a" * 32, an_entry()[:0])
    read = cache.load("a" * 32)
    assert len(read) == 0
    assert read["name"].dtype.kind == "U"
    assert read["id"].dtype == np.int64


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_damaged_entry_is_found_and_fetched_again(cds, sky, encoding, damage, caplog):
    reference = get_reference("gaia")
    first = reference.query(sky[0], radius=RADIUS)
    (path,) = cache_folder(conf).rglob(f"*.{encoding}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"flip": bytes(content), "cut": content[:-10], "empty": b""}[damage])
    n_before = len(cds.requests)
    again = reference.query(sky[0], radius=RADIUS)
    assert len(cds.requests) == n_before + 2
    assert same_tables(first, again)
    assert "is damaged" in caplog.text
    (path,) = cache_folder(conf).rglob(f"*.{encoding}")
    assert same_tables(reference.query(sky[0], radius=RADIUS, cache="only"), first)


def test_cache_only_works_without_services(cds, sky):
    reference = get_reference("gaia")
    with pytest.raises(CacheError, match=r"positions 0 to 399 of 400: not in the cache"):
        reference.query(sky[0], radius=RADIUS, cache="only")
    with pytest.raises(CacheError, match="not in the cache"):
        get_reference("ritter_kolb_cv").fetch_all(cache="only")
    assert cds.requests == []
    first = reference.query(sky[0], radius=RADIUS)
    cds.fail(*["lost"] * 100)
    n_before = len(cds.requests)
    assert same_tables(reference.query(sky[0], radius=RADIUS, cache="only"), first)
    assert len(cds.requests) == n_before


def test_cache_false_neither_reads_nor_writes(cds, sky):
    for _ in range(2):
        get_reference("gaia").query(sky[0], radius=RADIUS, cache=False)
    assert len(cds.requests) == 4
    assert not cache_folder(conf).exists()


def test_age_is_shown_and_limited(cds, sky, monkeypatch):
    reference = get_reference("gaia")
    then = (datetime.now(UTC) - timedelta(days=40)).isoformat(timespec="seconds")
    with monkeypatch.context() as patch:
        patch.setattr("claxboi.references._fetch.now", lambda: then)
        reference.query(sky[0], radius=RADIUS)
    near = reference.query(sky[0], radius=RADIUS)
    assert near.meta["claxboi"]["references"]["oldest"] == then
    assert reference.plan(sky[0], radius=RADIUS).oldest == then
    assert then in str(reference.plan(sky[0], radius=RADIUS))
    assert reference.plan(sky[0], radius=RADIUS, max_age=30 * u.day).n_cached == 0
    with pytest.raises(CacheError, match="or too old"):
        reference.query(sky[0], radius=RADIUS, cache="only", max_age=30 * u.day)
    n_before = len(cds.requests)
    reference.query(sky[0], radius=RADIUS, max_age=50 * u.day)
    assert len(cds.requests) == n_before
    reference.query(sky[0], radius=RADIUS, max_age=30 * u.day)
    assert len(cds.requests) == n_before + 2
    near = reference.query(sky[0], radius=RADIUS, max_age=30 * u.day)
    assert len(cds.requests) == n_before + 2
    assert near.meta["claxboi"]["references"]["oldest"] > then
    # The old entry has been replaced.
    assert len([p for p in cache_folder(conf).rglob("*") if p.is_file()]) == 1


@pytest.mark.parametrize(
    "change",
    ["radius", "position", "columns", "table", "server", "service", "name of a column"],
)
def test_key_depends_on_all_that_is_asked(change):
    question = {
        "service": "xmatch",
        "server": "a",
        "table": "I/355/gaiadr3",
        "columns": {"id": ["Source", "int64", ""]},
        "radius_arcsec": 5.0,
    }
    ra, dec = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    key = question_key(question, ra, dec)
    assert key == question_key(dict(reversed(question.items())), ra.copy(), dec.copy())
    other = dict(question)
    if change == "radius":
        other["radius_arcsec"] = np.nextafter(5.0, 6)
    elif change == "position":
        dec = np.array([3.0, np.nextafter(4.0, 5)])
    elif change == "columns":
        other["columns"] = {**question["columns"], "ra": ["RAdeg", "float64", "deg"]}
    elif change == "name of a column":
        other["columns"] = {"id": ["source_id", "int64", ""]}
    else:
        other[change] = "b"
    assert question_key(other, ra, dec) != key


def test_read_only_folder_is_found_before_asking(cds, sky, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    # Permissions do not bind the administrator, who may run the tests.
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(CacheError, match=r"cannot be written .*Permission denied.*cache=False"):
        get_reference("gaia").query(sky[0], radius=RADIUS)
    assert cds.requests == []


def test_cache_folder_that_is_a_file(cds, sky, tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        conf.set_temp("cache_dir", str(tmp_path / "file")),
        pytest.raises(CacheError, match="cannot be written"),
    ):
        get_reference("gaia").query(sky[0], radius=RADIUS)


def test_full_disk_keeps_what_had_arrived(cds, sky, monkeypatch):
    expected = get_reference("gaia").query(sky[0], radius=RADIUS, cache=False)
    sync, n_written = os.fsync, []

    def full(handle):
        n_written.append(handle)
        if len(n_written) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    cds.requests.clear()
    with conf.set_temp("chunk_size", 50):
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            with pytest.raises(CacheError, match=r"No space left.*what had arrived before is kept"):
                get_reference("gaia").query(sky[0], radius=RADIUS)
        assert len(cds.requests) == 1 + 4
        left = [path for path in cache_folder(conf).rglob("*") if path.is_file()]
        assert len(left) == 3
        near = get_reference("gaia").query(sky[0], radius=RADIUS)
    assert len(cds.requests) == 5 + 1 + 5
    assert same_tables(near, expected)


def test_default_folder_is_astropys(tmp_path):
    assert conf.cache_dir == ""
    with set_temp_cache(tmp_path):
        assert cache_folder(conf) == tmp_path / "astropy" / "claxboi" / "references"


# Imports once and forks: three processes work on the same five entries.
_PROCESSES = """
import os, pathlib, sys
from astropy.table import Table
from claxboi.references._cache import Cache, now

children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        children = []
        break
    children.append(child)
cache, status = Cache(pathlib.Path(sys.argv[1]), True), 0
for k in range(30):
    key = f"{k % 5:032d}"
    table = Table({"k": [k % 5] * 200}, meta={"date": now(), "is_cut": False})
    cache.store(key, table)
    read = cache.load(key)
    # Another process may be replacing it, but it is never wrong.
    if read is not None and set(read["k"]) != {k % 5}:
        status = 1
for child in children:
    status |= os.waitpid(child, 0)[1] != 0
os._exit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_concurrent_processes_do_not_spoil_entries(tmp_path):
    subprocess.run([sys.executable, "-c", _PROCESSES, str(tmp_path)], check=True, timeout=120)
    cache = Cache(tmp_path, "only")
    for k in range(5):
        assert set(cache.load(f"{k:032d}")["k"]) == {k}
    assert len(list(tmp_path.iterdir())) == 5


def test_entries_are_files_that_others_can_read(cds, sky, encoding):
    near = get_reference("gaia").query(sky[0], radius=RADIUS)
    (path,) = cache_folder(conf).rglob(f"*.{encoding}")
    if encoding == "ecsv":
        table = Table.read(path)
    else:
        from pyarrow import parquet

        arrow = parquet.read_table(path)
        assert json.loads(arrow.schema.metadata[b"claxboi"])["columns"]["Gmag"]["unit"] == "mag"
        table = {"id": arrow["id"].to_numpy()}
    assert set(table["id"]) == set(near["id"])


def test_entries_of_a_format_that_is_not_installed_are_fetched_again(cds, sky, monkeypatch):
    pytest.importorskip("pyarrow")
    first = get_reference("gaia").query(sky[0], radius=RADIUS)
    monkeypatch.setattr(_cache, "pa", None)
    monkeypatch.delitem(_cache._DECODERS, "parquet")
    again = get_reference("gaia").query(sky[0], radius=RADIUS)
    assert same_tables(first, again)


def test_failed_chunks_are_not_kept(sky, tmp_path):
    with LoopbackCDS({"gaia": sky[1]}, cache_dir=str(tmp_path), retries=0) as cds:
        cds.fail("", "cut")
        with pytest.raises(AnswerError, match="cut on its way"):
            get_reference("gaia").query(sky[0], radius=RADIUS)
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]
