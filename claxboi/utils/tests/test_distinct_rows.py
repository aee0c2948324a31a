# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table, vstack
from astropy.time import Time
from numpy.testing import assert_array_equal

from claxboi.utils import distinct_rows


def make_rows(n, rng):
    return Table(
        {
            "id": rng.integers(0, 2**62, n),
            "name": rng.integers(0, 9, n).astype(str),
            "mag": MaskedColumn(np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n))),
            "flag": MaskedColumn(rng.random(n) < 0.5, mask=rng.random(n) < 0.3),
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_repeated_rows_are_found(seed):
    rng = np.random.default_rng(seed)
    table = make_rows(500, rng)
    many = vstack([table, table[rng.permutation(500)[:100]], table])
    assert_array_equal(distinct_rows(many), np.arange(500))
    assert_array_equal(distinct_rows(many[::-1][:500]), np.arange(500))


@pytest.mark.parametrize("name", ["id", "name", "mag", "flag"])
def test_one_other_value_makes_another_row(name):
    table = make_rows(50, np.random.default_rng(0))
    table["flag"].mask = False
    other = table.copy()
    other["id"] = other["id"] if name != "id" else other["id"] + 1
    other["name"] = other["name"] if name != "name" else np.char.add(other["name"], "x")
    other["mag"] = other["mag"] if name != "mag" else 20.0
    other["flag"].mask |= name == "flag"
    assert len(distinct_rows(vstack([table, other]))) == 100


def test_what_is_under_a_mask_does_not_count():
    table = Table({"x": MaskedColumn([1.0, 2.0], mask=True)})
    assert_array_equal(distinct_rows(table), [0])
    assert_array_equal(distinct_rows(table[:0]), [])


def test_distinct_rows_of_quantities_times_and_coordinates():
    table = QTable({"size": [1, 1, 2] * u.arcsec, "wide": np.array([1, 1, 1], np.longdouble)})
    table["when"] = Time([2000, 2000, 2000], format="jyear")
    table["where"] = SkyCoord([10, 10, 10], [5, 5, 5], unit="deg")
    assert_array_equal(distinct_rows(table), [0, 2])
    table["when"] = Time([2000, 2001, 2000], format="jyear")
    assert_array_equal(distinct_rows(table), [0, 1, 2])
