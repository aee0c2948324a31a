# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Test that each public name has a complete docstring with an example.
"""

import dataclasses
import importlib
import inspect
import re

import pytest

import claxboi

FOLDERS = [
    "applications",
    "catalog",
    "classification",
    "counterparts",
    "diagnostics",
    "pipeline",
    "properties",
    "references",
    "report",
    "sharing",
    "simulation",
    "training",
    "utils.exceptions",
    "votes",
]


#: What users meet of a folder that is else for claxboi itself.
SOME = {"io": ["read_table", "write_table"]}


def _public():
    """List by name what the folders export, and the methods of their classes, each once."""
    found = {}
    for folder in ("", *FOLDERS, *SOME):
        door = f"claxboi.{folder}".rstrip(".")
        module = importlib.import_module(door)
        for name in SOME.get(folder, module.__all__):
            thing = getattr(module, name)
            if not (inspect.isclass(thing) or inspect.isfunction(thing)):
                continue
            found.setdefault(thing, f"{door}.{name}")
            for method in vars(thing) if inspect.isclass(thing) else ():
                member = inspect.unwrap(getattr(thing, method))
                function = getattr(member, "__func__", member)
                if not method.startswith("_") and inspect.isfunction(function):
                    found.setdefault(function, f"{door}.{name}:{method}")
    return {name: thing for thing, name in found.items()}


PUBLIC = _public()


def _section(doc, title):
    """Return the text of a section of numpydoc, None where there is none."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n-+$|\Z)", doc, re.MULTILINE | re.DOTALL)
    return found and found[1]


def _parameters(thing):
    names = []
    for name, parameter in inspect.signature(thing).parameters.items():
        if name not in ("self", "cls"):
            star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
            names.append(star.get(parameter.kind, "") + name)
    return names


def _is_record(thing):
    """Say whether a class is an answer with named fields, which nobody makes by hand."""
    fields = hasattr(thing, "_fields") or dataclasses.is_dataclass(thing)
    return inspect.isclass(thing) and fields


def _is_caught(thing):
    """Say whether a class is only to be caught."""
    return inspect.isclass(thing) and issubclass(thing, (Exception, Warning))


def _fields(record):
    names = getattr(record, "_fields", None)
    return names or [one.name for one in dataclasses.fields(record)]


def _examples(thing):
    return _section(inspect.getdoc(thing) or "", "Examples") or ""


def _is_shown(name):
    """Say whether a name has an example, a method perhaps in that of its class."""
    if ">>> " in _examples(PUBLIC[name]):
        return True
    owner, _, method = name.partition(":")
    if not method:
        return False
    # What is mixed in calls a function of its step, which has an example of its own.
    calls = re.findall(r"`~(claxboi\.[\w.]+)`", inspect.getdoc(PUBLIC[name]) or "")
    if owner.endswith("Mixin") and any(_examples(PUBLIC[one]) for one in calls if one in PUBLIC):
        return True
    return bool(re.search(rf"\.{method}\(", _examples(PUBLIC[owner])))


@pytest.mark.parametrize("name", PUBLIC)
def test_docstring_is_complete(name):
    thing = PUBLIC[name]
    doc = inspect.getdoc(thing)
    assert doc, "no docstring"
    assert doc.split("\n\n")[0].strip().endswith("."), "no summary of one sentence"
    if _is_caught(thing):
        return
    text = _section(doc, "Parameters") or ""
    if inspect.isfunction(thing) or ("__init__" in vars(thing) and not _is_record(thing)):
        for parameter in _parameters(thing):
            assert re.search(rf"(^|, ){re.escape(parameter)}\b", text, re.MULTILINE), (
                f"parameter {parameter!r} is not described"
            )
    if inspect.isfunction(thing):
        source = inspect.getsource(thing)
        if re.search(r"^\s+(return|yield) (?!None\b)\S", source, re.MULTILINE):
            assert _section(doc, "Returns") or _section(doc, "Yields"), "no Returns"
    if _is_record(thing):
        text += _section(doc, "Attributes") or ""
        source = inspect.getsource(thing)
        for one in _fields(thing):
            # In the docstring of the record, or in a text below the field.
            below = rf'^    {one}: .*\n    """'
            assert re.search(rf"(^|, ){one}\b", text, re.MULTILINE) or re.search(
                below, source, re.MULTILINE
            ), f"field {one!r} is not described"
    assert _is_shown(name), "no example"


@pytest.mark.parametrize("name", PUBLIC)
def test_types_are_annotated(name):
    thing = PUBLIC[name]
    function = vars(thing).get("__init__") if inspect.isclass(thing) else thing
    if not inspect.isfunction(function) or _is_record(thing) or _is_caught(thing):
        return
    signature = inspect.signature(inspect.unwrap(function))
    bare = [
        one.name
        for one in signature.parameters.values()
        if one.annotation is one.empty and one.name not in {"self", "cls"}
    ]
    assert bare == []


def test_the_check_sees_what_is_absent():
    doc = "Do it.\n\nParameters\n----------\na : int\n    What.\n\nReturns\n-------\nb : int\n"
    assert "What." in _section(doc, "Parameters")
    assert "What." not in _section(doc, "Returns")
    assert _section(doc, "Examples") is None


def test_the_check_sees_what_is_not_shown(monkeypatch):
    class Thing:
        """
        Be a thing.

        Examples
        --------
        >>> Thing().used(1)
        """

        def used(self, value):
            """Do nothing."""

        def unused(self):
            """Do nothing; not the same as ``used``."""

    class Bare:
        """Be a thing."""

    for name, thing in {
        "x.Thing": Thing,
        "x.Thing:used": Thing.used,
        "x.Thing:unused": Thing.unused,
        "x.Bare": Bare,
    }.items():
        monkeypatch.setitem(PUBLIC, name, thing)
    assert _is_shown("x.Thing")
    assert _is_shown("x.Thing:used")
    assert not _is_shown("x.Thing:unused")
    assert not _is_shown("x.Bare")


def test_every_door_is_checked():
    doors = {name.split(".")[1] for name in PUBLIC if name.count(".") > 1}
    assert {folder.split(".")[0] for folder in FOLDERS} <= doors
    assert set(claxboi.__all__) - {"__version__", "conf"} <= {n.split(".")[1] for n in PUBLIC}
