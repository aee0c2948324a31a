# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Parquet files as pandas and polars write them.
"""

import datetime
from decimal import Decimal

import pytest

from claxboi.io import read_table, table_from_arrow, write_table

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["AGN", None, "star"]).dictionary_encode(), ["AGN", None, "star"]),
        (pa.array([5, None, 7]).dictionary_encode(), [5, None, 7]),
        (pa.nulls(3), [None, None, None]),
        (pa.array([None, None, None], pa.float64()), [None, None, None]),
        (pa.array(["a", None, ""], pa.large_string()), ["a", None, None]),
        (pa.array([b"a", None, "é".encode()]), ["a", None, "é"]),
        (pa.array([True, None, False]), [True, None, False]),
        (pa.array([2**64 - 1, None, 0], pa.uint64()), [2**64 - 1, None, 0]),
        (pa.array([2**63 - 1, None, -(2**63)], pa.int64()), [2**63 - 1, None, -(2**63)]),
        (pa.array([1.5, None, 2.5], pa.float32()), [1.5, None, 2.5]),
        (pa.array([Decimal("1.50"), None, Decimal("2.25")]), [1.5, None, 2.25]),
        (
            pa.array([1, None, 86_400_000_000_500], pa.timestamp("us", tz="UTC")),
            ["1970-01-01T00:00:00.000001", None, "1972-09-27T00:00:00.000500"],
        ),
        (
            pa.array([datetime.date(2020, 1, 2), None, datetime.date(1999, 12, 31)]),
            ["2020-01-02", None, "1999-12-31"],
        ),
    ],
)
def test_columns_with_nulls(tmp_path, column, expected):
    data = pa.table({"ra": [1.0, 2.0, 3.0], "x": column, "__index_level_0__": [4, 5, 6]})
    parquet.write_table(data, tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.colnames == ["ra", "x"]
    assert table["x"].tolist() == expected
    # And it can be written in all formats.
    for suffix in ("fits", "vot", "ecsv", "parquet", "csv"):
        if suffix in ("vot", "fits") and 2**64 - 1 in expected:
            with pytest.raises(ValueError, match="cannot hold column 'x'"):
                write_table(table, tmp_path / f"again.{suffix}")
            continue
        write_table(table, tmp_path / f"again.{suffix}", overwrite=True)
        assert read_table(tmp_path / f"again.{suffix}")["x"].tolist() == expected, suffix


def test_missing_text_is_null(tmp_path):
    table = table_from_arrow(pa.table({"name": ["a", None]}))
    write_table(table, tmp_path / "t.parquet")
    assert parquet.read_table(tmp_path / "t.parquet")["name"].to_pylist() == ["a", None]


def test_lists(tmp_path):
    parquet.write_table(pa.table({"bands": [[1, 2], [3]]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="column 'bands' must have one number"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize("labels", [[7, 8, 9], [7, 9, 12], ["a", "b", "c"]])
def test_row_labels_of_pandas_that_have_a_name(tmp_path, labels):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"ra": [1.0, 2.0, 3.0]})
    frame.set_index(pandas.Index(labels, name="srcid")).to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["srcid"].tolist() == labels
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").colnames == ["ra"]


def test_bytes_that_are_not_text(tmp_path):
    parquet.write_table(pa.table({"b": [b"\xff"]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="column 'b' must have UTF-8 text"):
        read_table(tmp_path / "t.parquet")
