# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``claxboi classify``: classify a table of sources.
"""

from pathlib import Path

from ._arguments import (
    PROPERTIES_FILE,
    TABLE,
    UsageError,
    add_options,
    add_overwrite,
    add_pos_error,
    add_settings,
    existing_file,
    parse_priors,
)
from ._classified import (
    MODEL_SUFFIX,
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
    sub.add_argument("table", metavar="TABLE", type=existing_file, help=TABLE)
    sub.add_argument("-o", "--output", metavar="OUT", required=True, help="the classified table")
    add_settings(sub)
    add_options(
        sub,
        (
            "decision",
            str,
            "class to predict: probable (default), balanced, f1=CLASS, or costs CLASS=5,...",
        ),
    )
    sub.add_argument(
        "--candidates",
        metavar="FILE",
        type=existing_file,
        help="all candidate counterparts and none, with their properties: sum over them",
    )
    add_pos_error(sub)
    sub.add_argument(
        "--offline", action="store_true", help="ask no service; what is not here is an error"
    )
    sub.add_argument(
        "--evaluate", action="store_true", help="print held-out scores of the training sample"
    )
    sub.add_argument(
        "--write-model",
        metavar="FILE",
        help=f"where to keep the fitted model (default: OUT{MODEL_SUFFIX})",
    )
    add_overwrite(sub, "replace files, and columns of the same name")


def _classify(args):
    from claxboi.io import output_format, read_table, write_table
    from claxboi.utils import check_output

    output_format(args.output)
    check_output(args.output, overwrite=args.overwrite)
    model_path = args.write_model or (None if args.model else args.output + MODEL_SUFFIX)
    if model_path is not None:
        check_output(model_path, overwrite=args.overwrite)
        if Path(model_path).resolve() == Path(args.output).resolve():
            raise UsageError(f"write_model must be another file than the output, {args.output}")
    result, model = run_classify(args, read_table(args.table))
    if args.evaluate:
        sample = training_sample(args, result, model)
        priors = stored_priors(result, parse_priors(args))
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
