# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Coverage and bias of the numbers of `count_classes` under shifts of proportions and depth.

    python benchmarks/counts.py [--n-skies 200] [--n-sources 4000] [--rng 1]

Each sky is a `make_labelled_sample` with one of six shifts, in turn. Half of the sources are
labelled; with "brighter labels" the chance of a label rises with the rank of the flux r as
1/(1 + exp(-s (r - 0.5))), s = 2 or 4. "Few" and "many" are the sources without a label of which
some are left out by class. With "bright half only", which is counted separately, no source below
the median flux is labelled. Printed for each shift: skies with intervals, the share of all true
numbers that the 68 % intervals hold, the same for the class that they hold least and most often,
the largest bias of a class in units of its error (half the mean interval), and the median error of
the common (more than 100 sources) and of the rare classes in per cent of the number.
"""

import argparse
import warnings

import numpy as np
from astropy.table import MaskedColumn
from scipy.special import expit

from claxboi.classification import NaiveBayesClassifier, estimate_class_numbers
from claxboi.simulation import make_labelled_sample

PROPERTIES = [
    *("b", "hr1", "hr2", "hr3", "hr4", "extent", "log_lx", "galaxy_radius"),
    *("log_fx_fr", "log_fx_fw1"),
]
FEW_AGN = {"AGN": 0.3}
MANY_AGN = dict.fromkeys(("star", "gal_XRB", "CV", "AGN_2", "ex_XRB", "extended"), 0.3)
MIXED = {"AGN": 0.6, "CV": 0.2, "star": 0.4}
#: Slope of the chance of a label with the rank of the flux, and share of each class that is kept.
SHIFTS = {
    "none": (0, {}),
    "few AGN": (0, FEW_AGN),
    "many AGN": (0, MANY_AGN),
    "brighter labels": (2, {}),
    "much brighter labels": (4, {}),
    "brighter labels, other proportions": (2, MIXED),
}
BRIGHT_HALF = "bright half only"
COMMON = 100


def make_sky(n_sources, slope, kept, rng):
    """Return a model of the labelled sources, the others, and their true classes."""
    table = make_labelled_sample(n_sources, labelled_fraction=1.0, rng=rng)
    rank = np.argsort(np.argsort(table["flux"])) / n_sources
    chance = 0.5 * (rank > 0.5) if slope is None else expit(slope * (rank - 0.5))
    labelled = rng.random(n_sources) < chance
    truth = np.asarray(table["true_class"])
    here = labelled | (rng.random(n_sources) < [kept.get(name, 1.0) for name in truth])
    table["class"] = MaskedColumn(truth, mask=~labelled)
    table, truth = table[here], truth[here]
    model = NaiveBayesClassifier(PROPERTIES).fit(table)
    new = table["class"].mask
    return model, table[new], truth[new]


def measure(options, slope, kept, rngs):
    """Return estimates, intervals and true numbers, of shape (skies, 4, classes)."""
    found = []
    for rng in rngs:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, new, truth = make_sky(options.n_sources, slope, kept, rng)
            numbers = estimate_class_numbers(model, new)
        true = dict(zip(*np.unique(truth, return_counts=True), strict=True))
        rows = {
            name: (*values, true.get(name, 0)) for name, *values in zip(*numbers[:4], strict=True)
        }
        if not numbers.reason:
            found.append([rows.get(name, (np.nan,) * 4) for name in sorted(true)])
    return np.array(found).transpose(0, 2, 1) if found else np.empty((0, 4, 1))


def show(title, n_skies, found):
    """Print a row of the table."""
    row = f"{title:36s}{len(found):3d} of {n_skies:3d}"
    if len(found):
        n, low, high, true = found.transpose(1, 0, 2)
        held = np.where(np.isnan(n), np.nan, (low <= true) & (true <= high))
        error = (high - low) / 2
        by_class = np.nanmean(held, axis=0)
        bias = np.abs(np.nanmean(n - true, axis=0)) / np.nanmean(error, axis=0)
        relative = 100 * error / np.maximum(true, 1)
        common = true > COMMON
        row += (
            f"  {np.nanmean(held):.3f}  {by_class.min():.2f} to {by_class.max():.2f}"
            f"  {bias.max():.2f}  {np.nanmedian(relative[common]):3.0f}"
            f"  {np.nanmedian(relative[~common]):3.0f}"
        )
    print(row, flush=True)


def main():
    """Read the arguments, and measure each shift."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--n-skies", type=int, default=200, help="with the six shifts in turn")
    parser.add_argument("--n-sources", type=int, default=4000)
    parser.add_argument("--rng", type=int, default=1)
    options = parser.parse_args()
    rngs = np.random.default_rng(options.rng).spawn(options.n_skies)
    print(f"{'shift':36s}skies       held   by class    bias  common rare")
    parts = []
    for k, (title, (slope, kept)) in enumerate(SHIFTS.items()):
        mine = rngs[k :: len(SHIFTS)]
        parts.append(measure(options, slope, kept, mine))
        show(title, len(mine), parts[-1])
    show("all", options.n_skies, np.concatenate(parts))
    more = np.random.default_rng(options.rng + 1).spawn(10)
    show(BRIGHT_HALF, len(more), measure(options, None, {}, more))


if __name__ == "__main__":
    main()
