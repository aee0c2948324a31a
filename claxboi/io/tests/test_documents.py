# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
VOTables that other programs find nothing wrong with.
"""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import votable
from astropy.table import MaskedColumn, Table
from astropy.time import Time

from claxboi.io import as_votable, read_table, write_table


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


def test_erg_is_no_reason_to_warn(tmp_path):
    unit = u.Unit("1e-14 erg / (s cm2)")
    # Warnings are errors here.
    as_votable(Table({"flux": [1.0] * unit})).to_xml(str(tmp_path / "t.vot"))
    assert read_table(tmp_path / "t.vot")["flux"].unit == unit


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["good", "a\x01b"], r"no control characters, got 'a\\x01b' in column 'x'"),
        ([{}, None], "VOTable cannot hold column 'x': .* got Column of object"),
        (Time([2000.0, 2001.0], format="jyear"), r"column 'x': .* got Time of shape \(2,\)"),
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
