# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Classify a table of X-ray sources in one call.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from astropy.table import Table
    from astropy.units import Quantity

    from claxboi.classification import NaiveBayesClassifier, Property
    from claxboi.classification.priors import PriorsLike

__all__ = ["classify"]

# What is imported in functions takes seconds: `from claxboi import classify` need not wait for it.

#: Smaller tables of bare positions are not labelled: they are too small to learn from.
SMALLEST_OWN_SAMPLE = 1000

#: Training sample for bare positions that do not say their mission: the richest one.
ASSUMED_MISSION = "4XMM"


def _checked(function):
    """Check arguments by `claxboi.utils.checked`, which is imported with the first call."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        from claxboi.utils import checked

        return checked(function)(*args, **kwargs)

    return wrapper


@_checked
def classify(
    table: Table,
    priors: PriorsLike = None,
    *,
    properties: Sequence[str | Property] | Mapping | None = None,
    label: str = "class",
    training: Table | str | None = None,
    weight: str | None = None,
    id: str | None = None,
    model: NaiveBayesClassifier | str | PathLike[str] | None = None,
    weights: Literal["published"] | Mapping | Sequence | None = None,
    offsets: bool | None = None,
    recipe: Literal["default", "published", "original"] = "default",
    normalization: Any = None,
    missing: Any = None,
    kernel: Any = None,
    bandwidth: Any = None,
    min_class_size: Any = None,
    merge: Any = None,
    refine: Any = None,
    shrinkage: Any = 1.0,
    candidates: Table | None = None,
    decision: Literal["probable", "balanced"] | Mapping = "probable",
    posterior_error: int = 0,
    rng: Any = None,
    pos_error: str | Quantity | None = None,
    fetch: bool = True,
    overwrite: bool = False,
    return_model: bool = False,
    show_progress: bool = True,
) -> Any:
    """
    Classify X-ray sources.

    A naive Bayes classifier learns one density per class and property from the labelled sources.
    It fits one exponent per category of properties on held-out likelihoods, and computes the
    posterior of each class for each source.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, one a row, with the columns of the properties. Masked, NaN and infinite
        values are missing. Not changed.
    priors : mapping, sequence, "training", "estimate", "sky", array or callable, optional
        Prior proportions of the classes, which sum to 1: by class, or in the order of the
        classes (labels sorted); "training", those of the training sample (None too, with a
        warning); "estimate", from the unlabelled sources themselves; "sky", those of the training
        sample carried over to the flux and position of each source with number counts (see
        `~claxboi.classification.sky_priors`), without the property ``b``; an array of
        shape (n_sources, n_classes), or a function of the table that returns one.
    properties : sequence of (str or `~claxboi.classification.Property`) or mapping, optional
        What classifies: column names, records, or a mapping from a category to either. Default:
        every known property column of the table in which labelled sources differ; in a table
        without one, the columns of numbers that look like a property. The category and scale
        of an unknown column are guessed from its name, unit and values, with a warning.
    label : str, optional
        Column with the known classes, strings or integers; masked or empty where unknown. Case is
        ignored where it is unique.
    training : `~astropy.table.Table` or str, optional
        Another labelled table to train on, or the name of a mission ("4XMM") whose sample is built
        from VizieR when it is first asked for (`claxboi.training.build`). Default: the labelled
        rows of ``table``. With fewer than two classes there, and a mission known from
        `claxboi.catalog.standardize` or the column ``flux_band``, the sample of that mission, with
        a warning; for bare positions (see Notes) without a mission, the sample of 4XMM.
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
    recipe : {"default", "published", "original"}, optional
        Values of the next four and of ``refine``, where they are None: the default ones, those of
        Tranin et al. (2022), or those of the original scripts.
    normalization, missing, kernel, bandwidth, min_class_size, merge, refine, shrinkage
        See `~claxboi.classification.NaiveBayesClassifier`.
    candidates : `~astropy.table.Table`, optional
        All candidate counterparts of each source, and none, over which the posterior is summed: see
        `~claxboi.classification.classify_candidates`.
    decision : {"probable", "balanced"} or mapping, optional
        Rule for ``prediction``: see `NaiveBayesClassifier.classify
        <claxboi.classification.NaiveBayesClassifier.classify>`.
    posterior_error : int, optional
        Number of bootstrap samples of the training sample (default 0: none; 200 is enough), which
        give ``P_<class>_low`` and ``P_<class>_high``, the 68 % interval of each posterior.
    rng : None, int or `~numpy.random.Generator`, optional
        Draws the bootstrap samples.
    pos_error : str or `~astropy.units.Quantity` ['angle'], optional
        Positional error of bare positions, where its column is not found: the name of the column,
        or one value for all sources, 1 sigma per axis.
    fetch : bool, optional
        Whether services may be asked. False: what is not on this machine is an error.
    overwrite : bool, optional
        Replace columns of the table with the names of the answer; else they are an error.
    return_model : bool, optional
        Return the fitted model too.
    show_progress : bool, optional
        Show progress of what takes longer than two seconds.

    Returns
    -------
    result : same class as the table
        A new table: the caller's columns, then ``prediction``, ``P_<class>``, with
        ``posterior_error`` their intervals, ``margin``, ``outlier``, ``outlier_pvalue``,
        ``support``, ``alternative``, ``n_missing``, ``P_<class>_<category>`` and ``is_training``.
        Rows that trained the model have their held-out posterior.
        ``meta["claxboi"]["classification"]`` has all settings.
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

    Warns
    -----
    `~claxboi.utils.exceptions.ClaxboiWarning`
        Before positions are sent to a service.

    Notes
    -----
    Positions leave the machine in one case only: the table has positions and nothing to classify
    by (bare positions). That is without ``model`` and ``properties``, without a column of labels,
    and without a known property, whatever the case of its name. The table then goes through
    `claxboi.pipeline.prepare`, after a warning that says how many positions are sent to which
    service. ``fetch=False`` and ``claxboi.conf.offline`` prevent it.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(2000, rng=1)
    >>> result = classify(table, priors="training")
    >>> result.colnames[-1]
    'is_training'
    """
    from claxboi.classification import check_priors, fit_classifier, open_model, parse_decision
    from claxboi.config import MIN_CLASS_SIZE, conf
    from claxboi.training import find_training
    from claxboi.utils import InputValueError, check_table

    settings = {
        "properties": properties,
        "weight": weight,
        "id": id,
        "weights": weights,
        "offsets": offsets,
        "recipe": recipe,
        "normalization": normalization,
        "missing": missing,
        "kernel": kernel,
        "bandwidth": bandwidth,
        "min_class_size": min_class_size,
        "merge": merge,
        "refine": refine,
        "shrinkage": shrinkage,
    }
    check_table(table)
    check_priors(priors)
    parse_decision(decision)
    if posterior_error and candidates is not None:
        raise InputValueError(
            f"posterior_error must be 0 with candidates, got {posterior_error}: a sum over "
            "candidates has no interval"
        )
    if model is not None:
        _check_defaults(training=training, pos_error=pos_error, **settings)
        model = open_model(model)
    else:
        with nullcontext() if fetch else conf.set_temp("offline", True):
            # Labels are those of the table to learn from; the other may have a column of like name.
            label = _label_column(training if _is_table(training) else table, label)
            is_bare = properties is None and _is_bare(table, label, training)
            if is_bare:
                needs_labels = training is None and len(table) >= SMALLEST_OWN_SAMPLE
                table = _prepare(table, needs_labels, pos_error, fetch, show_progress)
            sample = find_training(
                table,
                training,
                label=label,
                merge=merge,
                min_class_size=MIN_CLASS_SIZE if min_class_size is None else min_class_size,
                assumed=ASSUMED_MISSION if is_bare else None,
                show_progress=show_progress,
            )
            model, priors = fit_classifier(
                sample,
                priors,
                table=table,
                label=label,
                **settings,
                decision=decision,
                posterior_error=posterior_error,
                overwrite=overwrite,
                show_progress=show_progress,
            )
    result = model.classify(
        table,
        priors,
        candidates=candidates,
        decision=decision,
        posterior_error=posterior_error,
        rng=rng,
        overwrite=overwrite,
        show_progress=show_progress,
    )
    return (result, model) if return_model else result


def _label_column(table, label):
    """Find the column of labels, ignoring case where that is unique."""
    if not isinstance(label, str) or label in table.colnames:
        return label
    same = [name for name in table.colnames if name.lower() == label.lower()]
    return same[0] if len(same) == 1 else label


def _is_table(value):
    from astropy.table import Table

    return isinstance(value, Table)


def _is_bare(table, label, training):
    """Return whether a table has positions, and nothing to classify its sources by."""
    from claxboi.catalog import find_columns
    from claxboi.classification import property_columns
    from claxboi.properties import known_properties

    if label in table.colnames or known_properties(table.colnames):
        return False
    if _is_table(training) and not known_properties(training.colnames):
        own = set(property_columns(table))
        return not own.intersection(property_columns(training))
    try:
        find_columns(table)
    except ValueError:
        # Without a position, or with an ambiguous column, which the preparation explains.
        return {"ra", "dec"} <= {name.lower() for name in table.colnames}
    return True


def _prepare(table, needs_labels, pos_error, fetch, show_progress):
    """Find counterparts, hosts and properties, after saying what is sent to which service."""
    from claxboi.config import conf
    from claxboi.pipeline import plan, prepare
    from claxboi.utils import InputValueError, warn

    if not fetch:
        raise InputValueError(
            "table must have a column to classify by, or fetch must be True: it has positions, and "
            f"no known property (its columns are {', '.join(table.colnames)}). Name your own with "
            "properties="
        )
    skip = [] if needs_labels else ["labels"]
    with warnings.catch_warnings():
        # The preparation itself repeats them.
        warnings.simplefilter("ignore")
        lines = plan(table, pos_error=pos_error, skip=skip)
    if not conf.offline:
        requests = "; ".join(str(line).partition(";")[0] for line in lines[1:])
        warn(
            f"the table has no property to classify by, so its {len(table)} positions are sent to "
            f"services (fetch=False prevents it): {requests}"
        )
    return prepare(table, pos_error=pos_error, skip=skip, show_progress=show_progress)


def _check_defaults(**settings):
    """Check that settings of a fit were not given."""
    from claxboi.utils import InputValueError

    parameters = inspect.signature(classify).parameters
    given = [
        name
        for name, value in settings.items()
        if value is not None
        and (parameters[name].default is None or value != parameters[name].default)
    ]
    if given:
        raise InputValueError(
            f"{', '.join(given)} cannot be given with model=, which is already fitted"
        )
