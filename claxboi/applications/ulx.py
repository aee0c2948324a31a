# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Ultra-luminous X-ray sources in nearby galaxies, and background sources among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm

from claxboi.catalog import make_column, masked_column
from claxboi.classification.number_counts import FLUX_UNIT, cumulative_counts, find_counts
from claxboi.classification.results import classification_settings
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    add_columns,
    check_columns,
    check_number,
    check_table,
    checked,
    float_values,
    is_missing,
    optional_values,
    quantity_value,
    record,
    text_values,
)

from ._regions import inside
from ._ulx_hosts import Stack, local_limits, observed_hosts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from astropy.units import Quantity
    from numpy import ndarray

__all__ = ["find_ulx", "galaxy_priors"]

#: Classes of X-ray binaries in other galaxies, in the published schemes.
XRB_CLASSES = ("ex_XRB", "XRB")

#: Classes that the number counts count; the others are in the foreground, or extended.
COUNTED_CLASSES = ("AGN", "AGN_2")

#: Probabilities stay this far from 0 and 1 where they are brought to the number counts.
LEAST_DOUBT = 1e-4

#: Luminosities (erg/s) above which a source is ultra- and hyper-luminous.
ULX_LUMINOSITY = 1e39
HLX_LUMINOSITY = 1e41

#: A local prior stays this far from 0 and 1: the counts of one galaxy exclude no class.
PRIOR_MARGIN = 0.01


@checked
def find_ulx(
    table: Table,
    galaxies: Table,
    *,
    classes: Sequence[str] | None = None,
    model: str = "lehmer_2012",
    band: str = "0.5-8",
    flux_ratio: float | None = None,
    region: Any = None,
    flux_limit: Quantity | str | None = None,
    factor: float = 1.26,
    nuclear_radius: float = 0.02,
    nuclear_sigma: float = 3.0,
    distance_error: float = 0.1,
    min_probability: float = 0.5,
    n_foreground: float | None = None,
    overwrite: bool = False,
) -> Table:
    r"""
    Find candidate ultra-luminous X-ray sources (ULX), and the number of background sources in them.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Classified sources with ``ra``, ``dec`` (deg), ``flux`` (erg/s/cm2), ``P_<class>``, and
        of their hosts (`~claxboi.counterparts.best_hosts`) ``galaxy_id``, ``galaxy_distance``
        (Mpc) and ``galaxy_radius``. Used if there: ``flux_error``, ``galaxy_distance_error``,
        ``pos_error`` (arcsec). Not changed. It must have all sources in the hosts, not only
        promising ones.
    galaxies : `~astropy.table.Table`
        The galaxies, as for `~claxboi.counterparts.find_hosts`. A column ``observed_fraction``
        may say which part of each was observed.
    classes : sequence of str, optional
        Classes whose probabilities sum to that of an X-ray binary. Default: ``ex_XRB`` and
        ``XRB``, as far as the table has them.
    model, band : str, optional
        Number counts of the background, and their band in keV; see
        `~claxboi.classification.cumulative_counts`.
    flux_ratio : float, optional
        Flux in the band of the counts over ``flux``. Default: by
        `~claxboi.properties.convert_flux` from the one band in column ``flux_band``.
    region : region, MOC or callable, optional
        What was observed (see `count_classes`): sources outside do not count, and of each galaxy
        the part inside. Default: all of the galaxies that have a source, or
        ``observed_fraction`` of each galaxy.
    flux_limit : `~astropy.units.Quantity` or str, optional
        Flux above which sources are seen, in the band of ``flux``, or the column of the galaxies
        that has it. Default: estimated for each galaxy, see Notes.
    factor : float, optional
        How far out sources belong to a galaxy, in units of its isophotal radius.
    nuclear_radius, nuclear_sigma : float, optional
        A source is nuclear if its ``galaxy_radius`` is below the one, or its separation from the
        centre is below the other times ``pos_error``.
    distance_error : float, optional
        Relative error of the distances that have none of their own: an assumption (default 0.1).
    min_probability : float, optional
        Smallest probability that the luminosity is above the limit.
    n_foreground : float, optional
        Expected number of luminous sources that are neither X-ray binaries nor AGN. Default: the
        sum of the probabilities of such classes, 0 if the table has none.
    overwrite : bool, optional
        Replace columns of the same name.

    Returns
    -------
    result : same class as the table
        The caller's columns, then ``xrb_probability``, ``log_lx_galaxy`` with its error (taken as
        they are if the table has them), ``p_ulx``, ``p_hlx``, ``is_nuclear``, ``n_background``,
        ``f_contaminant`` with its error, ``is_ulx`` and ``is_hlx``; masked where there is no host,
        or the source is fainter than the limit. ``meta["claxboi"]["ulx"]`` has the settings, the
        band of the luminosities (``lx_band``) and the sums, see Notes.

    Raises
    ------
    KeyError
        If a column is absent.
    ValueError
        If there are no such classes or counts, a host is not among the galaxies, no source has
        a host, or the flux cannot be converted.

    See Also
    --------
    galaxy_priors : Put the background of each galaxy into the priors instead.
    claxboi.diagnostics.plot_ulx : Plot P_XRB against f_contaminant.

    Notes
    -----
    The definition is claxboi's own. A source is a candidate if

    - its luminosity :math:`L = 4 \pi D^2 F`, in the band of ``flux``, is above 10^39 erg/s (HLX:
      10^41) with probability ``min_probability`` or more, for a Gaussian error of log L,
    - it is not nuclear, and
    - :math:`P_{XRB} > f_{cont}(F, r)`.

    The frequency of contaminants is differential: all galaxies are stacked, cut in at most four
    annuli with equal numbers of sources, and around each source a window in flux holds the 25
    sources nearest in rank (fewer at the ends, down to 9). With its limits,

    .. math::

        f_{cont}(F, r) &= \lambda / N, \\
        \lambda &= \sum_g A_g(r_1, r_2) \left[N_b(>F_1) - N_b(>F_2)\right], \\
        A_g &= \pi a_g b_g (r_2^2 - r_1^2) \phi_g,

    capped at 1, with the number N of sources in the window, the semi-axes of the galaxy and the
    observed part :math:`\phi_g`; its error :math:`\sqrt\lambda/N` is the Poisson scatter of the
    background. ``n_background`` is cumulative: :math:`N_b(>F) A_g` over all of the host. The sums
    in the meta are cumulative too, each with an error: ``n_luminous``, the sources above 10^39
    erg/s that are not nuclear; ``n_background``, how many of them the counts expect of the
    background (error: its root); ``n_foreground``, how many are neither X-ray binaries nor AGN; and
    ``n_contaminants``, how many of all these are left among the candidates. Probabilities learned
    from bright labelled sources promise too few, so the odds of being an AGN are multiplied by the
    one factor, at least 1, that makes the probabilities of AGN over the luminous sources sum to
    ``n_background``; those of the foreground stay as the classifier has them. (With a given
    ``n_foreground``, it is the odds of being no X-ray binary, which then sum to ``n_background`` +
    ``n_foreground``.) The sum over the candidates is then ``n_contaminants``. Its error is the
    Poisson scatter of the background and the scatter of the classes, :math:`\sum P (1 - P)` over
    the candidates, in quadrature; ``n_contaminants_low`` and ``n_contaminants_high`` are one error
    away, from 0 to all candidates. ``n_contaminants_by_probability`` is the sum as the
    probabilities are. Overlaps
    of galaxies count twice, absorption by the galaxy is not applied, and background sources that
    fall on the excluded nuclei are a part of ``nuclear_radius``\ :sup:`2` at least.

    Without ``flux_limit``, the limit of a galaxy is the flux that exceeds those of 10 % of all
    sources of the table within 10 arcmin of it. If there are fewer than 10, it is the median of the
    other limits, and if there are none, the flux of the faintest source in a host. Sources fainter
    than this limit count as sources at the limit.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.applications import find_ulx
    >>> galaxies = Table({"galaxy_id": ["NGC 1"], "ra": [10.0], "dec": [20.0],
    ...                   "r25_major": [120.0]})
    >>> table = Table({"ra": [10.01, 9.98], "dec": [20.01, 20.0], "flux": [2e-13, 8e-14],
    ...                "galaxy_id": ["NGC 1"] * 2, "galaxy_distance": [10.0, 10.0],
    ...                "galaxy_radius": [0.41, 0.56], "P_ex_XRB": [0.97, 0.6]})
    >>> result = find_ulx(table, galaxies, flux_ratio=0.75)
    >>> result["is_ulx"].tolist()
    [True, False]
    """
    check_table(table)
    check_table(galaxies, "galaxies")
    needed = ["ra", "dec", "flux", "galaxy_id", "galaxy_distance", "galaxy_radius"]
    classes = _xrb_classes(table, classes)
    check_columns(table, [*needed, *(f"P_{name}" for name in classes)])
    find_counts(band, model)
    factor = check_number(factor, "factor", minimum=0, exclusive=True)
    check_number(nuclear_radius, "nuclear_radius", minimum=0)
    check_number(nuclear_sigma, "nuclear_sigma", minimum=0)
    check_number(distance_error, "distance_error", minimum=0)
    check_number(min_probability, "min_probability", minimum=0, maximum=1)
    if n_foreground is not None:
        n_foreground = check_number(n_foreground, "n_foreground", minimum=0)
    ratio = _flux_ratio(table, band, flux_ratio)

    flux = float_values(table, "flux", unit=FLUX_UNIT)
    flux[~(flux > 0)] = np.nan
    radius = float_values(table, "galaxy_radius")
    member = ~is_missing(table, "galaxy_id") & (radius <= factor) & np.isfinite(flux)
    coords = SkyCoord(
        *(float_values(table, name, unit=u.deg) for name in ("ra", "dec")), unit="deg"
    )
    if region is not None:
        member[member] = inside(region, coords[member])
    if not member.any():
        raise InputValueError(f"table must have sources with a flux within {factor:g} x their host")
    limit = flux_limit
    if flux_limit is None:
        limit = flux[member].min()
    elif not isinstance(flux_limit, str):
        limit = quantity_value(flux_limit, FLUX_UNIT, "flux_limit")
    hosts = observed_hosts(table, galaxies, factor=factor, region=region, flux_limit=limit)
    if flux_limit is None:
        hosts.flux_limit = local_limits(coords, flux, hosts)
    member &= hosts.row >= 0
    nuclear = _is_nuclear(table, coords, hosts, member, radius, nuclear_radius, nuclear_sigma)

    def counts(values):
        return cumulative_counts(values * ratio * FLUX_UNIT, band, model).value

    limits = np.where(member, hosts.flux_limit[hosts.row], np.nan)
    # An estimated limit is where counts begin, not where sources end.
    level = np.maximum(flux, limits) if flux_limit is None else flux
    seen = member & (level >= limits)
    rows = np.flatnonzero(seen & ~nuclear)
    stack = Stack(hosts, level[rows], radius[rows], nuclear_radius, counts)
    area = hosts.area(nuclear_radius, factor)
    background, contaminant, error = (np.full(len(table), np.nan) for _ in range(3))
    expected, observed = stack.look_up(level[seen], radius[seen])
    observed = np.maximum(observed, 1)
    background[seen] = counts(level[seen]) * area[hosts.row[seen]]
    contaminant[seen] = np.minimum(expected / observed, 1)
    error[seen] = np.sqrt(expected) / observed

    log_lx, log_lx_error = _luminosity(table, flux, distance_error)
    log_lx[~member] = np.nan
    p_ulx, p_hlx = (
        _probability_above(log_lx, log_lx_error, limit)
        for limit in (ULX_LUMINOSITY, HLX_LUMINOSITY)
    )
    probability = sum(float_values(table, f"P_{name}") for name in classes)
    luminous = rows[p_ulx[rows] >= min_probability]
    is_ulx = np.zeros(len(table), bool)
    is_ulx[luminous] = probability[luminous] > contaminant[luminous]

    columns = {
        "xrb_probability": make_column("xrb_probability", probability),
        **_lx_columns(table, log_lx, log_lx_error),
        "p_ulx": masked_column("p_ulx", p_ulx),
        "p_hlx": masked_column("p_hlx", p_hlx),
        "is_nuclear": make_column("is_nuclear", nuclear),
        "n_background": masked_column("n_background", background),
        "f_contaminant": masked_column("f_contaminant", contaminant),
        "f_contaminant_error": masked_column("f_contaminant_error", error),
        "is_ulx": make_column("is_ulx", is_ulx),
        "is_hlx": make_column("is_hlx", is_ulx & (p_hlx >= min_probability)),
    }
    result = add_columns(table, columns, overwrite=overwrite)
    faintest = _faintest(table, hosts, member)
    behind = float(np.sum(area * counts(np.maximum(faintest, hosts.flux_limit))))
    ahead = _foreground(table, classes, luminous)
    total = behind
    if n_foreground is not None:
        total, ahead = behind + n_foreground, np.zeros(len(luminous))
    contaminants, scatter = _contaminants(
        probability[luminous], ahead, is_ulx[luminous], total, np.sqrt(behind)
    )
    if n_foreground is None:
        n_foreground = float(np.nansum(ahead))
    result.meta = record(
        table.meta,
        "ulx",
        classes=list(classes),
        model=model,
        band=band,
        flux_ratio=ratio,
        lx_band=_flux_band(table) or "that of flux",
        factor=factor,
        nuclear_radius=nuclear_radius,
        nuclear_sigma=nuclear_sigma,
        distance_error=distance_error,
        min_probability=min_probability,
        area_deg2=float(area.sum()),
        n_galaxies=len(hosts.area_deg2),
        n_luminous=len(luminous),
        n_background=behind,
        n_background_error=float(np.sqrt(behind)),
        n_foreground=n_foreground,
        n_ulx=int(is_ulx.sum()),
        n_hlx=int(np.sum(columns["is_hlx"])),
        n_contaminants=contaminants,
        n_contaminants_error=scatter,
        n_contaminants_low=max(contaminants - scatter, 0.0),
        n_contaminants_high=min(contaminants + scatter, float(is_ulx.sum())),
        n_contaminants_by_probability=float(np.sum(1 - probability[is_ulx])),
    )
    return result


def _foreground(table, classes, rows):
    """Return the probability of the classes without number counts, together."""
    known = classification_settings(table).get("classes", [])
    others = [name for name in known if name not in (*classes, *COUNTED_CLASSES)]
    columns = [f"P_{name}" for name in others if f"P_{name}" in table.colnames]
    return sum((float_values(table, column)[rows] for column in columns), np.zeros(len(rows)))


def _contaminants(xrb, ahead, chosen, expected, error):
    """
    Return the number of chosen sources that are not X-ray binaries, and its error.

    What is neither ``xrb`` nor ``ahead`` is raised to the expected number among all sources.
    """
    if not chosen.any():
        return 0.0, 0.0
    known = np.isfinite(xrb) & np.isfinite(ahead)
    chosen = chosen[known]
    xrb = np.clip(xrb[known], LEAST_DOUBT, 1 - LEAST_DOUBT)
    behind = np.clip(1 - xrb - ahead[known], LEAST_DOUBT, None)
    log_odds = np.log(behind) - np.log(1 - behind)

    def number(shift):
        return expit(log_odds + shift).sum()

    # More than the largest log odds, beyond which nothing changes.
    reach = -3 * logit(LEAST_DOUBT)
    if number(reach) <= expected:
        shift = reach
    elif number(0.0) >= expected:
        # Counts that lack some of the background are no reason to trust the classifier more.
        shift = 0.0
    else:
        shift = brentq(lambda value: number(value) - expected, 0.0, reach)
    # The others keep their proportions.
    share = xrb / (1 - behind)
    left = 1 - (1 - expit(log_odds + shift)) * share
    left = np.clip(left, 0, 1)[chosen]
    return float(left.sum()), float(np.sqrt(error**2 + np.sum(left * (1 - left))))


def _xrb_classes(table, classes):
    if classes is None:
        classes = [name for name in XRB_CLASSES if f"P_{name}" in table.colnames]
        if not classes:
            raise InputValueError(
                "classes must name the classes of X-ray binaries: table has none of "
                f"{', '.join('P_' + name for name in XRB_CLASSES)}"
            )
    return [classes] if isinstance(classes, str) else list(classes)


def _flux_band(table):
    """Return the band of the fluxes, or an empty string if it is not unique."""
    if "flux_band" not in table.colnames:
        return ""
    bands, missing = text_values(table, "flux_band")
    found = np.unique(bands[~missing])
    return str(found[0]) if len(found) == 1 else ""


def _flux_ratio(table, band, flux_ratio):
    if flux_ratio is not None:
        return check_number(flux_ratio, "flux_ratio", minimum=0, exclusive=True)
    own = _flux_band(table)
    if not own:
        raise InputValueError(
            "flux_ratio must be given (flux in the band of the counts over column 'flux') where "
            "table has no column 'flux_band' with one band"
        )
    from claxboi.properties import convert_flux

    return float(convert_flux(1.0 * FLUX_UNIT, own, band).to_value(FLUX_UNIT))


def _is_nuclear(table, coords, hosts, member, radius, nuclear_radius, nuclear_sigma):
    nuclear = member & (radius < nuclear_radius)
    if "pos_error" in table.colnames:
        error = float_values(table, "pos_error", unit=u.arcsec)
        rows = np.flatnonzero(member & np.isfinite(error))
        separation = coords[rows].separation(hosts.coords[hosts.row[rows]]).arcsec
        nuclear[rows] |= separation < nuclear_sigma * error[rows]
    return nuclear


def _luminosity(table, flux, distance_error):
    """Return log10 of the luminosity in its host, and the error."""
    if "log_lx_galaxy" in table.colnames and "log_lx_galaxy_error" in table.colnames:
        return float_values(table, "log_lx_galaxy"), float_values(table, "log_lx_galaxy_error")
    distance = float_values(table, "galaxy_distance", unit=u.Mpc)
    distance[~(distance > 0)] = np.nan
    log_lx = np.log10(4 * np.pi) + np.log10(flux) + 2 * np.log10(distance * u.Mpc.to(u.cm))
    relative = optional_values(table, "galaxy_distance_error", u.Mpc) / distance
    relative = np.where(np.isnan(relative), distance_error, relative)
    noise = np.nan_to_num(optional_values(table, "flux_error", FLUX_UNIT) / flux)
    return log_lx, np.hypot(noise, 2 * relative) / np.log(10)


def _lx_columns(table, log_lx, error):
    names = ("log_lx_galaxy", "log_lx_galaxy_error")
    if all(name in table.colnames for name in names):
        return {}
    return dict(zip(names, map(masked_column, names, (log_lx, error)), strict=True))


def _probability_above(log_lx, error, limit):
    with np.errstate(divide="ignore", invalid="ignore"):
        return norm.cdf((log_lx - np.log10(limit)) / np.where(error > 0, error, 0.0))


def _faintest(table, hosts, member):
    """Return the flux of a source of 1e39 erg/s in each galaxy, infinite without a distance."""
    distance = float_values(table, "galaxy_distance", unit=u.Mpc)
    rows = np.flatnonzero(member & (distance > 0))
    own = np.full(len(hosts.area_deg2), np.inf)
    own[hosts.row[rows]] = ULX_LUMINOSITY / (4 * np.pi * (distance[rows] * u.Mpc.to(u.cm)) ** 2)
    return own


@checked
def galaxy_priors(
    result: Table,
    priors: Mapping[str, float],
    *,
    background: str = "AGN_2",
    xrb: str = "ex_XRB",
    n_xrb: str | None = None,
    classes: Sequence[str] | None = None,
) -> ndarray:
    r"""
    Make priors for each source from the background expected in its host galaxy.

    The prior that ``priors`` gives to both classes together is shared among them by

    .. math::

        \pi_{AGN} = \frac{\lambda_b}{\lambda_b + \lambda_{XRB}} .

    Parameters
    ----------
    result : `~astropy.table.Table`
        Sources, as `find_ulx` returns them.
    priors : mapping of str to float
        Prior proportions by class.
    background, xrb : str, optional
        The two classes.
    n_xrb : str, optional
        Column with the expected number of X-ray binaries in the host at least as bright as the
        source, such as from its rate of star formation and its mass; the numbers are then
        cumulative, and :math:`\lambda_b` is ``n_background``. Default: the ratio is
        ``f_contaminant``, where the observed sources of the stack say how many there are.
    classes : sequence of str, optional
        Order of the classes. Default: that of ``priors``.

    Returns
    -------
    priors : `~numpy.ndarray` of shape (n_sources, n_classes)
        Priors that `~claxboi.classify` takes; sources without a host keep the given ones. The
        share of both classes stays between 0.01 and 0.99.

    Raises
    ------
    KeyError
        If a column is absent.
    ValueError
        If the priors do not have both classes, or the classes in ``classes``.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.applications import galaxy_priors
    >>> result = Table({"f_contaminant": [0.25, float("nan")]})
    >>> galaxy_priors(result, {"AGN": 0.5, "soft": 0.1, "XRB": 0.4}, background="AGN", xrb="XRB")
    array([[0.225, 0.1  , 0.675],
           [0.5  , 0.1  , 0.4  ]])
    """
    check_table(result, "result")
    if not isinstance(priors, Mapping):
        raise InputTypeError(f"priors must map classes to proportions, got {type(priors).__name__}")
    names = list(priors if classes is None else classes)
    if not {background, xrb} <= set(names) or set(names) != set(priors):
        raise InputValueError(
            f"priors must have the classes {background}, {xrb} and all of classes, got those of "
            f"{', '.join(map(str, priors))}"
        )
    check_columns(result, ["f_contaminant"] if n_xrb is None else ["n_background", n_xrb], "result")
    if n_xrb is None:
        share = float_values(result, "f_contaminant", name="result")
    else:
        behind = float_values(result, "n_background", name="result")
        inside_host = float_values(result, n_xrb, name="result")
        with np.errstate(invalid="ignore"):
            share = behind / (behind + inside_host)
    share = np.clip(share, PRIOR_MARGIN, 1 - PRIOR_MARGIN)
    known = np.isfinite(share)
    rows = np.tile([float(priors[name]) for name in names], (len(result), 1))
    first, second = names.index(background), names.index(xrb)
    both = rows[known, first] + rows[known, second]
    rows[known, first] = both * share[known]
    rows[known, second] = both * (1 - share[known])
    return rows
