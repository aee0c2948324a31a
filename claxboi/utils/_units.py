# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Read units, as astropy or as catalogues write them, and convert values.
"""

import functools
import re
import warnings

import numpy as np
from astropy import units as u

from .exceptions import ClaxboiWarning, InputTypeError, InputUnitError, InputValueError, warn

__all__ = [
    "ImplausibleValueWarning",
    "check_magnitude_system",
    "check_plausible",
    "convert_values",
    "read_unit",
]


class ImplausibleValueWarning(ClaxboiWarning):
    """
    Values outside the plausible range; their unit is probably wrong.
    """


#: Placeholders for no unit.
_NO_UNIT = frozenset({"", "-", "--", "---", "none", "null", "n/a", "no unit", "no units"})

#: Whole texts, in lower case.
_PHRASES = {
    '"': "arcsec",
    "''": "arcsec",
    "'": "arcmin",
    "amin": "arcmin",
    "arc sec": "arcsec",
    "arc min": "arcmin",
    "arc second": "arcsec",
    "arc minute": "arcmin",
    "arc-sec": "arcsec",
    "arc-min": "arcmin",
    "arc-second": "arcsec",
    "arc-minute": "arcmin",
    "second of arc": "arcsec",
    "minute of arc": "arcmin",
    "milli arcsec": "mas",
    "decimal degrees": "deg",
    "decimal degree": "deg",
    "decimal hours": "hourangle",
    "hour angle": "hourangle",
    "hours of ra": "hourangle",
    "ma/yr": "mas / yr",  # of VizieR's Tycho-2
    "h:m:s": "hourangle",
    "hh:mm:ss": "hourangle",
    "hms": "hourangle",
    "d:m:s": "deg",
    "dd:mm:ss": "deg",
    "dms": "deg",
    "decimal years": "yr",
    "decimal year": "yr",
    "julian years": "yr",
    "julian year": "yr",
    "julian date": "d",
    "julian days": "d",
    "modified julian date": "d",
    "modified julian days": "d",
    "mjd": "d",
    "jd": "d",
    "dimensionless": "",
    "unitless": "",
    "sigma": "",
}

#: Single words in lower case, without a plural s. Those in ``_NO_CAPITALS`` mean two things where
#: a text is in capitals throughout (MJY: mJy or MJy) and are not read there.
_WORDS = {
    "deg": "degree degr",
    "rad": "radian",
    "arcsec": "arcsecond asec arc",
    "arcmin": "arcminute arcm",
    "mas": "milliarcsec milliarcsecond",
    "uas": "microarcsec microarcsecond uarcsec",
    "hourangle": "",
    "s": "sec second",
    "ks": "ksec kilosecond",
    "ms": "msec millisecond",
    "Ms": "megasecond",
    "min": "minute",
    "h": "hr hour",
    "d": "day",
    "yr": "year jyear jyr",
    "erg": "",
    "cm": "",
    "m": "meter metre",
    "km": "",
    "nm": "nanometer nanometre",
    "um": "micron micrometer micrometre",
    "Angstrom": "ang",
    "W": "watt",
    "mW": "milliwatt",
    "J": "joule",
    "eV": "",
    "keV": "",
    "MeV": "",
    "GeV": "",
    "Jy": "jansky",
    "mJy": "millijansky",
    "uJy": "microjansky microjy",
    "nJy": "nanojansky",
    "pc": "parsec",
    "kpc": "kiloparsec",
    "Mpc": "megaparsec",
    "mag": "magnitude",
    "mmag": "millimag",
    "ct": "cnt count",
    "ph": "photon phot",
    "pix": "pixel",
    "Hz": "hertz",
    "K": "kelvin",
    "": "atom",
    "sr": "ster steradian",
    "solMass": "msun msol",
    "solLum": "lsun lsol",
}
_NO_CAPITALS = frozenset({"mjy", "mw", "ms", "msec", "mev"})

#: Words whose capital letter counts.
_EXACT = {"Msec": "Ms", "Msecs": "Ms"}

#: A frame or an equinox beside a unit.
_FRAME = re.compile(r"[,(]?\s*\b(?:[JB]\d{4}(?:\.\d+)?|ICRS|FK[45])\b\)?")

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SYMBOLS = {
    "\N{DEGREE SIGN}": "deg",
    "\N{DOUBLE PRIME}": "arcsec",
    "\N{PRIME}": "arcmin",
    "\N{MICRO SIGN}": "u",
    "\N{GREEK SMALL LETTER MU}": "u",
    "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}": "Angstrom",
    "\N{MULTIPLICATION SIGN}": " ",
    "\N{MIDDLE DOT}": " ",
    "\N{DOT OPERATOR}": " ",
    "\N{MINUS SIGN}": "-",
}


@functools.cache
def _words():
    table = {}
    for unit, others in _WORDS.items():
        for word in (unit.lower(), *others.split()):
            table[word] = unit
    return table


def read_unit(unit):
    """
    Read a unit as astropy or a catalogue writes it.

    Parameters
    ----------
    unit : str, `~astropy.units.UnitBase` or None
        The unit: in any notation of astropy, or as catalogues have it: ``DEGREE``, ``RADIANS``,
        ``MAS``, ``[deg]``, ``10-14mW/m2``, ``1E-14 erg/cm^2/s``, ``SEC``, ``AB mag``. Square
        brackets mean a logarithm to base 10, as at CDS, except around a unit of angle, time or
        magnitude.

    Returns
    -------
    unit : `~astropy.units.UnitBase` or None
        None where there is none: ``None``, an empty text or unit, dashes.

    Raises
    ------
    TypeError
        If it is neither text nor a unit.
    ValueError
        If it cannot be read.

    Examples
    --------
    >>> from claxboi.utils import read_unit
    >>> read_unit("DEGREES")
    Unit("deg")
    >>> read_unit("10^-14 erg cm^-2 s^-1")
    Unit("1e-14 erg / (s cm2)")
    >>> read_unit("[erg/s]")
    Unit("dex(erg / s)")
    """
    if unit is None or unit is np.ma.masked:
        return None
    if isinstance(unit, (u.UnitBase, u.FunctionUnitBase)):
        if not isinstance(unit, u.UnrecognizedUnit):
            return None if unit == u.dimensionless_unscaled else unit
        unit = unit.to_string()
    elif isinstance(unit, u.StructuredUnit):
        unit = unit.to_string()
    if not isinstance(unit, str):
        raise InputTypeError(f"unit must be a text or a unit of astropy, got {unit!r}")
    return _read(unit)


@functools.lru_cache(maxsize=1024)
def _read(text):
    if text.strip().lower() in _NO_UNIT:
        return None
    text = _FRAME.sub("", text.strip())
    found = _magnitude(text) or _phrase(text) or _parse(text) or _interpret(text)
    if found is None:
        raise InputValueError(f"unit {text!r} cannot be read")
    return None if found == u.dimensionless_unscaled else found


def _parse(text):
    # Astropy warns of several slashes, which it reads as all do.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        try:
            unit = u.Unit(text)
        except (ValueError, TypeError):
            return None
    # Commas make a unit of several fields.
    return None if isinstance(unit, u.StructuredUnit) else unit


def _interpret(text):
    """Read a unit that astropy does not know as it stands; None if this cannot either."""
    text = text.translate(_SUPERSCRIPTS)
    for symbol, word in _SYMBOLS.items():
        text = text.replace(symbol, word)
    # LaTeX, and the raised exponents of machine-readable tables: 10^-14^.
    text = re.sub(r"\\(?:rm|mathrm|times|cdot|,|;|:)|[$]|\\", " ", text)
    text = re.sub(r"\^\s*\{?\s*([-+]?\d+)\s*\}?\^?", r"**(\1)", text)
    text = text.replace("{", " ").replace("}", " ").strip()
    if match := re.fullmatch(r"""(["'])(.+)\1""", text):
        text = match[2]
    text = re.sub(r"'([A-Za-z]+)'", r"\1", text).rstrip(".,;: ")

    if match := re.fullmatch(r"(?:log(?:10)?|dex)\s*[\[(](.+)[\])]", text, re.IGNORECASE):
        inside = _read_inside(match[1])
        return None if inside is None else u.dex(inside)
    if match := re.fullmatch(r"[\[(<](.+)[\])>]", text):
        inside = _read_inside(match[1])
        if inside is None or not text.startswith("[") or _is_plain(inside):
            return inside
        return u.dex(inside)
    if system := _magnitude(text):
        return system
    factor, rest = _split_factor(text)
    unit = _phrase(rest) or _parse(_translate(rest))
    if unit is None or factor == 1:
        return unit
    return unit if isinstance(unit, u.FunctionUnitBase) else u.Unit(factor * unit)


def _read_inside(text):
    try:
        return _read(text.strip())
    except ValueError:
        return None


def _is_plain(unit):
    """Return whether brackets around a unit are not a logarithm, as around an angle."""
    if isinstance(unit, u.FunctionUnitBase) or unit.scale != 1:
        return True
    return any(unit.is_equivalent(plain) for plain in (u.deg, u.s, u.mag, u.deg / u.s))


def _magnitude(text):
    """Read a magnitude of a named system."""
    match = re.fullmatch(
        r"(?i)(?:(ab|st|vega)[\s_\-]*mags?|mags?(?:nitudes?)?[\s_\-]*[\[(]?\s*(ab|st|vega)\s*[\])]?)",
        text,
    )
    if match is None:
        return None
    system = (match[1] or match[2]).upper()
    # Vega is what plain magnitudes are: astropy has no unit of it.
    return u.mag if system == "VEGA" else u.mag(system)


def _split_factor(text):
    """Split a number from the start of a unit."""
    power = r"10\s*(?:\*\*|\^)\s*\(?\s*([-+]?\d+)\s*\)?"
    for pattern in (
        rf"(?:(\d*\.?\d+\.?)\s*[x*]\s*)?x?\s*{power}",
        r"()10([-+]\d+)",
        r"(\d+\.?\d*|\.\d+)?[eE]([-+]?\d+)",
        r"(\d+\.?\d*|\.\d+)()",
    ):
        if match := re.match(pattern, text):
            rest = text[match.end() :].lstrip(" .*x")
            if rest and rest[0] not in "+-0123456789":
                return float(f"{match[1] or 1}e{match[2] or 0}"), rest
    return 1.0, text


def _phrase(text):
    """Read a unit that is one word or a phrase."""
    plain = " ".join(text.lower().split())
    for form in (plain, plain.removesuffix("s"), plain.replace("seconds", "second")):
        if form in _PHRASES:
            return u.Unit(_PHRASES[form])
    return None


def _translate(text):
    """Replace words of catalogues by the unit names of astropy."""
    capitals = text.upper() == text
    text = re.sub(r"(?i)\bper\b", "/", text)
    text = re.sub(r"(?i)\b(?:square|sq\.?)\s*([a-z]+)", r"\1**2", text)

    def word(match):
        own = match[0]
        if own in _EXACT:
            return _EXACT[own]
        if not capitals and _parse(own) is not None:
            return own
        lower = own.lower()
        if capitals and lower in _NO_CAPITALS:
            return "?"
        for form in (lower, lower.removesuffix("s")):
            if form in _words():
                return _words()[form]
        return own

    return re.sub(r"[A-Za-z]+", word, text).strip()


def convert_values(values, unit, wanted, what, *, column=None):
    """
    Convert numbers from their unit to another.

    Parameters
    ----------
    values : `~numpy.ndarray` of float64
        The numbers.
    unit : unit-like or None
        Their unit, as read by `read_unit`; None: they are taken to be in the one wanted.
    wanted : unit-like or None
        The unit wanted; None: the numbers as they are.
    what : str
        Name of the values, for messages: ``"column 'ra' of table"``.
    column : str, optional
        Name of the column, for the remedy in messages.

    Returns
    -------
    values : `~numpy.ndarray` of float64

    Raises
    ------
    `~astropy.units.UnitConversionError`
        If the unit cannot be read, or does not convert.

    Examples
    --------
    >>> import numpy as np
    >>> from claxboi.utils import convert_values
    >>> convert_values(np.array([60.0]), "ARCMIN", "deg", "size")
    array([1.])
    """
    if wanted is None or unit is None:
        return values
    if str(unit) == str(wanted):
        # Two columns in one unit agree even where nobody can read it.
        return values
    own, reason = None, ""
    try:
        own = read_unit(unit)
        if own is None:
            return values
    except ValueError:
        reason = ", which cannot be read"
    try:
        wanted = read_unit(wanted) or u.dimensionless_unscaled
    except ValueError:
        wanted, reason = str(wanted), ""
    if own is not None and not isinstance(wanted, str):
        # Astropy takes PC, S and amin for petacoulomb, siemens and attominute.
        text = str(unit)
        for candidate in (own, _magnitude(text) or _phrase(text) or _interpret(text)):
            converted = None if candidate is None else _convert(values, candidate, wanted)
            if converted is not None:
                return converted
    remedy = ""
    if column is not None and str(wanted):
        remedy = (
            f"; if it is wrong, correct it with table[{column!r}].unit = '{wanted}', or "
            f"standardize(table, units={{{column!r}: '{wanted}'}})"
        )
    raise InputUnitError(
        f"{what} must have a unit that converts to {str(wanted) or 'a pure number'}, got "
        f"{unit}{reason}{remedy}"
    )


def _convert(values, own, wanted):
    # The numbers of a column in mag(AB) are in mag.
    if isinstance(own, u.MagUnit) and wanted == u.mag:
        return values
    # The numbers of a logarithm of a ratio, in dex, stay as they are.
    if own == u.dex and wanted == u.dimensionless_unscaled:
        return values
    if isinstance(wanted, u.FunctionUnitBase):
        return values if own == wanted else None
    if isinstance(own, u.DexUnit) and own.physical_unit.is_equivalent(wanted):
        if own.physical_unit.is_equivalent(u.erg / u.s / u.cm**2) and not np.any(values < 0):
            # The logarithm of an X-ray flux is below 0, and a flux never is.
            return values * own.physical_unit.to(wanted)
        return 10.0**values * own.physical_unit.to(wanted)
    if isinstance(own, u.FunctionUnitBase):
        own = own.function_unit
    try:
        return u.Quantity(values, own, copy=False).to_value(wanted)
    except (ValueError, TypeError):
        return None


def check_magnitude_system(unit, system, what):
    """
    Check that the unit of magnitudes does not name another system.

    Parameters
    ----------
    unit : unit-like or None
        Their unit.
    system : {"Vega", "AB"}
        The system that is needed.
    what : str
        Name of the values, for messages.

    Raises
    ------
    `~astropy.units.UnitConversionError`
        If it names another one. A plain ``mag`` names none.

    Examples
    --------
    >>> from astropy import units as u
    >>> from claxboi.utils import check_magnitude_system
    >>> check_magnitude_system(u.mag, "Vega", "column 'w1_mag' of table")
    """
    try:
        own = read_unit(unit)
    except ValueError:
        return
    named = "Vega" if "vega" in str(unit).lower() else ""
    if isinstance(own, u.MagUnit):
        named = "AB" if own == u.mag("AB") else str(own)
    if named and named != system:
        raise InputUnitError(
            f"{what} must hold {system} magnitudes, got the unit {str(unit)!r}; convert them, "
            "which depends on the band, or take another column"
        )


#: Plausible range, by column of the vocabulary: unit, lowest, highest.
_PLAUSIBLE = (
    (re.compile(r"flux(_min|_max|_limit|\d+)?"), u.erg / u.s / u.cm**2, 1e-20, 1e-6),
    (re.compile(r"pos_error(_major|_minor)?"), u.arcsec, 1e-3, 3600.0),
    (re.compile(r"epoch|ref_epoch"), u.yr, 1850.0, 2100.0),
)


def check_plausible(values, name, what, *, column=None):
    """
    Warn if the median of a quantity is implausible.

    Parameters
    ----------
    values : `~numpy.ndarray` of float64
        The numbers in the unit of the vocabulary; those that are NaN or not above 0 do not count.
    name : str
        Name in the vocabulary: ``flux``, ``pos_error``, ``epoch`` and the like are
        checked, anything else is not.
    what : str
        Name of the values, for messages: ``"column 'Fx' of table"``.
    column : str, optional
        Name of the column, or several with commas, for the remedy. Default: ``name``.

    Warns
    -----
    ImplausibleValueWarning
        With the median, the bounds, and the unit that is likely; or with the number of values
        that are out of bounds, such as marks for a missing value.

    Examples
    --------
    >>> import numpy as np
    >>> from claxboi.utils import check_plausible
    >>> check_plausible(np.array([1e-14]), "flux", "column 'flux' of table")
    """
    for pattern, unit, low, high in _PLAUSIBLE:
        if not pattern.fullmatch(name):
            continue
        finite = values[np.isfinite(values)]
        known = finite[finite > 0]
        if not len(known):
            return
        median = float(np.median(known))
        if low <= median <= high:
            # Faint bands have values near 0, but nothing is as bright as a mark for "no value".
            bad = finite[(finite > high) | ((finite < low) & (unit == u.yr))]
            if len(bad):
                warn(
                    f"{what} has {len(bad)} implausible values such as {bad[0]:.4g} {unit}, "
                    f"expected {low:g} to {high:g}; mask those that stand for a missing value",
                    ImplausibleValueWarning,
                )
            return
        likely = _likely_unit(median, unit, low)
        units = ", ".join(f"{own!r}: '{likely}'" for own in (column or name).split(", "))
        hint = f"; its unit is probably {likely}: units={{{units}}}"
        warn(
            f"{what} is implausible: median {median:.4g} {unit}, expected {low:g} to {high:g}"
            f"{hint if likely else ''}",
            ImplausibleValueWarning,
        )


def _likely_unit(median, unit, low):
    """Find the unit in which a number would be usual; empty if none is."""
    if unit == u.yr:
        return "d" if 15000 < median < 2.5e6 else ""
    if unit == u.arcsec:
        candidates = ("deg", "mas", "rad") if median < low else ("mas", "uas")
        usual = (0.02, 60.0)
    else:
        candidates = ("1e-14 erg / (s cm2)", "1e-12 erg / (s cm2)", "1e-15 erg / (s cm2)", "W / m2")
        usual = (1e-17, 1e-9)
        if median > 5:
            candidates = candidates[1:2]
    for candidate in candidates:
        if usual[0] <= median * u.Unit(candidate).to(unit) <= usual[1]:
            return candidate
    return ""
