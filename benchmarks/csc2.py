# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Real sources with literature classes: claxboi next to forests and gradient boosting.

Usage: python benchmarks/csc2.py [--data FOLDER] [--sample csc2] [--without-location]
           [--seeds 5] [--slow-seeds 1] [--others LightGBM] [--curves]

csc2: 2941 Chandra sources in 8 classes (Yang et al. 2022, ApJ 941, 104), with the
leave-one-out probabilities of their random forest. That forest had no Galactic latitude, proper
motion or parallax, and its AGN were reddened to the field of each source.
xmm4: 1008 4XMM sources (Lin et al. 2024, arXiv 2402.15684), classes merged to four.
mock: simulated sources of seven classes with correlated properties.

Both tables take the way of any other: claxboi standardizes them as the mission's, measures the
properties and classifies. What it does not measure is used as the tables have it.

All classifiers are trained on the same folds, and scored on the sources that were left out. Forests
and boosting are tuned in nested folds. The priors are the proportions of the sample. Log-loss is
clipped at 1e-4. Scores are means over the divisions into folds, and "bal. rule" is the balanced
accuracy with decision="balanced". Below each row is the default minus that row, with the 95 %
interval of a bootstrap over the sources. Both have the same divisions and the same resamples.

--curves draws 100, 300, ... labelled sources and scores the others; errors are those of the mean
over the draws.
"""

import argparse
import importlib.util
import time
import warnings
from pathlib import Path

import numpy as np
from astropy.table import Table
from scipy.sparse import csr_matrix
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

from claxboi import classify
from claxboi.catalog import standardize
from claxboi.classification import Property
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
N_BINS = 10
N_BOOTSTRAP = 2000
SCORES = ("accuracy", "balanced", "bal. rule", "macro F1", "MCC", "log-loss", "Brier", "ECE")
FLUX_RATIOS = ["log_fx_fr", "log_fx_fw1", "log_fx_fw2"]
RARE = ("CV", "LMXB", "HMXB", "NS", "XRB", "ex_XRB", "gal_XRB")
SIZES = (100, 300, 1000, 2000)
DEFAULT = "claxboi"
RUNS = {
    DEFAULT: {},
    "claxboi, refine=False": {"refine": False},
    'claxboi, recipe="published"': {"recipe": "published"},
}
#: The others have fewer divisions into folds: they take longer, and differ less between them.
ALL_SEEDS = (*RUNS, "LightGBM")


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


def claxboi(table, properties, splits, settings):
    """Classify the sources of each split by a model of its training sources."""
    names = [f"P_{name}" for name in np.unique(table["class"])]
    probability = np.zeros((len(table), len(names)))
    for train, test in splits:
        sources = table[test]
        sources.remove_column("class")
        result = classify(
            sources,
            "training",
            training=table[train],
            properties=properties,
            show_progress=False,
            **settings,
        )
        for c, name in enumerate(names):
            # A class with fewer than three sources is not learned.
            if name in result.colnames:
                probability[test, c] = result[name]
    return probability


def fit_predict(model, values, codes, train, test):
    """Return the probabilities of sources, with 0 for classes that were not learned."""
    model.fit(values[train], codes[train])
    probability = np.zeros((len(test), codes.max() + 1))
    probability[:, model.classes_] = model.predict_proba(values[test])
    return probability


def tuned(make, grid, values, codes, splits, seed):
    """Classify the sources of each split, with the settings of lowest log-loss in inner folds."""
    probability = np.zeros((len(codes), codes.max() + 1))
    for train, test in splits:
        losses = []
        for settings in grid:
            loss = 0.0
            inner = StratifiedKFold(N_INNER, shuffle=True, random_state=seed)
            for rows, left in inner.split(train, codes[train]):
                model = make(random_state=seed, **settings)
                found = fit_predict(model, values, codes, train[rows], train[left])
                of_truth = found[np.arange(len(left)), codes[train[left]]]
                loss -= np.log(np.maximum(of_truth, CLIP)).sum()
            losses.append(loss)
        model = make(random_state=seed, **grid[int(np.argmin(losses))])
        probability[test] = fit_predict(model, values, codes, train, test)
    return probability


def others():
    """Return the classifiers that claxboi is compared with, and the settings to choose from."""
    leaves = [{"n_estimators": 300, "min_samples_leaf": n} for n in (1, 3)]
    rates = [{"max_iter": 100, "learning_rate": rate} for rate in (0.03, 0.1)]
    found = {
        "random forest": (RandomForestClassifier, leaves, {"class_weight": "balanced_subsample"}),
        "extra trees": (ExtraTreesClassifier, leaves, {"class_weight": "balanced"}),
        "HistGradientBoosting": (
            HistGradientBoostingClassifier,
            rates,
            {"class_weight": "balanced"},
        ),
    }
    if importlib.util.find_spec("lightgbm"):
        from lightgbm import LGBMClassifier

        fixed = {"learning_rate": 0.03, "num_leaves": 7, "min_child_samples": 5, "subsample": 0.8}
        fixed |= {"subsample_freq": 1, "colsample_bytree": 0.5, "verbose": -1, "n_jobs": 1}
        steps = [{"n_estimators": n, **fixed} for n in (150, 300)]
        found["LightGBM"] = (LGBMClassifier, steps, {"class_weight": "balanced"})
    if importlib.util.find_spec("catboost"):
        from catboost import CatBoostClassifier

        fixed = {"iterations": 300, "verbose": False, "thread_count": 1}
        fixed["allow_writing_files"] = False
        depths = [{"depth": depth, **fixed} for depth in (4, 6)]
        found["CatBoost"] = (CatBoostClassifier, depths, {"auto_class_weights": "Balanced"})
    for name, (make, grid, balanced) in list(found.items()):
        found[name] = (make, grid)
        found[f"{name}, balanced"] = (make, [{**settings, **balanced} for settings in grid])
    return found


def resampled_scores(codes, probabilities, counts):
    """
    Score resamples of the sources, as means over the divisions into folds.

    Parameters
    ----------
    codes : `~numpy.ndarray` of int, shape (n,)
        True classes.
    probabilities : list of `~numpy.ndarray` of shape (n, n_classes)
        One for each division.
    counts : `~numpy.ndarray` of shape (n, n_resamples)
        How often each source is in each resample.

    Returns
    -------
    scores : `~numpy.ndarray` of shape (n_scores, n_resamples)
    recall, precision : `~numpy.ndarray` of shape (n_classes, n_resamples)
        With decision="balanced".
    """
    n, n_classes = probabilities[0].shape
    rows, total = np.arange(n), counts.sum(axis=0)

    def sums(group, size, values=None):
        values = np.ones(n) if values is None else values
        return csr_matrix((values, (group, rows)), shape=(size, n)) @ counts

    means, shares = [], []
    for probability in probabilities:
        best = probability.argmax(axis=1)
        rule = (probability / probability.mean(axis=0)).argmax(axis=1)
        confusion, balanced = (
            sums(codes * n_classes + chosen, n_classes**2).reshape(n_classes, n_classes, -1)
            for chosen in (best, rule)
        )
        right, true, predicted = diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
        squares = (total**2 - (true**2).sum(axis=0)) * (total**2 - (predicted**2).sum(axis=0))
        of_truth = probability[rows, codes]
        largest = probability[rows, best]
        bins = np.minimum((largest * N_BINS).astype(int), N_BINS - 1)
        recall = diagonal(balanced) / balanced.sum(axis=1)
        means.append(
            [
                right.sum(axis=0) / total,
                np.nanmean(right / true, axis=0),
                np.nanmean(recall, axis=0),
                np.nanmean(2 * right / (true + predicted), axis=0),
                (right.sum(axis=0) * total - (true * predicted).sum(axis=0)) / np.sqrt(squares),
                -np.log(np.maximum(of_truth, CLIP)) @ counts / total,
                ((probability**2).sum(axis=1) - 2 * of_truth + 1) @ counts / total,
                np.abs(sums(bins, N_BINS, largest - (best == codes))).sum(axis=0) / total,
            ]
        )
        shares.append([recall, diagonal(balanced) / balanced.sum(axis=0)])
    return np.mean(means, axis=0), *np.nanmean(shares, axis=0)


def diagonal(confusion):
    """Return the diagonal of each confusion matrix, (n_classes, n_resamples)."""
    return np.diagonal(confusion).T


def prepare(table, properties):
    """Return the names of the classes, the codes of the sources, and the values as an array."""
    members = [member for category in properties.values() for member in category]
    columns = [getattr(member, "column", member) for member in members]
    names, codes = np.unique(table["class"], return_inverse=True)
    values = np.array([float_values(table, name) for name in columns]).T
    return names, codes, values


def run(label, table, properties, codes, values, splits, seed):
    """Classify the sources of all splits by the method of a label."""
    if label in RUNS:
        return claxboi(table, properties, splits, RUNS[label])
    return tuned(*others()[label], values, codes, splits, seed)


def compare(title, table, properties, forest, options):
    """Print the scores of all classifiers, and their differences to the default."""
    names, codes, values = prepare(table, properties)
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(codes), (N_BOOTSTRAP, len(codes)))
    counts = np.array([np.bincount(draw, minlength=len(codes)) for draw in draws], float)
    # The first resample is the sample itself.
    counts = np.vstack([np.ones(len(codes)), counts]).T
    size = f"{len(codes)} sources, {values.shape[1]} properties, {len(names)} classes"
    print(f"\n{title}: {size}\n{'':34s}seeds", end="")
    print("".join(f"{name:>17s}" for name in SCORES) + f"{'seconds':>9s}", flush=True)
    splits = [
        list(StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed).split(values, codes))
        for seed in range(options.seeds)
    ]
    rare, own = [], []

    def show(label, found, seconds):
        scores, *shares = resampled_scores(codes, found, counts)
        text = "".join(f"{x:17.4f}" for x in scores[:, 0])
        print(f"{label:34s}{len(found):5d}{text}{seconds:9.1f}")
        if own:
            default = resampled_scores(codes, own[: len(found)], counts)[0]
            low, high = np.nanpercentile((default - scores)[:, 1:], [2.5, 97.5], axis=1)
            pairs = (f"{a:+.4f},{b:+.4f}" for a, b in zip(low, high, strict=True))
            print(f"{'':39s}" + "".join(f"{pair:>17s}" for pair in pairs), flush=True)
        text = ""
        for c in (c for c, name in enumerate(names) if name in RARE):
            for share in shares:
                low, high = np.nanpercentile(share[c, 1:], [2.5, 97.5])
                text += f"  {share[c, 0]:.2f} ({low:.2f}-{high:.2f})"
            text += f" {names[c]}"
        rare.append(f"{label:34s}{text}")

    for label in (*RUNS, *options.others):
        start = time.process_time()
        chosen = splits if label in ALL_SEEDS else splits[: options.slow_seeds]
        found = [
            run(label, table, properties, codes, values, split, seed)
            for seed, split in enumerate(chosen)
        ]
        show(label, found, time.process_time() - start)
        own = found if label == DEFAULT else own
    if forest is not None:
        show("published forest (leave-one-out)", [forest], np.nan)
    print('recall and precision (95 % intervals) of rare classes with decision="balanced":')
    print("\n".join(rare), flush=True)


def curves(title, table, properties, options):
    """Print the log-loss and macro F1 on the sources that were not drawn, by labelled sources."""
    names, codes, values = prepare(table, properties)
    labels = [*RUNS, *(label for label in options.others if label == "LightGBM")]
    chosen = [SCORES.index(name) for name in ("log-loss", "macro F1", "ECE")]
    print(f"\n{title}: log-loss, macro F1 and ECE; mean, and the default minus the other")
    for size in (size for size in SIZES if size < len(codes) - 2 * len(names)):
        scores = {label: [] for label in labels}
        for seed in range(options.seeds):
            split = StratifiedShuffleSplit(1, train_size=size, random_state=seed)
            ((train, test),) = split.split(values, codes)
            for label in labels:
                found = run(label, table, properties, codes, values, [(train, test)], seed)
                ones = np.ones((len(test), 1))
                score = resampled_scores(codes[test], [found[test]], ones)[0][:, 0]
                scores[label].append(score[chosen])
        for label in labels:
            difference = np.array(scores[DEFAULT]) - scores[label]
            error = difference.std(axis=0, ddof=1) / np.sqrt(options.seeds)
            parts = zip(np.mean(scores[label], axis=0), difference.mean(axis=0), error, strict=True)
            text = "".join(f"{mean:9.3f} ({d:+.3f} +- {e:.3f})" for mean, d, e in parts)
            print(f"{size:5d}  {label:28s}{text}", flush=True)


def main():
    """Read the arguments and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--data", type=Path, default=DATA)
    readers = {"csc2": read_csc2, "xmm4": read_xmm4, "mock": read_mock}
    parser.add_argument("--sample", nargs="+", choices=readers, default=list(readers))
    parser.add_argument("--without-location", action="store_true", help="leave this category out")
    parser.add_argument("--seeds", type=int, default=5, help="number of divisions into folds")
    parser.add_argument("--slow-seeds", type=int, default=1, help="number of them for slow methods")
    parser.add_argument("--others", nargs="*", choices=list(others()), default=list(others()))
    parser.add_argument("--curves", action="store_true", help="learning curves in place of scores")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for sample in options.sample:
        table, properties, forest = readers[sample](options.data)
        title = f"{sample}, with location"
        if options.without_location:
            title = f"{sample}, without location"
            del properties["location"]
        if options.curves:
            curves(title, table, properties, options)
        else:
            compare(title, table, properties, forest, options)


if __name__ == "__main__":
    main()
