# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Expectation-maximisation for the skill of voters and the classes that they voted on.
"""

import logging

import numpy as np

__all__ = ["dawid_skene", "voter_confusion"]

log = logging.getLogger(__name__)

#: It ends when no probability moves by more, or after so many steps.
TOLERANCE = 1e-9
STEPS = 5000

#: Sources, spread evenly over the classes, that the proportions start from.
PSEUDO_SOURCES = 1.0


def dawid_skene(probability, cast, shape, skill, strength, priors=None):
    """
    Find the confusion matrices of voters, and the class of each source.

    Parameters
    ----------
    probability : `~numpy.ndarray` of shape (n_sources, n_classes)
        Where to begin; each row sums to 1.
    cast : tuple of `~numpy.ndarray` of int, shape (n_votes,)
        Source, voter and answer of each vote.
    shape : tuple of int
        Numbers of sources, voters and classes.
    skill, strength : float
        See `combine_votes`.
    priors : `~numpy.ndarray` of shape (n_sources, n_classes), optional
        Prior of each source, above 0. Default: the proportions, which are found too.

    Returns
    -------
    probability : `~numpy.ndarray` of shape (n_sources, n_classes)
    confusion : `~numpy.ndarray` of shape (n_voters, n_classes, n_classes)
    proportions : `~numpy.ndarray` of shape (n_classes,)
    history : list of float
        Log posterior, to a constant, before each step.
    """
    source, voter, answer = cast
    n_sources, _, n_classes = shape
    prior = _pseudo_votes(n_classes, skill, strength)
    history = []
    for _ in range(STEPS):
        confusion = voter_confusion(probability, cast, shape, skill, strength)
        proportions = probability.sum(axis=0) + PSEUDO_SOURCES / n_classes
        proportions /= proportions.sum()
        log_confusion = np.log(confusion)
        joint = np.tile(np.log(proportions), (n_sources, 1)) if priors is None else np.log(priors)
        for c in range(n_classes):
            joint[:, c] += np.bincount(source, log_confusion[voter, c, answer], n_sources)
        peak = joint.max(axis=1, keepdims=True)
        updated = np.exp(joint - peak)
        total = updated.sum(axis=1, keepdims=True)
        updated /= total
        history.append(float(np.sum(peak + np.log(total)) + np.sum(prior * log_confusion)))
        if priors is None:
            history[-1] += PSEUDO_SOURCES / n_classes * float(np.sum(np.log(proportions)))
        moved = np.abs(updated - probability).max()
        probability = updated
        if moved < TOLERANCE:
            return probability, confusion, proportions, history
    log.info("the skill of the voters still moved by %.1e after %d steps", moved, STEPS)
    return probability, confusion, proportions, history


def voter_confusion(probability, cast, shape, skill, strength):
    """
    Find the confusion matrix of each voter, given the classes.

    Parameters
    ----------
    probability, cast, shape, skill, strength
        As for `dawid_skene`.

    Returns
    -------
    confusion : `~numpy.ndarray` of shape (n_voters, n_classes, n_classes)
        The rows, of the true class, sum to 1.
    """
    source, voter, answer = cast
    _, n_voters, n_classes = shape
    confusion = np.empty((n_voters, n_classes, n_classes))
    for c in range(n_classes):
        place = voter * n_classes + answer
        votes = np.bincount(place, probability[source, c], n_voters * n_classes)
        confusion[:, c] = votes.reshape(n_voters, n_classes)
    confusion += _pseudo_votes(n_classes, skill, strength)
    return confusion / confusion.sum(axis=2, keepdims=True)


def _pseudo_votes(n_classes, skill, strength):
    wrong = (1 - skill) / (n_classes - 1)
    return strength * np.where(np.eye(n_classes, dtype=bool), skill, wrong)
