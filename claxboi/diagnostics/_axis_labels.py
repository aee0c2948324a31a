# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Axis labels: symbols and units of columns.
"""

import re

from astropy import units as u

from claxboi.catalog import describe

__all__ = []

# A logarithm has no unit; the unit of its argument is inside.
_LUMINOSITY = r"$\log_{10}(L_\mathrm{X}\,/\,\mathrm{erg\,s^{-1}})$"

#: Columns with a symbol in the literature; others are labelled by name.
SYMBOLS = {
    "ra": r"Right ascension $\alpha$",
    "dec": r"Declination $\delta$",
    "l": r"Galactic longitude $l$",
    "b": r"Galactic latitude $b$",
    "flux": r"X-ray flux $F_\mathrm{X}$",
    "flux_min": r"Smallest X-ray flux $F_\mathrm{min}$",
    "flux_max": r"Largest X-ray flux $F_\mathrm{max}$",
    "gamma": r"Photon index $\Gamma$",
    "extent": "Extent",
    "epoch": "Epoch",
    "snr": "Signal-to-noise ratio",
    "detection_likelihood": "Detection likelihood",
    "pos_error": r"Positional error $\sigma$",
    "pm": r"Proper motion $\mu$",
    "parallax": r"Parallax $\varpi$",
    "distance": r"Distance $d$",
    "bp_mag": r"$G_\mathrm{BP}$",
    "rp_mag": r"$G_\mathrm{RP}$",
    "w1_mag": r"$W1$",
    "w2_mag": r"$W2$",
    "log_fx_fb": r"$\log_{10}(F_\mathrm{X}/F_\mathrm{BP})$",
    "log_fx_fr": r"$\log_{10}(F_\mathrm{X}/F_\mathrm{RP})$",
    "log_fx_fw1": r"$\log_{10}(F_\mathrm{X}/F_{W1})$",
    "log_fx_fw2": r"$\log_{10}(F_\mathrm{X}/F_{W2})$",
    "log_lx": _LUMINOSITY,
    "log_lx_star": _LUMINOSITY + " at the star's distance",
    "log_lx_galaxy": _LUMINOSITY + " at the galaxy's distance",
    "log_fmax_fmin": r"$\log_{10}(F_\mathrm{max}/F_\mathrm{min})$",
    "log_fmax_fmin_low": r"$\log_{10}(F_\mathrm{max}/F_\mathrm{min})$, lower limit",
    "log_fx_ratio_longterm": r"$\log_{10}(F_\mathrm{max}/F_\mathrm{min})$ over all missions",
    "fvar": r"Fractional variability $F_\mathrm{var}$",
    "galaxy_radius": r"Galactocentric radius $r/R_{25}$",
    "galaxy_distance": "Distance of the host galaxy",
    "outlier": "Outlier measure",
    "outlier_pvalue": r"Outlier $p$-value",
}

#: Symbols with an index instead of words.
_RATIO = r"$\log_{10}(F_\mathrm{max}/F_\mathrm{min})_\mathrm{"
_SHORT = {
    "log_fmax_fmin_low": _RATIO + "low}$",
    "log_fx_ratio_longterm": _RATIO + "all}$",
    "log_lx_star": _LUMINOSITY[:-1] + r"_\mathrm{star}$",
    "log_lx_galaxy": _LUMINOSITY[:-1] + r"_\mathrm{galaxy}$",
}


def axis_label(column, unit=None):
    """
    Return the axis label of a column.

    Parameters
    ----------
    column : str
        Name of the column.
    unit : unit-like or None, optional
        Unit of the values. Default: that of the column vocabulary.

    Returns
    -------
    label : str
        Symbol, or name if there is none, and unit in brackets.
    """
    symbol = column_symbol(column)
    unit = unit_text(column, unit)
    return f"{symbol} [{unit}]" if unit else symbol


def column_symbol(column):
    """
    Return the symbol of a column.

    Parameters
    ----------
    column : str
        Name of the column.

    Returns
    -------
    symbol : str
        The name if there is none, with dollar signs escaped.
    """
    if column in SYMBOLS:
        return SYMBOLS[column]
    if match := re.fullmatch(r"hr(\d+)", column):
        return rf"Hardness ratio $HR_{{{match[1]}}}$"
    if match := re.fullmatch(r"flux(\d+)", column):
        return rf"X-ray flux $F_{{{match[1]}}}$"
    if match := re.fullmatch(r"color_([a-z0-9]+)_([a-z0-9]+)", column):
        blue, red = (_band(name) for name in match.groups())
        return f"Colour ${blue} - {red}$"
    if column.startswith("P_"):
        return rf"$P$({literal(column.removeprefix('P_'))})"
    return literal(column)


def _band(name):
    return rf"G_\mathrm{{{name.upper()}}}" if name in ("bp", "rp") else name.upper()


def short_symbol(column):
    """
    Return the short symbol of a column, for formulae.

    Parameters
    ----------
    column : str
        Name of the column.

    Returns
    -------
    symbol : str
    """
    if column in _SHORT:
        return _SHORT[column]
    words, mark, formula = column_symbol(column).partition("$")
    return mark + formula if formula.endswith("$") else words + mark + formula


def literal(text):
    """
    Escape a text that matplotlib would read as a formula.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    text : str
    """
    return str(text).replace("$", r"\$")


def unit_text(column, unit=None):
    """
    Format the unit of a column for matplotlib.

    Parameters
    ----------
    column : str
        Name of the column.
    unit : unit-like or None, optional
        Its unit. Default: that of the column vocabulary.

    Returns
    -------
    text : str
        Empty for dimensionless columns.
    """
    if unit is None:
        unit = (describe(column) or {}).get("unit") or ""
    unit = u.Unit(unit, parse_strict="silent")
    return "" if unit == u.dimensionless_unscaled else unit.to_string("latex_inline")
