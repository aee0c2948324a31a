# Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
"""
Tables and positions sent to other programs on this machine, by SAMP.
"""

import atexit
import tempfile
from contextlib import contextmanager
from pathlib import Path

from astropy.coordinates import SkyCoord

from claxboi.utils import check_number, check_table

from .votable import to_votable

__all__ = ["point_at", "send_to"]


def send_to(table, client=None, *, name="claxboi", timeout=30.0):
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
        What the table is called there.
    timeout : float, optional
        Seconds to wait for a program to load it.

    Returns
    -------
    clients : list of str
        Names of the programs that loaded it.

    Raises
    ------
    ConnectionError
        If there is no SAMP hub (TOPCAT and Aladin have one), no such program, or none that
        loaded it.

    Notes
    -----
    The table goes as the address of a VOTable file with UCDs and groups (`to_votable`), which
    lies in a temporary folder until Python ends.

    Examples
    --------
    >>> from claxboi.sharing import send_to
    >>> send_to(result, "topcat", name="4XMM classified")  # doctest: +SKIP
    ['topcat']
    """
    check_table(table)
    timeout = check_number(timeout, "timeout", minimum=0, exclusive=True)
    with _connected() as hub:
        recipients = _recipients(hub, "table.load.votable", client)
        folder = tempfile.TemporaryDirectory(prefix="claxboi-")
        # A program may read the file again long after it was sent.
        atexit.register(folder.cleanup)
        path = Path(folder.name, "table.vot")
        to_votable(table).to_xml(str(path))
        parameters = {"url": path.as_uri(), "table-id": path.as_uri(), "name": str(name)}
        return _call(hub, recipients, "table.load.votable", parameters, timeout)


def point_at(position, client=None, *, timeout=10.0):
    """
    Point the sky views of other programs at a position, by SAMP.

    Parameters
    ----------
    position : `~astropy.coordinates.SkyCoord` or `~astropy.table.Row`
        The position, or a row of a table with ``ra`` and ``dec``.
    client : str, optional
        Name of the program, as for `send_to`; None points all.
    timeout : float, optional
        Seconds to wait for a program.

    Returns
    -------
    clients : list of str
        Names of the programs that followed.

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
    timeout = check_number(timeout, "timeout", minimum=0, exclusive=True)
    ra, dec = _coordinates(position)
    with _connected() as hub:
        recipients = _recipients(hub, "coord.pointAt.sky", client)
        parameters = {"ra": repr(ra), "dec": repr(dec)}
        return _call(hub, recipients, "coord.pointAt.sky", parameters, timeout)


def _coordinates(position):
    if isinstance(position, SkyCoord):
        if not position.isscalar:
            raise ValueError(f"position must be a single one, got shape {position.shape}")
        return float(position.icrs.ra.deg), float(position.icrs.dec.deg)
    if not {"ra", "dec"} <= set(getattr(position, "colnames", ())):
        raise TypeError(
            "position must be a SkyCoord, or a row of a table with 'ra' and 'dec', got "
            f"{type(position).__name__}"
        )
    values = [check_number(float(position[name]), f"{name} of position") for name in ("ra", "dec")]
    return tuple(values)


def samp_package():
    """
    Import the package that speaks SAMP, which moves from astropy to pyvo in astropy 8.

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
    client = samp.SAMPIntegratedClient(metadata=metadata)
    try:
        client.connect()
    except samp.SAMPHubError as err:
        raise ConnectionError("there is no SAMP hub: start TOPCAT or Aladin first") from err
    try:
        yield client
    finally:
        client.disconnect()


def _recipients(hub, message, client):
    """
    Find the programs that take a message, by their identifiers at the hub.
    """
    found = {
        key: str(hub.get_metadata(key).get("samp.name", key))
        for key in hub.get_subscribed_clients(message)
    }
    if client is None:
        chosen = found
    else:
        chosen = {k: name for k, name in found.items() if str(client).lower() in name.lower()}
    if not chosen:
        who = "program" if client is None else f"program called {client!r}"
        there = ", ".join(found.values()) or "none"
        raise ConnectionError(f"there is no {who} that takes {message}; those that do: {there}")
    return chosen


def _call(hub, recipients, message, parameters, timeout):
    done, failed = [], []
    for key, name in recipients.items():
        call = {"samp.mtype": message, "samp.params": parameters}
        try:
            answer = hub.call_and_wait(key, call, str(max(1, round(timeout))))
        except samp_package().SAMPProxyError as err:
            failed.append(f"{name} ({err.faultString})")
            continue
        if answer.get("samp.status") == "samp.ok":
            done.append(name)
        else:
            error = answer.get("samp.error", {}).get("samp.errortxt", "no reason given")
            failed.append(f"{name} ({error})")
    if not done:
        raise ConnectionError(f"no program followed {message}: {'; '.join(failed)}")
    return done
