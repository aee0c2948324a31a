# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulated catalogues of galaxies and of known objects.
"""

import numpy as np
from astropy.table import MaskedColumn, Table

from claxboi.references import load_records

from ._mock_fields import move
from ._mock_records import class_names, draw_normal, label_records, put, sky_records
from ._populations import g_minus_rp

__all__ = ["galaxy_tables", "label_tables"]

_FIRST_PGC = 1000
#: Number of rows of a whole catalogue without a published number.
_FEWEST_ROWS = 100
_HUBBLE_KM_S_MPC, _LIGHT_KM_S = 70.0, 299792.458


def galaxy_tables(rng, galaxies):
    """
    Make the tables of galaxies.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    galaxies : Galaxies
        Galaxies.

    Returns
    -------
    tables : dict of str to `~astropy.table.Table`
        ``hyperleda`` (those with an ellipse) and ``glade`` (all).
    pgc : `~numpy.ndarray` of int
        PGC number of each galaxy; 0 if it has none.
    """
    record = sky_records()["galaxies"]
    n = len(galaxies.ra)
    sized = np.isfinite(galaxies.major_arcmin)
    pgc = np.where(sized, _FIRST_PGC + np.cumsum(sized), 0)
    rows = np.flatnonzero(sized)
    leda = Table()
    leda["id"] = pgc[rows]
    put(leda, "ra", galaxies.ra[rows], "deg")
    put(leda, "dec", galaxies.dec[rows], "deg")
    leda["type"] = np.where(rng.random(len(rows)) < 0.3, "E", "Sb")
    # The diameter in units of 0.1 arcmin.
    put(leda, "log_d25", np.log10(20 * galaxies.major_arcmin[rows]))
    put(leda, "log_r25", -np.log10(galaxies.ratio[rows]))
    no_angle = (rng.random(len(rows)) < record["no_angle"]) & (rows >= galaxies.n_targets)
    put(leda, "position_angle", galaxies.angle_deg[rows], "deg", no_angle)

    glade = Table()
    glade["id"] = np.arange(1, n + 1)
    glade["pgc"] = MaskedColumn(pgc, mask=~sized)
    glade["type"] = np.full(n, "G")
    put(glade, "ra", galaxies.ra, "deg")
    put(glade, "dec", galaxies.dec, "deg")
    relative = record["distance_error"]
    distance = galaxies.distance_mpc * np.maximum(1 + relative * rng.normal(size=n), 0.5)
    put(glade, "distance", distance, "Mpc")
    put(glade, "distance_error", relative * distance, "Mpc")
    glade["distance_flag"] = np.ones(n, np.int64)
    put(glade, "redshift", galaxies.distance_mpc * _HUBBLE_KM_S_MPC / _LIGHT_KM_S)
    absolute = rng.normal(-19.5, 1.2, n)
    modulus = 5 * np.log10(galaxies.distance_mpc) + 25
    put(glade, "Bmag", absolute + modulus, "mag")
    put(glade, "BMAG", absolute, "mag")
    put(glade, "stellar_mass", 10 ** (-0.4 * (absolute + 20.5)), "1e10 solMass")
    return {"hyperleda": leda, "glade": glade}, pgc


def label_tables(rng, sources, surveys, rows):
    """
    Make the catalogues of labels.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    sources : dict of str to `~numpy.ndarray`
        The X-ray sources, with ``class`` and positions.
    surveys : dict of str to `~astropy.table.Table`
        The surveys.
    rows : dict of str to `~numpy.ndarray`
        Row of the counterpart in each survey.

    Returns
    -------
    tables : dict of str to `~astropy.table.Table`
        By name of the catalogue.
    listed : dict of str to `~numpy.ndarray` of bool
        Sources that each catalogue lists under their true class.
    """
    records = label_records()
    pool = _pool(sources, surveys, rows)
    tables, listed = {}, {}
    for name, record in records["catalogues"].items():
        entries, wrong = _entries(rng, record, pool, records["settings"])
        tables[name] = _label_table(rng, name, record, pool, entries, records["settings"])
        own = entries[~wrong]
        own = own[own < len(sources["flux"])]
        listed[name] = np.zeros(len(sources["flux"]), bool)
        listed[name][own] = True
    return tables, listed


def _pool(sources, surveys, rows):
    """Collect the objects that catalogues may list: the X-ray sources and bright field stars."""
    gaia = surveys["gaia"]
    is_field = np.ones(len(gaia), bool)
    is_field[rows["gaia"][rows["gaia"] >= 0]] = False
    bright = np.flatnonzero(is_field & (np.asarray(gaia["Gmag"]) < 16))
    names = np.array([*class_names(), "field"])
    classes = np.concatenate([sources["class"], np.full(len(bright), len(names) - 1)])

    def joined(key, column):
        return np.concatenate([sources[key], np.asarray(gaia[column][bright], float)])

    rp, bp_rp = sources["rp"], sources["bp_rp"]
    return {
        "class": names[classes],
        "ra": joined("ra", "ra"),
        "dec": joined("dec", "dec"),
        "flux": np.concatenate([sources["flux"], np.zeros(len(bright))]),
        "g": np.concatenate([rp + g_minus_rp(bp_rp), np.asarray(gaia["Gmag"][bright], float)]),
        "rp": joined("rp", "RPmag"),
        "w1": np.concatenate([rp - sources["rp_w1"], np.full(len(bright), np.nan)]),
        "w1_w2": np.concatenate([sources["w1_w2"], np.zeros(len(bright))]),
        "is_point": np.concatenate([~sources["is_spurious"], np.ones(len(bright), bool)]),
    }


def _entries(rng, record, pool, settings):
    n = len(pool["class"])
    share = np.zeros(n)
    for name, value in record["classes"].items():
        share[pool["class"] == name] = value
    limits = np.ones(n, bool)
    if "flux" in record:
        limits &= pool["flux"] > record["flux"]
    if "band" in record:
        with np.errstate(invalid="ignore"):
            # X-ray binaries are known from X-rays, at any magnitude.
            is_xrb = np.isin(pool["class"], ["gal_XRB", "ex_XRB"])
            limits &= (pool[record["band"]] < record["limit"]) | is_xrb
    if "colour_limit" in record:
        limits &= pool["w1_w2"] > record["colour_limit"]
    entries = np.flatnonzero(limits & (rng.random(n) < share))
    others = np.flatnonzero((share == 0) & pool["is_point"] & (pool["flux"] > 0))
    n_wrong = min(rng.poisson(settings["wrong_classes"] * len(entries)), len(others))
    more = rng.choice(others, n_wrong, replace=False) if n_wrong else np.empty(0, int)
    wrong = np.repeat([False, True], [len(entries), n_wrong])
    return np.concatenate([entries, more]).astype(int), wrong


def _label_table(rng, name, record, pool, entries, settings):
    n_near = len(entries)
    known = load_records()[name]
    n = max(n_near, known.rows or _FEWEST_ROWS) if known.whole else n_near
    offset = record["error"] * rng.normal(size=(2, n_near))
    is_off = rng.random(n_near) < settings["wrong_positions"]
    angle = rng.uniform(0, 2 * np.pi, n_near)
    far = np.where(is_off, rng.uniform(*settings["wrong_offset"], n_near), 0.0)
    ra, dec = move(
        pool["ra"][entries],
        pool["dec"][entries],
        offset[0] + far * np.sin(angle),
        offset[1] + far * np.cos(angle),
    )
    # Objects elsewhere on the sky, in catalogues that are fetched as a whole.
    ra = np.concatenate([ra, rng.uniform(0, 360, n - n_near)])
    dec = np.concatenate([dec, np.degrees(np.arcsin(rng.uniform(-1, 1, n - n_near)))])
    table = Table()
    if "id" in known.columns:
        table["id"] = np.array([f"{name} {number}" for number in range(1, n + 1)], dtype=str)
    put(table, "ra", ra, "deg")
    put(table, "dec", dec, "deg")
    if "type" in record:
        table["type"] = np.full(n, record["type"])
    if "otype" in record:
        kinds = record["otype"]
        classes = [kinds.get(str(c), "*") for c in pool["class"][entries]]
        table["otype"] = np.array(classes, dtype="U8")
        put(table, "pos_error_major", np.full(n, 1e3 * record["error"]), "mas")
        put(table, "pos_error_minor", np.full(n, 1e3 * record["error"]), "mas")
        put(table, "pos_error_angle", np.zeros(n), "deg")
    if "Vmag" in known.columns:
        v = pool["g"][entries] + 0.2
        put(table, "Vmag", v, "mag")
        put(table, "Bmag", v + 0.7, "mag")
    if "redshift" in known.columns:
        put(table, "redshift", np.clip(10 ** draw_normal(rng, (0.0, 0.3), n), 0.02, 5))
    return table
