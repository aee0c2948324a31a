# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Check arrays as scikit-learn does, with its messages.
"""

import sys
import warnings

import numpy as np

from claxboi.utils import InputTypeError, InputValueError

__all__ = []


def compare_names(names, fitted):
    """Describe how the names of features differ from those of the fit."""
    unseen = [name for name in names if name not in fitted]
    missing = [name for name in fitted if name not in names]
    message = "The feature names should match those that were passed during fit.\n"
    for title, found in (
        ("Feature names unseen at fit time", unseen),
        ("Feature names seen at fit time, yet now missing", missing),
    ):
        if found:
            message += f"{title}:\n" + "".join(f"- {name}\n" for name in sorted(found)[:5])
            message += "- ...\n" if len(found) > 5 else ""
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    return message


def check_values(X, name):
    """Return values as float64, NaN where missing, and the names of the columns or None."""
    names = None
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        names = _column_names(X.columns)
    if hasattr(X, "tocsr") or hasattr(X, "todense"):
        raise InputTypeError(
            f"Sparse data was passed for X, but {name} takes dense data: use '.toarray()'"
        )
    values = np.asarray(X)
    if values.dtype.kind == "c":
        raise InputValueError(f"Complex data not supported: X has dtype {values.dtype}")
    if values.ndim != 2:
        what = "scalar" if values.ndim == 0 else f"{values.ndim}D"
        raise InputValueError(
            f"Expected 2D array, got {what} array instead:\narray={values}.\n"
            "Reshape your data either using array.reshape(-1, 1) if your data has a single feature "
            "or array.reshape(1, -1) if it contains a single sample."
        )
    if values.shape[0] == 0:
        raise InputValueError(
            f"Found array with 0 sample(s) (shape={values.shape}) while a minimum of 1 is required "
            f"by {name}."
        )
    if values.shape[1] == 0:
        raise InputValueError(
            f"Found array with 0 feature(s) (shape={values.shape}) while a minimum of 1 is "
            f"required by {name}."
        )
    try:
        values = values.astype(float)
    except (TypeError, ValueError) as err:
        raise type(err)(f"X must hold numbers: {err}") from err
    if np.isinf(values).any():
        raise InputValueError(
            "Input X contains infinity or a value too large for dtype('float64')."
        )
    return values, names


def _column_names(columns):
    names = list(columns)
    if not names or not all(isinstance(name, str) for name in names):
        if any(isinstance(name, str) for name in names):
            raise InputTypeError(
                "Feature names are only supported if all input features have string names, but "
                f"your input has {sorted({type(name).__name__ for name in names})} as feature name "
                "/ column name types."
            )
        return None
    return names


def check_classes(y, n, name):
    """Return the class of each row, the different ones, and the number of each row's class."""
    if y is None:
        raise InputValueError(f"{name} requires y to be passed, but the target y is None")
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        _warn_column_vector()
        y = y[:, 0]
    if y.ndim != 1:
        raise InputValueError(f"y should be a 1d array, got an array of shape {y.shape} instead.")
    if len(y) != n:
        raise InputValueError(
            "Found input variables with inconsistent numbers of samples: X has "
            f"{n} rows, y {len(y)}"
        )
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise InputValueError("Input y contains NaN or infinity: each row must have a class")
        if np.any(y != np.round(y)):
            raise InputValueError(
                "Unknown label type: continuous. y must hold classes: text, integers or bools, "
                f"got {y[y != np.round(y)][0]}"
            )
    if y.dtype.kind == "c":
        raise InputValueError(f"Complex data not supported: y has dtype {y.dtype}")
    classes, codes = np.unique(y, return_inverse=True)
    return y, classes, codes


def _warn_column_vector():
    theirs = sys.modules.get("sklearn.exceptions")
    warnings.warn(
        "A column-vector y was passed when a 1d array was expected. Please change the shape of y "
        "to (n_samples,), for example using ravel().",
        UserWarning if theirs is None else theirs.DataConversionWarning,
        stacklevel=4,
    )


def check_weights(sample_weight, n):
    """Return the weight of each row, 0 or more; 1 each by default."""
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, float)
    if weights.ndim == 0:
        weights = np.full(n, float(weights))
    if weights.shape != (n,):
        raise InputValueError(
            f"sample_weight.shape == {weights.shape}, expected ({n},): one weight for each row"
        )
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        raise InputValueError(
            f"sample_weight must be finite and not negative; {wrong.sum()} are not, such as "
            f"{weights[wrong][0]:g}"
        )
    if not weights.any():
        raise InputValueError("sample_weight must not be zero for all rows")
    return weights


def check_groups(groups, n):
    """Return the number of the group of each row; each row is one by default."""
    if groups is None:
        return np.arange(n)
    groups = np.asarray(groups)
    if groups.shape != (n,):
        raise InputValueError(
            f"groups must have one value for each of the {n} rows, got {groups.shape}"
        )
    return np.unique(groups, return_inverse=True)[1]
