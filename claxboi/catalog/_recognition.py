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
from astropy.coordinates import SkyCoord
from astropy.time import Time

from claxboi.utils import InputValueError, float_values, read_unit, sky_separation, text_values

from ._values import (
    UNIT_WORDS,
    is_angle_text,
    is_number_text,
    read_angles,
    read_components,
    read_numbers,
    unit_in_name,
)
from .columns import describe

__all__ = [
    "Found",
    "axis_error",
    "error_column",
    "find_columns_by_meaning",
    "find_position",
    "plain",
]

#: Confidence levels in names such as ``Err90``; 63 is what XMM-Newton and eROSITA call
#: ``RADEC_ERR``: the root of the sum of the squares on both axes, sqrt(2) sigma.
_LEVEL = re.compile(r"(?<!\d)(63|68|90|95|99)$")
_LEVELS = {"63": 0.6321205588285577, "68": 0.6827, "90": 0.90, "95": 0.95, "99": 0.99}
_RADIAL = re.compile(r"radec_?err|ra_dec_err", re.IGNORECASE)

#: Designations of X-ray sources.
_DESIGNATION = re.compile(
    r"(\d?xmm\w*|\d?cxo\w*|\d?rxs|\d?rass\w*|\dsxps|lsxps|swift|\d?erass\w*|em\d+|efeds|xmmsl\d?|"
    r"nustar|sax|1es|igr|maxi|ax|ep|wga|1wga|rx|2e|4u|3u|1h|grs|suzaku)\s?[jb]?\s?[\d.+\-]",
    re.IGNORECASE,
)


@functools.cache
def _synonyms():
    path = resources.files("claxboi.catalog") / "data" / "synonyms.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


#: Words in names that say X-ray, and those that say something else than the source.
_XRAY = frozenset(_synonyms()["words"]["xray"].split())
_OTHER = frozenset(_synonyms()["words"]["other"].split())
_CORRECTED = frozenset({"corr", "corrected"})
_NEUTRAL = frozenset({"sc", "src", "source", "sky", "cat", "det", "mean", "ml", "main"})
_FRAMES = ("icrs", "", "deg", "degrees", "j2000", "2000", "fk5")
_FRAME = "|".join(frame for frame in _FRAMES if frame)
_AXES = {
    "ra": re.compile(rf"(ra|alpha|rightascension)((?:{_FRAME})*)"),
    "dec": re.compile(rf"(dec|de|decl|delta|declination)((?:{_FRAME})*)"),
}

#: Positions closer than this for nearly all rows are the same, rounded.
_SAME_ARCSEC = 5.0

#: Median errors of X-ray positions are larger.
_XRAY_ERROR_ARCSEC = 0.3

#: How a column was found that nothing but its unit speaks for.
ALONE = "the only column"

#: Pair of columns by class: X-ray, corrected, the main one by UCD, plain, unknown.
_X, _MAIN, _CORR, _PLAIN, _UNKNOWN, _NOT = 5, 4, 3, 2, 1, 0


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


def _words(name):
    without = re.sub(r"\[.*?\]|\(.*?\)", " ", name)
    words = [word for word in re.split(r"[^0-9A-Za-z]+", (without.strip() or name).lower()) if word]
    # A unit is read with the values.
    return words[:-1] if len(words) > 1 and words[-1] in UNIT_WORDS else words


def level_of(name):
    """
    Return the confidence level that the name of a positional error states.

    Parameters
    ----------
    name : str
        Name of the column, such as ``Err90`` or ``RADEC_ERR``.

    Returns
    -------
    level : float or None
    """
    if _RADIAL.search(name):
        return _LEVELS["63"]
    match = _LEVEL.search("".join(_words(name)))
    return _LEVELS[match[1]] if match else None


def fits(table, own, name):
    """
    Return whether type and unit of a column are those of one of the vocabulary.

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
    unit = _own_unit(column)
    # A unit that cannot be read does not speak against a name: reading the column will say so.
    if unit is None or (name == "ra" and unit == u.h):
        return True
    return unit.is_equivalent(u.Unit(record["unit"]))


def _own_unit(column):
    """
    Return the unit of a column, None where there is none that can be read.
    """
    try:
        return read_unit(getattr(column, "unit", None))
    except ValueError:
        return None


# Positions


class _Pair(NamedTuple):
    ra: tuple[str, ...]
    dec: tuple[str, ...]
    words: tuple[str, ...]
    """What the names say beside the axis."""

    frame: str
    rank: int
    how: tuple[str, str]


def find_position(table):
    """
    Find the position of the X-ray source.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.

    Returns
    -------
    found : list of `Found`
        For ``ra`` and ``dec``; empty if there is no position.
    words : tuple of str
        What the names say beside the axis, which the columns of its error share.

    Raises
    ------
    ValueError
        If several positions are possible; they are listed.
    """
    pairs = _pairs(table)
    best = max((pair.rank for pair in pairs), default=_NOT)
    if best == _NOT:
        return [], ()
    pairs = [pair for pair in pairs if pair.rank == best]
    if len(pairs) > 1:
        pairs = _distinct(table, pairs)
    if len(pairs) > 1:
        pairs = [pair for pair in pairs if _is_xray(table, pair)] or pairs
    if len(pairs) > 1:
        listed = "; ".join(f"{', '.join(pair.ra)} and {', '.join(pair.dec)}" for pair in pairs)
        first = pairs[0]
        raise InputValueError(
            f"the position is ambiguous, it may be {listed}: choose with columns={{'ra': "
            f"{first.ra[0]!r}, 'dec': {first.dec[0]!r}}}"
        )
    pair = pairs[0]
    rule = "sexagesimal" if len(pair.ra) > 1 else "column"
    return [
        Found("ra", pair.ra, pair.how[0], rule),
        Found("dec", pair.dec, pair.how[1], rule),
    ], pair.words


def _pairs(table):
    named, by_ucd = {}, {}
    for own in table.colnames:
        if isinstance(table[own], SkyCoord):
            continue
        for axis in ("ra", "dec"):
            form, ucd = _form(table, own, axis), _ucd(table, own)
            says_so = ucd.lower() in _synonyms()[axis]["ucds"]
            # Reading a column of text takes long.
            if (form is None and not says_so) or not fits(table, own, axis):
                continue
            if form is not None:
                named.setdefault(form, {}).setdefault(axis, own)
            if says_so:
                main = "main" in ucd.lower()
                by_ucd.setdefault(main, {}).setdefault(axis, []).append((own, ucd))
    pairs = [
        _Pair((pair["ra"],), (pair["dec"],), words, frame, _rank(table, words), ("name", "name"))
        for (words, frame), pair in named.items()
        if len(pair) > 1
    ]
    for main, axes in by_ucd.items():
        if len(axes) < len(_AXES) or any(len(columns) > 1 for columns in axes.values()):
            continue
        (ra, *ucds), (dec, last) = axes["ra"][0], axes["dec"][0]
        same = next((pair for pair in pairs if pair.ra == (ra,) and pair.dec == (dec,)), None)
        rank, words = _MAIN if main else _PLAIN, ()
        if same is not None:
            pairs.remove(same)
            words = same.words
            rank = _NOT if same.rank == _NOT else max(rank, same.rank)
        pairs.append(_Pair((ra,), (dec,), words, "", rank, (f"UCD {ucds[0]}", f"UCD {last}")))
    return pairs + _component_pairs(table)


def _form(table, own, axis):
    """
    Split a name into what it says beside the axis, and the frame; None if it is not of the axis.
    """
    pattern = _AXES[axis]
    words = _words(own)
    whole = pattern.fullmatch(plain(own))
    if whole:
        found, rest = whole, ()
    else:
        axes = [(k, match) for k, word in enumerate(words) if (match := pattern.fullmatch(word))]
        if len(axes) == 1:
            k, found = axes[0]
            rest = words[:k] + words[k + 1 :]
        else:
            # An X-ray word without a separator: RAX, xrayRA.
            found, rest = _glued(plain(own), pattern)
        if found is None:
            return None
    frames = [word for word in rest if word in _FRAMES]
    rest = tuple(sorted(word for word in rest if word not in _FRAMES and word not in _NEUTRAL))
    if found[1] in ("alpha", "delta") and not _has_angle(table, own):
        # Shape parameters are called so too.
        return None
    return rest, (found[2] + "".join(frames)) + ("_" if own.startswith("_") else "")


def _glued(name, pattern):
    for word in sorted(_XRAY, key=len, reverse=True):
        for rest in (name.removeprefix(word), name.removesuffix(word)):
            if rest != name and (match := pattern.fullmatch(rest)):
                return match, [word]
    return None, ()


def _has_angle(table, own):
    if table[own].dtype.kind in "SUO":
        return True
    unit = _own_unit(table[own]) or unit_in_name(own, u.deg)
    return unit is not None and unit.is_equivalent(u.deg)


def _xray_words(table):
    """
    Return the words that say X-ray; ``x`` beside ``y`` is what joins of pandas add to names.
    """
    return _XRAY - {"x"} if _is_joined(tuple(table.colnames)) else _XRAY


@functools.lru_cache(maxsize=16)
def _is_joined(names):
    lower = {name.lower() for name in names}
    return any(name.endswith("_x") and f"{name[:-1]}y" in lower for name in lower)


def _rank(table, words):
    if any(word in _OTHER for word in words):
        return _NOT
    if _xray_words(table) & set(words):
        return _X
    if words and all(word in _CORRECTED for word in words):
        return _CORR
    return _UNKNOWN if words else _PLAIN


#: Columns of sexagesimal positions in tables of the CDS and the AAS.
_COMPONENTS = (("rah", "ram", "ras"), ("de-", "ded", "dem", "des"))


def _component_pairs(table):
    lower = {name.lower().replace("de_", "de-"): name for name in table.colnames}
    if not all(name in lower for axis in _COMPONENTS for name in axis):
        return []
    ra, dec = (tuple(lower[name] for name in axis) for axis in _COMPONENTS)
    return [_Pair(ra, dec, (), "components", _PLAIN, ("sexagesimal parts",) * 2)]


def _degrees(table, pair):
    if len(pair.ra) > 1:
        return read_components(table, pair.ra, True), read_components(table, pair.dec, False)
    return read_angles(table, pair.ra[0], True), read_angles(table, pair.dec[0], False)


def _distinct(table, pairs):
    """
    Keep one of those that are the same position in another frame or notation.
    """

    def order(pair):
        known = pair.frame in _FRAMES
        # Numbers have more digits than text.
        is_text = len(pair.ra) > 1 or table[pair.ra[0]].dtype.kind in "SUO"
        return (is_text, not known, _FRAMES.index(pair.frame) if known else 0, pair.frame)

    kept = []
    for pair in sorted(pairs, key=order):
        one = _degrees(table, pair)
        for other in kept:
            separation = sky_separation(*one, *_degrees(table, other))
            known = separation[np.isfinite(separation)]
            if not len(known) or np.quantile(known, 0.9) < _SAME_ARCSEC:
                break
        else:
            kept.append(pair)
    return kept


def _is_xray(table, pair):
    """
    Return whether a designation or the size of an error beside a position says X-ray.
    """
    if not pair.words:
        return False
    for own in table.colnames:
        words = _words(own)
        if not set(pair.words) <= set(words):
            continue
        if table[own].dtype.kind in "SUO" and _is_designation(table, own):
            return True
        error = error_names(table, own, pair.words)
        if error and fits(table, own, "pos_error"):
            values = float_values(table, own, unit=u.arcsec)
            if np.isfinite(values).any() and np.nanmedian(values) > _XRAY_ERROR_ARCSEC:
                return True
    return False


def _is_designation(table, own):
    if table[own].dtype.kind not in "SUO":
        return False
    # The first rows say enough.
    texts, missing = text_values({own: table[own][:100]}, own)
    there = texts[~missing][:10].tolist()
    return bool(there) and all(_DESIGNATION.match(text) for text in there)


# Errors of positions


def error_names(table, own, words):
    """
    Return the name of a positional error without what it says of the source; None if it is not one.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    own : str
        Name of its column.
    words : tuple of str
        Words of the position.

    Returns
    -------
    name : str or None
    """
    names = _synonyms()["pos_error"]["names"]
    if (joined := "".join(_words(own))) in names:
        return joined
    silent = {*_xray_words(table), *words, *_CORRECTED, *_NEUTRAL}
    rest = [word for word in _words(own) if word not in silent]
    return "".join(rest) if "".join(rest) in names else None


def error_column(table, free, words):
    """
    Find the error of the position.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    free : list of str
        The columns that are not taken.
    words : tuple of str
        Words of the position, see `find_position`.

    Returns
    -------
    found : list of `Found`
        At most one.
    """
    named = [own for own in free if error_names(table, own, words)]
    named = [own for own in named if fits(table, own, "pos_error")]
    ucd, by_ucd = _by_ucd(table, free, "pos_error")
    by_ucd = [own for own in by_ucd if fits(table, own, "pos_error")]
    if by_ucd and named:
        by_ucd = [own for own in by_ucd if own in named] or by_ucd
    chosen = by_ucd or named

    def closeness(own):
        said, xray = set(_words(own)), _xray_words(table)
        return (bool(words) and set(words) <= said, bool(said & xray), bool(said & _CORRECTED))

    if len(chosen) > 1:
        best = max(map(closeness, chosen))
        chosen = [own for own in chosen if closeness(own) == best]
    check_single(table, "pos_error", chosen)
    return [Found("pos_error", (own,), f"UCD {ucd}" if ucd else "name") for own in chosen]


_AXIS_ERROR = re.compile(
    r"(?:e|err|error|sigma|unc)(?P<a>ra|de|dec)(?:icrs|j2000|deg)?|"
    r"(?P<b>ra|de|dec)(?:icrs|j2000|deg)?(?:err|error|sigma|unc|uncertainty)"
)


def axis_error(table, free, words):
    """
    Find the errors on both axes, which make the error of the position.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    free : list of str
        The columns that are not taken.
    words : tuple of str
        Words of the position, see `find_position`.

    Returns
    -------
    found : list of `Found`
        At most one, of two columns.
    """
    axes = {"ra": [], "dec": []}
    for own in free:
        silent = {*_xray_words(table), *words}
        rest = "".join(word for word in _words(own) if word not in silent)
        match = _AXIS_ERROR.fullmatch(rest)
        if match and fits(table, own, "pos_error"):
            axes["ra" if (match["a"] or match["b"]) == "ra" else "dec"].append(own)
    if not all(axes.values()):
        return []
    for axis in axes.values():
        check_single(table, "pos_error", axis)
    return [Found("pos_error", (axes["ra"][0], axes["dec"][0]), "errors on both axes", "rms")]


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
        What is wanted, in the vocabulary.

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
        record = _synonyms()[name]
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
    if record.get("alone") and _own_unit(table[own]) is not None:
        return True
    ucds = [ucd.lower() for ucd in record["ucds"]]
    return _is_named(table, own, record["names"]) or _ucd(table, own).lower() in ucds


def _ucd(table, own):
    return str((getattr(table[own], "meta", None) or {}).get("ucd", ""))


def _says_xray(table, own, record):
    return plain(own) in record.get("xray", ()) or bool(set(_words(own)) & _xray_words(table))


def check_rivals(table, free, name, own):
    """
    Check that no X-ray column differs from one that just has the name of the vocabulary.

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
    record, unit = _synonyms()[name], describe(name)["unit"]
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
        return (not unique, not _is_designation(table, own))

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


def _by_ucd(table, fitting, name):
    ucds = {own: _ucd(table, own) for own in fitting}
    for ucd in _synonyms()[name]["ucds"]:
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
    ucd, same = _by_ucd(table, fitting, name)
    if same and name == "source_id":
        return f"UCD {ucd}", list(dict.fromkeys(same + by_name))
    if same:
        # Where the UCD says the same of several, the usual name decides.
        return f"UCD {ucd}", [own for own in by_name if own in same] or same
    if by_name:
        return "name", by_name
    unit = describe(name)["unit"]
    if record.get("alone"):
        alone = [
            own
            for own in fitting
            if _own_unit(table[own]) is not None
            and not _OTHER & set(_words(own))
            and _ucd(table, own).lower().partition("em.")[2][:5] in ("", "x-ray")
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
    words = _words(own)
    if any(word in _OTHER for word in words):
        return plain(own)
    rest = [word for word in words if word not in _xray_words(table)]
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
