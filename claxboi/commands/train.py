# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``claxboi train``: a classifier for a mission, for use without any network.
"""

import argparse

from ._arguments import add_options, add_overwrite, add_seed, parse_priors
from ._classified import describe_origin, say

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
        "train",
        _train,
        "build the training sample of a mission and fit a classifier to it",
        "    claxboi train 4XMM -o 4xmm.ecsv\n"
        "    claxboi classify sources.fits --model 4xmm.ecsv -o classified.fits",
    )
    sub.add_argument("mission", metavar="MISSION", help="4XMM, 2SXPS, CSC2 or eRASS1")
    sub.add_argument("-o", "--output", metavar="MODEL", required=True, help="model file (ECSV)")
    add_options(
        sub,
        ("scheme", str, "7 classes (default), 4 classes or nearby galaxies"),
        ("min-class-size", int, "leave out smaller classes (default 10)"),
        (
            "max-per-class",
            int,
            "maximum number of sources of each class (default 5000)",
        ),
    )
    sub.add_argument(
        "--priors", default=argparse.SUPPRESS, help="AGN=0.66,... (default: published ones)"
    )
    sub.add_argument(
        "--label-catalogues",
        metavar="NAME,...",
        help="catalogues of known objects (default: the published ones)",
    )
    sub.add_argument("--refresh", action="store_true", help="fetch all catalogues again")
    add_seed(sub)
    add_overwrite(sub)


def _train(args):
    from claxboi.classification import check_priors, fit_classifier
    from claxboi.training import build
    from claxboi.utils import check_output

    check_output(args.output, overwrite=args.overwrite)
    priors = parse_priors(args)
    check_priors(priors)
    options = {
        name: getattr(args, name)
        for name in ("scheme", "min_class_size", "max_per_class")
        if hasattr(args, name)
    }
    if args.label_catalogues:
        options["references"] = [name.strip() for name in args.label_catalogues.split(",")]
    show_progress = not args.quiet
    sample = build(
        args.mission, refresh=args.refresh, rng=args.rng, show_progress=show_progress, **options
    )
    model, _ = fit_classifier(
        sample.table,
        sample.priors if priors is None else priors,
        min_class_size=sample.table.meta["claxboi"]["training"]["min_class_size"],
        rng=args.rng,
        show_progress=show_progress,
    )
    model.write(args.output, overwrite=args.overwrite)
    if not args.quiet:
        counts = ", ".join(
            f"{name} {count:g}"
            for name, count in zip(model.classes_, model.class_counts_, strict=True)
        )
        say(f"Model {args.output}: {describe_origin(model)}.")
        say(f"Classes: {counts}")
        say(f"Properties: {', '.join(record.column for record in model.properties)}")
