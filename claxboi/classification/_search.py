# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fit the weights of a model to held-out likelihoods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy.table import Table

from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    Progress,
    check_choice,
    check_count,
    check_table,
    checked,
    warn,
)

from ._identity import IdentityWarning, join_groups
from ._likelihood import Terms
from ._parallel import threads
from ._refinement_fit import fit_refinement
from ._source_arrays import Sources, TrainingRows
from ._table_reading import find_identity, label_codes, read_sources
from .posterior import combine, log_normalize
from .priors import parse_priors
from .weights import F1Objective, WeightSearch, fit_log_loss, search_f1

if TYPE_CHECKING:
    from numpy.random import Generator

    from .classifier import NaiveBayesClassifier
    from .priors import PriorsLike

__all__ = ["Labelled", "deal_folds", "optimize", "read_labelled"]

OBJECTIVES = ("log_loss", "f1")

#: Factor of the shrinkage of a refinement where labelled sources differ from the others.
DIFFERENT_POPULATION = 3.0


@checked
def optimize(
    self: NaiveBayesClassifier,
    table: Table,
    priors: PriorsLike = None,
    *,
    objective: Literal["log_loss", "f1"] = "log_loss",
    target: str | None = None,
    offsets: bool = False,
    n_folds: int = 5,
    label: str | None = None,
    training: bool | None = None,
    max_iterations: int = 200,
    rng: int | Generator | None = None,
    show_progress: bool = True,
) -> WeightSearch:
    """
    Fit the weights of the categories to held-out likelihoods, and set them.

    Parameters
    ----------
    table : `~astropy.table.Table`
        A labelled table; rows that trained the model are held out.
    priors : mapping, sequence, "training", array or callable, optional
        The priors for which the weights shall be best; see `classify`.
    objective : {"log_loss", "f1"}, optional
        "log_loss" (default): free exponents of lowest log-loss, each source weighted by the
        prior over the training fraction of its class; a convex problem of seconds. "f1":
        highest f1 with prior-corrected precision, by differential evolution on a sample
        drawn to the prior proportions (the published way).
    target : str, optional
        The class whose f1 counts. Default: the mean over the classes.
    offsets : bool, optional
        With "log_loss": fit an offset per class too.
    n_folds : int, optional
        With "log_loss": exponents are found again without each fold, and those score its
        training sources wherever they are asked for.
    label : str, optional
        Name of the label column; that of `fit` by default.
    training : bool, optional
        As for `evaluate`.
    max_iterations : int, optional
        With "f1": largest number of generations.
    rng : None, int or `~numpy.random.Generator`, optional
        With "f1": random numbers.
    show_progress : bool, optional
        Show progress when it takes longer than two seconds.

    Returns
    -------
    search : `WeightSearch`
        Weights, score and history. Ctrl-C ends the search and keeps the best so far.
    """
    check_choice(objective, OBJECTIVES, "objective")
    check_count(n_folds, "n_folds", minimum=2)
    check_count(max_iterations, "max_iterations")
    if objective == "log_loss" and self.normalization != "none":
        raise InputValueError(
            "objective 'log_loss' fits free exponents, which needs normalization='none'; this "
            f"model has normalization={self.normalization!r}"
        )
    if target is not None and (objective != "f1" or str(target) not in self.classes_):
        raise InputValueError(
            f"target must be a class of the model ({', '.join(self.classes_)}) and goes with "
            f"objective 'f1'; got {target!r} with objective {objective!r}"
        )
    if offsets and objective != "log_loss":
        raise InputValueError(f"offsets go with objective 'log_loss', not {objective!r}")
    labelled = read_labelled(self, table, label, training)
    proportions = labelled.proportions(priors)
    if objective == "log_loss":
        search = self.search = fit_exponents(
            self._core,
            labelled,
            labelled.sources,
            proportions,
            offsets=offsets,
            n_folds=n_folds,
            show_progress=show_progress,
        )
        return search
    codes = labelled.codes
    terms = collect_terms(self._core, labelled.sources, show_progress=show_progress)
    rng = np.random.default_rng(rng)
    mean = proportions if proportions.ndim == 1 else proportions.mean(axis=1)
    rows = _draw_to_priors(codes, mean, rng)
    log_prior = _log_prior(proportions)
    if terms.detection is not None:
        log_prior = log_prior + terms.detection
    search = self.search = _search_f1(
        self._core,
        terms.part(rows),
        codes[rows],
        log_prior if log_prior.shape[1] == 1 else log_prior[:, rows],
        mean,
        None if target is None else self.classes_.index(str(target)),
        rng,
        max_iterations,
        show_progress,
    )
    return search


def _log_prior(proportions):
    # A class without any prior must not stop the search with an infinity.
    log_prior = np.log(np.maximum(proportions, np.finfo(float).tiny))
    return log_prior.reshape(len(proportions), -1)


@dataclass
class Labelled:
    """
    The labelled rows of a table.

    Attributes
    ----------
    model : `NaiveBayesClassifier`
        The fitted model.
    table : `~astropy.table.Table`
        The rows.
    codes : `~numpy.ndarray` of int, shape (n,)
        Their classes.
    sources : `Sources`
        Their values.
    source : `~numpy.ndarray` of int, shape (n,)
        Number of the source of each row.
    keys : `~numpy.ndarray` of uint64, shape (n,)
        Keys by which the sources are dealt to folds.
    """

    model: object
    table: Table
    codes: np.ndarray
    sources: Sources
    source: np.ndarray
    keys: np.ndarray

    @property
    def weights(self):
        """
        Training weights, 1 for new sources.
        """
        return np.where(self.sources.codes >= 0, self.sources.weights, 1.0)

    def proportions(self, priors):
        """
        Parse priors for these rows.
        """
        return parse_priors(
            priors,
            self.model.classes_,
            self.model._core.training_proportions(),
            len(self.table),
            table=self.table,
            dropped=self.model._dropped,
        )

    def training_rows(self, part):
        """
        Return some of the rows, to train another model.
        """
        sources = self.sources[part]
        return TrainingRows(
            sources.values,
            sources.errors,
            self.codes[part],
            self.weights[part],
            source=self.source[part],
            keys=self.keys[part],
            limits=sources.limits,
        )


def read_labelled(model, table, label=None, training=None):
    """
    Select the labelled rows of a table, read them, and find those that trained a model.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        A fitted model.
    table : `~astropy.table.Table`
        A table with labels.
    label : str, optional
        Name of the label column; that of the training by default.
    training : bool, optional
        Whether the rows trained the model, where neither identifiers nor positions tell. Default:
        they did not, with a warning.

    Returns
    -------
    labelled : `Labelled`

    Raises
    ------
    NotFittedError, KeyError, ValueError
        If the model is not fitted, there is no label column, no row has a label, or
        ``training=True`` and the rows are not those of the training sample.
    """
    model._check_fitted()
    check_table(table)
    if training is not None and not isinstance(training, bool | np.bool_):
        raise InputTypeError(f"training must be True, False or None, got {training!r}")
    label = model.label if label is None else label
    if label not in table.colnames:
        raise InputKeyError(
            f"table has no label column {label!r}; its columns are {', '.join(table.colnames)}"
        )
    codes = label_codes(table, label, model.classes_, model.merge)
    rows = np.flatnonzero(codes >= 0)
    if len(rows) == 0:
        raise InputValueError(
            f"no row of column {label!r} has a class of the model ({', '.join(model.classes_)})"
        )
    codes = codes[rows]
    sources = read_sources(model, table, label=label, is_checked=False)[rows]
    identity = find_identity(model, table)[rows]
    if sources.is_assumed:
        sources = _assume(model._core.training, sources, codes, training)
    source = identity.sources()
    keys = identity.keys(source)
    known = sources.rows >= 0
    if known.any():
        # What is one source of the training sample is one here.
        one = sources.training.source
        linked = np.where(known, one[sources.rows], len(one) + np.arange(len(rows)))
        source = join_groups(source, linked)
        keys[known] = sources.training.keys[sources.rows[known]]
        lowest = np.full(len(rows), np.iinfo(np.uint64).max)
        np.minimum.at(lowest, source, keys)
        keys = lowest[source]
    return Labelled(model, table[rows], codes, sources, source, keys)


def _assume(training, sources, codes, is_training):
    """Treat rows without identifiers or positions as training rows, or as new sources."""
    if not is_training:
        if is_training is None:
            warn(
                "the table and the training sample have no identifiers and no positions in "
                f"common: it is assumed that none of the {len(codes)} labelled rows trained the "
                "model; if they did, their scores are not held out: pass training=True, or add "
                "source_id or ra and dec to both (training=False confirms the assumption)",
                IdentityWarning,
            )
        return sources
    if not np.array_equal(codes, training.codes):
        raise InputValueError(
            "training=True needs the rows of the training sample in their order, for there are no "
            f"identifiers or positions in common: it has {len(training)} rows, the table "
            f"{len(codes)} labelled ones"
            + (" in another order of the classes" if len(codes) == len(training) else "")
        )
    return sources.of(training, np.arange(len(codes)))


def deal_folds(keys, n_folds):
    """
    Deal sources to folds.

    Parameters
    ----------
    keys : `~numpy.ndarray` of uint64, shape (n,)
        Keys of the sources.
    n_folds : int
        Number of folds.

    Returns
    -------
    fold : `~numpy.ndarray` of int, shape (n,)
    """
    return ((keys >> np.uint64(32)) % np.uint64(n_folds)).astype(int)


def population_weights(codes, proportions, weights):
    """
    Weigh sources so that the classes have given proportions.

    Parameters
    ----------
    codes : `~numpy.ndarray` of int, shape (n,)
        True classes.
    proportions : `~numpy.ndarray` of shape (n_classes,)
        Wanted proportions.
    weights : `~numpy.ndarray` of shape (n,)
        Weight of each source within its class.

    Returns
    -------
    weights : `~numpy.ndarray` of shape (n,)
        They sum to n.
    """
    counts = np.bincount(codes, weights, minlength=len(proportions))
    weights = weights * (proportions / np.where(counts > 0, counts, 1.0))[codes]
    return weights * len(codes) / weights.sum()


def collect_terms(core, sources, *, show_progress=False):
    """
    Evaluate the held-out terms of many sources at once.

    Parameters
    ----------
    core : `Engine`
        A fitted core.
    sources : object
        The sources.
    show_progress : bool, optional
        Whether to show progress.

    Returns
    -------
    terms : `Terms`
        Of all of them; ``pattern`` numbers the rows of ``patterns``, one per source here.
    """
    shape = (len(core.categories), len(core.classes_), len(sources))
    parts = [np.empty(shape) for _ in range(3)]
    patterns = ~np.isnan(sources.values.T)
    detection = None if core.detection is None else np.empty(shape[1:])

    def work(start, chunk, terms):
        part = slice(start, start + len(chunk))
        for whole, name in zip(parts, ("log_likelihood", "present", "absent"), strict=True):
            whole[..., part] = getattr(terms, name)
        if detection is not None:
            detection[:, part] = terms.detection

    core.chunks(sources, work, show_progress=show_progress, what="evaluating likelihoods")
    each = np.arange(len(sources))
    return Terms(*parts, each, patterns.sum(axis=1), each, patterns, detection=detection)


def _draw_to_priors(codes, proportions, rng):
    """Draw the largest sample without repeats in which the classes have given proportions."""
    counts = np.bincount(codes, minlength=len(proportions))
    asked = proportions > 0
    size = np.min(counts[asked] / proportions[asked])
    wanted = np.maximum(np.round(size * proportions), asked).astype(int)
    rows = [
        rng.choice(np.flatnonzero(codes == c), min(wanted[c], counts[c]), replace=False)
        for c in range(len(proportions))
    ]
    return np.sort(np.concatenate(rows))


def fit_exponents(core, rows, sources, proportions, *, offsets, n_folds, show_progress=False):
    """
    Fit free exponents on log-loss, and again without each fold, and set the model to them.

    A model with ``refine=True`` is refined as well, and then always has offsets.

    Parameters
    ----------
    core : `Engine`
        A fitted model; its weights, offsets, fold weights and refinement are set.
    rows : `TrainingRows` or `Labelled`
        Classes, weights and keys of the labelled sources.
    sources : `Sources`
        Their values.
    proportions : `~numpy.ndarray` of shape (n_classes,) or (n_classes, n)
        Priors.
    offsets : bool
        Whether to fit one offset per class as well.
    n_folds : int
        Number of folds.
    show_progress : bool, optional
        Whether to show progress.

    Returns
    -------
    search : `WeightSearch`
    """
    codes, row_weights = rows.codes, rows.weights
    core.refinement = None
    terms = collect_terms(core, sources, show_progress=show_progress)
    log_prior = _log_prior(proportions)
    mean = proportions if proportions.ndim == 1 else proportions.mean(axis=1)
    weights = population_weights(codes, mean, row_weights)
    unit = combine(terms, np.ones(len(core.categories)), 1.0, "none", core.missing)
    features = unit.contributions
    n_terms, n_classes, n = features.shape
    # What scores a source must not have seen it: all is found again without its fold.
    fold = deal_folds(rows.keys, n_folds)
    offsets = offsets or core.refine
    with Progress(n_folds + 1, "fitting exponents", show=show_progress) as progress:
        best, history, interrupted = fit_log_loss(
            features, codes, log_prior, weights, offsets=offsets
        )
        # What says nothing has any exponent: 1 does not look like a result.
        best[:n_terms][[not np.ptp(term, axis=0).any() for term in features]] = 1.0
        progress.update(1)
        fold_weights = np.repeat(_padded(best, n_terms, n_classes)[np.newaxis], n_folds, axis=0)
        for k in range(n_folds):
            kept = fold != k
            if core.refine or interrupted or kept.all() or not kept.any():
                continue
            found, _, interrupted = fit_log_loss(
                np.ascontiguousarray(features[..., kept]),
                codes[kept],
                log_prior if log_prior.shape[1] == 1 else log_prior[:, kept],
                weights[kept] * np.count_nonzero(kept) / weights[kept].sum(),
                offsets=offsets,
                start=best,
            )
            fold_weights[k] = _padded(found, n_terms, n_classes)
            progress.update(1)
    joint = np.zeros((n_classes, n))
    if core.refine and not interrupted:
        core.refinement, best, fold_weights = _refine(
            core,
            sources,
            features,
            codes,
            log_prior,
            (weights, row_weights),
            fold,
            n_folds,
            show_progress,
        )
        with threads(core.n_jobs):
            core.hold_out(sources)
            for _, part in core.refinement_sums(sources):
                joint += part
    names = [*core.categories, "missing"]
    core.weights = dict(zip(names, map(float, best[:n_terms]), strict=True))
    core.offsets = (
        dict(zip(core.classes_, map(float, best[n_terms:]), strict=True)) if offsets else {}
    )
    core.fold_weights = fold_weights
    each = fold_weights[fold]
    joint += np.einsum("nt,tcn->cn", each[:, :n_terms], features) + each[:, n_terms:].T + log_prior
    score = -np.average(log_normalize(joint)[codes, np.arange(n)], weights=weights)
    return WeightSearch(
        "log_loss",
        None,
        dict(core.weights),
        dict(core.offsets),
        float(score),
        _history(history, "log_loss", names, core.classes_ if offsets else ()),
        n,
        interrupted,
        fold_weights,
    )


def _refine(core, sources, features, codes, log_prior, weights, fold, n_folds, show_progress):
    """Refine a model; return the refinement, and exponents and offsets without and by fold."""
    differs = core.is_shifted
    shrinkage = core.shrinkage
    if differs and shrinkage != "cv":
        shrinkage = shrinkage * DIFFERENT_POPULATION
    with threads(core.n_jobs):
        refinement, best, by_fold = fit_refinement(
            core.make_terms(presence=not differs and core.missing != "ignore"),
            sources,
            core.likelihood.property_terms(sources.values, sources.errors, *sources.held),
            features,
            codes,
            log_prior,
            *weights,
            fold,
            n_folds,
            shrinkage=shrinkage,
            show_progress=show_progress,
        )
    best, *by_fold = (
        np.concatenate([found.exponents, found.offsets]) for found in (best, *by_fold)
    )
    return refinement, best, np.array(by_fold)


def _padded(parameters, n_terms, n_classes):
    full = np.zeros(n_terms + n_classes)
    full[: len(parameters)] = parameters
    return full


def _search_f1(
    core, terms, codes, log_prior, proportions, target, rng, max_iterations, show_progress
):
    objective = F1Objective(
        terms, codes, log_prior, proportions, core.normalization, core.missing, target
    )
    names = [*core.categories, "missing"]
    best, history, interrupted = search_f1(
        objective,
        len(names),
        rng=rng,
        max_iterations=max_iterations,
        show_progress=show_progress,
    )
    # Not set_weights: what a search found is forgotten by the next fit, what was set is not.
    core.weights = dict(zip(names, map(float, best), strict=True))
    core.offsets, core.fold_weights = {}, None
    return WeightSearch(
        "f1",
        None if target is None else core.classes_[target],
        dict(core.weights),
        {},
        float(objective(best)),
        _history(history, "f1", names, ()),
        len(codes),
        interrupted,
    )


def _history(history, score, names, offsets):
    columns = [score, *names, *(f"offset_{name}" for name in offsets)]
    rows = np.array([[value, *parameters] for value, parameters in history])
    table = Table(rows, names=columns)
    table.add_column(np.arange(len(table)), name="step", index=0)
    return table
