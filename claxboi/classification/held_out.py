# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Held-out scores of a classified table.
"""

from collections.abc import Mapping

import numpy as np

from claxboi.utils import check_columns, check_table, is_missing

from ._training import label_codes

__all__ = ["score_held_out"]


def score_held_out(result, model, sample=None, *, label=None, show_progress=True):
    """
    Score a classified table on its labelled sources, at the priors of the table.

    It is the one way in which tables, jobs, reports and commands are scored: leave-one-out for
    sources that trained the model, prediction for others.

    Parameters
    ----------
    result : `~astropy.table.Table`
        A table that `claxboi.classify` returned. Rows without a prediction do not count.
    model : `NaiveBayesClassifier`
        The classifier.
    sample : `~astropy.table.Table`, optional
        Other labelled sources to score on, such as the training sample. Default: ``result``.
    label : str, optional
        Name of the label column. Default: that of the model.
    show_progress : bool, optional
        Show progress when it takes longer than two seconds.

    Returns
    -------
    evaluation : `Evaluation` or None
        None where no source has a class of the model.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.classification import score_held_out
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> result, model = classify(
    ...     table, "training", properties=["hr2", "log_fx_fw1"], return_model=True
    ... )
    >>> score_held_out(result, model).method
    'leave-one-out'
    """
    check_table(result, "result")
    check_columns(result, ["prediction"], "result")
    label = model.label if label is None else label
    if sample is None:
        missing = is_missing(result, "prediction")
        # The table itself is known row by row, a part of it is not.
        sample = result[~missing] if missing.any() else result
    if label not in sample.colnames:
        return None
    if not np.any(label_codes(sample, label, model.classes_, model.merge) >= 0):
        return None
    used = result.meta.get("claxboi", {}).get("classification", {}).get("priors")
    # Priors of each source belong to the table that was classified alone.
    priors = dict(used) if isinstance(used, Mapping) else "training"
    return model.evaluate(sample, priors, label=label, show_progress=show_progress)
