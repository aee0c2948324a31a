# Licensed under a 3-clause BSD style license - see LICENSE.rst
import inspect
import shutil
import subprocess
import sys

import numpy as np
import pytest
from astropy.table import Table

from claxboi import Property, classify, cli
from claxboi.classification import (
    Component,
    NaiveBayesClassifier,
    class_sets,
    evaluate_result,
)
from claxboi.classification.recipes import RECIPES
from claxboi.config import MIN_CLASS_SIZE
from claxboi.io import read_table, write_table
from claxboi.simulation import make_labelled_sample

COLUMNS = ["source_id", "b", "hr1", "hr2", "log_fx_fb", "extent", "true_class", "class"]


@pytest.fixture(scope="module")
def sample():
    table = make_labelled_sample(900, rng=8)
    table = table[np.isin(table["true_class"], ["AGN", "star", "extended", "ex_XRB", "AGN_2"])]
    return table[COLUMNS]


@pytest.fixture
def folder(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(sample, "x.fits")
    return tmp_path


@pytest.fixture
def run(capsys):
    def run(command, *more):
        status = cli.main([*command.split(), *more])
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def refuse(run):
    """Run what must fail, and return its one line."""

    def refuse(command, *more):
        status, out, err = run(command, *more)
        assert status == 2
        assert out == ""
        lines = [line for line in err.splitlines() if not line.startswith("claxboi: warning: ")]
        assert len(lines) == 1
        assert lines[0].startswith("claxboi: error: ")
        return lines[0].removeprefix("claxboi: error: ")

    return refuse


# What it does


def test_classify_is_the_function(sample, folder, run):
    status, out, err = run("classify x.fits --priors training -o out.fits")
    assert status == 0
    expected = classify(sample, "training", show_progress=False)
    result = read_table("out.fits")
    assert result.colnames == expected.colnames
    assert result["P_AGN"].tolist() == expected["P_AGN"].tolist()
    assert out.splitlines()[0].startswith(
        f"Classified {len(sample)} of {len(sample)} sources by 5 "
    )
    assert out.splitlines()[-1] == "Wrote out.fits and out.fits.model.ecsv"
    assert err == ""
    assert "refined by" in run("classify x.fits --priors training -o y.fits --verbose")[2]
    (folder / "y.fits").unlink()
    (folder / "y.fits.model.ecsv").unlink()
    names = {item.name for item in folder.iterdir()}
    assert names == {"x.fits", "out.fits", "out.fits.model.ecsv"}


def test_settings(sample, folder, run):
    priors = "AGN=0.5,star=0.3,other=0.2"
    merge = {"other": ["ex_XRB", "AGN_2", "extended"]}
    status, out, err = run(
        "classify x.fits -o out.ecsv --quiet --label class --properties hr1,b --category "
        "hardness=hr2,hr1 --kernel gaussian --bandwidth 0.2 --missing ignore --min-class-size 5 "
        f"--weights hardness=0.7 --merge other=ex_XRB+AGN_2+extended --priors {priors}"
    )
    assert (status, out, err) == (0, "", "")
    expected = classify(
        sample,
        {"AGN": 0.5, "star": 0.3, "other": 0.2},
        properties=[Property("hr1", "hardness"), "b", Property("hr2", "hardness")],
        kernel="gaussian",
        bandwidth=0.2,
        missing="ignore",
        min_class_size=5,
        weights={"hardness": 0.7},
        merge=merge,
        show_progress=False,
    )
    result = read_table("out.ecsv")
    assert result.colnames == expected.colnames
    assert result["P_other_hardness"].tolist() == expected["P_other_hardness"].tolist()
    assert result["P_AGN"].tolist() == expected["P_AGN"].tolist()


def test_priors_estimate_and_evaluate(folder, run):
    status, out, _ = run("classify x.fits -o out.ecsv --priors estimate --evaluate")
    assert status == 0
    assert "Method         leave-one-out" in out
    assert "prior-corrected" in out


def test_published_weights_and_list_of_priors(sample, folder, run):
    args = "classify x.fits --quiet -o out.ecsv --weights published --priors .2,.2,.2,.2,.2"
    assert run(args)[0] == 0
    expected = classify(sample, [0.2] * 5, weights="published")
    assert read_table("out.ecsv")["P_star"].tolist() == expected["P_star"].tolist()


def test_no_priors_warns(folder, run):
    status, _, err = run("classify x.fits -o out.ecsv")
    assert status == 0
    assert err.startswith("claxboi: warning: no priors were given")
    assert "use --priors training" in err
    assert err.count("\n") == 1
    assert run("classify x.fits -o out.ecsv --overwrite --quiet") == (0, "", "")


def test_training_and_model(sample, folder, run):
    known = ~sample["class"].mask
    write_table(sample[known], "known.ecsv")
    write_table(sample[~known]["source_id", "b", "hr1", "hr2", "log_fx_fb", "extent"], "new.ecsv")
    args = "classify new.ecsv --quiet --priors training -o"
    assert run(f"{args} one.fits --training known.ecsv --write-model m.ecsv")[0] == 0
    assert run(f"{args} two.fits --model m.ecsv")[0] == 0
    assert not (folder / "one.fits.model.ecsv").exists()
    assert not (folder / "two.fits.model.ecsv").exists()
    one, two = read_table("one.fits"), read_table("two.fits")
    assert one["P_AGN"].tolist() == two["P_AGN"].tolist()
    assert not one["is_training"].any()
    assert NaiveBayesClassifier.read("m.ecsv").label == "class"


def test_optimize_f1(folder, run):
    status, _, err = run(
        "classify x.fits -o out.ecsv --priors training --optimize f1 --target star --rng 1 "
        "--properties hr1,b"
    )
    assert status == 0
    assert "f1 of star" in err
    weights = read_table("out.ecsv").meta["claxboi"]["classification"]["weights"]
    assert set(weights) == {"spectrum", "location", "missing"}
    assert set(weights.values()) != {1.0}


@pytest.mark.parametrize(
    ("option", "decision"),
    [("balanced", "balanced"), ("f1=star", {"f1": "star"}), ("AGN=5,star=2.5", None)],
)
def test_decision(sample, folder, run, option, decision):
    args = "classify x.fits -o out.ecsv --priors training --weights published --properties hr1,b"
    assert run(f"{args} --decision {option}")[0] == 0
    expected = classify(
        sample,
        "training",
        weights="published",
        properties=["hr1", "b"],
        decision={"AGN": 5, "star": 2.5} if decision is None else decision,
    )
    assert read_table("out.ecsv")["prediction"].tolist() == expected["prediction"].tolist()


def test_class_sets(sample, folder, run):
    table = sample.copy()
    table["flux"] = np.geomspace(1e-15, 1e-12, len(table))
    write_table(table, "y.fits")
    args = "classify y.fits -o out.fits --quiet --priors training --weights published"
    assert run(f"{args} --class-sets 0.9")[0] == 0
    result = read_table("out.fits")
    model = NaiveBayesClassifier.read("out.fits.model.ecsv")
    expected = class_sets(result, model, 0.9, overwrite=True)["class_set"]
    assert result["class_set"].tolist() == expected.tolist()
    assert run("report out.fits -o out.html --quiet")[0] == 0
    page = (folder / "out.html").read_text(encoding="utf-8")
    assert "with a single class that cannot be excluded (90 %)" in page


def test_overwrite(folder, run):
    args = "classify x.fits --quiet --priors training -o out.ecsv --weights published"
    run(args)
    before = (folder / "out.ecsv").read_bytes()
    assert run(args)[0] == 2
    assert (folder / "out.ecsv").read_bytes() == before
    again = args.replace("x.fits", "out.ecsv") + " --overwrite"
    assert run(again)[0] == 0
    result = read_table("out.ecsv")
    assert len(set(result.colnames)) == len(result.colnames)


def test_explain(folder, run):
    run("classify x.fits --quiet -o out.csv", "--priors", "training")
    table = read_table("out.csv")
    by_row = run("explain out.csv 5 --priors training")
    by_name = run("explain out.csv", table["source_id"][5], "--priors", "training")
    assert by_row == by_name
    by_column = run("explain out.csv --id source_id", table["source_id"][5], "--priors", "training")
    assert by_column == by_row
    assert by_row[0] == 0
    best = f"P_{table['prediction'][5]}"
    # Above the table the sentence is broken into lines.
    sentence = " ".join(by_row[1].partition("\n\n")[0].split())
    assert sentence.startswith(f"{table['source_id'][5]} is ")
    assert f"{100 * table[best][5]:.1f} %" in sentence or "> 99.9 %" in sentence
    parts = run("explain out.csv 5 --parts --priors training")[1]
    assert parts.splitlines()[0] == sentence
    assert "log_fx_fb" in parts


def test_explain_takes_the_priors_of_the_table(folder, run):
    priors = "AGN=0.1,star=0.6,extended=0.1,ex_XRB=0.1,AGN_2=0.1"
    run("classify x.fits --quiet -o out.fits --priors", priors)
    row = read_table("out.fits")[3]
    status, out, err = run("explain out.fits 3")
    assert (status, err) == (0, "")
    assert f"{np.log(0.6):.2f}" in out
    assert row["prediction"] in out
    model = NaiveBayesClassifier.read("out.fits.model.ecsv")
    assert model.explain(row).posterior["star"] == pytest.approx(row["P_star"], abs=1e-12)
    (folder / "out.fits.model.ecsv").rename(folder / "m.ecsv")
    assert run("explain out.fits 3 --model m.ecsv")[1] == out


def test_evaluate(sample, folder, run):
    status, out, _ = run("evaluate x.fits --priors training --quiet")
    assert status == 0
    model = classify(sample, "training", return_model=True)[1]
    assert out.strip() == str(model.evaluate(sample, "training"))
    out = run("evaluate x.fits --priors training --quiet --method k-fold --n-folds 2 --rng 2")[1]
    assert out.strip() == str(model.evaluate(sample, "training", method="k-fold", n_folds=2, rng=2))
    model.write("m.ecsv")
    out = run("evaluate x.fits --priors training --quiet --model m.ecsv --label true_class")[1]
    assert out.strip() == str(model.evaluate(sample, "training", label="true_class"))


def test_soft_labels_and_what_they_stand_for(sample, folder, run, refuse):
    soft = sample.copy()
    soft["trust"] = np.linspace(0.2, 1, len(soft))
    soft["stands_for"] = np.linspace(1, 9, len(soft))
    write_table(soft, "soft.fits")
    assert run("classify soft.fits -o out.fits --quiet --priors training --weight trust")[0] == 0
    result, model = classify(soft, "training", weight="trust", return_model=True)
    assert np.allclose(read_table("out.fits")["P_star"], result["P_star"])
    model.write("m.ecsv")
    out = run(
        "evaluate soft.fits --model m.ecsv --priors training --quiet --population-weight stands_for"
    )[1]
    assert out.strip() == str(model.evaluate(soft, "training", weight="stands_for"))
    assert "weighted by stands_for" in out
    assert "nobody" in refuse("classify soft.fits -o other.fits --quiet --weight nobody")


def test_demo(folder, run, refuse, monkeypatch):
    monkeypatch.setattr("claxboi._demo.DRAWN", ("pm",))
    status, out, _ = run("demo -o demo --n-sources 800")
    assert status == 0
    assert out.count("\n") < 30
    for text in ("Nothing here is real", "leave-one-out", "against the truth", "Weights: "):
        assert text in out
    details = (folder / "demo/truth.txt").read_text()
    assert "By true flux" in details
    assert "log posterior" in details
    names = {item.name for item in (folder / "demo").iterdir()}
    beside = {"sources.fits.model.ecsv", "sources.fits.report.txt", "sources.fits.toml", "sky"}
    shown = {"sources.fits", "truth.txt", "confusion_truth.png", "report.html"}
    assert shown | beside <= names
    assert len([name for name in names if name.endswith(".png")]) == 7
    source = str(read_table("demo/sources.fits")["source_id"][0])
    assert run("explain demo/sources.fits", source)[0] == 0
    assert "use --overwrite" in refuse("demo -o demo")
    assert "cannot be made" in refuse("demo -o x.fits/demo")
    assert "--n-sources must" in refuse("demo -o other --n-sources 0")
    assert not (folder / "other").exists()


def test_run(folder, run, refuse):
    from claxboi.pipeline import PipelineSettings

    args = "run x.fits --write-config job.toml --config four-classes --set labels.radius=5"
    assert run(args)[0] == 0
    settings = PipelineSettings.read("job.toml")
    assert settings.labels.radius == 5.0
    assert settings.labels.scheme == "4 classes"
    assert "use --overwrite" in refuse(args)
    bare = Table({"ra": [10.0, 20.0], "dec": [5.0, -5.0], "pos_error": [1.0, 1.0]})
    write_table(bare, "bare.fits")
    args = "run bare.fits -o out.fits --priors training --set classification.training=x.fits"
    status, out, err = run(f"{args} --skip counterparts,hosts,variability,labels")
    assert status == 0, err
    assert "Wrote out.fits; beside it .report.txt" in out
    assert "[7/7] classes      AGN 2   " in err
    assert "Please cite" in (folder / "out.fits.report.txt").read_text()
    assert run(
        "run bare.fits --quiet -o out.fits --set classification.training=x.fits --priors",
        "training",
        "--skip",
        "counterparts,hosts,variability,labels",
    ) == (0, "", "")
    assert read_table("out.fits")["prediction"].tolist() == ["AGN", "AGN"]
    assert (folder / "out.fits.report.txt").exists()
    status, out, _ = run("run bare.fits --dry-run")
    assert status == 0
    assert "gaia (I/355/gaiadr3) from xmatch: 2 positions" in out
    assert "no setting labels.radus" in refuse("run bare.fits -o o.fits --set labels.radus=5")
    assert "set must look like" in refuse("run bare.fits -o o.fits --set labels")
    assert "references must be a folder" in refuse("run bare.fits -o o.fits --references none")
    assert "output must be given" in refuse("run bare.fits")


def test_properties_file(folder, run):
    (folder / "p.toml").write_text(
        'spectrum = ["hr1", "hr2"]\n'
        "[b]\nscale = 'linear'\nbounds = [-inf, 90]\n"
        "components = [{class_name = 'star', fraction = 0.1},\n"
        "  {class_name = 'AGN', fraction = 0.2, density = [[-90, 90], [1, 1]]}]\n"
        "[extent]\ncategory = 'shape'\natoms = [0.0]\nweight = 0.5\n"
    )
    assert run("classify x.fits -o out.ecsv --priors training --quiet --properties p.toml")[0] == 0
    model = NaiveBayesClassifier.read("out.ecsv.model.ecsv")
    assert model.properties == (
        Property("hr1"),
        Property("hr2"),
        Property(
            "b",
            bounds=(None, 90),
            components=[Component("star", 0.1), Component("AGN", 0.2, ([-90, 90], [1, 1]))],
        ),
        Property("extent", category="shape", atoms=[0.0], weight=0.5),
    )


# What users do


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--label nothing", "no column 'nothing'"),
        ("--properties hr1,hr9", "no column 'hr9'"),
        ("--properties source_id,hr1", "must hold one number a row"),
        ("--properties absent.toml", "there is no file of properties absent.toml"),
        ("--properties x.fits", "must be columns such as hr1,hr2 or a TOML file"),
        ("--category hr1", "category must look like"),
        ("--priors AGN=0.5,star=0.5", "priors: missing 'AGN_2'"),
        ("--priors AGN=1,star=0,extended=0,ex_XRB=0.1,AGN_2=0", "must sum to 1"),
        ("--priors AGN=1,star=-1,extended=0,ex_XRB=1,AGN_2=0", "not negative"),
        ("--priors AGN=much,star=0.5", "AGN: got 'much'"),
        ("--priors AGN=0.5,AGN=0.5", "AGN: named twice"),
        ("--priors AGN=0.5,star", "priors must look like AGN=0.66"),
        ("--priors AGN", "priors must be 'training'"),
        ("--priors 0.5,0.5", "one number for each of the 5 classes"),
        ("--weights nowhere=1", "weights must name categories"),
        ("--weights some", "weights must be 'published'"),
        ("--merge XRB", "merge must look like XRB=LMXB+HMXB"),
        ("--merge XRB=LMXB+HMXB", "merge names label 'LMXB'"),
        ("--min-class-size many", "invalid int value"),
        ("--min-class-size 10000", "two or more classes"),
        ("--missing maybe", "missing must be one of"),
        ("--decision nonsense", "decision must be 'probable', 'balanced'"),
        ("--decision CV=many", "decision must be one number each, such as CV=5,XRB=2"),
        ("--decision f1=dog", "decision must name classes of the model"),
        ("--class-sets 2", "--class-sets must be above 0"),
        ("--kernel round", "kernel must be one of"),
        ("--bandwidth wide", "bandwidth must be one of"),
        ("--bandwidth 0", "bandwidth must be"),
        ("--optimize beauty", "optimize must be one of"),
        ("--optimize f1 --target dog", "target must be a class"),
        ("--target star", "--target needs --optimize f1"),
        ("--optimize f1 --weights published", "cannot be given together"),
        ("--training absent.fits", "there is no file absent.fits"),
        ("--model absent.ecsv", "there is no file absent.ecsv"),
        ("--model x.fits", "is not a claxboi model"),
        ("--model x.fits --kernel gaussian", "model is already fitted"),
        ("--rng -5", "whole number"),
        ("--write-model ./out.ecsv", "must be another file than the output"),
        ("--nonsense", "unrecognized arguments"),
    ],
)
def test_wrong_options(folder, refuse, options, message):
    priors = "" if "--priors" in options else "--priors training "
    assert message in refuse(f"classify x.fits -o out.ecsv {priors}{options}")
    assert [item.name for item in folder.iterdir()] == ["x.fits"]


def test_wrong_files(sample, folder, refuse):
    assert "there is no file y.fits" in refuse("classify y.fits -o out.ecsv")
    (folder / "y.fits").write_text("this is no table")
    assert "cannot read y.fits as FITS" in refuse("classify y.fits -o out.ecsv")
    (folder / "y.doc").write_text("nor this")
    assert "cannot tell the format of y.doc" in refuse("classify y.doc -o out.ecsv")
    write_table(sample[:0], "empty.ecsv")
    assert "table is empty" in refuse("classify empty.ecsv -o out.ecsv")
    # The output is looked at before any work.
    for output, message in {
        "out.doc": "its suffix must be one of",
        "out": "its suffix must be one of",
        "x.fits": "exists already; use --overwrite",
        "x.fits/out.fits": "there is no folder x.fits",
        "nowhere/out.fits": "there is no folder nowhere",
    }.items():
        assert message in refuse(f"classify x.fits -o {output}")
    args = "classify x.fits -o out.fits --write-model x.fits"
    assert "x.fits exists already" in refuse(args)
    assert sorted(item.name for item in folder.iterdir()) == [
        "empty.ecsv",
        "x.fits",
        "y.doc",
        "y.fits",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("= 3", "is not TOML"),
        ("spectrum = 3", "'spectrum' must be a list of columns"),
        ("[hr1]\ncolour = 'red'", "column 'hr1' may have category"),
        ("[hr1]\nscale = 'cubic'", "scale of 'hr1' must be one of"),
        ("[b]\ncomponents = [{fraction = 2, class_name = 'AGN'}]", "fraction must be"),
        ("[b]\ncomponents = [{share = 2}]", "column 'b'"),
        ("", "properties must name at least one column"),
    ],
)
def test_wrong_properties_file(folder, refuse, text, message):
    (folder / "p.toml").write_text(text)
    assert message in refuse("classify x.fits -o out.ecsv --priors training --properties p.toml")
    assert message.startswith("properties") or "p.toml" in refuse(
        "classify x.fits -o out.ecsv --priors training --properties p.toml"
    )


def test_wrong_explain(sample, folder, run, refuse):
    assert "there is no model file x.fits.model.ecsv" in refuse("explain x.fits 3")
    assert "no source 'Crab': not found in source_id of x.fits, and not a row number" in refuse(
        "explain x.fits Crab"
    )
    assert "no source '100000'" in refuse("explain x.fits 100000")
    twice = sample.copy()
    twice["source_id"][1] = twice["source_id"][0]
    write_table(twice, "twice.fits")
    assert "is in 2 rows" in refuse("explain twice.fits", twice["source_id"][0])
    write_table(sample["hr1", "class"], "few.ecsv")
    assert "no column 'designation'" in refuse("explain few.ecsv Crab --id designation")


def test_wrong_evaluate(sample, folder, refuse):
    args = "evaluate x.fits --priors training --quiet --method"
    assert "method must be one of" in refuse(f"{args} guess")
    assert "no column 'field'" in refuse(f"{args} grouped --groups field")


@pytest.mark.parametrize("command", ["", "fly", "classify", "explain x.fits"])
def test_wrong_usage(folder, refuse, command):
    assert "--help" in refuse(command)


# How it ends


def test_a_bug_shows_its_traceback(folder, monkeypatch):
    def bug(*_):
        return {}["x"]

    monkeypatch.setattr("claxboi.io.read_table", bug)
    with pytest.raises(KeyError, match="x"):
        cli.main(["classify", "x.fits", "-o", "out.fits"])


def test_interrupted(folder, run, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("claxboi.io.read_table", interrupt)
    assert run("classify x.fits -o out.fits") == (130, "", "claxboi: interrupted\n")


def test_help(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out.startswith("claxboi ")
    for command in ([], *([name] for name in cli.COMMANDS)):
        with pytest.raises(SystemExit, match="0"):
            cli.main([*command, "--help"])
        text = capsys.readouterr().out
        assert text.startswith("usage: claxboi")
        assert not command or f"    claxboi {command[0]}" in text.partition("\nExample:\n")[2]


def test_help_tells_the_defaults_of_python(capsys):
    with pytest.raises(SystemExit):
        cli.main(["classify", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for name in ("missing", "kernel", "bandwidth"):
        assert f"{RECIPES['default'][name]} (default)" in text
    assert f"default {MIN_CLASS_SIZE}" in text
    assert f"default: {inspect.signature(classify).parameters['label'].default}" in text


def test_as_a_process(folder):
    def start(*args):
        command = [sys.executable, "-m", "claxboi", *args]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = start("classify", "x.fits", "-o", "out.fits", "--priors", "training", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(Table.read("out.fits")) == len(Table.read("x.fits"))
    done = start("classify", "x.fits", "-o", "out.fits")
    assert done.returncode == 2
    assert done.stderr == (
        "claxboi: error: out.fits exists already; use --overwrite to replace it\n"
    )


def test_nothing_slow_is_imported_before_it_is_needed(folder):
    code = (
        "import sys; from claxboi import classify; from claxboi.cli import main; "
        "status = main(['run', 'nofile.csv', '-o', 'out.fits']); "
        "print(status, sorted({'astropy', 'numpy', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2 []\n"
    assert done.stderr == "claxboi: error: there is no file nofile.csv\n"


# Catalogues


def test_references(run, refuse):
    status, out, _ = run("references")
    assert status == 0
    assert "gaia" in out
    assert "Million Quasars" in out
    status, out, _ = run("references --kind galaxies")
    assert "HyperLEDA" in out
    assert "AllWISE" not in out
    _, out, _ = run("references gaia allwise")
    assert "2016 on xmatch, 2016 on vizier" in out
    assert "allwise: AllWISE" in out
    _, out, _ = run("references gaia gaia_edr3 --bibtex")
    assert out.count("@article{2016A&A...595A...1G,") == 1
    assert "title = {{The Gaia mission}}" in out
    assert "source must be a known catalogue" in refuse("references giai")
    assert "kind must be one of" in refuse("references --kind stars")
    assert "cannot be given with names" in refuse("references gaia --kind survey")


def test_plan_of_references(run, refuse, folder):
    table = Table({"ra": [10.0, 20.0], "dec": [5.0, -5.0]})
    write_table(table, "positions.fits")
    status, out, _ = run("references gaia hyperleda --plan positions.fits --radius 8")
    assert status == 0
    assert "gaia (I/355/gaiadr3) from xmatch: 2 positions in 1 chunk;" in out
    assert "total: 4 requests, about" in out
    assert "must be given together" in refuse("references gaia --plan positions.fits")
    assert "names of catalogues" in refuse("references --plan positions.fits --radius 8")
    assert "x.fits has no columns" in refuse("references gaia --plan x.fits --radius 8")


# A classifier for a mission


@pytest.mark.filterwarnings("ignore::claxboi.utils.ClaxboiWarning")
def test_train_classify_and_evaluate_without_a_network(folder, run, refuse):
    from claxboi.references.tests.loopback import LoopbackCDS
    from claxboi.training.tests.mission_sky import make_mission_sky

    names = "secrest,ascc,avakyan,downes,simbad"
    with LoopbackCDS(make_mission_sky(12)[0]):
        status, out, err = run(f"train 4xmm -o m.ecsv --rng 1 --label-catalogues {names}")
    assert status == 0, err
    model = NaiveBayesClassifier.read("m.ecsv")
    assert model.origin["mission"] == "4XMM"
    assert out.startswith("Model m.ecsv: trained on 4XMM; fluxes in 0.2-12 keV; hardness ratios ")
    assert "catalogues of 20" in out
    assert "use --overwrite" in refuse("train 4XMM -o m.ecsv")
    assert "mission must be one of '4XMM'" in refuse("train ROSAT -o other.ecsv")
    assert "--priors must sum to 1" in refuse("train 4XMM -o o.ecsv --priors AGN=0.5,star=0.2")
    # What others do with it: no service is there.
    columns = {record.column: np.full(4, 0.1) for record in model.properties}
    write_table(Table({"source_id": list("abcd"), **columns}), "new.fits")
    status, out, err = run("classify new.fits --model m.ecsv --priors training -o new-out.fits")
    assert status == 0, err
    assert out.startswith("Model m.ecsv: trained on 4XMM; fluxes in 0.2-12 keV")
    assert "need labelled sources" in refuse(
        "classify new.fits --model m.ecsv --priors training -o o.fits --evaluate"
    )


@pytest.mark.filterwarnings("ignore::claxboi.utils.ClaxboiWarning")
def test_training_by_mission_and_scores_of_its_sample(sample, folder, run, refuse, monkeypatch):
    from claxboi.training import choose_sample

    class Built:
        table = sample

    asked = []
    monkeypatch.setattr(choose_sample, "build", lambda name, **_: asked.append(name) or Built)
    unlabelled = sample["source_id", "b", "hr1", "hr2", "log_fx_fb", "extent"]
    write_table(unlabelled, "new.fits")
    args = "classify new.fits --training 4xmm --priors training -o out.fits --evaluate"
    status, out, err = run(args)
    assert status == 0, err
    assert set(asked) == {"4xmm"}
    assert "leave-one-out" in out
    assert "no mission of that name" in refuse("classify x.fits -o o.fits --training ROSAT")


# One number


def test_scores_of_a_classified_table_are_those_of_its_report(sample, folder, run):
    priors = "AGN=0.5,star=0.2,extended=0.1,ex_XRB=0.1,AGN_2=0.1"
    run("classify x.fits -o out.fits --quiet --priors", priors)
    model = NaiveBayesClassifier.read("out.fits.model.ecsv")
    expected = str(evaluate_result(read_table("out.fits"), model, _priors(priors)))
    status, out, err = run("evaluate out.fits")
    assert (status, out.strip(), err) == (0, expected, "")
    assert run("evaluate out.fits --priors training")[1].strip() != expected
    assert run("report out.fits -o r.html --quiet")[0] == 0


def _priors(text):
    return {name: float(value) for name, value in (part.split("=") for part in text.split(","))}


# The shell


def test_completion(run):
    for shell in ("bash", "zsh", "fish"):
        status, out, _ = run(f"completion {shell}")
        assert status == 0
        for name in cli.COMMANDS:
            assert name in out
        assert "pos-error" in out
    script = run("completion bash")[1] + (
        'COMP_WORDS=(claxboi cl); COMP_CWORD=1; _claxboi; echo "${COMPREPLY[@]}"\n'
        'COMP_WORDS=(claxboi run --pos); COMP_CWORD=2; _claxboi; echo "${COMPREPLY[@]}"\n'
    )
    bash = shutil.which("bash")
    if bash is not None:
        done = subprocess.run([bash, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["classify", "--pos-error"]
