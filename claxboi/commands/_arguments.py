# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Command-line arguments, and their conversion to arguments of the functions.
"""

import argparse
import re
from pathlib import Path

from claxboi.suffixes import MODEL_SUFFIX

__all__ = [
    "PROPERTIES_FILE",
    "TABLE",
    "UsageError",
    "add_model",
    "add_offline",
    "add_options",
    "add_overwrite",
    "add_pos_error",
    "add_result",
    "add_seed",
    "add_settings",
    "add_table",
    "existing_file",
    "parse_decision",
    "parse_priors",
    "parse_settings",
    "parse_training",
]


class UsageError(ValueError):
    """
    The command line is wrong.
    """


#: Formats of a table of sources.
TABLE = "table of sources: FITS, VOTable, ECSV, Parquet, CSV, or another format that astropy reads"

#: What an option with one number for each name looks like.
_EXAMPLES = {
    "priors": "AGN=0.66,star=0.34",
    "weights": "location=9,spectrum=8.6",
    "decision": "CV=5,XRB=2",
}

#: Help on the file of ``--properties``.
PROPERTIES_FILE = """

The file of --properties is TOML. A key with a list is a category and its columns. A key with a
table is a column and its settings (the arguments of claxboi.Property; inf is an open bound):

    spectrum = ["hr1", "hr2"]

    [log_lx]
    category = "location"
    error = "log_lx_error"
    bounds = [28.0, inf]
    components = [{class_name = "AGN", fraction = 0.1, density = [[28, 45], [0, 1]]}]
"""


def existing_file(text):
    """
    Check that a file is there, before anything slow is imported.

    Parameters
    ----------
    text : str
        Its name.

    Returns
    -------
    text : str
    """
    # A table of a file is named as file.fits#2.
    name, mark, _ = text.rpartition("#")
    if not Path(text).exists() and not (mark and Path(name).exists()):
        raise FileNotFoundError(f"there is no file {text}")
    return text


def add_options(sub, *options):
    """
    Add options without a default: that of the Python function is taken.

    Parameters
    ----------
    sub : `~argparse.ArgumentParser`
        The command.
    *options : (str, type, str)
        Name, type and help of each.
    """
    for name, kind, text in options:
        sub.add_argument(f"--{name}", type=kind, help=text, default=argparse.SUPPRESS)


def add_table(sub, metavar="TABLE"):
    """
    Add the argument that names the table of sources.

    Parameters
    ----------
    sub : `~argparse.ArgumentParser`
        The command.
    metavar : str, optional
        Its name in the help.
    """
    sub.add_argument("table", metavar=metavar, type=existing_file, help=TABLE)


def add_result(sub):
    """
    Add the argument that names a classified table.

    Parameters
    ----------
    sub : `~argparse.ArgumentParser`
        The command.
    """
    sub.add_argument(
        "table", metavar="OUT", type=existing_file, help="table that classify or run wrote"
    )


def add_model(sub):
    """
    Add the option that names the model of a classified table.

    Parameters
    ----------
    sub : `~argparse.ArgumentParser`
        The command.
    """
    sub.add_argument(
        "--model",
        metavar="FILE",
        type=existing_file,
        help=f"model that classified it (default: OUT{MODEL_SUFFIX})",
    )


def add_offline(sub):
    """
    Add the option that forbids requests to services.

    Parameters
    ----------
    sub : `~argparse.ArgumentParser`
        The command.
    """
    sub.add_argument(
        "--offline",
        action="store_true",
        help="query no service; data that are not on this computer are an error",
    )


def add_seed(sub, default=None):
    """
    Add the option that seeds the random numbers.

    Parameters
    ----------
    sub : `~argparse.ArgumentParser`
        The command.
    default : int, optional
        Its default.
    """
    known = "" if default is None else f" (default {default})"
    sub.add_argument(
        "--rng", type=_seed, default=default, help=f"seed of the random numbers{known}"
    )


def add_overwrite(sub, text="replace existing files"):
    """
    Add the option to replace files.

    Parameters
    ----------
    sub : `~argparse.ArgumentParser`
        The command.
    text : str, optional
        Its help.
    """
    sub.add_argument("--overwrite", action="store_true", help=text)


def add_pos_error(sub):
    """
    Add the option that names the positional error.

    Parameters
    ----------
    sub : `~argparse.ArgumentParser`
        The command.
    """
    sub.add_argument(
        "--pos-error",
        metavar="COLUMN|ANGLE",
        help="column of the positional error, or one value such as 2arcsec (1 sigma per axis)",
    )


def add_settings(sub):
    """
    Add the settings of a classifier.

    Parameters
    ----------
    sub : `~argparse.ArgumentParser`
        The command.
    """
    add_options(
        sub,
        ("label", str, "column with the known classes (default: class)"),
        (
            "priors",
            str,
            "AGN=0.66,star=0.25,...; training (default, with a warning); estimate; or sky",
        ),
        (
            "properties",
            str,
            "columns, such as hr1,hr2; or a TOML file (default: known ones, else likely ones)",
        ),
    )
    sub.add_argument(
        "--category",
        action="append",
        metavar="NAME=COLUMN,...",
        help="category of some columns; may be repeated",
    )
    sub.add_argument(
        "--training",
        metavar="TABLE|MISSION",
        help="labelled table, or a mission such as 4XMM to build its sample (default: the labelled "
        "rows of TABLE)",
    )
    sub.add_argument(
        "--model",
        metavar="FILE",
        type=existing_file,
        help="fitted model, written by train or classify",
    )
    add_options(
        sub,
        ("id", str, "column with the identifiers of the sources (default: source_id)"),
        ("weight", str, "column with the weight of each labelled row (default: 1)"),
        ("weights", str, "published, or location=9,spectrum=8.6,... (default: fitted)"),
        ("recipe", str, "default, published or original: sets the four options below"),
        ("normalization", str, "none (default), published or original"),
        ("missing", str, "existence (default), ignore or sentinel"),
        ("kernel", str, "exponential (default) or gaussian"),
        ("bandwidth", str, "likelihood (default), silverman, published or a number"),
        ("min-class-size", int, "minimum size of a class; smaller ones are left out (default 3)"),
        ("shrinkage", str, "strength of the shrinkage of refined terms, or cv (default 1)"),
    )
    sub.add_argument(
        "--refine",
        action=argparse.BooleanOptionalAction,
        default=argparse.SUPPRESS,
        help="add shrunk terms of properties and pairs (default: by the recipe)",
    )
    sub.add_argument(
        "--merge", action="append", metavar="NEW=A+B", help="merge classes; may be repeated"
    )
    sub.add_argument("--optimize", help="log_loss (default without --weights) or f1")
    sub.add_argument("--target", metavar="CLASS", help="maximize the F1 of this class alone")
    add_seed(sub)


def _seed(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"it must be a whole number of at least 0, got {text!r}")
    return int(text)


def parse_training(text):
    """
    Distinguish a labelled table from the name of a mission.

    Parameters
    ----------
    text : str or None
        The argument.

    Returns
    -------
    training : `~astropy.table.Table`, str or None
        The argument of `claxboi.classify`.
    """
    if text is None:
        return None
    from claxboi.catalog import missions

    if not Path(text).exists() and any(one.is_named(text) for one in missions().values()):
        return text
    from claxboi.io import read_table

    if not Path(text).exists():
        raise FileNotFoundError(
            f"there is no file {text} and no mission of that name (missions: "
            f"{', '.join(missions())})"
        )
    return read_table(text)


def parse_settings(args):
    """
    Collect the settings that were given.

    Parameters
    ----------
    args : `~argparse.Namespace`
        The parsed command line. What was not given has no attribute: the default is Python's.

    Returns
    -------
    settings : dict
        Arguments of `claxboi.classify`.
    """
    settings = {
        name: getattr(args, name)
        for name in (
            "label",
            "weight",
            "id",
            "recipe",
            "normalization",
            "missing",
            "kernel",
            "bandwidth",
            "min_class_size",
            "refine",
            "shrinkage",
        )
        if hasattr(args, name)
    }
    for name in ("bandwidth", "shrinkage"):
        if name in settings and _is_number(settings[name]):
            settings[name] = float(settings[name])
    if hasattr(args, "weights"):
        settings["weights"] = _numbers(args.weights, "weights")
    if args.merge:
        settings["merge"] = {
            name: labels.split("+")
            for name, labels in (_pair(text, "merge", "XRB=LMXB+HMXB") for text in args.merge)
        }
    properties = _properties(getattr(args, "properties", None), args.category or [])
    return settings if properties is None else settings | {"properties": properties}


def parse_priors(args):
    """
    Return the priors that were given.

    Parameters
    ----------
    args : `~argparse.Namespace`
        The parsed command line.

    Returns
    -------
    priors : dict, list, str or None
        The argument of `claxboi.classify`.
    """
    text = getattr(args, "priors", None)
    return None if text is None else _numbers(text, "priors")


def parse_decision(args):
    """
    Return the decision rule that was given.

    Parameters
    ----------
    args : `~argparse.Namespace`
        The parsed command line.

    Returns
    -------
    decision : str or dict
        The argument of `claxboi.classify`.
    """
    text = getattr(args, "decision", "probable")
    return {"f1": text[3:]} if text.startswith("f1=") else _numbers(text, "decision")


def _numbers(text, name):
    """Parse ``a=1,b=2`` as a mapping and ``1,2`` as a list; Python judges any other text."""
    parts = [part.strip() for part in text.split(",")]
    if all(map(_is_number, parts)):
        return list(map(float, parts))
    if "=" not in text:
        return text
    example = _EXAMPLES[name]
    numbers = {}
    for part in parts:
        key, value = _pair(part, name, example)
        if key in numbers or not _is_number(value):
            problem = "named twice" if key in numbers else f"got {value!r}"
            raise UsageError(f"{name} must be one number each, such as {example}; {key}: {problem}")
        numbers[key] = float(value)
    return numbers


def _pair(text, name, example):
    key, separator, value = (part.strip() for part in text.rpartition("="))
    if not separator or not key or not value:
        raise UsageError(f"{name} must look like {example}, got {text!r}")
    return key, value


def _is_number(text):
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text.strip()) is not None


def _properties(text, categories):
    chosen = {}
    for item in categories:
        category, columns = _pair(item, "category", "spectrum=hr1,hr2")
        chosen |= {name.strip(): category for name in columns.split(",")}
    if text is None:
        return [_entry(name, category) for name, category in chosen.items()] or None
    if text.lower().endswith(".toml"):
        if chosen:
            raise UsageError("--category cannot be given with a TOML file of properties")
        return _read_properties(Path(text))
    if Path(text).is_file():
        raise UsageError(f"properties must be columns such as hr1,hr2 or a TOML file, got {text!r}")
    names = [name.strip() for name in text.split(",") if name.strip()]
    return [_entry(name, chosen.get(name)) for name in dict.fromkeys([*names, *chosen])]


def _entry(name, category):
    """Return an entry of ``properties=``; without a category, `classify` finds it."""
    return name if category is None else {"column": name, "category": category}


def _read_properties(path):
    import tomllib

    from claxboi.classification import Component, Property

    if not path.is_file():
        raise FileNotFoundError(f"there is no file of properties {path}")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as err:  # of TOML, and of Unicode
        raise UsageError(f"{path} is not TOML: {err}") from err
    records = []
    for key, value in content.items():
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            records += [{"column": name, "category": key} for name in value]
            continue
        if not isinstance(value, dict):
            raise UsageError(
                f"{path}: {key!r} must be a list of columns (of a category) or a table with the "
                f"fields of a column, got {value!r}"
            )
        fields = dict(value)
        unknown = fields.keys() - Property.__dataclass_fields__.keys()
        if unknown or "column" in fields:
            known = ", ".join(name for name in Property.__dataclass_fields__ if name != "column")
            raise UsageError(
                f"{path}: column {key!r} may have {known}; got {', '.join(sorted(fields))}"
            )
        if "bounds" in fields:
            infinite = (float("inf"), float("-inf"))
            fields["bounds"] = [None if edge in infinite else edge for edge in fields["bounds"]]
        try:
            fields["components"] = [Component(**part) for part in fields.get("components", ())]
            # Checked here, so that a mistake is reported with the name of the file.
            Property(key, **fields)
            records.append({"column": key, **fields})
        except (TypeError, ValueError) as err:
            raise UsageError(f"{path}: column {key!r}: {err}") from err
    return records
