# Licensed under a 3-clause BSD style license - see LICENSE.rst
import inspect

import pytest

from claxboi import XrayTable
from claxboi.utils import as_method


def measure(table, column, *, scale=1.0):
    """
    Measure a column.

    Of any kind.

    Parameters
    ----------
    table : Table
        The sources,
        all of them.
    column : str
        Its name.
    scale : float, optional
        The scale.

    Returns
    -------
    value : float
        The measure.

    Notes
    -----
    Nothing.

    Examples
    --------
    >>> measure({}, "a")
    ({}, 'a', 1.0)
    """
    return table, column, scale


class Owner:
    model = "model"
    measure = as_method(measure)
    measure_model = as_method(measure, lambda self: self.model)


def test_calls_the_function():
    owner = Owner()
    assert owner.measure("a", scale=2) == (owner, "a", 2)
    assert owner.measure_model("a") == ("model", "a", 1.0)
    with pytest.raises(TypeError, match="scal"):
        owner.measure("a", scal=2)


def test_has_its_signature_and_documentation():
    assert str(inspect.signature(Owner.measure)) == "(self, column, *, scale=1.0)"
    assert str(inspect.signature(Owner().measure)) == "(column, *, scale=1.0)"
    doc = inspect.getdoc(Owner.measure)
    assert doc.startswith("Measure a column.\n\nOf any kind.\n\nThis is `~claxboi.")
    assert "\ncolumn : str\n    Its name.\nscale : float, optional\n" in doc
    assert "Returns\n-------\nvalue" in doc
    for absent in ("table : Table", "all of them", "Notes", "Examples", ">>>"):
        assert absent not in doc


@pytest.mark.parametrize("name", [name for name in dir(XrayTable) if name.startswith("plot_")])
def test_methods_of_the_table_are_documented(name):
    method = getattr(XrayTable, name)
    doc = inspect.getdoc(method)
    for parameter in list(inspect.signature(method).parameters)[1:]:
        assert parameter in doc, f"{parameter} is not in the documentation of {name}"
