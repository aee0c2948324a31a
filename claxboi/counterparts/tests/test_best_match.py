# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from astropy.time import Time
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.counterparts import all_matches, associate, best_matches, find_counterparts

XRAY = Table({"source_id": ["x1", "x2", "x3"], "ra": [10.0, 20.0, 30.0], "dec": [0.0, 0.0, 0.0]})
XRAY["pos_error"] = [1.0, 1.0, 1.0]
GAIA = Table({"source_id": [11, 12], "ra": [10.0003, 10.0], "dec": [0.0005, 0.0001]})
GAIA["pos_error"] = [0.1, 0.1]
PS = Table({"name": ["p1", "p2"], "ra": [10.0, 20.0], "dec": [0.0, 0.0002]})
PS["pos_error"] = [0.1, 0.1]
SETTINGS = {"radius": 8 * u.arcsec, "completeness": 0.5, "density": 10000 / u.deg**2}
SURVEYS = {"gaia": GAIA, "panstarrs": PS}


@pytest.fixture
def candidates():
    return {name: associate(XRAY, table, **SETTINGS) for name, table in SURVEYS.items()}


def test_first_survey_with_a_match(candidates):
    result = best_matches(candidates, XRAY, SURVEYS, id_column={"panstarrs": "name"})
    assert_array_equal(result["opt_id"].filled(""), ["12", "p2", ""])
    assert_array_equal(result["opt_reference"].filled(""), ["gaia", "panstarrs", ""])
    assert_array_equal(result["opt_reference_best"].filled(""), ["panstarrs", "panstarrs", ""])
    assert_array_equal(result["opt_ra"].mask, [False, False, True])
    assert_allclose(result["opt_dec"][:2], [0.0001, 0.0002])
    assert_allclose(result["opt_separation"][:2], [0.36, 0.72], rtol=1e-6)
    row = candidates["gaia"][0]
    assert_allclose([result["opt_p_any"][0], result["opt_p_i"][0]], [row["p_any"], row["p_i"]])
    assert result.meta["claxboi"]["counterparts_opt"]["rule"] == "first"
    assert XRAY.colnames == ["source_id", "ra", "dec", "pos_error"]


def test_most_probable_survey(candidates):
    result = best_matches(candidates, XRAY, SURVEYS, rule="best")
    assert_array_equal(result["opt_reference"].filled(""), ["panstarrs", "panstarrs", ""])
    # Without source_id or id, the row.
    assert_array_equal(result["opt_id"].filled(""), ["0", "1", ""])


def test_cutoff_of_each_survey(candidates):
    result = best_matches(candidates, XRAY, SURVEYS, cutoff={"gaia": 0.9999})
    assert_array_equal(result["opt_reference"].filled(""), ["panstarrs", "panstarrs", ""])
    nothing = best_matches(candidates, XRAY, SURVEYS, cutoff=1.0, domain="ir")
    assert np.all(nothing["ir_id"].mask)
    assert np.all(nothing["ir_p_any"].mask)


def test_one_association_of_several_surveys():
    """The probability of an object is the sum over the combinations that hold it."""
    together = associate(XRAY, SURVEYS, field_association=0.1, **SETTINGS)
    result = best_matches(together, XRAY, SURVEYS, rule="first")
    for survey, domain in (("gaia", "opt"), ("panstarrs", "ir")):
        alone = best_matches(together, XRAY, {survey: SURVEYS[survey]}, domain=domain)
        p = np.asarray(together["p_any"] * together["p_i"])
        here = (together["primary"] == 0) & ~together[survey].mask
        assert_allclose(alone[f"{domain}_p_any"][0], p[here].sum())
        objects = together[survey][here]
        best = max(set(objects), key=lambda k: p[here][objects == k].sum())
        expected = p[here][objects == best].sum() / p[here].sum()
        assert_allclose(alone[f"{domain}_p_i"][0], expected)
    assert_array_equal(result["opt_reference"].filled(""), ["gaia", "panstarrs", ""])


def test_single_table_for_single_survey(candidates):
    result = best_matches(candidates["gaia"], XRAY, {"gaia": GAIA})
    assert_array_equal(result["opt_id"].filled(""), ["12", "", ""])


def test_of_two_equal_ones_the_nearer():
    twins = Table({"id": ["far", "near"], "ra": [10.0, 10.0], "dec": [0.0001, 0.0001]})
    twins["pos_error"] = 0.1
    result = best_matches(associate(XRAY, twins, **SETTINGS), XRAY, {"a": twins})
    assert_allclose(result["opt_p_i"][0], 0.5)


class TestBadInput:
    def test_survey_without_candidates(self, candidates):
        with pytest.raises(KeyError, match="candidates has no table 'des'"):
            best_matches(candidates, XRAY, {"des": GAIA})

    def test_other_tables(self, candidates):
        with pytest.raises(ValueError, match="row numbers beyond their 1 and"):
            best_matches(candidates, XRAY[:1], SURVEYS)

    def test_not_a_mapping(self, candidates):
        with pytest.raises(TypeError, match="secondaries must be a mapping"):
            best_matches(candidates, XRAY, GAIA)

    def test_options(self, candidates):
        with pytest.raises(ValueError, match="rule must be one of 'first', 'best'"):
            best_matches(candidates, XRAY, SURVEYS, rule="nearest")
        with pytest.raises(ValueError, match="cutoff must be at least 0 and at most 1"):
            best_matches(candidates, XRAY, SURVEYS, cutoff=2)
        with pytest.raises(ValueError, match="cutoff: unknown name 'des'"):
            best_matches(candidates, XRAY, SURVEYS, cutoff={"des": 0.1})

    def test_columns_that_are_there(self, candidates):
        once = best_matches(candidates, XRAY, SURVEYS)
        with pytest.raises(ValueError, match="already has columns 'opt_id'"):
            best_matches(candidates, once, SURVEYS)
        twice = best_matches(candidates, once, SURVEYS, overwrite=True)
        assert set(twice.colnames) == set(once.colnames)


def test_an_object_of_two_sources_is_flagged():
    xray = Table({"ra": [10.0, 10.0002, 20.0], "dec": [0.0, 0.0, 0.0], "pos_error": [1.0] * 3})
    star = Table({"id": ["a", "b"], "ra": [10.0001, 20.0], "dec": [0.0, 0.0]})
    star["pos_error"] = [0.1, 0.1]
    settings = SETTINGS | {"density": 100 / u.deg**2, "completeness": 0.9}
    found = associate(xray, star, **settings)
    result = best_matches(found, xray, {"star": star})
    assert_array_equal(result["opt_id"], ["a", "a", "b"])
    assert_array_equal(result["opt_is_shared"], [True, True, False])
    alone = best_matches(associate(xray[:1], star, **settings), xray[:1], {"star": star})
    assert_array_equal(alone["opt_is_shared"], [False])


def test_keep_quantities_and_times():
    xray = Table({"ra": [10.0, 20.0], "dec": [0.0, 0.0], "pos_error": [1.0, 1.0]})
    survey = QTable({"ra": [10.0], "dec": [0.0], "pos_error": [0.1], "size": [2.0] * u.arcsec})
    survey["epoch"] = Time([2016.5], format="jyear")
    survey["sky"] = SkyCoord([10.0], [0.0], unit="deg")
    candidates = associate(
        xray, survey, radius=5 * u.arcsec, completeness=0.5, density=1000 / u.deg**2
    )
    best = best_matches(candidates, xray, {"s": survey}, keep=["size", "epoch"])
    assert best["size"].tolist() == [2.0, None]
    assert best["size"].unit == u.arcsec
    assert isinstance(best["epoch"], Time)
    assert best["epoch"][0].jyear == 2016.5
    assert best["epoch"].mask.tolist() == [False, True]
    with pytest.raises(TypeError, match="'sky' of s must hold numbers, text or times"):
        best_matches(candidates, xray, {"s": survey}, keep=["sky"])


class TestAllMatches:
    def field(self):
        rng = np.random.default_rng(3)
        tables = {}
        for name, n in (("a", 300), ("b", 900)):
            side = 0.1
            tables[name] = Table(
                {
                    "id": [f"{name}{k}" for k in range(n)],
                    "ra": rng.uniform(0, side, n),
                    "dec": rng.uniform(0, side, n),
                    "pos_error": np.full(n, 0.2),
                    f"mag_{name}": rng.uniform(15, 20, n),
                }
            )
        xray = tables["a"]["ra", "dec"][:40].copy()
        xray["ra"] += rng.normal(0, 1, 40) / 3600
        xray["dec"] += rng.normal(0, 1, 40) / 3600
        xray["pos_error"] = 1.0
        xray["ra"][:3] += 3
        settings = {"radius": 15 * u.arcsec, "completeness": 0.8, "area": 0.01 * u.deg**2}
        candidates = {name: associate(xray, one, **settings) for name, one in tables.items()}
        return xray, tables, candidates

    @pytest.mark.parametrize("rule", ["first", "best"])
    def test_rows_sum_to_one_and_agree_with_the_best(self, rule):
        xray, tables, candidates = self.field()
        options = {"rule": rule, "cutoff": 0.3, "keep": ["mag_a", "mag_b"]}
        rows = all_matches(candidates, xray, tables, **options)
        best = best_matches(candidates, xray, tables, **options)
        primary = np.asarray(rows["primary"])
        assert np.all(np.diff(primary) >= 0)
        assert_allclose(np.bincount(primary, rows["match_probability"]), 1)
        is_none = rows["opt_id"].mask
        assert_array_equal(np.bincount(primary[is_none], minlength=40), 1)
        assert np.all(is_none[np.append(np.flatnonzero(np.diff(primary)), len(rows) - 1)])
        assert rows["mag_a"].mask[is_none].all()
        first = np.searchsorted(primary, np.arange(40))
        has = ~best["opt_id"].mask
        assert 0 < has.sum() < 40
        for name in ("opt_id", "opt_p_i", "opt_separation", "opt_reference", "mag_a", "mag_b"):
            assert rows[name][first][has].tolist() == best[name][has].tolist()
        assert_array_equal(rows["ra"], np.asarray(xray["ra"])[primary])
        # Candidates of one survey alone, each once.
        for k in range(40):
            here = rows[(primary == k) & ~is_none]
            assert len(set(here["opt_reference"])) <= 1
            assert len(set(here["opt_id"])) == len(here)

    def test_all_by_one_word(self):
        xray, tables, _ = self.field()
        rows = find_counterparts(
            xray, tables, keep="all", radius=15 * u.arcsec, completeness=0.8, area=0.01 * u.deg**2
        )
        assert {"primary", "match_probability", "mag_a", "mag_b"} <= set(rows.colnames)
        assert "pos_error" in rows.colnames
        with pytest.raises(ValueError, match="keep must be 'all'"):
            find_counterparts(xray, tables, keep="some", area=0.01 * u.deg**2)
        with pytest.raises(ValueError, match="surveys must have at least one"):
            find_counterparts(xray, {})

    @pytest.mark.filterwarnings("ignore:no secondary lies")
    def test_nothing_near(self):
        xray, tables, _ = self.field()
        far = xray[:3]
        candidates = {
            name: associate(far, one, radius=5 * u.arcsec, completeness=0.8, area=0.01 * u.deg**2)
            for name, one in tables.items()
        }
        rows = all_matches(candidates, far, tables)
        assert rows["primary"].tolist() == [0, 1, 2]
        assert_allclose(rows["match_probability"], 1)


def test_keep_refuses_magnitudes_of_two_systems(candidates):
    surveys = {name: table.copy() for name, table in SURVEYS.items()}
    for name, unit in (("gaia", u.mag), ("panstarrs", u.ABmag)):
        surveys[name]["g"] = [15.0, 16.0] * unit
    with pytest.raises(
        u.UnitConversionError, match=r"magnitudes of one system, got mag and mag\(AB"
    ):
        best_matches(candidates, XRAY, surveys, keep=["g"])
