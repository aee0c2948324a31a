# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Real sources with literature classes: claxboi next to a published forest and to scikit-learn.

Usage: python benchmarks/csc2.py [--data FOLDER] [--sample csc2 xmm4]

csc2: 2941 Chandra sources in 8 classes (Yang et al. 2022, ApJ 941, 104), with the
leave-one-out probabilities of their random forest. That forest had no Galactic latitude, proper
motion or parallax, and its AGN were reddened to the field of each source.
xmm4: 1008 4XMM sources (Lin et al. 2024, arXiv 2402.15684), classes merged to four.

claxboi is scored by exact leave-one-out, its exponents found without the fold of each
source; "k-fold" refits densities, bandwidths and exponents on the folds that scikit-learn gets. The
priors are the proportions of the sample. Log-loss is clipped at 1e-4.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from claxboi.classification import Evaluation, NaiveBayesClassifier, Property
from claxboi.classification._crossvalidation import _stratified
from claxboi.utils import float_values

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CLIP = 1e-4
N_FOLDS = 10
SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "log_loss", "brier", "ece")


def read_csc2(folder):
    """Return the table with its properties, the properties, and the forest's probabilities."""
    raw = Table.read(folder / "csc2_td_2941.csv", format="ascii.csv")
    soft, medium, hard, broad = (column(raw, f"flux_aper90_ave_{band}") for band in "smhb")
    table = Table({"class": np.array(raw["True_Class"], str)})
    records = []

    def add(name, values, category, **options):
        table[name] = values
        records.append(Property(name, category=category, **options))

    log_flux = log10(broad)
    add("b", column(raw, "glat"), "location")
    add("pm", column(raw, "PM"), "location", scale="log10")
    add("parallax", column(raw, "Plx"), "location")
    distance = column(raw, "rgeo") * u.pc.to(u.cm)
    add("log_lx", log_flux + np.log10(4 * np.pi * distance**2), "location")
    add("hr_ms", ratio(soft, medium), "spectrum", bounds=(-1, 1))
    add("hr_hm", ratio(medium, hard), "spectrum", bounds=(-1, 1))
    add("hr_hms", ratio(soft + medium, hard), "spectrum", bounds=(-1, 1))
    add("gamma", column(raw, "powlaw_gamma_mean"), "spectrum")
    add("log_fx", log_flux, "spectrum")
    for band in ("G", "J", "W1"):
        magnitude = column(raw, f"{band}mag")
        add(f"log_fx_f{band.lower()}", log_flux + magnitude / 2.5, "counterparts")
    for pair in ("BP RP", "G J", "J H", "H K", "W1 W2", "W2 W3"):
        blue, red = pair.split()
        add(f"{blue}_{red}", column(raw, f"{blue}mag") - column(raw, f"{red}mag"), "counterparts")
    add("p_intra", column(raw, "P_intra"), "variability", bounds=(0, 1))
    add("p_inter", column(raw, "var_inter_prob"), "variability", bounds=(0, 1))
    names = sorted(set(table["class"]))
    forest = np.array([column(raw, f"P_{name}") for name in names]).T
    return table, records, forest / forest.sum(axis=1, keepdims=True)


def read_xmm4(folder):
    """Return the table with its properties, and the properties."""
    raw = Table.read(folder / "xmm4_td_1008.csv", format="ascii.csv")
    merged = {"LM-STAR": "star", "HM-STAR": "star"}
    merged |= dict.fromkeys(("NS", "HMXB", "LMXB", "NS_BIN"), "XRB")
    table = Table({"class": [merged.get(str(name), str(name)) for name in raw["Class"]]})
    records = []

    def add(name, values, category, **options):
        table[name] = values
        records.append(Property(name, category=category, **options))

    log_flux = log10(column(raw, "F8"))
    galactic = SkyCoord(column(raw, "ra"), column(raw, "dec"), unit="deg").galactic
    add("b", galactic.b.deg, "location")
    distance = column(raw, "dist") * u.pc.to(u.cm)
    add("log_lx", log_flux + np.log10(4 * np.pi * distance**2), "location")
    add("abs_g", column(raw, "M_G"), "location")
    for k in range(1, 5):
        add(f"hr{k}", column(raw, f"HR{k}"), "spectrum")
    add("extent", column(raw, "sc_extent"), "spectrum")
    for band in ("G", "J", "W1"):
        add(f"log_fx_f{band.lower()}", log_flux + column(raw, band) / 2.5, "counterparts")
    for colour in ("BP-RP", "J-H", "H-K", "W1-W2"):
        add(colour, column(raw, colour), "counterparts")
    add("fvar", column(raw, "sc_fvar"), "variability")
    add("chi2_prob", column(raw, "sc_chi2prob"), "variability", bounds=(0, 1))
    variation = log10(column(raw, "sc_ep_8_fmax")) - log10(column(raw, "sc_ep_8_fmin"))
    add("log_fmax_fmin", variation, "variability")
    return table, records, None


def column(table, name):
    """Return a column as float64 with NaN for missing values."""
    return float_values(table, name)


def log10(values):
    """Return the logarithm, NaN where there is none."""
    return np.log10(np.where(values > 0, values, np.nan))


def ratio(soft, hard):
    """Return a hardness ratio."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (hard - soft) / (hard + soft)


def claxboi(table, records, *, fitted, fold=None, offsets=False, **settings):
    """Score claxboi by leave-one-out, or by folds."""
    model = NaiveBayesClassifier(records, **settings).fit(table)
    if fitted:
        model.optimize(table, "training", offsets=offsets, show_progress=False)
    if fold is None:
        return model.predict_proba(table, "training"), model
    probability = np.empty((len(table), len(model.classes_)))
    for k in np.unique(fold):
        part = NaiveBayesClassifier(records, **settings).fit(table[fold != k])
        if fitted:
            part.optimize(table[fold != k], "training", offsets=offsets, show_progress=False)
        test = table[fold == k]
        test.remove_column("class")
        probability[fold == k] = part.predict_proba(test, "training")
    return probability, model


def scikit_learn(make, table, records, codes, fold):
    """Score a classifier of scikit-learn by folds."""
    values = np.array([table[record.column] for record in records]).T
    probability = np.zeros((len(table), codes.max() + 1))
    for k in np.unique(fold):
        train = fold != k
        probability[~train] = make().fit(values[train], codes[train]).predict_proba(values[~train])
    return probability


def compare(title, table, records, forest):
    """Print the scores of all classifiers."""
    names, codes = np.unique(table["class"], return_inverse=True)
    fold = _stratified(codes, N_FOLDS, np.random.default_rng(0))
    print(f"\n{title}: {len(table)} sources, {len(records)} properties, {len(names)} classes")
    print(f"{'':46s}" + "".join(f"{name[:9]:>10s}" for name in SCORES) + f"{'seconds':>9s}")

    def show(label, probability, seconds):
        score = Evaluation.from_probabilities(codes, probability, names, clip=CLIP)
        values = "".join(f"{getattr(score, name):10.4f}" for name in SCORES)
        print(f"{label:46s}{values}{seconds:9.1f}", flush=True)

    if forest is not None:
        show("published random forest (leave-one-out)", forest, np.nan)
    runs = {
        "claxboi as published, equal weights": {
            "fitted": False,
            "normalization": "published",
            "bandwidth": "published",
        },
        "claxboi (default: weights fitted)": {"fitted": True},
        "claxboi, k-fold": {"fitted": True, "fold": fold},
        "claxboi, rule-of-thumb bandwidth": {"fitted": True, "bandwidth": "silverman"},
        "claxboi, offsets": {"fitted": True, "offsets": True},
        "claxboi, offsets, k-fold": {"fitted": True, "offsets": True, "fold": fold},
    }
    for label, settings in runs.items():
        start = time.perf_counter()
        probability, model = claxboi(table, records, **settings)
        show(label, probability, time.perf_counter() - start)
        if label.startswith("claxboi (default"):
            weights = model.weights
    forests = {
        "scikit-learn random forest, k-fold": lambda: RandomForestClassifier(
            500, class_weight="balanced_subsample", random_state=0, n_jobs=2
        ),
        "scikit-learn gradient boosting, k-fold": lambda: HistGradientBoostingClassifier(
            random_state=0
        ),
    }
    for label, make in forests.items():
        start = time.perf_counter()
        probability = scikit_learn(make, table, records, codes, fold)
        show(label, probability, time.perf_counter() - start)
    print("fitted weights: " + ", ".join(f"{k} {v:.3f}" for k, v in weights.items()))


def main():
    """Read the arguments and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sample", nargs="+", choices=("csc2", "xmm4"), default=("csc2", "xmm4"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    readers = {"csc2": read_csc2, "xmm4": read_xmm4}
    for sample in options.sample:
        table, records, forest = readers[sample](options.data)
        compare(f"{sample}, with location", table, records, forest)
        rest = [record for record in records if record.category != "location"]
        compare(f"{sample}, without location", table, rest, forest)


if __name__ == "__main__":
    main()
