# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Score a classifier held out: leave-one-out, k-fold and grouped cross-validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi.utils import (
    InputTypeError,
    InputValueError,
    Progress,
    check_choice,
    check_columns,
    check_count,
    check_number,
    checked,
    float_values,
    shown,
    text_values,
)

from ._evaluation_input import check_weights
from ._evaluation_text import held_out_method
from ._identity import join_groups, mix
from ._output import describe_settings
from ._search import read_labelled
from .decisions import parse_decision
from .evaluation import Evaluation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table
    from numpy.random import Generator

    from .classifier import NaiveBayesClassifier
    from .priors import PriorsLike

__all__ = ["evaluate", "stratified_folds"]

METHODS = ("leave-one-out", "k-fold", "grouped", "training")


@checked
def evaluate(
    self: NaiveBayesClassifier,
    table: Table,
    priors: PriorsLike = None,
    *,
    method: Literal["leave-one-out", "k-fold", "grouped", "training"] = "leave-one-out",
    label: str | None = None,
    training: bool | None = None,
    weight: str | None = None,
    decision: Literal["probable", "balanced"] | Mapping = "probable",
    n_folds: int = 10,
    groups: str | None = None,
    cell_size: float = 1.0,
    rng: int | Generator | None = None,
    show_progress: bool = True,
) -> Evaluation:
    """
    Score the model on a labelled table, held out.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Rows without a label, or with that of no class, are ignored.
    priors : mapping, sequence, "training", array or callable, optional
        See `classify`.
    method : {"leave-one-out", "k-fold", "grouped", "training"}, optional
        "leave-one-out" (default), exact at fixed bandwidth: each source that trained the
        model is taken out of its densities; other sources are predicted. "k-fold":
        stratified folds, with all parameters fitted again. "grouped": folds of whole groups.
        "training": not held out, which gives scores that are too good.
    label : str, optional
        Name of the label column; that of `fit` by default.
    training : bool, optional
        Whether the rows are those that trained the model, where nothing tells: the table is
        not that of `fit`, and has neither identifiers nor positions in common with it. True:
        the same rows in the same order. False: new sources. Default: new, with a warning.
    weight : str, optional
        Column with how many sources of the population each one stands for, positive. The scores
        at the priors are then those of that population, whatever the priors of the
        posteriors; see `Evaluation.from_probabilities`. Default: 1 each.
    decision : {"probable", "balanced"} or mapping, optional
        Rule for the predictions; see `classify`.
    n_folds : int, optional
        Number of folds (default 10).
    groups : str, optional
        With "grouped": name of the column with the group. Default: cells of the sky by
        ``ra`` and ``dec``.
    cell_size : float, optional
        Size of those cells in degrees.
    rng : None, int or `~numpy.random.Generator`, optional
        Deals the sources to folds.
    show_progress : bool, optional
        Show progress when it takes longer than two seconds.

    Returns
    -------
    evaluation : `Evaluation`
        Confusion matrix, recall, both precisions, log-loss, calibration, ...
    """
    self._check_fitted()
    check_choice(method, METHODS, "method")
    check_count(n_folds, "n_folds", minimum=2)
    decision = parse_decision(decision, self.classes_)
    cell_size = check_number(cell_size, "cell_size", minimum=0, maximum=90, exclusive=True)
    if groups is not None:
        if not isinstance(groups, str):
            raise InputTypeError(
                f"groups must be the name of a column or None, got {shown(groups)}"
            )
        check_columns(table, [groups])
    if weight is not None:
        check_columns(table, [weight])
    labelled = read_labelled(self, table, label, training)
    table, codes, sources = labelled.table, labelled.codes, labelled.sources
    weights = None if weight is None else check_weights(table[weight], len(table), weight)
    proportions = labelled.proportions(priors)
    settings = describe_settings(self, proportions)
    n_training = int(np.count_nonzero(sources.codes >= 0))
    if method in ("k-fold", "grouped") and n_folds > len(table):
        raise InputValueError(
            f"n_folds must be at most the number of sources, {len(table)}; got {n_folds}"
        )
    if method == "leave-one-out":
        log_posterior = self._core.log_posterior(sources, proportions)
        method = held_out_method(n_training, len(table))
        if n_training == 0:
            assumed = "assumed that " if sources.is_assumed else ""
            method += f" ({assumed}no source of the table trained the model)"
    elif method == "training":
        log_posterior = self._core.log_posterior(sources.as_new(), proportions)
        method = "training sample (not held out)"
    else:
        rng = np.random.default_rng(rng)
        if method == "k-fold":
            fold = stratified_folds(codes, n_folds, rng, labelled.source, labelled.keys)
        else:
            fold, kind = _grouped(table, groups, cell_size, n_folds, rng, labelled.source)
            method = f"grouped by {kind}"
        method = f"{method}, {n_folds} folds"
        log_posterior = _refitted(labelled, fold, proportions, show_progress=show_progress)
    # Weights describe the population themselves; the priors are then those of the posteriors alone.
    given = (
        weight is None and proportions.ndim == 1 and not (priors is None or isinstance(priors, str))
    )
    posterior = np.exp(log_posterior)
    rule = self._core.decide(decision, proportions)
    if decision != "probable":
        method = f"{method}; {rule}"
    return Evaluation.from_probabilities(
        codes,
        posterior.T,
        self.classes_,
        priors=proportions if given else None,
        weights=weights,
        predictions=rule.choose(posterior),
        method=method if weight is None else f"{method}, weighted by {weight}",
        settings={
            name: settings[name]
            for name in ("weights", "normalization", "missing", "kernel", "bandwidth")
        },
    )


def stratified_folds(codes, n_folds, rng, source=None, keys=None):
    """
    Deal the sources of each class evenly to folds.

    Parameters
    ----------
    codes : `~numpy.ndarray` of int, shape (n,)
        Classes.
    n_folds : int
        Number of folds.
    rng : `~numpy.random.Generator`
        Shuffles the sources, in a way that does not depend on their order.
    source : `~numpy.ndarray` of int, shape (n,), optional
        Number of the source of each row. Default: each row is a source.
    keys : `~numpy.ndarray` of uint64, shape (n,), optional
        A number of each source that depends on its identity alone. Default: the row.

    Returns
    -------
    fold : `~numpy.ndarray` of int, shape (n,)
    """
    rows = np.arange(len(codes))
    source = rows if source is None else source
    keys = rows.astype(np.uint64) if keys is None else keys
    seed = rng.integers(np.iinfo(np.int64).max, dtype=np.uint64)
    keys = mix(np.full(len(codes), seed), keys)
    # A source with several labels counts as one of the first of its classes.
    order = np.lexsort((keys, codes, source))
    _, first, place = np.unique(source[order], return_index=True, return_inverse=True)
    chosen = order[first]
    one = np.empty(len(codes), int)
    one[order] = place
    fold = np.empty(len(first), int)
    # Small classes go on where the last one ended, so that no fold gets all of them. Each fold has
    # a stretch of the keys of a class: one source more or less moves those at the edges alone.
    dealt = np.arange(len(first)) % n_folds
    classes = np.sort(codes[chosen])
    fold[np.lexsort((keys[chosen], codes[chosen]))] = dealt[np.lexsort((dealt, classes))]
    return fold[one]


def _grouped(table, groups, cell_size, n_folds, rng, source):
    """Deal whole groups to folds."""
    if groups is None:
        check_columns(table, ["ra", "dec"])
        group, kind = _sky_cells(table, cell_size), f"sky cells of {cell_size:g} deg"
        missing = np.zeros(len(group), bool)
    else:
        group, missing = text_values(table, groups)
        kind = f"column {groups!r}"
    _, number = np.unique(group, return_inverse=True)
    # A source without a group is one by itself.
    number[missing] = number.max(initial=0) + 1 + np.arange(missing.sum())
    _, number = np.unique(number, return_inverse=True)
    # A source that is in two groups holds them together.
    number = join_groups(number, source)
    n_groups = number.max() + 1
    if n_groups < n_folds:
        raise InputValueError(
            f"n_folds must be at most the number of groups, {n_groups}; got {n_folds}"
        )
    return (rng.permutation(n_groups) % n_folds)[number], kind


def _sky_cells(table, cell_size):
    """Return the cell of each source: rings of declination, cut in right ascension."""
    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    if np.isnan(ra).any() or np.isnan(dec).any():
        raise InputValueError(
            "ra and dec must have a value in every labelled row to group by sky cell"
        )
    coords = SkyCoord(ra, dec, unit="deg")
    n_rings = int(np.ceil(180 / cell_size))
    ring = np.minimum(((coords.dec.deg + 90) / 180 * n_rings).astype(int), n_rings - 1)
    middle = np.radians((ring + 0.5) * 180 / n_rings - 90)
    n_cells = np.maximum(np.round(360 / cell_size * np.cos(middle)), 1)
    return ring * 100_000 + np.floor(coords.ra.deg / 360 * n_cells)


def _refitted(labelled, fold, proportions, *, show_progress):
    """Predict each fold by a model of the others."""
    model, sources = labelled.model, labelled.sources
    log_posterior = np.empty((len(model.classes_), len(sources)))
    used = np.unique(fold)
    each = proportions if proportions.ndim == 2 else proportions[:, np.newaxis]
    each = np.broadcast_to(each, log_posterior.shape)
    with Progress(len(used), "cross-validating", show=show_progress) as progress:
        for k in used:
            test = fold == k
            part = model._core.refit(labelled.training_rows(~test), each[:, ~test])
            log_posterior[:, test] = part.log_posterior(sources[test].as_new(), each[:, test])
            progress.update(1)
    return log_posterior
