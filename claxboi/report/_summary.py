# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The summary of a report as HTML: numbers, classes, scores, settings. Every text is escaped here.
"""

from collections.abc import Mapping
from html import escape
from urllib.parse import quote

import numpy as np

from claxboi.utils import float_values, text_values

from ._figures import class_variable

__all__ = [
    "citations_html",
    "class_rows",
    "confusion_html",
    "provenance_html",
    "scores_html",
    "summary_html",
]

MISSING = "\N{EN DASH}"

ADS = "https://ui.adsabs.harvard.edu/abs/"

#: Odd for every class.
ODD = 0.01

SCORES = (
    ("accuracy", "Accuracy"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("macro_f1", "Macro F1"),
    ("mcc", "Matthews correlation"),
    ("log_loss", "Log-loss (nats)"),
    ("brier", "Brier score"),
    ("ece", "Calibration error"),
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
        What its meta says of the classification.
    evaluation : `~claxboi.classification.Evaluation` or None
        The scores.

    Returns
    -------
    rows : list of dict
        ``name, predicted, expected, error, prior, trained`` and the scores, None where unknown.
    """
    prediction, _ = text_values(result, "prediction")
    priors = record.get("priors")
    trained = dict(zip(classes, record.get("class_counts") or (), strict=False))
    scores = {}
    if evaluation is not None:
        scores = {row["class"]: row for row in evaluation.per_class}
    rows = []
    for k, name in enumerate(classes):
        p = np.nan_to_num(float_values(result, f"P_{name}"))
        row = {
            "name": name,
            "color": class_variable(k),
            "predicted": int(np.count_nonzero(prediction == name)),
            # The number of members is a sum of independent draws.
            "expected": float(p.sum()),
            "error": float(np.sqrt((p * (1 - p)).sum())),
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
        What its meta says of the classification.
    rows : list of dict
        Of `class_rows`.
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
        tiles.append((f"{round(sum(record['class_counts'])):,}", "trained the model"))
    if evaluation is not None:
        scores = evaluation.corrected
        tiles += [
            (f"{scores['balanced_accuracy']:.3f}", "balanced accuracy"),
            (f"{scores['macro_f1']:.3f}", "macro F1 at the priors"),
        ]
        if scores.get("ece") is not None:
            tiles.append((f"{scores['ece']:.3f}", "calibration error at the priors"))
    odd = np.count_nonzero(float_values(result, "outlier_pvalue") < ODD)
    tiles.append((f"{odd:,}", f"odd for every class (p < {ODD})"))
    tiles.append((f"{n_cards:,}", "full cards"))
    numbers = "".join(
        f"<div><dt>{escape(text)}</dt><dd>{value}</dd></div>" for value, text in tiles
    )
    return f'<dl class="tiles">{numbers}</dl>\n{_classes_html(rows, evaluation)}'


def _classes_html(rows, evaluation):
    head = [
        ("Class", ""),
        ("Predicted", "Sources of which it is the most probable class"),
        ("Expected", "Sum of its probabilities, and what chance adds"),
        ("Prior", "Proportion that was assumed"),
        ("Trained", "Sources of the training sample"),
    ]
    if evaluation is not None:
        head += [
            ("Recall", "Share of the class that is found"),
            ("Precision", "Share of the predictions that is right, as sampled"),
            ("at priors", "The same in the population of the priors"),
            ("F1 at priors", "Harmonic mean of recall and precision at the priors"),
        ]
    body = []
    for row in rows:
        cells = [
            f"{row['predicted']:,}",
            f"{row['expected']:,.0f} ± {max(row['error'], 0.5):,.0f}",
            _fixed(row["prior"]),
            MISSING if row["trained"] is None else f"{row['trained']:,.0f}",
        ]
        if evaluation is not None:
            keys = ("recall", "precision", "precision_corrected", "f1_corrected")
            cells += [_percent(row[key]) for key in keys]
        name = f'<span class="dot" style="--c:{row["color"]}"></span>{escape(row["name"])}'
        body.append(_row(name, cells))
    return _table(head, body, "Classes")


def confusion_html(evaluation):
    """
    Write the confusion matrix as a shaded table.

    Parameters
    ----------
    evaluation : `~claxboi.classification.Evaluation`
        The scores.

    Returns
    -------
    html : str
    """
    counts = evaluation.confusion
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    fractions = counts / total
    precision = evaluation.per_class["precision"]
    names = list(map(escape, evaluation.classes))
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = []
    for i, name in enumerate(names):
        cells = "".join(
            # A leak of 1 % is what one looks for; on a linear shade it would not be seen.
            f'<td style="--s:{100 * np.sqrt(fractions[i, j]):.0f}%"'
            f"{' class=hit' if i == j else ''}>"
            + (
                f"<b>{_bare_percent(fractions[i, j])}</b><small>{counts[i, j]:,}</small>"
                if counts[i, j]
                else '<small class="none">0</small>'
            )
            + "</td>"
            for j in range(len(counts))
        )
        body.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    foot = "".join(f'<td class="margin">{_bare_percent(value)}</td>' for value in precision)
    return (
        '<div class="scroll"><table class="confusion"><caption>Confusion: true class (rows), '
        "predicted class (columns); percentages of a row, counts below. "
        f"{int(counts.sum()):,} sources, {escape(evaluation.method)}.</caption>"
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
        f'<tfoot><tr><th scope="row">precision</th>{foot}</tr></tfoot></table></div>'
    )


def scores_html(evaluation, truth=None):
    """
    Write the overall scores, as sampled and at the priors.

    Parameters
    ----------
    evaluation : `~claxboi.classification.Evaluation`
        The scores of the training sample.
    truth : `~claxboi.classification.Evaluation`, optional
        Those of sources that did not train the model, whose class is known all the same.

    Returns
    -------
    html : str
    """
    head = [("Score", ""), ("as sampled", ""), ("at priors", "")]
    sheets = [evaluation]
    if truth is not None:
        head += [("truth, as sampled", "Sources that did not train the model"), ("at priors", "")]
        sheets.append(truth)
    body = []
    for key, title in SCORES:
        cells = []
        for sheet in sheets:
            cells += [_fixed(getattr(sheet, key)), _fixed(sheet.corrected.get(key))]
        if any(cell != MISSING for cell in cells):
            body.append(_row(escape(title), cells))
    return _table(head, body, "Scores", "scores")


def provenance_html(meta):
    """
    Write what is needed to make the answer again, step by step.

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
    Write what is to be cited, for a reader and for a bibliography.

    Parameters
    ----------
    papers : mapping of str to str
        Bibcode -> the paper in short.
    thanks : str
        Acknowledgements, a line each.
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
        f'<h3>To be cited</h3><ul class="citations">{items}</ul>{lines}'
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


def _percent(fraction):
    if fraction is None or np.isnan(fraction):
        return MISSING
    return f"{100 * fraction:.1f} %" if fraction >= 0.0005 else "< 0.1 %"


def _bare_percent(fraction):
    return _percent(fraction).removesuffix(" %")


def _fixed(value):
    return MISSING if value is None or np.isnan(value) else f"{value:.4f}"
