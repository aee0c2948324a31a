# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Reference catalogues of a job: files of the user, or catalogues on services.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.table import Table

from claxboi.catalog import missions, standardize
from claxboi.io import read_table
from claxboi.references import Reference, get_reference, load_records
from claxboi.utils import InputTypeError, InputValueError, file_hash, table_hash, text_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

__all__ = ["AROUND_SOURCES", "FEW_SOURCES", "References", "find_references"]

#: For fewer sources a mission's catalogue is queried around them; for more it is fetched whole.
FEW_SOURCES = 2000
#: Radius of the query for sources of other missions that may be linked to a source.
AROUND_SOURCES = 60 * u.arcsec


class References:
    """
    Catalogues by name, each read once.

    Parameters
    ----------
    own : mapping of str to `~astropy.table.Table`, str, path or `~claxboi.references.Reference`
        Catalogues to use instead of known ones, or in addition.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    TypeError
        If a catalogue is not one of these.
    """

    def __init__(self, own):
        self.own = dict(own)
        self._read, self._content = {}, {}
        for name, source in self.own.items():
            if isinstance(source, (str, os.PathLike)):
                if not Path(source).exists():
                    raise FileNotFoundError(f"there is no file {source} for reference {name!r}")
            elif not isinstance(source, (Table, Reference)):
                raise InputTypeError(
                    f"references must be tables, files or Reference objects, got "
                    f"{type(source).__name__} for {name!r}"
                )

    def get(self, name):
        """
        Find a catalogue.

        Parameters
        ----------
        name : str
            Short name, or another argument of `~claxboi.references.get_reference`.

        Returns
        -------
        reference : `~claxboi.references.Reference`
        """
        if name not in self._read:
            if name in self.own:
                like = name if name in load_records() else None
                self._read[name] = get_reference(self.own[name], name=name, like=like)
            else:
                self._read[name] = get_reference(name)
        return self._read[name]

    def xray(self, mission, coords, fetch):
        """
        Find the catalogue of another X-ray mission, under the column names of claxboi.

        Parameters
        ----------
        mission : str
            Name of the mission.
        coords : `~astropy.coordinates.SkyCoord`
            The sources to query around; the whole catalogue may be returned.
        fetch : dict
            Keywords of `~claxboi.references.Reference.query`.

        Returns
        -------
        table : `~astropy.table.Table`
        """
        if mission not in self._read:
            if mission in self.own:
                source = self.own[mission]
                raw = source if isinstance(source, Table) else read_table(source)
            else:
                raw = _fetch_mission(mission, coords, fetch)
            self._read[mission] = standardize(raw, mission, overwrite=True)
        return self._read[mission]

    def forget(self, names):
        """
        Release the memory of catalogues.

        Parameters
        ----------
        names : iterable of str
            Their names. They are read again when needed.
        """
        for name in names:
            self._read.pop(name, None)

    def content(self, name):
        """
        Return the hash of a catalogue: of its file or table, or of its definition on a service.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        content : str
        """
        if name not in self._content:
            self._content[name] = self._find_content(name)
        return self._content[name]

    def _find_content(self, name):
        source = self.own.get(name, name)
        if isinstance(source, Table):
            return table_hash(source)
        if isinstance(source, Reference):
            return source.content
        path = Path(source)
        if path.is_file():
            return file_hash(path)
        if path.is_dir():
            return str(path.resolve())
        if name in missions():
            known = missions()[name]
            return get_reference(known.reference).content if known.reference else repr(known)
        return self.get(name).content

    def describe(self, name):
        """
        Return the origin of a catalogue.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        entry : dict of str to str
            ``source``, and ``sha256`` of a file or a table.
        """
        source = self.own.get(name, name)
        if isinstance(source, Table):
            return {"source": "a table", "sha256": self.content(name)}
        if isinstance(source, Reference):
            return {"source": ", ".join(source.record.services)}
        if Path(source).exists():
            return {"source": str(source), "sha256": self.content(name)}
        services = ("vizier",) if name in missions() else self.get(name).record.services
        return {"source": ", ".join(services)}

    def has(self, mission):
        """
        Return whether the catalogue of an X-ray mission is available.

        Parameters
        ----------
        mission : str
            Name of the mission.

        Returns
        -------
        has : bool
        """
        return mission in self.own or bool(missions()[mission].reference)


def _fetch_mission(mission, coords, fetch):
    """Fetch a mission's catalogue, with its column names on VizieR."""
    reference = get_reference(missions()[mission].reference)
    if len(coords) < FEW_SOURCES:
        raw = reference.query(coords, radius=AROUND_SOURCES, **fetch)
        raw = raw[np.unique(text_values(raw, "id")[0], return_index=True)[1]]
    else:
        raw = reference.fetch_all(cache=fetch["cache"], max_age=fetch["max_age"])
    columns = reference.record.columns_on("vizier")
    names = [name for name in raw.colnames if name in columns]
    raw.keep_columns(names)
    raw.rename_columns(names, [columns[name].names["vizier"] for name in names])
    return raw


def find_references(folder: str | PathLike[str]) -> Mapping[str, Path]:
    """
    Find the files in a folder that are named after reference catalogues.

    Parameters
    ----------
    folder : str or path
        The folder.

    Returns
    -------
    files : dict of str to `~pathlib.Path`
        File of each catalogue.

    Raises
    ------
    ValueError
        If a catalogue has two files, or there is no such file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from astropy.table import Table
    >>> from claxboi.pipeline import find_references
    >>> Path("mine").mkdir()
    >>> Table({"ra": [10.0], "dec": [5.0]}).write("mine/gaia.ecsv")
    >>> list(find_references("mine"))
    ['gaia']
    """
    known = {*load_records(), *missions()}
    files = {}
    for path in sorted(Path(folder).iterdir()):
        name = path.name.removesuffix(".gz")
        name = name[: name.rfind(".")] if "." in name else name
        if path.is_file() and name in known:
            if name in files:
                raise InputValueError(
                    f"folder {folder} has two files of {name}: {files[name]}, {path}"
                )
            files[name] = path
    if not files:
        raise InputValueError(
            f"folder {folder} has no file named after a catalogue, such as gaia.fits; known ones "
            f"are {', '.join(sorted(known))}"
        )
    return files
