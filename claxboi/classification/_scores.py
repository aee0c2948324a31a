# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Compute scores on arrays: confusion matrices, proper scores and calibration.

A score at other priors is the same formula on a sample in which each source weighs as much as its
class weighs in the wanted population, so every function here takes weights and none knows priors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.utils import InputTypeError, InputValueError, check_count, shown

if TYPE_CHECKING:
    from numpy import ndarray

__all__ = ["SCORES", "count_confusion"]

SCORES = {
    "accuracy": ("accuracy", "Fraction of the sources whose predicted class is the true one."),
    "balanced_accuracy": ("balanced accuracy", "Mean of the recalls of all classes."),
    "macro_f1": (
        "macro F1",
        "Mean over the classes of F1, the harmonic mean of recall and precision.",
    ),
    "mcc": (
        "Matthews correlation",
        "Correlation of predicted and true classes: 1 is perfect, 0 is chance.",
    ),
    "log_loss": (
        "log-loss",
        "Mean of -ln P of the true class: 0 is perfect, and one confident error costs a lot.",
    ),
    "brier": (
        "Brier score",
        "Mean over the sources of the squared differences between P and the truth, 0 or 1.",
    ),
    "ece": (
        "calibration error",
        "Mean difference between the largest P and the fraction of predictions that are correct.",
    ),
}
"""Title and definition of each score of a sample, by the name of the attribute."""


def class_weights(counts, priors):
    """
    Weigh the sources of each class so that the classes have the proportions of the priors.

    Parameters
    ----------
    counts : `~numpy.ndarray` of shape (n_classes,)
        Number of sources of each class.
    priors : `~numpy.ndarray` of shape (n_classes,)
        Proportions wanted. Those of classes without a source are shared out among the others.

    Returns
    -------
    weights : `~numpy.ndarray` of shape (n_classes,)
        Weight of one source of the class; the weights of all sources add up to their number. 0 for
        a class without a source.
    """
    present = counts > 0
    wanted = np.where(present, priors, 0.0)
    wanted = wanted / wanted.sum()
    return np.divide(wanted * counts.sum(), counts, out=np.zeros(len(counts)), where=present)


def count_confusion(
    truth: ndarray, predicted: ndarray, n_classes: int, weights: ndarray | None = None
) -> ndarray | float:
    """
    Count sources by true and predicted class.

    Parameters
    ----------
    truth, predicted : `~numpy.ndarray` of int, shape (n_sources,)
        Numbers of the true and of the predicted class of each source.
    n_classes : int
        Number of classes.
    weights : `~numpy.ndarray` of shape (n_sources,), optional
        Weight of each source; by default they are counted.

    Returns
    -------
    confusion : `~numpy.ndarray` of int or float, shape (n_classes, n_classes)
        Rows are the truth.

    Examples
    --------
    >>> import numpy as np
    >>> from claxboi.classification import count_confusion
    >>> count_confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    check_count(n_classes, "n_classes")
    for name, codes in (("truth", truth), ("predicted", predicted)):
        if not isinstance(codes, np.ndarray) or codes.shape != np.shape(truth):
            raise InputTypeError(
                f"{name} must be an array of the class of each source, got {shown(codes)}"
            )
        if codes.dtype.kind not in "iu" or np.any((codes < 0) | (codes >= n_classes)):
            raise InputValueError(
                f"{name} must be numbers of classes from 0 to {n_classes - 1}, got {shown(codes)}"
            )
    if weights is not None and np.shape(weights) != truth.shape:
        raise InputValueError(
            f"weights must be one number for each of the {len(truth)} sources, got {shown(weights)}"
        )
    cells = truth * n_classes + predicted
    return np.bincount(cells, weights, minlength=n_classes**2).reshape(n_classes, n_classes)


def class_scores(confusion):
    """
    Compute recall, precision and F1 of each class.

    Parameters
    ----------
    confusion : `~numpy.ndarray` of shape (n_classes, n_classes)
        Numbers or weights of sources; rows are the truth.

    Returns
    -------
    recall, precision, f1 : `~numpy.ndarray` of shape (n_classes,)
        NaN where undefined: recall and F1 of a class without a source, precision of a class that
        is never predicted. The F1 of a class that is there and never predicted is 0.
    """
    right = np.diagonal(confusion).astype(float)
    true = confusion.sum(axis=1)
    predicted = confusion.sum(axis=0)
    f1 = ratio(2.0 * right, true + predicted)
    return ratio(right, true), ratio(right, predicted), np.where(true > 0, f1, np.nan)


def confusion_scores(confusion):
    """
    Compute the scores of the predictions alone.

    Parameters
    ----------
    confusion : `~numpy.ndarray` of shape (n_classes, n_classes)
        Numbers or weights of sources; rows are the truth.

    Returns
    -------
    scores : dict of str to float
        ``accuracy, balanced_accuracy, macro_f1, mcc``. The two means run over the classes that
        have a source.
    """
    recall, _, f1 = class_scores(confusion)
    present = ~np.isnan(recall)
    total = confusion.sum()
    right = np.trace(confusion)
    true = confusion.sum(axis=1)
    predicted = confusion.sum(axis=0)
    spread = (total**2 - (true**2).sum()) * (total**2 - (predicted**2).sum())
    covariance = right * total - (true * predicted).sum()
    return {
        "accuracy": float(right / total),
        "balanced_accuracy": float(recall[present].mean()),
        "macro_f1": float(f1[present].mean()),
        # One class only, true or predicted: no correlation can be seen, and 0 is the limit.
        "mcc": float(covariance / np.sqrt(spread)) if spread > 0 else 0.0,
    }


def probability_scores(codes, probabilities, weights, clip, n_bins):
    """
    Compute the scores of the probabilities.

    Parameters
    ----------
    codes : `~numpy.ndarray` of int, shape (n_sources,)
        True class.
    probabilities : `~numpy.ndarray` of shape (n_sources, n_classes)
        Posterior probabilities.
    weights : `~numpy.ndarray` of shape (n_sources,)
        Weight of each source, adding up to more than 0.
    clip : float
        Smallest probability that the log-loss sees.
    n_bins : int
        Number of bins of the calibration error.

    Returns
    -------
    scores : dict of str to float
        ``log_loss, brier, ece``.
    """
    of_truth = np.take_along_axis(probabilities, codes[:, None], axis=1)[:, 0]
    # sum_c (p_c - [c is the truth])^2, without the matrix of indicators
    squares = (probabilities**2).sum(axis=1) - 2.0 * of_truth + 1.0
    weight, expected, right, _ = calibration(codes, probabilities, weights, n_bins)
    return {
        "log_loss": float(np.average(-np.log(np.maximum(of_truth, clip)), weights=weights)),
        "brier": float(np.average(squares, weights=weights)),
        "ece": float(np.abs(right - expected).sum() / weight.sum()),
    }


def calibration(codes, probabilities, weights, n_bins):
    """
    Bin the sources by the probability of their most probable class.

    Parameters
    ----------
    codes : `~numpy.ndarray` of int, shape (n_sources,)
        True class.
    probabilities : `~numpy.ndarray` of shape (n_sources, n_classes)
        Posterior probabilities.
    weights : `~numpy.ndarray` of shape (n_sources,)
        Weight of each source.
    n_bins : int
        Number of equal bins of (0, 1], each with its upper edge.

    Returns
    -------
    weight, expected, right, squares : `~numpy.ndarray` of shape (n_bins,)
        Sums over the sources of each bin: of the weight, of weight x largest probability, of
        the weight of those that were classified right, and of the square of the weight.
    """
    largest = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == codes
    bins = np.clip(np.ceil(largest * n_bins).astype(int) - 1, 0, n_bins - 1)
    return tuple(
        np.bincount(bins, weights=weights * factor, minlength=n_bins)
        for factor in (1.0, largest, is_right, weights)
    )


def wilson_interval(fraction, trials):
    """
    Compute Wilson's interval of a binomial fraction, at one sigma (68.27 %).

    As `~astropy.stats.binom_conf_interval` has it, which takes whole numbers only: the effective
    number of weighted sources is none.

    Parameters
    ----------
    fraction : `~numpy.ndarray` of shape (n,)
        Observed fractions; NaN where there was no trial.
    trials : `~numpy.ndarray` of shape (n,)
        Number of trials, or (sum w)^2 / sum w^2 for weighted ones (Kish 1965, section 8.2).

    Returns
    -------
    lower, upper : `~numpy.ndarray` of shape (n,)
        NaN where there was no trial.
    """
    trials = np.where(trials > 0, trials, np.nan)
    middle = (fraction + 0.5 / trials) / (1 + 1 / trials)
    half = np.sqrt(fraction * (1 - fraction) / trials + 0.25 / trials**2) / (1 + 1 / trials)
    # Rounding may end an interval of 0 or 1 beyond itself.
    return np.minimum(middle - half, fraction), np.maximum(middle + half, fraction)


def ratio(part, whole):
    """Divide arrays of floats; NaN where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
