# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Functions that several commands share: classify, read a model, summarize a result.
"""

import logging
import sys
from pathlib import Path

from claxboi.suffixes import MODEL_SUFFIX

from ._arguments import (
    UsageError,
    parse_decision,
    parse_priors,
    parse_settings,
    parse_training,
)

__all__ = [
    "describe_origin",
    "read_model",
    "run_classify",
    "say",
    "score_line",
    "stored_priors",
    "summary",
    "training_sample",
]

log = logging.getLogger(__name__)

#: The scores of a summary, with their titles.
_SCORES = {"accuracy": "accuracy", "macro_f1": "macro F1", "log_loss": "log-loss"}


def say(text=""):
    """
    Write a text to standard output.

    Parameters
    ----------
    text : object, optional
        The text, or an object to be shown as one.
    """
    sys.stdout.write(f"{text}\n")


def run_classify(args, table):
    """
    Call `claxboi.classify` with the options of a command.

    Parameters
    ----------
    args : `~argparse.Namespace`
        The parsed command line.
    table : `~astropy.table.Table`
        The sources.

    Returns
    -------
    result : `~astropy.table.Table`
        The classified sources.
    model : `~claxboi.classification.NaiveBayesClassifier`
        The classifier.
    """
    from claxboi import classify
    from claxboi.io import read_table
    from claxboi.utils import NOTE

    settings, priors = parse_settings(args), parse_priors(args)
    _check_combinations(args, settings)
    path = getattr(args, "candidates", None)
    options = {
        "candidates": None if path is None else read_table(path),
        "decision": parse_decision(args),
        "overwrite": getattr(args, "overwrite", True),
        "show_progress": not args.quiet,
        "return_model": True,
    }
    if args.model is not None:
        return classify(table, priors, model=args.model, **options)
    training = parse_training(args.training)
    fit = {
        "training": training,
        "pos_error": getattr(args, "pos_error", None),
        "fetch": not getattr(args, "offline", False),
    }
    if args.optimize != "f1":
        return classify(table, priors, **fit, **settings, **options)
    settings["weights"] = {}
    result, model = classify(table, priors, **fit, **settings, **options)
    search = model.optimize(
        training_sample(args, result, model),
        stored_priors(result, priors),
        objective="f1",
        target=args.target,
        rng=args.rng,
        show_progress=not args.quiet,
    )
    log.log(NOTE, "%s", search)
    options.pop("return_model")
    return model.classify(table, priors, **options), model


def _check_combinations(args, settings):
    """Check the options against each other, before anything is read."""
    if args.model is not None:
        given = settings.keys() - {"label"}
        if given or args.training or args.optimize or args.target:
            raise UsageError(
                "model is already fitted: --training, --optimize, --target and the settings of a "
                "fit cannot be given with it"
            )
    if args.optimize not in (None, "log_loss", "f1"):
        raise UsageError(f"optimize must be one of 'log_loss', 'f1', got {args.optimize!r}")
    if args.optimize and "weights" in settings:
        raise UsageError("--weights and --optimize cannot be given together")
    if args.target and args.optimize != "f1":
        raise UsageError("--target needs --optimize f1")


def training_sample(args, result, model):
    """
    Find the labelled sources that a model was fitted to.

    Parameters
    ----------
    args : `~argparse.Namespace`
        The parsed command line.
    result : `~astropy.table.Table`
        The classified table.
    model : `~claxboi.classification.NaiveBayesClassifier`
        The classifier.

    Returns
    -------
    sample : `~astropy.table.Table`
    """
    from claxboi.training import find_training
    from claxboi.utils import is_missing

    label = model.label
    if args.training is None and label in result.colnames and not is_missing(result, label).all():
        return result
    if args.model is not None:
        raise UsageError(
            f"--evaluate and --class-sets need labelled sources, and column {label!r} has none; to "
            "score a model on other sources, run claxboi evaluate LABELLED --model FILE"
        )
    # That of a mission was kept when the model was fitted.
    return find_training(
        result,
        parse_training(args.training),
        label=label,
        assumed="4XMM",
        show_progress=not args.quiet,
    )


def stored_priors(result, priors):
    """
    Return the proportions at which a table was classified.

    Parameters
    ----------
    result : `~astropy.table.Table`
        The classified table.
    priors : dict, list, str or None
        What was asked for.

    Returns
    -------
    priors : dict or "training"
        "training" where no priors were given.
    """
    stored = result.meta["claxboi"]["classification"]["priors"]
    return stored if isinstance(stored, dict) and priors not in (None, "training") else "training"


def read_model(table_path, model_path=None, table=None):
    """
    Read the model that classified a table.

    Parameters
    ----------
    table_path : str
        The classified table.
    model_path : str, optional
        Its model. Default: the file that is kept beside the table.
    table : `~astropy.table.Table`, optional
        The table itself, to check the model against its metadata.

    Returns
    -------
    model : `~claxboi.classification.NaiveBayesClassifier`

    Raises
    ------
    ValueError
        If another model classified the table.
    """
    from claxboi.classification import NaiveBayesClassifier, model_fingerprint

    path = Path(model_path or f"{table_path}{MODEL_SUFFIX}")
    if not path.exists():
        raise FileNotFoundError(
            f"there is no model file {path}, which classify and run write beside their output; "
            "give the model with --model"
        )
    known = {} if table is None else table.meta.get("claxboi", {}).get("pipeline", {})
    if known.get("model", "") not in ("", model_fingerprint(path)):
        from claxboi.utils import InputValueError

        raise InputValueError(
            f"{path} is not the model that classified {table_path}. Run the job again, or give the "
            "right model with --model"
        )
    return NaiveBayesClassifier.read(path)


def summary(result, model, evaluation=None):
    """
    Summarize a classified table on one screen.

    Parameters
    ----------
    result : `~astropy.table.Table`
        The classified table.
    model : `~claxboi.classification.NaiveBayesClassifier`
        The classifier.
    evaluation : `~claxboi.classification.Evaluation`, optional
        Its held-out scores.

    Returns
    -------
    text : str
    """
    import numpy as np

    from claxboi.utils import float_values, text_values

    stored = result.meta["claxboi"]["classification"]
    predicted, missing = text_values(result, "prediction")
    n_training = np.count_nonzero(float_values(result, "is_training") == 1)
    names = model.classes_
    width = max(len("class"), *map(len, names))
    done = (
        f"Classified {np.count_nonzero(~missing)} of {len(result)} sources by "
        f"{len(model.properties)} properties"
    )
    if n_training:
        done += f"; the {n_training} training sources have their held-out posterior"
    lines = [f"{done}.", f"{'class':{width}}  prior   training  predicted"]
    priors = stored["priors"] if isinstance(stored["priors"], dict) else {}
    for name, count in zip(names, stored["class_counts"], strict=True):
        prior = f"{priors[name]:6.4f}" if name in priors else "      "
        found = np.count_nonzero(predicted == name)
        lines.append(f"{name:{width}}  {prior}  {count:8g}  {found:9d}")
    weights = ", ".join(f"{name} {value:.3g}" for name, value in model.weights.items())
    lines.append(f"Weights: {weights}")
    if evaluation is not None:
        lines.append(score_line(evaluation))
    return "\n".join(lines)


def score_line(evaluation):
    """
    Format the main scores as one line.

    Parameters
    ----------
    evaluation : `~claxboi.classification.Evaluation`
        The scores.

    Returns
    -------
    text : str
    """
    scores, how = evaluation.corrected, "prior-corrected"
    if scores is None:
        scores, how = {name: getattr(evaluation, name) for name in _SCORES}, "uncorrected"
    values = ", ".join(f"{title} {scores[name]:.3f}" for name, title in _SCORES.items())
    return f"Scores ({evaluation.method}, {how}): {values}"


def describe_origin(model):
    """
    Describe the sources that a model was trained on.

    Parameters
    ----------
    model : `~claxboi.classification.NaiveBayesClassifier`
        The classifier.

    Returns
    -------
    text : str
    """
    origin = getattr(model, "origin", None) or {}
    parts = [origin.get("mission") or "a table without a mission"]
    if origin.get("flux_band"):
        parts.append(f"fluxes in {origin['flux_band']} keV")
    if origin.get("hardness_bands"):
        bands = ", ".join(f"{name} {band}" for name, band in origin["hardness_bands"].items())
        parts.append(f"hardness ratios {bands} keV")
    if origin.get("dates"):
        parts.append(f"catalogues of {' to '.join(dict.fromkeys(origin['dates']))}")
    return f"trained on {'; '.join(parts)}"
