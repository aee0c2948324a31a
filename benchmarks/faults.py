# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Silent faults of services, changes between runs, and jobs that are killed between two files.

    python benchmarks/faults.py services [number of faults]
    python benchmarks/faults.py changes [number of changes [first one]]
    python benchmarks/faults.py kills [number of kills [first one]]

An answer is right (it was asked again, or the fault did no harm), refused (an error), warned of, or
silent: wrong without a word. An answer that was kept although it is wrong is silent, too.
"""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn, Table

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


# Changes between runs


def edit(name, change):
    """
    Make a change of a file of the job: a function of its table.
    """

    def apply(folder, job):
        from claxboi.io import read_table, write_table

        (path,) = folder.rglob(f"{name}.fits")
        table = read_table(path)
        write_table(change(table) or table, path, overwrite=True)
        return job

    return apply


def add(column, value, row=3):
    """
    Make a change of one value of a table.
    """

    def change(table):
        table[column][row] += value

    return change


def remove_row(table):
    """
    Leave out a row.
    """
    return table[1:]


def turn(table):
    """
    Turn the order of the rows.
    """
    return table[::-1]


def mask(column):
    """
    Make a change that masks one value.
    """

    def change(table):
        table[column] = np.ma.MaskedArray(table[column], mask=np.arange(len(table)) == 3)

    return change


def scale(column, factor, unit):
    """
    Make a change of the unit of a column: the same values, or others.
    """

    def change(table):
        table[column] = np.asarray(table[column], float) * factor
        table[column].unit = unit

    return change


def settings(section, **values):
    """
    Make a change of settings.
    """
    return lambda _, job: {**job, "changes": {section: values}}


def top(**values):
    """
    Make a change of the arguments of the job.
    """
    return lambda _, job: {**job, **values}


PRIORS = {"AGN": 0.5, "star": 0.4, "XRB": 0.06, "CV": 0.04}
CHANGES = {
    "optical radius": lambda _, job: with_domain(job, radius=9.0),
    "optical cutoff": lambda _, job: with_domain(job, cutoff=0.9),
    "optical rule": lambda _, job: with_domain(job, rule="best"),
    "no infrared": lambda _, job: {**job, "changes": {"counterparts": {"ir": {"surveys": []}}}},
    "hosts.radius": settings("hosts", radius=1.0),
    "hosts.max_distance": settings("hosts", max_distance=20.0),
    "properties.constants": settings("properties", constants="original"),
    "properties.distances": settings("properties", distances=""),
    "variability.missions": settings("variability", missions=["2SXPS"]),
    "labels.radius": settings("labels", radius=1.5),
    "labels.n_sigma": settings("labels", n_sigma=2.0),
    "labels.host_radius": settings("labels", host_radius=1.0),
    "labels.min_extent": settings("labels", min_extent=20.0),
    "labels.min_quality": settings("labels", min_quality=1),
    "labels.min_snr": settings("labels", min_snr=8.0),
    "labels.simbad_disagrees": settings("labels", simbad_disagrees=False),
    "labels.scheme": settings("labels", scheme="7 classes"),
    "labels.references": settings("labels", references=["milliquas", "ascc"]),
    "gating.suspect": settings("gating", suspect=True),
    "gating.extended": settings("gating", extended=False),
    "priors": settings("classification", priors=PRIORS),
    "weights": settings("classification", weights="published"),
    "recipe": settings("classification", recipe="published"),
    "missing": settings("classification", missing="existence"),
    "kernel": settings("classification", kernel="gaussian"),
    "bandwidth": settings("classification", bandwidth="silverman"),
    "min_class_size": settings("classification", min_class_size=8),
    "candidates": settings("classification", candidates="all"),
    "properties": settings("classification", properties="known"),
    "skip": top(skip=["variability", "hosts"]),
    "mission not named": top(mission=None),
    "a flux": edit("xray", add("SC_EP_8_FLUX", 1e-15)),
    "a position": edit("xray", add("SC_RA", 1e-5)),
    "a row less": edit("xray", remove_row),
    "order of rows": edit("xray", turn),
    "a missing value": edit("xray", mask("SC_EP_8_FLUX")),
    "another unit": edit("xray", scale("SC_POSERR", 1000, "mas")),
    "positional errors": edit("xray", scale("SC_POSERR", 1.5, "arcsec")),
    "a magnitude": edit("gaia", add("Gmag", 0.5)),
    "a star less": edit("gaia", remove_row),
    "order of stars": edit("gaia", turn),
    "a proper motion": edit("gaia", mask("pmra")),
    "infrared position": edit("allwise", add("ra", 1e-4)),
    "a galaxy": edit("hyperleda", remove_row),
    "a distance of a galaxy": edit("glade", add("distance", 1.0)),
    "distances of stars": edit("bailer_jones", add("rgeo", 100.0)),
    "a quasar less": edit("milliquas", remove_row),
    "an object of SIMBAD": edit("simbad", remove_row),
    "another mission": edit("2SXPS", remove_row),
    "settings of a file": top(settings="whole-catalogue"),
}


def with_domain(job, **values):
    """
    Change settings of the optical counterparts.
    """
    return {**job, "changes": {"counterparts": {"opt": values}}}


def do_job(folder, output, job):
    """
    Run a job; return its table, or its error.
    """
    from claxboi.pipeline import PipelineSettings, find_references, run

    own = PipelineSettings.named(job["settings"]).updated(FAST).updated(job["changes"])
    files = [find_references(folder / "sky" / part) for part in ("references", "others")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return run(
                folder / "sky/xray.fits",
                output,
                settings=own,
                mission=job["mission"],
                references=files[0] | files[1],
                skip=job["skip"],
                overwrite=True,
                show_progress=False,
            )
        except Exception as err:  # noqa: BLE001  compared
            return f"{type(err).__name__}: {err}".replace(str(output.parent), "")


#: Few catalogues of labels, to save time.
FAST = {"labels": {"references": ["milliquas", "ascc", "simbad", "ritter_kolb_cv"]}}
JOB = {"settings": "four-classes", "changes": {}, "mission": "4XMM", "skip": None}


def make_inputs(folder, n=400):
    """
    Write a small mock sky.
    """
    from claxboi.simulation import make_mock_sky

    make_mock_sky(n, rng=3).write(folder)


def difference(found, right):
    """
    Describe how two results differ; empty where they do not.
    """
    if isinstance(found, str) or isinstance(right, str):
        return "" if found == right else f"{found} instead of {right}"[:300]
    one, other = found.table, right.table
    if one.colnames != other.colnames or len(one) != len(other):
        return f"{len(one)} rows, columns {set(one.colnames) ^ set(other.colnames)}"
    names = []
    for name in one.colnames:
        a, b = MaskedColumn(one[name]), MaskedColumn(other[name])
        is_equal = np.array_equal(a.mask, b.mask) and a.unit == b.unit
        values = a[~a.mask].tolist(), b[~b.mask].tolist()
        if not is_equal or repr(values[0]) != repr(values[1]):
            names.append(name)
    return ", ".join(names)


def other_files(folder, fresh):
    """
    List lines of the model and the settings that are not those of a fresh job.
    """
    lines = []
    for suffix in (".model.ecsv", ".toml"):
        paths = [one / f"out.fits{suffix}" for one in (folder, fresh)]
        texts = [path.read_text().splitlines() if path.exists() else [] for path in paths]
        pairs = itertools.zip_longest(*texts)
        lines += [f"{suffix}: {one} / {other}" for one, other in pairs if one != other]
    # Dates differ, and with them the checksum.
    return "; ".join(line for line in lines if not re.search(r"sha256|\d+-\d+T\d+:", line))


def changes(n=50, start=0):
    """
    Change something after a job, run it again over its files, and compare with a fresh job.
    """
    counts = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder / "sky")
        (folder / "base").mkdir()
        do_job(folder, folder / "base/out.fits", JOB)
        shutil.copytree(folder / "sky", folder / "kept")
        for change in list(CHANGES)[start : start + n]:
            shutil.copytree(folder / "base", folder / "again")
            (folder / "fresh").mkdir()
            job = CHANGES[change](folder / "sky", JOB)
            found = do_job(folder, folder / "again/out.fits", job)
            right = do_job(folder, folder / "fresh/out.fits", job)
            log = (folder / "again/out.fits.log").read_text()
            words = re.findall("resuming after step (.*)|(up to date)", log) or [("nothing", "")]
            kept = "".join(words[-1])
            wrong = difference(found, right)
            if not isinstance(found, str):
                wrong = wrong or other_files(folder / "again", folder / "fresh")
            refused = "refused" if isinstance(found, str) else "right"
            verdict = "silent" if wrong else refused
            counts[verdict] += 1
            more = wrong or (found if isinstance(found, str) else "")
            print(f"{change:24} kept {kept:20} {verdict:8} {more[:160]}", flush=True)
            for made in ("again", "fresh", "sky"):
                shutil.rmtree(folder / made)
            shutil.copytree(folder / "kept", folder / "sky")
    total(counts)


# Jobs that are killed


def killed(folder, output, job, n_files, is_done):
    """
    Run a job in a child that ends before or after the n-th file takes its place.
    """
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    replace, count = os.replace, itertools.count(1)

    def replace_or_end(*args):
        is_last = next(count) == n_files
        if is_last and not is_done:
            os._exit(9)
        replace(*args)
        if is_last:
            os._exit(9)

    os.replace = replace_or_end
    do_job(folder, output, job)
    os._exit(0)
    return None


def belong_together(output):
    """
    Judge the files that a killed job left: together, said, or silent.
    """
    from claxboi.classification import model_fingerprint
    from claxboi.io import read_table

    run = [sys.executable, "-m", "claxboi", "explain", str(output), "0"]
    said = subprocess.run(run, capture_output=True, text=True, check=False)
    table = read_table(output)
    is_same = table.meta["claxboi"]["pipeline"]["model"] == model_fingerprint(
        f"{output}.model.ecsv"
    )
    if is_same and said.returncode == 0:
        return "together"
    return "said" if said.returncode == 2 else "silent"


def kills(n=30, start=0):
    """
    Kill a job with other settings between two files, look, and run it again.
    """
    counts = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder / "sky")
        for part in ("base", "fresh"):
            (folder / part).mkdir()
        job = with_domain(JOB, cutoff=0.9)
        do_job(folder, folder / "base/out.fits", JOB)
        right = do_job(folder, folder / "fresh/out.fits", job)
        for n_files, is_done in ((1 + k // 2, bool(k % 2)) for k in range(start, start + n)):
            shutil.copytree(folder / "base", folder / "again")
            output = folder / "again/out.fits"
            code = killed(folder, output, job, n_files, is_done)
            after = belong_together(output)
            found = do_job(folder, output, job)
            wrong = difference(found, right)
            left = [path.name for path in (folder / "again").rglob(".*")]
            wrong = wrong or other_files(folder / "again", folder / "fresh")
            verdict = "silent" if wrong or left or after == "silent" else f"{after}, then right"
            counts[verdict if code else "not killed"] += 1
            when = "after" if is_done else "before"
            print(f"{when} file {n_files}: {after}; then {wrong or 'right'} {left}", flush=True)
            shutil.rmtree(folder / "again")
    total(counts)


if __name__ == "__main__":
    kinds = {"services": services, "changes": changes, "kills": kills}
    kinds[sys.argv[1]](*map(int, sys.argv[2:]))
