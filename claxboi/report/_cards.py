# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Content of the cards: densities, contributions, probabilities by category, sentences, candidates.
"""

import numpy as np

from claxboi.catalog import describe
from claxboi.classification.contributions import find_contributions, recover_priors
from claxboi.diagnostics.density_curves import (
    FEW_VALUES,
    INVERSE_SCALES,
    axis_limits,
    count_values,
    highest_peak,
)
from claxboi.utils import InputValueError, check_columns, find_rows, float_values, text_values

from ._column_display import identifiers, pack_columns, unit_text

__all__ = ["match_candidates", "pack_candidates", "pack_densities", "pack_reasons", "pack_tracks"]

#: Points of each density, and bits of their mantissas: enough for a figure.
N_GRID = 241
DENSITY_BITS = 8

#: Bits of contributions (3 digits) and of the probabilities of categories.
NATS_BITS = 10
TRACK_BITS = 9

#: Maximum number of candidates per source.
MOST_CANDIDATES = 20

#: Columns of candidates that come first, if they exist.
FIRST = ("secondary", "separation", "p_i", "p_any", "p_single", "match_flag")


def pack_densities(model, blocks):
    """
    Write the densities of all properties into a block, each once, on a grid of its scale.

    Parameters
    ----------
    model : `~claxboi.classification.NaiveBayesClassifier`
        The fitted classifier.
    blocks : `Blocks`
        The blocks of the page, to which they are added.

    Returns
    -------
    densities : dict
        ``properties``: metadata of each property. The block has the shape (n_properties, n_classes,
        n_grid).
    """
    properties, grids = [], []
    for record in model.properties:
        values, codes = model.training_values(record.column)
        inside = np.isfinite(values)
        low, high = axis_limits(values[inside], None, record)
        grid = np.linspace(low, high, N_GRID)
        grids.append(model.density(record.column, INVERSE_SCALES[record.scale](grid)).T)
        counts = count_values(values[inside], codes[inside], len(model.classes_))
        atoms, masses = model.atoms(record.column)
        described = describe(record.column) or {}
        properties.append(
            {
                "column": record.column,
                "category": record.category,
                "scale": record.scale,
                "error": record.error,
                "unit": unit_text(described.get("unit")),
                "about": described.get("description", ""),
                "low": float(low),
                "high": float(high),
                "atoms": [float(atom) for atom in atoms],
                "masses": np.round(masses, 5).tolist(),
                "peak": highest_peak(grids[-1].max(axis=1), counts),
                "few": [count < FEW_VALUES for count in counts],
            }
        )
    where = blocks.add_floats(np.array(grids), DENSITY_BITS)
    return {"properties": properties, "n": N_GRID, **where}


def pack_reasons(model, result, rows, blocks):
    """
    Write the contributions and the sentences of the chosen sources into blocks.

    Parameters
    ----------
    model : `~claxboi.classification.NaiveBayesClassifier`
        The classifier that made the result.
    result : `~astropy.table.Table`
        The classified table.
    rows : `~numpy.ndarray` of int
        The chosen sources.
    blocks : `Blocks`
        The blocks of the page, to which they are added.

    Returns
    -------
    reasons : dict
        ``parts`` (kind, category, name), ``nats`` of shape (n_parts, n_classes, n_cards), and
        ``sentences``.
    """
    chosen = result[rows]
    reasons = find_contributions(model, chosen, recover_priors(chosen, model))
    _, names = identifiers(chosen)
    return {
        "parts": np.transpose([reasons.kinds, reasons.groups, reasons.names]).tolist(),
        "nats": blocks.add_floats(reasons.nats, NATS_BITS),
        "sentences": blocks.add_texts(
            f"{reasons.sentence(row, name)}{_over_candidates(chosen[row])}"
            for row, name in enumerate(names)
        ),
    }


def _over_candidates(source):
    """Add the answer over all candidates, where the table has it: the parts are of the best one."""
    name = source["prediction"]
    if "candidates" not in source.meta.get("claxboi", {}) or np.ma.is_masked(name):
        return ""
    probability = 100 * float(source[f"P_{name}"])
    return (
        " All of this is with its best counterpart. Over all candidates it is "
        f"{name} ({probability:.1f} %)."
    )


def pack_tracks(result, classes, categories, rows, blocks):
    """
    Write the probabilities from each category alone into a block, for the chosen sources.

    Parameters
    ----------
    result : `~astropy.table.Table`
        The classified table.
    classes, categories : list of str
        Their names.
    rows : `~numpy.ndarray` of int
        The chosen sources.
    blocks : `Blocks`
        The blocks of the page, to which they are added.

    Returns
    -------
    track : dict
        Of shape (n_categories, n_classes, n_cards).
    """
    chosen = result[[f"P_{c}_{t}" for t in categories for c in classes]][rows]
    values = [float_values(chosen, name) for name in chosen.colnames]
    return blocks.add_floats(np.array(values), TRACK_BITS)


def match_candidates(candidates, result):
    """
    Find the source of each candidate counterpart.

    Parameters
    ----------
    candidates : `~astropy.table.Table`
        The candidates: ``p_i``, and ``source_id`` or ``primary`` (the row of the result).
    result : `~astropy.table.Table`
        The classified table.

    Returns
    -------
    rows : `~numpy.ndarray` of int
        Row of the result, -1 where there is none.

    Raises
    ------
    KeyError
        If a column is absent.
    ValueError
        If ``primary`` is not a row of the result.
    """
    check_columns(candidates, ["p_i"], "candidates")
    column, names = identifiers(result)
    if column is not None and column in candidates.colnames:
        wanted, missing = text_values(candidates, column, name="candidates")
        return find_rows(wanted, missing, names, np.zeros(names.shape, bool))
    check_columns(candidates, ["primary"], "candidates")
    rows = float_values(candidates, "primary", name="candidates")
    if not np.all((rows >= 0) & (rows < len(result)) & (rows == np.round(rows))):
        raise InputValueError(
            f"candidates: primary must be rows of the result, from 0 to {len(result) - 1}, got "
            f"{np.nanmin(rows, initial=np.inf):g} to {np.nanmax(rows, initial=-np.inf):g}"
        )
    return rows.astype(int)


def pack_candidates(candidates, owners, rows, blocks):
    """
    Write the candidates of the chosen sources into blocks.

    Parameters
    ----------
    candidates : `~astropy.table.Table`
        The candidates.
    owners : `~numpy.ndarray` of int
        Row of the result of each.
    rows : `~numpy.ndarray` of int
        The chosen sources.
    blocks : `Blocks`
        The blocks of the page, to which they are added.

    Returns
    -------
    packed : dict
        ``card``: number of the card of each candidate, in order; ``columns``: as for the table. The
        most probable candidates of a source come first, 20 at most.
    """
    card = np.full(max(rows.max(initial=0), owners.max(initial=0)) + 1, -1)
    card[rows] = np.arange(len(rows))
    cards = np.where(owners >= 0, card[np.maximum(owners, 0)], -1)
    p_i = np.nan_to_num(float_values(candidates, "p_i"))
    order = np.lexsort((-p_i, cards))
    order = order[cards[order] >= 0]
    first = np.searchsorted(cards[order], cards[order])
    order = order[np.arange(len(order)) - first < MOST_CANDIDATES]
    chosen = candidates[order]
    names = [name for name in FIRST if name in chosen.colnames]
    names += [
        name
        for name in chosen.colnames
        if name not in (*FIRST, "primary", "source_id")
        and chosen[name].ndim == 1
        and chosen[name].dtype.kind in "biufSU"
    ]
    return {
        "card": blocks.add_integers(cards[order]),
        "columns": pack_columns(chosen, names, blocks),
    }
