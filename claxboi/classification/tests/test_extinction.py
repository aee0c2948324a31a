# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy.table import Table

from claxboi import classify
from claxboi.classification import classify_behind_dust
from claxboi.classification.extinction import _groups, _redden, _shifts
from claxboi.simulation import make_labelled_sample
from claxboi.utils import is_missing

#: What one mag of E(B-V) adds: 0.4 x 3.16 x 0.589 and so on.
GROWTH = {"log_fx_fr": 0.7445, "log_fx_fw1": 0.0493, "color_bp_rp": 1.305}
PRIORS = {"AGN": 0.55, "star": 0.45}


def through_dust(rng, reddening=(0.5, 1.0)):
    """Labelled sources without dust, and others of which half the AGN are behind it."""
    table = make_labelled_sample(1600, rng=rng)
    table = table[np.isin(table["true_class"], list(PRIORS))]
    rng = np.random.default_rng(rng)
    is_agn = np.asarray(table["true_class"] == "AGN")
    table["color_bp_rp"] = np.where(
        is_agn, rng.normal(0.75, 0.25, len(table)), rng.normal(1.9, 0.6, len(table))
    )
    is_new = np.asarray(table["class"].mask)
    dusty = is_new & (rng.random(len(table)) < 0.5)
    table["E_BV"] = np.where(dusty, rng.uniform(*reddening, len(table)), 0.02)
    for column, growth in GROWTH.items():
        table[column] = table[column] + growth * table["E_BV"] * is_agn
    return table["source_id", "ra", "dec", "class", "true_class", "E_BV", *GROWTH], is_new, dusty


def recall(answer, name, rows):
    rows = rows & np.asarray(answer["true_class"] == name)
    return np.mean(answer["prediction"][rows] == name)


@pytest.mark.parametrize("rng", [1, 2, 3])
def test_agn_behind_dust_are_recognised_as_without_it(rng):
    table, is_new, dusty = through_dust(rng)
    options = {"properties": list(GROWTH), "show_progress": False}
    plain = classify(table, PRIORS, **options)
    result = classify_behind_dust(table, PRIORS, extinction="E_BV", width=0.2, **options)
    assert result.colnames == plain.colnames
    # With 220 AGN of each kind, a difference of two shares of .99 scatters by .0095.
    assert recall(result, "AGN", dusty) > recall(result, "AGN", is_new & ~dusty) - 0.025
    assert recall(result, "AGN", dusty) > recall(plain, "AGN", dusty) + 0.02
    assert recall(result, "star", dusty) > recall(plain, "star", dusty) - 0.02
    # Where there is no dust, nothing changes.
    clear = ~dusty
    np.testing.assert_allclose(result["P_AGN"][clear], plain["P_AGN"][clear], atol=1e-6)
    assert np.all(result["is_training"] == plain["is_training"])


def test_column_density_is_converted():
    table = through_dust(1)[0][:600]
    options = {"properties": list(GROWTH), "show_progress": False, "width": 0.5}
    first = classify_behind_dust(table, PRIORS, extinction="E_BV", **options)
    table["N_H"] = table["E_BV"] * 2.21e21 * 3.16 * 1e4
    table["N_H"].unit = "m-2"
    second = classify_behind_dust(table, PRIORS, extinction="N_H", **options)
    np.testing.assert_allclose(first["P_AGN"], second["P_AGN"], atol=1e-9)
    settings = second.meta["claxboi"]["extinction"]
    assert settings["column"] == "N_H"
    assert settings["behind"] == ["AGN"]
    assert settings["per_mag"] == pytest.approx(GROWTH, rel=1e-3)


def test_rows_without_identifiers_are_held_out():
    table, is_new, _ = through_dust(1)
    table.remove_columns(["source_id", "ra", "dec"])
    result = classify_behind_dust(
        table, PRIORS, extinction="E_BV", properties=["log_fx_fr"], width=0.5, show_progress=False
    )
    assert np.array_equal(np.asarray(result["is_training"], bool), ~is_new)
    assert result.colnames[: len(table.colnames)] == table.colnames
    assert "row_number_in_table" not in result.colnames


def test_coefficients_of_other_bands():
    table = through_dust(1)[0][:600]
    table.rename_column("color_bp_rp", "my_color")
    options = {"properties": ["my_color"], "extinction": "E_BV", "show_progress": False}
    with pytest.raises(ValueError, match="changes none of the properties"):
        classify_behind_dust(table, PRIORS, **options)
    result = classify_behind_dust(table, PRIORS, coefficients={"my_color": 1.3}, **options)
    assert result.meta["claxboi"]["extinction"]["per_mag"] == {"my_color": 1.3}


def test_counterparts_that_fade_below_the_survey_are_left_out():
    sample = Table(
        {
            "log_fx_fr": [0.0, 0.5, 0.5, 2.0],
            "log_fx_fb": [0.1, 0.6, 0.6, 2.1],
            "log_fx_fr_limit": [1.0, 1.0, 1.0, 1.0],
        }
    )
    shifts = _shifts(sample.colnames, None)
    is_behind = np.array([True, True, False, True])
    result = _redden(sample, is_behind, np.full(4, 1.0), shifts)
    # The last one was seen beyond the limit: limits are not sharp.
    assert is_missing(result, "log_fx_fr").tolist() == [False, True, False, False]
    assert is_missing(result, "log_fx_fb").tolist() == [False, True, False, False]
    np.testing.assert_allclose(result["log_fx_fr"][[0, 2, 3]], [0.7445, 0.5, 2.7445], rtol=1e-3)
    assert sample["log_fx_fr"][0] == 0.0


def test_groups_are_as_narrow_as_asked():
    reddening = np.linspace(0, 5, 2001)
    groups = _groups(reddening, 0.1)
    assert np.array_equal(np.sort(np.concatenate([rows for _, rows in groups])), np.arange(2001))
    for through, rows in groups:
        assert np.ptp(reddening[rows]) <= max(0.1, 0.22 * through) + 1e-9
    assert len(groups) < 25


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"E_BV": np.nan}, {}, "must be known for each source"),
        ({"E_BV": -0.1}, {}, "from 0 to 100"),
        ({"E_BV": 1e21}, {}, "a column density with its unit"),
        ({}, {"behind": ["QSO"]}, "behind must name classes"),
        ({}, {"priors": "estimate"}, "would differ from group to group"),
        ({}, {"coefficients": {"nonsense": 1.0}}, "coefficients must name columns"),
        ({}, {"width": 0.0}, "width"),
    ],
)
def test_wrong_input_is_one_clear_error(change, options, message):
    table = through_dust(1)[0][:100]
    for column, value in change.items():
        table[column][5] = value
    with pytest.raises(ValueError, match=message):
        classify_behind_dust(table, **{"priors": PRIORS, "extinction": "E_BV", **options})


@pytest.mark.parametrize("name", ["A_V", "NH", "log_NH", "nh_gal"])
def test_other_quantities_are_not_a_reddening(name):
    table = through_dust(1)[0][:100]
    table.rename_column("E_BV", name)
    with pytest.raises(ValueError, match=f"'{name}' of table must be E.B-V., or a column density"):
        classify_behind_dust(table, PRIORS, extinction=name)
