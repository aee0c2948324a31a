# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""Tests of hardness ratios."""

import numpy as np

from claxboi.utils import hardness_ratio


def test_bands_without_flux_have_no_ratio():
    soft, hard = np.array([1.0, 0.0, 2.0]), np.array([3.0, 0.0, 0.0])
    ratio, error = hardness_ratio(soft, hard, 0.1, 0.2)
    np.testing.assert_allclose(ratio, [0.5, np.nan, -1.0])
    np.testing.assert_allclose(error, [2 * np.hypot(0.3, 0.2) / 16, np.nan, 0.2])


def test_errors_are_optional():
    ratio, error = hardness_ratio(np.array([1.0]), np.array([1.0]))
    assert ratio[0] == 0
    assert np.isnan(error[0])
