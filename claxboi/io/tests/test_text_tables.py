# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Text tables as archives, programs and people write them.
"""

import codecs
import gzip

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from claxboi.io import read_table, write_table
from claxboi.utils import ClaxboiWarning

VIZIER = """#
#   VizieR Astronomical Server vizier.cds.unistra.fr
#INFO	-out.max=50
#RESOURCE=yCat_9069
#Name: IX/69
#Table	IX_69_xmm4d13s:
#Name: IX/69/xmm4d13s
#Column	4XMM	(A16)	IAU name [ucd=meta.id;meta.main]
#Column	RA_ICRS	(F10.6)	Right ascension [ucd=pos.eq.ra;meta.main]
#Column	ObsID	(A10)	Observation [ucd=meta.id]
4XMM	RA_ICRS	ObsID	Flux8
 \tdeg\t \t10-14mW/m2
----------------	----------	----------	---
J004232.0+411314	 10.633600	0001234567	6.1
J004233.0+411314	 11.633600	0001234568\t  \x20

#END#
"""

MRT = """Title: A table
Authors: A. Author
Table: Sources
================================================================================
Byte-by-byte Description of file: t.txt
--------------------------------------------------------------------------------
   Bytes Format Units   Label   Explanations
--------------------------------------------------------------------------------
   1-  4 A4     ---     ID      Name
   6-  7 I2     h       RAh     Hour of right ascension
   9- 10 I2     min     RAm     Minute of right ascension
  12- 15 F4.1   s       RAs     Second of right ascension
      17 A1     ---     DE-     Sign of declination
  18- 19 I2     deg     DEd     Degree of declination
  21- 22 I2     arcmin  DEm     Arcminute of declination
  24- 27 F4.1   arcsec  DEs     Arcsecond of declination
  29- 32 F4.1   mag     mag     ? A magnitude
--------------------------------------------------------------------------------
"""
MRT_ROWS = "S  1 01 10 28.3 -00 04 22.3 15.5\nS  2 11 10 28.3 +46 04 22.3     \n"


def read(path, content, **settings):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, **settings)


@pytest.mark.parametrize("name", ["v.tsv", "v.csv", "v.txt", "v.dat"])
@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_vizier(tmp_path, name, delimiter):
    rows = VIZIER.split("\n")
    text = "\n".join(row if row.startswith("#") else row.replace("\t", delimiter) for row in rows)
    table = read(tmp_path / name, text)
    assert table.colnames == ["4XMM", "RA_ICRS", "ObsID", "Flux8"]
    assert table["RA_ICRS"].tolist() == [10.6336, 11.6336]
    assert table["RA_ICRS"].unit == u.deg
    assert table["RA_ICRS"].description == "Right ascension"
    assert table["RA_ICRS"].meta["ucd"] == "pos.eq.ra;meta.main"
    assert table["Flux8"].tolist() == [6.1, None]
    assert table["Flux8"].unit.to(u.erg / u.s / u.cm**2) == pytest.approx(1e-14)
    # An identifier is not a number.
    assert table["ObsID"].tolist() == ["0001234567", "0001234568"]


def test_vizier_without_units_and_several_tables(tmp_path):
    lines = VIZIER.splitlines(keepends=True)
    table = read(tmp_path / "v.tsv", "".join(lines[:11] + lines[12:]))
    assert len(table) == 2
    assert table["RA_ICRS"].unit is None
    two = VIZIER.replace("#END#\n", "") + "#Name: IX/69/other\nname\tz\n----\t---\na\t1\n"
    with pytest.raises(ValueError, match=r"several tables: 'IX/69/xmm4d13s' .*'IX/69/other'"):
        read(tmp_path / "v.tsv", two)
    assert read_table(tmp_path / "v.tsv", table="IX/69/other").colnames == ["name", "z"]


def test_machine_readable_tables(tmp_path):
    table = read(tmp_path / "t.txt", MRT + MRT_ROWS)
    assert table["RAs"].tolist() == [28.3, 28.3]
    assert table["DE-"].tolist() == ["-", "+"]
    assert table["mag"].tolist() == [15.5, None]
    assert table["RAs"].unit == u.s
    (tmp_path / "ReadMe").write_text("\n".join(MRT.split("\n")[4:]).replace("t.txt", "table1.dat"))
    table = read(tmp_path / "table1.dat", MRT_ROWS)
    assert table["ID"].tolist() == ["S  1", "S  2"]
    # Another file of the folder is not in the ReadMe.
    assert read(tmp_path / "other.dat", "a b\n1 2\n").colnames == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("h.dat", "|name |ra         |n   |\n|SAX J|16 03 54.00|  1 |\n|b    |1 2 3      |    |\n"),
        ("h.txt", "+----+---+\n|name|ra|n|\n+----+---+\n|SAX J|16 03 54.00|1|\n|b|1 2 3|null|\n"),
        ("h.md", "|name|ra|n|\n|:---|:---:|--:|\n|SAX J|16 03 54.00|1|\n|b|1 2 3||\n"),
        ("h.txt", " name | ra | n\n------+----+---\nSAX J|16 03 54.00|1\nb|1 2 3|\n(2 rows)\n"),
    ],
)
def test_pipes(tmp_path, name, text):
    table = read(tmp_path / name, text, format="ascii")
    assert table.colnames == ["name", "ra", "n"]
    assert table["name"].tolist() == ["SAX J", "b"]
    assert table["ra"].tolist() == ["16 03 54.00", "1 2 3"]
    assert table["n"].tolist() == [1, None]


def test_ipac(tmp_path):
    text = "\\fixlen = T\n|ra    |name |\n|double|char |\n|deg   |     |\n 10.5   a   \n"
    table = read(tmp_path / "t.tbl", text)
    assert table["ra"].tolist() == [10.5]
    assert table["ra"].unit == u.deg


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "name,ra,dec\na,10.5,-1.5\n"),
        ("t.csv", "name;ra;dec\na;10.5;-1.5\n"),
        ("t.csv", "name;ra;dec\na;10,5;-1,5\n"),
        ("t.csv", "sep=;\nname;ra;dec\na;10.5;-1.5\n"),
        ("t.csv", "#name,ra,dec\na,10.5,-1.5\n"),
        ("t.csv", "# made in 2020, by me\n#\nname,ra,dec\na,10.5,-1.5\n"),
        ("t.csv", "name , ra, dec\r\n a , 10.5, -1.5\r\n\r\n"),
        ("t.csv", "name,ra,dec,\na,10.5,-1.5,\n"),
        ("t.csv", "name\tra\tdec\na\t10.5\t-1.5\n"),
        ("t.csv", "name,ra,dec\n,deg,deg\na,10.5,-1.5\n"),
        ("t.tsv", "name\tra\tdec\t\na\t10.5\t-1.5\t\n"),
        ("t.tsv", "name\tra\tdec\na\t10.5\t-1.5\n"),
        ("t.tsv", "#name\tra\tdec\na\t10.5\t-1.5\n"),
        ("t.txt", "name ra dec\na 10.5 -1.5\n"),
        ("t.txt", "# name   ra    dec\n  a      10.5  -1.5\n"),
        ("t.txt", '# "name" ra dec\n"a" 10.5 -1.5\n'),
        ("t.dat", "name,ra,dec\na,1.05D1,-1.5\n"),
    ],
)
@pytest.mark.parametrize("mark", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimited(tmp_path, name, text, mark):
    table = read(tmp_path / name, text.encode(mark))
    assert table.colnames == ["name", "ra", "dec"]
    assert table["name"].tolist() == ["a"]
    assert table["ra"].tolist() == [10.5]
    assert table["dec"].tolist() == [-1.5]


def test_missing_cells(tmp_path):
    table = read(tmp_path / "t.csv", "a,b,c,d\n1,NULL,x,\n,2.5,,...\n3,N/A,nan,7\n")
    assert table["a"].tolist() == [1, None, 3]
    assert table["b"].tolist() == [None, 2.5, None]
    assert table["c"].tolist() == ["x", None, None]
    assert table["d"].tolist() == [None, None, 7]
    table = read(tmp_path / "t.tsv", "a\tb\tc\n\t2\t\n1\t\t3\n\t\t\n")
    assert [table[name].tolist()[:2] for name in "abc"] == [[None, 1], [2, None], [None, 3]]


def test_what_looks_like_a_number(tmp_path):
    text = "obsid,big,flag,hash\n0012345678,18446744073709551615,T,#1\n1012345678,7,F,#2\n"
    assert read(tmp_path / "t.csv", "id,b\n12_3,1\n1_23,2\n")["id"].tolist() == ["12_3", "1_23"]
    table = read(tmp_path / "t.csv", text)
    assert table["obsid"].tolist() == ["0012345678", "1012345678"]
    assert table["big"].tolist() == [2**64 - 1, 7]
    assert table["hash"].tolist() == ["#1", "#2"]
    table = read(tmp_path / "t.csv", text, as_text=True)
    assert all(column.dtype.kind == "U" for column in table.columns.values())


def test_a_byte_order_mark_in_ecsv_and_compressed_text(tmp_path):
    write_table(Table({"a": [1.5]}, meta={"k": 1}), tmp_path / "t.ecsv")
    content = (tmp_path / "t.ecsv").read_bytes()
    table = read(tmp_path / "t.txt", codecs.BOM_UTF8 + content)
    assert table["a"].tolist() == [1.5]
    assert table.meta == {"k": 1}
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert read_table(tmp_path / "t.csv.gz")["b"].tolist() == [2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("ra,dec,ra\n1,2,3\n", "different names, got 'ra' twice"),
        ("10.5,1.5\n11.5,2.5\n", "first line has numbers, 10.5, 1.5, where the names"),
        ("a,b\n1,2\n1,2,3\n", "row 2 has 3 cells, '1,2,3', but there are 2 columns"),
        ("a,b,c\n1,2,3\n1,2\n", "row 2 has 2 cells"),
        ("a,,c\n1,2,3\n", "column 2 has no name"),
        ("src1,10.5,1.5\nsrc2,11.5,2.5\n", "first line has numbers, 10.5, 1.5, where"),
        ("<!DOCTYPE html>\n<html>404</html>\n", "is a web page, not a table"),
        ('{"error": "not found"}\n', "is JSON, not a table"),
        ("==== ===\nname ra\n==== ===\na    1\n==== ===\n", "has no names of columns"),
        (b"\0\1\2" * 9, "binary, not text"),
    ],
)
def test_errors(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "t.csv", text)


def test_what_pandas_and_spreadsheets_write(tmp_path):
    table = read(tmp_path / "t.csv", ",name,ra\n0,a,10.5\n5,b,11.5\n")
    assert table.colnames == ["index", "name", "ra"]
    table = read(tmp_path / "t.csv", "name,ra,flux\n-,DEGREES,10^-14 erg/s/cm2\na,1.5,\nb,2,3\n")
    assert (str(table["ra"].unit), table["flux"].tolist()) == ("deg", [None, 3])
    assert table["flux"].unit == u.Unit("1e-14 erg s-1 cm-2")


def test_names_without_rows_and_a_single_column(tmp_path):
    assert read(tmp_path / "t.csv", "ra,dec\n").colnames == ["ra", "dec"]
    assert read(tmp_path / "t.csv", "my name\nb c\nd\n")["my name"].tolist() == ["b c", "d"]
    assert read(tmp_path / "t.txt", "ra\n1\n2\n")["ra"].tolist() == [1, 2]


def test_content_decides_before_the_suffix(tmp_path):
    write_table(Table({"a": [1]}), tmp_path / "t.fits")
    (tmp_path / "t.fits").rename(tmp_path / "t.dat")
    assert read_table(tmp_path / "t.dat")["a"].tolist() == [1]


def test_regions(tmp_path):
    text = """# Region file format: DS9 version 4.1
global color=green
icrs
circle(10.5,-1.5,2.5") # text={S 1}
ellipse(11.5,2.5,3",6",20)
point(12.5,3.5) # point=x text={P}
"""
    table = read(tmp_path / "t.reg", text)
    assert table["name"].tolist() == ["S 1", None, "P"]
    assert np.allclose(table["ra"], [10.5, 11.5, 12.5])
    assert table["region_radius"].tolist() == [pytest.approx(2.5), pytest.approx(6), None]
    assert table["shape"].tolist() == ["circle", "ellipse", "point"]
    with pytest.raises(ValueError, match="centre on the sky, got CirclePixelRegion"):
        read(tmp_path / "t.reg", "image\ncircle(1,2,3)\n")


def test_excluded_regions_are_not_sources(tmp_path):
    with pytest.warns(ClaxboiWarning, match="1 excluded regions are not read as sources"):
        table = read(tmp_path / "t.reg", 'icrs\ncircle(10,5,1")\n-circle(11,6,2")\n')
    assert table["ra"].tolist() == [10]


def test_what_services_write(tmp_path):
    text = "#Results from heasarc_x\n#Equatorial\n|name |ra   |\n|a b  |10.5 |\n"
    assert read(tmp_path / "t.txt", text)["name"].tolist() == ["a b"]
    text = "#   1 NUMBER   Running number\n#   2 ALPHA_J2000  Position [deg]\n 1 10.5\n"
    assert str(read(tmp_path / "t.cat", text)["ALPHA_J2000"].unit) == "deg"
    with pytest.raises(ValueError, match="the service that made it says: no such catalogue"):
        read(tmp_path / "t.tsv", "#\n#INFO\tError=no such catalogue\n#*** Nothing\n")


def test_csv_tells_of_lost_units(tmp_path):
    table = Table({"flux": [1e-16] * u.W / u.m**2, "x": [1.0]})
    with pytest.warns(ClaxboiWarning, match=r"CSV has no units: those of flux \(W / m2\) are lost"):
        write_table(table, tmp_path / "units.csv")
    write_table(table["x",], tmp_path / "no_units.csv")
