# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Test of positional errors against the separations of likely counterparts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from astropy import units as u
from astropy.table import Table
from scipy.optimize import brentq, minimize_scalar
from scipy.special import logit
from scipy.stats import chi2

from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    check_columns,
    check_count,
    check_number,
    check_table,
    checked,
    float_values,
    quantity_value,
    sky_offsets,
)

from .catalogue_positions import Covariances, chi_square, read_covariances

if TYPE_CHECKING:
    from astropy.units import Quantity

__all__ = ["ErrorAudit", "audit_errors"]

# The two tests together call right errors wrong in 0.45 % of the samples.
_LEVEL, _LEVEL_BINS = 0.003, 0.0015
_MIN_PAIRS = 30
_MIN_PAIRS_PER_BIN = 50
# Factors outside this range are not searched for.
_LARGEST_FACTOR = 10.0
_NEARLY_ONE = 1 - 1e-15


class ErrorAudit(NamedTuple):
    """
    Result of `audit_errors`; as text, one sentence.

    Examples
    --------
    >>> from claxboi.counterparts import ErrorAudit
    >>> print(ErrorAudit(1204, 1.32, 0.02, 1e-40, 0.4, None))
    Positional errors are too small: multiply by 1.32 +- 0.02 (1204 counterparts).
    """

    n_pairs: int
    """Number of pairs tested."""

    factor: float
    """Factor by which to multiply the X-ray errors; NaN with fewer than 30 pairs."""

    factor_error: float
    """Its 1 sigma error."""

    p_value: float
    """Probability of a factor as far from 1 as this, if the errors are right."""

    p_value_bins: float
    """Probability of factors as different from bin to bin, if they are all the same."""

    bins: Table
    """
    One row for each bin of the X-ray error: ``low``, ``high`` (arcsec), ``n_pairs``, ``factor``,
    ``factor_error``, ``p_value``.
    """

    @property
    def is_consistent(self):
        """Whether the separations agree with the errors, in all and in each bin alike."""
        return not (self.p_value < _LEVEL or self.p_value_bins < _LEVEL_BINS)

    def __str__(self):
        pairs = f"{self.n_pairs} counterparts"
        if np.isnan(self.factor):
            return f"Positional errors were not tested: {pairs}, {_MIN_PAIRS} are needed."
        factor = f"{self.factor:.2f} +- {self.factor_error:.2f}"
        if self.p_value < _LEVEL:
            size = "small" if self.factor > 1 else "large"
            text = f"Positional errors are too {size}: multiply by {factor} ({pairs})."
        elif self.p_value_bins < _LEVEL_BINS:
            text = f"Positional errors are right on average (factor {factor}, {pairs})."
        else:
            return f"Positional errors agree with the separations (factor {factor}, {pairs})."
        if self.p_value_bins < _LEVEL_BINS:
            parts = [
                f"{row['factor']:.2f} from {row['low']:.2g} to {row['high']:.2g} arcsec"
                for row in self.bins
            ]
            text += f" The factor depends on the error: {', '.join(parts)}."
        return text


@checked
def audit_errors(
    associations: Table,
    xray: Table | None = None,
    secondaries: Table | None = None,
    *,
    domain: str | None = None,
    min_probability: float = 0.5,
    n_bins: int = 4,
    radius: Quantity | None = None,
) -> ErrorAudit:
    r"""
    Test whether the separations of likely counterparts agree with the positional errors.

    Parameters
    ----------
    associations : `~astropy.table.Table`
        X-ray sources with their best counterparts, from `find_in_surveys` or `best_matches`: with
        ``pos_error`` (or the ellipse) and ``<domain>_separation, <domain>_p_any, <domain>_p_i,
        <domain>_ra, <domain>_dec, <domain>_pos_error``. Or the candidates from `associate` for one
        catalogue.
    xray, secondaries : `~astropy.table.Table`, optional
        The associated tables; needed with the candidates from `associate` only.
    domain : str, optional
        Domain of the counterparts; None takes the only one, or "opt" if there are several.
    min_probability : float, optional
        Pairs with ``p_any * p_i`` above this are tested. Chance alignments among them are
        accounted for, so it need not be high.
    n_bins : int, optional
        Bins of the X-ray error with equal counts; fewer where one had fewer than 50 pairs.
    radius : `~astropy.units.Quantity` ['angle'], optional
        Search radius; None takes the largest one that the table records, else none.

    Returns
    -------
    audit : `ErrorAudit`
        The factor by which X-ray errors are too small, its error, p-values, and the same by bins.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a table lacks its columns, or an argument is out of range.

    Notes
    -----
    In units of the combined error, the squared separation :math:`2 t` of a counterpart follows the
    Rayleigh law, :math:`e^{-t}`; with X-ray errors that are really s times as large
    :math:`e^{-t/v} / v` with :math:`v = s^2 (1 - w) + w`, where w is the share of the counterpart
    in the variance. Two things change that, and both are in the likelihood which is maximised:

    - A pair is tested only up to some separation. The odds of the pair fall as :math:`e^{-t}`, so
      odds o now are :math:`o_{min}` at :math:`T = t + \ln (o / o_{min})`: the law is truncated
      there (or at the search radius).
    - Some pairs are chance alignments, uniform in t, with the weight 1 against
      :math:`K = o\,e^{t}` for the counterpart.

    :math:`f(t) = [K e^{-t/v} / v + 1] / [K (1 - e^{-T/v}) + T]`. Likelihood ratios give the
    p-values: of s = 1 against the best s, and of one s against one for each bin. The errors are
    called wrong if the first is below 0.003 or the second below 0.0015, which happens in 0.45 % of
    the samples with right errors.
    Stars that moved, if the table has no epochs, and extended sources look like errors that are too
    small.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import associate, audit_errors
    >>> rng = np.random.default_rng(1)
    >>> stars = Table({"ra": rng.uniform(0, 1, 3000), "dec": rng.uniform(0, 1, 3000)})
    >>> stars["pos_error"] = 0.1
    >>> xray = stars[:500].copy()
    >>> for name in ("ra", "dec"):
    ...     xray[name] += rng.normal(0, 1.5, 500) / 3600
    >>> xray["pos_error"] = 1.0
    >>> candidates = associate(xray, stars, radius=10 * u.arcsec, area=1 * u.deg**2)
    >>> audit = audit_errors(candidates, xray, stars)
    >>> audit.is_consistent, bool(abs(audit.factor - 1.5) < 3 * audit.factor_error)
    (False, True)
    """
    check_table(associations, "associations", allow_empty=True)
    p0 = check_number(min_probability, "min_probability", minimum=0, maximum=1, exclusive=True)
    check_count(n_bins, "n_bins")
    if {"primary", "p_any"} <= set(associations.colnames):
        pairs = _from_candidates(associations, xray, secondaries)
    else:
        pairs = _from_best(associations, domain)
    if radius is None:
        radius_arcsec = _recorded_radius(associations)
    else:
        radius_arcsec = quantity_value(radius, u.arcsec, "radius")
        check_number(radius_arcsec, "radius", minimum=0, exclusive=True)
    return _audit(_selected(pairs, p0, radius_arcsec), n_bins)


class _Pairs(NamedTuple):
    # Arrays of shape (n_pairs,).
    p: np.ndarray
    separation: np.ndarray
    t: np.ndarray  # half the squared separation in units of the combined error
    share: np.ndarray  # of the counterpart in the variance
    sigma: np.ndarray  # X-ray error in arcsec


class _Selected(NamedTuple):
    # Arrays of shape (n_pairs,).
    t: np.ndarray
    t_max: np.ndarray
    log_k: np.ndarray
    share: np.ndarray
    sigma: np.ndarray

    def __getitem__(self, rows):
        return _Selected(*(value[rows] for value in tuple(self)))


def _from_candidates(candidates, xray, secondaries):
    for name, value in (("xray", xray), ("secondaries", secondaries)):
        if value is None:
            raise InputTypeError(
                f"{name} must be the table from which associate() found these candidates, got None"
            )
    if isinstance(secondaries, Mapping):
        if len(secondaries) != 1:
            raise InputValueError(
                f"secondaries must be one catalogue, got {len(secondaries)}; take the best "
                "counterparts from best_matches instead"
            )
        ((name, secondaries),) = secondaries.items()
    else:
        name = None
    end = "" if name is None or "secondary" in candidates.colnames else f"_{name}"
    member = f"{name}" if end else "secondary"
    geometry = [f"{kind}{end}" for kind in ("separation", "offset_east", "offset_north")]
    check_columns(candidates, ["primary", member, *geometry, "p_any", "p_i"], "associations")
    check_table(xray, "xray")
    check_table(secondaries, "secondaries", allow_empty=True)
    row = float_values(candidates, member)
    here = np.isfinite(row)
    i, j = np.asarray(candidates["primary"])[here], row[here].astype(np.int64)
    if len(i) and (i.max() >= len(xray) or j.max() >= len(secondaries)):
        raise InputValueError(
            "associations must come from xray and secondaries, got row numbers beyond their ends"
        )
    sep, east, north = (float_values(candidates, name)[here] for name in geometry)
    p = (float_values(candidates, "p_any") * float_values(candidates, "p_i"))[here]
    first = read_covariances(xray, "xray")[i]
    second = read_covariances(secondaries, "secondaries")[j] if len(j) else first
    return _pairs(p, sep, east, north, first, second)


def _from_best(table, domain):
    domains = [
        name.removesuffix("_p_any") for name in table.colnames if name.lower().endswith("_p_any")
    ]
    if not domains:
        raise InputKeyError(
            "associations has no columns of counterparts (<domain>_p_any): it must be from "
            "find_in_surveys(), best_matches() or associate()"
        )
    if domain is None:
        domain = "opt" if "opt" in domains else domains[0]
    names = [f"{domain}_{part}" for part in ("separation", "ra", "dec", "p_any", "p_i")]
    check_columns(table, ["ra", "dec", *names, f"{domain}_pos_error"], "associations")
    sep, ra2, dec2, p_any, p_i = (
        float_values(table, name, unit=unit)
        for name, unit in zip(names, ("arcsec", "deg", "deg", None, None), strict=True)
    )
    error = float_values(table, f"{domain}_pos_error", unit=u.arcsec)
    rows = np.flatnonzero(np.isfinite(sep) & (error > 0))
    ra, dec = (float_values(table, name, unit=u.deg)[rows] for name in ("ra", "dec"))
    east, north = sky_offsets(ra, dec, ra2[rows], dec2[rows])
    # A star that moved is not where its catalogue has it: the direction is kept, not the length.
    length = np.hypot(east, north)
    scale = np.divide(sep[rows], length, out=np.ones(len(rows)), where=length > 0)
    first = read_covariances(table[rows], "associations") if len(rows) else _circles(error[rows])
    second = _circles(error[rows])
    p = (p_any * p_i)[rows]
    return _pairs(p, sep[rows], east * scale, north * scale, first, second)


def _circles(sigma):
    return Covariances(sigma**2, None, sigma**2)


def _pairs(p, sep, east, north, first, second):
    t = chi_square(first, second, east, north) / 2
    variance, other = (cov.ee + cov.nn for cov in (first, second))
    return _Pairs(p, sep, t, other / (variance + other), np.sqrt(variance / 2))


def _recorded_radius(table):
    records = table.meta.get("claxboi", {})
    found = [one["radius_arcsec"] for one in records.values() if "radius_arcsec" in one]
    return max((float(np.max(value)) for value in found), default=np.inf)


def _selected(pairs, p0, radius_arcsec):
    p = np.minimum(pairs.p, _NEARLY_ONE)
    log_odds = logit(np.maximum(p, 1e-300))
    t_max = pairs.t + log_odds - logit(p0)
    apart = pairs.separation > 0
    edge = np.full(len(p), np.inf)
    edge[apart] = pairs.t[apart] * (radius_arcsec / pairs.separation[apart]) ** 2
    t_max = np.minimum(t_max, edge)
    rows = np.flatnonzero((p > p0) & (t_max > pairs.t))
    return _Selected(
        pairs.t[rows],
        t_max[rows],
        (log_odds + pairs.t)[rows],
        pairs.share[rows],
        pairs.sigma[rows],
    )


def _log_likelihood(log_s, pairs):
    v = np.exp(2 * log_s) * (1 - pairs.share) + pairs.share
    top = np.logaddexp(pairs.log_k - np.log(v) - pairs.t / v, 0.0)
    bottom = np.logaddexp(pairs.log_k + np.log(-np.expm1(-pairs.t_max / v)), np.log(pairs.t_max))
    return float(np.sum(top - bottom))


def _fit(pairs):
    """
    Find the most probable factor, its error, and the log-likelihood there.
    """
    edge = np.log(_LARGEST_FACTOR)
    best = minimize_scalar(
        lambda x: -_log_likelihood(x, pairs), bounds=(-edge, edge), method="bounded"
    )
    at, highest = float(best.x), -float(best.fun)

    def drop(x):
        return highest - 0.5 - _log_likelihood(x, pairs)

    ends = [
        brentq(drop, at, end) if drop(end) > 0 else end for end in (at - 2 * edge, at + 2 * edge)
    ]
    return np.exp(at), np.exp(at) * (ends[1] - ends[0]) / 2, highest


def _audit(pairs, n_bins):
    n = len(pairs.t)
    n_bins = max(1, min(n_bins, n // _MIN_PAIRS_PER_BIN))
    if n < _MIN_PAIRS:
        return ErrorAudit(n, np.nan, np.nan, np.nan, np.nan, _bins_table([]))
    factor, error, highest = _fit(pairs)
    p_value = float(chi2.sf(2 * (highest - _log_likelihood(0.0, pairs)), 1))
    edges = np.quantile(pairs.sigma, np.linspace(0, 1, n_bins + 1)[1:-1])
    # Equal errors stay together.
    bin_of = np.searchsorted(np.unique(edges), pairs.sigma, side="left")
    rows, total = [], 0.0
    for k in np.unique(bin_of):
        here = pairs[bin_of == k]
        own_factor, own_error, own_highest = _fit(here)
        total += own_highest
        own_p = float(chi2.sf(2 * (own_highest - _log_likelihood(0.0, here)), 1))
        ends = (here.sigma.min(), here.sigma.max())
        rows.append((*ends, len(here.t), own_factor, own_error, own_p))
    p_bins = float(chi2.sf(2 * (total - highest), len(rows) - 1)) if len(rows) > 1 else np.nan
    return ErrorAudit(n, factor, error, p_value, p_bins, _bins_table(rows))


def _bins_table(rows):
    names = ("low", "high", "n_pairs", "factor", "factor_error", "p_value")
    values = np.array(rows, float).reshape(-1, len(names)).T
    table = Table(dict(zip(names, values, strict=True)))
    table["n_pairs"] = table["n_pairs"].astype(int)
    for name in ("low", "high"):
        table[name].unit = u.arcsec
    table["factor"].description = "Factor by which to multiply the X-ray errors"
    return table
