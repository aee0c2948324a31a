# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Number of sources of each class, with intervals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table, vstack

from claxboi.classification import check_model, estimate_class_numbers, label_codes
from claxboi.classification.results import count_members, read_classified
from claxboi.utils import (
    InputValueError,
    check_columns,
    checked,
    float_values,
    record,
    text_values,
)

from ._regions import inside_rows

if TYPE_CHECKING:
    from claxboi.classification import NaiveBayesClassifier

__all__ = ["count_classes"]


@checked
def count_classes(
    result: Table,
    model: NaiveBayesClassifier,
    *,
    region: Any = None,
    by: str | None = None,
    level: float = 0.683,
    n_resamples: Any = None,  # noqa: ARG001
    rng: Any = None,  # noqa: ARG001
    show_progress: Any = True,  # noqa: ARG001
) -> Table:
    r"""
    Count the sources of each class in a catalogue, a region or groups, with intervals.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Classified sources, as `~claxboi.classify` returns them, with the columns of the
        properties, and ``ra`` and ``dec`` (deg) for a region. Not changed.
    model : `~claxboi.classification.NaiveBayesClassifier`
        The model that classified them.
    region : region, MOC, callable, array of bool, or sequence, optional
        Where to count. Any sky region of the package regions: those on the sphere
        (`~regions.SphericalSkyRegion`) and circles are exact. Others need a plane, and have the
        tangential one at their middle: exact for polygons with sides along great circles, good
        to r\ :sup:`2`/3 for ellipses and rectangles of size r. Also a MOC of mocpy, a function of
        `~astropy.coordinates.SkyCoord` that returns bools, a mask of the rows, or a list of
        regions: their union. Default: everywhere.
    by : str, optional
        Column of text or integers: count each of its values separately, missing ones not at all.
    level : float, optional
        Probability that an interval holds the true number.
    n_resamples, rng, show_progress : optional
        Without effect: intervals need no resampling. Accepted for older scripts.

    Returns
    -------
    counts : `~astropy.table.Table`
        One row per class (and group, in column ``group``): ``class``; ``n_training``, sources that
        trained the model, whose class is known; and for the others ``n_raw``, predictions;
        ``n_expected``, the sum of the probabilities at the priors of the result; ``n_estimated``,
        estimated from the sources themselves, with the interval ``n_low`` to ``n_high`` and half
        its width, ``n_estimated_error``; ``proportion``, the estimated share of the class in the
        population, with ``proportion_error``, which has the scatter of the sample besides.

    Raises
    ------
    TypeError
        If the model is not a classifier, or the region is of an unknown kind.
    KeyError
        If a column is absent.
    ValueError
        If the classes of result and model differ, or no source lies in the region.

    Notes
    -----
    Counting predictions is biased wherever classes are confused, and the sum of probabilities is as
    biased as the priors and the calibration. ``n_estimated`` and its interval hold at any
    proportions of the classes, and are from
    `~claxboi.classification.estimate_class_numbers`. Labelled sources that are brighter than the
    others are weighted to be like them. Where they cannot be, because no labelled source is as
    faint, estimate and interval are NaN, and a warning says what differs.

    References
    ----------
    Bella et al. 2010, IEEE ICDM, 737; Saerens et al. 2002, Neural Computation 14, 21.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.applications import count_classes
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(2000, rng=1)
    >>> result, model = classify(table, "training", return_model=True, show_progress=False)
    >>> counts = count_classes(result, model)
    >>> print(counts["class", "n_training"][:2])
    class n_training
    ----- ----------
      AGN        545
    AGN_2         58
    >>> bool((counts["n_low"] <= counts["n_estimated"]).all())
    True
    """
    classes, _ = read_classified(result)
    check_model(model)
    if list(model.classes_) != classes:
        raise InputValueError(
            f"model must have the classes of result ({', '.join(classes)}), got "
            f"{', '.join(model.classes_)}"
        )
    check_columns(result, ["is_training"], "result")
    here = _inside(result, region)
    group = np.zeros(len(result), int)
    if by is not None:
        check_columns(result, [by], "result")
        group, missing = text_values(result, by, name="result")
        here &= ~missing
    new = np.flatnonzero(here & (float_values(result, "is_training") != 1))
    numbers = {}
    if len(new):
        numbers = estimate_class_numbers(model, result[new], groups=group[new], level=level)
    parts = []
    for name in np.unique(group[here]).tolist():
        part = _count(result, model, here & (group == name), numbers.get(name))
        if by is not None:
            part.add_column([name] * len(part), name="group", index=0)
        parts.append(part)
    counts = vstack(parts) if parts else Table()
    counts.meta = record({}, "class_counts", level=level, by=by or "")
    return counts


def _inside(result, region):
    def coords():
        check_columns(result, ["ra", "dec"], "result")
        ra, dec = (float_values(result, name, unit=u.deg) for name in ("ra", "dec"))
        return SkyCoord(ra, dec, unit="deg")

    mask = inside_rows(region, coords)
    if mask is None:
        return np.ones(len(result), bool)
    if mask.shape != (len(result),):
        raise InputValueError(
            f"region as a mask must have one value per row ({len(result)}), got shape {mask.shape}"
        )
    if not mask.any():
        raise InputValueError("region must contain at least one source of result, got none")
    return mask


def _count(result, model, rows, numbers):
    classes = model.classes_
    training = float_values(result, "is_training") == 1
    new, known = rows & ~training, rows & training
    own = np.zeros(len(classes), int)
    if known.any():
        codes = label_codes(result[known], model.label, classes, model.merge)
        own = np.bincount(codes[codes >= 0], minlength=len(classes))
    predicted, expected = count_members(result, classes, new)
    counts = Table(
        {"class": classes, "n_training": own, "n_raw": predicted, "n_expected": expected}
    )
    n_new = np.count_nonzero(new)
    n, low, high = np.zeros((3, len(classes))) if numbers is None else numbers[1:4]
    share = n / n_new if n_new else np.full(len(classes), np.nan)
    error = (high - low) / 2
    counts["n_estimated"], counts["n_low"], counts["n_high"] = n, low, high
    counts["n_estimated_error"] = error
    counts["proportion"] = share
    counts["proportion_error"] = np.hypot(error, np.sqrt(n * np.maximum(1 - share, 0))) / max(
        n_new, 1
    )
    return counts
