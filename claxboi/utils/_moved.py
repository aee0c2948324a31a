# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Keep the former homes of public names working.
"""

import importlib

__all__ = ["moved_names"]


def moved_names(package, homes):
    """
    Make the ``__getattr__`` of a package from which public names have moved.

    Scripts that import a name from its former home go on working. Nothing is imported until such
    a name is asked for (PEP 562), so that the packages do not depend on each other.

    Parameters
    ----------
    package : str
        Name of the package.
    homes : dict of str to str
        Package in which each name is defined now.

    Returns
    -------
    getattr : callable
        To be assigned to ``__getattr__``.
    """

    def get(name):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    return get
