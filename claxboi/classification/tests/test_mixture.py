# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table, vstack
from numpy.testing import assert_allclose, assert_array_equal

from claxboi import classify
from claxboi.classification import NaiveBayesClassifier, classify_candidates
from claxboi.classification.mixture import mix_candidates
from claxboi.counterparts import find_counterparts
from claxboi.utils import float_values

PRIORS = {"AGN": 0.7, "star": 0.3}


def slow_mixture(evidence, log_field, log_q, owner, priors):
    """The formula of the docstring, source by source."""
    posterior, match, entropy = [], np.empty(len(owner)), []
    for source in np.unique(owner):
        rows = np.flatnonzero(owner == source)
        joint = np.empty((len(evidence), len(rows)))
        for c in range(len(evidence)):
            for k, row in enumerate(rows):
                ratio = np.exp(evidence[c, row] - log_field[row])
                joint[c, k] = priors[c, source] * np.exp(log_q[row]) * ratio
        joint /= joint.sum()
        posterior.append(joint.sum(axis=1))
        match[rows] = joint.sum(axis=0)
        p = match[rows][match[rows] > 0]
        entropy.append(-np.sum(p * np.log(p)))
    return np.array(posterior).T, match, np.array(entropy)


@pytest.mark.parametrize("n_classes", [2, 7])
def test_agrees_with_a_slow_loop(n_classes):
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 6, 60)
    owner = np.repeat(np.arange(60), counts)
    n = len(owner)
    evidence, log_field = rng.normal(0, 4, (n_classes, n)), rng.normal(0, 4, n)
    q = rng.random(n) * (rng.random(n) < 0.9)
    q[np.cumsum(counts) - 1] += 0.01
    q /= np.bincount(owner, q)[owner]
    with np.errstate(divide="ignore"):
        log_q = np.log(q)
    starts = np.cumsum(counts) - counts
    for priors in (
        rng.dirichlet(np.ones(n_classes), 60).T,
        np.full((n_classes, 60), 1 / n_classes),
    ):
        mixture = mix_candidates(evidence, log_field, log_q, starts, np.log(priors))
        posterior, match, entropy = slow_mixture(evidence, log_field, log_q, owner, priors)
        assert_allclose(np.exp(mixture.log_posterior), posterior, rtol=1e-10, atol=1e-14)
        assert_allclose(mixture.match, match, rtol=1e-10, atol=1e-14)
        assert_allclose(mixture.entropy, entropy, rtol=1e-8, atol=1e-10)


class Sky:
    """Sources whose colour is that of their counterpart, among field objects of other colours."""

    def __init__(self, seed, n=400, *, sigma=2.0, density=0.02, share=0.85):
        rng = np.random.default_rng(seed)
        labels = np.where(rng.random(600) < 0.5, "AGN", "star")
        self.known = self.draw(rng, labels)
        self.known["class"] = labels
        self.truth = np.where(rng.random(n) < 0.7, "AGN", "star")
        has = rng.random(n) < share
        x = self.draw(rng, self.truth)
        n_field = rng.poisson(np.pi * 10**2 * density, n)
        owner = np.concatenate([np.flatnonzero(has), np.repeat(np.arange(n), n_field)])
        separation = np.concatenate(
            [sigma * rng.rayleigh(size=has.sum()), 10 * np.sqrt(rng.random(n_field.sum()))]
        )
        colour = np.concatenate([x["colour"][has], rng.normal(1.0, 2.0, n_field.sum())])
        odds = share / (1 - share) / density / (2 * np.pi * sigma**2)
        odds = odds * np.exp(-(separation**2) / (2 * sigma**2))
        owner = np.concatenate([owner, np.arange(n)])
        odds = np.concatenate([odds, np.ones(n)])
        q = odds / np.bincount(owner, odds)[owner]
        rows = Table({"primary": owner, "match_probability": q})
        rows["colour"] = np.concatenate([colour, np.full(n, np.nan)])
        rows["hardness"] = x["hardness"][owner]
        self.candidates = rows
        self.is_true = np.zeros(len(rows), bool)
        self.is_true[: has.sum()] = True
        self.is_true[len(rows) - n :] = ~has
        order = np.lexsort((-q, np.isnan(rows["colour"]), owner))
        best = order[np.unique(owner[order], return_index=True)[1]]
        self.table = rows["colour", "hardness"][best]
        self.model = NaiveBayesClassifier(["colour", "hardness"], missing="ignore").fit(self.known)

    @staticmethod
    def draw(rng, labels):
        is_star = labels == "star"
        return Table(
            {
                "colour": rng.normal(np.where(is_star, 2.5, 0.0)),
                "hardness": rng.normal(np.where(is_star, 0.7, 0.0)),
            }
        )


def log_loss(result, truth):
    p = np.where(truth == "AGN", result["P_AGN"], result["P_star"])
    return -np.mean(np.log(np.clip(p, 1e-4, 1)))


def test_better_than_the_best_match_in_crowded_fields():
    gains, pulls = [], []
    for seed in range(6):
        sky = Sky(seed)
        best = sky.model.classify(sky.table, PRIORS)
        result, rows = classify_candidates(
            sky.model, sky.table, sky.candidates, PRIORS, return_candidates=True
        )
        gains.append(log_loss(best, sky.truth) - log_loss(result, sky.truth))
        # As many counterparts are the true ones as the probabilities say.
        p = float_values(rows, "match_posterior")
        pulls.append((np.sum(p[sky.is_true]) - np.sum(p**2)) / np.sqrt(np.sum(p * (1 - p))))
        assert_allclose(np.bincount(rows["primary"], p), 1)
    assert np.mean(gains) > 3 * np.std(gains, ddof=1) / np.sqrt(6) > 0
    assert abs(np.mean(pulls)) < 3


def test_one_certain_candidate_is_the_answer_of_classify():
    for missing in ("ignore", "existence"):
        sky = Sky(1, n=80)
        model = NaiveBayesClassifier(["colour", "hardness"], missing=missing)
        sky.known["colour"][::4] = np.nan
        model.fit(sky.known)
        certain = sky.table.copy()
        certain["primary"], certain["match_probability"] = np.arange(80), 1.0
        others = sky.candidates.copy()
        others["match_probability"] = 0.0
        for candidates in (certain, vstack([others, certain])):
            result = classify_candidates(model, sky.table, candidates, PRIORS)
            expected = model.classify(sky.table, PRIORS)
            for name in ("AGN", "star"):
                assert_allclose(result[f"P_{name}"], expected[f"P_{name}"], atol=1e-12)
            assert_array_equal(result["prediction"], expected["prediction"])
            assert_allclose(result["match_entropy"], 0, atol=1e-12)


def test_explanations_add_up_and_name_the_candidates():
    for refine in (True, False):
        sky = Sky(5, n=150)
        names = np.arange(len(sky.candidates)).astype(str)
        sky.candidates["opt_id"] = MaskedColumn(names, mask=np.isnan(sky.candidates["colour"]))
        sky.candidates["opt_p_i"] = 0.5
        model = NaiveBayesClassifier(["colour", "hardness"], missing="existence", refine=refine)
        model.fit(sky.known)
        model.optimize(sky.known, PRIORS, show_progress=False)
        result, rows = classify_candidates(
            model, sky.table, sky.candidates, PRIORS, return_candidates=True
        )
        for k in (0, 17, 80):
            explanation = model.explain(result[k], candidates=sky.candidates)
            for name, value in explanation.log_posterior.items():
                assert value == pytest.approx(np.log(result[f"P_{name}"][k]), abs=1e-9)
                assert explanation.posterior[name] == pytest.approx(result[f"P_{name}"][k])
            own = rows[rows["primary"] == k]
            assert set(explanation.candidates["opt_id"].tolist()) <= set(own["opt_id"].tolist())
            first = explanation.candidates[0]
            assert first["match_posterior"] == pytest.approx(own["match_posterior"].max())
            assert "possible counterparts" in explanation.sentence
            assert "match_posterior" in str(explanation)
            # The mixture is the mean of the posteriors of the candidates.
            p = explanation.candidates["match_posterior"], explanation.candidates["P_AGN"]
            assert np.sum(p[0] * p[1]) == pytest.approx(result["P_AGN"][k])
    with pytest.raises(TypeError, match="source must be a row of the table"):
        model.explain(result[:1], candidates=sky.candidates)


def test_posterior_of_an_object_is_the_sum_over_its_combinations():
    sky = Sky(6, n=100)
    rows = vstack([sky.candidates, sky.candidates])
    half = len(sky.candidates)
    rows["match_probability"] /= 2
    for domain, shift in (("opt", 0), ("ir", half)):
        number = (np.arange(len(rows)) % half + shift).astype(str)
        rows[f"{domain}_id"] = MaskedColumn(number, mask=np.isnan(rows["colour"]))
        rows[f"{domain}_p_i"] = 0.5
    rows["ir_id"].mask[half:] = True
    result, rows = classify_candidates(
        sky.model, sky.table, rows, PRIORS, cut=0, return_candidates=True
    )
    match = float_values(rows, "match_posterior")
    known = ~rows["opt_id"].mask[:half]
    assert_allclose(rows["opt_p_i_class"][:half][known], (match[:half] + match[half:])[known])
    assert_allclose(rows["ir_p_i_class"][:half][known], match[:half][known])
    best = ~np.ma.getmaskarray(result["opt_p_i_class"])
    assert np.all(result["opt_p_i_class"][best] <= 1 + 1e-9)
    assert result["opt_p_i_class"].description.startswith("Probability that this is the opt")


def test_decision_rules_choose_from_the_mixture():
    sky = Sky(8, n=200)
    probable = classify_candidates(sky.model, sky.table, sky.candidates, PRIORS)
    costly = sky.model.classify(
        sky.table, PRIORS, candidates=sky.candidates, decision={"star": 10.0}
    )
    assert_allclose(costly["P_star"], probable["P_star"])
    p = 10 * costly["P_star"] > costly["P_AGN"]
    assert_array_equal(costly["prediction"], np.where(p, "star", "AGN"))
    assert np.any(costly["prediction"] != probable["prediction"])


def test_least_probable_candidates_are_cut():
    sky = Sky(7, n=200)
    whole = classify_candidates(sky.model, sky.table, sky.candidates, PRIORS, cut=0)
    part = classify_candidates(sky.model, sky.table, sky.candidates, PRIORS)
    settings = part.meta["claxboi"]["candidates"]
    assert 0 < settings["largest_cut"] <= 1e-4
    assert settings["n_cut"] > 0
    assert whole.meta["claxboi"]["candidates"]["n_cut"] == 0
    assert_allclose(part["P_AGN"], whole["P_AGN"], atol=0.01)


def test_field_objects_of_two_skies():
    """Densities of field objects differ by latitude: each is compared with its own."""
    gains = []
    for seed in range(4):
        skies = [Sky(seed, n=500), Sky(seed + 50, n=500)]
        for latitude, sky in zip((10.0, 60.0), skies, strict=True):
            is_field = sky.candidates["match_probability"] < 0.5
            if latitude < 30:
                sky.candidates["colour"][is_field] += 4.0
            sky.table["b"] = latitude
        rows = [sky.candidates for sky in skies]
        rows[1]["primary"] += 500
        table, rows = vstack([sky.table for sky in skies]), vstack(rows)
        model, truth = skies[0].model, np.concatenate([sky.truth for sky in skies])
        split = classify_candidates(model, table, rows, PRIORS)
        table.remove_column("b")
        one = classify_candidates(model, table, rows, PRIORS)
        gains.append(log_loss(one, truth) - log_loss(split, truth))
    assert np.mean(gains) > 0


def test_order_of_the_rows_does_not_matter():
    sky = Sky(2, n=60)
    rng = np.random.default_rng(2)
    shuffled = sky.candidates[rng.permutation(len(sky.candidates))]
    first = classify_candidates(sky.model, sky.table, sky.candidates, PRIORS)
    second = classify_candidates(sky.model, sky.table, shuffled, PRIORS)
    assert_allclose(first["P_AGN"], second["P_AGN"], rtol=1e-9)
    each = np.tile([0.7, 0.3], (60, 1))
    third = classify_candidates(sky.model, sky.table, sky.candidates, each)
    assert_allclose(first["P_AGN"], third["P_AGN"], rtol=1e-9)


def test_units_of_a_property_do_not_matter():
    """A colour on a longer scale gives the same posterior: densities are compared in one unit."""
    sky = Sky(3, n=60)
    first = classify_candidates(sky.model, sky.table, sky.candidates, PRIORS)
    tables = [t.copy() for t in (sky.known, sky.table, sky.candidates)]
    for one in tables:
        one["colour"] = 50 * one["colour"] + 7
    model = NaiveBayesClassifier(["colour", "hardness"], missing="ignore").fit(tables[0])
    second = classify_candidates(model, tables[1], tables[2], PRIORS)
    assert_allclose(first["P_AGN"], second["P_AGN"], atol=1e-6)


def test_bad_candidates():
    sky = Sky(4, n=40)
    bad = sky.candidates.copy()
    bad["match_probability"][0] = 1.2
    with pytest.raises(ValueError, match=r"must be probabilities from 0 to 1, got 1\.2"):
        classify_candidates(sky.model, sky.table, bad, PRIORS)
    with pytest.raises(ValueError, match="must sum to 1 for each source"):
        classify_candidates(sky.model, sky.table, sky.candidates[:-5], PRIORS)
    with pytest.raises(KeyError, match="candidates has no column 'colour'"):
        classify_candidates(
            sky.model, sky.table, sky.candidates["primary", "match_probability", "hardness"], PRIORS
        )
    with pytest.raises(KeyError, match="match_probability"):
        classify_candidates(sky.model, sky.table, sky.table, PRIORS)
    bad = sky.candidates.copy()
    bad["primary"][3] = 40
    with pytest.raises(ValueError, match="primary of candidates must be rows of table"):
        classify_candidates(sky.model, sky.table, bad, PRIORS)
    few = sky.candidates[sky.candidates["primary"] < 2]
    few = few[few["match_probability"] > 0.02]
    few["match_probability"] /= np.bincount(few["primary"], few["match_probability"])[
        few["primary"]
    ]
    with pytest.raises(ValueError, match="30 field objects or more"):
        classify_candidates(sky.model, sky.table[:2], few, PRIORS)
    published = NaiveBayesClassifier(["colour", "hardness"], normalization="published")
    with pytest.raises(ValueError, match="free exponents"):
        classify_candidates(published.fit(sky.known), sky.table, sky.candidates, PRIORS)


@pytest.mark.parametrize("by", ["identifier", "position"])
def test_candidates_of_a_table_that_was_sorted_or_cut_since(by):
    sky = Sky(4, n=40)
    table, candidates = sky.table.copy(), sky.candidates.copy()
    primary = np.asarray(candidates["primary"])
    if by == "identifier":
        table["source_id"] = [f"s{k}" for k in range(40)]
        candidates["source_id"] = table["source_id"][primary]
    else:
        table["ra"], table["dec"] = np.arange(40.0), 10.0
        candidates["ra"], candidates["dec"] = primary + 0.001, 10.0
        candidates["dec"][0] = np.nan
    same = classify_candidates(sky.model, table, candidates, PRIORS)
    before = classify_candidates(sky.model, sky.table, sky.candidates, PRIORS)
    assert_array_equal(same["P_AGN"], before["P_AGN"])
    for rows in (slice(None, None, -1), np.r_[1:40, 0]):
        with pytest.raises(ValueError, match=f"candidates has another {by} than row"):
            classify_candidates(sky.model, table[rows], candidates, PRIORS)
        with pytest.raises(ValueError, match=f"candidates has another {by} than row"):
            sky.model.explain(same[rows][3], PRIORS, candidates=candidates)


def test_from_sky_to_classes():
    """Candidates from an association classify through the one call, better than the best ones."""
    gains = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        n, side = 500, 0.3
        truth = np.where(rng.random(n) < 0.6, "AGN", "star")
        flux = 10 ** rng.normal(-13.5, 0.4, n)
        ratio = rng.normal(np.where(truth == "AGN", 0.0, -2.0), 0.6)
        survey = Table(
            {"ra": rng.uniform(0, side, n + 6000), "dec": rng.uniform(0, side, n + 6000)}
        )
        survey["mag"] = np.append(-2.5 * (np.log10(flux) - ratio + 5.5), rng.normal(20, 1.5, 6000))
        survey["pos_error"] = 0.1
        xray = survey["ra", "dec"][:n].copy()
        for name in ("ra", "dec"):
            xray[name] += rng.normal(0, 2, n) / 3600
        xray["pos_error"], xray["flux"] = 2.0, flux
        xray["source_id"] = [f"X{k}" for k in range(n)]
        xray["class"] = MaskedColumn(truth, mask=rng.random(n) < 0.5)
        settings = {"radius": 12 * u.arcsec, "area": side**2 * u.deg**2}
        tables = [
            find_counterparts(xray, {"own": survey}, keep=keep, **settings)
            for keep in (["mag"], "all")
        ]
        for table in tables:
            table["log_fx_fr"] = np.log10(table["flux"]) + table["mag"] / 2.5 + 5.5
        options = {"properties": ["log_fx_fr"], "show_progress": False}
        best = classify(tables[0], PRIORS, **options)
        result = classify(tables[0], PRIORS, candidates=tables[1], **options)
        new = ~best["is_training"]
        gains.append(log_loss(best[new], truth[new]) - log_loss(result[new], truth[new]))
        assert np.all(np.isfinite(result["P_AGN"]))
        assert np.all((result["match_entropy"] >= 0) & (result["match_posterior"] <= 1))
    assert np.mean(gains) > 0
    assert min(gains) > -0.02
