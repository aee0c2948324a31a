# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Intervals of posterior probabilities from the Bayesian bootstrap of the training sample.
"""

import numpy as np

from claxboi.utils import InputValueError, Progress

from .original import ORIGINAL_KERNEL
from .posterior import log_normalize

__all__ = ["INTERVAL", "bootstrap_intervals", "check_training"]

#: Percentiles of the posteriors of the bootstrap samples: one sigma, 68 %.
INTERVAL = (15.87, 84.13)

#: Sources at a time: so many fill 100 MB with 8 classes and 200 samples.
SOURCES_PER_BLOCK = 16_384


def check_training(core):
    """
    Check that a model has a training sample that can be weighted.

    Parameters
    ----------
    core : `Engine`
        The fitted core of a classifier.

    Raises
    ------
    ValueError
        If it has none.
    """
    if core.training is None:
        raise InputValueError(
            "posterior_error needs a training sample that can be weighted, which "
            f"kernel={ORIGINAL_KERNEL!r} does not have"
        )


def bootstrap_intervals(core, sources, log_prior, n_samples, rng=None, *, show_progress=False):
    """
    Compute the 68 % intervals of posteriors due to the finite training sample.

    Each sample of the Bayesian bootstrap (Rubin 1981, Ann. Stat. 9, 130) weighs the training
    sources by random numbers of an exponential distribution, and the densities are learned again.
    Exponents, offsets and the matrices of the refinement are moved by what the fits without each
    fold differ by. Bandwidths and priors stay as they are.

    Parameters
    ----------
    core : `Engine`
        The fitted core of a classifier.
    sources : object
        What the model has read of the table.
    log_prior : `~numpy.ndarray` of shape (n_classes, 1) or (n_classes, n)
        Logarithm of the priors.
    n_samples : int
        Number of samples, 2 or more.
    rng : None, int or `~numpy.random.Generator`, optional
        Draws the weights.
    show_progress : bool, optional
        Show progress.

    Returns
    -------
    low, high : `~numpy.ndarray` of shape (n_classes, n)
    """
    training = core.training
    n_folds = 1 if core.fold_weights is None else len(core.fold_weights)
    # What the fits without each fold differ by is the error of what was fitted (jackknife).
    scale = np.sqrt((n_folds - 1) / n_folds)
    seeds = np.random.default_rng(rng).integers(2**63, size=n_samples)
    low, high = np.empty((2, len(log_prior), len(sources)))
    blocks = range(0, len(sources), SOURCES_PER_BLOCK)
    with Progress(len(blocks) * n_samples, "resampling", show=show_progress) as progress:
        for start in blocks:
            part = slice(start, min(start + SOURCES_PER_BLOCK, len(sources)))
            block = sources[part]
            prior = log_prior if log_prior.shape[1] == 1 else log_prior[:, part]
            samples = np.empty((n_samples, *low[:, part].shape), np.float32)
            for sample, seed in zip(samples, seeds, strict=True):
                # All rows of a source have one weight: it is the source that is drawn.
                draw = np.random.default_rng(seed)
                drawn = draw.exponential(size=training.source.max() + 1)
                other = core.reweighted(
                    training.weights * drawn[training.source], scale * draw.normal(size=n_folds)
                )
                evidence = other.log_evidence(block.of(other.training))
                sample[:] = np.exp(log_normalize(evidence + prior))
                progress.update(1)
            low[:, part], high[:, part] = np.percentile(samples, INTERVAL, axis=0)
    return low, high
