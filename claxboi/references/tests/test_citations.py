# Licensed under a 3-clause BSD style license - see LICENSE.rst
import re

import pytest
from astropy.table import Table

from claxboi import sharing
from claxboi.references import acknowledgements, bibtex, load_records
from claxboi.references.citations import (
    _BIBCODE,
    METHOD,
    SERVICES,
    SOFTWARE,
    _bare_entry,
    _entries,
    _in_short,
    cited,
)


def make(**steps):
    return Table({"ra": [1.0]}, meta={"claxboi": steps})


def keys(text):
    return re.findall(r"^@\w+\{(\S+),", text, re.MULTILINE)


def test_catalogues_and_services_of_the_record_are_cited_once():
    result = make(
        counterparts_opt={"surveys": ["gaia", "panstarrs"]},
        labels={"catalogues": {"secrest": {"service": "vizier", "cite": ["2015ApJS..221...12S"]}}},
        references={"reference": "gaia", "service": "xmatch"},
    )
    text = bibtex(result)
    found = keys(text)
    assert len(found) == len(set(found))
    assert found[0] == METHOD[0]
    assert {"2023A&A...674A...1G", "2016arXiv161205560C", "2015ApJS..221...12S"} <= set(found)
    assert {SERVICES["vizier"][1], SERVICES["xmatch"][1]} <= set(found)
    assert SERVICES["simbad"][1] not in found
    assert found[-len(SOFTWARE) :] == list(SOFTWARE)
    assert "10.26093/cds/vizier" in text.split("@")[0]


def test_without_a_record_method_and_software_are_cited():
    assert keys(bibtex(Table())) == [*METHOD, *SOFTWARE]
    assert len(acknowledgements(Table()).splitlines()) == 1


def test_simbad_has_its_own_text():
    assert "SIMBAD database, CDS, Strasbourg Astronomical Observatory" in acknowledgements(
        make(x={"service": "simbad"})
    )


def test_entries_are_whole():
    entries = _entries()
    assert {*METHOD, *SOFTWARE, *(paper for _, paper in SERVICES.values())} <= set(entries)
    for key, entry in entries.items():
        assert _BIBCODE.fullmatch(key)
        assert entry.count("{") == entry.count("}"), key
        for needed in ("author", "title", "year"):
            assert re.search(rf"\b{needed} = {{", entry), (key, needed)
        assert f"year = {{{key[:4]}}}" in entry, key


@pytest.mark.parametrize("name", sorted(load_records()))
def test_each_catalogue_can_be_cited(name):
    text = bibtex(make(references={"reference": name}))
    assert text.count("{") == text.count("}")
    assert set(load_records()[name].citation) <= set(keys(text))


def test_paper_known_by_its_bibcode_only():
    entry = _bare_entry("2021A&A...649A...1G", "Gaia EDR3 & more")
    # The other kinds of entries must have an author.
    assert entry.startswith("@misc{2021A&A...649A...1G,")
    assert r"title = {{Gaia EDR3 \& more}}" in entry
    assert r"howpublished = {A\&A 649, A1}" in entry
    assert "year = {2021}" in entry
    assert "abs/2021A%26A...649A...1G" in entry
    assert "paper are at adsurl" in entry
    # Of a page above 9999 the qualifier is the first digit.
    assert "{AJ 121, 1234}" in _bare_entry("2001AJ....121.1234X", None)
    # A small letter is the issue.
    assert "{KFNT 17, 409}" in _bare_entry("2001KFNT...17e.409K", None)
    bare = _bare_entry("2021yCat.7290....0F", None)
    assert "{VizieR Online Data Catalog 7290}" in bare


def test_no_table():
    with pytest.raises(TypeError, match="result must be an astropy Table"):
        bibtex({})


def test_entries_in_short():
    papers = cited(make(x={"reference": "veron"}, y={"service": "xmatch"}))
    assert papers["2010A&A...518A..10V"] == "Véron-Cetty & Véron, 2010, A&A 518, A10"
    assert papers["2012ASPC..461..291B"] == "Boch et al., 2012, ASP Conference Series 461, 291"
    assert papers["2020Natur.585..357H"] == "Harris et al., 2020, Nature 585, 357\u2013362"
    assert next(iter(papers)) == "2022A&A...657A.138T"
    bare = _in_short(_bare_entry("2021A&A...649A...1G", "Gaia EDR3 & more"))
    assert bare == "Gaia EDR3 & more, 2021, A&A 649, A1"
    for text in map(_in_short, _entries().values()):
        assert not set(text) & set("{}\\~")


def test_of_names():
    assert sharing.bibtex is bibtex
    text = bibtex(["catwise", "gaia"])
    assert keys(text) == ["2021ApJS..253....8M", *load_records()["gaia"].citation]
    assert "% " not in text
    with pytest.raises(ValueError, match="nosuch"):
        bibtex(["nosuch"])
