# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Fluxes in bands of absorbed power laws and of hot gas.
"""

import functools
import itertools

import numpy as np
from scipy.ndimage import map_coordinates

__all__ = ["XMM_EDGES", "band_shares"]

#: Bands 1 to 5 of XMM-Newton, keV.
XMM_EDGES = (0.2, 0.5, 1.0, 2.0, 4.5, 12.0)

#: Cross-section of the interstellar medium per hydrogen atom (Morrison & McCammon 1983, ApJ 270,
#: 119, table 2): lower energy in keV, and c0, c1, c2 of (c0 + c1 E + c2 E^2) / E^3 in 1e-24 cm2.
_CROSS_SECTION = np.array(
    [
        (0.030, 17.3, 608.1, -2150.0),
        (0.100, 34.6, 267.9, -476.1),
        (0.284, 78.1, 18.8, 4.3),
        (0.400, 71.4, 66.8, -51.4),
        (0.532, 95.5, 145.8, -61.1),
        (0.707, 308.9, -380.6, 294.0),
        (0.867, 120.6, 169.3, -47.7),
        (1.303, 141.3, 146.8, -31.5),
        (1.840, 202.7, 104.7, -17.0),
        (2.471, 342.7, 18.7, 0.0),
        (3.210, 352.2, 18.7, 0.0),
        (4.038, 433.9, -2.4, 0.75),
        (7.111, 629.0, 30.9, 0.0),
        (8.331, 701.2, 25.2, 0.0),
    ]
)

#: Grids of the photon index, of log10 kT (keV) and of log10 NH (cm-2), first, last and step.
_GRIDS = {"powerlaw": (-1.5, 5.0, 0.1), "thermal": (-1.2, 1.6, 0.05)}
_NH_GRID = (18.5, 24.5, 0.1)
#: Bump of iron L lines of gas below 3 keV: energy and width in keV, and height over the continuum.
_BUMP = (0.85, 0.13, 4.0)


def band_shares(kind, value, log_nh, edges):
    """
    Compute the energy flux in bands, as a share of that in 0.2-12 keV, both absorbed.

    Parameters
    ----------
    kind : {"powerlaw", "thermal"}
        The spectrum.
    value : `~numpy.ndarray`
        Photon index, or log10 of kT in keV.
    log_nh : `~numpy.ndarray`
        log10 of the column of hydrogen in cm-2.
    edges : tuple of float
        Edges of the bands in keV.

    Returns
    -------
    shares : `~numpy.ndarray` of shape (n_bands, n_sources)
        Values outside the grids count as those at its edge.
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
    absorbed = np.exp(-(10.0 ** log_nh[:, np.newaxis]) * _cross_section(energy))
    return spectrum @ absorbed.T * step


def _spectrum(kind, value, energy):
    """Energy flux per energy, up to a factor."""
    if kind == "powerlaw":
        return energy ** (1 - value)
    temperature = 10.0**value
    center, width, height = _BUMP
    lines = height * np.exp(-0.5 * ((energy - center) / width) ** 2) / (1 + temperature**3)
    return np.exp(-energy / temperature) * (1 + lines) * energy**-0.3


def _cross_section(energy):
    row = np.searchsorted(_CROSS_SECTION[:, 0], energy, side="right") - 1
    c0, c1, c2 = _CROSS_SECTION[row, 1:].T
    return (c0 + c1 * energy + c2 * energy**2) / energy**3 * 1e-24
