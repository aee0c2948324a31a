# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
``claxboi classify``: step 6 alone.
"""

import argparse
from pathlib import Path

from ._arguments import EPILOG, TABLE, add_settings, parse_priors
from ._classified import MODEL_SUFFIX, run_classify, say, stored_priors

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
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub.add_argument("table", metavar="TABLE", help=TABLE)
    sub.add_argument("-o", "--output", metavar="OUT", required=True, help="the classified table")
    add_settings(sub)
    sub.add_argument("--evaluate", action="store_true", help="print scores of the training sample")
    sub.add_argument(
        "--write-model",
        metavar="FILE",
        help=f"where to keep the fitted model (default: OUT{MODEL_SUFFIX})",
    )
    sub.add_argument(
        "--overwrite", action="store_true", help="replace files, and columns of the same name"
    )


def _classify(args):
    from claxboi.io import output_format, read_table, write_table
    from claxboi.utils import check_output

    output_format(args.output)
    check_output(args.output, overwrite=args.overwrite)
    model_path = args.write_model or (None if args.model else args.output + MODEL_SUFFIX)
    if model_path is not None:
        check_output(model_path, overwrite=args.overwrite)
        if Path(model_path).resolve() == Path(args.output).resolve():
            raise ValueError(f"write-model must be another file than the output, {args.output}")
    result, model, sample = run_classify(args, read_table(args.table))
    if args.evaluate:
        say(model.evaluate(sample, stored_priors(result, parse_priors(args)), show_progress=False))
        say()
    if not args.quiet:
        say(_summary(result, model))
    write_table(result, args.output, overwrite=args.overwrite)
    written = [args.output]
    if model_path is not None:
        model.write(model_path, overwrite=args.overwrite)
        written.append(model_path)
    if not args.quiet:
        say(f"Wrote {' and '.join(map(str, written))}")


def _summary(result, model):
    """Say what was done, in a few lines."""
    import numpy as np

    stored = result.meta["claxboi"]["classification"]
    predicted, training = np.asarray(result["prediction"]), np.asarray(result["is_training"])
    names = model.classes_
    width = max(len("class"), *map(len, names))
    done = f"Classified {len(result)} sources by {len(model.properties)} properties"
    if training.any():
        done += f"; the {training.sum()} that trained the model have their held-out posterior"
    lines = [f"{done}.", f"{'class':{width}}  prior   training  predicted"]
    for name, count in zip(names, stored["class_counts"], strict=True):
        prior = stored["priors"][name]
        found = np.count_nonzero(predicted == name)
        lines.append(f"{name:{width}}  {prior:6.4f}  {count:8g}  {found:9d}")
    weights = ", ".join(f"{name} {value:.3g}" for name, value in model.weights.items())
    return "\n".join([*lines, f"Weights: {weights}"])
