# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Plan how the columns of a table become those of the vocabulary.
"""

import re
from typing import NamedTuple

from astropy.coordinates import SkyCoord

from claxboi.utils import InputKeyError, InputTypeError, InputValueError, check_mapping

from ._position_columns import find_position, find_position_error
from ._recognition import (
    check_rivals,
    check_single,
    find_columns_by_meaning,
    fits,
    plain,
)
from .columns import describe, vocabulary
from .missions import RULES, ColumnRule, Mission, missions, parse_mission

#: Columns to look for in a table that no mission describes.
MEANINGS = ["source_id", "pos_error", "epoch", "flux", "gamma", "extent", "snr"]

#: Source of a column that the caller named.
GIVEN = "named by the user"

#: Source of a column that has the name already.
NAMED_SO = "name of the vocabulary"

_ELLIPSE = {"pos_error_major", "pos_error_minor", "pos_error_angle"}

#: Columns whose error is looked for, too.
_WITH_ERROR = re.compile(r"flux\d*|gamma|hr\d+")


class Step(NamedTuple):
    """
    Recipe for one column of the vocabulary.
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
    All columns to be made from a table.
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
        The catalogue; None or "auto": recognise it.
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
        If the table does not match the mission, a choice is ambiguous, or no position is found.
    """
    given = _given(table, columns)
    if mission is None or (isinstance(mission, str) and mission == "auto"):
        record, kind = _recognise(table)
    else:
        record = parse_mission(mission)
        kind = _kind(table, record) or _best_kind(table, record)
    steps = list(given)
    if record is not None:
        steps = [_with_rule(step, record, kind) for step in given]
        own = _by_mission(table, record, kind, {step.name for step in steps})
        if not {step.name for step in own} - {"source_id"} and not given:
            _refuse_mission(table, record, kind)
        steps += own
    words = ()
    if not {"ra", "dec"} & {step.name for step in steps}:
        found, words = _position(table, steps)
        steps += found
    steps += _by_vocabulary(table, {step.name for step in steps})
    steps += _by_meaning(table, steps, words, record)
    if missing := {"ra", "dec"} - {step.name for step in steps}:
        if record is not None and not given:
            _refuse_mission(table, record, kind)
        raise InputValueError(
            f"table has no position: found no column for {' and '.join(sorted(missing))}. Name "
            "them, columns={'ra': ..., 'dec': ...} (decimal degrees), or add a SkyCoord column. "
            f"Its columns are {_listed(table.colnames)}"
        )
    return Plan(steps, record, kind)


def _given(table, columns):
    steps = []
    if columns is not None:
        check_mapping(columns, "columns", "names of the vocabulary to columns of the table")
    for name, source in (columns or {}).items():
        if not _is_of_step_1(name) or "<" in name:
            raise InputValueError(
                f"columns must be named as in step 1 of claxboi.catalog.vocabulary(), got {name!r}"
            )
        if not isinstance(source, str):
            raise InputTypeError(f"columns[{name!r}] must be the name of a column, got {source!r}")
        if source not in table.colnames:
            raise InputKeyError(
                f"columns: table has no column {source!r} for {name!r}; its columns are "
                f"{_listed(table.colnames)}"
            )
        steps.append(Step(name, (source,), ColumnRule({}), GIVEN))
    return steps


def _with_rule(step, record, kind):
    """
    Use the rule of the mission for a column that the caller named and the mission uses too.

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
    # A signature that is a part of another says less.
    names = {record.name: set(record.signature[kind]) for record, kind in found}
    found = [
        (record, kind)
        for record, kind in found
        if not any(names[record.name] < other for other in names.values())
    ]
    if len(found) > 1:
        listed = ", ".join(record.name for record, _ in found)
        raise InputValueError(
            f"table has the columns of several missions, {listed}: choose one with mission=, or "
            "rename the columns of the others"
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


def _refuse_mission(table, record, kind):
    wanted = record.signature.get(kind) or [
        name for column in ("ra", "dec") for name in record.columns[column].names_in(kind)
    ]
    look = _Names(table)
    there = [name for name in wanted if look(name)]
    others = [other.name for other in missions().values() if _kind(table, other)]
    looks = f"; it looks like {' or '.join(others)}" if others else ""
    raise InputValueError(
        f"table does not match {record.name}: of the columns {', '.join(wanted)} it has "
        f"{', '.join(there) or 'none'}{looks}. Its columns are {_listed(table.colnames)}; name "
        "those of your own table with columns={'ra': ..., 'flux': ...}"
    )


class _Names:
    """
    Look up names of a catalogue in a table: exactly, else without case and punctuation.
    """

    def __init__(self, table):
        self._exact = set(table.colnames)
        self._plain = {}
        for name in table.colnames:
            self._plain.setdefault(plain(name), []).append(name)

    def __call__(self, name):
        # VOTables put an underscore before a name that starts with a digit.
        for own in (name, f"_{name}"):
            if own in self._exact:
                return own
        # ``e_CR0`` and ``E_CR0`` are two columns.
        if name[:2] in ("e_", "E_", "b_", "B_"):
            return None
        same = self._plain.get(plain(name), [])
        return same[0] if len(same) == 1 else None


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
    if not {step.name for step in steps} >= _ELLIPSE:
        # A part of an ellipse is useless.
        steps = [step for step in steps if step.name not in _ELLIPSE]
    return steps


def _by_vocabulary(table, have):
    # A name as it is in the vocabulary first, then one that differs in case.
    own = {name: name for name in table.colnames if _is_of_step_1(name)}
    for name in table.colnames:
        lower = name.lower()
        if _is_of_step_1(lower) and fits(table, name, lower):
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


def _position(table, steps):
    """
    Find the position, in a column of coordinates or in columns of numbers and text.
    """
    coords = [name for name in table.colnames if isinstance(table[name], SkyCoord)]
    found, words = find_position(table)
    if found and {"ra", "dec"} <= set(table.colnames) and not words:
        # The vocabulary's own.
        coords = []
    if len(coords) > 1 or (coords and found):
        rivals = {"ra", "dec"} & {name.lower() for name in table.colnames}
        raise InputValueError(
            f"the position is ambiguous: {', '.join(map(repr, coords))} "
            f"{'are SkyCoord columns' if len(coords) > 1 else 'is a SkyCoord column'}"
            f"{f', beside {found[0].sources[0]!r} and {found[1].sources[0]!r}' if found else ''}; "
            f"choose with columns={{'ra': {coords[0]!r}, 'dec': {coords[0]!r}}}"
            f"{', overwrite=True' if rivals else ''}"
        )
    if coords:
        return [Step(name, (coords[0],), ColumnRule({}), "SkyCoord") for name in ("ra", "dec")], ()
    taken = {source for step in steps for source in step.sources}
    if any(source in taken for one in found for source in one.sources):
        return [], ()
    made = [_step(one) for one in found]
    if found and not words and found[0].sources == ("ra",) and found[1].sources == ("dec",):
        made = [step._replace(how=NAMED_SO) for step in made]
    return made, words


def _step(found):
    return Step(found.name, found.sources, ColumnRule({}, found.rule), found.how)


def _by_meaning(table, steps, words, record):
    have = {step.name for step in steps}
    free = _free(table, steps)
    # In the table of a mission, only the identifier is looked for.
    wanted = ["source_id"] if record is not None else MEANINGS
    found = []
    if not have & {"pos_error", "pos_error_major"} and "pos_error" in wanted:
        found += [_step(one) for one in find_position_error(table, free, words)]
    free = _free(table, [*steps, *found])
    names = [name for name in wanted if name not in have and name != "pos_error"]
    found += [_step(one) for one in find_columns_by_meaning(table, free, names)]
    if record is not None:
        return found
    for step in steps:
        if step.how == NAMED_SO and step.name in ("flux", "pos_error"):
            check_rivals(table, free, step.name, step.sources[0])
    every = [*steps, *found]
    have = {step.name for step in every}
    for step in every:
        error = f"{step.name}_error"
        if _WITH_ERROR.fullmatch(step.name) and error not in have:
            found += _error_of(table, error, step.sources[0])
    return found


def _free(table, steps):
    taken = {source for step in steps for source in step.sources}
    own = {str(name) for name in vocabulary()["name"]}
    # ``err_ra`` and ``xmm_pos_error`` look like columns of the domains err and xmm.
    return [
        name
        for name in table.colnames
        if name not in taken
        and name not in own
        and not _is_of_step_1(name)
        and not isinstance(table[name], SkyCoord)
    ]


def _error_of(table, name, source):
    patterns = ("{}_error", "{}_err", "{}err", "{}error", "e_{}", "err_{}", "d{}", "e{}")
    wanted = {plain(pattern.format(source)) for pattern in patterns}
    found = [own for own in table.colnames if plain(own) in wanted and fits(table, own, name)]
    check_single(table, name, found)
    return [Step(name, (own,), ColumnRule({}), f"error of {source}") for own in found]


def _listed(names, most=30, width=40):
    names = [name if len(name) <= width else f"{name[:width]}..." for name in names]
    tail = f", ... ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(names[:most]) + tail
