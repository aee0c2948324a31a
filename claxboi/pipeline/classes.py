# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Last step of the job: select sources, fit or read the classifier, classify and score.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn

from claxboi.classification import (
    SKY_COLUMNS,
    class_sets,
    classify_candidates,
    evaluate_result,
    fit_classifier,
)
from claxboi.classification.properties import parse_properties, properties_that_vary
from claxboi.io import read_table
from claxboi.properties import published_properties
from claxboi.training import find_training
from claxboi.utils import (
    InputKeyError,
    InputValueError,
    add_columns,
    float_values,
    is_missing,
    text_values,
    warn,
)

from .candidate_rows import make_candidates

__all__ = ["BY_RECIPE", "classify_sources", "gated", "none_if_empty"]

log = logging.getLogger(__name__)

#: Settings of the classifier that are the recipe's where they are empty.
BY_RECIPE = ("normalization", "missing", "kernel", "bandwidth", "refine")


def none_if_empty(value):
    """
    Return None for an empty text, which stands for a default.

    Parameters
    ----------
    value : object
        The setting.

    Returns
    -------
    value : object
        The same, or None.
    """
    return None if value == "" else value


def gated(table, settings):
    """
    Select the sources that are not classified.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    settings : `PipelineSettings`
        Their ``gating`` counts.

    Returns
    -------
    is_gated : `~numpy.ndarray` of bool
    """
    own = settings.gating
    is_gated = np.zeros(len(table), bool)
    if own.suspect:
        is_gated |= _flag(table, "is_suspect", "gating.suspect")
    if own.extended:
        if "extent" in table.colnames:
            is_gated |= float_values(table, "extent", unit=u.arcsec) > settings.labels.min_extent
        else:
            is_gated |= _flag(table, "is_extended", "gating.extended")
    if own.outside_galaxies:
        if "galaxy_radius" not in table.colnames:
            raise InputKeyError("gating.outside_galaxies needs the step hosts, which is skipped")
        is_gated |= ~(float_values(table, "galaxy_radius") < settings.labels.host_radius)
    return is_gated


def _flag(table, column, setting):
    if column not in table.colnames:
        warn(f"{setting} has no effect: the catalogue has no column {column}")
        return np.zeros(len(table), bool)
    return float_values(table, column) == 1


def classify_sources(table, job):
    """
    Fit or read the classifier, and classify all sources but those that gating leaves out.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources with their properties.
    job : `Job`
        The job.

    Returns
    -------
    result : same class as the table
        All rows; those left out have no class.
    model : `~claxboi.classification.NaiveBayesClassifier`
        The classifier.
    candidates : `~astropy.table.Table` or None
        All candidates of the sources, if they were classified over them.
    """
    settings, show_progress = job.settings, job.show_progress
    own = settings.classification
    is_gated = gated(table, settings)
    if is_gated.all():
        raise InputValueError(
            f"gating must leave at least one source, but it leaves out all {len(table)}"
        )
    part = table[~is_gated] if is_gated.any() else table
    sample = _sample(part, own, show_progress)
    options = {
        "properties": _properties(own, sample, part),
        "weights": None if own.weights == "fitted" else own.weights,
        "merge": _lists(own.merge) or None,
        "min_class_size": own.min_class_size,
        "recipe": own.recipe,
        "shrinkage": own.shrinkage,
        **{name: none_if_empty(getattr(own, name)) for name in BY_RECIPE},
    }
    priors = _priors_of_known(own.priors, sample, own)
    decision = own.decision if isinstance(own.decision, str) else dict(own.decision)
    model, priors = fit_classifier(
        sample, priors, table=part, decision=decision, **options, show_progress=show_progress
    )
    candidates = None
    if own.candidates == "all":
        columns = [name for one in model.properties for name in one.columns]
        candidates = make_candidates(table, is_gated, job, columns)
        result, candidates = classify_candidates(
            model,
            part,
            candidates,
            priors,
            decision=decision,
            return_candidates=True,
            show_progress=show_progress,
        )
        # Rows of the whole table.
        candidates["primary"] = np.flatnonzero(~is_gated)[candidates["primary"]]
    else:
        result = model.classify(part, priors, decision=decision, show_progress=show_progress)
    if own.class_sets:
        labelled = None
        if sample is not part:
            labelled = model.classify(sample, priors, overwrite=True, show_progress=show_progress)
        result = class_sets(result, model, own.class_sets, sample=labelled)
    if is_gated.any():
        result = _spread(table, result, ~is_gated)
    return result, model, candidates


def evaluate(result, model, settings, *, show_progress):
    """
    Score the model on the labelled sources, held out.

    Parameters
    ----------
    result : `~astropy.table.Table`
        What it classified.
    model : `~claxboi.classification.NaiveBayesClassifier`
        The model.
    settings : `PipelineSettings`
        The settings.
    show_progress : bool
        Whether to show progress.

    Returns
    -------
    evaluation : `~claxboi.classification.Evaluation` or None
        None without labelled sources.
    """
    sample = None
    if settings.classification.training or not np.any(float_values(result, "is_training") == 1):
        sample = _sample(result, settings.classification, show_progress)
    return evaluate_result(result, model, sample=sample, show_progress=show_progress)


def _properties(own, sample, table):
    """Choose the properties; of the published set, only those that vary."""
    chosen = own.properties
    if chosen == "known":
        return None
    if chosen != "published":
        return _lists(chosen)
    used = SKY_COLUMNS if own.priors == "sky" else ()
    there = [name for name in sample.colnames if name in table.colnames and name not in used]
    records = parse_properties(published_properties(columns=there), there)
    return properties_that_vary(records, sample, "class")


def _lists(value):
    """Convert the tuples of the settings to lists."""
    if isinstance(value, Mapping):
        return {key: list(names) for key, names in value.items()}
    return list(value)


def _sample(table, own, show_progress):
    """Find the training sample: the table itself, a file, or the sample of a mission."""
    if Path(own.training).is_file():
        return read_table(own.training)
    return find_training(
        table,
        own.training or None,
        merge=_lists(own.merge) or None,
        min_class_size=own.min_class_size,
        show_progress=show_progress,
    )


def _priors_of_known(priors, sample, own):
    """Share the priors of classes with too few labels among the others."""
    if not isinstance(priors, Mapping) or "class" not in sample.colnames:
        return priors if isinstance(priors, str) else dict(priors)
    labels, missing = text_values(sample, "class")
    merged = {label: new for new, many in own.merge.items() for label in many}
    labels = np.array([merged.get(label, label) for label in labels[~missing].tolist()], str)
    known = {
        name: value
        for name, value in priors.items()
        if np.count_nonzero(labels == name) >= own.min_class_size
    }
    lost = [name for name in priors if name not in known]
    total = sum(known.values())
    if not lost or len(known) < 2 or not total > 0:
        return dict(priors)
    warn(
        f"class {', '.join(lost)} has fewer than {own.min_class_size} labelled sources: it is left "
        "out, and its prior is shared among the other classes in proportion"
    )
    return {name: value / total for name, value in known.items()}


def _spread(table, result, rows):
    """Add the results of some rows to the table of all rows."""
    columns = {}
    for name in result.colnames:
        if name in table.colnames:
            continue
        column = result[name]
        missing = np.ones(len(table), bool)
        missing[rows] = is_missing(result, name)
        values = np.zeros(len(table), np.ma.getdata(column).dtype)
        values[rows] = np.ma.getdata(column)
        if name == "is_training":
            # It is known of each source.
            missing[:] = False
        columns[name] = MaskedColumn(
            values, mask=missing, unit=column.unit, description=column.description
        )
        columns[name].meta.update(column.meta)
    spread = add_columns(table, columns)
    spread.meta = result.meta
    return spread
