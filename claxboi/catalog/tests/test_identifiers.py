# Licensed under a 3-clause BSD style license - see LICENSE.rst
from astropy.table import Table

from claxboi.catalog import identifier_columns


def test_the_name_in_the_vocabulary_comes_first():
    table = Table({"srcid": [1], "Name": ["a"], "source_id": ["b"], "IAUName": ["c"]})
    assert identifier_columns(table) == ["source_id", "IAUName", "Name", "srcid"]


def test_a_table_without_names():
    assert identifier_columns(Table({"ra": [1.0], "names": ["a"]})) == []
