# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Settings of the doctests, which are those of the package.
"""

from claxboi.conftest import doctest_folder, pytest_configure  # noqa: F401
