# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
How many sources of each class there are, with errors.
"""

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table, vstack

from claxboi.classification import NaiveBayesClassifier, label_codes
from claxboi.classification.results import read_classified
from claxboi.utils import (
    Progress,
    check_columns,
    float_values,
    record,
    text_values,
)

from ._regions import inside_rows

__all__ = ["count_classes"]


def count_classes(
    result, model, *, region=None, by=None, n_resamples=20, rng=None, show_progress=True
):
    r"""
    Count the sources of each class in a catalogue, a region or groups, with errors.

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
        Column of text or integers: count each of its values apart, missing ones not at all.
    n_resamples : int, optional
        Number of bootstrap samples that give the errors (default 20; 0: none, errors are NaN).
    rng : None, int or `~numpy.random.Generator`, optional
        Draws them.
    show_progress : bool, optional
        Show progress when it takes longer than two seconds.

    Returns
    -------
    counts : `~astropy.table.Table`
        One row per class (and group, in column ``group``): ``class``; ``n_training``, sources that
        trained the model, whose class is known; and for the others ``n_raw``, predictions;
        ``n_expected``, the sum of the probabilities at the priors of the result, with
        ``n_expected_error``, :math:`\sqrt{\sum P (1-P)}`, as if these were right;
        ``proportion`` and ``n_estimated`` with ``_error``, estimated from the sources themselves.

    Raises
    ------
    TypeError
        If the model is none, or the region is of no known kind.
    KeyError
        If a column is absent.
    ValueError
        If the classes of result and model differ, or no source that did not train lies in the
        region.

    Notes
    -----
    Counting predictions is biased wherever classes are confused, and the sum of probabilities is as
    biased as the priors. The estimate finds the proportions :math:`\pi_c` under which the
    likelihoods of the sources are most probable (expectation-maximisation of Saerens et
    al. 2002; see `~claxboi.classification.NaiveBayesClassifier.estimate_priors`). Its error is
    that of the population which the sources are a sample of: it has the scatter of the sample,
    the overlap of the classes, and the finite training sample (by Bayesian bootstrap). It
    assumes that a class looks alike in training sample and catalogue. The error of a class that
    is estimated to be absent is too small: it stays at 0 in most resamplings.

    References
    ----------
    Saerens et al. 2002, Neural Computation 14, 21.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.applications import count_classes
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(2000, rng=1)
    >>> result, model = classify(table, "training", return_model=True, show_progress=False)
    >>> counts = count_classes(result, model, n_resamples=0, show_progress=False)
    >>> print(counts["class", "n_training", "n_raw"][:2])
    class n_training n_raw
    ----- ---------- -----
      AGN        545   553
    AGN_2         58    51
    """
    classes, _ = read_classified(result)
    if not isinstance(model, NaiveBayesClassifier):
        raise TypeError(f"model must be a NaiveBayesClassifier, got {type(model).__name__}")
    if list(model.classes_) != classes:
        raise ValueError(
            f"model must have the classes of result ({', '.join(classes)}), got "
            f"{', '.join(model.classes_)}"
        )
    check_columns(result, ["is_training"], "result")
    here = _inside(result, region)
    groups = [(None, here)]
    if by is not None:
        check_columns(result, [by], "result")
        values, missing = text_values(result, by, name="result")
        names = np.unique(values[here & ~missing])
        groups = [(name, here & ~missing & (values == name)) for name in names]
    training = float_values(result, "is_training") == 1
    rng = np.random.default_rng(rng)
    parts = []
    with Progress(len(groups), "counting", show=show_progress) as progress:
        for name, rows in groups:
            part = _count(result, model, rows, training, n_resamples, rng)
            if name is not None:
                part.add_column([name] * len(part), name="group", index=0)
            parts.append(part)
            progress.update(1)
    counts = vstack(parts) if parts else Table()
    counts.meta = record({}, "class_counts", n_resamples=n_resamples, by=by or "")
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
        raise ValueError(
            f"region as a mask must have one value a row ({len(result)}), got shape {mask.shape}"
        )
    if not mask.any():
        raise ValueError("region must have sources of result inside: it has none")
    return mask


def _count(result, model, rows, training, n_resamples, rng):
    classes = model.classes_
    new, known = rows & ~training, rows & training
    own = np.zeros(len(classes), int)
    if known.any():
        codes = label_codes(result[known], model.label, classes, model.merge)
        own = np.bincount(codes[codes >= 0], minlength=len(classes))
    probability = np.array([float_values(result, f"P_{name}")[new] for name in classes])
    prediction = text_values(result, "prediction")[0][new]
    proportions = errors = np.full(len(classes), np.nan)
    if new.any():
        estimate = model.estimate_priors(
            result[new], n_resamples=n_resamples, rng=rng, show_progress=False
        )
        proportions, errors = estimate.proportions, estimate.errors
    n = np.count_nonzero(new)
    return Table(
        {
            "class": classes,
            "n_training": own,
            "n_raw": [np.count_nonzero(prediction == name) for name in classes],
            "n_expected": probability.sum(axis=1),
            "n_expected_error": np.sqrt(np.sum(probability * (1 - probability), axis=1)),
            "proportion": proportions,
            "proportion_error": errors,
            "n_estimated": n * proportions,
            "n_estimated_error": n * errors,
        }
    )
