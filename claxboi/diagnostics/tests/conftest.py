# Licensed under a 3-clause BSD style license - see LICENSE.rst
import matplotlib as mpl
import numpy as np
import pytest
from astropy.table import Table
from matplotlib import pyplot as plt

from claxboi.classification import Evaluation, Property

CLASSES = {
    4: ["AGN", "star", "XRB", "CV"],
    7: ["AGN", "star", "gal_XRB", "CV", "AGN_2", "ex_XRB", "extended"],
    8: ["AGN", "CV", "HM-STAR", "HMXB", "LM-STAR", "LMXB", "NS", "YSO"],
    "long": [
        "active galactic nucleus",
        "chromospherically active star",
        "Galactic X-ray binary",
        "cataclysmic variable",
        "AGN behind a nearby galaxy",
        "extragalactic X-ray binary",
        "cluster of galaxies at $z$",
        "young stellar object",
    ],
}
CATEGORIES = ["location", "spectrum", "counterparts", "variability"]


@pytest.fixture(autouse=True)
def settings_and_figures():
    """A figure changes no setting of matplotlib, and ends with its test."""
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before


@pytest.fixture
def classes(request):
    """The published classes; with ``indirect`` parametrization, those of the given number."""
    return CLASSES[getattr(request, "param", 7)]


@pytest.fixture
def probabilities(classes):
    """Probabilities of 300 sources and their true classes, drawn from them."""
    rng = np.random.default_rng(5)
    values = rng.dirichlet(np.full(len(classes), 0.25), 300)
    codes = (rng.random(300)[:, None] > values.cumsum(axis=1)).sum(axis=1)
    return values, codes


@pytest.fixture
def evaluation(classes, probabilities):
    priors = np.arange(len(classes), 0, -1.0)
    return Evaluation.from_probabilities(
        probabilities[1],
        probabilities[0],
        classes,
        priors=priors / priors.sum(),
        method="leave-one-out",
    )


@pytest.fixture
def result(classes, probabilities):
    """A classified table, as far as the figures look at it."""
    values, _ = probabilities
    rng = np.random.default_rng(6)
    table = Table({"source_id": [f"J{k:04d}" for k in range(300)]})
    for k, name in enumerate(classes):
        table[f"P_{name}"] = values[:, k]
    table["prediction"] = np.array(classes)[values.argmax(axis=1)]
    table["outlier"] = rng.gamma(4, 1, 300)
    for category in CATEGORIES:
        marginal = rng.dirichlet(np.ones(len(classes)), 300)
        for k, name in enumerate(classes):
            table[f"P_{name}_{category}"] = marginal[:, k]
    table.meta["claxboi"] = {"classification": {"classes": classes, "categories": CATEGORIES}}
    return table


class FakeModel:
    """A classifier with normal densities, as far as the figures look at it."""

    def __init__(self, classes, scale="linear", atoms=()):
        rng = np.random.default_rng(7)
        self.classes_ = classes
        self.properties = (Property("pm", scale=scale),)
        self._codes = rng.integers(0, len(classes), 500)
        self._values = 0.1 * self._codes + rng.normal(0, 0.1, 500)
        self._atoms = np.array(atoms, float)

    def training_values(self, column):
        return self._values, self._codes

    def atoms(self, column):
        masses = np.linspace(0.1, 0.5, len(self.classes_))
        return self._atoms, np.tile(masses, (len(self._atoms), 1))

    def density(self, column, values):
        scaled = self.properties[0].apply_scale(values)
        middles = 0.1 * np.arange(len(self.classes_))
        return np.exp(-0.5 * ((scaled[:, None] - middles) / 0.1) ** 2) / (0.1 * np.sqrt(2 * np.pi))


@pytest.fixture
def make_model(classes):
    return lambda **settings: FakeModel(classes, **settings)


@pytest.fixture(scope="session")
def check_drawing():
    """Draw a figure to memory; return its visible texts after checking that all lie inside it."""

    def check(ax):
        figure = ax.figure
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        texts = [
            text
            for text in figure.findobj(mpl.text.Text)
            if text.get_visible() and text.get_text().strip()
        ]
        # Ticks outside the limits are kept, invisible, at impossible places.
        ticks = {
            label
            for axes in figure.findobj(mpl.axes.Axes)
            for axis in (axes.xaxis, axes.yaxis)
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            for label in (tick.label1, tick.label2)
        }
        for text in texts:
            box = text.get_window_extent(renderer)
            if text not in ticks:
                assert figure.bbox.padded(2).containsx(box.x0), text
                assert figure.bbox.padded(2).containsx(box.x1), text
                assert figure.bbox.padded(2).containsy(box.y0), text
                assert figure.bbox.padded(2).containsy(box.y1), text
        return [text.get_text() for text in texts]

    return check
