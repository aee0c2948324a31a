# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Match probabilities: combinations of candidates, their Bayes factors, priors and probabilities.

Offsets and errors are in arcsec, weights in natural-log space.
"""

from typing import NamedTuple

import numpy as np

from claxboi.utils import ARCSEC, InputValueError, sky_separation

from .catalogue_positions import Covariances

__all__ = []

_MAX_ROWS = 50_000_000
"""Largest number of combinations: beyond, the arrays of the answer need tens of GB."""
# Per further catalogue: 2 / (1 arcsec^2 in radians), Budavari & Szalay 2008, eq. 16.
_LOG_UNIT = np.log(2) - 2 * np.log(ARCSEC)
_EM_STEPS = 500
_EM_TOLERANCE = 1e-7
# Gauss quadrature over angles: the trapezoidal rule converges geometrically for a periodic
# function.
_ANGLES = 64


class Combinations(NamedTuple):
    """
    The combinations, sorted by primary; the one without counterparts comes first of each.
    """

    primary: np.ndarray
    """Row of the primary, of shape (n_rows,)."""

    members: list
    """For each catalogue the row of its `Neighbours`, -1 where it is absent, of shape (n_rows,)."""

    between: dict
    """Separation in arcsec of the members of two secondary catalogues, keys (a, b) with a < b."""

    @property
    def present(self):
        """For each catalogue whether it takes part, a list of arrays of shape (n_rows,)."""
        return [member >= 0 for member in self.members]

    @property
    def is_empty(self):
        """The rows without counterpart, of shape (n_rows,)."""
        return np.all([member < 0 for member in self.members], axis=0)

    def starts(self, n_primaries):
        """
        Return where the rows of each primary start.

        Parameters
        ----------
        n_primaries : int
            Number of primaries.

        Returns
        -------
        starts : `~numpy.ndarray` of int, shape (n_primaries,)
        """
        return np.searchsorted(self.primary, np.arange(n_primaries))


def combine(neighbours, n_primaries, radius_arcsec):
    """
    Build every combination whose members all lie within the radius of one another.

    Parameters
    ----------
    neighbours : list of Neighbours
        One for each catalogue.
    n_primaries : int
        Number of primaries.
    radius_arcsec : `~numpy.ndarray` of shape (n_primaries,)
        Largest separation of any two members.

    Returns
    -------
    combinations : Combinations

    Raises
    ------
    ValueError
        If there are too many.
    """
    primary = np.arange(n_primaries)
    members, between = [], {}
    for c, near in enumerate(neighbours):
        counts = np.bincount(near.primary, minlength=n_primaries)
        starts = np.cumsum(counts) - counts
        repeats = counts[primary] + 1
        total = int(repeats.sum())
        if total > _MAX_ROWS:
            raise InputValueError(
                f"radius is too large for memory: it gives {total:,} combinations, more than "
                f"{_MAX_ROWS:,}; ask for a smaller radius, fewer catalogues or fewer sources"
            )
        row = np.repeat(np.arange(len(primary)), repeats)
        rank = np.arange(total) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        primary = primary[row]
        new = np.where(rank > 0, starts[primary] + rank - 1, -1)
        members = [member[row] for member in members]
        between = {key: sep[row] for key, sep in between.items()}
        keep = np.ones(total, bool)
        for a, other in enumerate(members):
            both = np.flatnonzero((new >= 0) & (other >= 0))
            p, q = neighbours[a], near
            sep = np.full(total, np.nan)
            sep[both] = sky_separation(
                p.ra[other[both]], p.dec[other[both]], q.ra[new[both]], q.dec[new[both]]
            )
            keep[both] &= sep[both] <= radius_arcsec[primary[both]]
            between[a, c] = sep
        members.append(new)
        if not keep.all():
            primary = primary[keep]
            members = [member[keep] for member in members]
            between = {key: sep[keep] for key, sep in between.items()}
    return Combinations(primary, members, between)


def log_bayes(rows, primaries, neighbours, *, with_primary=True, ellipses=None):
    """
    Compute the natural-log Bayes factor of each combination.

    Parameters
    ----------
    rows : Combinations
        The combinations.
    primaries : Positions
        The X-ray sources.
    neighbours : list of Neighbours
        One for each catalogue.
    with_primary : bool, optional
        False asks instead whether the secondaries are one object, whatever the primary is.
    ellipses : callable, optional
        Computes it where errors are elliptical, as ``Convention.log_bayes_ellipses`` does.

    Returns
    -------
    log_b : `~numpy.ndarray` of shape (n_rows,)
    """
    # Row 0 stands in for an absent member; its values are not used.
    take = [np.maximum(member, 0) for member in rows.members]
    present = rows.present
    cov = [primaries.covariances[rows.primary]]
    east, north, separations = [np.zeros(len(rows.primary))], [np.zeros(len(rows.primary))], {}
    for c, near in enumerate(map(_never_empty, neighbours)):
        cov.append(near.covariances[take[c]])
        east.append(near.east[take[c]])
        north.append(near.north[take[c]])
        separations[0, c + 1] = near.separation[take[c]]
    separations.update({(a + 1, b + 1): sep for (a, b), sep in rows.between.items()})
    present = [np.full(len(rows.primary), with_primary), *present]
    if all(c.is_circular for c in cov):
        return log_bayes_circular([c.ee for c in cov], separations, present)
    covariances, offsets = [c.general() for c in cov], list(zip(east, north, strict=True))
    if ellipses is None:
        return log_bayes_elliptical(covariances, offsets, present)
    return ellipses(covariances, offsets, separations, present)


def _never_empty(near):
    # A catalogue without any neighbour still needs the row that stands in.
    if len(near.primary):
        return near
    one = np.ones(1)
    return near._replace(
        separation=one, east=one, north=one, covariances=Covariances(one, None, one)
    )


def secondary_rows(near, member):
    """
    Return the row of its catalogue of each member.

    Parameters
    ----------
    near : Neighbours
        The neighbours of the catalogue.
    member : `~numpy.ndarray` of int, shape (n_rows,)
        Rows of ``near``, -1 where absent.

    Returns
    -------
    row : `~numpy.ndarray` of int, shape (n_rows,)
        -1 where absent.
    """
    result = np.full(len(member), -1)
    result[member >= 0] = near.secondary[member[member >= 0]]
    return result


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


class Posterior(NamedTuple):
    """
    Probabilities of each combination.
    """

    p_single: np.ndarray
    """Against no counterpart alone, of shape (n_rows,)."""

    p_any: np.ndarray
    """That the primary has a counterpart, of shape (n_primaries,)."""

    p_i: np.ndarray
    """That it is this one if there is one, of shape (n_rows,); 0 without counterpart."""


def fraction_inside(primaries, typical_variance, radius_arcsec):
    r"""
    Compute the probability that a counterpart lies within the search radius.

    Circular errors: :math:`F = 1 - e^{-R^2 / 2\sigma^2}` (Rayleigh); elliptical ones: its mean over
    the directions, weighted by the probability of each.

    Parameters
    ----------
    primaries : Positions
        The X-ray sources.
    typical_variance : float
        Variance of the position of a secondary along each axis, in arcsec^2.
    radius_arcsec : `~numpy.ndarray` of shape (n_primaries,)
        The search radius.

    Returns
    -------
    fraction : `~numpy.ndarray` of shape (n_primaries,)
    """
    cov = primaries.covariances
    ee, nn = cov.ee + typical_variance, cov.nn + typical_variance
    if cov.is_circular:
        return -np.expm1(-(radius_arcsec**2) / (2 * ee))
    det = ee * nn - cov.en**2
    outside = np.zeros(len(ee))
    for angle in np.arange(_ANGLES) * np.pi / _ANGLES:
        sin, cos = np.sin(angle), np.cos(angle)
        form = (nn * sin**2 - 2 * cov.en * sin * cos + ee * cos**2) / det
        outside += np.exp(-form * radius_arcsec**2 / 2) / (form * np.sqrt(det))
    return 1 - outside / _ANGLES


def prior_terms(present, fractions, row_primary):
    """
    Return the logarithm of the weight of presence and absence, as a function of the completeness.

    Parameters
    ----------
    present : list of `~numpy.ndarray` of bool, shape (n_rows,)
        Which catalogues take part.
    fractions : list of `~numpy.ndarray` of shape (n_primaries,)
        Probability that a counterpart lies within the radius.
    row_primary : `~numpy.ndarray` of int, shape (n_rows,)
        The primary of each row.

    Returns
    -------
    log_weight : callable
        Function of the completenesses that returns an array of shape (n_rows,).
    """

    def log_weight(completeness):
        result = np.zeros(len(row_primary))
        for here, fraction, c in zip(present, fractions, completeness, strict=True):
            # A counterpart beyond the radius is absent from the rows, but it exists.
            absent = np.log1p(-c * fraction)
            result += np.where(here, np.log(c), absent[row_primary])
        return result

    return log_weight


def sum_by_primary(log_values, starts):
    """
    Add up the rows of each primary in log space.

    Parameters
    ----------
    log_values : `~numpy.ndarray` of shape (n_rows,)
        Natural logarithms, -inf allowed.
    starts : `~numpy.ndarray` of int, shape (n_primaries,)
        First row of each primary; each has at least one.

    Returns
    -------
    log_sum : `~numpy.ndarray` of shape (n_primaries,)
    """
    largest = np.maximum.reduceat(log_values, starts)
    safe = np.where(np.isfinite(largest), largest, 0.0)
    counts = np.diff(np.append(starts, len(log_values)))
    total = np.add.reduceat(np.exp(log_values - np.repeat(safe, counts)), starts)
    with np.errstate(divide="ignore"):
        return safe + np.log(total)


def posterior(log_v, is_empty, starts):
    """
    Compute the probabilities of the combinations from their weights.

    Parameters
    ----------
    log_v : `~numpy.ndarray` of shape (n_rows,)
        Natural logarithm of prior times Bayes factor times magnitude priors.
    is_empty : `~numpy.ndarray` of bool, shape (n_rows,)
        Rows without counterpart, one for each primary.
    starts : `~numpy.ndarray` of int, shape (n_primaries,)
        First row of each primary.

    Returns
    -------
    probabilities : Posterior
    """
    counts = np.diff(np.append(starts, len(log_v)))
    log_some = sum_by_primary(np.where(is_empty, -np.inf, log_v), starts)
    log_all = np.logaddexp(log_some, log_v[is_empty])
    p_any = np.exp(log_some - log_all)
    some = np.repeat(np.where(np.isfinite(log_some), log_some, 0.0), counts)
    p_i = np.exp(np.where(is_empty, -np.inf, log_v - some))
    none = np.repeat(log_v[is_empty], counts)
    p_single = np.exp(-np.logaddexp(0.0, none - log_v))
    return Posterior(p_single, p_any, p_i)


def estimate_completeness(log_rest, present, fractions, starts, row_primary):
    """
    Find the completeness of each catalogue that makes the rows most probable (EM).

    In each step the completeness becomes the mean probability that the source has a counterpart in
    the catalogue, within the radius or beyond it.

    Parameters
    ----------
    log_rest : `~numpy.ndarray` of shape (n_rows,)
        Natural logarithm of all of the weight that does not depend on the completeness.
    present, fractions, row_primary
        As in `prior_terms`.
    starts : `~numpy.ndarray` of int, shape (n_primaries,)
        First row of each primary.

    Returns
    -------
    completeness : list of float
        One for each catalogue. Neither 0 nor 1 can be known from n sources: the answer stays half a
        source from both ends.
    """
    n, n_rows = len(starts), len(log_rest)
    lowest, highest = 0.5 / (n + 1), 1 - 0.5 / (n + 1)
    counts = np.diff(np.append(starts, n_rows))
    log_weight = prior_terms(present, fractions, row_primary)
    current = np.full(len(present), 0.5)
    for _ in range(_EM_STEPS):
        log_v = log_rest + log_weight(current)
        p = np.exp(log_v - np.repeat(sum_by_primary(log_v, starts), counts))
        new = current.copy()
        for c, (here, fraction) in enumerate(zip(present, fractions, strict=True)):
            inside = np.add.reduceat(np.where(here, p, 0.0), starts)
            beyond = current[c] * (1 - fraction) / (1 - current[c] * fraction)
            new[c] = np.clip(np.mean(inside + (1 - inside) * beyond), lowest, highest)
        done = np.max(np.abs(new - current)) < _EM_TOLERANCE
        current = new
        if done:
            break
    return [float(c) for c in current]


def match_flags(p_i, starts, *, ratio=0.5):
    """
    Flag the most probable combination of each primary and those nearly as probable.

    Parameters
    ----------
    p_i : `~numpy.ndarray` of shape (n_rows,)
        Probabilities, 0 in the rows without counterpart.
    starts : `~numpy.ndarray` of int, shape (n_primaries,)
        First row of each primary.
    ratio : float, optional
        Nearly as probable: above this fraction of the largest.

    Returns
    -------
    flags : `~numpy.ndarray` of int64, shape (n_rows,)
        1, 2 or 0. Of equal ones the first is the best.
    """
    counts = np.diff(np.append(starts, len(p_i)))
    largest = np.repeat(np.maximum.reduceat(p_i, starts), counts)
    flags = np.where(p_i > ratio * largest, 2, 0)
    best = np.flatnonzero((p_i == largest) & (p_i > 0))
    primary = np.repeat(np.arange(len(starts)), counts)[best]
    flags[best[np.unique(primary, return_index=True)[1]]] = 1
    return flags.astype(np.int64)
