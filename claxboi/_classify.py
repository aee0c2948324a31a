# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The one call that most people make.
"""

import inspect
import logging
import os

from astropy.coordinates import SkyCoord

from claxboi.classification import NaiveBayesClassifier, fit_classifier
from claxboi.pipeline import prepare
from claxboi.properties import known_properties
from claxboi.training import find_training
from claxboi.utils import check_table

__all__ = ["classify"]

log = logging.getLogger(__name__)

#: Smaller tables of bare positions and fluxes are not labelled: they are too small to learn from.
SMALLEST_OWN_SAMPLE = 1000

#: The mission of bare positions and fluxes of which nothing else is known: the richest sample.
ASSUMED_MISSION = "4XMM"


def classify(
    table,
    priors=None,
    *,
    properties=None,
    label="class",
    training=None,
    weight=None,
    model=None,
    weights=None,
    offsets=None,
    normalization=None,
    missing="existence",
    kernel="exponential",
    bandwidth="likelihood",
    min_class_size=3,
    merge=None,
    overwrite=False,
    return_model=False,
    show_progress=True,
):
    """
    Classify X-ray sources.

    A naive Bayes classifier learns one density per class and property from the labelled
    sources, finds one exponent per category of properties on held-out likelihoods, and gives
    each source the posterior of each class.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, one a row, with the columns of the properties. Masked, NaN and infinite
        values are missing. Not changed.
    priors : mapping, sequence, "training", "estimate", array or callable, optional
        Prior proportions of the classes, which sum to 1: by class, or in the order of the
        classes (labels sorted); "training", those of the training sample (None too, with a
        warning); "estimate", from the unlabelled sources themselves; an array of shape
        (n_sources, n_classes), or a function of the table that returns one.
    properties : sequence of (str or `~claxboi.classification.Property`) or mapping, optional
        What classifies: column names, records, or a mapping from a category to either. Default:
        every known property column that the table has, and in which labelled sources differ.
    label : str, optional
        Column with the known classes, strings or integers; masked or empty where unknown.
    training : `~astropy.table.Table` or str, optional
        Another labelled table to train on, or the name of a mission ("4XMM") whose sample is built
        from VizieR when it is first asked for (`claxboi.training.build`). Default: the labelled
        rows of ``table``; with fewer than two classes there, and a mission known from
        `claxboi.catalog.standardize` or the column ``flux_band``, the sample of that mission, with
        a warning. Bare positions and fluxes that say nothing of it are taken for 4XMM's.
    weight : str, optional
        Column of the training sample with the weight of each row, positive: soft labels
        (`claxboi.votes.apply_votes`). Default: 1 each.
    model : `~claxboi.classification.NaiveBayesClassifier` or str or path, optional
        A fitted model, or the file of one. Excludes the settings of a fit.
    weights : None, "published", mapping or sequence, optional
        Exponents of the categories and of "missing". None (default): fitted on held-out
        log-loss at the priors. "published" and numbers are taken as they are.
    offsets : bool, optional
        With fitted weights: fit an offset per class too. Default: only with priors="estimate",
        which needs likelihoods that are calibrated class by class.
    normalization, missing, kernel, bandwidth, min_class_size, merge
        See `~claxboi.classification.NaiveBayesClassifier`.
    overwrite : bool, optional
        Replace columns of the table with the names of the answer; else they are an error.
    return_model : bool, optional
        Return the fitted model too.
    show_progress : bool, optional
        Show progress of what takes longer than two seconds.

    Returns
    -------
    result : same class as the table
        A new table: the caller's columns, then ``prediction``, ``P_<class>``, ``margin``,
        ``outlier``, ``outlier_pvalue``, ``alternative``, ``n_missing``,
        ``P_<class>_<category>`` and ``is_training``. Rows that trained the model have their
        held-out posterior. ``meta["claxboi"]["classification"]`` has all settings.
    model : `~claxboi.classification.NaiveBayesClassifier`
        Only with ``return_model=True``.

    Raises
    ------
    KeyError
        If a column is absent.
    TypeError
        If an argument is of the wrong kind, or a property is not numeric.
    ValueError
        If the table is empty, there are fewer than two classes to learn, a property cannot
        classify, the priors are wrong, or columns collide.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(2000, rng=1)
    >>> result = classify(table, priors="training")
    >>> result.colnames[-1]
    'is_training'
    """
    check_table(table)
    is_bare = properties is None and _is_bare(table)
    if is_bare:
        is_own_sample = (
            model is None
            and training is None
            and label not in table.colnames
            and len(table) >= SMALLEST_OWN_SAMPLE
        )
        table = _prepare(table, is_own_sample, show_progress)
    if model is not None:
        _check_defaults(
            training=training,
            weight=weight,
            properties=properties,
            weights=weights,
            offsets=offsets,
            normalization=normalization,
            missing=missing,
            kernel=kernel,
            bandwidth=bandwidth,
            min_class_size=min_class_size,
            merge=merge,
        )
        if isinstance(model, (str, os.PathLike)):
            model = NaiveBayesClassifier.read(model)
        elif not isinstance(model, NaiveBayesClassifier):
            raise TypeError(
                "model must be a NaiveBayesClassifier or the file of one, got "
                f"{type(model).__name__}"
            )
        result = model.classify(table, priors, overwrite=overwrite, show_progress=show_progress)
        return (result, model) if return_model else result
    sample = find_training(
        table,
        training,
        label=label,
        merge=merge,
        min_class_size=min_class_size,
        assumed=ASSUMED_MISSION if is_bare else None,
        show_progress=show_progress,
    )
    model, priors = fit_classifier(
        sample,
        priors,
        table=table,
        properties=properties,
        label=label,
        weight=weight,
        weights=weights,
        offsets=offsets,
        normalization=normalization,
        missing=missing,
        kernel=kernel,
        bandwidth=bandwidth,
        min_class_size=min_class_size,
        merge=merge,
        overwrite=overwrite,
        show_progress=show_progress,
    )
    result = model.classify(table, priors, overwrite=overwrite, show_progress=show_progress)
    return (result, model) if return_model else result


def _is_bare(table):
    """Say whether a table has positions, and nothing yet by which sources are classified."""
    names = {name.lower() for name in table.colnames}
    has_position = {"ra", "dec"} <= names or any(
        isinstance(column, SkyCoord) for column in table.columns.values()
    )
    return has_position and not known_properties(table.colnames)


def _prepare(table, needs_labels, show_progress):
    log.info("the table has no property yet: it is prepared first, see claxboi.pipeline.prepare")
    skip = [] if needs_labels else ["labels"]
    return prepare(table, skip=skip, show_progress=show_progress)


def _check_defaults(**settings):
    """Check that settings of a fit were not given."""
    parameters = inspect.signature(classify).parameters
    given = [
        name
        for name, value in settings.items()
        if value is not None
        and (parameters[name].default is None or value != parameters[name].default)
    ]
    if given:
        raise ValueError(
            f"model is fitted already: {', '.join(given)} cannot be given, for it belongs to a fit"
        )
