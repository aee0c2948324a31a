# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fit a classifier to a labelled table in one call, with its weights.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from claxboi.config import MIN_CLASS_SIZE
from claxboi.properties import known_properties
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    check_columns,
    check_table,
    checked,
    float_values,
    shown,
    text_values,
)

from . import _output
from ._table_reading import read_sample, read_values
from .classifier import NaiveBayesClassifier
from .decisions import parse_decision
from .guessed_properties import guess_properties, property_columns
from .priors import parse_priors
from .properties import parse_properties, properties_that_vary, with_limits
from .sky_priors import SKY_COLUMNS, sky_priors

if TYPE_CHECKING:
    from os import PathLike

    from astropy.table import Table
    from numpy.random import Generator

__all__ = ["fit_classifier", "open_model"]

log = logging.getLogger(__name__)


def open_model(model: NaiveBayesClassifier | str | PathLike[str]) -> NaiveBayesClassifier:
    """
    Return a fitted classifier, read from its file where a path is given.

    Parameters
    ----------
    model : `NaiveBayesClassifier` or str or path
        The classifier, or the file that its ``write`` wrote.

    Returns
    -------
    model : `NaiveBayesClassifier`

    Raises
    ------
    TypeError
        If it is neither.
    FileNotFoundError, ValueError
        If the file is absent or is not that of a classifier.

    Examples
    --------
    >>> from claxboi.classification import NaiveBayesClassifier, open_model
    >>> from claxboi.simulation import make_labelled_sample
    >>> model = NaiveBayesClassifier(["hr1", "hr2"]).fit(make_labelled_sample(2000, rng=1))
    >>> model.write("model.ecsv", overwrite=True)
    >>> open_model("model.ecsv").categories == open_model(model).categories
    True
    """
    if isinstance(model, (str, os.PathLike)):
        return NaiveBayesClassifier.read(model)
    if not isinstance(model, NaiveBayesClassifier):
        raise InputTypeError(
            f"model must be a NaiveBayesClassifier or the file of one, got {shown(model)}"
        )
    return model


@checked
def fit_classifier(
    sample: Table,
    priors: Any = None,
    *,
    table: Table | None = None,
    properties: Any = None,
    label: Any = "class",
    weight: Any = None,
    id: Any = None,
    weights: Any = None,
    offsets: Any = None,
    min_class_size: Any = None,
    merge: Any = None,
    decision: Any = "probable",
    posterior_error: Any = 0,
    overwrite: Any = False,
    rng: int | Generator | None = None,
    show_progress: Any = True,
    **settings: Any,
) -> tuple:
    """
    Fit a classifier to labelled sources, including the weights of its categories.

    Parameters
    ----------
    sample : `~astropy.table.Table`
        The labelled sources.
    priors : optional
        As for `claxboi.classify`. The weights are fitted for these proportions.
    table : `~astropy.table.Table`, optional
        The sources to be classified. Only properties that this table has too are used, and the
        priors are checked against it. Default: ``sample``.
    properties, label, weight, id, weights, offsets, min_class_size, merge, overwrite, show_progress
        As for `claxboi.classify`.
    decision, posterior_error : optional
        As for `claxboi.classify`: they are checked here, before the fit.
    rng : int or `~numpy.random.Generator`, optional
        For the folds on which the weights are fitted.
    **settings
        Other settings of `NaiveBayesClassifier`, such as ``recipe`` and ``bandwidth``.

    Returns
    -------
    model : `~claxboi.classification.NaiveBayesClassifier`
        The fitted classifier.
    priors : dict, `~numpy.ndarray` or "estimate"
        The priors: by class, or of shape (n_sources, n_classes).

    Raises
    ------
    KeyError, TypeError, ValueError
        As for `claxboi.classify`, before anything is fitted.

    Examples
    --------
    >>> from claxboi.classification import fit_classifier
    >>> from claxboi.simulation import make_labelled_sample
    >>> model, priors = fit_classifier(make_labelled_sample(1000, rng=1), "training")
    >>> model.classes_ == list(priors)
    True
    """
    check_table(sample, "sample")
    table = sample if table is None else check_table(table)
    if min_class_size is None:
        min_class_size = MIN_CLASS_SIZE
    name = "table" if sample is table else "training"
    sample_weight = None
    if weight is not None:
        check_columns(sample, [weight], name)
        sample_weight = float_values(sample, weight)
    classes = list(priors) if _names_classes(priors, sample, label, merge, min_class_size) else None
    candidates = _candidates(sample, table, label)
    chosen = properties
    if properties is None and not known_properties(candidates):
        chosen = property_columns(sample[candidates], label) or None
    if chosen is not None:
        chosen = guess_properties(chosen, sample)
    records = parse_properties(chosen, candidates)
    if _is_sky(priors):
        records = _without_location(records, is_chosen=properties is not None)
    if properties is None:
        records = properties_that_vary(records, sample, label)
    model = NaiveBayesClassifier(
        records,
        weights=weights,
        classes=classes,
        min_class_size=min_class_size,
        merge=merge,
        **settings,
    )
    if model._core.takes_limits:
        model._given_properties = with_limits(records, candidates)
    read = read_sample(model, sample, label, sample_weight, id, name=name)
    read_values(table[:1], read.records, units=read.units)
    if sample is table and len(read.training.codes) == len(table):
        _check_unlabelled(priors)
    priors = _settled_priors(priors, read, table, sample)
    parse_decision(decision, read.names)
    categories = dict.fromkeys(record.category for record in read.records)
    _output.check_collisions(
        table, read.names, categories, overwrite, has_intervals=posterior_error > 0
    )
    model._learn(read, table)
    model.origin = _origin(sample)
    if weights is None and model.normalization == "none":
        if offsets is None:
            offsets = isinstance(priors, str) and priors == "estimate"
        model.optimize(
            sample,
            _priors_of_sample(priors),
            offsets=offsets,
            rng=rng,
            show_progress=show_progress,
        )
        log.info("weights fitted on held-out log-loss: %s", model.weights)
    return model, priors


def _is_sky(priors):
    return isinstance(priors, str) and priors == "sky"


def _without_location(records, *, is_chosen):
    """Leave out the properties that the priors of the sky have used already."""
    used = [record.column for record in records if record.column in SKY_COLUMNS]
    if used and is_chosen:
        raise InputValueError(
            f"properties must not have {', '.join(used)} with priors='sky', which depend on it: it "
            "would count twice"
        )
    if used:
        log.info("the property %s is left out: the priors depend on it", ", ".join(used))
    return [record for record in records if record.column not in SKY_COLUMNS]


def _candidates(sample, table, label):
    """List the columns that may be properties: those of the sample that the table has too."""
    return [name for name in sample.colnames if name in table.colnames and name != label]


def _names_classes(priors, sample, label, merge, min_class_size):
    """Return whether the priors are a mapping that names all classes, and so their order."""
    if not isinstance(priors, dict) or merge or label not in sample.colnames:
        return False
    labels, missing = text_values(sample, label, name="table")
    found, counts = np.unique(labels[~missing], return_counts=True)
    named = len(found) > 1 and set(map(str, priors)) == set(found)
    return named and bool(np.all(counts >= min_class_size))


def _check_unlabelled(priors):
    if isinstance(priors, str) and priors == "estimate":
        raise InputValueError(
            "priors='estimate' needs unlabelled sources: every row of the table has a label"
        )


def _settled_priors(priors, read, table, sample):
    """Check priors before any work, and bring them to one form: by class, or one row per source."""
    if isinstance(priors, str) and priors == "estimate":
        return priors
    if _is_sky(priors):
        # The proportions of the labelled sources hold at their fluxes and positions.
        shares = dict(zip(read.names, read.proportions().tolist(), strict=True))
        labelled = sample[read.rows]
        each = sky_priors(table, shares, reference=labelled)
        return each[:, np.argsort(np.argsort(read.names))]
    proportions = parse_priors(
        priors,
        read.names,
        read.proportions(),
        len(table),
        table=table,
        dropped=read.dropped,
    )
    if proportions.ndim == 1:
        return dict(zip(read.names, proportions.tolist(), strict=True))
    return proportions.T


def _priors_of_sample(priors):
    """Return the priors for the fit of the weights: the mean of priors per source."""
    if isinstance(priors, str):
        return "training"
    return priors if isinstance(priors, dict) else priors.mean(axis=0)


def _origin(sample):
    """Return where a sample is from, as the earlier steps recorded it."""
    steps = sample.meta.get("claxboi", {})
    catalog, catalogues = steps.get("catalog", {}), steps.get("labels", {}).get("catalogues", {})
    origin = {
        "mission": catalog.get("mission") or steps.get("training", {}).get("mission"),
        "flux_band": catalog.get("flux_band"),
        "hardness_bands": catalog.get("hardness_bands"),
    }
    dates = sorted(entry["date"][:10] for entry in catalogues.values() if entry.get("date"))
    if dates:
        origin["dates"] = [dates[0], dates[-1]]
    return {key: value for key, value in origin.items() if value} or None
