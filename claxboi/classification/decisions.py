# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Decide on one class for each source, given its probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from claxboi.utils import InputTypeError, InputValueError, check_names, check_number

from ._search import population_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Decision", "fit_decision", "parse_decision"]

#: Rules by name.
NAMED_RULES = ("probable", "balanced")


@dataclass(frozen=True)
class Decision:
    r"""
    A rule that names one class for each source, apart from its probabilities.

    Attributes
    ----------
    classes : tuple of str
        Names of the classes.
    factors : tuple of float
        The class of the largest :math:`g_c P_c` is chosen.
    target : str or None
        A class with a threshold: it is chosen where its probability reaches it, and never else.
    threshold : float
        The threshold.

    Examples
    --------
    >>> from claxboi.classification.decisions import Decision
    >>> rule = Decision(("AGN", "CV"), (1.0, 1.0), "CV", 0.3)
    >>> rule.choose([[0.65, 0.8], [0.35, 0.2]]).tolist()
    [1, 0]
    """

    classes: tuple
    factors: tuple
    target: str | None = None
    threshold: float = 0.0

    def choose(self, posterior):
        """
        Choose classes.

        Parameters
        ----------
        posterior : array-like of shape (n_classes, n)
            Probabilities.

        Returns
        -------
        codes : `~numpy.ndarray` of int, shape (n,)
            Numbers of the classes; the first of equals.
        """
        weighted = np.asarray(posterior, float) * np.array(self.factors)[:, np.newaxis]
        if self.target is None:
            return weighted.argmax(axis=0)
        own = self.classes.index(self.target)
        reached = np.asarray(posterior)[own] >= self.threshold
        weighted[own] = -1.0
        return np.where(reached, own, weighted.argmax(axis=0))

    def __str__(self):
        if self.target is not None:
            return f"{self.target} from a probability of {self.threshold:.3g}, else most probable"
        if len(set(self.factors)) == 1:
            return "most probable class"
        parts = ", ".join(
            f"{name} {factor:.3g}" for name, factor in zip(self.classes, self.factors, strict=True)
        )
        return f"largest probability times {parts}"


def parse_decision(
    decision: str | Mapping, classes: Sequence[str] | None = None
) -> str | dict[str, Any]:
    """
    Check a decision rule.

    Parameters
    ----------
    decision : {"probable", "balanced"} or mapping
        "probable": the most probable class, which has the highest accuracy. "balanced": the
        highest balanced accuracy, the mean recall of the classes. ``{"f1": class}``: the highest F1
        of one class. A mapping from class to the cost of missing one of its sources (1 where it is
        not named): the lowest expected cost.
    classes : sequence of str, optional
        Names of the classes. Default: not known yet, so that only the form is checked.

    Returns
    -------
    decision : str or dict
        Costs are complete, and in the order of the classes.

    Raises
    ------
    TypeError, ValueError
        If it is none of these, names an unknown class, or a cost is not positive.

    Examples
    --------
    >>> from claxboi.classification import parse_decision
    >>> parse_decision({"CV": 5}, ["AGN", "CV"])
    {'AGN': 1.0, 'CV': 5.0}
    """
    if classes is not None:
        classes = check_names(classes, "classes")
    if isinstance(decision, str) and decision in NAMED_RULES:
        return decision
    if not isinstance(decision, Mapping):
        raise InputTypeError(
            "decision must be 'probable', 'balanced', {'f1': class} or a mapping from class to "
            f"cost, got {decision!r}"
        )
    if not decision:
        raise InputValueError("decision must name at least one class, got an empty mapping")
    if classes is None:
        classes = [decision["f1"]] if set(decision) == {"f1"} else decision
    classes = list(map(str, classes))
    named = [str(decision["f1"])] if set(decision) == {"f1"} else [str(name) for name in decision]
    if set(decision) == {"f1"} and "f1" in classes:
        raise InputValueError("decision {'f1': ...} is ambiguous: there is a class 'f1'; rename it")
    unknown = [name for name in named if name not in classes]
    if unknown:
        raise InputValueError(
            f"decision must name classes of the model ({', '.join(classes)}), got {decision!r}"
        )
    if set(decision) == {"f1"}:
        return {"f1": named[0]}
    given = {str(name): cost for name, cost in decision.items()}
    return {
        name: check_number(
            given.get(name, 1.0), f"decision: cost of {name!r}", minimum=0, exclusive=True
        )
        for name in classes
    }


def fit_decision(decision, classes, posterior, codes, weights, proportions):
    r"""
    Find the thresholds of a decision rule on held-out sources.

    Parameters
    ----------
    decision : str or dict
        From `parse_decision`.
    classes : sequence of str
        Names of the classes.
    posterior : `~numpy.ndarray` of shape (n_classes, n)
        Held-out probabilities of labelled sources.
    codes : `~numpy.ndarray` of int, shape (n,)
        Their classes.
    weights : `~numpy.ndarray` of shape (n,)
        Their weights.
    proportions : `~numpy.ndarray` of shape (n_classes,)
        Prior proportions of the probabilities.

    Returns
    -------
    rule : `Decision`

    Notes
    -----
    "balanced" divides each probability by the mean held-out probability of the class, at the
    priors: the prior, where the probabilities are calibrated. The threshold of the highest F1 is
    half that F1 (Lipton et al. 2014, ECML PKDD 8725, 225), which is less noisy than the best of all
    thresholds.
    """
    classes = tuple(classes)
    if decision == "probable":
        return Decision(classes, (1.0,) * len(classes))
    if isinstance(decision, dict) and len(decision) > 1:
        return Decision(classes, tuple(decision.values()))
    each = population_weights(codes, proportions, weights)
    if decision == "balanced":
        mean = np.average(posterior, axis=1, weights=each)
        factors = np.divide(mean.max(), mean, out=np.zeros(len(mean)), where=mean > 0)
        return Decision(classes, tuple(factors.tolist()))
    own = classes.index(decision["f1"])
    order = np.argsort(-posterior[own], kind="stable")
    true = np.cumsum((each * (codes == own))[order])
    f1 = 2 * true / (np.cumsum(each[order]) + true[-1])
    return Decision(classes, (1.0,) * len(classes), decision["f1"], float(f1.max() / 2))
