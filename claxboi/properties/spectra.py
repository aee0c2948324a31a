# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Convert X-ray fluxes between energy bands for an absorbed power law.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.table import Column, Table
from astropy.utils.data import get_pkg_data_filename

from claxboi.catalog import missions
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    check_number,
    checked,
    convert_values,
    quantity_value,
    shown,
)

if TYPE_CHECKING:
    from astropy.units import Quantity
    from numpy import ndarray
    from numpy.typing import ArrayLike

__all__ = ["conversion_uncertainty", "convert_flux", "flux_fraction"]

#: The spectrum that the fluxes of 4XMM are for.
GAMMA = 1.7
NH = 3e20 / u.cm**2

#: Photon indices of most X-ray sources, between hard and soft AGN.
GAMMA_RANGE = (1.4, 2.0)

# Range of the published cross section; it is continued as E^-3.
_LOWEST_KEV, _HIGHEST_KEV = 0.03, 10.0
_N_NODES = 12
# The widest interval, in ln E, on which the nodes give seven digits.
_WIDEST = 0.5
_NODES_AT_ONCE = 4_000_000


@checked
def convert_flux(
    flux: Quantity | Column | ArrayLike,
    band: str | tuple,
    to_band: str | tuple,
    *,
    gamma: float | ArrayLike = GAMMA,
    nh: Quantity = NH,
    unabsorbed: bool = False,
) -> Table:
    r"""
    Convert an X-ray flux from one energy band to another.

    It assumes a power law behind cold gas of solar abundances, and energy fluxes as observed, which
    is what catalogues list.

    Parameters
    ----------
    flux : `~astropy.units.Quantity`, `~astropy.table.Column` or array-like
        Energy fluxes in ``band``.
    band, to_band : str or pair of `~astropy.units.Quantity` ['energy']
        The bands: ``"0.2-12"`` (keV), two energies, or the name of a mission for that of its fluxes
        (`~claxboi.catalog.missions`).
    gamma : float or array-like, optional
        Photon index; NaN gives NaN.
    nh : `~astropy.units.Quantity` ['column density'], optional
        Column density of hydrogen, a number or an array.
    unabsorbed : bool, optional
        Return the flux that there would be without the gas.

    Returns
    -------
    flux : same class as the input
        Fluxes in ``to_band``, in the same unit; masked where the input is.

    Raises
    ------
    TypeError
        If a band is neither text nor two energies, or ``nh`` has no unit.
    ValueError
        If a band is empty, not above 0 or of no known mission, or ``nh`` is below 0.

    See Also
    --------
    flux_fraction : The factor itself.
    conversion_uncertainty : What the unknown spectrum makes of it.

    Examples
    --------
    >>> from astropy import units as u
    >>> from claxboi.properties import convert_flux
    >>> flux = convert_flux(1e-14 * u.erg / u.s / u.cm**2, "0.5-7", "0.2-12")
    >>> print(f"{flux:.3g}")
    1.43e-14 erg / (s cm2)
    """
    bands = parse_band(to_band, "to_band"), parse_band(band, "band")
    unit = getattr(flux, "unit", None)
    if unit is not None:
        convert_values(np.ones(1), unit, u.erg / u.s / u.cm**2, "flux")
    elif np.asarray(flux).dtype.kind not in "iuf":
        raise InputTypeError(f"flux must be a number, an array or a Quantity, got {shown(flux)}")
    fraction = _fraction(*bands, gamma, nh, unabsorbed)
    if not isinstance(flux, (u.Quantity, Column, np.ma.MaskedArray)):
        flux = np.asarray(flux, float)
    return flux * fraction


@checked
def flux_fraction(
    band: str | tuple,
    of_band: str | tuple = "0.2-12",
    *,
    gamma: float | ArrayLike = GAMMA,
    nh: Quantity = NH,
    unabsorbed: bool = False,
) -> float | ndarray:
    r"""
    Return the flux in one energy band over that in another.

    Parameters
    ----------
    band, of_band : str or pair of `~astropy.units.Quantity` ['energy']
        The bands: ``"0.2-12"`` (keV), two energies, or the name of a mission for that of its fluxes
        (`~claxboi.catalog.missions`).
    gamma : float or array-like, optional
        Photon index; NaN gives NaN.
    nh : `~astropy.units.Quantity` ['column density'], optional
        Column density of hydrogen, a number or an array.
    unabsorbed : bool, optional
        Take the flux in ``band`` (not that in ``of_band``) as it would be without the gas.

    Returns
    -------
    fraction : float or `~numpy.ndarray`
        Of the shape that ``gamma`` and ``nh`` have together; NaN where the gas lets nothing
        through in ``of_band``.

    Raises
    ------
    TypeError
        If a band is neither text nor two energies, or ``nh`` has no unit.
    ValueError
        If a band is empty, not above 0 or of no known mission, or ``nh`` is below 0.

    Notes
    -----
    .. math:: F = \int E^{1 - \Gamma} e^{-N_H \sigma(E)} dE

    with the cross section of Morrison & McCammon (1983), which is published for 0.03 to 10 keV.
    Outside it is continued as :math:`E^{-3}`: above, there is next to no absorption for any
    :math:`N_H` below 1e24 / cm2; below, :math:`\sigma` is too large. Scattering is left out.

    References
    ----------
    Morrison & McCammon 1983, ApJ 270, 119, Table 2.

    Examples
    --------
    >>> from claxboi.properties import flux_fraction
    >>> print(f"{flux_fraction('0.5-2'):.3f}")
    0.285
    """
    bands = parse_band(band, "band"), parse_band(of_band, "of_band")
    return _fraction(*bands, gamma, nh, unabsorbed)


def _fraction(part, whole, gamma, nh, unabsorbed):
    """
    Return the flux in one band over that in another.

    Parameters
    ----------
    part, whole : tuple of float
        The bands, keV.
    gamma, nh, unabsorbed
        As for `flux_fraction`.

    Returns
    -------
    fraction : float or `~numpy.ndarray`
    """
    gamma, nh = _parse_spectrum(gamma, nh)
    above = _band_flux(part, gamma, np.zeros_like(nh) if unabsorbed else nh)
    below = _band_flux(whole, gamma, nh)
    fraction = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return fraction if fraction.shape else float(fraction)


def conversion_uncertainty(
    band: str | tuple, to_band: str | tuple, *, gamma_range: tuple = GAMMA_RANGE, nh: Quantity = NH
) -> float | ndarray:
    """
    Return the uncertainty of a converted flux due to the unknown spectrum.

    Parameters
    ----------
    band, to_band : str or pair of `~astropy.units.Quantity` ['energy']
        The bands: ``"0.2-12"`` (keV), two energies, or the name of a mission for that of its fluxes
        (`~claxboi.catalog.missions`).
    gamma_range : (float, float), optional
        Photon indices that sources have.
    nh : `~astropy.units.Quantity` ['column density'], optional
        Column density of hydrogen.

    Returns
    -------
    uncertainty : float or `~numpy.ndarray`
        Half the range of log10 of the converted flux, of the shape of ``nh``; 0 for equal bands. As
        1 sigma it is on the safe side: most sources lie within.

    Raises
    ------
    TypeError, ValueError
        As for `flux_fraction`, or if the range does not increase.

    Examples
    --------
    A factor of 1.4 between the bands of eROSITA and XMM-Newton:

    >>> from claxboi.properties import conversion_uncertainty
    >>> print(f"{10 ** conversion_uncertainty('0.2-2.3', '0.2-12'):.2f}")
    1.38
    """
    try:
        low, high = gamma_range
    except (TypeError, ValueError) as err:
        raise InputValueError(f"gamma_range must be two numbers, got {gamma_range!r}") from err
    low = check_number(low, "gamma_range[0]")
    high = check_number(high, "gamma_range[1]", minimum=low)
    # Between two bands that enclose each other the ratio need not be monotonic.
    gammas = np.linspace(low, high, 13)
    bands = parse_band(to_band, "to_band"), parse_band(band, "band")
    nh = np.asarray(quantity_value(nh, u.cm**-2, "nh"))[..., np.newaxis] / u.cm**2
    log_fraction = np.log10(_fraction(*bands, gammas, nh, False))
    half = np.ptp(log_fraction, axis=-1) / 2
    return half if half.shape else float(half)


def parse_band(band, name):
    """
    Read an energy band.

    Parameters
    ----------
    band : str or pair of `~astropy.units.Quantity` ['energy']
        The argument.
    name : str
        Its name.

    Returns
    -------
    lower_keV, upper_keV : float
    """
    if isinstance(band, str):
        edges = _read_band(band) or _read_band(_mission_band(band))
        if edges is None:
            raise InputValueError(
                f"{name} must be a band in keV such as '0.5-2' or one of the missions "
                f"{', '.join(missions())}, got {band!r}"
            )
    else:
        try:
            edges = [quantity_value(edge, u.keV, f"{name}[{i}]") for i, edge in enumerate(band)]
        except TypeError as err:
            raise InputTypeError(
                f"{name} must be text such as '0.5-2' (keV) or a pair of energies, got {band!r}"
            ) from err
        if len(edges) != 2:
            raise InputValueError(f"{name} must be a pair of energies, got {len(edges)}")
    lower, upper = edges
    if not 0 < lower < upper < np.inf:
        raise InputValueError(
            f"{name} must go from an energy above 0 to a higher one, got {band!r}"
        )
    return lower, upper


def _read_band(text):
    number = r"\s*(\d+\.?\d*|\.\d+)\s*"
    match = re.fullmatch(rf"{number}[-\u2013]{number}(?:keV)?\s*", text)
    return [float(edge) for edge in match.groups()] if match else None


def _mission_band(name):
    bands = {
        own.lower(): mission.flux_band
        for mission in missions().values()
        for own in (mission.name, *mission.aliases)
    }
    return bands.get(name.strip().lower(), "")


def format_band(band_keV):
    """
    Write an energy band as catalogues do.

    Parameters
    ----------
    band_keV : tuple of float
        The band.

    Returns
    -------
    text : str
        Such as ``"0.5-2"``.
    """
    lower, upper = band_keV
    return f"{lower:g}-{upper:g}"


def _parse_spectrum(gamma, nh):
    nh = np.asarray(quantity_value(nh, u.cm**-2, "nh"))
    if np.any(nh < 0):
        raise InputValueError(f"nh must be at least 0, got {nh.min():g} / cm2")
    numbers = np.ma.asarray(gamma)
    if numbers.dtype.kind not in "iuf":
        raise InputTypeError(f"gamma must be a number, or an array of numbers, got {shown(gamma)}")
    return np.broadcast_arrays(np.ma.filled(numbers.astype(float), np.nan), nh)


@functools.cache
def _pieces():
    """
    Return the edges (keV) and coefficients of the cross section.
    """
    path = get_pkg_data_filename("data/absorption.csv", package="claxboi.properties")
    table = Table.read(path, format="ascii.csv", comment="#")
    edges = np.append(table["lower"], table["upper"][-1])
    return edges, np.array([table["c0"], table["c1"], table["c2"]])


def cross_section(energy_keV):
    """
    Evaluate the cross section per hydrogen atom.

    Parameters
    ----------
    energy_keV : `~numpy.ndarray`
        Energies.

    Returns
    -------
    sigma_cm2 : `~numpy.ndarray`
    """
    edges, coefficients = _pieces()
    inside = np.clip(energy_keV, _LOWEST_KEV, _HIGHEST_KEV)
    piece = np.clip(np.searchsorted(edges, inside, side="right") - 1, 0, len(edges) - 2)
    c0, c1, c2 = coefficients[:, piece]
    return 1e-24 * (c0 + c1 * inside + c2 * inside**2) / energy_keV**3


@functools.lru_cache(maxsize=64)
def _quadrature(lower_keV, upper_keV):
    """
    Return ln E, weights in ln E, and cross sections for the integral over a band.

    The nodes are those of Gauss and Legendre between the edges of the cross section, where it is
    smooth.
    """
    edges, _ = _pieces()
    inner = edges[(edges > lower_keV) & (edges < upper_keV)]
    knots = np.log(np.concatenate([[lower_keV], inner, [upper_keV]]))
    fine = [
        np.linspace(start, stop, int(np.ceil((stop - start) / _WIDEST)), endpoint=False)
        for start, stop in itertools.pairwise(knots)
    ]
    knots = np.append(np.concatenate(fine), knots[-1])
    nodes, weights = np.polynomial.legendre.leggauss(_N_NODES)
    half = np.diff(knots)[:, np.newaxis] / 2
    log_energy = ((knots[:-1, np.newaxis] + half) + half * nodes).ravel()
    return log_energy, (half * weights).ravel(), cross_section(np.exp(log_energy))


def _band_flux(band_keV, gamma, nh_cm2):
    """
    Integrate the spectrum, of 1 keV / keV at 1 keV, over a band.

    Parameters
    ----------
    band_keV : tuple of float
        The band.
    gamma, nh_cm2 : `~numpy.ndarray`
        Photon indices and column densities, of one shape.

    Returns
    -------
    flux : `~numpy.ndarray`
        Of that shape.
    """
    log_energy, weights, sigma = _quadrature(*band_keV)
    gammas, columns = gamma.ravel(), nh_cm2.ravel()
    flux = np.empty(gammas.size)
    step = max(_NODES_AT_ONCE // len(weights), 1)
    for start in range(0, flux.size, step):
        part = slice(start, start + step)
        # E**(1 - gamma) dE = E**(2 - gamma) dlnE
        exponent = np.multiply.outer(2 - gammas[part], log_energy)
        exponent -= np.multiply.outer(columns[part], sigma)
        flux[part] = np.exp(exponent) @ weights
    return flux.reshape(gamma.shape)
