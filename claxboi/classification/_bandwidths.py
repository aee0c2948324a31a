# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Rules for the bandwidth of a kernel density, one per class.
"""

import numpy as np

from ._identity import mix
from ._kernels import KERNELS, share_bandwidths

__all__ = ["RULES", "bandwidths"]

#: Bandwidth of the rule of thumb for the Gaussian kernel, in units of the
#: spread times n^(-1/5) (Silverman 1986, eq. 3.31).
SILVERMAN = 0.9

#: Canonical bandwidth of a kernel, (int K^2 / (int x^2 K)^2)^(1/5): the ratio of two
#: converts a rule from one kernel to the other (Marron & Nolan 1988, Stat. Prob. Lett. 7, 195).
CANONICAL = {"exponential": (1 / 16) ** 0.2, "gaussian": (0.5 / np.sqrt(np.pi)) ** 0.2}

#: Interquartile range of a Gaussian in units of sigma.
IQR_SIGMA = 1.349

#: Cells in which the range is divided for a single bandwidth by the published rule.
PUBLISHED_CELLS = 5

#: The likelihood rule searches in quarter octaves, up to three octaves from the rule of thumb,
#: with this floor in units of one over the range, where a class has so many distinct
#: values, and on no more than so many.
SEARCH_STEPS = 4
SEARCH_LIMIT = 12
SEARCH_FLOOR = 0.01
SMALLEST_SEARCH = 3
LARGEST_SEARCH = 300


def _published(values, codes, weights, n_classes, kernel):  # noqa: ARG001 - one signature
    spread = np.ptp(values)
    return np.full(n_classes, spread / (PUBLISHED_CELLS * weights.sum() ** 0.2))


def _spread(values, weights):
    """Return the smaller of standard deviation and scaled interquartile range, if positive."""
    mean = np.average(values, weights=weights)
    largest = np.abs(values - mean).max()
    if largest == 0:
        return 0.0
    # In units of the largest deviation: the square of an absurd one could overflow.
    sigma = largest * np.sqrt(np.average(((values - mean) / largest) ** 2, weights=weights))
    # Values are sorted: no second sort, as a weighted np.quantile would need. Each quartile is
    # found from its own end, so that mirrored values have the same spread.
    low, high = (
        x[np.searchsorted(share, 0.25 * share[-1])]
        for x, share in ((values, np.cumsum(weights)), (values[::-1], np.cumsum(weights[::-1])))
    )
    robust = (high - low) / IQR_SIGMA
    return min(sigma, robust) if robust > 0 else sigma


def _silverman(values, codes, weights, n_classes, kernel):
    factor = SILVERMAN * CANONICAL[kernel] / CANONICAL["gaussian"]
    pooled = _spread(values, weights)
    result = np.empty(n_classes)
    for c in range(n_classes):
        members = codes == c
        size = weights[members].sum()
        spread = _spread(values[members], weights[members]) if size > 0 else 0.0
        # One source, or equal ones, show no spread: that of all classes stands in.
        result[c] = factor * (spread if spread > 0 else pooled) * max(size, 1.0) ** -0.2
    return result


def _likelihood(values, codes, weights, n_classes, kernel):
    start = _silverman(values, codes, weights, n_classes, kernel)
    spread = np.ptp(values)
    result = start.copy()
    for c in range(n_classes):
        # Equal values are left out together: rounded ones would vouch for each other.
        x, inverse = np.unique(values[codes == c], return_inverse=True)
        w = np.bincount(inverse, weights[codes == c])
        if len(x) < SMALLEST_SEARCH:
            continue
        size = w.sum()
        if len(x) > LARGEST_SEARCH:
            # Drawn by a hash of their ranks: the same in any order of the rows, and in any unit.
            ranks = np.arange(float(len(x))).view(np.uint64)
            drawn = np.sort(np.argsort(mix(np.zeros_like(ranks), ranks))[:LARGEST_SEARCH])
            x, w = x[drawn], w[drawn]
        own_class = np.zeros(len(x), int)

        # Fewer sources want wider kernels: both ways by the fifth root.
        part = (size / w.sum()) ** 0.2

        def loss(step, x=x, w=w, own_class=own_class, thumb=start[c] * part):
            sums = KERNELS[kernel](x, own_class, w, np.array([thumb * 2 ** (step / SEARCH_STEPS)]))
            total = np.empty((1, len(x)))
            sums.evaluate(x, total)
            rest = np.maximum(total[0] - w * sums.own(x, x, own_class), 0.0)
            # The floor keeps one lonely source from widening the whole class.
            density = rest / (w.sum() - w) * spread
            return -np.sum(w * np.log(density + SEARCH_FLOOR))

        result[c] = start[c] * 2 ** (_descend(loss) / SEARCH_STEPS)
    return result


def _descend(loss):
    """
    Find the whole number of lowest loss, within the limits of the search.

    On a grid the answer does not hang on the last bits of the values, as it would after
    a search among real numbers: a change of units leaves it where it was.
    """
    cache = {0: loss(0)}
    best = 0
    for stride in (4, 2, 1):
        moved = True
        while moved:
            near = [best - stride, best + stride]
            near = [step for step in near if abs(step) <= SEARCH_LIMIT]
            cache |= {step: loss(step) for step in near if step not in cache}
            found = min([best, *near], key=cache.get)
            moved, best = found != best, found
    return best


#: The rules by name.
RULES = {"published": _published, "silverman": _silverman, "likelihood": _likelihood}


def bandwidths(rule, values, codes, weights, n_classes, kernel):
    """
    Choose the bandwidth of each class.

    Parameters
    ----------
    rule : str or float
        Name of a rule or the bandwidth itself.
    values : `~numpy.ndarray` of shape (n,)
        Increasing finite samples of all classes, not all equal.
    codes : `~numpy.ndarray` of int, shape (n,)
        Class of each.
    weights : `~numpy.ndarray` of shape (n,)
        Weight of each.
    n_classes : int
        Number of classes.
    kernel : str
        Name of the kernel.

    Returns
    -------
    bandwidths : `~numpy.ndarray` of shape (n_classes,)
        All positive.
    """
    if not isinstance(rule, str):
        return np.full(n_classes, float(rule))
    chosen = RULES[rule](values, codes, weights, n_classes, kernel)
    if rule == "published":
        return chosen
    # Rounded values come in steps: a kernel narrower than a step would see
    # the rounding, not the distribution.
    steps = np.diff(values[np.concatenate([[True], np.diff(values) > 0])])
    chosen = np.maximum(chosen, np.median(steps))
    # A search among few bandwidths loses nothing by rounding; a rule is taken at its word.
    return share_bandwidths(chosen) if rule == "likelihood" else chosen
