"""
Save a model, and share it
==========================

You have a labelled sample; a colleague has sources to classify. A model is one text file with the
densities, the exponents and a checksum. The sources are simulated.
"""

# %%
# A model is fitted once, on sources with labels.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from claxboi import NaiveBayesClassifier, classify
from claxboi.simulation import make_labelled_sample

priors = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}
mine = make_labelled_sample(3000, rng=1)
_, model = classify(mine, priors, return_model=True)

# %%
# The file is ECSV: it can be read, compared and kept under version control, and contains no code.

folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "xmm-2026.ecsv")
model.write(path)
print(f"{path.stat().st_size / 1e6:.1f} MB, and it begins:")
print("\n".join(line[:72] for line in path.read_text().splitlines()[:6]))

# %%
# The colleague has a table with the same columns and without labels, and gets identical
# probabilities.

theirs = make_labelled_sample(500, labelled_fraction=0, rng=2)
result = classify(theirs, priors, model=path)
here = model.classify(theirs, priors)
print("identical:", np.array_equal(result["P_AGN"], here["P_AGN"]))
for name, count in zip(*np.unique(result["prediction"], return_counts=True), strict=True):
    print(f"{name:9} {count}")

# %%
# A truncated or edited file is refused:

path.write_text(path.read_text()[:-1000])
try:
    NaiveBayesClassifier.read(path)
except ValueError as error:
    print(str(error).replace(folder.name, "..."))

# %%
# Check that the model is valid for these sources. The p-value of a source is the fraction of
# members of its class that are at least as outlying. For sources from the same population, p-values
# are uniform or larger, because the largest over the classes is used. An excess near 0 indicates
# sources unlike the training sample.

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.hist(result["outlier_pvalue"], np.linspace(0, 1, 21), color="C0", alpha=0.7)
ax.axhline(len(result) / 20, color="0.4", linestyle="--", label="uniform")
ax.set(xlabel="Largest p-value of all classes", ylabel="Number of sources", xlim=(0, 1))
ax.legend(frameon=False)
plt.show()
folder.cleanup()
