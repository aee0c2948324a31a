# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The naive Bayes classifier for tables.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from claxboi.config import MIN_CLASS_SIZE
from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    check_count,
    check_table,
    checked,
    record,
    shown,
)

from . import _crossvalidation, _output, _search, explanation
from ._engine import Engine, NotFittedError
from ._evaluation_input import check_two_classes
from ._likelihood import BLOCK_SIZE
from ._population import differs_from
from ._source_arrays import KnownTables
from ._table_reading import read_sample, read_sources
from .decisions import parse_decision
from .estimation import estimate_model_priors, settle_priors
from .mixture import classify_candidates
from .modelfile import read_model, write_model
from .original import build_original
from .posterior import log_proportions
from .posterior_error import bootstrap_intervals, check_training
from .properties import parse_properties
from .recipes import DEFAULT_FLOOR, resolve_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from astropy.table import Table
    from numpy import ndarray
    from numpy.random import Generator
    from numpy.typing import ArrayLike

    from .estimation import PriorEstimate
    from .priors import PriorsLike
    from .properties import Property

__all__ = ["NaiveBayesClassifier", "NotFittedError"]


class _OfCore:
    """
    Attribute of a classifier that is stored in its numerical core.
    """

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, model, owner=None):
        if model is None:
            return self
        if not hasattr(model._core, self._name):
            model._check_fitted()
        return getattr(model._core, self._name)

    def __set__(self, model, value):
        setattr(model._core, self._name, value)


class NaiveBayesClassifier:
    r"""
    Naive Bayes classifier for tables, with kernel densities and one exponent per category.

    The posterior of class c is :math:`P(c|x) \propto \pi_c \prod_t
    L_t(x|c)^{\alpha_t}` with the prior proportions :math:`\pi_c` and the product
    :math:`L_t` of the densities of all properties of category t (Tranin et al. 2022, A&A 657,
    A138).

    Settings are stored here and checked; `fit` learns from a table.

    Parameters
    ----------
    properties : sequence of (str or `Property`), mapping of str to sequence, optional
        Columns that classify: names, records, or a mapping from category to either.
        Default: every known property that the table of `fit` has.
    weights : None, "published", mapping or sequence, optional
        Weight of each category and of "missing" (the exponent of the missing-value term). None
        (default): 1 each, until `optimize` finds them. A sequence starts with that of "missing".
    recipe : {"default", "published", "original"}, optional
        Values of the next four, where they are not given. "published": those of Tranin et al.
        (2022). "original": those of the original scripts.
    normalization : {"none", "published", "original"}, optional
        Meaning of the weights :math:`w_t`. "none" (default): :math:`\alpha_t = w_t`. "published":
        :math:`\alpha_t = w_t/\sum w`. "original": what the original scripts compute,
        :math:`\alpha_t = 40 w_t/[\sum w (2 n_+ + w_0 n_-)]` with the numbers of present
        and missing properties of the source. With weights="published" the default is "published".
    missing : {"existence", "ignore", "sentinel"}, optional
        Meaning of a missing value. "existence" (default): P(present | class) or its complement
        for each property. It has an exponent of its own with normalization="none"; else it
        belongs to the category, the missing ones with the power ``weights["missing"]``.
        "sentinel": like "existence", within the category and with its exponent, as one more
        value of the property. "ignore": nothing, which is better where labelled sources are
        brighter than the others, as those of catalogues are (`claxboi.pipeline` has it).
    kernel : {"exponential", "gaussian", "original"}, optional
        Kernel of the densities. The exponential one (default) is exact and fast. "original":
        the tables of the original scripts (exponential kernels in 99 bins, 1 outside them),
        which cannot hold a source out; bandwidth and floor are then theirs.
    bandwidth : {"likelihood", "silverman", "published"} or float, optional
        Bandwidth on the scale of each property. "likelihood" (default): highest leave-one-out
        likelihood of each class. "silverman": rule of thumb from the robust spread of each
        class. "published": range/(5 n^(1/5)) over all classes.
    floor : float, optional
        Share of a uniform density over the training range, which no density falls below
        (default 0.01).
    classes : sequence of str, optional
        Classes in order; other labels are ignored. Default: all labels, sorted.
    min_class_size : int, optional
        Smaller classes are left out with a warning (default 3).
    merge : mapping of str to sequence of str, optional
        New class to the labels that it takes in.
    refine : bool, optional
        Refine the published formula where the weights are fitted on log-loss: add terms of
        properties, of their presence, and of pairs of properties, each weighted class by class and
        shrunk to zero. Needs normalization="none". Default: that of the recipe.
    shrinkage : float or "cv", optional
        Strength of the shrinkage in units of the default (default 1.0), or "cv": the one of lowest
        cross-validated log-loss.
    n_jobs : int, optional
        Number of threads; -1 for all cores. Default: ``claxboi.conf.n_jobs``.

    Attributes
    ----------
    classes_ : list of str
        Names of the classes.
    class_counts_ : `~numpy.ndarray` of shape (n_classes,)
        Training sources (their weights) of each class.
    categories : tuple of str
        Names of the categories, in the order of the properties.
    weights : dict
        Weight of each category and of "missing".
    offsets : dict
        Offset of each class in nats, added to its log posterior; empty unless `optimize` was
        asked for them.
    default_priors : mapping or None
        Priors that are taken where none are given.
    search : `WeightSearch` or None
        How `optimize` found the weights; None where they were given, or read from a file.

    Examples
    --------
    >>> from claxboi.classification import NaiveBayesClassifier
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> model = NaiveBayesClassifier(["hr1", "hr2", "log_fx_fw1"], missing="ignore").fit(table)
    >>> model.classes_[:2]
    ['AGN', 'AGN_2']

    What it has learned: a density for each class, and values that have a probability of their own.

    >>> model.density("hr2", [-0.5, 0.0, 0.5]).shape
    (3, 7)
    >>> values, probabilities = model.atoms("hr2")
    >>> len(values), [len(found) for found in model.training_values("hr2")]
    (0, [500, 500])

    The weights are 1 until they are set or found:

    >>> model.set_weights({"spectrum": 0.5})
    >>> search = model.optimize(table, "training")
    >>> sorted(model.weights)
    ['counterparts', 'missing', 'spectrum']
    >>> hr1, hr2, density = model.pair_density("hr1", "hr2")
    >>> density.shape
    (7, 49, 49)

    Sources are classified, held out where they trained the model, and the answer is scored and
    taken apart:

    >>> result = model.classify(table, "training")
    >>> bool(result["P_star"][0] > 0.5), bool(result["is_training"][0])
    (True, True)
    >>> model.predict(table, "training")[:3].tolist()
    ['star', 'star', 'AGN']
    >>> model.predict_proba(table, "training").shape
    (1000, 7)
    >>> bool(model.predict_log_proba(table, "training").max() <= 0)
    True
    >>> evaluation = model.evaluate(table, "training")
    >>> evaluation.method
    'leave-one-out'
    >>> print(model.explain(result[7]).prediction)
    AGN
    >>> estimate = model.estimate_priors(table, n_resamples=2, rng=1)
    >>> estimate.classes == model.classes_
    True

    A text file keeps it:

    >>> model.write("model.ecsv")
    >>> NaiveBayesClassifier.read("model.ecsv").categories
    ('spectrum', 'counterparts')
    """

    #: Where the training sample is from, as recorded in its metadata: a dict with any of mission,
    #: flux_band, hardness_bands and dates (of the label catalogues). None if it was not recorded.
    origin = None

    normalization, missing, kernel, bandwidth = _OfCore(), _OfCore(), _OfCore(), _OfCore()
    floor, refine, shrinkage, n_jobs = _OfCore(), _OfCore(), _OfCore(), _OfCore()
    properties, categories, weights, offsets = _OfCore(), _OfCore(), _OfCore(), _OfCore()
    classes_, class_counts_ = _OfCore(), _OfCore()

    def __init__(
        self,
        properties: Sequence[str | Property] | Mapping[str, Sequence] | None = None,
        *,
        weights: Literal["published"] | Mapping | Sequence | None = None,
        recipe: Literal["default", "published", "original"] = "default",
        normalization: Literal["none", "published", "original"] | None = None,
        missing: Literal["existence", "ignore", "sentinel"] | None = None,
        kernel: Literal["exponential", "gaussian", "original"] | None = None,
        bandwidth: Literal["likelihood", "silverman", "published"] | float | None = None,
        floor: float = DEFAULT_FLOOR,
        classes: Sequence[str] | None = None,
        min_class_size: int = MIN_CLASS_SIZE,
        merge: Mapping[str, Sequence[str]] | None = None,
        refine: bool | None = None,
        shrinkage: float | Literal["cv"] = 1.0,
        n_jobs: int | None = None,
    ) -> None:
        settings = resolve_recipe(
            recipe,
            kernel=kernel,
            normalization=normalization,
            missing=missing,
            bandwidth=bandwidth,
            refine=refine,
            weights=weights,
        )
        self._core = Engine(
            None if properties is None else parse_properties(properties, ()),
            weights=weights,
            floor=floor,
            shrinkage=shrinkage,
            n_jobs=n_jobs,
            **settings,
        )
        self.recipe = recipe
        self.min_class_size = check_count(min_class_size, "min_class_size")
        self.classes = None if classes is None else check_two_classes(classes)
        self.merge = merge
        self._given_properties = properties
        self.label = self.id = self.default_priors = self.search = None
        self._units, self._dropped = None, []
        self._known_tables = KnownTables()

    def __repr__(self):
        is_fitted = self._core.likelihood is not None
        state = f"classes {', '.join(self.classes_)}" if is_fitted else "not fitted"
        return f"<{type(self).__name__}: {state}>"

    # Learning

    @checked
    def fit(
        self,
        table: Table,
        label: str = "class",
        *,
        sample_weight: ArrayLike | None = None,
        id: str | None = None,
    ) -> NaiveBayesClassifier:
        """
        Learn the densities and the presence of each property per class.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The training sample: rows without a label, or with that of a class left out, are
            ignored. Not changed.
        label : str, optional
            Name of the label column: strings or integers.
        sample_weight : array-like of shape (n_rows,), optional
            Weight of each row, positive; a row of weight 2 counts as two equal rows. Default: 1.
            A source with a soft label is one row for each of its classes, of one identifier or
            position, by which it is held out of all of them.
        id : str, optional
            Name of the column with the identifiers of the sources. Default: ``source_id``, where
            there is one. Rows of one identifier, or without one of one position (``ra`` and
            ``dec``, within 0.2 arcsec), are one source, and are held out together. A table
            without both is known by itself alone: classify the table of `fit` itself.

        Returns
        -------
        self : `NaiveBayesClassifier`

        Raises
        ------
        KeyError
            If a column is absent.
        TypeError
            If a property is not numeric.
        ValueError
            If no row or one class has labels, fewer than two classes are left, or a property is
            constant or all missing.
        """
        self._learn(read_sample(self, table, label, sample_weight, id))
        return self

    @classmethod
    def from_original(
        cls,
        cat_in: str | PathLike[str],
        config: str | PathLike[str],
        distrib: str | PathLike[str],
        *,
        table: Table | None = None,
    ) -> NaiveBayesClassifier:
        """
        Read a run of the original CLAXBOI scripts, densities included.

        Parameters
        ----------
        cat_in : str or path
            The file of properties, ``cat.in``.
        config : str or path
            The configuration, ``configfile.ini``: categories, coefficients, class names and priors.
        distrib : str or path
            The folder with the densities.
        table : `~astropy.table.Table`, optional
            The catalogue of the run, which tells how often each class has each property.
            Default: the file that the configuration names, next to the configuration.

        Returns
        -------
        model : `NaiveBayesClassifier`
            With normalization="original" and the run's weights; its priors are the default of
            `classify`. It answers as the scripts did, in sample for the sources that trained
            it.

        Examples
        --------
        >>> from pathlib import Path
        >>> from astropy.table import Table
        >>> from claxboi import NaiveBayesClassifier
        >>> _ = Path("cat.in").write_text("HR1 1 1.0 1 1 1")
        >>> _ = Path("configfile.ini").write_text(
        ...     '''categories: ['spectrum']
        ... global_coeffs: [0.75, 9.0]
        ... classnames: ['AGN', 'star']
        ... trueprop: [0.7, 0.3]'''
        ... )
        >>> Path("distrib").mkdir()
        >>> _ = Path("distrib", "HR1.dat").write_text("-1 1 6 1")
        >>> table = Table({"HR1": [0.5, -0.6], "class": ["AGN", "star"]})
        >>> model = NaiveBayesClassifier.from_original(
        ...     "cat.in", "configfile.ini", "distrib", table=table
        ... )  # doctest: +IGNORE_WARNINGS
        >>> model.weights, model.default_priors
        ({'spectrum': 9.0, 'missing': 0.75}, {'AGN': 0.7, 'star': 0.3})
        """
        return build_original(cls, cat_in, config, distrib, table=table)

    @checked
    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """
        Write the fitted classifier as one text file (ECSV), to classify elsewhere.

        Parameters
        ----------
        path : str or path
            The file. It has the settings, and the training sample that the densities are made of:
            values, errors and classes at full precision, no other column but ``flux``.
        overwrite : bool, optional
            Replace an existing file.

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        OSError
            If the file exists or cannot be written; nothing is left behind then.
        """
        write_model(self, path, overwrite=overwrite)

    @classmethod
    def read(cls, path: str | PathLike[str]) -> NaiveBayesClassifier:
        """
        Read a classifier that `write` wrote.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        model : `NaiveBayesClassifier`
            It answers as the one that was written, also with held-out posteriors for the
            training sources.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is foreign, truncated, damaged, or of a newer format; the message says
            which.
        """
        return read_model(cls, path)

    # What was learned

    def set_weights(self, weights: Literal["published"] | Mapping | Sequence | None) -> None:
        """
        Set the weights of the categories.

        Parameters
        ----------
        weights : None, "published", mapping or sequence
            As for the class.
        """
        self._core.set_weights(weights)
        self.search = None

    def _check_fitted(self):
        if self._core.likelihood is None:
            raise NotFittedError(
                f"this {type(self).__name__} is not fitted yet: call fit(table, label=...) first"
            )

    @checked
    def density(self, column: str, values: ArrayLike) -> ndarray:
        """
        Evaluate the density of a property for each class.

        Parameters
        ----------
        column : str
            Name of the property.
        values : array-like of float, shape (n,)
            Raw values, before the scale.

        Returns
        -------
        density : `~numpy.ndarray` of shape (n, n_classes)
            Per unit of the scaled value, floor included; the atoms of a property are apart
            (`atoms`). NaN for a missing value.
        """
        p = self._property_index(column)
        density = self._core.likelihood.densities[p]
        numbers = np.atleast_1d(np.asarray(values))
        if numbers.dtype.kind not in "iuf":
            raise InputTypeError(f"values must be numbers, got {shown(values)}")
        points = density.record.apply_scale(numbers.astype(float))
        order = np.argsort(points)
        ordered = points[order][: np.count_nonzero(~np.isnan(points))]
        result = np.empty((density.n_classes, len(ordered)))
        density.likelihood(ordered, result)
        out = np.full((len(points), density.n_classes), np.nan)
        out[order[: len(ordered)]] = (result / density.span).T
        return out

    def atoms(self, column: str) -> tuple:
        """
        Return the values of a property that have a probability of their own.

        Parameters
        ----------
        column : str
            Name of the property.

        Returns
        -------
        values : `~numpy.ndarray` of shape (n_atoms,)
            Scaled values.
        masses : `~numpy.ndarray` of shape (n_atoms, n_classes)
            Their probability in each class.
        """
        p = self._property_index(column)
        density = self._core.likelihood.densities[p]
        return density.atoms.copy(), density.atom_masses

    @checked
    def pair_density(self, first: str, second: str) -> tuple:
        """
        Evaluate the joint density of two properties for each class, as the refinement has it.

        Parameters
        ----------
        first, second : str
            Names of the properties.

        Returns
        -------
        first_values, second_values : `~numpy.ndarray` of shape (49,)
            Values on the scales of the properties, increasing: equally spaced in the normal scores
            of the training sample, and equal beyond its outermost values.
        density : `~numpy.ndarray` of shape (n_classes, 49, 49)
            Probability per cell of these normal scores. Cells where nothing is known have the
            density of all classes.

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        KeyError
            If it has no such property.
        ValueError
            If both are the same, the weight of one is zero, or the model has no refinement.
        """
        pair = self._property_index(first), self._property_index(second)
        if self._core.refinement is None:
            raise InputValueError(
                "first and second have a joint density only in a refined model: use refine=True "
                "and fit the weights (optimize)"
            )
        terms = self._core.refinement.terms
        if tuple(sorted(pair)) not in terms.candidates:
            raise InputValueError(
                "first and second must be two properties whose weights are not zero, got "
                f"{first!r} and {second!r}"
            )
        (x, y), density = terms.pair_densities(pair)
        return x, y, density

    def training_values(self, column: str) -> tuple:
        """
        Return the training values of a property.

        Parameters
        ----------
        column : str
            Name of the property.

        Returns
        -------
        values : `~numpy.ndarray` of shape (n,)
            Scaled values, without missing ones.
        codes : `~numpy.ndarray` of int, shape (n,)
            Their classes, as numbers of ``classes_``.
        """
        p = self._property_index(column)
        if self._core.training is None:
            return np.empty(0), np.empty(0, int)
        scaled = self.properties[p].apply_scale(self._core.training.values[p])
        present = ~np.isnan(scaled)
        return scaled[present], self._core.training.codes[present]

    # Posteriors

    def predict_log_proba(
        self,
        table: Table,
        priors: PriorsLike = None,
    ) -> ndarray:
        """
        Compute the log posterior of each class.

        Rows that trained the model have their held-out posterior.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The sources.
        priors : mapping, sequence, "training", "estimate", array or callable, optional
            See `classify`.

        Returns
        -------
        log_probability : `~numpy.ndarray` of shape (n_sources, n_classes)
            Natural logarithm; classes as in ``classes_``.
        """
        sources = read_sources(self, table)
        return self._core.log_posterior(sources, settle_priors(self, priors, table, sources)).T

    def predict_proba(self, table: Any, priors: Any = None) -> ndarray:
        """
        Compute the posterior of each class.

        Parameters
        ----------
        table, priors
            As for `predict_log_proba`.

        Returns
        -------
        probability : `~numpy.ndarray` of shape (n_sources, n_classes)
        """
        return np.exp(self.predict_log_proba(table, priors))

    def predict(self, table: Any, priors: Any = None) -> ndarray:
        """
        Return the most probable class.

        Parameters
        ----------
        table, priors
            As for `predict_log_proba`.

        Returns
        -------
        prediction : `~numpy.ndarray` of str, shape (n_sources,)
        """
        best = self.predict_log_proba(table, priors).argmax(axis=1)
        return np.array(self.classes_)[best]

    @checked
    def classify(
        self,
        table: Table,
        priors: PriorsLike = None,
        *,
        candidates: Table | None = None,
        decision: Literal["probable", "balanced"] | Mapping = "probable",
        posterior_error: int = 0,
        rng: int | Generator | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> Table:
        r"""
        Add the posterior columns to a table.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The sources, with the columns of all properties. Not changed.
        priors : mapping, sequence, "training", "estimate", array or callable, optional
            Prior proportions: by class; in the order of ``classes_``; "training", those of the
            training sample (None too, with a warning); "estimate", from the sources that did
            not train the model; one row per source, as an array or a function of the table. Not
            negative, summing to 1.
        candidates : `~astropy.table.Table`, optional
            All candidate counterparts of each source, and none: see `classify_candidates`.
        decision : {"probable", "balanced"} or mapping, optional
            Rule for ``prediction``. "probable" (default): the most probable class. "balanced": the
            highest balanced accuracy. ``{"f1": class}``: the highest F1 of one class. A mapping
            from class to the cost of missing one of its sources (1 where it is not named): the
            lowest expected cost. Thresholds are found on held-out training sources; the
            probabilities are not changed.
        posterior_error : int, optional
            Number of bootstrap samples of the training sample (default 0: none; 200 is enough),
            which give ``P_<class>_low`` and ``P_<class>_high``, the 68 % interval of each
            posterior. It takes about as long as so many classifications.
        rng : None, int or `~numpy.random.Generator`, optional
            Draws the bootstrap samples.
        overwrite : bool, optional
            Replace columns of the same name; else they are an error.
        show_progress : bool, optional
            Show progress when it takes longer than two seconds.

        Returns
        -------
        result : same class as the table
            The caller's columns, then ``prediction``, ``P_<class>``, with ``posterior_error`` their
            intervals, ``margin``, ``outlier``, ``outlier_pvalue``, ``support`` (how many labelled
            sources of the most probable class are like this one, see Notes), ``alternative``,
            ``n_missing``, ``P_<class>_<category>`` and ``is_training``. Sources that trained the
            model have their held-out posterior. A source without any value has the prior (and what
            its being without values says).

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        KeyError
            If a column is absent.
        ValueError
            If a prior is wrong, columns collide, or ``posterior_error`` is given for candidates
            or for a model that cannot be learned again.

        Notes
        -----
        The interval says how far the posterior depends on which sources happen to be in the
        training sample. It is that of a Bayesian bootstrap (Rubin 1981, Ann. Stat. 9, 130): the
        densities are learned again with random weights of the training sources, and what was
        fitted is moved by what the fits without each fold differ by. Bandwidths and priors stay.
        It does not contain errors of the priors, or of labels.

        The support is :math:`n_c \left(\prod_p r_p\right)^{1/d}` over all d properties, with the
        labelled sources :math:`n_c` of the class, and for each property the density of the class at
        this value over the highest one; where the value is missing, the share of the class without
        one over the larger of the shares with and without. With weights, :math:`n_c` is the
        effective number :math:`(\sum w)^2 / \sum w^2` (Kish 1965, Survey Sampling). Where it is
        small, the class is an extrapolation, and the probabilities promise too much.
        """
        if candidates is not None:
            if posterior_error:
                raise InputValueError(
                    f"posterior_error must be 0 with candidates, got {posterior_error}: a sum over "
                    "candidates has no interval"
                )
            return classify_candidates(
                self,
                table,
                candidates,
                priors,
                decision=decision,
                overwrite=overwrite,
                show_progress=show_progress,
            )
        self._check_fitted()
        decision = parse_decision(decision, self.classes_)
        check_table(table)
        has_intervals = posterior_error > 0
        _output.check_collisions(
            table, self.classes_, self.categories, overwrite, has_intervals=has_intervals
        )
        if has_intervals:
            check_training(self._core)
        sources = read_sources(self, table)
        proportions = settle_priors(self, priors, table, sources, show_progress=show_progress)
        scale = self._core.outlier_scale()
        answer = _output.Answer(len(table), len(self.classes_), len(self.categories))

        log_prior = log_proportions(proportions)

        def work(start, chunk, terms):
            for first in range(0, len(chunk), BLOCK_SIZE):
                rows = slice(first, first + BLOCK_SIZE)
                block = terms.part(rows)
                combination, offsets = self._core.combination(block, chunk[rows])
                here = slice(start + first, start + first + len(block.case))
                prior = log_prior if log_prior.shape[1] == 1 else log_prior[:, here]
                answer.fill(here.start, block, combination, prior + offsets)
            if scale is not None:
                answer.fill_likeness(start, terms, chunk.held[0], scale)

        self._core.chunks(sources, work, show_progress=show_progress)
        settings = _output.describe_settings(self, proportions)
        if has_intervals:
            answer.intervals = bootstrap_intervals(
                self._core, sources, log_prior, posterior_error, rng, show_progress=show_progress
            )
            settings["posterior_error"] = posterior_error
        if decision != "probable":
            rule = self._core.decide(decision, proportions)
            answer.best = rule.choose(answer.posterior)
            settings["decision"] = str(rule)
        result = answer.to_table(
            table, self.classes_, self.categories, sources.codes, overwrite=overwrite
        )
        result.meta = record(result.meta, "classification", **settings)
        if sources.compared:
            self._known_tables.add(result, sources.rows)
        return result

    # Methods that are long enough for a module of their own

    optimize = _search.optimize
    evaluate = _crossvalidation.evaluate
    explain = explanation.explain

    @checked
    def estimate_priors(
        self,
        table: Table,
        *,
        n_resamples: int = 20,
        rng: int | Generator | None = None,
        show_progress: bool = True,
    ) -> PriorEstimate:
        """
        Estimate the proportions of the classes among sources that did not train the model.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The sources; rows that trained the model do not count. Where it has a column
            ``flux``, a warning says if labelled and unlabelled sources differ in it, which the
            estimate cannot bear.
        n_resamples : int, optional
            Number of bootstrap samples, of the unlabelled and of the training sources, that
            give the errors (default 20; 0: none).
        rng : None, int or `~numpy.random.Generator`, optional
            Draws them.
        show_progress : bool, optional
            Show progress when it takes longer than two seconds.

        Returns
        -------
        estimate : `PriorEstimate`
            Proportions (Saerens et al. 2002, Neural Computation 14, 21) with errors. They are
            as good as the likelihoods are calibrated: fit the exponents (`optimize`) first.
        """
        return estimate_model_priors(
            self,
            read_sources(self, table),
            table=table,
            n_resamples=n_resamples,
            rng=rng,
            show_progress=show_progress,
        )

    # From tables to arrays, and back

    def _learn(self, sample, others=None):
        """Learn a sample; ``others`` is the table to be classified, if it is another one."""
        self._core.fit_rows(sample.records, sample.names, sample.training)
        self._units, self.id, self.label = sample.units, sample.id, sample.label
        self._dropped, self.search = sample.dropped, None
        self._known_tables = KnownTables()
        known = np.full(len(sample.table), -1)
        known[sample.rows] = np.arange(len(sample.rows))
        self._known_tables.add(sample.table, known)
        if others is None or others is sample.table:
            others = sample.table[known < 0]
        self._core.is_shifted = differs_from(self, others)

    def _property_index(self, column):
        self._check_fitted()
        names = [item.column for item in self.properties]
        if column not in names:
            raise InputKeyError(
                f"column must be a property of the model, got {column!r}; it has {', '.join(names)}"
            )
        return names.index(column)

    def __getstate__(self):
        # A copy is set apart from the model, and the tables at hand are not so elsewhere.
        return self.__dict__ | {"_core": copy.copy(self._core), "_known_tables": KnownTables()}
