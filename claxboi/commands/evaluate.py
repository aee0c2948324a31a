# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
``claxboi evaluate``: the scores of a model, held out.
"""

import argparse

from ._arguments import EPILOG, TABLE, add_options, add_settings, parse_priors
from ._classified import run_classify, say, stored_priors

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
        "score a model on labelled sources, held out",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub.add_argument("table", metavar="TABLE", help=TABLE)
    add_settings(sub)
    add_options(
        sub,
        ("method", str, "leave-one-out (default), k-fold, grouped or training"),
        ("n-folds", int, "number of folds (default 10)"),
        ("groups", str, "column with the groups (default: cells of the sky)"),
        ("population-weight", str, "column with how many sources a row stands for in the scores"),
    )


def _evaluate(args):
    from claxboi.io import read_table

    table = read_table(args.table)
    result, model, _ = run_classify(args, table)
    options = {
        name: getattr(args, name)
        for name in ("method", "label", "n_folds", "groups")
        if hasattr(args, name)
    }
    if hasattr(args, "population_weight"):
        options["weight"] = args.population_weight
    say(
        model.evaluate(
            table,
            stored_priors(result, parse_priors(args)),
            rng=args.rng,
            show_progress=not args.quiet,
            **options,
        )
    )
