# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A small sky with known labels, conflicts and near misses.
"""

import numpy as np
from astropy.table import Table

#: What is planted on a source: catalogue -> separation in arcsec; for SIMBAD type and separation.
CASES = {
    "AGN": {"secrest": 0.5},
    "two AGN catalogues": {"secrest": 0.5, "veron": 0.8},
    "star": {"ascc": 0.5},
    "XRB": {"liu2007": 2.0},
    "CV": {"ritter_kolb_cv": 2.0},
    "AGN, SIMBAD agrees": {"veron": 0.5, "simbad": ("QSO", 0.4)},
    "SIMBAD alone": {"simbad": ("QSO", 0.4)},
    "SIMBAD candidate alone": {"simbad": ("Q?", 0.4)},
    "SIMBAD says nothing": {"simbad": ("X", 0.4)},
    "conflict AGN star": {"secrest": 0.5, "ascc": 0.2},
    "conflict XRB CV": {"liu2006": 1.5, "downes": 0.2},
    "conflict with SIMBAD": {"ascc": 0.5, "simbad": ("Sy1", 0.6)},
    "candidate is no conflict": {"ascc": 0.5, "simbad": ("AG?", 0.6)},
    "beyond the radius": {"secrest": 3.3},
    "beyond the error": {"ascc": 2.4, "pos_error": 0.5},
    "within the slack of XRB": {"liu2007": 2.4, "pos_error": 0.5},
    "no object": {},
}
EXPECTED = {
    "AGN": "AGN",
    "two AGN catalogues": "AGN",
    "star": "star",
    "XRB": "gal_XRB",
    "CV": "CV",
    "AGN, SIMBAD agrees": "AGN",
    "candidate is no conflict": "star",
    "within the slack of XRB": "gal_XRB",
}


def make_sky(n_each=3, seed=5):
    """
    Make X-ray sources with planted objects, `n_each` of each case, far from one another.

    Returns
    -------
    xray : `~astropy.table.Table`
        With ``case``.
    catalogues : dict of str to `~astropy.table.Table`
        Under canonical names.
    """
    rng = np.random.default_rng(seed)
    cases = np.repeat(list(CASES), n_each)
    rng.shuffle(cases)
    n = len(cases)
    # A grid of 0.5 deg, so that no object is near two sources.
    ra = 10.0 + 0.5 * np.arange(n)
    dec = rng.uniform(-60, 60, n)
    xray = Table(
        {
            "source_id": [f"X{k}" for k in range(n)],
            "ra": ra,
            "dec": dec,
            "pos_error": [CASES[case].get("pos_error", 1.2) for case in cases],
            "case": cases,
        }
    )
    rows = {}
    for k, case in enumerate(cases):
        for name, what in CASES[case].items():
            if name == "pos_error":
                continue
            otype, separation = what if name == "simbad" else ("", what)
            angle = rng.uniform(0, 2 * np.pi)
            d_dec = separation / 3600 * np.cos(angle)
            d_ra = separation / 3600 * np.sin(angle) / np.cos(np.radians(dec[k] + d_dec))
            rows.setdefault(name, []).append((ra[k] + d_ra, dec[k] + d_dec, otype))
    catalogues = {}
    for name, own in rows.items():
        own_ra, own_dec, otype = zip(*own, strict=True)
        # Objects far from all sources, so that tables are not what is asked for alone.
        table = Table({"ra": [*own_ra, 200.0], "dec": [*own_dec, 80.0]})
        table["id"] = [f"{name} {k}" for k in range(len(table))]
        if name == "simbad":
            table["otype"] = [*otype, "QSO"]
        elif name == "veron":
            table["type"] = "Q"
        catalogues[name] = table
    return xray, catalogues
