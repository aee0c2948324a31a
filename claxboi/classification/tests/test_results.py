# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.classification.results import expand_columns, find_source, read_classified


@pytest.fixture
def table():
    return Table(
        {
            "IAUNAME": ["4XMM J004244.3+411608", "4XMM J004244.9-411609", "4XMM J120000.0+000000"],
            "SRCID": [7001, 2, 7003],
            "ra": [10.684583, 10.687083, np.nan],
            "dec": [41.268889, -41.269167, np.nan],
        }
    )


@pytest.mark.parametrize(
    ("source", "row"),
    [
        ("4XMM J004244.3+411608", 0),
        (" 4xmm j004244.3+411608 ", 0),
        ("4XMMJ004244.3+411608", 0),
        ("4XMM_J004244.3+411608", 0),
        ("J004244.3+411608", 0),
        ("XMMU J004244.9-411609", 1),
        ("J004244.9\N{MINUS SIGN}411609", 1),
        ("7001", 0),
        ("2", 1),  # an identifier before a row number
        ("0", 0),
        (1, 1),
        (-1, 2),
        (np.int64(2), 2),
        ("10.6846 +41.2689", 0),
        ("10.6846, 41.2689", 0),
        ("00:42:44.3 +41:16:08", 0),
        ("00h42m44.9s -41d16m09s", 1),
        ("00 42 44.9 \N{MINUS SIGN}41 16 09", 1),
        (SkyCoord(10.6870, -41.2692, unit="deg"), 1),
        (SkyCoord(10.6846, 41.2689, unit="deg").galactic, 0),
    ],
)
def test_usual_spellings(table, source, row):
    assert find_source(table, source) == (row, table["IAUNAME"][row])


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (3, IndexError, "source must be a row from 0 to 2, got 3"),
        (
            "J004244.3+411609",
            KeyError,
            "no source 'J004244.3.411609': not found in IAUNAME or SRCID of result, and not a row",
        ),
        ("3", KeyError, "no source '3'"),
        ("10.6 +41.2", KeyError, "no source of result within 10 arcsec of 10.6.* arcsec away"),
        ("10.6 +99", KeyError, "no source '10.6 .99'"),
        (True, TypeError, "row number, an identifier or one position, got True"),
        (1.5, TypeError, "got 1.5"),
        (SkyCoord([1, 2], [3, 4], unit="deg"), TypeError, "one position"),
    ],
)
def test_unknown_sources(table, source, error, message):
    with pytest.raises(error, match=message):
        find_source(table, source)


def test_ambiguous(table):
    table["IAUNAME"][1] = "4XMM J004244.3+411608"
    with pytest.raises(ValueError, match=r"in 2 rows of column 'IAUNAME' \(0, 1\); give the row"):
        find_source(table, "J004244.3+411608")
    assert find_source(table, "7001")[0] == 0


def test_other_columns(table):
    assert find_source(table, "7003", column="SRCID") == (2, "7003")
    with pytest.raises(KeyError, match="no column 'x'"):
        find_source(table, "7003", column="x")
    nameless = Table({"a": ["x", "y"], "b": [1, 2]})
    assert find_source(nameless, "y") == (1, "y")
    assert find_source(nameless, 1) == (1, "row 1")
    with pytest.raises(KeyError, match="has no columns 'ra', 'dec'"):
        find_source(nameless, "10.5 +41.2")


def test_classes_and_categories():
    record = {"classes": ["AGN", "star"], "categories": ["location", "spectrum"]}
    table = Table({"prediction": ["AGN"], "P_AGN": [0.9], "P_star": [0.1]})
    table.meta["claxboi"] = {"classification": record}
    names = read_classified(table)
    assert names == (["AGN", "star"], ["location", "spectrum"])
    with pytest.raises(KeyError, match="result has no columns 'P_AGN_location', "):
        read_classified(table, ["P_{class}_{category}"])
    assert expand_columns(["x", "P_{class}_{category}"], names) == [
        *("x", "P_AGN_location", "P_star_location", "P_AGN_spectrum", "P_star_spectrum"),
    ]
    with pytest.raises(ValueError, match="must be a table that classify returned"):
        read_classified(Table({"a": [1]}))
