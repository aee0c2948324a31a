# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Identify sources by their identifiers and positions, never by their values.
"""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.units import UnitConversionError
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from claxboi.counterparts import sky_pairs
from claxboi.utils import (
    ClaxboiWarning,
    InputTypeError,
    InputValueError,
    check_columns,
    float_values,
    read_unit,
    text_values,
)

__all__ = [
    "ID_COLUMN",
    "OTHER_POSITION",
    "POSITION_COLUMNS",
    "Identity",
    "IdentityWarning",
    "Match",
    "id_column",
    "identity_columns",
    "join_groups",
    "mix",
    "read_identity",
]

#: The identifier of a source, where no other column is named.
ID_COLUMN = "source_id"

#: The position of a source, in degrees.
POSITION_COLUMNS = ("ra", "dec")

#: Positions within this are one source.
SAME_POSITION = 0.2 * u.arcsec

#: Positions within this may be one source, measured twice.
NEAR_POSITION = 2 * u.arcsec

#: Farther apart than this are two sources, whatever their identifiers: a running number, say.
OTHER_POSITION = 1 * u.arcmin

#: A source with more rows than this is a column that does not identify sources.
MOST_ROWS = 1000

#: The letters at each place of a name made by `claxboi.catalog.designations`.
_DESIGNATION = ("J", *["0123456789"] * 6, ".", "0123456789", "+-", *["0123456789"] * 6)

#: Size of the cells by which positions are dealt to folds, in radians: the last digits of a
#: position, which a file may have lost, rarely matter, and a single field has many cells.
FOLD_CELL = 1e-4


class IdentityWarning(ClaxboiWarning):
    """
    It is uncertain which sources of a table trained the model.
    """


@dataclass
class Match:
    """
    The rows of a table that are sources of a training sample.

    Attributes
    ----------
    rows : `~numpy.ndarray` of int, shape (n,)
        A row of the training sample, -1 for a new source.
    compared : tuple of str
        What both have: "identifiers", "positions".
    n_near : int
        New sources within 2 arcsec of a training source that the table does not have.
    n_moved : int
        Sources with the identifier of a training source 2 arcsec to 1 arcmin away.
    n_far : int
        New sources with the identifier of a training source more than 1 arcmin away.
    """

    rows: np.ndarray
    compared: tuple
    n_near: int = 0
    n_moved: int = 0
    n_far: int = 0


class Identity:
    """
    The identifiers and positions of the rows of a table.

    Parameters
    ----------
    n : int
        Number of rows.
    ids : `~numpy.ndarray` of str, shape (n,), optional
        Identifiers, empty where missing.
    positions : `~numpy.ndarray` of shape (2, n), optional
        Right ascension and declination in degrees, NaN where missing.
    """

    def __init__(self, n, ids=None, positions=None):
        self.n = n
        self.ids = ids if ids is not None and (ids != "").any() else None
        known = None if positions is None else np.isfinite(positions).all(axis=0)
        self.positions = positions if known is not None and known.any() else None
        self._has_id = np.zeros(n, bool) if self.ids is None else self.ids != ""
        self._has_position = np.zeros(n, bool) if self.positions is None else known
        # A name made from a position changes where a digit of it does, and two sources that are
        # one have two such names: where the position itself is there, it counts.
        is_made = self._has_position.copy()
        is_made[is_made] = False if self.ids is None else _are_designations(self.ids[is_made])
        self._is_made = is_made
        self._is_named = self._has_id & ~is_made

    def __getitem__(self, rows):
        return Identity(
            len(np.arange(self.n)[rows]),
            None if self.ids is None else self.ids[rows],
            None if self.positions is None else self.positions[:, rows],
        )

    def __bool__(self):
        return self.ids is not None or self.positions is not None

    def sources(self):
        """
        Return the number of the source of each row: one for each identifier, else position.

        Returns
        -------
        source : `~numpy.ndarray` of int, shape (n,)

        Raises
        ------
        ValueError
            If more than 1000 rows are one source.
        """
        source = np.arange(self.n)
        if self.ids is not None:
            _, first, number = np.unique(self.ids, return_index=True, return_inverse=True)
            source = np.where(self._has_id, first[number], source)
        # A position only counts where there is no identifier of its own.
        if self.positions is not None and not self._is_named.all():
            here = self._join_positions(source)
            source = join_groups(source, here) if self._is_made.any() else here
        _, source, count = np.unique(source, return_inverse=True, return_counts=True)
        if len(count) and count.max() > MOST_ROWS:
            row = int(np.argmax(source == count.argmax()))
            what = f"identifier {str(self.ids[row])!r}" if self._has_id[row] else "one position"
            raise InputValueError(
                f"{count.max()} rows have {what}, which does not identify sources: name another "
                "column with id="
            )
        return source

    def _join_positions(self, source):
        rows = np.flatnonzero(self._has_position)
        places, first, place = np.unique(
            self.positions[:, rows], axis=1, return_index=True, return_inverse=True
        )
        place = place.ravel()
        coords = _coords(places)
        one, other, _ = sky_pairs(coords, coords, SAME_POSITION)
        links = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(first), len(first)))
        spot = connected_components(links, directed=False)[1][place]
        # Two identifiers at one spot are two sources: rows without one belong to the first.
        nameless = ~self._is_named[rows]
        owner = np.full(len(first), self.n)
        named = np.flatnonzero(~nameless)
        np.minimum.at(owner, spot[named], source[rows[named]])
        free = owner == self.n
        lowest = np.full(len(first), self.n)
        np.minimum.at(lowest, spot, source[rows])
        owner[free] = lowest[free]
        source = source.copy()
        source[rows[nameless]] = owner[spot[nameless]]
        return source

    def keys(self, source):
        """
        Return a number of each source that depends on its identity alone.

        Parameters
        ----------
        source : `~numpy.ndarray` of int, shape (n,)
            From `sources`.

        Returns
        -------
        keys : `~numpy.ndarray` of uint64, shape (n,)
            The same on any machine; of rows without identifier and position, that of the row.
        """
        keys = mix(np.zeros(self.n, np.uint64), np.arange(self.n, dtype=np.uint64))
        rows = np.flatnonzero(self._has_position & ~self._is_named)
        if len(rows):
            cells = np.round(_unit_vectors(self.positions[:, rows]) / FOLD_CELL).astype(np.int64)
            own = np.zeros(len(rows), np.uint64)
            for cell in cells:
                own = mix(own, cell.view(np.uint64))
            keys[rows] = own
        rows = np.flatnonzero(self._is_named)
        if len(rows):
            keys[rows] = _text_keys(self.ids[rows])
        lowest = np.full(self.n, np.iinfo(np.uint64).max)
        np.minimum.at(lowest, source, keys)
        return lowest[source]

    def match(self, training):
        """
        Find the rows that are sources of a training sample.

        Parameters
        ----------
        training : `Identity`
            The training sample.

        Returns
        -------
        match : `Match`
        """
        rows = np.full(self.n, -1)
        by_id = self.ids is not None and training.ids is not None
        by_position = self.positions is not None and training.positions is not None
        compared = (("identifiers", by_id), ("positions", by_position))
        result = Match(rows, tuple(name for name, is_there in compared if is_there))
        if by_id:
            here, there = np.flatnonzero(self._has_id), np.flatnonzero(training._has_id)
            rows[here] = _find(self.ids[here], training.ids[there], there)
        if not by_position:
            return result
        named = np.flatnonzero((rows >= 0) & self._has_position)
        named = named[training._has_position[rows[named]]]
        if len(named):
            far = _coords(self.positions[:, named]).separation(
                _coords(training.positions[:, rows[named]])
            )
            is_other = far > OTHER_POSITION
            result.n_far = int(np.count_nonzero(is_other))
            result.n_moved = int(np.count_nonzero((far > NEAR_POSITION) & ~is_other))
            rows[named[is_other]] = -1
        by_name = np.where(self._is_made, rows, -1)
        rows[self._is_made] = -1
        here = np.flatnonzero((rows < 0) & self._has_position)
        there = np.flatnonzero(training._has_position)
        if len(here) == 0:
            return result
        # The larger catalogue comes second: it is the one that is thinned out before the search.
        one, other, separation = sky_pairs(
            _coords(training.positions[:, there]), _coords(self.positions[:, here]), NEAR_POSITION
        )
        order = np.argsort(separation, kind="stable")
        one, other, separation = there[one[order]], here[other[order]], separation[order]
        same = separation <= SAME_POSITION
        row, first = np.unique(other[same], return_index=True)
        rows[row] = one[same][first]
        rows[rows < 0] = by_name[rows < 0]
        # Next to a training source that the table has itself lies a neighbour.
        missed = ~np.isin(one, rows[rows >= 0]) & (rows[other] < 0)
        result.n_near = len(np.unique(other[missed]))
        return result


def _coords(positions):
    return SkyCoord(*positions, unit="deg")


def _unit_vectors(positions):
    ra, dec = np.radians(positions)
    return np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def _find(ids, known, rows):
    """Return the first of the rows that has each identifier, -1 where there is none."""
    # Comparing numbers is much faster than comparing text; the text decides in the end.
    keys, known_keys = _text_keys(ids), _text_keys(known)
    unique, first = np.unique(known_keys, return_index=True)
    place = np.minimum(np.searchsorted(unique, keys), len(unique) - 1)
    hit = np.flatnonzero(unique[place] == keys)
    found = first[place[hit]]
    same = known[found] == ids[hit]
    result = np.full(len(ids), -1)
    result[hit[same]] = rows[found[same]]
    return result


def _are_designations(texts):
    """Find names such as J004244.3+411608 and J004244.3+411608-2."""
    texts = np.ascontiguousarray(texts)
    if not len(texts) or texts.dtype.itemsize < 4 * len(_DESIGNATION):
        return np.zeros(len(texts), bool)
    letters = texts.view(np.uint32).reshape(len(texts), -1)
    head, tail = letters[:, : len(_DESIGNATION)], letters[:, len(_DESIGNATION) :]
    is_one = np.ones(len(texts), bool)
    for column, place in zip(head.T, _DESIGNATION, strict=True):
        is_one &= np.isin(column, [ord(letter) for letter in place])
    return is_one & np.isin(tail[:, :1], [0, ord("-")]).all(axis=1)


def _text_keys(texts):
    texts = np.ascontiguousarray(texts)
    letters = texts.view(np.uint32).reshape(len(texts), -1)
    keys = np.zeros(len(texts), np.uint64)
    for column in letters.T:
        # Beyond the end of a text there are zeros, as many as the longest one has more.
        np.copyto(keys, mix(keys, column.astype(np.uint64)), where=column != 0)
    return keys


def join_groups(one, other):
    """
    Join rows that are together by either of two groupings.

    Parameters
    ----------
    one, other : `~numpy.ndarray` of int, shape (n,)
        Number of the group of each row.

    Returns
    -------
    group : `~numpy.ndarray` of int, shape (n,)
    """
    one, other = (np.unique(part, return_inverse=True)[1] for part in (one, other))
    n_one, n_other = one.max(initial=-1) + 1, other.max(initial=-1) + 1
    size = n_one + n_other
    links = coo_array((np.ones(len(one), bool), (one, other + n_one)), shape=(size, size))
    return connected_components(links, directed=False)[1][one]


def id_column(table, id=None, *, name="table"):
    """
    Find the column that identifies the sources of a table.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    id : str, optional
        Name of the column. Default: ``source_id`` in any case, where there is one.
    name : str, optional
        Name of the table argument.

    Returns
    -------
    column : str or None

    Raises
    ------
    TypeError
        If ``id`` is not a name.
    KeyError
        If the table has no such column.
    """
    if id is None:
        return next((c for c in table.colnames if c.lower() == ID_COLUMN), None)
    if not isinstance(id, str):
        raise InputTypeError(f"id must be the name of a column, got {id!r}")
    check_columns(table, [id], name)
    return id


def identity_columns(names, id=None):
    """
    List the columns that `read_identity` reads.

    Parameters
    ----------
    names : sequence of str
        Names of the columns of a table.
    id : str, optional
        The column with the identifiers, where it is not ``source_id``.

    Returns
    -------
    columns : list of str
    """
    ids = [id] if id in names else [name for name in names if name.lower() == ID_COLUMN][:1]
    return ids + [name for name in names if name in POSITION_COLUMNS]


def read_identity(table, id=None, *, name="table"):
    """
    Read the identifiers and the positions of the sources of a table.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table. Its position is in ``ra`` and ``dec``, in any case, or in a column of
        `~astropy.coordinates.SkyCoord`.
    id : str, optional
        Name of the column with the identifiers, see `id_column`.
    name : str, optional
        Name of the table argument.

    Returns
    -------
    identity : `Identity`
    """
    column = id_column(table, id, name=name)
    ids = None if column is None else text_values(table, column, name=name)[0]
    return Identity(len(table), ids, _read_positions(table))


def _read_positions(table):
    names = {name.lower(): name for name in reversed(table.colnames)}
    if all(name in names for name in POSITION_COLUMNS):
        try:
            positions = np.array(
                [float_values(table, names[name], unit="deg") for name in POSITION_COLUMNS]
            )
        except (TypeError, UnitConversionError):
            if not all(_has_readable_unit(table[names[name]]) for name in POSITION_COLUMNS):
                raise
            # A property may be called so, and not be a position.
            return None
        positions[:, ~(np.abs(positions[1]) <= 90)] = np.nan
        return positions
    for column in table.columns.values():
        if isinstance(column, SkyCoord) and column.ndim == 1:
            return np.array([column.icrs.ra.deg, column.icrs.dec.deg])
    return None


def _has_readable_unit(column):
    try:
        read_unit(getattr(column, "unit", None))
    except ValueError:
        return False
    return True


def mix(keys, numbers):
    """
    Mix numbers into keys: the finaliser of splitmix64 (Steele et al. 2014, OOPSLA).

    Parameters
    ----------
    keys, numbers : `~numpy.ndarray` of uint64
        Of one shape.

    Returns
    -------
    keys : `~numpy.ndarray` of uint64
    """
    keys = (keys ^ numbers) + np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
