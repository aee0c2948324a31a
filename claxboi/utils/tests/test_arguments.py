# Licensed under a 3-clause BSD style license - see LICENSE.rst
import inspect
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from claxboi.utils import (
    InputError,
    InputKeyError,
    by_name,
    check_choice,
    check_columns,
    check_flag,
    check_mapping,
    check_merge,
    check_names,
    check_path,
    check_rng,
    check_text,
    checked,
    convert_values,
    quantity_value,
    shown,
)


@checked
def example(table, path="a", *, rng=None, label=None, classes=None, cache=True, overwrite=False):
    """Return the arguments."""
    return table, path, rng, label, classes, cache, overwrite


def test_the_decorated_function_looks_like_itself():
    assert example.__name__ == "example"
    assert example.__doc__ == "Return the arguments."
    assert list(inspect.signature(example).parameters)[:2] == ["table", "path"]


def test_right_arguments_arrive_as_they_are():
    rng = np.random.default_rng(1)
    given = {"rng": rng, "label": "class", "classes": ["a"], "cache": "only", "overwrite": True}
    assert example(1, Path("b"), **given) == (1, Path("b"), *given.values())
    assert example(1, overwrite=np.True_)[-1]
    # None is right where it is the default.
    assert example(1, rng=None, label=None, classes=None)[2:5] == (None, None, None)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("path", 5),
        ("path", None),
        ("rng", -1),
        ("rng", "x"),
        ("label", 5),
        ("classes", "AGN"),
        ("cache", "yes"),
        ("overwrite", "yes"),
        ("overwrite", 1),
        ("overwrite", None),
    ],
)
def test_wrong_arguments_are_named(name, wrong):
    with pytest.raises(InputError, match=rf"^{name} must be .*, got"):
        example(1, **{name: wrong})


def test_arguments_that_there_are_not():
    with pytest.raises(TypeError, match="nonsense"):
        example(1, nonsense=2)


@pytest.mark.parametrize(
    ("check", "right"),
    [
        (check_flag, False),
        (check_text, "x"),
        (check_names, ["a", "b"]),
        (check_mapping, {"a": 1}),
        (check_merge, {"XRB": ["LMXB"]}),
        (check_path, "a.fits"),
    ],
)
def test_checks_return_what_is_right(check, right):
    assert check(right, "argument") == right
    for wrong in (5, None, object(), [5], {5: 5}):
        with pytest.raises((TypeError, ValueError), match=r"^argument"):
            check(wrong, "argument")


def test_merge_takes_lists():
    with pytest.raises(TypeError, match=r"merge\['XRB'\] must be a list of labels"):
        check_merge({"XRB": 5})
    assert check_merge({"XRB": "LMXB"}) == {"XRB": ["LMXB"]}


def test_true_is_not_one():
    assert check_choice(1, (1, 2), "dimensions") == 1
    with pytest.raises(ValueError, match="dimensions must be one of 1, 2, got True"):
        check_choice(True, (1, 2), "dimensions")


def test_seeds_give_the_same_numbers():
    assert check_rng(3).random() == np.random.default_rng(3).random()


def test_quantities_have_a_minimum():
    assert quantity_value(5 * u.arcmin, "arcsec", "radius", minimum=0) == 300
    for wrong in (-1 * u.arcsec, np.nan * u.arcsec, [1, -1] * u.arcsec):
        with pytest.raises(ValueError, match="radius must be at least 0 arcsec, got"):
            quantity_value(wrong, "arcsec", "radius", minimum=0)


def test_values_are_shown_in_one_short_line():
    assert shown(Table({"a": [1, 2]})) == "a Table of 2 rows"
    assert shown("x" * 100) == "'" + "x" * 59 + "..."
    assert "\n" not in shown(np.ones((9, 9)))


def test_errors_of_the_caller_are_errors_of_python_too():
    with pytest.raises(InputKeyError) as caught:
        check_columns(Table({"a": [1]}), ["b"])
    assert isinstance(caught.value, KeyError)
    # Without the quotes that a KeyError puts around its message.
    assert str(caught.value).startswith("table has no column 'b'")
    with pytest.raises(InputError) as caught:
        convert_values(np.ones(1), "deg", "m", "x")
    assert isinstance(caught.value, u.UnitConversionError)


def test_values_by_name():
    assert by_name(0.5, ["a", "b"], "cutoff") == {"a": 0.5, "b": 0.5}
    assert by_name({"b": 0.7}, ["a", "b"], "cutoff", 0.5) == {"a": 0.5, "b": 0.7}
    with pytest.raises(ValueError, match=r"cutoff: unknown name 'c' \(names: a, b\)"):
        by_name({"c": 0.7}, ["a", "b"], "cutoff")
    with pytest.raises(ValueError, match="the one catalogue has no name; got the key 'c'"):
        by_name({"c": 0.7}, [None], "cutoff")
