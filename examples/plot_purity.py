"""
How pure is my CV sample?
=========================

Cataclysmic variables are rare: a night at the telescope for twenty candidates is worth it if most
of them are what they are called. Scores on a training sample do not say so, for it has too many
of the rare sources, which were sought for. This example makes such a sample, reads two purities
off it, and holds them against the truth. The sources are simulated.
"""

# %%
# Half of the sources have a label, as if from catalogues: of the CVs all are kept, of the others
# every fifth.

import matplotlib.pyplot as plt
import numpy as np

from claxboi import classify
from claxboi.diagnostics import plot_thresholds
from claxboi.simulation import make_labelled_sample

sources = make_labelled_sample(12000, rng=3)
is_labelled = ~sources["class"].mask
is_fifth = np.arange(len(sources)) % 5 == 0
known = sources[is_labelled & (is_fifth | (sources["class"].filled("") == "CV"))]
survey = sources[~is_labelled]
print(f"{np.mean(known['class'] == 'CV'):.1%} of the training sample are CVs,")
print(f"{np.mean(survey['true_class'] == 'CV'):.1%} of the survey")

# %%
# What the survey holds is not learned from the training sample, it is the prior.

priors = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}
properties = ["hr1", "hr2", "hr3", "b", "pm", "log_fx_fr", "log_fx_fw1", "log_fmax_fmin"]
result, model = classify(survey, priors, training=known, properties=properties, return_model=True)

# %%
# On the training sample, each source left out of the densities in turn, the sources that are
# called CVs look purer than they are: there are too few AGN and stars to be mistaken. The
# **purity at the priors** counts each class as often as it is in the survey. The completeness is
# the same.

evaluation = model.evaluate(known, priors)
row = evaluation.per_class[evaluation.classes.index("CV")]
print(f"as sampled:    {row['precision']:.0%} pure")
print(f"at the priors: {row['precision_corrected']:.0%} pure")
print(f"               {row['recall']:.0%} complete")

# %%
# In truth, which only the simulation knows:

is_cv = np.asarray(survey["true_class"] == "CV")
called = np.asarray(result["prediction"] == "CV")
print(f"in truth:      {np.mean(is_cv[called]):.0%} of {called.sum()} sources")

# %%
# A sample can be bought purer, at the price of being smaller, by asking for a higher probability.
# On the left what the training sample says of each threshold; on the right what the probabilities
# of the survey's own sources promise, without any label, and the truth.

fig, axes = plt.subplots(1, 2, figsize=(8.5, 4.4), layout="constrained", sharey=True)
plot_thresholds(evaluation, "CV", ax=axes[0])
plot_thresholds(result, "CV", ax=axes[1])
thresholds = np.linspace(0.05, 0.9, 18)
taken = [np.asarray(result["P_CV"]) >= threshold for threshold in thresholds]
axes[1].plot(thresholds, [np.mean(is_cv[rows]) for rows in taken], "o", color="#0072B2")
axes[1].plot(
    thresholds, [np.sum(is_cv[rows]) / is_cv.sum() for rows in taken], "o", color="#009E73"
)
axes[1].set_ylabel("")
axes[1].text(0.03, 0.03, "dots: in truth")
plt.show()

# %%
# How many to propose, then? The smallest threshold that promises four of five:

curve = evaluation.thresholds("CV")
pure = curve[curve["purity_corrected"] >= 0.8]
threshold = pure["threshold"].min()
chosen = result["P_CV"] >= threshold
print(f"P(CV) > {threshold:.2f}: {np.count_nonzero(chosen)} candidates, {is_cv[chosen].sum()} are")
