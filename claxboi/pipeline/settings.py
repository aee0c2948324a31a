# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Settings of the whole job: one object, and one TOML file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from claxboi.properties import MAGNITUDES
from claxboi.utils import (
    InputTypeError,
    InputValueError,
    check_choice,
    check_number,
    replacing,
)

from ._settings_fields import (
    Section,
    merge_sections,
    parse_section,
    section_comments,
    setting,
)
from ._toml import toml_text
from .step_settings import (
    CatalogueSettings,
    ClassificationSettings,
    DomainSettings,
    GatingSettings,
    HostSettings,
    LabelSettings,
    PropertySettings,
    VariabilitySettings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

__all__ = ["PipelineSettings", "specialisations"]

#: The steps in order, as they are called in files and messages.
STEPS = ("catalogue", "counterparts", "hosts", "properties", "variability", "labels", "classes")

#: Steps that cannot be skipped.
NEEDED = ("catalogue", "classes")

#: The default specialisation.
DEFAULT = "whole-catalogue"


@dataclass(frozen=True)
class PipelineSettings(Section):
    """
    The settings of the whole job, from the catalogue to the classes.

    Each section is an object whose fields are the keys of the TOML file (see
    `PipelineSettings.write`).

    Parameters
    ----------
    skip : sequence of str, optional
        Steps to skip.
    catalogue, hosts, properties, variability, labels, gating, classification : optional
        The sections, each an object of its own class.
    counterparts : mapping of str to `DomainSettings`, optional
        By domain: "opt" and "ir".
    references : mapping of str to str, optional
        Files to use instead of catalogues on services, by short name of the catalogue or name of
        the X-ray mission.

    Examples
    --------
    >>> from claxboi.pipeline import PipelineSettings
    >>> settings = PipelineSettings.named("four-classes")
    >>> settings.classification.priors["AGN"]
    0.66
    >>> settings = settings.updated({"catalogue": {"mission": "4XMM"}})
    >>> settings.catalogue.mission
    '4XMM'

    Settings convert to nested mappings, to TOML, and to a file:

    >>> PipelineSettings.from_dict(settings.to_dict()) == settings
    True
    >>> "mission = " in settings.to_toml()
    True
    >>> settings.write("job.toml")
    >>> PipelineSettings.read("job.toml") == settings
    True
    """

    skip: tuple[str, ...] = setting((), f"Steps to skip, of {', '.join(STEPS)}")
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
    references: Mapping[str, str] = setting({}, "Name of a catalogue = a file to use instead")

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
                raise InputValueError(f"skip must not name {step!r}: the classification needs it")

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
        Make settings from nested mappings, as in the TOML file.

        Parameters
        ----------
        content : mapping
            Missing keys have their defaults. ``base`` may name a specialisation whose values are
            used instead.

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
        return parse_section(cls, content)

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

        def resolved(files):
            return {name: str(folder / file) for name, file in files.items()}

        changes = {
            "references": resolved(self.references),
            "properties": {"footprints": resolved(self.properties.footprints)},
        }
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
            Nested mappings with the changes only. A mapping whose keys are free, such as the
            priors, is replaced as a whole.

        Returns
        -------
        settings : `PipelineSettings`
        """
        return type(self).from_dict(merge_sections(self.to_dict(), changes, type(self)))

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """
        Write all settings with their descriptions to a TOML file, which `read` reads.

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
        Return the settings with their descriptions as TOML.

        Returns
        -------
        text : str
        """
        content = self.to_dict()
        return toml_text(content, section_comments(type(self), content))


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
    Return settings from an object, a name or a file.

    Parameters
    ----------
    settings : None, `PipelineSettings`, str or path
        An object, the name of a specialisation, or a file. None: "whole-catalogue".

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
