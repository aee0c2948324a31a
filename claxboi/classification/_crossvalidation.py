# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Scores of a model on sources that did not train it.
"""

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi.utils import (
    Progress,
    check_choice,
    check_columns,
    check_count,
    check_number,
    float_values,
    text_values,
)

from ._evaluation_input import check_weights
from ._search import labelled_sources
from .evaluation import Evaluation
from .priors import parse_priors

__all__ = ["evaluate_model"]

METHODS = ("leave-one-out", "k-fold", "grouped", "training")


def evaluate_model(
    model, table, priors, *, method, label, weight, n_folds, groups, cell_size, rng, show_progress
):
    """
    Score a model; see `NaiveBayesClassifier.evaluate`.
    """
    check_choice(method, METHODS, "method")
    check_count(n_folds, "n_folds", minimum=2)
    if weight is not None:
        check_columns(table, [weight])
    table, codes, sources = labelled_sources(model, table, label)
    weights = None if weight is None else check_weights(table[weight], len(table), weight)
    proportions = parse_priors(
        priors,
        model.classes_,
        model._training_proportions(),
        len(table),
        table=table,
        dropped=model._dropped,
    )
    settings = model._settings(proportions)
    n_training = int(np.count_nonzero(sources.codes >= 0))
    if method in ("k-fold", "grouped") and n_folds > len(table):
        raise ValueError(
            f"n_folds must be at most the number of sources, {len(table)}; got {n_folds}"
        )
    if method == "leave-one-out":
        log_posterior = model._log_posterior(sources, proportions)
        if n_training == 0:
            method = "prediction (no source of the table trained the model)"
        elif n_training < len(table):
            method = f"leave-one-out for {n_training} training sources, prediction for the rest"
    elif method == "training":
        log_posterior = model._log_posterior(sources.as_new(), proportions)
        method = "training sample (not held out)"
    else:
        if method == "k-fold":
            fold = _stratified(codes, n_folds, np.random.default_rng(rng))
            fold = _together(fold, sources)
        else:
            fold, kind = _grouped(table, groups, cell_size, n_folds, np.random.default_rng(rng))
            method = f"grouped by {kind}"
        method = f"{method}, {n_folds} folds"
        log_posterior = _refitted(
            model, codes, sources, fold, proportions, show_progress=show_progress
        )
    # Weights describe the population themselves; the priors are then those of the posteriors alone.
    given = (
        weight is None and proportions.ndim == 1 and not (priors is None or isinstance(priors, str))
    )
    return Evaluation.from_probabilities(
        codes,
        np.exp(log_posterior.T),
        model.classes_,
        priors=proportions if given else None,
        weights=weights,
        method=method if weight is None else f"{method}, weighted by {weight}",
        settings={
            name: settings[name]
            for name in ("weights", "normalization", "missing", "kernel", "bandwidth")
        },
    )


def _stratified(codes, n_folds, rng):
    """Deal the sources of each class evenly to folds."""
    fold = np.empty(len(codes), int)
    offset = 0
    for c in np.unique(codes):
        rows = rng.permutation(np.flatnonzero(codes == c))
        # Small classes go on where the last one ended, so that no fold gets all of them.
        fold[rows] = (offset + np.arange(len(rows))) % n_folds
        offset += len(rows)
    return fold


def _together(fold, sources):
    """Give all rows of a source with a soft label, which trained several classes, the same fold."""
    if sources.also is None:
        return fold
    fold = fold.copy()
    soft = np.flatnonzero((sources.also[0] >= 0).any(axis=0))
    _, first, place = np.unique(sources.keys[soft], return_index=True, return_inverse=True)
    fold[soft] = fold[soft[first]][place]
    return fold


def _grouped(table, groups, cell_size, n_folds, rng):
    """Deal whole groups to folds."""
    if groups is None:
        check_columns(table, ["ra", "dec"])
        cell_size = check_number(cell_size, "cell_size", minimum=0, maximum=90, exclusive=True)
        group, kind = _sky_cells(table, cell_size), f"sky cells of {cell_size:g} deg"
    elif isinstance(groups, str):
        check_columns(table, [groups])
        group, kind = text_values(table, groups)[0], f"column {groups!r}"
    else:
        raise TypeError(f"groups must be the name of a column or None, got {groups!r}")
    _, number = np.unique(group, return_inverse=True)
    n_groups = number.max() + 1
    if n_groups < n_folds:
        raise ValueError(f"n_folds must be at most the number of groups, {n_groups}; got {n_folds}")
    return (rng.permutation(n_groups) % n_folds)[number], kind


def _sky_cells(table, cell_size):
    """Return the cell of each source: rings of declination, cut in right ascension."""
    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    if np.isnan(ra).any() or np.isnan(dec).any():
        raise ValueError("ra and dec must have a value in every labelled row to group by sky cell")
    coords = SkyCoord(ra, dec, unit="deg")
    n_rings = int(np.ceil(180 / cell_size))
    ring = np.minimum(((coords.dec.deg + 90) / 180 * n_rings).astype(int), n_rings - 1)
    middle = np.radians((ring + 0.5) * 180 / n_rings - 90)
    n_cells = np.maximum(np.round(360 / cell_size * np.cos(middle)), 1)
    return ring * 100_000 + np.floor(coords.ra.deg / 360 * n_cells)


def _refitted(model, codes, sources, fold, proportions, *, show_progress):
    """Predict each fold by a model of the others."""
    log_posterior = np.empty((len(model.classes_), len(sources)))
    used = np.unique(fold)
    each = proportions if proportions.ndim == 2 else proportions[:, np.newaxis]
    each = np.broadcast_to(each, log_posterior.shape)
    with Progress(len(used), "cross-validating", show=show_progress) as progress:
        for k in used:
            test = fold == k
            part = model._refit(codes[~test], sources[~test], each[:, ~test])
            log_posterior[:, test] = part._log_posterior(sources[test].as_new(), each[:, test])
            progress.update(1)
    return log_posterior
