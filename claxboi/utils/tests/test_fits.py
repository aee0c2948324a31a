# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
FITS tables that are written block by block.
"""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Column, MaskedColumn, Table

from claxboi.io import _formats, read_table, write_table


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
    monkeypatch.setattr(_formats, "BLOCK_ROWS", block)
    write_table(table, tmp_path / "blocks.fits")
    monkeypatch.setattr(_formats, "_is_streamable", lambda column: False)
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


def test_text_that_is_not_ascii_leaves_nothing_behind(tmp_path):
    with pytest.raises(ValueError, match="FITS holds ASCII text only, got 'Ω Cen'"):
        write_table(Table({"name": ["a", "Ω Cen"]}), tmp_path / "x.fits")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["µ", "x" * 69, "a\nb"])
def test_names_that_a_card_cannot_hold(tmp_path, name):
    with pytest.raises(ValueError, match="at most 68 ASCII characters, got"):
        write_table(Table({name: [1.0]}), tmp_path / "x.fits")
    assert not list(tmp_path.iterdir())
    write_table(Table({"x" * 68: [1.0]}), tmp_path / "x.fits")
    assert read_table(tmp_path / "x.fits").colnames == ["x" * 68]


def test_tables_of_ascii_text(tmp_path):
    columns = [
        fits.Column(name="ra", format="E15.7", array=np.array([1.5, 2.5]), ascii=True),
        fits.Column(name="name", format="A4", array=np.array(["a", "bc"]), ascii=True),
    ]
    fits.TableHDU.from_columns(columns).writeto(tmp_path / "ascii.fits")
    table = read_table(tmp_path / "ascii.fits")
    assert table["ra"].tolist() == [1.5, 2.5]
    assert table["name"].tolist() == ["a", "bc"]
