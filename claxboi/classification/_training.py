# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The training sample: which rows train, and how they are known again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from astropy import units as u

from claxboi.catalog import describe
from claxboi.utils import (
    ClaxboiWarning,
    check_columns,
    float_values,
    read_unit,
    text_values,
    warn,
)

__all__ = [
    "SmallClassWarning",
    "TrainingRows",
    "label_codes",
    "property_units",
    "read_labels",
    "read_positions",
    "read_values",
    "row_folds",
    "row_keys",
]

#: A class with fewer sources is small: it trains, but a warning says how little it can say.
SMALL_CLASS = 10

#: Columns that tell sources of equal values apart.
POSITION_COLUMNS = ("ra", "dec")

#: Weights that are shares of one source sum to 1 within this, which leaves room for float32.
SHARE_TOLERANCE = 1e-6

#: Bits of the key that index the bitmap of a first look-up.
BITMAP_BITS = 20


class SmallClassWarning(ClaxboiWarning):
    """
    A class has few training sources, or was left out for it.
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
        That of the vocabulary, in which the bounds are, or else that of the column.
    """
    return [
        (describe(record.column) or {}).get("unit") or _unit(table, record.column)
        for record in properties
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
    errors : dict of int to `~numpy.ndarray` of shape (n,)
        Errors by number of the property.
    """
    needed = [p.column for p in properties] + [p.error for p in properties if p.error]
    check_columns(table, needed, name)
    if units is None:
        units = [None] * len(properties)
    values = np.empty((len(properties), len(table)))
    errors = {}
    for p, (record, unit) in enumerate(zip(properties, units, strict=True)):
        values[p] = float_values(table, record.column, unit=unit, name=name)
        if record.error:
            errors[p] = float_values(table, record.error, unit=unit, name=name)
    return values, errors


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
        raise ValueError(f"label column {label!r} of {name} is empty: no source has a label")
    if merge is not None:
        labels = _merged(labels, missing, merge, label)
    found = np.unique(labels[~missing])
    if classes is None:
        names = _in_order(found)
    else:
        names = [str(name) for name in classes]
        absent = [name for name in names if name not in found]
        if absent:
            raise ValueError(
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
        raise ValueError(
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


def label_codes(table, label, classes, merge=None):
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
        raise TypeError(f"merge must map a new class to a list of labels, got {merge!r}")
    found = set(labels[~missing])
    merged = labels.astype(object)
    taken = {}
    for target, sources in merge.items():
        for source in map(str, [sources] if isinstance(sources, str) else sources):
            if source not in found:
                raise ValueError(
                    f"merge names label {source!r}, which column {label!r} does not have "
                    f"(it has {', '.join(_in_order(found))})"
                )
            if taken.setdefault(source, target) != target:
                raise ValueError(f"merge puts label {source!r} in two classes")
            merged[labels == source] = str(target)
    return merged.astype(str)


def _in_order(names):
    try:
        return sorted((str(name) for name in names), key=int)
    except ValueError:
        return sorted(str(name) for name in names)


def read_positions(table):
    """
    Read the positions that tell sources of equal values apart.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.

    Returns
    -------
    positions : `~numpy.ndarray` of shape (2, n) or None
        Right ascension and declination in degrees; None where the table has no such columns of
        numbers.
    """
    try:
        return np.array([float_values(table, name, unit="deg") for name in POSITION_COLUMNS])
    except (KeyError, TypeError, u.UnitConversionError):
        return None


def row_keys(values, keys=None):
    """
    Make one number of the values of each row, the same on any machine.

    Parameters
    ----------
    values : `~numpy.ndarray` of shape (n_properties, n)
        Values, NaN where missing.
    keys : `~numpy.ndarray` of uint64, shape (n,), optional
        Keys of other values of the rows, to go on from.

    Returns
    -------
    keys : `~numpy.ndarray` of uint64, shape (n,)
    """
    keys = np.zeros(values.shape[1], np.uint64) if keys is None else keys
    for row in values:
        # One NaN and one zero: their bits are not unique.
        keys = _mix(keys, np.where(np.isnan(row), np.nan, row + 0.0).view(np.uint64))
    return keys


def _mix(keys, bits):
    # The finaliser of splitmix64 (Steele et al. 2014, OOPSLA).
    keys = (keys ^ bits) + np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


@dataclass
class TrainingRows:
    """
    The rows that trained a model, so that they are never scored by themselves.

    Attributes
    ----------
    values : `~numpy.ndarray` of shape (n_properties, n)
        Raw values.
    errors : dict of int to `~numpy.ndarray` of shape (n,)
        Their errors.
    codes : `~numpy.ndarray` of int, shape (n,)
        Classes.
    weights : `~numpy.ndarray` of shape (n,)
        Weights.
    flux : `~numpy.ndarray` of shape (n,) or None
        X-ray fluxes, where the table has them: not used to classify.
    positions : `~numpy.ndarray` of shape (2, n) or None
        Right ascension and declination in degrees, where the table has them: they tell
        sources of equal values apart.
    """

    values: np.ndarray
    errors: dict
    codes: np.ndarray
    weights: np.ndarray
    flux: np.ndarray | None = None
    positions: np.ndarray | None = None

    def __post_init__(self):
        keys = row_keys(self.values)
        self._by_place = None
        if self.positions is not None:
            self._by_place = _Index(row_keys(self.positions, keys))
        self._by_values = _Index(keys)
        self._no_values = row_keys(np.full((len(self.values), 1), np.nan))[0]
        self._by_label = _Index(_mix(keys, self.codes.astype(np.uint64)))
        self._soft = None
        if self.positions is not None:
            self._soft = _several_classes(row_keys(self.positions, keys), self.codes, self.weights)
        own = keys != self._no_values
        self._soft_by_values = _several_classes(
            keys[own], self.codes[own], self.weights[own], shares_only=True
        )

    def recognise(self, keys, labels=None, positions=None):
        """
        Find rows that trained the model.

        A row is known by its values and its position. Where there are no positions it is known
        by its values; and where several training sources have the same values, as with few
        rounded properties, or where there is none, only a row with their label is. Rows of equal
        values whose weights are shares of 1 are taken for one source with a soft label.

        Parameters
        ----------
        keys : `~numpy.ndarray` of uint64, shape (n,)
            From `row_keys`.
        labels : `~numpy.ndarray` of int, shape (n,), optional
            Class of each row, -1 where unknown.
        positions : `~numpy.ndarray` of shape (2, n), optional
            Right ascension and declination in degrees.

        Returns
        -------
        codes : `~numpy.ndarray` of int, shape (n,)
            Class in the training sample, -1 for other rows.
        weights : `~numpy.ndarray` of shape (n,)
            Weight in the training sample, 0 for other rows.
        """
        codes = np.full(len(keys), -1)
        weights = np.zeros(len(keys))
        if positions is not None and self._by_place is not None:
            rows, place = self._by_place.find(row_keys(positions, keys), unique=False)
            codes[rows], weights[rows] = self.codes[place], self.weights[place]
            self._choose_soft(codes, weights, keys, labels, positions)
            return codes, weights
        rows, place = self._by_values.find(keys, unique=True)
        # A row without any value is like any other such row.
        known = keys[rows] != self._no_values
        rows, place = rows[known], place[known]
        codes[rows], weights[rows] = self.codes[place], self.weights[place]
        if labels is not None:
            labelled = np.flatnonzero((labels >= 0) & (codes < 0))
            rows, place = self._by_label.find(
                _mix(keys[labelled], labels[labelled].astype(np.uint64)), unique=False
            )
            rows = labelled[rows]
            codes[rows], weights[rows] = self.codes[place], self.weights[place]
        self._choose_soft(codes, weights, keys, labels, positions)
        return codes, weights

    def _choose_soft(self, codes, weights, keys, labels, positions):
        """Set the class of sources with soft labels: that of the row itself, else the first."""
        if self._soft_of(positions) is None:
            return
        own_codes, own_weights = self._soft_labels(keys, positions)
        hit = np.flatnonzero((codes < 0) & (own_codes[0] >= 0))
        codes[hit], weights[hit] = own_codes[0, hit], own_weights[0, hit]
        if labels is not None:
            own = (own_codes == labels) & (labels >= 0)
            chosen, hit = own.argmax(axis=0), np.flatnonzero(own.any(axis=0))
            codes[hit], weights[hit] = labels[hit], own_weights[chosen[hit], hit]

    def other_classes(self, keys, positions, codes):
        """
        Find the other classes that sources with soft labels trained.

        Parameters
        ----------
        keys : `~numpy.ndarray` of uint64, shape (n,)
            From `row_keys`.
        positions : `~numpy.ndarray` of shape (2, n) or None
            Right ascension and declination in degrees.
        codes : `~numpy.ndarray` of int, shape (n,)
            The class of each source that is known already.

        Returns
        -------
        codes : `~numpy.ndarray` of int, shape (n_labels, n)
            Classes besides it, -1 where there is none.
        weights : `~numpy.ndarray` of shape (n_labels, n)
            Weights of the source in them. None instead of both if no source has a soft label.
        """
        if self._soft_of(positions) is None:
            return None
        others, weights = self._soft_labels(keys, positions)
        return np.where(others == codes, -1, others), weights

    def _soft_of(self, positions):
        has_place = positions is not None and self._by_place is not None
        return self._soft if has_place else self._soft_by_values

    def _soft_labels(self, keys, positions):
        known, codes, weights = self._soft_of(positions)
        if positions is not None and self._by_place is not None:
            keys = row_keys(positions, keys)
        place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        hit = known[place] == keys
        return np.where(hit, codes[:, place], -1), np.where(hit, weights[:, place], 0.0)


def _several_classes(keys, codes, weights, *, shares_only=False):
    """
    Find the training sources that train several classes.

    Returns None if there are none, else their sorted keys of shape (m,), and their classes (-1
    where they have fewer than others) and weights, of shape (n_labels, m). With ``shares_only``
    those whose weights are shares of 1, one for each class: what makes rows of equal values, and of
    no position, a single source.
    """
    order = np.lexsort((codes, keys))
    sorted_keys, sorted_codes = keys[order], codes[order]
    same = (sorted_keys[1:] == sorted_keys[:-1]) & (sorted_codes[1:] == sorted_codes[:-1])
    # A row that stands twice in a class counts once, as one without a soft label does.
    order = order[np.append(True, ~same)] if len(order) else order
    found, first, count = np.unique(keys[order], return_index=True, return_counts=True)
    several = count > 1
    if shares_only and len(found):
        rows = np.unique(keys, return_counts=True)[1]
        several &= (rows == count) & (np.add.reduceat(weights[order], first) <= 1 + SHARE_TOLERANCE)
    if not several.any():
        return None
    found, first, count = (part[several] for part in (found, first, count))
    all_codes = np.full((count.max(), len(found)), -1)
    all_weights = np.zeros(all_codes.shape)
    for k in range(count.max()):
        has = count > k
        rows = order[first[has] + k]
        all_codes[k, has], all_weights[k, has] = codes[rows], weights[rows]
    return found, all_codes, all_weights


def row_folds(keys, n_folds):
    """
    Deal rows to folds, equal rows to the same.

    Parameters
    ----------
    keys : `~numpy.ndarray` of uint64, shape (n,)
        From `row_keys`.
    n_folds : int
        Number of folds.

    Returns
    -------
    fold : `~numpy.ndarray` of int, shape (n,)
    """
    return ((keys >> np.uint64(32)) % np.uint64(n_folds)).astype(int)


class _Index:
    # Where keys stand among those of the training rows.

    def __init__(self, keys):
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        # Most rows of a large table never trained: a bitmap turns them away at once.
        self._bitmap = np.zeros(1 << BITMAP_BITS, bool)
        self._bitmap[self._low_bits(keys)] = True

    @staticmethod
    def _low_bits(keys):
        return (keys & np.uint64((1 << BITMAP_BITS) - 1)).astype(np.intp)

    def find(self, keys, *, unique):
        rows = np.flatnonzero(self._bitmap[self._low_bits(keys)])
        first = np.searchsorted(self._keys, keys[rows], "left")
        count = np.searchsorted(self._keys, keys[rows], "right") - first
        hit = count == 1 if unique else count > 0
        return rows[hit], self._order[first[hit]]
