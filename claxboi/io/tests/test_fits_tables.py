# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
FITS tables that are written block by block.
"""

import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Column, MaskedColumn, Table

from claxboi.io import _fits_tables, read_table, write_table


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    n = 50
    mask = rng.random(n) < 0.3
    made = Table(
        {
            "f8": Column(rng.normal(size=n), unit="deg", description="Ångström, or µm"),
            "f4": MaskedColumn(rng.normal(size=n).astype("f4"), mask=mask, unit="mag"),
            "i8": MaskedColumn(rng.integers(-9, 9, n), mask=mask),
            "i2": rng.integers(-9, 9, n).astype("i2"),
            "u1": MaskedColumn(rng.integers(0, 9, n).astype("u1"), mask=~mask),
            "b": MaskedColumn(rng.random(n) < 0.5, mask=mask),
            "flag": rng.random(n) < 0.5,
            "text": MaskedColumn([f"source {k}" for k in range(n)], mask=mask),
            "empty": MaskedColumn(np.zeros(n), mask=True),
        },
        meta={"OBSERVER": "me", "claxboi": {"step": {"radius": 5}}},
    )
    made["f8"].meta["ucd"] = "pos.eq.ra"
    return made


@pytest.mark.parametrize("block", [1, 7, 50, 1000])
def test_blocks_are_what_astropy_writes(tmp_path, table, monkeypatch, block):
    monkeypatch.setattr(_fits_tables, "BLOCK_ROWS", block)
    write_table(table, tmp_path / "blocks.fits")
    monkeypatch.setattr(_fits_tables, "_is_streamable", lambda column: False)
    write_table(table, tmp_path / "whole.fits")
    cards, rows = [], []
    for name in ("blocks.fits", "whole.fits"):
        with fits.open(tmp_path / name) as hdus:
            hdus.verify("exception")
            cards.append(sorted(map(str, hdus[1].header.cards)))
            start = hdus[1].fileinfo()["datLoc"]
            size = hdus[1].header["NAXIS1"] * hdus[1].header["NAXIS2"]
        rows.append((tmp_path / name).read_bytes()[start : start + size])
    assert cards[0] == cards[1]
    assert rows[0] == rows[1]


def test_foreign_byte_order_and_no_rows(tmp_path):
    table = Table(
        {"x": np.arange(5, dtype=">f8"), "n": np.arange(5, dtype=">i4"), "s": list("abcde")}
    )
    write_table(table, tmp_path / "big.fits")
    assert read_table(tmp_path / "big.fits")["x"].tolist() == [0, 1, 2, 3, 4]
    write_table(table[:0], tmp_path / "none.fits")
    assert read_table(tmp_path / "none.fits").colnames == ["x", "n", "s"]


def test_text_that_fits_does_not_hold(tmp_path):
    texts = ["a", "Ω Cen", "back\\slash", "two\nlines", None]
    table = Table({"name": np.array(texts, object), "plain": ["a", "b\\u03a9", "c", "d", "e"]})
    write_table(table, tmp_path / "x.fits")
    back = read_table(tmp_path / "x.fits")
    assert back["name"].tolist() == texts
    assert back["plain"].tolist() == table["plain"].tolist()
    assert back.meta == {}
    with fits.open(tmp_path / "x.fits") as hdus:
        hdus.verify("exception")
        assert hdus[1].data["name"][1] == r"\u03a9 Cen"


@pytest.mark.parametrize("name", ["µ", "x" * 69, "a\nb"])
def test_names_that_a_card_cannot_hold(tmp_path, name):
    table = Table({name: ["é"], "x" * 68: [1.0], f"{name}2": [2.0], "_": [3.0]})
    write_table(table, tmp_path / "x.fits")
    back = read_table(tmp_path / "x.fits")
    assert back.colnames == table.colnames
    assert [back[own][0] for own in back.colnames] == ["é", 1.0, 2.0, 3.0]
    assert table.colnames[0] == name
    with fits.open(tmp_path / "x.fits") as hdus:
        hdus.verify("exception")
        assert "x" * 68 in hdus[1].columns.names


def test_tables_of_ascii_text(tmp_path):
    columns = [
        fits.Column(name="ra", format="E15.7", array=np.array([1.5, 2.5]), ascii=True),
        fits.Column(name="name", format="A4", array=np.array(["a", "bc"]), ascii=True),
    ]
    fits.TableHDU.from_columns(columns).writeto(tmp_path / "ascii.fits")
    table = read_table(tmp_path / "ascii.fits")
    assert table["ra"].tolist() == [1.5, 2.5]
    assert table["name"].tolist() == ["a", "bc"]


def test_nulls_of_scaled_and_unsigned_integers(tmp_path):
    # TNULL is of the stored integers (FITS 4.0, section 7.3.2).
    column = fits.Column("rate", "I", array=np.array([51, 52, -32768], ">i2"), null=-32768)
    hdu = fits.BinTableHDU.from_columns([column])
    hdu.header["TSCAL1"], hdu.header["TZERO1"] = 0.1, 5.0
    hdu.writeto(tmp_path / "scaled.fits")
    assert read_table(tmp_path / "scaled.fits")["rate"].tolist() == [
        pytest.approx(10.1),
        pytest.approx(10.2),
        None,
    ]

    column = fits.Column("counts", "I", array=np.array([-32767, -32766, 5], ">i2"), null=5)
    hdu = fits.BinTableHDU.from_columns([column])
    hdu.header["TZERO1"] = 32768
    hdu.writeto(tmp_path / "unsigned.fits")
    assert read_table(tmp_path / "unsigned.fits")["counts"].tolist() == [1, 2, None]

    column = fits.Column("flag", "B", array=np.array([127, 130, 255], "u1"), null=255)
    hdu = fits.BinTableHDU.from_columns([column])
    hdu.header["TZERO1"] = -128
    hdu.writeto(tmp_path / "signed.fits")
    assert read_table(tmp_path / "signed.fits")["flag"].tolist() == [-1, 2, None]


def test_nulls_of_text_tables(tmp_path):
    columns = [
        fits.Column(name="n", format="I8", array=np.array([1, -9, 3]), ascii=True),
        fits.Column(name="x", format="E12.4", array=np.array([1.5, 2.5, 3.5]), ascii=True),
    ]
    hdu = fits.TableHDU.from_columns(columns)
    hdu.header["TNULL1"] = "-9"
    hdu.writeto(tmp_path / "t.fits")
    content = (tmp_path / "t.fits").read_bytes()
    (tmp_path / "t.fits").write_bytes(content.replace(b"  2.5000E+00", b" " * 12))
    back = read_table(tmp_path / "t.fits")
    assert back["n"].tolist() == [1, None, 3]
    assert back["x"].tolist() == [1.5, None, 3.5]


@pytest.mark.parametrize("is_text", [True, False])
def test_text_with_the_display_format_of_numbers(tmp_path, is_text):
    columns = [
        fits.Column(name="FLUX", format="A14", array=np.array(["1.00E-14", ""]), ascii=is_text),
        fits.Column(
            name="RA", format="D25.17" if is_text else "D", array=[1.5, 2.5], ascii=is_text
        ),
    ]
    kind = fits.TableHDU if is_text else fits.BinTableHDU
    hdu = kind.from_columns(columns)
    hdu.header["TDISP1"] = "E14.2"
    hdu.writeto(tmp_path / "t.fits")
    back = read_table(tmp_path / "t.fits")
    assert back["FLUX"].tolist() == ["1.00E-14", None]
    assert back["RA"].tolist() == [1.5, 2.5]


def test_text_of_any_length_and_columns_of_one_value(tmp_path):
    texts = np.array(["AGN", "a longer text", ""], object)
    hdu = fits.BinTableHDU.from_columns(
        [
            fits.Column("class", "PA()", array=texts),
            fits.Column("ra", "1D", dim="(1)", array=np.array([[1.0], [2.0], [3.0]])),
        ]
    )
    hdu.writeto(tmp_path / "t.fits")
    back = read_table(tmp_path / "t.fits")
    assert back["class"].tolist() == ["AGN", "a longer text", None]
    Table({"ra": [[1.0], [2.0]], "n": MaskedColumn([[1], [2]], mask=[[0], [1]])}).write(
        tmp_path / "n.fits"
    )
    back = read_table(tmp_path / "n.fits")
    assert back["ra"].tolist() == [1.0, 2.0]
    assert back["n"].tolist() == [1, None]


def test_several_tables(tmp_path):
    sources = fits.BinTableHDU(Table({"ra": [1.0, 2.0]}), name="SRCLIST")
    times = fits.BinTableHDU(Table({"start": [0.0]}), name="GTI")
    image = fits.ImageHDU(np.zeros((2, 2)), name="IMAGE")
    path = tmp_path / "t.fits"
    fits.HDUList([fits.PrimaryHDU(), image, times, sources]).writeto(path)
    message = r"several tables: 'GTI' \(number 2, 1 rows\), 'SRCLIST' \(number 3, 2 rows\)"
    with pytest.raises(ValueError, match=message):
        read_table(path)
    for choice in ("SRCLIST", "srclist", 3):
        assert read_table(path, table=choice).colnames == ["ra"]
    with pytest.raises(ValueError, match="no table 'EVENTS'; its tables are 'GTI'"):
        read_table(path, table="EVENTS")
    times = fits.BinTableHDU(Table({"start": [0.0]})[:0], name="GTI")
    fits.HDUList([fits.PrimaryHDU(), times, sources]).writeto(path, overwrite=True)
    assert read_table(path).colnames == ["ra"]


@pytest.mark.parametrize("kind", ["i1", "u1", "u2", "u4", "u8", "i2", "f4"])
@pytest.mark.parametrize("suffix", ["fits", "vot", "ecsv", "csv"])
def test_numbers_of_all_widths(tmp_path, kind, suffix):
    limits = np.iinfo(kind) if kind != "f4" else np.finfo(kind)
    values = np.array([limits.min, 0, limits.max // 2, 7], kind)
    for mask in ([False] * 4, [False, False, False, True]):
        table = Table({"ra": [1.0] * 4, "n": MaskedColumn(values, mask=mask)})
        write_table(table, tmp_path / f"t.{suffix}", overwrite=True)
        assert read_table(tmp_path / f"t.{suffix}")["n"].tolist() == table["n"].tolist()


@pytest.mark.parametrize("suffix", ["vot", "parquet", "csv", "fits"])
def test_what_no_format_holds(tmp_path, suffix):
    table = Table({"odd": np.array([1, "a", None], object)})
    with pytest.raises(ValueError, match="cannot hold column 'odd'"):
        write_table(table, tmp_path / f"x.{suffix}")
    if suffix == "vot":
        with pytest.raises(ValueError, match="VOTable cannot hold column 'n'"):
            write_table(Table({"n": np.array([2**64 - 1], "u8")}), tmp_path / "x.vot")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("form", "values", "null"), [("J", [1, -99], "-99"), ("E", [1.5, -99.0], -99), ("K", [7, 0], 0)]
)
def test_nulls_as_programs_write_them(tmp_path, form, values, null):
    hdu = fits.BinTableHDU.from_columns([fits.Column("x", form, array=values)])
    hdu.header["TNULL1"] = null
    hdu.writeto(tmp_path / "t.fits")
    assert read_table(tmp_path / "t.fits")["x"].tolist() == [values[0], None]


@pytest.mark.parametrize(("form", "disp"), [("D", "I4"), ("J", "A8"), ("J", "F8.3"), ("L", "I2")])
def test_display_formats_of_another_type(tmp_path, form, disp):
    hdu = fits.BinTableHDU.from_columns([fits.Column("x", form, array=[1, 0])])
    hdu.header["TDISP1"] = disp
    hdu.writeto(tmp_path / "t.fits")
    assert read_table(tmp_path / "t.fits")["x"].tolist() == [1, 0]


@pytest.mark.parametrize("suffix", ["fits", "fits.gz"])
@pytest.mark.parametrize(
    "unit", ["mag(AB)", "dex(erg / s)", "hourangle", "ct / ks", "1e-14 W / m2"]
)
def test_units_that_the_standard_lacks(tmp_path, unit, suffix):
    table = Table({"id": [1], "x": [1.5] * u.Unit(unit)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_table(table, tmp_path / f"t.{suffix}")
        assert read_table(tmp_path / f"t.{suffix}")["x"].unit == u.Unit(unit)
    assert table["x"].unit == u.Unit(unit)


@pytest.mark.parametrize(
    ("cards", "warns"),
    [
        ({"EQUINOX": 2000.0, "RADECSYS": "FK5"}, False),
        ({"EQUINOX": 1950.0}, True),
        ({"RADESYS": "FK4"}, True),
    ],
)
def test_the_equinox_of_the_header(tmp_path, cards, warns):
    Table({"RA": [10.0]}, meta=cards).write(tmp_path / "t.fits")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_table(tmp_path / "t.fits")
    assert ["the header says equinox" in str(one.message) for one in caught] == [True] * warns
