# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table
from matplotlib import pyplot as plt
from matplotlib.collections import QuadMesh

from claxboi import XrayTable
from claxboi.diagnostics import plot_sky


@pytest.fixture
def sources():
    rng = np.random.default_rng(3)
    names = np.array(["AGN"] * 60 + ["star"] * 30 + ["CV"] * 10)
    dec = np.degrees(np.arcsin(rng.uniform(-1, 1, 100)))
    return Table({"ra": rng.uniform(0, 360, 100), "dec": dec, "class": names})


def points(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def test_points_lie_at_their_coordinates(sources, check_drawing):
    ax = plot_sky(sources, frame="icrs")
    texts = check_drawing(ax)
    drawn = points(ax)
    assert list(drawn) == ["AGN (60)", "CV (10)", "star (30)"]
    assert {"AGN (60)", "CV (10)", "star (30)", "ICRS coordinates"} <= set(texts)
    sky = ax.wcs.pixel_to_world(*drawn["CV (10)"].T)
    own = sources[sources["class"] == "CV"]
    assert np.all(sky.separation(SkyCoord(own["ra"], own["dec"], unit="deg")).arcsec < 1e-3)


def test_projection_is_equal_area_and_has_east_left():
    """The centre, the pole and the anticentre, of which the projection is known."""
    centre = SkyCoord([0, 0, 90], [0, 90, 0], unit="deg", frame="galactic").icrs
    ax = plot_sky(Table({"ra": centre.ra, "dec": centre.dec}))
    (drawn,) = points(ax).values()
    # Hammer-Aitoff in degrees: x = 2 sqrt(2) sin(45 deg) / sqrt(1 + cos(45 deg)) at l = 90 deg.
    x = np.degrees(2 * np.sqrt(2) * np.sin(np.pi / 4) / np.sqrt(1 + np.cos(np.pi / 4)))
    np.testing.assert_allclose(drawn, [[0, 0], [0, np.degrees(np.sqrt(2))], [-x, 0]], atol=1e-9)


def test_field_holds_what_is_in_it():
    center = SkyCoord(359.9, 20, unit="deg")
    around = center.directional_offset_by([90, 270, 0] * u.deg, [0.3, 0.2, 0.8] * u.deg)
    opposite = SkyCoord(179.9, -20, unit="deg")
    table = Table(
        {"ra": [*around.ra.deg, opposite.ra.deg], "dec": [*around.dec.deg, opposite.dec.deg]}
    )
    ax = plot_sky(table, frame="icrs", center=center, width=1 * u.deg)
    ((label, drawn),) = points(ax).items()
    assert label == "sources (2)"
    offsets = np.tan(np.radians([-0.3, 0.2])) / np.tan(np.radians(0.5)) * 50
    np.testing.assert_allclose(drawn[:, 0], offsets, rtol=1e-6)
    assert ax.get_xlim() == (-50, 50)
    assert ax.coords[0].get_axislabel() == "Right ascension (ICRS)"


@pytest.mark.parametrize("width", [0.1, 100])
def test_field_is_as_wide_as_asked(width):
    center = SkyCoord(0, 0, unit="deg")
    edge = width / 2
    table = Table({"ra": [edge * 0.999, edge * 1.001], "dec": [0.0, 0.0]})
    ax = plot_sky(table, frame="icrs", center=center, width=width * u.deg)
    assert list(points(ax)) == ["sources (1)"]


def test_many_sources_are_density_per_square_degree(sources):
    ax = plot_sky(sources, density_above=20)
    (mesh,) = [artist for artist in ax.collections if isinstance(artist, QuadMesh)]
    x, y = mesh.get_coordinates()[..., 0], mesh.get_coordinates()[..., 1]
    area = (x[0, 1] - x[0, 0]) * (y[1, 0] - y[0, 0])
    assert mesh.get_array().sum() * area == pytest.approx(90)
    assert list(points(ax)) == ["CV (10)"]
    entries = [text.get_text() for text in ax.get_legend().get_texts()]
    assert entries == ["AGN (60)", "CV (10)", "star (30)"]
    assert ax.figure.axes[-1].get_ylabel() == "Sources per square degree"


def test_density_in_a_field_allows_for_the_projection():
    rng = np.random.default_rng(8)
    center = SkyCoord(0, 0, unit="deg")
    dec = np.degrees(np.arcsin(rng.uniform(-1, 1, 200_000) * np.sin(np.radians(50))))
    table = Table({"ra": rng.uniform(-60, 60, 200_000), "dec": dec})
    ax = plot_sky(table, frame="icrs", center=center, width=80 * u.deg, density_above=100)
    (mesh,) = [artist for artist in ax.collections if isinstance(artist, QuadMesh)]
    density = mesh.get_array().filled(0)
    n = len(density) // 8
    middle, corner = density[4 * n - 2 : 4 * n + 2, 4 * n - 2 : 4 * n + 2], density[2:6, 2:6]
    truth = 200_000 / (120 * 2 * np.degrees(np.sin(np.radians(50))))
    # Bins of about 8 sources: 16 of them are good to 9 %.
    assert middle.mean() == pytest.approx(truth, rel=0.3)
    assert corner.mean() == pytest.approx(truth, rel=0.4)


def test_looks_of_classes_do_not_depend_on_what_is_drawn(sources):
    every, one = plot_sky(sources), plot_sky(sources, classes=["CV"])
    (line,) = one.lines
    assert line.get_color() == every.lines[1].get_color()
    assert line.get_marker() == every.lines[1].get_marker()


@pytest.mark.parametrize("n", [0, 1])
def test_few_sources(sources, n, check_drawing):
    ax = plot_sky(sources[:n])
    check_drawing(ax)
    assert len(ax.lines) == n
    assert (ax.get_legend() is None) == (n == 0)


def test_missing_classes_and_positions(check_drawing):
    table = Table({"ra": [1.0, np.nan, 3.0], "dec": [1.0, 2.0, 3.0]})
    table["class"] = MaskedColumn(["star"] * 3, mask=[True] * 3)
    ax = plot_sky(table)
    check_drawing(ax)
    assert list(points(ax)) == ["sources (2)"]
    assert list(points(plot_sky(table, density_above=1))) == []


def test_plain_axes_are_replaced_in_their_place(sources):
    figure, axes = plt.subplots(1, 2)
    place = axes[0].get_position().bounds
    ax = XrayTable(sources).plot_sky(ax=axes[0])
    assert ax.figure is figure
    assert figure.axes == [axes[1], ax]
    assert ax.get_position(original=True).bounds == place
    assert plot_sky(sources, ax=ax) is ax
    loose = plt.figure().add_axes([0.1, 0.2, 0.5, 0.5])
    bounds = plot_sky(sources, ax=loose).get_position(original=True).bounds
    np.testing.assert_allclose(bounds, (0.1, 0.2, 0.5, 0.5))


def test_table_is_not_changed(sources):
    before = sources.copy()
    plot_sky(sources)
    assert sources.colnames == before.colnames
    assert np.all(sources == before)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"frame": "fk4"}, ValueError, "frame must be one of"),
        ({"width": 1 * u.deg}, ValueError, "width needs a center"),
        ({"center": (1, 2)}, TypeError, "center must be a SkyCoord"),
        ({"center": SkyCoord(1, 2, unit="deg"), "width": 3.0}, TypeError, "must be a Quantity"),
        ({"center": SkyCoord(1, 2, unit="deg"), "width": 180 * u.deg}, ValueError, "at most 100"),
        ({"classes": ["ULX"]}, ValueError, "each of classes must be one of"),
        ({"classes": "AGN"}, TypeError, "sequence of names"),
        ({"class_column": "kind"}, KeyError, "no column 'kind'"),
        ({"density_above": -1}, ValueError, "density_above must be at least 0"),
    ],
)
def test_errors(sources, settings, error, message):
    with pytest.raises(error, match=message):
        plot_sky(sources, **settings)
