# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Sections of the settings, one for each step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from astropy import units as u

from claxboi.catalog import standardize
from claxboi.classification import NaiveBayesClassifier, fit_classifier
from claxboi.config import MIN_CLASS_SIZE
from claxboi.counterparts import find_hosts_in, find_in_surveys
from claxboi.properties import add_properties
from claxboi.training import add_labels

from ._settings_fields import Section, described, setting, setting_of

__all__ = [
    "CatalogueSettings",
    "ClassificationSettings",
    "DomainSettings",
    "GatingSettings",
    "HostSettings",
    "LabelSettings",
    "PropertySettings",
    "VariabilitySettings",
]


@described
@dataclass(frozen=True)
class CatalogueSettings(Section):
    """
    Step 1 of 7, catalogue: how its columns are read.

    Examples
    --------
    >>> from claxboi.pipeline import CatalogueSettings
    >>> CatalogueSettings(mission="4XMM", sharper="CSC2").sharper
    'CSC2'
    """

    mission: str = setting("", "4XMM, 2SXPS, CSC2, eRASS1, ...; empty: recognized by the columns")
    columns: Mapping[str, str] = setting(
        {}, "Column of the vocabulary = column of the catalogue, to replace that of the mission"
    )
    units: Mapping[str, str] = setting(
        {}, "Column of the catalogue = its unit, if the unit is missing, wrong or unreadable"
    )
    pos_error: str = setting(
        "", "Positional error: a column, or one value such as 2 arcsec; empty: found by its name"
    )
    pos_error_level: str | float = setting_of(
        standardize,
        "pos_error_level",
        "Level of the positional error: a number such as 0.9; or sigma; empty: by the mission",
        str, float,
        choices=("", "sigma"), minimum=0, maximum=1, exclusive=True,
    )  # fmt: skip
    sharper: str = setting(
        "", "Mission with sharper images that shows blends (is_blended), such as CSC2; empty: none"
    )


@described
@dataclass(frozen=True)
class DomainSettings(Section):
    """
    Step 2 of 7, counterparts: the surveys of one domain.

    Examples
    --------
    >>> from claxboi.pipeline import DomainSettings, PipelineSettings
    >>> optical = DomainSettings(surveys=["gaia", "panstarrs"], cutoff=0.7)
    >>> PipelineSettings(counterparts={"opt": optical}).counterparts["opt"].surveys
    ('gaia', 'panstarrs')
    """

    surveys: tuple[str, ...] = setting((), "In the order of preference; empty: not this domain")
    radius: float = setting_of(
        find_in_surveys, "radius", "arcsec", unit=u.arcsec, minimum=0, exclusive=True
    )
    cutoff: float = setting_of(
        find_in_surveys, "cutoff", "Smallest p_any of a counterpart", minimum=0, maximum=1
    )
    rule: str = setting_of(
        find_in_surveys,
        "rule",
        "first: the first survey above its cutoff; best: the most probable object",
        choices=("first", "best"),
    )


@described
@dataclass(frozen=True)
class HostSettings(Section):
    """
    Step 3 of 7, hosts: host galaxies.

    Examples
    --------
    >>> from claxboi.pipeline import HostSettings
    >>> HostSettings(radius=1.26).sizes
    'hyperleda'
    """

    sizes: str = setting_of(find_hosts_in, "sizes", "Catalogue of the ellipses")
    distances: str = setting_of(
        find_hosts_in, "distances", "Catalogue of the distances, joined on pgc"
    )
    # Labels need hosts as far out as they ask for them.
    radius: float = setting_of(
        add_labels,
        "host_radius",
        "Largest distance from a host galaxy, in units of its isophotal ellipse",
        minimum=0,
        exclusive=True,
    )
    max_distance: float = setting_of(
        find_hosts_in,
        "max_distance",
        "Mpc; farther galaxies are not hosts",
        unit=u.Mpc,
        minimum=0,
        exclusive=True,
    )


@described
@dataclass(frozen=True)
class PropertySettings(Section):
    """
    Step 4 of 7, properties: fluxes, distances and limits.

    Examples
    --------
    >>> from claxboi.pipeline import PropertySettings
    >>> PropertySettings(constants="original").distances
    'bailer_jones'
    """

    distances: str = setting("bailer_jones", "Catalogue of distances of Gaia stars; empty: none")
    constants: str = setting_of(
        add_properties,
        "constants",
        "Constants of the flux ratios: zero points or original",
        choices=("zero points", "original"),
    )
    depths: str | Mapping = setting(
        "measured",
        "Depths of the surveys, for limits of flux ratios: measured, from the counterparts; a "
        "table of rp_mag, w1_mag, ...; empty: no limits",
        str,
        Mapping,
    )
    footprints: Mapping[str, str] = setting(
        {}, "Survey = file of its coverage map (MOC), for limits inside its footprint"
    )


@described
@dataclass(frozen=True)
class VariabilitySettings(Section):
    """
    Step 5 of 7, variability: other X-ray missions to compare with.

    Examples
    --------
    >>> from claxboi.pipeline import VariabilitySettings
    >>> VariabilitySettings(missions=["4XMM", "eRASS1"]).missions
    ('4XMM', 'eRASS1')
    """

    missions: tuple[str, ...] = setting(
        ("4XMM", "2SXPS", "CSC2"), "The mission of the catalogue itself is left out"
    )


@described
@dataclass(frozen=True)
class LabelSettings(Section):
    """
    Step 6 of 7, labels: the known classes of sources.

    Examples
    --------
    >>> from claxboi.pipeline import LabelSettings
    >>> LabelSettings(references=["secrest", "simbad"], scheme="4 classes").radius
    3.0
    """

    references: str | tuple[str, ...] | Mapping = setting(
        "published",
        "published; all; a list of catalogues; or a table from the kind of object to a list",
        str, tuple, Mapping,
    )  # fmt: skip
    scheme: str | Mapping = setting_of(
        add_labels,
        "scheme",
        "7 classes; 4 classes; nearby galaxies; or a table from each class to kinds of objects",
        str, Mapping,
    )  # fmt: skip
    radius: float = setting_of(
        add_labels, "radius", "arcsec", unit=u.arcsec, minimum=0, exclusive=True
    )
    n_sigma: float = setting_of(
        add_labels, "n_sigma", "Match radius in positional errors", minimum=0
    )
    host_radius: float = setting_of(
        add_labels,
        "host_radius",
        "Sources within so many radii of a galaxy are inside it",
        minimum=0,
    )
    min_extent: float = setting_of(
        add_labels,
        "min_extent",
        "arcsec; larger sources are extended",
        unit=u.arcsec,
        minimum=0,
    )
    min_quality: int = setting_of(
        add_labels, "min_quality", "Minimum quality points of a labelled source", minimum=0
    )
    min_snr: float = setting_of(
        add_labels, "min_snr", "Signal-to-noise ratio that gives a quality point"
    )
    simbad_disagrees: bool = setting_of(
        add_labels, "simbad_disagrees", "A different class in SIMBAD is a conflict"
    )


@described
@dataclass(frozen=True)
class GatingSettings(Section):
    """
    Step 7 of 7, classes: sources that are not classified.

    Examples
    --------
    >>> from claxboi.pipeline import GatingSettings
    >>> GatingSettings(suspect=True).extended
    False
    """

    suspect: bool = setting(False, "Leave out sources that the mission flags as possibly spurious")
    extended: bool = setting(False, "Leave out extended sources")
    outside_galaxies: bool = setting(False, "Leave out sources outside host galaxies")


@described
@dataclass(frozen=True)
class ClassificationSettings(Section):
    """
    Step 7 of 7, classes: the classification.

    Examples
    --------
    >>> from claxboi.pipeline import ClassificationSettings
    >>> settings = ClassificationSettings(priors={"AGN": 0.7, "star": 0.3}, missing="ignore")
    >>> settings.weights
    'fitted'
    """

    priors: str | Mapping = setting(
        "training", "Proportions of the classes (sum 1); training; estimate; or sky",
        str, Mapping,
    )  # fmt: skip
    properties: str | tuple[str, ...] | Mapping = setting(
        "published",
        "published; known; a list of columns; or a table from the category to columns",
        str,
        tuple,
        Mapping,
    )
    training: str = setting(
        "", "A labelled table, or a mission to build its sample; empty: the catalogue itself"
    )
    weights: str | Mapping = setting(
        "fitted", "fitted; published; or a table of numbers by category", str, Mapping
    )
    normalization: str = setting_of(
        NaiveBayesClassifier, "normalization", "none, published or original; empty: by the weights"
    )
    recipe: str = setting_of(
        NaiveBayesClassifier, "recipe", "default, published or original: the next four, if empty"
    )
    missing: str = setting_of(
        NaiveBayesClassifier, "missing", "existence, ignore or sentinel; empty: by the recipe"
    )
    kernel: str = setting_of(
        NaiveBayesClassifier, "kernel", "exponential or gaussian; empty: by the recipe"
    )
    bandwidth: str | float = setting_of(
        NaiveBayesClassifier,
        "bandwidth",
        "likelihood, silverman, published or a number; empty: by the recipe",
        str, float,
    )  # fmt: skip
    refine: str | bool = setting_of(
        NaiveBayesClassifier,
        "refine",
        "Add shrunk terms of properties and pairs: true or false; empty: by the recipe",
        str, bool,
    )  # fmt: skip
    shrinkage: str | float = setting_of(
        NaiveBayesClassifier,
        "shrinkage",
        "Strength of their shrinkage, a number; or cv",
        str,
        float,
    )
    decision: str | Mapping = setting_of(
        fit_classifier,
        "decision",
        "Predicted class: probable; balanced; { f1 = class }; or a table of costs by class",
        str, Mapping,
    )  # fmt: skip
    min_class_size: int = setting(MIN_CLASS_SIZE, "Smaller classes are left out", minimum=1)
    merge: Mapping = setting({}, "New class = list of the classes to merge")
    class_sets: float = setting(
        0.0,
        "Add the classes that cannot be excluded at this coverage, such as 0.9; 0: none",
        minimum=0,
        maximum=0.999,
    )
    candidates: str = setting(
        "best",
        "best: the best counterparts; all: the sum over all candidates and none",
        choices=("best", "all"),
    )
