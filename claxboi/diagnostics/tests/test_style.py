# Licensed under a 3-clause BSD style license - see LICENSE.rst
import itertools
import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from claxboi.diagnostics import plot_alternatives, plot_confusion, plot_outliers, plot_track
from claxboi.diagnostics._layout import broken, label_inches, legend_above
from claxboi.utils.style import COLORS, class_styles, new_axes, split_below

# Machado, Oliveira & Fernandes 2009, severity 1: linear RGB as seen without one kind of cone.
VISIONS = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(color, vision):
    """CIE L*a*b* (D65) of a colour as it is seen."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(vision) @ linear, 0, 1)
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    xyz = to_xyz @ seen / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISIONS)
def test_colors_are_told_apart_by_all(vision):
    seen = [lab(color, VISIONS[vision]) for color in COLORS]
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    # A difference of 2.3 is just noticeable; some room is wanted on thin lines.
    assert min(distances) > 15
    # White has a lightness of 100.
    assert max(color[0] for color in seen) < 75


def test_many_classes_never_look_the_same():
    styles = class_styles([f"class {k}" for k in range(100)])
    assert len({str(style) for style in styles.values()}) == 100


def test_order_decides():
    assert class_styles(["a", "b"])["b"] == class_styles(["x", "b"])["b"]
    assert class_styles(["a", "b"])["b"] != class_styles(["b", "a"])["b"]


def test_given_axes_are_used():
    ax = plt.figure().add_subplot()
    assert new_axes(ax, 1, 1) is ax


@pytest.mark.parametrize("has_grid", [True, False])
def test_split(has_grid):
    figure = plt.figure()
    ax = figure.add_subplot() if has_grid else figure.add_axes([0.1, 0.1, 0.8, 0.8])
    before = ax.get_position()
    panel = split_below(ax, 0.25)
    above, below = ax.get_position(), panel.get_position()
    assert below.y1 < above.y0
    assert below.y0 == pytest.approx(before.y0)
    assert above.y1 == pytest.approx(before.y1)
    assert 2 < above.height / below.height < 4
    assert plt.gca() is ax
    ax.set_xlim(3, 4)
    assert panel.get_xlim() == (3, 4)


def test_import_is_light():
    code = "import sys, claxboi.diagnostics; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_long_names_are_broken_at_spaces():
    assert broken("active galactic nucleus") == "active galactic\nnucleus"
    assert broken("2CXO_J145930.2-605320_long") == "2CXO_J145930.2-605320_long"
    assert broken("a $ b") == r"a \$ b"
    assert broken("") == ""


def test_width_of_labels_is_that_of_what_is_seen():
    assert label_inches(["abc", "ab\nabcd"], 10) == label_inches(["abcd"], 10)
    plain, formula = "log10(FX/FRP)", r"$\log_{10}(F_\mathrm{X}/F_\mathrm{RP})$"
    assert label_inches([formula], 10) == label_inches([plain], 10)
    assert label_inches([], 10) == 0


@pytest.mark.parametrize("width", [3.4, 7.0])
def test_legend_has_the_columns_that_fit(width, check_drawing):
    figure, ax = plt.subplots(figsize=(width, 4), layout="constrained")
    for k in range(9):
        ax.plot([0, 1], label="x" * (22 if k == 8 else 5))
    height = legend_above(
        ax, title="a title that is much longer than a column is wide, as some are"
    )
    check_drawing(ax)
    legend = ax.get_legend()
    box = legend.get_window_extent()
    assert box.x1 <= figure.bbox.x1
    assert height == pytest.approx(box.height / figure.dpi * 72, rel=0.25)
    columns = {round(text.get_window_extent().x0) for text in legend.get_texts()}
    assert len(columns) == (3 if width < 4 else 4)


def test_legend_becomes_smaller_where_there_is_little_height():
    _, ax = plt.subplots(figsize=(3.4, 3))
    for k in range(8):
        ax.plot([0, 1], label=f"a very long name of a class {k}")
    usual = legend_above(ax)
    assert legend_above(ax, most_points=0.8 * usual) <= 0.8 * usual
    assert legend_above(ax, most_points=0) == usual


def test_without_entries_there_is_no_legend():
    ax = plt.figure().add_subplot()
    assert legend_above(ax) == 0
    assert ax.get_legend() is None


@pytest.mark.parametrize("classes", [8, "long"], indirect=True)
@pytest.mark.parametrize("plot", [plot_confusion, plot_alternatives, plot_outliers, plot_track])
def test_names_do_not_touch_in_a_column(plot, evaluation, result, check_drawing):
    result["alternative"] = ""
    figure, ax = plt.subplots(figsize=(3.4, 3.4), layout="constrained")
    plot(*{plot_confusion: (evaluation,), plot_track: (result, 3)}.get(plot, (result,)), ax=ax)
    check_drawing(ax)
    for labels in (ax.get_yticklabels(), ax.get_xticklabels()):
        boxes = [one.get_window_extent() for one in labels if one.get_text().strip()]
        if ax.get_yscale() == "log" and labels[0] in ax.get_yticklabels():
            continue  # ticks outside the limits have places too
        assert all(figure.bbox.padded(2).contains(box.x0, box.y0) for box in boxes)
        is_tilted = labels[0].get_rotation() not in (0, 90)
        touch = [a.shrunk(0.9, 0.9).overlaps(b) for a, b in itertools.pairwise(boxes)]
        # Boxes of tilted names overlap where the names do not.
        assert is_tilted or not any(touch)
