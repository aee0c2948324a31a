# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``claxboi references``: list the reference catalogues.
"""

from ._arguments import TABLE, UsageError, existing_file
from ._classified import say

__all__ = ["add"]

EXAMPLE = """\
    claxboi references                                  list all
    claxboi references gaia                             describe one
    claxboi references gaia allwise --bibtex            list the papers to cite
    claxboi references gaia allwise --plan x.fits --radius 8
                                                        estimate a query without sending it\
"""


def add(command):
    """
    Declare the command.

    Parameters
    ----------
    command : callable
        Makes its parser.
    """
    sub = command(
        "references",
        _references,
        "list the reference catalogues",
        EXAMPLE,
    )
    sub.add_argument("names", metavar="NAME", nargs="*", help="short name, or VizieR identifier")
    sub.add_argument("--kind", help="list one kind only: survey, galaxies, labels or x-ray")
    sub.add_argument("--bibtex", action="store_true", help="print BibTeX entries of their papers")
    sub.add_argument(
        "--plan",
        metavar="TABLE",
        type=existing_file,
        help=f"estimate the answer to a query around its sources; {TABLE}",
    )
    sub.add_argument("--radius", type=float, metavar="ARCSEC", help="radius of the query of --plan")


def _references(args):
    from claxboi.references import bibtex, list_references

    if (args.plan is None) != (args.radius is None):
        raise UsageError("--plan and --radius must be given together")
    if args.kind is not None and args.names:
        raise UsageError("--kind lists all catalogues of a kind: it cannot be given with names")
    names = args.names or list(list_references(args.kind)["name"])
    if args.plan is not None:
        _plan(args, names)
    elif args.bibtex:
        say(bibtex(names))
    elif args.names:
        for k, name in enumerate(names):
            say(("\n" if k else "") + "\n".join(_describe(name)))
    else:
        table = list_references(args.kind)["name", "kind", "title", "table", "rows"]
        for name in ("name", "kind", "title", "table"):
            table[name].info.format = "<"
        say("\n".join(table.pformat(max_lines=-1, max_width=-1, align=["<"] * 4 + [">"])))


def _plan(args, names):
    from astropy import units as u

    from claxboi import XrayTable
    from claxboi.io import read_table
    from claxboi.references import get_reference
    from claxboi.utils import check_columns

    if not args.names:
        raise UsageError("--plan needs the names of catalogues")
    table = read_table(args.plan)
    check_columns(table, ["ra", "dec"], args.plan)
    coords = XrayTable(table).coords
    plans = [get_reference(n).plan(coords, radius=args.radius * u.arcsec) for n in names]
    for plan in plans:
        say(plan)
    rows = [plan.n_rows for plan in plans]
    say(
        f"total: {sum(plan.n_requests for plan in plans)} requests, "
        + ("an unknown number of" if None in rows else f"about {sum(rows):,}")
        + f" rows, about {sum(plan.minutes for plan in plans):.1f} min and "
        f"{sum(plan.megabytes for plan in plans):.1f} MB"
    )


def _describe(name):
    from claxboi.references import get_reference

    reference = get_reference(name)
    record = reference.record
    level = "1 sigma per axis" if record.error_level is None else f"{record.error_level:.1%} radius"
    facts = {
        "kind": record.kind,
        "table": f"{record.table} on {', '.join(record.services)}",
        "rows": "unknown" if record.rows is None else f"{record.rows:,}",
        "coverage": record.coverage,
        "epoch": ", ".join(f"{value:g} on {key}" for key, value in record.epoch.items()),
        "errors": f"{' or '.join(' and '.join(g) for g in record.error)} ({level})"
        if record.error
        else "",
        "magnitudes": record.system,
        "limits": record.limits,
        "labels": record.labels,
        "selected in": ", ".join(record.selected_in),
        "note": record.note,
        "cite": ", ".join(record.citation),
        "unconfirmed": ", ".join(record.unconfirmed),
    }
    lines = [f"{record.name}: {record.title}"]
    lines += [f"  {key + ':':13}{value}" for key, value in facts.items() if value]
    lines += ["  columns:"]
    for column in (record.columns or {}).values():
        own = ", ".join(f"{name} on {service}" for service, name in column.names.items())
        lines.append(f"    {column.canonical:18}{column.unit or '-':12}{own}")
    return lines
