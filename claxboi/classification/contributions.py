# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Contributions to the posteriors of many sources, and sentences about them.
"""

from dataclasses import dataclass

import numpy as np

from claxboi.utils import float_values

from ._table_reading import read_sources
from .estimation import settle_priors
from .posterior import category_exponents, log_normalize, log_proportions
from .results import classification_settings
from .weights import largest

__all__ = [
    "FEW_LIKE_IT",
    "Contributions",
    "find_contributions",
    "recover_priors",
    "state_of_value",
    "stored_priors",
    "write_sentence",
]

#: Above this posterior the sentence is sure, below the other it says that it is not.
SURE = 0.9
UNSURE = 0.5

#: Properties named in the sentence, if each adds at least this many nats.
MENTIONED = 3
SMALLEST_MENTION = 0.1

#: A source whose p-value for every class is at most this is called an outlier.
ODD = 0.01

#: Fewer labelled sources like one are worth mentioning.
FEW_LIKE_IT = 10


@dataclass
class Contributions:
    """
    The parts of the log posteriors of some sources.

    Attributes
    ----------
    classes, categories : list of str
        Their names.
    kinds, groups, names : list of str, length n_parts
        What each part is ("prior", "offset", "property", "missing", "detection", "presence",
        "pair"), its category, and the name of its property or properties.
    values : `~numpy.ndarray` of shape (n_parts, n)
        Raw values of the properties, NaN where missing and for priors and offsets.
    nats : `~numpy.ndarray` of shape (n_parts, n_classes, n)
        What each part adds to the log posterior; NaN for the value of a property that is missing,
        and for detection without a limit.
    log_evidence : `~numpy.ndarray` of shape (n,)
        Logarithm of the sum over the classes of the exponential of the summed parts.
    posterior : `~numpy.ndarray` of shape (n_classes, n)
        The posteriors.
    best : `~numpy.ndarray` of int, shape (n,)
        Most probable class.
    others : `~numpy.ndarray` of int, shape (n_categories, n)
        Most probable class without each category.
    pvalue : `~numpy.ndarray` of shape (n,)
        Outlier p-value, NaN where the model has none.
    support : `~numpy.ndarray` of shape (n,)
        Labelled sources of the most probable class like each one, NaN where the model has none.
    class_counts : `~numpy.ndarray` of shape (n_classes,)
        Labelled sources of each class.
    is_training : `~numpy.ndarray` of bool, shape (n,)
        Which sources trained the model.
    """

    classes: list
    categories: list
    kinds: list
    groups: list
    names: list
    values: np.ndarray
    nats: np.ndarray
    log_evidence: np.ndarray
    posterior: np.ndarray
    best: np.ndarray
    others: np.ndarray
    pvalue: np.ndarray
    support: np.ndarray
    class_counts: np.ndarray
    is_training: np.ndarray

    def alternatives(self, row):
        """
        Return the predictions of one source without each category, where they differ.

        Parameters
        ----------
        row : int
            The source.

        Returns
        -------
        alternatives : dict of str to str
        """
        return {
            category: self.classes[code]
            for category, code in zip(self.categories, self.others[:, row], strict=True)
            if code != self.best[row]
        }

    def sentence(self, row, identifier=""):
        """
        Write the answer for one source, and its main contributions, as sentences.

        Parameters
        ----------
        row : int
            The source.
        identifier : str, optional
            Name of the source.

        Returns
        -------
        text : str
        """
        best = self.best[row]
        posterior = self.posterior[:, row]
        second = int(np.argmax(np.where(np.arange(len(posterior)) == best, -1.0, posterior)))
        nats = self.nats[:, best, row] - self.nats[:, second, row]
        known = ~np.isnan(self.nats[:, best, row])
        return write_sentence(
            identifier,
            (self.classes[best], posterior[best]),
            (self.classes[second], posterior[second]),
            [
                part
                for part, here in zip(
                    zip(self.kinds, self.names, self.values[:, row], nats, strict=True),
                    known,
                    strict=True,
                )
                if here
            ],
            self.alternatives(row),
            self.pvalue[row],
            (self.support[row], self.class_counts[best]),
            self.is_training[row],
        )


def find_contributions(model, table, priors=None, *, parent=None):
    """
    Split the posteriors of some sources into contributions.

    Parameters
    ----------
    model : `~claxboi.classification.NaiveBayesClassifier`
        The fitted classifier.
    table : `~astropy.table.Table`
        The sources.
    priors : mapping, sequence, "training", array, optional
        See `NaiveBayesClassifier.classify`. Default: those with which the table was classified, if
        it was.
    parent : tuple of `~astropy.table.Table` and slice, optional
        The table that the sources are a part of, and which part.

    Returns
    -------
    reasons : `Contributions`
    """
    sources = read_sources(model, table, parent=parent)
    proportions = None
    if priors is None:
        proportions = stored_priors(table, model)
        if proportions is None and _has_own_priors(table, model):
            proportions = recover_priors(table, model, sources).T
    if proportions is None:
        proportions = settle_priors(model, priors, table, sources)
    terms = model._core.terms(sources)
    combination, offsets = model._core.combination(terms, sources)
    parts, nats = _parts(model, sources, terms, proportions, offsets)
    n = len(sources)
    joint = np.nansum(nats, axis=0)
    best = largest(joint)
    total = combination.total()
    log_prior = log_proportions(proportions) + offsets
    others = np.empty((len(model.categories), n), np.intp)
    for t in range(len(model.categories)):
        others[t] = largest(combination.without(t, total, log_prior))
    pvalue, support = np.full((2, n), np.nan)
    scale = model._core.outlier_scale()
    if scale is not None:
        total = terms.log_likelihood.sum(axis=0)
        pvalue = scale.pvalue(total, terms.pattern, terms.patterns, sources.held[0])
        support = scale.support(total, terms.pattern, terms.patterns, best)
    kinds, groups, names, values = (list(part) for part in zip(*parts, strict=True))
    peak = joint.max(axis=0)
    return Contributions(
        classes=list(model.classes_),
        categories=list(model.categories),
        kinds=kinds,
        groups=groups,
        names=names,
        values=np.array(values),
        nats=nats,
        log_evidence=peak + np.log(np.exp(joint - peak).sum(axis=0)),
        posterior=np.exp(log_normalize(joint)),
        best=best,
        others=others,
        pvalue=pvalue,
        support=support,
        class_counts=model.class_counts_,
        is_training=sources.codes >= 0,
    )


def stored_priors(table, model):
    """
    Return the priors with which a result was made, None where it does not say.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The result.
    model : `~claxboi.classification.NaiveBayesClassifier`
        What made it.

    Returns
    -------
    proportions : `~numpy.ndarray` of shape (n_classes,) or None
    """
    stored = classification_settings(table)
    priors = stored.get("priors")
    if stored.get("classes") != model.classes_ or not isinstance(priors, dict):
        return None
    return np.array([priors[name] for name in model.classes_])


def _has_own_priors(table, model):
    """Return whether the model classified the table with priors for each source."""
    steps = table.meta.get("claxboi", {})
    columns = {f"P_{name}" for name in model.classes_}
    return (
        classification_settings(table).get("classes") == model.classes_
        and columns <= set(table.colnames)
        # The probabilities are then sums over candidates.
        and "candidates" not in steps
    )


def recover_priors(table, model, sources=None):
    """
    Recover the priors of a result in which each source has its own, from its probabilities.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The result.
    model : `~claxboi.classification.NaiveBayesClassifier`
        What made it.
    sources : object, optional
        What the model has read of the table.

    Returns
    -------
    proportions : `~numpy.ndarray` of shape (n_sources, n_classes) or None
        None where the metadata has the same priors for all sources.
    """
    stored = classification_settings(table)
    if isinstance(stored.get("priors"), dict):
        return None
    # The priors are the ratio of probabilities and likelihoods.
    with np.errstate(divide="ignore"):
        posterior = np.log([float_values(table, f"P_{name}") for name in model.classes_])
    sources = read_sources(model, table) if sources is None else sources
    evidence = model._core.log_evidence(sources)
    return np.exp(log_normalize(posterior - evidence)).T


def _parts(model, sources, terms, proportions, offsets):
    """List the parts (kind, category, name, values), and what each adds per class and source."""
    n, n_classes = len(sources), len(model.classes_)
    core = model._core
    weights, missing_weight = core.weight_arrays()
    held = sources.held
    if core.fold_weights is not None and held[0] is not None:
        each = core.fold_weights_of(sources)
        weights, missing_weight = each[: len(weights)], each[len(weights)]
    exponents = category_exponents(terms, weights, missing_weight, model.normalization)
    exponents = np.broadcast_to(exponents.reshape(len(exponents), -1), (len(exponents), n))
    log_likelihood = terms.densities
    if log_likelihood is None:
        log_likelihood = core.likelihood.property_terms(sources.values, sources.errors, *held)
    presence = core.likelihood.presence_terms(sources.values, *held)
    detection = {}
    if core.detection is not None:
        each = core.detection.each(sources)
        detection = dict(zip(core.detection.properties, each, strict=True))

    own, more = [], []
    if core.refinement is not None:
        own, more = _refined_parts(model, sources, log_likelihood)
    nothing, shape = np.full(n, np.nan), (n_classes, n)
    parts = [("prior", "", "prior", nothing)]
    nats = [np.broadcast_to(log_proportions(proportions), shape)]
    if offsets.any():
        parts.append(("offset", "", "offset", nothing))
        nats.append(np.broadcast_to(offsets, shape))
    for p, record in enumerate(model.properties):
        exponent = exponents[model.categories.index(record.category)]
        values = sources.values[p]
        missing = np.isnan(values)
        parts.append(("property", record.category, record.column, values))
        total = exponent * log_likelihood[p]
        if own:
            total = total + own[p]
        nats.append(np.where(missing, np.nan, total))
        if p in detection:
            parts.append(("detection", record.category, record.column, values))
            no_limit = np.isnan(sources.limits[p])
            nats.append(np.where(no_limit, np.nan, detection[p]))
            continue
        if model.missing == "ignore":
            continue
        power = exponent
        if model.missing == "existence":
            if model.normalization == "none":
                power = missing_weight
            else:
                power = np.where(missing, exponent * missing_weight, exponent)
        parts.append(("missing", record.category, record.column, values))
        nats.append(power * presence[p])
    for part, added in more:
        parts.append(part)
        nats.append(added)
    return parts, np.array(nats)


def _refined_parts(model, sources, log_likelihood):
    """Return what the refinement adds to each property, and its other parts."""
    own, more = [0.0] * len(model.properties), []
    for term, added in model._core.refinement_parts(sources, log_likelihood):
        records = [model.properties[p] for p in term.properties]
        columns = [record.column for record in records]
        values = sources.values[list(term.properties)]
        if term.kind == "presence":
            more.append((("presence", "", ", ".join(columns), values[0]), added))
        elif term.kind == "pair":
            categories = {record.category for record in records}
            category = categories.pop() if len(categories) == 1 else ""
            part = ("pair", category, " with ".join(columns), np.full(len(sources), np.nan))
            more.append((part, np.where(np.isnan(values).any(axis=0), np.nan, added)))
        else:
            own[term.properties[0]] = own[term.properties[0]] + added
    return own, more


def state_of_value(kind, name, value):
    """
    Describe the state of a part, such as missing or beyond its limit.

    Parameters
    ----------
    kind, name : str
        The part: its kind, and its property or properties.
    value : float
        NaN where missing.

    Returns
    -------
    text : str
        Such as "is missing"; empty for parts that are not about this.
    """
    verb, is_missing = "are" if ", " in name else "is", np.isnan(value)
    if kind in ("missing", "presence"):
        return f"{verb} {'missing' if is_missing else 'known'}"
    if kind == "detection":
        return f"{verb} {'beyond' if is_missing else 'within'} its limit"
    return ""


def write_sentence(identifier, first, second, parts, alternatives, pvalue, support, is_training):
    """
    Write an answer and its main contributions as sentences.

    Parameters
    ----------
    identifier : str
        What the source is called, empty where unknown.
    first, second : tuple of str and float
        The most probable class and the next, each with its posterior.
    parts : list of tuple
        Kind, name, value and nats for the first class rather than the second of each part.
    alternatives : dict of str to str
        Prediction without each category, where it differs.
    pvalue : float
        Outlier p-value.
    support : tuple of float
        Labelled sources of the most probable class like this one, and all of them.
    is_training : bool
        Whether the source trained the model.

    Returns
    -------
    text : str
    """
    best, probability = first
    who = identifier or "This source"
    if probability >= SURE:
        verdict = f"{who} is classified as {best} with probability {_percent(probability)}"
    elif probability >= UNSURE:
        verdict = f"{who} is probably {best} ({_percent(probability)})"
    else:
        verdict = f"{who} is of uncertain class, most probably {best} ({_percent(probability)})"
    sentences = [f"{verdict}, then {second[0]} ({_percent(second[1])})."]
    nats = np.array([part[-1] for part in parts])
    pros = _mention(parts, np.argsort(-nats), nats)
    cons = _mention(parts, np.argsort(nats), -nats)
    for text, first_class, second_class in ((pros, best, second[0]), (cons, second[0], best)):
        if text:
            verb = "favour" if " and " in text else "favours"
            # The name of a property keeps its case.
            start = "T" if text.startswith(("the ", "that ")) else text[0]
            sentences.append(f"{start}{text[1:]} {verb} {first_class} over {second_class}.")
    for category, name in alternatives.items():
        sentences.append(f"Without the {category} properties, it would be classified as {name}.")
    if pvalue < ODD:
        sentences.append(
            f"It is an outlier for every class (p = {pvalue:.2g}): perhaps none of them is right."
        )
    alike, n_labelled = support
    if alike < FEW_LIKE_IT:
        number = f"few labelled sources of class {best} ({alike:.2g} of {n_labelled:.0f})"
        if alike < 1:
            number = f"no labelled source of class {best}"
        verb = "is" if alike < 1 else "are"
        sentences.append(f"{number[0].upper()}{number[1:]} {verb} like it in all properties.")
    if is_training:
        sentences.append("It is in the training sample, and was held out for this answer.")
    return " ".join(sentences)


def _mention(parts, order, nats):
    named = []
    for row in order[:MENTIONED]:
        if nats[row] < SMALLEST_MENTION:
            break
        kind, name, value, _ = parts[row]
        if kind == "property":
            text = f"{name} = {value:.4g}"
        elif state := state_of_value(kind, name, value):
            text = f"that {name} {state}"
        elif kind == "pair":
            text = name
        else:
            text = f"the {kind}"
        # A prior of zero has no logarithm.
        amount = f"{nats[row]:.1f} nats" if np.isfinite(nats[row]) else "it excludes the other"
        named.append(f"{text} ({amount})")
    return " and ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else "".join(named)


def _percent(probability):
    if probability > 0.999:
        return "> 99.9 %"
    return "< 0.1 %" if probability < 0.001 else f"{100 * probability:.1f} %"
