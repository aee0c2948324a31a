# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from numpy.testing import assert_allclose

from claxboi.counterparts.match_probability import log_bayes_circular, log_bayes_elliptical
from claxboi.utils import ARCSEC


def slow_bayes(covariances, offsets):
    """The integral over the true position, on a fine grid, over the product of the evidences."""
    step, size = 0.05, 10.0
    axis = np.arange(-size, size, step)
    east, north = np.meshgrid(axis, axis)
    density = np.ones_like(east)
    for (ee, en, nn), (e, n) in zip(covariances, offsets, strict=True):
        det = ee * nn - en**2
        d_e, d_n = east - e, north - n
        chi2 = (nn * d_e**2 - 2 * en * d_e * d_n + ee * d_n**2) / det
        density *= np.exp(-chi2 / 2) / (2 * np.pi * np.sqrt(det))
    same = density.sum() * step**2
    # Each evidence alone is the density of the prior, one over the sphere in arcsec^2.
    return np.log(same) + (len(offsets) - 1) * np.log(4 * np.pi / ARCSEC**2)


CASES = [
    ([(1.0, 0.3, 0.5), (0.7, -0.2, 0.4)], [(0.0, 0.0), (1.0, -0.5)]),
    ([(1.0, 0.9, 1.0), (0.3, 0.0, 0.3), (2.0, -0.5, 0.6)], [(0, 0), (1.0, 0.5), (-1.0, 1.0)]),
    ([(0.5, 0.0, 0.5)] * 5, [(0, 0), (1, 1), (-1, 0.5), (0.2, -0.4), (0.9, 0.1)]),
]


@pytest.mark.parametrize(("covariances", "offsets"), CASES)
def test_elliptical_is_the_integral(covariances, offsets):
    arrays = [tuple(np.array([x]) for x in cov) for cov in covariances]
    places = [tuple(np.array([float(x)]) for x in offset) for offset in offsets]
    present = [np.array([True])] * len(offsets)
    expected = slow_bayes(covariances, offsets)
    assert_allclose(log_bayes_elliptical(arrays, places, present), expected, rtol=1e-9)


def test_two_circles_by_hand():
    """B = 2 / (s1^2 + s2^2) exp(-psi^2 / 2 (s1^2 + s2^2)), in radians."""
    variance = (0.9**2 + 0.5**2) * ARCSEC**2
    expected = np.log(2 / variance) - (1.264693 * ARCSEC) ** 2 / (2 * variance)
    v = [np.array([0.9**2]), np.array([0.5**2])]
    sep = {(0, 1): np.array([1.264693])}
    assert_allclose(log_bayes_circular(v, sep, [np.array([True])] * 2), expected, rtol=1e-14)


def test_one_alone_says_nothing():
    one = [np.ones(3)] * 2
    here = [np.ones(3, bool), np.zeros(3, bool)]
    assert np.all(log_bayes_circular(one, {(0, 1): np.full(3, np.nan)}, here) == 0)
    cov = [(np.ones(3), np.zeros(3), np.ones(3))] * 2
    assert np.all(log_bayes_elliptical(cov, [(np.ones(3), np.ones(3))] * 2, here) == 0)


def test_order_of_the_catalogues_does_not_matter():
    rng = np.random.default_rng(2)
    n, k = 50, 5
    covariances, offsets = [], []
    for _ in range(k):
        a, b, t = 10 ** rng.uniform(-3, 1, n), 10 ** rng.uniform(-3, 1, n), rng.uniform(0, 3, n)
        s, c = np.sin(t), np.cos(t)
        covariances.append(
            ((a * s) ** 2 + (b * c) ** 2, (a**2 - b**2) * s * c, (a * c) ** 2 + (b * s) ** 2)
        )
        offsets.append((rng.normal(0, 1, n), rng.normal(0, 1, n)))
    present = [rng.random(n) < 0.8 for _ in range(k)]
    here = log_bayes_elliptical(covariances, offsets, present)
    order = rng.permutation(k)
    there = log_bayes_elliptical(*([x[i] for i in order] for x in (covariances, offsets, present)))
    assert_allclose(there, here, rtol=1e-7, atol=1e-7)
