# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Histograms of magnitudes: bin edges, counts, and evaluation with errors and limits.
"""

import numpy as np
from scipy.special import ndtr

__all__ = []


def quantiles(values, field, n_bins):
    """
    Return bin edges at the quantiles of the counterparts, and at half as many of the field.

    The field may reach much farther than the counterparts.

    Parameters
    ----------
    values, field : `~numpy.ndarray`
        Magnitudes of the counterparts and of field objects.
    n_bins : int
        Bins of equal counts of counterparts.

    Returns
    -------
    edges : `~numpy.ndarray`
        Increasing; at least two.
    """
    parts = ((values, n_bins), (field, max(n_bins // 2, 1)))
    edges = np.unique(np.concatenate([np.quantile(x, np.linspace(0, 1, n + 1)) for x, n in parts]))
    return edges if len(edges) > 1 else np.array([edges[0] - 0.5, edges[0] + 0.5])


def towards_product(cells, count):
    """
    Mix a histogram of two columns with the product of its margins, one object for each cell.

    Most cells hold few objects or none: there the two columns are as good as independent.

    Parameters
    ----------
    cells : `~numpy.ndarray` of shape (n, m)
        Fractions, which sum to 1.
    count : float
        Objects that they were made of.

    Returns
    -------
    cells : `~numpy.ndarray` of shape (n, m)
    """
    product = cells.sum(axis=1)[:, None] * cells.sum(axis=0)
    return (count * cells + cells.size * product) / (count + cells.size)


def histogram(values, edges, weights=None):
    """
    Count objects in bins of one or two columns.

    Parameters
    ----------
    values : `~numpy.ndarray` of shape (1 or 2, n)
        Finite values.
    edges : list of `~numpy.ndarray`
        Edges of each column.
    weights : `~numpy.ndarray` of shape (n,), optional
        Weight of each object.

    Returns
    -------
    counts : `~numpy.ndarray`
        With one axis for each column.
    """
    return np.histogramdd(values.T, bins=edges, weights=weights)[0]


def bin_shares(values, errors, limits, edges):
    """
    Compute how likely the data of each object are in each bin, up to a constant for each object.

    Missing: alike in all bins. A limit: the part of the bin that is fainter. A value with an error:
    the part of its Gaussian in the bin, over the width. A value without: its bin alone.

    Parameters
    ----------
    values, errors : `~numpy.ndarray` of shape (n,)
        Magnitudes, NaN where missing, and their errors, 0 for none.
    limits : `~numpy.ndarray` of bool, shape (n,)
        Whether the magnitude is a limit.
    edges : `~numpy.ndarray` of shape (n_bins + 1,)
        Edges of the bins.

    Returns
    -------
    shares : `~numpy.ndarray` of shape (n, n_bins)
    """
    low, high = edges[:-1], edges[1:]
    width = high - low
    shares = np.ones((len(values), len(low)))
    known = np.isfinite(values)
    # Values beyond the bins count in the outermost bin.
    value = np.clip(np.where(known, values, edges[0]), edges[0], edges[-1])
    limit = known & limits
    fainter = (high - np.maximum(low, value[limit, None])) / width
    shares[limit] = np.clip(fainter, 0, 1)
    # A limit at the faint end has no bin beyond it: the last one stands for that.
    shares[limit & (shares.sum(axis=1) == 0), -1] = 1.0
    place = np.clip(np.searchsorted(edges, value, side="right") - 1, 0, len(low) - 1)
    exact = known & ~limits & (errors == 0)
    shares[exact] = place[exact, None] == np.arange(len(low))
    blurred = known & ~limits & (errors > 0)
    below = ndtr((edges - value[blurred, None]) / errors[blurred, None])
    shares[blurred] = np.diff(below, axis=1) / width
    return shares
