# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The command ``claxboi``: a thin shell over the functions of the same names.

What is asked for goes to standard output; progress, notes, warnings and errors go to standard
error. The exit status is 0, 2 after an error of the user, 130 after Ctrl-C.
"""

import argparse
import importlib
import logging
import os
import sys
import traceback
import warnings
from pathlib import Path

__all__ = ["main"]

#: Modules of claxboi.commands, in the order of the help.
COMMANDS = ("run", "classify", "explain", "evaluate", "report", "references", "demo")

#: What a Python message says, and what it is called here.
OPTIONS = (
    ("pass overwrite=True", "use --overwrite"),
    ("say priors=", "say --priors "),
    ("priors='estimate'", "--priors estimate"),
    ("(merge=)", "(--merge)"),
    ("lower min_class_size", "lower --min-class-size"),
)


class _UsageError(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise _UsageError(f"{message} (see {self.prog} --help)")


def main(argv=None):
    """
    Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the name of the command. Default: those of the process.

    Returns
    -------
    status : int
        The exit status.
    """
    log = logging.getLogger("claxboi")
    handler, level = logging.StreamHandler(sys.stderr), log.level
    handler.setFormatter(logging.Formatter("claxboi: %(message)s"))
    with warnings.catch_warnings():
        try:
            args = _parser().parse_args(argv)
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _show_warning
            if not args.quiet:
                log.addHandler(handler)
                log.setLevel(logging.INFO)
            args.run(args)
            sys.stdout.flush()
        except KeyboardInterrupt:
            sys.stderr.write("claxboi: interrupted\n")
            return 130
        except BrokenPipeError:
            # The reader of the output has seen enough: nothing is left to be flushed to it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (_UsageError, OSError, ValueError, KeyError, TypeError, ImportError) as err:
            if not _is_of_user(err):
                raise
            message = err.args[0] if isinstance(err, KeyError) else err
            sys.stderr.write(f"claxboi: error: {_in_options(message)}\n")
            return 2
        finally:
            log.removeHandler(handler)
            log.setLevel(level)
    return 0


def _is_of_user(error):
    """Tell what claxboi raises on purpose, or the system says of files, from a bug."""
    if isinstance(error, OSError):
        return True
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = Path(last.filename).is_relative_to(Path(__file__).parent)
    return ours and (last.line or "").startswith("raise ")


def _in_options(message):
    text = " ".join(str(message).split())
    for python, option in OPTIONS:
        text = text.replace(python, option)
    return text


def _show_warning(message, *_args, **_kwargs):
    sys.stderr.write(f"claxboi: warning: {_in_options(message)}\n")


def _parser():
    from claxboi import __version__

    parser = _Parser(prog="claxboi", description="Classify X-ray sources.")
    parser.add_argument("--version", action="version", version=f"claxboi {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, run, summary, **more):
        sub = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", **more
        )
        sub.add_argument("--quiet", action="store_true", help="no progress, notes and summary")
        sub.set_defaults(run=run)
        return sub

    for name in COMMANDS:
        importlib.import_module(f"claxboi.commands.{name}").add(command)
    return parser
