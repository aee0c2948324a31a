# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Formulas of NWAY 4.8 (Salvato et al. 2018, MNRAS 473, 4937).
"""

import numpy as np

from claxboi.utils import InputValueError

from .convention import Convention, single_densities
from .histograms import histogram
from .magnitude_priors import SECURE, MagnitudePrior
from .match_probability import log_bayes_circular, secondary_rows
from .source_density import WHOLE_SKY_DEG2

__all__ = []

_N_BINS = 14
_EMPTY_FIELD = 100.0
_MIN_SECURE = 100


class NwayConvention(Convention):
    """
    The formulas of NWAY, where they differ.
    """

    name = "nway"
    highest_completeness = np.nextafter(1.0, 2.0)
    has_p_single_without_counterpart = True

    def density_deg2(self, n_rows, area_deg2):
        return (n_rows + 1) / area_deg2

    def completeness(self, values, *, is_single):
        if values is None:
            raise InputValueError(
                "completeness must be a number with convention='nway', got 'estimate'"
            )
        # NWAY spreads one number over all of its catalogues.
        return [c ** (1 / len(values)) for c in values] if is_single else values

    def prior(self, prior):
        return NwayMagnitudePrior.like(prior) if isinstance(prior, MagnitudePrior) else prior

    def log_bayes_ellipses(self, covariances, offsets, separations, present):
        return log_bayes_nway(covariances, offsets, separations, present)

    def fractions_inside(self, problem):
        # An absent catalogue weighs nothing.
        return [np.zeros(len(problem.primaries.ra)) for _ in problem.secondaries]

    def field_association(self, problem, neighbours, densities):
        return {}

    def log_field(self, problem, rows, neighbours, densities, shared):
        whole_sky = [np.asarray(d) * WHOLE_SKY_DEG2 for d in densities]
        result = single_densities(rows, whole_sky)
        if len(whole_sky) == 1 or problem.field_association == 0:
            return result
        grouped = self.log_bayes(rows, problem, neighbours, with_primary=False)
        log_plus = [float(np.mean(np.log(density))) for density in whole_sky]
        # NWAY takes the first catalogue of a group without the object added: n, not n + 1.
        log_plain = [
            plus + np.log(max(len(table), 1) / (len(table) + 1))
            for plus, table in zip(log_plus, problem.tables, strict=True)
        ]
        log_densities = list(zip(log_plain, log_plus, strict=True))
        return result + log_unrelated_nway(rows.members, rows.primary, grouped, log_densities)

    def p_single(self, by_weight, log_v, log_rest, log_b, is_empty):
        # Compared with chance at the same prior: odds P B / (1 - P).
        log_p = log_rest - log_b
        with np.errstate(divide="ignore"):
            odds = log_v - np.log1p(-np.exp(np.minimum(log_p, 0.0)))
        return np.where(is_empty, 1.0, np.exp(-np.logaddexp(0.0, -odds)))

    def secure_probability(self, rows, neighbours, catalogue, n_objects, probabilities):
        # The largest, or the first above SECURE in order of the rows of all catalogues.
        p_single, p = probabilities.p_single, np.zeros(n_objects)
        keys = [secondary_rows(near, m) for near, m in zip(neighbours, rows.members, strict=True)]
        order = np.lexsort((*keys[::-1], rows.primary))
        order = order[rows.members[catalogue][order] >= 0]
        np.maximum.at(p, keys[catalogue][order], p_single[order])
        secure = order[p_single[order] > SECURE]
        objects, first = np.unique(keys[catalogue][secure], return_index=True)
        p[objects] = p_single[secure[first]]
        return p


class NwayMagnitudePrior(MagnitudePrior):
    """
    A magnitude prior that learns by NWAY's recipe.

    14 quantiles weighted with the probability, no subtraction and no mixing, factor 100 without
    field objects and 0 without counterparts, and neither errors nor limits.
    """

    @classmethod
    def like(cls, prior):
        """
        Return a copy of a prior that learns by this recipe.

        Parameters
        ----------
        prior : MagnitudePrior
            Any prior.

        Returns
        -------
        prior : NwayMagnitudePrior
        """
        result = cls.__new__(cls)
        result.__dict__.update(prior.__dict__)
        result.min_secure = _MIN_SECURE
        return result

    def _cut(self, secure, p_secure, field):
        return quantiles_nway(secure, p_secure, field, _N_BINS)

    def _distributions(self, secure, p_secure, field, edges):
        q, n = histogram(secure, edges, p_secure), histogram(field, edges)
        return q / q.sum(), n / n.sum()

    def _mix(self, q, n, weight_q, weight_n):
        return q, n

    def _ratio(self):
        q, n = self.counterparts, self.field
        return np.divide(q, n, out=np.full(q.shape, _EMPTY_FIELD), where=n > 0)

    def _log_factors(self, values, errors, limits):
        inside = np.ones(values.shape[1], bool)
        place = []
        for value, edges in zip(values, self.edges, strict=True):
            k = np.searchsorted(edges, value, side="right") - 1
            k = np.where(value == edges[-1], len(edges) - 2, k)
            inside &= np.isfinite(value) & (k >= 0) & (k < len(edges) - 1)
            place.append(np.clip(k, 0, len(edges) - 2))
        with np.errstate(divide="ignore"):
            return np.where(inside, np.log(self._ratio()[tuple(place)]), 0.0)


def log_bayes_nway(covariances, offsets, separations, present):
    r"""
    Compute the Bayes factor of elliptical errors as NWAY 4.7 does.

    The circular formula with the mean variance of each ellipse; each :math:`\psi_{ij}^2` is
    multiplied by the sum of the two squared radii of the ellipses in the direction of the pair over
    the sum of the two mean variances. (Found by fitting NWAY's published answers; it is up to 0.07
    dex from the Gaussian integral for axis ratios of 1.3.)

    Parameters
    ----------
    covariances, offsets, present
        As in `log_bayes_elliptical`.
    separations : mapping of (int, int) to `~numpy.ndarray` of shape (n,)
        As in `log_bayes_circular`.

    Returns
    -------
    log_b : `~numpy.ndarray` of shape (n,)
    """
    variances = [(ee + nn) / 2 for ee, _, nn in covariances]
    scaled = {}
    for (i, j), separation in separations.items():
        d_e, d_n = offsets[j][0] - offsets[i][0], offsets[j][1] - offsets[i][1]
        norm = d_e**2 + d_n**2
        radii = 0.0
        for ee, en, nn in (covariances[i], covariances[j]):
            form = (nn * d_e**2 - 2 * en * d_e * d_n + ee * d_n**2) / (ee * nn - en**2)
            radii = radii + np.divide(norm, form, out=(ee + nn) / 2, where=form > 0)
        scaled[i, j] = separation * np.sqrt(radii / (variances[i] + variances[j]))
    return log_bayes_circular(variances, scaled, present)


def log_unrelated_nway(members, row_primary, log_b, log_densities):
    """
    Compute the correction of the command ``nway.py``.

    A row that lacks two or more catalogues is multiplied by the largest prior x Bayes factor of an
    association of the catalogues that it lacks, if that is above 1.

    Parameters
    ----------
    members, row_primary
        As in `log_unrelated`.
    log_b : `~numpy.ndarray` of shape (n_rows,)
        Natural-log Bayes factor of the members of the row among themselves.
    log_densities : list of tuple of float
        For each catalogue the logarithms of the density over the whole sky and of NWAY's
        (n + 1) version of it.

    Returns
    -------
    log_factor : `~numpy.ndarray` of shape (n_rows,)
    """
    n_catalogues, n_primaries = len(members), int(row_primary.max(initial=-1)) + 1
    pattern = np.zeros(len(row_primary), np.int64)
    for c, member in enumerate(members):
        pattern |= (member >= 0).astype(np.int64) << c
    strongest = {}
    for group in range(1 << n_catalogues):
        in_group = [c for c in range(n_catalogues) if group >> c & 1]
        if len(in_group) < 2:
            continue
        log_prior = log_densities[in_group[0]][0] - sum(log_densities[c][1] for c in in_group)
        rows = np.flatnonzero(pattern == group)
        largest = np.full(n_primaries, -np.inf)
        np.maximum.at(largest, row_primary[rows], log_prior + log_b[rows])
        strongest[group] = largest
    result = np.zeros(len(row_primary))
    for group, largest in strongest.items():
        lacks = (pattern & group) == 0
        result[lacks] = np.maximum(result[lacks], largest[row_primary[lacks]])
    return result


def quantiles_nway(values, weights, field, n_bins):
    """
    Return bin edges at weighted quantiles of the counterparts, with outer bins for the field.

    Parameters
    ----------
    values, weights : `~numpy.ndarray`
        Magnitudes and probabilities of the counterparts.
    field : `~numpy.ndarray`
        Magnitudes of field objects.
    n_bins : int
        Bins of equal weight.

    Returns
    -------
    edges : `~numpy.ndarray`
    """
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    wanted = np.linspace(0, 1, n_bins + 1)
    edges = np.interp(wanted, cumulative / cumulative[-1], values[order])
    if field.min() < edges[0]:
        edges = np.append(field.min() - 1, edges)
    if field.max() > edges[-1]:
        edges = np.append(edges, field.max() + 1)
    return np.unique(edges)
