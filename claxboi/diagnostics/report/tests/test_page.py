# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Tests of the report in a browser: it opens, searches, sorts, shows cards, votes, and asks nobody.
"""

import numpy as np
import pytest

from .browser import Browser, find_browser
from .conftest import HOSTILE

pytestmark = [
    pytest.mark.skipif(find_browser() is None, reason="needs a Chromium"),
    # Its pipes are closed by it, in its own time.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

FOUND = "document.querySelector('#found').textContent"
NAMES = (
    "[...document.querySelectorAll('.line:not([hidden]) > :first-child')].map(c => c.textContent)"
)


@pytest.fixture(scope="module")
def browser(page, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        browser.open(page)
        yield browser


@pytest.fixture(autouse=True)
def clean(browser):
    """Each test begins with the whole table and ends without complaints."""
    reset = "document.querySelector('#card').close(); document.querySelector('#search').value = '';"
    browser.run(reset)
    search(browser, "")
    yield
    assert browser.messages == []
    addresses = [url for url in browser.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert addresses == []
    assert browser.run("window.broken") is None


def search(browser, text):
    browser.run("document.querySelector('#found').textContent = ''")
    browser.run(
        "document.querySelector('#search').value = ''; document.querySelector('#search').focus()"
    )
    browser.type(text or " ")
    browser.wait(FOUND)
    return browser.run(FOUND)


def names(browser):
    browser.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    return browser.run(NAMES)


def open_card(browser, name):
    search(browser, name)
    browser.press("Enter")
    browser.press("Enter")
    browser.wait("document.querySelector('#card').open && document.querySelector('#card .numbers')")


class TestTable:
    def test_rows(self, browser, made):
        assert (
            browser.run("document.querySelector('#grid').getAttribute('aria-rowcount')") == "1201"
        )
        assert browser.run("document.querySelectorAll('.line').length") < 60
        found = names(browser)
        assert found[:3] == [str(name) for name in made[0]["source_id"][:3]]
        assert found[3:5] == list(HOSTILE)

    def test_search(self, browser, made):
        result, _, _ = made
        n = int((result["P_star"] > 0.8).sum())
        assert search(browser, "P_star > 0.8") == f"{n} of 1,200 sources"
        n = int((result["prediction"] == "star").sum())
        assert search(browser, "star") == f"{n} of 1,200 sources"
        n = int(((result["hr1"].filled(9) < 0) & (result["prediction"] == "AGN")).sum())
        assert search(browser, "AGN hr1 < 0") == f"{n} of 1,200 sources"
        n = int(result["gamma"].mask.sum())
        assert search(browser, "gamma = none") == f"{n} of 1,200 sources"
        assert search(browser, "SIM-0008") == "1 of 1,200 sources"
        ra, dec = result["ra"][8], result["dec"][8]
        assert search(browser, f'{ra:.5f} {dec:+.5f} 1"') == "1 of 1,200 sources"
        assert search(browser, "flux > many") == "many is no number"
        assert search(browser, "nothing > 1") == "there is no column nothing"

    def test_sort(self, browser, made):
        buttons = "[...document.querySelectorAll('.head button')]"
        button = f"{buttons}.find((b) => b.firstChild.textContent === 'flux')"
        order = [str(made[0]["source_id"][row]) for row in made[0]["flux"].argsort()]
        browser.run(f"{button}.click()")
        browser.wait("document.querySelector('[aria-sort=descending]')")
        assert names(browser)[0] == order[-1]
        browser.run(f"{button}.click()")
        browser.wait("document.querySelector('[aria-sort=ascending]')")
        assert names(browser)[0] == order[0]
        browser.run(f"{button}.click()")
        browser.wait("!document.querySelector('[aria-sort=ascending]')")

    def test_keys(self, browser):
        browser.run("document.activeElement.blur()")
        browser.press("/")
        assert browser.run("document.activeElement.id") == "search"
        assert browser.run("document.querySelector('#search').value.trim()") == ""
        browser.press("Enter")
        assert browser.run("document.activeElement.id") == "grid"
        browser.press("End")
        assert names(browser)[-1].startswith("SIM-1200")
        active = browser.run(
            "document.querySelector('#grid').getAttribute('aria-activedescendant')"
        )
        line = f"document.getElementById('{active}').parentElement"
        assert browser.run(f"{line}.getAttribute('aria-rowindex')") == "1201"

    def test_chips(self, browser, made):
        chip = "[...document.querySelectorAll('.chip')].find(c => c.textContent.startsWith('CV'))"
        browser.run(f"document.querySelector('#found').textContent = ''; {chip}.click()")
        browser.wait(FOUND)
        n = int((made[0]["prediction"] == "CV").sum())
        assert browser.run(FOUND) == f"{n} of 1,200 sources"
        browser.run(f"{chip}.click()")


class TestCard:
    def test_full(self, browser, made):
        result, model, _ = made
        open_card(browser, "SIM-0001")
        text = browser.run("document.querySelector('#card').innerText")
        sentence = model.explain(result[0]).sentence
        assert sentence.replace("= -", "= \N{MINUS SIGN}") in text
        n_properties = len(model.properties)
        assert browser.run("document.querySelectorAll('#card .density').length") == n_properties
        assert browser.run("document.querySelectorAll('#card .track circle').length") > 0
        # The contributions add up to the logarithm of the ratio of the two probabilities.
        p = sorted((result[f"P_{name}"][0] for name in model.classes_), reverse=True)
        bars = browser.run(
            "[...document.querySelectorAll('.nats .number')]"
            ".map(c => Number(c.textContent.replace('\N{MINUS SIGN}', '-')))"
        )
        assert sum(bars) == pytest.approx(np.log(p[0] / p[1]), abs=0.01 * len(bars))

    def test_candidates(self, browser):
        open_card(browser, "SIM-0001")
        rows = "[...document.querySelectorAll('.candidates tbody tr')].map(r => r.innerText)"
        found = browser.run(rows)
        assert len(found) == 3
        assert "a<b>" in found[0]
        assert "0.700" in found[0]

    def test_plain(self, browser):
        open_card(browser, "SIM-0300")
        assert browser.run("document.querySelector('#card .nats')") is None
        assert browser.run("document.querySelectorAll('#card .density').length") > 0

    def test_hostile(self, browser):
        open_card(browser, "onerror")
        assert browser.run("document.querySelector('#card h2').textContent") == HOSTILE[1]
        assert browser.run("document.querySelectorAll('#card img').length") == 0

    def test_links(self, browser, made):
        open_card(browser, "SIM-0001")
        links = browser.run("[...document.querySelectorAll('.links a')].map(a => [a.href, a.rel])")
        assert all(rel == "noopener noreferrer" for _, rel in links)
        assert all(f"{made[0]['ra'][0]:.6f}"[:8] in href for href, _ in links)

    def test_steps(self, browser):
        search(browser, "star")
        browser.press("Enter")
        browser.press("Enter")
        place = "document.querySelector('#card .steps small').textContent"
        browser.wait(f"document.querySelector('#card').open && {place}.startsWith('1 of')")
        browser.press("j")
        browser.wait(f"{place}.startsWith('2 of')")
        browser.press("k")
        browser.wait(f"{place}.startsWith('1 of')")
        browser.press("Escape")
        browser.wait("!document.querySelector('#card').open")
        assert browser.run("document.activeElement.id") == "grid"


class TestVotes:
    def test_csv(self, browser):
        browser.run(
            "window.saved = null; const make = URL.createObjectURL;"
            "URL.createObjectURL = (blob) => { window.saved = blob; return make(blob); };"
            "HTMLAnchorElement.prototype.click = () => {};"
        )
        open_card(browser, 'a,"b"')
        browser.run(
            "const [voter, comment] = document.querySelectorAll('.fields input');"
            "voter.value = 'Ann'; voter.dispatchEvent(new Event('change'));"
            "comment.value = 'red, \"odd\"\\nblob'; comment.dispatchEvent(new Event('change'));"
            "document.querySelector('#card h2').focus()"
        )
        browser.press("2")
        pressed = "document.querySelector('.choices [aria-pressed=true]')?.textContent"
        second = browser.run("document.querySelectorAll('.choices button')[1].textContent")
        assert browser.run(pressed) == second
        browser.press("j")
        browser.run("document.querySelector('.fields .save').click()")
        lines = browser.run("window.saved.text()").split("\r\n")
        assert lines[0] == "source_id,voter,vote,comment,date"
        assert lines[1].startswith(f'"a,""b"" &amp;",Ann,{second},"red, ""odd""')
        assert lines[2:] == [""]

    def test_taken_back(self, browser):
        open_card(browser, "SIM-0007")
        browser.press("u")
        kept = "Object.keys(localStorage).some((key) => localStorage[key].includes('SIM-0007'))"
        assert browser.run(kept)
        browser.press("u")
        assert not browser.run(kept)


def test_themes(browser):
    paper = "getComputedStyle(document.body).backgroundColor"
    before = browser.run(paper)
    browser.run("document.querySelector('#theme').click()")
    assert browser.run(paper) != before
    browser.run("document.querySelector('#theme').click()")
    assert browser.run(paper) == before


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(browser, width):
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=800,
        deviceScaleFactor=1,
        mobile=width < 500,
    )
    assert browser.run("document.documentElement.scrollWidth") <= width
    open_card(browser, "SIM-0001")
    assert browser.run("document.querySelector('#card').scrollWidth") <= width
    browser.call("Emulation.clearDeviceMetricsOverride")
