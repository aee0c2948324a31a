# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
What fetching costs on this side: processor time and memory per 100,000 positions.

    python benchmarks/fetch.py [number of positions]

The services are the loopback ones, in another process, so the processor time of this one is all
that is not waiting: making requests, reading and checking answers, keeping them, putting them
together. Targets: below 5 s and 1 GB.
"""

import multiprocessing
import resource
import sys
import tempfile
import time

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi import conf
from claxboi.references import get_reference


def make_sky(n):
    """
    Make positions with one star near each.
    """
    rng = np.random.default_rng(1)
    coords = SkyCoord(
        rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-0.99, 0.99, n))), unit="deg"
    )
    return coords, Table(
        {
            "id": rng.integers(10**17, 10**18, n),
            "ra": coords.ra.deg,
            "dec": coords.dec.deg + rng.uniform(-1, 1, n) / 3600,
            **{
                name: rng.normal(15, 1, n)
                for name in ("ra_error", "dec_error", "parallax", "parallax_error", "pmra", "pmdec")
            },
            **{name: rng.normal(15, 1, n) for name in ("ruwe", "Gmag", "BPmag", "RPmag")},
        }
    )


def serve(n, pipe):
    """
    Run the loopback services until told to stop.
    """
    from claxboi.references.tests.loopback import LoopbackCDS

    with LoopbackCDS({"gaia": make_sky(n)[1]}, timeout=300.0) as cds:
        pipe.send(cds.addresses["xmatch_url"])
        pipe.recv()


def memory_mb():
    """
    Tell the largest memory that this process has had.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main(n):
    """
    Fetch, and fetch again from the cache.
    """
    pipe, other = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(n, other))
    server.start()
    url = pipe.recv()
    coords, _ = make_sky(n)
    reference = get_reference("gaia")
    with (
        tempfile.TemporaryDirectory() as folder,
        conf.set_temp("xmatch_url", url),
        conf.set_temp("cache_dir", folder),
    ):
        # Imports are not counted.
        reference.query(coords[:1], radius=2 * u.arcsec, cache=False)
        for what in ("fetch", "from the cache"):
            before = memory_mb()
            wall, processor = time.perf_counter(), time.process_time()
            near = reference.query(coords, radius=2 * u.arcsec, show_progress=False)
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            sys.stdout.write(
                f"{what}: {n:,} positions, {len(near):,} rows of {len(near.colnames)} columns: "
                f"{processor:.2f} s of processor time ({processor / n * 1e5:.2f} s per 100,000), "
                f"{wall:.2f} s in all, {memory_mb():.0f} MB at most ({before:.0f} MB before)\n"
            )
    pipe.send("stop")
    server.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
