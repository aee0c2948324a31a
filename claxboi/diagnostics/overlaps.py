# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Which catalogues the labels come from, and what they have in common.
"""

import numpy as np

from claxboi.training import LabelReport
from claxboi.utils import check_choice

from ._labels import literal
from ._style import DARK, PALE, new_axes

__all__ = ["plot_training_overlap"]


def plot_training_overlap(report, *, class_name=None, ax=None):
    """
    Plot how many labelled sources the catalogues of a class have in common.

    Parameters
    ----------
    report : `~claxboi.training.LabelReport`
        What `claxboi.training.label_report` found.
    class_name : str, optional
        The class; None takes the one with most catalogues.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`
        A matrix of the catalogues that have sources: on the diagonal the number of sources
        of each, below it those that two have in common, shaded by their part of the smaller
        of the two. The last column counts the sources whose label rests on one catalogue alone.

    Raises
    ------
    TypeError, ValueError
        If it is no report, no class has a source, or there is no such class.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.diagnostics import plot_training_overlap
    >>> from claxboi.training import add_labels, label_report
    >>> xray = Table({"ra": [10.0, 20.0], "dec": [5.0, 5.0], "pos_error": [1.0, 1.0]})
    >>> quasars = Table({"ra": [10.0, 20.0], "dec": [5.0, 5.0]})
    >>> own = {"optical": quasars, "radio": quasars[:1]}
    >>> labelled = add_labels(xray, own, {"AGN": ["optical", "radio"]}, min_quality=0)
    >>> report = label_report(labelled)
    >>> ax = plot_training_overlap(report)
    >>> ax.get_title(loc="left")
    'AGN: 2 labelled sources'
    """
    if not isinstance(report, LabelReport):
        raise TypeError(f"report must be what label_report() returns, got {type(report).__name__}")
    rows = report.catalogues[report.catalogues["n_sources"] > 0]
    names = [str(name) for name in dict.fromkeys(rows["class"])]
    if not names:
        raise ValueError("report must have a catalogue with a source, got none")
    if class_name is None:
        class_name = max(names, key=lambda name: np.count_nonzero(rows["class"] == name))
    check_choice(class_name, names, "class_name")
    rows = rows[rows["class"] == class_name]
    rows = rows[np.argsort(-np.asarray(rows["n_sources"]), kind="stable")]
    catalogues = [str(name) for name in rows["catalogue"]]
    sizes = np.asarray(rows["n_sources"])
    common = _common(report.overlaps, class_name, catalogues)

    n = len(catalogues)
    ax = new_axes(ax, 2.4 + 0.62 * (n + 1), 1.8 + 0.46 * n)
    for i in range(n):
        for j in range(i + 1):
            count = sizes[i] if i == j else common[i, j]
            share = 0.0 if i == j else count / min(sizes[i], sizes[j])
            _cell(ax, j, i, count, share, is_diagonal=i == j)
        _cell(ax, n + 0.15, i, rows["n_alone"][i], 0.0, is_diagonal=False)
    ax.set_xlim(-0.5, n + 0.65)
    ax.set_ylim(n - 0.5, -0.5)
    shown = [literal(name) for name in catalogues]
    turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks([*range(n), n + 0.15], [*shown, "alone"], **turned)
    ax.get_xticklabels()[-1].set_style("italic")
    ax.set_yticks(range(n), shown)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    n_labelled = report.classes["n_labelled"][report.classes["class"] == class_name][0]
    title = f"{literal(class_name)}: {n_labelled} labelled sources"
    ax.set_title(title, loc="left", size=10)
    return ax


def _common(overlaps, class_name, catalogues):
    place = {name: k for k, name in enumerate(catalogues)}
    common = np.zeros((len(place), len(place)), int)
    for row in overlaps[overlaps["class"] == class_name]:
        i, j = place[str(row["catalogue_1"])], place[str(row["catalogue_2"])]
        common[i, j] = common[j, i] = row["n_sources"]
    return common


def _cell(ax, x, y, count, share, *, is_diagonal):
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    face = colormaps["Blues"](0.8 * share) if share else "white"
    face = PALE if is_diagonal else face
    ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor="white"))
    color = "white" if share > 0.7 else DARK
    weight = "bold" if is_diagonal else "normal"
    ax.text(x, y, f"{count}", color=color, size=9, ha="center", va="center", weight=weight)
