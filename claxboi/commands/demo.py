# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
``claxboi demo``: the whole job on simulated sources.
"""

from ._arguments import parse_seed
from ._classified import say

__all__ = ["add"]


def add(command):
    """
    Declare the command.

    Parameters
    ----------
    command : callable
        Makes its parser.
    """
    sub = command("demo", _demo, "show the whole job on simulated sources")
    sub.add_argument("-o", "--output", metavar="FOLDER", default="claxboi-demo", help="its folder")
    sub.add_argument("--n-sources", type=int, default=4000, help="how many (default 4000)")
    sub.add_argument(
        "--rng", type=parse_seed, default=1, help="seed of the random numbers (default 1)"
    )
    sub.add_argument("--overwrite", action="store_true", help="replace what the folder has")


def _demo(args):
    from claxboi._demo import run_demo

    tell = (lambda *_: None) if args.quiet else say
    run_demo(
        args.output, n_sources=args.n_sources, rng=args.rng, overwrite=args.overwrite, say=tell
    )
