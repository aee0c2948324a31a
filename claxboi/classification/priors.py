# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Prior proportions of the classes: given, of the training sample, or estimated.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from claxboi.utils import ClaxboiWarning, InputTypeError, InputValueError, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal, TypeAlias

    from numpy.typing import ArrayLike

    #: Whatever gives the prior proportions of the classes; None for those of the training sample.
    PriorsLike: TypeAlias = (
        Mapping
        | Sequence
        | Literal["training", "estimate", "sky"]
        | ArrayLike
        | Callable[..., Any]
        | None
    )

__all__ = ["PriorWarning", "check_priors", "estimate_priors", "parse_priors"]

log = logging.getLogger(__name__)

#: Proportions must sum to 1 to this.
SUM_TOLERANCE = 1e-6

#: Expectation-maximisation ends when no proportion moves by more, or after so many steps.
EM_TOLERANCE = 1e-7
EM_STEPS = 2000


_UNKNOWN = (
    "priors must be 'training', 'estimate', 'sky', a mapping from class to proportion, a sequence, "
    "an array with one row per source or a function; got {!r}"
)


class PriorWarning(ClaxboiWarning):
    """
    The priors may differ from what the caller expects.
    """


def check_priors(priors: str | Mapping | Sequence | ArrayLike | Callable[..., Any] | None) -> None:
    """
    Check priors as far as possible before the classes are known.

    Parameters
    ----------
    priors : None, str, mapping, sequence, array or callable
        As for `claxboi.classify`.

    Raises
    ------
    TypeError
        If they are of the wrong kind.
    ValueError
        If they are negative or not finite, do not sum to 1, or are an unknown name.

    Examples
    --------
    >>> from claxboi.classification import check_priors
    >>> check_priors({"AGN": 0.7, "star": 0.3})
    """
    if priors is None or callable(priors):
        return
    if isinstance(priors, str):
        if priors not in ("training", "estimate", "sky"):
            raise InputValueError(_UNKNOWN.format(priors))
        return
    if isinstance(priors, Mapping):
        if not priors:
            raise InputValueError("priors must name each class, got none")
        values = _numbers(list(priors.values()))
        if values.ndim != 1:
            raise InputTypeError(f"priors must be one number for each class, got {priors!r}")
    else:
        values = _numbers(priors)
    if values.ndim == 1:
        _checked(values[:, np.newaxis], priors)
    elif values.ndim == 2:
        _checked(values.T, "an array with one row per source")
    else:
        raise InputValueError(f"priors must have one or two dimensions, got {values.ndim}")


def parse_priors(priors, classes, training, n_sources, *, table=None, dropped=()):
    """
    Convert priors, in any of their forms, to proportions.

    Parameters
    ----------
    priors : None, str, mapping, sequence, array or callable
        None or "training": proportions of the training sample (None warns). A mapping from each
        class to its proportion, or the proportions in the order of the classes. An array of
        shape (n_sources, n_classes), or a function of the table that returns one, for one row
        per source.
    classes : sequence of str
        Names of the classes.
    training : `~numpy.ndarray` of shape (n_classes,)
        Proportions of the training sample.
    n_sources : int
        Number of sources.
    table : `~astropy.table.Table`, optional
        What a callable is called with.
    dropped : iterable of str, optional
        Classes that were left out: a mapping may name them; the rest is scaled to sum to 1.

    Returns
    -------
    proportions : `~numpy.ndarray` of shape (n_classes,) or (n_classes, n_sources)

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If a class is missing or unknown, or the proportions are negative, not finite, or do not
        sum to 1.
    """
    if priors is None:
        warn(
            "no priors were given: using the proportions of the training sample "
            f"({_format(classes, training)}), which seldom match those of a catalogue; "
            "pass priors='training' to confirm them",
            PriorWarning,
        )
        return training
    if isinstance(priors, str):
        if priors == "sky":
            raise InputValueError(
                "priors='sky' needs the training sample with its positions and fluxes, where a "
                "model is fitted; give a fitted model what sky_priors returns"
            )
        if priors != "training":
            raise InputValueError(_UNKNOWN.format(priors))
        return training
    if isinstance(priors, Mapping):
        priors = _from_mapping(priors, classes, dropped)
    elif callable(priors):
        if table is None:
            raise InputTypeError("priors must be plain proportions here, got a function")
        priors = priors(table)
    values = _numbers(priors)
    if values.ndim == 1 and len(values) == len(classes):
        return _checked(values[:, np.newaxis], priors)[:, 0]
    if values.shape == (n_sources, len(classes)):
        return _checked(values.T, "an array with one row per source")
    raise InputValueError(
        f"priors must have one number for each of the {len(classes)} classes "
        f"({', '.join(classes)}) or shape ({n_sources}, {len(classes)}); got shape {values.shape}"
    )


def _from_mapping(priors, classes, dropped):
    names = {str(name): value for name, value in priors.items()}
    missing = [name for name in classes if name not in names]
    unknown = [name for name in names if name not in classes and name not in set(dropped)]
    if missing or unknown:
        parts = []
        if missing:
            parts.append(f"missing {', '.join(map(repr, missing))}")
        if unknown:
            parts.append(f"unknown class {', '.join(map(repr, unknown))}")
        raise InputValueError(f"priors: {'; '.join(parts)} (classes: {', '.join(classes)})")
    left_out = [name for name in names if name not in classes]
    if left_out:
        _checked(_numbers(list(names.values()))[:, np.newaxis], priors)
        kept = _numbers([names[name] for name in classes])
        if not kept.sum() > 0:
            raise InputValueError(
                f"priors must be above 0 for one of {', '.join(classes)} at least, got {priors!r}"
            )
        warn(
            f"the priors of {', '.join(left_out)}, left out of the model, are shared among the "
            "other classes in proportion",
            PriorWarning,
        )
        return kept / kept.sum()
    return [names[name] for name in classes]


def _numbers(priors):
    try:
        return np.asarray(priors, float)
    except (TypeError, ValueError) as err:
        raise InputTypeError(f"priors must be numbers, got {priors!r}") from err


def _checked(values, received):
    if not np.all(np.isfinite(values)) or np.any(values < 0):
        raise InputValueError(f"priors must be finite and not negative, got {received!r}")
    total = values.sum(axis=0)
    if np.any(np.abs(total - 1) > SUM_TOLERANCE):
        worst = float(total[np.argmax(np.abs(total - 1))])
        raise InputValueError(f"priors must sum to 1, got a sum of {worst:.6g} from {received!r}")
    return values / total


def _format(classes, proportions):
    return ", ".join(
        f"{name} {value:.3g}" for name, value in zip(classes, proportions, strict=True)
    )


def estimate_priors(log_likelihood, start, *, weights=None):
    r"""
    Estimate the proportions of the classes among unlabelled sources.

    Expectation-maximisation of the likelihood :math:`\prod_i \sum_c \pi_c L_{ic}` (Saerens
    et al. 2002, Neural Computation 14, 21, eq. 2.9), which has a single maximum. It assumes
    that labelled and unlabelled members of a class are alike.

    Parameters
    ----------
    log_likelihood : `~numpy.ndarray` of shape (n_classes, n)
        Natural logarithm of calibrated likelihoods.
    start : `~numpy.ndarray` of shape (n_classes,)
        Where to begin; a class at zero stays there.
    weights : `~numpy.ndarray` of shape (n,), optional
        Weight of each source.

    Returns
    -------
    proportions : `~numpy.ndarray` of shape (n_classes,)
    """
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=0))
    weights = np.ones(likelihood.shape[1]) if weights is None else weights
    proportions = np.array(start, float)
    for _ in range(EM_STEPS):
        evidence = proportions @ likelihood
        # A source that no class explains says nothing of the proportions.
        share = np.divide(weights, evidence, out=np.zeros_like(evidence), where=evidence > 0)
        updated = proportions * (likelihood @ share)
        updated /= updated.sum()
        moved = np.abs(updated - proportions).max()
        proportions = updated
        if moved < EM_TOLERANCE:
            return proportions
    log.info("the estimate of the priors still moved by %.1e after %d steps", moved, EM_STEPS)
    return proportions
