# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose

from claxboi.diagnostics import plot_densities

LABELS = {
    "linear": r"Proper motion $\mu$ [$\mathrm{mas\,yr^{-1}}$]",
    "log10": r"$\log_{10}$($\mu$ / $\mathrm{mas\,yr^{-1}}$)",
    "sigmoid": r"$x / (1 + |x|)$ with $x$ = Proper motion $\mu$ [$\mathrm{mas\,yr^{-1}}$]",
}


@pytest.mark.parametrize(
    ("classes", "scale"), [(4, "linear"), (7, "log10"), (8, "sigmoid")], indirect=["classes"]
)
def test_lines_are_the_densities(make_model, classes, scale, check_drawing):
    model = make_model(scale=scale)
    ax = plot_densities(model, "pm")
    texts = check_drawing(ax)
    values, codes = model.training_values("pm")
    assert len(ax.lines) == len(classes)
    for k, (name, line) in enumerate(zip(classes, ax.lines, strict=True)):
        assert f"{name} ({np.sum(codes == k)})" in texts
        x, y = line.get_data()
        assert np.all(np.diff(x) > 0)
        normal = np.exp(-0.5 * ((x - 0.1 * k) / 0.1) ** 2) / (0.1 * np.sqrt(2 * np.pi))
        assert_allclose(y, normal, rtol=1e-6)
    assert len({to_hex(line.get_color()) for line in ax.lines}) == len(classes)
    assert ax.figure.axes[1].get_xlabel() == LABELS[scale]
    low, high = ax.get_xlim()
    assert np.mean((values > low) & (values < high)) > 0.99


def test_rug_and_histogram(make_model, classes):
    model = make_model()
    values, codes = model.training_values("pm")
    ax = plot_densities(model, model.properties[0])
    rug = ax.figure.axes[1]
    for k in range(len(classes)):
        own = values[codes == k]
        assert_allclose(np.sort(rug.lines[k].get_xdata()), np.sort(own))
        data = ax.patches[k].get_data()
        inside = np.mean((own >= data.edges[0]) & (own <= data.edges[-1]))
        assert np.sum(data.values * np.diff(data.edges)) == pytest.approx(inside)


def test_rug_of_many_is_thinned(make_model):
    model = make_model()
    model._values, model._codes = np.arange(10000.0), np.zeros(10000, int)
    rug = plot_densities(model, "pm").figure.axes[1]
    ticks = rug.lines[0].get_xdata()
    assert len(ticks) == 200
    assert (ticks[0], ticks[-1]) == (0, 9999)


def test_atoms_have_their_own_scale(make_model, classes, check_drawing):
    model = make_model(atoms=[0.0])
    model._values[:100] = 0.0
    ax = plot_densities(model, "pm")
    texts = check_drawing(ax)
    assert "Probability of exactly this value" in texts
    mass_ax = next(axes for axes in ax.figure.axes if axes.get_ylabel().startswith("Prob"))
    assert_allclose(
        [line.get_ydata()[0] for line in mass_ax.lines], np.linspace(0.1, 0.5, len(classes))
    )
    places = [line.get_xdata()[0] for line in mass_ax.lines]
    assert len(set(places)) == len(classes)
    assert_allclose(np.mean(places), 0, atol=1e-12)
    # What is exactly 0 is in the mass, not in the histogram.
    total = sum(np.sum(p.get_data().values * np.diff(p.get_data().edges)) for p in ax.patches)
    assert total < 0.85 * len(classes)


@pytest.mark.parametrize(
    ("scale", "value", "place"), [("linear", 3.0, 3.0), ("log10", 10.0, 1.0), ("sigmoid", 1, 0.5)]
)
def test_marked_source_is_inside(make_model, scale, value, place, check_drawing):
    ax = plot_densities(make_model(scale=scale), "pm", value=value)
    assert "this source" in check_drawing(ax)
    line = next(line for line in ax.lines if line.get_label() == "this source")
    assert_allclose(line.get_xdata(), place)
    assert ax.get_xlim()[0] < place < ax.get_xlim()[1]


def test_extreme_value_does_not_squeeze_the_rest(make_model):
    model = make_model()
    model._values[0] = 1e6
    assert plot_densities(model, "pm").get_xlim()[1] < 2


def test_values_without_a_place(make_model, check_drawing):
    """Zero on a log scale is present, at minus infinity."""
    model = make_model(scale="log10")
    model._values[:5] = -np.inf
    check_drawing(plot_densities(model, "pm"))


def test_few_values(make_model, check_drawing):
    model = make_model()
    model._values, model._codes = np.array([0.3]), np.array([0])
    check_drawing(plot_densities(model, "pm"))
    model._values, model._codes = np.array([]), np.array([], int)
    check_drawing(plot_densities(model, "pm"))


def test_given_axes(make_model):
    _, (ax, other) = plt.subplots(1, 2, layout="constrained")
    assert plot_densities(make_model(), "pm", ax=ax) is ax
    assert not other.lines


def test_unknown_property(make_model):
    with pytest.raises(KeyError, match=r"one of the model's properties \(pm\), got 'hr1'"):
        plot_densities(make_model(), "hr1")


def test_bad_value(make_model):
    with pytest.raises(TypeError, match="value must be a number"):
        plot_densities(make_model(), "pm", value="high")
