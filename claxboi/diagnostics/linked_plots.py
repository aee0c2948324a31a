# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Linked views of the sources: two properties, the sky, and a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u

from claxboi.catalog import identifier_columns
from claxboi.classification.results import read_classes
from claxboi.utils import (
    check_columns,
    check_count,
    check_names,
    check_table,
    check_text,
    checked,
    float_values,
    text_values,
)
from claxboi.utils.style import SHADE, place_styles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

__all__ = ["plot_linked"]

#: Markers of bokeh in the order of the classes, as in all figures.
MARKERS = (
    *("circle", "star", "square", "triangle", "diamond", "inverted_triangle", "x", "cross"),
    "hex",
)

NO_CLASS = "no class"


@checked
def plot_linked(
    table: Table,
    x: str,
    y: str,
    *,
    class_column: str | None = None,
    columns: Sequence[str] = (),
    width: int = 900,
) -> Any:
    """
    Plot two properties, the sky and a table that share one selection, with ``bokeh``.

    Sources that are selected in one of the views with the box or lasso tool are highlighted in the
    others.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources, with the columns ``ra`` and ``dec``.
    x, y : str
        Columns of the two properties.
    class_column : str or None, optional
        Column of the classes, which decide the colours. Default: ``prediction``, else ``class``.
    columns : sequence of str, optional
        More columns of the table.
    width : int, optional
        Width in pixels.

    Returns
    -------
    layout : ``bokeh.models.Column``
        For ``bokeh.io.show`` in a notebook (after ``bokeh.io.output_notebook()``), or
        ``bokeh.io.save`` for a file.

    Raises
    ------
    ImportError
        If ``bokeh`` is not installed (``pip install claxboi[notebook]``).
    KeyError, TypeError
        If a column is absent or not numeric.

    Examples
    --------
    >>> from claxboi.diagnostics import plot_linked
    >>> from claxboi.simulation import make_labelled_sample
    >>> table = make_labelled_sample(1000, rng=1)
    >>> layout = plot_linked(table, "log_fx_fr", "hr2")  # doctest: +SKIP
    """
    check_table(table)
    check_text(x, "x")
    check_text(y, "y")
    check_count(width, "width")
    chosen = [] if class_column is None else [class_column]
    check_columns(table, [x, y, "ra", "dec", *check_names(columns, "columns"), *chosen])
    try:
        from bokeh.layouts import column, row
        from bokeh.models import (
            CDSView,
            ColumnDataSource,
            CustomJS,
            DataTable,
            HTMLTemplateFormatter,
            IndexFilter,
            NumberFormatter,
            ScientificFormatter,
            TableColumn,
        )
        from bokeh.plotting import figure
        from bokeh.transform import factor_cmap, factor_mark
    except ImportError as err:
        raise ImportError(
            "plot_linked() needs bokeh, which is not installed: pip install claxboi[notebook]"
        ) from err
    places, classes = read_classes(table, class_column)
    values = {name: float_values(table, name) for name in (x, y)}
    ra, dec = (float_values(table, name, unit=u.deg) for name in ("ra", "dec"))
    names = identifier_columns(table)[:1]
    data = {"ra": ra, "dec": dec, "class": np.where(classes == "", NO_CLASS, classes), **values}
    for name in (*names, *columns):
        is_number = table[name].dtype.kind in "iuf"
        data[name] = float_values(table, name) if is_number else text_values(table, name)[0]
    source = ColumnDataSource(data)
    tools = "pan,wheel_zoom,box_select,lasso_select,tap,reset"
    size = {"width": width // 2, "height": int(0.42 * width), "tools": tools}
    plane = figure(x_axis_label=_label(table, x), y_axis_label=_label(table, y), **size)
    sky = figure(x_axis_label="RA [deg]", y_axis_label="Dec [deg]", **size)
    sky.x_range.flipped = True
    styles = place_styles(places)
    names_of_classes = [*styles, NO_CLASS]
    shapes = [*(MARKERS[place % len(MARKERS)] for place in places.values()), "circle"]
    colors = [*(style["color"] for style in styles.values()), SHADE]
    look = {
        "source": source,
        "marker": factor_mark("class", shapes, names_of_classes),
        "color": factor_cmap("class", colors, names_of_classes),
        "size": 6,
        "alpha": 0.7,
        "nonselection_alpha": 0.08,
    }
    plane.scatter(x, y, legend_group="class", **look)
    sky.scatter("ra", "dec", **look)
    plane.legend.background_fill_alpha = 0.6
    plane.legend.glyph_width = plane.legend.glyph_height = 14
    plane.legend.label_text_font_size = "9pt"
    plane.legend.spacing = 0
    plane.add_layout(plane.legend[0], "right")
    chosen = CDSView(filter=IndexFilter([]))
    formats = {
        name: (
            ScientificFormatter(precision=3)
            if _is_scientific(data[name])
            else NumberFormatter(format="0.00000" if name in ("ra", "dec") else "0.0000")
        )
        for name in data
        if np.asarray(data[name]).dtype.kind == "f"
    }
    # Text is shown as text, whatever it contains.
    plain = HTMLTemplateFormatter(template="<%- value %>")
    shown = [*names, "class", x, y, "ra", "dec", *columns]
    entries = DataTable(
        source=source,
        view=chosen,
        columns=[
            TableColumn(field=name, title=name, formatter=formats.get(name, plain))
            for name in dict.fromkeys(shown)
        ],
        width=width,
        height=int(0.25 * width),
        index_position=None,
        reorderable=False,
    )
    # The table lists the selection.
    source.selected.js_on_change(
        "indices",
        CustomJS(
            args={"view": chosen, "filter": chosen.filter},
            code="filter.indices = cb_obj.indices; view.change.emit();",
        ),
    )
    return column(row(plane, sky), entries)


def _is_scientific(values):
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    return len(sizes) > 0 and not 1e-3 < np.median(sizes) < 1e5


def _label(table, name):
    unit = getattr(table[name], "unit", None)
    return f"{name} [{unit}]" if unit else name
