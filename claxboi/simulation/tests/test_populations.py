# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Test the distributions of the mock sky: number counts, spectra, places.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import kstest

from claxboi.simulation._mock_fields import disc, move, tile
from claxboi.simulation._mock_records import class_names, sky_records
from claxboi.simulation._mock_spectra import XMM_EDGES, band_shares
from claxboi.simulation._populations import agn_per_field, cumulative_counts, draw_flux
from claxboi.simulation._xmm import julian_year, resolved

COUNTS = {"faint": 1.34, "bright": 2.35}


@pytest.mark.parametrize("flux", [0.1, 0.7, 1.0, 3.0])
def test_counts_are_the_integral_of_a_broken_power_law(flux):
    def density(s):
        return s ** -(COUNTS["faint"] if s < 1 else COUNTS["bright"])

    expected = quad(density, flux, 1, limit=200)[0] if flux < 1 else 0
    expected += quad(density, max(flux, 1), np.inf, limit=200)[0]
    found = cumulative_counts(np.array([5 * flux]), COUNTS, np.array([5.0]))
    assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("threshold", [0.05, 2.0])
def test_fluxes_follow_the_counts(threshold):
    rng = np.random.default_rng(3)
    n = 5000
    flux = draw_flux(rng, np.full(n, threshold), COUNTS, np.ones(n))

    def share_below(x):
        number = cumulative_counts(np.append(x, threshold), COUNTS, 1.0)
        return 1 - number[:-1] / number[-1]

    assert flux.min() >= threshold
    assert kstest(flux, share_below).pvalue > 0.001


def test_agn_counts_are_those_of_the_paper():
    # Lehmer et al. (2012), 0.5-8 keV: 337 per square degree above 1e-14 erg/s/cm2.
    record = sky_records()["classes"]["AGN"]["counts"]
    number = cumulative_counts(np.array([1e-14 / 0.754]), record, record["break_flux"])
    assert_allclose(record["density_deg2"] * number, 337, rtol=0.02)


def test_fields_have_hundreds_of_agn_per_square_degree():
    rng = np.random.default_rng(1)
    fields, _ = tile(rng, 300)
    radius = sky_records()["telescope"]["radius_arcmin"] / 60
    assert 100 < agn_per_field(rng, fields) / (np.pi * radius**2) < 1000


def test_bands_of_the_spectrum_of_4xmm():
    # Photon index 1.7, NH 3e20: the shares of the wide bands are known.
    index, column = np.array([1.7]), np.array([np.log10(3e20)])
    for edges, expected in (
        ((0.5, 7.0), 0.699),
        ((0.3, 10.0), 0.903),
        ((2.0, 10.0), 0.564),
        ((0.2, 2.3), 0.391),
    ):
        assert_allclose(band_shares("powerlaw", index, column, edges), expected, atol=0.002)
    assert_allclose(band_shares("powerlaw", index, column, XMM_EDGES).sum(), 1, atol=1e-3)


@pytest.mark.parametrize(("kind", "soft", "hard"), [("powerlaw", 2.5, 1.0), ("thermal", -0.3, 0.8)])
def test_harder_and_more_absorbed_spectra_have_harder_bands(kind, soft, hard):
    values, columns = np.array([soft, hard, soft]), np.array([20.0, 20.0, 22.0])
    shares = band_shares(kind, values, columns, XMM_EDGES)
    assert shares[4, 1] > shares[4, 0]
    assert shares[4, 2] > shares[4, 0]
    assert shares[0, 2] < shares[0, 0]


def test_moved_positions_are_as_far_as_they_were_moved():
    ra, dec = np.array([359.9999, 10.0, 100.0]), np.array([0.0, 89.999, -45.0])
    new_ra, new_dec = move(ra, dec, np.array([3.6, 0.0, 0.0]), np.array([0.0, 3.6, -3.6]))
    assert_allclose(new_ra, [0.0009, 10.0, 100.0], atol=1e-6)
    assert_allclose(new_dec, [0.0, 90.0, -45.001], atol=1e-6)


def test_discs_are_uniform():
    rng = np.random.default_rng(5)
    east, north = disc(rng, 2.0, 4000)
    assert kstest(np.hypot(east, north) ** 2 / 4, "uniform").pvalue > 0.001
    assert kstest(np.arctan2(east, north) / (2 * np.pi) + 0.5, "uniform").pvalue > 0.001


def test_the_brighter_of_two_close_sources_is_resolved():
    ra, dec = np.array([10.0, 10.001, 10.01]), np.zeros(3)
    assert resolved(ra, dec, np.array([1.0, 2.0, 0.5]), 6.0).tolist() == [False, True, True]


def test_julian_years():
    assert_allclose(julian_year(np.array([51544.5, 57388.5])), [2000.0, 2016.0])


def test_classes_are_the_published_ones():
    names = class_names()
    assert names[-1] == "spurious"
    assert len(names) == 8
    shares = [sky_records()["classes"][name]["share"] for name in names[:-1]]
    assert_allclose(sum(shares), 1)
