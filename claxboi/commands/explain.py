# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
``claxboi explain``: one source, in numbers and words.
"""

from ._arguments import parse_priors
from ._classified import MODEL_SUFFIX, find_row, read_model, say

__all__ = ["add"]


def add(command):
    """
    Declare the command.

    Parameters
    ----------
    command : callable
        Makes its parser.
    """
    sub = command("explain", _explain, "say why a source is what it is, in words and numbers")
    sub.add_argument("table", metavar="OUT", help="table that classify wrote")
    sub.add_argument(
        "source",
        metavar="SOURCE",
        help="identifier (in source_id, name, IAUNAME or SRCID), or else number of the row from 0",
    )
    sub.add_argument("--id", metavar="COLUMN", help="another column with the identifiers")
    sub.add_argument("--model", metavar="FILE", help=f"its model (default: OUT{MODEL_SUFFIX})")
    sub.add_argument("--priors", help="as for classify (default: those of OUT)")
    sub.add_argument("--parts", action="store_true", help="list every property, not each category")


def _explain(args):
    from claxboi.io import read_table

    table = read_table(args.table)
    row = find_row(table, args.source, args.id)
    explanation = read_model(args.table, args.model, table).explain(table[row], parse_priors(args))
    if args.parts:
        parts = explanation.to_table()
        parts["value"].info.format = ".5g"
        for name in explanation.classes:
            parts[name].info.format = ".2f"
        say(f"{explanation.sentence}\n")
        say("\n".join(parts.pformat(max_lines=-1, max_width=-1)))
    else:
        say(explanation)
