# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Read a classified table: its classes, its rows by identifier, and lists of its sources.
"""

import numbers
from typing import NamedTuple

import numpy as np
from astropy.table import Table

from claxboi.catalog import identifier_columns
from claxboi.utils import check_choice, check_columns, check_table, float_values, text_values

from .evaluation import Evaluation

__all__ = [
    "ClassifiedNames",
    "check_evaluation",
    "expand_columns",
    "find_source",
    "find_value",
    "list_rows",
    "read_classes",
    "read_classified",
]


class ClassifiedNames(NamedTuple):
    """
    The classes and categories of a classified table, in the order of the model.
    """

    classes: list
    categories: list


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
        If it is not a Table with rows, was not classified, or lost columns since.

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
    record = result.meta.get("claxboi", {}).get("classification", {})
    if "classes" not in record or "categories" not in record:
        raise ValueError(
            "result must be a table that classify returned: its meta['claxboi']['classification'] "
            "names no classes and categories (formats such as CSV do not keep it; ECSV does)"
        )
    classes, categories = list(record["classes"]), list(record["categories"])
    names = ClassifiedNames(classes, categories)
    check_columns(result, expand_columns(columns, names), "result")
    return names


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
        If it is anything else.
    """
    if not isinstance(evaluation, Evaluation):
        raise TypeError(f"evaluation must be an Evaluation, got {type(evaluation).__name__}")


def read_classes(table, column=None, classes=None):
    """
    Read the class of each source, whether it was predicted or is known.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    column : str or None, optional
        Column of the classes; None takes ``prediction``, else ``class``, else none.
    classes : sequence of str or None, optional
        The classes that are wanted, in their order; None takes all.

    Returns
    -------
    names : dict of str to int
        For each wanted class its place among all of them, which decides how it looks: as
        in the model if the table was classified, else in alphabetical order.
    values : `~numpy.ndarray` of str, shape (n_rows,)
        Class of each source, empty where it has none.

    Raises
    ------
    KeyError, TypeError, ValueError
        If there is no such column, or no such class.
    """
    if column is None:
        column = next((name for name in ("prediction", "class") if name in table.colnames), None)
    if column is None:
        values = np.full(len(table), "")
    else:
        check_columns(table, [column])
        values, _ = text_values(table, column)
    record = table.meta.get("claxboi", {}).get("classification", {})
    known = list(record.get("classes", []))
    known += sorted(set(values.tolist()) - {"", *known})
    places = {name: k for k, name in enumerate(known)}
    if classes is None:
        return places, values
    if isinstance(classes, str):
        raise TypeError(f"classes must be a sequence of names, got the string {classes!r}")
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
        What the source is called.
    """
    column = getattr(column, "column", column)
    row, title = find_source(table, source)
    check_columns(table, [column], "result")
    return float(float_values(table[[column]][row : row + 1], column, name="result")[0]), title


def find_source(table, source, name="result"):
    """
    Find a row by its number or its identifier.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    source : int or str
        Number of the row, or identifier in the column ``source_id`` or that of the
        mission (in the first column if there is none).
    name : str, optional
        Name of the table argument, for messages.

    Returns
    -------
    row : int
        Number of the row, from 0.
    title : str
        What the source is called.

    Raises
    ------
    IndexError, KeyError, TypeError, ValueError
        If there is no such row or identifier, or the identifier is not unique.
    """
    column = next(iter(identifier_columns(table)), table.colnames[0])
    if isinstance(source, numbers.Integral) and not isinstance(source, bool):
        if not -len(table) <= source < len(table):
            raise IndexError(f"source must be a row from 0 to {len(table) - 1}, got {source}")
        row = int(source) % len(table)
    elif isinstance(source, str):
        rows = np.flatnonzero(text_values(table, column, name=name)[0] == source.strip())
        if len(rows) == 0:
            raise KeyError(f"column {column!r} of {name} has no source {source!r}")
        if len(rows) > 1:
            raise ValueError(
                f"source must name one row, but {source!r} stands in the rows "
                f"{', '.join(map(str, rows[:10]))} of column {column!r}; give the number of the row"
            )
        row = int(rows[0])
    else:
        raise TypeError(f"source must be the number of a row or an identifier, got {source!r}")
    has_name = identifier_columns(table) or isinstance(source, str)
    return row, str(table[column][row]) if has_name else f"row {row}"


#: What a list of sources copies from the result, where it is there.
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
