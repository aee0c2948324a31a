# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Read numbers, angles, flags and names from the columns of a catalogue, and combine them.
"""

import re

import numpy as np
from astropy import units as u
from astropy.coordinates import Angle
from astropy.table import Column

from claxboi.utils import (
    InputTypeError,
    InputValueError,
    float_values,
    hardness_ratio,
    is_missing,
    read_unit,
    text_values,
)

TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")

#: Julian year of the Modified Julian Date 0, and of the start of Swift's mission time.
_MJD_ZERO = 2000 - 51544.5 / 365.25
_MET_ZERO = 2001.0
_YEAR_S = 365.25 * 86400


#: Units at the end of names, ``ra_rad``, that mean nothing else.
UNIT_WORDS = ("deg", "degree", "degrees", "rad", "radian", "radians", "hour", "hours", "hourangle")
UNIT_WORDS += ("arcsec", "arcmin", "mas")


def unit_in_name(name, wanted):
    """
    Find the unit that the name of a column states, as ``RA [h]`` and ``ra_rad`` do.

    Parameters
    ----------
    name : str
        Name of a column that has no unit of its own.
    wanted : unit-like or None
        Unit to which it must convert: ``flux (0.5-2 keV)`` is not in keV.

    Returns
    -------
    unit : `~astropy.units.UnitBase` or None
        None if it states none.
    """
    match = re.search(r"[\[(]([^\[\]()]+)[\])]\s*$", name)
    word = re.split(r"[^0-9A-Za-z]+", name.strip().lower())[-1]
    text = match[1] if match else word if word in UNIT_WORDS and word != name.lower() else ""
    try:
        unit, wanted = read_unit(text), read_unit(wanted)
    except ValueError:
        return None
    if unit is None or wanted is None:
        return None
    if wanted == u.deg and unit == u.h:
        return u.hourangle
    return unit if unit.is_equivalent(wanted) else None


def read_numbers(table, name, unit=None, assumed=""):
    """
    Read a column of numbers, written as such or as text.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    name : str
        The column.
    unit : str, optional
        The unit wanted.
    assumed : str, optional
        Unit of a column without one, in its name either. Default: the one wanted.

    Returns
    -------
    values : `~numpy.ndarray` of float64
        NaN where missing.
    """
    column = table[name]
    if not hasattr(column, "dtype"):
        raise InputTypeError(f"column {name!r} must hold numbers, got {type(column).__name__}")
    own = getattr(column, "unit", None)
    if column.dtype.kind in "SUO":
        texts, missing = text_values(table, name)
        try:
            column = Column(np.where(missing, "nan", texts).astype(float), unit=own)
        except ValueError as err:
            bad = next(text for text in texts[~missing].tolist() if not _is_number(text))
            raise InputTypeError(f"column {name!r} must hold numbers, got {bad!r}") from err
    if own is None and (stated := unit_in_name(name, unit) or assumed):
        column = column.copy()
        column.unit = stated
    return float_values({name: column}, name, unit=unit)


def read_angles(table, name, is_hours):
    """
    Read right ascensions or declinations, in degrees or as sexagesimal text.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    name : str
        The column.
    is_hours : bool
        Whether sexagesimal text without a unit is in hours.

    Returns
    -------
    values : `~numpy.ndarray` of float64
        In degrees, NaN where missing.
    """
    unit = _unit_of_angle(table[name], name, is_hours)
    if table[name].dtype.kind in "SUO":
        texts, missing = text_values(table, name)
        there = texts[~missing]
        if len(there) and not is_number_text(there):
            values = np.full(len(texts), np.nan)
            usual = unit or (u.hourangle if is_hours else u.deg)
            if usual not in (u.hourangle, u.deg):
                raise u.UnitConversionError(
                    f"column {name!r} holds sexagesimal text and must be in deg or hourangle, "
                    f"got {unit}; correct it with units={{{name!r}: 'deg'}}"
                )
            try:
                angles = Angle(there, unit=usual)
            except ValueError as err:
                bad = next((text for text in there.tolist() if not is_angle_text([text])), there[0])
                raise InputTypeError(f"column {name!r} must hold angles, got {bad!r}") from err
            values[~missing] = angles.deg
            return values
    if (unit or unit_in_name(name, u.deg)) == u.hourangle:
        return read_numbers(table, name) * 15
    return read_numbers(table, name, "deg")


def read_components(table, names, is_hours):
    """
    Read angles whose parts are in columns of their own.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    names : sequence of str
        Hours, minutes and seconds; or sign, degrees, arcminutes and arcseconds.
    is_hours : bool
        Whether they are right ascensions.

    Returns
    -------
    values : `~numpy.ndarray` of float64
        In degrees, NaN where missing.
    """
    # Units such as h, min and s are those of the parts of an angle.
    parts = [read_numbers(table, name) for name in names[-3:]]
    # Catalogues leave out the seconds of positions that are known less well.
    parts[1:] = [np.nan_to_num(part) for part in parts[1:]]
    values = parts[0] + parts[1] / 60 + parts[2] / 3600
    if is_hours:
        return values * 15
    signs, _ = text_values(table, names[0])
    return np.where(np.char.startswith(signs, "-"), -1, 1) * values


_ANGLE = re.compile(r"[+-]?\d{1,3}(\.\d*)?([:hdms\u00b0'\"\s]+\d{1,2}(\.\d*)?){0,2}[hdms'\"\s]*")


def is_angle_text(texts):
    """
    Return whether all texts are numbers or sexagesimal angles.

    Parameters
    ----------
    texts : sequence of str
        The texts.

    Returns
    -------
    is_angle : bool
    """
    return all(_ANGLE.fullmatch(str(text).strip()) or _is_number(text) for text in texts)


def is_number_text(texts):
    """
    Return whether all texts are numbers.

    Parameters
    ----------
    texts : sequence of str
        The texts.

    Returns
    -------
    is_number : bool
    """
    return all(map(_is_number, texts))


def _unit_of_angle(column, name, is_hours):
    """Return the unit of a column of angles; None where it says none."""
    try:
        unit = read_unit(getattr(column, "unit", None))
    except ValueError as err:
        raise u.UnitConversionError(
            f"the unit {str(column.unit)!r} of column {name!r} cannot be read; correct it with "
            f"units={{{name!r}: 'deg'}}"
        ) from err
    # ``hours`` of a right ascension are an angle.
    return u.hourangle if is_hours and unit == u.h else unit


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_flags(table, name, at_least=1, texts=()):
    """
    Read a column of flags: bools, numbers, or words such as True and False.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    name : str
        The column.
    at_least : float, optional
        The smallest number that is true.
    texts : sequence of str, optional
        Words in lower case that are true; all others are then false.

    Returns
    -------
    values, missing : `~numpy.ndarray` of bool
    """
    kind = table[name].dtype.kind
    if kind == "b":
        return np.asarray(table[name]).astype(bool), is_missing(table, name)
    if kind in "iuf":
        values = float_values(table, name)
        return np.nan_to_num(values, nan=-np.inf) >= at_least, np.isnan(values)
    words, missing = text_values(table, name)
    words = np.char.lower(words)
    known = np.unique(words[~missing])
    if np.all(np.isin(known, TRUE + FALSE)):
        return np.isin(words, TRUE), missing
    if texts:
        return np.isin(words, texts), missing
    bad = next(word for word in known.tolist() if word not in TRUE + FALSE)
    raise InputTypeError(f"column {name!r} must hold flags such as True and False, got {bad!r}")


def read_names(table, names):
    """
    Read the identifiers: the first column that is complete and unique.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    names : sequence of str
        The columns.

    Returns
    -------
    values : `~numpy.ndarray` of str
        Values of the first column if none is unique.
    missing : `~numpy.ndarray` of bool
    name : str
        The column that was taken.
    """
    first = None
    for name in names:
        values, missing = text_values(table, name)
        first = first or (values, missing, name)
        if not missing.any() and len(set(values.tolist())) == len(values):
            return values, missing, name
    return first


def combine(rule, values, flux=None):
    """
    Make one column of several.

    Parameters
    ----------
    rule : str
        See ``data/missions.toml``.
    values : list of `~numpy.ndarray`
        The columns.
    flux : `~numpy.ndarray`, optional
        The flux, for the rule "relative".

    Returns
    -------
    values : `~numpy.ndarray` of float64
    """
    if rule == "column":
        return values[0]
    if rule == "rms":
        return np.sqrt(np.mean(np.square(values), axis=0))
    if rule == "limits":
        return (values[1] - values[0]) / 2
    if rule == "errors":
        # Lower errors are negative in some catalogues.
        return (np.abs(values[0]) + np.abs(values[1])) / 2
    if rule == "relative":
        rate, low, high = values
        return flux * (np.abs(low) + np.abs(high)) / 2 / np.where(rate > 0, rate, np.nan)
    if rule == "complement":
        return 1 - values[0]
    if rule in ("ratio", "ratio_error"):
        return hardness_ratio(*values)[rule == "ratio_error"]
    if rule in ("mjd", "met"):
        middle = np.mean(values, axis=0)
        return _MJD_ZERO + middle / 365.25 if rule == "mjd" else _MET_ZERO + middle / _YEAR_S
    raise InputValueError(f"rule must be one of those of a mission, got {rule!r}")
