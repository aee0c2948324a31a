# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The classifier on arrays, with the interface of scikit-learn.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from claxboi.utils import InputTypeError, InputValueError, check_count, check_number

from ._array_input import (
    check_classes,
    check_groups,
    check_values,
    check_weights,
    compare_names,
)
from ._engine import Engine, NotFittedError
from ._parallel import check_n_jobs, threads
from ._search import fit_exponents
from ._source_arrays import Sources, TrainingRows
from .original import ORIGINAL_KERNEL
from .priors import parse_priors
from .properties import parse_properties
from .recipes import DEFAULT_FLOOR, resolve_recipe

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["KernelNaiveBayes"]


class KernelNaiveBayes:
    r"""
    Naive Bayes classifier with kernel densities, on arrays.

    It is the core of `NaiveBayesClassifier`, which reads tables. It keeps the contract of
    scikit-learn: ``clone``, ``Pipeline``, ``cross_val_score``, ``GridSearchCV`` and
    ``CalibratedClassifierCV`` work on it. scikit-learn is not needed.

    The posterior of class c is :math:`P(c|x) \propto \pi_c e^{b_c} \prod_t
    L_t(x|c)^{\alpha_t}`, with the prior proportions :math:`\pi_c`, an offset :math:`b_c` (0 unless
    asked for) and the product :math:`L_t` of the densities of the features of category t, each of
    them a sum of kernels (Tranin et al. 2022, A&A 657, A138, equations 1 to 4).

    Parameters
    ----------
    properties : sequence of (str or `Property`) or mapping of str to sequence, optional
        Category, scale, bounds and other facts of each feature, in the order of the columns. A
        mapping goes from the category to names of columns, which ``X`` then has. Default: the
        known properties by name; other features are linear and of one category.
    recipe : {"default", "published", "original"}, optional
        Values of the next five parameters, where these are None.
    kernel : {"exponential", "gaussian", "original"}, optional
        Kernel of the densities.
    normalization : {"none", "published", "original"}, optional
        Meaning of the weights; see `NaiveBayesClassifier`.
    missing : {"existence", "ignore", "sentinel"}, optional
        Meaning of NaN; see `NaiveBayesClassifier`.
    bandwidth : {"likelihood", "silverman", "published"} or float, optional
        Bandwidth of the kernels, on the scale of each feature.
    refine : bool, optional
        Refine the published formula where the weights are fitted; see `NaiveBayesClassifier`.
    shrinkage : float or "cv", optional
        Strength of the shrinkage of the refinement in units of the default (default 1.0), or "cv":
        the one of lowest cross-validated log-loss.
    floor : float, optional
        Share of a uniform density over the training range (default 0.01).
    weights : "fitted", "published", None, mapping or sequence, optional
        Weight of each category and of "missing". "fitted" (default): those of the lowest held-out
        log-loss, where ``normalization`` is "none", else 1. None: 1 each.
    offsets : bool, optional
        With fitted weights: fit an offset per class too (default False).
    priors : mapping or sequence, optional
        Prior proportions of the classes, by class or in sorted order. Default: those of the
        training sample.
    n_folds : int, optional
        Weights are fitted again without each of so many folds, for held-out scores (default 5).
    n_jobs : int, optional
        Number of threads; -1 for all cores. Default: ``claxboi.conf.n_jobs``.

    Attributes
    ----------
    classes_ : `~numpy.ndarray` of shape (n_classes,)
        The classes, sorted.
    class_counts_ : `~numpy.ndarray` of shape (n_classes,)
        Training weight of each class.
    properties_ : tuple of `Property`
        The facts of each feature.
    weights_ : dict of str to float
        Weight of each category and of "missing".
    offsets_ : dict
        Offset of each class in nats; empty unless asked for.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : `~numpy.ndarray` of str, shape (n_features,)
        Their names, where ``X`` had names.

    Examples
    --------
    >>> import numpy as np
    >>> from claxboi.classification import KernelNaiveBayes
    >>> rng = np.random.default_rng(1)
    >>> y = np.repeat(["AGN", "star"], 100)
    >>> X = rng.normal(np.where(y == "AGN", 0.0, 2.0)[:, np.newaxis], size=(200, 2))
    >>> X[::5, 1] = np.nan
    >>> model = KernelNaiveBayes(bandwidth="silverman").fit(X, y)
    >>> model.predict([[-1.0, np.nan], [3.0, 2.0]]).tolist()
    ['AGN', 'star']
    >>> model.predict_proba(X).shape, model.score(X, y) > 0.9
    ((200, 2), True)

    Held-out probabilities of the training rows:

    >>> held_out = model.leave_one_out_log_proba()
    >>> bool(np.mean(held_out.argmax(axis=1) == (y == "star")) > 0.9)
    True

    Parameters are as scikit-learn has them:

    >>> model.set_params(bandwidth=0.5).get_params()["bandwidth"]
    0.5
    >>> model
    KernelNaiveBayes(bandwidth=0.5)
    >>> model.predict_log_proba(X).max() <= 0
    np.True_
    """

    _estimator_type = "classifier"

    def __init__(
        self,
        properties: Sequence | Mapping | None = None,
        *,
        recipe: str = "default",
        kernel: str | None = None,
        normalization: str | None = None,
        missing: str | None = None,
        bandwidth: str | float | None = None,
        refine: bool | None = None,
        shrinkage: float | str = 1.0,
        floor: float = DEFAULT_FLOOR,
        weights: str | Mapping | Sequence | None = "fitted",
        offsets: bool = False,
        priors: Mapping | Sequence | None = None,
        n_folds: int = 5,
        n_jobs: int | None = None,
    ) -> None:
        self.properties = properties
        self.recipe = recipe
        self.kernel = kernel
        self.normalization = normalization
        self.missing = missing
        self.bandwidth = bandwidth
        self.refine = refine
        self.shrinkage = shrinkage
        self.floor = floor
        self.weights = weights
        self.offsets = offsets
        self.priors = priors
        self.n_folds = n_folds
        self.n_jobs = n_jobs

    # Parameters, as scikit-learn handles them

    @classmethod
    def _parameter_names(cls):
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - one signature
        """
        Return the parameters.

        Parameters
        ----------
        deep : bool, optional
            Has no effect: no parameter is an estimator.

        Returns
        -------
        parameters : dict
            As they were given.
        """
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **parameters: Any) -> KernelNaiveBayes:
        """
        Set parameters; the next `fit` takes them.

        Parameters
        ----------
        **parameters
            As for the class.

        Returns
        -------
        self : `KernelNaiveBayes`

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        names = self._parameter_names()
        for name, value in parameters.items():
            if name not in names:
                raise InputValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}: it has "
                    f"{', '.join(names)}"
                )
            setattr(self, name, value)
        return self

    def __repr__(self):
        defaults = inspect.signature(type(self).__init__).parameters
        changed = (
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value is not defaults[name].default
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def __getattr__(self, name):
        # Only called for what is not there: what a fit finds.
        if name.endswith("_") and not name.endswith("__"):
            if "_core" in self.__dict__:
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            raise _not_fitted(self)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __sklearn_is_fitted__(self):
        return "_core" in self.__dict__

    def __sklearn_tags__(self):
        # Only scikit-learn asks for its tags, and it is there then.
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(allow_nan=True),
        )

    # Learning

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> KernelNaiveBayes:
        """
        Learn the densities, the presence of values, and the weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values, NaN where missing. The columns of a data frame have names.
        y : array-like of shape (n_samples,)
            Classes: text, integers or bools.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each row, 0 or more: a row of weight 2 counts as two equal rows, one of
            weight 0 not at all. Default: 1.
        groups : array-like of shape (n_samples,), optional
            Source of each row: rows of one source are held out together. Default: each row is a
            source.

        Returns
        -------
        self : `KernelNaiveBayes`

        Raises
        ------
        TypeError, ValueError
            If a parameter or the data are not what they must be.
        """
        settings = self._checked_settings()
        X, names = check_values(X, type(self).__name__)
        y, classes, codes = check_classes(y, len(X), type(self).__name__)
        weights = check_weights(sample_weight, len(X))
        source = check_groups(groups, len(X))
        kept = weights > 0
        if not kept.all():
            X, codes, weights, source = X[kept], codes[kept], weights[kept], source[kept]
            found, codes = np.unique(codes, return_inverse=True)
            classes = classes[found]
        if len(classes) < 2:
            raise InputValueError(
                f"Classifier can't train when only one class is present: y has {len(classes)} "
                f"class ({classes.tolist()})"
            )
        records = self._records(X, names)
        given = None if isinstance(self.weights, str) and self.weights == "fitted" else self.weights
        core = Engine(
            records, weights=given, floor=self.floor, shrinkage=self.shrinkage, **settings
        )
        training = TrainingRows(
            X.T, {}, codes, weights, source=np.unique(source, return_inverse=True)[1]
        )
        with threads(self.n_jobs):
            core.fit_rows(records, [str(name) for name in classes], training)
            proportions = parse_priors(
                "training" if self.priors is None else self._by_text(self.priors),
                core.classes_,
                core.training_proportions(),
                len(X),
            )
            if self._fits_weights(settings):
                fit_exponents(
                    core,
                    training,
                    training.sources(),
                    proportions,
                    offsets=bool(self.offsets),
                    n_folds=self.n_folds,
                )
        self._core, self._proportions = core, proportions
        self.classes_ = classes
        self.class_counts_ = core.class_counts_
        self.properties_ = core.properties
        self.weights_, self.offsets_ = dict(core.weights), dict(core.offsets)
        self.n_features_in_ = X.shape[1]
        self.__dict__.pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = np.array(names, object)
        return self

    def _checked_settings(self):
        settings = resolve_recipe(
            self.recipe,
            kernel=self.kernel,
            normalization=self.normalization,
            missing=self.missing,
            bandwidth=self.bandwidth,
            refine=self.refine,
            weights=self.weights,
        )
        check_number(self.floor, "floor", minimum=0, maximum=1, exclusive=True)
        check_count(self.n_folds, "n_folds", minimum=2)
        check_n_jobs(self.n_jobs)
        if not isinstance(self.offsets, bool | np.bool_):
            raise InputTypeError(f"offsets must be True or False, got {self.offsets!r}")
        if self.offsets and not self._fits_weights(settings):
            raise InputValueError("offsets=True needs weights='fitted' and normalization='none'")
        return settings

    def _fits_weights(self, settings):
        is_fitted = isinstance(self.weights, str) and self.weights == "fitted"
        return is_fitted and settings["normalization"] == "none"

    def _records(self, X, names):
        columns = [f"x{k}" for k in range(X.shape[1])] if names is None else names
        if self.properties is None:
            return parse_properties(columns, columns)
        records = parse_properties(self.properties, columns)
        wanted = [record.column for record in records]
        if names is None and not isinstance(self.properties, Mapping):
            # Without names, the order of the columns is that of the properties.
            columns = wanted if len(wanted) == len(columns) else columns
        if sorted(wanted) != sorted(columns):
            raise InputValueError(
                f"properties must name each feature of X once ({', '.join(columns)}), got "
                f"{', '.join(wanted)}"
            )
        by_name = {record.column: record for record in records}
        errors = [record.column for record in records if record.error]
        if errors:
            raise InputValueError(
                f"properties cannot have errors here ({', '.join(errors)}): arrays have values "
                "alone; NaiveBayesClassifier reads both from a table"
            )
        return tuple(by_name[name] for name in columns)

    @staticmethod
    def _by_text(priors):
        if isinstance(priors, Mapping):
            return {str(name): value for name, value in priors.items()}
        return priors

    # Answers

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """
        Return the log posterior of each class for new sources.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values, NaN where missing. All rows are treated as new sources; those that trained the
            model are held out by `leave_one_out_log_proba`.

        Returns
        -------
        log_probability : `~numpy.ndarray` of shape (n_samples, n_classes)
            Natural logarithm.

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If the features are others than in the fit.
        """
        self._check_fitted()
        X, names = check_values(X, type(self).__name__)
        self._check_features(X, names)
        with threads(self.n_jobs):
            return self._core.log_posterior(Sources(X.T, {}), self._proportions).T

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """
        Return the posterior of each class for new sources.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As for `predict_log_proba`.

        Returns
        -------
        probability : `~numpy.ndarray` of shape (n_samples, n_classes)
        """
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: ArrayLike) -> np.ndarray:
        """
        Return the most probable class of new sources.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As for `predict_log_proba`.

        Returns
        -------
        prediction : `~numpy.ndarray` of shape (n_samples,)
        """
        return self.classes_[self.predict_log_proba(X).argmax(axis=1)]

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """
        Return the fraction of new sources that are classified correctly.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As for `predict_log_proba`.
        y : array-like of shape (n_samples,)
            True classes.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each row.

        Returns
        -------
        accuracy : float
        """
        return float(np.average(self.predict(X) == np.asarray(y), weights=sample_weight))

    def leave_one_out_log_proba(self) -> np.ndarray:
        """
        Return the log posterior of each class for the rows that trained the model, held out.

        Exact at fixed bandwidth: each row is classified by the densities without it and without the
        other rows of its group. Fitted weights are those found without its fold.

        Returns
        -------
        log_probability : `~numpy.ndarray` of shape (n_samples, n_classes)
            For the rows of weight above 0.
        """
        self._check_fitted()
        if self._core.training is None:
            raise InputValueError(f"kernel={ORIGINAL_KERNEL!r} cannot hold out a source")
        with threads(self.n_jobs):
            return self._core.log_posterior(self._core.training.sources(), self._proportions).T

    def _check_fitted(self):
        if not self.__sklearn_is_fitted__():
            raise _not_fitted(self)

    def _check_features(self, X, names):
        fitted = self.__dict__.get("feature_names_in_")
        if names is None and fitted is not None:
            warnings.warn(
                f"X does not have valid feature names, but {type(self).__name__} was fitted with "
                "feature names",
                UserWarning,
                stacklevel=3,
            )
        elif names is not None and fitted is None:
            warnings.warn(
                f"X has feature names, but {type(self).__name__} was fitted without feature names",
                UserWarning,
                stacklevel=3,
            )
        elif names is not None and list(names) != list(fitted):
            raise InputValueError(compare_names(names, list(fitted)))
        if X.shape[1] != self.n_features_in_:
            raise InputValueError(
                f"X has {X.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )


def _not_fitted(estimator):
    message = (
        f"This {type(estimator).__name__} instance is not fitted yet. Call 'fit' with appropriate "
        "arguments before using this estimator."
    )
    # Whoever has imported scikit-learn may catch its error.
    theirs = sys.modules.get("sklearn.exceptions")
    if theirs is None:
        return NotFittedError(message)
    return type("NotFittedError", (NotFittedError, theirs.NotFittedError), {})(message)
