# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
What a classified table says of itself.
"""

from astropy.table import Table

from claxboi.utils import check_columns, check_table

__all__ = ["list_rows", "read_result"]

#: What a list of sources copies from the result, where it is there.
COPIED = ("source_id", "ra", "dec", "flux")


def read_result(result, columns=()):
    """
    Find the classes of a classified table, and check its columns.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Table as `claxboi.classify` returns it.
    columns : iterable of str, optional
        Columns that are needed, besides the prediction and the probabilities.

    Returns
    -------
    classes : list of str
        In the order of the model.

    Raises
    ------
    TypeError, ValueError, KeyError
        If it is not a Table with rows, was not classified, or lost columns since.
    """
    check_table(result, "result")
    classes = result.meta.get("claxboi", {}).get("classification", {}).get("classes")
    if classes is None:
        raise ValueError(
            "result must be a table that classify returned: its meta['claxboi']['classification'] "
            "names no classes (formats such as CSV do not keep it; ECSV does)"
        )
    classes = list(classes)
    check_columns(result, ["prediction", *(f"P_{name}" for name in classes), *columns], "result")
    return classes


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
