# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Comparison of two classifiers on the same labelled sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table

from claxboi.classification import check_model, count_confusion
from claxboi.utils import (
    InputValueError,
    check_columns,
    check_count,
    check_table,
    checked,
    float_values,
    record,
    text_values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.random import Generator
    from numpy.typing import ArrayLike

    from claxboi.classification import NaiveBayesClassifier

__all__ = ["compare_models"]


@checked
def compare_models(
    before: NaiveBayesClassifier,
    after: NaiveBayesClassifier,
    table: Table,
    priors: Mapping | Sequence | ArrayLike | Callable[..., Any],
    *,
    label: str = "class",
    weight: str | None = None,
    n_resamples: int = 200,
    rng: int | Generator | None = None,
) -> Table:
    """
    Compare two classifiers on the same labelled sources, class by class.

    Parameters
    ----------
    before, after : `~claxboi.classification.NaiveBayesClassifier`
        Fitted models of the same classes, such as without and with the labels by votes.
    table : `~astropy.table.Table`
        The sources. Those that trained a model are held out of it. It should be a fair sample of
        the catalogue: scores are as in the table. Not changed.
    priors : mapping, sequence, array or callable
        Priors of both; see `~claxboi.classify`.
    label : str, optional
        Column with the true classes; rows without one do not count.
        Labels that neither model was trained on make the comparison fair.
    weight : str, optional
        Column with how many sources each one stands for, positive, where they were not drawn
        evenly: ``population_weight`` of `~claxboi.votes.apply_votes`. Default: 1 each.
    n_resamples : int, optional
        Bootstrap samples of the sources, the same for both models, that give the errors.
    rng : None, int or `~numpy.random.Generator`, optional
        Draws them.

    Returns
    -------
    comparison : `~astropy.table.Table`
        One row per class: ``class``, ``n``, ``recall_before``, ``recall_after``,
        ``precision_before``, ``precision_after``, ``f1_before``, ``f1_after``, ``f1_change`` and
        ``f1_change_error`` (1 sigma). NaN where there is nothing to divide by.
        ``meta["claxboi"]["comparison"]`` has the numbers of sources, of changed predictions, and
        of those that became right and wrong.

    Raises
    ------
    TypeError
        If a model is not a classifier.
    KeyError
        If a column is absent.
    ValueError
        If the classes of the models differ, no row has one of them, or a weight is not above 0.

    Examples
    --------
    >>> from claxboi.applications import compare_models
    >>> from claxboi.classification import NaiveBayesClassifier
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(2000, rng=1)
    >>> few = NaiveBayesClassifier(["hr1", "hr2"]).fit(table)
    >>> more = NaiveBayesClassifier(["hr1", "hr2", "log_fx_fw1", "b"]).fit(table)
    >>> comparison = compare_models(few, more, table, "training", label="true_class", rng=1)
    >>> bool(comparison["f1_change"][0] > 0)
    True
    """
    check_table(table)
    for name, model in (("before", before), ("after", after)):
        check_model(model, name)
    classes = list(before.classes_)
    if set(after.classes_) != set(classes):
        raise InputValueError(
            f"before and after must have the same classes, got {', '.join(classes)} and "
            f"{', '.join(after.classes_)}"
        )
    check_columns(table, [label] if weight is None else [label, weight])
    check_count(n_resamples, "n_resamples", minimum=2)
    truth, _ = text_values(table, label)
    known = np.isin(truth, classes)
    if not known.any():
        raise InputValueError(
            f"column {label!r} of table must contain at least one of {', '.join(classes)}"
        )
    order = np.argsort(classes)
    code = {name: k for k, name in enumerate(classes)}
    truth = order[np.searchsorted(np.array(classes)[order], truth[known])]
    n = len(truth)
    weights = np.ones(n) if weight is None else _weights(table, weight, known)
    # The whole table, so that priors of one row per source fit.
    found = [
        np.array([code[name] for name in model.predict(table, priors)])[known]
        for model in (before, after)
    ]
    scores = [_scores(truth, codes, weights, len(classes)) for codes in found]
    rng = np.random.default_rng(rng)
    changes = np.empty((n_resamples, len(classes)))
    for sample in changes:
        counts = weights * np.bincount(rng.integers(n, size=n), minlength=n)
        first, second = (_scores(truth, codes, counts, len(classes))[2] for codes in found)
        sample[:] = second - first
    comparison = Table({"class": classes, "n": np.bincount(truth, minlength=len(classes))})
    for k, name in enumerate(("recall", "precision", "f1")):
        comparison[f"{name}_before"], comparison[f"{name}_after"] = (part[k] for part in scores)
    comparison["f1_change"] = comparison["f1_after"] - comparison["f1_before"]
    comparison["f1_change_error"] = changes.std(axis=0, ddof=1)
    right = [codes == truth for codes in found]
    comparison.meta = record(
        {},
        "comparison",
        label=label,
        weight=weight,
        n_sources=n,
        n_changed=int(np.count_nonzero(found[0] != found[1])),
        n_now_right=int(np.count_nonzero(right[1] & ~right[0])),
        n_now_wrong=int(np.count_nonzero(right[0] & ~right[1])),
    )
    return comparison


def _weights(table, weight, known):
    values = float_values(table, weight)[known]
    wrong = ~(np.isfinite(values) & (values > 0))
    if wrong.any():
        raise InputValueError(
            f"column {weight!r} of table must be above 0 and finite in each row with a class, got "
            f"{values[wrong][0]}"
        )
    return values


def _scores(truth, found, weights, n_classes):
    """Return recall, precision and f1 of each class."""
    confusion = count_confusion(truth, found, n_classes, weights)
    right, true, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return right / true, right / predicted, 2 * right / (true + predicted)
