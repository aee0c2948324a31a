# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Choose the sample to train on: labelled rows, another table, or the sample of a mission.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from astropy.table import Table

from claxboi.catalog import missions
from claxboi.config import MIN_CLASS_SIZE
from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    check_choice,
    check_label_values,
    check_table,
    checked,
    text_values,
    warn,
)

from .samples import build

__all__ = ["find_training", "mission_of"]


@checked
def find_training(
    table: Table,
    training: str | Table | None,
    *,
    label: Any = "class",
    merge: Any = None,
    min_class_size: Any = MIN_CLASS_SIZE,
    assumed: str | None = None,
    show_progress: Any = True,
) -> Table:
    """
    Find the sample to train on.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources to classify.
    training : None, str or `~astropy.table.Table`
        A labelled table, the name of a mission, or None to choose.
    label, merge, min_class_size, show_progress
        As for `~claxboi.classify`.
    assumed : str, optional
        The mission to use for a table that does not say its own. Default: an error.

    Returns
    -------
    sample : `~astropy.table.Table`
        With the column ``label``: ``training`` if it is a table; ``table`` itself, if it has two
        or more classes to learn; else the sample of its mission, see `build`.

    Raises
    ------
    TypeError
        If ``training`` is neither a Table nor a mission.
    KeyError, ValueError
        If there is nothing to learn from.
    `~claxboi.references.FetchError`
        As for `build`.

    Examples
    --------
    >>> from claxboi.simulation import make_labelled_sample
    >>> from claxboi.training import find_training
    >>> table = make_labelled_sample(500, rng=1)
    >>> find_training(table, None) is table
    True
    """
    check_table(table, allow_empty=True)
    if assumed is not None:
        check_choice(assumed, missions(), "assumed")
    if isinstance(training, Table):
        return check_table(training, "training")
    if isinstance(training, str):
        return _mission_sample(training, label, show_progress)
    if training is not None:
        raise InputTypeError(
            "training must be a labelled Table or the name of a mission, got "
            f"{type(training).__name__}"
        )
    counts = _count_labels(table, label, merge)
    if sum(n >= min_class_size for n in counts.values()) >= 2:
        return table
    mission = mission_of(table)
    why = ""
    if not mission and assumed:
        mission, why = assumed, ", as the table does not name its mission"
    if not mission:
        # Too few of some classes: the error of a fit says of which.
        if not counts:
            _refuse_unlabelled(table, label)
        return table
    said = ", ".join(f"{n} {name}" for name, n in counts.items()) or "none"
    warn(
        f"the table has too few labelled sources to learn from ({said}): using the training sample "
        f"of {mission}{why}; pass training= for another one"
    )
    return _mission_sample(mission, label, show_progress)


def mission_of(table: Table) -> str | None:
    """
    Find the mission of a table, from its metadata or the band of its fluxes.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.

    Returns
    -------
    mission : str or None
        The mission that `claxboi.catalog.standardize` recorded, else the one whose fluxes are all
        in the band of the column ``flux_band``. None if neither says.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.training import mission_of
    >>> mission_of(Table({"flux": [1e-14], "flux_band": ["0.2-12"]}))
    '4XMM'
    """
    check_table(table, allow_empty=True)
    mission = table.meta.get("claxboi", {}).get("catalog", {}).get("mission")
    if mission or "flux_band" not in table.colnames:
        return mission
    bands, missing = text_values(table, "flux_band")
    found = set(bands[~missing])
    same = (name for name, one in missions().items() if one.reference and {one.flux_band} == found)
    return next(same, None)


def _count_labels(table, label, merge):
    """Count the labelled sources of each class."""
    if label not in table.colnames:
        return {}
    labels, missing = text_values(table, label)
    new = {str(old): name for name, many in (merge or {}).items() for old in np.atleast_1d(many)}
    counts = dict(Counter(new.get(name, str(name)) for name in labels[~missing]))
    check_label_values(counts, label, "table")
    return counts


def _refuse_unlabelled(table, label):
    """Raise an error with the ways to train on something else."""
    remedy = (
        "Label sources with add_labels, or pass training= (a labelled table, or a mission such as "
        "'4XMM' whose sample is built from VizieR) or model="
    )
    if label not in table.colnames:
        columns = ", ".join(table.colnames)
        raise InputKeyError(f"table has no column {label!r}; its columns are {columns}. {remedy}")
    raise InputValueError(
        f"label column {label!r} of table is empty: no source has a label. {remedy}"
    )


def _mission_sample(mission, label, show_progress):
    sample = build(mission, show_progress=show_progress).table
    if label != "class":
        sample = sample.copy()
        sample.rename_column("class", label)
    return sample
