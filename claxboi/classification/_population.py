# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Compare labelled sources with those that are to be classified.
"""

import numpy as np
from scipy.stats import ks_2samp

__all__ = ["find_differences", "flux_difference"]

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
    List in what labelled sources differ from others: in flux, or in which values are missing.

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
