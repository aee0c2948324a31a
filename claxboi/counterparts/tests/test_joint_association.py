# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from numpy.testing import assert_allclose

from claxboi.counterparts import all_matches, associate, find_counterparts, find_in_surveys
from claxboi.counterparts.joint_association import combine_domains
from claxboi.utils import float_values

SIGMA = {"opt": 0.1, "ir": 0.3}


class TwoSurveys:
    """X-ray sources with counterparts in two surveys, among field objects that are in both too."""

    def __init__(self, seed, *, n=600, density=60_000, side=0.35):
        rng = np.random.default_rng(seed)
        n_field = int(density * side**2)
        ra, dec = 40 + side * rng.random(n + n_field), side * rng.random(n + n_field)
        # Bright objects are in both: detections are far from independent.
        bright = rng.random(n + n_field) < np.where(np.arange(n + n_field) < n, 0.6, 0.3)
        seen = {
            "opt": np.where(bright, rng.random(n + n_field) < 0.95, False),
            "ir": np.where(bright, rng.random(n + n_field) < 0.9, rng.random(n + n_field) < 0.1),
        }
        self.tables, self.truth = {}, {}
        for name, has in seen.items():
            rows = np.flatnonzero(has)
            east, north = rng.normal(0, SIGMA[name] / 3600, (2, len(rows)))
            table = Table({"ra": ra[rows] + east, "dec": dec[rows] + north, "id": rows})
            table["pos_error"] = SIGMA[name]
            self.tables[name] = table
            self.truth[name] = np.where(has[:n], np.arange(n), -1)
        east, north = rng.normal(0, 1.5 / 3600, (2, n))
        self.xray = Table({"ra": ra[:n] + east, "dec": dec[:n] + north})
        self.xray["pos_error"] = 1.5

    def rows(self, **options):
        return find_in_surveys(
            self.xray,
            list(self.tables),
            domain={"opt": "opt", "ir": "ir"},
            keep="all",
            references=self.tables,
            show_progress=False,
            **options,
        )

    def is_true(self, rows):
        primary = np.asarray(rows["primary"])
        right = [
            np.ma.filled(rows[f"{name}_id"], "-1").astype(int) == self.truth[name][primary]
            for name in ("opt", "ir")
        ]
        return np.all(right, axis=0)


def keys(rows, name):
    return list(
        zip(
            np.asarray(rows["primary"]).tolist(),
            np.ma.filled(rows[f"{name}_id"], "").tolist(),
            strict=True,
        )
    )


def test_combinations_are_calibrated():
    """As many combinations are true as their probabilities say, and more than by chance alone."""
    pulls, gains = [], []
    for seed in range(4):
        sky = TwoSurveys(seed)
        rows = sky.rows()
        p, true = float_values(rows, "match_probability"), sky.is_true(rows)
        assert_allclose(np.bincount(rows["primary"], p), 1)
        high = (p > 0.3) & (p < 0.98)
        variance = np.sum((p * (1 - p))[high])
        pulls.append((true[high].sum() - p[high].sum()) / np.sqrt(variance))
        product = np.ones(len(rows))
        for name in ("opt", "ir"):
            alone = find_in_surveys(
                sky.xray,
                [name],
                domain=name,
                keep="all",
                references=sky.tables,
                show_progress=False,
            )
            probability = dict(
                zip(keys(alone, name), float_values(alone, "match_probability"), strict=True)
            )
            product *= [probability[key] for key in keys(rows, name)]
        log_p = [np.log(np.maximum(q[true], 1e-4)).sum() for q in (p, product)]
        gains.append((log_p[0] - log_p[1]) / len(sky.xray))
    assert abs(np.mean(pulls)) < 1.5
    assert min(gains) > 0.1


def test_patterns_of_detection_are_found():
    sky = TwoSurveys(7, density=20_000)
    found = sky.rows().meta["claxboi"]["surveys_all"]
    has = [sky.truth[name] >= 0 for name in ("opt", "ir")]
    assert found["detected"]["both"] == pytest.approx(np.mean(has[0] & has[1]), abs=0.06)
    assert found["detected"]["opt"] == pytest.approx(np.mean(has[0] & ~has[1]), abs=0.04)
    assert found["field_in_both"] == pytest.approx(0.9, abs=0.1)


def test_a_moving_star_is_one_object():
    """Positions of different epochs agree with the motion between them."""
    n = 150
    sky = TwoSurveys(3, n=n, density=20_000)
    sky.tables = {name: table.copy() for name, table in sky.tables.items()}
    years = 6.0
    sky.xray["epoch"] = 2016.0 * u.yr
    for name, epoch in (("opt", 2016.0), ("ir", 2016.0 - years)):
        table = sky.tables[name]
        table["ref_epoch"] = np.full(len(table), epoch) * u.yr
    motion = 0.4  # arcsec per year, east
    opt, ir = sky.tables["opt"], sky.tables["ir"]
    opt["pmra"], opt["pmdec"] = 1000 * motion * u.mas / u.yr, 0.0 * u.mas / u.yr
    ir["ra"] -= years * motion / 3600 / np.cos(np.radians(ir["dec"]))
    rows = sky.rows()
    p = float_values(rows, "match_probability")
    right = p[sky.is_true(rows)]
    del sky.xray["epoch"]
    same = float_values(sky.rows(), "match_probability")
    assert np.mean(np.abs(same - p)) < 0.05
    del opt["pmra"], opt["pmdec"]
    rows = sky.rows()
    still = float_values(rows, "match_probability")[sky.is_true(rows)]
    assert np.mean(np.log(np.maximum(right, 1e-4))) > np.mean(np.log(np.maximum(still, 1e-4)))


def test_candidates_of_an_association_of_all():
    sky = TwoSurveys(5, n=100)
    settings = {"radius": 8 * u.arcsec, "area": 0.35**2 * u.deg**2}
    both = associate(sky.xray, sky.tables, **settings)
    rows = all_matches(both, sky.xray, sky.tables, domain={"opt": "opt", "ir": "ir"})
    assert len(rows) == len(both)
    assert_allclose(np.bincount(rows["primary"], float_values(rows, "match_probability")), 1)
    for name in ("opt", "ir"):
        has = ~rows[f"{name}_id"].mask
        p_any = float_values(rows, f"{name}_p_any")
        total = np.bincount(rows["primary"][has], float_values(rows, "match_probability")[has], 100)
        assert_allclose(p_any[has], total[rows["primary"][has]])
        # p_any p_i is the sum over the combinations that hold the object.
        p_i = float_values(rows, f"{name}_p_i")
        assert np.all((p_i[has] >= 0) & (p_i[has] <= 1 + 1e-12))


def test_surveys_by_name_and_in_tables():
    sky = TwoSurveys(8, n=200, density=20_000)
    rows = sky.rows()
    settings = {"radius": 10 * u.arcsec, "density": 9000 / u.deg**2}
    tables = find_counterparts(
        sky.xray, sky.tables, domain={"opt": "opt", "ir": "ir"}, keep="all", **settings
    )
    assert_allclose(np.bincount(tables["primary"], tables["match_probability"]), 1)
    p = [float_values(one, "match_probability")[sky.is_true(one)] for one in (rows, tables)]
    logs = [np.mean(np.log(np.maximum(one, 1e-3))) for one in p]
    assert logs[0] == pytest.approx(logs[1], abs=0.1)


def test_outside_of_a_survey_nothing_is_lost():
    """Where the infrared survey did not look, the optical probabilities are those by position."""
    sky = TwoSurveys(9, n=500, density=20_000)
    ir, middle = sky.tables["ir"], np.median(sky.xray["ra"])
    sky.tables = {**sky.tables, "ir": ir[ir["ra"] < middle - 0.005]}
    outside = sky.xray["ra"] > middle + 0.005
    alone = {
        name: associate(sky.xray, table, radius=10 * u.arcsec, density=9000 / u.deg**2)
        for name, table in sky.tables.items()
    }
    density = {
        "opt": np.full(500, 9000.0),
        "ir": np.where(sky.xray["ra"] > middle, np.nan, 9000.0),
    }
    rows, summary = combine_domains(
        sky.xray,
        alone,
        sky.tables,
        domains={"opt": "opt", "ir": "ir"},
        rule="first",
        cutoff=0.0,
        density_deg2=density,
    )
    p = {}
    for table, member in ((rows, "opt"), (alone["opt"], "secondary")):
        found = float_values(table, member)
        here = np.isfinite(found) & outside[np.asarray(table["primary"])]
        key = zip(table["primary"][here].tolist(), found[here].tolist(), strict=True)
        values = (float_values(table, "p_any") * float_values(table, "p_i"))[here]
        p[member] = dict(zip(key, values, strict=True))
    assert len(p["opt"]) > 100
    for key, value in p["opt"].items():
        assert value == pytest.approx(p["secondary"][key], abs=0.1)
    has = [sky.truth[name] >= 0 for name in ("opt", "ir")]
    assert summary["detected"]["both"] == pytest.approx(np.mean(has[0] & has[1]), abs=0.08)


def test_two_surveys_of_one_domain():
    """Each source has the candidates of the survey that has its best counterpart."""
    sky = TwoSurveys(10, n=300, density=20_000)
    whole = sky.rows()
    opt, middle = sky.tables["opt"], np.median(sky.xray["ra"])
    sky.tables = {
        "east": opt[opt["ra"] > middle],
        "west": opt[opt["ra"] <= middle],
        "ir": sky.tables["ir"],
    }
    rows = find_in_surveys(
        sky.xray,
        list(sky.tables),
        domain={"east": "opt", "west": "opt", "ir": "ir"},
        keep="all",
        references=sky.tables,
        show_progress=False,
    )
    p = float_values(rows, "match_probability")
    assert_allclose(np.bincount(rows["primary"], p), 1)
    known = ~rows["opt_id"].mask
    side = np.where(sky.xray["ra"] > middle, "east", "west")[np.asarray(rows["primary"])]
    assert np.mean(rows["opt_reference"][known] == side[known]) > 0.99
    ours, theirs = (
        float_values(one, "match_probability")[sky.is_true(one)] for one in (rows, whole)
    )
    logs = [np.mean(np.log(np.maximum(one, 1e-3))) for one in (ours, theirs)]
    assert logs[0] == pytest.approx(logs[1], abs=0.1)


def test_wrong_domains():
    sky = TwoSurveys(1, n=20)
    options = {"references": sky.tables, "show_progress": False}
    with pytest.raises(ValueError, match="domain must be one name, or with keep='all'"):
        find_in_surveys(sky.xray, ["opt", "ir"], domain={"opt": "opt", "ir": "ir"}, **options)
    with pytest.raises(ValueError, match="of two"):
        find_in_surveys(
            sky.xray, ["opt", "ir"], domain={"opt": "a", "ir": "a"}, keep="all", **options
        )
    both = associate(sky.xray, sky.tables, radius=8 * u.arcsec, area=0.12 * u.deg**2)
    with pytest.raises(ValueError, match="domain must name the domain of 'ir'"):
        all_matches(both, sky.xray, sky.tables, domain={"opt": "opt"})
    with pytest.raises(ValueError, match="domain: unknown name 'x'"):
        all_matches(both, sky.xray, sky.tables, domain={"opt": "opt", "x": "ir"})
    with pytest.raises(TypeError, match="one Table of all surveys"):
        all_matches({"opt": both}, sky.xray, sky.tables, domain={"opt": "opt", "ir": "ir"})


def test_prior_of_combinations():
    """The factor multiplies the weight of each combination, that of none included."""
    sky = TwoSurveys(2, n=80, density=20_000)
    settings = {"radius": 8 * u.arcsec, "area": 0.35**2 * u.deg**2, "completeness": 0.5}
    plain = associate(sky.xray, sky.tables, **settings)
    seen = {}

    def prior(rows):
        seen["columns"] = rows.colnames
        return np.where(rows["opt_id"].mask, 1.0, 2.0) * np.where(rows["ir_id"].mask, 1.0, 3.0)

    result = associate(sky.xray, sky.tables, prior=prior, **settings)
    assert {"ra", "pos_error", "opt_ra", "ir_pos_error"} <= set(seen["columns"])

    def weights(table):
        p_any, p_i = (float_values(table, name) for name in ("p_any", "p_i"))
        is_none = table["opt"].mask & table["ir"].mask
        key = [
            (int(a), -1 if b is None else b, -1 if c is None else c)
            for a, b, c in zip(
                table["primary"], table["opt"].tolist(), table["ir"].tolist(), strict=True
            )
        ]
        return dict(zip(key, np.where(is_none, 1 - p_any, p_any * p_i), strict=True))

    before, after = weights(plain), weights(result)
    factor = {k: (2 if k[1] >= 0 else 1) * (3 if k[2] >= 0 else 1) for k in before}
    total = {}
    for k, p in before.items():
        total[k[0]] = total.get(k[0], 0) + p * factor[k]
    for k, p in before.items():
        assert after[k] == pytest.approx(p * factor[k] / total[k[0]], abs=1e-9)
    for wrong in (
        lambda _: 1.0,
        lambda rows: -np.ones(len(rows)),
        lambda rows: np.zeros(len(rows)),
        lambda rows: np.ma.masked_array(np.ones(len(rows)), np.arange(len(rows)) == 3),
        lambda rows: ["likely"] * len(rows),
    ):
        with pytest.raises(ValueError, match="prior must"):
            associate(sky.xray, sky.tables, prior=wrong, **settings)
    with pytest.raises(TypeError, match="prior must be a function"):
        associate(sky.xray, sky.tables, prior=5, **settings)
