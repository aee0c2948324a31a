# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Write settings as TOML, which Python reads.
"""

import json
import re
from collections.abc import Mapping

from claxboi.utils import InputTypeError

__all__ = ["toml_text"]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(content, comments=None):
    """
    Write nested mappings as TOML.

    Parameters
    ----------
    content : mapping
        Strings, numbers, bools, sequences and mappings of these, under keys that are strings.
    comments : mapping of str to str, optional
        What is written above a key or the header of a table, by its dotted name.

    Returns
    -------
    text : str
        Ends with a line end. `tomllib.loads` gives the content back, tuples as lists.

    Raises
    ------
    TypeError
        If TOML cannot hold a value.
    """
    lines = list(_table(content, (), comments or {}))
    return "\n".join(lines).strip("\n") + "\n"


def _table(content, path, comments):
    # A key below a header belongs to it, so plain values come before tables.
    for is_table in (False, True):
        for key, value in content.items():
            if (isinstance(value, Mapping) and len(value) > 0) is not is_table:
                continue
            own = (*path, key)
            if is_table:
                yield ""
            if comment := comments.get(".".join(own)):
                yield from (f"# {line}" for line in comment.splitlines())
            if is_table:
                yield f"[{'.'.join(map(_key, own))}]"
                yield from _table(value, own, comments)
            else:
                yield f"{_key(key)} = {_value(value)}"


def _key(key):
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _value(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        # repr gives each float back to the last bit, and inf and nan as TOML has them.
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        parts = ", ".join(f"{_key(key)} = {_value(part)}" for key, part in value.items())
        return f"{{ {parts} }}" if parts else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    raise InputTypeError(f"TOML cannot hold {value!r}")


def _string(text):
    # The escapes of JSON are those of TOML, but JSON leaves the control character DEL as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
