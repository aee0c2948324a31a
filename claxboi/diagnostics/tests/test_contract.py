# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Test what is the same for all figures: arguments, axes, and input that is not changed.

A new function needs an entry in ``CASES``; without one a test fails.
"""

import copy
import inspect
import io
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from claxboi import XrayTable, diagnostics
from claxboi.classification import priors_sensitivity
from claxboi.counterparts import associate, calibrate_cutoffs, link_xray
from claxboi.simulation import make_labelled_sample
from claxboi.training import add_labels, label_report

#: All but the one that bokeh draws.
NAMES = [name for name in diagnostics.__all__ if name.startswith("plot_") and name != "plot_linked"]


class Case(NamedTuple):
    """How a function is called, and how not."""

    arguments: tuple
    settings: dict
    wrong: dict
    """Arguments and a wrong value for each; the message must have its name."""


@pytest.fixture(scope="module")
def classified():
    result = XrayTable(make_labelled_sample(1200, rng=4)).classify("training", show_progress=False)
    assert result.model.search is not None
    return result


@pytest.fixture(scope="module")
def field():
    """Stars, X-ray sources on the first of them, and what was associated."""
    rng = np.random.default_rng(1)
    stars = Table({"ra": rng.random(2000), "dec": rng.random(2000), "pos_error": [0.1] * 2000})
    stars["g_mag"] = np.where(np.arange(2000) < 80, 17, 20) + rng.normal(0, 1, 2000)
    dec = stars["dec"][:80] + rng.normal(0, 1, 80) / 3600
    xray = Table({"ra": stars["ra"][:80], "dec": dec, "pos_error": [1.0] * 80})
    settings = {"radius": 8 * u.arcsec, "area": 1 * u.deg**2}
    candidates = associate(xray, stars, priors="g_mag", **settings)
    return xray, stars, candidates, calibrate_cutoffs(xray, stars, rng=1, **settings)


@pytest.fixture(scope="module")
def cases(classified, field):
    xray, stars, candidates, calibration = field
    model, evaluation = classified.model, classified.evaluation
    place = {"ra": [10.0, 20.0], "dec": [5.0, 5.0], "pos_error": [1.0, 1.0]}
    objects = Table(place)["ra", "dec"]
    own = {"optical": objects, "radio": objects[:1]}
    labelled = add_labels(Table(place), own, {"AGN": ["optical", "radio"]}, min_quality=0)
    fluxes = Table(place | {"flux": [1e-13, 1e-14], "flux_error": [1e-14] * 2})
    fluxes["flux_band"], fluxes["epoch"] = "0.5-2", 2004.5
    other = fluxes.copy()
    other["epoch"] = 2010.0
    galaxies = Table({"galaxy_id": ["A"], "ra": [10.0], "dec": [5.0], "r25_major": [600.0]})
    ulx = Table({"xrb_probability": [0.9, 0.2], "f_contaminant": [0.1, 0.5]})
    for name, values in {"is_nuclear": [0, 0], "is_ulx": [1, 0], "is_hlx": [0, 0]}.items():
        ulx[name] = np.array(values, bool)
    return {
        "plot_alternatives": Case((classified,), {}, {"result": 1}),
        "plot_class_counts": Case((classified,), {}, {"n_bins": 0, "result": 1, "classes": ["x"]}),
        "plot_confusion": Case(
            (evaluation,), {"corrected": True}, {"normalize": "rows", "evaluation": [1]}
        ),
        "plot_cutoffs": Case((calibration,), {}, {"calibration": 1}),
        "plot_densities": Case((model, "pm"), {"value": 1.0}, {"value": "high", "model": 1}),
        "plot_explanation": Case(
            (model.explain(classified[7]),),
            {},
            {"class_name": "quasar", "against": "x", "explanation": 1},
        ),
        "plot_finding_chart": Case(
            (candidates, xray, stars, 3),
            {},
            {"radius": 1.0, "row": 80, "candidates": 1, "xray": 1, "secondary": 1},
        ),
        "plot_fluxes": Case(
            (fluxes, 0, link_xray({"primary": fluxes, "B": other}), {"B": other}),
            {},
            {"catalogues": [other], "table": 1, "source": 2.5, "limits": 3, "links": 1},
        ),
        "plot_hosts": Case(
            (Table(place), galaxies, "A"),
            {},
            {"factor": -1.0, "xray": 1, "galaxies": 1, "galaxy_id": "B"},
        ),
        "plot_magnitude_prior": Case((candidates,), {}, {"prior": "x", "candidates": 1}),
        "plot_missing": Case((classified,), {}, {"columns": "pm", "table": 1, "classes": "AGN"}),
        "plot_outliers": Case((classified,), {}, {"result": [1]}),
        "plot_pair": Case(
            (model, classified[7], ("hr1", "hr2")),
            {},
            {"pair": ["hr1"], "class_name": "quasar", "against": "x", "model": 1},
        ),
        "plot_plane": Case(
            (classified, "flux", "hr2"),
            {"source": 7},
            {"contours_above": 0.5, "table": 1, "upper_limits": 3, "classes": "AGN"},
        ),
        "plot_priors_sensitivity": Case(
            (priors_sensitivity(model, classified),), {}, {"sensitivity": 1}
        ),
        "plot_reliability_by": Case((evaluation,), {}, {"evaluation": 1, "values": [1.0]}),
        "plot_reliability": Case((evaluation,), {}, {"evaluation": 1}),
        "plot_separations": Case(
            (candidates, xray, stars), {}, {"candidates": [1], "xray": 1, "secondary": 1}
        ),
        "plot_sky": Case(
            (classified,), {}, {"frame": "fk4", "table": 1, "center": 3, "density_above": -1}
        ),
        "plot_thresholds": Case((evaluation, "CV"), {}, {"class_name": "quasar", "scores": 1}),
        "plot_track": Case((classified, 7), {}, {"source": 1.5, "result": 1}),
        "plot_training_overlap": Case(
            (label_report(labelled),), {}, {"class_name": "CV", "report": 1, "n_combinations": 0}
        ),
        "plot_ulx": Case((ulx,), {}, {"table": [1]}),
        "plot_weight_search": Case((model.search,), {}, {"search": 1}),
    }


@pytest.fixture(params=NAMES)
def named(request, cases):
    """Name of a function, the function, and how it is called."""
    return request.param, getattr(diagnostics, request.param), cases[request.param]


def test_every_function_has_a_case(cases):
    assert sorted(cases) == sorted(NAMES)


def test_axes_in_and_out(named):
    name, plot, case = named
    figure = Figure(figsize=(3.4, 3.0), layout="constrained")
    given = figure.subplots()
    ax = plot(*case.arguments, **case.settings, ax=given)
    assert isinstance(ax, mpl.axes.Axes)
    # A map takes the place of Axes that know no sky.
    assert ax is given or name == "plot_sky"
    assert ax in figure.axes
    assert plt.get_fignums() == []


def test_new_figure_is_the_current_one(named):
    _, plot, case = named
    ax = plot(*case.arguments, **case.settings)
    assert plt.get_fignums() == [ax.figure.number]
    assert ax.figure.get_layout_engine() is not None


def test_settings_of_matplotlib_are_left_alone(named):
    _, plot, case = named
    with mpl.rc_context({"lines.linewidth": 3.21, "font.size": 11}):
        before = dict(mpl.rcParams)
        plot(*case.arguments, **case.settings).figure.canvas.draw()
        assert dict(mpl.rcParams) == before


def _bytes(argument):
    """Contents of a table or an array; other arguments are those of classes with own tests."""
    if isinstance(argument, Table):
        parts = [argument.colnames, repr(argument.meta)]
        for column in argument.itercols():
            mask = getattr(column, "mask", np.False_)
            parts += [np.asarray(column).tobytes(), np.asarray(mask).tobytes(), column.unit]
        return parts
    if isinstance(argument, dict):
        return {key: _bytes(value) for key, value in argument.items()}
    return None


def test_input_is_not_changed(named):
    _, plot, case = named
    before = copy.deepcopy([_bytes(one) for one in case.arguments])
    plot(*case.arguments, **case.settings)
    assert [_bytes(one) for one in case.arguments] == before


@pytest.mark.parametrize("width", [3.4, 7.1])
def test_nothing_is_cut_in_print(named, width, check_drawing):
    """In one and in two columns of a journal."""
    _, plot, case = named
    figure, given = plt.subplots(figsize=(width, 3.4), layout="constrained")
    ax = plot(*case.arguments, **case.settings, ax=given)
    texts = check_drawing(ax)
    assert ax.get_figure() is figure
    assert texts


@pytest.mark.parametrize("format", ["pdf", "svg"])
def test_saved_as_vectors(named, format):
    _, plot, case = named
    stream = io.BytesIO()
    ax = plot(*case.arguments, **case.settings)
    ax.figure.savefig(stream, format=format)
    start = stream.getvalue()[:200]
    assert start.startswith(b"%PDF-") if format == "pdf" else b"<?xml" in start
    assert len(stream.getvalue()) > 3000


def test_in_a_part_of_a_figure(named):
    _, plot, case = named
    figure = Figure(figsize=(7, 3), layout="constrained")
    left, _ = figure.subfigures(1, 2)
    plot(*case.arguments, **case.settings, ax=left.subplots())
    figure.savefig(io.BytesIO(), format="svg")


def test_axes_have_names(named):
    """Each axis with numbers on it says what they are."""
    name, plot, case = named
    ax = plot(*case.arguments, **case.settings)
    if name in ("plot_sky", "plot_finding_chart"):
        assert ax.get_legend() or ax.get_title("left")
        return
    panels = [one for one in ax.figure.axes if one.get_xlabel()]
    assert panels or name in ("plot_training_overlap", "plot_track")  # columns have names
    has_rows = name in ("plot_explanation", "plot_priors_sensitivity", "plot_missing")
    assert ax.get_ylabel() or has_rows


def test_errors_name_the_argument(named):
    _, plot, case = named
    names = list(inspect.signature(plot).parameters)
    for argument, wrong in (case.wrong | {"ax": [1]}).items():
        arguments, settings = list(case.arguments), dict(case.settings)
        if names.index(argument) < len(arguments):
            arguments[names.index(argument)] = wrong
        else:
            settings[argument] = wrong
        with pytest.raises((TypeError, ValueError, KeyError, IndexError), match=argument):
            plot(*arguments, **settings)
    assert plt.get_fignums() == []  # errors come before any work


def test_methods_draw_the_same(classified, cases):
    """Those that need nothing but the table."""
    for method, arguments in {
        "plot_missing": (),
        "plot_weight_search": (),
        "plot_priors_sensitivity": (),
        "plot_alternatives": (),
        "plot_outliers": (),
    }.items():
        ax = getattr(classified, method)(*arguments)
        other = getattr(diagnostics, method)(*cases[method].arguments)
        assert len(ax.get_children()) == len(other.get_children()), method
        assert [t.get_text() for t in ax.texts] == [t.get_text() for t in other.texts], method
