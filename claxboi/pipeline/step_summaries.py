# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Short summary of each step.
"""

import numpy as np

from claxboi.properties import known_properties
from claxboi.utils import float_values, is_missing, text_values

from .steps import mission_of

__all__ = ["summarize"]


def summarize(step, table):
    """
    Summarize what a step added to the table.

    Parameters
    ----------
    step : str
        The step.
    table : `~astropy.table.Table`
        The table after it.

    Returns
    -------
    text : str
        On one line.
    """
    return _SUMMARIES[step](table)


def _catalogue(table):
    of = f"{mission_of(table)} sources" if mission_of(table) else "sources"
    flags = [
        f"{np.count_nonzero(float_values(table, name) == 1)} {name.removeprefix('is_')}"
        for name in ("is_suspect", "is_crowded", "is_blended")
        if name in table.colnames
    ]
    return ", ".join([f"{len(table)} {of}", *flags])


def _counterparts(table):
    columns = [name for name in table.colnames if name.endswith("_reference")]
    found = [text for name in columns for text in _counts(table, name)]
    return f"{', '.join(found) or 'no'} counterparts"


def _hosts(table):
    return f"{_number(table, 'galaxy_id')} sources with a host galaxy"


def _properties(table):
    columns = known_properties(table.colnames)
    return f"{len(columns)}: {', '.join(columns[:6])}{', ...' if len(columns) > 6 else ''}"


def _variability(table):
    if "n_fluxes" not in table.colnames:
        return "no other mission"
    return f"{np.count_nonzero(float_values(table, 'n_fluxes') > 1)} sources with several fluxes"


def _labels(table):
    return ", ".join(_counts(table, "class")) or "no source is labelled"


def _classes(table):
    return ", ".join(_counts(table, "prediction"))


_SUMMARIES = {
    "catalogue": _catalogue,
    "counterparts": _counterparts,
    "hosts": _hosts,
    "properties": _properties,
    "variability": _variability,
    "labels": _labels,
    "classes": _classes,
}


def _number(table, column):
    if column not in table.colnames:
        return 0
    return len(table) - np.count_nonzero(is_missing(table, column))


def _counts(table, column):
    """List the values of a column of texts, the most frequent first."""
    if column not in table.colnames:
        return []
    values, missing = text_values(table, column)
    names, counts = np.unique(values[~missing], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [f"{names[k]} {counts[k]}" for k in order]
