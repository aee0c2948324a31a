# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Links between X-ray catalogues: detections of the same source by several missions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from astropy.table import MaskedColumn, Table
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from claxboi.catalog import designations, make_column
from claxboi.utils import (
    ARCSEC,
    InputTypeError,
    InputValueError,
    check_number,
    check_table,
    pairs_within,
    record,
    sky_offsets,
    warn,
)

from .catalogue_positions import check_catalogue_names, read_covariances, read_positions

__all__ = ["XrayLinks", "link_xray"]

_OWN_COLUMNS = ("master_id", "ra", "dec", "pos_error", "n_catalogues", "is_ambiguous", "group")
# Errors up to this many times the median are searched alike.
_USUAL = 4.0


class XrayLinks(NamedTuple):
    """
    Result of `link_xray`.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import link_xray
    >>> chandra = Table({"ra": [10.0, 20.0], "dec": [0.0, 0.0], "pos_error": [0.5, 0.5]})
    >>> xmm = Table({"ra": [10.0001], "dec": [0.0], "pos_error": [1.0]})
    >>> found = link_xray({"chandra": chandra, "xmm": xmm})
    >>> print(found.sources["chandra", "xmm"])
    chandra xmm
    ------- ---
          0   0
          1  --
    >>> len(found.links)
    1
    """

    sources: Table
    """The sources, one row each."""

    links: Table
    """The links between catalogues, ambiguous ones included, one row each."""


class _Nodes(NamedTuple):
    """
    Rows of all catalogues, one catalogue after the other in order of name.
    """

    catalogue: np.ndarray
    """Number of the catalogue."""

    row: np.ndarray
    """Row in it."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray

    covariance: np.ndarray
    """East-East, East-North and North-North in arcsec2, of shape (3, n)."""


def link_xray(catalogues: Mapping[str, Table], *, n_sigma: tuple = (1, 3)) -> XrayLinks:
    """
    Link detections of the same source in several X-ray catalogues.

    It assumes that no catalogue lists a source twice. The answer depends neither on the order of
    the catalogues nor on that of their rows.

    Parameters
    ----------
    catalogues : mapping of str to `~astropy.table.Table`
        Two or more catalogues by name, with columns ``ra``, ``dec`` (deg) and ``pos_error``
        (arcsec, 1 sigma per axis), or the ellipse ``pos_error_major``, ``pos_error_minor``
        (arcsec), ``pos_error_angle`` (deg, East of North).
    n_sigma : (float, float), optional
        The narrow and the wide radius of a match, in units of the combined error of both
        sources. Default (1, 3): 39 % and 98.9 % of true pairs lie within.

    Returns
    -------
    sources : `~astropy.table.Table`
        One row per source, sorted by ``master_id``: ``master_id`` (designation from the position),
        ``ra``, ``dec``, ``pos_error`` (weighted mean of the linked positions, and its error),
        ``n_catalogues``, ``is_ambiguous`` (whether it has an ambiguous link to another row),
        ``group`` (the same number for all sources that links of any kind connect), and for each
        catalogue the row number in a column of its name, masked where the source is not in it.
    links : `~astropy.table.Table`
        One row per pair of sources within the wide radius: ``catalogue_1, row_1, master_id_1``, the
        same with 2, ``separation`` (arcsec), ``n_sigma`` (the same in units of the combined error),
        ``is_close`` (within the narrow radius), ``is_ambiguous``, ``reason`` ("multiple" or
        "inconsistent", masked where not ambiguous) and ``is_preferred`` (ambiguous, but not if
        only links within the narrow radius counted: what to look at first).

    Raises
    ------
    TypeError
        If ``catalogues`` is not a mapping of tables.
    KeyError
        If a table lacks a column.
    ValueError
        If there are fewer than two catalogues, a name is not usable as a column, a position or
        error is missing or impossible, or the radii are not increasing.

    Notes
    -----
    Two sources of different catalogues are *linked* if they lie within the wide radius. A link is
    *unambiguous* if both its ends have the same neighbourhood: seen from either, the sources linked
    to it, and itself, are the same, no two of them in one catalogue. Being of the same
    neighbourhood is an equivalence, so unambiguous links join into groups in which each source
    is linked to each other, without any further rule. Each group, and each source with no
    unambiguous link, is one row of ``sources``. With two catalogues this is: each source is the
    only one that the other may be.

    All other links are ambiguous and join nothing, so that ratios of fluxes along a row of
    ``sources`` are free of them. The reason is "multiple" if one end is linked to two or more
    sources in the catalogue of the other (a blend, or chance), else "inconsistent": the sources are
    unique to each other, but a third catalogue disagrees, as when a source with a large
    error lies over two others that exclude each other. About 1 % of true pairs lie beyond
    3 sigma, so in three or more catalogues some sources that are one are called inconsistent.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import link_xray
    >>> sharp = Table({"ra": [10.0, 20.0, 20.001], "dec": [0.0, 0.0, 0.0], "pos_error": [0.5] * 3})
    >>> wide = Table({"ra": [10.0002, 20.0004], "dec": [0.0, 0.0], "pos_error": [2.0] * 2})
    >>> sources, links = link_xray({"chandra": sharp, "swift": wide})
    >>> print(sources["master_id", "n_catalogues", "is_ambiguous", "chandra", "swift"])
         master_id      n_catalogues is_ambiguous chandra swift
    ------------------- ------------ ------------ ------- -----
    J004000.00+000000.0            2        False       0     0
    J012000.00+000000.0            1         True       1    --
    J012000.09+000000.0            1         True      --     1
    J012000.24+000000.0            1         True       2    --
    >>> print(links["row_1", "row_2", "is_ambiguous", "reason"])
    row_1 row_2 is_ambiguous  reason
    ----- ----- ------------ --------
        0     0        False       --
        1     1         True multiple
        2     1         True multiple
    """
    names = _check_catalogues(catalogues)
    narrow, wide = _check_n_sigma(n_sigma)
    nodes = _read(catalogues, names)

    first, second, separation, distance = _find_links(nodes, len(names), wide)
    sure = _is_unambiguous(nodes.catalogue, first, second)
    close = distance <= narrow
    preferred = np.zeros(len(first), bool)
    preferred[close] = _is_unambiguous(nodes.catalogue, first[close], second[close])

    source = _components(len(nodes.row), first[sure], second[sure])
    ra, dec, error = _mean_positions(nodes, source)
    ids = designations(ra, dec, decimals=2)
    order = np.argsort(ids)
    ids, ra, dec, error = ids[order], ra[order], dec[order], error[order]
    source = np.argsort(order)[source]
    doubtful = np.zeros(len(ids), bool)
    doubtful[source[first[~sure]]] = doubtful[source[second[~sure]]] = True

    meta = record({}, "xray_links", catalogues=names, n_sigma=[narrow, wide])
    sources = {
        "master_id": ids,
        "ra": ra,
        "dec": dec,
        "pos_error": error,
        "n_catalogues": np.bincount(source, minlength=len(ids)),
        "is_ambiguous": doubtful,
        "group": _components(len(ids), source[first], source[second]),
    }
    reason = np.where(_is_multiple(nodes.catalogue, first, second), "multiple", "inconsistent")
    links = {
        **_link_ends(1, nodes, first, names, ids[source[first]]),
        **_link_ends(2, nodes, second, names, ids[source[second]]),
        "separation": separation,
        "n_sigma": distance,
        "is_close": close,
        "is_ambiguous": ~sure,
        "reason": np.ma.array(reason, mask=sure),
        "is_preferred": preferred & ~sure,
    }
    sources = _table(sources, meta)
    for k, name in enumerate(names):
        sources[name] = _row_column(nodes, source, k, name, len(ids))
    if not len(first):
        warn(f"no two sources of {', '.join(names)} lie within {wide:g} sigma of each other")
    return XrayLinks(sources, _table(links, meta))


def _check_catalogues(catalogues):
    """
    Check the argument and return the names of the catalogues, sorted.
    """
    if not isinstance(catalogues, Mapping):
        raise InputTypeError(
            "catalogues must be a mapping of names to tables, such as "
            f"{{'4XMM': table1, 'CSC2': table2}}, got {type(catalogues).__name__}"
        )
    if len(catalogues) < 2:
        raise InputValueError(f"catalogues must be two or more, got {len(catalogues)}")
    check_catalogue_names(catalogues, _OWN_COLUMNS, "catalogues")
    for name, table in catalogues.items():
        check_table(table, f"catalogues[{name!r}]", allow_empty=True)
    return sorted(catalogues)


def _check_n_sigma(n_sigma):
    if not isinstance(n_sigma, Sequence | np.ndarray) or len(n_sigma) != 2:
        raise InputTypeError(f"n_sigma must be two numbers, narrow and wide, got {n_sigma!r}")
    narrow = check_number(n_sigma[0], "n_sigma[0]", minimum=0, exclusive=True)
    wide = check_number(n_sigma[1], "n_sigma[1]", minimum=narrow)
    return narrow, wide


def _read(catalogues, names):
    parts = []
    for k, name in enumerate(names):
        table, label = catalogues[name], f"catalogues[{name!r}]"
        ra, dec = read_positions(table, label)
        covariance = np.array(read_covariances(table, label).general())
        parts.append((np.full(len(table), k), np.arange(len(table)), ra % 360, dec, covariance))
    return _Nodes(*(np.concatenate(column, axis=-1) for column in zip(*parts, strict=True)))


def _find_links(nodes, n_catalogues, wide):
    """
    Find all pairs of sources of different catalogues within the wide radius.

    Parameters
    ----------
    nodes : `_Nodes`
        The rows of all catalogues.
    n_catalogues : int
        Number of catalogues.
    wide : float
        Largest separation in units of the combined error.

    Returns
    -------
    first, second : `~numpy.ndarray` of int64
        The pairs, ``first`` of the catalogue whose name sorts first; ordered by them.
    separation_arcsec, n_sigma : `~numpy.ndarray`
        Separation, and the same in units of the combined error.
    """
    east2, mixed, north2 = nodes.covariance
    largest = np.sqrt((east2 + north2) / 2 + np.hypot((east2 - north2) / 2, mixed))
    # One source with a large error must not widen the search around all others; but the many
    # of common errors are searched at once.
    usual = _USUAL * np.median(largest) if len(largest) else 1.0
    reach = 2.0 ** np.ceil(np.log2(np.maximum(largest, usual)))
    found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for k1, k2 in combinations(range(n_catalogues), 2):
        one = np.flatnonzero(nodes.catalogue == k1)
        for size in np.unique(reach[nodes.catalogue == k2]):
            two = np.flatnonzero((nodes.catalogue == k2) & (reach == size))
            i, j, separation = pairs_within(
                nodes.ra_deg[one],
                nodes.dec_deg[one],
                nodes.ra_deg[two],
                nodes.dec_deg[two],
                np.minimum(wide * np.hypot(reach[one], size), 180 * 3600.0),
            )
            found.append((one[i], two[j], separation))
    first, second, separation = (np.concatenate(column) for column in zip(*found, strict=True))

    east, north = sky_offsets(
        nodes.ra_deg[first], nodes.dec_deg[first], nodes.ra_deg[second], nodes.dec_deg[second]
    )
    east2, mixed, north2 = nodes.covariance[:, first] + nodes.covariance[:, second]
    # Mahalanobis distance, as a sum of squares: east, then north given east.
    given = north - mixed / east2 * east
    n_sigma = np.hypot(east / np.sqrt(east2), given / np.sqrt(north2 - mixed**2 / east2))
    keep = np.flatnonzero(n_sigma <= wide)
    order = keep[np.lexsort((second[keep], first[keep]))]
    return first[order], second[order], separation[order], n_sigma[order]


def _is_unambiguous(catalogue, first, second):
    """
    Check for each link that both ends have the same neighbourhood, with each catalogue once.

    Parameters
    ----------
    catalogue : `~numpy.ndarray` of shape (n_nodes,)
        Number of the catalogue of each node, ascending.
    first, second : `~numpy.ndarray` of shape (n_links,)
        The links.

    Returns
    -------
    unambiguous : `~numpy.ndarray` of bool, shape (n_links,)
    """
    n_nodes = len(catalogue)
    own = np.arange(n_nodes)
    here, there = np.concatenate([first, second, own]), np.concatenate([second, first, own])
    order = np.lexsort((there, here))
    here, there = here[order], there[order]
    count = np.bincount(here, minlength=n_nodes)
    # A neighbourhood larger than the number of catalogues has one of them twice: it needs no
    # look, so that the neighbourhoods fit into a table however crowded the field is.
    width = catalogue.max(initial=0) + 1
    place = np.arange(len(here)) - (np.cumsum(count) - count)[here]
    fits = (count <= width)[here]
    neighbours = np.full((n_nodes, width), -1)
    neighbours[here[fits], place[fits]] = there[fits]
    twice = (np.diff(catalogue[neighbours], axis=1) == 0) & (neighbours[:, 1:] >= 0)
    good = (count <= width) & ~twice.any(axis=1)
    return good[first] & good[second] & (neighbours[first] == neighbours[second]).all(axis=1)


def _is_multiple(catalogue, first, second):
    width = catalogue.max(initial=0) + 1
    here, there = first * width + catalogue[second], second * width + catalogue[first]
    count = np.bincount(np.concatenate([here, there]), minlength=len(catalogue) * width)
    return (count[here] > 1) | (count[there] > 1)


def _components(n_nodes, first, second):
    """
    Return the number of the connected component of each node, in order of their first nodes.
    """
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(n_nodes, n_nodes))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _mean_positions(nodes, source):
    """
    Average the positions of the members of each source, weighted by their errors.

    Parameters
    ----------
    nodes : `_Nodes`
        The rows of all catalogues.
    source : `~numpy.ndarray` of int64
        The source that each row is a member of.

    Returns
    -------
    ra_deg, dec_deg, error_arcsec : `~numpy.ndarray`
        Position of each source, and the radius of the circle with the area of its error ellipse.
    """
    _, leader, count = np.unique(source, return_index=True, return_counts=True)
    ra, dec = nodes.ra_deg[leader], nodes.dec_deg[leader]

    def total(values):
        return np.bincount(source, values, minlength=len(leader))

    east2, mixed, north2 = nodes.covariance
    determinant = east2 * north2 - mixed**2
    weight_e, weight_m, weight_n = north2 / determinant, -mixed / determinant, east2 / determinant
    east, north = sky_offsets(ra[source], dec[source], nodes.ra_deg, nodes.dec_deg)
    sum_e, sum_m, sum_n = total(weight_e), total(weight_m), total(weight_n)
    pull_e = total(weight_e * east + weight_m * north)
    pull_n = total(weight_m * east + weight_n * north)
    determinant = sum_e * sum_n - sum_m**2
    mean_ra, mean_dec = _displaced(
        ra,
        dec,
        (sum_n * pull_e - sum_m * pull_n) / determinant,
        (sum_e * pull_n - sum_m * pull_e) / determinant,
    )
    # A source of one catalogue keeps its position to the last bit.
    alone = count == 1
    return np.where(alone, ra, mean_ra), np.where(alone, dec, mean_dec), determinant**-0.25


def _displaced(ra_deg, dec_deg, east_arcsec, north_arcsec):
    """
    Displace positions by offsets along great circles.
    """
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    distance = np.hypot(east_arcsec, north_arcsec) * ARCSEC
    scale = np.sinc(distance / np.pi)
    east, north = east_arcsec * ARCSEC * scale, north_arcsec * ARCSEC * scale
    out = np.cos(distance) * np.cos(dec) - north * np.sin(dec)
    up = np.cos(distance) * np.sin(dec) + north * np.cos(dec)
    moved_ra = ra + np.arctan2(east, out)
    return np.degrees(moved_ra) % 360, np.degrees(np.arctan2(up, np.hypot(out, east)))


def _link_ends(n, nodes, ends, names, ids):
    return {
        f"catalogue_{n}": np.array(names)[nodes.catalogue[ends]],
        f"row_{n}": nodes.row[ends],
        f"master_id_{n}": ids,
    }


def _row_column(nodes, source, catalogue, name, n_sources):
    row = np.ma.masked_all(n_sources, np.int64)
    members = nodes.catalogue == catalogue
    row[source[members]] = nodes.row[members]
    return MaskedColumn(
        row, description=f"Row of the source in {name}, from 0; masked where it is not in it"
    )


def _table(columns, meta):
    return Table(
        [
            make_column(name, np.ma.getdata(values), mask=getattr(values, "mask", None))
            for name, values in columns.items()
        ],
        meta=meta,
    )
