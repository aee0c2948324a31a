# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Write files completely or not at all.
"""

import contextlib
import glob
import os
import re
import threading
import time
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_output", "remove_abandoned", "replacing", "replacing_all", "temporary_names"]


def check_output(path, *, overwrite=False):
    """
    Check that a file can be written, before the work whose result it will hold.

    Parameters
    ----------
    path : str or path
        The file.
    overwrite : bool, optional
        Whether it may be replaced.

    Returns
    -------
    path : `~pathlib.Path`

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is False.
    OSError
        If it is a folder, or its folder does not exist or is read-only.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} cannot be written: it is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path} cannot be written: folder {path.parent} is read-only")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; pass overwrite=True to replace it")
    return path


@contextmanager
def replacing(path, *, overwrite=False):
    """
    Write a file under a temporary name, and move it into place once it is complete.

    Parameters
    ----------
    path : str or path
        The file to be written. What it was is kept until the block has ended without an error.
    overwrite : bool, optional
        Whether it may be replaced.

    Yields
    ------
    temporary : `~pathlib.Path`
        Another name in the same folder, with the same suffixes. Nothing of it remains.

    Raises
    ------
    OSError
        As for `check_output`, and if the folder cannot be written or the disk is full.
    """
    with replacing_all([path], overwrite=overwrite) as (temporary,):
        yield temporary


@contextmanager
def replacing_all(paths, *, overwrite=False):
    """
    Write files under temporary names, and move them into place once all are complete.

    Parameters
    ----------
    paths : sequence of str or path
        The files to be written. They are replaced in their order.
    overwrite : bool, optional
        Whether they may be replaced.

    Yields
    ------
    temporaries : list of `~pathlib.Path`
        Other names in the same folders, with the same suffixes. Nothing of them remains.

    Raises
    ------
    OSError
        As for `replacing`.
    """
    paths = [check_output(path, overwrite=overwrite) for path in paths]
    with temporary_names(paths) as temporaries:
        try:
            yield temporaries
            for temporary, path in zip(temporaries, paths, strict=True):
                os.replace(temporary, path)
        except OSError as err:
            if err.filename is None or Path(err.filename) in temporaries:
                # The class stays: a full disk is not a missing folder.
                clear = type(err)(f"{paths[-1]} cannot be written: {err.strerror or err}")
                clear.errno = err.errno
                raise clear from err
            raise


@contextmanager
def temporary_names(paths):
    """
    Give names for files that are being written, unique to the thread.

    Parameters
    ----------
    paths : sequence of `~pathlib.Path`
        Final names of the files.

    Yields
    ------
    temporaries : list of `~pathlib.Path`
        Other names in the same folders, with the same suffixes. Files that have them at the end
        are removed.
    """
    temporaries = [path.with_name(f"{_prefix()}{path.name}") for path in paths]
    _in_use.update(temporaries)
    try:
        yield temporaries
    finally:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)
        _in_use.difference_update(temporaries)


def remove_abandoned(folder, name="", *, min_age_s=0.0):
    """
    Remove what killed processes left of files that they were writing under `temporary_names`.

    Parameters
    ----------
    folder : str or path
        The folder.
    name : str, optional
        First part of the names of the files.
    min_age_s : float, optional
        Files changed less than this number of seconds ago are kept, for folders that several
        machines share. Default: 0, for folders of one machine.
    """
    for path in Path(folder).glob(f".*-{glob.escape(name)}*"):
        found = _TEMPORARY.match(path.name)
        if found and found[2].startswith(name) and path not in _in_use:
            process = int(found[1])
            if process != os.getpid() and _is_alive(process):
                continue
            with contextlib.suppress(FileNotFoundError):
                if not min_age_s or time.time() - path.stat().st_mtime > min_age_s:
                    path.unlink()


# Temporary names that this process writes now.
_in_use = set()
# Files with such a name may be replaced by way of another.
_TEMPORARY = re.compile(r"(?:\.(\d+)-\d+-)+(.+)", re.DOTALL)


def _prefix():
    return f".{os.getpid()}-{threading.get_ident()}-"


def _is_alive(process):
    if os.name != "posix":
        # Signal 0 would end it elsewhere: its files stay.
        return True
    try:
        os.kill(process, 0)
    except OSError as err:
        # A process of another user is alive.
        return not isinstance(err, ProcessLookupError)
    return True
