# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
All steps on a simulated sky, from a raw catalogue to figures.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from claxboi.classification import Evaluation, Explanation
from claxboi.io import write_table
from claxboi.pipeline import PipelineResult, find_references, run
from claxboi.report import write_report
from claxboi.simulation import make_mock_sky
from claxboi.utils import check_count, float_values, text_values

__all__ = ["DemoResult", "run_demo", "score_by_truth"]

#: A smaller sky has too few labels to learn from.
FEWEST = 500

#: The properties whose densities are drawn: one of each category.
DRAWN = ("pm", "hr2", "log_fx_fr", "log_fmax_fmin")

#: The class of which a source is explained: a rare one, whose reasons are worth reading.
EXPLAINED = "gal_XRB"

#: Sources with a full card in the report.
N_CARDS = 1000


class DemoResult(NamedTuple):
    """
    The results of the demonstration.
    """

    job: PipelineResult
    """Table, model, evaluation and report of the job."""

    truth: Evaluation
    """Scores of the unlabelled sources, against the simulated truth."""

    explanation: Explanation
    """Why one of the sources has its class."""

    source: str
    """That source."""

    page: Path
    """The report."""


def run_demo(folder, *, n_sources, rng, overwrite, say):
    """
    Do the whole job on a simulated sky, and write the results into a folder.

    Parameters
    ----------
    folder : str or path
        The folder; it is made.
    n_sources : int
        Number of X-ray sources, at least 500.
    rng : int
        Seed of the random numbers.
    overwrite : bool
        Whether the folder may have files already.
    say : callable
        Called with each text to show.

    Returns
    -------
    result : `DemoResult`

    Raises
    ------
    OSError
        If the folder has files and ``overwrite`` is False, or cannot be written.
    """
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise FileExistsError(f"folder {folder} has files; pass overwrite=True to replace them")
    check_count(n_sources, "n_sources", minimum=FEWEST)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise OSError(f"folder {folder} cannot be made: {err.strerror}") from err
    sky = make_mock_sky(n_sources, rng=rng)
    sky.write(folder / "sky", overwrite=True)
    say(
        f"{len(sky.xray)} simulated X-ray sources as a raw 4XMM catalogue, with "
        f"{len(sky.references)} simulated catalogues around them. Nothing here is real."
    )
    output = folder / "sources.fits"
    result = run(
        folder / "sky" / "xray.fits",
        output,
        settings="whole-catalogue",
        mission="4XMM",
        references=find_references(folder / "sky/references")
        | find_references(folder / "sky/others"),
        overwrite=True,
        show_progress=False,
    )
    table, model = result.table, result.model
    # Added after the classification, for the scores of its report.
    table["true_class"] = sky.truth["true_class"]
    write_table(table, output, overwrite=True)
    truth, text = score_by_truth(table, sky.truth, model)
    row = _example_row(table)
    explanation = model.explain(table[row])
    (folder / "truth.txt").write_text(f"{text}\n\n{explanation}\n", encoding="utf-8")
    _draw(folder, result, truth, row)
    page = folder / "report.html"
    write_report(
        *(table, page),
        model=model,
        evaluation=result.evaluation,
        truth="true_class",
        columns=["true_class"],
        table_path=output,
        n_cards=N_CARDS,
        overwrite=True,
        show_progress=False,
    )
    return DemoResult(result, truth, explanation, str(table["source_id"][row]), page)


def _example_row(table):
    rows = np.flatnonzero((table["prediction"] == EXPLAINED) & ~table["is_training"])
    return int(rows[0]) if len(rows) else 0


def score_by_truth(table, truth, model):
    """
    Score the unlabelled sources by the simulated truth.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The classified table.
    truth : `~astropy.table.Table`
        The truth of the mock sky, in the same order.
    model : `~claxboi.classification.NaiveBayesClassifier`
        The classifier.

    Returns
    -------
    evaluation : `~claxboi.classification.Evaluation`
        Scores of real sources not used in training.
    text : str
        Its scores, also by true flux.
    """
    true = text_values(truth, "true_class")[0]
    known = np.isin(true, model.classes_) & ~np.asarray(table["is_training"], bool)
    blind = table[known]
    evaluation = Evaluation.from_probabilities(
        true[known],
        np.column_stack([float_values(blind, f"P_{name}") for name in model.classes_]),
        model.classes_,
        method="sources not used in training, against the truth",
    )
    scores = evaluation.scores_by(float_values(truth, "true_flux")[known])
    scores = scores["lower", "upper", "n", "accuracy", "log_loss", "ece"]
    scores["lower"].info.format = scores["upper"].info.format = ".1e"
    for name in ("accuracy", "log_loss", "ece"):
        scores[name].info.format = ".3f"
    n_spurious = np.count_nonzero(truth["is_spurious"])
    lines = "\n".join(scores.pformat(max_width=-1))
    return evaluation, (
        f"{evaluation}\n\nBy true flux (erg/s/cm2, 0.2-12 keV)\n{lines}\n\n"
        f"{n_spurious} of the detections are spurious, and not counted in these numbers."
    )


def _draw(folder, result, truth, row):
    # Here, as matplotlib takes its time.
    import matplotlib.pyplot as plt

    from claxboi import diagnostics

    table, model = result.table, result.model
    axes = {
        "confusion": diagnostics.plot_confusion(result.evaluation),
        "confusion_truth": diagnostics.plot_confusion(truth),
        "reliability": diagnostics.plot_reliability(result.evaluation),
        "reliability_truth": diagnostics.plot_reliability(truth),
        "outliers": diagnostics.plot_outliers(table),
        "track": diagnostics.plot_track(table, row),
    }
    for column in DRAWN:
        value = float_values(table, column)[row]
        known = {"value": value} if np.isfinite(value) else {}
        axes[f"density_{column}"] = diagnostics.plot_densities(model, column, **known)
    for name, ax in axes.items():
        ax.figure.savefig(folder / f"{name}.png", dpi=120, bbox_inches="tight")
        plt.close(ax.figure)
