# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Warnings and errors of claxboi.
"""

from __future__ import annotations

import os
import sys
import warnings

from astropy.units import UnitConversionError
from astropy.utils.exceptions import AstropyUserWarning

__all__ = [
    "ClaxboiWarning",
    "InputError",
    "InputIndexError",
    "InputKeyError",
    "InputTypeError",
    "InputUnitError",
    "InputValueError",
    "warn",
]


class InputError(Exception):
    """
    Base class of errors in the input: an argument, a column, a file.

    Each is also a standard Python error, so ``except ValueError`` still works.

    Examples
    --------
    >>> from claxboi.utils import InputError, check_flag
    >>> try:
    ...     check_flag("yes", "overwrite")
    ... except InputError as err:
    ...     print(err)
    overwrite must be True or False, got 'yes'
    """


class InputTypeError(InputError, TypeError):
    """
    An argument or column has the wrong type.
    """


class InputValueError(InputError, ValueError):
    """
    A value is not allowed.
    """


class InputKeyError(InputError, KeyError):
    """
    A column, class or other name does not exist.
    """

    def __str__(self):
        # A KeyError shows the repr of its message.
        return str(self.args[0]) if len(self.args) == 1 else super().__str__()


class InputIndexError(InputError, IndexError):
    """
    A row does not exist.
    """


class InputUnitError(InputError, UnitConversionError):
    """
    A unit cannot be read or converted.
    """


class ClaxboiWarning(AstropyUserWarning):
    """
    Base class of all warnings of claxboi.

    To silence them all:
    ``warnings.simplefilter("ignore", claxboi.utils.exceptions.ClaxboiWarning)``.
    """


_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def warn(message: str, category: type = ClaxboiWarning) -> None:
    """
    Emit a warning that points at the caller's line, outside claxboi.

    Parameters
    ----------
    message : str
        The problem, and its remedy.
    category : type, optional
        A subclass of `ClaxboiWarning`.

    Examples
    --------
    >>> import warnings
    >>> from claxboi.utils.exceptions import warn
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("2 of 10 sources have no flux")
    >>> str(caught[0].message)
    '2 of 10 sources have no flux'
    """
    # The first frame outside the package is where the user can act; a fixed
    # stack level would be wrong as soon as a function calls another one.
    level = 1
    frame = sys._getframe(1)
    while frame is not None and _is_library(frame.f_code.co_filename):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level + 1)


def _is_library(filename):
    inside = os.path.abspath(filename).startswith(_PACKAGE)
    return inside and f"{os.sep}tests{os.sep}" not in filename
