# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Ranked list of sources to inspect by eye.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from claxboi.catalog import make_column
from claxboi.classification.results import list_rows, read_classified
from claxboi.utils import (
    InputValueError,
    check_count,
    check_number,
    checked,
    float_values,
    record,
    text_values,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

__all__ = ["inspection_list"]

#: Classes with a prior below this are rare.
RARE_PRIOR = 0.1

#: Smallest score of a reason that holds.
TIE = 1e-6


@checked
def inspection_list(
    result: Table,
    *,
    rare: Sequence[str] | None = None,
    min_rare: float = 0.5,
    alpha: float = 0.01,
    border: float = 0.2,
    training: bool = False,
    limit: int | None = None,
) -> Table:
    r"""
    List the sources to inspect by eye, with the reasons and a score for each.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Classified sources, as `~claxboi.classify` returns them. Not changed.
    rare : sequence of str, optional
        The rare classes. Default: those of a prior below 0.1.
    min_rare : float, optional
        A source is likely of a rare class from this probability on.
    alpha : float, optional
        A source is an outlier if its ``outlier_pvalue`` is at most this.
    border : float, optional
        A source is near the border of two classes if their probabilities differ by less.
    training : bool, optional
        List training sources too (default: no; their class is known).
    limit : int, optional
        Most sources in the list. Default: all.

    Returns
    -------
    table : `~astropy.table.Table`
        The highest score first: ``row`` (of the result, from 0), ``source_id``, ``ra``, ``dec`` and
        ``flux`` where the result has them, ``prediction``, ``inspection_score``,
        ``inspection_reason`` (in words, joined by "; "), and the scores by reason, 0 where it does
        not hold: ``score_rare``, ``score_odd``, ``score_alternative``, ``score_border``.
        ``meta["claxboi"]["inspection"]["numbers"]`` has how many sources each reason has, before
        the limit.

    Raises
    ------
    KeyError
        If a column is absent.
    ValueError
        If a class is unknown, or the priors of the result are one row per source and ``rare`` is
        not given.

    Notes
    -----
    The scores are

    - rare: the probability of the most probable rare class;
    - odd: :math:`1 - p/\alpha` of the p-value p;
    - alternative: the share of the categories without which the prediction is another;
    - border: :math:`1 - (P_1 - P_2)/border`, with the two largest probabilities,

    and the whole is :math:`1 - \prod_k (1 - s_k)`, which one reason can carry and several
    raise. It is an order in which to look, not a probability.

    Examples
    --------
    >>> from claxboi.applications import inspection_list
    >>> from claxboi.classification import NaiveBayesClassifier
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> model = NaiveBayesClassifier(["hr1", "hr2", "b", "log_fx_fw1"]).fit(table)
    >>> result = model.classify(table, "training")
    >>> todo = inspection_list(result, rare=["CV"], limit=50)
    >>> len(todo)
    50
    """
    classes, categories = read_classified(
        result, ["prediction", "P_{class}", "outlier_pvalue", "alternative", "is_training"]
    )
    rare = _rare_classes(result, classes, rare)
    min_rare = check_number(min_rare, "min_rare", minimum=0, maximum=1)
    alpha = check_number(alpha, "alpha", minimum=0, maximum=1, exclusive=True)
    border = check_number(border, "border", minimum=0, maximum=1, exclusive=True)
    if limit is not None:
        check_count(limit, "limit")

    probability = np.array([float_values(result, f"P_{name}") for name in classes])
    usable = np.isfinite(probability).all(axis=0)
    if not training:
        usable &= float_values(result, "is_training") != 1
    scores, texts = {}, {}
    scores["rare"], texts["rare"] = _rare_score(probability, classes, rare, min_rare)
    pvalue = float_values(result, "outlier_pvalue")
    scores["odd"] = np.clip(np.nan_to_num(1 - pvalue / alpha), 0, 1)
    scores["odd"][pvalue <= alpha] = np.maximum(scores["odd"][pvalue <= alpha], TIE)
    texts["odd"] = lambda rows: [
        f"outlier of every class (p = {p:.2g})" for p in pvalue[rows].tolist()
    ]
    others, _ = text_values(result, "alternative")
    counts = [np.char.count(others, f"{category}:") for category in categories]
    scores["alternative"] = np.sum(counts, axis=0) / len(categories)
    texts["alternative"] = lambda rows: _spell(others[rows], categories)
    scores["border"], texts["border"] = _border_score(probability, classes, border)
    for name, values in scores.items():
        scores[name] = np.where(usable, np.clip(values, 0, 1), 0.0)

    total = 1 - np.prod([1 - values for values in scores.values()], axis=0)
    numbers = {name: int(np.count_nonzero(values)) for name, values in scores.items()}
    rows = np.flatnonzero(total > 0)
    rows = rows[np.argsort(-total[rows], kind="stable")]
    numbers["any"] = len(rows)
    rows = rows[:limit]
    table = list_rows(result, rows)
    table["inspection_score"] = make_column("inspection_score", total[rows])
    reasons = _join(scores, texts, rows)
    table["inspection_reason"] = make_column("inspection_reason", reasons)
    for name, values in scores.items():
        table[f"score_{name}"] = make_column(f"score_{name}", values[rows])
    table.meta = record(
        {},
        "inspection",
        rare=rare,
        min_rare=min_rare,
        alpha=alpha,
        border=border,
        numbers=numbers,
    )
    return table


def _rare_classes(result, classes, rare):
    if rare is None:
        priors = result.meta["claxboi"]["classification"].get("priors")
        if not isinstance(priors, dict):
            raise InputValueError(
                "rare must name the rare classes where the priors of result are one row per source"
            )
        return [name for name in classes if priors[name] < RARE_PRIOR]
    rare = [rare] if isinstance(rare, str) else [str(name) for name in rare]
    unknown = [name for name in rare if name not in classes]
    if unknown:
        raise InputValueError(
            f"rare must be of the classes {', '.join(classes)}, got {', '.join(unknown)}"
        )
    return rare


def _rare_score(probability, classes, rare, min_rare):
    if not rare:
        return np.zeros(probability.shape[1]), None
    index = np.array([classes.index(name) for name in rare])
    part = probability[index]
    best = part.argmax(axis=0)
    score = part[best, np.arange(part.shape[1])]

    def text(rows):
        pairs = zip(best[rows].tolist(), score[rows].tolist(), strict=True)
        return [f"likely {rare[c]} (P = {p:.2f})" for c, p in pairs]

    return np.where(score >= min_rare, np.maximum(score, TIE), 0.0), text


def _border_score(probability, classes, border):
    second, first = np.argpartition(probability, -2, axis=0)[-2:]
    n = np.arange(probability.shape[1])
    high, low = probability[first, n], probability[second, n]

    def text(rows):
        columns = [values[rows].tolist() for values in (first, second, high, low)]
        return [
            f"between {classes[c]} and {classes[d]} ({p:.2f}, {q:.2f})"
            for c, d, p, q in zip(*columns, strict=True)
        ]

    return 1 - (high - low) / border, text


def _spell(alternatives, categories):
    # Few combinations occur among many sources: each text is made once. A class may have spaces.
    starts = re.compile(f"(?:^| )({'|'.join(map(re.escape, categories))}):")
    found, place = np.unique(alternatives, return_inverse=True)
    words = []
    for alternative in found.tolist():
        _, *parts = starts.split(alternative)
        pairs = zip(parts[::2], parts[1::2], strict=True)
        words.append(", ".join(f"{name} without {category}" for category, name in pairs))
    return np.array(words, object)[place]


def _join(scores, texts, rows):
    parts = np.full(len(rows), "", object)
    for name, values in scores.items():
        here = np.flatnonzero(values[rows] > 0)
        if len(here) == 0:
            continue
        words = np.array(texts[name](rows[here]), object)
        parts[here] += np.where(parts[here] == "", words, "; " + words)
    return parts.astype(str)
