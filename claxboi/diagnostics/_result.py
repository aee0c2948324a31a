# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
What a classified table says of itself.
"""

from claxboi.utils import check_columns, check_table

__all__ = []


def read_record(result, columns):
    """
    Find the classes and categories of a classified table, and check its columns.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Table as `claxboi.classify` returns it.
    columns : callable
        Names of the columns that are needed, from the lists of classes and categories.

    Returns
    -------
    classes, categories : list of str
        In the order of the model.

    Raises
    ------
    TypeError, ValueError, KeyError
        If it is not a Table with rows, was not classified, or lost columns since.
    """
    check_table(result, "result")
    record = result.meta.get("claxboi", {}).get("classification", {})
    if "classes" not in record or "categories" not in record:
        raise ValueError(
            "result must be a table that classify returned: its meta['claxboi']['classification'] "
            "names no classes and categories (formats such as CSV do not keep it; ECSV does)"
        )
    classes, categories = list(record["classes"]), list(record["categories"])
    check_columns(result, columns(classes, categories), "result")
    return classes, categories
