# Licensed under a 3-clause BSD style license - see LICENSE.rst
import logging

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from claxboi import XrayTable
from claxboi.catalog import (
    BadValueWarning,
    ConfidenceLevelWarning,
    Mission,
    find_columns,
    missions,
    standardize,
)
from claxboi.counterparts import radius_from_sigma
from claxboi.utils import ClaxboiWarning

N = 3
FLUX = np.array([1e-14, 2e-14, 4e-14])


def xmm():
    table = Table(
        {
            "SRCID": np.arange(N) + 200_000,
            "IAUNAME": ["4XMM a", "4XMM b", "4XMM c"],
            "SC_RA": [10.0, 20.0, 30.0] * u.deg,
            "SC_DEC": [-5.0, 0.0, 5.0] * u.deg,
            "SC_POSERR": np.sqrt(2) * np.array([0.5, 1.0, 2.0]) * u.arcsec,
            "SC_EP_8_FLUX": FLUX,
            "SC_EP_8_FLUX_ERR": FLUX / 10,
            "SC_EP_1_FLUX": [0.0, 1e-15, 2e-15],
            "SC_HR1": [0.1, np.nan, -0.3],
            "SC_HR1_ERR": [0.1, 0.2, 0.3],
            "SC_SUM_FLAG": [0, 1, 4],
            "SC_VAR_FLAG": ["True", "", "False"],
            "CONFUSED": [False, True, False],
            "MJD_FIRST": [51544.5, 51544.5, np.nan],
            "MJD_LAST": [51544.5, 51544.5 + 2 * 365.25, 60000.0],
            "mine": ["x", "y", "z"],
        },
        meta={"origin": "test"},
    )
    table["SC_EP_8_FLUX"].unit = "erg / (s cm2)"
    return table


def csc(vizier=False):
    names = {
        "name": "2CXO",
        "ra": "RAICRS",
        "dec": "DEICRS",
        "err_ellipse_r0": "r0",
        "err_ellipse_r1": "r1",
        "err_ellipse_ang": "PA",
        "flux_aper_b": "Fluxb",
        "flux_aper_lolim_b": "b_Fluxb",
        "flux_aper_hilim_b": "B_Fluxb",
        "hard_ms": "HRms",
        "hard_ms_lolim": "b_HRms",
        "hard_ms_hilim": "B_HRms",
        "extent_flag": "fe",
        "streak_src_flag": "fst",
        "likelihood_class": "likeClass",
        "var_intra_prob_b": "Vab",
    }
    table = Table(
        {
            "name": ["2CXO a", "2CXO b", "2CXO c"],
            "ra": [10.0, 20.0, 30.0],
            "dec": [-5.0, 0.0, 5.0],
            "err_ellipse_r0": 2.4477 * np.array([0.4, 0.5, 1.0]),
            "err_ellipse_r1": 2.4477 * np.array([0.3, 0.5, 1.0]),
            "err_ellipse_ang": [45.0, 0.0, 90.0],
            "flux_aper_b": FLUX,
            "flux_aper_lolim_b": FLUX - 1e-15,
            "flux_aper_hilim_b": FLUX + 3e-15,
            "hard_ms": [0.0, 0.2, -0.4],
            "hard_ms_lolim": [-0.1, 0.1, -0.5],
            "hard_ms_hilim": [0.1, 0.4, -0.3],
            "extent_flag": ["True", "False", "False"],
            "streak_src_flag": ["False", "True", "False"],
            "likelihood_class": ["TRUE", "TRUE", "MARGINAL"],
            "var_intra_prob_b": [0.9, 0.1, 0.0],
        }
    )
    if vizier:
        table.rename_columns(list(names), list(names.values()))
    return table


def swift(vizier=False):
    table = Table(
        {
            "2SXPS_ID": [1, 2, 3],
            "IAUName": ["2SXPS a", "2SXPS b", "2SXPS c"],
            "RA": [10.0, 20.0, 30.0],
            "Decl": [-5.0, 0.0, 5.0],
            "Err90": 2.1460 * np.array([1.0, 2.0, 3.0]),
            # As VizieR gives another of its fluxes: a column of text.
            "FixedPowFlux": ["1e-14", "", "4e-14"],
            "Rate_band0": [0.01, 0.02, 0.04],
            "Rate_band0_neg": [-0.001, -0.002, -0.004],
            "Rate_band0_pos": [0.003, 0.002, 0.004],
            "HR1": [0.1, 0.2, 0.3],
            "HR1_neg": [-0.1, -0.2, -0.3],
            "HR1_pos": [0.3, 0.2, 0.1],
            "DetFlag": [0, 1, 2],
            "FirstObsMET": [0.0, 0.0, 0.0],
            "LastObsMET": [0.0, 2 * 365.25 * 86400, 0.0],
        }
    )
    if vizier:
        # E_ is the upper error and e_, negative, the lower one: names that differ in case alone.
        new = ["2SXPS", "IAUName", "RAJ2000", "DEJ2000", "Err90", "FCOP0", "CR0", "e_CR0", "E_CR0"]
        new += ["HR1", "e_HR1", "E_HR1", "Det"]
        table.rename_columns(table.colnames[: len(new)], new)
    return table


def erass(vizier=False):
    return Table(
        {
            "IAUNAME" if not vizier else "IAUName": ["1eRASS a", "1eRASS b", "1eRASS c"],
            "RA" if not vizier else "RA_ICRS": [10.0, 20.0, 30.0],
            "DEC" if not vizier else "DE_ICRS": [-5.0, 0.0, 5.0],
            "POS_ERR" if not vizier else "posErr": [3.0, 4.0, 5.0],
            "ML_FLUX_1" if not vizier else "MLFlux1": FLUX,
            "ML_FLUX_P1" if not vizier else "MLFluxP1": [1e-15, 0.0, 1e-15],
            "ML_FLUX_P2" if not vizier else "MLFluxP2": [3e-15, 0.0, 1e-15],
            "ML_FLUX_ERR_P1" if not vizier else "s_MLFluxP1": [1e-16, 1e-16, 1e-16],
            "ML_FLUX_ERR_P2" if not vizier else "s_MLFluxP2": [1e-16, 1e-16, 1e-16],
            "FLAG_SP_SNR": [0, 1, 0],
            "FLAG_SP_LGA": [0, 0, 0],
        }
    )


class TestXMM:
    def test_columns(self):
        result = standardize(xmm())
        assert result["source_id"].tolist() == ["4XMM a", "4XMM b", "4XMM c"]
        np.testing.assert_allclose(result["pos_error"], [0.5, 1.0, 2.0])
        np.testing.assert_array_equal(result["flux"], FLUX)
        np.testing.assert_allclose(result["snr"], 10)
        assert result["snr"].unit is None
        assert result["flux"].unit == u.erg / u.s / u.cm**2
        assert set(result["flux_band"]) == {"0.2-12"}
        assert result["hr1"].tolist() == [0.1, None, -0.3]
        assert result["flux1"].tolist() == [0, 1e-15, 2e-15]
        assert result["quality"].tolist() == [0, 1, 4]
        assert result["is_suspect"].tolist() == [False, False, True]
        assert result["is_variable"].tolist() == [True, None, False]
        assert result["is_confused"].tolist() == [False, True, False]
        assert result["epoch"].tolist() == [2000, 2001, None]
        assert Time(result["epoch"][1], format="jyear").mjd == pytest.approx(51544.5 + 365.25)

    def test_says_what_it_is(self):
        result = standardize(xmm())
        facts = result.meta["claxboi"]["catalog"]
        assert (facts["mission"], facts["file"], facts["hardness"]) == (
            "4XMM",
            "fits",
            "count rates",
        )
        assert facts["columns"]["epoch"] == "MJD_FIRST, MJD_LAST"
        assert facts["columns"]["source_id"] == "IAUNAME"
        assert facts["hardness_bands"]["hr1"] == "0.2-0.5 and 0.5-1"
        assert facts["bands"]["flux5"] == "4.5-12"
        assert result.meta["origin"] == "test"
        assert result["hr1"].description == "Hardness ratio of count rates in 0.2-0.5 and 0.5-1 keV"
        assert result["hr1"].meta["bands"] == ["0.2-0.5", "0.5-1"]
        assert result["hr1"].meta["kind"] == "count rates"
        assert result["flux1"].description == "X-ray flux in 0.2-0.5 keV, as observed"
        assert result["flux"].meta["ucd"] == "phot.flux;em.X-ray"

    def test_users_columns_follow(self):
        table = xmm()
        before = table.copy()
        result = standardize(table)
        assert result.colnames[0] == "source_id"
        assert result.colnames[-len(table.colnames) :] == table.colnames
        for name in table.colnames:
            np.testing.assert_array_equal(table[name], before[name])
            np.testing.assert_array_equal(result[name], before[name])
        result["SC_RA"][0] = 99
        assert table["SC_RA"][0] == 10

    def test_names_that_are_not_unique_give_way_to_numbers(self):
        table = xmm()
        table["IAUNAME"][1] = "4XMM a"
        result = standardize(table)
        assert result["source_id"].tolist() == ["200000", "200001", "200002"]
        assert result.meta["claxboi"]["catalog"]["columns"]["source_id"] == "SRCID"

    def test_detections(self):
        table = xmm()
        table.rename_columns(
            ["SC_RA", "SC_DEC", "SC_POSERR", "SC_EP_8_FLUX", "SC_SUM_FLAG"],
            ["RA", "DEC", "POSERR", "EP_8_FLUX", "SUM_FLAG"],
        )
        table["DETID"] = [1, 2, 3]
        result = standardize(table)
        assert result.meta["claxboi"]["catalog"]["file"] == "detections"
        assert result["source_id"].tolist() == ["1", "2", "3"]
        # Its own columns of the same names are what the new ones are made of.
        assert "RA" not in result.colnames

    @pytest.mark.parametrize("change", [str.lower, str.upper])
    def test_fits_ignores_case(self, change):
        table = xmm()
        table.rename_columns(table.colnames, [change(name) for name in table.colnames])
        np.testing.assert_array_equal(standardize(table)["flux"], FLUX)

    def test_units_convert_and_unreadable_ones_leave_out(self):
        table = xmm()
        table["SC_EP_8_FLUX"] = (FLUX * 1e-3) * u.W / u.m**2
        table["SC_POSERR"] = (table["SC_POSERR"] / 60) * u.arcmin / u.arcsec
        table["SC_POSERR"].unit = u.arcmin
        table["SC_EP_8_FLUX_ERR"].unit = u.Unit("ergs/cm^^2", parse_strict="silent")
        with pytest.warns(ClaxboiWarning, match="flux_error is left out: the unit 'ergs/cm"):
            result = standardize(table)
        np.testing.assert_allclose(result["flux"], FLUX)
        assert "flux_error" not in result.colnames
        np.testing.assert_allclose(result["pos_error"], [0.5, 1.0, 2.0])
        result = standardize(table, units={"SC_EP_8_FLUX_ERR": "erg/cm2/s"})
        np.testing.assert_allclose(result["flux_error"], FLUX / 10)
        table["SC_EP_8_FLUX"].unit = u.mag
        with pytest.raises(u.UnitConversionError, match="'SC_EP_8_FLUX' of table must have a unit"):
            standardize(table)


class TestCSC:
    @pytest.mark.parametrize("vizier", [False, True])
    def test_columns(self, vizier):
        result = standardize(csc(vizier))
        assert result.meta["claxboi"]["catalog"]["mission"] == "CSC2"
        np.testing.assert_allclose(result["pos_error_major"], [0.4, 0.5, 1.0], rtol=1e-4)
        np.testing.assert_allclose(result["pos_error_minor"], [0.3, 0.5, 1.0], rtol=1e-4)
        np.testing.assert_allclose(result["pos_error"], [0.125**0.5, 0.5, 1.0], rtol=1e-4)
        assert result["pos_error_angle"].tolist() == [45, 0, 90]
        # Limits, half of whose difference is the error.
        np.testing.assert_allclose(result["flux_error"], 2e-15)
        np.testing.assert_allclose(result["hr1_error"], [0.1, 0.15, 0.1])
        assert result["is_extended"].tolist() == [True, False, False]
        assert result["is_suspect"].tolist() == [False, True, True]
        np.testing.assert_allclose(result["p_constant"], [0.1, 0.9, 1.0])
        # The complement of a probability is taken too where the caller names the column.
        own = result.meta["claxboi"]["catalog"]["columns"]["p_constant"]
        named = standardize(csc(vizier), columns={"p_constant": own})
        np.testing.assert_allclose(named["p_constant"], [0.1, 0.9, 1.0])
        assert result.meta["claxboi"]["catalog"]["hardness"] == "photon fluxes"

    def test_release_by_name(self):
        result = standardize(csc(), "CSC2.1")
        assert result.meta["claxboi"]["catalog"]["mission"] == "CSC2.1"
        assert result["hr1"].tolist() == [0.0, 0.2, -0.4]


class TestSwift:
    @pytest.mark.parametrize("vizier", [False, True])
    def test_columns(self, vizier):
        result = standardize(swift(vizier))
        assert result.meta["claxboi"]["catalog"]["mission"] == "2SXPS"
        np.testing.assert_allclose(result["pos_error"], [1, 2, 3], rtol=1e-4)
        assert result["flux"].tolist() == [1e-14, None, 4e-14]
        # The mean of 10 and 30 percent of the rate, then 10 percent.
        np.testing.assert_allclose(result["flux_error"][[0, 2]], [0.2e-14, 0.4e-14])
        assert result["flux_error"].mask.tolist() == [False, True, False]
        np.testing.assert_allclose(result["hr1_error"], 0.2)
        assert result["is_suspect"].tolist() == [False, False, True]
        # HR1 became hr1, and FITS would take them for one.
        assert "HR1" not in result.colnames
        if not vizier:
            np.testing.assert_allclose(result["epoch"], [2001, 2002, 2001])

    def test_living_catalogue(self):
        table = swift()
        table.rename_column("2SXPS_ID", "LSXPS_ID")
        assert standardize(table).meta["claxboi"]["catalog"]["mission"] == "LSXPS"


@pytest.mark.parametrize("vizier", [False, True])
def test_erass(vizier):
    result = standardize(erass(vizier))
    assert result.meta["claxboi"]["catalog"]["mission"] == "eRASS1"
    assert result["pos_error"].tolist() == [3, 4, 5]
    assert result["hr1"].tolist() == [pytest.approx(0.5), None, 0]
    # 2 / (1 + 3)^2 x sqrt((3 x 0.1)^2 + (1 x 0.1)^2)
    assert result["hr1_error"][0] == pytest.approx(2 / 16 * np.sqrt(0.1))
    if not vizier:
        assert result["is_suspect"].tolist() == [False, True, False]


def test_5xmm():
    table = Table(
        {
            "SRCID": [1, 2],
            "RA": [1.0, 2.0],
            "DEC": [0.0, 0.0],
            "RADEC_ERR": [2**0.5, np.nan],
            "EP_FLUX": [1e-14, 1e-14],
            "EP_HR1": [0.0, 0.5],
        }
    )
    result = standardize(table)
    assert result.meta["claxboi"]["catalog"]["mission"] == "5XMM"
    assert result["pos_error"].tolist() == [pytest.approx(1), None]


class TestWhichMission:
    def test_wrong_one_named(self):
        with pytest.raises(
            ValueError, match=r"does not match 2SXPS: .*2SXPS_ID, RA, .*none; it looks like 4XMM"
        ):
            standardize(xmm(), "2SXPS")

    def test_two_fit(self):
        table = xmm()
        for name, column in swift().items():
            table[name] = column
        with pytest.raises(
            ValueError, match="several missions, 4XMM, 2SXPS: choose one with mission="
        ):
            standardize(table)
        assert standardize(table, "2SXPS").meta["claxboi"]["catalog"]["mission"] == "2SXPS"

    def test_own_file(self, tmp_path):
        path = tmp_path / "mine.toml"
        path.write_text(
            'flux_band = "0.5-2"\nhardness = "counts"\npos_error_level = 0.9\n'
            '[columns]\nsource_id = "Src"\nra = "A"\ndec = "D"\npos_error = "r"\n'
            'flux = "F"\nflux_error = {from = "errors", file = ["lo", "hi"]}\n'
        )
        table = Table(
            {
                "Src": ["a"],
                "A": [1.0],
                "D": [2.0],
                "r": [radius_from_sigma(1.0, 0.9)],
                "F": [1e-14],
                "lo": [-1e-15],
                "hi": [3e-15],
            }
        )
        for mission in (path, str(path), Mission.from_file(path)):
            result = standardize(table, mission)
            assert result["pos_error"][0] == pytest.approx(1)
            assert result["flux_error"][0] == pytest.approx(2e-15)
            assert result["flux_band"][0] == "0.5-2"
        with pytest.raises(
            ValueError, match="does not match mine: of the columns A, D it has none"
        ):
            standardize(xmm(), path)

    def test_names_of_the_user_win(self):
        table = xmm()
        table["better"] = FLUX * 2
        result = standardize(table, "4XMM", columns={"flux": "better"})
        np.testing.assert_array_equal(result["flux"], FLUX * 2)
        np.testing.assert_allclose(result["pos_error"], [0.5, 1.0, 2.0])


class TestOtherTables:
    def test_by_name(self):
        table = Table(
            {
                "Name": ["a", "b"],
                "RAJ2000": [1.0, 2.0],
                "DEJ2000": [0.0, 0.0],
                "Err95": [2.4477, 4.8955] * u.arcsec,
                "Fx": [1e-14, 2e-14],
                "e_Fx": [1e-15, 1e-15],
                "HR1": [0.1, 0.2],
                "HR1_err": [0.1, 0.1],
            }
        )
        result = standardize(table)
        np.testing.assert_allclose(result["pos_error"], [1, 2], rtol=1e-4)
        assert result["flux_error"].tolist() == [1e-15, 1e-15]
        assert result["hr1_error"].tolist() == [0.1, 0.1]
        facts = result.meta["claxboi"]["catalog"]
        assert facts["mission"] is None
        assert facts["pos_error_level"] == 0.95
        assert "hardness" not in facts

    def test_by_ucd_and_unit(self):
        table = Table(
            {
                "main": ["a"],
                "x": [1.0] * u.deg,
                "y": [2.0] * u.deg,
                "other": [3.0] * u.deg,
                "f": [1e-17] * u.W / u.m**2,
            }
        )
        table["main"].meta["ucd"] = "meta.id;meta.main"
        table["x"].meta["ucd"] = "pos.eq.ra;meta.main"
        table["y"].meta["ucd"] = "POS_EQ_DEC_MAIN"
        found = {row["name"]: (row["column"], row["how"]) for row in find_columns(table)}
        assert found["source_id"] == ("main", "UCD meta.id;meta.main")
        assert found["dec"] == ("y", "UCD POS_EQ_DEC_MAIN")
        assert found["flux"] == ("f", "the only column in erg / (s cm2)")
        assert standardize(table)["flux"][0] == pytest.approx(1e-14)

    def test_sexagesimal(self):
        table = Table(
            {"RAJ2000": ["00 01 02", "12:30:00.0"], "DEJ2000": ["-01 02 03", "+05:00:00"]}
        )
        columns = {"ra": "RAJ2000", "dec": "DEJ2000"}
        result = standardize(table, columns=columns)
        np.testing.assert_allclose(result["ra"], [62 / 240, 187.5])
        np.testing.assert_allclose(result["dec"], [-(1 + 2 / 60 + 3 / 3600), 5])
        # Where there are degrees too, they are taken.
        table["_RAJ2000"], table["_DEJ2000"] = [0.258, 187.5], [-1.034, 5.0]
        assert standardize(table)["ra"][0] == 0.258
        table["RAJ2000"][0] = "00 xx 02"
        with pytest.raises(TypeError, match="column 'RAJ2000' must hold angles"):
            standardize(table, columns=columns)
        table["RAJ2000"] = ["east", "west"]
        with pytest.raises(TypeError, match="'RAJ2000' must hold angles, got 'east'"):
            standardize(table, columns=columns)

    def test_ambiguous(self):
        table = Table({"ra": [1.0], "dec": [0.0], "total_flux": [1e-14], "flux_tot": [2e-14]})
        with pytest.raises(
            ValueError, match=r"flux is ambiguous, .*'flux_tot' \(no unit\).*choose with columns="
        ):
            standardize(table)
        assert standardize(table, columns={"flux": "flux_tot"})["flux"][0] == 2e-14

    def test_two_units_fit(self):
        table = Table({"ra": [1.0], "dec": [0.0], "soft": [1e-17], "hard": [2e-17]})
        for name in ("soft", "hard"):
            table[name].unit = "W / m2"
        with pytest.raises(
            ValueError, match=r"flux is ambiguous, it may be 'soft' \(W / m2\), 'ha"
        ):
            find_columns(table)
        assert find_columns(table["ra", "dec", "soft"])["column"].tolist()[-1] == "soft"

    def test_ucd_ambiguity_is_solved_by_the_name(self):
        table = Table({"ra": [1.0], "dec": [0.0], "flux_x": [1e-14], "soft": [2e-14]})
        for name in ("flux_x", "soft"):
            table[name].meta["ucd"] = "phot.flux;em.X-ray"
        assert standardize(table)["flux"][0] == 1e-14
        table.rename_column("flux_x", "hard")
        with pytest.raises(ValueError, match="ambiguous"):
            standardize(table)

    def test_no_position(self):
        with pytest.raises(ValueError, match=r"no column for dec and ra.*Its columns are lon, lat"):
            standardize(Table({"lon": [1.0], "lat": [2.0]}))

    @pytest.mark.parametrize("kind", [Table, QTable, XrayTable])
    def test_coordinates(self, kind):
        coords = SkyCoord([10, 20] * u.deg, [40, -40] * u.deg, frame="galactic")
        result = standardize(kind({"at": coords, "flux": [1e-14, 2e-14]}))
        assert type(result) is kind
        icrs = coords.icrs
        np.testing.assert_allclose(u.Quantity(result["ra"], u.deg).value, icrs.ra.deg)
        np.testing.assert_allclose(u.Quantity(result["dec"], u.deg).value, icrs.dec.deg)
        assert "at" in result.colnames
        two = kind({"a": coords, "b": coords})
        with pytest.raises(ValueError, match="position is ambiguous: 'a', 'b'"):
            standardize(two)
        assert len(standardize(two, columns={"ra": "a", "dec": "a"})) == 2

    def test_bare_positions_get_names(self):
        table = Table({"ra": [10.684583, 10.684584, 0.0], "dec": [41.269, 41.269, -0.5]})
        names = standardize(table)["source_id"].tolist()
        # 10.684583 deg = 0h 42m 44.29992s, 41.269 deg = 41d 16' 8.4"; cut off, not rounded.
        assert names == ["J004244.2+411608", "J004244.3+411608", "J000000.0-003000"]
        table["ra"][1] = table["ra"][0]
        assert standardize(table)["source_id"][1] == "J004244.2+411608-2"

    def test_bare_positions_must_be_there(self):
        table = Table({"ra": [10.0, np.nan], "dec": [0.0, 0.0]})
        with pytest.raises(ValueError, match="ra is missing in 1 rows, the first is row 1"):
            standardize(table)
        table["ra"] = MaskedColumn([10.0, 20.0], mask=[True, False])
        with pytest.raises(ValueError, match="ra is missing in 1 rows, the first is row 0"):
            standardize(table)

    def test_columns_that_are_no_numbers(self):
        table = Table({"ra": [10.0], "dec": [0.0], "Epoch": Time([2015.5], format="jyear")})
        table["flux"] = [[1.0, 2.0]]
        with pytest.raises(TypeError, match="'flux' of table must hold one number a row"):
            standardize(table)
        table["total_flux"] = [3e-14]
        result = standardize(table, columns={"flux": "total_flux"}, overwrite=True)
        assert result["flux"][0] == 3e-14
        assert result["epoch"][0] == 2015.5

    def test_unknown_level_of_an_ellipse(self):
        table = Table({"ra": [10.0], "dec": [0.0], "a": [2.0], "b": [1.0]})
        columns = {"pos_error_major": "a", "pos_error_minor": "b"}
        with pytest.warns(ConfidenceLevelWarning, match="positional error 'a' is not known"):
            standardize(table, columns=columns)

    def test_canonical_stays(self):
        table = Table({"source_id": ["a"], "ra": [1.0], "dec": [2.0], "pos_error": [0.5]})
        table["flux"] = MaskedColumn([1e-14], mask=[True], description="mine")
        result = standardize(table)
        assert result.colnames == table.colnames
        assert result["flux"].mask.all()
        assert result["flux"].description == "mine"
        assert result["ra"].unit == u.deg

    def test_twice(self):
        once = standardize(xmm())
        again = standardize(once)
        assert again.colnames == once.colnames
        assert again.meta == once.meta
        assert standardize(once, "4xmm").meta == once.meta
        with pytest.raises(ValueError, match=r"mission must be 4XMM, .* got CSC2"):
            standardize(once, "CSC2")
        np.testing.assert_array_equal(again["pos_error"], once["pos_error"])

    def test_level(self):
        table = Table({"ra": [1.0], "dec": [2.0], "poserr": [2.146]})
        with pytest.warns(ConfidenceLevelWarning, match="'poserr' is not known: taken as 1 sigma"):
            assert standardize(table)["pos_error"][0] == 2.146
        assert standardize(table, pos_error_level="sigma")["pos_error"][0] == 2.146
        assert standardize(table, pos_error_level=0.9)["pos_error"][0] == pytest.approx(1, rel=1e-4)
        for bad in (90, 0.0):
            with pytest.raises(ValueError, match="pos_error_level must be above 0 and below 1"):
                standardize(table, pos_error_level=bad)

    def test_logged(self, caplog):
        with caplog.at_level(logging.INFO, logger="claxboi.catalog"):
            standardize(Table({"RAJ2000": [1.0], "DEJ2000": [2.0]}))
        assert "ra: RAJ2000 (name)" in caplog.text

    def test_empty_and_one_row(self):
        for rows in (0, 1):
            result = standardize(xmm()[:rows])
            assert len(result) == rows
            assert "flux" in result.colnames


class TestCollisions:
    def test_is_an_error(self):
        table = xmm()
        table["FLUX"] = [1.0, 2.0, 3.0]
        with pytest.raises(
            ValueError, match=r"'FLUX' \(flux would be made of SC_EP_8_FLUX\).*overwrite=True"
        ):
            standardize(table)
        result = standardize(table, overwrite=True)
        assert "FLUX" not in result.colnames
        np.testing.assert_array_equal(result["flux"], FLUX)

    def test_wrong_arguments(self):
        with pytest.raises(TypeError, match="table must be an astropy Table"):
            standardize({"ra": [1]})
        with pytest.raises(ValueError, match=r"columns must be named as in step 1 .*got 'opt_ra'"):
            standardize(xmm(), columns={"opt_ra": "SC_RA"})
        with pytest.raises(KeyError, match="no column 'nowhere' for 'flux'"):
            standardize(xmm(), columns={"flux": "nowhere"})
        with pytest.raises(TypeError, match="must be the name of a column, got 3"):
            standardize(xmm(), columns={"flux": 3})
        with pytest.raises(ValueError, match="mission must be one of"):
            standardize(xmm(), "XMM-Newton")

    def test_flags_must_be_flags(self):
        table = xmm()
        table["SC_VAR_FLAG"] = ["perhaps", "yes", "no"]
        with pytest.raises(TypeError, match=r"'SC_VAR_FLAG' must hold flags .*got 'perhaps'"):
            standardize(table, columns={"is_variable": "SC_VAR_FLAG"})
        # What a mission writes there is not the user's fault, and no reason to do without the rest.
        with pytest.warns(ClaxboiWarning, match="is_variable is left out: column 'SC_VAR_FLAG'"):
            result = standardize(table)
        assert "is_variable" not in result.colnames
        assert "is_suspect" in result.colnames


@pytest.mark.parametrize("mission", ["4XMM", "CSC2", "2SXPS", "eRASS1"])
def test_find_columns_is_what_is_taken(mission):
    table = {"4XMM": xmm, "CSC2": csc, "2SXPS": swift, "eRASS1": erass}[mission]()
    found = find_columns(table)
    assert set(found["how"]) == {f"{mission} (fits)"}
    taken = standardize(table).meta["claxboi"]["catalog"]["columns"]
    assert set(found["name"]) == set(taken)
    assert set(taken) <= set(missions()[mission].columns)


def test_a_million_bad_values_are_one_warning():
    table = xmm()
    table["SC_EP_8_FLUX"] = [0.0, -1e-14, 1e-14]
    table["SC_POSERR"] = [0.0, 1.0, 1.0]
    with pytest.warns(BadValueWarning, match="2 of flux") as caught:
        result = standardize(table)
    assert len(caught) == 1
    assert "1 of pos_error" in str(caught[0].message)
    assert result["flux"].mask.tolist() == [True, True, False]
    assert table["SC_EP_8_FLUX"][0] == 0


class TestRealTables:
    def test_xmm(self, shared_path):
        raw = Table.read(shared_path / "data" / "xmm4_td_1008.csv")
        columns = {"source_id": "name", "pos_error": "poserr", "flux": "F8"}
        columns |= {f"flux{k}": f"F{k}" for k in range(1, 6)}
        result = standardize(raw, "4XMM", columns=columns)
        assert len(result) == len(raw) == 1008
        np.testing.assert_allclose(result["pos_error"], raw["poserr"] / 2**0.5)
        for name in ("hr1", "hr4", "fvar", "p_constant", "extent", "is_suspect", "is_variable"):
            assert name in result.colnames
        np.testing.assert_array_equal(
            np.ma.filled(result["is_suspect"], False), np.ma.filled(raw["sc_sum_flag"], 0) >= 2
        )
        # Its HR1 are of energy fluxes, as 4XMM's own are not: nothing is claimed of them.
        assert "hardness" not in result.meta["claxboi"]["catalog"]
        assert "kind" not in result["hr1"].meta
        assert result["flux1"].meta["band"] == "0.2-0.5"
        own = standardize(raw, "4XMM", columns=columns | {"hr1": "HR1"})
        assert own.meta["claxboi"]["catalog"]["hardness"] == "count rates"
        assert own["hr1"].meta["kind"] == "count rates"
        assert "Class" in result.colnames

    def test_csc(self, shared_path):
        raw = Table.read(shared_path / "data" / "csc2_td_2941.csv")
        columns = {
            "source_id": "CSCv2_name",
            "ra": "CSCv2_RA",
            "dec": "CSCv2_DEC",
            "flux": "flux_aper90_ave_b",
            "flux_error": "e_flux_aper90_ave_b",
            "gamma": "powlaw_gamma_mean",
        }
        bands = dict(zip(("flux2", "flux3", "flux4"), "smh", strict=True))
        columns |= {name: f"flux_aper90_ave_{band}" for name, band in bands.items()}
        result = standardize(raw, "CSC2", columns=columns)
        assert len(result) == 2941
        # The ellipse is found by the mission's own names; CSCv2_PU is its major axis, rounded.
        np.testing.assert_allclose(
            result["pos_error_major"] * 2.4477, raw["err_ellipse_r0"], rtol=1e-4
        )
        assert np.all(result["pos_error_minor"] <= result["pos_error_major"])
        assert result["is_extended"].tolist() == (raw["extent_flag"] == "True").tolist()
        assert set(result["flux_band"]) == {"0.5-7"}
