# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
NWAY's own answers, reproduced with ``convention="nway"``.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.counterparts import associate
from claxboi.counterparts.match_probability import log_bayes_circular, log_bayes_elliptical
from claxboi.counterparts.nway import log_bayes_nway
from claxboi.counterparts.source_density import WHOLE_SKY_DEG2
from claxboi.utils import sky_offsets, sky_separation

FLOAT32 = 3e-7
AREA = 2.0 * u.deg**2


@pytest.fixture(scope="module")
def field(shared_path):
    data = np.load(shared_path / "golden" / "nway" / "input.npz")
    tables = {}
    for name in ("XRAY", "OPT", "IR"):
        table = Table({"ra": data[f"{name}_ra"], "dec": data[f"{name}_dec"]})
        table["pos_error"] = data[f"{name}_error"]
        if name != "XRAY":
            mag = data[f"{name}_mag"]
            table["mag"] = np.where(mag == -99, np.nan, mag)
            table["owner"] = data[f"{name}_owner"]
        tables[name.lower()] = table
    return tables


def golden(shared_path, name):
    path = shared_path / "golden" / "nway" / f"{name}.csv.gz"
    # The fast reader complains of numbers below 1e-308.
    return Table.read(path, format="ascii.csv", fast_reader=False)


def number(column):
    return np.ma.filled(np.ma.asarray(column, dtype=float), np.nan)


def rows_of(table, columns, missing):
    """The rows of a table by the tuple of its row numbers."""
    ids = [np.ma.filled(np.ma.asarray(table[c]), missing) for c in columns]
    ids = [np.where(i < 0, -1, i).astype(int) for i in ids]
    order = np.lexsort(ids[::-1])
    return np.array(ids)[:, order], order


def compare(candidates, expected, ours, theirs, columns, *, rtol):
    ids, order = rows_of(candidates, ours, -1)
    expected_ids, expected_order = rows_of(expected, theirs, -1)
    assert_array_equal(ids, expected_ids)
    for our, their, scale in columns:
        actual = number(candidates[our])[order] * scale
        wanted = number(expected[their])[expected_order]
        if our in {"p_i", "match_flag"}:
            # NWAY answers NaN where the only candidate is in a bin without targets.
            p_i = number(expected["p_i" if "p_i" in expected.colnames else "prob_this_match"])
            undefined = np.isin(ids[0], ids[0][np.isnan(p_i[expected_order])])
            assert undefined.mean() < 0.01
            # The command flags the row without counterpart where there is no other; we do not.
            undefined |= np.bincount(ids[0])[ids[0]] == 1
            actual, wanted = actual[~undefined], wanted[~undefined]
        # NWAY's separations are good to 1.4e-10 arcsec, ours to 4e-14: that is 2e-9 in exponents.
        atol = 2e-9 if our == "log_bayes_factor" else rtol
        assert_allclose(actual, wanted, rtol=rtol, atol=max(atol, rtol), err_msg=our)


DEX = 1 / np.log(10)
LIBRARY = [
    ("log_bayes_factor", "dist_bayesfactor_uncorrected", DEX),
    ("p_single", "p_single", 1),
    ("p_any", "prob_has_match", 1),
    ("p_i", "prob_this_match", 1),
    ("match_flag", "match_flag", 1),
]
COMMAND = [
    ("log_bayes_factor", "dist_bayesfactor", DEX),
    ("p_single", "p_single", 1),
    ("p_any", "p_any", 1),
    ("p_i", "p_i", 1),
    ("match_flag", "match_flag", 1),
]


def nway(field, names, **settings):
    return associate(
        field["xray"],
        {name: field[name] for name in names},
        radius=15 * u.arcsec,
        completeness=0.9,
        area=AREA,
        convention="nway",
        **settings,
    )


def test_library_with_one_catalogue(field, shared_path):
    candidates = nway(field, ["opt"])
    expected = golden(shared_path, "library_opt")
    columns = [*LIBRARY, ("separation_opt", "Separation_XRAY_OPT", 1)]
    compare(candidates, expected, ["primary", "opt"], ["XRAY", "OPT"], columns, rtol=1e-10)


def test_library_with_two_catalogues(field, shared_path):
    """The library does not correct for unrelated associations."""
    candidates = nway(field, ["opt", "ir"], field_association=0)
    expected = golden(shared_path, "library_opt_ir")
    columns = [
        *LIBRARY,
        ("separation_opt", "Separation_XRAY_OPT", 1),
        ("separation_ir", "Separation_XRAY_IR", 1),
    ]
    ours, theirs = ["primary", "opt", "ir"], ["XRAY", "OPT", "IR"]
    compare(candidates, expected, ours, theirs, columns, rtol=1e-10)


def test_command_with_two_catalogues(field, shared_path):
    """With its correction for unrelated associations."""
    candidates = nway(field, ["opt", "ir"])
    expected = golden(shared_path, "cli_opt_ir")
    ours, theirs = ["primary", "opt", "ir"], ["XRAY_ID", "OPT_ID", "IR_ID"]
    compare(candidates, expected, ours, theirs, COMMAND, rtol=10 * FLOAT32)


def test_command_with_a_magnitude_prior(field, shared_path):
    candidates = nway(field, ["opt"], priors="mag")
    expected = golden(shared_path, "cli_opt_mag")
    columns = [*COMMAND, ("prior_opt_mag", "bias_OPT_MAG", 1)]
    compare(
        candidates, expected, ["primary", "opt"], ["XRAY_ID", "OPT_ID"], columns, rtol=10 * FLOAT32
    )


def test_command_with_two_magnitude_priors(field, shared_path):
    candidates = nway(field, ["opt", "ir"], priors={"opt": "mag", "ir": "mag"})
    expected = golden(shared_path, "cli_opt_ir_mag")
    columns = [
        *COMMAND,
        ("prior_opt_mag", "bias_OPT_MAG", 1),
        ("prior_ir_mag", "bias_IR_MAG", 1),
    ]
    ours, theirs = ["primary", "opt", "ir"], ["XRAY_ID", "OPT_ID", "IR_ID"]
    compare(candidates, expected, ours, theirs, columns, rtol=10 * FLOAT32)


@pytest.fixture(scope="module")
def gaia(shared_path):
    return Table.read(shared_path / "data" / "nway_oracle_gaia_2263.csv", format="ascii.csv")


@pytest.fixture(scope="module")
def chandra(gaia):
    table = Table({"ra": number(gaia["ra"]), "dec": number(gaia["dec"])})
    table["pos_error_major"] = number(gaia["CSC_err_r0"])
    table["pos_error_minor"] = number(gaia["CSC_err_r1"])
    table["pos_error_angle"] = number(gaia["CSC_PA"])
    return table


class TestEllipses:
    """Chandra ellipses: NWAY's formula to its rounding, the Gaussian integral close to it."""

    def own_candidates(self, gaia, chandra, convention):
        stars = Table({"ra": number(gaia["GAIA_RA"]), "dec": number(gaia["GAIA_DEC"])})
        stars["pos_error"] = number(gaia["GAIA_PU"])
        # 2.45571e8 (n + 1) over the whole sky.
        density = 2.45571e8 * 0.9 * (number(gaia["GAIA_n_srcs"]) + 1) / WHOLE_SKY_DEG2
        candidates = associate(
            chandra,
            stars,
            radius=5 * u.arcsec,
            completeness=0.9,
            density=density / u.deg**2,
            convention=convention,
        )
        own = number(candidates["secondary"]) == candidates["primary"]
        assert own.sum() == len(gaia)
        return candidates[own]

    def test_bayes_factor(self, gaia, chandra):
        candidates = self.own_candidates(gaia, chandra, "nway")
        expected = number(gaia["dist_bayesfactor"])
        # The file is in float32, with steps of 1e-6 at 11.
        assert_allclose(candidates["log_bayes_factor"] * DEX, expected, rtol=0, atol=1.5e-6)

    def test_p_single(self, gaia, chandra):
        candidates = self.own_candidates(gaia, chandra, "nway")
        assert_allclose(candidates["p_single"], number(gaia["p_single"]), rtol=0, atol=2e-6)

    def test_the_integral_is_near(self, gaia, chandra):
        candidates = self.own_candidates(gaia, chandra, "claxboi")
        off = candidates["log_bayes_factor"] * DEX - number(gaia["dist_bayesfactor"])
        assert 0.01 < np.abs(off).max() < 0.07
        round_ = number(gaia["CSC_err_r0"]) == number(gaia["CSC_err_r1"])
        assert np.sum(round_) > 10
        assert np.abs(off[round_]).max() < 1.5e-6

    def test_two_to_four_catalogues(self, shared_path):
        path = shared_path / "data" / "nway_oracle_multi_no2mass.csv"
        table = Table.read(path, format="ascii.csv")
        ellipses = {
            "CSC": ("CSC_err_r0", "CSC_err_r1", "CSC_PA"),
            "GAIA": ("GAIA_PU", "GAIA_PU", None),
            "ALLWISE": ("ALLWISE_err0", "ALLWISE_err1", "ALLWISE_errPA"),
            "CATWISE": ("CATWISE_PU", "CATWISE_PU", None),
        }
        ra = [number(table[f"{name}_RA"]) for name in ellipses]
        dec = [number(table[f"{name}_DEC"]) for name in ellipses]
        # Some CATWISE positions stand in rows in which NWAY did not use them.
        present = [np.ones(len(table), bool)]
        present += [np.isfinite(number(table[f"Separation_{n}_CSC"])) for n in list(ellipses)[1:]]
        assert_array_equal(np.sum(present, axis=0), table["ncat"])
        covariances, offsets, separations = [], [], {}
        for k, (major, minor, angle) in enumerate(ellipses.values()):
            a, b = number(table[major]), number(table[minor])
            t = np.radians(number(table[angle])) if angle else np.zeros(len(table))
            s, c = np.sin(t), np.cos(t)
            covariances.append(
                ((a * s) ** 2 + (b * c) ** 2, (a**2 - b**2) * s * c, (a * c) ** 2 + (b * s) ** 2)
            )
            with np.errstate(invalid="ignore"):
                offsets.append(sky_offsets(ra[0], dec[0], ra[k], dec[k]))
                for j in range(k):
                    separations[j, k] = sky_separation(ra[j], dec[j], ra[k], dec[k])
        safe = [
            tuple(np.where(here, x, i != 1) for i, x in enumerate(cov))
            for cov, here in zip(covariances, present, strict=True)
        ]
        log_b = log_bayes_nway(safe, offsets, separations, present)
        assert_allclose(log_b * DEX, number(table["dist_bayesfactor"]), rtol=0, atol=1e-5)


def test_xmm_cosmos(shared_path):
    path = shared_path / "data" / "xmm_cosmos_irac_excerpt.csv"
    table = Table.read(path, format="ascii.csv", comment="#")
    # Only separations are given: put each source and its candidates on a meridian of their own.
    ids = np.unique(table["xmm_id"])
    first = [np.argmax(table["xmm_id"] == k) for k in ids]
    xray = Table({"ra": ids * 10.0, "dec": 0.0 * ids, "pos_error": table["sigma_xmm"][first]})
    irac = Table({"ra": table["xmm_id"] * 10.0, "dec": table["sep_arcsec"] / 3600})
    irac["pos_error"] = 0.5
    candidates = associate(
        xray,
        irac,
        radius=10.6 * u.arcsec,
        completeness=0.9,
        # The published prior is 0.9 / (n / area x 41253).
        density=345512 / 2 * 41253 / WHOLE_SKY_DEG2 / u.deg**2,
        convention="nway",
    )
    found = candidates[~candidates["secondary"].mask]
    assert len(found) == len(table) == 29
    expected = table[found["secondary"]]
    assert_allclose(np.exp(found["log_bayes_factor"]), expected["bayes_factor"], rtol=1e-5)
    assert_allclose(found["p_single"], expected["posterior_match"], rtol=1e-5)
    best = found[found["match_flag"] == 1]
    assert np.all(table["is_truth"][best["secondary"]] == 1)


def test_ellipses_that_are_circles_agree():
    """The Gaussian integral, the closed form and NWAY's formula are one for circles."""
    rng = np.random.default_rng(3)
    n, k = 200, 4
    variances = [rng.uniform(0.1, 3, n) ** 2 for _ in range(k)]
    offsets = [(rng.normal(0, 2, n), rng.normal(0, 2, n)) for _ in range(k)]
    present = [np.ones(n, bool)] + [rng.random(n) < 0.7 for _ in range(k - 1)]
    separations = {
        (i, j): np.hypot(offsets[i][0] - offsets[j][0], offsets[i][1] - offsets[j][1])
        for j in range(k)
        for i in range(j)
    }
    covariances = [(v, np.zeros(n), v) for v in variances]
    expected = log_bayes_circular(variances, separations, present)
    assert_allclose(log_bayes_elliptical(covariances, offsets, present), expected, rtol=1e-11)
    actual = log_bayes_nway(covariances, offsets, separations, present)
    assert_allclose(actual, expected, rtol=1e-11)
