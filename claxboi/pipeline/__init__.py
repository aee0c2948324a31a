# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Run all steps in order, with checkpoints, from a raw catalogue to classes.
"""

from .job import PipelineResult, plan, prepare, run
from .job_report import PipelineReport
from .reference_step import find_references
from .settings import PipelineSettings, specialisations
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

__all__ = [
    "CatalogueSettings",
    "ClassificationSettings",
    "DomainSettings",
    "GatingSettings",
    "HostSettings",
    "LabelSettings",
    "PipelineReport",
    "PipelineResult",
    "PipelineSettings",
    "PropertySettings",
    "VariabilitySettings",
    "find_references",
    "plan",
    "prepare",
    "run",
    "specialisations",
]
