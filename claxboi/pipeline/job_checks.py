# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Check the settings of a job against each other and against the catalogue, before the first step.
"""

import difflib
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from astropy.table import Table

from claxboi.catalog import describe, missions
from claxboi.classification import NaiveBayesClassifier, parse_decision
from claxboi.io import output_format, write_table
from claxboi.references import get_reference, load_records
from claxboi.sharing import is_covered
from claxboi.training.schemes import parse_scheme
from claxboi.utils import (
    InputKeyError,
    InputTypeError,
    InputValueError,
    check_choice,
    check_label_values,
    check_number,
    text_values,
)

from .candidate_rows import check_candidates_settings
from .classes import BY_RECIPE, none_if_empty
from .steps import reference_names

__all__ = ["check_catalogue", "check_settings"]

#: Domains of counterparts, and categories of properties.
_DOMAINS = ("opt", "ir")
_CATEGORIES = ("location", "spectrum", "counterparts", "variability", "other")


def check_settings(job, steps):
    """
    Check all settings that need no catalogue.

    Parameters
    ----------
    job : `Job`
        The job.
    steps : iterable of str
        The steps to be done.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a setting is wrong: the message names it.
    """
    settings = job.settings
    if settings.catalogue.sharper:
        check_choice(settings.catalogue.sharper, missions(), "catalogue.sharper")
    for domain in settings.counterparts:
        check_choice(domain, _DOMAINS, "a domain of counterparts")
    needed = (
        ("counterparts", "counterparts", settings.domains),
        ("hosts", "hosts.sizes", settings.hosts.sizes),
        ("hosts", "hosts.distances", settings.hosts.distances),
        ("labels", "labels.references", settings.labels.references),
    )
    for step, name, catalogues in needed:
        if step in steps and not catalogues:
            raise InputValueError(
                f'{name} must name a catalogue, got none; skip = ["{step}"] leaves the step out'
            )
    for name in settings.variability.missions:
        check_choice(name, missions(), "variability.missions")
    with _at("labels"):
        rules = parse_scheme(settings.labels.scheme)[1]
    _check_references(job, steps)
    if "properties" in steps:
        _check_footprints(settings)
    if settings.gating.outside_galaxies and "hosts" in settings.skip:
        raise InputKeyError("gating.outside_galaxies needs the step hosts, which is skipped")
    _check_classification(settings.classification)
    check_candidates_settings(settings)
    if "labels" in steps and not settings.classification.training:
        extended = {rule.name for rule in rules if rule.extent}
        _check_classes(settings.classification, [rule.name for rule in rules], extended)


@contextmanager
def _at(section):
    """Add the name of a section to the message of an error."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as err:
        kinds = {KeyError: InputKeyError, TypeError: InputTypeError, ValueError: InputValueError}
        kind = next(new for old, new in kinds.items() if isinstance(err, old))
        raise kind(f"{section}: {err.args[0]}") from err


def _check_references(job, steps):
    """Refuse unknown catalogues, and references that no step uses."""
    used = {name for step in steps for name in reference_names(step, job)}
    for name in sorted(used - set(job.references.own) - set(missions())):
        get_reference(name)
    known = {*load_records(), *missions(), *used}
    for name in job.references.own:
        if name not in known:
            near = difflib.get_close_matches(str(name), sorted(known), n=3, cutoff=0.5)
            hint = f"did you mean {', '.join(near)}?" if near else ", ".join(sorted(known))
            raise InputValueError(f"references: there is no catalogue {name!r}; {hint}")


def _check_footprints(settings):
    """Refuse coverage maps of unused surveys, and those that cannot be read."""
    surveys = [name for own in settings.counterparts.values() for name in own.surveys]
    nowhere = Table({"ra": np.zeros(0), "dec": np.zeros(0)})
    with _at("properties.footprints"):
        for name, path in settings.properties.footprints.items():
            check_choice(name, surveys, "a survey")
            if not Path(path).is_file():
                raise FileNotFoundError(f"properties.footprints of {name}: there is no file {path}")
            is_covered(nowhere, path)


def _check_classification(own):
    with _at("classification"):
        model = NaiveBayesClassifier(
            recipe=own.recipe,
            weights="published" if own.weights == "published" else None,
            shrinkage=own.shrinkage,
            **{name: none_if_empty(getattr(own, name)) for name in BY_RECIPE},
        )
        parse_decision(own.decision)
        if own.candidates == "all" and model.normalization != "none":
            raise InputValueError(
                "candidates must be 'best' unless exponents are free (normalization='none'), got "
                f"normalization={model.normalization!r}"
            )
        known = [name.lower() for name in missions()]
        if own.training and not (Path(own.training).is_file() or own.training.lower() in known):
            raise InputValueError(
                f"training must be a file or one of {', '.join(missions())}, got {own.training!r}"
            )
        if isinstance(own.weights, str):
            check_choice(own.weights, ("fitted", "published"), "weights")
        else:
            for name, weight in own.weights.items():
                check_number(weight, f"weight of {name}", minimum=0)
        if isinstance(own.priors, str):
            check_choice(own.priors, ("training", "estimate", "sky"), "priors")
            return
        for name, prior in own.priors.items():
            check_number(prior, f"prior of {name}", minimum=0, maximum=1)
        total = sum(own.priors.values())
        if abs(total - 1) > 1e-6:
            raise InputValueError(f"priors must sum to 1, got {total:.6g}")


def _check_classes(own, classes, optional):
    """Check priors, merged classes and the decision against the classes."""
    merged = {label: new for new, labels in own.merge.items() for label in labels}
    if unknown := [label for label in merged if label not in classes]:
        raise InputValueError(
            f"classification.merge: unknown class {', '.join(map(repr, unknown))} (classes: "
            f"{', '.join(classes)})"
        )
    classes = list(dict.fromkeys(merged.get(name, name) for name in classes))
    with _at("classification"):
        parse_decision(own.decision, classes)
    if isinstance(own.priors, str):
        return
    unknown = [name for name in own.priors if name not in classes]
    missing = [name for name in classes if name not in own.priors and name not in optional]
    parts = []
    if missing:
        parts.append(f"missing class {', '.join(missing)}")
    if unknown:
        parts.append(f"unknown class {', '.join(map(repr, unknown))}")
    if parts:
        raise InputValueError(
            f"priors: {'; '.join(parts)} (classes: {', '.join(classes)}; 0 leaves a class out)"
        )


def check_catalogue(table, job, steps, output=None):
    """
    Check the catalogue against the settings and the format of the output.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The catalogue, as it was read.
    job : `Job`
        The job.
    steps : iterable of str
        The steps to be done.
    output : path, optional
        The classified table.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the catalogue does not fit them; the message says what to change.
    """
    own = job.settings.classification
    classes = [rule.name for rule in parse_scheme(job.settings.labels.scheme)[1]]
    if "labels" not in steps and not own.training and "class" in table.colnames:
        labels, missing = text_values(table, "class")
        classes = np.unique(labels[~missing]).tolist()
        check_label_values(classes, "class", "the catalogue")
        _check_classes(own, classes, set(classes))
    _check_new_columns(table, [*classes, *own.merge])
    if not isinstance(own.properties, str):
        _check_properties(table, own.properties)
    if output is not None:
        _check_format(table, output)


def _check_new_columns(table, classes):
    """Refuse columns that the classification will add."""
    new = {"prediction", "margin", "outlier", "outlier_pvalue", "support", "alternative"}
    new |= {"n_missing", "class_set"}
    new |= {f"p_{name}".lower() for name in classes}
    new |= {f"p_{name}_{category}".lower() for name in classes for category in _CATEGORIES}
    taken = [name for name in table.colnames if name.lower() in new]
    if taken:
        raise InputValueError(
            f"the catalogue has columns that the classification adds: {', '.join(taken)}. Rename "
            "or remove them"
        )


def _check_properties(table, properties):
    """Refuse properties that neither the catalogue nor a step provides."""
    names = properties.values() if isinstance(properties, Mapping) else [properties]
    for name in (one for many in names for one in ([many] if isinstance(many, str) else many)):
        if name not in table.colnames and describe(name) is None:
            near = difflib.get_close_matches(name, table.colnames, n=3, cutoff=0.6)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise InputKeyError(
                f"classification.properties: neither the catalogue nor the steps have a column "
                f"{name!r}{hint}"
            )


def _check_format(table, output):
    """Check that the output format can hold the names, types and texts of the catalogue."""
    output_format(output)
    parts = [table[:1]]
    # Coordinates and times have no dtype.
    plain = [name for name in table.colnames if hasattr(table[name], "dtype")]
    texts = [name for name in plain if table[name].dtype.kind in "USO"]
    if texts:
        parts.append(table[texts])
    for part in parts:
        try:
            with TemporaryDirectory(dir=output.parent, prefix=".") as folder:
                write_table(part, Path(folder) / output.name)
        except (KeyError, TypeError, ValueError) as err:
            raise InputValueError(f"{output} cannot hold the catalogue: {err.args[0]}") from err
