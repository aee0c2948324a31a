# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
import itertools
import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from claxboi.diagnostics._style import COLORS, class_styles, new_axes, split_below

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
