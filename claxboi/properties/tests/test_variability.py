# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table
from numpy.testing import assert_allclose

from claxboi.counterparts import link_xray
from claxboi.properties import (
    add_flux_range,
    add_variability,
    conversion_uncertainty,
    flux_fraction,
)

#: All in the common band, so that nothing is converted.
BAND = {"band": "0.5-2"}


def catalogue(fluxes, errors=None, band="0.5-2", **columns):
    n = len(fluxes)
    table = {"ra": 10.0 * np.arange(n), "dec": np.zeros(n), "pos_error": np.ones(n)}
    table |= {"flux": fluxes, "flux_band": [band] * n}
    if errors is not None:
        table["flux_error"] = errors
    return Table(table | columns)


def measure(table, others=None, **options):
    others = others or {}
    sources = Table({"primary": np.arange(len(table))})
    for name, other in others.items():
        sources[name] = np.arange(len(other))
    return add_variability(table, sources, others, **options)


class TestTwoMissions:
    def test_by_hand_in_one_band(self):
        one = catalogue([10.0, 3.0], [1.0, 0.5])
        two = catalogue([2.0, 3.5], [0.2, 0.5])
        result = measure(one, {"B": two})
        assert_allclose(result["log_fmax_fmin"], np.log10([10 / 2, 3.5 / 3]))
        assert_allclose(result["log_fmax_fmin_low"], np.log10([9 / 2.2, 3 / 3.5]))
        assert result["n_fluxes"].tolist() == [2, 2]
        assert result["catalogue_fmax"].tolist() == ["primary", "B"]
        assert result["catalogue_fmin"].tolist() == ["B", "primary"]
        assert not result["is_fmin_limit"].any()

    def test_converted(self):
        one = catalogue([1e-13], [1e-14], "0.2-12")
        two = catalogue([1e-14], [1e-15], "0.5-7")
        result = measure(one, {"CSC2": two}, gamma=1.9, gamma_range=(1.5, 2.2))
        spectrum = {"gamma": 1.9}
        high = 1e-13 * flux_fraction("0.5-2", "0.2-12", **spectrum)
        low = 1e-14 * flux_fraction("0.5-2", "0.5-7", **spectrum)
        assert_allclose(result["log_fmax_fmin"], np.log10(high / low))
        error = [
            np.hypot(0.1, np.log(10) * conversion_uncertainty(b, "0.5-2", gamma_range=(1.5, 2.2)))
            for b in ("0.2-12", "0.5-7")
        ]
        assert_allclose(
            result["log_fmax_fmin_low"],
            np.log10(high * (1 - error[0]) / (low * (1 + error[1]))),
        )
        recorded = result.meta["claxboi"]["variability"]
        assert recorded["band"] == "0.5-2"
        assert set(recorded["uncertainty_dex"]) == {"0.2-12", "0.5-7"}

    def test_the_spectrum_of_a_constant_source_does_not_make_it_vary(self):
        """A photon index of the range, but for its ends, keeps the conservative ratio below 1."""
        for gamma in (1.45, 1.7, 1.95):
            flux = [flux_fraction(b, gamma=gamma) * 1e-13 for b in ("0.2-12", "0.2-2.3")]
            one, two = (
                catalogue([f], [f / 100], band)
                for f, band in zip(flux, ("0.2-12", "0.2-2.3"), strict=True)
            )
            result = measure(one, {"eRASS1": two})
            assert result["log_fmax_fmin_low"][0] < 0

    def test_errors_are_those_of_draws(self):
        """Of constant sources measured twice, few have a conservative ratio above 1."""
        rng = np.random.default_rng(2)
        n = 20_000
        one, two = (catalogue(rng.normal(10, 1, n), np.ones(n)) for _ in range(2))
        result = measure(one, {"B": two})
        share = np.mean(result["log_fmax_fmin_low"] > 0)
        # |F1 - F2| > 2 for a difference with a scatter of sqrt(2): 2 (1 - Phi(sqrt(2))).
        expected = 0.1573
        assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


class TestWithinAMission:
    def test_equals_add_flux_range(self):
        extremes = {"flux_min": [1e-14, 5e-14], "flux_max": [4e-14, 5e-14]}
        extremes |= {"flux_min_error": [1e-15, 1e-14], "flux_max_error": [4e-15, 1e-14]}
        one = catalogue([2e-14, 5e-14], band="0.2-12", **extremes)
        result, alone = measure(one), add_flux_range(one)
        # Nothing is lost to the conversion of fluxes of one band.
        for name in ("log_fmax_fmin", "log_fmax_fmin_low"):
            assert_allclose(result[name], alone[name])
        # One observation is one flux.
        assert result["n_fluxes"].tolist() == [2, 1]

    def test_extremes_count_among_others(self):
        one = catalogue([2.0], flux_min=[1.0], flux_max=[4.0])
        two = catalogue([3.0])
        result = measure(one, {"B": two})
        assert_allclose(result["log_fmax_fmin"], np.log10(4))
        assert result["n_fluxes"].tolist() == [3]
        assert_allclose(measure(two, {"B": one})["log_fmax_fmin"], np.log10(4))

    def test_the_mean_bounds_the_ratio_where_extremes_have_no_errors(self):
        one = catalogue([2.0], [0.1], flux_min=[1.0], flux_max=[4.0])
        result = measure(one, {"B": catalogue([8.0], [1.0])})
        assert_allclose(result["log_fmax_fmin"], np.log10(8))
        assert_allclose(result["log_fmax_fmin_low"], np.log10(7 / 2.1))

    def test_one_flux_says_nothing(self):
        result = measure(catalogue([2.0], [0.1]))
        for name in ("log_fmax_fmin", "log_fmax_fmin_low", "catalogue_fmax", "is_fmin_limit"):
            assert result[name].mask.all()
        assert result["n_fluxes"].tolist() == [1]


class TestLimits:
    def test_are_minima_and_never_maxima(self):
        one = catalogue([10.0, 10.0, np.nan], [1.0, 1.0, 1.0])
        limits = Table({"flux_limit": [2.0, 50.0, 1.0], "flux_band": ["0.5-2"] * 3})
        result = measure(one, limits={"XMM": limits})
        assert_allclose(result["log_fmax_fmin"][0], np.log10(5))
        assert_allclose(result["log_fmax_fmin_low"][0], np.log10(9 / 2))
        # A limit above the flux is no news.
        assert result["log_fmax_fmin"][1] == 0
        assert result["is_fmin_limit"].tolist() == [True, False, None]
        assert result["catalogue_fmin"].tolist() == ["XMM", "primary", None]
        assert result["log_fmax_fmin"].mask.tolist() == [False, False, True]
        assert result["n_fluxes"].tolist() == [2, 2, 1]

    def test_of_linked_catalogues(self):
        other = catalogue([np.nan], flux_limit=[1.0])
        result = measure(catalogue([10.0], [1.0]), {"B": other})
        assert_allclose(result["log_fmax_fmin"], 1)
        assert result["is_fmin_limit"].tolist() == [True]

    def test_conversion_raises_a_limit(self):
        limits = Table({"flux_limit": [1.0], "flux_band": ["0.2-12"]})
        result = measure(catalogue([10.0], [1.0]), limits={"XMM": limits})
        limit = flux_fraction("0.5-2", "0.2-12")
        error = np.log(10) * conversion_uncertainty("0.2-12", "0.5-2")
        assert_allclose(result["log_fmax_fmin"], np.log10(10 / limit))
        assert_allclose(result["log_fmax_fmin_low"], np.log10(9 / (limit * (1 + error))))


class TestLinks:
    def test_rows_are_those_of_the_links(self):
        one = catalogue([1.0, 2.0, 4.0])
        two = catalogue([8.0, 16.0, 32.0])[[2, 0]]
        result = add_variability(one, link_xray({"primary": one, "B": two}), {"B": two})
        assert_allclose(result["log_fmax_fmin"].filled(-1), [np.log10(8), -1, np.log10(8)])

    def test_ambiguous_links_are_left_out(self):
        one = catalogue([1.0, 1.0])
        two = catalogue([8.0, 8.0, 8.0])
        two["ra"][:3] = [10.0, 10.0005, 0.0]
        links = link_xray({"primary": one, "B": two})
        assert links.links["is_ambiguous"].sum() == 2
        result = add_variability(one, links, {"B": two})
        assert result["log_fmax_fmin"].mask.tolist() == [False, True]

    def test_own_name_and_own_table_among_the_catalogues(self):
        one, two = catalogue([1.0]), catalogue([8.0])
        both = {"4XMM": one, "B": two}
        result = add_variability(one, link_xray(both), both, name="4XMM")
        assert_allclose(result["log_fmax_fmin"], np.log10(8))
        assert result["catalogue_fmin"].tolist() == ["4XMM"]

    def test_three_catalogues_in_any_order(self):
        tables = {
            k: catalogue([f], [0.1], epoch=[y]) for k, f, y in (("A", 2.0, 2001), ("B", 9.0, 2010))
        }
        one = catalogue([4.0], [0.1], epoch=[2005])
        for order in (["A", "B"], ["B", "A"]):
            result = measure(one, {k: tables[k] for k in order})
            assert_allclose(result["log_fmax_fmin"], np.log10(4.5))
            assert_allclose(result["log_fmax_fmin_low"], np.log10(8.9 / 2.1))
            assert result["epoch_fmax"].tolist() == [2010]
            assert result["epoch_fmin"].tolist() == [2001]


class TestInput:
    def test_units(self):
        plain, other = catalogue([1e-13], [1e-14]), catalogue([1e-14], [1e-15])
        expected = measure(plain, {"B": other})
        for table in (plain, other):
            for name in ("flux", "flux_error"):
                table[name].unit = "erg / (s cm2)"
                table[name] = table[name].quantity.to("W / m2")
        result = measure(QTable(plain), {"B": other})
        assert isinstance(result, QTable)
        assert_allclose(result["log_fmax_fmin_low"], expected["log_fmax_fmin_low"])

    def test_missing_values(self):
        flux = MaskedColumn([1.0, 1.0, 1.0, 1.0], mask=[True, False, False, False])
        one = catalogue(flux, [0.1] * 4)
        one["flux_band"] = MaskedColumn(["0.5-2"] * 4, mask=[False, True, False, False])
        two = catalogue([2.0, 2.0, -2.0, 2.0], [0.1, 0.1, 0.1, np.nan])
        result = measure(one, {"B": two})
        assert result["log_fmax_fmin"].mask.tolist() == [True, True, True, False]
        # The ratio needs no error; the conservative one is that of what has errors.
        assert_allclose(result["log_fmax_fmin"][3], np.log10(2))
        assert result["n_fluxes"].tolist() == [1, 1, 1, 2]

    def test_no_errors_at_all(self):
        result = measure(catalogue([1.0]), {"B": catalogue([2.0])})
        assert not result["log_fmax_fmin"].mask.any()
        assert result["log_fmax_fmin_low"].mask.all()

    def test_empty_and_unchanged(self):
        one, two = catalogue([1.0]), catalogue([2.0])
        before = one.copy()
        measure(one, {"B": two})
        assert one.colnames == before.colnames
        assert len(measure(one[:0], {"B": two[:0]})) == 0
        nothing = Table({"ra": [1.0]})
        assert measure(nothing)["n_fluxes"].tolist() == [0]

    def test_overwrites_what_one_mission_said(self):
        one = add_flux_range(catalogue([2.0], flux_min=[1.0], flux_max=[4.0]))
        with pytest.raises(ValueError, match="already has columns 'log_fmax_fmin'"):
            measure(one, {"B": catalogue([8.0])})
        result = measure(one, {"B": catalogue([8.0])}, overwrite=True)
        assert_allclose(result["log_fmax_fmin"], np.log10(8))

    def test_errors(self):
        one, two = catalogue([1.0]), catalogue([2.0])
        with pytest.raises(TypeError, match="catalogues must be a mapping of names to tables"):
            add_variability(one, Table({"primary": [0]}), [two])
        with pytest.raises(KeyError, match=r"links.sources has no column 'B'"):
            add_variability(one, Table({"primary": [0]}), {"B": two})
        with pytest.raises(ValueError, match=r"'B' names row 5, but .* has 1 rows"):
            add_variability(one, Table({"primary": [0], "B": [5]}), {"B": two})
        with pytest.raises(ValueError, match="'primary' names row 3, but table has 1 rows"):
            add_variability(one, Table({"primary": [3], "B": [0]}), {"B": two})
        bare = two["ra", "flux"]
        with pytest.raises(KeyError, match=r"catalogues\['B'\] has no column 'flux_band'"):
            measure(one, {"B": bare})
        wrong = catalogue([1.0], band="soft")
        with pytest.raises(ValueError, match=r"column 'flux_band' of catalogues\['B'\] must be"):
            measure(one, {"B": wrong})
        limits = Table({"flux_limit": [1.0, 2.0], "flux_band": ["0.5-2"] * 2})
        with pytest.raises(ValueError, match="must have one row per row of table, 1, got 2"):
            measure(one, limits={"XMM": limits})
        with pytest.raises(TypeError, match="gamma must be a number"):
            measure(one, gamma=[1.7])
        with pytest.raises(u.UnitConversionError, match="'flux'"):
            measure(QTable({"flux": [1.0] * u.Jy, "flux_band": ["0.5-2"]}))
