# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Which columns of a table become which of the vocabulary.
"""

import functools
import re
import tomllib
from importlib import resources
from typing import NamedTuple

from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time

from claxboi.utils import read_unit

from .columns import describe
from .missions import RULES, ColumnRule, Mission, missions, parse_mission

#: Confidence levels in names such as ``Err90``.
_LEVEL = re.compile(r"(?<!\d)(63|68|90|95|99)$")
_LEVELS = {"63": 0.6321, "68": 0.6827, "90": 0.90, "95": 0.95, "99": 0.99}

#: How a column was found that the caller named.
GIVEN = "named by the user"

#: How a column was found that has the name already, whoever made it.
NAMED_SO = "name of the vocabulary"

#: What is found with an error beside it.
_WITH_ERROR = re.compile(r"flux\d*|gamma|hr\d+")


class Step(NamedTuple):
    """
    How one column comes to be.
    """

    name: str
    """Name in the vocabulary."""

    sources: tuple[str, ...]
    """Columns of the table that it is made of."""

    rule: ColumnRule
    """How it is made of them."""

    how: str
    """How they were found, in words."""


class Plan(NamedTuple):
    """
    How a table becomes one with the columns of the vocabulary.
    """

    steps: list[Step]
    mission: Mission | None
    kind: str | None
    """Kind of file of the mission."""


def make_plan(table, mission, columns):
    """
    Find the columns of a table.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    mission : str, path, `Mission` or None
        The catalogue that it is of; None or "auto": recognise it.
    columns : mapping of str to str
        Name in the vocabulary -> column of the table.

    Returns
    -------
    plan : Plan

    Raises
    ------
    KeyError
        If a column that is named is not there.
    ValueError
        If the table is not of the mission, a choice is ambiguous, or no position is found.
    """
    given = _given(table, columns)
    if mission is None or (isinstance(mission, str) and mission == "auto"):
        record, kind = _recognise(table)
    else:
        record = parse_mission(mission)
        kind = _kind(table, record) or _best_kind(table, record)
        if not _kind(table, record) and not given:
            _check_mission(table, record, kind)
    steps = list(given)
    if record is not None:
        steps = [_with_rule(step, record, kind) for step in given]
        steps += _by_mission(table, record, kind, {step.name for step in steps})
    steps += _by_vocabulary(table, {step.name for step in steps})
    steps += _by_coordinates(table, {step.name for step in steps})
    if record is None:
        steps += _by_meaning(table, steps)
    elif "source_id" not in {step.name for step in steps}:
        steps += _search(table, ["source_id"], steps)
    if missing := {"ra", "dec"} - {step.name for step in steps}:
        raise ValueError(
            f"table has no position: found no column for {' and '.join(sorted(missing))}. Name "
            "them, columns={'ra': ..., 'dec': ...} (decimal degrees), or add a SkyCoord column. "
            f"Its columns are {_listed(table.colnames)}"
        )
    return Plan(steps, record, kind)


def level_of(name):
    """
    Tell the confidence level that the name of a positional error says.

    Parameters
    ----------
    name : str
        Name of the column, such as ``Err90``.

    Returns
    -------
    level : float or None
    """
    match = _LEVEL.search(name)
    return _LEVELS[match[1]] if match else None


def _given(table, columns):
    steps = []
    for name, source in (columns or {}).items():
        if not _is_of_step_1(name) or "<" in name:
            raise ValueError(
                f"columns must be named as in step 1 of claxboi.catalog.vocabulary(), got {name!r}"
            )
        if not isinstance(source, str):
            raise TypeError(f"columns[{name!r}] must be the name of a column, got {source!r}")
        if source not in table.colnames:
            raise KeyError(
                f"table has no column {source!r} for {name!r}; its columns are "
                f"{_listed(table.colnames)}"
            )
        steps.append(Step(name, (source,), ColumnRule({}), GIVEN))
    return steps


def _with_rule(step, record, kind):
    """
    Make a column that the caller named, and the mission would take too, as the mission does.

    Else the probability to be variable would pass for that of being constant.
    """
    rule = record.columns.get(step.name)
    if rule is None or step.sources != rule.names_in(kind):
        return step
    return step._replace(rule=rule)


def _recognise(table):
    found = []
    for record in missions().values():
        kind = _kind(table, record)
        # Releases with the same columns cannot be told apart: the first stands for them.
        if kind is not None and record.signature not in [other.signature for other, _ in found]:
            found.append((record, kind))
    if len(found) > 1:
        names = ", ".join(record.name for record, _ in found)
        raise ValueError(
            f"table has the columns of several missions, {names}: say which by mission=, or "
            "mission=None after renaming those that are of another one"
        )
    return found[0] if found else (None, None)


def _kind(table, record):
    look = _Names(table)
    for kind, names in record.signature.items():
        if all(look(name) for name in names):
            return kind
    return None


def _best_kind(table, record):
    look = _Names(table)
    kinds = sorted({kind for rule in record.columns.values() for kind in rule.names})

    def n_found(kind):
        wanted = [rule.names_in(kind) for rule in record.columns.values()]
        return sum(all(look(name) for name in names) for names in wanted if names)

    # The file of the sources where nothing tells.
    return max(kinds, key=lambda kind: (n_found(kind), kind == "fits"))


def _check_mission(table, record, kind):
    # Without a signature (as in a file of the user's own) the position must be there.
    wanted = record.signature.get(kind) or [
        name for column in ("ra", "dec") for name in record.columns[column].names_in(kind)
    ]
    look = _Names(table)
    absent = [name for name in wanted if not look(name)]
    if not absent:
        return
    there = [name for name in wanted if look(name)]
    others = [other.name for other in missions().values() if _kind(table, other)]
    looks = f"; it looks like {' or '.join(others)}" if others else ""
    raise ValueError(
        f"table is not as {record.name} has it: of the columns {', '.join(wanted)} it has "
        f"{', '.join(there) or 'none'}{looks}. Its columns are {_listed(table.colnames)}; those of "
        "a table of your own are named by columns={'ra': ..., 'flux': ...}"
    )


class _Names:
    """
    Look up names of a catalogue in a table: exactly, else whatever their case.
    """

    def __init__(self, table):
        self._exact = set(table.colnames)
        self._lower = {}
        for name in table.colnames:
            self._lower.setdefault(name.lower(), []).append(name)

    def __call__(self, name):
        # VOTables put an underscore before a name that starts with a digit.
        for own in (name, f"_{name}"):
            if own in self._exact:
                return own
            # ``e_CR0`` and ``E_CR0`` are two columns.
            if own[:2] not in ("e_", "E_", "b_", "B_"):
                same = self._lower.get(own.lower(), [])
                if len(same) == 1:
                    return same[0]
        return None


def _by_mission(table, record, kind, have):
    look = _Names(table)
    steps = []
    for name, rule in record.columns.items():
        wanted = rule.names_in(kind)
        sources = tuple(own for own in map(look, wanted) if own is not None)
        any_number = RULES[rule.rule] is None
        complete = len(sources) == len(wanted) or (any_number and sources)
        if wanted and complete and name not in have:
            steps.append(Step(name, sources, rule, f"{record.name} ({kind})"))
    return steps


def _by_vocabulary(table, have):
    # A name as it is in the vocabulary first, then one that differs in case.
    own = {name: name for name in table.colnames if _is_of_step_1(name)}
    for name in table.colnames:
        lower = name.lower()
        if _is_of_step_1(lower) and _fits(table, name, lower):
            own.setdefault(lower, name)
    return [
        Step(name, (column,), ColumnRule({}), NAMED_SO)
        for name, column in own.items()
        if name not in have
    ]


def _is_of_step_1(name):
    record = describe(name)
    # ``fvar`` is made by the missions, and a property.
    return record is not None and (record["step"] == "1" or name == "fvar")


def _by_coordinates(table, have):
    if {"ra", "dec"} & have:
        return []
    found = [name for name in table.colnames if isinstance(table[name], SkyCoord)]
    if len(found) > 1:
        raise ValueError(
            f"the position is ambiguous: {', '.join(map(repr, found))} are SkyCoord columns; say "
            "which by columns={'ra': ..., 'dec': ...}, both the same column"
        )
    return [
        Step(name, (own,), ColumnRule({}), "SkyCoord") for own in found for name in ("ra", "dec")
    ]


@functools.cache
def _synonyms():
    path = resources.files("claxboi.catalog") / "data" / "synonyms.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _by_meaning(table, steps):
    have = {step.name for step in steps}
    if "pos_error_major" in have:
        have.add("pos_error")
    names = [name for name in _synonyms() if name not in have]
    found = _search(table, names, steps)
    every = [*steps, *found]
    have = {step.name for step in every}
    for step in every:
        error = f"{step.name}_error"
        if _WITH_ERROR.fullmatch(step.name) and error not in have:
            found += _error_of(table, error, step.sources[0])
    return found


def _error_of(table, name, source):
    patterns = ("{}_error", "{}_err", "{}err", "{}error", "e_{}", "err_{}", "d{}", "e{}")
    wanted = {_plain(pattern.format(source)) for pattern in patterns}
    found = [own for own in table.colnames if _plain(own) in wanted and _fits(table, own, name)]
    _check_single(table, name, found)
    return [Step(name, (own,), ColumnRule({}), f"error of {source}") for own in found]


def _search(table, names, steps):
    taken = {source for step in steps for source in step.sources}
    free = [
        name
        for name in table.colnames
        if name not in taken and describe(name) is None and not isinstance(table[name], SkyCoord)
    ]
    found = []
    for name in names:
        record = _synonyms()[name]
        fitting = [own for own in free if _fits(table, own, name)]
        how, candidates = _candidates(table, fitting, record, name)
        if candidates and not record.get("ordered"):
            _check_single(table, name, candidates)
        if candidates:
            found.append(Step(name, (candidates[0],), ColumnRule({}), how))
    return found


def _candidates(table, fitting, record, name):
    ucds = {own: (getattr(table[own], "meta", None) or {}).get("ucd", "") for own in fitting}
    by_name = [own for word in record["names"] for own in fitting if _plain(own) == word]
    for ucd in record["ucds"]:
        same = [own for own in fitting if ucds[own].lower() == ucd.lower()]
        if same:
            # Where the UCD says the same of several, the usual name decides.
            both = [own for own in by_name if own in same]
            return f"UCD {ucd}", both or same
    if by_name:
        return "name", by_name
    unit = describe(name)["unit"]
    if record.get("alone"):
        alone = [own for own in fitting if _own_unit(table[own]) is not None]
        return f"the only column in {unit}", alone
    return "", []


def _fits(table, own, name):
    """
    Say whether a column's type and unit are those of one of the vocabulary.
    """
    column, record = table[own], describe(name)
    if isinstance(column, Time):
        return name == "epoch"
    if not hasattr(column, "dtype") or column.ndim != 1:
        return False
    if record["dtype"] == "str":
        return column.dtype.kind in "iuSUO"
    if record["dtype"] == "bool":
        return column.dtype.kind in "biuSUO"
    if column.dtype.kind not in ("iufSUOM" if name == "epoch" else "iuf"):
        return False
    unit = _own_unit(column)
    # A unit that cannot be read does not speak against a name: reading the column will say so.
    return unit is None or unit.is_equivalent(u.Unit(record["unit"]))


def _own_unit(column):
    """Return the unit of a column, None where there is none that can be read."""
    try:
        return read_unit(getattr(column, "unit", None))
    except ValueError:
        return None


def _check_single(table, name, candidates):
    if len(candidates) > 1:
        units = ", ".join(f"{own!r} ({table[own].unit or 'no unit'})" for own in candidates)
        raise ValueError(
            f"the column for {name} is ambiguous, it may be {units}: say which by "
            f"columns={{{name!r}: {candidates[0]!r}}}"
        )


def _plain(name):
    return re.sub(r"[\s_.\-]", "", name).lower()


def _listed(names, most=30, width=40):
    names = [name if len(name) <= width else f"{name[:width]}..." for name in names]
    tail = f", ... ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(names[:most]) + tail
