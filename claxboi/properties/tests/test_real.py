# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Properties of real sources, against what was published of them.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from numpy.testing import assert_allclose

from claxboi.properties import (
    add_flux_ratios,
    add_hardness_ratios,
    add_parallax_distances,
    add_properties,
    flux_fraction,
)
from claxboi.utils import float_values


@pytest.fixture(scope="module")
def xmm(shared_path):
    """4XMM-DR13 sources of Lin et al. (2024)."""
    return Table.read(shared_path / "data" / "xmm4_td_1008.csv")


@pytest.fixture(scope="module")
def chandra(shared_path):
    """CSC 2 sources of Yang et al. (2022)."""
    return Table.read(shared_path / "data" / "csc2_td_2941.csv")


def test_published_flux_ratios(xmm):
    """The ratios to Gaia G of Lin et al. are of one constant, and rounded to three digits."""
    published = np.log10(float_values(xmm, "F_x/F_o"))
    table = Table({"flux": float_values(xmm, "F8"), "rp_mag": float_values(xmm, "G")})
    ratio = add_flux_ratios(table, constants={"rp_mag": 0.0})["log_fx_fr"].filled(np.nan)
    both = np.isfinite(published) & np.isfinite(ratio)
    assert both.sum() == 405
    # They come to 4.782, against 4.99 of zero point times width.
    assert_allclose(published[both] - ratio[both], 4.7825, atol=0.004)


def test_original_constants_move_all_ratios_alike(chandra):
    table = Table({"flux": float_values(chandra, "flux_aper90_ave_b")})
    for name in ("bp", "rp", "w1", "w2"):
        table[f"{name}_mag"] = float_values(chandra, f"{name.upper()}mag")
    new, old = (add_properties(table, constants=key) for key in ("zero points", "original"))
    moves = {"log_fx_fb": 0.31, "log_fx_fr": -0.06, "log_fx_fw1": -0.32, "log_fx_fw2": -0.65}
    for name, move in moves.items():
        assert new[name].count() > 1000
        assert_allclose((old[name] - new[name]).compressed(), move, atol=1e-12)
        # The classes differ by far more: stars are faint in X-rays for their light.
        medians = [
            np.ma.median(new[name][chandra["True_Class"] == label]) for label in ("AGN", "LM-STAR")
        ]
        assert medians[0] - medians[1] > 2


def test_published_hardness_ratios(xmm):
    """Those of Lin et al. are of energy fluxes."""
    bands = ["F1", "F2", "F3", "F4", "F5"]
    result = add_hardness_ratios(xmm[bands], bands, kind="energy fluxes")
    for n in (1, 2, 3, 4):
        ratio = result[f"hr{n}"].filled(np.nan)
        both = np.isfinite(ratio) & ~np.ma.getmaskarray(xmm[f"HR{n}"])
        assert both.sum() > 100
        assert_allclose(ratio[both], xmm[f"HR{n}"][both], atol=0.009)


def test_published_latitudes_and_distances(chandra):
    table = Table(
        {
            "ra": chandra["CSCv2_RA"],
            "dec": chandra["CSCv2_DEC"],
            "parallax": float_values(chandra, "Plx"),
            "parallax_error": float_values(chandra, "e_Plx"),
        }
    )
    result = add_properties(table)
    assert_allclose(result["b"], chandra["glat"], atol=1e-5)
    distance = add_parallax_distances(table)["distance"].filled(np.nan)
    good = np.isfinite(distance) & np.isfinite(float_values(chandra, "rgeo"))
    offset = np.log10(distance[good] / float_values(chandra, "rgeo")[good])
    # Bailer-Jones et al. (2021) correct the zero point and take a prior: a few per cent.
    assert good.sum() == 1008
    assert np.percentile(np.abs(offset), 90) < 0.04


def test_observed_shares_of_bands(chandra):
    """The photon index that Chandra measured predicts the share of the hard band."""
    gamma, nh, hard, broad = (
        float_values(chandra, name)
        for name in ("powlaw_gamma_mean", "nh_gal", "flux_aper90_ave_h", "flux_aper90_ave_b")
    )
    good = (chandra["True_Class"] == "AGN") & (gamma > 1) & (gamma < 3) & (hard > 0)
    predicted = flux_fraction("2-7", "0.5-7", gamma=gamma[good], nh=nh[good] * 1e20 / u.cm**2)
    offset = np.log10(hard[good] / broad[good] / predicted)
    assert good.sum() == 504
    assert abs(np.median(offset)) < 0.05
    assert np.percentile(np.abs(offset), 68) < 0.1
