# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Bayes factors of positions: one object against several.

All functions are pure numpy on float64, with offsets and standard deviations in arcsec.
"""

import numpy as np

from claxboi.utils import ARCSEC

__all__ = []

# Per further catalogue: 2 / (1 arcsec^2 in radians), Budavari & Szalay 2008, eq. 16.
_LOG_UNIT = np.log(2) - 2 * np.log(ARCSEC)


def log_bayes_circular(variances, separations, present):
    r"""
    Compute the natural logarithm of the Bayes factor of k positions with circular errors.

    Budavari & Szalay 2008 (ApJ 679, 301), eq. 18 in the limit of small angles:
    :math:`B = 2^{k-1} \frac{\prod w_i}{\sum w_i}
    \exp\left[-\frac{\sum_{i<j} w_i w_j \psi_{ij}^2}{2 \sum w_i}\right]`.

    Parameters
    ----------
    variances : sequence of `~numpy.ndarray` of shape (n,)
        1 / w of each catalogue in arcsec^2.
    separations : mapping of (int, int) to `~numpy.ndarray` of shape (n,)
        The separations psi of each pair of catalogues in arcsec, keys (i, j) with i < j.
    present : sequence of `~numpy.ndarray` of bool, shape (n,)
        Which catalogues take part in each row.

    Returns
    -------
    log_b : `~numpy.ndarray` of shape (n,)
        0 where one catalogue alone takes part.
    """
    weights = [np.where(here, 1 / v, 0.0) for v, here in zip(variances, present, strict=True)]
    total = sum(weights)
    n_others = sum(here.astype(float) for here in present) - 1
    log_b = n_others * _LOG_UNIT - np.log(np.where(total > 0, total, 1.0))
    for v, here in zip(variances, present, strict=True):
        log_b -= np.where(here, np.log(v), 0.0)
    exponent = 0.0
    for (i, j), separation in separations.items():
        both = present[i] & present[j]
        exponent = exponent + np.where(both, weights[i] * weights[j] * separation**2, 0.0)
    log_b -= exponent / (2 * np.where(total > 0, total, 1.0))
    return np.where(n_others > 0, log_b, 0.0)


def log_bayes_elliptical(covariances, offsets, present):
    r"""
    Compute the natural logarithm of the Bayes factor of k positions with Gaussian errors of any
    shape.

    With precision matrices :math:`P_i` and offsets :math:`x_i` in the tangent plane, :math:`B =
    2^{k-1} \sqrt{\prod |P_i| / |\sum P_i|}\, e^{-\chi^2/2}`. It is built up one catalogue after the
    other: each is compared with the weighted mean of those before it, so nothing cancels, however
    different the errors are.

    Parameters
    ----------
    covariances : sequence of tuple of `~numpy.ndarray`
        East-East, East-North and North-North of each catalogue in arcsec^2.
    offsets : sequence of tuple of `~numpy.ndarray`
        East and North of each catalogue in arcsec, from any point nearby.
    present : sequence of `~numpy.ndarray` of bool, shape (n,)
        Which catalogues take part in each row.

    Returns
    -------
    log_b : `~numpy.ndarray` of shape (n,)
        0 where one catalogue alone takes part.
    """
    n = len(present[0])
    log_b = np.zeros(n)
    mean = [np.zeros(n), np.zeros(n)]
    cov = [np.ones(n), np.zeros(n), np.ones(n)]
    started = np.zeros(n, bool)
    for (ee, en, nn), (east, north), here in zip(covariances, offsets, present, strict=True):
        first, later = here & ~started, here & started
        if later.any():
            s = [c[later] + x[later] for c, x in zip(cov, (ee, en, nn), strict=True)]
            det = s[0] * s[2] - s[1] ** 2
            d_e, d_n = east[later] - mean[0][later], north[later] - mean[1][later]
            # (S)^-1 d
            g_e, g_n = (s[2] * d_e - s[1] * d_n) / det, (s[0] * d_n - s[1] * d_e) / det
            log_b[later] += _LOG_UNIT - 0.5 * np.log(det) - 0.5 * (d_e * g_e + d_n * g_n)
            c = [x[later] for x in cov]
            mean[0][later] += c[0] * g_e + c[1] * g_n
            mean[1][later] += c[1] * g_e + c[2] * g_n
            merged = _parallel(c, [x[later] for x in (ee, en, nn)], s, det)
            for target, value in zip(cov, merged, strict=True):
                target[later] = value
        for target, value in zip((*mean, *cov), (east, north, ee, en, nn), strict=True):
            target[first] = value[first]
        started |= here
    return log_b


def _parallel(a, b, s, det):
    """
    Covariance of the weighted mean of two: A (A + B)^-1 B, of symmetric 2 x 2 matrices.
    """
    # A (A+B)^-1 B with (A+B)^-1 = adj(S) / det
    i_ee, i_en, i_nn = s[2] / det, -s[1] / det, s[0] / det
    m_ee = a[0] * i_ee + a[1] * i_en
    m_en = a[0] * i_en + a[1] * i_nn
    m_ne = a[1] * i_ee + a[2] * i_en
    m_nn = a[1] * i_en + a[2] * i_nn
    return m_ee * b[0] + m_en * b[1], m_ee * b[1] + m_en * b[2], m_ne * b[1] + m_nn * b[2]
