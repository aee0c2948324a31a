# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Time and memory of the association, beside NWAY and beside a bare search for pairs.

Usage: python benchmarks/counterparts.py [--sources 1000 10000 100000] [--repeat 3]
           [--secondaries 1 2] [--nway-python ENVIRONMENT/bin/python]

NWAY is run, never imported: --nway-python is the interpreter of an environment of its own, in
which ``pip install nway==4.8.0`` was done. Each run is a process of its own; the best wall-clock
time counts, and the largest memory. Times are of the call alone for claxboi and for
``nwaylib.nway_match``; of the whole process, files included, for ``nway.py`` (and, but for the
imports, for claxboi in the line "from files").
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

DENSITY = {"OPT": 20_405, "IR": 18_385}
"""Objects per square degree, as in the published field that NWAY was measured on."""
XRAY_DENSITY = 500
"""X-ray sources per square degree."""
ERRORS = {"OPT": 0.1, "IR": 0.5}
RADIUS = 15.0

PREPARE = """
import json, resource, sys, time, warnings
folder, n_secondaries, prior = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "mag"
names = ["OPT", "IR"][:n_secondaries]
"""
REPORT = """
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("RESULT", json.dumps({"seconds": seconds, "MiB": memory, "answer": answer}))
"""
READ = """
from astropy.table import Table
from astropy.io import fits
def read(name):
    with fits.open(f"{folder}/{name}.fits") as hdus:
        area = hdus[1].header["SKYAREA"]
    return Table.read(f"{folder}/{name}.fits", hdu=1), area
"""

CLAXBOI = (
    PREPARE
    + """
from astropy import units as u
from claxboi.counterparts import associate
begin = time.perf_counter()
"""
    + READ
    + """
xray, _ = read("XRAY")
tables = {name: read(name) for name in names}
for t in [xray, *(t for t, _ in tables.values())]:
    t.rename_columns(["RA", "DEC", "POSERR"], ["ra", "dec", "pos_error"])
start = time.perf_counter()
candidates = associate(
    xray,
    {name: t for name, (t, _) in tables.items()},
    radius=15 * u.arcsec,
    completeness=0.9 ** (1 / n_secondaries),
    area=[area for _, area in tables.values()] * u.deg**2,
    priors={name: "MAG" for name in names} if prior else None,
    field_association="estimate",
)
seconds = time.perf_counter() - start
answer = [len(candidates), start - begin]
"""
    + REPORT
)

NWAY_LIBRARY = (
    PREPARE
    + READ
    + """
import os, tempfile
import numpy as np, nwaylib, nwaylib.logger
os.chdir(tempfile.mkdtemp(dir=folder))
def given(name):
    t, area = read(name)
    mags = prior and name != "XRAY"
    return {
        "name": name, "ra": np.array(t["RA"], float), "dec": np.array(t["DEC"], float),
        "error": np.array(t["POSERR"], float), "area": area,
        "mags": [np.array(t["MAG"], float)] if mags else [],
        "magnames": ["MAG"] if mags else [], "maghists": [None] if mags else [],
    }
tables = [given(name) for name in ["XRAY", *names]]
start = time.perf_counter()
result = nwaylib.nway_match(
    tables, match_radius=15.0, prior_completeness=0.9, store_mag_hists=False,
    logger=nwaylib.logger.NullOutputLogger(),
)
seconds = time.perf_counter() - start
answer = [len(result), 0.0]
"""
    + REPORT
)

BARE = (
    PREPARE
    + READ
    + """
import numpy as np
from scipy.spatial import cKDTree
def vectors(t):
    ra, dec = np.radians(np.array(t["RA"], float)), np.radians(np.array(t["DEC"], float))
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
xray, (first, _) = read("XRAY")[0], read("OPT")
start = time.perf_counter()
pairs = cKDTree(vectors(first)).query_ball_point(vectors(xray), np.radians(15 / 3600))
seconds = time.perf_counter() - start
answer = [sum(map(len, pairs)), 0.0]
"""
    + REPORT
)


def write_field(folder, n_sources):
    """Write the X-ray sources and the two catalogues of a square field at declination +10."""
    import numpy as np
    from astropy.table import Table

    rng = np.random.default_rng(1)
    area = n_sources / XRAY_DENSITY
    side = np.sqrt(area)

    def places(n):
        dec = 10 + side * (rng.random(n) - 0.5)
        return 150 + side * (rng.random(n) - 0.5) / np.cos(np.radians(10)), dec

    def near(ra, dec, sigma):
        east, north = rng.normal(0, sigma, (2, len(ra))) / 3600
        return ra + east / np.cos(np.radians(dec)), dec + north

    true = places(n_sources)
    sigma = 0.5 + rng.gamma(2.0, 0.4, n_sources)
    tables = {"XRAY": (*near(*true, sigma), sigma, None)}
    for name, completeness in (("OPT", 0.80), ("IR", 0.75)):
        has = rng.random(n_sources) < completeness
        n_field = int(DENSITY[name] * area)
        own, field = near(true[0][has], true[1][has], ERRORS[name]), places(n_field)
        mag = np.append(
            rng.normal(19.5, 1.5, has.sum()), 22.5 + np.log10(rng.random(n_field)) / 0.6
        )
        ra, dec = (np.append(a, b) for a, b in zip(own, field, strict=True))
        order = rng.permutation(len(ra))
        error = np.full(len(ra), ERRORS[name])
        tables[name] = (ra[order], dec[order], error, mag[order])
    for name, (ra, dec, error, mag) in tables.items():
        table = Table({"ID": np.arange(len(ra)), "RA": ra, "DEC": dec, "POSERR": error})
        if mag is not None:
            table["MAG"] = mag
        table.meta["EXTNAME"] = name
        table.meta["SKYAREA"] = float(area)
        table.write(Path(folder) / f"{name}.fits", overwrite=True)


def run(python, code, case, repeat):
    """Run a snippet several times; return the best time, the largest memory and the answer."""
    folder, n_secondaries, prior = case
    results = []
    for _ in range(repeat):
        command = [python, "-c", code, folder, str(n_secondaries), "mag" if prior else "none"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=one_thread()
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        if not lines:
            return None, done.stderr.strip().splitlines()[-1:]
        results.append(json.loads(lines[-1].removeprefix("RESULT ")))
    best = min(results, key=lambda r: r["seconds"])
    return best | {"MiB": max(r["MiB"] for r in results)}, None


def run_command(python, case, repeat):
    """Run ``nway.py`` on the files; return the best time and the largest memory."""
    folder, n_secondaries, prior = case
    script = Path(python).parent / "nway.py"
    command = [python, str(script), "--radius", str(RADIUS), "--prior-completeness", "0.9"]
    command += ["--out", "nway.fits", f"{folder}/XRAY.fits", ":POSERR"]
    names = ("OPT", "IR")[:n_secondaries]
    for name in names:
        command += [f"{folder}/{name}.fits", ":POSERR"]
    for name in names if prior else ():
        command += ["--mag", f"{name}:MAG", "auto"]
    code = (
        "import json, resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], capture_output=True, text=True)\n"
        "seconds = time.perf_counter() - start\n"
        "memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024\n"
        "sys.stderr.write(done.stderr[-400:])\n"
        "print(json.dumps([seconds, memory, done.returncode]))\n"
    )
    results = []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory(dir=folder) as here:
            done = subprocess.run(
                [sys.executable, "-c", code, *command],
                capture_output=True,
                text=True,
                check=True,
                cwd=here,
                env=one_thread(),
            )
        seconds, memory, status = json.loads(done.stdout)
        if status:
            return None, done.stderr.strip().splitlines()[-1:]
        results.append((seconds, memory))
    return {
        "seconds": min(r[0] for r in results),
        "MiB": max(r[1] for r in results),
        "answer": [0, 0.0],
    }, None


def one_thread():
    """Return an environment in which numerical libraries use one thread."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return os.environ | dict.fromkeys(threads, "1")


def show(label, result, problem, reference=None):
    """Print one line."""
    if result is None:
        print(f"  {label:32s} failed: {problem}")
        return
    ratio = f"{result['seconds'] / reference:9.1f} x" if reference else " " * 11
    rows = f"{result['answer'][0]:10d}" if result["answer"][0] else " " * 10
    print(f"  {label:32s} {result['seconds']:9.3f} s {ratio} {result['MiB']:8.0f} MiB {rows}")


def main():
    """Measure what was asked, and print it."""
    parser = argparse.ArgumentParser(description="Time the association beside NWAY.")
    parser.add_argument("--sources", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--secondaries", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--nway-python", help="interpreter of an environment with nway 4.8")
    parser.add_argument("--nway-repeat", type=int, default=1)
    options = parser.parse_args()
    for n_sources in options.sources:
        with tempfile.TemporaryDirectory() as folder:
            # In a process of its own: a child starts with the memory record of its parent.
            writer = multiprocessing.get_context("spawn").Process(
                target=write_field, args=(folder, n_sources)
            )
            writer.start()
            writer.join()
            n_opt = int(n_sources / XRAY_DENSITY * DENSITY["OPT"])
            print(f"{n_sources} X-ray sources, {n_opt} field objects in the first catalogue")
            bare, problem = run(sys.executable, BARE, (folder, 1, False), options.repeat)
            show("bare cKDTree pairs", bare, problem)
            for n_secondaries in options.secondaries:
                for prior in (False, True):
                    what = f"{n_secondaries} secondar{'ies' if n_secondaries > 1 else 'y'}"
                    what += ", magnitudes" if prior else ""
                    print(f" {what}")
                    case = (folder, n_secondaries, prior)
                    ours, problem = run(sys.executable, CLAXBOI, case, options.repeat)
                    show("claxboi", ours, problem)
                    if ours is None:
                        continue
                    if n_secondaries == 1 and not prior and bare is not None:
                        ratio = ours["seconds"] / bare["seconds"]
                        print(f"  {'':32s} {ratio:9.2f} of the bare pairs")
                    from_files = ours | {"seconds": ours["seconds"] + ours["answer"][1]}
                    show("claxboi from files", from_files, None)
                    if options.nway_python:
                        repeat = options.nway_repeat
                        theirs = run(options.nway_python, NWAY_LIBRARY, case, repeat)
                        show("nwaylib.nway_match", *theirs, ours["seconds"])
                        theirs = run_command(options.nway_python, case, repeat)
                        show("nway.py", *theirs, from_files["seconds"])


if __name__ == "__main__":
    main()
