# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Draw the pictures of the front page and the README from the simulated sample.

``python docs/make_overview.py`` writes one picture a panel, which a phone shows one below the
other, and all four in one.
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
        What stands above the panel.
    draw : callable
        Draws on the Axes that it is given.

    Returns
    -------
    pixels : ndarray
        The picture, as matplotlib reads it.
    """
    # Small, so that letters are large: it is shown at half the width of a page.
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
    Classify the sample and draw its most doubtful source between two views of the whole.
    """
    table = make_labelled_sample(6000, rng=1)
    result, model = classify(table, PRIORS, return_model=True)
    new = result[~result["is_training"]]
    doubtful = new["source_id"][np.argmin(new["margin"])]
    evaluation = model.evaluate(table, PRIORS)
    panels = {
        "What sets the classes apart": lambda ax: plot_plane(
            result, "log_fx_fw1", "hr2", class_column="true_class", source=doubtful, ax=ax
        ),
        "Why this source is what it is": lambda ax: plot_track(result, doubtful, ax=ax),
        "How often it is right": lambda ax: plot_confusion(evaluation, ax=ax),
        "Whether 0.8 means 80 %": lambda ax: plot_reliability(evaluation, ax=ax),
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
