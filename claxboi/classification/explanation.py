# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Explain a classification: the contribution of each property to the posterior.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import fill
from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy.table import Row, Table

from claxboi.catalog import identifier_columns
from claxboi.utils import InputTypeError, InputValueError, check_columns, check_table, float_values

from ._table_reading import read_sources
from .contributions import find_contributions, stored_priors, write_sentence
from .estimation import settle_priors
from .mixture import (
    candidate_domains,
    check_candidates,
    check_mixable,
    mix_candidates,
    weigh_candidates,
)

if TYPE_CHECKING:
    from numpy import ndarray

    from .classifier import NaiveBayesClassifier
    from .priors import PriorsLike

__all__ = ["Explanation", "explain"]

#: Candidates that are shown in text.
MOST_SHOWN = 8


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
        One row per part: ``kind`` ("prior", "offset", "property", "missing"; "detection", of
        properties with a limit; with a refinement
        also "presence", of values that are missing together, and "pair", of two properties beyond
        each of them; with candidates also "match", how probable they are), ``category``, ``name``,
        ``value`` (raw, NaN where missing), and a column per class with what the part adds. With
        candidates, what a property adds is the mean over them, weighted with the probability of
        each given the class, and its value is that of the most probable one that has a value.
    log_evidence : float
        Logarithm of the sum over the classes of the exponential of the summed parts.
    posterior : dict of str to float
        Posterior per class.
    prediction : str
        Most probable class.
    alternatives : dict of str to str
        Prediction without each category, where it differs; with candidates, if the most probable
        one is the counterpart.
    outlier_pvalue : float
        See `NaiveBayesClassifier.classify`; NaN where the model has none.
    support : float
        Labelled sources of the prediction (of the most probable candidate) that are like this one:
        see `NaiveBayesClassifier.classify`. NaN where the model has none.
    n_labelled : float
        All labelled sources of that class.
    is_training : bool
        Whether the source trained the model; it is then held out.
    identifier : str
        What the source is called, empty where unknown.
    candidates : `~astropy.table.Table` or None
        The candidates over which the posterior is summed, the most probable first:
        ``<domain>_id``, ``match_probability`` (by position), ``match_posterior``, and
        ``P_<class>``, the posterior if it is the counterpart.

    Examples
    --------
    >>> from claxboi import classify
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> result, model = classify(
    ...     table, "training", properties=["hr2", "log_fx_fw1"], return_model=True
    ... )
    >>> explanation = model.explain(result[7])
    >>> print(explanation.prediction, explanation.runner_up())
    AGN extended
    >>> explanation.to_table("category")["category"].tolist()
    ['prior', 'offset', 'spectrum', 'missing', 'counterparts', 'pairs between categories']
    >>> contrast = explanation.contrast("AGN", "star")
    """

    classes: list
    parts: Table = field(repr=False)
    log_evidence: float
    posterior: dict
    prediction: str
    alternatives: dict
    outlier_pvalue: float
    support: float
    n_labelled: float
    is_training: bool
    identifier: str = ""
    candidates: Table | None = None

    def to_table(self, by: Literal["part", "category"] = "part") -> Table:
        """
        Return the contributions as a table.

        Parameters
        ----------
        by : {"part", "category"}, optional
            One row per part (default), or per category; the missing-value term, pairs between
            categories, the prior and the offsets keep rows of their own.

        Returns
        -------
        table : `~astropy.table.Table`
            ``kind``, ``category``, ``name``, ``value`` and one column per class, in nats.
        """
        if by == "part":
            return self.parts.copy()
        if by != "category":
            raise InputValueError(f"by must be 'part' or 'category', got {by!r}")
        kinds = list(self.parts["kind"])
        others = {"pair": "pairs between categories", "detection": "missing", "presence": "missing"}
        groups = [
            category if kind in ("property", "pair") and category else others.get(kind, kind)
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

    def contrast(self, class_name: str | None = None, against: str | None = None) -> ndarray:
        """
        Return how much each part favours one class over another.

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
                raise InputValueError(f"no class {name!r} (classes: {', '.join(self.classes)})")
        return np.array(self.parts[first]) - np.array(self.parts[second])

    def runner_up(self, class_name: str | None = None) -> str:
        """
        Return the most probable class other than the prediction.

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
        The answer and its main contributions in sentences.
        """
        best, second = self.prediction, self.runner_up()
        columns = (*(self.parts[name] for name in ("kind", "name", "value")), self.contrast())
        answer = write_sentence(
            self.identifier,
            (best, self.posterior[best]),
            (second, self.posterior[second]),
            list(zip(*columns, strict=True)),
            self.alternatives,
            self.outlier_pvalue,
            (self.support, self.n_labelled),
            self.is_training,
        )
        return answer if self.candidates is None else f"{answer} {_about_candidates(self)}"

    def __str__(self):
        lines = [fill(self.sentence, 88), ""]
        if self.candidates is not None:
            shown = self.candidates[:MOST_SHOWN].copy()
            for name in shown.colnames:
                if not name.endswith("_id"):
                    shown[name].info.format = ".3f"
            lines += [*shown.pformat(max_lines=-1, max_width=-1), ""]
        table = self.to_table("category")
        total = [self.log_posterior[name] for name in self.classes]
        table.add_row(["evidence", *[-self.log_evidence] * len(self.classes)])
        table.add_row(["log posterior", *total])
        for name in self.classes:
            table[name].info.format = ".2f"
        lines += table.pformat(max_lines=-1, max_width=-1)
        return "\n".join(lines)

    def _repr_html_(self):
        from .displays import explanation_html

        return explanation_html(self)


def explain(  # numpydoc ignore=PR01
    self: NaiveBayesClassifier,
    source: Row | Table,
    priors: PriorsLike = None,
    *,
    candidates: Table | None = None,
) -> Explanation:
    """
    Split the posterior of one source into contributions.

    Parameters
    ----------
    source : `~astropy.table.Row` or `~astropy.table.Table` of one row
        The source, with the columns of the properties; a row of a classified table will do.
    priors : mapping, sequence, "training", optional
        See `classify`. Default: those with which the table was classified, if it was.
    candidates : `~astropy.table.Table`, optional
        The candidates with which the table was classified, if it was; of all sources, since
        the densities of field objects are learned from them.

    Returns
    -------
    explanation : `Explanation`
        What each property, its presence, each category and the prior contribute, in nats
        per class; adding up to the log posterior.
    """
    table = _one_row(source)
    if candidates is not None:
        return _explain_candidates(self, source, priors, candidates, _identifier(table))
    parent = None
    if isinstance(source, Row):
        parent = source.table, slice(source.index, source.index + 1)
    reasons = find_contributions(self, table, priors, parent=parent)
    return _make_explanation(
        reasons,
        0,
        (reasons.kinds, reasons.groups, reasons.names, reasons.values[:, 0]),
        reasons.nats[..., 0],
        reasons.posterior[:, 0],
        identifier=_identifier(table),
    )


def _make_explanation(reasons, row, columns, nats, posterior, **fields):
    """Build an explanation from contributions, the given row of which describes the source."""
    known = ~np.isnan(nats[:, 0])
    parts = Table(
        {
            name: np.array(values)[known]
            for name, values in zip(("kind", "category", "name", "value"), columns, strict=True)
        }
    )
    for name, values in zip(reasons.classes, nats[known].T, strict=True):
        parts[name] = values
    return Explanation(
        classes=reasons.classes,
        parts=parts,
        log_evidence=float(np.logaddexp.reduce(nats[known].sum(axis=0))),
        posterior=dict(zip(reasons.classes, posterior.tolist(), strict=True)),
        prediction=reasons.classes[int(np.argmax(posterior))],
        alternatives=reasons.alternatives(row),
        outlier_pvalue=float(reasons.pvalue[row]),
        support=float(reasons.support[row]),
        n_labelled=float(reasons.class_counts[reasons.best[row]]),
        is_training=bool(reasons.is_training[row]),
        **fields,
    )


def _explain_candidates(model, source, priors, candidates, identifier):
    if not isinstance(source, Row):
        raise InputTypeError(
            "source must be a row of the table that the candidates belong to, got "
            f"{type(source).__name__}"
        )
    check_mixable(model)
    check_table(candidates, "candidates")
    table, row = source.table, source.index
    table, row, candidates = _with_candidates(table, row, candidates)
    check_candidates(model, candidates, table)
    proportions = stored_priors(table, model) if priors is None else None
    if proportions is None:
        sources = read_sources(model, table, is_checked=False)
        proportions = settle_priors(model, priors, table, sources)
    weighed = weigh_candidates(model, table, candidates, proportions, only=row)
    mixture = mix_candidates(*weighed.to_mix)
    part = candidates[weighed.rows]
    own = np.exp(weighed.log_prior[:, 0])
    reasons = find_contributions(model, part, own)
    # The probability of each candidate given each class.
    weight = weighed.evidence - weighed.log_field + weighed.log_q
    weight -= weight.max(axis=1, keepdims=True)
    log_weight = weight - np.log(np.exp(weight).sum(axis=1, keepdims=True))
    weight = np.exp(log_weight)
    best = int(np.argmax(mixture.match))
    nats = np.sum(np.where(weight > 0, np.nan_to_num(reasons.nats) * weight, 0.0), axis=2)
    nats[np.isnan(reasons.nats).all(axis=(1, 2))] = np.nan
    match = weighed.log_q - weighed.log_field - log_weight
    match = np.sum(np.where(weight > 0, match * weight, 0.0), axis=1)
    likely = np.argsort(-mixture.match, kind="stable")
    has_value = ~np.isnan(reasons.values[:, likely])
    first = likely[np.argmax(has_value, axis=1)]
    values = reasons.values[np.arange(len(first)), first]
    listed = Table()
    for domain in candidate_domains(part):
        listed[f"{domain}_id"] = part[f"{domain}_id"]
    listed["match_probability"] = np.exp(weighed.log_q)
    listed["match_posterior"] = mixture.match
    for name, probability in zip(reasons.classes, reasons.posterior, strict=True):
        listed[f"P_{name}"] = probability
    return _make_explanation(
        reasons,
        best,
        (
            [*reasons.kinds, "match"],
            [*reasons.groups, ""],
            [*reasons.names, "candidates"],
            [*values, np.nan],
        ),
        np.vstack([nats, match]),
        np.exp(mixture.log_posterior[:, 0]),
        identifier=identifier,
        candidates=listed[likely],
    )


def _with_candidates(table, row, candidates):
    """Leave out the sources without a candidate row, which were not classified."""
    check_columns(candidates, ["primary", "match_probability"], "candidates")
    primary = float_values(candidates, "primary", name="candidates")
    known = np.isin(np.arange(len(table)), primary)
    if known.all() or not np.all((primary >= 0) & (primary < len(table))):
        return table, row, candidates
    if not known[row]:
        raise InputValueError(
            f"source must have candidates; no row of candidates has primary = {row}"
        )
    place = np.cumsum(known) - 1
    candidates = candidates.copy(copy_data=False)
    candidates["primary"] = place[primary.astype(np.int64)]
    return table[known], int(place[row]), candidates


def _about_candidates(explanation):
    """Describe the candidates in one sentence, with the most probable one."""
    table = explanation.candidates
    names = [name for name in table.colnames if name.endswith("_id")]
    first = table[0]
    objects = [
        f"{name.removesuffix('_id')} {first[name]}"
        for name in names
        if not np.ma.is_masked(first[name])
    ]
    what = " with ".join(objects) or ("none" if names else "the first")
    return (
        f"The class is summed over {len(table)} possible counterparts, none included; the most "
        f"probable is {what} ({100 * first['match_probability']:.1f} % by position, "
        f"{100 * first['match_posterior']:.1f} % with the properties)."
    )


def _one_row(source):
    if isinstance(source, Row):
        return source.table[source.index : source.index + 1]
    if isinstance(source, Table) and len(source) == 1:
        return source
    got = f"a table of {len(source)} rows" if isinstance(source, Table) else type(source).__name__
    raise InputTypeError(f"source must be a row of a table, or a table of one row; got {got}")


def _identifier(table):
    columns = identifier_columns(table)
    return str(table[columns[0]][0]) if columns else ""
