# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The report of a large catalogue: how long it takes to make, how large it is, how soon it answers.

Usage: python benchmarks/report.py [--n-sources 100000] [--repeat 3] [--keep FILE]

The browser is a headless Chromium, each time with an empty profile; without one only the making
is measured. Sources are simulated, a fifth of them labelled. "usable" is the time from opening the
file until the table can be searched, "card" that until the first card is there.
"""

import argparse
import tempfile
import time
from pathlib import Path

from claxboi import classify
from claxboi.report import write_report
from claxboi.report.tests.browser import Browser, find_browser
from claxboi.simulation import make_labelled_sample

PRIORS = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}

FOUND = "document.querySelector('#found').textContent.includes(' of ')"
SORT = """
(async () => {
    const start = performance.now();
    [...document.querySelectorAll('.grid .head button')]
        .find((button) => button.textContent === 'flux').click();
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
    return performance.now() - start;
})()
"""


def main():
    """
    Make a report and measure it.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--n-sources", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--keep", help="where to keep the report")
    args = parser.parse_args()
    table = make_labelled_sample(args.n_sources, labelled_fraction=0.2, rng=1)
    result, model = classify(table, PRIORS, return_model=True)
    evaluation = model.evaluate(table, PRIORS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(args.keep or Path(folder, "report.html"))
        start = time.perf_counter()
        write_report(result, path, model=model, evaluation=evaluation, overwrite=True)
        seconds = time.perf_counter() - start
        size = path.stat().st_size / 1e6
        print(f"{len(result):,} sources: made in {seconds:.1f} s, {size:.1f} MB")
        if find_browser() is None:
            print("no chromium: the page is not opened")
            return
        print("  usable   search     sort     card (s)")
        for _ in range(args.repeat):
            print("".join(f"{value:9.2f}" for value in measure(path)))


def measure(path):
    """
    Open a report; return the seconds until it is usable, for a search, a sort and the first card.
    """
    with tempfile.TemporaryDirectory() as folder, Browser(folder) as browser:
        start = time.perf_counter()
        browser.open(path)
        usable = time.perf_counter() - start
        browser.run("document.querySelector('#search').focus()")
        start = time.perf_counter()
        browser.type("P_CV > 0.8")
        browser.wait(FOUND)
        search = time.perf_counter() - start
        sort = browser.run(SORT) / 1000
        browser.run("document.querySelector('#grid').focus()")
        start = time.perf_counter()
        browser.press("Enter")
        browser.wait("document.querySelector('#card .numbers')")
        return usable, search, sort, time.perf_counter() - start


if __name__ == "__main__":
    main()
