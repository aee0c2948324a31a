# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The commands of ``claxboi``, one per module.

Each module has a function ``add(command)`` that declares its arguments:
``command(name, run, summary, example)`` makes the parser, and ``run(args)`` does the job. Slow
imports are inside ``run``, after files and options were checked.
"""

from ._arguments import UsageError
from ._console import in_options, is_of_user, shown

__all__ = ["UsageError", "in_options", "is_of_user", "shown"]
