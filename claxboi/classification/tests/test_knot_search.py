# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest

from claxboi.classification._knot_search import KnotSearch


@pytest.mark.parametrize("seed", range(10))
def test_count_is_that_of_searchsorted(seed):
    rng = np.random.default_rng(seed)
    cluster = 1 + 1e-12 * np.arange(50)
    knots = np.sort(np.concatenate([rng.standard_cauchy(500) * 100, cluster, [1, 1, -1e12, 1e9]]))
    values = np.concatenate(
        [
            knots,
            np.nextafter(knots, np.inf),
            np.nextafter(knots, -np.inf),
            rng.normal(size=2000),
            rng.uniform(-2e12, 2e9, 200),
            [np.inf, -np.inf],
        ]
    )
    expected = np.searchsorted(knots, values, side="right")
    np.testing.assert_array_equal(KnotSearch(knots)(values), expected)


@pytest.mark.parametrize(
    "knots",
    [[], [1.0], [1.0, 1.0], [0.0, 5e-324], [-1.7e308, 1.7e308], [0.0, 1.0], [0.0, 1.0, 2.0]],
)
def test_few_knots(knots):
    knots = np.array(knots)
    values = np.concatenate([knots, [-1.0, 0.5, 1.0, 3.0, -np.inf, np.inf]])
    expected = np.searchsorted(knots, values, side="right")
    np.testing.assert_array_equal(KnotSearch(knots)(values), expected)
