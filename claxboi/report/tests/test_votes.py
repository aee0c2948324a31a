# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the votes from end to end: cast in a browser, saved, read, combined, learned from.
"""

import json
import time

import numpy as np
import pytest
from astropy.table import vstack

from claxboi import classify
from claxboi.votes import apply_votes, combine_votes, read_votes

from .browser import PATIENCE, Browser, find_browser
from .conftest import ODD_CLASSES, ODD_NAMES

pytestmark = [
    pytest.mark.skipif(find_browser() is None, reason="needs a Chromium"),
    # Its pipes are closed by it, in its own time.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

POLAR, BINARY = ODD_CLASSES["CV"], ODD_CLASSES["gal_XRB"]
CARD = "document.querySelector('#card').open && document.querySelector('#card-title').textContent"
PRESSED = "document.querySelector('.choices [aria-pressed=true]')?.dataset.vote ?? null"
STATE = "document.querySelector('#card .vote [role=status]').textContent"
MENU_STATE = "document.querySelector('#votes-state').textContent"


@pytest.fixture(scope="module")
def browser(odd_page, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        browser.open(odd_page)
        yield browser


@pytest.fixture
def voting(browser, odd_page, tmp_path):
    """A browser with the report and without votes, that downloads into a folder."""
    (tmp_path / "saved").mkdir()
    browser.download_to(tmp_path / "saved")
    browser.run("localStorage.clear()")
    browser.open(odd_page)
    reload(browser)
    yield browser
    assert browser.messages == []
    addresses = [a for a in browser.requests if not a.startswith(("file:", "data:", "blob:"))]
    assert addresses == []
    assert browser.run("window.broken") is None


def reload(browser):
    browser.run("window.isOld = true")
    browser.call("Page.reload")
    browser.wait("!window.isOld && document.documentElement?.dataset.ready === 'yes'")


def open_card(browser, name):
    browser.run(f"location.hash = 'source=' + encodeURIComponent({json.dumps(name)})")
    browser.wait(f"{CARD} === {json.dumps(name)}")


def key_of(browser, name):
    """Return the key that votes for a class."""
    names = "[...document.querySelectorAll('[data-vote]')].map((button) => button.dataset.vote)"
    return str(browser.run(names).index(name) + 1)


def vote(browser, source, name, *, by_mouse=False):
    open_card(browser, source)
    if by_mouse:
        browser.click(f"[data-vote='{name}']")
    else:
        browser.press("u" if name == "unsure" else key_of(browser, name))
    browser.wait(f"{PRESSED} === {json.dumps(name)}")


def fill(browser, selector, text):
    browser.run(f"document.querySelector({json.dumps(selector)}).select()")
    browser.type(text)
    browser.run("document.activeElement.blur()")


def saved(browser, path, button="#card .save"):
    """Save the votes; return them as they are read."""
    browser.run(f"document.querySelector({json.dumps(button)}).click()")
    end = time.monotonic() + PATIENCE
    while not path.exists() or list(path.parent.glob("*.crdownload")):
        assert time.monotonic() < end, f"{path.name} was not saved"
        browser.run("new Promise((done) => setTimeout(done, 20))")
    return read_votes(path)


def test_from_the_page_to_the_model(voting, odd, odd_page, tmp_path):
    table, result = odd
    said = dict(zip(ODD_NAMES, [POLAR, BINARY, "AGN", "unsure", POLAR, BINARY], strict=False))
    for number, (source, name) in enumerate(said.items()):
        vote(voting, source, name, by_mouse=number % 2 == 1)
    fill(voting, ".fields [aria-label=Comment]", 'red, "odd" = strange')
    # The same vote again takes it back.
    vote(voting, ODD_NAMES[-1], "AGN")
    voting.press(key_of(voting, "AGN"))
    voting.wait(f"{PRESSED} === null")

    # Without a name there is no file: nobody could read it.
    voting.click("#card .save")
    voting.wait(f"{STATE}.startsWith('Enter your name')")
    assert voting.run("document.activeElement.getAttribute('aria-label')") == "Your name"
    fill(voting, ".fields [aria-label='Your name']", "Ann, B.")
    voting.wait(f"{STATE}.includes('6 votes by Ann, B.')")
    ann = saved(voting, tmp_path / "saved" / "votes-Ann_B_.csv")
    assert dict(zip(ann["source_id"], ann["vote"], strict=True)) == said
    assert set(ann["voter"]) == {"Ann, B."}
    comments = dict(zip(ann["source_id"], ann["comment"], strict=True))
    assert comments[ODD_NAMES[5]] == 'red, "odd" = strange'

    # Another copy of the file, the same browser, another person.
    copy = odd_page.with_name("copy.html")
    copy.write_bytes(odd_page.read_bytes())
    voting.open(copy)
    voting.wait("document.querySelector('#votes summary').textContent === 'Votes (6)'")
    voting.click("#votes summary")
    fill(voting, "#voter", "Bob")
    open_card(voting, ODD_NAMES[0])
    assert voting.run(PRESSED) is None
    for source in ODD_NAMES[:3]:
        vote(voting, source, POLAR)
    bob = saved(voting, tmp_path / "saved" / "votes-Bob.csv")
    assert bob["source_id"].tolist() == list(ODD_NAMES[:3])
    assert set(bob["voter"]) == {"Bob"}

    combined = combine_votes(vstack([ann, bob]), classes=sorted({*table["class"].compressed()}))
    labels = dict(zip(combined.labels["source_id"], combined.labels["consensus"], strict=True))
    assert labels[ODD_NAMES[0]] == POLAR
    sample = apply_votes(table, combined)
    origin = sample["label_origin"] == "votes"
    assert {*sample["source_id"][origin]} == {*said} - {ODD_NAMES[3]}
    _, before = classify(table, "training", return_model=True, show_progress=False)
    again, after = classify(
        *(table, "training"),
        training=sample,
        weight="label_weight",
        return_model=True,
        show_progress=False,
    )
    gain = np.subtract(after.class_counts_, before.class_counts_)
    assert gain.sum() == pytest.approx(5)
    assert gain[after.classes_.index(POLAR)] > 1
    assert len(again) == len(result)


def test_alternatives_of_classes_with_spaces(voting, odd):
    _, result = odd
    row = next(r for r, text in enumerate(result["alternative"]) if BINARY in str(text))
    parts = str(result["alternative"][row]).split(":")
    open_card(voting, str(result["source_id"][row]))
    found = voting.run("document.querySelector('.alternatives').textContent")
    assert found.count("Without ") == len(parts) - 1
    assert f": {BINARY}" in found


def test_another_computer(voting, tmp_path):
    vote(voting, ODD_NAMES[0], POLAR)
    vote(voting, ODD_NAMES[1], "unsure")
    fill(voting, ".fields [aria-label=Comment]", "first")
    fill(voting, ".fields [aria-label='Your name']", "Zo\u00eb")
    first = saved(voting, tmp_path / "saved" / "votes-Zo\u00eb.csv")
    path = tmp_path / "saved" / "votes-Zo\u00eb.csv"
    # They outlive the page, but not the browser's memory.
    reload(voting)
    assert voting.run("document.querySelector('#votes summary').textContent") == "Votes (2)"
    voting.run("localStorage.clear()")
    reload(voting)
    assert voting.run("document.querySelector('#votes summary').textContent") == "Votes"

    voting.choose_file("#votes-file", path)
    voting.wait(f"{MENU_STATE}.startsWith('2 votes by Zo\u00eb loaded.')")
    assert voting.run("document.querySelector('#voter').value") == "Zo\u00eb"
    open_card(voting, ODD_NAMES[1])
    assert voting.run(PRESSED) == "unsure"
    assert voting.run("document.querySelector('.fields [aria-label=Comment]').value") == "first"
    path.unlink()
    assert saved(voting, path).pformat() == first.pformat()

    # An older vote of the file does not undo a later one of the page, a later one does.
    vote(voting, ODD_NAMES[0], BINARY)
    lines = ["source_id,voter,vote,comment,date"]
    lines += [f"{ODD_NAMES[0]},Zo\u00eb,AGN,,2001-01-01T00:00:00Z", "elsewhere,Zo\u00eb,AGN,,"]
    lines += [
        f'{ODD_NAMES[1]},Zo\u00eb,"{POLAR}","two\nlines",2999-01-01',
        f"{ODD_NAMES[1]},Bob,AGN,,",
    ]
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    voting.choose_file("#votes-file", path)
    voting.wait(
        f"{MENU_STATE} === '3 votes by Zo\u00eb loaded. 1 on sources that are not in this page. "
        "1 vote by others left out.'"
    )
    open_card(voting, ODD_NAMES[0])
    assert voting.run(PRESSED) == BINARY
    open_card(voting, ODD_NAMES[1])
    assert voting.run(PRESSED) == POLAR


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The file has no column source_id, voter, vote."),
        ("source_id,voter\na,b", "The file has no column vote."),
        ("source_id,voter,vote\na,b,", "The file has no votes."),
        ("source_id,voter,vote\n,b,AGN", "The file has a vote without a source or a voter."),
        ('source_id,voter,vote\n"a,b,c', "The file is not CSV: a quote is not closed"),
        ("source_id,voter,vote\na,b,c\na,d,c", "The file has votes by b, d: give your name first."),
    ],
)
def test_files_without_votes(voting, tmp_path, text, said):
    path = tmp_path / "votes.csv"
    path.write_text(text)
    voting.choose_file("#votes-file", path)
    voting.wait(f"{MENU_STATE}.startsWith({json.dumps(said)})")
    assert voting.run("document.querySelector('#votes summary').textContent") == "Votes"
    if "give your name" in said:
        voting.click("#votes summary")
        fill(voting, "#voter", "Eve")
        voting.choose_file("#votes-file", path)
        voting.wait(f"{MENU_STATE} === 'The file has no votes by Eve, only by b, d.'")
