# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulated Gaia, Gaia distances and AllWISE around the X-ray sources: counterparts and field objects.
"""

import numpy as np
from astropy.table import Table
from scipy.spatial import cKDTree
from scipy.special import ndtr

from claxboi.catalog import designations
from claxboi.utils import unit_vectors

from ._mock_fields import disc, move
from ._mock_records import draw_normal, put, sky_records
from ._populations import g_minus_rp, main_sequence

__all__ = ["make_surveys", "motions"]

#: Proper motion in mas/yr of 1 km/s at 1 pc.
_MAS_KM_S = 1000 / 4.740470
#: First Gaia identifier, and the step.
_FIRST_ID, _ID_STEP = 10**15, 4093
#: Distances of objects without significant parallax, as in Bailer-Jones et al. (2021): log10 pc.
_PRIOR_DISTANCE = (3.45, 0.15)


def motions(rng, distance_pc, velocity):
    """
    Draw proper motions.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    distance_pc : `~numpy.ndarray`
        Distances; NaN for objects without motion.
    velocity : float or `~numpy.ndarray`
        rms tangential velocity per axis, km/s.

    Returns
    -------
    pmra, pmdec : `~numpy.ndarray`
        mas/yr, cos(dec) included.
    """
    scale = np.nan_to_num(velocity * _MAS_KM_S / distance_pc)
    return scale * rng.normal(size=len(scale)), scale * rng.normal(size=len(scale))


def make_surveys(rng, sources, xray_ra, xray_dec, fields, radius_arcsec):
    """
    Make the surveys.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
        Random numbers.
    sources : dict of str to `~numpy.ndarray`
        The X-ray sources, with positions at Gaia's epoch.
    xray_ra, xray_dec : `~numpy.ndarray`
        Positions in the X-ray catalogue.
    fields : Fields
        Pointings.
    radius_arcsec : float
        Radius around each X-ray source in which there are objects.

    Returns
    -------
    tables : dict of str to `~astropy.table.Table`
        ``gaia, bailer_jones, allwise``.
    rows : dict of str to `~numpy.ndarray` of int
        Row of the counterpart of each X-ray source in ``gaia`` and ``allwise``; -1: none.
    """
    objects = _counterpart_objects(sources)
    stars, infrared = _field_objects(rng, sources, xray_ra, xray_dec, fields, radius_arcsec)
    everything = {key: np.concatenate([objects[key], stars[key]]) for key in objects}
    gaia, gaia_rows = _gaia(rng, everything)
    bailer_jones = _bailer_jones(rng, gaia)
    everything = {key: np.concatenate([everything[key], infrared[key]]) for key in objects}
    allwise, allwise_rows = _allwise(rng, everything)
    n = len(xray_ra)
    rows = {
        "gaia": _by_source(everything["source"], gaia_rows, n),
        "allwise": _by_source(everything["source"], allwise_rows, n),
    }
    return {"gaia": gaia, "bailer_jones": bailer_jones, "allwise": allwise}, rows


def _by_source(source, rows, n):
    """Find the row of each X-ray source in the survey."""
    of_source = np.full(n, -1)
    mine = source[rows]
    good = mine >= 0
    of_source[mine[good]] = np.flatnonzero(good)
    return of_source


def _counterpart_objects(sources):
    rows = np.flatnonzero(np.isfinite(sources["rp"]))
    objects = {"source": rows}
    for key in ("ra", "dec", "rp", "bp_rp", "rp_w1", "w1_w2", "distance", "pmra", "pmdec"):
        objects[key] = sources[key][rows]
    return objects


def _field_objects(rng, sources, xray_ra, xray_dec, fields, radius_arcsec):
    """Draw stars, and infrared objects that Gaia does not detect, around the X-ray sources."""
    record, galaxies = sky_records()["field"], sky_records()["galaxies"]
    latitude = np.abs(fields.b[sources["field"]])
    crowding = np.where(sources["host"] >= 0, galaxies["crowding"], 1.0)
    area_deg2 = np.pi * (radius_arcsec / 3600) ** 2
    tree = cKDTree(unit_vectors(xray_ra, xray_dec))

    def scattered(density):
        around = np.repeat(np.arange(len(xray_ra)), rng.poisson(density * area_deg2))
        east, north = disc(rng, radius_arcsec, len(around))
        ra, dec = move(xray_ra[around], xray_dec[around], east, north)
        # Where circles overlap, an object belongs to the nearest source only; otherwise there would
        # be twice as many.
        nearest = tree.query(unit_vectors(ra, dec), workers=1)[1]
        mine = nearest == around
        return ra[mine], dec[mine]

    density = crowding * np.interp(latitude, record["latitude"], record["gaia"])
    ra, dec = scattered(density)
    n = len(ra)
    g = _magnitudes(rng, record["gaia_range"], record["gaia_slope"], n)
    bp_rp = np.clip(draw_normal(rng, sky_records()["main_sequence"]["field_bp_rp"], n), 0.2, 3.6)
    absolute_rp, rp_w1, _ = main_sequence(bp_rp)
    rp = g - g_minus_rp(bp_rp)
    distance = 10 ** ((rp - absolute_rp) / 5 + 1)
    velocity = sky_records()["main_sequence"]["field_velocity"]
    pmra, pmdec = motions(rng, distance, velocity)
    stars = {
        "source": np.full(n, -1),
        "ra": ra,
        "dec": dec,
        "rp": rp,
        "bp_rp": bp_rp,
        "rp_w1": rp_w1 + 0.15 * rng.normal(size=n),
        "w1_w2": -0.02 + 0.05 * rng.normal(size=n),
        "distance": distance,
        "pmra": pmra,
        "pmdec": pmdec,
    }
    # Fraction of them that are in AllWISE.
    w1 = stars["rp"] - stars["rp_w1"]
    share = np.mean(w1 < sky_records()["allwise"]["limit"]) if n else 0.0
    others = np.interp(latitude, record["latitude"], record["allwise"])
    others = np.maximum(others - share * density / crowding, 0.2 * others) * crowding
    ra, dec = scattered(others)
    n = len(ra)
    w1 = _magnitudes(rng, record["allwise_range"], record["allwise_slope"], n)
    rp_w1 = draw_normal(rng, record["galaxy_rp_w1"], n)
    infrared = {
        "source": np.full(n, -1),
        "ra": ra,
        "dec": dec,
        "rp": w1 + rp_w1,
        "bp_rp": np.full(n, 1.2),
        "rp_w1": rp_w1,
        "w1_w2": draw_normal(rng, record["galaxy_w1_w2"], n),
        "distance": np.full(n, np.nan),
        "pmra": np.zeros(n),
        "pmdec": np.zeros(n),
    }
    return stars, infrared


def _magnitudes(rng, limits, slope, n):
    """Draw magnitudes with counts that grow as 10^(slope m)."""
    low, high = (10 ** (slope * (limit - limits[1])) for limit in limits)
    return limits[1] + np.log10(rng.uniform(low, high, n)) / slope


def _gaia(rng, objects):
    record = sky_records()["gaia"]
    g = objects["rp"] + g_minus_rp(objects["bp_rp"])
    rows = np.flatnonzero(rng.random(len(g)) < ndtr((record["limit"] - g) / record["width"]))
    rows = rows[rng.permutation(len(rows))]
    g, n = g[rows], len(rows)
    bp = objects["rp"][rows] + objects["bp_rp"][rows]
    rp = objects["rp"][rows]
    g_error, bp_error, rp_error = (
        np.hypot(0.003, at_20 * 10 ** (0.4 * (np.minimum(m, 22.5) - 20)))
        for m, at_20 in ((g, 0.006), (bp, 0.07), (rp, 0.06))
    )
    # Errors at G = 20, similar to Gaia DR3.
    growth = 10 ** (0.3 * (np.maximum(g, 13) - 20))
    position_error, motion_error, parallax_error = 0.4 * growth, 0.5 * growth, 0.45 * growth
    position_error, motion_error, parallax_error = (
        np.hypot(x, 0.015) for x in (position_error, motion_error, parallax_error)
    )
    two = (g > record["two_parameter_g"]) & (rng.random(n) < record["two_parameters"])
    ra, dec = move(
        objects["ra"][rows],
        objects["dec"][rows],
        position_error * rng.normal(size=n) / 1000,
        position_error * rng.normal(size=n) / 1000,
    )
    parallax = np.nan_to_num(1000 / objects["distance"][rows])
    faint_bp, faint_rp = bp > record["colour_limit"] + 0.5, rp > record["colour_limit"]
    table = Table()
    table["id"] = _FIRST_ID + _ID_STEP * np.arange(n, dtype=np.int64)
    put(table, "ra", ra, "deg")
    put(table, "dec", dec, "deg")
    put(table, "ra_error", position_error, "mas")
    put(table, "dec_error", position_error, "mas")
    put(table, "parallax", parallax + parallax_error * rng.normal(size=n), "mas", two)
    put(table, "parallax_error", parallax_error, "mas", two)
    for axis in ("ra", "dec"):
        motion = objects[f"pm{axis}"][rows] + motion_error * rng.normal(size=n)
        put(table, f"pm{axis}", motion, "mas / yr", two)
        put(table, f"pm{axis}_error", motion_error, "mas / yr", two)
    put(table, "ruwe", rng.lognormal(0.03, 0.08, n), None, two)
    put(table, "Gmag", g + g_error * rng.normal(size=n), "mag")
    put(table, "e_Gmag", g_error, "mag")
    for name, m, error, faint in (
        ("BP", bp, bp_error, faint_bp),
        ("RP", rp, rp_error, faint_rp),
    ):
        put(table, f"{name}mag", m + error * rng.normal(size=n), "mag", faint)
        put(table, f"e_{name}mag", error, "mag", faint)
    return table, rows


def _bailer_jones(rng, gaia):
    has = ~np.ma.getmaskarray(np.ma.asarray(gaia["parallax"]))
    part = gaia[has]
    n = len(part)
    parallax, error = (np.asarray(part[name], float) for name in ("parallax", "parallax_error"))
    snr = np.maximum(parallax, 0) / error
    # Mean of the parallax and the expectation without one.
    weight = snr**2 / (snr**2 + 6)
    prior = draw_normal(rng, _PRIOR_DISTANCE, n)
    log_distance = prior + weight * (3 - np.log10(np.maximum(parallax, 1e-3)) - prior)
    half = np.minimum(0.434 / np.maximum(snr, 1e-9), 0.22)
    table = Table()
    table["id"] = np.asarray(part["id"])
    put(table, "ra", np.asarray(part["ra"]), "deg")
    put(table, "dec", np.asarray(part["dec"]), "deg")
    for kind in ("rgeo", "rpgeo"):
        put(table, kind, 10**log_distance, "pc")
        put(table, f"b_{kind}", 10 ** (log_distance - half), "pc")
        put(table, f"B_{kind}", 10 ** (log_distance + half), "pc")
    return table


def _allwise(rng, objects):
    record = sky_records()["allwise"]
    w1 = objects["rp"] - objects["rp_w1"]
    is_seen = rng.random(len(w1)) < ndtr((record["limit"] - w1) / record["width"])
    rows = np.flatnonzero(is_seen)
    rows = rows[rng.permutation(len(rows))]
    n = len(rows)
    w1 = w1[rows]
    w2 = w1 - objects["w1_w2"][rows]
    # Red objects are even redder at longer wavelengths.
    w3 = w2 - 0.1 - 2.6 * np.clip(objects["w1_w2"][rows], 0, 1.1)
    w4 = w3 - 0.1 - 2.2 * np.clip(objects["w1_w2"][rows], 0, 1.1)
    years = record["epoch"] - sky_records()["gaia"]["epoch"]
    position_error = np.hypot(0.035, 0.16 * 10 ** (0.4 * (w1 - 16.5)))
    position_error = np.minimum(position_error, 0.8)
    ra, dec = move(
        objects["ra"][rows],
        objects["dec"][rows],
        objects["pmra"][rows] * years / 1000 + position_error * rng.normal(size=n),
        objects["pmdec"][rows] * years / 1000 + position_error * rng.normal(size=n),
    )
    table = Table()
    table["id"] = designations(ra, dec, decimals=2)
    put(table, "ra", ra, "deg")
    put(table, "dec", dec, "deg")
    put(table, "pos_error_major", position_error, "arcsec")
    put(table, "pos_error_minor", position_error, "arcsec")
    put(table, "pos_error_angle", np.zeros(n), "deg")
    quality = []
    for name, m, limit in (
        ("W1", w1, np.inf),
        ("W2", w2, record["w2_limit"]),
        ("W3", w3, record["w3_limit"]),
        ("W4", w4, record["w4_limit"]),
    ):
        # Objects at the limit have a signal-to-noise ratio of 2 (5 in W1).
        scale = record["limit"] if np.isinf(limit) else limit
        error = (0.2 if np.isinf(limit) else 0.5) * 10 ** (0.4 * (np.minimum(m, 25) - scale))
        error = np.hypot(error, 0.022)
        is_limit = m > limit
        measured = m + np.minimum(error, 0.5) * rng.normal(size=n)
        put(
            table,
            f"{name}mag",
            np.where(is_limit, limit + 0.15 * rng.normal(size=n), measured),
            "mag",
        )
        put(table, f"e_{name}mag", np.minimum(error, 0.54), "mag", is_limit)
        quality.append(np.select([is_limit, error > 0.36, error > 0.11], ["U", "C", "B"], "A"))
    table["quality"] = np.char.add(
        np.char.add(quality[0], quality[1]), np.char.add(quality[2], quality[3])
    )
    return table, rows
