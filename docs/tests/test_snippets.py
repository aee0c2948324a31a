# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests that all Python in the documentation is tested, or has a reason not to be.

Code with prompts is a doctest, and figures are drawn when the documentation is built.
"""

import ast
import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.rst"
MADE = {"_build", "api", "gallery"}
PAGES = sorted(
    path for path in ROOT.glob("docs/**/*.rst") if not MADE & set(path.relative_to(ROOT).parts)
)

#: A block that is or may be Python: its introduction and its indented lines.
BLOCK = re.compile(
    r"^(?P<head>[ ]*(?:\.\. code(?:-block)?:: (?:python|python3|py|pycon)"
    r"|\.\. doctest-skip.*|(?!\s*\.\. ).*::))\n"
    r"(?P<body>(?:[ \t]*\n)*(?P<indent>[ ]+)\S.*\n(?:(?P=indent).*\n|[ \t]*\n)*)",
    re.MULTILINE,
)
REASON = re.compile(r"^[ ]*\.\. Not tested, .*\.\n\n?\Z", re.MULTILINE)


def _is_python(head, body):
    """Check whether a block is named Python or parses as it."""
    if head.strip().startswith(".. "):
        return True
    try:
        tree = ast.parse(textwrap.dedent(body))
    except SyntaxError:
        return False
    # One word of prose, or of a command, is an expression too.
    return any(not isinstance(getattr(node, "value", None), ast.Name) for node in tree.body)


def _untested(text):
    """Find Python blocks without prompts, and whether each has a reason."""
    return [
        (found["body"], bool(REASON.search(text[: found.start()])))
        for found in BLOCK.finditer(text)
        if _is_python(found["head"], found["body"])
    ]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_is_tested_or_says_why_not(path):
    silent = [body for body, has_reason in _untested(path.read_text()) if not has_reason]
    assert not silent, f"not tested, and no reason:\n{''.join(silent)}"


def test_readme_runs(capsys):
    blocks = _untested(README.read_text())
    assert len(blocks) == 1
    exec(compile(textwrap.dedent(blocks[0][0]), README.name, "exec"), {})
    printed = capsys.readouterr().out
    assert "prediction" in printed
    assert "leave-one-out" in printed
    assert "SIM-0008 is " in printed


def test_the_check_sees_what_is_not_tested():
    block = "\n    from claxboi import classify\n    result = classify(table)\n"
    assert _untested(f"Do it::\n{block}") == [(block, False)]
    assert _untested(f".. code-block:: python\n{block}") == [(block, False)]
    assert _untested(f".. Not tested, for it is slow.\n\n.. code-block:: python\n{block}")[0][1]
    assert _untested(".. doctest-skip::\n\n    >>> 1\n") == [("\n    >>> 1\n", False)]
    assert not _untested("In a terminal::\n\n    claxboi demo\n")
    assert not _untested('.. code-block:: toml\n\n    base = "a"\n')
    assert not _untested(">>> 1\n1\n")


def test_all_pages_are_read():
    names = {path.stem for path in PAGES}
    assert {"index", "quickstart", "classification", "method", "faq"} <= names
