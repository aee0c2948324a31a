# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked
from numpy.testing import assert_array_equal

from claxboi.utils import (
    add_columns,
    coordinate_values,
    float_values,
    is_missing,
    optional_values,
    take_rows,
    text_values,
)


class MyTable(Table):
    """A subclass, to see whether it survives."""


COLUMNS = {
    "plain": np.array([1.0, 2.0, 3.0]),
    "column": Column([1.0, 2.0, 3.0], unit="arcsec"),
    "integer": Column(np.array([1, 2, 3], np.int16)),
    "big-endian": Column(np.array([1, 2, 3], ">f4")),
    "big-endian integer": Column(np.array([1, 2, 3], ">i4")),
    "masked without a mask": MaskedColumn([1.0, 2.0, 3.0]),
    "quantity": [1.0, 2.0, 3.0] * u.arcsec,
    "masked quantity": Masked([1.0, 2.0, 3.0] * u.arcsec, mask=False),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_float_values_of_every_kind_of_column(kind):
    table = QTable({"x": COLUMNS[kind]})
    values = float_values(table, "x")
    assert_array_equal(values, [1.0, 2.0, 3.0])
    assert type(values) is np.ndarray
    assert values.dtype == np.dtype("=f8")


MISSING = {
    "NaN and infinite": np.array([1.0, np.nan, np.inf, -np.inf]),
    "masked": MaskedColumn([1.0, 2.0, 3.0, 4.0], mask=[False, True, True, True]),
    "masked and NaN": MaskedColumn([1.0, 2.0, np.nan, 4.0], mask=[False, True, False, True]),
    "masked integer": MaskedColumn([1, -99, 0, 5], mask=[False, True, True, True]),
    "masked bool": MaskedColumn([True, True, False, True], mask=[False, True, True, True]),
    "masked quantity": Masked([1.0, 2.0, np.nan, 4.0] * u.m, mask=[False, True, False, True]),
    "masked big-endian": MaskedColumn(
        np.array([1, 2, 3, 4], ">f8"), mask=[False, True, True, True]
    ),
}


@pytest.mark.parametrize("kind", MISSING)
def test_masked_nan_and_infinite_are_missing(kind):
    table = QTable({"x": MISSING[kind]})
    for values in (float_values(table, "x"), float_values(table, "x", unit=table["x"].unit)):
        assert_array_equal(values, [1.0, np.nan, np.nan, np.nan])
    assert_array_equal(is_missing(table, "x"), [False, True, True, True])


def test_no_value_is_a_sentinel():
    sentinels = [-99.0, -1.0, 0.0, 99.0, 1e20, -9999.0]
    table = Table({"x": sentinels})
    assert_array_equal(float_values(table, "x"), sentinels)


def test_float_values_are_a_fresh_array():
    table = Table({"x": [1.0, 2.0], "y": Column([1.0, 2.0], unit="m")})
    float_values(table, "x")[:] = 0
    float_values(table, "y", unit="m")[:] = 0
    assert_array_equal(table["x"], [1.0, 2.0])
    assert_array_equal(table["y"], [1.0, 2.0])


@pytest.mark.parametrize("make", [Table, QTable])
def test_units_are_converted(make):
    table = make({"x": [1.0, 2.0] * u.arcmin, "bare": [1.0, 2.0]})
    assert_array_equal(float_values(table, "x", unit="arcsec"), [60.0, 120.0])
    assert_array_equal(float_values(table, "x"), [1.0, 2.0])
    # Without a unit a column is taken to be in the one that is wanted.
    assert_array_equal(float_values(table, "bare", unit="arcsec"), [1.0, 2.0])


def test_units_are_converted_under_a_mask():
    column = MaskedColumn([1, 1000], unit="arcmin", mask=[False, True])
    table = Table({"x": column})
    assert_array_equal(float_values(table, "x", unit=u.arcsec), [60.0, np.nan])


def test_units_with_an_offset():
    table = Table({"t": MaskedColumn([0.0, 20.0, 30.0], unit="deg_C", mask=[False, False, True])})
    with pytest.raises(u.UnitConversionError, match="column 't' of table must have a unit"):
        float_values(table, "t", unit="K")
    with u.set_enabled_equivalencies(u.temperature()):
        values = float_values(table, "t", unit="K")
    np.testing.assert_allclose(values, [273.15, 293.15, np.nan])


def test_magnitudes_of_any_system_are_numbers():
    table = Table({"m": Column([20.0, np.nan], unit=u.mag("AB"))})
    assert_array_equal(float_values(table, "m", unit=u.mag), [20.0, np.nan])


@pytest.mark.parametrize("unit", ["m", u.Unit("cts/furlong", parse_strict="silent")])
def test_units_that_do_not_convert(unit):
    table = Table({"x": Column([1.0], unit=unit)})
    with pytest.raises(
        u.UnitConversionError, match=f"column 'x' of stars must have a unit .* arcsec, got {unit}"
    ):
        float_values(table, "x", unit="arcsec", name="stars")


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"],
        [b"a", b"b"],
        np.array([1, None], object),
        np.ones((2, 3)),
        np.array([1j, 2j]),
        SkyCoord([1, 2], [3, 4], unit="deg"),
        Time([2000, 2001], format="jyear"),
    ],
)
def test_what_is_not_one_number_a_row(values):
    with pytest.raises(TypeError, match="column 'x' of table must hold one number a row, got dty"):
        float_values(Table({"x": values}), "x")


TEXTS = {
    "strings": Column(["AGN", " star ", ""]),
    "bytes": Column([b"AGN", b"star  ", b""]),
    "masked strings": MaskedColumn(["AGN", "star", "CV"], mask=[False, False, True]),
    "masked bytes": MaskedColumn([b"AGN", b"star", b"CV"], mask=[False, False, True]),
    "objects": Column(np.array(["AGN", "star", None], object)),
    "objects with NaN": Column(np.array(["AGN", b"star", np.nan], object)),
    "objects with masked": Column(np.array(["AGN", "star", np.ma.masked], object)),
    "masked objects": MaskedColumn(
        np.array(["AGN", "star", "CV"], object), mask=[False, False, True]
    ),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_text_values_of_every_kind_of_column(kind):
    table = Table({"x": TEXTS[kind]})
    values, missing = text_values(table, "x")
    assert_array_equal(values, ["AGN", "star", ""])
    assert_array_equal(missing, [False, False, True])
    assert_array_equal(is_missing(table, "x"), missing)


@pytest.mark.parametrize(
    "column",
    [
        Column([3, 12]),
        Column(np.array([3, 12], ">i2")),
        Column([3.0, 12.0]),
        Column(np.array([3, 12], object)),
    ],
)
def test_whole_numbers_are_text_without_a_point(column):
    values, missing = text_values(Table({"x": column}), "x")
    assert_array_equal(values, ["3", "12"])
    assert not missing.any()


def test_missing_numbers_are_missing_texts():
    table = Table({"x": [1.0, np.nan, np.inf], "y": MaskedColumn([1, 2, 3], mask=[0, 1, 1])})
    for name in table.colnames:
        values, missing = text_values(table, name)
        assert_array_equal(values, ["1", "", ""])
        assert_array_equal(missing, [False, True, True])


def test_bytes_beyond_ascii():
    values, _ = text_values(Table({"x": Column(["Crémer".encode(), b"\xff"])}), "x")
    assert values[0] == "Crémer"
    assert values[1] == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(("value", "kind"), [(4.4e18, "f8"), (2.0e8, "f4")])
def test_identifiers_that_have_lost_digits(value, kind):
    table = Table({"id": np.array([value], kind)})
    with pytest.raises(TypeError, match="whose last digits are lost"):
        text_values(table, "id")


def test_fractions_are_no_text():
    with pytest.raises(TypeError, match=r"strings or integers, got float64 with fractions .*1\.5"):
        text_values(Table({"x": [1.0, 1.5]}), "x")


@pytest.mark.parametrize("values", [np.ones((2, 2)), np.array([1j])])
def test_what_is_not_one_text_a_row(values):
    with pytest.raises(TypeError, match="column 'x' of sample must hold strings or integers, got"):
        text_values(Table({"x": values}), "x", name="sample")


def test_no_rows():
    table = Table({"x": np.array([], float), "s": np.array([], str), "o": np.array([], object)})
    assert float_values(table, "x").shape == (0,)
    for name in ("s", "o"):
        values, missing = text_values(table, name)
        assert values.shape == missing.shape == (0,)


@pytest.fixture
def table():
    table = MyTable(
        {
            "id": ["a", "b", "c"],
            "x": Column([1.0, 2.0, 3.0], unit="m", description="length", meta={"ucd": "phys.size"}),
            "y": MaskedColumn([1, 2, 3], mask=[False, True, False]),
        },
        meta={"name": "sample", "list": [1, 2]},
    )
    table.add_index("id")
    return table


def test_add_columns_gives_a_new_table(table):
    before = table.copy()
    new = np.array([0.1, 0.2, 0.3])
    result = add_columns(table, {"p": new, "q": MaskedColumn([1, 2, 3], mask=[True, False, False])})
    assert type(result) is MyTable
    assert result.colnames == ["id", "x", "y", "p", "q"]
    assert_array_equal(result["y"].mask, [False, True, False])
    assert_array_equal(result["q"].mask, [True, False, False])
    assert result["x"].unit == "m"
    assert result["x"].description == "length"
    assert result["x"].meta == {"ucd": "phys.size"}
    assert result.loc["b"]["x"] == 2.0

    result["x"][0] = 99
    result.meta["list"].append(3)
    assert table.colnames == before.colnames
    assert_array_equal(table["x"], before["x"])
    assert table.meta == before.meta


def test_added_masked_arrays_stay_masked(table):
    result = add_columns(table, {"p": np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])})
    assert_array_equal(result["p"].mask, [False, True, False])


def test_add_columns_to_a_qtable():
    table = QTable({"x": [1.0, 2.0] * u.m, "sky": SkyCoord([1, 2], [3, 4], unit="deg")})
    result = add_columns(table, {"y": [1.0, 2.0] * u.s, "z": Column([3.0, 4.0], unit="kg")})
    assert type(result) is QTable
    assert isinstance(result["sky"], SkyCoord)
    assert result["y"].unit == u.s
    assert result["z"].unit == u.kg
    result["x"][0] = 5 * u.m
    assert table["x"][0] == 1 * u.m


def test_the_added_columns_keep_their_names():
    column = Column([1.0], name="mine")
    add_columns(Table({"x": [0.0]}), {"yours": column})
    assert column.name == "mine"


def test_names_that_collide_are_all_named(table):
    with pytest.raises(ValueError, match=r"already has columns 'x', 'id'.*overwrite=True"):
        add_columns(table, {"X": [1, 2, 3], "ID": [1, 2, 3], "z": [1, 2, 3]})
    assert table.colnames == ["id", "x", "y"]


def test_overwrite_replaces_whatever_the_case(table):
    table["Y"] = [7, 8, 9]
    result = add_columns(table, {"Y": [4, 5, 6]}, overwrite=True)
    assert result.colnames == ["id", "x", "Y"]
    assert_array_equal(result["Y"], [4, 5, 6])
    assert table.colnames == ["id", "x", "y", "Y"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_new_columns_must_not_collide_with_each_other(table, overwrite):
    with pytest.raises(ValueError, match="'P_agn', 'P_AGN' would collide"):
        add_columns(table, {"P_agn": [1, 2, 3], "P_AGN": [1, 2, 3]}, overwrite=overwrite)


def test_words_for_missing_text():
    table = Table({"class": ["AGN", "nan", "None", " NULL ", "<NA>", "N/A", "--", "none of these"]})
    values, missing = text_values(table, "class")
    assert values.tolist() == ["AGN", *[""] * 6, "none of these"]
    assert missing.tolist() == [False, *[True] * 6, False]


def test_rows_that_are_not_there_are_nan():
    assert_array_equal(take_rows(np.array([5.0, 6.0]), np.array([1, -1, 0])), [6, np.nan, 5])
    assert_array_equal(take_rows(np.empty(0), np.array([-1])), [np.nan])


def test_columns_that_are_not_there_are_nan():
    table = Table({"error": Column([300.0, 1.0], unit="mas")})
    assert_array_equal(optional_values(table, "error", "arcsec"), [0.3, 0.001])
    assert_array_equal(optional_values(table, "flux"), [np.nan, np.nan])


def test_coordinates_have_one_dimension_and_no_gap():
    lon, lat = coordinate_values(SkyCoord([10, 20], [1, 2], unit="deg"), "coords")
    assert_array_equal(lon, [10, 20])
    assert_array_equal(lat, [1, 2])
    with pytest.raises(TypeError, match="coords must be a SkyCoord, got list"):
        coordinate_values([10.0], "coords")
    with pytest.raises(ValueError, match="coords must have one dimension"):
        coordinate_values(SkyCoord(10, 1, unit="deg"), "coords")
    with pytest.raises(ValueError, match=r"coords must have no missing positions, got 1.*row 1"):
        coordinate_values(SkyCoord([10, np.nan], [1, 2], unit="deg"), "coords")
