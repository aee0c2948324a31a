# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.stats import norm

from claxboi.counterparts import MagnitudePrior, ProbabilityPrior, associate
from claxboi.utils import ClaxboiWarning

from .mock import simulate

BINS = Table(
    {
        "low": [14.0, 16.0, 18.0, 20.0],
        "high": [16.0, 18.0, 20.0, 22.0],
        "counterparts": [0.4, 0.3, 0.3, 0.0],
        "field": [0.0, 0.1, 0.3, 0.6],
    }
)


def factors(prior, table):
    return np.exp(prior.log_factor(table, np.arange(len(table)), "table"))


@pytest.fixture
def prior():
    return MagnitudePrior.from_table(BINS, "mag", error="e_mag", limit="is_limit")


def objects(mags, errors=0.0, limits=False):
    table = Table({"mag": np.array(mags, float)})
    table["e_mag"] = errors
    table["is_limit"] = limits
    return table


class TestFactor:
    def test_is_the_ratio_of_the_bin(self, prior):
        result = factors(prior, objects([17.0, 19.0]))
        assert_allclose(result, [3.0, 1.0], rtol=0.01)

    def test_mean_over_the_field_is_one(self, prior):
        table = prior.to_table()
        assert_allclose(np.sum(table["field"] * table["factor"]), 1)
        assert_allclose([table["field"].sum(), table["counterparts"].sum()], 1)

    def test_never_excludes(self, prior):
        """No counterpart was ever seen there: unlikely, not impossible."""
        faint, bright = factors(prior, objects([21.0, 15.0]))
        assert 0 < faint < 0.01
        assert 100 < bright < np.inf

    def test_missing_changes_nothing(self, prior):
        table = objects([np.nan, 17.0])
        table["mag"] = MaskedColumn([17.0, 17.0], mask=[True, False])
        assert factors(prior, table)[0] == 1
        assert factors(prior, objects([np.nan]))[0] == 1

    @pytest.mark.parametrize("error", [0.05, 0.5, 2.0, 100.0])
    def test_error_is_integrated(self, prior, error):
        edges, table = prior.edges[0], prior.to_table()

        def mean(density):
            steps = zip(edges[:-1], edges[1:], density, strict=True)
            return sum(
                d / (b - a) * quad(lambda m: norm.pdf(17.8, m, error), a, b)[0] for a, b, d in steps
            )

        expected = mean(table["counterparts"]) / mean(table["field"])
        assert_allclose(factors(prior, objects([17.8], error))[0], expected, rtol=1e-6)

    def test_an_endless_error_changes_little(self, prior):
        assert_allclose(factors(prior, objects([17.8], 1e6))[0], 1, rtol=1e-6)

    def test_limit_is_integrated(self, prior):
        """Fainter than 19: half of a bin and all of the last."""
        table = prior.to_table()
        q, n = table["counterparts"], table["field"]
        expected = (q[2] / 2 + q[3]) / (n[2] / 2 + n[3])
        assert_allclose(factors(prior, objects([19.0], limits=True))[0], expected)

    def test_limits_at_the_ends(self, prior):
        result = factors(prior, objects([10.0, 25.0, 22.0], limits=True))
        assert_allclose(result[0], 1)
        assert_allclose(result[1:], prior.to_table()["factor"][3])

    def test_beyond_the_bins(self, prior):
        result = factors(prior, objects([5.0, 30.0]))
        assert_allclose(result, prior.to_table()["factor"][[0, 3]])

    def test_pair_with_one_missing_is_the_other_alone(self):
        rng = np.random.default_rng(1)
        table = Table({"g": rng.normal(20, 2, 5000), "w": rng.normal(15, 2, 5000)})
        secure = np.arange(500)
        table["g"][secure] -= 2
        field = np.ones(5000, bool)
        field[secure] = False
        pair = MagnitudePrior(("g", "w")).learned(table, secure, np.ones(500), field, "t")
        q, n = pair.counterparts.sum(axis=1), pair.field.sum(axis=1)
        some = Table({"g": [18.0], "w": [np.nan]})
        k = np.searchsorted(pair.edges[0], 18.0, side="right") - 1
        assert_allclose(factors(pair, some)[0], q[k] / n[k])
        assert_allclose(factors(pair, Table({"g": [np.nan], "w": [np.nan]}))[0], 1, rtol=1e-12)


class TestLearning:
    def test_distributions_are_found(self):
        rng = np.random.default_rng(2)
        n, n_secure = 20_000, 2000
        table = Table({"mag": np.append(rng.normal(19, 1, n_secure), rng.normal(22, 1.5, n))})
        field = np.arange(n + n_secure) >= n_secure
        prior = MagnitudePrior("mag")
        learned = prior.learned(table, np.arange(n_secure), np.full(n_secure, 1.0), field, "t")
        assert prior.needs_learning
        bins = learned.to_table()
        q = norm.cdf(bins["high"], 19, 1) - norm.cdf(bins["low"], 19, 1)
        b = norm.cdf(bins["high"], 22, 1.5) - norm.cdf(bins["low"], 22, 1.5)
        assert np.all(np.abs(bins["counterparts"] - q) < 5 * np.sqrt(q / n_secure) + 1e-3)
        assert np.all(np.abs(bins["field"] - b) < 5 * np.sqrt(b / n) + 1e-3)
        assert learned.n_secure == n_secure

    def test_field_objects_among_the_secure_are_subtracted(self):
        """A fifth of the secure ones are of the field, as their probabilities say."""
        rng = np.random.default_rng(3)
        mags = np.concatenate([rng.normal(18, 0.5, 4000), rng.normal(22, 0.5, 1000)])
        table = Table({"mag": np.append(mags, rng.normal(22, 0.5, 20_000))})
        field = np.arange(25_000) >= 5000
        learned = MagnitudePrior("mag").learned(
            table, np.arange(5000), np.full(5000, 0.8), field, "t"
        )
        bins = learned.to_table()
        faint = bins["counterparts"][bins["low"] > 20.5].sum()
        assert faint < 0.03

    def test_too_few_secure_counterparts(self):
        rng = np.random.default_rng(4)
        xray, catalogue, _, area = simulate(rng, 40, 20_000)
        settings = {"radius": 10 * u.arcsec, "completeness": 0.7, "area": area}
        with pytest.warns(ClaxboiWarning, match=r"\(\d+ secure counterparts, 50 are"):
            result = associate(xray, catalogue, priors="mag", **settings)
        plain = associate(xray, catalogue, **settings)
        assert np.all(result["prior_mag"] == 1)
        assert_allclose(result["p_any"], plain["p_any"], rtol=1e-12)

    def test_table_there_and_back(self):
        rng = np.random.default_rng(5)
        xray, catalogue, _, area = simulate(rng, 500, 20_000)
        settings = {"radius": 10 * u.arcsec, "completeness": 0.7, "area": area}
        learned = associate(xray, catalogue, priors="mag", **settings)
        record = learned.meta["claxboi"]["counterparts"]["priors"]["secondary:mag"]
        columns = ("low", "high", "counterparts", "field")
        again = MagnitudePrior.from_table(Table({c: record[c] for c in columns}), "mag")
        result = associate(xray, catalogue, priors=again, **settings)
        assert_allclose(result["p_any"], learned["p_any"], atol=0.01)

    def test_caller_is_left_alone(self):
        rng = np.random.default_rng(6)
        xray, catalogue, _, area = simulate(rng, 300, 20_000)
        mine, before = MagnitudePrior("mag"), catalogue["mag"].copy()
        associate(xray, catalogue, radius=9 * u.arcsec, completeness=0.7, area=area, priors=mine)
        assert mine.needs_learning
        assert_array_equal(catalogue["mag"], before)


class TestProbability:
    def test_factor(self):
        table = Table({"p": [0.2, 0.6, np.nan, 0.0]})
        mean = 0.8 / 3
        expected = [0.2 / mean, 0.6 / mean, 1.0, 1e-3]
        assert_allclose(factors(ProbabilityPrior("p"), table), expected)

    def test_nothing_known(self):
        assert_array_equal(factors(ProbabilityPrior("p"), Table({"p": [np.nan, 0.0]})), 1)

    def test_no_probability(self):
        with pytest.raises(
            ValueError, match=r"must be probabilities from 0 to 1, got 1\.2 in row 1"
        ):
            ProbabilityPrior("p").check(Table({"p": [0.5, 1.2]}), "gaia")


class TestBadInput:
    rng = np.random.default_rng(7)
    xray, catalogue, _, area = simulate(rng, 20, 1000)

    def bad(self, message, error, priors, secondaries=None):
        with pytest.raises(error, match=message):
            associate(
                self.xray,
                self.catalogue if secondaries is None else secondaries,
                radius=9 * u.arcsec,
                area=self.area,
                priors=priors,
            )

    def test_column(self):
        self.bad("secondaries has no column 'r'", KeyError, "r")
        self.bad("has no column 'e_mag'", KeyError, MagnitudePrior("mag", error="e_mag"))

    def test_kind(self):
        self.bad("priors must be names of columns", TypeError, 3)
        self.bad("got 3 names", ValueError, ("mag", "mag", "mag"))

    def test_several_catalogues_need_names(self):
        both = {"a": self.catalogue, "b": self.catalogue}
        self.bad("priors must be a mapping of catalogue to priors", ValueError, "mag", both)
        self.bad("priors: unknown name 'c'", ValueError, {"c": "mag"}, both)

    def test_twice(self):
        self.bad("must be different, got 'mag' twice", ValueError, ["mag", "mag"])

    def test_companions(self):
        with pytest.raises(ValueError, match="error must have one name"):
            MagnitudePrior(("g", "r"), error="e_g")

    def test_bins(self):
        gap = BINS[[0, 2, 3]]
        with pytest.raises(ValueError, match="must join without gaps"):
            MagnitudePrior.from_table(gap, "mag")
        with pytest.raises(KeyError, match="low_1"):
            MagnitudePrior.from_table(BINS, ("g", "r"))
        negative = BINS.copy()
        negative["field"][0] = -1
        with pytest.raises(ValueError, match="field must be fractions"):
            MagnitudePrior.from_table(negative, "mag")

    def test_nothing_learned(self):
        with pytest.raises(ValueError, match="has not learned"):
            MagnitudePrior("mag").to_table()
