# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from numpy.testing import assert_allclose

from claxboi.counterparts import associate, calibrate_cutoffs
from claxboi.counterparts.tests.mock import simulate
from claxboi.diagnostics import (
    plot_cutoffs,
    plot_finding_chart,
    plot_magnitude_prior,
    plot_separations,
)


@pytest.fixture(scope="module")
def field():
    rng = np.random.default_rng(41)
    xray, catalogue, truth, area = simulate(rng, 600, 50_000, ratio=2.0)
    catalogue["colour"] = rng.normal(0, 1, len(catalogue))
    xray["source_id"] = [f"J{k:04d}" for k in range(len(xray))]
    return xray, catalogue, truth, area


@pytest.fixture(scope="module")
def calibration(field):
    xray, catalogue, _, area = field
    return calibrate_cutoffs(
        xray,
        catalogue,
        radius=10 * u.arcsec,
        area=area,
        priors=["mag", ("mag", "colour")],
        false_rates=[0.03],
        rng=1,
    )


def test_separations(field, calibration, check_drawing):
    xray, catalogue, *_ = field
    ax = plot_separations(calibration.candidates, xray, catalogue)
    assert {"counterparts", "Rayleigh law", r"Separation [$\sigma$]"} <= set(check_drawing(ax))
    (law,) = [line for line in ax.lines if line.get_label() == "Rayleigh law"]
    assert_allclose(law.get_xdata()[np.argmax(law.get_ydata())], 1.0, atol=0.02)
    (bars,) = ax.patches
    values, edges, _ = bars.get_data()
    candidates = calibration.candidates
    assert_allclose(values.sum(), np.sum(candidates["p_any"] * candidates["p_i"]), rtol=0.01)
    # The mean of the Rayleigh law, which a histogram of the wrong ellipse would miss.
    middle = (edges[:-1] + edges[1:]) / 2
    mean = np.sum(values * middle) / values.sum()
    assert abs(mean - np.sqrt(np.pi / 2)) < 4 * 0.66 / np.sqrt(400)


def test_separations_of_a_named_catalogue(field, check_drawing):
    xray, catalogue, _, area = field
    candidates = associate(
        xray, {"gaia": catalogue}, radius=10 * u.arcsec, area=area, completeness=0.7
    )
    check_drawing(plot_separations(candidates, xray, catalogue, name="gaia"))
    empty = candidates[candidates["gaia"].mask]
    with pytest.raises(ValueError, match="at least one row with a counterpart"):
        plot_separations(empty, xray, catalogue, name="gaia")
    with pytest.raises(KeyError, match="no columns 'secondary'"):
        plot_separations(candidates, xray, catalogue)


def test_cutoffs(calibration, check_drawing):
    ax = plot_cutoffs(calibration)
    texts = check_drawing(ax)
    assert {"purity", "completeness", "false rate", "false rate 3 %"} <= set(texts)
    at = calibration.cutoffs["cutoff"][0]
    assert any(np.allclose(line.get_xdata(), at) for line in ax.lines)
    with pytest.raises(TypeError, match="calibration must be what calibrate_cutoffs"):
        plot_cutoffs(calibration.curve)


def test_magnitude_prior(calibration, check_drawing):
    ax = plot_magnitude_prior(calibration.candidates)
    assert {"field objects", "counterparts", "mag", "Factor"} <= set(check_drawing(ax))
    for patch in ax.patches:
        values, edges, _ = patch.get_data()
        assert_allclose(np.sum(values * np.diff(edges)), 1)


def test_pair_of_columns(calibration, check_drawing):
    ax = plot_magnitude_prior(calibration.candidates, "secondary:mag_colour")
    assert {"mag", "colour", r"$\log_{10}$ of the factor"} <= set(check_drawing(ax))


def test_prior_that_is_not_there(field, calibration):
    xray, catalogue, _, area = field
    with pytest.raises(ValueError, match="prior must be one of 'secondary:mag'"):
        plot_magnitude_prior(calibration.candidates, "secondary:g")
    plain = associate(xray, catalogue, radius=10 * u.arcsec, area=area, completeness=0.7)
    with pytest.raises(KeyError, match="must have a learned magnitude prior"):
        plot_magnitude_prior(plain)


class TestFindingChart:
    def test_artists(self, field, calibration, check_drawing):
        xray, catalogue, truth, _ = field
        row = int(np.flatnonzero(truth >= 0)[0])
        candidates = calibration.candidates
        ax = plot_finding_chart(candidates, xray, catalogue, row)
        texts = check_drawing(ax)
        best = candidates[(candidates["primary"] == row) & (candidates["match_flag"] == 1)][0]
        assert {"N", "E", f"J{row:04d}; p_any = {best['p_any']:.2f}"} <= set(texts)
        assert f"{best['p_i']:.2f}" in texts
        # East is left, North is up.
        left, right = ax.get_xlim()
        assert left > 0 > right
        assert ax.get_ylim()[0] < 0
        rings = [c for c in ax.collections if len(c.get_offsets()) == 1 and c.get_linewidth() > 1]
        place = [best["offset_east"], best["offset_north"]]
        assert any(np.allclose(c.get_offsets()[0], place) for c in rings)

    def test_ellipse_points_to_its_angle(self, field, calibration):
        xray, catalogue, *_ = field
        ax = plot_finding_chart(calibration.candidates, xray, catalogue, 5, radius=9 * u.arcsec)
        assert_allclose(ax.get_xlim(), (9, -9))
        east, north = ax.lines[0].get_data()
        far = np.argmax(np.hypot(east, north))
        angle = np.degrees(np.arctan2(east[far], north[far])) % 180
        assert_allclose(angle, xray["pos_error_angle"][5], atol=1.5)
        assert_allclose(np.hypot(east[far], north[far]), xray["pos_error_major"][5], rtol=1e-3)

    def test_row(self, field, calibration):
        xray, catalogue, *_ = field
        with pytest.raises(ValueError, match="row must be below 600"):
            plot_finding_chart(calibration.candidates, xray, catalogue, 600)

    def test_radius(self, field, calibration):
        xray, catalogue, *_ = field
        with pytest.raises(ValueError, match="radius must be above 0, got -3"):
            plot_finding_chart(calibration.candidates, xray, catalogue, 5, radius=-3 * u.arcsec)
