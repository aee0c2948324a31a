# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
On which kind of data the predictions hang.
"""

import numpy as np

from claxboi.utils import text_values

from ._labels import literal
from ._result import read_record
from ._style import DARK, GREY, new_axes, width_inches

__all__ = ["plot_alternatives"]

#: Cells narrower than this have small letters.
_NARROW_INCHES = 0.8


def plot_alternatives(result, *, ax=None):
    """
    Plot how many predictions of each class would be another one without a category of properties.

    A class that is lost without one category hangs on it; where its values are doubtful, so is the
    class.

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
        One row for each predicted class, one column for each category: the part of the
        sources that would change, and the class that most of these would become.

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
    classes, categories = read_record(result, lambda *_: ["prediction", "alternative"])
    prediction, _ = text_values(result, "prediction", name="result")
    alternative, _ = text_values(result, "alternative", name="result")
    changed = _count(prediction, alternative, classes, categories)
    totals = np.array([np.count_nonzero(prediction == name) for name in classes])
    share = changed.sum(axis=2) / np.maximum(totals, 1)[:, None]

    ax = new_axes(ax, 2.2 + 1.2 * len(categories), 1.2 + 0.52 * len(classes))
    is_narrow = width_inches(ax) / max(len(categories), 1) < _NARROW_INCHES
    size, small = (7.0, 5.0) if is_narrow else (9.5, 7.5)
    # A change of 1 in 100 is what one looks for, as in a confusion matrix.
    ax.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    for (row, column), part in np.ndenumerate(share):
        if totals[row] == 0:
            continue
        color = "white" if np.sqrt(part) > 0.7 else DARK
        text = f"{100 * part:.1f}%" if part else "0"
        grey = {"color": color if part else GREY, "ha": "center", "va": "center"}
        ax.text(column, row - (0.15 if part else 0), text, size=size if part else small, **grey)
        if part:
            other = classes[int(np.argmax(changed[row, column]))]
            ax.text(column, row + 0.24, f"to {literal(other)}", size=small, **grey)
    turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if is_narrow else {}
    ax.set_xticks(range(len(categories)), [literal(name) for name in categories], **turned)
    rows = [f"{literal(name)} ({n})" for name, n in zip(classes, totals, strict=True)]
    ax.set_yticks(range(len(classes)), rows)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("Without this category")
    ax.set_ylabel("Predicted class")
    n_changed = np.count_nonzero(alternative != "")
    ax.set_title(f"{n_changed} of {len(result)} change", loc="left", size=10)
    return ax


def _count(prediction, alternative, classes, categories):
    """
    Count the changes, by prediction, category and what it would be.
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
    Split "location:star spectrum:CV", where names may have spaces themselves.
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
