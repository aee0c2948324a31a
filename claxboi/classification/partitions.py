# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Classify catalogues in partitions (Dask, LSDB) that are larger than the memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import MaskedColumn, Table

from claxboi.io import add_to_frame
from claxboi.utils import InputKeyError, InputTypeError, InputValueError, checked

from ._identity import POSITION_COLUMNS, identity_columns
from ._parallel import threads
from .fitting import open_model

if TYPE_CHECKING:
    from os import PathLike

    from .classifier import NaiveBayesClassifier
    from .priors import PriorsLike

__all__ = ["classify_partitions"]


@checked
def classify_partitions(
    catalog: Any,
    model: NaiveBayesClassifier | str | PathLike[str],
    priors: PriorsLike = None,
    *,
    overwrite: bool = False,
) -> Table:
    """
    Classify a catalogue in partitions with a fitted model.

    Each source is classified by itself, so the answer is that of
    `NaiveBayesClassifier.classify` on the whole catalogue, however it is cut.

    Parameters
    ----------
    catalog : `lsdb.catalog.Catalog` or `dask.dataframe.DataFrame`
        The sources, with the columns of all properties in the units in which the model learned
        them. Not changed.
    model : `NaiveBayesClassifier` or str or path
        A fitted model, or the file of one.
    priors : mapping, sequence or "training", optional
        Prior proportions of the classes, the same for all sources.
    overwrite : bool, optional
        Replace columns of the same name; else they are an error.

    Returns
    -------
    result : same class as ``catalog``
        With the columns of `NaiveBayesClassifier.classify` added. Nothing is computed until it is
        asked for, by ``compute`` or when it is written.

    Raises
    ------
    TypeError
        If ``catalog`` is not in partitions, or ``model`` is not a classifier.
    KeyError
        If a column of a property is absent.
    ValueError
        If the model is not fitted, the priors are wrong or not the same for all sources, or columns
        collide.

    Examples
    --------
    With ``claxboi[lsdb]``, for a catalogue that is larger than memory:

    >>> import lsdb  # doctest: +SKIP
    >>> from claxboi.classification import classify_partitions
    >>> catalogue = lsdb.open_catalog("survey_hats")  # doctest: +SKIP
    >>> result = classify_partitions(catalogue, model, priors)  # doctest: +SKIP
    >>> result.write_catalog("classified_hats")  # doctest: +SKIP
    """
    if not hasattr(catalog, "map_partitions"):
        raise InputTypeError(
            "catalog must be an LSDB catalogue or a Dask DataFrame, got "
            f"{type(catalog).__name__}; claxboi.classify takes tables"
        )
    model = open_model(model)
    if isinstance(priors, str) and priors == "estimate":
        raise InputValueError(
            "priors='estimate' would differ from partition to partition: estimate them on a table "
            "with model.estimate_priors, and pass what it finds"
        )
    if callable(priors) or np.ndim(priors) == 2:
        raise InputValueError(
            "priors must be the same for all sources of a catalogue in partitions"
        )
    names = list(map(str, catalog.dtypes.index))
    columns = _columns(model, names)
    # What is wrong is an error here, and not in the middle of the work. A row without values also
    # shows which columns there will be, and settles the priors.
    example = model.classify(_blank(columns, names), priors, overwrite=overwrite)
    priors = example.meta["claxboi"]["classification"]["priors"]
    new = model.classify(_blank(columns, columns), priors).colnames[len(columns) :]
    meta = add_to_frame(_meta(catalog), example[:0], new)
    return catalog.map_partitions(_classify, model, priors, columns, new, meta=meta)


def _property_columns(model):
    return [name for one in model.properties for name in one.columns]


def _columns(model, names):
    """List the columns that the model reads."""
    needed = _property_columns(model)
    return list(dict.fromkeys([*needed, *identity_columns(names, model.id)]))


def _blank(columns, names):
    """Make an empty row with all column names, by which collisions are found."""
    missing = [name for name in columns if name not in names]
    if missing:
        raise InputKeyError(
            f"catalog has no column {', '.join(map(repr, missing))}; its columns are "
            f"{', '.join(map(str, names))}"
        )
    blank = {name: MaskedColumn([0.0], mask=[True]) for name in columns}
    others = {str(name): [""] for name in names if name not in blank}
    return Table({**blank, **others})


def _meta(catalog):
    meta = getattr(catalog, "_meta", None)
    return catalog.meta if meta is None else meta


def _classify(frame, model, priors, columns, new):
    """Classify one partition, in one thread: Dask works on several partitions at once."""
    with threads(1):
        return add_to_frame(frame, _answer(frame, model, priors, columns), new)


def _answer(frame, model, priors, columns):
    if len(frame):
        numbers = {*_property_columns(model), *POSITION_COLUMNS}
        table = Table({name: _values(frame, name, numbers) for name in columns})
        return model.classify(table, priors, show_progress=False)
    # A table without rows cannot be classified, but its columns are wanted.
    return model.classify(_blank(columns, columns), priors, show_progress=False)[:0]


def _values(frame, name, numbers):
    """Return a column as numbers, or as what identifiers are: text or whole numbers."""
    if name in numbers:
        return frame[name].to_numpy(float, na_value=np.nan)
    return frame[name].to_numpy(object, na_value=None)
