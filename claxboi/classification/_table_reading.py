# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Read tables for a classifier: values, labels, and which rows trained it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u

from claxboi.catalog import describe
from claxboi.utils import (
    ClaxboiWarning,
    InputTypeError,
    InputValueError,
    check_classes,
    check_columns,
    check_label_values,
    check_merge,
    check_names,
    check_table,
    checked,
    float_values,
    read_unit,
    text_values,
    warn,
)

from ._identity import IdentityWarning, read_identity
from ._source_arrays import Sample, Sources, TrainingRows, sample_weights
from .properties import parse_properties, without_absent_limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from numpy import ndarray

__all__ = [
    "FLUX_COLUMN",
    "SmallClassWarning",
    "find_identity",
    "label_codes",
    "read_fluxes",
    "read_labels",
    "read_sample",
    "read_sources",
    "read_values",
]

log = logging.getLogger(__name__)

#: Column by which the labelled and the unlabelled sources are compared.
FLUX_COLUMN = "flux"

#: A class with fewer sources is small: it trains, but a warning says how little it can say.
SMALL_CLASS = 10


class SmallClassWarning(ClaxboiWarning):
    """
    A class has few training sources, or too few to be learned.
    """


def read_sample(model, table, label, sample_weight=None, id=None, *, name="table"):
    """
    Read and check a training sample, before any work.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        The settings: properties, classes, merged labels and smallest class.
    table : `~astropy.table.Table`
        The sample.
    label, sample_weight, id
        As for `NaiveBayesClassifier.fit`.
    name : str, optional
        Name of the table argument.

    Returns
    -------
    sample : `Sample`
    """
    check_table(table, name)
    records = parse_properties(model._given_properties, table.colnames)
    names, codes, dropped = read_labels(
        table,
        label,
        merge=model.merge,
        min_class_size=model.min_class_size,
        classes=model.classes,
        name=name,
    )
    # Before the table is cut, so that the error names the columns of the caller's table.
    read_values(table[:1], records, name=name)
    units = property_units(table, records)
    rows = np.flatnonzero(codes >= 0)
    weights = sample_weights(sample_weight, len(table))
    identity = read_identity(table, id, name=name)[rows]
    part = table[rows]
    values, errors, limits = read_values(part, records, units=units, name=name)
    training = TrainingRows(
        values, errors, codes[rows], weights[rows], read_fluxes(part), identity, limits=limits
    )
    return Sample(records, names, training, table, rows, units, label, id, dropped)


def read_sources(model, table, *, label=None, is_checked=True, parent=None):
    """
    Read the sources of a table and find those that trained a model.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        A fitted model.
    table : `~astropy.table.Table`
        The sources.
    label : str, optional
        Label column, which tells apart the training rows of one source. Default: that of the fit.
    is_checked : bool, optional
        Whether to warn where labelled rows might have trained the model.
    parent : tuple of (`~astropy.table.Table`, slice), optional
        The table that the rows are a part of, and which part.

    Returns
    -------
    sources : `Sources`
    """
    model._check_fitted()
    check_table(table)
    records = without_absent_limits(model.properties, table.colnames)
    values, errors, limits = read_values(table, records, units=model._units)
    absent = [p for p, one in enumerate(model.properties) if one.limit and p not in limits]
    limits |= {p: np.full(len(table), np.nan) for p in absent}
    if absent and (parent is None or not parent[1].start):
        names = ", ".join(model.properties[p].limit for p in absent)
        warn(
            f"table has no column {names}: missing values of the property are taken to be "
            "unknown, not beyond a limit"
        )
    if parent is None or not parent[1].start:
        _warn_unknown_units(model, table)
    training = model._core.training
    if training is None:
        return Sources(values, errors)
    identity = find_identity(model, table)
    whole, part = (table, slice(None)) if parent is None else parent
    rows = model._known_tables.find(whole, values, training.values, part)
    compared = ("rows",)
    if rows is None:
        match = identity.match(training.identity)
        rows, compared = match.rows, match.compared
        _warn_uncertain(match, len(table))
    elif (rows < 0).any():
        # A source may have another row, without a label.
        others = np.flatnonzero(rows < 0)
        rows = rows.copy()
        rows[others] = identity[others].match(training.identity).rows
    label = model.label if label is None else label
    if label in table.colnames:
        codes = label_codes(table, label, model.classes_, model.merge)
        rows = training.choose_rows(rows, codes)
        if is_checked and not compared and (codes >= 0).any():
            warn(
                "the table has labels, but no identifiers or positions in common with the "
                "training sample, so all of its rows are treated as new sources. If some of them "
                "trained the model, their probabilities are not held out: add source_id or ra and "
                "dec to both tables",
                IdentityWarning,
            )
    return Sources(values, errors, rows, training, compared=compared, limits=limits)


def _warn_unknown_units(model, table):
    """Warn of columns that have a unit which the training sample did not have."""
    if model._units is None:  # of a run of the original scripts
        return
    found = {
        record.column: unit
        for record, learned in zip(model.properties, model._units, strict=True)
        # A logarithm in dex is a pure number.
        if learned is None and (unit := _unit(table, record.column)) not in (None, "", "dex")
    }
    if found:
        said = ", ".join(f"{name} [{unit}]" for name, unit in found.items())
        warn(
            f"properties of the model that had no unit in its training sample have one in the "
            f"table: {said}. Their numbers are taken as they are: if the training sample is in "
            "another unit, the probabilities are wrong. Give its columns a unit before the fit"
        )


def find_identity(model, table):
    """Read the identifiers of a table: those of the fit's column, or else the usual one."""
    return read_identity(table, model.id if model.id in table.colnames else None)


def _warn_uncertain(match, n):
    """Warn where it is uncertain which rows trained the model."""
    parts = []
    if match.n_near:
        parts.append(f"{match.n_near} others lie within 2 arcsec of a training source")
    if match.n_far:
        parts.append(
            f"{match.n_far} others have the identifier of a training source more than 1 arcmin "
            "away, and are treated as new sources"
        )
    if match.n_moved:
        parts.append(
            f"{match.n_moved} of them are 2 arcsec to 1 arcmin away from the training source "
            "of their identifier"
        )
    if parts:
        warn(
            f"{np.count_nonzero(match.rows >= 0)} of {n} rows are training sources (by identifier, "
            f"or by position within 0.2 arcsec) and are held out. {'; '.join(parts)}. The "
            "probabilities of rows that are treated as new sources are not held out; name another "
            "column of identifiers with id= of the fit",
            IdentityWarning,
        )


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


def read_fluxes(table):
    """
    Read the fluxes of sources, for comparison with those of others.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.

    Returns
    -------
    flux : `~numpy.ndarray` of shape (n,) or None
        In erg/s/cm2; None without a column, or where its unit is that of something else.
    """
    if FLUX_COLUMN not in table.colnames:
        return None
    try:
        return float_values(table, FLUX_COLUMN, unit=describe(FLUX_COLUMN)["unit"])
    except u.UnitsError as err:
        log.info("fluxes are not compared: %s", err)
        return None


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
        The classes in order; other labels are ignored. Default: all, sorted,
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
        names = check_classes(classes)
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
