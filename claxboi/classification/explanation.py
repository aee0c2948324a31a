# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Why a source is what it is: every posterior taken apart to the last property.
"""

from dataclasses import dataclass, field

import numpy as np
from astropy.table import Row, Table

from ._posterior import category_exponents, log_normalize, log_proportions
from .weights import largest

__all__ = ["Explanation", "explain_source"]

#: Above this posterior the sentence is sure, below the other it says that it is not.
SURE = 0.9
UNSURE = 0.5

#: Properties named in the sentence, if each adds at least this many nats.
MENTIONED = 3
SMALLEST_MENTION = 0.1

#: A source at least as odd as this for every class is called odd.
ODD = 0.01


@dataclass
class Explanation:
    """
    The parts of the log posterior of one source, per class, in nats.

    The parts of a class (the prior, its offset, each property, and what the presence or absence
    of each property says) add up, with ``log_evidence`` subtracted, to its log posterior.

    Attributes
    ----------
    classes : list of str
        Names of the classes.
    parts : `~astropy.table.Table`
        One row per part: ``kind`` ("prior", "offset", "property", "missing"), ``category``,
        ``name``, ``value`` (raw, NaN where missing), and a column per class with what the part
        adds.
    log_evidence : float
        Logarithm of the sum over the classes of the exponential of the summed parts.
    posterior : dict of str to float
        Posterior per class.
    prediction : str
        Most probable class.
    alternatives : dict of str to str
        Prediction without each category, where it differs.
    outlier_pvalue : float
        See `NaiveBayesClassifier.classify`; NaN where the model has none.
    is_training : bool
        Whether the source trained the model; it is then held out.
    identifier : str
        What the source is called, empty where unknown.
    """

    classes: list
    parts: Table = field(repr=False)
    log_evidence: float
    posterior: dict
    prediction: str
    alternatives: dict
    outlier_pvalue: float
    is_training: bool
    identifier: str = ""

    def to_table(self, by="part"):
        """
        Return the contributions as a table.

        Parameters
        ----------
        by : {"part", "category"}, optional
            One row per part (default), or per category; the missing-value term, the prior and
            the offsets keep rows of their own.

        Returns
        -------
        table : `~astropy.table.Table`
            ``kind``, ``category``, ``name``, ``value`` and one column per class, in nats.
        """
        if by == "part":
            return self.parts.copy()
        if by != "category":
            raise ValueError(f"by must be 'part' or 'category', got {by!r}")
        kinds = list(self.parts["kind"])
        groups = [
            category if kind == "property" else kind
            for kind, category in zip(kinds, self.parts["category"], strict=True)
        ]
        names = list(dict.fromkeys(groups))
        chosen = np.array(groups)
        rows = Table({"category": names})
        for name in self.classes:
            values = np.array(self.parts[name])
            rows[name] = [values[chosen == group].sum() for group in names]
        return rows

    @property
    def log_posterior(self):
        """
        Log posterior per class, as a dict: the summed parts minus the evidence.
        """
        return {name: float(np.sum(self.parts[name]) - self.log_evidence) for name in self.classes}

    def contrast(self, class_name=None, against=None):
        """
        Say how much each part speaks for one class against another.

        Parameters
        ----------
        class_name : str, optional
            The class; the prediction by default.
        against : str, optional
            The other; the most probable of the rest by default.

        Returns
        -------
        nats : `~numpy.ndarray` of shape (n_parts,)
            Positive for the class. Rows as in ``parts``.
        """
        first = self.prediction if class_name is None else class_name
        second = self.runner_up(first) if against is None else against
        for name in (first, second):
            if name not in self.classes:
                raise ValueError(f"there is no class {name!r}; there are {', '.join(self.classes)}")
        return np.array(self.parts[first]) - np.array(self.parts[second])

    def runner_up(self, class_name=None):
        """
        Name the most probable class but one.

        Parameters
        ----------
        class_name : str, optional
            The class to leave out; the prediction by default.

        Returns
        -------
        name : str
        """
        first = self.prediction if class_name is None else class_name
        return max((name for name in self.classes if name != first), key=self.posterior.get)

    @property
    def sentence(self):
        """
        The answer and its reasons in plain words.
        """
        best, second = self.prediction, self.runner_up()
        probability = self.posterior[best]
        who = self.identifier or "This source"
        if probability >= SURE:
            verdict = f"{who} is classified as {best} with probability {_percent(probability)}"
        elif probability >= UNSURE:
            verdict = f"{who} is probably {best} ({_percent(probability)})"
        else:
            verdict = f"{who} is of uncertain class, most probably {best}"
            verdict += f" ({_percent(probability)})"
        verdict += f", then {second} ({_percent(self.posterior[second])})."
        nats = self.contrast()
        pros = self._mention(np.argsort(-nats), nats)
        cons = self._mention(np.argsort(nats), -nats)
        sentences = [verdict]
        if pros:
            sentences.append(f"For {best} rather than {second} speak {pros}.")
        if cons:
            sentences.append(f"Against it {'speak' if ' and ' in cons else 'speaks'} {cons}.")
        for category, name in self.alternatives.items():
            sentences.append(f"Without the {category} properties it would be {name}.")
        if self.outlier_pvalue < ODD:
            sentences.append(
                f"It is odd for every class (p = {self.outlier_pvalue:.2g}): none may be right."
            )
        if self.is_training:
            sentences.append("It belongs to the training sample and was held out for this answer.")
        return " ".join(sentences)

    def _mention(self, order, nats):
        named = []
        for row in order[:MENTIONED]:
            if nats[row] < SMALLEST_MENTION:
                break
            part = self.parts[row]
            kind, name = str(part["kind"]), str(part["name"])
            if kind == "property":
                text = f"{name} = {part['value']:.4g}"
            elif kind == "missing":
                text = f"that {name} is {'missing' if np.isnan(part['value']) else 'known'}"
            else:
                text = f"the {kind}"
            # A prior of zero is no amount.
            amount = f"{nats[row]:.1f} nats" if np.isfinite(nats[row]) else "it excludes the other"
            named.append(f"{text} ({amount})")
        return (
            " and ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else "".join(named)
        )

    def __str__(self):
        lines = [self.sentence, ""]
        table = self.to_table("category")
        total = [self.log_posterior[name] for name in self.classes]
        table.add_row(["evidence", *[-self.log_evidence] * len(self.classes)])
        table.add_row(["log posterior", *total])
        for name in self.classes:
            table[name].info.format = ".2f"
        lines += table.pformat(max_lines=-1, max_width=-1)
        return "\n".join(lines)

    def plot(self, ax=None, *, class_name=None, against=None):
        """
        Draw what each part adds for one class against another as bars.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        class_name, against : str, optional
            As for `contrast`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        # The figures are a layer above the steps, so they are looked up when asked for.
        from claxboi.diagnostics import plot_explanation

        return plot_explanation(self, ax=ax, class_name=class_name, against=against)


def _percent(probability):
    if probability > 0.999:
        return "> 99.9 %"
    return "< 0.1 %" if probability < 0.001 else f"{100 * probability:.1f} %"


def explain_source(model, source, priors, *, identifier=""):
    """
    Take the posterior of one source apart; see `NaiveBayesClassifier.explain`.
    """
    table = _one_row(source)
    sources = model._read(table)
    proportions = _stored_priors(table, model) if priors is None else None
    if proportions is None:
        proportions = model._priors(priors, table, sources)
    terms = model._terms(sources)
    combination, offsets = model._combination(terms, sources)
    rows = _parts(model, sources, terms, proportions, offsets)
    names = ["kind", "category", "name", "value", *model.classes_]
    parts = Table(
        rows=rows, names=names, dtype=[str, str, str, float] + [float] * len(model.classes_)
    )
    joint = np.array([np.sum(parts[name]) for name in model.classes_])
    log_posterior = log_normalize(joint[:, np.newaxis])[:, 0]
    best = int(largest(joint[:, np.newaxis])[0])
    total = combination.contributions.sum(axis=0)
    log_prior = log_proportions(proportions) + offsets
    alternatives = {}
    for t, category in enumerate(model.categories):
        other = int(largest(combination.without(t, total, log_prior))[0])
        if other != best:
            alternatives[category] = model.classes_[other]
    scale = model._get_outlier_scale()
    pvalue = np.nan
    if scale is not None:
        total = terms.log_likelihood.sum(axis=0)
        pvalue = float(scale.pvalue(total, terms.pattern, terms.patterns, sources.codes)[0])
    return Explanation(
        classes=list(model.classes_),
        parts=parts,
        log_evidence=float(joint.max() + np.log(np.exp(joint - joint.max()).sum())),
        posterior=dict(zip(model.classes_, map(float, np.exp(log_posterior)), strict=True)),
        prediction=model.classes_[best],
        alternatives=alternatives,
        outlier_pvalue=pvalue,
        is_training=bool(sources.codes[0] >= 0),
        identifier=identifier or _identifier(table),
    )


def _one_row(source):
    if isinstance(source, Row):
        return source.table[source.index : source.index + 1]
    if isinstance(source, Table) and len(source) == 1:
        return source
    got = f"a table of {len(source)} rows" if isinstance(source, Table) else type(source).__name__
    raise TypeError(f"source must be a row of a table, or a table of one row; got {got}")


def _identifier(table):
    for name in ("source_id", "name", "NAME", "IAUNAME", "SRCID"):
        if name in table.colnames:
            return str(table[name][0])
    return ""


def _stored_priors(table, model):
    """Return the priors with which a result was made, None where it does not say."""
    stored = table.meta.get("claxboi", {}).get("classification", {})
    priors = stored.get("priors")
    if stored.get("classes") != model.classes_ or not isinstance(priors, dict):
        return None
    return np.array([priors[name] for name in model.classes_])


def _parts(model, sources, terms, proportions, offsets):
    """List the parts of the log posterior of one source."""
    weights, missing_weight = model._weight_arrays()
    with np.errstate(divide="ignore"):
        rows = [["prior", "", "prior", np.nan, *np.log(proportions).reshape(-1)]]
    if offsets.any():
        rows.append(["offset", "", "offset", np.nan, *offsets[:, 0]])
    if model._fold_weights is not None and sources.codes[0] >= 0:
        each = model._fold_weights_of(sources)[:, 0]
        weights, missing_weight = each[: len(weights)], each[len(weights)]
    exponents = category_exponents(terms, weights, missing_weight, model.normalization)
    exponents = np.asarray(exponents).reshape(len(weights), -1)[:, 0]
    log_likelihood = model._likelihood.property_terms(
        sources.values,
        sources.errors,
        sources.codes if sources.codes[0] >= 0 else None,
        sources.weights,
    )[..., 0]
    presence = model._likelihood.presence_terms(
        sources.values, sources.codes if sources.codes[0] >= 0 else None, sources.weights
    )[..., 0]
    for p, record in enumerate(model.properties):
        t = model.categories.index(record.category)
        value = float(sources.values[p, 0])
        if not np.isnan(value):
            rows.append(
                [
                    "property",
                    record.category,
                    record.column,
                    value,
                    *exponents[t] * log_likelihood[p],
                ]
            )
        if model.missing == "ignore":
            continue
        power = exponents[t]
        if model.missing == "existence":
            if model.normalization == "none":
                power = missing_weight
            elif np.isnan(value):
                power = exponents[t] * missing_weight
        rows.append(["missing", record.category, record.column, value, *(power * presence[p])])
    return rows
