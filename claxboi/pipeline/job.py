# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Run all steps of a job in order, from the last valid checkpoint.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from astropy import units as u
from astropy.table import Table

from claxboi.classification import Evaluation, NaiveBayesClassifier, model_fingerprint
from claxboi.io import output_format, read_table, table_file, write_table
from claxboi.references import recorded_answers
from claxboi.suffixes import CANDIDATES_SUFFIX, MODEL_SUFFIX
from claxboi.utils import (
    NOTE,
    InputTypeError,
    check_output,
    check_table,
    checked,
    digest,
    file_hash,
    record,
    remove_abandoned,
    replacing_all,
    table_hash,
)

from .checkpoints import Checkpoints
from .classes import classify_sources, evaluate
from .job_checks import check_catalogue, check_settings
from .job_log import logged
from .job_plan import plan_lines
from .job_report import PipelineReport, make_report
from .reference_step import References, find_references
from .settings import STEPS, parse_settings
from .step_summaries import summarize
from .steps import PREPARATION, Job, depends_on, mission_of, reference_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from astropy.units import Quantity

    from .settings import PipelineSettings

__all__ = ["PipelineResult", "plan", "prepare", "run"]

log = logging.getLogger(__name__)

REPORT_SUFFIX = ".report.txt"
LOG_SUFFIX = ".log"
SETTINGS_SUFFIX = ".toml"
STEPS_SUFFIX = ".steps"

#: Approximate number of columns that the steps add, to estimate the space on disk.
_COLUMNS_ADDED = 150


@dataclass(frozen=True, repr=False)
class PipelineResult:
    """
    Result of `run`: table, model, scores and report.

    Examples
    --------
    >>> from claxboi.pipeline import run
    >>> from claxboi.simulation import make_mock_sky
    >>> sky = make_mock_sky(400, rng=2)
    >>> result = run(
    ...     sky.xray,
    ...     "classified.fits",
    ...     references=sky.references,
    ...     skip=["variability"],
    ...     show_progress=False,
    ... )  # doctest: +IGNORE_WARNINGS
    >>> len(result.table), result.evaluation.method, result.model.classes_[0]
    (400, 'leave-one-out', 'AGN')
    """

    table: Table
    """The sources with their classes."""

    model: NaiveBayesClassifier
    """The classifier."""

    evaluation: Evaluation | None
    """Leave-one-out scores on the training sources; None without labelled sources."""

    report: PipelineReport
    """Counts, scores, warnings, provenance and citations; print it."""

    def __repr__(self):
        return f"<PipelineResult: {len(self.table)} sources, classes {self.model.classes_}>"


@checked
def prepare(
    table: Table | str | PathLike[str],
    *,
    settings: PipelineSettings | str | PathLike[str] | None = None,
    mission: str | None = None,
    references: Mapping[str, Any] | PathLike[str] | str | None = None,
    skip: Sequence[str] | None = None,
    pos_error: str | Quantity | None = None,
    checkpoints: str | PathLike[str] | None = None,
    show_progress: bool = True,
) -> Table:
    """
    Prepare a raw table of X-ray sources for classification: steps 1 to 5.

    Parameters
    ----------
    table : `~astropy.table.Table`, str or path
        The catalogue, as the mission published it or with columns of your own; a table or a file.
    settings : `PipelineSettings`, str or path, optional
        Settings, the name of a specialisation, or a TOML file. Default: "whole-catalogue".
    mission : str, optional
        Mission of the catalogue. Default: that of the settings, else recognized by the columns.
    references : mapping of str to table or path, str or path, optional
        Tables and files to use instead of catalogues on services, by short name; or a folder with
        files of these names.
    skip : sequence of str, optional
        Steps to skip, of "counterparts", "hosts", "properties", "variability", "labels".
    pos_error : str or `~astropy.units.Quantity` ['angle'], optional
        Positional error (1 sigma per axis), if its column is not found: the name of the column, or
        one value for all sources.
    checkpoints : str or path, optional
        Folder for the table after each step, from which the same call resumes. Default: nothing is
        kept.
    show_progress : bool, optional
        Show progress when it takes longer than two seconds.

    Returns
    -------
    table : `~astropy.table.Table`
        A new table: the columns of the catalogue and those that the steps add.

    Raises
    ------
    KeyError, TypeError, ValueError, OSError
        If a setting is wrong, the catalogue cannot be read or is not one of the mission, or columns
        that the steps need are missing.
    `~claxboi.references.FetchError`
        If a catalogue cannot be fetched. The parts that arrived are kept, and the next call resumes
        from there.

    See Also
    --------
    run : Classify the sources, too, and write all results.

    Examples
    --------
    >>> from claxboi.pipeline import prepare
    >>> from claxboi.simulation import make_mock_sky
    >>> sky = make_mock_sky(600, rng=2)
    >>> table = prepare(
    ...     sky.xray, references=sky.references, skip=["variability", "labels"], show_progress=False
    ... )  # doctest: +IGNORE_WARNINGS
    >>> {"opt_id", "galaxy_id", "log_fx_fr"} <= set(table.colnames)
    True
    """
    changes = _pos_error_changes(pos_error)
    job = _job(settings, mission, references, skip, show_progress, changes)
    keep = Checkpoints(None if checkpoints is None else _check_folder(checkpoints))
    source = _Source(table)
    return _prepared(source, job, _keys(job, source.content), keep)


@checked
def run(
    catalogue: Table | str | PathLike[str],
    output: str | PathLike[str],
    *,
    settings: Any = None,
    mission: Any = None,
    references: Any = None,
    priors: Mapping | Literal["training", "estimate", "sky"] | None = None,
    skip: Any = None,
    pos_error: Any = None,
    overwrite: bool = False,
    refresh: bool = False,
    show_progress: bool = True,
) -> PipelineResult:
    """
    Classify the sources of a raw X-ray catalogue: run all steps and write the results.

    Parameters
    ----------
    catalogue : `~astropy.table.Table`, str or path
        The catalogue, as the mission published it or with columns of your own; a table or a file.
    output : str or path
        The classified table: FITS, VOTable, Parquet or ECSV, by its suffix.
    settings, mission, references, skip, pos_error
        As for `prepare`.
    priors : mapping, "training", "estimate" or "sky", optional
        Proportions of the classes. Default: those of the settings.
    overwrite : bool, optional
        Replace an output that was made with other settings or another catalogue, or was edited.
    refresh : bool, optional
        Repeat all steps and all queries, and use no checkpoint or cached answer.
    show_progress : bool, optional
        Show progress when it takes longer than two seconds.

    Returns
    -------
    result : `PipelineResult`
        ``table, model, evaluation, report``.

    Raises
    ------
    FileExistsError
        If the output exists, ``overwrite`` is False, and the output comes from another job or was
        edited.
    KeyError, TypeError, ValueError, OSError, `~claxboi.references.FetchError`
        As for `prepare`.

    Notes
    -----
    Beside OUT are written OUT.model.ecsv (the classifier), OUT.report.txt, OUT.toml (all settings),
    OUT.log, OUT.candidates.fits with ``candidates = "all"``, and the folder OUT.steps with the
    table after each step. They replace earlier files together, OUT last. If the job is interrupted,
    the same call resumes after the last completed step. If the catalogue, settings, references,
    answers of services or version of claxboi change, the affected step and all later ones are
    repeated. The folder may be deleted once the job is done.

    Examples
    --------
    >>> from claxboi.pipeline import run
    >>> from claxboi.simulation import make_mock_sky
    >>> sky = make_mock_sky(600, rng=2)
    >>> result = run(
    ...     sky.xray,
    ...     "classified.fits",
    ...     references={**sky.references, **sky.others},
    ...     show_progress=False,
    ... )  # doctest: +IGNORE_WARNINGS
    >>> "prediction" in result.table.colnames
    True
    """
    output = Path(output)
    output_format(output)
    check_output(output, overwrite=True)
    folder = _check_folder(f"{output}{STEPS_SUFFIX}")
    changes = _pos_error_changes(pos_error)
    if priors is not None:
        changes["classification"] = {"priors": priors}
    job = _job(settings, mission, references, skip, show_progress, changes, refresh=refresh)
    remove_abandoned(output.parent, output.name)
    with logged(f"{output}{LOG_SUFFIX}") as caught:
        source = _Source(catalogue)
        keep = Checkpoints(folder)
        keys = _keys(job, source.content)
        done = _finished(keep, keys) and not refresh
        result = read_table(output) if done else None
        # Some formats, such as CSV, do not keep what the report needs.
        if result is not None and "claxboi" in result.meta:
            log.log(NOTE, "%s is up to date", output)
            caught.extend(keep.warnings_of(keys))
            model = NaiveBayesClassifier.read(f"{output}{MODEL_SUFFIX}")
            evaluation = evaluate(result, model, job.settings, show_progress=show_progress)
            report = make_report(result, model, evaluation, caught)
        else:
            is_sure = overwrite or _check_owner(keep, keys, output)
            result, model, evaluation, candidates = _classified(
                source, job, keys, keep, output, caught
            )
            report = make_report(result, model, evaluation, caught)
            texts = {REPORT_SUFFIX: f"{report}\n", SETTINGS_SUFFIX: job.settings.to_toml()}
            more = {} if candidates is None else {CANDIDATES_SUFFIX: candidates}
            _write_together(result, model, texts, more, output, keep, keys, caught, is_sure)
    return PipelineResult(result, model, evaluation, report)


def plan(
    catalogue: Any,
    *,
    settings: Any = None,
    mission: Any = None,
    references: Any = None,
    skip: Any = None,
    pos_error: Any = None,
) -> Sequence[str]:
    """
    List the queries that a job would send, without sending them.

    Parameters
    ----------
    catalogue, settings, mission, references, skip, pos_error
        As for `run`.

    Returns
    -------
    lines : list of str
        One per catalogue: the query and its service, or a note that the query depends on
        counterparts or hosts that are not known yet. The last line is the total.

    Raises
    ------
    KeyError, TypeError, ValueError, OSError
        As for `prepare`.

    Examples
    --------
    >>> from claxboi.pipeline import plan
    >>> from claxboi.simulation import make_mock_sky
    >>> lines = plan(make_mock_sky(600, rng=2).xray)
    >>> lines[0]
    '4XMM: 600 sources'
    >>> lines[1][:28]
    'counterparts: gaia (I/355/ga'
    """
    changes = _pos_error_changes(pos_error)
    job = _job(settings, mission, references, skip, False, changes)
    source = _Source(catalogue)
    keys = _keys(job, source.content)
    return plan_lines(PREPARATION["catalogue"](source.read(), job), job, keys)


# Input


class _Source:
    """
    The catalogue, identified by its content and read only if a step needs it.
    """

    def __init__(self, catalogue):
        self._catalogue = catalogue
        if isinstance(catalogue, (str, os.PathLike)):
            if not table_file(catalogue)[0].is_file():
                raise FileNotFoundError(f"there is no catalogue {catalogue}")
            path, table = table_file(catalogue)
            self.content = {"file": file_hash(path)} | ({"of": table} if table else {})
        else:
            check_table(catalogue, "catalogue")
            self.content = {"table": table_hash(catalogue)}

    def read(self):
        """
        Return the table.

        Returns
        -------
        table : `~astropy.table.Table`
        """
        if isinstance(self._catalogue, Table):
            return self._catalogue
        table = check_table(read_table(self._catalogue), f"catalogue {self._catalogue}")
        log.info("%s: %d rows", self._catalogue, len(table))
        return table


def _pos_error_changes(pos_error):
    if pos_error is None:
        return {}
    if isinstance(pos_error, u.Quantity):
        pos_error = str(pos_error)
    if not isinstance(pos_error, str):
        raise InputTypeError(
            f"pos_error must be the name of a column or an angle, got {type(pos_error).__name__}"
        )
    return {"catalogue": {"pos_error": pos_error}}


def _job(settings, mission, references, skip, show_progress, changes=None, *, refresh=False):
    settings = parse_settings(settings).updated(changes or {})
    if mission is not None:
        settings = settings.updated({"catalogue": {"mission": mission}})
    if skip is not None:
        settings = settings.updated({"skip": list(skip)})
    if references is None:
        references = {}
    elif isinstance(references, (str, os.PathLike)):
        references = find_references(references)
    elif not isinstance(references, Mapping):
        raise InputTypeError(
            "references must be a mapping of names to tables or files, or a folder, got "
            f"{type(references).__name__}"
        )
    files = {
        name: os.fspath(source)
        for name, source in references.items()
        if isinstance(source, (str, os.PathLike))
    }
    # Files are settings, too, so that the settings in OUT.toml repeat the job.
    settings = settings.updated({"references": {**settings.references, **files}})
    references = References({**settings.references, **references})
    job = Job(settings, references, show_progress, refresh)
    check_settings(job, [step for step in STEPS if step not in settings.skip])
    return job


def _keys(job, content):
    """
    Return the key of each step to do: a hash of everything that its table depends on.
    """
    from claxboi import __version__

    chain = digest({"claxboi": __version__, "catalogue": content})
    keys = {}
    for step in STEPS:
        if step not in job.settings.skip:
            chain = keys[step] = digest([chain, step, depends_on(step, job)])
    return keys


# Output


def _finished(keep, keys):
    """Return whether the output and all its files exist and come from valid steps."""
    steps = {step: key for step, key in keys.items() if step in PREPARATION}
    is_written = keep.file_of("classes", keys["classes"]) is not None
    return is_written and len(keep.valid_steps(steps)) == len(steps)


def _check_owner(keep, keys, output):
    """
    Check, before the work, that no file of the user would be replaced.

    Returns
    -------
    is_sure : bool
        False if the manifest was lost, so that only the content of the new table can tell.
    """
    is_sure = True
    step, key = "classes", keys["classes"]
    # Settings that were not edited may go with the table that they belong to.
    for path, made_of in ((output, key), (Path(f"{output}{SETTINGS_SUFFIX}"), None)):
        if not path.exists() or keep.is_own(step, made_of, path):
            continue
        if keep.is_announced(step, key):
            raise FileExistsError(
                f"{path} was changed since this job wrote it; pass overwrite=True to replace it"
            )
        if not _is_of_key(output, key):
            raise FileExistsError(
                f"{path} exists already, and this job did not write it (other settings, catalogue "
                "or references, or no record in its folder); pass overwrite=True to replace it"
            )
        is_sure = False
    return is_sure


def _is_of_key(output, key):
    """Return whether the metadata of a table name the job with this key."""
    try:
        return output.exists() and read_table(output).meta["claxboi"]["pipeline"]["key"] == key
    except (KeyError, OSError, TypeError, ValueError):
        return False


def _write_together(result, model, texts, more, output, keep, keys, caught, is_sure):
    """
    Write all files under temporary names, then rename them together.
    """
    paths = [Path(f"{output}{suffix}") for suffix in (MODEL_SUFFIX, *texts, *more)] + [output]
    with replacing_all(paths, overwrite=True) as temporaries:
        model.write(temporaries[0])
        for temporary, text in zip(temporaries[1:], texts.values(), strict=False):
            temporary.write_text(text, encoding="utf-8")
        for temporary, table in zip(temporaries[1 + len(texts) :], more.values(), strict=False):
            write_table(table, temporary, format="fits")
        result.meta["claxboi"]["pipeline"]["model"] = model_fingerprint(temporaries[0])
        write_table(result, temporaries[-1])
        if not is_sure and not _is_same_table(temporaries[-1], output):
            raise FileExistsError(
                f"{output} was changed since this job wrote it; pass overwrite=True to replace it"
            )
        files = keep.hashes(temporaries, paths)
        keep.announce("classes", keys["classes"], output, files=files, before=keep.hashes(paths))
    steps = [step for step in keys if step in PREPARATION]
    keep.note(
        "classes",
        keys["classes"],
        output,
        files=files,
        after=[steps[-1], keep.content_of(steps[-1])],
        warnings=caught[len(keep.warnings_of(steps)) :],
    )


def _is_same_table(one, other):
    return table_hash(read_table(one)) == table_hash(read_table(other))


def _check_folder(path):
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{path} is a file; it must be free for the folder of the steps")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be made: there is no folder {path.parent}")
    return path


def _check_room(table, path):
    """Check that the disk has room for the tables of all steps, before any work."""
    # Once in the steps, once in the output.
    wanted = len(table) * (len(table.colnames) + _COLUMNS_ADDED) * 8 * 2
    free = shutil.disk_usage(Path(path).parent).free
    if free < wanted:
        raise OSError(
            f"{path} cannot be written: it and its steps need about {wanted / 1e6:.0f} MB, and the "
            f"disk has {free / 1e6:.0f} MB left"
        )


# The steps


def _prepared(source, job, keys, keep, output=None, caught=None):
    """
    Do the steps before the classification that are not done yet, and return the table.

    With an output, the space on its disk is checked first. The warnings of completed steps are
    added to ``caught``.
    """
    steps = [step for step in keys if step in PREPARATION]
    caught = [] if caught is None else caught
    done, table = keep.find({} if job.refresh else {step: keys[step] for step in steps})
    if done is None:
        table = source.read()
        check_catalogue(table, job, keys, output)
        if output is not None:
            _check_room(table, output)
    else:
        log.log(NOTE, "resuming after step %s", _title(done))
        caught += keep.warnings_of(steps[: steps.index(done) + 1])
    for step in steps[steps.index(done) + 1 if done else 0 :]:
        start, n_caught = time.monotonic(), len(caught)
        log.info("step %s", _title(step))
        before = table
        with recorded_answers() as answers:
            table = PREPARATION[step](table, job)
        is_first = step == steps[0]
        keep.keep(
            step,
            keys[step],
            table,
            STEPS.index(step) + 1,
            # What the first step got is the catalogue itself, of which nothing is kept yet.
            None if is_first else before,
            None if is_first else steps[steps.index(step) - 1],
            answers,
            caught[n_caught:],
        )
        later = steps[steps.index(step) + 1 :]
        needed = {name for other in later for name in reference_names(other, job)}
        job.references.forget({*reference_names(step, job)} - needed)
        _log_step(step, table, start)
    return table


def _title(step):
    return f"[{STEPS.index(step) + 1}/{len(STEPS)}] {step}"


def _log_step(step, table, start):
    title = f"{_title(step):18}"
    log.log(NOTE, "%s %s   %.1f s", title, summarize(step, table), time.monotonic() - start)


def _classified(source, job, keys, keep, output, caught):
    table = _prepared(source, job, keys, keep, output, caught)
    start = time.monotonic()
    log.info("step %s", _title("classes"))
    result, model, candidates = classify_sources(table, job)
    _log_step("classes", result, start)
    # The result has all its columns, and two copies of a large table may not fit in memory.
    del table
    names = [name for step in keys for name in reference_names(step, job)]
    used = [name for name in names if name != mission_of(result)]
    result.meta = record(
        result.meta,
        "pipeline",
        key=keys["classes"],
        catalogue=source.content,
        settings=job.settings.to_dict(),
        references={name: job.references.describe(name) for name in used},
    )
    scores = evaluate(result, model, job.settings, show_progress=job.show_progress)
    return result, model, scores, candidates
