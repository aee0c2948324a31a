# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the blocks: what is written can be read again, by another program than the page's.
"""

import base64
import json
import re
import zlib

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_allclose, assert_array_equal

from claxboi.report._blocks import NO_INTEGER, Blocks, to_json
from claxboi.report._column_display import choose_columns, pack_columns, unit_text


def read(blocks, where):
    text = re.search(rf'id="block-{where["block"]}">([^<]*)<', blocks.to_html())[1]
    content = zlib.decompress(base64.b64decode(text))
    if where["type"] == "text":
        return content.decode().split("\n")
    kind = np.dtype(f"<{where['type']}")
    return np.frombuffer(content, np.uint8).reshape(kind.itemsize, -1).T.copy().view(kind).ravel()


@pytest.mark.parametrize(("bits", "digits"), [(16, 1e-5), (10, 1e-3), (8, 3e-3)])
def test_floats(bits, digits):
    values = np.random.default_rng(1).normal(size=500) * 10.0 ** np.arange(-25, 25).repeat(10)
    blocks = Blocks()
    found = read(blocks, blocks.add_floats(values, bits))
    assert found.dtype == np.float32
    assert_allclose(found, values, rtol=digits)
    assert np.abs(found / values - 1).max() > digits / 20  # rounded, not kept whole


def test_special_floats():
    blocks = Blocks()
    values = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e300, 1e-300]
    found = read(blocks, blocks.add_floats(values))
    assert_array_equal(found, [np.nan, np.inf, -np.inf, 0, 0, 1, -1, np.inf, 0])


def test_rounding_is_to_the_nearest():
    blocks = Blocks()
    values = 1 + np.linspace(0, 1, 1001)
    found = read(blocks, blocks.add_floats(values, 8))
    assert abs((found - values).mean()) < 1e-4
    assert np.abs(found - values).max() <= 2.0**-9 + 1e-6


def test_integers_codes_and_texts():
    blocks = Blocks()
    numbers = blocks.add_integers([1, -2, 3], [False, False, True])
    small, large = blocks.add_codes([0, 255]), blocks.add_codes([0, 256])
    texts = blocks.add_texts(["a\nb", "", "Ω </script>"])
    assert_array_equal(read(blocks, numbers), [1, -2, NO_INTEGER])
    assert (small["type"], large["type"]) == ("u1", "u2")
    assert_array_equal(read(blocks, large), [0, 256])
    assert read(blocks, texts) == ["a b", "", "Ω </script>"]


def test_digest_is_of_the_contents():
    first, second, other = Blocks(), Blocks(), Blocks()
    first.add_floats([1.0, 2.0])
    second.add_floats([1.0, 2.0])
    other.add_floats([1.0, 3.0])
    assert first.digest() == second.digest() != other.digest()


def test_json_inside_a_script():
    content = {"a": "</script><!-- & \u2028", "b": [1.5, None]}
    text = to_json(content)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == content
    with pytest.raises(ValueError, match="JSON"):
        to_json({"a": np.nan})


@pytest.fixture
def table():
    table = Table({"source_id": ["a", "b", "c"]})
    table["ra"] = MaskedColumn([10.123456789, 359.9999999, 0], mask=[0, 0, 1], unit="deg")
    table["dec"] = [-10.5, 89.9999999, 0]
    table["flux"] = MaskedColumn([1.2345678e-14, 2e-12, 0], mask=[0, 0, 1])
    table["opt_ra"] = [10.123457123, np.inf, np.nan]
    table["hr1"] = [0.5, -0.25, np.nan]
    table["hr1_error"] = [0.1, 0.2, np.nan]
    table["n_missing"] = MaskedColumn([1, 2, 3], mask=[0, 1, 0])
    table["is_training"] = [True, False, True]
    table["prediction"] = ["AGN", "star", "AGN"]
    table["P_AGN"], table["P_AGN_location"] = [0.9, 0.1, 0.8], [0.5, 0.5, 0.5]
    table["srcid_of_mission"] = [2**50, 1, 2]
    table["image"] = np.zeros((3, 2))
    return table


RECORD = {"classes": ["AGN"], "categories": ["location"], "properties": ["hr1"]}


def test_choice_of_columns(table):
    chosen = choose_columns(table, RECORD, ["srcid_of_mission"])
    assert chosen == [
        *(
            "ra",
            "dec",
            "flux",
            "opt_ra",
            "hr1",
            "hr1_error",
            "n_missing",
            "is_training",
            "prediction",
        ),
        *("P_AGN", "srcid_of_mission"),
    ]
    assert "srcid_of_mission" not in choose_columns(table, RECORD)


def test_columns(table):
    blocks = Blocks()
    names = choose_columns(table, RECORD, ["srcid_of_mission"])
    columns = {column["name"]: column for column in pack_columns(table, names, blocks)}
    ra = read(blocks, columns["ra"]) * columns["ra"]["step"]
    assert_allclose(ra[:2], [10.123457, 360.0], atol=1e-9)
    assert read(blocks, columns["ra"])[2] == NO_INTEGER
    assert columns["ra"]["unit"] == "°"
    # Five digits of the position of a counterpart would not find it.
    assert columns["opt_ra"]["style"] == "ra"
    assert_array_equal(read(blocks, columns["opt_ra"]), [10123457, NO_INTEGER, NO_INTEGER])
    assert columns["flux"]["unit"] == "erg s⁻¹ cm⁻²"
    assert columns["flux"]["style"] == "scientific"
    assert_allclose(read(blocks, columns["flux"]), [1.23457e-14, 2e-12, np.nan], rtol=1e-5)
    assert columns["hr1"]["error"] == "hr1_error"
    assert (columns["hr1"]["style"], columns["hr1"]["decimals"]) == ("fixed", 4)
    assert_array_equal(read(blocks, columns["n_missing"]), [1, NO_INTEGER, 3])
    assert columns["is_training"]["values"] == ["no", "yes"]
    assert_array_equal(read(blocks, columns["is_training"]), [2, 1, 2])
    assert columns["prediction"]["values"] == ["AGN", "star"]
    assert columns["P_AGN"]["style"] == "probability"
    # Too large for a number of 32 bits.
    assert columns["srcid_of_mission"]["kind"] == "category"
    assert str(2**50) in columns["srcid_of_mission"]["values"]


def test_units():
    assert unit_text("erg / (s cm2)") == "erg s⁻¹ cm⁻²"
    assert unit_text(None) == unit_text("") == ""
    assert unit_text("furlong per fortnight") == "furlong per fortnight"
