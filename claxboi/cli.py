# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The command ``claxboi``: a thin shell over the functions of the same names.

What is asked for goes to standard output; progress, notes, warnings and errors go to standard
error. The exit status is 0, 2 after an error of the user, 130 after Ctrl-C.
"""

import argparse
import logging
import os
import re
import sys
import traceback
import warnings
from pathlib import Path

from claxboi._arguments import parse_priors_of, parse_settings

__all__ = ["main"]

#: What a Python message says, and what it is called here.
OPTIONS = (
    ("pass overwrite=True", "use --overwrite"),
    ("say priors=", "say --priors "),
    ("priors='estimate'", "--priors estimate"),
    ("(merge=)", "(--merge)"),
    ("lower min_class_size", "lower --min-class-size"),
)

#: Columns that may identify a source, without regard to case.
IDENTIFIERS = ("source_id", "name", "iauname", "srcid")

#: Added to the name of a classified table, the name of the model that classified it.
MODEL_SUFFIX = ".model.ecsv"

EPILOG = """\
The file of --properties is TOML. A key with a list is a category and its columns; a key with a
table is a column and how it classifies (the arguments of claxboi.Property; inf is an open bound):

    spectrum = ["hr1", "hr2"]

    [log_lx]
    category = "location"
    error = "log_lx_error"
    bounds = [28.0, inf]
    components = [{class_name = "AGN", fraction = 0.1, density = [[28, 45], [0, 1]]}]
"""


class _UsageError(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise _UsageError(f"{message} (see {self.prog} --help)")


def main(argv=None):
    """
    Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the name of the command. Default: those of the process.

    Returns
    -------
    status : int
        The exit status.
    """
    log = logging.getLogger("claxboi")
    handler, level = logging.StreamHandler(sys.stderr), log.level
    handler.setFormatter(logging.Formatter("claxboi: %(message)s"))
    with warnings.catch_warnings():
        try:
            args = _parser().parse_args(argv)
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _show_warning
            if not args.quiet:
                log.addHandler(handler)
                log.setLevel(logging.INFO)
            args.run(args)
            sys.stdout.flush()
        except KeyboardInterrupt:
            sys.stderr.write("claxboi: interrupted\n")
            return 130
        except BrokenPipeError:
            # The reader of the output has seen enough: nothing is left to be flushed to it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (_UsageError, OSError, ValueError, KeyError, TypeError, ImportError) as err:
            if not _is_of_user(err):
                raise
            message = err.args[0] if isinstance(err, KeyError) else err
            sys.stderr.write(f"claxboi: error: {_in_options(message)}\n")
            return 2
        finally:
            log.removeHandler(handler)
            log.setLevel(level)
    return 0


def _is_of_user(error):
    """Tell what claxboi raises on purpose, or the system says of files, from a bug."""
    if isinstance(error, OSError):
        return True
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = Path(last.filename).is_relative_to(Path(__file__).parent)
    return ours and (last.line or "").startswith("raise ")


def _in_options(message):
    text = " ".join(str(message).split())
    for python, option in OPTIONS:
        text = text.replace(python, option)
    return text


def _show_warning(message, *_args, **_kwargs):
    sys.stderr.write(f"claxboi: warning: {_in_options(message)}\n")


def _say(text=""):
    sys.stdout.write(f"{text}\n")


# Arguments


def _parser():
    from claxboi import __version__

    parser = _Parser(prog="claxboi", description="Classify X-ray sources.")
    parser.add_argument("--version", action="version", version=f"claxboi {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, run, summary, **more):
        sub = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", **more
        )
        sub.add_argument("--quiet", action="store_true", help="no progress, notes and summary")
        sub.set_defaults(run=run)
        return sub

    table = "table of sources: FITS, VOTable, ECSV, Parquet, CSV, or what else astropy reads"
    layout = {"epilog": EPILOG, "formatter_class": argparse.RawDescriptionHelpFormatter}

    sub = command("classify", _classify, "classify the sources of a table", **layout)
    sub.add_argument("table", metavar="TABLE", help=table)
    sub.add_argument("-o", "--output", metavar="OUT", required=True, help="the classified table")
    _add_settings(sub)
    sub.add_argument("--evaluate", action="store_true", help="print scores of the training sample")
    sub.add_argument(
        "--write-model",
        metavar="FILE",
        help=f"where to keep the fitted model (default: OUT{MODEL_SUFFIX})",
    )
    sub.add_argument(
        "--overwrite", action="store_true", help="replace files, and columns of the same name"
    )

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

    sub = command("evaluate", _evaluate, "score a model on labelled sources, held out", **layout)
    sub.add_argument("table", metavar="TABLE", help=table)
    _add_settings(sub)
    _add_options(sub, ("method", str, "leave-one-out (default), k-fold, grouped or training"))
    _add_options(sub, ("n-folds", int, "number of folds (default 10)"))
    _add_options(sub, ("groups", str, "column with the groups (default: cells of the sky)"))

    sub = command("demo", _demo, "show the whole job on simulated sources")
    sub.add_argument("-o", "--output", metavar="FOLDER", default="claxboi-demo", help="its folder")
    sub.add_argument("--n-sources", type=int, default=4000, help="how many (default 4000)")
    sub.add_argument("--rng", type=_seed, default=1, help="seed of the random numbers (default 1)")
    sub.add_argument("--overwrite", action="store_true", help="replace what the folder has")
    return parser


def _add_options(sub, *options):
    # Without a default: that of the Python function is taken.
    for name, kind, text in options:
        sub.add_argument(f"--{name}", type=kind, help=text, default=argparse.SUPPRESS)


def _add_settings(sub):
    _add_options(
        sub,
        ("label", str, "column with the known classes (default: class)"),
        ("priors", str, "AGN=0.66,star=0.25,...; training (default, with a warning); or estimate"),
        ("properties", str, "columns, as hr1,hr2,...; or a TOML file (default: all known ones)"),
    )
    sub.add_argument(
        "--category",
        action="append",
        metavar="NAME=COLUMN,...",
        help="put columns in a category; may be repeated",
    )
    sub.add_argument("--training", metavar="TABLE", help="labelled table (default: TABLE itself)")
    sub.add_argument("--model", metavar="FILE", help="model that --write-model wrote")
    _add_options(
        sub,
        ("weights", str, "published, or location=9,spectrum=8.6,... (default: fitted)"),
        ("normalization", str, "none (default), published or original"),
        ("missing", str, "existence (default), ignore or sentinel"),
        ("kernel", str, "exponential (default) or gaussian"),
        ("bandwidth", str, "likelihood (default), silverman, published or a number"),
        ("min-class-size", int, "smaller classes are left out (default 3)"),
    )
    sub.add_argument(
        "--merge", action="append", metavar="NEW=A+B", help="merge classes; may be repeated"
    )
    sub.add_argument("--optimize", help="log_loss (default without --weights) or f1")
    sub.add_argument("--target", metavar="CLASS", help="the class whose f1 counts")
    sub.add_argument("--rng", type=_seed, help="seed of the random numbers of f1 and of folds")


def _seed(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"it must be a whole number of at least 0, got {text!r}")
    return int(text)


# Commands


def _run_classify(args, table):
    """Do what the arguments ask of `classify`; return the result, the model and its sample."""
    from claxboi import classify
    from claxboi.utils import read_table

    settings, priors = parse_settings(args), parse_priors_of(args)
    options = {
        "overwrite": getattr(args, "overwrite", True),
        "show_progress": not args.quiet,
        "return_model": True,
    }
    training = read_table(args.training) if args.training else None
    sample = table if training is None else training
    if args.model is not None:
        given = settings.keys() - {"label"}
        if given or training is not None or args.optimize or args.target:
            raise ValueError(
                "model is fitted already: --training, --optimize, --target and the settings of a "
                "fit do not go with it"
            )
        return *classify(table, priors, model=args.model, **options), sample
    if args.optimize not in (None, "log_loss", "f1"):
        raise ValueError(f"optimize must be one of 'log_loss', 'f1', got {args.optimize!r}")
    if args.optimize and "weights" in settings:
        raise ValueError("weights are given: --optimize would find others")
    if args.target and args.optimize != "f1":
        raise ValueError("target goes with --optimize f1")
    if args.optimize != "f1":
        return *classify(table, priors, training=training, **settings, **options), sample
    settings["weights"] = {}
    result, model = classify(table, priors, training=training, **settings, **options)
    search = model.optimize(
        sample,
        _priors_of(result, priors),
        objective="f1",
        target=args.target,
        rng=args.rng,
        show_progress=not args.quiet,
    )
    logging.getLogger(__name__).info("%s", search)
    options.pop("return_model")
    return model.classify(table, priors, **options), model, sample


def _classify(args):
    from claxboi.utils import check_output, output_format, read_table, write_table

    output_format(args.output)
    check_output(args.output, overwrite=args.overwrite)
    model_path = args.write_model or (None if args.model else args.output + MODEL_SUFFIX)
    if model_path is not None:
        check_output(model_path, overwrite=args.overwrite)
        if Path(model_path).resolve() == Path(args.output).resolve():
            raise ValueError(f"write-model must be another file than the output, {args.output}")
    result, model, sample = _run_classify(args, read_table(args.table))
    if args.evaluate:
        _say(model.evaluate(sample, _priors_of(result, parse_priors_of(args)), show_progress=False))
        _say()
    if not args.quiet:
        _say(_summary(result, model))
    write_table(result, args.output, overwrite=args.overwrite)
    written = [args.output]
    if model_path is not None:
        model.write(model_path, overwrite=args.overwrite)
        written.append(model_path)
    if not args.quiet:
        _say(f"Wrote {' and '.join(map(str, written))}")


def _priors_of(result, priors):
    """Return the proportions that a result was made for, if priors were given at all."""
    stored = result.meta["claxboi"]["classification"]["priors"]
    return stored if isinstance(stored, dict) and priors not in (None, "training") else "training"


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


def _explain(args):
    from claxboi.classification import NaiveBayesClassifier
    from claxboi.utils import read_table

    table = read_table(args.table)
    row = _find_row(table, args.source, args.id)
    path = Path(args.model or args.table + MODEL_SUFFIX)
    if not path.exists():
        raise FileNotFoundError(
            f"there is no model file {path}: classify keeps it beside its output; name another "
            "with --model"
        )
    explanation = NaiveBayesClassifier.read(path).explain(table[row], parse_priors_of(args))
    if args.parts:
        parts = explanation.to_table()
        parts["value"].info.format = ".5g"
        for name in explanation.classes:
            parts[name].info.format = ".2f"
        _say(f"{explanation.sentence}\n")
        _say("\n".join(parts.pformat(max_lines=-1, max_width=-1)))
    else:
        _say(explanation)


def _find_row(table, source, column=None):
    import numpy as np

    from claxboi.utils import check_columns, text_values

    if column is None:
        columns = [name for name in table.colnames if name.lower() in IDENTIFIERS]
    else:
        columns = [column]
        check_columns(table, columns)
    for name in columns:
        rows = np.flatnonzero(text_values(table, name)[0] == source.strip())
        if len(rows) == 1:
            return int(rows[0])
        if len(rows) > 1:
            raise ValueError(
                f"{source!r} stands in {len(rows)} rows of column {name!r}, the first are "
                f"{', '.join(map(str, rows[:5]))}; give the number of the row"
            )
    if re.fullmatch(r"\d+", source) and int(source) < len(table):
        return int(source)
    where = " or ".join(columns) or "source_id or name (--id names another)"
    raise ValueError(
        f"there is no source {source!r}: it is no number of a row, from 0 to {len(table) - 1}, and "
        f"there is no such identifier in a column {where}"
    )


def _evaluate(args):
    from claxboi.utils import read_table

    table = read_table(args.table)
    result, model, _ = _run_classify(args, table)
    options = {
        name: getattr(args, name)
        for name in ("method", "label", "n_folds", "groups")
        if hasattr(args, name)
    }
    _say(
        model.evaluate(
            table,
            _priors_of(result, parse_priors_of(args)),
            rng=args.rng,
            show_progress=not args.quiet,
            **options,
        )
    )


def _demo(args):
    from claxboi._demo import run_demo

    say = (lambda *_: None) if args.quiet else _say
    run_demo(args.output, n_sources=args.n_sources, rng=args.rng, overwrite=args.overwrite, say=say)
