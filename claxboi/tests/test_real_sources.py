# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Real tables on the way of any other: standardized, measured, classified.
"""

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose

from claxboi import classify
from claxboi.catalog import standardize
from claxboi.classification import Property
from claxboi.counterparts import homogenize_magnitudes
from claxboi.properties import (
    add_colors,
    add_hardness_ratios,
    add_parallax_distances,
    add_properties,
    convert_flux,
)

CSC_BANDS = {"flux": "b", "flux2": "s", "flux3": "m", "flux4": "h"}


@pytest.fixture(scope="module")
def chandra(shared_path):
    """CSC 2 sources of Yang et al. (2022), with their properties."""
    raw = Table.read(shared_path / "data" / "csc2_td_2941.csv")
    # The probabilities of the published forest, and those of claxboi, have one name.
    raw.remove_columns([f"P_{name}" for name in set(raw["True_Class"])])
    columns = {"source_id": "CSCv2_name", "ra": "CSCv2_RA", "dec": "CSCv2_DEC"}
    columns |= {name: f"flux_aper90_ave_{band}" for name, band in CSC_BANDS.items()}
    table = standardize(raw, "CSC2", columns=columns)
    table.rename_columns(["Plx", "e_Plx", "PM"], ["parallax", "parallax_error", "pm"])
    table = add_parallax_distances(table)
    table = homogenize_magnitudes(table, ["gaia", "allwise", "2mass"])
    table = add_colors(table, [("W1mag", "W2mag")])
    table = add_hardness_ratios(table, ["flux2", "flux3", "flux4"], kind="energy fluxes")
    return add_properties(table)


def held_out_accuracy(result, label):
    assert result["is_training"].all()
    return np.mean(result["prediction"] == result[label])


def test_chandra_is_classified_better_than_published(chandra):
    properties = {
        "location": ["b", "pm", "log_lx"],
        "spectrum": ["hr1", "hr2"],
        "counterparts": ["log_fx_fr", "log_fx_fw1", "color_w1_w2"],
        "variability": [Property("var_inter_prob", bounds=(0, 1))],
    }
    result = classify(
        chandra, "training", properties=properties, label="True_Class", show_progress=False
    )
    forest = np.mean(chandra["Class"] == chandra["True_Class"])
    assert forest == pytest.approx(0.886, abs=5e-4)
    assert held_out_accuracy(result, "True_Class") > forest


def test_chandra_says_what_hardness_is_of(chandra):
    assert chandra["hr1"].description == "Hardness ratio of energy fluxes in 0.5-1.2 and 1.2-2 keV"
    assert chandra["hr2"].meta["bands"] == ["1.2-2", "2-7"]
    # CSC's own are of photon fluxes, but the table has none of them.
    assert "hardness" not in chandra.meta["claxboi"]["catalog"]


def test_luminosities_follow_the_flux_to_another_band(chandra):
    other = chandra.copy()
    other["flux"] = convert_flux(chandra["flux"], "CSC2", "4XMM")
    other["flux_band"] = ["0.2-12"] * len(other)
    other = add_properties(other, overwrite=True)
    assert chandra["log_lx"].count() > 900
    move = np.log10(convert_flux(1.0, "0.5-7", "0.2-12"))
    for name in ("log_lx", "log_fx_fr"):
        assert_allclose((other[name] - chandra[name]).compressed(), move, atol=1e-12)
    assert chandra["log_lx"].meta["band"] == "0.5-7"
    assert other["log_lx"].meta["band"] == "0.2-12"


def test_xmm(shared_path):
    """4XMM sources of Lin et al. (2024)."""
    raw = Table.read(shared_path / "data" / "xmm4_td_1008.csv")
    bands = [f"flux{k}" for k in range(1, 6)]
    columns = {"source_id": "name", "pos_error": "poserr", "flux": "F8"}
    columns |= {name: name.replace("flux", "F") for name in bands}
    table = standardize(raw, "4XMM", columns=columns)
    magnitudes = {"BP": "BP", "G": "G", "RP": "RP", "W1": "W1", "W2": "W2", "Ks": "K"}
    table = homogenize_magnitudes(table, ["gaia", "allwise", "2mass"], columns=magnitudes)
    table = add_hardness_ratios(table, bands, kind="energy fluxes", overwrite=True)
    table = add_properties(table)
    properties = ["b", "hr2", "hr3", "log_fx_fr", "log_fx_fw1", "log_fmax_fmin"]
    merge = {"star": ["LM-STAR", "HM-STAR"], "XRB": ["NS", "HMXB", "LMXB", "NS_BIN"]}
    result, model = classify(
        table,
        "training",
        properties=[*properties, Property("W1-W2", "counterparts")],
        label="Class",
        merge=merge,
        return_model=True,
        show_progress=False,
    )
    assert list(model.classes_) == ["AGN", "CV", "XRB", "star"]
    is_star = np.isin(result["Class"], merge["star"])
    assert np.mean((result["prediction"] == "star") == is_star) > 0.95
