# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Estimate the proportions of the classes from the unlabelled sources of a catalogue.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Table

from claxboi.utils import InputValueError, Progress, check_count, warn

from ._population import flux_difference
from ._table_reading import read_fluxes
from .priors import PriorWarning, estimate_priors, parse_priors

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PriorEstimate", "estimate_model_priors", "settle_priors"]

log = logging.getLogger(__name__)

#: So many unlabelled sources stand for all when errors are found by resampling.
RESAMPLED_SOURCES = 20_000


@dataclass
class PriorEstimate:
    """
    Proportions of the classes among unlabelled sources.

    Attributes
    ----------
    classes : list of str
        Names of the classes.
    proportions : `~numpy.ndarray` of shape (n_classes,)
        They sum to 1.
    errors : `~numpy.ndarray` of shape (n_classes,)
        Standard deviations, NaN without resampling.
    samples : `~numpy.ndarray` of shape (n_resamples, n_classes)
        Proportions of each resampling.
    n_sources : int
        Number of unlabelled sources.

    Examples
    --------
    >>> from claxboi.classification import NaiveBayesClassifier
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> model = NaiveBayesClassifier(["hr2", "log_fx_fw1"], missing="ignore").fit(table)
    >>> estimate = model.estimate_priors(table, n_resamples=2, rng=1)
    >>> estimate.to_table().colnames
    ['class', 'proportion', 'error', 'n', 'n_error']
    >>> 0.3 < estimate.as_dict()["AGN"] < 0.8
    True
    """

    classes: list
    proportions: np.ndarray
    errors: np.ndarray
    samples: np.ndarray = field(repr=False)
    n_sources: int

    def to_table(self) -> Table:
        """
        Return the proportions as a table.

        Returns
        -------
        table : `~astropy.table.Table`
            Columns ``class``, ``proportion``, ``error``, ``n`` (expected number of sources) and
            ``n_error``.
        """
        return Table(
            {
                "class": self.classes,
                "proportion": self.proportions,
                "error": self.errors,
                "n": self.proportions * self.n_sources,
                "n_error": self.errors * self.n_sources,
            }
        )

    def as_dict(self) -> Mapping[str, float]:
        """
        Return the proportions as priors.

        Returns
        -------
        priors : dict of str to float
        """
        return dict(zip(self.classes, map(float, self.proportions), strict=True))


def estimate_model_priors(model, sources, *, table, n_resamples, rng=None, show_progress=True):
    """
    Estimate the priors of a model's classes.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        The fitted classifier.
    sources : object
        What the model has read of the table.
    table, n_resamples, rng, show_progress
        As for `NaiveBayesClassifier.estimate_priors`.

    Returns
    -------
    estimate : `PriorEstimate`
    """
    check_count(n_resamples, "n_resamples", minimum=0)
    new = np.flatnonzero(sources.codes < 0)
    if len(new) == 0:
        raise InputValueError(
            "priors='estimate' needs unlabelled sources: all sources of the table trained the model"
        )
    _compare_fluxes(model, table, new)
    rng = np.random.default_rng(rng)
    start = np.full(len(model.classes_), 1 / len(model.classes_))
    evidence = model._core.log_evidence(sources[new], show_progress=show_progress)
    proportions = estimate_priors(evidence, start)
    samples = np.full((n_resamples, len(start)), np.nan)
    if n_resamples:
        few = rng.permutation(new)[:RESAMPLED_SOURCES]
        part = sources[few]
        # The part varies more than the whole would: by the root of the ratio of their sizes.
        shrink = np.sqrt(len(few) / len(new))
        base = estimate_priors(model._core.log_evidence(part), start)
        with Progress(n_resamples, "resampling", show=show_progress) as progress:
            for sample in samples:
                counts = np.bincount(rng.integers(len(few), size=len(few)), minlength=len(few))
                by_sources = estimate_priors(model._core.log_evidence(part), start, weights=counts)
                other = model._core.resampled(rng)
                by_labels = estimate_priors(other.log_evidence(part), start)
                sample[:] = proportions + (by_sources - base) * shrink + (by_labels - base)
                progress.update(1)
        errors = samples.std(axis=0, ddof=1) if n_resamples > 1 else np.full(len(start), np.nan)
    else:
        errors = np.full(len(start), np.nan)
    return PriorEstimate(list(model.classes_), proportions, errors, samples, len(new))


def _compare_fluxes(model, table, new):
    """Warn where labelled and unlabelled sources differ in flux: the estimate may not hold."""
    labelled = model._core.training.flux if model._core.training is not None else None
    unlabelled = read_fluxes(table)
    if labelled is None or unlabelled is None:
        return
    difference = flux_difference(labelled, unlabelled[new])
    if difference:
        warn(
            f"{difference}: the estimated priors assume that the members of a class are alike in "
            "both; compare them with an estimate from the bright sources alone",
            PriorWarning,
        )


def settle_priors(model, priors, table, sources, *, show_progress=False):
    """
    Parse priors for a fitted model, or estimate them from the sources that did not train it.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        The model; its ``default_priors`` are taken where ``priors`` is None.
    priors : optional
        As for `NaiveBayesClassifier.classify`.
    table : `~astropy.table.Table`
        The sources.
    sources : `Sources`
        Their values.
    show_progress : bool, optional
        Whether to show the progress of an estimate.

    Returns
    -------
    proportions : `~numpy.ndarray` of shape (n_classes,) or (n_classes, n)
    """
    if isinstance(priors, str) and priors == "estimate":
        return estimate_model_priors(
            model, sources, table=table, n_resamples=0, show_progress=show_progress
        ).proportions
    return parse_priors(
        model.default_priors if priors is None else priors,
        model.classes_,
        model._core.training_proportions(),
        len(table),
        table=table,
        dropped=model._dropped,
    )
