# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Number counts of background X-ray sources: log N - log S.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from astropy import units as u
from astropy.table import Table

from claxboi.utils import InputValueError, quantity_value, warn

if TYPE_CHECKING:
    from astropy.units import Quantity

__all__ = ["FLUX_UNIT", "cumulative_counts", "differential_counts", "find_counts", "list_counts"]

#: Unit of flux of the public functions.
FLUX_UNIT = u.erg / (u.s * u.cm**2)

#: Reference fluxes of the power laws, and of the form of Moretti et al.
POWER_LAW_FLUX = 1e-14
MORETTI_FLUX = 2e-15


@functools.cache
def _records():
    path = resources.files("claxboi.classification") / "data" / "number_counts.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))["counts"]


def list_counts() -> Table:
    """
    List the available number counts.

    Returns
    -------
    table : `~astropy.table.Table`
        One row per model and band: ``model``, ``population`` (what is counted), ``band`` (keV),
        ``is_confirmed`` (whether the constants were compared with a source), ``reference``.

    Examples
    --------
    >>> from claxboi.classification import list_counts
    >>> print(list_counts()["model", "population", "band"][:2])
       model    population  band
    ----------- ---------- -----
    lehmer_2012        AGN 0.5-8
    lehmer_2012        AGN   2-8
    """
    rows = _records()
    table = Table({name: [row[name] for row in rows] for name in ("model", "population", "band")})
    table["is_confirmed"] = [row["confirmed"] for row in rows]
    table["reference"] = [row["reference"] for row in rows]
    return table


def cumulative_counts(
    flux: Quantity,
    band: str = "0.5-8",
    model: Literal["lehmer_2012", "moretti_2003"] = "lehmer_2012",
    *,
    population: str | None = None,
) -> Quantity:
    r"""
    Compute the number of sources per square degree above a flux.

    Parameters
    ----------
    flux : `~astropy.units.Quantity` ['energy flux']
        Flux in the band of the counts, above 0; NaN gives NaN. Any shape.
    band : str, optional
        Energy band in keV: "0.5-8" (default), "2-8" or "0.5-2" of Lehmer et al.; "0.5-2" or "2-10"
        of Moretti et al.
    model : {"lehmer_2012", "moretti_2003"}, optional
        Whose counts. The constants of Moretti et al. and those of Lehmer et al. in 0.5-2 keV are
        unconfirmed (see `list_counts`), but agree with the rest.
    population : str, optional
        What is counted: "AGN", "galaxy" or "star" of Lehmer et al., "all" of Moretti et al.
        Default: the first that there is (AGN, all).

    Returns
    -------
    counts : `~astropy.units.Quantity` ['1 / solid angle']
        In 1/deg2.

    Raises
    ------
    TypeError, `~astropy.units.UnitsError`
        If the flux has no unit, or that of something else.
    ValueError
        If a flux is not above 0, or there are no such counts.

    Warns
    -----
    ClaxboiWarning
        If fluxes are outside of where the authors say that their counts hold.

    See Also
    --------
    differential_counts : The same per unit of flux.

    Notes
    -----
    Lehmer et al.: :math:`dN/dS = K s^{-\beta_1}` below the break and :math:`K s_b^{\beta_2-\beta_1}
    s^{-\beta_2}` above it, :math:`s = S/10^{-14}` erg/s/cm2. Moretti et al.:

    .. math::

        N(>S) = N_S \frac{(2 \times 10^{-15})^{\alpha_1}}
                {S^{\alpha_1} + S_0^{\alpha_1-\alpha_2} S^{\alpha_2}} .

    References
    ----------
    Lehmer et al. 2012, ApJ 752, 46; Moretti et al. 2003, ApJ 588, 696.

    Examples
    --------
    >>> from astropy import units as u
    >>> from claxboi.classification import cumulative_counts
    >>> print(f"{cumulative_counts(1e-14 * u.erg / u.s / u.cm**2):.0f}")
    337 1 / deg2
    """
    values, record = _parse(flux, band, model, population)
    cumulative = _FORMS[record["form"]][0]
    return u.Quantity(cumulative(values, record), u.deg**-2)


def differential_counts(
    flux: Any, band: Any = "0.5-8", model: Any = "lehmer_2012", *, population: Any = None
) -> Quantity:
    """
    Compute the number of sources per square degree and unit of flux.

    Parameters
    ----------
    flux, band, model, population
        As for `cumulative_counts`.

    Returns
    -------
    counts : `~astropy.units.Quantity`
        In 1/deg2 per erg/s/cm2.

    Raises
    ------
    TypeError, `~astropy.units.UnitsError`, ValueError
        As for `cumulative_counts`.

    See Also
    --------
    cumulative_counts : The number above a flux; has the formulas and references.

    Examples
    --------
    >>> from astropy import units as u
    >>> from claxboi.classification import differential_counts
    >>> flux = 1e-14 * u.erg / u.s / u.cm**2
    >>> print(f"{(flux * differential_counts(flux)).to(u.deg**-2):.0f}")
    454 1 / deg2
    """
    values, record = _parse(flux, band, model, population)
    differential = _FORMS[record["form"]][1]
    return u.Quantity(differential(values, record), u.deg**-2 / FLUX_UNIT)


def find_counts(band, model, population=None):
    """
    Find the record of number counts by band and model.

    Parameters
    ----------
    band, model, population
        As for `cumulative_counts`.

    Returns
    -------
    record : dict

    Raises
    ------
    ValueError
        If there is none; the message lists those that there are.
    """
    for record in _records():
        same = record["model"] == model and record["band"] == band
        if same and population in (None, record["population"]):
            return record
    known = ", ".join(f"{r['model']} {r['population']} {r['band']}" for r in _records())
    wanted = " ".join(str(part) for part in (model, population, band) if part is not None)
    raise InputValueError(
        f"model, population and band must be those of available counts, got {wanted!r}; "
        f"available: {known} keV"
    )


def _parse(flux, band, model, population):
    record = find_counts(band, model, population)
    values = quantity_value(flux, FLUX_UNIT, "flux")
    if np.any(np.asarray(values) <= 0):
        raise InputValueError(f"flux must be above 0, got {np.nanmin(values):g} {FLUX_UNIT}")
    lower, upper = record.get("flux_min", 0), record.get("flux_max", np.inf)
    if np.any((np.asarray(values) < lower) | (np.asarray(values) > upper)):
        warn(
            f"the counts of {record['reference']} are valid from {lower:g} to {upper:g} "
            f"{FLUX_UNIT}; they are extrapolated to the fluxes outside"
        )
    return values, record


def _power_law_differential(flux, record):
    s = flux / POWER_LAW_FLUX
    faint = record["k"] * s ** -record["slope"] / POWER_LAW_FLUX
    if "flux_break" not in record:
        return faint
    k, slope, at = _bright_side(record)
    return np.where(s <= at, faint, k * s**-slope / POWER_LAW_FLUX)


def _power_law_cumulative(flux, record):
    s = flux / POWER_LAW_FLUX
    faint = _integral(s, record["k"], record["slope"])
    if "flux_break" not in record:
        return faint
    k, slope, at = _bright_side(record)
    offset = _integral(at, k, slope) - _integral(at, record["k"], record["slope"])
    return np.where(s <= at, faint + offset, _integral(s, k, slope))


def _bright_side(record):
    at = record["flux_break"] / POWER_LAW_FLUX
    return (
        record["k"] * at ** (record["slope_bright"] - record["slope"]),
        record["slope_bright"],
        at,
    )


def _integral(s, k, slope):
    """Integrate k s^-slope from s to infinity."""
    return k * s ** (1 - slope) / (slope - 1)


def _moretti(flux, record):
    a1, a2 = record["slope_bright"], record["slope_faint"]
    mixed = record["flux_break"] ** (a1 - a2)
    return record["density"] * MORETTI_FLUX**a1, flux**a1 + mixed * flux**a2, mixed, a1, a2


def _moretti_cumulative(flux, record):
    numerator, denominator, *_ = _moretti(flux, record)
    return numerator / denominator


def _moretti_differential(flux, record):
    numerator, denominator, mixed, a1, a2 = _moretti(flux, record)
    slope = a1 * flux ** (a1 - 1) + mixed * a2 * flux ** (a2 - 1)
    return numerator * slope / denominator**2


_FORMS = {
    "power_law": (_power_law_cumulative, _power_law_differential),
    "moretti": (_moretti_cumulative, _moretti_differential),
}
