# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Class schemes: the rules that make a source a member of a class.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING

from claxboi.utils import InputTypeError, InputValueError, check_choice

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["GENERAL", "ClassRule", "class_schemes", "parse_scheme"]

_KEYS = ("kinds", "host", "extent")

#: Kinds of objects that are a part of a more general kind.
GENERAL = {"LMXB": "XRB", "HMXB": "XRB", "ULX": "XRB", "YSO": "star"}


@dataclass(frozen=True)
class ClassRule:
    """
    The rule that makes a source a member of a class.

    Examples
    --------
    >>> from claxboi.training import class_schemes
    >>> rule = class_schemes()["7 classes"][5]
    >>> rule.name, rule.kinds, rule.host
    ('ex_XRB', ('XRB',), True)
    """

    name: str
    """Name of the class."""

    kinds: tuple[str, ...] = ()
    """Kinds of objects that are members: AGN, star (YSO is a part of it), XRB (with its parts
    LMXB, HMXB and ULX), CV, NS, SNR, or your own."""

    host: bool | None = None
    """Whether members lie inside (True) or outside (False) of a galaxy; None: anywhere."""

    extent: bool = False
    """Whether all sources with an extent are members, whatever their labels."""


@functools.cache
def _read():
    path = resources.files("claxboi.training") / "data" / "schemes.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def class_schemes() -> Mapping[str, Sequence[ClassRule]]:
    """
    List the named class schemes of `add_labels`.

    Returns
    -------
    schemes : dict of str to list of `ClassRule`
        By name.

    Examples
    --------
    >>> from claxboi.training import class_schemes
    >>> [rule.name for rule in class_schemes()["7 classes"]]
    ['AGN', 'star', 'gal_XRB', 'CV', 'AGN_2', 'ex_XRB', 'extended']
    """
    return {
        name: [_rule(key, value) for key, value in entry.items() if key != "title"]
        for name, entry in _read().items()
    }


def parse_scheme(scheme):
    """
    Find a class scheme by name, or read the caller's own.

    Parameters
    ----------
    scheme : str or mapping of str to (str, list of str, dict or `ClassRule`)
        Name of a known scheme; or class -> kinds of catalogues, or class -> the fields of a
        `ClassRule`.

    Returns
    -------
    name : str
        Its name, "own" for the caller's.
    rules : list of `ClassRule`
        One per class, with the parts of general kinds that have no class of their own.

    Raises
    ------
    ValueError
        If no scheme has that name, or a rule is not one.
    """
    if isinstance(scheme, str):
        return scheme, _with_parts(class_schemes()[check_choice(scheme, _read(), "scheme")])
    if not isinstance(scheme, Mapping):
        raise InputTypeError(
            "scheme must be the name of a scheme or a mapping from classes to kinds of "
            f"catalogues, got {type(scheme).__name__}"
        )
    if not scheme:
        raise InputValueError("scheme must have at least one class, got an empty mapping")
    rules = [_rule(name, value) for name, value in scheme.items()]
    lower = [rule.name.lower() for rule in rules]
    if len(set(lower)) < len(lower):
        raise InputValueError(
            "scheme must have classes whose names differ in more than case, got "
            f"{', '.join(rule.name for rule in rules)}"
        )
    return "own", _with_parts(rules)


def _with_parts(rules):
    """Add to each general kind the parts of it that no class asks for by name."""
    named = {kind for rule in rules for kind in rule.kinds}
    parts = {part: kind for part, kind in GENERAL.items() if part not in named}
    return [
        replace(
            rule, kinds=rule.kinds + tuple(p for p, kind in parts.items() if kind in rule.kinds)
        )
        for rule in rules
    ]


def _rule(name, value):
    if isinstance(value, ClassRule):
        return value
    if not isinstance(value, Mapping):
        value = {"kinds": value}
    unknown = [key for key in value if key not in _KEYS]
    if unknown:
        raise InputValueError(
            f"class {name!r} of scheme must have no other keys than {', '.join(_KEYS)}, got "
            f"{', '.join(map(repr, unknown))}"
        )
    kinds = value.get("kinds", ())
    if not isinstance(kinds, Iterable):
        raise InputTypeError(f"class {name!r} of scheme must have a list of kinds, got {kinds!r}")
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    extent = bool(value.get("extent", False))
    if extent == bool(kinds):
        raise InputValueError(
            f"class {name!r} of scheme must have either kinds of catalogues or extent, "
            f"got {value!r}"
        )
    return ClassRule(str(name), kinds, value.get("host"), extent)
