# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``claxboi run``: all steps on a catalogue.
"""

import argparse
from contextlib import nullcontext
from pathlib import Path

from ._arguments import (
    UsageError,
    add_offline,
    add_overwrite,
    add_pos_error,
    add_table,
    parse_priors,
)
from ._classified import say, summary

__all__ = ["add"]

EXAMPLE = """\
    claxboi run 4XMM_slim.fits --mission 4XMM -o out.fits --dry-run
    claxboi run 4XMM_slim.fits --mission 4XMM --write-config job.toml
    claxboi run 4XMM_slim.fits --config job.toml -o out.fits

Settings come from a specialisation (whole-catalogue, four-classes, nearby-galaxies) or from a TOML
file, such as --write-config writes. Options override both.

If it is interrupted, run the same command again: it resumes after the last completed step.\
"""


def add(command):
    """
    Declare the command.

    Parameters
    ----------
    command : callable
        Makes its parser.
    """
    sub = command("run", _run, "run all steps, from a raw catalogue to classes", EXAMPLE)
    add_table(sub, "CATALOGUE")
    sub.add_argument(
        "-o", "--output", metavar="OUT", help="the classified table: .fits, .vot, .parquet or .ecsv"
    )
    sub.add_argument(
        "--mission", help="4XMM, 2SXPS, CSC2, eRASS1, ... (default: recognized by its columns)"
    )
    sub.add_argument(
        "--config", metavar="FILE", help="a specialisation, or a TOML file of settings"
    )
    sub.add_argument(
        "--write-config", metavar="FILE", help="write all settings to a TOML file to edit, and stop"
    )
    sub.add_argument(
        "--references",
        action="append",
        metavar="FOLDER|NAME=FILE",
        help="files used instead of services: a folder with files named after the catalogues, or "
        "a file for one catalogue; may be repeated",
    )
    add_pos_error(sub)
    sub.add_argument(
        "--priors",
        default=argparse.SUPPRESS,
        help="AGN=0.55,star=0.2,... for all classes; estimate; or sky",
    )
    sub.add_argument("--skip", metavar="STEP,...", help="steps to skip")
    sub.add_argument(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        help="a setting, such as labels.radius=5; may be repeated",
    )
    sub.add_argument(
        "--dry-run", action="store_true", help="list the queries to each service, and stop"
    )
    add_offline(sub)
    add_overwrite(sub, "replace an output that another job wrote or that was edited")
    sub.add_argument("--refresh", action="store_true", help="repeat all steps and all queries")


def _run(args):
    from claxboi.config import conf
    from claxboi.pipeline import plan, run

    settings = _settings(args)
    if args.write_config:
        settings.write(args.write_config, overwrite=args.overwrite)
        say(f"Wrote {args.write_config}")
        return
    if args.dry_run:
        for line in plan(args.table, settings=settings):
            say(line)
        return
    if args.output is None:
        raise UsageError("output must be given: -o OUT")
    with conf.set_temp("offline", True) if args.offline else nullcontext():
        result = run(
            args.table,
            args.output,
            settings=settings,
            overwrite=args.overwrite,
            refresh=args.refresh,
            show_progress=not args.quiet,
        )
    if args.quiet:
        return
    say(f"\n{summary(result.table, result.model, result.evaluation)}")
    n = len(result.report.warnings)
    said = f" ({n} warning{'s' * (n > 1)})" if n else ""
    more = ", .candidates.fits" if settings.classification.candidates == "all" else ""
    files = f".report.txt{said}, .model.ecsv{more}, .toml (settings) and .log"
    say(f"Wrote {args.output}; beside it {files}")
    say(f"Next: claxboi report {args.output}, or claxboi explain {args.output} SOURCE")


def _settings(args):
    """Put together the settings of the file and those of the options."""
    from claxboi.pipeline.settings import parse_settings

    settings = parse_settings(args.config)
    for text in args.set or []:
        settings = settings.updated(_one_setting(text))
    if args.mission:
        settings = settings.updated({"catalogue": {"mission": args.mission}})
    if args.skip:
        settings = settings.updated({"skip": [name.strip() for name in args.skip.split(",")]})
    if args.pos_error:
        settings = settings.updated({"catalogue": {"pos_error": args.pos_error}})
    priors = parse_priors(args)
    if priors is not None:
        settings = settings.updated({"classification": {"priors": priors}})
    files = _references(args.references or [])
    return settings.updated({"references": {**settings.references, **files}})


def _one_setting(text):
    import tomllib

    key, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"set must look like labels.radius=5, got {text!r}")
    try:
        value = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        # A word needs no quotes here.
        value = value.strip()
    for name in reversed(key.strip().split(".")):
        value = {name: value}
    return value


def _references(given):
    from claxboi.pipeline import find_references

    files = {}
    for text in given:
        name, separator, file = text.partition("=")
        if Path(text).is_dir():
            files |= {name: str(path) for name, path in find_references(text).items()}
        elif separator and name:
            files[name.strip()] = file.strip()
        else:
            raise UsageError(f"references must be a folder or NAME=FILE, got {text!r}")
    return files
