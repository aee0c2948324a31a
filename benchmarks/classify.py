# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Time to classify many sources, in units of a loop that calls numpy.interp.

Usage: python benchmarks/classify.py [--sources 1000000] [--labelled 100000] [--pairs]

The loop interpolates a table of 200 values for each property and class, and adds: what anybody
would write first. Two threads at most. Each line has the wall-clock and processor time, their
ratios to the loop, and the largest difference of a log posterior from the exact evaluation.
"""

import argparse
import os
import resource
import time
import warnings

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402 - the threads of its libraries are set above
from speed import PRIORS, make_table, properties  # noqa: E402

from claxboi.classification import NaiveBayesClassifier  # noqa: E402

#: Sources for which the exact answer is compared.
N_COMPARED = 100_000


def measure(work):
    """Return wall-clock time, processor time and the result of a function."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def naive(table, columns, densities):
    """Add interpolated log-densities, property by property and class by class."""
    total = np.zeros((len(PRIORS), len(table)))
    for column, (grid, values) in zip(columns, densities, strict=True):
        points = np.asarray(table[column])
        here = ~np.isnan(points)
        for c in range(len(PRIORS)):
            total[c, here] += np.interp(points[here], grid, values[c])
    total += np.log(list(PRIORS.values()))[:, np.newaxis]
    total -= total.max(axis=0)
    posterior = np.exp(total)
    return posterior / posterior.sum(axis=0)


def difference(model, table):
    """Return the largest difference of log posteriors from the exact ones."""
    part = table[:N_COMPARED]
    fast = model.predict_log_proba(part, PRIORS)
    model._is_exact = True
    exact = model.predict_log_proba(part, PRIORS)
    model._is_exact = False
    return np.abs(fast - exact).max()


def main():
    """Read the arguments and time the steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--sources", type=int, default=1_000_000)
    parser.add_argument("--labelled", type=int, default=100_000)
    parser.add_argument("--pairs", action="store_true", help="refine by 40 pairs of properties")
    parser.add_argument("--no-difference", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    training = make_table(options.labelled, 1, labels=True, missing=0.3)
    training["source_id"] = np.arange(len(training))
    model = NaiveBayesClassifier(properties(), n_jobs=2)

    def fit():
        model.fit(training)
        if options.pairs:
            model.optimize(training, PRIORS, show_progress=False)

    times = [("fit", *measure(fit)[:2])]
    table = make_table(options.sources, 2, labels=False, missing=0.3)
    columns = [column for group in properties().values() for column in group]
    densities = []
    for column in columns:
        grid = np.linspace(-6, 6, 200)
        densities.append((grid, np.log(model.density(column, grid).T)))
    loop = measure(lambda: naive(table, columns, densities))[:2]
    times.append(("loop of np.interp", *loop))
    table["source_id"] = -1 - np.arange(len(table))
    times.append(("classify, new", *measure(lambda: model.classify(table, PRIORS))[:2]))
    mixed = table.copy()
    known = np.arange(0, len(mixed), max(len(mixed) // len(training), 1))[: len(training)]
    for column in (*columns, "source_id"):
        mixed[column][known] = training[column][: len(known)]
    times.append(("classify, a part trained", *measure(lambda: model.classify(mixed, PRIORS))[:2]))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{'step':26s} {'wall (s)':>9s} {'ratio':>7s} {'processor (s)':>14s} {'ratio':>7s}")
    for step, wall, cpu in times:
        print(f"{step:26s} {wall:9.2f} {wall / loop[0]:7.2f} {cpu:14.2f} {cpu / loop[1]:7.2f}")
    print(f"largest memory {memory:.2f} GiB")
    if not options.no_difference:
        print(f"largest difference from the exact evaluation, new: {difference(model, table):.1e}")
        print(f"with training rows: {difference(model, mixed):.1e} nats")


if __name__ == "__main__":
    main()
