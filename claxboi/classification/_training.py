# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Read the values and the labels of a training sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u

from claxboi.catalog import describe
from claxboi.utils import (
    ClaxboiWarning,
    InputTypeError,
    InputValueError,
    check_columns,
    check_label_values,
    check_merge,
    check_names,
    check_table,
    checked,
    float_values,
    read_unit,
    shown,
    text_values,
    warn,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from numpy import ndarray

__all__ = [
    "SmallClassWarning",
    "label_codes",
    "property_units",
    "read_labels",
    "read_values",
]

#: A class with fewer sources is small: it trains, but a warning says how little it can say.
SMALL_CLASS = 10


class SmallClassWarning(ClaxboiWarning):
    """
    A class has few training sources, or too few to be learned.
    """


def property_units(table, properties):
    """
    Choose the unit in which each property is learned.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The training sample.
    properties : sequence of `Property`
        The properties.

    Returns
    -------
    units : list of (str or None)
        That of the vocabulary, in which the bounds are ("": a pure number), or else that of the
        column.
    """
    known = [describe(record.column) for record in properties]
    return [
        _unit(table, record.column) if own is None else own["unit"]
        for record, own in zip(properties, known, strict=True)
    ]


def _unit(table, column):
    text = str(getattr(table[column], "unit", None) or "")
    try:
        unit = read_unit(text)
    except ValueError:
        # The same text in another table is the same unit, and any other one an error.
        return text
    # The numbers of a column in mag(AB) are in mag.
    return None if unit is None else str(u.mag if isinstance(unit, u.MagUnit) else unit)


def read_values(table, properties, *, units=None, name="table"):
    """
    Read the columns of the properties and of their errors.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    properties : sequence of `Property`
        The properties.
    units : list of (str or None), optional
        Unit of each; a column without one is taken to be in it.
    name : str, optional
        Name of the table argument.

    Returns
    -------
    values : `~numpy.ndarray` of shape (n_properties, n)
        NaN where missing.
    errors, limits : dict of int to `~numpy.ndarray` of shape (n,)
        Errors and limits by number of the property.
    """
    needed = [name for record in properties for name in record.columns]
    check_columns(table, needed, name)
    if units is None:
        units = [None] * len(properties)
    values = np.empty((len(properties), len(table)))
    errors, limits = {}, {}
    for p, (record, unit) in enumerate(zip(properties, units, strict=True)):
        values[p] = float_values(table, record.column, unit=unit, name=name)
        if record.error:
            errors[p] = float_values(table, record.error, unit=unit, name=name)
        if record.limit:
            limits[p] = float_values(table, record.limit, unit=unit, name=name)
    return values, errors, limits


def read_labels(table, label, *, merge=None, min_class_size=3, classes=None, name="table"):
    """
    Read the labels of a training sample and decide on its classes.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    label : str
        Name of the label column.
    merge : mapping of str to sequence of str, optional
        New class to the labels that it takes in.
    min_class_size : int, optional
        Smaller classes are left out, with a warning.
    classes : sequence of str, optional
        The classes in order; other labels are ignored. Default: those that there are, sorted,
        numbers as numbers.
    name : str, optional
        Name of the table argument.

    Returns
    -------
    names : list of str
        The classes.
    codes : `~numpy.ndarray` of int, shape (n,)
        Class of each row, -1 where it does not train.
    dropped : list of str
        Classes that were left out.

    Raises
    ------
    KeyError
        If the column is absent.
    ValueError
        If no row has a label, or fewer than two classes are left.
    """
    check_columns(table, [label], name)
    labels, missing = text_values(table, label, name=name)
    if missing.all():
        raise InputValueError(f"label column {label!r} of {name} is empty: no source has a label")
    if merge is not None:
        merge = check_merge(merge)
        labels = _merged(labels, missing, merge, label)
    found = np.unique(labels[~missing])
    if classes is None:
        check_label_values(found, label, name)
        names = _in_order(found)
    else:
        if isinstance(classes, str) or not isinstance(classes, Iterable):
            raise InputTypeError(f"classes must be a sequence of names, got {shown(classes)}")
        names = [str(name) for name in classes]
        absent = [name for name in names if name not in found]
        if absent:
            raise InputValueError(
                f"classes must have labelled sources in column {label!r}; none is labelled "
                f"{', '.join(absent)} (labels there are: {', '.join(_in_order(found))})"
            )
    counts = {name: int(np.count_nonzero(labels[~missing] == name)) for name in names}
    dropped = [name for name in names if counts[name] < min_class_size]
    kept = [name for name in names if name not in dropped]
    if dropped:
        listed = ", ".join(f"{name} ({counts[name]})" for name in dropped)
        warn(
            f"classes with fewer than {min_class_size} labelled sources are left out: {listed}; "
            "merge them into others (merge=) or lower min_class_size",
            SmallClassWarning,
        )
    if len(kept) < 2:
        have = ", ".join(f"{name} ({counts[name]})" for name in names)
        raise InputValueError(
            f"two or more classes with at least {min_class_size} labelled sources are needed; "
            f"column {label!r} of {name} has {have}"
        )
    small = [name for name in kept if counts[name] < SMALL_CLASS]
    if small:
        listed = ", ".join(f"{name} ({counts[name]})" for name in small)
        warn(
            f"classes with fewer than {SMALL_CLASS} labelled sources: {listed}; their densities "
            "and scores are rough",
            SmallClassWarning,
        )
    return kept, _codes(labels, missing, kept), dropped


@checked
def label_codes(
    table: Table,
    label: str,
    classes: Sequence[str],
    merge: Mapping[str, Sequence[str]] | None = None,
) -> ndarray:
    """
    Return the class of each row, -1 where it has no label or that of no class.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table, with the label column.
    label : str
        Name of the label column.
    classes : sequence of str
        The classes.
    merge : mapping of str to sequence of str, optional
        New class to the labels that it takes in; labels that are not there do not matter.

    Returns
    -------
    codes : `~numpy.ndarray` of int, shape (n,)

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.classification import label_codes
    >>> table = Table({"class": ["AGN", "LMXB", "", "star"]})
    >>> label_codes(table, "class", ["AGN", "XRB"], merge={"XRB": ["LMXB", "HMXB"]}).tolist()
    [0, 1, -1, -1]
    """
    check_table(table, allow_empty=True)
    check_columns(table, [label])
    check_names(classes, "classes")
    labels, missing = text_values(table, label)
    merged = labels.astype(object)
    for target, sources in (merge or {}).items():
        names = [sources] if isinstance(sources, str) else [str(name) for name in sources]
        merged[np.isin(labels, names)] = str(target)
    return _codes(merged.astype(str), missing, classes)


def _codes(labels, missing, classes):
    codes = np.full(len(labels), -1)
    for code, name in enumerate(classes):
        codes[(labels == name) & ~missing] = code
    return codes


def _merged(labels, missing, merge, label):
    if not isinstance(merge, Mapping):
        raise InputTypeError(f"merge must map a new class to a list of labels, got {merge!r}")
    found = set(labels[~missing])
    merged = labels.astype(object)
    taken = {}
    for target, sources in merge.items():
        for source in map(str, [sources] if isinstance(sources, str) else sources):
            if source not in found:
                raise InputValueError(
                    f"merge names label {source!r}, which column {label!r} does not have "
                    f"(it has {', '.join(_in_order(found))})"
                )
            if taken.setdefault(source, target) != target:
                raise InputValueError(f"merge puts label {source!r} in two classes")
            merged[labels == source] = str(target)
    return merged.astype(str)


def _in_order(names):
    try:
        return sorted((str(name) for name in names), key=int)
    except ValueError:
        return sorted(str(name) for name in names)
