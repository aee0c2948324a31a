# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``claxboi evaluate``: held-out scores of a classified table or a model.
"""

from ._arguments import (
    PROPERTIES_FILE,
    UsageError,
    add_options,
    add_settings,
    add_table,
    parse_priors,
    parse_settings,
)
from ._classified import read_model, run_classify, say, stored_priors

__all__ = ["add"]


def add(command):
    """
    Declare the command.

    Parameters
    ----------
    command : callable
        Makes its parser.
    """
    sub = command(
        "evaluate",
        _evaluate,
        "print held-out scores of a classified table, or of a classifier on labelled sources",
        "    claxboi evaluate classified.fits\n"
        "    claxboi evaluate others.fits --model classified.fits.model.ecsv --priors training\n\n"
        "A table that classify or run wrote is scored with its own model and priors, as in its "
        "report.\nFor another labelled table a classifier is fitted as by classify."
        + PROPERTIES_FILE,
    )
    add_table(sub)
    add_settings(sub)
    add_options(
        sub,
        ("method", str, "leave-one-out (default), k-fold, grouped or training"),
        ("n-folds", int, "number of folds (default 10)"),
        ("groups", str, "column with the groups (default: cells of the sky)"),
        ("population-weight", str, "column with the number of sources that a row stands for"),
    )


def _evaluate(args):
    from claxboi.classification import evaluate_result
    from claxboi.io import read_table

    table = read_table(args.table)
    priors = parse_priors(args)
    options = {
        name: getattr(args, name)
        for name in ("method", "label", "n_folds", "groups")
        if hasattr(args, name)
    }
    if hasattr(args, "population_weight"):
        options["weight"] = args.population_weight
    options |= {"rng": args.rng, "show_progress": not args.quiet}
    is_classified = "classification" in table.meta.get("claxboi", {})
    if is_classified and not _has_settings(args):
        model = read_model(args.table, args.model, table)
        evaluation = evaluate_result(table, model, priors, **options)
        if evaluation is None:
            raise UsageError(f"table must have labelled sources in column {model.label!r}")
    elif args.model is not None and priors != "estimate":
        if _has_settings(args):
            raise UsageError("model is already fitted: settings of a fit cannot be given with it")
        evaluation = read_model(args.table, args.model).evaluate(table, priors, **options)
    else:
        result, model = run_classify(args, table)
        evaluation = model.evaluate(table, stored_priors(result, priors), **options)
    say(evaluation)


def _has_settings(args):
    """Return whether settings of a fit are given: then another model than the table's is meant."""
    return bool(parse_settings(args).keys() - {"label"} or args.training or args.optimize)
