# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The first hour of a newcomer: printed lines and seconds of ten sessions.

Usage: python benchmarks/first_hour.py [--path FOLDER] [--session NAME ...] [--show]

Each session is what a newcomer types, in an empty folder with a list of their own, one process per
command and without a network. ``--path`` measures another checkout of claxboi. The exit statuses
are printed too: 0 where a result is expected, 2 where one line says what is wrong.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.table import Table

CLAXBOI = "import sys; from claxboi.cli import main; sys.exit(main())"

#: Settings that let every service be at a host that does not exist.
NOWHERE = """
xmatch_url = "https://claxboi.invalid/xmatch"
vizier_server = "claxboi.invalid"
simbad_server = "claxboi.invalid"
"""

NOTEBOOK = """
import warnings
from astropy.table import Table
from claxboi import XrayTable
x = XrayTable(Table.read("labelled.csv"))
result = x.classify({"AGN": 0.7, "star": 0.3}, properties=["flux", "hardness"])
print(result["name", "prediction", "P_AGN"][:5])
print(result.model.explain(result[3]))
"""

#: What is typed; a text that is not a command of claxboi is Python.
SESSIONS = {
    "labels": ["classify labelled.csv --properties flux,hardness --priors {priors} -o out.fits"],
    "labels, HR1": ["classify xmm.csv --label Class --priors {priors} -o out.fits"],
    "no error column": ["classify bare.csv -o out.fits", "run bare.csv -o out.fits"],
    "dry run": ["run bare.csv --dry-run", "run errors.csv --dry-run"],
    "no network": ["run errors.csv -o out.fits"],
    "wrong names": [
        "run nofile.csv -o out.fits",
        "classify labelled.csv --properties flix,hardness -o out.fits",
        "classify labelled.csv --prior AGN=1 -o out.fits --ouput x",
        "classify labelled.csv --properties hardness --priors AGN=0.7,Star=0.3 -o out.fits",
    ],
    "wrong priors": ["run errors.csv -o out.fits --priors AGN=0.66,star=0.33"],
    "own model": [
        "classify labelled.csv --properties flux,hardness --priors {priors} -o out.fits",
        "classify new.csv --model out.fits.model.ecsv --priors {priors} -o new.fits",
        "evaluate labelled.csv --model out.fits.model.ecsv --priors {priors}",
    ],
    "notebook": [NOTEBOOK],
    "report": [
        "classify labelled.csv --properties flux,hardness --priors {priors} -o out.fits",
        "evaluate out.fits",
        "explain out.fits X3",
        "report out.fits -o report.html",
    ],
    "demo": ["demo --n-sources 800"],
}


def make_lists(folder):
    """Write the lists of a newcomer."""
    rng = np.random.default_rng(1)
    n = 600
    label = rng.choice(["AGN", "star"], n, p=[0.7, 0.3])
    is_star = label == "star"
    table = Table(
        {
            "name": [f"X{k}" for k in range(n)],
            "ra": rng.uniform(150, 151, n).round(5),
            "dec": rng.uniform(2, 3, n).round(5),
            "flux": 10 ** (rng.normal(-13, 1, n) - 0.5 * is_star),
            "hardness": (rng.normal(0, 0.3, n) - 0.5 * is_star).round(3),
            "class": label,
        }
    )
    table.write(folder / "labelled.csv")
    table[:20]["name", "ra", "dec", "flux", "hardness"].write(folder / "new.csv")
    bare = table[:20]["name", "ra", "dec", "flux"]
    bare.write(folder / "bare.csv")
    bare["pos_error"] = 1.0
    bare.write(folder / "errors.csv")
    xmm = table["name", "ra", "dec", "hardness", "class"]
    xmm["HR2"] = rng.normal(0, 0.3, n).round(3)
    xmm.rename_columns(["hardness", "class"], ["HR1", "Class"])
    xmm.write(folder / "xmm.csv")


def run_session(lines, path, show):
    """Run the commands of a session; return their lines, seconds and statuses."""
    environment = os.environ | {"PYTHONPATH": str(path)}
    n_lines, seconds, statuses = 0, [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variable in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            environment[variable] = name
        (folder / "astropy").mkdir()
        (folder / "astropy/claxboi.cfg").write_text(NOWHERE)
        make_lists(folder)
        for text in lines:
            if text == NOTEBOOK:
                command = [sys.executable, "-c", text]
            else:
                words = text.format(priors="AGN=0.7,star=0.3").split()
                command = [sys.executable, "-c", CLAXBOI, *words]
            start, before = time.monotonic(), _processor_time()
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            seconds.append((time.monotonic() - start, _processor_time() - before))
            statuses.append(done.returncode)
            n_lines += done.stdout.count("\n") + done.stderr.count("\n")
            if show:
                print(f"$ {text}\n{done.stderr}{done.stdout}")
    return n_lines, seconds, statuses


def _processor_time():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    """Measure the sessions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--path", default=Path(__file__).resolve().parents[1])
    parser.add_argument("--session", nargs="+", choices=SESSIONS, default=list(SESSIONS))
    parser.add_argument("--show", action="store_true", help="show what is printed")
    args = parser.parse_args()
    print(f"{'session':16} {'lines':>5}  seconds/processor seconds of each command (status)")
    for name in args.session:
        n_lines, seconds, statuses = run_session(SESSIONS[name], args.path, args.show)
        each = ", ".join(
            f"{wall:.1f}/{used:.1f} ({status})"
            for (wall, used), status in zip(seconds, statuses, strict=True)
        )
        print(f"{name:16} {n_lines:5}  {each}", flush=True)


if __name__ == "__main__":
    main()
