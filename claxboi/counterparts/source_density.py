# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Source densities around each X-ray source.
"""

import numpy as np
from scipy.spatial import cKDTree

from claxboi.utils import ARCSEC, InputValueError, unit_vectors

__all__ = []

WHOLE_SKY_DEG2 = 4 * np.pi * np.degrees(1) ** 2
"""The area of the sky in square degrees, 41252.96."""

_NEIGHBOURS = 30
"""Objects counted by a local density: 19 % error."""


def local_density(primaries, secondaries, inner_arcsec, n_inside, name):
    """
    Measure the density of secondaries around each primary.

    The nearest objects beyond an inner radius are counted, from that radius to the last of
    them. So the counterpart, which lies inside, is not counted, nor the hole around it.

    Parameters
    ----------
    primaries, secondaries : Positions
        The catalogues.
    inner_arcsec : `~numpy.ndarray` of shape (n_primaries,)
        The inner radius.
    n_inside : `~numpy.ndarray` of int, shape (n_primaries,)
        Secondaries within it.
    name : str
        Name of the secondary catalogue, for messages.

    Returns
    -------
    density_deg2 : `~numpy.ndarray` of shape (n_primaries,)
        Objects per square degree.

    Raises
    ------
    ValueError
        If the catalogue is too small.

    Notes
    -----
    With k objects beyond the inner radius, the last at the border, the estimate (k - 1) / area has
    no bias for a uniform field (the border itself is drawn by the k-th).
    """
    n = len(secondaries.ra)
    most = int(n_inside.max(initial=0)) + _NEIGHBOURS
    if n < most:
        raise InputValueError(
            f"density='local' counts {_NEIGHBOURS} objects beyond the search radius: {name} must "
            f"have at least {most} rows, got {n}; give area= or density="
        )
    vectors = unit_vectors(primaries.ra, primaries.dec)
    tree = cKDTree(
        unit_vectors(secondaries.ra, secondaries.dec), balanced_tree=False, compact_nodes=False
    )
    chord = np.empty(len(vectors))
    for inside in np.unique(n_inside):
        rows = np.flatnonzero(n_inside == inside)
        chord[rows] = tree.query(vectors[rows], k=[int(inside) + _NEIGHBOURS])[0][:, 0]
    # The area of a cap is pi chord^2, exactly.
    inner = 2 * np.sin(inner_arcsec * ARCSEC / 2)
    area = np.pi * (chord**2 - inner**2) * np.degrees(1) ** 2
    return (_NEIGHBOURS - 1) / area
