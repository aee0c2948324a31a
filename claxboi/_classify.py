# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The one call that most people make.
"""

import inspect
import logging
import os
from collections import Counter

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.catalog import missions
from claxboi.properties import known_properties
from claxboi.utils import check_columns, check_table, float_values, text_values, warn

from .classification import _output
from .classification._training import read_values
from .classification.classifier import NaiveBayesClassifier
from .classification.priors import parse_priors
from .classification.properties import parse_properties, properties_that_vary

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
    id=None,
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
    id : str, optional
        Column with the identifiers of the sources (default: ``source_id``, where there is one).
        Rows of one identifier, or without one of one position within 0.2 arcsec, are one source
        and are held out together.
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
            id=id,
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
    sample_weight = None
    if weight is not None:
        check_columns(sample, [weight], "table" if training is None else "training")
        sample_weight = float_values(sample, weight)
    classes = list(priors) if _names_classes(priors, sample, label, merge, min_class_size) else None
    records = parse_properties(properties, _candidates(sample, table, label))
    if properties is None:
        records = properties_that_vary(records, sample, label)
    model = NaiveBayesClassifier(
        records,
        weights=weights,
        normalization=normalization,
        missing=missing,
        kernel=kernel,
        bandwidth=bandwidth,
        classes=classes,
        min_class_size=min_class_size,
        merge=merge,
    )
    read = model._read_sample(
        sample, label, sample_weight, id, name="table" if training is None else "training"
    )
    read_values(table[:1], read.records, units=read.units)
    if sample is table and len(read.training.codes) == len(table):
        _check_unlabelled(priors)
    priors = _settled_priors(priors, read, table)
    categories = dict.fromkeys(record.category for record in read.records)
    _output.check_collisions(table, read.names, categories, overwrite)
    model._learn(read)
    if weights is None and model.normalization == "none":
        if offsets is None:
            offsets = isinstance(priors, str) and priors == "estimate"
        model.optimize(
            sample, _priors_of_sample(priors), offsets=offsets, show_progress=show_progress
        )
        log.info("weights fitted on held-out log-loss: %s", model.weights)
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
    # The look back at the whole way here, which few tables need.
    from claxboi.pipeline import prepare

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


def find_training(
    table,
    training,
    *,
    label="class",
    merge=None,
    min_class_size=3,
    assumed=None,
    show_progress=True,
):
    """
    Find the sample to train on.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources to classify.
    training : None, str or `~astropy.table.Table`
        What the caller gave.
    label, merge, min_class_size, show_progress
        As for `classify`.
    assumed : str, optional
        The mission of a table that does not say its own. Default: it is an error.

    Returns
    -------
    sample : `~astropy.table.Table`
        With the column ``label``: ``table`` itself, where it has two or more classes to learn, else
        the sample of its mission.

    Raises
    ------
    TypeError, KeyError, ValueError
        If ``training`` is neither a Table nor a mission, or there is nothing to learn from.
    """
    if isinstance(training, Table):
        return check_table(training, "training")
    if isinstance(training, str):
        return _mission_sample(training, label, show_progress)
    if training is not None:
        raise TypeError(
            "training must be a labelled Table or the name of a mission, got "
            f"{type(training).__name__}"
        )
    counts = _count_labels(table, label, merge)
    if sum(n >= min_class_size for n in counts.values()) >= 2:
        return table
    mission = _mission_of(table)
    why = ""
    if not mission and assumed:
        mission, why = assumed, ", for the table does not say its mission"
    if not mission:
        # Too few of some classes: the error of a fit says of which.
        if not counts:
            _refuse_unlabelled(table, label)
        return table
    said = ", ".join(f"{n} {name}" for name, n in counts.items()) or "none"
    warn(
        f"the table has too few labelled sources to learn from ({said}): trained on the sample of "
        f"{mission}{why}; pass training= for another one"
    )
    return _mission_sample(mission, label, show_progress)


def _mission_of(table):
    """Tell the mission by what standardize recorded, else by the band of the fluxes."""
    mission = table.meta.get("claxboi", {}).get("catalog", {}).get("mission")
    if mission or "flux_band" not in table.colnames:
        return mission
    bands, missing = text_values(table, "flux_band")
    found = set(bands[~missing])
    same = (name for name, one in missions().items() if one.reference and {one.flux_band} == found)
    return next(same, None)


def _count_labels(table, label, merge):
    """Count the labelled sources of each class."""
    if label not in table.colnames:
        return {}
    labels, missing = text_values(table, label)
    new = {str(old): name for name, many in (merge or {}).items() for old in np.atleast_1d(many)}
    return dict(Counter(new.get(name, str(name)) for name in labels[~missing]))


def _refuse_unlabelled(table, label):
    """Say what to do with a table of which nothing is known."""
    remedy = (
        "Label sources by claxboi.training.add_labels, or pass training= (a labelled Table, or a "
        "mission such as '4XMM' whose sample is built from VizieR) or model="
    )
    if label not in table.colnames:
        columns = ", ".join(table.colnames)
        raise KeyError(f"table has no column {label!r}; its columns are {columns}. {remedy}")
    raise ValueError(f"label column {label!r} of table is empty: no source has a label. {remedy}")


def _mission_sample(mission, label, show_progress):
    # astroquery takes half a second to import, and most tables have their own labels.
    from claxboi.training import build

    sample = build(mission, show_progress=show_progress).table
    if label != "class":
        sample = sample.copy()
        sample.rename_column("class", label)
    return sample


def _candidates(sample, table, label):
    """List the columns that may be properties: those of the sample that the table has too."""
    return [name for name in sample.colnames if name in table.colnames and name != label]


def _names_classes(priors, sample, label, merge, min_class_size):
    """Say whether the priors give the order of the classes, as a mapping that names all of them."""
    if not isinstance(priors, dict) or merge or label not in sample.colnames:
        return False
    labels, missing = text_values(sample, label, name="table")
    found, counts = np.unique(labels[~missing], return_counts=True)
    named = len(found) > 1 and set(map(str, priors)) == set(found)
    return named and bool(np.all(counts >= min_class_size))


def _check_unlabelled(priors):
    if isinstance(priors, str) and priors == "estimate":
        raise ValueError(
            "priors='estimate' needs sources that did not train the model; every row of the "
            "table has a label"
        )


def _settled_priors(priors, read, table):
    """Check priors before any work, and bring them to one form: by class, or one row per source."""
    if isinstance(priors, str) and priors == "estimate":
        return priors
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
    """Return what the weights are fitted for: priors per source are of the table, so their mean."""
    if isinstance(priors, str):
        return "training"
    return priors if isinstance(priors, dict) else priors.mean(axis=0)
