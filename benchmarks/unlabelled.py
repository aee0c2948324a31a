# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Scores of the whole job on the sources of mock skies that no catalogue labels.

    python benchmarks/unlabelled.py [--rng 101 102 201 202] [--n-sources 6000]

Rows: ``claxboi run`` with its default settings, without limits of flux ratios, with the presence of
values as evidence instead (missing="existence"), and with recipe="published". Labels are those of
catalogues, so labelled sources are brighter than the others. Log-loss of probabilities clipped
at 0.0001.
"""

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np

from claxboi.classification import Evaluation
from claxboi.pipeline import PipelineSettings, run
from claxboi.simulation import make_mock_sky
from claxboi.utils import float_values, text_values

CLIP = 1e-4
SCORES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "macro_f1": "macro F1",
    "log_loss": "log-loss",
    "ece": "ECE",
}


def variants():
    """Return the settings by name."""
    base = PipelineSettings.named("whole-catalogue")

    no_limits = {"properties": {"depths": ""}}
    return {
        "default": base,
        "no limits": base.updated(no_limits),
        "missing=existence": base.updated(
            {**no_limits, "classification": {"missing": "existence"}}
        ),
        "recipe=published": base.updated({"classification": {"recipe": "published"}}),
    }


def posteriors(sky, settings):
    """Do the job; return the classes, the probabilities and which sources have a label."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = run(
            sky.xray,
            Path(folder) / "out.fits",
            settings=settings,
            references={**sky.references, **sky.others},
            show_progress=False,
        )
        result = done.table
    classes = [str(name) for name in result.meta["claxboi"]["classification"]["classes"]]
    p = np.array([float_values(result, f"P_{name}") for name in classes])
    return classes, p, ~text_values(result, "class")[1]


def main():
    """Read the arguments, and score each sky with each setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rng", type=int, nargs="+", default=[101, 102, 201, 202])
    parser.add_argument("--n-sources", type=int, default=6000)
    options = parser.parse_args()
    for rng in options.rng:
        sky = make_mock_sky(options.n_sources, rng=rng)
        truth = np.asarray(sky.truth["true_class"]).astype(str)
        for name, settings in variants().items():
            classes, p, has_label = posteriors(sky, settings)
            chosen = ~has_label & np.isin(truth, classes) & np.isfinite(p).all(axis=0)
            codes = np.array([classes.index(label) for label in truth[chosen]])
            score = Evaluation.from_probabilities(codes, p[:, chosen].T, classes, clip=CLIP)
            row = "  ".join(f"{title} {getattr(score, key):.3f}" for key, title in SCORES.items())
            print(f"rng {rng}  {name:18s}  n {len(codes)}  {row}", flush=True)


if __name__ == "__main__":
    main()
