# Licensed under a 3-clause BSD style license - see LICENSE.rst
import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.classification import NaiveBayesClassifier
from claxboi.cli import main
from claxboi.io import read_table, write_table
from claxboi.pipeline import PipelineSettings
from claxboi.pipeline.candidate_rows import make_candidates
from claxboi.pipeline.job import _job
from claxboi.report._blocks import Blocks
from claxboi.utils import float_values, text_values

pytestmark = pytest.mark.filterwarnings("ignore::claxboi.utils.ClaxboiWarning")

ALL = {"classification": {"candidates": "all"}}


@pytest.fixture(scope="module")
def over_all(done):
    """The job over all candidates, from the checkpoints of the one over the best."""
    output = done.folder / "all.fits"
    return output, done.run(output, settings=done.settings.updated(ALL))


def test_one_word_in_the_settings(done, over_all):
    output, result = over_all
    table = read_table(output)
    names = result.model.classes_
    assert {"match_entropy", "match_posterior", "opt_p_i_class", "ir_p_i_class"} <= set(
        table.colnames
    )
    p = np.array([float_values(table, f"P_{name}") for name in names])
    best = done.result.table
    assert_array_equal(table["source_id"], best["source_id"])
    gated = np.ma.getmaskarray(best["prediction"])
    assert_array_equal(np.ma.getmaskarray(table["prediction"]), gated)
    assert_allclose(p.sum(axis=0)[~gated], 1)
    # Where the counterpart is certain, or none is near, it is the answer of the best counterpart.
    certain = float_values(table, "match_entropy") < 1e-12
    assert certain.sum() > 20
    for name, values in zip(names, p, strict=True):
        assert_allclose(values[certain], float_values(best, f"P_{name}")[certain], atol=1e-9)
    assert result.evaluation.method.endswith("over all candidates")
    labelled = ~np.ma.getmaskarray(table["class"]) & ~gated
    right = np.asarray(table["class"])[labelled] == np.asarray(table["prediction"])[labelled]
    assert result.evaluation.accuracy == pytest.approx(right.mean(), abs=0.02)
    # Elsewhere the class changes with the counterpart.
    before = np.array([float_values(best, f"P_{name}") for name in names])
    assert np.nanmax(np.abs(p - before)) > 0.05


def test_properties_of_the_best_candidate_are_those_of_the_source(done):
    """What is measured for a candidate is what the step properties measures for the source."""
    table = done.result.table
    job = _job(done.settings, None, done.references, None, False)
    columns = ["log_fx_fr", "log_fx_fw1", "log_fx_fw1_error", "pm", "log_lx", "hr1", "b"]
    columns += ["log_fmax_fmin", "bp_mag"]
    gated = np.zeros(len(table), bool)
    rows = make_candidates(table, gated, job, columns)
    primary = np.asarray(rows["primary"])
    own, missing = text_values(table, "opt_id")
    ours, gone = text_values(rows, "opt_id")
    infrared, infrared_missing = text_values(table, "ir_id")
    theirs, infrared_gone = text_values(rows, "ir_id")
    same = (ours == own[primary]) & ~gone & ~missing[primary]
    same &= (theirs == infrared[primary]) & ~infrared_gone & ~infrared_missing[primary]
    assert same.sum() > 50
    for name in columns:
        expected = float_values(table, name)[primary[same]]
        assert_allclose(float_values(rows, name)[same], expected, err_msg=name)
    none = gone & infrared_gone
    assert_array_equal(primary[none], np.arange(len(table)))
    assert np.isnan(float_values(rows, "log_fx_fr")[none]).all()
    # A source that is left out has no rows, and the others have the same.
    gated[3] = True
    left = make_candidates(table, gated, job, columns)
    kept = rows[primary != 3]
    number = np.asarray(kept["primary"])
    assert_array_equal(left["primary"], number - (number > 3))
    assert_array_equal(left["match_probability"], kept["match_probability"])
    assert_array_equal(float_values(left, "b"), float_values(kept, "b"))


def test_a_source_is_explained_with_its_candidates(over_all, capsys):
    output, _ = over_all
    table = read_table(output)
    row = int(np.nanargmax(float_values(table, "match_entropy")))
    assert main(["explain", str(output), str(row)]) == 0
    text = capsys.readouterr().out
    assert "match_posterior" in text
    assert "possible counterparts" in text
    model = NaiveBayesClassifier.read(f"{output}.model.ecsv")
    candidates = read_table(f"{output}.candidates.fits")
    explanation = model.explain(table[row], candidates=candidates)
    for name in model.classes_:
        assert explanation.posterior[name] == pytest.approx(float(table[f"P_{name}"][row]))


def test_candidates_on_the_command_line(over_all, tmp_path, capsys):
    output, result = over_all
    table = result.table[~result.table["prediction"].mask]
    first = table[:100]
    candidates = Table.read(f"{output}.candidates.fits")
    place = {row: k for k, row in enumerate(np.flatnonzero(~result.table["prediction"].mask)[:100])}
    candidates = candidates[np.isin(candidates["primary"], list(place))]
    candidates["primary"] = [place[row] for row in candidates["primary"].tolist()]
    paths = [str(tmp_path / name) for name in ("sources.fits", "candidates.fits", "out.fits")]
    write_table(first, paths[0])
    write_table(candidates, paths[1])
    model = f"{output}.model.ecsv"
    words = ["classify", paths[0], "-o", paths[2], "--model", model, "--candidates", paths[1]]
    assert main([*words, "--priors", "training", "--overwrite"]) == 0
    assert "match_entropy" in read_table(paths[2]).colnames
    capsys.readouterr()
    assert main(["explain", paths[2], "3", "--model", model]) == 2
    assert "name their file with --candidates" in capsys.readouterr().err
    assert main(["explain", paths[2], "3", "--model", model, "--candidates", paths[1]]) == 0
    assert "possible counterparts" in capsys.readouterr().out.replace("\n", " ")


def test_the_report_has_both_answers(over_all, tmp_path, monkeypatch):
    output, _ = over_all
    seen = []
    add_texts = Blocks.add_texts

    def gather(self, texts):
        seen.extend(texts := list(texts))
        return add_texts(self, texts)

    monkeypatch.setattr(Blocks, "add_texts", gather)
    assert main(["report", str(output), "-o", str(tmp_path / "page.html")]) == 0
    assert any("Over all candidates it is" in str(text) for text in seen)


def test_sources_that_are_left_out_have_no_candidates(over_all):
    output, result = over_all
    table = result.table
    gated = np.ma.getmaskarray(table["prediction"])
    assert 0 < gated.sum() < len(table)
    candidates = Table.read(f"{output}.candidates.fits")
    assert_array_equal(np.unique(candidates["primary"]), np.flatnonzero(~gated))
    model = NaiveBayesClassifier.read(f"{output}.model.ecsv")
    row = int(np.flatnonzero(~gated)[50])
    explanation = model.explain(table[row], candidates=candidates)
    name = explanation.prediction
    assert explanation.posterior[name] == pytest.approx(float(table[f"P_{name}"][row]))
    with pytest.raises(ValueError, match="source must have candidates"):
        model.explain(table[int(np.flatnonzero(gated)[0])], candidates=candidates)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"skip": ["counterparts"]}, "the step counterparts is skipped"),
        ({"skip": ["properties"]}, "the step properties is skipped"),
        ({"counterparts": {"opt": {"rule": "best"}}}, "rule must be the same"),
        ({"counterparts": {"ir": {"surveys": ["gaia"]}}}, "without a common survey"),
        ({"classification": {"weights": "published"}}, "exponents are free"),
        ({"classification": {"candidates": "none"}}, "candidates must be one of"),
    ],
)
def test_settings_that_do_not_go_together(done, changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        done.run(done.folder / "wrong.fits", settings=done.settings.updated(ALL).updated(changes))


def test_settings_are_written():
    settings = PipelineSettings.named("whole-catalogue").updated(ALL)
    assert 'candidates = "all"' in settings.to_toml()
