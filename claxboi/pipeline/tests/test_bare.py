# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Sources of which nothing but positions and fluxes is known.
"""

import astroquery.xmatch  # noqa: F401  it takes warnings over when it is first imported
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table, vstack

from claxboi import classify
from claxboi.references.tests.loopback import LoopbackCDS
from claxboi.training import build, choose_sample
from claxboi.training.tests.mission_sky import make_mission_sky
from claxboi.utils import ClaxboiWarning

# The catalogues are smaller than the real ones, and so are the classes.
pytestmark = pytest.mark.filterwarnings("ignore::claxboi.utils.exceptions.ClaxboiWarning")

LABELS = ["secrest", "ascc", "avakyan", "downes", "simbad"]
N_FIELD = 6


@pytest.fixture(scope="module")
def sky():
    """
    A mission's sources, with field objects around them: else they would be outside of the surveys.
    """
    tables, truth = make_mission_sky(12)
    rng = np.random.default_rng(2)
    xray = tables["4xmm"]
    errors = {"gaia": ("ra_error", "dec_error"), "allwise": ("pos_error_major", "pos_error_minor")}
    for name, columns in errors.items():
        survey = tables[name]
        for column in columns:
            survey[column] = np.full(len(survey), 0.1)
        near = np.repeat(np.arange(len(xray)), N_FIELD)
        field = survey[rng.integers(0, len(survey), len(near))]
        distance = rng.uniform(20, 150, len(near)) / 3600
        angle = rng.uniform(0, 2 * np.pi, len(near))
        field["dec"] = xray["dec"][near] + distance * np.cos(angle)
        field["ra"] = xray["ra"][near] + distance * np.sin(angle) / np.cos(np.radians(field["dec"]))
        numbers = np.arange(len(near))
        field["id"] = numbers + 10**12 if name == "gaia" else np.char.add("F", numbers.astype(str))
        tables[name] = vstack([survey, field])
    with LoopbackCDS(tables):
        yield xray, truth


def test_ten_bare_sources(sky, monkeypatch):
    xray, truth = sky
    monkeypatch.setattr(
        choose_sample, "build", lambda m, **kw: build(m, references=LABELS, rng=1, **kw)
    )
    # AGN that no catalogue of labels knows: they are not in the training sample.
    rows = np.flatnonzero(truth["true_class"] == "")[-10:]
    ra, dec = (np.asarray(xray[name])[rows] for name in ("ra", "dec"))
    pos_error = np.asarray(xray["pos_error_63"])[rows] / np.sqrt(2)
    flux = np.asarray(xray["flux"])[rows]
    plain = Table({"ra": ra, "dec": dec, "pos_error": pos_error, "flux": flux})
    quantities = QTable(plain, units={"ra": "deg", "dec": "deg", "pos_error": "arcsec"})
    quantities["flux"] = (flux * u.erg / u.s / u.cm**2).to(u.W / u.m**2)
    coords = Table({"position": SkyCoord(ra, dec, unit="deg").galactic, "pos_error": pos_error})
    coords["flux"] = flux
    answers = []
    for table in (plain, quantities, coords):
        columns = list(table.colnames)
        with pytest.warns(ClaxboiWarning, match="training sample of 4XMM, as the table does not"):
            result = classify(table, "training", show_progress=False)
        assert type(result) is type(table)
        assert table.colnames == columns
        assert set(columns) <= set(result.colnames)
        answers.append(result)
    # Without an extent, extended sources of this sky are like AGN.
    assert np.isin(answers[0]["prediction"], ["AGN", "extended"]).all()
    assert not answers[0]["is_training"].any()
    assert {"opt_id", "log_fx_fw1", "b"} <= set(answers[0].colnames)
    names = [name for name in answers[0].colnames if name.startswith("P_")]
    for other in answers[1:]:
        np.testing.assert_array_equal(other["prediction"], answers[0]["prediction"])
        for name in names:
            np.testing.assert_allclose(
                np.asarray(other[name]), np.asarray(answers[0][name]), rtol=1e-6, atol=1e-9
            )


def test_bare_tables_without_errors_are_refused(sky):
    bare = Table({"ra": [10.0], "dec": [5.0], "flux": [1e-14]})
    with pytest.raises(ValueError, match="no positional error"):
        classify(bare, "training", training="4XMM")
