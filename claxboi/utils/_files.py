# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Files that are written whole or not at all.
"""

import os
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_output", "replacing"]


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
    Give the name of a new file that takes the place of another once it is complete.

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
    path = check_output(path, overwrite=overwrite)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as err:
        raise OSError(f"{path} cannot be written: {err.strerror or err}") from err
    finally:
        temporary.unlink(missing_ok=True)
