# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Compare labelled sources with those that are to be classified.
"""

import logging

import numpy as np
from scipy.stats import ks_2samp

from ._table_reading import read_fluxes, read_values

__all__ = ["differs_from", "find_differences", "flux_difference"]

log = logging.getLogger(__name__)

#: Fluxes differ if the largest distance of their cumulative distributions is above this, and not
#: by chance.
FLUX_DISTANCE = 0.1
CHANCE = 0.01

#: A property is missing more often in one of the two if the fractions differ by more than this,
#: and not by chance.
FRACTION_DIFFERENCE = 0.1
DEVIATIONS = 3.0

#: Fewer sources cannot be compared.
FEWEST = 30


def differs_from(model, table):
    """
    Return whether the training sample of a refined model differs from other sources.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        A fitted model.
    table : `~astropy.table.Table`
        Other sources.

    Returns
    -------
    differs : bool
        False where the model is not refined; True is logged with the reasons.
    """
    rows = model._core.training
    if not model.refine or rows is None or len(table) == 0:
        return False
    fluxes = rows.flux, read_fluxes(table)
    # Which values with a limit are missing is known to depend on the flux.
    compared = [p for p, record in enumerate(model.properties) if record.limit is None]
    differences = find_differences(
        rows.values[compared],
        read_values(table, model.properties, units=model._units)[0][compared],
        [model.properties[p].column for p in compared],
        None if fluxes[0] is None or fluxes[1] is None else fluxes,
    )
    if differences:
        log.info(
            "the refinement has no terms of presence and is shrunk more strongly: %s%s",
            "; ".join(differences[:3]),
            f"; and {len(differences) - 3} more" if len(differences) > 3 else "",
        )
        if model.missing != "ignore":
            log.warning(
                "what a missing value says was learned from labelled sources, and %s; "
                "missing='ignore' does without it",
                differences[0],
            )
    return bool(differences)


def flux_difference(labelled, others):
    """
    Compare two samples of fluxes.

    Parameters
    ----------
    labelled, others : `~numpy.ndarray`
        Fluxes; those that are missing or not positive do not count.

    Returns
    -------
    text : str
        How they differ, with medians and the Kolmogorov-Smirnov distance; empty if they do not.
    """
    labelled, others = (flux[flux > 0] for flux in (labelled, others))
    if len(labelled) == 0 or len(others) == 0:
        return ""
    test = ks_2samp(labelled, others)
    if test.statistic <= FLUX_DISTANCE or test.pvalue >= CHANCE:
        return ""
    return (
        f"labelled and unlabelled sources differ in flux (medians {np.median(labelled):.2g} and "
        f"{np.median(others):.2g}, Kolmogorov-Smirnov distance {test.statistic:.2f})"
    )


def find_differences(labelled, others, columns, fluxes):
    """
    List the differences of labelled and other sources, in flux and in missing values.

    Parameters
    ----------
    labelled, others : `~numpy.ndarray` of shape (n_properties, n)
        Values of both, NaN where missing.
    columns : sequence of str
        Names of the properties.
    fluxes : tuple of `~numpy.ndarray`, or None
        Fluxes of both, where known.

    Returns
    -------
    differences : list of str
        Empty if there are none, or fewer than 30 sources to compare.
    """
    n = labelled.shape[1], others.shape[1]
    if min(n) < FEWEST:
        return []
    found = [flux_difference(*fluxes)] if fluxes else []
    for column, *values in zip(columns, labelled, others, strict=True):
        known = [~np.isnan(row) for row in values]
        first, second = (float(row.mean()) for row in known)
        mean = (known[0].sum() + known[1].sum()) / sum(n)
        error = np.sqrt(mean * (1 - mean) * (1 / n[0] + 1 / n[1]))
        difference = abs(first - second)
        if difference > FRACTION_DIFFERENCE and difference > DEVIATIONS * error:
            found.append(
                f"{column} is known for {100 * first:.0f} % of the labelled and "
                f"{100 * second:.0f} % of the other sources"
            )
    return [text for text in found if text]
