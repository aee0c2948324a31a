# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A long job on bad services, killed again and again.
"""

import itertools
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from astropy import units as u
from numpy.testing import assert_array_equal

from claxboi import conf
from claxboi.references import get_reference
from claxboi.references.tests.conftest import make_sky, same_tables
from claxboi.references.tests.loopback import FAULTS, LoopbackCDS, _digest

N = 120_000
CHUNK = 5_000
RADIUS = 5 * u.arcsec
COLUMNS = ["Gmag", "parallax"]

# Imports once, then forks a child for each job that it is told to do.
_JOBS = """
import os, sys
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from claxboi import conf
from claxboi.references import _cache, _fetch, _xmatch, get_reference

positions, url, cache_dir, chunk, result = sys.argv[1:]
conf.xmatch_url, conf.cache_dir, conf.chunk_size = url, cache_dir, int(chunk)
conf.retry_wait, conf.retries, conf.timeout = 0.0, 12, 3.0
coords = SkyCoord(*np.load(positions), unit="deg")
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            near = get_reference("gaia").query(
                coords, radius=5 * u.arcsec, columns=["Gmag", "parallax"], show_progress=False
            )
            np.save(result, near["id"].data.data)
        finally:
            os._exit(0)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_bad_services_and_sigkill(tmp_path):
    """
    120,000 positions; 20 % of all requests fail in every way; five SIGKILLs at random moments.

    What was finished is not asked for again, and the end is that of a job without faults.
    """
    coords, stars = make_sky(N, seed=11)
    rng = np.random.default_rng(4)
    positions, result = tmp_path / "positions.npy", tmp_path / "result.npy"
    np.save(positions, [coords.ra.deg, coords.dec.deg])
    reference = get_reference("gaia")
    with (
        LoopbackCDS({"gaia": stars}, cache_dir=str(tmp_path / "cache"), timeout=10.0) as cds,
        conf.set_temp("chunk_size", CHUNK),
    ):
        expected = reference.query(coords, radius=RADIUS, columns=COLUMNS, cache=False)
        assert len(cds.requests) == 1 + N // CHUNK
        cds.requests.clear()
        cds.fail_randomly(0.2, FAULTS, seed=5)

        url = cds.addresses["xmatch_url"]
        arguments = [str(x) for x in (positions, url, conf.cache_dir, CHUNK, result)]
        with subprocess.Popen(
            [sys.executable, "-c", _JOBS, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        ) as jobs:
            for k in range(6):
                finished = _finished(cds.requests)
                assert len(finished) >= k
                n_before = len(cds.requests)
                jobs.stdin.write("go\n")
                pid = int(jobs.stdout.readline())
                if k < 5:
                    # At any moment, after some requests of this run.
                    n_more = n_before + 4 + rng.integers(0, 2)
                    while len(cds.requests) < n_more:
                        time.sleep(0.005)
                    time.sleep(rng.uniform(0, 0.3))
                    os.kill(pid, signal.SIGKILL)
                    assert os.WIFSIGNALED(int(jobs.stdout.readline()))
                    assert not result.exists()
                else:
                    assert int(jobs.stdout.readline()) == 0
                new = {request.digest for request in cds.requests[n_before:]}
                assert not finished & new
            jobs.stdin.close()

        faults = [request.fault for request in cds.requests]
        kept = reference.query(coords, radius=RADIUS, columns=COLUMNS, cache="only")
    assert len(set(faults)) > 6
    assert 0.08 * len(faults) < sum(map(bool, faults)) < 0.35 * len(faults)
    assert_array_equal(np.load(result), expected["id"])
    assert same_tables(kept, expected)
    digests = [
        _digest(coords.ra.deg[k : k + CHUNK], coords.dec.deg[k : k + CHUNK])
        for k in range(0, N, CHUNK)
    ]
    assert set(digests) == {request.digest for request in cds.requests if request.n_positions > 1}


def _finished(requests):
    """Chunks that are known to have been kept, for another one was asked for after them."""
    chunks = [request for request in requests if request.n_positions > 1]
    return {
        request.digest
        for request, later in itertools.pairwise(chunks)
        if not request.fault and later.digest != request.digest
    }
