# Licensed under a 3-clause BSD style license - see LICENSE.rst
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable, Table

from claxboi.utils import (
    check_choice,
    check_columns,
    check_count,
    check_number,
    check_table,
    quantity_value,
)


def test_check_table_returns_the_same_table():
    for table in (Table({"x": [1]}), QTable({"x": [1]})):
        assert check_table(table) is table
    empty = Table({"x": []})
    assert check_table(empty, allow_empty=True) is empty


def test_check_table_errors():
    with pytest.raises(TypeError, match="sources must be an astropy Table, got dict"):
        check_table({"x": [1]}, "sources")
    with pytest.raises(TypeError, match="got Row"):
        check_table(Table({"x": [1]})[0])
    with pytest.raises(ValueError, match="sources is empty: it must have at least one row"):
        check_table(Table({"x": []}), "sources")


def test_check_columns_names_all_that_are_absent():
    table = Table({"ra": [1], "dec": [2]})
    check_columns(table, ["ra", "dec"])
    check_columns(table, [])
    with pytest.raises(KeyError, match="table has no column 'flux'; its columns are ra, dec"):
        check_columns(table, ["ra", "flux"])
    with pytest.raises(KeyError, match="mine has no columns 'flux', 'RA'"):
        check_columns(table, ["flux", "RA"], "mine")


def test_check_columns_takes_names():
    table = Table({"ra": [1.0, 2.0]})
    with pytest.raises(TypeError, match="columns of mine must be given by their names, got Column"):
        check_columns(table, ["ra", table["ra"]], "mine")


def test_check_columns_does_not_list_a_thousand():
    table = Table({f"c{i}": [1] for i in range(1000)})
    with pytest.raises(KeyError, match=r"c29, \.\.\. \(1000 in all\)"):
        check_columns(table, ["x"])


def test_check_choice():
    assert check_choice("f1", ("f1", "log_loss"), "objective") == "f1"
    for bad in ("F1", None, 1, np.array([1, 2])):
        with pytest.raises(ValueError, match="objective must be one of 'f1', 'log_loss', got"):
            check_choice(bad, (choice for choice in ("f1", "log_loss")), "objective")


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.int8(1)])
def test_check_number_accepts_real_numbers(value):
    checked = check_number(value, "fraction", minimum=0, maximum=1)
    assert type(checked) is float
    assert checked == value


@pytest.mark.parametrize("value", ["1", None, True, np.bool_(True), 1j, [1], 1 * u.m])
def test_check_number_refuses_other_types(value):
    with pytest.raises(TypeError, match="radius must be a number, got"):
        check_number(value, "radius")


@pytest.mark.parametrize(
    ("value", "limits", "match"),
    [
        (np.nan, {}, "radius must be finite, got nan"),
        (np.inf, {}, "radius must be finite, got inf"),
        (np.inf, {"minimum": 0}, "radius must be at least 0, got inf"),
        (-1, {"minimum": 0}, r"radius must be at least 0, got -1\.0"),
        (2, {"maximum": 1}, "radius must be at most 1"),
        (2, {"minimum": 0, "maximum": 1}, "radius must be at least 0 and at most 1"),
        (0, {"minimum": 0, "exclusive": True}, r"radius must be above 0, got 0\.0"),
        (
            1,
            {"minimum": 0, "maximum": 1, "exclusive": True},
            "radius must be above 0 and below 1",
        ),
    ],
)
def test_check_number_limits(value, limits, match):
    with pytest.raises(ValueError, match=match):
        check_number(value, "radius", **limits)


def test_check_count():
    assert check_count(np.int64(3), "n") == 3
    assert type(check_count(np.int64(3), "n")) is int
    assert check_count(0, "n", minimum=0) == 0
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        check_count(0, "n")
    for bad in (1.0, True, "3", None):
        with pytest.raises(TypeError, match="n must be an integer, got"):
            check_count(bad, "n")


def test_quantity_value():
    scalar = quantity_value(1 * u.arcmin, u.arcsec, "radius")
    assert type(scalar) is float
    assert scalar == pytest.approx(60)
    given = [1, 2] * u.arcsec
    array = quantity_value(given, "arcsec", "radius")
    assert array.dtype == float
    array[:] = 0
    assert given[0] == 1 * u.arcsec


def test_quantity_value_errors():
    with pytest.raises(
        TypeError, match=r"radius must be a Quantity with a unit of angle, such as 5 \* u.arcsec"
    ):
        quantity_value(5, u.arcsec, "radius")
    with pytest.raises(
        u.UnitConversionError, match="radius must have a unit that converts to arcsec, got m"
    ):
        quantity_value(5 * u.m, u.arcsec, "radius")


@pytest.mark.parametrize(
    ("module", "way"), [("pandas.core", "Table.from_pandas"), ("pyarrow.lib", "table_from_arrow")]
)
def test_how_to_make_a_table(module, way):
    frame = type("DataFrame", (), {"__module__": module})()
    with pytest.raises(TypeError, match=way):
        check_table(frame)


@pytest.mark.parametrize(
    ("value", "way"),
    [
        ("sources.fits", "read_table"),
        (Path("sources.fits"), "read_table"),
        (Table({"x": [1]})[0], r"table\[k:k\+1\]"),
        (fits.BinTableHDU(), "Table.read"),
        ({"x": [1]}, r"Table\(...\)"),
    ],
)
def test_the_way_to_a_table(value, way):
    with pytest.raises(TypeError, match=f"must be an astropy Table, got .*; .*{way}"):
        check_table(value)
