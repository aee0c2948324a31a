# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Find the position of the X-ray source, and its error, in a table that no mission describes.
"""

import re
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi.utils import InputValueError, float_values, sky_separation

from ._recognition import (
    OTHER,
    XRAY,
    Found,
    by_ucd,
    check_single,
    fits,
    is_designation,
    own_unit,
    plain,
    synonyms,
    ucd_of,
    words_of,
    xray_words,
)
from ._values import read_angles, read_components, unit_in_name

__all__ = ["find_position", "find_position_error", "level_of"]

#: Confidence levels in names such as ``Err90``; 63 is what XMM-Newton and eROSITA call
#: ``RADEC_ERR``: the root of the sum of the squares on both axes, sqrt(2) sigma.
_LEVEL = re.compile(r"(?<!\d)(63|68|90|95|99)$")
_LEVELS = {"63": 0.6321205588285577, "68": 0.6827, "90": 0.90, "95": 0.95, "99": 0.99}
_RADIAL = re.compile(r"radec_?err|ra_dec_err", re.IGNORECASE)

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

#: Pair of columns by class: X-ray, corrected, the main one by UCD, plain, unknown.
_X, _MAIN, _CORR, _PLAIN, _UNKNOWN, _NOT = 5, 4, 3, 2, 1, 0


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
    match = _LEVEL.search("".join(words_of(name)))
    return _LEVELS[match[1]] if match else None


class _Pair(NamedTuple):
    ra: tuple[str, ...]
    dec: tuple[str, ...]
    words: tuple[str, ...]
    """Other words in the names."""

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
        Other words in the names, which the columns of its error share.

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
    named, marked = {}, {}
    for own in table.colnames:
        if isinstance(table[own], SkyCoord):
            continue
        for axis in ("ra", "dec"):
            form, ucd = _form(table, own, axis), ucd_of(table, own)
            says_so = ucd.lower() in synonyms()[axis]["ucds"]
            # Reading a column of text takes long.
            if (form is None and not says_so) or not fits(table, own, axis):
                continue
            if form is not None:
                named.setdefault(form, {}).setdefault(axis, own)
            if says_so:
                main = "main" in ucd.lower()
                marked.setdefault(main, {}).setdefault(axis, []).append((own, ucd))
    pairs = [
        _Pair((pair["ra"],), (pair["dec"],), words, frame, _rank(table, words), ("name", "name"))
        for (words, frame), pair in named.items()
        if len(pair) > 1
    ]
    for main, axes in marked.items():
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
    Return the other words and the frame in the name of a coordinate; None for other names.
    """
    pattern = _AXES[axis]
    words = words_of(own)
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
    for word in sorted(XRAY, key=len, reverse=True):
        for rest in (name.removeprefix(word), name.removesuffix(word)):
            if rest != name and (match := pattern.fullmatch(rest)):
                return match, [word]
    return None, ()


def _has_angle(table, own):
    if table[own].dtype.kind in "SUO":
        return True
    unit = own_unit(table[own]) or unit_in_name(own, u.deg)
    return unit is not None and unit.is_equivalent(u.deg)


def _rank(table, words):
    if any(word in OTHER for word in words):
        return _NOT
    if xray_words(table) & set(words):
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
    Keep one pair of columns where several give the same position in another frame or notation.
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
    Check whether a designation or a large error beside a position marks it as the X-ray one.
    """
    if not pair.words:
        return False
    for own in table.colnames:
        words = words_of(own)
        if not set(pair.words) <= set(words):
            continue
        if table[own].dtype.kind in "SUO" and is_designation(table, own):
            return True
        error = _error_name(table, own, pair.words)
        if error and fits(table, own, "pos_error"):
            values = float_values(table, own, unit=u.arcsec)
            if np.isfinite(values).any() and np.nanmedian(values) > _XRAY_ERROR_ARCSEC:
                return True
    return False


# Errors of positions


def _error_name(table, own, words):
    """
    Return the name of a positional error without the words for its source; None for other columns.
    """
    names = synonyms()["pos_error"]["names"]
    if (joined := "".join(words_of(own))) in names:
        return joined
    silent = {*xray_words(table), *words, *_CORRECTED, *_NEUTRAL}
    rest = [word for word in words_of(own) if word not in silent]
    return "".join(rest) if "".join(rest) in names else None


def find_position_error(table, free, words):
    """
    Find the error of the position, in one column or in the errors on both axes.

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

    Raises
    ------
    ValueError
        If it is ambiguous.
    """
    return _error_column(table, free, words) or _axis_errors(table, free, words)


def _error_column(table, free, words):
    named = [own for own in free if _error_name(table, own, words)]
    named = [own for own in named if fits(table, own, "pos_error")]
    ucd, said = by_ucd(table, free, "pos_error")
    said = [own for own in said if fits(table, own, "pos_error")]
    chosen = [own for own in said if own in named] or said or named

    def closeness(own):
        said, xray = set(words_of(own)), xray_words(table)
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


def _axis_errors(table, free, words):
    axes = {"ra": [], "dec": []}
    for own in free:
        silent = {*xray_words(table), *words}
        rest = "".join(word for word in words_of(own) if word not in silent)
        match = _AXIS_ERROR.fullmatch(rest)
        if match and fits(table, own, "pos_error"):
            axes["ra" if (match["a"] or match["b"]) == "ra" else "dec"].append(own)
    if not all(axes.values()):
        return []
    for axis in axes.values():
        check_single(table, "pos_error", axis)
    return [Found("pos_error", (axes["ra"][0], axes["dec"][0]), "errors on both axes", "rms")]
