# Licensed under a 3-clause BSD style license - see LICENSE.rst
import pytest
from astropy import units as u
from astropy.table import Table

from claxboi import XrayTable
from claxboi.references import get_reference

XRAY = XrayTable({"ra": [10.0, 20.0], "dec": [5.0, 5.0]})
STARS = Table({"ra": [10.0], "dec": [5.001]})


def test_fetch_takes_one_catalogue_as_a_list_of_one():
    mine = get_reference(STARS, name="mine")
    for references in (mine, [mine]):
        near = XRAY.fetch(references, 8 * u.arcsec)
        assert list(near) == ["mine"]
        assert near["mine"]["query_index"].tolist() == [0]
    assert list(XRAY.fetch(STARS, 8 * u.arcsec)) == ["table"]


def test_fetch_names_the_whole_text_that_is_no_catalogue():
    with pytest.raises(ValueError, match="got 'gaia, allwise'"):
        XRAY.fetch("gaia, allwise", 8 * u.arcsec)


def test_crossmatch_takes_one_catalogue():
    with pytest.raises(TypeError, match="one call for each catalogue"):
        XRAY.crossmatch(["gaia", "allwise"], 8 * u.arcsec)


def test_the_nearest_name_is_found_without_case():
    with pytest.raises(ValueError, match="known ones are allwise"):
        get_reference("AllWISE")
