# Licensed under a 3-clause BSD style license - see LICENSE.rst
import inspect
import os
import warnings

import pytest
from astropy.utils.exceptions import AstropyUserWarning

from claxboi.utils import ClaxboiWarning, exceptions, warn


def library_function(depth):
    """Make a function that warns from ``depth`` calls inside of the package."""
    names = {"warn": warn}
    path = os.path.join(exceptions._PACKAGE, "step", "module.py")
    lines = ["def f0():", "    warn('look here')"]
    for i in range(1, depth + 1):
        lines += [f"def f{i}():", f"    f{i - 1}()"]
    exec(compile("\n".join(lines), path, "exec"), names)
    return names[f"f{depth}"]


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_a_warning_points_at_the_line_of_the_caller(depth):
    function = library_function(depth)
    line = inspect.currentframe().f_lineno + 2
    with pytest.warns(ClaxboiWarning, match="look here") as record:
        function()
    assert record[0].filename == __file__
    assert record[0].lineno == line


def test_a_warning_without_a_caller_outside(monkeypatch):
    monkeypatch.setattr(exceptions, "_is_library", lambda filename: True)
    with pytest.warns(ClaxboiWarning, match="nobody"):
        warn("nobody")


def test_a_category_of_its_own():
    class PickyWarning(ClaxboiWarning):
        """A warning of a test."""

    with pytest.warns(PickyWarning, match="hm"):
        warn("hm", PickyWarning)


def test_all_warnings_are_silenced_at_once():
    assert issubclass(ClaxboiWarning, AstropyUserWarning)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ClaxboiWarning)
        warn("unheard")
    assert not record
