# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import Angle

from claxboi.catalog import designations


@pytest.mark.parametrize("decimals", [1, 2, 3])
def test_names_are_truncated(decimals):
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 500), rng.uniform(-90, 90, 500)
    names = designations(ra, dec, prefix="X J", decimals=decimals)
    assert len(set(names.tolist())) == 500
    n_ra = 7 + decimals
    for name, one, two in zip(names.tolist(), ra, dec, strict=True):
        text = name.removeprefix("X J")
        hours, rest = text[:n_ra], text[n_ra:]
        back = Angle(f"{hours[:2]}h{hours[2:4]}m{hours[4:]}s").to_value(u.deg)
        assert 0 <= one - back < 15 / 3600 / 10**decimals + 1e-9
        degrees = abs(Angle(f"{rest[1:3]}d{rest[3:5]}m{rest[5:]}s").to_value(u.deg))
        assert rest[0] == ("-" if two < 0 else "+")
        assert 0 <= abs(two) - degrees < 1 / 3600 / 10 ** (decimals - 1) + 1e-9


def test_twins_and_edges():
    names = designations([10.0, 10.0, 10.0, 359.99999999], [1.0, 1.0, -0.00001, 0.0])
    assert names[:2].tolist() == ["J004000.0+010000", "J004000.0+010000-2"]
    assert names[2:].tolist() == ["J004000.0-000000", "J235959.9+000000"]
    names = designations([0.0391148, 0.0391149], [13.9384931] * 2, prefix="2CXO J")
    assert names.tolist() == ["2CXO J000009.3+135618", "2CXO J000009.3+135618-2"]
    # 02 00 00.1 exactly, which floats miss by a little.
    assert designations([30 + 0.1 / 240], [0.0])[0] == "J020000.1+000000"
    assert designations([], []).tolist() == []
