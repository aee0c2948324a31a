# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Declare, check and describe the parts of the settings.
"""

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import MISSING, field, fields
from typing import get_args, get_type_hints

from claxboi.utils import (
    InputTypeError,
    InputValueError,
    check_choice,
    check_count,
    check_number,
)

__all__ = []

#: Types of settings, for the documentation and for messages.
_KINDS = {
    bool: "bool",
    float: "float",
    int: "int",
    str: "str",
    tuple: "sequence of str",
    Mapping: "mapping",
}
_WORDS = {
    bool: "true or false",
    float: "a number",
    int: "an integer",
    str: "a text",
    tuple: "a list of texts",
    Mapping: "a table",
}


def setting(default, comment, *kinds, choices=(), **limits):
    """
    Declare a setting.

    Parameters
    ----------
    default : object
        Its default.
    comment : str
        What it means, for the file.
    *kinds : type
        What it may be. Default: what its default is.
    choices : sequence of str, optional
        What a text may be.
    **limits
        ``minimum``, ``maximum`` and ``exclusive`` of a number.

    Returns
    -------
    field : `dataclasses.Field`
    """
    facts = {
        "comment": comment,
        "kinds": kinds or (Mapping if isinstance(default, dict) else type(default),),
        "choices": choices,
        "limits": limits,
    }
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=facts)
    return field(default=default, metadata=facts)


def setting_of(function, parameter, comment, *kinds, unit=None, **options):
    """
    Declare a setting with the default of a parameter of a function; None becomes empty text.

    Parameters
    ----------
    function : callable
        The function that the setting is for.
    parameter : str
        The parameter.
    comment, *kinds
        As for `setting`.
    unit : `~astropy.units.Unit`, optional
        Unit of the setting, where the parameter is a quantity.
    **options
        As for `setting`.

    Returns
    -------
    field : `dataclasses.Field`
    """
    default = inspect.signature(function).parameters[parameter].default
    if default is None:
        default = ""
    if unit is not None:
        default = float(default.to_value(unit))
    return setting(default, comment, *kinds, **options)


class Section:
    """
    Base of all sections of the settings: each value is checked against its declaration.
    """

    def __post_init__(self):
        for one in fields(self):
            if one.metadata:
                value = _checked(getattr(self, one.name), one.name, one.metadata)
                object.__setattr__(self, one.name, value)


def described(section):
    """
    Add the settings of a section to its docstring, with the comments of the TOML file.

    Parameters
    ----------
    section : type
        The part, a dataclass.

    Returns
    -------
    section : type
        The same.
    """
    lines = ["Parameters", "----------"]
    for one in fields(section):
        kinds = " or ".join(_KINDS[kind] for kind in one.metadata["kinds"])
        default = {} if one.default is MISSING else one.default
        lines += [
            f"{one.name} : {kinds}, optional",
            f"    {one.metadata['comment']}. Default: {default!r}.",
        ]
    before, title, after = inspect.cleandoc(section.__doc__).partition("Examples\n--------\n")
    section.__doc__ = "\n".join([before.rstrip(), "", *lines, "", title + after])
    return section


def _checked(value, name, facts):
    kinds = facts["kinds"]
    if isinstance(value, list):
        value = tuple(value)
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    exact = [kind for kind in kinds if kind in (bool, int, float)]
    # In Python a bool is an int, but it is not a valid number here.
    if not (type(value) in exact or isinstance(value, tuple({*kinds} - {bool, int, float}))):
        words = " or ".join(_WORDS[kind] for kind in kinds)
        raise InputTypeError(f"{name} must be {words}, got {value!r}")
    if isinstance(value, tuple) and not all(isinstance(part, str) for part in value):
        raise InputTypeError(f"{name} must be a list of texts, got {list(value)!r}")
    if isinstance(value, str) and facts["choices"]:
        return check_choice(value, facts["choices"], name)
    if isinstance(value, float):
        return check_number(value, name, **facts["limits"])
    if isinstance(value, int) and not isinstance(value, bool):
        return check_count(value, name, **facts["limits"])
    return value


def _parts(kind):
    """
    Return the fields of a section that are sections, and those that are sections by name.
    """
    types = get_type_hints(kind)
    single, named = {}, {}
    for one in fields(kind):
        among = get_args(types[one.name])
        part = among[-1] if among else types[one.name]
        if isinstance(part, type) and issubclass(part, Section):
            (named if among else single)[one.name] = part
    return single, named


def parse_section(kind, content, path=""):
    """
    Make a section of nested mappings.

    Parameters
    ----------
    kind : type
        The section.
    content : mapping
        Its settings. What is absent has its default.
    path : str, optional
        What stands before their names in messages.

    Returns
    -------
    section : `Section`
    """
    if not isinstance(content, Mapping):
        raise InputTypeError(f"{path.rstrip('.')} must be a table, got {content!r}")
    known = [one.name for one in fields(kind)]
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
            hint = f"did you mean {path}{near[0]}?" if near else f"it may be {', '.join(known)}"
            raise InputValueError(f"there is no setting {path}{key}: {hint}")
    values = dict(content)
    single, named = _parts(kind)
    for name in values.keys() & single.keys():
        values[name] = parse_section(single[name], values[name], f"{path}{name}.")
    for name in values.keys() & named.keys():
        if not isinstance(values[name], Mapping):
            raise InputTypeError(f"{path}{name} must be a table, got {values[name]!r}")
        values[name] = {
            key: parse_section(named[name], part, f"{path}{name}.{key}.")
            for key, part in values[name].items()
        }
    try:
        return kind(**values)
    except (TypeError, ValueError) as err:
        raise type(err)(f"{path}{err}") from err


def merge_sections(content, changes, kind):
    """
    Apply changes to the settings of a section; tables with keys of the user's are replaced whole.

    Parameters
    ----------
    content, changes : mapping
        All settings of a section, and those that change.
    kind : type
        The section.

    Returns
    -------
    content : dict
    """
    single, named = _parts(kind)
    result = dict(content)
    for key, value in changes.items():
        if key in single and isinstance(value, Mapping):
            result[key] = merge_sections(content[key], value, single[key])
        elif key in named and isinstance(value, Mapping):
            result[key] = content[key] | {
                name: merge_sections(content[key].get(name, {}), part, named[key])
                if isinstance(part, Mapping)
                else part
                for name, part in value.items()
            }
        else:
            result[key] = value
    return result


def section_comments(kind, content, path=""):
    """
    List what the settings of a section mean.

    Parameters
    ----------
    kind : type
        The section.
    content : mapping
        All its settings.
    path : str, optional
        What stands before their names.

    Returns
    -------
    comments : dict of str to str
        By dotted name; that of a section is the first paragraph of its docstring.
    """
    comments = {
        f"{path}{one.name}": one.metadata["comment"] for one in fields(kind) if one.metadata
    }
    single, named = _parts(kind)
    for name, part in (single | named).items():
        comments[f"{path}{name}"] = inspect.cleandoc(part.__doc__).partition("\n\n")[0]
    for name, part in single.items():
        comments |= section_comments(part, content[name], f"{path}{name}.")
    for name, part in named.items():
        for key, own in content[name].items():
            comments |= section_comments(part, own, f"{path}{name}.{key}.")
    return comments
