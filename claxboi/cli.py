# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Command line of claxboi: each command calls the function of the same name.

Results go to standard output. Steps, progress, warnings and errors go to standard error. The exit
status is 0, 2 after a user's error, and 130 after Ctrl-C.
"""

import argparse
import importlib
import os
import sys

from claxboi.commands import UsageError, in_options, is_of_user, shown

__all__ = ["COMMANDS", "main", "make_parser"]

# Nothing that takes time is imported here: a misspelt file is reported at once.

#: Modules of claxboi.commands, in the order of the help.
COMMANDS = (
    "run",
    "classify",
    "train",
    "explain",
    "evaluate",
    "report",
    "references",
    "demo",
    "completion",
)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UsageError(f"{message} (see {self.prog} --help)")


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

    Examples
    --------
    >>> from claxboi.cli import main
    >>> main(["run", "nofile.csv", "-o", "out.fits"])  # claxboi: error: there is no file nofile.csv
    2
    """
    args = None
    try:
        args = make_parser().parse_args(argv)
        with shown(args):
            args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("claxboi: interrupted\n")
        return 130
    except BrokenPipeError:
        # The reader of the output has seen enough: nothing is left to be flushed to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (UsageError, OSError) as err:
        return _refuse(err, args)
    except Exception as err:
        if not is_of_user(err):
            raise
        return _refuse(err, args)
    return 0


def _refuse(err, args):
    message = err.args[0] if isinstance(err, KeyError) and err.args else err
    sys.stderr.write(f"claxboi: error: {in_options(message, args)}\n")
    return 2


def make_parser():
    """
    Make the parser of the command line, with all commands.

    Returns
    -------
    parser : `~argparse.ArgumentParser`
        Each command's parser has the attribute ``run`` among its defaults.

    Examples
    --------
    >>> from claxboi.cli import make_parser
    >>> make_parser().prog
    'claxboi'
    """
    from claxboi import __version__

    parser = _Parser(prog="claxboi", description="Classify X-ray sources.")
    parser.add_argument("--version", action="version", version=f"claxboi {__version__}")
    commands = parser.add_subparsers(
        required=True,
        metavar="COMMAND",
        dest="command",
        help="claxboi COMMAND --help shows its options and an example",
    )

    def command(name, run, summary, example):
        sub = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"Example:\n\n{example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        how_much = sub.add_mutually_exclusive_group()
        how_much.add_argument("--quiet", action="store_true", help="show errors only")
        how_much.add_argument(
            "--verbose", action="store_true", help="show the details of each step"
        )
        sub.set_defaults(run=run, parser=sub, commands=commands)
        return sub

    for name in COMMANDS:
        importlib.import_module(f"claxboi.commands.{name}").add(command)
    return parser
