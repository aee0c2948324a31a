# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Expected scores of unlabelled sources, by importance weighting of labelled ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from scipy.optimize import nnls
from scipy.special import expit
from scipy.stats import chi2

from claxboi.utils import float_values

from ._table_reading import FLUX_COLUMN, read_fluxes
from .evaluation import Evaluation

__all__ = [
    "FEWEST",
    "LEAST_COVERAGE",
    "Comparison",
    "UnlabelledScores",
    "compare_sources",
    "effective_size",
    "score_unlabelled",
]

#: Smallest effective number of sources for a score, and for any comparison.
FEWEST = 30

#: The unlabelled sources are cut in at most so many equal parts by how probable a label is; a part
#: counts as covered if it has so many labelled sources. This share of them must be covered.
FEWEST_PARTS, MOST_PARTS, SOURCES_PER_PART = 4, 20, 50
FEWEST_IN_PART = 10
LEAST_COVERAGE = 0.9

#: The classes get factors of their own if their mean probabilities differ, and not by chance.
CHANCE = 0.01

#: More unlabelled sources than this add nothing to the comparison; evenly spaced rows are taken.
MOST_COMPARED = 20_000

#: Weight of the squares of the coefficients, which have standardised features.
RIDGE = 1.0
#: Standardised features are cut here, so that no single source decides.
LARGEST_FEATURE = 4.0
#: Rounds of weights for labels and weights for classes, and steps of Newton's method in each.
N_ROUNDS, N_STEPS = 4, 50

#: Flux ratios that give the brightness of the counterpart, the first one that both tables have.
BRIGHTNESS = (("log_fx_fr", "log_fx_fb"), ("log_fx_fw1", "log_fx_fw2"))

#: A share of sources fainter than nearly all labelled ones that is worth saying.
WORTH_SAYING = 0.1


@dataclass(frozen=True)
class UnlabelledScores:
    """
    Scores expected for unlabelled sources, or the reason why there are none.

    They are attached to an evaluation by `evaluate_result`.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.classification import evaluate_result
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(2000, rng=1)
    >>> result, model = classify(table, "training", return_model=True)
    >>> unlabelled = evaluate_result(result, model).unlabelled
    >>> unlabelled.reason
    ''
    >>> bool(unlabelled.scores["accuracy"] > 0.9)
    True
    >>> unlabelled.per_class.colnames
    ['class', 'n_effective', 'recall', 'precision']
    """

    scores: dict
    """The scores of `Evaluation.corrected`; empty if there are none. Means over the classes are
    NaN where a class has no recall."""

    per_class: Table = field(repr=False)
    """Columns ``class``, ``n_effective`` (effective number of labelled sources), ``recall`` and
    ``precision``, NaN where fewer than 30 effective sources are behind it."""

    effective_size: float
    """Effective number of the weighted labelled sources."""

    coverage: float
    """Fraction of the unlabelled sources that have labelled sources like them."""

    reason: str
    """Why there are no scores; empty if there are."""

    @property
    def sentence(self):
        """Summary of the scores, or the reason why there are none (str)."""
        title = "Unlabelled sources, from labelled ones weighted to be like them"
        if self.reason:
            return f"{title}: no scores, because {self.reason}."
        return f"{title} (they count as {self.effective_size:.0f} sources)"


def score_unlabelled(evaluation, labelled, others, posterior, columns):
    r"""
    Estimate the scores of unlabelled sources by importance weighting of labelled ones.

    Parameters
    ----------
    evaluation : `Evaluation`
        Held-out scores with probabilities.
    labelled : `~astropy.table.Table`
        Its sources, in its order.
    others : `~astropy.table.Table`
        The unlabelled sources.
    posterior : `~numpy.ndarray` of shape (n_others, n_classes)
        Their probabilities.
    columns : sequence of str
        Properties of the model, whose missing values are counted.

    Returns
    -------
    scores : `UnlabelledScores`

    Notes
    -----
    A logistic regression learns which sources are labelled, from flux, distance to the Galactic
    plane, brightness of the counterparts and number of missing values, each with its square and
    whether it is missing, with a ridge penalty. By its odds of a label the unlabelled sources are
    cut in 20 equal parts (fewer for fewer than 1000 labelled sources), and the labelled sources of
    a part share the number of unlabelled ones in it as their weights (Rosenbaum & Rubin 1984, J.
    Am. Stat. Assoc. 79, 516). If their mean probabilities then differ from those of the unlabelled
    sources, and not by chance, each class gets a factor with which they agree (adjusted counts),
    and the regression is done again with these, four times at most.

    This assumes that labelled and unlabelled sources of one class that agree in these features do
    not differ otherwise. It can only hold where there are both. So there are no scores if the
    effective number of labelled sources, :math:`(\sum w)^2/\sum w^2` (Kish 1965), is below 30, or
    if less than 90 % of the unlabelled sources are in parts with 10 labelled sources or more.
    """
    chosen = np.isfinite(posterior).all(axis=1)
    others, posterior = others[chosen], posterior[chosen]
    found = compare_sources(
        labelled, others, evaluation._codes, evaluation._probabilities, posterior, columns
    )
    if isinstance(found, str):
        return _refused(evaluation, found)
    weights, features = found.weights, found.features
    n = len(labelled)
    size = effective_size(weights)
    coverage = float(found.is_reached[n:].mean())
    reason = ""
    if coverage < LEAST_COVERAGE:
        reason = (
            f"{1 - coverage:.0%} of the unlabelled sources have hardly any labelled sources like "
            f"them in {', '.join(features)}{_faint(features['flux'], n)}"
        )
    elif size < FEWEST:
        reason = (
            f"the labelled sources, weighted to be like the others, count as {size:.0f} sources "
            f"(at least {FEWEST} are needed)"
        )
    if reason:
        return _refused(evaluation, reason, size, coverage)
    weighted = Evaluation.from_probabilities(
        evaluation._codes,
        evaluation._probabilities,
        evaluation.classes,
        weights=weights,
        predictions=evaluation._predicted,
        clip=evaluation.clip,
    )
    per_class = _class_table(weighted, evaluation, weights)
    scores = weighted.corrected
    if np.isnan(per_class["recall"]).any():
        scores |= dict.fromkeys(("balanced_accuracy", "macro_f1"), np.nan)
    return UnlabelledScores(scores, per_class, size, coverage, "")


class Comparison(NamedTuple):
    """
    Labelled sources weighted to be like other sources; the labelled ones are first in each array.
    """

    weights: np.ndarray
    """Weights of the labelled sources, with a mean of 1."""

    features: dict
    """Values by feature, NaN where missing."""

    is_reached: np.ndarray
    """Whether enough labelled sources are like each source."""


def compare_sources(labelled, others, codes, probabilities, posterior, columns):
    """
    Weight labelled sources to be like other sources; see `score_unlabelled`.

    Parameters
    ----------
    labelled, others : `~astropy.table.Table`
        The sources.
    codes : `~numpy.ndarray` of int, shape (n_labelled,)
        Classes of the labelled sources.
    probabilities, posterior : `~numpy.ndarray` of shape (n, n_classes)
        Probabilities of the labelled and the other sources, finite.
    columns : sequence of str
        Properties of the model, of which missing values are counted.

    Returns
    -------
    comparison : `Comparison` or str
        The weights, or the reason why the sources cannot be compared.
    """
    n = len(labelled), len(others)
    if min(n) < FEWEST:
        return f"there are {n[0]} labelled and {n[1]} unlabelled sources"
    features = _features(labelled, others, columns)
    if "flux" not in features:
        return f"{FLUX_COLUMN} is needed to compare labelled and other sources"
    design = _design(list(features.values()))
    chosen = np.linspace(0, n[1] - 1, min(n[1], MOST_COMPARED)).astype(int)
    rows = np.concatenate([np.arange(n[0]), n[0] + chosen])
    weights, coefficients, edges = _weights(
        design[:, rows], codes, probabilities, posterior[chosen]
    )
    part = np.searchsorted(edges, coefficients @ design)
    reached = np.bincount(part[: n[0]], minlength=len(edges) + 1) >= FEWEST_IN_PART
    return Comparison(weights, features, reached[part])


def _refused(evaluation, reason, size=np.nan, coverage=np.nan):
    empty = np.full(len(evaluation.classes), np.nan)
    names = ("n_effective", "recall", "precision")
    table = Table({"class": evaluation.classes} | {name: empty.copy() for name in names})
    return UnlabelledScores({}, table, float(size), float(coverage), reason)


def _features(labelled, others, columns):
    """Return the features of labelled sources, then the others, by name; NaN where missing."""
    tables = labelled, others

    def has(name):
        return all(name in table.colnames for table in tables)

    def read(name):
        return np.concatenate([float_values(table, name) for table in tables])

    features = {}
    fluxes = [read_fluxes(table) for table in tables]
    if not any(flux is None for flux in fluxes):
        flux = np.concatenate(fluxes)
        log_flux = np.log10(flux, out=np.full(len(flux), np.nan), where=flux > 0)
        features["flux"] = log_flux
        for names in BRIGHTNESS:
            name = next((name for name in names if has(name)), None)
            if name is not None:
                features[f"counterpart brightness ({name})"] = log_flux - read(name)
    if has("b"):
        b = [float_values(table, "b", unit=u.deg) for table in tables]
        features["latitude"] = np.abs(np.concatenate(b))
    elif has("ra") and has("dec"):
        features["latitude"] = np.concatenate([_latitude(table) for table in tables])
    shared = [name for name in columns if has(name)]
    if shared:
        features["missing values"] = sum(np.isnan(read(name)).astype(float) for name in shared)
    return features


def _latitude(table):
    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    return np.abs(SkyCoord(ra, dec, unit="deg").galactic.b.deg)


def _design(features):
    """Return each feature, its square and whether it is missing, standardised; shape (n, n_all)."""
    rows = [np.ones(len(features[0]))]
    for values in features:
        known = np.isfinite(values)
        if not known.any():
            continue
        if not known.all():
            rows.append(known - known.mean())
        spread = values[known].std()
        if spread > 0:
            scaled = np.where(known, (values - values[known].mean()) / spread, 0.0)
            scaled = np.clip(scaled, -LARGEST_FEATURE, LARGEST_FEATURE)
            rows += [scaled, np.where(known, scaled**2 - 1, 0.0)]
    return np.array(rows)


def _weights(design, codes, probabilities, posterior):
    """Return the weights of the labelled sources, and the coefficients and edges of the parts."""
    n = len(codes)
    is_labelled = np.arange(design.shape[1]) < n
    n_parts = int(np.clip(n // SOURCES_PER_PART, FEWEST_PARTS, MOST_PARTS))
    factor = np.ones(n)
    coefficients = np.zeros(len(design))
    for _ in range(N_ROUNDS):
        counts = np.ones(design.shape[1])
        counts[:n] = factor
        coefficients = _logistic(design, is_labelled, counts, coefficients)
        log_odds = coefficients @ design
        edges = np.quantile(log_odds[n:], np.linspace(0, 1, n_parts + 1)[1:-1])
        part = np.searchsorted(edges, log_odds)
        inside = np.bincount(part[:n], factor, n_parts)
        there = np.bincount(part[n:], minlength=n_parts)
        weights = factor * (there / np.maximum(inside, 1e-300))[part[:n]]
        change = _class_factors(codes, probabilities, posterior, weights)
        if change is None:
            break
        factor = factor * change[codes]
        factor /= factor.mean()
    return weights / weights.mean(), coefficients, edges


def _class_factors(codes, probabilities, posterior, weights):
    """
    Return class weights that bring the mean probabilities to those of the other sources.

    None where these agree already: the factors of classes that look alike are uncertain.
    """
    size, expected = effective_size(weights), posterior.mean(axis=0)
    gap = expected - np.average(probabilities, axis=0, weights=weights)
    covariance = np.cov(posterior.T) * (1 / size + 1 / len(posterior))
    distance = gap @ np.linalg.pinv(covariance, rcond=1e-6, hermitian=True) @ gap
    n_classes = len(expected)
    if chi2.sf(distance, n_classes - 1) > CHANCE:
        return None
    mean = np.eye(n_classes)
    total = np.bincount(codes, weights, n_classes)
    for c in np.flatnonzero(total):
        mean[c] = np.average(probabilities[codes == c], axis=0, weights=weights[codes == c])
    # A class that seems to be absent keeps a little.
    share = np.maximum(nnls(mean.T, expected)[0], 0.5 / len(codes))
    return share / share.sum() * total.sum() / np.maximum(total, 1e-300)


def _logistic(design, is_labelled, counts, start):
    """Return the coefficients of a ridge regression of labels; the first one is not shrunk."""
    coefficients = start.copy()
    ridge = np.full(len(design), RIDGE)
    ridge[0] = 1e-9
    for _ in range(N_STEPS):
        p = expit(coefficients @ design)
        gradient = design @ (counts * (p - is_labelled)) + ridge * coefficients
        curvature = (design * (counts * p * (1 - p))) @ design.T + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        # Never so far that the next step starts where all is certain.
        step *= min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
        coefficients -= step
        if np.abs(step).max() < 1e-6:
            break
    return coefficients


def effective_size(weights):
    """
    Return the effective number of weighted sources (Kish 1965).

    Parameters
    ----------
    weights : `~numpy.ndarray`
        Weights of the sources.

    Returns
    -------
    size : float
    """
    return float(weights.sum() ** 2 / np.sum(weights**2)) if len(weights) else 0.0


def _faint(log_flux, n):
    """Describe how many sources are fainter than nearly all labelled ones; empty if few."""
    labelled, others = log_flux[:n], log_flux[n:]
    labelled, others = labelled[np.isfinite(labelled)], others[np.isfinite(others)]
    if len(labelled) == 0 or len(others) == 0:
        return ""
    limit = np.quantile(labelled, 0.05)
    share = np.mean(others < limit)
    if share < WORTH_SAYING:
        return ""
    return (
        f" (95 % of the labelled sources are brighter than {10**limit:.2g}, {share:.0%} of the "
        "others are fainter)"
    )


def _class_table(weighted, evaluation, weights):
    scores = weighted.per_class
    codes, predicted = evaluation._codes, evaluation._predicted
    n_classes = len(evaluation.classes)
    size = np.array([effective_size(weights[codes == c]) for c in range(n_classes)])
    chosen = np.array([effective_size(weights[predicted == c]) for c in range(n_classes)])
    return Table(
        {
            "class": evaluation.classes,
            "n_effective": size,
            "recall": np.where(size < FEWEST, np.nan, scores["recall_corrected"]),
            "precision": np.where(chosen < FEWEST, np.nan, scores["precision_corrected"]),
        }
    )
