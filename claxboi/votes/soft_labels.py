# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Soft labels from votes in a training table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from claxboi.catalog import make_column, masked_column
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    add_columns,
    check_choice,
    check_columns,
    check_number,
    check_table,
    checked,
    find_rows,
    float_values,
    record,
    text_values,
    warn,
)

from .consensus import CombinedVotes

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["apply_votes"]

#: The columns besides the label.
ADDED = ("label_weight", "label_origin", "population_weight")

#: Origins of labels.
FROM_CATALOGUE, FROM_VOTES = "catalogue", "votes"


@checked
def apply_votes(
    table: Table,
    combined: CombinedVotes,
    *,
    label: str = "class",
    drawn: Table | None = None,
    known: Literal["keep", "replace"] = "keep",
    soft: bool = True,
    min_probability: float = 0.05,
    overwrite: bool = False,
) -> Table:
    """
    Add soft labels from votes to a training table.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, with ``source_id``. Not changed.
    combined : `CombinedVotes`
        The votes, as `combine_votes` returns them. Votes on other sources are ignored.
    label : str, optional
        Column of the labels; added if it does not exist.
    drawn : `~astropy.table.Table`, optional
        All sources that were drawn for votes, including those without votes, with ``source_id``,
        ``selection_probability`` and optionally ``prediction``, as
        `~claxboi.votes.draw_for_votes` returns them. Adds ``population_weight``.
    known : {"keep", "replace"}, optional
        Keep existing labels (default), or replace them by the votes.
    soft : bool, optional
        True (default): a source with votes is one row for each of its classes, with the
        probability of the class as weight. False: one row, with the consensus and its probability.
    min_probability : float, optional
        Less probable classes are left out, and the others are scaled to sum to 1.
    overwrite : bool, optional
        Replace the columns ``label_weight``, ``label_origin`` and ``population_weight``.

    Returns
    -------
    sample : same class as the table
        The rows of the table in their order, those of a soft label repeated, with the label,
        ``label_weight`` (1 for labels without votes) and ``label_origin`` ("votes" or
        "catalogue", empty without a label). Pass it on as
        ``classify(table, training=sample, weight="label_weight")``, or to
        `~claxboi.classification.NaiveBayesClassifier.fit` with its weights. A source with a soft
        label is matched to it by its properties and, if present, by ``ra`` and ``dec``.
        With ``drawn``, ``population_weight`` is the weight divided by the probability of selection:
        the number of sources that a row represents, masked for sources that were not drawn. If
        ``drawn`` has the predictions, a row also represents the drawn sources of its predicted
        class without a vote for a class. Use it for scores, as
        ``evaluate(sample[sample["label_origin"] == "votes"], weight="population_weight")``.

    Raises
    ------
    TypeError
        If ``combined`` is not `CombinedVotes`, or a table is not a Table.
    KeyError
        If a column is missing.
    ValueError
        If no source with votes is in the table or among the drawn ones; all of them have a label
        that is kept; a source_id is repeated; a probability of selection is not above 0 and at most
        1; or a column exists already.

    Warns
    -----
    ClaxboiWarning
        If no drawn source of a predicted class has a vote for a class.

    Notes
    -----
    For training, each drawn source counts the same. For scores of all sources, a source that was
    drawn with probability 0.1 represents ten. If only half of the drawn sources of a predicted
    class have a vote for a class, because voters were unsure or have not finished, each represents
    twenty, assuming that the others are like them (the weighting classes of Little 1986).

    References
    ----------
    Little 1986, Int. Stat. Rev. 54, 139.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.votes import apply_votes, combine_votes
    >>> votes = Table(rows=[("x1", "Ann", "CV"), ("x1", "Bob", "AGN"), ("x2", "Ann", "AGN")],
    ...               names=["source_id", "voter", "vote"])
    >>> table = Table({"source_id": ["x1", "x2", "x3"], "hr1": [0.1, 0.2, 0.3]})
    >>> sample = apply_votes(table, combine_votes(votes, method="majority"))
    >>> print(sample["source_id", "class", "label_weight", "label_origin"])
    source_id class label_weight label_origin
    --------- ----- ------------ ------------
           x1   AGN          0.5        votes
           x1    CV          0.5        votes
           x2   AGN          1.0        votes
           x3    --          1.0
    """
    ids = _unique_ids(table, "table")
    if drawn is not None:
        chance, stratum = _chances(drawn, ids)
    if not isinstance(combined, CombinedVotes):
        raise InputTypeError(f"combined must be CombinedVotes, got {type(combined).__name__}")
    check_choice(known, ("keep", "replace"), "known")
    # The most probable of all classes is never left out.
    least = 1 / len(combined.classes)
    min_probability = check_number(min_probability, "min_probability", minimum=0, maximum=least)
    if label in ADDED:
        raise InputValueError(f"label must not be one of {', '.join(ADDED)}, got {label!r}")
    labels, missing = np.full(len(table), ""), np.ones(len(table), bool)
    if label in table.colnames:
        labels, missing = text_values(table, label)
    place = _rows_of(ids, np.asarray(combined.labels["source_id"]).astype(str))
    found = (place >= 0) & (np.asarray(combined.labels["n_votes"])[place] > 0)
    if not found.any():
        raise InputValueError(
            "votes must be on sources of table: none has a source_id of the table"
        )
    if known == "keep":
        found &= missing
        if not found.any():
            raise InputValueError(
                "votes must be on a source without a label, because known='keep' keeps existing "
                "labels; known='replace' replaces them by the votes"
            )
    if drawn is not None:
        if np.isnan(chance[found]).all():
            raise InputValueError(
                "drawn must have the sources with votes: none of their source_id was found"
            )
        asked = np.isfinite(chance) & (missing if known == "keep" else True)
        chance = chance * _answered(stratum, asked, found)

    probability = np.where(found[:, np.newaxis], combined.probabilities()[place], 0.0)
    if not soft:
        best = probability.argmax(axis=1)
        only = np.arange(probability.shape[1]) == best[:, np.newaxis]
        probability = np.where(only, probability, 0.0)
        kept = only & found[:, np.newaxis]
    else:
        kept = (probability >= min_probability) & (probability > 0)
        probability = np.where(kept, probability, 0.0)
        total = probability.sum(axis=1, keepdims=True)
        probability = np.divide(probability, total, out=probability, where=total > 0)
    kept[~found, 0] = True  # a row as it was
    row, code = np.nonzero(kept)
    by_vote = found[row]
    names = np.array(combined.classes)
    columns = {
        label: make_column(
            "class",
            np.where(by_vote, names[code], labels[row]),
            mask=missing[row] & ~by_vote,
        ),
        "label_weight": make_column("label_weight", np.where(by_vote, probability[row, code], 1.0)),
        "label_origin": make_column(
            "label_origin",
            np.where(by_vote, FROM_VOTES, np.where(missing[row], "", FROM_CATALOGUE)),
        ),
    }
    columns[label].name = label
    if drawn is not None:
        stands_for = np.where(by_vote, columns["label_weight"] / chance[row], np.nan)
        columns["population_weight"] = masked_column("population_weight", stands_for)
    sample = table[row]
    if label in sample.colnames:
        sample.replace_column(label, columns.pop(label))
    sample = add_columns(sample, columns, overwrite=overwrite)
    sample.meta = record(
        table.meta,
        "votes",
        **{
            name: value
            for name, value in combined.labels.meta["claxboi"]["votes"].items()
            if name not in {"version", "date"}
        },
        n_voters=len(combined.voters),
        n_sources=int(found.sum()),
        known=known,
        soft=bool(soft),
        min_probability=min_probability,
    )
    return sample


def _unique_ids(table, name):
    """Return the identifiers of a table, by which its sources are found."""
    check_table(table, name)
    check_columns(table, ["source_id"], name)
    ids, missing = text_values(table, "source_id", name=name)
    found, counts = np.unique(ids[~missing], return_counts=True)
    if np.any(counts > 1):
        raise InputValueError(
            f"column 'source_id' of {name} must have unique identifiers, got "
            f"{found[counts > 1][0]} {counts[counts > 1][0]} times"
        )
    return ids


def _rows_of(ids, known):
    """Return the row of each identifier among the known ones, -1 where there is none."""
    return find_rows(ids, ids == "", known, known == "")


def _chances(drawn, ids):
    """
    Return the probability with which each source was drawn, NaN for those that were not, and
    the class for which it was.
    """
    own = _unique_ids(drawn, "drawn")
    check_columns(drawn, ["selection_probability"], "drawn")
    chance = float_values(drawn, "selection_probability", name="drawn")
    wrong = ~((chance > 0) & (chance <= 1))
    if wrong.any():
        raise InputValueError(
            "selection_probability of drawn must be above 0 and at most 1, "
            f"got {chance[wrong][0]} for {own[wrong][0]}"
        )
    stratum = np.full(len(own), "")
    if "prediction" in drawn.colnames:
        stratum, _ = text_values(drawn, "prediction", name="drawn")
    row = _rows_of(ids, own)
    return np.where(row >= 0, chance[row], np.nan), np.where(row >= 0, stratum[row], "")


def _answered(stratum, asked, found):
    """Return the share of the drawn sources with votes in the predicted class of each source."""
    share = np.ones(len(stratum))
    silent = []
    for name in np.unique(stratum[asked]):
        own = asked & (stratum == name)
        if name and found[own].any():
            share[own] = np.mean(found[own])
        elif name:
            silent.append(str(name))
    if silent:
        warn(
            f"no drawn source predicted as {', '.join(silent)} has a vote for a class: "
            "population_weight does not represent them"
        )
    return share
