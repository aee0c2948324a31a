# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulated votes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Table

from claxboi.utils import (
    InputTypeError,
    InputValueError,
    check_classes,
    check_number,
    checked,
    text_values,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import ArrayLike

__all__ = ["make_votes"]

#: The vote of a person who cannot decide.
UNSURE = "unsure"


@checked
def make_votes(
    source_id: ArrayLike,
    true_class: ArrayLike,
    skills: Mapping[str, float],
    *,
    classes: Sequence[str] | None = None,
    seen: float = 1.0,
    unsure: float = 0.1,
    rng: int | Generator | None = None,
) -> Table:
    """
    Simulate the votes of people with given skills.

    Parameters
    ----------
    source_id : array-like of str, shape (n_sources,)
        The sources.
    true_class : array-like of str, shape (n_sources,)
        Their true classes; masked or empty for sources of none.
    skills : mapping of str to float
        Name of each voter -> probability that a vote for a class is correct. Wrong votes are
        distributed evenly over the other classes.
    classes : sequence of str, optional
        Classes of the votes. Default: the true classes. For a source of none of them, such as a
        spurious detection, voters are unsure or vote for a random class, with equal probability.
    seen : float, optional
        Fraction of the sources that each person votes on, from 0 to 1 (default: 1).
    unsure : float, optional
        Probability of the vote "unsure" (default: 0.1).
    rng : None, int or `~numpy.random.Generator`, optional
        Random numbers, or their seed.

    Returns
    -------
    votes : `~astropy.table.Table`
        ``source_id``, ``voter`` and ``vote``, one row a vote, as `~claxboi.votes.combine_votes`
        takes them.

    Raises
    ------
    TypeError, ValueError
        If the sources and the truth differ in length, a source has no name, there are fewer than
        two classes, no voter, or a number is out of its range.

    Examples
    --------
    >>> from claxboi.votes import make_votes
    >>> votes = make_votes(["x1", "x2"], ["AGN", "CV"], {"Ann": 0.95, "Bob": 0.6}, rng=1)
    >>> len(votes), votes.colnames
    (4, ['source_id', 'voter', 'vote'])
    """
    if np.ndim(source_id) != 1 or np.shape(source_id) != np.shape(true_class):
        raise InputValueError(
            "source_id and true_class must be lists of the same length, got shapes "
            f"{np.shape(source_id)} and {np.shape(true_class)}"
        )
    source_id, nameless = _texts(source_id, "source_id")
    true_class, unknown = _texts(true_class, "true_class")
    if nameless.any():
        raise InputValueError(f"source_id must name each source; row {nameless.argmax()} has none")
    if not isinstance(skills, Mapping) or not skills:
        raise InputTypeError(f"skills must be a mapping from voter to probability, got {skills!r}")
    skills = {
        str(name): check_number(skill, f"skill of {name!r}", minimum=0, maximum=1)
        for name, skill in skills.items()
    }
    names = np.unique(
        true_class[~unknown] if classes is None else np.array(check_classes(classes), str)
    )
    if len(names) < 2:
        raise InputValueError(
            f"classes must be two or more, got {', '.join(names.tolist()) or 'none'}"
        )
    seen = check_number(seen, "seen", minimum=0, maximum=1)
    unsure = check_number(unsure, "unsure", minimum=0, maximum=1)
    rng = np.random.default_rng(rng)

    n, n_classes = len(source_id), len(names)
    code = np.minimum(np.searchsorted(names, true_class), n_classes - 1)
    is_known = names[code] == true_class
    parts = []
    for voter, skill in skills.items():
        is_right = rng.random(n) < skill
        other = (code + rng.integers(1, n_classes, n)) % n_classes
        guess = np.where(is_known, np.where(is_right, code, other), rng.integers(n_classes, size=n))
        says_nothing = rng.random(n) < np.where(is_known, unsure, 0.5)
        looks = rng.random(n) < seen
        vote = np.where(says_nothing, UNSURE, names[guess])[looks]
        parts.append((source_id[looks], np.full(len(vote), voter), vote))
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Table(dict(zip(("source_id", "voter", "vote"), columns, strict=True)))


def _texts(values, name):
    """Return a list or a column as strings, and where they are missing."""
    column = values if hasattr(values, "dtype") else np.asarray(values, str)
    return text_values({name: column}, name, name="the sources")
