# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Classification summed over all candidate counterparts of a source, and over none.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi.catalog import make_column
from claxboi.utils import (
    InputValueError,
    check_columns,
    check_number,
    check_table,
    checked,
    float_values,
    is_missing,
    record,
    sky_separation,
    text_values,
)

from ._engine import check_model
from ._identity import OTHER_POSITION, read_identity
from ._output import check_collisions
from ._table_reading import read_sources
from .decisions import parse_decision
from .estimation import settle_priors
from .field_density import FieldDensity
from .posterior import log_normalize, log_proportions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table

    from .classifier import NaiveBayesClassifier
    from .priors import PriorsLike

__all__ = ["classify_candidates"]

log = logging.getLogger(__name__)

#: The least probable candidates of a source are left out, up to this probability.
CUT = 1e-4
#: Exponent of the likelihood of a candidate over that of a field object: the properties of an
#: object are correlated, and labelled sources are brighter than others, so the ratio is too sure.
MATCH_EXPONENT = 0.5
#: Probabilities of the candidates of a source sum to 1 within this.
SUM_TOLERANCE = 1e-6


class Mixture(NamedTuple):
    """
    Result of `mix_candidates`.
    """

    log_posterior: np.ndarray
    """Natural-log posterior of each class, of shape (n_classes, n_sources)."""

    match: np.ndarray
    """Posterior of each candidate of its source, summed over the classes, of shape (n_rows,)."""

    entropy: np.ndarray
    """Entropy of the candidates of each source in nats, of shape (n_sources,)."""


@checked
def classify_candidates(
    model: NaiveBayesClassifier,
    table: Table,
    candidates: Table,
    priors: PriorsLike = None,
    *,
    cut: float = CUT,
    decision: Literal["probable", "balanced"] | Mapping = "probable",
    overwrite: bool = False,
    return_candidates: bool = False,
    show_progress: bool = True,
) -> Any:
    r"""
    Classify sources with several candidate counterparts, or perhaps none.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        A fitted classifier with free exponents (``normalization="none"``).
    table : `~astropy.table.Table`
        The sources with their best counterparts, as for `NaiveBayesClassifier.classify`.
    candidates : `~astropy.table.Table`
        One row for each candidate of each source, and one for none: ``primary``, the row of the
        source in ``table``; ``match_probability``, which sums to 1 for each source; and the columns
        of all properties, as they are if this is the counterpart. See ``keep="all"`` of
        `~claxboi.counterparts.find_in_surveys`.
    priors : mapping, sequence, "training", "estimate", array or callable, optional
        As for `NaiveBayesClassifier.classify`.
    cut : float, optional
        The least probable candidates of each source are left out, as long as their probabilities
        by position sum to at most this. What was cut is recorded and logged.
    decision : {"probable", "balanced"} or mapping, optional
        As for `NaiveBayesClassifier.classify`.
    overwrite : bool, optional
        Replace columns of the same name.
    return_candidates : bool, optional
        Return the candidates too.
    show_progress : bool, optional
        Show progress when it takes longer than two seconds.

    Returns
    -------
    result : same class as the table
        As from `NaiveBayesClassifier.classify`, where ``prediction``, ``P_<class>``, ``margin`` are
        those of the sum over all candidates, and the other columns those of the best counterpart.
        Then ``match_entropy``, the entropy of the candidates and none in nats;
        ``match_posterior``, the posterior of the candidate (or combination) that is most probable
        by position; and ``<domain>_p_i_class``, that of the most probable object of each domain.
    candidates : same class as the candidates
        With ``match_posterior`` and ``<domain>_p_i_class`` of each; only if it was asked for.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a column is absent, a probability is not one, a source has no candidate row, or a
        candidate the identifier (else position) of another source; if the model's exponents are
        not free; or if fewer than 30 candidates are field objects.

    Notes
    -----
    With the probability :math:`q_i` of candidate i by position, :math:`q_0` of none, and the
    posterior :math:`P(c | x_i)` that the model gives with the properties of this candidate,

    .. math::

        P(c, i | x) \propto P(c | x_i)\, q_i
        \left(\frac{\sum_c \pi_c L(x_i | c)}{L_{field}(x_i)}\right)^{1/2},

    where :math:`L(x_i|c)` is the likelihood with which the model classifies: densities to the
    power of their exponents, and what is missing. Its denominator are the densities of the same
    properties for field objects, to the same powers; and for what is missing the mean of the
    classes, weighted with the priors, since :math:`q_i` knows how many sources have a counterpart.
    Properties that are the same for all candidates of a source cancel. The power 1/2 stands for
    the correlation of the magnitudes of an object, which densities of single properties do not
    have. :math:`q_i` must not have used the magnitudes that classify: they would count twice.

    Densities of field objects are learned from the candidates with :math:`q_i < 0.01` (summed over
    the combinations that hold the object). Those at high and low Galactic latitude, and among many
    and few candidates, are learned apart where they differ.

    A source with a single candidate, certain or not in doubt, has the posterior that
    `NaiveBayesClassifier.classify` gives it.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import Table, vstack
    >>> from claxboi.classification import NaiveBayesClassifier, classify_candidates
    >>> rng = np.random.default_rng(1)
    >>> labels = np.repeat(["AGN", "star"], 200)
    >>> known = Table({"colour": rng.normal(np.where(labels == "AGN", 0.0, 3.0)), "class": labels})
    >>> model = NaiveBayesClassifier(["colour"]).fit(known)

    Each source has one good candidate, one that is not much worse, and many in the field:

    >>> n = 50
    >>> table = Table({"colour": rng.normal(0, 1, n)})
    >>> parts = [table.copy(), Table({"colour": rng.normal(3, 1, n)}),
    ...          Table({"colour": rng.normal(3, 1, n)}), Table({"colour": np.full(n, np.nan)})]
    >>> for part, q in zip(parts, (0.6, 0.299, 0.001, 0.1)):
    ...     part["primary"], part["match_probability"] = np.arange(n), q
    >>> result = classify_candidates(model, table, vstack(parts), {"AGN": 0.5, "star": 0.5})
    >>> bool(np.mean(result["P_AGN"] > 0.5) > 0.8)
    True
    """
    check_mixable(model)
    check_table(table)
    check_table(candidates, "candidates")
    check_number(cut, "cut", minimum=0, maximum=1)
    check_candidates(model, candidates, table)
    decision = parse_decision(decision, model.classes_)
    check_collisions(table, model.classes_, model.categories, overwrite)
    sources = read_sources(model, table, is_checked=False)
    proportions = settle_priors(model, priors, table, sources, show_progress=show_progress)
    result = model.classify(table, proportions.T, overwrite=overwrite, show_progress=show_progress)
    weighed = weigh_candidates(model, table, candidates, proportions, cut=cut)
    mixture = mix_candidates(*weighed.to_mix)

    posterior = np.exp(mixture.log_posterior)
    rule = model._core.decide(decision, proportions)
    chosen = np.array(model.classes_)[rule.choose(posterior)]
    result["prediction"] = make_column("prediction", chosen)
    if decision != "probable":
        result.meta["claxboi"]["classification"]["decision"] = str(rule)
    for name, values in zip(model.classes_, posterior, strict=True):
        result[f"P_{name}"][:] = values
    result["margin"][:] = 2 * posterior.max(axis=0) - 1
    columns, each = _match_columns(candidates, weighed, mixture)
    columns["match_entropy"] = make_column("match_entropy", mixture.entropy)
    for name, column in columns.items():
        result[name] = column
    result.meta = record(
        result.meta,
        "candidates",
        n_candidates=len(candidates),
        n_field_objects=weighed.n_field,
        n_cut=weighed.n_cut,
        largest_cut=weighed.largest_cut,
    )
    log.info(
        "%d candidate rows (none included) for %d sources; the %d least probable are left out, "
        "at most %.1e of the probability of a source; field densities from %d objects",
        len(candidates),
        len(table),
        weighed.n_cut,
        weighed.largest_cut,
        weighed.n_field,
    )
    if not return_candidates:
        return result
    answer = candidates.copy()
    for name, column in each.items():
        answer[name] = column
    return result, answer


class Weighed(NamedTuple):
    """
    Candidates with their likelihoods, source by source; arrays of shape (n_rows,).
    """

    rows: np.ndarray
    """Their rows in the table of candidates."""
    starts: np.ndarray
    """First row of each source, of shape (n_sources,)."""
    log_q: np.ndarray
    """Natural-log probability by position."""
    evidence: np.ndarray
    """Natural-log likelihood of each class, of shape (n_classes, n_rows)."""
    log_field: np.ndarray
    """That of a field object."""
    log_prior: np.ndarray
    """Natural-log priors, of shape (n_classes, 1) or (n_classes, n_sources)."""
    is_none: np.ndarray
    """Whether all that depends on the candidate is missing, of all rows in the table."""
    n_field: int
    """Field objects from which their densities were learned."""
    n_cut: int
    """Candidates that were left out."""
    largest_cut: float
    """Largest probability that was left out of one source."""

    @property
    def to_mix(self):
        """The arguments of `mix_candidates`."""
        return self.evidence, self.log_field, self.log_q, self.starts, self.log_prior


def check_mixable(model):
    """
    Check that a model is fitted, and can weigh candidates.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        The classifier.
    """
    check_model(model)
    if model.normalization != "none":
        raise InputValueError(
            "model must have free exponents (normalization='none') to weigh candidates, got "
            f"normalization={model.normalization!r}"
        )


def weigh_candidates(model, table, candidates, proportions, *, cut=CUT, only=None):
    """
    Evaluate the likelihoods of candidates for each class, and for field objects.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        The fitted classifier.
    table : `~astropy.table.Table`
        The sources.
    candidates : `~astropy.table.Table`
        Their candidates, checked.
    proportions : `~numpy.ndarray` of shape (n_classes,) or (n_classes, n_sources)
        Priors.
    cut : float, optional
        Least probable candidates of a source that are left out: their summed probability.
    only : int, optional
        Evaluate the candidates of this source only. Field densities are learned from all.

    Returns
    -------
    weighed : Weighed
    """
    n = len(table)
    primary = float_values(candidates, "primary", name="candidates").astype(np.int64)
    q = float_values(candidates, "match_probability", name="candidates")
    order = np.lexsort((-q, primary))
    primary, q = primary[order], q[order]
    starts = np.searchsorted(primary, np.arange(n))
    sources = read_sources(model, candidates, is_checked=False)[order]
    field = FieldDensity(model, sources, q, starts, _covariates(table))

    # The least probable ones come last.
    left = np.cumsum(q)
    left = left[np.append(starts[1:], len(q)) - 1][primary] - left + q
    kept = np.flatnonzero((left > cut) | (np.arange(len(q)) == starts[primary]))
    lost = np.bincount(primary, q, n) - np.bincount(primary[kept], q[kept], n)
    if only is not None:
        kept = kept[primary[kept] == only]
    log_prior = log_proportions(proportions)
    with np.errstate(divide="ignore"):
        log_q = np.log(q[kept])
    is_none = np.empty(len(q), bool)
    is_none[order] = np.all(np.isnan(sources.values[field.varies]), axis=0) & bool(field.varies)
    if len(kept) < len(q):
        sources = sources[kept]
    evidence, log_any, log_presence = _evidence(model, sources, log_prior, primary[kept])
    log_field = field.log_density(sources, primary[kept]) + log_presence
    log_field = log_any - MATCH_EXPONENT * (log_any - log_field)
    if only is not None:
        starts, log_prior = np.zeros(1, int), log_prior[:, [only if log_prior.shape[1] > 1 else 0]]
    else:
        starts = np.searchsorted(primary[kept], np.arange(n))
    return Weighed(
        order[kept],
        starts,
        log_q,
        evidence,
        log_field,
        log_prior,
        is_none,
        field.n_objects,
        len(q) - len(kept),
        float(max(lost.max(), 0.0)),
    )


def mix_candidates(evidence, log_field, log_q, starts, log_prior):
    """
    Sum the posterior over the candidates of each source.

    Parameters
    ----------
    evidence : `~numpy.ndarray` of shape (n_classes, n_rows)
        Log-likelihood of each class for each candidate.
    log_field : `~numpy.ndarray` of shape (n_rows,)
        That of a field object.
    log_q : `~numpy.ndarray` of shape (n_rows,)
        Natural-log probability of each candidate by position, -inf allowed.
    starts : `~numpy.ndarray` of int, shape (n_sources,)
        First row of each source; the rows of a source follow each other.
    log_prior : `~numpy.ndarray` of shape (n_classes, 1) or (n_classes, n_sources)
        Natural-log priors.

    Returns
    -------
    mixture : Mixture
    """
    counts = np.diff(np.append(starts, evidence.shape[1]))
    joint = evidence + (log_q - log_field)
    log_class = log_normalize(np.logaddexp.reduceat(joint, starts, axis=1) + log_prior)
    prior = log_prior if log_prior.shape[1] == 1 else np.repeat(log_prior, counts, axis=1)
    each = np.logaddexp.reduce(joint + prior, axis=0)
    total = np.logaddexp.reduceat(each, starts)
    log_match = each - np.repeat(total, counts)
    match = np.exp(log_match)
    information = np.where(match > 0, match * np.where(match > 0, log_match, 0.0), 0.0)
    entropy = np.maximum(-np.add.reduceat(information, starts), 0.0)
    return Mixture(log_class, match, entropy)


def check_candidates(model, candidates, table):
    """
    Check a table of candidates.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        The classifier.
    candidates : `~astropy.table.Table`
        The candidates.
    table : `~astropy.table.Table`
        The sources.
    """
    n_sources = len(table)
    needed = [name for one in model.properties for name in one.columns]
    check_columns(candidates, ["primary", "match_probability", *needed], "candidates")
    values = float_values(candidates, "primary", name="candidates")
    if not np.all((values >= 0) & (values < n_sources) & (values == np.floor(values))):
        raise InputValueError(
            f"primary of candidates must be rows of table, from 0 to {n_sources - 1}"
        )
    primary = values.astype(np.int64)
    q = float_values(candidates, "match_probability", name="candidates")
    bad = ~((q >= 0) & (q <= 1))
    if bad.any():
        raise InputValueError(
            "match_probability of candidates must be probabilities from 0 to 1, got "
            f"{q[bad][0]:g} in row {np.argmax(bad)}"
        )
    total = np.bincount(primary, q, n_sources)
    wrong = np.abs(total - 1) > SUM_TOLERANCE
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputValueError(
            "match_probability of candidates must sum to 1 for each source, with a row for no "
            f"counterpart; for row {row} of table it sums to {total[row]:g}"
        )
    _check_owners(table, candidates, primary)


def _check_owners(table, candidates, primary):
    """Check that each candidate belongs to its row of the table, which may have been sorted."""
    own, owner = read_identity(candidates, name="candidates"), read_identity(table)[primary]
    is_other = np.zeros(len(candidates), bool)
    if own.ids is not None and owner.ids is not None:
        is_other = (own.ids != owner.ids) & (own.ids != "") & (owner.ids != "")
        what = "identifier"
    elif own.positions is not None and owner.positions is not None:
        # Within this, it may be the position of the counterpart.
        apart = sky_separation(*own.positions, *owner.positions) * u.arcsec
        is_other = apart > OTHER_POSITION
        what = "position"
    if is_other.any():
        row = int(np.argmax(is_other))
        raise InputValueError(
            f"primary of candidates must be the row of the source in table, but row {row} of "
            f"candidates has another {what} than row {primary[row]} of table: has table been "
            "sorted or cut since?"
        )


def candidate_domains(candidates):
    """
    Find the domains with identifiers and probabilities in a table of candidates.

    Parameters
    ----------
    candidates : `~astropy.table.Table`
        The candidates.

    Returns
    -------
    domains : list of str
    """
    names = candidates.colnames
    domains = [name.removesuffix("_id") for name in names if name.endswith("_id")]
    return [domain for domain in domains if f"{domain}_p_i" in names]


def _covariates(table):
    """
    Return the covariates of the densities of field objects for each source.
    """
    covariates = {}
    if "b" in table.colnames:
        covariates["latitude"] = np.abs(float_values(table, "b", unit=u.deg))
    elif {"ra", "dec"} <= set(table.colnames):
        ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
        covariates["latitude"] = np.abs(SkyCoord(ra, dec, unit="deg").galactic.b.deg)
    return covariates


def _evidence(model, sources, log_prior, owner):
    """
    Return log-likelihoods: of each class, of any class, and of what is missing for any class.
    """
    n = len(sources)
    evidence, log_any, log_presence = np.empty((len(model.classes_), n)), np.empty(n), np.empty(n)

    def work(start, chunk, terms):
        combination, offsets = model._core.combination(terms, chunk)
        here = slice(start, start + len(chunk))
        prior = log_prior if log_prior.shape[1] == 1 else log_prior[:, owner[here]]
        evidence[:, here] = combination.total() + offsets
        log_any[here] = np.logaddexp.reduce(evidence[:, here] + prior, axis=0)
        log_presence[here] = np.logaddexp.reduce(combination.contributions[-1] + prior, axis=0)

    model._core.chunks(sources, work)
    return evidence, log_any, log_presence


def _match_columns(candidates, weighed, mixture):
    """
    Return the posteriors of the counterparts: of the best by position, and of all candidates.
    """
    n, rows = len(weighed.starts), weighed.rows
    match = np.zeros(len(candidates))
    match[rows] = mixture.match
    source = float_values(candidates, "primary").astype(np.int64)
    q = float_values(candidates, "match_probability")
    domains = candidate_domains(candidates)
    is_none = weighed.is_none
    if domains:
        is_none = np.all([is_missing(candidates, f"{domain}_id") for domain in domains], axis=0)
    top = np.full(n, -1)
    order = np.lexsort((-q, is_none, source))
    first = order[np.searchsorted(source[order], np.arange(n))]
    has = ~is_none[first]
    top[has] = first[has]
    values = np.where(has, match[first], 0.0)
    columns = {"match_posterior": make_column("match_posterior", values, mask=~has)}
    each = {"match_posterior": make_column("match_posterior", match)}
    for domain in domains:
        identifier, missing = text_values(candidates, f"{domain}_id")
        _, number = np.unique(identifier, return_inverse=True)
        number = np.where(missing, -1, number)
        _, number = np.unique(source * (number.max() + 2) + number + 1, return_inverse=True)
        by_position, by_all = np.bincount(number, q), np.bincount(number, match)
        posterior = by_all[number]
        each[f"{domain}_p_i_class"] = make_column(
            "<domain>_p_i_class", posterior, mask=missing, domain=domain
        )
        order = np.lexsort((-by_position[number], missing, source))
        first = order[np.searchsorted(source[order], np.arange(n))]
        columns[f"{domain}_p_i_class"] = make_column(
            "<domain>_p_i_class", posterior[first], mask=missing[first], domain=domain
        )
    return columns, each
