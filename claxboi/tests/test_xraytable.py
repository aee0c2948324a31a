# Licensed under a 3-clause BSD style license - see LICENSE.rst
import copy
import io
import pickle
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table, hstack, join, vstack

import claxboi
from claxboi import XrayTable, classify
from claxboi.counterparts import (
    associate,
    best_hosts,
    best_matches,
    find_hosts,
    link_xray,
)
from claxboi.io import write_table
from claxboi.simulation import make_labelled_sample
from claxboi.utils import ClaxboiWarning


@pytest.fixture
def table():
    x = XrayTable(
        {
            "source_id": ["a", "b", "c"],
            "ra": [10.0, 20.0, 30.0] * u.deg,
            "dec": [0.0, 1.0, 2.0] * u.deg,
            "pos_error": MaskedColumn([1.0, 2.0, 3.0], mask=[False, True, False], unit="arcsec"),
        },
        meta={"mission": "4XMM"},
    )
    x["ra"].description = "Right ascension"
    return x


def same(one, two):
    assert type(one) is type(two) is XrayTable
    assert one.colnames == two.colnames
    assert one.meta == two.meta
    for name in one.colnames:
        assert one[name].unit == two[name].unit
        assert one[name].tolist() == two[name].tolist()


@pytest.mark.parametrize("suffix", ["fits", "ecsv", "vot"])
def test_read_and_write(table, tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    options = {"format": "votable"} if suffix == "vot" else {}
    table.write(path, **options)
    back = XrayTable.read(path)
    assert type(back) is XrayTable
    assert back.colnames == table.colnames
    assert back["pos_error"].tolist() == [1, None, 3]
    assert back["ra"].unit == u.deg
    assert back["ra"].description == "Right ascension" or suffix == "fits"
    if suffix == "ecsv":
        same(back, table)


@pytest.mark.parametrize(
    "duplicate",
    [
        XrayTable.copy,
        copy.copy,
        copy.deepcopy,
        lambda t: pickle.loads(pickle.dumps(t)),
        lambda t: t[:],
        lambda t: t[[True] * 3],
        lambda t: t[np.arange(3)],
        lambda t: t[t.colnames],
        lambda t: vstack([t[:1], t[1:]]),
        lambda t: t[[2, 1, 0]][::-1],
        XrayTable,
    ],
)
def test_stays_an_xray_table(table, duplicate):
    before = table.copy()
    other = duplicate(table)
    same(other, table)
    other["source_id"][0] = "z"
    other.meta["mission"] = "CSC"
    same(before, before)
    assert table.meta == {"mission": "4XMM"}


def test_stacks_with_plain_tables(table):
    plain = Table({"source_id": ["d"], "ra": [40.0] * u.deg})
    assert type(vstack([table, plain])) is XrayTable
    assert type(vstack([plain, table])) is XrayTable
    assert type(hstack([table, Table({"z": [1, 2, 3]})])) is XrayTable
    assert type(join(table, plain, keys="source_id", join_type="left")) is XrayTable
    assert type(table.group_by("source_id").groups[0]) is XrayTable
    assert type(XrayTable(QTable(table))) is XrayTable


def test_row_and_sort(table):
    assert table[1]["source_id"] == "b"
    assert type(table[1].table) is XrayTable
    table.sort("ra", reverse=True)
    assert table["source_id"].tolist() == ["c", "b", "a"]
    assert type(table) is XrayTable


def test_empty():
    assert type(XrayTable()[:0]) is XrayTable
    assert len(XrayTable({"ra": []})) == 0


def test_find_counterparts(table):
    x = table[[0, 2]]
    surveys = {
        "gaia": Table({"id": ["g1"], "ra": [10.0001], "dec": [0.0], "pos_error": [0.1]}),
        "panstarrs": Table(
            {"id": ["p1", "p3"], "ra": [10.0, 30.0], "dec": [0.0001, 2.0], "pos_error": [0.1, 0.1]}
        ),
    }
    density = {"gaia": 5000 / u.deg**2, "panstarrs": 20000 / u.deg**2}
    options = {"radius": 10 * u.arcsec, "completeness": 0.5}
    result = x.find_counterparts(surveys, cutoff=0.5, density=density, **options)
    assert type(result) is XrayTable
    assert result["opt_id"].tolist() == ["g1", "p3"]
    assert result["opt_reference"].tolist() == ["gaia", "panstarrs"]
    candidates = {
        name: associate(x, survey, density=density[name], **options)
        for name, survey in surveys.items()
    }
    expected = best_matches(candidates, x, surveys, cutoff=0.5)
    assert result["opt_p_any"].tolist() == expected["opt_p_any"].tolist()
    best = x.find_counterparts(surveys, domain="ir", rule="best", density=density, **options)
    assert best["ir_reference"].tolist() == expected["opt_reference_best"].tolist()
    with pytest.raises(ValueError, match="already has"):
        result.find_counterparts(surveys, density=density, **options)
    with pytest.raises(TypeError, match=r"a list of names, got Table in it; pass tables in ref"):
        x.find_counterparts([surveys["gaia"]], **options)
    with pytest.raises(ValueError, match="surveys must have at least one survey, got none"):
        x.find_counterparts({}, density=density, **options)
    with pytest.raises(ValueError, match=r"priors: unknown name 'giai' .*gaia"):
        x.find_counterparts(surveys, density=density, priors={"giai": "id"}, **options)


def test_hosts_and_links(table):
    galaxies = Table({"galaxy_id": ["g"], "ra": [10.001], "dec": [0.0], "r25_major": [10.0]})
    result = table.find_hosts(galaxies, factor=2)
    assert type(result) is XrayTable
    assert "galaxy_id" not in table.colnames
    hosts = find_hosts(table, galaxies, factor=2)
    assert result["galaxy_radius"].tolist() == best_hosts(table, hosts)["galaxy_radius"].tolist()
    with pytest.raises(ValueError, match="already has"):
        result.find_hosts(galaxies)
    assert result.find_hosts(galaxies, overwrite=True)["galaxy_id"][0] == "g"

    whole = table[[0, 2]]
    sources, links = whole.link_xray({"csc": whole}, name="xmm", n_sigma=(1, 2))
    expected = link_xray({"csc": whole, "xmm": whole}, n_sigma=(1, 2))
    assert sources["master_id"].tolist() == expected.sources["master_id"].tolist()
    assert links.colnames == expected.links.colnames
    assert sources.meta["claxboi"]["xray_links"]["n_sigma"] == [1, 2]
    with pytest.raises(ValueError, match="another name"):
        whole.link_xray({"primary": whole})
    with pytest.raises(
        TypeError, match=r"others must be a mapping of names to Tables, such as .* got XrayT"
    ):
        whole.link_xray(whole)


class TestReadMission:
    @pytest.fixture
    def raw(self):
        n = 200
        return Table(
            {
                "IAUNAME": [f"4XMM J{k:06d}" for k in range(n)],
                "SC_RA": np.linspace(0, 300, n) * u.deg,
                "SC_DEC": np.zeros(n) * u.deg,
                "SC_POSERR": np.full(n, 2**0.5) * u.arcsec,
                "SC_EP_8_FLUX": np.full(n, 1e-14),
                "SC_SUM_FLAG": np.arange(n) % 5,
            }
        )

    @pytest.mark.parametrize("suffix", ["fits", "fits.gz", "vot", "ecsv", "csv", "parquet"])
    @pytest.mark.parametrize("mission", ["4XMM", "auto"])
    def test_formats(self, raw, tmp_path, suffix, mission):
        if suffix == "parquet":
            pytest.importorskip("pyarrow")
        path = tmp_path / f"raw.{suffix}"
        with pytest.warns(ClaxboiWarning, match="no units") if suffix == "csv" else nullcontext():
            write_table(raw, path)
        x = XrayTable.read(path, mission=mission)
        assert type(x) is XrayTable
        np.testing.assert_allclose(x["pos_error"], 1)
        assert x["source_id"].tolist() == raw["IAUNAME"].tolist()
        assert x["is_suspect"].tolist() == (raw["SC_SUM_FLAG"] >= 2).tolist()
        assert x.meta["claxboi"]["catalog"]["mission"] == "4XMM"
        # It is written and read as any other, and then known for what it is.
        again = tmp_path / "standard.ecsv"
        x.write(again)
        same(XrayTable.read(again), x)
        assert XrayTable.read(again, mission="auto").colnames == x.colnames

    def test_parts_stay_what_they_are(self, raw, tmp_path):
        raw.write(tmp_path / "raw.fits")
        x = XrayTable.read(tmp_path / "raw.fits", mission="4XMM")
        same(pickle.loads(pickle.dumps(x)), x)
        same(vstack([x[:50], x[50:]]), x)
        assert x[:5].meta == x.meta

    def test_settings(self, raw, tmp_path):
        raw["mine"] = np.full(len(raw), 2e-14)
        raw.write(tmp_path / "raw.fits")
        x = XrayTable.read(
            tmp_path / "raw.fits", mission="4XMM", columns={"flux": "mine"}, pos_error_level="sigma"
        )
        np.testing.assert_allclose(x["flux"], 2e-14)
        np.testing.assert_allclose(x["pos_error"], 2**0.5)

    def test_plain_reading_is_astropys(self, raw, tmp_path):
        raw.write(tmp_path / "raw.fits")
        for options in ({}, {"format": "fits"}, {"format": "fits", "hdu": 1}):
            plain = XrayTable.read(tmp_path / "raw.fits", **options)
            assert type(plain) is XrayTable
            assert plain.colnames == raw.colnames

    def test_wrong_mission(self, raw, tmp_path):
        raw.write(tmp_path / "raw.fits")
        with pytest.raises(
            ValueError, match=r"raw\.fits: table does not match 2SXPS.*looks like 4XMM"
        ):
            XrayTable.read(tmp_path / "raw.fits", mission="2SXPS")
        with pytest.raises(KeyError, match=r"raw\.fits: .*table has no column 'nowhere'"):
            XrayTable.read(tmp_path / "raw.fits", mission="4XMM", columns={"flux": "nowhere"})

    # Old versions of astropy warn of what they do themselves.
    @pytest.mark.filterwarnings("ignore:The indent function")
    @pytest.mark.parametrize("share", [0.001, 0.3, 0.5, 0.9, 0.999])
    def test_truncated(self, raw, tmp_path, share):
        path = tmp_path / "raw.fits"
        raw.write(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ValueError, match=r"cannot read .*raw.fits as FITS"):
            XrayTable.read(path, mission="4XMM")

    def test_truncated_gzip(self, raw, tmp_path):
        path = tmp_path / "raw.fits.gz"
        raw.write(path)
        path.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(ValueError, match=r"cannot read .* as FITS"):
            XrayTable.read(path, mission="4XMM")

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("x.fits", b"", "cannot read .* as FITS"),
            ("x.fits", b"ra,dec\n1,2\n", "cannot read .* as FITS"),
            ("x.vot", b"SIMPLE  = T", "cannot read .* as VOTABLE"),
            ("x.csv", b"a,b\n1,2\n", "x.csv: table does not match 4XMM"),
            ("x.png", b"\x89PNG\r\n", "cannot tell the format of"),
        ],
    )
    def test_other_files(self, tmp_path, name, content, message):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            XrayTable.read(path, mission="4XMM")
        with pytest.raises(FileNotFoundError, match="there is no file"):
            XrayTable.read(tmp_path / "none.fits", mission="4XMM")


@pytest.fixture(scope="module")
def classified():
    x = XrayTable(make_labelled_sample(3000, rng=1))
    return x, x.classify("training", properties=["hr1", "hr2", "log_fx_fb", "extent"])


class TestClassify:
    def test_is_the_function(self, classified):
        x, result = classified
        plain = classify(x, "training", properties=["hr1", "hr2", "log_fx_fb", "extent"])
        assert type(result) is XrayTable
        np.testing.assert_array_equal(result["P_AGN"], plain["P_AGN"])
        assert "prediction" not in x.colnames

    @pytest.mark.parametrize(
        "change",
        [
            lambda t: t[:10],
            lambda t: t[[1, 2]],
            lambda t: t["ra", "dec"],
            lambda t: t[0].table,
            lambda t: vstack([t[:10], t[10:]]),
            lambda t: t[:20].group_by("prediction").groups[0],
            XrayTable,
            lambda t: XrayTable(Table(t)),
            XrayTable.copy,
            copy.copy,
            copy.deepcopy,
        ],
    )
    def test_keeps_model_and_scores(self, classified, change):
        x, result = classified
        assert x.model is None
        assert result.evaluation.confusion.sum() == result["is_training"].sum()
        part = change(result)
        assert part.model is result.model
        assert part.evaluation is result.evaluation

    def test_pickled(self, classified):
        result = classified[1]
        back = pickle.loads(pickle.dumps(result[:5]))
        columns = ["source_id", "hr1", "hr2", "log_fx_fb", "extent"]
        again = back.model.classify(back[columns], "training")
        expected = result.model.classify(result[columns][:5], "training")
        np.testing.assert_array_equal(again["P_AGN"], expected["P_AGN"])
        assert back.evaluation.macro_f1 == result.evaluation.macro_f1

    @pytest.mark.parametrize("suffix", [".fits", ".ecsv", ".vot"])
    def test_files_do_not_have_the_model(self, classified, tmp_path, suffix):
        result = classified[1][:5]
        result.write(tmp_path / f"x{suffix}")
        back = XrayTable.read(tmp_path / f"x{suffix}")
        assert back.model is back.evaluation is None
        assert "__attributes__" not in back.meta
        assert back.meta["claxboi"]["classification"]["classes"] == result.model.classes_
        assert result.model is not None
        Table(result).write(tmp_path / "plain.ecsv")
        assert XrayTable.read(tmp_path / "plain.ecsv").model is None

    def test_a_new_classification_drops_old_scores(self, classified):
        result = classified[1]
        plain = result[:20]
        plain.remove_column("class")
        again = plain.classify("training", model=result.model, overwrite=True)
        assert again.model is not None
        assert again.evaluation is None

    def test_figures(self, classified):
        result = classified[1]
        result.plot_confusion()
        result.plot_track(0)
        result.plot_densities("hr1")

    def test_without_labels_there_are_no_scores(self, classified):
        x, result = classified
        x = x[:20]
        x.remove_column("class")
        assert x.classify("training", model=result.model).evaluation is None


def test_the_face_is_lazy():
    code = "import sys, claxboi; print('scipy' in sys.modules, 'classify' in dir(claxboi))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
    with pytest.raises(AttributeError, match="no attribute 'classfy'"):
        claxboi.classfy  # noqa: B018


def test_properties_and_labels():
    x = XrayTable({"ra": [10.0, 30.0], "dec": [0.0, 0.0], "pos_error": [1.0, 1.0]})
    x["flux"] = [1e-13, 2e-13]
    quasars = Table({"ra": [10.0001], "dec": [0.0]})
    labelled = x.add_properties().add_labels(
        {"AGN": quasars}, {"AGN": ["AGN"], "star": ["star"]}, min_quality=0
    )
    assert type(labelled) is XrayTable
    assert labelled["class"].tolist() == ["AGN", None]
    assert labelled["b"].unit == u.deg
    assert "class" not in x.colnames


@pytest.mark.parametrize("suffix", [".fits", ".ecsv", ".vot", ".fits.gz"])
def test_files_keep_the_record_of_the_steps(tmp_path, suffix):
    record = {"step": {"radius": 5, "names": ["a", "b"]}}
    x = XrayTable({"ra": [10.0], "name": ["a"]}, meta={"claxboi": record})
    path = tmp_path / f"x{suffix}"
    x.write(path)
    back = XrayTable.read(path)
    assert isinstance(back, XrayTable)
    assert back.meta["claxboi"] == record
    assert type(x) is XrayTable
    with pytest.raises(OSError, match="exists already"):
        x.write(path)
    x.write(path, overwrite=True)


def test_other_formats_are_those_of_astropy(tmp_path):
    x = XrayTable({"ra": [10.0]})
    x.write(tmp_path / "x.html", format="ascii.html")
    assert "<table" in (tmp_path / "x.html").read_text()
    text = io.StringIO()
    x.write(text, format="ascii.ecsv")
    assert "%ECSV" in text.getvalue()
    x.write(tmp_path / "x.csv", format="ascii.csv", delimiter="|")
    with pytest.raises(OSError, match="already exists"):
        x.write(tmp_path / "x.csv", format="ascii.csv", delimiter="|")


def test_suffix_of_no_format(tmp_path):
    with pytest.raises(ValueError, match=r"its suffix must be one of .*, got '\.fitz'"):
        XrayTable({"ra": [10.0]}).write(tmp_path / "x.fitz")


def test_sharing_as_methods(tmp_path):
    x = XrayTable({"ra": [10.0], "dec": [5.0]})
    x.write_ds9(tmp_path / "x.reg")
    assert "point(10.0" in (tmp_path / "x.reg").read_text()
    assert x.bibtex().count("@article") == 7
