# Licensed under a 3-clause BSD style license - see LICENSE.rst
import io
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

from astropy.table import Table

import claxboi
from claxboi.utils import record


def test_a_step_is_recorded_beside_the_others():
    meta = OrderedDict(name="sample", claxboi={"catalog": {"mission": "4XMM"}})
    new = record(meta, "classification", priors={"AGN": 0.5}, rng=1)
    assert type(new) is OrderedDict
    assert new["name"] == "sample"
    assert new["claxboi"]["catalog"] == {"mission": "4XMM"}
    step = new["claxboi"]["classification"]
    assert step["version"] == claxboi.__version__
    assert step["priors"] == {"AGN": 0.5}
    age = datetime.now(UTC) - datetime.fromisoformat(step["date"])
    assert timedelta(0) <= age < timedelta(minutes=5)


def test_the_given_meta_is_not_changed():
    meta = {"claxboi": {"catalog": {"columns": ["ra"]}}}
    new = record(meta, "references")
    new["claxboi"]["catalog"]["columns"].append("dec")
    assert meta == {"claxboi": {"catalog": {"columns": ["ra"]}}}


def test_a_step_that_is_done_again_is_recorded_anew():
    meta = record(record({}, "step", radius=1), "step", rng=2)
    assert "radius" not in meta["claxboi"]["step"]
    assert meta["claxboi"]["step"]["rng"] == 2


def test_the_record_survives_a_file():
    table = Table({"x": [1]}, meta=record({}, "step", priors={"AGN": 0.5}, names=["a"]))
    stream = io.StringIO()
    table.write(stream, format="ascii.ecsv")
    assert Table.read(stream.getvalue(), format="ascii.ecsv").meta == table.meta
