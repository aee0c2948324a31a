# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Convert the columns of any catalogue to those of the column vocabulary.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.utils import (
    ClaxboiWarning,
    ImplausibleValueWarning,
    InputUnitError,
    InputValueError,
    check_number,
    check_table,
    checked,
    read_unit,
    record,
    warn,
    with_units,
    year_values,
)

from ._column_plan import GIVEN, NAMED_SO, make_plan
from ._position_columns import level_of
from ._recognition import ALONE
from ._values import (
    combine,
    read_angles,
    read_components,
    read_flags,
    read_names,
    read_numbers,
    unit_in_name,
)
from .checks import check_positions, clean, validate
from .columns import describe, make_column, vocabulary
from .designations import designations
from .missions import parse_mission

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from .missions import Mission

__all__ = ["ConfidenceLevelWarning", "find_columns", "standardize"]

log = logging.getLogger(__name__)

#: Units of columns from which another quantity is made.
_UNITS_OF_RULES = {"mjd": "d", "met": "s"}

#: So many sources of one field are not spread over half a day of right ascension.
_MANY = 20

_ERRORS = ("pos_error", "pos_error_major", "pos_error_minor")


class ConfidenceLevelWarning(ClaxboiWarning):
    """
    The confidence level of a positional error is not known.
    """


def find_columns(
    table: Table, mission: Any = None, *, columns: Any = None, units: Any = None
) -> Table:
    """
    Show which columns of a table `standardize` would take.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    mission, columns, units
        As for `standardize`.

    Returns
    -------
    found : `~astropy.table.Table`
        Columns ``name`` (in the vocabulary), ``column`` (of the table; several with commas) and
        ``how`` it was found.

    Raises
    ------
    KeyError, TypeError, ValueError
        As for `standardize`.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.catalog import find_columns
    >>> table = Table({"Name": ["a"], "RAJ2000": [10.0], "DEJ2000": [0.0], "Fx": [1e-14]})
    >>> print(find_columns(table))
       name    column how
    --------- ------- ----
    source_id    Name name
           ra RAJ2000 name
          dec DEJ2000 name
         flux      Fx name
    """
    check_table(table, allow_empty=True)
    plan = make_plan(_flat(with_units(table, units)), mission, columns)
    steps = sorted(plan.steps, key=lambda step: _rank(step.name))
    return Table(
        {
            "name": np.array([step.name for step in steps], str),
            "column": np.array([", ".join(step.sources) for step in steps], str),
            "how": np.array([step.how for step in steps], str),
        }
    )


@checked
def standardize(
    table: Table,
    mission: str | PathLike[str] | Mission | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, Any] | None = None,
    pos_error_level: float | Literal["sigma"] | None = None,
    overwrite: bool = False,
) -> Table:
    """
    Convert a catalogue of X-ray sources to the columns of the vocabulary.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The catalogue, as it was downloaded or your own; it is not changed. A column of
        `~astropy.coordinates.SkyCoord` gives the position.
    mission : str, path or `Mission`, optional
        The catalogue that it is: one of `missions`, or a small TOML file of your own, see
        `Mission.from_file`. Default (or "auto"): recognised by the columns; the columns of a table
        that is none of them are found by UCD, name and unit, see `find_columns`.
    columns : mapping of str to str, optional
        Name in the vocabulary -> column of the table, for columns that are not found correctly.
    units : mapping of str to unit-like, optional
        Column of the table -> its unit, where the table has none, a wrong one, or one that cannot
        be read: ``units={"RA": "rad"}``. By default a column without a unit is in the unit of the
        vocabulary. Times in days are Modified Julian or Julian Dates.
    pos_error_level : float or "sigma", optional
        Probability within the positional error, 0.9 for a 90 % radius; "sigma": it is 1 sigma per
        axis. Default: as the mission has it, or the column's name says (``Err90``); else 1 sigma,
        with a warning. A column called ``pos_error`` is 1 sigma per axis.
    overwrite : bool, optional
        Replace columns that have the name of a new column but are not its source.

    Returns
    -------
    table : same class as the input
        The columns of the vocabulary, in its units, then the table's own. A column of the table
        that is called as the one made of it (names are compared without case, as FITS does) is
        replaced. A table that was standardized before is only checked. What was taken from where is
        in ``meta["claxboi"]["catalog"]``, with the band of the flux, and the kind of the hardness
        ratios where they are in the mission's own columns or named by you (not if they are just
        called ``hr1``: then their bands are unknown).

    Raises
    ------
    KeyError
        If a column that is named is not there.
    TypeError
        If it is not a table, or a column does not hold numbers.
    ValueError
        If the table does not match the mission, or matches several; if there is no position or a
        column is ambiguous; if names collide; as for `validate`.
    `~astropy.units.UnitsError`
        If a unit does not convert, or that of the position or of a column that you name cannot be
        read. Any other column whose unit cannot be read is left out, with a warning.

    Warns
    -----
    ConfidenceLevelWarning
        If the confidence level of the positional error is not known.
    ~claxboi.utils.ImplausibleValueWarning
        If a flux, a positional error or an epoch is too large or small for its unit.
    BadValueWarning
        As for `validate`.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.catalog import standardize
    >>> table = Table({
    ...     "Name": ["a", "b"], "RAJ2000": [10.0, 20.0], "DEJ2000": [0.0, 1.0],
    ...     "r": [1.0, 2.0] * u.arcsec, "Fx": [1e-17, 2e-17] * u.W / u.m**2,
    ... })
    >>> result = standardize(table, columns={"pos_error": "r"}, pos_error_level="sigma")
    >>> print(result["source_id", "ra", "pos_error", "flux"])
    source_id  ra  pos_error      flux
              deg    arcsec  erg / (s cm2)
    --------- ---- --------- -------------
            a 10.0       1.0         1e-14
            b 20.0       2.0         2e-14
    """
    check_table(table, allow_empty=True)
    if pos_error_level not in (None, "sigma"):
        pos_error_level = check_number(
            pos_error_level, "pos_error_level", minimum=0, maximum=1, exclusive=True
        )
    table = _flat(with_units(table, units))
    if not columns and _is_done(table, mission):
        return validate(table)
    plan = make_plan(table, mission, columns)
    for step in plan.steps:
        log.info("%s: %s (%s)", step.name, ", ".join(step.sources), step.how)
        if step.how.startswith(ALONE) and not re.match(r"f|.*flux", step.sources[0].lower()):
            warn(
                f"{step.name} is taken from {step.sources[0]!r}, {step.how}; if it is not, name "
                f"the column with columns={{{step.name!r}: ...}}"
            )
    level, unknown = _level(plan, pos_error_level)
    made, sources = _make(table, plan, level)
    if unknown is not None:
        warn(
            f"the confidence level of the positional error {unknown!r} is not known: "
            "taken as 1 sigma per axis. If it is a 90 % radius, pass pos_error_level=0.9 to "
            "claxboi.catalog.standardize; if it is 1 sigma, pass pos_error_level='sigma'",
            ConfidenceLevelWarning,
        )
    result = _assemble(table, made, plan, overwrite)
    result.meta = record(table.meta, "catalog", **_facts(plan, sources, level))
    clean(result, sources)
    return result


def _flat(table):
    """
    Drop the second dimension, of length 1, that some FITS files give to their columns.
    """
    wide = [name for name in table.colnames if np.shape(table[name])[1:] == (1,)]
    if not wide:
        return table
    result = table.copy(copy_data=False)
    for name in wide:
        result[name] = table[name][:, 0]
    return result


def _is_done(table, mission):
    """
    Return whether a table was standardized before, for the same mission.
    """
    own = table.meta.get("claxboi", {}).get("catalog")
    if own is None or not {"source_id", "ra", "dec"} <= set(table.colnames):
        return False
    if mission is None or (isinstance(mission, str) and mission == "auto"):
        return True
    name = parse_mission(mission).name
    if own.get("mission") not in (None, name):
        raise InputValueError(
            f"mission must be {own['mission']}, for which table was standardized before; got {name}"
        )
    return own.get("mission") == name


def _level(plan, asked):
    """
    Find the confidence level of the positional error; return the column if it is unknown.
    """
    step = next((step for step in plan.steps if step.name in _ERRORS), None)
    if step is None:
        return None, None
    if asked is not None:
        return (None if asked == "sigma" else asked), None
    if step.sources[0] in _ERRORS or step.how == "errors on both axes":
        return None, None
    if plan.mission is not None:
        return plan.mission.pos_error_level, None
    level = level_of(step.sources[0])
    return level, (step.sources[0] if level is None else None)


def _make(table, plan, level):
    made, sources = {}, {}
    # The flux comes before the error that is made of it.
    for step in sorted(plan.steps, key=lambda step: _rank(step.name)):
        if (reason := _unreadable(table, step)) is not None:
            warn(f"{step.name} is left out: {reason}")
            continue
        try:
            column, used = _column(table, step, made, plan, level)
        except TypeError as err:
            # A flag that a release writes in another way does not stop the rest.
            if plan.mission is None or step.how == GIVEN or describe(step.name)["dtype"] != "bool":
                raise
            warn(f"{step.name} is left out: {err}")
            continue
        if used == (step.name,):
            # A column that had the name already keeps its own description.
            own = table[step.name].info
            column.info.description = own.description or column.info.description
            column.info.meta = (column.info.meta or {}) | (own.meta or {})
        made[step.name], sources[step.name] = column, ", ".join(used)
    if "source_id" not in made:
        ra, dec = (np.asarray(_filled(made[name]), float) for name in ("ra", "dec"))
        check_positions(ra, dec)
        made["source_id"] = make_column("source_id", designations(ra, dec))
    mission = plan.mission
    if mission is not None and mission.flux_band and "flux" in made and "flux_band" not in made:
        made["flux_band"] = make_column("flux_band", np.full(len(table), mission.flux_band))
    if mission is not None and "snr" not in made and {"flux", "flux_error"} <= set(made):
        # Arrays: the ratio of two columns would keep the unit of the first.
        flux, error = (np.asarray(_filled(made[name])) for name in ("flux", "flux_error"))
        snr = flux / np.where(error > 0, error, np.nan)
        made["snr"] = make_column("snr", snr, mask=_mask(np.isnan(snr)))
    return {name: made[name] for name in sorted(made, key=_rank)}, sources


def _unit_beside(table, step, plan):
    """
    Return the unit of the column whose error this is, which holds where the error has none.
    """
    base = step.name.removesuffix("_error")
    own = next((other.sources for other in plan.steps if other.name == base != step.name), ())
    if len(own) != 1 or base in _ERRORS:
        return None
    stated = getattr(table[own[0]], "unit", None)
    return stated or unit_in_name(own[0], describe(base)["unit"])


def _unreadable(table, step):
    """
    Explain why the unit of an optional column cannot be read; None if it can.

    Columns that the caller named, and the position, raise an error when they are read.
    """
    if step.how == GIVEN or step.name in ("ra", "dec") or describe(step.name)["dtype"] != "float64":
        return None
    for own in step.sources:
        unit = getattr(table[own], "unit", None)
        try:
            read_unit(unit)
        except ValueError:
            wanted = describe(step.name)["unit"]
            return (
                f"the unit {str(unit)!r} of column {own!r} cannot be read; correct it with "
                f"units={{{own!r}: {wanted!r}}}"
            )
    return None


def _check_error(column, own, assumed):
    """
    Check that an error is not that of a logarithm.
    """
    unit = getattr(column, "unit", None) or assumed
    if unit and isinstance(read_unit(unit), u.DexUnit):
        raise InputUnitError(
            f"column {own!r} must be the error of the value itself, got that of a logarithm, in "
            f"{unit}"
        )


def _column(table, step, made, plan, level):
    name, dtype = step.name, describe(step.name)["dtype"]
    rule, own = step.rule, step.sources
    if name in ("ra", "dec"):
        return make_column(name, _angles(table, name, own)), own
    if dtype == "str":
        values, missing, column = read_names(table, own)
        return make_column(name, values, mask=_mask(missing)), (column,)
    if dtype == "bool":
        flags = [read_flags(table, column, rule.at_least, rule.texts) for column in own]
        values = np.any([value & ~missing for value, missing in flags], axis=0)
        missing = np.all([missing for _, missing in flags], axis=0)
        return make_column(name, values, mask=_mask(missing)), own
    if name == "epoch" and rule.rule == "column":
        years = year_values(table, own[0])
        return make_column(name, years, mask=_mask(np.isnan(years))), own
    unit = _UNITS_OF_RULES.get(rule.rule, describe(name)["unit"])
    if rule.rule in ("ratio", "ratio_error", "relative"):
        # The ratio needs numbers in one unit, whichever it is.
        unit = getattr(table[own[0]], "unit", None)
    flux = _filled(made["flux"]) if rule.rule == "relative" and "flux" in made else np.nan
    assumed = rule.unit or _unit_beside(table, step, plan)
    if name.endswith("_error") and rule.rule == "column":
        _check_error(table[own[0]], own[0], assumed)
    numbers = [read_numbers(table, column, unit, assumed) for column in own]
    values = combine(rule.rule, numbers, flux)
    missing = np.isnan(values)
    if name in _ERRORS and level is not None:
        # A circular normal distribution has the fraction 1 - exp(-r^2 / 2 sigma^2) within r.
        values = values / np.sqrt(-2 * np.log1p(-level))
    if dtype == "int64":
        values = np.where(missing, 0, values).astype(np.int64)
    column = make_column(name, values, mask=_mask(missing))
    _say_bands(column, step, plan.mission)
    return column, own


def _angles(table, name, own):
    if isinstance(table[own[0]], SkyCoord):
        coords = table[own[0]].icrs
        return (coords.ra if name == "ra" else coords.dec).deg
    if len(own) > 1:
        return read_components(table, own, name == "ra")
    degrees = read_angles(table, own[0], name == "ra")
    if name == "ra" and table[own[0]].dtype.kind in "iuf" and not getattr(table[own[0]], "unit", 0):
        _check_hours(degrees, own[0])
    return degrees


def _check_hours(degrees, own):
    """
    Warn about right ascensions without a unit that are spread like hours over the sky.
    """
    low, high = np.nanmin(degrees, initial=np.inf), np.nanmax(degrees, initial=-np.inf)
    if len(degrees) >= _MANY and low >= 0 and high <= 24 and high - low > 12:
        warn(
            f"column {own!r} has no unit and is read as degrees, but its values, {low:.4g} to "
            f"{high:.4g}, may be hours: if so, units={{{own!r}: 'hourangle'}}",
            ImplausibleValueWarning,
        )


def _say_bands(column, step, mission):
    """
    Record the bands of a flux or a hardness ratio, and the kind of the ratio.
    """
    match = re.fullmatch(r"(flux|hr)(\d+)", column.name)
    if mission is None or match is None:
        return
    if match[1] == "hr" and not _is_hardness(step):
        return
    bands = mission.bands if match[1] == "flux" else mission.hardness_bands
    number = int(match[2])
    if number > len(bands):
        return
    band = bands[number - 1]
    if match[1] == "flux":
        column.description = f"X-ray flux in {band} keV, as observed"
        column.meta["band"] = band
        return
    column.description = f"Hardness ratio of {mission.hardness} in {band[0]} and {band[1]} keV"
    column.meta |= {"bands": list(band), "kind": mission.hardness, "mission": mission.name}


def _is_hardness(step):
    """
    Return whether a column is a hardness ratio of the mission, and does not only have its name.
    """
    return re.fullmatch(r"hr\d+", step.name) is not None and step.how != NAMED_SO


def _mask(missing):
    # A column is masked only where a value is missing.
    return missing if missing.any() else None


def _filled(column):
    return np.ma.filled(column, np.nan)


def _assemble(table, made, plan, overwrite):
    """
    Insert the new columns before those of the table.
    """
    origin = {step.name: step.sources for step in plan.steps}
    others = plan.mission.rename if plan.mission else {}
    clashes = []
    result = table.copy()
    lower = {name.lower(): name for name in made}
    for old in table.colnames:
        new = lower.get(old.lower())
        if new is None:
            continue
        if old in others and old not in origin.get(new, ()):
            result.rename_column(old, others[old])
            continue
        if old not in origin.get(new, ()) and not overwrite:
            clashes.append((old, new))
        result.remove_column(old)
    if clashes:
        listed = ", ".join(
            f"{old!r} ({new} would be made of {', '.join(origin.get(new, ())) or 'other columns'})"
            for old, new in clashes
        )
        raise InputValueError(
            f"columns of the table would collide with new ones: {listed}; names are compared "
            "without case, as FITS does. Rename them, or pass overwrite=True to replace them"
        )
    for index, (name, column) in enumerate(made.items()):
        result.add_column(column, name=name, index=index, copy=False)
    return result


def _facts(plan, sources, level):
    facts = {"columns": sources, "pos_error_level": "sigma" if level is None else level}
    mission = plan.mission
    if mission is None:
        return {"mission": None, **facts}
    facts["flux_band"] = mission.flux_band
    # Mappings and text: stacking tables would join lists.
    facts["bands"] = {f"flux{k}": band for k, band in enumerate(mission.bands, start=1)}
    if any(map(_is_hardness, plan.steps)):
        facts["hardness"] = mission.hardness
        pairs = enumerate(mission.hardness_bands, start=1)
        facts["hardness_bands"] = {f"hr{k}": f"{soft} and {hard}" for k, (soft, hard) in pairs}
    facts["citation"] = ", ".join(mission.citation)
    return {"mission": mission.name, "file": plan.kind, **facts}


_ORDER = {}


def _rank(name):
    """
    Order columns as the vocabulary has them, numbered ones by number.
    """
    if not _ORDER:
        _ORDER.update({str(own): k for k, own in enumerate(vocabulary()["name"])})
    template = re.sub(r"\d+", "<n>", name)
    number = re.search(r"\d+", name)
    # An error follows its value: ``hr1, hr1_error, hr2, hr2_error``.
    place = _ORDER.get(template, len(_ORDER))
    return (
        _ORDER.get(template.removesuffix("_error"), place),
        int(number[0]) if number else 0,
        place,
    )
