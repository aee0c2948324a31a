# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Fixtures: small skies on the loopback services.
"""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table
from astropy.utils import minversion

from claxboi.references.tests.loopback import LoopbackCDS

needs_direct_tap = pytest.mark.skipif(
    not minversion("astroquery", "0.4.11"),
    reason="older clients queue SIMBAD jobs, which the loopback services do not",
)


def make_sky(n, seed=3, *, radius_arcsec=5.0):
    """
    Make positions all over the sky with 0, 1 or 2 stars around each.

    Returns
    -------
    coords : `~astropy.coordinates.SkyCoord`
    stars : `~astropy.table.Table`
        Gaia columns under canonical names; a tenth of the parallaxes is missing.
    """
    rng = np.random.default_rng(seed)
    coords = SkyCoord(
        rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n))), unit="deg"
    )
    owner = np.repeat(np.arange(n), rng.integers(0, 3, n))
    m = len(owner)
    offset = 0.9 * radius_arcsec * np.sqrt(rng.random(m)) / 3600
    angle = rng.uniform(0, 2 * np.pi, m)
    dec = coords.dec.deg[owner] + offset * np.cos(angle)
    ra = coords.ra.deg[owner] + offset * np.sin(angle) / np.cos(np.radians(dec))
    stars = Table(
        {
            "id": 10**17 + rng.permutation(m),
            "ra": ra % 360,
            "dec": dec,
            "ra_error": rng.uniform(0.1, 2, m),
            "dec_error": rng.uniform(0.1, 2, m),
            "parallax": MaskedColumn(rng.normal(size=m), mask=rng.random(m) < 0.1),
            "Gmag": rng.uniform(10, 20, m),
        }
    )
    return coords, stars


@pytest.fixture(scope="session")
def sky():
    return make_sky(400)


@pytest.fixture
def cds(sky, tmp_path):
    """The loopback services with Gaia, and an empty cache."""
    with LoopbackCDS({"gaia": sky[1]}, timeout=10.0, cache_dir=str(tmp_path / "cache")) as server:
        yield server


def same_tables(first, second):
    """Whether two tables have the same columns, values, masks and units."""
    if first.colnames != second.colnames or len(first) != len(second):
        return False
    for name in first.colnames:
        a, b = MaskedColumn(first[name]), MaskedColumn(second[name])
        if a.unit != b.unit or a.dtype.kind != b.dtype.kind or np.any(a.mask != b.mask):
            return False
        if np.any(np.asarray(a.filled()) != np.asarray(b.filled())) and not np.array_equal(
            np.asarray(a[~a.mask]), np.asarray(b[~b.mask])
        ):
            return False
    return True
