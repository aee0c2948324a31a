# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
``claxboi run``: the whole job on a catalogue.
"""

import argparse
import tomllib
from pathlib import Path

from ._arguments import TABLE, parse_priors
from ._classified import say

__all__ = ["add"]

EPILOG = """\
Settings come from a specialisation (whole-catalogue, four-classes, nearby-galaxies) or from a TOML
file, which --write-config writes to be edited. Options take the place of what they say:

    claxboi run 4XMM_slim.fits --mission 4XMM -o out.fits --dry-run
    claxboi run 4XMM_slim.fits --mission 4XMM --write-config job.toml
    claxboi run 4XMM_slim.fits --config job.toml -o out.fits

Interrupted in any way, the same command goes on after the last step that is complete.
"""


def add(command):
    """
    Declare the command.

    Parameters
    ----------
    command : callable
        Makes its parser.
    """
    sub = command(
        "run",
        _run,
        "do the whole job: from a raw catalogue to classes",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub.add_argument("table", metavar="CATALOGUE", help=TABLE)
    sub.add_argument(
        "-o", "--output", metavar="OUT", help="the classified table: .fits, .vot, .parquet or .ecsv"
    )
    sub.add_argument("--mission", help="4XMM, 2SXPS, CSC2, eRASS1, ... (default: by the columns)")
    sub.add_argument(
        "--config", metavar="FILE", help="a specialisation, or a TOML file of settings"
    )
    sub.add_argument(
        "--write-config", metavar="FILE", help="write all settings to a TOML file, and stop"
    )
    sub.add_argument(
        "--references",
        action="append",
        metavar="FOLDER|NAME=FILE",
        help="files in the place of catalogues on services: a folder with files named after them, "
        "or one; may be repeated",
    )
    sub.add_argument("--priors", default=argparse.SUPPRESS, help="AGN=0.66,star=0.34; or estimate")
    sub.add_argument("--skip", metavar="STEP,...", help="steps that are not done")
    sub.add_argument(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        help="a setting, such as labels.radius=5; may be repeated",
    )
    sub.add_argument(
        "--dry-run", action="store_true", help="say what would be fetched of whom, and stop"
    )
    sub.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the output of another job, or one that was changed since",
    )
    sub.add_argument(
        "--refresh", action="store_true", help="do all steps again, and ask all services again"
    )


def _run(args):
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
        raise ValueError("output must be given: -o OUT")
    result = run(
        args.table,
        args.output,
        settings=settings,
        overwrite=args.overwrite,
        refresh=args.refresh,
        show_progress=not args.quiet,
    )
    if not args.quiet:
        say(result.report)
        say(f"\nWrote {args.output}, and beside it the report, the model, the settings and the log")


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
    priors = parse_priors(args)
    if priors is not None:
        settings = settings.updated({"classification": {"priors": priors}})
    files = _references(args.references or [])
    return settings.updated({"references": {**settings.references, **files}})


def _one_setting(text):
    key, separator, value = text.partition("=")
    if not separator:
        raise ValueError(f"set must look like labels.radius=5, got {text!r}")
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
            raise ValueError(f"references must be a folder or NAME=FILE, got {text!r}")
    return files
