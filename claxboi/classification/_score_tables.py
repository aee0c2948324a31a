# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tables of an evaluation: classes, reliability and thresholds.
"""

import numpy as np
from astropy.table import Column, Table

from ._scores import calibration, class_scores, ratio, wilson_interval

__all__ = []

# The smallest probability whose logarithm a float64 gives at full precision.
TINY = float(np.finfo(float).tiny)


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
        weight, expected, right, squares = calibration(codes, probabilities, source_weight, n_bins)
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


def grouped_reliability(groups, n_bins):
    """
    Compare probabilities with the fraction that is right, group by group.

    Parameters
    ----------
    groups : list of (str, `~numpy.ndarray` of shape (n,), `~numpy.ndarray` of bool, shape (n,))
        Name, probabilities, and whether what they say is so.
    n_bins : int
        Number of equal bins of probability.

    Returns
    -------
    table : `~astropy.table.Table`
        See `Evaluation.reliability_by`.
    """
    names, columns = [], []
    for name, probability, is_right in groups:
        bins = np.clip(np.ceil(probability * n_bins).astype(int) - 1, 0, n_bins - 1)
        n = np.bincount(bins, minlength=n_bins)
        filled = np.flatnonzero(n)
        expected, right = (
            np.bincount(bins, values, n_bins)[filled] / n[filled]
            for values in (probability, is_right.astype(float))
        )
        lower, upper = wilson_interval(right, n[filled])
        names += [name] * len(filled)
        columns.append([n[filled], expected, right, lower, upper])
    n, expected, right, lower, upper = np.concatenate(columns, axis=1)
    return make_table(
        ("group", names, "Class, or range of the values"),
        ("n", n.astype(int), "Number of sources"),
        ("mean_probability", expected, "Mean probability"),
        ("fraction", right, "Fraction of the sources for which it is so"),
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
