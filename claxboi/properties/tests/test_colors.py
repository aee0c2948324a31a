# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table
from numpy.testing import assert_allclose

from claxboi.properties import add_colors, known_properties, property_definition


def magnitudes():
    return Table(
        {
            "bp_mag": MaskedColumn([15.0, 16.0, 17.0], mask=[False, True, False]),
            "rp_mag": [14.2, 15.0, np.nan],
            "bp_mag_error": [0.03, 0.1, 0.1],
            "rp_mag_error": [0.04, 0.1, 0.1],
            "w1_mag": [12.0, 13.0, 14.0],
            "w2_mag": [11.9, 12.0, 13.5],
            "w2_mag_is_limit": [False, True, False],
        }
    )


def test_by_hand():
    table = magnitudes()
    result = add_colors(table, [("bp_mag", "rp_mag"), ("w1_mag", "w2_mag")])
    assert_allclose(result["color_bp_rp"][0], 0.8)
    assert result["color_bp_rp"].mask.tolist() == [False, True, True]
    assert_allclose(result["color_bp_rp_error"][0], 0.05)
    assert result["color_bp_rp_error"].mask.tolist() == [False, True, True]
    assert result["color_bp_rp"].unit == u.mag
    assert result["color_bp_rp"].description == "Colour bp - rp of the counterpart"
    # A limit is no magnitude, and an error that nobody knows is none.
    assert_allclose(result["color_w1_w2"].filled(np.nan), [0.1, np.nan, 0.5])
    assert result["color_w1_w2_error"].mask.all()
    assert table.colnames == magnitudes().colnames


@pytest.mark.parametrize(
    ("pair", "name"),
    [
        (("BPmag", "RPmag"), "color_bp_rp"),
        (("phot_g_mean_mag", "k_m"), "color_photgmean_km"),
        (("BP", "RP"), "color_bp_rp"),
    ],
)
def test_names(pair, name):
    result = add_colors(Table({pair[0]: [2.0], pair[1]: [1.0]}), [pair])
    assert result.colnames[2:] == [name, f"{name}_error"]
    assert known_properties(result.colnames) == [name]
    assert property_definition(name)["category"] == "counterparts"


def test_units():
    table = QTable({"J": [15000.0] * u.mmag, "H": [14.5] * u.mag})
    assert_allclose(add_colors(table, [("J", "H")])["color_j_h"], 0.5 * u.mag)


def test_no_rows():
    assert len(add_colors(magnitudes()[:0], [("w1_mag", "w2_mag")])["color_w1_w2"]) == 0


def test_errors():
    table = magnitudes()
    with pytest.raises(KeyError, match="'j_mag'"):
        add_colors(table, [("bp_mag", "j_mag")])
    with pytest.raises(ValueError, match="two columns, got 'bp_mag'"):
        add_colors(table, ["bp_mag", "rp_mag"])
    with pytest.raises(ValueError, match="pairs of magnitudes"):
        add_colors(table, [])
    with pytest.raises(ValueError, match="color_w1_w2 twice"):
        add_colors(table, [("w1_mag", "w2_mag")] * 2)
    once = add_colors(table, [("w1_mag", "w2_mag")])
    with pytest.raises(ValueError, match="overwrite=True"):
        add_colors(once, [("w1_mag", "w2_mag")])
