# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Read runs of the original CLAXBOI scripts (Tranin et al. 2022), and compute their densities.

Written from the formulas of the paper and from what the scripts compute; it contains none of
their code.
"""

import ast
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table

from claxboi.utils import ClaxboiWarning, InputValueError, check_table, warn

from ._likelihood import LikelihoodModel
from ._table_reading import label_codes, read_labels, read_values
from .densities import TabulatedDensities
from .properties import CATEGORY_ALIASES, Property

__all__ = ["OriginalRun", "build_original", "original_densities", "read_original"]

#: Name of the kernel that stands for the tables of the original scripts.
ORIGINAL_KERNEL = "original"

#: The scale numbers of ``cat.in``.
ORIGINAL_SCALES = {"1": "linear", "2": "log10", "0": "sigmoid"}

#: Name of the label column of the original catalogues, and of their error columns.
ORIGINAL_LABEL = "class"
ERROR_PREFIX = "e_"

#: The recipe of the densities: cells per range, distinct values below which a class has a
#: histogram, decimals of the files, floor in units of one over the number of bins.
CELLS = 100
DISTINCT_VALUES = 10
DECIMALS = 3
FLOOR_ADDED = 0.01
FLOOR_TOTAL = 0.02


def _round2(value):
    """Keep two significant digits."""
    if value == 0:
        return 0.0
    return float(np.round(value, 1 - int(np.floor(np.log10(abs(value))))))


def original_densities(record, values, codes, class_names):
    """
    Make the densities of one property as the original scripts do.

    Sums of exponential kernels of one bandwidth, range/(5 n^(1/5)), in 99 bins over the rounded
    range; a histogram for a class with fewer than 10 distinct values; three decimals.

    Parameters
    ----------
    record : `Property`
        The property.
    values : `~numpy.ndarray` of shape (n,)
        Scaled values of the labelled sources; NaN where missing.
    codes : `~numpy.ndarray` of int, shape (n,)
        Their classes.
    class_names : list of str
        Names of the classes.

    Returns
    -------
    densities : `TabulatedDensities`
    """
    finite = np.isfinite(values)
    values, codes = values[finite], codes[finite]
    if len(values) == 0 or np.ptp(values) == 0:
        raise InputValueError(
            f"property {record.column!r} has fewer than two values among the training sources: "
            "it cannot classify; leave it out"
        )
    upper, span = _round2(values.max()), _round2(np.ptp(values))
    step = span / CELLS
    edges = np.linspace(upper - span - step, upper + step, int(CELLS * span / span))
    middles = (edges[:-1] + edges[1:]) / 2
    bandwidth = span / (5 * len(values) ** 0.2)
    tables = np.empty((len(class_names), len(middles)))
    for c in range(len(class_names)):
        own = values[codes == c]
        if len(np.unique(own)) < DISTINCT_VALUES:
            tables[c] = np.histogram(own, edges)[0]
        else:
            distance = np.abs(middles[:, np.newaxis] - own)
            tables[c] = np.exp(-distance / bandwidth).sum(axis=1) / (2 * bandwidth)
    edges = np.round(edges, DECIMALS)
    return _tabulated(record, edges[:-1], edges[1:], np.round(tables, DECIMALS))


def _tabulated(record, low, high, tables):
    n_bins = tables.shape[1]
    total = tables.sum(axis=1, keepdims=True)
    # A class without any value in the table is uniform once the floor is added.
    q = np.divide(tables, total, out=np.zeros_like(tables, dtype=float), where=total > 0)
    q = (q + FLOOR_ADDED / n_bins) / (1 + FLOOR_TOTAL / n_bins)
    return TabulatedDensities(record, (low + high) / 2, q / q.sum(axis=1, keepdims=True))


@dataclass
class OriginalRun:
    """
    Contents of the files of a run of the original scripts.

    Attributes
    ----------
    records : tuple of `Property`
        The properties that were used.
    categories : list of str
        Names of the categories, in their order.
    weights : list of float
        Weight of the missing-value term, then of each category.
    classes : list of str
        Names of the classes.
    priors : dict of str to float
        Their prior proportions.
    densities : list of `TabulatedDensities`
        One per property.
    codes : `~numpy.ndarray` of int
        Class of each labelled source of the run's catalogue.
    present : `~numpy.ndarray` of bool, shape (n_properties, n)
        Which properties they have.
    """

    records: tuple
    categories: list
    weights: list
    classes: list
    priors: dict
    densities: list
    codes: np.ndarray
    present: np.ndarray


def read_original(cat_in, config, distrib, *, table=None):
    """
    Read the files of a run of the original scripts.

    Parameters
    ----------
    cat_in, config, distrib : str or path
        The file of properties, the configuration, and the folder of the densities.
    table : `~astropy.table.Table`, optional
        The run's catalogue; by default the file that the configuration names, next to the
        configuration.

    Returns
    -------
    run : `OriginalRun`

    Raises
    ------
    FileNotFoundError
        If a file is absent.
    ValueError
        If a file is not what it should be; the file is named.
    """
    settings = _read_config(Path(config))
    table = _read_catalogue(settings, Path(config)) if table is None else check_table(table)
    categories = [CATEGORY_ALIASES.get(name, name) for name in settings["categories"]]
    records = _read_properties(Path(cat_in), categories, table.colnames)
    names = [str(name) for name in settings["classnames"]]
    if len(settings["trueprop"]) != len(names):
        raise InputValueError(
            f"{config}: trueprop must have one number for each of the {len(names)} classnames, "
            f"got {len(settings['trueprop'])}"
        )
    if len(settings["global_coeffs"]) != len(categories) + 1:
        raise InputValueError(
            f"{config}: global_coeffs must have {len(categories) + 1} numbers (missing, then the "
            f"categories), got {len(settings['global_coeffs'])}"
        )
    numbers = read_labels(table, ORIGINAL_LABEL, min_class_size=1)[0]
    if len(numbers) > len(names):
        raise InputValueError(
            f"{config}: there are {len(names)} classnames for the {len(numbers)} labels of the "
            f"catalogue ({', '.join(numbers)})"
        )
    # The original numbers its classes; names may be used as labels too.
    labels = names if set(numbers) <= set(names) else [str(k) for k in range(len(names))]
    codes = label_codes(table, ORIGINAL_LABEL, labels)
    labelled = codes >= 0
    values = read_values(table[labelled], [Property(r.column) for r in records])[0]
    return OriginalRun(
        records=records,
        categories=categories,
        weights=[float(value) for value in settings["global_coeffs"]],
        classes=names,
        priors=dict(zip(names, map(float, settings["trueprop"]), strict=True)),
        densities=[_read_density(Path(distrib), record, len(names)) for record in records],
        codes=codes[labelled],
        present=~np.isnan(values),
    )


def build_original(cls, cat_in, config, distrib, *, table=None):
    """
    Build a classifier from a run of the original scripts.

    Parameters
    ----------
    cls : type
        Class of the model, `NaiveBayesClassifier`.
    cat_in, config, distrib, table
        As for `read_original`.

    Returns
    -------
    model : object of ``cls``
    """
    run = read_original(cat_in, config, distrib, table=table)
    model = cls(run.records, normalization="original", kernel=ORIGINAL_KERNEL)
    core = model._core
    # The run's order, and categories without a property, which do not count.
    core.categories = tuple(name for name in run.categories if name in core.categories)
    given = dict(zip(["missing", *run.categories], run.weights, strict=True))
    core.set_weights({name: given[name] for name in ("missing", *core.categories)})
    member = (run.codes == np.arange(len(run.classes))[:, np.newaxis]).astype(float)
    core.classes_ = run.classes
    core.class_counts_ = member.sum(axis=1)
    core.likelihood = LikelihoodModel(
        run.densities, core.categories, run.present @ member.T, core.class_counts_
    )
    model.label = ORIGINAL_LABEL
    # The original numbers its classes: its labels are read as their names.
    model.merge = {name: [str(k)] for k, name in enumerate(run.classes)}
    model.default_priors = run.priors
    warn_in_sample()
    return model


def _read_config(path):
    settings = {}
    for number, line in enumerate(map(str.strip, path.read_text().splitlines()), start=1):
        if not line or line.startswith(("#", "[")):
            continue
        key, separator, value = line.partition(":")
        try:
            settings[key.strip()] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError) as err:
            raise InputValueError(f"{path}, line {number}: cannot read {line!r}") from err
        if not separator:
            raise InputValueError(f"{path}, line {number}: expected 'key: value', got {line!r}")
    needed = ("categories", "global_coeffs", "classnames", "trueprop")
    missing = [key for key in needed if key not in settings]
    if missing:
        raise InputValueError(
            f"{path} has no {', '.join(missing)}: it is not the configuration of a run"
        )
    return settings


def _read_catalogue(settings, config):
    name = settings.get("filename", "")
    path = config.parent / os.path.basename(name) if name else None
    if path is None or not path.is_file():
        raise FileNotFoundError(
            f"the catalogue {name!r} that {config} names is not next to it: pass it as table="
        )
    if path.suffix == ".csv":
        return Table.read(path, format="ascii.csv")
    return Table.read(path)


def _read_properties(path, categories, columns):
    records = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        fields = line.split("#")[0].split()
        if not fields or fields[1] == "0":
            continue
        if len(fields) != 6 or fields[5] not in ORIGINAL_SCALES:
            raise InputValueError(
                f"{path}, line {number}: expected name, to_use, weight, category, pba_ifnull, "
                f"scale (0, 1 or 2), got {line.strip()!r}"
            )
        name, _, weight, category, _, scale = fields
        if not category.isdigit() or not 1 <= int(category) <= len(categories):
            raise InputValueError(
                f"{path}, line {number}: the category must be a number from 1 to "
                f"{len(categories)}, got {category!r}"
            )
        error = ERROR_PREFIX + name
        inverse = weight == "auto" and error in columns
        records.append(
            Property(
                name,
                category=categories[int(category) - 1],
                scale=ORIGINAL_SCALES[scale],
                error=error if inverse else None,
                weight="1/error" if inverse else 1.0 if weight == "auto" else float(weight),
            )
        )
    if not records:
        raise InputValueError(f"{path} uses no property (its second column is 0 everywhere)")
    return tuple(records)


def _read_density(folder, record, n_classes):
    path = folder / f"{record.column}.dat"
    if not path.is_file():
        raise FileNotFoundError(f"the density of {record.column!r} is missing: {path}")
    try:
        table = np.loadtxt(path, ndmin=2)
    except ValueError as err:
        raise InputValueError(f"{path} must be a table of numbers: {err}") from err
    if table.shape[1] != n_classes + 2:
        raise InputValueError(
            f"{path} must have {n_classes + 2} columns (LOW, HIGH and one per class), got "
            f"{table.shape[1]}"
        )
    low, high, *tables = table.T
    tables = np.array(tables)
    # The scripts weigh sources by 1/error where the weight is "auto": missing errors give NaN.
    unknown = ~np.isfinite(tables)
    if unknown.any():
        columns = ", ".join(f"Cl{c}_COUNT" for c in np.flatnonzero(unknown.any(axis=1)))
        warn(
            f"{path}: {unknown.sum()} of {tables.size} densities are not numbers ({columns}): they "
            "count as 0, and a class without any other is uniform",
            ClaxboiWarning,
        )
        tables[unknown] = 0.0
    return _tabulated(record, low, high, tables)


def warn_in_sample():
    """
    Warn that tabulated densities cannot hold a source out.
    """
    warn(
        "densities of the original scripts cannot hold a source out: probabilities of their "
        "training sources are in-sample, and scores on them are too good",
        ClaxboiWarning,
    )
