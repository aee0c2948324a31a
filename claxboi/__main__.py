# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
``python -m claxboi``: the command line.
"""

import sys

from claxboi.cli import main

if __name__ == "__main__":
    sys.exit(main())
