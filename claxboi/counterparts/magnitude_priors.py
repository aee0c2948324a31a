# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Magnitude and colour priors: ratios of the distributions of counterparts and field objects.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import Column, Table

from claxboi.utils import (
    ClaxboiWarning,
    InputTypeError,
    InputValueError,
    check_columns,
    check_count,
    check_table,
    convert_values,
    float_values,
    is_missing,
    shown,
    warn,
)

from .histograms import bin_shares, histogram, quantiles, towards_product

if TYPE_CHECKING:
    from numpy import ndarray

__all__ = ["MagnitudePrior", "ProbabilityPrior"]

SECURE = 0.9
"""An object is a secure counterpart above this probability by position (NWAY's value)."""
FIELD = 0.01
"""An object is of the field if its probability by position is nowhere above this (NWAY's value)."""

# Pseudo-counts: each histogram is mixed with this many objects drawn from the other one, so that
# the ratio tends to 1 where little is known, and is never 0 nor infinite.
_PSEUDO_COUNT = 1.0
# Assumed number of objects in a table with empty bins.
_TABLE_COUNT = 1000.0
# Bins per axis for n counterparts, of one column (Rice's rule, 2 n^(1/3)) and of two.
_BINS_RULE = {1: (2.0, 1 / 3), 2: (1.0, 1 / 4)}
# Below this fraction of the mean, a probability says no more than "unlikely".
_LOWEST_FACTOR = 1e-3


class MagnitudePrior:
    r"""
    A prior on one column of a secondary catalogue, or on a pair of columns together.

    The factor of an object with data D is
    :math:`\int q(m)\,p(D|m)\,dm / \int n(m)\,p(D|m)\,dm`, with q the distribution of counterparts
    and n that of field objects. It has the mean 1 over n, so an object without a magnitude, whose
    factor is 1, neither gains nor loses; and it is never 0.

    Parameters
    ----------
    column : str or pair of str
        The column of magnitudes (or of any number), or two that are looked at together.
    error : str or pair of str or None, optional
        Columns of their 1 sigma errors; None for none. The factor is averaged over the error.
    limit : str or pair of str or None, optional
        Columns of bool: the value is a limit, the object is fainter. The factor is averaged over
        all that is fainter.
    min_secure : int, optional
        Secure counterparts needed to learn q; with fewer the prior is left out, with a warning.
    n_bins : int, optional
        Bins on each axis, at the quantiles of the secure counterparts; half as many at those of the
        field cut them further. None takes 2 n^(1/3) of n counterparts (n^(1/4) on each axis of a
        pair).

    Raises
    ------
    TypeError, ValueError
        If the names are not one or two strings.

    Notes
    -----
    `~claxboi.counterparts.associate` learns q from objects with a probability by position above 0.9
    (each counts as a whole, and what field objects are among them is subtracted), and n from
    all rows of the catalogue that are nowhere above 0.01. Each histogram has one object in the
    shape of the other one mixed in; that of a pair of columns first one object for each bin in the
    shape of the product of the two columns alone.

    With NWAY's convention, the recipe is NWAY's: 14 quantiles weighted with the probability, no
    subtraction and no mixing, factor 100 without field objects and 0 without counterparts, and
    neither errors nor limits.

    Examples
    --------
    >>> from claxboi.counterparts import MagnitudePrior
    >>> MagnitudePrior("g", error="g_error")
    MagnitudePrior('g', error='g_error')
    >>> MagnitudePrior(("g", "w1"))
    MagnitudePrior(('g', 'w1'))
    """

    def __init__(
        self,
        column: str | tuple,
        *,
        error: str | tuple | None = None,
        limit: str | tuple | None = None,
        min_secure: int = 50,
        n_bins: int | None = None,
    ) -> None:
        self.columns = _names(column, "column")
        self.error = _companions(error, "error", self.columns)
        self.limit = _companions(limit, "limit", self.columns)
        self.min_secure = check_count(min_secure, "min_secure", minimum=2)
        self.n_bins = None if n_bins is None else check_count(n_bins, "n_bins")
        self.edges: Any = None
        self.counterparts: Any = None
        self.field: Any = None
        self.n_secure: int | None = None
        # Units of the edges; None: nothing told them.
        self._units = [None] * len(self.columns)

    def __repr__(self):
        given = {"": self.columns, "error=": self.error, "limit=": self.limit}
        text = [f"{k}{v if len(v) > 1 else v[0]!r}" for k, v in given.items() if any(v)]
        return f"MagnitudePrior({', '.join(text)})"

    @property
    def name(self):
        """The columns as one word, for the name of the factor's column."""
        return "_".join(self.columns)

    @property
    def needs_learning(self):
        """Whether the distributions have yet to be learned."""
        return self.edges is None

    @classmethod
    def from_table(cls, table: Table, column: Any, *, error: Any = None, limit: Any = None) -> Any:
        """
        Make a prior from distributions that were learned before, or elsewhere.

        Parameters
        ----------
        table : `~astropy.table.Table`
            One row per bin, as `to_table` writes it: ``low, high`` (of a pair: ``low_1, high_1,
            low_2, high_2``), ``counterparts`` and ``field``, the fraction of each in the bin.
        column, error, limit
            As for `MagnitudePrior`.

        Returns
        -------
        prior : MagnitudePrior

        Raises
        ------
        ValueError
            If the bins do not join, or a fraction is negative.

        Examples
        --------
        >>> from astropy.table import Table
        >>> from claxboi.counterparts import MagnitudePrior
        >>> bins = Table({"low": [10, 15], "high": [15, 20], "counterparts": [0.5, 0.5],
        ...               "field": [0.1, 0.9]})
        >>> prior = MagnitudePrior.from_table(bins, "g_mag")
        >>> prior.to_table()["factor"].round(2).tolist()
        [5.0, 0.56]
        """
        prior = cls(column, error=error, limit=limit)
        check_table(table)
        suffixes = ("",) if len(prior.columns) == 1 else ("_1", "_2")
        needed = [f"{end}{s}" for s in suffixes for end in ("low", "high")]
        check_columns(table, [*needed, "counterparts", "field"])
        edges = []
        for suffix in suffixes:
            low, high = (float_values(table, f"{end}{suffix}") for end in ("low", "high"))
            ends = np.unique(np.concatenate([low, high]))
            if not np.isfinite(ends).all() or set(np.unique(low)) != set(ends[:-1]):
                raise InputValueError("the bins of table must be finite and must join without gaps")
            edges.append(ends)
        shape = tuple(len(e) - 1 for e in edges)
        if len(table) != np.prod(shape):
            raise InputValueError(
                f"table must have one row for each of {shape} bins, got {len(table)}"
            )
        place = tuple(
            np.searchsorted(e, float_values(table, f"low{s}"))
            for e, s in zip(edges, suffixes, strict=True)
        )
        densities = []
        for name in ("counterparts", "field"):
            values = float_values(table, name)
            if not np.all(values >= 0) or not values.sum() > 0:
                raise InputValueError(f"{name} must be fractions, none negative and not all 0")
            cells = np.zeros(shape)
            cells[place] = values / values.sum()
            densities.append(cells)
        q, n = densities
        # Distributions without empty bins, as they are learned here, need no mixing.
        weight = np.inf if q.all() and n.all() else _TABLE_COUNT
        prior._units = [getattr(table[f"low{suffix}"], "unit", None) for suffix in suffixes]
        prior._set(edges, q, n, weight, weight)
        return prior

    def to_table(self) -> Table:
        """
        Return the distributions.

        Returns
        -------
        table : `~astropy.table.Table`
            One row per bin: ``low, high`` (of a pair: ``low_1, high_1, low_2, high_2``),
            ``counterparts`` and ``field`` (fractions in the bin, each summing to 1), ``factor``.

        Raises
        ------
        ValueError
            If nothing was learned yet.

        Examples
        --------
        >>> from astropy.table import Table
        >>> from claxboi.counterparts import MagnitudePrior
        >>> bins = Table({"low": [10, 15], "high": [15, 20], "counterparts": [0.5, 0.5],
        ...               "field": [0.1, 0.9]})
        >>> MagnitudePrior.from_table(bins, "g_mag").to_table().colnames
        ['low', 'high', 'counterparts', 'field', 'factor']
        """
        if self.needs_learning:
            raise InputValueError(f"{self!r} has not learned its distributions")
        suffixes = ("",) if len(self.columns) == 1 else ("_1", "_2")
        grids = np.meshgrid(*(np.arange(len(e) - 1) for e in self.edges), indexing="ij")
        table = Table()
        for edges, suffix, grid, unit in zip(self.edges, suffixes, grids, self._units, strict=True):
            table[f"low{suffix}"] = Column(edges[grid.ravel()], unit=unit)
            table[f"high{suffix}"] = Column(edges[grid.ravel() + 1], unit=unit)
        table["counterparts"] = self.counterparts.ravel()
        table["field"] = self.field.ravel()
        table["factor"] = self._ratio().ravel()
        table.meta["columns"] = list(self.columns)
        table.meta["n_secure"] = self.n_secure
        return table

    def check(self, table: Table, name: str) -> None:
        """
        Check that a catalogue has the columns.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The secondary catalogue.
        name : str
            Its name, for messages.

        Examples
        --------
        >>> from astropy.table import Table
        >>> from claxboi.counterparts import MagnitudePrior
        >>> MagnitudePrior("g_mag").check(Table({"g_mag": [20.1]}), "gaia")
        """
        check_columns(table, self.columns, name)
        check_columns(table, [c for c in (*self.error, *self.limit) if c], name)

    def learned(
        self, table: Table, secure: ndarray, p_secure: ndarray, field: ndarray, name: str
    ) -> Any:
        """
        Return a copy that has learned from a catalogue.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The secondary catalogue.
        secure : `~numpy.ndarray` of int
            Rows of secure counterparts, each once.
        p_secure : `~numpy.ndarray`
            Their probabilities.
        field : `~numpy.ndarray` of bool, shape (n_rows,)
            Rows of field objects.
        name : str
            Name of the catalogue.

        Returns
        -------
        prior : MagnitudePrior
            With factors of 1 if there are too few counterparts to learn from.

        Examples
        --------
        >>> import numpy as np
        >>> from astropy.table import Table
        >>> from claxboi.counterparts import MagnitudePrior
        >>> rng = np.random.default_rng(1)
        >>> stars = Table({"g_mag": np.append(rng.normal(17, 1, 100), rng.normal(21, 1, 2000))})
        >>> prior = MagnitudePrior("g_mag").learned(
        ...     stars, np.arange(100), np.ones(100), np.arange(2100) >= 100, "stars"
        ... )
        >>> bool(prior.log_factor(stars, np.array([0]), "stars")[0] > 0)
        True
        """
        prior = copy.copy(self)
        prior._units = [getattr(table[column], "unit", None) for column in self.columns]
        values, _, is_limit = self._read(table, None, name)
        usable = np.all(np.isfinite(values) & ~is_limit, axis=0)
        good = usable[secure]
        secure, p_secure = secure[good], p_secure[good]
        field = usable & field
        prior.n_secure = len(secure)
        needed = self.min_secure
        if len(secure) < needed or not field.any():
            what = "field objects" if len(secure) >= needed else "secure counterparts"
            warn(
                f"{self!r} of {name} is left out: too few {what} to learn from ({len(secure)} "
                f"secure counterparts, {needed} are needed; {field.sum()} field objects); "
                "positions alone decide",
                ClaxboiWarning,
            )
            return prior
        edges = [self._cut(column[secure], p_secure, column[field]) for column in values]
        q, n = self._distributions(values[:, secure], p_secure, values[:, field], edges)
        prior._set(edges, q, n, p_secure.sum(), field.sum())
        return prior

    def _cut(self, secure, p_secure, field):  # noqa: ARG002 - other recipes weight with it
        factor, power = _BINS_RULE[len(self.columns)]
        return quantiles(secure, field, self.n_bins or max(2, int(factor * len(secure) ** power)))

    def _distributions(self, secure, p_secure, field, edges):
        """
        Return the fractions of the counterparts and of the field in each bin.
        """
        n = histogram(field, edges)
        n /= n.sum()
        # Subtract the expected field objects among the secure ones.
        q = np.maximum(histogram(secure, edges) - np.sum(1 - p_secure) * n, 0)
        q /= q.sum()
        if q.ndim == 2:
            return towards_product(q, p_secure.sum()), towards_product(n, field.shape[1])
        return q, n

    def _set(self, edges, q, n, weight_q, weight_n):
        self.edges = edges
        self.counterparts, self.field = self._mix(q, n, weight_q, weight_n)

    def _mix(self, q, n, weight_q, weight_n):
        return (
            q + (n - q) * _PSEUDO_COUNT / (weight_q + _PSEUDO_COUNT),
            n + (q - n) * _PSEUDO_COUNT / (weight_n + _PSEUDO_COUNT),
        )

    def _ratio(self):
        q, n = self.counterparts, self.field
        # A bin with neither kind of object has the factor 1.
        return np.divide(q, n, out=np.ones(q.shape), where=n > 0)

    def _read(self, table, rows, name):
        """
        Read values, errors and limits as arrays of shape (1 or 2, n).
        """
        n = len(table)
        take = slice(None) if rows is None else rows
        values, errors, limits = [], [], []
        companions = zip(self.columns, self.error, self.limit, self._units, strict=True)
        for column, error, limit, own_unit in companions:
            # Edges without a unit are magnitudes where the column is one.
            unit = own_unit or _magnitude_unit(table[column])
            values.append(float_values(table, column, unit=unit, name=name)[take])
            size = float_values(table, error, unit=unit, name=name) if error else np.zeros(n)
            if np.any(size < 0):
                raise InputValueError(
                    f"{error} of {name} must not be negative, got {np.nanmin(size)}"
                )
            errors.append(np.nan_to_num(size)[take])
            flag = np.zeros(n, bool)
            if limit:
                flag = ~is_missing(table, limit) & (float_values(table, limit, name=name) > 0)
            limits.append(flag[take])
        return np.array(values), np.array(errors), np.array(limits)

    def log_factor(self, table: Table, rows: ndarray, name: str) -> ndarray:
        """
        Compute the natural logarithm of the factor of some rows of a catalogue.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The catalogue.
        rows : `~numpy.ndarray` of int
            Which rows.
        name : str
            Its name.

        Returns
        -------
        log_factor : `~numpy.ndarray`
            -inf is possible with NWAY's recipe alone.

        Examples
        --------
        >>> import numpy as np
        >>> from astropy.table import Table
        >>> from claxboi.counterparts import MagnitudePrior
        >>> bins = Table({"low": [10, 15], "high": [15, 20], "counterparts": [0.5, 0.5],
        ...               "field": [0.1, 0.9]})
        >>> prior = MagnitudePrior.from_table(bins, "g_mag")
        >>> stars = Table({"g_mag": [12.0, 17.0]})
        >>> np.exp(prior.log_factor(stars, np.array([0, 1]), "stars")).round(2).tolist()
        [5.0, 0.56]
        """
        if self.needs_learning or len(rows) == 0:
            return np.zeros(len(rows))
        return self._log_factors(*self._read(table, rows, name))

    def _log_factors(self, values, errors, limits):
        shares = [
            bin_shares(*data, edges)
            for *data, edges in zip(values, errors, limits, self.edges, strict=True)
        ]
        if len(shares) == 1:
            top, bottom = shares[0] @ self.counterparts, shares[0] @ self.field
        else:
            top = np.einsum("ri,ij,rj->r", shares[0], self.counterparts, shares[1])
            bottom = np.einsum("ri,ij,rj->r", shares[0], self.field, shares[1])
        known = (bottom > 0) & (top > 0)
        return np.log(np.divide(top, bottom, out=np.ones(values.shape[1]), where=known))


def _magnitude_unit(column):
    """Return mag where the unit of a column converts to it, else the unit itself."""
    unit = getattr(column, "unit", None)
    try:
        convert_values(np.ones(1), unit, u.mag, "")
    except u.UnitConversionError:
        return unit
    return u.mag


class ProbabilityPrior:
    """
    A prior from a column of probabilities, such as those of a classifier of the secondaries.

    The factor is the probability over its mean in the catalogue, so an object without one, whose
    factor is 1, neither gains nor loses. It is at least 0.001: a counterpart is never excluded.

    Parameters
    ----------
    column : str
        The column, values from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import ProbabilityPrior
    >>> prior = ProbabilityPrior("p_agn")
    >>> stars = Table({"p_agn": [0.9, 0.1]})
    >>> prior.check(stars, "stars")
    >>> np.exp(prior.log_factor(stars, np.array([0, 1]), "stars")).round(2).tolist()
    [1.8, 0.2]
    """

    needs_learning = False

    def __init__(self, column: str) -> None:
        self.columns = _names(column, "column")
        if len(self.columns) != 1:
            raise InputValueError(f"column must be one name, got {column!r}")

    def __repr__(self):
        return f"{type(self).__name__}({self.columns[0]!r})"

    @property
    def name(self):
        """The column, for the name of the factor's column."""
        return self.columns[0]

    def check(self, table: Table, name: str) -> None:
        """
        Check that a catalogue has the column, and probabilities in it.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The secondary catalogue.
        name : str
            Its name, for messages.
        """
        check_columns(table, self.columns, name)
        values = float_values(table, self.columns[0], name=name)
        bad = (values < 0) | (values > 1)
        if bad.any():
            raise InputValueError(
                f"{self.columns[0]} of {name} must be probabilities from 0 to 1, got "
                f"{values[bad][0]:g} in row {np.argmax(bad)}"
            )

    def log_factor(self, table: Table, rows: ndarray, name: str) -> ndarray:
        """
        Compute the natural logarithm of the factor of some rows of a catalogue.

        Parameters
        ----------
        table : `~astropy.table.Table`
            The catalogue.
        rows : `~numpy.ndarray` of int
            Which rows.
        name : str
            Its name.

        Returns
        -------
        log_factor : `~numpy.ndarray`
        """
        values = float_values(table, self.columns[0], name=name)
        known = np.isfinite(values)
        mean = values[known].mean() if known.any() else 0.0
        if mean == 0:
            return np.zeros(len(rows))
        return np.log(np.maximum(np.where(known, values / mean, 1.0)[rows], _LOWEST_FACTOR))


def _names(column, argument):
    names = (column,) if isinstance(column, str) else column
    if not isinstance(names, tuple) or not all(isinstance(n, str) for n in names):
        raise InputTypeError(f"{argument} must be a name or a pair of names, got {column!r}")
    if len(names) not in (1, 2):
        raise InputValueError(
            f"{argument} must be a name or a pair of names, got {len(names)} names"
        )
    return names


def _companions(names, argument, columns):
    if names is None:
        return (None,) * len(columns)
    if not isinstance(names, str | tuple | list):
        raise InputTypeError(f"{argument} must be a name or a pair of names, got {shown(names)}")
    names = (names,) if isinstance(names, str) else tuple(names)
    if len(names) != len(columns) or not all(n is None or isinstance(n, str) for n in names):
        raise InputValueError(
            f"{argument} must have one name (or None) for each of {', '.join(columns)}, "
            f"got {names!r}"
        )
    return names
