"""
How pure is my CV sample?
=========================

Follow-up of candidate cataclysmic variables (CVs) is worthwhile only if most of them are CVs. The
purity measured on a training sample is too optimistic, because rare classes are over-represented in
it. This example compares two estimates of the purity with the truth. The sources are simulated.
"""

# %%
# Half of the sources have a label. To mimic label catalogues, all labelled CVs are kept, and one
# fifth of the others.

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
# The proportions of the survey are the prior; they are not learned from the training sample.

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
# The raw purity, measured leave-one-out on the training sample, is too high, because the sample has
# too few AGN and stars that could be mistaken for CVs. The **prior-corrected purity** weights each
# class by its proportion in the survey. The completeness is the same.

evaluation = model.evaluate(known, priors)
row = evaluation.per_class[evaluation.classes.index("CV")]
print(f"raw purity:             {row['precision']:.0%}")
print(f"prior-corrected purity: {row['precision_corrected']:.0%}")
print(f"completeness:           {row['recall']:.0%}")

# %%
# The true values, known from the simulation:

is_cv = np.asarray(survey["true_class"] == "CV")
called = np.asarray(result["prediction"] == "CV")
print(f"true purity:            {np.mean(is_cv[called]):.0%} of {called.sum()} sources")

# %%
# A higher threshold in probability gives a purer but smaller sample. Left: purity and completeness
# from the training sample. Right: those expected from the probabilities of the survey sources,
# without labels, and the true values.

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
axes[1].text(0.03, 0.03, "dots: true values")
plt.show()

# %%
# How many candidates can be proposed? The smallest threshold with an expected purity of 80 %:

curve = evaluation.thresholds("CV")
pure = curve[curve["purity_corrected"] >= 0.8]
threshold = pure["threshold"].min()
chosen = result["P_CV"] >= threshold
n_chosen, n_true = np.count_nonzero(chosen), is_cv[chosen].sum()
print(f"P(CV) > {threshold:.2f}: {n_chosen} candidates, {n_true} of them are CVs")
