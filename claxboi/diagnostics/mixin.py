# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figures as methods of a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claxboi.classification import priors_sensitivity
from claxboi.classification.displays import result_html
from claxboi.classification.results import classification_settings, find_source, find_value
from claxboi.training import label_report
from claxboi.utils import InputTypeError, InputValueError, as_method

from .aladin_view import aladin
from .alternatives import plot_alternatives
from .association_figures import plot_finding_chart, plot_separations
from .confusion import plot_confusion
from .counts import plot_class_counts
from .density_curves import plot_densities
from .explanation_bars import plot_explanation
from .flux_distributions import plot_fluxes
from .host_galaxies import plot_hosts
from .linked_plots import plot_linked
from .missing import plot_missing
from .outlier_plane import plot_outliers
from .overlaps import plot_training_overlap
from .pair_densities import plot_pair
from .plane import plot_plane
from .prior_sensitivity import plot_priors_sensitivity
from .reliability import plot_reliability, plot_reliability_by
from .sky_map import plot_sky
from .thresholds import plot_thresholds
from .track import plot_track
from .ulx_spectrum import plot_ulx
from .weight_history import plot_weight_search

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes

    from claxboi.classification import Property
    from claxboi.classification.priors import PriorsLike

__all__ = ["DiagnosticsMixin"]


#: Tables with at most so many rows are displayed as tables, not as a summary.
FEW_ROWS = 20


def _known(part):
    if part is None:
        raise InputValueError("the table is not classified yet: call classify() first")
    return part


def _search(table):
    search = _known(table.model).search
    if search is None:
        raise InputValueError("the weights of the model were given: there is no search to plot")
    return search


def _scores(table):
    return _known(table.evaluation)


class DiagnosticsMixin:
    """
    Figures of a table as methods.

    The table has the attributes ``model`` and ``evaluation``, which are None before it is
    classified.

    Examples
    --------
    >>> from claxboi import XrayTable
    >>> from claxboi.simulation import make_labelled_sample
    >>> x = XrayTable(make_labelled_sample(1000, rng=1))
    >>> result = x.classify("training", properties=["hr2", "hr3", "log_fx_fw1"])
    >>> axes = [
    ...     result.plot_sky(),
    ...     result.plot_plane("log_fx_fw1", "hr3"),
    ...     result.plot_densities("hr2"),
    ...     result.plot_confusion(),
    ...     result.plot_reliability(),
    ...     result.plot_reliability_by(),
    ...     result.plot_thresholds("star"),
    ...     result.plot_class_counts(),
    ...     result.plot_track("SIM-0008"),
    ...     result.plot_explanation("SIM-0008"),
    ...     result.plot_pair("SIM-0008", ["hr2", "hr3"]),
    ...     result.plot_alternatives(),
    ...     result.plot_outliers(),
    ... ]
    """

    model = None
    evaluation = None

    aladin = as_method(aladin)
    plot_alternatives = as_method(plot_alternatives)
    plot_class_counts = as_method(plot_class_counts)
    plot_confusion = as_method(plot_confusion, _scores)
    plot_fluxes = as_method(plot_fluxes)
    plot_hosts = as_method(plot_hosts)
    plot_linked = as_method(plot_linked)
    plot_missing = as_method(plot_missing)
    plot_outliers = as_method(plot_outliers)
    plot_plane = as_method(plot_plane)
    plot_reliability = as_method(plot_reliability, _scores)
    plot_reliability_by = as_method(plot_reliability_by, _scores)
    plot_sky = as_method(plot_sky)
    plot_thresholds = as_method(
        plot_thresholds, lambda self: self if self.evaluation is None else self.evaluation
    )
    plot_track = as_method(plot_track)
    plot_training_overlap = as_method(plot_training_overlap, label_report)
    plot_ulx = as_method(plot_ulx)
    plot_weight_search = as_method(plot_weight_search, _search)

    def plot_densities(
        self,
        column: str | Property,
        ax: Axes | None = None,
        value: float | None = None,
        *,
        source: int | str | None = None,
    ) -> Axes:
        """
        Plot the densities of one property: `~claxboi.diagnostics.plot_densities`.

        Parameters
        ----------
        column : str or `~claxboi.classification.Property`
            The property, or the name of its column.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        value : float, optional
            Value to mark.
        source : int or str, optional
            Row number or identifier of a source, to mark its value.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        model, named = _known(self.model), {}
        if source is not None:
            if value is not None:
                raise InputTypeError("value and source cannot be given together: both mark a value")
            value, named["source_name"] = find_value(self, column, source)
        return plot_densities(model, column, ax=ax, value=value, **named)

    def plot_explanation(self, source: int | str, **settings: Any) -> Axes:
        """
        Plot the contributions to the class of a source: `~claxboi.diagnostics.plot_explanation`.

        Parameters
        ----------
        source : int or str
            Row number or identifier.
        **settings
            The other arguments of `~claxboi.diagnostics.plot_explanation`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        row, _ = find_source(self, source)
        return plot_explanation(_known(self.model).explain(self[row]), **settings)

    def plot_pair(self, source: int | str, *args: Any, **settings: Any) -> Axes:
        """
        Plot the densities of two properties, and a source: `~claxboi.diagnostics.plot_pair`.

        Parameters
        ----------
        source : int or str
            Row number or identifier.
        *args, **settings
            The other arguments of `~claxboi.diagnostics.plot_pair`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        row, _ = find_source(self, source)
        return plot_pair(_known(self.model), self[row], *args, **settings)

    def plot_priors_sensitivity(
        self,
        priors: PriorsLike = None,
        *,
        ax: Axes | None = None,
        **settings: Any,
    ) -> Axes:
        """
        Plot the class numbers for different priors: `~claxboi.diagnostics.plot_priors_sensitivity`.

        Parameters
        ----------
        priors : mapping, sequence or "training", optional
            The priors to start from. Default: those of the classification.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        **settings
            The other arguments of `~claxboi.classification.priors_sensitivity`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        sensitivity = priors_sensitivity(_known(self.model), self, priors, **settings)
        return plot_priors_sensitivity(sensitivity, ax=ax)

    def plot_separations(self, candidates: Table, secondary: Table, **settings: Any) -> Axes:
        """
        Plot the separations of counterparts: `~claxboi.diagnostics.plot_separations`.

        Parameters
        ----------
        candidates : `~astropy.table.Table`
            Candidates that `~claxboi.counterparts.associate` found for this table.
        secondary : `~astropy.table.Table`
            The catalogue.
        **settings
            The other arguments of `~claxboi.diagnostics.plot_separations`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_separations(candidates, self, secondary, **settings)

    def plot_finding_chart(
        self, source: int | str, candidates: Table, secondary: Table, **settings: Any
    ) -> Axes:
        """
        Plot one source and the objects around it: `~claxboi.diagnostics.plot_finding_chart`.

        Parameters
        ----------
        source : int or str
            Row number or identifier.
        candidates : `~astropy.table.Table`
            Candidates that `~claxboi.counterparts.associate` found for this table.
        secondary : `~astropy.table.Table`
            The catalogue.
        **settings
            The other arguments of `~claxboi.diagnostics.plot_finding_chart`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        row, _ = find_source(self, source)
        return plot_finding_chart(candidates, self, secondary, row, **settings)

    def _repr_html_(self):
        # A selection of columns or a few rows are shown as any table.
        classes = classification_settings(self).get("classes", ())
        needed = {"prediction", *(f"P_{name}" for name in classes)}
        if classes and needed <= set(self.colnames) and len(self) > FEW_ROWS:
            return result_html(self)
        return super()._repr_html_()
