# Licensed under a 3-clause BSD style license - see LICENSE.rst
import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from claxboi.utils import remove_abandoned, replacing, replacing_all


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_all_or_nothing(tmp_path):
    paths = [tmp_path / name for name in ("a.fits", "b.txt")]
    for text in ("old", "new"):
        with replacing_all(paths, overwrite=True) as temporaries:
            for temporary in temporaries:
                temporary.write_text(text)
                assert temporary.suffix in (".fits", ".txt")
    with pytest.raises(TypeError), replacing_all(paths, overwrite=True) as temporaries:
        [path.write_text(text) for path, text in zip(temporaries, ["half", 3], strict=True)]
    assert [path.read_text() for path in paths] == ["new", "new"]
    assert names(tmp_path) == ["a.fits", "b.txt"]
    with pytest.raises(FileExistsError, match=r"a\.fits exists already"), replacing_all(paths):
        pass


def test_threads_have_names_of_their_own(tmp_path):
    path = tmp_path / "a.txt"

    def write(k):
        with replacing(path, overwrite=True) as temporary:
            temporary.write_text(chr(ord("A") + k % 26) * 1000)
        return len(set(path.read_text()))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(100), chunksize=1)) == {1}
    assert names(tmp_path) == ["a.txt"]


def test_the_class_of_an_error_survives(tmp_path):
    with (
        pytest.raises(OSError, match=r"a\.txt cannot be written: No space") as info,
        replacing(tmp_path / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert info.value.errno == errno.ENOSPC
    with (
        pytest.raises(FileNotFoundError, match=r"other\.txt"),
        replacing(tmp_path / "a.txt"),
    ):
        (tmp_path / "other.txt").read_text()
    with (
        pytest.raises(FileNotFoundError, match=r"a\.txt cannot be written"),
        replacing(tmp_path / "a.txt"),
    ):
        # Nothing was written.
        pass


@pytest.mark.skipif(os.name != "posix", reason="processes are told apart on POSIX")
def test_what_a_killed_process_left_is_removed(tmp_path):
    script = (
        "import os, sys\n"
        "from claxboi.utils import replacing\n"
        "with replacing(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os._exit(1)\n"
    )
    for name in ("out.fits", "out.fits.toml", "other.fits"):
        subprocess.run([sys.executable, "-c", script, tmp_path / name], check=False)
    assert len(names(tmp_path)) == 3
    alive = tmp_path / f".{os.getppid()}-1-out.fits"
    alive.write_text("another process writes this")
    (tmp_path / ".1-hidden").write_text("of somebody else")
    with replacing(tmp_path / "out.fits") as temporary:
        temporary.write_text("this one is being written")
        remove_abandoned(tmp_path, "out.fits")
        assert temporary.exists()
    assert "out.fits" in names(tmp_path)
    left = [name for name in names(tmp_path) if name.startswith(".")]
    assert len(left) == 3
    assert any(name.endswith("-other.fits") for name in left)
    assert alive.name in left
