# Licensed under a 3-clause BSD style license - see LICENSE.rst
import logging

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from claxboi import XrayTable
from claxboi.counterparts import (
    MagnitudePrior,
    associate,
    best_matches,
    find_in_surveys,
    homogenize_magnitudes,
)
from claxboi.counterparts.source_density import (
    Circles,
    _ring_areas,
    _ring_counts,
    _wide_counts,
    sky_density,
)
from claxboi.references import Reference, get_reference
from claxboi.references.tests.loopback import LoopbackCDS
from claxboi.utils import pairs_within

OUTER = 15.0


def density_at(dec):
    """The true density of field objects (deg-2): 14 times lower at 20 deg than at the equator."""
    return 2_000 + 40_000 * np.exp(-np.abs(dec) / 5)


def make_objects(rng, ra_deg, dec_deg, reach_deg=0.06):
    """Draw field objects around positions, each where no other circle has it already."""
    ra, dec = [], []
    for k, (here_ra, here_dec) in enumerate(zip(ra_deg, dec_deg, strict=True)):
        area = np.pi * reach_deg**2
        n = rng.poisson(area * density_at(0))
        r, angle = reach_deg * np.sqrt(rng.random(n)), rng.uniform(0, 2 * np.pi, n)
        new_dec = here_dec + r * np.cos(angle)
        new_ra = here_ra + r * np.sin(angle) / np.cos(np.radians(new_dec))
        keep = rng.random(n) < density_at(new_dec) / density_at(0)
        if k:
            before = slice(0, k)
            d_ra = (new_ra[:, None] - ra_deg[before]) * np.cos(np.radians(new_dec))[:, None]
            d2 = d_ra**2 + (new_dec[:, None] - dec_deg[before]) ** 2
            keep &= (d2 > reach_deg**2).all(axis=1)
        ra.append(new_ra[keep])
        dec.append(new_dec[keep])
    return np.concatenate(ra), np.concatenate(dec)


def make_sky(rng, ra, dec, *, completeness=0.6):
    """X-ray sources at positions, a survey around them, and the id of each true counterpart."""
    n = len(ra)
    field_ra, field_dec = make_objects(rng, ra, dec)
    has = rng.random(n) < completeness
    sigma = rng.uniform(0.5, 2.5, n)
    seen_dec = dec + rng.normal(0, sigma) / 3600
    seen_ra = ra + rng.normal(0, sigma) / 3600 / np.cos(np.radians(dec))
    xray = Table({"ra": seen_ra, "dec": seen_dec, "pos_error": sigma})
    m = len(field_ra) + has.sum()
    survey = Table(
        {
            "id": np.arange(m),
            "ra": np.append(field_ra, ra[has]),
            "dec": np.append(field_dec, dec[has]),
            "pos_error": np.full(m, 0.02),
            "Gmag": rng.uniform(14, 20, m),
        }
    )
    truth = np.full(n, -1)
    truth[has] = len(field_ra) + np.arange(has.sum())
    return xray, survey, truth


def fields(rng, n_fields, n_per_field):
    """Positions in fields of 0.3 deg, at declinations from 0 to 20 deg."""
    ra, dec = rng.uniform(100, 130, n_fields), rng.uniform(0.5, 20, n_fields)
    shift = rng.uniform(-0.15, 0.15, (2, n_fields, n_per_field))
    return (ra[:, None] + shift[0]).ravel(), (dec[:, None] + shift[1]).ravel()


def measured(xray, survey, *, mean=44_000.0, radius=OUTER, sigma=None, log=None):
    """The density, straight from the function that measures it."""
    ra, dec = np.asarray(xray["ra"], float), np.asarray(xray["dec"], float)

    def draw(rows, circle):
        if log is not None:
            log.append((rows, circle))
        i, j, sep = pairs_within(ra[rows], dec[rows], survey["ra"].data, survey["dec"].data, circle)
        objects, number = np.unique(j, return_inverse=True)
        positions = survey["ra"].data[objects], survey["dec"].data[objects]
        return Circles(rows[i], number, sep, *positions, circle)

    sigma = xray["pos_error"].data if sigma is None else sigma
    circles = draw(np.arange(len(ra)), radius)
    if log is not None:
        log.clear()
    return sky_density(ra, dec, 5 * sigma, circles, mean, draw, "survey")


def test_density_with_a_gradient():
    rng = np.random.default_rng(1)
    xray, survey, _ = make_sky(rng, *fields(rng, 40, 30))
    sky = measured(xray, survey)
    assert sky.is_covered.all()
    error = (sky.density_deg2 / density_at(xray["dec"]) - 1) * np.sqrt(sky.n_counted)
    # In units of the Poisson error of what was counted; pooled over 2 deg, the gradient adds some.
    assert abs(np.mean(sky.density_deg2 / density_at(xray["dec"])) - 1) < 0.06
    assert np.std(error) < 1.7
    # A constant density would be wrong by factors.
    assert density_at(xray["dec"]).max() > 5 * density_at(xray["dec"]).min()


@pytest.mark.parametrize("radius", [OUTER, 120.0])
def test_density_among_neighbours(radius):
    # Three sources within 12 arcsec: rings overlap, and each counterpart lies in the others' rings.
    rng = np.random.default_rng(2)
    ra, dec = fields(rng, 10, 30)
    ra = np.concatenate([ra, ra + 12 / 3600, ra])
    dec = np.concatenate([dec, dec, dec + 9 / 3600])
    xray, survey, _ = make_sky(rng, ra, dec, completeness=1.0)
    positions = [t[c].data for t in (xray, survey) for c in ("ra", "dec")]
    i, j, sep = pairs_within(*positions, radius)
    objects, number = np.unique(j, return_inverse=True)
    circles = Circles(i, number, sep, *(x[objects] for x in positions[2:]), radius)
    reach = 5 * xray["pos_error"].data
    if radius == OUTER:
        reach = np.minimum(reach, OUTER)
        counts = _ring_counts(circles, reach)
        area = _ring_areas(*positions[:2], reach, OUTER)
    else:
        counts, area = _wide_counts(*positions[:2], reach, np.arange(len(xray)), circles)
    expected = np.sum(area * density_at(xray["dec"]))
    # Neighbours' large circles have most objects in common: so the error is larger than Poisson's.
    assert abs(counts.sum() / expected - 1) < (0.2 if radius == OUTER else 0.06)
    # The naive count takes the neighbours' counterparts, which have the last ids, for the field's.
    n_naive = np.count_nonzero(sep > reach[i])
    naive = np.pi * np.sum(radius**2 - np.minimum(reach, radius) ** 2) / 3600**2
    assert n_naive / naive > (2 if radius == OUTER else 1.05) * expected / area.sum()


def test_density_from_a_table_that_holds_neighbours_alone():
    rng = np.random.default_rng(8)
    xray, survey, _ = make_sky(rng, *fields(rng, 20, 40))
    positions = [t[c].data for t in (xray, survey) for c in ("ra", "dec")]
    for radius in (12.0, 20.0):
        part = survey[np.unique(pairs_within(*positions, radius)[1])]
        sky = measured(xray, part)
        ratio = np.sum(sky.density_deg2) / np.sum(density_at(xray["dec"]))
        assert abs(ratio - 1) < 0.2


def test_density_of_ten_sources(caplog):
    rng = np.random.default_rng(3)
    ra, dec = np.linspace(100, 190, 10), np.linspace(1, 19, 10)
    xray, survey, _ = make_sky(rng, ra, dec)
    drawn = []
    with caplog.at_level(logging.INFO):
        sky = measured(xray, survey, log=drawn)
    ((rows, radius),) = drawn
    assert rows.tolist() == list(range(10))
    assert radius == 180
    assert np.all(np.abs(sky.density_deg2 / density_at(dec) - 1) < 5 / np.sqrt(sky.n_counted))
    assert "circles of 180 arcsec around 10 sources" in caplog.text


def test_density_where_nothing_can_be_counted(caplog):
    # Errors so large that the counterpart may be anywhere in any circle: the record's density.
    xray = Table({"ra": [10.0, 60.0], "dec": [5.0, 5.0]})
    survey = Table({"ra": [10.001], "dec": [5.0]})
    with caplog.at_level(logging.INFO):
        sky = measured(xray, survey, sigma=np.array([50.0, 50.0]))
    assert sky.density_deg2.tolist() == [44_000, 44_000]
    assert sky.n_counted.tolist() == [0, 0]
    assert sky.is_covered.all()
    assert "towards the survey mean of 44000 per square degree" in caplog.text
    # Without a record: one object more than none.
    alone = measured(xray, survey, sigma=np.array([1.0, 1.0]), mean=None)
    assert np.all((alone.density_deg2 > 0) & np.isfinite(alone.density_deg2))


def test_outside_of_the_survey():
    rng = np.random.default_rng(4)
    xray, survey, _ = make_sky(rng, *fields(rng, 10, 30))
    far = Table({"ra": np.linspace(200, 220, 100), "dec": np.full(100, -60.0)})
    far["pos_error"] = 1.0
    both = Table({name: np.append(xray[name], far[name]) for name in xray.colnames})
    sky = measured(both, survey)
    assert sky.is_covered.tolist() == [True] * 300 + [False] * 100
    alone, result = (
        find_in_surveys(t, "gaia", references={"gaia": survey}, show_progress=False)
        for t in (xray, both)
    )
    first, second = (t.meta["claxboi"]["surveys_opt"]["gaia"] for t in (alone, result))
    assert second["n_covered"] == 300
    assert second["completeness"] == pytest.approx(first["completeness"], abs=1e-3)
    assert result["opt_p_any"].mask[300:].all()
    assert np.all(alone["opt_id"].filled("") == result["opt_id"][:300].filled(""))


def test_probabilities_are_right():
    rng = np.random.default_rng(5)
    xray, survey, truth = make_sky(rng, *fields(rng, 40, 40))
    result = find_in_surveys(xray, ["gaia"], references={"gaia": survey}, show_progress=False)
    p_any = result["opt_p_any"].filled(0).data
    p = p_any * result["opt_p_i"].filled(0).data
    right = (result["opt_id"].filled("-1").astype(int) == truth) & (truth >= 0)
    # Each sum is that of independent trials.
    for low, high in ((0, 0.3), (0.3, 0.7), (0.7, 0.95), (0.95, 1.01)):
        here = (p >= low) & (p < high)
        sigma = np.sqrt(np.sum(p[here] * (1 - p[here])))
        assert here.sum() > 30
        assert abs(right[here].sum() - p[here].sum()) < 3.5 * sigma + 1
    assert p_any.sum() == pytest.approx((truth >= 0).sum(), rel=0.03)


def test_columns_of_the_counterpart():
    gaia = Table(
        {
            "Source": [5, 6],
            "RA_ICRS": [10.0, 20.0],
            "DE_ICRS": [0.0, 0.0],
            "e_RA_ICRS": [20.0, 20.0],
            "e_DE_ICRS": [20.0, 20.0],
            "pmRA": [3.0, np.nan],
            "Plx": [0.5, 1.0],
            "BPmag": [15.0, np.nan],
            "Gmag": [14.7, 17.0],
        }
    )
    panstarrs = Table({"id": [9], "ra": [30.0], "dec": [0.0], "pos_error": [0.1], "gmag": [20.2]})
    xray = XrayTable({"ra": [10.0, 20.0, 30.0, 40.0], "dec": [0.0] * 4, "pos_error": [1.0] * 4})
    before = xray.copy()
    options = {"references": {"gaia": gaia, "panstarrs": panstarrs}, "show_progress": False}
    result = xray.find_counterparts(["gaia", "panstarrs"], completeness=0.7, cutoff=0.5, **options)
    assert type(result) is XrayTable
    assert np.all(xray == before)
    assert result["opt_id"].tolist() == ["5", "6", "9", None]
    assert result["opt_reference"].tolist() == ["gaia", "gaia", "panstarrs", None]
    assert result["pmra"].tolist() == [3, None, None, None]
    assert result["pmra"].unit == u.mas / u.yr
    assert result["parallax"].tolist() == [0.5, 1, None, None]
    assert result["bp_mag"].tolist() == [15, pytest.approx(17.3), pytest.approx(20.0), None]
    assert result["bp_mag_origin"].tolist() == ["gaia:BP", "gaia:G", "panstarrs:g", None]
    assert result["bp_mag"].info.meta == {"ucd": "phot.mag;em.opt.B"}
    settings = result.meta["claxboi"]["surveys_opt"]
    assert settings["gaia"]["citation"] == list(get_reference("gaia").record.citation)
    assert settings["panstarrs"]["completeness"] == 0.7
    plain = xray.find_counterparts(["gaia"], magnitudes=False, domain="xyz", **options)
    assert "bp_mag" not in plain.colnames
    assert "xyz_id" in plain.colnames
    with pytest.raises(ValueError, match="already has"):
        result.find_counterparts(["gaia"], **options)


def test_equals_the_steps_alone():
    rng = np.random.default_rng(6)
    xray, survey, _ = make_sky(rng, *fields(rng, 3, 60))
    prior = MagnitudePrior("bp_mag", min_secure=20)
    result = find_in_surveys(
        xray, "gaia", references={"gaia": survey}, priors={"gaia": prior}, show_progress=False
    )
    density = measured(xray, survey, mean=get_reference("gaia").record.density_deg2).density_deg2
    near = np.unique(
        pairs_within(*(t[c].data for t in (xray, survey) for c in ("ra", "dec")), OUTER)[1]
    )
    whole = homogenize_magnitudes(survey[near], "gaia")
    candidates = associate(
        xray, whole, radius=10 * u.arcsec, density=density / u.deg**2, priors=prior
    )
    expected = best_matches(candidates, xray, {"gaia": whole})
    assert np.all(result["opt_id"].filled("") == expected["opt_id"].filled(""))
    np.testing.assert_allclose(
        result["opt_p_any"].filled(0), expected["opt_p_any"].filled(0), rtol=1e-3
    )


def test_epochs():
    # 0.5 arcsec / yr: the star was 8 arcsec away in 2000, where now another one is.
    gaia = Table(
        {
            "id": [1, 2],
            "ra": [10.0, 10.0],
            "dec": [8 / 3600, 7.5 / 3600],
            "pos_error": [0.01, 0.01],
            "pmra": [0.0, 0.0],
            "pmdec": [500.0, 0.0],
        }
    )
    xray = Table({"ra": [10.0], "dec": [0.0], "pos_error": [0.8], "epoch": [2000.0]})
    options = {"references": {"gaia": gaia}, "completeness": 0.5, "show_progress": False}
    options["cutoff"] = 0.0
    assert find_in_surveys(xray, "gaia", **options)["opt_id"].tolist() == ["1"]
    xray.remove_column("epoch")
    assert find_in_surveys(xray, "gaia", **options)["opt_id"].tolist() == ["2"]


def test_from_the_service(tmp_path):
    rng = np.random.default_rng(7)
    xray, survey, _ = make_sky(rng, *fields(rng, 2, 40))
    survey["ra_error"] = survey["dec_error"] = 20.0
    survey.remove_column("pos_error")
    options = {"show_progress": False}
    local = find_in_surveys(xray, ["gaia"], references={"gaia": survey}, **options)
    with LoopbackCDS({"gaia": survey}, cache_dir=str(tmp_path)) as cds:
        asked = find_in_surveys(xray, ["gaia"], **options)
        n_requests = len(cds.requests)
        again = find_in_surveys(xray, ["gaia"], cache="only", **options)
        assert len(cds.requests) == n_requests
    for result in (asked, again):
        for name in ("opt_id", "opt_p_any", "bp_mag", "opt_reference"):
            assert result[name].tolist() == pytest.approx(local[name].tolist(), rel=1e-6)


def test_survey_without_errors_and_own_survey():
    des = Table({"id": [1], "ra": [10.0], "dec": [0.0], "gmag": [20.0]})
    mine = {"id": ["a"], "ra": [20.0], "dec": [0.0], "pos_error": [0.3]}
    xray = Table({"ra": [10.0, 20.0], "dec": [0.0, 0.0], "pos_error": [1.0, 1.0]})
    options = {"completeness": 0.5, "show_progress": False}
    result = find_in_surveys(
        xray, ["des", "mine"], references={"des": des, "mine": Table(mine)}, **options
    )
    assert result["opt_id"].tolist() == ["1", "a"]
    del mine["pos_error"]
    with pytest.raises(KeyError, match="mine has no column 'pos_error'"):
        find_in_surveys(xray, "mine", references={"mine": Table(mine)}, **options)


def test_nothing_near():
    gaia = Table({"id": [1], "ra": [200.0], "dec": [0.0], "pos_error": [0.1], "Gmag": [15.0]})
    xray = Table({"ra": [10.0, 20.0], "dec": [0.0, 0.0], "pos_error": [1.0, 1.0]})
    result = find_in_surveys(xray, "gaia", references={"gaia": gaia}, show_progress=False)
    assert result["opt_id"].mask.all()
    assert result["bp_mag"].mask.all()


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"surveys": 3}, TypeError, "surveys must be a list of names, got int"),
        ({"surveys": []}, ValueError, "surveys must be 1 to 10 names, got 0"),
        ({"surveys": ["gaia", "gaia"]}, ValueError, "got 'gaia' twice"),
        ({"surveys": ["giai"]}, ValueError, "source must be a known catalogue"),
        ({"references": [1]}, TypeError, "references must be a mapping"),
        ({"radius": 0 * u.arcsec}, ValueError, "radius must be positive, got 0"),
        ({"priors": {"des": "g"}}, ValueError, "priors: unknown name 'des'"),
        ({"completeness": {"des": 0.5}}, ValueError, "completeness: unknown name 'des'"),
        ({"references": {"gaia": Table({"x": [1]})}}, KeyError, "'ra' or 'RA_ICRS' or 'RAdeg'"),
    ],
)
def test_wrong_arguments(change, error, match):
    xray = Table({"ra": [10.0], "dec": [0.0], "pos_error": [1.0]})
    with pytest.raises(error, match=match):
        find_in_surveys(xray, **({"surveys": ["gaia"], "show_progress": False} | change))


def test_keep(tmp_path):
    first = Table({"id": [1], "ra": [10.0], "dec": [0.0], "parallax": [0.002] * u.arcsec})
    second = Table({"id": ["b"], "ra": [20.0], "dec": [0.0], "note": ["odd"]})
    for table in (first, second):
        table["pos_error"] = 0.1
    xray = Table({"ra": [10.0, 20.0], "dec": [0.0, 0.0], "pos_error": [1.0, 1.0]})
    surveys = {"first": first, "second": second}
    options = {"radius": 5 * u.arcsec, "density": 1000 / u.deg**2, "completeness": 0.5}
    candidates = {name: associate(xray, t, **options) for name, t in surveys.items()}
    result = best_matches(
        candidates, xray, surveys, keep={"parallax": "parallax", "remark": "note"}
    )
    assert result["parallax"].tolist() == [pytest.approx(2.0), None]
    assert result["parallax"].unit == u.mas
    assert result["remark"].tolist() == [None, "odd"]
    with pytest.raises(KeyError, match="keep: no column 'x' in first, second"):
        best_matches(candidates, xray, surveys, keep=["x"])


def test_a_survey_without_rows():
    """Nobody has a counterpart there, and the columns are those of a survey with rows."""
    xray = Table({"ra": [10.0, 20.0], "dec": [0.0, 5.0], "pos_error": [1.0, 2.0]})
    one = Table({"id": [1], "ra": [10.0], "dec": [0.0], "pos_error": [0.1]})
    options = {"magnitudes": False, "show_progress": False}
    full = find_in_surveys(xray, ["mine"], references={"mine": one}, **options)
    empty = find_in_surveys(xray, ["mine"], references={"mine": one[:0]}, **options)
    assert empty.colnames == full.colnames
    assert empty["opt_id"].mask.all()
    assert empty["opt_p_any"].mask.all()
    both = find_in_surveys(xray, ["a", "b"], references={"a": one[:0], "b": one}, **options)
    assert both["opt_id"].tolist() == full["opt_id"].tolist()


def test_all_candidates_by_name():
    rng = np.random.default_rng(8)
    stars = Table({"id": np.arange(3000), "ra": rng.uniform(10, 10.3, 3000)})
    stars["dec"], stars["pos_error"] = rng.uniform(0, 0.3, 3000), np.full(3000, 0.1)
    xray = stars["ra", "dec"][:50].copy()
    xray["ra"] += rng.normal(0, 1, 50) / 3600
    xray["pos_error"] = 1.0
    options = {"references": {"mine": stars}, "magnitudes": False, "show_progress": False}
    rows = find_in_surveys(xray, ["mine"], keep="all", **options)
    best = find_in_surveys(xray, ["mine"], **options)
    primary = np.asarray(rows["primary"])
    np.testing.assert_allclose(np.bincount(primary, rows["match_probability"]), 1)
    first = rows[np.searchsorted(primary, np.arange(50))]
    assert first["opt_id"].tolist() == best["opt_id"].tolist()
    with pytest.raises(ValueError, match="keep must be one of"):
        find_in_surveys(xray, ["mine"], keep="some", **options)


def test_one_association_for_best_and_all(monkeypatch):
    """It is made again for other sources only, and the answers are those of two associations."""
    rng = np.random.default_rng(9)
    xray, survey, _ = make_sky(rng, *fields(rng, 4, 30))
    shifted = survey.copy()
    shifted["ra"] += 2 / 3600
    tables = {"one": survey, "two": shifted}
    columns = {"id": "id", "pos_error": "pos_error"}
    references = {name: get_reference(one, name=name, **columns) for name, one in tables.items()}
    options = {"references": references, "magnitudes": False}
    options |= {"show_progress": False}
    both = {"keep": "all", "domain": {"one": "opt", "two": "ir"}}
    names, kept, asked = ["one", "two"], {}, []
    best, every = (find_in_surveys(xray, names, **options, **more) for more in ({}, both))
    query = Reference.query
    monkeypatch.setattr(Reference, "query", lambda *a, **k: asked.append(a) or query(*a, **k))
    options["associations"] = kept
    again = [find_in_surveys(xray, names, **options)]
    n_asked = len(asked)
    again.append(find_in_surveys(xray, names, **options, **both))
    assert len(asked) == n_asked
    for expected, found in zip((best, every), again, strict=True):
        assert found.colnames == expected.colnames
        for name in expected.colnames:
            assert found[name].tolist() == expected[name].tolist(), name
    other = options | {"references": tables | {"two": shifted[:-5]}}
    find_in_surveys(xray, names, **other)
    assert len(asked) > n_asked
    n_asked = len(asked)
    changed = find_in_surveys(xray[5:], names, **options)
    assert len(asked) > n_asked
    del options["associations"]
    alone = find_in_surveys(xray[5:], names, **options)
    assert changed["opt_id"].tolist() == alone["opt_id"].tolist()
