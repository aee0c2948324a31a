# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Layout helpers for figures: font sizes, line breaks, legends and titles.
"""

import re
import textwrap

import numpy as np

from ._axis_labels import literal

__all__ = []

#: Axes narrower than this with their labels, in inches, get the font sizes of a journal column.
NARROW_INCHES = 4.2
#: Labels of rows and columns are broken at spaces after about this many characters.
_LABEL_CHARACTERS = 16
#: Mean character width and line distance, in units of the font size.
_LETTER, _LINE = 0.56, 1.55
#: Smallest font size of a legend, in points.
_SMALLEST = 5.0
#: Width of the labels of a numeric axis, in inches.
_NUMBERS_INCHES = 0.62
#: Names too long to be side by side.
TURNED = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}


def space_inches(ax):
    """
    Return width and height of an Axes together with its labels.

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
    Check whether an Axes is as narrow as a journal column.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The Axes.

    Returns
    -------
    is_narrow : bool
    """
    return space_inches(ax)[0] < NARROW_INCHES


def axis_font_sizes(ax):
    """
    Return the font sizes of axis labels and tick labels.

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


def fit_font_sizes(ax, *panels):
    """
    Reduce the font sizes of narrow axes.

    Parameters
    ----------
    ax, *panels : `~matplotlib.axes.Axes`
        The Axes whose width decides, and its other panels.
    """
    if is_narrow(ax):
        label, tick = axis_font_sizes(ax)
        for one in (ax, *panels):
            one.xaxis.label.set_size(label)
            one.yaxis.label.set_size(label)
            one.tick_params(which="both", labelsize=tick)
            one.title.set_size(label)


def broken(text, n_characters=_LABEL_CHARACTERS):
    """
    Break a long name at spaces, and escape it for matplotlib.

    Parameters
    ----------
    text : str
        The name.
    n_characters : int, optional
        Characters per line; longer words are not broken.

    Returns
    -------
    text : str
    """
    settings = {"break_long_words": False, "break_on_hyphens": False}
    return literal(textwrap.fill(str(text), max(n_characters, 8), **settings) or str(text))


def label_inches(labels, size):
    """
    Estimate the width of the widest of several labels.

    Parameters
    ----------
    labels : sequence of str
        The labels, possibly of several lines.
    size : float
        Font size in points.

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
    Return roughly the visible characters of a text with formulae.
    """
    if "$" not in text:
        return text
    text = re.sub(r"\\(mathrm|,)", "", text)
    return re.sub(r"\\[a-zA-Z]+|[{}$_^]", lambda found: _letter(found[0]), text)


def _letter(command):
    # Names of functions are visible; Greek letters are one character.
    return command[1:] if command == r"\log" else "x" if command[0] == "\\" else ""


def label_matrix(ax, rows, columns, *, n_rows=None, n_columns=None):
    """
    Label the rows and columns of a matrix, and return the size of its cells.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The matrix, with cells 1 wide and high.
    rows, columns : sequence of str
        The names, of one or several lines. Column names that do not fit are rotated.
    n_rows, n_columns : float, optional
        Number of cells, if larger than the number of names.

    Returns
    -------
    cell_inches : (float, float)
        Approximate width and height of a cell.
    """
    width, height = space_inches(ax)
    label_size, size = axis_font_sizes(ax)
    cell_width = (width - label_inches(rows, size) - 0.45) / (n_columns or len(columns))
    is_long = label_inches(columns, size) > cell_width - 0.04
    # Tilted names of several lines would touch each other.
    is_upright = is_long and _n_lines(columns) > 1
    turned = {"rotation": 90, "ha": "center", "va": "top"} if is_upright else TURNED
    below = label_inches(columns, size) * (1.0 if is_upright else 0.64) if is_long else 0.2
    cell_height = (height - below - 0.6) / (n_rows or len(rows))
    cell = max(cell_width, 0.05), max(cell_height, 0.05)
    size_x = min(size, line_font_size(cell[0], columns)) if is_upright else size
    ax.set_xticks(range(len(columns)), columns, size=size_x, **(turned if is_long else {}))
    ax.set_yticks(range(len(rows)), rows, size=min(size, line_font_size(cell[1], rows)))
    ax.tick_params(length=0)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_size(label_size)
    return cell


def line_font_size(inches, labels):
    """
    Return the largest font size at which labels of several lines do not touch.

    Parameters
    ----------
    inches : float
        Distance between labels.
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


def cell_font_size(cell_inches, n_characters, n_lines=1, *, largest=9.5):
    """
    Return the font size that fits a cell.

    Parameters
    ----------
    cell_inches : (float, float)
        Its width and height.
    n_characters, n_lines : int
        Characters per line and number of lines in it.
    largest : float, optional
        The largest size.

    Returns
    -------
    size : float
        In points.
    """
    width, height = (72 * inches for inches in cell_inches)
    return float(
        np.clip(min(width / (0.66 * n_characters), height / (1.25 * n_lines)), 3.5, largest)
    )


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
    Place a legend above an Axes, in as many columns as fit.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The Axes. Without a labelled artist there is no legend.
    handles : sequence of `~matplotlib.artist.Artist`, optional
        Artists in the legend; all labelled ones by default.
    title : str, optional
        Title above the entries, broken into lines.
    most : int, optional
        The largest number of columns.
    left_inches : float, optional
        Width of the labels at the left of the Axes.
    lift : float, optional
        Space between the Axes and the legend, in points.
    most_points : float, optional
        Available height, in points; the font is reduced if the legend is higher.

    Returns
    -------
    height : float
        Approximate height of the legend, in points; 0 if there is none.
    """
    from matplotlib.transforms import ScaledTranslation

    handles = ax.get_legend_handles_labels()[0] if handles is None else handles
    if not handles:
        return 0.0
    space = max(space_inches(ax)[0] - left_inches, 0.5)
    usual = 7.0 if is_narrow(ax) else 8.5
    # Where no font size fits, the layout shrinks the Axes instead.
    for size in (*np.arange(usual, _SMALLEST - 0.1, -0.5), usual):
        n_columns = _n_columns(handles, size, space, most)
        lines = _title_lines(title, size + 0.5, space)
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


def _n_columns(handles, size, space, most):
    widths = [size / 72 * (3.4 + _LETTER * len(one.get_label())) for one in handles]
    for n in range(min(most, len(widths)), 1, -1):
        # Matplotlib fills the columns of a legend one after the other.
        if sum(max(column) for column in np.array_split(widths, n)) <= space:
            return n
    return 1


def _title_lines(title, size, space):
    return textwrap.wrap(title or "", max(int(space / (0.53 * size / 72)), 12))


def title_above(ax, title, above=0.0, *, left_inches=_NUMBERS_INCHES):
    """
    Place a title above an Axes and its legend.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
        The Axes.
    title : str
        The title; long titles are broken into lines.
    above : float, optional
        Height that `legend_above` returned.
    left_inches : float, optional
        Width of the labels at the left of the Axes.

    Returns
    -------
    height : float
        Approximate height of the title, in points.
    """
    size, _ = axis_font_sizes(ax)
    space = max(space_inches(ax)[0] - left_inches, 0.5)
    title = textwrap.fill(title, max(int(space / (_LETTER * size / 72)), 12))
    ax.set_title(title, loc="left", size=size, pad=4 + above)
    return 1.2 * size * (1 + title.count("\n")) + 4
