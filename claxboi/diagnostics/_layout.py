# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
What fits the room that a figure has: sizes of letters, breaks of names, places of legends.
"""

import re
import textwrap

import numpy as np

from ._axis_labels import literal

__all__ = []

#: Axes that with their labels have less room than this, in inches, have the letters of a column of
#: a journal.
NARROW_INCHES = 4.2
#: Labels of rows and columns are broken at spaces after about this many letters.
_LABEL_LETTERS = 16
#: Width of a letter and distance of lines, in units of the size of the letters.
_LETTER, _LINE = 0.56, 1.55
#: The smallest letters of a legend, in points.
_SMALLEST = 5.0
#: What the labels of an axis of numbers take of the room, in inches.
_NUMBERS_INCHES = 0.62
#: Names that are too long to stand side by side.
TURNED = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}


def room_inches(ax):
    """
    Return the width and height that an Axes has together with its labels.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The Axes.

    Returns
    -------
    width, height : float
        In inches.
    """
    place, figure = ax.get_position(original=True), ax.figure
    width, height = figure.bbox.width / figure.dpi, figure.bbox.height / figure.dpi
    if ax.get_subplotspec() is None:  # the labels of a place that was given lie outside it
        return width * place.width + _NUMBERS_INCHES, height * place.height + _NUMBERS_INCHES
    grid = figure.subplotpars
    return (
        width * place.width / (grid.right - grid.left),
        height * place.height / (grid.top - grid.bottom),
    )


def is_narrow(ax):
    """
    Say whether an Axes is as narrow as a column of a journal.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The Axes.

    Returns
    -------
    is_narrow : bool
    """
    return room_inches(ax)[0] < NARROW_INCHES


def axis_letters(ax):
    """
    Return the sizes of the letters on an Axes: those of its labels, and of its ticks.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The Axes.

    Returns
    -------
    label, tick : float
        In points.
    """
    return (8.5, 7.5) if is_narrow(ax) else (10.0, 10.0)


def fit_letters(ax, *panels):
    """
    Make the letters on the axes smaller where they are narrow.

    Parameters
    ----------
    ax, *panels : `~matplotlib.axes.Axes`
        The Axes, which decides, and those that belong to it.
    """
    if is_narrow(ax):
        label, tick = axis_letters(ax)
        for one in (ax, *panels):
            one.xaxis.label.set_size(label)
            one.yaxis.label.set_size(label)
            one.tick_params(which="both", labelsize=tick)
            one.title.set_size(label)


def broken(text, n_letters=_LABEL_LETTERS):
    """
    Break a long name at spaces, and protect it from being read as a formula.

    Parameters
    ----------
    text : str
        A name of the user's.
    n_letters : int, optional
        Letters of a line; a longer word stays whole.

    Returns
    -------
    text : str
    """
    settings = {"break_long_words": False, "break_on_hyphens": False}
    return literal(textwrap.fill(str(text), max(n_letters, 8), **settings) or str(text))


def label_inches(labels, size):
    """
    Estimate the width of the widest of several labels.

    Parameters
    ----------
    labels : sequence of str
        The labels, perhaps of several lines.
    size : float
        Size of the letters, in points.

    Returns
    -------
    width : float
        In inches.
    """
    lines = (line for label in labels for line in label.split("\n"))
    longest = max((len(_seen(line)) for line in lines), default=0)
    return _LETTER * size / 72 * longest


def _seen(text):
    """
    Return about what is seen of a text with formulae.
    """
    if "$" not in text:
        return text
    text = re.sub(r"\\(mathrm|,)", "", text)
    return re.sub(r"\\[a-zA-Z]+|[{}$_^]", lambda found: _letter(found[0]), text)


def _letter(command):
    # A function is written out; a Greek letter is one.
    return command[1:] if command == r"\log" else "x" if command[0] == "\\" else ""


def label_matrix(ax, rows, columns, *, n_rows=None, n_columns=None):
    """
    Write the names at the rows and columns of a matrix, and say which letters fit its cells.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The matrix, with cells 1 wide and high.
    rows, columns : sequence of str
        The names, of one or several lines. Those of the columns are turned where they do not
        fit.
    n_rows, n_columns : float, optional
        How many cells there is room for, if more than named ones.

    Returns
    -------
    cell_inches : (float, float)
        Width and height of a cell, about.
    """
    width, height = room_inches(ax)
    label_size, size = axis_letters(ax)
    cell_width = (width - label_inches(rows, size) - 0.45) / (n_columns or len(columns))
    is_long = label_inches(columns, size) > cell_width - 0.04
    # Names of several lines would touch each other if they were only tilted.
    is_upright = is_long and _n_lines(columns) > 1
    turned = {"rotation": 90, "ha": "center", "va": "top"} if is_upright else TURNED
    below = label_inches(columns, size) * (1.0 if is_upright else 0.64) if is_long else 0.2
    cell_height = (height - below - 0.6) / (n_rows or len(rows))
    cell = max(cell_width, 0.05), max(cell_height, 0.05)
    size_x = min(size, line_letters(cell[0], columns)) if is_upright else size
    ax.set_xticks(range(len(columns)), columns, size=size_x, **(turned if is_long else {}))
    ax.set_yticks(range(len(rows)), rows, size=min(size, line_letters(cell[1], rows)))
    ax.tick_params(length=0)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_size(label_size)
    return cell


def line_letters(inches, labels):
    """
    Return the largest size of letters at which labels of several lines do not touch.

    Parameters
    ----------
    inches : float
        How far one label is from the next.
    labels : sequence of str
        The labels.

    Returns
    -------
    size : float
        In points.
    """
    return max(72 * inches / (1.25 * _n_lines(labels)), 4.0)


def _n_lines(labels):
    return max((label.count("\n") + 1 for label in labels), default=1)


def cell_letters(cell_inches, n_letters, n_lines=1, *, largest=9.5):
    """
    Return the size of letters that fit a cell.

    Parameters
    ----------
    cell_inches : (float, float)
        Its width and height.
    n_letters, n_lines : int
        What is written in it.
    largest : float, optional
        The largest size.

    Returns
    -------
    size : float
        In points.
    """
    width, height = (72 * inches for inches in cell_inches)
    return float(np.clip(min(width / (0.66 * n_letters), height / (1.25 * n_lines)), 3.5, largest))


def legend_above(
    ax,
    handles=None,
    *,
    title=None,
    most=4,
    left_inches=_NUMBERS_INCHES,
    lift=0.0,
    most_points=None,
):
    """
    Put a legend above an Axes, in as many columns as there is room for.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The Axes. Without a labelled artist there is no legend.
    handles : sequence of `~matplotlib.artist.Artist`, optional
        What is explained; all labelled artists by default.
    title : str, optional
        What stands above the entries, in lines that fit.
    most : int, optional
        The largest number of columns.
    left_inches : float, optional
        What the labels at the left of the Axes take of the room.
    lift : float, optional
        Room that is left between the Axes and the legend, in points.
    most_points : float, optional
        The height that there is room for; in less than it needs, the letters are smaller, if
        that helps.

    Returns
    -------
    height : float
        About that of the legend, in points; 0 if there is none.
    """
    from matplotlib.transforms import ScaledTranslation

    handles = ax.get_legend_handles_labels()[0] if handles is None else handles
    if not handles:
        return 0.0
    room = max(room_inches(ax)[0] - left_inches, 0.5)
    usual = 7.0 if is_narrow(ax) else 8.5
    # Where no letters fit, small ones would be of no use: a layout squeezes the Axes instead.
    for size in (*np.arange(usual, _SMALLEST - 0.1, -0.5), usual):
        n_columns = _n_columns(handles, size, room, most)
        lines = _title_lines(title, size + 0.5, room)
        n_lines = -(-len(handles) // n_columns) + len(lines)
        height = _LINE * size * n_lines + size + lift
        if most_points is None or height <= most_points:
            break
    legend = ax.legend(
        handles=handles,
        title="\n".join(lines) or None,
        title_fontsize=size + 0.5,
        alignment="left",
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        bbox_transform=ax.transAxes + ScaledTranslation(0, lift / 72, ax.figure.dpi_scale_trans),
        ncols=n_columns,
        frameon=False,
        fontsize=size,
        borderpad=0.2,
        columnspacing=0.8,
        handlelength=1.8,
        handletextpad=0.4,
    )
    legend.set_zorder(6)
    return float(height)


def _n_columns(handles, size, room, most):
    widths = [size / 72 * (3.4 + _LETTER * len(one.get_label())) for one in handles]
    for n in range(min(most, len(widths)), 1, -1):
        # As a legend fills its columns: one after the other.
        if sum(max(column) for column in np.array_split(widths, n)) <= room:
            return n
    return 1


def _title_lines(title, size, room):
    return textwrap.wrap(title or "", max(int(room / (0.53 * size / 72)), 12))


def title_above(ax, title, above=0.0, *, left_inches=_NUMBERS_INCHES):
    """
    Put a title above an Axes and its legend.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The Axes.
    title : str
        The title; it is broken where it does not fit.
    above : float, optional
        What `legend_above` answered.
    left_inches : float, optional
        What the labels at the left of the Axes take of the room.

    Returns
    -------
    height : float
        About that of the title, in points.
    """
    size, _ = axis_letters(ax)
    room = max(room_inches(ax)[0] - left_inches, 0.5)
    title = textwrap.fill(title, max(int(room / (_LETTER * size / 72)), 12))
    ax.set_title(title, loc="left", size=size, pad=4 + above)
    return 1.2 * size * (1 + title.count("\n")) + 4
