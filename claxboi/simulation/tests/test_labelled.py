# Licensed under a 3-clause BSD style license - see LICENSE.rst
import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from claxboi.catalog import describe
from claxboi.simulation import make_labelled_sample
from claxboi.simulation.labelled import (
    FAINTEST_COUNTERPART,
    FAINTEST_MOTION,
    FIT_COUNTS,
    SMALLEST_EXTENT,
    _apportion,
    _definitions,
    _Draw,
)
from claxboi.utils import float_values

PROPORTIONS = {
    "AGN": 0.55,
    "star": 0.20,
    "gal_XRB": 0.03,
    "CV": 0.02,
    "AGN_2": 0.05,
    "ex_XRB": 0.05,
    "extended": 0.10,
}


@pytest.fixture(scope="module")
def sample():
    return make_labelled_sample(20_000, rng=1)


@pytest.fixture(scope="module")
def complete():
    return make_labelled_sample(3000, missing=False, rng=2)


def values_of(table, column, name):
    return float_values(table, column)[table["true_class"] == name]


def test_the_classes_have_the_published_proportions(sample):
    for name, proportion in PROPORTIONS.items():
        assert np.sum(sample["true_class"] == name) == round(proportion * len(sample))


@pytest.mark.parametrize("n_sources", [1, 2, 7, 33, 1001])
def test_apportion_gives_each_class_the_nearest_number(n_sources):
    proportions = np.array(list(PROPORTIONS.values()))
    counts = np.bincount(_apportion(proportions, n_sources), minlength=7)
    assert counts.sum() == n_sources
    assert np.all(np.abs(counts - proportions * n_sources) < 1)


def test_every_class_has_one_record_of_every_quantity():
    classes, quantities = _definitions()
    assert classes == list(PROPORTIONS)
    for name, numbers in quantities.items():
        if name not in ("longitude", "latitude", "log_extent"):
            assert np.all(np.isfinite(numbers["center"])), name
    assert quantities["proportion"]["center"].sum() == pytest.approx(1)


def test_columns_are_those_of_the_vocabulary(sample):
    for name in sample.colnames:
        record = describe(name)
        assert record is not None, name
        assert sample[name].description == record["description"]
        assert (sample[name].unit or "") == (u.Unit(record["unit"]) if record["unit"] else "")
    assert len(set(sample["source_id"])) == len(sample)


def test_the_seed_decides_the_sample():
    first, again, other = (make_labelled_sample(50, rng=seed) for seed in (3, 3, 4))
    assert np.all(first["flux"] == again["flux"])
    assert not np.any(first["flux"] == other["flux"])
    assert first.meta["claxboi"]["simulation"]["rng"] == 3
    generator = np.random.default_rng(3)
    assert np.all(make_labelled_sample(50, rng=generator)["flux"] == first["flux"])
    assert np.any(make_labelled_sample(50, rng=generator)["flux"] != first["flux"])


@pytest.mark.parametrize("fraction", [0, 0.25, 1])
def test_labels_are_the_truth_of_that_share(fraction):
    table = make_labelled_sample(400, labelled_fraction=fraction, rng=1)
    labelled = ~table["class"].mask
    assert labelled.sum() == 400 * fraction
    assert np.all(table["class"][labelled] == table["true_class"][labelled])


def test_labels_do_not_depend_on_the_class_or_the_flux(sample):
    labelled = ~sample["class"].mask
    for name in PROPORTIONS:
        inside = labelled[sample["true_class"] == name]
        assert abs(inside.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(inside))
    log_flux = np.log10(sample["flux"])
    error = log_flux.std() * 2 / np.sqrt(len(sample))
    assert abs(log_flux[labelled].mean() - log_flux[~labelled].mean()) < 4 * error


def test_positions_agree_in_both_frames(sample):
    galactic = SkyCoord(sample["ra"], sample["dec"]).galactic
    separation = galactic.separation(SkyCoord(sample["l"], sample["b"], frame="galactic"))
    assert separation.max() < 1e-6 * u.arcsec


def test_latitudes_follow_their_distributions(sample):
    # Isotropic: sin b is uniform, |sin b| has mean 1/2 and variance 1/12.
    height = np.abs(np.sin(np.radians(values_of(sample, "b", "AGN"))))
    assert abs(height.mean() - 0.5) < 4 / np.sqrt(12 * len(height))
    # Exponential in |b| with a scale of 4 deg: mean and standard deviation of 4.
    b = np.abs(values_of(sample, "b", "gal_XRB"))
    assert abs(b.mean() - 4) < 4 * 4 / np.sqrt(len(b))


@pytest.mark.parametrize("limit", [0.5, 90])
def test_angles_stay_within_their_limit_on_both_sides(limit):
    quantities = {"tilt": {"center": np.array([1.0])}}
    draw = _Draw(quantities, np.zeros(4000, int), np.random.default_rng(1))
    angle = draw.angle("tilt", limit)
    assert np.abs(angle).max() < min(limit, 15)
    assert abs(np.mean(angle > 0) - 0.5) < 4 * 0.5 / np.sqrt(4000)
    # Mean of an exponential cut at its limit: 1 - x/(e^x - 1).
    mean = 1 - limit / np.expm1(limit)
    assert abs(np.abs(angle).mean() - mean) < 4 / np.sqrt(4000)


def test_hardness_ratios_saturate_where_a_band_is_empty(sample):
    for n in range(1, 5):
        hr = float_values(sample, f"hr{n}")
        error = float_values(sample, f"hr{n}_error")
        assert np.nanmax(np.abs(hr)) == 1
        assert np.all(error[np.isfinite(hr)] > 0)
        saturated = np.abs(hr) == 1
        faint = sample["flux_error"] / sample["flux"] > 0.15
        assert saturated[faint].mean() > 2 * saturated[~faint].mean()
        assert np.all(np.isnan(hr) == sample[f"hr{n}"].mask)


def test_hardness_ratios_scatter_by_their_errors(complete):
    # AGN: the scatter seen is that of the spectra and of the errors together.
    records = _definitions()[1]["hr2"]
    bright = (complete["true_class"] == "AGN") & (complete["hr2_error"] < 0.1)
    excess = np.arctanh(complete["hr2"][bright]) - np.arctanh(records["center"][0])
    # Errors are Gehrels' upper ones, somewhat larger than the scatter.
    error = complete["hr2_error"][bright]
    assert records["spread"][0] < excess.std() * 1.1
    assert excess.std() < 1.1 * np.sqrt(records["spread"][0] ** 2 + np.mean(error**2))


def test_only_extended_sources_have_an_extent(sample):
    extended = sample["true_class"] == "extended"
    assert np.all(sample["extent"][extended] > SMALLEST_EXTENT)
    assert np.all(sample["extent"][~extended] == 0)


def test_counterparts_are_missing_where_too_faint(sample):
    log_flux = np.log10(sample["flux"])
    for band, limit in FAINTEST_COUNTERPART.items():
        column = sample[f"log_fx_{band}"]
        seen = ~column.mask
        assert 0 < seen.sum() < len(sample)
        assert np.min(log_flux[seen] - column[seen]) > limit
    # Without a counterpart, and with a faint one, there is no proper motion.
    moves = ~sample["pm"].mask
    assert np.min(log_flux[moves] - sample["log_fx_fr"][moves]) > FAINTEST_MOTION


def test_flux_ratios_tell_stars_from_agn(complete):
    agn, star = (values_of(complete, "log_fx_fb", name) for name in ("AGN", "star"))
    inside = np.mean((agn > -1.5) & (agn < 1.5)), np.mean((star > -4) & (star < -0.5))
    assert min(inside) > 0.95
    # In W1 the classes overlap: they must not be told apart by a single cut.
    agn, star = (values_of(complete, "log_fx_fw1", name) for name in ("AGN", "star"))
    assert np.percentile(star, 99) > np.percentile(agn, 1)


def test_faint_sources_have_no_spectrum_and_no_light_curve(sample):
    counts = (sample["flux"] / sample["flux_error"]) ** 2
    bright = counts > FIT_COUNTS - 0.5
    assert np.all(sample["gamma"].mask == ~bright)
    assert np.all(sample["fvar"].mask == ~bright)
    assert np.nanmin(float_values(sample, "fvar")) == 0


def test_only_sources_on_galaxies_have_a_galaxy(sample):
    on_galaxy = ~sample["galaxy_radius"].mask
    truth = sample["true_class"]
    assert np.all(on_galaxy[(truth == "AGN_2") | (truth == "ex_XRB")])
    assert not np.any(on_galaxy[(truth == "gal_XRB") | (truth == "CV")])
    assert 0 < on_galaxy[truth == "AGN"].mean() < 0.03


def test_luminosity_follows_from_flux_and_distance(complete):
    distance = np.sqrt(10 ** complete["log_lx"] / (4 * np.pi * complete["flux"])) * u.cm
    distance = distance.to_value("Mpc")
    truth = complete["true_class"]
    # Median over 150 sources of a distribution of 0.3 dex about 10^6.85 pc.
    error = 1.25 * 0.3 / np.sqrt(np.sum(truth == "ex_XRB"))
    assert abs(np.median(np.log10(distance[truth == "ex_XRB"])) - 0.85) < 4 * error
    # A source on no galaxy gets the distance of a star.
    assert np.median(distance[truth == "AGN"]) < 0.01


def test_variability_measures_obey_their_order(sample, complete):
    for table in (sample, complete):
        full = float_values(table, "log_fmax_fmin")
        low = float_values(table, "log_fmax_fmin_low")
        own = float_values(table, "log_fx_ratio_longterm")
        assert np.nanmin(full) >= 0
        pair = np.isfinite(full)
        assert np.all(low[pair] < full[pair])
        both = np.isfinite(own)
        assert np.all(pair[both])
        assert np.all(own[both] <= full[both])
    # P(two observations or more), one at least and a Poisson number of 0.8 beyond.
    expected = 1 - np.exp(-0.8)
    share = np.mean(~sample["log_fmax_fmin"].mask)
    assert abs(share - expected) < 4 * 0.5 / np.sqrt(len(sample))


def test_nothing_is_missing_when_not_asked_for(complete):
    for name in complete.colnames:
        if name != "class":
            assert not hasattr(complete[name], "mask"), name
            if complete[name].dtype.kind == "f":
                assert np.all(np.isfinite(complete[name])), name


def test_one_source():
    table = make_labelled_sample(1, labelled_fraction=1, rng=1)
    assert table["class"][0] == "AGN"


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"n_sources": 0}, ValueError, "n_sources must be at least 1, got 0"),
        ({"n_sources": 10.0}, TypeError, "n_sources must be an integer"),
        ({"labelled_fraction": 1.5}, ValueError, "labelled_fraction must be at least 0 and at"),
        ({"labelled_fraction": "all"}, TypeError, "labelled_fraction must be a number"),
    ],
)
def test_bad_arguments(arguments, error, match):
    with pytest.raises(error, match=match):
        make_labelled_sample(**arguments)
