# Licensed under a 3-clause BSD style license - see LICENSE.rst
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from claxboi.classification import _refinement_fit as refinement
from claxboi.classification import _terms
from claxboi.classification._likelihood import LikelihoodModel
from claxboi.classification.densities import KernelDensities
from claxboi.classification.properties import Property
from claxboi.classification.weights import OFFSET_PULL, PULL

N_FOLDS = 3


def make_sample(seed, n=300, n_classes=3, n_properties=3, *, missing=0.2):
    """Draw correlated properties: the classes differ in means and in correlations."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(n_classes, n, p=np.arange(1, n_classes + 1)[::-1] / 6)
    common = rng.normal(size=n)
    values = rng.normal(size=(n_properties, n)) + 0.7 * codes
    values[:2] += np.where(codes == 1, -1, 1.5) * [common, -common]
    values[rng.random(values.shape) < missing] = np.nan
    return values, codes


class Case:
    """What the estimator hands to the refinement, for one sample."""

    def __init__(self, values, codes, weights=None, *, presence=True):
        n = len(codes)
        self.values, self.codes = values, codes
        self.weights = np.ones(n) if weights is None else weights
        names = [f"c{c}" for c in range(codes.max() + 1)]
        records = [Property(f"x{p}", category=f"t{p // 2}") for p in range(len(values))]
        member = self.weights * (codes == np.arange(len(names))[:, np.newaxis])
        densities = [
            KernelDensities(
                record,
                row,
                codes,
                self.weights,
                names,
                kernel="exponential",
                bandwidth="likelihood",
                floor=0.01,
            )
            for record, row in zip(records, values, strict=True)
        ]
        self.likelihood = LikelihoodModel(
            densities,
            tuple(dict.fromkeys(record.category for record in records)),
            ~np.isnan(values) @ member.T,
            member.sum(axis=1),
        )
        self.terms = _terms.RefinementTerms(
            self.likelihood, values, codes, self.weights, presence=presence
        )
        self.held = codes, self.weights, np.arange(n)
        self.densities = self.likelihood.property_terms(values, {}, codes, self.weights)
        self.features = self.make_features(self.densities)
        self.log_prior = np.log(np.bincount(codes, self.weights) / self.weights.sum())[:, None]
        self.fold = np.arange(n) % N_FOLDS

    def make_features(self, densities):
        """Sum by category."""
        return np.array(
            [
                densities[self.likelihood.category == t].sum(axis=0)
                for t in range(self.likelihood.n_categories)
            ]
        )

    def fit(self, **settings):
        """Fit the refinement."""

        class Sources(SimpleNamespace):
            def __getitem__(self, rows):
                return Sources(
                    values=self.values[:, rows],
                    errors={},
                    held=tuple(part[..., rows] for part in self.held),
                )

        return refinement.fit_refinement(
            self.terms,
            Sources(values=self.values, errors={}, held=self.held),
            self.densities,
            self.features,
            self.codes,
            self.log_prior,
            self.weights,
            self.weights,
            self.fold,
            N_FOLDS,
            **settings,
        )


@pytest.mark.parametrize("seed", range(3))
def test_fit_agrees_with_a_slow_minimum(seed):
    rng = np.random.default_rng(seed)
    n, n_classes, n_terms = 40, 3, 2
    codes = rng.integers(0, n_classes, n)
    features = rng.normal(size=(2, n_classes, n))
    terms = rng.normal(size=(n_terms, n_classes, n)) + 0.5 * (
        codes == np.arange(n_classes)[:, np.newaxis]
    )
    weights = rng.uniform(0.5, 2, n)
    log_prior = np.log([[0.5], [0.3], [0.2]])

    def joint(parameters):
        a, b = parameters[:2], parameters[2:5]
        w = parameters[5:].reshape(n_terms, n_classes, n_classes)
        refined = np.einsum("mkc,mkn->cn", w, terms)
        return log_prior + b[:, np.newaxis] + np.einsum("t,tcn->cn", a, features) + refined

    def loss(parameters):
        z = joint(parameters)
        total = -np.sum(weights * (z[codes, np.arange(n)] - np.log(np.exp(z).sum(axis=0))))
        a, b, w = parameters[:2], parameters[2:5], parameters[5:]
        total += PULL * np.sum((a - a.mean()) ** 2) + OFFSET_PULL * np.sum(b**2)
        return total + 0.5 * 4.0 * np.sum(w**2)

    slow = minimize(
        loss,
        np.r_[0.5, 0.5, np.zeros(3 + n_terms * n_classes**2)],
        method="L-BFGS-B",
        bounds=[(0, 10)] * 2 + [(None, None)] * (3 + n_terms * n_classes**2),
        options={"ftol": 1e-15, "gtol": 1e-7, "maxfun": 100_000},
    )
    found = refinement.fit_parameters(
        features,
        terms.reshape(-1, n),
        codes,
        log_prior,
        weights,
        np.full(n_terms * n_classes, 4.0),
        tolerance=1e-15,
    )
    mine = np.concatenate([found.exponents, found.offsets, found.matrix.ravel()])
    assert loss(mine) <= slow.fun + 1e-9
    assert_allclose(mine, slow.x, atol=2e-4)
    z = found.joint(features, terms.reshape(-1, n)) + log_prior
    assert_allclose(z, joint(mine), atol=1e-10)


@pytest.mark.parametrize("seed", range(2))
def test_contributions_of_new_and_of_training_sources(seed):
    case = Case(*make_sample(seed))
    found, _, _ = case.fit(n_pairs=2)
    assert len(found.pairs) == 2
    assert found.gains[0] >= found.gains[1]
    n = len(case.codes)
    # A chunk of both kinds: training sources are held out, by the matrices without their fold.
    is_new = np.arange(n) % 4 == 0
    fold = np.where(is_new, -1, case.fold)
    held = tuple(np.where(is_new, -1, part) for part in case.held)
    densities = np.where(is_new, case.likelihood.property_terms(case.values, {}), case.densities)
    positions = _terms.Positions(case.terms, case.values, {})
    for row, (term, part) in enumerate(found.contributions(case.values, {}, densities, held, fold)):
        exact = found.terms.evaluate(term, positions, held, densities)
        for k in range(-1, N_FOLDS):
            matrix = found.matrix[row] if k < 0 else found.fold_matrices[k, row]
            assert_allclose(
                part[:, fold == k], matrix.T @ exact[:, fold == k], atol=1e-10, err_msg=str(term)
            )


def test_terms_of_presence_are_shared_by_values_that_are_missing_together():
    values, codes = make_sample(3)
    values[1, np.isnan(values[0])] = np.nan
    values[0, np.isnan(values[1])] = np.nan
    values[2] = np.nan_to_num(values[2])
    case = Case(values, codes)
    presence = [term for term in case.terms.main if term.kind == "presence"]
    assert [term.properties for term in presence] == [(0, 1)]
    found = case.terms.evaluate(presence[0], _terms.Positions(case.terms, values, {}))
    here = ~np.isnan(values[0])
    share = np.array([here[codes == c].mean() for c in range(3)])
    counts = np.bincount(codes)
    pool = (here.sum() + 0.5) / (len(codes) + 1)
    expected = np.log((share * counts + pool) / (counts + 1))
    assert_allclose(found[:, here][:, 0], expected - expected.mean())
    assert not any(
        term.kind == "presence" for term in Case(values, codes, presence=False).terms.main
    )


@pytest.mark.parametrize("seed", range(2))
def test_held_out_terms_are_those_of_a_sample_without_the_source(seed):
    values, codes = make_sample(seed, n=120)
    case = Case(values, codes)
    positions = _terms.Positions(case.terms, values, {})
    k = int(np.flatnonzero(~np.isnan(values).any(axis=0))[0])
    rest = np.arange(120) != k
    # The maps and the bandwidths are those of the whole sample: a weight of almost nothing
    # leaves them as they are.
    for term in case.terms.main:
        if term.kind != "presence":
            continue
        other = Case(values[:, rest], codes[rest])
        expected = other.terms.evaluate(term, _terms.Positions(other.terms, values[:, [k]], {}))
        found = case.terms.evaluate(term, positions, case.held)
        assert_allclose(found[:, k], expected[:, 0], atol=1e-12)


def test_rows_of_one_source_are_held_out_together():
    values, codes = make_sample(1, n=100, missing=0.0)
    # Another measurement of the first source, with another class.
    case = Case(values, codes)
    both = np.vstack([case.held[0], np.full(100, -1)])
    both[1, 0] = codes[1]
    held = both, np.vstack([case.weights] * 2), np.vstack([np.arange(100), np.ones(100, int)])
    positions = _terms.Positions(case.terms, values, {})
    once = [case.terms.evaluate(_terms.Term("wide", (0,)), positions, case.held)]
    twice = [case.terms.evaluate(_terms.Term("wide", (0,)), positions, held)]
    assert not np.allclose(once[0][:, 0], twice[0][:, 0], atol=1e-6)
    assert_allclose(once[0][:, 1:], twice[0][:, 1:], atol=1e-12)


@pytest.mark.parametrize("shrinkage", [1e9, "cv"])
def test_shrinkage(shrinkage):
    case = Case(*make_sample(4, missing=0.0))
    found, parameters, _ = case.fit(n_pairs=1, shrinkage=shrinkage)
    if shrinkage == "cv":
        assert found.factor in refinement.FACTORS
        return
    # The published formula is what is left.
    assert np.abs(found.matrix).max() < 1e-6
    assert np.all(parameters.exponents > 0)


def test_correlations_are_found_and_improve_held_out_scores():
    gains = []
    for seed in range(4):
        case = Case(*make_sample(seed, n=600, missing=0.0))
        scores = []
        for settings in ({"shrinkage": 1e9}, {"n_pairs": 3}):
            found, _, fold_parameters = case.fit(**settings)
            joint = sum(
                part
                for _, part in found.contributions(
                    case.values, {}, case.densities, case.held, case.fold
                )
            )
            for k, parameters in enumerate(fold_parameters):
                rows = case.fold == k
                joint[:, rows] += np.tensordot(parameters.exponents, case.features[..., rows], 1)
                joint[:, rows] += parameters.offsets[:, np.newaxis]
            z = joint + case.log_prior
            log_posterior = z - np.log(np.exp(z).sum(axis=0))
            scores.append(log_posterior[case.codes, np.arange(600)])
        gains.append(scores[1] - scores[0])
        assert found.pairs[0] == (0, 1)
    gains = np.concatenate(gains)
    assert gains.mean() > 5 * gains.std() / np.sqrt(len(gains))


def test_too_many_sources_are_drawn_by_class_and_keep_their_weight(monkeypatch):
    monkeypatch.setattr(refinement, "MOST_SOURCES", 100)
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [400, 80, 12])
    weights = rng.uniform(0.5, 1.5, len(codes))
    fold = rng.integers(0, 5, len(codes))
    rows, factor = refinement._draw_sources(codes, weights, fold)
    assert len(rows) <= 100
    assert_allclose(np.bincount(codes[rows])[2], 12)
    assert_allclose(
        np.bincount(codes[rows], weights[rows] * factor), np.bincount(codes, weights), rtol=1e-12
    )
    assert refinement._draw_sources(codes[:100], weights[:100], fold[:100]) is None
    values, codes = make_sample(0, n=300)
    found, _, _ = Case(values, codes).fit(n_pairs=1)
    assert np.isfinite(found.matrix).all()
