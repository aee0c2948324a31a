# Licensed under a 3-clause BSD style license - see LICENSE.rst
import re

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose

from claxboi.counterparts import homogenize_magnitudes, magnitude_relations
from claxboi.references import Record, list_references
from claxboi.references._page import catalogue_page
from claxboi.references.records import KINDS, SERVICES, _record, load_records

RECORDS = load_records()


@pytest.mark.parametrize("name", RECORDS)
def test_each_record_is_complete(name):
    record = RECORDS[name]
    assert record.name == name
    assert record.title
    assert record.kind in KINDS
    assert set(record.services) <= set(SERVICES)
    assert record.citation
    for bibcode in record.citation:
        assert re.fullmatch(r"\d{4}[A-Za-z&]+[.\dA-Za-z]+[A-Z]", bibcode)
        assert len(bibcode) == 19
    assert record.area_deg2 > 0
    for service in record.services:
        columns = record.columns_on(service)
        assert {"ra", "dec"} <= set(columns)
        assert columns["ra"].unit == columns["dec"].unit == "deg"
        names = [column.names[service] for column in columns.values()]
        assert len(set(names)) == len(names)
    for group in record.error:
        assert all(record.columns[name].unit for name in group)
    if record.kind == "labels":
        assert record.labels or {"type", "otype"} & set(record.columns)
    for mark in record.unconfirmed:
        parts = mark.split(".")
        assert hasattr(record, parts[0])
        assert all(part in SERVICES or part in record.columns for part in parts[1:])


def test_the_catalogues_that_were_asked_for():
    surveys = "gaia gaia_edr3 bailer_jones panstarrs des des_dr1 usnob 2mass allwise unwise catwise"
    surveys += " skymapper galex ukidss vhs virac legacy delve euclid"
    galaxies = "glade1 glade2 glade hyperleda regalade"
    original = {
        "J/ApJS/221/12/table1", "VII/258/vv10", "I/280B/ascc", "B/cb/lmxbdata",
        "J/A+A/469/807/lmxb", "J/ApJ/689/983/table6", "J/ApJ/662/525/Xbin",
        "J/A+A/533/A33/table6", "J/A+A/455/1165/table1", "J/MNRAS/419/2095/hmxb",
        "J/MNRAS/466/1019/table2", "J/ApJS/222/15/table12", "J/A+A/587/A61/tablea1",
        "B/cb/cbdata", "V/123A/cv", "simbad",
    }  # fmt: skip
    assert set(surveys.split()) == {r.name for r in RECORDS.values() if r.kind == "survey"}
    assert set(galaxies.split()) == {r.name for r in RECORDS.values() if r.kind == "galaxies"}
    labels = {r.table for r in RECORDS.values() if r.kind == "labels"}
    newer = {"VII/294/catalog", "J/A+A/675/A199/lmxbcat", "J/A+A/677/A134/hmxbcat"}
    assert original | newer <= labels


def test_names_differ_from_service_to_service():
    gaia = RECORDS["gaia"].columns
    assert gaia["ra"].names == {"vizier": "RA_ICRS", "xmatch": "RAdeg"}
    assert RECORDS["gaia_edr3"].columns["Gmag"].names["xmatch"] == "phot_g_mean_mag"
    assert RECORDS["usnob"].columns["B2mag"].names == {"vizier": "B2mag", "xmatch": "Bmag2"}
    assert RECORDS["2mass"].columns["quality"].names == {"vizier": "Qflg", "xmatch": "Qfl"}
    assert RECORDS["gaia"].epoch == {"xmatch": 2016.0, "vizier": 2016.0}
    assert RECORDS["gaia_edr3"].epoch == {"xmatch": 2000.0, "vizier": 2016.0}


def test_density():
    # 1.8e9 sources on the whole sky.
    assert_allclose(RECORDS["gaia"].density_deg2, 1_811_709_771 / 41_253)
    assert RECORDS["regalade"].density_deg2 is None


@pytest.mark.parametrize(
    ("name", "columns", "sigma"),
    [
        ("gaia", {"ra_error": [3.0] * u.mas, "dec_error": [4.0] * u.mas}, 0.005 / np.sqrt(2)),
        ("4xmm", {"pos_error_63": [np.sqrt(2)]}, 1.0),
        ("2sxps", {"pos_error_90": [2.146]}, 1.0),
        ("csc2", {"pos_error_major_95": [2.4477], "pos_error_minor_95": [2.4477]}, 1.0),
        ("erass1", {"pos_error_1d": [1.7]}, 1.7),
    ],
)
def test_errors_become_1_sigma_per_axis(name, columns, sigma):
    assert_allclose(RECORDS[name].pos_error(Table(columns)), sigma, rtol=1e-4)


def test_unknown_errors():
    table = Table({"pos_error_63": MaskedColumn([1.0, 1.0], mask=[False, True])})
    assert np.isnan(RECORDS["4xmm"].pos_error(table)).tolist() == [False, True]
    assert RECORDS["4xmm"].pos_error(Table({"ra": [1.0]})) is None


def test_unconfirmed_columns():
    assert RECORDS["simbad"].is_unconfirmed("xmatch", "otype")
    assert not RECORDS["simbad"].is_unconfirmed("simbad", "otype")
    assert RECORDS["glade1"].is_unconfirmed("vizier", "distance")
    assert not RECORDS["gaia"].is_unconfirmed("xmatch", "ra")


def test_list_of_references():
    table = list_references()
    assert len(table) == len(RECORDS)
    assert set(list_references("labels")["kind"]) == {"labels"}
    assert table["rows"][table["name"] == "regalade"].mask.all()
    with pytest.raises(ValueError, match="kind must be one of 'survey'"):
        list_references("surveys")


def test_magnitudes_have_the_names_that_the_next_step_expects():
    for survey in {str(name) for name in magnitude_relations()["survey"]}:
        columns = RECORDS[survey].columns
        bands = ("mag", "FW", "PM", "flux")
        table = Table({name: [1.0] for name in columns if any(part in name for part in bands)})
        homogenize_magnitudes(table, survey)


@pytest.mark.parametrize("name", [r.name for r in RECORDS.values() if r.kind == "survey"])
def test_counterparts_can_be_searched_in_each_survey(name):
    # That of distances is joined on the identifier.
    record = RECORDS[name]
    assert record.error or record.typical_error or name == "bailer_jones"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"kind": "survy"}, "kind of x must be one of"),
        ({"columns": {"ra": {"name": "RA", "type": "float32"}}}, "type of column ra must be one"),
        ({"columns": {"ra": {"vizir": "RA"}}}, "column ra must have names on services"),
        ({"columns": {"ra": {"name": "RA", "unit": "degg"}}}, "degg"),
    ],
)
def test_wrong_records(change, match):
    entry = {
        "title": "X", "kind": "survey", "table": "I/1/x", "services": ["vizier"],
        "columns": {"ra": {"name": "RA"}},
    }  # fmt: skip
    assert isinstance(_record("x", entry), Record)
    with pytest.raises(ValueError, match=match):
        _record("x", {**entry, **change})


def test_page_of_the_catalogues():
    text = "\n".join(map(catalogue_page, KINDS))
    for record in RECORDS.values():
        assert f"``{record.name}``: {record.title}\n===" in text
        assert all(f"`{code} <https" in text for code in record.citation)
    assert "   * - ``ra``\n     - deg\n     - ``RAdeg``\n     - ``RA_ICRS``\n" in text
    assert ":Unconfirmed: ``rows``, ``error_level``, ``columns.xmatch.otype``" in text
    # Words that end in an underscore are links in reStructuredText.
    assert not re.search(r"\s\w*_[ ,.]", text)
