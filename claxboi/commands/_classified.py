# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
What several commands do with a classified table.
"""

import logging
import re
import sys
from pathlib import Path

from ._arguments import parse_priors, parse_settings

__all__ = ["MODEL_SUFFIX", "find_row", "read_model", "run_classify", "say", "stored_priors"]

#: Added to the name of a classified table, the name of the model that classified it.
MODEL_SUFFIX = ".model.ecsv"


def say(text=""):
    """
    Write a text to standard output.

    Parameters
    ----------
    text : object, optional
        The text, or what is to be shown as one.
    """
    sys.stdout.write(f"{text}\n")


def run_classify(args, table):
    """Do what the arguments ask of `classify`; return the result, the model and its sample."""
    from claxboi import classify
    from claxboi.io import read_table

    settings, priors = parse_settings(args), parse_priors(args)
    options = {
        "overwrite": getattr(args, "overwrite", True),
        "show_progress": not args.quiet,
        "return_model": True,
    }
    training = read_table(args.training) if args.training else None
    sample = table if training is None else training
    if args.model is not None:
        given = settings.keys() - {"label"}
        if given or training is not None or args.optimize or args.target:
            raise ValueError(
                "model is already fitted: --training, --optimize, --target and the settings of a "
                "fit do not go with it"
            )
        return *classify(table, priors, model=args.model, **options), sample
    if args.optimize not in (None, "log_loss", "f1"):
        raise ValueError(f"optimize must be one of 'log_loss', 'f1', got {args.optimize!r}")
    if args.optimize and "weights" in settings:
        raise ValueError("weights are given: --optimize would find others")
    if args.target and args.optimize != "f1":
        raise ValueError("target goes with --optimize f1")
    if args.optimize != "f1":
        return *classify(table, priors, training=training, **settings, **options), sample
    settings["weights"] = {}
    result, model = classify(table, priors, training=training, **settings, **options)
    search = model.optimize(
        sample,
        stored_priors(result, priors),
        objective="f1",
        target=args.target,
        rng=args.rng,
        show_progress=not args.quiet,
    )
    logging.getLogger(__name__).info("%s", search)
    options.pop("return_model")
    return model.classify(table, priors, **options), model, sample


def stored_priors(result, priors):
    """Return the proportions that a result was made for, if priors were given at all."""
    stored = result.meta["claxboi"]["classification"]["priors"]
    return stored if isinstance(stored, dict) and priors not in (None, "training") else "training"


def read_model(table_path, model_path=None, table=None):
    """
    Read the model that classified a table.

    Parameters
    ----------
    table_path : str
        The table that `claxboi classify` wrote.
    model_path : str, optional
        Its model. Default: the file that is kept beside the table.
    table : `~astropy.table.Table`, optional
        The table itself, which may know its model.

    Returns
    -------
    model : `~claxboi.classification.NaiveBayesClassifier`

    Raises
    ------
    ValueError
        If the table knows that another model classified it.
    """
    from claxboi.classification import NaiveBayesClassifier, model_fingerprint

    path = Path(model_path or f"{table_path}{MODEL_SUFFIX}")
    if not path.exists():
        raise FileNotFoundError(
            f"there is no model file {path}: classify keeps it beside its output; name another "
            "with --model"
        )
    known = {} if table is None else table.meta.get("claxboi", {}).get("pipeline", {})
    if known.get("model", "") not in ("", model_fingerprint(path)):
        raise ValueError(
            f"{path} is not the model that classified {table_path}: the files are from two jobs. "
            "Run the job again, or name the right model with --model"
        )
    return NaiveBayesClassifier.read(path)


def find_row(table, source, column=None):
    import numpy as np

    from claxboi.catalog import identifier_columns
    from claxboi.utils import check_columns, text_values

    if column is None:
        columns = identifier_columns(table)
    else:
        columns = [column]
        check_columns(table, columns)
    for name in columns:
        rows = np.flatnonzero(text_values(table, name)[0] == source.strip())
        if len(rows) == 1:
            return int(rows[0])
        if len(rows) > 1:
            raise ValueError(
                f"{source!r} stands in {len(rows)} rows of column {name!r}, the first are "
                f"{', '.join(map(str, rows[:5]))}; give the number of the row"
            )
    if re.fullmatch(r"\d+", source) and int(source) < len(table):
        return int(source)
    where = " or ".join(columns) or "source_id or name (--id names another)"
    raise ValueError(
        f"there is no source {source!r}: it is no number of a row, from 0 to {len(table) - 1}, and "
        f"there is no such identifier in a column {where}"
    )
