# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A mission's catalogue with known classes, and what lies around its sources.
"""

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table, vstack

#: By class: kind of object, log10 flux, first hardness ratio, RP, W1 - RP, log10 distance in pc.
POPULATIONS = {
    "AGN": ("secrest", -13.5, 0.1, 19.5, -4.0, None),
    "star": ("ascc", -13.2, -0.5, 10.0, -2.0, 2.3),
    "gal_XRB": ("avakyan", -11.5, 0.5, 17.0, -2.0, 3.5),
    "CV": ("downes", -12.5, 0.2, 17.0, -1.0, 2.6),
    "AGN_2": ("secrest", -13.5, 0.1, 19.5, -4.0, None),
    "ex_XRB": ("avakyan", -13.8, 0.4, 20.5, -3.0, None),
    "extended": (None, -13.0, 0.0, 19.0, -3.5, None),
}
LABELS = sorted({population[0] for population in POPULATIONS.values() if population[0]})
N_UNKNOWN = 40
MPC = 10.0


def make_mission_sky(n_each=25, seed=11):
    """
    Make the tables of a loopback CDS: 4XMM with `n_each` sources a class, and others without.

    Returns
    -------
    tables : dict of str to `~astropy.table.Table`
        By short name, under canonical names.
    truth : `~astropy.table.Table`
        ``source_id, true_class`` of all sources.
    """
    rng = np.random.default_rng(seed)
    names = np.repeat([*POPULATIONS, "AGN"], [n_each] * len(POPULATIONS) + [N_UNKNOWN])
    is_known = np.arange(len(names)) < n_each * len(POPULATIONS)
    n = len(names)
    kind, log_flux, hr, rp, colour, log_distance = (
        np.array([POPULATIONS[name][k] for name in names], object) for k in range(6)
    )
    in_galaxy = np.isin(names, ["AGN_2", "ex_XRB"])
    at = SkyCoord(rng.uniform(0, 360, n), rng.uniform(-70, 70, n), unit="deg")
    ids = np.array([f"4XMM J{k:06d}" for k in range(n)])
    flux = 10 ** (log_flux.astype(float) + 0.3 * rng.standard_normal(n))
    ratio = np.clip(hr.astype(float) + 0.15 * rng.standard_normal(n), -0.99, 0.99)
    xray = Table(
        {
            "id": ids,
            "source": np.arange(n) + 2 * 10**14,
            "ra": at.ra.deg,
            "dec": at.dec.deg,
            "pos_error_63": rng.uniform(0.8, 1.5, n),
            "detection_likelihood": np.full(n, 100.0),
            "flux": flux,
            "flux_error": flux / 15,
            "extent": np.where(names == "extended", rng.uniform(6, 60, n), 0.0),
            "flux_min": flux / 1.5,
            "flux_max": flux * 1.5,
            "quality": np.zeros(n, int),
        }
    )
    for k in range(1, 5):
        xray[f"hr{k}"] = np.clip(ratio + 0.1 * rng.standard_normal(n), -1, 1)
        xray[f"hr{k}_error"] = np.full(n, 0.1)

    def moved(arcsec):
        spot = at.directional_offset_by(
            SkyCoord(rng.uniform(0, 360, n), np.zeros(n), unit="deg").ra,
            SkyCoord(np.abs(arcsec * rng.standard_normal(n)) / 3600, np.zeros(n), unit="deg").ra,
        )
        return spot.ra.deg, spot.dec.deg

    ra, dec = moved(0.4)
    rp_mag = rp.astype(float) + 0.7 * rng.standard_normal(n)
    is_star = np.array([d is not None for d in log_distance])
    gaia_id = 4 * 10**18 + rng.permutation(n)
    gaia = Table({"id": gaia_id, "ra": ra, "dec": dec, "Gmag": rp_mag + 0.5, "RPmag": rp_mag})
    gaia["BPmag"] = rp_mag + 0.8
    for name in ("pmra", "pmdec"):
        gaia[name] = np.where(is_star, 20.0, 0.3) * rng.standard_normal(n)
    w1_mag = rp_mag + colour.astype(float) + 0.3 * rng.standard_normal(n)
    allwise = Table({"id": [f"W{k}" for k in range(n)], "ra": ra, "dec": dec, "W1mag": w1_mag})
    allwise["W2mag"] = w1_mag - np.where(is_star, 0.0, 0.9)
    allwise["e_W1mag"] = allwise["e_W2mag"] = np.full(n, 0.05)
    distance = np.array([10.0 ** (d or 3.4) for d in log_distance]) * rng.uniform(0.5, 2, n)
    bailer_jones = Table({"id": gaia_id, "ra": ra, "dec": dec, "rgeo": distance})
    bailer_jones["b_rgeo"], bailer_jones["B_rgeo"] = 0.9 * distance, 1.1 * distance

    # A galaxy of 2 arcmin radius around each member, and one that is too far around a CV.
    far = np.flatnonzero(names == "AGN")[:3]
    hosts = np.concatenate([np.flatnonzero(in_galaxy), far])
    pgc = np.arange(len(hosts)) + 1000
    leda = Table({"id": pgc, "ra": xray["ra"][hosts], "dec": xray["dec"][hosts] + 0.003})
    leda["log_d25"] = np.full(len(hosts), np.log10(40.0))
    leda["log_r25"] = np.full(len(hosts), 0.1)
    leda["position_angle"] = np.full(len(hosts), 40.0)
    glade = Table({"id": pgc + 5, "pgc": pgc, "ra": leda["ra"], "dec": leda["dec"]})
    glade["distance"] = np.where(np.isin(hosts, far), 600.0, MPC)
    glade["distance_error"] = np.full(len(hosts), 1.0)

    tables = {
        "4xmm": xray,
        "gaia": gaia,
        "allwise": allwise,
        "bailer_jones": bailer_jones,
        "hyperleda": leda,
        "glade": glade,
    }
    spot = np.column_stack(moved(0.3))
    for name in LABELS:
        rows = is_known & (kind == name)
        tables[name] = Table({"ra": spot[rows, 0], "dec": spot[rows, 1]})
    # One conflict: the first AGN is a star too.
    first = Table({"ra": spot[:1, 0], "dec": spot[:1, 1]})
    tables["ascc"] = vstack([tables["ascc"], first])
    tables["simbad"] = Table({"ra": spot[:5, 0], "dec": spot[:5, 1], "otype": ["QSO"] * 5})
    truth = Table({"source_id": ids, "true_class": np.where(is_known, names, "")})
    truth["true_class"][0] = ""
    return tables, truth
