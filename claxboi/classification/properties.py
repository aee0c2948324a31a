# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Properties: the columns that classify, with their category, scale and bounds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from claxboi.properties import known_properties, property_definition
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    check_choice,
    check_number,
    check_text,
    float_values,
    shown,
    text_values,
)

if TYPE_CHECKING:
    from numpy import ndarray

__all__ = [
    "Component",
    "Property",
    "parse_properties",
    "properties_that_vary",
    "with_limits",
    "without_absent_limits",
]

log = logging.getLogger(__name__)

#: Ends of the names of columns with limits that are taken by default.
DEFAULT_LIMITS = ("_limit", "_lower")

#: Category names of the original scripts, and ours.
CATEGORY_ALIASES = {"multiwavelength": "counterparts"}

#: Category of a column that no definition knows and the user did not put in one.
UNKNOWN_CATEGORY = "other"


#: The weight that is the inverse of the error.
INVERSE_ERROR = "1/error"


def _log10(values):
    # Zero and negative values are present but have no logarithm: they lie
    # below every other value, which is what -inf says.
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.log10(values)
    return np.where(values <= 0, -np.inf, scaled)


def _sigmoid(values):
    return values / (1 + np.abs(values))


#: The scales on which densities are learned.
SCALES = {"linear": np.array, "log10": _log10, "sigmoid": _sigmoid}


@dataclass(frozen=True)
class Component:
    """
    A fixed density that is mixed into one class's density of one property.

    It states what the training sample cannot show, such as the Galactic latitude
    of X-ray binaries that are known only from a few nearby galaxies.

    Parameters
    ----------
    class_name : str
        The class.
    fraction : float
        Its share of the density, from 0 to 1.
    density : {"cos_b"} or tuple of two sequences
        The shape: ``"cos_b"`` for a uniform distribution over the sky by latitude
        in degrees, or values (increasing, on the property's own scale) and densities, joined by
        straight lines, normalised to 1, zero outside.

    Examples
    --------
    >>> from claxboi.classification import Component
    >>> Component("gal_XRB", 0.5).density  # the published one
    'cos_b'
    """

    class_name: str
    fraction: float
    density: Any = "cos_b"

    def __post_init__(self):
        check_number(self.fraction, "fraction", minimum=0, maximum=1)
        if isinstance(self.density, str):
            check_choice(self.density, ("cos_b",), "density")
            return
        values, densities = (np.asarray(part, float) for part in self.density)
        if (
            values.ndim != 1
            or values.shape != densities.shape
            or len(values) < 2
            or not np.all(np.diff(values) > 0)
            or not np.all(densities >= 0)
            or not np.trapezoid(densities, values) > 0
        ):
            raise InputValueError(
                "density must be 'cos_b' or a pair of sequences of one length: increasing values "
                f"and non-negative densities, not all zero; got {self.density!r}"
            )
        object.__setattr__(self, "density", (tuple(values.tolist()), tuple(densities.tolist())))

    def evaluate(self, values: ndarray) -> ndarray:
        """
        Evaluate the density.

        Parameters
        ----------
        values : `~numpy.ndarray` of float
            Values on the property's own scale.

        Returns
        -------
        density : `~numpy.ndarray` of float
            Normalised to 1.

        Examples
        --------
        >>> from claxboi.classification import Component
        >>> component = Component("gal_XRB", 0.5, ([0.0, 2.0], [1.0, 0.0]))
        >>> component.evaluate([0.0, 1.0, 3.0]).tolist()
        [1.0, 0.5, 0.0]
        """
        if self.density == "cos_b":
            inside = np.abs(values) <= 90
            return np.where(inside, np.cos(np.radians(values)) * np.pi / 360, 0.0)
        knots, heights = (np.asarray(part) for part in self.density)
        norm = np.trapezoid(heights, knots)
        return np.interp(values, knots, heights, left=0.0, right=0.0) / norm


@dataclass(frozen=True)
class Property:
    """
    A column that classifies, with its category, scale, error and bounds.

    Parameters
    ----------
    column : str
        Name of the column, of numbers.
    category : str, optional
        Category whose exponent it shares. Any name; the published four are ``location``,
        ``spectrum``, ``counterparts`` (alias ``multiwavelength``) and ``variability``. None
        (default) takes that of the known properties, ``other`` for an unknown column.
    scale : {"linear", "log10", "sigmoid"}, optional
        Scale on which its densities are learned; sigmoid is :math:`x/(1+|x|)`. On ``log10``
        a value of zero or less is present and below all others. None
        (default) takes that of the known properties, linear for an unknown column.
    error : str, optional
        Name of the column with its 1 sigma error, in the unit of the values. The likelihood is
        then averaged over the error (Gauss-Hermite quadrature). A missing error counts as zero.
    weight : float or "1/error", optional
        Exponent of its likelihood within its category, 0 or more. "1/error": the inverse of the
        source's error (1 where it has none), as the original scripts' "auto"; the likelihood is
        then not averaged over the error.
    bounds : tuple of float or None, optional
        Values that cannot be passed (None: open): densities are reflected there. None (default)
        takes those of the known properties; a value outside is allowed, and an outlier.
    atoms : "auto" or sequence of float, optional
        Values that get a probability of their own, for many sources have exactly
        that value, such as an extent of 0. "auto" finds them.
    bandwidth : float, optional
        Bandwidth of the kernel on the scale, for every class. None (default) takes the
        classifier's rule.
    components : sequence of `Component`, optional
        Fixed densities to be mixed in, on a linear scale only.
    lower_limit, upper_limit : str, optional
        Name of the column (one of the two) with the largest, or smallest, value at which the source
        would have been measured, in the unit of the values: for the ratio of X-ray to optical flux
        the one at the depth of the optical survey. A missing value is then beyond the limit, and
        the fraction of each class that is beyond it counts (see the notes); without a limit,
        a missing value says nothing. Give it for measured values, too. Needs
        ``normalization="none"``.

    Notes
    -----
    The fraction of a class beyond a limit is that of its training sources whose own limit is
    at least as far (the reduced sample; Kaplan & Meier 1958, JASA 53, 457), each source held out
    of its own. A measured value has the complement as a factor. Several limits of one source tell
    of one object: the geometric mean of their factors counts, in each category.

    Examples
    --------
    >>> from claxboi.classification import Property
    >>> Property("log_fx_fr", lower_limit="log_fx_fr_limit").limit
    'log_fx_fr_limit'
    >>> Property("hr1").category
    'spectrum'
    >>> Property("log_fx_fi", category="counterparts").scale
    'linear'
    """

    column: str
    category: str | None = None
    scale: str | None = None
    error: str | None = None
    weight: float = 1.0
    bounds: tuple | None = None
    atoms: object = "auto"
    bandwidth: float | None = None
    components: tuple = ()
    lower_limit: str | None = None
    upper_limit: str | None = None

    def __post_init__(self):
        if not isinstance(self.column, str) or not self.column:
            raise InputTypeError(f"column must be the name of a column, got {self.column!r}")
        known = property_definition(self.column) or {}
        category = self.category or known.get("category") or UNKNOWN_CATEGORY
        if not isinstance(category, str):
            raise InputTypeError(f"category of {self.column!r} must be a name, got {category!r}")
        category = CATEGORY_ALIASES.get(category, category)
        if category == "missing":
            raise InputValueError("'missing' is the name of the missing-value term, not a category")
        scale = self.scale or known.get("scale", "linear")
        check_choice(scale, SCALES, f"scale of {self.column!r}")
        weight = self.weight
        if isinstance(weight, str):
            check_choice(weight, (INVERSE_ERROR,), f"weight of {self.column!r}")
            if self.error is None:
                raise InputValueError(
                    f"weight {weight!r} of {self.column!r} needs its error column"
                )
        else:
            weight = check_number(weight, f"weight of {self.column!r}", minimum=0)
        if self.bandwidth is not None:
            check_number(self.bandwidth, f"bandwidth of {self.column!r}", minimum=0, exclusive=True)
        if self.error is not None:
            check_text(self.error, f"error of {self.column!r}")
        bounds = self.bounds
        if bounds is None:
            bounds = (known.get("lower"), known.get("upper"))
        if isinstance(bounds, str) or not isinstance(bounds, Sequence) or len(bounds) != 2:
            raise InputTypeError(
                f"bounds of {self.column!r} must be two numbers (None: no bound), got "
                f"{shown(bounds)}"
            )
        lower, upper = (
            None if edge is None else check_number(edge, f"bounds of {self.column!r}")
            for edge in bounds
        )
        if lower is not None and upper is not None and not lower < upper:
            raise InputValueError(f"bounds of {self.column!r} must increase, got {bounds!r}")
        atoms = self.atoms
        if isinstance(atoms, str):
            check_choice(atoms, ("auto",), f"atoms of {self.column!r}")
        else:
            atoms = () if atoms is None else atoms
            if isinstance(atoms, bool) or not isinstance(atoms, Iterable):
                raise InputTypeError(
                    f"atoms of {self.column!r} must be numbers, got {shown(atoms)}"
                )
            atoms = tuple(check_number(value, f"atoms of {self.column!r}") for value in atoms)
        for name in ("lower_limit", "upper_limit"):
            if getattr(self, name) is not None:
                check_text(getattr(self, name), f"{name} of {self.column!r}")
        if self.lower_limit and self.upper_limit:
            raise InputValueError(
                f"property {self.column!r} must have a lower_limit or an upper_limit, not both"
            )
        components = self.components
        if not isinstance(components, Sequence) or not all(
            isinstance(one, Component) for one in components
        ):
            raise InputTypeError(
                f"components of {self.column!r} must be Component objects, got {shown(components)}"
            )
        components = tuple(components)
        if components and scale != "linear":
            raise InputValueError(
                f"components of {self.column!r} need a linear scale, got scale {scale!r}"
            )
        for name, value in (
            ("category", category),
            ("scale", scale),
            ("weight", weight),
            ("bounds", (lower, upper)),
            ("atoms", atoms),
            ("components", components),
        ):
            object.__setattr__(self, name, value)

    @property
    def limit(self):
        """
        Name of the column of limits, None without one.
        """
        return self.lower_limit or self.upper_limit

    @property
    def columns(self):
        """
        All columns that it reads: of values, errors and limits.
        """
        return [name for name in (self.column, self.error, self.limit) if name]

    def apply_scale(self, values: ndarray) -> ndarray:
        """
        Bring values to the scale on which the densities are learned.

        Parameters
        ----------
        values : `~numpy.ndarray` of float
            Raw values, NaN where missing.

        Returns
        -------
        scaled : `~numpy.ndarray` of float
            Scaled values, NaN where missing.

        Examples
        --------
        >>> from claxboi.classification import Property
        >>> Property("gamma", scale="sigmoid").apply_scale([0.0, 1.0, 3.0]).tolist()
        [0.0, 0.5, 0.75]
        """
        return SCALES[self.scale](np.asarray(values, float))


def properties_that_vary(records, sample, label):
    """
    Leave out properties that have the same value for all labelled sources.

    Parameters
    ----------
    records : list of `Property`
        Properties that nobody named one by one.
    sample : `~astropy.table.Table`
        The training sample.
    label : str
        Its column of labels.

    Returns
    -------
    records : list of `Property`
        Those that have two or more values; all of them if none has, for the fit to say so.
    """
    if label not in sample.colnames:
        return records
    labelled = ~text_values(sample, label)[1]
    kept = []
    for record in records:
        scaled = record.apply_scale(float_values(sample, record.column)[labelled])
        if len(np.unique(scaled[np.isfinite(scaled)])) > 1:
            kept.append(record)
    idle = [record.column for record in records if record not in kept]
    if kept and idle:
        log.info("not used because labelled sources have at most one value: %s", ", ".join(idle))
    return kept or records


def with_limits(records, columns):
    """
    Give properties their limits, where the table has them.

    Parameters
    ----------
    records : sequence of `Property`
        Properties.
    columns : sequence of str
        Columns of the table, such as ``log_fx_fr_limit`` of
        `~claxboi.properties.add_ratio_limits`. Without any such column in the category,
        ``log_fx_fr_lower`` counts, the lower limits that `~claxboi.properties.add_flux_ratios` or
        the user made.

    Returns
    -------
    records : list of `Property`
    """
    limits = {}
    for end in DEFAULT_LIMITS:
        done = {record.category for record in limits}
        limits |= {
            record: f"{record.column}{end}"
            for record in records
            if not record.limit
            and record.category not in done
            and f"{record.column}{end}" in columns
            and property_definition(record.column) is not None
        }
    for record, limit in limits.items():
        log.info("missing values of %s count as beyond the limits in %s", record.column, limit)
    return [replace(one, lower_limit=limits[one]) if one in limits else one for one in records]


def without_absent_limits(records, columns):
    """
    Take away the limits that properties have by default, where the table does not have them.

    Parameters
    ----------
    records : sequence of `Property`
        Properties.
    columns : sequence of str
        Columns of the table.

    Returns
    -------
    records : list of `Property`
    """
    return [
        replace(one, lower_limit=None)
        if one.lower_limit in {f"{one.column}{end}" for end in DEFAULT_LIMITS} - {*columns}
        and property_definition(one.column) is not None
        else one
        for one in records
    ]


def parse_properties(properties, columns):
    """
    Convert properties, in any of their forms, to records.

    Parameters
    ----------
    properties : None, sequence of (str, `Property` or dict), or mapping of str to sequence
        Names of columns, records, records as dict (``{"column": "b", "scale": "linear"}``), or a
        mapping from a category to any of them. None takes every known property among the columns.
    columns : sequence of str
        Names of the columns of the table.

    Returns
    -------
    properties : tuple of `Property`

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If there is none, or a column is named twice.
    """
    if properties is None:
        properties = known_properties(columns)
        if not properties:
            raise InputValueError(
                "properties must be given: none of the table's columns is a known property "
                f"(its columns are {', '.join(columns)})"
            )
    if isinstance(properties, Mapping):
        items = [
            _with_category(item, category)
            for category, members in properties.items()
            for item in ([members] if isinstance(members, (str, Property, Mapping)) else members)
        ]
    elif isinstance(properties, (str, Property)) or not isinstance(properties, Iterable):
        raise InputTypeError(
            "properties must be a list of names or Property records, or a mapping from a category "
            f"to such a list; got {shown(properties)}"
        )
    else:
        items = list(properties)
    records = tuple(map(_as_record, items))
    if not records:
        raise InputValueError("properties must name at least one column, got an empty list")
    names = [record.column for record in records]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputValueError(
            f"properties must name each column once; named twice: {', '.join(twice)}"
        )
    return records


def _as_record(item):
    if isinstance(item, Property):
        return item
    if isinstance(item, Mapping):
        known = tuple(Property.__dataclass_fields__)
        for name in item:
            check_choice(name, known, "a key of a property")
        if "column" not in item:
            raise InputValueError(f"a property must have a column, got {dict(item)!r}")
        return Property(**item)
    return Property(item)


def _with_category(item, category):
    return replace(_as_record(item), category=category)
