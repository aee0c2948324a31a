# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Content store: files named by a key and by the checksum of their content.
"""

import contextlib
import glob
import logging
import os
import re
import tempfile
from pathlib import Path

from ._content import file_hash
from ._files import remove_abandoned, temporary_names

__all__ = ["ContentStore"]

log = logging.getLogger(__name__)

_DIGITS = 32
# A process on another machine cannot be asked whether it still writes.
_ABANDONED_S = 86_400.0


class ContentStore:
    """
    A folder of files ``<key>-<checksum>.<ending>``, each written completely or not at all.

    Nothing is changed in place, so processes and machines that share the folder need no locks:
    each writes under a name of its own and moves the complete file to its final name, which states
    the checksum of the content.

    Parameters
    ----------
    folder : str or path
        The folder. It is made once there is something to keep.
    """

    def __init__(self, folder):
        self.folder = Path(folder)

    def prepare(self):
        """
        Check that files can be written, and remove what killed processes left a day ago.

        Raises
        ------
        OSError
            If they cannot.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.folder) as file:
            file.write(b"x")
        remove_abandoned(self.folder, min_age_s=_ABANDONED_S)

    def paths(self, key):
        """
        List the files of a key, damaged ones included.

        Parameters
        ----------
        key : str
            What was asked.

        Returns
        -------
        paths : list of `~pathlib.Path`
            In the order of their names.
        """
        name = re.compile(re.escape(key) + rf"-[0-9a-f]{{{_DIGITS}}}\.\w+")
        found = self.folder.glob(f"{glob.escape(key)}-*")
        return sorted(path for path in found if name.fullmatch(path.name))

    def is_intact(self, path):
        """
        Check that a file still has the content that its name states.

        Parameters
        ----------
        path : `~pathlib.Path`
            The file.

        Returns
        -------
        is_intact : bool
            False if another process has just replaced it, or if it is damaged, which is logged.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        try:
            is_intact = file_hash(path)[:_DIGITS] == path.stem.rpartition("-")[2]
        except FileNotFoundError:
            return False
        if not is_intact:
            log.warning("%s is damaged, so it is not used", path)
        return is_intact

    def keep(self, key, ending, write):
        """
        Keep a file, in place of the others of its key.

        Parameters
        ----------
        key : str
            What was asked, as the first part of a file name.
        ending : str
            The last part.
        write : callable
            Writes the file whose name it is given.

        Returns
        -------
        path : `~pathlib.Path`
            The file.

        Raises
        ------
        OSError
            If the disk is full or the folder is read-only. The others are kept then.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        older = self.paths(key)
        with temporary_names([self.folder / f"{key}.{ending}"]) as (temporary,):
            write(temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            path = self.folder / f"{key}-{file_hash(temporary)[:_DIGITS]}.{ending}"
            os.replace(temporary, path)
        for other in older:
            if other != path:
                # Another process may have removed it, or read it now.
                with contextlib.suppress(OSError):
                    other.unlink()
        return path
