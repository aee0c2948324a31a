# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Exchange tables, positions and selections with other programs by SAMP.
"""

from __future__ import annotations

import atexit
import queue
import tempfile
import threading
import weakref
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from astropy.coordinates import SkyCoord

from claxboi.utils import InputTypeError, InputValueError, check_number, check_table, check_text

from .votable import to_votable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Row, Table

__all__ = ["point_at", "receive_selection", "send_to"]

#: Seconds to wait for an answer of the hub itself.
PATIENCE = 10.0

#: Tables that were sent, by their name at the hub.
_sent = weakref.WeakValueDictionary()


def send_to(
    table: Table, client: str | None = None, *, name: str = "claxboi", timeout: float = 30.0
) -> Sequence[str]:
    """
    Send a table to TOPCAT, Aladin or another program that speaks SAMP.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table.
    client : str, optional
        Name of the program, or a part of it in any case, such as "topcat"; None sends to
        all that take tables.
    name : str, optional
        Name of the table in the other program.
    timeout : float, optional
        Seconds to wait for a program to load it.

    Returns
    -------
    clients : list of str
        Names of the programs that loaded it.

    Raises
    ------
    ConnectionError
        If there is no SAMP hub (TOPCAT and Aladin have one) or it does not answer, or if no such
        program is running or loads the table.

    Notes
    -----
    The program gets the address of a VOTable file with UCDs and groups (`to_votable`), which is
    kept in a temporary folder until Python exits.

    Examples
    --------
    >>> from claxboi.sharing import send_to
    >>> send_to(result, "topcat", name="4XMM classified")  # doctest: +SKIP
    ['topcat']
    """
    check_table(table)
    _check_client(client)
    check_text(name, "name")
    timeout = check_number(timeout, "timeout", minimum=0, exclusive=True)
    with _connected() as hub:
        recipients = _recipients(hub, "table.load.votable", client)
        folder = tempfile.TemporaryDirectory(prefix="claxboi-")
        # A program may read the file again long after it was sent.
        atexit.register(folder.cleanup)
        path = Path(folder.name, "table.vot")
        to_votable(table).to_xml(str(path))
        parameters = {"url": path.as_uri(), "table-id": path.as_uri(), "name": name}
        # A program that takes longer than this waits for it has the table in the end.
        _sent[path.as_uri()] = table
        return _call(hub, recipients, "table.load.votable", parameters, timeout)


def receive_selection(table: Table, *, timeout: float = 300.0) -> Table:
    """
    Wait for rows of a table that are selected in TOPCAT or another program, by SAMP.

    Parameters
    ----------
    table : `~astropy.table.Table`
        The table, which `send_to` has sent.
    timeout : float, optional
        Seconds to wait for the selection.

    Returns
    -------
    rows : `~astropy.table.Table`
        The rows, as a table of the same kind.

    Raises
    ------
    ConnectionError
        As for `send_to`.
    TimeoutError
        If no rows of this table arrive in time.
    ValueError
        If the table was not sent, or the program names a row that is not in it.

    Notes
    -----
    In the table browser of TOPCAT: select rows, press the first button (a subset of the selected
    rows), and :guilabel:`Transmit Subset`. Any subset can be sent from the window of row subsets.

    Examples
    --------
    >>> from claxboi.sharing import receive_selection, send_to
    >>> send_to(result, "topcat")  # doctest: +SKIP
    ['topcat']
    >>> selected = receive_selection(result)  # doctest: +SKIP
    """
    check_table(table)
    timeout = check_number(timeout, "timeout", minimum=0, exclusive=True)
    if not any(sent is table for sent in _sent.values()):
        raise InputValueError("table must be sent by send_to first")
    arrived = queue.SimpleQueue()
    with _connected() as hub:
        hub.bind_receive_message("table.select.rowList", _taker(hub, table, arrived))
        try:
            rows = arrived.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no rows of the table arrived within {timeout:g} s") from None
    wrong = [row for row in rows if not 0 <= row < len(table)]
    if wrong:
        raise InputValueError(
            f"the selected rows must be from 0 to {len(table) - 1}, got {wrong[0]}"
        )
    return table[rows]


def _taker(hub, table, arrived):
    """
    Make a handler for messages that select rows, which ignores those about other tables.
    """

    def take(_private_key, _sender, message_id, _mtype, parameters, _extra):
        # The answer first: once the rows are there, nobody listens.
        if message_id is not None:
            hub.reply(message_id, {"samp.status": "samp.ok", "samp.result": {}})
        names = (parameters.get("table-id"), parameters.get("url"))
        if any(_sent.get(name) is table for name in names):
            arrived.put([int(row) for row in parameters["row-list"]])

    return take


def point_at(
    position: SkyCoord | Row, client: str | None = None, *, timeout: float = 10.0
) -> Sequence[str]:
    """
    Point the sky views of other programs at a position, by SAMP.

    Parameters
    ----------
    position : `~astropy.coordinates.SkyCoord` or `~astropy.table.Row`
        The position, or a row of a table with ``ra`` and ``dec``.
    client : str, optional
        Name of the program, as for `send_to`; None sends to all.
    timeout : float, optional
        Seconds to wait for a program.

    Returns
    -------
    clients : list of str
        Names of the programs that accepted it.

    Raises
    ------
    ConnectionError
        As for `send_to`.

    Examples
    --------
    >>> from claxboi.sharing import point_at
    >>> point_at(result[7], "aladin")  # doctest: +SKIP
    ['Aladin']
    """
    _check_client(client)
    timeout = check_number(timeout, "timeout", minimum=0, exclusive=True)
    ra, dec = _coordinates(position)
    with _connected() as hub:
        recipients = _recipients(hub, "coord.pointAt.sky", client)
        parameters = {"ra": repr(ra), "dec": repr(dec)}
        return _call(hub, recipients, "coord.pointAt.sky", parameters, timeout)


def _check_client(client):
    if client is not None:
        check_text(client, "client")


def _coordinates(position):
    if isinstance(position, SkyCoord):
        if not position.isscalar:
            raise InputValueError(f"position must be a single position, got shape {position.shape}")
        return float(position.icrs.ra.deg), float(position.icrs.dec.deg)
    if not {"ra", "dec"} <= set(getattr(position, "colnames", ())):
        raise InputTypeError(
            "position must be a SkyCoord, or a row of a table with 'ra' and 'dec', got "
            f"{type(position).__name__}"
        )
    values = [check_number(float(position[name]), f"{name} of position") for name in ("ra", "dec")]
    return tuple(values)


def samp_package():
    """
    Import the SAMP package, which moves from astropy to pyvo in astropy 8.

    Returns
    -------
    package : module
        ``pyvo.samp``, or ``astropy.samp`` where pyvo has no classes of its own yet.
    """
    import pyvo.samp

    if hasattr(pyvo.samp, "SAMPHubServer"):
        return pyvo.samp
    import astropy.samp

    return astropy.samp


@contextmanager
def _connected():
    from claxboi import __version__

    samp = samp_package()
    metadata = {"samp.name": "claxboi", "claxboi.version": __version__}
    # Programs on this machine need no address elsewhere, which it would look for by a web site.
    with samp.conf.set_temp("use_internet", False):
        client = samp.SAMPIntegratedClient(metadata=metadata, addr="127.0.0.1")
        try:
            _within(PATIENCE, client.connect)
        except (samp.SAMPHubError, KeyError) as err:
            # A KeyError, where there are hubs, and not the one of this user.
            raise ConnectionError("there is no SAMP hub: start TOPCAT or Aladin first") from err
    try:
        yield client
    finally:
        # The work is done, whether the hub answers or not.
        with suppress(ConnectionError, samp.SAMPProxyError, OSError):
            _within(PATIENCE, client.disconnect)


def _within(seconds, call, *arguments):
    """
    Call a function that can hang, and stop waiting after a time.
    """
    answer = Future()

    def work():
        try:
            answer.set_result(call(*arguments))
        except Exception as err:  # noqa: BLE001 - raised again where the answer is read
            answer.set_exception(err)

    threading.Thread(target=work, daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        raise ConnectionError(f"the SAMP hub did not answer in {seconds:g} s") from None


def _recipients(hub, message, client):
    """
    Find the programs that accept a message, by their identifiers at the hub.
    """
    found = {
        key: str(hub.get_metadata(key).get("samp.name", key))
        for key in hub.get_subscribed_clients(message)
    }
    if client is None:
        chosen = found
    else:
        chosen = {k: name for k, name in found.items() if client.lower() in name.lower()}
    if not chosen:
        who = "program" if client is None else f"program called {client!r}"
        there = ", ".join(found.values()) or "none"
        raise ConnectionError(f"no {who} accepts {message}; programs that do: {there}")
    return chosen


def _call(hub, recipients, message, parameters, timeout):
    done, failed = [], []
    for key, name in recipients.items():
        call = {"samp.mtype": message, "samp.params": parameters}
        try:
            # The hub counts whole seconds, and may hang itself.
            seconds = max(1, round(timeout))
            answer = _within(seconds + PATIENCE, hub.call_and_wait, key, call, str(seconds))
        except samp_package().SAMPProxyError as err:
            failed.append(f"{name} ({err.faultString})")
            continue
        if answer.get("samp.status") == "samp.ok":
            done.append(name)
        else:
            error = answer.get("samp.error", {}).get("samp.errortxt", "no reason given")
            failed.append(f"{name} ({error})")
    if not done:
        raise ConnectionError(f"no program accepted {message}: {'; '.join(failed)}")
    return done
