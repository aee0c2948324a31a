# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Properties of the mock sky next to those of two tables of real sources with known classes.

Usage: python benchmarks/mock_fairness.py --data FOLDER -o FIGURE [--n 8000] [--seed 1]

FOLDER has csc2_td_2941.csv (Yang et al. 2022, ApJ 941, 104) and xmm4_td_1008.csv (Lin et al. 2024,
arXiv 2402.15684), which may not be shipped. The latter gives fluxes in bands only where they are
significant: so are those of the mock cut at a signal to noise of 2.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from astropy.table import Table

from claxboi.pipeline import prepare
from claxboi.simulation import make_mock_sky
from claxboi.utils import ClaxboiWarning, float_values

CLASSES = {
    "AGN": (["AGN", "AGN_2"], ["AGN"]),
    "star": (["star"], ["LM-STAR", "HM-STAR"]),
    "CV": (["CV"], ["CV"]),
}
#: Of Chandra's 0.5-7 keV flux in 0.2-12 keV, for a photon index of 1.7 and NH of 3e20.
CHANDRA_SHARE = 0.699
LEAST_SNR = 2.0


def hardness(soft, hard):
    """Compute the ratio of energy fluxes."""
    return (hard - soft) / (hard + soft)


def properties(flux, bands, magnitudes, motion):
    """Compute what is compared, by title."""
    bp, rp, w1, w2 = magnitudes
    columns = {"log flux (0.2-12 keV)": np.log10(flux)}
    for k in range(3):
        columns[f"HR{k + 1} (energy)"] = hardness(bands[k], bands[k + 1])
    columns["BP - RP"] = bp - rp
    columns["RP - W1"] = rp - w1
    columns["W1 - W2"] = w1 - w2
    columns["log F$_X$/F$_{RP}$"] = np.log10(flux) + rp / 2.5 + 5.43
    columns["log proper motion"] = np.log10(motion)
    return columns


def read_mock(n, seed):
    """Return the properties of a mock sky, and the classes of its labels."""
    sky = make_mock_sky(n, rng=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClaxboiWarning)
        table = prepare(sky.xray, references={**sky.references, **sky.others}, show_progress=False)
    bands = []
    for k in range(1, 5):
        flux, error = (float_values(sky.xray, f"SC_EP_{k}_FLUX{end}") for end in ("", "_ERR"))
        bands.append(np.where(flux > LEAST_SNR * error, flux, np.nan))
    magnitudes = [float_values(table, f"{band}_mag") for band in ("bp", "rp", "w1", "w2")]
    values = properties(float_values(table, "flux"), bands, magnitudes, float_values(table, "pm"))
    return values, np.ma.filled(np.ma.asarray(table["class"]), "").astype(str)


def read_real(folder):
    """Return the same of the two real tables."""
    xmm = Table.read(folder / "xmm4_td_1008.csv")
    chandra = Table.read(folder / "csc2_td_2941.csv")
    missing = np.full(len(xmm), np.nan)
    xmm_values = properties(
        float_values(xmm, "F8"),
        [float_values(xmm, f"F{k}") for k in range(1, 5)],
        [float_values(xmm, name) for name in ("BP", "RP", "W1", "W2")],
        missing,
    )
    missing = np.full(len(chandra), np.nan)
    chandra_values = properties(
        float_values(chandra, "flux_aper90_ave_b") / CHANDRA_SHARE,
        [missing] * 4,
        [float_values(chandra, name) for name in ("BPmag", "RPmag", "W1mag", "W2mag")],
        float_values(chandra, "PM"),
    )
    return (xmm_values, np.array(xmm["Class"])), (chandra_values, np.array(chandra["True_Class"]))


def draw(mock, xmm, chandra, path):
    """Draw histograms, a row for each property and a column for each class."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    titles = list(mock[0])
    figure, axes = plt.subplots(
        len(titles), len(CLASSES), figsize=(8, 1.5 * len(titles)), layout="constrained"
    )
    for column, (name, (own, real)) in enumerate(CLASSES.items()):
        for row, title in enumerate(titles):
            ax = axes[row, column]
            samples = []
            for label, color, (values, classes), names in (
                ("mock sky", "C0", mock, own),
                ("4XMM (Lin et al.)", "C1", xmm, real),
                ("Chandra (Yang et al.)", "C2", chandra, real),
            ):
                x = values[title][np.isin(classes, names)]
                x = x[np.isfinite(x)]
                if len(x) >= 10:
                    samples.append((label, color, x))
            ends = np.array([np.percentile(x, [1, 99]) for *_, x in samples])
            edges = np.linspace(ends[:, 0].min(), ends[:, 1].max(), 19)
            for label, color, x in samples:
                ax.hist(x, edges, density=True, histtype="step", color=color, label=label, lw=1.3)
            ax.set(yticks=[])
            ax.set_xlabel(title, fontsize=8)
            ax.tick_params(labelsize=7)
        axes[0, column].set_title(name)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(path, dpi=90)


def main():
    """Read the arguments and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--n", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with np.errstate(invalid="ignore", divide="ignore"):
        draw(read_mock(options.n, options.seed), *read_real(options.data), options.output)


if __name__ == "__main__":
    main()
