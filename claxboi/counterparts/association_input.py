# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Arguments of an association: check them and convert them to arrays without units.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from astropy import units as u
from astropy.table import Table

from claxboi.utils import (
    ClaxboiWarning,
    InputTypeError,
    InputValueError,
    by_name,
    check_choice,
    check_number,
    check_table,
    distinct_rows,
    quantity_value,
    shown,
    text_values,
    to_years,
    warn,
    year_values,
)

from .catalogue_positions import (
    Positions,
    check_catalogue_names,
    check_radius,
    read_covariances,
    read_motion,
    read_positions,
)
from .convention import Convention
from .magnitude_priors import MagnitudePrior, ProbabilityPrior
from .nway import NwayConvention

__all__ = []

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


@dataclasses.dataclass(frozen=True)
class Problem:
    """
    Input of an association as arrays without units.
    """

    names: list
    """Names of the catalogues; [None] for a single one without a name."""
    labels: list
    """Names of the catalogues in messages."""
    tables: list
    """The catalogues, for their priors, without rows that repeat another one exactly."""
    kept: list
    """Their rows in the catalogues as given."""
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
    """The formulas in which programs differ."""


def read_arguments(
    xray,
    secondaries,
    *,
    radius,
    completeness,
    area,
    density,
    priors,
    prior,
    epoch,
    field_association,
    convention,
):
    """
    Check the arguments of `associate` and convert them to arrays without units.

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
    given_priors = _read_priors(priors, names)
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
        completeness=_read_completeness(completeness, names, convention),
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
    taken = [*_OWN_COLUMNS, *(f"{c}_{name}".lower() for name in secondaries for c in _GEOMETRY)]
    check_catalogue_names(secondaries, taken, "secondaries")
    for name, table in secondaries.items():
        check_table(table, f"secondary {name!r}", allow_empty=True)
    return dict(secondaries)


def _distinct(table, name):
    """
    Find the distinct rows, as an object that is listed twice would halve its p_i.
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
    if isinstance(value, (list, tuple)):
        if len(value) != len(names):
            raise InputValueError(
                f"{argument} must have one value for each of {len(names)} catalogues, got "
                f"{len(value)}"
            )
        return list(value)
    return list(by_name(value, names, argument).values())


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


def _read_completeness(value, names, convention):
    """
    Return the completeness of each catalogue, None to estimate it.
    """
    if isinstance(value, str):
        check_choice(value, ("estimate",), "completeness")
        return convention.completeness(None, is_single=True)
    values = value.tolist() if isinstance(value, np.ndarray) else value
    is_single = not isinstance(values, (list, tuple)) and not hasattr(values, "keys")
    result = []
    for c in _per_catalogue(values, names, "completeness"):
        if c is None:
            raise InputValueError(
                "completeness must have a value for each catalogue, or be 'estimate'"
            )
        number = check_number(c, "completeness", minimum=0, maximum=1)
        if number == 0 or number >= convention.highest_completeness:
            raise InputValueError(
                f"completeness must be above 0 and below 1, got {number:g}: no data could change it"
            )
        result.append(number)
    return convention.completeness(result, is_single=is_single)


def _read_priors(priors, names):
    """
    Return the priors of each catalogue as a list of prior objects.
    """
    if priors is None:
        return {name: [] for name in names}
    if not hasattr(priors, "keys"):
        if len(names) > 1:
            raise InputValueError(
                f"priors must be a mapping of catalogue to priors where there are several "
                f"catalogues ({', '.join(names)}), got {priors!r}"
            )
        priors = {names[0]: priors}
    result = {}
    for name, one in by_name(priors, names, "priors", []).items():
        # A tuple is a pair of columns, a list is several priors.
        given = one if isinstance(one, list) else [one]
        what = "priors" if name is None else f"priors of {name}"
        for p in given:
            if not isinstance(p, MagnitudePrior | ProbabilityPrior | str | tuple):
                raise InputTypeError(
                    f"{what} must be names of columns, pairs of them or prior objects, "
                    f"got {shown(p)}"
                )
        result[name] = [
            p if isinstance(p, MagnitudePrior | ProbabilityPrior) else MagnitudePrior(p)
            for p in given
        ]
        labels = [p.name for p in result[name]]
        twice = [label for label in labels if labels.count(label) > 1]
        if twice:
            raise InputValueError(f"{what} must be different, got {twice[0]!r} twice")
    return result
