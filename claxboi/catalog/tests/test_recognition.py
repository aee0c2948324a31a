# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Columns of tables that no mission describes.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, Table

from claxboi.catalog import ConfidenceLevelWarning, find_columns, standardize
from claxboi.utils import ClaxboiWarning

NAMES = {"Name": ["a", "b"]}


def found(columns, **settings):
    table = columns if isinstance(columns, Table) else Table(columns)
    result = find_columns(table, **settings)
    return dict(zip(result["name"], result["column"], strict=True))


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        ("RA", "DEC"),
        ("R.A.", "Dec."),
        ("ra_deg", "dec_deg"),
        ("RA [deg]", "Dec [deg]"),
        ("RA(J2000)", "DEC(J2000)"),
        ("RightAscension", "Declination"),
        ("_RAJ2000", "_DEJ2000"),
        ("RA_ICRS", "DE_ICRS"),
        ("RAdeg", "DEdeg"),
        ("XRAY_RA", "XRAY_DEC"),
        ("RA_X", "DEC_X"),
        ("RAX", "DECX"),
        ("Chandra_RA", "Chandra_Dec"),
        ("ERO_RA_CORR", "ERO_Dec_CORR"),
        ("SC_RA", "SC_DEC"),
        ("RA_CORR", "DEC_CORR"),
        ("my RA", "my Dec"),
    ],
)
def test_names_of_positions(ra, dec):
    assert found({ra: [10.0, 20.0], dec: [1.0, 2.0]})["ra"] == ra
    result = standardize(Table({ra: ["00:40:00", "01:20:00"], dec: ["+01:00:00", "-02:00:00"]}))
    assert np.allclose(result["ra"], [10, 20])
    assert np.allclose(result["dec"], [1, -2])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("XRAY_{}", "{}"),
        ("{}_X", "{}_OPT"),
        ("{}", "gaia_{}"),
        ("{}", "{}_LS8"),
        ("{}_CORR", "{}"),
        ("CXO_{}", "{}_1"),
        ("{}", "{}_2"),
    ],
)
@pytest.mark.parametrize("swap", [True, False])
def test_the_x_ray_position_of_two(first, second, swap):
    pairs = [(first, 10.0), (second, 10.5)]
    columns = {}
    for pattern, ra in pairs[::-1] if swap else pairs:
        columns |= {pattern.format("Ra"): [ra, 20.0], pattern.format("Dec"): [1.0, 2.0]}
    assert found(columns)["ra"] == first.format("Ra")


def test_two_positions_without_evidence():
    columns = {"RA_1": [10.0], "DEC_1": [1.0], "RA_2": [10.5], "DEC_2": [1.0]}
    with pytest.raises(ValueError, match="position is ambiguous, it may be RA_1 and DEC_1; RA_2"):
        found(columns)
    # A designation or an error of the size of X-ray errors decides.
    assert found({**columns, "name_2": ["4XMM J004200.0+010000"]})["ra"] == "RA_2"
    errors = {"err90_1": [2.0] * u.arcsec, "err90_2": [0.01] * u.arcsec}
    assert found({**columns, **errors})["ra"] == "RA_1"
    # Where both say the same, there is nothing to decide.
    columns["RA_2"] = [10.0001]
    assert found(columns)["ra"] == "RA_1"
    columns = {"RAJ2000": ["00:40:00.0"], "DEJ2000": ["+01 00 00"], "RA": [10.00001], "Dec": [1.0]}
    assert found(columns)["ra"] == "RA"
    with pytest.raises(ValueError, match=r"position is ambiguous, .*RA and Dec"):
        found({**columns, "RA": [11.0]})
    sky = {"pos": SkyCoord([10.0], [1.0], unit="deg"), "RA": [11.0], "DEC": [1.0]}
    with pytest.raises(ValueError, match="'pos' is a SkyCoord column, beside 'RA' and 'DEC'"):
        found(sky)


def test_shape_parameters_are_no_position():
    columns = {"Alpha": [0.05], "Delta": [0.26], "RA_CORR": [144.3], "DEC_CORR": [3.3]}
    assert found(columns)["ra"] == "RA_CORR"
    with pytest.raises(ValueError, match="table has no position"):
        found({"Alpha": [0.05], "Delta": [0.26]})
    assert found({"alpha": [10.0] * u.deg, "delta": [1.0] * u.deg})["ra"] == "alpha"
    hours = Table({"RA": Column([2.0], unit="hourangle"), "DEC": [1.0] * u.deg})
    assert standardize(hours)["ra"][0] == pytest.approx(30)


def test_sexagesimal_components():
    table = Table(
        {
            "ID": ["a", "b"],
            "RAh": Column([1, 11], unit="h"),
            "RAm": Column([10, 10], unit="min"),
            "RAs": Column([28.3, 28.3], unit="s"),
            "DE-": ["-", "+"],
            "DEd": Column([0, 46], unit="deg"),
            "DEm": Column([4, 4], unit="arcmin"),
            "DEs": Column([22.3, 22.3], unit="arcsec"),
        }
    )
    result = standardize(table)
    assert np.allclose(result["ra"], [17.617917, 167.617917])
    assert np.allclose(result["dec"], [-0.072861, 46.072861])


@pytest.mark.parametrize(
    ("columns", "name", "expected"),
    [
        ({"RADEC_ERR": [1.2]}, "RADEC_ERR", 1.2 / 2**0.5),
        ({"Err90": [2.1460]}, "Err90", 1.0),
        ({"RADEC_ERR": [1.2], "RADEC_ERR_CORR": [2.4]}, "RADEC_ERR_CORR", 2.4 / 2**0.5),
        ({"RA_ERR": [1e-4] * u.deg, "DEC_ERR": [1e-4] * u.deg}, "RA_ERR, DEC_ERR", 0.36),
        ({"e_RAJ2000": [3e3] * u.mas, "e_DEJ2000": [4.0] * u.arcsec}, None, 12.5**0.5),
        ({"raErr": [1.0], "decErr": [1.0]}, "raErr, decErr", 1.0),
    ],
)
def test_errors(columns, name, expected):
    table = Table({"RA": [10.0], "DEC": [1.0], **columns})
    assert name is None or found(table)["pos_error"] == name
    assert standardize(table)["pos_error"][0] == pytest.approx(expected, rel=1e-4)


def test_the_error_is_that_of_the_position():
    columns = {"XRAY_RA": [10.0], "XRAY_DEC": [1.0], "opt_ra": [10.1], "opt_dec": [1.0]}
    errors = {"pos_err": [0.1], "XRAY_RA_DEC_ERR": [2.4]}
    assert found({**columns, **errors})["pos_error"] == "XRAY_RA_DEC_ERR"
    with pytest.raises(ValueError, match=r"pos_error is ambiguous, .*'pos_err'.*'epos'"):
        found({"ra": [10.0], "dec": [1.0], "pos_err": [0.1], "epos": [2.4]})


def test_the_x_ray_flux_and_identifier():
    position = {"ra": [10.0, 20.0], "dec": [1.0, 2.0]}
    columns = {**position, "Total flux": [1e-13, 1e-13], "XRAY_FLUX": [1e-14, 1e-14]}
    assert found(columns)["flux"] == "XRAY_FLUX"
    assert found({**columns, "Fx": [1e-14, 1e-14], "XRAY_FLUX": ["a", "b"]})["flux"] == "Fx"
    with pytest.raises(ValueError, match="flux is ambiguous, it may be 'XRAY_FLUX'"):
        found({**columns, "Fx": [1e-14, 1e-14]})
    with pytest.raises(ValueError, match=r"flux is ambiguous, it may be 'flux' .*'XRAY_FLUX'"):
        found({**columns, "flux": [1e-13, 1e-13]})
    assert found({**columns, "flux": [1e-14, 1e-14]})["flux"] == "flux"
    names = {"ID": [1, 2], "source": ["SDSS J1", "SDSS J2"], "name": ["2CXO J1", "2CXO J2"]}
    assert found({**position, **names})["source_id"] == "name"
    assert found({**position, "name": ["a", "a"], "ID": [1, 2]})["source_id"] == "ID"


def test_numbers_as_text():
    table = Table({"RA": ["10.5"], "DEC": ["1.5"], "Fx": ["1e-14"]})
    result = standardize(table)
    assert result["ra"][0] == 10.5
    assert result["flux"][0] == 1e-14


def test_names_that_a_join_has_made():
    columns = {"ra_x": [10.0], "dec_x": [5.0], "ra_y": [10.01], "dec_y": [5.01]}
    with pytest.raises(ValueError, match=r"ambiguous, it may be ra_x and dec_x; ra_y and dec_y"):
        standardize(Table(columns))
    # The size of an error tells which is that of X-rays.
    assert found({**columns, "pos_err_y": [2.0]})["ra"] == "ra_y"
    assert found({"RA_X": [10.0], "DEC_X": [5.0], "RA_O": [10.01], "DEC_O": [5.0]})["ra"] == "RA_X"


def test_names_that_look_like_those_of_a_counterpart():
    table = Table({"xmm_ra": [10.0], "xmm_dec": [5.0], "xmm_pos_error": [0.5], "opt_ra": [10.0]})
    table["opt_dec"], table["opt_pos_error"] = [5.0], [0.1]
    with pytest.warns(ConfidenceLevelWarning, match="'xmm_pos_error' is not known"):
        assert standardize(table)["pos_error"][0] == 0.5
    axes = {"ra": [10.0], "dec": [5.0], "err_ra": [1e-4], "err_dec": [1e-4]}
    assert found(axes)["pos_error"] == "err_ra, err_dec"
    with pytest.warns(ClaxboiWarning, match=r"units=\{'err_ra': 'deg', 'err_dec': 'deg'\}"):
        standardize(Table(axes))


@pytest.mark.parametrize("name", ["F_X", "X-ray flux", "XRAY_FLUX", "flux_x", "Fx"])
def test_names_of_fluxes(name):
    columns = {"RA": [10.0], "DEC": [5.0], name: [1e-14]}
    assert found(columns)["flux"] == name
    optical = Table({**columns, "F1": [1.0] * u.mW / u.m**2})
    optical["F1"].meta["ucd"] = "phot.flux;em.opt"
    assert found(optical)["flux"] == name
    optical.remove_column(name)
    assert "flux" not in found(optical)


def test_the_advice_on_two_positions_works_when_typed():
    sky = SkyCoord([1.0], [2.0], unit="deg")
    table = Table({"RA": [1.0], "DEC": [2.0], "where": sky})
    with pytest.raises(ValueError, match=r"columns=\{'ra': 'where', 'dec': 'where'\}, overwrite"):
        standardize(table)
    columns = {"ra": "where", "dec": "where"}
    assert standardize(table, columns=columns, overwrite=True)["ra"][0] == pytest.approx(1)
    with pytest.raises(ValueError, match=r"columns=\{'ra': 'a', 'dec': 'a'\}$"):
        standardize(Table({"a": sky, "b": sky}))
    assert standardize(Table({"a": sky, "b": sky}), columns={"ra": "a", "dec": "a"})["dec"][0] == 2
