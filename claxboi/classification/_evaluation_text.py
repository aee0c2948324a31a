# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Write an evaluation as plain text for a terminal.
"""

import textwrap
from collections.abc import Mapping

import numpy as np

from ._scores import SCORES

__all__ = []

WIDTH = 100


def held_out_method(n_training, n):
    """
    Describe how sources were scored: leave-one-out for those that trained the model.

    Parameters
    ----------
    n_training : int
        Sources that trained the model.
    n : int
        All sources.

    Returns
    -------
    method : str
    """
    if n_training == n:
        return "leave-one-out"
    if n_training:
        return f"leave-one-out for {n_training} training sources, prediction for the rest"
    return "prediction"


def format_report(evaluation):
    """
    Write an evaluation as text: method, confusion matrix, classes and overall scores.

    Parameters
    ----------
    evaluation : `~claxboi.classification.Evaluation`
        The scores. What depends on the priors is written twice if priors were given.

    Returns
    -------
    text : str
        Several lines, without a line end after the last.
    """
    sections = [_head, _confusion, _classes, _scores]
    if evaluation.unlabelled is not None:
        sections.append(_unlabelled)
    return "\n\n".join(section(evaluation) for section in sections)


def _head(evaluation):
    none = "none given: precision holds for the proportions of this sample"
    entries = {
        "Evaluation": f"{evaluation.confusion.sum()} sources in {len(evaluation.classes)} classes",
        "Method": evaluation.method,
        # The proportions of the weights need not be the priors of the probabilities.
        "Population" if evaluation.is_weighted else "Priors": (
            _setting(evaluation.priors) if evaluation.has_priors else none
        ),
    }
    entries |= {name.capitalize(): _setting(value) for name, value in evaluation.settings.items()}
    indent = 2 + max(map(len, entries))
    return "\n".join(
        textwrap.fill(title.ljust(indent) + text, WIDTH, subsequent_indent=" " * indent)
        for title, text in entries.items()
    )


def _setting(value):
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_setting(part)}" for name, part in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _confusion(evaluation):
    rows = [["", *evaluation.classes]]
    for name, counts in zip(evaluation.classes, evaluation.confusion, strict=True):
        rows.append([name, *map(str, counts)])
    return "Confusion (rows: truth, columns: predicted)\n" + _align(rows)


def _classes(evaluation):
    at_priors = {"precision": "precision_corrected", "F1": "f1_corrected"}
    if evaluation.is_weighted:
        at_priors = {"recall": "recall_corrected"} | at_priors
    if not evaluation.has_priors:
        at_priors = {}
    rows = [
        ["class", "n", "recall", "", "precision", "", "F1", *at_priors],
        ["", "", "", "", "raw", "", "raw", *(["corrected"] * len(at_priors))],
    ]
    for row in evaluation.per_class:
        rows.append([row["class"], str(row["n"])])
        for name in ("recall", "precision"):
            lower, upper = _percent(row[f"{name}_lower"]), _percent(row[f"{name}_upper"])
            interval = "" if np.isnan(row[name]) else f"({lower} - {upper})"
            rows[-1] += [_percent(row[name]), interval]
        rows[-1] += [_percent(row[name]) for name in ("f1", *at_priors.values())]
    if not at_priors:
        del rows[1]
    return "Classes (per cent, intervals of 68 %)\n" + _align(rows)


def _scores(evaluation):
    rows = [["score", "raw", "prior-corrected"]]
    for name, at_priors in evaluation.corrected.items():
        title = SCORES[name][0]
        if name == "log_loss" and evaluation.clip > np.finfo(float).tiny:
            title += f" (clipped at {evaluation.clip:g})"
        rows.append([title, f"{getattr(evaluation, name):.4f}", f"{at_priors:.4f}"])
    if not evaluation.has_priors:
        rows = [row[:-1] for row in rows]
    return _align(rows)


def _unlabelled(evaluation):
    found = evaluation.unlabelled
    head = textwrap.fill(found.sentence, WIDTH)
    if found.reason:
        return head
    rows = [["class", "effective n", "recall", "precision"]]
    for row in found.per_class:
        cells = [_percent(row[name]) for name in ("recall", "precision")]
        rows.append([row["class"], f"{row['n_effective']:.0f}", *cells])
    scores = [["score", ""]]
    for name, value in found.scores.items():
        scores.append([SCORES[name][0], "-" if np.isnan(value) else f"{value:.4f}"])
    return f"{head}\n{_align(rows)}\n\n{_align(scores)}"


def _percent(fraction):
    return "-" if np.isnan(fraction) else f"{100 * fraction:.1f}"


def _align(rows):
    # The first column holds names, the others numbers.
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        numbers = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *numbers]).rstrip())
    return "\n".join(lines)
