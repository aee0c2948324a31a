# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``claxboi report``: write a classified table as an HTML page.
"""

from pathlib import Path

from claxboi.suffixes import MODEL_SUFFIX

from ._arguments import add_model, add_overwrite, add_result, existing_file
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
        "report",
        _report,
        "write a classified table as an HTML page",
        "    claxboi report classified.fits -o report.html",
    )
    add_result(sub)
    sub.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default="report.html",
        help="the page (default: report.html)",
    )
    add_model(sub)
    sub.add_argument(
        "--truth",
        metavar="COLUMN",
        help="true classes of sources that were not used in training",
    )
    sub.add_argument(
        "--candidates",
        metavar="TABLE",
        type=existing_file,
        help="table of candidate counterparts, with column p_i",
    )
    sub.add_argument(
        "--sources",
        metavar="TABLE",
        type=existing_file,
        help="table of the sources to show with all details, by source_id",
    )
    sub.add_argument("--columns", metavar="NAME,...", help="more columns to show")
    sub.add_argument(
        "--cards",
        type=int,
        default=5000,
        help="maximum number of sources shown with all details (default 5000)",
    )
    sub.add_argument(
        "--n-sources",
        type=int,
        default=200_000,
        help="maximum number of sources in the page (default 200000)",
    )
    sub.add_argument("--title", help="title of the page")
    add_overwrite(sub, "replace the file")


def _readable_elsewhere(path):
    """Return the path of a table that TOPCAT loads by its suffix, else None."""
    return path if Path(path).suffix.lower() in (".fits", ".fit", ".vot", ".xml") else None


def _report(args):
    from claxboi.classification import evaluate_result
    from claxboi.io import read_table
    from claxboi.report import write_report
    from claxboi.utils import check_output

    check_output(args.output, overwrite=args.overwrite)
    result = read_table(args.table)
    sources = read_table(args.sources) if args.sources else None
    candidates = read_table(args.candidates) if args.candidates else None
    model = evaluation = None
    if args.model or Path(f"{args.table}{MODEL_SUFFIX}").exists():
        model = read_model(args.table, args.model, result)
        evaluation = evaluate_result(result, model, show_progress=not args.quiet)
    write_report(
        result,
        args.output,
        model=model,
        evaluation=evaluation,
        truth=args.truth,
        sources=sources,
        candidates=candidates,
        columns=args.columns.split(",") if args.columns else (),
        table_path=_readable_elsewhere(args.table),
        n_cards=args.cards,
        n_sources=args.n_sources,
        overwrite=args.overwrite,
        title=args.title,
        show_progress=not args.quiet,
    )
    if not args.quiet:
        say(f"{args.output}: {Path(args.output).stat().st_size / 1e6:.1f} MB; open it in a browser")
