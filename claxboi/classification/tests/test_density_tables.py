# Licensed under a 3-clause BSD style license - see LICENSE.rst
import copy
import pickle

import numpy as np
import pytest
from astropy.table import Table

from claxboi.classification import NaiveBayesClassifier, Property
from claxboi.classification import _engine as engine
from claxboi.classification._density_tables import TOLERANCE, make_table
from claxboi.classification.densities import KernelDensities

NAMES = ["a", "b", "c"]


def sample(seed, n=400):
    """Draw values of three classes of unequal size, with repeated values and outliers."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, n, p=[0.8, 0.17, 0.03])
    codes[:9] = np.repeat([0, 1, 2], 3)
    values = rng.standard_t(1.5, n) + codes
    values[::7] = np.round(values[::7], 1)
    values[::11] = 0.0
    values[::13] = np.nan
    return values, codes


def densities(values, codes, *, kernel="exponential", **facts):
    """Return the densities of one property."""
    return KernelDensities(
        Property("x", **facts),
        values,
        codes,
        np.ones(len(codes)),
        NAMES,
        kernel=kernel,
        bandwidth="silverman",
        floor=0.01,
    )


def exact(density, points):
    """Return exact log-likelihoods, 0 where missing."""
    out = np.ones((3, len(points)))
    here = ~np.isnan(points)
    part = np.empty((3, here.sum()))
    density.likelihood(points[here], part)
    out[:, here] = part
    return np.log(out)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("kernel", "facts"),
    [
        ("exponential", {}),
        ("exponential", {"bounds": (-2.0, 2.5)}),
        ("exponential", {"atoms": (0.0, 1.0)}),
        ("gaussian", {"bounds": (None, 3.0)}),
    ],
)
def test_tables_agree_with_densities(seed, kernel, facts):
    values, codes = sample(seed)
    density = densities(values, codes, kernel=kernel, **facts)
    table = make_table(density)
    rng = np.random.default_rng(seed + 100)
    ends = [density.lower, density.upper, 0.0, 1.0, np.inf, -np.inf, np.nan]
    points = np.concatenate([values, rng.uniform(-5, 5, 3000), rng.standard_cauchy(3000), ends])
    found = np.empty((3, len(points)))
    table.log_likelihood(points, found)
    error = np.abs(found - exact(density, points))
    assert error.max() < 3 * TOLERANCE
    same = np.isin(points, density.atoms) | ~((points > density.lower) & (points < density.upper))
    assert error[:, same].max() < 1e-12


def test_a_class_without_values_is_uniform():
    values, codes = sample(1)
    values[codes == 2] = np.nan
    density = densities(values, codes)
    points = np.linspace(density.lower, density.upper, 1001)
    found = np.empty((3, len(points)))
    make_table(density).log_likelihood(points, found)
    np.testing.assert_allclose(found, exact(density, points), atol=3 * TOLERANCE)


def test_what_needs_too_many_cells_has_no_table(monkeypatch):
    density = densities(*sample(1))
    monkeypatch.setattr("claxboi.classification._density_tables.MOST_CELLS", 100)
    assert make_table(density) is None


@pytest.fixture(scope="module")
def labelled():
    rng = np.random.default_rng(5)
    n = 600
    codes = rng.choice(3, n)
    table = Table({"source_id": np.arange(n), "class": np.array(NAMES)[codes]})
    for k in range(4):
        table[f"x{k}"] = rng.normal(0.7 * codes * (-1) ** k, 1.0)
        table[f"x{k}"][rng.random(n) < 0.2] = np.nan
    table["x1_error"] = rng.uniform(0, 0.5, n)
    table["x3"][::6] = 0.0
    return table


PROPERTIES = {
    "one": ["x0", Property("x1", error="x1_error")],
    "two": [Property("x2", weight=0.5), Property("x3", bounds=(-3.0, None))],
}


@pytest.mark.parametrize("refine", [False, True])
def test_answers_from_tables(labelled, refine, monkeypatch):
    """New and training sources: answers agree with the exact ones, and are held out."""
    model = NaiveBayesClassifier(PROPERTIES, refine=refine)
    model.fit(labelled)
    model.optimize(labelled, "training", show_progress=False)
    rest = labelled.copy()
    rest["source_id"] += len(labelled)
    for table in (labelled, rest):
        slow = model.predict_log_proba(table, "training")
        monkeypatch.setattr(engine, "TABULATED_FROM", 1)
        fast = model.predict_log_proba(table, "training")
        result = model.classify(table, "training")
        model._is_exact = True
        assert np.array_equal(model.predict_log_proba(table, "training"), slow)
        model._is_exact = False
        monkeypatch.undo()
        assert 0 < np.abs(fast - slow).max() < 1e-4
        named = np.array([result[f"P_{name}"] for name in NAMES])
        np.testing.assert_allclose(np.log(named), np.reshape(fast, (len(table), 3)).T, atol=1e-9)
    copied = copy.deepcopy(model)
    assert copied._likelihood._tables is None
    assert pickle.loads(pickle.dumps(model))._likelihood._tables is None
