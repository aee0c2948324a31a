# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Draw the picture of the README from the simulated sample: ``python docs/make_overview.py``.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from claxboi import classify
from claxboi.diagnostics import plot_confusion, plot_densities, plot_track
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

# Each panel and its place: left, bottom, width and height, as shares of the figure.
PANELS = {
    "What the classes look like": (0.035, 0.12, 0.25, 0.66),
    "Why this source": (0.335, 0.12, 0.28, 0.75),
    "How good it is": (0.735, 0.21, 0.26, 0.66),
}


def main():
    """
    Classify the sample and draw its most doubtful source between two views of the whole.
    """
    table = make_labelled_sample(2000, rng=1)
    result, model = classify(table, PRIORS, return_model=True)
    new = result[~result["is_training"]]
    doubtful = new["source_id"][np.argmin(new["margin"])]

    fig = plt.figure(figsize=(18, 5.4))
    densities, track, confusion = (fig.add_axes(box) for box in PANELS.values())
    plot_densities(model, "log_fx_fb", ax=densities)
    plot_track(result, doubtful, ax=track)
    plot_confusion(model.evaluate(table, PRIORS), ax=confusion)
    for title, (left, *_) in PANELS.items():
        fig.text(left, 0.94, title, size=14, weight="bold")
    fig.savefig(Path(__file__).parent / "_static" / "overview.png", dpi=80)


if __name__ == "__main__":
    main()
