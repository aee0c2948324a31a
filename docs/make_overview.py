# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Draw the figures of the front page and the README from the simulated sample.

``python docs/make_overview.py`` writes one file per panel for the front page, and one with all
four panels for the README.
"""

from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from claxboi import classify
from claxboi.diagnostics import plot_confusion, plot_plane, plot_reliability, plot_track
from claxboi.simulation import make_labelled_sample

PRIORS = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}
FOLDER = Path(__file__).parent / "_static"


def panel(name, title, draw):
    """
    Draw one panel into a file, and return its pixels.

    Parameters
    ----------
    name : str
        Name of the file.
    title : str
        Title of the panel.
    draw : callable
        Function that draws on an Axes.

    Returns
    -------
    pixels : ndarray
        The image, as matplotlib reads it.
    """
    # Small, so that fonts are large when it is shown at half the width of a page.
    fig = plt.figure(figsize=(6.4, 4.8), layout="constrained")
    draw(fig.add_subplot())
    fig.suptitle(title, x=0.02, ha="left", size=14, weight="bold")
    stream = BytesIO()
    fig.savefig(stream, dpi=125)
    FOLDER.joinpath(name).write_bytes(stream.getvalue())
    stream.seek(0)
    return plt.imread(stream)


def main():
    """
    Classify the sample and draw the panels, with the least certain source that has all properties.
    """
    table = make_labelled_sample(6000, rng=1)
    result, model = classify(table, PRIORS, return_model=True)
    is_complete = result["n_missing"] == result["n_missing"].min()
    new = result[is_complete & ~result["is_training"]]
    doubtful = new["source_id"][np.argmin(new["margin"])]
    evaluation = model.evaluate(table, PRIORS)
    panels = {
        "Classes in a plane of two properties": lambda ax: plot_plane(
            result, "log_fx_fw1", "hr2", class_column="true_class", source=doubtful, ax=ax
        ),
        "Class probabilities of one source": lambda ax: plot_track(result, doubtful, ax=ax),
        "Confusion matrix": lambda ax: plot_confusion(evaluation, ax=ax),
        "Calibration": lambda ax: plot_reliability(evaluation, ax=ax),
    }
    names = ("plane", "track", "confusion", "reliability")
    pixels = [
        panel(f"overview_{name}.png", title, draw)
        for name, (title, draw) in zip(names, panels.items(), strict=True)
    ]
    rows = [np.concatenate(pixels[k : k + 2], axis=1) for k in (0, 2)]
    plt.imsave(FOLDER / "overview.png", np.concatenate(rows))


if __name__ == "__main__":
    main()
