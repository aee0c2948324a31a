# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table

from claxboi.catalog import BadValueWarning, validate


def sources(**columns):
    return Table({"source_id": ["a", "b", "c"], "ra": [1.0, 2.0, 3.0], "dec": [0.0] * 3, **columns})


def test_good_table_is_copied():
    table = sources(flux=[1e-14, 2e-14, 3e-14], flux1=[0.0, 1e-15, 1e-15], extent=[0.0, 6.0, 0.0])
    result = validate(table)
    assert result.colnames == table.colnames
    result["flux"][0] = 9
    assert table["flux"][0] == 1e-14


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "ra",
            [1.0, np.nan, 3.0],
            "ra is missing in 1 rows, the first is row 1; every",
        ),
        ("dec", [0.0, 0.0, np.inf], "dec is missing in 1 rows, the first is row 2"),
        ("dec", [0.0, 91.0, -99.0], "dec must be within -90 and 90 degrees, got 2 bad rows.*: 91"),
        ("ra", [0.0, 1.0, 361.0], "ra must be within -180 and 360 degrees, .* row 2: 361"),
        (
            "source_id",
            ["a", "b", "a"],
            "source_id must be unique, got 1 .* such as 'a'; use the",
        ),
        ("source_id", ["a", "", "c"], "source_id is missing in 1 rows, the first is row 1"),
    ],
)
def test_errors(name, values, message):
    table = sources()
    table[name] = values
    with pytest.raises(ValueError, match=message):
        validate(table)


def test_masked_position():
    table = sources()
    table["ra"] = MaskedColumn(table["ra"], mask=[True, True, False])
    with pytest.raises(ValueError, match="ra is missing in 2 rows"):
        validate(table)


def test_no_position_and_wrong_types():
    with pytest.raises(KeyError, match="no columns 'ra', 'dec'"):
        validate(Table({"flux": [1.0]}))
    with pytest.raises(TypeError, match="table must be an astropy Table"):
        validate([1, 2])
    with pytest.raises(TypeError, match="'flux' of table must hold one number a row"):
        validate(sources(flux=["a", "b", "c"]))
    with pytest.raises(u.UnitsError, match="'flux' of table must have a unit that converts"):
        validate(sources(flux=[1.0, 2.0, 3.0] * u.mag))


def test_right_ascensions_are_wrapped():
    table = sources()
    table["ra"] = [-10.0, 360.0, 359.0]
    assert validate(table)["ra"].tolist() == [350, 0, 359]
    assert table["ra"][0] == -10


@pytest.mark.parametrize("kind", [Table, QTable])
def test_bad_values_are_masked_once(kind):
    table = kind(
        sources(
            flux=[0.0, -1e-14, 3e-14] * u.erg / u.s / u.cm**2,
            flux_error=[1e-15, 0.0, np.nan],
            flux1=[-1e-15, 0.0, 1e-15],
            pos_error=[1.0, 0.0, 2.0],
            hr1=[-0.5, 0.0, 0.5],
            hr1_error=[-1.0, 0.1, 0.1],
            extent=[0.0, -1.0, 3.0],
        )
    )
    with pytest.warns(BadValueWarning) as caught:
        result = validate(table)
    assert len(caught) == 1
    counts = ("2 of flux,", "1 of flux_error,", "1 of flux1,", "1 of pos_error,", "1 of extent")
    for part in (*counts, "1 of hr1_error", "complete_pos_errors"):
        assert part in str(caught[0].message)
    assert np.isnan(np.ma.filled(Table(result)["flux"], np.nan)).tolist() == [True, True, False]
    assert Table(result)["flux1"].mask.tolist() == [True, False, False]
    assert result["hr1"].tolist() == [-0.5, 0, 0.5]


def test_empty():
    assert len(validate(sources(flux=[1.0, 2.0, 3.0])[:0])) == 0
