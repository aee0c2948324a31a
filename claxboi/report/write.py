# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Write the report of a classified table as one HTML file.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from astropy.table import Table

from claxboi.classification import Evaluation, NaiveBayesClassifier, label_codes
from claxboi.classification.displays import confusion_html
from claxboi.classification.results import read_classified
from claxboi.diagnostics.counts import plot_class_counts
from claxboi.diagnostics.outlier_plane import plot_outliers
from claxboi.diagnostics.reliability import plot_reliability, plot_reliability_by
from claxboi.diagnostics.sky_map import plot_sky
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    Progress,
    check_columns,
    check_count,
    check_output,
    check_table,
    checked,
    float_values,
    is_missing,
    replacing,
    text_values,
)

from ._blocks import Blocks, to_json
from ._card_selection import choose_rows, choose_sources, requested_rows
from ._cards import match_candidates, pack_candidates, pack_densities, pack_reasons, pack_tracks
from ._column_display import check_shown, choose_columns, identifiers, pack_columns
from ._figures import draw
from ._summary import (
    citations_html,
    class_rows,
    provenance_html,
    scores_html,
    summary_html,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

__all__ = ["write_report"]

#: Parts of the program of the page, in the order of their dependencies.
SCRIPTS = ("codec", "format", "export", "samp", "query", "grid", "draw", "votes", "card", "main")

#: Required columns.
NEEDED = (
    *("prediction", "P_{class}", "P_{class}_{category}"),
    *("outlier", "outlier_pvalue", "alternative", "is_training"),
)

#: Columns that are visible at first, besides the prediction, the label and the probabilities. With
#: more classes than this, probabilities are not visible at first.
FIRST_COLUMNS = ("flux", "outlier_pvalue", "alternative")
MOST_CLASS_COLUMNS = 8

#: Parts of the work that take similar times: choice, table and cards, scores, three figures, file.
N_PARTS = 7

_FOLDER = files("claxboi.report") / "data"


@checked
def write_report(
    result: Table,
    path: str | PathLike[str],
    *,
    model: NaiveBayesClassifier | None = None,
    evaluation: Evaluation | None = None,
    truth: str | None = None,
    sources: Sequence[int | str] | Table | None = None,
    candidates: Table | None = None,
    columns: Sequence[str] = (),
    table_path: str | PathLike[str] | None = None,
    n_cards: int = 5000,
    n_sources: int = 200_000,
    overwrite: bool = False,
    title: str | None = None,
    show_progress: bool = True,
) -> None:
    """
    Write a report of a classified table: one HTML file, which a browser opens without network.

    It has the scores and figures of the classification, a table of sources that can be searched,
    sorted, saved and sent to TOPCAT, and a card for each source with its values over the densities.
    The full cards of the chosen sources also have the contributions in nats, the probabilities of
    each category and the explanation in words. A form in the cards collects votes on the class of a
    source and saves them as a CSV file.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Table as `claxboi.classify` returns it.
    path : str or path
        The file.
    model : `~claxboi.classification.NaiveBayesClassifier`, optional
        The classifier of the table. Default: that of an `~claxboi.XrayTable`. Without a model the
        page has no densities and no contributions.
    evaluation : `~claxboi.classification.Evaluation`, optional
        The scores of the classifier. Default: those of an `~claxboi.XrayTable`.
    truth : str, optional
        Column with the true classes, to score the sources that were not used in training in a
        second table.
    sources : sequence of (int or str), or `~astropy.table.Table`, optional
        The sources with a full card: rows, identifiers, or a table with identifiers. Default:
        likely members of rare classes, outliers, and sources between two classes.
    candidates : `~astropy.table.Table`, optional
        Candidate counterparts, as `~claxboi.counterparts.associate` returns them, with ``p_i`` and
        ``source_id`` or ``primary`` (the row of ``result``).
    columns : sequence of str, optional
        Columns to show beyond the column vocabulary, the properties and the label.
    table_path : str or path, optional
        FITS file or VOTable of the result. The page can select the rows of a filtered list in it in
        TOPCAT, through the web profile of SAMP.
    n_cards : int, optional
        Maximum number of full cards (default 5000); 0 for none.
    n_sources : int, optional
        Maximum number of sources that the page lists (default 200,000). Of a larger table it lists
        the sources with a card and an equal number of others of each class: all of a small class,
        every n-th source of a large one. Figures and numbers are those of all sources.
    overwrite : bool, optional
        Replace an existing file.
    title : str, optional
        Title of the page.
    show_progress : bool, optional
        Show the progress of work that takes more than two seconds.

    Raises
    ------
    TypeError, ValueError, KeyError, IndexError
        If an argument is invalid.
    OSError
        If the file exists or cannot be written; no partial file is left.

    Notes
    -----
    The page makes no network requests; its security policy forbids them. It connects to the SAMP
    hub of the same computer when a list is sent to TOPCAT, and has links to SIMBAD, ESASky and
    other services. The report of a simulated sky (with a record ``simulation`` in
    ``meta["claxboi"]``) says so and has no such links. Numbers are kept to 5 significant digits,
    positions to 4 mas.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.report import write_report
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(2000, rng=1)
    >>> result, model = classify(table, "training", return_model=True)
    >>> write_report(result, "report.html", model=model, n_cards=50)
    """
    classes, _ = read_classified(result, NEEDED)
    path = check_output(path, overwrite=overwrite)
    n_cards = check_count(n_cards, "n_cards", minimum=0)
    n_sources = check_count(n_sources, "n_sources")
    location = _table_location(table_path, path)
    check_shown(result, columns)
    model = getattr(result, "model", None) if model is None else model
    evaluation = getattr(result, "evaluation", None) if evaluation is None else evaluation
    _check_type(model, NaiveBayesClassifier, "model")
    _check_type(evaluation, Evaluation, "evaluation")
    _check_type(title, str, "title")
    if model is not None and list(model.classes_) != classes:
        raise InputValueError(
            f"model must be the one that classified the result, with classes {', '.join(classes)}; "
            f"it has {', '.join(model.classes_)}"
        )
    owners = (
        None
        if candidates is None
        else match_candidates(check_table(candidates, "candidates"), result)
    )
    rows = None if sources is None else requested_rows(result, sources)[:n_cards]
    reasons = []
    true_scores = None if truth is None else _score_truth(result, truth, classes)

    record = result.meta["claxboi"]["classification"]
    blocks = Blocks()
    with Progress(N_PARTS, "writing the report", show=show_progress) as progress:
        if rows is None:
            rows, reasons = choose_rows(result, classes, n_cards)
        progress.update()
        rows, reasons = rows[:n_sources], reasons[:n_sources]
        kept = choose_sources(result, classes, rows, n_sources)
        listed = result
        if kept is not None:
            listed, rows = result[kept], np.searchsorted(kept, rows)
        data = _data(listed, record, rows, model, columns, blocks)
        data |= {"total": len(result), "table": location}
        if kept is not None:
            data["rows"] = blocks.add_integers(kept)
        if reasons:
            data["cards"]["reasons"] = blocks.add_texts(reasons)
        if candidates is not None and len(rows):
            if kept is not None:
                place = np.full(len(result), -1)
                place[kept] = np.arange(len(kept))
                owners = np.where(owners >= 0, place[np.maximum(owners, 0)], -1)
            data["candidates"] = pack_candidates(candidates, owners, rows, blocks)
        title = title or f"{len(result):,} X-ray sources classified"
        counts = class_rows(result, classes, record, evaluation)
        listed_counts = _count_predictions(listed, classes)
        data["classes"] = [
            {"name": name, "count": count}
            for name, count in zip(classes, listed_counts, strict=True)
        ]
        if "class_sets" in result.meta["claxboi"]:
            data["coverage"] = result.meta["claxboi"]["class_sets"]["coverage"]
        data["id"] = blocks.digest()
        data["title"] = title
        early = _early(data)
        progress.update()
        scores = _scores(evaluation, true_scores, result)
        progress.update()
        page = _page(
            title=escape(title),
            subtitle=_subtitle(record),
            banner=_banner(result),
            listed=_listed(len(listed), len(result), len(rows)),
            summary=summary_html(result, record, counts, evaluation, len(rows)),
            scores=scores,
            figures=_figures(result, len(classes), progress),
            provenance=provenance_html(result.meta["claxboi"]) + _citations(result),
            header=to_json(data),
            early=blocks.to_html(early),
            late=blocks.to_html(set(range(len(blocks))) - early),
        )
        with replacing(path, overwrite=overwrite) as temporary:
            temporary.write_text(page, encoding="utf-8")
        progress.update()


def _check_type(value, kind, name):
    if value is not None and not isinstance(value, kind):
        raise InputTypeError(
            f"{name} must be None or of class {kind.__name__}, got {type(value).__name__}"
        )


def _is_simulated(result):
    return "simulation" in result.meta["claxboi"]


def _banner(result):
    if not _is_simulated(result):
        return ""
    return (
        '<p class="banner" role="note"><strong>Simulated sources.</strong> This sky was simulated '
        "by claxboi: no source in this report is real.</p>"
    )


def _listed(n_listed, n_total, n_cards):
    if n_listed == n_total:
        return ""
    return (
        f'<p class="note">This page lists {n_listed:,} of {n_total:,} sources: the {n_cards:,} '
        "with a full card, and an equal number of others of each predicted class (all sources of a "
        "small class, evenly spaced ones of a large class). The summary, scores and figures are "
        "those of all sources.</p>"
    )


def _table_location(table_path, path):
    """Return address and format of the table as seen from the page."""
    if table_path is None:
        return None
    table_path = Path(table_path)
    kinds = {".fits": "fits", ".fit": "fits", ".vot": "vot", ".xml": "vot", ".votable": "vot"}
    kind = kinds.get(table_path.suffix.lower())
    if kind is None:
        raise InputValueError(
            f"table_path must be a FITS file or a VOTable ({', '.join(kinds)}), got {table_path}"
        )
    relative = os.path.relpath(table_path.absolute(), path.absolute().parent)
    return {"url": quote(Path(relative).as_posix()), "format": kind}


def _count_predictions(table, classes):
    prediction, _ = text_values(table, "prediction")
    return [int(np.count_nonzero(prediction == name)) for name in classes]


def _score_truth(result, truth, classes):
    """Score the sources that were not used in training, where their class is known."""
    check_columns(result, [truth], "result")
    labels, missing = text_values(result, truth, name="result")
    known = ~missing & np.isin(labels, classes) & ~(float_values(result, "is_training") > 0)
    if not known.any():
        raise InputValueError(
            f"truth: column {truth!r} has none of the classes {', '.join(classes)} for sources "
            "that were not used in training"
        )
    priors = result.meta["claxboi"]["classification"].get("priors")
    return Evaluation.from_probabilities(
        labels[known],
        np.column_stack([float_values(result, f"P_{name}")[known] for name in classes]),
        classes,
        priors=priors if isinstance(priors, dict) else None,
        method="not used in training, scored against the truth",
    )


def _data(result, record, rows, model, columns, blocks):
    """Pack the data of the page."""
    classes, categories = list(record["classes"]), list(record["categories"])
    column, names = identifiers(result)
    shown = choose_columns(result, record, columns)
    data = {
        "n": len(result),
        "identifier": {"name": column or "row", **blocks.add_texts(names)},
        "categories": categories,
        "columns": pack_columns(result, shown, blocks),
        "visible": _visible(shown, record),
        "cards": {"rows": blocks.add_integers(rows)} if len(rows) else None,
        # No service has data at simulated positions.
        "links": _links() if {"ra", "dec"} <= set(shown) and not _is_simulated(result) else [],
    }
    if len(rows):
        data["cards"]["track"] = pack_tracks(result, classes, categories, rows, blocks)
    if model is not None:
        data["densities"] = pack_densities(model, blocks)
        if len(rows):
            data["cards"] |= pack_reasons(model, result, rows, blocks)
    return data


def _visible(shown, record):
    """List the columns that are visible at first."""
    wanted = ["prediction", *FIRST_COLUMNS, record.get("label", "class")]
    if len(record["classes"]) <= MOST_CLASS_COLUMNS:
        wanted += [f"P_{name}" for name in record["classes"]]
    return [name for name in dict.fromkeys(wanted) if name in shown]


def _early(data):
    """List the blocks that the table needs at first."""
    needed = {"prediction", *data["visible"], *(f"P_{item['name']}" for item in data["classes"])}
    early = {column["block"] for column in data["columns"] if column["name"] in needed}
    early.add(data["identifier"]["block"])
    if data["cards"]:
        early.add(data["cards"]["rows"]["block"])
    return early


def _links():
    table = Table.read(
        (_FOLDER / "links.csv").read_text(encoding="utf-8"), format="ascii.csv", comment="#"
    )
    return [{name: str(row[name]) for name in table.colnames} for row in table]


def _subtitle(record):
    made = str(record.get("date", ""))[:10]
    version = str(record.get("version", ""))
    parts = [f"classified {made}" if made else "", f"claxboi {version}" if version else ""]
    parts.append(f"report of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    return escape(" · ".join(filter(None, parts)))


def _scores(evaluation, truth, result):
    sheets = [sheet for sheet in (evaluation, truth) if sheet is not None]
    if not sheets:
        return '<p class="note">No scores: the report was written without an evaluation.</p>'
    comparison = ""
    if len(sheets) == 2:
        comparison = (
            '<p class="note">Labels come from catalogues of known objects, which are mostly '
            "brighter than the other sources. Scores on labelled sources are therefore better than "
            "on the fainter sources that the model classifies.</p>"
        )
    matrices = "".join(f'<div class="scroll">{confusion_html(sheet)}</div>' for sheet in sheets)
    reliability = "".join(
        _figure(
            draw(
                lambda ax, sheet=sheet: plot_reliability(sheet, corrected=sheet.has_priors, ax=ax),
                *(4.8, 4.3),
                f"Reliability, {sheet.method}",
            ),
            f"How often the most probable class is right, against its probability; {sheet.method}",
        )
        for sheet in sheets
        if sheet.reliability is not None
    )
    for sheet in sheets:
        if sheet.reliability is not None:
            reliability += _grouped_reliability(sheet, _scored_fluxes(result, sheet))
    return (
        f"{scores_html(evaluation, truth)}{comparison}"
        f'<div class="figures">{matrices}{reliability}</div>'
    )


def _grouped_reliability(evaluation, flux):
    """Draw the reliability by class and, where the fluxes are known, by flux."""
    method = evaluation.method
    svg = draw(
        lambda ax: plot_reliability_by(evaluation, ax=ax),
        4.8,
        4.3,
        f"Reliability by class, {method}",
    )
    caption = f"How often sources are of a class, against its probability; {method}"
    figures = _figure(svg, caption)
    if flux is not None:
        svg = draw(
            lambda ax: plot_reliability_by(evaluation, flux, name="flux", ax=ax),
            *(4.8, 4.3),
            f"Reliability by flux, {method}",
        )
        caption = f"How often the prediction is right, by flux (erg/s/cm2); {method}"
        figures += _figure(svg, caption)
    return figures


def _scored_fluxes(result, evaluation):
    """Return the fluxes of the sources that an evaluation is about, None where it is unknown."""
    label = result.meta["claxboi"]["classification"].get("label")
    if label not in result.colnames or "flux" not in result.colnames:
        return None
    codes = label_codes(result, label, evaluation.classes)
    counts = np.bincount(codes[codes >= 0], minlength=len(evaluation.classes))
    flux = float_values(result, "flux")[codes >= 0]
    flux = np.where(flux > 0, flux, np.nan)
    is_of_these = np.array_equal(counts, evaluation.confusion.sum(axis=1))
    return flux if is_of_these and np.isfinite(flux).any() else None


def _citations(result):
    # Imported here because it is slow.
    from claxboi.references import acknowledgements, bibtex, cited

    return citations_html(cited(result), acknowledgements(result), bibtex(result))


def _figures(result, n_classes, progress):
    figures = []
    if {"ra", "dec"} <= set(result.colnames) and not is_missing(result, "ra").all():
        svg = draw(lambda ax: plot_sky(result, ax=ax), 6.0, 3.5, "Sky map")
        figures.append(_figure(svg, "Positions of the sources, by predicted class", "wide"))
    progress.update()
    if np.isfinite(float_values(result, "outlier")).any():
        height = 1.0 + 0.4 * n_classes
        svg = draw(lambda ax: plot_outliers(result, ax=ax), 5.0, height, "Outlier measure")
        figures.append(_figure(svg, "Outlier measure of the sources of each predicted class"))
    progress.update()
    if "flux" in result.colnames and np.any(float_values(result, "flux") > 0):
        svg = draw(lambda ax: plot_class_counts(result, ax=ax), 5.0, 3.9, "Counts of classes")
        figures.append(_figure(svg, "Expected (points) and predicted (stairs) numbers by flux"))
    progress.update()
    return f'<div class="figures">{"".join(figures)}</div>'


def _figure(svg, caption, kind=""):
    return f'<figure class="{kind}">{svg}<figcaption>{escape(caption)}</figcaption></figure>'


def _page(**parts):
    """Fill the template in one pass, so that the parts are not expanded themselves."""
    program = "\n".join((_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    program = f'"use strict";\n(() => {{\n{program}\n}})();\n'
    digest = base64.b64encode(hashlib.sha256(program.encode("utf-8")).digest()).decode("ascii")
    parts |= {
        "style": (_FOLDER / "style.css").read_text(encoding="utf-8"),
        "program": program,
        "policy": f"sha256-{digest}",
    }
    template = (_FOLDER / "template.html").read_text(encoding="utf-8")
    return re.sub(r"@@(\w+)@@", lambda found: parts[found[1]], template)
