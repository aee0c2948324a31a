# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Whatever leaves the sources what they are leaves their scores and counts what they are.
"""

import copy

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.applications import compare_models, count_classes
from claxboi.classification import NaiveBayesClassifier
from claxboi.classification.tests.test_identity import (
    EXPECTED,
    MODEL,
    NOISE,
    changed_parts,
    fit,
    make_part,
)

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
