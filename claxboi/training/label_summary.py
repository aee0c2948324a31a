# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Summary of labels: their catalogues, overlaps and conflicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from astropy.table import Column, Table

from claxboi.properties import property_definition
from claxboi.utils import (
    ClaxboiWarning,
    InputKeyError,
    check_columns,
    check_table,
    text_values,
    warn,
)

from .label_catalogues import EXTENT_NAME, SIMBAD

__all__ = ["DependentLabelWarning", "LabelReport", "label_report"]

#: Wavelengths of the properties: by category, and by column where a category has several.
_XRAY_CATEGORIES = ("spectrum", "variability")
_INFRARED_COLUMNS = ("log_fx_fw1", "log_fx_fw2")


class DependentLabelWarning(ClaxboiWarning):
    """
    Labels come from the same data as properties: scores on them are too good.
    """


@dataclass(frozen=True, repr=False)
class LabelReport:
    """
    Labels by class and catalogue, with overlaps and conflicts.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.training import add_labels, label_report
    >>> x = Table({"ra": [10.0, 20.0], "dec": [0.0, 0.0], "pos_error": [1.0, 1.0]})
    >>> labelled = add_labels(x, {"AGN": x[:1]}, "4 classes", min_quality=0)
    >>> report = label_report(labelled)
    >>> print(report.classes)
    class n_labelled n_known
    ----- ---------- -------
      AGN          1       1
     star          0       0
      XRB          0       0
       CV          0       0
    >>> report.catalogues.colnames[:4]
    ['class', 'catalogue', 'bit', 'n_sources']
    """

    classes: Table
    """One row per class: ``class, n_labelled``, and ``n_known`` (with any bit)."""

    catalogues: Table
    """One row per class and catalogue: ``class, catalogue, bit, n_sources`` (on which an object of
    it matches), ``n_labelled`` (of these, those that have the class), ``n_alone`` (of these, those
    for which no other catalogue, SIMBAD apart, gives the class) and ``selected_in``."""

    overlaps: Table
    """One row per class and pair of catalogues with sources in common: ``class, catalogue_1,
    catalogue_2, n_sources``."""

    unlabelled: Table
    """One row per source that is in a catalogue and has no class: ``row``, ``source_id`` if
    the table has it, and ``reason``."""

    dependent: Table
    """One row per class and wavelength in which both labels and properties were measured: ``class,
    selected_in, n_labelled`` (for which all catalogues but SIMBAD are of that wavelength)
    and ``properties``."""

    combinations: Table
    """One row per class and set of catalogues that alone have a source, from the largest:
    ``class, bits`` (the sum of the bits of ``catalogues``), ``n_sources`` and ``n_labelled`` (of
    these, those that have the class)."""

    def __str__(self):
        parts = [
            ("Labels by class", self.classes),
            ("Labels by catalogue", self.catalogues[self.catalogues["n_sources"] > 0]),
            ("Catalogues in common", self.overlaps),
            ("Known, but without a class", _grouped(self.unlabelled)),
            ("Labels that are not independent of the properties", self.dependent),
        ]
        return "\n\n".join(
            f"{title}\n" + "\n".join(table.pformat(max_lines=-1, max_width=-1))
            for title, table in parts
            if len(table)
        )

    def __repr__(self):
        n_labelled = int(self.classes["n_labelled"].sum())
        return f"<LabelReport: {n_labelled} labelled sources, {len(self.unlabelled)} left out>"


def label_report(table: Table) -> LabelReport:
    """
    Summarize the labels of a table by class and catalogue.

    Parameters
    ----------
    table : `~astropy.table.Table`
        A table from `add_labels`, possibly with fewer rows and more columns.

    Returns
    -------
    report : `LabelReport`
        Print it for a summary.

    Raises
    ------
    KeyError
        If the table has no labels.

    Warns
    -----
    DependentLabelWarning
        If labels come from catalogues that were selected in X-rays or in the infrared, and the
        table has properties from the same data.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.training import add_labels, label_report
    >>> xray = Table({"ra": [10.0, 20.0], "dec": [5.0, 5.0], "pos_error": [1.0, 1.0]})
    >>> quasars = Table({"ra": [10.0, 20.0], "dec": [5.0, 5.0]})
    >>> own = {"AGN": quasars, "star": quasars[:1]}
    >>> labelled = add_labels(xray, own, {"AGN": "AGN", "star": "star"}, min_quality=0)
    >>> print(label_report(labelled).classes)
    class n_labelled n_known
    ----- ---------- -------
      AGN          1       2
     star          0       1
    """
    check_table(table, allow_empty=True)
    check_columns(table, ["class", "label_reason"])
    settings = table.meta.get("claxboi", {}).get("labels")
    if settings is None:
        raise InputKeyError(
            "table has no record of its labels in meta['claxboi'], which add_labels writes"
        )
    bits, selected_in = settings["bits"], settings["selected_in"]
    names, missing = text_values(table, "class")
    values = {name: np.asarray(table[f"label_{name}"], np.int64) for name in bits}
    has_class = {name: (names == name) & ~missing for name in bits}
    report = LabelReport(
        _classes(values, has_class),
        _catalogues(values, has_class, bits, selected_in),
        _overlaps(values, bits),
        _unlabelled(table),
        _dependent(table, values, has_class, bits, selected_in),
        _combinations(values, has_class),
    )
    if len(report.dependent):
        said = "; ".join(
            f"{row['n_labelled']} labels {row['class']} come from catalogues selected in "
            f"{row['selected_in']} data, as are {row['properties']}"
            for row in report.dependent
        )
        warn(f"labels are not independent of properties: {said}", DependentLabelWarning)
    return report


def _bit(values, bit):
    return (values >> bit & 1).astype(bool)


def _classes(values, has_class):
    return Table(
        {
            "class": Column(list(values), dtype=str),
            "n_labelled": [np.count_nonzero(has_class[name]) for name in values],
            "n_known": [np.count_nonzero(values[name]) for name in values],
        }
    )


def _catalogues(values, has_class, bits, selected_in):
    rows = []
    for name, own in bits.items():
        for catalogue, bit in own.items():
            has_bit = _bit(values[name], bit)
            others = [b for other, b in own.items() if other not in (catalogue, SIMBAD)]
            mask = sum(1 << b for b in others)
            alone = has_bit & has_class[name] & (values[name] & mask == 0)
            rows.append(
                (
                    name,
                    catalogue,
                    1 << bit,
                    np.count_nonzero(has_bit),
                    np.count_nonzero(has_bit & has_class[name]),
                    0 if catalogue == SIMBAD else np.count_nonzero(alone),
                    " ".join(selected_in.get(catalogue, [])),
                )
            )
    columns = ["class", "catalogue", "bit", "n_sources", "n_labelled", "n_alone", "selected_in"]
    return _table(rows, columns, [str, str, int, int, int, int, str])


def _overlaps(values, bits):
    rows = []
    for name, own in bits.items():
        for (first, bit1), (second, bit2) in combinations(own.items(), 2):
            n = np.count_nonzero(_bit(values[name], bit1) & _bit(values[name], bit2))
            if n:
                rows.append((name, first, second, n))
    return _table(rows, ["class", "catalogue_1", "catalogue_2", "n_sources"], [str, str, str, int])


def _combinations(values, has_class):
    rows = []
    for name, own in values.items():
        known = own != 0
        sets, inverse = np.unique(own[known], return_inverse=True)
        n_sources = np.bincount(inverse, minlength=len(sets))
        n_labelled = np.bincount(inverse, weights=has_class[name][known], minlength=len(sets))
        order = np.argsort(-n_sources, kind="stable")
        rows += [(name, sets[k], n_sources[k], n_labelled[k]) for k in order]
    return _table(rows, ["class", "bits", "n_sources", "n_labelled"], [str, int, int, int])


def _unlabelled(table):
    reasons, missing = text_values(table, "label_reason")
    rows = np.flatnonzero(~missing)
    result = Table({"row": rows})
    if "source_id" in table.colnames:
        result["source_id"] = table["source_id"][rows]
    result["reason"] = Column(reasons[rows], dtype=str)
    return result


def _grouped(unlabelled):
    reasons, counts = np.unique(unlabelled["reason"], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return Table({"n_sources": counts[order], "reason": reasons[order]})


def _dependent(table, values, has_class, bits, selected_in):
    known = {
        name: record["category"]
        for name in table.colnames
        if (record := property_definition(name)) is not None
    }
    measured = {
        "X-ray": [name for name, category in known.items() if category in _XRAY_CATEGORIES],
        "infrared": [name for name in known if name in _INFRARED_COLUMNS],
    }
    rows = []
    for name, own in bits.items():
        if EXTENT_NAME in own:
            # The class is defined by a property, so that dependence is obvious.
            continue
        sufficient = {c: bit for c, bit in own.items() if c != SIMBAD}
        for wavelength, properties in measured.items():
            mask = sum(
                1 << bit
                for c, bit in sufficient.items()
                if wavelength not in selected_in.get(c, [])
            )
            every = sum(1 << bit for bit in sufficient.values())
            n = np.count_nonzero(
                has_class[name] & (values[name] & mask == 0) & (values[name] & every != 0)
            )
            if n and properties:
                rows.append((name, wavelength, n, " ".join(properties)))
    return _table(rows, ["class", "selected_in", "n_labelled", "properties"], [str, str, int, str])


def _table(rows, names, dtypes):
    columns = list(zip(*rows, strict=True)) if rows else [[] for _ in names]
    return Table(
        [Column(list(c), dtype=d) for c, d in zip(columns, dtypes, strict=True)], names=names
    )
