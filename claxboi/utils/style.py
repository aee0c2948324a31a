# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Colours, markers and lines of classes and categories, the same in every figure.
"""

import numpy as np

from .exceptions import InputTypeError

__all__ = []

# Okabe & Ito 2008, "Color Universal Design", without their yellow, which is not legible as a line
# on white, and with a brown. Under protan, deutan and tritan vision (Machado et al. 2009) the brown
# brings no two of them closer than they were.
COLORS = (
    "#0072B2",  # blue
    "#E69F00",  # orange
    "#D55E00",  # vermillion
    "#009E73",  # green
    "#56B4E9",  # sky blue
    "#CC79A7",  # purple
    "#000000",  # black
    "#7A4B1E",  # brown
)
# Categories of properties (Tol 2021, "Colour Schemes", muted): none is the colour of a class.
CATEGORY_COLORS = ("#332288", "#999933", "#882255", "#DDCC77", "#44AA99")
MARKERS = ("o", "*", "s", "^", "D", "v", "X", "P", "p")
LINESTYLES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1, 1, 1, 1, 1)))

# Things other than classes: axes, references, counts.
DARK = "#333333"
GREY = "#8C8C8C"
PALE = "#EBEBEB"
# Classes that are drawn together, or left out.
SHADE = "#BDBDBD"


def class_styles(classes):
    """
    Return the colour, marker and line style of each class.

    Parameters
    ----------
    classes : sequence of str
        Classes in the order of the model, which decides.

    Returns
    -------
    styles : dict of str to dict
        Keys ``color, marker, linestyle``, as `~matplotlib.lines.Line2D` takes them. The three lists
        have lengths without a common factor, so hundreds of classes differ in one of them at least.
    """
    return {
        name: {
            "color": COLORS[k % len(COLORS)],
            "marker": MARKERS[k % len(MARKERS)],
            "linestyle": LINESTYLES[k % len(LINESTYLES)],
        }
        for k, name in enumerate(classes)
    }


def category_colors(categories):
    """
    Return the colour of each category of properties.

    Parameters
    ----------
    categories : sequence of str
        Categories in the order of the model.

    Returns
    -------
    colors : dict of str to str
    """
    return {
        name: CATEGORY_COLORS[k % len(CATEGORY_COLORS)]
        for k, name in enumerate(dict.fromkeys(categories))
    }


def place_styles(places):
    """
    Return the styles of some classes, the same as in figures of all classes.

    Parameters
    ----------
    places : dict of str to int
        For each class its place among all of them.

    Returns
    -------
    styles : dict of str to dict
        As of `class_styles`, in the order of the argument.
    """
    every = class_styles(range(max(places.values(), default=-1) + 1))
    return {name: every[place] for name, place in places.items()}


def new_axes(ax, width, height):
    """
    Return the given Axes, or those of a new figure.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes` or None
        Where to draw.
    width, height : float
        Size of a new figure, in inches.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
    """
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    return check_axes(ax)


def check_axes(ax):
    """
    Check that an argument is an Axes.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The argument.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    TypeError
        If it is anything else, such as the array of several of them.
    """
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise InputTypeError(f"ax must be an Axes of matplotlib, got {type(ax).__name__}")
    return ax


def split_below(ax, share):
    """
    Cut a panel off the lower part of an Axes, with the same x-axis.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The Axes, which becomes smaller.
    share : float
        Part of its height that the new panel takes.

    Returns
    -------
    panel : `~matplotlib.axes.Axes`
    """
    spec = ax.get_subplotspec()
    if spec is None:  # made with figure.add_axes, which knows no grid
        left, bottom, width, height = ax.get_position().bounds
        ax.set_position([left, bottom + share * height, width, (1 - share) * height])
        panel = ax.figure.add_axes([left, bottom, width, (share - 0.02) * height], sharex=ax)
    else:
        # Unlike an axes divider, a grid within the grid goes with constrained layout.
        upper, lower = spec.subgridspec(2, 1, height_ratios=[1 - share, share], hspace=0.06)
        ax.set_subplotspec(upper)
        panel = ax.figure.add_subplot(lower, sharex=ax)
    ax.figure.sca(ax)
    ax.tick_params(labelbottom=False)
    return panel


def hide_spines(ax, *sides):
    """
    Hide the frame of an Axes on some sides.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The Axes.
    *sides : {"left", "right", "top", "bottom"}
        The sides.
    """
    for side in sides:
        ax.spines[side].set_visible(False)


def marker_style(style, size):
    """
    Return the properties of the markers of a class, for `~matplotlib.lines.Line2D`.

    Parameters
    ----------
    style : dict
        One of `class_styles`.
    size : float
        Size of a round marker, in points; a star is larger for the same area.

    Returns
    -------
    settings : dict
    """
    return {
        "color": style["color"],
        "marker": style["marker"],
        "markersize": size * (1.5 if style["marker"] == "*" else 1.0),
        "linestyle": "none",
        "markeredgecolor": "white" if size > 5 else "none",
        "markeredgewidth": 0.4,
    }


def arrow_marker(east, north):
    """
    Make a marker that is an arrow with its tail at the value.

    Parameters
    ----------
    east, north : float
        Where it points.

    Returns
    -------
    marker : `~matplotlib.path.Path`
    """
    from matplotlib.path import Path

    angle = np.arctan2(north, east)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shape = np.array([[0, -0.18], [0, 0.18], [0, 0], [1, 0], [0.7, -0.17], [1, 0], [0.7, 0.17]])
    codes = [Path.MOVETO, Path.LINETO, Path.MOVETO] + [Path.LINETO] * 2 + [Path.MOVETO, Path.LINETO]
    return Path(shape @ turn, codes)


def width_inches(ax):
    """
    Return the width of an Axes before its figure is laid out.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The Axes.

    Returns
    -------
    width : float
        In inches.
    """
    # A part of a figure has no get_size_inches().
    return ax.figure.bbox.width / ax.figure.dpi * ax.get_position(original=True).width


def marker_size(ax, n):
    """
    Return the size of markers: large for few sources, small for many and in a narrow Axes.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        Where they are drawn.
    n : int
        Their number.

    Returns
    -------
    size : float
        In points: from 6 for up to a hundred to 2 for tens of thousands.
    """
    size = np.clip(6.0 - 1.6 * np.log10(max(n, 1) / 100), 2.0, 6.0)
    return float(size * np.clip(width_inches(ax) / 5.0, 0.6, 1.0))
