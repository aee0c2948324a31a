# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Combination of human votes into soft labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy.table import Table

from claxboi.catalog import make_column
from claxboi.io import read_table
from claxboi.utils import (
    InputValueError,
    check_choice,
    check_classes,
    check_columns,
    check_number,
    check_table,
    checked,
    find_rows,
    float_values,
    record,
    text_values,
)

from ._dawidskene import dawid_skene, voter_confusion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from numpy import ndarray

__all__ = ["CombinedVotes", "combine_votes", "read_votes"]

#: What a voter answers who cannot tell, in lower case.
UNSURE = "unsure"

METHODS = ("dawid-skene", "majority")

#: The least that the properties of a source may say for a class before the votes.
SMALLEST_PRIOR = 1e-3


@checked
def read_votes(path: str | PathLike[str], format: str | None = None) -> Table:
    r"""
    Read votes from a file.

    Parameters
    ----------
    path : str or path
        A table with columns ``source_id``, ``voter`` and ``vote`` (a class, or "unsure"), one row a
        vote; perhaps ``comment`` and ``date`` (ISO). CSV, ECSV, or what else
        `claxboi.io.read_table` reads.
    format : str, optional
        Name of the format in astropy. Default: by the suffix.

    Returns
    -------
    votes : `~astropy.table.Table`
        The votes as text. Rows without a vote are left out. Of several votes of one person on
        one source the latest counts: by date where there is one, else the last in the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KeyError
        If a column is absent.
    ValueError
        If a vote has no source or no voter, or there are none at all.

    Examples
    --------
    >>> from pathlib import Path
    >>> from claxboi.votes import read_votes
    >>> rows = ["source_id,voter,vote", "x1,Ann,CV", "x1,Bob,unsure", "x1,Ann,star"]
    >>> size = Path("votes.csv").write_text("\n".join(rows))
    >>> print(read_votes("votes.csv"))
    source_id voter  vote
    --------- ----- ------
           x1   Bob unsure
           x1   Ann   star
    """
    # An identifier such as 007 is not a number.
    return _clean(read_table(path, format, as_text=True))


def _clean(votes):
    """Check votes and keep the one of each voter on each source that counts."""
    check_table(votes, "votes")
    check_columns(votes, ["source_id", "voter", "vote"], "votes")
    texts = {
        name: text_values(votes, name, name="votes") for name in ("source_id", "voter", "vote")
    }
    cast = ~texts["vote"][1]
    for name in ("source_id", "voter"):
        empty = cast & texts[name][1]
        if empty.any():
            raise InputValueError(
                f"votes must have a {name} for each vote; row {np.flatnonzero(empty)[0]} has none"
            )
    if not cast.any():
        raise InputValueError("votes must have at least one vote, all are empty")
    table = Table({name: values[cast] for name, (values, _) in texts.items()})
    unsure = np.char.lower(table["vote"]) == UNSURE
    table["vote"] = np.where(unsure, UNSURE, table["vote"])
    order = np.arange(len(table))
    for name in ("comment", "date"):
        if name in votes.colnames:
            table[name] = text_values(votes, name, name="votes")[0][cast]
    if "date" in table.colnames:
        order = np.argsort(table["date"], kind="stable")
    # The last of each source and voter: the first from the end.
    backwards = order[::-1]
    pairs = _pairs(table["source_id"][backwards], table["voter"][backwards])
    _, first = np.unique(pairs, return_index=True)
    return table[np.sort(backwards[first])]


def _pairs(sources, voters):
    _, source = np.unique(sources, return_inverse=True)
    names, voter = np.unique(voters, return_inverse=True)
    return source * len(names) + voter


@dataclass
class CombinedVotes:
    """
    Combined votes, from `combine_votes`.

    Attributes
    ----------
    labels : `~astropy.table.Table`
        One row per source: ``source_id``, ``n_votes``, ``n_unsure``, ``consensus``,
        ``consensus_probability``, ``disagreement`` (share of the pairs of votes that differ; NaN
        for fewer than two votes) and ``vote_<class>``, which sum to 1 (NaN without a vote).
    voters : `~astropy.table.Table`
        One row per voter: ``voter``, ``n_votes``, ``n_unsure`` and ``skill``, the
        probability that the voter is right for a source of these classes.
    confusion : `~numpy.ndarray` of shape (n_voters, n_classes, n_classes)
        Probability that a voter answers the class of the column for a source of that of the row.
    classes : list of str
        Names of the classes.
    proportions : `~numpy.ndarray` of shape (n_classes,)
        Share of each class among the sources.
    history : list of float
        Log posterior of each step of the expectation-maximisation; empty for the majority.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.votes import combine_votes
    >>> votes = Table({
    ...     "source_id": ["J1", "J1", "J2", "J2"],
    ...     "voter": ["Ann", "Bob", "Ann", "Bob"],
    ...     "vote": ["AGN", "AGN", "star", "AGN"],
    ... })
    >>> combined = combine_votes(votes, classes=["AGN", "star"], method="majority")
    >>> str(combined.labels["consensus"][0]), combined.voters["voter"].tolist()
    ('AGN', ['Ann', 'Bob'])
    >>> combined.probabilities().round(2).tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    """

    labels: Table
    voters: Table
    confusion: np.ndarray = field(repr=False)
    classes: list
    proportions: np.ndarray
    history: list = field(repr=False)

    def probabilities(self) -> ndarray:
        """
        Return the probability of each class.

        Returns
        -------
        probability : `~numpy.ndarray` of shape (n_sources, n_classes)
            Rows as in ``labels``.
        """
        return np.array([self.labels[f"vote_{name}"] for name in self.classes]).T


@checked
def combine_votes(
    votes: Table,
    *,
    method: Literal["dawid-skene", "majority"] = "dawid-skene",
    priors: Table | None = None,
    classes: Sequence[str] | None = None,
    skill: float = 0.7,
    strength: float = 3.0,
) -> CombinedVotes:
    r"""
    Combine the votes of several people into soft labels, and estimate the skill of each voter.

    Parameters
    ----------
    votes : `~astropy.table.Table`
        As `read_votes` returns them; not changed.
    method : {"dawid-skene", "majority"}, optional
        "dawid-skene" (default) estimates the confusion matrix of each voter from the agreement
        between voters, and weights the votes by it. "majority": each vote counts the same.
    priors : `~astropy.table.Table`, optional
        With "dawid-skene": a classified table with ``source_id`` and ``P_<class>``, from a model
        that was not trained on these votes. Its probabilities are combined with the votes (Raykar
        et al. 2010). They must be calibrated for these sources: overconfident probabilities
        overrule the voters and lower their estimated skills. Default: all sources have the same
        prior, which is estimated.
    classes : sequence of str, optional
        The classes in order; other votes are an error. Default: all that were voted for, sorted.
    skill, strength : float, optional
        Prior of the skill of a voter: the probability of a correct vote, and the weight of this
        prior in sources per class. The skills of people with few votes stay near it.

    Returns
    -------
    combined : `CombinedVotes`
        Soft labels, skills and confusion matrices.

    Raises
    ------
    KeyError, ValueError
        As for `read_votes`, or if a vote is for an unknown class, there are fewer than two, or all
        are unsure.

    See Also
    --------
    apply_votes : Add the labels to a training sample.

    Notes
    -----
    With the true class :math:`t_i` of source i, and the confusion matrix :math:`\theta^v` of voter
    v, the votes are independent given the class (Dawid & Skene 1979),

    .. math::

        P(t_i = c | votes) \propto \pi_c \prod_{v} \theta^v_{c\,k_{iv}} ,

    and :math:`\theta^v`, :math:`\pi` are at the maximum of their posterior, with Dirichlet priors
    of ``strength`` pseudo-votes in each row of a matrix (the fraction ``skill`` of them correct,
    the rest distributed evenly), and of one pseudo-source in total for :math:`\pi`. Each step of
    the expectation-maximisation raises the posterior. "unsure" is not a vote for a class. Voters
    who copy each other or make the same mistakes seem skilled.

    References
    ----------
    Dawid & Skene 1979, J. R. Stat. Soc. C 28, 20; Raykar et al. 2010, JMLR 11, 1297.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.votes import combine_votes
    >>> votes = Table(rows=[("x1", "Ann", "CV"), ("x1", "Bob", "CV"), ("x1", "Eve", "AGN"),
    ...                     ("x2", "Ann", "AGN"), ("x2", "Bob", "AGN"), ("x2", "Eve", "unsure")],
    ...               names=["source_id", "voter", "vote"])
    >>> combined = combine_votes(votes)
    >>> print(combined.labels["source_id", "n_votes", "consensus"])
    source_id n_votes consensus
    --------- ------- ---------
           x1       3        CV
           x2       2       AGN
    """
    check_choice(method, METHODS, "method")
    skill = check_number(skill, "skill", minimum=0, maximum=1, exclusive=True)
    strength = check_number(strength, "strength", minimum=0, exclusive=True)
    votes = _clean(votes)
    if priors is not None:
        check_table(priors, "priors")
        if method != "dawid-skene":
            raise InputValueError(f"priors need method 'dawid-skene', got {method!r}")
    unsure = np.asarray(votes["vote"] == UNSURE)
    if unsure.all():
        raise InputValueError(f"votes must name a class at least once, but all are {UNSURE!r}")
    names = np.unique(votes["vote"][~unsure]).tolist()
    if classes is not None:
        asked = _check_classes(classes)
        unknown = [name for name in names if name not in asked]
        if unknown:
            raise InputValueError(
                f"votes must be for the classes {', '.join(asked)} or {UNSURE!r}, "
                f"got {', '.join(unknown)}"
            )
        names = asked
    if len(names) < 2:
        raise InputValueError(
            f"votes must be for two or more classes, got {', '.join(names) or 'none'}"
        )
    sources, source = np.unique(votes["source_id"], return_inverse=True)
    voters, voter = np.unique(votes["voter"], return_inverse=True)
    n_unsure = np.bincount(source[unsure], minlength=len(sources))
    skipped = np.bincount(voter[unsure], minlength=len(voters))
    place = {name: k for k, name in enumerate(names)}
    answer = np.array([place[vote] for vote in votes["vote"][~unsure]])
    cast = source[~unsure], voter[~unsure], answer
    counts = np.zeros((len(sources), len(names)))
    np.add.at(counts, (cast[0], answer), 1)

    shape = len(sources), len(voters), len(names)
    n_votes = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        share = counts / n_votes[:, np.newaxis]
    if method == "majority":
        probability, history = share, []
        proportions = np.nansum(share, axis=0) / np.count_nonzero(n_votes)
        confusion = voter_confusion(np.nan_to_num(share), cast, shape, skill, strength)
    else:
        known = np.flatnonzero(n_votes > 0)
        row = np.full(len(sources), -1)
        row[known] = np.arange(len(known))
        probability = np.full(counts.shape, np.nan)
        probability[known], confusion, proportions, history = dawid_skene(
            share[known],
            (row[cast[0]], *cast[1:]),
            (len(known), *shape[1:]),
            skill,
            strength,
            None if priors is None else _source_priors(priors, sources[known], names),
        )
    labels = _label_table(sources, n_votes, n_unsure, counts, probability, names)
    labels.meta = record({}, "votes", method=method, skill=skill, strength=strength, classes=names)
    right = np.einsum("vcc,c->v", confusion, proportions)
    people = Table(
        {
            "voter": voters,
            "n_votes": np.bincount(cast[1], minlength=len(voters)),
            "n_unsure": skipped,
            "skill": right,
        }
    )
    return CombinedVotes(labels, people, confusion, names, proportions, history)


def _check_classes(classes):
    names = check_classes(classes)
    if len(set(names)) < len(names) or UNSURE in map(str.lower, names):
        raise InputValueError(
            f"classes must be unique and not include {UNSURE!r}, got {', '.join(names)}"
        )
    return names


def _source_priors(table, sources, names):
    """Read the prior of each source from a classified table."""
    check_columns(table, ["source_id", *(f"P_{name}" for name in names)], "priors")
    ids, missing = text_values(table, "source_id", name="priors")
    place = find_rows(sources, np.zeros(len(sources), bool), ids, missing)
    absent = place < 0
    if absent.any():
        raise InputValueError(
            f"priors must have all sources with votes: {sources[absent][0]} is missing"
        )
    found, counts = np.unique(ids[~missing], return_counts=True)
    twice = np.isin(sources, found[counts > 1])
    if twice.any():
        raise InputValueError(
            f"priors must have each source with votes once: {sources[twice][0]} is repeated"
        )
    columns = [float_values(table, f"P_{name}", name="priors")[place] for name in names]
    # No vote overrules a zero, and a missing probability says nothing.
    prior = np.maximum(np.nan_to_num(np.array(columns).T, nan=1.0), SMALLEST_PRIOR)
    return prior / prior.sum(axis=1, keepdims=True)


def _label_table(sources, n_votes, n_unsure, counts, probability, names):
    nobody = n_votes == 0
    best = np.where(nobody[:, np.newaxis], 0.0, probability).argmax(axis=1)
    pairs = n_votes * (n_votes - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        differ = np.where(pairs > 0, 1 - np.sum(counts * (counts - 1), axis=1) / pairs, np.nan)
    columns = [
        make_column("source_id", sources),
        make_column("n_votes", n_votes.astype(int)),
        make_column("n_unsure", n_unsure),
        make_column("consensus", np.array(names)[best], mask=nobody),
        make_column("consensus_probability", probability[np.arange(len(best)), best]),
        make_column("disagreement", differ),
    ]
    for k, name in enumerate(names):
        columns.append(make_column("vote_<class>", probability[:, k], **{"class": name}))
    return Table(columns)
