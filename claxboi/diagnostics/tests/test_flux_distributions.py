# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the fluxes of one source over missions and years.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from matplotlib.path import Path
from numpy.testing import assert_allclose

from claxboi import XrayTable
from claxboi.counterparts import link_xray
from claxboi.diagnostics import plot_fluxes
from claxboi.properties import add_variability, convert_flux

PLACE = {"ra": [10.0, 20.0, 30.0], "dec": [0.0] * 3, "pos_error": [1.0] * 3}


@pytest.fixture
def xmm():
    table = Table({"source_id": ["A", "B", "C"], **PLACE})
    table["flux"] = [1e-13, 1e-14, 0.0] * u.erg / u.s / u.cm**2
    table["flux_error"] = [1e-14, 2e-14, 1e-15] * u.erg / u.s / u.cm**2
    table["flux_band"] = "0.2-12"
    table["epoch"] = [2004.5, 2004.5, 2004.5]
    return table


@pytest.fixture
def chandra():
    table = Table(PLACE)[:2]
    table["flux"] = [7e-15, 7e-15]
    table["flux_error"] = [1e-15, np.nan]
    table["flux_band"] = "0.5-7"
    table["epoch"] = [2012.0, np.nan]
    return table


@pytest.fixture
def links(xmm, chandra):
    return link_xray({"XMM": xmm, "CSC2": chandra})


def points(ax):
    """Places and fluxes that are drawn with a marker of a class."""
    lines = [line for line in ax.lines if isinstance(line.get_marker(), str)]
    return np.array([(line.get_xdata()[0], line.get_ydata()[0]) for line in lines])


def test_fluxes_are_in_one_band_at_their_dates(xmm, chandra, links, check_drawing):
    ax = plot_fluxes(xmm, "A", links, {"CSC2": chandra}, name="XMM")
    texts = check_drawing(ax)
    expected = [
        convert_flux(flux * u.erg / u.s / u.cm**2, band, "0.5-2").value
        for flux, band in ((1e-13, "0.2-12"), (7e-15, "0.5-7"))
    ]
    assert_allclose(points(ax), np.transpose([[2004.5, 2012.0], expected]))
    assert {"XMM", "CSC2", "Date [yr]"} <= set(texts)
    assert "date not\nknown" not in texts
    assert ax.get_ylabel().startswith("X-ray flux, 0.5-2 keV [")
    assert ax.get_yscale() == "log"


def test_ratio_is_that_of_the_column(xmm, chandra, links):
    ax = plot_fluxes(xmm, 0, links, {"CSC2": chandra}, name="XMM")
    found = add_variability(xmm, links, {"CSC2": chandra}, name="XMM")
    ratio = 10 ** found["log_fmax_fmin"][0]
    assert ax.get_title("left") == rf"A: $F_\mathrm{{max}}/F_\mathrm{{min}}$ = {ratio:.2g}"


def test_bars_are_errors_without_and_with_the_conversion(xmm, chandra, links):
    ax = plot_fluxes(xmm, 0, links, {"CSC2": chandra}, name="XMM")
    bars = [one.get_segments()[0][:, 1] for one in ax.collections]
    flux = points(ax)[0, 1]
    # The thin one of the first flux is longer; the thick one is a tenth of the flux.
    assert_allclose(bars[1], [0.9 * flux, 1.1 * flux], rtol=1e-6)
    assert bars[0][0] < bars[1][0]
    assert bars[0][1] > bars[1][1]
    widths = [one.get_linewidth()[0] for one in ax.collections]
    assert widths[0] < widths[1]


def test_fluxes_without_a_date_stand_apart(xmm, chandra, links, check_drawing):
    ax = plot_fluxes(xmm, "B", links, {"CSC2": chandra}, name="XMM")
    texts = check_drawing(ax)
    assert "date not\nknown" in texts
    assert points(ax)[1, 0] > 2004.6
    ticks = dict(
        zip([t.get_text() for t in ax.get_xticklabels()], ax.get_xticks().tolist(), strict=True)
    )
    assert ticks["CSC2"] == points(ax)[1, 0]
    # An error that is not known has no bar; one larger than the flux ends above 0.
    assert len(ax.collections) == 2
    assert all(np.all(one.get_segments()[0][:, 1] > 0) for one in ax.collections)


def test_extremes_of_a_mission_share_its_place(xmm, chandra, links, check_drawing):
    del xmm["epoch"], chandra["epoch"]
    xmm["flux_min"], xmm["flux_max"] = xmm["flux"] / 2, xmm["flux"] * 2
    ax = plot_fluxes(xmm, 0, links, {"CSC2": chandra}, name="XMM")
    assert "Catalogue (dates not known)" in check_drawing(ax)
    drawn = points(ax)
    assert len(drawn) == 3
    assert drawn[0, 0] == drawn[1, 0] != drawn[2, 0]
    assert_allclose(drawn[1, 1] / drawn[0, 1], 4)


def test_upper_limits_are_arrows(xmm, chandra, links, check_drawing):
    limits = Table({"flux_limit": np.full(3, 1e-15), "flux_band": ["0.5-2"] * 3})
    limits["epoch"] = 2020.0
    settings = {"name": "XMM", "limits": {"eRASS1": limits}}
    ax = plot_fluxes(xmm, 0, links, {"CSC2": chandra}, **settings)
    assert {"eRASS1", "upper limit"} <= set(check_drawing(ax))
    (arrow,) = (line for line in ax.lines if isinstance(line.get_marker(), Path))
    assert_allclose(arrow.get_xydata(), [[2020.0, 1e-15]])
    assert arrow.get_marker().vertices[:, 1].min() < -0.9  # down
    assert ax.get_ylim()[0] < 1e-15 / 2
    assert "$ > " in ax.get_title("left")
    # Where the limit is above the flux it is no smallest one.
    limits["flux_limit"] = 1e-12
    ax = plot_fluxes(xmm, 0, links, {"CSC2": chandra}, **settings)
    assert "$ = " in ax.get_title("left")
    # A limit alone has no ratio.
    ax = plot_fluxes(xmm, "C", links, {"CSC2": chandra}, **settings)
    assert ax.get_title("left") == "C"


def test_two_fluxes_of_one_date_do_not_hide_each_other(xmm, chandra, links):
    chandra["epoch"] = 2004.5
    ax = plot_fluxes(xmm, 0, links, {"CSC2": chandra}, name="XMM")
    (x1, _), (x2, _) = points(ax)
    assert x1 != x2
    assert (x1 + x2) / 2 == pytest.approx(2004.5)


def test_method(xmm, chandra, links):
    ax = XrayTable(xmm).plot_fluxes("A", links, {"CSC2": chandra}, name="XMM")
    assert len(points(ax)) == 2


def test_errors(xmm, chandra, links):
    with pytest.raises(ValueError, match="source must have a flux above 0, but C has none"):
        plot_fluxes(xmm, 2, links, {"CSC2": chandra}, name="XMM")
    with pytest.raises(KeyError, match="no source 'D'"):
        plot_fluxes(xmm, "D", links, {"CSC2": chandra}, name="XMM")
    with pytest.raises(TypeError, match="catalogues must be a mapping"):
        plot_fluxes(xmm, 0, links, [chandra], name="XMM")
    with pytest.raises(KeyError, match="'primary'"):
        plot_fluxes(xmm, 0, links, {"CSC2": chandra})
