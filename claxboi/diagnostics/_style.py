# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
How classes look, the same in every figure: a colour, a marker and a line each.
"""

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
MARKERS = ("o", "*", "s", "^", "D", "v", "X", "P", "p")
LINESTYLES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1, 1, 1, 1, 1)))

# What is no class: axes, references, counts.
DARK = "#333333"
GREY = "#8C8C8C"
PALE = "#EBEBEB"


def class_styles(classes):
    """
    Give each class its colour, marker and line.

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
