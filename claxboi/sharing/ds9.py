# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
DS9 regions of sources and host galaxies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi.classification.results import read_classes
from claxboi.counterparts import host_regions, radius_from_sigma
from claxboi.utils import (
    check_number,
    check_output,
    check_table,
    checked,
    float_values,
    replacing,
    text_values,
)
from claxboi.utils.style import GREY, place_styles

from ._sky_positions import read_positions

if TYPE_CHECKING:
    from os import PathLike

    from astropy.table import Table
    from numpy import ndarray
    from regions import Regions

__all__ = ["error_axes", "error_regions", "write_ds9"]

#: Characters that end a text in DS9 or regions, and their replacements.
_REPLACED = str.maketrans("{};", "(),")

_ELLIPSE = ("pos_error_major", "pos_error_minor", "pos_error_angle")


@checked
def error_regions(table: Table, *, level: float = 0.95, class_column: str | None = None) -> Regions:
    """
    Make regions of the error ellipses of sources, coloured by class.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, with ``ra`` and ``dec``, and with ``pos_error_major``, ``pos_error_minor`` and
        ``pos_error_angle`` or ``pos_error``. A source without an error is a point, one without
        a position is left out.
    level : float, optional
        Probability that an ellipse holds the true position: at 0.95 its axes are 2.448 sigma.
    class_column : str, optional
        Column with the classes. Default: ``prediction``, else ``class``, else no classes.

    Returns
    -------
    regions : `~regions.Regions`
        Each has a text of ``source_id``, class and probability, and its class as tag. The
        characters ``{};`` and line ends, which DS9 cannot write, are replaced by ``(),`` and
        blanks.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a column is missing, a position is not on the sky, or the level is not between 0 and 1.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.sharing import error_regions
    >>> table = Table({"ra": [10.0], "dec": [5.0], "pos_error": [1.0], "class": ["AGN"]})
    >>> print(error_regions(table)[0].width.round(3))
    4.895 arcsec
    """
    # regions imports matplotlib.
    from regions import (
        EllipseSkyRegion,
        PointSkyRegion,
        RegionMeta,
        Regions,
        RegionVisual,
    )

    ra, dec, known = read_positions(table)
    level = check_number(level, "level", minimum=0, maximum=1, exclusive=True)
    places, names = read_classes(table, class_column)
    styles = place_styles(places)
    texts = _texts(table, names)
    major, minor, angle = error_axes(table)
    scale = 2 * radius_from_sigma(1.0, level)
    shapes = []
    for row in np.flatnonzero(known):
        name = str(names[row])
        meta = {"text": texts[row]} if texts[row] else {}
        if name:
            meta["tag"] = [_plain(name)]
        settings = {
            "meta": RegionMeta(meta),
            "visual": RegionVisual(color=styles[name]["color"] if name else GREY),
        }
        center = SkyCoord(ra[row], dec[row], unit="deg")
        if np.isfinite(major[row]) and major[row] > 0 and minor[row] > 0:
            width, height = scale * major[row] * u.arcsec, scale * minor[row] * u.arcsec
            # regions turns the width away from the East-West line.
            turn = (angle[row] + 90) % 180 * u.deg
            shapes.append(EllipseSkyRegion(center, width, height, turn, **settings))
        else:
            shapes.append(PointSkyRegion(center, **settings))
    return Regions(shapes)


@checked
def write_ds9(
    table: Table,
    path: str | PathLike[str],
    *,
    level: float = 0.95,
    class_column: str | None = None,
    galaxies: Table | None = None,
    overwrite: bool = False,
) -> None:
    """
    Write a region file for DS9: error ellipses by class, and host galaxies.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, as for `error_regions`.
    path : str or path
        The file.
    level : float, optional
        Probability that an ellipse holds the true position.
    class_column : str, optional
        Column with the classes. Default: ``prediction``, else ``class``, else no classes.
    galaxies : `~astropy.table.Table`, optional
        Galaxies whose isophotal ellipses are written too, as for
        `~claxboi.counterparts.host_regions`, with the tag ``galaxy``.
    overwrite : bool, optional
        Replace an existing file.

    Raises
    ------
    KeyError, OSError, TypeError, ValueError
        As for `error_regions` and `~claxboi.counterparts.host_regions`, and if the file exists or
        cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from astropy.table import Table
    >>> from claxboi.sharing import write_ds9
    >>> table = Table({"source_id": ["A1"], "ra": [10.0], "dec": [5.0], "pos_error": [1.0]})
    >>> write_ds9(table, "sources.reg")
    >>> Path("sources.reg").read_text().splitlines()[-1]
    'ellipse(10.00000000,5.00000000,0.00067993,0.00067993,90.00000000)'
    """
    check_output(path, overwrite=overwrite)
    regions = error_regions(table, level=level, class_column=class_column)
    if galaxies is not None:
        hosts = host_regions(galaxies).regions
        for host in hosts:
            if "text" in host.meta:
                host.meta["text"] = _plain(host.meta["text"])
            host.meta["tag"] = ["galaxy"]
        regions.extend(hosts)
    text = regions.serialize(format="ds9")
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def error_axes(table: Table) -> tuple[ndarray, ndarray, ndarray]:
    """
    Read the 1 sigma error ellipses of sources.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, with ``pos_error``, or ``pos_error_major``, ``pos_error_minor`` and
        ``pos_error_angle``, which are used where they are known.

    Returns
    -------
    major, minor, angle : `~numpy.ndarray` of float
        Semi-axes in arcsec and position angle of the major axis in degrees, East of North; NaN
        where unknown.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from claxboi.sharing import error_axes
    >>> error_axes(Table({"pos_error": [0.5]}))
    (array([0.5]), array([0.5]), array([0.]))
    """
    check_table(table, allow_empty=True)
    nothing = np.full(len(table), np.nan)
    if "pos_error" in table.colnames:
        sigma = float_values(table, "pos_error", unit=u.arcsec)
        major, minor, angle = sigma.copy(), sigma.copy(), np.zeros(len(table))
    else:
        major, minor, angle = nothing, nothing.copy(), nothing.copy()
    if set(_ELLIPSE) <= set(table.colnames):
        units = (u.arcsec, u.arcsec, u.deg)
        own = [
            float_values(table, name, unit=unit) for name, unit in zip(_ELLIPSE, units, strict=True)
        ]
        known = np.isfinite(own).all(axis=0)
        for axis, values in zip((major, minor, angle), own, strict=True):
            axis[known] = values[known]
    return major, minor, angle


def _texts(table, names):
    """
    Format the label of each region: identifier, class and its probability.
    """
    parts = [names]
    if "source_id" in table.colnames:
        parts.insert(0, text_values(table, "source_id")[0])
    texts = [" ".join(filter(None, one)) for one in zip(*parts, strict=True)]
    for name in np.unique(names):
        column = f"P_{name}"
        if column not in table.colnames:
            continue
        values = float_values(table, column)
        for row in np.flatnonzero((names == name) & np.isfinite(values)):
            texts[row] += f" {values[row]:.2f}"
    return [_plain(text) for text in texts]


def _plain(text):
    # DS9 has no way to write a brace or the end of a line within braces, and regions has none for
    # a semicolon: either loads nothing of such a file.
    return " ".join(text.translate(_REPLACED).split())
