# Licensed under a 3-clause BSD style license - see LICENSE.rst
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, Table
from astropy.time import Time
from numpy.testing import assert_allclose

from claxboi.utils import (
    ImplausibleValueWarning,
    check_plausible,
    convert_values,
    float_values,
    read_unit,
    to_years,
    year_values,
)

FLUX = u.erg / u.s / u.cm**2

#: Texts found in catalogues, and what they mean.
TEXTS = {
    "deg": [
        "deg (ICRS)",
        "deg, FK5",
        "deg J2000",
        "deg",
        "DEGREE",
        "degrees",
        "Degrees",
        "[deg]",
        "(deg)",
        "deg (J2000)",
        "°",
        '"d:m:s"',
    ],
    "rad": ["RADIANS", "radian", "RAD"],
    "hourangle": ["h:m:s", '"h:m:s"', "decimal hours"],
    "arcsec": [
        "ARCSEC",
        "arcseconds",
        "asec",
        '"',
        "arc sec",
        "Arc Seconds",
        "arc-second",
        "seconds of arc",
        "arcsec.",
    ],
    "arcmin": ["ARCMIN", "arcminutes", "amin"],
    "mas": ["MAS", "Mas", "milliarcsec", "marcsec"],
    "mas / yr": ["MAS/YR", "mas.yr**-1", "mas/year", "mas per year"],
    "s": ["SEC", "sec", "seconds"],
    "ks": ["KS", "ksec"],
    "Ms": ["Msec", "Ms"],
    "ms": ["msec"],
    "d": ["days", "DAY", "MJD", "JD"],
    "yr": ["years", "YEARS", "Julian years"],
    "mag": ["MAG", "mags", "Vega mag", "mag(Vega)"],
    "mag(AB)": ["mag(AB)", "ABmag", "AB mag", "mag (AB)", "mag_AB"],
    "ct / s": ["cts/s", "CT/S", "counts per second", "count s**-1", "cts s-1"],
    "kpc": ["KPC", "kiloparsec"],
    "Mpc": ["MPC", "Mpc"],
    "keV": ["KEV", "keV"],
    "uJy": ["µJy", "microJy", "UJY"],
    "deg2": ["square degrees", "sq. deg", "deg**2"],
    "erg / (s cm2)": ["erg/s/cm2", "ergs/s/cm2", "ERG/CM**2/S", "erg cm⁻² s⁻¹", "ergs s^-1 cm^-2"],
    "1e-14 erg / (s cm2)": [
        "1E-14 erg/cm^2/s",
        "10^-14 erg/s/cm2",
        "10^{-14} erg cm^{-2} s^{-1}",
        "$10^{-14}$ erg s$^{-1}$ cm$^{-2}$",
        "10^-14^ erg/s/cm^2^",
        "10**(-14)erg/s/cm**2",
        "x10^-14 erg/s/cm2",
        "E-14 erg/s/cm2",
    ],
    "1e-14 mW / m2": ["10-14mW/m2", "[10-14mW/m2]"],
    "1e22 / cm2": ["10^22 cm^-2", "10+22cm-2", "1e22 atoms/cm2"],
    "dex(erg / s)": ["[erg/s]", "log(erg/s)"],
    "electron / s": ["'electron'.s**-1"],
}


@pytest.mark.parametrize(("unit", "text"), [(k, text) for k, row in TEXTS.items() for text in row])
def test_units_as_catalogues_write_them(unit, text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_unit(text) == u.Unit(unit)
        # Astropy keeps what it cannot read as a unit without a meaning.
        assert read_unit(u.Unit(text, parse_strict="silent")) is not None


@pytest.mark.parametrize("text", [None, "", " ", "---", "None", "unitless", u.Unit("")])
def test_no_unit(text):
    assert read_unit(text) is None


@pytest.mark.parametrize(
    "text", ["furlong", "mCrab", "MSEC", "arcsec, 90%", "MJY", "MW/M2", "10^-14 cgs", "erg/s/cm2 x"]
)
def test_units_that_cannot_be_read(text):
    with pytest.raises(ValueError, match="cannot be read"):
        read_unit(text)
    column = Column([1.0], unit=u.Unit(text, parse_strict="silent"))
    with pytest.raises(u.UnitConversionError, match=r"column 'x' of stars .*units=\{'x': 'deg'\}"):
        float_values({"x": column}, "x", unit="deg", name="stars")
    # Two columns in one unit agree, whoever can read it.
    assert float_values({"x": column}, "x", unit=column.unit) == [1.0]


def test_what_is_no_unit():
    with pytest.raises(TypeError, match="unit must be a text or a unit of astropy, got 5"):
        read_unit(5)


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "expected"),
    [
        (2.0, "RADIANS", "deg", np.degrees(2)),
        (3.0, "PC", "kpc", 0.003),
        (3.0, "S", "s", 3.0),
        (3.0, "YR", "d", 1095.75),
        (5.0, "%", "", 0.05),
        (-13.0, "[erg/s/cm2]", FLUX, 1e-13),
        (1e-13, "[erg/s/cm2]", FLUX, 1e-13),
        (1.5, "10-14mW/m2", FLUX, 1.5e-14),
        (2.0, "keV/cm2/s", FLUX, 2 * u.keV.to("erg")),
        (2.0, "[pc]", "pc", 100.0),
        (20.0, "mmag", "mag", 0.02),
        (20.0, "AB mag", "mag", 20.0),
    ],
)
def test_values_are_converted(value, unit, wanted, expected):
    column = MaskedColumn([value, 0.0], mask=[False, True])
    column.unit = u.Unit(unit, parse_strict="silent")
    values = float_values({"x": column}, "x", unit=wanted)
    assert_allclose(values, [expected, np.nan], rtol=1e-12)


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [("h", "deg"), ("s", "arcsec"), ("ct/s", FLUX), ("Jy", FLUX), ("deg", ""), ("Jy", "mag")],
)
def test_values_are_never_moved_under_another_unit(unit, wanted):
    with pytest.raises(u.UnitConversionError, match="must have a unit that converts to"):
        convert_values(np.ones(2), unit, wanted, "x")


def test_magnitudes_of_another_system():
    table = Table({"m": Column([20.0], unit=u.mag("AB")), "v": Column([20.0], unit="mag")})
    assert float_values(table, "m", unit="mag", system="AB") == [20.0]
    assert float_values(table, "v", unit="mag", system="Vega") == [20.0]
    with pytest.raises(u.UnitConversionError, match=r"'m' of table must hold Vega .* 'mag\(AB\)'"):
        float_values(table, "m", unit="mag", system="Vega")


TIMES = {
    "MJD": Column([57388.0, np.nan], unit="d"),
    "JD": Column([2457388.5, np.nan], unit="d"),
    "MJD in words": MaskedColumn([57388, 0], mask=[False, True]),
    "year": Column([2015.99863, np.nan], unit="yr"),
    "bare year": Column([2015.99863, np.nan]),
    "text year": Column(["2015.99863", ""]),
    "ISO": Column(["2016-01-01", ""]),
    "ISO with time": Column(["2016-01-01T00:00:00Z", ""]),
    "Julian epoch": Column(["J2015.99863", ""]),
    "datetime64": Column(np.array(["2016-01-01", "NaT"], "datetime64[ns]")),
}
TIMES["MJD in words"].unit = u.Unit("MJD", parse_strict="silent")


@pytest.mark.parametrize("kind", TIMES)
def test_every_kind_of_time_is_a_year(kind):
    years = year_values(Table({"t": TIMES[kind]}), "t")
    assert_allclose(years, [2015.99863107, np.nan], rtol=0, atol=2e-6)


def test_time_columns_are_years():
    time = Time([2016.0, 2010.0], format="jyear")
    time[1] = np.ma.masked
    assert_allclose(year_values(Table({"t": time}), "t"), [2016.0, np.nan])


@pytest.mark.parametrize(
    ("values", "unit", "message"),
    [
        ([57388.0], None, r"looks like a MJD in days; if so, set table\['t'\]\.unit = 'd'"),
        ([57388.0], "yr", "looks like a MJD"),
        ([2457388.5], None, "looks like a JD"),
        ([7388.5], "d", "zero point is unknown"),
        ([2016.0], "d", "zero point is unknown"),
        ([5e8], "s", "zero point is unknown"),
        ([10.0], "deg", "must have a unit of time"),
        (["yesterday"], None, "got 'yesterday' in row 0"),
    ],
)
def test_what_is_no_year(values, unit, message):
    with pytest.raises(ValueError, match=message):
        year_values(Table({"t": Column(values, unit=unit)}), "t")


@pytest.mark.parametrize("value", [57388 * u.d, 2015.99863 * u.yr, Time("2016-01-01")])
def test_times_as_arguments(value):
    assert_allclose(to_years(value, "epoch"), 2015.99863, rtol=0, atol=2e-6)


def test_arguments_that_are_no_times():
    with pytest.raises(TypeError, match="epoch must be a Time or a Quantity"):
        to_years(2016.0, "epoch")
    with pytest.raises(u.UnitConversionError, match="epoch must have a unit of time"):
        to_years(3 * u.m, "epoch")
    assert_allclose(to_years([2016, 2017] * u.yr, "epoch"), [2016, 2017])


@pytest.mark.parametrize(
    ("name", "value", "likely"),
    [
        ("flux", 13.49, "1e-12 erg"),
        ("flux1", 1e-30, ""),
        ("flux", 1e-17, None),
        ("pos_error", 1e-4, "deg"),
        ("pos_error", 5000.0, "mas"),
        ("pos_error", 2.0, None),
        ("epoch", 1500.0, ""),
        ("epoch", 2016.0, None),
        ("gamma", 1e9, None),
    ],
)
def test_implausible_values(name, value, likely):
    values = np.array([value, np.nan, value])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_plausible(values, name, "column 'a' of table", column="a")
    if likely is None:
        assert not caught
        return
    (one,) = caught
    assert one.category is ImplausibleValueWarning
    assert f"column 'a' of table is implausible: median {value:.4g}" in str(one.message)
    assert (f"units={{'a': '{likely}" in str(one.message)) is bool(likely)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("flux", [1e-14, 2e-14, 9.99e9], "1 implausible values such as 9.99e"),
        ("pos_error", [1, 2, 1e30], "1 implausible values such as 1e"),
        ("epoch", [2000, 2010, 0], "1 implausible values such as 0 yr"),
        ("flux", [1e-14, 2e-14, 1e-30], None),
    ],
)
def test_values_that_stand_for_a_missing_one(name, values, said):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_plausible(np.array(values, float), name, f"column {name!r}")
    assert [said in str(one.message) for one in caught] == ([True] if said else [])


def test_a_date_that_stands_for_a_missing_one():
    table = Table({"epoch": [57388.0, 57390.0, 0.0] * u.d})
    with pytest.raises(ValueError, match="must be a MJD, 15020 to 88069, got 0 in 1 rows; mask"):
        year_values(table, "epoch")
