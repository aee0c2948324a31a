# Licensed under a 3-clause BSD style license - see LICENSE.rst
import textwrap
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.rst"


@pytest.mark.skipif(not README.is_file(), reason="the installed package has no README")
def test_the_example_of_the_readme_runs(capsys):
    text = README.read_text(encoding="utf-8").split(".. code-block:: python\n")[1]
    # The block ends where the text is no longer indented.
    lines = text.splitlines()
    end = next(i for i, line in enumerate(lines) if line and not line.startswith(" "))
    code = textwrap.dedent("\n".join(lines[:end]))
    assert len([line for line in code.splitlines() if line]) <= 10
    exec(compile(code, str(README), "exec"), {})
    shown = capsys.readouterr().out
    assert "leave-one-out" in shown
    assert "SIM-0008 is" in shown
