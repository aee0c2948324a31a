# Licensed under a 3-clause BSD style license - see LICENSE.rst
import pytest
from astropy.io import votable
from astropy.table import Table

from claxboi.catalog import make_column
from claxboi.io import read_table
from claxboi.sharing import to_votable


@pytest.fixture
def sources():
    table = Table(meta={"claxboi": {"classification": {"classes": ["AGN"]}}})
    for name in ("ra", "dec", "flux", "log_fx_fr", "P_AGN"):
        table[name] = make_column(name, [1.0, 2.0])
    table["my column"] = [1, 2]
    return table


def test_groups_refer_to_their_columns(sources, tmp_path):
    to_votable(sources).to_xml(str(tmp_path / "t.vot"))
    tree = votable.parse(tmp_path / "t.vot").get_first_table()
    groups = {
        group.name: [entry.get_ref().name for entry in group.entries] for group in tree.groups
    }
    assert groups == {
        "catalogue": ["ra", "dec", "flux"],
        "properties": ["log_fx_fr"],
        "classification": ["P_AGN"],
    }
    assert tree.get_field_by_id("ra").ucd == "pos.eq.ra;meta.main"


def test_file_is_read_back(sources, tmp_path):
    to_votable(sources).to_xml(str(tmp_path / "t.vot"))
    back = read_table(tmp_path / "t.vot")
    assert back.colnames == sources.colnames
    assert back.meta["claxboi"] == sources.meta["claxboi"]
    assert back["flux"].unit == sources["flux"].unit


def test_empty_table(sources):
    assert len(to_votable(sources[:0]).get_first_table().array) == 0
