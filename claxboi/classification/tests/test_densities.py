# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the densities: mass, atoms, bounds, the floor, and leaving one out.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification import Component, Property
from claxboi.classification.densities import (
    LOWEST_LOG_FLOOR,
    KernelDensities,
    TabulatedDensities,
)

FLOOR = 0.01


def fit(values, codes, *, names="AB", weights=None, floor=FLOOR, kernel="exponential", **record):
    record = {"bandwidth": None, "atoms": "auto"} | record
    return KernelDensities(
        Property("x", "any", record.pop("scale", "linear"), **record),
        np.asarray(values, float),
        np.asarray(codes),
        np.ones(len(values)) if weights is None else np.asarray(weights, float),
        list(names),
        kernel=kernel,
        bandwidth="silverman",
        floor=floor,
    )


def likelihood(density, points):
    points = np.atleast_1d(np.asarray(points, float))
    order = np.argsort(points)
    out = np.empty((density.n_classes, len(points)))
    density.likelihood(points[order], out)
    back = np.empty_like(out)
    back[:, order] = out
    return back


@pytest.fixture
def sample():
    rng = np.random.default_rng(1)
    codes = np.arange(90) % 2
    return rng.normal(loc=codes, size=90), codes


@pytest.fixture
def ratios():
    """Hardness ratios: many exactly at 1, many in A at -1, two-decimal values between."""
    rng = np.random.default_rng(2)
    codes = np.arange(200) % 2
    x = np.round(rng.uniform(-1, 1, 200), 2)
    x[:40] = 1.0
    x[np.flatnonzero(codes == 0)[-20:]] = -1.0
    return x, codes


class TestMass:
    @pytest.mark.parametrize("kernel", ["exponential", "gaussian"])
    def test_unbounded(self, sample, kernel):
        density = fit(*sample, kernel=kernel)
        grid = np.linspace(density.lower - 30, density.upper + 30, 400_001)
        within = (grid >= density.lower) & (grid <= density.upper)
        beyond = np.maximum(np.maximum(density.lower - grid, grid - density.upper), 0)
        floor = FLOOR * np.exp(np.maximum(-beyond / density.span, LOWEST_LOG_FLOOR))
        values = likelihood(density, grid)
        mass = np.trapezoid(values - floor, grid) / density.span
        assert_allclose(mass, 1 - FLOOR, rtol=1e-6)
        in_range = np.trapezoid(values[:, within], grid[within]) / density.span
        assert np.all(in_range < 1)
        assert np.all(in_range > 0.85)

    @pytest.mark.parametrize("kernel", ["exponential", "gaussian"])
    def test_bounds_and_atoms(self, ratios, kernel):
        density = fit(*ratios, kernel=kernel, bounds=(-1, 1))
        assert_array_equal(density.atoms, [-1, 1])
        grid = np.linspace(-1, 1, 400_001)[1:-1]
        rest = np.trapezoid(likelihood(density, grid), grid) / 2
        at_atoms = likelihood(density, density.atoms)
        # The floor is everywhere within the range, the atoms carry it once more.
        assert_allclose(rest + (at_atoms - FLOOR).sum(axis=1), 1, rtol=1e-5)

    def test_atoms_without_bounds_are_bounds(self, ratios):
        # Values pile up at the ends of the range, so nothing lies beyond.
        density = fit(*ratios)
        bounded = fit(*ratios, bounds=(-1, 1))
        grid = np.linspace(-1.5, 1.5, 301)
        assert_allclose(likelihood(density, grid), likelihood(bounded, grid), rtol=1e-12)


class TestValues:
    def test_hand_computed(self):
        # Two classes, bandwidth 1, range 4, no atoms.
        density = fit([0.0, 4, 1], [0, 0, 1], bandwidth=1.0, floor=0.02)
        a = 0.98 * 4 * (np.exp(-2) + np.exp(-2)) / 2 / 2 + 0.02
        b = 0.98 * 4 * np.exp(-1) / 2 + 0.02
        assert_allclose(likelihood(density, [2.0])[:, 0], [a, b])

    def test_class_of_one(self):
        density = fit([0.0, 1, 2, 3, 4, 2.5], [0, 0, 0, 0, 0, 1])
        values = likelihood(density, np.linspace(0, 4, 81))[1]
        assert np.argmax(values) == 50
        assert np.all(values > FLOOR)

    def test_class_without_any(self):
        density = fit([0.0, 1, 2, 3, 4, np.nan], [0, 0, 0, 0, 0, 1])
        values = likelihood(density, np.linspace(0, 4, 9))[1]
        assert_allclose(values, 1.0)
        assert likelihood(density, [100.0])[1, 0] <= FLOOR

    def test_order_of_the_training_does_not_matter(self, sample):
        order = np.random.default_rng(3).permutation(len(sample[0]))
        grid = np.linspace(-4, 5, 91)
        assert_allclose(
            likelihood(fit(sample[0][order], sample[1][order]), grid),
            likelihood(fit(*sample), grid),
            rtol=1e-10,
        )

    @pytest.mark.parametrize("factor", [1e-15, 1e15, -1.0])
    def test_scale(self, sample, factor):
        x, codes = sample
        grid = np.linspace(-6, 7, 91)
        assert_allclose(
            likelihood(fit(factor * x, codes), factor * grid),
            likelihood(fit(x, codes), grid),
            rtol=1e-8,
        )

    def test_logarithm_of_a_factor(self, sample):
        x, codes = np.exp(sample[0]), sample[1]
        points = np.exp(np.linspace(-5, 5, 31))
        scaled = [
            likelihood(density, density.record.apply_scale(factor * points))
            for factor in (1, 1e-9)
            for density in [
                fit(Property("x", scale="log10").apply_scale(factor * x), codes, scale="log10")
            ]
        ]
        assert_allclose(scaled[1], scaled[0], rtol=1e-8)

    def test_input_is_not_changed(self, ratios):
        x, codes = ratios
        copies, weights = (x.copy(), codes.copy()), np.ones(len(x))
        density = fit(x, codes, weights=weights, bounds=(-1, 1))
        points = np.linspace(-2, 2, 5)
        likelihood(density, points)
        assert_array_equal(x, copies[0])
        assert_array_equal(codes, copies[1])
        assert_array_equal(weights, 1)
        assert_array_equal(points, np.linspace(-2, 2, 5))

    def test_missing_do_not_count(self, sample):
        x, codes = sample
        with_missing = fit(np.append(x, [np.nan] * 5), np.append(codes, [0] * 5))
        grid = np.linspace(-4, 5, 91)
        assert_array_equal(likelihood(with_missing, grid), likelihood(fit(x, codes), grid))

    def test_weight_two_is_two_rows(self, ratios):
        x, codes = ratios
        copies = np.where(np.arange(200) % 4 == 0, 2, 1)
        grid = np.concatenate([np.linspace(-1.5, 1.5, 99), [-1, 1]])
        assert_allclose(
            likelihood(fit(x, codes, weights=copies), grid),
            likelihood(fit(np.repeat(x, copies), np.repeat(codes, copies)), grid),
            rtol=1e-10,
        )


class TestOutside:
    @pytest.mark.parametrize("kernel", ["exponential", "gaussian"])
    @pytest.mark.parametrize("bounds", [(None, None), (-5, None), (None, 5), (-5, 5)])
    def test_absurd_values_favour_no_class(self, sample, kernel, bounds):
        density = fit(*sample, kernel=kernel, bounds=bounds)
        for points in ([20.0, 100.0, 1e12, 1.7e308, np.inf], [-20.0, -1e12, -1.7e308, -np.inf]):
            values = likelihood(density, points)
            assert_allclose(values[0], values[1], rtol=1e-6)
            assert np.all(np.diff(values) <= 0)
            assert np.all(values < FLOOR)
            assert np.all(values >= FLOOR * np.exp(LOWEST_LOG_FLOOR))

    def test_floor_decays_by_e_each_range(self, sample):
        density = fit(*sample)
        far = density.upper + density.span * np.array([10.0, 11.0, 12.0])
        values = likelihood(density, far)[0]
        assert_allclose(values[1:] / values[:-1], np.exp(-1), rtol=1e-6)

    def test_continuous_at_the_ends(self, sample):
        density = fit(*sample)
        for end in (density.lower, density.upper):
            values = likelihood(density, [end - 1e-9, end, end + 1e-9])
            assert_allclose(values, values[:, :1] * np.ones(3), rtol=1e-6)

    def test_training_values_beyond_a_bound(self):
        # They are odd, but no reason to fail; their kernel stands at the bound.
        x = np.append(np.linspace(0, 1, 20), 1.3)
        density = fit(x, np.arange(21) % 2, bounds=(0, 1))
        values = likelihood(density, [1.0, 1.3, 2.0])
        assert np.all(values[:, 0] > values[:, 1])
        assert np.all(values[:, 1] > values[:, 2])


class TestAtoms:
    def test_masses(self, ratios):
        x, codes = ratios
        density = fit(x, codes)
        for k, atom in enumerate((-1, 1)):
            counts = [np.count_nonzero((x == atom) & (codes == c)) for c in range(2)]
            assert_allclose(density.atom_masses[k], (np.array(counts) + 0.5) / (100 + 3 * 0.5))
            assert_allclose(likelihood(density, [atom])[:, 0], 0.99 * density.atom_masses[k] + 0.01)

    @pytest.mark.parametrize("digits", [0, 1, 2])
    @pytest.mark.parametrize("n", [100, 3000])
    def test_rounded_values_are_none(self, n, digits):
        rng = np.random.default_rng(digits)
        density = fit(np.round(rng.normal(scale=5, size=n), digits), np.arange(n) % 2)
        assert len(density.atoms) == 0

    def test_few_equal_values_are_none(self, sample):
        x, codes = sample
        x = x.copy()
        x[:4] = 0.0
        assert len(fit(x, codes).atoms) == 0

    def test_atom_of_a_small_class(self):
        # 8 of 10 sources of B are at 0, which is a thousandth of all.
        rng = np.random.default_rng(4)
        x = np.concatenate([rng.normal(size=8000), np.zeros(8), rng.normal(size=2)])
        density = fit(x, np.repeat([0, 1], [8000, 10]))
        # 8 is not 10 times the typical multiplicity of 1, so it is none ...
        assert len(density.atoms) == 0
        x = np.append(x, np.zeros(2))
        # ... and 10 is.
        assert_array_equal(fit(x, np.repeat([0, 1], [8000, 12])).atoms, [0.0])

    def test_few_distinct_values_make_a_histogram(self):
        x, codes = np.repeat([0.0, 1, 3], [20, 10, 30]), np.arange(60) % 2
        density = fit(x, codes)
        assert_array_equal(density.atoms, [0, 1, 3])
        assert_allclose(density.atom_masses, (np.array([[10] * 2, [5] * 2, [15] * 2]) + 0.5) / 31.5)
        assert_allclose(density.atom_masses.sum(axis=0), 1)
        assert_allclose(likelihood(density, [3.0])[:, 0], 0.99 * 15.5 / 31.5 + 0.01)
        # Nothing is known of a value that never was.
        assert_allclose(likelihood(density, [2.0])[:, 0], FLOOR)
        assert np.all(np.isnan(density.bandwidths))

    def test_few_distinct_values_seen_once_do_not(self):
        density = fit([0.1, 0.5, 2.2, 3.1, 4.0, 5.7], [0, 0, 0, 1, 1, 1])
        assert len(density.atoms) == 0
        assert np.all(density.bandwidths > 0)

    def test_given(self, ratios):
        density = fit(*ratios, atoms=[1.0])
        assert_array_equal(density.atoms, [1.0])
        assert len(fit(*ratios, atoms=None).atoms) == 0

    def test_given_twice_counts_once(self, ratios):
        once, twice = (fit(*ratios, atoms=atoms) for atoms in ([1, -1], [-1, 1, 1.0]))
        grid = np.linspace(-1, 1, 5)
        assert_array_equal(once.atoms, twice.atoms)
        assert_array_equal(likelihood(once, grid), likelihood(twice, grid))

    def test_never_seen(self, sample):
        # An atom that no source of the training has: a pseudo-count of it.
        density = fit(*sample, atoms=[7.0])
        assert_allclose(density.atom_masses, [[0.5 / 46, 0.5 / 46]])

    def test_all_but_one_value_are_atoms(self):
        x = np.concatenate([np.zeros(30), np.ones(30), [0.4]])
        density = fit(x, np.arange(61) % 2, atoms=[0, 1])
        assert np.all(density.bandwidths > 0)
        assert np.all(np.isfinite(likelihood(density, np.linspace(0, 1, 11))))


class TestInfinite:
    def test_logarithm_of_zero_is_an_atom(self):
        rng = np.random.default_rng(5)
        raw = np.concatenate([np.zeros(30), -np.ones(10), 10 ** rng.normal(size=160)])
        codes = np.concatenate([np.zeros(40, int), np.arange(160) % 2])
        record = Property("x", scale="log10")
        density = fit(record.apply_scale(raw), codes, scale="log10")
        assert_array_equal(density.atoms, [-np.inf])
        assert_allclose(density.atom_masses[0], [40.5 / 121, 0.5 / 81])
        values = likelihood(density, record.apply_scale(np.array([0.0, -5.0])))
        assert_allclose(values, (0.99 * density.atom_masses.T + 0.01) * np.ones(2))

    def test_few_logarithms_of_zero_favour_no_class(self):
        rng = np.random.default_rng(6)
        x = np.concatenate([[-np.inf] * 3, rng.normal(size=97)])
        density = fit(x, np.concatenate([np.zeros(3, int), np.arange(97) % 2]), scale="log10")
        assert len(density.atoms) == 0
        values = likelihood(density, [-np.inf])
        assert_allclose(values[0], values[1])
        # They count: what is left for finite values is less.
        grid = np.linspace(-40, 40, 400_001)
        floor = likelihood(density, grid).min()
        mass = np.trapezoid(likelihood(density, grid) - floor, grid)[0] / density.span
        assert mass < 0.99

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ([1.0, 1.0, 1.0], r"property 'x' has only one value \(1\) among the training sources"),
            ([np.nan] * 3, "property 'x' has no value among the training sources"),
            ([0, 0, -1.0], "property 'x' has no positive value"),
            ([0, 100, 100], r"property 'x' has only one value \(2 on its log10 scale\)"),
        ],
    )
    def test_cannot_classify(self, values, message):
        scale = "log10" if 0 in values else "linear"
        with pytest.raises(ValueError, match=message):
            fit(Property("x", scale=scale).apply_scale(values), [0, 0, 1], scale=scale)


class TestComponents:
    def test_cos_b(self):
        rng = np.random.default_rng(7)
        b, codes = rng.normal(scale=5, size=100), np.arange(100) % 2
        half = fit(b, codes, components=[Component("B", 0.5)], bounds=(-90, 90))
        plain = fit(b, codes, bounds=(-90, 90))
        points = np.linspace(plain.lower, plain.upper, 41)
        mixed, own = likelihood(half, points), likelihood(plain, points)
        assert_allclose(mixed[0], own[0])
        cosine = np.cos(np.radians(points)) * np.pi / 360
        expected = (own[1] - FLOOR) / 2 + 0.99 * 0.5 * plain.span * cosine + FLOOR
        assert_allclose(mixed[1], expected, rtol=1e-10)

    def test_class_that_is_not_there(self, sample):
        assert_array_equal(
            likelihood(fit(*sample, components=[Component("Z", 0.5)]), [0.0]),
            likelihood(fit(*sample), [0.0]),
        )

    @pytest.mark.parametrize(
        "component", [Component("A", 1.0), Component("A", 1, ([-1, 0, 3], [0, 2.0, 0]))]
    )
    def test_mass(self, component):
        density = fit(np.linspace(-80, 80, 40), np.arange(40) % 2, components=[component])
        grid = np.linspace(-90, 90, 100_001)
        inside = np.abs(grid) <= 80
        values = likelihood(density, grid)[0]
        assert_allclose(
            np.trapezoid((values - FLOOR)[inside], grid[inside]) / density.span,
            0.99 * (np.sin(np.radians(80)) if component.density == "cos_b" else 1),
            rtol=1e-4,
        )


def refitted(density, x, codes, weights, leave, **record):
    """Fit without one source at the same bandwidths, range and atoms."""
    rest = np.arange(len(x)) != leave
    again = KernelDensities(
        Property("x", "any", atoms=tuple(density.atoms), **record),
        x[rest],
        codes[rest],
        weights[rest],
        ["A", "B", "C"],
        kernel=density.kernel_name,
        bandwidth=density.bandwidths[0],
        floor=FLOOR,
    )
    assert (again.lower, again.upper) == (density.lower, density.upper)
    return again


@pytest.mark.parametrize("kernel", ["exponential", "gaussian"])
class TestLeaveOneOut:
    @pytest.mark.parametrize(
        "record",
        [
            {},
            {"bounds": (-1, 1)},
            {"bounds": (-1, None)},
            {"components": (Component("B", 0.4, ([-1, 1], [1, 1])),)},
        ],
    )
    def test_true_refits(self, kernel, record):
        rng = np.random.default_rng(8)
        codes = np.concatenate([np.arange(55) % 2, [2, 2], [0] * 3])
        x = np.round(rng.uniform(-0.98, 0.98, 60), 2)
        x[:20] = 1.0
        x[20:32] = -1.0
        x[57:] = np.nan
        x[55:57] = [0.3, 1.0]  # one of C in the continuum, one at an atom
        weights = rng.uniform(0.3, 3, 60)
        density = fit(
            x,
            codes,
            names="ABC",
            weights=weights,
            kernel=kernel,
            bandwidth=0.21,
            atoms=[-1, 1],
            **record,
        )
        density.kernel_name = kernel
        rows = np.flatnonzero(~np.isnan(x))[:: 1 if kernel == "exponential" else 4]
        for points in (x[rows], np.round(rng.uniform(-1.2, 1.2, len(rows)), 1)):
            order = np.argsort(points, kind="stable")
            found = density.own_likelihood(
                points[order], x[rows][order], codes[rows][order], weights[rows][order]
            )
            true = [
                likelihood(refitted(density, x, codes, weights, row, **record), [point])[
                    codes[row], 0
                ]
                for row, point in zip(rows[order], points[order], strict=True)
            ]
            assert_allclose(found, true, rtol=1e-9)

    def test_histogram(self, kernel):
        x, codes = np.repeat([0.0, 1, 3], [20, 10, 30]), np.arange(60) % 2
        density = fit(x, codes, kernel=kernel)
        found = density.own_likelihood(x, x, codes, np.ones(60))
        counts = np.repeat([10, 5, 15], [20, 10, 30])
        assert_allclose(found, 0.99 * (counts - 0.5) / 30.5 + 0.01)

    def test_isolated_source_is_left_with_the_floor(self, kernel):
        x = np.append(np.linspace(0, 1, 30), 1e12)
        codes = np.append(np.arange(30) % 2, 0)
        density = fit(x, codes, kernel=kernel, bandwidth=0.05)
        found = density.own_likelihood(x[-1:], x[-1:], codes[-1:], np.ones(1))
        assert_array_equal(found, FLOOR)


class TestTabulated:
    def test_interpolates_and_is_one_outside(self):
        record = Property("x", "any")
        table = TabulatedDensities(record, np.array([0.0, 1, 2]), np.array([[0.2, 0.5, 0.3]]))
        values = likelihood(table, [-0.1, 0.0, 0.5, 2.0, 2.1])[0]
        assert_allclose(values, [1, 0.2, 0.35, 0.3, 1])
        own = table.own_likelihood(np.array([0.5]), np.array([0.5]), np.zeros(1, int), np.ones(1))
        assert_allclose(own, 0.35)
