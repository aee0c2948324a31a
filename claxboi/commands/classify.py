# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``claxboi classify``: classify a table of sources.
"""

from pathlib import Path

from claxboi.suffixes import MODEL_SUFFIX

from ._arguments import (
    PROPERTIES_FILE,
    UsageError,
    add_offline,
    add_options,
    add_overwrite,
    add_pos_error,
    add_settings,
    add_table,
    existing_file,
    parse_priors,
)
from ._classified import (
    describe_origin,
    run_classify,
    say,
    stored_priors,
    summary,
    training_sample,
)

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
        "classify",
        _classify,
        "classify the sources of a table",
        "    claxboi classify sources.csv --priors AGN=0.7,star=0.2,XRB=0.1 -o classified.fits"
        + PROPERTIES_FILE,
    )
    add_table(sub)
    sub.add_argument("-o", "--output", metavar="OUT", required=True, help="the classified table")
    add_settings(sub)
    add_options(
        sub,
        (
            "decision",
            str,
            "predicted class: probable (default), balanced, f1=CLASS, or costs: CV=5,XRB=2",
        ),
    )
    sub.add_argument(
        "--candidates",
        metavar="FILE",
        type=existing_file,
        help="all candidate counterparts with their properties: classify by the sum over them",
    )
    sub.add_argument(
        "--class-sets",
        metavar="COVERAGE",
        type=float,
        help="add the classes that cannot be excluded, such that this fraction of the sets have "
        "the true class, such as 0.9",
    )
    add_pos_error(sub)
    add_offline(sub)
    sub.add_argument(
        "--evaluate", action="store_true", help="print the held-out scores of the training sample"
    )
    sub.add_argument(
        "--write-model",
        metavar="FILE",
        help=f"file of the fitted model (default: OUT{MODEL_SUFFIX})",
    )
    add_overwrite(sub, "replace files, and columns of the same name")


def _classify(args):
    from claxboi.io import output_format, read_table, write_table
    from claxboi.utils import check_number, check_output

    if args.class_sets is not None:
        check_number(args.class_sets, "class_sets", minimum=0, maximum=1, exclusive=True)
    output_format(args.output)
    check_output(args.output, overwrite=args.overwrite)
    model_path = args.write_model or (None if args.model else args.output + MODEL_SUFFIX)
    if model_path is not None:
        check_output(model_path, overwrite=args.overwrite)
        if Path(model_path).resolve() == Path(args.output).resolve():
            raise UsageError(f"write_model must be another file than the output, {args.output}")
    result, model = run_classify(args, read_table(args.table))
    priors = stored_priors(result, parse_priors(args))
    if args.class_sets is not None:
        result = _with_class_sets(args, result, model, priors)
    if args.evaluate:
        sample = training_sample(args, result, model)
        say(f"{model.evaluate(sample, priors, show_progress=False)}\n")
    write_table(result, args.output, overwrite=args.overwrite)
    written = [args.output]
    if model_path is not None:
        model.write(model_path, overwrite=args.overwrite)
        written.append(model_path)
    if not args.quiet:
        if args.model:
            say(f"Model {args.model}: {describe_origin(model)}.")
        say(summary(result, model))
        say(f"Wrote {' and '.join(map(str, written))}")


def _with_class_sets(args, result, model, priors):
    from claxboi.classification import class_sets

    sample = training_sample(args, result, model)
    if sample is result:
        sample = None
    else:
        sample = model.classify(sample, priors, overwrite=True, show_progress=not args.quiet)
    return class_sets(result, model, args.class_sets, sample=sample, overwrite=args.overwrite)
