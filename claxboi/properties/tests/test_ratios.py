# Licensed under a 3-clause BSD style license - see LICENSE.rst
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.catalog import missions
from claxboi.properties import add_flux_ratios, add_hardness_ratios, add_ratio_limits
from claxboi.utils import ImplausibleValueWarning


def sources(**columns):
    return Table({"flux": [1e-13, 1e-14], "rp_mag": [15.0, 20.0], **columns})


class TestFluxRatios:
    def test_by_hand(self):
        # -13 + 15 / 2.5 + 5.43, -14 + 20 / 2.5 + 5.43
        assert_allclose(add_flux_ratios(sources())["log_fx_fr"], [-1.57, -0.57])

    def test_a_flux_equal_to_that_of_magnitude_0_is_a_ratio_of_1(self):
        for magnitude, constant in {"bp": 5.06, "rp": 5.43, "w1": 7.27, "w2": 7.60}.items():
            table = Table({"flux": [10**-constant], f"{magnitude}_mag": [0.0]})
            ratio = add_flux_ratios(table)
            name = next(n for n in ratio.colnames if n.startswith("log_fx"))
            assert_allclose(ratio[name], 0, atol=1e-12)

    def test_ks_and_v_are_what_the_original_constants_come_from(self):
        # Zero points (erg/s/cm2/A) times widths (A) of 2MASS Ks and Johnson V.
        table = Table({"flux": [1.0], "rp_mag": [0.0], "w1_mag": [0.0]})
        result = add_flux_ratios(table, constants="original")
        assert_allclose(result["log_fx_fw1"], -np.log10(4.283e-11 * 2620), atol=0.005)
        assert_allclose(result["log_fx_fr"], -np.log10(3.63e-9 * 1175), atol=0.005)

    def test_own_constants(self):
        result = add_flux_ratios(sources(), constants={"rp_mag": 0.0})
        assert_allclose(result["log_fx_fr"], [-7, -6])
        assert result.meta["claxboi"]["flux_ratios"]["constants"] == {"rp_mag": 0.0}

    def test_error_is_that_of_draws(self):
        rng = np.random.default_rng(4)
        n = 100_000
        one = sources(flux_error=[2e-15, 2e-16], rp_mag_error=[0.05, 0.05])
        draws = Table({"flux": rng.normal(1e-13, 2e-15, n), "rp_mag": rng.normal(15, 0.05, n)})
        error = add_flux_ratios(one)["log_fx_fr_error"]
        assert_allclose(error, np.std(add_flux_ratios(draws)["log_fx_fr"]), rtol=0.01)

    def test_error_needs_both_parts(self):
        result = add_flux_ratios(sources(flux_error=[1e-15, np.nan]))
        assert result["log_fx_fr_error"].mask.all()

    def test_limits_stay_limits(self):
        result = add_flux_ratios(sources(rp_mag_is_limit=[True, False]))
        assert result["log_fx_fr"].mask.tolist() == [True, False]
        assert result["log_fx_fr_lower"].mask.tolist() == [False, True]
        assert_allclose(result["log_fx_fr_lower"][0], -1.57)

    def test_masked_limits_are_no_limits(self):
        limits = MaskedColumn([True, True], mask=[True, False])
        result = add_flux_ratios(sources(rp_mag_is_limit=limits))
        assert result["log_fx_fr"].mask.tolist() == [False, True]

    def test_no_flux_no_ratio(self):
        table = Table({"flux": [0.0, -1e-15, np.nan, 1e-15], "w1_mag": [1.0, 1.0, 1.0, np.nan]})
        assert add_flux_ratios(table)["log_fx_fw1"].mask.all()

    def test_units(self):
        table = QTable({"flux": [1e-16, 1e-17] * u.W / u.m**2, "rp_mag": [15.0, 20.0] * u.mag})
        assert_allclose(np.asarray(add_flux_ratios(table)["log_fx_fr"]), [-1.57, -0.57])

    def test_empty_and_unchanged(self):
        table = sources()
        assert len(add_flux_ratios(table[:0])) == 0
        assert table.colnames == ["flux", "rp_mag"]

    def test_errors(self):
        with pytest.raises(KeyError, match="no column 'flux'"):
            add_flux_ratios(Table({"rp_mag": [1.0]}))
        with pytest.raises(KeyError, match="at least one of the magnitudes bp_mag"):
            add_flux_ratios(Table({"flux": [1.0]}))
        with pytest.raises(ValueError, match="constants must be one of"):
            add_flux_ratios(sources(), constants="new")
        with pytest.raises(ValueError, match="constants must have one for rp_mag"):
            add_flux_ratios(sources(), constants={})
        with pytest.raises(u.UnitConversionError, match="'flux'"):
            add_flux_ratios(Table({"flux": [1.0] * u.Jy, "rp_mag": [1.0]}))


class TestHardnessRatios:
    def test_by_hand(self):
        table = Table({"a": [1.0, 0.0], "b": [3.0, 2.0], "c": [1.0, 2.0]})
        result = add_hardness_ratios(table, ["a", "b", "c"])
        assert_allclose(result["hr1"], [0.5, 1.0])
        assert_allclose(result["hr2"], [-0.5, 0.0])
        assert "(b - a)" in result["hr1"].description

    def test_kind_is_recorded(self):
        table = Table({"a": [1.0], "b": [3.0]})
        result = add_hardness_ratios(table, ["a", "b"], kind="energy fluxes")
        assert result["hr1"].description.endswith("(b - a) / sum, of energy fluxes")
        assert result["hr1"].meta["kind"] == "energy fluxes"
        assert result["hr1"].meta["bands"] == ["a", "b"]
        assert "kind" not in add_hardness_ratios(table, ["a", "b"])["hr1"].meta
        kinds = {mission.hardness for mission in missions().values()} - {""}
        for kind in kinds:
            add_hardness_ratios(table, ["a", "b"], kind=kind)
        with pytest.raises(ValueError, match="kind must be one of 'count rates'"):
            add_hardness_ratios(table, ["a", "b"], kind="counts")

    def test_pairs(self):
        table = Table({"s": [1.0, np.nan], "m": [1.0, 1.0], "h": [6.0, 1.0]})
        result = add_hardness_ratios(table, [("s", "h"), (("s", "m"), "h")])
        assert result["hr1"].tolist() == [pytest.approx(5 / 7), None]
        assert result["hr2"].tolist() == [0.5, None]
        assert result["hr2"].description.endswith(": (h - (s + m)) / sum")
        assert "hr3" not in result.colnames

    def test_error_of_a_sum(self):
        table = Table({"s": [4.0], "m": [6.0], "h": [5.0], "h_error": [0.1]})
        table["s_error"], table["m_error"] = [0.12], [0.16]
        both = add_hardness_ratios(table, [(("s", "m"), "h")])
        table["sm"], table["sm_error"] = [10.0], [0.2]
        assert_allclose(
            both["hr1_error"], add_hardness_ratios(table, ["sm", "h"])["hr1_error"], rtol=1e-12
        )

    def test_says_the_energies_of_a_mission(self):
        table = Table({"flux2": [1.0], "flux3": [1.0], "flux4": [2.0]})
        for name, band in {"flux2": "0.5-1.2", "flux3": "1.2-2", "flux4": "2-7"}.items():
            table[name].meta["band"] = band
        bands = [("flux2", "flux3"), (("flux2", "flux3"), "flux4")]
        result = add_hardness_ratios(table, bands, kind="energy fluxes")
        assert result["hr1"].description == (
            "Hardness ratio of energy fluxes in 0.5-1.2 and 1.2-2 keV"
        )
        assert result["hr2"].meta["bands"] == ["0.5-1.2 + 1.2-2", "2-7"]
        assert result["hr2"].meta["kind"] == "energy fluxes"

    def test_error_is_that_of_draws(self):
        rng = np.random.default_rng(5)
        n = 100_000
        one = Table({"s": [10.0], "h": [5.0], "s_error": [0.2], "h_error": [0.1]})
        draws = Table({"s": rng.normal(10, 0.2, n), "h": rng.normal(5, 0.1, n)})
        error = add_hardness_ratios(one, ["s", "h"])["hr1_error"][0]
        assert_allclose(error, np.std(add_hardness_ratios(draws, ["s", "h"])["hr1"]), rtol=0.02)

    def test_negative_counts_as_none(self):
        table = Table({"s": [-1.0, -1.0, 0.0], "h": [2.0, -2.0, 0.0]})
        result = add_hardness_ratios(table, ["s", "h"])["hr1"]
        assert result[0] == 1
        assert result.mask.tolist() == [False, True, True]

    def test_units_of_the_bands_may_differ(self):
        table = Table({"s": [1e-13] * u.erg / u.s / u.cm**2, "h": [3e-16] * u.W / u.m**2})
        assert_allclose(add_hardness_ratios(table, ["s", "h"])["hr1"], 0.5)

    def test_errors(self):
        with pytest.raises(ValueError, match="two or more columns"):
            add_hardness_ratios(Table({"s": [1.0]}), ["s"])
        with pytest.raises(KeyError, match="'h'"):
            add_hardness_ratios(Table({"s": [1.0]}), ["s", "h"])
        table = Table({"s": [1.0], "h": [1.0]})
        with pytest.raises(ValueError, match="a pair in bands must be a soft and a hard band"):
            add_hardness_ratios(table, [("s", "h"), ("s",)])
        with pytest.raises(ValueError, match=r"pairs of a soft and a hard band, got \[\]"):
            add_hardness_ratios(table, [])


class TestRatioLimits:
    @pytest.fixture
    def table(self):
        rng = np.random.default_rng(1)
        magnitude = MaskedColumn(rng.uniform(12, 20, 300), mask=np.arange(300) % 3 == 0, unit="mag")
        return Table({"flux": 10 ** rng.uniform(-15, -12, 300), "rp_mag": magnitude})

    def test_is_the_ratio_at_the_depth(self, table):
        limits = add_ratio_limits(table, {"rp_mag": 20.0})["log_fx_fr_limit"]
        at_depth = table["flux",].copy()
        at_depth["rp_mag"] = 20.0
        assert_allclose(limits, add_flux_ratios(at_depth)["log_fx_fr"], atol=1e-12)

    def test_measured_depths(self, table):
        result = add_ratio_limits(table)
        depths = result.meta["claxboi"]["ratio_limits"]["depths"]
        seen = np.ma.getdata(table["rp_mag"])[~table["rp_mag"].mask]
        assert_allclose(depths["rp_mag"], np.quantile(seen, 0.97), atol=0.01)
        assert "log_fx_fr_limit" in result.colnames
        # Too few values show no depth.
        assert "log_fx_fr_limit" not in add_ratio_limits(table[:120]).colnames

    def test_a_map_of_depths_and_coverage(self, table):
        depth = np.linspace(18, 21, 300)
        depth[:10] = np.nan
        covered = np.arange(300) >= 20
        result = add_ratio_limits(table, {"rp_mag": depth}, covered={"rp_mag": covered})
        limits = result["log_fx_fr_limit"]
        assert_array_equal(limits.mask, ~covered)
        alike = add_ratio_limits(table[150:151], {"rp_mag": depth[150]})["log_fx_fr_limit"]
        assert_allclose(limits[150], alike[0], atol=1e-12)
        assert result.meta["claxboi"]["ratio_limits"]["depths"] == {"rp_mag": "one per source"}

    def test_masked_coverage_is_none(self, table):
        where = MaskedColumn(np.ones(300, bool), mask=np.arange(300) < 20)
        limits = add_ratio_limits(table, {"rp_mag": 20.0}, covered={"rp_mag": where})
        assert_array_equal(limits["log_fx_fr_limit"].mask, where.mask)

    def test_units_of_depths(self, table):
        expected = add_ratio_limits(table, {"rp_mag": 20.0})["log_fx_fr_limit"]
        for depth in (20 * u.mag, np.full(300, 20.0) * u.mag, 20000 * u.mmag):
            limits = add_ratio_limits(table, {"rp_mag": depth})["log_fx_fr_limit"]
            assert_allclose(limits, expected, atol=1e-12)
        for depth in (20 * u.ABmag, MaskedColumn(np.full(300, 20.0), unit="ABmag"), 20 * u.Jy):
            with pytest.raises(u.UnitsError, match="depths"):
                add_ratio_limits(table, {"rp_mag": depth})

    def test_marks_are_no_depth(self, table):
        expected = add_ratio_limits(table)["log_fx_fr_limit"]
        table["rp_mag"] = table["rp_mag"].filled(99.0)
        with pytest.warns(ImplausibleValueWarning, match="'rp_mag'"):
            assert_array_equal(add_ratio_limits(table)["log_fx_fr_limit"], expected)

    def test_limit_of_the_object(self, table):
        table["rp_mag_is_limit"] = np.arange(300) == 1
        limits = add_ratio_limits(table, {"rp_mag": 20.0})["log_fx_fr_limit"]
        own = add_flux_ratios(table)["log_fx_fr_lower"]
        assert_allclose(limits[1], own[1], atol=1e-12)

    def test_without_flux(self, table):
        table["flux"][:5] = [0, -1e-14, np.nan, 1e-14, 1e-13]
        limits = add_ratio_limits(table, {"rp_mag": 20.0})["log_fx_fr_limit"]
        assert limits.mask[:5].tolist() == [True, True, True, False, False]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"depths": {"g_mag": 20.0}}, "depths"),
            ({"depths": {"w1_mag": 17.0}}, "w1_mag"),
            ({"depths": {"rp_mag": [20.0, 21.0]}}, "depths of rp_mag"),
            ({"depths": {"rp_mag": "deep"}}, "depth of rp_mag"),
            ({"depths": {"rp_mag": 20.0}, "covered": {"rp_mag": [True]}}, "covered of rp_mag"),
            ({"depths": {"rp_mag": 20.0}, "covered": {"rp_mag": ["yes"] * 300}}, "covered"),
        ],
    )
    def test_wrong_arguments(self, table, arguments, message):
        with pytest.raises((KeyError, TypeError, ValueError), match=message):
            add_ratio_limits(table, **arguments)


@pytest.mark.parametrize("mark", [99.0, -99.0, -999.0])
def test_marks_for_a_missing_magnitude_are_told(mark):
    table = Table({"flux": [1e-13, 1e-13], "rp_mag": [mark, 15.0]})
    with pytest.warns(ImplausibleValueWarning, match=rf"'rp_mag' .* 1 .* such as {mark:g}, "):
        add_flux_ratios(table)
    # The brightest and the faintest objects are no marks.
    table["rp_mag"] = [-1.5, 30.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        add_flux_ratios(table)
