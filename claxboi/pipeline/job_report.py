# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Report of a job: counts, scores, warnings, provenance and citations.
"""

import platform
import textwrap
import warnings
from dataclasses import dataclass

import astropy
import numpy as np
import scipy
from astropy.table import Table

from claxboi.catalog import missions
from claxboi.references import load_records
from claxboi.training import DependentLabelWarning, label_report
from claxboi.utils import float_values, is_missing, text_values

from .steps import mission_of

__all__ = ["PipelineReport", "make_report"]

#: The papers of the methods: the classification, and the counterparts.
METHOD = {
    "the classification": ["2022A&A...657A.138T"],
    "the counterparts": ["2008ApJ...679..301B", "2018MNRAS.473.4937S"],
}

#: Flags of sources, with their meaning in the report.
FLAGS = {
    "is_suspect": "flagged by the mission as possibly spurious",
    "is_crowded": "in a crowded field",
    "is_blended": "seen as several by a sharper mission",
    "is_pos_error_estimated": "without a positional error of its own",
}

_WIDTH = 100


@dataclass(frozen=True, repr=False)
class PipelineReport:
    """
    Summary of a job. Printing it gives all of it as text.

    Examples
    --------
    >>> from claxboi.pipeline import run
    >>> from claxboi.simulation import make_mock_sky
    >>> sky = make_mock_sky(400, rng=2)
    >>> result = run(
    ...     sky.xray,
    ...     "classified.fits",
    ...     references=sky.references,
    ...     skip=["variability"],
    ...     show_progress=False,
    ... )  # doctest: +IGNORE_WARNINGS
    >>> report = result.report
    >>> report.classes.colnames[:4]
    ['class', 'prior', 'n_labelled', 'n_predicted']
    >>> report.flags["flag"].tolist()
    ['is_suspect', 'is_crowded']
    >>> report.citations[0]
    '2022A&A...657A.138T'
    """

    classes: Table
    """One row per class: ``class, prior, n_labelled, n_predicted``, and ``n_expected``: the sum of
    the probabilities of all classified sources (see `~claxboi.applications.count_classes` for
    numbers with intervals)."""

    flags: Table
    """One row per flag: ``flag, n_sources, meaning``, and ``n_by_class`` as text."""

    labels: object
    """`~claxboi.training.LabelReport`; None without labels of the job's own."""

    evaluation: object
    """`~claxboi.classification.Evaluation`, leave-one-out; None where nothing could be scored."""

    references: Table
    """One row per catalogue: ``name, title, table, source, citation``."""

    settings: dict
    """Catalogue, mission, numbers of sources, versions of what was run."""

    warnings: tuple[str, ...]
    """The warnings, each once."""

    @property
    def citations(self):
        """
        The bibcodes of all papers to cite, without repetition (list of str).
        """
        own = [code for codes in METHOD.values() for code in codes]
        papers = [code for text in self.references["citation"] for code in text.split()]
        return list(dict.fromkeys([*own, *papers]))

    @property
    def summary(self):
        """
        Summary of the job without details (str).
        """
        return "\n\n".join(
            [
                _listing(self.settings),
                _pretty(self.classes, prior=".4g", n_expected=".1f"),
                _pretty(self.flags),
            ]
        )

    def __str__(self):
        parts = [
            ("The job", _listing(self.settings)),
            (
                "Classes",
                _pretty(self.classes, prior=".4g", n_expected=".1f"),
            ),
            ("Flags", _pretty(self.flags)),
            ("Labels", "" if self.labels is None else str(self.labels)),
            ("Scores of the labelled sources", self.evaluation or ""),
            ("Catalogues", _pretty(self.references)),
            ("Warnings", "\n".join(_item(text) for text in self.warnings) or "none"),
            ("Please cite", _citations(self)),
        ]
        return "\n\n".join(
            f"{title}\n{'=' * len(title)}\n{text}" for title, text in parts if str(text)
        )

    def __repr__(self):
        n = self.settings["sources"]
        return f"<PipelineReport: {n} sources, {len(self.warnings)} warnings>"


def make_report(result, model, evaluation, caught):
    """
    Report on a classified table.

    Parameters
    ----------
    result : `~astropy.table.Table`
        The classified table.
    model : `~claxboi.classification.NaiveBayesClassifier`
        The classifier.
    evaluation : `~claxboi.classification.Evaluation` or None
        Its scores.
    caught : sequence of str
        The warnings of the job.

    Returns
    -------
    report : `PipelineReport`
    """
    labels, more = _labels(result)
    return PipelineReport(
        _classes(result, model),
        _flags(result),
        labels,
        evaluation,
        _references(result),
        _settings(result, model),
        tuple(dict.fromkeys([*caught, *more])),
    )


def _classes(result, model):
    stored = result.meta["claxboi"]["classification"]["priors"]
    predicted, _ = text_values(result, "prediction")
    labels = text_values(result, "class")[0] if "class" in result.colnames else np.array([""])
    rows = []
    for name in model.classes_:
        p = float_values(result, f"P_{name}")
        rows.append(
            (
                name,
                stored[name] if isinstance(stored, dict) else np.nan,
                np.count_nonzero(labels == name),
                np.count_nonzero(predicted == name),
                np.nansum(p),
            )
        )
    names = ["class", "prior", "n_labelled", "n_predicted", "n_expected"]
    return Table(rows=rows, names=names)


def _flags(result):
    predicted, _ = text_values(result, "prediction")
    names = [name for name in FLAGS if name in result.colnames]
    counts, by_class = [], []
    for name in names:
        is_on = float_values(result, name) == 1
        counts.append(np.count_nonzero(is_on))
        found = zip(
            *np.unique(predicted[is_on & (predicted != "")], return_counts=True), strict=True
        )
        by_class.append(", ".join(f"{k} {n}" for k, n in found))
    table = Table({"flag": np.array(names, str), "n_sources": np.array(counts, int)})
    table["meaning"] = np.array([FLAGS[name] for name in names], str)
    table["n_by_class"] = np.array(by_class, str)
    return table


def _labels(result):
    """Return the report on the labels and its warnings."""
    if not {"class", "label_reason"} <= set(result.colnames):
        return None, []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DependentLabelWarning)
        report = label_report(result)
    return report, [str(one.message) for one in caught]


def _references(result):
    meta = result.meta["claxboi"]
    rows = [_row(mission_of(result), {})] if mission_of(result) else []
    rows += [_row(name, entry) for name, entry in meta["pipeline"]["references"].items()]
    left_out = meta.get("labels", {}).get("left_out", {})
    names = ["name", "title", "table", "source", "citation"]
    columns = zip(*(row for row in rows if row[0] not in left_out), strict=True)
    columns = list(columns) or [[]] * len(names)
    return Table([np.array(values, str) for values in columns], names=names)


def _row(name, entry):
    known = load_records().get(name) or missions().get(name)
    if known is None:
        return name, "your own", "", entry["source"], ""
    record = load_records().get(name if name in load_records() else known.reference)
    table = ""
    # What was fetched has the release of its record; one's own file may be of another release.
    if record and (name in load_records() or "sha256" not in entry):
        known, table = record, record.table
    return name, known.title, table, entry.get("source", ""), " ".join(known.citation)


def _settings(result, model):
    from claxboi import __version__

    stored = result.meta["claxboi"]
    training = np.asarray(float_values(result, "is_training") == 1)
    weights = ", ".join(f"{name} {value:.3g}" for name, value in model.weights.items())
    return {
        "sources": len(result),
        "classified": int(np.count_nonzero(~is_missing(result, "prediction"))),
        "labelled": int(np.count_nonzero(training)),
        "mission": mission_of(result) or "unknown",
        "properties": ", ".join(record.column for record in model.properties),
        "weights": weights,
        "date": stored["classification"]["date"],
        "software": (
            f"claxboi {__version__}, astropy {astropy.__version__}, numpy {np.__version__}, scipy "
            f"{scipy.__version__}, Python {platform.python_version()}"
        ),
    }


def _listing(settings):
    width = 2 + max(map(len, settings))
    return "\n".join(
        textwrap.fill(f"{name:{width}}{value}", _WIDTH, subsequent_indent=" " * width)
        for name, value in settings.items()
    )


def _pretty(table, **formats):
    table = table.copy()
    for name, text in formats.items():
        table[name].info.format = text
    for name in table.colnames:
        if table[name].dtype.kind == "U":
            table[name].info.format = "<"
    return "\n".join(line.rstrip() for line in table.pformat(max_lines=-1, max_width=-1))


def _item(text):
    return textwrap.fill(text, _WIDTH, initial_indent="- ", subsequent_indent="  ")


def _citations(report):
    lines = [f"{', '.join(codes)}: {what}" for what, codes in METHOD.items()]
    lines += [
        f"{', '.join(row['citation'].split())}: {row['title']}"
        for row in report.references
        if row["citation"]
    ]
    return "\n".join(map(_item, lines))
