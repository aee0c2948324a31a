# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
The scores of one file are the same wherever they are shown.
"""

import re

import numpy as np
import pytest

from claxboi import XrayTable, cli
from claxboi.classification import NaiveBayesClassifier, evaluate_result
from claxboi.io import read_table, write_table
from claxboi.pipeline import run
from claxboi.simulation import make_labelled_sample, make_mock_sky


def scores(evaluation):
    return str(evaluation).partition("\n")[0], evaluation.accuracy, evaluation.log_loss


@pytest.mark.filterwarnings("ignore::claxboi.utils.ClaxboiWarning")
@pytest.mark.parametrize("kind", ["labelled", "without identifiers", "job"])
def test_all_doors_give_the_same_scores(kind, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if kind == "job":
        sky = make_mock_sky(500, rng=3)
        done = run(
            sky.xray,
            "out.fits",
            references=sky.references,
            skip=["variability"],
            show_progress=False,
        )
        expected = done.evaluation
    else:
        x = XrayTable(make_labelled_sample(600, rng=5))
        names = ["hr1", "hr2", "b", "log_fx_fb", "class"]
        if kind == "labelled":
            names.insert(0, "source_id")
        x = x[names]
        priors = dict.fromkeys(np.unique(x["class"].compressed()).tolist(), 1.0)
        priors = {name: 1 / len(priors) for name in priors}
        result = x.classify(priors, min_class_size=1, show_progress=False)
        expected = result.evaluation
        assert scores(evaluate_result(result, result.model)) == scores(expected)
        write_table(result, "out.fits")
        result.model.write("out.fits.model.ecsv")
    model = NaiveBayesClassifier.read("out.fits.model.ecsv")
    table = read_table("out.fits")
    found = evaluate_result(table, model, show_progress=False)
    assert found.method == expected.method == "leave-one-out"
    np.testing.assert_allclose(found.log_loss, expected.log_loss, rtol=1e-6)
    assert cli.main(["evaluate", "out.fits", "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(found)
    assert cli.main(["report", "out.fits", "-o", "report.html", "--quiet"]) == 0
    page = (tmp_path / "report.html").read_text()
    at_priors = f"{found.corrected['accuracy']:.3f}"
    assert re.search(rf"\b{at_priors}|{100 * found.corrected['accuracy']:.1f}", page)
