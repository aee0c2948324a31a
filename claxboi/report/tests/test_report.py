# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the report as a file: what it holds, whom it asks, what it refuses.
"""

import hashlib
import json
import re
import sys
from base64 import b64encode
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from numpy.testing import assert_array_equal

from claxboi import XrayTable
from claxboi.classification import NaiveBayesClassifier
from claxboi.classification.contributions import recover_priors
from claxboi.cli import main
from claxboi.io import write_table
from claxboi.report import write_report
from claxboi.report._card_selection import choose_rows, choose_sources, requested_rows
from claxboi.report._cards import match_candidates
from claxboi.report._column_display import identifiers
from claxboi.report._figures import draw
from claxboi.report._summary import citations_html, provenance_html
from claxboi.report.write import _citations
from claxboi.utils import Progress

from .conftest import HOSTILE, PRIORS


class Elements(HTMLParser):
    """Collect elements, and what the scripts hold."""

    def __init__(self, text):
        super().__init__()
        self.found, self.scripts, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.inside = tag == "script"
        if self.inside:
            self.scripts.append([dict(attrs), ""])

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1][1] += data


@pytest.fixture(scope="module")
def text(page):
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def elements(text):
    return Elements(text)


@pytest.fixture(scope="module")
def header(elements):
    return json.loads(next(body for attrs, body in elements.scripts if attrs.get("id") == "header"))


class TestPage:
    def test_asks_nobody(self, elements):
        for tag, attrs in elements.found:
            for name in ("src", "srcset", "action", "poster", "data"):
                assert str(attrs.get(name, "")).startswith("data:") or name not in attrs, tag
            if tag in ("link", "use", "image"):
                address = attrs.get("href") or attrs.get("xlink:href")
                assert address.startswith(("data:", "#")), tag

    def test_policy(self, elements):
        policy = next(
            attrs["content"]
            for tag, attrs in elements.found
            if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
        )
        rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert rules["default-src"] == "'none'"
        program = next(body for attrs, body in elements.scripts if not attrs)
        digest = b64encode(hashlib.sha256(program.encode()).digest()).decode()
        assert rules["script-src"] == f"'sha256-{digest}'"

    def test_only_one_program(self, elements):
        kinds = [attrs.get("type") for attrs, _ in elements.scripts]
        assert kinds.count(None) == 1
        assert set(kinds) == {None, "text/plain", "application/json"}

    def test_texts_are_escaped(self, text, elements, header):
        assert header["title"] == "Sources & <b>more</b>"
        assert "<b>more" not in text
        assert "Sources &amp; &lt;b&gt;more&lt;/b&gt;" in text
        assert "A &amp; B &lt;i&gt;, 2020" in text
        assert not any("onerror" in attrs for _, attrs in elements.found)
        assert all(name not in text for name in HOSTILE)
        ids = [attrs["id"] for _, attrs in elements.found if "id" in attrs]
        assert len(ids) == len(set(ids)) or {i for i in ids if ids.count(i) > 1} <= _glyphs(ids)

    def test_header(self, header, made):
        result, model, _ = made
        assert header["n"] == len(result)
        assert [item["name"] for item in header["classes"]] == model.classes_
        assert sum(item["count"] for item in header["classes"]) == len(result)
        shown = [column["name"] for column in header["columns"]]
        assert "note" in shown
        assert not any(name.startswith("P_") and name.endswith("_location") for name in shown)
        names = [item["column"] for item in header["densities"]["properties"]]
        assert names == [record.column for record in model.properties]
        assert {link["name"] for link in header["links"]} >= {"SIMBAD", "ESASky", "Aladin Lite"}

    def test_summary(self, text, made):
        _, _, evaluation = made
        assert f"{evaluation.corrected['macro_f1']:.3f}" in text
        assert "macro F1, prior-corrected" in text
        assert "Labelled sources (600), raw" in text
        assert "Other sources (" in text
        assert "Definitions of the scores" in text
        assert "\u00b1" not in text.split('<section id="scores">')[0].split("<tbody>")[1]
        assert "Simulated sources" not in text
        assert "not used in training, scored against the truth" in text
        assert "Tranin et al., 2022, A&amp;A 657, A138" in text

    def test_black_of_a_figure_is_a_color_of_the_page(self, text):
        # Shapes in black say nothing of their colour; on dark they would not be seen.
        heads = re.findall(r"<svg [^>]*>", text)
        assert heads
        assert all('fill="var(--class-6)"' in head for head in heads)
        assert not re.search(r"<(svg|path|g|use)[^>]*#000000", text)

    def test_nothing_of_the_template_is_left(self, text):
        assert not re.search(r"@@\w+@@", text)


@pytest.mark.parametrize("label", [r"a\1 \g<0> \x", "<b>bold</b> & more", '"'])
def test_labels_of_figures_are_text(label):
    svg = draw(lambda ax: ax.plot([0, 1]), 2, 2, label)
    title = ElementTree.fromstring(svg).find("{http://www.w3.org/2000/svg}title")
    assert title.text == label


def head_classes(head):
    return [item["name"] for item in head["classes"]]


def _glyphs(ids):
    # Shapes that several figures share carry the name of their contents.
    return {name for name in ids if re.fullmatch(r"[mpC][0-9a-f_]+[0-9a-f]{6,}\w*", name)}


class TestChoice:
    def test_default(self, made):
        result, model, _ = made
        rows, reasons = choose_rows(result, model.classes_, 300)
        assert len(rows) == len(set(rows)) == len(reasons) == 300
        trained = np.asarray(result["is_training"])
        assert not trained[rows].any()
        rare = np.isin(np.asarray(result["prediction"]), ["CV", "gal_XRB", "ex_XRB"]) & ~trained
        assert np.isin(np.flatnonzero(rare), rows).all()
        assert reasons[0]
        assert "likely" in " ".join(reasons)

    def test_all(self, made):
        result, model, _ = made
        rows, _ = choose_rows(result, model.classes_, 5000)
        assert_array_equal(np.sort(rows), np.arange(len(result)))
        assert choose_rows(result, model.classes_, 0)[0].size == 0

    def test_given(self, made):
        result, _, _ = made
        names = [str(result["source_id"][row]) for row in (7, 3)]
        assert_array_equal(requested_rows(result, names), [7, 3])
        assert_array_equal(requested_rows(result, [7, 3, 7]), [7, 3])
        assert_array_equal(requested_rows(result, Table({"source_id": names})), [7, 3])
        assert_array_equal(requested_rows(result, []), [])
        with pytest.raises(KeyError, match="no source 'nobody'"):
            requested_rows(result, ["nobody"])
        with pytest.raises(IndexError, match="rows from 0 to 1199, got 1200"):
            requested_rows(result, [1200])
        with pytest.raises(KeyError, match="sources must have identifiers in a column source_id"):
            requested_rows(result, Table({"x": [1]}))

    def test_identifiers(self):
        assert identifiers(Table({"x": [1, 2]}))[1].tolist() == ["row 0", "row 1"]
        column, names = identifiers(Table({"SRCID": [10, 11], "NAME": ["a", ""]}))
        assert (column, names.tolist()) == ("NAME", ["a", "row 1"])


class TestCandidates:
    def test_by_row_and_by_name(self, made, candidates):
        result, _, _ = made
        assert_array_equal(match_candidates(candidates, result), [0, 0, 0, 2])
        named = Table({"source_id": [str(result["source_id"][9]), "nobody"], "p_i": [1.0, 1.0]})
        assert_array_equal(match_candidates(named, result), [9, -1])

    def test_errors(self, made):
        result, _, _ = made
        with pytest.raises(KeyError, match="candidates has no column 'p_i'"):
            match_candidates(Table({"primary": [0]}), result)
        with pytest.raises(KeyError, match="candidates has no column 'primary'"):
            match_candidates(Table({"p_i": [0.5]}), result)
        with pytest.raises(ValueError, match="primary must be rows of the result"):
            match_candidates(Table({"primary": [1200], "p_i": [1.0]}), result)


def test_priors_of_each_source_come_back(made):
    _, model, _ = made
    table = made[0][:50].copy()
    priors = np.random.default_rng(4).dirichlet(np.ones(7), 50)
    result = model.classify(table, priors, overwrite=True, show_progress=False)
    np.testing.assert_allclose(recover_priors(result, model), priors, rtol=1e-6)
    assert recover_priors(made[0], model) is None


def test_provenance_escapes_all():
    assert "0, 1, 2" in provenance_html({"step": {"array": np.arange(3), "set": {1}}})
    html = provenance_html({"<step>": {"<key>": ["<a>", 1.0, None, {"x": {}}]}})
    assert "<step>" not in html
    assert "&lt;step&gt;" in html
    html = citations_html({"2020A&A...641A.136W": "<W>"}, "T & U", "@article{<b>}")
    assert 'abs/2020A%26A...641A.136W" rel="noreferrer">&lt;W&gt;</a>' in html
    assert "<p>T &amp; U</p>" in html
    assert "<pre>@article{&lt;b&gt;}</pre>" in html


def test_what_is_to_be_cited(made):
    table = made[0][:5].copy()
    table.meta["claxboi"]["surveys"] = {"reference": "gaia", "service": "xmatch"}
    html = _citations(table)
    assert ">Tranin et al., 2022, A&amp;A 657, A138</a>" in html
    assert ">Gaia Collaboration et al., 2023, A&amp;A 674, A1</a>" in html
    assert "cross-match service provided by CDS" in html
    assert "@article{2023A&amp;A...674A...1G," in html


class TestWrite:
    @pytest.fixture(autouse=True)
    def no_figures(self, monkeypatch):
        """Figures take seconds; the page of the other tests has them."""
        module = sys.modules["claxboi.report.write"]
        monkeypatch.setattr(module, "draw", lambda _plot, _width, _height, label: f"[{label}]")

    def test_result_is_not_changed(self, made, tmp_path):
        result, model, _ = made
        before = result.copy()
        write_report(result, tmp_path / "x.html", model=model, n_cards=3)
        assert result.colnames == before.colnames
        assert result.meta == before.meta
        assert all(np.all(result[name] == before[name]) for name in ("source_id", "P_AGN"))

    def test_bare(self, made, tmp_path):
        # Neither model, scores, positions nor names.
        result, _, _ = made
        bare = result[:1].copy()
        bare.remove_columns(["source_id", "ra", "dec", "flux", "class"])
        write_report(bare, tmp_path / "x.html", n_cards=0)
        text = (tmp_path / "x.html").read_text(encoding="utf-8")
        assert "No scores" in text
        assert "Sky map" not in text

    @pytest.mark.parametrize("name", ["outlier", "outlier_pvalue", "P_AGN", "prediction", "flux"])
    def test_nothing_known(self, made, tmp_path, name):
        result, model, _ = made
        table = result.copy()
        values = np.asarray(table[name])
        table[name] = MaskedColumn(values, mask=np.ones(len(table), bool))
        write_report(table, tmp_path / "x.html", model=model, n_cards=3)
        text = (tmp_path / "x.html").read_text(encoding="utf-8")
        figure = {"outlier": "[Outlier measure]", "flux": "[Counts of classes]"}.get(name)
        assert figure is None or figure not in text

    def test_simulated(self, odd, odd_page):
        text = odd_page.read_text(encoding="utf-8")
        assert "Simulated sources" in text
        found = re.search(r'id="header">(.*?)</script>', text, re.DOTALL)
        assert json.loads(found[1])["links"] == []

    @pytest.mark.usefixtures("no_figures")
    @pytest.mark.parametrize("n_sources", [1, 30, 400, 1199, 1200])
    def test_large_table(self, made, candidates, tmp_path, n_sources):
        result, model, _ = made
        path = tmp_path / "x.html"
        settings = {"sources": [700, 0, 3], "candidates": candidates, "model": model}
        write_report(result, path, n_sources=n_sources, **settings)
        text = path.read_text(encoding="utf-8")
        head = json.loads(re.search(r'id="header">(.*?)</script>', text, re.DOTALL)[1])
        assert head["n"] == n_sources
        assert head["total"] == 1200
        assert (f"lists {n_sources:,} of 1,200 sources" in text) == (n_sources < 1200)
        assert sum(item["count"] for item in head["classes"]) == n_sources
        if n_sources == 1200:
            assert "rows" not in head
            return
        rows = choose_sources(result, head_classes(head), np.array([700, 0, 3]), n_sources)
        assert len(rows) == len(set(rows.tolist())) == n_sources
        assert set(np.array([700, 0, 3])[:n_sources]) <= set(rows.tolist())

    def test_small_classes_are_kept(self, made):
        result, model, _ = made
        rows = choose_sources(result, model.classes_, np.empty(0, int), 600)
        kept, whole = (Counter(table["prediction"].tolist()) for table in (result[rows], result))
        assert kept.total() == 600
        most = max(kept.values())
        assert all(kept[name] == whole[name] or kept[name] >= most - 1 for name in whole)
        assert np.all(np.diff(rows) > 0)

    @pytest.mark.usefixtures("no_figures")
    def test_table_path(self, made, tmp_path, header):
        assert header["table"] == {"url": "tables/a%20b.fits", "format": "fits"}
        with pytest.raises(ValueError, match=r"table_path must be a FITS file or a VOTable .*csv"):
            write_report(made[0], tmp_path / "x.html", table_path="x.csv")

    def test_method(self, made, tmp_path):
        result, model, evaluation = made
        x = XrayTable(result)
        x.model, x.evaluation = model, evaluation
        x.report(tmp_path / "x.html", n_cards=2, title="Method")
        text = (tmp_path / "x.html").read_text(encoding="utf-8")
        assert "<title>Method</title>" in text
        assert "Reliability, leave-one-out" in text
        assert "Reliability by class, leave-one-out" in text
        assert "Reliability by flux, leave-one-out" in text

    def test_command(self, made, tmp_path, monkeypatch, capsys):
        result, model, _ = made
        monkeypatch.chdir(tmp_path)
        write_table(result, "out.ecsv")
        model.write("out.ecsv.model.ecsv")
        assert main(["report", "out.ecsv", "--cards", "5", "--truth", "true_class"]) == 0
        assert "report.html: " in capsys.readouterr().out
        assert main(["report", "out.ecsv", "--quiet"]) == 2
        assert "report.html exists already; use --overwrite" in capsys.readouterr().err

    def test_progress_is_complete(self, made, tmp_path, monkeypatch):
        # With figures or without, and silenced where that is asked for.
        module = sys.modules["claxboi.report.write"]
        bars = []

        class Bar(Progress):
            def __init__(self, *args, **settings):
                super().__init__(*args, **settings)
                bars.append(self)

        monkeypatch.setattr(module, "Progress", Bar)
        result, _, _ = made
        write_report(result, tmp_path / "x.html", n_cards=0)
        result = result.copy()
        result.remove_columns(["ra", "flux"])
        write_report(result, tmp_path / "y.html", n_cards=0, show_progress=False)
        assert [bar._done for bar in bars] == [bar.total for bar in bars]
        assert [bar._show for bar in bars] == [True, False]

    def test_nothing_is_left_of_an_interrupted_one(self, made, tmp_path, monkeypatch):
        def interrupt(path, *_args, **_settings):
            path.write_bytes(b"half")
            raise KeyboardInterrupt

        monkeypatch.setattr("pathlib.Path.write_text", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_report(made[0], tmp_path / "x.html", n_cards=0)
        assert list(tmp_path.iterdir()) == []

    def test_read_only(self, made, tmp_path, monkeypatch):
        # The user of the tests may write anywhere.
        monkeypatch.setattr("os.access", lambda *_: False)
        with pytest.raises(
            PermissionError, match=r"x\.html cannot be written: folder .* read-only"
        ):
            write_report(made[0], tmp_path / "x.html", n_cards=0)

    def test_errors(self, made, tmp_path):
        result, _, _ = made
        path = tmp_path / "x.html"
        with pytest.raises(TypeError, match="result must be an astropy Table"):
            write_report({}, path)
        with pytest.raises(ValueError, match="result must be a table that classify returned"):
            write_report(Table({"x": [1]}), path)
        with pytest.raises(ValueError, match="n_cards must be at least 0"):
            write_report(result, path, n_cards=-1)
        with pytest.raises(KeyError, match="result has no column 'nothing'"):
            write_report(result, path, columns=["nothing"])
        with pytest.raises(KeyError, match="result has no column 'nothing'"):
            write_report(result, path, truth="nothing")
        with pytest.raises(ValueError, match="has none of the classes"):
            write_report(result, path, truth="note")
        other = NaiveBayesClassifier(["hr1"]).fit(result[result["P_AGN"] > 0], label="note")
        with pytest.raises(ValueError, match="model must be the one that classified the result"):
            write_report(result, path, model=other)
        image = result.copy()
        image["image"] = np.zeros((len(result), 2))
        for columns in (["image"], "hr1", None):
            with pytest.raises(TypeError, match="columns must"):
                write_report(image, path, columns=columns)
        with pytest.raises(TypeError, match="title must be text, got 5"):
            write_report(result, path, title=5)
        for name in ("model", "evaluation"):
            with pytest.raises(TypeError, match=f"{name} must be None or of class .*, got int"):
                write_report(result, path, **{name: 5})
        with pytest.raises(TypeError, match="candidates must be an astropy Table"):
            write_report(result, path, candidates=[1])
        with pytest.raises(TypeError, match="sources must be rows or identifiers, got a mask"):
            write_report(result, path, sources=np.ones(len(result), bool))
        path.write_text("kept")
        with pytest.raises(FileExistsError, match="pass overwrite=True"):
            write_report(result, path)
        assert path.read_text() == "kept"

    def test_priors_in_the_table_of_classes(self, text):
        for value in PRIORS.values():
            assert f"<td>{value:.4f}</td>" in text
