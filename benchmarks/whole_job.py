# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Time and memory of the whole job, step by step, on mock skies through local references.

    python benchmarks/whole_job.py [--n-sources 50000 650000] [--candidates best all] [--rng 1]
        [--folder FOLDER]

Each size runs in a process of its own, whose memory is the largest at the end of each step; making
the sky, which stands for the downloads, is not part of the job. Targets for 650,000 sources: 300 s
and 8 GB on two cores, and a cost that is linear in the number of sources.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from itertools import pairwise
from pathlib import Path


def memory_gb():
    """Return the largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def measure(folder, candidates):
    """Do the job on the sky in a folder; print one JSON line for each step."""
    from claxboi.pipeline import job as jobs
    from claxboi.pipeline import run, steps
    from claxboi.pipeline.reference_step import find_references
    from claxboi.pipeline.settings import parse_settings

    warnings.simplefilter("ignore")
    laps = []

    def lap(name):
        laps.append([name, time.perf_counter(), time.process_time(), memory_gb()])

    def timed(name, work):
        def step(*args, **kwargs):
            result = work(*args, **kwargs)
            lap(name)
            return result

        return step

    for name, work in steps.PREPARATION.items():
        steps.PREPARATION[name] = timed(name, work)
    jobs.classify_sources = timed("classes", jobs.classify_sources)
    jobs.evaluate = timed("scores", jobs.evaluate)
    jobs.Checkpoints.keep = timed("checkpoint", jobs.Checkpoints.keep)

    references = find_references(folder / "references") | find_references(folder / "others")
    lap("start")
    run(
        folder / "xray.fits",
        folder / "out.fits",
        settings=parse_settings(None).updated({"classification": {"candidates": candidates}}),
        mission="4XMM",
        references=references,
        overwrite=True,
        refresh=True,
        show_progress=False,
    )
    lap("report, output")
    print(json.dumps(laps))


def table(laps):
    """Sum up the laps of each step: seconds, processor seconds and memory."""
    rows = {}
    for (_, start, cpu, _), (name, end, cpu_end, memory) in pairwise(laps):
        wall, processor, _ = rows.get(name, (0.0, 0.0, 0.0))
        rows[name] = wall + end - start, processor + cpu_end - cpu, memory
    first, last = laps[0], laps[-1]
    return {**rows, "whole job": (last[1] - first[1], last[2] - first[2], last[3])}


def main():
    """Read the arguments, make the skies, and do the job on each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--n-sources", type=int, nargs="+", default=[50_000, 650_000])
    parser.add_argument("--candidates", nargs="+", choices=("best", "all"), default=["best"])
    parser.add_argument("--rng", type=int, default=1)
    parser.add_argument("--folder", help="where the skies are kept (default: they are not)")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(Path(options.measure), *options.candidates)
        return
    with tempfile.TemporaryDirectory() as temporary:
        for n in options.n_sources:
            folder = Path(options.folder or temporary) / f"sky-{n}"
            make_sky(folder, n, options.rng)
            for candidates in options.candidates:
                command = [sys.executable, __file__, "--measure", str(folder)]
                command += ["--candidates", candidates]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                print(f"\n{n} sources, candidates = {candidates!r}")
                print(f"{'step':16s} {'wall (s)':>9s} {'processor (s)':>14s} {'memory (GB)':>12s}")
                for name, numbers in table(json.loads(output.splitlines()[-1])).items():
                    wall, cpu, memory = numbers
                    print(f"{name:16s} {wall:9.1f} {cpu:14.1f} {memory:12.2f}", flush=True)


def make_sky(folder, n, rng):
    """Write a mock sky, unless it is there already."""
    from claxboi.simulation import make_mock_sky

    if (folder / "truth.fits").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    make_mock_sky(n, rng=rng).write(folder, overwrite=True)
    print(f"the sky of {n} sources took {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
