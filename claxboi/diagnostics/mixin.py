# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The figures as methods of a classified table.
"""

from claxboi.classification import priors_sensitivity
from claxboi.classification._html import result_html
from claxboi.classification.results import find_source, find_value
from claxboi.training import label_report

from .alternatives import plot_alternatives
from .association_figures import plot_finding_chart, plot_separations
from .confusion import plot_confusion
from .counts import plot_class_counts
from .density_curves import plot_densities
from .explanation_bars import plot_explanation
from .flux_distributions import plot_fluxes
from .host_galaxies import plot_hosts
from .missing import plot_missing
from .outlier_plane import plot_outliers
from .overlaps import plot_training_overlap
from .plane import plot_plane
from .prior_sensitivity import plot_priors_sensitivity
from .reliability import plot_reliability
from .sky_map import plot_sky
from .thresholds import plot_thresholds
from .track import plot_track
from .ulx_spectrum import plot_ulx
from .weight_history import plot_weight_search

__all__ = ["DiagnosticsMixin"]


class DiagnosticsMixin:
    """
    Figures of a table, most of them of a classified one, as methods.

    Attributes
    ----------
    model : `~claxboi.classification.NaiveBayesClassifier` or None
        The classifier; None before the table is classified.
    evaluation : `~claxboi.classification.Evaluation` or None
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

    def plot_densities(self, column, ax=None, value=None, *, source=None):
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
        source : int or str, optional
            A source of the table instead: the number of its row, or its identifier.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        model, named = _classified(self.model), {}
        if source is not None:
            if value is not None:
                raise TypeError("value and source both name what is marked: give one of them")
            value, named["source_name"] = find_value(self, column, source)
        return plot_densities(model, column, ax=ax, value=value, **named)

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

    def plot_missing(self, columns=None, *, ax=None, **settings):
        """
        Plot how many sources have which property: `~claxboi.diagnostics.plot_missing`.

        Parameters
        ----------
        columns : sequence of str, optional
            The properties; all known ones by default.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        **settings
            The other arguments of `~claxboi.diagnostics.plot_missing`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_missing(self, columns, ax=ax, **settings)

    def plot_training_overlap(self, *, ax=None, **settings):
        """
        Plot which catalogues the labels are from: `~claxboi.diagnostics.plot_training_overlap`.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        **settings
            The other arguments of `~claxboi.diagnostics.plot_training_overlap`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_training_overlap(label_report(self), ax=ax, **settings)

    def plot_weight_search(self, *, ax=None):
        """
        Plot how the weights were found: `~claxboi.diagnostics.plot_weight_search`.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        search = _classified(self.model).search
        if search is None:
            raise ValueError("the weights of the model were given, not searched for")
        return plot_weight_search(search, ax=ax)

    def plot_priors_sensitivity(self, priors=None, *, ax=None, **settings):
        """
        Plot what other priors would change: `~claxboi.diagnostics.plot_priors_sensitivity`.

        Parameters
        ----------
        priors : mapping, sequence or "training", optional
            The priors to start from; those of the classification by default.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        **settings
            The other arguments of `~claxboi.classification.priors_sensitivity`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        sensitivity = priors_sensitivity(_classified(self.model), self, priors, **settings)
        return plot_priors_sensitivity(sensitivity, ax=ax)

    def plot_separations(self, candidates, secondary, *, name=None, ax=None):
        """
        Plot the separations of counterparts: `~claxboi.diagnostics.plot_separations`.

        Parameters
        ----------
        candidates : `~astropy.table.Table`
            What `~claxboi.counterparts.associate` answered for this table.
        secondary : `~astropy.table.Table`
            The catalogue.
        name : str, optional
            Name of the catalogue among the candidates.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_separations(candidates, self, secondary, name=name, ax=ax)

    def plot_finding_chart(self, source, candidates, secondary, *, ax=None, **settings):
        """
        Plot one source and what is around it: `~claxboi.diagnostics.plot_finding_chart`.

        Parameters
        ----------
        source : int or str
            The number of its row, or its identifier.
        candidates : `~astropy.table.Table`
            What `~claxboi.counterparts.associate` answered for this table.
        secondary : `~astropy.table.Table`
            The catalogue.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        **settings
            The other arguments of `~claxboi.diagnostics.plot_finding_chart`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        row, _ = find_source(self, source)
        return plot_finding_chart(candidates, self, secondary, row, ax=ax, **settings)

    def plot_hosts(self, galaxies, galaxy_id, *, ax=None, **settings):
        """
        Plot the sources around a galaxy: `~claxboi.diagnostics.plot_hosts`.

        Parameters
        ----------
        galaxies : `~astropy.table.Table`
            The galaxies.
        galaxy_id : str or int
            The one at the centre.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        **settings
            The other arguments of `~claxboi.diagnostics.plot_hosts`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_hosts(self, galaxies, galaxy_id, ax=ax, **settings)

    def plot_fluxes(self, source, links, catalogues, *, ax=None, **settings):
        """
        Plot all fluxes of one source: `~claxboi.diagnostics.plot_fluxes`.

        Parameters
        ----------
        source : int or str
            The number of its row, or its identifier.
        links : `~claxboi.counterparts.XrayLinks` or `~astropy.table.Table`
            What `~claxboi.counterparts.link_xray` returned for this table and the others.
        catalogues : mapping of str to `~astropy.table.Table`
            The others.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.
        **settings
            The other arguments of `~claxboi.diagnostics.plot_fluxes`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_fluxes(self, source, links, catalogues, ax=ax, **settings)

    def plot_ulx(self, *, ax=None):
        """
        Plot candidate ultra-luminous sources: `~claxboi.diagnostics.plot_ulx`.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; a new figure by default.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_ulx(self, ax=ax)

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
