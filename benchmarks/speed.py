# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Time and memory of the classifier.

Usage: python benchmarks/speed.py [--sources 1000000] [--labelled 100000] [--repeat 3]

Each step runs in a process of its own, with at most two threads, and prints the best of
its runs: wall-clock time, processor time, and the largest memory of the process.
"""

import argparse
import multiprocessing
import os
import resource
import time
import warnings

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402 - the threads of its libraries are set above
from astropy.table import Table  # noqa: E402

CATEGORIES = {
    "location": 4,
    "spectrum": 6,
    "counterparts": 4,
    "variability": 4,
}
PRIORS = {"a": 0.55, "b": 0.20, "c": 0.03, "d": 0.02, "e": 0.05, "f": 0.05, "g": 0.10}


def make_table(n, seed, *, labels, missing=0.2):
    """Make sources of 7 classes with 18 properties, and a share of missing values."""
    rng = np.random.default_rng(seed)
    names = list(PRIORS)
    codes = rng.choice(len(names), n, p=list(PRIORS.values()))
    table = Table()
    number = 0
    for category, size in CATEGORIES.items():
        for _ in range(size):
            shift = np.random.default_rng(number).normal(0, 1, len(names))[codes]
            values = rng.normal(shift, 1.0)
            values[rng.random(n) < missing] = np.nan
            table[f"{category}_{number}"] = values
            number += 1
    if labels:
        table["class"] = np.array(names)[codes]
    return table


def properties():
    """Map the categories to the columns of make_table."""
    columns = iter(range(sum(CATEGORIES.values())))
    return {
        category: [f"{category}_{next(columns)}" for _ in range(size)]
        for category, size in CATEGORIES.items()
    }


def measure(work, repeat):
    """Return the best wall-clock and processor time of some runs."""
    best = (np.inf, np.inf)
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    return best


def run(step, n_sources, n_labelled, repeat, queue):
    """Time one step; runs in a process of its own."""
    warnings.simplefilter("ignore")
    from claxboi.classification import NaiveBayesClassifier

    training = make_table(n_labelled, 1, labels=True)
    model = NaiveBayesClassifier(properties())
    if step == "fit":
        times = measure(lambda: model.fit(training), repeat)
    else:
        model.fit(training)
    if step == "classify":
        table = make_table(n_sources, 2, labels=False)
        times = measure(lambda: model.classify(table, PRIORS, show_progress=False), repeat)
    if step == "leave-one-out":
        times = measure(lambda: model.evaluate(training, PRIORS, show_progress=False), repeat)
    if step in {"optimize f1", "optimize log_loss"}:
        objective = step.split()[1]
        times = measure(
            lambda: model.optimize(
                training, PRIORS, objective=objective, rng=1, show_progress=False
            ),
            1,
        )
    queue.put((*times, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2))


STEPS = ("fit", "classify", "leave-one-out", "optimize f1", "optimize log_loss")


def main():
    """Read the arguments and time the steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--sources", type=int, default=1_000_000)
    parser.add_argument("--labelled", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    options = parser.parse_args()
    print(f"{options.labelled} labelled, {options.sources} to classify, 18 properties, 7 classes")
    print(f"{'step':18s} {'wall (s)':>10s} {'processor (s)':>14s} {'memory (GiB)':>13s}")
    context = multiprocessing.get_context("spawn")
    for step in options.steps:
        queue = context.Queue()
        process = context.Process(
            target=run, args=(step, options.sources, options.labelled, options.repeat, queue)
        )
        process.start()
        wall, cpu, memory = queue.get()
        process.join()
        print(f"{step:18s} {wall:10.3f} {cpu:14.3f} {memory:13.2f}", flush=True)


if __name__ == "__main__":
    main()
