# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The report as a file: what goes in, put together.
"""

import base64
import hashlib
import re
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

import numpy as np
from astropy.table import Table

from claxboi.classification import Evaluation, NaiveBayesClassifier
from claxboi.classification.results import read_classified
from claxboi.diagnostics.counts import plot_class_counts
from claxboi.diagnostics.outlier_plane import plot_outliers
from claxboi.diagnostics.reliability import plot_reliability
from claxboi.diagnostics.sky_map import plot_sky
from claxboi.utils import (
    Progress,
    check_columns,
    check_count,
    check_output,
    check_table,
    float_values,
    is_missing,
    replacing,
    text_values,
)

from ._blocks import Blocks, to_json
from ._card_selection import choose_rows, find_rows
from ._cards import match_candidates, pack_candidates, pack_densities, pack_reasons, pack_tracks
from ._column_display import check_shown, choose_columns, identifiers, pack_columns
from ._figures import draw
from ._summary import (
    citations_html,
    class_rows,
    confusion_html,
    provenance_html,
    scores_html,
    summary_html,
)

__all__ = ["write_report"]

#: The program of the page, in the order in which its parts build on each other.
SCRIPTS = ("codec", "format", "query", "grid", "draw", "votes", "card", "main")

#: Columns that a report is made from.
NEEDED = (
    *("prediction", "P_{class}", "P_{class}_{category}"),
    *("outlier", "outlier_pvalue", "alternative", "is_training"),
)

#: Columns that the table opens with, beside the prediction, the label and the probabilities, which
#: are left to choice where there are more classes than that.
FIRST_COLUMNS = ("flux", "outlier_pvalue", "alternative")
MOST_CLASS_COLUMNS = 8

#: Choice, table and cards, scores, three figures, file: they take about as long.
N_PARTS = 7

_FOLDER = files("claxboi.report") / "data"


def write_report(
    result,
    path,
    *,
    model=None,
    evaluation=None,
    truth=None,
    sources=None,
    candidates=None,
    columns=(),
    n_cards=5000,
    overwrite=False,
    title=None,
    show_progress=True,
):
    """
    Write a report of a classified table: one HTML file that any browser opens, without network.

    It has the numbers of the classification, its figures, a table of all sources that can be
    searched and sorted, and a card for each source: with everything that is known of the chosen
    ones (contributions in nats, the probabilities of each category, the sentence), with the values
    of its columns over the densities for all others. A form in the cards collects votes on what a
    source is, and saves them as a CSV file.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Table as `claxboi.classify` returns it. Not changed.
    path : str or path
        The file.
    model : `~claxboi.classification.NaiveBayesClassifier`, optional
        The classifier that made it; that of an `~claxboi.XrayTable` by default. Without it
        there are no densities and no contributions.
    evaluation : `~claxboi.classification.Evaluation`, optional
        Its scores; those of an `~claxboi.XrayTable` by default. Without them there are no scores.
    truth : str, optional
        Name of a column with the true classes, for sources that did not train the model too: they
        are then scored as well.
    sources : sequence of (int or str), or `~astropy.table.Table`, optional
        The sources with a full card: rows, identifiers, or a table that has them. Default: the
        likely members of rare classes, the odd and the undecided ones.
    candidates : `~astropy.table.Table`, optional
        Candidate counterparts, as `~claxboi.counterparts.associate` returns them, with ``p_i`` and
        ``source_id`` or ``primary`` (the row of ``result``).
    columns : sequence of str, optional
        Columns to be shown beyond those of the vocabulary, the properties and the label.
    n_cards : int, optional
        Number of full cards at most (default 5000); 0 for none.
    overwrite : bool, optional
        Replace an existing file.
    title : str, optional
        Title of the page.
    show_progress : bool, optional
        Show the progress of work that takes more than two seconds.

    Raises
    ------
    TypeError, ValueError, KeyError, IndexError
        If an argument breaks its rule.
    OSError
        If the file exists or cannot be written; nothing is left behind then.

    Notes
    -----
    The page asks nothing of any other computer, and is not able to: its security policy forbids
    it. It has links to SIMBAD, ESASky and others, which only open when they are followed.
    Numbers are kept to 5 significant digits, positions to 4 mas.

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
    check_shown(result, columns)
    model = getattr(result, "model", None) if model is None else model
    evaluation = getattr(result, "evaluation", None) if evaluation is None else evaluation
    _check_type(model, NaiveBayesClassifier, "model")
    _check_type(evaluation, Evaluation, "evaluation")
    _check_type(title, str, "title")
    if model is not None and list(model.classes_) != classes:
        raise ValueError(
            f"model must be the one that classified the result, with classes {', '.join(classes)}; "
            f"it has {', '.join(model.classes_)}"
        )
    owners = (
        None
        if candidates is None
        else match_candidates(check_table(candidates, "candidates"), result)
    )
    rows = None if sources is None else find_rows(result, sources)[:n_cards]
    reasons = []
    true_scores = None if truth is None else _score_truth(result, truth, classes)

    record = result.meta["claxboi"]["classification"]
    blocks = Blocks()
    with Progress(N_PARTS, "writing the report", show=show_progress) as progress:
        if rows is None:
            rows, reasons = choose_rows(result, classes, n_cards)
        progress.update()
        data = _data(result, record, rows, model, columns, blocks)
        if reasons:
            data["cards"]["reasons"] = blocks.add_texts(reasons)
        if candidates is not None and len(rows):
            data["candidates"] = pack_candidates(candidates, owners, rows, blocks)
        title = title or f"{len(result):,} X-ray sources classified"
        counts = class_rows(result, classes, record, evaluation)
        data["classes"] = [{"name": row["name"], "count": row["predicted"]} for row in counts]
        data["id"] = blocks.digest()
        data["title"] = title
        early = _early(data)
        progress.update()
        scores = _scores(evaluation, true_scores)
        progress.update()
        page = _page(
            title=escape(title),
            subtitle=_subtitle(record),
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
        raise TypeError(
            f"{name} must be None or of class {kind.__name__}, got {type(value).__name__}"
        )


def _score_truth(result, truth, classes):
    """Score the sources that did not train the model, where their class is known."""
    check_columns(result, [truth], "result")
    labels, missing = text_values(result, truth, name="result")
    known = ~missing & np.isin(labels, classes) & ~(float_values(result, "is_training") > 0)
    if not known.any():
        raise ValueError(
            f"truth: column {truth!r} must name one of the classes {', '.join(classes)} for a "
            "source that did not train the model; it does for none"
        )
    priors = result.meta["claxboi"]["classification"].get("priors")
    return Evaluation.from_probabilities(
        labels[known],
        np.column_stack([float_values(result, f"P_{name}")[known] for name in classes]),
        classes,
        priors=priors if isinstance(priors, dict) else None,
        method="sources that did not train the model",
    )


def _data(result, record, rows, model, columns, blocks):
    """Pack all that the page's program works with."""
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
        "links": _links() if {"ra", "dec"} <= set(shown) else [],
    }
    if len(rows):
        data["cards"]["track"] = pack_tracks(result, classes, categories, rows, blocks)
    if model is not None:
        data["densities"] = pack_densities(model, blocks)
        if len(rows):
            data["cards"] |= pack_reasons(model, result, rows, blocks)
    return data


def _visible(shown, record):
    """List the columns that the table opens with."""
    wanted = ["prediction", *FIRST_COLUMNS, record.get("label", "class")]
    if len(record["classes"]) <= MOST_CLASS_COLUMNS:
        wanted += [f"P_{name}" for name in record["classes"]]
    return [name for name in dict.fromkeys(wanted) if name in shown]


def _early(data):
    """List the blocks without which the table cannot open."""
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


def _scores(evaluation, truth):
    sheets = [sheet for sheet in (evaluation, truth) if sheet is not None]
    if not sheets:
        return '<p class="note">No scores: the report was written without an evaluation.</p>'
    matrices = "".join(confusion_html(sheet) for sheet in sheets)
    reliability = "".join(
        _figure(
            draw(
                lambda ax, sheet=sheet: plot_reliability(sheet, corrected=sheet.has_priors, ax=ax),
                *(4.8, 4.3),
                f"Reliability, {sheet.method}",
            ),
            "How often the most probable class is right, against its probability",
        )
        for sheet in sheets
        if sheet.reliability is not None
    )
    return f'{scores_html(*sheets)}<div class="figures">{matrices}{reliability}</div>'


def _citations(result):
    # Other tools are beside the figures, and draw with their colours.
    from claxboi.sharing import acknowledgements, bibtex
    from claxboi.sharing.citations import cited

    return citations_html(cited(result), acknowledgements(result), bibtex(result))


def _figures(result, n_classes, progress):
    figures = []
    if {"ra", "dec"} <= set(result.colnames) and not is_missing(result, "ra").all():
        svg = draw(lambda ax: plot_sky(result, ax=ax), 6.0, 3.5, "Sky map")
        figures.append(_figure(svg, "Where the sources are, by predicted class", "wide"))
    progress.update()
    if np.isfinite(float_values(result, "outlier")).any():
        height = 1.0 + 0.4 * n_classes
        svg = draw(lambda ax: plot_outliers(result, ax=ax), 5.0, height, "Outlier measure")
        figures.append(_figure(svg, "How odd the sources of each predicted class are"))
    progress.update()
    if "flux" in result.colnames and np.any(float_values(result, "flux") > 0):
        svg = draw(lambda ax: plot_class_counts(result, ax=ax), 5.0, 3.9, "Counts of classes")
        figures.append(_figure(svg, "Expected (points) and predicted (stairs) numbers by flux"))
    progress.update()
    return f'<div class="figures">{"".join(figures)}</div>'


def _figure(svg, caption, kind=""):
    return f'<figure class="{kind}">{svg}<figcaption>{escape(caption)}</figcaption></figure>'


def _page(**parts):
    """Fill the template; what goes in is not looked at again."""
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
