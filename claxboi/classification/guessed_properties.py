# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Guess the category and the scale of a user's own columns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u

from claxboi.properties import property_definition
from claxboi.utils import (
    ClaxboiWarning,
    check_table,
    check_text,
    checked,
    float_values,
    warn,
)

from .properties import Property

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

__all__ = ["GuessedPropertyWarning", "guess_properties", "property_columns"]

#: Category by the name of a column, in lower case without separators: the first that matches.
_NAMES = (
    ("variability", r"(f|amp)?var(iability)?(index)?|chi2var|period|variab.*|fmaxfmin"),
    ("spectrum", r"hr\d*|hard(ness)?(ratio)?\d*|softness.*|gamma|photonindex|nh|kt"),
    ("counterparts", r"(log)?fx(to|over)?f(opt|ir|nir|[a-z]\d?)|(log)?fxfopt.*"),
    ("spectrum", r".*flux\d*|fx\d*|flux.*|(count)?rate.*|.*rate\d*|cts|counts|cr\d*"),
    ("location", r"glat|glon|gallat.*|gallon.*|(log)?lx|lum.*|dist(ance)?|z|redshift"),
    ("location", r"pm(ra|dec|tot)?|propermotion|parallax|plx"),
    ("counterparts", r".*mag(nitude)?\d*|mag.*|w[1234]|w1w2|bprp|colou?r.*"),
)

#: Category by the unit of a column.
_UNITS = (
    ("spectrum", "erg / (s cm2)"),
    ("spectrum", "ct / s"),
    ("location", "erg / s"),
    ("location", "pc"),
    ("location", "mas / yr"),
    ("counterparts", "mag"),
)

#: Columns that describe the observation or the catalogue, not the source.
_NO_PROPERTY = re.compile(
    r"(_?ra|_?de|_?dec|.*j2000|ra_?icrs|de_?icrs|x|y|recno|number|index|row|exp.*|time.*|date.*|mjd.*"
    r"|epoch.*|.*id|.*flag.*|offaxis.*|theta|detlike.*|p_.*)",
    re.I,
)
_ERROR = re.compile(r"e_.*|err.*|.*_?err(or)?(_?[a-z\d]+)?|.*_e|.*unc(ertainty)?|.*sigma.*", re.I)

#: So many times the smallest value is the largest, where a logarithm is guessed.
_WIDE = 1e3
#: The same for fluxes and luminosities, which are usually compared by their logarithm.
_WIDE_FLUX = 10.0
#: Fraction of the values beyond each end, which does not count for the range.
_TAIL = 0.005


class GuessedPropertyWarning(ClaxboiWarning):
    """
    The category or the scale of a property was guessed.
    """


@checked
def property_columns(table: Table, label: str | None = None) -> Sequence[str]:
    """
    Find the columns of a table that look like a property of its sources.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    label : str, optional
        Column of the classes, which is not a property.

    Returns
    -------
    columns : list of str
        Columns of numbers whose name or unit is that of a property, in the order of the table.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.classification import property_columns
    >>> property_columns(Table({"ra": [1.0], "Flux": [1e-14], "e_Flux": [1e-15], "hard": [0.1]}))
    ['Flux', 'hard']
    """
    check_table(table, allow_empty=True)
    if label is not None:
        check_text(label, "label")
    return [
        name
        for name in table.colnames
        if name != label
        and property_definition(name) is None
        and _has_numbers(table[name])
        and not _NO_PROPERTY.fullmatch(name)
        and not _ERROR.fullmatch(name)
        and _category(table[name])
    ]


def guess_properties(properties, table):
    """
    Guess category and scale of unknown properties.

    Parameters
    ----------
    properties : sequence or mapping
        As for `claxboi.classify`. Only names of columns and dict without the key are
        completed: a `Property` is taken as it is.
    table : `~astropy.table.Table`
        The sources.

    Returns
    -------
    properties : same kind as the input
    """
    if isinstance(properties, Mapping):
        return {
            category: [
                _completed(item, table, category)
                for item in ([members] if _is_single(members) else members)
            ]
            for category, members in properties.items()
        }
    if _is_single(properties) or not np.iterable(properties):
        return properties  # for the parser to refuse
    return [_completed(item, table) for item in properties]


def _completed(item, table, category=None):
    name = item.get("column") if isinstance(item, Mapping) else item
    if not isinstance(name, str) or name not in table.colnames or property_definition(name):
        return item
    column = table[name]
    if not _has_numbers(column):
        return item
    given = dict(item) if isinstance(item, Mapping) else {"column": name}
    if category is not None:
        given["category"] = category
    guessed = {}
    if given.get("category") is None and (found := _category(column)):
        guessed["category"] = found
    if given.get("scale") is None and not given.get("components"):
        guessed["scale"] = "log10" if _is_wide(float_values(table, name), column) else "linear"
    said = {key: value for key, value in guessed.items() if value != "linear"}
    if said:
        warn(
            f"column {name}: guessed {' and '.join(f'{k} {v}' for k, v in said.items())}; "
            "properties= can set both",
            GuessedPropertyWarning,
        )
    return {**given, **guessed}


def _is_single(members):
    return isinstance(members, (str, bytes, Mapping, Property))


def _has_numbers(column):
    return getattr(getattr(column, "dtype", None), "kind", "O") in "iuf" and column.ndim == 1


def _category(column):
    """Return the category of a column by its name or unit, None if neither says."""
    plain = re.sub(r"[\s_.\-/()]", "", column.info.name).lower()
    for category, pattern in _NAMES:
        if re.fullmatch(pattern, plain):
            return category
    unit = column.unit
    if unit is None or isinstance(unit, u.UnrecognizedUnit):
        return None
    return next((category for category, own in _UNITS if u.Unit(own).is_equivalent(unit)), None)


def _is_wide(values, column):
    """Return whether positive values span decades, so that their logarithm is meant."""
    values = values[np.isfinite(values)]
    if not len(values) or np.any(values < 0) or not np.any(values > 0):
        return False
    low, high = np.quantile(values[values > 0], [_TAIL, 1 - _TAIL])
    return high >= low * (_WIDE_FLUX if _is_flux(column) else _WIDE)


def _is_flux(column):
    plain = column.info.name.lower()
    if re.search(r"flux|rate|lum|^fx|^lx", plain):
        return True
    unit = column.unit
    if unit is None or isinstance(unit, u.UnrecognizedUnit):
        return False
    return any(u.Unit(own).is_equivalent(unit) for own in ("erg / (s cm2)", "erg / s", "ct / s"))
