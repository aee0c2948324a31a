# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Check the input of an evaluation.
"""

from collections.abc import Mapping

import numpy as np

from claxboi.utils import InputValueError, check_classes, float_values, text_values

from .priors import parse_priors

__all__ = []

# Leaves room for probabilities that went through float32.
SUM_TOLERANCE = 1e-6


def check_two_classes(classes):
    """Return the names of two or more different classes."""
    names = check_classes(classes)
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputValueError(f"classes must be two or more different names, got {names}")
    return names


def check_confusion(confusion, n_classes):
    """Return counts of sources as a square matrix of int."""
    matrix = np.array(confusion)
    if matrix.shape != (n_classes, n_classes):
        raise InputValueError(
            f"confusion must have shape ({n_classes}, {n_classes}), one row and one column for "
            f"each class, got {matrix.shape}"
        )
    if matrix.dtype.kind not in "iuf" or np.any(matrix < 0) or np.any(matrix != np.floor(matrix)):
        raise InputValueError("confusion must hold counts of sources: whole numbers of at least 0")
    if matrix.sum() == 0:
        raise InputValueError("confusion is empty: there must be at least one source")
    return matrix.astype(int)


def check_priors(priors, classes, counts):
    """Return the proportion of each class; that of the counts where none is given."""
    sampled = counts / counts.sum()
    if priors is None:  # one of the two ways to score, so no reason to warn
        return dict(zip(classes, sampled.tolist(), strict=True))
    if not isinstance(priors, (str, Mapping)) and np.shape(priors) != (len(classes),):
        raise InputValueError(
            f"priors must have one number for each of the {len(classes)} classes "
            f"({', '.join(classes)}), got shape {np.shape(priors)}"
        )
    values = parse_priors(priors, classes, sampled, 1)
    if not np.any(values[counts > 0] > 0):
        raise InputValueError("priors must be above 0 for at least one class that has a source")
    return dict(zip(classes, values.tolist(), strict=True))


def check_probabilities(probabilities, n_classes):
    """Return a copy of the probabilities, whose rows add up to 1."""
    # A copy, so that the scores stay what they were if the caller goes on with the array.
    values = np.array(probabilities, float)
    if values.ndim != 2 or values.shape[1] != n_classes:
        raise InputValueError(
            "probabilities must have one row for each source and one column for each of the "
            f"{n_classes} classes, got shape {values.shape}"
        )
    off = ~(np.all(values >= 0, axis=1) & (np.abs(values.sum(axis=1) - 1) <= SUM_TOLERANCE))
    if off.any():
        first = int(np.flatnonzero(off)[0])
        raise InputValueError(
            "probabilities must be non-negative and add up to 1 in each row; "
            f"{off.sum()} rows do not, the first is row {first}: {values[first].tolist()}"
        )
    return values


def check_truth(truth, classes):
    """Return the code of the class of each source."""
    column = truth if hasattr(truth, "dtype") else np.asarray(truth)
    if len(column) == 0:
        raise InputValueError("truth is empty: there must be at least one source")
    if column.dtype.kind in "iu":
        codes = float_values({"truth": column}, "truth", name="the sources")
        missing = np.isnan(codes)
        unknown = np.unique(codes[(codes < 0) | (codes >= len(classes))])
        rule = f"codes from 0 to {len(classes) - 1}"
    else:
        labels, missing = text_values({"truth": column}, "truth", name="the sources")
        names, place = np.unique(labels, return_inverse=True)
        known = {name: code for code, name in enumerate(classes)}
        codes = np.array([known.get(name, -1) for name in names.tolist()])[place]
        unknown = np.unique(labels[(codes < 0) & ~missing])
        rule = "the classes " + ", ".join(classes)
    if missing.any():
        raise InputValueError(
            f"truth must have a class for each source, {missing.sum()} of {len(codes)} have none"
        )
    if len(unknown):
        got = ", ".join(f"{value:g}" if column.dtype.kind in "iu" else value for value in unknown)
        raise InputValueError(f"truth must hold only {rule}, got {got}")
    return codes.astype(int)


def check_weights(weights, n_sources, column=None):
    """Return weights of sources, above 0, with a mean of 1; of a column of the table, if named."""
    name = "weights" if column is None else f"column {column!r} of table"
    weights = weights if hasattr(weights, "dtype") else np.asarray(weights)
    values = float_values({column or "weights": weights}, column or "weights")
    if values.shape != (n_sources,):
        raise InputValueError(
            f"{name} must have one number for each of the {n_sources} sources, got {len(values)}"
        )
    wrong = ~(np.isfinite(values) & (values > 0))
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise InputValueError(
            f"{name} must be finite and above 0 for each source with a class; {wrong.sum()} are "
            f"not, the first is {values[first]} for source {first}"
        )
    return values / values.mean()
