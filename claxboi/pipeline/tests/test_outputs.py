# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Files that belong together: never of two jobs, never lost to their owner.
"""

import json
import shutil

import numpy as np
import pytest
from astropy.table import Table

from claxboi import conf
from claxboi.classification import NaiveBayesClassifier, model_fingerprint
from claxboi.io import read_table, write_table
from claxboi.pipeline import prepare
from claxboi.references import get_reference

# Five hundred sources have few labels: that is said, and no matter here.
pytestmark = pytest.mark.filterwarnings("ignore::claxboi.utils.exceptions.ClaxboiWarning")

SUFFIXES = ("", ".model.ecsv", ".report.txt", ".toml")


@pytest.fixture
def output(done, tmp_path):
    """A copy of the job that is done, and of its steps."""
    for path in done.folder.glob("out.fits*"):
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, tmp_path / path.name)
    return tmp_path / "out.fits"


def steps_done(output):
    log = output.with_name("out.fits.log").read_text()
    ends = "step [7/7] classes", "is up to date"
    return [line for line in log.splitlines() if line.endswith(ends)]


def assert_as_before(done, output):
    one, two = read_table(output), read_table(done.output)
    assert one.colnames == two.colnames
    np.testing.assert_array_equal(one["P_AGN"].filled(-1), two["P_AGN"].filled(-1))
    fingerprint = model_fingerprint(f"{output}.model.ecsv")
    assert one.meta["claxboi"]["pipeline"]["model"] == fingerprint
    NaiveBayesClassifier.read(f"{output}.model.ecsv")


@pytest.mark.parametrize("suffix", ["", ".toml"])
def test_an_output_that_its_owner_changed_is_kept(done, output, suffix):
    if suffix:
        path = output.with_name(f"{output.name}{suffix}")
        path.write_text(f"# precious\n{path.read_text()}")
    else:
        path = output
        table = read_table(output)
        table["note"] = "precious"
        write_table(table, output, overwrite=True)
    content = path.read_bytes()
    with pytest.raises(FileExistsError, match="was changed since this job wrote it; pass overw"):
        done.run(output)
    assert path.read_bytes() == content
    done.run(output, overwrite=True)
    assert b"precious" not in path.read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_lost_is_made_again(done, output, suffix):
    path = output.with_name(f"{output.name}{suffix}")
    path.unlink()
    done.run(output)
    assert path.is_file()
    assert "up to date" not in steps_done(output)[-1]
    assert_as_before(done, output)


@pytest.mark.parametrize("suffix", [".model.ecsv", ".report.txt"])
def test_what_is_damaged_is_made_again(done, output, suffix):
    path = output.with_name(f"{output.name}{suffix}")
    path.write_bytes(path.read_bytes()[:-100])
    done.run(output)
    assert_as_before(done, output)
    done.run(output)
    assert "up to date" in steps_done(output)[-1]


def test_without_a_manifest_the_same_table_is_replaced_and_no_other(done, output):
    manifest = output.with_name("out.fits.steps") / "manifest.json"
    manifest.write_text("{")
    done.run(output)
    assert_as_before(done, output)
    manifest.unlink()
    table = read_table(output)
    table["P_AGN"][0] = 0.5
    write_table(table, output, overwrite=True)
    with pytest.raises(FileExistsError, match="was changed since"):
        done.run(output)
    assert read_table(output)["P_AGN"][0] == 0.5


def test_a_damaged_name_in_the_manifest(done, output):
    manifest = output.with_name("out.fits.steps") / "manifest.json"
    entries = json.loads(manifest.read_text())
    entries["labels"]["columns"][3] = "other"
    manifest.write_text(json.dumps(entries))
    output.unlink()
    done.run(output)
    assert_as_before(done, output)


def test_a_full_disk_leaves_the_files_of_the_job_before(done, output, monkeypatch):
    from claxboi.pipeline import job

    before = {suffix: output.with_name(output.name + suffix).read_bytes() for suffix in SUFFIXES}

    def full(table, path, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job, "write_table", full)
    changed = done.settings.updated({"classification": {"weights": "published"}})
    with pytest.raises(OSError, match=r"out\.fits cannot be written: No space left"):
        done.run(output, settings=changed, overwrite=True)
    after = {suffix: output.with_name(output.name + suffix).read_bytes() for suffix in SUFFIXES}
    assert after == before
    assert not list(output.parent.glob(".*"))


def test_a_model_of_another_job_is_refused(done, output):
    from claxboi.cli import main

    model = done.result.model
    weights = dict(model.weights)
    try:
        model.weights = {name: 2 * value for name, value in weights.items()}
        model.write(f"{output}.model.ecsv", overwrite=True)
    finally:
        model.weights = weights
    for command in (["explain", str(output), "0"], ["report", str(output), "-o", "report.html"]):
        assert main(command) == 2


def test_temporary_files_of_a_killed_job_are_removed(done, output):
    prefix = ".999999999-1-"
    left = [output.with_name(f"{n * prefix}out.fits.model.ecsv") for n in (1, 2)]
    for path in left:
        path.write_text("half")
    done.run(output)
    assert not any(path.exists() for path in left)


def test_csv_twice(done, tmp_path):
    output = tmp_path / "out.csv"
    first = done.run(output)
    again = done.run(output)
    assert again.table["prediction"].tolist() == first.table["prediction"].tolist()


# Steps that no longer fit


def test_another_table_is_another_reference(done, tmp_path):
    other = done.sky.references["gaia"].copy()
    other["ra"] += 5 / 3600
    skip = ["variability", "labels", "hosts", "properties"]
    found = []
    for table in (done.sky.references["gaia"], other, other):
        reference = get_reference(table, name="gaia", like="gaia")
        result = prepare(
            done.sky.xray,
            mission="4XMM",
            references={**done.sky.references, "gaia": reference},
            checkpoints=tmp_path / "steps",
            skip=skip,
            show_progress=False,
        )
        found.append(np.ma.getmaskarray(result["opt_id"]).sum())
    assert found[0] < found[1] == found[2]


def test_a_misspelt_reference_is_an_error(done, tmp_path):
    references = {"gaiaa": Table({"ra": [1.0], "dec": [1.0]})}
    with pytest.raises(ValueError, match="no catalogue 'gaiaa'; did you mean gaia"):
        done.run(tmp_path / "out.fits", references=references)


def test_steps_depend_on_the_answers_of_services(done, tmp_path):
    from claxboi.references.tests.loopback import LoopbackCDS

    skip = ["variability", "labels", "hosts", "properties"]
    allwise = {"allwise": done.sky.references["allwise"]}
    cache = tmp_path / "cache"
    with LoopbackCDS({"gaia": done.sky.references["gaia"]}, cache_dir=str(cache)) as cds:

        def requests():
            n = len(cds.requests)
            prepare(
                done.sky.xray,
                mission="4XMM",
                references=allwise,
                checkpoints=tmp_path / "steps",
                skip=skip,
                show_progress=False,
            )
            return len(cds.requests) - n

        assert requests() > 0
        assert requests() == 0
        # Emptied or repaired, the cache no longer has what the step was made of.
        shutil.rmtree(cache)
        assert requests() > 0
        assert requests() == 0
        with conf.set_temp("vizier_server", "mirror.invalid"):
            # A step that asked a service is not one that asks another; the answers are the same.
            assert requests() == 0


def test_refresh_does_all_steps_again(done, output):
    done.run(output, refresh=True)
    log = output.with_name("out.fits.log").read_text()
    assert "step [1/7] catalogue" in log[len((done.folder / "out.fits.log").read_text()) :]
    assert_as_before(done, output)


def test_settings_of_the_classifier_reach_it(done, output):
    own = {"refine": False, "shrinkage": 2.0, "decision": {"CV": 50}}
    result = done.run(
        output, settings=done.settings.updated({"classification": own}), overwrite=True
    )
    assert done.result.model.refine
    assert not result.model.refine
    assert result.model.shrinkage == 2
    kept = result.table.meta["claxboi"]["classification"]
    assert kept["decision"] == "largest probability times AGN 1, star 1, XRB 1, CV 50"
    before, after = (
        np.sum(one.table["prediction"].filled("") == "CV") for one in (done.result, result)
    )
    assert before < after
