# Licensed under a 3-clause BSD style license - see LICENSE.rst
import io
import re

import numpy as np
import pytest
from astropy import units as u
from astropy.io.votable.ucd import parse_ucd
from astropy.table import Column, MaskedColumn, Table

from claxboi.catalog import describe, make_column, vocabulary

NAMES = vocabulary()["name"].tolist()


def test_names_are_unique_without_case():
    assert len({name.lower() for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("record", list(vocabulary()), ids=NAMES)
def test_records_are_sound(record):
    u.Unit(record["unit"])
    if record["ucd"]:
        parse_ucd(str(record["ucd"]), check_controlled_vocabulary=True)
    assert record["step"] in range(1, 7)
    assert record["dtype"] in ("str", "float64", "int64", "bool")
    assert record["description"]
    assert not record["description"].endswith(".")
    # What varies in the description must be in the name.
    for part in re.findall(r"<\w+>", record["description"]):
        assert part in record["name"]


def test_each_call_reads_a_table_of_its_own():
    vocabulary()["name"][0] = "spoilt"
    assert "spoilt" not in vocabulary()["name"]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("ra", "Right ascension, ICRS"),
        ("pos_error", "Positional error"),
        ("hr3", "X-ray hardness ratio 3"),
        ("hr12_error", "Error of hr12"),
        ("pm_error", "Error of pm"),
        ("opt_p_any", "Probability that the X-ray source has any opt counterpart"),
        ("galaxy_id", "Identifier of the host galaxy"),
        ("label_gal_XRB", "Bit flags of the catalogues that label the source gal_XRB"),
        ("P_AGN", "Posterior probability of class AGN"),
        ("P_gal_XRB", "Posterior probability of class gal_XRB"),
        ("P_AGN_2", "Posterior probability of class AGN_2"),
        ("P_gal_XRB_location", "Probability of class gal_XRB from the location properties"),
        ("P_a.b (c)", "Posterior probability of class a.b (c)"),
    ],
)
def test_describe_a_name_in_use(name, start):
    record = describe(name)
    assert record["name"] == name
    assert record["description"].startswith(start)


def test_describe_fills_the_placeholders():
    record = describe("P_<class>_<category>", **{"class": "star", "category": "colour"})
    assert record["name"] == "P_star_colour"
    assert "class star from the colour properties" in record["description"]
    assert describe("hr<n>", n=2)["name"] == "hr2"


@pytest.mark.parametrize("name", ["", "RA", "hr", "hrx", "my_column", "xP_AGN"])
def test_unknown_names(name):
    assert describe(name) is None
    with pytest.raises(KeyError, match="the vocabulary has no column"):
        make_column(name, [1])


def test_a_description_belongs_to_its_caller():
    describe("ra")["description"] = "spoilt"
    assert describe("ra")["description"] == "Right ascension, ICRS"


def test_make_column():
    column = make_column("flux", [1e-14, 2e-14])
    assert type(column) is Column
    assert column.name == "flux"
    assert column.unit == u.erg / u.s / u.cm**2
    assert column.meta == {"ucd": "phot.flux;em.X-ray"}
    assert column.description.startswith("X-ray flux")


def test_make_column_with_a_mask():
    column = make_column("class", ["AGN", ""], mask=[False, True])
    assert type(column) is MaskedColumn
    np.testing.assert_array_equal(column.mask, [False, True])
    assert type(make_column("class", ["AGN"], mask=[False])) is MaskedColumn


def test_make_column_converts_quantities():
    np.testing.assert_allclose(make_column("pos_error", [1, 2] * u.arcmin), [60, 120])
    with pytest.raises(u.UnitConversionError):
        make_column("pos_error", [1, 2] * u.m)


def test_unit_ucd_and_description_survive_a_votable():
    table = Table([make_column("pm", [1.5]), make_column("P_<class>", [0.5], **{"class": "CV"})])
    stream = io.BytesIO()
    table.write(stream, format="votable")
    back = Table.read(io.BytesIO(stream.getvalue()), format="votable")
    for name in ("pm", "P_CV"):
        assert back[name].unit == table[name].unit
        assert back[name].description == table[name].description
        assert back[name].meta["ucd"] == table[name].meta["ucd"]
