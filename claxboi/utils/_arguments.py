# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Check arguments that mean the same in every function, by a decorator.
"""

import functools
import inspect
from collections.abc import Mapping

from ._validation import (
    check_choice,
    check_classes,
    check_count,
    check_flag,
    check_merge,
    check_names,
    check_path,
    check_rng,
    check_text,
    quantity_value,
)
from .exceptions import InputValueError

__all__ = ["by_name", "checked"]


def by_name(value, names, argument, default=None):
    """
    Spread an argument over named tables: one value for all, or a mapping by name.

    Parameters
    ----------
    value : object
        The argument.
    names : iterable of str
        The tables.
    argument : str
        Name of the argument, for messages.
    default : object, optional
        Value for names that a mapping leaves out.

    Returns
    -------
    values : dict of str to object

    Raises
    ------
    ValueError
        If a mapping has another name.

    Examples
    --------
    >>> from claxboi.utils import by_name
    >>> by_name({"gaia": 0.7}, ["gaia", "allwise"], "cutoff", 0.5)
    {'gaia': 0.7, 'allwise': 0.5}
    """
    names = list(names)
    if not hasattr(value, "keys"):
        return dict.fromkeys(names, value)
    for name in value:
        if name not in names:
            if names == [None]:
                raise InputValueError(
                    f"{argument} must not be a mapping, as the one catalogue has no name; got the "
                    f"key {name!r}"
                )
            raise InputValueError(
                f"{argument}: unknown name {name!r} (names: {', '.join(map(str, names))})"
            )
    return {name: value.get(name, default) for name in names}


def _check_cache(value, name):
    return check_choice(value, (True, False, "only"), name)


def _check_age(value, name):
    return quantity_value(value, "s", name, minimum=0)


def _check_column_by_name(value, name):
    """Check the name of a column, or a mapping to such names."""
    for one in value.values() if isinstance(value, Mapping) else [value]:
        check_text(one, name)


def _check_name_or_names(value, name):
    return value if isinstance(value, str) else check_names(value, name)


#: What an argument of a name must be, wherever it occurs. None is right where it is the default.
_CHECKS = {
    "background": check_text,
    "by": check_text,
    "cache": _check_cache,
    "class_column": check_text,
    "class_name": check_text,
    "classes": check_classes,
    "control": check_text,
    "domain": _check_column_by_name,
    "id_column": _check_column_by_name,
    "keep": check_names,
    "label": check_text,
    "log_x": check_flag,
    "log_y": check_flag,
    "max_age": _check_age,
    "merge": check_merge,
    "min_class_size": check_count,
    "n_resamples": functools.partial(check_count, minimum=0),
    "n_xrb": check_text,
    "offsets": check_flag,
    "path": check_path,
    "posterior_error": functools.partial(check_count, minimum=0),
    "rare": _check_name_or_names,
    "rng": check_rng,
    "source_name": check_text,
    "title": check_text,
    "weight": check_text,
    "xrb": check_text,
}


def checked(function):
    """
    Check the common arguments of a function before it runs.

    Checked are all arguments whose default is True or False, and those whose name says what they
    are in every function: ``rng``, ``label``, ``classes``, ``merge``, ``path`` and others.

    Parameters
    ----------
    function : callable
        A public function or method.

    Returns
    -------
    function : callable
        With the same name, signature and documentation.

    Examples
    --------
    >>> from claxboi.utils import checked
    >>> @checked
    ... def save(path, *, overwrite=False):
    ...     pass
    >>> save("a.fits", overwrite="yes")
    Traceback (most recent call last):
    ...
    claxboi.utils.exceptions.InputTypeError: overwrite must be True or False, got 'yes'
    """
    signature = inspect.signature(function)
    checks = {}
    for name, parameter in signature.parameters.items():
        usual = check_flag if isinstance(parameter.default, bool) else None
        check = _CHECKS.get(name, usual)
        if check is check_names and isinstance(parameter.default, str):
            # The choice of a word, not a list of names.
            continue
        if check is not None:
            checks[name] = check, parameter.default

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        given = signature.bind(*args, **kwargs).arguments
        for name, (check, default) in checks.items():
            if name in given and not (given[name] is None and default is None):
                check(given[name], name)
        return function(*args, **kwargs)

    return wrapper
