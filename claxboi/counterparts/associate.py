# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Probabilistic association of X-ray sources with one to four catalogues.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn, Table

from claxboi.catalog import describe, make_column
from claxboi.utils import (
    ClaxboiWarning,
    InputTypeError,
    InputValueError,
    check_choice,
    check_number,
    check_table,
    distinct_rows,
    quantity_value,
    record,
    shown,
    text_values,
    to_years,
    warn,
    year_values,
)

from .association_solver import solve
from .catalogue_positions import (
    Positions,
    check_radius,
    read_covariances,
    read_motion,
    read_positions,
)
from .convention import Convention, read_completeness
from .magnitude_priors import MagnitudePrior, make_priors
from .nway import NwayConvention

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.time import Time
    from astropy.units import Quantity

__all__ = ["associate"]

MOST_CATALOGUES = 4
CONVENTIONS = {one.name: one for one in (Convention(), NwayConvention())}
_OWN_COLUMNS = (
    "primary",
    "log_bayes_factor",
    "p_single",
    "p_any",
    "p_i",
    "match_flag",
    "is_shared",
    "prior",
)
_GEOMETRY = ("separation", "offset_east", "offset_north")


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
        ``secondary_<column>`` (of several, ``<name>_<column>``), masked where there is no object;
        an array of shape (n_rows,) comes out. Rows without counterpart have a factor too.
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

        ``meta["claxboi"]["counterparts"]`` holds the settings, what was estimated and what was
        learned.

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
    problem = make_problem(
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
        What was asked.
    solution : Solution
        What was found.

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


@dataclasses.dataclass(frozen=True)
class Problem:
    """
    Input of an association as arrays without units, from ``make_problem``.
    """

    names: list
    """Names of the catalogues; [None] for a single one without a name."""
    labels: list
    """Names of the catalogues in messages."""
    tables: list
    """The catalogues, for their priors, without rows that repeat another one exactly."""
    kept: list
    """The rows of the catalogues that were given of which these are made."""
    primaries: Positions
    """The X-ray sources."""
    secondaries: list
    """Positions of each catalogue."""
    radius: np.ndarray
    """Search radius of each X-ray source in arcsec."""
    completeness: list | None
    """One number per catalogue; None to estimate them."""
    densities: list
    """Objects per square degree of each catalogue, float or array; None to measure them locally."""
    priors: list
    """The priors of each catalogue."""
    prior: Callable | None
    """Factor of each combination, a function of their table."""
    xray: Table
    """The X-ray sources, for that function."""
    field_association: float | dict | None
    """Fraction of field objects in both of two catalogues, also by pair; None to estimate it."""
    convention: Convention
    """The formulas on which programs differ."""


def make_problem(
    xray,
    secondaries,
    *,
    radius,
    completeness="estimate",
    area=None,
    density=None,
    priors=None,
    prior=None,
    epoch=None,
    field_association="estimate",
    convention="claxboi",
):
    """
    Check the arguments of `associate`, and convert them to arrays without units.

    Parameters
    ----------
    xray, secondaries, radius, completeness, area, density, priors, prior, epoch
        As for `associate`.
    field_association, convention
        As for `associate`.

    Returns
    -------
    problem : Problem
    """
    check_table(xray, "xray")
    _check_unique(xray)
    convention = CONVENTIONS[check_choice(convention, tuple(CONVENTIONS), "convention")]
    tables = _tables(secondaries)
    names = list(tables)
    labels = ["secondaries" if name is None else f"secondary {name!r}" for name in names]
    kept = {
        name: _distinct(table, label)
        for label, (name, table) in zip(labels, tables.items(), strict=True)
    }
    tables = {
        name: table if len(kept[name]) == len(table) else table[kept[name]]
        for name, table in tables.items()
    }
    radius_arcsec = quantity_value(radius, u.arcsec, "radius")
    check_radius(radius_arcsec, len(xray), "xray")
    if not np.all(radius_arcsec > 0):
        raise InputValueError("radius must be positive, got 0")
    if prior is not None and not callable(prior):
        raise InputTypeError(f"prior must be a function of a table, got {shown(prior)}")
    given_priors = make_priors(priors, names)
    for name, label in zip(names, labels, strict=True):
        for one in given_priors[name]:
            one.check(tables[name], label)
    primaries = _positions(xray, "xray")._replace(epoch=_epochs(xray, epoch))
    positions = []
    for label, table in zip(labels, tables.values(), strict=True):
        here = _positions(table, label)
        if primaries.epoch is not None:
            here = here._replace(motion=read_motion(table, label))
        positions.append(here)
    densities = _densities(area, density, tables, len(xray), convention)
    return Problem(
        names=names,
        labels=labels,
        tables=list(tables.values()),
        kept=list(kept.values()),
        primaries=primaries,
        secondaries=positions,
        radius=np.broadcast_to(np.asarray(radius_arcsec, float), len(xray)),
        completeness=read_completeness(completeness, names, convention, _per_catalogue),
        densities=densities,
        priors=[[convention.prior(p) for p in given_priors[name]] for name in names],
        prior=prior,
        xray=xray,
        field_association=_fraction(field_association, "field_association"),
        convention=convention,
    )


def _positions(table, name):
    return Positions(*read_positions(table, name), read_covariances(table, name))


def _tables(secondaries):
    if isinstance(secondaries, Table):
        return {None: check_table(secondaries, "secondaries", allow_empty=True)}
    if not hasattr(secondaries, "items"):
        raise InputTypeError(
            "secondaries must be an astropy Table or a mapping of names to Tables, got "
            f"{type(secondaries).__name__}"
        )
    if not 1 <= len(secondaries) <= MOST_CATALOGUES:
        raise InputValueError(
            f"secondaries must be 1 to {MOST_CATALOGUES} catalogues, got {len(secondaries)}"
        )
    for name in secondaries:
        if not isinstance(name, str) or not name:
            raise InputTypeError(f"names of secondaries must be strings, got {name!r}")
    taken = {*_OWN_COLUMNS, *(f"{c}_{name}".lower() for name in secondaries for c in _GEOMETRY)}
    for name, table in secondaries.items():
        if name.lower() in taken:
            raise InputValueError(
                f"secondaries must not be called {name!r}: the result has a column of that name "
                "(names are compared without case, as FITS does)"
            )
        taken.add(name.lower())
        check_table(table, f"secondary {name!r}", allow_empty=True)
    return dict(secondaries)


def _distinct(table, name):
    """
    Find the rows that do not repeat another one: an object listed twice would halve its p_i.
    """
    rows = distinct_rows(table)
    if len(rows) < len(table):
        warn(
            f"{name}: {len(table) - len(rows)} rows that repeat another one exactly were dropped",
            ClaxboiWarning,
        )
    return rows


def _check_unique(xray):
    if "source_id" not in xray.colnames:
        return
    ids, missing = text_values(xray, "source_id", name="xray")
    values, counts = np.unique(ids[~missing], return_counts=True)
    if np.any(counts > 1):
        raise InputValueError(
            f"source_id of xray must be unique, got '{values[np.argmax(counts)]}' "
            f"{counts.max()} times"
        )


def _epochs(xray, epoch):
    if epoch is False:
        return None
    if epoch is None:
        if "epoch" not in xray.colnames:
            return None
        return year_values(xray, "epoch", name="xray")
    years = to_years(epoch, "epoch")
    if np.ndim(years) and np.shape(years) != (len(xray),):
        raise InputValueError(
            f"epoch must be one value or one for each of the {len(xray)} rows of xray, got shape "
            f"{np.shape(years)}"
        )
    return np.broadcast_to(np.asarray(years, float), len(xray)).copy()


def _per_catalogue(value, names, argument):
    """
    Spread an argument over the catalogues: one value, a sequence, or a mapping by name.
    """
    if value is None:
        return [None] * len(names)
    if hasattr(value, "keys"):
        unknown = [name for name in value if name not in names]
        if unknown:
            raise InputValueError(f"{argument} names {unknown[0]!r}, which is none of {names}")
        return [value.get(name) for name in names]
    if isinstance(value, (list, tuple)):
        if len(value) != len(names):
            raise InputValueError(
                f"{argument} must have one value for each of {len(names)} catalogues, got "
                f"{len(value)}"
            )
        return list(value)
    return [value] * len(names)


def _fraction(value, argument):
    if isinstance(value, str):
        check_choice(value, ("estimate",), argument)
        return None
    value = check_number(value, argument, minimum=0, maximum=1)
    if value == 1:
        raise InputValueError(f"{argument} must be below 1, got 1")
    return value


def _densities(area, density, tables, n_primaries, convention):
    """
    Return for each catalogue objects per square degree, or None for a local density.
    """
    names = list(tables)
    areas = _split_quantity(area, names, "area")
    densities = _split_quantity(density, names, "density", n_primaries)
    result = []
    for name, one_area, one_density in zip(names, areas, densities, strict=True):
        whose = "" if name is None else f" of {name!r}"
        if (one_area is None) == (one_density is None):
            both = "both" if one_area is not None else "neither"
            raise InputValueError(
                f"the density{whose} must come from area= or from density= (a number per solid "
                f"angle, or 'local'), got {both}"
            )
        if one_area is not None:
            deg2 = quantity_value(one_area, u.deg**2, "area")
            deg2 = check_number(deg2, "area", minimum=0, exclusive=True)
            result.append(convention.density_deg2(len(tables[name]), deg2))
        elif isinstance(one_density, str):
            check_choice(one_density, ("local",), "density")
            result.append(None)
        else:
            value = quantity_value(one_density, u.deg**-2, "density")
            if not np.all(np.isfinite(value)) or not np.all(value > 0):
                raise InputValueError(f"density{whose} must be positive and finite, got {value}")
            if np.ndim(value) and np.shape(value) != (n_primaries,):
                raise InputValueError(
                    f"density{whose} must be one value or one for each of the {n_primaries} rows "
                    f"of xray, got shape {np.shape(value)}"
                )
            result.append(value)
    return result


def _split_quantity(value, names, argument, n_primaries=None):
    # A Quantity of several values has one for each catalogue, or for a single one each source.
    several = isinstance(value, u.Quantity) and value.ndim == 1
    if several and not (len(names) == 1 and value.shape == (n_primaries,)):
        value = list(value)
    return _per_catalogue(value, names, argument)
