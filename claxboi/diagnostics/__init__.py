# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figures of classified tables, counterparts and training samples.

Each function takes ``ax=None`` and returns the `~matplotlib.axes.Axes` that it drew on.
"""

from claxboi.utils import moved_names

from .aladin_view import SkyView, aladin
from .alternatives import plot_alternatives
from .association_figures import (
    plot_cutoffs,
    plot_finding_chart,
    plot_magnitude_prior,
    plot_separations,
)
from .confusion import plot_confusion
from .counts import plot_class_counts
from .density_curves import plot_densities
from .explanation_bars import plot_explanation
from .flux_distributions import plot_fluxes
from .host_galaxies import plot_hosts
from .linked_plots import plot_linked
from .missing import plot_missing
from .mixin import DiagnosticsMixin
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

__all__ = [
    "DiagnosticsMixin",
    "SkyView",
    "aladin",
    "plot_alternatives",
    "plot_class_counts",
    "plot_confusion",
    "plot_cutoffs",
    "plot_densities",
    "plot_explanation",
    "plot_finding_chart",
    "plot_fluxes",
    "plot_hosts",
    "plot_linked",
    "plot_magnitude_prior",
    "plot_missing",
    "plot_outliers",
    "plot_pair",
    "plot_plane",
    "plot_priors_sensitivity",
    "plot_reliability",
    "plot_reliability_by",
    "plot_separations",
    "plot_sky",
    "plot_thresholds",
    "plot_track",
    "plot_training_overlap",
    "plot_ulx",
    "plot_weight_search",
]

__getattr__ = moved_names(__name__, {"write_report": "claxboi.report"})
