# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Time and memory of the classifier, next to the loop that any user would write.

    python benchmarks/classify.py [--n-sources 1000000] [--rng 1]

18 properties, 30 % of them missing, 7 classes. The loop looks up a table of log-densities by
``numpy.interp``, property by property and class by class, in the same run. Times are wall-clock.
"""

import argparse
import resource
import time
import warnings

import numpy as np
from astropy.table import Table

from claxboi import NaiveBayesClassifier

N_PROPERTIES, N_CLASSES, MISSING = 18, 7, 0.3
CATEGORIES = ("location", "spectrum", "counterparts")


def make_sources(n, rng):
    """Return properties of sources, and their classes."""
    codes = rng.choice(N_CLASSES, n, p=np.array([50, 20, 10, 8, 6, 4, 2]) / 100)
    centres = np.random.default_rng(5).normal(size=(N_PROPERTIES, N_CLASSES))
    common = rng.normal(size=n)
    table = Table({"source_id": np.arange(n)})
    for p in range(N_PROPERTIES):
        x = centres[p][codes] + 0.6 * common + 0.8 * rng.normal(size=n)
        x[rng.random(n) < MISSING] = np.nan
        table[f"x{p}"] = x
    return table, np.array([f"c{code}" for code in codes])


def naive_loop(model, table):
    """Classify by one interpolation per property and class."""
    total = np.zeros((N_CLASSES, len(table)))
    for p in range(N_PROPERTIES):
        x = np.asarray(table[f"x{p}"])
        present = ~np.isnan(x)
        grid = np.linspace(np.nanmin(x), np.nanmax(x), 1000)
        log_density = np.log(model.density(f"x{p}", grid)).T
        for c in range(N_CLASSES):
            total[c, present] += np.interp(x[present], grid, log_density[c])
    total -= total.max(axis=0)
    posterior = np.exp(total)
    return posterior / posterior.sum(axis=0)


def memory_gb():
    """Return the largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def timed(name, work, unit=None):
    """Run, and print the time, and its ratio to another one."""
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    ratio = "" if unit is None else f"{seconds / unit:8.2f}"
    print(f"{name:56s}{seconds:8.2f} s{ratio}   {memory_gb():.2f} GB", flush=True)
    return result, seconds


def main():
    """Read the arguments, and time each part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--n-sources", type=int, default=1_000_000)
    parser.add_argument("--rng", type=int, default=1)
    parser.add_argument("--fits", type=int, nargs="*", default=[3000, 100_000])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(options.rng)
    properties = {
        name: [f"x{p}" for p in range(N_PROPERTIES) if p % 3 == k]
        for k, name in enumerate(CATEGORIES)
    }
    models = {}
    for n in options.fits:
        sample, labels = make_sources(n, rng)
        sample["class"] = labels

        def fit(sample=sample):
            model = NaiveBayesClassifier(properties)
            model.fit(sample, "class")
            model.optimize(sample, "training", show_progress=False)
            return model

        models[n] = timed(f"fit of {n} labelled sources, with pairs", fit)[0]
    table, _ = make_sources(options.n_sources, rng)
    table["source_id"] += 10**7
    refined = models[options.fits[0]]
    plain = NaiveBayesClassifier(properties, refine=False)
    sample, labels = make_sources(options.fits[-1], rng)
    sample["class"] = labels
    plain.fit(sample, "class")
    _, unit = timed("naive loop", lambda: naive_loop(plain, table))
    for name, model in (("no refinement", plain), ("40 pairs", refined)):
        timed(
            f"classify {options.n_sources} new sources, {name}",
            lambda model=model: model.classify(table, "training", show_progress=False),
            unit,
        )
    table["source_id"][: len(sample)] = sample["source_id"]
    for name in table.colnames[1:]:
        table[name][: len(sample)] = sample[name]
    timed(
        f"classify, {len(sample)} of them trained the model",
        lambda: plain.classify(table, "training", show_progress=False),
        unit,
    )


if __name__ == "__main__":
    main()
