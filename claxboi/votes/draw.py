# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Random draw of sources for human votes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claxboi.catalog import make_column
from claxboi.classification.results import list_rows, read_classified
from claxboi.utils import (
    InputValueError,
    check_count,
    checked,
    float_values,
    record,
    text_values,
    warn,
)

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.random import Generator

__all__ = ["draw_for_votes"]


@checked
def draw_for_votes(
    result: Table, size: int, *, training: bool = False, rng: int | Generator | None = None
) -> Table:
    r"""
    Draw a sample of sources for human votes that represents all sources.

    The same number of sources of each predicted class is drawn at random, so that rare classes are
    inspected as often as common ones. The votes improve the classifier, and measure the purity and
    completeness of the catalogue.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Classified sources, as `~claxboi.classify` returns them. Not changed.
    size : int
        Number of sources. All are drawn if there are fewer.
    training : bool, optional
        Draw from the training sources, too. Default: no, because their class is known.
    rng : None, int or `~numpy.random.Generator`, optional
        Random numbers, or their seed.

    Returns
    -------
    drawn : `~astropy.table.Table`
        In random order, so that the first ones are a smaller random sample: ``row`` (of the result,
        from 0), ``source_id``; ``ra``, ``dec`` and ``flux`` if the result has them;
        ``prediction``; and ``selection_probability``, the probability of the source to be drawn,
        which `~claxboi.votes.apply_votes` uses. Pass the table as ``sources`` to
        `~claxboi.report.write_report` to make cards of these sources.

    Raises
    ------
    KeyError
        If a column is missing.
    ValueError
        If no source has a prediction, or the size is less than 1.

    Warns
    -----
    ClaxboiWarning
        If there are more predicted classes than sources to draw.

    See Also
    --------
    inspection_list : Unusual or doubtful sources that are worth inspecting. They do not represent
        all sources, so they are not a sample for training or scoring.

    Notes
    -----
    This is stratified random sampling, with the predicted classes as strata. From stratum h with
    :math:`N_h` sources, :math:`n_h` are drawn, each with the probability
    :math:`\pi_h = n_h / N_h`. The :math:`n_h` are equal, except that small classes are drawn
    completely and the rest of their share goes to the others. A sum over the drawn sources with
    weights :math:`1/\pi` is an unbiased estimate of the sum over all sources (Horvitz & Thompson
    1952). Draw again if the predictions change a lot after training on the votes.

    References
    ----------
    Horvitz & Thompson 1952, J. Am. Stat. Assoc. 47, 663.

    Examples
    --------
    >>> from claxboi.votes import draw_for_votes
    >>> from claxboi.classification import NaiveBayesClassifier
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> model = NaiveBayesClassifier(["hr1", "hr2", "b", "log_fx_fw1"]).fit(table)
    >>> result = model.classify(table, "training")
    >>> drawn = draw_for_votes(result, 70, rng=1)
    >>> len(drawn), drawn.colnames[-1]
    (70, 'selection_probability')
    """
    # Votes name their sources.
    read_classified(result, ["prediction", "P_{class}", "is_training", "source_id"])
    size = check_count(size, "size")
    rng = np.random.default_rng(rng)
    prediction, missing = text_values(result, "prediction")
    usable = ~missing
    if not training:
        usable &= float_values(result, "is_training") != 1
    rows = np.flatnonzero(usable)
    if len(rows) == 0:
        what = "with a prediction" if training else "with a prediction that did not train the model"
        raise InputValueError(f"result must have sources {what}, got none of {len(result)}")
    names, stratum, available = np.unique(prediction[rows], return_inverse=True, return_counts=True)
    numbers = _allocate(size, available)
    if not numbers.all():
        warn(
            f"size {size} is less than the number of predicted classes, {len(names)}: no source "
            f"is drawn for {', '.join(names[numbers == 0].tolist())}, so no vote represents them"
        )
    parts = [
        rng.permutation(rows[stratum == h])[:number] for h, number in enumerate(numbers.tolist())
    ]
    chosen = rng.permutation(np.concatenate(parts))
    probability = np.full(len(result), np.nan)
    probability[rows] = (numbers / available)[stratum]

    table = list_rows(result, chosen)
    table["selection_probability"] = make_column("selection_probability", probability[chosen])
    table.meta = record({}, "voting", size=len(table), training=bool(training), available=len(rows))
    return table


def _allocate(size, available):
    """Distribute a number as evenly as possible, within what is available."""
    numbers = np.zeros(len(available), int)
    # The smallest first: what they lack is shared by those that remain.
    for k, h in enumerate(np.argsort(available, kind="stable")):
        share = (size - numbers.sum()) // (len(available) - k)
        numbers[h] = min(available[h], share)
    return numbers
