# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Scores on arrays and their tables: confusion matrices, proper scores, calibration, thresholds.

A score at other priors is the same formula on a sample in which each source weighs as much as its
class weighs in the wanted population, so every function here takes weights and none knows priors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Column, Table

from claxboi.utils import InputTypeError, InputValueError, check_count, shown

if TYPE_CHECKING:
    from numpy import ndarray

__all__ = ["SCORES", "count_confusion"]

# The smallest probability whose logarithm a float64 gives at full precision.
TINY = float(np.finfo(float).tiny)

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
    weight, expected, right, _ = calibration(*most_probable(codes, probabilities), weights, n_bins)
    return {
        "log_loss": float(np.average(-np.log(np.maximum(of_truth, clip)), weights=weights)),
        "brier": float(np.average(squares, weights=weights)),
        "ece": float(np.abs(right - expected).sum() / weight.sum()),
    }


def most_probable(codes, probabilities):
    """Return the largest probability of each source, and whether it is that of the true class."""
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == codes


def calibration(probability, is_right, weights, n_bins):
    """
    Bin the sources by a probability.

    Parameters
    ----------
    probability : `~numpy.ndarray` of shape (n_sources,)
        Such as that of the most probable class.
    is_right : `~numpy.ndarray` of bool, shape (n_sources,)
        Whether a source belongs to the class.
    weights : `~numpy.ndarray` of shape (n_sources,)
        Weight of each source.
    n_bins : int
        Number of equal bins of (0, 1], each with its upper edge.

    Returns
    -------
    weight, expected, right, squares : `~numpy.ndarray` of shape (n_bins,)
        Sums over the sources of each bin: of the weight, of weight x probability, of the weight
        of those that are right, and of the square of the weight.
    """
    bins = np.clip(np.ceil(probability * n_bins).astype(int) - 1, 0, n_bins - 1)
    return tuple(
        np.bincount(bins, weights=weights * factor, minlength=n_bins)
        for factor in (1.0, probability, is_right, weights)
    )


def wilson_interval(fraction, trials):
    """
    Compute Wilson's interval of a binomial fraction, at one sigma (68.27 %).

    As in `~astropy.stats.binom_conf_interval`, which takes whole numbers only; the effective
    number of weighted sources is not one.

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


def make_table(*columns):
    """
    Make a table of columns.

    Parameters
    ----------
    *columns : tuple
        Name, values and description of each.

    Returns
    -------
    table : `~astropy.table.Table`
    """
    return Table([Column(data, name=name, description=text) for name, data, text in columns])


def class_table(priors, confusion, corrected, *, is_weighted):
    """
    Score each class; see `Evaluation.per_class`.

    Parameters
    ----------
    priors : mapping of str to float
        Proportions of the classes.
    confusion, corrected : `~numpy.ndarray` of shape (n_classes, n_classes)
        The raw and the prior-corrected confusion matrix.
    is_weighted : bool
        Whether sources have weights of their own.

    Returns
    -------
    table : `~astropy.table.Table`
    """
    recall, precision, f1 = class_scores(confusion)
    recall_corrected, precision_corrected, f1_corrected = class_scores(corrected)
    if not is_weighted:
        # A class without a share in the population is found as often as in the sample.
        recall_corrected = recall
    n_true = confusion.sum(axis=1)
    recall_lower, recall_upper = wilson_interval(recall, n_true)
    precision_lower, precision_upper = wilson_interval(precision, confusion.sum(axis=0))
    return make_table(
        ("class", list(priors), "Class"),
        ("n", n_true, "Number of sources of the class"),
        ("prior", list(priors.values()), "Proportion of the class in the population"),
        ("recall", recall, "Fraction of the sources of the class that are found"),
        ("recall_lower", recall_lower, "Lower end of the 68.27 % interval of recall"),
        ("recall_upper", recall_upper, "Upper end of the 68.27 % interval of recall"),
        ("precision", precision, "Fraction of the predictions that are correct, raw"),
        ("precision_lower", precision_lower, "Lower end of the 68.27 % interval of precision"),
        ("precision_upper", precision_upper, "Upper end of the 68.27 % interval of precision"),
        (
            "recall_corrected",
            recall_corrected,
            "Fraction of the sources of the class that are found, at the priors",
        ),
        (
            "precision_corrected",
            # What a class without a source would add to its own column is not known.
            np.where(n_true > 0, precision_corrected, np.nan),
            "Fraction of the predictions that are right, at the priors",
        ),
        ("f1", f1, "Harmonic mean of recall and precision"),
        ("f1_corrected", f1_corrected, "Harmonic mean of recall_corrected and precision_corrected"),
    )


def reliability_table(codes, probabilities, weights, n_bins):
    """
    Compare probabilities with the fraction that is correct; see `Evaluation.reliability`.

    Parameters
    ----------
    codes : `~numpy.ndarray` of int, shape (n_sources,)
        True class.
    probabilities : `~numpy.ndarray` of shape (n_sources, n_classes)
        Posterior probabilities.
    weights : `~numpy.ndarray` of shape (n_sources,)
        Weight of each source at the priors.
    n_bins : int
        Number of equal bins of probability.

    Returns
    -------
    table : `~astropy.table.Table`
    """
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    columns = [
        ("lower", edges[:-1], "Lower edge of the bin, excluded"),
        ("upper", edges[1:], "Upper edge of the bin, included"),
    ]
    for source_weight, ending, where in (
        (np.ones(len(codes)), "", "raw"),
        (weights, "_corrected", "prior-corrected"),
    ):
        weight, expected, right, squares = calibration(
            *most_probable(codes, probabilities), source_weight, n_bins
        )
        if not ending:
            columns.append(("n", weight.astype(int), "Number of sources"))
        weight = np.where(weight > 0, weight, np.nan)
        fraction = right / weight
        lower, upper = wilson_interval(fraction, weight**2 / np.maximum(squares, TINY))
        columns += [
            (f"mean_probability{ending}", expected / weight, f"Mean probability, {where}"),
            (f"fraction_correct{ending}", fraction, f"Fraction classified correctly, {where}"),
            (f"fraction_correct_lower{ending}", lower, "Lower end of its 68.27 % interval"),
            (f"fraction_correct_upper{ending}", upper, "Upper end of its 68.27 % interval"),
        ]
    return make_table(*columns)


def equal_groups(values, n_groups):
    """
    Divide sources into groups of about the same size by a quantity.

    Parameters
    ----------
    values : `~numpy.ndarray` of shape (n_sources,)
        The quantity; sources without a finite value are in no group.
    n_groups : int
        Number of groups; fewer where values tie.

    Returns
    -------
    groups : list of (float, float, `~numpy.ndarray` of bool, shape (n_sources,))
        Lower and upper limit, and the sources in the group.
    """
    known = np.isfinite(values)
    if not known.any():
        return []
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, n_groups + 1)))
    place = np.searchsorted(edges[1:-1], values, side="right")
    return [
        (edges[k], edges[min(k + 1, len(edges) - 1)], known & (place == k))
        for k in range(max(len(edges) - 1, 1))
    ]


def grouped_reliability(groups, n_bins):
    """
    Compare probabilities with the fraction that is right, group by group.

    Parameters
    ----------
    groups : list of (str, `~numpy.ndarray` of shape (n,), `~numpy.ndarray` of bool, shape (n,))
        Name, probabilities, and whether each source belongs to the class.
    n_bins : int
        Number of equal bins of probability.

    Returns
    -------
    table : `~astropy.table.Table`
        See `Evaluation.reliability_by`.
    """
    names, columns = [], []
    for name, probability, is_right in groups:
        sums = np.array(calibration(probability, is_right, np.ones(len(is_right)), n_bins)[:3])
        n, expected, right = sums[:, sums[0] > 0]
        expected, right = expected / n, right / n
        names += [name] * len(n)
        columns.append([n, expected, right, *wilson_interval(right, n)])
    n, expected, right, lower, upper = np.concatenate(columns, axis=1)
    return make_table(
        ("group", names, "Class, or range of the values"),
        ("n", n.astype(int), "Number of sources"),
        ("mean_probability", expected, "Mean probability"),
        ("fraction", right, "Fraction of the sources that belong to the class"),
        ("fraction_lower", lower, "Lower end of its 68.27 % interval"),
        ("fraction_upper", upper, "Upper end of its 68.27 % interval"),
    )


def threshold_table(probability, is_class, weights):
    """
    Score the sample above each probability; see `Evaluation.thresholds`.

    Parameters
    ----------
    probability : `~numpy.ndarray` of shape (n_sources,)
        Probability of the class.
    is_class : `~numpy.ndarray` of bool, shape (n_sources,)
        Whether a source is of the class.
    weights : `~numpy.ndarray` of shape (n_sources,)
        Weight of each source at the priors.

    Returns
    -------
    table : `~astropy.table.Table`
    """
    order = np.argsort(-probability, kind="stable")
    probability, is_right, weight = probability[order], is_class[order], weights[order]
    # Sources of the same probability are taken together: the last one counts them all.
    last = np.flatnonzero(np.append(np.diff(probability) != 0, True))
    n, right = last + 1, np.cumsum(is_right)[last]
    purity = right / n
    lower, upper = wilson_interval(purity, n)
    total, all_weight = np.count_nonzero(is_right), np.cumsum(weight)[last]
    right_weight = np.cumsum(weight * is_right)[last]
    class_weight = right_weight[-1]
    known = (total > 0) & (all_weight > 0)
    return make_table(
        ("threshold", probability[last], "Smallest probability of the class"),
        ("n", n, "Number of sources with at least this probability"),
        (
            "completeness",
            right / total if total else np.full(len(last), np.nan),
            "Fraction of the sources of the class among them",
        ),
        ("purity", purity, "Fraction of them that are of the class, raw"),
        ("purity_lower", lower, "Lower end of the 68.27 % interval of purity"),
        ("purity_upper", upper, "Upper end of the 68.27 % interval of purity"),
        (
            "completeness_corrected",
            ratio(right_weight, np.full(len(last), class_weight)),
            "Fraction of the sources of the class among them, at the priors",
        ),
        (
            "purity_corrected",
            np.where(known, ratio(right_weight, all_weight), np.nan),
            "Fraction of them that are of the class, at the priors",
        ),
        (
            "f1_corrected",
            np.where(known, ratio(2 * right_weight, all_weight + class_weight), np.nan),
            "Harmonic mean of completeness_corrected and purity_corrected",
        ),
    )
