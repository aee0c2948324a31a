# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Probabilistic association of X-ray sources with one to four catalogues.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from astropy.table import MaskedColumn, Table

from claxboi.catalog import describe, make_column
from claxboi.utils import ClaxboiWarning, InputValueError, record, shown, warn

from .association_input import read_arguments
from .catalogue_positions import find_neighbours
from .magnitude_priors import FIELD, SECURE, MagnitudePrior
from .match_probability import (
    Combinations,
    Posterior,
    combine,
    estimate_completeness,
    match_flags,
    posterior,
    prior_terms,
    secondary_rows,
)
from .source_density import local_density

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.time import Time
    from astropy.units import Quantity

__all__ = ["associate"]

# A source with a p_any above this claims its most probable counterpart.
CLAIM = 0.5


def associate(
    xray: Table,
    secondaries: Table | Mapping[str, Table],
    *,
    radius: Any,
    completeness: Any = "estimate",
    area: Quantity | None = None,
    density: Quantity | Literal["local"] | None = None,
    priors: Any = None,
    prior: Callable[[Table], Any] | None = None,
    epoch: Literal[False] | Time | Quantity | None = None,
    field_association: Literal["estimate"] | float = "estimate",
    convention: Literal["claxboi", "nway"] = "claxboi",
) -> Table:
    r"""
    Find the probable counterparts of X-ray sources in one to four catalogues at once.

    Parameters
    ----------
    xray : `~astropy.table.Table`
        The X-ray sources: ``ra``, ``dec`` (deg) and ``pos_error`` (arcsec, **1 sigma per axis**:
        see `~claxboi.counterparts.sigma_from_radius`) or the ellipse ``pos_error_major``,
        ``pos_error_minor``, ``pos_error_angle`` (East of North). Optional: ``epoch`` (yr), and
        ``source_id``, which must be unique.
    secondaries : `~astropy.table.Table` or mapping of str to `~astropy.table.Table`
        The catalogue, or up to four by name, with the same columns. ``pmra`` (cos(dec) included),
        ``pmdec``, their ``_error`` and ``epoch`` or ``ref_epoch`` are used if the X-ray
        sources have an epoch. Rows that repeat another one exactly count once, with a warning.
    radius : `~astropy.units.Quantity` ['angle'], scalar or of shape (n_sources,)
        Search radius. Members of one combination are no farther from one another than that.
    completeness : "estimate", float or one float per catalogue, optional
        The fraction of X-ray sources whose counterpart is in the catalogue, between 0 and 1.
        "estimate" finds it from these sources. Several: a sequence, or a mapping by name; a single
        number holds for each.
    area : `~astropy.units.Quantity` ['solid angle'], optional
        Sky area of the catalogue (or of each of them), for its mean density.
    density : `~astropy.units.Quantity` or "local", optional
        Objects per solid angle (in each of them), also one value for each X-ray source; or "local":
        from the 30 nearest objects beyond the search radius. Each catalogue needs either an area or
        a density.
    priors : prior, list or mapping of str to these, optional
        `MagnitudePrior`, `ProbabilityPrior`, or the name of a column of magnitudes or a pair of
        names; a mapping by catalogue name if there are several.
    prior : callable, optional
        Function of all combinations that returns a factor for each, at least 0: a Table with one
        row per combination goes in, with the columns of ``xray`` and those of the catalogue as
        ``secondary_<column>`` (for several, ``<name>_<column>``), masked where there is no object;
        an array of shape (n_rows,) without masked values comes out. Rows without counterpart have a
        factor too.
    epoch : None, False, `~astropy.time.Time` or `~astropy.units.Quantity` in years, optional
        When the X-ray sources were seen. None takes the column ``epoch`` if there is one; False
        leaves all secondaries where their catalogue has them.
    field_association : "estimate" or float, optional
        With several catalogues, the fraction of the field objects of the sparser one of two that
        are in the other one too. "estimate" finds it for each pair, from objects that are near no
        X-ray source.
    convention : {"claxboi", "nway"}, optional
        "nway" gives the numbers of NWAY 4.8; the notes say where they differ.

    Returns
    -------
    candidates : `~astropy.table.Table`
        One row for each combination, and for each source one row without counterpart, sorted by
        ``primary``, then by decreasing ``p_i``; the row without counterpart is the last of its
        source.

        - ``primary``: row of ``xray``.
        - ``secondary``: row of the catalogue, masked where absent; with a mapping, one column under
          the name of each catalogue.
        - ``separation``, ``offset_east``, ``offset_north`` (arcsec; with a mapping
          ``separation_<name>`` etc.).
        - ``log_bayes_factor``: natural logarithm; 0 without counterpart.
        - ``p_single``: probability against no counterpart alone; masked without counterpart.
        - ``p_any``: probability that the source has a counterpart here, the same in all of its
          rows.
        - ``p_i``: probability that it is this one, if it has one.
        - ``match_flag``: 1 the most probable, 2 more than half as probable as that, 0 others.
        - ``is_shared``: the most probable counterpart of this source (with ``p_any`` above 0.5) is
          that of another source too.
        - ``prior_<column>`` (with a mapping ``prior_<name>_<column>``): the factor of each prior;
          ``prior``: that of the function.

        ``meta["claxboi"]["counterparts"]`` holds the settings, and the estimated and learned
        quantities.

    Raises
    ------
    TypeError, ValueError, KeyError, `~astropy.units.UnitsError`
        If an argument is wrong, a column is absent, a position is missing or impossible, an error
        is not positive, or the radius gives more combinations than fit into memory.

    See Also
    --------
    best_matches : One row per X-ray source.
    calibrate_cutoffs : How large p_any must be.

    Notes
    -----
    A combination S of catalogues weighs (Budavari & Szalay 2008, ApJ 679, 301; Salvato et al. 2018,
    MNRAS 473, 4937)

    .. math:: V_S = B_S \prod_{i \in S} \frac{c_i}{\rho_i} f_i \prod_{i \notin S} (1 - c_i F_i)

    with the Bayes factor B of Gaussian errors of any shape, the completeness c, the density
    :math:`\rho` of the catalogue over the whole sky, the factor f of its priors, and the
    probability F that a counterpart lies within the radius. Then :math:`p_{any} = 1 - V_\emptyset /
    \sum V` and :math:`p_i = V / \sum_{S \neq \emptyset} V`. With two or more catalogues, objects
    that belong together but not to the X-ray source are summed over.

    ``convention="nway"`` leaves the factors (1 - c F) out, spreads one completeness over K - 1
    catalogues as :math:`c^{1/(K-1)}`, takes (n + 1) / area as the density, approximates ellipses,
    learns priors by NWAY's recipe and corrects for unrelated associations as its command does
    (``field_association=0`` leaves the correction out, as its library does).

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import associate
    >>> xray = Table({"ra": [10.0, 20.0], "dec": [30.0, 40.0], "pos_error": [1.0, 2.0]})
    >>> stars = Table({"ra": [10.0, 10.001], "dec": [30.0003, 30.0], "pos_error": [0.1, 0.1]})
    >>> candidates = associate(
    ...     xray, stars, radius=10 * u.arcsec, completeness=0.5, density=20000 / u.deg**2
    ... )
    >>> columns = ["primary", "secondary", "separation", "p_any", "p_i", "match_flag"]
    >>> candidates["separation"].info.format = candidates["p_i"].info.format = ".3f"
    >>> candidates["p_any"].info.format = ".3f"
    >>> print(candidates[columns])
    primary secondary separation p_any  p_i  match_flag
                        arcsec
    ------- --------- ---------- ----- ----- ----------
          0         0      1.080 0.983 0.986          1
          0         1      3.118 0.983 0.014          0
          0        --         -- 0.983 0.000          0
          1        --         -- 0.000 0.000          0

    A prior that prefers bright stars near bright X-ray sources:

    >>> xray["flux"] = [1e-12, 1e-14]
    >>> stars["g_mag"] = [18.0, 11.0]
    >>> def prior(rows):
    ...     is_bright = rows["secondary_g_mag"].filled(99) < 12
    ...     return np.where((rows["flux"] > 1e-13) & is_bright, 1000.0, 1.0)
    >>> candidates = associate(
    ...     xray,
    ...     stars,
    ...     radius=10 * u.arcsec,
    ...     completeness=0.5,
    ...     density=20000 / u.deg**2,
    ...     prior=prior,
    ... )
    >>> candidates["secondary"].tolist()
    [1, 0, None, None]
    """
    problem = read_arguments(
        xray,
        secondaries,
        radius=radius,
        completeness=completeness,
        area=area,
        density=density,
        priors=priors,
        prior=prior,
        epoch=epoch,
        field_association=field_association,
        convention=convention,
    )
    return candidates_table(problem, solve(problem))


def candidates_table(problem, solution):
    """
    Build the Table of candidates.

    Parameters
    ----------
    problem : Problem
        Input of the association.
    solution : Solution
        Its solution.

    Returns
    -------
    candidates : `~astropy.table.Table`
    """
    rows, order = solution.rows, solution.order
    empty = solution.is_empty[order]
    columns = [make_column("primary", rows.primary[order])]
    geometry = []
    for c, name in enumerate(problem.names):
        member = rows.members[c][order]
        near = solution.neighbours[c]
        absent = member < 0
        take = member[~absent]
        found = np.full(len(order), -1, np.int64)
        found[~absent] = problem.kept[c][near.secondary[take]]
        columns.append(_member_column(name, found, absent))
        for kind, values in (
            ("separation", near.separation),
            ("offset_east", near.east),
            ("offset_north", near.north),
        ):
            data = np.full(len(order), np.nan)
            data[~absent] = values[take]
            full = kind if name is None else f"{kind}_{name}"
            geometry.append(make_column(full, data, mask=absent))
    columns += geometry
    p = solution.posterior
    has_none = not problem.convention.has_p_single_without_counterpart
    columns += [
        make_column("log_bayes_factor", solution.log_b[order]),
        make_column("p_single", p.p_single[order], mask=empty & has_none),
        make_column("p_any", p.p_any[rows.primary[order]]),
        make_column("p_i", p.p_i[order]),
        make_column("match_flag", solution.flags[order]),
        make_column("is_shared", solution.is_shared[order]),
    ]
    for name, label, log_factor in solution.prior_columns:
        full = "_".join(part for part in ("prior", name, label) if part)
        columns.append(make_column(full, np.exp(log_factor[order])))
    table = Table(columns, copy=False)
    table.meta = record({}, "counterparts", **_settings(problem, solution))
    if solution.is_empty.all():
        warn(
            "no secondary lies within the radius of any X-ray source: no candidate was found",
            ClaxboiWarning,
        )
    return table


def _member_column(name, rows, absent):
    if name is None:
        return make_column("secondary", rows, mask=absent)
    description = describe("secondary")["description"].replace("candidate", f"{name} candidate")
    return MaskedColumn(rows, name=name, mask=absent, description=description)


def _settings(problem, solution):
    names = ["secondary" if name is None else name for name in problem.names]
    radius = problem.radius
    learned = {}
    for name, priors in zip(names, solution.priors, strict=True):
        for prior in priors:
            if isinstance(prior, MagnitudePrior) and not prior.needs_learning:
                table = prior.to_table()
                learned[f"{name}:{prior.name}"] = {
                    "columns": list(prior.columns),
                    "n_secure": prior.n_secure,
                    **{column: table[column].tolist() for column in table.colnames},
                }
    return {
        "convention": problem.convention.name,
        "catalogues": names,
        "rows": [len(table) for table in problem.tables],
        "radius_arcsec": [float(radius.min()), float(radius.max())],
        "completeness": dict(zip(names, solution.completeness, strict=True)),
        "completeness_is_estimated": problem.completeness is None,
        "density_deg2": {
            name: float(np.mean(d)) for name, d in zip(names, solution.densities, strict=True)
        },
        "density_is_local": [d is None for d in problem.densities],
        "field_association": {
            f"{names[a]}:{names[b]}": value for (a, b), value in solution.shared.items()
        },
        "moved_to_epoch": [p.motion is not None for p in problem.secondaries],
        "priors": learned,
    }


class Solution(NamedTuple):
    """
    Solved association; arrays of shape (n_rows,) in the order of ``rows``.
    """

    neighbours: list
    """The pairs of each catalogue."""
    rows: Combinations
    """The combinations."""
    is_empty: np.ndarray
    """Rows without counterpart."""
    log_b: np.ndarray
    """Natural-log Bayes factors."""
    posterior: Posterior
    """The probabilities."""
    flags: np.ndarray
    """Match flags."""
    is_shared: np.ndarray
    """Whether another source claims the same object."""
    prior_columns: list
    """Catalogue, label and natural-log factor of each prior."""
    order: np.ndarray
    """The order in which the rows are shown."""
    completeness: list
    """Used or estimated, one per catalogue."""
    densities: list
    """Used or measured, objects per square degree."""
    shared: dict
    """Field association used, by pair of catalogues."""
    priors: list
    """The priors of each catalogue, after learning."""


def solve(problem):
    """
    Solve an association.

    Parameters
    ----------
    problem : Problem
        Input of the association.

    Returns
    -------
    solution : Solution
    """
    n, convention = len(problem.primaries.ra), problem.convention
    for label, table in zip(problem.labels, problem.tables, strict=True):
        if len(table) == 0:
            warn(f"{label} is empty: it has no counterpart for any source", ClaxboiWarning)
    neighbours = [
        find_neighbours(problem.primaries, table, problem.radius) for table in problem.secondaries
    ]
    rows = combine(neighbours, n, problem.radius)
    starts = rows.starts(n)
    is_empty = rows.is_empty
    log_b = convention.log_bayes(rows, problem, neighbours)
    densities = _densities(problem, neighbours)
    shared = convention.field_association(problem, neighbours, densities)
    log_rest = log_b + convention.log_field(problem, rows, neighbours, densities, shared)
    weigh = _Weights(problem, rows, log_b=log_b, log_rest=log_rest)

    completeness = weigh.completeness(0.0)
    by_position = weigh.posterior(completeness, 0.0)
    priors = _learn(problem, rows, neighbours, by_position)
    prior_columns = _prior_columns(problem, priors, rows, neighbours)
    log_prior = sum((log_factor for _, _, log_factor in prior_columns), np.zeros(len(log_b)))
    result = by_position
    if prior_columns:
        completeness = weigh.completeness(log_prior)
        result = weigh.posterior(completeness, log_prior)
    flags = match_flags(result.p_i, starts)
    return Solution(
        neighbours=neighbours,
        rows=rows,
        is_empty=is_empty,
        log_b=log_b,
        posterior=result,
        flags=flags,
        is_shared=_is_shared(problem, rows, neighbours, flags, result.p_any),
        prior_columns=prior_columns,
        order=_order(rows, neighbours, is_empty, result.p_i),
        completeness=completeness,
        densities=densities,
        shared=shared,
        priors=priors,
    )


def _densities(problem, neighbours):
    result = []
    for label, density, table, near in zip(
        problem.labels, problem.densities, problem.secondaries, neighbours, strict=True
    ):
        if density is None and len(table.ra) == 0:
            measured = 0.0
        elif density is None:
            inside = np.bincount(near.primary, minlength=len(problem.radius))
            measured = local_density(problem.primaries, table, problem.radius, inside, label)
        else:
            measured = density
        result.append(measured)
    return result


class _Weights:
    """
    Weights of the combinations, as a function of completeness and priors.
    """

    def __init__(self, problem, rows, *, log_b, log_rest):
        self._problem, self._rows = problem, rows
        self._starts = rows.starts(len(problem.primaries.ra))
        self._is_empty, self._log_b, self._log_rest = rows.is_empty, log_b, log_rest
        self._fractions = problem.convention.fractions_inside(problem)
        self._log_weight = prior_terms(rows.present, self._fractions, rows.primary)

    def completeness(self, log_prior):
        """
        Return the completeness that was given, or estimate it with these priors.
        """
        if self._problem.completeness is not None:
            return self._problem.completeness
        rows = self._rows
        log_rest = self._log_rest + log_prior
        return estimate_completeness(
            log_rest, rows.present, self._fractions, self._starts, rows.primary
        )

    def posterior(self, completeness, log_prior):
        """
        Return the probabilities.
        """
        log_rest = self._log_rest + self._log_weight(completeness)
        log_v = log_rest + log_prior
        result = posterior(log_v, self._is_empty, self._starts)
        p_single = self._problem.convention.p_single(
            result.p_single, log_v, log_rest, self._log_b, self._is_empty
        )
        return result._replace(p_single=p_single)


def _learn(problem, rows, neighbours, by_position):
    """
    Learn each prior from the objects that are secure by position alone.
    """
    result = []
    for c, (label, table, priors) in enumerate(
        zip(problem.labels, problem.tables, problem.priors, strict=True)
    ):
        if not any(prior.needs_learning for prior in priors):
            result.append(priors)
            continue
        p = problem.convention.secure_probability(rows, neighbours, c, len(table), by_position)
        secure = np.flatnonzero(p > SECURE)
        result.append(
            [
                prior.learned(table, secure, p[secure], p <= FIELD, label)
                if prior.needs_learning
                else prior
                for prior in priors
            ]
        )
    return result


def _prior_columns(problem, priors, rows, neighbours):
    result = []
    for c, (name, table) in enumerate(zip(problem.names, problem.tables, strict=True)):
        near, member = neighbours[c], rows.members[c]
        objects, inverse = np.unique(near.secondary, return_inverse=True)
        for prior in priors[c]:
            of_object = prior.log_factor(table, objects, problem.labels[c])
            log_factor = np.zeros(len(member))
            here = member >= 0
            log_factor[here] = of_object[inverse][member[here]]
            result.append((name, prior.name, log_factor))
    if problem.prior is not None:
        result.append((None, "", _prior_of_rows(problem, rows, neighbours)))
    return result


def _prior_of_rows(problem, rows, neighbours):
    """
    Return the natural-log factor of each combination from the caller's function.
    """
    joined = problem.xray[rows.primary]
    for c, (name, table) in enumerate(zip(problem.names, problem.tables, strict=True)):
        if not len(table):
            continue
        row = secondary_rows(neighbours[c], rows.members[c])
        part = Table(table, masked=True, copy=False)[np.maximum(row, 0)]
        for column in part.colnames:
            part[column][row < 0] = np.ma.masked
            joined[f"{name or 'secondary'}_{column}"] = part[column]
    answer = problem.prior(joined)
    try:
        # A comparison with what an absent object lacks is masked, and not a factor.
        factor = np.ma.filled(np.ma.asanyarray(answer).astype(float), np.nan)
    except (TypeError, ValueError):
        factor = np.array(np.nan)
    if factor.shape != rows.primary.shape or not np.all((factor >= 0) & np.isfinite(factor)):
        raise InputValueError(
            f"prior must return one number for each of {len(rows.primary)} combinations, finite "
            f"and not negative or masked, got {shown(answer)}"
        )
    total = np.bincount(rows.primary, factor)
    if not np.all(total > 0):
        raise InputValueError(
            "prior must be positive for at least one combination of each source, got 0 for all "
            f"combinations of row {np.argmin(total > 0)} of xray"
        )
    return np.log(np.maximum(factor, np.finfo(float).tiny))


def _is_shared(problem, rows, neighbours, flags, p_any):
    """
    Find objects that are the most probable counterpart of two sources.
    """
    claims = np.flatnonzero((flags == 1) & (p_any[rows.primary] > CLAIM))
    result = np.zeros(len(flags), bool)
    for table, near, member in zip(problem.tables, neighbours, rows.members, strict=True):
        here = claims[member[claims] >= 0]
        claimed = near.secondary[member[here]]
        counts = np.bincount(claimed, minlength=len(table)) if len(claimed) else np.zeros(0, int)
        result[here] |= counts[claimed] > 1
    return result


def _order(rows, neighbours, is_empty, p_i):
    keys = [secondary_rows(near, m) for near, m in zip(neighbours, rows.members, strict=True)]
    return np.lexsort((*keys[::-1], -p_i, is_empty, rows.primary))
