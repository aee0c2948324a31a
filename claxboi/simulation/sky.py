# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Simulated sky: X-ray catalogues, reference catalogues, and the truth.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn, Table

from claxboi.config import HOST_RADIUS
from claxboi.counterparts import find_hosts
from claxboi.io import read_table, write_table
from claxboi.utils import ClaxboiWarning, check_count, checked, quantity_value, record

from ._mock_catalogues import galaxy_tables, label_tables
from ._mock_fields import move, tile
from ._mock_missions import observe_chandra, observe_swift
from ._mock_records import class_names, put, sky_records
from ._mock_surveys import make_surveys, motions
from ._populations import agn_per_field, draw_class
from ._xmm import FLUX, RESOLUTION, julian_year, observe_xmm, resolved

if TYPE_CHECKING:
    from os import PathLike

    from astropy.units import Quantity
    from numpy.random import Generator

__all__ = ["MockSky", "make_mock_sky"]

_FEWEST_SOURCES = 100
#: Number of pointings for an estimate of the AGN per pointing.
_PILOT_FIELDS = 1000
#: Factor by which more sources than needed are drawn.
_SPARE = 1.2


@dataclass(frozen=True)
class MockSky:
    """
    A simulated sky, as `make_mock_sky` draws it.

    Examples
    --------
    >>> from claxboi.simulation import MockSky, make_mock_sky
    >>> sky = make_mock_sky(200, rng=1)
    >>> len(sky.xray), len(sky.truth), sorted(sky.others)
    (200, 200, ['2SXPS', 'CSC2'])
    >>> sky.write("mock")
    >>> len(MockSky.read("mock").references) == len(sky.references)
    True
    """

    xray: Table
    """X-ray sources, under the names of 4XMM's FITS file."""

    others: dict = field(default_factory=dict)
    """Other missions' X-ray sources, under the names of their files: "2SXPS" and "CSC2"."""

    references: dict = field(default_factory=dict)
    """What the X-ray sources are compared with: short name -> table under canonical names."""

    truth: Table = None
    """What the X-ray sources are: one row for each, in the order of ``xray``."""

    def __repr__(self):
        return (
            f"<MockSky: {len(self.xray)} X-ray sources; {', '.join(self.others)}; "
            f"{len(self.references)} references>"
        )

    @checked
    def write(self, folder: str | PathLike[str], *, overwrite: bool = False) -> None:
        """
        Write all tables as FITS files.

        Parameters
        ----------
        folder : str or path
            The folder, which is created if necessary. The files are ``xray.fits``, ``truth.fits``,
            ``others/<mission>.fits`` and ``references/<name>.fits``.
        overwrite : bool, optional
            Replace existing files.

        Raises
        ------
        OSError
            If a file exists, or cannot be written.
        """
        folder = Path(folder)
        for name in ("others", "references"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for path, table in self._files().items():
            write_table(table, folder / path, overwrite=overwrite)

    def _files(self):
        files = {"xray.fits": self.xray, "truth.fits": self.truth}
        for kind in ("others", "references"):
            tables = getattr(self, kind)
            files.update({f"{kind}/{name}.fits": table for name, table in tables.items()})
        return files

    @classmethod
    def read(cls, folder: str | PathLike[str]) -> MockSky:
        """
        Read a sky that `write` wrote.

        Parameters
        ----------
        folder : str or path
            The folder.

        Returns
        -------
        sky : `MockSky`

        Raises
        ------
        FileNotFoundError
            If there is no mock sky.
        """
        folder = Path(folder)
        others, references = (
            {path.stem: read_table(path) for path in sorted((folder / name).glob("*.fits"))}
            for name in ("others", "references")
        )
        xray, truth = (read_table(folder / name) for name in ("xray.fits", "truth.fits"))
        return cls(xray, others, references, truth)


@checked
def make_mock_sky(
    n_sources: int = 4000,
    *,
    rng: int | Generator | None = None,
    field_radius: Quantity = 20 * u.arcsec,
) -> MockSky:
    """
    Simulate a sky with X-ray, optical and infrared catalogues.

    **Everything is simulated**, with realistic distributions: pointings of an XMM-like telescope at
    all latitudes, some on nearby galaxies and the Galactic plane; populations with published number
    counts where available; spectra, and counts drawn from them; counterparts with magnitudes,
    colours, motions and distances in Gaia and AllWISE, among field objects at the density of their
    latitude; host galaxies; catalogues of known objects with some of the sources; and Swift and
    Chandra observations at other times.

    Parameters
    ----------
    n_sources : int, optional
        Number of X-ray sources, at least 100; typically from 1,000 to 1,000,000.
    rng : int, `~numpy.random.Generator` or None, optional
        Seed of the random numbers.
    field_radius : `~astropy.units.Quantity` ['angle'], optional
        Radius around each X-ray source in which there are unrelated objects. There are none
        elsewhere, as in the response of a service to a query with this radius.

    Returns
    -------
    sky : `MockSky`
        Its ``truth`` has: ``source_id`` (the IAUNAME of ``xray``), ``true_class`` (one of the seven
        published classes, or "spurious"), ``is_spurious``, ``true_ra, true_dec`` (deg, when the
        X-ray source was observed), ``true_flux`` (0.2-12 keV), ``gaia_id``, ``allwise_id`` (masked
        where the counterpart is not in the survey), ``host_id`` (PGC, masked: no member or nucleus
        or object behind a nearby galaxy), ``2SXPS_id``, ``CSC2_id`` (masked: not detected), and
        ``catalogues``: those that list it as what it is, separated by commas (masked: none).

    Raises
    ------
    TypeError, ValueError
        If a parameter is invalid.

    See Also
    --------
    make_labelled_sample : A table of properties, without the catalogues they come from.

    Notes
    -----
    The parameters are in ``claxboi/simulation/data``, each with its source or a note that it is
    invented or unconfirmed. The proportions of classes among real sources are the published priors
    (Tranin et al. 2022). The number of fields follows from the number counts of AGN (Lehmer et al.
    2012). The detection probability of a source grows with its expected counts.

    References
    ----------
    Lehmer et al. 2012, ApJ 752, 46; Tranin et al. 2022, A&A 657, A138.

    Examples
    --------
    >>> from claxboi.simulation import make_mock_sky
    >>> sky = make_mock_sky(500, rng=1)
    >>> print(sky.xray.colnames[:5])
    ['SRCID', 'IAUNAME', 'SC_RA', 'SC_DEC', 'SC_POSERR']
    >>> print(sorted(sky.others))
    ['2SXPS', 'CSC2']
    """
    n_sources = check_count(n_sources, "n_sources", minimum=_FEWEST_SOURCES)
    radius_arcsec = quantity_value(field_radius, u.arcsec, "field_radius", minimum=0)
    seed = int(rng) if isinstance(rng, (int, np.integer)) else None
    rng = np.random.default_rng(rng)

    counts = _apportion(n_sources)
    pilot, _ = tile(rng, _PILOT_FIELDS)
    fields, galaxies = tile(rng, counts["AGN"] / agn_per_field(rng, pilot))
    sources = _draw_sources(rng, counts, fields, galaxies)
    # The galaxies of this sky end at about the Holmberg radius.
    _find_hosts(sources, galaxies, 1.26)
    sources["pmra"], sources["pmdec"] = motions(rng, sources["distance"], sources["velocity"])
    seen = _at_observation(sources, fields)
    xray = observe_xmm(rng, seen, fields)
    surveys, rows = make_surveys(
        rng, sources, np.asarray(xray["SC_RA"]), np.asarray(xray["SC_DEC"]), fields, radius_arcsec
    )
    galaxy_references, pgc = galaxy_tables(rng, galaxies)
    labels, listed = label_tables(rng, sources, surveys, rows)
    swift, swift_rows = observe_swift(rng, seen, fields)
    chandra, chandra_rows = observe_chandra(rng, seen, fields)
    # What is drawn for an AGN does not depend on where labels take it to be in a galaxy.
    _find_hosts(sources, galaxies, HOST_RADIUS)
    truth = _truth(xray, seen)
    for name in ("gaia", "allwise"):
        truth[f"{name}_id"] = _ids(surveys[name]["id"], rows[name])
    truth["host_id"] = _ids(pgc, sources["host"])
    for name, ids, found in (
        ("2SXPS_id", swift["IAUName"], swift_rows),
        ("CSC2_id", chandra["name"], chandra_rows),
    ):
        place = np.full(n_sources, -1)
        place[found] = np.arange(len(found))
        truth[name] = _ids(ids, place)
    truth["catalogues"] = _join(listed, n_sources)
    truth.meta = record({}, "simulation", n_sources=n_sources, rng=seed)
    xray.meta.update(truth.meta)
    return MockSky(
        xray,
        {"2SXPS": swift, "CSC2": chandra},
        {**surveys, **galaxy_references, **labels},
        truth,
    )


def _apportion(n_sources):
    """Return the number of sources of each class, with the given total."""
    share = np.array([record["share"] for record in sky_records()["classes"].values()])
    names = class_names()
    share[names.index("spurious") != np.arange(len(names))] *= 1 - share[names.index("spurious")]
    exact = share / share.sum() * n_sources
    counts = np.floor(exact).astype(int)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: n_sources - counts.sum()]] += 1
    return dict(zip(names, counts.tolist(), strict=True))


def _draw_sources(rng, counts, fields, galaxies):
    parts = []
    for number, (name, n) in enumerate(counts.items()):
        record = sky_records()["classes"][name]
        # Some are not resolved.
        part = draw_class(rng, name, round(_SPARE * n) + 5, fields, galaxies)
        size = len(part["flux"])
        part["class"] = np.full(size, number)
        part["is_thermal"] = np.full(size, record["spectrum"]["kind"] == "thermal")
        part["velocity"] = np.full(size, record.get("velocity", 0.0))
        part["log_variability"] = rng.normal(*record["variability"], size)
        part["is_extended"] = np.full(size, name == "extended")
        part["is_spurious"] = np.full(size, name == "spurious")
        parts.append(part)
    sources = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    order = rng.permutation(len(sources["flux"]))
    order = order[resolved(*(sources[key][order] for key in ("ra", "dec", "flux")), RESOLUTION)]
    kept = _choose(sources["class"][order], list(counts.values()))
    return {key: values[order[kept]] for key, values in sources.items()}


def _choose(classes, counts):
    """Select sources of each class; AGN replace those of a class with too few."""
    taken, spare, missing = [], np.empty(0, int), 0
    for number, n in enumerate(counts):
        rows = np.flatnonzero(classes == number)
        taken.append(rows[:n])
        missing += max(n - len(rows), 0)
        if number == 0:
            spare = rows[n:]
    return np.sort(np.concatenate([*taken, spare[:missing]]))


def _find_hosts(sources, galaxies, factor):
    """Relabel AGN behind a galaxy as AGN_2, as the labels do, in place."""
    names = class_names()
    agn = np.flatnonzero(sources["class"] == names.index("AGN"))
    ellipses = Table(
        {
            "galaxy_id": np.arange(len(galaxies.ra)),
            "ra": galaxies.ra,
            "dec": galaxies.dec,
            "r25_major": 60 * galaxies.major_arcmin,
            "r25_ratio": galaxies.ratio,
            "r25_angle": galaxies.angle_deg,
        }
    )
    with warnings.catch_warnings():
        # There may be none in a galaxy.
        warnings.simplefilter("ignore", ClaxboiWarning)
        xray = Table({"ra": sources["ra"][agn], "dec": sources["dec"][agn]})
        hosts = find_hosts(xray, ellipses, factor=factor)
    behind, first = np.unique(np.asarray(hosts["primary"]), return_index=True)
    sources["class"][agn[behind]] = names.index("AGN_2")
    sources["host"][agn[behind]] = np.asarray(hosts["secondary"])[first]


def _at_observation(sources, fields):
    """Move the sources to their positions at the X-ray observation."""
    row = sources["field"]
    middle = julian_year((fields.mjd_first[row] + fields.mjd_last[row]) / 2)
    years = middle - sky_records()["gaia"]["epoch"]
    ra, dec = move(
        sources["ra"],
        sources["dec"],
        sources["pmra"] * years / 1000,
        sources["pmdec"] * years / 1000,
    )
    return {**sources, "ra": ra, "dec": dec}


def _truth(xray, seen):
    """Return class, position at the observation, and flux of each source."""
    truth = Table()
    truth["source_id"] = xray["IAUNAME"]
    truth["true_class"] = np.array(class_names())[seen["class"]]
    truth["is_spurious"] = seen["is_spurious"]
    put(truth, "true_ra", seen["ra"], "deg")
    put(truth, "true_dec", seen["dec"], "deg")
    put(truth, "true_flux", seen["flux"], FLUX)
    return truth


def _ids(ids, rows):
    """Select identifiers by row, masked where there is no row."""
    ids, missing = np.asarray(ids), rows < 0
    if not len(ids):
        return MaskedColumn(np.zeros(len(rows), ids.dtype), mask=True)
    return MaskedColumn(np.where(missing, np.zeros(1, ids.dtype), ids[rows]), mask=missing)


def _join(listed, n_sources):
    """List the catalogues of each source as text, masked where there is none."""
    words = np.full(n_sources, "", dtype=object)
    for name, is_listed in listed.items():
        words[is_listed] += f",{name}"
    words = np.array([word[1:] for word in words], dtype=str)
    return MaskedColumn(words, mask=words == "")
