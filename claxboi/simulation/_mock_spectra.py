# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Band fluxes of absorbed power laws and thermal spectra.
"""

import functools
import itertools

import numpy as np
from scipy.ndimage import map_coordinates

from claxboi.properties.spectra import cross_section

__all__ = ["XMM_EDGES", "band_shares"]

#: Bands 1 to 5 of XMM-Newton, keV.
XMM_EDGES = (0.2, 0.5, 1.0, 2.0, 4.5, 12.0)

#: Grids of the photon index, of log10 kT (keV) and of log10 NH (cm-2), first, last and step.
_GRIDS = {"powerlaw": (-1.5, 5.0, 0.1), "thermal": (-1.2, 1.6, 0.05)}
_NH_GRID = (18.5, 24.5, 0.1)
#: Bump in place of the iron L lines of cool gas: energy, width (keV), height over the continuum.
_BUMP = (0.85, 0.13, 4.0)


def band_shares(kind, value, log_nh, edges):
    """
    Compute absorbed energy fluxes in bands, as fractions of that in 0.2-12 keV.

    Parameters
    ----------
    kind : {"powerlaw", "thermal"}
        The spectrum.
    value : `~numpy.ndarray`
        Photon index, or log10 of kT in keV.
    log_nh : `~numpy.ndarray`
        log10 of the hydrogen column density in cm-2.
    edges : tuple of float
        Edges of the bands in keV.

    Returns
    -------
    shares : `~numpy.ndarray` of shape (n_bands, n_sources)
        Values outside the grid are set to its edge.
    """
    table = _table(kind, tuple(edges))
    place = np.array([_place(value, _GRIDS[kind]), _place(log_nh, _NH_GRID)])
    return np.array([map_coordinates(band, place, order=1, mode="nearest") for band in table])


def _place(value, grid):
    return (np.asarray(value, float) - grid[0]) / grid[2]


def _axis(grid):
    return np.arange(grid[0], grid[1] + grid[2] / 2, grid[2])


@functools.cache
def _table(kind, edges):
    values, log_nh = _axis(_GRIDS[kind]), _axis(_NH_GRID)
    total = _fluxes(kind, values, log_nh, 0.2, 12.0)
    return [_fluxes(kind, values, log_nh, *pair) / total for pair in itertools.pairwise(edges)]


def _fluxes(kind, values, log_nh, low, high, n_steps=200):
    # The midpoint rule in log energy.
    step = np.log(high / low) / n_steps
    energy = low * np.exp(step * (np.arange(n_steps) + 0.5))
    spectrum = _spectrum(kind, values[:, np.newaxis], energy) * energy
    absorbed = np.exp(-(10.0 ** log_nh[:, np.newaxis]) * cross_section(energy))
    return spectrum @ absorbed.T * step


def _spectrum(kind, value, energy):
    """Return the energy flux per unit energy, up to a factor."""
    if kind == "powerlaw":
        return energy ** (1 - value)
    temperature = 10.0**value
    center, width, height = _BUMP
    lines = height * np.exp(-0.5 * ((energy - center) / width) ** 2) / (1 + temperature**3)
    return np.exp(-energy / temperature) * (1 + lines) * energy**-0.3
