# Licensed under a 3-clause BSD style license - see LICENSE.rst
import importlib.util
import sys

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from claxboi.sharing import coverage_moc, is_covered

needs_mocpy = pytest.mark.skipif(
    importlib.util.find_spec("mocpy") is None, reason="mocpy is not installed"
)


def cap(radius_deg):
    return (1 - np.cos(np.radians(radius_deg))) / 2


@needs_mocpy
def test_area_of_discs():
    table = Table({"ra": [10.0, 10.0, 200.0, np.nan], "dec": [5.0, 5.0, -60.0, 1.0]})
    moc = coverage_moc(table, radius=1 * u.deg)
    # Two discs, one of which has two sources.
    assert moc.sky_fraction == pytest.approx(2 * cap(1), rel=0.01)
    inside = moc.contains_lonlat([10.5, 12, 200] * u.deg, [5, 5, -60.5] * u.deg)
    assert inside.tolist() == [True, False, True]


@needs_mocpy
def test_sky_fraction_of_fields_over_the_sky():
    rng = np.random.default_rng(5)
    # Apart from each other, so that the area is known.
    ra, dec = np.meshgrid(np.arange(0, 360, 20.0), np.arange(-75, 80, 15.0))
    shift = rng.uniform(-1, 1, (2, ra.size))
    table = Table({"ra": (ra.ravel() + shift[0]) % 360, "dec": dec.ravel() + shift[1]})
    expected = len(table) * cap(0.25)
    assert coverage_moc(table).sky_fraction == pytest.approx(expected, rel=0.01)
    assert coverage_moc(table, order=10).sky_fraction == pytest.approx(expected, rel=0.03)


@needs_mocpy
def test_discs_smaller_than_a_cell_are_cells():
    table = Table({"ra": [10.0, 200.0], "dec": [5.0, -60.0]})
    moc = coverage_moc(table, radius=1 * u.arcsec, order=8)
    assert len(moc.flatten()) == 2
    assert moc.contains_lonlat(table["ra"] * u.deg, table["dec"] * u.deg).all()


@needs_mocpy
def test_nothing_is_covered_by_nothing():
    assert coverage_moc(Table({"ra": [np.nan], "dec": [1.0]})).empty()
    assert coverage_moc(Table({"ra": [1.0], "dec": [1.0]})[:0]).empty()


def test_without_mocpy_one_is_told_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "mocpy", None)
    with pytest.raises(ImportError, match=r"pip install 'claxboi\[moc\]'"):
        coverage_moc(Table({"ra": [1.0], "dec": [1.0]}))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"radius": 1.0}, TypeError, "radius must be a Quantity"),
        ({"radius": 0 * u.deg}, ValueError, "radius must be a single angle above 0"),
        ({"radius": [1, 2] * u.deg}, ValueError, "radius must be a single angle"),
        ({"order": 30}, ValueError, "order must be at most 29"),
    ],
)
def test_errors(settings, error, message):
    with pytest.raises(error, match=message):
        coverage_moc(Table({"ra": [1.0], "dec": [1.0]}), **settings)


def test_positions_off_the_sky():
    with pytest.raises(ValueError, match="dec must be within -90 and 90 degrees"):
        coverage_moc(Table({"ra": [1.0], "dec": [95.0]}))


@needs_mocpy
def test_covered_sources(tmp_path):
    moc = coverage_moc(Table({"ra": [359.9], "dec": [5.0]}), radius=1 * u.deg)
    moc.save(tmp_path / "survey.fits", format="fits")
    table = Table({"ra": [0.5, -0.5, 6.283, np.nan], "dec": [5.0, 5.0, 0.0, 5.0]})
    expected = [True, True, False, False]
    for coverage in (moc, tmp_path / "survey.fits", str(tmp_path / "survey.fits")):
        assert is_covered(table, coverage).tolist() == expected
    radians = Table({name: np.radians(table[name]) * u.rad for name in table.colnames})
    assert is_covered(radians, moc).tolist() == expected
    assert is_covered(table[:0], moc).tolist() == []


@needs_mocpy
def test_what_is_no_coverage_map(tmp_path):
    table = Table({"ra": [0.5], "dec": [5.0]})
    with pytest.raises(FileNotFoundError, match="no coverage map"):
        is_covered(table, "nofile.fits")
    for name, write in (("a.fits", table.write), ("b.fits", lambda path: path.write_text("MOC"))):
        write(tmp_path / name)
        with pytest.raises(ValueError, match=f"{name} is not a coverage map"):
            is_covered(table, tmp_path / name)
    with pytest.raises(TypeError, match="coverage must be"):
        is_covered(table, 5)
