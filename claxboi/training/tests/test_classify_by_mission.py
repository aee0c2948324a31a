# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Sources without labels, classified by the training sample of a mission.
"""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from claxboi import XrayTable, classify
from claxboi.references.tests.loopback import LoopbackCDS
from claxboi.training import build, choose_sample
from claxboi.training.tests.mission_sky import make_mission_sky
from claxboi.utils import ClaxboiWarning


@pytest.fixture(scope="module")
def cds():
    tables, _ = make_mission_sky(12)
    with LoopbackCDS(tables) as server:
        yield server


# The catalogues are smaller than the real ones, and so are the classes.
@pytest.mark.filterwarnings("ignore::claxboi.utils.exceptions.ClaxboiWarning")
def test_ten_sources_without_labels(cds, monkeypatch):
    names = ["secrest", "ascc", "avakyan", "downes", "simbad"]
    monkeypatch.setattr(
        choose_sample, "build", lambda m, **kw: build(m, references=names, rng=1, **kw)
    )
    table = build("4XMM", references=names, rng=1, show_progress=False).table
    ten = table[np.random.default_rng(1).permutation(len(table))[:10]]
    truth = np.array(ten["class"])
    ten.remove_columns([name for name in ten.colnames if name.startswith(("class", "label_"))])
    result = classify(ten, "training", training="4xmm", show_progress=False)
    assert np.mean(result["prediction"] == truth) > 0.7
    # They are sources of the sample: what is returned is held out.
    assert result["is_training"].all()


@pytest.mark.filterwarnings("ignore::claxboi.classification.SmallClassWarning")
def test_mission_that_the_table_knows(cds, monkeypatch):
    names = ["secrest", "ascc", "avakyan", "downes", "simbad"]
    asked = []

    def build_once(mission, **options):
        asked.append(mission)
        return build(mission, references=names, rng=1, **options)

    monkeypatch.setattr(choose_sample, "build", build_once)
    table = build("4XMM", references=names, rng=1, show_progress=False).table
    ten = XrayTable(table[np.random.default_rng(1).permutation(len(table))[:10]])
    truth = np.array(ten["class"])
    ten.remove_columns([name for name in ten.colnames if name.startswith("label_")])
    ten["class"] = MaskedColumn(truth, mask=np.arange(10) > 2)
    options = {"show_progress": False}
    # Without a mission, which the band tells too, the clear error stays.
    ten.meta = {}
    ten.remove_column("flux_band")
    with pytest.raises(ValueError, match="class"):
        classify(ten, "training", **options)
    ten.meta = {"claxboi": {"catalog": {"mission": "4XMM"}}}
    ten.rename_column("class", "known")
    with pytest.warns(ClaxboiWarning, match="too few labelled sources .* sample of 4XMM"):
        result = ten.classify("training", label="known", **options)
    assert asked == ["4XMM"]
    assert np.mean(result["prediction"] == truth) > 0.7
    assert result.evaluation.confusion.sum() == 3
    # Another column of labels, and none at all.
    ten.remove_column("known")
    with pytest.warns(ClaxboiWarning, match=r"learn from \(none\)"):
        again = classify(ten, "training", **options)
    assert again["prediction"].tolist() == result["prediction"].tolist()
    # Enough labels of its own: no mission is asked.
    asked.clear()
    XrayTable(table, meta=ten.meta).classify("training", **options)
    assert asked == []


def test_unknown_mission():
    with pytest.raises(ValueError, match="mission must be one of '4XMM'"):
        classify(Table({"b": [1.0]}), "training", training="ROSAT")


def test_nothing_to_learn_from():
    with pytest.raises(KeyError, match=r"no column 'class'; .* training= .* '4XMM'"):
        classify(Table({"b": [1.0, 2.0]}), "training")
    with pytest.raises(ValueError, match=r"no source has a label\. .* training= .* '4XMM'"):
        classify(Table({"b": [1.0, 2.0], "class": ["", ""]}), "training")


@pytest.mark.parametrize(
    ("band", "expected"),
    [("0.2-12", "4XMM"), ("0.3-10", "2SXPS"), ("0.5-7", "CSC2"), ("0.2-2.3", "eRASS1")],
)
def test_mission_that_the_band_tells(monkeypatch, band, expected):
    class AskedError(Exception):
        pass

    def ask(mission, **options):
        raise AskedError(mission)

    monkeypatch.setattr(choose_sample, "build", ask)
    table = Table({"hr1": [0.1, 0.2], "flux_band": [band] * 2})
    with pytest.warns(ClaxboiWarning, match="too few"), pytest.raises(AskedError, match=expected):
        classify(table, "training")
    table["flux_band"] = ["0.5-2", band]
    with pytest.raises(KeyError, match="class"):
        classify(table, "training")
