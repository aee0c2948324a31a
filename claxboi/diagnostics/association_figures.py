# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Figures of an association: separations, cutoffs, magnitude priors, and a finding chart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u

from claxboi.counterparts import CutoffCalibration
from claxboi.counterparts.catalogue_positions import chi_square, read_covariances
from claxboi.utils import (
    InputKeyError,
    InputValueError,
    check_choice,
    check_columns,
    check_count,
    check_number,
    check_table,
    float_values,
    pairs_within,
    quantity_value,
    sky_offsets,
    text_values,
)
from claxboi.utils.style import COLORS, DARK, GREY, hide_spines, new_axes, split_below

from ._axis_labels import axis_label, literal
from ._checks import check_returned
from ._layout import fit_font_sizes, is_narrow, legend_above, title_above

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.units import Quantity
    from matplotlib.axes import Axes

__all__ = [
    "plot_cutoffs",
    "plot_finding_chart",
    "plot_magnitude_prior",
    "plot_separations",
]

# Largest separation shown, in sigma: one of 100,000 counterparts is farther.
_FARTHEST = 5.0
_CHART_MARGIN = 1.15
# Length of a scale bar: a round number near a quarter of the chart.
_BARS = np.array([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600])
_LABELLED = 0.01


def plot_separations(
    candidates: Table,
    xray: Table,
    secondary: Table,
    *,
    name: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    r"""
    Plot the separations of counterparts in units of their errors, with the expected distribution.

    Each candidate counts with its probability ``p_any * p_i``. If the positional errors are right,
    the separations :math:`r` follow the Rayleigh distribution :math:`r e^{-r^2/2}`. A peak farther
    out means that the errors are too small.

    Parameters
    ----------
    candidates : `~astropy.table.Table`
        Candidates that `~claxboi.counterparts.associate` returned.
    xray, secondary : `~astropy.table.Table`
        The X-ray sources and the catalogue.
    name : str, optional
        Name of the catalogue in the candidates; None for a single unnamed catalogue.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    ValueError
        If there is no candidate.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import associate
    >>> from claxboi.diagnostics import plot_separations
    >>> rng = np.random.default_rng(1)
    >>> stars = Table({"ra": rng.random(3000), "dec": rng.random(3000), "pos_error": [0.1] * 3000})
    >>> dec = stars["dec"][:100] + rng.normal(0, 1, 100) / 3600
    >>> xray = Table({"ra": stars["ra"][:100], "dec": dec, "pos_error": [1.0] * 100})
    >>> candidates = associate(xray, stars, radius=8 * u.arcsec, area=1 * u.deg**2)
    >>> ax = plot_separations(candidates, xray, stars)
    >>> ax.get_xlabel()
    'Separation [$\\sigma$]'
    """
    check_table(xray, "xray")
    check_table(secondary, "secondary")
    found = _members(candidates, name)
    if not len(found.primary):
        raise InputValueError("candidates must have at least one row with a counterpart, got none")
    chi2 = chi_square(
        read_covariances(xray, "xray")[found.primary],
        read_covariances(secondary, "secondary")[found.secondary],
        found.east,
        found.north,
    )
    n_bins = int(np.clip(2 * np.sum(found.p) ** (1 / 3), 8, 40))
    edges = np.linspace(0, _FARTHEST, n_bins + 1)
    counts, _ = np.histogram(np.sqrt(chi2), edges, weights=found.p)
    squares, _ = np.histogram(np.sqrt(chi2), edges, weights=found.p**2)
    width = edges[1]
    ax = new_axes(ax, 5.6, 4.0)
    ax.stairs(counts, edges, fill=True, color=COLORS[4], alpha=0.45, label="counterparts")
    middle = (edges[:-1] + edges[1:]) / 2
    ax.errorbar(middle, counts, np.sqrt(squares), fmt="none", ecolor=COLORS[0], elinewidth=1.0)
    r = np.linspace(0, _FARTHEST, 301)
    law = np.sum(found.p) * width * r * np.exp(-(r**2) / 2)
    ax.plot(r, law, color=DARK, linewidth=1.5, label="Rayleigh law")
    ax.set_xlim(0, _FARTHEST)
    ax.set_ylim(0, None)
    ax.set_xlabel(r"Separation [$\sigma$]")
    ax.set_ylabel(rf"Sources per {width:.2g} $\sigma$")
    fit_font_sizes(ax)
    legend_above(ax)
    hide_spines(ax, "top", "right")
    return ax


def plot_cutoffs(calibration: CutoffCalibration, *, ax: Axes | None = None) -> Axes:
    r"""
    Plot false rate, purity and completeness against the smallest accepted p_any.

    Parameters
    ----------
    calibration : `~claxboi.counterparts.CutoffCalibration`
        Result of `~claxboi.counterparts.calibrate_cutoffs`.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import calibrate_cutoffs
    >>> from claxboi.diagnostics import plot_cutoffs
    >>> rng = np.random.default_rng(1)
    >>> stars = Table({"ra": rng.random(3000), "dec": rng.random(3000), "pos_error": [0.1] * 3000})
    >>> dec = stars["dec"][:100] + rng.normal(0, 1, 100) / 3600
    >>> xray = Table({"ra": stars["ra"][:100], "dec": dec, "pos_error": [1.0] * 100})
    >>> calibration = calibrate_cutoffs(xray, stars, radius=8 * u.arcsec, area=1 * u.deg**2, rng=1)
    >>> ax = plot_cutoffs(calibration)
    >>> ax.get_xlabel()
    'Smallest $p_\\mathrm{any}$'
    """
    check_returned(calibration, "calibration", CutoffCalibration, "calibrate_cutoffs")
    curve = calibration.curve
    ax = new_axes(ax, 5.6, 4.0)
    for k, (column, label, style) in enumerate(
        (
            ("purity", "purity", "-"),
            ("completeness", "completeness", "--"),
            ("false_rate", "false rate", "-."),
        )
    ):
        ax.plot(
            curve["cutoff"], curve[column], color=COLORS[(0, 3, 2)[k]], linestyle=style, label=label
        )
    for row in calibration.cutoffs:
        ax.axvline(row["cutoff"], color=GREY, linewidth=0.8, linestyle=":")
        ax.annotate(
            f"false rate {100 * row['false_rate']:.3g} %",
            (row["cutoff"], 0.5),
            xytext=(3, 0),
            textcoords="offset points",
            rotation=90,
            va="center",
            size=7.5 if is_narrow(ax) else 9.0,
            color=DARK,
        )
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel(r"Smallest $p_\mathrm{any}$")
    ax.set_ylabel("Fraction")
    fit_font_sizes(ax)
    legend_above(ax)
    hide_spines(ax, "top", "right")
    return ax


def plot_magnitude_prior(
    candidates: Table, prior: str | None = None, *, ax: Axes | None = None
) -> Axes:
    """
    Plot a magnitude prior: the distributions of counterparts and field objects.

    For a single column, the lower panel shows their ratio, the factor of the prior. For a pair of
    columns, the colour is the logarithm of the ratio.

    Parameters
    ----------
    candidates : `~astropy.table.Table`
        Candidates that `~claxboi.counterparts.associate` returned, with a learned prior.
    prior : str, optional
        Name of the prior, "catalogue:column" (the catalogue is "secondary" if it has no name).
        Default: the first.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    KeyError
        If no such prior was learned.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import associate
    >>> from claxboi.diagnostics import plot_magnitude_prior
    >>> rng = np.random.default_rng(1)
    >>> stars = Table({"ra": rng.random(3000), "dec": rng.random(3000), "pos_error": [0.1] * 3000})
    >>> dec = stars["dec"][:100] + rng.normal(0, 1, 100) / 3600
    >>> xray = Table({"ra": stars["ra"][:100], "dec": dec, "pos_error": [1.0] * 100})
    >>> stars["g_mag"] = np.where(np.arange(3000) < 100, 17, 20) + rng.normal(0, 1, 3000)
    >>> candidates = associate(xray, stars, radius=8 * u.arcsec, area=1 * u.deg**2, priors="g_mag")
    >>> ax = plot_magnitude_prior(candidates)
    >>> ax.get_ylabel()
    'Density'
    """
    check_table(candidates, "candidates")
    meta = candidates.meta.get("claxboi", {}).get("counterparts", {})
    learned = meta.get("priors", {})
    if not learned:
        raise InputKeyError(
            "candidates must have a learned magnitude prior: pass priors= to associate()"
        )
    prior = next(iter(learned)) if prior is None else check_choice(prior, learned, "prior")
    record = {key: np.asarray(value) for key, value in learned[prior].items()}
    if "low_1" in record:
        return _plot_pair(record, ax)
    ax = new_axes(ax, 5.6, 4.6)
    panel = split_below(ax, 0.32)
    edges = np.append(record["low"], record["high"][-1])
    for column, text, color, style in (
        ("field", "field objects", GREY, {"fill": True, "alpha": 0.45}),
        ("counterparts", "counterparts", COLORS[0], {"linewidth": 1.6}),
    ):
        ax.stairs(record[column] / np.diff(edges), edges, color=color, label=text, **style)
    ax.set_ylabel("Density")
    ax.set_ylim(0, None)
    panel.stairs(record["factor"], edges, color=DARK, linewidth=1.3, baseline=None)
    panel.axhline(1, color=GREY, linewidth=0.8)
    panel.set_yscale("log")
    panel.set_xlabel(axis_label(str(record["columns"][0])))
    panel.set_ylabel("Factor")
    fit_font_sizes(ax, panel)
    legend_above(ax)
    for one in (ax, panel):
        hide_spines(one, "top", "right")
    return ax


def _plot_pair(record, ax):
    ax = new_axes(ax, 5.6, 4.6)
    edges = [np.unique(np.append(record[f"low_{k}"], record[f"high_{k}"])) for k in (1, 2)]
    shape = tuple(len(e) - 1 for e in edges)
    values = np.log10(record["factor"].reshape(shape))
    limit = np.abs(values).max()
    mesh = ax.pcolormesh(*edges, values.T, cmap="RdBu_r", vmin=-limit, vmax=limit)
    bar = ax.figure.colorbar(mesh, ax=ax, label=r"$\log_{10}$ of the factor")
    ax.set_xlabel(axis_label(str(record["columns"][0])))
    ax.set_ylabel(axis_label(str(record["columns"][1])))
    fit_font_sizes(ax, bar.ax)
    return ax


def plot_finding_chart(
    candidates: Table,
    xray: Table,
    secondary: Table,
    row: int,
    *,
    name: str | None = None,
    radius: Quantity | None = None,
    ax: Axes | None = None,
) -> Axes:
    """
    Plot one X-ray source, the objects around it and the probabilities that they are its
    counterpart.

    North is up and East is left. The ellipses are the X-ray positional error at 1 sigma and at 95
    %.

    Parameters
    ----------
    candidates : `~astropy.table.Table`
        Candidates that `~claxboi.counterparts.associate` returned.
    xray, secondary : `~astropy.table.Table`
        The X-ray sources and the catalogue.
    row : int
        Row of the source in ``xray``.
    name : str, optional
        Name of the catalogue in the candidates; None for a single unnamed catalogue.
    radius : `~astropy.units.Quantity` ['angle'], optional
        Half width of the chart. Default: all candidates and both ellipses are visible.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ax : `~matplotlib.axes.Axes`

    Raises
    ------
    ValueError
        If the row is not one of ``xray``, or the radius is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astropy.table import Table
    >>> from claxboi.counterparts import associate
    >>> from claxboi.diagnostics import plot_finding_chart
    >>> rng = np.random.default_rng(1)
    >>> stars = Table({"ra": rng.random(3000), "dec": rng.random(3000), "pos_error": [0.1] * 3000})
    >>> dec = stars["dec"][:100] + rng.normal(0, 1, 100) / 3600
    >>> xray = Table({"ra": stars["ra"][:100], "dec": dec, "pos_error": [1.0] * 100})
    >>> candidates = associate(xray, stars, radius=8 * u.arcsec, area=1 * u.deg**2)
    >>> ax = plot_finding_chart(candidates, xray, stars, row=3)
    >>> bool(ax.get_xlim()[0] > ax.get_xlim()[1])  # East is left
    True
    """
    check_table(xray, "xray")
    check_table(secondary, "secondary", allow_empty=True)
    check_columns(secondary, ["ra", "dec"], "secondary")
    row = check_count(row, "row", minimum=0)
    if row >= len(xray):
        raise InputValueError(f"row must be below {len(xray)}, the rows of xray, got {row}")
    found = _members(candidates, name)
    own = found.primary == row
    ee, en, nn = (x[0] for x in read_covariances(xray[row : row + 1], "xray").general())
    ellipse = _ellipse(ee, en, nn)
    outer = np.sqrt(-2 * np.log(0.05)) * ellipse
    if radius is None:
        reach = np.max(np.hypot(*outer))
        reach = _CHART_MARGIN * max(reach, np.max(found.separation[own], initial=0))
    else:
        reach = quantity_value(radius, u.arcsec, "radius")
        reach = check_number(reach, "radius", minimum=0, exclusive=True)
    x, y = _around(xray, secondary, row, reach)
    ax = new_axes(ax, 4.8, 4.8)
    ax.scatter(x, y, s=14, color=GREY, linewidths=0, zorder=2)
    for edge, style in ((ellipse, "-"), (outer, "--")):
        ax.plot(*edge, color=COLORS[2], linestyle=style, linewidth=1.2, zorder=1)
    ax.plot(0, 0, "+", color=COLORS[2], markersize=9)
    flags = found.flag[own]
    for flag, color, size in ((1, COLORS[0], 90), (2, COLORS[4], 70)):
        here = flags == flag
        ax.scatter(
            found.east[own][here],
            found.north[own][here],
            s=size,
            facecolor="none",
            edgecolor=color,
            linewidth=1.6,
            zorder=3,
        )
    for east, north, p_i in zip(found.east[own], found.north[own], found.p_i[own], strict=True):
        if p_i >= _LABELLED:
            ax.annotate(
                f"{p_i:.2f}",
                (east, north),
                xytext=(7, 5),
                textcoords="offset points",
                size=9,
                color=DARK,
            )
    ax.set_xlim(reach, -reach)
    ax.set_ylim(-reach, reach)
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    _draw_bar(ax, reach)
    _draw_compass(ax)
    title = f"row {row}"
    if "source_id" in xray.colnames:
        title = text_values(xray, "source_id")[0][row]
    p_any = np.asarray(candidates["p_any"])[np.asarray(candidates["primary"]) == row]
    if len(p_any):
        title += f"; p_any = {p_any[0]:.2f}"
    title_above(ax, literal(title), left_inches=0.3)
    return ax


def _around(xray, secondary, row, reach):
    ra, dec = (float_values(xray, c, unit=u.deg, name="xray")[[row]] for c in ("ra", "dec"))
    there = [float_values(secondary, c, unit=u.deg, name="secondary") for c in ("ra", "dec")]
    known = np.flatnonzero(np.isfinite(there[0]) & np.isfinite(there[1]))
    there = [values[known] for values in there]
    _, j, _ = pairs_within(ra, dec, *there, np.sqrt(2) * reach)
    return sky_offsets(ra, dec, there[0][j], there[1][j])


def _draw_bar(ax, reach):
    length = _BARS[np.argmin(np.abs(np.log(_BARS / (reach / 2))))]
    left, low = 0.9 * reach, -0.9 * reach
    ax.plot([left, left - length], [low, low], color=DARK, linewidth=2)
    ax.annotate(
        f"{length:g} arcsec",
        (left - length / 2, low),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        size=9,
        color=DARK,
    )


def _draw_compass(ax):
    # In fractions of the Axes: North up, East left.
    corner = (0.94, 0.06)
    for tip, text in (((0.94, 0.18), "N"), ((0.82, 0.06), "E")):
        ax.annotate(
            text,
            corner,
            xytext=tip,
            xycoords="axes fraction",
            textcoords="axes fraction",
            ha="center",
            va="center",
            size=9,
            color=DARK,
            arrowprops={"arrowstyle": "<-", "color": DARK, "shrinkA": 5, "shrinkB": 0},
        )


def _ellipse(ee, en, nn):
    """
    Return the East and North offsets of the 1 sigma ellipse, shape (2, n).
    """
    values, vectors = np.linalg.eigh([[ee, en], [en, nn]])
    phase = np.linspace(0, 2 * np.pi, 181)
    circle = np.stack([np.cos(phase), np.sin(phase)])
    return vectors @ (np.sqrt(values)[:, None] * circle)


class _Members:
    """
    Arrays of the candidates that have an object of one catalogue.
    """

    def __init__(self, table, member, suffix):
        row = float_values(table, member, name="candidates")
        here = np.isfinite(row)
        self.secondary = row[here].astype(np.int64)
        self.primary = np.asarray(table["primary"])[here]
        self.flag = np.asarray(table["match_flag"])[here]
        self.separation = float_values(table, f"separation{suffix}")[here]
        self.east = float_values(table, f"offset_east{suffix}")[here]
        self.north = float_values(table, f"offset_north{suffix}")[here]
        self.p_i = float_values(table, "p_i")[here]
        self.p = self.p_i * float_values(table, "p_any")[here]


def _members(candidates, name):
    check_table(candidates, "candidates")
    member, suffix = ("secondary", "") if name is None else (name, f"_{name}")
    needed = [f"{c}{suffix}" for c in ("separation", "offset_east", "offset_north")]
    check_columns(
        candidates, ["primary", member, *needed, "p_any", "p_i", "match_flag"], "candidates"
    )
    return _Members(candidates, member, suffix)
