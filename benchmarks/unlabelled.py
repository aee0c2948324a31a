# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Scores of the whole job on the sources of mock skies that no catalogue labels.

    python benchmarks/unlabelled.py [--rng 101 102 201 202] [--n-sources 6000]
                                    [--settings NAME ...] [--parts]

Labels are those of catalogues, so labelled sources are brighter than the others. Settings:
``claxboi run`` with its defaults; over all candidates; without limits of flux ratios; with the
presence of values as evidence instead (missing="existence"); with recipe="published"; with the true
proportions as priors; with priors from number counts ("sky priors"); and trained on another sky
whose sources all have their true label ("fair labels"). ``--parts`` adds the scores by third of
flux and by Galactic latitude, and the recall and the precision of each class. Log-loss of
probabilities clipped at 0.0001. Even right probabilities have an ECE above 0 with so few sources:
the "floor" is that of classes drawn from them.
"""

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn

from claxboi.classification import Evaluation
from claxboi.io import write_table
from claxboi.pipeline import PipelineSettings, prepare, run
from claxboi.simulation import make_mock_sky
from claxboi.utils import float_values, text_values

CLIP = 1e-4
LATITUDE = 20
SCORES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "macro_f1": "macro F1",
    "log_loss": "log-loss",
    "ece": "ECE",
}
BASE = PipelineSettings.named("whole-catalogue")
NO_LIMITS = BASE.updated({"properties": {"depths": ""}})
SETTINGS = {
    "default": BASE,
    "all candidates": BASE.updated({"classification": {"candidates": "all"}}),
    "no limits": NO_LIMITS,
    "missing=existence": NO_LIMITS.updated({"classification": {"missing": "existence"}}),
    "recipe=published": BASE.updated({"classification": {"recipe": "published"}}),
    "true priors": BASE,
    "sky priors": BASE.updated({"classification": {"priors": "sky"}}),
    "fair labels": BASE,
}


def do(job, sky, *args, settings, **options):
    """Do a job on a sky without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        references = {**sky.references, **sky.others}
        options |= {"references": references, "show_progress": False}
        return job(sky.xray, *args, settings=settings, **options)


def true_classes(sky):
    """Return the true class of each source."""
    return np.asarray(sky.truth["true_class"]).astype(str)


def label_fairly(rng, n, classes, path):
    """Write another sky, in which all sources of the classes have a label: the true one."""
    sky = make_mock_sky(n, rng=rng)
    table = do(prepare, sky, settings=BASE)
    truth = true_classes(sky)
    table["class"] = MaskedColumn(truth, mask=~np.isin(truth, classes))
    write_table(table, path)


def posteriors(sky, rng, name, classes, truth):
    """Do the job; return the result, the classes, and their probabilities."""
    settings = SETTINGS[name]
    with tempfile.TemporaryDirectory() as folder:
        if name == "true priors":
            numbers = np.array([np.sum(truth == one) for one in classes])
            priors = dict(zip(classes, (numbers / numbers.sum()).tolist(), strict=True))
            settings = settings.updated({"classification": {"priors": priors}})
        if name == "fair labels":
            path = Path(folder) / "training.fits"
            label_fairly(rng + 5000, len(sky.xray), classes, path)
            settings = settings.updated({"classification": {"training": str(path)}})
        result = do(run, sky, Path(folder) / "out.fits", settings=settings).table
    classes = [str(one) for one in result.meta["claxboi"]["classification"]["classes"]]
    return result, classes, np.array([float_values(result, f"P_{one}") for one in classes])


def parts(result, chosen):
    """Return the thirds of flux and the two kinds of latitude of the chosen sources, by name."""
    flux = float_values(result, "flux")
    low, high = np.nanquantile(flux[chosen], [1 / 3, 2 / 3])
    position = SkyCoord(result["ra"], result["dec"], unit=u.deg)
    is_high = np.abs(position.galactic.b.deg) > LATITUDE
    return {
        "faint": flux < low,
        "middle": (flux >= low) & (flux < high),
        "bright": flux >= high,
        f"|b|<{LATITUDE}": ~is_high,
        f"|b|>{LATITUDE}": is_high,
    }


def ece_floor(p, classes, n_draws=10):
    """Return the ECE that probabilities have on so many sources if they are right."""
    rng = np.random.default_rng(1)
    drawn = [(p.cumsum(axis=0) < rng.random(p.shape[1])).sum(axis=0) for _ in range(n_draws)]
    drawn = np.minimum(drawn, len(classes) - 1)
    return np.mean([Evaluation.from_probabilities(one, p.T, classes).ece for one in drawn])


def show(title, codes, p, classes, by_class=False):
    """Print the scores of sources, and those of each class."""
    score = Evaluation.from_probabilities(codes, p.T, classes, clip=CLIP)
    row = "  ".join(f"{name} {getattr(score, key):.3f}" for key, name in SCORES.items())
    row += f" (floor {ece_floor(p, classes):.3f})"
    print(f"{title:36s}  n {len(codes):5d}  {row}", flush=True)
    if by_class:
        guess = p.argmax(axis=0)
        for k, name in enumerate(classes):
            right = np.sum((codes == k) & (guess == k))
            recall, precision = right / np.sum(codes == k), right / max(np.sum(guess == k), 1)
            print(f"    {name:12s}  recall {recall:.3f}  precision {precision:.3f}", flush=True)


def main():
    """Read the arguments, and score each sky with each setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rng", type=int, nargs="+", default=[101, 102, 201, 202])
    parser.add_argument("--n-sources", type=int, default=6000)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=[*SETTINGS][:5])
    parser.add_argument("--parts", action="store_true")
    options = parser.parse_args()
    for rng in options.rng:
        sky = make_mock_sky(options.n_sources, rng=rng)
        truth, classes = true_classes(sky), None
        for name in ["default", *(one for one in options.settings if one != "default")]:
            result, classes, p = posteriors(sky, rng, name, classes, truth)
            if name == "default":
                unlabelled = text_values(result, "class")[1]
            chosen = unlabelled & np.isin(truth, classes) & np.isfinite(p).all(axis=0)
            codes = np.array([classes.index(one) if one in classes else -1 for one in truth])
            title = f"rng {rng}  {name}"
            show(title, codes[chosen], p[:, chosen], classes, options.parts)
            for part, here in parts(result, chosen).items() if options.parts else ():
                rows = here & chosen
                show(f"{title}  {part}", codes[rows], p[:, rows], classes)


if __name__ == "__main__":
    main()
