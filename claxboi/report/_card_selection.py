# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Selection of the sources in the page, and of those with a full card.
"""

import numpy as np

from claxboi.applications import inspection_list
from claxboi.utils import (
    InputIndexError,
    InputKeyError,
    InputTypeError,
    find_rows,
    float_values,
    text_values,
)

from ._column_display import identifiers

__all__ = ["choose_rows", "choose_sources", "requested_rows"]

#: A class with a smaller share of the expected sources is rare.
RARE_SHARE = 0.1


def choose_rows(result, classes, n_cards):
    """
    Choose the sources worth inspecting.

    Parameters
    ----------
    result : `~astropy.table.Table`
        The classified table.
    classes : list of str
        Its classes.
    n_cards : int
        Maximum number.

    Returns
    -------
    rows : `~numpy.ndarray` of int
        Those of `~claxboi.applications.inspection_list`, then the others by outlier p-value;
        training sources come last.
    reasons : list of str
        Why each is worth inspecting; empty where there is no reason.
    """
    if n_cards == 0:
        return np.empty(0, int), []
    expected = [np.nan_to_num(float_values(result, f"P_{name}")).mean() for name in classes]
    rare = [name for name, share in zip(classes, expected, strict=True) if share < RARE_SHARE]
    chosen = inspection_list(result, rare=rare, limit=n_cards)
    rows = np.array(chosen["row"], int)
    reasons = [str(reason) for reason in chosen["inspection_reason"]]
    pvalue = np.nan_to_num(float_values(result, "outlier_pvalue"), nan=1.0)
    trained = float_values(result, "is_training") > 0
    order = np.lexsort((pvalue, trained))
    rest = order[~np.isin(order, rows)][: n_cards - len(rows)]
    return np.append(rows, rest), reasons + [""] * len(rest)


def choose_sources(result, classes, cards, n_sources):
    """
    Select the sources that the page lists.

    Parameters
    ----------
    result : `~astropy.table.Table`
        The classified table.
    classes : list of str
        Its classes.
    cards : `~numpy.ndarray` of int
        The sources with a full card.
    n_sources : int
        Maximum number of sources.

    Returns
    -------
    rows : `~numpy.ndarray` of int or None
        The sources with a card, and the same number of others of each predicted class: all of a
        small class, every n-th source of a large one. In the order of the table; None stands for
        all sources.
    """
    if len(result) <= n_sources:
        return None
    prediction, _ = text_values(result, "prediction")
    is_chosen = np.zeros(len(result), bool)
    is_chosen[cards[:n_sources]] = True
    groups = [np.flatnonzero((prediction == name) & ~is_chosen) for name in classes]
    groups.append(np.flatnonzero(~np.isin(prediction, classes) & ~is_chosen))
    left = n_sources - np.count_nonzero(is_chosen)
    for k, group in enumerate(sorted(groups, key=len)):
        n = min(len(group), left // (len(groups) - k))
        is_chosen[group[np.linspace(0, len(group) - 1, n).astype(int)]] = True
        left -= n
    return np.flatnonzero(is_chosen)


def requested_rows(result, sources):
    """
    Find the rows of the requested sources.

    Parameters
    ----------
    result : `~astropy.table.Table`
        The classified table.
    sources : sequence of (int or str), or `~astropy.table.Table`
        Row numbers, identifiers, or a table with a column of identifiers.

    Returns
    -------
    rows : `~numpy.ndarray` of int
        In the order of ``sources``, each once.

    Raises
    ------
    KeyError
        If no source has a given name.
    IndexError
        If a row number does not exist.
    TypeError
        If they are neither numbers nor names.
    """
    if hasattr(sources, "colnames"):
        column, names = identifiers(sources)
        if column is None:
            raise InputKeyError(
                "sources must have identifiers in a column source_id; its columns are "
                f"{', '.join(sources.colnames)}"
            )
        sources = names
    wanted = np.asarray(sources)
    if wanted.ndim != 1:
        raise InputTypeError(f"sources must be a list of rows or identifiers, got {sources!r}")
    if wanted.dtype.kind == "b":
        raise InputTypeError(
            "sources must be rows or identifiers, got a mask: pass np.flatnonzero(mask)"
        )
    if wanted.size == 0:
        return np.empty(0, int)
    if wanted.dtype.kind in "iu":
        outside = (wanted < 0) | (wanted >= len(result))
        if outside.any():
            raise InputIndexError(
                f"sources must be rows from 0 to {len(result) - 1}, got {wanted[outside][0]}"
            )
        rows = wanted
    else:
        wanted, _ = text_values({"sources": wanted}, "sources")
        names = identifiers(result)[1]
        rows = find_rows(wanted, np.zeros(wanted.shape, bool), names, np.zeros(names.shape, bool))
        if np.any(rows < 0):
            raise InputKeyError(f"sources: the result has no source {str(wanted[rows < 0][0])!r}")
    return np.array(list(dict.fromkeys(rows.tolist())))
