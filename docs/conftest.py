# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The snippets of the documentation are tested with the settings of the package's own tests.
"""

from claxboi.conftest import doctest_folder, pytest_configure  # noqa: F401
