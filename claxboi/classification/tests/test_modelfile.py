# Licensed under a 3-clause BSD style license - see LICENSE.rst
import hashlib
import pickle
import warnings

import numpy as np
import pytest
from astropy.table import Table

from claxboi import classify
from claxboi.classification import Component, NaiveBayesClassifier, Property
from claxboi.simulation import make_labelled_sample
from claxboi.utils import ClaxboiWarning


@pytest.fixture(scope="module")
def sample():
    return make_labelled_sample(1500, rng=4)


@pytest.fixture(scope="module")
def fitted(sample):
    return classify(sample, "training", return_model=True, show_progress=False)[1]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.ecsv"


def assert_same_answers(one, two, table, priors="training"):
    first = one.classify(table, priors, show_progress=False)
    second = two.classify(table, priors, show_progress=False)
    assert first.colnames == second.colnames
    for name in first.colnames:
        # To the last bit: what is written is what the densities are made of.
        assert first[name].tolist() == second[name].tolist(), name


def test_answers_are_the_same(sample, fitted, path):
    fitted.write(path)
    back = NaiveBayesClassifier.read(path)
    assert_same_answers(fitted, back, sample)
    assert back.classify(sample, "training")["is_training"].sum() == 750
    assert back.weights == fitted.weights
    assert list(back.weights) == list(fitted.weights)
    assert np.array_equal(back._core.fold_weights, fitted._core.fold_weights)
    for options in ({}, {"method": "k-fold", "n_folds": 2, "rng": 1}):
        scores = [m.evaluate(sample, "training", **options) for m in (fitted, back)]
        assert scores[0].log_loss == pytest.approx(scores[1].log_loss, rel=1e-12)
    explanations = [str(m.explain(sample[7], "training")) for m in (fitted, back)]
    assert explanations[0] == explanations[1]
    assert_same_answers(fitted, back, sample, "estimate")


def test_written_twice_is_the_same_but_for_the_date(fitted, path, tmp_path):
    fitted.write(path)
    other = tmp_path / "other.ecsv"
    NaiveBayesClassifier.read(path).write(other)

    def body(name):
        return [line for line in name.read_text().splitlines()[2:] if "date: " not in line]

    assert body(other) == body(path)


def test_is_a_table_that_others_can_read(sample, fitted, path):
    fitted.write(path)
    table = Table.read(path)
    assert len(table) == 750
    assert table["class"].tolist() == sample["class"][~sample["class"].mask].tolist()
    assert table["hr1"].tolist() == sample["hr1"][~sample["class"].mask].tolist()
    assert table.meta["claxboi_model"]["version"] is not None


@pytest.mark.parametrize(
    "settings",
    [
        {"normalization": "published", "missing": "sentinel", "kernel": "gaussian"},
        {"missing": "ignore", "bandwidth": "published", "floor": 0.03},
        {"normalization": "original", "bandwidth": 0.2, "min_class_size": 5},
        {"bandwidth": np.float64(0.3), "weights": {"spectrum": 0.1 + 0.2, "missing": 0}},
    ],
)
def test_settings(sample, path, settings):
    model = NaiveBayesClassifier(["hr1", "hr2", "log_fx_fb"], **settings).fit(sample)
    model.write(path)
    back = NaiveBayesClassifier.read(path)
    for name in settings.keys() - {"weights"}:
        assert getattr(back, name) == settings[name]
    assert back.weights == model.weights
    assert_same_answers(model, back, sample)


def test_properties(sample, path):
    sample = sample.copy()
    sample["flux"].name = "class_"
    sample["weight"] = np.arange(len(sample)) % 3 + 1.5
    records = [
        Property("hr1", error="hr1_error", weight=0.7, bandwidth=0.3),
        Property("extent", atoms=[0.0]),
        Property("pm", scale="log10", category="speed, or so", bounds=(0, None)),
        Property("b", components=[Component("AGN", 0.25), Component("CV", 0.5, ([0, 9], [1, 0]))]),
        # Names that the file has for its own columns.
        Property("class_", scale="log10"),
        Property("weight"),
        Property("hr1_error"),
    ]
    model = NaiveBayesClassifier(records).fit(sample, sample_weight=sample["weight"])
    model.write(path)
    back = NaiveBayesClassifier.read(path)
    assert back.properties == tuple(records)
    assert back.categories == model.categories
    assert np.array_equal(back._core.training.weights, model._core.training.weights)
    assert_same_answers(model, back, sample)


@pytest.mark.parametrize("names", [("#1", "#2"), ("a,b", 'say "so"'), ("x y", "é ü"), ("1", "12")])
def test_names_of_classes(sample, path, names):
    table = sample[:300]["source_id", "hr1", "log_fx_fb", "true_class"]
    table["kind"] = np.where(table["true_class"] == "star", *names)
    model = NaiveBayesClassifier(["hr1", "log_fx_fb"]).fit(table, "kind")
    model.write(path)
    back = NaiveBayesClassifier.read(path)
    assert back.classes_ == sorted(names)
    assert back.label == "kind"
    assert_same_answers(model, back, table)


def test_merged_and_dropped_classes(sample, path):
    merge = {"XRB": ["gal_XRB", "ex_XRB"]}
    model = NaiveBayesClassifier(["hr1", "b"], merge=merge, min_class_size=40)
    with pytest.warns(ClaxboiWarning, match="left out"):
        model.fit(sample)
    model.optimize(sample, "training", offsets=True, show_progress=False)
    model.write(path)
    back = NaiveBayesClassifier.read(path)
    assert back.merge == merge
    assert back._dropped == model._dropped != []
    assert back.offsets == model.offsets != {}
    assert back.evaluate(sample, "training").accuracy == model.evaluate(sample, "training").accuracy
    assert_same_answers(model, back, sample)


def test_flux_is_kept_for_the_estimate_of_priors(sample, fitted, path):
    fitted.write(path)
    back = NaiveBayesClassifier.read(path)
    faint = sample[sample["class"].mask]
    faint["flux"] = faint["flux"] / 100
    with pytest.warns(ClaxboiWarning, match="differ in flux"):
        back.estimate_priors(faint, n_resamples=0)


def test_tabulated_densities(sample, path):
    model = NaiveBayesClassifier(
        ["hr1", "log_fx_fb", "b"],
        kernel="original",
        normalization="original",
        weights=[0.75, 8.0, 7.0, 9.0],
    )
    with pytest.warns(ClaxboiWarning, match="cannot hold a source out"):
        model.fit(sample)
    model.write(path)
    with pytest.warns(ClaxboiWarning, match="cannot hold a source out"):
        back = NaiveBayesClassifier.read(path)
    assert back._core.training is None
    assert_same_answers(model, back, sample)
    values = np.linspace(-1, 1, 7)
    assert np.array_equal(back.density("hr1", values), model.density("hr1", values))


@pytest.mark.filterwarnings("ignore:densities of the original")
def test_run_of_the_original_scripts(shared_path, path):
    run = shared_path / "golden" / "claxboi_original"
    model = NaiveBayesClassifier.from_original(
        run / "cat.in", run / "configfile.ini", run / "distrib"
    )
    table = Table.read(run / "cat.csv")
    model.write(path)
    back = NaiveBayesClassifier.read(path)
    assert back.default_priors == model.default_priors
    assert list(back.default_priors) == list(model.default_priors)
    assert back.categories == model.categories
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert_same_answers(model, back, table, None)


def test_line_ends_may_change(sample, fitted, path):
    fitted.write(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert_same_answers(fitted, NaiveBayesClassifier.read(path), sample[:50])


def test_model_of_classify(sample, fitted, path):
    fitted.write(path)
    result = classify(sample, "training", model=path)
    assert result["P_AGN"].tolist() == fitted.classify(sample, "training")["P_AGN"].tolist()


# Files that are not what they should be


@pytest.fixture
def written(fitted, path):
    fitted.write(path)
    return path.read_bytes()


def test_missing_file(path):
    with pytest.raises(FileNotFoundError, match="no model file"):
        NaiveBayesClassifier.read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"ra,dec\n1,2\n",
        pickle.dumps({"model": 1}),
        b"\x89PNG\r\n\xff\xfe",
        b"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: ra, datatype: float64}\nra\n1.0\n",
        b"\n\n\n",
    ],
)
def test_foreign_file(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a claxboi model"):
        NaiveBayesClassifier.read(path)


def test_empty_file(path):
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="is empty"):
        NaiveBayesClassifier.read(path)


@pytest.mark.parametrize("size", [1, 11, 12, 30, 60, 120, 200, 3000, -2000, -1])
def test_truncated_file(path, written, size):
    path.write_bytes(written[:size])
    with pytest.raises(ValueError, match="truncated"):
        NaiveBayesClassifier.read(path)


def test_damaged_file(path, written):
    rng = np.random.default_rng(3)
    start = written.index(b"\n", 20) + 1
    for place in rng.integers(start, len(written), 5):
        changed = bytearray(written)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ValueError, match="damaged"):
            NaiveBayesClassifier.read(path)
    path.write_bytes(written + b"1,2,3\n")
    with pytest.raises(ValueError, match="damaged"):
        NaiveBayesClassifier.read(path)
    path.write_bytes(written.replace(b"sha256", b"sha255"))
    with pytest.raises(ValueError, match="damaged"):
        NaiveBayesClassifier.read(path)


def test_newer_file(path):
    content = b"of another time\n"
    checksum = hashlib.sha256(content).hexdigest()
    head = f"# %ECSV 1.0\n# # claxboi model, format 2, {len(content)} bytes, sha256 {checksum}\n"
    path.write_bytes(head.encode() + content)
    with pytest.raises(ValueError, match="newer claxboi"):
        NaiveBayesClassifier.read(path)


def test_existing_file(fitted, path):
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        fitted.write(path)
    assert path.read_text() == "precious"
    fitted.write(path, overwrite=True)
    assert NaiveBayesClassifier.read(path).classes_ == fitted.classes_
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_failure_leaves_nothing_behind(fitted, path, monkeypatch):
    path.write_text("precious")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="cannot be written: No space left"):
        fitted.write(path, overwrite=True)
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    assert path.read_text() == "precious"


def test_no_folder(fitted, path):
    with pytest.raises(OSError, match="there is no folder"):
        fitted.write(path / "model.ecsv")
    with pytest.raises(OSError, match="it is a folder"):
        fitted.write(path.parent, overwrite=True)
    assert not any(path.parent.iterdir())


def test_not_fitted(path):
    with pytest.raises(ValueError, match="not fitted"):
        NaiveBayesClassifier(["hr1"]).write(path)
    assert not path.exists()
