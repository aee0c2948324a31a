# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the likelihoods by category, against loops over sources and properties.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from claxboi.classification import Property
from claxboi.classification._likelihood import LikelihoodModel
from claxboi.classification.densities import KernelDensities

N_CLASSES = 3


def make_model(values, codes, records, *, weights=None, floor=0.01, bandwidth="silverman"):
    weights = np.ones(len(codes)) if weights is None else weights
    densities = [
        KernelDensities(
            record,
            record.apply_scale(row),
            codes,
            weights,
            list("ABC"),
            kernel="exponential",
            bandwidth=bandwidth,
            floor=floor,
        )
        for record, row in zip(records, values, strict=True)
    ]
    member = weights * (codes == np.arange(N_CLASSES)[:, np.newaxis])
    categories = tuple(dict.fromkeys(record.category for record in records))
    return LikelihoodModel(densities, categories, ~np.isnan(values) @ member.T, member.sum(axis=1))


def value_at(density, point):
    out = np.empty((N_CLASSES, 1))
    density.likelihood(np.array([float(point)]), out)
    return out[:, 0]


@pytest.fixture
def records():
    return [
        Property("a", "one"),
        Property("b", "two", "log10"),
        Property("c", "one", bounds=(-1, 1), atoms=[1.0]),
        Property("d", "three", "sigmoid", weight=0.7),
        Property("e", "two"),
    ]


@pytest.fixture
def sample():
    rng = np.random.default_rng(1)
    codes = np.arange(120) % N_CLASSES
    values = rng.normal(loc=codes, size=(5, 120))
    values[1] = 10 ** values[1]
    values[2] = np.clip(values[2] / 3, -0.9, 1)
    values[rng.random((5, 120)) < 0.3] = np.nan
    return values, codes


@pytest.fixture
def new():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(5, 40))
    values[1] = 10 ** values[1]
    values[2, :5] = 1.0
    values[2, 5:10] = 1.4
    values[:, 10] = [1e12, -1, -1e12, 1e300, -1e300]
    values[rng.random((5, 40)) < 0.3] = np.nan
    values[:, 11] = np.nan
    return values


class TestTerms:
    def test_slow_loop(self, records, sample, new):
        model = make_model(*sample, records)
        terms = model.terms(new, {})
        expected = np.zeros((3, N_CLASSES, 40))
        for s in range(40):
            for p, record in enumerate(records):
                if not np.isnan(new[p, s]):
                    scaled = record.apply_scale(new[p, s])
                    t = ("one", "two", "three").index(record.category)
                    expected[t, :, s] += record.weight * np.log(
                        value_at(model.densities[p], scaled)
                    )
        assert_allclose(terms.log_likelihood, expected, rtol=1e-11, atol=1e-11)
        assert_array_equal(terms.n_present, 5 - np.isnan(new).sum(axis=0))
        assert_array_equal(terms.patterns[terms.pattern], ~np.isnan(new).T)
        assert_allclose(
            model.property_terms(new, {}).sum(axis=0), expected.sum(axis=0), rtol=1e-11, atol=1e-11
        )

    def test_presence_by_hand(self, records, sample, new):
        values, codes = sample
        weights = np.random.default_rng(3).uniform(0.2, 3, 120)
        terms = make_model(values, codes, records, weights=weights).terms(new, {})
        present, absent = np.zeros((2, 3, N_CLASSES, 40))
        for c in range(N_CLASSES):
            of_class = codes == c
            for p, record in enumerate(records):
                t = ("one", "two", "three").index(record.category)
                has = ~np.isnan(values[p]) & of_class
                share = (weights[has].sum() / weights[of_class].sum() + 0.001) / 1.002
                here = ~np.isnan(new[p])
                present[t, c] += np.where(here, np.log(share), 0)
                absent[t, c] += np.where(here, 0, np.log(1 - share))
        assert_allclose(terms.present, present, rtol=1e-12)
        assert_allclose(terms.absent, absent, rtol=1e-12)

    def test_presence_apart_adds_up(self, records, sample, new):
        values, codes = sample
        model = make_model(values, codes, records)
        weights = np.ones(120)
        terms = model.terms(values, {}, codes, weights)
        apart = model.presence_terms(values, codes, weights)
        together = (terms.present + terms.absent).sum(axis=0)
        assert_allclose(apart.sum(axis=0), together, rtol=1e-12)

    def test_own_presence_by_hand(self, records, sample):
        values, codes = sample
        model = make_model(values, codes, records)
        apart = model.presence_terms(values, codes, np.ones(120))
        for s in (0, 7, 50):
            rest = (codes == codes[s]) & (np.arange(120) != s)
            share = (np.mean(~np.isnan(values[:, rest]), axis=1) + 0.001) / 1.002
            here = ~np.isnan(values[:, s])
            assert_allclose(
                apart[:, codes[s], s], np.where(here, np.log(share), np.log(1 - share)), rtol=1e-12
            )

    def test_last_of_a_class(self):
        # Nothing is left of the class: as likely present as not, uniform over the range.
        values = np.array([[0.0, 1, 2, 3, 1.5]])
        codes = np.array([0, 0, 1, 1, 2])
        model = make_model(values, codes, [Property("a", "one")])
        terms = model.terms(values, {}, codes, np.ones(5))
        assert_allclose(terms.log_likelihood[0, 2, 4], 0.0, atol=1e-12)
        assert_allclose(terms.present[0, 2, 4], np.log(0.5))

    def test_own_terms_are_those_of_the_own_class(self, records, sample):
        values, codes = sample
        errors = {0: np.full(120, 0.1)}
        model = make_model(values, codes, records)
        weights = np.ones(120)
        own = model.own_terms(values, errors, codes, weights)
        each = model.property_terms(values, errors, codes, weights)
        assert_allclose(own, each[:, codes, np.arange(120)], rtol=1e-11, atol=1e-12)

    def test_rows_do_not_know_each_other(self, records, sample, new):
        model = make_model(*sample, records)
        together = model.terms(new, {})
        for s in (0, 10, 11, 39):
            alone = model.terms(new[:, s : s + 1], {})
            assert_allclose(
                alone.log_likelihood[..., 0], together.log_likelihood[..., s], rtol=1e-12
            )
            assert_array_equal(alone.patterns[0], ~np.isnan(new[:, s]))

    def test_input_is_not_changed(self, records, sample, new):
        values, codes = sample
        before = values.copy(), new.copy()
        model = make_model(values, codes, records)
        model.terms(new, {0: np.ones(40)})
        model.terms(values, {}, codes, np.ones(120))
        assert_array_equal(values, before[0])
        assert_array_equal(new, before[1])

    @pytest.mark.parametrize("n_properties", [64, 65, 130])
    def test_many_properties(self, n_properties):
        rng = np.random.default_rng(4)
        codes = np.arange(60) % N_CLASSES
        values = rng.normal(size=(n_properties, 60))
        values[rng.random(values.shape) < 0.1] = np.nan
        records = [Property(f"p{k}", "one") for k in range(n_properties)]
        terms = make_model(values, codes, records).terms(values, {})
        assert_array_equal(terms.patterns[terms.pattern], ~np.isnan(values).T)

    @pytest.mark.parametrize("floor", [1e-2, 1e-12, 1e-30])
    def test_products_do_not_underflow(self, floor):
        values = np.random.default_rng(5).normal(size=(40, 60))
        codes = np.arange(60) % N_CLASSES
        records = [Property(f"p{k}", "one") for k in range(40)]
        model = make_model(values, codes, records, floor=floor)
        absurd = model.terms(np.full((40, 1), 1e20), {}).log_likelihood[0]
        assert_allclose(absurd, 40 * (np.log(floor) - 23))

    def test_products_do_not_overflow(self):
        # One absurd value each makes the range, and so the densities in its units, 1e30 wide.
        values = np.random.default_rng(6).normal(size=(40, 60))
        values[:, 0] = 1e30
        codes = np.arange(60) % N_CLASSES
        records = [Property(f"p{k}", "one") for k in range(40)]
        model = make_model(values, codes, records)
        found = model.terms(np.zeros((40, 1)), {}).log_likelihood[0]
        assert np.all(np.isfinite(found))
        assert_allclose(found, model.property_terms(np.zeros((40, 1)), {}).sum(axis=0))


class TestErrors:
    #: 5-point Gauss-Hermite quadrature for a standard normal (Abramowitz & Stegun, table 25.10).
    NODES = np.sqrt(2) * np.array(
        [-2.020182870456, -0.958572464614, 0, 0.958572464614, 2.020182870456]
    )
    WEIGHTS = np.array(
        [0.019953242059, 0.393619323152, 0.945308720483, 0.393619323152, 0.019953242059]
    ) / np.sqrt(np.pi)

    def model(self, **settings):
        rng = np.random.default_rng(7)
        codes = np.arange(900) % N_CLASSES
        values = np.clip(rng.normal(scale=0.4, size=(1, 900)) + 0.2 * (codes - 1), -1, 1)
        settings = {"error": "a_error"} | settings
        return make_model(values, codes, [Property("a", "one", **settings)], bandwidth=0.15)

    def test_quadrature(self):
        model = self.model()
        x, error = 0.3, 0.1
        found = model.terms(np.array([[x]]), {0: np.array([error])}).log_likelihood[0, :, 0]
        slow = sum(
            w * value_at(model.densities[0], x + n * error)
            for n, w in zip(self.NODES, self.WEIGHTS, strict=True)
        )
        assert_allclose(np.exp(found), slow, rtol=1e-9)

    def test_close_to_the_integral(self):
        model = self.model(atoms=None)
        grid = np.linspace(-4, 4, 16001)
        out = np.empty((N_CLASSES, len(grid)))
        model.densities[0].likelihood(grid, out)
        for x, error in ((0.0, 0.05), (0.4, 0.1), (-0.3, 0.2)):
            found = model.terms(np.array([[x]]), {0: np.array([error])}).log_likelihood[0, :, 0]
            integral = np.trapezoid(out * norm.pdf(grid, x, error), grid)
            assert_allclose(np.exp(found), integral, rtol=0.05)

    @pytest.mark.parametrize("error", [0.0, np.nan])
    def test_none(self, error):
        model, x = self.model(bounds=(-1, 1)), np.array([[-1.5, -1, -0.2, 0.9, 1.0, 1.3]])
        plain = model.terms(x, {}).log_likelihood
        assert_allclose(model.terms(x, {0: np.full(6, error)}).log_likelihood, plain, rtol=1e-9)

    def test_negative_is_its_size(self):
        model, x = self.model(), np.array([[0.1]])
        both = [model.terms(x, {0: np.array([e])}).log_likelihood for e in (0.2, -0.2)]
        assert_allclose(both[0], both[1])

    def test_atom_is_exact(self):
        model = self.model(bounds=(-1, 1), atoms=[1.0])
        found = model.terms(np.array([[1.0]]), {0: np.array([0.5])}).log_likelihood[0, :, 0]
        assert_allclose(np.exp(found), value_at(model.densities[0], 1.0))

    @pytest.mark.parametrize("x", [-0.9, 0.0, 0.7])
    @pytest.mark.parametrize("error", [1.0, 3.0])
    def test_large_errors_do_not_fall_on_an_atom(self, x, error):
        # Reflection goes on until a value is within: it must not end at the bound, an atom.
        model = self.model(bounds=(-1, 1), atoms=[-1, 1])
        # Make the atoms all that there is: then all other places have the floor.
        density = model.densities[0]
        density._weight_atoms[:] = 1e12
        density._own_masses = density._masses(density._weight_atoms, density._weight_rest)
        found = model.terms(np.array([[x]]), {0: np.array([error])}).log_likelihood
        assert_allclose(np.exp(found), 0.01, rtol=1e-6)

    def test_reflection(self):
        model = self.model(bounds=(-1, 1), atoms=None)
        x, error = 0.8, 0.4
        found = model.terms(np.array([[x]]), {0: np.array([error])}).log_likelihood[0, :, 0]
        points = x + error * self.NODES
        points = np.where(points > 1, 2 - points, points)
        slow = sum(
            w * value_at(model.densities[0], point)
            for point, w in zip(points, self.WEIGHTS, strict=True)
        )
        assert_allclose(np.exp(found), slow, rtol=1e-9)

    def test_beyond_a_bound_stays_odd(self):
        # An error must not fold an impossible value into the middle of the range.
        model = self.model(bounds=(-1, 1), atoms=None)
        x, error = np.array([[1.9]]), {0: np.array([0.01])}
        assert_allclose(
            model.terms(x, error).log_likelihood, model.terms(x, {}).log_likelihood, rtol=0.05
        )

    def test_logarithm_stays_positive(self):
        rng = np.random.default_rng(8)
        codes = np.arange(300) % N_CLASSES
        values = 10 ** rng.normal(size=(1, 300))
        record = Property("a", "one", "log10", error="a_error")
        model = make_model(values, codes, [record])
        found = model.terms(np.array([[1.0]]), {0: np.array([1.0])}).log_likelihood[0, :, 0]
        slow = sum(
            w * value_at(model.densities[0], np.log10(abs(1 + n)))
            for n, w in zip(self.NODES, self.WEIGHTS, strict=True)
        )
        assert_allclose(np.exp(found), slow, rtol=1e-9)

    def test_missing_stays_missing(self):
        model = self.model()
        terms = model.terms(np.array([[np.nan]]), {0: np.array([0.3])})
        assert_allclose(terms.log_likelihood, 0, atol=1e-15)
        assert terms.n_present[0] == 0
