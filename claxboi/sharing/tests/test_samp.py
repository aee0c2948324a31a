# Licensed under a 3-clause BSD style license - see LICENSE.rst
import socket
import threading
import time
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table

from claxboi import XrayTable
from claxboi.io import read_table
from claxboi.sharing import point_at, receive_selection, samp, send_to
from claxboi.sharing.samp import samp_package

#: Seconds after which something has failed; no test depends on how long it takes.
PATIENCE = 60.0


@pytest.fixture
def lockfile(tmp_path, monkeypatch):
    """Say where the hub of this test is, and no other."""
    path = tmp_path / "samp-lock"
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{path.as_uri()}")
    with samp_package().conf.set_temp("use_internet", False):
        yield path


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A busy machine is no hub that hangs."""
    monkeypatch.setattr(samp, "PATIENCE", PATIENCE)


class PatientHub(samp_package().SAMPHubServer):
    """
    A hub that loses no reply.

    That of astropy and pyvo waits for a reply only once the message has been sent, and forgets
    those of programs that are faster.
    """

    def _reply_(self, key, message_id, response):
        while (
            message_id.endswith("samp::sync::call")
            and message_id not in self._sync_msg_ids_heap
            and self.is_running
        ):
            time.sleep(0.01)
        super()._reply_(key, message_id, response)


@pytest.fixture
def hub(lockfile):
    server = PatientHub(web_profile=False, lockfile=str(lockfile), addr="127.0.0.1")
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
    place = SkyCoord(10.5, -5.25, unit="deg")
    assert point_at(row, timeout=PATIENCE) == ["TOPCAT"]
    assert point_at(place, "TopCat", timeout=PATIENCE) == ["TOPCAT"]
    first, second = topcat.received
    assert first == ("coord.pointAt.sky", {"ra": "10.5", "dec": "-5.25"})
    assert float(second[1]["ra"]) == pytest.approx(10.5)


def test_refusal_is_told(topcat):
    topcat.refuses = True
    with pytest.raises(ConnectionError, match=r"no program accepted .*TOPCAT \(no room\)"):
        point_at(SkyCoord(1, 2, unit="deg"), timeout=PATIENCE)


def test_no_such_program(topcat):
    message = r"no program called 'aladin'.*programs that do: TOPCAT"
    with pytest.raises(ConnectionError, match=message):
        send_to(Table({"ra": [1.0]}), "aladin")


def test_no_hub(lockfile):
    with pytest.raises(ConnectionError, match="there is no SAMP hub"):
        send_to(Table({"ra": [1.0]}))


def select(topcat, rows, **names):
    """Send rows as soon as there is someone who takes them."""

    def work():
        parameters = {"row-list": [str(row) for row in rows], **names}
        message = {"samp.mtype": "table.select.rowList", "samp.params": parameters}
        while not topcat.get_subscribed_clients("table.select.rowList"):
            pause.wait(0.05)
        other = parameters | {"table-id": "another", "url": "another"}
        topcat.notify_all(message | {"samp.params": other})
        answers.append(topcat.call_all("tag", message))

    pause, answers = threading.Event(), []
    # Where nobody comes to take them, the test fails, and must not wait for this.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("name", ["table-id", "url"])
def test_selected_rows_come_back(topcat, name):
    table = XrayTable({"ra": [10.0, 20.0, 30.0]}, meta={"a": 1})
    table.send_to("topcat")
    thread = select(topcat, [2, 0], **{name: topcat.received[0][1][name]})
    found = table.receive_selection(timeout=PATIENCE)
    thread.join()
    assert type(found) is XrayTable
    assert found["ra"].tolist() == [30, 10]
    assert found.meta == {"a": 1}


def test_rows_that_the_table_has_not(topcat):
    table = Table({"ra": [10.0]})
    send_to(table)
    thread = select(topcat, [1], url=topcat.received[0][1]["url"])
    with pytest.raises(ValueError, match="from 0 to 0, got 1"):
        receive_selection(table, timeout=PATIENCE)
    thread.join()


def test_nobody_selects(topcat):
    table = Table({"ra": [10.0]})
    send_to(table)
    with pytest.raises(TimeoutError, match=r"no rows of the table arrived within 0\.2 s"):
        receive_selection(table, timeout=0.2)


def test_only_what_was_sent_comes_back(topcat):
    table = Table({"ra": [10.0]})
    send_to(table)
    with pytest.raises(ValueError, match="table must be sent by send_to first"):
        receive_selection(table.copy())


def test_a_hub_that_hangs_does_not_hang_us(lockfile, monkeypatch):
    monkeypatch.setattr(samp, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        # It takes the connection and says nothing.
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        text = f"samp.secret=x\nsamp.hub.xmlrpc.url={url}\nsamp.profile.version=1.3\n"
        lockfile.write_text(text)
        with pytest.raises(ConnectionError, match=r"the SAMP hub did not answer in 0\.3 s"):
            send_to(Table({"ra": [1.0]}))


def test_a_program_that_hangs_does_not_hang_us(hub):
    client = samp_package().SAMPIntegratedClient(name="Sleeper", addr="127.0.0.1")
    client.connect()
    client.bind_receive_call("coord.pointAt.sky", lambda *_message: None)
    with pytest.raises(ConnectionError, match=r"no program accepted .*: Sleeper"):
        point_at(SkyCoord(1, 2, unit="deg"), timeout=1)
    client.disconnect()


def test_the_lockfile_of_a_hub_that_is_gone(lockfile):
    with socket.socket() as held:
        # A port that is taken, so that nobody else gets it, and at which nobody listens.
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/"
        lockfile.write_text(f"samp.secret=x\nsamp.hub.xmlrpc.url={url}\n")
        with pytest.raises(ConnectionError, match="there is no SAMP hub"):
            send_to(Table({"ra": [1.0]}))


@pytest.mark.parametrize(
    ("position", "error", "message"),
    [
        ((1, 2), TypeError, "position must be a SkyCoord, or a row"),
        (SkyCoord([1, 2], [1, 2], unit="deg"), ValueError, "position must be a single position"),
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
