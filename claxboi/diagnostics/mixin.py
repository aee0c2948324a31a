# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The figures as methods of a classified table.
"""

from ._html import result_html
from ._result import find_source
from .alternatives import plot_alternatives
from .confusion import plot_confusion
from .counts import plot_class_counts
from .densities import plot_densities
from .explanation import plot_explanation
from .outliers import plot_outliers
from .plane import plot_plane
from .reliability import plot_reliability
from .report import write_report
from .sky import plot_sky
from .thresholds import plot_thresholds
from .track import plot_track

__all__ = ["DiagnosticsMixin"]


class DiagnosticsMixin:
    """
    Figures of a classified table, as methods.

    Attributes
    ----------
    model : `~claxboi.classification.NaiveBayesClassifier` or None
        The classifier; None before the table is classified.
    evaluation : `~claxboi.classification.evaluation.Evaluation` or None
        Its score sheet; None before the table is classified.

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
    ...     result.plot_thresholds("star"),
    ...     result.plot_class_counts(),
    ...     result.plot_track("SIM-0008"),
    ...     result.plot_explanation("SIM-0008"),
    ...     result.plot_alternatives(),
    ...     result.plot_outliers(),
    ... ]
    >>> result[:50].report("report.html", n_cards=1)
    """

    model = None
    evaluation = None

    def plot_confusion(self, *, normalize="truth", corrected=False, ax=None):
        """
        Plot the confusion matrix: `~claxboi.diagnostics.plot_confusion`.

        Parameters
        ----------
        normalize : {"truth", "predicted", None}, optional
            What the percentages add up to 100 over.
        corrected : bool, optional
            Show the population of the priors instead of the sample.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        evaluation = _classified(self.evaluation)
        return plot_confusion(evaluation, normalize=normalize, corrected=corrected, ax=ax)

    def plot_reliability(self, *, corrected=False, ax=None):
        """
        Plot the reliability diagram: `~claxboi.diagnostics.plot_reliability`.

        Parameters
        ----------
        corrected : bool, optional
            Judge the probabilities in the population of the priors.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_reliability(_classified(self.evaluation), corrected=corrected, ax=ax)

    def plot_densities(self, column, ax=None, value=None):
        """
        Plot the densities of one property: `~claxboi.diagnostics.plot_densities`.

        Parameters
        ----------
        column : str or `~claxboi.classification.Property`
            The property, or the name of its column.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        value : float, optional
            Value of a source to be marked.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_densities(_classified(self.model), column, ax=ax, value=value)

    def plot_track(self, source, ax=None):
        """
        Plot the probabilities of one source: `~claxboi.diagnostics.plot_track`.

        Parameters
        ----------
        source : int or str
            The number of its row, or its identifier.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_track(self, source, ax=ax)

    def plot_explanation(self, source, *, class_name=None, against=None, ax=None):
        """
        Plot why a source is one class and not another: `~claxboi.diagnostics.plot_explanation`.

        Parameters
        ----------
        source : int or str
            The number of its row, or its identifier.
        class_name, against : str, optional
            The two classes; the most probable ones by default.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        row, _ = find_source(self, source)
        explanation = _classified(self.model).explain(self[row])
        return plot_explanation(explanation, class_name=class_name, against=against, ax=ax)

    def plot_outliers(self, ax=None):
        """
        Plot the outlier measure by class: `~claxboi.diagnostics.plot_outliers`.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_outliers(self, ax=ax)

    def plot_sky(self, *, ax=None, **settings):
        """
        Plot where the sources are on the sky: `~claxboi.diagnostics.plot_sky`.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        **settings
            The other arguments of `~claxboi.diagnostics.plot_sky`.

        Returns
        -------
        ax : `~astropy.visualization.wcsaxes.WCSAxes`
        """
        return plot_sky(self, ax=ax, **settings)

    def plot_plane(self, x, y, *, ax=None, **settings):
        """
        Plot two properties of the sources: `~claxboi.diagnostics.plot_plane`.

        Parameters
        ----------
        x, y : str
            Columns of the two properties.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        **settings
            The other arguments of `~claxboi.diagnostics.plot_plane`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_plane(self, x, y, ax=ax, **settings)

    def plot_class_counts(self, column="flux", *, ax=None, **settings):
        """
        Plot the number of sources of each class by flux: `~claxboi.diagnostics.plot_class_counts`.

        Parameters
        ----------
        column : str, optional
            The column of the bins.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        **settings
            The other arguments of `~claxboi.diagnostics.plot_class_counts`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_class_counts(self, column, ax=ax, **settings)

    def plot_thresholds(self, class_name, *, ax=None):
        """
        Plot purity and completeness by probability: `~claxboi.diagnostics.plot_thresholds`.

        Parameters
        ----------
        class_name : str
            The class.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
            Of the held-out scores where there are any, else as the probabilities promise.
        """
        scores = self if self.evaluation is None else self.evaluation
        return plot_thresholds(scores, class_name, ax=ax)

    def plot_alternatives(self, *, ax=None):
        """
        Plot on which categories the predictions hang: `~claxboi.diagnostics.plot_alternatives`.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_alternatives(self, ax=ax)

    def report(self, path, **settings):
        """
        Write a page for a browser with all of it: `~claxboi.diagnostics.write_report`.

        Parameters
        ----------
        path : str or path
            The HTML file.
        **settings
            The other arguments of `~claxboi.diagnostics.write_report`.
        """
        write_report(self, path, **settings)

    def _repr_html_(self):
        # A table that is not classified, or lost its columns since, is shown as any table.
        record = self.meta.get("claxboi", {}).get("classification", {})
        if "classes" in record and "prediction" in self.colnames:
            return result_html(self)
        return super()._repr_html_()


def _classified(part):
    if part is None:
        raise ValueError("the table is not classified yet: call classify() first")
    return part
