# Licensed under a 3-clause BSD style license - see LICENSE.rst
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from claxboi import XrayTable, classify
from claxboi.classification import Evaluation
from claxboi.classification.displays import evaluation_html, explanation_html, result_html
from claxboi.simulation import make_labelled_sample


class Checker(HTMLParser):
    """Says what a piece of HTML shows, and that each element ends."""

    def __init__(self, html):
        super().__init__()
        self.open, self.texts = [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self.open[-1] != "style":
            self.texts.append(data.strip())


@pytest.fixture(scope="module")
def classified():
    table = make_labelled_sample(1200, rng=1)
    return classify(table, "training", return_model=True, show_progress=False)


def test_result(classified):
    result = XrayTable(classified[0])
    html = result._repr_html_()
    texts = Checker(html).texts
    assert "1200 classified sources" in texts
    n = np.count_nonzero(result["prediction"] == "AGN")
    row = texts.index("AGN")
    assert texts[row + 1 : row + 3] == [f"{n}", f"{np.sum(result['P_AGN']):.1f}"]
    assert result["source_id"][4] in texts
    assert result["source_id"][5] not in texts
    # Colours are those of the notebook, not of the desktop.
    assert "var(--jp-ui-font-color1" in html
    assert "prefers-color-scheme" not in html
    assert not re.search(r"(?<!bar|nst):#[0-9a-f]{3,6}", html.split("</style>")[0])
    assert not re.search(r"https?://|<script|src=", html)


def test_result_of_one_source(classified):
    texts = Checker(result_html(classified[0][:1])).texts
    assert "1 classified sources" in texts
    assert not any("more rows" in text for text in texts)
    Checker(result_html(classified[0][:0]))


def test_other_tables_are_shown_as_ever(classified):
    plain = XrayTable({"ra": [1.0]})
    assert "claxboi" not in plain._repr_html_()
    lost = XrayTable(classified[0]["source_id", "ra"])
    assert 'class="claxboi"' not in lost._repr_html_()


@pytest.mark.parametrize(
    "part",
    [
        lambda x: x["source_id", "prediction", "P_AGN", "margin", "alternative"][:5],
        lambda x: x["source_id", "prediction", "P_AGN", "margin", "alternative"],
        lambda x: x[:5],
        lambda x: x[[1, 2, 3]],
    ],
)
def test_selections_are_tables(classified, part):
    selection = part(XrayTable(classified[0]))
    html = selection._repr_html_()
    assert 'class="claxboi"' not in html
    assert all(name in html for name in selection.colnames)
    assert 'class="claxboi"' in XrayTable(classified[0])[:50]._repr_html_()


def test_explanation(classified):
    result, model = classified
    explanation = model.explain(result[7])
    texts = Checker(explanation._repr_html_()).texts
    assert explanation.sentence in texts
    assert f"{explanation.posterior[explanation.prediction]:.3g}" in texts
    largest = np.max(np.abs(explanation.contrast()))
    assert any(text in (f"{largest:+.2f}", f"{-largest:+.2f}") for text in texts)
    assert explanation_html(explanation) == explanation._repr_html_()


def test_evaluation():
    evaluation = Evaluation([[90, 10], [5, 15]], ["AGN", "star"])
    texts = Checker(evaluation._repr_html_()).texts
    assert {"120 sources", "90.0 %", "75.0 %", "94.7 %", "10", "15"} <= set(texts)
    assert {"macro F1", "Matthews correlation"} <= set(texts)
    assert "log-loss" not in texts  # which needs probabilities
    Checker(evaluation_html(Evaluation([[1, 0], [0, 0]], ["A", "B"])))


def test_names_are_escaped():
    bad = "<script>x</script>"
    table = Table({"source_id": [bad], "prediction": [bad], f"P_{bad}": [1.0]})
    table["outlier_pvalue"] = MaskedColumn([0.5], mask=[True])
    table.meta["claxboi"] = {"classification": {"classes": [bad], "categories": []}}
    html = result_html(table)
    assert "<script" not in html
    assert Checker(html).texts.count(bad) == 3
    evaluation = Evaluation([[1, 0], [0, 1]], [bad, "B"], method=bad)
    assert "<script" not in evaluation_html(evaluation)
