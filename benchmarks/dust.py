# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Scores near the Galactic plane of mock skies, with labelled AGN reddened and not.

    python benchmarks/dust.py [--rng 101 102 201 202] [--n-sources 6000]

Labels of AGN within 5 degrees of the plane are removed, and so is the property ``b``, which would
count as evidence against AGN there. E(B-V) is that of the mock sky, without its scatter. Scores of
the sources within 5 degrees that have no label; log-loss of probabilities clipped at 0.0001.
"""

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np

from claxboi.classification import Evaluation, classify_behind_dust, fit_classifier
from claxboi.pipeline import PipelineSettings, run
from claxboi.simulation import make_mock_sky
from claxboi.utils import float_values, text_values

#: Near the plane, degrees; and E(B-V) at the pole, its floor in sin|b|.
NEAR = 5.0
POLE, FLOOR = 2.2e20 / 2.0e21 / 3.1, 0.02


def answers(rng, n_sources):
    """Return the classes, the true ones, the rows to score and the results by name."""
    sky = make_mock_sky(n_sources, rng=rng)
    references = {**sky.references, **sky.others}
    settings = PipelineSettings.named("whole-catalogue")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.fits"
        done = run(sky.xray, path, settings=settings, references=references, show_progress=False)
    table = done.table
    priors = dict(table.meta["claxboi"]["classification"]["priors"])
    sine = np.sin(np.radians(np.abs(float_values(table, "b"))))
    table["E_BV"] = POLE / (sine + FLOOR)
    near = np.abs(float_values(table, "b")) < NEAR
    table["class"].mask[near & (text_values(table, "class")[0] == "AGN")] = True
    options = {
        "properties": [one for one in done.model.properties if one.column != "b"],
        "missing": settings.classification.missing or None,
        "show_progress": False,
    }
    model, settled = fit_classifier(table, priors, overwrite=True, **options)
    results = {
        "as labelled": model.classify(table, settled, overwrite=True, show_progress=False),
        "reddened": classify_behind_dust(
            table, priors, extinction="E_BV", width=0.2, overwrite=True, **options
        ),
    }
    truth = np.asarray(sky.truth["true_class"]).astype(str)
    chosen = near & text_values(table, "class")[1] & np.isin(truth, model.classes_)
    return list(model.classes_), truth, chosen, results


def main():
    """Read the arguments, and score each sky."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rng", type=int, nargs="+", default=[101, 102, 201, 202])
    parser.add_argument("--n-sources", type=int, default=6000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for rng in options.rng:
        classes, truth, chosen, results = answers(rng, options.n_sources)
        codes = np.array([classes.index(name) for name in truth[chosen]])
        for name, result in results.items():
            p = np.array([float_values(result, f"P_{one}") for one in classes])[:, chosen]
            score = Evaluation.from_probabilities(codes, p.T, classes, clip=1e-4)
            recall = "  ".join(
                f"{one} {np.mean(p.argmax(axis=0)[codes == k] == k):.3f}"
                for k, one in enumerate(classes)
                if one in ("AGN", "star")
            )
            print(
                f"rng {rng}  {name:11s}  n {len(codes)}  accuracy {score.accuracy:.3f}  "
                f"log-loss {score.log_loss:.3f}  recall: {recall}",
                flush=True,
            )


if __name__ == "__main__":
    main()
