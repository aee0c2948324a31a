# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Whatever leaves the sources what they are leaves their scores and counts what they are.
"""

import copy
import functools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from astropy.table import MaskedColumn
from hypothesis import HealthCheck, Phase, assume, given, settings
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.applications import compare_models, count_classes
from claxboi.catalog import standardize
from claxboi.classification import NaiveBayesClassifier
from claxboi.classification.tests.test_identity import (
    EXPECTED,
    MODEL,
    NOISE,
    changed_parts,
    fit,
    in_hours,
    make_part,
    turned,
)
from claxboi.pipeline import PipelineSettings, run
from claxboi.simulation import make_mock_sky

PRIORS = {"a": 0.6, "b": 0.4}
OTHER = fit(NOISE)
OTHER.set_weights({"other": 0.5})
#: Single precision moves values by 1e-7, and a log-likelihood by less than this.
TOLERANCE = 1e-4


@settings(
    max_examples=20,
    deadline=None,
    # Small parts often lack a class; how many are drawn in a row is chance.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(part=changed_parts())
def test_laws(tmp_path, part):
    original = NOISE[part[0]]
    n_of = [np.count_nonzero(original["class"] == name) for name in "ab"]
    assume(min(n_of) >= 3)
    table = make_part(tmp_path, *part)

    evaluations = [MODEL.evaluate(one, PRIORS, show_progress=False) for one in (original, table)]
    assert [one.method for one in evaluations] == 2 * ["leave-one-out"]
    assert_allclose(*(one.log_loss for one in evaluations), atol=TOLERANCE)

    searches = [
        copy.deepcopy(MODEL).optimize(one, PRIORS, show_progress=False) for one in (original, table)
    ]
    assert_allclose(*(search.score for search in searches), atol=TOLERANCE)

    before, after = (
        compare_models(MODEL, OTHER, one, PRIORS, n_resamples=5, rng=1) for one in (original, table)
    )
    assert_array_equal(before["n"], after["n"])
    assert_allclose(before["f1_change"], after["f1_change"], atol=TOLERANCE)

    MODEL.write(tmp_path / "model.ecsv", overwrite=True)
    model = NaiveBayesClassifier.read(tmp_path / "model.ecsv")
    result = model.classify(table, "training")
    assert result["is_training"].all()
    found = np.log([result["P_a"], result["P_b"]]).T
    assert_allclose(found, EXPECTED[part[0]], atol=TOLERANCE)

    counts = count_classes(result, model)
    assert counts["n_training"].tolist() == n_of


N_SOURCES = 100
COLUMNS = ["source_id", "ra", "dec", "pos_error", "flux", "flux_error", "flux_band", "hr1", "hr2"]
JOB = PipelineSettings.named("four-classes").updated(
    {
        "skip": ["hosts", "variability", "labels"],
        "properties": {"distances": ""},
        "classification": {"priors": {"AGN": 0.7, "star": 0.3}},
    }
)


@functools.cache
def own_list():
    """Sources of one's own, two thirds of which have a label, and the surveys around them."""
    sky = make_mock_sky(N_SOURCES, rng=3)
    table = standardize(sky.xray, "4XMM")[COLUMNS]
    table.meta.clear()
    labels = np.where(sky.truth["true_class"] == "AGN", "AGN", "star")
    table["class"] = MaskedColumn(labels, mask=np.arange(N_SOURCES) % 3 == 0)
    return table, {name: sky.references[name] for name in ("gaia", "allwise")}


def classes_of(table):
    """Do the whole job; return its probabilities and counterparts."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out.fits"
        options = {"settings": JOB, "references": own_list()[1], "show_progress": False}
        result = run(table, output, **options).table
    return np.log(result["P_AGN"]), np.ma.filled(result["opt_id"], "").tolist()


@functools.cache
def expected_classes():
    return classes_of(own_list()[0])


@pytest.mark.filterwarnings("ignore::claxboi.utils.exceptions.ClaxboiWarning")
@pytest.mark.filterwarnings("ignore::astropy.units.UnitsWarning")
@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(part=changed_parts(N_SOURCES, all_rows=True))
def test_laws_of_the_whole_job(tmp_path, part):
    rows, changes, suffix, _ = part
    # A catalogue with such positions is refused.
    assume(not {turned, in_hours} & set(changes))
    # Names that are made from positions depend on their last digits, and folds on the names.
    table = make_part(tmp_path, rows, changes, suffix, by_position=False, table=own_list()[0])
    found, counterparts = classes_of(table)
    expected, expected_counterparts = expected_classes()
    assert_allclose(found, expected[list(rows)], atol=TOLERANCE)
    assert counterparts == [expected_counterparts[row] for row in rows]
