# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Counterparts of labelled sources: magnitudes, motions and distances.
"""

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from claxboi.catalog import make_column
from claxboi.counterparts import homogenize_magnitudes
from claxboi.properties import add_star_distances
from claxboi.references import get_reference
from claxboi.utils import add_columns, float_values, is_missing, text_values

__all__ = ["add_counterparts"]

#: Survey of each domain, with its columns beyond identifiers and positions.
SURVEYS = {
    "opt": ("gaia", ["pmra", "pmdec", "parallax", "parallax_error", "Gmag", "BPmag", "RPmag"]),
    "ir": ("allwise", ["W1mag", "e_W1mag", "W2mag", "e_W2mag"]),
}
MAGNITUDES = {"opt": ("bp_mag", "rp_mag"), "ir": ("w1_mag", "w2_mag")}
#: Columns of the counterpart that are properties, or needed for them.
KEPT = {"opt": ("pmra", "pmdec", "parallax", "parallax_error"), "ir": ()}

#: The distance catalogue has the positions of Gaia, up to rounding.
_SAME_STAR = 1 * u.arcsec


def add_counterparts(table, *, radius, match, fetch):
    """
    Add the nearest Gaia and AllWISE objects, with magnitudes, motions and distances.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The sources.
    radius : `~astropy.units.Quantity` ['angle']
        Maximum distance of a counterpart.
    match : mapping
        ``n_sigma`` and ``slack_arcsec``, as for the labels.
    fetch : mapping
        Passed to the references.

    Returns
    -------
    table : `~astropy.table.Table`
        A new table.
    """
    coords = SkyCoord(table["ra"], table["dec"], unit="deg")
    reach = match["n_sigma"] * float_values(table, "pos_error", unit=u.arcsec)
    reach += match["slack_arcsec"]["default"]
    for domain, (survey, columns) in SURVEYS.items():
        near = get_reference(survey).query(coords, radius=radius, columns=columns, **fetch)
        index, first = np.unique(np.asarray(near["query_index"]), return_index=True)
        good = np.asarray(near["separation"], float)[first] < reach[index]
        near = homogenize_magnitudes(near[first[good]], survey)
        table = _join(table, near, index[good], domain)
    return _add_distances(table, fetch)


def _join(table, near, rows, domain):
    """Add the columns of the counterparts to their sources."""
    names = {f"{domain}_id": "id", f"{domain}_ra": "ra", f"{domain}_dec": "dec"}
    names |= {f"{domain}_separation": "separation"}
    for magnitude in MAGNITUDES[domain]:
        names |= {magnitude + end: magnitude + end for end in ("", "_error", "_is_limit")}
    names |= {name: name for name in KEPT[domain]}
    columns = {}
    for new, name in names.items():
        values = near[name]
        if new.endswith("_id"):
            values, missing = text_values(near, name)
        else:
            missing = is_missing(near, name)
        full = np.zeros(len(table), np.ma.getdata(values).dtype)
        mask = np.ones(len(table), bool)
        full[rows], mask[rows] = np.ma.getdata(values), missing
        columns[new] = make_column(new, full, mask=mask)
    return add_columns(table, columns)


def _add_distances(table, fetch):
    known = ~is_missing(table, "opt_id")
    ra, dec = (float_values(table, f"opt_{name}", unit=u.deg)[known] for name in ("ra", "dec"))
    coords = SkyCoord(ra, dec, unit="deg")
    wanted = ["rgeo", "b_rgeo", "B_rgeo"]
    near = get_reference("bailer_jones").query(coords, radius=_SAME_STAR, columns=wanted, **fetch)
    return add_star_distances(table, near)
