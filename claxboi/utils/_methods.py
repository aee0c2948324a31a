# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Functions of a table as its methods.
"""

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["as_method"]

P = ParamSpec("P")
R = TypeVar("R")

#: Sections of a docstring that describe a call; the others are read at the function.
KEPT_SECTIONS = ("Parameters", "Returns", "Yields", "Raises", "Warns")


def as_method(
    function: Callable[Concatenate[Any, P], R], owner: Callable[[Any], Any] | None = None
) -> Callable[Concatenate[Any, P], R]:
    """
    Turn a function whose first argument is a table into a method with the same documentation.

    Parameters
    ----------
    function : callable
        The function, with a numpydoc docstring.
    owner : callable, optional
        Returns the first argument of ``function`` for the object that the method is called on, for
        example its model. Default: the object itself.

    Returns
    -------
    method : function
        It has the signature of ``function`` with ``self`` in place of the first argument, and its
        docstring without that argument, its notes and its examples.

    Examples
    --------
    >>> from claxboi.utils import as_method
    >>> def scaled(table, factor=2):
    ...     '''Return the scaled length.'''
    ...     return factor * len(table)
    >>> class Named(list):
    ...     scaled = as_method(scaled)
    >>> Named("abc").scaled(factor=3)
    9
    """

    @functools.wraps(function)
    def method(self, *args, **kwargs):
        return function(self if owner is None else owner(self), *args, **kwargs)

    signature = inspect.signature(function)
    first, *others = signature.parameters.values()
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    own = signature.replace(parameters=[this, *others])
    method.__signature__ = own  # type: ignore[attr-defined]
    method.__doc__ = _method_doc(function, first.name)
    return method


def _method_doc(function, first):
    parts = re.split(r"^(?=[^\n]+\n-{3,}$)", inspect.getdoc(function) or "", flags=re.MULTILINE)
    kept = [parts[0].rstrip()]
    module = function.__module__.rpartition(".")[0]
    kept.append(f"This is `~{module}.{function.__name__}` for this table.")
    for part in parts[1:]:
        title, _, body = part.rstrip().split("\n", 2)
        if title == "Parameters":
            entries = re.split(r"\n(?=\S)", body)
            body = "\n".join(one for one in entries if not re.match(rf"{first}\b", one))
        if title in KEPT_SECTIONS and body:
            kept.append(f"{title}\n{'-' * len(title)}\n{body}")
    return "\n\n".join(kept) + "\n"
