# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import binom

from claxboi.classification import (
    NaiveBayesClassifier,
    PriorWarning,
    estimate_class_numbers,
)
from claxboi.classification._table_reading import read_sources
from claxboi.classification.class_numbers import count_members
from claxboi.simulation import make_labelled_sample

SIGMA = np.array([[0.0, 1.2, 3.0], [1.0, -1.0, 0.5]])


def log_likelihoods(rng, codes, miscalibration=1.0):
    """Three classes in a plane; a factor makes the probabilities too sure."""
    x = SIGMA[:, codes] + rng.normal(size=(2, len(codes)))
    return -miscalibration * np.sum((x[:, np.newaxis] - SIGMA[:, :, np.newaxis]) ** 2, axis=0) / 2


@pytest.mark.parametrize("miscalibration", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("shares", [(0.9, 0.08, 0.02), (0.2, 0.2, 0.6), (0.5, 0.5, 0.0)])
def test_intervals_hold_the_truth(miscalibration, shares):
    rng = np.random.default_rng(1)
    held_codes = np.repeat([0, 1, 2], [150, 40, 15])
    within, n_trials = 0, 100
    pulls = []
    for _ in range(n_trials):
        codes = rng.choice(3, size=300, p=shares)
        held = log_likelihoods(rng, held_codes, miscalibration)
        new = log_likelihoods(rng, codes, miscalibration)
        n, low, high = count_members(new, held, held_codes, np.ones(205))
        true = np.bincount(codes, minlength=3)
        within += np.count_nonzero((low <= true) & (true <= high))
        pulls.append((n - true) / np.maximum(high - low, 1))
        assert_allclose(n.sum(), 300)
    # Three classes of one sample are not independent: as good as 1.5. A class that is not there
    # is at the end of its interval more often.
    floor, ceiling = binom.ppf([0.0005, 0.9995], 150, 0.683) / 150
    assert floor < within / (3 * n_trials) < ceiling + 0.1 * (min(shares) < 0.05)
    # In units of the width; a number is never below 0, so one that is 0 is overestimated.
    assert np.all(np.abs(np.mean(pulls, axis=0)) < (0.4 if min(shares) == 0 else 0.3))


def test_weights_count_like_copies():
    rng = np.random.default_rng(2)
    held_codes = np.repeat([0, 1, 2], 60)
    held = log_likelihoods(rng, held_codes)
    new = log_likelihoods(rng, rng.integers(3, size=200))
    one = count_members(new, held, held_codes, np.ones(180))
    scaled = count_members(new, held, held_codes, np.full(180, 7.0))
    assert_allclose(one, scaled, rtol=1e-10)
    half = count_members(new, np.tile(held, 2), np.tile(held_codes, 2), np.repeat([1.0, 0.0], 180))
    assert_allclose(one, half, rtol=1e-10)


def test_extremes():
    rng = np.random.default_rng(3)
    held_codes = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    held = log_likelihoods(rng, held_codes)
    assert np.all(count_members(held[:, :0], held, held_codes, np.ones(9))[0] == 0)
    n, low, high = count_members(held[:, :1], held, held_codes, np.ones(9))
    assert_allclose(n.sum(), 1)
    assert np.all((low >= 0) & (high <= 1) & (low <= high))
    # Classes that look the same cannot be told apart: any number is possible.
    flat = np.zeros((3, 50))
    _, low, high = count_members(flat, np.zeros((3, 9)), held_codes, np.ones(9))
    assert np.all(np.isfinite(low) & np.isfinite(high))


def test_groups_and_the_whole():
    table = make_labelled_sample(1500, rng=4)
    model = NaiveBayesClassifier(["b", "hr2", "hr3", "log_fx_fr", "log_lx", "extent"]).fit(table)
    new = table[table["class"].mask]
    group = np.where(np.arange(len(new)) % 2, "north", "south")
    numbers = estimate_class_numbers(model, new, groups=group)
    assert list(numbers) == ["north", "south"]
    north = estimate_class_numbers(model, new[group == "north"])
    assert_allclose(numbers["north"].n, north.n)
    assert north.reason == ""


def test_other_proportions_are_no_reason_to_refuse():
    """Labelled sources and others differ in each property where the proportions differ."""
    table = make_labelled_sample(3000, rng=5)
    rng = np.random.default_rng(5)
    is_agn = table["true_class"] == "AGN"
    keep = table["class"].mask & (~is_agn | (rng.random(3000) < 0.2))
    model = NaiveBayesClassifier(["b", "hr2", "hr3", "log_fx_fr", "log_lx", "extent"]).fit(table)
    numbers = estimate_class_numbers(model, table[keep])
    assert numbers.reason == ""
    faint = table[keep & (table["flux"] < np.median(table["flux"]) / 2)]
    faint["class"] = MaskedColumn(np.full(len(faint), ""), mask=True)
    with pytest.warns(UserWarning, match="cannot be estimated"):
        numbers = estimate_class_numbers(model, faint)
    assert numbers.reason


def test_bad_input():
    table = make_labelled_sample(2000, rng=6)
    model = NaiveBayesClassifier(["b", "hr2"]).fit(table)
    with pytest.raises(ValueError, match="level"):
        estimate_class_numbers(model, table, level=1.5)


def survey(seed, label_probability, n=2500):
    """Two classes that are hard to tell apart where they are faint, and their model."""
    rng = np.random.default_rng(seed)
    bright = rng.normal(size=n)
    is_cv = rng.random(n) < 0.25
    scatter = np.exp(-0.5 * bright)
    table = Table({"flux": 1e-14 * 10 ** (0.5 * bright), "b": rng.uniform(-90, 90, n)})
    table["x"] = 2.0 * is_cv + scatter * rng.normal(size=n)
    names = np.where(is_cv, "CV", "AGN")
    table["class"] = MaskedColumn(names, mask=rng.random(n) >= label_probability(bright))
    model = NaiveBayesClassifier(["x"], bandwidth="silverman").fit(table)
    new = table["class"].mask
    return model, table[new], np.sum(names[new] == "CV")


def unweighted(model, new):
    """Estimate the numbers as if the labelled sources were like the others."""
    training = model._core.training
    held_out, evidence = map(
        model._core.log_evidence, (training.sources(), read_sources(model, new))
    )
    return count_members(evidence, held_out, training.codes, training.weights)[0]


def test_labels_of_bright_sources():
    """Labelled sources are weighted to be as faint as the others; unweighted ones are biased."""
    within, pulls, biased, n_trials = 0, [], [], 30
    for seed in range(n_trials):
        model, new, true = survey(seed, lambda bright: 0.12 + 0.5 * expit(2 * bright))
        found = estimate_class_numbers(model, new)
        assert found.reason == ""
        within += found.low[1] <= true <= found.high[1]
        error = (found.high[1] - found.low[1]) / 2
        pulls.append((found.n[1] - true) / error)
        biased.append((unweighted(model, new)[1] - true) / error)
    low, high = binom.ppf([0.001, 0.999], n_trials, 0.683)
    assert low <= within <= high
    # The mean of 30 scatters by 0.2.
    assert abs(np.mean(pulls)) < 0.8
    assert abs(np.mean(biased)) > 1


def test_no_estimate_where_no_label_is_faint():
    for seed in range(4):
        model, new, _ = survey(seed, lambda bright: 0.7 * (bright > 0))
        with pytest.warns(PriorWarning, match="cannot be estimated"):
            found = estimate_class_numbers(model, new)
        assert np.isnan([found.n, found.low, found.high]).all()
