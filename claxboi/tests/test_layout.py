# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the layout: folders use only public names of each other.
"""

import ast
from pathlib import Path

import claxboi

ROOT = Path(claxboi.__file__).parent


def private_imports(path):
    """
    List the imports in a module of private names and modules of other folders.
    """
    own = path.relative_to(ROOT).parts
    # The command line is the folder of its commands.
    folder = "commands" if own == ("cli.py",) else own[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            above = ["claxboi", *own[: -node.level]] if node.level else []
            module = node.module.split(".") if node.module else []
            names = [*above, *module, *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [part for alias in node.names for part in alias.name.split(".")]
        else:
            continue
        if names[0] != "claxboi" or names[1] == folder:
            continue
        yield from (
            f"{'/'.join(own)}: {name}"
            for name in names[2:]
            if name.startswith("_") and not name.startswith("__")
        )


def test_no_folder_uses_private_names_of_another():
    paths = [path for path in ROOT.rglob("*.py") if "tests" not in path.relative_to(ROOT).parts]
    assert len(paths) > 100
    assert [found for path in paths for found in private_imports(path)] == []


def test_private_names_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr("claxboi.tests.test_layout.ROOT", tmp_path)
    path = tmp_path / "report" / "_cards.py"
    path.parent.mkdir()
    path.write_text(
        "from claxboi.report._blocks import Blocks\n"
        "from claxboi import __version__\n"
        "from claxboi.io import read_table\n"
        "from ._figures import figure\n"
        "from claxboi.io import _secret\n"
        "from ..votes import _hidden\n"
        "import claxboi.training._catalogues\n"
        "def f():\n    from claxboi.classification._posterior import log_normalize\n"
    )
    assert [found.split()[1] for found in private_imports(path)] == [
        "_secret",
        "_hidden",
        "_catalogues",
        "_posterior",
    ]
