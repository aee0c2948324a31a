# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy.table import Table
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose

from claxboi.diagnostics.host_galaxies import plot_hosts


@pytest.fixture
def galaxies():
    return Table(
        {
            "galaxy_id": ["big", "small", "far", "no size"],
            "ra": [359.999, 0.2, 90.0, 0.0],
            "dec": [60.0, 60.1, 0.0, 60.0],
            "r25_major": [1800.0, 60.0, 100.0, np.nan],
            "r25_ratio": [0.4, 0.5, 1.0, 1.0],
            "r25_angle": [90.0, np.nan, 0.0, 0.0],
        }
    )


@pytest.fixture
def xray():
    # East of the centre inside, North of it outside, in the small one, far away.
    return Table({"ra": [0.4, 359.999, 0.2, 90.0], "dec": [60.0, 60.3, 60.1, 0.0]})


def scattered(ax):
    return {c.get_label(): np.asarray(c.get_offsets()) for c in ax.collections}


def test_artists(xray, galaxies, check_drawing):
    ax = plot_hosts(xray, galaxies, "big", factor=1.26)
    texts = check_drawing(ax)
    assert {"big", "small", "Offset to the East [arcmin]"} <= set(texts)
    assert "far" not in texts
    points = scattered(ax)
    assert set(points) == {"host big", "another host", "no host"}
    # 0.401 deg x cos(60 deg), almost.
    assert_allclose(points["host big"], [[12.03, 0]], atol=0.05)
    assert_allclose(points["no host"], [[0, 18]], atol=1e-6)
    assert len(points["another host"]) == 1
    # East is left, North is up, one scale.
    left, right = ax.get_xlim()
    assert left > right
    assert ax.get_ylim()[0] < ax.get_ylim()[1]
    assert ax.get_aspect() == 1
    widths = [np.ptp(line.get_xdata()) for line in ax.lines]
    heights = [np.ptp(line.get_ydata()) for line in ax.lines]
    circle = 2 * np.sqrt(0.5)
    assert_allclose(widths, [circle, 60, 75.6], rtol=1e-3)
    assert_allclose(heights, [circle, 24, 30.24], rtol=1e-3)


@pytest.mark.parametrize(("size", "unit"), [(9000.0, "deg"), (100.0, "arcmin"), (20.0, "arcsec")])
def test_unit_fits_the_galaxy(galaxies, size, unit, check_drawing):
    galaxies["r25_major"][0] = size
    ax = plot_hosts(Table({"ra": [359.999], "dec": [60.0]}), galaxies, "big", factor=1)
    assert f"Offset to the North [{unit}]" in check_drawing(ax)


def test_axes_are_used(xray, galaxies):
    _, ax = plt.subplots()
    assert plot_hosts(xray, galaxies, "big", ax=ax) is ax
    plt.close("all")


def test_input_stays(xray, galaxies):
    names = [list(table.colnames) for table in (xray, galaxies)]
    plot_hosts(xray, galaxies, "big")
    assert [list(table.colnames) for table in (xray, galaxies)] == names
    plt.close("all")


@pytest.mark.parametrize("name", ["nowhere", "no size"])
def test_unknown_galaxy(xray, galaxies, name):
    with pytest.raises(ValueError, match=f"got '{name}'; there are 3, such as big, small, far"):
        plot_hosts(xray, galaxies, name)


def test_bad_input(xray, galaxies):
    with pytest.raises(ValueError, match="xray is empty"):
        plot_hosts(xray[:0], galaxies, "big")
    xray["dec"][1] = np.nan
    with pytest.raises(ValueError, match="xray must have no missing positions"):
        plot_hosts(xray, galaxies, "big")
    with pytest.raises(ValueError, match="factor must be above 0"):
        plot_hosts(xray, galaxies, "big", factor=-1)
