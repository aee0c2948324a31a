# Licensed under a 3-clause BSD style license - see LICENSE.rst
import json
import logging

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from claxboi.io import read_table
from claxboi.pipeline.checkpoints import Checkpoints
from claxboi.utils import ContentStore, digest, table_hash


@pytest.fixture
def table():
    return Table({"ra": [1.0, 2.0], "name": ["a", "b"]})


@pytest.fixture
def keep(tmp_path, table):
    keep = Checkpoints(tmp_path / "steps")
    for number, step in enumerate(["one", "two"]):
        keep.keep(step, f"key of {step}", table, number)
    return keep


def the_file(folder, key):
    (path,) = ContentStore(folder / "steps").paths(key)
    return path


def assert_equal(found, table):
    assert found.colnames == table.colnames
    assert found.meta == table.meta
    for name in table.colnames:
        assert found[name].unit == table[name].unit
        assert found[name].tolist() == table[name].tolist()


KEYS = {"one": "key of one", "two": "key of two"}


def test_last_step_is_found_again(keep, table, tmp_path):
    found, kept = Checkpoints(tmp_path / "steps").find(KEYS)
    assert found == "two"
    assert kept["ra"].tolist() == table["ra"].tolist()
    assert len(list((tmp_path / "steps").iterdir())) == 3
    assert the_file(tmp_path, "0-one").suffix == the_file(tmp_path, "1-two").suffix == ".fits"


def test_a_file_has_what_its_step_changed(tmp_path):
    one = Table(
        {
            "ra": [1.0, 2.0] * u.deg,
            "flux": MaskedColumn([1.0, np.nan], mask=[False, True]),
            "name": ["a", "b"],
            "old": [1, 2],
        },
        meta={"claxboi": {"first": {"radius": 3}}},
    )
    two = one.copy()
    two.remove_column("old")
    two["flux"] = [1.0, 3.0]
    two.add_column([7, 8], name="new", index=0)
    two.meta["claxboi"]["second"] = {"n": 1}
    three = two.copy()
    three.meta["claxboi"]["third"] = {}
    keep = Checkpoints(tmp_path / "steps")
    keep.keep("one", "1", one, 1)
    keep.keep("two", "2", two, 2, one)
    keep.keep("three", "3", three, 3, two)
    assert read_table(the_file(tmp_path, "2-two")).colnames == ["new", "flux"]
    for keys, table in (({"one": "1", "two": "2"}, two), ({"one": "1"}, one)):
        _, found = Checkpoints(tmp_path / "steps").find(keys)
        assert_equal(found, table)
    step, found = Checkpoints(tmp_path / "steps").find({"one": "1", "two": "2", "three": "3"})
    assert step == "three"
    assert_equal(found, three)


def test_without_the_first_file_the_others_are_nothing(keep, tmp_path):
    the_file(tmp_path, "0-one").unlink()
    assert Checkpoints(tmp_path / "steps").find(KEYS) == (None, None)


def test_other_key_is_done_again(keep, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    found, _ = Checkpoints(tmp_path / "steps").find(KEYS | {"two": "another"})
    assert found == "one"
    assert "two: repeated, because its input or settings changed" in caplog.text
    assert Checkpoints(tmp_path / "steps").find({"one": "another"}) == (None, None)


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_damaged_file_is_done_again(keep, tmp_path, damage):
    path = the_file(tmp_path, "1-two")
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:3000] if damage == "cut" else content[:-2] + b"xx")
    assert Checkpoints(tmp_path / "steps").find(KEYS)[0] == "one"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"one": 3}', '{"one": {"key": "x"}}'])
def test_damaged_manifest_is_no_manifest(keep, tmp_path, text, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / "steps" / "manifest.json").write_text(text)
    assert Checkpoints(tmp_path / "steps").find(KEYS) == (None, None)
    assert "manifest.json is damaged" in caplog.text


def test_announced_file_is_known_but_not_done(keep, tmp_path):
    path = tmp_path / "out.fits"
    path.write_bytes(b"half of it")
    keep.announce("last", "its key", path)
    again = Checkpoints(tmp_path / "steps")
    assert again.is_announced("last", "its key")
    assert not again.is_announced("last", "another")
    assert again.file_of("last", "its key") is None
    again.note("last", "its key", path)
    assert again.file_of("last", "its key").read_bytes() == b"half of it"
    entries = json.loads((tmp_path / "steps" / "manifest.json").read_text())
    assert entries["last"]["file"] == "../out.fits"


def test_nothing_is_kept_without_a_folder(table):
    keep = Checkpoints(None)
    keep.keep("one", "key", table, 1)
    assert keep.find({"one": "key"}) == (None, None)


def test_table_hash_is_of_the_content():
    base = Table({"a": [1.0, 2.0], "b": ["x", "y"]})
    others = [
        Table({"a": [1.0, 3.0], "b": ["x", "y"]}),
        Table({"a": [1.0, 2.0], "c": ["x", "y"]}),
        Table({"a": [1.0, 2.0] * u.m, "b": ["x", "y"]}),
        Table({"a": MaskedColumn([1.0, 2.0], mask=[True, False]), "b": ["x", "y"]}),
        Table({"a": np.array([1.0, 2.0], "f4"), "b": ["x", "y"]}),
        Table({"a": [1.0], "b": ["x"]}),
        base[:0],
    ]
    hashes = {table_hash(table) for table in [base, *others]}
    assert len(hashes) == len(others) + 1
    assert table_hash(base.copy()) == table_hash(base)
    # What is under a mask is nothing.
    one, two = (MaskedColumn([v, 2.0], name="a", mask=[True, False]) for v in (5.0, 6.0))
    assert table_hash(Table([one])) == table_hash(Table([two]))


def test_table_hash_of_coordinates_times_and_objects():
    table = QTable(
        {"c": SkyCoord([1, 2], [3, 4], unit="deg"), "t": Time([2000, 2001], format="jyear")}
    )
    other = table.copy()
    assert table_hash(other) == table_hash(table)
    other["c"] = SkyCoord([1, 2], [3, 5], unit="deg")
    assert table_hash(other) != table_hash(table)
    objects = Table({"o": np.array(["a", None], object)})
    assert table_hash(objects) == table_hash(objects.copy())


def test_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
