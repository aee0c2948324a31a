# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the priors from number counts.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi import classify
from claxboi.classification import fit_classifier, sky_priors
from claxboi.classification.sky_priors import _number, _populations
from claxboi.simulation import make_labelled_sample

PRIORS = {"star": 0.2, "AGN": 0.6, "gal_XRB": 0.05, "CV": 0.05, "extended": 0.1}
CLASSES = ["AGN", "CV", "extended", "gal_XRB", "star"]
STARS, CVS = (next(r for r in _populations() if r["classes"][0] == name) for name in ("star", "CV"))


def sky(n=200, rng=1, **columns):
    rng = np.random.default_rng(rng)
    table = Table({"l": rng.uniform(0, 360, n), "b": np.degrees(np.arcsin(rng.uniform(-1, 1, n)))})
    table["flux"] = 10 ** rng.normal(-13.8, 0.6, n)
    table["flux_band"] = "0.2-12"
    for name, values in columns.items():
        table[name] = values
    return table


def sums(record, flux, l, b):
    """Sum a disc over shells of distance, as a check of the integral over luminosity."""
    r = np.geomspace(0.5, 4e5, 40_000)
    luminosity = 4 * np.pi * (r * u.pc.to(u.cm)) ** 2 * flux
    inside = (luminosity > record["luminosity_min"]) & (luminosity < record["luminosity_max"])
    place = SkyCoord(l * u.deg, b * u.deg, distance=r * u.pc, frame="galactic").cartesian
    radius = np.hypot(place.x.value - 8122, place.y.value)
    log_density = -(radius - 8122) / record["scale_length"]
    log_density -= np.abs(place.z.value) / record["scale_height"]
    each = record["density"] * (luminosity / 1e30) ** -record["slope"] * np.exp(log_density)
    # dN = n r^2 dr per steradian and ln L, and dlnL = dlnS at one distance.
    return np.trapezoid(inside * each * r**3, np.log(r)) * (np.pi / 180) ** 2


@pytest.mark.parametrize("record", [r for r in _populations() if r["form"] == "disc"])
@pytest.mark.parametrize(("l", "b"), [(0, 1), (90, 45), (180, -10)])
def test_disc(record, l, b):
    flux = np.array([1e-14, 1e-12])
    expected = [sums(record, one, l, b) for one in flux]
    got = _number(record, flux, np.full(2, float(l)), np.full(2, float(b)))
    assert_allclose(got, expected, rtol=0.03, atol=1e-4)


def test_stars_of_the_survey():
    # 58 stars in 28.10 deg2 above 7e-14 erg/s/cm2: Lopez-Santiago et al. 2007.
    flux = np.geomspace(7e-14, 1e-9, 400)
    number = _number(STARS, flux, np.full(400, 90.0), np.full(400, 45.0))
    assert_allclose(np.trapezoid(number, np.log(flux)), 58 / 28.10, rtol=0.01)


def test_nearby_discs_are_euclidean():
    # Below 1/100 of the scale height the disc has no end: dN/dlnS goes as S^-1.5, everywhere alike.
    flux = np.array([1e-6, 4e-6, 1e-6, 4e-6])
    number = _number(CVS, flux, np.zeros(4), np.array([0.0, 0.0, 90.0, 90.0]))
    assert_allclose(number[0] / number[1], 8, rtol=0.05)
    assert_allclose(number[:2], number[2:], rtol=0.05)


class TestPriors:
    def test_mean_over_the_reference(self):
        reference = sky(400, rng=2)
        priors = sky_priors(reference, PRIORS)
        assert_allclose(priors.sum(axis=1), 1)
        assert_allclose(priors.mean(axis=0), [PRIORS[name] for name in CLASSES], atol=1e-5)
        table = sky(20, rng=3)
        assert_allclose(sky_priors(reference[:20], PRIORS, reference=reference), priors[:20])
        alone = sky_priors(table[:1], PRIORS, reference=reference)
        assert_allclose(sky_priors(table, PRIORS, reference=reference)[:1], alone)

    def test_latitude(self):
        whole, names = sky(1000), np.array(CLASSES)
        same = {"flux": np.full(50, 3e-14), "l": np.full(50, 90.0)}
        plane, pole = (
            sky_priors(sky(50, b=np.full(50, b), **same), PRIORS, reference=whole).mean(axis=0)
            for b in (1.0, 88.0)
        )
        galactic = np.isin(names, ["star", "CV", "gal_XRB"])
        assert np.all(plane[galactic] > pole[galactic])
        assert np.all(plane[~galactic] < pole[~galactic])
        # Without number counts: in proportion to AGN.
        assert_allclose(plane[2] / plane[0], pole[2] / pole[0])

    def test_positions_and_units(self):
        table = sky(50)
        place = SkyCoord(table["l"], table["b"], unit="deg", frame="galactic").icrs
        other = Table({"ra": place.ra.deg, "dec": place.dec.deg})
        other["flux"] = np.asarray(table["flux"]) * 1e-3 * u.W / u.m**2
        other["flux_band"] = table["flux_band"]
        assert_allclose(sky_priors(other, PRIORS), sky_priors(table, PRIORS), rtol=1e-5)

    def test_missing(self):
        table = sky(40)
        table["flux"] = MaskedColumn(table["flux"], mask=np.arange(40) < 3)
        table["b"][5] = np.nan
        priors = sky_priors(table, PRIORS)
        unknown = np.isin(np.arange(40), [0, 1, 2, 5])
        assert_allclose(priors[unknown], np.tile(priors[~unknown].mean(axis=0), (4, 1)))

    def test_zero(self):
        priors = sky_priors(sky(), {"AGN": 0.7, "star": 0.3, "CV": 0.0})
        assert_array_equal(priors[:, 1], 0)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda t: t.remove_column("flux"), "column 'flux'"),
            (lambda t: t.remove_column("flux_band"), "column 'flux_band'.*got none"),
            (lambda t: t["flux_band"].__setitem__(0, "0.5-7.0"), "one energy band.*0.2-12, 0.5-7"),
            (lambda t: t.remove_column("b"), "ra and dec, or l and b"),
            (lambda t: t["flux"].__imul__(0), "a flux above 0 and a position"),
        ],
    )
    def test_refused(self, change, message):
        table = sky(10, flux_band=np.full(10, "0.2-12", "U8"))
        change(table)
        with pytest.raises((KeyError, ValueError), match=message):
            sky_priors(table, PRIORS)

    def test_too_few_classes(self):
        with pytest.raises(ValueError, match="two classes with number counts"):
            sky_priors(sky(), {"AGN": 0.7, "extended": 0.3})


@pytest.mark.filterwarnings("ignore::claxboi.utils.ClaxboiWarning")
class TestClassify:
    @pytest.fixture
    def table(self):
        table = make_labelled_sample(800, rng=1)
        kept = np.isin(np.asarray(table["true_class"]).astype(str), ["AGN", "star", "CV"])
        table = table[kept]
        n, rng = len(table), np.random.default_rng(2)
        table["l"] = rng.uniform(0, 360, n)
        table["flux"] = 10 ** rng.normal(-13.5, 0.5, n)
        table["flux_band"] = "0.2-12"
        return table

    def test_sky(self, table):
        result, model = classify(table, "sky", return_model=True, show_progress=False)
        used = [record.column for record in model.properties]
        assert "b" in table.colnames
        assert not {"l", "b", "flux"} & set(used)
        # A source's priors depend on the labelled sources and on itself alone.
        labelled = table[result["is_training"] == 1]
        shares = dict(zip(model.classes_, model._core.training_proportions(), strict=True))
        own = sky_priors(table, shares, reference=labelled)
        again = model.classify(table, own, show_progress=False)
        assert_allclose(again["P_star"], result["P_star"], rtol=1e-9)
        reason = model.explain(result[3])
        prior = reason.parts[reason.parts["kind"] == "prior"]
        assert_allclose([np.exp(prior[name][0]) for name in model.classes_], own[3], rtol=1e-6)

    def test_no_double_use(self, table):
        with pytest.raises(ValueError, match="must not have b with priors='sky'"):
            fit_classifier(table, "sky", properties=["hr1", "b"])

    def test_fitted_model(self, table):
        model, _ = fit_classifier(
            table, "training", properties=["hr1", "hr2"], weights={"spectrum": 1}
        )
        with pytest.raises(ValueError, match="sky_priors"):
            model.classify(table, "sky")
