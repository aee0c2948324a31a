# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of the properties that have a value, by class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.classification.results import read_classes
from claxboi.properties import known_properties, property_definition
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    check_columns,
    check_names,
    check_table,
    checked,
    is_missing,
)
from claxboi.utils.style import DARK, GREY, new_axes

from ._axis_labels import literal, short_symbol
from ._layout import broken, cell_font_size, label_inches, label_matrix, title_above

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from matplotlib.axes import Axes

__all__ = ["plot_missing"]


@checked
def plot_missing(
    table: Table,
    columns: Sequence[str] | None = None,
    *,
    class_column: str | None = None,
    classes: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """
    Plot the fraction of sources of each class that have a value of each property.

    A property that one class has and another lacks separates them by its presence alone. A property
    that few sources have contributes little, whatever its values.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    columns : sequence of str, optional
        The properties. Default: all known properties of the table, by category.
    class_column : str, optional
        Column with the classes. Default: ``prediction``, else ``class``, else all sources together.
    classes : sequence of str, optional
        The classes to show; all by default.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        One row for each property, one column for all sources and one for each class: the
        percentage of the sources that have a value.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the table has no such column or class, or no known property.

    Examples
    --------
    >>> from claxboi.diagnostics import plot_missing
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(500, rng=1)
    >>> ax = plot_missing(table, ["pm", "gamma"], class_column="true_class")
    >>> ax.get_title(loc="left")
    'Sources with a value [%]'
    """
    check_table(table)
    if isinstance(columns, str):
        raise InputTypeError(f"columns must be a sequence of names, got the string {columns!r}")
    if columns is None:
        columns = _by_category(known_properties(table.colnames))
        if not columns:
            raise InputValueError("columns must be given: the table has no known properties")
    columns = check_names(columns, "columns")
    if not columns:
        raise InputValueError("columns must name at least one property, got none")
    check_columns(table, columns)
    places, values = read_classes(table, class_column, classes)
    groups = {"all": np.ones(len(table), bool)} | {name: values == name for name in places}
    known = ~np.array([is_missing(table, column) for column in columns])
    n_sources = np.array([np.count_nonzero(own) for own in groups.values()])
    n_known = np.array([[np.count_nonzero(row & own) for own in groups.values()] for row in known])
    share = n_known / np.maximum(n_sources, 1)

    rows = [short_symbol(column) for column in columns]
    heads = [f"{broken(name)}\n({n})" for name, n in zip(groups, n_sources, strict=True)]
    ax = new_axes(ax, 2.2 + 0.62 * len(groups), 1.5 + 0.24 * len(columns))
    cell = label_matrix(ax, rows, heads)
    size = cell_font_size(cell, 3)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    for (row, column), part in np.ndenumerate(share):
        if n_sources[column]:
            color = GREY if not part else "white" if part > 0.7 else DARK
            text = _percent(n_known[row, column], n_sources[column])
            ax.text(column, row, text, size=size, color=color, ha="center", va="center")
    ax.axvline(0.5, color="white", linewidth=3)
    for row in _borders(columns):
        ax.axhline(row - 0.5, color="white", linewidth=2)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(literal(class_column) if class_column else "Class")
    title_above(ax, "Sources with a value [%]", left_inches=0.3 + label_inches(["m" * 9], 8.0))
    return ax


def _by_category(columns):
    order = {}
    for column in columns:
        order.setdefault(property_definition(column)["category"], []).append(column)
    return [column for own in order.values() for column in own]


def _borders(columns):
    """
    Find the rows at which the category changes.
    """
    found = [property_definition(column) for column in columns]
    kinds = [record and record["category"] for record in found]
    return [k for k in range(1, len(kinds)) if kinds[k] != kinds[k - 1]]


def _percent(n, n_all):
    # Do not round to 0 or 100 % unless it is exact.
    if 0 < n < 0.005 * n_all:
        return "<1"
    if 0.995 * n_all <= n < n_all:
        return ">99"
    return f"{100 * n / n_all:.0f}"
