# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Held-out scores of a classified table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from claxboi.utils import (
    check_columns,
    check_table,
    check_text,
    float_values,
    is_missing,
    text_values,
)

from ._engine import check_model
from ._evaluation_text import held_out_method
from ._table_reading import label_codes
from .evaluation import Evaluation
from .results import classification_settings
from .unlabelled_scores import score_unlabelled

if TYPE_CHECKING:
    from astropy.table import Table

    from .classifier import NaiveBayesClassifier
    from .priors import PriorsLike

__all__ = ["evaluate_result"]


def evaluate_result(
    result: Table,
    model: NaiveBayesClassifier,
    priors: PriorsLike = None,
    *,
    sample: Table | None = None,
    label: str | None = None,
    **options: Any,
) -> Evaluation | None:
    """
    Score a classified table on its own labelled sources, held out.

    The command line, the report, the pipeline and `~claxboi.XrayTable` take their scores from this
    function. Those of a table that was classified over all candidates are those of its columns.

    Parameters
    ----------
    result : `~astropy.table.Table`
        The table that the model classified.
    model : `~claxboi.classification.NaiveBayesClassifier`
        The model.
    priors : mapping, sequence or "training", optional
        Prior proportions of the classes. Default: those of the classification where they are one
        proportion per class, else "training".
    sample : `~astropy.table.Table`, optional
        The training sample, which is scored where the table itself has no labels.
    label : str, optional
        Column of the labels. Default: that of the model.
    **options
        Other arguments of `NaiveBayesClassifier.evaluate`.

    Returns
    -------
    evaluation : `Evaluation` or None
        Scores of the labelled sources that were classified; None where there are none. Its
        ``unlabelled`` are the scores expected for the other sources, or the reason why there are
        none: see `UnlabelledScores`.

    Raises
    ------
    KeyError, TypeError, ValueError
        As for `NaiveBayesClassifier.evaluate`.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.classification import evaluate_result
    >>> from claxboi.simulation import make_labelled_sample
    >>> result, model = classify(
    ...     make_labelled_sample(1000, rng=1), "training", return_model=True
    ... )
    >>> evaluate_result(result, model).method
    'leave-one-out'
    """
    check_table(result, "result")
    check_model(model)
    if sample is not None:
        check_table(sample, "sample")
    if label is None:
        label = model.label
    elif sample is None or check_text(label, "label") not in sample.colnames:
        check_columns(result, [label], "result")
    # Only the classification itself knows the probabilities over all candidates.
    as_made = priors is None and not options.keys() - {"training", "show_progress"}
    if priors is None:
        used = classification_settings(result).get("priors")
        priors = used if isinstance(used, Mapping) else "training"
    rows = _labelled(result, model, label)
    others = ~rows
    if "prediction" in result.colnames:
        known = ~is_missing(result, "prediction")
        rows, others = rows & known, others & known
    if not rows.any():
        own = np.zeros(0, bool) if sample is None else _labelled(sample, model, label)
        if not own.any():
            return None
        evaluation = model.evaluate(sample, priors, label=label, **options)
        labelled = sample[own]
    elif as_made and "candidates" in result.meta.get("claxboi", {}):
        labelled = result[rows]
        evaluation = _score_columns(labelled, model, label, priors)
    else:
        if "training" not in options and "is_training" in result.colnames:
            # For tables without identifiers and positions, by which the model knows its sources.
            own = float_values(result, "is_training")[rows] == 1
            options["training"] = True if own.all() else None if own.any() else False
        labelled = result[rows]
        # Rows without a label are left as they are: by them the model knows a table again.
        table = result if np.array_equal(rows, _labelled(result, model, label)) else labelled
        evaluation = model.evaluate(table, priors, label=label, **options)
    if others.any() and not evaluation.is_weighted and len(labelled) == evaluation.confusion.sum():
        columns = [record.column for record in model.properties]
        posterior = _posterior(result[others], model, priors, as_made=as_made)
        evaluation.unlabelled = score_unlabelled(
            evaluation, labelled, result[others], posterior, columns
        )
    return evaluation


def _posterior(table, model, priors, *, as_made):
    """Return the probabilities of unlabelled sources: the table's columns, or new ones."""
    columns = [f"P_{name}" for name in model.classes_]
    if not as_made or not set(columns) <= set(table.colnames):
        return model.predict_proba(table, priors)
    return np.transpose([float_values(table, column) for column in columns])


def _score_columns(table, model, label, priors):
    """Score the probability columns of a table, which are held out for training sources."""
    n_training = int(np.sum(float_values(table, "is_training") == 1))
    method = held_out_method(n_training, len(table))
    predictions, _ = text_values(table, "prediction")
    settings = table.meta["claxboi"]["classification"]
    names = ("weights", "normalization", "missing", "kernel", "bandwidth")
    return Evaluation.from_probabilities(
        label_codes(table, label, model.classes_, model.merge),
        np.transpose([float_values(table, f"P_{name}") for name in model.classes_]),
        model.classes_,
        priors=priors if isinstance(priors, Mapping) else None,
        predictions=[model.classes_.index(name) for name in predictions.tolist()],
        method=f"{method}, over all candidates",
        settings={name: settings[name] for name in names},
    )


def _labelled(table, model, label):
    """Find the rows with a class of the model."""
    if label not in table.colnames:
        return np.zeros(len(table), bool)
    return label_codes(table, label, model.classes_, model.merge) >= 0
