# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from matplotlib.contour import QuadContourSet

from claxboi import XrayTable
from claxboi.diagnostics import plot_plane
from claxboi.diagnostics.plane import _contours
from claxboi.utils.style import arrow_marker


@pytest.fixture
def sources():
    rng = np.random.default_rng(4)
    n = 430
    return Table(
        {
            "source_id": [f"J{k:03d}" for k in range(n)],
            "flux": 10 ** rng.normal(-14, 1, n) * u.erg / u.s / u.cm**2,
            "hr1": rng.normal(0, 0.3, n),
            "hr1_error": np.full(n, 0.25),
            "class": ["AGN"] * 400 + ["star"] * 30,
        }
    )


def labelled(ax):
    return {text.get_text() for text in ax.get_legend().get_texts()}


def test_contours_hold_their_parts():
    """Of a normal distribution the part p lies within r^2 = -2 ln(1 - p), smoothing included."""
    scaled = np.random.default_rng(1).normal(0, [[2.0], [0.1]], (2, 40_000))
    middles, density, levels = _contours(scaled)
    widen = 1 + 40_000 ** (-1 / 3)  # variances add
    for part, level in zip((0.9, 0.5), levels, strict=True):
        for k, sigma in enumerate((2.0, 0.1)):
            inside = middles[k][(density > level).any(axis=1 - k)]
            radius = (inside.max() - inside.min()) / 2 / sigma
            assert radius == pytest.approx(np.sqrt(-2 * np.log(1 - part) * widen), rel=0.06)


def test_classes_are_contours_or_points(sources, check_drawing):
    ax = plot_plane(sources, "flux", "hr1")
    texts = check_drawing(ax)
    lines = [artist for artist in ax.collections if isinstance(artist, QuadContourSet)]
    assert len(lines) == 2  # lines and shade of the one large class
    assert ax.get_xscale() == "log"
    assert ax.get_yscale() == "linear"
    assert labelled(ax) == {"AGN (400)", "star (30)"}
    assert any(text.startswith("X-ray flux") and "erg" in text for text in texts)
    assert "430 of 430 sources" in texts
    beyond, stars = (line for line in ax.lines if len(line.get_xdata()))
    # A tenth, but for the smoothing, which widens the contours.
    assert 10 < len(beyond.get_xdata()) < 50
    np.testing.assert_allclose(stars.get_xydata()[:, 0], sources["flux"][400:])


def test_marked_source_has_its_errors(sources, check_drawing):
    ax = plot_plane(sources, "flux", "hr1", source="J007")
    check_drawing(ax)
    assert "J007" in labelled(ax)
    (container,) = ax.containers
    ring, _, bars = container
    np.testing.assert_allclose(ring.get_xydata(), [[sources["flux"][7], sources["hr1"][7]]])
    (bar,) = bars
    low, high = bar.get_segments()[0][:, 1]
    np.testing.assert_allclose([low, high], sources["hr1"][7] + [-0.25, 0.25])
    low, high = ax.get_ylim()
    assert low < sources["hr1"][7] < high


def test_source_without_values_is_named(sources):
    sources["hr1"][7] = np.nan
    ax = plot_plane(sources, "flux", "hr1", source=7)
    assert "J007: not in this plane" in labelled(ax)
    assert not ax.containers


def test_limits_are_arrows_and_no_part_of_contours(sources):
    sources["is_upper"] = np.arange(430) % 2 == 0
    ax = plot_plane(sources, "flux", "hr1", classes=["star"], upper_limits={"flux": "is_upper"})
    values, arrows = (line for line in ax.lines if len(line.get_xdata()))
    np.testing.assert_allclose(values.get_xdata(), sources["flux"][401::2])
    np.testing.assert_allclose(arrows.get_xdata(), sources["flux"][400::2])
    tips = arrows.get_marker().vertices
    assert tips[:, 0].min() == pytest.approx(-1)
    assert tips[:, 0].max() == pytest.approx(0)


def test_limits_of_magnitudes_are_found(sources):
    sources["w1_mag"] = np.full(430, 15.0)
    sources["w1_mag_is_limit"] = True
    ax = plot_plane(sources, "hr1", "w1_mag", classes=["star"])
    values, arrows = (line for line in ax.lines[:2])
    assert len(values.get_xdata()) == 0
    assert arrows.get_marker().vertices[:, 1].max() == pytest.approx(1)  # fainter is up


def test_arrow_starts_at_the_value():
    path = arrow_marker(1, 1)
    np.testing.assert_allclose(path.vertices[2], 0)
    np.testing.assert_allclose(path.vertices[3], np.sqrt(0.5))


def test_logarithms_leave_out_what_has_none(sources):
    sources["flux"][400] = 0
    ax = plot_plane(sources, "flux", "hr1", log_x=True)
    assert labelled(ax) == {"AGN (400)", "star (29)"}
    assert plot_plane(sources, "flux", "hr1").get_xscale() == "linear"
    sources["l"] = np.geomspace(0.01, 359, 430) * u.deg
    assert plot_plane(sources, "l", "hr1").get_xscale() == "linear"
    sources["log_fmax_fmin"] = np.geomspace(0.001, 3, 430)
    assert plot_plane(sources, "log_fmax_fmin", "hr1").get_xscale() == "linear"


def test_values_that_are_all_the_same(sources, check_drawing):
    sources["hr1"] = 1.0
    ax = plot_plane(sources, "flux", "hr1")
    check_drawing(ax)
    assert not [artist for artist in ax.collections if isinstance(artist, QuadContourSet)]
    assert ax.get_ylim() == (0.5, 1.5)


@pytest.mark.parametrize("n", [0, 1])
def test_few_sources(sources, n, check_drawing):
    ax = plot_plane(sources[:n], "flux", "hr1")
    check_drawing(ax)
    assert (ax.get_legend() is None) == (n == 0)


def test_all_masked(check_drawing):
    masked = MaskedColumn([1.0, 2.0], mask=[True, True])
    table = Table({"hr1": masked, "hr2": masked})
    ax = XrayTable(table).plot_plane("hr1", "hr2")
    check_drawing(ax)
    assert ax.get_legend() is None
    assert all(len(line.get_xdata()) == 0 for line in ax.lines)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"y": "hr9"}, KeyError, "no column 'hr9'"),
        ({"source": 430}, IndexError, "source must be a row from 0 to 429"),
        ({"source": "J999"}, KeyError, "no source 'J999'"),
        ({"upper_limits": {"hr2": "x"}}, ValueError, "each column of upper_limits must be one of"),
        ({"lower_limits": "hr1"}, TypeError, "lower_limits must be a mapping"),
        ({"lower_limits": {"hr1": "x"}}, KeyError, "no column 'x'"),
        ({"contours_above": 0}, ValueError, "contours_above must be at least 1"),
    ],
)
def test_errors(sources, settings, error, message):
    with pytest.raises(error, match=message):
        plot_plane(sources, **{"x": "flux", "y": "hr1", **settings})


def test_drawn_contours_hold_their_parts():
    rng = np.random.default_rng(2)
    table = Table({"a": rng.normal(0, 1, 5000), "b": rng.normal(0, 3, 5000)})
    points = np.array([table["a"], table["b"]]).T
    lines = plot_plane(table, "a", "b").collections[0]
    held = [path.contains_points(points).mean() for path in lines.get_paths()]
    # A little more, as smoothing widens them.
    np.testing.assert_allclose(held, [0.9, 0.5], atol=0.04)
