# Licensed under a 3-clause BSD style license - see LICENSE.rst
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Column, Table
from astropy.time import Time
from numpy.testing import assert_allclose

from claxboi.catalog import ConfidenceLevelWarning, find_columns, standardize
from claxboi.utils import ClaxboiWarning, ImplausibleValueWarning


def catalogue(**columns):
    table = Table({"Name": ["a"], "RA": [10.0], "DEC": [1.0]})
    for name, (value, unit) in columns.items():
        table[name] = [value]
        table[name].unit = u.Unit(unit, parse_strict="silent")
    return table


def test_units_that_astropy_does_not_know():
    table = catalogue(RA=(2.0, "RADIANS"), DEC=(0.5, "RADIANS"), pos_error=(300.0, "MAS"))
    row = standardize(table)[0]
    assert_allclose([row["ra"], row["dec"], row["pos_error"]], [*np.degrees([2, 0.5]), 0.3])


def test_a_flux_whose_unit_cannot_be_read_is_left_out():
    table = catalogue(flux=(3.0, "mCrab"))
    with pytest.warns(ClaxboiWarning, match=r"flux is left out: the unit 'mCrab' of column 'flux'"):
        result = standardize(table)
    # It stays as it was, and any use of it is an error.
    assert str(result["flux"].unit) == "mCrab"
    assert standardize(table, units={"flux": "10-11mW/m2"})["flux"][0] == pytest.approx(3e-11)


@pytest.mark.parametrize("how", ["position", "named"])
def test_what_must_be_read_is_an_error(how):
    table = catalogue(RA=(2.0, "furlongs") if how == "position" else (2.0, "deg"), Fx=(1, "mCrab"))
    columns = {"flux": "Fx"} if how == "named" else None
    column = "RA" if how == "position" else "Fx"
    with pytest.raises(u.UnitsError, match=rf"column '{column}'.*units=\{{'{column}'"):
        standardize(table, columns=columns)


@pytest.mark.parametrize("unit", ["SEC", "DEGREE", "days", "Msun", "furlong"])
def test_a_lone_column_of_something_else_is_no_flux(unit):
    assert "flux" not in standardize(catalogue(VALUE=(1200.0, unit))).colnames
    with pytest.warns(ClaxboiWarning, match="flux is taken from 'VALUE', the only column in erg"):
        assert "flux" in standardize(catalogue(VALUE=(1e-14, "ERG/CM**2/S"))).colnames


@pytest.mark.parametrize("name", ["F_OIII", "Halpha_flux", "FLUX_OPT", "BKG_FLUX"])
def test_a_flux_of_something_else_is_not_that_of_the_source(name):
    values = {name: (1e-14, "erg/s/cm2"), f"e_{name}": (1e-15, "erg/s/cm2")}
    assert "flux" not in standardize(catalogue(**values)).colnames
    values |= {"Fsoft": (2e-14, "erg/s/cm2"), "e_Fsoft": (2e-15, "erg/s/cm2")}
    result = standardize(catalogue(**values))
    assert (result["flux"][0], result["flux_error"][0]) == (2e-14, 2e-15)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("10:20:30", "deg", 10.341666666666667),
        ("10:20:30", None, 155.125),
        ("10:20:30", '"h:m:s"', 155.125),
        ("10:20:30", "hours", 155.125),
        ("10.5", "hours", 157.5),
        ("10h20m30s", None, 155.125),
    ],
)
def test_angles_in_text_are_in_the_unit_of_the_column(text, unit, expected):
    table = catalogue()
    table["RA"] = Column([text])
    if unit:
        table["RA"].unit = u.Unit(unit, parse_strict="silent")
    result = standardize(table, columns={"ra": "RA"})
    assert result["ra"][0] == pytest.approx(expected, abs=1e-10)


def test_angles_in_text_with_the_unit_of_something_else():
    table = catalogue()
    table["RA"] = Column(["10:20:30"], unit="arcsec")
    with pytest.raises(u.UnitsError, match="must be in deg or hourangle, got arcsec"):
        standardize(table, columns={"ra": "RA"})


@pytest.mark.parametrize(
    "column",
    [Column([57388.0], unit="d"), Column(["2016-01-01"]), Time([57388.0], format="mjd")],
)
def test_times_become_years(column):
    table = catalogue()
    table["epoch"] = column
    assert standardize(table)["epoch"][0] == pytest.approx(2015.99863, abs=1e-5)
    assert "epoch" in find_columns(table)["name"]


def test_a_bare_date_needs_a_unit():
    table = catalogue()
    table["epoch"] = [57388.0]
    with pytest.raises(ValueError, match=r"looks like a MJD.*table\['epoch'\]\.unit = 'd'"):
        standardize(table)
    assert standardize(table, units={"epoch": "d"})["epoch"][0] == pytest.approx(2016, abs=0.01)


@pytest.mark.parametrize(
    ("name", "value", "likely"), [("FLUX", 13.49, "1e-12 erg"), ("pos_error", 1e-4, "deg")]
)
def test_implausible_numbers_are_told(name, value, likely):
    table = catalogue()
    table[name] = [value]
    with pytest.warns(ImplausibleValueWarning, match=rf"'{name}' of table.*units=.*{likely}"):
        standardize(table)


@pytest.mark.parametrize(
    ("names", "values", "column", "expected"),
    [
        (("RA [h]", "Dec [deg]"), (1.0, 5.0), "ra", 15),
        (("RA_HOURS", "DEC"), (1.0, 5.0), "ra", 15),
        (("ra_rad", "dec_rad"), (0.5, 0.1), "dec", np.degrees(0.1)),
        (("ra", "dec", "PosErr[arcmin]"), (1.0, 5.0, 0.1), "pos_error", 6),
        (("ra", "dec", "err90_mas"), (1.0, 5.0, 1e3), "pos_error", 1 / np.sqrt(-2 * np.log(0.1))),
        (("ra", "dec", "Flux (1e-14 erg/s/cm2)"), (1.0, 5.0, 2.0), "flux", 2e-14),
        (("ra", "dec", "Flux (0.5-2 keV)"), (1.0, 5.0, 2e-14), "flux", 2e-14),
    ],
)
def test_units_in_names(names, values, column, expected):
    table = Table({name: [value] for name, value in zip(names, values, strict=True)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConfidenceLevelWarning)
        assert standardize(table)[column][0] == pytest.approx(expected)


def test_positions_of_another_equinox_are_not_taken():
    table = Table({"RA_1950": [10.0], "DEC_1950": [5.0]})
    with pytest.raises(ValueError, match="no position"):
        standardize(table)


def test_an_error_without_a_unit_is_in_that_of_its_value():
    table = catalogue(Fx=(1e-17, "W/m2"))
    table["e_Fx"] = [2e-18]
    assert standardize(table)["flux_error"][0] == pytest.approx(2e-15)
    table["Fx"] = Column([-14.0], unit=u.dex("erg s-1 cm-2"))
    with pytest.raises(u.UnitsError, match="'e_Fx' must be the error of the value itself"):
        standardize(table)


def test_right_ascensions_that_look_like_hours():
    table = Table({"RA": np.linspace(0.5, 23.5, 30), "DEC": np.linspace(-60, 60, 30)})
    with pytest.warns(ImplausibleValueWarning, match=r"may be hours: .*units=\{'RA': 'hourangle'"):
        standardize(table)
    assert standardize(table, units={"RA": "hourangle"})["ra"][-1] == pytest.approx(352.5)
    table["RA"] = np.linspace(10, 24, 30)
    with pytest.warns(ImplausibleValueWarning):
        standardize(table)
    table["RA"] = np.linspace(10, 20, 30)
    standardize(table)
