# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the number counts.
"""

import numpy as np
import pytest
from astropy import units as u
from numpy.testing import assert_allclose
from scipy.integrate import quad

from claxboi.classification import cumulative_counts, differential_counts, list_counts
from claxboi.utils import ClaxboiWarning

CGS = u.erg / u.s / u.cm**2
ALL = [(str(r["band"]), str(r["model"]), str(r["population"])) for r in list_counts()]


@pytest.mark.parametrize(
    ("model", "band", "expected"),
    [
        ("moretti_2003", "0.5-2", [782, 126, 4.5]),
        ("moretti_2003", "2-10", [2431, 301, 11.1]),
        ("lehmer_2012", "0.5-8", [2289, 337, 15.0]),
        ("lehmer_2012", "2-8", [2103, 214, 6.0]),
    ],
)
def test_known_numbers(model, band, expected):
    """Numbers per square degree above 1e-15, 1e-14 and 1e-13, to their last digit."""
    counts = cumulative_counts([1e-15, 1e-14, 1e-13] * CGS, band, model)
    assert counts.unit == u.deg**-2
    digits = [0.5, 0.5, 0.05]
    assert np.all(np.abs(counts.value - expected) <= digits)


@pytest.mark.parametrize(("band", "model", "population"), ALL)
def test_differential_is_the_slope(band, model, population):
    """The integral of the one over flux is a difference of the other, across the break."""
    low, high = 2e-15, 3e-14

    def integrand(log_flux):
        flux = np.exp(log_flux)
        density = differential_counts(flux * CGS, band, model, population=population)
        return float(density.value) * flux

    total, _ = quad(integrand, np.log(low), np.log(high), points=[np.log(8e-15)], limit=200)
    ends = cumulative_counts([low, high] * CGS, band, model, population=population).value
    assert_allclose(total, ends[0] - ends[1], rtol=1e-5)


def test_units_shapes_and_missing():
    flux = [[1e-17, np.nan]] * u.W / u.m**2
    counts = cumulative_counts(flux)
    assert counts.shape == (1, 2)
    assert_allclose(counts[0, 0], cumulative_counts(1e-14 * CGS))
    assert np.isnan(counts[0, 1])


def test_extrapolation_warns():
    with pytest.warns(ClaxboiWarning, match="valid from 2.4e-17 to 1e-11"):
        cumulative_counts(1e-17 * CGS, "0.5-2", "moretti_2003")


def test_unconfirmed_constants_are_marked():
    table = list_counts()
    confirmed = table[table["is_confirmed"]]
    assert set(confirmed["model"]) == {"lehmer_2012"}
    assert "0.5-2" not in confirmed["band"]


def test_errors():
    with pytest.raises(TypeError, match="flux must be a Quantity"):
        cumulative_counts(1e-14)
    with pytest.raises(u.UnitsError, match="flux must have a unit"):
        cumulative_counts(1 * u.Jy)
    with pytest.raises(ValueError, match="flux must be above 0, got 0"):
        differential_counts([0, 1e-14] * CGS)
    with pytest.raises(ValueError, match="available counts, got 'lehmer_2012 2-10'"):
        cumulative_counts(1e-14 * CGS, "2-10")
