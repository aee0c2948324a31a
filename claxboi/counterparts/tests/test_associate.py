# Licensed under a 3-clause BSD style license - see LICENSE.rst
import hypothesis.strategies as st
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table, vstack
from hypothesis import given, settings
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.catalog import describe
from claxboi.counterparts import associate, match_probability
from claxboi.counterparts.source_density import WHOLE_SKY_DEG2
from claxboi.utils import ARCSEC, ClaxboiWarning

from .mock import scattered, simulate, to_table, uniform

DENSITY = 20000 / u.deg**2


def small_field(seed, n=12, n_catalogues=2, ellipses=False):
    """A few sources, and catalogues crowded around them."""
    rng = np.random.default_rng(seed)
    places = uniform(rng, n, 0.01)
    xray = to_table(places)
    if ellipses:
        xray["pos_error_major"] = rng.uniform(1, 3, n)
        xray["pos_error_minor"] = rng.uniform(0.3, 1, n)
        xray["pos_error_angle"] = rng.uniform(0, 180, n)
    else:
        xray["pos_error"] = rng.uniform(0.5, 3, n)
    catalogues = {}
    for name in "abcd"[:n_catalogues]:
        near = scattered(rng, places, np.full(n, 2.0))
        far = uniform(rng, 15, 0.01)
        table = vstack([to_table(near), to_table(far)])
        table["pos_error"] = rng.uniform(0.1, 1, len(table))
        catalogues[name] = table
    return xray, catalogues


def run(xray, catalogues, **changes):
    arguments = {
        "radius": 12 * u.arcsec,
        "completeness": 0.6,
        "density": DENSITY,
        "field_association": 0.2,
    }
    return associate(xray, catalogues, **(arguments | changes))


NUMBERS = ["log_bayes_factor", "p_single", "p_any", "p_i", "match_flag"]


def by_rows(candidates, names):
    """The numbers of a candidates table by the tuple of its row numbers."""
    ids = [np.asarray(candidates["primary"])]
    ids += [np.asarray(candidates[name].filled(-1)) for name in names]
    order = np.lexsort(ids[::-1])
    values = [np.ma.filled(np.ma.asarray(candidates[c], float), -1.0)[order] for c in NUMBERS]
    return np.array(ids)[:, order], np.array(values)


def same(first, second, names, rtol=1e-9, atol=1e-9):
    ids, values = by_rows(first, names)
    other_ids, other_values = by_rows(second, names)
    assert_array_equal(ids, other_ids)
    assert_allclose(values, other_values, rtol=rtol, atol=atol)


class TestByHand:
    xray = Table({"ra": [10.0], "dec": [0.0], "pos_error": [1.0]})
    stars = Table({"ra": [10.0, 10.0], "dec": [1.0 / 3600, -3.0 / 3600], "pos_error": [0.5, 0.5]})

    def test_one_catalogue(self):
        """Every number from the formulas, for two candidates at 1 and 3 arcsec."""
        result = associate(
            self.xray, self.stars, radius=20 * u.arcsec, completeness=0.8, density=DENSITY
        )
        variance = 1.25
        b = 2 / (variance * ARCSEC**2) * np.exp(-np.array([1.0, 9.0]) / (2 * variance))
        v = 0.8 * b / (20000 * WHOLE_SKY_DEG2)
        none = 1 - 0.8 * (1 - np.exp(-400 / (2 * variance)))
        assert_array_equal(result["secondary"].filled(-1), [0, 1, -1])
        assert_allclose(result["log_bayes_factor"], [*np.log(b), 0])
        assert_allclose(result["p_any"], v.sum() / (v.sum() + none))
        assert_allclose(result["p_i"], [*(v / v.sum()), 0])
        assert_allclose(result["p_single"][:2], v / (v + none))
        assert result["p_single"].mask[2]
        assert_array_equal(result["match_flag"], [1, 0, 0])
        assert_allclose(result["separation"][:2], [1, 3], rtol=1e-9)
        assert_allclose(result["offset_north"][:2], [1, -3], rtol=1e-9)
        assert_allclose(result["offset_east"][:2], [0, 0], atol=1e-9)

    def test_counterparts_beyond_the_radius_count(self):
        """A radius of 1 sigma holds 39 %: no candidate says little then."""
        wide = {"completeness": 0.9, "density": DENSITY}
        far = Table({"ra": [10.01], "dec": [0.0], "pos_error": [1e-3]})
        both = Table({"ra": [10.0, 50.0], "dec": [0.0, 0.0], "pos_error": [1.0, 1.0]})
        near = associate(both, far, radius=40 * u.arcsec, **wide)
        assert_allclose(near["p_any"][near["primary"] == 1], 0)

    def test_columns_are_of_the_vocabulary(self):
        result = associate(self.xray, self.stars, radius=20 * u.arcsec, area=1 * u.deg**2)
        for name in result.colnames:
            assert result[name].description == describe(name)["description"]
        assert result["separation"].unit == u.arcsec

    def test_meta_says_how(self):
        result = run(self.xray, {"a": self.stars})
        meta = result.meta["claxboi"]["counterparts"]
        assert meta["completeness"] == {"a": 0.6}
        assert meta["density_deg2"] == {"a": 20000}
        assert meta["radius_arcsec"] == [12, 12]

    def test_shared_object(self):
        xray = Table({"ra": [10.0, 10.0], "dec": [0.0, 2 / 3600], "pos_error": [1.0, 1.0]})
        stars = self.stars[:1]
        settings_ = {"radius": 9 * u.arcsec, "completeness": 0.8, "density": DENSITY}
        result = associate(xray, stars, **settings_)
        assert_array_equal(result["is_shared"], [True, False, True, False])
        assert not associate(self.xray, stars, **settings_)["is_shared"].any()

    def test_no_candidate(self):
        xray = Table({"ra": [100.0], "dec": [0.0], "pos_error": [1.0]})
        with pytest.warns(ClaxboiWarning, match="no secondary lies within the radius"):
            result = run(xray, self.stars)
        assert len(result) == 1
        assert result["secondary"].mask[0]
        assert result["p_any"][0] == 0
        assert result["match_flag"][0] == 0


class TestSeveral:
    def test_slow_reference(self):
        """Two catalogues, written out: every combination, its weight, and the groupings."""
        xray, catalogues = small_field(1)
        result = run(xray, catalogues, completeness=[0.6, 0.8], field_association=0.0)
        coords = {k: SkyCoord(t["ra"], t["dec"], unit="deg") for k, t in catalogues.items()}
        rho = 20000 * WHOLE_SKY_DEG2
        for p in range(len(xray)):
            rows = result[result["primary"] == p]
            place = SkyCoord(xray["ra"][p], xray["dec"][p], unit="deg")
            near = {
                k: [-1, *np.flatnonzero(place.separation(c).arcsec <= 12)]
                for k, c in coords.items()
            }
            weights = {}
            for a in near["a"]:
                for b in near["b"]:
                    members = [pair for pair in (("a", a), ("b", b)) if pair[1] >= 0]
                    points = [place, *(coords[k][i] for k, i in members)]
                    s2 = [xray["pos_error"][p] ** 2]
                    s2 += [catalogues[k]["pos_error"][i] ** 2 for k, i in members]
                    sep = [
                        (points[i].separation(points[j]).arcsec, i, j)
                        for j in range(len(points))
                        for i in range(j)
                    ]
                    if any(s > 12 for s, _, _ in sep):
                        continue
                    w = 1 / np.array(s2)
                    log_v = (len(w) - 1) * np.log(2 / ARCSEC**2) + np.log(w).sum()
                    log_v -= np.log(w.sum())
                    log_v -= sum(w[i] * w[j] * s**2 for s, i, j in sep) / (2 * w.sum())
                    log_v = 0.0 if len(w) == 1 else log_v
                    for (name, c), i in zip((("a", 0.6), ("b", 0.8)), (a, b), strict=True):
                        v = xray["pos_error"][p] ** 2
                        v += np.median(catalogues[name]["pos_error"] ** 2)
                        inside = 1 - np.exp(-(12**2) / 2 / v)
                        log_v += np.log(c / rho) if i >= 0 else np.log(1 - c * inside)
                    weights[a, b] = np.exp(log_v)
            total = sum(weights.values())
            some = total - weights[-1, -1]
            assert len(rows) == len(weights)
            for row in rows:
                key = tuple(-1 if np.ma.is_masked(row[k]) else int(row[k]) for k in "ab")
                assert_allclose(row["p_any"], some / total, rtol=1e-7)
                expected = 0 if key == (-1, -1) else weights[key] / some
                assert_allclose(row["p_i"], expected, rtol=1e-6, atol=1e-12)

    def test_rows_are_sorted(self):
        result = run(*small_field(2, n_catalogues=3))
        p, p_i = np.asarray(result["primary"]), np.asarray(result["p_i"])
        assert np.all(np.diff(p) >= 0)
        assert np.all((np.diff(p_i) <= 0) | (np.diff(p) > 0))
        empty = np.all([result[name].mask for name in "abc"], axis=0)
        last = np.append(np.diff(p) > 0, True)
        assert_array_equal(empty, last)

    def test_probabilities_sum_to_one(self):
        result = run(*small_field(3, n_catalogues=4))
        sums = np.bincount(result["primary"], weights=result["p_i"])
        assert_allclose(sums[sums > 0], 1)
        assert set(np.unique(result["match_flag"])) == {0, 1, 2}
        best = np.asarray(result["primary"])[np.asarray(result["match_flag"]) == 1]
        assert len(best) == len(set(best))


class TestLaws:
    @settings(max_examples=15, deadline=None, derandomize=True)
    @given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 3), turn=st.floats(0.1, 3))
    def test_rotation_of_the_sky(self, seed, k, turn):
        xray, catalogues = small_field(seed, n_catalogues=k)
        pole = SkyCoord(200, -10, unit="deg")

        def rotated(table):
            frame = pole.skyoffset_frame(rotation=turn * u.rad)
            there = SkyCoord(table["ra"], table["dec"], unit="deg").transform_to(frame)
            new = table.copy()
            new["ra"], new["dec"] = there.lon.deg, there.lat.deg
            return new

        first = run(xray, catalogues)
        second = run(rotated(xray), {name: rotated(t) for name, t in catalogues.items()})
        same(first, second, list(catalogues), rtol=1e-7, atol=1e-7)

    @settings(max_examples=15, deadline=None, derandomize=True)
    @given(seed=st.integers(0, 2**32 - 1), ellipses=st.booleans())
    def test_ra_by_360_and_units(self, seed, ellipses):
        xray, catalogues = small_field(seed, ellipses=ellipses)
        other = {name: t.copy() for name, t in catalogues.items()}
        other["a"]["ra"] += 360.0
        other["b"]["ra"] = (np.asarray(other["b"]["ra"]) - 360.0) * 60.0 * u.arcmin
        other["b"]["pos_error"] = np.asarray(other["b"]["pos_error"]) * 1000.0 * u.mas
        same(run(xray, catalogues), run(xray, other), ["a", "b"], rtol=1e-6, atol=1e-8)

    @settings(max_examples=15, deadline=None, derandomize=True)
    @given(seed=st.integers(0, 2**32 - 1), ellipses=st.booleans())
    def test_row_order(self, seed, ellipses):
        xray, catalogues = small_field(seed, ellipses=ellipses)
        rng = np.random.default_rng(seed)
        mixed, moved = {}, {}
        for name, table in {"primary": xray, **catalogues}.items():
            order = rng.permutation(len(table))
            mixed[name], moved[name] = table[order], order
        first = run(xray, catalogues, field_association="estimate")
        shuffled = {name: mixed[name] for name in catalogues}
        second = run(mixed["primary"], shuffled, field_association="estimate")
        for name, order in moved.items():
            here = np.ma.filled(np.ma.asarray(second[name]), -1)
            second[name] = MaskedColumn(np.where(here < 0, -1, order[here]), mask=here < 0)
        same(first, second, ["a", "b"])

    @settings(max_examples=15, deadline=None, derandomize=True)
    @given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 11), k=st.integers(1, 3))
    def test_splitting_the_primaries(self, seed, cut, k):
        xray, catalogues = small_field(seed, n_catalogues=k)
        whole = run(xray, catalogues)
        second = run(xray[cut:], catalogues)
        second["primary"] += cut
        parts = vstack([run(xray[:cut], catalogues), second], metadata_conflicts="silent")
        same(whole, parts, list(catalogues), rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("density", ["local", DENSITY])
    @pytest.mark.parametrize("completeness", ["estimate", 0.6])
    def test_an_empty_secondary(self, completeness, density):
        xray, catalogues = small_field(5)
        settings_ = {"completeness": completeness, "field_association": "estimate"}
        settings_ |= {"density": density, "radius": 4 * u.arcsec}
        rng = np.random.default_rng(1)
        for name, table in catalogues.items():
            far = to_table(uniform(rng, 60, 0.02), pos_error=np.ones(60))
            catalogues[name] = vstack([table, far])
        expected = run(xray, catalogues, **settings_)
        catalogues["c"] = catalogues["a"][:0]
        with pytest.warns(ClaxboiWarning, match="secondary 'c' is empty"):
            result = run(xray, catalogues, **settings_)
        assert np.all(result["c"].mask)
        same(expected, result, ["a", "b"], rtol=1e-6, atol=1e-6)

    def test_order_of_the_catalogues(self):
        xray, catalogues = small_field(6, n_catalogues=3)
        backwards = dict(reversed(catalogues.items()))
        same(run(xray, catalogues), run(xray, backwards), list(catalogues))

    def test_name_or_no_name(self):
        xray, catalogues = small_field(7, n_catalogues=1)
        plain = run(xray, catalogues["a"])
        plain.rename_column("secondary", "a")
        same(run(xray, catalogues), plain, ["a"], rtol=0, atol=0)

    def test_radius_per_source(self):
        xray, catalogues = small_field(8)
        radius = np.linspace(5, 12, len(xray)) * u.arcsec
        result = run(xray, catalogues, radius=radius)
        for p in (0, 11):
            alone = run(xray[p : p + 1], catalogues, radius=radius[p])
            alone["primary"] = p
            same(result[result["primary"] == p], alone, ["a", "b"])

    def test_input_is_not_modified(self):
        xray, catalogues = small_field(9)
        before = [t.copy() for t in (xray, *catalogues.values())]
        run(xray, catalogues, completeness="estimate")
        for old, new in zip(before, (xray, *catalogues.values()), strict=True):
            assert old.colnames == new.colnames
            assert all(np.all(old[c] == new[c]) for c in old.colnames)
            assert new.meta == {}


class TestDensities:
    def test_three_ways_agree(self):
        rng = np.random.default_rng(11)
        xray, catalogue, _, area = simulate(rng, 1000, 20000)
        settings_ = {"radius": 10 * u.arcsec, "completeness": 0.7}
        mean = len(catalogue) / area
        by_area = associate(xray, catalogue, area=area, **settings_)
        by_density = associate(xray, catalogue, density=mean, **settings_)
        assert_allclose(by_area["p_any"], by_density["p_any"], rtol=1e-12)
        spread = np.full(1000, mean.value) * mean.unit
        by_row = associate(xray, catalogue, density=spread, **settings_)
        assert_allclose(by_row["p_any"], by_density["p_any"], rtol=1e-12)
        local = associate(xray, catalogue, density="local", **settings_)
        measured = local.meta["claxboi"]["counterparts"]["density_deg2"]["secondary"]
        # 1000 measurements of 19 %, which share no objects, each without its counterpart.
        assert_allclose(measured, mean.to_value(u.deg**-2), rtol=5 * 0.19 / np.sqrt(1000) + 0.02)
        assert np.mean(np.abs(local["p_any"] - by_area["p_any"])) < 0.02

    def test_local_density_follows_the_sky(self):
        rng = np.random.default_rng(12)
        n = 40000
        stars = Table({"ra": 10 + rng.random(n), "dec": rng.random(n) ** 2})
        stars["pos_error"] = 0.1
        found = []
        for dec in (0.04, 0.8):
            xray = Table({"ra": [10.5], "dec": [dec], "pos_error": [1.0]})
            result = associate(xray, stars, radius=60 * u.arcsec, completeness=0.5, density="local")
            meta = result.meta["claxboi"]["counterparts"]
            assert meta["density_is_local"] == [True]
            found.append(meta["density_deg2"]["secondary"])
        # dec = x^2 of a uniform x: the density falls as one over its root.
        assert_allclose(found, n / 2 / np.sqrt([0.04, 0.8]), rtol=4 * 0.19)
        assert found[0] > 2 * found[1]

    def test_too_few_for_a_local_density(self):
        xray, catalogues = small_field(1, n_catalogues=1)
        with pytest.raises(ValueError, match="density='local' counts 30 objects"):
            run(xray, catalogues["a"][:20], density="local")


class TestBadInput:
    xray, catalogues = small_field(4)

    def bad(self, message, error=ValueError, xray=None, catalogues=None, **changes):
        with pytest.raises(error, match=message):
            run(self.xray if xray is None else xray, catalogues or self.catalogues, **changes)

    def changed(self, column, value):
        table = self.xray.copy()
        table[column][3] = value
        return table

    def test_missing_position(self):
        self.bad(
            "xray must have no missing positions, got 1, the first in row 3",
            xray=self.changed("ra", np.nan),
        )
        masked = Table(self.xray, masked=True)
        masked["dec"].mask[5] = True
        self.bad("xray must have no missing positions, got 1, the first in row 5", xray=masked)

    def test_declination(self):
        self.bad(
            "column 'dec' of xray must be from -90 to 90 deg, got 90.5",
            xray=self.changed("dec", 90.5),
        )

    def test_errors(self):
        self.bad(
            "pos_error of xray must be positive .* -1 arcs.* missing or zero",
            xray=self.changed("pos_error", -1),
        )
        self.bad("pos_error of xray must be positive", xray=self.changed("pos_error", 0))
        missing = self.xray.copy()
        missing.remove_column("pos_error")
        self.bad("xray has no column 'pos_error'", KeyError, xray=missing)

    def test_secondary_errors(self):
        table = self.catalogues["a"].copy()
        table["pos_error"][2] = np.nan
        self.bad("pos_error of secondary 'a' must be positive", catalogues={"a": table})

    def test_duplicate_ids(self):
        table = self.xray.copy()
        table["source_id"] = [f"s{k % 11}" for k in range(len(table))]
        self.bad("source_id of xray must be unique, got 's0' 2 times", xray=table)

    def test_empty_xray(self):
        self.bad("xray is empty", xray=self.xray[:0])

    def test_area(self):
        self.bad("area must be above 0", area=0 * u.deg**2, density=None)
        self.bad("area must be a Quantity", TypeError, area=1, density=None)
        self.bad("area must have one value for each of 2", area=[1] * u.deg**2, density=None)

    def test_density(self):
        self.bad("must come from area= or from density= .* got neither", density=None)
        self.bad("must come from area= or from density= .* got both", area=1 * u.deg**2)
        self.bad("density of 'a' must be positive", density=-1 / u.deg**2)
        self.bad("density must be one of 'local'", density="mean")

    def test_radius(self):
        self.bad("radius must be positive", radius=0 * u.arcsec)
        self.bad("radius must be from 0 to 180 deg", radius=-1 * u.arcsec)
        self.bad("radius must be a Quantity", TypeError, radius=10)
        self.bad("radius must be one value or one for each", radius=[1, 2] * u.arcsec)

    def test_radius_too_large_for_memory(self, monkeypatch):
        monkeypatch.setattr(match_probability, "_MAX_ROWS", 100)
        self.bad("radius is too large for memory: it gives .* combinations", radius=1 * u.deg)

    @pytest.mark.parametrize("value", [0, 1, -0.5, 1.5, np.nan])
    def test_completeness(self, value):
        self.bad("completeness must be", completeness=value)

    def test_completeness_of_the_wrong_shape(self):
        self.bad("one value for each of 2 catalogues, got 3", completeness=[0.1, 0.2, 0.3])
        self.bad("completeness: unknown name 'z'", completeness={"z": 0.1})
        self.bad("completeness must have a value for each", completeness={"a": 0.1})
        self.bad("completeness must be one of 'estimate'", completeness="guess")
        self.bad("completeness must be a number with", convention="nway", completeness="estimate")

    def test_secondaries(self):
        five = dict.fromkeys("abcde", self.catalogues["a"])
        self.bad("secondaries must be 1 to 4 catalogues, got 5", catalogues=five)
        self.bad("secondaries must be an astropy Table or a map", TypeError, catalogues=[1])
        reserved = {"p_any": self.catalogues["a"]}
        self.bad("must not be called 'p_any'", catalogues=reserved)
        for names in (("a", "A"), ("a", "separation_a")):
            clash = dict.fromkeys(names, self.catalogues["a"])
            self.bad(f"must not be called '{names[1]}'", catalogues=clash)

    def test_options(self):
        self.bad("convention must be one of 'claxboi', 'nway'", convention="xmatch")
        self.bad("field_association must be", field_association=2)
        self.bad("epoch must be one value", epoch=[2000, 2001] * u.yr)


def test_an_object_that_is_listed_twice_counts_once():
    xray = Table({"ra": [10.0], "dec": [10.0], "pos_error": [1.0]})
    stars = Table({"ra": [10.0002, 10.0001], "dec": [10.0, 10.0002], "pos_error": [0.1, 0.1]})
    settings = {"radius": 8 * u.arcsec, "completeness": 0.7, "area": 1 * u.deg**2}
    once = associate(xray, stars, **settings)
    with pytest.warns(ClaxboiWarning, match="secondaries: 2 rows that repeat another one exactly"):
        twice = associate(xray, stars[[0, 0, 1, 1]], **settings)
    # The rows are those of the table that was given.
    assert twice["secondary"].tolist() == [0, 2, None]
    for name in ("p_any", "p_i", "separation"):
        assert twice[name].tolist() == once[name].tolist()
    stars["id"] = [1, 2]
    other = vstack([stars, stars])
    other["id"] = range(4)
    assert len(associate(xray, other, **settings)) == 5
