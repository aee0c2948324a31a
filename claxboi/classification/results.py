# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Read a classified table: classes, sources by name, position or row, and lists of sources.
"""

import numbers
import re
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.catalog import identifier_columns
from claxboi.utils import (
    InputIndexError,
    InputKeyError,
    InputTypeError,
    InputValueError,
    check_choice,
    check_classes,
    check_columns,
    check_table,
    float_values,
    text_values,
)

from .evaluation import Evaluation

__all__ = [
    "ClassifiedNames",
    "check_evaluation",
    "classification_settings",
    "count_members",
    "expand_columns",
    "find_source",
    "find_value",
    "list_rows",
    "read_classes",
    "read_classified",
]


#: Largest separation of a source from a given position, in arcsec.
MATCH_RADIUS = 10


class ClassifiedNames(NamedTuple):
    """
    The classes and categories of a classified table, in the order of the model.
    """

    classes: list
    categories: list


def classification_settings(table):
    """
    Return the settings of a classification as recorded in the metadata of its result.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The result.

    Returns
    -------
    settings : dict
        Empty where nothing is recorded.
    """
    return table.meta.get("claxboi", {}).get("classification", {})


def read_classified(result, columns=("prediction", "P_{class}")):
    """
    Read the classes and categories of a classified table, and check its columns.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Table as `claxboi.classify` returns it.
    columns : iterable of str, optional
        The columns that the caller needs; ``{class}`` and ``{category}`` in a name stand for each
        class and each category.

    Returns
    -------
    names : `ClassifiedNames`
        A named tuple ``classes, categories``.

    Raises
    ------
    TypeError, ValueError, KeyError
        If it is not a Table with rows, was not classified, or lacks columns.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.classification.results import read_classified
    >>> from claxboi.simulation import make_labelled_sample
    >>> result = classify(make_labelled_sample(1000, rng=1), "training")
    >>> classes, categories = read_classified(result, ["P_{class}_{category}"])
    >>> categories
    ['location', 'spectrum', 'counterparts', 'variability']
    """
    check_table(result, "result")
    record = classification_settings(result)
    needed = {"classes"} | ({"categories"} if any("{category}" in c for c in columns) else set())
    if not needed <= set(record):
        raise InputValueError(
            "result must be a table that classify returned: its meta['claxboi']['classification'] "
            "names no classes and categories (formats such as CSV do not keep it; ECSV does)"
        )
    classes, categories = list(record["classes"]), list(record.get("categories", []))
    names = ClassifiedNames(classes, categories)
    check_columns(result, expand_columns(columns, names), "result")
    return names


def count_members(result, classes, rows=slice(None)):
    """
    Count the members of each class, predicted and expected.

    Parameters
    ----------
    result : `~astropy.table.Table`
        A classified table.
    classes : sequence of str
        Names of the classes.
    rows : slice or `~numpy.ndarray`, optional
        Sources to count. Default: all.

    Returns
    -------
    predicted : `~numpy.ndarray` of int, shape (n_classes,)
        Sources whose prediction is the class.
    expected : `~numpy.ndarray` of float64, shape (n_classes,)
        Sum of the probabilities without missing ones; NaN where there is no column.
    """
    prediction = text_values(result, "prediction")[0][rows]
    predicted = np.array([np.count_nonzero(prediction == name) for name in classes], int)
    expected = [
        np.nansum(float_values(result, f"P_{name}")[rows])
        if f"P_{name}" in result.colnames
        else np.nan
        for name in classes
    ]
    return predicted, np.array(expected, float)


def expand_columns(columns, names):
    """
    List the columns of a classified table for all classes and categories.

    Parameters
    ----------
    columns : iterable of str
        Names of columns, with ``{class}`` and ``{category}`` for each class and category.
    names : `ClassifiedNames`
        The classes and categories.

    Returns
    -------
    columns : list of str
        By category, then by class.
    """
    return list(
        dict.fromkeys(
            column.replace("{class}", name).replace("{category}", category)
            for column in columns
            for category in (names.categories if "{category}" in column else [""])
            for name in (names.classes if "{class}" in column else [""])
        )
    )


def check_evaluation(evaluation):
    """
    Check that an argument is an evaluation.

    Parameters
    ----------
    evaluation : `~claxboi.classification.Evaluation`
        The argument.

    Raises
    ------
    TypeError
        If it is not an evaluation.
    """
    if not isinstance(evaluation, Evaluation):
        raise InputTypeError(f"evaluation must be an Evaluation, got {type(evaluation).__name__}")


def read_classes(table, column=None, classes=None):
    """
    Read the predicted or known class of each source.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    column : str or None, optional
        Column of the classes. Default: ``prediction``, else ``class``, else no classes.
    classes : sequence of str or None, optional
        The requested classes, in order. Default: all.

    Returns
    -------
    names : dict of str to int
        Index of each requested class among all classes, which decides its colour: in the order of
        the model if the table was classified, else alphabetical.
    values : `~numpy.ndarray` of str, shape (n_rows,)
        Class of each source, empty where it has none.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the column or a class does not exist.
    """
    if column is None:
        column = next((name for name in ("prediction", "class") if name in table.colnames), None)
    if column is None:
        values = np.full(len(table), "")
    else:
        check_columns(table, [column])
        values, _ = text_values(table, column)
    record = classification_settings(table)
    known = list(record.get("classes", []))
    known += sorted(set(values.tolist()) - {"", *known})
    places = {name: k for k, name in enumerate(known)}
    if classes is None:
        return places, values
    classes = check_classes(classes)
    for name in classes:
        check_choice(name, known, "each of classes")
    return {name: places[name] for name in classes}, values


def find_value(table, column, source):
    """
    Find the value of one source.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    column : str or `~claxboi.classification.Property`
        The column, or a property.
    source : int or str
        As for `find_source`.

    Returns
    -------
    value : float
        NaN where it is missing.
    title : str
        Name of the source.
    """
    column = getattr(column, "column", column)
    row, title = find_source(table, source)
    check_columns(table, [column], "result")
    return float(float_values(table[[column]][row : row + 1], column, name="result")[0]), title


def find_source(table, source, name="result", column=None):
    """
    Find a row by its identifier, its position or its number.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    source : int, str or `~astropy.coordinates.SkyCoord`
        Row number from 0; identifier in ``source_id`` or in the mission's columns, in any
        capitals, with or without spaces and the name of the catalogue ("J004244.3+411608"); or a
        position, also as text ("10.684 +41.269", "00:42:44.3 +41:16:08"), for which the nearest
        source within 10 arcsec is taken.
    name : str, optional
        Name of the table argument, for messages.
    column : str or None, optional
        Column of the identifiers. Default: all columns that identify sources, or the first column
        if there is none.

    Returns
    -------
    row : int
        Row number from 0.
    title : str
        Name of the source.

    Raises
    ------
    IndexError, KeyError, TypeError, ValueError
        If no row matches, or several do.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.classification.results import find_source
    >>> table = Table({"source_id": ["4XMM J004244.3+411608"], "ra": [10.6846], "dec": [41.2689]})
    >>> find_source(table, "j004244.3+411608")
    (0, '4XMM J004244.3+411608')
    >>> find_source(table, "10.6846 +41.2690")[0]
    0
    """
    columns = identifier_columns(table) if column is None else [column]
    check_columns(table, columns, name)
    has_name = bool(columns) or isinstance(source, str)
    columns = columns or [one for one in table.colnames[:1] if table[one].dtype.kind in "USOiu"]
    if isinstance(source, numbers.Integral) and not isinstance(source, bool):
        if not -len(table) <= source < len(table):
            raise InputIndexError(f"source must be a row from 0 to {len(table) - 1}, got {source}")
        row = int(source) % len(table)
    elif isinstance(source, str):
        row = _find_text(table, source.strip(), columns, name)
    elif isinstance(source, SkyCoord) and source.isscalar:
        row = _find_position(table, source, name)
    else:
        raise InputTypeError(
            f"source must be a row number, an identifier or one position, got {source!r}"
        )
    return row, str(table[columns[0]][row]) if has_name and columns else f"row {row}"


def _find_text(table, source, columns, name):
    keys = {column: text_values(table, column, name=name)[0] for column in columns}
    for spelling in (None, _spelling):
        for column, texts in keys.items():
            if spelling is None:
                rows = np.flatnonzero(texts == source)
            else:
                same = [spelling(text) == spelling(source) for text in texts.tolist()]
                rows = np.flatnonzero(same)
            if len(rows) == 1:
                return int(rows[0])
            if len(rows) > 1:
                raise InputValueError(
                    f"source {source!r} is in {len(rows)} rows of column {column!r} "
                    f"({', '.join(map(str, rows[:5]))}{', ...' if len(rows) > 5 else ''}); give "
                    "the row number"
                )
    position = _parse_position(source)
    if position is not None:
        return _find_position(table, position, name)
    if source.isdecimal() and int(source) < len(table):
        return int(source)
    where = f"not found in {' or '.join(columns)} of {name}"
    if not columns:
        where = f"{name} has no column source_id or name"
    raise InputKeyError(
        f"no source {source!r}: {where}, and not a row number from 0 to {len(table) - 1}"
    )


def _spelling(text):
    """Normalise the spelling of a source name: case, spaces and catalogue prefix."""
    text = re.sub(r"[\s_]", "", text.upper().replace("\N{MINUS SIGN}", "-"))
    found = re.search(r"J\d{4,}[\d.]*[+-]\d{2,}.*$", text)
    return found[0] if found else text


def _parse_position(text):
    parts = text.replace("\N{MINUS SIGN}", "-")
    degrees = re.fullmatch(r"(\d+\.?\d*)\s*,?\s+([+-]?\d+\.?\d*)", parts)
    hours = re.fullmatch(
        r"(\d+[h:\s]\d+[m:\s][\d.]+s?)\s*,?\s*([+-]\d+[d:\s]\d+[m:\s][\d.]+s?)", parts
    )
    try:
        if degrees:
            return SkyCoord(float(degrees[1]), float(degrees[2]), unit="deg")
        return SkyCoord(hours[1], hours[2], unit=("hourangle", "deg")) if hours else None
    except ValueError:  # beyond the poles, say
        return None


def _find_position(table, position, name):
    check_columns(table, ["ra", "dec"], name)
    ra, dec = (float_values(table, column, name=name, unit=u.deg) for column in ("ra", "dec"))
    known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if len(known) == 0:
        raise InputKeyError(f"no source of {name} has a position")
    separation = position.icrs.separation(SkyCoord(ra[known], dec[known], unit="deg")).arcsec
    nearest = int(np.argmin(separation))
    if separation[nearest] > MATCH_RADIUS:
        raise InputKeyError(
            f"no source of {name} within {MATCH_RADIUS} arcsec of "
            f"{position.icrs.to_string('decimal', precision=5)}: the nearest one is "
            f"{separation[nearest]:.4g} arcsec away"
        )
    return int(known[nearest])


#: Columns of the result that a list of sources copies.
COPIED = ("source_id", "ra", "dec", "flux")


def list_rows(result, rows):
    """
    Begin a list of some sources of a classified table.

    Parameters
    ----------
    result : `~astropy.table.Table`
        The table.
    rows : `~numpy.ndarray` of int
        The sources, in the order of the list.

    Returns
    -------
    table : `~astropy.table.Table`
        ``row``, what identifies the source, and ``prediction``.
    """
    table = Table({"row": rows})
    for name in COPIED:
        if name in result.colnames:
            table[name] = result[name][rows]
    table["prediction"] = result["prediction"][rows]
    return table
