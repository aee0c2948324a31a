# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Classify sources through Galactic dust, which reddens what lies behind it.
"""

from __future__ import annotations

import csv
import functools
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn

from claxboi.properties import MAGNITUDES
from claxboi.utils import (
    InputValueError,
    Progress,
    add_columns,
    check_columns,
    check_mapping,
    check_names,
    check_number,
    check_table,
    check_text,
    checked,
    float_values,
    is_missing,
    read_unit,
    record,
    text_values,
)

from . import _output
from ._identity import identity_columns
from .fitting import fit_classifier
from .priors import check_priors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from astropy.table import Table

__all__ = ["classify_behind_dust"]

#: Classes behind all the dust of the Galaxy, unless others are named.
EXTRAGALACTIC = ("AGN", "AGN_2", "ex_XRB", "extended")

#: A_V / E(B-V) (Wang & Chen 2019), and N_H / A_V in 1/cm2/mag (Guver & Ozel 2009).
R_V = 3.16
NH_PER_AV = 2.21e21

#: Names of columns of A_V, and of N_H, which may be its logarithm or in units of 1e22.
OTHER_QUANTITIES = re.compile(r"(?P<av>a_?v)|(log_?)?n_?h(_?gal|_?i)?", re.IGNORECASE)

#: A reddening beyond this is a column density without its unit, not dust.
LARGEST_REDDENING = 100.0

#: Column of the numbers of rows, where a table has no identifiers.
ROW = "row_number_in_table"

#: Beyond an E(B-V) of half a magnitude, lines of sight are wider apart, by this factor.
RELATIVE_WIDTH = 0.2


@functools.cache
def _bands():
    """Return the extinction curve: a record for each band."""
    path = resources.files("claxboi.classification") / "data" / "extinction.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {row["band"]: row for row in rows}


@checked
def classify_behind_dust(
    table: Table,
    priors: Any = None,
    *,
    extinction: str,
    behind: Sequence[str] | None = None,
    training: Table | None = None,
    label: str = "class",
    id: str | None = None,
    properties: Any = None,
    weights: Any = None,
    recipe: Any = "default",
    missing: Any = None,
    coefficients: Mapping | None = None,
    width: float = 0.1,
    overwrite: bool = False,
    show_progress: bool = True,
) -> Table:
    r"""
    Classify sources with labelled AGN reddened to the line of sight of each source.

    AGN lie behind all the dust of the Galaxy and nearby stars in front of most of it. Where the
    labelled AGN were seen through little dust, an AGN near the Galactic plane has the colours of
    none of them. Here sources are classified in groups of like reddening, each by a model whose
    labelled AGN have the colours and flux ratios that they would have behind as much dust.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, as for `claxboi.classify`. Not changed.
    priors : mapping, sequence, "training", array or callable, optional
        As for `claxboi.classify`; "estimate" is not possible.
    extinction : str
        Column of ``table``, and of ``training``, with the reddening E(B-V) through the whole Galaxy
        (mag, or without a unit), or with the column density of hydrogen (a unit such as cm-2),
        which is divided by 2.21e21 cm-2 per mag of A_V. Not negative.
    behind : sequence of str, optional
        Classes behind the dust. Default: those of AGN, AGN_2, ex_XRB and extended that have labels.
    training : `~astropy.table.Table`, optional
        Another labelled table. Default: the labelled rows of ``table``.
    label, id, properties, weights, recipe, missing
        As for `claxboi.classify`.
    coefficients : mapping of str to float, optional
        By how much a column grows per mag of E(B-V), for columns of other bands. Default: flux
        ratios, colours (``color_<blue>_<red>``) and magnitudes of BP, RP, W1 and W2.
    width : float, optional
        Width of a group in E(B-V), mag; 0.2 E(B-V) where that is more.
    overwrite, show_progress
        As for `claxboi.classify`.

    Returns
    -------
    result : same class as the table
        The columns of `claxboi.classify`. ``meta["claxboi"]["extinction"]`` has the groups.

    Raises
    ------
    KeyError, TypeError, ValueError
        As for `claxboi.classify`; if the reddening of a source, or of a labelled source behind the
        dust, is missing or negative; if no labelled source is behind the dust, or no column depends
        on it.

    Notes
    -----
    A labelled source with the reddening :math:`E_j` is moved to that of the group, E: magnitudes
    grow by :math:`k (E - E_j)`, and :math:`\log_{10} F_X/F` by 0.4 times as much, with
    :math:`k = 3.16 A_\lambda / A_V` (Wang & Chen 2019, ApJ 877, 116, Table 3). Where the ratio
    then is beyond its limit (column ``<ratio>_limit``), the counterpart would not have been seen,
    and its magnitudes are left out. All else is as `claxboi.classify` does it, including held-out
    posteriors of labelled sources and the fit of the weights, once for each group. Hardness ratios
    and X-ray fluxes are not changed: gas absorbs X-rays below 2 keV, too.

    Column densities become E(B-V) by Guver & Ozel 2009, MNRAS 400, 2050, eq. 1.

    Examples
    --------
    >>> import numpy as np
    >>> from claxboi.classification import classify_behind_dust
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(2000, rng=1)
    >>> table["E_BV"] = np.where(np.abs(table["b"]) < 20, 0.5, 0.1)
    >>> properties = ["hr2", "pm", "log_fx_fr", "log_fx_fw1"]
    >>> result = classify_behind_dust(
    ...     table, "training", extinction="E_BV", properties=properties
    ... )
    >>> [float(group["reddening"]) for group in result.meta["claxboi"]["extinction"]["groups"]]
    [0.1, 0.5]
    """
    check_table(table)
    sample, name = (table, "table") if training is None else (training, "training")
    check_table(sample, name)
    check_priors(priors)
    check_text(extinction, "extinction")
    if isinstance(priors, str) and priors == "estimate":
        raise InputValueError(
            "priors='estimate' would differ from group to group: pass what model.estimate_priors "
            "finds for the whole table"
        )
    check_number(width, "width", minimum=0, exclusive=True)
    is_behind = _behind(sample, name, label, behind)
    reddening = _read_reddening(table, extinction, np.ones(len(table), bool), "table")
    own = _read_reddening(sample, extinction, is_behind, name)
    shifts = _shifts(sample.colnames, coefficients)
    groups = _groups(reddening, width)
    if callable(priors):
        priors = priors(table)
    known = table
    if training is None and id is None and not identity_columns(table.colnames):
        # Labelled rows are found again by their number.
        known, id = add_columns(table, {ROW: np.arange(len(table))}), ROW
        sample = known
    parts = []
    with Progress(len(groups), "lines of sight", show=show_progress) as progress:
        for through, rows in groups:
            part = known[rows]
            model, settled = fit_classifier(
                _redden(sample, is_behind, through - own, shifts),
                priors,
                table=None if training is None else table,
                label=label,
                id=id,
                properties=properties,
                weights=weights,
                recipe=recipe,
                missing=missing,
                overwrite=overwrite,
                show_progress=False,
            )
            # Each group has the properties of the largest one, which comes first.
            properties = model.properties
            if not parts and not {item.column for item in properties} & set(shifts):
                raise InputValueError(
                    f"extinction={extinction!r} changes none of the properties "
                    f"({', '.join(item.column for item in properties)}); pass coefficients= for "
                    "other columns"
                )
            each = settled if isinstance(settled, dict) else settled[rows]
            parts.append(model.classify(part, each, overwrite=overwrite, show_progress=False))
            progress.update(1)
    names = _output.column_names(model.classes_, model.categories)
    result = _joined(table, parts, [rows for _, rows in groups], names, overwrite)
    result.meta = record(
        parts[0].meta,
        "extinction",
        column=extinction,
        behind=sorted(set(text_values(sample, label)[0][is_behind].tolist())),
        per_mag={item.column: shifts[item.column] for item in properties if item.column in shifts},
        groups=sorted(
            ({"reddening": through, "n": len(rows)} for through, rows in groups),
            key=lambda group: group["reddening"],
        ),
    )
    return result


def _behind(sample, name, label, behind):
    """Return which labelled sources are behind the dust."""
    check_columns(sample, [label], name)
    labels, missing = text_values(sample, label, name=name)
    if behind is not None:
        check_names(behind, "behind")
    found = sorted(set(labels[~missing].tolist()))
    unknown = [one for one in behind or [] if one not in found]
    if unknown or not set(behind or EXTRAGALACTIC) & set(found):
        raise InputValueError(
            f"behind must name classes of labelled sources behind the dust, got {behind!r}; "
            f"labels: {', '.join(found) or 'none'}"
        )
    return np.isin(labels, list(behind or EXTRAGALACTIC)) & ~missing


def _read_reddening(table, column, needed, name):
    """Read E(B-V), which must be known where it is needed."""
    check_columns(table, [column], name)
    unit = read_unit(getattr(table[column], "unit", None))
    if unit is not None and unit.is_equivalent(u.cm**-2):
        values = float_values(table, column, unit=u.cm**-2, name=name) / (NH_PER_AV * R_V)
    else:
        other = OTHER_QUANTITIES.fullmatch(column)
        if other is not None and (other["av"] or unit is None):
            raise InputValueError(
                f"extinction: column {column!r} of {name} must be E(B-V), or a column density with "
                "its unit such as cm-2, and seems to be neither: convert it, or rename it"
            )
        values = float_values(table, column, unit=u.mag, name=name)
    missing = needed & np.isnan(values)
    if missing.any():
        raise InputValueError(
            f"extinction: column {column!r} of {name} must be known for each source, but is "
            f"missing for {np.count_nonzero(missing)} of {np.count_nonzero(needed)}"
        )
    wrong = values[(values < 0) | (values > LARGEST_REDDENING)]
    if len(wrong):
        raise InputValueError(
            f"extinction: column {column!r} of {name} must be a reddening from 0 to "
            f"{LARGEST_REDDENING:g} mag, or a column density with its unit; got {wrong[0]:g}"
        )
    return values


def _shifts(columns, coefficients):
    """Return by how much each column grows per mag of E(B-V)."""
    per_mag = {band: R_V * float(row["a_over_av"]) for band, row in _bands().items()}
    shifts = {}
    for column in columns:
        bands = _bands_of(column)
        if bands and set(bands) <= set(per_mag):
            shifts[column] = per_mag[bands[0]] - sum(per_mag[band] for band in bands[1:])
            if column.startswith("log_"):
                shifts[column] *= 0.4
    if coefficients is not None:
        check_mapping(coefficients, "coefficients", "columns to growth per mag of E(B-V)")
        for column, value in coefficients.items():
            if column not in columns:
                raise InputValueError(
                    f"coefficients must name columns of the labelled table, got {column!r}"
                )
            shifts[column] = check_number(value, f"coefficients[{column!r}]")
    return shifts


def _bands_of(column):
    """Return the bands of a flux ratio, magnitude or colour, the bluer first."""
    magnitude = {ratio: name for name, ratio in MAGNITUDES.items()}.get(column, column)
    found = re.fullmatch(r"([a-z0-9]+)_mag|color_([a-z0-9]+)_([a-z0-9]+)", magnitude)
    return [band for band in found.groups() if band] if found else []


def _surveys_of(column):
    """Return the surveys that measure the bands of a column."""
    return {_bands()[band]["survey"] for band in _bands_of(column) if band in _bands()}


def _groups(reddening, width):
    """Return E(B-V) and the rows of each group of like reddening, the largest first."""
    # Steps of the width up to where the relative width is larger, and of equal ratios from there.
    bend = width / RELATIVE_WIDTH
    scaled = np.where(
        reddening < bend,
        reddening / width,
        (1 + np.log(np.maximum(reddening, bend) / bend)) / RELATIVE_WIDTH,
    )
    number = np.round(scaled).astype(int)
    groups = [np.flatnonzero(number == k) for k in np.unique(number)]
    groups.sort(key=len, reverse=True)
    return [(float(np.median(reddening[rows])), rows) for rows in groups]


def _redden(sample, is_behind, more, shifts):
    """Return a sample whose sources behind the dust are seen through more of it."""
    rows = np.flatnonzero(is_behind)
    columns, hidden = {}, {}
    for column, per_mag in shifts.items():
        values = float_values(sample, column)
        shifted = values.copy()
        shifted[rows] += per_mag * more[rows]
        columns[column] = shifted
        if f"{column}_limit" in sample.colnames:
            limits = float_values(sample, f"{column}_limit")
            for survey in _surveys_of(column):
                fades = is_behind & (values <= limits) & (shifted > limits)
                hidden[survey] = hidden.get(survey, False) | fades
    result = sample.copy()
    for column, values in columns.items():
        for survey in _surveys_of(column) & set(hidden):
            values[hidden[survey]] = np.nan
        old = sample[column]
        result[column] = MaskedColumn(
            values, mask=np.isnan(values), unit=old.unit, description=old.info.description
        )
    return result


def _joined(table, parts, rows, names, overwrite):
    """Put the answers for groups of rows into a table of all."""
    columns = {}
    for name in names:
        first = parts[0][name]
        pieces = [np.ma.getdata(part[name]) for part in parts]
        values = np.zeros(len(table), np.result_type(*pieces))
        missing = np.zeros(len(table), bool)
        for part, here, piece in zip(parts, rows, pieces, strict=True):
            values[here] = piece
            missing[here] = is_missing(part, name)
        columns[name] = MaskedColumn(
            values, mask=missing, unit=first.unit, description=first.description
        )
        columns[name].meta.update(first.meta)
    return add_columns(table, columns, overwrite=overwrite)
