# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Time of associating and classifying by partition, against the work in one piece.

Needs claxboi[lsdb]. Usage: python benchmarks/partitions.py [sources] [objects]
"""

import sys
import tempfile
import time
import warnings
from pathlib import Path

import lsdb
import numpy as np
from astropy import units as u
from astropy.table import Table

from claxboi.classification import NaiveBayesClassifier, classify_partitions
from claxboi.counterparts import associate_partitions, find_counterparts
from claxboi.simulation import make_labelled_sample

RADIUS = 10 * u.arcsec
PRIORS = {"AGN": 0.7, "star": 0.3}
PROPERTIES = ["b", "hr1", "log_fx_fb"]


def catalogues(n, m, rng):
    """Make sources, and a survey on the same 100 square degrees."""
    train = make_labelled_sample(3000, rng=rng)
    train = train[np.isin(train["true_class"], list(PRIORS))]
    model = NaiveBayesClassifier(PROPERTIES, classes=list(PRIORS)).fit(train)
    rows = rng.integers(len(train), size=n)
    xray = Table({name: np.ma.filled(train[name], np.nan)[rows] for name in PROPERTIES})
    xray["source_id"] = np.char.mod("X%d", np.arange(n))
    survey = Table({"source_id": np.arange(m)})
    for table, size in ((xray, n), (survey, m)):
        table["ra"], table["dec"] = rng.uniform(40, 50, size), rng.uniform(-5, 5, size)
    xray["pos_error"], survey["pos_error"] = rng.uniform(1, 3, n), 0.1
    half = min(n, m) // 2
    for name in ("ra", "dec"):
        survey[name][:half] = xray[name][:half] + rng.normal(0, 1, half) / 3600
    return xray, survey, model


def write(table, path, rows, margin=None):
    """Write a table as a HATS catalogue."""
    lsdb.from_dataframe(
        table.to_pandas(),
        ra_column="ra",
        dec_column="dec",
        partition_rows=rows,
        highest_order=7,
        margin_threshold=margin,
    ).write_catalog(path, progress_bar=False)


def seconds(function):
    """Measure the time and the CPU time of a function."""
    start = np.array([time.perf_counter(), time.process_time()])
    result = function()
    return np.array([time.perf_counter(), time.process_time()]) - start, result


def read_rows(frame):
    """Read a partition and keep none of it."""
    return frame[:0]


def main(n=200_000, m=2_000_000):
    """Print the times."""
    warnings.simplefilter("ignore")
    xray, survey, model = catalogues(n, m, np.random.default_rng(5))
    settings = {"radius": RADIUS, "completeness": 0.6, "density": "local"}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(xray, folder / "xray", n // 12)
        write(survey, folder / "survey", m // 12, margin=400)
        sources, objects = (lsdb.open_catalog(folder / name) for name in ("xray", "survey"))
        print(f"{n} sources in {sources.npartitions} partitions, {m} in {objects.npartitions}")

        def once():
            found = find_counterparts(xray, {"survey": survey}, **settings)
            return model.classify(found, PRIORS, show_progress=False)

        def read_and_write():
            for one in (sources, objects, objects.margin):
                one.map_partitions(read_rows).compute(progress_bar=False)
            lsdb.open_catalog(folder / "out").write_catalog(folder / "copy", progress_bar=False)

        def by_partition(name):
            found = associate_partitions(sources, {"survey": objects}, **settings)
            result = classify_partitions(found, model, PRIORS)
            result.write_catalog(folder / name, progress_bar=False)

        # The first time, modules are imported and functions compiled.
        by_partition("out")
        work, whole = seconds(once)
        files, _ = seconds(read_and_write)
        parts, _ = seconds(lambda: by_partition("again"))
        for number, kind in enumerate(("wall", "CPU")):
            a, b, c = work[number], files[number], parts[number]
            print(f"{kind}: in one piece {a:.2f} s, reading and writing {b:.2f} s")
            print(f"{kind}: by partition {c:.2f} s, {c / (a + b):.2f} of the sum")
        result = lsdb.open_catalog(folder / "out").compute(progress_bar=False)
        result = result.set_index("source_id").loc[whole["source_id"].tolist()]
        for name in ("opt_p_any", "opt_p_i", "P_AGN"):
            values = np.ma.filled(whole[name], np.nan)
            difference = np.nanmax(np.abs(result[name].to_numpy(float) - values))
            print(f"largest difference of {name}: {difference:.1e}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
