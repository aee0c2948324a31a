# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Priors of each source from the number counts of X-ray populations, by flux and position.
"""

from __future__ import annotations

import functools
import logging
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from scipy.optimize import minimize
from scipy.special import logsumexp

from claxboi.properties import add_galactic, flux_fraction
from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    check_table,
    checked,
    float_values,
    shown,
    text_values,
)

from ._table_reading import read_fluxes
from .number_counts import FLUX_UNIT, differential_counts
from .priors import parse_priors

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy import ndarray

__all__ = ["SKY_COLUMNS", "sky_priors"]

log = logging.getLogger(__name__)

#: Properties that the priors of `sky_priors` depend on, so that they must not classify as well.
SKY_COLUMNS = ("l", "b", "flux")

#: Band of the number counts, in keV.
BAND = "0.5-8"

#: Distance of the Sun to the Galactic centre in pc (GRAVITY Collaboration 2018, A&A 615, L15), and
#: the luminosity in erg/s at which the density of a disc is given.
SUN_PC = 8122.0
LUMINOSITY = 1e30

#: Nodes of the integral over luminosity, and sources at a time.
N_NODES = 32
BLOCK = 20_000


@functools.cache
def _populations():
    path = resources.files("claxboi.classification") / "data" / "sky_populations.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))["populations"]


@checked
def sky_priors(table: Table, priors: Mapping, *, reference: Table | None = None) -> ndarray:
    r"""
    Compute priors for each source from number counts, by flux and position.

    AGN, coronal stars, cataclysmic variables and X-ray binaries of the Galaxy have number counts
    that depend on flux and Galactic coordinates. They carry proportions that hold on average for
    a catalogue, the reference, over to each source of a list, such as one deep field.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources: ``ra`` and ``dec`` (or ``l`` and ``b``), ``flux``, and its ``flux_band``, the
        same for all, such as "0.2-12" (keV). Sources without a flux above 0 or a position have the
        mean priors of the others.
    priors : mapping of str to float
        Proportion of each class in the reference; they sum to 1. Classes without number counts
        keep their proportion relative to AGN, that is, to all that does not belong to the Galaxy.
    reference : `~astropy.table.Table`, optional
        The sources for which the proportions hold on average, with the same columns. Default:
        ``table``.

    Returns
    -------
    proportions : `~numpy.ndarray` of shape (n_sources, n_classes)
        Priors for `~claxboi.classify`, with the columns in the order of the sorted classes.

    Raises
    ------
    KeyError
        If a table has no flux or position.
    TypeError, ValueError
        If the priors are not proportions, a table has not one flux band, no source has a flux and
        a position, or fewer than two classes have number counts.

    See Also
    --------
    cumulative_counts : Number counts of AGN.

    Notes
    -----
    The prior of class c for source i is :math:`a_c n_c(S_i, l_i, b_i)`, normalised, where the
    factors :math:`a_c` make its mean over the reference the given proportion. AGN have
    :math:`n_c = S\,dN/dS` of Lehmer et al. 2012, the same everywhere: absorption in the Galactic
    plane is left out. The others are discs,

    .. math::

        n_c = \int \frac{dn}{d\ln L} \exp\left(-\frac{R - R_\odot}{r_c}
              - \frac{|z|}{h_c}\right) \frac{r^3}{2} d\ln L , \qquad r^2 = \frac{L}{4 \pi S} ,

    with a luminosity function that is a power law. The constants and their sources are in
    ``sky_populations.toml``. Fluxes are converted to 0.5-8 keV with the spectrum of
    `~claxboi.properties.flux_fraction`.

    Do not classify by ``l``, ``b`` or ``flux`` as well: they would count twice.

    References
    ----------
    Lehmer et al. 2012, ApJ 752, 46; López-Santiago et al. 2007, A&A 463, 165; Jurić et al. 2008,
    ApJ 673, 864; Rodriguez et al. 2024, arXiv:2408.16053; Pretorius & Knigge 2012, MNRAS 419, 1442;
    Schwope 2018, A&A 619, A62; Grimm et al. 2002, A&A 391, 923.

    Examples
    --------
    At the same flux, a source in the plane is more often a star than one at the pole:

    >>> from astropy.table import Table
    >>> from claxboi.classification import sky_priors
    >>> table = Table({"l": [90.0, 90.0], "b": [1.0, 89.0], "flux": [3e-14, 3e-14]})
    >>> table["flux_band"] = "0.2-12"
    >>> priors = sky_priors(table, {"AGN": 0.7, "star": 0.3})
    >>> print(priors.round(2))
    [[0.49 0.51]
     [0.91 0.09]]
    """
    check_table(table)
    if not isinstance(priors, Mapping):
        raise InputTypeError(
            f"priors must be a mapping from class to proportion, got {shown(priors)}"
        )
    classes = sorted(map(str, priors))
    base = parse_priors(priors, classes, None, len(table))
    populations = [_of_class(name) for name in classes]
    if sum(map(bool, populations)) < 2:
        known = dict.fromkeys(name for record in _populations() for name in record["classes"])
        raise InputValueError(
            f"priors must have two classes with number counts at least, of {', '.join(known)}; "
            f"got {', '.join(classes)}"
        )
    alone = [name for name, records in zip(classes, populations, strict=True) if not records]
    if alone:
        log.info("no number counts for %s, which are taken to go with AGN", ", ".join(alone))
    log_number = _log_numbers(table, populations, "table")
    if reference is None or reference is table:
        log_factor = _match(log_number, base)
    else:
        check_table(reference, "reference")
        log_factor = _match(_log_numbers(reference, populations, "reference"), base)
    known = np.isfinite(log_number[0])
    log_prior = log_number[:, known] + log_factor[:, np.newaxis]
    answer = np.empty((len(table), len(classes)))
    answer[known] = np.exp(log_prior - logsumexp(log_prior, axis=0)).T
    answer[~known] = answer[known].mean(axis=0)
    if not known.all():
        log.info(
            "%d sources without a flux above 0 or a position have the mean priors of the others",
            np.count_nonzero(~known),
        )
    return answer


def _of_class(name):
    return [
        record for record in _populations() if name.lower() in map(str.lower, record["classes"])
    ]


def _match(log_number, proportions):
    """Find the factors (logarithm) with which the mean priors are the proportions."""
    log_number = log_number[:, np.isfinite(log_number[0])]
    used = proportions > 0
    factors = np.full(len(proportions), -np.inf)

    def loss(shift):
        prior = log_number[used] + shift[:, np.newaxis]
        total = logsumexp(prior, axis=0)
        slope = np.exp(prior - total).mean(axis=1) - proportions[used]
        return total.mean() - proportions[used] @ shift, slope

    start = np.log(proportions[used]) - log_number[used].mean(axis=1)
    factors[used] = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-7}).x
    return factors


def _log_numbers(table, populations, name):
    """Return ln of the numbers, of shape (n_classes, n_sources), NaN where they are not known."""
    flux, l, b = _read(table, name)
    known = np.isfinite(flux) & (flux > 0) & np.isfinite(b)
    if not known.any():
        raise InputValueError(f"{name} must have a flux above 0 and a position for one source")
    places = flux[known], l[known], b[known]
    each = {record["name"]: _number(record, *places) for record in _populations()}
    numbers = np.full((len(populations), len(table)), np.nan)
    for row, records in zip(numbers, populations, strict=True):
        row[known] = sum(each[record["name"]] for record in records) if records else each["AGN"]
    return np.log(numbers)


def _read(table, name):
    """Read fluxes in the band of the number counts, and Galactic coordinates in deg."""
    flux = read_fluxes(table)
    if flux is None:
        raise InputKeyError(f"{name} must have a column 'flux' in erg/s/cm2")
    bands = []
    if "flux_band" in table.colnames:
        values, missing = text_values(table, "flux_band", name=name)
        bands = np.unique(values[~missing]).tolist()
    if len(bands) != 1:
        raise InputValueError(
            f"{name} must have a column 'flux_band' with the one energy band of its fluxes in keV, "
            f"such as '0.2-12', got {', '.join(map(str, bands)) or 'none'}"
        )
    if {"ra", "dec"} <= set(table.colnames):
        table = add_galactic(table["ra", "dec"])
    elif not {"l", "b"} <= set(table.colnames):
        raise InputKeyError(f"{name} must have columns ra and dec, or l and b")
    l, b = (float_values(table, column, unit=u.deg, name=name) for column in ("l", "b"))
    return flux * flux_fraction(BAND, str(bands[0])), l, b


def _number(record, flux, l, b):
    """Return the number per deg2 and unit of ln(flux)."""
    if record["form"] == "counts":
        counts = differential_counts(
            flux * FLUX_UNIT, BAND, record["model"], population=record["population"]
        )
        return flux * counts.value
    answer = np.empty(len(flux))
    for start in range(0, len(flux), BLOCK):
        rows = slice(start, start + BLOCK)
        answer[rows] = _disc(record, flux[rows], l[rows], b[rows])
    return answer


def _disc(record, flux, l, b):
    """Integrate a disc along lines of sight, over luminosity."""
    node, weight = np.polynomial.legendre.leggauss(N_NODES)
    ends = np.log(record["luminosity_min"]), np.log(record["luminosity_max"])
    half = (ends[1] - ends[0]) / 2
    luminosity = np.exp(ends[0] + half * (node + 1))
    each = half * weight * record["density"] * (luminosity / LUMINOSITY) ** -record["slope"]
    distance = np.sqrt(luminosity / (4 * np.pi * flux[:, np.newaxis])) / u.pc.to(u.cm)
    l, b = np.radians(l)[:, np.newaxis], np.radians(b)[:, np.newaxis]
    in_plane = distance * np.cos(b)
    radius = np.sqrt(SUN_PC**2 + in_plane**2 - 2 * SUN_PC * in_plane * np.cos(l))
    depth = (radius - SUN_PC) / record["scale_length"]
    depth += distance * np.abs(np.sin(b)) / record["scale_height"]
    # dN/dlnS = Omega int dn/dlnL r^2 dr at L = 4 pi r^2 S, and dr = r dlnL / 2.
    return (np.exp(-depth) * distance**3 / 2) @ each * np.radians(1) ** 2
