# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Replace Python arguments in messages by the settings of the job.
"""

import re
from collections import Counter
from dataclasses import fields, is_dataclass
from functools import cache

from claxboi.catalog import describe

from .settings import PipelineSettings

__all__ = ["in_settings"]

#: Arguments whose settings have other names.
_OTHERS = {"factor": "hosts.radius"}

#: An argument as it stands in a message, such as ``training=`` or ``pos_error_level='sigma'``, and
#: the function that takes it.
_ARGUMENT = re.compile(
    r"\b([a-z]\w*)=('[^']*'|True\b|False\b|\d+(?:\.\d+)?\b)?(?![{\[(\w\"=])"
    r"( (?:to|of) (?:claxboi\.[\w.]+\w|find_hosts|standardize))?"
)
#: An argument that is a mapping, such as ``units={'RA': 'hourangle'}``.
_TABLE = re.compile(r"\b(columns|units)=\{['\"]([^'\"]*)['\"]: ('[^']*'|\.\.\.)\}")
_NAME = re.compile(r"(?<![-.\w/'])[a-z]+(?:_[a-z]+)+(?![\w.=/'])")


@cache
def _setting_of_argument():
    """Return the setting of each argument that has only one."""
    content = PipelineSettings().to_dict()
    pairs = [
        (name, f"{section}.{name}")
        for section, values in content.items()
        if section not in ("counterparts", "references") and isinstance(values, dict)
        for name in values
    ]
    counts = Counter(name for name, _ in pairs)
    return {name: path for name, path in pairs if counts[name] == 1} | _OTHERS


@cache
def _flags():
    """Return the settings that may be true or false."""
    settings = PipelineSettings()
    return {
        f"{section.name}.{field.name}"
        for section in fields(settings)
        if is_dataclass(getattr(settings, section.name))
        for field in fields(getattr(settings, section.name))
        if "bool" in str(field.type)
    }


def in_settings(text):
    """
    Replace the Python arguments in a message by the settings of the job.

    Parameters
    ----------
    text : str
        The message.

    Returns
    -------
    text : str

    Examples
    --------
    >>> from claxboi.pipeline.setting_names import in_settings
    >>> in_settings("pass training= for another one")
    'set classification.training for another one'
    >>> in_settings("pass factor=1.5 to find_hosts")
    'set hosts.radius = 1.5'
    """
    settings = _setting_of_argument()

    def replaced(match):
        if match[1] not in settings:
            return match[0]
        value = (match[2] or "").replace("'", '"')
        if value in ("True", "False"):
            # An argument of another function may have the name of a setting.
            if settings[match[1]] not in _flags():
                return match[0]
            value = value.lower()
        return f"{settings[match[1]]} = {value}" if value else settings[match[1]]

    def named(match):
        # Columns of the table have such names, too.
        is_column = describe(match[0]) is not None
        return match[0] if is_column else settings.get(match[0], match[0])

    text = _TABLE.sub(r'catalogue.\1 = { "\2" = \3 }', text)
    text = _NAME.sub(named, _ARGUMENT.sub(replaced, text))
    return re.sub(r"\b(pass|say) (?=[a-z]+\.[a-z_]+\b)", "set ", text)
