# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Real sources with literature classes: claxboi next to a published forest and to scikit-learn.

Usage: python benchmarks/csc2.py [--data FOLDER] [--sample csc2 xmm4] [--quick]

csc2: 2941 Chandra sources in 8 classes (Yang et al. 2022, ApJ 941, 104), with the
leave-one-out probabilities of their random forest. That forest had no Galactic latitude, proper
motion or parallax, and its AGN were reddened to the field of each source.
xmm4: 1008 4XMM sources (Lin et al. 2024, arXiv 2402.15684), classes merged to four.

Both tables take the way of any other: claxboi standardizes them as the mission's, measures the
properties and classifies. What it does not measure is used as the tables have it.

claxboi is scored by exact leave-one-out, its exponents found without the fold of each
source; "k-fold" refits densities, bandwidths and exponents on the folds that scikit-learn gets. The
priors are the proportions of the sample. Log-loss is clipped at 1e-4.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from astropy.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from claxboi import classify
from claxboi.catalog import standardize
from claxboi.classification import Evaluation, Property
from claxboi.classification._crossvalidation import stratified_folds
from claxboi.counterparts import homogenize_magnitudes
from claxboi.properties import (
    add_colors,
    add_hardness_ratios,
    add_properties,
    add_star_distances,
)
from claxboi.utils import float_values

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CLIP = 1e-4
N_FOLDS = 10
SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "log_loss", "brier", "ece")
FLUX_RATIOS = ["log_fx_fr", "log_fx_fw1", "log_fx_fw2"]


def read_csc2(folder):
    """Return the table with its properties, these by category, and the forest's probabilities."""
    raw = Table.read(folder / "csc2_td_2941.csv")
    names = [f"P_{name}" for name in sorted(set(raw["True_Class"]))]
    forest = np.array([raw[name] for name in names]).T
    raw.remove_columns(names)
    columns = {"source_id": "CSCv2_name", "ra": "CSCv2_RA", "dec": "CSCv2_DEC"}
    columns["gamma"] = "powlaw_gamma_mean"
    for name, band in {"flux": "b", "flux2": "s", "flux3": "m", "flux4": "h"}.items():
        columns[name] = f"flux_aper90_ave_{band}"
        columns[f"{name}_error"] = f"e_flux_aper90_ave_{band}"
    table = standardize(raw, "CSC2", columns=columns)
    table.rename_columns(["True_Class", "PM", "Plx"], ["class", "pm", "parallax"])

    distances = Table(raw["CSCv2_name", "rgeo", "b_rgeo", "B_rgeo"])
    distances.rename_column("CSCv2_name", "id")
    table = add_star_distances(table, distances, id_column="source_id")
    table = homogenize_magnitudes(table, ["gaia", "allwise", "2mass"])
    colors = [("BP", "RP"), ("G", "J"), ("J", "H"), ("H", "K"), ("W1", "W2"), ("W2", "W3")]
    table = add_colors(table, [(f"{blue}mag", f"{red}mag") for blue, red in colors])
    bands = [("flux2", "flux3"), ("flux3", "flux4"), (("flux2", "flux3"), "flux4")]
    table = add_hardness_ratios(table, bands, kind="energy fluxes")
    table = add_properties(table)
    properties = {
        "location": ["b", "pm", "parallax", "log_lx"],
        "spectrum": ["hr1", "hr2", "hr3", "gamma", Property("flux", scale="log10")],
        "counterparts": [
            *FLUX_RATIOS,
            *(f"color_{blue}_{red}".lower() for blue, red in colors),
        ],
        "variability": [
            Property("P_intra", bounds=(0, 1)),
            Property("var_inter_prob", bounds=(0, 1)),
        ],
    }
    return table, properties, forest / forest.sum(axis=1, keepdims=True)


def read_xmm4(folder):
    """Return the table with its properties, and these by category."""
    raw = Table.read(folder / "xmm4_td_1008.csv")
    merged = {"LM-STAR": "star", "HM-STAR": "star"}
    merged |= dict.fromkeys(("NS", "HMXB", "LMXB", "NS_BIN"), "XRB")
    raw["Class"] = [merged.get(str(name), str(name)) for name in raw["Class"]]
    bands = [f"flux{k}" for k in range(1, 6)]
    columns = {"source_id": "name", "pos_error": "poserr", "flux": "F8"}
    columns |= dict(zip(bands, ("F1", "F2", "F3", "F4", "F5"), strict=True))
    table = standardize(raw, "4XMM", columns=columns)
    table.rename_columns(["Class", "dist"], ["class", "distance"])

    magnitudes = {"BP": "BP", "G": "G", "RP": "RP", "W1": "W1", "W2": "W2", "Ks": "K"}
    table = homogenize_magnitudes(table, ["gaia", "allwise", "2mass"], columns=magnitudes)
    # Those of the table are the same, rounded.
    table = add_hardness_ratios(table, bands, kind="energy fluxes", overwrite=True)
    table = add_properties(table)
    properties = {
        "location": ["b", "log_lx", "M_G"],
        "spectrum": ["hr1", "hr2", "hr3", "hr4", "extent"],
        "counterparts": [*FLUX_RATIOS, "BP-RP", "J-H", "H-K", "W1-W2"],
        "variability": ["fvar", Property("p_constant", bounds=(0, 1)), "log_fmax_fmin"],
    }
    return table, properties, None


def claxboi(table, properties, *, fold=None, **settings):
    """Classify by leave-one-out, or by folds; return the probabilities and the exponents."""
    settings |= {"properties": properties, "show_progress": False, "return_model": True}
    names = [f"P_{name}" for name in np.unique(table["class"])]
    if fold is None:
        result, model = classify(table, "training", **settings)
        return np.array([result[name] for name in names]).T, model.weights
    probability = np.empty((len(table), len(names)))
    for k in np.unique(fold):
        test = table[fold == k]
        test.remove_column("class")
        result, model = classify(test, "training", training=table[fold != k], **settings)
        probability[fold == k] = np.array([result[name] for name in names]).T
    return probability, model.weights


def scikit_learn(make, table, columns, codes, fold):
    """Classify with scikit-learn by folds."""
    values = np.array([float_values(table, name) for name in columns]).T
    probability = np.zeros((len(table), codes.max() + 1))
    for k in np.unique(fold):
        train = fold != k
        probability[~train] = make().fit(values[train], codes[train]).predict_proba(values[~train])
    return probability


def compare(title, table, properties, forest, is_quick):
    """Print the scores of all classifiers."""
    members = [member for category in properties.values() for member in category]
    columns = [getattr(member, "column", member) for member in members]
    names, codes = np.unique(table["class"], return_inverse=True)
    fold = stratified_folds(codes, N_FOLDS, np.random.default_rng(0))
    print(f"\n{title}: {len(table)} sources, {len(columns)} properties, {len(names)} classes")
    print(f"{'':46s}" + "".join(f"{name[:9]:>10s}" for name in SCORES) + f"{'seconds':>9s}")

    def show(label, probability, seconds):
        score = Evaluation.from_probabilities(codes, probability, names, clip=CLIP)
        values = "".join(f"{getattr(score, name):10.4f}" for name in SCORES)
        print(f"{label:46s}{values}{seconds:9.1f}", flush=True)

    if forest is not None:
        show("published random forest (leave-one-out)", forest, np.nan)
    runs = {
        "claxboi as published, equal weights": {
            "normalization": "published",
            "bandwidth": "published",
        },
        "claxboi (default: weights fitted)": {},
        "claxboi, k-fold": {"fold": fold},
        "claxboi, rule-of-thumb bandwidth": {"bandwidth": "silverman"},
        "claxboi, offsets": {"offsets": True},
        "claxboi, offsets, k-fold": {"offsets": True, "fold": fold},
    }
    for label, settings in runs.items():
        if is_quick and "fold" in settings:
            continue
        start = time.perf_counter()
        probability, found = claxboi(table, properties, **settings)
        show(label, probability, time.perf_counter() - start)
        if not settings:
            weights = found
    forests = {
        "scikit-learn random forest, k-fold": lambda: RandomForestClassifier(
            500, class_weight="balanced_subsample", random_state=0, n_jobs=2
        ),
        "scikit-learn gradient boosting, k-fold": lambda: HistGradientBoostingClassifier(
            random_state=0
        ),
    }
    for label, make in forests.items():
        if is_quick:
            continue
        start = time.perf_counter()
        probability = scikit_learn(make, table, columns, codes, fold)
        show(label, probability, time.perf_counter() - start)
    print("fitted weights: " + ", ".join(f"{k} {v:.3f}" for k, v in weights.items()))


def main():
    """Read the arguments and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sample", nargs="+", choices=("csc2", "xmm4"), default=("csc2", "xmm4"))
    parser.add_argument("--quick", action="store_true", help="leave out all that is in folds")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    readers = {"csc2": read_csc2, "xmm4": read_xmm4}
    for sample in options.sample:
        table, properties, forest = readers[sample](options.data)
        compare(f"{sample}, with location", table, properties, forest, options.quick)
        del properties["location"]
        compare(f"{sample}, without location", table, properties, forest, options.quick)


if __name__ == "__main__":
    main()
