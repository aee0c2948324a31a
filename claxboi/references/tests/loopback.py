# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
A CDS in miniature on this machine: XMatch, VizieR and SIMBAD as they are, faults included.

It holds small tables and speaks what the unmodified astroquery client understands, so that tests,
the documentation and demonstrations need no network. It does what the real services were seen to
do: the answer of XMatch is a VOTable 1.2 without null values, in no particular order and silently
cut at the limit; VizieR answers an unknown table with status 200; and all of them fail.

>>> import numpy as np
>>> from astropy import units as u
>>> from astropy.coordinates import SkyCoord
>>> from astropy.table import Table
>>> from claxboi.references import get_reference
>>> from claxboi.references.tests.loopback import LoopbackCDS
>>> stars = Table({"id": [7], "ra": [10.0], "dec": [5.0], "Gmag": [15.0]})
>>> with LoopbackCDS({"gaia": stars}):
...     near = get_reference("gaia").query(SkyCoord(10, 5, unit="deg"), radius=1 * u.arcsec)
>>> print(near["id"][0], near["Gmag"].quantity[0])
7 15.0 mag
"""

import contextlib
import email
import email.policy
import hashlib
import io
import os
import re
import ssl
import tempfile
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from astropy.io import votable
from astropy.table import MaskedColumn
from scipy.spatial import cKDTree

from claxboi import conf
from claxboi.references.records import Record, load_records

__all__ = ["FAULTS", "SILENT", "Field", "LoopbackCDS", "LoopbackTable", "Request"]

CERTIFICATE = Path(__file__).parent / "data" / "loopback.pem"

FAULTS = ("500", "502", "503", "504", "html", "error200", "cut", "short", "hang", "lost")
"""Failures that may pass; "400" and "403" do not."""

SILENT = ("empty", "first", "some")
"""Answers that seem right and lack rows: all, those after the first third, any half of them."""

_NULLS = {"int": "-2147483648", "short": "-32768", "long": "-9223372036854775808"}
# A field of our own among those of a request.
_FAULT = "loopback fault"
_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class Field(NamedTuple):
    """
    A column as a service holds it.
    """

    values: object
    """Masked array."""

    datatype: str
    """VOTable datatype."""

    unit: str = ""
    """Unit as the service writes it."""

    width: int | None = None
    """Declared width of strings; None: the true one."""

    is_default: bool = True
    """Whether VizieR gives it when asked for ``*``."""


class Request(NamedTuple):
    """
    A request that came.
    """

    service: str
    """xmatch, vizier, simbad or tap."""

    kind: str
    """match, whole, list or other."""

    table: str
    """Table asked for."""

    n_positions: int
    """Different positions that were sent."""

    digest: str
    """Hash of them, in their order."""

    fault: str
    """What was done instead of answering; empty: nothing."""


class LoopbackTable:
    """
    A table, with its columns under the names that each service uses.

    Parameters
    ----------
    ra_deg, dec_deg : array-like
        The positions that are matched.
    columns : dict of str to dict of str to `Field`
        Service -> name -> column.
    """

    def __init__(self, ra_deg, dec_deg, columns):
        self.ra = np.asarray(ra_deg, float)
        self.dec = np.asarray(dec_deg, float)
        self.columns = columns
        self._tree = cKDTree(_vectors(self.ra, self.dec)) if len(self.ra) else None
        self._text = {}

    @classmethod
    def from_record(cls, record, data):
        """
        Make one of a table under canonical names.

        Parameters
        ----------
        record : str or `Record`
            The catalogue.
        data : `~astropy.table.Table`
            At least ``ra`` and ``dec``; columns that are not given are empty.

        Returns
        -------
        table : `LoopbackTable`
        """
        record = record if isinstance(record, Record) else load_records()[record]
        columns = {
            service: {
                column.names[service]: _field(data, column)
                for column in record.columns_on(service).values()
            }
            for service in record.services
        }
        return cls(data["ra"], data["dec"], columns)

    def pairs(self, ra_deg, dec_deg, radius_arcsec):
        """
        Find the rows near positions.

        Parameters
        ----------
        ra_deg, dec_deg : `~numpy.ndarray`
            Positions.
        radius_arcsec : float
            How near.

        Returns
        -------
        index, rows, separation_arcsec : `~numpy.ndarray`
        """
        if self._tree is None or not len(ra_deg):
            return np.empty(0, int), np.empty(0, int), np.empty(0)
        chord = 2 * np.sin(np.radians(radius_arcsec / 3600) / 2)
        found = cKDTree(_vectors(ra_deg, dec_deg)).sparse_distance_matrix(
            self._tree, chord, output_type="ndarray"
        )
        order = np.lexsort((found["j"], found["i"]))
        separation = 3600 * np.degrees(2 * np.arcsin(found["v"][order] / 2))
        return found["i"][order], found["j"][order], separation

    def text(self, service, name):
        """
        Write a column as the text of its cells; empty where there is no value.

        Parameters
        ----------
        service, name : str
            The column.

        Returns
        -------
        text : `~numpy.ndarray` of object
        """
        key = service, name
        if key not in self._text:
            self._text[key] = _cells(self.columns[service][name].values)
        return self._text[key]


def _field(data, column):
    kinds = {"int64": "long", "str": "char", "bool": "boolean", "float64": "double"}
    if column.canonical in data.colnames:
        values = MaskedColumn(data[column.canonical], unit=None)
    else:
        dtype = {"int64": np.int64, "str": "U1", "bool": bool}.get(column.type, float)
        values = MaskedColumn(np.zeros(len(data), dtype), mask=True)
    return Field(values, kinds[column.type], column.unit)


def _cells(values):
    values = MaskedColumn(values)
    mask = np.array(values.mask)
    plain = np.asarray(values.data.data)
    if plain.dtype.kind == "f":
        mask = mask | ~np.isfinite(plain)
    text = [escape(str(value)) for value in plain.tolist()]
    return np.where(mask, "", np.array(text, object)).astype(object)


def _vectors(ra_deg, dec_deg):
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


class LoopbackCDS:
    """
    The services, on 127.0.0.1: a context manager within which claxboi asks nobody else.

    It sets ``claxboi.conf`` (servers, no waits between repetitions, a temporary cache folder) and
    the certificate that requests trusts, and restores them at its end.

    Parameters
    ----------
    tables : dict of str to `LoopbackTable` or `~astropy.table.Table`
        Short name of a known catalogue -> its rows under canonical names; or id of a table -> a
        `LoopbackTable`.
    hard_limit : int, optional
        Most rows that any service gives; the rest is cut without a word.
    upload_limit : int, optional
        Most positions that TAP services say they take.
    seed : int, optional
        Seed of the order of XMatch's rows.
    **settings
        Items of ``claxboi.conf`` to set meanwhile.

    Attributes
    ----------
    requests : list of `Request`
        What came.
    faults : collections.deque of str
        What the next requests meet, see `fail`.
    alter : callable or None
        Takes each `Request` and the content of its answer, and returns the content that is sent.
    tap_address : str
        Address of a TAP service with all tables that have columns for "tap".
    """

    def __init__(self, tables, *, hard_limit=2_000_000, upload_limit=200_000, seed=1, **settings):
        self.tables = {}
        for name, table in tables.items():
            if isinstance(table, LoopbackTable):
                self.tables[name] = table
            else:
                record = load_records()[name]
                self.tables[record.table] = LoopbackTable.from_record(record, table)
        self.hard_limit, self.upload_limit = hard_limit, upload_limit
        self.requests = []
        self.alter = None
        self._settings = settings
        self._rng = np.random.default_rng(seed)
        self.faults = deque()
        self._lottery = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            plain = self._start(None, stack)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            secure = self._start(context, stack)
            self.addresses = {
                "xmatch_url": f"http://127.0.0.1:{plain}/xmatch/api/v1/sync",
                "vizier_server": f"127.0.0.1:{secure}",
                "simbad_server": f"127.0.0.1:{secure}",
            }
            self.tap_address = f"https://127.0.0.1:{secure}/tap"
            settings = {"retry_wait": 0.0, **self.addresses, **self._settings}
            if "cache_dir" not in settings:
                settings["cache_dir"] = stack.enter_context(tempfile.TemporaryDirectory())
            for name, value in settings.items():
                stack.enter_context(conf.set_temp(name, value))
            stack.enter_context(_environment("REQUESTS_CA_BUNDLE", str(CERTIFICATE)))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *args):
        self._closing.set()
        self._stack.close()

    def start(self):
        """
        Start, where no ``with`` statement is possible.

        Returns
        -------
        cds : `LoopbackCDS`
            Itself; end it by `stop`.
        """
        return self.__enter__()

    def is_closing(self):
        """
        Return whether the services are about to stop.

        Returns
        -------
        is_closing : bool
        """
        return self._closing.is_set()

    def stop(self):
        """
        Stop, and restore the settings.
        """
        self.__exit__()

    def _start(self, context, stack):
        server = _Server(("127.0.0.1", 0), _Handler)
        server.cds = self
        if context is not None:
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        return server.server_address[1]

    def fail(self, *faults):
        """
        Let the next requests fail.

        Parameters
        ----------
        *faults : str
            One of `FAULTS` or `SILENT`, "400", "403", "drip" (a byte at a time), "flood" (without
            end), or "" for a request that succeeds.
        """
        self.faults.extend(faults)

    def fail_randomly(self, share, faults, seed):
        """
        Let a share of all requests fail.

        Parameters
        ----------
        share : float
            Which part.
        faults : list of str
            With what.
        seed : int
            Seed of the choice.
        """
        self._lottery = share, list(faults), np.random.default_rng(seed)

    def next_fault(self):
        """
        Take the next fault from the queue, or draw one.

        Returns
        -------
        fault : str
            Empty: nothing.
        """
        with self._lock:
            if self.faults:
                return self.faults.popleft()
            if self._lottery is not None:
                share, faults, rng = self._lottery
                if rng.random() < share:
                    return str(rng.choice(faults))
        return ""

    def log(self, request):
        """
        Remember a request.

        Parameters
        ----------
        request : `Request`
            It.
        """
        with self._lock:
            self.requests.append(request)

    def shuffled(self, n):
        """
        Draw a random order of rows.

        Parameters
        ----------
        n : int
            How many.

        Returns
        -------
        order : `~numpy.ndarray`
        """
        with self._lock:
            return self._rng.permutation(n)

    def survivors(self, n, fault):
        """
        Choose the rows that a service gives which loses some silently.

        Parameters
        ----------
        n : int
            How many there are.
        fault : str
            One of `SILENT` or another.

        Returns
        -------
        rows : `~numpy.ndarray`
        """
        rows = np.arange(n)
        if fault == "empty":
            return rows[:0]
        if fault == "first":
            return rows[: n // 3]
        if fault == "some":
            with self._lock:
                return rows[self._rng.random(n) < 0.5]
        return rows

    def wait(self, seconds):
        """
        Hang, but not beyond the end of the test.

        Parameters
        ----------
        seconds : float
            How long.
        """
        self._closing.wait(seconds)


@contextlib.contextmanager
def _environment(name, value):
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # Clients that time out or are killed close the connection: that is part of the tests.
        pass


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format, *args):
        pass

    def do_GET(self):
        self._handle(b"")

    def do_POST(self):
        self._handle(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _handle(self, body):
        cds = self.server.cds
        path = urlsplit(self.path)
        if path.path.startswith("/xmatch"):
            service, answer = "xmatch", _xmatch
        elif path.path.startswith("/viz-bin"):
            service, answer = "vizier", _vizier
        else:
            service, answer = ("simbad" if path.path.startswith("/simbad") else "tap"), _tap
        fields = {name: values[0] for name, values in parse_qs(path.query).items()}
        files = {}
        if service == "vizier":
            fields = _read_asu(body.decode())
        elif body:
            fields, files = _read_form(self.headers["Content-Type"], body)
        fault = cds.next_fault()
        status, kind, content, asked = answer(cds, path.path, {**fields, _FAULT: fault}, files)
        request = Request(service, *asked, fault)
        cds.log(request)
        if cds.alter is not None:
            content = cds.alter(request, content)
        self._reply(status, kind, content, fault)

    def _reply(self, status, kind, content, fault):
        cds = self.server.cds
        xml = "application/x-votable+xml"
        if fault == "hang":
            cds.wait(2 * conf.timeout)
            return
        if fault == "lost":
            return
        if fault in ("drip", "flood"):
            self._go_on(xml, b" " * (1 if fault == "drip" else 2**20), 0.05 * (fault == "drip"))
            return
        if fault in ("502", "504"):
            status, kind, content = int(fault), "text/html", _HTML
        elif fault == "html":
            status, kind, content = 200, "text/html", _HTML
        elif fault == "500":
            status, kind, content = 500, "text/plain", b"Internal server error"
        elif fault in ("503", "400"):
            words = {
                "503": "Too many jobs are being processed, try later!",
                "400": "Unknown parameter",
            }[fault]
            status, kind, content = int(fault), xml, _error(words)
        elif fault == "error200":
            status, kind, content = 200, xml, _error("The database is down")
        elif fault == "403":
            status, kind, content = 403, "text/plain", b"Forbidden"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        length = len(content)
        if fault in ("cut", "short"):
            content = content[: 2 * length // 3]
        if fault != "cut":
            # A body that is shorter than it says is found by any client; one that says nothing
            # is not.
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def _go_on(self, kind, part, pause_s):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        cds = self.server.cds
        while not cds.is_closing():
            self.wfile.write(part)
            cds.wait(pause_s)


def _read_form(content_type, body):
    if not content_type.startswith("multipart"):
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}, {}
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    fields, files = {}, {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if part.get_filename() is None:
            fields[name] = content.decode()
        else:
            files[name] = content
    return fields, files


def _read_asu(text):
    fields = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, _, value = line.partition("=")
        if value.startswith("<<"):
            end = value[2:]
            value = list(iter(lambda: next(lines), end))
        fields[name] = value
    return fields


def _asked(kind, table, ra, dec, tolerance_deg=0.0):
    """Describe a request: positions that are sent twice count once."""
    order = np.lexsort([np.arange(len(ra)), dec, ra])
    is_near = (np.diff(ra[order]) == 0) & (np.diff(dec[order]) <= tolerance_deg)
    pairs = np.column_stack([order[:-1], order[1:]])[is_near]
    first = np.setdiff1d(np.arange(len(ra)), pairs.max(axis=1, initial=0)[: len(pairs)])
    return kind, table, len(first), _digest(ra[first], dec[first])


def _digest(ra, dec):
    content = np.asarray(ra, "<f8").tobytes() + np.asarray(dec, "<f8").tobytes()
    return hashlib.sha256(content).hexdigest()


def _error(words):
    return (
        '<?xml version="1.0" encoding="UTF-8"?><VOTABLE version="1.2" '
        'xmlns="http://www.ivoa.net/xml/VOTable/v1.2"><RESOURCE type="results">'
        f'<INFO ID="QUERY_STATUS" name="QUERY_STATUS" value="ERROR">{escape(words)}</INFO>'
        "</RESOURCE></VOTABLE>"
    ).encode()


def _xmatch(cds, path, fields, files):
    if path.endswith("/tables"):
        names = "\n".join([*cds.tables, ""])
        return 200, "text/plain", names.encode(), ("list", "", 0, "")
    table_id = fields["cat2"].removeprefix("vizier:")
    text = files["cat1"].decode()
    names, _, rows = text.partition("\n")
    names = names.strip().split(",")
    upload = np.loadtxt(io.StringIO(rows), delimiter=",", ndmin=2, dtype=str)
    sent = dict(zip(names, upload.T, strict=True))
    ra, dec = (sent[fields[key]].astype(float) for key in ("colRA1", "colDec1"))
    asked = _asked("match", table_id, ra, dec)
    table = cds.tables.get(table_id)
    if table is None or "xmatch" not in table.columns:
        return 400, "application/x-votable+xml", _error(f"Unknown table {table_id}"), asked
    index, found, separation = table.pairs(ra, dec, float(fields["distMaxArcsec"]))
    if fields.get("selection") == "best":
        order = np.lexsort((separation, index))
        index, found, separation = index[order], found[order], separation[order]
        first = np.unique(index, return_index=True)[1]
        index, found, separation = index[first], found[first], separation[first]
    order = cds.shuffled(len(index))
    limit = min(int(fields.get("MAXREC", cds.hard_limit)), cds.hard_limit)
    order = order[cds.survivors(len(order), fields[_FAULT])][:limit]
    index, found, separation = index[order], found[order], separation[order]

    columns = table.columns["xmatch"]
    wanted = fields["cols2"].split(",") if fields.get("cols2") else list(columns)
    head = [("angDist", "double", "arcsec", None)]
    cells = [[f"{x:.6f}" for x in separation]]
    for name in names:
        is_integer = np.char.isdigit(sent[name]).all()
        head.append((name, "int" if is_integer else "double", "", None))
        cells.append(sent[name][index].tolist())
    for name in columns:
        if name in wanted:
            field = columns[name]
            head.append((name, field.datatype, field.unit, field.width))
            cells.append(table.text("xmatch", name)[found].tolist())
    body = _rows(cells)
    fields_xml = "".join(_field_xml(*entry) for entry in head)
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><VOTABLE version="1.2" '
        'xmlns="http://www.ivoa.net/xml/VOTable/v1.2">'
        "<DESCRIPTION>Generated by the CDS XMatch engine</DESCRIPTION>"
        f'<INFO name="nTuples" value="{len(index)}"/><RESOURCE type="results">'
        '<INFO ID="QUERY_STATUS" name="QUERY_STATUS" value="OK"/>'
        f'<TABLE ID="xmatchResult" name="xmatchResult" nrows="{len(index)}">{fields_xml}'
        f"<DATA><TABLEDATA>{body}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    return 200, "application/x-votable+xml", content.encode(), asked


def _field_xml(name, datatype, unit="", width=None, *, null=None):
    text = f"<FIELD name={quoteattr(name)} datatype={quoteattr(datatype)}"
    if unit:
        text += f" unit={quoteattr(unit)}"
    if datatype == "char":
        text += f' arraysize="{width or "*"}"'
    return f'{text}><VALUES null="{null}"/></FIELD>' if null else f"{text}/>"


def _rows(columns):
    return "".join(
        f"<TR><TD>{'</TD><TD>'.join(row)}</TD></TR>\n" for row in zip(*columns, strict=True)
    )


def _vizier(cds, path, fields, files):
    table_id = fields["-source"]
    centres = fields.get("-c", [])
    centres = [centres] if isinstance(centres, str) else centres
    positions = np.array([re.fullmatch(r"(.*\d)([+-].*)", c).groups() for c in centres], float)
    ra, dec = positions.reshape(-1, 2).T
    # A hemisphere is half of the whole.
    is_whole = not centres or float(fields.get("-c.rd", 0)) >= 90
    asked = _asked("whole" if is_whole else "match", table_id, ra, dec, 1e-7)
    xml = "text/xml"
    inside = [name for name in cds.tables if name.startswith(f"{table_id}/")]
    table = cds.tables.get(table_id)
    if inside and table is None:
        parts = [_vizier_table(cds, name, fields, ra, dec) for name in inside]
        return 200, xml, _vizier_votable("".join(parts)), asked
    if table is None or "vizier" not in table.columns:
        words = f"Table or Catalog not found: {table_id}"
        info = f'<INFO ID="Error" name="Error" value={quoteattr(words)}/>'
        info += '<INFO name="QUERY_STATUS" value="ERROR"/>'
        return 200, xml, _vizier_votable("", info), asked
    return 200, xml, _vizier_votable(_vizier_table(cds, table_id, fields, ra, dec)), asked


def _vizier_votable(tables, info=""):
    return (
        '<?xml version="1.0" encoding="UTF-8"?><VOTABLE version="1.4" '
        'xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'{info}<RESOURCE ID="yCat_1" name="catalogue">{tables}</RESOURCE></VOTABLE>'
    ).encode()


def _vizier_table(cds, table_id, fields, ra, dec):
    table = cds.tables[table_id]
    columns = table.columns["vizier"]
    rows = np.arange(len(table.ra))
    index = None
    if len(ra):
        scale = {"s": 1, "m": 60, "d": 3600}
        (unit,) = [key[-1] for key in fields if key.startswith("-c.r")]
        index, rows, _ = table.pairs(ra, dec, float(fields[f"-c.r{unit}"]) * scale[unit])
    limit = fields["-out.max"]
    limit = cds.hard_limit if limit == "unlimited" else min(int(limit), cds.hard_limit)
    kept = cds.survivors(len(rows), fields[_FAULT])[:limit]
    rows = rows[kept]
    index = index[kept] if index is not None else None
    if not len(rows):
        return ""
    asked = fields.get("-out", "").split(",")
    is_all = "-out.all" in fields
    names = [
        name
        for name, field in columns.items()
        if is_all or name in asked or ("*" in asked and field.is_default)
    ]
    computed = {"_RAJ2000": table.ra, "_DEJ2000": table.dec}
    head, cells = [], []
    for name in fields.get("-out.add", "").split(","):
        if name == "_q" and index is not None:
            head.append(_field_xml("_q", "int"))
            cells.append([str(k + 1) for k in index])
        elif name in computed:
            head.append(_field_xml(name, "double", "deg"))
            cells.append([f"{x:.8f}" for x in computed[name][rows]])
    for name in names:
        if name in computed:
            # Given once, as computed.
            continue
        field = columns[name]
        text = table.text("vizier", name)[rows].tolist()
        null = _NULLS.get(field.datatype)
        if null:
            text = [cell or null for cell in text]
        width = field.width or max(1, *map(len, text))
        head.append(_field_xml(name, field.datatype, field.unit, width, null=null))
        cells.append(text)
    return (
        f'<TABLE ID="t" name={quoteattr(table_id)}>{"".join(head)}<DATA><TABLEDATA>{_rows(cells)}'
        "</TABLEDATA></DATA></TABLE>"
    )


_CAPABILITIES = b"""<?xml version="1.0" encoding="UTF-8"?>
<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"
 xmlns:vr="http://www.ivoa.net/xml/VOResource/v1.0" xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"
 xmlns:tr="http://www.ivoa.net/xml/TAPRegExt/v1.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<capability standardID="ivo://ivoa.net/std/TAP" xsi:type="tr:TableAccess">
<interface role="std" xsi:type="vs:ParamHTTP"><accessURL use="base">https://127.0.0.1/</accessURL></interface>
<language><name>ADQL</name><version ivo-id="ivo://ivoa.net/std/ADQL#v2.0">2.0</version></language>
<outputFormat ivo-id="ivo://ivoa.net/std/TAPRegExt#output-votable-td"><mime>text/xml</mime></outputFormat>
<executionDuration><default>3600</default><hard>7200</hard></executionDuration>
<outputLimit><default unit="row">50000</default><hard unit="row">2000000</hard></outputLimit>
<uploadLimit><default unit="row">%d</default><hard unit="row">%d</hard></uploadLimit>
</capability></vosi:capabilities>"""


def _tap(cds, path, fields, files):
    """Answer as SIMBAD does, or for ``/tap`` as a TAP service that holds the other tables."""
    if path.endswith("capabilities"):
        return 200, "text/xml", _CAPABILITIES % (2 * (cds.upload_limit,)), ("other", "", 0, "")
    if "QUERY" not in fields:
        return 404, "text/plain", b"Not found", ("other", path, 0, "")
    adql = fields["QUERY"]
    service = "simbad" if path.startswith("/simbad") else "tap"
    name = re.search(r"FROM (\S+) AS t ", adql)[1].strip('"')
    table = cds.tables.get("simbad" if service == "simbad" else name)
    (upload,) = files.values()
    sent = votable.parse_single_table(io.BytesIO(upload)).to_table()
    ra, dec = np.asarray(sent["cxb_ra"]), np.asarray(sent["cxb_dec"])
    asked = _asked("match", "simbad" if service == "simbad" else name, ra, dec)
    if table is None:
        return 400, "application/x-votable+xml", _error(f"Unknown table {name}"), asked
    radius = float(re.search(r"CIRCLE\('ICRS', sent.cxb_ra, sent.cxb_dec, ([^)]*)\)", adql)[1])
    columns = table.columns[service]
    wanted = re.findall(r'\bt\.("[^"]+"|\w+|\*)', adql)
    unknown = [own for own in wanted if own != "*" and own.strip('"') not in columns]
    if unknown:
        return 400, "application/x-votable+xml", _error(f"Unknown column {unknown[0]}"), asked
    wanted = re.findall(r'\bt\.("[^"]+"|\w+|\*)', adql[: adql.index(" FROM ")])
    wanted = list(columns) if wanted == ["*"] else [own.strip('"') for own in wanted]
    index, rows, _ = table.pairs(ra, dec, radius * 3600)
    kept = cds.survivors(len(index), fields[_FAULT])
    index, rows = index[kept], rows[kept]
    limit = min(int(fields["MAXREC"]), cds.hard_limit)
    status = "OVERFLOW" if len(index) > limit else "OK"
    index, rows = index[:limit], rows[:limit]
    head = [_field_xml("cxb_idx", "long")]
    cells = [[str(k) for k in index]]
    for own, values in (("cxb_ra", ra), ("cxb_dec", dec)):
        head.append(_field_xml(own, "double"))
        cells.append([repr(float(x)) for x in values[index]])
    for own in wanted:
        field = columns[own]
        head.append(_field_xml(own, field.datatype, field.unit))
        cells.append(table.text(service, own)[rows].tolist())
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><VOTABLE version="1.3" '
        'xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
        f'<INFO name="QUERY_STATUS" value="OK"/><TABLE name="result">{"".join(head)}'
        f"<DATA><TABLEDATA>{_rows(cells)}</TABLEDATA></DATA></TABLE>"
        f"{'' if status == 'OK' else _OVERFLOW}</RESOURCE></VOTABLE>"
    )
    return 200, "application/x-votable+xml", content.encode(), asked


_OVERFLOW = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>'
