# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Settings of the whole job, as one object and one TOML file.
"""

from __future__ import annotations

import difflib
import inspect
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

from astropy import units as u

from claxboi.catalog import standardize
from claxboi.classification import fit_classifier
from claxboi.config import MIN_CLASS_SIZE
from claxboi.counterparts import find_hosts_in, find_in_surveys
from claxboi.properties import MAGNITUDES, add_properties
from claxboi.training import add_labels
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    check_choice,
    check_number,
    replacing,
)

from ._settings_sections import Section, described, setting, setting_of
from ._toml import toml_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

__all__ = [
    "CatalogueSettings",
    "ClassificationSettings",
    "DomainSettings",
    "GatingSettings",
    "HostSettings",
    "LabelSettings",
    "PipelineSettings",
    "PropertySettings",
    "VariabilitySettings",
    "specialisations",
]

#: The steps in order, as they are called in files and messages.
STEPS = ("catalogue", "counterparts", "hosts", "properties", "variability", "labels", "classes")

#: What the steps cannot do without: there is nothing to classify, or no answer.
NEEDED = ("catalogue", "classes")

#: The specialisation that is taken where none is named.
DEFAULT = "whole-catalogue"


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

    mission: str = setting("", "4XMM, 2SXPS, CSC2, eRASS1, ...; empty: told from the columns")
    columns: Mapping[str, str] = setting(
        {}, "Column of the vocabulary = that of the catalogue, where the mission's are not right"
    )
    units: Mapping[str, str] = setting(
        {}, "Unit of a column of the catalogue, where its own is absent, wrong or unreadable"
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
        "", "Mission whose sources tell blends (is_blended), such as CSC2; empty: none"
    )


@described
@dataclass(frozen=True)
class DomainSettings(Section):
    """
    Step 2 of 7, counterparts: those of one domain.

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
        "How far out a host reaches, in units of its ellipse",
        minimum=0,
        exclusive=True,
    )
    max_distance: float = setting_of(
        find_hosts_in,
        "max_distance",
        "Mpc; farther galaxies are no hosts",
        unit=u.Mpc,
        minimum=0,
        exclusive=True,
    )


@described
@dataclass(frozen=True)
class PropertySettings(Section):
    """
    Step 4 of 7, properties: what is measured.

    Examples
    --------
    >>> from claxboi.pipeline import PropertySettings
    >>> PropertySettings(constants="original").distances
    'bailer_jones'
    """

    distances: str = setting("bailer_jones", "Catalogue of distances by Gaia number; empty: none")
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
        {}, "Survey = file of its coverage map (MOC), for limits where it has observed"
    )


@described
@dataclass(frozen=True)
class VariabilitySettings(Section):
    """
    Step 5 of 7, variability: that over several X-ray missions.

    Examples
    --------
    >>> from claxboi.pipeline import VariabilitySettings
    >>> VariabilitySettings(missions=["4XMM", "eRASS1"]).missions
    ('4XMM', 'eRASS1')
    """

    missions: tuple[str, ...] = setting(
        ("4XMM", "2SXPS", "CSC2"), "The catalogue's own is no other"
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
    n_sigma: float = setting_of(add_labels, "n_sigma", "How many positional errors", minimum=0)
    host_radius: float = setting_of(
        add_labels, "host_radius", "Inside a galaxy below it", minimum=0
    )
    min_extent: float = setting_of(
        add_labels,
        "min_extent",
        "arcsec; larger sources are extended",
        unit=u.arcsec,
        minimum=0,
    )
    min_quality: int = setting_of(
        add_labels, "min_quality", "Points of quality that a labelled source needs", minimum=0
    )
    min_snr: float = setting_of(
        add_labels, "min_snr", "Signal to noise that gives a point of quality"
    )
    simbad_disagrees: bool = setting_of(
        add_labels, "simbad_disagrees", "Whether SIMBAD can be in conflict with a label"
    )


@described
@dataclass(frozen=True)
class GatingSettings(Section):
    """
    Step 7 of 7, classes: the sources that are left without a class.

    Examples
    --------
    >>> from claxboi.pipeline import GatingSettings
    >>> GatingSettings(suspect=True).extended
    False
    """

    suspect: bool = setting(False, "Leave out what the mission flags as possibly spurious")
    extended: bool = setting(False, "Leave out extended sources")
    outside_galaxies: bool = setting(False, "Leave out sources in no host galaxy")


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
        "training", "Proportions of the classes, which sum to 1; training; or estimate",
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
        "", "A labelled table, or a mission whose sample is built; empty: the catalogue's own"
    )
    weights: str | Mapping = setting(
        "fitted", "fitted; published; or a table of numbers by category", str, Mapping
    )
    normalization: str = setting_of(
        fit_classifier, "normalization", "none, published or original; empty: by the weights"
    )
    recipe: str = setting_of(
        fit_classifier, "recipe", "default, published or original: the next four, if empty"
    )
    missing: str = setting_of(
        fit_classifier, "missing", "existence, ignore or sentinel; empty: by the recipe"
    )
    kernel: str = setting_of(
        fit_classifier, "kernel", "exponential or gaussian; empty: by the recipe"
    )
    bandwidth: str | float = setting_of(
        fit_classifier,
        "bandwidth",
        "likelihood, silverman, published or a number; empty: by the recipe",
        str, float,
    )  # fmt: skip
    refine: str | bool = setting_of(
        fit_classifier,
        "refine",
        "Add shrunk terms of properties and pairs: true or false; empty: by the recipe",
        str, bool,
    )  # fmt: skip
    shrinkage: str | float = setting_of(
        fit_classifier, "shrinkage", "Strength of their shrinkage, a number; or cv", str, float
    )
    decision: str | Mapping = setting_of(
        fit_classifier,
        "decision",
        "prediction: probable; balanced; { f1 = class }; or a table of costs by class",
        str, Mapping,
    )  # fmt: skip
    min_class_size: int = setting(MIN_CLASS_SIZE, "Smaller classes are left out", minimum=1)
    merge: Mapping = setting({}, "New class = list of the classes that it takes in")
    candidates: str = setting(
        "best",
        "best: the best counterparts; all: the sum over all candidates and none",
        choices=("best", "all"),
    )


@dataclass(frozen=True)
class PipelineSettings(Section):
    """
    The settings of the whole job, from the catalogue to the classes.

    The parts are objects whose fields are the keys of the file: see `PipelineSettings.write`.

    Parameters
    ----------
    skip : sequence of str, optional
        Steps that are not done.
    catalogue, hosts, properties, variability, labels, gating, classification : optional
        The parts, each an object of its own class.
    counterparts : mapping of str to `DomainSettings`, optional
        By domain: "opt" and "ir".
    references : mapping of str to str, optional
        Files that take the place of catalogues on services, by short name; those of other X-ray
        missions by the mission's.

    Examples
    --------
    >>> from claxboi.pipeline import PipelineSettings
    >>> settings = PipelineSettings.named("four-classes")
    >>> settings.classification.priors["AGN"]
    0.66
    >>> settings = settings.updated({"catalogue": {"mission": "4XMM"}})
    >>> settings.catalogue.mission
    '4XMM'

    They are nested mappings, the text of a file, and a file:

    >>> PipelineSettings.from_dict(settings.to_dict()) == settings
    True
    >>> "mission = " in settings.to_toml()
    True
    >>> settings.write("job.toml")
    >>> PipelineSettings.read("job.toml") == settings
    True
    """

    skip: tuple[str, ...] = setting((), f"Steps that are not done, of {', '.join(STEPS)}")
    catalogue: CatalogueSettings = field(default_factory=CatalogueSettings)
    counterparts: Mapping[str, DomainSettings] = field(
        default_factory=lambda: {
            "opt": DomainSettings(surveys=("gaia",)),
            "ir": DomainSettings(surveys=("allwise",)),
        }
    )
    hosts: HostSettings = field(default_factory=HostSettings)
    properties: PropertySettings = field(default_factory=PropertySettings)
    variability: VariabilitySettings = field(default_factory=VariabilitySettings)
    labels: LabelSettings = field(default_factory=LabelSettings)
    gating: GatingSettings = field(default_factory=GatingSettings)
    classification: ClassificationSettings = field(default_factory=ClassificationSettings)
    references: Mapping[str, str] = setting({}, "Name of a catalogue = a file that takes its place")

    def __post_init__(self):
        super().__post_init__()
        chosen = self.classification.properties
        if isinstance(chosen, str):
            check_choice(chosen, ("published", "known"), "classification.properties")
        depths = self.properties.depths
        if isinstance(depths, str):
            check_choice(depths, ("measured", ""), "properties.depths")
        else:
            for name, depth in depths.items():
                check_choice(name, MAGNITUDES, "a magnitude in properties.depths")
                check_number(depth, f"properties.depths of {name}")
        for step in self.skip:
            check_choice(step, STEPS, "a step of skip")
            if step in NEEDED:
                raise InputValueError(f"skip must not name {step!r}: without it there is no answer")

    @property
    def domains(self) -> dict[str, DomainSettings]:
        """The domains in which counterparts are looked for: those that have surveys."""
        return {name: own for name, own in self.counterparts.items() if own.surveys}

    @classmethod
    def named(cls, name: str) -> PipelineSettings:
        """
        Return the settings of a specialisation.

        Parameters
        ----------
        name : str
            One of `specialisations`.

        Returns
        -------
        settings : `PipelineSettings`
        """
        check_choice(name, specialisations(), "specialisation")
        return cls.from_dict(tomllib.loads(_packaged(name)))

    @classmethod
    def from_dict(cls, content: Mapping) -> PipelineSettings:
        """
        Make settings of nested mappings, as they are in the file.

        Parameters
        ----------
        content : mapping
            What is absent has its default. ``base`` may name the specialisation that gives it.

        Returns
        -------
        settings : `PipelineSettings`

        Raises
        ------
        TypeError, ValueError
            If a key is unknown, which names the nearest one, or a value is wrong.
        """
        content = dict(content)
        if "base" in content:
            base = content.pop("base")
            check_choice(base, specialisations(), "base")
            return cls.named(base).updated(content)
        return _parse(cls, content, "")

    @classmethod
    def read(cls, path: str | PathLike[str]) -> PipelineSettings:
        """
        Read settings from a file.

        Parameters
        ----------
        path : str or path
            A TOML file. What it leaves out is that of its ``base``, a specialisation; without
            one that of "whole-catalogue". Names of files in it are relative to its folder.

        Returns
        -------
        settings : `PipelineSettings`

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        TypeError, ValueError
            If it is not TOML, a key is unknown or a value is wrong.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file of settings {path}")
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as err:  # of TOML, and of Unicode
            raise InputValueError(f"{path} is not TOML: {err}") from err
        try:
            settings = cls.from_dict({"base": DEFAULT, **content})
        except (TypeError, ValueError) as err:
            raise type(err)(f"{path}: {err}") from err
        return settings._from_folder(path.parent)

    def _from_folder(self, folder):
        """Resolve names of files against the folder of the settings."""
        files = {name: str(folder / file) for name, file in self.references.items()}
        changes = {"references": files}
        if (folder / self.classification.training).is_file():
            changes["classification"] = {"training": str(folder / self.classification.training)}
        return self.updated(changes)

    def to_dict(self) -> dict:
        """
        Return the settings as nested mappings.

        Returns
        -------
        content : dict
            `from_dict` gives the settings back.
        """
        content = asdict(self)
        content["counterparts"] = {
            name: asdict(domain) for name, domain in self.counterparts.items()
        }
        return content

    def updated(self, changes: Mapping) -> PipelineSettings:
        """
        Return the settings with some of them changed.

        Parameters
        ----------
        changes : mapping
            Nested, with what changes alone.  A table that has keys of its own choice, such as the
            priors, is replaced as a whole.

        Returns
        -------
        settings : `PipelineSettings`
        """
        return type(self).from_dict(_merged(self.to_dict(), changes, type(self)))

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """
        Write all settings, with what each means, to a file that can be edited and read again.

        Parameters
        ----------
        path : str or path
            The file.
        overwrite : bool, optional
            Replace an existing file.
        """
        with replacing(path, overwrite=overwrite) as temporary:
            temporary.write_text(self.to_toml(), encoding="utf-8")

    def to_toml(self) -> str:
        """
        Return the settings as the text of a TOML file, with what each means.

        Returns
        -------
        text : str
        """
        return toml_text(self.to_dict(), _comments(type(self)))


def specialisations() -> Sequence[str]:
    """
    List the settings that come with claxboi, by name.

    Returns
    -------
    names : list of str

    Examples
    --------
    >>> from claxboi.pipeline import specialisations
    >>> specialisations()
    ['four-classes', 'nearby-galaxies', 'whole-catalogue']
    """
    folder = resources.files("claxboi.pipeline") / "data"
    return sorted(
        item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")
    )


def parse_settings(settings):
    """
    Find the settings that are meant.

    Parameters
    ----------
    settings : None, `PipelineSettings`, str or path
        An object, the name of a specialisation, or a file. None: whole catalogues.

    Returns
    -------
    settings : `PipelineSettings`
    """
    if settings is None:
        return PipelineSettings.named(DEFAULT)
    if isinstance(settings, PipelineSettings):
        return settings
    if isinstance(settings, str) and settings in specialisations():
        return PipelineSettings.named(settings)
    if isinstance(settings, (str, os.PathLike)):
        if not Path(settings).is_file():
            raise InputValueError(
                f"settings must be a TOML file or one of {', '.join(specialisations())}, got "
                f"{os.fspath(settings)!r}"
            )
        return PipelineSettings.read(settings)
    raise InputTypeError(
        "settings must be PipelineSettings, the name of a specialisation or a TOML file, got "
        f"{type(settings).__name__}"
    )


def _packaged(name):
    path = resources.files("claxboi.pipeline") / "data" / f"{name}.toml"
    return path.read_text(encoding="utf-8")


def _parts(kind):
    """Return the fields of a section that are sections themselves."""
    types = get_type_hints(kind)
    return {
        one.name: types[one.name]
        for one in fields(kind)
        if isinstance(types[one.name], type) and issubclass(types[one.name], Section)
    }


def _parse(kind, content, path):
    _check_keys(content, [one.name for one in fields(kind)], path)
    values = dict(content)
    for name, part in _parts(kind).items():
        if name in values:
            values[name] = _parse(part, _table_at(values[name], name), f"{path}{name}.")
    if kind is PipelineSettings and "counterparts" in values:
        values["counterparts"] = {
            domain: _parse(
                DomainSettings,
                _table_at(entry, f"counterparts.{domain}"),
                f"counterparts.{domain}.",
            )
            for domain, entry in _table_at(values["counterparts"], "counterparts").items()
        }
    try:
        return kind(**values)
    except (TypeError, ValueError) as err:
        raise type(err)(f"{path}{err}") from err


def _table_at(value, path):
    if not isinstance(value, Mapping):
        raise InputTypeError(f"{path} must be a table, got {value!r}")
    return value


def _check_keys(content, known, path):
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
            hint = f"did you mean {path}{near[0]}?" if near else f"it may be {', '.join(known)}"
            raise InputValueError(f"there is no setting {path}{key}: {hint}")


def _merged(content, changes, kind):
    """Put changes into nested mappings; only where the keys are settings, not the user's own."""
    parts = _parts(kind) if kind is not None else {}
    result = dict(content)
    for key, value in changes.items():
        if key in parts and isinstance(value, Mapping):
            result[key] = _merged(content[key], value, parts[key])
        elif key == "counterparts" and kind is PipelineSettings and isinstance(value, Mapping):
            result[key] = {
                domain: _merged(content[key].get(domain, {}), entry, DomainSettings)
                if isinstance(entry, Mapping)
                else entry
                for domain, entry in {**content[key], **value}.items()
            }
        else:
            result[key] = value
    return result


def _title(section):
    """Return the first paragraph of the docstring; the settings below it have own comments."""
    return inspect.cleandoc(section.__doc__).partition("\n\n")[0]


def _comments(kind, path=""):
    comments = {}
    for one in fields(kind):
        if one.metadata:
            comments[f"{path}{one.name}"] = one.metadata["comment"]
    for name, part in _parts(kind).items():
        comments[f"{path}{name}"] = _title(part)
        comments |= _comments(part, f"{path}{name}.")
    if kind is PipelineSettings:
        for domain in ("opt", "ir"):
            comments |= _comments(DomainSettings, f"counterparts.{domain}.")
        comments["counterparts"] = _title(DomainSettings)
    return comments
