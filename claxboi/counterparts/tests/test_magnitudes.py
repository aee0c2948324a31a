# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.counterparts.magnitudes import homogenize_magnitudes, magnitude_relations


def values(table, name):
    return np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan)


def test_every_relation_by_hand():
    # The offsets of METHODS, typed once more: a band of 20 mag each, errors 0.1.
    expected = {
        ("gaia", "BP"): {"bp_mag": 20, "rp_mag": 19.2},
        ("gaia", "RP"): {"bp_mag": 20.8, "rp_mag": 20},
        ("gaia", "G"): {"bp_mag": 20.3, "rp_mag": 19.5},
        ("panstarrs", "g"): {"bp_mag": 19.8},
        ("panstarrs", "r"): {"rp_mag": 19.25},
        ("des", "g"): {"bp_mag": 19.9},
        ("des", "r"): {"rp_mag": 19.5},
        ("delve", "g"): {"bp_mag": 19.9},
        ("delve", "r"): {"rp_mag": 19.5},
        ("legacy", "g"): {"bp_mag": 19.9},
        ("legacy", "r"): {"rp_mag": 19.5},
        ("legacy", "W1"): {"w1_mag": 17.301},
        ("legacy", "W2"): {"w2_mag": 16.661},
        ("usnob", "B2"): {"bp_mag": 19.8},
        ("usnob", "R2"): {"rp_mag": 19.6},
        ("2mass", "Ks"): {"w1_mag": 19.9, "w2_mag": 19.9},
        ("ukidss", "K"): {"w1_mag": 19.9, "w2_mag": 19.9},
        ("vhs", "Ks"): {"w1_mag": 19.9, "w2_mag": 19.9},
        ("virac", "Ks"): {"w1_mag": 19.9, "w2_mag": 19.9},
        ("allwise", "W1"): {"w1_mag": 20},
        ("allwise", "W2"): {"w2_mag": 20},
        ("unwise", "W1"): {"w1_mag": 20},
        ("unwise", "W2"): {"w2_mag": 20},
        ("catwise", "W1"): {"w1_mag": 20},
        ("catwise", "W2"): {"w2_mag": 20},
    }
    relations = magnitude_relations()
    assert {(r["survey"], r["band"]) for r in relations} == set(expected)
    for (survey, band), targets in expected.items():
        is_flux = survey in ("unwise", "legacy")
        value, error = (10.0, 1.0) if is_flux else (20.0, 0.1)
        table = Table({"m": [value], "e": [error]})
        result = homogenize_magnitudes(table, survey, columns={band: ("m", "e")})
        assert {n for n in result.colnames if n.endswith("_mag")} == set(targets)
        for target, magnitude in targets.items():
            assert_allclose(result[target], magnitude, atol=1e-12)
            # 2.5 / ln 10 x 10 %
            assert_allclose(result[f"{target}_error"], 0.10857362 if is_flux else 0.1, rtol=1e-6)
            assert result[f"{target}_origin"][0] == f"{survey}:{band}"
            assert not result[f"{target}_is_limit"][0]
            assert result[target].unit == u.mag


def test_fill_in_only_where_missing():
    table = Table(
        {
            "BPmag": MaskedColumn([15.0, 0, 0, 0], mask=[False, True, True, True]),
            "Gmag": [16.0, 16.0, np.nan, np.nan],
            "RPmag": [17.0, 17.0, 17.0, np.nan],
            "e_Gmag": [0.1, 0.2, 0.3, 0.4],
        },
        meta={"name": "mine"},
    )
    before = table.copy()
    result = homogenize_magnitudes(table, "gaia")
    assert_array_equal(values(result, "bp_mag"), [15, 16.3, 17.8, np.nan])
    assert_array_equal(values(result, "bp_mag_error"), [np.nan, 0.2, np.nan, np.nan])
    assert result["bp_mag_origin"].tolist() == ["gaia:BP", "gaia:G", "gaia:RP", None]
    assert_array_equal(values(result, "rp_mag"), [17, 17, 17, np.nan])
    # Only proxies that were used are named.
    assert "gaia:G (G + 0.3), gaia:RP (RP + 0.8)" in result["bp_mag"].description
    assert "PROXY" not in result["rp_mag"].description
    assert result.meta["name"] == "mine"
    assert result.meta["claxboi"]["magnitudes"]["relations"][0] == "bp_mag = BP"
    assert table.meta == before.meta
    for name in table.colnames:
        assert_array_equal(table[name], before[name])
    assert_array_equal(table["BPmag"].mask, before["BPmag"].mask)


def test_limits():
    allwise = Table({"W1mag": [15.0, 16.0, np.nan], "e_W1mag": [0.1, np.nan, 0.3]})
    result = homogenize_magnitudes(allwise, "allwise")
    assert result["w1_mag_is_limit"].tolist() == [False, True, None]
    assert_array_equal(values(result, "w1_mag"), [15, 16, np.nan])
    assert_array_equal(values(result, "w1_mag_error"), [0.1, np.nan, np.nan])
    # Without a column of errors nothing tells a limit.
    result = homogenize_magnitudes(allwise["W1mag",], "allwise")
    assert not result["w1_mag_is_limit"][1]

    # 5 sigma; 1 sigma: 10 + 2 x 10; negative: 2 x 10; no error: a value, or nothing.
    unwise = Table({"FW1": [50.0, 10, -5, 10, -5], "dflux_w1": [10.0, 10, 10, np.nan, np.nan]})
    result = homogenize_magnitudes(unwise, "unwise")
    assert result["w1_mag_is_limit"].tolist() == [False, True, True, False, None]
    flux = 10 ** ((22.5 - values(result, "w1_mag")) / 2.5)
    assert_allclose(flux, [50, 30, 20, 10, np.nan])


def test_measurement_goes_before_limit():
    table = Table(
        {
            "W1mag": [15.0, 15, np.nan, 15],
            "e_W1mag": [np.nan, np.nan, np.nan, 0.1],
            "Kmag": [14.0, 14, 14, 14],
            "e_Kmag": [0.2, np.nan, np.nan, 0.2],
        }
    )
    result = homogenize_magnitudes(table, ["allwise", "2mass"])
    assert result["w1_mag_origin"].tolist() == ["2mass:Ks", "allwise:W1", "2mass:Ks", "allwise:W1"]
    assert result["w1_mag_is_limit"].tolist() == [False, True, True, False]
    assert_array_equal(values(result, "w1_mag"), [13.9, 15, 13.9, 15])
    # W2 comes from Ks alone, and is the same.
    assert_array_equal(values(result, "w2_mag"), [13.9] * 4)


def test_proxy_scatter():
    table = Table(
        {"BPmag": [15.0, np.nan], "Gmag": [16.0, 16], "e_BPmag": [0.3] * 2, "e_Gmag": [0.3] * 2}
    )
    result = homogenize_magnitudes(table, "gaia", proxy_scatter=0.4 * u.mag)
    assert_allclose(result["bp_mag_error"], [0.3, 0.5])
    limit = Table({"Kmag": [14.0], "e_Kmag": [np.nan]})
    result = homogenize_magnitudes(limit, "2mass", proxy_scatter=0.4 * u.mag)
    assert result["w1_mag_is_limit"][0]
    assert result["w1_mag_error"].mask.all()


@pytest.mark.parametrize("n_rows", [0, 1])
def test_few_rows(n_rows):
    table = Table({"gmag": np.full(n_rows, 20.0), "e_gmag": np.full(n_rows, 0.1)})
    result = homogenize_magnitudes(table, "panstarrs")
    assert len(result) == n_rows
    assert result["bp_mag"].tolist() == [19.8] * n_rows
    assert "rp_mag" not in result.colnames


def test_units_and_class():
    table = QTable({"gmag": [20.0, 21.0] * u.mag, "e_gmag": [100, 200] * u.mmag})
    result = homogenize_magnitudes(table, "des")
    assert isinstance(result, QTable)
    assert_allclose(result["bp_mag_error"].to_value(u.mag), [0.1, 0.2])
    ab = Table({"gmag": Column([20.0], unit=u.mag(u.AB))})
    assert homogenize_magnitudes(ab, "des")["bp_mag"][0] == 19.9


def test_overwrite():
    table = Table({"gmag": [20.0]})
    once = homogenize_magnitudes(table, "panstarrs")
    with pytest.raises(ValueError, match="already has columns 'bp_mag', 'bp_mag_error'"):
        homogenize_magnitudes(once, "des")
    assert homogenize_magnitudes(once, "des", overwrite=True)["bp_mag"][0] == 19.9


@pytest.mark.parametrize(
    ("kind", "match", "columns", "survey", "options"),
    [
        (ValueError, "survey must be one of 'gaia'.*got 'sdss'", {}, "sdss", {}),
        (ValueError, "survey must name at least one", {}, [], {}),
        (TypeError, "survey must be a name or a list", {}, 3, {}),
        (KeyError, "no magnitude of gaia: .* BPmag or phot_bp_mean_mag", {}, "gaia", {}),
        (KeyError, "table has no column 'mine'", {}, "gaia", {"columns": {"G": "mine"}}),
        (ValueError, r"columns\['G'\] must be", {}, "gaia", {"columns": {"G": ("a", "b", "c")}}),
        (ValueError, "a band in columns must be one of 'BP'", {}, "gaia", {"columns": {"g": "x"}}),
        (ValueError, "within \\+-50, got 99; mask", {"Gmag": [15.0, 99]}, "gaia", {}),
        (ValueError, "no negative errors, got -1", {"Gmag": [15.0], "e_Gmag": [-1.0]}, "gaia", {}),
        (TypeError, "proxy_scatter must be a Quantity", {}, "gaia", {"proxy_scatter": 0.1}),
        (ValueError, "at least 0 mag", {}, "gaia", {"proxy_scatter": -1 * u.mag}),
        (ValueError, "at least 0 mag", {}, "gaia", {"proxy_scatter": np.nan * u.mag}),
        (u.UnitsError, "converts to mag, got Jy", {"Gmag": [1] * u.Jy}, "gaia", {}),
    ],
)
def test_bad_input(kind, match, columns, survey, options):
    with pytest.raises(kind, match=match):
        homogenize_magnitudes(
            Table({"ra": [1.0, 2.0][: len(columns.get("Gmag", [1]))]} | columns), survey, **options
        )


def test_not_a_table():
    with pytest.raises(TypeError, match="table must be an astropy Table, got dict"):
        homogenize_magnitudes({"Gmag": [1.0]}, "gaia")
