# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Hardness ratios from the fluxes or counts of two bands.
"""

import numpy as np

__all__ = ["hardness_ratio"]


def hardness_ratio(soft, hard, soft_error=np.nan, hard_error=np.nan):
    r"""
    Compute the hardness ratio of two bands, and its error to first order.

    Parameters
    ----------
    soft, hard : `~numpy.ndarray`
        Fluxes, rates or counts in both bands, in one unit.
    soft_error, hard_error : array-like, optional
        Their 1 sigma errors.

    Returns
    -------
    ratio, error : `~numpy.ndarray` of float64
        :math:`(H - S)/(H + S)` and :math:`2 \sqrt{H^2 \sigma_S^2 + S^2 \sigma_H^2} / (H + S)^2`;
        NaN where the sum is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from claxboi.utils import hardness_ratio
    >>> hardness_ratio(np.array([3.0]), np.array([1.0]), 0.4, 0.0)
    (array([-0.5]), array([0.05]))
    """
    total = np.where(soft + hard > 0, soft + hard, np.nan)
    error = 2 * np.hypot(hard * soft_error, soft * hard_error) / total**2
    return (hard - soft) / total, error
