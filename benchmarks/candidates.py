# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Classes over all candidate counterparts, beside those of the best ones.

Usage: python benchmarks/candidates.py [--skies 101 102] [--n 6000]
       python benchmarks/candidates.py --data FOLDER
       python benchmarks/candidates.py --speed 200000 [--candidates 3]

The first runs the whole job on mock skies twice, and prints the log-loss (clipped at 1e-4) of
sources that no catalogue labels: of all, and of the doubtful ones, whose optical or infrared
counterpart has p_any p_i below 0.8, in bins of the density of Gaia around them. The second does
the same with real Chandra sources (FOLDER has csc2_td_2941.csv, Yang et al. 2022, ApJ 941, 104),
which are put among simulated field stars, half of them with a label and their true counterpart. The
third times the classification of sources that have so many candidates each, and none, and its
memory.
"""

import argparse
import itertools
import resource
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn, Table, vstack
from scipy.spatial import cKDTree

from claxboi import classify
from claxboi.classification import NaiveBayesClassifier, classify_candidates
from claxboi.counterparts import find_counterparts
from claxboi.pipeline import PipelineSettings, run
from claxboi.simulation import make_labelled_sample, make_mock_sky
from claxboi.utils import ClaxboiWarning, float_values, text_values

BINS = (0, 15_000, 30_000, 60_000, 120_000, np.inf)
NEIGHBOURS = 15
DENSITIES = (10_000, 30_000, 100_000, 300_000)
SOURCES_DEG2 = 4000.0
DOUBTFUL = 0.8
RADIUS_ARCSEC = 10.0
CLIP = 1e-4


def losses(table, truth, classes):
    """Return minus the logarithm of the probability of the true class."""
    p = np.zeros(len(table))
    for name in classes:
        here = truth == name
        p[here] = float_values(table, f"P_{name}")[here]
    return -np.log(np.clip(p, CLIP, 1))


def measure(seed, n):
    """Return crowding, whether doubtful, and both losses of the unlabelled sources of a sky."""
    sky = make_mock_sky(n, rng=seed)
    settings = PipelineSettings.named("whole-catalogue")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for word in ("best", "all"):
            results[word] = run(
                sky.xray,
                Path(folder) / "out.fits",
                settings=settings.updated({"classification": {"candidates": word}}),
                references={**sky.references, **sky.others},
                overwrite=True,
                show_progress=False,
            )
        rows = Table.read(Path(folder) / "out.fits.candidates.fits")
    truth = np.asarray(sky.truth["true_class"]).astype(str)
    classes = results["all"].model.classes_
    primary = np.asarray(rows["primary"])
    best = results["best"].table
    doubtful = np.zeros(n, bool)
    for domain in ("opt", "ir"):
        p_any, p_i = (float_values(best, f"{domain}_{name}") for name in ("p_any", "p_i"))
        doubtful |= p_any * p_i < DOUBTFUL
    objects, missing = text_values(rows, "opt_id")
    near = np.array([f"{k} {name}" for k, name in zip(primary, objects, strict=True)])[~missing]
    owner = np.unique(near, return_index=True)[1]
    count = np.bincount(primary[~missing][owner], minlength=n)
    # The mean around the nearest sources, which are in the same field.
    ra, dec = (np.radians(float_values(best, name)) for name in ("ra", "dec"))
    places = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    count = count[cKDTree(places).query(places, NEIGHBOURS)[1]].mean(axis=1)
    crowding = count / (np.pi * RADIUS_ARCSEC**2) * 3600.0**2
    new = (float_values(best, "is_training") != 1) & np.isin(truth, classes)
    columns = [losses(results[word].table, truth, classes)[new] for word in ("best", "all")]
    return crowding[new], doubtful[new], *columns


def show(label, best, every):
    """Print a line of the table."""
    if len(best):
        change = 100 * (every.mean() / best.mean() - 1)
        error = np.std(every - best) / np.sqrt(len(best)) / best.mean() * 100
        print(
            f"{label:32s} {len(best):6d} {best.mean():8.4f} {every.mean():8.4f} "
            f"{change:+7.1f} +- {error:.1f} %"
        )


def compare(skies, n):
    """Print the log-losses of all skies together."""
    parts = []
    for seed in skies:
        parts.append(measure(seed, n))
        _, doubtful, best, every = parts[-1]
        show(f"sky {seed}, all", best, every)
        show(f"sky {seed}, doubtful", best[doubtful], every[doubtful])
    crowding, doubtful, best, every = (np.concatenate(part) for part in zip(*parts, strict=True))
    show("all", best, every)
    show("not doubtful", best[~doubtful], every[~doubtful])
    show("doubtful", best[doubtful], every[doubtful])
    for low, high in itertools.pairwise(BINS):
        here = doubtful & (crowding >= low) & (crowding < high)
        show(f"doubtful, {low:.0f} to {high:.0f} deg-2", best[here], every[here])


def crowd(table, density, seed):
    """Put real sources among field stars; return truth, the best and all candidates."""
    rng, n = np.random.default_rng(seed), len(table)
    side = np.sqrt(n / SOURCES_DEG2)
    n_field = rng.poisson(density * side**2)
    place = side * rng.random((2, n + n_field))
    # Field stars by counts that grow by 0.25 dex per magnitude, to the limits of Gaia.
    g = np.append(float_values(table, "Gmag"), 21 + np.log10(rng.random(n_field)) / 0.25)
    color = float_values(table, "BPmag") - float_values(table, "RPmag")
    color = np.append(color, np.clip(rng.normal(1.3, 0.6, n_field), -0.3, 4))
    color[n:][g[n:] > 20.7] = np.nan
    stars = Table({"id": np.arange(n + n_field), "ra": place[0], "dec": place[1]})
    stars["pos_error"], stars["g"], stars["bp_rp"] = 0.05, g, color
    stars = stars[np.isfinite(g)]
    bands = [float_values(table, f"flux_aper90_ave_{band}") for band in "smhb"]
    error = rng.uniform(0.5, 2.0, n)
    xray = Table({"source_id": [f"X{k}" for k in range(n)], "pos_error": error})
    xray["ra"], xray["dec"] = place[:, :n] + rng.normal(0, error, (2, n)) / 3600
    xray["log_fx"] = np.log10(bands[3])
    for k in (1, 2):
        xray[f"hr{k}"] = (bands[k] - bands[k - 1]) / (bands[k] + bands[k - 1])
    is_known = rng.random(n) < 0.5
    xray["class"] = MaskedColumn(table["True_Class"].astype(str), mask=~is_known)
    settings = {"radius": 8 * u.arcsec, "density": density / u.deg**2}
    best = find_counterparts(xray, {"stars": stars}, keep=["g", "bp_rp"], cutoff=0.5, **settings)
    rows = find_counterparts(xray, {"stars": stars}, keep="all", **settings)
    for name, own in (("g", g), ("bp_rp", color)):
        best[name] = np.where(is_known, own[:n], float_values(best, name))
    for one in (best, rows):
        one["log_fx_fg"] = float_values(one, "log_fx") + float_values(one, "g") / 2.5
    return best, rows


def compare_crowded(folder):
    """Print the log-losses of real sources at several densities of field stars."""
    table = Table.read(folder / "csc2_td_2941.csv")
    truth = np.asarray(table["True_Class"]).astype(str)
    properties = {"spectrum": ["hr1", "hr2"], "counterparts": ["log_fx_fg", "bp_rp"]}
    for density in DENSITIES:
        parts = []
        for seed in range(3):
            best, rows = crowd(table, density, seed)
            options = {"properties": properties, "show_progress": False, "return_model": True}
            by_best, model = classify(best, "training", **options)
            by_all = model.classify(best, "training", candidates=rows, show_progress=False)
            p = float_values(best, "opt_p_any") * float_values(best, "opt_p_i")
            new = best["class"].mask
            columns = [losses(one, truth, model.classes_)[new] for one in (by_best, by_all)]
            parts.append(((p < DOUBTFUL)[new], *columns))
        doubtful, best, every = (np.concatenate(part) for part in zip(*parts, strict=True))
        show(f"{density} deg-2, all", best, every)
        show(f"{density} deg-2, doubtful", best[doubtful], every[doubtful])


def clock(n, n_candidates):
    """Time the classification of n sources with candidates."""
    rng = np.random.default_rng(1)
    sample = make_labelled_sample(5000, rng=1)
    varying = ["log_fx_fb", "log_fx_fr", "log_fx_fw1", "log_fx_fw2", "log_lx", "pm"]
    properties = [*varying, "hr1", "hr2", "hr3", "hr4", "b"]
    properties = [name for name in properties if name in sample.colnames]
    model = NaiveBayesClassifier(properties).fit(sample)
    model.optimize(sample, "training", show_progress=False)
    table = Table({name: sample[name][rng.integers(len(sample), size=n)] for name in properties})
    parts = []
    for k in range(n_candidates + 1):
        part = Table({"primary": np.arange(n)})
        draw = rng.integers(len(sample), size=n)
        for name in properties:
            part[name] = sample[name][draw] if name in varying and k else table[name]
            if name in varying and k == n_candidates:
                part[name] = np.full(n, np.nan)
        parts.append(part)
    odds = rng.exponential(size=(n_candidates + 1, n)) ** 6
    odds /= odds.sum(axis=0)
    candidates = vstack(parts, metadata_conflicts="silent")
    candidates["match_probability"] = odds.ravel()
    del parts, odds
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.perf_counter()
    result = classify_candidates(model, table, candidates, "training")
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cut = result.meta["claxboi"]["candidates"]["n_cut"]
    print(
        f"{n} sources, {n_candidates} candidates each, {len(properties)} properties: {seconds:.1f} "
        f"s, {memory:.2f} GiB (input and model {before:.2f} GiB), {cut} candidates cut"
    )


def main():
    """Read the arguments, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--skies", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--n", type=int, default=6000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--speed", type=int)
    parser.add_argument("--candidates", type=int, default=3)
    options = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClaxboiWarning)
        if options.speed:
            clock(options.speed, options.candidates)
        elif options.data:
            compare_crowded(options.data)
        else:
            compare(options.skies, options.n)


if __name__ == "__main__":
    main()
