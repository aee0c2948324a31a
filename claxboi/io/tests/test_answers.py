# Licensed under a 3-clause BSD style license - see LICENSE.rst
import io
import re

import numpy as np
import pytest
from astropy.io import votable
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.io import read_table
from claxboi.io._answers import read_answer
from claxboi.references import AnswerError, ServiceError, UnknownTableError

HEAD = '<?xml version="1.0" encoding="UTF-8"?><VOTABLE version="{version}">'
FIELDS = (
    '<FIELD name="id" datatype="char" arraysize="4"/>'
    '<FIELD name="x" datatype="double" unit="mW/m2" ucd="phot.flux"/>'
    '<FIELD name="k" datatype="short"><VALUES null="-9"/></FIELD>'
    '<FIELD name="is" datatype="boolean"/>'
)
ROWS = (
    "<TR><TD>abcdef</TD><TD> 1.5</TD><TD>007</TD><TD>T</TD></TR>"
    "<TR><TD>A &amp; B</TD><TD>+2e-15 </TD><TD>-9</TD><TD>0</TD></TR>"
    "<TR><TD></TD><TD/><TD></TD><TD></TD></TR>"
    "<TR><TD> y </TD><TD>NaN</TD><TD>+5</TD><TD>1</TD></TR>"
)


def document(rows=ROWS, *, fields=FIELDS, infos="", version="1.2", attributes="", after=""):
    return (
        HEAD.format(version=version)
        + f'<RESOURCE>{infos}<TABLE name="t" {attributes}>{fields}<DATA><TABLEDATA>{rows}'
        + f"</TABLEDATA></DATA></TABLE>{after}</RESOURCE></VOTABLE>"
    ).encode()


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3", "1.4"])
def test_values_and_missing_ones(version):
    (table,) = read_answer(document(version=version), "t").tables.values()
    assert table.colnames == ["id", "x", "k", "is"]
    # The declared width of 4 cuts nothing.
    assert table["id"].tolist() == ["abcdef", "A & B", None, "y"]
    assert table["x"].mask.tolist() == [False, False, True, True]
    assert_allclose(table["x"][:2], [1.5, 2e-15])
    assert table["k"].tolist() == [7, None, None, 5]
    assert table["is"].tolist() == [True, False, None, True]
    assert table["x"].unit.to_string() == "mW / m2"
    assert table["x"].meta["ucd"] == "phot.flux"


def test_agrees_with_astropy():
    rng = np.random.default_rng(0)
    n = 500
    table = Table(
        {
            "f": rng.normal(size=n),
            "g": rng.normal(size=n).astype(np.float32),
            "i": rng.integers(-100, 100, n).astype(np.int32),
            "l": rng.integers(-(2**62), 2**62, n),
            "b": rng.random(n) < 0.5,
            "s": rng.integers(0, 9999, n).astype(str),
        },
        masked=True,
    )
    for name in table.colnames:
        table[name].mask = rng.random(n) < 0.2
    stream = io.BytesIO()
    table.write(stream, format="votable")
    (ours,) = read_answer(stream.getvalue(), "t").tables.values()
    theirs = Table.read(stream, format="votable")
    for name in table.colnames:
        mask = np.asarray(table[name].mask)
        if name == "s":
            mask = mask | (np.asarray(theirs[name]) == "")
        assert_array_equal(ours[name].mask, mask)
        a, b = (np.asarray(t[name])[~mask].astype(theirs[name].dtype) for t in (ours, theirs))
        assert_array_equal(a, b)


@pytest.mark.parametrize("encoding", ["binary", "binary2"])
def test_other_encodings(encoding):
    table = Table({"x": [1.0, 2.0], "s": ["a", "bc"]})
    stream = io.BytesIO()
    votable.writeto(votable.from_table(table), stream, tabledata_format=encoding)
    (read,) = read_answer(stream.getvalue(), "t").tables.values()
    assert_array_equal(read["x"], table["x"])
    assert read["s"].tolist() == ["a", "bc"]


def test_cells_with_markup_of_their_own():
    # No null value is declared, and version 1.2 would make the missing integer a 0.
    fields = '<FIELD name="id" datatype="char" arraysize="2"/><FIELD name="k" datatype="int"/>'
    rows = "<TR><TD><![CDATA[<a>]]></TD><TD></TD></TR>"
    (table,) = read_answer(document(rows, fields=fields), "t").tables.values()
    assert table["id"].tolist() == ["<a>"]
    assert table["k"].tolist() == [None]


def test_no_rows_and_several_tables():
    (table,) = read_answer(document(""), "t").tables.values()
    assert len(table) == 0
    assert table["k"].dtype == np.int64
    two = document().replace(
        b"</RESOURCE>",
        b'<TABLE name="u"><FIELD name="y" datatype="int"/><DATA><TABLEDATA><TR><TD>3</TD></TR>'
        b"</TABLEDATA></DATA></TABLE></RESOURCE>",
    )
    tables = read_answer(two, "t").tables
    assert {name: len(table) for name, table in tables.items()} == {"t": 4, "u": 1}
    same = two.replace(b'name="u"', b'name="t"').replace(
        b'name="y" datatype="int"', b'name="k" datatype="int"'
    )
    (table,) = read_answer(same, "t").tables.values()
    assert len(table) == 5


def test_repeated_names():
    fields = '<FIELD name="ra" datatype="int"/><FIELD name="ra" datatype="int"/>'
    (table,) = read_answer(
        document("<TR><TD>1</TD><TD>2</TD></TR>", fields=fields), "t"
    ).tables.values()
    assert table.colnames == ["ra", "ra_"]


def test_every_cut_is_found():
    content = document(infos='<INFO name="nTuples" value="4"/>')
    for length in range(len(content) - 1):
        with pytest.raises(AnswerError) as info:
            read_answer(content[:length], "t")
        assert info.value.is_transient


@pytest.mark.parametrize("content", [b"", b"<html><body>Gateway</body></html>", b"\x00\xff"])
def test_no_votable(content):
    with pytest.raises(AnswerError, match="not a VOTable") as info:
        read_answer(content, "gaia")
    assert info.value.is_transient


def test_fewer_rows_than_declared():
    for kwargs in ({"attributes": 'nrows="5"'}, {"infos": '<INFO name="nTuples" value="5"/>'}):
        with pytest.raises(AnswerError, match="4 rows but declares 5"):
            read_answer(document(**kwargs), "t")
    good = document(attributes='nrows="4"', infos='<INFO name="nTuples" value="4"/>')
    assert len(read_answer(good, "t").tables["t"]) == 4


def test_errors_in_words():
    status = '<INFO name="QUERY_STATUS" value="ERROR">{}</INFO>'
    with pytest.raises(ServiceError, match="Too many jobs"):
        read_answer(document("", infos=status.format("Too many jobs")), "t")
    unknown = '<INFO ID="Error" name="Error" value="Table or Catalog not found: X"/>'
    with pytest.raises(UnknownTableError, match="Table or Catalog not found: X"):
        read_answer(document("", infos=unknown + status.format("")), "t")


def test_overflow_is_seen_after_the_table():
    ok = '<INFO name="QUERY_STATUS" value="OK"/>'
    assert not read_answer(document(infos=ok), "t").is_cut
    assert read_answer(document(infos=ok, after=ok.replace("OK", "OVERFLOW")), "t").is_cut


@pytest.mark.parametrize(
    ("datatype", "cell"),
    [
        ("double", "- .3944"),
        ("long", "99999999999999999999999"),
        ("int", "1.5"),
        ("short", "\xff"),
        ("float", "1e"),
    ],
)
def test_a_bad_cell_is_a_fault_that_may_pass(datatype, cell):
    fields = f'<FIELD name="mag" datatype="{datatype}"/>'
    content = document(f"<TR><TD>{cell}</TD></TR>", fields=fields)
    with pytest.raises(AnswerError, match=f"Gaia: .*column 'mag', type {datatype}") as info:
        read_answer(content, "Gaia")
    assert info.value.is_transient


@pytest.mark.parametrize("text", ["!!", "AAAA!!!!", "AAA"])
def test_a_bad_stream_is_a_fault_that_may_pass(text):
    field = '<FIELD name="a" datatype="int"/>'
    data = f'<BINARY><STREAM encoding="base64">{text}</STREAM></BINARY>'
    content = f"<VOTABLE><RESOURCE><TABLE>{field}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
    with pytest.raises(AnswerError, match="the answer is broken") as info:
        read_answer(content.encode(), "Gaia")
    assert info.value.is_transient


def test_a_field_without_a_name():
    with pytest.raises(AnswerError, match="Gaia: the answer is broken"):
        read_answer(document("", fields='<FIELD datatype="int"/>'), "Gaia")


@pytest.mark.parametrize("seed", range(3))
def test_damaged_bytes_raise_our_errors_alone(seed):
    rng = np.random.default_rng(seed)
    whole = document(attributes='nrows="4"', version=rng.choice(["1.2", "1.4"]))
    n_refused = 0
    for _ in range(200):
        content = bytearray(whole)
        for place in rng.integers(len(content), size=rng.integers(1, 4)):
            content[place : place + rng.integers(2)] = rng.bytes(rng.integers(3))
        try:
            read_answer(bytes(content), "Gaia")
        except (AnswerError, ServiceError):
            n_refused += 1
    assert n_refused > 50


@pytest.mark.parametrize("kind", ["BINARY", "BINARY2"])
@pytest.mark.parametrize("text", [False, True])
def test_damaged_binary_rows(kind, text, tmp_path):
    table = Table({"a": [1, 2, 3], "s": ["x", "yy", "zzz"] if text else [1.5, 2, 3]})
    stream = io.BytesIO()
    table.write(stream, format="votable", tabledata_format=kind.lower())
    content = re.sub(rb" nrows=\"\d+\"", b"", stream.getvalue())
    (whole,) = read_answer(content, "Gaia").tables.values()
    assert whole["s"].tolist() == table["s"].tolist()
    head, _, rest = content.partition(b'encoding="base64">')
    body, _, tail = rest.partition(b"</STREAM>")
    letters = b"".join(body.split())
    for damaged in (b"!!", letters[:-4], letters[:8], letters[:5] + b"!" + letters[5:]):
        broken = head + b'encoding="base64">' + damaged + b"</STREAM>" + tail
        with pytest.raises(AnswerError, match="broken: the binary rows of table 1") as err:
            read_answer(broken, "Gaia")
        assert err.value.is_transient
        (tmp_path / "broken.vot").write_bytes(broken)
        with pytest.raises(ValueError, match="the binary rows of table 1 are damaged"):
            read_table(tmp_path / "broken.vot")
