# Licensed under a 3-clause BSD style license - see LICENSE.rst
import os
import time

import pytest

from claxboi.utils import ContentStore


@pytest.fixture
def store(tmp_path):
    return ContentStore(tmp_path / "kept")


def keep(store, text, key="key", ending="txt"):
    return store.keep(key, ending, lambda path: path.write_text(text))


def test_the_newest_file_of_a_key_takes_the_place_of_the_others(store):
    first = keep(store, "a")
    assert store.paths("key") == [first]
    assert first.name.startswith("key-")
    assert first.suffix == ".txt"
    second = keep(store, "b", ending="ecsv")
    other = keep(store, "a", key="key-2")
    assert store.paths("key") == [second]
    assert store.paths("key-2") == [other]
    assert keep(store, "b", ending="ecsv") == second
    assert sorted(store.folder.iterdir()) == sorted([second, other])


def test_keys_are_not_patterns(store):
    path = keep(store, "a", key="a[1]*")
    keep(store, "b", key="a1x")
    assert store.paths("a[1]*") == [path]


@pytest.mark.parametrize("content", ["", "half a text", "other text"])
def test_damaged_files_are_not_used(store, content, caplog):
    path = keep(store, "whole text")
    assert store.is_intact(path)
    path.write_text(content)
    assert not store.is_intact(path)
    assert "is damaged" in caplog.text
    # It may be a file that somebody has edited: only a new one replaces it.
    assert path.exists()
    assert store.is_intact(keep(store, "whole text"))


def test_a_file_that_another_process_has_replaced(store, caplog):
    path = keep(store, "a")
    path.unlink()
    assert not store.is_intact(path)
    assert not caplog.text


def test_nothing_remains_of_what_could_not_be_written(store):
    path = keep(store, "a")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        store.keep("key", "txt", fail)
    assert list(store.folder.iterdir()) == [path]


def test_abandoned_files_are_removed_after_a_day(store):
    store.prepare()
    old, new = (store.folder / f".999999999-{k}-key.txt" for k in range(2))
    for path in (old, new):
        path.write_text("x")
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    store.prepare()
    assert list(store.folder.iterdir()) == [new]
