# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Output of the commands: notes, warnings and errors, with options in place of Python arguments.
"""

import logging
import re
import shlex
import sys
import warnings
from contextlib import contextmanager

__all__ = ["in_options", "is_of_user", "shown"]

#: An argument as it stands in a message, such as ``training=`` or ``pos_error='2 arcsec'``.
_ARGUMENT = r"\b([a-z]\w*)=('[^']*'|True\b|\d+(?:\.\d+)?\b|\.\.\.)?(?![{\[(\w\"=])"


@contextmanager
def shown(args):
    """
    Show the notes and warnings of a command on standard error while it runs.

    Parameters
    ----------
    args : `~argparse.Namespace`
        The command line. ``quiet`` shows errors only, ``verbose`` the details.
    """
    from astropy.logger import conf

    from claxboi.utils import NOTE

    log = logging.getLogger("claxboi")
    handler, level = logging.StreamHandler(sys.stderr), log.level
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.setLevel(logging.INFO if args.verbose else NOTE)
    if args.quiet:
        handler = logging.NullHandler()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    seen = set()

    def show(message, *_args, **_kwargs):
        text = in_options(message, args)
        if not args.quiet and text not in seen:
            seen.add(text)
            sys.stderr.write(f"claxboi: warning: {text}\n")

    # When it is imported, astroquery would have warnings shown by its own log.
    with warnings.catch_warnings(), conf.set_temp("log_warnings", False):
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        try:
            yield
        finally:
            log.removeHandler(handler)
            log.setLevel(level)


def is_of_user(error):
    """
    Distinguish errors that claxboi raises on purpose from bugs.

    Parameters
    ----------
    error : Exception
        An error other than those of the system.

    Returns
    -------
    is_of_user : bool
    """
    from claxboi.io import FetchError
    from claxboi.utils import InputError

    # What cannot be imported is an optional package, which the message names.
    return isinstance(error, (InputError, FetchError, ImportError))


def in_options(message, args=None):
    """
    Replace the Python arguments in a message by the options of the command.

    Parameters
    ----------
    message : object
        The message.
    args : `~argparse.Namespace`, optional
        The parsed command line.

    Returns
    -------
    text : str
        On one line.

    Examples
    --------
    >>> from claxboi.cli import make_parser
    >>> from claxboi.commands._console import in_options
    >>> args = make_parser().parse_args(["demo"])
    >>> in_options("folder x has files; pass overwrite=True to replace them", args)
    'folder x has files; use --overwrite to replace them'
    >>> in_options("n_sources must be at least 500, got 3", args)
    '--n-sources must be at least 500, got 3'
    """
    text = " ".join(str(message).split())
    parser = getattr(args, "parser", None)
    if parser is None:
        return text
    options = {
        action.dest: next(flag for flag in action.option_strings if flag.startswith("--"))
        for action in parser._actions
        if action.option_strings and action.dest != "help"
    }

    def replaced(match):
        name, value = match[1], match[2] or ""
        if name not in options:
            return match[0]
        value = value.strip("'")
        value = "" if value in ("True", "...") else value
        return f"{options[name]} {shlex.quote(value)}" if value else options[name]

    text = re.sub(_ARGUMENT, replaced, text)
    # Arguments alone: as the subject of the message, or where the name cannot be a plain word.
    for alone in (r"^\w+(?= must )", r"(?<![-.\w/'])[a-z]+(_[a-z]+)+(?![\w.=/'])"):
        text = re.sub(alone, lambda match: options.get(match[0], match[0]), text)
    return re.sub(r"\b(pass|say) (?=--)", "use ", text)
