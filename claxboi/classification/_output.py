# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The posterior columns of a classified table, filled chunk by chunk.
"""

import numpy as np

from claxboi.catalog import make_column
from claxboi.utils import InputValueError, add_columns

from ._parallel import in_chunks
from .weights import largest

__all__ = ["Answer", "check_collisions", "column_names", "describe_settings"]


#: Ends of the interval of a posterior, in the order of their columns.
ENDS = ("low", "high")


def column_names(classes, categories, *, has_intervals=False):
    """
    List the columns of the answer.

    Parameters
    ----------
    classes : sequence of str
        Names of the classes.
    categories : sequence of str
        Names of the categories.
    has_intervals : bool, optional
        Whether the posteriors have intervals.

    Returns
    -------
    names : list of str
    """
    return [
        "prediction",
        *(f"P_{name}" for name in classes),
        *(f"P_{name}_{end}" for name in classes for end in ENDS if has_intervals),
        *("margin", "outlier", "outlier_pvalue", "support", "alternative", "n_missing"),
        *(f"P_{name}_{category}" for category in categories for name in classes),
        "is_training",
    ]


def check_collisions(table, classes, categories, overwrite, *, has_intervals=False):
    """
    Check that the answer's columns are new, before any work is done.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The caller's table.
    classes, categories : sequence of str
        Their names.
    overwrite : bool
        Whether columns of the caller may be replaced.
    has_intervals : bool, optional
        Whether the posteriors have intervals.

    Raises
    ------
    ValueError
        If names collide: with the caller's unless ``overwrite``, or with each other.
    """
    names = column_names(classes, categories, has_intervals=has_intervals)
    seen = set()
    twice = [name for name in names if name.lower() in seen or seen.add(name.lower())]
    if twice:
        raise InputValueError(
            f"the classes and categories make columns of the same name ({', '.join(twice)}; "
            "FITS ignores case): rename a class or a category"
        )
    taken = [name for name in table.colnames if name.lower() in seen]
    if taken and not overwrite:
        raise InputValueError(
            f"the table already has columns {', '.join(taken)} (names are compared without case, "
            "as FITS does); pass overwrite=True to replace them"
        )


class Answer:
    """
    The posterior columns of a table, filled chunk by chunk.

    Parameters
    ----------
    n : int
        Number of sources.
    n_classes, n_categories : int
        Numbers of classes and of categories.
    """

    def __init__(self, n, n_classes, n_categories):
        self.posterior = np.empty((n_classes, n))
        self.marginal = np.empty((n_categories, n_classes, n))
        self.best = np.empty(n, np.intp)
        self.alternative = np.zeros((n_categories, n), np.int16)
        self.margin, self.outlier = np.empty(n), np.empty(n)
        self.pvalue, self.support = np.full((2, n), np.nan)
        self.n_missing = np.empty(n, int)
        self.intervals = None

    def fill(self, start, terms, combination, log_prior):
        """
        Fill in the answer for some sources.

        Parameters
        ----------
        start : int
            Row of the first source.
        terms : `Terms`
            Their likelihoods.
        combination : `Combination`
            The contributions of the categories.
        log_prior : `~numpy.ndarray` of shape (n_classes, 1) or (n_classes, n)
            Logarithm of the priors, and offsets.
        """
        part = slice(start, start + len(terms.case))
        total = combination.total()
        joint = total + log_prior
        best = largest(joint)
        _normalize(joint, self.posterior[:, part])
        self.best[part] = best
        self.margin[part] = 2 * self.posterior[:, part].max(axis=0) - 1
        # The refinement compares classes; only the published formula has densities.
        peak = combination.published(joint).max(axis=0)
        self.outlier[part] = -peak / np.log(10)
        for t, contribution in enumerate(combination.contributions[:-1]):
            _normalize(contribution * combination.marginal_scale, self.marginal[t, :, part])
            other = largest(combination.without(t, total, log_prior))
            self.alternative[t, part] = np.where(other != best, other + 1, 0)
        self.n_missing[part] = terms.patterns.shape[1] - terms.n_present

    def fill_likeness(self, start, terms, codes, scale):
        """
        Fill in the outlier p-value and the support for some sources, after `fill`.

        Parameters
        ----------
        start : int
            Row of the first source.
        terms : `Terms`
            Their likelihoods.
        codes : `~numpy.ndarray` of int, shape (n,)
            Class of the training sources, -1 for others.
        scale : `OutlierScale`
            Gives both: the support is that of the most probable class.
        """
        total = terms.log_likelihood.sum(axis=0)
        part = slice(start, start + total.shape[1])
        self.pvalue[part] = scale.pvalue(total, terms.pattern, terms.patterns, codes)
        self.support[part] = scale.support(total, terms.pattern, terms.patterns, self.best[part])

    def to_table(self, table, classes, categories, codes, *, overwrite):
        """
        Add the columns to a copy of a table.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The caller's table.
        classes, categories : sequence of str
            Their names.
        codes : `~numpy.ndarray` of int, shape (n,)
            Class of the training sources, -1 for others.
        overwrite : bool
            Replace columns of the same name.

        Returns
        -------
        result : same class as the table
        """
        columns = [make_column("prediction", np.array(classes)[self.best])]
        for name, values in zip(classes, self.posterior, strict=True):
            columns.append(make_column("P_<class>", values, **{"class": name}))
        if self.intervals is not None:
            for c, name in enumerate(classes):
                for end, values in zip(ENDS, self.intervals, strict=True):
                    columns.append(make_column(f"P_<class>_{end}", values[c], **{"class": name}))
        unknown = np.isnan(self.pvalue)
        mask = unknown if unknown.any() else None
        columns += [
            make_column("margin", self.margin),
            make_column("outlier", self.outlier),
            make_column("outlier_pvalue", self.pvalue, mask=mask),
            make_column("support", self.support, mask=mask),
            make_column("alternative", self._alternatives(classes, categories)),
            make_column("n_missing", self.n_missing),
        ]
        for category, marginals in zip(categories, self.marginal, strict=True):
            for name, values in zip(classes, marginals, strict=True):
                columns.append(
                    make_column(
                        "P_<class>_<category>", values, **{"class": name, "category": category}
                    )
                )
        columns.append(make_column("is_training", codes >= 0))
        return add_columns(table, {column.name: column for column in columns}, overwrite=overwrite)

    def _alternatives(self, classes, categories):
        # Few combinations occur among many sources: each text is made once.
        key = np.zeros(self.alternative.shape[1], np.int64)
        found = [""]
        for category, codes in zip(categories, self.alternative, strict=True):
            key = key * (len(classes) + 1) + codes
            names = [None, *(f"{category}:{name}" for name in classes)]
            used = np.flatnonzero(np.bincount(key))
            found = [
                " ".join(filter(None, (found[k // len(names)], names[k % len(names)])))
                for k in used
            ]
            lookup = np.zeros(used[-1] + 1, np.int64)
            lookup[used] = np.arange(len(used))
            key = lookup[key]
        found = np.array(found)
        result = np.empty(len(key), found.dtype)

        def spell(rows):
            np.take(found, key[rows], out=result[rows], mode="clip")

        in_chunks(spell, len(key))
        return result


def describe_settings(model, proportions):
    """
    Describe a fitted model and the priors, for the metadata of the result.

    Parameters
    ----------
    model : `NaiveBayesClassifier`
        The model.
    proportions : `~numpy.ndarray` of shape (n_classes,) or (n_classes, n)
        The priors.

    Returns
    -------
    settings : dict
    """
    columns = [record.column for record in model.properties]
    refinement = model._core.refinement
    return {
        "classes": list(model.classes_),
        "class_counts": [float(count) for count in model.class_counts_],
        "categories": list(model.categories),
        "properties": columns,
        "priors": (
            dict(zip(model.classes_, map(float, proportions), strict=True))
            if proportions.ndim == 1
            else "one row per source"
        ),
        "weights": dict(model.weights),
        "offsets": dict(model.offsets),
        "normalization": model.normalization,
        "missing": model.missing,
        "kernel": model.kernel,
        "bandwidth": model.bandwidth,
        "refinement": None
        if refinement is None
        else {
            "pairs": [[columns[p] for p in pair] for pair in refinement.pairs],
            "presence": any(term.kind == "presence" for term in refinement.listed),
            "shrinkage": refinement.factor,
        },
        "floor": model.floor,
        "label": model.label,
    }


def _normalize(log_values, out):
    np.subtract(log_values, log_values.max(axis=0), out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=0)
