# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``claxboi explain``: the reasons for the class of one source.
"""

from pathlib import Path

from claxboi.suffixes import CANDIDATES_SUFFIX

from ._arguments import UsageError, add_model, add_result, existing_file, parse_priors
from ._classified import read_model, say

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
        "explain",
        _explain,
        "explain the class of one source, in words and numbers",
        "    claxboi explain classified.fits '4XMM J010203.4+050607'\n"
        "    claxboi explain classified.fits 17 --parts",
    )
    add_result(sub)
    sub.add_argument(
        "source",
        metavar="SOURCE",
        help="identifier in any spelling, position such as '10.684 +41.269', or row number from 0",
    )
    sub.add_argument(
        "--id",
        metavar="COLUMN",
        help="column of the identifiers (default: all known)",
    )
    add_model(sub)
    sub.add_argument("--priors", help="as for classify (default: those of OUT)")
    sub.add_argument(
        "--candidates",
        metavar="FILE",
        type=existing_file,
        help=f"candidates that OUT was classified over (default: OUT{CANDIDATES_SUFFIX})",
    )
    sub.add_argument("--parts", action="store_true", help="list the contribution of each property")


def _explain(args):
    from claxboi.classification.results import find_source
    from claxboi.io import read_table

    table = read_table(args.table)
    row, _ = find_source(table, args.source, args.table, args.id)
    options = {}
    if "candidates" in table.meta.get("claxboi", {}):
        candidates = Path(args.candidates or f"{args.table}{CANDIDATES_SUFFIX}")
        if not candidates.is_file():
            raise UsageError(
                f"{args.table} was classified over all candidates, and there is no {candidates}: "
                "name their file with --candidates"
            )
        options["candidates"] = read_table(candidates)
    elif args.candidates:
        raise UsageError(f"{args.table} was not classified over candidates")
    model = read_model(args.table, args.model, table)
    explanation = model.explain(table[row], parse_priors(args), **options)
    if args.parts:
        parts = explanation.to_table()
        parts["value"].info.format = ".5g"
        for name in explanation.classes:
            parts[name].info.format = ".2f"
        say(f"{explanation.sentence}\n")
        say("\n".join(parts.pformat(max_lines=-1, max_width=-1)))
    else:
        say(explanation)
