# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The sources of a table on the sky, in an Aladin Lite widget of a notebook.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.catalog import identifier_columns
from claxboi.classification.results import find_source, read_classes
from claxboi.sharing import error_axes
from claxboi.utils import (
    InputKeyError,
    InputValueError,
    check_columns,
    check_count,
    check_number,
    check_table,
    check_text,
    checked,
    float_values,
    text_values,
)
from claxboi.utils.style import SHADE, place_styles

__all__ = ["SkyView", "aladin"]

#: Names of the overlays that are not classes.
UNKNOWN, SELECTED = "no class", "selected"

#: Groups of columns ``<prefix>_ra`` and ``<prefix>_dec`` that belong to a source, and colours.
LINKED = {"opt": "#ffe066", "ir": "#ff8a80", "galaxy": "#b0ffb0"}

#: Field of view of the widget around a single source, and around several, in degrees.
SMALLEST_FOV, LARGEST_FOV = 0.05, 180.0


@checked
def aladin(
    table: Table,
    *,
    level: float = 0.95,
    class_column: str | None = None,
    survey: str = "P/DSS2/color",
    height: int = 500,
    links: bool = True,
) -> SkyView:
    """
    Show the sources on the sky in an ``ipyaladin`` widget.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, with the columns ``ra`` and ``dec``.
    level : float, optional
        Probability that the error ellipses contain.
    class_column : str or None, optional
        Column of the classes, which decide the colours. Default: ``prediction``, else ``class``.
    survey : str, optional
        HiPS identifier or address of the background image.
    height : int, optional
        Height of the widget, in pixels.
    links : bool, optional
        Draw counterparts and host galaxies, with lines to their sources, where the table has the
        columns ``<prefix>_ra`` and ``<prefix>_dec`` (prefixes ``opt``, ``ir``, ``galaxy``).

    Returns
    -------
    view : `SkyView`
        Displays itself as the last line of a notebook cell.

    Raises
    ------
    ImportError
        If ``ipyaladin`` is not installed (``pip install claxboi[notebook]``).
    KeyError, ValueError
        If a column is absent, or no source has a position.

    Notes
    -----
    The browser loads Aladin Lite and the background image from the servers of the CDS. Error
    ellipses are those of ``pos_error_major``, ``pos_error_minor`` and ``pos_error_angle``, or
    circles of ``pos_error``; sources without either are drawn as squares.

    Examples
    --------
    >>> from claxboi.diagnostics import aladin
    >>> from claxboi.simulation import make_labelled_sample
    >>> view = aladin(make_labelled_sample(1000, rng=1))  # doctest: +SKIP
    >>> view.select(["SIM-0008"])  # doctest: +SKIP
    >>> view.selected["source_id"]  # doctest: +SKIP
    """
    return SkyView(
        table, level=level, class_column=class_column, survey=survey, height=height, links=links
    )


class SkyView:
    """
    A table of sources and the Aladin Lite widget that shows it.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    level, class_column, survey, height, links
        As for `aladin`, which makes the view.

    Attributes
    ----------
    widget : ``ipyaladin.Aladin``
        The widget.

    Examples
    --------
    >>> from claxboi import XrayTable
    >>> from claxboi.simulation import make_labelled_sample
    >>> view = XrayTable(make_labelled_sample(1000, rng=1)).aladin()  # doctest: +SKIP
    >>> view.select([7, 8])  # doctest: +SKIP
    >>> len(view.selected)  # doctest: +SKIP
    0
    """

    def __init__(
        self, table: Table, *, level: Any, class_column: Any, survey: Any, height: Any, links: Any
    ) -> None:
        check_table(table)
        check_columns(table, ["ra", "dec"])
        level = check_number(level, "level", minimum=0, maximum=1, exclusive=True)
        check_text(survey, "survey")
        check_count(height, "height")
        if class_column is not None:
            check_columns(table, [class_column])
        ipyaladin = _import_ipyaladin()
        self.table = table
        self._selection: Any = None
        ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
        self._known = np.isfinite(ra) & np.isfinite(dec)
        if not self._known.any():
            raise InputValueError(
                "table must have a source with a position, ra and dec; it has none"
            )
        self._coords = SkyCoord(
            np.where(self._known, ra, 0), np.where(self._known, dec, 0), unit="deg"
        )
        target, fov = self._field()
        self.widget = ipyaladin.Aladin(target=target, fov=fov, survey=survey, height=height)
        self._add_sources(ipyaladin, level, class_column)
        if links:
            self._add_links()

    def _field(self):
        coords = self._coords[self._known]
        x, y, z = coords.cartesian.xyz.value
        center = SkyCoord(x.mean(), y.mean(), z.mean(), representation_type="cartesian")
        center.representation_type = "unitspherical"
        center = SkyCoord(center.ra, center.dec)
        radius = center.separation(coords).max().deg
        return center, float(np.clip(2.2 * radius, SMALLEST_FOV, LARGEST_FOV))

    def _add_sources(self, ipyaladin, level, class_column):
        places, classes = read_classes(self.table, class_column)
        sources = self._source_table()
        shape = ipyaladin.EllipseError(
            "error_major", "error_minor", "error_angle", probability_threshold=level
        )
        looks = {name: style["color"] for name, style in place_styles(places).items()}
        for name, color in {**looks, "": SHADE}.items():
            rows = np.flatnonzero(self._known & (classes == name))
            if len(rows):
                options = {"name": name or UNKNOWN, "color": color, "source_size": 10}
                self.widget.add_table(sources[rows], shape=shape, **options)

    def _source_table(self):
        """Return what the widget needs and shows of each source."""
        table, n = self.table, len(self.table)
        sources = Table({"row": np.arange(n)})
        sources["ra"] = self._coords.ra.deg * u.deg
        sources["dec"] = self._coords.dec.deg * u.deg
        for name in ("source_id", "prediction", "class"):
            if name in table.colnames:
                sources[name] = text_values(table, name)[0]
        units = {"error_major": u.arcsec, "error_minor": u.arcsec, "error_angle": u.deg}
        for (name, unit), values in zip(units.items(), error_axes(table), strict=True):
            sources[name] = values * unit
        return sources

    def _add_links(self):
        """Draw counterparts and hosts, and lines to their sources."""
        for prefix, color in LINKED.items():
            columns = [f"{prefix}_ra", f"{prefix}_dec"]
            if not set(columns) <= set(self.table.colnames):
                continue
            ra, dec = (float_values(self.table, name, unit=u.deg) for name in columns)
            rows = np.flatnonzero(self._known & np.isfinite(ra) & np.isfinite(dec))
            if not len(rows):
                continue
            found = Table({"row": rows, "ra": ra[rows] * u.deg, "dec": dec[rows] * u.deg})
            identifier = f"{prefix}_id"
            if identifier in self.table.colnames:
                found["id"] = text_values(self.table, identifier)[0][rows]
            title = "hosts" if prefix == "galaxy" else f"{prefix} counterparts"
            self.widget.add_table(found, shape="plus", name=title, color=color, source_size=8)
            start = self._coords[rows]
            # A polygon has three vertices at least: the line ends twice.
            ends = np.column_stack([start.ra.deg, start.dec.deg, *(2 * [ra[rows], dec[rows]])])
            lines = ["Polygon ICRS " + " ".join(f"{x:.6f}" for x in one) for one in ends.tolist()]
            self.widget.add_graphic_overlay_from_stcs(lines, name=f"lines to {title}", color=color)

    @property
    def selected(self):
        """
        The sources selected on the sky, as a part of the table.

        ``widget.selection("rectangle")`` starts a selection with the mouse. A selected counterpart
        stands for its source.
        """
        rows = {
            int(row)
            for part in self.widget.selected_objects
            if "row" in part.colnames
            for row in part["row"]
        }
        return self.table[np.array(sorted(rows), int)]

    def select(self, sources: Any, *, center: bool = True) -> None:
        """
        Show some sources as selected on the sky.

        Parameters
        ----------
        sources : `~astropy.table.Table`, mask, or sequence of (int or str)
            Part of the table with its identifiers, a boolean array, or row numbers or identifiers.
        center : bool, optional
            Move the view to them.

        Raises
        ------
        IndexError, KeyError, TypeError, ValueError
            If a source is not in the table, or has no position.
        """
        rows = self._rows(sources)
        lost = rows[~self._known[rows]]
        if len(lost):
            raise InputValueError(f"sources must have positions; row {lost[0]} has none")
        if self._selection is not None:
            self.widget.remove_overlay(self._selection)
            self._selection = None
        if not len(rows):
            return
        marks = Table({"row": rows})
        marks["ra"], marks["dec"] = (
            getattr(self._coords[rows], c).deg * u.deg for c in ("ra", "dec")
        )
        overlay = self.widget.add_table(
            marks, shape="circle", name=SELECTED, color="#ffffff", source_size=22
        )
        self._selection = overlay
        if center:
            self.widget.target = self._coords[rows[0]]

    def _rows(self, sources):
        if isinstance(sources, Table):
            names = identifier_columns(sources)
            if not names:
                raise InputKeyError(
                    "sources must have a column that identifies them, such as source_id; its "
                    f"columns are {', '.join(sources.colnames)}"
                )
            sources = text_values(sources, names[0])[0].tolist()
        array = np.asarray(sources)
        if array.dtype.kind == "b":
            if array.shape != (len(self.table),):
                raise InputValueError(
                    f"a mask must have one value per row ({len(self.table)}), got {array.shape}"
                )
            return np.flatnonzero(array)
        return np.array([find_source(self.table, one, "table")[0] for one in array.tolist()], int)

    def _repr_mimebundle_(self, **settings):
        return self.widget._repr_mimebundle_(**settings)


def _import_ipyaladin():
    try:
        import ipyaladin
    except ImportError as err:
        raise ImportError(
            "aladin() needs ipyaladin, which is not installed: pip install claxboi[notebook]"
        ) from err
    return ipyaladin
