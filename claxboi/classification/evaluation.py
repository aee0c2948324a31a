# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Evaluation of a classification: confusion matrix, scores, and calibration of the probabilities.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from claxboi.utils import InputValueError, check_choice, check_count, check_number, float_values

from ._evaluation_input import (
    check_confusion,
    check_priors,
    check_probabilities,
    check_truth,
    check_two_classes,
    check_weights,
)
from ._evaluation_text import format_report
from ._scores import (
    SCORES,
    TINY,
    class_table,
    class_weights,
    confusion_scores,
    count_confusion,
    equal_groups,
    grouped_reliability,
    make_table,
    most_probable,
    probability_scores,
    reliability_table,
    threshold_table,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from astropy.table import Table
    from numpy.typing import ArrayLike

__all__ = ["Evaluation"]

# Guo et al. 2017, section 4: the customary number of bins of the calibration error.
N_BINS = 15

# Groups have fewer sources.
N_GROUP_BINS = 10


class Evaluation:
    """
    Scores of a classification of sources whose class is known.

    It takes a confusion matrix, such as a published one, or with `from_probabilities` the true
    classes and the probabilities. It needs no classifier.

    Every score comes twice: *raw*, where each source counts once, and *prior-corrected*, where
    the sources of class c weigh pi_c n / n_c, so that the classes have the proportions pi of the
    population of interest. The recall of a class is the same in both; its
    precision is not, because the contaminants come in other proportions. Sources that were not
    drawn evenly, such as those that people voted on, can have weights of their own; then
    the second score is that of the population that they were drawn from.

    Parameters
    ----------
    confusion : array-like of int, shape (n_classes, n_classes)
        Number of sources by true class (rows) and predicted class (columns).
    classes : sequence of str
        Names of the classes in the order of the rows.
    priors : mapping of str to float or sequence of float, optional
        Proportions of the classes in the population: non-negative, adding up to 1. None or
        "training" stands for the proportions of the sample.
    method : str, optional
        How the predictions were made, such as ``"leave-one-out"``; printed in the report.
    settings : mapping, optional
        Settings of the classifier; printed in the report.

    Attributes
    ----------
    classes : list of str
        Names of the classes.
    confusion : `~numpy.ndarray` of int, shape (n_classes, n_classes)
        Number of sources by true class (rows) and predicted class (columns).
    priors : dict of str to float
        Proportions of the classes; those of the sample where none were given.
    has_priors : bool
        Whether priors or weights were given, so that the population is not the sample.
    is_weighted : bool
        Whether sources have weights of their own.
    method : str
        How the predictions were made.
    settings : dict
        Settings of the classifier.
    clip : float or None
        Smallest probability that the log-loss sees; None without probabilities.
    unlabelled : `UnlabelledScores` or None
        Scores expected for unlabelled sources, where `evaluate_result` made this evaluation.

    Raises
    ------
    TypeError, ValueError
        If an argument breaks its rule; the message names the argument, the rule and what was
        received.

    Notes
    -----
    With n_ij the sources of class i that were classified as j, and r_ij = n_ij / sum_j n_ij:

    - recall (completeness) of j is r_jj; *precision* (purity) is n_jj / sum_i n_ij; precision at
      the priors is pi_j r_jj / sum_i pi_i r_ij, the one that Tranin et al. (2022) print.
    - With weights, n_ij and n_i at the priors are sums of weights. Where these are one over the
      probability with which a source was drawn, the sums estimate those of the population without
      bias (Horvitz & Thompson 1952, J. Am. Stat. Assoc. 47, 663).
    - F1 is the harmonic mean of recall and precision (van Rijsbergen 1979, chapter 7).
    - Intervals are Wilson's score intervals at one sigma, 68.27 % [1]_, which behave at 0, at 1
      and for small classes [2]_.
    - A class without a source has no recall, no F1 and no precision at the priors (NaN), and is
      left out of balanced accuracy and macro F1; its share of the priors goes to the other
      classes in proportion. A class that is never predicted has no precision (NaN) and an F1 of 0.
      A class with a prior of 0 is not in the means at the priors.

    References
    ----------
    .. [1] Wilson 1927, J. Am. Stat. Assoc. 22, 209
    .. [2] Brown, Cai & DasGupta 2001, Statistical Science 16, 101
    .. [3] Tranin et al. 2022, A&A 657, A138

    Examples
    --------
    >>> from claxboi.classification import Evaluation
    >>> evaluation = Evaluation.from_probabilities(
    ...     ["AGN", "AGN", "AGN", "star"],
    ...     [[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]],
    ...     ["AGN", "star"],
    ...     priors={"AGN": 0.5, "star": 0.5},
    ... )
    >>> evaluation.accuracy
    0.75
    >>> print(evaluation.per_class["class", "recall", "precision", "precision_corrected"])
    class       recall       precision precision_corrected
    ----- ------------------ --------- -------------------
      AGN 0.6666666666666666       1.0                 1.0
     star                1.0       0.5                0.75
    """

    def __init__(
        self,
        confusion: ArrayLike,
        classes: Sequence[str],
        priors: Mapping[str, float | Sequence[float]] | None = None,
        *,
        method: str = "not stated",
        settings: Mapping | None = None,
    ) -> None:
        self.classes = check_two_classes(classes)
        self.confusion = check_confusion(confusion, len(self.classes))
        self.priors = check_priors(priors, self.classes, self.confusion.sum(axis=1))
        self.method = str(method)
        self.settings = dict(settings or {})
        self.has_priors = not (priors is None or isinstance(priors, str))
        self.clip = None
        self.unlabelled = None
        self.is_weighted = False
        self._codes = self._probabilities = self._weights = self._predicted = None

    @classmethod
    def from_probabilities(
        cls,
        truth: ArrayLike,
        probabilities: ArrayLike,
        classes: Sequence[str],
        *,
        priors: Mapping[str, float | Sequence[float]] | None = None,
        weights: ArrayLike | None = None,
        predictions: ArrayLike | None = None,
        method: str = "not stated",
        settings: Mapping | None = None,
        clip: float = TINY,
    ) -> Evaluation:
        """
        Score the probabilities of sources whose class is known.

        Parameters
        ----------
        truth : array-like of shape (n_sources,)
            True class of each source: its name, or as integers its place in ``classes`` from 0.
        probabilities : array-like of shape (n_sources, n_classes)
            Posterior probabilities, each row adding up to 1. The prediction is the most probable
            class, the first one at a tie.
        classes : sequence of str
            Names of the classes in the order of the columns.
        priors : mapping of str to float or sequence of float, optional
            As in `Evaluation`: those that the probabilities were made for. With weights and without
            priors, the proportions are those of the weights.
        weights : array-like of shape (n_sources,), optional
            How many sources of the population each one stands for, above 0: one over the
            probability with which it was drawn, times the probability of its label. Only their
            ratios count. Default: all the same.
        predictions : array-like of shape (n_sources,), optional
            Class chosen for each source by another rule, as ``truth``. Default: the most probable.
        method, settings : optional
            As in `Evaluation`.
        clip : float, optional
            Smallest probability that the log-loss sees. The default only keeps it finite; 1e-4 is
            for comparisons with a classifier that gives exact zeros, such as a random forest.

        Returns
        -------
        evaluation : `Evaluation`
        """
        classes = check_two_classes(classes)
        probabilities = check_probabilities(probabilities, len(classes))
        codes = check_truth(truth, classes)
        if len(codes) != len(probabilities):
            raise InputValueError(
                "truth and probabilities must have one row for each source, "
                f"got {len(codes)} and {len(probabilities)}"
            )
        if weights is not None:
            weights = check_weights(weights, len(codes))
        predicted = probabilities.argmax(axis=1)
        if predictions is not None:
            predicted = check_truth(predictions, classes)
            if len(predicted) != len(codes):
                raise InputValueError(
                    "predictions must have one value for each source, "
                    f"got {len(predicted)} for {len(codes)}"
                )
        confusion = count_confusion(codes, predicted, len(classes))
        result = cls(confusion, classes, priors=priors, method=method, settings=settings)
        if weights is not None:
            counts = np.bincount(codes, weights, minlength=len(classes))
            result.priors = check_priors(priors, result.classes, counts)
            result.has_priors = result.is_weighted = True
        result._codes, result._probabilities, result._weights = codes, probabilities, weights
        result._predicted = predicted
        result.clip = check_number(clip, "clip", minimum=0, maximum=1, exclusive=True)
        return result

    @property
    def accuracy(self):
        """Fraction of the sources that are classified correctly (float)."""
        return self._scores["accuracy"]

    @property
    def balanced_accuracy(self):
        """Mean recall of the classes (float)."""
        return self._scores["balanced_accuracy"]

    @property
    def macro_f1(self):
        """Mean F1 of the classes (float)."""
        return self._scores["macro_f1"]

    @property
    def mcc(self):
        """
        The Matthews correlation coefficient of many classes (float).

        Gorodkin 2004, Comput. Biol. Chem. 28, 367:
        (c n - sum_k t_k p_k) / sqrt((n^2 - sum_k t_k^2) (n^2 - sum_k p_k^2)) with c of n sources
        right, t_k of class k and p_k predicted as k. 1 is perfect, 0 is chance; 0 also where all
        sources have, or are given, one class.
        """
        return self._scores["mcc"]

    @property
    def log_loss(self):
        """
        Mean of -ln(probability of the true class), in nats (float or None).

        A proper score (Good 1952, J. R. Stat. Soc. B 14, 107): no other probabilities than the
        right ones make it smaller. Probabilities below ``clip`` count as ``clip``.
        """
        return self._scores.get("log_loss")

    @property
    def brier(self):
        """
        Brier score summed over the classes, 0 to 2 (float or None).

        Brier 1950, Mon. Weather Rev. 78, 1: the mean over the sources of
        sum_c (p_c - [c is the true class])^2.
        """
        return self._scores.get("brier")

    @property
    def ece(self):
        """
        Expected calibration error (float or None).

        Naeini et al. 2015, AAAI 29, 2901:
        ``sum_b n_b / n |fraction right - mean probability|`` over 15 equal bins of the largest
        probability, as in Guo et al. 2017 (ICML 70, 1321, equation 3). A finite sample has one
        above 0 even when its probabilities are perfect.
        """
        return self._scores.get("ece")

    @property
    def corrected(self):
        """
        The seven prior-corrected scores (dict of str to float), by the names of the attributes.

        Each source weighs pi_c n / n_c, times its own weight. Judge probabilities that were made
        for some priors by these: the raw scores are for another population. Without priors and
        weights they are the raw scores.
        """
        return dict(self._scores_corrected)

    @property
    def confusion_corrected(self):
        """
        The prior-corrected confusion matrix (float array), with the same total as ``confusion``.
        """
        if self.is_weighted:
            weights = self._population_weights
            return count_confusion(self._codes, self._predicted, len(self.classes), weights)
        return self.confusion * self._class_weights[:, None]

    @property
    def per_class(self):
        """
        The scores of each class (`~astropy.table.Table`).

        Columns ``class, n, prior, recall, recall_lower, recall_upper, precision,
        precision_lower, precision_upper, recall_corrected, precision_corrected, f1,
        f1_corrected``; the corrected ones are at the priors. The recall is the same in both
        unless sources have weights.
        """
        return class_table(
            self.priors, self.confusion, self.confusion_corrected, is_weighted=self.is_weighted
        )

    @property
    def reliability(self):
        """
        Reliability of the probabilities (`~astropy.table.Table` or None).

        One row for each of 15 equal bins (lower, upper] of the largest probability of a source.
        Columns ``lower, upper, n``; raw ``mean_probability, fraction_correct,
        fraction_correct_lower, fraction_correct_upper``; and the same four, prior-corrected, with
        the ending ``_corrected``, where the interval is that of the effective number of sources,
        (sum w)^2 / sum w^2. NaN where a bin is empty.
        """
        if self._codes is None:
            return None
        return reliability_table(self._codes, self._probabilities, self._population_weights, N_BINS)

    def reliability_by(self, values: ArrayLike | None = None, n_groups: int = 3) -> Table:
        """
        Compare probabilities with observed fractions, by class or in bins of another quantity.

        Parameters
        ----------
        values : array-like of shape (n_sources,), optional
            One number for each source, such as its flux, in the order of the truth; those without
            a number are left out. Default: by class.
        n_groups : int, optional
            Number of groups of the values with about as many sources each.

        Returns
        -------
        table : `~astropy.table.Table`
            Columns ``group, n, mean_probability, fraction, fraction_lower, fraction_upper``, with
            the 68.27 % interval, a row for each of ten equal bins of probability that has sources.
            By class: the probability of the class, and the fraction of the sources that belong to
            it. By values: the probability of the prediction, and the fraction that is correct.

        Raises
        ------
        ValueError
            If this was made from a confusion matrix, or the values are not one for each source.

        Examples
        --------
        >>> from claxboi.classification import Evaluation
        >>> evaluation = Evaluation.from_probabilities(
        ...     ["AGN", "star"], [[0.9, 0.1], [0.3, 0.7]], ["AGN", "star"]
        ... )
        >>> evaluation.reliability_by()["group"].tolist()
        ['AGN', 'AGN', 'star', 'star']
        """
        self._need_probabilities("reliability_by")
        codes, probabilities = self._codes, self._probabilities
        n_groups = check_count(n_groups, "n_groups")
        if values is None:
            groups = [
                (name, probabilities[:, c], codes == c) for c, name in enumerate(self.classes)
            ]
            return grouped_reliability(groups, N_GROUP_BINS)
        values = self._check_values(values, "reliability_by")
        if not np.isfinite(values).any():
            raise InputValueError("values must have a number for at least one source, got none")
        largest, is_right = most_probable(codes, probabilities)
        groups = [
            (f"{lower:.3g} to {upper:.3g}", largest[chosen], is_right[chosen])
            for lower, upper, chosen in equal_groups(values, n_groups)
        ]
        return grouped_reliability(groups, N_GROUP_BINS)

    def _need_probabilities(self, name):
        if self._codes is None:
            raise InputValueError(f"{name} needs probabilities; this has only a confusion matrix")

    def _check_values(self, values, name):
        """Read one number for each source."""
        self._need_probabilities(name)
        values = values if hasattr(values, "dtype") else np.asarray(values)
        values = float_values({"values": values}, "values", name=name)
        if len(values) != len(self._codes):
            raise InputValueError(
                f"values must have one number for each of the {len(self._codes)} sources, "
                f"got {len(values)}"
            )
        return values

    def scores_by(self, values: ArrayLike, n_bins: int = 4) -> Table:
        """
        Score the sources in bins of another quantity, such as their flux.

        An overall calibration can hide that faint sources are too sure and bright ones too shy.

        Parameters
        ----------
        values : array-like of shape (n_sources,)
            One number for each source, in the order of the truth; a column with its mask will do.
        n_bins : int, optional
            Number of bins with about as many sources each (quantiles); fewer where values tie.

        Returns
        -------
        table : `~astropy.table.Table`
            Columns ``lower, upper, n`` and the seven raw scores; a bin is [lower, upper),
            the last with its end. Sources without a value (masked, NaN, infinite), if any, are a
            last row with NaN limits.

        Raises
        ------
        ValueError
            If this was made from a confusion matrix, or the values are not one for each source.

        Examples
        --------
        >>> import numpy as np
        >>> from claxboi.classification import Evaluation
        >>> flux = np.array([1e-15, 2e-15, 5e-14, 8e-14])
        >>> p = np.array([0.9, 0.4, 0.9, 0.8])
        >>> evaluation = Evaluation.from_probabilities(
        ...     ["AGN"] * 4, np.column_stack([p, 1 - p]), ["AGN", "star"]
        ... )
        >>> print(evaluation.scores_by(flux, n_bins=2)["n", "accuracy"])
         n  accuracy
        --- --------
          2      0.5
          2      1.0
        """
        values = self._check_values(values, "scores_by")
        bins = equal_groups(values, check_count(n_bins, "n_bins"))
        known = np.isfinite(values)
        if not known.all():
            bins.append((np.nan, np.nan, ~known))
        parts = [
            Evaluation.from_probabilities(
                self._codes[chosen],
                self._probabilities[chosen],
                self.classes,
                predictions=self._predicted[chosen],
                clip=self.clip,
            )
            for _, _, chosen in bins
        ]
        return make_table(
            ("lower", [lower for lower, _, _ in bins], "Lower limit of the values"),
            ("upper", [upper for _, upper, _ in bins], "Upper limit of the values"),
            ("n", [int(chosen.sum()) for _, _, chosen in bins], "Number of sources"),
            *((name, [part._scores[name] for part in parts], "") for name in SCORES),
        )

    def thresholds(self, class_name: str) -> Table:
        """
        Compute completeness and purity of a class for each probability threshold.

        Parameters
        ----------
        class_name : str
            The class.

        Returns
        -------
        table : `~astropy.table.Table`
            One row for each probability of the class that occurs, the largest first: the sources
            with at least this ``threshold`` are ``n`` in number, hold the part ``completeness``
            of the class, and the part ``purity`` of them is of it, with the 68.27 % interval from
            ``purity_lower`` to ``purity_upper``. ``completeness_corrected``,
            ``purity_corrected`` and ``f1_corrected``, their harmonic mean, are at the priors: the
            threshold where it is largest gives the best sample of the class.

        Raises
        ------
        ValueError
            If there is no such class, or this was made from a confusion matrix.

        Examples
        --------
        >>> from claxboi.classification import Evaluation
        >>> evaluation = Evaluation.from_probabilities(
        ...     ["AGN", "AGN", "star"], [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]], ["AGN", "star"]
        ... )
        >>> print(evaluation.thresholds("AGN")["threshold", "n", "completeness"])
        threshold  n  completeness
        --------- --- ------------
              0.9   1          0.5
              0.7   2          0.5
              0.6   3          1.0
        """
        check_choice(class_name, self.classes, "class_name")
        self._need_probabilities("thresholds")
        code = self.classes.index(class_name)
        is_class, weights = self._codes == code, self._population_weights
        return threshold_table(self._probabilities[:, code], is_class, weights)

    def to_table(self) -> Table:
        """
        Return the overall scores as one row; `~astropy.table.vstack` compares classifiers.

        Returns
        -------
        table : `~astropy.table.Table`
            Columns ``method, n``, the seven raw scores, and the prior-corrected ones with the
            ending ``_corrected``. NaN for those that a confusion matrix alone cannot give.

        Examples
        --------
        >>> from claxboi.classification import Evaluation
        >>> evaluation = Evaluation([[90, 10], [5, 45]], ["AGN", "star"])
        >>> print(evaluation.to_table()["n", "accuracy", "balanced_accuracy"])
         n  accuracy balanced_accuracy
        --- -------- -----------------
        150      0.9               0.9
        """
        columns = [
            ("method", [self.method], "How the predictions were made"),
            ("n", [int(self.confusion.sum())], "Number of sources"),
        ]
        for ending, scores in (("", self._scores), ("_corrected", self._scores_corrected)):
            columns += [(name + ending, [scores.get(name, np.nan)], "") for name in SCORES]
        return make_table(*columns)

    def __repr__(self):
        return (
            f"<Evaluation of {self.confusion.sum()} sources in {len(self.classes)} classes "
            f"({self.method}): accuracy {self.accuracy:.3f}>"
        )

    def __str__(self):
        return format_report(self)

    def _repr_html_(self):
        from .displays import evaluation_html

        return evaluation_html(self)

    @functools.cached_property
    def _scores(self):
        weights = None if self._codes is None else np.ones(len(self._codes))
        return self._score(self.confusion.astype(float), weights)

    @functools.cached_property
    def _scores_corrected(self):
        return self._score(self.confusion_corrected, self._population_weights)

    @functools.cached_property
    def _class_weights(self):
        priors = np.array(list(self.priors.values()))
        if self.is_weighted:
            counts = np.bincount(self._codes, self._weights, minlength=len(priors))
        else:
            counts = self.confusion.sum(axis=1)
        return class_weights(counts, priors)

    @functools.cached_property
    def _population_weights(self):
        if self._codes is None:
            return None
        own = self._weights if self.is_weighted else 1.0
        return own * self._class_weights[self._codes]

    def _score(self, confusion, weights):
        scores = confusion_scores(confusion)
        if weights is not None:
            scores |= probability_scores(
                self._codes, self._probabilities, weights, self.clip, N_BINS
            )
        return scores
