# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose

from claxboi import XrayTable
from claxboi.counterparts import best_hosts, find_hosts, find_hosts_in, nearby_galaxies
from claxboi.references import get_reference
from claxboi.references.tests.loopback import LoopbackCDS


@pytest.fixture
def galaxies():
    """An edge-on galaxy, a far one, one without distance and one that hosts nothing."""
    leda = Table(
        {
            "id": [1, 2, 3, 4],
            "ra": [10.0, 20.0, 30.0, 40.0],
            "dec": [0.0, 0.0, 0.0, 80.0],
            "log_d25": np.log10([120 / 6, 120 / 6, 120 / 6, 120 / 6]),
            "log_r25": [0.3, 0.0, 0.0, 0.0],
            "position_angle": [90.0, 0.0, 0.0, 0.0],
        }
    )
    glade = Table(
        {
            "pgc": [4, 2, 1],
            "ra": [40.0, 20.0, 10.0],
            "dec": [80.0, 0.0, 0.0],
            "distance": [9.0, 600.0, 5.0],
        }
    )
    return {"hyperleda": leda, "glade": glade}


@pytest.fixture
def xray():
    ra = [10.01, 10.0, 20.001, 30.001]
    return XrayTable({"ra": ra, "dec": [0.0, 0.012, 0.0, 0.0], "name": list("abcd")})


def test_hosts(xray, galaxies):
    before = xray.copy()
    result = xray.find_hosts(references=galaxies, factor=1.26)
    assert type(result) is XrayTable
    assert np.all(xray == before)
    # b lies 43 arcsec along the minor axis of 30 arcsec; the others' galaxies are too far, or may
    # be.
    assert result["galaxy_id"].tolist() == ["PGC 1", None, None, None]
    assert result["galaxy_distance"][0] == 5
    assert result["galaxy_radius"][0] == pytest.approx(36 / 60, rel=1e-6)
    assert result["galaxy_radius_limit"].tolist() == [1.26] * 4
    wide = xray.find_hosts("glade", references=galaxies, max_distance=1 * u.Gpc)
    assert wide["galaxy_id"].tolist() == ["PGC 1", "PGC 1", "PGC 2", None]
    settings = wide.meta["claxboi"]["hosts"]
    assert settings["factor"] == 1.5
    assert settings["distances"]["reference"] == "glade"
    with pytest.raises(ValueError, match="already has"):
        result.find_hosts(references=galaxies)


def test_equals_the_steps_alone(xray, galaxies):
    table = nearby_galaxies(galaxies["glade"], galaxies["hyperleda"])
    expected = best_hosts(xray, find_hosts(xray, table))
    result = find_hosts_in(xray, references=galaxies)
    for name in ("galaxy_id", "galaxy_distance", "galaxy_radius"):
        assert result[name].tolist() == expected[name].tolist()


def test_from_the_service(xray, galaxies, tmp_path):
    expected = find_hosts_in(xray, references=galaxies)
    with LoopbackCDS(galaxies, cache_dir=str(tmp_path)), pytest.warns(match="rows came"):
        result = find_hosts_in(xray, show_progress=False)
    assert result["galaxy_id"].tolist() == expected["galaxy_id"].tolist()
    own = get_reference(galaxies["glade"], like="glade")
    result = find_hosts_in(xray, own, references=galaxies)
    assert result["galaxy_id"].tolist() == expected["galaxy_id"].tolist()


def test_no_hosts(galaxies):
    result = find_hosts_in(Table({"ra": [200.0], "dec": [0.0]}), references=galaxies)
    assert result["galaxy_id"].mask.all()
    assert "galaxy_distance" in result.colnames


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"factor": 0}, ValueError, "factor must be above 0"),
        ({"distances": 3}, TypeError, "distances must be the name of a catalogue"),
        ({"distances": "gleid"}, ValueError, "source must be a known catalogue"),
        ({"max_distance": 500}, TypeError, "max_distance"),
        ({"references": {"hyperleda": Table({"ra": [1.0]})}}, KeyError, "dec"),
    ],
)
def test_wrong_arguments(xray, arguments, error, match):
    with pytest.raises(error, match=match):
        find_hosts_in(xray, **arguments)


def leda(ids, **columns):
    n = len(ids)
    table = {
        "id": ids,
        "ra": np.arange(n) * 1.0,
        "dec": np.zeros(n),
        "log_d25": np.ones(n),
        "log_r25": np.full(n, 0.3),
        "position_angle": np.full(n, 30.0),
    }
    return Table(table | columns)


class TestNearbyGalaxies:
    def test_axes_by_hand(self):
        glade = Table({"pgc": [11], "distance": [3.0], "distance_error": [0.3]})
        (row,) = nearby_galaxies(glade, leda([10, 11], log_d25=[1.0, 2.0]))
        # D25 of 10 arcmin is a semi-major axis of 300 arcsec.
        assert_allclose(row["r25_major"], 300)
        assert_allclose(row["r25_ratio"], 10**-0.3)
        assert row["galaxy_id"] == "PGC 11"
        assert_allclose([row["galaxy_distance"], row["galaxy_distance_error"]], [3, 0.3])

    def test_published_cut(self):
        glade = Table({"pgc": [1, 2, 3], "distance": [499.0, 500.0, np.nan]})
        assert list(nearby_galaxies(glade, leda([1, 2, 3, 4]))["galaxy_id"]) == ["PGC 1"]
        far = nearby_galaxies(glade, leda([1, 2, 3, 4]), max_distance=1 * u.Gpc)
        assert len(far) == 2

    def test_galaxies_without_a_size_or_a_number(self):
        glade = Table(
            {"pgc": MaskedColumn([0, 2, 3], mask=[True, False, False]), "distance": [1.0] * 3}
        )
        result = nearby_galaxies(glade, leda([0, 2, 3], log_d25=[1, np.nan, 1]))
        assert list(result["galaxy_id"]) == ["PGC 3"]

    def test_numbers_that_stand_twice(self):
        glade = Table({"pgc": [3, 3], "distance": [1.0, 2.0]})
        result = nearby_galaxies(glade, leda([3, 3]))
        assert len(result) == 1
        assert result["galaxy_distance"][0] == 1

    def test_rounded_axes(self):
        glade = Table({"pgc": [3], "distance": [1.0]})
        assert nearby_galaxies(glade, leda([3], log_r25=[-0.01]))["r25_ratio"][0] == 1

    def test_is_what_find_hosts_takes(self):
        glade = Table({"pgc": [3], "distance": [1.0]})
        hosts = find_hosts(Table({"ra": [0.0], "dec": [0.001]}), nearby_galaxies(glade, leda([3])))
        assert list(hosts["galaxy_id"]) == ["PGC 3"]

    def test_missing_column(self):
        axes = leda([3])
        axes.remove_column("log_r25")
        with pytest.raises(KeyError, match="axes has no column 'log_r25'"):
            nearby_galaxies(Table({"pgc": [3], "distance": [1.0]}), axes)


def test_rows_of_hyperleda_are_told_from_galaxies():
    leda = Table({"id": [2557], "ra": [10.685], "dec": [41.269], "log_d25": [3.25]})
    with pytest.raises(KeyError, match="has the columns of HyperLEDA, not r25_major"):
        XrayTable({"ra": [10.7], "dec": [41.3]}).find_hosts(leda)
