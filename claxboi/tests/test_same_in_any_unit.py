# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The same physical input in another unit gives the same answer, whatever the function.
"""

import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, Table
from astropy.time import Time

from claxboi.applications import count_classes, find_ulx
from claxboi.catalog import flag_blended, flag_crowded, standardize, validate
from claxboi.classification import NaiveBayesClassifier
from claxboi.counterparts import (
    MagnitudePrior,
    associate,
    best_hosts,
    best_matches,
    calibrate_cutoffs,
    complete_pos_errors,
    find_hosts,
    homogenize_magnitudes,
    host_regions,
    link_xray,
    shift_positions,
)
from claxboi.properties import (
    add_colors,
    add_flux_range,
    add_flux_ratios,
    add_galactic,
    add_hardness_ratios,
    add_luminosities,
    add_parallax_distances,
    add_proper_motion,
    add_properties,
    add_ratio_limits,
    add_star_distances,
    add_variability,
)
from claxboi.references import get_reference
from claxboi.sharing import error_regions
from claxboi.simulation import make_labelled_sample
from claxboi.utils import float_values

FLUX = u.erg / u.s / u.cm**2

#: What the numbers of a column mean without a unit, and texts of other units, each with the unit
#: that it means. None: the numbers as they are, without a unit.
ANGLES = (u.deg, {"RADIANS": u.rad, "arcmin": u.arcmin, "DEGREES": u.deg})
ERRORS = (u.arcsec, {"MAS": u.mas, "deg": u.deg, "arcseconds": u.arcsec})
FLUXES = (FLUX, {"10-14mW/m2": 1e-14 * u.mW / u.m**2, "W/m^2": u.W / u.m**2, "ergs/s/cm2": FLUX})
RATIOS = (u.dimensionless_unscaled, {"%": u.percent, "percent": u.percent})
MAGNITUDES = (u.mag, {"mmag": u.mmag, "MAG": u.mag, "Vega mag": u.mag})
MOTIONS = (
    u.mas / u.yr,
    {"arcsec/yr": u.arcsec / u.yr, "MAS/YR": u.mas / u.yr, "deg/yr": u.deg / u.yr},
)
DISTANCES = (u.pc, {"KPC": u.kpc, "m": u.m, "parsecs": u.pc})
FAR = (u.Mpc, {"KPC": u.kpc, "megaparsec": u.Mpc, "cm": u.cm})
PARALLAXES = (u.mas, {"arcsec": u.arcsec, "MAS": u.mas, "uas": u.uas})
EPOCHS = (u.yr, {"MJD": "mjd", "ISO": "iso", "Time": "time", "years": u.yr})
RATES = (u.ct / u.s, {"cts/s": u.ct / u.s, "ct/ks": u.ct / u.ks, "COUNT/S": u.ct / u.s})


def positions(n=4, **more):
    return Table({"ra": 10.0 + 10 * np.arange(n), "dec": np.linspace(-30, 30, n)} | more)


def xray(n=4):
    return positions(n, pos_error=np.linspace(0.8, 1.2, n))


def objects(n=4):
    """Objects 0.5 arcsec North of the X-ray sources, ten years later."""
    near = xray(n)
    near["dec"] += 0.5 / 3600
    near["pos_error"] = 0.1
    near["pmra"], near["pmdec"], near["ref_epoch"] = 30.0, -20.0, 2016.0
    return near


GALAXIES = Table(
    {
        "galaxy_id": ["a", "b"],
        "ra": [10.0, 20.0],
        "dec": [-30.0, -10.0],
        "r25_major": [60.0, 90.0],
        "r25_minor": [30.0, 60.0],
        "r25_angle": [20.0, 40.0],
        "galaxy_distance": [10.0, 5.0],
    }
)
ASSOCIATION = {"radius": 5 * u.arcsec, "completeness": 0.5, "density": 1000 / u.deg**2}


def matched(table):
    return associate(table, objects(), **ASSOCIATION)


def with_epoch():
    table = xray()
    table["epoch"] = [2001.5, 2005.0, 2010.0, 2020.0]
    return table


def fluxes():
    base = xray()
    base["flux"] = [1e-13, 2e-14, 3e-12, 5e-15]
    base["flux_error"] = base["flux"] / 10
    base["flux_band"] = "0.5-2"
    base["epoch"] = 2005.5
    return base


def variable(table):
    other = fluxes()
    other["flux"] *= 3
    links = link_xray({"primary": xray(), "b": other})
    return add_variability(table, links, {"b": other})


def kept(survey):
    table = xray()
    survey["size"].name = "size"
    candidates = {"a": associate(table[:2], survey[:2], **ASSOCIATION)}
    return best_matches(candidates, table[:2], {"a": survey[:2]}, keep=["size"])


def sized():
    survey = objects()
    survey["size"] = [1.0, 2.0, 3.0, 4.0]
    survey["size"].unit = "arcsec"
    return survey


def queried(table):
    own = get_reference(table, pos_error="pos_error")
    coords = SkyCoord(xray()["ra"], xray()["dec"], unit="deg")
    return own.query(coords, radius=3 * u.arcsec, show_progress=False)


def with_magnitudes():
    table = objects()
    table["g_mag"] = [15.0, 17.0, 19.0, 18.0]
    return table


PRIOR = Table(
    {"low": [10.0, 16.5], "high": [16.5, 22.0], "counterparts": [0.7, 0.3], "field": [0.2, 0.8]}
)


def with_prior(survey):
    return associate(
        xray(), survey, priors=MagnitudePrior.from_table(PRIOR, "g_mag"), **ASSOCIATION
    )


@pytest.fixture(scope="module")
def model():
    sample = make_labelled_sample(1200, labelled_fraction=1, rng=1)
    return NaiveBayesClassifier(["hr1", "hr2", "b", "log_lx"]).fit(sample)


def sample():
    return make_labelled_sample(60, labelled_fraction=0, rng=2)


def classified(table, model):
    return model.classify(table, "training")


def counted(table, model):
    result = model.classify(sample(), "training")
    result["ra"], result["dec"] = table["ra"], table["dec"]
    from regions import CircleSkyRegion

    region = CircleSkyRegion(SkyCoord(0, 0, unit="deg"), 60 * u.deg)
    return count_classes(result, model, region=region)


def ulx(table, galaxies=None):
    galaxies = GALAXIES if galaxies is None else galaxies
    return find_ulx(table, galaxies, flux_ratio=0.75, classes=["ex_XRB"])


def in_galaxies():
    table = best_hosts(fluxes(), find_hosts(fluxes(), GALAXIES))
    table["P_ex_XRB"] = 0.7
    for name in ("flux", "flux_error"):
        table[name].unit = None
    return table


def regions_of(table):
    return Table(
        {"text": [str(region.width.to_value(u.arcsec).round(9)) for region in error_regions(table)]}
    )


def hosts_of(galaxies):
    return Table(
        {
            "text": [
                f"{r.width.to_value(u.arcsec):.6f} {r.angle.to_value(u.deg):.6f}"
                for r in host_regions(galaxies)
            ]
        }
    )


#: Name, function of a table, the table, and the columns with what they mean.
FUNCTIONS = [
    (
        "standardize",
        standardize,
        fluxes,
        {"ra": ANGLES, "pos_error": ERRORS, "flux": FLUXES, "epoch": EPOCHS},
    ),
    ("validate", validate, fluxes, {"ra": ANGLES, "dec": ANGLES}),
    ("flag_crowded", lambda t: flag_crowded(t, max_objects=1), xray, {"ra": ANGLES, "dec": ANGLES}),
    (
        "flag_blended",
        lambda t: flag_blended(t, objects()),
        xray,
        {"dec": ANGLES, "pos_error": ERRORS},
    ),
    (
        "complete_pos_errors",
        lambda t: complete_pos_errors(t, floor=1 * u.arcsec),
        xray,
        {"pos_error": ERRORS},
    ),
    (
        "associate",
        matched,
        with_epoch,
        {"ra": ANGLES, "dec": ANGLES, "pos_error": ERRORS, "epoch": EPOCHS},
    ),
    (
        "associate (survey)",
        lambda t: associate(with_epoch(), t, **ASSOCIATION),
        objects,
        {"ra": ANGLES, "pos_error": ERRORS, "pmra": MOTIONS, "pmdec": MOTIONS, "ref_epoch": EPOCHS},
    ),
    ("MagnitudePrior", with_prior, with_magnitudes, {"g_mag": MAGNITUDES}),
    ("best_matches", kept, sized, {"size": ERRORS, "ra": ANGLES}),
    (
        "link_xray",
        lambda t: link_xray({"a": t, "b": objects()}).sources,
        xray,
        {"dec": ANGLES, "pos_error": ERRORS},
    ),
    (
        "shift_positions",
        lambda t: shift_positions(t, distance=(20, 60) * u.arcsec, n_draws=1, rng=1),
        xray,
        {"ra": ANGLES, "dec": ANGLES},
    ),
    ("find_hosts", lambda t: find_hosts(t, GALAXIES), xray, {"ra": ANGLES, "dec": ANGLES}),
    (
        "find_hosts (galaxies)",
        lambda t: find_hosts(xray(), t),
        GALAXIES.copy,
        {
            "dec": ANGLES,
            "r25_major": ERRORS,
            "r25_minor": ERRORS,
            "r25_angle": ANGLES,
            "galaxy_distance": FAR,
        },
    ),
    ("host_regions", hosts_of, GALAXIES.copy, {"r25_major": ERRORS, "r25_angle": ANGLES}),
    (
        "homogenize_magnitudes",
        lambda t: homogenize_magnitudes(t, "gaia"),
        lambda: Table({"BPmag": [15.0, 19.0], "e_BPmag": [0.01, 0.1]}),
        {"BPmag": MAGNITUDES, "e_BPmag": MAGNITUDES},
    ),
    ("get_reference", queried, objects, {"ra": ANGLES, "pos_error": ERRORS}),
    (
        "add_colors",
        lambda t: add_colors(t, [("a", "b")]),
        lambda: Table({"a": [15.0], "b": [14.0]}),
        {"a": MAGNITUDES, "b": MAGNITUDES},
    ),
    ("add_galactic", add_galactic, xray, {"ra": ANGLES, "dec": ANGLES}),
    (
        "add_proper_motion",
        add_proper_motion,
        lambda: Table({"pmra": [3.0], "pmdec": [-4.0], "pmra_error": [0.1], "pmdec_error": [0.1]}),
        {"pmra": MOTIONS, "pmdec_error": MOTIONS},
    ),
    (
        "add_parallax_distances",
        add_parallax_distances,
        lambda: Table({"parallax": [10.0, 2.0], "parallax_error": [0.1, 0.1]}),
        {"parallax": PARALLAXES, "parallax_error": PARALLAXES},
    ),
    (
        "add_star_distances",
        lambda t: add_star_distances(Table({"opt_id": ["4"]}), t),
        lambda: Table({"id": [4], "rgeo": [100.0], "b_rgeo": [90.0], "B_rgeo": [110.0]}),
        {"rgeo": DISTANCES, "b_rgeo": DISTANCES},
    ),
    (
        "add_flux_ratios",
        add_flux_ratios,
        lambda: Table(
            {"flux": [1e-13], "flux_error": [1e-14], "rp_mag": [15.0], "rp_mag_error": [0.1]}
        ),
        {"flux": FLUXES, "flux_error": FLUXES, "rp_mag": MAGNITUDES, "rp_mag_error": MAGNITUDES},
    ),
    (
        "add_ratio_limits",
        lambda t: add_ratio_limits(t, {"rp_mag": 20.5}),
        lambda: Table({"flux": [1e-13, 1e-14], "rp_mag": [15.0, 20.9], "rp_mag_is_limit": [0, 1]}),
        {"flux": FLUXES, "rp_mag": MAGNITUDES},
    ),
    (
        "add_hardness_ratios",
        lambda t: add_hardness_ratios(t, ["soft", "hard"]),
        lambda: Table(
            {"soft": Column([3.0, 1.0], unit="ct/s"), "hard": Column([1.0, 2.0], unit="ct/s")}
        ),
        {"soft": RATES, "hard": RATES},
    ),
    (
        "add_luminosities",
        add_luminosities,
        lambda: Table({"flux": [1e-13], "distance": [100.0], "galaxy_distance": [5.0]}),
        {"flux": FLUXES, "distance": DISTANCES, "galaxy_distance": FAR},
    ),
    (
        "add_flux_range",
        add_flux_range,
        lambda: Table(
            {"flux_min": Column([1e-14], unit=FLUX), "flux_max": Column([1e-13], unit=FLUX)}
        ),
        {"flux_min": FLUXES, "flux_max": FLUXES},
    ),
    ("add_variability", variable, fluxes, {"flux": FLUXES, "flux_error": FLUXES, "epoch": EPOCHS}),
    (
        "add_properties",
        add_properties,
        lambda: Table({"ra": [10.0], "dec": [20.0], "flux": [1e-13], "w1_mag": [12.0]}),
        {"ra": ANGLES, "flux": FLUXES, "w1_mag": MAGNITUDES},
    ),
    ("find_ulx", ulx, in_galaxies, {"flux": FLUXES, "galaxy_distance": FAR, "pos_error": ERRORS}),
    (
        "find_ulx (galaxies)",
        lambda t: ulx(in_galaxies(), t),
        GALAXIES.copy,
        {"r25_major": ERRORS, "ra": ANGLES},
    ),
    ("error_regions", regions_of, xray, {"pos_error": ERRORS}),
    ("classify", classified, sample, {"b": ANGLES, "hr1": RATIOS}),
    ("count_classes", counted, sample, {"ra": ANGLES, "dec": ANGLES}),
]

CASES = [
    pytest.param(call, make, column, means, id=f"{name}-{column}")
    for name, call, make, columns in FUNCTIONS
    for column, means in columns.items()
]


def in_other_unit(table, column, usual, text, unit):
    """Return a table with one column in another unit, and the same meaning."""
    values = u.Quantity(float_values(table, column), usual)
    table = table.copy()
    if unit == "time":
        table[column] = Time(values.value, format="jyear")
    elif unit == "iso":
        table[column] = Time(values.value, format="jyear").isot
    elif unit == "mjd":
        table[column] = Column(Time(values.value, format="jyear").mjd, unit="d")
    else:
        factor = u.Quantity(1, usual).to_value(unit)
        table[column] = MaskedColumn(values.value * factor)
        table[column].unit = u.Unit(text, parse_strict="silent")
    return table


def assert_same(one, other):
    assert one.colnames == other.colnames
    for name in one.colnames:
        a, b = one[name], other[name]
        if isinstance(b, (Time, SkyCoord)) or b.dtype.kind not in "iuf":
            if isinstance(b, Time) or b.dtype.kind != a.dtype.kind:
                continue
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b), err_msg=name)
            continue
        unit = getattr(a, "unit", None)
        # An input column stays in its unit; the others are in that of the vocabulary.
        np.testing.assert_allclose(
            float_values(other, name, unit=unit),
            float_values(one, name, unit=unit),
            rtol=2e-6,
            atol=1e-9,
            err_msg=name,
        )


@pytest.mark.parametrize(("call", "make", "column", "means"), CASES)
def test_the_same_input_in_any_unit(call, make, column, means, model):
    usual, others = means
    extra = (model,) if call in (classified, counted) else ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = make()
        expected = call(table.copy(), *extra)
        for text, unit in others.items():
            answer = call(in_other_unit(table, column, usual, text, unit), *extra)
            changed = [name for name in expected.colnames if name != column]
            assert_same(expected[changed], answer[changed])


@pytest.mark.parametrize(("call", "make", "column", "means"), CASES)
def test_a_unit_of_something_else_is_refused(call, make, column, means, model):
    if column in ("size", "g_mag"):
        pytest.skip("nothing else is in a unit with which it could disagree")
    extra = (model,) if call in (classified, counted) else ()
    names = next(list(row[3]) for row in FUNCTIONS if row[1] is call)
    for text in ("furlong**7", "furlongs of joy"):
        table = make()
        table[column] = MaskedColumn(float_values(table, column))
        table[column].unit = u.Unit(text, parse_strict="silent")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            said = ""
            try:
                call(table, *extra)
            except (u.UnitsError, ValueError, KeyError) as err:
                said = str(err)
        # Of two columns that must agree, either may be named.
        told = [said, *(str(one.message) for one in caught)]
        assert any(name in text for text in told for name in names)


def test_calibrate_cutoffs_in_any_unit():
    rng = np.random.default_rng(1)
    stars = Table({"ra": rng.uniform(0, 0.3, 3000), "dec": rng.uniform(0, 0.3, 3000)})
    stars["pos_error"] = 0.1
    table = stars[:60].copy()
    table["pos_error"] = 1.0
    settings = {
        "radius": 5 * u.arcsec,
        "area": 0.09 * u.deg**2,
        "rng": 1,
    }
    expected = calibrate_cutoffs(table, stars, **settings).curve
    for column, (usual, others) in {"ra": ANGLES, "pos_error": ERRORS}.items():
        for text, unit in others.items():
            changed = in_other_unit(table, column, usual, text, unit)
            assert_same(expected, calibrate_cutoffs(changed, stars, **settings).curve)
