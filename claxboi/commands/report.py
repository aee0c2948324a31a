# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
``claxboi report``: a classified table as one page for a browser.
"""

from pathlib import Path

from ._classified import MODEL_SUFFIX, read_model, say

__all__ = ["add"]


def add(command):
    """
    Declare the command.

    Parameters
    ----------
    command : callable
        Makes its parser.
    """
    sub = command("report", _report, "write a classified table as one page for a browser")
    sub.add_argument("table", metavar="OUT", help="table that classify wrote")
    sub.add_argument(
        "-o", "--output", metavar="FILE", default="report.html", help="the page (report.html)"
    )
    sub.add_argument("--model", metavar="FILE", help=f"its model (default: OUT{MODEL_SUFFIX})")
    sub.add_argument("--truth", metavar="COLUMN", help="true classes of sources not trained on")
    sub.add_argument("--candidates", metavar="TABLE", help="candidate counterparts, with p_i")
    sub.add_argument("--sources", metavar="TABLE", help="sources with a full card (source_id)")
    sub.add_argument("--columns", metavar="NAME,...", help="further columns to be shown")
    sub.add_argument("--cards", type=int, default=5000, help="full cards at most (default 5000)")
    sub.add_argument("--title", help="title of the page")
    sub.add_argument("--overwrite", action="store_true", help="replace the file")


def _readable_elsewhere(path):
    """Return the path of a table that TOPCAT loads by its suffix, else None."""
    return path if Path(path).suffix.lower() in (".fits", ".fit", ".vot", ".xml") else None


def _report(args):
    from claxboi.io import read_table
    from claxboi.report import write_report
    from claxboi.utils import check_output, is_missing

    check_output(args.output, overwrite=args.overwrite)
    result = read_table(args.table)
    sources = read_table(args.sources) if args.sources else None
    candidates = read_table(args.candidates) if args.candidates else None
    model = evaluation = None
    if args.model or Path(f"{args.table}{MODEL_SUFFIX}").exists():
        model = read_model(args.table, args.model, result)
        label = model.label
        if label in result.colnames and not is_missing(result, label).all():
            priors = result.meta.get("claxboi", {}).get("classification", {}).get("priors")
            evaluation = model.evaluate(
                result,
                priors if isinstance(priors, dict) else "training",
                show_progress=not args.quiet,
            )
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
        overwrite=args.overwrite,
        title=args.title,
        show_progress=not args.quiet,
    )
    if not args.quiet:
        say(f"{args.output}: {Path(args.output).stat().st_size / 1e6:.1f} MB; open it in a browser")
