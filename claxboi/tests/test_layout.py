# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What the import contract cannot say: folders keep their private modules, and modules have one name.
"""

import ast
from collections import Counter
from pathlib import Path

import claxboi

ROOT = Path(claxboi.__file__).parent
MODULES = [path for path in sorted(ROOT.rglob("*.py")) if "tests" not in path.parts]
#: Beside a module of the same name: a command or the demonstration for scripts.
TWINS = {"__init__", "_arguments", "_classify", "_demo", "classify", "exceptions", "mixin"}


def _imports(path):
    """List the modules and names that a module imports, in functions too, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_folders_do_not_import_private_names_of_others():
    wrong = []
    for path in MODULES:
        own = path.relative_to(ROOT).parts[0]
        for name in _imports(path):
            package, *parts = name.split(".")
            # The command line is the door of the commands.
            if package != "claxboi" or len(parts) < 2 or parts[0] == own or own == "cli.py":
                continue
            if any(part.startswith("_") and not part.startswith("__") for part in parts[1:]):
                wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert not wrong


def test_modules_have_names_of_their_own():
    names = Counter(path.stem for path in MODULES)
    assert not {name for name, count in names.items() if count > 1} - TWINS
