# Licensed under a 3-clause BSD style license - see LICENSE.rst
from itertools import combinations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.counterparts.xraylinks import link_xray
from claxboi.utils import ClaxboiWarning


def catalogue(east, north=None, error=1.0, ra=10.0, dec=0.0):
    """Sources at offsets in arcsec from a position near the equator."""
    east = np.atleast_1d(np.asarray(east, float))
    north = np.zeros_like(east) if north is None else np.asarray(north, float)
    return Table(
        {
            "ra": (ra + east / 3600 / np.cos(np.radians(dec))) % 360,
            "dec": dec + north / 3600,
            "pos_error": np.broadcast_to(np.asarray(error, float), east.shape).copy(),
        }
    )


def crowd(seed, n_catalogues=3, size=15.0, n_most=8, **place):
    rng = np.random.default_rng(seed)
    return {
        name: catalogue(*rng.uniform(0, size, (2, rng.integers(3, n_most + 1))), error=1.0, **place)
        for name in ("xmm", "csc", "swift", "erosita")[:n_catalogues]
    }


def slow_links(catalogues, wide):
    """Neighbourhoods as sets, by the definition; {link: unambiguous}."""
    nodes = [(name, k) for name, table in catalogues.items() for k in range(len(table))]
    place = {
        (name, k): SkyCoord(row["ra"], row["dec"], unit="deg")
        for name, table in catalogues.items()
        for k, row in enumerate(table)
    }
    near = {node: {node} for node in nodes}
    links = []
    for one, two in combinations(nodes, 2):
        errors = [catalogues[name]["pos_error"][k] for name, k in (one, two)]
        if one[0] == two[0]:
            continue
        if place[one].separation(place[two]).arcsec <= wide * np.hypot(*errors):
            near[one].add(two)
            near[two].add(one)
            links.append(frozenset((one, two)))

    def unambiguous(one, two):
        names = [name for name, _ in near[one]]
        return near[one] == near[two] and len(names) == len(set(names))

    return {link: unambiguous(*link) for link in links}


def link_set(links, column="is_ambiguous"):
    return {
        frozenset(
            (
                (str(row["catalogue_1"]), int(row["row_1"])),
                (str(row["catalogue_2"]), int(row["row_2"])),
            )
        ): bool(row[column])
        for row in links
    }


def members(sources, names):
    """The sources as sets of (catalogue, row), with their identifiers."""
    return {
        frozenset((n, int(row[n])) for n in names if row[n] is not np.ma.masked): str(
            row["master_id"]
        )
        for row in sources
    }


@pytest.mark.parametrize("seed", range(25))
def test_slow_reference(seed):
    catalogues = crowd(seed, n_catalogues=2 + seed % 3, size=[8, 20, 40][seed % 3])
    expected = slow_links(catalogues, 3)
    sources, links = link_xray(catalogues)
    assert link_set(links) == {link: not sure for link, sure in expected.items()}
    close = slow_links(catalogues, 1)
    assert {link for link, yes in link_set(links, "is_close").items() if yes} == set(close)
    preferred = {link for link, sure in close.items() if sure and not expected[link]}
    assert {link for link, yes in link_set(links, "is_preferred").items() if yes} == preferred

    # Each row of each catalogue stands in one source, and unambiguous links alone join them.
    found = members(sources, catalogues)
    everything = {(name, k) for name, table in catalogues.items() for k in range(len(table))}
    assert sorted(node for group in found for node in group) == sorted(everything)
    for group in found:
        assert len({name for name, _ in group}) == len(group)
        for pair in combinations(group, 2):
            assert expected[frozenset(pair)]
    joined = {frozenset(p) for group in found for p in combinations(group, 2)}
    assert joined == {link for link, sure in expected.items() if sure}

    # Flags of the sources.
    doubtful = {node for link, sure in expected.items() if not sure for node in link}
    for group, row in zip(found, sources, strict=True):
        assert row["is_ambiguous"] == bool(group & doubtful)
        assert row["n_catalogues"] == len(group)


def test_reference_meets_every_case():
    # So that the test above cannot pass on trivial fields.
    seen = set()
    for seed in range(25):
        _, links = link_xray(crowd(seed, n_catalogues=3, size=20))
        seen |= set(links["reason"].tolist())
        seen |= {("close", bool(value)) for value in links["is_preferred"]}
    assert seen == {None, "multiple", "inconsistent", ("close", True), ("close", False)}


def test_two_catalogues():
    # A pair; a blend of two under one; a lone source; a pair just beyond 3 sigma.
    one = catalogue([0, 100, 104, 200, 300], error=[3, 1, 1, 1, 1])
    two = catalogue([5, 102, 304.5], error=[4, 2, 1])
    sources, links = link_xray({"one": one, "two": two})
    assert links["row_1"].tolist() == [0, 1, 2]
    assert links["row_2"].tolist() == [0, 1, 1]
    assert links["is_ambiguous"].tolist() == [False, True, True]
    assert links["reason"].tolist() == [None, "multiple", "multiple"]
    assert_allclose(links["n_sigma"], [1, 2 / np.sqrt(5), 2 / np.sqrt(5)], rtol=1e-6)
    assert_allclose(links["separation"], [5, 2, 2], rtol=1e-6)
    assert len(sources) == 7
    assert sources["n_catalogues"].tolist() == [2, 1, 1, 1, 1, 1, 1]
    # By right ascension: 1.8, 100, 102, 104, 200, 300, 304.5.
    assert sources["one"].tolist() == [0, 1, None, 2, 3, 4, None]
    assert sources["two"].tolist() == [0, None, 1, None, None, None, 2]
    assert sources["is_ambiguous"].tolist() == [False, True, True, True, False, False, False]
    assert sources["group"].tolist() == [0, 1, 1, 1, 2, 3, 4]
    # (0 / 9 + 5 / 16) / (1 / 9 + 1 / 16), and 1 / sqrt of the sum of weights.
    assert_allclose((sources["ra"][0] - 10) * 3600, 1.8, rtol=1e-6)
    assert_allclose(sources["pos_error"][0], 2.4)
    assert sources["ra"][4] == one["ra"][3]
    ids = dict(zip(sources["one"].tolist(), sources["master_id"].tolist(), strict=True))
    assert links["master_id_1"].tolist() == [ids[0], ids[1], ids[2]]
    assert links["master_id_2"][1] == sources["master_id"][2]


def test_poor_position_over_two_good_ones():
    # The good ones exclude each other, so the poor one is one of them, who knows which.
    tables = {
        "chandra": catalogue(-2, error=0.5),
        "xmm": catalogue(2, error=0.5),
        "swift": catalogue(0, error=2),
    }
    sources, links = link_xray(tables)
    assert links["reason"].tolist() == ["inconsistent", "inconsistent"]
    assert sources["is_ambiguous"].all()
    # A good pair stays one when a poor source is in doubt between it and another.
    tables["xmm"] = catalogue([-2, 2], error=0.5)
    sources, links = link_xray(tables)
    found = members(sources, tables)
    assert frozenset({("chandra", 0), ("xmm", 0)}) in found
    reasons = {
        frozenset((r["catalogue_1"], r["catalogue_2"])): r["reason"]
        for r in links[links["is_ambiguous"]]
        if not (r["row_1"] or r["row_2"])
    }
    assert reasons == {
        frozenset(("chandra", "swift")): "inconsistent",
        frozenset(("xmm", "swift")): "multiple",
    }


def test_triple():
    tables = {n: catalogue([0, 100], error=1.0) for n in ("c", "a", "b")}
    sources, links = link_xray(tables)
    assert sources.colnames[-3:] == ["a", "b", "c"]
    assert len(links) == 6
    assert sources["n_catalogues"].tolist() == [3, 3]
    assert_allclose(sources["pos_error"], 1 / np.sqrt(3))
    assert sources.meta["claxboi"]["xray_links"]["n_sigma"] == [1, 3]


def test_error_ellipses_the_right_way_round():
    # Long towards North-East; the first other lies there, the second across.
    one = Table(
        {
            "ra": [10.0, 20.0],
            "dec": [0.0, 0.0],
            "pos_error_major": [3.0, 3.0],
            "pos_error_minor": [1.0, 1.0],
            "pos_error_angle": [45.0, 45.0],
        }
    )
    two = catalogue([2.0, 2.0], [2.0, -2.0], error=1e-3)
    two["ra"][1] += 10
    with_circle = link_xray({"one": one, "two": two}, n_sigma=(1, 10)).links
    r = 2 * np.sqrt(2)
    assert_allclose(with_circle["n_sigma"], [r / 3, r], rtol=1e-5)
    # Where the ellipse is not complete the circle stands in.
    one["pos_error_angle"][1] = np.nan
    with pytest.raises(ValueError, match=r"ellipse of catalogues\['one'\] is incomplete in 1 rows"):
        link_xray({"one": one, "two": two})
    one["pos_error"] = 2.0
    assert_allclose(link_xray({"one": one, "two": two}).links["n_sigma"][1], r / 2, rtol=1e-5)


def test_weighted_position_of_ellipses():
    # Each knows one axis: the mean takes East from one and North from the other.
    def ellipse(east, north, angle):
        table = catalogue([east], [north])
        del table["pos_error"]
        table["pos_error_major"], table["pos_error_minor"] = 100.0, 0.1
        table["pos_error_angle"] = angle
        return table

    sources, _ = link_xray({"a": ellipse(1, 7, 0.0), "b": ellipse(3, 5, 90.0)})
    (row,) = sources
    assert_allclose([(row["ra"] - 10) * 3600, row["dec"] * 3600], [1, 5], atol=1e-4)
    assert_allclose(row["pos_error"], 0.1, rtol=1e-4)


def test_true_pairs_are_found():
    # 98.89 % of true pairs lie within 3 sigma, 39.35 % within 1, whatever the errors.
    rng = np.random.default_rng(4)
    n = 20_000
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    centre = SkyCoord(ra, dec, unit="deg")
    tables = {}
    for name, typical in (("xmm", 1.0), ("swift", 2.5)):
        error = typical * rng.lognormal(0, 0.5, n)
        place = centre.directional_offset_by(
            rng.uniform(0, 360, n) * u.deg, error * rng.rayleigh(size=n) * u.arcsec
        )
        tables[name] = Table({"ra": place.ra.deg, "dec": place.dec.deg, "pos_error": error})
    sources, links = link_xray(tables)
    # Twenty thousand sources on the whole sky do not meet by chance.
    assert_array_equal(links["row_1"], links["row_2"])
    assert not links["is_ambiguous"].any()
    for found, expected in (
        (len(links) / n, 1 - np.exp(-4.5)),
        (np.mean(links["is_close"]) * len(links) / n, 1 - np.exp(-0.5)),
    ):
        assert abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
    # The mean position is as good as its error says: Rayleigh in units of it. Pairs beyond
    # 3 sigma are absent, which says nothing of the mean.
    both = sources[sources["n_catalogues"] == 2]
    truth = centre[np.asarray(both["xmm"])]
    pull = SkyCoord(both["ra"], both["dec"], unit="deg").separation(truth).arcsec
    pull = pull / both["pos_error"]
    assert abs(np.mean(pull**2) - 2) < 4 * 2 / np.sqrt(len(both))


def test_large_errors_do_not_widen_other_searches():
    # One source with an error of 5 degrees among many: a correct answer, and little memory.
    rng = np.random.default_rng(5)
    n = 3000
    one = Table({"ra": rng.uniform(0, 1, n), "dec": rng.uniform(0, 1, n), "pos_error": [0.1] * n})
    two = one.copy()
    two["pos_error"][0] = 5 * 3600
    _, links = link_xray({"one": one, "two": two})
    assert np.count_nonzero(links["row_2"] == 0) == n
    assert np.count_nonzero((links["row_2"] == links["row_1"]) & ~links["is_ambiguous"]) == 0
    assert np.all(links["reason"] == "multiple")


@given(seed=st.integers(0, 2**32 - 1), turns=st.integers(-1, 1))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_laws(seed, turns):
    rng = np.random.default_rng(seed)
    place = {"ra": rng.choice([0.001, 123.4]), "dec": rng.uniform(-89, 89)}
    tables = crowd(seed, n_catalogues=4, size=25, **place)
    tables["xmm"] = catalogue([1.0, 7.0], [2.0, 2.0], **place)
    tables["csc"] = catalogue([1.1, 20.0], [2.0, 9.0], **place)
    sources, links = link_xray(tables)
    expected, flags = members(sources, tables), link_set(links)

    # Order of rows and of catalogues, and turns of right ascension.
    orders = {name: rng.permutation(len(table)) for name, table in tables.items()}
    moved = {name: tables[name][orders[name]] for name in rng.permutation(list(tables)).tolist()}
    for table in moved.values():
        table["ra"] += 360 * turns
    sources2, links2 = link_xray(moved)

    def renamed(node):
        return node[0], int(orders[node[0]][node[1]])

    found = members(sources2, tables)
    assert {frozenset(map(renamed, g)): name for g, name in found.items()} == expected
    assert {frozenset(map(renamed, g)): f for g, f in link_set(links2).items()} == flags
    assert sources2["master_id"].tolist() == sources["master_id"].tolist()
    assert_allclose(sources2["ra"], sources["ra"], rtol=0, atol=1e-9)
    assert_array_equal(sources2["group"], sources["group"])

    # A catalogue without rows, and one far away, change nothing.
    sources3, links3 = link_xray(tables | {"aaa": tables["xmm"][:0]})
    assert members(sources3, tables) == expected
    assert link_set(links3) == flags

    # A rotation of the sky about the axis through (90, 0).
    turned = {name: rotated(table, 0.7) for name, table in tables.items()}
    sources4, links4 = link_xray(turned)
    assert link_set(links4) == flags
    assert set(members(sources4, tables)) == set(expected)


def rotated(table, angle):
    x, y, z = SkyCoord(table["ra"], table["dec"], unit="deg").cartesian.xyz.value
    x, z = np.cos(angle) * x - np.sin(angle) * z, np.sin(angle) * x + np.cos(angle) * z
    result = table.copy()
    result["ra"] = np.degrees(np.arctan2(y, x)) % 360
    result["dec"] = np.degrees(np.arctan2(z, np.hypot(x, y)))
    return result


def test_designations():
    tables = {
        "a": Table({"ra": [0.0, 359.99999, 83.63321], "dec": [-0.00001, 90, 22.01446]}),
        "b": Table({"ra": [180.0, 180.0, 180.0], "dec": [-45.5, -45.5, -45.500001]}),
    }
    for table in tables.values():
        table["pos_error"] = 1.0
    with pytest.warns(ClaxboiWarning, match="no two sources of a, b lie within 3 sigma"):
        sources, links = link_xray(tables)
    assert len(links) == 0
    assert links["reason"].dtype.kind == "U"
    assert sources["master_id"].tolist() == [
        "J000000.00-000000.0",
        "J053431.97+220052.0",
        "J120000.00-453000.0",
        "J120000.00-453000.0-2",
        "J120000.00-453000.0-3",
        "J235959.99+900000.0",
    ]
    assert len(set(sources["master_id"])) == 6


def test_units_masks_and_input_untouched():
    one = QTable(
        {"ra": [0.0] * u.hourangle, "dec": [60.0] * u.arcmin, "pos_error": [1e-3] * u.arcmin}
    )
    two = Table({"ra": [360.0], "dec": [1.0], "pos_error": [1.0]}, masked=True)
    before = two.copy()
    sources, _ = link_xray({"one": one, "two": two})
    assert sources["n_catalogues"].tolist() == [2]
    assert_allclose(sources["pos_error"], 1 / np.sqrt(1 + 1 / 0.06**2))
    assert two.colnames == before.colnames
    assert two["ra"][0] == 360
    assert sources["pos_error"].unit == u.arcsec


def test_empty():
    with pytest.warns(ClaxboiWarning, match="no two sources"):
        sources, links = link_xray({"a": catalogue([]), "b": catalogue([])})
    assert len(sources) == len(links) == 0
    assert sources.colnames[:3] == ["master_id", "ra", "dec"]


@pytest.mark.parametrize(
    ("kind", "match", "change"),
    [
        (ValueError, "catalogues\\['b'\\] must have no missing positions", {"ra": [np.nan]}),
        (ValueError, "'dec' of catalogues\\['b'\\] must be from -90", {"dec": [-91.0]}),
        (ValueError, "pos_error of catalogues\\['b'\\] must be positive", {"pos_error": [0.0]}),
        (ValueError, "must be positive .* row 0: -1 arcsec", {"pos_error": [-1.0]}),
        (ValueError, "must be positive .* row 0: missing", {"pos_error": [np.nan]}),
        (u.UnitsError, "converts to arcsec, got erg", {"pos_error": [1] * u.erg}),
    ],
)
def test_bad_columns(kind, match, change):
    table = catalogue([0])
    for name, values in change.items():
        table[name] = values
    with pytest.raises(kind, match=match):
        link_xray({"a": catalogue([0]), "b": table})


def test_bad_arguments():
    good = catalogue([0])
    with pytest.raises(TypeError, match=r"must be a mapping of names to tables.*got list"):
        link_xray([good, good])
    with pytest.raises(ValueError, match="catalogues must be two or more, got 1"):
        link_xray({"a": good})
    with pytest.raises(TypeError, match="names of catalogues must be strings, got 1"):
        link_xray({"a": good, 1: good})
    with pytest.raises(TypeError, match="catalogues\\['b'\\] must be an astropy Table"):
        link_xray({"a": good, "b": 3})
    with pytest.raises(ValueError, match="must not be called 'RA'"):
        link_xray({"a": good, "RA": good})
    with pytest.raises(ValueError, match="must not be called 'A'"):
        link_xray({"a": good, "A": good})
    with pytest.raises(KeyError, match="catalogues\\['b'\\] has no column 'pos_error'"):
        link_xray({"a": good, "b": good["ra", "dec"]})
    with pytest.raises(ValueError, match="n_sigma\\[1\\] must be at least 3, got 1"):
        link_xray({"a": good, "b": good}, n_sigma=(3, 1))
    with pytest.raises(TypeError, match="n_sigma must be two numbers"):
        link_xray({"a": good, "b": good}, n_sigma=3)
