# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Summary, classes, scores and settings of a report as HTML. All text is escaped here.
"""

from collections.abc import Mapping
from html import escape
from urllib.parse import quote

import numpy as np

from claxboi.classification import SCORES
from claxboi.classification.class_sets import NO_CLASS
from claxboi.classification.contributions import FEW_LIKE_IT
from claxboi.classification.displays import MISSING, format_percent
from claxboi.classification.results import count_members
from claxboi.utils import float_values, text_values

from ._figures import class_variable

__all__ = [
    "citations_html",
    "class_rows",
    "provenance_html",
    "scores_html",
    "summary_html",
]

ADS = "https://ui.adsabs.harvard.edu/abs/"

#: Sources with a smaller p-value for every class are outliers.
OUTLIER_PVALUE = 0.01

#: Terms of the tables that are not scores of a whole sample.
TERMS = (
    ("Recall", "Fraction of the true members of a class that are predicted as that class."),
    ("Precision", "Fraction of the sources predicted as a class that are true members."),
    (
        "Raw",
        "For the proportions of classes in the scored sample, which are seldom those of the sky.",
    ),
    (
        "Prior-corrected",
        "For a population with the proportions of classes that the priors state.",
    ),
    ("Expected", "Sum of the probabilities of a class over all sources."),
)


def class_rows(result, classes, record, evaluation):
    """
    Count the sources of each class.

    Parameters
    ----------
    result : `~astropy.table.Table`
        The classified table.
    classes : list of str
        Its classes.
    record : dict
        The record of the classification in its meta.
    evaluation : `~claxboi.classification.Evaluation` or None
        The scores.

    Returns
    -------
    rows : list of dict
        ``name, predicted, expected, prior, trained`` and the scores, None where unknown.
    """
    predicted, expected = count_members(result, classes)
    priors = record.get("priors")
    trained = dict(zip(classes, record.get("class_counts") or (), strict=False))
    scores = {}
    if evaluation is not None:
        scores = {row["class"]: row for row in evaluation.per_class}
    rows = []
    for k, name in enumerate(classes):
        row = {
            "name": name,
            "color": class_variable(k),
            "predicted": int(predicted[k]),
            "expected": float(expected[k]),
            "prior": priors.get(name) if isinstance(priors, Mapping) else None,
            "trained": trained.get(name),
        }
        for score in ("recall", "precision", "precision_corrected", "f1", "f1_corrected"):
            row[score] = float(scores[name][score]) if name in scores else None
        rows.append(row)
    return rows


def summary_html(result, record, rows, evaluation, n_cards):
    """
    Write the key numbers and the table of classes.

    Parameters
    ----------
    result : `~astropy.table.Table`
        The classified table.
    record : dict
        The record of the classification in its meta.
    rows : list of dict
        Rows of `class_rows`.
    evaluation : `~claxboi.classification.Evaluation` or None
        The scores.
    n_cards : int
        Number of full cards.

    Returns
    -------
    html : str
    """
    tiles = [(f"{len(result):,}", "sources"), (str(len(rows)), "classes")]
    if record.get("class_counts"):
        tiles.append((f"{round(sum(record['class_counts'])):,}", "in the training sample"))
    if evaluation is not None:
        scores = evaluation.corrected
        tiles += [
            (f"{scores['balanced_accuracy']:.3f}", "balanced accuracy"),
            (f"{scores['macro_f1']:.3f}", "macro F1, prior-corrected"),
        ]
        if scores.get("ece") is not None:
            tiles.append((f"{scores['ece']:.3f}", "calibration error, prior-corrected"))
    n_outliers = np.count_nonzero(float_values(result, "outlier_pvalue") < OUTLIER_PVALUE)
    tiles.append((f"{n_outliers:,}", f"outliers for every class (p < {OUTLIER_PVALUE})"))
    if "support" in result.colnames:
        n_few = np.count_nonzero(float_values(result, "support") < FEW_LIKE_IT)
        tiles.append((f"{n_few:,}", f"few labelled sources like them (support < {FEW_LIKE_IT})"))
    sets = result.meta["claxboi"].get("class_sets")
    if sets and "class_set" in result.colnames:
        texts, missing = text_values(result, "class_set")
        is_one = ~missing & (np.char.find(texts, "|") < 0) & (texts != NO_CLASS)
        title = f"with a single class that cannot be excluded ({100 * sets['coverage']:g} %)"
        tiles.append((f"{np.count_nonzero(is_one):,}", title))
    tiles.append((f"{n_cards:,}", "full cards"))
    numbers = "".join(
        f"<div><dt>{escape(text)}</dt><dd>{value}</dd></div>" for value, text in tiles
    )
    return f'<dl class="tiles">{numbers}</dl>\n{_classes_html(rows, evaluation)}'


def _classes_html(rows, evaluation):
    head = [
        ("Class", ""),
        ("Predicted", "Sources for which this is the most probable class"),
        ("Expected", "Sum of the probabilities of this class over all sources"),
        ("Prior", "Assumed proportion of this class"),
        ("Training", "Sources of this class in the training sample"),
    ]
    if evaluation is not None:
        head += [
            ("Recall", "Fraction of the class that is found"),
            ("Precision, raw", "Fraction of correct predictions in the scored sample"),
            ("prior-corrected", "The same for a population with the proportions of the priors"),
            ("F1, prior-corrected", "Harmonic mean of recall and prior-corrected precision"),
        ]
    body = []
    for row in rows:
        cells = [
            f"{row['predicted']:,}",
            f"{row['expected']:,.0f}",
            _fixed(row["prior"]),
            MISSING if row["trained"] is None else f"{row['trained']:,.0f}",
        ]
        if evaluation is not None:
            keys = ("recall", "precision", "precision_corrected", "f1_corrected")
            cells += [format_percent(row[key]) for key in keys]
        name = f'<span class="dot" style="--c:{row["color"]}"></span>{escape(row["name"])}'
        body.append(_row(name, cells))
    return _table(head, body, "Classes")


def scores_html(evaluation, truth=None):
    """
    Write the overall scores, raw and prior-corrected, and the definitions of all scores.

    Parameters
    ----------
    evaluation : `~claxboi.classification.Evaluation` or None
        The scores on the training sample.
    truth : `~claxboi.classification.Evaluation`, optional
        The scores on sources of known class that were not used in training.

    Returns
    -------
    html : str
    """
    head, sheets = [("Score", "")], []
    for name, about, sheet in (
        ("Labelled sources", "Each source is left out of training when it is scored", evaluation),
        ("Other sources", "Sources not used in training, scored against the truth", truth),
    ):
        if sheet is not None:
            n = f"{int(sheet.confusion.sum()):,}"
            head += [(f"{name} ({n}), raw", about), ("prior-corrected", about)]
            sheets.append(sheet)
    expected = None if evaluation is None else evaluation.unlabelled
    if expected is not None and expected.scores:
        head.append(("Unlabelled sources, expected", expected.sentence))
    body = []
    for key, (title, about) in SCORES.items():
        cells = []
        for sheet in sheets:
            cells += [_fixed(getattr(sheet, key)), _fixed(sheet.corrected.get(key))]
        if expected is not None and expected.scores:
            cells.append(_fixed(expected.scores[key]))
        if any(cell != MISSING for cell in cells):
            body.append(
                _row(f'<span title="{escape(about)}">{escape(_capital(title))}</span>', cells)
            )
    terms = [*TERMS, *((_capital(title), about) for title, about in SCORES.values())]
    definitions = "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in terms)
    note = ""
    if expected is not None and expected.reason:
        note = f"<p>{escape(expected.sentence)}</p>"
    return (
        f"{_table(head, body, 'Scores', 'scores')}{note}"
        f'<details class="definitions"><summary>Definitions of the scores</summary>'
        f"<dl>{definitions}</dl></details>"
    )


def _capital(text):
    return text[:1].upper() + text[1:]


def provenance_html(meta):
    """
    Write the settings of each step, with which the result can be reproduced.

    Parameters
    ----------
    meta : mapping
        ``table.meta["claxboi"]``.

    Returns
    -------
    html : str
    """
    return "".join(
        f"<details><summary>{escape(str(step))}</summary>{_tree(settings)}</details>"
        for step, settings in meta.items()
    )


def citations_html(papers, thanks, bibtex):
    """
    Write the papers to cite, as a list and as BibTeX.

    Parameters
    ----------
    papers : mapping of str to str
        Bibcode to short reference.
    thanks : str
        Acknowledgements, one per line.
    bibtex : str
        The entries.

    Returns
    -------
    html : str
    """
    items = "".join(
        f'<li><a href="{ADS}{escape(quote(bibcode))}" rel="noreferrer">{escape(text)}</a></li>'
        for bibcode, text in papers.items()
    )
    lines = "".join(f"<p>{escape(line)}</p>" for line in thanks.splitlines())
    return (
        f'<h3>Please cite</h3><ul class="citations">{items}</ul>{lines}'
        f"<details><summary>BibTeX</summary><pre>{escape(bibtex)}</pre></details>"
    )


def _tree(content):
    if isinstance(content, Mapping):
        items = "".join(
            f"<dt>{escape(str(key))}</dt><dd>{_tree(value)}</dd>" for key, value in content.items()
        )
        return f"<dl>{items}</dl>" if items else MISSING
    if type(content) is np.ndarray:
        content = content.tolist()
    if isinstance(content, (list, tuple)):
        if any(isinstance(part, (Mapping, list, tuple)) for part in content):
            return "".join(_tree(part) for part in content)
        return ", ".join(_tree(part) for part in content) or MISSING
    if content is None or str(content) == "":
        return MISSING
    if isinstance(content, (float, np.floating)):
        return f"{content:.6g}"
    return escape(str(content))


def _table(head, rows, caption, kind="classes"):
    cells = "".join(
        f'<th scope="col" title="{escape(about)}">{escape(title)}</th>' for title, about in head
    )
    return (
        f'<div class="scroll"><table class="{kind}"><caption class="hidden">{caption}</caption>'
        f"<thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(name, cells):
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _fixed(value):
    return MISSING if value is None or np.isnan(value) else f"{value:.4f}"
