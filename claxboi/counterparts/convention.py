# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Formulas in which association programs differ, as claxboi has them.
"""

import numpy as np

from .catalogue_positions import Positions, chi_square, find_neighbours
from .field_sources import field_densities, log_unrelated
from .match_probability import (
    combine,
    estimate_completeness,
    fraction_inside,
    log_bayes,
    log_bayes_elliptical,
)
from .source_density import WHOLE_SKY_DEG2

__all__ = []

# An object within so many sigma of an X-ray source may be its counterpart.
_FIELD_SIGMA = 5.0
# Field objects used for each pair of catalogues: the fraction is known to 0.7 %.
_FIELD_SAMPLE = 5_000


class Convention:
    """
    The formulas of claxboi; a subclass replaces those of another program.
    """

    name = "claxboi"

    highest_completeness = 1.0
    """Smallest completeness that is refused: no data could change it."""

    has_p_single_without_counterpart = False
    """Whether ``p_single`` has a value in the rows without counterpart."""

    def density_deg2(self, n_rows, area_deg2):
        """
        Compute the mean density of a catalogue.

        Parameters
        ----------
        n_rows : int
            Rows of the catalogue.
        area_deg2 : float
            Its area.

        Returns
        -------
        density_deg2 : float
        """
        return n_rows / area_deg2

    def completeness(self, values, *, is_single):
        """
        Return the completeness of each catalogue.

        Parameters
        ----------
        values : list of float or None
            One for each catalogue; None to estimate them.
        is_single : bool
            Whether the user gave one number for all catalogues.

        Returns
        -------
        completeness : list of float or None
        """
        return values

    def prior(self, prior):
        """
        Return a magnitude prior that learns by the recipe of this convention.

        Parameters
        ----------
        prior : MagnitudePrior or ProbabilityPrior
            Any prior.

        Returns
        -------
        prior : same type
        """
        return prior

    def log_bayes_ellipses(self, covariances, offsets, separations, present):
        """
        Compute the natural-log Bayes factor of positions with elliptical errors.

        Parameters
        ----------
        covariances, offsets, present
            As for ``log_bayes_elliptical``.
        separations : mapping of (int, int) to `~numpy.ndarray`
            Separations of each pair of catalogues in arcsec.

        Returns
        -------
        log_b : `~numpy.ndarray` of shape (n,)
        """
        return log_bayes_elliptical(covariances, offsets, present)

    def fractions_inside(self, problem):
        """
        Return the probability that a counterpart lies within the search radius.

        Parameters
        ----------
        problem : Problem
            The association.

        Returns
        -------
        fractions : list of `~numpy.ndarray` of shape (n_primaries,)
            One for each catalogue.
        """
        return [
            fraction_inside(problem.primaries, _typical_variance(table), problem.radius)
            for table in problem.secondaries
        ]

    def field_association(self, problem, neighbours, densities):
        """
        Find the fraction of the field objects that each pair of catalogues has in common.

        Parameters
        ----------
        problem : Problem
            The association.
        neighbours : list of Neighbours
            One for each catalogue.
        densities : list of float or `~numpy.ndarray`
            Objects per square degree of each catalogue.

        Returns
        -------
        shared : dict of (int, int) to float
        """
        if isinstance(problem.field_association, dict):
            return problem.field_association
        n = len(problem.names)
        pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
        if problem.field_association is not None:
            return dict.fromkeys(pairs, problem.field_association)
        result = {}
        for pair in pairs:
            # Chances are those of an object of the sparser catalogue.
            few, many = sorted(pair, key=lambda c: float(np.mean(densities[c])))
            result[pair] = _common_fraction(
                problem.secondaries[few],
                problem.secondaries[many],
                near=neighbours[few],
                primaries=problem.primaries,
                density_deg2=densities[many],
                convention=self,
            )
        return result

    def log_field(self, problem, rows, neighbours, densities, shared):
        """
        Compute the natural-log weight of the members of each row as field objects.

        It is minus the log densities, plus the other ways to group the objects nearby.

        Parameters
        ----------
        problem : Problem
            The association.
        rows : Combinations
            The combinations.
        neighbours : list of Neighbours
            One for each catalogue.
        densities : list of float or `~numpy.ndarray`
            Objects per square degree of each catalogue.
        shared : dict of (int, int) to float
            As returned by ``field_association``.

        Returns
        -------
        log_field : `~numpy.ndarray` of shape (n_rows,)
        """
        whole_sky = [np.asarray(d) * WHOLE_SKY_DEG2 for d in densities]
        present = rows.present
        if len(present) == 1:
            return single_densities(rows, whole_sky)
        grouped = self.log_bayes(rows, problem, neighbours, with_primary=False)
        log_density = field_densities(whole_sky, shared)
        result = np.zeros(len(rows.primary))
        for c, here in enumerate(present):
            if here.any():
                result -= _at_rows(log_density((c,)), rows, here)
        odds = np.full(len(rows.primary), -np.inf)
        pattern = sum(here.astype(np.int64) << c for c, here in enumerate(present))
        for code in np.unique(pattern):
            group = tuple(c for c in range(len(present)) if code >> c & 1)
            if len(group) > 1:
                here = pattern == code
                odds[here] = (result + grouped + _at_rows(log_density(group), rows, here))[here]
        return result + log_unrelated(rows.members, rows.primary, odds)

    def log_bayes(self, rows, problem, neighbours, *, with_primary=True):
        """
        Compute the natural-log Bayes factor of each combination.

        Parameters
        ----------
        rows : Combinations
            The combinations.
        problem : Problem
            The association.
        neighbours : list of Neighbours
            One for each catalogue.
        with_primary : bool, optional
            False compares the secondaries among themselves, whatever the primary is.

        Returns
        -------
        log_b : `~numpy.ndarray` of shape (n_rows,)
        """
        return log_bayes(
            rows,
            problem.primaries,
            neighbours,
            with_primary=with_primary,
            ellipses=self.log_bayes_ellipses,
        )

    def p_single(self, by_weight, log_v, log_rest, log_b, is_empty):
        """
        Return the probability of each combination against no counterpart alone.

        Parameters
        ----------
        by_weight : `~numpy.ndarray` of shape (n_rows,)
            Its weight over the sum of its weight and that of no counterpart.
        log_v, log_rest, log_b : `~numpy.ndarray` of shape (n_rows,)
            Natural logarithms of the weight, of that without priors, and of the Bayes factor.
        is_empty : `~numpy.ndarray` of bool, shape (n_rows,)
            Rows without counterpart.

        Returns
        -------
        p_single : `~numpy.ndarray` of shape (n_rows,)
        """
        return by_weight

    def secure_probability(self, rows, neighbours, catalogue, n_objects, probabilities):
        """
        Return the probability that makes an object of a catalogue a secure counterpart.

        Parameters
        ----------
        rows : Combinations
            The combinations.
        neighbours : list of Neighbours
            One for each catalogue.
        catalogue : int
            Which catalogue.
        n_objects : int
            Its rows.
        probabilities : Posterior
            By position alone.

        Returns
        -------
        p : `~numpy.ndarray` of shape (n_objects,)
            Here the largest over the primaries of the probability summed over all combinations.
        """
        near, member = neighbours[catalogue], rows.members[catalogue]
        here = member >= 0
        weight = (probabilities.p_any[rows.primary] * probabilities.p_i)[here]
        of_pair = np.bincount(member[here], weights=weight, minlength=len(near.primary))
        p = np.zeros(n_objects)
        np.maximum.at(p, near.secondary, of_pair)
        return p


def single_densities(rows, densities):
    """
    Return minus the log densities of the members of each row.

    Parameters
    ----------
    rows : Combinations
        The combinations.
    densities : list of float or `~numpy.ndarray` of shape (n_primaries,)
        Objects of each catalogue over the whole sky.

    Returns
    -------
    log_weight : `~numpy.ndarray` of shape (n_rows,)
    """
    result = np.zeros(len(rows.primary))
    for here, density in zip(rows.present, densities, strict=True):
        result -= _at_rows(density, rows, here, np.log)
    return result


def _common_fraction(few, many, *, near, primaries, density_deg2, convention):
    """
    Find the fraction of the field objects of a catalogue that are in a denser one.

    ``near`` are the neighbours of the primaries in the sparser catalogue.
    """
    if len(few.ra) == 0 or len(many.ra) == 0:
        return 0.0
    cov = primaries.covariances[near.primary]
    chi2 = chi_square(cov, near.covariances, near.east, near.north)
    is_field = np.ones(len(few.ra), bool)
    is_field[near.secondary[chi2 < _FIELD_SIGMA**2]] = False
    sample = np.flatnonzero(is_field)
    if len(sample) == 0:
        return 0.0
    # Every so many in order of declination: the same ones whatever the order of the rows.
    sample = sample[np.argsort(few.dec[sample], kind="stable")]
    sample = sample[:: int(np.ceil(len(sample) / _FIELD_SAMPLE))]
    some = Positions(few.ra[sample], few.dec[sample], few.covariances[sample])
    variance = _typical_variance(some) + _typical_variance(many)
    radius = np.full(len(sample), _FIELD_SIGMA * np.sqrt(variance))
    pairs = [find_neighbours(some, many, radius)]
    rows = combine(pairs, len(sample), radius)
    log_rest = log_bayes(rows, some, pairs, ellipses=convention.log_bayes_ellipses)
    log_rest -= np.where(rows.present[0], np.log(np.mean(density_deg2) * WHOLE_SKY_DEG2), 0.0)
    fractions = [fraction_inside(some, _typical_variance(many), radius)]
    starts = rows.starts(len(sample))
    return estimate_completeness(log_rest, rows.present, fractions, starts, rows.primary)[0]


def _typical_variance(positions):
    """
    Return the median variance of a catalogue along one axis, in arcsec^2.
    """
    if len(positions.ra) == 0:
        return 0.0
    return float(np.median((positions.covariances.ee + positions.covariances.nn) / 2))


def _at_rows(values, rows, here, function=None):
    """
    Spread one value, or one per primary, over the rows where it counts; 0 elsewhere.
    """
    values = np.broadcast_to(values, rows.primary.max() + 1) if np.ndim(values) == 0 else values
    result = np.zeros(len(rows.primary))
    at = values[rows.primary[here]]
    result[here] = at if function is None else function(at)
    return result
