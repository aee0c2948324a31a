# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Sensitivity of a classification to the priors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Column, Table
from scipy.special import logsumexp

from claxboi.utils import InputTypeError, InputValueError, check_number, check_table, shown

from ._engine import check_model
from .priors import parse_priors
from .results import classification_settings

if TYPE_CHECKING:
    from .classifier import NaiveBayesClassifier
    from .priors import PriorsLike

__all__ = ["PriorSensitivity", "priors_sensitivity"]


@dataclass(frozen=True, repr=False)
class PriorSensitivity:
    """
    Changes of a classification under other priors. Printing it gives a table of the changes.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.classification import priors_sensitivity
    >>> from claxboi.simulation import make_labelled_sample
    >>> result, model = classify(
    ...     make_labelled_sample(1000, rng=1),
    ...     "training",
    ...     properties=["hr2", "log_fx_fw1"],
    ...     return_model=True,
    ... )
    >>> moved = priors_sensitivity(model, result)
    >>> moved.changes["change"][:3].tolist()
    ['as given', 'AGN x 2', 'AGN / 2']
    >>> moved.sources.colnames
    ['prediction', 'P_low', 'P_high', 'n_changes', 'is_sensitive']
    """

    changes: Table
    """One row per set of priors, the first of them the one that was asked for: ``change``,
    ``fraction_changed`` (of the predictions), and for each class ``prior_<class>``,
    ``n_<class>`` (predicted) and ``expected_<class>`` (sum of the probabilities)."""

    sources: Table
    """One row per source: ``prediction``, ``P_low`` and ``P_high`` (the smallest and the largest
    probability of that class over all sets of priors), ``n_changes`` (sets of priors with another
    prediction) and ``is_sensitive`` (whether there is one)."""

    def __str__(self):
        shown = self.changes.copy()
        for name in shown.colnames:
            if name.startswith("prior_") or name == "fraction_changed":
                shown[name].info.format = ".3f"
            elif name.startswith("expected_"):
                shown[name].info.format = ".1f"
        shown["change"].info.format = "<"
        n = int(np.count_nonzero(self.sources["is_sensitive"]))
        lines = [line.rstrip() for line in shown.pformat(max_lines=-1, max_width=-1)]
        return "\n".join(
            [*lines, f"{n} of {len(self.sources)} sources change their class in at least one row"]
        )

    def __repr__(self):
        return f"<PriorSensitivity: {len(self.changes) - 1} changes, {len(self.sources)} sources>"


def priors_sensitivity(
    model: NaiveBayesClassifier,
    table: Table,
    priors: PriorsLike = None,
    *,
    factor: float = 2.0,
    alternatives: Mapping[str, Any] | None = None,
) -> PriorSensitivity:
    r"""
    Compute how the classification changes with the priors.

    Parameters
    ----------
    model : `~claxboi.classification.NaiveBayesClassifier`
        A fitted classifier.
    table : `~astropy.table.Table`
        The sources, with the columns of the properties; it is not changed.
    priors : mapping, sequence or "training", optional
        The priors to start from, as for `~claxboi.classify`. Default: those that the table was
        classified with.
    factor : float, optional
        The prior of each class in turn is multiplied and divided by this, above 1, and then all
        are scaled to sum to 1.
    alternatives : mapping of str to priors, optional
        Sets of priors to look at instead, by a name for each.

    Returns
    -------
    sensitivity : `PriorSensitivity`
        ``changes``, one row per set of priors, and ``sources``, one row per source.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, or there are no priors to start from.

    Notes
    -----
    Likelihoods do not depend on priors, so with other ones

    .. math:: P'(c|x) \propto P(c|x) \, \pi'_c / \pi_c .

    The weights of the categories stay what they are, although they were fitted for some priors.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.classification import priors_sensitivity
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> result, model = classify(table, "training", return_model=True)
    >>> moved = priors_sensitivity(model, result)
    >>> print(moved.changes["change"][:3])
     change
    --------
    as given
     AGN x 2
     AGN / 2
    """
    check_table(table)
    check_model(model)
    classes = model.classes_
    factor = check_number(factor, "factor", minimum=1, exclusive=True)
    start = _start(model, table, priors)
    if alternatives is None:
        others = {}
        for k, name in enumerate(classes):
            for sign, power in (("x", 1), ("/", -1)):
                moved = start.copy()
                moved[k] *= factor**power
                others[f"{name} {sign} {factor:g}"] = moved / moved.sum()
    elif isinstance(alternatives, Mapping) and alternatives:
        others = {}
        for name, one in alternatives.items():
            try:
                others[str(name)] = _proportions(model, one)
            except (TypeError, ValueError) as err:
                raise type(err)(f"alternatives[{name!r}]: {err}") from err
    else:
        raise InputTypeError(
            f"alternatives must be a mapping of names to priors, got {shown(alternatives)}"
        )

    # At equal priors the posterior is the likelihood, up to what is the same for all classes.
    log_likelihood = model.predict_log_proba(table, np.full(len(classes), 1 / len(classes)))
    rows, low, high, n_changes, first = [], None, None, None, None
    for change, proportions in {"as given": start, **others}.items():
        posterior = _posterior(log_likelihood, proportions)
        best = posterior.argmax(axis=1)
        if first is None:
            first = best
            low = high = posterior[np.arange(len(best)), best]
            n_changes = np.zeros(len(best), int)
        own = posterior[np.arange(len(first)), first]
        low, high = np.minimum(low, own), np.maximum(high, own)
        n_changes = n_changes + (best != first)
        counts = np.bincount(best, minlength=len(classes))
        expected = posterior.sum(axis=0)
        rows.append([change, np.mean(best != first), *proportions, *counts, *expected])
    names = [f"{kind}_{name}" for kind in ("prior", "n", "expected") for name in classes]
    changes = Table(rows=rows, names=["change", "fraction_changed", *names])
    sources = Table(
        [
            Column(np.array(classes)[first], "prediction", description="Most probable class"),
            Column(low, "P_low", description="Smallest probability of that class"),
            Column(high, "P_high", description="Largest probability of that class"),
            Column(n_changes, "n_changes", description="Sets of priors with another prediction"),
            Column(n_changes > 0, "is_sensitive", description="Whether there is one"),
        ]
    )
    return PriorSensitivity(changes, sources)


def _start(model, table, priors):
    if priors is None:
        priors = classification_settings(table).get("priors")
        if not isinstance(priors, Mapping):
            raise InputValueError(
                "priors must be given: the table has no record of those it was made for"
            )
    return _proportions(model, priors)


def _proportions(model, priors):
    counts = np.asarray(model.class_counts_, float)
    # One set of priors for all sources: a row for each of them has no single change.
    proportions = parse_priors(priors, model.classes_, counts / counts.sum(), -1)
    if proportions.ndim != 1:
        raise InputValueError("priors must be one proportion per class, not one row per source")
    return proportions


def _posterior(log_likelihood, proportions):
    with np.errstate(divide="ignore"):
        log_joint = log_likelihood + np.log(proportions)
    return np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True))
