# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
VOTables that other programs read without complaint.
"""

import importlib.util
from contextlib import nullcontext

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import votable
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from claxboi.io import as_votable, read_table, write_table
from claxboi.utils import ClaxboiWarning

needs_pyarrow = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None, reason="needs claxboi[parquet]"
)
SUFFIXES = ["vot", "fits", "ecsv", "csv", pytest.param("parquet", marks=needs_pyarrow)]


@pytest.fixture
def table():
    mask = [True, False]
    made = Table(
        {
            "S/N": [1.0, 2.0],
            "S_N": [3.0, 4.0],
            "flag": MaskedColumn([True, False], mask=mask),
            "whole": [True, False],
            "letter": MaskedColumn(["a", "b"], mask=mask),
            "text": ["αβγ", "δ"],
            "i8": MaskedColumn([1, 2], mask=mask),
            "f8": MaskedColumn([1.0, 2.0], mask=mask),
            "pairs": [[True, False], [False, False]],
        }
    )
    made["power"] = [1.0, 2.0] * u.Unit("1e-14 W / m2")
    return made


def test_columns_are_of_types_that_can_be_missing(table, tmp_path):
    write_table(table, tmp_path / "t.vot")
    document = votable.parse(tmp_path / "t.vot", verify="exception")
    fields = {field.name: field for field in document.get_first_table().fields}
    assert fields["flag"].datatype == fields["whole"].datatype == "boolean"
    assert fields["letter"].arraysize == "*"
    ids = [field.ID for field in fields.values()]
    assert len(set(ids)) == len(ids)
    back = read_table(tmp_path / "t.vot")
    assert back.colnames == table.colnames
    for name in table.colnames:
        assert back[name].tolist() == table[name].tolist(), name
        assert back[name].unit == table[name].unit
    assert back["flag"].dtype == bool


FIELDS = '<FIELD name="ra" datatype="double"/><FIELD name="e" datatype="double" precision="E1"/>'


def write_votable(path, *tables):
    made = [
        f'<TABLE name="{name}">{FIELDS}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>'
        for name, rows in tables
    ]
    path.write_text(
        '<?xml version="1.0"?><VOTABLE version="1.3" '
        'xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>'
        f"{''.join(made)}</RESOURCE></VOTABLE>"
    )


def test_several_tables(tmp_path):
    row = "<TR><TD>10</TD><TD>0.0014</TD></TR>"
    write_votable(tmp_path / "t.vot", ("notes", ""), ("sources", row))
    assert read_table(tmp_path / "t.vot")["ra"].tolist() == [10]
    write_votable(tmp_path / "t.vot", ("notes", row), ("sources", row * 2))
    with pytest.raises(
        ValueError, match=r"several tables: 'notes' \(number 1, 1 rows\), 'sources'"
    ):
        read_table(tmp_path / "t.vot")
    assert len(read_table(tmp_path / "t.vot", table="sources")) == 2
    assert len(read_table(tmp_path / "t.vot", table=1)) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_all_digits_are_written(tmp_path, suffix):
    write_votable(tmp_path / "t.vot", ("a", "<TR><TD>10.1234567</TD><TD>0.0014</TD></TR>"))
    table = read_table(tmp_path / "t.vot")
    table["ra"].format = ".2f"
    table["e"].meta["precision"] = "E1"
    write_table(table, tmp_path / f"again.{suffix}")
    back = read_table(tmp_path / f"again.{suffix}")
    assert back["ra"].tolist() == [10.1234567]
    assert back["e"].tolist() == [0.0014]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_quantities_and_times(tmp_path, suffix):
    table = QTable({"ra": [10.0, 20.0] * u.deg, "epoch": Time([2000.5, 2010.25], format="jyear")})
    table["day"] = Time(["2010-01-01", "2010-01-02T03:04:05.123456789"])
    with pytest.warns(ClaxboiWarning, match="no units") if suffix == "csv" else nullcontext():
        write_table(table, tmp_path / f"q.{suffix}")
    back = read_table(tmp_path / f"q.{suffix}")
    assert back["ra"].tolist() == [10.0, 20.0]
    assert suffix == "csv" or back["ra"].unit == u.deg
    assert np.allclose(getattr(back["epoch"], "jyear", back["epoch"]), [2000.5, 2010.25])
    again = Time(np.asarray(back["day"]).astype(str)) if suffix != "ecsv" else back["day"]
    assert np.abs((again - table["day"]).to_value("s")).max() < 1e-9


def test_no_warning_about_erg(tmp_path):
    unit = u.Unit("1e-14 erg / (s cm2)")
    # Warnings are errors here.
    as_votable(Table({"flux": [1.0] * unit})).to_xml(str(tmp_path / "t.vot"))
    assert read_table(tmp_path / "t.vot")["flux"].unit == unit


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["good", "a\x01b"], r"cannot hold control characters, got 'a\\x01b' in column 'x'"),
        ([{}, None], "VOTable cannot hold column 'x': .* got Column of object"),
        (SkyCoord([1, 2], [3, 4], unit="deg"), r"column 'x': .* got SkyCoord of shape \(2,\)"),
    ],
)
def test_what_it_cannot_hold(column, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_table(Table({"x": column}), tmp_path / "t.vot")
    assert not list(tmp_path.iterdir())


def test_text_of_other_byte_orders_and_of_no_length(tmp_path):
    table = Table({"big": np.array(["ab", "c"], dtype=">U2"), "none": np.array(["", ""])})
    write_table(table, tmp_path / "t.vot")
    assert read_table(tmp_path / "t.vot")["big"].tolist() == ["ab", "c"]
    write_table(table[:0], tmp_path / "t.vot", overwrite=True)
    assert len(read_table(tmp_path / "t.vot")) == 0


def write_cells(path, field, cells, version="1.3", info=""):
    rows = "".join(f"<TR><TD>{cell}</TD></TR>" for cell in cells)
    path.write_text(
        f'<?xml version="1.0"?><VOTABLE version="{version}"><RESOURCE>{info}<TABLE>{field}<DATA>'
        f"<TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )


@pytest.mark.parametrize(
    ("field", "cells", "expected"),
    [
        ('<FIELD name="x" datatype="int"/>', ["", "3", " 4 "], [None, 3, 4]),
        ('<FIELD name="x" datatype="double"/>', ["  ", "1.5", "NaN"], [None, 1.5, None]),
        # Text is as long as it is, whatever its field declares.
        ('<FIELD name="x" datatype="char" arraysize="3"/>', ["abcdef", ""], ["abcdef", None]),
        ('<FIELD name="x" datatype="char"></FIELD>', ["abc", "d"], ["abc", "d"]),
        ("<FIELD name='x' datatype='char' arraysize='2*'/>", ["abc", "d"], ["abc", "d"]),
        ('<FIELD name="x" datatype="boolean"/>', ["TRUE", "F", ""], [True, False, None]),
    ],
)
@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3", "1.4"])
def test_cells_of_services(tmp_path, field, cells, expected, version):
    write_cells(tmp_path / "t.vot", field, cells, version)
    assert read_table(tmp_path / "t.vot")["x"].tolist() == expected


def test_what_a_service_says(tmp_path):
    field = '<FIELD name="x" datatype="int"/>'
    info = '<INFO name="QUERY_STATUS" value="ERROR">no such table</INFO>'
    write_cells(tmp_path / "t.vot", field, [], info=info)
    with pytest.raises(ValueError, match="the service that made it says: no such table"):
        read_table(tmp_path / "t.vot")
    write_cells(tmp_path / "t.vot", field, ["1"], info=info.replace("ERROR", "OVERFLOW"))
    with pytest.warns(ClaxboiWarning, match="the table is incomplete"):
        read_table(tmp_path / "t.vot")
    write_cells(tmp_path / "t.vot", field.replace("int", "long"), [str(2**64 - 1)])
    with pytest.raises(ValueError, match="W51"):
        read_table(tmp_path / "t.vot")


def test_a_table_named_after_its_file(tmp_path):
    row = "<TR><TD>10</TD><TD>0.0014</TD></TR>"
    write_votable(tmp_path / "t.vot", ("notes", row), ("sources", row * 2))
    assert len(read_table(f"{tmp_path}/t.vot#sources")) == 2
    assert len(read_table(tmp_path / "t.vot#1")) == 1
    with pytest.raises(ValueError, match=r"or t\.vot#notes on the command line"):
        read_table(tmp_path / "t.vot")
    (tmp_path / "a#b.csv").write_text("x\n1\n")
    assert read_table(tmp_path / "a#b.csv")["x"].tolist() == [1]


DOCUMENT = (
    '<?xml version="1.0"?><VOTABLE version="1.3">{before}<RESOURCE>{info}<TABLE {attributes}>'
    "{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
)


def read_document(folder, fields, rows, *, before="", info="", attributes=""):
    cells = "".join(f"<TR>{''.join(f'<TD>{cell}</TD>' for cell in row)}</TR>" for row in rows)
    text = DOCUMENT.format(
        before=before, info=info, attributes=attributes, fields=fields, rows=cells
    )
    (folder / "t.vot").write_text(text)
    return read_table(folder / "t.vot")


def test_fewer_rows_than_declared(tmp_path):
    field = '<FIELD name="a" datatype="int"/>'
    assert len(read_document(tmp_path, field, ["1"], attributes='nrows="1"')) == 1
    with pytest.raises(ValueError, match="has 1 rows but declares 5: the file is incomplete"):
        read_document(tmp_path, field, ["1"], attributes='nrows="5"')


def test_the_error_of_a_service_in_an_info(tmp_path):
    with pytest.raises(ValueError, match="the service that made it says: no such catalogue"):
        read_document(tmp_path, "", [], info='<INFO name="Error" value="no such catalogue"/>')


def test_positions_of_another_equinox(tmp_path):
    system = '<COOSYS ID="c" system="{}" equinox="{}"/>'
    fields = '<FIELD name="RA" datatype="double" ref="c"/><FIELD name="n" datatype="int"/>'
    read_document(tmp_path, fields, [("1", "2")], before=system.format("eq_FK5", "J2000"))
    with pytest.warns(ClaxboiWarning, match="columns 'RA' are positions of equinox B1950"):
        read_document(tmp_path, fields, [("1", "2")], before=system.format("eq_FK4", "B1950"))


def test_arrays_of_any_length_with_one_number_each(tmp_path):
    field = '<FIELD name="a" datatype="double" arraysize="*"/>'
    assert read_document(tmp_path, field, [["1.5"], ["2"], [""]])["a"].tolist() == [1.5, 2, None]
    assert len(read_document(tmp_path, field, [["1.5 2"], ["2"]])["a"][0]) == 2
