# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Files that TOPCAT made of those of claxboi.
"""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from claxboi.io import read_table

RECORD = {"claxboi": {"step": {"radius": 5}}}
NOTE = json.dumps(RECORD).replace('"', "&quot;")

#: The comments of a FITS file are a list of text, which astropy cannot read in a VOTable.
HEAD = f"""<?xml version='1.0'?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE><TABLE name="result.fits" nrows="2">
<PARAM arraysize="{len(json.dumps(RECORD))}" datatype="char" name="CLAXBOI" value="{NOTE}"/>
<PARAM arraysize="4x2" datatype="char" name="COMMENT" value="one two>">
<DESCRIPTION>Comments</DESCRIPTION>
</PARAM>
<FIELD arraysize="*" datatype="char" name="class" ucd="src.class">
<DESCRIPTION>Class</DESCRIPTION>
</FIELD>
<FIELD datatype="boolean" name="is_shared"/>
"""
DATA = """<DATA><TABLEDATA>
<TR><TD></TD><TD></TD></TR>
<TR><TD>AGN</TD><TD>T</TD></TR>
</TABLEDATA></DATA>
"""
END = "</TABLE></RESOURCE></VOTABLE>"


def test_votable(tmp_path):
    (tmp_path / "t.vot").write_text(HEAD + DATA + END)
    table = read_table(tmp_path / "t.vot")
    assert table.meta["claxboi"] == RECORD["claxboi"]
    assert table["class"].tolist() == [None, "AGN"]
    assert table["class"].dtype.kind == "U"
    assert table["class"].meta == {"ucd": "src.class"}
    assert table["is_shared"].tolist() == [None, True]


def test_broken_votable(tmp_path):
    (tmp_path / "t.vot").write_text((HEAD + DATA)[:-40])
    with pytest.raises(ValueError, match=r"cannot read .*t\.vot as VOTABLE"):
        read_table(tmp_path / "t.vot")


def test_fits(tmp_path):
    primary = fits.PrimaryHDU(np.frombuffer((HEAD + END).encode(), np.uint8))
    primary.header["VOTMETA"] = True
    primary.writeto(tmp_path / "t.fits")
    columns = [fits.Column("x", "J"), fits.Column("is_shared", "L"), fits.Column("empty", "1A")]
    header = fits.BinTableHDU.from_columns(columns, nrows=2).header
    # astropy makes no column without room.
    header["NAXIS1"], header["TFORM3"] = 5, "0A"
    header["TCOMM1"] = "Is it?"
    header["TCOMM3"] = "?     A long description?     on two lines.?"
    header["TUCD3"] = "meta.note"
    stream = fits.StreamingHDU(tmp_path / "table.fits", header)
    stream.write(np.array([(65, b"T"), (66, b"\0")], ">i4, S1").view(np.uint8))
    stream.close()
    with (tmp_path / "t.fits").open("ab") as file:
        # Without the primary block that the stream put before it.
        file.write((tmp_path / "table.fits").read_bytes()[2880:])
    back = read_table(tmp_path / "t.fits")
    assert back.meta["claxboi"] == RECORD["claxboi"]
    assert back["empty"].tolist() == [None, None]
    assert back["empty"].description == "A long description on two lines."
    assert back["empty"].meta == {"ucd": "meta.note"}
    assert back["x"].tolist() == [65, 66]
    assert back["is_shared"].tolist() == [True, None]
    assert back["x"].description == "Is it?"


def test_ecsv(tmp_path):
    Table({"x": [1]}, meta={"CLAXBOI": json.dumps(RECORD)}).write(tmp_path / "t.ecsv")
    assert read_table(tmp_path / "t.ecsv").meta == RECORD


def test_csv(tmp_path):
    (tmp_path / "t.csv").write_text("flag,x\ntrue,1\n,2\nfalse,3\n")
    table = read_table(tmp_path / "t.csv")
    assert table["flag"].tolist() == [True, None, False]
