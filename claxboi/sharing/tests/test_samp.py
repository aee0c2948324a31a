# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi.sharing import point_at, send_to
from claxboi.sharing.samp import samp_package
from claxboi.utils import read_table


@pytest.fixture
def lockfile(tmp_path, monkeypatch):
    """Say where the hub of this test is, and no other."""
    path = tmp_path / "samp-lock"
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{path.as_uri()}")
    with samp_package().conf.set_temp("use_internet", False):
        yield path


@pytest.fixture
def hub(lockfile):
    server = samp_package().SAMPHubServer(
        web_profile=False, lockfile=str(lockfile), addr="127.0.0.1"
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def topcat(hub):
    """A program that keeps what it is sent."""
    client = samp_package().SAMPIntegratedClient(name="TOPCAT", addr="127.0.0.1")
    client.connect()
    received = []

    def answer(private_key, sender, message_id, mtype, params, extra):
        received.append((mtype, params))
        if client.refuses:
            reply = {"samp.status": "samp.error", "samp.result": {}}
            reply["samp.error"] = {"samp.errortxt": "no room"}
        else:
            reply = {"samp.status": "samp.ok", "samp.result": {}}
        client.reply(message_id, reply)

    client.refuses = False
    client.received = received
    for mtype in ("table.load.votable", "coord.pointAt.sky"):
        client.bind_receive_call(mtype, answer)
    yield client
    client.disconnect()


def test_table_arrives_whole(topcat):
    table = Table({"ra": [10.0], "dec": [5.0]}, meta={"claxboi": {"step": {"radius": 5}}})
    assert send_to(table, "topcat", name="sources") == ["TOPCAT"]
    ((mtype, params),) = topcat.received
    assert mtype == "table.load.votable"
    assert params["name"] == "sources"
    back = read_table(url2pathname(urlparse(params["url"]).path), format="votable")
    assert back["ra"][0] == 10
    assert back.meta["claxboi"]["step"]["radius"] == 5


def test_everyone_is_asked(topcat):
    assert send_to(Table({"ra": [1.0]})) == ["TOPCAT"]


def test_pointing(topcat):
    row = Table({"ra": [10.5], "dec": [-5.25]})[0]
    assert point_at(row) == ["TOPCAT"]
    assert point_at(SkyCoord(10.5, -5.25, unit="deg"), "TopCat") == ["TOPCAT"]
    first, second = topcat.received
    assert first == ("coord.pointAt.sky", {"ra": "10.5", "dec": "-5.25"})
    assert float(second[1]["ra"]) == pytest.approx(10.5)


def test_refusal_is_told(topcat):
    topcat.refuses = True
    with pytest.raises(ConnectionError, match=r"no program followed .*TOPCAT \(no room\)"):
        point_at(SkyCoord(1, 2, unit="deg"))


def test_no_such_program(topcat):
    message = r"no program called 'aladin'.*those that do: TOPCAT"
    with pytest.raises(ConnectionError, match=message):
        send_to(Table({"ra": [1.0]}), "aladin")


def test_no_hub(lockfile):
    with pytest.raises(ConnectionError, match="there is no SAMP hub"):
        send_to(Table({"ra": [1.0]}))


@pytest.mark.parametrize(
    ("position", "error", "message"),
    [
        ((1, 2), TypeError, "position must be a SkyCoord, or a row"),
        (SkyCoord([1, 2], [1, 2], unit="deg"), ValueError, "position must be a single one"),
        (Table({"ra": [float("nan")], "dec": [1.0]})[0], ValueError, "ra of position"),
    ],
)
def test_bad_positions(position, error, message):
    with pytest.raises(error, match=message):
        point_at(position)


def test_bad_tables():
    with pytest.raises(ValueError, match="table is empty"):
        send_to(Table())
    with pytest.raises(ValueError, match="timeout must be above 0"):
        send_to(Table({"ra": [1.0]}), timeout=0)
