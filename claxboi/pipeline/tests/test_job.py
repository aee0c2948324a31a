# Licensed under a 3-clause BSD style license - see LICENSE.rst
import importlib.util
import os
import re
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, Table

from claxboi.classification import class_sets
from claxboi.io import read_table
from claxboi.pipeline import PipelineSettings, plan, prepare, run
from claxboi.pipeline.job_report import _row
from claxboi.pipeline.settings import STEPS
from claxboi.references import get_reference
from claxboi.sharing import coverage_moc, is_covered
from claxboi.utils import ClaxboiWarning, is_missing, text_values

# Five hundred sources have few labels: that is said, and no matter here.
pytestmark = pytest.mark.filterwarnings("ignore::claxboi.utils.exceptions.ClaxboiWarning")


def without_dates(meta):
    if isinstance(meta, dict):
        return {key: without_dates(value) for key, value in meta.items() if key not in DATES}
    return meta


DATES = ("date", "oldest")


def key_of(name):
    """
    Return what a file of a step is called without its checksum.
    """
    return re.sub(r"-[0-9a-f]{32}\.fits", "", name)


def assert_equal(one, two):
    """
    Compare two tables to the last bit, and their meta but for dates.
    """
    assert one.colnames == two.colnames
    for name in one.colnames:
        a, b = one[name], two[name]
        assert a.dtype == b.dtype, name
        mask = np.ma.getmaskarray(np.ma.asarray(a))
        np.testing.assert_array_equal(mask, np.ma.getmaskarray(np.ma.asarray(b)), err_msg=name)
        np.testing.assert_array_equal(
            np.ma.getdata(a)[~mask], np.ma.getdata(b)[~mask], err_msg=name
        )
    assert without_dates(one.meta) == without_dates(two.meta)


def test_all_steps_leave_their_columns(done):
    table = done.result.table
    assert len(table) == 500
    wanted = ["source_id", "pos_error", "is_suspect", "opt_p_any", "ir_id", "galaxy_radius", "b"]
    wanted += ["log_fx_fr", "log_fmax_fmin_low", "label_AGN", "class", "prediction", "P_star"]
    assert set(wanted) <= set(table.colnames)
    # The catalogue's own columns survive to the end.
    raw = read_table(done.folder / "sky/xray.fits")
    lower = {name.lower() for name in table.colnames}
    assert {name.lower() for name in raw.colnames} <= lower
    np.testing.assert_array_equal(table["SC_EP_8_FLUX"], raw["SC_EP_8_FLUX"])
    names = [f"{k}-{step}" for k, step in enumerate(STEPS[:-1], start=1)]
    kept = [key_of(path.name) for path in done.folder.joinpath("out.fits.steps").iterdir()]
    assert sorted(kept) == sorted([*names, "manifest.json"])


def test_counterparts_and_classes_are_those_of_the_truth(done):
    table, truth = done.result.table, done.sky.truth
    for domain, survey in (("opt", "gaia"), ("ir", "allwise")):
        true = np.ma.filled(truth[f"{survey}_id"].astype(str), "")
        found = np.ma.filled(table[f"{domain}_id"].astype(str), "")
        assert np.mean(found[found != ""] == true[found != ""]) > 0.8
        # p_any x p_i says how often the counterpart is right, within the sampling error.
        p = np.asarray(table[f"{domain}_p_any"] * table[f"{domain}_p_i"])[found != ""]
        right = (found == true)[found != ""]
        assert abs(right.mean() - p.mean()) < 4 * np.sqrt(np.mean(p * (1 - p)) / len(p)) + 0.03
    merged = {"gal_XRB": "XRB", "ex_XRB": "XRB", "AGN_2": "AGN"}
    true = np.array([merged.get(name, name) for name in truth["true_class"].tolist()])
    known = np.isin(true, ["AGN", "star", "XRB"]) & ~table["prediction"].mask
    assert np.mean(table["prediction"][known] == true[known]) > 0.75


def test_gated_sources_have_no_class(done):
    table = done.result.table
    extended = np.ma.filled(table["extent"], 0) > 0
    assert 0 < extended.sum() < 500
    np.testing.assert_array_equal(table["prediction"].mask, extended)
    np.testing.assert_array_equal(np.ma.getmaskarray(table["P_AGN"]), extended)
    assert not table["is_training"][extended].any()


def test_report_counts(done):
    report, table = done.result.report, done.result.table
    classes = report.classes
    assert list(classes["class"]) == done.result.model.classes_
    for row in classes:
        p = np.ma.compressed(table[f"P_{row['class']}"])
        assert row["n_expected"] == pytest.approx(p.sum())
        assert row["n_predicted"] == np.sum(table["prediction"] == row["class"])
    assert classes["n_expected"].sum() == pytest.approx(classes["n_predicted"].sum())
    flags = dict(zip(report.flags["flag"], report.flags["n_sources"], strict=True))
    assert flags["is_suspect"] == np.ma.filled(table["is_suspect"], False).sum()
    assert "2022A&A...657A.138T" in report.citations
    assert "2016A&A...595A...1G" in report.citations
    text = (done.folder / "out.fits.report.txt").read_text()
    assert text == f"{report}\n"
    for title in ("Classes", "Labels by catalogue", "leave-one-out", "calibration", "Please cite"):
        assert title in text


def test_everything_is_written_beside_the_output(done):
    from claxboi.classification import NaiveBayesClassifier

    model = NaiveBayesClassifier.read(f"{done.output}.model.ecsv")
    assert model.classes_ == done.result.model.classes_
    kept = read_table(done.output)
    assert_equal(
        kept["P_AGN", "prediction", "opt_id"],
        read_table(done.output)["P_AGN", "prediction", "opt_id"],
    )
    stored = kept.meta["claxboi"]["pipeline"]
    assert stored["settings"]["labels"]["scheme"] == "4 classes"
    assert len(stored["references"]["gaia"]["sha256"]) == 64
    assert kept["log_lx"].meta["ucd"].startswith("phys.luminosity")
    assert kept["opt_separation"].unit == u.arcsec
    log = (done.folder / "out.fits.log").read_text()
    assert re.search(r"\[2/7\] counterparts gaia \d+, allwise \d+ counterparts   [\d.]+ s", log)


def test_done_job_is_not_done_again(done):
    before = done.output.stat().st_mtime_ns
    again = done.run(done.output)
    assert done.output.stat().st_mtime_ns == before
    assert_equal(again.table, read_table(done.output))
    assert again.evaluation.confusion.tolist() == done.result.evaluation.confusion.tolist()
    with pytest.raises(FileExistsError, match="pass overwrite=True"):
        done.run(done.output, priors="training")


KILLED = """
import os, signal, sys
from claxboi.pipeline import checkpoints, job

step, moment = sys.argv[1:3]
def kill():
    os.kill(os.getpid(), signal.SIGKILL)

class Killed(checkpoints.Checkpoints):
    def keep(self, name, *args):
        if name == step and moment == "before":
            kill()
        super().keep(name, *args)
        if name == step:
            kill()

    def note(self, name, *args, **more):
        if name == step == "classes":
            kill()
        super().note(name, *args, **more)

job.Checkpoints = Killed
job.run(*sys.argv[3:5], settings=sys.argv[5], show_progress=False)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a system without SIGKILL")
def test_killed_and_started_again_by_the_settings_that_were_written(done, tmp_path):
    output = tmp_path / "out.fits"
    arguments = [str(done.folder / "sky/xray.fits"), str(output), f"{done.output}.toml"]
    moments = [("counterparts", "before"), ("properties", "after"), ("classes", "before")]
    for step, moment in moments:
        script = [sys.executable, "-W", "ignore", "-c", KILLED, step, moment, *arguments]
        ended = subprocess.run(script, check=False, env=os.environ | {"COLUMNS": "80"})
        assert ended.returncode == -signal.SIGKILL
    assert output.exists()
    result = run(arguments[0], output, settings=arguments[2], show_progress=False)
    assert_equal(read_table(output), read_table(done.output))
    assert str(result.evaluation) == str(done.result.evaluation)
    # No step that was complete was done again.
    log = (tmp_path / "out.fits.log").read_text()
    begun = re.findall(r"INFO step \[\d/7\] (\w+)$", log, re.MULTILINE)
    killed = ["catalogue", "counterparts"], ["counterparts", "hosts", "properties"]
    assert begun == [*killed[0], *killed[1], "variability", "labels", "classes", "classes"]


def test_changed_setting_redoes_its_step_and_all_later_ones(done, tmp_path):
    folder = tmp_path / "steps"
    source = done.folder / "sky/xray.fits"
    options = {"references": done.references, "checkpoints": folder, "show_progress": False}
    skip = ["variability", "hosts", "counterparts"]
    settings = done.settings.updated({"labels": {"min_quality": 0}})
    prepare(source, settings=settings, skip=skip, **options)
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    changed = settings.updated({"labels": {"radius": 1.0}})
    prepare(source, settings=changed, skip=skip, **options)
    again = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    redone = {key_of(name) for name, time in again.items() if times.get(name) != time}
    assert redone == {"6-labels", "manifest.json"}
    assert len(again) == len(times)


def test_class_sets(done):
    table, model = done.result.table, done.result.model
    assert table.meta["claxboi"]["class_sets"]["coverage"] == 0.9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClaxboiWarning)
        expected = class_sets(table, model, 0.9, overwrite=True)["class_set"]
    assert table["class_set"].tolist() == expected.tolist()


def test_limits_of_flux_ratios(done):
    table, model = done.result.table, done.result.model
    limited = ["galaxy_radius", "log_fx_fr", "log_fx_fw1"]
    assert [one.column for one in model.properties if one.limit] == limited
    assert set(table.meta["claxboi"]["ratio_limits"]["depths"]) == {"rp_mag", "w1_mag"}
    # The survey sees the whole sky: whatever has a flux and no counterpart has a limit.
    no_limit = is_missing(table, "log_fx_fr_limit")
    assert np.array_equal(no_limit, ~is_missing(table, "opt_id") & is_missing(table, "rp_mag"))


@pytest.mark.parametrize(
    ("depths", "expected"),
    [("", set()), ({"w1_mag": 17.0}, {"log_fx_fw1_limit"})],
)
def test_depths_by_the_settings(done, depths, expected):
    table = prepare(
        done.sky.xray,
        settings=done.settings.updated({"properties": {"depths": depths}}),
        references={**done.sky.references, **done.sky.others},
        skip=["hosts", "variability", "labels"],
        show_progress=False,
    )
    assert {name for name in table.colnames if name.endswith("_limit")} - {
        f"{mag}_mag_is_limit" for mag in ("bp", "rp", "w1", "w2")
    } == expected | ({"is_fmin_limit"} & set(table.colnames))


@pytest.mark.skipif(importlib.util.find_spec("mocpy") is None, reason="mocpy is not installed")
def test_footprints_by_the_settings(done, tmp_path):
    position = done.result.table["ra", "dec"][:1]
    path = tmp_path / "gaia.fits"
    options = {
        "references": {**done.sky.references, **done.sky.others},
        "skip": ["hosts", "variability", "labels"],
        "checkpoints": tmp_path / "steps",
        "show_progress": False,
    }
    settings = done.settings.updated({"properties": {"footprints": {"gaia": str(path)}}})
    with pytest.raises(FileNotFoundError, match="footprints of gaia: there is no file"):
        prepare(done.sky.xray, settings=settings, **options)
    covered = []
    for radius in (30 * u.deg, 60 * u.deg):  # another content of the same file is another answer
        coverage_moc(position, radius=radius, order=6).save(path, format="fits", overwrite=True)
        table = prepare(done.sky.xray, settings=settings, **options)
        covered.append(~is_missing(table, "log_fx_fr_limit"))
        assert not np.any(covered[-1] & ~is_covered(table, path))
    assert 0 < np.sum(covered[0]) < np.sum(covered[1])
    settings = done.settings.updated({"properties": {"footprints": {"sdss": str(path)}}})
    with pytest.raises(ValueError, match=r"properties.footprints: a survey .*'sdss'"):
        prepare(done.sky.xray, settings=settings, **options)


@pytest.mark.parametrize(
    ("depths", "message"),
    [("deep", "properties.depths"), ({"g": 20}, "depths"), ({"rp_mag": "x"}, "rp_mag")],
)
def test_wrong_depths(done, depths, message):
    with pytest.raises((TypeError, ValueError), match=message):
        done.settings.updated({"properties": {"depths": depths}})


def test_prepare_takes_tables_and_skips(done):
    raw = done.sky.xray
    columns = list(raw.colnames)
    table = prepare(
        raw,
        settings=done.settings,
        references={**done.sky.references, **done.sky.others},
        skip=["hosts", "variability", "labels", "counterparts"],
        show_progress=False,
    )
    assert raw.colnames == columns
    assert "b" in table.colnames
    assert not {"opt_id", "galaxy_id", "class", "n_fluxes"} & set(table.colnames)


@pytest.mark.parametrize("candidates", ["best", "all"])
def test_domain_without_surveys(done, tmp_path, candidates):
    changes = {
        "counterparts": {"ir": {"surveys": []}},
        "classification": {"candidates": candidates},
    }
    table = done.run(tmp_path / "out.fits", settings=done.settings.updated(changes)).table
    assert not [name for name in table.colnames if name.startswith(("ir_", "w1_", "log_fx_fw"))]
    # The settings that were written do the same job.
    written = PipelineSettings.read(tmp_path / "out.fits.toml")
    assert list(written.domains) == ["opt"]
    np.testing.assert_array_equal(
        text_values(table, "opt_id")[0], text_values(done.result.table, "opt_id")[0]
    )


def test_plan_asks_nobody(done):
    lines = plan(done.folder / "sky/xray.fits", settings="whole-catalogue")
    assert lines[0] == "4XMM: 500 sources"
    assert any(
        line.startswith("counterparts: gaia (I/355/gaiadr3) from xmatch: 500") for line in lines
    )
    assert re.fullmatch(
        r"total: \d+ requests, about [\d,]+ rows, .* MB, .* min, and 2 .*", lines[-1]
    )
    lines = plan(done.folder / "sky/xray.fits", settings=done.settings, references=done.references)
    assert len(lines) > 15
    assert all("nothing is fetched" in line for line in lines[1:])


def test_plan_for_few_sources_asks_around_them(done):
    (line,) = plan(done.sky.xray[:20], skip=["hosts"])[-1:]
    n_rows = int(re.search(r"about ([\d,]+) rows", line)[1].replace(",", ""))
    assert n_rows < 5000
    (line,) = (one for one in plan(done.sky.xray[:20]) if "hyperleda" in one)
    assert "983,261 rows" in line
    assert "kept for later jobs: galaxies are larger" in line
    # A catalogue of galaxies of one's own, and one of unknown length.
    own = get_reference(done.sky.references["hyperleda"], name="hyperleda", like="hyperleda")
    assert "hosts: hyperleda: local, nothing is fetched" in plan(
        done.sky.xray, references={"hyperleda": own}
    )
    lines = plan(done.sky.xray, settings=done.settings.updated({"hosts": {"sizes": "regalade"}}))
    assert any("regalade" in line and "an unknown number of rows" in line for line in lines)


# Wrong input: one clear error, before any work


@pytest.fixture
def refused(done, tmp_path):
    def refused(error, message, **changes):
        output = changes.pop("output", tmp_path / "out.fits")
        with pytest.raises(error, match=message):
            done.run(output, **changes)
        assert not list(tmp_path.glob("out.fits.steps/*"))

    return refused


def test_wrong_mission(refused):
    refused(ValueError, "table does not match 2SXPS.*looks like 4XMM", mission="2SXPS")
    refused(ValueError, "mission must be one of '4XMM'", mission="ROSAT")


def test_files_of_another_kind(refused, done, tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    refused(ValueError, "cannot tell the format", catalogue=path)
    path = tmp_path / "cut.fits"
    path.write_bytes((done.folder / "sky/xray.fits").read_bytes()[:50_000])
    refused(ValueError, "cannot read .*cut.fits as FITS", catalogue=path)
    refused(FileNotFoundError, "there is no catalogue", catalogue=tmp_path / "nothing.fits")
    refused(ValueError, "catalogue is empty", catalogue=Table({"ra": []}))
    refused(TypeError, "catalogue must be an astropy Table, got dict", catalogue={})


def test_table_without_errors(refused, done):
    bare = Table({"ra": [10.0, 20.0], "dec": [1.0, 2.0], "flux": [1e-14, 1e-13]})
    refused(ValueError, "table has no positional error", catalogue=bare, mission="")


def test_labels_of_the_catalogue_itself(refused, done):
    table = done.sky.xray[:20]
    table["class"] = "AGN"
    refused(ValueError, "has a column 'class': skip the step 'labels'", catalogue=table)


def test_wrong_output(refused, done, tmp_path):
    refused(ValueError, "cannot tell the format to write", output=tmp_path / "out.doc")
    refused(FileNotFoundError, "there is no folder", output=tmp_path / "no/out.fits")
    (tmp_path / "d.fits").mkdir()
    refused(IsADirectoryError, "it is a folder", output=tmp_path / "d.fits")
    (tmp_path / "x.fits.steps").write_text("")
    refused(NotADirectoryError, "free for the folder of the steps", output=tmp_path / "x.fits")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(refused, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    refused(OSError, "cannot be written", output=folder / "out.fits")


def test_full_disk(refused, monkeypatch):
    from claxboi.pipeline import job

    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(job.shutil, "disk_usage", lambda _: usage)
    refused(OSError, "need about .* MB, and the disk has 0 MB left")


def test_wrong_references(refused, tmp_path):
    refused(
        FileNotFoundError, "no file .*g.fits for reference 'gaia'", references={"gaia": "g.fits"}
    )
    refused(TypeError, "got int for 'gaia'", references={"gaia": 3})
    refused(TypeError, "mapping of names to tables or files, or a folder", references=3)
    refused(ValueError, "has no file named after a catalogue", references=tmp_path)


def test_gating_needs_its_step(done, tmp_path):
    skip = ["counterparts", "hosts", "variability", "labels"]
    settings = done.settings.updated({"gating": {"outside_galaxies": True}, "skip": skip})
    with pytest.raises(KeyError, match="needs the step hosts"):
        done.run(tmp_path / "out.fits", settings=settings)


# Bare positions


def test_bare_tables_of_all_kinds_are_prepared_alike(done):
    from astropy.table import QTable

    raw = done.sky.xray[:40]
    ra, dec = np.asarray(raw["SC_RA"]), np.asarray(raw["SC_DEC"])
    error, flux = np.asarray(raw["SC_POSERR"]) / 1.41, np.asarray(raw["SC_EP_8_FLUX"])
    unit = u.erg / u.s / u.cm**2
    plain = Table({"ra": ra, "dec": dec, "pos_error": error, "flux": flux})
    quantities = QTable({"ra": ra * u.deg, "dec": dec * u.deg, "pos_error": error * u.arcsec})
    quantities["flux"] = flux * unit
    coords = QTable({"position": SkyCoord(ra, dec, unit="deg"), "pos_error": error * u.arcsec})
    coords["flux"] = Column(flux, unit=unit)
    answers = [
        prepare(
            table,
            references=done.references,
            skip=["labels", "variability"],
            show_progress=False,
        )
        for table in (plain, quantities, coords)
    ]
    for name in ("opt_id", "opt_p_any", "b", "log_fx_fr", "galaxy_radius"):
        first, *others = (_plain(table[name]) for table in answers)
        for other in others:
            np.testing.assert_array_equal(other, first)


def _plain(column):
    values = getattr(column, "value", column)
    return np.ma.filled(values, "" if column.dtype.kind == "U" else np.nan)


def test_services_give_what_files_give(done, tmp_path):
    from claxboi.references.tests.loopback import LoopbackCDS

    tables = dict(done.sky.references)
    near = _near(tables["veron"], done.sky.xray)
    tables["veron"] = tables["veron"][near]
    with LoopbackCDS(tables):
        result = done.run(tmp_path / "out.fits", references=done.sky.others)
    for name in ("opt_id", "ir_id", "class", "prediction"):
        one, two = (np.ma.filled(r.table[name], "") for r in (result, done.result))
        # Positions are rounded on their way through a service.
        assert np.mean(one == two) > 0.99


def _near(table, xray):
    """
    Keep of a large catalogue what lies near a source, so that it is not served whole.
    """
    sources = SkyCoord(xray["SC_RA"], xray["SC_DEC"], unit="deg")
    coords = SkyCoord(table["ra"], table["dec"], unit="deg")
    return coords.match_to_catalog_sky(sources)[1] < 1 * u.arcmin


def test_releases_are_named_as_fetched():
    fetched, own = {"source": "vizier"}, {"source": "a.fits", "sha256": "0"}
    assert _row("CSC2", fetched)[1:3] == ("Chandra Source Catalog 2.1", "IX/70/csc21mas")
    assert _row("CSC2", own)[1:3] == ("CSC 2.0: the Chandra sources", "")
    assert _row("gaia", own)[2] == _row("gaia", fetched)[2] != ""
