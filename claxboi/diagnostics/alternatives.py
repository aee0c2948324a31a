# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figure of the predictions that change without a category of properties.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.classification.results import read_classified
from claxboi.utils import text_values
from claxboi.utils.style import DARK, GREY, new_axes

from ._layout import broken, cell_font_size, label_inches, label_matrix, title_above

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes

__all__ = ["plot_alternatives"]

#: Smallest font size of the new class, in points.
_SMALLEST = 4.2


def plot_alternatives(result: Table, *, ax: Axes | None = None) -> Axes:
    """
    Plot the fraction of predictions that would change without a category of properties.

    Predictions that depend on one category are as uncertain as its values.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Table as `claxboi.classify` returns it, with its columns ``prediction`` and
        ``alternative``.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        One row for each predicted class, one column for each category: the fraction of sources that
        would change and, where there is space, the class that most of them would become.

    Raises
    ------
    ValueError
        If the table was not classified.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.diagnostics import plot_alternatives
    >>> from claxboi.simulation import make_labelled_sample
    >>> result = classify(make_labelled_sample(2000, rng=1), "training")
    >>> ax = plot_alternatives(result)
    >>> ax.get_xlabel()
    'Without this category'
    """
    classes, categories = read_classified(result, ["prediction", "alternative"])
    prediction, _ = text_values(result, "prediction", name="result")
    alternative, _ = text_values(result, "alternative", name="result")
    changed = _count(prediction, alternative, classes, categories)
    totals = np.array([np.count_nonzero(prediction == name) for name in classes])
    share = changed.sum(axis=2) / np.maximum(totals, 1)[:, None]

    ax = new_axes(ax, 2.2 + 1.2 * len(categories), 1.2 + 0.52 * len(classes))
    others = [broken(f"to {name}") for name in classes]
    rows = [f"{broken(name)} ({n})" for name, n in zip(classes, totals, strict=True)]
    cell = label_matrix(ax, rows, [broken(name) for name in categories])
    size = cell_font_size(cell, 6, 2)
    n_characters, n_lines = (
        max(len(line) for name in others for line in name.split("\n")),
        max(name.count("\n") + 1 for name in others),
    )
    small = min(0.8 * size, cell_font_size(cell, n_characters, 1.5 + n_lines))
    # Changes of 1 % matter, as in a confusion matrix.
    ax.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    for (row, column), part in np.ndenumerate(share):
        if totals[row] == 0:
            continue
        color = "white" if np.sqrt(part) > 0.7 else DARK
        text = f"{100 * part:.1f}%" if part else "0"
        up = 0.18 if part and small >= _SMALLEST else 0
        grey = {"color": color if part else GREY, "ha": "center", "va": "center"}
        ax.text(column, row - up, text, size=size if part else 0.8 * size, **grey)
        if up:
            other = others[int(np.argmax(changed[row, column]))]
            ax.text(column, row + 0.2, other, size=small, **grey)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("Without this category")
    ax.set_ylabel("Predicted class")
    n_changed = np.count_nonzero(alternative != "")
    title = f"{n_changed} of {len(result)} change"
    title_above(ax, title, left_inches=0.4 + label_inches(rows, 8.0))
    return ax


def _count(prediction, alternative, classes, categories):
    """
    Count the changes by prediction, category and new class.
    """
    counts = np.zeros((len(classes), len(categories), len(classes)), int)
    # Few combinations occur among many sources.
    pairs, n = np.unique(np.stack([prediction, alternative]), axis=1, return_counts=True)
    known = {
        f"{category}:{name}": (t, c)
        for t, category in enumerate(categories)
        for c, name in enumerate(classes)
    }
    for before, changes, number in zip(*pairs, n, strict=True):
        if before in classes:
            for change in _split(changes, known):
                counts[classes.index(before), *known[change]] += number
    return counts


def _split(changes, known):
    """
    Split "location:star spectrum:CV"; names may contain spaces.
    """
    found, words = [], changes.split(" ")
    start = 0
    while start < len(words):
        for end in range(len(words), start, -1):
            name = " ".join(words[start:end])
            if name in known:
                found.append(name)
                start = end
                break
        else:
            start += 1
    return found
