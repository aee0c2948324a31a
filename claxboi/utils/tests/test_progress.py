# Licensed under a 3-clause BSD style license - see LICENSE.rst
import io
from types import SimpleNamespace

import pytest

from claxboi.utils import Progress, _progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a second a look."""
    seconds = iter(range(1000))
    monkeypatch.setattr(_progress, "time", SimpleNamespace(monotonic=lambda: next(seconds)))


def run(progress, steps, error=None):
    with progress:
        for _ in range(steps):
            progress.update()
        if error is not None:
            raise error


@pytest.fixture
def terminal(monkeypatch):
    # Not sys.stderr itself: pytest puts its own there when the test begins.
    stream = Terminal()
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=stream))
    return stream


def test_long_work_shows_a_bar(terminal, clock):
    run(Progress(10, "working"), 10)
    shown = terminal.getvalue()
    assert shown.startswith("working\n")
    assert "100.00%" in shown
    assert shown.splitlines()[-1].startswith("working: ")


def test_short_work_shows_nothing(terminal):
    run(Progress(10, "working", delay=3600), 10)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(("total", "show"), [(10, False), (0, True)])
def test_nothing_is_shown_when_not_asked_for(terminal, clock, total, show):
    run(Progress(total, "working", show=show), 10)
    assert terminal.getvalue() == ""


def test_a_log_file_gets_no_bar(monkeypatch, clock):
    stream = io.StringIO()
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=stream))
    run(Progress(10, "working"), 10)
    assert stream.getvalue() == ""


def test_more_work_than_announced_is_all_of_it(terminal, clock):
    run(Progress(2, "working"), 6)
    assert "100.00%" in terminal.getvalue()
    assert "300" not in terminal.getvalue()


def test_an_error_passes_and_ends_the_bar(terminal, clock):
    with pytest.raises(KeyError, match="broken"):
        run(Progress(10, "working"), 4, KeyError("broken"))
    assert terminal.getvalue().endswith("\n")


def test_nothing_goes_to_standard_output(terminal, clock, capsys):
    run(Progress(10, "working"), 10)
    assert capsys.readouterr().out == ""
