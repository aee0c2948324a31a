# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The main job on simulated sources, from a table to figures.
"""

from pathlib import Path

import numpy as np

from claxboi import classify
from claxboi.classification import Evaluation
from claxboi.simulation import make_labelled_sample
from claxboi.utils import write_table

__all__ = ["run_demo"]

#: The properties whose densities are drawn: one of each category.
DRAWN = ("pm", "hr2", "log_fx_fr", "log_fmax_fmin")

#: The class of which a source is explained: a rare one, whose reasons are worth reading.
EXPLAINED = "gal_XRB"


def run_demo(folder, *, n_sources, rng, overwrite, say):
    """
    Classify simulated sources, and write all that comes of it into a folder.

    Parameters
    ----------
    folder : str or path
        The folder; it is made.
    n_sources : int
        Number of sources; the class of half of them is known.
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
    table = make_labelled_sample(n_sources, rng=rng)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise OSError(f"folder {folder} cannot be made: {err.strerror}") from err
    say(
        f"{len(table)} simulated X-ray sources (made up; no catalogue was used), the class of "
        f"{np.count_nonzero(~table['class'].mask)} is known. The proportions of the classes are "
        "estimated from the others."
    )
    result, model = classify(table, priors="estimate", return_model=True, show_progress=False)
    priors = result.meta["claxboi"]["classification"]["priors"]

    say("\nOn the sources that trained the model, each left out when it is classified:\n")
    evaluation = model.evaluate(table, priors, show_progress=False)
    say(evaluation)
    say("\nOn the others, whose true class only the simulation knows:\n")
    blind = result[~np.asarray(result["is_training"])]
    truth = Evaluation.from_probabilities(
        blind["true_class"],
        np.column_stack([blind[f"P_{name}"] for name in model.classes_]),
        model.classes_,
        priors=priors,
        method="sources that did not train the model",
    )
    say(truth)
    rows = np.flatnonzero((result["prediction"] == EXPLAINED) & ~result["is_training"])
    row = int(rows[0]) if len(rows) else 0
    explanation = model.explain(result[row])
    say(f"\nWhy one of them is what it is, in nats:\n\n{explanation}")

    write_table(result, folder / "sources.fits", overwrite=True)
    model.write(folder / "sources.fits.model.ecsv", overwrite=True)
    report = folder / "report.txt"
    report.write_text(f"{evaluation}\n\n{truth}\n\n{explanation}\n", encoding="utf-8")
    _draw(folder, result, model, evaluation, row)
    say(f"\nIn {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    say(f"Next: claxboi explain {folder / 'sources.fits'} {result['source_id'][0]}")


def _draw(folder, result, model, evaluation, row):
    # Here, as matplotlib takes its time.
    import matplotlib.pyplot as plt

    from claxboi import diagnostics

    axes = {
        "confusion": diagnostics.plot_confusion(evaluation),
        "reliability": diagnostics.plot_reliability(evaluation),
        "outliers": diagnostics.plot_outliers(result),
        "track": diagnostics.plot_track(result, row),
    }
    for column in DRAWN:
        value = float(np.ma.filled(result[column][row], np.nan))
        known = {"value": value} if np.isfinite(value) else {}
        axes[f"density_{column}"] = diagnostics.plot_densities(model, column, **known)
    for name, ax in axes.items():
        ax.figure.savefig(folder / f"{name}.png", dpi=120, bbox_inches="tight")
        plt.close(ax.figure)
