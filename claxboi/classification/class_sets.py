# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Sets of classes that contain the true class with a given probability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.catalog import describe, make_column
from claxboi.utils import (
    InputValueError,
    add_columns,
    check_columns,
    check_number,
    check_table,
    checked,
    float_values,
    record,
    warn,
)

from ._engine import check_model
from ._table_reading import label_codes
from .results import read_classified
from .unlabelled_scores import FEWEST, LEAST_COVERAGE, compare_sources, effective_size

if TYPE_CHECKING:
    from astropy.table import Table

    from .classifier import NaiveBayesClassifier

__all__ = ["NO_CLASS", "class_sets"]

#: Each part in flux has a threshold of its own, so that the coverage holds for faint sources.
N_PARTS = 3

#: Text of an empty set: an empty text would be a missing one in many formats.
NO_CLASS = "none"


@checked
def class_sets(
    result: Table,
    model: NaiveBayesClassifier,
    coverage: float = 0.95,
    *,
    sample: Table | None = None,
    overwrite: bool = False,
) -> Table:
    r"""
    Add the set of classes that cannot be excluded for each source.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Classified sources, as `~claxboi.classify` returns them, with ``flux``. Not changed.
    model : `~claxboi.classification.NaiveBayesClassifier`
        The model that classified them.
    coverage : float, optional
        Fraction of the sources whose set has their true class, above 0 and below 1.
    sample : `~astropy.table.Table`, optional
        Labelled sources that set the thresholds, classified by the same model at the same priors.
        Default: those of the result.
    overwrite : bool, optional
        Replace a column of the same name.

    Returns
    -------
    sets : same class as the result
        The caller's columns, then ``class_set``: classes separated by ``|``, the most probable one
        first, or ``none`` where no class is probable enough; masked for sources without
        probabilities.
        ``meta["claxboi"]["class_sets"]`` has the thresholds.

    Raises
    ------
    TypeError
        If the model is not a classifier.
    KeyError
        If a column is absent.
    ValueError
        If the coverage is out of range, the classes of result and model differ, or no source has a
        label.

    Warns
    -----
    ClaxboiWarning
        If labelled sources cannot confirm the coverage for some sources.

    See Also
    --------
    evaluate_result : Scores of labelled and unlabelled sources.

    Notes
    -----
    A set has all classes whose probability reaches a threshold. The threshold is the quantile
    :math:`1 - \mathrm{coverage}` of the held-out probabilities that labelled sources have for their
    true class, with the correction for their finite number (split conformal prediction: Sadinle,
    Lei & Wasserman 2019, J. Am. Stat. Assoc. 114, 223). The labelled sources are weighted to be
    like the unlabelled ones (Tibshirani et al. 2019, arXiv:1904.06019), with the weights of
    `UnlabelledScores`, and each third of the unlabelled sources in flux has a threshold of its own.
    Labelled sources have the thresholds of labelled sources.

    Sources for which the model is sure have one class. If predictions are more often correct than
    the coverage asks, the threshold is high, and the least certain sources have the set ``none``.

    If, in a third, the weighted labelled sources count as fewer than 30, or less than 90 % of the
    unlabelled sources have labelled ones like them (see `UnlabelledScores`), the threshold is the
    one at which the probabilities themselves promise the coverage, and a warning says so. The sets
    are then as good as the calibration.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.classification import class_sets
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(2000, rng=1)
    >>> result, model = classify(table, "training", return_model=True)
    >>> sets = class_sets(result, model, 0.99)
    >>> any("|" in classes for classes in sets["class_set"].tolist())
    True
    """
    check_model(model)
    classes, _ = read_classified(result, ["P_{class}"])
    if list(model.classes_) != classes:
        raise InputValueError(
            f"model must have the classes of result ({', '.join(classes)}), got "
            f"{', '.join(model.classes_)}"
        )
    check_number(coverage, "coverage", minimum=0, maximum=1, exclusive=True)
    own = _codes(result, model)
    p_result = _posterior(result, classes)
    flux = _fluxes(result, "result")
    labelled, codes, p_labelled, flux_labelled = result, own, p_result, flux
    if sample is not None:
        check_table(sample, "sample")
        check_columns(sample, [f"P_{name}" for name in classes], "sample")
        labelled, codes = sample, _codes(sample, model)
        p_labelled, flux_labelled = _posterior(sample, classes), _fluxes(sample, "sample")
    known = np.flatnonzero((codes >= 0) & np.isfinite(p_labelled).all(axis=1))
    if len(known) == 0:
        name = "result" if sample is None else "sample"
        raise InputValueError(f"{name} must have labelled sources with probabilities: it has none")
    labelled, codes, p_labelled, flux_labelled = (
        values[known] for values in (labelled, codes, p_labelled, flux_labelled)
    )
    p_true = p_labelled[np.arange(len(codes)), codes]

    thresholds, parts = np.full(len(result), np.nan), []
    classified = np.isfinite(p_result).all(axis=1)
    for kind, chosen in (("labelled", own >= 0), ("unlabelled", own < 0)):
        rows = np.flatnonzero(chosen & classified)
        if len(rows) == 0:
            continue
        weights, reached = np.ones(len(codes)), np.ones(len(rows), bool)
        if kind == "unlabelled":
            columns = [item.column for item in model.properties]
            found = compare_sources(
                labelled, result[rows], codes, p_labelled, p_result[rows], columns
            )
            if isinstance(found, str):
                reached[:] = False
            else:
                weights, reached = found.weights, found.is_reached[len(codes) :]
        edges, part = _flux_parts(flux[rows])
        part_labelled = np.searchsorted(edges[1:-1], flux_labelled)
        part_labelled[np.isnan(flux_labelled)] = -1
        for k in np.unique(part).tolist():
            here, like = part == k, part_labelled == k
            size = effective_size(weights[like])
            if reached[here].mean() >= LEAST_COVERAGE and size >= FEWEST:
                basis = "labelled sources"
                value = _quantile(p_true[like], weights[like], size, coverage)
            else:
                basis = "probabilities"
                value = _promised_quantile(p_result[rows[here]], coverage)
            thresholds[rows[here]] = value
            parts.append(
                {
                    "sources": kind,
                    "flux_min": float(edges[k]) if k >= 0 else np.nan,
                    "flux_max": float(edges[k + 1]) if k >= 0 else np.nan,
                    "n": int(here.sum()),
                    "n_effective": size,
                    "basis": basis,
                    "threshold": value,
                }
            )
    unchecked = sum(part["n"] for part in parts if part["basis"] == "probabilities")
    if unchecked:
        warn(
            f"the coverage of the class sets of {unchecked} of {np.sum(classified)} sources rests "
            "on their probabilities alone: too few labelled sources are like them"
        )
    texts = _texts(p_result, thresholds, classes)
    column = make_column("class_set", texts, mask=np.isnan(thresholds))
    sets = add_columns(result, {"class_set": column}, overwrite=overwrite)
    sets.meta = record(result.meta, "class_sets", coverage=coverage, parts=parts)
    return sets


def _codes(table, model):
    if model.label not in table.colnames:
        return np.full(len(table), -1)
    return label_codes(table, model.label, model.classes_, model.merge)


def _posterior(table, classes):
    return np.transpose([float_values(table, f"P_{name}") for name in classes])


def _fluxes(table, name):
    """Return the fluxes; those that are not above 0 are missing."""
    check_columns(table, ["flux"], name)
    values = float_values(table, "flux", unit=describe("flux")["unit"], name=name)
    return np.where(values > 0, values, np.nan)


def _flux_parts(flux):
    """Return the edges of thirds in flux and the third of each source, -1 without a flux."""
    known = np.isfinite(flux)
    if not known.any():
        return np.full(N_PARTS + 1, np.nan), np.full(len(flux), -1)
    edges = np.quantile(flux[known], np.linspace(0, 1, N_PARTS + 1))
    part = np.searchsorted(edges[1:-1], flux)
    part[~known] = -1
    return edges, part


def _quantile(p_true, weights, size, coverage):
    """Return the largest threshold that this share of one more source reaches."""
    order = np.argsort(p_true)
    below = np.cumsum(weights[order])
    # One more source has the mean weight of an effective one.
    allowed = (1 - coverage) * below[-1] * (1 + 1 / size)
    k = np.searchsorted(below, allowed * (1 + 1e-12), side="right")
    return float(p_true[order[k - 1]]) if k else 0.0


def _promised_quantile(posterior, coverage):
    """Return the threshold that this share of the sources reach if the probabilities are right."""
    falling = np.sort(posterior, axis=None)[::-1]
    k = np.searchsorted(np.cumsum(falling), coverage * len(posterior))
    return float(falling[min(k, len(falling) - 1)])


def _texts(posterior, thresholds, classes):
    """Return the sets as text, the most probable class first."""
    order = np.argsort(-posterior, axis=1, kind="stable")
    size = np.sum(posterior >= thresholds[:, np.newaxis], axis=1)
    names = np.array(classes, dtype=object)
    texts = [
        "|".join(names[row[:n]]) if n else NO_CLASS for row, n in zip(order, size, strict=True)
    ]
    return np.array(texts, dtype=str)
