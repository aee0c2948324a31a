# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Write and read a classifier as one text file.

The file is an ECSV table of what was learned from: the training sample with its classes, or the
tabulated densities of a run of the original scripts. The meta has the settings. Reading fits
the densities again, so that the answers are the same to the last bit, held-out ones included.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Column, MaskedColumn, Table

from claxboi.io import ecsv_text
from claxboi.utils import InputValueError, check_path, float_values, replacing, text_values

from ._identity import ID_COLUMN, POSITION_COLUMNS, Identity
from ._likelihood import LikelihoodModel
from ._refinement import Refinement
from ._source_arrays import TrainingRows
from .densities import TabulatedDensities
from .original import warn_in_sample
from .properties import Component, Property

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["model_fingerprint", "read_model", "write_model"]

#: Number of this form of the file; a reader refuses a higher one.
FORMAT = 1

#: The first line of the file, and the second: a comment to YAML, so that any reader of ECSV passes.
#: Size and checksum are those of the lines below it.
FIRST_LINE = b"# %ECSV 1.0\n"
MARK = "# # claxboi model, format "
SEAL = MARK + "{format}, {size} bytes, sha256 {checksum}\n"
SEAL_PATTERN = re.compile(MARK.encode() + rb"(\d+), (\d+) bytes, sha256 ([0-9a-f]{64})\n")
HEAD = FIRST_LINE + MARK.encode()
DATE_LINE = re.compile(rb"^#.*\bdate: .*\n", re.MULTILINE)

#: Where the table's meta has the settings.
META_KEY = "claxboi_model"

#: Attributes of a classifier that are stored as they are.
SETTINGS = (
    *("normalization", "missing", "kernel", "bandwidth", "floor", "min_class_size"),
    *("refine", "shrinkage"),
)
LEARNED = ("label", "id", "weights", "offsets", "default_priors")

#: Columns of a table of densities.
PROPERTY_COLUMN, MIDDLE_COLUMN, PROBABILITY_COLUMN = "property", "middle", "probability_{}"


def write_model(model, path, *, overwrite=False):
    """
    Write a classifier.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        The fitted classifier.
    path, overwrite
        As for `NaiveBayesClassifier.write`.
    """
    model._check_fitted()
    table = _training_table(model) if model._core.training is not None else _density_table(model)
    text = ecsv_text(table).encode()
    if not text.startswith(FIRST_LINE):
        raise RuntimeError(f"astropy's ECSV begins with {text[: len(FIRST_LINE)]!r}")
    content = text[len(FIRST_LINE) :]
    checksum = hashlib.sha256(content).hexdigest()
    seal = SEAL.format(format=FORMAT, size=len(content), checksum=checksum)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(FIRST_LINE + seal.encode() + content)


def model_fingerprint(path: str | PathLike[str]) -> str:
    """
    Compute the fingerprint of a model file, which links a classified table to its model.

    Parameters
    ----------
    path : str or path
        The file, from `NaiveBayesClassifier.write`.

    Returns
    -------
    fingerprint : str
        64 hexadecimal digits. Models that learned the same have the same, whenever that was.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is damaged.

    Examples
    --------
    >>> from claxboi import NaiveBayesClassifier
    >>> from claxboi.classification import model_fingerprint
    >>> from claxboi.simulation import make_labelled_sample
    >>> sample = make_labelled_sample(1000, rng=1)
    >>> model = NaiveBayesClassifier(["log_fx_fr", "hr1"]).fit(sample)
    >>> model.write("model.ecsv")
    >>> len(model_fingerprint("model.ecsv"))
    64
    """
    data = _checked_text(Path(check_path(path, "path"))).encode()
    content = data[SEAL_PATTERN.match(data, len(FIRST_LINE)).end() :]
    return hashlib.sha256(DATE_LINE.sub(b"", content, count=1)).hexdigest()


def read_model(cls, path):
    """
    Read a classifier.

    Parameters
    ----------
    cls : type
        Its class.
    path : str or path
        The file.

    Returns
    -------
    model : object of ``cls``
    """
    table = Table.read(_checked_text(Path(path)), format="ascii.ecsv")
    stored = table.meta[META_KEY]
    records = tuple(_property(fields) for fields in stored["properties"])
    model = cls(
        records,
        classes=stored["given_classes"],
        merge=stored["merge"],
        **{name: stored[name] for name in SETTINGS if name in stored},
    )
    core = model._core
    if "training" in stored:
        training = _training_rows(table, records, stored)
        core.fit_rows(records, stored["classes"], training)
    else:
        _set_densities(core, table, records, stored)
    model.origin = stored.get("origin")
    model._units, model._dropped = stored["units"], stored["dropped"]
    model.label, model.id = stored["label"], stored.get("id")
    # YAML sorts its keys: the order of what is shown to people comes from the lists.
    core.categories = tuple(stored["categories"])
    core.weights = _ordered(stored["weights"], [*core.categories, "missing"])
    core.offsets = _ordered(stored["offsets"], core.classes_)
    model.default_priors = stored["default_priors"] and _ordered(
        stored["default_priors"], core.classes_
    )
    if stored["fold_weights"] is not None:
        core.fold_weights = np.array(stored["fold_weights"])
    if stored.get("refinement") is not None:
        core.refinement = _refinement(stored["refinement"], core)
    return model


def _checked_text(path):
    """Return the text of a model file, whole and unchanged."""
    if not path.exists():
        raise FileNotFoundError(f"there is no model file {path}")
    # Line ends may have been changed on the way between systems: that is not damage.
    data = path.read_bytes().replace(b"\r\n", b"\n")
    if not data:
        raise InputValueError(f"model file {path} is empty")
    if not data.startswith(HEAD[: len(data)]):
        raise InputValueError(
            f"{path} is not a claxboi model: its first line is not that of a model file"
        )
    if data.count(b"\n") < 2:
        raise InputValueError(f"model file {path} is truncated: it ends within its second line")
    seal = SEAL_PATTERN.match(data, len(FIRST_LINE))
    if seal is None:
        raise InputValueError(f"model file {path} is damaged: its second line has no checksum")
    version, size = int(seal[1]), int(seal[2])
    if version > FORMAT:
        raise InputValueError(
            f"model file {path} has format {version}, and this claxboi reads up to {FORMAT}: it "
            "was written by a newer claxboi; upgrade this one"
        )
    content = data[seal.end() :]
    if len(content) < size:
        raise InputValueError(
            f"model file {path} is truncated: it has {len(content)} of {size} bytes after its "
            "second line"
        )
    if hashlib.sha256(content).hexdigest().encode() != seal[3]:
        raise InputValueError(
            f"model file {path} is damaged: it was changed after it was written (its checksum "
            "is wrong); read the original again, or write the model anew"
        )
    return data.decode()


# What is stored of any model


def _meta(model, **more):
    from claxboi import __version__

    stored = {
        "version": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **{name: getattr(model, name) for name in SETTINGS + LEARNED},
        "origin": model.origin,
        "given_classes": model.classes,
        "merge": model.merge,
        "classes": model.classes_,
        "categories": model.categories,
        "dropped": model._dropped,
        "fold_weights": model._core.fold_weights,
        "refinement": _stored_refinement(model._core.refinement),
        "units": model._units,
        "properties": [dataclasses.asdict(record) for record in model.properties],
        **more,
    }
    return {META_KEY: _plain(stored)}


def _stored_refinement(refinement):
    """Return the parts of a refinement that a file must hold, with the matrices as text."""
    if refinement is None:
        return None
    matrices = np.concatenate([refinement.matrix[np.newaxis], refinement.fold_matrices])
    text = base64.b64encode(matrices.astype("<f4").tobytes()).decode()
    return {
        "presence": any(term.kind == "presence" for term in refinement.listed),
        "pairs": refinement.pairs,
        "gains": refinement.gains,
        "factor": refinement.factor,
        "shape": matrices.shape,
        "matrices": [text[k : k + 76] for k in range(0, len(text), 76)],
    }


def _refinement(stored, core):
    terms = core.make_terms(presence=stored["presence"])
    pairs = [tuple(pair) for pair in stored["pairs"]]
    terms.keep(pairs)
    matrices = np.frombuffer(base64.b64decode("".join(stored["matrices"])), "<f4")
    whole, *folds = matrices.reshape(stored["shape"]).astype(float)
    gains = np.array(stored["gains"], float)
    return Refinement(terms, pairs, gains, whole, np.array(folds), stored["factor"])


def _plain(value):
    """Turn arrays, tuples and numpy's numbers into what YAML writes plainly."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _ordered(mapping, names):
    return {name: mapping[name] for name in names if name in mapping}


def _property(fields):
    components = [Component(**part) for part in fields["components"]]
    return Property(**(fields | {"components": components}))


# A training sample


def _training_table(model):
    rows = model._core.training
    columns = {}
    for p, record in enumerate(model.properties):
        columns[record.column] = rows.values[p]
        if p in rows.errors:
            columns[record.error] = rows.errors[p]
        if p in rows.limits:
            columns[record.limit] = rows.limits[p]
    names = {}
    extra = {"flux": rows.flux, "weight": None if np.all(rows.weights == 1) else rows.weights}
    identity = rows.identity
    if identity.positions is not None:
        extra |= dict(zip(POSITION_COLUMNS, identity.positions, strict=True))
    extra[ID_COLUMN] = identity.ids
    # The class comes last: a line that begins with text might look like a comment.
    extra["class"] = np.array(model.classes_)[rows.codes]
    for what, values in extra.items():
        if values is not None:
            names[what] = _free_name(what, columns)
            columns[names[what]] = values
    table = Table(meta=_meta(model, training=names))
    for name, values in columns.items():
        missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
        column = MaskedColumn(values, mask=missing) if missing.any() else Column(values)
        table.add_column(column, name=name, copy=False)
    return table


def _free_name(name, taken):
    while name in taken:
        name += "_"
    return name


def _training_rows(table, records, stored):
    names = stored["training"]
    labels = text_values(table, names["class"])[0]
    codes = np.full(len(table), -1)
    for code, name in enumerate(stored["classes"]):
        codes[labels == name] = code
    ids = text_values(table, names[ID_COLUMN])[0] if ID_COLUMN in names else None
    positions = None
    if all(name in names for name in POSITION_COLUMNS):
        positions = np.array([float_values(table, names[name]) for name in POSITION_COLUMNS])
    return TrainingRows(
        np.array([float_values(table, record.column) for record in records]),
        {p: float_values(table, r.error) for p, r in enumerate(records) if r.error},
        codes,
        float_values(table, names["weight"]) if "weight" in names else np.ones(len(table)),
        float_values(table, names["flux"]) if "flux" in names else None,
        Identity(len(table), ids, positions),
        limits={p: float_values(table, r.limit) for p, r in enumerate(records) if r.limit},
    )


# Tabulated densities


def _density_table(model):
    densities = model._core.likelihood.densities
    table = Table()
    table[MIDDLE_COLUMN] = np.concatenate([density.middles for density in densities])
    tables = np.concatenate([density.probabilities.T for density in densities])
    for name, values in zip(model.classes_, tables.T, strict=True):
        table[PROBABILITY_COLUMN.format(name)] = values
    columns = [density.record.column for density in densities]
    table[PROPERTY_COLUMN] = np.repeat(columns, [len(density.middles) for density in densities])
    table.meta = _meta(
        model,
        class_counts=model.class_counts_,
        present=dict(zip(columns, model._core.likelihood.present_weight, strict=True)),
    )
    return table


def _set_densities(core, table, records, stored):
    classes = stored["classes"]
    owner = text_values(table, PROPERTY_COLUMN)[0]
    middles = float_values(table, MIDDLE_COLUMN)
    tables = [float_values(table, PROBABILITY_COLUMN.format(name)) for name in classes]
    densities = []
    for record in records:
        own = owner == record.column
        probabilities = np.array([values[own] for values in tables])
        densities.append(TabulatedDensities(record, middles[own], probabilities))
    core.classes_ = list(classes)
    core.class_counts_ = np.array(stored["class_counts"])
    present = np.array([stored["present"][record.column] for record in records])
    core.likelihood = LikelihoodModel(
        densities, tuple(stored["categories"]), present, core.class_counts_
    )
    warn_in_sample()
