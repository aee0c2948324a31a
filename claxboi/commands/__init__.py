# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
The commands of ``claxboi``, one a module.

Each module has a function ``add(command)``, which declares its arguments:
``command(name, run, summary)`` makes the parser, and ``run(args)`` is the job.
What is slow to import is imported in there, so that each command starts fast.
"""
