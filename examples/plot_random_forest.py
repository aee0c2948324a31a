"""
Comparison with a random forest
===============================

This example trains claxboi and a random forest on the same sources, and compares their accuracy and
calibration on the same held-out sources. The sources are simulated; :ref:`measured_scores` has the
same for real Chandra sources.

It needs ``scikit-learn``.
"""

# %%
# Both are trained on the labelled half and scored on the other half, whose true classes are known
# from the simulation. Missing values are replaced by a number far below all others for the forest.

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
# The scores of both. Log-loss penalises confident errors; the expected calibration error (ECE) is
# the mean difference between probabilities and frequencies.

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
# The forest averages many trees and is underconfident. claxboi is calibrated.

fig, axes = plt.subplots(1, 2, figsize=(8, 4.4), layout="constrained", sharey=True)
for ax, evaluation in zip(axes, scores.values(), strict=True):
    plot_reliability(evaluation, ax=ax)
plt.show()
