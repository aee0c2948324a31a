# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Settings and fixtures that all tests share.
"""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from astropy.utils import iers

try:
    from pytest_astropy_header.display import PYTEST_HEADER_MODULES, TESTED_VERSIONS
except ImportError:  # the header is a convenience
    PYTEST_HEADER_MODULES, TESTED_VERSIONS = {}, {}


def pytest_configure(config):
    """
    Make each run the same wherever it runs: no display, no network, no settings of the user.
    """
    PYTEST_HEADER_MODULES.clear()
    for name in ("numpy", "scipy", "matplotlib", "astropy", "astroquery", "regions", "pyarrow"):
        PYTEST_HEADER_MODULES[name] = name
    from claxboi import __version__

    TESTED_VERSIONS["claxboi"] = __version__

    os.environ["MPLBACKEND"] = "Agg"
    iers.conf.auto_download = False
    for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        folder = tempfile.TemporaryDirectory(prefix="claxboi-test-")
        # astropy only uses these folders if they exist.
        Path(folder.name, "astropy").mkdir()
        os.environ[variable] = folder.name
        config.add_cleanup(folder.cleanup)


@pytest.fixture(autouse=True)
def doctest_folder(request, tmp_path_factory, monkeypatch):
    """
    Run each doctest in an empty folder, so that what it writes and draws ends with it.
    """
    if isinstance(request.node, pytest.Function):
        yield
        return
    monkeypatch.chdir(tmp_path_factory.mktemp("doctest"))
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="session")
def shared_path():
    """
    Find the folder of real catalogues and golden files that lies beside a development checkout.

    Returns
    -------
    path : `~pathlib.Path`
        The test is skipped where there is none.
    """
    for folder in Path(__file__).resolve().parents:
        if (folder / "pyproject.toml").is_file():
            path = folder.parent / "shared"
            if path.is_dir():
                return path
            pytest.skip("needs the folder ../shared beside the checkout")
    pytest.skip("needs a checkout of the source: the installed package has no ../shared")
