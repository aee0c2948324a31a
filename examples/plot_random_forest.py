"""
Compared with a random forest
=============================

A forest finds combinations of properties that naive Bayes does not. This example trains both on the
same sources and scores both on the same held-out ones: accuracy and calibration of the
probabilities. The sources are simulated; on real Chandra sources ``benchmarks/csc2.py`` does the
same.

It needs ``scikit-learn``.
"""

# %%
# Both learn from the labelled half, and both are scored on the other half, whose truth only the
# simulation knows. A forest needs a number for missing values: one far below all others.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import RandomForestClassifier

from claxboi import classify
from claxboi.classification import Evaluation
from claxboi.diagnostics import plot_reliability
from claxboi.simulation import make_labelled_sample

sources = make_labelled_sample(4000, rng=1)
result, model = classify(sources, "training", return_model=True, show_progress=False)
training = np.asarray(result["is_training"])
columns = [record.column for record in model.properties]
values = np.column_stack([np.ma.filled(sources[name], -99.0) for name in columns])
forest = RandomForestClassifier(300, class_weight="balanced", n_jobs=2, random_state=1)
forest.fit(values[training], np.asarray(sources["class"][training]))

# %%
# The same scores of both. Log-loss punishes a confident error; the calibration error (ECE) is the
# mean difference between probabilities and frequencies.

new = result[~training]
probabilities = {
    "claxboi": np.column_stack([new[f"P_{name}"] for name in model.classes_]),
    "forest": forest.predict_proba(values[~training])[
        :, [list(forest.classes_).index(name) for name in model.classes_]
    ],
}
scores = {
    name: Evaluation.from_probabilities(
        new["true_class"], p, model.classes_, priors="training", method=name
    )
    for name, p in probabilities.items()
}
print("         accuracy  macro-F1  log-loss    ECE")
for name, evaluation in scores.items():
    clipped = Evaluation.from_probabilities(
        new["true_class"], probabilities[name], model.classes_, priors="training", clip=1e-4
    )
    print(
        f"{name:8} {evaluation.accuracy:8.3f} {evaluation.macro_f1:9.3f} "
        f"{clipped.log_loss:9.3f} {evaluation.ece:6.3f}"
    )

# %%
# The forest, an average of many votes, is underconfident. Naive Bayes with fitted exponents is
# calibrated, and explains the class of each source.

fig, axes = plt.subplots(1, 2, figsize=(8, 4.4), layout="constrained", sharey=True)
for ax, evaluation in zip(axes, scores.values(), strict=True):
    plot_reliability(evaluation, ax=ax)
plt.show()
