# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests that claxboi raises the errors explained on the page of questions and errors.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from claxboi import classify
from claxboi.counterparts import associate
from claxboi.references import FetchError
from claxboi.simulation import make_labelled_sample

PAGE = Path(__file__).parents[1].joinpath("faq.rst").read_text()
#: Quoted messages, at the start of a line in the second half of the page.
QUOTED = re.findall(r'^"(.*)"$', PAGE.partition("\nErrors\n")[2], re.MULTILINE)


def _classify(priors="training", properties=("hr1", "hr2"), **columns):
    table = make_labelled_sample(1000, rng=1)
    for name, values in columns.items():
        table[name] = values
    return classify(table, priors, properties=list(properties), show_progress=False)


def _associate(**settings):
    stars = Table({"ra": [10.0], "dec": [20.0], "pos_error": [0.1]})
    secondaries = stars if "density" in settings else stars["ra", "dec"]
    associate(stars, secondaries, radius=5 * u.arcsec, **settings)


NOTHING = np.ma.masked_all(1000, dtype="U9")
CAUSES = {
    "is empty: no source has a label": lambda: _classify(**{"class": NOTHING}),
    "two or more classes": lambda: _classify(**{"class": "AGN"}),
    "priors must sum to 1": lambda: _classify([0.2] * 7),
    "the table already has": lambda: _classify(prediction="AGN"),
    "property 'extent'": lambda: _classify(properties=["hr1", "extent"], extent=0.0),
    "secondaries has no": lambda: _associate(area=1 * u.deg**2),
    "density='local'": lambda: _associate(density="local"),
    "priors='estimate'": lambda: _classify("estimate", **{"class": ["AGN", "star"] * 500}),
}


@pytest.mark.parametrize("message", [m for m in QUOTED if "Error" not in m])
def test_message_is_what_claxboi_says(message):
    [cause] = [cause for part, cause in CAUSES.items() if part in message]
    with pytest.raises((KeyError, ValueError)) as caught:
        cause()
    # The list of columns is shortened to the first.
    assert message.removesuffix(", ...") in str(caught.value.args[0])


def test_classes_are_errors_of_fetching():
    [line] = [line for line in QUOTED if "Error" in line]
    assert set(line.split('", "')) == {one.__name__ for one in FetchError.__subclasses__()}


def test_all_messages_are_read():
    assert len(QUOTED) == len(CAUSES) + 1
