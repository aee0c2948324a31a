# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Check the objects that figures are made from.
"""

from claxboi.utils import InputTypeError

__all__ = ["check_fitted", "check_returned"]


def check_fitted(model, method="training_values"):
    """
    Check that an argument is a fitted classifier.

    Parameters
    ----------
    model : object
        The argument.
    method : str, optional
        Name of the method that the figure needs.

    Raises
    ------
    TypeError
        If it is not.
    """
    if getattr(model, "properties", None) is None or not hasattr(model, method):
        raise InputTypeError(f"model must be a fitted NaiveBayesClassifier, got {model!r}")


def check_returned(value, name, kind, function):
    """
    Check that an argument is the result of a function.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        Its name.
    kind : type
        Class of the result.
    function : str
        Name of the function.

    Raises
    ------
    TypeError
        If it is not.
    """
    if not isinstance(value, kind):
        raise InputTypeError(
            f"{name} must be what {function}() returns, got {type(value).__name__}"
        )
