# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Calibration of cutoffs in p_any, by associating positions without an X-ray source.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, Table
from scipy.spatial import cKDTree

from claxboi.utils import (
    ARCSEC,
    InputTypeError,
    InputValueError,
    check_columns,
    check_count,
    check_number,
    check_table,
    checked,
    float_values,
    quantity_value,
    shown,
    unit_vectors,
)

from .associate import associate, candidates_table, solve
from .association_input import read_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from astropy.units import Quantity
    from numpy.random import Generator

__all__ = ["CutoffCalibration", "calibrate_cutoffs", "shift_positions"]

PUBLISHED_FALSE_RATE = 0.15
"""False rate of the published CLAXBOI catalogues (Tranin et al. 2022)."""

# Draws of a place for a shifted source before giving up.
_MOST_DRAWS = 200
# Objects of a catalogue whose distance says whether a place is inside its footprint.
_FOOTPRINT_NEIGHBOURS = 5
# A few sources lie at the very edge themselves.
_FOOTPRINT_QUANTILE = 0.95


class CutoffCalibration(NamedTuple):
    """
    Result of `calibrate_cutoffs`.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import calibrate_cutoffs
    >>> rng = np.random.default_rng(1)
    >>> ra, dec = rng.random((2, 200))
    >>> xray = Table({"ra": ra, "dec": dec, "pos_error": np.full(200, 1.0)})
    >>> stars = Table({"ra": np.append(ra[:150], rng.random(5000)),
    ...                "dec": np.append(dec[:150], rng.random(5000)),
    ...                "pos_error": np.full(5150, 0.1)})
    >>> calibration = calibrate_cutoffs(
    ...     xray, stars, radius=8 * u.arcsec, area=1 * u.deg**2, false_rates=[0.05], rng=1
    ... )
    >>> calibration.cutoffs.colnames
    ['false_rate', 'cutoff', 'selected', 'purity', 'completeness']
    >>> bool(calibration.cutoffs["purity"][0] > 0.9), len(calibration.curve)
    (True, 101)
    """

    cutoffs: Table
    """
    One row for each false rate asked: ``false_rate``, ``cutoff``, ``selected``, ``purity``,
    ``completeness``.
    """

    curve: Table
    """
    One row for each cutoff from 0 to 1 in steps of 0.01: ``cutoff``; ``false_rate``, the fraction
    of shifted sources with a larger p_any; ``selected``, that of the X-ray sources; ``purity`` and
    ``completeness``, the fractions of the selected sources that have a counterpart, and of those
    with one that are selected.
    """

    candidates: Table
    """The candidates of the X-ray sources, as `associate` answers them."""

    shifted: Table
    """The shifted positions, row for row as ``xray``."""

    shifted_candidates: Table
    """The candidates of the shifted positions."""


@checked
def shift_positions(
    xray: Table,
    *,
    distance: tuple,
    avoid: Quantity | None = None,
    footprint: Callable[..., Any] | None = None,
    n_draws: int = _MOST_DRAWS,
    rng: int | Generator | None = None,
) -> Table:
    """
    Move each X-ray source to an empty place nearby.

    Parameters
    ----------
    xray : `~astropy.table.Table`
        The X-ray sources: ``ra``, ``dec`` (deg) and whatever else.
    distance : (`~astropy.units.Quantity`, `~astropy.units.Quantity`) ['angle']
        The nearest and the farthest place, along a great circle in any direction; uniform in area.
    avoid : `~astropy.units.Quantity` ['angle'], optional
        Smallest separation from every X-ray source; None takes the nearest distance.
    footprint : callable, optional
        Takes a `~astropy.coordinates.SkyCoord` and returns which positions are observed.
    n_draws : int, optional
        Largest number of places that are tried for a source.
    rng : int, `~numpy.random.Generator` or None, optional
        Random generator, or a seed.

    Returns
    -------
    table : same class as ``xray``
        A copy with other ``ra`` and ``dec``.

    Raises
    ------
    ValueError
        If a source finds no place.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import shift_positions
    >>> xray = Table({"ra": [0.0, 120.0], "dec": [89.999, -30.0]})
    >>> shifted = shift_positions(xray, distance=(20 * u.arcsec, 60 * u.arcsec), rng=1)
    >>> bool(abs(shifted["dec"][1] + 30) < 60 / 3600)
    True
    """
    check_table(xray, "xray", allow_empty=True)
    check_columns(xray, ["ra", "dec"], "xray")
    try:
        near, far = (quantity_value(d, u.rad, "distance") for d in distance)
    except (TypeError, ValueError) as err:
        if isinstance(err, u.UnitsError):
            raise
        raise InputTypeError(
            "distance must be two angles, the nearest and the farthest, such as "
            f"(20, 60) * u.arcsec; got {shown(distance)}"
        ) from err
    if footprint is not None and not callable(footprint):
        raise InputTypeError(f"footprint must be a function of a SkyCoord, got {shown(footprint)}")
    if not 0 < near <= far <= np.pi:
        raise InputValueError(
            f"distance must be (nearest, farthest) with 0 < nearest <= farthest, got {distance}"
        )
    clear = near if avoid is None else quantity_value(avoid, u.rad, "avoid")
    check_count(n_draws, "n_draws")
    rng = np.random.default_rng(rng)
    ra = float_values(xray, "ra", unit=u.deg, name="xray")
    dec = float_values(xray, "dec", unit=u.deg, name="xray")
    coords = SkyCoord(ra, dec, unit="deg")
    tree = cKDTree(unit_vectors(ra, dec))
    new_ra, new_dec = ra.copy(), dec.copy()
    todo = np.arange(len(ra))
    for _ in range(n_draws):
        angle = rng.uniform(0, 2 * np.pi, len(todo)) * u.rad
        # Uniform in area on the sphere: in the cosine of the distance.
        shift = np.arccos(rng.uniform(np.cos(far), np.cos(near), len(todo))) * u.rad
        place = coords[todo].directional_offset_by(angle, shift)
        chord = tree.query(unit_vectors(place.ra.deg, place.dec.deg))[0]
        good = chord > 2 * np.sin(clear / 2) * (1 - 1e-9)
        if footprint is not None:
            good &= np.asarray(footprint(place), bool)
        new_ra[todo[good]], new_dec[todo[good]] = place.ra.deg[good], place.dec.deg[good]
        todo = todo[~good]
        if len(todo) == 0:
            break
    else:
        raise InputValueError(
            f"{len(todo)} of {len(ra)} X-ray sources found no empty place inside the footprint, "
            f"the first is row {todo[0]}: the secondaries must cover the sky around the sources "
            "out to the farthest distance"
        )
    result = xray.copy()
    result["ra"] = Column(new_ra, unit=u.deg)
    result["dec"] = Column(new_dec, unit=u.deg)
    return result


@checked
def calibrate_cutoffs(
    xray: Any,
    secondaries: Any,
    *,
    false_rates: Sequence[float] = (PUBLISHED_FALSE_RATE,),
    distance: tuple | None = None,
    footprint: Callable[..., Any] | None = None,
    rng: int | Generator | None = None,
    **settings: Any,
) -> Any:
    """
    Find the cutoffs in p_any for given false rates, from positions without an X-ray source.

    The sources are associated; then they are shifted, and associated again with the same
    completeness, densities and priors, as they were estimated and learned from the true positions.

    Parameters
    ----------
    xray, secondaries
        As for `associate`. The secondaries must cover the sky around the sources.
    false_rates : sequence of float, optional
        Fractions of shifted sources that may be above the cutoff. Default: 15 %, as published.
    distance : (`~astropy.units.Quantity`, `~astropy.units.Quantity`) ['angle'], optional
        Nearest and farthest shift; None takes 2 and 6 times the largest search radius.
    footprint : callable, optional
        Takes a `~astropy.coordinates.SkyCoord` and returns which positions all secondaries cover.
        Default: a position is covered if the fifth nearest object of each catalogue is no farther
        than for 95 % of the X-ray sources.
    rng : int, `~numpy.random.Generator` or None, optional
        Random generator, or a seed.
    **settings
        The other arguments of `associate`.

    Returns
    -------
    calibration : CutoffCalibration
        A named tuple ``cutoffs, curve, candidates, shifted, shifted_candidates``.

    Raises
    ------
    ValueError
        If a false rate is not between 0 and 1, or a source finds no place.

    Notes
    -----
    A source without a counterpart in the catalogue is like a shifted one, so of n sources n (1 - c)
    f are false at the false rate f, with c the mean of p_any. Purity = 1 - (1 - c) f / s and
    completeness = (s - (1 - c) f) / c, with s the fraction selected. Both are kept within 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import calibrate_cutoffs
    >>> rng = np.random.default_rng(1)
    >>> stars = Table({"ra": rng.uniform(0, 1, 9000), "dec": rng.uniform(0, 1, 9000)})
    >>> stars["pos_error"] = 0.1
    >>> xray = stars[:200].copy()
    >>> xray["pos_error"] = 1.0
    >>> calibration = calibrate_cutoffs(
    ...     xray, stars, radius=6 * u.arcsec, area=1 * u.deg**2, false_rates=[0.05], rng=2
    ... )
    >>> calibration.curve.colnames
    ['cutoff', 'false_rate', 'selected', 'purity', 'completeness']
    """
    rates = [
        check_number(rate, "false_rates", minimum=0, maximum=1, exclusive=True)
        for rate in np.atleast_1d(false_rates).tolist()
    ]
    given = inspect.signature(associate).bind(xray, secondaries, **settings)
    given.apply_defaults()
    problem = read_arguments(**given.arguments)
    if distance is None:
        largest = float(problem.radius.max()) * u.arcsec
        distance = (2 * largest, 6 * largest)
    if footprint is None:
        footprint = _covered(problem)
    # Before the work: whether there are places at all.
    shifted = shift_positions(xray, distance=distance, footprint=footprint, rng=rng)
    solution = solve(problem)
    again = dataclasses.replace(
        read_arguments(**given.arguments | {"xray": shifted}),
        completeness=solution.completeness,
        field_association=solution.shared,
        priors=solution.priors,
    )
    shifted_solution = solve(again)
    p_true, p_false = solution.posterior.p_any, shifted_solution.posterior.p_any
    curve = cutoff_curve(p_true, p_false)
    return CutoffCalibration(
        _cutoffs(p_true, p_false, rates),
        curve,
        candidates_table(problem, solution),
        shifted,
        candidates_table(again, shifted_solution),
    )


def cutoff_curve(p_true, p_false, cutoffs=None):
    """
    Compute how many true and shifted sources are above each cutoff.

    Parameters
    ----------
    p_true, p_false : `~numpy.ndarray`
        The p_any of the X-ray sources and of shifted ones.
    cutoffs : array-like, optional
        Where; None takes 0 to 1 in steps of 0.01.

    Returns
    -------
    curve : `~astropy.table.Table`
        Columns ``cutoff, false_rate, selected, purity, completeness``.
    """
    cutoffs = np.linspace(0, 1, 101) if cutoffs is None else np.asarray(cutoffs, float)
    false_rate = _fraction_above(p_false, cutoffs)
    selected = _fraction_above(p_true, cutoffs)
    c = float(np.mean(p_true))
    false = np.minimum((1 - c) * false_rate, selected)
    # Purity is undefined where nothing is selected.
    share = np.divide(false, selected, out=np.full_like(false, np.nan), where=selected > 0)
    purity = 1 - share
    completeness = np.clip((selected - false) / c, 0, 1) if c > 0 else np.zeros_like(selected)
    curve = Table(
        {
            "cutoff": cutoffs,
            "false_rate": false_rate,
            "selected": selected,
            "purity": purity,
            "completeness": completeness,
        }
    )
    for name, text in (
        ("cutoff", "Smallest p_any, which itself is not selected"),
        ("false_rate", "Fraction of shifted sources above the cutoff"),
        ("selected", "Fraction of X-ray sources above the cutoff"),
        ("purity", "Fraction of the selected sources that have a counterpart"),
        ("completeness", "Fraction of the sources with a counterpart that are selected"),
    ):
        curve[name].description = text
    return curve


def _fraction_above(values, cutoffs):
    ordered = np.sort(values)
    return 1 - np.searchsorted(ordered, cutoffs, side="right") / len(ordered)


def _cutoffs(p_true, p_false, rates):
    """
    Find the smallest cutoff at which no more than each rate of the shifted sources is above.
    """
    ordered = np.sort(p_false)[::-1]
    cutoffs = []
    for rate in rates:
        allowed = int(np.floor(rate * len(ordered) + 1e-9))
        cutoffs.append(float(ordered[allowed]) if allowed < len(ordered) else 0.0)
    table = cutoff_curve(p_true, p_false, cutoffs)
    table.replace_column("false_rate", Column(rates, description="False rate that was asked"))
    return table["false_rate", "cutoff", "selected", "purity", "completeness"]


def _covered(problem):
    """
    Return a footprint function: True where catalogues are as dense as around the X-ray sources.
    """
    vectors = unit_vectors(problem.primaries.ra, problem.primaries.dec)
    trees = []
    for table in problem.secondaries:
        if len(table.ra) < _FOOTPRINT_NEIGHBOURS:
            continue
        tree = cKDTree(unit_vectors(table.ra, table.dec), balanced_tree=False, compact_nodes=False)
        distance = tree.query(vectors, k=[_FOOTPRINT_NEIGHBOURS])[0][:, 0]
        trees.append((tree, max(float(np.quantile(distance, _FOOTPRINT_QUANTILE)), 2 * ARCSEC)))

    def footprint(coords):
        places = unit_vectors(coords.ra.deg, coords.dec.deg)
        inside = np.ones(len(places), bool)
        for tree, largest in trees:
            inside &= tree.query(places, k=[_FOOTPRINT_NEIGHBOURS])[0][:, 0] <= largest
        return inside

    return footprint
