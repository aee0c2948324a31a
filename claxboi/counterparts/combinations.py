# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Combinations of a primary with at most one object of each catalogue.
"""

from typing import NamedTuple

import numpy as np

from claxboi.utils import InputValueError, sky_separation

from .bayes import log_bayes_circular, log_bayes_elliptical
from .errors import Covariances

__all__ = []

_MAX_ROWS = 50_000_000
"""Largest number of combinations: beyond, the arrays of the answer need tens of GB."""


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
    # Row 0 stands in for an absent member: what it says is not used.
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
