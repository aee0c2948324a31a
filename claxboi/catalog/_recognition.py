# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Find the columns of a table that no mission describes: by UCD, name, unit and values.

A name only proposes. Where several columns could be meant, the X-ray one is taken by evidence (its
name, a mission's designation beside it, errors of the size of X-ray errors); else it is an error
that lists them.
"""

import functools
import re
import tomllib
from importlib import resources
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.time import Time

from claxboi.utils import InputValueError, read_unit, text_values

from ._values import (
    UNIT_WORDS,
    is_angle_text,
    is_number_text,
    read_numbers,
)
from .columns import describe

__all__ = [
    "Found",
    "by_ucd",
    "check_rivals",
    "check_single",
    "find_columns_by_meaning",
    "fits",
    "is_designation",
    "own_unit",
    "plain",
    "synonyms",
    "ucd_of",
    "words_of",
    "xray_words",
]

#: Designations of X-ray sources.
_DESIGNATION = re.compile(
    r"(\d?xmm\w*|\d?cxo\w*|\d?rxs|\d?rass\w*|\dsxps|lsxps|swift|\d?erass\w*|em\d+|efeds|xmmsl\d?|"
    r"nustar|sax|1es|igr|maxi|ax|ep|wga|1wga|rx|2e|4u|3u|1h|grs|suzaku)\s?[jb]?\s?[\d.+\-]",
    re.IGNORECASE,
)


@functools.cache
def synonyms():
    path = resources.files("claxboi.catalog") / "data" / "synonyms.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


#: Words in names for X-rays, and for something other than the source.
XRAY = frozenset(synonyms()["words"]["xray"].split())
OTHER = frozenset(synonyms()["words"]["other"].split())

#: Source of a column that was found by its unit alone.
ALONE = "the only column"


class Found(NamedTuple):
    """
    Columns that were found for one of the vocabulary.
    """

    name: str
    sources: tuple[str, ...]
    how: str
    rule: str = "column"


def plain(name):
    """
    Return a name without case, punctuation, and units in brackets.

    Parameters
    ----------
    name : str
        Name of a column.

    Returns
    -------
    name : str
    """
    without = re.sub(r"\[.*?\]|\(.*?\)", "", name)
    return re.sub(r"[^0-9a-z]", "", (without.strip() or name).lower())


def words_of(name):
    without = re.sub(r"\[.*?\]|\(.*?\)", " ", name)
    words = [word for word in re.split(r"[^0-9A-Za-z]+", (without.strip() or name).lower()) if word]
    # A unit is read with the values.
    return words[:-1] if len(words) > 1 and words[-1] in UNIT_WORDS else words


def fits(table, own, name):
    """
    Check that a column has the type and unit of a column of the vocabulary.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    own : str
        Name of its column.
    name : str
        Name in the vocabulary.

    Returns
    -------
    fits : bool
    """
    column, record = table[own], describe(name)
    if isinstance(column, Time):
        return name == "epoch"
    if not hasattr(column, "dtype") or column.ndim != 1:
        return False
    if record["dtype"] == "str":
        return column.dtype.kind in "iuSUO"
    if record["dtype"] == "bool":
        return column.dtype.kind in "biuSUO"
    if name == "epoch" and column.dtype.kind in "SUOM":
        return True
    if column.dtype.kind in "SUO":
        texts, missing = text_values(table, own)
        is_right = is_angle_text if name in ("ra", "dec") else is_number_text
        if missing.all() or not is_right(texts[~missing]):
            return False
    elif column.dtype.kind not in "iuf":
        return False
    unit = own_unit(column)
    # An unreadable unit does not exclude a column: reading the column reports it.
    if unit is None or (name == "ra" and unit == u.h):
        return True
    return unit.is_equivalent(u.Unit(record["unit"]))


def own_unit(column):
    """
    Return the unit of a column, None where there is none that can be read.
    """
    try:
        return read_unit(getattr(column, "unit", None))
    except ValueError:
        return None


def xray_words(table):
    """
    Return the words for X-rays; without ``x`` where a join of pandas added ``_x`` and ``_y``.
    """
    return XRAY - {"x"} if _is_joined(tuple(table.colnames)) else XRAY


@functools.lru_cache(maxsize=16)
def _is_joined(names):
    lower = {name.lower() for name in names}
    return any(name.endswith("_x") and f"{name[:-1]}y" in lower for name in lower)


def is_designation(table, own):
    if table[own].dtype.kind not in "SUO":
        return False
    # The first rows say enough.
    texts, missing = text_values({own: table[own][:100]}, own)
    there = texts[~missing][:10].tolist()
    return bool(there) and all(_DESIGNATION.match(text) for text in there)


# Other columns


def find_columns_by_meaning(table, free, names):
    """
    Find columns by UCD, name and unit.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    free : list of str
        The columns that are not taken.
    names : list of str
        Wanted columns of the vocabulary.

    Returns
    -------
    found : list of `Found`

    Raises
    ------
    ValueError
        If one is ambiguous.
    """
    found = []
    for name in names:
        record = synonyms()[name]
        fitting = [own for own in free if _is_meant(table, own, record) and fits(table, own, name)]
        how, candidates = _candidates(table, fitting, record, name)
        if name == "source_id":
            candidates = _best_identifiers(table, candidates)
        elif len(candidates) > 1:
            candidates = [own for own in candidates if _says_xray(table, own, record)] or candidates
        if candidates and not record.get("ordered"):
            check_single(table, name, candidates)
        if candidates:
            found.append(Found(name, (candidates[0],), how))
            free = [own for own in free if own != candidates[0]]
    return found


def _is_meant(table, own, record):
    if record.get("alone") and own_unit(table[own]) is not None:
        return True
    ucds = [ucd.lower() for ucd in record["ucds"]]
    return _is_named(table, own, record["names"]) or ucd_of(table, own).lower() in ucds


def ucd_of(table, own):
    return str((getattr(table[own], "meta", None) or {}).get("ucd", ""))


def _says_xray(table, own, record):
    return plain(own) in record.get("xray", ()) or bool(set(words_of(own)) & xray_words(table))


def check_rivals(table, free, name, own):
    """
    Check that a column with a name of the vocabulary agrees with those named as X-ray.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    free : list of str
        The columns that are not taken.
    name : str
        Name in the vocabulary.
    own : str
        The column with that name.

    Raises
    ------
    ValueError
        If one does; both are listed.
    """
    record, unit = synonyms()[name], describe(name)["unit"]
    rivals = [
        other
        for other in free
        if _is_named(table, other, record["names"])
        and _says_xray(table, other, record)
        and fits(table, other, name)
    ]
    for other in rivals:
        one, two = (read_numbers(table, column, unit) for column in (own, other))
        if not np.allclose(one, two, rtol=1e-3, atol=0, equal_nan=True):
            check_single(table, name, [own, other])


def _best_identifiers(table, candidates):
    """
    Sort identifier columns: designations of X-ray sources first, then complete and unique ones.
    """

    def rank(own):
        texts, missing = text_values(table, own)
        unique = not missing.any() and len(set(texts.tolist())) == len(texts)
        return (not unique, not is_designation(table, own))

    candidates = [own for own in candidates if _is_identifier(table, own)]
    if len(candidates) < 2:
        return candidates
    return sorted(candidates, key=rank)


def _is_identifier(table, own):
    if table[own].dtype.kind != "f":
        return True
    try:
        text_values(table, own)
    except TypeError:
        return False
    return True


def by_ucd(table, fitting, name):
    ucds = {own: ucd_of(table, own) for own in fitting}
    for ucd in synonyms()[name]["ucds"]:
        same = [own for own in fitting if ucds[own].lower() == ucd.lower()]
        if same:
            return ucd, same
    return "", []


def _candidates(table, fitting, record, name):
    # ``flux_x`` is ``flux`` of X-rays, and ``fluxx``.
    by_name = list(
        dict.fromkeys(
            own for word in record["names"] for own in fitting if _is_named(table, own, (word,))
        )
    )
    ucd, same = by_ucd(table, fitting, name)
    if same and name == "source_id":
        return f"UCD {ucd}", list(dict.fromkeys(same + by_name))
    if same:
        # If several columns have the UCD, the usual name decides.
        return f"UCD {ucd}", [own for own in by_name if own in same] or same
    if by_name:
        return "name", by_name
    unit = describe(name)["unit"]
    if record.get("alone"):
        alone = [
            own
            for own in fitting
            if own_unit(table[own]) is not None
            and not OTHER & set(words_of(own))
            and ucd_of(table, own).lower().partition("em.")[2][:5] in ("", "x-ray")
        ]
        return f"{ALONE} in {unit}", alone
    return "", []


def _is_named(table, own, names):
    """
    Return whether a name is one of the usual ones, as it is or without X-ray words.
    """
    return plain(own) in names or _named(table, own) in names


def _named(table, own):
    """
    Return a name without X-ray words.
    """
    words = words_of(own)
    if any(word in OTHER for word in words):
        return plain(own)
    rest = [word for word in words if word not in xray_words(table)]
    return "".join(rest) if rest else plain(own)


def check_single(table, name, candidates):
    """
    Check that there is one candidate at most.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    name : str
        Name in the vocabulary.
    candidates : list of str
        The columns.

    Raises
    ------
    ValueError
        If there are several; they are listed with their units.
    """
    if len(candidates) > 1:
        units = ", ".join(f"{own!r} ({table[own].unit or 'no unit'})" for own in candidates)
        raise InputValueError(
            f"the column for {name} is ambiguous, it may be {units}: choose with "
            f"columns={{{name!r}: {candidates[0]!r}}}"
        )
