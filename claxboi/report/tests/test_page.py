# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the report in a browser: it opens, searches, sorts, shows cards, votes, and asks nobody.
"""

import socket
import threading
import time

import numpy as np
import pytest

from claxboi.io import read_table
from claxboi.sharing.samp import samp_package
from claxboi.sharing.tests.test_samp import PatientHub
from claxboi.utils import float_values

from .browser import PATIENCE, Browser, find_browser
from .conftest import HOSTILE

pytestmark = [
    pytest.mark.skipif(find_browser() is None, reason="needs a Chromium"),
    # Its pipes are closed by it, in its own time.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PLACE = "document.querySelector('#card .steps small').textContent"
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
    addresses = [url for url in browser.requests if not url.startswith(("file:", "data:", "blob:"))]
    messages = list(browser.messages)
    browser.messages.clear()
    browser.requests.clear()
    assert (messages, addresses) == ([], [])
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
    browser.run("document.querySelector('#card').close()")
    search(browser, name)
    browser.press("Enter")
    browser.press("Enter")
    browser.wait("document.querySelector('#card').open && document.querySelector('#card .numbers')")


def open_first(browser, text):
    """Open the first card of many that are found."""
    search(browser, text)
    browser.press("Enter")
    browser.press("Enter")
    browser.wait(f"document.querySelector('#card').open && {PLACE}.startsWith('1 of')")


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
        assert search(browser, "P_star > 0.8") == f"{n:,} of 1,200 sources"
        n = int((result["prediction"] == "star").sum())
        assert search(browser, "star") == f"{n:,} of 1,200 sources"
        n = int(((result["hr1"].filled(9) < 0) & (result["prediction"] == "AGN")).sum())
        assert search(browser, "AGN hr1 < 0") == f"{n:,} of 1,200 sources"
        n = int(result["gamma"].mask.sum())
        assert search(browser, "gamma = none") == f"{n:,} of 1,200 sources"
        assert search(browser, "SIM-0008") == "1 of 1,200 sources"
        ra, dec = result["ra"][8], result["dec"][8]
        assert search(browser, f'{ra:.5f} {dec:+.5f} 1"') == "1 of 1,200 sources"
        best = np.max(
            [result[f"P_{name}"] for name in result.meta["claxboi"]["classification"]["classes"]],
            axis=0,
        )
        n = int((best > 0.9).sum())
        assert search(browser, "P > 0.9") == f"{n:,} of 1,200 sources"
        n = int(np.isin(result["prediction"], ["gal_XRB", "ex_XRB"]).sum())
        assert search(browser, "XRB") == f"{n:,} of 1,200 sources"
        known = ~result["class"].mask
        n = int((known & (result["prediction"] != result["class"].filled(""))).sum())
        assert 0 < n < 600
        assert search(browser, "prediction != class") == f"{n:,} of 1,200 sources"
        n = int((known & (result["prediction"] == result["class"].filled(""))).sum())
        assert search(browser, "prediction = class") == f"{n:,} of 1,200 sources"
        n = int((result["hr1"] > result["hr2"]).filled(False).sum())
        assert search(browser, "hr1 > hr2") == f"{n:,} of 1,200 sources"
        flag = result["is_suspect"]
        for text, wanted in (("= true", True), ("!= no", True), ("= 0", False), ("= FALSE", False)):
            n = int((flag == wanted).filled(False).sum())
            assert search(browser, f"is_suspect {text}") == f"{n:,} of 1,200 sources"

    @pytest.mark.parametrize(
        ("text", "answer"),
        [
            ("flux > many", "flux is a number; many is neither a number nor a column"),
            ("nothing > 1", "no column nothing; similar columns: note"),
            ("xyzzy > 1", "no column xyzzy: the menu Columns lists them"),
            ("is_suspect > 1", "is_suspect is true or false; use = or !="),
            ("is_suspect = maybe", "is_suspect is true or false, not maybe"),
            ("note > a", "note is a text; use = or !="),
            ("prediction > 1", "prediction is a text; use = or !="),
            ("flux >", "a condition is a column, a sign and a value, such as flux > 1e-13"),
            ("star or AGN", "all conditions must hold; or is not supported"),
            ("flux = class", "flux and class cannot be compared: one is a number, one a text"),
            (
                "QSO",
                "no source is named or classified QSO; the predicted classes are AGN, AGN_2, ...",
            ),
            (
                "prediction = QSO",
                "prediction is never QSO; it is AGN, AGN_2, CV, ex_XRB, extended, gal_XRB or star",
            ),
            (
                "hr1 > 2 hr1 < -2",
                "hr1 is from ...",
            ),
            ("prediction = none", "prediction has a value for every source"),
            (
                "prediction = star P_star < 0.001",
                "each condition holds for some sources, but all of them for none",
            ),
        ],
    )
    def test_answers(self, browser, text, answer):
        found = search(browser, text).removeprefix("0 of 1,200 sources: ")
        assert found == answer or found.startswith(answer.removesuffix("..."))

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
        assert browser.run(FOUND) == f"{n:,} of 1,200 sources"
        browser.run(f"{chip}.click()")


LIST_STATE = "document.querySelector('#list-state').textContent"


class TestList:
    def press(self, browser, button):
        browser.run("document.querySelector('#list').open = true")
        browser.run("document.querySelector('#list-state').textContent = ''")
        browser.run(f"document.querySelector('#list-{button}').click()")
        browser.wait(LIST_STATE)
        return browser.run(LIST_STATE)

    @pytest.fixture
    def folder(self, browser, tmp_path):
        browser.download_to(tmp_path)
        return tmp_path

    def wait_for(self, browser, folder, suffix):
        end = time.monotonic() + PATIENCE
        while not (found := list(folder.glob(f"*.{suffix}"))):
            assert time.monotonic() < end
            browser.run("1")
        return found[0]

    @pytest.mark.parametrize("all_columns", [False, True])
    @pytest.mark.parametrize(("button", "suffix"), [("csv", "csv"), ("votable", "vot")])
    def test_saved(self, browser, made, folder, button, suffix, all_columns):
        result, _, _ = made
        search(browser, "hr1 < 0")
        browser.run(f"document.querySelector('#list-all').checked = {str(all_columns).lower()}")
        wanted = result[(result["hr1"] < 0).filled(False)]
        said = self.press(browser, button)
        assert said.startswith(f"{len(wanted)} sources saved in Sources_b_more_b_")
        table = read_table(self.wait_for(browser, folder, suffix))
        assert len(table) == len(wanted)
        # White space within a name is one space in a file.
        assert table["source_id"][5:].tolist() == wanted["source_id"][5:].tolist()
        np.testing.assert_allclose(table["ra"], wanted["ra"], atol=2e-6)
        np.testing.assert_allclose(table["flux"], wanted["flux"], rtol=2e-5)
        assert table["prediction"].tolist() == wanted["prediction"].tolist()
        assert ("log_fx_fr" in table.colnames) == all_columns
        if all_columns:
            np.testing.assert_allclose(
                float_values(table, "log_fx_fr"), float_values(wanted, "log_fx_fr"), rtol=2e-5
            )
        if suffix == "vot":
            assert table["flux"].unit == wanted["flux"].unit
            if all_columns:
                assert table["is_suspect"].tolist() == wanted["is_suspect"].tolist()

    def test_copied(self, browser, made):
        browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite"])
        search(browser, "SIM-0008")
        assert self.press(browser, "copy") == "1 source copied, as text with tabs."
        lines = browser.run("navigator.clipboard.readText()").splitlines()
        assert lines[0].startswith("source_id\tra\tdec\t")
        assert lines[1].startswith(f"SIM-0008\t{made[0]['ra'][7]:.3f}")

    def test_nothing(self, browser):
        search(browser, "QSO")
        assert self.press(browser, "csv") == "The list is empty."


class TestSamp:
    """Messages to a hub that has the web profile, with a client that takes tables."""

    @pytest.fixture
    def hub(self, tmp_path):
        samp = samp_package()

        class Dialog(samp.hub.WebProfileDialog):
            asked = ()

            def show_dialog(self, name, *_):
                self.asked += (name,)
                self.consent()

        dialog, is_over = Dialog(), threading.Event()
        hub = PatientHub(
            web_profile=True,
            web_profile_dialog=dialog,
            lockfile=str(tmp_path / "hub"),
            addr="127.0.0.1",
        )
        hub.start()
        if not hub._web_profile:
            hub.stop()
            pytest.skip("the port of the web profile is in use")

        def answer():
            while not is_over.wait(0.02):
                dialog.handle_queue()

        thread = threading.Thread(target=answer)
        thread.start()
        yield hub, dialog
        is_over.set()
        thread.join()
        hub.stop()

    @pytest.fixture
    def topcat(self, hub, tmp_path, monkeypatch):
        monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{(tmp_path / 'hub').as_uri()}")
        client = samp_package().SAMPIntegratedClient(name="TOPCAT", addr="127.0.0.1")
        client.connect()
        received = []

        def call(_key, _sender, message_id, mtype, parameters, _extra):
            received.append((mtype, parameters))
            client.reply(message_id, {"samp.status": "samp.ok", "samp.result": {}})

        for name in ("table.load.fits", "table.select.rowList"):
            client.bind_receive_call(name, call)
        yield received
        client.disconnect()

    def test_selection(self, browser, made, page, hub, topcat):
        search(browser, "P_star > 0.8")
        said = TestList().press(browser, "samp")
        browser.wait(f"!{LIST_STATE}.startsWith('Waiting')")
        rows = np.flatnonzero(made[0]["P_star"] > 0.8)
        said = browser.run(LIST_STATE)
        assert said == f"{len(rows)} sources selected in the table tables/a%20b.fits."
        assert hub[1].asked == ("claxboi report",)
        (load, loaded), (select, selected) = topcat
        address = (page.parent / "tables" / "a b.fits").as_uri()
        assert (load, loaded["url"], loaded["name"]) == (
            "table.load.fits",
            address,
            "Sources & <b>more</b>",
        )
        assert select == "table.select.rowList"
        assert selected["table-id"] == loaded["table-id"]
        assert [int(row) for row in selected["row-list"]] == rows.tolist()
        assert {url for url in browser.requests if url.startswith("http")} == {
            "http://localhost:21012/"
        }
        browser.requests.clear()

    def test_without_a_hub(self, browser):
        # Nobody else answers while the port is bound without listening.
        with socket.socket() as port:
            port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                port.bind(("127.0.0.1", 21012))
            except OSError:
                pytest.skip("the port of the web profile is in use")
            search(browser, "star")
            TestList().press(browser, "samp")
            browser.wait(f"!{LIST_STATE}.startsWith('Waiting')")
            assert browser.run(LIST_STATE).startswith("TOPCAT was not found: start it")
            # The browser itself notes that there was no answer.
            end = time.monotonic() + PATIENCE
            while not (browser.messages and browser.requests) and time.monotonic() < end:
                browser.run("1")
        addresses = {url for url in browser.requests if url.startswith("http")}
        assert addresses == {"http://localhost:21012/"}
        browser.messages.clear()
        browser.requests.clear()


class TestCard:
    def test_full(self, browser, made):
        result, model, _ = made
        open_card(browser, "SIM-0001")
        # A number and its unit stay on one line.
        text = browser.run("document.querySelector('#card').innerText").replace("\xa0", " ")
        sentence = model.explain(result[0]).sentence
        assert sentence.replace("= -", "= \N{MINUS SIGN}") in text
        n_properties = len(model.properties)
        assert browser.run("document.querySelectorAll('#card .density').length") == n_properties
        assert browser.run("document.querySelectorAll('#card .track polygon').length") > 0
        # The contributions add up to the logarithm of the ratio of the two probabilities.
        p = sorted((result[f"P_{name}"][0] for name in model.classes_), reverse=True)
        bars = browser.run(
            "[...document.querySelectorAll('.nats .number')]"
            ".map(c => Number(c.textContent.replace('\N{MINUS SIGN}', '-')))"
        )
        assert sum(bars) == pytest.approx(np.log(p[0] / p[1]), abs=0.01 * len(bars))

    def test_class_set(self, browser, made):
        classes = made[0]["class_set"].tolist()
        for row in (0, next(row for row in range(600, 700) if "|" in classes[row])):
            open_card(browser, str(made[0]["source_id"][row]))
            text = browser.run("document.querySelector('.alternatives').textContent")
            several = classes[row].replace("|", ", ")
            assert text == f"Classes that cannot be excluded (97.5 %): {several}"

    def test_numbers(self, browser, made):
        result, _, _ = made
        entries = "[...document.querySelectorAll('#card .numbers > div')]"
        pairs = f"{entries}.map((e) => [...e.children].map((part) => part.textContent.trim()))"
        for row in (0, 8, 650, 1100):
            open_card(browser, str(result["source_id"][row]))
            shown = dict(browser.run(pairs))
            for name in ("ra", "dec", "hr1", "flux", "log_fx_fr", "margin", "outlier", "pm"):
                value = result[name][row]
                text = shown[name].split(" \xb1 ")[0].replace("\N{MINUS SIGN}", "-").strip("(")
                if np.ma.is_masked(value):
                    assert text == "\N{EN DASH}"
                elif name == "flux":
                    assert float(text.split()[0]) == pytest.approx(
                        float(f"{value:e}".split("e")[0]), abs=0.06
                    )
                else:
                    places = len(text.split()[0].partition(".")[2])
                    assert float(text.split()[0]) == pytest.approx(value, abs=1.01 / 10**places)
            bars = browser.run(
                "[...document.querySelectorAll('#card .bars > b')].map((b) => b.textContent)"
            )
            p = sorted((result[f"P_{name}"][row] for name in made[1].classes_), reverse=True)
            for text, value in zip(bars, p, strict=True):
                if text[0] not in "<>":
                    assert float(text) == pytest.approx(value, abs=5e-4)
                else:
                    assert value > 0.9995 if text[0] == ">" else value < 5e-4

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
        ra, dec = f"{made[0]['ra'][0]:.6f}", f"{made[0]['dec'][0]:.6f}"
        assert all(f"{ra}%20{dec}" in href or f"{ra}%20%2B{dec}" in href for href, _ in links)
        south = int(np.argmin(made[0]["dec"]))
        open_card(browser, str(made[0]["source_id"][south]))
        dec = f"%20{made[0]['dec'][south]:.6f}"
        assert dec.startswith("%20-")
        links = browser.run("[...document.querySelectorAll('.links a')].map(a => a.href)")
        assert all(dec in href and "{" not in href for href in links)

    def test_steps(self, browser):
        open_first(browser, "star")
        browser.press("j")
        browser.wait(f"{PLACE}.startsWith('2 of')")
        browser.press("k")
        browser.wait(f"{PLACE}.startsWith('1 of')")
        browser.press("Escape")
        browser.wait("!document.querySelector('#card').open")
        assert browser.run("document.activeElement.id") == "grid"

    def test_focus_stays_on_a_button(self, browser):
        open_first(browser, "star")
        browser.run("document.querySelector('[data-step=next]').focus()")
        for number in (2, 3):
            browser.press("Enter")
            browser.wait(f"{PLACE}.startsWith('{number} of')")
        assert browser.run("document.activeElement.dataset.step") == "next"

    def test_tab(self, browser):
        open_card(browser, "SIM-0001")
        found = []
        for _ in range(200):
            browser.press("Tab")
            found.append(
                browser.run(
                    "(() => { const e = document.activeElement; const style = getComputedStyle(e);"
                    "return [e.closest('#card') !== null || e === document.body,"
                    " e.textContent || e.ariaLabel, style.outlineStyle]; })()"
                )
            )
            if found[-1][1] == "SIM-0001" or (len(found) > 1 and found[-1] == found[0]):
                break
        assert all(inside for inside, _, _ in found)
        texts = [text for _, text, _ in found]
        links = [texts.index(name) for name in ("SIMBAD", "AGN", "unsure", "Your name", "Comment")]
        assert links == sorted(links)
        assert all(style != "none" for _, text, style in found[:12] if text)


class TestVotes:
    def test_taken_back(self, browser):
        open_card(browser, "SIM-0007")
        browser.press("u")
        kept = "Object.keys(localStorage).some((key) => localStorage[key].includes('SIM-0007'))"
        assert browser.run(kept)
        browser.press("u")
        assert not browser.run(kept)


def test_menus_close(browser):
    for menu in ("columns", "help", "votes"):
        browser.run(f"document.querySelector('#{menu} summary').focus()")
        browser.press("Enter")
        browser.wait(f"document.querySelector('#{menu}').open")
        browser.press("Tab")
        browser.press("Escape")
        browser.wait(f"!document.querySelector('#{menu}').open")


#: The lowest contrast of the texts in sight with what is behind them, and which text it is.
CONTRAST = """
(() => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = (color) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = color;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
  };
  const over = (top, below) => [0, 1, 2].map((k) => top[k] * top[3] + below[k] * (1 - top[3]));
  const line = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * line(r) + 0.7152 * line(g) + 0.0722 * line(b) + 0.05;
  const up = (element, read) => {
    const all = [];
    for (let one = element; one; one = one.parentElement) all.push(read(getComputedStyle(one)));
    return all;
  };
  let least = [21, ""];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility()) continue;
    if (element.closest("script, style, title, option, .hidden, .skip")) continue;
    const paper = up(element, (style) => read(style.backgroundColor))
      .reverse().reduce((below, top) => over(top, below), [1, 1, 1]);
    const style = getComputedStyle(element);
    const ink = read(element.closest("svg") ? style.fill : style.color);
    ink[3] *= up(element, ({ opacity }) => Number(opacity)).reduce((a, b) => a * b);
    const [low, high] = [light(over(ink, paper)), light(paper)].sort((a, b) => a - b);
    if (high / low < least[0]) least = [high / low, node.textContent];
  }
  return least;
})()
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(browser, theme):
    browser.run(f"document.documentElement.dataset.theme = '{theme}'")
    for name in ("SIM-0001", "SIM-0300"):
        open_card(browser, name)
        browser.press("1")
        contrast, text = browser.run(CONTRAST)
        assert contrast >= 4.5, text
        browser.press("1")
    browser.run("delete document.documentElement.dataset.theme")


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


@pytest.mark.parametrize("width", [390, 1400])
def test_names_and_cards_are_whole(browser, width):
    # Not of a telephone: its scrollbars take no space.
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=False,
    )
    search(browser, "SIM-0")
    cut = "[...document.querySelectorAll('.line:not([hidden]) > :first-child')].filter("
    assert names(browser)
    assert browser.run(f"{cut}(cell) => cell.scrollWidth > cell.clientWidth).length") == 0
    open_card(browser, "SIM-0001")
    left, right, inner, outer, window = browser.run(
        "(() => { const card = document.querySelector('#card'); "
        "const box = card.getBoundingClientRect(); return [box.left, box.right, card.scrollWidth, "
        "card.clientWidth, innerWidth]; })()"
    )
    assert 0 <= left < right <= window
    assert inner <= outer
    browser.call("Emulation.clearDeviceMetricsOverride")
