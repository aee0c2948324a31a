# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The whole job on a simulated sky, from a raw catalogue to figures.
"""

from pathlib import Path

import numpy as np

from claxboi.classification import Evaluation
from claxboi.io import write_table
from claxboi.pipeline import find_references, run
from claxboi.report import write_report
from claxboi.simulation import make_mock_sky
from claxboi.utils import check_count, float_values, text_values

__all__ = ["run_demo", "score_by_truth"]

#: A smaller sky has too few labels to learn from.
FEWEST = 500

#: The properties whose densities are drawn: one of each category.
DRAWN = ("pm", "hr2", "log_fx_fr", "log_fmax_fmin")

#: The class of which a source is explained: a rare one, whose reasons are worth reading.
EXPLAINED = "gal_XRB"

#: Sources with a full card in the report.
N_CARDS = 1000


def run_demo(folder, *, n_sources, rng, overwrite, say):
    """
    Do the whole job on a simulated sky, and write all that comes of it into a folder.

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
        Is called with each text to be shown.

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
        f"{len(sky.xray)} simulated X-ray sources (all made up), as a raw 4XMM catalogue; "
        f"{len(sky.references)} catalogues around them, of which one is Gaia; and what "
        f"{' and '.join(sky.others)} see there."
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
    say(f"\n{result.report.summary}")
    say("\nOn the sources that catalogues label, each left out when it is classified:\n")
    say(result.evaluation)
    truth, text = score_by_truth(table, sky.truth, model)
    say(f"\nOn the others, whose true class only the simulation knows:\n\n{text}")
    rows = np.flatnonzero((table["prediction"] == EXPLAINED) & ~table["is_training"])
    row = int(rows[0]) if len(rows) else 0
    explanation = model.explain(table[row])
    say(f"\nWhy one of them is what it is, in nats:\n\n{explanation}")
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
    say(f"\nIn {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    name = str(table["source_id"][row])
    say(f"Next: open {page} in a browser, or claxboi explain {output} {name!r}")
    say(
        f"The same job by itself: claxboi run {folder / 'sky/xray.fits'} --references "
        f"{folder / 'sky/references'} --references {folder / 'sky/others'} -o out.fits"
    )


def score_by_truth(table, truth, model):
    """
    Score what was classified without a label by what the simulation knows.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The classified table.
    truth : `~astropy.table.Table`
        The truth of the mock sky, in the same order.
    model : `~claxboi.classification.NaiveBayesClassifier`
        What classified it.

    Returns
    -------
    evaluation : `~claxboi.classification.Evaluation`
        Of sources that are real and did not train the model.
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
        method="sources that did not train the model, against the truth",
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
        f"{n_spurious} of the detections are no sources at all, and in none of these numbers."
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
