# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Test that classified tables come back from files of each format.
"""

import gzip
import importlib.util
import json
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.utils.exceptions import AstropyUserWarning

from claxboi import classify
from claxboi.io import read_table, write_table
from claxboi.simulation import make_labelled_sample
from claxboi.utils import ClaxboiWarning, text_values

LOSSLESS = [
    "fits",
    "fits.gz",
    "ecsv",
    "vot",
    pytest.param(
        "parquet",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("pyarrow") is None, reason="needs pyarrow"
        ),
    ),
]


#: All that is rare, so that each class has enough sources.
MERGE = {"accreting": ["gal_XRB", "ex_XRB", "CV"]}


@pytest.fixture(scope="module")
def result():
    table = make_labelled_sample(600, labelled_fraction=0.8, rng=2)
    table["n_detections"] = MaskedColumn(
        np.arange(600, dtype=np.int32), mask=np.arange(600) % 3 == 0
    )
    table["is_crowded"] = MaskedColumn(np.arange(600) % 2 == 0, mask=np.arange(600) % 5 == 0)
    table["name"] = MaskedColumn(["Crab, or M1", 'é "x"', "under a mask"] * 200)
    table["name"].mask = np.arange(600) % 3 == 2
    table["hr1"].description = "Band 2 - band 1"
    table.meta["mission"] = "4XMM"
    return classify(table, "training", merge=MERGE, show_progress=False)


def values(table, name):
    """Return values that compare equal, missing being missing."""
    column = table[name]
    if column.dtype.kind == "U":
        return text_values(table, name)[0].tolist()
    data = np.ma.masked_invalid(np.ma.array(column)) if column.dtype.kind == "f" else column
    return np.ma.array(data).tolist()


def assert_same(back, table, *, text=lambda value: value):
    assert back.colnames == table.colnames
    for name in table.colnames:
        one, two = back[name], table[name]
        assert one.dtype.kind == two.dtype.kind, name
        assert one.dtype.itemsize == two.dtype.itemsize or one.dtype.kind == "U", name
        expected = values(table, name)
        assert values(back, name) == [text(value) for value in expected], name
        assert one.unit == two.unit, name
        assert one.description == (two.description and text(two.description)), name
        assert one.meta == two.meta, name
        has_missing = any(value is None or value == "" for value in expected)
        assert isinstance(one, MaskedColumn) == has_missing, name


def plain(value):
    return value.replace("é", "?") if isinstance(value, str) else value


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless(result, tmp_path, suffix):
    path = tmp_path / f"result.{suffix}"
    table = result[::4]
    if suffix.startswith("fits"):
        # FITS knows ASCII only.
        table["name"] = [plain(value) for value in table["name"].filled("")]
    before = table.copy()
    write_table(table, path)
    back = read_table(path)
    assert_same(back, table)
    assert back.meta == table.meta
    settings = back.meta["claxboi"]["classification"]
    assert settings["priors"] == table.meta["claxboi"]["classification"]["priors"]
    # The caller's table is untouched, what is read can be written, and again is the same.
    assert table.meta == before.meta
    for name in table.colnames:
        assert type(table[name]) is type(before[name])
        assert table[name].tolist() == before[name].tolist()
    write_table(back, path, overwrite=True)
    again = read_table(path)
    assert_same(again, table)
    assert again.meta == table.meta


def test_classified_again(result, tmp_path):
    """Training rows are known again by their values, from any lossless file."""
    result = result[[name for name in result.colnames if name != "name"]]
    for suffix in ("fits", "ecsv"):
        write_table(result, tmp_path / f"result.{suffix}")
        back = read_table(tmp_path / f"result.{suffix}")
        again = classify(
            back,
            "training",
            merge=MERGE,
            overwrite=True,
            show_progress=False,
        )
        assert again["is_training"].tolist() == result["is_training"].tolist()
        # Sums over other lengths of arrays may differ in the last bits.
        np.testing.assert_allclose(again["P_AGN"], result["P_AGN"], rtol=0, atol=1e-12)


def test_csv_has_the_values(result, tmp_path):
    path = tmp_path / "result.csv"
    with pytest.warns(ClaxboiWarning, match="CSV has no units"):
        write_table(result, path)
    back = read_table(path)
    for name in result.colnames:
        assert values(back, name) == values(result, name), name
    assert back.meta == {}
    assert path.read_text().startswith("source_id,ra,dec")


def test_what_other_programs_see_in_fits(result, tmp_path):
    path = tmp_path / "result.fits"
    write_table(result[[name for name in result.colnames if name != "name"]], path)
    header = fits.getheader(path, 1)
    number = next(k for k in range(1, 99) if header[f"TTYPE{k}"] == "P_AGN")
    assert header[f"TUCD{number}"] == result["P_AGN"].meta["ucd"]
    assert header[f"TCOMM{number}"] == "Posterior probability of class AGN"
    assert header["TUNIT2"] == "deg"
    assert json.loads(header["CLAXBOI"])["mission"] == "4XMM"
    assert json.loads(header["CLAXBOI"])["claxboi"]["classification"]["label"] == "class"
    # astropy alone reads it too, but for booleans that may be missing: it takes them for False,
    # and newer versions warn of that.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*NULL", AstropyUserWarning)
        plain_table = Table.read(path)
    assert plain_table["P_AGN"].description == header[f"TCOMM{number}"]
    assert plain_table["P_AGN"].meta["ucd"] == header[f"TUCD{number}"]


def test_fits_of_others(tmp_path):
    path = tmp_path / "others.fits"
    hdu = fits.BinTableHDU(Table({"RA": [1.0], "NAME": ["a"], "N": [3]}))
    hdu.header.update({"TUCD1": "pos.eq.ra", "TCOMM1": "Right ascension", "TUCD3": "meta.number"})
    hdu.writeto(path)
    table = read_table(path)
    assert table["RA"].meta["ucd"] == "pos.eq.ra"
    assert table["RA"].description == "Right ascension"
    assert table["N"].meta["ucd"] == "meta.number"
    assert table["NAME"].dtype.kind == "U"


def test_ecsv_is_what_astropy_reads(result, tmp_path):
    path = tmp_path / "result.ecsv"
    write_table(result, path)
    back = Table.read(path)
    for name in result.colnames:
        assert values(back, name) == values(result, name), name
    assert back.meta == result.meta


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_empty_and_odd_tables(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    table = Table(
        {
            "x": np.array([1.0, np.inf, -np.inf, 5e-324, 0.1 + 0.2, -0.0]),
            "f": np.array([1.1, 2, 3, 4, 5, 6], np.float32),
            "k": MaskedColumn(
                np.array([999999, -1, 7, 0, 1, np.iinfo(np.int64).max]), mask=[0, 0, 1, 0, 0, 0]
            ),
            "s": ["#no comment", "  spaces in front", "1", "nan", "N/A", "a,b"],
            "b": np.array([True, False, True, True, False, False]),
            "S/N of it": np.arange(6) - 0.5,
        }
    )
    write_table(table, path)
    back = read_table(path)
    for name in table.colnames:
        spaces = [str(v).strip() if name == "s" else v for v in back[name].tolist()]
        expected = [v.strip() if name == "s" else v for v in table[name].tolist()]
        assert spaces == expected, name
        assert back[name].dtype.kind == table[name].dtype.kind
    write_table(table[:0], path, overwrite=True)
    assert len(read_table(path)) == 0
    assert read_table(path).colnames == table.colnames


@pytest.mark.parametrize("suffix", ["fits", "ecsv"])
def test_columns_that_are_no_columns(tmp_path, suffix):
    table = QTable({"position": SkyCoord([1, 2], [3, 4], unit="deg"), "pm": [1, 2] * u.mas / u.yr})
    table["pair"] = Column([[1, 2], [3, 4]])
    path = tmp_path / f"x.{suffix}"
    write_table(table, path)
    back = read_table(path)
    assert np.allclose(back["position"].ra.deg, [1, 2])
    assert back["pair"].tolist() == [[1, 2], [3, 4]]
    assert back["pm"].unit == u.mas / u.yr


def test_meta_that_no_file_can_hold(tmp_path):
    table = Table({"a": [1]}, meta={"claxboi": {"n": np.int64(3)}, "thing": object(), "OBS": "x"})
    with pytest.warns(ClaxboiWarning, match="'thing'"):
        write_table(table, tmp_path / "x.fits")
    assert read_table(tmp_path / "x.fits").meta == {"OBS": "x", "claxboi": {"n": 3}}


def test_meta_that_no_card_can_hold(tmp_path):
    meta = {
        "OBS": "x" * 200,
        "EXPOSURE": 3.5,
        "LIMIT": float("inf"),
        "OBSERVER": "Étienne",
        "TEXT": "two\nlines",
        "long name": 1,
        "mission": "4XMM",
        "comments": ["Étienne"],
        "EMPTY": None,
    }
    write_table(Table({"a": [1]}, meta=meta), tmp_path / "x.fits")
    assert read_table(tmp_path / "x.fits").meta == meta
    assert fits.getheader(tmp_path / "x.fits", 1)["EXPOSURE"] == 3.5


def test_errors(result, tmp_path):
    result = result.copy()
    table = Table({"a": [1.0]})
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_table(tmp_path / "absent.fits")
    (tmp_path / "broken.fits").write_text("no FITS")
    (tmp_path / "broken.vot").write_text("<html>not found</html>")
    (tmp_path / "broken.ecsv").write_text("a,b\n1,2\n")
    (tmp_path / "broken.csv").write_text("a,b\n1,2,3\n")
    (tmp_path / "broken.parquet").write_text("PAR")
    for suffix in ("fits", "vot", "ecsv", "csv"):
        with pytest.raises(ValueError, match=f"cannot read .*broken.{suffix} as "):
            read_table(tmp_path / f"broken.{suffix}")
    (tmp_path / "odd.xyz").write_text("?")
    with pytest.raises(ValueError, match=r"its suffix should be one of \.fits"):
        read_table(tmp_path / "odd.xyz")
    for name in ("x.xyz", "x", "x.ecsv.gz", "x.txt"):
        with pytest.raises(ValueError, match="suffix must be one of"):
            write_table(table, tmp_path / name)
    write_table(table, tmp_path / "x.ecsv")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_table(table, tmp_path / "x.ecsv")
    with pytest.raises(OSError, match="no folder"):
        write_table(table, tmp_path / "x.ecsv" / "y.ecsv")
    result["odd"] = np.array([1, "a", None] * 200, object)
    with pytest.raises(ValueError, match="FITS cannot hold column 'odd'"):
        write_table(result, tmp_path / "y.fits")
    with pytest.raises(TypeError, match="must be an astropy Table"):
        write_table({"a": [1]}, tmp_path / "y.ecsv")
    assert not list(tmp_path.glob("*y.*"))


def test_parquet_of_others(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "others.parquet"
    data = pyarrow.table({"ra": [1.0, None], "n": [None, 3], "name": ["a", None]})
    parquet.write_table(data, path)
    table = read_table(path)
    assert table["ra"].tolist() == [1.0, None]
    assert table["n"].tolist() == [None, 3]
    assert table["name"].tolist() == ["a", None]
    with pytest.raises(ValueError, match="cannot hold column 'pair'"):
        write_table(Table({"pair": [[1, 2]]}), path, overwrite=True)
    assert read_table(path).colnames == ["ra", "n", "name"]


def test_missing_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"claxboi\[parquet\]"):
        write_table(Table({"a": [1]}), tmp_path / "x.parquet")
    assert not any(tmp_path.iterdir())


def test_compressed(tmp_path):
    write_table(Table({"a": [1]}), tmp_path / "x.fits.gz")
    assert gzip.decompress((tmp_path / "x.fits.gz").read_bytes()).startswith(b"SIMPLE")
