# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Silent faults of services, changes between runs, and jobs that are killed between two files.

    python benchmarks/faults.py services [number of faults]
    python benchmarks/faults.py changes [number of changes]
    python benchmarks/faults.py kills [number of kills]

An answer is right (it was asked again, or the fault did no harm), refused (an error), warned of, or
silent: wrong without a word. An answer that was kept although it is wrong is silent, too.
"""

import itertools
import re
import sys
import warnings
from collections import Counter

import numpy as np
from astropy import units as u
from astropy.table import Table

RADIUS = 10 * u.arcsec
N_POSITIONS = 300
CELL = re.compile(rb"<TD>([^<]*)</TD>")


# Faults of services


class Answer:
    """
    A VOTable that can be changed: its fields, and the cells of its rows.
    """

    def __init__(self, content):
        self.before, _, rest = content.partition(b"<DATA><TABLEDATA>")
        body, _, self.after = rest.partition(b"</TABLEDATA>")
        self.rows = [CELL.findall(row) for row in body.split(b"</TR>")[:-1]]
        start = self.before.index(b"<FIELD")
        self.before, fields = self.before[:start], self.before[start:]
        self.fields = re.findall(rb"<FIELD.*?(?:/>(?=<FIELD|$)|</FIELD>)", fields, re.DOTALL)
        self.names = [re.search(rb'name="([^"]*)"', field)[1].decode() for field in self.fields]

    def find(self, *patterns):
        """
        Find a column by patterns of its name.
        """
        for pattern in patterns:
            for k, name in enumerate(self.names):
                if re.fullmatch(pattern, name):
                    return k
        raise LookupError(patterns)

    def change_cells(self, k, change):
        """
        Apply a function to the cells of a column that are not empty.
        """
        for row in self.rows:
            row[k] = change(row[k]) if row[k].strip() else row[k]

    def set_unit(self, k, unit):
        """
        Declare another unit.
        """
        field = re.sub(rb' unit="[^"]*"', b"", self.fields[k])
        self.fields[k] = field.replace(b"<FIELD", b'<FIELD unit="%s"' % unit.encode(), 1)

    def content(self):
        """
        Return the VOTable, with numbers of rows that fit.
        """
        n = str(len(self.rows)).encode()
        head = re.sub(rb'(nrows|nTuples" value)="\d+"', rb'\1="' + n + b'"', self.before)
        rows = [b"<TR>%s</TR>\n" % b"".join(b"<TD>%s</TD>" % c for c in r) for r in self.rows]
        data = b"<DATA><TABLEDATA>%s</TABLEDATA>" % b"".join(rows)
        return b"".join([head, *self.fields, data, self.after])


RA = ("RA_ICRS|RAdeg|ra", "_RAJ2000")
DEC = ("DE_ICRS|DEdeg|dec", "_DEJ2000")
NUMBER = ("Gmag", "ra")


def drop(share):
    """
    Make a fault that loses rows at random, others each time.
    """

    def fault(answer, rng):
        answer.rows = [row for row in answer.rows if rng.random() >= share]

    return fault


def lose_one(answer, rng):
    """
    Lose one row.
    """
    del answer.rows[rng.integers(len(answer.rows))]


def cut(answer, rng):
    """
    Lose the end.
    """
    answer.rows = answer.rows[: int(len(answer.rows) * rng.uniform(0.2, 0.8))]


def empty(answer, rng):  # noqa: ARG001  all faults are called alike
    """
    Lose all rows.
    """
    answer.rows = []


def double(answer, rng):
    """
    Send some rows again.
    """
    answer.rows += [row for row in answer.rows if rng.random() < 0.3]


def swap(first, second):
    """
    Make a fault that exchanges the values of two columns.
    """

    def fault(answer, rng):  # noqa: ARG001
        i, k = answer.find(*first), answer.find(*second)
        for row in answer.rows:
            row[i], row[k] = row[k], row[i]

    return fault


def convert(column, factor, unit=None):
    """
    Make a fault that gives values in another unit, and says so or not.
    """

    def fault(answer, rng):  # noqa: ARG001
        k = answer.find(*column)
        answer.change_cells(k, lambda cell: repr(float(cell) * factor).encode())
        if unit:
            answer.set_unit(k, unit)

    return fault


def declare(column, unit):
    """
    Make a fault that declares another unit only.
    """

    def fault(answer, rng):  # noqa: ARG001
        answer.set_unit(answer.find(*column), unit)

    return fault


def spoil(text):
    """
    Make a fault that puts something else into one cell of a number.
    """

    def fault(answer, rng):
        answer.rows[rng.integers(len(answer.rows))][answer.find(*RA)] = text

    return fault


def shift(answer, rng):  # noqa: ARG001
    """
    Shift the numbers of the positions by one.
    """
    k = answer.find("cxb_idx", "_q")
    answer.change_cells(k, lambda cell: str(int(cell) + 1).encode())


FAULTS = {
    "half of the rows": drop(0.5),
    "a tenth of the rows lost": drop(0.1),
    "one row lost": lose_one,
    "cut": cut,
    "no rows": empty,
    "rows doubled": double,
    "ra and dec swapped": swap(RA, DEC),
    "id and number swapped": swap(("Source|main_id",), NUMBER),
    "ra in rad": convert(RA, np.pi / 180, "rad"),
    "ra in rad, not said": convert(RA, np.pi / 180),
    "dec in arcmin, not said": convert(DEC, 60),
    "ra declared as Jy": declare(RA, "Jy"),
    "ra in an unknown unit": declare(RA, "furlongs"),
    "distance in arcmin": convert(("angDist",), 1 / 60, "arcmin"),
    "distance in arcmin, not said": convert(("angDist",), 1 / 60),
    "distance in deg, not said": convert(("angDist",), 1 / 3600),
    "bad cell": spoil(b"1.2.3"),
    "broken cell": spoil(b"12&#0;"),
    "cell too large": spoil(b"1e999"),
    "cell of another place": spoil(b"77.7"),
    "positions shifted": shift,
    "of another request": None,
    "drip": "drip",
    "flood": "flood",
}
WAYS = ("xmatch", "vizier", "simbad", "whole")


def sky(seed=8):
    """
    Make tables for the services: stars near positions all over the sky.
    """
    from claxboi.references.tests.conftest import make_sky

    coords, stars = make_sky(N_POSITIONS, seed)
    objects = Table({"id": stars["id"].astype(str), "ra": stars["ra"], "dec": stars["dec"]})
    objects["otype"] = "Star"
    return coords, {"gaia": stars, "simbad": objects, "mineo": objects["ra", "dec"]}


def ask(way, coords):
    """
    Ask a service.
    """
    from claxboi.references import get_reference

    if way == "whole":
        return get_reference("mineo").fetch_all()
    name = "simbad" if way == "simbad" else "gaia"
    return get_reference(name).query(coords, radius=RADIUS, service=way, show_progress=False)


def is_same(found, right):
    """
    Compare two tables, up to the digits of numbers.
    """
    if found.colnames != right.colnames or len(found) != len(right):
        return False
    for one, other in zip(found.itercols(), right.itercols(), strict=True):
        if one.unit != other.unit:
            return False
        if one.dtype.kind == "f":
            values = [np.ma.filled(column, np.nan) for column in (one, other)]
            if not np.allclose(*values, rtol=1e-9, atol=1e-5, equal_nan=True):
                return False
        elif one.tolist() != other.tolist():
            return False
    return True


def outcome(way, coords, right):
    """
    Ask, and judge what comes.
    """
    from claxboi.references import FetchError

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = ask(way, coords)
        except FetchError as err:
            return "refused", str(err)
        except Exception as err:  # noqa: BLE001  counted
            return "crashed", f"{type(err).__name__}: {err}"
    if is_same(found, right):
        return "right", ""
    return ("warned" if caught else "silent"), " ".join(str(one.message) for one in caught)


def services(n_faults=200):
    """
    Inject faults, each into one answer or into all from one on, and count what becomes of them.
    """
    coords, tables = sky()
    right, stale = {}, {}

    def keep(request, content):
        stale[request.service, request.kind] = content
        return content

    with loopback(tables), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        right = {way: ask(way, coords) for way in WAYS}
    other_coords, other_tables = sky(seed=9)
    with loopback(other_tables) as cds, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cds.alter = keep
        for way in ("xmatch", "vizier", "simbad"):
            ask(way, other_coords)
    counts = Counter()
    for seed in range(n_faults):
        for (name, fault), way, times in itertools.product(FAULTS.items(), WAYS, (1, 10**9)):
            with loopback(tables, seed=seed) as cds:
                result = one_fault(cds, way, fault, times, seed, (coords, right[way], stale))
            if result is not None:
                verdict, words = result
                counts[verdict] += 1
                when = "once" if times == 1 else "always"
                print(f"{name:30} {way:8} {when:7} {verdict:8} {words[:110]}", flush=True)
            if counts.total() == n_faults:
                return total(counts)
    return None


def loopback(tables, **options):
    """
    Make services that are impatient.
    """
    from claxboi.references.tests.loopback import LoopbackCDS

    return LoopbackCDS(tables, timeout=0.5, retries=2, max_megabytes=5.0, **options)


def one_fault(cds, way, fault, times, seed, known):
    """
    Inject one fault; None where the service has no such column.
    """
    coords, right, stale = known
    rng = np.random.default_rng(seed)
    state = {"left": times, "is_done": False}

    def alter(request, content):
        # The first request asks for the names of columns.
        is_asked = request.n_positions > 1 or way == "whole"
        if request.kind not in ("match", "whole") or not is_asked or not state["left"]:
            return content
        if fault is None and way != "whole":
            new = stale[request.service, request.kind]
        elif fault is not None and b"<TD>" in content:
            answer = Answer(content)
            try:
                fault(answer, rng)
            except LookupError:
                return content
            new = answer.content()
        else:
            return content
        state["left"] -= 1
        state["is_done"] = new != content
        return new

    if isinstance(fault, str):
        first = [] if way == "whole" else [""]
        cds.fail(*first, *[fault] * min(times, 8))
        state["is_done"] = True
    else:
        cds.alter = alter
    result = outcome(way, coords, right)
    if not state["is_done"]:
        return None
    cds.alter = None
    cds.faults.clear()
    verdict, words = outcome(way, coords, right)
    return result if verdict == "right" else ("silent", f"kept: {verdict} {words}")


def total(counts):
    """
    Print the numbers of all outcomes.
    """
    print(f"{counts.total()}: " + ", ".join(f"{n} {name}" for name, n in counts.most_common()))


if __name__ == "__main__":
    kinds = {"services": services}
    kinds[sys.argv[1]](*map(int, sys.argv[2:]))
