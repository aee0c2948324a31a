# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Real sources with literature classes: claxboi next to forests and gradient boosting.

Usage: python benchmarks/csc2.py [--data FOLDER] [--sample csc2] [--seeds 5] [--others LightGBM]

csc2: 2941 Chandra sources in 8 classes (Yang et al. 2022, ApJ 941, 104), with the
leave-one-out probabilities of their random forest. That forest had no Galactic latitude, proper
motion or parallax, and its AGN were reddened to the field of each source.
xmm4: 1008 4XMM sources (Lin et al. 2024, arXiv 2402.15684), classes merged to four.
mock: simulated sources of seven classes with correlated properties.

Both tables take the way of any other: claxboi standardizes them as the mission's, measures the
properties and classifies. What it does not measure is used as the tables have it.

All classifiers are trained on the same folds, and scored on the sources that were left out. Forests
and boosting are tuned in nested folds. The priors are the proportions of the sample. Log-loss is
clipped at 1e-4. "bal. rule" is the balanced accuracy with decision="balanced". Below each table are
the differences to the refined default, with 95 % intervals of a paired bootstrap over the sources.
"""

import argparse
import importlib.util
import time
import warnings
from pathlib import Path

import numpy as np
from astropy.table import Table
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.model_selection import StratifiedKFold

from claxboi import classify
from claxboi.catalog import standardize
from claxboi.classification import Evaluation, Property
from claxboi.counterparts import homogenize_magnitudes
from claxboi.properties import (
    add_colors,
    add_hardness_ratios,
    add_properties,
    add_star_distances,
    known_properties,
    property_definition,
)
from claxboi.simulation import make_labelled_sample
from claxboi.utils import float_values

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CLIP = 1e-4
N_FOLDS = 5
N_INNER = 3
N_BOOTSTRAP = 200
SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "log_loss", "brier", "ece")
TITLES = (*SCORES[:2], "bal. rule", *SCORES[2:])
FLUX_RATIOS = ["log_fx_fr", "log_fx_fw1", "log_fx_fw2"]
RARE = ("CV", "LMXB", "HMXB", "NS", "XRB")


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


def read_mock(folder):  # noqa: ARG001 - as the others
    """Return simulated sources with their known properties."""
    table = make_labelled_sample(2000, labelled_fraction=1.0, rng=1)
    table.remove_column("true_class")
    properties = {}
    for name in known_properties(table.colnames):
        properties.setdefault(property_definition(name)["category"], []).append(name)
    return table, properties, None


def claxboi(table, properties, fold, settings):
    """Classify each fold by a model of the others."""
    names = [f"P_{name}" for name in np.unique(table["class"])]
    probability = np.zeros((len(table), len(names)))
    for k in np.unique(fold):
        test = table[fold == k]
        test.remove_column("class")
        result = classify(
            test,
            "training",
            training=table[fold != k],
            properties=properties,
            show_progress=False,
            **settings,
        )
        for c, name in enumerate(names):
            # A class with fewer than three sources is not learned.
            if name in result.colnames:
                probability[fold == k, c] = result[name]
    return probability


def fit_predict(model, values, codes, test):
    """Return the probabilities of sources, with 0 for classes that were not learned."""
    model.fit(values, codes)
    probability = np.zeros((len(test), codes.max() + 1))
    probability[:, model.classes_] = model.predict_proba(test)
    return probability


def tuned(make, grid, values, codes, fold, seed):
    """Classify each fold, with the settings of lowest log-loss in inner folds."""
    probability = np.zeros((len(codes), codes.max() + 1))
    for k in np.unique(fold):
        x, y = values[fold != k], codes[fold != k]
        losses = []
        for settings in grid if len(grid) > 1 else ():
            loss = []
            for inner, test in StratifiedKFold(N_INNER, shuffle=True, random_state=seed).split(
                x, y
            ):
                found = fit_predict(make(**settings), x[inner], y[inner], x[test])
                loss.append(-np.log(np.maximum(found[np.arange(len(test)), y[test]], CLIP)).mean())
            losses.append(np.mean(loss))
        best = grid[int(np.argmin(losses))] if losses else grid[0]
        probability[fold == k] = fit_predict(make(**best), x, y, values[fold == k])
    return probability


def others(seed):
    """Return the classifiers that claxboi is compared with, and the settings to choose from."""
    trees = {"n_estimators": 500, "random_state": seed}
    leaves = [{"min_samples_leaf": n} for n in (1, 3)]
    found = {
        "random forest": (lambda **s: RandomForestClassifier(**trees, **s), leaves),
        "random forest, balanced": (
            lambda **s: RandomForestClassifier(**trees, class_weight="balanced_subsample", **s),
            leaves,
        ),
        "extra trees": (lambda **s: ExtraTreesClassifier(**trees, **s), leaves),
        "HistGradientBoosting": (
            lambda **s: HistGradientBoostingClassifier(random_state=seed, **s),
            [{"learning_rate": rate, "max_iter": 100} for rate in (0.03, 0.1)],
        ),
    }
    steps = [{"learning_rate": 0.03, "n_estimators": n, "num_leaves": 7} for n in (150, 300)]
    if importlib.util.find_spec("lightgbm"):
        from lightgbm import LGBMClassifier

        light = {"min_child_samples": 5, "subsample": 0.8, "subsample_freq": 1}
        light |= {"colsample_bytree": 0.5, "random_state": seed, "verbose": -1, "n_jobs": 1}
        found["LightGBM"] = (lambda **s: LGBMClassifier(**light, **s), steps)
        found["LightGBM, balanced"] = (
            lambda **s: LGBMClassifier(**light, class_weight="balanced", **s),
            steps,
        )
    if importlib.util.find_spec("catboost"):
        from catboost import CatBoostClassifier

        found["CatBoost"] = (
            lambda **s: CatBoostClassifier(random_seed=seed, verbose=False, thread_count=1, **s),
            [{"iterations": 300, "depth": depth} for depth in (4, 6)],
        )
    return found


def scores(codes, probability, names):
    """Return all scores, with that of the balanced rule."""
    score = Evaluation.from_probabilities(codes, probability, names, clip=CLIP)
    balanced = probability / probability.mean(axis=0)
    rule = np.mean([np.mean(balanced[codes == c].argmax(axis=1) == c) for c in np.unique(codes)])
    values = {name: getattr(score, name) for name in SCORES}
    return np.array([*list(values.values())[:2], rule, *list(values.values())[2:]])


def compare(title, table, properties, forest, seeds, chosen):
    """Print the scores of all classifiers."""
    members = [member for category in properties.values() for member in category]
    columns = [getattr(member, "column", member) for member in members]
    names, codes = np.unique(table["class"], return_inverse=True)
    values = np.array([float_values(table, name) for name in columns]).T
    print(f"\n{title}: {len(table)} sources, {len(columns)} properties, {len(names)} classes")
    print(f"{'':34s}" + "".join(f"{name[:9]:>10s}" for name in TITLES) + f"{'seconds':>9s}")
    runs = {
        "claxboi": {},
        "claxboi, refine=False": {"refine": False},
        "claxboi, as published": {"normalization": "published", "bandwidth": "published"},
    }
    results = {}

    def show(label, found, seconds):
        results[label] = found
        mean = np.mean([scores(codes, probability, names) for probability in found], axis=0)
        print(f"{label:34s}" + "".join(f"{x:10.4f}" for x in mean) + f"{seconds:9.1f}", flush=True)

    folds = []
    for seed in range(seeds):
        fold = np.empty(len(codes), int)
        split = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed).split(values, codes)
        for k, (_, test) in enumerate(split):
            fold[test] = k
        folds.append(fold)
    for label, settings in runs.items():
        start = time.process_time()
        found = [claxboi(table, properties, fold, settings) for fold in folds]
        show(label, found, time.process_time() - start)
    for label, (make, grid) in others(0).items():
        if label not in chosen:
            continue
        start = time.process_time()
        found = [tuned(make, grid, values, codes, fold, k) for k, fold in enumerate(folds)]
        show(label, found, time.process_time() - start)
    if forest is not None:
        show("published forest (leave-one-out)", [forest] * seeds, np.nan)
    differences(codes, results, names)
    rare_classes(codes, results, names)


def differences(codes, results, names):
    """Print the differences to the refined default, with their intervals."""
    print("claxboi minus the other, 95 % interval:")
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, len(codes), len(codes)) for _ in range(N_BOOTSTRAP)]

    def resampled(found):
        return np.array(
            [scores(codes[row], found[k % len(found)][row], names) for k, row in enumerate(rows)]
        )

    own = resampled(results["claxboi"])
    for label, found in results.items():
        if label == "claxboi":
            continue
        low, high = np.nanpercentile(own - resampled(found), [2.5, 97.5], axis=0)
        text = "".join(f"{a:+8.3f},{b:+.3f}" for a, b in zip(low, high, strict=True))
        print(f"{label:34s}{text}", flush=True)


def rare_classes(codes, results, names):
    """Print the recall and the precision of the rare classes by the balanced rule."""
    print("recall / precision of rare classes with decision='balanced', and errors:")
    rare = [c for c, name in enumerate(names) if name in RARE]
    for label, found in results.items():
        text = ""
        for c in rare:
            chosen = (found[0] / found[0].mean(axis=0)).argmax(axis=1) == c
            for part in (chosen[codes == c], codes[chosen] == c):
                share, n = (part.mean(), len(part)) if len(part) else (np.nan, 1)
                text += f"  {share:.2f}({np.sqrt(share * (1 - share) / n):.2f})"
            text += f" {names[c]}"
        print(f"{label:34s}{text}")


def main():
    """Read the arguments and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--data", type=Path, default=DATA)
    readers = {"csc2": read_csc2, "xmm4": read_xmm4, "mock": read_mock}
    parser.add_argument("--sample", nargs="+", choices=readers, default=list(readers))
    parser.add_argument("--seeds", type=int, default=5, help="number of divisions into folds")
    parser.add_argument("--others", nargs="*", choices=list(others(0)), default=list(others(0)))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for sample in options.sample:
        table, properties, forest = readers[sample](options.data)
        more = options.seeds, options.others
        compare(f"{sample}, with location", table, properties, forest, *more)
        del properties["location"]
        compare(f"{sample}, without location", table, properties, forest, *more)


if __name__ == "__main__":
    main()
