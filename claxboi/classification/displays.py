# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
HTML displays of a result, an evaluation and an explanation for notebooks.

Each has its own style sheet and follows the theme of the notebook.
"""

from html import escape

import numpy as np

from claxboi.utils.style import class_styles

from ._scores import SCORES
from .contributions import state_of_value
from .results import count_members

__all__ = ["MISSING", "confusion_html", "format_percent"]

#: Stands where a number is not known.
MISSING = "\N{EN DASH}"

#: Rows of a result, and parts of an explanation, that are shown.
N_ROWS, N_PARTS = 5, 10

_COLUMNS = ("source_id", "ra", "dec", "flux", "prediction", "margin", "outlier_pvalue")

# Colours are those of the text around: Jupyter and VS Code say theirs, other pages pass theirs on.
_STYLE = """<style>
.claxboi{--ink:var(--jp-ui-font-color1,var(--vscode-foreground,currentColor));
--line:color-mix(in srgb,currentColor 22%,transparent);
--bar:#2f8fce;--against:#dd7a26;font:13px/1.5 system-ui,sans-serif;color:var(--ink);
border:1px solid var(--line);border-radius:6px;padding:.7em 1em;max-width:58em}
.claxboi b{font-weight:600}
.claxboi p{margin:.2em 0 .6em;color:inherit}
.claxboi .soft{opacity:.75}
.claxboi table{display:block;overflow-x:auto;border-collapse:collapse;
margin:.7em 0;background:none;color:inherit;font-size:12px;border:0}
.claxboi tr,.claxboi tr:hover{background:none!important}
.claxboi th,.claxboi td{padding:.15em .7em .15em 0;text-align:right;border:0;
border-bottom:1px solid var(--line);background:none;color:inherit;white-space:nowrap}
.claxboi th{font-weight:500;opacity:.75}
.claxboi .name{text-align:left}
.claxboi .bar{width:12em;padding-right:0}
.claxboi i{display:block;height:.75em;background:var(--bar);min-width:1px}
.claxboi i.against{background:var(--against)}
.claxboi caption{caption-side:bottom;text-align:left;opacity:.75;padding-top:.4em}
.claxboi .confusion thead th,.claxboi .confusion tfoot td{text-align:center}
.claxboi .confusion tbody td{text-align:center;padding:.15em .6em;
background:color-mix(in srgb,#0072b2 calc(var(--s)*.55),transparent)}
.claxboi small{opacity:.75;padding-left:.4em}
@media (max-width:500px){.claxboi .bar{width:5em}.claxboi th,.claxboi td{padding-right:.45em}}
</style>"""


def result_html(result):
    """
    Show the class counts, the scores and the first rows of a classified table.

    Parameters
    ----------
    result : `~astropy.table.Table`
        Table as `claxboi.classify` returns it.

    Returns
    -------
    html : str
    """
    record = result.meta["claxboi"]["classification"]
    classes = [str(name) for name in record["classes"]]
    rows = [["", "predicted", "expected", "", ""]]
    colors = _colors(classes)
    for name, count, expected in zip(classes, *count_members(result, classes), strict=True):
        bar = _bar(count / max(len(result), 1), color=colors[name])
        number = "-" if np.isnan(expected) else f"{expected:.1f}"
        rows.append([escape(name), f"{count}", number, _share(count, len(result)), bar])
    parts = [f"<p><b>{len(result)} classified sources</b>{_how(result, record)}</p>", _table(rows)]
    shown = [name for name in _COLUMNS if name in result.colnames]
    if shown and len(result):
        head = [_heading(result, name) for name in shown]
        body = [
            [_value(result, name, row) for name in shown] for row in range(N_ROWS)[: len(result)]
        ]
        parts.append(_table([head, *body]))
        if len(result) > N_ROWS:
            rest = f"and {len(result) - N_ROWS} more rows, {len(result.colnames)} columns in all"
            parts.append(f'<p class="soft">{rest}</p>')
    return _card(parts)


def explanation_html(explanation):
    """
    Show the sentence, the probabilities and the contributions of an explanation.

    Parameters
    ----------
    explanation : `~claxboi.classification.Explanation`
        The parts of a posterior.

    Returns
    -------
    html : str
    """
    colors = _colors(explanation.classes)
    rows = [["class", "probability", ""]]
    for name in sorted(explanation.classes, key=explanation.posterior.get, reverse=True):
        p = explanation.posterior[name]
        rows.append([escape(name), f"{p:.3g}", _bar(p, color=colors[name])])
    best, second = explanation.prediction, explanation.runner_up()
    nats = explanation.contrast()
    order = np.argsort(-np.abs(nats), kind="stable")
    largest = np.abs(nats[np.isfinite(nats)]).max(initial=0)
    parts = [["evidence", "value", "nats", ""]]
    for row in order[:N_PARTS]:
        part = explanation.parts[row]
        kind, value = str(part["kind"]), float(part["value"])
        name = str(part["name"]) or kind
        if state := state_of_value(kind, name, value):
            name += f" {state}"
        number = f"{value:.4g}" if np.isfinite(value) and kind == "property" else ""
        share = min(abs(nats[row]) / largest, 1.0) if largest else 0.0
        bar = _bar(share, is_against=nats[row] < 0)
        parts.append([escape(name), number, f"{nats[row]:+.2f}", bar])
    title = f"{escape(best)} rather than {escape(second)}"
    rest = nats[order[N_PARTS:]].sum() if len(order) > N_PARTS else 0.0
    more = f", and {len(order) - N_PARTS} smaller parts ({rest:+.2f})" if rest else ""
    return _card(
        [
            f"<p>{escape(explanation.sentence)}</p>",
            _table(rows),
            f'<p class="soft">{title}: {nats.sum():+.1f} nats{more}</p>',
            _table(parts),
        ]
    )


def evaluation_html(evaluation):
    """
    Show the overall scores, the classes and the confusion matrix of an evaluation.

    Parameters
    ----------
    evaluation : `~claxboi.classification.Evaluation`
        The scores.

    Returns
    -------
    html : str
    """
    scores = [["", "raw", "prior-corrected"]]
    for name, (title, _) in SCORES.items():
        value = getattr(evaluation, name)
        if value is not None:
            other = evaluation.corrected[name]
            scores.append([title, f"{value:.3f}", f"{other:.3f}"])
    colors = _colors(evaluation.classes)
    rows = [["class", "sources", "prior", "precision", "prior-corrected", "recall", ""]]
    rows += [_class_row(row, colors) for row in evaluation.per_class]
    n = evaluation.confusion.sum()
    return _card(
        [
            f"<p><b>{n} sources</b>, {escape(evaluation.method)}</p>",
            _table(rows),
            confusion_html(evaluation),
            _table(scores),
            *_unlabelled(evaluation.unlabelled),
        ]
    )


def confusion_html(evaluation):
    """
    Write the confusion matrix as a shaded table, which the style sheet of a page colours.

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
            # A leak of 1 % would be invisible on a linear shade.
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
        '<table class="confusion"><caption>Confusion: true class (rows), '
        "predicted class (columns); percentages of a row, with counts. "
        f"{int(counts.sum()):,} sources, {escape(evaluation.method)}.</caption>"
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
        f'<tfoot><tr><th scope="row">precision</th>{foot}</tr></tfoot></table>'
    )


def _unlabelled(found):
    if found is None:
        return []
    parts = [f"<p>{escape(found.sentence)}</p>"]
    if found.scores:
        rows = [["class", "effective n", "recall", "precision"]]
        rows += [
            [
                escape(str(row["class"])),
                f"{row['n_effective']:.0f}",
                *(format_percent(row[name]) for name in ("recall", "precision")),
            ]
            for row in found.per_class
        ]
        scores = [[SCORES[name][0], f"{value:.3f}"] for name, value in found.scores.items()]
        parts += [_table(rows), _table([["", "expected"], *scores])]
    return parts


def _class_row(row, colors):
    name = str(row["class"])
    return [
        escape(name),
        f"{row['n']}",
        f"{row['prior']:.3g}",
        *(format_percent(row[column]) for column in ("precision", "precision_corrected", "recall")),
        _bar(np.nan_to_num(row["recall"]), color=colors[name]),
    ]


def _card(parts):
    return f'{_STYLE}<div class="claxboi">{"".join(parts)}</div>'


def _table(rows):
    """
    Write a table whose first row is its head; the cells are HTML already.
    """
    lines = []
    for k, row in enumerate(rows):
        tag = "td" if k else "th"
        cells = []
        for j, cell in enumerate(row):
            kind = "name" if j == 0 else "bar" if cell.startswith("<i") else ""
            cells.append(
                f'<{tag} class="{kind}">{cell}</{tag}>' if kind else f"<{tag}>{cell}</{tag}>"
            )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _bar(share, *, color=None, is_against=False):
    fill = f";background:{color}" if color else ""
    kind = ' class="against"' if is_against else ""
    return f'<i{kind} style="width:{100 * share:.1f}%{fill}"></i>'


def _colors(classes):
    # Black is invisible on a dark page: that class has the colour of the text.
    styles = class_styles(classes)
    return {k: "var(--ink)" if s["color"] == "#000000" else s["color"] for k, s in styles.items()}


def _how(result, record):
    said = []
    evaluation = getattr(result, "evaluation", None)
    if evaluation is not None:
        scores = evaluation.corrected
        said.append(
            f"accuracy {scores['accuracy']:.3f}, macro F1 {scores['macro_f1']:.3f} "
            f"({'prior-corrected, ' if evaluation.has_priors else ''}{escape(evaluation.method)})"
        )
    if record.get("date"):
        said.append(f"classified {escape(str(record['date']))[:10]}")
    return f'<span class="soft">; {", ".join(said)}</span>' if said else ""


def _heading(result, name):
    unit = getattr(result[name], "unit", None)
    return escape(name) + (f" [{escape(unit.to_string())}]" if unit else "")


def _value(result, name, row):
    value = result[name][row]
    if np.ma.is_masked(value):
        return "&#8211;"
    if isinstance(value, (float, np.floating)):
        return f"{value:.5f}" if name in ("ra", "dec") else f"{value:.3g}"
    return escape(str(value))


def _share(count, total):
    return f"{100 * count / total:.1f}%" if total else ""


def format_percent(fraction):
    """
    Format a fraction as a percentage.

    Parameters
    ----------
    fraction : float or None
        The fraction; None or NaN where it is not known.

    Returns
    -------
    text : str
    """
    if fraction is None or np.isnan(fraction):
        return MISSING
    return f"{100 * fraction:.1f} %" if fraction >= 0.0005 else "< 0.1 %"


def _bare_percent(fraction):
    return format_percent(fraction).removesuffix(" %")
