# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``claxboi demo``: the whole job on simulated sources.
"""

import shlex

from ._arguments import add_overwrite, add_seed
from ._classified import say, score_line, summary

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
        "demo",
        _demo,
        "do the whole job on simulated sources",
        "    claxboi demo --n-sources 1000 -o my-demo",
    )
    sub.add_argument(
        "-o", "--output", metavar="FOLDER", default="claxboi-demo", help="folder of the results"
    )
    sub.add_argument(
        "--n-sources", type=int, default=4000, help="number of X-ray sources (default 4000)"
    )
    add_seed(sub, default=1)
    add_overwrite(sub, "replace files in the folder")


def _demo(args):
    from claxboi._demo import run_demo

    show = (lambda *_: None) if args.quiet else say
    demo = run_demo(
        args.output, n_sources=args.n_sources, rng=args.rng, overwrite=args.overwrite, say=show
    )
    job, folder = demo.job, demo.page.parent
    show(f"\n{summary(job.table, job.model, job.evaluation)}")
    show(f"{score_line(demo.truth)}")
    show(
        "The labelled sources are bright and easy, the others faint: by true flux in "
        f"{folder / 'truth.txt'}."
    )
    show(f"\n{demo.explanation.sentence}")
    show(f"\nIn {folder}: the classified table, its report, figures, and the simulated sky.")
    show(f"Next: open {demo.page} in a browser, or")
    show(f"  claxboi explain {folder / 'sources.fits'} {shlex.quote(demo.source)}")
    show(
        f"  claxboi run {folder / 'sky/xray.fits'} --references {folder / 'sky/references'} "
        f"--references {folder / 'sky/others'} -o out.fits"
    )
